import re
from datetime import timedelta
from unittest.mock import patch

import requests

from odoo import SUPERUSER_ID, api, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import config, mute_logger

from ..models import res_company_connection
from ..zadarma_api import client
from ..zadarma_api.events import TEST_EVENT
from ..zadarma_api.throttle import LIMIT
from .common import API_ANSWERS, START, ZadarmaAccountCase, ZadarmaApiMixin, ZadarmaMixin, inbound

REFUSED = (400, {"message": "Wrong URL"})
UNAUTHORIZED = (401, {"message": "Not authorized"})
SLOW = "Zadarma asks to slow down. Try again in N seconds. Other programs that use the same key count as well."
WRONG_KEY = (
    "Zadarma does not accept the key or the secret. In your Zadarma account open Settings, Integrations and API. Copy"
    " key and secret again, without blanks, and press Connect. A secret that was created anew makes the old one"
    " worthless at once."
)
CLIENT = "odoo.addons.zadarma.zadarma_api.client"


@tagged("post_install", "-at_install")
class TestConnect(ZadarmaAccountCase):
    def connect(self):
        """Press Connect; return the results by step."""
        self.env.invalidate_all()
        self.told = self.company.action_zadarma_connect()["params"]
        self.env.invalidate_all()
        return {check.code: check for check in self.company.zadarma_check_ids}

    def states(self):
        return {code: check.state for code, check in self.connect().items()}

    def test_an_account_is_connected_by_one_press(self):
        self.company.partner_id.tz = "Europe/Kyiv"
        checks = self.connect()
        self.assertEqual(set(checks) - {"balance", "clock"}, set(res_company_connection.SETUP_CODES))
        self.assertEqual(checks["account"].message, "Zadarma accepts key and secret. Balance: 10.34 USD.")
        self.assertEqual(self.company.zadarma_tz, "Europe/Kyiv")
        self.assertEqual(self.posted("/v1/pbx/callinfo/url/"), {"url": self.company.zadarma_webhook_url})
        self.assertEqual(set(self.posted("/v1/pbx/callinfo/notifications/").values()), {"true"})
        self.assertEqual(len(self.posted("/v1/pbx/callinfo/notifications/")), 6)
        self.assertEqual(self.posted("/v1/pbx/webhooks/hooks/"), {"speech_recognition": "true"})
        extensions = self.env["zadarma.extension"].search([("company_id", "=", self.company.id)])
        self.assertEqual(extensions.mapped("number"), ["101", "102", "104"])
        self.assertEqual(extensions.mapped("name"), ["Ada", "Charles", "Supervisor"])
        self.assertEqual(extensions.mapped("is_recorded"), [True, True, False])
        numbers = self.env["zadarma.number"].search([("company_id", "=", self.company.id), ("is_listed", "=", True)])
        self.assertEqual(numbers.mapped("number"), ["+442037691880"])
        self.assertEqual(self.told["type"], "warning", "a person has to confirm a user")
        self.assertIn("Users", self.told["message"])

    def test_users_are_proposed_and_confirmed_by_a_person(self):
        checks = self.connect()
        extension = self.extension("104")
        self.assertFalse(extension.user_id)
        self.assertEqual(extension.proposed_user_id, self.supervisor)
        self.assertIn("104 Supervisor", checks["users"].message)
        extension.action_accept_proposal()
        self.assertEqual(extension.user_id, self.supervisor)
        self.assertFalse(extension.proposed_user_id)
        self.assertEqual(self.connect()["users"].state, "ok")
        self.assertEqual(self.told["type"], "success")

    def test_second_connect_changes_nothing_that_people_set(self):
        self.connect()
        fax, first = self.extension("104"), self.extension("101")
        fax.active = False
        self.company.zadarma_tz = "Asia/Tokyo"
        self.company.zadarma_default_user_id = self.agent
        number = self.number("+442037691880")
        number.name = "Hotline"
        checks = self.connect()
        self.assertFalse(fax.active)
        self.assertEqual(first.user_id, self.agent)
        self.assertEqual(self.company.zadarma_tz, "Asia/Tokyo")
        self.assertIn("Choose Etc/GMT-2", checks["zone"].advice)
        self.assertEqual(number.name, "Hotline")
        self.assertTrue(self.own_number.active, "it was added by hand")

    def number(self, e164):
        """Return a number of the company, also an archived one."""
        numbers = self.env["zadarma.number"].with_context(active_test=False)
        return numbers.search([("company_id", "=", self.company.id), ("number", "=", e164)])

    def test_archived_number_stays_so_and_is_still_no_customer(self):
        self.connect()
        number = self.number("+442037691880")
        number.active = False
        self.connect()
        self.assertFalse(number.active, "Connect brings back what it took away itself, and nothing else")
        self.assertIn(number.number, self.company._zadarma_own_numbers())

    def test_number_that_the_account_gave_up_may_be_anybodys(self):
        self.connect()
        number = self.number("+442037691880")
        self.answers["/v1/direct_numbers/"] = {"info": [{"number": "442037691881"}]}
        self.connect()
        self.assertEqual((number.active, number.is_gone), (False, True))
        self.assertNotIn(number.number, self.company._zadarma_own_numbers())
        self.answers["/v1/direct_numbers/"] = {"info": [{"number": "442037691880"}, {"number": "442037691881"}]}
        self.connect()
        self.assertEqual((number.active, number.is_gone), (True, False))

    def test_number_that_people_bring_back_is_their_own_again(self):
        self.connect()
        number = self.number("+442037691880")
        self.answers["/v1/direct_numbers/"] = {"info": [{"number": "442037691881"}]}
        self.connect()
        number.active = True
        self.connect()
        self.assertTrue(number.active)
        self.assertIn(number.number, self.company._zadarma_own_numbers())

    def test_extension_that_comes_back_keeps_its_user(self):
        self.connect()
        self.answers["/v1/pbx/internal/"] = {"numbers": ["101"]}
        self.connect()
        self.assertEqual(self.env["zadarma.extension"].search([]).mapped("number"), ["101"])
        self.answers["/v1/pbx/internal/"] = {"numbers": [101, 102]}
        self.connect()
        self.assertEqual(self.extension("102").user_id, self.colleague)

    def test_zone_without_a_name_is_an_offset(self):
        self.answers["/v1/info/timezone/"] = {"unixtime": 1740823200, "datetime": "2025-03-01 15:00:00"}
        self.connect()
        self.assertEqual(self.company.zadarma_tz, "Etc/GMT-5")
        self.answers["/v1/info/timezone/"] = {"unixtime": 1740823200, "datetime": "2025-03-01 16:00:00"}
        self.connect()
        self.assertEqual(self.company.zadarma_tz, "Etc/GMT-6", "summer time at the account; nobody chose an offset")

    def test_odd_answers_break_nothing(self):
        self.connect()
        self.answers |= {
            "/v1/info/balance/": {"balance": "x", "currency": None},
            "/v1/info/timezone/": {"unixtime": "x", "datetime": None},
            "/v1/pbx/internal/": {"numbers": None},
            "/v1/direct_numbers/": {"info": ["x", {}]},
            "/v1/pbx/callinfo/": {"url": None},
            "/v1/pbx/callinfo/notifications/": {"notifications": "x"},
        }
        states = self.states()
        self.assertEqual((states["zone"], states["extensions"]), ("warning", "warning"))
        self.assertTrue(self.extension("101").active, "what was not understood takes nothing away")

    def test_wrong_key_says_what_to_do_and_stops_there(self):
        self.answers["/v1/info/balance/"] = UNAUTHORIZED
        checks = self.connect()
        self.assertEqual(checks["account"].message, "Zadarma does not accept the key or the secret.")
        self.assertIn("Copy key and secret again", checks["account"].advice)
        self.assertEqual({check.state for code, check in checks.items() if code != "account"}, {"waiting"})
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(self.told["type"], "danger")

    def test_step_that_fails_stops_no_other(self):
        self.answers["/v1/direct_numbers/"] = (500, {"message": "Oops"})
        with mute_logger(CLIENT):
            states = self.states()
        self.assertEqual(states["numbers"], "failed")
        self.assertEqual((states["extensions"], states["address"], states["notifications"]), ("ok", "ok", "ok"))

    def test_what_zadarma_refuses_is_told_to_be_entered_by_hand(self):
        self.answers["POST /v1/pbx/callinfo/url/"] = REFUSED
        self.answers["POST /v1/pbx/callinfo/notifications/"] = REFUSED
        checks = self.connect()
        for code in ("address", "notifications"):
            self.assertEqual(checks[code].state, "failed")
            self.assertIn("Wrong URL", checks[code].message)
            self.assertIn(self.company.zadarma_webhook_url, checks[code].advice)
            self.assertIn("NOTIFY_OUT_START", checks[code].advice)
        self.assertFalse(self.company.zadarma_connected_at)

    def test_server_that_zadarma_cannot_reach_is_told_so_before_it_is_tried(self):
        for url, code in (("http://localhost:8069", "local"), ("https://192.168.1.4", "private")):
            self.env["ir.config_parameter"].set_param("web.base.url", url)
            checks = self.connect()
            self.assertEqual(checks["address"].reason, f"address_{code}")
            self.assertIn("cannot reach this server", checks["address"].message)
        self.assertFalse(self.posted("/v1/pbx/callinfo/url/"))
        self.env["ir.config_parameter"].set_param("web.base.url", "http://crm.example.com")
        self.assertIn("unencrypted", self.connect()["address"].message)

    def test_address_of_another_program_is_named_when_it_is_replaced(self):
        self.answers["/v1/pbx/callinfo/"] = {"url": "https://user:pass@old.example.com/hook?token=secret"}
        message = self.connect()["address"].message
        self.assertIn("https://old.example.com/…", message)
        self.assertNotIn("secret", message)

    def test_other_events_of_another_program_are_left_alone(self):
        self.answers["/v1/pbx/webhooks/"] = {"url": "https://sms.example.com/hook"}
        self.assertIn("left alone", self.connect()["events"].message)
        self.assertFalse(self.posted("/v1/pbx/webhooks/url/"))

    def test_notification_of_ones_own_shows_that_they_get_in(self):
        checks = self.connect()
        self.assertEqual(
            checks["test"].message, "A test notification came in through crm.example.com, was accepted and stored."
        )
        for answer, reason, state, advice in (
            ((403, "Forbidden"), "test_refused", "failed", "Another database"),
            ((404, "<html>"), "test_wrong", "failed", "dbfilter"),
            ((200, "<html>"), "test_wrong", "failed", "web.base.url"),
            ((303, ""), "test_wrong", "failed", "dbfilter"),
            (requests.ConnectTimeout(), "test_unreachable", "warning", "comes from outside"),
        ):
            self.answers["here"] = answer
            test = self.connect()["test"]
            self.assertEqual((test.reason, test.state), (reason, state))
            self.assertIn(advice, test.advice)

    def test_notification_of_ones_own_is_not_sent_where_it_would_be_refused(self):
        self.answers["here"] = (500, "nobody asks")
        self.company.zadarma_restrict_addresses = True
        self.assertEqual(self.connect()["test"].reason, "test_restricted")
        self.company.zadarma_restrict_addresses = False
        self.answers["POST /v1/pbx/callinfo/url/"] = REFUSED
        self.assertEqual(self.connect()["test"].reason, "test_untried")

    def test_switched_off_notification_is_noticed(self):
        self.answers["POST /v1/pbx/callinfo/notifications/"] = {"notifications": {"notify_start": "false"}}
        self.assertIn("NOTIFY_START", self.connect()["notifications"].message)

    def test_large_pbx_is_read_within_the_limit_of_requests(self):
        self.answers["/v1/pbx/internal/"] = {"numbers": list(range(100, 300))}
        self.answers |= {f"/v1/pbx/internal/{number}/info/": {"name": ""} for number in range(100, 300)}
        checks = self.connect()
        self.assertEqual(checks["extensions"].message, "Extensions of the PBX: 200.")
        self.assertLess(len(self.asked), LIMIT / 2)
        self.assertEqual(checks["notifications"].state, "ok")

    def test_limit_that_is_reached_is_explained(self):
        self.answers["/v1/info/balance/"] = {"status": "error", "message": "You exceeded the rate limit by User Limits"}
        account = self.connect()["account"]
        self.assertRegex(account.advice, r"Try again in \d+ seconds")
        self.connect()
        self.assertEqual(len(self.asked), 1, "nothing is sent before that")

    def test_errors_are_translated_for_people(self):
        limited = {"status": "error", "message": "You exceeded the rate limit by User Limits"}
        for answer, sentences in (
            (
                (400, {"message": "Check your phone number"}),
                "Zadarma refused the request: Check your phone number. Check the number, and the extension as well:"
                " Zadarma says the same of both.",
            ),
            (
                (400, {"message": "Check phone's number"}),
                "Zadarma refused the request: Check phone's number. Check the number, and the extension as well:"
                " Zadarma says the same of both.",
            ),
            (
                (400, {"message": "Not enough money"}),
                "Zadarma refused the request: Not enough money. Top up the balance in your Zadarma account.",
            ),
            ((400, {"message": "Wrong"}), "Zadarma refused the request: Wrong"),
            (
                (404, {"message": "Wrong method name"}),
                "Zadarma does not know what it was asked for: Wrong method name. It may have changed its interface."
                " Look for a newer version of this app.",
            ),
            (UNAUTHORIZED, WRONG_KEY),
            ((200, {"status": "error", "message": "Auth error"}), WRONG_KEY),
            (
                (502, {"message": "Bad gateway"}),
                "Zadarma answered with something that is no answer (HTTP status 502). Its service may be disturbed. Try"
                " again in some minutes.",
            ),
            (
                requests.ConnectionError("api.zadarma.com"),
                "Zadarma could not be reached. Check that this server may open https://api.zadarma.com, then try"
                " again.",
            ),
            (
                (429, {"message": "You exceeded the rate limit"}),
                SLOW,
            ),
            (
                limited,
                SLOW,
            ),
        ):
            with self.subTest(answer), mute_logger(CLIENT), patch.object(client.time, "sleep"):
                self.answers["/v1/info/balance/"] = answer
                with self.assertRaises(UserError) as raised:
                    self.company.action_zadarma_read_balance()
                self.assertEqual(re.sub(r"\d+ seconds", "N seconds", str(raised.exception)), sentences)
            self.pass_time(10)

    def test_balance_can_be_read_at_any_time(self):
        self.answers["/v1/info/balance/"] = {"balance": "3.5", "currency": "EUR"}
        self.assertIn("3.50 EUR", self.company.action_zadarma_read_balance()["params"]["message"])
        self.assertEqual(self.check("balance").state, "failed")
        self.company.zadarma_balance_limit = 0
        self.company.action_zadarma_read_balance()
        self.assertEqual(self.check("balance").state, "ok")

    def test_money_is_written_as_its_reader_writes_it(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.answers["/v1/info/balance/"] = {"balance": "1234.5", "currency": "EUR"}
        self.company.action_zadarma_read_balance()
        for lang, written in (("en_US", "1,234.50 EUR"), ("de_DE", "1.234,50 EUR")):
            for code in ("account", "balance"):
                self.assertIn(written, self.check(code).with_context(lang=lang).message)

    def test_connect_needs_key_and_secret(self):
        self.company.zadarma_secret = False
        with self.assertRaisesRegex(UserError, "not set up"):
            self.company.action_zadarma_connect()

    def test_api_is_spoken_to_over_https_only(self):
        self.env["ir.config_parameter"].set_param("zadarma.api_url", "http://zadarma.example")
        with self.assertRaisesRegex(UserError, "no HTTPS address"):
            self.company.action_zadarma_connect()

        self.company.action_zadarma_disconnect()
        self.assertFalse(self.company.zadarma_secret, "an account can be forgotten all the same")

    def test_copy_of_a_database_takes_no_calls_from_the_original(self):
        self.env["ir.config_parameter"].set_param("database.is_neutralized", True)
        self.answers["/v1/pbx/callinfo/"] = {"url": "https://crm.example.com/zadarma/x"}
        checks = self.connect()
        self.assertIn("is a copy", checks["address"].advice)
        self.assertFalse(self.posted("/v1/pbx/callinfo/url/"))
        self.answers["/v1/pbx/callinfo/"] = {"url": ""}
        self.assertEqual(self.connect()["address"].state, "ok", "an account for tests")

    def test_account_is_the_administrators(self):
        company = self.company.with_user(self.supervisor)
        for action in (
            company.action_zadarma_connect,
            company.action_zadarma_disconnect,
            company.action_zadarma_read_balance,
            company.action_zadarma_renew_address,
            company.action_zadarma_test_address,
            self.extensions[0].with_user(self.supervisor).action_switch_recording,
            self.extensions[0].with_user(self.supervisor).action_accept_proposal,
        ):
            with self.assertRaises(AccessError):
                action()

    def test_forgotten_account_leaves_nothing_behind(self):
        self.connect()
        self.answers["/v1/pbx/callinfo/"] = {"url": self.company.zadarma_webhook_url}
        self.company.action_zadarma_disconnect()
        self.assertIn(("DELETE", "/v1/pbx/callinfo/url/"), [request[:2] for request in self.asked])
        self.assertFalse(self.company.zadarma_secret or self.company.zadarma_check_ids)
        self.company.zadarma_key = "another"
        self.assertEqual(self.env["zadarma.throttle"]._read_state(self.company).use(START.timestamp()).sent, 0)

    def test_account_of_another_program_is_not_taken_from_it(self):
        self.answers["/v1/pbx/callinfo/"] = {"url": "https://other.example.com/"}
        self.company.action_zadarma_disconnect()
        self.assertNotIn("DELETE", [request[0] for request in self.asked])

    def test_another_key_begins_anew(self):
        self.connect()
        self.company.zadarma_key = self.company.zadarma_key
        self.assertTrue(self.company.zadarma_check_ids)
        self.company.zadarma_key = "another"
        self.assertFalse(self.company.zadarma_check_ids or self.company.zadarma_connected_at)

    def test_recording_is_switched_at_zadarma(self):
        self.connect()
        extension = self.extension("104")
        extension.action_switch_recording()
        self.assertTrue(extension.is_recorded)
        self.assertEqual(self.posted("/v1/pbx/internal/recording/"), {"id": "104", "status": "on_store"})
        extension.action_switch_recording()
        self.assertEqual(self.posted("/v1/pbx/internal/recording/")["status"], "off_store")

    def test_extension_has_one_user_and_says_so(self):
        with self.assertRaisesRegex(UserError, "101 belongs to Agent already"):
            self.colleague.zadarma_extension_ids = [fields.Command.link(self.extensions[0].id)]
        with self.assertRaisesRegex(UserError, "101 belongs to Agent already"):
            self.colleague.zadarma_extension_ids = [fields.Command.set(self.extensions.ids)]
        self.agent.zadarma_extension_ids = [fields.Command.link(self.extensions[2].id)]
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.env["res.users"].create(
            {"name": "Stranger", "login": "stranger", "company_id": other.id, "company_ids": [other.id]}
        )
        with self.assertRaisesRegex(UserError, "Stranger does not work in"):
            self.extensions[2].user_id = stranger


@tagged("post_install", "-at_install")
class TestWatch(ZadarmaAccountCase):
    def setUp(self):
        super().setUp()
        self.company.action_zadarma_connect()
        self.answers["/v1/pbx/callinfo/"] = {
            "url": self.company.zadarma_webhook_url,
            "notifications": dict.fromkeys(res_company_connection.NOTIFICATIONS, "true"),
        }
        self.asked.clear()

    def watch(self, minutes=3):
        """Let time pass and the cron come by."""
        self.pass_time(minutes)
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["res.company"]._cron_zadarma_watch()
        self.env.invalidate_all()

    def test_account_that_is_well_stays_green(self):
        self.extension("104").user_id = self.supervisor
        self.watch()
        self.assertEqual(set(self.company.zadarma_check_ids.mapped("state")), {"ok"})

    def test_address_of_the_api_that_is_wrong_is_told_and_breaks_no_cron(self):
        self.env["ir.config_parameter"].set_param("zadarma.api_url", "http://zadarma.example")
        self.company.zadarma_route_calls = True
        with self.assertLogs("odoo.addons.zadarma.models.res_company_connection", "WARNING") as log:
            self.watch()
        self.assertIn("zadarma.api_url", log.output[0])
        self.assertIn("zadarma.api_url", self.check("account").message)
        self.env["zadarma.extension"]._check_registration(self.company)
        self.pass_time(31)
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["zadarma.import"]._cron_compare()
        self.assertFalse(self.asked)
        self.env["ir.config_parameter"].set_param("zadarma.api_url", False)
        self.watch()
        self.assertEqual(self.check("account").state, "ok")

    def test_new_extension_is_found_without_connect(self):
        self.answers["/v1/pbx/internal/"] = {"numbers": [101, 102, 104, 105]}
        self.answers["/v1/pbx/internal/105/info/"] = {"name": "New"}
        self.watch()
        self.assertEqual(self.extension("105").name, "New")
        self.answers["/v1/pbx/internal/"] = {"numbers": []}
        self.watch()
        self.assertTrue(self.extension("105").active, "no PBX loses all its extensions at once")

    def test_faults_are_noticed_at_the_next_look(self):
        on = self.answers["/v1/pbx/callinfo/"]
        off = {"url": on["url"], "notifications": {**on["notifications"], "notify_answer": "false"}}
        for code, path, fault, text in (
            ("notifications", "/v1/pbx/callinfo/", off, "NOTIFY_ANSWER"),
            ("address", "/v1/pbx/callinfo/", {**on, "url": "https://other.example.com/"}, "another address"),
            ("address", "/v1/pbx/callinfo/", {**on, "url": ""}, "nowhere"),
            ("balance", "/v1/info/balance/", {"balance": 1, "currency": "USD"}, "1.00 USD are left"),
            ("clock", "/v1/info/timezone/", {"unixtime": 1, "datetime": "1970-01-01 00:00:01"}, "differs"),
            ("account", "/v1/info/balance/", (500, {"message": "x"}), "no answer"),
        ):
            with self.subTest(code), mute_logger(CLIENT):
                right, self.answers[path] = self.answers[path], fault
                self.watch()
                self.assertEqual(self.check(code).state, "failed")
                self.assertIn(text, self.check(code).message)
                self.answers[path] = right
                self.watch()
                self.assertEqual(self.check(code).state, "ok")

    def test_server_that_cannot_call_itself_is_content_once_zadarma_calls(self):
        self.answers["here"] = requests.ConnectTimeout()
        self.company.action_zadarma_connect()
        self.deliver({"event": TEST_EVENT, "call_start": "x"})
        self.watch()
        self.assertEqual(self.check("test").state, "warning")
        self.deliver(inbound("START"))
        self.watch()
        self.assertEqual((self.check("test").state, self.check("test").reason), ("ok", "test_overtaken"))

    def test_calls_without_notifications_are_noticed(self):
        rows = [{"pbx_call_id": f"in_{number % 2:040x}", "callstart": "x"} for number in range(4)]
        self.answers["/v1/statistics/pbx/"] = {"stats": rows}
        self.watch(minutes=20)
        self.assertIn("no notification came: 2.", self.check("silence").message)
        [asked] = [params for _verb, path, params in self.asked if path == "/v1/statistics/pbx/"]
        self.assertEqual(asked["start"], "2025-03-01 12:00:00", "in the account's zone, from when it was connected")
        self.deliver(*(inbound("START", call_id=row["pbx_call_id"]) for row in rows))
        self.watch(minutes=20)
        self.assertEqual(self.check("silence").state, "ok")

    def test_statistics_are_not_asked_while_notifications_come(self):
        self.deliver(inbound("START"))
        self.watch()
        self.assertNotIn("/v1/statistics/pbx/", [request[1] for request in self.asked])

    def test_revoked_key_is_one_alert_and_no_loop(self):
        self.answers["/v1/info/balance/"] = UNAUTHORIZED
        for _look in range(40):
            self.watch()
        self.assertLessEqual(len(self.asked), 5)
        self.assertEqual(self.check("account").reason, "key")
        activity = self.company.zadarma_alert_id
        self.assertTrue(activity.user_id.has_group("base.group_system"))
        self.assertIn("does not accept the key", activity.note)
        self.assertTrue(self.env.ref("zadarma.ir_cron_watch").active)
        alerts = self.env["mail.activity"].with_context(active_test=False)
        self.assertEqual(alerts.search_count([("summary", "=", activity.summary)]), 1)
        activity.action_done()
        self.watch()
        self.assertEqual(alerts.search_count([("summary", "=", activity.summary)]), 1, "it was told already")
        self.answers["/v1/info/balance/"] = {"balance": 10, "currency": "USD"}
        self.watch(minutes=31)
        self.assertFalse(self.company.zadarma_alert_id, "a new trouble will be a new alert")

    def test_extension_without_user_is_red_but_alerts_nobody(self):
        for _look in range(8):
            self.watch()
        self.assertEqual(self.check("users").state, "failed")
        self.assertFalse(self.company.zadarma_alert_id)
        self.answers["/v1/info/balance/"] = {"balance": 1, "currency": "USD"}
        for _look in range(8):
            self.watch()
        self.assertIn("1.00 USD", self.company.zadarma_alert_id.note)
        self.assertNotIn("104", self.company.zadarma_alert_id.note)

    def test_short_trouble_alerts_nobody(self):
        right = self.answers["/v1/info/balance/"]
        self.answers["/v1/info/balance/"] = (502, {"message": "x"})
        with mute_logger(CLIENT):
            self.watch()
            self.watch()
        self.answers["/v1/info/balance/"] = right
        self.watch()
        self.assertFalse(self.company.zadarma_alert_id)

    def test_accounts_do_not_mix(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_key": "k", "zadarma_secret": "s"})
        self.answers["/v1/info/balance/"] = {"balance": 1, "currency": "EUR"}
        self.watch()
        self.assertEqual(other.zadarma_balance, 1)
        self.assertFalse(other.zadarma_connected_at)
        self.assertEqual([path for _verb, path, _params in self.asked].count("/v1/info/balance/"), 2)

    def test_copy_of_a_database_asks_nothing(self):
        self.company.write({"zadarma_key": False, "zadarma_secret": False})
        self.asked.clear()
        self.watch()
        self.assertFalse(self.asked)

    def test_watch_leaves_people_their_reserve(self):
        self.pass_time(2)
        gate = self.env["zadarma.throttle"]._get_gate(self.company, True)
        for _request in range(LIMIT - 20):
            gate.enter("/v1/info/balance/")
        self.watch(minutes=0)
        self.assertFalse(self.asked)
        self.assertEqual(fields.Datetime.now() - self.check("account").checked_at, timedelta(0))


@tagged("post_install", "-at_install")
class TestConnectOverHttp(ZadarmaApiMixin, ZadarmaMixin, HttpCase):
    """Zadarma checks the address while the request that gave it goes on."""

    def setUp(self):
        super().setUp()
        self.answers.update(API_ANSWERS)
        self.answers["/v1/info/timezone/"] = {"unixtime": 1740823200, "datetime": "2025-03-01 12:00:00"}
        self.env["ir.config_parameter"].set_param("web.base.url", "https://crm.example.com")
        self.authenticate("admin", "admin")

    def press(self, action, workers):
        """Press a button of the settings where Odoo runs with so many workers; return what is told."""
        self.patch(config, "options", config.options.new_child({"workers": workers}))
        params = {"model": "res.company", "method": action, "args": [self.company.ids], "kwargs": {}}
        told = self.make_jsonrpc_request(f"/web/dataset/call_kw/res.company/{action}", params)["params"]["message"]
        self.env.invalidate_all()
        return told

    def posted(self):
        """Return whether the address was given to Zadarma."""
        return ("POST", "/v1/pbx/callinfo/url/") in [request[:2] for request in self.asked]

    def check(self, code):
        """Return what was found."""
        return self.env["zadarma.check"]._find(self.company, code)

    def test_server_with_one_worker_leaves_the_check_of_its_address_to_the_cron(self):
        self.press("action_zadarma_connect", workers=1)
        self.assertEqual([self.check(code).state for code in ("address", "events", "test")], ["waiting"] * 3)
        self.assertEqual(self.check("notifications").state, "ok")
        self.assertIn("two workers", self.check("address").advice)
        self.assertFalse(self.posted())
        self.answers["/v1/pbx/callinfo/"] = {"url": self.company.zadarma_webhook_url}
        self.company._zadarma_watch()
        self.assertTrue(self.posted())
        self.assertEqual([self.check(code).state for code in ("address", "events", "test")], ["ok"] * 3)

    def test_server_with_one_worker_renews_no_address_of_another_program(self):
        self.press("action_zadarma_connect", workers=2)
        self.asked.clear()
        self.answers["/v1/pbx/callinfo/"] = {"url": "https://other.example.com/zadarma/secret"}
        self.press("action_zadarma_renew_address", workers=1)
        self.assertEqual(self.check("address").reason, "later")
        self.company._zadarma_watch()
        self.assertFalse(self.posted())
        self.assertEqual(self.check("address").reason, "address_other")

    def test_server_with_one_worker_does_not_call_itself(self):
        told = self.press("action_zadarma_test_address", workers=1)
        self.assertIn("cannot call itself", told)
        self.assertIn(f"{self.company.zadarma_webhook_url}?zd_echo=1234567", told)

    def test_server_with_threads_or_several_workers_is_connected_at_once(self):
        for workers in (0, 2):
            self.asked.clear()
            self.press("action_zadarma_connect", workers)
            self.assertTrue(self.posted())
            self.assertEqual(self.check("address").state, "ok")
