"""Calls as people at their desks see them, in real browsers."""

import time
from statistics import median

import pytest
from desk import CARD
from harness import wait_for

LONDON = "442037691880"
CALLS_IN_A_ROW = 7


@pytest.fixture
def anna(admin, number):
    """A customer: a person in a company, with a deal."""
    company = admin.create("res.partner", name="Nordwind GmbH", is_company=True)
    partner = admin.create("res.partner", name="Anna Berg", parent_id=company, phone=number)
    deal = {"name": "Ten sails", "type": "opportunity", "partner_id": partner, "expected_revenue": 1250}
    lead = admin.create("crm.lead", **deal, user_id=False)
    return {"id": partner, "lead": lead, "number": number}


def call_of(odoo, pbx_call_id):
    """Return the row of a call."""
    query = "SELECT id, state, result, partner_id, lead_id, caller_state FROM zadarma_call WHERE pbx_call_id = %s"
    rows = wait_for(lambda: odoo.sql(query, pbx_call_id), "the call is there")
    return dict(zip(("id", "state", "result", "partner_id", "lead_id", "caller_state"), rows[0], strict=True))


def painted_after(zadarma, desk):
    """Return the milliseconds from the sending of the last NOTIFY_INTERNAL to the paint of the last card."""
    entry = zadarma.webhooks("NOTIFY_INTERNAL")[-1]
    painted = wait_for(lambda: desk.seen()[-1].get("painted"), "the card is painted")
    return (painted - entry.time) * 1000 + entry.milliseconds


def test_customer_calls_in(odoo, zadarma, open_desk, anna):
    """The main job: those who ring see who calls, one picks up, the others are left alone, and the call is kept."""
    agent, colleague, other = (open_desk(login) for login in ("agent", "colleague", "supervisor"))
    call = zadarma.call_in(anna["number"], did=LONDON, to=["101", "102"])
    for desk in (agent, colleague):
        assert desk.card.text("title") == "Anna Berg"
        assert desk.card.text("company") == "Nordwind GmbH"
        assert desk.card.text("number").replace(" ", "") == anna["number"]
        assert "London" in desk.card.text("own_number")
        assert "Ten sails" in desk.card.text("deal")
        assert "1,250" in desk.card.text("deal")
        assert desk.card.text("status") == "Incoming call"

    zadarma.answer(call, "102")
    agent.card.wait_for_status("Answered by Colleague")
    agent.card.wait_until_gone()
    colleague.card.wait_for_status("Talking")
    wait_for(lambda: colleague.card.seconds() >= 2, "the timer runs")

    zadarma.hang_up(call)
    colleague.card.wait_until_gone()
    assert [desk.cards() for desk in (agent, colleague, other)] == [0, 0, 0]
    assert [len(desk.seen()) for desk in (agent, colleague, other)] == [1, 1, 0]
    row = call_of(odoo, call)
    assert (row["state"], row["result"], row["partner_id"]) == ("ended", "answered", anna["id"])

    # The third one's popups work: the silence was not by accident.
    zadarma.call_in(anna["number"], to=["103"])
    assert other.card.text("title") == "Anna Berg"
    assert (agent.cards(), colleague.cards()) == (0, 0)


def test_popups_come_and_go_at_once(zadarma, open_desk, anna, measure):
    """Call after call: one popup each, and none is left."""
    agent, colleague = open_desk("agent"), open_desk("colleague")
    painted, gone = [], []
    for count in range(1, CALLS_IN_A_ROW + 1):
        call = zadarma.call_in(anna["number"], to=["101", "102"])
        assert agent.card.text("title") == colleague.card.text("title") == "Anna Berg"
        painted.append(painted_after(zadarma, colleague))
        answered = time.time()
        zadarma.answer(call, "102")
        agent.card.wait_until_gone()
        gone.append((agent.seen()[-1]["gone"] - answered) * 1000)
        zadarma.hang_up(call)
        colleague.card.wait_until_gone()
        assert len(agent.seen()) == len(colleague.seen()) == count
    measure(f"ringing to popup painted: median {median(painted):.0f} ms, at most {max(painted):.0f} ms")
    measure(f"answered elsewhere to popup gone: median {median(gone):.0f} ms, at most {max(gone):.0f} ms")


def test_call_is_found_again(zadarma, odoo, open_desk, anna):
    """A call stands in the list of calls and behind the button on the customer's form."""
    agent = open_desk("agent", path="/odoo")
    call = zadarma.call_in(anna["number"], to=["101"])
    zadarma.answer(call, "101")
    zadarma.hang_up(call, "101")
    wait_for(lambda: call_of(odoo, call)["state"] == "ended", "the call is over")
    tab = agent.open()
    tab.locator(".o_data_row", has_text="Anna Berg").first.wait_for()
    tab.goto(f"{agent.url}/odoo/res.partner/{anna['id']}")
    tab.locator("button[name='action_view_zadarma_calls']").click()
    row = tab.locator(".o_list_view .o_data_row", has_text="Anna Berg")
    row.wait_for()
    assert row.count() == 1


def test_open_button_leads_to_the_customer(zadarma, open_desk, anna):
    """The popup opens the form of who is calling, while it rings."""
    agent = open_desk("agent")
    zadarma.call_in(anna["number"], to=["101"])
    agent.card.click("open")
    agent.tab.locator(".o_form_view", has_text="Anna Berg").wait_for()
    assert agent.cards() == 1


