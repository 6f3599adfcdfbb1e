"""Outcomes and call lists as people at their desks use them, in real browsers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import new_number, wait_for

QUESTION = ".o_zadarma_outcome_card"
PERSON = ".o_zadarma_person_name"


@pytest.fixture
def customers(admin):
    """Three customers with numbers that nobody else has."""
    people = [{"name": f"Customer {letter}", "phone": new_number()} for letter in "ABC"]
    return [{"id": admin.create("res.partner", **person), **person} for person in people]


@pytest.fixture
def shared_list(people, customers):
    """A list of these customers, made by the agent and shared with the colleague."""
    ids = [customer["id"] for customer in customers]
    action = people["agent"].call("res.partner", "action_make_zadarma_call_list", ids)
    colleagues = {"user_ids": [(6, 0, [people["colleague"].uid])]}
    people["agent"].call("zadarma.call.list", "write", [action["res_id"]], colleagues)
    return action["res_id"]


def take(people, login, shared_list):
    """Take the person to call and return the line."""
    return people[login].call("zadarma.call.list", "action_take", [shared_list])["line"]["id"]


def outcome_of(odoo, partner):
    """Return outcome and note of the calls with a customer."""
    query = """
        SELECT outcome.name ->> 'en_US', call.note FROM zadarma_call call
          LEFT JOIN zadarma_call_outcome outcome ON outcome.id = call.outcome_id
         WHERE call.partner_id = %s ORDER BY call.id
    """
    return odoo.sql(query, partner)


def next_steps(odoo, partner):
    """Return who has planned to call a customer."""
    query = """
        SELECT login FROM mail_activity activity JOIN res_users ON res_users.id = activity.user_id
         WHERE res_model = 'res.partner' AND res_id = %s AND activity.active AND date_deadline > CURRENT_DATE
    """
    return [login for (login,) in odoo.sql(query, partner)]


@pytest.mark.parametrize("direction", ["in", "out"])
def test_outcome_of_a_call(odoo, zadarma, open_desk, customers, direction):
    """After a call the one who talked is asked, nobody else; what they say is kept, with the next step."""
    customer = customers[0]
    agent, colleague = open_desk("agent"), open_desk("colleague")
    if direction == "in":
        call = zadarma.call_in(customer["phone"], to=["101", "102"])
        zadarma.answer(call, "101")
    else:
        call = zadarma.dial("101", customer["phone"])
        zadarma.answer(call)
    agent.card.wait_for_status("Talking")
    zadarma.hang_up(call, "101")
    question = agent.tab.locator(QUESTION)
    question.locator("button", has_text="Interested").click()
    question.locator(".o_zadarma_outcome_note").fill("Wants ten")
    agent.tab.reload()
    question.locator("button[aria-pressed='true']", has_text="Interested").wait_for()
    assert question.locator(".o_zadarma_outcome_note").input_value() == "Wants ten"
    question.locator("button", has_text="Tomorrow").click()
    question.locator(".o_zadarma_outcome_save").click()
    question.wait_for(state="detached")
    assert outcome_of(odoo, customer["id"]) == [("Interested", "Wants ten")]
    assert next_steps(odoo, customer["id"]) == ["agent"]
    assert colleague.tab.locator(QUESTION).count() == 0
    agent.tab.reload()
    agent.tab.wait_for_selector(".o_zadarma_dialler", state="attached")
    assert question.count() == 0


def test_two_call_one_list(odoo, zadarma, open_desk, customers, shared_list):
    """Two people call one list: nobody is called twice, and all is kept."""
    agent = open_desk("agent", path=f"/odoo/{shared_list}/call-list")
    agent.tab.locator(PERSON, has_text="Customer A").wait_for()
    colleague = open_desk("colleague", path=f"/odoo/{shared_list}/call-list")
    colleague.tab.locator(PERSON, has_text="Customer B").wait_for()

    agent.tab.locator(".o_zadarma_dial").click()
    [call] = wait_for(zadarma.open_calls, "the agent's telephone rings")
    zadarma.answer(call, "101")
    wait_for(lambda: len(zadarma.exchange.call(call).open_legs()) > 0, "the customer's telephone rings")
    zadarma.answer(call)
    agent.tab.locator(".o_zadarma_listed_status", has_text="Talking").wait_for()
    zadarma.hang_up(call, "101")
    agent.tab.locator(".o_zadarma_listed_status", has_text="Answered").wait_for()
    assert agent.tab.locator(QUESTION).count() == 0
    agent.tab.locator("button", has_text="Interested").click()
    agent.tab.locator(".o_zadarma_outcome_save").click()
    # The colleague still has the second one.
    agent.tab.locator(PERSON, has_text="Customer C").wait_for()
    assert outcome_of(odoo, customers[0]["id"]) == [("Interested", None)]

    # The desk's telephone does as well as a click, and a reload forgets nothing.
    call = zadarma.dial("102", customers[1]["phone"])
    colleague.tab.locator(".o_zadarma_listed_status", has_text="Calling").wait_for()
    zadarma.answer(call)
    zadarma.hang_up(call, "102")
    colleague.tab.reload()
    colleague.tab.locator(".o_zadarma_listed_status", has_text="Answered").wait_for()
    colleague.tab.locator("button", has_text="No interest").click()
    colleague.tab.locator(".o_zadarma_outcome_save").click()
    colleague.tab.locator(".o_zadarma_list_end", has_text="Colleagues are calling 1").wait_for()

    agent.tab.locator(".o_zadarma_skip").click()
    agent.tab.locator(".o_zadarma_list_end", has_text="That was the last one").wait_for()


def test_one_who_asks_several_times_at_once_has_one(people, shared_list):
    """Whatever the number of requests under way, all tell of the same person, even when it is the last one."""
    people["colleague"].call("zadarma.call.list", "action_take", [shared_list])
    people["agent"].call("zadarma.call.list.line", "action_skip", [take(people, "agent", shared_list)])
    with ThreadPoolExecutor(6) as pool:
        lines = list(pool.map(lambda _tab: take(people, "agent", shared_list), range(6)))
    assert len(set(lines)) == 1


def test_many_press_next_at_once(odoo, people, shared_list):
    """Of two people who press Next at the very same moment each gets somebody else."""
    with ThreadPoolExecutor() as pool:
        lines = list(pool.map(lambda login: take(people, login, shared_list), ["agent", "colleague"]))
    assert len(set(lines)) == 2
