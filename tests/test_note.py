from odoo.exceptions import AccessError
from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from .common import CALL_ID, CALLER, OUT_CALL_ID, ZadarmaCase, answer, end, inbound, outbound


@tagged("post_install", "-at_install")
class TestNote(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.zadarma_post_notes = True
        cls.ada = cls.env["res.partner"].create({"name": "Ada", "phone": CALLER, "user_id": cls.agent.id})
        cls.lead = cls.env["crm.lead"].create(
            {"name": "Deal", "partner_id": cls.ada.id, "company_id": cls.company.id, "user_id": cls.agent.id}
        )

    def _notes(self, record=None):
        notes = self.env["mail.message"].search([("zadarma_call_id", "!=", False)], order="id")
        return notes.filtered(lambda note: (note.model, note.res_id) == (record._name, record.id)) if record else notes

    def _talk(self, call_id=CALL_ID, **fields):
        self.deliver(inbound("START", call_id=call_id, **fields))
        self.deliver(inbound("INTERNAL", call_id=call_id, internal="101", **fields))
        self.deliver(answer("101", call_id=call_id, **fields), end(call_id=call_id, internal="101", **fields))
        return self._find_call(call_id)

    def _shown(self, note, user, lang=None):
        """Return the note as the web client gets it for a user."""
        reader = note.with_user(user).with_context(lang=lang or user.lang)
        data = Store().add(reader).get_result()["mail.message"]
        return next(values["body"][1] for values in data if values["id"] == note.id)

    def test_one_note_on_the_contact_and_one_on_the_lead(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        self.assertFalse(self._notes(), "the call goes on")
        self.deliver(end(internal="101"), end(internal="101"))
        self._sweep()
        self.assertEqual(len(self._notes()), 2)
        for record in (self.ada, self.lead):
            note = self._notes(record)
            self.assertEqual((len(note), note.author_id), (1, self.agent.partner_id))
            self.assertIn("Agent answered a call from +49 170 12345678", note.body)
            self.assertIn("Talked 0:42", note.body)
            self.assertIn("Berlin (+49 30 12345678)", note.body)
            self.assertTrue(note.is_internal)

    def test_nothing_is_noted_where_the_switch_is_off(self):
        self.company.zadarma_post_notes = False
        self._talk()
        self.assertFalse(self._notes())

    def test_missed_call_is_noted_by_the_system(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("no answer", "0"))
        note = self._notes(self.ada)
        self.assertIn("Missed call from +49 170 12345678", note.body)
        self.assertNotIn("Talked", note.body)
        self.assertEqual(note.author_id, self.env.ref("base.partner_root"))

    def test_outgoing_calls_are_noted(self):
        self.deliver(outbound("OUT_START"))
        self.deliver(outbound("OUT_END", disposition="busy", duration="0", status_code="17", is_recorded="0"))
        note = self._notes(self.ada)
        self.assertIn("Call to +49 170 12345678: Busy", note.body)
        self.assertEqual(note.author_id, self.agent.partner_id)

    def test_internal_unknown_and_old_calls_are_not_noted(self):
        self.colleague.partner_id.phone = "102"
        self._talk(caller="102")
        self._talk(f"in_{1:040x}", caller="+442079460000")
        self._talk(f"in_{2:040x}", caller="anonymous")
        self._talk(f"in_{3:040x}", start="2025-02-01 10:00:00")
        self.assertFalse(self._notes())

    def test_nobody_follows_and_nobody_is_written_to(self):
        self.ada.message_subscribe(self.colleague.partner_id.ids)
        self.colleague.notification_type = "email"
        followers = (self.ada.message_follower_ids | self.lead.message_follower_ids).ids
        mails = self.env["mail.mail"].search_count([])
        self._talk()
        self.assertEqual((self.ada.message_follower_ids | self.lead.message_follower_ids).ids, followers)
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)
        self.assertFalse(self._notes().notification_ids)

    def test_note_is_in_the_language_of_its_reader(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env.ref("zadarma.selection__zadarma_call__result__busy").with_context(lang="de_DE").name = "Besetzt"
        self.env["zadarma.call.outcome"].search([]).with_context(lang="de_DE").name = "Ergebnis"
        self.deliver(outbound("OUT_START"))
        self.deliver(outbound("OUT_END", disposition="busy", duration="0", status_code="17", is_recorded="0"))
        self._find_call(OUT_CALL_ID).outcome_id = self.env["zadarma.call.outcome"].search([], limit=1)
        note = self._notes(self.ada)
        self.assertIn("Besetzt", self._shown(note, self.agent, "de_DE"))
        self.assertIn("Ergebnis", self._shown(note, self.agent, "de_DE"))
        self.assertIn("Busy", self._shown(note, self.agent, "en_US"))

    def test_stored_text_is_in_the_language_of_the_responsible_user(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env.ref("zadarma.selection__zadarma_call__result__busy").with_context(lang="de_DE").name = "Besetzt"
        self.agent.lang = "de_DE"
        self.deliver(outbound("OUT_START"))
        self.deliver(outbound("OUT_END", disposition="busy", duration="0", status_code="17", is_recorded="0"))
        self.assertIn("Besetzt", self._notes(self.ada).body)

    def test_link_is_for_those_who_may_open_the_call(self):
        self._talk()
        note = self._notes(self.ada)
        self.assertIn("data-oe-model", self._shown(note, self.agent))
        self.assertIn("data-oe-model", self._shown(note, self.supervisor))
        self.assertNotIn("data-oe-model", self._shown(note, self.colleague))

    def test_corrected_call_corrects_its_note(self):
        call = self._talk()
        self.deliver(end(duration="125", internal="101"))
        self.env["zadarma.event"].search([]).flush_recordset()
        call.duration = 125
        call.is_settled = False
        self.env.flush_all()
        self._sweep()
        self.assertEqual(len(self._notes()), 2)
        self.assertIn("Talked 2:05", self._notes(self.ada).body)

    def test_outcome_and_words_join_the_note(self):
        call = self._talk()
        outcome = self.env["zadarma.call.outcome"].search([], limit=1)
        call.with_user(self.agent).action_save_outcome(outcome.id, "Wants <b>two</b>\nby May")
        self.assertEqual(len(self._notes()), 2)
        note = self._notes(self.lead)
        self.assertIn(outcome.name, note.body)
        self.assertIn("&lt;b&gt;two", note.body)
        self.assertIn("by May", self._shown(note, self.agent))

    def test_note_follows_the_call_to_another_contact(self):
        call = self._talk()
        bob = self.env["res.partner"].create({"name": "Bob"})
        call.write({"partner_id": bob.id, "lead_id": False})
        call.is_settled = False
        self.env.flush_all()
        self._sweep()
        self.assertEqual(self._notes(), self._notes(bob))
        self.assertEqual(len(self._notes()), 1)

    def test_contact_entered_after_the_call_gets_the_note(self):
        self._talk(caller="+442079460000")
        self.assertFalse(self._notes())
        bob = self.env["res.partner"].create({"name": "Bob", "phone": "+442079460000"})
        self.env.flush_all()
        self._sweep()
        self.assertEqual(len(self._notes(bob)), 1)

    def test_merged_contacts_have_the_note_once(self):
        self._talk()
        twin = self.env["res.partner"].create({"name": "Ada L."})
        self.env["base.partner.merge.automatic.wizard"]._merge((self.ada | twin).ids, twin)
        self.env.flush_all()
        self._sweep()
        self.assertEqual(len(self._notes(twin)), 1)

    def test_deleted_call_takes_its_notes_along(self):
        call = self._talk()
        call.with_user(self.supervisor).unlink()
        self.assertFalse(self._notes())

    def test_names_are_text(self):
        self.own_number.name = "<img src=x onerror=alert(1)>"
        self._talk().note = "<img src=x onerror=alert(2)>"
        note = self._notes(self.ada)
        self.assertIn("alert(1)", note.body)
        self.assertIn("alert(2)", note.body)
        self.assertNotIn("<img", note.body)
        self.assertNotIn("<img", self._shown(note, self.agent))

    def test_other_messages_are_left_as_they_are(self):
        message = self.ada.message_post(body="Hello")
        self.assertIn("Hello", self._shown(message, self.agent))

    def test_nobody_makes_a_message_of_their_own_tell_of_a_call(self):
        call = self._talk()
        own = self.colleague.partner_id.message_post(body="Mine", author_id=self.colleague.partner_id.id)
        messages = self.env["mail.message"].with_user(self.colleague)
        values = {"model": "res.partner", "res_id": self.colleague.partner_id.id, "body": "Mine"}
        with self.assertRaises(AccessError):
            messages.create({**values, "zadarma_call_id": call.id})
        with self.assertRaises(AccessError):
            messages.with_context(default_zadarma_call_id=call.id).create(values)
        with self.assertRaises(AccessError):
            own.with_user(self.colleague).zadarma_call_id = call
        with self.assertRaises(AccessError):
            messages.search([("zadarma_call_id.note", "=like", "%")])
        posted = self.colleague.partner_id.with_user(self.colleague).with_context(default_zadarma_call_id=call.id)
        self.assertIn("Hello", self._shown(posted.message_post(body="Hello"), self.colleague))
