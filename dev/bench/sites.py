"""A database with the addon, and the Odoo that serves it."""

import os
import re
import time
from contextlib import contextmanager
from pathlib import Path

from common import (
    HOME,
    PYTHON,
    ROOT,
    CommandError,
    core_addons,
    free_port,
    run_odoo,
    running,
    write_odoo_config,
)

from .calls import FLOOR, SECRET, encode_request
from .load import exchange_well
from .people import prepare

ADDONS = Path(__file__).parent / "addons"
# With several workers Odoo starts a process by the path of its own script.
ODOO = ROOT / "dev" / "live" / "odoo_bin.py"
START_SECONDS = 60
ERROR = re.compile(r"^\S+ \S+ \d+ (ERROR|CRITICAL) ")


class Site:
    """One company with its contacts, its account at Zadarma and, while it is served, its Odoo."""

    def __init__(self, server, people):
        """Make sure that the contacts are there; everything else is made anew by :meth:`install`."""
        self.server = server
        self.people = people
        self.database = f"bench_{people}"
        self.template = prepare(server, people)
        self.token = self.port = None

    # --- database --- #

    def install(self):
        """Install the addon where the contacts are there already; return how long that took, in seconds."""
        self.server.drop_database(self.database)
        self.server.create_database(self.database, self.template)
        seconds = self._run_odoo("-i")
        self.execute(f"UPDATE res_company SET zadarma_secret = '{SECRET}'")
        self.token = self.execute("SELECT zadarma_token FROM res_company")[0][0]
        return seconds

    def update(self):
        """Update the addon; return how long that took, in seconds."""
        return self._run_odoo("-u")

    def _run_odoo(self, option):
        started = time.monotonic()
        code, log = run_odoo(self.server, self._write_config(), option, "zadarma,zadarma_bench")
        if code:
            raise CommandError(f"Odoo fails on {self.database}:\n{''.join(log[-20:])}")
        return time.monotonic() - started

    def execute(self, query):
        """Run one statement and return its rows."""
        return self.server.execute(query.replace("{", "{{").replace("}", "}}"), database=self.database)

    # --- Odoo --- #

    def _write_config(self, **options):
        return write_odoo_config(
            self.server,
            self.database,
            self.port or free_port(),
            addons_path=f"{ADDONS},{HOME / 'addons'},{core_addons()}",
            gevent_port=free_port(),
            max_cron_threads=0,
            log_level="warn",
            **options,
        )

    @contextmanager
    def serve(self, workers):
        """Answer requests with so many HTTP workers; what they log as an error is one."""
        self.port = free_port()
        config = self._write_config(workers=workers)
        path = self.server.data_dir / f"{self.database}.log"
        environment = {**os.environ, **self.server.environment}
        command = [PYTHON, ODOO, "--config", config]
        with open(path, "w") as log, running(command, env=environment, stdout=log, stderr=log) as odoo:
            self._wait(odoo, path)
            yield
        if errors := [line for line in path.read_text().splitlines() if ERROR.match(line)]:
            raise CommandError("Odoo failed:\n" + "\n".join(errors[:10]))

    def _wait(self, odoo, log):
        deadline = time.monotonic() + START_SECONDS
        while odoo.poll() is None and time.monotonic() < deadline:
            try:
                exchange_well(self.port, encode_request(FLOOR.path, {}))
                return
            except (OSError, CommandError):
                time.sleep(0.1)
        raise CommandError(f"Odoo does not serve {self.database}:\n{log.read_text()[-2000:]}")
