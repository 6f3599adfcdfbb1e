"""The answer to NOTIFY_START: what it says, and how it is decided from what is known of the caller and of colleagues.

Source: https://zadarma.com/en/support/api/ (NOTIFY_START, parameters of the answer).
"""

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anyascii import anyascii

from .caller import Caller

# What the displays of common desk phones show.
_MAX_NAME = 30
# Categories of characters that are no part of a name, for which anyascii may have a word: pictures, controls.
_UNSPOKEN = frozenset({"So", "Sk", "Cc", "Cn", "Co", "Cs"})
# What marks the name and the address in a SIP header.
_SIP_QUOTES = '"<>\\'
# Lets the caller hear the busy tone.
REFUSAL = {"redirect": "blacklist"}


@dataclass(frozen=True)
class Responsible:
    """Who answers for a caller, and why.

    :ivar source: ``lead``, ``partner``, ``company`` or ``number``: of what the user is responsible.
    :ivar name: its name.
    """

    user_id: int
    source: str
    name: str


@dataclass(frozen=True)
class Candidate:
    """Somebody a call may be sent to, as things are at that moment.

    :ivar role: ``responsible``, ``deputy`` or ``member`` of the team.
    :ivar is_employed: the user is active and works for the company.
    :ivar extensions: the user's extensions, the preferred one first, and whether each is known to be away.
    :ivar is_dnd: does not want to be disturbed.
    :ivar is_working: it is their working time.
    :ivar is_talking: talks on another call.
    :ivar is_caller: is the very person who calls.
    """

    user_id: int
    name: str
    role: str
    is_employed: bool = True
    extensions: tuple[tuple[str, bool], ...] = ()
    is_dnd: bool = False
    is_working: bool = True
    is_talking: bool = False
    is_caller: bool = False


@dataclass(frozen=True)
class Step:
    """One reason of a decision, for people: a word for it, and what it is about."""

    reason: str
    name: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Decision:
    """An answer and how it came about.

    :ivar answer: the JSON object for Zadarma; empty leaves the call to the PBX's own scenario.
    """

    answer: dict[str, Any]
    steps: tuple[Step, ...] = ()


# === NAME === #


def caller_name(name: str, company: str = "") -> str:
    """Return the name to show on the phone: Latin letters, short, the person before the company.

    :param name: the contact's name in any script.
    :param company: the company's name, left out where it says nothing new.
    """
    latin = _latin(name)
    latin_company = _latin(company)
    if latin and latin_company and latin_company != latin:
        latin = f"{latin}, {latin_company}"
    return (latin or latin_company)[:_MAX_NAME].rstrip(" ,")


def _latin(text: str) -> str:
    named = "".join(" " if unicodedata.category(c) in _UNSPOKEN else c for c in text)
    return " ".join("".join(c if c.isprintable() and c not in _SIP_QUOTES else " " for c in anyascii(named)).split())


# === ROUTING === #


def find_responsible(caller: Caller, rows: Iterable[Sequence[Any]]) -> Responsible | None:
    """Return who answers for a caller: for the open deal, else for the contact, its company, the dialled number.

    :param caller: who the rows say is calling.
    :param rows: ``(kind, id, entity, name, company, user, user of the entity, title)``, of the dialled number too.
    """
    by_kind: dict[str, list[Sequence[Any]]] = {}
    for row in rows:
        by_kind.setdefault(row[0], []).append(row)
    for row in by_kind.get("lead", ()):
        if row[5]:
            return Responsible(row[5], "lead", row[7] or "")
    for row in by_kind.get("partner", ()) if caller.partner_id else ():
        if row[1] == caller.partner_id and row[5]:
            return Responsible(row[5], "partner", row[3] or "")
        if row[6]:
            return Responsible(row[6], "company", row[4] or row[3] or "")
    for row in by_kind.get("dialled", ()):
        if row[5]:
            return Responsible(row[5], "number", row[3] or "")
    return None


def find_obstacle(candidate: Candidate, skip_talking: bool = True) -> str:
    """Return why somebody cannot take a call now, empty where they can.

    :param skip_talking: whether those who talk already are left alone.
    """
    obstacles = (
        ("caller", candidate.is_caller),
        ("left", not candidate.is_employed),
        ("no_extension", not candidate.extensions),
        ("dnd", candidate.is_dnd),
        ("off_hours", not candidate.is_working),
        ("away", all(is_away for _number, is_away in candidate.extensions)),
        ("talking", skip_talking and candidate.is_talking),
    )
    return next((word for word, is_true in obstacles if is_true), "")


def choose_extension(candidates: Iterable[Candidate], skip_talking: bool = True) -> tuple[str, tuple[Step, ...]]:
    """Return the extension that a call is sent to, empty for none, and the reasons.

    :param candidates: in the order in which they are asked; nobody is asked twice.
    """
    steps: list[Step] = []
    asked: set[int] = set()
    for candidate in candidates:
        if candidate.user_id in asked:
            continue
        asked.add(candidate.user_id)
        if obstacle := find_obstacle(candidate, skip_talking):
            steps.append(Step(obstacle, candidate.name, candidate.role))
            continue
        extension = next(number for number, is_away in candidate.extensions if not is_away)
        return extension, (*steps, Step("free", candidate.name, candidate.role), Step("redirect", extension))
    return "", (*steps, Step("nobody"))


def start_answer(name: str = "", extension: str = "", return_seconds: int = 0) -> dict[str, Any]:
    """Return the JSON object that answers NOTIFY_START; empty leaves the call to the PBX's own scenario.

    :param name: what the phone shows, see :func:`caller_name`.
    :param extension: where the call goes.
    :param return_seconds: after how many seconds it goes back to the menu; 0 for never.
    """
    answer: dict[str, Any] = {"caller_name": name} if name else {}
    return {**answer, "redirect": extension, "return_timeout": return_seconds} if extension else answer


def is_refusal(answer: str) -> bool:
    """Tell whether an answer, as JSON, lets the caller hear the busy tone."""
    return bool(answer) and json.loads(answer) == REFUSAL
