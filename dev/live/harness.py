"""An Odoo as people run it: two HTTP workers, a cron worker and the bus, on a PostgreSQL of its own."""

import itertools
import json
import os
import re
import shutil
import signal
import time
import urllib.request
from contextlib import contextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path

import psutil

import suite
from common import HOME, PYTHON, free_port, is_taken, spawn, stop, write_odoo_config

WORKER = re.compile(r"Worker WorkerHTTP \((\d+)\) alive")
# What Odoo and PostgreSQL say of transactions that got into each other's way.
CLASHES = ("tries left", "could not serialize", "deadlock detected")
# Of the account at the simulated Zadarma.
KEY, SECRET = "live-key", "live-secret"
_numbers = itertools.count(4930666000)


def new_number():
    """Return a telephone number that nobody else has: what one test makes of its caller must not meet another's."""
    return f"+{next(_numbers)}0"


def wait_for(condition, what, seconds=30):
    """Return what `condition` returns as soon as that is true; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.02)
    return result


class Odoo:
    """The server under test. Knows the processes it started, and ends only those."""

    def __init__(self, server, database, node=None):
        """Make the database, with the addon and without demo data.

        :param str node: the name of a further machine on a database that another one has made.
        """
        self.server, self.database = server, database
        self.name = f"{database}_{node}" if node else database
        self.port, self.bus_port = free_port(), free_port()
        self.configure()
        self.log_path = server.data_dir / f"{self.name}.log"
        self.process = None
        if not node:
            suite.install(server, database, self.config)

    def configure(self, workers=2, **options):
        """Choose how it runs from its next start on; `options` are others of Odoo's configuration file."""
        self.worker_count = workers
        options |= {"workers": workers, "max_cron_threads": 1, "gevent_port": self.bus_port, "proxy_mode": True}
        self.config = write_odoo_config(self.server, self.database, self.port, self.name, **options)

    # --- life --- #

    def start(self):
        """Start it and wait until workers and bus are there."""
        mark = self.log_size()
        with open(self.log_path, "ab") as log:
            self.process = spawn(
                [PYTHON, Path(__file__).with_name("odoo_bin.py"), "--config", self.config],
                # On a reload Odoo starts itself by the plain name of its Python.
                env={**os.environ, **self.server.environment, "PATH": f"{PYTHON.parent}:{os.environ['PATH']}"},
                stdout=log,
                stderr=log,
            )
        wait_for(lambda: self._is_up(mark), "Odoo starts", 180)

    def _is_up(self, mark):
        assert self.process.poll() is None, f"Odoo ended by itself:\n{self.log(mark)}"
        # Without workers one process does it all.
        port = self.bus_port if self.worker_count else self.port
        return len(WORKER.findall(self.log(mark))) >= self.worker_count and is_taken(port)

    def stop(self):
        """End it, as a service manager does; keep its log for people to look at."""
        stop(self.process)
        shutil.copy(self.log_path, HOME / "live.log")

    def kill(self):
        """End it and all its processes at once, as a machine does whose power fails."""
        stop(self.process, signal.SIGKILL)

    def restart(self):
        """Start it anew, with new processes for everything."""
        self.stop()
        self.start()

    def reload(self):
        """Replace all its processes without closing its door, as the signal HUP does."""
        before = {worker.pid for worker in self.workers()}
        self.process.send_signal(signal.SIGHUP)

        def has_new_workers():
            assert self.process.poll() is None, f"Odoo ended by itself:\n{self.log()[-2000:]}"
            now = {worker.pid for worker in self.workers()}
            return len(now) == self.worker_count and not now & before and is_taken(self.bus_port)

        wait_for(has_new_workers, "new workers take the place of the old ones", 60)

    def revive(self):
        """Start it again if it ended by itself, as a service manager does.

        Odoo does so where a worker has to be replaced while the database is away.
        """
        if self.process.poll() is not None:
            self.restart()

    def workers(self):
        """Return the HTTP workers that live now."""
        started = set(map(int, WORKER.findall(self.log())))
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.pid in started and child.status() != psutil.STATUS_ZOMBIE]

    def kill_worker(self, worker):
        """End a worker without a chance to clean up; Odoo starts another one."""
        with suppress(psutil.NoSuchProcess):
            worker.send_signal(signal.SIGKILL)

    def kill_bus(self):
        """End the process that serves websockets; Odoo starts another one."""
        for child in psutil.Process(self.process.pid).children():
            if "gevent" in child.cmdline():
                child.send_signal(signal.SIGKILL)

    # --- log --- #

    def log_size(self):
        """Return a mark for :meth:`log`."""
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def log(self, mark=0):
        """Return what was logged since the mark."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    @contextmanager
    def without(self, *phrases):
        """Fail if a line with one of these phrases is logged in the block; by default, one of clashes."""
        mark = self.log_size()
        yield
        found = [line for line in self.log(mark).splitlines() if any(word in line for word in phrases or CLASHES)]
        assert not found, "\n".join(found[:20])

    # --- database --- #

    def sql(self, query, *values):
        """Run one statement and return its rows."""
        with self._cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall() if cursor.description else None

    @contextmanager
    def holding(self, query, *values):
        """Keep a transaction open, with the locks of its one statement, for as long as the block takes."""
        with self._cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(query, values)
            assert cursor.rowcount, "there is something to hold"
            yield
            cursor.execute("ROLLBACK")

    @contextmanager
    def _cursor(self):
        connection = self.server.connect(self.database)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def value(self, query, *values):
        """Run one statement and return the first value of its first row."""
        rows = self.sql(query, *values)
        return rows[0][0] if rows else None

    def waiting_for_locks(self):
        """Return the client ports of the connections that wait for somebody else's lock."""
        query = "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
        return {port for (port,) in self.sql(query, self.database)}

    def store(self, form, age):
        """Put a notification into the inbox as if it had been received some time ago and not processed."""
        self.sql(
            """
            INSERT INTO zadarma_event (company_id, key, name, pbx_call_id, payload, answer, received_at, redelivered,
                                       state, attempts)
                 SELECT id, %s, %s, %s, %s, '{}', now() AT TIME ZONE 'UTC' - %s::interval, 0, 'new', 0
                   FROM res_company ORDER BY id LIMIT 1
            """,
            f"{form['event']} {form['pbx_call_id']}",
            form["event"],
            form["pbx_call_id"],
            json.dumps(form),
            age,
        )

    def sweep(self):
        """Have the cron worker run the sweeper now and not in a minute."""
        self.run_cron("ir_cron_sweep")

    def run_cron(self, name):
        """Have the cron worker run one of the addon's jobs now."""
        cron = "SELECT res_id FROM ir_model_data WHERE module = 'zadarma' AND name = %s"
        self.sql(f"UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' WHERE id = ({cron})", name)
        self.server.execute(f"NOTIFY cron_trigger, '{self.database}'")

    def wait_until_processed(self, seconds=60, sweeping=False):
        """Wait until the inbox holds nothing that is to be done."""

        def is_done():
            if sweeping:
                self.sweep()
                time.sleep(0.5)  # it takes a moment: asking more often would not help
            return not self.value("SELECT count(*) FROM zadarma_event WHERE state = 'new'")

        wait_for(is_done, "all notifications are processed", seconds)

    # --- people --- #

    def expire_session(self, session_id):
        """Forget a session, as Odoo does with old ones."""
        files = list((self.server.data_dir / "sessions" / session_id[:2]).glob(f"{session_id[:42]}*"))
        assert files, "the session was there"
        for file in files:
            file.unlink()


class Client:
    """Somebody logged in, who calls what the web client calls."""

    def __init__(self, url, database, login, password=None):
        """Log in; the password is the login unless told."""
        self._url, self.session_id = url, ""
        params = {"db": database, "login": login, "password": password or login}
        self.uid = self._ask("/web/session/authenticate", params)["uid"]

    def call(self, model, method, *arguments, **named):
        """Call a public method of a model."""
        params = {"model": model, "method": method, "args": arguments, "kwargs": named}
        return self._ask("/web/dataset/call_kw", params)

    def create(self, model, **values):
        """Create one record and return its id."""
        return self.call(model, "create", values)

    def _ask(self, path, params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        headers = {"Content-Type": "application/json", "Cookie": f"session_id={self.session_id}"}
        request = urllib.request.Request(self._url + path, body, headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
            cookies = SimpleCookie(response.headers.get("Set-Cookie", ""))
        if "session_id" in cookies:
            self.session_id = cookies["session_id"].value
        assert "error" not in answer, answer["error"]["data"]["debug"]
        # Of a method that returns nothing there is no result.
        return answer.get("result")
