from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import CALLER, ZadarmaApiMixin, ZadarmaCase, answer, end, inbound, outbound

INFO = "/v1/pbx/internal/101/info/"


@tagged("post_install", "-at_install")
class TestDialler(ZadarmaApiMixin, ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.firm = cls.env["res.partner"].create({"name": "Nordwind GmbH", "is_company": True, "phone": "030 555 0100"})
        cls.anna = cls.env["res.partner"].create(
            {"name": "Anna Berg", "parent_id": cls.firm.id, "phone": "0170 12345678"}
        )
        cls.env["res.partner"].create({"name": "Anna without a phone"})
        cls.lead = cls.env["crm.lead"].create(
            {"name": "Ten sails", "contact_name": "Annabel Sand", "phone": "+48 22 123 45 67", "user_id": cls.agent.id}
        )

    def _find(self, term, user=None):
        people = self.env["zadarma.dialler"].with_user(user or self.agent).find_people(term)
        return [(row["model"], row["id"]) for row in people]

    def _is_found(self, record, term, user=None):
        return (record._name, record.id) in self._find(term, user)

    def test_people_are_found_by_parts_of_their_names(self):
        for term in ("anna", "BERG", "nordwind berg", "berg nord", "an", "be", "  Anna  "):
            self.assertTrue(self._is_found(self.anna, term), term)
        self.assertTrue(self._is_found(self.lead, "annab"))
        self.assertTrue(self._is_found(self.lead, "ten sails"))
        self.assertFalse(self._is_found(self.anna, "anna xyz"))
        self.assertFalse(self._is_found(self.anna, "er"), "two letters are the beginning of a word")

    def test_names_that_begin_so_go_first(self):
        self.env["res.partner"].create({"name": "Joanna Berg", "phone": "0171 1234567"})
        self.assertEqual(self._find("anna berg")[0], ("res.partner", self.anna.id))
        self.assertEqual(len(self._find("anna berg")), 2)

    def test_only_who_can_be_called_is_found(self):
        self.assertFalse(self._find("without a phone"))

    def test_people_are_found_by_the_beginning_of_their_numbers(self):
        for term in ("0170", "0170 12", "+49 170", "+49 (170) 12", "0049170", "4917012345678", "٠١٧٠ ١٢"):
            self.assertTrue(self._is_found(self.anna, term), term)
        for term in ("+48", "4822", "+48 22 123", "0048 22"):
            self.assertEqual(self._is_found(self.lead, term), len(term) > 3 and "22" in term, term)
        self.assertFalse(self._is_found(self.anna, "0171"))
        self.assertFalse(self._is_found(self.anna, "01"), "two digits are too few")

    def test_number_is_found_by_its_end_too(self):
        self.assertTrue(self._is_found(self.anna, "345678"))
        self.assertFalse(self._find("45678"))

    def test_rows_say_who_it_is_and_what_is_called(self):
        (row,) = self.env["zadarma.dialler"].with_user(self.agent).find_people("anna berg")
        self.assertEqual(
            row,
            {
                "model": "res.partner",
                "id": self.anna.id,
                "name": "Anna Berg",
                "detail": "Nordwind GmbH",
                "number": "0170 12345678",
                "number_display": "+49 170 12345678",
            },
        )
        (row,) = self.env["zadarma.dialler"].with_user(self.agent).find_people("annabel")
        self.assertEqual((row["name"], row["detail"]), ("Annabel Sand", "Ten sails"))

    def test_people_find_what_they_may_see(self):
        self.lead.user_id = self.colleague
        self.assertFalse(self._is_found(self.lead, "annabel"))
        self.assertTrue(self._is_found(self.lead, "annabel", self.colleague))
        other = self.env["res.company"].create({"name": "Other"})
        self.anna.company_id = other
        self.assertFalse(self._is_found(self.anna, "anna"))

    def test_archived_and_won_are_not_found(self):
        self.anna.active = False
        self.lead.stage_id = self.env["crm.stage"].create({"name": "Won", "is_won": True})
        self.assertFalse(self._find("anna"))
        self.assertFalse(self._find("0170"))

    def test_few_rows_are_read(self):
        self.env["res.partner"].create([{"name": f"Anna {n}", "phone": f"0171 123450{n:02}"} for n in range(20)])
        self.assertLessEqual(len(self._find("anna")), 10)
        self.assertLessEqual(len(self._find("0171")), 10)

    def test_odd_terms_find_nobody_and_break_nothing(self):
        for term in ("", " ", "%", "%%%", "___", "\\", "a\\", "'", "++", "+", "a" * 5000, "📞", None, False, 12, ["x"]):
            self.assertFalse(self._find(term), term)

    def test_who_cannot_dial_finds_nobody(self):
        self.assertFalse(self._find("anna", self.supervisor))
        state = self.env["zadarma.dialler"].with_user(self.supervisor).get_dialler_state()
        self.assertEqual(state, {"extension": "", "own_number": "", "recent": []})
        portal = new_test_user(self.env, "zadarma_portal_dialler", groups="base.group_portal")
        self.assertFalse(self._find("anna", portal))

    def test_dialler_is_there_for_connected_people_only(self):
        calls = self.env["zadarma.call"]
        self.assertTrue(calls.with_user(self.agent).get_popup_state()["can_dial"])
        self.assertFalse(calls.with_user(self.supervisor).get_popup_state()["can_dial"])
        self.company.zadarma_key = False
        state = calls.with_user(self.agent).get_popup_state()
        self.assertEqual((state["enabled"], state["can_dial"]), (True, False))
        self.company.zadarma_secret = False
        self.assertFalse(calls.with_user(self.agent).get_popup_state()["enabled"])

    def test_recent_calls_are_ones_own(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), end(internal="101"))
        self.clock.tick(60)
        self.deliver(
            outbound("OUT_START", extension="102"),
            outbound("OUT_END", extension="102", disposition="busy", duration="0"),
        )
        recent = self.env["zadarma.dialler"].with_user(self.agent).get_dialler_state()["recent"]
        self.assertEqual(len(recent), 1)
        self.assertEqual((recent[0]["model"], recent[0]["id"]), ("res.partner", self.anna.id))
        self.assertEqual((recent[0]["number"], recent[0]["direction"]), (CALLER, "inbound"))
        self.assertEqual((recent[0]["result"], recent[0]["missed"]), ("Answered", False))
        self.anna.company_id = self.env["res.company"].create({"name": "Other"})
        recent = self.env["zadarma.dialler"].with_user(self.agent).get_dialler_state()["recent"]
        self.assertEqual((recent[0]["model"], recent[0]["name"]), (False, ""), "who may not see the contact")

    def test_recent_call_of_a_lead_without_a_name_is_called_after_the_number(self):
        self.deliver(inbound("START", caller="+442071234567"), inbound("INTERNAL", internal="101"), end())
        call = self._find_call()
        call.lead_id = self.env["crm.lead"].create({"name": "Call from +44 20 7123 4567", "user_id": self.agent.id})
        dialler = self.env["zadarma.dialler"].with_user(self.agent)
        (recent,) = dialler.get_dialler_state()["recent"]
        self.assertEqual((recent["name"], recent["number_display"]), ("", "+44 20 7123 4567"))
        call.lead_id.contact_name = "Ada"
        self.assertEqual(dialler.get_dialler_state()["recent"][0]["name"], "Ada")

    def test_withheld_numbers_cannot_be_called_again(self):
        caller = {"caller": "anonymous"}
        self.deliver(inbound("START", **caller), inbound("INTERNAL", internal="101", **caller), end("cancel", **caller))
        (recent,) = self.env["zadarma.dialler"].with_user(self.agent).get_dialler_state()["recent"]
        self.assertEqual((recent["number"], recent["number_display"]), ("", "Withheld number"))

    def test_shown_number_is_asked_for_once_a_day(self):
        dialler = self.env["zadarma.dialler"].with_user(self.agent)
        self.assertEqual(dialler.get_dialler_state()["own_number"], "")
        self.answers[INFO] = {"caller_id": "442037691880", "caller_id_by_direction": "false"}
        for _time in range(2):
            self.assertEqual(dialler.get_own_number(), "+44 20 3769 1880")
        self.assertEqual(dialler.get_dialler_state()["own_number"], "+44 20 3769 1880")
        self.assertEqual(len(self.asked), 1)
        self.clock.tick(25 * 3600)
        self.answers[INFO] = {"caller_id": "442037691880", "caller_id_by_direction": "true"}
        self.assertEqual(dialler.get_own_number(), "", "the called country decides")
        with self.assertRaises(AccessError):
            self.extensions[0].with_user(self.agent).caller_id = "1"

    def test_shown_number_that_is_not_known_disturbs_nobody(self):
        dialler = self.env["zadarma.dialler"].with_user(self.agent)
        for answered in ((500, {}), (404, {"message": "Not found"}), {}, {"caller_id": "0"}, {"caller_id": None}):
            self.answers[INFO] = answered
            self.assertEqual(dialler.get_own_number(), "")
            self.assertEqual(dialler.get_own_number(), "")
            self.clock.tick(25 * 3600)
        self.assertEqual(len(self.asked), 5, "one try a day")
