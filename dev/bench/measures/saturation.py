"""How many notifications a second one worker answers, and processes, when it is never idle."""

from ..calls import FLOOR_KIND, KNOWN, Callers
from ..load import closed_loop
from ..report import Row, Section

SLICE = 5  # seconds
LIMIT = 0.5


def measure(bench):
    """Keep one worker busy with the floor and with notifications in turn."""
    callers = Callers(bench.large, seed=2)
    rates = {FLOOR_KIND: [], KNOWN: []}
    rounds = max(1, round(bench.settings.seconds / SLICE / len(rates)))
    with bench.large.serve(workers=1):
        for number in range(rounds + 1):
            for kind, measured in rates.items():
                rate = closed_loop(bench.large.port, lambda kind=kind: callers.request(kind), kind.answer, SLICE)
                # The first round warms up.
                measured.extend([rate] if number else [])
            bench.show(f"{number} of {rounds} rounds of one busy worker")
    floor, known = (sum(measured) / len(measured) for measured in rates.values())
    row = Row(
        "Throughput of one busy worker, with the floor",
        f"{floor:.0f} / s",
        f"{known:.0f} / s",
        f"{known / floor:.2f} ×",
        f"≥ {LIMIT} ×",
        known >= LIMIT * floor,
    )
    return Section([row])
