import logging
import time
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL, formatLang
from odoo.tools.translate import LazyTranslate

from .zadarma_event import read_committed

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)

# Steps of Connect, in their order, then what is only watched.
CODES = [
    ("account", "Account"),
    ("zone", "Time zone"),
    ("extensions", "Extensions"),
    ("numbers", "Numbers"),
    ("users", "Users"),
    ("address", "Address for notifications"),
    ("notifications", "Notifications"),
    ("events", "Address for other events"),
    ("test", "Test notification"),
    ("webphone", "Phone in the browser"),
    ("balance", "Balance"),
    ("clock", "Clock"),
    ("silence", "Calls without notification"),
    ("refusals", "Refused notifications"),
]
SETUP_CODES = (
    "account",
    "zone",
    "extensions",
    "numbers",
    "users",
    "address",
    "notifications",
    "events",
    "test",
    "webphone",
)
_REFUSALS_EVERY = 60
_REFUSALS_KEPT = "1 hour"

_BY_HAND_CALLS = _lt(
    "By hand: in your Zadarma account open Settings, Integrations and API, Notifications, enter %(url)s under"
    " “PBX calls”, and switch on NOTIFY_START, NOTIFY_INTERNAL, NOTIFY_ANSWER, NOTIFY_END, NOTIFY_OUT_START and"
    " NOTIFY_OUT_END."
)
_BY_HAND_EVENTS = _lt(
    "By hand, if you want transcripts: in your Zadarma account open Settings, Integrations and API, Notifications,"
    " enter %(url)s under “Events”, and switch on SPEECH_RECOGNITION."
)
_NO_ANSWER = (
    _lt("%(host)s did not answer this server."),
    _lt(
        "Some networks do not let a server call its own public address; Zadarma comes from outside. If a call shows no"
        " popup, check name, certificate and proxy."
    ),
)
_SOMETHING_ELSE = (
    _lt("Something else than this database answers at %(host)s."),
    _lt(
        "Check the system parameter web.base.url, and where several databases share a host, that dbfilter picks this"
        " one by its name."
    ),
)
# What was found, and what to do about it.
TEXTS = {
    "connected": (_lt("Zadarma accepts key and secret. Balance: %(balance)s %(currency)s."), None),
    "key": (
        _lt("Zadarma does not accept the key or the secret."),
        _lt(
            "In your Zadarma account open Settings, Integrations and API. Copy key and secret again, without blanks,"
            " and press Connect. A secret that was created anew makes the old one worthless at once."
        ),
    ),
    "unreachable": (
        _lt("Zadarma could not be reached."),
        _lt("Check that this server may open https://api.zadarma.com, then try again."),
    ),
    "rate_limit": (
        _lt("Zadarma asks to slow down."),
        _lt("Try again in %(seconds)s seconds. Other programs that use the same key count as well."),
    ),
    "server": (
        _lt("Zadarma answered with something that is no answer (HTTP status %(status)s)."),
        _lt("Its service may be disturbed. Try again in some minutes."),
    ),
    "money": (_lt("Zadarma refused the request: %(said)s"), _lt("Top up the balance in your Zadarma account.")),
    "number": (
        _lt("Zadarma refused the request: %(said)s"),
        _lt("Check the number, and the extension as well: Zadarma says the same of both."),
    ),
    "url": (_lt("Zadarma refused the request: %(said)s"), None),
    "method": (
        _lt("Zadarma does not know what it was asked for: %(said)s"),
        _lt("It may have changed its interface. Look for a newer version of this app."),
    ),
    "refused": (_lt("Zadarma refused the request: %(said)s"), None),
    "untried": (_lt("Not tried, because Zadarma did not accept the account."), None),
    "api_url": (
        _lt("Nothing is asked of Zadarma: the system parameter zadarma.api_url is no HTTPS address."),
        _lt("An administrator corrects it, or removes it for Zadarma's own address."),
    ),
    "later": (
        _lt("Odoo has one worker here, which cannot answer Zadarma's check while it asks for it."),
        _lt(
            "A scheduled action does it within some minutes; look again then. With two workers or more (workers = 2),"
            " Odoo also answers the next call while it is busy with something else."
        ),
    ),
    "zone_set": (_lt("The account's clock is that of %(zone)s."), None),
    "zone_offset": (
        _lt("The account's clock is that of %(zone)s."),
        _lt("Choose the zone by its name, so that summer time does not shift the times of calls."),
    ),
    "zone_differs": (
        _lt("The account's clock differs from that of %(zone)s, which was chosen here."),
        _lt("Choose %(proposed)s if the zone at Zadarma is right; times of calls are read in it."),
    ),
    "zone_unreadable": (
        _lt("Zadarma did not say which zone the account has."),
        _lt("Choose the zone that your Zadarma account shows under Settings."),
    ),
    "extensions_read": (_lt("Extensions of the PBX: %(count)s."), None),
    "extensions_none": (
        _lt("The PBX has no extensions."),
        _lt("Create extensions in your Zadarma account under My PBX, then connect again."),
    ),
    "numbers_read": (_lt("Numbers of the account: %(count)s."), None),
    "numbers_none": (
        _lt("The account has no numbers, so nobody can call in."),
        _lt("Order or connect a number in your Zadarma account."),
    ),
    "users_all": (_lt("Each extension has a user."), None),
    "users_proposed": (
        _lt("Proposed users: %(proposed)s. Extensions without one: %(open)s."),
        _lt("Open “Extensions and users” and accept or correct them."),
    ),
    "users_open": (
        _lt("Extensions without a user: %(open)s. Nobody sees a popup when they ring."),
        _lt("Open “Extensions and users” and choose whose phone each is. Archive those that are nobody's."),
    ),
    "address_set": (_lt("Zadarma has checked the address and sends its notifications there."), None),
    "address_replaced": (
        _lt("Zadarma has checked the address. It sent notifications to another one before: %(before)s"),
        _lt("If another program still needs them, its telephony stands still now. One account has one address."),
    ),
    "address_local": (
        _lt(
            "Zadarma cannot reach this server: %(host)s is the machine itself. Nobody outside can call it by that name."
        ),
        _lt(
            "Put Odoo behind a public address, open the settings by it as an administrator so that Odoo learns it"
            " (system parameter web.base.url), and connect again."
        ),
    ),
    "address_private": (
        _lt("Zadarma cannot reach this server: %(host)s exists in your own network only."),
        _lt(
            "Put Odoo behind a public address, open the settings by it as an administrator so that Odoo learns it"
            " (system parameter web.base.url), and connect again."
        ),
    ),
    "address_insecure": (
        _lt("Zadarma sends its notifications, but unencrypted: the address begins with http://."),
        _lt("Give the server a certificate and an address that begins with https://, then connect again."),
    ),
    "address_refused": (_lt("Zadarma did not take the address: %(said)s"), _BY_HAND_CALLS),
    "address_copy": (
        _lt("Zadarma sends the notifications of this account to another address: %(before)s"),
        _lt(
            "This database is a copy and takes them away from nobody. Use an account of its own, or remove the address"
            " in the Zadarma account first."
        ),
    ),
    "address_other": (
        _lt("Zadarma sends its notifications to another address: %(before)s"),
        _lt("Press Connect to have them sent here. If that was changed on purpose, remove the key here."),
    ),
    "address_former": (
        _lt(
            "The address was renewed, but Zadarma does not have the new one yet. What it sends to the former one is"
            " refused."
        ),
        _lt(
            "Odoo enters it as soon as Zadarma can be reached. To try it now, press Connect. By hand: in your Zadarma"
            " account open Settings, Integrations and API, Notifications, and enter %(url)s under “PBX calls”."
        ),
    ),
    "address_none": (_lt("Zadarma sends notifications nowhere."), _lt("Press Connect.")),
    "notifications_on": (_lt("All notifications about calls are switched on at Zadarma."), None),
    "notifications_off": (
        _lt("Switched off at Zadarma: %(names)s."),
        _lt("Press Connect, or switch them on in your Zadarma account: Settings, Integrations and API, Notifications."),
    ),
    "notifications_refused": (_lt("Zadarma did not switch on the notifications: %(said)s"), _BY_HAND_CALLS),
    "events_set": (_lt("Transcripts are sent here, too."), None),
    "events_other": (
        _lt("Another program receives text messages and other events: %(before)s It was left alone."),
        _lt("Transcripts of calls do not come here then."),
    ),
    "events_refused": (_lt("Zadarma did not take the address: %(said)s"), _BY_HAND_EVENTS),
    "echo_ok": (
        _lt("The address answers as Zadarma wants it."),
        _lt("Whether Zadarma comes through shows with the next call."),
    ),
    "echo_engaged": (
        _lt("Odoo has one worker here and cannot call itself."),
        _lt("Open %(url)s?zd_echo=1234567 in a browser: it must show 1234567 and nothing else."),
    ),
    "echo_unreachable": _NO_ANSWER,
    "echo_wrong": _SOMETHING_ELSE,
    "test_ok": (_lt("A test notification came in through %(host)s, was accepted and stored."), None),
    "test_overtaken": (_lt("Zadarma's own notifications come in."), None),
    "test_untried": (_lt("Not sent, because Zadarma did not take the address."), None),
    "test_restricted": (
        _lt("Not sent: notifications are taken from Zadarma's addresses only, and this server has another one."),
        None,
    ),
    "test_unreachable": _NO_ANSWER,
    "test_refused": (
        _lt("%(host)s refuses a notification although it is signed as Zadarma does it."),
        _lt("Another database answers there, or something on the way changes what is sent. Check dbfilter and proxy."),
    ),
    "test_wrong": _SOMETHING_ELSE,
    "webphone_off": (_lt("Not used."), None),
    "webphone_on": (_lt("It may run on %(site)s."), None),
    "balance_fine": (_lt("%(balance)s %(currency)s"), None),
    "balance_low": (
        _lt("%(balance)s %(currency)s are left, less than %(limit)s."),
        _lt("Top up the balance in your Zadarma account; without money nobody can call out."),
    ),
    "clock_right": (_lt("This server's clock agrees with Zadarma's."), None),
    "clock_wrong": (
        _lt("This server's clock differs from Zadarma's by %(seconds)s seconds."),
        _lt("Have the server's clock set by NTP. Popups are judged by their age, and limits by the minute."),
    ),
    "silence_none": (_lt("Zadarma's statistics list no call of which no notification came."), None),
    "silence_calls": (
        _lt("Calls that Zadarma lists for the last hours and of which no notification came: %(count)s."),
        _lt("Press Connect. See whether a firewall or proxy keeps Zadarma from this server, and the server's log."),
    ),
    "refusals_signature": (
        _lt("Notifications refused within an hour: %(count)s. Their signature is wrong."),
        _lt("The secret here is not the account's. Copy it again from your Zadarma account and connect."),
    ),
    "refusals_address": (
        _lt("Notifications refused within an hour: %(count)s. They came from %(sender)s."),
        _lt(
            "Addresses are restricted. Behind a proxy, Odoo must run in proxy mode (proxy_mode = True) to see the"
            " sender's address. Several proxies must hand it on to the last one. The manual shows how."
        ),
    ),
}

