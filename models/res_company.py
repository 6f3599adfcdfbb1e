import ipaddress
import logging
import secrets
from datetime import timedelta, timezone
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import ormcache

from odoo.addons.base.models.res_partner import _tz_get

from ..zadarma_api.client import API_URL, ZadarmaClient
from ..zadarma_api.creation import CallKind, Rule
from ..zadarma_api.errors import ZadarmaError
from ..zadarma_api.numbers import parse_number
from ..zadarma_api.redaction import protect_secrets
from ..zadarma_api.widget import FN_URL, LIB_URL, is_script_address

_logger = logging.getLogger(__name__)

# Odoo logs the arguments of every call at debug level, those of the settings included, and queries that fail.
protect_secrets("odoo.service.model", "odoo.sql_db")

ZADARMA_ADDRESSES = "185.45.152.40/30"
# What the webhook needs to know of an account; a change of one of these drops the cache.
_ACCOUNT_FIELDS = {
    "active",
    "country_id",
    "partner_id",
    "zadarma_addresses",
    "zadarma_block_numbers",
    "zadarma_caller_name",
    "zadarma_restrict_addresses",
    "zadarma_return_timeout",
    "zadarma_route_calls",
    "zadarma_secret",
    "zadarma_skip_talking",
    "zadarma_token",
    "zadarma_tz",
}
# What the choices of "New customers" create: a contact or none, and which type of lead.
_CREATED = {
    "contact": (True, ""),
    "lead": (False, "lead"),
    "opportunity": (False, "opportunity"),
    "contact_lead": (True, "lead"),
    "contact_opportunity": (True, "opportunity"),
}


def get_zone(name):
    """Return a time zone by its IANA name, UTC where this system does not know it.

    :rtype: datetime.tzinfo
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        _logger.warning("Zadarma: time zone %s is not known to this system, UTC is used", name)
        return timezone.utc


class ZadarmaAccount(NamedTuple):
    """One company's account, as the webhook sees it: plain values, so that no record is read per event."""

    company_id: int
    secret: str
    tz: str
    country: str
    caller_name: bool
    block_numbers: bool
    route_calls: bool
    return_timeout: int
    skip_talking: bool
    addresses: tuple

    @property
    def zone(self):
        """The account's time zone."""
        return get_zone(self.tz)

    def admits(self, address):
        """Tell whether an event may come from this address.

        :param str address: IPv4 or IPv6 address of the sender, as Odoo sees it behind its proxy.
        """
        if not self.addresses:
            return True
        try:
            sender = ipaddress.ip_address(address)
        except ValueError:
            return False
        sender = getattr(sender, "ipv4_mapped", None) or sender
        return any(sender in network for network in self.addresses)


