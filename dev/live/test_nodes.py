"""Two machines with Odoo on one database, and the documented nginx before them."""

import json
import signal
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
import websocket
from harness import Client, Odoo, wait_for
from nginx import STRANGER, ZADARMA, ZADARMA_NETWORK, Nginx
from notices import PREFIX, at_once
from proxy import Proxy
from test_concurrency import AT_ONCE, POPUPS, press_button, store_backlog
from test_connections import OFFLINE
from test_crashes import Load, wait_for_more
from test_recordings import fetch, is_stored, talk

REDELIVERED_CALLS = 3
BACKLOG_CALLS = 30
# More than a stranger may send at once, by far.
FLOOD = 300
SLOW_SENDERS, SLOW_ROUNDS = 200, 5
# Chromium takes no service worker from a server whose certificate it was told to overlook.
OWN_CERTIFICATE = ("SSL certificate", "Service worker")
RECORDING = """
    SELECT recording.id FROM zadarma_recording recording
      JOIN zadarma_call call ON call.id = recording.call_id WHERE call.pbx_call_id = %s
"""


@pytest.fixture(scope="module")
def nodes(admin, odoo, server):
    """Two machines; the third one, which the other tests use, has but its scheduled actions to do meanwhile."""
    nodes = [Odoo(server, odoo.database, node) for node in ("first", "second")]
    for node in nodes:
        node.configure(x_sendfile=True, db_maxconn=5, db_maxconn_gevent=16)
        node.start()
    yield nodes
    for node in nodes:
        node.kill()
    complaints = [line for node in nodes for line in node.log().splitlines() if " ERROR " in line]
    assert not complaints


@pytest.fixture(scope="module")
def ways(nodes):
    """The way to each machine alone."""
    with Proxy(nodes[0].port, nodes[0].bus_port) as first, Proxy(nodes[1].port, nodes[1].bus_port) as second:
        yield first, second


@pytest.fixture(scope="module")
def doors(nodes, tmp_path_factory):
    """The way of browsers to each machine alone: it takes nginx to have the files that Odoo leaves to it."""
    first, second = (Nginx([node], tmp_path_factory.mktemp("door"), tls=False) for node in nodes)
    with first, second:
        yield first, second


@pytest.fixture(scope="module")
def nginx(nodes, tmp_path_factory):
    """The way to both machines."""
    with Nginx(nodes, tmp_path_factory.mktemp("nginx")) as nginx:
        yield nginx


@pytest.fixture
def wires(wire, ways):
    """Send notifications to one machine or the other."""
    return [wire.through(way.url) for way in ways]


@pytest.fixture
def zadarma_wire(wire, nginx):
    """Sends notifications through nginx, from one of Zadarma's addresses."""
    return wire.through(nginx.url, context=nginx.trust(), source=ZADARMA)


@pytest.fixture
def stranger_wire(wire, nginx):
    """Sends through nginx from somewhere else."""
    return wire.through(nginx.url, context=nginx.trust(), source=STRANGER)


