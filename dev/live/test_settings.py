"""A new administrator connects an account and sees that it works, in a browser, by way of the simulated Zadarma."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from harness import KEY, SECRET, wait_for

ZADARMA_TAB = ".settings_tab .tab[data-key='zadarma']"
STEPS = ".o_zadarma_checks .list-group-item"
HEALTH = "/odoo/telephony-health"


@pytest.fixture
def empty_account(odoo, admin):
    """An account that nobody has set up; afterwards it is again as the other tests know it."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    users = admin.call("zadarma.extension", "search_read", [("user_id", "!=", False)], ["user_id"])
    admin.call("res.company", "action_zadarma_disconnect", [company])
    admin.call("zadarma.extension", "unlink", [user["id"] for user in users])
    yield company
    admin.call("res.company", "write", [company], {"zadarma_key": KEY, "zadarma_secret": SECRET})
    admin.call("res.company", "action_zadarma_connect", [company])
    for number, login in (("101", "agent"), ("102", "colleague"), ("103", "supervisor")):
        user = odoo.value("SELECT id FROM res_users WHERE login = %s", login)
        extension = admin.call("zadarma.extension", "search", [("number", "=", number)])
        admin.call("zadarma.extension", "write", extension, {"user_id": user})


def open_settings(desk):
    """Open the page of Zadarma."""
    tab = desk.open("/odoo/action-zadarma.res_config_settings_action", landmark=ZADARMA_TAB)
    tab.locator(ZADARMA_TAB).click()
    return tab


def test_new_administrator_connects_in_one_press(zadarma, odoo, admin, empty_account, open_desk, measure):
    """From an empty page: key, secret, Connect, a user confirmed, a call, and the health page is content."""
    zadarma.set_extension("101", name="Agent")
    desk = open_desk("admin", session_id=admin.session_id, path="")
    tab = open_settings(desk)
    tab.locator("[name='zadarma_key'] input").fill(KEY)
    tab.locator("[name='zadarma_new_secret'] input:visible").fill("wrong")
    tab.get_by_role("button", name="Connect", exact=True).click()
    tab.locator(STEPS, has_text="does not accept the key").wait_for()
    tab.locator("[name='zadarma_new_secret'] input:visible").fill(SECRET)
    tab.get_by_role("button", name="Connect", exact=True).click()
    tab.locator(STEPS, has_text="All notifications about calls are switched on").wait_for()
    assert tab.locator(STEPS, has_text="accepts key and secret").count() == 1
    assert tab.locator(STEPS, has_text="A test notification came in").count() == 1
    assert SECRET not in tab.content()
    desk.picture("settings-connected")
    wait_for(lambda: all(zadarma.settings.notifications.values()), "all notifications are on")

    tab.get_by_role("button", name="Extensions and users").click()
    row = tab.locator(".o_data_row", has_text="101")
    row.get_by_role("button", name="Accept").click()
    wait_for(lambda: odoo.value("SELECT user_id FROM zadarma_extension WHERE number = '101'"), "a user is confirmed")
    desk.picture("settings-extensions")

    call = zadarma.call_in("+4915112345678", to=["101"])
    zadarma.hang_up(call)
    odoo.wait_until_processed()
    tab.goto(desk.url + HEALTH)
    tab.locator(".list-group-item[data-code='bus'][data-state='ok']").wait_for()
    assert tab.locator(".list-group-item[data-code='last'][data-state='ok']").count() == 1
    assert tab.locator(".list-group-item[data-code='notifications'][data-state='ok']").count() == 1
    desk.picture("settings-health")
    measure(tab.locator(".list-group-item[data-code='bus']").inner_text().replace("\n", " "))


def test_supervisors_see_the_health_and_others_do_not(zadarma, open_desk):
    """The page is in the supervisor's menu; salespeople have neither it nor the settings."""
    supervisor = open_desk("supervisor", path=HEALTH)
    supervisor.tab.locator(".list-group-item[data-code='bus'][data-state='ok']").wait_for()
    assert "/zadarma/" not in supervisor.tab.content()
    agent = open_desk("agent", path="/odoo/crm")
    agent.tab.get_by_role("button", name="Calls", exact=True).click()
    assert not agent.tab.locator(".o-dropdown--menu", has_text="Health").count()


@pytest.fixture
def quiet(odoo):
    """No scheduled action asks Zadarma for anything in between."""
    crons = "SELECT res_id FROM ir_model_data WHERE module = 'zadarma' AND model = 'ir.cron'"
    odoo.sql(f"UPDATE ir_cron SET nextcall = nextcall + interval '1 day' WHERE id IN ({crons})")
    yield
    odoo.sql(f"UPDATE ir_cron SET nextcall = nextcall - interval '1 day' WHERE id IN ({crons})")


def test_all_processes_keep_one_limit(zadarma, odoo, admin, quiet):
    """Clicks that come to both workers at once are let through until the limit, and no further."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    admin.call("res.company", "action_zadarma_register_webrtc", [company])
    odoo.sql("DELETE FROM zadarma_throttle")
    zadarma.begin_minute()
    zadarma.log.clear()

    def click(_number):
        """Ask Zadarma once and write nothing: this site is registered already."""
        try:
            admin.call("res.company", "action_zadarma_register_webrtc", [company])
        except AssertionError as error:
            return "slow down" in str(error)
        return None

    with odoo.without(), ThreadPoolExecutor(8) as pool:
        told = list(pool.map(click, range(120)))
    sent = zadarma.log.entries(direction="api")
    assert (len(sent), {entry.status for entry in sent}) == (95, {200})
    assert (told.count(None), told.count(True)) == (95, 25)
    odoo.sql("DELETE FROM zadarma_throttle")
    zadarma.begin_minute()


@pytest.mark.parametrize("width", [1280, 390])
def test_address_that_leaked_is_renewed(zadarma, odoo, admin, proxy, open_desk, number, width):
    """Asked once more, then Zadarma, all workers and the page know the new address; the former one opens nothing."""
    former = zadarma.settings.webhook_url
    odoo.sql("UPDATE res_company SET zadarma_renewed_at = NULL")
    desk = open_desk("admin", session_id=admin.session_id, path="", width=width)
    tab = open_settings(desk)
    tab.get_by_role("button", name="Renew").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_text("comparison with the statistics").wait_for()
    desk.picture(f"settings-renew-{width}")
    dialog.get_by_role("button", name="Renew", exact=True).click()
    tab.get_by_text("Zadarma uses the new one").wait_for()
    tab.get_by_text("Renewed on").wait_for()
    address = tab.locator("#zadarma_webhook")
    address.scroll_into_view_if_needed()
    desk.picture(f"settings-renewed-{width}")
    present = zadarma.settings.webhook_url
    assert present != former
    assert zadarma.settings.events_url in ("", present)
    assert present in tab.content()
    assert former not in tab.content()
    for _each in range(20):
        for url, status in ((former, 403), (present, 200)):
            with closing(http.client.HTTPConnection("127.0.0.1", odoo.port, timeout=30)) as connection:
                connection.request("GET", f"{urlsplit(url).path}?zd_echo=1234567")
                assert connection.getresponse().status == status
    call = zadarma.call_in(number, to=["101"])
    zadarma.hang_up(call)
    odoo.wait_until_processed()
    assert odoo.value("SELECT count(*) FROM zadarma_event WHERE pbx_call_id = %s", call)
