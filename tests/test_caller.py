from odoo.tests import tagged

from ..zadarma_api.caller import Caller
from .common import CALLER, ZadarmaCase


@tagged("post_install", "-at_install")
class TestCaller(ZadarmaCase):
    def _find(self, number=CALLER):
        self.env.flush_all()
        e164 = self.company._zadarma_parse_number(number).e164
        return self.env["zadarma.caller"]._find(e164, self.company.id, self.company.country_id.code)

    def _partner(self, **values):
        return self.env["res.partner"].create({"name": "Ada", **values})

    def test_contact_is_found_however_its_number_is_written(self):
        for phone in (
            "+4917012345678",
            "+49 170 12345678",
            "0049 170 1234 5678",
            "0170 12345678",
            "(0170) 123-456-78",
            " 0170/12345678 ",
        ):
            partner = self._partner(phone=phone)
            self.assertEqual(self._find().partner_id, partner.id, phone)
            partner.unlink()

    def test_contact_whose_number_was_not_sanitized_is_found(self):
        for phone in ("+49 170 12345678", "0049-170-12345678", "4917012345678", "0170 12345678"):
            partner = self._partner(phone=phone)
            self.env.flush_all()
            self.env.cr.execute("UPDATE res_partner SET phone_sanitized = NULL WHERE id = %s", [partner.id])
            self.assertEqual(self._find().partner_id, partner.id, phone)
            partner.unlink()

    def test_national_form_of_another_country_is_somebody_else(self):
        self._partner(phone="0170 12345678", country_id=self.env.ref("base.at").id)
        self.assertEqual(self._find(), Caller())

    def test_forms_in_which_zadarma_writes_numbers(self):
        partner = self._partner(phone=CALLER)
        for number in ("+4917012345678", "4917012345678", "004917012345678", " +49 170 12345678 "):
            self.assertEqual(self._find(number).partner_id, partner.id, number)

    def test_numbers_are_read_as_where_the_company_is_now(self):
        def parsed():
            account = self.env["res.company"]._zadarma_accounts()[self.company.zadarma_token]
            return account.country, self.company._zadarma_parse_number("0170 1234567").e164

        self.assertEqual(parsed(), ("DE", "+491701234567"))
        self.company.partner_id.country_id = self.env.ref("base.fr")
        self.assertEqual(parsed(), ("FR", ""))
        self.company.country_id = self.env.ref("base.de")
        self.assertEqual(parsed(), ("DE", "+491701234567"))

    def test_short_and_withheld_numbers_find_nobody(self):
        self._partner(phone="100")
        self._partner(phone="anonymous")
        self._partner(phone=False)
        for number in ("100", "anonymous", "", "0", "12"):
            parsed = self.company._zadarma_parse_number(number)
            self.assertNotEqual(parsed.kind, "external")
        self.assertEqual(self._find("anonymous"), Caller())

    def test_colleagues_with_one_number_are_their_company(self):
        firm = self._partner(name="Firm", is_company=True)
        self._partner(name="Ada", phone=CALLER, parent_id=firm.id)
        self._partner(name="Charles", phone=CALLER, parent_id=firm.id)
        self.assertEqual(self._find(), Caller(firm.id, 0, "Firm"))

    def test_company_has_more_people_than_are_read_at_once(self):
        firm = self._partner(name="Firm", is_company=True)
        colleagues = self._partner(name="Ada", phone=CALLER, parent_id=firm.id)
        for _number in range(6):
            colleagues += colleagues[:1].copy()
        stranger = self._partner(name="Stranger", phone=CALLER)
        for is_sanitized in (True, False):
            if not is_sanitized:
                self.env.flush_all()
                contacts = colleagues + stranger
                self.env.cr.execute("UPDATE res_partner SET phone_sanitized = NULL WHERE id IN %s", [contacts._ids])
            stranger.active = False
            self.assertEqual(self._find(), Caller(firm.id, 0, "Firm"))
            stranger.active = True
            self.assertEqual(self._find(), Caller(is_ambiguous=True))

    def test_one_contact_is_named_with_their_company(self):
        firm = self._partner(name="Firm", is_company=True, phone="+493011111111")
        partner = self._partner(name="Ada", phone=CALLER, parent_id=firm.id)
        self.assertEqual(self._find(), Caller(partner.id, 0, "Ada", "Firm"))

    def test_contacts_of_several_companies_are_ambiguous(self):
        for name in ("One", "Two", "Three"):
            self._partner(name=name, phone=CALLER)
        self.assertEqual(self._find(), Caller(is_ambiguous=True))

    def test_archived_contacts_never_match(self):
        self._partner(phone=CALLER, active=False)
        self.assertEqual(self._find(), Caller())
        partner = self._partner(name="Present", phone=CALLER)
        self.assertEqual(self._find().partner_id, partner.id)

    def test_contacts_of_other_companies_never_match(self):
        other = self.env["res.company"].create({"name": "Other"})
        self._partner(phone=CALLER, company_id=other.id)
        self.assertEqual(self._find(), Caller())
        partner = self._partner(phone=CALLER, company_id=self.company.id)
        self.assertEqual(self._find().partner_id, partner.id)

    def test_open_lead_is_found_by_its_number(self):
        values = {"type": "opportunity", "phone": CALLER, "contact_name": "Ada", "partner_name": "Engines"}
        self.env["crm.lead"].create({"name": "Old", **values})
        lead = self.env["crm.lead"].create({"name": "New", **values})
        self.assertEqual(self._find(), Caller(0, lead.id, "Ada", "Engines"))

    def test_closed_and_foreign_leads_do_not_count(self):
        other = self.env["res.company"].create({"name": "Other"})
        won = self.env["crm.stage"].create({"name": "Won", "is_won": True})
        values = {"type": "opportunity", "phone": CALLER}
        self.env["crm.lead"].create({"name": "Lost", "active": False, **values})
        self.env["crm.lead"].create({"name": "Won", "stage_id": won.id, **values})
        lead = self.env["crm.lead"].create({"name": "Foreign", "user_id": False, "team_id": False, **values})
        lead.company_id = other
        self.assertEqual(self._find(), Caller())

    def test_look_ups_use_indexes(self):
        callers = self.env["zadarma.caller"]
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        company, deals = self.company.id, callers._deal_query(self.company.id)
        for query in (
            callers._with_contacts(callers._exact_query(CALLER, company), callers._lead_query(CALLER, company), deals),
            callers._with_contacts(callers._written_query(CALLER, company, "DE"), deals),
            callers._exact_query(CALLER, company, is_last=True),
        ):
            self.env.cr.execute(f"EXPLAIN {query.code}", query.params)
            plan = "\n".join(row[0] for row in self.env.cr.fetchall())
            for table in ("res_partner", "crm_lead"):
                self.assertNotIn(f"Seq Scan on {table}", plan)
