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
        rows = [_corrected(row, exchange.corrections) for row in rows]
    return sorted(rows, key=lambda row: row["moment"])


def _corrected(row: Row, corrections: dict[str, Row]) -> Row:
    """Return a row as the provider gives it after a correction; legs that nobody took stay as they are."""
    if row.get("disposition") != "answered":
        return row
    return {**row, **corrections.get(row.get("pbx_call_id", ""), {})}


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
        shared = {
            "moment": moment,
            "pbx_call_id": call_id,
            "disposition": outcome,
            "seconds": seconds,
            "is_recorded": False,
            "call_id": f"{int(moment)}.{chance.randint(1000, 9999999)}",
        }
        if inbound:
            legs = [
                {"sip": did, "clid": number, "destination": did},
                {"sip": extension, "clid": number, "destination": extension},
            ]
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
    yield _row(
        call,
        call.started,
        sip=call.did,
        destination=call.did,
        clid=f'"{name}" <+{digits}>' if digits else "",
        disposition=call.disposition,
        seconds=call.duration(),
        call_id=f"{call.started:.4f}",
    )
    for index, leg in enumerate(call.legs):
        recording = leg.recording if leg.answered else ""
        yield _row(
            call,
            leg.started,
            sip=leg.extension,
            destination=leg.extension,
            clid=f"{name} ({digits})" if index == 0 else digits,
            call_id=leg.recording,
            is_recorded=bool(recording),
            **_outcome(call, leg),
        )


def _outbound_rows(call: OutboundCall) -> Iterable[Row]:
    """One row for each outgoing leg; the last is the talk itself."""
    caller_id = call.exchange.extension(call.extension).caller_id
    for trunk in call.trunks:
        shared = {
            "pbx_call_id": trunk.id,
            "sip": call.extension,
            "clid": caller_id or call.extension,
            "destination": trunk.destination.lstrip("+"),
        }
        if trunk is not call.trunks[-1]:
            yield _row(call, trunk.started, disposition="answered", **shared)
            continue
        recordings = [leg.recording for leg in call.legs if leg.answered and leg.recording]
        yield _row(
            call,
            trunk.started,
            disposition=call.disposition,
            seconds=call.duration(),
            call_id=recordings[-1] if recordings else f"{trunk.started:.4f}",
            is_recorded=bool(recordings),
            **shared,
        )


def _outcome(call: Call, leg: Leg) -> Row:
    """Return how one extension's share ended."""
    if leg.answered:
        seconds = call.exchange.clock.between(leg.answered, leg.ended or leg.answered)
        return {"disposition": "answered", "seconds": round(seconds)}
    return {"disposition": "no answer" if call.answered else call.disposition, "seconds": 0}


def _row(call: Call, moment: float, **values: Any) -> Row:
    """Return a row; ``moment`` (seconds since 1970) becomes the callstart."""
    row = {
        "call_id": f"{moment:.4f}",
        "seconds": 0,
        "is_recorded": False,
        "pbx_call_id": call.id,
        **values,
        "moment": moment,
    }
    if row["disposition"] == "failed":  # the name it has in notifications
        row["disposition"] = "call failed"
    return row


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
