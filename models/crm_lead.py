from odoo import api, fields, models


class CrmLead(models.Model):
    """Leads know their calls."""

    _inherit = "crm.lead"

    zadarma_call_ids = fields.One2many("zadarma.call", "lead_id", string="Calls", groups="zadarma.group_zadarma_user")
    zadarma_call_count = fields.Integer(
        string="Call Count", compute="_compute_zadarma_call_count", groups="zadarma.group_zadarma_user"
    )

    def _compute_zadarma_call_count(self):
        counts = dict(self.env["zadarma.call"]._read_group([("lead_id", "in", self.ids)], ["lead_id"], ["__count"]))
        for lead in self:
            lead.zadarma_call_count = counts.get(lead._origin, 0)

    @api.model_create_multi
    def create(self, vals_list):
        """Override to link the call for which a lead is created, see :meth:`zadarma.call.action_create_lead`."""
        leads = super().create(vals_list)
        if call_id := self.env.context.get("zadarma_call_id"):
            self.env["zadarma.call"].browse(call_id)._link_created(lead=leads[:1])
        return leads

    def _merge_dependences(self, opportunities):
        """Override to keep the calls of leads that are merged into this one."""
        # sudo: zadarma.call - whoever may merge leads moves all their calls, their own and others'
        opportunities.sudo().zadarma_call_ids.write({"lead_id": self.id})
        return super()._merge_dependences(opportunities)

    def action_view_zadarma_calls(self):
        """Open the calls of this lead."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["domain"] = [("lead_id", "=", self.id)]
        action["context"] = {}
        return action
