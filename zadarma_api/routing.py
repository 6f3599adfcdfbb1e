"""The answer to NOTIFY_START.

Source: https://zadarma.com/en/support/api/ (NOTIFY_START, parameters of the answer).
"""

import json
import unicodedata

from anyascii import anyascii

# What the displays of common desk phones show.
_MAX_NAME = 30
# Categories of characters that are no part of a name, for which anyascii may have a word: pictures, controls.
_UNSPOKEN = frozenset({"So", "Sk", "Cc", "Cn", "Co", "Cs"})
# What marks the name and the address in a SIP header.
_SIP_QUOTES = '"<>\\'
# Lets the caller hear the busy tone.
REFUSAL = {"redirect": "blacklist"}


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


def start_answer(name: str = "", company: str = "") -> dict[str, str]:
    """Return the JSON object that answers NOTIFY_START; empty leaves the call to the PBX's own scenario."""
    shown = caller_name(name, company)
    return {"caller_name": shown} if shown else {}


def is_refusal(answer: str) -> bool:
    """Tell whether an answer, as JSON, lets the caller hear the busy tone."""
    return bool(answer) and json.loads(answer) == REFUSAL


def _latin(text: str) -> str:
    named = "".join(" " if unicodedata.category(c) in _UNSPOKEN else c for c in text)
    return " ".join("".join(c if c.isprintable() and c not in _SIP_QUOTES else " " for c in anyascii(named)).split())
