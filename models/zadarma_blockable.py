from odoo import api, fields, models
from odoo.exceptions import UserError


class ZadarmaBlockable(models.AbstractModel):
    """A record with a phone number whose calls can be blocked."""

    _name = "zadarma.blockable"
    _description = "Phone Number to Block"

    zadarma_block_id = fields.Many2one(
        "zadarma.blocked.number",
        string="Blocked Number",
        compute="_compute_zadarma_block_id",
        groups="zadarma.group_zadarma_user",
    )

    @api.depends("phone_sanitized")
    @api.depends_context("company")
    def _compute_zadarma_block_id(self):
        blocks = self.env["zadarma.blocked.number"]
        for record in self:
            record.zadarma_block_id = blocks._find_block(self.env.company.id, record.phone_sanitized)

    def action_zadarma_block(self):
        """Ask for the reason and block calls from this record's number; show the block where there is one.

        :raise UserError: where there is no number.
        """
        self.ensure_one()
        self.check_access("read")
        if not self.phone:
            raise UserError(self.env._("There is no phone number to block. Enter one first."))
        return self.env["zadarma.blocked.number"]._action_block(self.env.company, self.phone_sanitized or self.phone)
