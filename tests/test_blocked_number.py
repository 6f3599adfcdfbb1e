import json

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from .common import CALL_ID, CALLER, DIALLED, OUT_CALL_ID, ZadarmaCase, end, inbound, outbound

REFUSED = {"redirect": "blacklist"}


@tagged("post_install", "-at_install")
class TestBlockedNumber(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.zadarma_block_numbers = True
        cls.blocks = cls.env["zadarma.blocked.number"]

    def _block(self, number=CALLER, user=None, **values):
        blocks = self.blocks.with_user(user or self.supervisor)
        return blocks.create({"number": number, "company_id": self.company.id, "reason": "Spam", **values})

    def _start(self, number=1, caller=CALLER, **fields):
        form = inbound("START", call_id=f"in_{number:040x}", caller=caller, **fields)
        return json.loads(self.deliver(form))

    # === LIST === #

    def test_number_is_kept_in_one_form(self):
        block = self._block("0170 / 123 456 78")
        self.assertEqual((block.number, block.display_name), (CALLER, "+49 170 12345678"))
        self.assertEqual((block.user_id, block.active), (self.supervisor, True))
        block.number = "0049 12*"
        self.assertEqual(block.number, "+4912*")

    def test_what_is_no_number_is_explained(self):
        for number, words in (
            ("spam", "no telephone number"),
            ("", "no telephone number"),
            ("100", "is an extension"),
            ("380*", "which country"),
            (f"+{DIALLED}", "your own account"),
        ):
            with self.subTest(number), self.assertRaisesRegex(ValidationError, words):
                self._block(number)

    def test_archived_own_number_cannot_be_blocked_and_one_given_up_can(self):
        self.own_number.active = False
        with self.assertRaisesRegex(ValidationError, "your own account"):
            self._block(f"+{DIALLED}")
        self.own_number.is_gone = True
        self.assertEqual(self._block(f"+{DIALLED}").number, f"+{DIALLED}")

    def test_number_is_in_the_list_once(self):
        block = self._block()
        self.assertEqual(self._block("0170 12345678"), block)
        twice = self.blocks.with_user(self.supervisor).create([{"number": "+49891234"}, {"number": "089 1234"}])
        self.assertEqual(len(set(twice.ids)), 1)

    def test_lists_are_imported_in_national_forms(self):
        fields = ["number", "reason"]
        rows = [["0170 12345678", "Spam"], ["+49 12*", ""], ["0049 (0)89 5550", "Robot"], ["0170-123 456 78", "again"]]
        result = self.blocks.with_user(self.supervisor).load(fields, rows)
        self.assertFalse(result["messages"])
        found = self.blocks.search([("company_id", "=", self.company.id)])
        self.assertEqual(set(found.mapped("number")), {CALLER, "+4912*", "+49895550"})
        result = self.blocks.with_user(self.supervisor).load(fields, [["spam", ""], ["0170 1", ""]])
        self.assertIn("no telephone number", result["messages"][0]["message"])

    # === RIGHTS === #

    def test_people_block_and_unblock_on_their_own(self):
        block = self._block(user=self.agent)
        self.assertEqual(block.user_id, self.agent)
        with self.assertRaises(AccessError):
            block.with_user(self.colleague).action_archive()
        with self.assertRaises(AccessError):
            block.with_user(self.colleague).write({"reason": "No"})
        with self.assertRaises(AccessError):
            block.with_user(self.agent).unlink()
        block.with_user(self.agent).action_archive()
        self.assertFalse(block.active)
        block.with_user(self.supervisor).action_unarchive()
        self.assertEqual(block.user_id, self.supervisor)
        with self.assertRaises(AccessError):
            block.with_user(self.agent).action_archive()
        with self.assertRaises(AccessError):
            self._block("+4989555", user=self.agent, user_id=self.supervisor.id)

    def test_lifted_block_of_somebody_else_can_be_made_anew(self):
        block = self._block()
        block.with_user(self.supervisor).action_archive()
        again = self._block(user=self.agent, reason="Again")
        self.assertEqual(again, block)
        self.assertEqual((block.active, block.user_id, block.reason), (True, self.agent, "Again"))

    def test_only_supervisors_block_ranges(self):
        with self.assertRaisesRegex(ValidationError, "Only supervisors"):
            self._block("+4912*", user=self.agent)
        self._block("+4912*")

    def test_lists_of_other_companies_are_theirs(self):
        other = self.env["res.company"].create({"name": "Other"})
        block = self.blocks.create({"number": CALLER, "company_id": other.id})
        self.assertFalse(self.blocks.with_user(self.supervisor).search([("id", "=", block.id)]))
        self.assertEqual(self._start(), {})

    def test_who_did_what_is_noted(self):
        block = self._block(user=self.agent)
        self.env.cr.precommit.run()
        block.with_user(self.agent).action_archive()
        self.env.cr.precommit.run()
        self.assertIn(self.agent.partner_id, block.message_ids.author_id)
        tracked = block.sudo().message_ids.tracking_value_ids.field_id
        self.assertIn("active", tracked.mapped("name"))

    # === CALLS === #

    def test_blocked_caller_hears_busy(self):
        self._block()
        self.assertEqual(self._start(), REFUSED)
        self.assertEqual(self._start(2, caller="+4917012345679"), {})

    def test_range_is_blocked(self):
        self._block("+4912*")
        self.assertEqual(self._start(1, caller="+491234567890"), REFUSED)
        self.assertEqual(self._start(2, caller="+491334567890"), {})

    def test_lifted_block_blocks_nothing(self):
        self._block().with_user(self.supervisor).action_archive()
        self.assertEqual(self._start(), {})

    def test_own_numbers_are_never_blocked(self):
        self._block("+4930*")
        self.assertEqual(self._start(1, caller=f"+{DIALLED}"), {})
        self.assertFalse(self.blocks._find_block(self.company.id, f"+{DIALLED}"))
        self.assertEqual(self._start(2, caller="+493012345679"), REFUSED)

    def test_blocked_caller_disturbs_nobody(self):
        self._block()
        self._start()
        call_id = f"in_{1:040x}"
        self.deliver(inbound("INTERNAL", call_id=call_id, internal="101"), end("busy", "0", call_id=call_id))
        call = self._find_call(call_id)
        self.assertEqual((call.is_blocked, call.is_missed, call.state), (True, False, "ended"))
        self.assertFalse(self._sent(self.agent))
        self.assertFalse(self.env["crm.lead"].search([("phone_sanitized", "=", CALLER)]))
        state = self.env["zadarma.call"].with_user(self.agent).get_popup_state()
        self.assertEqual((state["calls"], state["missed"]), ([], 0))

    def test_popup_of_a_call_that_turns_out_blocked_closes(self):
        self._block()
        self.deliver(inbound("INTERNAL", internal="101"))
        self.assertEqual([message["state"] for message in self._sent(self.agent)], ["ringing"])
        self.deliver(inbound("START"))
        self.assertEqual([message["state"] for message in self._sent(self.agent)], ["ringing", "ended"])

    def test_tries_are_counted_once_each(self):
        block = self._block()
        for number in (1, 2):
            call_id = f"in_{number:040x}"
            self._start(number)
            for _time in range(2):
                self.deliver(end("busy", "0", call_id=call_id))
        self.assertEqual(block.try_count, 2)
        self.assertEqual(block.last_try, self._find_call(f"in_{2:040x}").date_start)
        action = block.with_user(self.supervisor).action_view_calls()
        self.assertEqual(self.env["zadarma.call"].search_count(action["domain"]), 2)

    def test_what_was_decided_at_the_start_counts(self):
        block = self._block()
        self._start(1)
        block.with_user(self.supervisor).action_archive()
        self.deliver(end("busy", "0", call_id=f"in_{1:040x}"))
        self.assertTrue(self._find_call(f"in_{1:040x}").is_blocked)
        self._start(2)
        block.with_user(self.supervisor).action_unarchive()
        self.deliver(end("busy", "0", call_id=f"in_{2:040x}"))
        self.assertFalse(self._find_call(f"in_{2:040x}").is_blocked)

    def test_start_that_came_before_the_block_is_answered_as_before(self):
        self._start()
        self._block()
        self.assertEqual(self._start(), {})

    def test_call_to_a_blocked_number_is_no_blocked_call(self):
        self._block()
        self.deliver(outbound("OUT_START"))
        self.assertFalse(self._find_call(OUT_CALL_ID).is_blocked)

    def test_switched_off_blocks_nothing(self):
        block = self._block()
        self.company.zadarma_block_numbers = False
        self.assertEqual(self._start(), {})
        self.assertFalse(self.blocks._find_block(self.company.id, CALLER))
        partner = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        with self.assertRaisesRegex(UserError, "switched off"):
            partner.with_user(self.agent).action_zadarma_block()
        self.deliver(inbound("INTERNAL", internal="101"))
        self.assertFalse(self._sent(self.agent)[-1]["can_block"])
        self.assertTrue(block.active)

    def test_narrowest_block_is_named(self):
        self._block("+49170*")
        block = self._block()
        self._block("+49*")
        self.assertEqual(self.blocks._find_block(self.company.id, CALLER), block)
        self.assertFalse(self.blocks._find_block(self.company.id, ""))

    # === BUTTONS === #

    def _save(self, action, user):
        """Enter a reason in the dialog and save it."""
        self.assertEqual((action["res_model"], action["target"]), ("zadarma.blocked.number", "new"))
        blocks = self.blocks.with_user(user).with_context(**action["context"])
        with Form(blocks, view="zadarma.zadarma_blocked_number_view_form_dialog") as form:
            form.reason = "Robot"
        return form.record

    def test_contact_and_lead_can_be_blocked(self):
        partner = self.env["res.partner"].create({"name": "Ada", "phone": "0170 12345678"})
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": "+49 89 5551234", "user_id": self.agent.id})
        for record in (partner, lead):
            record = record.with_user(self.agent)
            self.assertFalse(record.zadarma_block_id)
            block = self._save(record.action_zadarma_block(), self.agent)
            self.assertEqual((block.reason, block.user_id), ("Robot", self.agent))
            record.invalidate_recordset()
            self.assertEqual(record.zadarma_block_id, block)
            self.assertEqual(record.action_zadarma_block()["res_id"], block.id)
        partner.phone = False
        with self.assertRaisesRegex(UserError, "no phone number"):
            partner.action_zadarma_block()

    def test_caller_can_be_blocked_from_the_popup_and_the_call(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertTrue(self._sent(self.agent)[0]["can_block"])
        call = self._find_call()
        with self.assertRaises(AccessError):
            call.with_user(self.colleague).action_block()
        block = self._save(call.with_user(self.agent).action_block(), self.agent)
        self.assertEqual(block.number, CALLER)
        self.assertEqual(self._start(2), REFUSED)

    def test_withheld_and_internal_calls_cannot_be_blocked(self):
        self.deliver(inbound("START", caller="anonymous"), inbound("INTERNAL", caller="anonymous", internal="101"))
        self.assertFalse(self._sent(self.agent)[0]["can_block"])
        with self.assertRaisesRegex(UserError, "no outside number"):
            self._find_call(CALL_ID).with_user(self.agent).action_block()

    # === OTHER COMPANIES === #

    def test_blocks_of_other_companies_are_out_of_reach(self):
        other = self.env["res.company"].create({"name": "Other"})
        lifted = self.blocks.create({"number": CALLER, "company_id": other.id, "reason": "Lifted", "active": False})
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError, msg="blocks there again"):
                self._block(user=user, company_id=other.id)
            with self.assertRaises(AccessError, msg="moves a block there"):
                self._block("+4989123456", user=user).company_id = other
        self.assertEqual((lifted.active, lifted.reason), (False, "Lifted"))

    def test_people_block_in_their_own_name(self):
        block = self._block(user=self.agent)
        for values in ({"user_id": self.colleague.id}, {"try_count": 7}, {"date": "2000-01-01 00:00:00"}):
            with self.assertRaises(AccessError):
                block.with_user(self.agent).write(values)
        with self.assertRaises(AccessError):
            self._block("+4989123456", user=self.agent, user_id=self.colleague.id)
        block.with_user(self.agent).action_archive()
        block.with_user(self.agent).action_unarchive()
        self.assertEqual(block.user_id, self.agent)
