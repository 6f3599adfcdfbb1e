from odoo import fields, models


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

    def _count_blocked(self):
        """Count the call as a try of the blocked number, by the calls that there are: twice is as good as once."""
        block = self.blocked_number_id
        if not block:
            return
        [(count, last_try)] = self._read_group(
            [("blocked_number_id", "=", block.id)], aggregates=["__count", "date_start:max"]
        )
        block.write({"try_count": count, "last_try": last_try})
