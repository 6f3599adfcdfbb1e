import gzip
import io
import ipaddress
import json
import logging
import os
import socket
import ssl
import struct
import tempfile
import threading
import time
import zlib
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from odoo.tests import BaseCase
from odoo.tools import mute_logger

from ..zadarma_api import client as module
from ..zadarma_api.client import RateLimit, ZadarmaClient
from ..zadarma_api.errors import (
    AnswerError,
    AuthorizationError,
    RateLimitError,
    RefusedError,
    UnreachableError,
    ZadarmaError,
)
from ..zadarma_api.throttle import OpenGate

KEY, SECRET = "b1946ac92492d2347c62", "2591e5f46f1f6e3b9a40"
CALLBACK, BALANCE, URL = "/v1/request/callback/", "/v1/info/balance/", "/v1/pbx/callinfo/url/"
NUMBER = "+4917012345678"
HOOK = "https://crm.example.com/zadarma/0123456789abcdef"
LOGGER = module._logger.name
# Before Odoo's tests put their own in its place.
_send = requests.Session.send


def reply(body=b'{"status":"success"}', status=200, **headers):
    """Return what answers a request with this body, as JSON unless it is bytes."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()

    def write(handler):
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def raw(*parts, pause=0.0):
    """Return what answers a request with these bytes and then closes the connection."""

    def write(handler):
        for part in parts:
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(pause)

    return write


def endless(head, chunk):
    """Return what answers a request with a body that never ends."""

    def write(handler):
        handler.wfile.write(head)
        while True:
            handler.wfile.write(chunk)

    return write


def reset(handler):
    """Reset the connection instead of answering."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.wfile = handler.rfile = io.BytesIO()


