"""A stranger calls: from the telephone to the opportunity and its chatter, as people see it."""

import pytest
from harness import wait_for

NUMBER = "+491708855001"


@pytest.fixture
def creating(odoo, admin):
    """Calls of new customers create opportunities; what they created is gone afterwards."""
    company = odoo.value("SELECT id FROM res_company ORDER BY id LIMIT 1")
    admin.call("res.company", "write", [company], {"zadarma_create_records": True})
    yield
    admin.call("res.company", "write", [company], {"zadarma_create_records": False})
    admin.call("crm.lead", "unlink", admin.call("crm.lead", "search", [("phone_sanitized", "=", NUMBER)]))


def test_stranger_becomes_an_opportunity(odoo, zadarma, open_desk, creating):
    """Whoever picks up opens the opportunity from the popup while talking, and reads of the call in its chatter."""
    agent = open_desk("agent")
    call = zadarma.call_in(NUMBER, to=["101", "102"])
    assert agent.card.text("title").replace(" ", "") == NUMBER
    zadarma.answer(call, "101")
    agent.card.wait_for_status("Talking")
    assert "Call from +49 170" in agent.card.text("deal")
    agent.card.click("open")
    form = agent.tab.locator(".o_form_view")
    form.wait_for()
    assert "Call from +49 170" in form.locator("[name=name] input, [name=name] textarea").first.input_value()
    zadarma.hang_up(call)
    wait_for(
        lambda: odoo.value("SELECT count(*) FROM mail_message WHERE zadarma_call_id IS NOT NULL"),
        "the call is noted",
    )
    agent.tab.reload()
    agent.tab.locator(".o-mail-Message", has_text="Agent answered a call from +49 170").wait_for()
    agent.picture("stranger becomes an opportunity")
