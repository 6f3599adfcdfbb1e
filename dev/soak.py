"""Let calls come in for long while things break, then compare every call with what the simulated Zadarma knows of it.

    .odoo/venv/bin/python dev/soak.py [--minutes 10] [--rate 1.0] [--seed 1]

Two machines with Odoo behind nginx on one PostgreSQL. Workers, the bus, a whole machine and the database die again and
again; notifications are delayed, doubled, put out of order and lost; Zadarma's API refuses and dawdles. In the end
calls of which everything was acknowledged must be right at once, all others after one comparison with the statistics;
memory and connections must not have grown, and Odoo's logs hold no errors but those of a database that was away.
"""

import argparse
import itertools
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from contextlib import ExitStack, closing, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import websocket

sys.path.insert(0, str(Path(__file__).with_name("live")))

from harness import Client, Odoo, wait_for
from nginx import Nginx

import postgres
from common import CommandError, command
from simulator import Simulator
from simulator.calls import CUSTOMER
from simulator.inbound import InboundCall
from simulator.outbound import InternalCall
from simulator.settings import Extension, SimulatorError
from simulator.wire import WEBHOOK

KEY, SECRET = "soak-key", "soak-secret"
EXTENSIONS = [str(number) for number in range(100, 116)]
CUSTOMERS, KNOWN = 60, 30
LONGEST_TALK = 20
FAULT_EVERY = 15
MEASURE_EVERY, PROGRESS_EVERY = 10, 30
# How long Odoo may complain of a database that was away: its bus tries again after most of a minute.
COMPLAINING = timedelta(seconds=75)
# How likely each fault strikes a notification.
NOTIFICATION_FAULTS = {"duplicate": 0.05, "reorder": 0.05, "delay": 0.03, "drop": 0.01}
API_FAULTS = ("rate_limit", "error_500", "html_502", "slow", "garbage", "reset")
RESULTS = {"answered": "answered", "no answer": "no_answer", "cancel": "cancelled", "busy": "busy"}
# Two at once wrote the same row; more browsers came back at once than have connections to the database.
TRIED_AGAIN = ("could not serialize access", "The Connection Pool Is Full")
LOG_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \d+ (ERROR|CRITICAL) ")