class Provider(ThreadingHTTPServer):
    """A server on this machine that gives the answers it was told, in their order, the last one again and again."""

    daemon_threads = True

    def __init__(self, *answers, context=None):
        self.answers = list(answers)
        self.requests = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self.shutdown()
        self._thread.join(5)
        self.server_close()

    def handle_error(self, *_request):
        """Say nothing: half of the tests are about what goes wrong."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def do_POST(self):
        self.do_GET()

    def do_PUT(self):
        self.do_GET()

    def do_DELETE(self):
        self.do_GET()

    def log_message(self, *_args):
        pass


@contextmanager
def all_logs():
    """Yield a list that gets every record of every logger, at every level."""
    records = []
    handler = logging.Handler(logging.NOTSET)
    handler.emit = records.append
    loggers = [logging.getLogger(name) for name in (None, LOGGER, "urllib3", "requests", "http")]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        loggers[0].removeHandler(handler)


class ClientCase(BaseCase):
    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        # Odoo's handler changes timeouts, which are tested here; nothing leaves this machine all the same.
        host = urlsplit(r.url).hostname
        assert host in ("127.0.0.1", "localhost") or host.endswith(".invalid"), host
        return _send(s, r, **kw)

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.dict(os.environ, {"NO_PROXY": "*", "no_proxy": "*"}))
        self.pauses = []
        self.clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=self.pauses.append)
        self.startPatcher(patch.object(module, "time", self.clock))

    def provider(self, *answers, **options):
        return self.enterContext(Provider(*answers, **options))

    def client(self, provider, **credentials):
        return ZadarmaClient(credentials.get("key", KEY), credentials.get("secret", SECRET), provider.url)

    def fails(self, error, *answers, path=BALANCE, **options):
        """Ask once for what is answered so, and return the exception and the server."""
        provider = self.provider(*answers)
        with self.assertRaises(error) as caught:
            self.client(provider).get(path, **{"retry": False, **options})
        self.assertIs(type(caught.exception), error)
        return caught.exception, provider


class TestRequest(ClientCase):
    def test_get_sends_the_query_that_was_signed(self):
        for path, params, query, signature in (
            (BALANCE, None, "", "OWQ0OGFkZTViODVlOTVjZDNkZTI3ZWU3MmNlOTc1ZTIzZWY1MzJiZA=="),
            (
                CALLBACK,
                {"from": "100", "to": NUMBER},
                "from=100&to=%2B4917012345678",
                "MDk1YTEyMGE2ZmVhNjFjMWY4YzZlYjRkYWI2ZDFjMmY2ODIzMDc3MQ==",
            ),
            (
                "/v1/statistics/pbx/",
                {"start": "2025-03-01 00:00:00", "end": "2025-03-31 23:59:59", "version": 2, "skip": 0, "limit": 1000},
                "end=2025-03-31+23%3A59%3A59&limit=1000&skip=0&start=2025-03-01+00%3A00%3A00&version=2",
                "OWViY2I2ODZmNmFmNjcwYTFhNmViZTQxYTk4YTZhMzYwMDFmMzhlYQ==",
            ),
        ):
            with self.subTest(path):
                provider = self.provider(reply({"status": "success", "balance": 10}))
                answer = self.client(provider, key="testkey", secret="secret").get(path, params)
                self.assertEqual(answer, {"status": "success", "balance": 10})
                [(verb, target, headers, body)] = provider.requests
                self.assertEqual((verb, target, body), ("GET", path + (f"?{query}" if query else ""), ""))
                self.assertEqual(headers["Authorization"], f"testkey:{signature}")
                self.assertNotIn("Content-Type", headers)

    def test_any_value_arrives_in_a_query_as_it_was(self):
        value = "Grüße & 100% ~*!'()[]/?:@=+,;$ ok\nZ.2_-"
        provider = self.provider(reply())
        self.client(provider).get("/v1/x/", {"text": value})
        query = provider.requests[0][1].partition("?")[2]
        self.assertEqual(parse_qsl(query), [("text", value)])

    def test_other_verbs_send_a_form_and_no_query(self):
        for verb in ("POST", "PUT", "DELETE"):
            with self.subTest(verb):
                provider = self.provider(reply())
                client = self.client(provider, key="testkey", secret="secret")
                params = {"url": "https://crm.example.com/zadarma/webhook?db=prod&token=a b"}
                client.post(URL, params) if verb == "POST" else client.call(verb, URL, params)
                [(sent_verb, target, headers, body)] = provider.requests
                self.assertEqual((sent_verb, target), (verb, URL))
                self.assertEqual(
                    body, "url=https%3A%2F%2Fcrm.example.com%2Fzadarma%2Fwebhook%3Fdb%3Dprod%26token%3Da+b"
                )
                self.assertEqual(headers["Content-Type"], "application/x-www-form-urlencoded")
                self.assertEqual(
                    headers["Authorization"],
                    "testkey:OTk2OTczZjY5YWQ2MzcwZTY5MzJkODgzNjE5NDExNzdmMjhkNjcxMw==",
                )

    def test_post_without_parameters_has_an_empty_body(self):
        provider = self.provider(reply())
        self.client(provider).post("/v1/webrtc/create/")
        [(_verb, target, headers, body)] = provider.requests
        self.assertEqual((target, headers["Content-Length"], body), ("/v1/webrtc/create/", "0", ""))

    def test_redirects_are_not_followed(self):
        for status in (301, 302, 303, 307, 308):
            for body in (b"", b"<html>moved</html>", b'{"status":"success"}'):
                with self.subTest(status=status, body=body):
                    provider = self.provider(reply(body, status, Location="/v1/other/"), reply())
                    with self.assertRaises((AnswerError, RefusedError)) as caught:
                        self.client(provider).get(BALANCE)
                    self.assertEqual(caught.exception.http_status, status)
                    self.assertEqual(len(provider.requests), 1)

    def test_only_https_leaves_this_machine(self):
        for url in (
            "http://api.zadarma.com",
            "http://127.0.0.1.example.com",
            "http://localhost@api.zadarma.com",
            "http://api.zadarma.com\\@localhost",
            "http://api.zadarma.com#@localhost",
            "http://0.0.0.0",
            "http://10.0.0.1:8070",
            "ftp://localhost",
            "file:///etc/passwd",
            "//localhost",
            "localhost",
            "https://",
            "https://user:password@api.zadarma.com",
            "",
        ):
            with self.subTest(url), self.assertRaises(ValueError):
                ZadarmaClient(KEY, SECRET, url)
        for url in ("https://api.zadarma.com", "http://localhost:8070", "http://127.0.0.1:8070", "http://[::1]:8070"):
            ZadarmaClient(KEY, SECRET, url)

    def test_password_file_of_the_machine_does_not_replace_the_key(self):
        with tempfile.NamedTemporaryFile("w", suffix=".netrc") as netrc:
            netrc.write("default login somebody password else\n")
            netrc.flush()
            provider = self.provider(reply())
            with patch.dict(os.environ, {"NETRC": netrc.name}):
                self.client(provider).get(BALANCE)
        self.assertTrue(provider.requests[0][2]["Authorization"].startswith(f"{KEY}:"))

    @mute_logger(LOGGER)
    def test_strange_key_is_left_to_zadarma_or_refused(self):
        provider = self.provider(reply({"status": "error", "message": "Not authorized"}, 401))
        for key in ("ключ", "😀", "key\r\nX-Evil: 1", "a:b", ""):
            with self.subTest(key), self.assertRaises((AuthorizationError, UnreachableError)):
                self.client(provider, key=key).get(BALANCE, retry=False)
        self.assertFalse(any("X-Evil" in headers for _verb, _target, headers, _body in provider.requests))


class TestAnswer(ClientCase):
    def test_refusals_are_told_apart(self):
        for status, message, error in (
            (400, "Check phone's number", RefusedError),
            (200, "Check your phone number", RefusedError),
            (401, "Not authorized", AuthorizationError),
            (401, "Auth error", AuthorizationError),
            (403, "Forbidden", RefusedError),
            (404, "Wrong method name", RefusedError),
            (429, "You exceeded the rate limit", RateLimitError),
            (200, "You exceeded the rate limit by User Limits", RateLimitError),
            (500, "Internal error", AnswerError),
        ):
            with self.subTest(status=status, message=message):
                caught, provider = self.fails(error, reply({"status": "error", "message": message}, status))
                self.assertEqual((caught.message, str(caught), caught.http_status), (message, message, status))
                self.assertEqual(len(provider.requests), 1)

    def test_refusal_without_a_word_tells_its_status(self):
        for body in ({}, {"status": "error"}, {"status": "error", "message": None}, {"message": ["a"]}):
            caught, _provider = self.fails(RefusedError, reply(body, 404))
            self.assertEqual(caught.http_status, 404)
            self.assertTrue(caught.message)
        self.fails(AuthorizationError, reply(b"<html>login</html>", 401))
        self.fails(RateLimitError, reply(b"", 429))

    def test_success_needs_no_status(self):
        provider = self.provider(reply({"list": []}))
        self.assertEqual(self.client(provider).get("/v1/sms/templates/"), {"list": []})

    def test_waiting_time_is_what_zadarma_asks_for(self):
        now = int(time.time())
        limit = {"X_RateLimit_Limit": "100", "X_RateLimit_Remaining": "0"}
        for headers, least, most in (
            ({}, 60, 60),
            ({"Retry_After": "7"}, 7, 7),
            ({"Retry_After": " 7 "}, 7, 7),
            ({"Retry_After": "0"}, 1, 1),
            ({"Retry_After": "-5"}, 60, 60),
            ({"Retry_After": "²"}, 60, 60),
            ({"Retry_After": "9" * 5000}, 60, 60),
            ({"Retry_After": "99999"}, 3600, 3600),
            ({"Retry_After": "Wed, 21 Oct 2099 07:28:00 GMT"}, 60, 60),
            ({**limit, "X_RateLimit_Reset": str(now + 30)}, 25, 30),
            ({**limit, "X_RateLimit_Reset": str(now - 30)}, 1, 1),
            ({**limit, "X_RateLimit_Reset": str(now + 10**6)}, 3600, 3600),
            ({**limit, "X_RateLimit_Reset": "soon"}, 60, 60),
            ({**limit, "X_RateLimit_Reset": "9" * 5000}, 60, 3600),
            ({**limit, "X_RateLimit_Reset": str(now + 30), "Retry_After": "2"}, 25, 30),
            ({"X_RateLimit_Reset": str(now + 30)}, 60, 60),
        ):
            with self.subTest(str(headers)[:80]):
                caught, _provider = self.fails(RateLimitError, reply({"status": "error"}, 429, **headers))
                self.assertGreaterEqual(caught.retry_after, least)
                self.assertLessEqual(caught.retry_after, most)

    def test_rate_limit_is_never_answered_by_trying_again(self):
        for status in (200, 429):
            answer = reply({"status": "error", "message": "You exceeded the rate limit"}, status)
            _caught, provider = self.fails(RateLimitError, answer, retry=True)
            self.assertEqual(len(provider.requests), 1)
        self.assertFalse(self.pauses)

    def test_what_the_gate_holds_back_is_not_sent(self):
        class ShutGate(OpenGate):
            def enter(self, path):
                raise RateLimitError(path, retry_after=9)

        provider = self.provider(reply())
        with self.assertRaisesRegex(RateLimitError, BALANCE):
            ZadarmaClient(KEY, SECRET, provider.url, ShutGate()).get(BALANCE)
        self.assertFalse(provider.requests)

    def test_last_known_rate_limit_is_kept(self):
        headers = {"X_RateLimit_Limit": "100", "X_RateLimit_Remaining": "99", "X_RateLimit_Reset": "1434371160"}
        client = self.client(self.provider(reply(**headers), reply(X_RateLimit_Limit="x"), reply()))
        self.assertIsNone(client.rate_limit)
        for _answer in range(3):
            client.get(BALANCE)
            self.assertEqual(client.rate_limit, RateLimit(100, 99, 1434371160))

    def test_numbers_keep_their_digits(self):
        body = b'{"stats":[{"call_id":1439981389.27027730000000000001,"balance":10.34,"seconds":5}]}'
        [row] = self.client(self.provider(reply(body))).get("/v1/statistics/pbx/")["stats"]
        self.assertEqual(str(row["call_id"]), "1439981389.27027730000000000001")
        self.assertEqual(row, {"call_id": Decimal(str(row["call_id"])), "balance": Decimal("10.34"), "seconds": 5})

    def test_what_nobody_can_reckon_with_or_store_is_left_out(self):
        body = b'{"a": 1e999999, "b": NaN, "c": %s, "d": ["x\\u0000y", {"\\ud800z": "\\ud83d\\ude00"}]}' % (b"9" * 31)
        answer = self.client(self.provider(reply(body))).get("/v1/info/balance/")
        self.assertEqual(answer, {"a": None, "b": None, "c": None, "d": ["x y", {"?z": "\U0001f600"}]})
        self.fails(AnswerError, reply(b'{"a": 1e99999999999999999999}'))

    def test_anything_but_a_json_object_is_an_error(self):
        for body in (
            b'{"status":"succ',
            b"[]",
            b'"success"',
            b"null",
            b"42",
            b"<!DOCTYPE html><html><title>Login</title></html>",
            b"\x00\xff\xfe garbage",
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b"\xff\xfe",
        ):
            with self.subTest(body[:30]):
                caught, _provider = self.fails(AnswerError, reply(body))
                self.assertEqual(caught.http_status, 200)

    def test_server_errors_are_errors_whatever_their_body(self):
        for status, body in (
            (500, b""),
            (500, b'{"status":"success"}'),
            (502, b"<html><h1>502 Bad Gateway</h1></html>"),
            (503, b"  "),
            (504, b"[]"),
        ):
            with self.subTest(status=status):
                caught, _provider = self.fails(AnswerError, reply(body, status))
                self.assertEqual(caught.http_status, status)

    def test_empty_answer_is_none(self):
        for body in (b"", b" \r\n"):
            with self.subTest(body):
                self.fails(UnreachableError, reply(body))

    def test_packed_answer_is_unpacked(self):
        packed = gzip.compress(b'{"status":"success","balance":1}')
        head = b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        for answer in (
            reply(packed, Content_Encoding="gzip"),
            raw(head, *(packed[i : i + 1] for i in range(len(packed))), pause=0.001),
        ):
            provider = self.provider(answer)
            self.assertEqual(self.client(provider).get(BALANCE)["balance"], 1)
            self.assertEqual(provider.requests[0][2]["Accept-Encoding"], "gzip")

    def test_answer_packed_in_other_ways_is_refused(self):
        twice = gzip.compress(gzip.compress(b"{}"))
        for encoding in ("gzip, gzip", "br", "zstd", "compress", "x"):
            with self.subTest(encoding):
                self.fails(AnswerError, reply(twice, Content_Encoding=encoding))

    @mute_logger(LOGGER)
    def test_answer_that_claims_to_be_packed_is_an_error(self):
        self.fails(UnreachableError, reply(b'{"status":"success"}', Content_Encoding="gzip"))

    def test_large_answer_is_cut(self):
        self.startPatcher(patch.object(module, "_TOTAL_SECONDS", 10))
        head = b"HTTP/1.0 200 OK\r\n%s\r\n"
        packer = zlib.compressobj(9, wbits=31)
        bomb = packer.compress(b" " * 64 * 1024 * 1024) + packer.flush()
        self.assertLess(len(bomb), 100_000)
        for name, answer in (
            ("endless", endless(head % b"", b" " * 65536)),
            ("endless chunks", endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 9999)),
            ("of a gigabyte", endless(head % b"Content-Length: 1073741824\r\n", b" " * 65536)),
            ("bomb", reply(bomb, Content_Encoding="gzip")),
        ):
            with self.subTest(name):
                size = 10_000 if name == "endless chunks" else 20 * 1024 * 1024
                with patch.object(module, "_MAX_ANSWER_BYTES", size):
                    caught, provider = self.fails(AnswerError, answer, retry=True)
                self.assertEqual(caught.message, "The answer is too large")
                self.assertEqual(len(provider.requests), 1)
        self.assertEqual(module._MAX_ANSWER_BYTES, 20 * 1024 * 1024)

    def test_answer_is_read_and_cut_with_an_older_urllib3(self):
        with patch.object(urllib3.HTTPResponse, "read1", None):
            packed = gzip.compress(b'{"status":"success","balance":1}')
            for answer in (reply({"status": "success", "balance": 1}), reply(packed, Content_Encoding="gzip")):
                self.assertEqual(self.client(self.provider(answer)).get(BALANCE)["balance"], 1)
            with patch.object(module, "_MAX_ANSWER_BYTES", 1024 * 1024):
                caught, _provider = self.fails(AnswerError, endless(b"HTTP/1.0 200 OK\r\n\r\n", b" " * 65536))
            self.assertEqual(caught.message, "The answer is too large")

    def test_answer_just_below_the_limit_is_read(self):
        body = b'{"status":"success"}'.ljust(20 * 1024 * 1024)
        self.assertEqual(self.client(self.provider(reply(body))).get(BALANCE), {"status": "success"})
        self.fails(AnswerError, reply(body + b" "))


class TestConnection(ClientCase):
    def setUp(self):
        super().setUp()
        self.enterContext(mute_logger(LOGGER))

    def test_no_whole_answer_is_one_error(self):
        self.startPatcher(patch.object(module, "_READ_SECONDS", 0.2))
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for name, answer in (
            ("reset", reset),
            ("closed", raw()),
            ("cut off in the headers", raw(b"HTTP/1.1 200 OK\r\nContent-")),
            ("cut off in the body", raw(head, b'{"status":"success"}')),
            ("cut off before the body", raw(head)),
            ("cut off in a chunk", raw(chunked, b'64\r\n{"status":"success"}')),
            ("cut off between chunks", raw(chunked, b'14\r\n{"status":"success"}\r\n')),
            ("chunks that are none", raw(chunked, b"zz\r\n{}\r\n")),
            ("hangs", lambda handler: time.sleep(0.4)),
            ("hangs in the body", lambda handler: (raw(head, b"{")(handler), time.sleep(0.4))),
            ("not HTTP", raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
            ("too many headers", raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 500, b"\r\n{}")),
            ("too long a header", raw(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100_000, b"\r\n\r\n{}")),
        ):
            with self.subTest(name):
                caught, provider = self.fails(UnreachableError, answer)
                self.assertEqual(len(provider.requests), 1)
                self.assertNotIn("127.0.0.1", str(caught))

    def test_drip_is_cut_at_the_deadline(self):
        self.startPatcher(patch.object(module, "_TOTAL_SECONDS", 0.3))
        for head in (b"Content-Length: 1000", b"Content-Encoding: identity", b"Content-Length: 1000\r\nX: y"):
            with self.subTest(head):
                started = time.monotonic()
                answer = raw(b"HTTP/1.0 200 OK\r\n%s\r\n\r\n" % head, *([b" "] * 100), pause=0.02)
                self.fails(UnreachableError, answer, retry=True)
                self.assertLess(time.monotonic() - started, 1.5)

    def test_tries_share_one_deadline(self):
        provider = self.provider(reply(b"", 500))
        timeouts = []
        send = type(self)._request_handler

        def handler(session, request, **options):
            timeouts.append(options["timeout"])
            return send(session, request, **options)

        now = [89.5, 86, 0]
        self.clock.monotonic = lambda: now[-1]
        self.clock.sleep = lambda _seconds: now.pop()
        with patch.object(type(self), "_request_handler", handler), self.assertRaises(AnswerError):
            self.client(provider).get(BALANCE)
        self.assertEqual(timeouts, [(5, 20), (4, 4), (1, 1)])

    def test_deadline_ends_the_tries(self):
        provider = self.provider(reply(b"", 500))
        now = [89.9, 0]
        self.clock.monotonic = lambda: now[-1]
        self.clock.sleep = lambda _seconds: now.pop()
        with self.assertRaises(AnswerError):
            self.client(provider).get(BALANCE)
        self.assertEqual(len(provider.requests), 2)

    def test_server_that_is_not_there_is_unreachable(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            refused = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            for url in (refused, "https://zadarma.invalid", "https://" + "a" * 64 + ".invalid"):
                with self.subTest(url), self.assertRaises(UnreachableError) as caught:
                    ZadarmaClient(KEY, SECRET, url).get(CALLBACK, {"to": NUMBER})
                self.assertEqual(caught.exception.http_status, 0)

    def test_get_is_tried_again(self):
        for name, first in (
            ("500", reply(b"", 500)),
            ("502", reply(b"<html>", 502)),
            ("503", reply(b'{"status":"error"}', 503)),
            ("empty", reply(b"")),
            ("reset", reset),
            ("closed", raw()),
            ("cut off", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")),
        ):
            with self.subTest(name):
                provider = self.provider(first, first, reply({"status": "success", "tries": 3}))
                self.assertEqual(self.client(provider).get(BALANCE, {"a": 1})["tries"], 3)
                targets = [target for _verb, target, _headers, _body in provider.requests]
                self.assertEqual(targets, [BALANCE + "?a=1"] * 3)

    def test_trying_again_ends_and_waits_longer_each_time(self):
        _caught, provider = self.fails(AnswerError, reply(b"", 500), retry=True)
        self.assertEqual(len(provider.requests), 3)
        first, second = self.pauses
        self.assertTrue(0.5 <= first <= 1.5 <= 3 and 1 <= second <= 3, self.pauses)

    def test_pauses_differ(self):
        for _time in range(4):
            self.fails(AnswerError, reply(b"", 500), retry=True)
        self.assertGreater(len(set(self.pauses)), 4)

    def test_what_may_have_an_effect_is_never_tried_again(self):
        for first in (reply(b"", 500), reply(b"<html>", 502), reply(b""), reset, raw()):
            for name, act in (
                ("POST", lambda client: client.post(URL, {"url": "x"})),
                ("PUT", lambda client: client.call("PUT", URL, {"url": "x"})),
                ("DELETE", lambda client: client.call("DELETE", URL)),
                ("callback", lambda client: client.get(CALLBACK, {"from": "100", "to": NUMBER}, retry=False)),
                ("callback without care", lambda client: client.get(CALLBACK, {"from": "100", "to": NUMBER})),
                ("code read aloud", lambda client: client.get("/v1/request/checknumber/", {"code": "1"}, retry=True)),
            ):
                provider = self.provider(first, reply())
                with self.subTest(name), self.assertRaises((AnswerError, UnreachableError)):
                    act(self.client(provider))
                self.assertEqual(len(provider.requests), 1)
        self.assertFalse(self.pauses)

    def test_refusals_and_answers_that_make_no_sense_are_final(self):
        for answer in (reply({"status": "error"}, 400), reply({}, 401), reply({}, 404), reply(b"[]"), reply(b"<html>")):
            provider = self.provider(answer, reply())
            with self.assertRaises(ZadarmaError):
                self.client(provider).get(BALANCE, retry=True)
            self.assertEqual(len(provider.requests), 1)


class TestCertificate(ClientCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name

    def setUp(self):
        super().setUp()
        self.enterContext(mute_logger(LOGGER, "urllib3.connection"))

    def _context(self, host="127.0.0.1", days=1):
        """Return a server's TLS context with a certificate of its own making, and the certificate's file."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        now = datetime.now(timezone.utc)
        subject = x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = os.path.join(self.folder, f"{host}{days}.pem")
        with open(path, "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
        with open(path + ".key", "wb") as file:
            file.write(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path, path + ".key")
        return context, path

    def _get(self, context, trusted=None):
        provider = self.provider(reply(), context=context)
        with patch.dict(os.environ):
            # Whatever this machine trusts must not decide.
            for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
                os.environ.pop(name, None)
            if trusted:
                os.environ["REQUESTS_CA_BUNDLE"] = trusted
            try:
                return self.client(provider).get(BALANCE)
            finally:
                self.seen = len(provider.requests)

    def test_trusted_certificate_is_accepted(self):
        context, path = self._context()
        self.assertEqual(self._get(context, path), {"status": "success"})

    def test_certificate_that_is_not_right_is_refused(self):
        for name, options, is_trusted in (
            ("self-signed", {}, False),
            ("expired", {"days": -1}, True),
            ("of another host", {"host": "zadarma.invalid"}, True),
        ):
            context, path = self._context(**options)
            with self.subTest(name), self.assertRaises(UnreachableError) as caught:
                self._get(context, path if is_trusted else None)
            self.assertEqual(caught.exception.message, "SSLError")
            self.assertEqual(self.seen, 0)


class TestSecrecy(ClientCase):
    def _secrets(self, provider):
        signatures = [headers["Authorization"].partition(":")[2] for _v, _t, headers, _b in provider.requests]
        return (KEY, SECRET, NUMBER, NUMBER[1:], "%2B49", "?to=", "&to=", HOOK, *signatures)

    def test_nothing_secret_is_logged_or_raised(self):
        echo = f"No {KEY} {SECRET} {NUMBER} {NUMBER[1:]} https://a.invalid/v1/x/?to=%2B4917012345678\nsecond line"

        def mirror(status):
            def write(handler):
                said = f"{echo} {handler.headers['Authorization']} {handler.path}"
                reply({"status": "error", "message": said}, status)(handler)

            return write

        self.startPatcher(patch.object(module, "_READ_SECONDS", 0.2))
        bad_header = b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 2\r\n\r\n{}"
        for name, answer in (
            ("success", reply()),
            ("header that is none", raw(bad_header)),
            ("moved", reply(b"", 302, Location="/v1/other/?to=%2B4917012345678")),
            ("refused", mirror(400)),
            ("refused with 200", mirror(200)),
            ("not authorized", mirror(401)),
            ("rate limit", mirror(429)),
            ("server error", mirror(500)),
            ("garbage", reply(echo.encode())),
            ("reset", reset),
            ("closed", raw()),
            ("hangs", lambda handler: time.sleep(0.4)),
        ):
            provider = self.provider(answer)
            raised = []
            with all_logs() as records:
                for act in (
                    lambda client: client.get(CALLBACK, {"from": "100", "to": NUMBER, "sip": "100"}, retry=False),
                    lambda client: client.get("/v1/info/price/", {"number": NUMBER, "to": NUMBER}, retry=True),
                    lambda client: client.post(URL, {"url": HOOK, "to": NUMBER}),
                ):
                    client = self.client(provider)
                    try:
                        act(client)
                    except ZadarmaError as error:
                        raised.append(error)
                        module._logger.exception("caught")
                    raised.append(client)
            texts = [logging.Formatter().format(record) for record in records if record.name != "odoo.tests"]
            texts += [text for thing in raised for text in (str(thing), repr(thing))]
            texts += [error.message for error in raised if isinstance(error, ZadarmaError)]
            self.assertTrue(any("urllib3" in record.name for record in records))
            self.assertTrue(any(record.name == LOGGER for record in records))
            for secret in self._secrets(provider):
                for text in texts:
                    with self.subTest(name, secret=secret):
                        self.assertNotIn(secret, text)

    def test_server_that_is_not_there_is_told_without_the_query(self):
        with all_logs() as records, self.assertRaises(UnreachableError) as caught:
            ZadarmaClient(KEY, SECRET, "http://127.0.0.1:1").get("/v1/info/price/", {"number": NUMBER}, retry=False)
        texts = [logging.Formatter().format(record) for record in records if record.name != "odoo.tests"]
        self.assertTrue(any("/v1/info/price/" in text for text in texts))
        for text in (*texts, str(caught.exception)):
            self.assertNotIn(NUMBER[1:], text)

    @mute_logger(LOGGER)
    def test_unreachable_hides_its_cause(self):
        caught, _provider = self.fails(UnreachableError, reset)
        self.assertTrue(caught.__suppress_context__)
        self.assertIsNone(caught.__cause__)

    def test_what_zadarma_says_stays_one_short_line(self):
        answer = reply({"status": "error", "message": "a\nb\x00" + "x" * 9999}, 400)
        caught, _provider = self.fails(RefusedError, answer)
        self.assertEqual(caught.message, "a b " + "x" * 196)

    def test_successful_request_is_told_at_debug_level_with_a_masked_number(self):
        provider = self.provider(reply())
        with self.assertLogs(LOGGER, logging.DEBUG) as logs:
            self.client(provider).get(CALLBACK, {"from": "100", "to": NUMBER})
        self.assertRegex(
            logs.output[0],
            r"\ADEBUG:.*:Zadarma: GET /v1/request/callback/ \(from=100, to=\+49170\*+78\) answered 200 in \d+ ms\Z",
        )
