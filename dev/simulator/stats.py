"""Statistics: the rows the provider keeps of each call, one a leg."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from .calls import Call, Leg
from .exchange import Exchange
from .inbound import InboundCall
from .outbound import OutboundCall

Row = dict[str, Any]

DAY = 86400
_OUTCOMES = ("answered", "answered", "answered", "no answer", "cancel", "busy", "call failed")


def pbx_rows(exchange: Exchange) -> list[Row]:
    """Return the rows of all ended calls, by start; ``moment`` is seconds since 1970."""
    with exchange.lock:
        rows = list(exchange.history)
        for call in exchange.calls.values():
            if call.ended is not None:
                rows.extend(_rows_of(call))
    return sorted(rows, key=lambda row: row["moment"])


def cost_rows(exchange: Exchange) -> list[Row]:
    """Return one row with its cost for each outgoing call that reached somebody."""
    with exchange.lock:
        calls = [c for c in exchange.calls.values() if isinstance(c, OutboundCall) and c.ended]
        return [_cost_row(call) for call in calls]


def add_history(exchange: Exchange, count: int, days: float, seed: int) -> None:
    """Invent ``count`` calls of the last ``days`` days, as if made before the start."""
    chance = random.Random(seed)
    now = exchange.clock.now()
    extensions = list(exchange.extensions)
    numbers = [c.number for c in exchange.customers if c.number.startswith("+")]
    for _index in range(count):
        moment = now - chance.uniform(60, days * DAY)
        outcome = chance.choice(_OUTCOMES)
        seconds = chance.randint(5, 900) if outcome == "answered" else 0
        inbound = chance.random() < 0.6
        call_id = f"{'in' if inbound else 'out'}_{chance.getrandbits(160):040x}"
        number = chance.choice(numbers).lstrip("+")
        extension = chance.choice(extensions)
        did = chance.choice(exchange.direct_numbers)["number"]
        shared = {"moment": moment, "pbx_call_id": call_id, "disposition": outcome,
                  "seconds": seconds, "is_recorded": False,
                  "call_id": f"{int(moment)}.{chance.randint(1000, 9999999)}"}
        if inbound:
            legs = [{"sip": did, "clid": number, "destination": did},
                    {"sip": extension, "clid": number, "destination": extension}]
        else:
            legs = [{"sip": extension, "clid": extension, "destination": number}]
        exchange.history.extend({**shared, **leg} for leg in legs)


def _rows_of(call: Call) -> Iterable[Row]:
    if isinstance(call, InboundCall):
        return _inbound_rows(call)
    if isinstance(call, OutboundCall):
        return _outbound_rows(call)
    return []  # the provider's statistics are said to hold external calls


def _inbound_rows(call: InboundCall) -> Iterable[Row]:
    """One row for the scenario and one for each extension that rang."""
    digits = call.exchange.wire_number(call.number).lstrip("+")
    name = call.caller_name or digits
    # The number comes written in several ways, and unanswered legs may have no id.
    yield _row(call, call.started, call.did, f'"{name}" <+{digits}>' if digits else "",
               call.did, call.disposition, call.duration(), "", f"{call.started:.4f}")
    for index, leg in enumerate(call.legs):
        clid = f"{name} ({digits})" if index == 0 else digits
        yield _row(call, leg.started, leg.extension, clid, leg.extension,
                   *_outcome(call, leg), leg.recording if leg.answered else "", leg.recording)


def _outbound_rows(call: OutboundCall) -> Iterable[Row]:
    caller_id = call.exchange.extension(call.extension).caller_id
    for trunk in call.trunks:
        last = trunk is call.trunks[-1]
        talked = [leg for leg in call.legs if leg.answered and leg.recording]
        recording = talked[-1].recording if talked and last else ""
        outcome = call.disposition if last else "answered"
        row = _row(call, trunk.started, call.extension, caller_id or call.extension,
                   trunk.destination.lstrip("+"), outcome, call.duration() if last else 0,
                   recording, recording or f"{trunk.started:.4f}")
        yield {**row, "pbx_call_id": trunk.id}


def _outcome(call: Call, leg: Leg) -> tuple[str, int]:
    """Return the disposition and the seconds of one extension's row."""
    if leg.answered:
        seconds = call.exchange.clock.between(leg.answered, leg.ended or leg.answered)
        return "answered", round(seconds)
    return ("no answer" if call.answered else call.disposition), 0


def _row(call: Call, moment: float, sip: str, clid: str, destination: str, disposition: str,
         seconds: int, recording: str, call_id: str) -> Row:
    return {
        "moment": moment,
        "call_id": call_id,
        "sip": sip,
        "clid": clid,
        "destination": destination,
        "disposition": "call failed" if disposition == "failed" else disposition,
        "seconds": seconds,
        "is_recorded": bool(recording),
        "pbx_call_id": call.id,
    }


def _cost_row(call: OutboundCall) -> Row:
    minutes = -(-call.duration() // 60)
    cost = round(0.02 * minutes, 4)
    return {
        "moment": call.started,
        "id": call.id.partition("_")[2][:24],
        "sip": call.extension,
        "from": call.exchange.extension(call.extension).caller_id,
        "to": int(call.number.lstrip("+")),
        "description": "Simulated destination",
        "disposition": call.disposition,
        "billseconds": minutes * 60,
        "cost": 0.02,
        "billcost": cost,
        "currency": call.exchange.settings.currency,
    }
