from odoo.tests import tagged

from .common import CALLER, ZadarmaCase

BEFORE = "+442037691880"
SHOWN = "+49 170 12345678"


@tagged("post_install", "-at_install")
class TestNumbered(ZadarmaCase):
    """Numbers are kept in one form and shown in another."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        values = {"company_id": cls.company.id, "direction": "inbound", "state": "ended", "date_start": "2025-03-01"}
        cls.numbers = (CALLER, BEFORE, "102", False)
        cls.calls = cls.env["zadarma.call"].create(
            [{**values, "number": number, "own_number": "+442037691880"} for number in cls.numbers]
        )

    def _find(self, domain):
        return self.env["zadarma.call"].search([("id", "in", self.calls.ids), *domain])

    def test_people_read_numbers_with_blanks(self):
        self.assertEqual(self.calls.mapped("number_display"), [SHOWN, "+44 20 3769 1880", "102", False])
        self.assertEqual(set(self.calls.mapped("own_number_display")), {"+44 20 3769 1880"})

    def test_number_is_found_however_it_is_written(self):
        for text in (CALLER, SHOWN, "0170 / 123 456 78", "0049 170 12345678", "+49 (0)170 12345678"):
            with self.subTest(text):
                self.assertEqual(self._find([("number_display", "ilike", text)]), self.calls[0])
                self.assertEqual(self._find([("number_display", "=", text)]), self.calls[0])
                self.assertEqual(self._find([("number_display", "!=", text)]), self.calls[1:])
        self.assertEqual(self._find([("number_display", "ilike", "(170) 123-4")]), self.calls[0])
        self.assertEqual(self._find([("number_display", "not ilike", "170 1")]), self.calls[1:])
        self.assertEqual(self._find([("number_display", "=", False)]), self.calls[3])
        for text in ("anna", "-"):
            self.assertFalse(self._find([("number_display", "ilike", text)]))

    def test_what_is_shown_sorts_and_groups_as_the_number(self):
        calls = self.env["zadarma.call"]
        described = calls.fields_get(["number_display"])["number_display"]
        self.assertTrue(described["sortable"] and described["groupable"] and described["searchable"])
        domain = [("id", "in", self.calls[:2].ids)]
        self.assertEqual(calls.search(domain, order="number_display"), self.calls[1] + self.calls[0])
        self.assertEqual(calls.search(domain, order="number_display desc"), self.calls[0] + self.calls[1])
        groups = calls.formatted_read_group(domain, ["number_display"], ["__count"])
        self.assertEqual([group["__count"] for group in groups], [1, 1])
        for group in groups:
            self.assertEqual(calls.search_count(domain + group["__extra_domain"]), 1)

    def test_rows_cost_no_query_of_their_own(self):
        self.env.invalidate_all()
        self.calls.mapped("number")
        with self.assertQueryCount(0):
            self.calls.mapped("number_display")

    def test_row_and_name_of_what_is_blocked_are_found_as_shown(self):
        blocks = self.env["zadarma.blocked.number"]
        block = blocks.create({"number": CALLER, "company_id": self.company.id, "reason": "Spam"})
        area = blocks.create({"number": "+49 12*", "company_id": self.company.id, "reason": "Spam"})
        self.assertEqual((block + area).mapped("number_display"), [SHOWN, "+4912*"])
        for text, found in ((SHOWN, block), ("+49 12*", area)):
            self.assertEqual(blocks.search([("number_display", "ilike", text)]), found)
            self.assertEqual(blocks.name_search(text), [(found.id, found.display_name)])
