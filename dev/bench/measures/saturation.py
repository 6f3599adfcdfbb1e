"""How many notifications a second one worker answers, and processes, when it is never idle."""

from ..calls import FLOOR, KNOWN, Callers
from ..load import closed_loop
from ..report import Row, Section

SLICE = 5  # seconds
LIMIT = 0.5
# Odoo's web server gives a client that stays connected ten milliseconds to ask for more.
CLIENTS = {"clients that stay connected": True, "clients that hang up": False}


def measure(bench):
    """Keep one worker busy with the floor and with notifications in turn."""
    callers = Callers(bench.large, seed=2)
    with bench.large.serve(workers=1):
        return Section([_measure_clients(bench, callers, *item) for item in CLIENTS.items()])


def _measure_clients(bench, callers, title, stays):
    rates = {FLOOR: [], KNOWN: []}
    rounds = max(1, round(bench.settings.seconds / SLICE / len(rates)))
    for number in range(rounds + 1):
        for kind, measured in rates.items():
            rate = closed_loop(bench.large.port, lambda kind=kind: callers.request(kind), SLICE, stays)
            # The first round warms up.
            measured.extend([rate] if number else [])
        bench.show(f"{number} of {rounds} rounds, {title}")
    floor, known = (sum(measured) / len(measured) for measured in rates.values())
    return Row(
        f"One busy worker, {title}",
        f"floor: {floor:.0f} / s",
        f"{known:.0f} / s",
        f"{known / floor:.2f} ×",
        f"≥ {LIMIT} ×",
        known >= LIMIT * floor,
    )
