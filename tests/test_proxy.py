from odoo.tests import tagged
from odoo.tools import config

from ..models import zadarma_check
from .common import ZadarmaHttpCase, inbound

ZADARMA, STRANGER, INNER_PROXY = "185.45.152.41", "203.0.113.9", "10.0.0.2"


@tagged("post_install", "-at_install")
class TestProxy(ZadarmaHttpCase):
    """Who sends a notification, where addresses are restricted to Zadarma's and a proxy stands before Odoo.

    Odoo in proxy mode believes its own proxy, which writes the address it was called from at the end of
    ``X-Forwarded-For``. What stands before that was written by whoever called the proxy.
    """

    def setUp(self):
        super().setUp()
        self.company.zadarma_restrict_addresses = True
        zadarma_check._refusals.clear()
        self.addCleanup(zadarma_check._refusals.clear)

    def send(self, forwarded_for, proxy_mode=True, **headers):
        """Send a notification through a proxy; return the status of the answer."""
        self.patch(config, "options", config.options.new_child({"proxy_mode": proxy_mode}))
        headers = {"X-Forwarded-Host": "crm.example.com", "X-Forwarded-For": forwarded_for} | headers
        return self.post(inbound("START"), headers=headers).status_code

    def test_zadarma_comes_through_in_every_form_of_its_address(self):
        for address in (ZADARMA, "185.45.152.40", "185.45.152.43", f"::ffff:{ZADARMA}", "::FFFF:B92D:9829"):
            with self.subTest(address):
                self.assertEqual(self.send(address), 200)

    def test_others_do_not_come_through(self):
        for address in (
            STRANGER,
            "185.45.152.44",
            "::1",
            "2001:db8::1",
            f"::ffff:{STRANGER}",
            "unknown",
            f"{ZADARMA}.",
            "",
        ):
            with self.subTest(address):
                self.assertEqual(self.send(address), 403)
        self.assertFalse(self.env["zadarma.event"].search([("company_id", "=", self.company.id)]))

    def test_stranger_who_claims_to_be_zadarma_is_seen_through(self):
        for forged in (
            f"{ZADARMA}, {STRANGER}",
            f"{ZADARMA},{ZADARMA} , {STRANGER}",
            f"{STRANGER}, {ZADARMA}, ::ffff:{STRANGER}",
        ):
            with self.subTest(forged):
                self.assertEqual(self.send(forged), 403)
        for header in ("X-Real-Ip", "Forwarded", "Client-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip"):
            with self.subTest(header):
                self.assertEqual(self.send(STRANGER, **{header: ZADARMA}), 403)

    def test_without_proxy_mode_no_header_is_believed(self):
        self.assertEqual(self.send(ZADARMA, proxy_mode=False), 403)
        refusals = self.env["zadarma.check"]._find(self.company, "refusals")
        self.assertIn("They came from 127.0.0.1", refusals.message)
        self.assertIn("proxy_mode = True", refusals.advice)

    def test_proxy_that_names_no_host_is_not_believed(self):
        self.assertEqual(self.send(ZADARMA, **{"X-Forwarded-Host": ""}), 403)

    def test_proxy_behind_a_proxy_is_told_as_what_was_seen(self):
        self.assertEqual(self.send(f"{ZADARMA}, {INNER_PROXY}"), 403)
        refusals = self.env["zadarma.check"]._find(self.company, "refusals")
        self.assertIn(f"They came from {INNER_PROXY}", refusals.message)
        self.assertIn("Several proxies", refusals.advice)

    def test_restriction_is_the_accounts_own(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_secret": "other"})
        self.patch(config, "options", config.options.new_child({"proxy_mode": True}))
        headers = {"X-Forwarded-Host": "crm.example.com", "X-Forwarded-For": STRANGER}
        response = self.post(inbound("START"), token=other.zadarma_token, secret="other", headers=headers)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.post(inbound("START"), headers=headers).status_code, 403)
