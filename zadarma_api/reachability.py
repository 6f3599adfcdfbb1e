"""Whether an address can be reached from outside: what can be told before trying, and a try of one's own."""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

import requests

from .events import TEST_EVENT
from .signature import webhook_signature

_SECONDS = 5
_MAX_ECHO_BYTES = 256
# Names that mean something inside of a network only.
_INNER_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test", ".invalid", ".example")


def judge(url: str) -> str:
    """Return what speaks against an address, as far as it can be told by looking at it.

    :param url: where notifications are to be sent.
    :return: ``local`` for this machine, ``private`` for a network without public addresses, ``insecure`` for plain
        HTTP, nothing where it looks right.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    if not host or host == "localhost" or host.endswith(".localhost"):
        return "local"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if "." not in host or host.endswith(_INNER_SUFFIXES):
            return "private"
    else:
        if address.is_loopback or address.is_unspecified:
            return "local"
        if not address.is_global:
            return "private"
    return "" if parts.scheme == "https" else "insecure"


def send_test(url: str, secret: str) -> str:
    """Send a notification to an address of one's own as Zadarma would, signed and all.

    :return: ``ok``, ``unreachable``, ``refused`` where the signature is not accepted, or ``wrong`` where something else
        answers.
    """
    form = {"event": TEST_EVENT, "call_start": secrets.token_hex(8)}
    headers = {"Signature": webhook_signature(secret, form)}
    try:
        response = requests.post(url, data=form, headers=headers, timeout=_SECONDS, allow_redirects=False, stream=True)
        with response:
            body = response.raw.read(_MAX_ECHO_BYTES, decode_content=True)
    except (requests.RequestException, OSError, ValueError):
        return "unreachable"
    if response.status_code == 403:
        return "refused"
    return "ok" if response.status_code == 200 and body == b"{}" else "wrong"


def check_echo(url: str) -> str:
    """Ask an address to echo a value, as Zadarma does before it sends notifications there.

    :return: ``ok``, ``unreachable``, or ``wrong`` where something else answers.
    """
    value = secrets.token_hex(8)
    try:
        with requests.get(
            url, params={"zd_echo": value}, timeout=_SECONDS, allow_redirects=False, stream=True
        ) as response:
            body = response.raw.read(_MAX_ECHO_BYTES, decode_content=True)
    except (requests.RequestException, OSError, ValueError):
        return "unreachable"
    return "ok" if response.status_code == 200 and body == value.encode() else "wrong"
