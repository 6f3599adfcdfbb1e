from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..models import zadarma_check
from ..zadarma_api.events import TEST_EVENT
from ..zadarma_api.throttle import LIMIT
from .common import SECRET, TOKEN, ZadarmaAccountCase, ZadarmaHttpCase, inbound


@tagged("post_install", "-at_install")
class TestHealth(ZadarmaAccountCase):
    def lines(self, user=None):
        """Return the lines of the page by what they are about, as the supervisor sees them."""
        self.env.invalidate_all()
        health = self.env["zadarma.health"].with_user(user or self.supervisor).get_health()
        self.assertEqual(
            [line["state"] for line in health["lines"]],
            sorted((line["state"] for line in health["lines"]), key=("failed", "warning", "waiting", "ok").index),
        )
        return {line["code"]: line for line in health["lines"]}

    def run_crons(self):
        """Have all scheduled actions been run just now."""
        crons = self.env["zadarma.health"].sudo()._get_crons()
        crons.nextcall = fields.Datetime.now() + timedelta(minutes=1)
        return crons

    def test_only_supervisors_and_administrators_may_look(self):
        administrator = new_test_user(self.env, "zadarma_boss", groups="base.group_system")
        self.lines(administrator)
        for user in (self.agent, new_test_user(self.env, "zadarma_nobody", groups="base.group_user")):
            health = self.env["zadarma.health"].with_user(user)
            with self.assertRaises(AccessError):
                health.get_health()
            with self.assertRaises(AccessError):
                health.ping("x")

    def test_page_holds_no_secret(self):
        self.answers["POST /v1/pbx/callinfo/url/"] = (400, {"message": "Wrong URL"})
        self.company.action_zadarma_connect()
        self.deliver(inbound("START"))
        text = str(self.lines())
        for word in (SECRET, TOKEN, "key-"):
            self.assertNotIn(f"'{word}", text)
        self.assertNotIn(TOKEN, text)
        self.assertIn("the address in the settings", self.lines()["address"]["advice"])

    def test_account_that_is_not_set_up_is_the_one_line(self):
        self.company.zadarma_secret = False
        lines = self.lines()
        self.assertEqual(list(lines), ["account"])
        self.assertEqual(lines["account"]["state"], "failed")

    def test_all_is_green_where_all_is_well(self):
        self.company.action_zadarma_connect()
        self.extension("104").user_id = self.supervisor
        self.company.action_zadarma_connect()
        self.deliver(inbound("START"))
        self.run_crons()
        self.assertEqual({line["state"] for line in self.lines().values()}, {"ok"})

    def test_notification_of_ones_own_is_none_of_zadarmas(self):
        self.deliver({"event": TEST_EVENT, "call_start": "x"})
        self.assertEqual(self._find_events(name=TEST_EVENT).state, "other")
        self.assertEqual(self.lines()["last"]["state"], "warning")
        self.deliver(inbound("START"))
        self.assertEqual(self.lines()["last"]["state"], "ok")

    def test_inbox_that_stands_still_is_red(self):
        self.deliver(inbound("START"), process=False)
        self.assertNotIn("waiting", self.lines())
        self.pass_time(3)
        self.assertEqual(self.lines()["waiting"]["state"], "failed")

    def test_failed_notifications_are_red(self):
        self.deliver(inbound("START", start="never"))
        line = self.lines()["failed"]
        self.assertEqual((line["state"], line["action"]), ("failed", "zadarma.zadarma_event_action"))

    def test_scheduled_actions_that_stopped_are_red(self):
        crons = self.run_crons()
        self.assertEqual(self.lines()["cron"]["state"], "ok")
        crons[0].nextcall = fields.Datetime.now() - timedelta(minutes=5)
        self.assertIn(crons[0].name, self.lines()["cron"]["text"])
        crons[0].active = False
        self.assertIn("Switched off", self.lines()["cron"]["text"])

    def test_limit_that_is_near_is_red(self):
        gate = self.env["zadarma.throttle"]._get_gate(self.company, True)
        self.assertEqual(self.lines()["rate"]["state"], "ok")
        for _request in range(LIMIT - 10):
            gate.enter("/v1/info/balance/")
        self.assertEqual(self.lines()["rate"]["state"], "failed")
        gate.refused("/v1/info/balance/", 30)
        self.assertIn("30 more seconds", self.lines()["rate"]["text"])

    def test_unmapped_extensions_are_named(self):
        self.company.action_zadarma_connect()
        self.assertIn("104", self.lines()["users"]["text"])

    def test_mended_extension_is_told_at_once(self):
        self.company.action_zadarma_connect()
        self.extension("104").user_id = self.supervisor
        self.assertEqual(self.lines()["users"]["state"], "ok")
        self.extension("104").user_id = False
        self.assertEqual(self.lines()["users"]["state"], "failed")
        self.extension("104").active = False
        self.assertEqual(self.lines()["users"]["state"], "ok")

    def test_texts_are_the_readers(self):
        self.company.action_zadarma_connect()
        check = self.check("account")
        self.assertEqual(check.reason, "connected")
        self.assertIn("10.34 USD", check.message)
        for said, advice in zadarma_check.TEXTS.values():
            for text in filter(None, (said, advice)):
                self.assertIsInstance(str(self.env._(text)), str)

    def test_bus_answers_the_user_alone(self):
        self.env["zadarma.health"].with_user(self.supervisor).ping("x" * 1000)
        self.env.cr.precommit.run()
        row = self.env["bus.bus"].sudo().search([], order="id desc", limit=1)
        self.assertIn("zadarma.health/ping", row.message)
        self.assertLess(len(row.message), 300)
        self.assertIn(f'"res.partner",{self.supervisor.partner_id.id}', row.channel)


