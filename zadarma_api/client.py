"""The one door to Zadarma's REST API.

Source: https://zadarma.com/en/support/api/ (Authorization, Limits).
"""

import json
import logging
import random
import re
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import requests
import urllib3
from urllib3.util import parse_url

from .errors import (
    AnswerError,
    AuthorizationError,
    RateLimitError,
    RefusedError,
    UnreachableError,
    ZadarmaError,
)
from .redaction import clean_message, loggable, protect_logs
from .signature import authorization, php_query
from .throttle import Gate, OpenGate, RateLimit
from .transport import chunks

API_URL = "https://api.zadarma.com"

_logger = logging.getLogger(__name__)

_CONNECT_SECONDS, _READ_SECONDS, _TOTAL_SECONDS = 5, 20, 90
_MAX_ANSWER_BYTES = 20 * 1024 * 1024
_TRIES = 3
# Of numbers that have more nobody makes sense, and to reckon with them can take for ever.
_MAX_DIGITS = 30
# Methods that ring somebody although their verb is GET: a second try would ring twice.
_RINGING_PATHS = "/v1/request/"
# What it says of a key or secret that it does not accept, whatever the status.
_UNAUTHORIZED = ("not authorized", "auth error")
_LOCAL_HOSTS = ("127.0.0.1", "[::1]", "localhost")


