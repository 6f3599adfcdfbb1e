import itertools
from datetime import datetime, timedelta

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALLER, START, ZadarmaCase, answer, end, inbound, outbound

# A Saturday, as START is; the company works from Monday to Friday, 8 to 12 and 13 to 17, in its own zone.
MONDAY = datetime(2025, 3, 3, 8, 0, 0)


@tagged("post_install", "-at_install")
class TestResponsible(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.env["res.partner"].create({"name": "Firm", "is_company": True})
        cls.partner = cls.env["res.partner"].create({"name": "Ada", "phone": CALLER, "parent_id": cls.firm.id})
        cls.default = cls._new_user("default", "sales_team.group_sale_salesman")

    def _responsible(self):
        return self._find_call()._get_responsible_user()

    def test_responsible_is_the_nearest_to_the_caller(self):
        self.deliver(inbound("START"))
        self.assertFalse(self._responsible())
        self.company.zadarma_default_user_id = self.default
        self.assertEqual(self._responsible(), self.default)
        self.own_number.user_id = self.agent
        self.assertEqual(self._responsible(), self.agent)
        self.firm.user_id = self.supervisor
        self.assertEqual(self._responsible(), self.supervisor)
        self.partner.user_id = self.colleague
        self.assertEqual(self._responsible(), self.colleague)
        lead = self.env["crm.lead"].create({"name": "Deal", "partner_id": self.partner.id, "user_id": self.agent.id})
        self._find_call().lead_id = lead
        self.assertEqual(self._responsible(), self.agent)
        self.assertEqual(self._find_call().with_user(self.supervisor)._get_responsible_user(), self.agent)

    def test_who_has_left_or_works_elsewhere_is_not_responsible(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.deliver(inbound("START"))
        self.company.zadarma_default_user_id = self.default
        self.partner.user_id = self.colleague
        self.colleague.active = False
        self.assertEqual(self._responsible(), self.default)
        self.default.write({"company_id": other.id, "company_ids": [(6, 0, other.ids)]})
        self.assertFalse(self._responsible())


class MissedCase(ZadarmaCase):
    """Missed calls of a company in Berlin that works from Monday to Friday."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.resource_calendar_id = cls.env["resource.calendar"].create(
            {"name": "Forty hours", "tz": "Europe/Berlin", "company_id": cls.company.id}
        )
        cls.company.zadarma_default_user_id = cls.agent
        cls.other_caller = "+4915112345678"

    def miss(self, minute=0, *, caller=CALLER, extensions=("101",), result="cancel", **values):
        """Have somebody call in vain, so many minutes after the start, and return the call."""
        call_id = f"in_{minute:040x}"
        values = {"call_id": call_id, "caller": caller, "start": self._at(minute), **values}
        rings = [inbound("INTERNAL", internal=extension, **values) for extension in extensions]
        self.deliver(inbound("START", **values), *rings, end(result, "0", **values))
        return self._find_call(call_id)

    def talk(self, minute, *, caller=CALLER, duration="42", **values):
        """Have somebody talk to a caller who calls in."""
        call_id = f"in_{minute:040x}"
        values = {"call_id": call_id, "caller": caller, "start": self._at(minute), **values}
        self.deliver(inbound("START", **values), answer("102", **values), end(duration=duration, **values))
        return self._find_call(call_id)

    def call_back(self, minute, *, callee=CALLER, disposition="answered", duration="42"):
        """Have a colleague call somebody."""
        values = {"call_id": f"out_{minute:040x}", "callee": callee, "extension": "102", "start": self._at(minute)}
        ended = {"disposition": disposition, "duration": duration}
        self.deliver(outbound("OUT_START", **values), outbound("OUT_END", **ended, **values))
        return self._find_call(values["call_id"])

    def _at(self, minute):
        return str(START + timedelta(minutes=minute))

    def _rows(self):
        return self.env["zadarma.missed.call"].search([])

    def _activities(self):
        activity_type = self.env.ref("zadarma.mail_activity_type_missed_call")
        return self.env["mail.activity"].search([("activity_type_id", "=", activity_type.id)])


@tagged("post_install", "-at_install")
class TestMissed(MissedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create(
            {"name": "Ada Lovelace", "phone": CALLER, "user_id": cls.colleague.id}
        )

    def test_missed_call_is_a_task_of_the_responsible_user(self):
        call = self.miss()
        row, activity = self._rows(), self._activities()
        self.assertEqual((row.state, row.tries, row.user_id), ("open", 1, self.colleague))
        self.assertEqual((row.call_ids, row.partner_id, row.own_number_id), (call, self.partner, self.own_number))
        self.assertEqual((activity.res_model, activity.res_id), ("res.partner", self.partner.id))
        self.assertEqual((activity.user_id, activity.summary), (self.colleague, "Missed call from Ada Lovelace"))
        for text in ("+49 170 12345678", "Berlin", "10:00\u202fAM"):
            self.assertIn(text, activity.note)

    def test_names_are_text(self):
        self.own_number.name = "<img src=x onerror=alert(1)>"
        self.miss()
        self.assertIn("&lt;img src=x", self._activities().note)

    def test_database_keeps_callers_who_wait_unique(self):
        self.miss()
        values = {"company_id": self.company.id, "number": CALLER}
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self._rows().create(values)
        self._rows().action_done()
        self.assertTrue(self._rows().create(values))

    def test_task_goes_to_the_lead_where_there_is_one(self):
        lead = self.env["crm.lead"].create({"name": "Deal", "partner_id": self.partner.id, "user_id": self.agent.id})
        self.miss()
        self.assertEqual((self._activities().res_model, self._activities().res_id), ("crm.lead", lead.id))
        self.assertEqual(self._activities().user_id, self.agent)

    def test_caller_is_called_after_the_number_until_the_lead_has_a_name(self):
        shown = "+49 1511 2345678"
        lead = self.env["crm.lead"].create({"name": f"Call from {shown}", "phone": self.other_caller})
        row = self.miss(caller=self.other_caller).missed_call_id
        self.assertEqual((row.lead_id, row.display_name), (lead, shown))
        for name, value in (("name", "Roof"), ("partner_name", "Vogel Hotels"), ("contact_name", "Ada")):
            lead[name] = value
            row.invalidate_recordset()
            self.assertEqual(row.display_name, value)

    def test_caller_without_a_record_has_the_task_on_the_missed_call(self):
        self.miss(caller=self.other_caller)
        activity = self._activities()
        self.assertEqual((activity.res_model, activity.res_id), ("zadarma.missed.call", self._rows().id))
        self.assertEqual(activity.user_id, self.agent, "the default responsible")

    def test_caller_of_nobody_is_on_the_list_without_a_task(self):
        self.company.zadarma_default_user_id = False
        self.miss(caller=self.other_caller, extensions=("101", "102"))
        self.assertEqual((self._rows().state, self._rows().user_id.id), ("open", False))
        self.assertFalse(self._activities())
        for user, missed in ((self.agent, 1), (self.colleague, 1), (self.supervisor, 0)):
            self.assertEqual(user._zadarma_count_missed(), missed, user.name)

    def test_five_extensions_are_one_task(self):
        self.miss(extensions=("101", "102", "103", "104", "105"))
        self.assertEqual((len(self._rows()), len(self._activities())), (1, 1))

    def test_further_tries_are_the_same_task(self):
        self.miss()
        activity = self._activities()
        self.miss(30)
        self.miss(60)
        self.assertEqual((self._rows().tries, self._rows().date_last), (3, START + timedelta(hours=1)))
        self.assertEqual(self._activities(), activity)
        self.assertIn("3 since", activity.note)
        self.assertIn("11:00\u202fAM", activity.note)

    def test_every_result_but_an_answer_is_missed(self):
        for minute, result in enumerate(("cancel", "no answer", "busy", "failed", "no limit", "something new")):
            self.miss(minute, result=result)
        self.assertEqual(self._rows().tries, 6)

    def test_answered_call_makes_no_task(self):
        self.talk(0)
        self.call_back(5)
        self.call_back(6, disposition="no answer", duration="0")
        self.assertFalse(self._rows())

    def test_answer_shorter_than_set_is_missed(self):
        self.company.zadarma_min_answer_seconds = 10
        call = self.talk(0, duration="9")
        self.assertEqual((call.result, call.is_missed, self._rows().tries), ("answered", True, 1))
        self.call_back(5, duration="9")
        self.assertEqual(self._rows().state, "open", "that was no talk either")
        self.talk(10, duration="10")
        self.assertEqual(self._rows().state, "reached")

    def test_setting_of_short_answers_does_not_change_the_past(self):
        call = self.talk(0, duration="9")
        self.company.zadarma_min_answer_seconds = 10
        self.env.flush_all()
        self.assertFalse(call.is_missed)

    def test_withheld_and_internal_callers_make_no_task(self):
        withheld = self.miss(caller="anonymous")
        internal = self.miss(1, caller="102")
        self.assertEqual((withheld.is_missed, internal.is_missed), (True, False))
        self.assertFalse(self._rows())

    def test_blocked_callers_make_no_task_and_are_not_missed(self):
        call = self.miss()
        call.write({"is_blocked": True, "is_settled": False})
        self.env.flush_all()
        self._sweep()
        self.assertFalse(call.is_missed)
        self.assertFalse(self._rows())

    def test_switch_that_is_off_makes_no_task(self):
        self.company.zadarma_missed_activities = False
        call = self.miss()
        self.assertTrue(call.is_missed)
        self.assertFalse(self._rows())
        self.assertFalse(self._activities())
        self.assertEqual(self.agent._zadarma_count_missed(), 0)
        action = self.env["zadarma.call"].with_user(self.agent).action_open_missed()
        self.assertEqual(action["res_model"], "zadarma.call")

    def test_task_is_due_within_working_time(self):
        for start, hours, due in (
            ("2025-03-01 10:00:00", 1, "2025-03-03 08:00:00"),  # Saturday: Monday, nine o'clock in Berlin
            ("2025-03-03 08:00:00", 1, "2025-03-03 09:00:00"),
            ("2025-03-03 15:30:00", 1, "2025-03-04 07:30:00"),  # half an hour before they go home
            ("2025-03-03 19:00:00", 0, "2025-03-04 07:00:00"),
            ("2025-03-28 15:30:00", 1, "2025-03-31 06:30:00"),  # over the change to summer time
        ):
            with self.subTest(start):
                self.company.zadarma_missed_hours = hours
                self.clock.move_to(start)
                call = self.miss(start=start)
                self.assertEqual(str(call.missed_call_id.date_deadline), due)
                call.unlink()
                self.env["zadarma.event"].search([]).unlink()

    def test_holidays_of_the_company_are_no_working_time(self):
        self.env["resource.calendar.leaves"].create(
            {"name": "Holiday", "calendar_id": self.company.resource_calendar_id.id, "company_id": self.company.id}
            | {"date_from": "2025-03-02 23:00:00", "date_to": "2025-03-03 23:00:00"}
        )
        self.miss()
        self.assertEqual(str(self._rows().date_deadline), "2025-03-04 08:00:00")

    def test_company_without_working_hours_counts_hours(self):
        self.company.resource_calendar_id = False
        self.miss()
        self.assertEqual(self._rows().date_deadline, START + timedelta(hours=1))

    def test_task_speaks_the_zone_of_who_reads_it(self):
        self.colleague.tz = "America/New_York"
        self.miss()
        self.assertIn("5:00\u202fAM", self._activities().note)

    def test_nobody_gets_mail_while_zadarma_waits(self):
        self.colleague.notification_type = "email"
        mails = self.env["mail.mail"].search([])
        self.miss()
        self.call_back(10)
        self.assertEqual(self.env["mail.mail"].search([]), mails)


@tagged("post_install", "-at_install")
class TestCallBack(MissedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": CALLER})

    def test_talk_in_either_direction_closes_the_task(self):
        for minute, talk in ((0, self.talk), (60, self.call_back)):
            self.miss(minute)
            activity, row = self._activities(), self._rows().filtered(lambda row: row.state == "open")
            call = talk(minute + 20)
            self.assertEqual((row.state, row.closed_call_id, row.closed_user_id), ("reached", call, self.colleague))
            self.assertEqual(row.callback_seconds, 20 * 60)
            self.assertFalse(activity.active)
            self.assertIn("Colleague", activity.feedback)
            self.assertIn("0:42", activity.feedback)

    def test_who_talked_is_noted_on_the_contact(self):
        self.miss()
        self.call_back(20)
        self.assertIn("Colleague called back", "".join(self.partner.message_ids.mapped("body")))
        self.assertNotIn(self.colleague.partner_id, self.partner.message_partner_ids)

    def test_call_back_in_vain_closes_nothing(self):
        self.miss()
        self.call_back(20, disposition="no answer", duration="0")
        self.assertEqual(self._rows().state, "open")

    def test_talk_to_somebody_else_closes_nothing(self):
        self.miss()
        self.talk(20, caller=self.other_caller)
        self.assertEqual(self._rows().state, "open")

    def test_talk_with_the_same_person_on_another_number_closes_the_task(self):
        self.miss()
        self.miss(1, caller=self.other_caller)
        call = self._find_call(f"in_{1:040x}")
        call.partner_id = self.partner
        self.call_back(20)
        self.assertEqual(set(self._rows().mapped("state")), {"reached"})

    def test_talk_with_another_number_of_a_company_closes_nothing(self):
        self.partner.is_company = True
        self.miss(1, caller=self.other_caller)
        self._find_call(f"in_{1:040x}").partner_id = self.partner
        self.call_back(20)
        self.assertEqual(self._rows().state, "open")

    def test_caller_who_is_missed_again_after_a_talk_waits_again(self):
        self.miss()
        self.call_back(20)
        self.miss(40)
        self.assertEqual(self._rows().mapped("state"), ["reached", "open"])
        self.assertEqual(len(self._activities()), 1)

    def test_every_order_of_calls_ends_in_the_same_rows(self):
        steps = [lambda: self.miss(0), lambda: self.miss(10), lambda: self.call_back(20), lambda: self.miss(30)]
        expected = [("reached", 2, 20 * 60), ("open", 1, 0)]
        for order in itertools.permutations(steps):
            for step in order:
                step()
            found = [(row.state, row.tries, row.callback_seconds) for row in self._rows().sorted("date_first")]
            self.assertEqual(found, expected, [steps.index(step) for step in order])
            self.assertEqual(len(self._activities()), 1)
            self.env["zadarma.call"].search([]).unlink()
            self.env["zadarma.event"].search([]).unlink()
            self.assertFalse(self._rows(), "without tries nobody was missed")

    def test_repeated_notifications_change_nothing(self):
        call = self.miss()
        row, before = self._rows(), self._rows().read()
        self.miss()
        call.is_settled = False
        self.env.flush_all()
        self._sweep()
        self.assertEqual(self._rows(), row)
        after = row.read()
        self.assertEqual({**after[0], "write_date": 0}, {**before[0], "write_date": 0})
        self.assertEqual(len(self._activities()), 1)

    def test_late_correction_takes_the_try_back(self):
        self.miss()
        self.miss(10)
        values = {"call_id": f"in_{10:040x}", "start": self._at(10)}
        self.deliver(end(internal="102", last_internal="102", **values))
        row = self._rows()
        self.assertEqual((row.state, row.tries, row.closed_user_id), ("reached", 1, self.colleague))
        self.assertFalse(self._activities())

    def test_late_correction_of_the_only_try_leaves_nothing(self):
        self.miss()
        self.deliver(end(internal="102", call_id=f"in_{0:040x}"))
        self.assertFalse(self._rows())
        self.assertFalse(self._activities())
        self.assertFalse(self.partner.with_context(active_test=False).activity_ids)

    def test_talk_that_was_none_lets_the_caller_wait_again(self):
        self.miss()
        talk = self.call_back(20)
        self.assertEqual(self._rows().state, "reached")
        talk.write({"result": "no_answer", "disposition": "no answer", "is_settled": False})
        self.env.flush_all()
        self._sweep()
        self.assertEqual((self._rows().state, self._rows().tries), ("open", 1))
        self.assertEqual(len(self._activities()), 1)

    def test_person_who_does_the_activity_closes_the_call(self):
        self.miss()
        self._activities().with_user(self.agent).action_feedback("Wrote a letter")
        self.assertEqual((self._rows().state, self._rows().closed_user_id), ("done", self.agent))
        self.assertFalse(self._rows().callback_seconds)
        self.miss(1)
        self.assertEqual(self._rows().mapped("state"), ["done", "open"], "whoever calls again is not lost")

    def test_person_who_cancels_the_activity_closes_the_call(self):
        self.miss()
        self._activities().with_user(self.agent).unlink()
        self.assertEqual((self._rows().state, self._rows().closed_user_id), ("done", self.agent))

    def test_activity_that_goes_with_its_record_leaves_the_caller_waiting(self):
        self.miss()
        self.partner.unlink()
        self.assertFalse(self._activities())
        self.assertEqual(self._rows().state, "open")
        self.miss(10)
        self.assertEqual(self._activities().res_model, "zadarma.missed.call")

    def test_task_moves_to_the_record_that_is_made_later(self):
        self.miss(caller=self.other_caller)
        activity = self._activities()
        self.env["res.partner"].create({"name": "New", "phone": self.other_caller})
        self.miss(10, caller=self.other_caller)
        self.assertEqual((self._activities(), activity.res_model), (activity, "res.partner"))

    def test_activity_that_a_person_put_off_is_updated_by_a_further_try(self):
        self.miss()
        activity = self._activities()
        activity.with_user(self.agent).date_deadline = "2025-03-10"
        self.assertEqual(str(self._rows().date_deadline), "2025-03-10 08:00:00")
        self.miss(60)
        self.assertEqual((self._activities(), str(activity.date_deadline)), (activity, "2025-03-03"))
        self.assertIn("2 since", activity.note)

    def test_activity_given_to_a_colleague_takes_the_call_along(self):
        self.miss()
        self._activities().user_id = self.colleague
        self.assertEqual(self._rows().user_id, self.colleague)
        self.miss(10)
        self.assertEqual((self._rows().user_id, self._activities().user_id), (self.colleague, self.colleague))

    def test_call_that_became_known_late_asks_nobody(self):
        self.clock.tick(8 * 86400)
        call = self.miss()
        self.assertTrue(call.is_missed)
        self.assertFalse(self._rows())

    def test_counters_are_told_of_every_change(self):
        self.miss()
        self.miss(1, caller=self.other_caller)
        self.call_back(20)
        self.assertEqual([message["missed"] for message in self._sent(self.agent, "zadarma.missed")][-3:], [1, 2, 1])

    def test_merged_contact_and_lead_keep_the_caller(self):
        self.miss()
        kept = self.env["res.partner"].create({"name": "Kept"})
        self.env["base.partner.merge.automatic.wizard"]._merge([self.partner.id, kept.id], kept)
        self.env.invalidate_all()
        self.assertEqual(self._rows().partner_id, kept)


@tagged("post_install", "-at_install")
class TestMissedCallList(MissedCase):
    def _as(self, user):
        return self.env["zadarma.missed.call"].with_user(user)

    def test_people_see_their_own_and_nobodys(self):
        self.miss(caller=self.other_caller)
        mine = self._rows()
        self.company.zadarma_default_user_id = False
        self.miss(1)
        everybodys = self._rows() - mine
        self.assertEqual(self._as(self.agent).search([]), mine | everybodys)
        self.assertEqual(self._as(self.colleague).search([]), everybodys)
        self.assertEqual(self._as(self.supervisor).search([]), mine | everybodys)

    def test_other_companies_see_nothing(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_secret": "x"})
        self.deliver(inbound("START"), end("cancel", "0"), company=other)
        self.assertEqual(self._rows().company_id, other)
        self.assertFalse(self._as(self.supervisor).search([]))

    def test_who_takes_a_call_has_the_task(self):
        self.company.zadarma_default_user_id = False
        self.miss()
        row = self._rows()
        row.with_user(self.colleague).action_take()
        self.assertEqual((row.user_id, self._activities().user_id), (self.colleague, self.colleague))
        with self.assertRaisesRegex(UserError, "Colleague calls back already"):
            row.with_user(self.agent).action_take()
        row.with_user(self.supervisor).action_take()
        self.assertEqual((row.user_id, self._activities().user_id), (self.supervisor, self.supervisor))

    def test_call_of_a_colleague_is_not_for_others_to_close(self):
        self.miss()
        row = self._rows().with_user(self.colleague)
        for action in (row.action_done, row.action_reopen, row.action_open_caller):
            with self.assertRaises(AccessError):
                action()

    def test_mistake_is_taken_back(self):
        self.miss()
        row = self._rows().with_user(self.agent)
        row.action_done()
        self.assertEqual((row.state, row.closed_user_id), ("done", self.agent))
        self.assertFalse(self._activities())
        row.action_reopen()
        self.assertEqual((row.state, row.status), ("open", "waiting"))
        self.assertEqual(self._activities().user_id, self.agent)
        row.action_done()
        self.miss(10)
        with self.assertRaises(UserError):
            row.action_reopen()

    def test_caller_who_was_reached_cannot_be_taken(self):
        self.miss()
        self.call_back(10)
        with self.assertRaises(UserError):
            self._rows().with_user(self.agent).action_take()

    def test_age_and_state_are_words(self):
        self.miss()
        self.clock.move_to(START + timedelta(hours=3))
        self.assertEqual((self._rows().age, self._rows().status), ("3 hours", "waiting"))
        self.clock.move_to(MONDAY + timedelta(hours=1))
        self.env.invalidate_all()
        self.assertEqual(self._rows().status, "overdue")
        self.assertEqual(self._rows().search([("date_deadline", "<", "now")]), self._rows())


@tagged("post_install", "-at_install")
class TestEscalation(MissedCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "zadarma_escalate_missed": True,
                "zadarma_escalate_hours": 2,
                "zadarma_escalate_user_id": cls.supervisor.id,
            }
        )

    def _escalate(self, moment):
        self.clock.move_to(moment)
        return self.env["zadarma.missed.call"]._escalate_overdue()

    def test_call_that_nobody_returned_goes_up_once(self):
        self.miss()
        row = self._rows()
        self.assertEqual(self._escalate(MONDAY + timedelta(hours=1, minutes=59)), (0, False))
        self.assertEqual(self._escalate(MONDAY + timedelta(hours=2)), (1, False))
        self.assertEqual((row.user_id, row.escalated_from_id), (self.supervisor, self.agent))
        self.assertEqual(self._activities().user_id, self.supervisor)
        self.assertIn("Agent", self._activities().note)
        row.user_id = self.agent
        self.assertEqual(self._escalate(MONDAY + timedelta(hours=9)), (0, False))

    def test_hours_are_working_hours(self):
        self.clock.move_to(MONDAY + timedelta(hours=6, minutes=30))
        self.miss(start="2025-03-03 14:30:00")
        self.assertEqual(str(self._rows().date_deadline), "2025-03-03 15:30:00")
        self.assertEqual(self._escalate("2025-03-03 20:00:00"), (0, False))
        self.assertEqual(self._escalate("2025-03-04 08:30:00"), (1, False))

    def test_call_that_was_returned_or_put_off_stays(self):
        self.miss()
        self.miss(1, caller=self.other_caller)
        self.call_back(2)
        self._activities().date_deadline = "2025-03-10"
        self.assertEqual(self._escalate(MONDAY + timedelta(days=1)), (0, False))

    def test_switch_that_is_off_hands_nothing_up(self):
        self.miss()
        for switch in ("zadarma_escalate_missed", "zadarma_missed_activities"):
            self.company.write({"zadarma_escalate_missed": True, "zadarma_missed_activities": True, switch: False})
            self.assertEqual(self._escalate(MONDAY + timedelta(days=1)), (0, False))


@tagged("post_install", "-at_install")
class TestDigest(MissedCase):
    def _kpis(self, user):
        digest = self.env["digest.digest"].create({"name": "Ours", "company_id": self.company.id})
        digest.write({"kpi_zadarma_answered": True, "kpi_zadarma_missed": True})
        self.clock.move_to(START + timedelta(hours=6))
        kpis = digest._compute_kpis(self.company, user)
        return {kpi["kpi_fullname"]: kpi["kpi_col1"]["value"] for kpi in kpis}

    def test_digest_counts_the_calls_that_its_reader_may_see(self):
        self.miss(0)
        self.miss(1, extensions=("102",))
        self.talk(2)
        self.call_back(3)
        for user, answered, missed in ((self.supervisor, 1, 2), (self.agent, 0, 1), (self.colleague, 1, 1)):
            self.assertEqual(self._kpis(user), {"Calls Answered": answered, "Calls Missed": missed}, user.name)

    def test_digest_of_people_without_calls_leaves_them_out(self):
        self.miss()
        user = self._new_user("clerk", "base.group_user")
        self.assertEqual(self._kpis(user), {})
