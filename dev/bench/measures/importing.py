"""Importing past calls, against creating the same ones plainly."""

import json
import os
import subprocess
from pathlib import Path

from common import PYTHON, free_port, write_odoo_config

from ..report import Row, Section

SCRIPT = Path(__file__).parent.parent / "import_rows.py"
LIMIT = 1.5


def measure(bench):
    """Import so many rows of the statistics into the large site; what Zadarma takes to answer is left out."""
    site, server = bench.large, bench.server
    config = write_odoo_config(server, site.database, free_port(), log_level="warn")
    command = [PYTHON, SCRIPT, config, site.database, str(bench.settings.rows)]
    environment = {**os.environ, **server.environment}
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(result.stdout.splitlines()[-1])
    what = f"Importing {measured['rows']:,} rows, {measured['calls']:,} calls"
    return Section([Row.of_times(what, "plain batched create", measured["plain"], measured["import"], LIMIT)])
