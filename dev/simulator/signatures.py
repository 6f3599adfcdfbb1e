"""How Zadarma signs: requests to its API and notifications to the customer's URL.

Both use base64 of the *hexadecimal* HMAC-SHA1, not of the raw digest. The server rebuilds the
signed text from the decoded parameters the way PHP's ``http_build_query`` writes them, so the
order and the escaping a client chose on the wire do not matter.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

Pairs = list[tuple[str, str]]

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

# The fields whose values, one after the other, are the signed text of an event.
_INBOUND = ("caller_id", "called_did", "call_start")
_OUTBOUND = ("internal", "destination", "call_start")
_RESULT = ("result",)
SIGNED_FIELDS: dict[str, tuple[str, ...]] = {
    "NOTIFY_START": _INBOUND,
    "NOTIFY_INTERNAL": _INBOUND,
    "NOTIFY_INTERNAL_END": _INBOUND,  # an undocumented event, presumably signed like its sister
    "NOTIFY_END": _INBOUND,
    "NOTIFY_IVR": _INBOUND,
    "NOTIFY_ANSWER": ("caller_id", "destination", "call_start"),
    "NOTIFY_OUT_START": _OUTBOUND,
    "NOTIFY_OUT_END": _OUTBOUND,
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
    "SMS": _RESULT,
    "NUMBER_LOOKUP": _RESULT,
    # Undocumented; the other events with a result sign it, so does the simulator.
    "SPEECH_RECOGNITION": _RESULT,
}


def php_escape(text: str) -> str:
    """Percent-encode like PHP's ``urlencode`` (RFC 1738: a blank becomes a plus sign)."""
    return "".join(
        chr(byte) if byte in _UNRESERVED else "+" if byte == 0x20 else f"%{byte:02X}" for byte in text.encode()
    )


def decode_pairs(raw: str | bytes) -> Pairs:
    """Return the decoded names and values of a query string or urlencoded body, in order."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return parse_qsl(text, keep_blank_values=True)


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query as PHP would build it from ``pairs``, sorted by top-level name."""
    # sorted() is stable: the members of one array keep their own order, as PHP's ksort has it.
    ordered = sorted(pairs, key=lambda pair: pair[0].partition("[")[0])
    return "&".join(f"{php_escape(name)}={php_escape(value)}" for name, value in ordered)


def sign(text: str, secret: str) -> str:
    """Return base64 of the hexadecimal HMAC-SHA1 of ``text``."""
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def request_signature(path: str, pairs: Iterable[tuple[str, str]], secret: str) -> str:
    """Return the signature of an API request to ``path`` with the decoded ``pairs``."""
    query = canonical_query(pairs)
    return sign(path + query + hashlib.md5(query.encode()).hexdigest(), secret)


def is_authorized(header: str, path: str, pairs: Pairs, key: str, secret: str) -> bool:
    """Tell whether an ``Authorization: key:signature`` header fits the request."""
    sent_key, _, sent_signature = header.partition(":")
    expected = request_signature(path, pairs, secret)
    # The documentation writes a blank after the colon, its clients send none: take both.
    return (
        bool(secret)
        and sent_key.strip() == key
        and hmac.compare_digest(sent_signature.strip().encode(), expected.encode())
    )


def event_signature(event: str, fields: Mapping[str, str], secret: str) -> str:
    """Return the ``Signature`` header of a notification; an absent field counts as empty."""
    return sign("".join(fields.get(name, "") for name in SIGNED_FIELDS[event]), secret)
