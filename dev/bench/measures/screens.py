"""How long people wait for lists and forms where there are many calls."""

import json

from ..calls import encode_request
from ..load import exchange_well
from ..report import Row, Section

SCREENS = "/zadarma_bench/screens"
LIMITS = {  # seconds
    "List of calls": 0.3,
    "List of missed calls": 0.3,
    "Search for a number": 0.3,
    "Smart button of a contact": 0.05,
}


def measure(bench):
    """Have the server read what screens show, several times; the median counts."""
    with bench.large.serve(workers=1):
        measured = json.loads(exchange_well(bench.large.port, encode_request(SCREENS, {})))
    return Section([_make_row(bench, title, measured[title], limit) for title, limit in LIMITS.items()])


def _make_row(bench, title, seconds, limit):
    goal = f"≤ {limit * 1000:.0f} ms"
    return Row(f"{title}, {bench.large.people:,} calls", "", f"{seconds * 1000:.1f} ms", "", goal, seconds <= limit)