def test_unknown_caller_becomes_a_contact(odoo, zadarma, open_desk, number):
    """From the popup to a saved contact, and the call is linked to it."""
    agent = open_desk("agent")
    call = zadarma.call_in(number, to=["101"])
    assert agent.card.text("title").replace(" ", "") == number
    agent.card.click("new_contact")
    form = agent.tab.locator(".o_form_view")
    assert form.locator("[name='phone'] input").input_value().replace(" ", "") == number
    form.locator(".o_field_widget[name='name'] :is(input, textarea)").first.fill("New Customer")
    agent.tab.locator(".o_form_button_save").click()
    partner = wait_for(lambda: call_of(odoo, call)["partner_id"], "the call is linked")
    assert odoo.value("SELECT name FROM res_partner WHERE id = %s", partner) == "New Customer"


def test_one_of_several_is_chosen(odoo, zadarma, open_desk, admin, number):
    """People of two companies share a number: the popup asks, and the choice is kept."""
    ids = [admin.create("res.partner", name=name, phone=number) for name in ("Porter’s lodge", "Canteen")]
    agent = open_desk("agent")
    call = zadarma.call_in(number, to=["101"])
    matches = agent.card.root.locator(".o_zadarma_call_matches button")
    matches.filter(has_text="Canteen").click()
    agent.tab.locator(".o_zadarma_call_title", has_text="Canteen").wait_for()
    row = call_of(odoo, call)
    assert (row["partner_id"], row["caller_state"]) == (ids[1], "chosen")
    zadarma.answer(call, "101")
    agent.card.wait_for_status("Talking")
    assert agent.card.text("title") == "Canteen"


@pytest.mark.parametrize("name", ["<img src=x onerror=window.hacked=1>", "{{7*7}} %s ${7*7}", "Ж" * 512 + "🙂"])
def test_names_are_only_text(zadarma, open_desk, admin, number, name):
    """Whatever a contact is called, people see that name and nothing else."""
    partner = admin.create("res.partner", name=name, phone=number)
    admin.create("crm.lead", name=name, type="opportunity", partner_id=partner, user_id=False)
    agent = open_desk("agent")
    call = zadarma.call_in(number, to=["101"])
    assert agent.card.text("title") == name
    assert name in agent.card.text("deal")
    zadarma.hang_up(call)
    agent.card.wait_until_gone()
    agent.tab.reload()
    agent.tab.locator(".o_data_row", has_text=name[:40]).first.wait_for()
    assert agent.tab.evaluate("window.hacked") is None
    assert agent.tab.locator("img[src='x']").count() == 0


def test_withheld_number(zadarma, open_desk):
    """A caller without number is shown as such; there is nothing to create."""
    agent = open_desk("agent")
    zadarma.call_in("anonymous", to=["101"])
    assert agent.card.text("title") == "Withheld number"
    assert agent.card.root.locator(".o_zadarma_call_new_contact").count() == 0


def test_popup_can_be_switched_off(zadarma, open_desk, people, anna):
    """Who wants no popups has none; the colleague who rings too has one."""
    people["agent"].call("res.users", "write", [people["agent"].uid], {"zadarma_popup": False})
    try:
        agent, colleague = open_desk("agent"), open_desk("colleague")
        call = zadarma.call_in(anna["number"], to=["101", "102"])
        assert colleague.card.text("title") == "Anna Berg"
        zadarma.hang_up(call)
        wait_for(agent.missed, "the call is counted as missed")
        assert not agent.seen()
    finally:
        people["agent"].call("res.users", "write", [people["agent"].uid], {"zadarma_popup": True})


def test_outbound_call_shows_at_the_caller(zadarma, open_desk, anna):
    """A call that a desk starts is shown in that user's browser alone, from dialling to the end."""
    agent, colleague = open_desk("agent"), open_desk("colleague")
    call = zadarma.dial("101", anna["number"])
    agent.card.wait_for_status("Calling")
    assert agent.card.text("title") == "Anna Berg"
    zadarma.answer(call)
    zadarma.hang_up(call, "101")
    agent.card.wait_until_gone()
    assert not colleague.seen()


def test_transfer_moves_the_popup(zadarma, open_desk, anna):
    """Who hands a call over is rid of the popup; who gets it sees it ring, then talks."""
    agent, colleague = open_desk("agent"), open_desk("colleague")
    call = zadarma.call_in(anna["number"], to=["101"])
    zadarma.answer(call, "101")
    agent.card.wait_for_status("Talking")
    zadarma.transfer(call, "101", "102")
    assert colleague.card.text("title") == "Anna Berg"
    zadarma.answer(call, "102")
    colleague.card.wait_for_status("Talking")
    agent.card.wait_until_gone()


def test_reload_keeps_popup_and_timer(zadarma, open_desk, anna):
    """A reload while it rings or while people talk brings the popup back, and time goes on."""
    agent = open_desk("agent")
    call = zadarma.call_in(anna["number"], to=["101"])
    wait_for(lambda: agent.card.seconds() >= 2, "it rings for two seconds")
    agent.tab.reload()
    assert agent.card.seconds() >= 2
    assert agent.card.text("title") == "Anna Berg"
    zadarma.answer(call, "101")
    agent.card.wait_for_status("Talking")
    started = time.monotonic()
    wait_for(lambda: agent.card.seconds() >= 3, "they talk for three seconds")
    agent.tab.reload()
    agent.card.wait_for_status("Talking")
    shown = agent.card.seconds()
    assert 3 <= shown <= time.monotonic() - started + 2
    assert agent.tab.locator(CARD).count() == 1
