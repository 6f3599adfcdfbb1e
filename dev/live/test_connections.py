"""Popups in several tabs and browsers, and through all that happens to a connection."""

import json
import time
from contextlib import closing, suppress

import pytest
import websocket
from harness import Client, new_number, wait_for

CALLS_WHILE_ASLEEP = 40
OFFLINE = ("net::ERR_", "Connection lost", "ConnectionLostError")
# A browser whose memory of the bus means nothing to the server.
UNKNOWN_LAST_ID = """
const getItem = Storage.prototype.getItem;
Storage.prototype.getItem = function (key) {
    return key.endsWith("last_notification_id") ? "999999999" : getItem.call(this, key);
};
"""


@pytest.fixture
def anna(admin):
    """A customer with a number of her own."""
    number = new_number()
    admin.create("res.partner", name="Anna Berg", phone=number)
    return number


@pytest.fixture
def road(new_proxy):
    """The network of one laptop."""
    road = new_proxy()
    yield road
    road.refuses_websockets = False


def has_ended(odoo, *calls):
    """Tell whether calls are over for Odoo."""
    query = "SELECT count(*) FROM zadarma_call WHERE pbx_call_id = ANY(%s) AND state = 'ended'"
    return odoo.value(query, list(calls)) == len(calls)


def come_and_go(odoo, zadarma, number, count):
    """Let somebody call the agent and give up, again and again; return once Odoo knows."""
    calls = []
    for _ in range(count):
        calls.append(zadarma.call_in(number, to=["101"]))
        zadarma.hang_up(calls[-1])
    wait_for(lambda: has_ended(odoo, *calls), "Odoo knows of all calls")


def test_one_popup_a_browser(zadarma, open_desk, anna):
    """Three tabs show one popup between them, a telephone its own; the answer takes all of them away."""
    laptop, phone = open_desk("agent"), open_desk("agent", width=400, height=800)
    laptop.open("/odoo")
    laptop.open("/odoo/crm")
    call = zadarma.call_in(anna, to=["101", "102"])
    wait_for(lambda: laptop.cards() == phone.cards() == 1, "one popup in each browser")
    showing = next(tab for tab in laptop.tabs if tab.locator(".o_zadarma_call_card").count())
    zadarma.answer(call, "102")
    wait_for(lambda: laptop.cards() == phone.cards() == 0, "popups are dismissed everywhere")
    assert [len(desk.seen()) for desk in (laptop, phone)] == [1, 1]

    # Another tab takes over from the one that showed it.
    zadarma.call_in(anna, to=["101"])
    wait_for(lambda: laptop.cards() == 1, "one popup")
    laptop.tabs.remove(showing)
    showing.close()
    wait_for(lambda: laptop.cards() == 1, "another tab shows the popup")


def count_waiting(people):
    """Return how many callers wait for the agent, by the server."""
    return people["agent"].call("zadarma.call", "get_popup_state")["missed"]


def test_laptop_wakes_up(odoo, zadarma, open_desk, people, road, anna):
    """After a sleep in which many calls came and went there is only what rings now, and who waits for a call back."""
    laptop = open_desk("agent", url=road.url, tolerated=OFFLINE)
    road.close()
    laptop.context.set_offline(True)
    come_and_go(odoo, zadarma, anna, CALLS_WHILE_ASLEEP)
    zadarma.call_in(anna, to=["101"])
    odoo.wait_until_processed()
    assert not laptop.seen()
    road.open()
    laptop.context.set_offline(False)
    assert laptop.card.text("title") == "Anna Berg"
    # As many as the server counts; Anna is one of them, however often she called.
    wait_for(lambda: laptop.missed() == count_waiting(people), "the callers who wait are counted")
    # The bus comes back a little later and brings what was missed, in order.
    zadarma.hang_up(zadarma.open_calls()[0])
    laptop.card.wait_until_gone(90)
    assert len(laptop.seen()) == 1
    assert laptop.missed() == count_waiting(people)
    odoo.wait_until_processed()
    assert odoo.value("SELECT max(tries) FROM zadarma_missed_call WHERE number = %s", anna) == CALLS_WHILE_ASLEEP + 1


