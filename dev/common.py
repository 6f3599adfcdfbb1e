"""What the developers' commands share: paths, processes that end with us, an Odoo of our own."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".odoo"
PYTHON = HOME / "venv" / "bin" / "python"
NODE = HOME / "node"


class CommandError(Exception):
    """A command cannot go on; the text says why and what to do, in one line."""


def command(main):
    """Run `main` as a script: readable errors, and `finally` blocks that run on Ctrl-C, SIGTERM and SIGHUP alike."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number, _frame):
        # make passes on what its whole group has got already: once is enough, cleaning up must not be interrupted.
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    for number in signals:
        signal.signal(number, end)
    try:
        sys.exit(main())
    except CommandError as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


# --- processes --- #


def spawn(arguments, end_signal=signal.SIGTERM, **options):
    """Start a process in a session of its own, so that Ctrl-C is ours to handle, that cannot outlive this one."""
    return subprocess.Popen(
        list(map(str, arguments)),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent(end_signal),  # noqa: PLW1509 - commands start processes before any thread
        **options,
    )


def _end_with_parent(number):
    """Return a function that asks Linux to send us signal `number` when our parent dies, even by SIGKILL."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else lambda *_args: None
    set_parent_death_signal = 1
    return lambda: prctl(set_parent_death_signal, number)


def stop(process, number=signal.SIGTERM, patience=15):
    """End a process of ours, gently first, and what it may have left in its session."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running(arguments, end_signal=signal.SIGTERM, **options):
    """Run a process for as long as the block takes."""
    process = spawn(arguments, end_signal, **options)
    try:
        yield process
    finally:
        stop(process, end_signal)


def call(arguments, **options):
    """Run a process to its end and return its exit code."""
    with running(arguments, signal.SIGINT, **options) as process:
        return process.wait()


def free_port():
    """Return a TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_taken(port):
    """Tell whether somebody listens on a TCP port of this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


# --- Odoo --- #


def write_odoo_config(server, database, port, name=None, **options):
    """Write the configuration of an Odoo on `port` that serves one database of `server`; return its path.

    The file is called as the database is, unless it has a `name` of its own.
    """
    values = {
        "addons_path": f"{HOME / 'addons'},{core_addons()}",
        "data_dir": server.data_dir,
        "db_name": database,
        "http_interface": "127.0.0.1",
        "http_port": port,
        **options,
    }
    server.data_dir.mkdir(parents=True, exist_ok=True)
    path = server.data_dir / f"{name or database}.conf"
    path.write_text("[options]\n" + "".join(f"{name} = {value}\n" for name, value in values.items()))
    return path


def odoo_command(config, *arguments):
    """Return the command line that runs Odoo."""
    return [PYTHON, "-m", "odoo", "--config", config, *arguments]


def run_odoo(server, config, *arguments):
    """Run Odoo to its end on a database of `server`; return its exit code and the lines of its log."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": HOME}
    environment = {**os.environ, **server.environment}
    with running(
        odoo_command(config, "--stop-after-init", "--no-http", *arguments), env=environment, **options
    ) as odoo:
        log = list(odoo.stdout)
        return odoo.wait(), log


def run_shell(server, config, script):
    """Run Python in Odoo's shell on a database of `server`, and commit; fail if the script does."""
    done = subprocess.run(
        [PYTHON, "-m", "odoo", "shell", "--config", config, "--no-http"],
        input=f"{script}\nenv.cr.commit()\nprint('done')\n",
        env={**os.environ, **server.environment},
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "done" in done.stdout.splitlines(), done.stderr[-3000:]


def odoo_version():
    """Return the version of the Odoo that the bootstrap brought."""
    return _ask_odoo("import odoo.release; print(odoo.release.version)")


def core_addons():
    """Return the folder of Odoo's own addons: it is beside the package, in a git clone as in Debian's package."""
    return _ask_odoo("import odoo.release; print(odoo.release.__file__)").removesuffix("odoo/release.py") + "addons"


def _ask_odoo(query):
    return subprocess.check_output([PYTHON, "-c", query], text=True, cwd=HOME).strip()
