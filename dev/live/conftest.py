"""Fixtures of the live tests: everything runs for real and ends with the session.

A PostgreSQL that survives crashes, Odoo with two HTTP workers, one cron worker and its bus behind a proxy, a simulated
Zadarma connected to it as an administrator does, and Chromium. Tests share them and leave no call open.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import urllib.request

import pytest
from desk import Desk, chromium
from harness import KEY, SECRET, Client, Odoo, new_number, wait_for
from notices import PREFIX, Wire
from proxy import Proxy

import postgres
from simulator import Simulator

EXTENSIONS = {"agent": "101", "colleague": "102", "supervisor": "103"}
GROUPS = {"supervisor": "group_sale_manager"}
_measured = []


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL that keeps its promises: what is committed survives."""
    with postgres.server(fsync=True) as server:
        yield server


@pytest.fixture(scope="session")
def odoo(server):
    """Odoo, started."""
    odoo = Odoo(server, "zadarma_live")
    odoo.start()
    yield odoo
    odoo.stop()


@pytest.fixture(scope="session")
def new_proxy(odoo):
    """Make further ways to Odoo, such as the network of one laptop."""
    proxies = []

    def make():
        proxies.append(Proxy(odoo.port, odoo.bus_port))
        return proxies[-1].__enter__()

    yield make
    for proxy in proxies:
        proxy.__exit__()


@pytest.fixture(scope="session")
def proxy(new_proxy, odoo):
    """The proxy that stands before Odoo."""
    proxy = new_proxy()
    urllib.request.urlopen(f"{proxy.url}/websocket/health", timeout=30).close()
    return proxy


class Zadarma(Simulator):
    """A simulated Zadarma in real time that lets telephones ring until somebody ends it."""

    def __init__(self):
        """Take the account of the tests."""
        super().__init__(KEY, SECRET, ring_seconds=3600)

    def call_in(self, *arguments, **named):
        """Let somebody outside call; return once telephones ring, so that they can be picked up."""
        call = super().call_in(*arguments, **named)
        wait_for(self.exchange.call(call).open_legs, "telephones ring")
        return call


@pytest.fixture(scope="session")
def simulator():
    """The simulated Zadarma."""
    with Zadarma() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def admin(odoo, proxy, simulator):
    """The administrator, who has connected the account and hired people."""
    admin = Client(proxy.url, odoo.database, "admin")
    parameters = {"web.base.url": proxy.url, "web.base.url.freeze": "True", "zadarma.api_url": simulator.url}
    for name, value in parameters.items():
        admin.call("ir.config_parameter", "set_param", name, value)
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    admin.call("res.company", "write", [company], {"zadarma_key": KEY, "zadarma_secret": SECRET})
    admin.call("res.company", "action_zadarma_connect", [company])
    for login, extension in EXTENSIONS.items():
        hire(odoo, admin, login, extension)
    return admin


def hire(odoo, admin, login, extension):
    """Make a user who sells, with a telephone on the desk."""
    names = ("group_user", GROUPS.get(login, "group_sale_salesman"))
    query = "SELECT res_id FROM ir_model_data WHERE model = 'res.groups' AND name = %s"
    groups = [odoo.value(query, name) for name in names]
    values = {"name": login.title(), "login": login, "password": login, "odoobot_state": "disabled"}
    user = admin.create("res.users", **values, group_ids=[(6, 0, groups)])
    extensions = admin.call("zadarma.extension", "search", [("number", "=", extension)])
    admin.call("zadarma.extension", "write", extensions, {"user_id": user})


@pytest.fixture(scope="session")
def people(odoo, admin, proxy):
    """The users, logged in."""
    return {login: Client(proxy.url, odoo.database, login) for login in EXTENSIONS}


@pytest.fixture
def number():
    """A number that nobody else has."""
    return new_number()


@pytest.fixture(autouse=True)
def tidiness(odoo):
    """Fail a test that leaves a call open. What it leaves to be said or returned, the next one is not asked for."""
    yield
    left = odoo.sql("UPDATE zadarma_call SET state = 'ended' WHERE state != 'ended' RETURNING pbx_call_id")
    odoo.sql("UPDATE zadarma_call SET is_outcome_waived = TRUE WHERE outcome_id IS NULL")
    odoo.sql("UPDATE zadarma_missed_call SET state = 'done' WHERE state = 'open'")
    assert not left, f"calls that are left open: {left}"


@pytest.fixture
def zadarma(admin, odoo, simulator):
    """The simulated Zadarma; after the test everybody hangs up and Odoo has heard of it."""
    yield simulator
    simulator.webhook_faults.clear()
    for call in simulator.open_calls():
        simulator.hang_up(call)
    wait_for(simulator.courier.idle, "the simulator has sent everything")
    odoo.wait_until_processed()


@pytest.fixture
def wire(admin, odoo):
    """Sends notifications by hand; what they made is deleted after the test, so that no call stays open."""
    token, zone = odoo.sql("SELECT zadarma_token, zadarma_tz FROM res_company ORDER BY id")[0]
    # Through a queue of connections, so that hundreds at once wait in line and not in timeouts of TCP.
    with Proxy(odoo.port, odoo.bus_port) as queue:
        yield Wire(f"{queue.url}/zadarma/{token}", SECRET, zone)
    odoo.wait_until_processed(sweeping=True)
    missed = "SELECT missed_call_id FROM zadarma_call WHERE pbx_call_id LIKE %s"
    odoo.sql(f"DELETE FROM zadarma_missed_call WHERE id IN ({missed})", f"{PREFIX}%")
    for table in ("zadarma_call", "zadarma_event"):
        odoo.sql(f"DELETE FROM {table} WHERE pbx_call_id LIKE %s", f"{PREFIX}%")


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_desk(request, browser, people, proxy, zadarma):
    """Open browsers of users; at the end their consoles must be free of errors unless the test allowed some."""
    desks = []

    def open_desk(login, url=proxy.url, session_id=None, path=None, tolerated=(), **size):
        desk = Desk(browser, url, session_id or people[login].session_id, tolerated, **size)
        desks.append(desk)
        if path != "":
            desk.open(*filter(None, [path]))
        return desk

    yield open_desk
    name = request.node.name.removeprefix("test_")
    failed = getattr(request.node, "has_failed", False)
    errors = [error for desk in desks for error in desk.errors]
    for number, desk in enumerate(desks, 1):
        if failed and desk.tabs:
            desk.picture(f"{name}-{number}")
        desk.close()
    assert not errors, "\n".join(errors)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Let fixtures know that their test failed."""
    report = yield
    if report.when == "call":
        item.has_failed = report.failed
    return report


@pytest.fixture
def measure(request):
    """Note something measured, to be printed at the end; nothing is asserted about it."""
    return lambda text: _measured.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter):
    """Print what was measured."""
    if _measured:
        terminalreporter.section("measured")
        for line in _measured:
            terminalreporter.write_line(line)
