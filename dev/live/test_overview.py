"""The supervisors' page, live: who talks to whom, and figures that agree with Zadarma's own."""

import time

import pytest
from harness import new_number, wait_for

from simulator.stats import pbx_rows

OVERVIEW = "/odoo/calls-overview"


@pytest.fixture
def anna(admin):
    """A customer."""
    number = new_number()
    admin.create("res.partner", name="Anna Board", phone=number)
    return number


def test_supervisor_sees_calls_come_and_go(zadarma, open_desk, anna):
    """The board follows a call from the first ring to its end, and the figures count it."""
    desk = open_desk("supervisor", path=OVERVIEW)
    agent = desk.tab.locator("[data-extension='101']")
    call = zadarma.call_in(anna, to=["101"])
    desk.tab.locator(".o_zadarma_waiting", has_text="Anna Board").wait_for()
    desk.tab.locator("[data-extension='101'][data-state=ringing]", has_text="Anna Board").wait_for()
    zadarma.answer(call, "101")
    desk.tab.locator("[data-extension='101'][data-state=talking]").wait_for()
    assert not desk.tab.locator(".o_zadarma_waiting").count()
    desk.picture("overview-talking")
    zadarma.hang_up(call)
    desk.tab.locator("[data-extension='101'][data-state=free]").wait_for()
    assert "Anna Board" not in agent.inner_text()


def test_salesperson_has_no_overview(people, anna):
    """Neither the page's figures nor its board are for everybody."""
    for method in ("get_overview", "get_board"):
        with pytest.raises(Exception, match="supervisors"):
            people["agent"].call("zadarma.call", method)


def test_figures_agree_with_zadarma(odoo, zadarma, people, anna):
    """What the overview counts is what Zadarma's own statistics have."""

    def counts():
        wait_for(zadarma.courier.idle, "the simulator has sent everything")
        odoo.wait_until_processed()
        figures = people["supervisor"].call("zadarma.call", "get_overview", "today")["now"]
        rows = [row for row in pbx_rows(zadarma.exchange) if row["pbx_call_id"].startswith("in_")]
        answered = {row["pbx_call_id"] for row in rows if row["disposition"] == "answered" and row["seconds"]}
        return [figures["inbound"], figures["answered"]], [len({row["pbx_call_id"] for row in rows}), len(answered)]

    ours, theirs = counts()
    call = zadarma.call_in(anna, to=["101", "102"])
    zadarma.answer(call, "101")
    time.sleep(1.5)  # a call that lasts no second has no seconds to count
    zadarma.hang_up(call)
    zadarma.hang_up(zadarma.call_in(anna, to=["101", "102"]))
    ours_now, theirs_now = counts()
    grown = [now - before for now, before in zip(ours_now, ours, strict=True)]
    assert grown == [now - before for now, before in zip(theirs_now, theirs, strict=True)] == [2, 1]
