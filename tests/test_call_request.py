import io
import itertools
import json
from contextlib import suppress
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import CALLER, OUT_CALL_ID, START, ZadarmaCase, outbound, record
from .statistics_common import StatisticsCase, dialled

CALLBACK = "/v1/request/callback/"
OWN, THEIRS = {"calltype": "callback_leg1"}, {"calltype": "callback_leg2"}
ACCEPTED = {"status": "success", "from": 101, "to": 4917012345678, "time": 1740823200}


class RequestCase(ZadarmaCase):
    """A user clicks on a number; Zadarma answers what the test says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asked, cls.answers = [], {}
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": "0170 12345678"})

    def setUp(self):
        super().setUp()
        self.asked.clear()
        self.answers.clear()
        self.answers[CALLBACK] = (200, ACCEPTED)

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to answer for Zadarma."""
        url = urlsplit(request.url)
        if url.hostname != "api.zadarma.com":
            return super()._request_handler(session, request, **kwargs)
        cls.asked.append((url.path, dict(parse_qsl(url.query))))
        answer = cls.answers[url.path]
        if callable(answer):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        response = requests.Response()
        response.status_code = answer[0]
        body = b"" if answer[1] is None else json.dumps(answer[1]).encode()
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        return response

    def call(self, number=CALLER, record=None, user=None, **options):
        """Click on a number and return what the web client gets."""
        self.env.flush_all()
        calls = self.env["zadarma.call"].with_user(user or self.agent)
        if record:
            options |= {"res_model": record._name, "res_id": record.id}
        answer = calls.action_call(number, **options)
        self.env.invalidate_all()
        return answer


@tagged("post_install", "-at_install")
class TestCallRequest(RequestCase):
    def test_click_becomes_one_call_and_one_request(self):
        answer = self.call("0170 12345678", record=self.partner)
        self.assertEqual(self.asked, [(CALLBACK, {"from": "101", "sip": "101", "to": CALLER})])
        self.assertEqual((answer["state"], answer["direction"]), ("ringing", "outbound"))
        call = self.env["zadarma.call"].browse(answer["id"])
        self.assertEqual((call.state, call.request_state, call.number), ("ringing", "accepted", CALLER))
        self.assertEqual((call.user_id, call.request_user_id, call.partner_id), (self.agent, self.agent, self.partner))
        self.assertEqual((call.request_model, call.request_res_id), ("res.partner", self.partner.id))
        self.assertEqual(call.leg_ids.mapped("extension"), ["101"])
        self.assertFalse(call.pbx_call_id)

    def test_second_click_is_the_same_call(self):
        first = self.call()
        self.clock.tick(3)
        self.assertEqual(self.call()["id"], first["id"])
        self.assertEqual(len(self.asked), 1)

    def test_click_waits_for_another_of_the_same_user(self):
        calls, held = type(self.env["zadarma.call"]), []
        get_domain = calls._get_same_request_domain

        def look(model, values):
            held.append(self._held_locks())
            return get_domain(model, values)

        with patch.object(calls, "_get_same_request_domain", look):
            self.call()
            self.call()
            self.call(user=self.colleague)
        self.assertEqual([len(locks) for locks in held], [1, 1, 1])
        self.assertEqual(held[0], held[1])
        self.assertNotEqual(held[0], held[2])
        self.assertFalse(self._held_locks())


def refused(message, status=400):
    return status, {"status": "error", "message": message}


