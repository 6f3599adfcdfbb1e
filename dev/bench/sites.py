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

from . import history
from .calls import BLOCKED_COUNT, BLOCKED_NUMBERS, DIALLED, FLOOR, SECRET, encode_request
from .load import exchange_well
from .people import prepare

ADDONS = Path(__file__).parent / "addons"
# With several workers Odoo starts a process by the path of its own script.
ODOO = ROOT / "dev" / "live" / "odoo_bin.py"
START_SECONDS = 60
ERROR = re.compile(r"^\S+ \S+ \d+ (ERROR|CRITICAL) ")

# A company that uses everything that is decided before the answer: names, routing to the administrator, who works at
# any time, and a long list of blocked numbers.
ALL_SWITCHES = f"""
    UPDATE res_company SET zadarma_secret = '{SECRET}', zadarma_caller_name = TRUE, zadarma_block_numbers = TRUE,
                           zadarma_route_calls = TRUE, zadarma_skip_talking = TRUE, zadarma_return_timeout = 20;
    INSERT INTO zadarma_number (company_id, number, name, active) VALUES (1, '{DIALLED}', 'Hotline', TRUE);
    INSERT INTO zadarma_extension (company_id, number, user_id, active) VALUES (1, '101', 2, TRUE);
    INSERT INTO zadarma_working_time (company_id, user_id, start, stop)
         SELECT 1, 2, day, day + interval '1 day'
           FROM generate_series(current_date - 2, current_date + 15, interval '1 day') AS day;
    INSERT INTO zadarma_blocked_number (company_id, number, user_id, active, date)
         SELECT 1, '{BLOCKED_NUMBERS}' || lpad(n::text, 7, '0'), 2, TRUE, now()
           FROM generate_series(0, {BLOCKED_COUNT}) AS n
          UNION ALL
         SELECT 1, '+4990' || n || '*', 2, TRUE, now() FROM generate_series(0, 9) AS n;
    ANALYZE zadarma_blocked_number;
    -- What is not measured runs at another time.
    UPDATE ir_cron SET active = FALSE WHERE cron_name NOT LIKE 'Zadarma: process notifications%';
"""


class Site:
    """One company with its contacts, its account at Zadarma and, while it is served, its Odoo."""

    def __init__(self, server, people):
        """Make sure that the contacts are there; everything else is made anew by :meth:`install`."""
        self.server = server
        self.people = people
        self.database = f"bench_{people}"
        self.template = prepare(server, people)
        self.token = self.port = self.bus_port = None

    # --- database --- #

    def install(self):
        """Install the addon where the contacts are there already; return how long that took, in seconds."""
        self._copy(self.template)
        return self._run_odoo("-i")

    def fill(self):
        """Give the company its past, its settings and its account."""
        self._copy(history.prepare(self.server, self.database, self.people))
        self.execute(ALL_SWITCHES)
        self.token = self.execute("SELECT zadarma_token FROM res_company")[0][0]

    def _copy(self, template):
        self.server.drop_database(self.database)
        self.server.create_database(self.database, template)

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
            gevent_port=self.bus_port or free_port(),
            log_level="warn",
            **{"max_cron_threads": 0, **options},
        )

    @contextmanager
    def serve(self, workers, may_fail=False, **options):
        """Answer requests with so many HTTP workers; what they log as an error is one, if not expected.

        :param options: others of Odoo's configuration file.
        """
        self.port, self.bus_port = free_port(), free_port()
        config = self._write_config(workers=workers, **options)
        path = self.server.data_dir / f"{self.database}.log"
        environment = {**os.environ, **self.server.environment}
        command = [PYTHON, ODOO, "--config", config]
        with open(path, "w") as log, running(command, env=environment, stdout=log, stderr=log) as odoo:
            self._wait(odoo, path)
            yield odoo
        if not may_fail and (errors := [line for line in path.read_text().splitlines() if ERROR.match(line)]):
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
