from odoo import api, fields, models


class ZadarmaNumber(models.Model):
    """A number of the company's account: never a customer."""

    _name = "zadarma.number"
    _inherit = ["zadarma.numbered"]
    _description = "Zadarma Number"
    _order = "company_id, number, id"
    _rec_names_search = ["name", "number_display"]
    _check_company_auto = True

    number = fields.Char(required=True, help="International form, e.g. +442037691880.")
    number_display = fields.Char(inverse="_inverse_number_display")
    name = fields.Char(help="What this number is for. Popups show it as the dialled number.")
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    active = fields.Boolean(default=True)
    is_listed = fields.Boolean(
        string="At Zadarma", readonly=True, copy=False, help="The account had it when its numbers were last read."
    )
    is_gone = fields.Boolean(
        readonly=True, copy=False, help="Not in the account any more, archived for that reason: it may be anybody's."
    )
    # What those who call this number are to the company.
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        check_company=True,
        domain="[('share', '=', False)]",
        ondelete="set null",
        help="Answers for callers of this number who are nobody else's.",
    )
    team_id = fields.Many2one(
        "crm.team",
        string="Sales Team",
        check_company=True,
        ondelete="set null",
        help="Gets the leads of those who call this number.",
    )
    source_id = fields.Many2one(
        "utm.source",
        ondelete="set null",
        help="Where people find this number, e.g. an advertisement; noted on their leads.",
    )
    medium_id = fields.Many2one("utm.medium", ondelete="set null")
    lang_id = fields.Many2one(
        "res.lang", string="Language", ondelete="set null", help="Spoken by those who call this number."
    )

    _number_uniq = models.Constraint("UNIQUE (company_id, number)", "This number is there already.")

    def _inverse_number_display(self):
        for number in self:
            number.number = number.number_display

    @api.depends("number_display", "name")
    @api.depends_context("zadarma_short_name")
    def _compute_display_name(self):
        """Override to name and write a number; where there is little room, its name will do."""
        is_short = self.env.context.get("zadarma_short_name")
        for number in self:
            shown = number.number_display
            if number.name:
                number.display_name = number.name if is_short else f"{number.name} ({shown})"
            else:
                number.display_name = shown

    @api.model_create_multi
    def create(self, vals_list):
        """Override to keep numbers in the form in which they are compared."""
        for vals in vals_list:
            company = self.env["res.company"].browse(vals.get("company_id") or self.env.company.id)
            written = vals.pop("number_display", None) or vals.get("number")
            vals["number"] = company._zadarma_parse_number(written).e164 or written
        return super().create(vals_list)

    def write(self, vals):
        """Override to keep numbers in the form in which they are compared; what people bring back is not gone."""
        if vals.get("number"):
            company = self.company_id[:1] or self.env.company
            vals["number"] = company._zadarma_parse_number(vals["number"]).e164 or vals["number"]
        if vals.get("active"):
            vals["is_gone"] = False
        return super().write(vals)

    @api.model
    def _load(self, company, infos):
        """Make the company's numbers match those of the account; what people gave, added or archived here stays.

        :param res.company company: whose account.
        :param list infos: ``info`` of ``/v1/direct_numbers/``.
        """
        known = self.with_context(active_test=False).search([("company_id", "=", company.id)]).grouped("number")
        wanted = {}
        for info in infos:
            if isinstance(info, dict) and (number := company._zadarma_parse_number(str(info.get("number"))).e164):
                wanted[number] = info.get("number_name") or info.get("description") or ""
        self.create(
            [
                {"number": number, "name": name, "company_id": company.id, "is_listed": True}
                for number, name in wanted.items()
                if number not in known
            ]
        )
        for number, record in known.items():
            if number in wanted:
                record.write({"is_listed": True, "active": record.active or record.is_gone})
            elif record.is_listed:
                record.write({"is_listed": False, "active": False, "is_gone": True})
