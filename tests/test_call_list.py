from datetime import date, datetime, timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import DIALLED, START, ZadarmaCase, outbound

NUMBERS = ("+4917012345671", "+4917012345672", "+4917012345673")
TODAY = START.date()


@tagged("post_install", "-at_install")
class TestCallList(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.env["res.partner"].create(
            [{"name": f"Customer {number[-1]}", "phone": number} for number in NUMBERS]
        )
        cls.interested = cls.env.ref("zadarma.zadarma_call_outcome_interested")
        cls.call_type = cls.env.ref("mail.mail_activity_data_call")

    def _make(self, records=None, user=None, colleagues=None):
        records = self.people if records is None else records
        call_list = (
            self.env["zadarma.call.list"].with_user(user or self.agent)._make(records.with_user(user or self.agent))
        )
        call_list.user_ids = colleagues
        return call_list

    def _take(self, call_list, user=None):
        page = call_list.with_user(user or self.agent).action_take()
        line = page["line"]
        return self.env["zadarma.call.list.line"].with_user(user or self.agent).browse(line and line["id"])

    def _call(self, number, disposition="answered", call_id="out_" + "1" * 40, extension="101"):
        call = {"call_id": call_id, "callee": number, "start": "2025-03-01 10:00:00", "extension": extension}
        self.deliver(outbound("OUT_START", **call))
        self.deliver(outbound("OUT_END", disposition=disposition, duration="30", **call))
        return self._find_call(call_id)

    def _schedule(self, record, day=TODAY, user=None):
        return record.activity_schedule(
            "mail.mail_activity_data_call", day, summary="Ask again", user_id=(user or self.agent).id
        )

    # === MAKING === #

    def test_list_keeps_the_order_and_names_who_is_left_out_and_why(self):
        values = [
            {"name": "Silent"},
            {"name": "Short", "phone": "101"},
            {"name": "Twin", "phone": "0170 12345671"},
            {"name": "Ourselves", "phone": "+" + DIALLED},
            {"name": "Nuisance", "phone": "+4917099999999"},
        ]
        self.env["zadarma.blocked.number"].create({"number": "+491709999*", "company_id": self.company.id})
        call_list = self._make(self.people + self.env["res.partner"].create(values))
        lines = call_list.line_ids
        self.assertEqual(lines.partner_id.mapped("name")[:3], ["Customer 1", "Customer 2", "Customer 3"])
        reasons = {line.partner_id.name: line.left_out_reason for line in lines if line.state == "left_out"}
        self.assertEqual(
            reasons,
            {
                "Silent": "no_number",
                "Short": "not_callable",
                "Twin": "duplicate",
                "Ourselves": "own_number",
                "Nuisance": "blocked",
            },
        )
        self.assertEqual((call_list.line_count, call_list.todo_count, call_list.left_out_count), (3, 3, 5))

    def test_list_of_leads_calls_their_own_numbers(self):
        leads = self.env["crm.lead"].create(
            [{"name": f"Lead {number[-1]}", "phone": number, "user_id": self.agent.id} for number in NUMBERS]
        )
        action = leads.with_user(self.agent).action_make_zadarma_call_list()
        call_list = self.env["zadarma.call.list"].browse(action["res_id"])
        self.assertEqual(call_list.line_ids.lead_id, leads)
        self.assertEqual(call_list.line_ids.mapped("number"), list(NUMBERS))

    def test_who_asked_not_to_be_called_is_left_out_as_contact_and_as_lead(self):
        shy, reserved, open_minded = self.people
        shy.zadarma_do_not_call = True
        leads = self.env["crm.lead"].create(
            [
                {"name": "Of the contact", "partner_id": shy.id, "user_id": self.agent.id},
                {"name": "Its own", "phone": reserved.phone, "user_id": self.agent.id, "zadarma_do_not_call": True},
                {"name": "Welcome", "phone": open_minded.phone, "user_id": self.agent.id},
            ]
        )
        for records, wanted in ((self.people, [False, True, True]), (leads, [False, False, True])):
            lines = self._make(records).line_ids
            self.assertEqual([line.state == "todo" for line in lines], wanted, records._name)
            self.assertEqual(
                set(lines.filtered(lambda line: line.state != "todo").mapped("left_out_reason")), {"do_not_call"}
            )

    def test_records_that_the_user_may_not_see_make_no_list(self):
        lead = self.env["crm.lead"].create({"name": "Secret", "phone": NUMBERS[0], "user_id": self.colleague.id})
        with self.assertRaises(AccessError):
            lead.with_user(self.agent).action_make_zadarma_call_list()

    def test_thousands_of_people_make_a_list_in_few_queries(self):
        values = [{"name": f"P{number}", "phone": f"+49170{number:07}"} for number in range(2500)]
        people = self.env["res.partner"].create(values)
        self.env.flush_all()
        self.env.invalidate_all()
        with self.assertQueryCount(120):
            call_list = self._make(people)
        self.assertEqual(call_list.todo_count, 2500)

    # === ACTIVITIES === #

    def test_due_activities_make_a_list_in_their_order(self):
        yesterday = date(2025, 2, 28)
        self._schedule(self.people[0])
        self._schedule(self.people[1], yesterday)
        self._schedule(self.people[2], date(2025, 3, 2))
        self._schedule(self.people[2], user=self.colleague)
        self.people[2].activity_schedule("mail.mail_activity_data_todo", TODAY, user_id=self.agent.id)
        action = self.env["zadarma.call.list"].with_user(self.agent).action_start_mine()
        call_list = self.env["zadarma.call.list"].browse(action["context"]["active_id"])
        self.assertEqual(call_list.line_ids.partner_id.ids, [self.people[1].id, self.people[0].id])

    def test_list_of_activities_goes_on_with_those_that_are_new(self):
        lists = self.env["zadarma.call.list"].with_user(self.agent)
        self._schedule(self.people[0])
        first = lists.action_start_mine()["context"]["active_id"]
        self._schedule(self.people[1])
        self.assertEqual(lists.action_start_mine()["context"]["active_id"], first)
        self.assertEqual(lists.browse(first).line_ids.partner_id, self.people[:2])
        self.assertEqual(len(lists.browse(first).line_ids), 2)

    def test_without_due_activities_it_says_so(self):
        with self.assertRaises(UserError), self.env.cr.savepoint():
            self.env["zadarma.call.list"].with_user(self.agent).action_start_mine()

    def test_activity_is_done_with_the_outcome_as_feedback(self):
        activity = self._schedule(self.people[0])
        action = self.env["zadarma.call.list"].with_user(self.agent).action_start_mine()
        call_list = self.env["zadarma.call.list"].browse(action["context"]["active_id"])
        line = self._take(call_list)
        self._call(NUMBERS[0]).with_user(self.agent).action_save_outcome(self.interested.id, "Wants ten", "2025-03-04")
        self.assertFalse(activity.active)
        self.assertEqual(activity.feedback, "Interested\nWants ten")
        self.assertEqual(line.state, "done")
        following = self.env["mail.activity"].search([("res_id", "=", self.people[0].id), ("active", "=", True)])
        self.assertEqual(following.mapped("date_deadline"), [date(2025, 3, 4)])

    def test_activity_of_whom_nobody_reached_stays(self):
        activity = self._schedule(self.people[0])
        action = self.env["zadarma.call.list"].with_user(self.agent).action_start_mine()
        line = self._take(self.env["zadarma.call.list"].browse(action["context"]["active_id"]))
        self._call(NUMBERS[0], "no answer")
        line.action_finish()
        self.assertEqual((line.state, activity.active), ("done", True))

    def test_activity_that_was_done_otherwise_is_left_out(self):
        activity = self._schedule(self.people[0])
        self._schedule(self.people[1])
        action = self.env["zadarma.call.list"].with_user(self.agent).action_start_mine()
        activity.action_feedback()
        line = self._take(self.env["zadarma.call.list"].browse(action["context"]["active_id"]))
        self.assertEqual(line.partner_id, self.people[1])

    # === TAKING === #

    def test_one_has_one_person_until_something_became_of_them(self):
        call_list = self._make()
        line = self._take(call_list)
        self.assertEqual(line.partner_id, self.people[0])
        self.assertEqual(self._take(call_list), line)
        line.action_finish(self.interested.id)
        self.assertEqual(self._take(call_list).partner_id, self.people[1])

    def test_two_people_do_not_get_the_same_person(self):
        call_list = self._make(colleagues=self.colleague)
        mine, theirs = self._take(call_list), self._take(call_list, self.colleague)
        self.assertEqual((mine.partner_id, theirs.partner_id), (self.people[0], self.people[1]))
        with self.assertRaises(UserError):
            mine.with_user(self.colleague).action_finish(self.interested.id)
        with self.assertRaises(UserError):
            theirs.with_user(self.agent).action_begin()

    def test_person_is_one_user_s_from_the_moment_that_they_are_chosen(self):
        call_list = self._make()
        self.assertFalse(self._locks_rows("zadarma_call_list_line"))
        self._take(call_list)
        self.assertTrue(self._locks_rows("zadarma_call_list_line"))

    def test_skipped_people_do_not_come_back(self):
        call_list = self._make()
        self._take(call_list).action_skip()
        self._take(call_list).action_skip()
        self._take(call_list).action_skip()
        self.assertFalse(self._take(call_list))
        self.assertEqual((call_list.done_count, call_list.todo_count), (3, 0))

    def test_postponed_people_come_back_in_time(self):
        call_list = self._make(self.people[:2])
        first = self._take(call_list)
        first.action_postpone(1)
        second = self._take(call_list)
        self.assertNotEqual(second, first)
        second.action_skip()
        page = call_list.with_user(self.agent).action_take()
        self.assertFalse(page["line"])
        self.assertEqual(page["waiting"], {"taken": 0, "postponed": 1, "next": "2025-03-01 11:00:00"})
        self.clock.tick(3600)
        self.assertEqual(self._take(call_list), first)

    def test_tomorrow_is_the_users_tomorrow(self):
        self.agent.tz = "Pacific/Auckland"
        line = self._take(self._make())
        line.action_postpone()
        self.assertEqual(line.postponed_until, datetime(2025, 3, 1, 11, 0))

    def test_who_stops_gives_the_person_back(self):
        call_list = self._make(colleagues=self.colleague)
        line = self._take(call_list)
        line.action_stop()
        self.assertEqual(self._take(call_list, self.colleague), line)

    def test_forgotten_person_is_free_after_hours(self):
        call_list = self._make(colleagues=self.colleague)
        line = self._take(call_list)
        self.clock.tick(4 * 3600 + 1)
        self.assertEqual(self._take(call_list, self.colleague), line)
        with self.assertRaises(UserError):
            line.action_begin()

    def test_people_who_can_no_longer_be_called_are_passed(self):
        call_list = self._make()
        self.env["zadarma.blocked.number"].create({"number": NUMBERS[0], "company_id": self.company.id})
        self.people[1].action_archive()
        self.assertEqual(self._take(call_list).partner_id, self.people[2])
        self.assertEqual(call_list.line_ids.mapped("left_out_reason"), ["blocked", "gone", False])

    def test_number_that_was_corrected_since_is_called(self):
        call_list = self._make()
        self.people[0].phone = "+4917012345679"
        self.assertEqual(self._take(call_list).number, "+4917012345679")

    def test_leads_that_the_user_may_not_see_are_for_colleagues(self):
        leads = self.env["crm.lead"].create(
            [
                {"name": "Theirs", "phone": NUMBERS[0], "user_id": self.colleague.id},
                {"name": "Mine", "phone": NUMBERS[1], "user_id": self.agent.id},
            ]
        )
        call_list = self._make(leads, self.supervisor, self.agent)
        self.assertEqual(self._take(call_list).lead_id, leads[1])
        self._take(call_list).action_skip()
        self.assertFalse(self._take(call_list))

    # === CALLING === #

    def test_line_learns_its_call_and_result_from_the_call(self):
        call_list = self._make()
        line = self._take(call_list)
        call = self._call(NUMBERS[0], "busy")
        self.assertEqual((line.call_id, line.call_result, line.state), (call, "busy", "todo"))
        page = call_list.with_user(self.agent).get_page()
        self.assertEqual(page["line"]["call"]["result"], "busy")

    def test_page_tells_whose_phone_was_not_picked_up(self):
        call_list = self._make()
        self._take(call_list)
        call = self._call(NUMBERS[0], "busy")
        page = call_list.with_user(self.agent)
        self.assertEqual(page.get_page()["line"]["call"]["label"], "Busy")
        call.request_stage = "own"
        self.assertEqual(page.get_page()["line"]["call"]["label"], "Your own phone was not picked up.")
        call.state = "ringing"
        self.assertEqual(page.get_page()["line"]["call"]["stage"], "own")

    def test_call_of_somebody_else_is_not_the_lines(self):
        line = self._take(self._make())
        self._call(NUMBERS[0], extension="102")
        self.assertFalse(line.call_id)
        self._call(NUMBERS[1], call_id="out_" + "2" * 40)
        self.assertFalse(line.call_id)

    def test_past_call_that_is_imported_is_not_the_lines(self):
        line = self._take(self._make())
        values = {
            "company_id": self.company.id,
            "direction": "outbound",
            "state": "ended",
            "number": NUMBERS[0],
            "user_id": self.agent.id,
            "source": "statistics",
        }
        self.env["zadarma.call"].create({**values, "date_start": line.sudo().taken_at - timedelta(days=300)})
        self.assertFalse(line.call_id)
        lost = self.env["zadarma.call"].create({**values, "date_start": line.sudo().taken_at + timedelta(minutes=1)})
        self.assertEqual(line.call_id, lost)

    def test_call_that_was_part_of_another_leaves_the_line_that_one(self):
        line = self._take(self._make())
        first, second = (f"out_{number:040x}" for number in (1, 2))
        for call_id in (first, second):
            self.deliver(outbound("OUT_START", call_id=call_id, callee=NUMBERS[0], start="2025-03-01 10:00:00"))
        self.assertEqual(line.call_id, self._find_call(second))
        line.sudo().call_id.unlink()
        self.assertEqual(line.call_id, self._find_call(first))

    def test_second_try_counts(self):
        line = self._take(self._make())
        self._call(NUMBERS[0], "no answer")
        second = self._call(NUMBERS[0], call_id="out_" + "2" * 40)
        self.assertEqual(line.call_id, second)
        line.action_finish(self.interested.id, "At last")
        self.assertEqual((second.outcome_id, second.note, line.state), (self.interested, "At last", "done"))

    def test_who_goes_on_without_a_word_is_not_asked(self):
        calls = self.env["zadarma.call"].with_user(self.agent)
        call_list = self._make()
        for number, go_on in enumerate(("action_finish", "action_skip", "action_postpone")):
            line = self._take(call_list)
            self._call(NUMBERS[number], call_id=f"out_{number:040x}")
            self.assertEqual(len(calls.get_popup_state()["asked"]), 1)
            getattr(line, go_on)()
            self.assertFalse(calls.get_popup_state()["asked"])

    def test_outcome_given_in_the_popup_finishes_the_line(self):
        call_list = self._make()
        line = self._take(call_list)
        self._call(NUMBERS[0]).with_user(self.agent).action_save_outcome(self.interested.id)
        self.assertEqual((line.state, line.outcome_id, line.user_id), ("done", self.interested, self.agent))
        self.assertNotEqual(self._take(call_list), line)

    def test_outcome_without_a_call_is_told_to_the_chatter(self):
        line = self._take(self._make())
        line.action_finish(self.interested.id, "Met <b>him</b>", "2025-03-04")
        self.assertIn("Met &lt;b&gt;him", self.people[0].message_ids[0].body)
        activity = self.people[0].activity_ids
        self.assertEqual((activity.date_deadline, activity.user_id), (date(2025, 3, 4), self.agent))

    def test_outcome_without_a_call_stays_in_the_list_where_notes_are_off(self):
        self.company.zadarma_post_notes = False
        before = self.people[0].message_ids
        line = self._take(self._make())
        line.action_finish(self.interested.id, "Met him")
        self.assertEqual(self.people[0].message_ids, before)
        self.assertEqual(line.note, "Met him")

    def test_page_tells_what_is_known(self):
        call = self._call(NUMBERS[0]).with_user(self.agent)
        call.action_save_outcome(self.interested.id, "Wants ten")
        self.people[0].comment = "<p>Likes <b>tea</b></p>"
        call_list = self._make()
        page = call_list.action_take()
        line = page["line"]
        self.assertEqual((line["name"], line["number"], line["country_name"]), ("Customer 1", NUMBERS[0], "Germany"))
        self.assertEqual(line["about"], "Likes *tea*")
        [last] = line["last_calls"]
        self.assertEqual((last["outcome"], last["note"], last["user"]), ("Interested", "Wants ten", "Agent"))
        self.assertEqual([person["name"] for person in page["upcoming"]], ["Customer 2", "Customer 3"])
        self.assertEqual(page["counts"], {"all": 3, "todo": 3, "done": 0, "left_out": 0})

    # === ACCESS === #

    def test_lists_are_their_makers_their_colleagues_and_the_supervisors(self):
        call_list = self._make()
        self.assertFalse(self.env["zadarma.call.list"].with_user(self.colleague).search([]))
        with self.assertRaises(AccessError):
            call_list.with_user(self.colleague).action_take()
        with self.assertRaises(AccessError):
            call_list.with_user(self.colleague).get_page()
        call_list.user_ids = self.colleague
        self.assertTrue(call_list.with_user(self.colleague).get_page())
        with self.assertRaises(AccessError):
            call_list.with_user(self.colleague).name = "Mine now"
        with self.assertRaises(AccessError):
            call_list.with_user(self.colleague).unlink()
        call_list.with_user(self.supervisor).name = "Renamed"
        call_list.with_user(self.agent).unlink()

    def test_lists_of_other_companies_are_closed(self):
        other = self.env["res.company"].create({"name": "Other"})
        call_list = self.env["zadarma.call.list"].create({"name": "Theirs", "company_id": other.id})
        with self.assertRaises(AccessError):
            call_list.with_user(self.supervisor).action_take()

    def test_merged_leads_keep_their_place(self):
        leads = self.env["crm.lead"].create(
            [{"name": "One", "phone": NUMBERS[0], "type": "opportunity"}, {"name": "Two", "type": "opportunity"}]
        )
        call_list = self._make(leads[0], self.supervisor)
        leads.merge_opportunity()
        self.assertTrue(call_list.line_ids.lead_id.exists())

    # === ATTACKS === #

    def test_colleague_who_goes_on_with_a_person_reads_no_call_that_is_not_theirs(self):
        call_list = self._make(self.people[:1], colleagues=self.colleague)
        line = self._take(call_list)
        call = self._call(NUMBERS[0])
        call.note = "Between us"
        line.action_postpone(hours=1)
        self.clock.tick(2 * 3600)
        page = call_list.with_user(self.colleague).action_take()
        self.assertTrue(page["line"])
        self.assertNotIn("Between us", str(page))

    def test_outcome_of_another_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Other"})
        outcome = self.env["zadarma.call.outcome"].create({"name": "Secret plan", "company_id": other.id})
        line = self._take(self._make())
        with self.assertRaises(UserError):
            line.action_finish(outcome.id)
        line.action_finish(self.interested.id, "x" * 20_000)
        self.assertEqual(len(line.note), 10_000)