@tagged("post_install", "-at_install")
class TestRefusals(RequestCase):
    """Where no call is made, the user reads why."""

    def check(self, code, *words, number=CALLER, can_confirm=False, asked=(), **options):
        answer = self.call(number, **options)
        self.assertEqual((answer.get("refused"), answer.get("can_confirm")), (code, can_confirm))
        for word in words:
            self.assertIn(word, answer["message"])
        self.assertEqual([path for path, _params in self.asked], list(asked))
        self.asked.clear()
        return self.env["zadarma.call"].search([("requested_at", "!=", False)], order="id desc", limit=1)

    def test_what_cannot_be_called(self):
        self.check("no_extension", "administrator", user=self.supervisor)
        for number in ("101", "112", "12345"):
            self.check("internal", number, number=number)
        for number in ("", "anonymous", "+49", "12345678901234567890", "+4917012345678/99999", None):
            self.check("not_callable", number=number)
        self.check("own_number", "+49 30 12345678", number="030 12345678")
        self.assertFalse(self.env["zadarma.call"].search([("requested_at", "!=", False)]))

    def test_account_that_is_not_set_up(self):
        self.company.zadarma_secret = False
        self.check("not_set_up", "Settings")

    def test_people_who_should_not_be_called_are_asked_about(self):
        self.partner.zadarma_do_not_call = True
        self.check("do_not_call", "+49 170 12345678", can_confirm=True)
        self.check("do_not_call", number="+442037691880", record=self.partner, can_confirm=True)
        self.assertNotIn("refused", self.call(record=self.partner, confirmed=True))

    def test_wish_of_a_lead_holds(self):
        lead = self.env["crm.lead"].create({"name": "Engine", "phone": "+442037691880", "user_id": self.agent.id})
        lead.zadarma_do_not_call = True
        self.check("do_not_call", number="+442037691880", can_confirm=True)

    def test_blocked_number_is_asked_about(self):
        self.env["zadarma.blocked.number"].create({"number": CALLER, "company_id": self.company.id})
        self.check("blocked", "+49 170 12345678", can_confirm=True)
        self.assertNotIn("refused", self.call(confirmed=True))

    def test_wrong_number_by_zadarma_may_be_the_phone(self):
        status = "/v1/pbx/internal/101/status/"
        self.answers[CALLBACK] = refused("Check your phone number")
        for code, answer in (
            ("offline", (200, {"status": "success", "is_online": "false"})),
            ("refused", (200, {"status": "success", "is_online": "true"})),
            ("refused", (500, {"status": "error"})),
            ("wrong_extension", refused("Extension not found", 404)),
        ):
            with self.subTest(code):
                self.answers[status] = answer
                call = self.check(code, asked=(CALLBACK, status))
                self.assertEqual((call.state, call.result, call.request_state), ("ended", "not_connected", "refused"))
                self.assertTrue(call.request_error)
                self.clock.tick(60)

    def test_refusals_of_the_account(self):
        for code, answer in (
            ("account", refused("Not authorized", 401)),
            ("no_money", refused("Not enough money on the balance")),
            ("rate_limit", refused("You exceeded the rate limit", 429)),
        ):
            with self.subTest(code), mute_logger("odoo.addons.zadarma.zadarma_api.client"):
                self.answers[CALLBACK] = answer
                self.check(code, asked=(CALLBACK,))
                self.env["zadarma.call"].search([]).unlink()

    def test_no_answer_is_never_tried_again_and_what_is_heard_of_it_counts(self):
        for answer in (requests.ConnectTimeout(), requests.ReadTimeout(), refused("Oops", 502), (200, None)):
            with self.subTest(answer), mute_logger("odoo.addons.zadarma.zadarma_api.client"):
                self.clock.move_to(START)
                self.answers[CALLBACK] = answer
                call = self.check("unanswered", "again", asked=(CALLBACK,))
                self.assertEqual((call.state, call.request_state), ("ringing", "unanswered"))
                self.assertFalse(call.request_stage, "nobody knows whether a phone rings")
                self.deliver(outbound("OUT_START", start="2025-03-01 10:00:00"))
                self.assertEqual((call.pbx_call_id, call.request_state), (OUT_CALL_ID, "accepted"))
                call.unlink()
                self.env["zadarma.event"].search([]).unlink()

    def test_interrupted_request_says_so(self):
        self.answers[CALLBACK] = KeyboardInterrupt()
        # Not assertRaises, which would undo what was committed.
        with suppress(KeyboardInterrupt):
            self.call()
        self.env.invalidate_all()
        call = self.env["zadarma.call"].search([("requested_at", "!=", False)])
        self.assertEqual((call.state, call.request_state), ("ringing", "asking"))
        self.clock.tick(121)
        self._sweep()
        self.assertEqual((call.state, call.result), ("ended", "not_connected"))
        self.assertIn("interrupted", call.request_error)

    def test_call_that_is_under_way_is_asked_about(self):
        self.call()
        self.clock.tick(11)
        self.asked.clear()
        self.check("calling", "already", can_confirm=True)
        self.assertNotIn("refused", self.call(confirmed=True))

    def test_strangers_call_nobody(self):
        portal = new_test_user(self.env, "zadarma_request_portal", groups="base.group_portal")
        with self.assertRaises(AccessError):
            self.call(user=portal)
        lead = self.env["crm.lead"].create({"name": "Secret", "type": "opportunity", "user_id": self.colleague.id})
        other = self.env["res.company"].create({"name": "Other"})
        # Of a team nothing is read, not even the country.
        team = self.env["crm.team"].create({"name": "Elsewhere", "company_id": other.id})
        for hidden in (lead, team):
            with self.subTest(hidden._name), self.assertRaises(AccessError):
                self.call(record=hidden)
        self.assertFalse(self.asked)

    def test_phone_that_does_not_ring_is_looked_up(self):
        status = "/v1/pbx/internal/101/status/"
        self.answers[status] = (200, {"status": "success", "is_online": "false"})
        calls = self.env["zadarma.call"]
        self.assertIn("No phone is connected", calls.with_user(self.agent).action_check_phone())
        self.answers[status] = (200, {"status": "success", "is_online": "true"})
        self.assertIn("is connected", calls.with_user(self.agent).action_check_phone())
        self.assertIn("connected", calls.with_user(self.supervisor).action_check_phone())


