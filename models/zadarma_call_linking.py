from odoo import api, models
from odoo.fields import Domain


class ZadarmaCall(models.Model):
    """How calls find contacts and leads that get their number later, and stay with them when these move."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        """Override to draw the consequences for a contact or lead that becomes known after a call."""
        result = super().write(vals)
        if any(vals.get(name) for name in ("partner_id", "lead_id")):
            late = self.filtered(lambda call: call.state == "ended" and call.is_settled and call._is_recent())
            # sudo: zadarma.call - follows from what was written with the user's rights
            late.sudo().is_settled = False
        return result

    @api.model
    def _take_numbers(self, numbers):
        """Look anew for the callers of calls whose contact is not known, after contacts or leads got their numbers.

        What a person chose stays. One query by index tells whether there are such calls at all.

        :param list numbers: E.164 numbers, as Odoo sanitizes them.
        """
        numbers = list({number for number in numbers if number})
        if not numbers:
            return
        # sudo: zadarma.call - who is behind a number does not depend on who entered it
        calls_sudo = self.sudo()
        waiting = Domain("caller_state", "in", ("unknown", "ambiguous")) | (
            Domain("caller_state", "=", "found") & Domain("partner_id", "=", False)
        )
        companies = (
            self.env["res.company"].sudo().with_context(active_test=False).search([("zadarma_token", "!=", False)])
        )
        domain = Domain("company_id", "in", companies.ids) & Domain("number", "in", numbers) & waiting
        groups = calls_sudo._read_group(domain, ["company_id", "number"], ["id:recordset"])
        # First all is read and then all is written, so that thousands of numbers are not written one by one.
        found = [(calls, calls_sudo._prepare_caller_values(company, number)) for company, number, calls in groups]
        for calls, values in found:
            calls._take_caller(values)

    def _take_caller(self, values):
        """Link calls of one number to who has it now.

        :param dict values: who that is, see :meth:`_prepare_caller_values`.
        """
        with_lead = self.filtered(lambda call: call.caller_state == "found")
        (self - with_lead).filtered(lambda call: call.direction != "internal")._write_identity(values)
        if values["partner_id"]:
            with_lead._write_identity({"partner_id": values["partner_id"], "caller_state": "found"})
        for call in self.filtered(lambda call: call.state != "ended"):
            call._notify_again()

    def _write_identity(self, values):
        """Write only to calls for which something is new."""
        changed = self.filtered(lambda call: any(call._get_raw(name) != (values[name] or False) for name in values))
        if changed:
            changed.write(values)

    def _move(self, values):
        """Link calls to another contact or lead, without saying that a person chose it."""
        for caller_state, calls in self.grouped("caller_state").items():
            calls.write({**values, "caller_state": "found" if caller_state == "unknown" else caller_state})

    def _forget_missing(self):
        """Take the callers of deleted contacts and leads for unknown, until their number is known again."""
        self.filtered(lambda call: not (call.partner_id or call.lead_id)).write({"caller_state": "unknown"})
