from odoo import fields, models


class ZadarmaCallLeg(models.Model):
    """One extension's share of a call."""

    _name = "zadarma.call.leg"
    _description = "Zadarma Call Leg"
    _order = "call_id, extension, id"
    _rec_name = "extension"

    call_id = fields.Many2one("zadarma.call", required=True, ondelete="cascade", index=True)
    extension = fields.Char(required=True, readonly=True)
    user_id = fields.Many2one(
        "res.users",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="Whose extension it was when it rang.",
    )
    state = fields.Selection(
        [("ringing", "Ringing"), ("talking", "Talking"), ("ended", "Ended")], required=True, readonly=True
    )
    answered = fields.Boolean(readonly=True)
    transfer_from = fields.Char(string="Transferred From", readonly=True)

    _talking_idx = models.Index("(user_id) WHERE state = 'talking'")
    _extension_uniq = models.Constraint("UNIQUE (call_id, extension)", "An extension has one leg in a call.")
