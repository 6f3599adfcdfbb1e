"""Callers whom nobody answered, from the call to the call back, and when much happens at once."""

import pytest
from harness import new_number, wait_for

CALLERS = 20
NUMBER = "+491709900"
ROWS = "SELECT state, tries FROM zadarma_missed_call WHERE number = %s ORDER BY id"


@pytest.fixture
def number(admin):
    """The number of a customer."""
    number = new_number()
    admin.create("res.partner", name="Anna Berg", phone=number)
    return number


def test_missed_calls_of_one_number_that_end_together(odoo, wire, admin):
    """Two calls of a caller are two tries of one task, whichever worker hears of which."""
    numbers = [f"{NUMBER}{caller:04d}" for caller in range(CALLERS)]
    partners = [admin.create("res.partner", name=number, phone=number) for number in numbers]
    with odoo.without("Traceback", "tries left"):
        for number in numbers:
            pair = [wire.inbound(number), wire.inbound(number)]
            wire.send_at_once([call.start() for call in pair])
            answers = wire.send_at_once([call.missed() for call in pair])
            assert [status for status, _body in answers] == [200, 200]
        odoo.wait_until_processed(sweeping=True)
        wait_for(
            lambda: odoo.sweep() or not odoo.value("SELECT count(*) FROM zadarma_call WHERE is_settled IS FALSE"),
            "everything has followed from the calls",
        )
    assert [odoo.sql(ROWS, number) for number in numbers] == [[("open", 2)]] * CALLERS
    activities = odoo.sql(
        "SELECT res_id FROM mail_activity WHERE res_model = 'res.partner' AND res_id = ANY(%s) AND active", partners
    )
    assert sorted(row[0] for row in activities) == sorted(partners)


def test_missed_call_is_called_back(odoo, zadarma, open_desk, number):
    """The bar counts who waits, a click calls back, and with the talk the task is done by itself."""
    agent = open_desk("agent")
    before = agent.missed()
    zadarma.hang_up(zadarma.call_in(number, to=["101"]))
    wait_for(lambda: agent.missed() == before + 1, "the caller is counted")
    agent.tab.locator(".o_zadarma_dialler").click()
    agent.tab.locator(".o_zadarma_dialler_missed").click()
    row = agent.tab.locator(".o_list_view .o_data_row", has_text="Anna Berg").last
    row.locator(".o_zadarma_call_back").click()
    call = wait_for(zadarma.open_calls, "the telephone rings")[0]
    zadarma.answer(call, "101")
    wait_for(lambda: zadarma.exchange.call(call).open_legs, "the customer's telephone rings")
    zadarma.answer(call)
    assert odoo.sql(ROWS, number) == [("open", 1)]
    zadarma.hang_up(call, "101")
    wait_for(lambda: odoo.sql(ROWS, number) == [("reached", 1)], "the task is done")
    wait_for(lambda: agent.missed() == before, "the bar counts one less")
    user = "SELECT login FROM res_users JOIN zadarma_missed_call m ON m.closed_user_id = res_users.id WHERE number = %s"
    assert odoo.value(user, number) == "agent"
