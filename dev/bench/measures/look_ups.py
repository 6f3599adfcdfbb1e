"""How PostgreSQL looks callers up."""

import json

from ..calls import Callers, encode_request
from ..load import exchange_well
from ..report import Row, Section, markdown_table

PLANS = "/zadarma_bench/plans"
LIMIT = 10  # buffers
# Of each who may take the call several tables tell whether they can.
LIMITS = {"who can take the call": 40}
COUNTRY = "DE"
LARGE_TABLES = ("res_partner", "crm_lead", "zadarma_blocked_number")


def measure(bench):
    """Explain the queries for several callers; a row shows the worst of them."""
    plans = {}
    with bench.large.serve(workers=1):
        numbers = Callers(bench.large, seed=4).look_ups()
        # The second time, when PostgreSQL knows the tables.
        for title, number in [*numbers.items(), *numbers.items()]:
            request = encode_request(PLANS, {"number": number, "country": COUNTRY})
            plans[title] = json.loads(exchange_well(bench.large.port, request))
    queries = list(next(iter(plans.values())))
    rows = [_make_row(query, [found[query] for found in plans.values()]) for query in queries]
    buffers = [(title, *(str(_count_buffers(found[query])) for query in queries)) for title, found in plans.items()]
    return Section(rows, [markdown_table(("Buffers read to look up", *queries), buffers)])


def _make_row(query, plans):
    scans = {node["Node Type"] for plan in plans for node in _walk(plan) if node.get("Relation Name") in LARGE_TABLES}
    buffers = max(map(_count_buffers, plans))
    limit = LIMITS.get(query, LIMIT)
    is_met = buffers <= limit and all("Index" in scan for scan in scans)
    goal = f"≤ {limit}, by index"
    return Row(f"Look-up of {query}", "", f"{buffers} buffers, {', '.join(sorted(scans))}", "", goal, is_met)


def _count_buffers(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def _walk(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from _walk(part)
