import json
from urllib.parse import parse_qs, urlsplit

import requests

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import TransactionCase, freeze_time, tagged

from .common import ZadarmaMixin

ANSWERS = {
    "/v1/info/balance/": {"balance": 10.34, "currency": "USD"},
    "/v1/info/timezone/": {"unixtime": 1740823200, "datetime": "2025-03-01 12:00:00", "timezone": "UTC+2"},
    "/v1/pbx/internal/": {"pbx_id": 1234, "numbers": [101, 102, 104]},
    "/v1/direct_numbers/": {"info": [{"number": "442037691880", "number_name": "London"}, {"number": None}]},
    "/v1/pbx/callinfo/url/": {"url": "…"},
    "/v1/pbx/callinfo/notifications/": {"notifications": {}},
}


@tagged("post_install", "-at_install")
class TestSettings(ZadarmaMixin, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.requests = []
        cls.answers = {}

    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()
        self.requests.clear()
        self.answers.clear()
        self.answers.update(ANSWERS)

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to answer for Zadarma."""
        url = urlsplit(request.url)
        if url.hostname != "api.zadarma.com":
            return super()._request_handler(session, request, **kwargs)
        cls.requests.append((request.method, url.path, parse_qs(request.body or url.query)))
        answer = cls.answers[url.path]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer.get("http", 200)
        response.raw = _Body(json.dumps({"status": "success", **answer}).encode())
        return response

    def test_connect_does_all_that_an_account_needs(self):
        self.company.partner_id.tz = "Europe/Kyiv"
        action = self.company.action_zadarma_connect()
        self.assertIn("10.34 USD", action["params"]["message"])
        self.assertEqual(self.company.zadarma_tz, "Europe/Kyiv")
        posted = {path: params for method, path, params in self.requests if method == "POST"}
        self.assertEqual(posted["/v1/pbx/callinfo/url/"]["url"], [self.company.zadarma_webhook_url])
        self.assertEqual(len(posted["/v1/pbx/callinfo/notifications/"]), 6)
        extensions = self.env["zadarma.extension"].search([("company_id", "=", self.company.id)])
        self.assertEqual(extensions.mapped("number"), ["101", "102", "104"])
        self.assertEqual(extensions[0].user_id, self.agent, "users keep their extensions")
        numbers = self.env["zadarma.number"].search([("company_id", "=", self.company.id)])
        self.assertEqual(numbers.mapped("number"), ["+442037691880"])

    def test_connect_can_be_repeated(self):
        self.company.action_zadarma_connect()
        self.answers["/v1/pbx/internal/"] = {"numbers": ["101", "103"]}
        self.company.action_zadarma_connect()
        extensions = self.env["zadarma.extension"].search([("company_id", "=", self.company.id)])
        self.assertEqual(extensions.mapped("number"), ["101", "103"])

    def test_zone_without_a_name_is_an_offset(self):
        self.answers["/v1/info/timezone/"] = {"unixtime": 1740823200, "datetime": "2025-03-01 15:00:00"}
        self.company.action_zadarma_connect()
        self.assertEqual(self.company.zadarma_tz, "Etc/GMT-5")

    def test_odd_answers_break_nothing(self):
        self.answers["/v1/info/timezone/"] = {"unixtime": "x", "datetime": None}
        self.answers["/v1/pbx/internal/"] = {"numbers": None}
        self.answers["/v1/direct_numbers/"] = {"info": ["x", {}]}
        self.company.action_zadarma_connect()
        self.assertEqual(self.company.zadarma_tz, "UTC")

    def test_errors_say_what_to_do(self):
        for answer, text in (
            ({"http": 401, "status": "error", "message": "Not authorized"}, "does not accept the key"),
            ({"http": 400, "status": "error", "message": "Wrong"}, "refused the request: Wrong"),
            ({"status": "error", "message": "You exceeded the rate limit by User Limits"}, "slow down"),
            ({}, "slow down"),
        ):
            self.answers["/v1/info/balance/"] = answer
            with self.assertRaisesRegex(UserError, text):
                self.company.action_zadarma_connect()

    def test_connect_needs_key_and_secret(self):
        self.company.zadarma_secret = False
        with self.assertRaisesRegex(UserError, "not set up"):
            self.company.action_zadarma_connect()

    def test_api_is_spoken_to_over_https_only(self):
        self.env["ir.config_parameter"].set_param("zadarma.api_url", "http://zadarma.example")
        with self.assertRaisesRegex(UserError, "no HTTPS address"):
            self.company.action_zadarma_connect()

    def test_connect_is_for_administrators(self):
        with self.assertRaises(AccessError):
            self.company.with_user(self.supervisor).action_zadarma_connect()

    def test_addresses_are_checked(self):
        for text in ("185.45.152.40/33", "zadarma.com", "", " , "):
            with self.assertRaises(ValidationError):
                self.company.write({"zadarma_restrict_addresses": True, "zadarma_addresses": text})

    def test_address_restriction_knows_forms_of_addresses(self):
        self.company.zadarma_restrict_addresses = True
        account = self.env["res.company"]._zadarma_accounts()[self.company.zadarma_token]
        for address in ("185.45.152.40", "185.45.152.43", "::ffff:185.45.152.41"):
            self.assertTrue(account.admits(address), address)
        for address in ("185.45.152.44", "185.45.152.39", "127.0.0.1", "::1", "", None, "unix:"):
            self.assertFalse(account.admits(address), address)

    def test_changed_secret_counts_at_once(self):
        self.env["res.company"]._zadarma_accounts()
        self.company.zadarma_secret = "  another  "
        account = self.env["res.company"]._zadarma_accounts()[self.company.zadarma_token]
        self.assertEqual(account.secret, "another")

    def test_copy_of_a_database_has_no_account(self):
        for query in get_neutralization_queries(["zadarma"]):
            self.env.cr.execute(query)
        self.env.registry.clear_cache()
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "not set up"):
            self.company._zadarma_client()
        self.assertFalse(self.env["res.company"]._zadarma_accounts())

    @freeze_time("2025-03-01 10:00:00")
    def test_numbers_are_kept_in_one_form(self):
        number = self.env["zadarma.number"].create({"number": "030 999 88 77", "company_id": self.company.id})
        self.assertEqual(number.number, "+49309998877")
        number.number = "0044 20 3769 1880"
        self.assertEqual(number.number, "+442037691880")


class _Body:
    """A raw body as requests reads it."""

    def __init__(self, body):
        self._body = body

    def read1(self, _amount, decode_content=True):
        body, self._body = self._body, b""
        return body

    def release_conn(self):
        """Do nothing, there is no connection."""

    close = release_conn
