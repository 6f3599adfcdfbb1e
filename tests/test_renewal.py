import logging

import requests

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import (
    API_ANSWERS,
    TOKEN,
    ZadarmaAccountCase,
    ZadarmaApiMixin,
    ZadarmaHttpCase,
    inbound,
)

OFFLINE = requests.ConnectionError("offline")


@tagged("post_install", "-at_install")
class TestRenewal(ZadarmaAccountCase):
    """An address that leaked is renewed."""

    def setUp(self):
        super().setUp()
        self.company.action_zadarma_connect()
        self.former = self.company.zadarma_webhook_url
        self.answers["/v1/pbx/callinfo/"] = {"url": self.former}
        self.answers["/v1/pbx/webhooks/"] = {"url": self.former}
        self.asked.clear()

    def renew(self, user=None):
        """Press Renew; return what is told."""
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            env = api.Environment(cr, (user or self.env.user).id, {})
            told = self.company.with_env(env).action_zadarma_renew_address()["params"]
        self.env.invalidate_all()
        return told

    def watch(self):
        """Let time pass and the cron come by."""
        self.pass_time(3)
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["res.company"]._cron_zadarma_watch()
        self.env.invalidate_all()

    def is_set(self):
        """Tell whether Zadarma was given the company's address."""
        return self.posted("/v1/pbx/callinfo/url/") == {"url": self.company.zadarma_webhook_url}

    def test_zadarma_is_given_the_new_address_in_place_of_the_former(self):
        told = self.renew()
        self.assertNotEqual(self.company.zadarma_webhook_url, self.former)
        self.assertRegex(self.company.zadarma_token, "^[0-9a-f]{40}$")
        self.assertTrue(self.is_set())
        self.assertEqual(self.posted("/v1/pbx/webhooks/url/"), {"url": self.company.zadarma_webhook_url})
        reasons = [self.check(code).reason for code in ("address", "notifications", "events", "test")]
        self.assertEqual(reasons, ["address_set", "notifications_on", "events_set", "test_ok"])
        self.assertEqual(told["type"], "success")

    def test_former_address_is_forgotten_at_once(self):
        self.renew()
        self.assertEqual(list(self.env["res.company"]._zadarma_accounts()), [self.company.zadarma_token])
        self.assertNotIn(TOKEN, str(self.company.zadarma_former_digests))

    def test_it_is_known_who_did_it(self):
        administrator = new_test_user(self.env, "zadarma_boss", groups="base.group_system")
        with self.assertLogs("odoo.addons.zadarma.models.res_company_renewal", logging.INFO) as log:
            self.renew(administrator)
        self.assertEqual(self.company.zadarma_renewed_by, administrator)
        self.assertTrue(self.company.zadarma_renewed_at)
        self.assertIn(f"user {administrator.id} renewed", log.output[0])

    def test_only_administrators_renew(self):
        officer = new_test_user(self.env, "zadarma_officer", groups="base.group_erp_manager")
        for user in (self.agent, self.supervisor, officer):
            with self.assertRaises(AccessError, msg=user.name):
                self.renew(user)
        self.assertEqual(self.company.zadarma_token, TOKEN)
        self.assertFalse(self.asked)

    def test_two_who_press_at_the_same_time_renew_once(self):
        self.renew()
        token = self.company.zadarma_token
        told = self.renew(new_test_user(self.env, "zadarma_boss", groups="base.group_system"))
        self.assertEqual(self.company.zadarma_token, token)
        self.assertEqual(told["type"], "success")
        self.clock.tick(61)
        self.renew()
        self.assertNotEqual(self.company.zadarma_token, token)

    def test_address_of_another_program_stays(self):
        other = {"url": "https://other.example.com/zadarma/secret"}
        self.answers["/v1/pbx/callinfo/"] = self.answers["/v1/pbx/webhooks/"] = other
        told = self.renew()
        self.assertNotEqual(self.company.zadarma_token, TOKEN)
        self.assertFalse(self.posted("/v1/pbx/callinfo/url/") or self.posted("/v1/pbx/webhooks/url/"))
        self.assertEqual(self.check("address").reason, "address_other")
        self.assertIn("Address for notifications", told["message"])

    def test_zadarma_that_cannot_be_reached_is_told_later(self):
        self.answers["/v1/pbx/callinfo/"] = OFFLINE
        self.assertIn("Address for notifications", self.renew()["message"])
        address = self.check("address")
        self.assertEqual((address.state, address.reason), ("failed", "address_former"))
        self.assertIn(self.company.zadarma_webhook_url, address.advice)
        self.assertEqual(self.check("test").reason, "test_untried")
        self.answers["/v1/pbx/callinfo/"] = {"url": self.former}
        self.watch()
        self.assertTrue(self.is_set())
        self.assertEqual(self.posted("/v1/pbx/webhooks/url/"), {"url": self.company.zadarma_webhook_url})
        self.assertEqual(self.check("address").state, "ok")

    def test_address_that_was_renewed_twice_is_still_known(self):
        self.answers["/v1/pbx/callinfo/"] = OFFLINE
        self.renew()
        self.clock.tick(61)
        self.renew()
        self.answers["/v1/pbx/callinfo/"] = {"url": self.former}
        checks = self.company.action_zadarma_connect() and self.company.zadarma_check_ids
        self.assertEqual(checks.filtered(lambda check: check.code == "address").reason, "address_set")

    def test_account_that_is_not_connected_is_told_by_hand(self):
        self.company.action_zadarma_disconnect()
        self.asked.clear()
        self.assertIn("by hand", self.renew()["message"])
        self.assertNotEqual(self.company.zadarma_token, TOKEN)
        self.assertFalse(self.asked or self.company.zadarma_check_ids)

    def test_former_address_is_taken_away_with_the_account(self):
        self.answers["/v1/pbx/callinfo/url/"] = OFFLINE
        self.renew()
        self.answers["/v1/pbx/callinfo/url/"] = {}
        self.company.action_zadarma_disconnect()
        self.assertIn(("DELETE", "/v1/pbx/callinfo/url/"), [request[:2] for request in self.asked])

    def test_neither_token_gets_into_logs_or_to_supervisors(self):
        self.answers["POST /v1/pbx/callinfo/url/"] = lambda params: (400, {"message": f"Wrong URL {params['url']}"})
        with self.assertLogs("odoo", logging.DEBUG) as log:
            self.renew()
        health = str(self.env["zadarma.health"].with_user(self.supervisor).get_health())
        for token in (TOKEN, self.company.zadarma_token):
            self.assertNotIn(token, "".join(log.output))
            self.assertNotIn(token, health)


