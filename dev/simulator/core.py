"""The simulator as Python code sees it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from . import scenarios, stats
from .calls import CUSTOMER
from .clock import Clock, SteppedClock, WallClock
from .exchange import Exchange, customer_number
from .faults import API_FAULTS, WEBHOOK_FAULTS, Fault, FaultList
from .server import Web
from .settings import (
    HOOKS,
    NOTIFICATIONS,
    Customer,
    Extension,
    Seed,
    Settings,
    SimulatorError,
)
from .webhooks import Courier, result_text
from .wire import WEBHOOK, Changes, Exchanged, WireLog

_SETTINGS = {field.name for field in fields(Settings)}


class Simulator:
    """A simulated Zadarma on a real socket.

    With ``stepped=True`` nothing happens by itself: every method returns after the notifications
    it caused have been delivered and answered, and time passes by :meth:`advance` alone. So tests
    never sleep. Without it the simulator runs in real time, ``speed`` times as fast.

    :param key: API key; default of the seed file
    :param secret: API secret
    :param webhook_url: where notifications go; if given, all of them are switched on
    :param host: address to listen on
    :param port: TCP port; 0 takes a free one
    :param speed: how many simulated seconds pass in a real one
    :param stepped: let time stand still
    :param now: start of the stepped clock in seconds since 1970
    :param seed: makes ids and chances repeat themselves
    :param seed_file: another ``seed.json``
    :param history: how many calls of the last 30 days the statistics start with
    :param settings: anything else of :class:`~simulator.settings.Settings`
    """

    def __init__(
        self,
        key: str | None = None,
        secret: str | None = None,
        webhook_url: str = "",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        stepped: bool = False,
        now: float | None = None,
        seed: int | None = None,
        seed_file: str | Path | None = None,
        history: int = 0,
        **settings: Any,
    ):
        self._seed = Seed.read(seed_file) if seed_file else Seed.read()
        given = {"key": key, "secret": secret}
        self._given = {**settings, **{k: v for k, v in given.items() if v is not None}}
        self._given["webhook_url"] = webhook_url
        self._history, self._chance_seed = history, seed
        self._host = host
        self.speed = 1.0 if stepped else speed
        self.settings = Settings()
        self.changes = Changes()
        self.log = WireLog(self.changes)
        self.clock: Clock = SteppedClock(now) if stepped else WallClock(speed)
        self._chance = random.Random()
        self.api_faults = FaultList(API_FAULTS, self._chance)
        self.webhook_faults = FaultList(WEBHOOK_FAULTS, self._chance)
        self.courier = Courier(self.settings, self.clock, self.webhook_faults, self.log)
        self.exchange = Exchange(self.settings, self.clock, self.courier, self.changes, self._chance)
        self.web = Web(self, host, port)
        self.reset()

    # Life -------------------------------------------------------------------------------------

    def start(self) -> Simulator:
        """Begin to serve, in threads of its own."""
        self.clock.start()
        self.web.start()
        return self

    def stop(self) -> None:
        """Stop serving and forget what was to come."""
        self.clock.stop()
        self.courier.clear()
        self.web.stop()

    def __enter__(self) -> Simulator:
        """Start it for a ``with`` block."""
        return self.start()

    def __exit__(self, *_error: object) -> None:
        """Stop it."""
        self.stop()

    @property
    def url(self) -> str:
        """Address of page and API without a slash at the end."""
        host = "127.0.0.1" if self._host in ("", "0.0.0.0") else self._host
        return f"http://{host}:{self.web.port}"

    def begin_minute(self) -> None:
        """Begin a new minute of the rate limit, whatever was asked in the last one."""
        self.web.limiter.clear()

    def reset(self) -> None:
        """Return to the state right after the start; the clock goes on."""
        with self.exchange.lock:
            self.clock.clear()
            self.courier.clear()
            self._chance.seed(self._chance_seed)
            self._reset_settings()
            self.exchange.extensions.clear()
            for each in self._seed.extensions:
                self.exchange.extensions[each["number"]] = Extension(**each)
            self.exchange.direct_numbers[:] = [dict(each) for each in self._seed.direct_numbers]
            self.exchange.customers[:] = [
                Customer(id=index, **each) for index, each in enumerate(self._seed.customers, 1)
            ]
            self.exchange.clear()
            stats.add_history(self.exchange, self._history, 30, self._chance_seed or 0)
        self.api_faults.clear()
        self.webhook_faults.clear()
        self.web.rest.clear()
        self.web.limiter.clear()
        self.log.clear()

    def _reset_settings(self) -> None:
        fresh = Settings()
        for name in _SETTINGS:
            setattr(self.settings, name, getattr(fresh, name))
        self.set(**{**self._seed.account, **self._given})
        if self.settings.webhook_url and "notifications" not in self._given:
            self.settings.notifications.update(dict.fromkeys(NOTIFICATIONS, True))
        if self.settings.events_url and "hooks" not in self._given:
            self.settings.hooks.update(dict.fromkeys(HOOKS, True))

    # Calls ------------------------------------------------------------------------------------

    def call_in(self, number: str, did: str = "", to: Sequence[str] = (), menu: bool = False) -> str:
        """Let somebody outside call; return the pbx_call_id.

        :param number: of the caller; "" or a word such as "anonymous" withholds it
        :param did: the dialled number; the account's first by default
        :param to: extensions that ring; the ring group by default
        :param menu: stay in the menu until :meth:`choose`
        """
        call = self.exchange.call_in(number, did, to, menu)
        self.settle()
        return call.id

    def dial(self, extension: str, number: str) -> str:
        """Let a desk dial a number; return the pbx_call_id."""
        call = self.exchange.dial(extension, number)
        self.settle()
        return call.id

    def internal(self, caller: str, callee: str) -> str:
        """Let one desk call another; return the pbx_call_id."""
        call = self.exchange.internal(caller, callee)
        self.settle()
        return call.id

    def answer(self, call: str, party: str = CUSTOMER) -> None:
        """Let an extension, or the called ``"customer"``, pick up."""
        self._act(call, "answer", party)

    def hang_up(self, call: str, by: str = CUSTOMER) -> None:
        """Let an extension or the ``"customer"`` hang up, or refuse a call that rings."""
        self._act(call, "hang_up", by)

    def transfer(self, call: str, source: str, target: str, transfer_type: str = "blind") -> None:
        """Let extension ``source`` transfer to ``target``, ``"blind"`` or ``"attended"``."""
        if transfer_type not in ("blind", "attended"):
            raise SimulatorError("transfer_type must be blind or attended")
        self._act(call, "transfer", source, target, transfer_type)

    def choose(self, call: str) -> None:
        """Let the caller in the menu choose to talk to somebody."""
        self._act(call, "choose")

    def play(self, scenario: str, **arguments: Any) -> None:
        """Run a whole scenario of :data:`simulator.scenarios.SCENARIOS` with its own timing.

        A stepped simulator runs it to its end at once.
        """
        scenarios.play(self, scenario, arguments)
        if self.clock.stepped:
            self.finish()

    def text_in(self, number: str, did: str, text: str) -> None:
        """Let somebody outside send a text message to a number of the account."""
        result = {"caller_id": customer_number(number).lstrip("+"), "caller_did": did.lstrip("+"), "text": text}
        self.exchange.notify_other("SMS", {"result": result_text(result)}, multipart=True)
        self.settle()

    def open_calls(self) -> list[str]:
        """Return the pbx_call_ids of the calls that have not ended, oldest first."""
        return [call.id for call in self.exchange.open_calls()]

    def _act(self, call: str, action: str, *arguments: str) -> None:
        self.exchange.act(call, action, *arguments)
        self.settle()

    # Time -------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Deliver what is queued; without ``stepped`` threads do that."""
        if self.clock.stepped:
            self.advance(0)

    def advance(self, seconds: float) -> None:
        """Let simulated seconds pass."""
        clock = self._stepped_clock()
        self.courier.drain()
        clock.advance(seconds, self.courier.drain)

    def finish(self) -> None:
        """Let as much time pass as it takes until nothing is left to happen."""
        clock = self._stepped_clock()
        self.settle()
        while (due := clock.next_due()) is not None:
            self.advance(due)

    def _stepped_clock(self) -> SteppedClock:
        if not isinstance(self.clock, SteppedClock):
            raise SimulatorError("Time passes by itself here")
        return self.clock

    # Settings ---------------------------------------------------------------------------------

    def set(self, **settings: Any) -> None:
        """Change settings; dictionaries such as ``notifications`` may be partial."""
        unknown = set(settings) - _SETTINGS
        if unknown:
            raise SimulatorError(f"There is no setting {', '.join(sorted(unknown))}")
        converted = {name: _converted(name, value, getattr(self.settings, name)) for name, value in settings.items()}
        replace(self.settings, **converted).validate()
        for name, value in converted.items():
            setattr(self.settings, name, value)
        self.changes.announce()

    def set_extension(self, number: str, **values: Any) -> None:
        """Change an extension: name, caller_id, recording, online."""
        extension = self.exchange.extension(number)
        for name, value in values.items():
            if name == "number" or not hasattr(extension, name):
                raise SimulatorError(f"An extension has no {name} to set")
            setattr(extension, name, value)
        self.changes.announce()

    def add_customer(self, name: str, number: str, note: str = "") -> Customer:
        """Add somebody who can call in."""
        with self.exchange.lock:
            last = max((customer.id for customer in self.exchange.customers), default=0)
            customer = Customer(last + 1, name, customer_number(number), note)
            self.exchange.customers.append(customer)
        self.changes.announce()
        return customer

    def remove_customer(self, id: int) -> None:
        """Remove somebody who can call in."""
        with self.exchange.lock:
            self.exchange.customers[:] = [each for each in self.exchange.customers if each.id != id]
        self.changes.announce()

    def add_history(self, count: int, days: float = 30, seed: int = 0) -> None:
        """Invent calls of the past for the statistics."""
        stats.add_history(self.exchange, count, days, seed)

    def add_row(self, moment: float | None = None, **values: Any) -> None:
        """Put one row into the statistics exactly as given, whatever its names and types.

        :param moment: where it stands among the others, in seconds since 1970; now by default
        """
        row = {"moment": self.clock.now() if moment is None else moment, **values}
        self.exchange.history.append(row)

    def correct(self, call: str, **values: Any) -> None:
        """Change the rows of a call in the statistics afterwards, those of legs that talked."""
        self.exchange.corrections.setdefault(call, {}).update(values)

    # Faults and log ---------------------------------------------------------------------------

    def api_fault(self, kind: str, method: str = "*", **options: Any) -> Fault:
        """Switch a fault of the API on.

        :param kind: one of :data:`simulator.faults.API_FAULTS`
        :param method: shell pattern of the path, or of verb and path
        :param options: seconds, probability (0 to 1), times (how often it strikes)
        """
        return self._announced(self.api_faults.add(kind, method, **options))

    def webhook_fault(self, kind: str, event: str = "*", **options: Any) -> Fault:
        """Switch a fault of the notifications on.

        :param kind: one of :data:`simulator.faults.WEBHOOK_FAULTS`
        :param event: shell pattern of the event's name
        :param options: seconds, probability (0 to 1), times (how often it strikes)
        """
        return self._announced(self.webhook_faults.add(kind, event, **options))

    def webhooks(self, *events: str) -> list[Exchanged]:
        """Return the notifications sent (or dropped), oldest first."""
        return [
            entry
            for entry in self.log.entries(direction=WEBHOOK)
            if entry.fields and (not events or entry.title in events)
        ]

    def events(self, call: str = "") -> list[str]:
        """Return the names of the events that went out, in order; of one call if given."""
        return [entry.title for entry in self.webhooks() if call in ("", entry.call) and entry.note != "dropped"]

    def _announced(self, fault: Fault) -> Fault:
        self.changes.announce()
        return fault


def _converted(name: str, value: Any, current: Any) -> Any:
    """Return ``value`` in the type of the setting; options and forms bring texts."""
    if isinstance(current, dict):
        unknown = set(value) - set(current)
        if unknown:
            raise SimulatorError(f"{name} has no {', '.join(sorted(unknown))}")
        return {**current, **{key: _boolean(item) for key, item in value.items()}}
    if isinstance(current, bool):
        return _boolean(value)
    if name == "answer_seconds":
        return None if value in (None, "") else _number(name, value, float)
    if isinstance(current, (int, float)):
        return _number(name, value, type(current))
    if isinstance(current, list):
        return _words(value)
    return str(value)


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "on", "yes")


def _number(name: str, value: Any, kind: type) -> Any:
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise SimulatorError(f"{name} must be a number, not {value!r}") from None
    if number < 0:
        raise SimulatorError(f"{name} must not be negative")
    return number


def _words(value: str | Iterable[Any]) -> list[str]:
    return value.replace(",", " ").split() if isinstance(value, str) else [str(v) for v in value]
