from odoo import fields, models
from odoo.exceptions import UserError


class ZadarmaCall(models.Model):
    """Calls of numbers that must not get through: they disturb nobody and are counted."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    is_blocked = fields.Boolean(
        string="Blocked", readonly=True, help="The caller was blocked when this call began and heard the busy tone."
    )
    blocked_number_id = fields.Many2one(
        "zadarma.blocked.number", readonly=True, ondelete="set null", index="btree_not_null"
    )

    def _prepare_values(self, company, state, call):
        """Override to say whether the call was let through; what was decided at its start counts."""
        values = super()._prepare_values(company, state, call)
        if state.is_blocked and not call.is_blocked:
            blocks = self.env["zadarma.blocked.number"].with_context(active_test=False)
            values["blocked_number_id"] = blocks._find_block(company.id, values["number"]).id
        return {**values, "is_blocked": state.is_blocked}

    def action_block(self):
        """Ask for the reason and block the caller; show the block where there is one.

        :raise UserError: where there is no outside number.
        """
        self._check_takes_part()
        # sudo: zadarma.call - the number of a call in which the user takes part
        call_sudo = self.sudo()
        if not call_sudo._has_outside_number():
            raise UserError(self.env._("This call has no outside number that could be blocked."))
        return self.env["zadarma.blocked.number"]._action_block(call_sudo.company_id, call_sudo.number)

    def _has_outside_number(self):
        return bool(self.number) and self.direction != "internal"

    def _count_blocked(self):
        """Count the call as a try of the blocked number, by the calls that there are: twice is as good as once."""
        block = self.blocked_number_id
        if not block:
            return
        [(count, last_try)] = self._read_group(
            [("blocked_number_id", "=", block.id)], aggregates=["__count", "date_start:max"]
        )
        block.write({"try_count": count, "last_try": last_try})
