"""Bring what developers need into `.odoo/`: Odoo 19, its Python packages, PostgreSQL, nginx and a browser.

Needs nothing but Python 3.10 to 3.13. A step that is done leaves a stamp that names its pins, so a second run takes a
moment, a changed pin does its step again, and so does an interrupted one.

`ODOO_PATH` names a folder that holds the `odoo` package (a git clone, say), to use that instead of bringing one.
"""

import argparse
import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".odoo"
VENV = HOME / "venv"
REQUIREMENTS = ROOT / "dev" / "requirements.txt"

PYTHONS = ((3, 10), (3, 13))
# Odoo itself is in unstable alone. The files it borrows come from a release, where their versions stay the ones that
# Odoo's links mean: unstable's Font Awesome, for one, no longer has the file names of version 4.
ODOO_SUITE, COMPANION_SUITE = "unstable", "trixie"
ODOO_PACKAGE = "odoo-19"
COMPANIONS = (
    "fonts-font-awesome",
    "fonts-glyphicons-halflings",
    "fonts-inconsolata",
    "fonts-montserrat",
    "fonts-ocr-b",
    "fonts-roboto-unhinted",
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
)
# Libraries that Python packages expect of the system, and what brings them.
LIBRARIES = {"libatomic.so.1": "libatomic1", "libmagic.so.1": "libmagic1"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class BootstrapError(Exception):
    """Something a person has to do, in one line."""


def main():
    """Do every step that is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", action="store_true", help="the JavaScript packages, npm or not")
    options = parser.parse_args()
    check_python()
    HOME.mkdir(exist_ok=True)
    # Two people (or two terminals) may start at once: the second waits, then finds everything done.
    with open(HOME / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_system_packages(options.node)
        odoo = find_odoo()
        fetch_nginx()
        step("Python packages", python_key(), make_venv)
        step("Odoo in the venv", f"{odoo} {python_key()}", lambda: link_odoo(odoo))
        # Without them a demo shows languages that are written from right to left with styles that are not mirrored.
        if options.node or shutil.which("npm"):
            step("JavaScript packages", digest(*sorted((ROOT / "dev" / "node").glob("*.*"))), make_node)


def check_python():
    """Refuse a Python that Odoo 19 does not run on."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise BootstrapError(
            f"This is Python {sys.version.split()[0]}, Odoo 19 needs 3.10 to 3.13: make PYTHON=python3.11 …"
        )


# --- steps --- #


def step(title, key, action):
    """Run `action` unless its stamp says that it was done with the same `key`."""
    stamp = HOME / "stamps" / title.lower().replace(" ", "-")
    if stamp.is_file() and stamp.read_text() == key:
        return
    stamp.parent.mkdir(exist_ok=True)
    stamp.unlink(missing_ok=True)
    started = time.monotonic()
    print(f"{title} …", flush=True)
    action()
    stamp.write_text(key)
    print(f"{title}: ready after {time.monotonic() - started:.0f} s", flush=True)


def digest(*files):
    """One hash for the content of `files`."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def run(command, **options):
    """Run `command`; on a terminal show its last line as it goes, and all of it if it fails."""
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **options
    ) as process:
        for line in process.stdout:
            lines.append(line)
            if sys.stdout.isatty():
                width = shutil.get_terminal_size().columns - 5
                print(f"\r\033[K    {line.strip()[:width]}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    if process.returncode:
        raise BootstrapError(f"{' '.join(map(str, command))} failed:\n{''.join(lines[-30:])}")
    return "".join(lines)


# --- the machine --- #


def install_system_packages(node):
    """Bring the programs that no Python package holds: through apt as root, otherwise say which are missing."""
    missing = list(missing_system_packages(node))
    if not missing:
        return
    install = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    if not shutil.which("apt-get") or os.geteuid():
        raise BootstrapError(f"Missing: {', '.join(missing)}. On Debian: sudo {install}")
    print(f"Installing {', '.join(missing)} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update"], env=environment)
    run(install.split(), env=environment)


def missing_system_packages(node):
    """Yield the Debian name of each program that is not there."""
    if not any(map(shutil.which, ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable"))):
        yield "chromium"
    if not any(Path("/usr/share/fonts").rglob("*.ttf")):
        yield "fonts-liberation"
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian leaves it out of python3
    except ImportError:
        yield f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    yield from (package for library, package in LIBRARIES.items() if not loads(library))
    if not shutil.which("git"):
        yield "git"
    if node and not shutil.which("npm"):
        yield "npm"


def loads(library):
    """Tell whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


# --- Odoo --- #


def find_odoo():
    """Return the folder that holds the `odoo` package, bringing it if nobody named one."""
    named = os.environ.get("ODOO_PATH")
    if named:
        folder = Path(named).expanduser().resolve()
        if not (folder / "odoo" / "release.py").is_file():
            raise BootstrapError(f"ODOO_PATH={named} holds no odoo package (no {folder}/odoo/release.py)")
        return folder
    step("Odoo", " ".join((ODOO_SUITE, ODOO_PACKAGE, COMPANION_SUITE, *COMPANIONS)), fetch_odoo)
    return HOME / "debian" / "usr" / "lib" / "python3" / "dist-packages"


