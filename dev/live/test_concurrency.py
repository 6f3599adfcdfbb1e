"""Notifications that arrive at the same moment, on workers that know nothing of each other."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait_for

# What a longer run raises.
FLOODED_CALLS = 10
AT_ONCE = 200
TANGLED_CALLS = 50
BACKLOG_CALLS = 150
NEW_CALLERS = 20

NEW_NUMBER = "+491708800"
RINGING = ("101", "102", "103", "104", "105")
TALKER = "102"
# What a call is, without what tells one call from another and the moments of receipt.
SAME = """
    SELECT direction, state, result, disposition, number, is_withheld, own_number, own_number_id, partner_id, lead_id,
           caller_state, user_id, duration, is_missed, is_recorded, recording_ref, is_timed_out,
           (SELECT array_agg((extension, leg.user_id, leg.state, answered, transfer_from)::text ORDER BY extension)
              FROM zadarma_call_leg leg WHERE leg.call_id = zadarma_call.id)
      FROM zadarma_call WHERE pbx_call_id = %s
"""
POPUPS = """
    SELECT channel, count(*) FROM bus_bus
     WHERE message::jsonb ->> 'type' = 'zadarma.call' AND message::jsonb -> 'payload' ->> 'state' = %s
           AND (message::jsonb -> 'payload' ->> 'id')::int = (SELECT id FROM zadarma_call WHERE pbx_call_id = %s)
  GROUP BY channel
