from datetime import timedelta

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .common import CALLER, START, ZadarmaCase

OTHER_CALLER = "+442079460000"


@tagged("post_install", "-at_install")
class TestCreationPreview(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["zadarma.call"].search([]).unlink()
        cls.count = 0

    def _add(self, number=CALLER, days=1, **values):
        type(self).count += 1
        return self.env["zadarma.call"].create(
            {
                "company_id": self.company.id,
                "pbx_call_id": f"in_{self.count:040x}",
                "direction": "inbound",
                "state": "ended",
                "result": "answered",
                "number": number,
                "date_start": START - timedelta(days=days),
                **values,
            }
        )

    def _preview(self, **settings):
        wizard = self.env["zadarma.creation.wizard"].new({"company_id": self.company.id, **settings})
        values = wizard._prepare_preview_values()
        return values, {reason["label"]: reason["count"] for reason in values["reasons"]}

    def test_past_calls_are_counted_by_what_they_would_have_done(self):
        self._add()
        self._add(days=2, result="no_answer")
        self._add(OTHER_CALLER, days=3, direction="outbound")
        self._add(False, is_withheld=True)
        self._add("101", direction="internal")
        self._add(OTHER_CALLER, is_blocked=True)
        self._add(days=31)
        values, reasons = self._preview()
        self.assertEqual((values["total"], values["created"]), (6, [("opportunities", 1)]))
        self.assertEqual(values["kinds"], [("Incoming, missed", 1)])
        self.assertEqual(
            reasons,
            {
                "New customer": 1,
                "The caller has an open lead": 1,
                "This kind of call creates nothing": 1,
                "Withheld number": 1,
                "Internal call": 1,
                "Blocked number": 1,
            },
        )

    def test_who_was_known_when_the_call_came_creates_nothing(self):
        ada = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self._add()
        self._add(days=5)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE res_partner SET create_date = %s WHERE id = %s", [START - timedelta(days=3), ada.id]
        )
        self.env["zadarma.call"].search([]).partner_id = ada
        _values, reasons = self._preview()
        self.assertEqual(reasons, {"New customer": 1, "The caller has an open lead": 1})
        _values, reasons = self._preview(zadarma_create_incoming_answered=False)
        self.assertEqual(reasons, {"Known contact": 1, "This kind of call creates nothing": 1})

    def test_leads_of_that_time_count(self):
        lead = self.env["crm.lead"].create({"name": "Deal", "phone": CALLER})
        self._add(days=20)
        self._add(days=10)
        self._add(days=1)
        lead.action_set_lost()
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE crm_lead SET create_date = %s, date_closed = %s WHERE id = %s",
            [START - timedelta(days=25), START - timedelta(days=15), lead.id],
        )
        self.env.invalidate_all()
        _values, reasons = self._preview(zadarma_create_after_days=7)
        self.assertEqual(
            reasons,
            {
                "The caller has an open lead": 1,
                "The caller's lead was closed not long before": 1,
                "New customer": 1,
            },
        )

    def test_own_people_and_numbers_are_no_customers(self):
        self._add(self.own_number.number)
        self._add(partner_id=self.colleague.partner_id.id)
        _values, reasons = self._preview()
        self.assertEqual(reasons, {"Your own number, or a colleague": 2})

    def test_calls_of_other_companies_do_not_count(self):
        other = self.env["res.company"].create({"name": "Other"})
        self._add(company_id=other.id)
        self.assertEqual(self._preview()[0]["total"], 0)

    def test_preview_writes_nothing(self):
        self._add()
        before = self.env["crm.lead"].search_count([]), self.env["res.partner"].search_count([])
        self._preview()
        self.assertEqual((self.env["crm.lead"].search_count([]), self.env["res.partner"].search_count([])), before)

    def test_form_shows_what_choices_would_do_and_saving_applies_them(self):
        self._add()
        admin = new_test_user(self.env, "zadarma_admin", groups="base.group_system,sales_team.group_sale_manager")
        admin.write({"company_ids": [Command.set(self.company.ids)], "company_id": self.company.id})
        form = Form(self.env["zadarma.creation.wizard"].with_user(admin))
        self.assertIn("New customer", form.preview)
        self.assertIn("+49 170 12345678", form.preview)
        form.zadarma_create_incoming_answered = False
        form.zadarma_create_incoming_missed = False
        self.assertIn("choose at least one kind of call", form.summary)
        self.assertNotIn("New customer", form.preview)
        self.assertTrue(self.company.zadarma_create_incoming_missed, "nothing is saved yet")
        form.zadarma_create_incoming_missed = True
        form.zadarma_create_type = "contact"
        self.assertIn("A contact is created", form.summary)
        form.save().action_save()
        self.assertEqual(self.company.zadarma_create_type, "contact")
        self.assertFalse(self.company.zadarma_create_incoming_answered)

    def test_examples_are_for_those_who_may_see_calls(self):
        self._add()
        system = new_test_user(self.env, "zadarma_only_system", groups="base.group_system")
        wizard = self.env["zadarma.creation.wizard"].with_user(system).new({"company_id": self.company.id})
        reasons = wizard._prepare_preview_values()["reasons"]
        self.assertEqual((reasons[0]["count"], len(reasons[0]["examples"])), (1, 0))

    def test_choices_are_the_administrators(self):
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError):
                self.env["zadarma.creation.wizard"].with_user(user).create({"company_id": self.company.id})

    def test_settings_tell_in_words_what_happens(self):
        self.company.zadarma_create_records = True
        settings = self.env["res.config.settings"].create({})
        self.assertIn("An opportunity is created", settings.zadarma_create_summary)
