"""Signatures of API requests and of webhooks.

Both are the base64 form of the *hexadecimal* HMAC-SHA1 digest, not of the raw one.

Source: https://zadarma.com/en/support/api/ (Authorization, Webhooks).
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

# The fields whose values Zadarma joins and signs, by event.
_INBOUND = ("caller_id", "called_did", "call_start")
_ANSWER = ("caller_id", "destination", "call_start")
_OUTBOUND = ("internal", "destination", "call_start")
_RECORD = ("pbx_call_id", "call_id_with_rec")
_RESULT = ("result",)
SIGNED_FIELDS: dict[str, tuple[str, ...]] = {
    "NOTIFY_START": _INBOUND,
    "NOTIFY_INTERNAL": _INBOUND,
    "NOTIFY_ANSWER": _ANSWER,
    "NOTIFY_END": _INBOUND,
    "NOTIFY_IVR": _INBOUND,
    "NOTIFY_OUT_START": _OUTBOUND,
    "NOTIFY_OUT_END": _OUTBOUND,
    "NOTIFY_RECORD": _RECORD,
    "SMS": _RESULT,
    "NUMBER_LOOKUP": _RESULT,
    "CALL_TRACKING": _RESULT,
}
# An event that nobody documented is authentic if it is signed in any of the known ways.
_UNDOCUMENTED = (_INBOUND, _ANSWER, _OUTBOUND, _RECORD, _RESULT)


def php_query(params: Mapping[str, Any]) -> str:
    """Encode parameters as PHP's ``http_build_query(…, PHP_QUERY_RFC1738)`` does.

    :param params: names to scalars, lists or dicts; ``None`` is left out, booleans become 1 and 0.
    :return: the query, top level sorted by name.
    """

    def encode(text: str) -> str:
        return quote_plus(text, safe="").replace("~", "%7E")

    return "&".join(
        f"{encode(name)}={encode(value)}" for key in sorted(params) for name, value in _flatten(key, params[key])
    )


def _flatten(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(f"{name}[{key}]", item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{name}[{index}]", item)
    else:
        yield name, str(int(value) if isinstance(value, bool) else value)


def authorization(key: str, secret: str, path: str, query: str) -> str:
    """Make the ``Authorization`` header of an API request.

    :param key: the account's API key.
    :param secret: the account's API secret.
    :param path: the path as it is sent, with ``/v1/`` and its trailing slash.
    :param query: the parameters as made by :func:`php_query`, empty for none.
    :return: ``key:signature``.
    """
    # MD5 and SHA-1 are the provider's choice.
    checksum = hashlib.md5(query.encode(), usedforsecurity=False).hexdigest()
    return f"{key}:{_sign(secret, path + query + checksum)[0].decode()}"


def webhook_signature(secret: str, fields: Mapping[str, str]) -> str:
    """Make the ``Signature`` header that Zadarma sends with an event.

    :param secret: the account's API secret.
    :param fields: the event's form fields, decoded, as received.
    :return: 56 characters of base64.
    """
    signed = SIGNED_FIELDS.get(fields.get("event", ""), _INBOUND)
    return _sign(secret, "".join(fields.get(name, "") for name in signed))[0].decode()


def verify_webhook(secret: str, fields: Mapping[str, str], signature: str) -> bool:
    """Tell whether an event was signed with the account's secret.

    Compares bytes in constant time. Accepts the documented form and base64 of the raw digest, which Zadarma's
    own TypeScript client expects: both need the secret. An empty or blank secret is never right.

    :param secret: the account's API secret.
    :param fields: the event's form fields, decoded, as received.
    :param signature: the ``Signature`` header as received; may hold anything.
    """
    if not secret.strip():
        return False
    received = _encode(signature)
    event = fields.get("event", "")
    recipes = (SIGNED_FIELDS[event],) if event in SIGNED_FIELDS else _UNDOCUMENTED
    authentic = False
    for recipe in recipes:
        signed = "".join(fields.get(name, "") for name in recipe)
        if not signed:
            continue
        for expected in _sign(secret, signed):
            authentic |= hmac.compare_digest(expected, received)
    return authentic


def _sign(secret: str, text: str) -> tuple[bytes, bytes]:
    """Return base64 of the hexadecimal digest (the documented form) and of the raw one."""
    digest = hmac.new(_encode(secret), _encode(text), hashlib.sha1)
    return base64.b64encode(digest.hexdigest().encode()), base64.b64encode(digest.digest())


def _encode(text: str) -> bytes:
    """Return the bytes that were received as this text; never fails, whatever stands in it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
