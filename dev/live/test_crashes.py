"""Processes that die at the worst moment: nothing that was acknowledged is lost, nothing is done twice."""

import random
import threading
import time

import psutil
import pytest
from harness import wait_for

# What a longer run raises.
SECONDS = 10
RATE = 10
KILL_EVERY = 0.5
DATABASE_CRASHES = 2


class Load:
    """A steady stream of whole calls from a sender that does not wait for answers to send the next."""

    def __init__(self, wire, rate=RATE):
        """Prepare; entering it as a context starts it."""
        self._wire, self._pause = wire, 1 / rate
        self.calls, self.acknowledged, self.failed, self._senders = [], [], [], []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        """Begin to send."""
        self._thread.start()
        return self

    def __exit__(self, *_error):
        """Stop sending and wait for the answers."""
        self._is_over.set()
        self._thread.join()
        for sender in self._senders:
            sender.join()

    def _run(self):
        for form in self._forms():
            if self._is_over.wait(self._pause):
                return
            self._senders.append(threading.Thread(target=self._send, args=(form,)))
            self._senders[-1].start()

    def _forms(self):
        while True:
            self.calls.append(self._wire.inbound())
            yield from self.calls[-1].whole(("101",), "101")

    def _send(self, form):
        answer = self._wire.send(form)
        answers = self.acknowledged if answer and answer[0] == 200 else self.failed
        answers.append((form["pbx_call_id"], form["event"]))

    def check(self, odoo):
        """Nothing acknowledged is lost, nothing is there twice, and everything stored is processed."""
        odoo.wait_until_processed(90, sweeping=True)
        ids = [call.id for call in self.calls]
        query = "SELECT pbx_call_id, name FROM zadarma_event WHERE pbx_call_id = ANY(%s)"
        stored = odoo.sql(query, ids)
        assert len(stored) == len(set(stored)), "stored twice"
        assert not set(self.acknowledged) - set(stored), "acknowledged and lost"
        query = "SELECT pbx_call_id, state, error FROM zadarma_event WHERE state != 'done' AND pbx_call_id = ANY(%s)"
        odd = odoo.sql(query, ids)
        assert not odd
        self._check_calls(odoo, ids, stored)

    def _check_calls(self, odoo, ids, stored):
        """Each call is there once and in the state that its notifications tell."""
        rows = odoo.sql("SELECT pbx_call_id, state, result FROM zadarma_call WHERE pbx_call_id = ANY(%s)", ids)
        assert len(rows) == len({row[0] for row in rows}) == len({row[0] for row in stored})
        names = {call_id: {name for each, name in stored if each == call_id} for call_id in ids}
        for call_id, state, result in rows:
            if "NOTIFY_END" in names[call_id]:
                assert (state, result) == ("ended", "answered")
            else:
                assert state == ("talking" if "NOTIFY_ANSWER" in names[call_id] else "ringing")


def test_workers_are_killed_under_load(odoo, wire, measure):
    """Random workers die twice a second; the sweeper finishes what they left."""
    chance, killed = random.Random(1), 0
    with Load(wire) as load:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(KILL_EVERY)
            workers = odoo.workers()
            if workers:
                odoo.kill_worker(chance.choice(workers))
                killed += 1
    assert load.acknowledged
    load.check(odoo)
    measure(f"{killed} workers killed, {len(load.acknowledged)} notifications acknowledged, none lost")


def test_worker_dies_after_its_answer(odoo, wire):
    """A worker is killed while it processes what it has answered already; the sweeper completes it."""
    call = wire.inbound()
    wire.send(call.start())
    wire.send(call.internal("101"))
    odoo.wait_until_processed()
    with odoo.holding("SELECT id FROM zadarma_call WHERE pbx_call_id = %s FOR UPDATE", call.id):
        assert wire.send(call.answer("101"))[0] == 200
        # It waits for the lock we hold, in the middle of its work.
        odoo.kill_worker(wait_for(lambda: waiting_worker(odoo), "a worker waits for the lock"))
    state = "SELECT state FROM zadarma_call WHERE pbx_call_id = %s"
    assert odoo.value(state, call.id) == "ringing"
    odoo.wait_until_processed(sweeping=True)
    assert odoo.value(state, call.id) == "talking"
    leg = "SELECT count(*) FROM zadarma_call_leg WHERE call_id IN (SELECT id FROM zadarma_call WHERE pbx_call_id = %s)"
    assert odoo.value(leg, call.id) == 1


def waiting_worker(odoo):
    """Return the HTTP worker whose transaction waits for a lock, if one does."""
    ports = odoo.waiting_for_locks()
    for worker in odoo.workers():
        if any(link.laddr.port in ports for link in worker.net_connections("tcp")):
            return worker
    return None


def test_database_crashes_under_load(odoo, server, wire, measure):
    """PostgreSQL stops without a goodbye and recovers: what was answered with 200 is on disk."""
    if not hasattr(server, "kill"):
        pytest.skip("the database server is somebody else's")
    downtimes = []
    try:
        with Load(wire) as load:
            for _ in range(DATABASE_CRASHES):
                wait_for_more(load, 5, "notifications are acknowledged")
                server.kill()
                server.start()
                started = time.monotonic()
                wait_for_more(load, 1, "service is back", odoo.revive)
                downtimes.append(time.monotonic() - started)
        load.check(odoo)
    finally:
        # Odoo's bus needs most of a minute to notice; the other tests shall not wait for that.
        odoo.restart()
    measure(f"{DATABASE_CRASHES} crashes; service back {max(downtimes):.1f} s after PostgreSQL at the latest")


def wait_for_more(load, count, what, meanwhile=lambda: None):
    """Wait until so many more notifications are acknowledged."""
    wanted = len(load.acknowledged) + count

    def is_there():
        meanwhile()
        return len(load.acknowledged) >= wanted

    wait_for(is_there, what, 60)


def test_first_call_after_a_start(odoo, wire, measure):
    """The first notification that a fresh server gets is answered like any other."""
    odoo.restart()
    started = time.monotonic()
    status, body = wire.send(wire.inbound().start())
    measure(f"first notification after a start answered in {time.monotonic() - started:.2f} s")
    assert (status, body[:1]) == (200, b"{")
    assert psutil.Process(odoo.process.pid).is_running()
