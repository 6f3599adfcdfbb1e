from odoo import api, fields, models

from .zadarma_check import SETUP_CODES


class ResConfigSettings(models.TransientModel):
    """The Zadarma page of the settings: one account a company."""

    _inherit = "res.config.settings"

    zadarma_key = fields.Char(related="company_id.zadarma_key", readonly=False)
    zadarma_new_secret = fields.Char(
        compute="_compute_zadarma_new_secret", inverse="_inverse_zadarma_new_secret", help="Written, and never shown."
    )
    zadarma_has_secret = fields.Boolean(compute="_compute_zadarma_new_secret")
    zadarma_is_copy = fields.Boolean(compute="_compute_zadarma_is_copy")
    zadarma_check_ids = fields.Many2many("zadarma.check", compute="_compute_zadarma_check_ids")
    zadarma_balance = fields.Float(related="company_id.zadarma_balance")
    zadarma_currency = fields.Char(related="company_id.zadarma_currency")
    zadarma_balance_at = fields.Datetime(related="company_id.zadarma_balance_at")
    zadarma_balance_limit = fields.Float(related="company_id.zadarma_balance_limit", readonly=False)
    zadarma_extension_count = fields.Integer(compute="_compute_zadarma_extensions")
    zadarma_extensions_open = fields.Integer(compute="_compute_zadarma_extensions")
    zadarma_webhook_url = fields.Char(related="company_id.zadarma_webhook_url")
    zadarma_renewed_at = fields.Datetime(related="company_id.zadarma_renewed_at")
    zadarma_renewed_by = fields.Many2one(related="company_id.zadarma_renewed_by")
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
    zadarma_recording_storage = fields.Selection(related="company_id.zadarma_recording_storage", readonly=False)
    zadarma_recording_download = fields.Selection(related="company_id.zadarma_recording_download", readonly=False)
    zadarma_recording_days = fields.Integer(related="company_id.zadarma_recording_days", readonly=False)
    zadarma_do_not_record = fields.Boolean(related="company_id.zadarma_do_not_record", readonly=False)
    zadarma_transcripts = fields.Selection(related="company_id.zadarma_transcripts", readonly=False)
    zadarma_transcript_lang = fields.Char(related="company_id.zadarma_transcript_lang", readonly=False)
    zadarma_webrtc = fields.Boolean(related="company_id.zadarma_webrtc", readonly=False)
    zadarma_webrtc_lib_url = fields.Char(related="company_id.zadarma_webrtc_lib_url", readonly=False)
    zadarma_webrtc_fn_url = fields.Char(related="company_id.zadarma_webrtc_fn_url", readonly=False)
    zadarma_compare = fields.Boolean(related="company_id.zadarma_compare", readonly=False)
    zadarma_restrict_addresses = fields.Boolean(related="company_id.zadarma_restrict_addresses", readonly=False)
    zadarma_addresses = fields.Char(related="company_id.zadarma_addresses", readonly=False)
    zadarma_event_days = fields.Integer(related="company_id.zadarma_event_days", readonly=False)

    @api.depends("company_id")
    def _compute_zadarma_create_summary(self):
        for settings in self:
            wizard = self.env["zadarma.creation.wizard"].new({"company_id": settings.company_id.id})
            settings.zadarma_create_summary = wizard._get_sentences()[0]

    @api.depends("company_id")
    def _compute_zadarma_new_secret(self):
        for settings in self:
            settings.zadarma_new_secret = False
            # sudo: res.company - whether there is a secret, not which
            settings.zadarma_has_secret = bool(settings.company_id.sudo().zadarma_secret)

    @api.depends("company_id")
    def _compute_zadarma_is_copy(self):
        self.zadarma_is_copy = self.env["res.company"]._zadarma_is_copy()

    def _inverse_zadarma_new_secret(self):
        for settings in self:
            if settings.zadarma_new_secret:
                settings.company_id.zadarma_secret = settings.zadarma_new_secret

    @api.depends("company_id.zadarma_check_ids")
    def _compute_zadarma_check_ids(self):
        for settings in self:
            checks = settings.company_id.zadarma_check_ids
            settings.zadarma_check_ids = checks.filtered(lambda check: check.code in SETUP_CODES)

    @api.depends("company_id.zadarma_extension_ids.user_id")
    def _compute_zadarma_extensions(self):
        for settings in self:
            extensions = settings.company_id.zadarma_extension_ids
            settings.zadarma_extension_count = len(extensions)
            settings.zadarma_extensions_open = len(extensions.filtered(lambda extension: not extension.user_id))

    def action_zadarma_connect(self):
        """Connect the company's account; see :meth:`res.company.action_zadarma_connect`."""
        return self.company_id.action_zadarma_connect()

    def action_zadarma_register_webrtc(self):
        """Register this site for the phone; see :meth:`res.company.action_zadarma_register_webrtc`."""
        return self.company_id.action_zadarma_register_webrtc()

    def action_zadarma_test_address(self):
        """Have the address echo a value; see :meth:`res.company.action_zadarma_test_address`."""
        return self.company_id.action_zadarma_test_address()

    def action_zadarma_renew_address(self):
        """Make the address a new one; see :meth:`res.company.action_zadarma_renew_address`."""
        return self.company_id.action_zadarma_renew_address()

    def action_zadarma_read_balance(self):
        """Read the balance; see :meth:`res.company.action_zadarma_read_balance`."""
        return self.company_id.action_zadarma_read_balance()

    def action_zadarma_disconnect(self):
        """Forget the account; see :meth:`res.company.action_zadarma_disconnect`."""
        return self.company_id.action_zadarma_disconnect()
