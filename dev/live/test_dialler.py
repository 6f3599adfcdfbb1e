"""Calling out: from the dialler in the top bar, and with the phone in the browser."""

import pytest
from harness import new_number, wait_for

STAND_IN = "#zadarma-stand-in"
SCRIPTS = "/webphoneWebRTCWidget/v9/js/loader-phone-"


@pytest.fixture
def bert(admin):
    """A customer in another country than the company."""
    number = new_number()
    partner = admin.create("res.partner", name=f"Bert Sonne {number[-4:]}", phone=number)
    return {"id": partner, "number": number, "name": f"Bert Sonne {number[-4:]}"}


@pytest.fixture
def webphone(admin, people, simulator):
    """The phone in the browser, for the agent alone; switched off after the test."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    urls = {f"zadarma_webrtc_{name}_url": f"{simulator.url}{SCRIPTS}{name}.js?sub_v=1" for name in ("lib", "fn")}
    admin.call("res.company", "write", [company], {"zadarma_webrtc": True, **urls})
    admin.call("res.company", "action_zadarma_connect", [company])
    agent = people["agent"]
    agent.call("res.users", "write", [agent.uid], {"zadarma_webrtc": True})
    yield company
    agent.call("res.users", "write", [agent.uid], {"zadarma_webrtc": False})
    admin.call("res.company", "write", [company], {"zadarma_webrtc": False})
    simulator.set(webphone_login="any")


def open_dialler(tab):
    """Open the dialler and return its field."""
    tab.locator(".o_zadarma_dialler").click()
    field = tab.locator(".o_zadarma_dialler_input")
    field.wait_for()
    return field


def ringing(zadarma, extension="101"):
    """Return the call that rings at an extension."""

    def find():
        calls = zadarma.exchange.open_calls()
        rings = (
            call for call in calls for leg in call.open_legs() if (leg.extension, leg.state) == (extension, "ringing")
        )
        return next(rings, None)

    return wait_for(find, "the phone rings")


def test_number_is_dialled_on_the_keypad(zadarma, open_desk, bert):
    """Key by key to the phone that rings on the desk, for that number and no other."""
    agent = open_desk("agent", width=390, height=844)
    field = open_dialler(agent.tab)
    for key in bert["number"]:
        agent.tab.locator(f".o_zadarma_dialler_key[data-key='{key}']").click()
    assert field.input_value() == bert["number"]
    agent.tab.locator(".o_zadarma_dialler_call").click()
    call = ringing(zadarma)
    assert call.number == bert["number"]
    agent.tab.locator(".o_zadarma_dialler_panel").wait_for(state="detached")
    assert agent.card.root.first.locator(".o_zadarma_call_title").inner_text() == bert["name"]
    # It begins anew: nothing of the number is left, and Enter calls nobody.
    assert open_dialler(agent.tab).input_value() == ""


def test_customer_is_found_and_called_by_keyboard(zadarma, open_desk, bert):
    """Without a mouse: open, type a name, choose, call; Escape gives the focus back."""
    agent = open_desk("agent")
    tab = agent.tab
    tab.keyboard.press("Alt+Shift+D")
    tab.locator(".o_zadarma_dialler_input:focus").wait_for()
    tab.keyboard.type(bert["name"])
    tab.locator(".o_zadarma_dialler_row", has_text=bert["name"]).wait_for()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert ringing(zadarma).number == bert["number"]
    tab.locator(".o_zadarma_dialler").focus()
    tab.keyboard.press("Enter")
    tab.locator(".o_zadarma_dialler_input:focus").wait_for()
    tab.keyboard.press("Escape")
    tab.locator(".o_zadarma_dialler:focus").wait_for()


def test_phone_in_the_browser_rings_and_is_picked_up(zadarma, open_desk, webphone, bert):
    """One widget a browser, loaded once; it rings for a call out of the dialler, and the user talks in the page."""
    agent = open_desk("agent")
    agent.tab.locator(f"{STAND_IN}[data-state='registered']").wait_for()
    other = agent.open()
    open_dialler(other)
    other.locator(".o_zadarma_dialler_webphone", has_text="in another tab").wait_for()
    assert other.locator(STAND_IN).count() == 0

    agent.tab.bring_to_front()
    open_dialler(agent.tab).fill(bert["number"])
    agent.tab.keyboard.press("Enter")
    agent.tab.locator(f"{STAND_IN} [data-action=answer]").click()
    agent.tab.locator(f"{STAND_IN}[data-state='talking']").wait_for()
    assert agent.tab.evaluate("[zadarmaStandIn.loads, zadarmaStandIn.starts]") == [1, 1]
    for call in zadarma.open_calls():
        zadarma.hang_up(call)

    # The tab with the phone is closed: the other one takes it over.
    agent.tabs.remove(agent.tab)
    agent.context.pages[0].close()
    other.locator(f"{STAND_IN}[data-state='registered']").wait_for()


def test_phone_in_the_browser_is_for_who_wants_it(open_desk, webphone):
    """Nobody else's page loads a script of Zadarma."""
    colleague = open_desk("colleague")
    colleague.tab.wait_for_timeout(1000)
    assert colleague.tab.evaluate("typeof window.zadarmaWidgetFn") == "undefined"
    assert colleague.tab.locator("script[src*=loader-phone]").count() == 0


def test_other_form_of_the_login_is_tried_after_a_reload(simulator, open_desk, webphone):
    """Which login Zadarma takes is not known: who is refused is told, and gets in after a reload."""
    simulator.set(webphone_login="bare")
    agent = open_desk("agent")
    agent.tab.locator(".o_notification", has_text="tried as 101").get_by_role("button", name="Reload").click()
    agent.tab.locator(f"{STAND_IN}[data-state='registered']", has_text="101").wait_for()


def test_site_that_is_not_registered_is_explained(simulator, open_desk, webphone):
    """The widget refuses to run: the message says who has to do what."""
    domains = simulator.web.rest.webrtc["domains"]
    known, domains[:] = list(domains), []
    try:
        agent = open_desk("agent")
        agent.tab.locator(".o_notification", has_text="press Register this site").wait_for()
    finally:
        domains[:] = known