def leg(call_id, start, lift=None, answer=None, end=None, disposition="answered", **fields):
    """Return the notifications of one leg, each with the second after the click in which it comes."""
    fields = {"call_id": call_id, "start": f"2025-03-01 10:00:{start:02}", **fields}
    told = [(start, outbound("OUT_START", **fields))]
    if lift is not None:
        told.append((lift, outbound("ANSWER", **{**fields, "callee": "101"})))
    if answer is not None:
        told.append((answer, outbound("ANSWER", **fields)))
    if end is not None:
        seconds = end - (answer or lift or end)
        told.append((end, outbound("OUT_END", disposition=disposition, duration=str(seconds), **fields)))
    return told


# How Zadarma may tell of one callback: own phone picked up after six seconds, the other one four seconds later.
WAYS = {
    "one id, legs marked": leg("out_a", 1, lift=6, end=40, **OWN) + leg("out_a", 6, answer=10, end=40, **THEIRS),
    "one id, not marked": leg("out_a", 1, lift=6, end=40) + leg("out_a", 6, answer=10, end=40),
    "two ids, both to the number": leg("out_a", 1, lift=6, end=40) + leg("out_b", 6, answer=10, end=40),
    "two ids, the first to the phone": leg("out_a", 1, lift=6, end=40, callee="101")
    + leg("out_b", 6, answer=10, end=40),
    "the second leg alone": leg("out_a", 6, answer=10, end=40),
}
BY_HAND = leg("out_h", 3, answer=9, end=20)


