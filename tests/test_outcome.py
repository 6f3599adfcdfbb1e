from datetime import date

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .common import CALL_ID, CALLER, START, ZadarmaCase, answer, end, inbound, outbound

LATER = "2025-03-04"
OUT_START = "2025-03-01 10:00:00"


@tagged("post_install", "-at_install")
class TestOutcome(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": CALLER})
        cls.interested = cls.env.ref("zadarma.zadarma_call_outcome_interested")
        cls.call_type = cls.env.ref("mail.mail_activity_data_call")

    def _talk(self, **fields):
        """Let the agent talk to the caller, and return the call as the agent has it."""
        self.deliver(inbound("START", **fields), inbound("INTERNAL", internal="101", **fields))
        self.deliver(answer("101", **fields), end(internal="101", **fields))
        return self._find_call(fields.get("call_id", CALL_ID)).with_user(self.agent)

    def _asked(self, user):
        return self.env["zadarma.call"].with_user(user).get_popup_state()["asked"]

    def _told(self, user):
        return self._sent(user, "zadarma.call/outcome")

    def _next_steps(self, user=None):
        domain = [("activity_type_id", "=", self.call_type.id), ("user_id", "=", (user or self.agent).id)]
        return self.env["mail.activity"].search(domain)

    # === WHO IS ASKED === #

    def test_who_talked_is_asked_and_nobody_else(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        self.deliver(answer("101"), end(internal="101"))
        asked = self._sent(self.agent)[-1]["asked"]
        self.assertEqual((asked["title"], asked["duration"], asked["direction"]), ("Ada Lovelace", 42, "inbound"))
        self.assertEqual(asked["outcomes"][0], {"id": self.interested.id, "name": "Interested"})
        self.assertFalse([message for message in self._sent(self.colleague) if "asked" in message])
        self.assertEqual([call["id"] for call in self._asked(self.agent)], self._find_call().ids)
        self.assertFalse(self._asked(self.colleague))

    def test_who_called_out_is_asked(self):
        self.deliver(outbound("OUT_START", start=OUT_START))
        self.deliver(outbound("OUT_END", start=OUT_START, disposition="answered", duration="30"))
        self.assertEqual(self._sent(self.agent)[-1]["asked"]["direction"], "outbound")

    def test_of_a_call_without_talk_nobody_is_asked(self):
        self.deliver(outbound("OUT_START", start=OUT_START))
        self.deliver(outbound("OUT_END", start=OUT_START, disposition="busy", duration="0"))
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("cancel", "0"))
        self.assertFalse([message for message in self._sent(self.agent) if "asked" in message])
        self.assertFalse(self._asked(self.agent))

    def test_of_a_call_among_colleagues_nobody_is_asked(self):
        self._talk(caller="102")
        self.assertFalse(self._asked(self.agent))

    def test_after_a_transfer_the_one_who_talked_last_is_asked(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        self.deliver(inbound("INTERNAL", internal="102", transfer_from="101", transfer_type="blind"))
        self.clock.tick(5)
        self.deliver(answer("102"), end(internal="102"))
        self.assertFalse(self._asked(self.agent))
        self.assertTrue(self._asked(self.colleague))

    def test_who_does_not_want_to_be_asked_is_not(self):
        self.agent.with_user(self.agent).zadarma_ask_outcome = False
        self._talk()
        self.assertNotIn("asked", self._sent(self.agent)[-1])
        self.assertFalse(self._asked(self.agent))

    def test_question_is_not_asked_forever(self):
        self._talk()
        self.assertTrue(self._asked(self.agent))
        self.clock.tick(1860)
        self.assertFalse(self._asked(self.agent))

    def test_questions_do_not_pile_up(self):
        for number in range(5):
            self._talk(call_id=f"in_{number:040x}")
            self.clock.tick(1)
        asked = [call["id"] for call in self._asked(self.agent)]
        self.assertEqual(asked, [self._find_call(f"in_{number:040x}").id for number in (2, 3, 4)])

    # === WHAT IS SAID === #

    def test_outcome_note_and_next_step_are_kept(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id, "  Wants <b>ten</b>. ", LATER)
        self.assertEqual((call.outcome_id, call.note), (self.interested, "Wants <b>ten</b>."))
        activity = self._next_steps()
        self.assertEqual((activity.res_model, activity.res_id), ("res.partner", self.partner.id))
        self.assertEqual((activity.date_deadline, activity.user_id), (date(2025, 3, 4), self.agent))
        self.assertIn("&lt;b&gt;", activity.note)
        self.assertEqual(call.next_date, date(2025, 3, 4))
        self.assertFalse(self._asked(self.agent))
        self.env.cr.precommit.run()
        self.assertEqual(self._told(self.agent), [{"id": call.id}])

    def test_saving_again_moves_the_next_step(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id, "", LATER)
        call.action_save_outcome(self.interested.id, "Better so", "2025-03-10")
        self.assertEqual(self._next_steps().mapped("date_deadline"), [date(2025, 3, 10)])
        call.action_save_outcome(self.interested.id, "No day given", False)
        self.assertEqual(self._next_steps().mapped("date_deadline"), [date(2025, 3, 10)])

    def test_after_a_next_step_that_is_done_comes_a_new_one(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id, "", LATER)
        self._next_steps().action_feedback()
        self.assertFalse(call.next_date)
        call.action_save_outcome(self.interested.id, "", "2025-03-10")
        self.assertEqual(self._next_steps().mapped("date_deadline"), [date(2025, 3, 10)])

    def test_next_step_stands_on_the_lead_where_there_is_one(self):
        lead = self.env["crm.lead"].create(
            {"name": "Engine", "type": "opportunity", "partner_id": self.partner.id, "user_id": self.agent.id}
        )
        self._talk().action_save_outcome(False, "", LATER)
        self.assertEqual((self._next_steps().res_model, self._next_steps().res_id), ("crm.lead", lead.id))

    def test_next_step_avoids_a_lead_that_the_user_may_not_touch(self):
        self.env["crm.lead"].create(
            {"name": "Secret", "type": "opportunity", "partner_id": self.partner.id, "user_id": self.colleague.id}
        )
        self._talk().action_save_outcome(False, "", LATER)
        self.assertEqual(self._next_steps().res_model, "res.partner")

    def test_next_step_with_an_unknown_caller_is_the_users_own(self):
        self._talk(caller="+4915112345678").action_save_outcome(False, "", LATER)
        activity = self._next_steps()
        self.assertFalse(activity.res_model)
        self.assertEqual(activity.summary, "Call +49 1511 2345678")

    def test_question_can_be_put_aside(self):
        call = self._talk()
        call.action_waive_outcome()
        self.assertFalse(self._asked(self.agent))
        without = self.env["zadarma.call"].with_user(self.agent).search([("outcome_id", "=", False)])
        self.assertEqual(without, call)
        call.action_save_outcome(self.interested.id)
        self.assertEqual(call.outcome_id, self.interested)

    def test_note_alone_is_an_answer_too(self):
        call = self._talk()
        call.action_save_outcome(False, "Was cut off")
        self.assertFalse(self._asked(self.agent))

    def test_late_notifications_leave_the_outcome_alone(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id, "Kept")
        self.deliver(end(internal="101", duration="43"))
        self.assertEqual((call.outcome_id, call.note, call.duration), (self.interested, "Kept", 43))
        self.assertFalse(self._asked(self.agent))

    # === WHO MAY === #

    def test_others_than_those_who_took_part_and_supervisors_may_not(self):
        call = self._talk()
        stranger = new_test_user(self.env, "zadarma_stranger", groups="base.group_user")
        for user in (self.colleague, stranger):
            with self.assertRaises(AccessError):
                call.with_user(user).action_save_outcome(self.interested.id)
            with self.assertRaises(AccessError):
                call.with_user(user).action_waive_outcome()
            with self.assertRaises(AccessError):
                call.with_user(user).action_open_outcome()
        call.with_user(self.supervisor).action_save_outcome(self.interested.id, "", LATER)
        self.assertEqual(call.outcome_id, self.interested)
        self.assertTrue(self._next_steps(self.supervisor))

    def test_outcome_of_another_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Other"})
        foreign = self.env["zadarma.call.outcome"].create({"name": "Foreign", "company_id": other.id})
        call = self._talk()
        self.assertNotIn("Foreign", str(self._sent(self.agent)))
        with self.assertRaises(UserError):
            call.action_save_outcome(foreign.id)

    def test_archived_outcome_is_no_longer_offered_and_stays_on_its_calls(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id)
        self.interested.with_user(self.supervisor).action_archive()
        self._talk(call_id=f"in_{1:040x}")
        self.assertNotIn("Interested", str(self._asked(self.agent)))
        self.assertEqual(call.outcome_id.name, "Interested")

    # === THE FORM OF LATER === #

    def test_form_opens_with_what_was_said(self):
        call = self._talk()
        call.action_save_outcome(self.interested.id, "Ten of them")
        action = call.action_open_outcome()
        wizards = self.env[action["res_model"]].with_user(self.agent).with_context(**action["context"])
        with Form(wizards) as form:
            self.assertEqual((form.outcome_id, form.note), (self.interested, "Ten of them"))
            form.note = "Eleven of them"
            form.next_step = "three_days"
            self.assertEqual(form.next_date, START.date().replace(day=4))
        form.record.action_save()
        self.assertEqual(call.note, "Eleven of them")
        self.assertEqual(self._next_steps().date_deadline, START.date().replace(day=4))

    def test_form_of_a_strangers_call_does_not_open(self):
        call = self._talk()
        wizards = self.env["zadarma.call.outcome.wizard"].with_user(self.colleague)
        with self.assertRaises(AccessError):
            wizards.create({"call_id": call.id}).action_save()
