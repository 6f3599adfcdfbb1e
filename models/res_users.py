import time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

_OWN_PREFERENCES = [
    "zadarma_popup",
    "zadarma_sound",
    "zadarma_dnd",
    "zadarma_ask_outcome",
    "zadarma_extension_id",
    "zadarma_deputy_id",
    "zadarma_webrtc",
]


class ResUsers(models.Model):
    """Whose phone is whose, and how a user wants to hear of calls."""

    _inherit = "res.users"

    zadarma_extension_ids = fields.One2many("zadarma.extension", "user_id", string="Zadarma Extensions")
    zadarma_extension_numbers = fields.Char(
        string="Telephone Extensions", compute="_compute_zadarma_extension_numbers", compute_sudo=True
    )
    zadarma_popup = fields.Boolean(
        string="Call Popup", default=True, help="Show who is calling when your extension rings."
    )
    zadarma_sound = fields.Boolean(
        string="Call Sound", help="Play a soft ring in the browser when your extension rings."
    )
    zadarma_ask_outcome = fields.Boolean(
        string="Call Outcome", default=True, help="Ask for outcome and next step after a call."
    )
    zadarma_dnd = fields.Boolean(
        string="Do Not Disturb",
        copy=False,
        help="No popup opens and nothing sounds when your extension rings. Missed calls are still counted.",
    )
    zadarma_extension_id = fields.Many2one(
        "zadarma.extension",
        string="Extension for Calling",
        compute="_compute_zadarma_extension_id",
        inverse="_inverse_zadarma_extension_id",
        domain="[('user_id', '=', id)]",
        help="Calls from Odoo ring on this extension of yours first.",
    )
    zadarma_deputy_id = fields.Many2one(
        "res.users",
        string="Deputy for Calls",
        domain="[('share', '=', False), ('id', '!=', id)]",
        ondelete="set null",
        copy=False,
        help="Takes your customers' calls while you cannot.",
    )
    zadarma_webrtc = fields.Boolean(
        string="Phone in the Browser", help="Your extension rings in the browser, and you talk with a headset there."
    )
    zadarma_webrtc_offered = fields.Boolean(related="company_id.zadarma_webrtc")

    @property
    def SELF_READABLE_FIELDS(self):
        """Override to show users their own telephony preferences."""
        return super().SELF_READABLE_FIELDS + [
            "zadarma_extension_ids",
            "zadarma_extension_numbers",
            "zadarma_webrtc_offered",
            *_OWN_PREFERENCES,
        ]

    @property
    def SELF_WRITEABLE_FIELDS(self):
        """Override to let users change their own telephony preferences; extensions are the administrator's."""
        return super().SELF_WRITEABLE_FIELDS + _OWN_PREFERENCES

    @api.depends("zadarma_extension_ids.number")
    def _compute_zadarma_extension_numbers(self):
        for user in self:
            user.zadarma_extension_numbers = ", ".join(user.zadarma_extension_ids.mapped("number"))

    @api.depends("zadarma_extension_ids.calls_out", "zadarma_extension_ids.active")
    @api.depends_context("company")
    def _compute_zadarma_extension_id(self):
        for user in self:
            user.zadarma_extension_id = user._zadarma_calling_extension(self.env.company).with_env(self.env)

    def _inverse_zadarma_extension_id(self):
        for user in self:
            # sudo: zadarma.extension - people choose among their own phones, nothing else changes
            chosen_sudo = user.zadarma_extension_id.sudo()
            if chosen_sudo and (chosen_sudo.user_id, chosen_sudo.company_id) != (user, self.env.company):
                raise UserError(
                    self.env._(
                        "Extension %(extension)s is not one of %(user)s in this company.",
                        extension=chosen_sudo.number,
                        user=user.name,
                    )
                )
            others_sudo = chosen_sudo.search(
                [("user_id", "=", user.id), ("company_id", "=", self.env.company.id), ("calls_out", "=", True)]
            )
            (others_sudo - chosen_sudo).calls_out = False
            # The one must be over before the other begins, or the database sees two.
            others_sudo.flush_recordset(["calls_out"])
            chosen_sudo.calls_out = True

    @api.model_create_multi
    def create(self, vals_list):
        """Override to keep an extension with its user."""
        for vals in vals_list:
            self.browse()._check_extensions_are_free(vals)
        return super().create(vals_list)

    def _check_extensions_are_free(self, vals):
        """Let an extension change hands where it is listed, not by the way.

        :raise UserError: where these values would take an extension from somebody else.
        """
        linked = []
        for command, *ids in vals.get("zadarma_extension_ids") or ():
            linked += {Command.LINK: ids[:1], Command.SET: ids[-1]}.get(command, [])
        taken = self.env["zadarma.extension"].browse(linked).filtered(lambda e: e.user_id and e.user_id not in self)
        if taken:
            raise UserError(
                self.env._(
                    "Extension %(extension)s belongs to %(user)s already. Change that in the list of extensions.",
                    extension=taken[0].number,
                    user=taken[0].user_id.name,
                )
            )

    def write(self, vals):
        """Override to keep an extension with its user, and to let every open page of a user know at once how they
        want to hear of calls.
        """
        self._check_extensions_are_free(vals)
        result = super().write(vals)
        if {"zadarma_popup", "zadarma_sound", "zadarma_dnd", "zadarma_webrtc"} & vals.keys():
            for user in self:
                user._bus_send("zadarma.preferences", {})
        return result

    def _zadarma_calling_extension(self, company):
        """Return the extension whose phone rings when the user calls somebody in a company: the chosen one, else the
        first; none without one.

        :param res.company company: whose PBX.
        :rtype: zadarma.extension
        """
        self.ensure_one()
        # sudo: zadarma.extension - one's own extensions, whatever else one may read
        extensions_sudo = self.env["zadarma.extension"].sudo()
        domain = [("company_id", "=", company.id), ("user_id", "=", self.id)]
        return extensions_sudo.search(domain, order="calls_out DESC, number", limit=1)

    def _zadarma_missed_domain(self):
        """Return the domain of the missed calls the user should return: one's own, and nobody's that rang there."""
        self.ensure_one()
        rang = Domain("user_id", "=", False) & Domain("call_ids.leg_ids.user_id", "=", self.id)
        companies = Domain("state", "=", "open") & Domain("company_id", "in", self.company_ids.ids)
        return companies & (Domain("user_id", "=", self.id) | rang)

    def _zadarma_count_missed(self):
        """Return how many callers wait for the user.

        :rtype: int
        """
        # sudo: zadarma.missed.call - one's own, a number only
        return self.env["zadarma.missed.call"].sudo().search_count(self._zadarma_missed_domain())

    def _zadarma_notify_missed(self):
        """Tell each user how many callers wait for them now."""
        for user in self:
            user._bus_send("zadarma.missed", {"missed": user._zadarma_count_missed(), "sent_at": time.time()})
