"""How soon NOTIFY_START is answered, sent at times fixed in advance with the floor between them.

The sites take turns, block by block, so that what else the machine does meets all of them alike.
"""

from collections import defaultdict
from itertools import cycle, islice

from ..calls import FLOOR_KIND, KNOWN, VARIANTS, Callers
from ..load import Planned, Samples, open_loop
from ..report import Row, Section, latency_table, percentile

BLOCK = 50  # requests of each kind
WARM_UP = 5  # at the beginning of a block, not counted
FIRST_WARM_UP = 60  # before the first one: both workers know everything then


def measure(bench):
    """Measure known callers on both sites, and the other kinds on the large one."""
    samples = defaultdict(Samples)
    large, small = Callers(bench.large), Callers(bench.small)
    blocks = ((large, (KNOWN,)), (small, (KNOWN,)), (large, VARIANTS))
    with bench.large.serve(workers=2), bench.small.serve(workers=2):
        for callers in (large, small):
            open_loop(_plan(callers, (KNOWN, *VARIANTS), 0, FIRST_WARM_UP, bench.settings.rate, samples))
        left = bench.settings.samples
        while left > 0:
            for callers, kinds in blocks:
                count = min(BLOCK, left) * len(kinds)
                open_loop(_plan(callers, kinds, count, WARM_UP, bench.settings.rate, samples))
            left -= BLOCK
            bench.show(f"{bench.settings.samples - max(left, 0):,} of {bench.settings.samples:,} answers of each kind")
    latencies = {f"{kind.title}, {people:,} contacts": outcome.latencies for (people, kind), outcome in samples.items()}
    return Section(_rows(bench, samples), [latency_table(latencies)])


def _plan(callers, kinds, count, warm_up, rate, samples):
    """Return `count` notifications of these kinds in turn, each followed by the floor.

    :param warm_up: how many come before them and are not counted.
    :param rate: notifications a second.
    :param samples: where the outcome goes, by number of contacts and kind.
    """
    site = callers.site
    plan = []
    for number, kind in enumerate(islice(cycle(kinds), warm_up + count)):
        for sent, at in ((kind, number / rate), (FLOOR_KIND, (number + 0.5) / rate)):
            outcome = samples[site.people, sent] if number >= warm_up else Samples()
            plan.append(Planned(at, site.port, callers.request(sent), sent.answer, outcome))
    return plan


def _rows(bench, samples):
    people, few = bench.large.people, bench.small.people

    def at(share, kind, size=people):
        return percentile(samples[size, kind].latencies, share)

    median = at(0.5, KNOWN)
    rows = [
        Row.of_times("NOTIFY_START answered, median", "floor", at(0.5, FLOOR_KIND), median, 1.5),
        Row.of_times("NOTIFY_START answered, 99 %", "floor", at(0.99, FLOOR_KIND), at(0.99, KNOWN), 2),
        Row.of_times(f"with {people:,} contacts, median", f"{few:,}", at(0.5, KNOWN, few), median, 1.15),
    ]
    rows += [Row.of_times(f"{kind.title}, median", KNOWN.title, median, at(0.5, kind), 1.2) for kind in VARIANTS]
    wrong = sum(outcome.wrong for outcome in samples.values())
    return [*rows, Row.of_counts("Answers without the name, as the look-up took too long", "", wrong, 0)]