@tagged("post_install", "-at_install")
class TestCallPairing(RequestCase):
    """A click and the notifications that follow become one call."""

    def tell(self, told, process=True):
        """Deliver notifications, each at its second after the click."""
        for seconds, form in sorted(told, key=lambda each: each[0]):
            self.clock.move_to(START + timedelta(seconds=seconds))
            self.deliver(form, process=process)

    def process(self, *call_ids):
        """Process what waits, call by call."""
        for call_id in call_ids:
            with self.env.registry.cursor() as cr:
                api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]._process_call(self.company.id, call_id)
        self.env.invalidate_all()

    def _calls(self):
        return self.env["zadarma.call"].search([("company_id", "=", self.company.id)], order="id")

    def _check_talk(self, call):
        self.assertEqual((call.state, call.result, call.duration), ("ended", "answered", 30))
        self.assertEqual((call.number, call.direction, call.user_id), (CALLER, "outbound", self.agent))
        self.assertEqual((call.request_res_id, call.partner_id), (self.partner.id, self.partner))
        self.assertEqual(call.leg_ids.mapped("extension"), ["101"])
        self.assertEqual(
            (call.date_answer, call.date_end), (START + timedelta(seconds=10), START + timedelta(seconds=40))
        )

    def test_every_way_of_telling_becomes_the_call_of_the_click(self):
        for way, told in WAYS.items():
            with self.subTest(way):
                self.clock.move_to(START)
                call = self.env["zadarma.call"].browse(self.call(record=self.partner)["id"])
                self.tell(told)
                self.assertEqual(self._calls(), call)
                self._check_talk(call)
                call.unlink()
                self.env["zadarma.event"].search([]).unlink()

    def test_recording_belongs_to_the_call_of_the_click(self):
        call = self.env["zadarma.call"].browse(self.call()["id"])
        self.tell(WAYS["two ids, both to the number"])
        self.deliver(record("out_b", "1.2"))
        self.assertEqual(self._calls(), call)
        self.assertEqual((call.pbx_call_id, call.recording_ref), ("out_b", "1.2"))

    def test_recording_that_came_first_makes_no_call_of_its_own(self):
        call = self.env["zadarma.call"].browse(self.call()["id"])
        self.deliver(record("out_a", "1.2"))
        self.assertEqual(len(self._calls()), 2)
        self.tell(WAYS["one id, legs marked"])
        self.assertEqual(self._calls(), call)
        self.assertEqual(call.recording_ref, "1.2")

    def test_order_of_processing_does_not_matter(self):
        told = WAYS["two ids, both to the number"] + BY_HAND
        for order in itertools.permutations(("out_a", "out_b", "out_h")):
            with self.subTest(order):
                self.clock.move_to(START)
                call = self.env["zadarma.call"].browse(self.call(record=self.partner)["id"])
                self.tell(told, process=False)
                self.process(*order)
                by_hand = self._calls() - call
                self.assertEqual(by_hand.mapped("pbx_call_id"), ["out_h"])
                self.assertEqual((by_hand.result, by_hand.duration), ("answered", 11))
                self._check_talk(call)
                self.assertFalse(self._find_events(state="new"))
                self._calls().unlink()
                self.env["zadarma.event"].search([]).unlink()

    def test_call_dialled_by_hand_first_is_released_when_the_callback_is_told_of(self):
        call = self.env["zadarma.call"].browse(self.call()["id"])
        self.tell(leg("out_h", 1, answer=3))
        self.assertEqual((call.pbx_call_id, call.state), ("out_h", "talking"), "nothing speaks against it yet")
        self.tell(leg("out_a", 4, **OWN))
        by_hand = self._calls() - call
        self.assertEqual((by_hand.pbx_call_id, by_hand.state, by_hand.requested_at), ("out_h", "talking", False))
        self.assertEqual((call.pbx_call_id, call.state, call.request_stage), ("out_a", "ringing", "own"))

    def test_stage_is_told_to_the_user(self):
        self.call()
        self.tell(WAYS["two ids, the first to the phone"])
        self.assertEqual(
            [(message["state"], message.get("stage", "")) for message in self._sent(self.agent)],
            [("ringing", "own"), ("ringing", "other"), ("talking", ""), ("ended", "")],
        )

    def test_own_phone_is_not_picked_up(self):
        call = self.env["zadarma.call"].browse(self.call()["id"])
        self.tell(leg("out_a", 1, end=31, disposition="no answer", callee="101"))
        self.assertEqual((call.state, call.result, call.request_stage), ("ended", "no_answer", "own"))
        self.assertEqual((call.number, call.direction), (CALLER, "outbound"))
        self.assertEqual(self._calls(), call)

    def test_notifications_come_before_the_answer(self):
        self.answers[CALLBACK] = lambda: self.tell(leg("out_a", 1, lift=2, **OWN)) or (200, ACCEPTED)
        answer = self.call()
        self.assertEqual((answer["state"], answer["stage"]), ("ringing", "other"))
        self.assertEqual(len(self._calls()), 1)

    def test_nothing_comes(self):
        call = self.env["zadarma.call"].browse(self.call()["id"])
        self.clock.tick(119)
        self._sweep()
        self.assertEqual(call.state, "ringing")
        self.clock.tick(2)
        self._sweep()
        self.assertEqual((call.state, call.result, call.leg_ids.state), ("ended", "not_connected", "ended"))
        self.assertEqual(self._sent(self.agent)[-1]["state"], "ended")

    def test_notifications_processed_after_the_call_was_closed_tell_what_became_of_it(self):
        call = self.env["zadarma.call"].browse(self.call(record=self.partner)["id"])
        self.tell(WAYS["one id, legs marked"], process=False)
        self.clock.tick(300)
        call._close_request()
        self.env.flush_all()
        self._sweep()
        self.assertEqual(self._calls(), call)
        self._check_talk(call)

    def test_two_users_call_one_number(self):
        mine = self.env["zadarma.call"].browse(self.call()["id"])
        theirs = self.env["zadarma.call"].browse(self.call(user=self.colleague)["id"])
        self.tell(leg("out_a", 1, extension="102") + leg("out_b", 2))
        self.assertEqual((mine.pbx_call_id, theirs.pbx_call_id), ("out_b", "out_a"))
        self.assertEqual((mine.user_id, theirs.user_id), (self.agent, self.colleague))

    def test_one_user_calls_a_number_twice_in_a_row(self):
        first = self.env["zadarma.call"].browse(self.call()["id"])
        self.tell(leg("out_a", 1, end=12, disposition="no answer", **OWN))
        second = self.env["zadarma.call"].browse(self.call()["id"])
        self.tell(leg("out_b", 14, **OWN))
        self.assertEqual((first.pbx_call_id, second.pbx_call_id), ("out_a", "out_b"))
        self.assertEqual(len(self.asked), 2)

    def test_call_dialled_by_hand_without_a_click_is_its_own(self):
        self.tell(BY_HAND)
        self.assertFalse(self._calls().requested_at)
        self.assertFalse(self.env["zadarma.call.alias"].search([]))


