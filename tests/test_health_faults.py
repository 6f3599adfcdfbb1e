"""Each fault that the health page promises to show, from the moment it happens: red within five minutes."""

from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import res_company_connection, zadarma_check
from ..zadarma_api.throttle import LIMIT
from .common import CALL_ID, ZadarmaAccountCase, ZadarmaHttpCase, inbound

CLIENT = "odoo.addons.zadarma.zadarma_api.client"
# Minutes between the runs of the scheduled actions that matter here, as the data has them.
SWEEP, WATCH = 1, 3


@tagged("post_install", "-at_install")
class TestFaults(ZadarmaAccountCase):
    """An account that is well, and what happens to it."""

    def setUp(self):
        super().setUp()
        self.company.action_zadarma_connect()
        self.extension("104").user_id = self.supervisor
        self.answers["/v1/pbx/callinfo/"] = {
            "url": self.company.zadarma_webhook_url,
            "notifications": dict.fromkeys(res_company_connection.NOTIFICATIONS, "true"),
        }
        self.deliver(inbound("START"))
        self.let_crons_run(WATCH)
        self.assertEqual({line["state"] for line in self.lines().values()}, {"ok"})

    def lines(self):
        """Return the lines of the page by what they are about."""
        self.env.invalidate_all()
        lines = self.env["zadarma.health"].with_user(self.supervisor).get_health()["lines"]
        return {line["code"]: line for line in lines}

    def let_crons_run(self, minutes):
        """Let minutes pass in which Odoo runs the scheduled actions when it is their time."""
        crons = self.env["zadarma.health"].sudo()._get_crons()
        for minute in range(1, minutes + 1):
            self.pass_time(1)
            crons.filtered("active").nextcall = fields.Datetime.now() + timedelta(minutes=1)
            self.env.flush_all()
            for every, model, method in (
                (SWEEP, "zadarma.event", "_cron_sweep"),
                (WATCH, "res.company", "_cron_zadarma_watch"),
            ):
                if not minute % every:
                    with self.env.registry.cursor() as cr:
                        getattr(api.Environment(cr, SUPERUSER_ID, {})[model], method)()
                    self.env.invalidate_all()

    def assert_red(self, code, says, advises, minutes=5):
        """Check that a line is red when so many minutes have passed, tells what happened and what to do."""
        self.let_crons_run(minutes)
        line = self.lines()[code]
        self.assertEqual(line["state"], "failed", line)
        self.assertIn(says, line["text"])
        self.assertIn(advises, line["advice"])

    def test_intervals_are_those_of_the_scheduled_actions(self):
        for name, minutes in (("ir_cron_sweep", SWEEP), ("ir_cron_watch", WATCH)):
            cron = self.env.ref(f"zadarma.{name}")
            self.assertEqual((cron.interval_number, cron.interval_type), (minutes, "minutes"))

    def test_no_event_for_long_although_calls_happen(self):
        self.let_crons_run(10)  # which is long
        self.answers["/v1/statistics/pbx/"] = {"stats": [{"pbx_call_id": f"in_{1:040x}", "callstart": "x"}]}
        self.assert_red("silence", "came: 1.", "firewall or proxy")

    def test_nobody_calls_at_night_is_no_fault(self):
        self.answers["/v1/statistics/pbx/"] = {"stats": [{"pbx_call_id": CALL_ID, "callstart": "x"}]}
        self.let_crons_run(60)
        self.assertEqual(self.lines()["silence"]["state"], "ok")

    def test_events_cannot_be_understood(self):
        self.deliver(inbound("START", call_id=f"in_{1:040x}", start="never"))
        self.assert_red("failed", "1 could not be processed", "processes them again", minutes=0)

    def test_events_fail(self):
        self.deliver(inbound("START", call_id=f"in_{1:040x}"), process=False)
        # What no event can do, somebody with the database can: its payload is not what was stored.
        self.env.cr.execute("UPDATE zadarma_event SET payload = '{' WHERE pbx_call_id = %s", [f"in_{1:040x}"])
        with mute_logger("odoo.addons.zadarma.models.zadarma_event"):
            self.let_crons_run(5)
        self.assertEqual(self.lines()["failed"]["state"], "failed")

    def test_events_wait(self):
        self.deliver(inbound("START", call_id=f"in_{1:040x}"), process=False)
        self.pass_time(5)
        line = self.lines()["waiting"]
        self.assertEqual(line["state"], "failed")
        self.assertIn("scheduled actions run", line["advice"])

    def test_notifications_are_switched_off_at_zadarma(self):
        answer = self.answers["/v1/pbx/callinfo/"]
        answer["notifications"] = {**answer["notifications"], "notify_end": "false"}
        self.assert_red("notifications", "NOTIFY_END", "Press Connect")

    def test_address_is_removed_at_zadarma(self):
        self.answers["/v1/pbx/callinfo/"]["url"] = ""
        self.assert_red("address", "nowhere", "Press Connect")

    def test_extension_is_added_at_zadarma(self):
        self.answers["/v1/pbx/internal/"] = {"numbers": [101, 102, 104, 105]}
        self.answers["/v1/pbx/internal/105/info/"] = {"name": ""}
        self.assert_red("users", "105", "choose whose phone")

    def test_user_of_an_extension_leaves(self):
        self.extension("102").user_id = False
        self.assert_red("users", "102", "Extensions and users")

    def test_cron_stops(self):
        crons = self.env["zadarma.health"].sudo()._get_crons()
        crons.nextcall = fields.Datetime.now() + timedelta(minutes=1)
        self.pass_time(5)
        line = self.lines()["cron"]
        self.assertEqual(line["state"], "failed")
        self.assertIn("max_cron_threads", line["advice"])

    def test_cron_is_switched_off(self):
        self.env.ref("zadarma.ir_cron_watch").active = False
        self.assert_red("cron", "look after the accounts", "Switch them on again", minutes=0)

    def test_limit_of_requests_is_near(self):
        gate = self.env["zadarma.throttle"]._get_gate(self.company, True)
        for _request in range(int(LIMIT * 0.8)):
            gate.enter("/v1/info/balance/")
        self.assert_red("rate", f"of {LIMIT}", "waits by itself", minutes=0)

    def test_zadarma_asks_to_slow_down(self):
        self.answers["/v1/info/balance/"] = (429, {"message": "You exceeded the rate limit"})
        self.assert_red("account", "slow down", "Other programs")

    def test_balance_is_low(self):
        self.answers["/v1/info/balance/"] = {"balance": "4.99", "currency": "EUR"}
        self.assert_red("balance", "4.99 EUR", "Top up")

    def test_clock_is_wrong(self):
        self.answers["/v1/info/timezone/"] = {"unixtime": 1, "datetime": "1970-01-01 00:00:01"}
        self.assert_red("clock", "differs", "NTP")

    def test_key_is_revoked(self):
        self.answers["/v1/info/balance/"] = (401, {"message": "Not authorized"})
        self.assert_red("account", "does not accept the key", "Copy key and secret again")

    def test_zadarma_is_down(self):
        self.answers["/v1/info/balance/"] = (502, {"message": "x"})
        with mute_logger(CLIENT):
            self.assert_red("account", "no answer", "some minutes")

    def test_everything_is_green_again_when_it_is_mended(self):
        right = dict(self.answers)
        self.answers["/v1/info/balance/"] = {"balance": 0, "currency": "EUR"}
        self.answers["/v1/pbx/callinfo/"] = {"url": ""}
        self.extension("102").user_id = False
        self.let_crons_run(WATCH)
        red = {code for code, line in self.lines().items() if line["state"] == "failed"}
        self.assertEqual(red, {"balance", "address", "users"})
        self.answers.update(right)
        self.extension("102").user_id = self.colleague
        self.let_crons_run(WATCH)
        self.assertEqual({line["state"] for line in self.lines().values()}, {"ok"})


@tagged("post_install", "-at_install")
class TestRefusedFaults(ZadarmaHttpCase):
    """What is refused at the door is told at once."""

    def setUp(self):
        super().setUp()
        zadarma_check._refusals.clear()
        self.addCleanup(zadarma_check._refusals.clear)

    def test_events_are_refused(self):
        self.post(inbound("START"), secret="wrong")
        line = self.env["zadarma.health"].with_user(self.supervisor)._get_refusal_line(self.company)
        self.assertEqual(line["state"], "failed")
        self.assertIn("signature is wrong", line["text"])
        self.assertIn("Copy it again", line["advice"])
