"""Pack what people install into `dist/`: a wheel `odoo-addon-zadarma`, and a zip that holds the folder `zadarma`.

    .odoo/venv/bin/python dev/release/package.py [FOLDER]

It is the build backend that pyproject.toml names too, so `pip wheel .` makes the same wheel. whool does the work, on a
copy of the addon: of a checkout it would take the folder's name, which may be any, and all the files, whereas the root
of this one is the addon and holds what only developers need too.
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

from whool import buildapi as whool

ADDON = "zadarma"
ROOT = Path(__file__).resolve().parents[2]
# What is for developers: these, and what begins with a dot. The tests need packages that only developers have.
TOOLS = {"CONTRIBUTING.md", "Makefile", "build", "compose.yaml", "dev", "dist", "pyproject.toml", "tests"}
# What whool finds in the copy: how to build it, and that it is a finished source, with this name and version.
PYPROJECT = '[build-system]\nrequires = ["whool"]\nbuild-backend = "whool.buildapi"\n'
PKG_INFO = "Metadata-Version: 2.1\nName: odoo-addon-{name}\nVersion: {version}\n"


# --- build backend --- #


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Build the wheel; return its name."""
    with _copy():
        return whool.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """Build an archive of the addon, from which whool alone builds the same wheel; return its name."""
    with _copy():
        return whool.build_sdist(Path(sdist_directory), config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """Write what the wheel says of itself; return the name of the folder."""
    with _copy():
        return whool.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


@contextmanager
def _copy():
    """Work in a copy of the addon."""
    before, version = Path.cwd(), ast.literal_eval((ROOT / "__manifest__.py").read_text())["version"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "source"
        for path in _addon_files():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, copy / path)
        (copy / "pyproject.toml").write_text(PYPROJECT)
        (copy / "PKG-INFO").write_text(PKG_INFO.format(name=ADDON, version=version))
        os.chdir(copy)
        try:
            yield
        finally:
            os.chdir(before)


def _addon_files():
    """Return the files that belong to the addon, relative to the root."""
    files = [path for path in map(Path, _tracked_files() or _all_files()) if (ROOT / path).is_file()]
    return [path for path in files if path.parts[0] not in TOOLS and not path.parts[0].startswith(".")]


def _tracked_files():
    """Return the files that git knows; none where there is no git or the files came another way."""
    try:
        names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, stderr=subprocess.DEVNULL, text=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return names.split("\0")[:-1]


def _all_files():
    return [path.relative_to(ROOT) for path in ROOT.rglob("*") if "__pycache__" not in path.parts]


# --- command --- #


def main(folder):
    """Build both into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / build_wheel(folder.resolve())
    for path in (wheel, make_zip(wheel)):
        print(path)


def make_zip(wheel):
    """Lay the addon that is in a wheel into a zip beside it, as one puts it into a folder of addons."""
    version = wheel.name.split("-")[1]
    path = wheel.with_name(f"{ADDON}-{version}.zip")
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            if entry.filename.startswith("odoo/"):
                content = source.read(entry)
                entry.filename = entry.filename.removeprefix("odoo/addons/")
                target.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


if __name__ == "__main__":
    main(Path(*sys.argv[1:] or ["dist"]))