def main():
    """Run it; return 0 if everything was as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long calls come in (10)")
    parser.add_argument("--rate", type=float, default=1.0, help="calls a second (1)")
    parser.add_argument("--seed", type=int, default=1, help="what makes chance repeat itself (1)")
    options = parser.parse_args()
    with ExitStack() as stack:
        site = Site(stack, options.seed)
        calls, faults = Calls(site, options), Faults(site, options.seed)
        watch = Watch(site, calls, faults)
        ears = [Ear(site, extension) for extension in EXTENSIONS]
        print(f"Calls for {options.minutes:g} minutes, {options.rate:g} a second, seed {options.seed}.", flush=True)
        for worker in (watch, *ears, calls):
            worker.start()
        faults.strike_until(time.monotonic() + options.minutes * 60)
        for worker in (calls, *ears, watch):
            worker.stop()
        comparison = Comparison(site, watch)
        problems = [*comparison.problems(), *comparison.eavesdroppers(ears), *watch.problems()]
        problems += complaints(site, faults)
        print(site.growth(calls.begun))
    for problem in problems[:50]:
        print(f"PROBLEM: {problem}")
    print(f"{len(problems)} problems." if problems else "Everything is as it must be.")
    return bool(problems)


class Site:
    """Two machines with Odoo, nginx, PostgreSQL and the simulated Zadarma, connected."""

    def __init__(self, stack, seed):
        """Start everything; `stack` ends it."""
        self.server = stack.enter_context(postgres.server(fsync=True))
        if not hasattr(self.server, "kill"):
            raise CommandError("the database is to crash, so it must be our own: unset PGHOST")
        self.nodes = [Odoo(self.server, "zadarma_soak"), Odoo(self.server, "zadarma_soak", "second")]
        for node in self.nodes:
            # As doc/operations.rst counts: together fewer than PostgreSQL admits.
            node.configure(db_maxconn=8, db_maxconn_gevent=16)
            node.start()
            stack.callback(node.stop)
        self.odoo = self.nodes[0]
        self.simulator = stack.enter_context(Simulator(KEY, SECRET, seed=seed, ring_seconds=15))
        for number in EXTENSIONS:
            self.simulator.exchange.extensions.setdefault(number, Extension(number, f"Desk {number}", recording=False))
            self.simulator.set_extension(number, recording=False)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        self.nginx = stack.enter_context(Nginx(self.nodes, folder, zadarma="127.0.0.1/32", tls=False))
        self.customers = [f"+49307{number:07d}" for number in range(CUSTOMERS)]
        self._connect()
        self._sizes_at_first = self._sizes()

    def _sizes(self):
        """Return the size of each table with its indexes."""
        query = """
            SELECT relname, pg_total_relation_size(oid) FROM pg_class
             WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        """
        return Counter(dict(self.odoo.sql(query)))

    def growth(self, calls):
        """Say by how much the database has grown with so many calls."""
        grown = self._sizes() - self._sizes_at_first
        parts = ", ".join(f"{name} {size / 1024 / calls:.1f}" for name, size in grown.most_common(8))
        return f"the database grew by {sum(grown.values()) / 1024 / calls:.1f} KiB a call: {parts}"

    def _connect(self):
        """Connect the account and hire somebody for each telephone."""
        admin = Client(self.nginx.url, self.odoo.database, "admin")
        parameters = {"web.base.url": self.nginx.url, "web.base.url.freeze": "True"}
        for name, value in (parameters | {"zadarma.api_url": self.simulator.url}).items():
            admin.call("ir.config_parameter", "set_param", name, value)
        company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
        values = {"zadarma_key": KEY, "zadarma_secret": SECRET, "zadarma_create_records": True}
        admin.call("res.company", "write", [company], values)
        admin.call("res.company", "action_zadarma_connect", [company])
        query = "SELECT res_id FROM ir_model_data WHERE model = 'res.groups' AND name = ANY(%s)"
        groups = [each for (each,) in self.odoo.sql(query, ["group_user", "group_sale_salesman"])]
        for number in EXTENSIONS:
            values = {"name": f"Agent {number}", "login": number, "password": number}
            user = admin.create("res.users", **values, group_ids=[(6, 0, groups)])
            extension = admin.call("zadarma.extension", "search", [("number", "=", number)])
            admin.call("zadarma.extension", "write", extension, {"user_id": user})
        for number in self.customers[:KNOWN]:
            admin.create("res.partner", name=f"Customer {number}", phone=number)


class Worker:
    """Something that goes on in a thread of its own until it is stopped."""

    def __init__(self):
        """Prepare."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        """Begin."""
        self._thread.start()

    def stop(self):
        """Stop, and wait until it has."""
        self._is_over.set()
        self._thread.join()

    def _run(self):
        raise NotImplementedError


class Calls(Worker):
    """People who call, pick up, hand over and hang up, at a steady rate."""

    def __init__(self, site, options):
        """Take where, how often, and by which chance."""
        super().__init__()
        self._simulator, self._customers = site.simulator, site.customers
        self._rate, self._chance = options.rate, random.Random(options.seed)
        self.begun = 0

    def _run(self):
        for kind, probability in NOTIFICATION_FAULTS.items():
            self._simulator.webhook_fault(kind, probability=probability, seconds=3 if kind == "delay" else None)
        due = time.monotonic()
        while not self._is_over.wait(max(0, due - time.monotonic())):
            due += self._chance.expovariate(self._rate)
            with suppress(SimulatorError):  # somebody is on the telephone already
                self._begin()
                self.begun += 1
        self._simulator.webhook_faults.clear()
        wait_for(lambda: not self._simulator.open_calls(), "all calls are over", 120)
        wait_for(self._simulator.courier.idle, "everything was sent", 120)
        time.sleep(20)  # what was held back to come late

    def _begin(self):
        """Begin a call of some kind, and plan what becomes of it."""
        chance, simulator = self._chance, self._simulator
        number, (first, second) = chance.choice(self._customers), chance.sample(EXTENSIONS, 2)
        kind = chance.choices(("inbound", "outbound", "internal"), (70, 25, 5))[0]
        if kind == "inbound":
            number = "anonymous" if chance.random() < 0.05 else number
            call = simulator.call_in(number, to=chance.sample(EXTENSIONS, chance.randint(1, 5)))
            self._later(chance.uniform(1, 6), self._inbound, call)
        elif kind == "outbound":
            self._later(chance.uniform(1, 6), self._answered, simulator.dial(first, number), CUSTOMER, 0.7)
        else:
            self._later(chance.uniform(1, 6), self._answered, simulator.internal(first, second), second, 0.7)

    def _later(self, seconds, act, *arguments):
        def attempt():
            with suppress(SimulatorError):  # it went another way meanwhile
                act(*arguments)

        self._simulator.exchange.after(seconds, attempt)

    def _inbound(self, call):
        """Let one of those who ring pick up, or the caller give up, or all of them refuse, or nobody do anything."""
        legs = [leg.extension for leg in self._simulator.exchange.call(call).open_legs()]
        fate = self._chance.choices(("answer", "give up", "refuse", "nothing"), (70, 15, 8, 7))[0]
        if fate == "answer" and legs:
            self._answered(call, self._chance.choice(legs), 1)
        elif fate == "refuse":
            for extension in legs:
                self._simulator.hang_up(call, extension)
        elif fate != "nothing":
            self._simulator.hang_up(call)

    def _answered(self, call, party, probability):
        """Let somebody pick up and talk for a while, sometimes hand over to a colleague; or hang up at once."""
        if self._chance.random() > probability:
            legs = self._simulator.exchange.call(call).open_legs()
            self._simulator.hang_up(call, legs[0].extension)
            return
        self._simulator.answer(call, party)
        seconds = self._chance.uniform(1, LONGEST_TALK)
        is_inbound = isinstance(self._simulator.exchange.call(call), InboundCall)
        if is_inbound and self._chance.random() < 0.15:
            target = self._chance.choice([extension for extension in EXTENSIONS if extension != party])
            self._later(seconds / 3, self._simulator.transfer, call, party, target)
            self._later(seconds / 2, self._simulator.answer, call, target)
        self._later(seconds, self._hang_up, call)

    def _hang_up(self, call):
        legs = self._simulator.exchange.call(call).open_legs()
        by_customer = not isinstance(self._simulator.exchange.call(call), InternalCall) and self._chance.random() < 0.5
        self._simulator.hang_up(call, CUSTOMER if by_customer or not legs else legs[0].extension)


class Faults:
    """What breaks, one thing after the other; in the main thread, as the processes that a thread starts end with it."""

    def __init__(self, site, seed):
        """Take what is there to break."""
        self._site, self._chance = site, random.Random(seed)
        self.counts, self.outages = Counter(), []

    def strike_until(self, end):
        """Break one thing after the other until a moment of the monotonic clock, then let everything be whole."""
        kinds = {self._worker: 50, self._bus: 8, self._machine: 8, self._database: 8, self._api: 26}
        while (left := end - time.monotonic()) > 0:
            pause = self._chance.expovariate(1 / FAULT_EVERY)
            time.sleep(min(pause, left))
            if pause < left:
                self._chance.choices(list(kinds), list(kinds.values()))[0]()
        for node in self._site.nodes:
            node.revive()

    def explain(self, moment):
        """Tell whether the database was away at a moment, as logs write it."""
        moment = datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        return any(
            began <= moment + timedelta(seconds=1) and moment <= ended + COMPLAINING for began, ended in self.outages
        )

    def _worker(self):
        node = self._chance.choice(self._site.nodes)
        if node.process.poll() is None and (workers := node.workers()):
            node.kill_worker(self._chance.choice(workers))
            self.counts["workers"] += 1

    def _bus(self):
        node = self._chance.choice(self._site.nodes)
        if node.process.poll() is None:
            node.kill_bus()
            self.counts["bus"] += 1

    def _machine(self):
        node = self._chance.choice(self._site.nodes)
        node.kill()
        self.counts["machines"] += 1
        time.sleep(self._chance.uniform(1, 10))
        node.start()

    def _database(self):
        began = datetime.now(timezone.utc)
        self._site.server.kill()
        time.sleep(self._chance.uniform(0, 3))
        self._site.server.start()
        self.counts["database"] += 1
        time.sleep(2)  # a machine that cannot start a worker ends, for its service manager to start it again
        for node in self._site.nodes:
            node.revive()
        self.outages.append((began, datetime.now(timezone.utc)))

    def _api(self):
        kind = self._chance.choice(API_FAULTS)
        fault = self._site.simulator.api_fault(kind)
        self.counts["API"] += 1
        time.sleep(self._chance.uniform(1, 10))
        self._site.simulator.api_faults.remove(fault.id)


class Ear(Worker):
    """The browser of one user: connected to whichever machine is there, and connected again when that dies."""

    def __init__(self, site, extension):
        """Log in."""
        super().__init__()
        self.extension, self.heard = extension, []
        self._url = f"{site.nginx.url.replace('http', 'ws')}/websocket"
        self._origin, self._last = site.nginx.url, 0
        self._session_id = Client(site.nginx.url, site.odoo.database, extension).session_id

    def _run(self):
        while not self._is_over.wait(1):
            with suppress(OSError, ValueError, websocket.WebSocketException):
                self._listen()

    def _listen(self):
        cookie = f"session_id={self._session_id}"
        with closing(websocket.create_connection(self._url, cookie=cookie, origin=self._origin, timeout=1)) as ear:
            ear.send(json.dumps({"event_name": "subscribe", "data": {"channels": [], "last": self._last}}))
            while not self._is_over.is_set():
                with suppress(websocket.WebSocketTimeoutException):
                    # Of a connection that was closed in good order nothing comes, which is no JSON.
                    self._take(json.loads(ear.recv()))

    def _take(self, messages):
        for message in messages:
            self._last = max(self._last, message["id"])
            if message["message"]["type"] == "zadarma.call":
                self.heard.append((message["message"]["payload"]["id"], time.time()))


class Watch(Worker):
    """Keeps what was sent and answered, and how much memory and how many connections are used."""

    def __init__(self, site, calls, faults):
        """Take what is to be watched."""
        super().__init__()
        self._site, self._calls, self._faults, self._last_id = site, calls, faults, 0
        self.sent, self.milliseconds, self.rang_at = defaultdict(list), [], {}
        self.memory, self.connections = [], []

    def _run(self):
        for count in itertools.count():
            self._read_log()
            if count % MEASURE_EVERY == 0:
                self._measure()
            if count % PROGRESS_EVERY == 0:
                print(f"{count / 60:4.1f} min  {self._progress()}", flush=True)
            if self._is_over.wait(1):
                break
        self._read_log()

    def _read_log(self):
        for entry in self._site.simulator.log.entries(self._last_id, WEBHOOK):
            self._last_id = entry.id
            if entry.fields and entry.call:
                self.sent[entry.call].append((entry.title, entry.status))
                if entry.status == 200:
                    self.milliseconds.append(entry.milliseconds)
                if entry.title == "NOTIFY_INTERNAL" and entry.note != "dropped":
                    sent_at = entry.time - entry.milliseconds / 1000
                    self.rang_at.setdefault((entry.call, entry.fields["internal"]), sent_at)

    def _measure(self):
        sizes = [rss for node in self._site.nodes for rss in self._sizes(node)]
        self.memory.append(max(sizes, default=0))
        query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'odoo' AND backend_type = 'client backend'"
        with suppress(Exception):  # it is away
            self.connections.append(self._site.odoo.value(query) - 1)

    @staticmethod
    def _sizes(node):
        """Yield how much memory each process of a machine has for itself."""
        with suppress(psutil.Error):
            master = psutil.Process(node.process.pid)
            for process in (master, *master.children(recursive=True)):
                with suppress(psutil.Error):
                    yield process.memory_info().rss

    def _progress(self):
        acknowledged = sum(status == 200 for answers in self.sent.values() for _title, status in answers)
        other = sum(map(len, self.sent.values())) - acknowledged
        broken = ", ".join(f"{name} {count}" for name, count in sorted(self._faults.counts.items()))
        return (
            f"{self._calls.begun} calls, {acknowledged} notifications acknowledged, {other} not; "
            f"largest process {self.memory[-1] / 2**20:.0f} MiB, "
            f"{self.connections[-1] if self.connections else 0} connections; broken: {broken or 'nothing yet'}"
        )

    def is_acknowledged(self, call):
        """Tell whether each notification of a call was answered with 200 at least once, and none was lost."""
        answers = self.sent[call]
        titles = Counter(title for title, _status in answers)
        good = Counter(title for title, status in answers if status == 200)
        return all(good[title] for title in titles) and len(answers) == sum(good.values())

    def problems(self):
        """Yield what was larger in the last third than ever before."""
        for what, samples, slack in (("memory", self.memory, 40 * 2**20), ("connections", self.connections, 6)):
            third = len(samples) // 3
            if not third:
                continue
            before, after = max(samples[:-third]), max(samples[-third:])
            print(f"{what}: at most {before} before the last third, {after} in it")
            if after > before * 1.1 + slack:
                yield f"{what} grew from {before} to {after}"
        print(f"notifications acknowledged: {spread(self.milliseconds)}")


def spread(milliseconds):
    """Say how long something took."""
    times = sorted(milliseconds) or [0]
    shares = {"median": 0.5, "95 %": 0.95, "99 %": 0.99}
    return f"{len(times)}; " + ", ".join(f"{name} {times[int(len(times) * at)]:.0f} ms" for name, at in shares.items())


class Comparison:
    """Every call as the simulated Zadarma knows it, against what is in Odoo."""

    QUERY = """
        SELECT pbx_call_id, state, direction, result, duration, answered_by, is_withheld FROM zadarma_call
    """

    def __init__(self, site, watch):
        """Take both sides."""
        self._site, self._watch = site, watch
        self._calls = list(site.simulator.exchange.calls.values())

    def problems(self):
        """Yield what differs: of calls that were told of completely at once, of all others after a comparison."""
        odoo = self._site.odoo
        odoo.wait_until_processed(300, sweeping=True)
        complete = [call for call in self._calls if self._watch.is_acknowledged(call.id)]
        yield from self._differences(complete, "all was acknowledged")
        self._compare_with_statistics()
        # Of calls between desks the statistics know nothing.
        external = [call for call in self._calls if not isinstance(call, InternalCall)]
        yield from self._differences(external, "after the comparison")
        print(f"{len(self._calls)} calls, {len(complete)} of them with all notifications acknowledged")
        query = "SELECT state, count(*) FROM zadarma_event WHERE state != 'done' AND name != 'NOTIFY_START' GROUP BY 1"
        odd = [row for row in odoo.sql(query) if row[0] in ("new", "failed", "quarantined")]
        if odd:
            yield f"notifications that were not processed: {odd}"
        query = (
            "SELECT phone_sanitized, count(*) FROM crm_lead WHERE type = 'opportunity' GROUP BY 1 HAVING count(*) > 1"
        )
        for number, count in odoo.sql(query):
            yield f"{count} leads of {number}"
        doubled = odoo.value("SELECT count(*) - count(DISTINCT pbx_call_id) FROM zadarma_call")
        if doubled:
            yield f"{doubled} calls are there twice"

    def _differences(self, calls, when):
        found = defaultdict(list)
        for call_id, *values in self._site.odoo.sql(self.QUERY):
            found[call_id].append(values)
        for call in calls:
            rows = found[call.id]
            if len(rows) != 1:
                yield f"{when}: call {call.id} is there {len(rows)} times"
                continue
            wrong = list(self._wrong(call, *rows[0]))
            if wrong:
                yield f"{when}: call {call.id}: {'; '.join(wrong)}; sent {self._watch.sent[call.id]}"

    @staticmethod
    def _wrong(call, state, direction, result, duration, answered_by, is_withheld):
        """Yield what Odoo has wrong about a call."""
        direction_there = {"in": "inbound", "out": "outbound"}.get(call.direction, call.direction)
        talked = sorted((leg for leg in call.legs if leg.answered), key=lambda leg: leg.answered)
        # Of a call that was handed over, the statistics count what each one talked, and not the ringing in between.
        durations = {call.duration(), sum(round(leg.ended - leg.answered) for leg in talked)}
        pairs = {
            "state": (state, "ended"),
            "direction": (direction, direction_there),
            "result": (result, RESULTS[call.disposition]),
            "duration": (duration or 0, duration if duration in durations else call.duration()),
            "withheld": (bool(is_withheld), call.number == "anonymous"),
        }
        if isinstance(call, InboundCall) and talked:
            pairs["talked"] = (answered_by, talked[-1].extension)
        for what, (here, there) in pairs.items():
            if here != there:
                yield f"{what} is {here}, should be {there}"

    def eavesdroppers(self, ears):
        """Yield who was told of a call in which they have no part; say how soon the others were told."""
        query = "SELECT id, pbx_call_id FROM zadarma_call"
        names, delays = dict(self._site.odoo.sql(query)), {}
        parts = {call.id: {leg.extension for leg in call.legs} for call in self._calls}
        for ear in ears:
            for number, heard_at in ear.heard:
                call = names.get(number)
                if ear.extension not in parts.get(call, ()):
                    yield f"{ear.extension} was told of call {call}"
                elif (call, ear.extension) in self._watch.rang_at:
                    delay = heard_at - self._watch.rang_at[call, ear.extension]
                    delays.setdefault((call, ear.extension), delay * 1000)
        print(f"telephones that rang: {len(self._watch.rang_at)}; popups: {spread(delays.values())}")

    def _compare_with_statistics(self):
        """Have all calls compared, however young."""
        odoo = self._site.odoo
        odoo.sql("""
            INSERT INTO zadarma_import (company_id, kind, date_from, date_to, position, state)
            SELECT id, 'import', now() AT TIME ZONE 'UTC' - interval '1 day', now() AT TIME ZONE 'UTC',
                   now() AT TIME ZONE 'UTC' - interval '1 day', 'waiting' FROM res_company ORDER BY id LIMIT 1
        """)

        def is_done():
            odoo.run_cron("ir_cron_compare")
            time.sleep(2)
            return odoo.value("SELECT state = 'done' FROM zadarma_import WHERE kind = 'import'")

        wait_for(is_done, "all calls are compared with the statistics", 900)
        odoo.wait_until_processed(300, sweeping=True)


def complaints(site, faults):
    """Yield the errors in Odoo's logs, but for those of a database that was away, and for what is tried again."""
    for node in site.nodes:
        for record in re.split(r"^(?=\d{4}-\d\d-\d\d \d\d:)", node.log(), flags=re.MULTILINE):
            match = LOG_LINE.match(record)
            if match and not any(words in record for words in TRIED_AGAIN) and not faults.explain(match[1]):
                yield f"{node.name}: {record[:300]}"


if __name__ == "__main__":
    command(main)
