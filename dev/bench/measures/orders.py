"""Whether a call becomes the same record in whatever order its notifications come."""

import itertools
import sys
from datetime import datetime, timedelta, timezone

from common import ROOT

from ..report import Row, Section

MOMENT = datetime(2026, 3, 2, 10, 0, 0, tzinfo=timezone.utc)
CALL = {"pbx_call_id": "in_0123", "caller_id": "+491701234567", "called_did": "493098765432"}
FORMS = (
    {"event": "NOTIFY_START"},
    {"event": "NOTIFY_INTERNAL", "internal": "101"},
    {"event": "NOTIFY_INTERNAL", "internal": "102"},
    {"event": "NOTIFY_ANSWER", "internal": "102", "destination": "102"},
    {"event": "NOTIFY_END", "internal": "102", "duration": "42", "disposition": "answered", "is_recorded": "1"},
    {"event": "NOTIFY_RECORD", "call_id_with_rec": "1772445600.1234"},
)


def measure(_bench):
    """Fold all orders of a call's six notifications, and of each of their 64 subsets."""
    fold, events = _read()
    subsets = [subset for size in range(len(events) + 1) for subset in itertools.combinations(events, size)]
    orders = sum(1 for _order in itertools.permutations(events))
    torn = sum(len({fold(order) for order in itertools.permutations(subset)}) > 1 for subset in subsets if subset)
    records = len({fold(order) for order in itertools.permutations(events)})
    return Section(
        [
            Row.of_counts(f"Records that {orders} orders of a call make", "", records, 1),
            Row.of_counts(f"Subsets, of {len(subsets)}, whose orders do not agree", "", torn, 0),
        ]
    )


def _read():
    """Return the fold and the notifications, each received at its own moment whatever the order."""
    sys.path.insert(0, str(ROOT))
    from zadarma_api.events import parse_event  # noqa: PLC0415 - the addon's pure part, which needs no Odoo
    from zadarma_api.fold import fold  # noqa: PLC0415

    stamp = MOMENT.strftime("%Y-%m-%d %H:%M:%S")
    events = [
        parse_event({**CALL, "call_start": stamp, **form}, MOMENT + timedelta(seconds=place), timezone.utc)
        for place, form in enumerate(FORMS)
    ]
    return (lambda order: fold(list(order))), events
