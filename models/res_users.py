from odoo import api, fields, models


class ResUsers(models.Model):
    """Whose phone is whose, and how a user wants to hear of calls."""

    _inherit = "res.users"

    zadarma_extension_ids = fields.One2many("zadarma.extension", "user_id", string="Zadarma Extensions")
    zadarma_popup = fields.Boolean(
        string="Call Popup", default=True, help="Show who is calling when your extension rings."
    )
    zadarma_sound = fields.Boolean(
        string="Call Sound", help="Play a soft ring in the browser when your extension rings."
    )
    zadarma_ask_outcome = fields.Boolean(
        string="Call Outcome", default=True, help="Ask for outcome and next step after a call."
    )
    zadarma_missed_seen_at = fields.Datetime(string="Missed Calls Seen On", copy=False)

    @property
    def SELF_READABLE_FIELDS(self):
        """Override to show users their own telephony preferences."""
        return super().SELF_READABLE_FIELDS + [
            "zadarma_extension_ids",
            "zadarma_popup",
            "zadarma_sound",
            "zadarma_ask_outcome",
        ]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        """Override to let users change their own telephony preferences; extensions are the administrator's."""
        return super().SELF_WRITEABLE_FIELDS + ["zadarma_popup", "zadarma_sound", "zadarma_ask_outcome"]

    def _zadarma_calling_extension(self, company):
        """Return the extension whose phone rings when the user calls somebody in a company, none without one.

        :param res.company company: whose PBX.
        :rtype: zadarma.extension
        """
        self.ensure_one()
        # sudo: zadarma.extension - one's own extensions, whatever else one may read
        extensions_sudo = self.env["zadarma.extension"].sudo()
        return extensions_sudo.search([("company_id", "=", company.id), ("user_id", "=", self.id)], limit=1)

    @api.model
    def _zadarma_missed_domain(self, user):
        """Return the domain of the calls a user missed since they last looked, in the last thirty days."""
        since = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        return [
            ("direction", "=", "inbound"),
            ("is_missed", "=", True),
            ("leg_ids.user_id", "=", user.id),
            ("date_start", ">", max(since, user.zadarma_missed_seen_at or since)),
        ]
