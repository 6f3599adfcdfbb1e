from odoo import fields, models


class ZadarmaCallOutcome(models.Model):
    """What people say came of a call."""

    _name = "zadarma.call.outcome"
    _description = "Zadarma Call Outcome"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", ondelete="cascade", index=True, help="Whose calls it is offered for. Empty means all companies."
    )
