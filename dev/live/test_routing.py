"""Where calls go: to who is responsible, back to the menu, or nowhere, as callers and people at their desks notice."""

import pytest
from harness import wait_for

from simulator import Simulator

LONDON = "442037691880"


@pytest.fixture
def routed(admin):
    """The company, whose people take calls at any hour; routing is switched on for the test."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    values = {"name": "Any time", "schedule_type": "flexible", "attendance_ids": [(5, 0, 0)]}
    calendar = admin.create("resource.calendar", **values, company_id=company)
    before = admin.call("res.company", "read", [company], ["resource_calendar_id"])[0]["resource_calendar_id"][0]
    switches = {"zadarma_route_calls": True, "zadarma_return_timeout": 10, "resource_calendar_id": calendar}
    admin.call("res.company", "write", [company], switches)
    yield company
    admin.call("res.company", "write", [company], {"zadarma_route_calls": False, "resource_calendar_id": before})


def make_customer(admin, people, number, login):
    """Make a contact for whom somebody answers."""
    return admin.create("res.partner", name="Anna Berg", phone=number, user_id=people[login].uid)


def the_note(zadarma, call):
    """Return what the simulated PBX made of the answer."""
    return zadarma.exchange.call(call).note


def test_call_goes_to_the_responsible_user_and_comes_back(admin, people, odoo, zadarma, open_desk, routed, number):
    """The responsible user's phone rings alone; if they do not take it, the call goes the PBX's own way."""
    make_customer(admin, people, number, "colleague")
    agent, colleague = open_desk("agent"), open_desk("colleague")
    call = zadarma.call_in(number, did=LONDON, to=["101"])
    assert the_note(zadarma, call) == "redirected to 102"
    assert colleague.card.text("title") == "Anna Berg"
    assert not agent.seen()
    wait_for(agent.cards, "the call came back and rings at the agent's desk")
    zadarma.answer(call, "101")
    agent.card.wait_for_status("Talking")
    zadarma.hang_up(call)
    agent.card.wait_until_gone()


def test_deputy_takes_the_calls_of_somebody_not_to_be_disturbed(admin, people, zadarma, routed, number):
    """What people say of themselves counts with the very next call."""
    make_customer(admin, people, number, "colleague")
    colleague = people["colleague"].uid
    mine = {"zadarma_dnd": True, "zadarma_deputy_id": people["agent"].uid}
    people["colleague"].call("res.users", "write", [colleague], mine)
    try:
        call = zadarma.call_in(number, did=LONDON, to=["103"])
        assert the_note(zadarma, call) == "redirected to 101"
        zadarma.hang_up(call)
    finally:
        others = {"zadarma_dnd": False, "zadarma_deputy_id": False}
        people["colleague"].call("res.users", "write", [colleague], others)
    call = zadarma.call_in(number, did=LONDON, to=["103"])
    assert the_note(zadarma, call) == "redirected to 102"


def test_blocked_caller_hears_busy(admin, people, odoo, zadarma, open_desk, number):
    """Blocked from the popup; the next call disturbs nobody and is counted."""
    agent = open_desk("agent")
    first = zadarma.call_in(number, did=LONDON, to=["101"])
    agent.card.click("block")
    dialog = agent.tab.locator(".o_dialog")
    dialog.locator("[name='reason'] input").fill("Robot")
    dialog.locator("footer .btn-danger").click()
    dialog.wait_for(state="detached")
    zadarma.hang_up(first)
    agent.card.wait_until_gone()

    second = Simulator.call_in(zadarma, number, did=LONDON, to=["101"])
    wait_for(lambda: second not in zadarma.open_calls(), "the PBX hangs up")
    assert the_note(zadarma, second) == "blacklisted"
    tries = "SELECT try_count FROM zadarma_blocked_number WHERE number = %s"
    wait_for(lambda: odoo.value(tries, number) == 1, "the try is counted")
    query = "SELECT is_blocked, is_missed, state FROM zadarma_call WHERE pbx_call_id = %s"
    assert odoo.sql(query, second) == [(True, False, "ended")]
    assert len(agent.seen()) == 1
    assert agent.cards() == 0
