"""One notification hundreds of times at once, on two workers."""

from concurrent.futures import ThreadPoolExecutor

from ..calls import KNOWN, Callers
from ..load import exchange
from ..report import Row, Section

TIMES = 200
CLIENTS = 40
SHARE = 10_000  # of the contacts: so many calls are flooded


def measure(bench):
    """Send each of some notifications so often; count what is there twice, and what went wrong on the way."""
    callers, count = Callers(bench.large, seed=5), max(5, bench.large.people // SHARE)
    log = bench.server.folder / "log"
    mark = log.stat().st_size
    before = _count_rows(bench)
    with bench.large.serve(workers=2), ThreadPoolExecutor(CLIENTS) as crew:
        odd = 0
        for number in range(count):
            request = callers.request(KNOWN)
            answers = list(crew.map(lambda _time, request=request: exchange(bench.large.port, request), range(TIMES)))
            odd += sum(answer.status != 200 for answer in answers) + len({answer.body for answer in answers}) - 1
            bench.show(f"{number + 1} of {count} calls")
    added = _count_rows(bench) - before
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(mark)
        retries = file.read().count("could not serialize")
    what = f"{TIMES} times at once, each of {count} calls:"
    return Section(
        [
            Row.of_counts(f"{what} notifications stored twice", "", added - count, 0),
            Row.of_counts(f"{what} answers that are not 200, or not the first one's", "", odd, 0),
            Row.of_counts(f"{what} transactions that could not be serialized", "", retries, 0),
        ]
    )


def _count_rows(bench):
    return bench.large.execute("SELECT count(*) FROM zadarma_event WHERE received_at > now() - interval '1 hour'")[0][0]