"""


def test_the_same_start_hundreds_of_times(odoo, wire):
    """One row in the inbox, one call, one answer for all: nobody waits for a retry, nobody gets an error."""
    with odoo.without():
        for _ in range(FLOODED_CALLS):
            call = wire.inbound()
            answers = wire.send_at_once([call.start()] * AT_ONCE)
            assert {status for status, _body in answers} == {200}
            assert len({body for _status, body in answers}) == 1
            rows = odoo.sql("SELECT redelivered FROM zadarma_event WHERE pbx_call_id = %s", call.id)
            assert rows == [(AT_ONCE - 1,)]
        odoo.wait_until_processed()
    assert odoo.value("SELECT count(*) FROM zadarma_call WHERE pbx_call_id = %s", call.id) == 1


def test_the_same_ringing_hundreds_of_times(odoo, wire):
    """Each user who rings is told once."""
    call = wire.inbound()
    wire.send(call.start())
    with odoo.without():
        wire.send_at_once([call.internal(extension) for extension in ("101", "102")] * (AT_ONCE // 2))
        odoo.wait_until_processed()
    told = odoo.sql(POPUPS, "ringing", call.id)
    assert [count for _channel, count in told] == [1, 1]
    assert not left_to_the_sweeper(odoo, [call])


def test_a_whole_call_at_once(odoo, wire):
    """The notifications of a call on both workers within milliseconds make the record that they make one by one."""
    serial = wire.inbound()
    for form in serial.whole(RINGING, TALKER):
        assert wire.send(form)[0] == 200
    odoo.wait_until_processed()
    expected = odoo.sql(SAME, serial.id)
    assert expected
    assert expected[0][1:3] == ("ended", "answered")
    calls = [wire.inbound() for _ in range(TANGLED_CALLS)]
    with odoo.without():
        for call in calls:
            answers = wire.send_at_once(call.whole(RINGING, TALKER))
            assert {status for status, _body in answers} == {200}
        odoo.wait_until_processed()
    for call in calls:
        assert odoo.sql(SAME, call.id) == expected
    assert not left_to_the_sweeper(odoo, calls)


def left_to_the_sweeper(odoo, calls):
    """Return the notifications that were processed only when they were old enough for the sweeper."""
    query = """
        SELECT pbx_call_id, name, processed_at - received_at FROM zadarma_event
         WHERE pbx_call_id = ANY(%s) AND processed_at - received_at > interval '10 seconds'
    """
    return odoo.sql(query, [call.id for call in calls])


def test_a_call_that_somebody_holds(odoo, wire):
    """A long transaction on a call keeps no answer waiting; what came meanwhile is processed when it is over."""
    call = wire.inbound()
    first = wire.send(call.start())
    wire.send(call.internal("101"))
    odoo.wait_until_processed()
    with odoo.holding("SELECT id FROM zadarma_call WHERE pbx_call_id = %s FOR UPDATE", call.id):
        # The sender has its answers while the lock is held: none waits for it.
        assert wire.send(call.start()) == first
        assert wire.send(call.answer("101"))[0] == 200
        wait_for(odoo.waiting_for_locks, "a worker waits for the call")
        assert wire.send(call.end("101"))[0] == 200
        assert wire.send(wire.inbound().start())[0] == 200
        wait_for(lambda: not odoo.waiting_for_locks(), "the worker does not wait for ever")
    odoo.wait_until_processed(sweeping=True)
    state, result, duration = odoo.sql(
        "SELECT state, result, duration FROM zadarma_call WHERE pbx_call_id = %s", call.id
    )[0]
    assert (state, result, duration) == ("ended", "answered", 42)


def test_several_sweepers(odoo, wire, admin):
    """The cron and impatient administrators work on one backlog, and every call is told of once."""
    calls = [wire.inbound() for _ in range(20)]
    store_backlog(odoo, calls, age="15 seconds")
    cron = admin.call("ir.cron", "search", [("cron_name", "like", "Zadarma: process")])
    with odoo.without("Traceback", "could not be processed"), ThreadPoolExecutor(3) as administrators:
        runs = [administrators.submit(press_button, admin, cron) for _ in range(3)]
        odoo.wait_until_processed(sweeping=True)
        [run.result() for run in runs]
    for call in calls:
        assert [count for _channel, count in odoo.sql(POPUPS, "ringing", call.id)] == [1]
        assert odoo.value("SELECT count(*) FROM zadarma_call WHERE pbx_call_id = %s", call.id) == 1


def press_button(admin, cron):
    """Run a scheduled action by hand; Odoo refuses one that runs already."""
    try:
        admin.call("ir.cron", "method_direct_trigger", cron)
    except AssertionError as error:
        assert "already executing" in str(error)


def test_backlog_of_an_hour(odoo, wire, measure):
    """What nobody processed for an hour is processed soon, and opens no popup."""
    calls = [wire.inbound() for _ in range(BACKLOG_CALLS)]
    store_backlog(odoo, calls, age="1 hour")
    started = time.monotonic()
    odoo.wait_until_processed(120, sweeping=True)
    seconds = time.monotonic() - started
    measure(f"{BACKLOG_CALLS * 2} notifications of {BACKLOG_CALLS} calls swept in {seconds:.1f} s")
    for call in calls:
        assert odoo.sql(SAME, call.id)[0][1] == "ringing"
        assert not odoo.sql(POPUPS, "ringing", call.id)


def store_backlog(odoo, calls, age):
    """Put calls that ring at one extension into the inbox, as a worker leaves them that dies after its answer."""
    for call in calls:
        for form in (call.start(), call.internal("101")):
            odoo.store(form, age)


def test_both_workers_take_part(odoo, wire):
    """The floods above were worked on by two processes."""
    mark = odoo.log_size()
    wire.send_at_once([wire.inbound().start() for _ in range(40)])
    pids = [str(worker.pid) for worker in odoo.workers()]
    assert len(pids) == 2

    def counts():
        lines = [line for line in odoo.log(mark).splitlines() if "POST /zadarma/" in line]
        return [sum(f" {pid} INFO " in line for line in lines) for pid in pids]

    wait_for(lambda: sum(counts()) == 40, "all requests are logged")
    assert all(counts())


def test_answers_under_load_are_right(odoo, wire):
    """While one call is flooded, other calls go their way."""
    flooded, others = wire.inbound(), [wire.inbound() for _ in range(10)]
    flood = threading.Thread(target=wire.send_at_once, args=([flooded.start()] * AT_ONCE,))
    flood.start()
    for call in others:
        for form in call.whole(("101",), "101"):
            assert wire.send(form)[0] == 200
    flood.join()
    odoo.wait_until_processed(sweeping=True)
    for call in others:
        assert odoo.sql(SAME, call.id)[0][1:3] == ("ended", "answered")


@pytest.fixture
def creating(odoo, admin):
    """Calls of new customers create opportunities; what they created is gone afterwards."""
    company = odoo.value("SELECT id FROM res_company ORDER BY id LIMIT 1")
    admin.call("res.company", "write", [company], {"zadarma_create_records": True})
    yield
    admin.call("res.company", "write", [company], {"zadarma_create_records": False})
    leads = admin.call("crm.lead", "search", [("phone_sanitized", "like", NEW_NUMBER)])
    admin.call("crm.lead", "unlink", leads)


def test_two_calls_of_a_new_number_that_end_together(odoo, wire, creating):
    """One open lead a caller, whichever worker hears of which call."""
    numbers = [f"{NEW_NUMBER}{number:04d}" for number in range(NEW_CALLERS)]
    with odoo.without("Traceback", "tries left"):
        for number in numbers:
            pair = [wire.inbound(number), wire.inbound(number)]
            wire.send_at_once([call.start() for call in pair])
            answers = wire.send_at_once([call.end("101") for call in pair])
            assert [status for status, _body in answers] == [200, 200]
        odoo.wait_until_processed(sweeping=True)
        wait_for(
            lambda: odoo.sweep() or not odoo.value("SELECT count(*) FROM zadarma_call WHERE is_settled IS FALSE"),
            "everything has followed from the calls",
        )
    leads = odoo.sql(
        "SELECT phone_sanitized, count(*) FROM crm_lead WHERE phone_sanitized = ANY(%s) GROUP BY 1", numbers
    )
    assert sorted(leads) == [(number, 1) for number in numbers]
    linked = odoo.sql(
        "SELECT count(*), count(lead_id), count(DISTINCT lead_id) FROM zadarma_call WHERE number = ANY(%s)", numbers
    )
    assert linked == [(2 * NEW_CALLERS, 2 * NEW_CALLERS, NEW_CALLERS)]
