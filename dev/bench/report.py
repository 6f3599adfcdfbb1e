"""The table that a run ends with."""

import csv
import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from .picture import draw

RESULTS = Path(__file__).parent / "RESULTS.md"
TABLE, PICTURE = RESULTS.with_suffix(".csv"), RESULTS.with_suffix(".png")
HEADINGS = ("What", "Compared with", "Measured", "Ratio", "Goal", "Met")


@dataclass(frozen=True)
class Row:
    """One budget.

    :ivar what: what is measured.
    :ivar base: what it is compared with.
    :ivar measured: the value.
    :ivar ratio: one by the other.
    :ivar goal: the budget, if there is one.
    :ivar is_met: whether it is kept.
    """

    what: str
    base: str
    measured: str
    ratio: str
    goal: str = ""
    is_met: bool = False

    @classmethod
    def of_times(cls, what, base_title, base, value, limit=None):
        """Make a row of two durations in seconds, of which the second may be `limit` times the first."""
        ratio = value / base
        goal = (f"≤ {limit} ×", ratio <= limit) if limit else ()
        return cls(what, f"{base_title}: {_ms(base)}", _ms(value), f"{ratio:.2f} ×", *goal)

    @classmethod
    def of_counts(cls, what, base, value, limit):
        """Make a row of a count that may be `limit` at most."""
        return cls(what, base, str(value), "", f"≤ {limit}", value <= limit)

    @property
    def cells(self):
        """The row as text."""
        mark = ("✓" if self.is_met else "✗") if self.goal else ""
        return (self.what, self.base, self.measured, self.ratio, self.goal, mark)


@dataclass
class Section:
    """What one measurement adds to the report.

    :ivar rows: for the table.
    :ivar notes: paragraphs that stand below it, as Markdown.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1]


def latency_table(samples: dict[str, Sequence[float]]) -> str:
    """Return a Markdown table of percentiles.

    :param samples: latencies in seconds by title.
    """
    shares = {"median": 0.5, "90 %": 0.9, "99 %": 0.99, "slowest": 1}
    rows = [
        (title, f"{len(values):,}", *(_ms(percentile(values, share)) for share in shares.values()))
        for title, values in samples.items()
    ]
    return markdown_table(("Answer to", "Samples", *shares), rows)


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are aligned, so that it can be read as plain text."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    rule = ["-" * width for width in widths]
    padded = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in (headings, rule, *lines[1:])
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in padded)


def render(sections: Sequence[Section], settings, server) -> str:
    """Return the report of a run as Markdown."""
    table = markdown_table(HEADINGS, [row.cells for section in sections for row in section.rows])
    notes = [note for section in sections for note in section.notes]
    return "\n\n".join((table, *notes, _describe(settings, server))) + "\n"


def save(report: str, sections: Sequence[Section]):
    """Write the report where the next reader finds it: to read, as a table for programs, and as a picture."""
    RESULTS.write_text(f"# Last results of `make bench`\n\n![How far each budget is used]({PICTURE.name})\n\n{report}")
    rows = [row for section in sections for row in section.rows]
    with open(TABLE, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADINGS, *(row.cells for row in rows)])
    draw([row for row in rows if row.goal], PICTURE)


def _describe(settings, server):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    postgres = server.execute("SHOW server_version")[0][0].split()[0]
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}: {os.cpu_count()} cores, {memory:.0f} GiB of memory, "
        f"PostgreSQL {postgres}, Python {platform.python_version()}; {settings.partners:,} contacts, "
        f"{settings.rate:g} notifications a second with a request of the floor after each, fsync on.\n\n"
        "Times are from the planned moment of sending to the last byte of the answer, the client included. The floor "
        "is an empty route without a user, the public floor one for Odoo's public user, the storing floor inserts a "
        "row and commits."
    )


def _ms(seconds):
    return f"{seconds * 1000:.1f} ms"