@pytest.fixture
def company(admin):
    """The id of the company; its settings are as before afterwards."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    names = ["zadarma_token", "zadarma_caller_name", "zadarma_restrict_addresses", "zadarma_addresses"]
    before = admin.call("res.company", "read", [company], names)[0]
    yield company
    admin.call("res.company", "write", [company], {name: before[name] for name in names})


@pytest.fixture
def processed(odoo):
    """The ids of the notifications that were processed, as often as they were."""
    odoo.sql("CREATE TABLE processed (id integer)")
    odoo.sql("""
        CREATE FUNCTION note_processed() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO processed VALUES (NEW.id); RETURN NULL; END $$
    """)
    odoo.sql("""
        CREATE TRIGGER note_processed AFTER UPDATE OF processed_at ON zadarma_event
        FOR EACH ROW EXECUTE FUNCTION note_processed()
    """)
    yield lambda: [each for (each,) in odoo.sql("SELECT id FROM processed ORDER BY id")]
    odoo.sql("DROP TRIGGER note_processed ON zadarma_event")
    odoo.sql("DROP FUNCTION note_processed")
    odoo.sql("DROP TABLE processed")


# --- two machines --- #


def test_one_call_told_to_both_machines(odoo, wires, doors, admin, open_desk, number):
    """Notifications here and there make one call, and its popups are seen wherever a browser is connected."""
    first, second = wires
    admin.create("res.partner", name="Anna Berg", phone=number)
    agent, colleague = open_desk("agent", url=doors[1].url), open_desk("colleague", url=doors[0].url)
    call = first.inbound(number)
    first.send(call.start())
    first.send(call.internal("101"))
    assert agent.card.text("title") == "Anna Berg"
    second.send(call.internal("102"))
    assert colleague.card.text("title") == "Anna Berg"
    first.send(call.answer("102"))
    agent.card.wait_until_gone()
    second.send(call.end("102"))
    colleague.card.wait_until_gone()
    odoo.wait_until_processed()
    rows = odoo.sql("SELECT state, result, duration FROM zadarma_call WHERE pbx_call_id = %s", call.id)
    assert rows == [("ended", "answered", 42)]
    assert [len(desk.seen()) for desk in (agent, colleague)] == [1, 1]


def test_redeliveries_to_both_machines(odoo, nodes, wires, processed):
    """Two hundred at once, on four workers of two machines: one row, one call, one popup a user, one answer."""
    with nodes[0].without(), nodes[1].without():
        for _ in range(REDELIVERED_CALLS):
            call = wires[0].inbound()
            forms = [call.start(), call.start(), call.internal("101"), call.internal("101")] * (AT_ONCE // 4)
            sent = [(wires[number % 2], form) for number, form in enumerate(forms)]
            answers = at_once(lambda item: item[0].send(item[1]), sent)
            assert {status for status, _body in answers} == {200}
            assert len({answer for answer, form in zip(answers, forms, strict=True) if form == call.start()}) == 1
            odoo.wait_until_processed()
            rows = odoo.sql("SELECT name, redelivered FROM zadarma_event WHERE pbx_call_id = %s ORDER BY name", call.id)
            assert rows == [(f"NOTIFY_{name}", AT_ONCE // 2 - 1) for name in ("INTERNAL", "START")]
            assert odoo.value("SELECT count(*) FROM zadarma_call WHERE pbx_call_id = %s", call.id) == 1
            assert [count for _channel, count in odoo.sql(POPUPS, "ringing", call.id)] == [1]
    assert len(processed()) == len(set(processed())) == 2 * REDELIVERED_CALLS


def test_settings_hold_on_both_machines(wires, ways, odoo, admin, company, number):
    """What an administrator changes on one machine is true for the next notification on the other."""
    admin.create("res.partner", name="Anna Berg", phone=number)
    here, there = Client(ways[0].url, odoo.database, "admin"), wires[1]
    assert b"Anna Berg" in there.send(there.inbound(number).start())[1]
    here.call("res.company", "write", [company], {"zadarma_caller_name": False})
    assert there.send(there.inbound(number).start()) == (200, b"{}")
    here.call("res.company", "write", [company], {"zadarma_addresses": ZADARMA, "zadarma_restrict_addresses": True})
    assert there.send(there.inbound(number).start())[0] == 403
    here.call("res.company", "write", [company], {"zadarma_restrict_addresses": False, "zadarma_token": "f" * 40})
    assert there.send(there.inbound(number).start())[0] == 403
    assert there.ask("GET", f"/zadarma/{'f' * 40}?zd_echo=1234567") == (200, b"1234567")


def test_scheduled_actions_of_all_machines(odoo, ways, wires, processed):
    """Crons, impatient administrators and new notifications on all machines: each notification is processed once."""
    calls = [wires[0].inbound() for _ in range(BACKLOG_CALLS)]
    store_backlog(odoo, calls, age="15 seconds")
    administrators = [Client(way.url, odoo.database, "admin") for way in ways]
    cron = administrators[0].call("ir.cron", "search", [("cron_name", "like", "Zadarma: process")])
    presses = [threading.Thread(target=press_button, args=(each, cron)) for each in administrators]
    odoo.sweep()
    for press in presses:
        press.start()
    for number, call in enumerate(calls):
        assert wires[number % 2].send(call.answer("101"))[0] == 200
    for press in presses:
        press.join()
    odoo.wait_until_processed(sweeping=True)
    ids = [each for (each,) in odoo.sql("SELECT id FROM zadarma_event WHERE pbx_call_id LIKE %s", f"{PREFIX}%")]
    assert len(ids) == 3 * BACKLOG_CALLS
    assert processed() == sorted(ids)


def test_machine_dies_under_load(odoo, nodes, zadarma_wire, nginx, open_desk, measure):
    """One machine loses its power: nothing acknowledged is lost, the other one serves Zadarma and all browsers."""
    desks = [open_desk("agent", url=nginx.url, tolerated=(*OFFLINE, *OWN_CERTIFICATE)) for _ in nodes]
    try:
        with Load(zadarma_wire) as load:
            wait_for_more(load, 10, "notifications are acknowledged")
            nodes[1].kill()
            wait_for_more(load, 20, "the other machine serves")
        load.check(odoo)
        measure(f"a machine died: {len(load.acknowledged)} notifications acknowledged, {len(load.failed)} not")
        call = zadarma_wire.inbound()
        zadarma_wire.send(call.start())
        zadarma_wire.send(call.internal("101"))
        for desk in desks:
            wait_for(lambda desk=desk: any(card["call"] == id_of(odoo, call) for card in desk.seen()), "a popup", 90)
    finally:
        nodes[1].start()


def test_machine_restarts_under_load(odoo, nodes, zadarma_wire):
    """One machine is stopped in good order and started again: no sender is refused or cut off."""
    with Load(zadarma_wire) as load:
        wait_for_more(load, 10, "notifications are acknowledged")
        nodes[1].process.send_signal(signal.SIGINT)
        nodes[1].process.wait(60)
        nodes[1].restart()
        wait_for_more(load, 5, "both machines serve")
    assert not load.failed
    load.check(odoo)


def id_of(odoo, call):
    """Return the id of a call in Odoo."""
    return odoo.value("SELECT id FROM zadarma_call WHERE pbx_call_id = %s", call.id)


def test_machine_that_dies_before_its_answer(nodes, wire, tmp_path):
    """What one machine took and did not answer, nginx gives to the other one."""
    with DyingMachine(nodes[0].server) as dying, Nginx([dying, nodes[0]], tmp_path) as nginx:
        wire = wire.through(nginx.url, context=nginx.trust(), source=ZADARMA)
        for _ in range(4):
            assert wire.send(wire.inbound().start())[0] == 200
    assert dying.taken


class DyingMachine:
    """Something that takes a request and is gone."""

    def __init__(self, server):
        """Listen."""
        self.server, self.taken = server, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.bus_port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        """Begin to take requests."""
        self._thread.start()
        return self

    def __exit__(self, *_error):
        """Take none any more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            with connection:
                self.taken += bool(connection.recv(65536))


