"""People who see little or use no mouse: our screens keep to WCAG 2.2 AA, light and dark."""

import pytest
from accessibility import Inspector, bring_dark_scheme
from desk import CALLS, CARD
from harness import new_number, wait_for

SHEET = ".o_form_sheet"
ROWS = ".o_list_renderer tbody"
# What Odoo draws in our lists and forms as everywhere, and we cannot mend.
ODOO = (
    ".o_list_record_selector",  # a box to tick without a name
    ".o_m2o_avatar",  # a picture without a text, before the name
    ".o_field_badge",  # white on green
    "#boolean_checkbox",  # the same in lists within forms
    ".o_field_boolean",  # and where it is read only
    ".o_notebook_headers",  # tabs without a list of tabs
    ".o_form_label .text-info",  # the mark of a help text
    ".o_select_menu",  # a list to choose from, with wrong attributes and hardly a sign of the focus
    ".o_clipboard_button",  # a button without a name on a narrow screen
)
QUESTION = ".o_zadarma_outcome_card"
LINES = '[{"speaker": 1, "start": 0, "text": "Good morning"}, {"speaker": 2, "start": 4, "text": "Hello"}]'


@pytest.fixture(scope="module", autouse=True)
def _dark_scheme(admin):
    """There is a dark scheme."""
    bring_dark_scheme(admin)


@pytest.fixture
def anna(admin, number):
    """A customer: a person in a company, with a deal."""
    company = admin.create("res.partner", name="Nordwind GmbH", is_company=True)
    partner = admin.create("res.partner", name="Anna Berg", parent_id=company, phone=number)
    deal = {"name": "Ten sails", "type": "opportunity", "partner_id": partner, "expected_revenue": 1250}
    admin.create("crm.lead", **deal, user_id=False)
    return number


@pytest.fixture
def see(request):
    """Look at a page light, then dark, and at the end fail of all that was found."""
    faults = []

    def see(tab, *parts):
        inspector = Inspector(tab)
        inspector.look("light", *parts, exclude=ODOO)
        inspector.switch_to_dark()
        inspector.look("dark", *parts, exclude=ODOO)
        faults.extend(inspector.faults)

    yield see
    assert not faults, "\n".join(faults)


@pytest.fixture
def talk(odoo, zadarma, anna):
    """A call that was taken, with a recording that can be played and read."""
    call = zadarma.call_in(anna, to=["101"])
    zadarma.answer(call, "101")
    zadarma.hang_up(call)
    query = (
        "SELECT r.id, c.id FROM zadarma_recording r JOIN zadarma_call c ON c.id = r.call_id WHERE c.pbx_call_id = %s"
    )
    ((recording, talk),) = wait_for(lambda: odoo.sql(query, call), "the recording is known")
    change = (
        "UPDATE zadarma_recording SET state = 'remote', transcript_state = 'ready', transcript_lines = %s WHERE id = %s"
    )
    odoo.sql(change, LINES, recording)
    # So that no question lies over the lists.
    odoo.sql("UPDATE zadarma_call SET is_outcome_waived = TRUE WHERE id = %s", talk)
    return talk


def test_calls_that_go_on(zadarma, open_desk, see, anna):
    """The popup in its states, what is asked afterwards, and the dialler."""
    agent = open_desk("agent")
    known = zadarma.call_in(anna, to=["101"])
    zadarma.call_in("+4930555000111", to=["101"])
    wait_for(lambda: agent.cards() == 2, "both ring")
    see(agent.tab, CARD)
    agent.tab.reload()
    zadarma.answer(known, "101")
    agent.tab.locator(f"{CARD}:not(.o_ringing)").wait_for()
    zadarma.hang_up(known)
    agent.tab.locator(f"{QUESTION} .o_zadarma_outcome_note").wait_for()
    agent.tab.locator(".o_zadarma_dialler").click()
    agent.tab.locator(".o_zadarma_dialler_row").first.wait_for()
    see(agent.tab, QUESTION, ".o_zadarma_dialler_panel", ".o_zadarma_dialler")


def test_calls_that_are_over(zadarma, open_desk, see, talk):
    """The list of calls, a call with its recording, and who waits to be called back."""
    agent = open_desk("agent")
    agent.tab.locator(".o_zadarma_recording_button").first.wait_for()
    see(agent.tab, ROWS)
    agent.tab.goto(f"{agent.url}{CALLS}/{talk}")
    agent.tab.locator(".o_zadarma_player_transcript").click()
    agent.tab.locator(".o_zadarma_transcript_line").first.wait_for()
    see(agent.tab, SHEET)
    zadarma.hang_up(zadarma.call_in(new_number(), to=["101"]))
    wait_for(agent.missed, "a caller waits")
    agent.tab.goto(f"{agent.url}/odoo/missed-calls")
    agent.tab.locator(".o_zadarma_call_back").first.wait_for()
    see(agent.tab, ROWS)


def test_pages_of_supervisors_and_administrators(open_desk, see, admin):
    """What goes on now, how it went, whether all is well, and the settings."""
    desk = open_desk("admin", session_id=admin.session_id, path="")
    desk.open("/odoo/calls-overview", ".o_zadarma_agent")
    see(desk.tab, ".o_zadarma_overview .o_content")
    desk.tab.goto(f"{desk.url}/odoo/telephony-health")
    desk.tab.locator(".o_zadarma_checks").wait_for()
    see(desk.tab, ".o_zadarma_health .o_content")
    desk.tab.goto(f"{desk.url}/odoo/action-zadarma.res_config_settings_action")
    desk.tab.locator("#zadarma_credentials").wait_for()
    see(desk.tab, ".app_settings_block[data-key='zadarma']")
