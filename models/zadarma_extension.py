import logging

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..zadarma_api.errors import ZadarmaError
from ..zadarma_api.numbers import Kind, parse_extension

_logger = logging.getLogger(__name__)

# Of the hundred requests a minute that Zadarma admits; the check comes every five minutes.
_CHECK_BATCH = 50


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
    is_away = fields.Boolean(
        string="Not Registered", readonly=True, copy=False, help="No phone was registered there when it was looked up."
    )
    checked_at = fields.Datetime(string="Looked Up On", readonly=True, copy=False)
    caller_id = fields.Char(
        string="Shown Number", readonly=True, copy=False, help="What people see whom this extension calls, at Zadarma."
    )
    caller_id_at = fields.Datetime(string="Shown Number Read On", readonly=True, copy=False)
    # The phone in the browser, see zadarma.webphone: for nobody's eyes.
    webrtc_key = fields.Char(groups=fields.NO_ACCESS, copy=False)
    webrtc_key_at = fields.Datetime(groups=fields.NO_ACCESS, copy=False)
    webrtc_bare_login = fields.Boolean(groups=fields.NO_ACCESS, copy=False)

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
        extensions = super().create(vals_list)
        extensions._refresh_working_times()
        return extensions

    def write(self, vals):
        """Override to write extensions as Zadarma does, and to let a new user choose anew and have a new key."""
        if "number" in vals:
            vals["number"] = parse_extension(vals["number"])
        if "user_id" in vals:
            moved = self.filtered(lambda extension: extension.user_id.id != vals["user_id"])
            moved.calls_out = False
            # sudo: zadarma.extension - nobody has access to the keys of phones
            moved.sudo().webrtc_key = False
        result = super().write(vals)
        if {"user_id", "company_id", "active"} & vals.keys():
            self._refresh_working_times()
        return result

    def _refresh_working_times(self):
        """Know at once when a new user of an extension works."""
        # sudo: zadarma.working.time - whoever may say whose phone it is makes that known
        self.env["zadarma.working.time"].sudo()._refresh(self.company_id)

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

    def _load_caller_id(self):
        """Ask Zadarma which number this extension shows; without an answer the last one stays, for another day.

        Nothing depends on it: the dialler shows it to its user.
        """
        self.ensure_one()
        self.caller_id_at = fields.Datetime.now()
        try:
            info = self.company_id._zadarma_client(urgent=True).get(
                f"/v1/pbx/internal/{self.number}/info/", retry=False
            )
        except (UserError, ZadarmaError) as error:
            _logger.info("Zadarma: the number that extension %s shows is not known: %s", self.number, error)
            return
        # Where the called country decides there is no one number.
        varies = str(info.get("caller_id_by_direction")).lower() == "true"
        number = self.company_id._zadarma_parse_number(str(info.get("caller_id") or ""))
        self.caller_id = number.e164 if number.kind is Kind.EXTERNAL and not varies else False

    # === REGISTRATION === #

    @api.model
    def _cron_check_registration(self):
        """Look up which extensions have a phone, where calls are routed; those looked up longest ago come first."""
        companies = self.env["res.company"].search([("zadarma_route_calls", "=", True)])
        for done, company in enumerate(companies, start=1):
            self._check_registration(company)
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(companies) - done):
                return

    @api.model
    def _check_registration(self, company):
        """Look up a batch of a company's extensions at Zadarma; what cannot be looked up stays as it is known."""
        extensions = self.search(
            [("company_id", "=", company.id), ("user_id", "!=", False)],
            order="checked_at ASC NULLS FIRST, id",
            limit=_CHECK_BATCH,
        )
        try:
            client = company._zadarma_client()
            for extension in extensions:
                answer = client.get(f"/v1/pbx/internal/{extension.number}/status/")
                is_away = str(answer.get("is_online")).lower() == "false"
                extension.write({"is_away": is_away, "checked_at": fields.Datetime.now()})
        except (UserError, ZadarmaError) as error:
            _logger.info("Zadarma: who is registered could not be looked up (%s)", type(error).__name__)
