from datetime import timedelta

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import CALL_ID, CALLER, DIALLED, OUT_CALL_ID, ZadarmaCase, answer, end, inbound, outbound

SHOWN = "+49 170 12345678"


@tagged("post_install", "-at_install")
class TestCreation(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"zadarma_create_records": True, "zadarma_create_type": "opportunity"})
        cls.default = cls._new_user("default", "sales_team.group_sale_salesman")
        cls.team = cls.env["crm.team"].create({"name": "Berlin", "company_id": cls.company.id, "user_id": False})

    def _leads(self, number=CALLER):
        leads = self.env["crm.lead"].with_context(active_test=False)
        return leads.search([("phone_sanitized", "=", number)])

    def _contacts(self, number=CALLER):
        return self.env["res.partner"].search([("phone_sanitized", "=", number)])

    def _answered(self, call_id=CALL_ID, extension="101", **fields):
        self.deliver(inbound("START", call_id=call_id, **fields))
        self.deliver(inbound("INTERNAL", call_id=call_id, internal="101", **fields))
        self.deliver(answer(extension, call_id=call_id, **fields))
        self.deliver(end(call_id=call_id, internal=extension, **fields))
        return self._find_call(call_id)

    def _missed(self, call_id=CALL_ID, **fields):
        self.deliver(inbound("START", call_id=call_id, **fields))
        self.deliver(inbound("INTERNAL", call_id=call_id, internal="101", **fields))
        self.deliver(end("no answer", "0", call_id=call_id, **fields))
        return self._find_call(call_id)

    # === WHAT AND WHEN === #

    def test_opportunity_is_there_when_somebody_answers(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        self.assertFalse(self._leads())
        self.deliver(answer("102"))
        lead = self._leads()
        self.assertEqual((lead.type, lead.user_id, lead.company_id), ("opportunity", self.colleague, self.company))
        self.assertEqual((lead.name, lead.phone), (f"Call from {SHOWN}", SHOWN))
        self.assertEqual(lead.country_id.code, "DE")
        self.assertEqual((lead.source_id.name, lead.medium_id.name), ("Phone", "Phone"))
        call = self._find_call()
        self.assertEqual((call.lead_id, call.caller_state, call.has_created), (lead, "found", True))
        # Whoever talks sees it in the popup, and may open it.
        self.assertEqual(self._sent(self.colleague)[-1]["lead"]["id"], lead.id)
        self.assertEqual(call.with_user(self.colleague).action_open_record()["res_id"], lead.id)
        self.deliver(end())
        self.assertEqual(self._leads(), lead)

    def test_call_is_called_after_the_number_until_the_lead_has_a_name(self):
        call = self._answered()
        self.assertEqual((call.party_name, call.display_name), (SHOWN, f"Call from {SHOWN}"))
        call.lead_id.contact_name = "Ada"
        call.invalidate_recordset()
        self.assertEqual((call.party_name, call.display_name), ("Ada", "Call from Ada"))

    def test_nothing_is_created_where_the_switch_is_off(self):
        self.company.zadarma_create_records = False
        self._answered()
        self.assertFalse(self._leads() or self._contacts())

    def test_contact_alone(self):
        self.company.zadarma_create_type = "contact"
        call = self._answered()
        contact = self._contacts()
        self.assertFalse(self._leads())
        self.assertEqual((contact.name, contact.phone, contact.user_id), (SHOWN, SHOWN, self.agent))
        self.assertEqual((contact.country_id.code, contact.company_id), ("DE", self.company))
        self.assertEqual((call.partner_id, call.lead_id.id), (contact, False))
        self._answered(f"in_{1:040x}")
        self.assertEqual(self._contacts(), contact)

    def test_contact_and_opportunity(self):
        self.company.zadarma_create_type = "contact_opportunity"
        call = self._answered()
        self.assertEqual((call.partner_id, call.lead_id), (self._contacts(), self._leads()))
        self.assertEqual(self._leads().partner_id, self._contacts())
        self.assertEqual(self._leads().phone_sanitized, CALLER)

    def test_leads_are_for_those_who_use_them(self):
        self.company.zadarma_create_type = "lead"
        self._answered()
        self.assertEqual(self._leads().type, "opportunity")
        self.env.ref("base.group_user").implied_ids |= self.env.ref("crm.group_use_lead")
        self._answered(f"in_{1:040x}", caller="+442079460000")
        self.assertEqual(self._leads("+442079460000").type, "lead")

    def test_each_kind_of_call_has_its_switch(self):
        calls = {
            "incoming_answered": self._answered,
            "incoming_missed": self._missed,
            "outgoing_answered": lambda: self._out("answered", "30"),
            "outgoing_unanswered": lambda: self._out("no answer", "0"),
        }
        for kind, take_place in calls.items():
            for is_on in (False, True):
                with self.subTest(kind=kind, is_on=is_on), self.env.cr.savepoint() as savepoint:
                    for other in calls:
                        self.company[f"zadarma_create_{other}"] = (other == kind) is is_on
                    take_place()
                    self.assertEqual(len(self._leads()), int(is_on))
                    savepoint.rollback()
                    self.env.invalidate_all()

    def _out(self, disposition, duration):
        self.deliver(outbound("OUT_START"))
        self.deliver(outbound("OUT_END", disposition=disposition, duration=duration, status_code="16", is_recorded="0"))

    def test_outgoing_call_belongs_to_who_called(self):
        self.company.zadarma_create_outgoing_unanswered = True
        self._out("no answer", "0")
        self.assertEqual((self._leads().user_id, self._leads().name), (self.agent, f"Call to {SHOWN}"))

    # === WHOSE === #

    def test_responsible_is_who_answered_then_the_number_then_the_default_then_nobody(self):
        self._missed()
        lead = self._leads()
        self.assertFalse(lead.user_id or lead.team_id)
        lead.unlink()
        self.company.zadarma_default_user_id = self.default
        self._missed(f"in_{1:040x}")
        self.assertEqual(self._leads().user_id, self.default)
        self._leads().unlink()
        self.own_number.user_id = self.colleague
        self._missed(f"in_{2:040x}")
        self.assertEqual(self._leads().user_id, self.colleague)
        self._leads().unlink()
        self._answered(f"in_{3:040x}")
        self.assertEqual(self._leads().user_id, self.agent)

    def test_owner_is_never_a_user_of_the_system(self):
        self._missed()
        self.assertNotIn(self._leads().user_id, self.env.ref("base.user_root") | self.env.ref("base.public_user"))
        self.assertEqual(self._leads().create_uid, self.env.ref("base.user_root"))

    def test_who_answered_sees_the_lead_and_colleagues_do_not(self):
        self._answered()
        self.assertEqual(self._leads().with_user(self.agent).name, f"Call from {SHOWN}")
        with self.assertRaises(AccessError):
            self._leads().with_user(self.colleague).read(["name"])

    def test_reception_owns_no_leads(self):
        reception = self._new_user("reception", "zadarma.group_zadarma_user")
        self.extensions[2].user_id = reception
        self.company.zadarma_default_user_id = self.default
        self._answered(extension="103")
        self.assertEqual(self._leads().user_id, self.default)

    def test_dialled_number_says_team_source_medium_and_language(self):
        source = self.env["utm.source"].create({"name": "Poster"})
        medium = self.env.ref("utm.utm_medium_banner")
        german = self.env["res.lang"]._activate_lang("de_DE")
        self.own_number.write(
            {"team_id": self.team.id, "source_id": source.id, "medium_id": medium.id, "lang_id": german.id}
        )
        self._missed()
        lead = self._leads()
        self.assertEqual((lead.team_id, lead.source_id, lead.medium_id), (self.team, source, medium))
        self.assertEqual(lead.lang_id, german)
        self.assertEqual(lead.company_id, self.company)

    def test_company_says_team_and_source_where_the_number_does_not(self):
        source = self.env["utm.source"].create({"name": "Telephone book"})
        self.company.write({"zadarma_team_id": self.team.id, "zadarma_source_id": source.id})
        self._answered()
        self.assertEqual((self._leads().team_id, self._leads().source_id), (self.team, source))

    def test_title_is_in_the_language_of_who_reads_it(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.agent.lang = "de_DE"
        call = self._answered()
        self.assertEqual(call._in_language_of(self.agent).env.lang, "de_DE")

    def test_who_talked_gets_no_word_of_their_own_lead(self):
        self.agent.notification_type = "email"
        self._answered()
        self.assertFalse(self.env["mail.mail"].search([("res_id", "=", self._leads().id), ("model", "=", "crm.lead")]))
        self.assertNotIn(self.env.ref("base.partner_root"), self._leads().message_partner_ids)

    # === WHO IS NO NEW CUSTOMER === #

    def test_withheld_own_and_internal_callers_make_none(self):
        before = self.env["crm.lead"].search_count([])
        self._answered(caller="anonymous")
        self._answered(f"in_{4:040x}", caller="")
        self._answered(f"in_{5:040x}", caller="12")
        self._answered(f"in_{6:040x}", caller="123456")
        self._answered(f"in_{1:040x}", caller="102")
        self._answered(f"in_{2:040x}", caller=DIALLED)
        self.own_number.active = False
        self._answered(f"in_{3:040x}", caller=DIALLED)
        self.assertEqual(self.env["crm.lead"].search_count([]), before)
        self.own_number.is_gone = True
        self._answered(f"in_{7:040x}", caller=DIALLED)
        self.assertEqual(self.env["crm.lead"].search_count([]), before + 1, "it is somebody else's by now")

    def test_blocked_caller_makes_none(self):
        self.deliver(inbound("START"))
        # sudo: zadarma.event - nobody edits notifications; this is what a blocked caller's answer looks like
        self._find_events(name="NOTIFY_START").sudo().answer = '{"redirect": "blacklist"}'
        self.deliver(end("busy", "0"))
        self.assertTrue(self._find_call().is_blocked)
        self.assertFalse(self._leads())

    def test_colleague_who_calls_from_outside_is_no_customer(self):
        self.company.zadarma_create_for_contacts = True
        self.colleague.partner_id.phone = CALLER
        self._answered()
        self.assertFalse(self._leads())

    def test_number_of_several_contacts_makes_none(self):
        self.env["res.partner"].create([{"name": "Ada", "phone": CALLER}, {"name": "Bob", "phone": CALLER}])
        call = self._answered()
        self.assertFalse(self._leads())
        self.assertEqual(call.caller_state, "ambiguous")

    def test_known_contact_is_linked(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        call = self._answered()
        self.assertEqual((call.partner_id, call.has_created), (ada, False))
        self.assertFalse(self._leads())

    def test_known_contact_gets_a_new_deal_where_wanted(self):
        self.company.zadarma_create_for_contacts = True
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        call = self._answered()
        self.assertEqual((call.partner_id, call.lead_id.partner_id), (ada, ada))
        self._answered(f"in_{1:040x}")
        self.assertEqual(len(ada.opportunity_ids), 1)
        self.assertEqual(ada.phone, CALLER)

    def test_caller_with_an_open_lead_is_linked(self):
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": CALLER, "company_id": self.company.id})
        call = self._answered()
        self.assertEqual((call.lead_id, self._leads()), (lead, lead))

    # === ONE A CALLER === #

    def test_many_calls_and_extensions_make_one(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        other = f"in_{1:040x}"
        self.deliver(inbound("START", call_id=other), inbound("INTERNAL", call_id=other, internal="103"))
        self.deliver(answer("101"), answer("102"), answer("103", call_id=other))
        self.deliver(end(), end(), end(call_id=other))
        self._sweep()
        lead = self._leads()
        self.assertEqual(len(lead), 1)
        self.assertEqual(lead.zadarma_call_ids, self._find_call() | self._find_call(other))

    def test_deleted_lead_does_not_come_back_with_the_end_of_its_call(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        self._leads().unlink()
        self.deliver(end())
        self.assertFalse(self._leads())

    def test_end_alone_and_a_late_start_make_one(self):
        self.deliver(end(internal="101"))
        self.assertEqual(len(self._leads()), 1)
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), end(internal="101"))
        self.assertEqual(len(self._leads()), 1)

    def test_contact_whom_somebody_chose_is_not_changed(self):
        self.company.zadarma_create_for_contacts = True
        bob = self.env["res.partner"].create({"name": "Bob"})
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self._find_call().partner_id = bob
        self.env.flush_all()
        self.deliver(answer("101"), end(internal="101"))
        self.assertEqual((len(bob.opportunity_ids), bob.phone), (1, False))
        self.assertEqual((self._find_call().partner_id, self._find_call().caller_state), (bob, "chosen"))

    def test_missed_call_after_a_lost_lead_is_nothing_that_nobody_sees(self):
        self.company.zadarma_missed_activities = True
        self.company.zadarma_default_user_id = self.default
        self._answered()
        self._leads().action_set_lost()
        call = self._missed(f"in_{1:040x}")
        self.assertEqual(call.lead_id, self._leads())
        self.assertFalse(self._leads().with_context(active_test=False).activity_ids)
        self.assertTrue(call.missed_call_id)

    def test_lead_whose_number_was_changed_is_not_doubled(self):
        self._answered()
        lead = self._leads()
        lead.phone = "+49 30 1111111"
        call = self._answered(f"in_{1:040x}")
        self.assertEqual(call.lead_id, lead)
        self.assertFalse(self._leads())

    def test_number_that_odoo_does_not_take_for_valid_is_not_doubled(self):
        odd = "+49999123456"
        first, second = self._answered(caller=odd), self._answered(f"in_{1:040x}", caller=odd)
        self.assertTrue(first.lead_id)
        self.assertEqual(first.lead_id, second.lead_id)

    def test_lost_lead_gets_a_successor_only_after_the_set_time(self):
        self._check_successor("action_set_lost")

    def test_won_lead_gets_a_successor_only_after_the_set_time(self):
        self._check_successor("action_set_won")

    def _check_successor(self, close):
        self._answered()
        lead = self._leads()
        getattr(lead, close)()
        self.clock.tick(timedelta(days=29))
        call = self._answered(f"in_{1:040x}", start=str(self.clock()))
        self.assertEqual((self._leads(), call.lead_id), (lead, lead))
        self.assertFalse(call._get_popup_values(self.agent, "talking")["deals"], "it is no open deal")
        self.clock.tick(timedelta(days=2))
        call = self._answered(f"in_{2:040x}", start=str(self.clock()))
        self.assertEqual(len(self._leads()), 2)
        self.assertNotEqual(call.lead_id, lead)

    def test_calls_of_the_past_make_none(self):
        self._answered(start="2025-02-26 10:00:00")
        self.assertFalse(self._leads())

    def test_other_company_keeps_its_own(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_secret": "x"})
        self.env["crm.lead"].create({"name": "Theirs", "phone": CALLER, "company_id": other.id})
        call = self._answered()
        self.assertEqual(call.lead_id.company_id, self.company)
        self.assertEqual(len(self._leads()), 2)
        self.deliver(inbound("START", call_id=OUT_CALL_ID), company=other)
        self.assertEqual(len(self._leads()), 2)
