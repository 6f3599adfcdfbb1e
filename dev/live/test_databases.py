"""Several databases on one server, as hosting providers have them, with one worker or with none."""

import http.client
from urllib.parse import urlencode

import pytest
from harness import Client, Odoo, wait_for
from notices import Wire

from simulator import Simulator
from simulator.signatures import event_signature

# The host name says which database is meant; 127.0.0.1 and localhost are names that every machine has.
FILTER = "^zadarma_%d$"
FIRST, SECOND, PLAIN = "zadarma_127", "zadarma_localhost", "zadarma_plain"
HOSTS = {FIRST: "127.0.0.1", SECOND: "localhost", PLAIN: "plain.example"}
KEY, SECRET = "databases-key", "databases-secret"


class Hosting:
    """An Odoo with two databases that have the addon and one that has not."""

    def __init__(self, server):
        """Make the databases."""
        self.server = server
        self.odoo = Odoo(server, FIRST)
        server.execute("CREATE DATABASE {} TEMPLATE {}", SECOND, FIRST)
        server.create_database(PLAIN)
        self.tokens = {name: name.encode().hex().ljust(40, "0")[:40] for name in (FIRST, SECOND)}
        for name, token in self.tokens.items():
            self.sql(name, "UPDATE res_company SET zadarma_token = %s, zadarma_secret = %s", token, f"{SECRET}-{name}")

    def start(self, workers, **options):
        """Start it with other options."""
        if self.odoo.process:
            self.odoo.stop()
        self.odoo.configure(workers, db_name=",".join(HOSTS), **options)
        self.odoo.start()

    def close(self):
        """End it and drop its databases."""
        self.odoo.stop()
        for name in HOSTS:
            self.server.drop_database(name)

    def url(self, name):
        """Return where the web client and Zadarma find a database."""
        return f"http://{HOSTS[name]}:{self.odoo.port}"

    def sql(self, name, query, *values):
        """Run a statement in a database and return its rows."""
        connection = self.server.connect(name)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query, values)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def stored(self):
        """Return how many notifications each database has."""
        return [self.sql(name, "SELECT count(*) FROM zadarma_event")[0][0] for name in (FIRST, SECOND)]

    def notify(self, token_of, host, query="", **headers):
        """Send a notification of one database's account to a host; return the status of the answer."""
        form = Wire("http://x", "", "UTC").inbound().start()
        headers["Signature"] = event_signature(form["event"], form, f"{SECRET}-{token_of}")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.ask("POST", f"/zadarma/{self.tokens[token_of]}{query}", host, urlencode(form), headers)

    def ask(self, method, path, host, body=None, headers=None):
        """Send a request that names a host; no answer may name a database."""
        connection = http.client.HTTPConnection("127.0.0.1", self.odoo.port, timeout=30)
        try:
            connection.request(method, path, body, {"Host": host, **(headers or {})})
            response = connection.getresponse()
            text = f"{response.headers}{response.read()}"
            assert not [name for name in HOSTS if name in text]
            return response.status
        finally:
            connection.close()

    def connect(self, zadarma):
        """Press Connect in the first database, as its administrator; return what was found by step."""
        admin = Client(self.url(FIRST), FIRST, "admin")
        parameters = {"web.base.url": self.url(FIRST), "web.base.url.freeze": "True", "zadarma.api_url": zadarma.url}
        for name, value in parameters.items():
            admin.call("ir.config_parameter", "set_param", name, value)
        company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
        admin.call("res.company", "write", [company], {"zadarma_key": KEY, "zadarma_secret": SECRET})
        admin.call("res.company", "action_zadarma_connect", [company])
        self.test_address = lambda: admin.call("res.company", "action_zadarma_test_address", [company])["params"]
        return self.found()

    def found(self):
        """Return what was found of the first database's account, by step."""
        return dict(self.sql(FIRST, "SELECT code, reason FROM zadarma_check"))


@pytest.fixture(scope="module")
def hosting(server):
    """The server, not started."""
    hosting = Hosting(server)
    yield hosting
    hosting.close()


@pytest.fixture
def zadarma():
    """A simulated Zadarma that checks an address when it is given, and waits for its answer as long as the real one."""
    with Simulator(KEY, SECRET) as simulator:
        yield simulator


def test_host_name_decides_and_one_worker_is_enough(hosting, zadarma):
    """Each database hears of its own calls only, whatever a stranger claims; what Connect cannot do, a cron does."""
    hosting.start(workers=1, dbfilter=FILTER)
    first, second, plain = (HOSTS[name] for name in (FIRST, SECOND, PLAIN))
    assert hosting.notify(FIRST, first) == 200
    assert hosting.notify(SECOND, second) == 200
    assert hosting.stored() == [1, 1]

    assert hosting.notify(FIRST, second) == 403
    assert hosting.notify(FIRST, second, query=f"?db={FIRST}") == 403
    assert hosting.notify(FIRST, second, **{"X-Odoo-Database": FIRST}) == 404
    assert hosting.notify(FIRST, second, **{"X-Odoo-Database": SECOND}) == 403
    assert hosting.notify(FIRST, second, Cookie=f"db={FIRST}; session_id=x") == 403
    assert hosting.notify(FIRST, plain) == 404, "the addon is not there"
    assert hosting.notify(FIRST, "unknown.example") == 404
    assert hosting.ask("GET", f"/zadarma/{hosting.tokens[FIRST]}?zd_echo=1", plain) == 404
    assert hosting.ask("GET", f"/zadarma/{hosting.tokens[FIRST]}?zd_echo=1", first) == 200
    assert hosting.stored() == [1, 1]
    for name in (FIRST, SECOND):
        assert not hosting.sql(name, "SELECT 1 FROM zadarma_check"), "nothing was counted either"

    found = hosting.connect(zadarma)
    assert [found[step] for step in ("account", "address", "events", "test")] == ["connected", *["later"] * 3]
    assert "cannot call itself" in hosting.test_address()["message"]
    wait_for(lambda: hosting.found()["address"] == "address_set", "the cron finishes what Connect began", 90)
    assert [hosting.found()[step] for step in ("events", "test")] == ["events_set", "test_ok"]
    assert zadarma.settings.webhook_url == f"{hosting.url(FIRST)}/zadarma/{hosting.tokens[FIRST]}"
    assert " ERROR " not in hosting.odoo.log()


def test_threads_answer_while_connect_asks(hosting, zadarma):
    """Without workers, Zadarma's check and the echo test are answered by another thread at once."""
    hosting.start(workers=0, dbfilter=FILTER)
    found = hosting.connect(zadarma)
    assert [found[step] for step in ("address", "events", "test")] == ["address_set", "events_set", "test_ok"]
    assert hosting.test_address()["type"] == "success"


def test_server_that_cannot_tell_its_databases_apart_says_so(hosting, zadarma):
    """Without dbfilter nothing arrives, unless a header chooses; Connect and Echo test tell what to do."""
    hosting.start(workers=0)
    before = hosting.stored()
    for host in (*HOSTS.values(), "unknown.example"):
        assert hosting.notify(FIRST, host) == 404
        assert hosting.notify(FIRST, host, query=f"?db={FIRST}") == 404
    assert hosting.notify(FIRST, "any.example", **{"X-Odoo-Database": SECOND}) == 403
    assert hosting.notify(FIRST, "any.example", **{"X-Odoo-Database": PLAIN}) == 404
    assert hosting.stored() == before
    found = hosting.connect(zadarma)
    assert (found["address"], found["test"]) == ("address_refused", "test_untried")
    assert "dbfilter" in hosting.test_address()["message"]
