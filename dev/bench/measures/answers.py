"""How soon NOTIFY_START is answered, sent at times fixed in advance with the floor between them.

The sites take turns, block by block, so that what else the machine does meets all of them alike.
"""

from collections import defaultdict
from itertools import cycle, islice

from ..calls import FLOOR, KNOWN, PUBLIC_FLOOR, STORING_FLOOR, VARIANTS, Callers
from ..load import Planned, Samples, open_loop
from ..report import Row, Section, latency_table, percentile

OTHERS = (*VARIANTS, PUBLIC_FLOOR, STORING_FLOOR)
BLOCK = 100  # requests
WARM_UP = 5  # at the beginning of a block, not counted
FIRST_WARM_UP = 60  # before the first one: both workers know everything then


def measure(bench):
    """Measure known callers on both sites, and the other kinds on the large one."""
    samples = defaultdict(Samples)
    large, small = Callers(bench.large), Callers(bench.small)
    rate, left = bench.settings.rate, bench.settings.samples
    with bench.large.serve(workers=2), bench.small.serve(workers=2):
        for callers in (large, small):
            open_loop(_plan(callers, (KNOWN, *OTHERS), 0, FIRST_WARM_UP, rate, samples))
        while left > 0:
            count = min(BLOCK, left)
            # Medians, which is all that is asked of the others, need fewer samples than the rarest hundredth.
            blocks = ((large, (KNOWN,), count), (small, (KNOWN,), count // 2), (large, OTHERS, count))
            for callers, kinds, some in blocks:
                open_loop(_plan(callers, kinds, some, WARM_UP, rate, samples))
            left -= count
            bench.show(f"{left:,} more answers to known callers")
    latencies = {f"{kind.title}, {people:,} contacts": outcome.latencies for (people, kind), outcome in samples.items()}
    return Section(_rows(bench, samples), [latency_table(latencies)])


def _plan(callers, kinds, count, warm_up, rate, samples):
    """Return `count` requests of these kinds in turn, each followed by the floor, which counts where callers are known.

    :param warm_up: how many come before them and are not counted.
    :param rate: notifications a second.
    :param samples: where the outcome goes, by number of contacts and kind.
    """
    site = callers.site
    plan = []
    for number, kind in enumerate(islice(cycle(kinds), warm_up + count)):
        for sent, at in ((kind, number / rate), (FLOOR, (number + 0.5) / rate)):
            counts = number >= warm_up and (sent is kind or kind is KNOWN)
            outcome = samples[site.people, sent] if counts else Samples()
            plan.append(Planned(at, site.port, callers.request(sent), sent.answer, outcome))
    return plan


def _rows(bench, samples):
    people, few = bench.large.people, bench.small.people

    def at(share, kind, size=people):
        return percentile(samples[size, kind].latencies, share)

    median = at(0.5, KNOWN)
    rows = [
        Row.of_times("NOTIFY_START answered, median", FLOOR.title, at(0.5, FLOOR), median, 1.5),
        Row.of_times("NOTIFY_START answered, median", STORING_FLOOR.title, at(0.5, STORING_FLOOR), median),
        Row.of_times("NOTIFY_START answered, 99 %", FLOOR.title, at(0.99, FLOOR), at(0.99, KNOWN), 2),
        Row.of_times(f"with {people:,} contacts, median", f"{few:,}", at(0.5, KNOWN, few), median, 1.15),
    ]
    rows += [Row.of_times(f"{kind.title}, median", KNOWN.title, median, at(0.5, kind), 1.2) for kind in VARIANTS]
    wrong = sum(outcome.wrong for outcome in samples.values())
    return [*rows, Row.of_counts("Answers without the name, as the look-up took too long", "", wrong, 0)]
