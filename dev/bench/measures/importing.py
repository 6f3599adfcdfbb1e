"""Importing past calls, against creating the same ones plainly."""

import json
import os
import subprocess
from pathlib import Path

from common import PYTHON, free_port, write_odoo_config

from ..report import Row, Section

SCRIPT = Path(__file__).parent.parent / "import_rows.py"
LIMIT = 1.5


def importing_command(bench):
    """Return the command that imports rows into the large site, and creates the same calls plainly afterwards."""
    site = bench.large
    config = write_odoo_config(bench.server, site.database, free_port(), log_level="warn")
    return [PYTHON, SCRIPT, config, site.database, str(bench.settings.rows)]


def measure(bench):
    """Import so many rows of the statistics into the large site; what Zadarma takes to answer is left out."""
    environment = {**os.environ, **bench.server.environment}
    result = subprocess.run(importing_command(bench), env=environment, stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(result.stdout.splitlines()[-1])
    what = f"Importing {measured['rows']:,} rows, {measured['calls']:,} calls"
    return Section([Row.of_times(what, "plain batched create", measured["plain"], measured["import"], LIMIT)])
