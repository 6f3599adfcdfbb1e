"""Measure the budgets and print them as a table.

QUICK=1 takes four minutes and shows whether something is badly off; PARTNERS, SAMPLES, RATE, SECONDS and ROWS
set the size.
"""

import os
import sys
from dataclasses import dataclass

import postgres
from common import CommandError

from . import report
from .measures import MEASURES
from .settings import FEW_PARTNERS, Settings
from .sites import Site


@dataclass
class Bench:
    """What a measurement works with: the server, one site with many contacts, one with few."""

    settings: Settings
    server: postgres.Cluster
    large: Site
    small: Site

    def show(self, text):
        """Show on a terminal how far a measurement is."""
        if sys.stderr.isatty():
            print(f"\r\033[K    {text}", end="", file=sys.stderr, flush=True)


def main():
    """Run all measurements; a budget that is missed is no error."""
    if os.environ.get("PGHOST"):
        raise CommandError("what a server of others does besides would be measured too: unset PGHOST")
    settings = Settings.from_environment()
    with postgres.kept_server("bench", fsync=True) as server:
        bench = Bench(settings, server, Site(server, settings.partners), Site(server, FEW_PARTNERS))
        sections = []
        for module in MEASURES:
            print(module.__doc__.splitlines()[0], flush=True)
            sections.append(module.measure(bench))
            bench.show("")
        text = report.render(sections, settings, server)
    print("\n" + text)
    if settings.is_full:
        report.save(text, sections)
