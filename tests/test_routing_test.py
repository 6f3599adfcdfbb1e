from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import CALLER
from .test_routing import MONDAY, RoutingCase


@tagged("post_install", "-at_install")
class TestRoutingTest(RoutingCase):
    def _ask(self, number=CALLER, user=None, **values):
        tests = self.env["zadarma.routing.test"].with_user(user or self.supervisor)
        return tests.new({"number": number, "own_number_id": self.own_number.id, "moment": MONDAY, **values})

    def test_answer_is_the_very_one_with_its_reasons(self):
        contact = self._contact(name="Ada <b>")
        self._deal(self.agent, partner_id=contact.id)
        self.agent.zadarma_deputy_id = self.colleague
        self.agent.zadarma_dnd = True
        test = self._ask()
        self.assertEqual(test.answer, '{"caller_name": "Ada b", "redirect": "102", "return_timeout": 20}')
        self.assertEqual(test.outcome, "Extension 102 rings for 20 seconds, then the call goes back to the menu.")
        for reason in (
            "The caller is Ada &lt;b&gt;.",
            "Agent is responsible for the open deal Ten sails.",
            "Agent does not want to be disturbed.",
            "Colleague (deputy) can take the call.",
        ):
            self.assertIn(reason, test.reasons)
        self.company.zadarma_return_timeout = 0
        self.assertEqual(self._ask().outcome, "Extension 102 rings.")

    def test_every_reason_has_a_sentence(self):
        self.env["zadarma.blocked.number"].create({"number": "+4912*", "reason": "Robots."})
        for number, reason in (
            ("+491234567", "+4912* is blocked: Robots."),
            ("anonymous", "withholds"),
            ("100", "100 is an extension"),
            ("12345678901234567890", "is no telephone number"),
            (f"{self.own_number.number}", "number of your own"),
            ("+49 89 5551234", "Nobody with the number"),
        ):
            with self.subTest(number):
                self.assertIn(reason, self._ask(number).reasons)
        self.assertEqual(self._ask("+491234567").outcome, "The caller hears the busy tone, and no phone rings.")
        self.assertEqual(self._ask("100").outcome, "The call takes the way that the PBX has for it.")

    def test_obstacles_are_told(self):
        self._contact()
        self.assertIn("does not work at that time", self._ask(moment=MONDAY + timedelta(hours=12)).reasons)
        self.extensions[0].write({"is_away": True, "checked_at": MONDAY})
        self.assertIn("No phone of Agent is registered", self._ask().reasons)
        self.extensions[0].user_id = False
        self.assertIn("has no extension", self._ask().reasons)
        self.agent.active = False
        self.assertIn("does not work for the company any more", self._ask().reasons)

    def test_moment_must_be_within_two_weeks(self):
        with self.assertRaisesRegex(UserError, "two weeks"):
            self._ask(moment=MONDAY + timedelta(days=40)).mapped("answer")

    def test_it_is_for_supervisors(self):
        with self.assertRaises(AccessError):
            self._ask(user=self.agent).mapped("answer")
        other = self.env["res.company"].create({"name": "Other"})
        with self.assertRaises(AccessError):
            self._ask(company_id=other.id, own_number_id=False).mapped("answer")

    def test_nothing_is_written(self):
        self._contact()
        with Form(self.env["zadarma.routing.test"].with_user(self.supervisor)) as form:
            form.number = "0170 12345678"
            self.assertIn("101", form.outcome)
        self.assertFalse(self.env["zadarma.event"].search([]))
        self.assertFalse(self.env["zadarma.call"].search([]))
