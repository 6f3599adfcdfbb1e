"""What is left of acknowledged notifications when workers and PostgreSQL die under load."""

import random
import threading
import time

import psutil

from ..calls import KNOWN, Callers
from ..load import exchange
from ..report import Row, Section

CLIENTS = 4
KILL_EVERY = 0.5  # seconds
DATABASE_CRASHES = 2


def measure(bench):
    """Kill workers all the time and PostgreSQL twice, while notifications come; look for those that were answered."""
    load = _Load(bench)
    chance, killed = random.Random(6), 0
    with bench.large.serve(workers=2, may_fail=True) as odoo:
        threads = [threading.Thread(target=load.run) for _client in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for crash in range(DATABASE_CRASHES + 1):
            killed += _kill_workers(psutil.Process(odoo.pid), chance, bench.settings.seconds / 3)
            if crash < DATABASE_CRASHES:
                bench.server.kill()
                bench.server.start()
        load.is_over.set()
        for thread in threads:
            thread.join()
    kept = {call_id for (call_id,) in bench.large.execute("SELECT pbx_call_id FROM zadarma_event")}
    title = f"{killed} workers and PostgreSQL {DATABASE_CRASHES} times killed: acknowledged and lost"
    return Section(
        [Row.of_counts(title, f"acknowledged: {len(load.acknowledged):,}", len(load.acknowledged - kept), 0)]
    )


def _kill_workers(odoo, chance, seconds):
    """Kill one worker after the other; return how many."""
    killed, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(KILL_EVERY)
        if workers := odoo.children():
            chance.choice(workers).kill()
            killed += 1
    return killed


class _Load:
    """Clients that send and note what was acknowledged.

    :ivar acknowledged: the calls of notifications that were answered with 200.
    :ivar is_over: set when they are to stop.
    """

    def __init__(self, bench):
        self._site = bench.large
        self._callers = Callers(bench.large, seed=7)
        self._lock = threading.Lock()
        self.acknowledged, self.is_over = set(), threading.Event()

    def run(self):
        """Send one after the other."""
        while not self.is_over.is_set():
            with self._lock:
                call_id, request = self._callers.call(KNOWN)
            try:
                answer = exchange(self._site.port, request)
            except OSError:
                time.sleep(0.05)
                continue
            if answer.status == 200:
                with self._lock:
                    self.acknowledged.add(call_id)
