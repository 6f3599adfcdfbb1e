"""The five features of Zadarma's guide, each from the simulated call to what a salesperson sees."""

import pytest
from harness import new_number, wait_for

from simulator import Simulator

SWITCHES = (
    "zadarma_create_records",
    "zadarma_route_calls",
    "zadarma_caller_name",
    "zadarma_missed_activities",
    "zadarma_block_numbers",
)


@pytest.fixture
def company(odoo):
    """The company's id."""
    return odoo.value("SELECT id FROM res_company ORDER BY id")


@pytest.fixture
def switch_on(admin, company):
    """Switch features on for the test, and nothing else."""
    before = admin.call("res.company", "read", [company], SWITCHES)[0]

    def switch_on(*names, **values):
        admin.call("res.company", "write", [company], {**{name: name in names for name in SWITCHES}, **values})

    yield switch_on
    admin.call("res.company", "write", [company], {name: before[name] for name in SWITCHES})


def talk(zadarma, call, extension="101"):
    """Pick up and hang up."""
    zadarma.answer(call, extension)
    zadarma.hang_up(call)


def test_new_customer_becomes_a_lead_of_who_talked(odoo, zadarma, open_desk, people, switch_on):
    """An unknown caller is answered: the popup offers the new record at once, and it is the salesperson's own."""
    switch_on("zadarma_create_records")
    agent, number = open_desk("agent"), new_number()
    call = zadarma.call_in(number, to=["101", "102"])
    agent.card.wait_for_status("Incoming call")
    zadarma.answer(call, "101")
    agent.card.root.locator(".o_zadarma_call_open").wait_for()
    leads = people["agent"].call("crm.lead", "search_read", [("phone_sanitized", "=", number)], ["user_id"])
    assert [lead["user_id"][0] for lead in leads] == [people["agent"].uid]
    agent.card.click("open")
    agent.tab.locator(".o_form_view", has_text=f"30 {number[5:]}").first.wait_for()
    agent.picture("feature-lead")
    zadarma.hang_up(call)


def test_known_customer_reaches_the_responsible_user(zadarma, open_desk, people, admin, company, switch_on):
    """Of all phones the one of the contact's salesperson rings, whatever the PBX would have done."""
    switch_on("zadarma_route_calls")
    calendar = admin.create("resource.calendar", name="Always", company_id=company)
    lines = [
        {"name": day, "dayofweek": day, "hour_from": 0, "hour_to": 24, "day_period": "morning"} for day in "0123456"
    ]
    admin.call("resource.calendar", "write", [calendar], {"attendance_ids": [(5,), *((0, 0, line) for line in lines)]})
    before = admin.call("res.company", "read", [company], ["resource_calendar_id"])[0]["resource_calendar_id"]
    admin.call("res.company", "write", [company], {"resource_calendar_id": calendar})
    try:
        number = new_number()
        admin.create("res.partner", name="Clara Stamm", phone=number, user_id=people["colleague"].uid)
        colleague, agent = open_desk("colleague"), open_desk("agent")
        call = zadarma.call_in(number, to=["101"])
        assert colleague.card.text("title") == "Clara Stamm"
        assert not agent.cards()
        colleague.picture("feature-routing")
        talk(zadarma, call, "102")
    finally:
        admin.call("res.company", "write", [company], {"resource_calendar_id": before and before[0]})


def test_phone_shows_the_name_in_latin_letters(zadarma, admin, switch_on):
    """The display of the phone that rings shows who it is."""
    switch_on("zadarma_caller_name")
    number = "+380445550303"
    admin.create("res.partner", name="Олена Шевченко", phone=number)
    call = zadarma.call_in(number, to=["101"])
    shown = wait_for(lambda: zadarma.exchange.call(call).caller_name, "the phone shows a name")
    assert shown.isascii()
    assert "Shevchenko" in shown


def test_missed_call_waits_until_somebody_talks_to_the_caller(odoo, zadarma, open_desk, people, admin, switch_on):
    """Nobody picks up: the responsible salesperson has one thing to do, which is done when they talk."""
    switch_on("zadarma_missed_activities")
    number = new_number()
    partner = admin.create("res.partner", name="Dora Warte", phone=number, user_id=people["agent"].uid)

    def activities():
        domain = [("res_model", "=", "res.partner"), ("res_id", "=", partner)]
        return people["agent"].call("mail.activity", "search_read", domain, ["user_id", "summary"])

    for _try in range(2):
        zadarma.hang_up(zadarma.call_in(number, to=["101", "102"]))
        wait_for(zadarma.courier.idle, "the simulator has sent everything")
        odoo.wait_until_processed()
    [activity] = wait_for(activities, "an activity")
    assert activity["user_id"][0] == people["agent"].uid
    agent = open_desk("agent", path=f"/odoo/res.partner/{partner}")
    agent.tab.locator(".o-mail-Activity").first.wait_for()
    agent.picture("feature-missed")
    talk(zadarma, zadarma.call_in(number, to=["102"]), "102")
    wait_for(lambda: not activities(), "the activity is done")


def test_blocked_caller_disturbs_nobody(zadarma, open_desk, people, switch_on):
    """Blocked by a salesperson, the caller hears the busy tone, and no screen shows anything."""
    switch_on("zadarma_block_numbers")
    number = new_number()
    agent = open_desk("agent")
    people["agent"].create("zadarma.blocked.number", number=number, reason="Advertising")
    call = zadarma.exchange.call(Simulator.call_in(zadarma, number, to=["101"]))
    wait_for(lambda: call.ended is not None, "the caller is refused")
    assert call.disposition == "busy"
    assert not call.legs
    assert not agent.seen()
