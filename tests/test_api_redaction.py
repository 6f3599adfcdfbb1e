import logging

from odoo.tests import BaseCase

from ..zadarma_api.redaction import QueryFilter, clean_message, loggable, mask_numbers, protect_logs


class TestRedaction(BaseCase):
    def test_parameters_are_logged_without_numbers_and_values_nobody_needs(self):
        shown = loggable(
            {
                "to": "+4917012345678",
                "from": "100",
                "numbers": ["442037691880", "442037691881"],
                "start": "2025-03-01 00:00:00",
                "url": "https://crm.example.com/zadarma/token",
                "message": "Dear Ada",
                "api_secret": "abc",
            }
        )
        self.assertEqual(
            shown,
            "api_secret=…, from=100, message=…, numbers=['442037****80', '442037****81'], "
            "start=2025-03-01 00:00:00, to=+49170******78, url=…",
        )

    def test_numbers_in_texts_are_masked(self):
        for text, masked in (
            ("call +4917012345678 now", "call +49170******78 now"),
            ("4917012345678", "491701*****78"),
            ("from 100 to 12345", "from 100 to 12345"),
            ("%2B4917012345678", "%2B491701*****78"),
            ("", ""),
        ):
            with self.subTest(text):
                self.assertEqual(mask_numbers(text), masked)
        self.assertEqual(mask_numbers("0123456789" * 3), "012345" + "*" * 22 + "89")

    def test_what_the_provider_says_is_fit_to_show(self):
        for text, shown in (
            ("No echo: https://a.example/zadarma/0a1b2c3d?zd_echo=1", "No echo: https://a.example/zadarma/…"),
            ("Check phone's number", "Check phone's number"),
            ("Check phone's number +4917012345678", "Check phone's number +49170******78"),
            ("two\r\nlines\x00and\u2028more", "two lines and more"),
            ("GET https://api.zadarma.com/v1/x/?to=%2B49170 failed", "GET https://api.zadarma.com/v1/x/ failed"),
            ("GET /v1/x/?to=1&from=2", "GET /v1/x/"),
            ("key testkey, signature c2ln, secret hush", "key …, signature …, secret …"),
            ("x" * 5000, "x" * 200),
            ("\ud800", ""),
        ):
            with self.subTest(shown):
                self.assertEqual(clean_message(text, ("hush", "c2ln", "testkey", "")), shown)

    def test_secret_is_not_shown_in_part_where_the_text_is_cut(self):
        secret = "0123456789abcdef0123"
        for offset in range(160, 205):
            self.assertNotIn(secret[:8], clean_message("x" * offset + " " + secret, (secret,)))

    def test_queries_are_cut_off_what_urllib3_logs(self):
        for args, message in (
            (("GET", "/v1/request/callback/?from=100&to=%2B49170"), "GET /v1/request/callback/"),
            (("GET", "/v1/info/balance/"), "GET /v1/info/balance/"),
            (("url", "https://api.zadarma.com:443/v1/x/?to=1"), "url https://api.zadarma.com:443/v1/x/"),
            (("GET", "/web?db=1"), "GET /web?db=1"),
            (("status", 200), "status 200"),
        ):
            record = logging.LogRecord("urllib3", logging.DEBUG, "", 0, "%s %s", args, None)
            self.assertTrue(QueryFilter().filter(record))
            self.assertEqual(record.getMessage(), message)
        record = logging.LogRecord("urllib3", logging.DEBUG, "", 0, "%(a)s", ({"a": 1},), None)
        self.assertTrue(QueryFilter().filter(record))
        self.assertEqual(record.getMessage(), "1")

    def test_filter_is_attached_once(self):
        protect_logs()
        protect_logs()
        for name in ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry"):
            filters = [known for known in logging.getLogger(name).filters if isinstance(known, QueryFilter)]
            self.assertEqual(len(filters), 1, name)
