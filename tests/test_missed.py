from odoo.tests import tagged

from .common import CALLER, ZadarmaCase, inbound


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
