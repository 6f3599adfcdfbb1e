from odoo.tests import tagged

from .common import CALLER, ZadarmaCase, answer, end, inbound, outbound

MARKUP = "<img src=x onerror=alert(1)>{{7*7}} %s \U0001f4de"


@tagged("post_install", "-at_install")
class TestPopup(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.env["res.partner"].create({"name": "Analytical Engines", "is_company": True})
        cls.partner = cls.env["res.partner"].create(
            {"name": "Ada Lovelace", "phone": CALLER, "parent_id": cls.firm.id, "user_id": cls.colleague.id}
        )

    def _states(self, user):
        return [message["state"] for message in self._sent(user)]

    def test_exactly_the_users_who_ring_are_told(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertEqual(self._states(self.agent), ["ringing"])
        self.assertFalse(self._sent(self.colleague))
        self.assertFalse(self._sent(self.supervisor))

    def test_popup_says_who_is_calling(self):
        lead = self.env["crm.lead"].create(
            {
                "name": "Difference engine",
                "type": "opportunity",
                "partner_id": self.partner.id,
                "user_id": self.agent.id,
            }
        )
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        message = self._sent(self.agent)[0]
        self.assertEqual(message["partner"]["name"], "Ada Lovelace")
        self.assertEqual(message["partner"]["company"], "Analytical Engines")
        self.assertEqual((message["number"], message["country"]), (CALLER, "DE"))
        self.assertEqual(message["own_number"], {"number": "+49 30 12345678", "name": "Berlin"})
        self.assertEqual([deal["id"] for deal in message["deals"]], [lead.id])
        self.assertEqual(message["responsible"], "Agent")
        self.assertFalse(message["can_create"])

    def test_answer_closes_the_others(self):
        self.deliver(
            inbound("START"),
            inbound("INTERNAL", internal="101"),
            inbound("INTERNAL", internal="102"),
            answer("102"),
        )
        self.assertEqual(self._states(self.agent), ["ringing", "ended"])
        self.assertEqual(self._states(self.colleague), ["ringing", "talking"])
        closed = self._sent(self.agent)[-1]
        self.assertEqual((closed["reason"], closed["by"]), ("answered_elsewhere", "Colleague"))
        self.deliver(end(internal="102"))
        self.assertEqual(self._states(self.agent), ["ringing", "ended"], "it is closed already")
        self.assertEqual(self._states(self.colleague), ["ringing", "talking", "ended"])

    def test_ringing_twice_is_one_popup(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="101"))
        self.deliver(inbound("INTERNAL", internal="101", calltype="normal"))
        self.assertEqual(self._states(self.agent), ["ringing"])

    def test_two_extensions_of_a_user_are_one_popup(self):
        self.extensions[2].user_id = self.agent
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="103"))
        self.assertEqual(self._states(self.agent), ["ringing"])
        self.deliver(answer("103"))
        self.assertEqual(self._states(self.agent), ["ringing", "talking"])

    def test_missed_call_counts_until_it_is_done(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("cancel", "0"))
        closed = self._sent(self.agent)[-1]
        self.assertEqual((closed["state"], closed["reason"]), ("ended", "missed"))
        row = self._find_call().missed_call_id
        calls = self.env["zadarma.call"].with_user(row.user_id)
        self.assertEqual(calls.get_popup_state()["missed"], 1)
        row.with_user(row.user_id).action_done()
        self.assertEqual(calls.get_popup_state()["missed"], 0)

    def test_state_is_read_again_after_a_reload(self):
        calls = self.env["zadarma.call"].with_user(self.agent)
        self.assertFalse(calls.get_popup_state()["calls"])
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        self.assertEqual([call["state"] for call in calls.get_popup_state()["calls"]], ["ringing"])
        self.deliver(answer("101"))
        self.clock.tick(30)
        state = calls.get_popup_state()
        self.assertEqual([call["talking_seconds"] for call in state["calls"]], [30])
        self.assertFalse(self.env["zadarma.call"].with_user(self.colleague).get_popup_state()["calls"])
        self.deliver(end(internal="101"))
        self.assertFalse(calls.get_popup_state()["calls"])

    def test_people_without_extension_get_nothing(self):
        state = self.env["zadarma.call"].with_user(self.supervisor).get_popup_state()
        self.assertFalse(state["enabled"])

    def test_old_notifications_open_nothing(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), process=False)
        self.clock.tick(31)
        self._sweep()
        self.assertEqual(self._find_call().state, "ringing")
        self.assertFalse(self._sent(self.agent))
        self.assertFalse(self.env["zadarma.call"].with_user(self.agent).get_popup_state()["calls"])

    def test_notifications_delivered_late_open_nothing(self):
        self.clock.tick(3600)
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertFalse(self._sent(self.agent))

    def test_wrong_zone_of_the_account_silences_no_popup_for_long(self):
        self.clock.tick(3600)
        for number in range(3):
            self.clock.tick(5)
            self.deliver(inbound("START", call_id=f"in_{number:040x}", start=f"2025-03-01 10:00:{5 * number + 4:02}"))
        call_id = f"in_{9:040x}"
        start = {"call_id": call_id, "start": "2025-03-01 10:00:15"}
        self.deliver(inbound("START", **start), inbound("INTERNAL", internal="101", **start))
        self.assertEqual(self._states(self.agent), ["ringing"])

    def test_clock_of_the_account_ahead_is_tolerated(self):
        start = {"start": "2025-03-01 10:10:00"}
        self.deliver(inbound("START", **start), inbound("INTERNAL", internal="101", **start))
        self.assertEqual(self._states(self.agent), ["ringing"])

    def test_outbound_call_shows_to_the_caller(self):
        self.deliver(outbound("OUT_START", start="2025-03-01 10:00:00"))
        message = self._sent(self.agent)[0]
        self.assertEqual((message["state"], message["direction"]), ("ringing", "outbound"))

    def test_withheld_caller_offers_nothing_to_create(self):
        self.deliver(inbound("START", caller="anonymous"), inbound("INTERNAL", internal="101", caller="anonymous"))
        message = self._sent(self.agent)[0]
        self.assertTrue(message["withheld"])
        self.assertFalse(message["can_create"])
        self.assertEqual(message["number"], "")

    def test_colleague_is_called_by_name(self):
        caller = {"caller": "102"}
        self.deliver(inbound("START", **caller), inbound("INTERNAL", internal="101", **caller))
        message = self._sent(self.agent)[0]
        self.assertEqual((message["direction"], message["partner"]["name"]), ("internal", "Colleague"))

    def test_unknown_caller_offers_to_create(self):
        caller = {"caller": "+4915112345678"}
        self.deliver(inbound("START", **caller), inbound("INTERNAL", internal="101", **caller))
        message = self._sent(self.agent)[0]
        self.assertTrue(message["can_create"])

    def test_several_contacts_are_for_people_to_choose(self):
        other = self.env["res.partner"].create({"name": "Charles Babbage", "phone": CALLER})
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        message = self._sent(self.agent)[0]
        self.assertEqual({match["id"] for match in message["matches"]}, {self.partner.id, other.id})
        self.assertFalse(message["partner"])
        call = self._find_call().with_user(self.agent)
        self.assertEqual(call.action_choose_partner(other.id)["partner"]["name"], "Charles Babbage")
        self.env.cr.precommit.run()
        self.assertEqual(self._sent(self.agent)[-1]["partner"]["name"], "Charles Babbage", "other tabs are told too")
        self.deliver(answer("101"))
        self.assertEqual(self._find_call().partner_id, other)

    def test_user_sees_only_what_their_rights_show(self):
        lead = self.env["crm.lead"].create(
            {"name": "Secret", "type": "opportunity", "partner_id": self.partner.id, "user_id": self.colleague.id}
        )
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        self.assertEqual(call.lead_id, lead)
        message = self._sent(self.agent)[0]
        self.assertFalse(message["deals"])
        self.assertFalse(message["lead"])
        self.assertNotIn("Secret", str(message))

    def _hide(self, partner):
        """Hide a contact from everybody, as a rule of a company's own may do."""
        model = self.env["ir.model"]._get_id("res.partner")
        domain = f"[('id', '!=', {partner.id})]"
        self.env["ir.rule"].create({"name": "Hidden contact", "model_id": model, "domain_force": domain})

    def test_contact_that_the_user_may_not_see_is_not_shown(self):
        self._hide(self.partner)
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertEqual(self._find_call().partner_id, self.partner)
        self.assertFalse(self._sent(self.agent)[0]["partner"])

    def test_contacts_to_choose_from_are_those_that_the_user_may_see(self):
        other = self.env["res.partner"].create({"name": "Charles Babbage", "phone": CALLER})
        self._hide(self.partner)
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertEqual(self._find_call().caller_state, "ambiguous")
        message = self._sent(self.agent)[0]
        self.assertEqual([match["id"] for match in message["matches"]], other.ids)
        self.assertEqual(message["matches_count"], 1)

    def test_lead_is_shown_by_the_person_and_never_as_its_call(self):
        self.partner.phone = False
        lead = self.env["crm.lead"].create(
            {"name": "Call from +49 170 12345678", "phone": CALLER, "user_id": self.agent.id}
        )
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertEqual(self._sent(self.agent)[0]["lead"], {"id": lead.id, "name": ""})
        lead.contact_name = "Ada Lovelace"
        [call] = self.env["zadarma.call"].with_user(self.agent).get_popup_state()["calls"]
        self.assertEqual(call["lead"]["name"], "Ada Lovelace")

    def test_markup_in_names_is_sent_as_text(self):
        self.partner.name = MARKUP
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertEqual(self._sent(self.agent)[0]["partner"]["name"], MARKUP)

    def test_user_of_another_company_is_not_told(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.agent.write({"company_ids": [(6, 0, company.ids)], "company_id": company.id})
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertFalse(self._sent(self.agent))

    def test_user_without_sales_rights_gets_the_popup_without_deals(self):
        self.agent.group_ids = self.env.ref("base.group_user")
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        message = self._sent(self.agent)[0]
        self.assertEqual(message["partner"]["name"], "Ada Lovelace")
        self.assertFalse(message["deals"])
        self.assertTrue(self.env["zadarma.call"].with_user(self.agent).get_popup_state()["calls"])
