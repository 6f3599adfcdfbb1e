"""How much later NOTIFY_START is answered while calls are compared and people are at work."""

import os
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import contextmanager

from common import CommandError, running

from ..calls import FLOOR, KNOWN, Callers, encode_request
from ..load import Planned, Samples, exchange_well, open_loop
from ..report import Row, Section, latency_table, percentile
from .importing import importing_command

LIST = "/zadarma_bench/list"
PEOPLE, PAUSE = 20, 2.0  # seconds between two lists that somebody opens
WARM_UP = 30  # notifications
LIMIT = 1.5
START_SECONDS = 60
# Odoo runs its processes for scheduled actions at this niceness.
NICENESS = "10"
QUIET, BUSY = "nothing else to do", f"an import and {PEOPLE} people at work"


def measure(bench):
    """Send known callers' notifications first to a server that has nothing else to do, then to a busy one."""
    callers, samples = Callers(bench.large, seed=3), defaultdict(Samples)
    with bench.large.serve(workers=2):
        # Both workers know the list and the notification before anything counts.
        open_loop(_plan(callers, WARM_UP, bench.settings.rate, defaultdict(Samples), QUIET))
        for _time in range(2):
            exchange_well(bench.large.port, encode_request(LIST, {}))
        count = bench.settings.samples // 2
        open_loop(_plan(callers, count, bench.settings.rate, samples, QUIET))
        with _importing(bench), _people_at_work(bench.large.port):
            open_loop(_plan(callers, count, bench.settings.rate, samples, BUSY))
    latencies = {f"{kind.title}, {while_}": outcome.latencies for (kind, while_), outcome in samples.items()}
    rows = []
    for kind, what, limit in ((KNOWN, "NOTIFY_START answered", LIMIT), (FLOOR, "the floor answered", None)):
        quiet, busy = (percentile(samples[kind, while_].latencies, 0.99) for while_ in (QUIET, BUSY))
        rows.append(Row.of_times(f"{what}, 99 %, {BUSY}", QUIET, quiet, busy, limit))
    return Section(rows, [latency_table(latencies)])


def _plan(callers, count, rate, samples, while_):
    """Return so many notifications, each followed by the floor."""
    return [
        Planned((number + shift) / rate, callers.site.port, callers.request(kind), kind.answer, samples[kind, while_])
        for number in range(count)
        for kind, shift in ((KNOWN, 0), (FLOOR, 0.5))
    ]


@contextmanager
def _importing(bench):
    """Have another process import calls meanwhile, as the one for scheduled actions does."""
    environment = {**os.environ, **bench.server.environment}
    command = ["nice", "-n", NICENESS, *importing_command(bench)]
    with running(command, env=environment, stdout=subprocess.DEVNULL) as importing:
        deadline = time.monotonic() + START_SECONDS
        while not bench.large.execute("SELECT 1 FROM zadarma_import WHERE state = 'running' AND added > 0"):
            if importing.poll() is not None or time.monotonic() > deadline:
                raise CommandError("the import does not begin")
            time.sleep(0.2)
        yield
        if importing.poll() is not None:
            raise CommandError("the import ended too early: set ROWS higher, or SAMPLES lower")
    bench.large.execute("DELETE FROM zadarma_import RETURNING id")


@contextmanager
def _people_at_work(port):
    """Have people open the list of calls meanwhile, each every other second."""
    is_over, failures = threading.Event(), []

    def work(number):
        is_over.wait(PAUSE * number / PEOPLE)
        try:
            while not is_over.is_set():
                exchange_well(port, encode_request(LIST, {}))
                is_over.wait(PAUSE)
        except (CommandError, OSError) as error:
            failures.append(error)

    people = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(PEOPLE)]
    for person in people:
        person.start()
    try:
        yield
    finally:
        is_over.set()
        for person in people:
            person.join()
    if failures:
        raise CommandError(f"a list could not be opened: {failures[0]}")