@pytest.mark.parametrize("last_id", ["none", "unknown"])
def test_calls_that_ended_are_not_replayed(odoo, zadarma, open_desk, anna, last_id):
    """A browser that asks the bus for more than it needs shows none of the calls that are over."""
    come_and_go(odoo, zadarma, anna, 2)
    elsewhere = zadarma.call_in(anna, to=["101", "102"])
    zadarma.answer(elsewhere, "102")
    zadarma.hang_up(elsewhere)
    wait_for(lambda: has_ended(odoo, elsewhere), "Odoo knows of the call")
    agent = open_desk("agent", path="")
    if last_id == "unknown":
        agent.context.add_init_script(UNKNOWN_LAST_ID)
    agent.open()
    # The bus keeps the order: what it replays has been there once this call is.
    call = zadarma.call_in(anna, to=["101"])
    assert agent.card.text("title") == "Anna Berg"
    zadarma.hang_up(call)
    agent.card.wait_until_gone()
    assert len(agent.seen()) == 1


def test_popups_without_websocket(zadarma, open_desk, road, anna, measure):
    """Where a proxy refuses websockets, popups come by polling, and the bar says that they come late."""
    road.refuses_websockets = True
    agent = open_desk("agent", url=road.url, tolerated=OFFLINE)
    call, started = zadarma.call_in(anna, to=["101"]), time.monotonic()
    assert agent.card.text("title") == "Anna Berg"
    measure(f"popup without websocket after {time.monotonic() - started:.1f} s")
    agent.tab.locator(".o_zadarma_delayed").wait_for()
    zadarma.hang_up(call)
    agent.card.wait_until_gone()


def test_bus_process_dies(odoo, zadarma, open_desk, anna):
    """Popups go on after the process that serves websockets was killed."""
    agent = open_desk("agent", tolerated=OFFLINE)
    call = zadarma.call_in(anna, to=["101"])
    assert agent.card.text("title") == "Anna Berg"
    odoo.kill_bus()
    zadarma.hang_up(call)
    agent.card.wait_until_gone()
    zadarma.call_in(anna, to=["101"])
    wait_for(lambda: agent.cards() == 1, "the next popup")


def test_session_expires_while_ringing(odoo, zadarma, open_desk, proxy, anna):
    """Who is logged out is asked to log in, and sees nothing of this call nor of the next."""
    session_id = Client(proxy.url, odoo.database, "agent").session_id
    agent = open_desk("agent", session_id=session_id, path="/odoo", tolerated=("Session", "session", "4001"))
    colleague = open_desk("colleague")
    call = zadarma.call_in(anna, to=["101", "102"])
    assert agent.card.text("title") == "Anna Berg"
    odoo.expire_session(session_id)
    zadarma.answer(call, "102")
    agent.card.wait_until_gone()
    agent.tab.locator(".modal", has_text="Session Expired").wait_for()
    zadarma.hang_up(call)
    colleague.card.wait_until_gone()
    zadarma.call_in(anna, to=["101", "102"])
    assert colleague.card.text("title") == "Anna Berg"
    assert len(agent.seen()) == 1
    assert "Anna" not in agent.tab.content()


def test_strangers_hear_nothing(odoo, zadarma, open_desk, proxy, people, admin, anna):
    """Whatever channels the public and a portal user subscribe to, they learn of no call."""
    portal = odoo.value("SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'group_portal'")
    admin.create("res.users", name="Portal", login="portal", password="portal", group_ids=[(6, 0, [portal])])
    agent, company = people["agent"], odoo.value("SELECT id FROM res_company ORDER BY id")
    partner = odoo.value("SELECT partner_id FROM res_users WHERE id = %s", agent.uid)
    names = ["zadarma", "zadarma.call", "zadarma_call", "zadarma_calls", "broadcast", "res.partner", "res.users"]
    names += [f"res.partner,{partner}", f"res.users,{agent.uid}", f"res.partner_{partner}", f"res.company,{company}"]
    names += [f"zadarma.call,{company}", json.dumps([odoo.database, "res.partner", partner])]
    sessions = {"", Client(proxy.url, odoo.database, "portal").session_id}
    desk = open_desk("agent")
    ears = [listen(proxy, session, names) for session in sessions]
    zadarma.call_in(anna, to=["101"])
    assert desk.card.text("title") == "Anna Berg"
    for ear in ears:
        with closing(ear):
            ear.settimeout(1)
            with suppress(websocket.WebSocketTimeoutException):
                while True:
                    heard = [message["message"] for message in json.loads(ear.recv())]
                    # Odoo itself tells everybody that a new version of the web client's code was built.
                    overheard = [message for message in heard if message["type"] != "bundle_changed"]
                    assert not overheard, "somebody listens in"


def listen(proxy, session_id, channels):
    """Subscribe to channels of the bus."""
    cookie = f"session_id={session_id}" if session_id else None
    ear = websocket.create_connection(f"{proxy.url.replace('http', 'ws')}/websocket", cookie=cookie, timeout=10)
    ear.send(json.dumps({"event_name": "subscribe", "data": {"channels": channels, "last": 0}}))
    return ear
