import io
import json
import os
from datetime import datetime, timezone

import requests
import urllib3
from hypothesis import example, given, settings, strategies as st

from odoo.tests import BaseCase
from odoo.tools import mute_logger

from ..zadarma_api.client import ZadarmaClient
from ..zadarma_api.errors import ZadarmaError
from ..zadarma_api.recordings import Downloader, DownloadError, key_of, links_of
from ..zadarma_api.statistics import RowError, parse_row, rows_of
from ..zadarma_api.transcript import parse_transcript

NOW = datetime(2025, 3, 1, 10, 0, 0, tzinfo=timezone.utc)
MP3 = b"\xff\xfb\x18\xc4" + bytes(140)
# The same examples each time: what fails, fails for everybody. `FUZZED=100000` for a long run, as in test_fuzz.py.
EXAMPLES = settings(derandomize=True, deadline=None, max_examples=int(os.environ.get("FUZZED", "400")) // 10)
ODD = st.sampled_from(
    [
        *("", "\x00", "\ud800", "NaN", "-1", "1e999999", "9" * 400, "9" * 5000, "%s", "../..", "\u2028", "\u202e"),
        *("http://[", "//[::1", "https://zadarma.com:99999/", "https://zadarma。com/", "https://[::1]%/", "\uff11"),
        *(None, True, False, 0, -1, 10**400, float("nan"), float("inf"), [], {}, [None], {"": None}),
    ]
)
VALUES = st.recursive(
    ODD | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NUMBERS = st.sampled_from(["1e99999999999999999999", "1e999999", "-0.0", "NaN", "-Infinity", "9" * 5000, "1" * 31])
HEADERS = {
    "Content-Length": ("144", "0", "-5", "abc", "9" * 5000, "1e3", "\uff11"),
    "Content-Type": ("audio/mpeg", "text/html", "", ";", "audio/" + "x" * 5000),
    "Content-Encoding": ("gzip", "deflate", "br", "identity", "GZIP, gzip"),
    "Transfer-Encoding": ("chunked", "gzip, chunked", "CHUNKED", ""),
    "Retry-After": ("60", "-1", "9" * 5000, "Wed, 21 Oct 2026 07:28:00 GMT", "\uff11"),
    "X-RateLimit-Limit": ("100", "0", "x"),
    "X-RateLimit-Remaining": ("0", "-9", "9" * 300),
    "X-RateLimit-Reset": ("0", "9" * 300, "9" * 5000, "-1"),
    "Location": ("/x.mp3", "http://[", "//[::1", "https://zadarma.com:abc/", "", ":", "\x00", "https://127.0.0.1/"),
}
HEADER_SETS = st.fixed_dictionaries({}, optional={name: st.sampled_from(odd) for name, odd in HEADERS.items()})
STATUSES = st.sampled_from([200, 204, 206, 301, 302, 307, 400, 401, 403, 404, 410, 429, 500, 502, 503])


class TestFuzz(BaseCase):
    """Whatever Zadarma answers is understood or refused, and nothing else happens."""

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to give the answers of an example, the last one again and again."""
        status, headers, body = cls.answers.pop(0) if len(cls.answers) > 1 else cls.answers[0]
        response = requests.Response()
        response.status_code, response.url = status, request.url
        response.headers.update(headers)
        # As urllib3 before 2.0, which takes what was cut off for the whole.
        options = {"preload_content": False, "enforce_content_length": False}
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), headers=headers, status=status, **options)
        return response

    def ask(self, *answer):
        """Return the answer as the client gives it, nothing where it is refused."""
        type(self).answers = [answer]
        with mute_logger("odoo.addons.zadarma.zadarma_api.client"):
            try:
                return ZadarmaClient("key", "secret").get("/v1/info/balance/", retry=False)
            except ZadarmaError as error:
                self.assertGreaterEqual(getattr(error, "retry_after", 1), 1)
                self.assertTrue(error.message.isprintable())
                return None

    @EXAMPLES
    @given(STATUSES, HEADER_SETS, VALUES, st.binary(max_size=30))
    def test_any_answer_is_read_or_refused(self, status, headers, value, noise):
        for body in (json.dumps({"status": "success", "x": value}).encode(), json.dumps(value).encode(), noise):
            answer = self.ask(status, headers, body)
            self.assertTrue(answer is None or isinstance(answer, dict))

    @EXAMPLES
    @given(VALUES, NUMBERS)
    def test_what_is_read_can_be_stored(self, value, number):
        body = b'{"status": "success", "value": %s, "number": %s}' % (json.dumps(value).encode(), number.encode())
        answer = self.ask(200, {}, body)
        if answer is None:
            return
        text = repr(answer).encode().decode()
        for broken in ("\\x00", "\\ud800", "nan", "inf"):
            self.assertNotIn(broken, text)
        self.assertLess(len(str(answer["number"])), 40)

    @EXAMPLES
    @example(200, {"Content-Type": "audio/mpeg", "Content-Length": "144"}, MP3[:100])
    @given(STATUSES, HEADER_SETS, st.sampled_from([MP3, b"", b"<html>", b"ID3", MP3 * 2]))
    def test_any_file_is_loaded_whole_or_refused(self, status, headers, body):
        type(self).answers = [(status, headers, body)]
        downloader, file = Downloader(), io.BytesIO()
        with mute_logger("odoo.addons.zadarma.zadarma_api.recordings"):
            try:
                loaded = downloader.load("https://zadarma.com/x.mp3", file, seconds=5)
            except DownloadError as error:
                self.assertIn(error.reason, ("address", "missing", "type", "size", "broken"))
            else:
                self.assertEqual((loaded.size, file.getvalue()), (len(body), body))
                if headers.get("Transfer-Encoding", "").lower() != "chunked":
                    self.assertEqual(loaded.size, int(headers["Content-Length"]))

    @EXAMPLES
    @given(st.text() | ODD, VALUES)
    def test_any_link_is_one_or_none(self, text, value):
        for link in links_of({"link": text, "links": value}):
            self.assertIsInstance(Downloader().may_load(link), bool)
            self.assertRegex(key_of(link), r"^(\d+\.\d+)?$")

    @EXAMPLES
    @given(VALUES, st.dictionaries(st.sampled_from(("w", "s", "e", "channel", "result")), VALUES))
    def test_any_transcript_is_read(self, value, word):
        for words in (value, [{"channel": value, "result": [word]}]):
            answer = {"recognitionStatus": "recognized", "words": words, "phrases": value}
            for line in parse_transcript(answer).lines:
                self.assertTrue(line.text.isprintable())

    @EXAMPLES
    @given(VALUES, st.dictionaries(st.sampled_from(("callstart", "call_id", "sip", "clid", "seconds")), VALUES))
    def test_any_row_is_read_or_refused(self, value, row):
        for answer in ({"stats": value}, {"stats": [{**row, "pbx_call_id": "in_1"}, value]}):
            try:
                for each in rows_of(answer):
                    parse_row(each, NOW, timezone.utc)
            except (RowError, ZadarmaError):
                continue
