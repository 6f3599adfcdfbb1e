"""How soon NOTIFY_START is answered, sent at times fixed in advance with the floor between them.

The sites take turns, block by block, so that what else the machine does meets all of them alike.
"""

from collections import defaultdict
from itertools import cycle, islice

from ..calls import FLOOR_KIND, KNOWN, VARIANTS, Callers
from ..load import Planned, open_loop
from ..report import Row, Section, latency_table, percentile

BLOCK = 50  # requests of each kind
WARM_UP = 5  # at the beginning of a block, not counted
FIRST_WARM_UP = 60  # before the first one: both workers know everything then


def measure(bench):
    """Measure known callers on both sites, and the other kinds on the large one."""
    samples = defaultdict(list)
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
    return Section(
        _rows(bench, samples),
        [latency_table({f"{kind.title}, {people:,} contacts": values for (people, kind), values in samples.items()})],
    )


def _plan(callers, kinds, count, warm_up, rate, samples):
    """Return `count` notifications of these kinds in turn, after some that are not counted, each followed by the floor."""
    site = callers.site
    plan = []
    for number, kind in enumerate(islice(cycle(kinds), warm_up + count)):
        for sent, at in ((kind, number / rate), (FLOOR_KIND, (number + 0.5) / rate)):
            latencies = samples[site.people, sent] if number >= warm_up else []
            plan.append(Planned(at, site.port, callers.request(sent), sent.answer, latencies))
    return plan


def _rows(bench, samples):
    people, few = bench.large.people, bench.small.people
    floor, known = samples[people, FLOOR_KIND], samples[people, KNOWN]
    median = percentile(known, 0.5)
    rows = [
        Row.of_times("NOTIFY_START, with the floor: median", percentile(floor, 0.5), median, 1.5),
        Row.of_times("NOTIFY_START, with the floor: 99 %", percentile(floor, 0.99), percentile(known, 0.99), 2),
        Row.of_times(
            f"{people:,} contacts, with {few:,}: median", percentile(samples[few, KNOWN], 0.5), median, 1.15
        ),
    ]
    for kind in VARIANTS:
        value = percentile(samples[people, kind], 0.5)
        rows.append(Row.of_times(f"{kind.title}, with a known one: median".capitalize(), median, value, 1.2))
    return rows
