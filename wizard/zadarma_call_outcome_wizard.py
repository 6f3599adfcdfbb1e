from dateutil.relativedelta import relativedelta

from odoo import api, fields, models

_DAYS = {"tomorrow": 1, "three_days": 3, "week": 7}


class ZadarmaCallOutcomeWizard(models.TransientModel):
    """Asks for outcome, note and next step of a call, long after it."""

    _name = "zadarma.call.outcome.wizard"
    _description = "Zadarma Call Outcome Form"

    call_id = fields.Many2one("zadarma.call", required=True, readonly=True, ondelete="cascade")
    company_id = fields.Many2one(related="call_id.company_id")
    outcome_id = fields.Many2one(
        "zadarma.call.outcome",
        compute="_compute_from_call",
        compute_sudo=False,
        store=True,
        readonly=False,
        domain="[('company_id', 'in', (False, company_id))]",
    )
    note = fields.Text(compute="_compute_from_call", compute_sudo=False, store=True, readonly=False)
    next_step = fields.Selection(
        [
            ("tomorrow", "Call tomorrow"),
            ("three_days", "Call in three days"),
            ("week", "Call next week"),
            ("date", "Call on a day"),
        ]
    )
    next_date = fields.Date(compute="_compute_next_date", store=True, readonly=False, string="Day of the Next Call")
    planned_date = fields.Date(related="call_id.next_date", related_sudo=False, string="Planned Already")

    @api.constrains("call_id")
    def _check_call(self):
        # The name of a call shows in whatever refers to it. Constraints are checked with all rights.
        self.call_id.sudo(False).check_access("read")

    @api.depends("call_id")
    def _compute_from_call(self):
        # What was said about a call is for those who may read the call, also where it is in the cache already.
        self.call_id.check_access("read")
        for wizard in self:
            wizard.outcome_id = wizard.call_id.outcome_id
            wizard.note = wizard.call_id.note

    @api.depends("next_step")
    def _compute_next_date(self):
        today = fields.Date.context_today(self)
        for wizard in self:
            if wizard.next_step != "date":
                days = _DAYS.get(wizard.next_step)
                wizard.next_date = days and today + relativedelta(days=days)

    def action_save(self):
        """Keep what was said."""
        self.ensure_one()
        next_date = fields.Date.to_string(self.next_date) if self.next_step else False
        self.call_id.action_save_outcome(self.outcome_id.id, self.note, next_date)
        return {"type": "ir.actions.act_window_close"}
