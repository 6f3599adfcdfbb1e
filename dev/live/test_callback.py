"""Calls out by a click: from two browsers' double clicks to the end of the call, however Zadarma tells of it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import wait_for

CALLS = """
    SELECT id, state, result, pbx_call_id, request_state, request_stage, duration > 0
      FROM zadarma_call WHERE number = %s ORDER BY id
"""


@pytest.fixture
def modes(simulator):
    """Set how the simulated Zadarma tells of callbacks; afterwards it is as it was."""
    yield simulator.set
    simulator.set(callback_mode="shared", callback_leg1_destination="customer", undocumented_fields=True)


@pytest.fixture
def anna(admin, number):
    """A customer."""
    return {"id": admin.create("res.partner", name="Anna Berg", phone=number), "number": number}


def requests(simulator, number):
    """Return the callbacks to a number that Zadarma was asked for."""
    return [call for call in simulator.exchange.calls.values() if call.number == number]


def test_many_clicks_at_once_are_one_call(odoo, zadarma, people, number):
    """Two workers, eight tabs: one record, one request, and every tab hears of the same call."""
    with odoo.without("Traceback", "tries left"), ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda _tab: people["agent"].call("zadarma.call", "action_call", number), range(8)))
    assert len({answer["id"] for answer in answers}) == 1
    wait_for(lambda: requests(zadarma, number), "Zadarma calls")
    odoo.wait_until_processed()
    assert len(requests(zadarma, number)) == 1
    assert len(odoo.sql(CALLS, number)) == 1


@pytest.mark.parametrize(
    "mode",
    [
        {"callback_mode": "shared"},
        {"callback_mode": "shared", "undocumented_fields": False},
        {"callback_mode": "separate"},
        {"callback_mode": "separate", "callback_leg1_destination": "extension"},
        {"callback_mode": "single"},
    ],
    ids=lambda mode: "-".join(map(str, mode.values())),
)
def test_click_becomes_one_call_however_it_is_told(odoo, zadarma, people, modes, number, mode):
    """The own phone is picked up, then the other one; both hang up, and it was one call."""
    modes(**mode)
    answer = people["agent"].call("zadarma.call", "action_call", number)
    call = wait_for(lambda: requests(zadarma, number), "Zadarma calls")[0]
    wait_for(call.open_legs, "the own phone rings")
    zadarma.answer(call.id, "101")
    wait_for(lambda: call.customer_state() == "ringing", "the other phone rings")
    zadarma.answer(call.id)
    wait_for(lambda: odoo.sql(CALLS, number)[0][1] == "talking", "the call is known to be answered")
    zadarma.hang_up(call.id)
    wait_for(lambda: odoo.sql(CALLS, number)[0][1] == "ended", "the call is over")
    odoo.wait_until_processed()
    [row] = odoo.sql(CALLS, number)
    assert (row[0], row[1], row[2], row[4]) == (answer["id"], "ended", "answered", "accepted")


def test_from_the_click_to_the_end_of_the_call(odoo, zadarma, people, open_desk, anna):
    """The button beside a customer's number, the popup through all that follows, and what is kept of it."""
    agent = open_desk("agent", path=f"/odoo/res.partner/{anna['id']}")
    button = agent.tab.locator("[name='phone'] .o_zadarma_call_button")
    button.click()
    agent.card.wait_for_status("Your phone rings")
    assert agent.card.text("title") == "Anna Berg"
    assert "Pick up your phone. Then Anna Berg is called." in agent.card.root.inner_text()
    button.click()  # once more, by mistake
    call = wait_for(lambda: requests(zadarma, anna["number"]), "Zadarma calls")[0]
    wait_for(call.open_legs, "the own phone rings")
    zadarma.answer(call.id, "101")
    agent.card.wait_for_status("Ringing")
    zadarma.answer(call.id)
    agent.card.wait_for_status("Talking")
    wait_for(lambda: agent.card.seconds() >= 2, "the timer runs")
    agent.picture("call-out-talking")
    zadarma.hang_up(call.id)
    agent.card.wait_for_status("Call ended")
    agent.card.wait_until_gone()
    assert len(requests(zadarma, anna["number"])) == 1

    agent.tab.reload()
    agent.tab.locator("button[name='action_view_zadarma_calls']").click()
    row = agent.tab.locator(".o_list_view .o_data_row", has_text="Anna Berg")
    row.locator(".o_data_cell", has_text="Answered").wait_for()
    assert row.count() == 1
    row.locator("[name='date_start']").click()
    form = agent.tab.locator(".o_form_view")
    form.locator("[name='request_res_id']", has_text="Anna Berg").wait_for()
    assert "Agent" in form.locator("[name='request_user_id']").inner_text()
    agent.picture("call-out-form")


def test_phone_that_nobody_picks_up(odoo, zadarma, open_desk, anna):
    """Who does not pick up their own phone is told so, and the customer heard nothing."""
    agent = open_desk("agent", path=f"/odoo/res.partner/{anna['id']}")
    agent.tab.locator("[name='phone'] .o_zadarma_call_button").click()
    call = wait_for(lambda: requests(zadarma, anna["number"]), "Zadarma calls")[0]
    wait_for(call.open_legs, "the own phone rings")
    zadarma.hang_up(call.id)
    agent.card.wait_for_status("Nobody reached")
    agent.card.wait_until_gone()
    odoo.wait_until_processed()
    [row] = odoo.sql(CALLS, anna["number"])
    assert row[1] == "ended"
    assert not row[6]