@tagged("post_install", "-at_install")
class TestClickAndStatistics(StatisticsCase, RequestCase):
    """A click of which no notification arrived, and what the statistics tell of it later."""

    def _row(self, **values):
        return {**dialled(seconds=30), "callstart": "2025-03-01 10:00:06", **values}

    def _calls(self):
        return self.env["zadarma.call"].search([("company_id", "=", self.company.id)], order="id")

    def _click(self):
        call = self.env["zadarma.call"].browse(self.call(record=self.partner)["id"])
        self.clock.tick(300)
        self._sweep()
        self.assertEqual((call.state, call.result), ("ended", "not_connected"))
        return call

    def test_call_of_the_click_is_told_by_the_statistics(self):
        call = self._click()
        for _again in range(2):
            self.take(self._row())
            self.assertEqual(self._calls(), call)
            self.assertEqual((call.result, call.duration, call.pbx_call_id), ("answered", 30, OUT_CALL_ID))
            self.assertEqual((call.request_res_id, call.user_id), (self.partner.id, self.agent))

    def test_leg_to_the_own_phone_is_no_call_of_its_own(self):
        call = self._click()
        own_leg = self._row(destination="101", pbx_call_id="out_own", callstart="2025-03-01 10:00:01")
        for _again in range(2):
            self.take(own_leg, self._row())
            self.assertEqual(self._calls(), call)
            self.assertEqual((call.result, call.pbx_call_id), ("answered", OUT_CALL_ID))

    def test_other_calls_are_not_the_click(self):
        call = self._click()
        self.take(
            self._row(destination="4917011111111", pbx_call_id="out_a"),
            self._row(sip="102", pbx_call_id="out_b"),
            self._row(callstart="2025-03-01 10:05:00", pbx_call_id="out_c"),
            self._row(callstart="2025-03-01 09:59:00", pbx_call_id="out_d"),
        )
        self.assertEqual(len(self._calls()), 5)
        self.assertEqual((call.result, call.pbx_call_id), ("not_connected", False))

    def test_notifications_that_come_late_are_of_the_same_call(self):
        call = self._click()
        self.take(self._row())
        self.deliver(
            outbound("OUT_START", start="2025-03-01 10:00:06"),
            outbound("OUT_END", start="2025-03-01 10:00:06", disposition="answered", duration="30"),
        )
        self.assertEqual(self._calls(), call)
        self.assertEqual((call.result, call.duration), ("answered", 30))