@tagged("post_install", "-at_install")
class TestRefusals(ZadarmaHttpCase):
    def setUp(self):
        super().setUp()
        zadarma_check._refusals.clear()
        self.addCleanup(zadarma_check._refusals.clear)

    def refusals(self):
        self.env.invalidate_all()
        return self.env["zadarma.check"]._find(self.company, "refusals")

    def test_refused_notifications_are_counted_without_a_write_each(self):
        with patch.object(zadarma_check.time, "monotonic", lambda: self.now):
            self.now = 1000.0
            for _try in range(3):
                self.assertEqual(self.post(inbound("START"), secret="wrong").status_code, 403)
            self.assertEqual(self.refusals().params["count"], 1)
            self.now += 61
            self.post(inbound("START"), secret="wrong")
        self.assertEqual(self.refusals().params["count"], 4)
        self.assertIn("secret here is not the account's", self.refusals().advice)
        self.assertFalse(self.env["zadarma.event"].search([("company_id", "=", self.company.id)]))

    def test_flood_of_refusals_is_one_write_a_minute_and_one_row_for_ever(self):
        checks, writes = self.env["zadarma.check"], []
        with patch.object(zadarma_check.time, "monotonic", lambda: self.now):
            for second in range(300):
                self.now = 1000.0 + second
                senders = ("203.0.113.9", f"2001:db8::{second:x}")
                writes += [checks._count_refusal(self.company.id, "address", sender) for sender in senders]
        self.assertEqual(len([write for write in writes if write]), 5)
        with self.allow_requests(all_requests=True):
            for write in filter(None, writes):
                write()
        self.assertEqual(len(self.refusals()), 1)
        self.assertEqual(len(zadarma_check._refusals), 1, "and no memory of who they were")

    def test_processes_that_refuse_at_the_same_moment_add_up(self):
        # At Odoo's usual level, the one that comes second fails.
        with patch.object(zadarma_check, "read_committed", wraps=zadarma_check.read_committed) as read_committed:
            self.post(inbound("START"), secret="wrong")
        read_committed.assert_called_once()
        zadarma_check._refusals.clear()
        self.post(inbound("START"), secret="wrong")
        self.assertEqual(self.refusals().params["count"], 2)

    def test_strangers_to_the_address_write_nothing(self):
        self.post(inbound("START"), token="b" * 40, secret="wrong")
        self.assertFalse(self.refusals())

    def test_foreign_address_is_told_with_what_to_do_behind_a_proxy(self):
        self.company.zadarma_restrict_addresses = True
        self.assertEqual(self.post(inbound("START")).status_code, 403)
        self.assertIn("127.0.0.1", self.refusals().message)
        self.assertIn("proxy_mode", self.refusals().advice)