class ResCompany(models.Model):
    """A company has one Zadarma account."""

    _inherit = "res.company"

    zadarma_key = fields.Char(groups="base.group_system", copy=False)
    zadarma_secret = fields.Char(groups="base.group_system", copy=False)
    zadarma_token = fields.Char(
        string="Zadarma Webhook Token",
        compute="_compute_zadarma_token",
        store=True,
        groups="base.group_system",
        copy=False,
    )
    zadarma_webhook_url = fields.Char(
        string="Zadarma Webhook Address", compute="_compute_zadarma_webhook_url", groups="base.group_system"
    )
    zadarma_former_digests = fields.Char(
        readonly=True,
        copy=False,
        groups="base.group_system",
        help="By which webhook addresses that were renewed are known when Zadarma still has one.",
    )
    zadarma_renewed_at = fields.Datetime(
        string="Zadarma Webhook Address Renewed On", readonly=True, copy=False, groups="base.group_system"
    )
    zadarma_renewed_by = fields.Many2one(
        "res.users", readonly=True, copy=False, groups="base.group_system", ondelete="set null"
    )
    zadarma_tz = fields.Selection(
        selection=_tz_get,
        string="Zadarma Time Zone",
        default="UTC",
        required=True,
        help="The zone of the account at Zadarma, in which the times of its notifications are written.",
        groups="base.group_user",
    )
    zadarma_default_user_id = fields.Many2one(
        "res.users",
        string="Zadarma Default Responsible",
        domain="[('share', '=', False), ('company_ids', 'in', id)]",
        ondelete="set null",
        help="Answers for calls that are nobody else's. Leave it empty where such leads wait in a pool.",
        groups="base.group_user",
    )
    # The switches, one a feature; what else a feature needs to know follows its switch.
    zadarma_create_records = fields.Boolean(
        help="Create a contact, a lead or an opportunity for new customers who call or are called.",
        groups="base.group_user",
    )
    zadarma_create_type = fields.Selection(
        [
            ("opportunity", "Opportunity"),
            ("lead", "Lead"),
            ("contact", "Contact"),
            ("contact_opportunity", "Contact and opportunity"),
            ("contact_lead", "Contact and lead"),
        ],
        string="Zadarma Creates",
        default="opportunity",
        required=True,
        groups="base.group_user",
    )
    zadarma_create_incoming_answered = fields.Boolean(
        string="Incoming, answered", default=True, groups="base.group_user"
    )
    zadarma_create_incoming_missed = fields.Boolean(string="Incoming, missed", default=True, groups="base.group_user")
    zadarma_create_outgoing_answered = fields.Boolean(string="Outgoing, answered", groups="base.group_user")
    zadarma_create_outgoing_unanswered = fields.Boolean(string="Outgoing, not answered", groups="base.group_user")
    zadarma_create_for_contacts = fields.Boolean(
        string="New Deals of Known Contacts",
        help="Also create a lead or an opportunity when a known contact calls for whom none is open.",
        groups="base.group_user",
    )
    zadarma_create_after_days = fields.Integer(
        string="New Lead After (days)",
        default=30,
        help="Calls within this many days after a lead was won or lost belong to it; later ones create a new one.",
        groups="base.group_user",
    )
    zadarma_team_id = fields.Many2one(
        "crm.team",
        string="Zadarma Sales Team",
        ondelete="set null",
        help="Where the dialled number says nothing else. Leave it empty for the team of the responsible user.",
        groups="base.group_user",
    )
    zadarma_source_id = fields.Many2one(
        "utm.source",
        ondelete="set null",
        help="Where the dialled number says nothing else.",
        groups="base.group_user",
    )
    zadarma_medium_id = fields.Many2one(
        "utm.medium",
        ondelete="set null",
        help="Where the dialled number says nothing else.",
        groups="base.group_user",
    )
    zadarma_route_calls = fields.Boolean(
        help="Let the phone of the responsible user ring when a known customer calls.", groups="base.group_user"
    )
    zadarma_return_timeout = fields.Integer(
        string="Zadarma Ringing Time",
        default=20,
        help="So many seconds the phone rings before the call goes back to the menu; 0: as long as the caller waits.",
        groups="base.group_user",
    )
    zadarma_skip_talking = fields.Boolean(
        string="Zadarma Skips Talking Users",
        default=True,
        help="Send no call to somebody who talks on another one.",
        groups="base.group_user",
    )
    zadarma_caller_name = fields.Boolean(
        default=True,
        help="Show the name of a known caller on the display of the phone that rings.",
        groups="base.group_user",
    )
    zadarma_missed_activities = fields.Boolean(
        default=True,
        help="Schedule an activity for the responsible user when nobody picked up.",
        groups="base.group_user",
    )
    zadarma_missed_hours = fields.Float(
        string="Call Back Within",
        default=1.0,
        help="Hours of the company's working time after which somebody should have called back.",
        groups="base.group_user",
    )
    zadarma_escalate_missed = fields.Boolean(
        string="Escalate Missed Calls",
        help="Hand missed calls up that nobody called back in time.",
        groups="base.group_user",
    )
    zadarma_escalate_hours = fields.Float(
        string="Escalate After",
        default=4.0,
        help="Hours of the company's working time after the deadline.",
        groups="base.group_user",
    )
    zadarma_escalate_user_id = fields.Many2one(
        "res.users",
        string="Escalate To",
        domain="[('share', '=', False), ('company_ids', 'in', id)]",
        ondelete="set null",
        groups="base.group_user",
    )
    zadarma_min_answer_seconds = fields.Integer(
        string="Shortest Talk",
        help="An answer that is shorter, in seconds, counts as missed: an answering machine, a slip of the hand. "
        "Holds for calls from now on; 0 counts every answer.",
        groups="base.group_user",
    )
    zadarma_block_numbers = fields.Boolean(
        default=True, help="Let blocked numbers hear the busy tone.", groups="base.group_user"
    )
    zadarma_post_notes = fields.Boolean(
        default=True, help="Note calls in the chatter of contacts and leads.", groups="base.group_user"
    )
    zadarma_fetch_recordings = fields.Boolean(
        default=True, help="Make the recordings of calls available in Odoo.", groups="base.group_user"
    )
    zadarma_recording_storage = fields.Selection(
        [("odoo", "In Odoo"), ("zadarma", "At Zadarma, loaded when somebody listens")],
        string="Zadarma Recordings Are Kept",
        default="odoo",
        required=True,
        help="Holds for recordings from now on. Zadarma keeps them for as long as your plan there says.",
        groups="base.group_user",
    )
    zadarma_recording_download = fields.Selection(
        [("nobody", "Nobody"), ("supervisors", "Supervisors"), ("all", "Everybody who may listen")],
        string="Zadarma Recordings May Be Downloaded By",
        default="supervisors",
        required=True,
        groups="base.group_user",
    )
    zadarma_recording_days = fields.Integer(
        string="Keep Zadarma Recordings (days)",
        help="Older recordings are deleted, in Odoo and at Zadarma, unless their call is under legal hold. Calls stay. "
        "0 keeps them for ever.",
        groups="base.group_user",
    )
    zadarma_do_not_record = fields.Boolean(
        string="No Zadarma Recordings",
        help="Recordings are never loaded, and are deleted at Zadarma as soon as they are known. What Zadarma records "
        "is set there for each extension: switch it off there to have nothing recorded in the first place.",
        groups="base.group_user",
    )
    zadarma_transcripts = fields.Selection(
        [("never", "Never"), ("manual", "By hand"), ("always", "Always")],
        default="never",
        required=True,
        help="Whether what is said in recordings is written down by Zadarma's speech recognition, which may cost money:"
        " when somebody asks for it, or of every recording that is new.",
        groups="base.group_user",
    )
    zadarma_transcript_lang = fields.Char(
        string="Language of Zadarma Transcripts",
        help="As Zadarma writes it, such as de-DE. Empty for the language that is set there.",
        groups="base.group_user",
    )
    zadarma_webrtc = fields.Boolean(
        string="Zadarma Phone in the Browser",
        help="Let users telephone in the browser who choose it.",
        groups="base.group_user",
    )
    zadarma_webrtc_lib_url = fields.Char(string="First Script of the Phone", default=LIB_URL, groups="base.group_user")
    zadarma_webrtc_fn_url = fields.Char(string="Second Script of the Phone", default=FN_URL, groups="base.group_user")
    zadarma_pbx_id = fields.Char(string="Zadarma PBX", readonly=True, copy=False, groups="base.group_user")
    zadarma_balance = fields.Float(digits=(16, 2), readonly=True, copy=False, groups="base.group_system")
    zadarma_currency = fields.Char(readonly=True, copy=False, groups="base.group_system")
    zadarma_balance_at = fields.Datetime(
        string="Zadarma Balance Read On", readonly=True, copy=False, groups="base.group_system"
    )
    zadarma_balance_limit = fields.Float(
        string="Warn Below",
        digits=(16, 2),
        default=5.0,
        help="Zero or less warns of nothing.",
        groups="base.group_user",
    )
    zadarma_connected_at = fields.Datetime(
        string="Zadarma Connected On",
        readonly=True,
        copy=False,
        groups="base.group_system",
        help="Since when notifications come here.",
    )
    zadarma_connected_by = fields.Many2one(
        "res.users", readonly=True, copy=False, groups="base.group_system", ondelete="set null"
    )
    zadarma_alert_id = fields.Many2one(
        "mail.activity", readonly=True, copy=False, groups="base.group_system", ondelete="set null"
    )
    zadarma_check_ids = fields.One2many(
        "zadarma.check", "company_id", string="Zadarma Checks", groups="base.group_system"
    )
    zadarma_extension_ids = fields.One2many(
        "zadarma.extension", "company_id", string="Zadarma Extensions", groups="base.group_user"
    )
    zadarma_compare = fields.Boolean(
        string="Compare Zadarma Calls",
        default=True,
        help="Compare calls with Zadarma's statistics every half an hour, and add or correct what notifications lost.",
        groups="base.group_user",
    )
    zadarma_compared_since = fields.Datetime(
        readonly=True,
        copy=False,
        help="Calls from before are history: what is added of them has no consequences.",
        groups="base.group_user",
    )
    zadarma_restrict_addresses = fields.Boolean(
        string="Restrict Zadarma Addresses",
        help="Accept notifications from the addresses below only. Behind a proxy, Odoo must run in proxy mode.",
        groups="base.group_user",
    )
    zadarma_addresses = fields.Char(default=ZADARMA_ADDRESSES, groups="base.group_user")
    zadarma_event_days = fields.Integer(
        string="Keep Zadarma Notifications (days)",
        default=30,
        help="Notifications as received are deleted after this many days. Calls stay.",
        groups="base.group_user",
    )

    _zadarma_token_uniq = models.Constraint("UNIQUE (zadarma_token)", "Two companies cannot share a webhook address.")
    _zadarma_event_days_positive = models.Constraint(
        "CHECK (zadarma_event_days > 0)", "Notifications are kept for one day at least."
    )
    _zadarma_create_after_days_positive = models.Constraint(
        "CHECK (zadarma_create_after_days >= 0)",
        "Enter 0 or more days after which a closed lead is followed by a new one.",
    )
    _zadarma_return_timeout_known = models.Constraint(
        "CHECK (zadarma_return_timeout = 0 OR zadarma_return_timeout BETWEEN 3 AND 600)",
        "Let the phone ring for 3 to 600 seconds, or enter 0 for as long as the caller waits.",
    )

    _zadarma_missed_positive = models.Constraint(
        "CHECK (zadarma_missed_hours >= 0 AND zadarma_escalate_hours >= 0 AND zadarma_min_answer_seconds >= 0)",
        "Hours and seconds of missed calls cannot be negative.",
    )

    _zadarma_transcript_lang_form = models.Constraint(
        "CHECK (zadarma_transcript_lang ~ '^[a-z]{2,3}-[A-Z]{2}$')",
        "Enter the language of transcripts in the form de-DE, or none.",
    )
    _zadarma_recording_days_positive = models.Constraint(
        "CHECK (zadarma_recording_days >= 0)",
        "Enter for how many days recordings are kept, or 0 to keep them for ever.",
    )

    def _compute_zadarma_token(self):
        # For the companies that are there when the addon is installed: a default would give all of them the same.
        for company in self:
            company.zadarma_token = company.zadarma_token or secrets.token_hex(20)

    @api.depends("zadarma_token")
    def _compute_zadarma_webhook_url(self):
        for company in self:
            token = company.zadarma_token
            company.zadarma_webhook_url = token and f"{company.get_base_url()}/zadarma/{token}"

    @api.constrains("zadarma_addresses", "zadarma_restrict_addresses")
    def _check_zadarma_addresses(self):
        for company in self:
            try:
                networks = company._zadarma_networks()
            except ValueError as error:
                raise ValidationError(
                    self.env._("%s. Enter addresses or networks separated by commas, e.g. 185.45.152.40/30.", error)
                ) from error
            if company.zadarma_restrict_addresses and not networks:
                raise ValidationError(
                    self.env._("Enter at least one address that notifications may come from, e.g. 185.45.152.40/30.")
                )

    @api.constrains("zadarma_webrtc", "zadarma_webrtc_lib_url", "zadarma_webrtc_fn_url")
    def _check_zadarma_webrtc_urls(self):
        # sudo: ir.config_parameter - where Zadarma is, to tell whether scripts may come from there
        api_url = self.env["ir.config_parameter"].sudo().get_param("zadarma.api_url") or ""
        for company in self.filtered("zadarma_webrtc"):
            for url in (company.zadarma_webrtc_lib_url, company.zadarma_webrtc_fn_url):
                if not is_script_address(url or "", api_url):
                    raise ValidationError(
                        self.env._(
                            "%(url)s is no address that scripts of the phone in the browser may come from. Enter one"
                            " that begins with https:// and is Zadarma's, as your account there shows it for the"
                            " WebRTC widget.",
                            url=url or "…",
                        )
                    )

    @api.model_create_multi
    def create(self, vals_list):
        """Override to give each account a webhook address of its own, and to make the webhook know it."""
        for vals in vals_list:
            vals["zadarma_token"] = secrets.token_hex(20)
        companies = super().create(vals_list)
        self._zadarma_drop_accounts()
        return companies

    def write(self, vals):
        """Override to make the webhook know the changed account, and to keep blanks out of credentials."""
        for name in ("zadarma_key", "zadarma_secret"):
            if isinstance(vals.get(name), str):
                vals[name] = vals[name].strip()
        if vals.get("zadarma_key") and {vals["zadarma_key"]} != set(self.mapped("zadarma_key")):
            self._zadarma_forget_account()
        result = super().write(vals)
        if vals.get("zadarma_key"):
            # A copy that was made harmless has lost its address, too.
            for company in self.filtered(lambda company: not company.zadarma_token):
                company.zadarma_token = secrets.token_hex(20)
        if _ACCOUNT_FIELDS & vals.keys():
            self._zadarma_drop_accounts()
        if {"resource_calendar_id", "zadarma_route_calls"} & vals.keys():
            # sudo: zadarma.working.time - whoever may change the setting makes it work
            self.env["zadarma.working.time"].sudo()._refresh(self)
        return result

    @api.model
    def _zadarma_drop_accounts(self):
        """Have the webhook read the accounts anew, now and once the change is committed.

        In between another thread may have read what was true before: Zadarma checks an address while Connect runs.
        """
        self.env.registry.clear_cache()
        self.env.cr.postcommit.add(self.env.registry.clear_cache)

    def _has_field_access(self, field, operation):
        """Override to have the secret written by administrators and read by nobody."""
        if field.name == "zadarma_secret" and operation == "read" and not self.env.su:
            return False
        return super()._has_field_access(field, operation)

    @ormcache()
    def _zadarma_accounts(self):
        """Return the accounts by webhook token, for the webhook alone.

        Cached without the token a stranger sends, so that guessing fills no cache.
        """
        # sudo: res.company - the webhook acts for nobody; what is returned stays in the server
        companies = self.sudo().with_context(active_test=True).search([("zadarma_token", "!=", False)])
        return {
            company.zadarma_token: ZadarmaAccount(
                company_id=company.id,
                secret=company.zadarma_secret or "",
                tz=company.zadarma_tz or "UTC",
                country=company._zadarma_country_code(),
                caller_name=company.zadarma_caller_name,
                block_numbers=company.zadarma_block_numbers,
                route_calls=company.zadarma_route_calls,
                return_timeout=company.zadarma_return_timeout,
                skip_talking=company.zadarma_skip_talking,
                addresses=company._zadarma_networks() if company.zadarma_restrict_addresses else (),
            )
            for company in companies
        }

    def _zadarma_networks(self):
        """Return the networks that notifications may come from.

        :rtype: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network]
        :raise ValueError: where one is malformed.
        """
        parts = (part.strip() for part in (self.zadarma_addresses or "").split(","))
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts if part)

    # === API === #

    def _zadarma_client(self, urgent=False):
        """Return a client for this company's account, which keeps within the account's limit of requests.

        :param bool urgent: whether a person waits for the answer. Other work leaves a reserve for that.
        :raise UserError: where the account is not set up, or this database must not speak to Zadarma.
        """
        self.ensure_one()
        # sudo: res.company, ir.config_parameter - credentials go into the client and nowhere else
        company_sudo = self.sudo()
        if not (company_sudo.zadarma_key and company_sudo.zadarma_secret):
            raise UserError(
                self.env._(
                    "Zadarma is not set up for %(company)s yet. Enter the API key and secret in Settings, Zadarma.",
                    company=self.display_name,
                )
            )
        url = company_sudo.env["ir.config_parameter"].get_param("zadarma.api_url") or API_URL
        try:
            gate = self.env["zadarma.throttle"]._get_gate(self, urgent)
            return ZadarmaClient(company_sudo.zadarma_key, company_sudo.zadarma_secret, url, gate)
        except ValueError as error:
            raise UserError(
                self.env._("The system parameter zadarma.api_url is no HTTPS address. Correct or remove it.")
            ) from error

    def _zadarma_keep_pbx_id(self, answer):
        """Keep the number of the PBX, which full logins of extensions begin with.

        :param dict answer: of ``/v1/pbx/internal/``.
        """
        # sudo: res.company - what Zadarma calls the PBX, whoever asked
        self.sudo().zadarma_pbx_id = str(answer.get("pbx_id") or "") or False

    def _zadarma_register_webrtc(self, client):
        """Have Zadarma let its phone run in the pages of this site.

        :param zadarma_api.client.ZadarmaClient client: of this company's account.
        :return: the host name that is registered now.
        :rtype: str
        :raise ZadarmaError: where Zadarma refuses.
        """
        self.ensure_one()
        domain = urlsplit(self.get_base_url()).hostname
        known = client.get("/v1/webrtc/")
        if domain not in (known.get("domains") or []):
            is_there = str(known.get("is_exists")).lower() == "true"
            client.post("/v1/webrtc/domain/" if is_there else "/v1/webrtc/create/", {"domain": domain})
        return domain

    def action_zadarma_register_webrtc(self):
        """Register this site for the phone in the browser.

        :return: a notification that tells what was done.
        """
        self.ensure_one()
        self.check_access("write")
        try:
            domain = self._zadarma_register_webrtc(self._zadarma_client(urgent=True))
        except ZadarmaError as error:
            raise UserError(self._zadarma_explain(error)) from error
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Zadarma"),
                "type": "success",
                "message": self.env._("The phone in the browser may run on %(site)s now.", site=domain),
            },
        }

    def _zadarma_own_numbers(self):
        """Return the company's own numbers in E.164, which are nobody's that calls.

        Whoever archives a number does not make a customer of it. One that the account has given up may be anybody's.

        :rtype: frozenset[str]
        """
        # sudo: zadarma.number - own numbers decide what a call is, whoever asks
        numbers_sudo = self.env["zadarma.number"].sudo().with_context(active_test=False)
        numbers_sudo = numbers_sudo.search_fetch([("company_id", "=", self.id), ("is_gone", "=", False)], ["number"])
        return frozenset(numbers_sudo.mapped("number"))

    def _zadarma_plan_hours(self, hours, moment):
        """Return the moment that lies so many hours of the company's working time after another one.

        :param float hours: none for the next moment at which the company works.
        :param datetime moment: naive, UTC, as the result.
        """
        calendar = self.resource_calendar_id
        planned = calendar.plan_hours(hours, moment, compute_leaves=True) if calendar else False
        return planned or moment + timedelta(hours=hours)

    def _zadarma_parse_number(self, raw):
        """Understand a number as this company writes it; see :func:`zadarma_api.numbers.parse_number`."""
        return parse_number(raw, self._zadarma_country_code())

    @ormcache("self.id")
    def _zadarma_country_code(self):
        """Return the ISO code of the company's country, kept: Odoo looks it up in an address, with five statements."""
        # sudo: res.company - a country is no secret, and numbers are read the same for everybody
        return self.sudo().country_id.code or ""

    def _zadarma_oldest_recording(self):
        """Return the moment before which recordings are not kept.

        :rtype: datetime
        """
        self.ensure_one()
        # A century is for ever.
        days = self.zadarma_recording_days or 100 * 365
        return fields.Datetime.now() - timedelta(days=days)

    # === NEW CUSTOMERS === #

    def _zadarma_creation_rule(self, settings=None):
        """Return what calls of new customers create.

        :param settings: a record with fields of the same names, by default the company as it is.
        :rtype: zadarma_api.creation.Rule
        """
        settings = settings or self
        contact, lead = _CREATED[settings.zadarma_create_type or "opportunity"]
        if lead == "lead" and not self._zadarma_uses_leads():
            lead = "opportunity"
        return Rule(
            contact=contact,
            lead=lead,
            kinds=frozenset(kind for kind in CallKind if settings[f"zadarma_create_{kind.value}"]),
            for_contacts=settings.zadarma_create_for_contacts,
            after_days=settings.zadarma_create_after_days,
        )

    @api.model
    def _zadarma_uses_leads(self):
        """Tell whether people work with leads, and not with opportunities alone."""
        # sudo: res.groups - a setting of the CRM
        return self.env.ref("crm.group_use_lead") in self.env.ref("base.group_user").sudo().all_implied_ids