def fetch_odoo():
    """Unpack Debian's Odoo and the files that it links to, without installing anything on the machine."""
    if not shutil.which("apt-get"):
        raise BootstrapError("No apt-get here to bring Odoo with: ODOO_PATH=<folder with the odoo package> make …")
    apt, target, unpacked = HOME / "apt", HOME / "debian", HOME / "debian.new"
    for folder in (apt, unpacked):
        shutil.rmtree(folder, ignore_errors=True)
    environment = private_apt(apt)
    run(["apt-get", "update"], env=environment)
    companions = [f"{name}/{COMPANION_SUITE}" for name in COMPANIONS]
    run(["apt-get", "download", ODOO_PACKAGE, *companions], env=environment, cwd=apt)
    for package in sorted(apt.glob("*.deb")):
        run(["dpkg", "-x", package, unpacked])
    # Debian leaves this one out, and every page of Odoo that loads the web client's tests asks for it.
    segmentation = unpacked / "usr/lib/python3/dist-packages/odoo/addons/mail/static/lib/selfie_segmentation"
    segmentation.mkdir(parents=True, exist_ok=True)
    (segmentation / "selfie_segmentation.js").touch()
    shutil.rmtree(target, ignore_errors=True)
    unpacked.rename(target)
    shutil.rmtree(apt)


def fetch_nginx():
    """Unpack the machine's own nginx, which the tests run, where none is installed: so no service is started by it."""
    if (HOME / "nginx").is_dir() or shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
        return
    if not shutil.which("apt-get"):
        raise BootstrapError("Missing: nginx")
    print("nginx …", flush=True)
    apt, unpacked = HOME / "apt", HOME / "nginx.new"
    for folder in (apt, unpacked):
        shutil.rmtree(folder, ignore_errors=True)
    environment = private_apt(apt, own_suites=False)
    run(["apt-get", "update"], env=environment)
    run(["apt-get", "download", "nginx"], env=environment, cwd=apt)
    run(["dpkg", "-x", *apt.glob("*.deb"), unpacked])
    unpacked.rename(HOME / "nginx")
    shutil.rmtree(apt)


def private_apt(folder, own_suites=True):
    """Make an apt of our own in `folder`, and return the environment that uses it.

    It reads Odoo's suites from the machine's mirror, or else what the machine itself does.
    """
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    sources = ""
    if own_suites:
        mirror = find_mirror()
        suites = (ODOO_SUITE, COMPANION_SUITE)
        lines = [f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in suites]
        (folder / "sources.list").write_text("".join(lines))
        sources = f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "-";'
    (folder / "apt.conf").write_text(f"""\
{sources}
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "root";
""")
    return {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}


def find_mirror():
    """Return the address this machine has Debian's packages from."""
    targets = run(["apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE) $(SITE)"])
    for release, _blank, site in (line.partition(" ") for line in targets.splitlines()):
        # The security archive is another one, and has no unstable.
        if not release.endswith("-security") and "/debian" in site:
            return site
    raise BootstrapError("apt knows no Debian mirror here: ODOO_PATH=<folder with the odoo package> make …")


# --- Python and JavaScript packages --- #


def python_key():
    """What the virtual environment depends on."""
    return f"{sys.version_info[0]}.{sys.version_info[1]} {digest(REQUIREMENTS)}"


def make_venv():
    """Make the virtual environment anew, with exactly the pinned packages."""
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", VENV])
    run([VENV / "bin" / "pip", "install", "--no-input", "--progress-bar", "off", "-r", REQUIREMENTS])


def link_odoo(odoo):
    """Make `import odoo` work in the virtual environment, and the checkout an addon called `zadarma`."""
    site_packages = next((VENV / "lib").glob("python3.*/site-packages"))
    (site_packages / "odoo.pth").write_text(f"{odoo}\n")
    version = run([VENV / "bin" / "python", "-c", "import odoo.release; print(odoo.release.version)"]).strip()
    if not version.startswith("19."):
        raise BootstrapError(f"{odoo} holds Odoo {version}, not 19")
    addons = HOME / "addons"
    addons.mkdir(exist_ok=True)
    link = addons / "zadarma"
    link.unlink(missing_ok=True)
    link.symlink_to("../..")


def make_node():
    """Install the pinned linters, and what mirrors styles."""
    folder = HOME / "node"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "dev" / "node", folder)
    run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)


if __name__ == "__main__":
    try:
        main()
    except BootstrapError as error:
        sys.exit(f"bootstrap: {error}")
    except KeyboardInterrupt:
        sys.exit("bootstrap: interrupted; run it again to go on")
