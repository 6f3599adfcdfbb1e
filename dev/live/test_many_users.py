"""Fifty users whose browsers are connected, and calls for a few of them at a time."""

import json
import random
import threading
import time
from contextlib import suppress

import psutil
import pytest
import websocket
from harness import new_number, wait_for

from common import run_shell
from simulator.settings import Extension

USERS, FIRST_EXTENSION = 50, 500
# What a longer run raises: a minute is sixty.
SECONDS = 10
RATE = 5  # calls
SEED = 1
# People who are logged in. To check fifty passwords would take longer than all the rest.
HIRE = f"""
groups = env.ref("base.group_user") + env.ref("sales_team.group_sale_salesman")
numbers = range({FIRST_EXTENSION}, {FIRST_EXTENSION + USERS})
names = [{{"name": f"Agent {{number}}", "login": f"many{{number}}", "group_ids": groups.ids}} for number in numbers]
users = env["res.users"].with_context(no_reset_password=True).create(names)
env["zadarma.extension"].create(
    [{{"number": str(number), "user_id": user.id}} for number, user in zip(numbers, users)]
)
env.flush_all()
for number, user in zip(numbers, users):
    session = odoo.http.root.session_store.new()
    session.update(odoo.http.get_default_session(), pre_login=user.login, pre_uid=user.id)
    session.finalize(env)
    session.update(db=env.cr.dbname)
    odoo.http.root.session_store.save(session)
    env["ir.config_parameter"].set_param(f"many.{{number}}", session.sid)
"""


class Ear(threading.Thread):
    """The browser of one user, which notes what it hears of calls, and when."""

    def __init__(self, url, session_id, is_over):
        """Connect; listening goes on until an event happens."""
        super().__init__()
        self.heard, self._is_over = [], is_over
        options = {"cookie": f"session_id={session_id}", "origin": url, "timeout": 30}
        self._socket = websocket.create_connection(f"{url.replace('http', 'ws')}/websocket", **options)
        self._socket.send(json.dumps({"event_name": "subscribe", "data": {"channels": [], "last": 0}}))
        self._socket.settimeout(0.5)

    def run(self):
        """Listen."""
        while not self._is_over.is_set():
            with suppress(websocket.WebSocketTimeoutException):
                for message in json.loads(self._socket.recv()):
                    if message["message"]["type"] == "zadarma.call":
                        self.heard.append((message["message"]["payload"], time.time()))
        self._socket.close()

    def ringing(self):
        """Return when it heard that a call rings, by the caller's number; by each number one calls but once."""
        return {payload["number"]: at for payload, at in self.heard if payload["state"] == "ringing"}


@pytest.fixture
def ears(odoo, server, admin, proxy, simulator):
    """Browsers, by the extension of their user; the users leave afterwards."""
    numbers = [str(number) for number in range(FIRST_EXTENSION, FIRST_EXTENSION + USERS)]
    # What the account has not, is archived when the extensions are compared, within minutes.
    simulator.exchange.extensions.update({number: Extension(number) for number in numbers})
    run_shell(server, odoo.config, HIRE)
    sessions = odoo.sql("DELETE FROM ir_config_parameter WHERE key LIKE 'many.%%' RETURNING substr(key, 6), value")
    is_over = threading.Event()
    ears = {number: Ear(proxy.url, session_id, is_over) for number, session_id in sessions}
    for ear in ears.values():
        ear.start()
    yield ears
    is_over.set()
    for ear in ears.values():
        ear.join()
    for number in numbers:
        del simulator.exchange.extensions[number]
    extensions = admin.call("zadarma.extension", "search", [("number", "in", numbers)])
    admin.call("zadarma.extension", "unlink", extensions)
    admin.call("res.users", "write", admin.call("res.users", "search", [("login", "like", "many")]), {"active": False})


def bus_memory(odoo):
    """Return how many MiB the process with the live connections has for itself."""
    children = psutil.Process(odoo.process.pid).children()
    return next(child.memory_info().rss for child in children if "gevent" in child.cmdline()) / 2**20


class Caller(threading.Thread):
    """Somebody whose call rings at some telephones until all of their users know, is answered, and over."""

    def __init__(self, wire, ears):
        """Take who rings, by extension."""
        super().__init__()
        self.number, self.ears, self.delays, self._wire = new_number(), ears, [], wire
        self._call = wire.inbound(self.number)

    def run(self):
        """Call."""
        self._send(self._call.start())
        sent_at = {}
        for extension in self.ears:
            sent_at[extension] = time.time()
            self._send(self._call.internal(extension))
        wait_for(
            lambda: all(self.number in ear.ringing() for ear in self.ears.values()), "everybody knows that it rings"
        )
        self.delays = [ear.ringing()[self.number] - sent_at[extension] for extension, ear in self.ears.items()]
        talker = next(iter(self.ears))
        self._send(self._call.answer(talker))
        self._send(self._call.end(talker))

    def _send(self, form):
        assert self._wire.send(form)[0] == 200


def test_everybody_hears_of_their_calls_and_of_no_others(odoo, wire, ears, measure):
    """Five calls a second, each at up to three telephones: one popup for each that rings, and for nobody else."""
    chance, callers = random.Random(SEED), []
    memory, began = bus_memory(odoo), time.monotonic()
    for number in range(SECONDS * RATE):
        time.sleep(max(0, began + number / RATE - time.monotonic()))
        ringing = chance.sample(sorted(ears), chance.randint(1, 3))
        callers.append(Caller(wire, {extension: ears[extension] for extension in ringing}))
        callers[-1].start()
    for caller in callers:
        caller.join()
    odoo.wait_until_processed()
    calls = dict(
        odoo.sql("SELECT number, id FROM zadarma_call WHERE number = ANY(%s)", [each.number for each in callers])
    )
    for extension, ear in ears.items():
        due = [caller.number for caller in callers if extension in caller.ears]
        heard = [(payload["id"], payload["state"]) for payload, _at in ear.heard]
        assert sorted(call for call, state in heard if state == "ringing") == sorted(calls[number] for number in due)
        assert {call for call, _state in heard} == {calls[number] for number in due}
    delays = sorted(delay for caller in callers for delay in caller.delays)
    measure(
        f"{len(delays)} popups of {len(callers)} calls: median {delays[len(delays) // 2] * 1000:.0f} ms, "
        f"95 % {delays[int(len(delays) * 0.95)] * 1000:.0f} ms; "
        f"the bus process had {memory:.0f} MiB before and {bus_memory(odoo):.0f} MiB afterwards"
    )