# What stands in them and is written as the reader writes money.
_MONEY = ("balance", "limit")


def render(env, text, params):
    """Return one of the texts above in the reader's language.

    :rtype: str
    """
    translated = env._(text)
    money = {name: formatLang(env, float(params[name])) for name in _MONEY if name in params}
    return translated % {**params, **money}


class Finding(NamedTuple):
    """What a check found: how it is, the key of a text, and what stands in it."""

    state: str
    reason: str
    params: dict = {}


class ZadarmaCheck(models.Model):
    """What a company's account was last found to be like: one row for each thing that is checked.

    Steps of Connect leave their results here, the watching cron renews them, the settings and the health page show
    them. Texts are made when they are read, in the reader's language.
    """

    _name = "zadarma.check"
    _description = "Zadarma Check"
    _order = "sequence, id"
    _log_access = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    code = fields.Selection(CODES, required=True, readonly=True)
    sequence = fields.Integer(readonly=True)
    state = fields.Selection(
        [("ok", "OK"), ("warning", "Look at it"), ("failed", "Wrong"), ("waiting", "Not tried")],
        required=True,
        readonly=True,
    )
    reason = fields.Char(required=True, readonly=True)
    params = fields.Json(readonly=True)
    checked_at = fields.Datetime(string="Checked On", readonly=True)
    since = fields.Datetime(readonly=True, help="Since when it is like that.")
    message = fields.Text(compute="_compute_message")
    advice = fields.Text(string="What to Do", compute="_compute_message")

    _code_uniq = models.Constraint("UNIQUE (company_id, code)", "Each thing is checked once a company.")

    @api.depends("code")
    def _compute_display_name(self):
        names = dict(self._fields["code"]._description_selection(self.env))
        for check in self:
            check.display_name = names.get(check.code, "")

    @api.depends("reason", "params")
    @api.depends_context("lang", "uid")
    def _compute_message(self):
        for check in self:
            said, advice = TEXTS.get(check.reason, (check.reason, None))
            params = {**(check.params or {}), "url": check._get_shown_url()}
            check.message = render(self.env, said, params)
            check.advice = advice and render(self.env, advice, params)

    def _get_shown_url(self):
        """Return the address for notifications, which is for administrators, or where they find it."""
        if self.env.user.has_group("base.group_system"):
            # sudo: res.company - an administrator's own setting
            return self.company_id.sudo().zadarma_webhook_url or ""
        return self.env._("the address in the settings")

    @api.model
    def _note(self, company, code, finding):
        """Write down what was found.

        :param res.company company: whose account.
        :param str code: what was checked.
        :param Finding finding: how it is.
        :rtype: zadarma.check
        """
        # sudo: zadarma.check - what was found, by whoever may look
        checks_sudo = self.sudo()
        now = fields.Datetime.now()
        values = {
            "sequence": [known for known, _label in CODES].index(code),
            "state": finding.state,
            "reason": finding.reason,
            "params": finding.params,
            "checked_at": now,
        }
        check_sudo = checks_sudo.search([("company_id", "=", company.id), ("code", "=", code)])
        if not check_sudo:
            return checks_sudo.create({**values, "company_id": company.id, "code": code, "since": now})
        if check_sudo.state != finding.state:
            values["since"] = now
        check_sudo.write(values)
        return check_sudo

    @api.model
    def _find(self, company, code):
        """Return what was found last, an empty record where nothing was.

        :rtype: zadarma.check
        """
        # sudo: zadarma.check - read for the company's own work and pages
        return self.sudo().search([("company_id", "=", company.id), ("code", "=", code)])

    # === REFUSED NOTIFICATIONS === #

    @api.model
    def _count_refusal(self, company_id, reason, sender):
        """Count a notification that was refused, so that administrators learn of it.

        Strangers who do not know the address are not counted. A flood costs one write a minute and process, which
        comes after the answer.

        :param int company_id: whose address was used.
        :param str reason: ``signature`` or ``address``.
        :param str sender: the address it came from.
        :return: what to do after the answer, None where that is nothing.
        """
        key, now = (self.env.cr.dbname, company_id), time.monotonic()
        since, count = _refusals.get(key, (0.0, 0))
        if since and now - since < _REFUSALS_EVERY:
            _refusals[key] = since, count + 1
            return None
        _refusals[key] = now, 0
        registry = self.env.registry

        def write():
            try:
                # Two processes may refuse at the same moment: the second one adds to what the first one wrote.
                with registry.cursor() as cr, read_committed(cr):
                    checks = api.Environment(cr, SUPERUSER_ID, {})["zadarma.check"]
                    checks._write_refusals(company_id, reason, sender, count + 1)
            except Exception:  # it was refused, which is all that matters to the sender
                _logger.exception("Zadarma: a refused notification was not counted")

        return write

    @api.model
    def _write_refusals(self, company_id, reason, sender, count):
        """Add to the refused notifications of the last hour."""
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO zadarma_check AS known
                            (company_id, code, sequence, state, reason, params, checked_at, since)
                     VALUES (%(company)s, 'refusals', %(sequence)s, 'failed', %(reason)s,
                             jsonb_build_object('count', %(count)s::int, 'sender', %(sender)s::text), %(now)s, %(now)s)
                ON CONFLICT (company_id, code) DO UPDATE
                        SET reason = EXCLUDED.reason, checked_at = EXCLUDED.checked_at,
                            since = CASE WHEN known.checked_at < %(now)s - %(kept)s::interval
                                         THEN EXCLUDED.since ELSE known.since END,
                            params = CASE WHEN known.checked_at < %(now)s - %(kept)s::interval
                                          THEN EXCLUDED.params
                                          ELSE EXCLUDED.params || jsonb_build_object(
                                              'count', (known.params->>'count')::int + %(count)s::int) END
                """,
                company=company_id,
                sequence=len(CODES),
                reason=f"refusals_{reason}",
                count=count,
                sender=sender or "",
                now=fields.Datetime.now(),
                kept=_REFUSALS_KEPT,
            )
        )


# By database and company: when this process wrote last, and how many it has refused since.
_refusals = {}