# --- nginx --- #


def get(url, path, client, nginx=None, **headers):
    """Return status, headers and body of what the browser of somebody gets."""
    request = urllib.request.Request(url + path, headers={"Cookie": f"session_id={client.session_id}", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30, context=nginx and nginx.trust()) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_address_is_checked_by_echo(zadarma_wire, stranger_wire, nginx):
    """The check of the address gets its value back, over TLS; without TLS one is sent there."""
    assert zadarma_wire.ask("GET", f"{zadarma_wire.path}?zd_echo=1234567") == (200, b"1234567")
    assert stranger_wire.ask("GET", "/zadarma/unknown?zd_echo=1234567")[0] == 403
    assert stranger_wire.through(nginx.plain_url).ask("GET", "/")[0] == 301


def test_nobody_passes_for_zadarma(zadarma_wire, stranger_wire, admin, company):
    """Where addresses are restricted, what a sender says of its own counts for nothing."""
    values = {"zadarma_addresses": ZADARMA_NETWORK, "zadarma_restrict_addresses": True}
    admin.call("res.company", "write", [company], values)
    assert zadarma_wire.send(zadarma_wire.inbound().start())[0] == 200
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"):
        for claim in (ZADARMA, f"{ZADARMA}, {ZADARMA}"):
            headers = {"X-Forwarded-For": ZADARMA, name: claim}
            assert stranger_wire.send(stranger_wire.inbound().start(), **headers)[0] == 403
    assert zadarma_wire.send(zadarma_wire.inbound().start(), **{"X-Forwarded-For": STRANGER})[0] == 200


def test_strangers_are_limited_and_zadarma_is_not(zadarma_wire, stranger_wire):
    """Of a flood most is cut off; a burst of notifications is not, however large."""
    call = zadarma_wire.inbound()
    with ThreadPoolExecutor(1) as background:
        flood = background.submit(
            at_once, lambda _number: stranger_wire.ask("GET", "/zadarma/x?zd_echo=1"), range(FLOOD)
        )
        burst = zadarma_wire.send_at_once([call.start()] * FLOOD)
    assert 429 in {status for status, _body in filter(None, flood.result())}
    assert 429 not in {status for status, _body in filter(None, burst)}
    assert zadarma_wire.send(call.start())[0] == 200


def test_large_bodies_stay_outside(zadarma_wire):
    """What no notification is, nginx refuses."""
    assert zadarma_wire.ask("POST", zadarma_wire.path, b"x" * 70_000)[0] == 413


def test_slow_senders_occupy_nobody(nodes, zadarma_wire, nginx):
    """Two hundred who never come to an end, in the headers or in the body, keep no worker from Zadarma."""
    token = zadarma_wire.path
    begun = (
        f"POST {token} HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "Content-Type: text/plain\r\nContent-Length: 60000\r\n\r\nx",
    )
    marks = [node.log_size() for node in nodes]
    with ExitStack() as stack:
        context, slow = nginx.trust(), []
        for number in range(SLOW_SENDERS):
            # Each from elsewhere, so that none is one too many from the same place.
            source = (f"127.0.1.{number + 1}", 0)
            plain = stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), 30, source))
            sender = stack.enter_context(context.wrap_socket(plain, server_hostname="127.0.0.1"))
            sender.sendall("".join(begun[: 1 + number % 2]).encode())
            slow.append(sender)
        for _ in range(SLOW_ROUNDS):
            for number, sender in enumerate(slow):
                sender.sendall(b"x" if number % 2 else b"X-More: x\r\n")
            call = zadarma_wire.inbound()
            assert {zadarma_wire.send(form)[0] for form in call.whole(("101",), "101")} == {200}
    served = [line for node, mark in zip(nodes, marks, strict=True) for line in node.log(mark).splitlines()]
    assert sum(f"POST {token}" in line for line in served) == SLOW_ROUNDS * len(call.whole(("101",), "101"))