class ZadarmaClient:
    """Calls methods of the API for one account.

    Certificates are always verified. Plain HTTP is for a server on this machine only, as in tests.

    :param key: the account's API key.
    :param secret: the account's API secret.
    :param url: the API's address without path.
    :param gate: keeps the rate limit; without one, every request is sent at once.
    :raise ValueError: where the address is neither HTTPS nor on this machine.
    """

    def __init__(self, key: str, secret: str, url: str = API_URL, gate: Gate | None = None) -> None:
        # As urllib3 reads it, which will connect there; others read a few odd addresses differently.
        parts = parse_url(url)
        is_local = parts.scheme == "http" and parts.host in _LOCAL_HOSTS
        if not parts.host or parts.auth or not (parts.scheme == "https" or is_local):
            raise ValueError("Zadarma is spoken to over HTTPS only")
        self._key = key
        self._secret = secret
        self._url = url.rstrip("/")
        self._gate = gate or OpenGate()
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "gzip"
        # Without an authentication of its own, requests would put one from ~/.netrc in the place of ours.
        self._session.auth = _keep_authorization
        self.rate_limit: RateLimit | None = None
        protect_logs()

    def __repr__(self) -> str:
        return f"<ZadarmaClient {self._url}>"

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, retry: bool = True) -> dict[str, Any]:
        """Call a GET method; see :meth:`call`. Methods that ring somebody, as a callback, are not retried."""
        return self.call("GET", path, params, retry=retry)

    def post(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Call a POST method, never retried; see :meth:`call`."""
        return self.call("POST", path, params, retry=False)

    def call(
        self, verb: str, path: str, params: Mapping[str, Any] | None = None, *, retry: bool = False
    ) -> dict[str, Any]:
        """Call a method and return its answer.

        :param verb: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
        :param path: as documented, with ``/v1/`` and its trailing slash.
        :param params: see :func:`zadarma_api.signature.php_query`.
        :param retry: try again when no answer came or the server failed; only for what may be done twice, and never
            for a method that rings somebody.
        :return: the JSON object; numbers with a fraction are Decimal.
        :raise ZadarmaError: one of :mod:`zadarma_api.errors`.
        """
        retry = retry and not path.startswith(_RINGING_PATHS)
        deadline = time.monotonic() + _TOTAL_SECONDS
        for attempt in range(1, _TRIES + 1):
            try:
                return self._call_once(verb, path, params or {}, deadline)
            except (UnreachableError, AnswerError) as error:
                transient = isinstance(error, UnreachableError) or error.http_status >= 500
                # Chance spreads the tries of several workers; it keeps no secret.
                pause = random.uniform(0.5, 1.5) * attempt  # nosec B311
                if not (retry and transient) or attempt == _TRIES or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _call_once(self, verb: str, path: str, params: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        query = php_query(params)
        credentials = authorization(self._key, self._secret, path, query)
        self._gate.enter(path)
        started = time.monotonic()
        try:
            response, body = self._send(verb, path, query, credentials, deadline)
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            # A redirect to no address at all is a ValueError. The error's own text holds the address with its query.
            reason = type(error).__name__
            _logger.warning("Zadarma: %s %s failed, %s", verb, path, reason)
            raise UnreachableError(reason) from None
        milliseconds = (time.monotonic() - started) * 1000
        _logger.debug(
            "Zadarma: %s %s (%s) answered %s in %d ms", verb, path, loggable(params), response.status_code, milliseconds
        )
        self.rate_limit = _rate_limit(response.headers) or self.rate_limit
        try:
            answer = _result(response, body, (self._secret, credentials.rpartition(":")[2], self._key))
        except RateLimitError as error:
            error.retry_after = self._gate.refused(path, _asked_pause(response.headers))
            raise
        except ZadarmaError:
            self._gate.answered(path, _rate_limit(response.headers))
            raise
        self._gate.answered(path, _rate_limit(response.headers))
        return answer

    def _send(
        self, verb: str, path: str, query: str, credentials: str, deadline: float
    ) -> tuple[requests.Response, bytes]:
        in_body = verb != "GET"
        # Bytes: http.client fails on text that is not Latin-1, and a strange key is Zadarma's to refuse.
        headers: dict[str, str | bytes] = {"Authorization": credentials.encode()}
        if in_body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        left = max(1.0, deadline - time.monotonic())
        with self._session.request(
            verb,
            self._url + path + (f"?{query}" if query and not in_body else ""),
            data=query if in_body else None,
            headers=headers,
            timeout=(min(_CONNECT_SECONDS, left), min(_READ_SECONDS, left)),
            allow_redirects=False,
            stream=True,
        ) as response:
            return response, _read(response, deadline)


def _keep_authorization(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _read(response: requests.Response, deadline: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip", "deflate"):
        raise AnswerError("The answer is packed in a way that was not asked for", response.status_code)
    body = bytearray()
    for chunk in chunks(response):
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            raise AnswerError("The answer is too large", response.status_code)
        if time.monotonic() > deadline:
            raise requests.ReadTimeout("The answer took too long")
    return bytes(body)


def _rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    try:
        return RateLimit(*(int(headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset")))
    except (KeyError, ValueError):
        return None


def _result(response: requests.Response, body: bytes, secrets: Iterable[str]) -> dict[str, Any]:
    status = response.status_code
    if status < 300 and not body.strip():
        raise UnreachableError("The answer is empty", status)
    answer = _json_object(body)
    said = clean_message(str((answer or {}).get("message") or ""), secrets)
    if status == 429 or "rate limit" in said.lower():
        raise RateLimitError(said or "Too many requests", status)
    if status == 401 or said.lower() in _UNAUTHORIZED:
        raise AuthorizationError(said or "Not authorized", status)
    if answer is None:
        raise AnswerError("The answer is no JSON object", status)
    if status >= 500:
        raise AnswerError(said or "Server error", status)
    if status >= 300 or answer.get("status") == "error":
        _logger.info("Zadarma refused: %s (HTTP %s)", said, status)
        raise RefusedError(said or f"HTTP {status}", status)
    return answer


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body, parse_float=_fraction, parse_int=_integer, parse_constant=_no_number)
        return _storable(answer) if isinstance(answer, dict) else None
    except (ArithmeticError, ValueError, RecursionError):
        return None


def _fraction(text: str) -> Decimal | None:
    number = Decimal(text)
    return number if abs(number.adjusted()) <= _MAX_DIGITS else None


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _MAX_DIGITS else None


def _no_number(_name: str) -> None:
    """Take what JSON does not know, NaN and the infinite, for nothing."""


def _storable(value: Any) -> Any:
    """Return a value whose texts the database can keep: without NUL and halves of characters, which JSON can write."""
    if isinstance(value, str):
        return value if value.isprintable() else value.replace("\0", " ").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _asked_pause(headers: Mapping[str, str]) -> int | None:
    """Return the seconds to wait, the longest that the answer asks for; None where it does not say."""
    asked = []
    if re.fullmatch(r"[0-9]{1,9}", text := headers.get("Retry-After", "").strip()):
        asked.append(int(text))
    if limit := _rate_limit(headers):
        asked.append(limit.reset - int(time.time()))
    return max(asked, default=None)


__all__ = ["API_URL", "RateLimit", "ZadarmaClient", "ZadarmaError"]
