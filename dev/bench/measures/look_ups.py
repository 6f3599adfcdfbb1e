"""How PostgreSQL looks callers up."""

import json

from common import CommandError

from ..calls import Callers, encode_request
from ..load import exchange
from ..report import Row, Section

PLANS = "/zadarma_bench/plans"
LIMIT = 10  # buffers
COUNTRY = "DE"
LARGE_TABLES = ("res_partner", "crm_lead")


def measure(bench):
    """Explain the queries for several numbers."""
    rows = []
    with bench.large.serve(workers=1):
        for title, number in Callers(bench.large, seed=4).look_ups().items():
            request = encode_request(PLANS, {"number": number, "country": COUNTRY})
            answer = exchange(bench.large.port, request)
            if answer.status != 200:
                raise CommandError(f"{answer.status} {answer.body[:200]!r} in place of plans")
            rows.extend(_make_row(f"Look-up {query}, {title}", plan) for query, plan in json.loads(answer.body).items())
    return Section(rows)


def _make_row(what, plan):
    scans = [node for node in _walk(plan) if node.get("Relation Name") in LARGE_TABLES]
    kinds = sorted({node["Node Type"] for node in scans})
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    is_met = buffers <= LIMIT and all("Index" in kind or kind == "Bitmap Heap Scan" for kind in kinds)
    return Row(what, "", f"{buffers} buffers, {', '.join(kinds)}", "", f"≤ {LIMIT}, by index", is_met)


def _walk(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from _walk(part)
