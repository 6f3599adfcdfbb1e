"""Calls whose notifications were lost come back when calls are compared with the statistics."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from harness import wait_for
from test_crashes import Load

LOST_CALLS = 200
PEOPLE = 20
AT_ONCE = 20
# Three requests a minute: a comparison may have to wait for the next one.
PATIENCE = 240


def compare(odoo):
    """Have the cron compare the last hours now, and not in half an hour."""
    last = odoo.value("SELECT max(id) FROM zadarma_import WHERE kind = 'recent'")
    odoo.sql("UPDATE zadarma_import SET create_date = create_date - interval '1 hour' WHERE kind = 'recent'")

    def is_done():
        odoo.run_cron("ir_cron_compare")
        time.sleep(1)
        query = "SELECT count(*) FROM zadarma_import WHERE kind = 'recent' AND id > %s AND state = 'done'"
        return odoo.value(query, last or 0)

    wait_for(is_done, "the last hours are compared", PATIENCE)


@contextmanager
def people_at_work(client):
    """Have many people read lists all the while, each every second; a request that fails is an error."""
    is_over = threading.Event()

    def work():
        done = 0
        while not is_over.wait(1):
            client.call("zadarma.call", "web_search_read", [], {"display_name": {}, "partner_id": {}}, limit=80)
            done += 1
        return done

    with ThreadPoolExecutor(PEOPLE) as people:
        working = [people.submit(work) for _ in range(PEOPLE)]
        try:
            yield
        finally:
            is_over.set()
        assert all(each.result() for each in working), "each of them got an answer"


def test_calls_whose_notifications_were_lost_come_back(odoo, zadarma, wire, people, admin, number, measure):
    """Two hundred of the last days, each once, and a second look changes nothing.

    Calls that come in meanwhile, while twenty people are at work, are answered and lost as little.
    """
    admin.create("res.partner", name="Anna Berg", phone=number)
    zadarma.add_history(LOST_CALLS, days=2.9, seed=1)
    # As if the last night's comparison had not been yet.
    odoo.sql("DELETE FROM zadarma_import WHERE kind = 'daily'")
    ripe = time.time() - 3600
    lost = {row["pbx_call_id"] for row in zadarma.exchange.history if row["moment"] < ripe}
    assert len(lost) > LOST_CALLS * 0.9
    found = "SELECT count(*), count(DISTINCT pbx_call_id) FROM zadarma_call WHERE pbx_call_id = ANY(%s) AND source = %s"
    started = time.monotonic()

    answers = []

    def are_back():
        odoo.run_cron("ir_cron_compare")
        time.sleep(1)
        answers.append(wire.send(wire.inbound(number).start()))
        return odoo.sql(found, list(lost), "statistics") == [(len(lost), len(lost))]

    with people_at_work(people["supervisor"]), Load(wire) as load:
        wait_for(are_back, "all calls are back", PATIENCE)
    assert not load.failed
    load.check(odoo)
    # A look-up that took too long leaves the name out, which is an answer all the same.
    assert {answer[0] for answer in answers} == {200}
    assert any(b"Anna Berg" in body for _status, body in answers)
    measure(f"{len(lost)} calls back after {time.monotonic() - started:.0f} s")
    everything = odoo.value("SELECT count(*) FROM zadarma_call")
    compare(odoo)
    assert odoo.value("SELECT count(*) FROM zadarma_call") == everything
    open_legs = """
        SELECT leg.id FROM zadarma_call_leg leg JOIN zadarma_call call ON call.id = leg.call_id
         WHERE call.source = 'statistics' AND leg.state != 'ended'
    """
    assert not odoo.sql(open_legs)


def test_end_and_comparison_at_once(odoo, zadarma, wire):
    """While calls are compared, their ends arrive: each is one call, with what the statistics count."""
    calls = [wire.inbound() for _ in range(AT_ONCE)]
    for call in calls:
        for form in (call.start(), call.internal("101"), call.answer("101")):
            assert wire.send(form)[0] == 200
    odoo.wait_until_processed()
    for call in calls:
        zadarma.add_row(
            time.time() - 1200,
            pbx_call_id=call.id,
            call_id="",
            sip="101",
            clid="+4917099887766",
            destination="101",
            disposition="answered",
            seconds=45,
            is_recorded=False,
        )
    with odoo.without("could not be"):
        comparing = threading.Thread(target=compare, args=(odoo,))
        comparing.start()
        wire.send_at_once([call.end("101") for call in calls])
        comparing.join()
        odoo.wait_until_processed(sweeping=True)
    ids = [call.id for call in calls]
    rows = odoo.sql("SELECT pbx_call_id, state, result, duration FROM zadarma_call WHERE pbx_call_id = ANY(%s)", ids)
    assert sorted(rows) == sorted((call_id, "ended", "answered", 45) for call_id in ids)