@tagged("post_install", "-at_install")
class TestRenewalOverHttp(ZadarmaApiMixin, ZadarmaHttpCase):
    def setUp(self):
        super().setUp()
        self.answers.update(API_ANSWERS)

    def test_webhook_refuses_the_former_address_and_takes_the_new_one(self):
        self.assertEqual(self.post(inbound("START")).status_code, 200)
        self.authenticate("admin", "admin")
        params = {
            "model": "res.company",
            "method": "action_zadarma_renew_address",
            "args": [self.company.ids],
            "kwargs": {},
        }
        self.make_jsonrpc_request("/web/dataset/call_kw/res.company/action_zadarma_renew_address", params)
        self.env.invalidate_all()
        token = self.company.zadarma_token
        self.assertNotEqual(token, TOKEN)
        former = self.post(inbound("END"))
        unknown = self.post(inbound("END"), token="b" * 40)
        self.assertEqual((former.status_code, former.text), (403, unknown.text))
        self.assertEqual(self.url_open(f"/zadarma/{TOKEN}?zd_echo=1").status_code, 403)
        self.assertEqual(self.url_open(f"/zadarma/{token}?zd_echo=1").text, "1")
        self.assertEqual(self.post(inbound("INTERNAL", internal="101"), token=token).status_code, 200)
        self.assertEqual(len(self._find_events()), 2)
