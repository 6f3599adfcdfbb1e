from odoo import api, fields, models
from odoo.fields import Domain

from ..zadarma_api.blocking import format_pattern
from ..zadarma_api.numbers import compact_digits, number_prefixes


class ZadarmaNumbered(models.AbstractModel):
    """A record of a telephone number, which is kept in one form and shown as people read it.

    Views show ``number_display``, which sorts and groups as the number does, and is found however it is written.
    """

    _name = "zadarma.numbered"
    _description = "Number as Written"

    number = fields.Char()
    number_display = fields.Char(
        string="Number as Written", compute="_compute_number_display", search="_search_number_display"
    )

    @api.depends("number")
    def _compute_number_display(self):
        for record in self:
            record.number_display = record.number and format_pattern(record.number)

    def _search_number_display(self, operator, value):
        if operator == "in":
            return Domain("number", "in", [form for text in value for form in self._get_searched_forms(text)])
        if operator in ("ilike", "like", "=ilike", "=like"):
            return Domain.OR(Domain("number", operator, form) for form in self._get_searched_forms(value))
        return NotImplemented

    @api.model
    def _get_searched_forms(self, text):
        """Return how a number may be kept that somebody writes with punctuation, or as at home."""
        if not isinstance(text, str):
            return [text]
        compact = compact_digits(text)
        prefixes = number_prefixes(text, self.env.company.country_id.code or "")
        # What is no number's beginning is looked for as it is; of punctuation alone nothing would be left.
        return list(dict.fromkeys([compact, *prefixes] if prefixes else [text, compact or text]))

    def _field_to_sql(self, alias, field_expr, query=None):
        """Override to sort and group by the number as it is kept."""
        return super()._field_to_sql(alias, "number" if field_expr == "number_display" else field_expr, query)
