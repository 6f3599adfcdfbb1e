from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    """The Zadarma page of the settings: one account a company."""

    _inherit = "res.config.settings"

    zadarma_key = fields.Char(related="company_id.zadarma_key", readonly=False)
    zadarma_secret = fields.Char(related="company_id.zadarma_secret", readonly=False)
    zadarma_webhook_url = fields.Char(related="company_id.zadarma_webhook_url")
    zadarma_tz = fields.Selection(related="company_id.zadarma_tz", readonly=False)
    zadarma_default_user_id = fields.Many2one(related="company_id.zadarma_default_user_id", readonly=False)
    zadarma_create_records = fields.Boolean(related="company_id.zadarma_create_records", readonly=False)
    zadarma_create_summary = fields.Char(compute="_compute_zadarma_create_summary")
    zadarma_route_calls = fields.Boolean(related="company_id.zadarma_route_calls", readonly=False)
    zadarma_return_timeout = fields.Integer(related="company_id.zadarma_return_timeout", readonly=False)
    zadarma_skip_talking = fields.Boolean(related="company_id.zadarma_skip_talking", readonly=False)
    zadarma_caller_name = fields.Boolean(related="company_id.zadarma_caller_name", readonly=False)
    zadarma_missed_activities = fields.Boolean(related="company_id.zadarma_missed_activities", readonly=False)
    zadarma_missed_hours = fields.Float(related="company_id.zadarma_missed_hours", readonly=False)
    zadarma_escalate_missed = fields.Boolean(related="company_id.zadarma_escalate_missed", readonly=False)
    zadarma_escalate_hours = fields.Float(related="company_id.zadarma_escalate_hours", readonly=False)
    zadarma_escalate_user_id = fields.Many2one(related="company_id.zadarma_escalate_user_id", readonly=False)
    zadarma_min_answer_seconds = fields.Integer(related="company_id.zadarma_min_answer_seconds", readonly=False)
    zadarma_block_numbers = fields.Boolean(related="company_id.zadarma_block_numbers", readonly=False)
    zadarma_post_notes = fields.Boolean(related="company_id.zadarma_post_notes", readonly=False)
    zadarma_fetch_recordings = fields.Boolean(related="company_id.zadarma_fetch_recordings", readonly=False)
    zadarma_webrtc = fields.Boolean(related="company_id.zadarma_webrtc", readonly=False)
    zadarma_webrtc_lib_url = fields.Char(related="company_id.zadarma_webrtc_lib_url", readonly=False)
    zadarma_webrtc_fn_url = fields.Char(related="company_id.zadarma_webrtc_fn_url", readonly=False)
    zadarma_restrict_addresses = fields.Boolean(related="company_id.zadarma_restrict_addresses", readonly=False)
    zadarma_addresses = fields.Char(related="company_id.zadarma_addresses", readonly=False)
    zadarma_event_days = fields.Integer(related="company_id.zadarma_event_days", readonly=False)

    @api.depends("company_id")
    def _compute_zadarma_create_summary(self):
        for settings in self:
            wizard = self.env["zadarma.creation.wizard"].new({"company_id": settings.company_id.id})
            settings.zadarma_create_summary = wizard._get_sentences()[0]

    def action_zadarma_connect(self):
        """Connect the company's account; see :meth:`res.company.action_zadarma_connect`."""
        return self.company_id.action_zadarma_connect()

    def action_zadarma_register_webrtc(self):
        """Register this site for the phone; see :meth:`res.company.action_zadarma_register_webrtc`."""
        return self.company_id.action_zadarma_register_webrtc()
