from odoo import api, fields, models

from ..zadarma_api.numbers import parse_extension


class ZadarmaExtension(models.Model):
    """An extension of a company's PBX, and whose phone it is."""

    _name = "zadarma.extension"
    _description = "Zadarma Extension"
    _order = "company_id, number, id"
    _rec_name = "number"
    _check_company_auto = True

    number = fields.Char(required=True, help="The extension's number in the PBX, e.g. 100.")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    user_id = fields.Many2one(
        "res.users",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        ondelete="set null",
        index="btree_not_null",
        help="Whose phone this is. Calls that ring here pop up on this user's screen.",
    )
    calls_out = fields.Boolean(
        copy=False,
        help="The user's calls from Odoo ring here first. Otherwise their first extension.",
    )
    active = fields.Boolean(default=True)

    _number_uniq = models.Constraint(
        "UNIQUE (company_id, number)", "This extension is there already. An extension has one user."
    )
    _calls_out_uniq = models.UniqueIndex(
        "(company_id, user_id) WHERE calls_out AND user_id IS NOT NULL",
        "A user calls out with one extension in a company.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override to write extensions as Zadarma does."""
        for vals in vals_list:
            vals["number"] = parse_extension(vals.get("number"))
        return super().create(vals_list)

    def write(self, vals):
        """Override to write extensions as Zadarma does, and to let a new user choose anew what calls out."""
        if "number" in vals:
            vals["number"] = parse_extension(vals["number"])
        if "user_id" in vals:
            self.filtered(lambda extension: extension.user_id.id != vals["user_id"]).calls_out = False
        return super().write(vals)

    @api.model
    def _load(self, company, numbers):
        """Make the company's extensions match those of the PBX; users stay with theirs.

        :param res.company company: whose PBX.
        :param list numbers: extensions as Zadarma lists them, integers or strings.
        """
        known = self.with_context(active_test=False).search([("company_id", "=", company.id)])
        wanted = {parse_extension(str(number)) for number in numbers}
        by_number = known.grouped("number")
        self.create([{"number": number, "company_id": company.id} for number in sorted(wanted - by_number.keys())])
        for extension in known:
            extension.active = extension.number in wanted