def test_address_is_in_no_log(zadarma_wire, stranger_wire, nginx):
    """Logs tell of notifications, well or badly written, and hold no address that takes them; all else is there."""
    token = zadarma_wire.path.rsplit("/", 1)[1]
    before = len(nginx.access_log())
    assert zadarma_wire.send(zadarma_wire.inbound().start())[0] == 200
    paths = [f"/zadarma/{token}?zd_echo=1", f"/zadarma/{token}/", f"//zadarma/{token}", f"/%7aadarma/./{token}?x=1"]
    for path in (*paths, "/web/login?redirect=1"):
        zadarma_wire.ask("GET", path)
    zadarma_wire.ask("POST", zadarma_wire.path, b"x" * 70_000)
    at_once(lambda _number: stranger_wire.ask("GET", paths[0]), range(FLOOD))
    wait_for(lambda: len(nginx.access_log()) >= before + FLOOD + 7, "all requests are logged")
    assert " 429 " in "".join(nginx.access_log())
    lines = nginx.access_log()[before:]
    assert sum('"POST /zadarma/- HTTP/1.1" 200' in line for line in lines) == 1
    assert any('"GET /web/login?redirect=1 HTTP/1.1"' in line for line in lines)
    assert token not in "".join(lines)
    assert token not in nginx.error_log()


def test_websocket_through_nginx(nginx, people, odoo, zadarma_wire, open_desk):
    """The live connection works, with the user's session."""
    ear = websocket.create_connection(
        f"{nginx.url.replace('https', 'wss')}/websocket",
        cookie=f"session_id={people['agent'].session_id}",
        origin=nginx.url,
        sslopt={"context": nginx.trust()},
        timeout=30,
    )
    with closing(ear):
        ear.send(json.dumps({"event_name": "subscribe", "data": {"channels": [], "last": 0}}))
        call = zadarma_wire.inbound()
        zadarma_wire.send(call.start())
        zadarma_wire.send(call.internal("101"))
        odoo.wait_until_processed()
        heard = []
        while not any(message["message"]["type"] == "zadarma.call" for message in heard):
            heard += json.loads(ear.recv())


def test_recording_leaves_from_nginx(odoo, nodes, zadarma, people, nginx, ways, number):
    """nginx sends recordings itself, whole and in parts, to whoever Odoo says may hear them, and to nobody else."""
    call = talk(odoo, zadarma, number)
    wait_for(lambda: fetch(odoo, call) or is_stored(odoo, call), "the recording is in Odoo")
    path = f"/zadarma/recording/{odoo.value(RECORDING, call)}"
    status, headers, handed_over = get(ways[0].url, path, people["agent"])
    assert (status, handed_over) == (200, b"")
    place = headers["X-Accel-Redirect"]
    content = (nodes[0].server.data_dir / "filestore" / place.removeprefix("/web/filestore/")).read_bytes()

    status, headers, whole = get(nginx.url, path, people["agent"], nginx)
    assert (status, whole) == (200, content)
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["Content-Disposition"].startswith("inline")
    assert not {"X-Sendfile", "X-Accel-Redirect"} & set(headers)
    for asked, part in (("144-287", content[144:288]), ("144-", content[144:]), ("-100", content[-100:])):
        status, headers, got = get(nginx.url, path, people["agent"], nginx, Range=f"bytes={asked}")
        assert (status, got) == (206, part)
        assert headers["Content-Range"].endswith(f"/{len(content)}")
    assert get(nginx.url, path, people["agent"], nginx, Range=f"bytes={len(content)}-")[0] == 416
    assert get(nginx.url, path, people["colleague"], nginx)[0] == 404
    assert get(nginx.url, place, people["agent"], nginx)[0] == 404
