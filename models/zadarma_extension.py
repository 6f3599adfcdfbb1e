import logging

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..zadarma_api.errors import RateLimitError, RefusedError, ZadarmaError
from ..zadarma_api.matching import propose
from ..zadarma_api.numbers import Kind, parse_extension
from .zadarma_check import Finding

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

    name = fields.Char(string="Name at Zadarma", readonly=True)
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
    proposed_user_id = fields.Many2one(
        "res.users",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="Who this may be by e-mail address, login or name. Counts from when somebody accepts it.",
    )
    emails = fields.Char(
        string="Addresses for Recordings", readonly=True, copy=False, help="Where Zadarma mails recordings to."
    )
    is_recorded = fields.Boolean(string="Recorded", readonly=True, copy=False, help="Zadarma keeps its recordings.")
    details_read_at = fields.Datetime(string="Details Read On", readonly=True, copy=False)
    is_gone = fields.Boolean(readonly=True, copy=False, help="Not in the PBX any more. Archived for that reason.")
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

    @api.constrains("user_id", "company_id")
    def _check_user(self):
        for extension in self:
            # sudo: res.users - whether a colleague may work in the extension's company
            user_sudo = extension.user_id.sudo()
            if user_sudo and (user_sudo.share or extension.company_id not in user_sudo.company_ids):
                raise ValidationError(
                    self.env._(
                        "%(user)s does not work in %(company)s. Choose a user of that company for extension"
                        " %(extension)s.",
                        user=user_sudo.name,
                        company=extension.company_id.name,
                        extension=extension.number,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        """Override to write extensions as Zadarma does."""
        for vals in vals_list:
            vals["number"] = parse_extension(vals.get("number"))
        extensions = super().create(vals_list)
        extensions._refresh_working_times()
        extensions._note_users()
        return extensions

    def write(self, vals):
        """Override to write extensions as Zadarma does, and to let a new user choose anew and have a new key."""
        if "number" in vals:
            vals["number"] = parse_extension(vals["number"])
        if "user_id" in vals:
            moved = self.filtered(lambda extension: extension.user_id.id != vals["user_id"])
            moved.calls_out = False
            vals["proposed_user_id"] = False
            # sudo: zadarma.extension - nobody has access to the keys of phones
            moved.sudo().webrtc_key = False
        result = super().write(vals)
        if {"user_id", "company_id", "active"} & vals.keys():
            self._refresh_working_times()
            self._note_users()
        return result

    def _note_users(self):
        """Let settings and health page know at once whether each extension has a user."""
        checks = self.env["zadarma.check"]
        for company in self.company_id:
            if checks._find(company, "users"):
                # sudo: zadarma.extension - whoever may say whose phone it is makes that known
                checks._note(company, "users", self.sudo()._get_users_finding(company))

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
        gone = known.filtered(lambda extension: extension.active and extension.number not in wanted)
        gone.write({"active": False, "is_gone": True})
        # What people archived stays so.
        back = known.filtered(lambda extension: extension.is_gone and extension.number in wanted)
        back.write({"active": True, "is_gone": False})

    @api.model
    def _read_details(self, company, client, limit):
        """Read what Zadarma knows of each extension, those first that were never read or so long ago.

        :param res.company company: whose PBX.
        :param ZadarmaClient client: of that company.
        :param int limit: how many to read at most; each is a request.
        """
        due = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        domain = [("company_id", "=", company.id), "|", ("details_read_at", "=", False), ("details_read_at", "<", due)]
        for extension in self.search(domain, order="details_read_at NULLS FIRST, number", limit=limit):
            try:
                extension._take_details(client.get(f"/v1/pbx/internal/{extension.number}/info/"))
            except RateLimitError:
                return
            except ZadarmaError:
                extension.details_read_at = fields.Datetime.now()

    def _take_details(self, info):
        """Write down what Zadarma tells of the extension."""
        emails = str(info.get("record_email") or "")
        self.write(
            {
                "name": str(info.get("name") or "").strip() or False,
                "emails": emails if "@" in emails else False,
                "is_recorded": str(info.get("record_store") or "false").lower() != "false",
                "details_read_at": fields.Datetime.now(),
            }
        )

    @api.model
    def _propose_users(self, company):
        """Propose a user for each extension that has none, where that is clear."""
        extensions = self.search([("company_id", "=", company.id)])
        open_extensions = extensions.filtered(lambda extension: not extension.user_id)
        if not open_extensions:
            return
        # sudo: res.users - names and addresses of colleagues are compared, not shown
        users_sudo = self.env["res.users"].sudo()
        people = users_sudo.search([("share", "=", False), ("company_ids", "in", company.ids)]) - extensions.user_id
        found = propose(
            {extension.number: [extension.name, *(extension.emails or "").split(",")] for extension in open_extensions},
            {user.id: [user.email, user.login, user.name] for user in people},
        )
        for extension in open_extensions:
            extension.proposed_user_id = found.get(extension.number, False)

    @api.model
    def _get_users_finding(self, company):
        """Return whether each extension has a user.

        :rtype: Finding
        """
        domain = [("company_id", "=", company.id), ("user_id", "=", False), ("active", "=", True)]
        extensions = self.search(domain)
        if not extensions:
            return Finding("ok", "users_all")
        params = {
            "open": ", ".join(extensions.mapped("number")),
            "proposed": ", ".join(
                f"{extension.number} {extension.proposed_user_id.name}"
                for extension in extensions
                if extension.proposed_user_id
            ),
        }
        return Finding("failed", "users_proposed" if params["proposed"] else "users_open", params)

    def action_accept_proposal(self):
        """Give extensions to the users who were proposed."""
        self.check_access("write")
        for extension in self.filtered(lambda extension: extension.proposed_user_id and not extension.user_id):
            extension.user_id = extension.proposed_user_id

    def action_switch_recording(self):
        """Have Zadarma record the calls of this extension, or stop doing so.

        :raise UserError: where Zadarma refuses.
        """
        self.ensure_one()
        self.check_access("write")
        client = self.company_id._zadarma_client(urgent=True)
        status = "off_store" if self.is_recorded else "on_store"
        try:
            client.call("PUT", "/v1/pbx/internal/recording/", {"id": self.number, "status": status})
        except ZadarmaError as error:
            raise UserError(self.company_id._zadarma_explain(error)) from error
        self.is_recorded = status == "on_store"

    def _load_caller_id(self):
        """Ask Zadarma which number this extension shows; without an answer the last one stays, for another day.

        Nothing depends on it: the dialler shows it to its user.
        """
        self.ensure_one()
        values = {"caller_id_at": fields.Datetime.now()}
        try:
            info = self.company_id._zadarma_client(urgent=True).get(
                f"/v1/pbx/internal/{self.number}/info/", retry=False
            )
        except (UserError, ZadarmaError) as error:
            _logger.info("Zadarma: the number that extension %s shows is not known: %s", self.number, error)
        else:
            # Where the called country decides there is no one number.
            varies = str(info.get("caller_id_by_direction")).lower() == "true"
            number = self.company_id._zadarma_parse_number(str(info.get("caller_id") or ""))
            values["caller_id"] = number.e164 if number.kind is Kind.EXTERNAL and not varies else False
        self.write(values)

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
                is_away = self._ask_whether_away(client, extension.number)
                extension.write({"is_away": is_away, "checked_at": fields.Datetime.now()})
        except (UserError, ZadarmaError) as error:
            _logger.info("Zadarma: who is registered could not be looked up (%s)", type(error).__name__)

    @api.model
    def _ask_whether_away(self, client, number):
        """Tell whether an extension has no phone; one of which Zadarma says nothing may have one."""
        try:
            answer = client.get(f"/v1/pbx/internal/{number}/status/")
        except RefusedError:
            return False
        return str(answer.get("is_online")).lower() == "false"
