"""How many notifications a second one worker answers when it is never idle, and what is left to do then."""

import time

from ..calls import FLOOR, KNOWN, STORING_FLOOR, Callers
from ..load import closed_loop
from ..report import Row, Section

SLICE = 5  # seconds
LIMIT = 0.5
# Odoo's web server gives a client that stays connected ten milliseconds to ask for more.
CLIENTS = {"clients that stay connected": True, "clients that hang up": False}
WAITING = "SELECT count(*) FROM zadarma_event WHERE state = 'new'"
PATIENCE = 600  # seconds


def measure(bench):
    """Keep one worker busy with the floor and with notifications in turn."""
    callers = Callers(bench.large, seed=2)
    with bench.large.serve(workers=1, max_cron_threads=1):
        rows = [row for item in CLIENTS.items() for row in _measure_clients(bench, callers, *item)]
        return Section([*rows, _measure_rest(bench)])


def _measure_rest(bench):
    """Wait for the scheduled action, which does what a busy worker leaves to it."""
    started, count = time.monotonic(), _count_waiting(bench)
    while left := _count_waiting(bench):
        bench.show(f"{left} notifications wait to be processed")
        if time.monotonic() - started > PATIENCE:
            break
        time.sleep(0.2)
    seconds = time.monotonic() - started
    return Row(
        "Notifications that are never processed",
        f"left by busy workers: {count}",
        f"{left} after {seconds:.0f} s",
        "",
        "≤ 0",
        not left,
    )


def _count_waiting(bench):
    return bench.large.execute(WAITING)[0][0]


def _measure_clients(bench, callers, title, stays):
    """Yield what a worker did for clients of one kind, against what it did on empty routes."""
    rates = {FLOOR: [], STORING_FLOOR: [], KNOWN: []}
    rounds = max(1, round(bench.settings.seconds / SLICE / len(rates)))
    for number in range(rounds + 1):
        for kind, measured in rates.items():
            rate = closed_loop(bench.large.port, lambda kind=kind: callers.request(kind), SLICE, stays)
            # The first round warms up.
            measured.extend([rate] if number else [])
        bench.show(f"{number} of {rounds} rounds, {title}")
    floor, storing, known = (sum(measured) / len(measured) for measured in rates.values())
    what = f"One busy worker, {title}"
    is_met = known >= LIMIT * floor
    yield Row(what, f"floor: {floor:.0f} / s", f"{known:.0f} / s", f"{known / floor:.2f} ×", f"≥ {LIMIT} ×", is_met)
    # To have it on the disk takes a worker its time, whatever is stored.
    yield Row(what, f"storing floor: {storing:.0f} / s", f"{known:.0f} / s", f"{known / storing:.2f} ×")
