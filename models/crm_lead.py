from odoo import api, fields, models

# A change of one of these may make a lead the one behind a number.
_NUMBER_FIELDS = {"active", "company_id", "country_id", "partner_id", "phone"}


class CrmLead(models.Model):
    """Leads know their calls."""

    _name = "crm.lead"
    _inherit = ["crm.lead", "zadarma.blockable"]

    zadarma_call_ids = fields.One2many("zadarma.call", "lead_id", string="Calls", groups="zadarma.group_zadarma_user")
    zadarma_do_not_call = fields.Boolean(
        string="Do Not Call",
        help="People are asked before they call this lead by a click.",
        groups="base.group_user",
    )
    zadarma_call_count = fields.Integer(
        string="Call Count", compute="_compute_zadarma_calls", groups="zadarma.group_zadarma_user"
    )
    zadarma_last_call = fields.Datetime(
        string="Last Call", compute="_compute_zadarma_calls", groups="zadarma.group_zadarma_user"
    )

    def _compute_zadarma_calls(self):
        groups = self.env["zadarma.call"]._read_group(
            [("lead_id", "in", self.ids)], ["lead_id"], ["__count", "date_start:max"]
        )
        calls = {lead.id: (count, last_call) for lead, count, last_call in groups}
        for lead in self:
            lead.zadarma_call_count, lead.zadarma_last_call = calls.get(lead._origin.id, (0, False))

    @api.model_create_multi
    def create(self, vals_list):
        """Override to link the call for which a lead is created, see :meth:`zadarma.call.action_create_lead`, and the
        earlier calls of the new leads' numbers.
        """
        leads = super().create(vals_list)
        if call_id := self.env.context.get("zadarma_call_id"):
            self.env["zadarma.call"].browse(call_id)._link_created(lead=leads[:1])
        self.env["zadarma.call"]._take_numbers(leads.mapped("phone_sanitized"))
        return leads

    def write(self, vals):
        """Override to link the earlier calls of a number that a lead gets, and a lead's calls to its new contact."""
        result = super().write(vals)
        if _NUMBER_FIELDS & vals.keys():
            self.env["zadarma.call"]._take_numbers(self.mapped("phone_sanitized"))
        if vals.get("partner_id"):
            self._give_calls_to_contact()
        return result

    def unlink(self):
        """Override to keep the calls of deleted leads for whoever has their number now or gets it later."""
        # sudo: zadarma.call - all calls of the lead, whoever deletes it
        calls_sudo = self.env["zadarma.call"].sudo().search([("lead_id", "in", self.ids)])
        result = super().unlink()
        calls_sudo._forget_missing()
        self.env["zadarma.call"]._take_numbers(calls_sudo.mapped("number"))
        return result

    def _give_calls_to_contact(self):
        """Link calls of these leads that have no contact to the leads' contacts."""
        # sudo: zadarma.call - all calls of the lead, whoever converts it
        calls_sudo = self.env["zadarma.call"].sudo().search([("lead_id", "in", self.ids), ("partner_id", "=", False)])
        for lead, calls in calls_sudo.grouped("lead_id").items():
            company = lead.partner_id.company_id
            own_calls = calls.filtered_domain([("company_id", "=", company.id)]) if company else calls
            own_calls._move({"partner_id": lead.partner_id.id})

    def _merge_dependences(self, opportunities):
        """Override to keep the calls of leads that are merged into this one."""
        # sudo: zadarma.call - whoever may merge leads moves all their calls, their own and others'
        opportunities.sudo().zadarma_call_ids._move({"lead_id": self.id})
        # sudo: zadarma.call.list.line - the same for the lists in which they wait to be called
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        lines_sudo.search([("lead_id", "in", opportunities.ids)]).write({"lead_id": self.id})
        return super()._merge_dependences(opportunities)

    def action_view_zadarma_calls(self):
        """Open the calls of this lead."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["domain"] = [("lead_id", "=", self.id)]
        action["context"] = {}
        return action

    def action_make_zadarma_call_list(self):
        """Make a list to call of these leads, and open it."""
        return self.env["zadarma.call.list"]._make(self)._get_records_action(name=self.env._("Call List"))
