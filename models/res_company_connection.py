import logging
import math
from datetime import datetime, timedelta, timezone
from functools import partial
from urllib.parse import urlsplit

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import config

from odoo.addons.base.models.res_partner import _tz_get

from ..zadarma_api import errors, reachability
from ..zadarma_api.client import API_URL
from .res_company import get_zone
from .zadarma_check import SETUP_CODES, TEXTS, Finding, render

_logger = logging.getLogger(__name__)

NOTIFICATIONS = (
    "notify_start",
    "notify_internal",
    "notify_answer",
    "notify_end",
    "notify_out_start",
    "notify_out_end",
)
# How many extensions are read one by one while somebody waits; the cron reads the others.
_EXTENSIONS_AT_ONCE = 30
_EXTENSIONS_BY_CRON = 10
_CLOCK_TOLERANCE = 30
# Before and after, there may be no such day in another zone. Until then a wrong clock is a clock.
_FIRST_YEAR, _LAST_YEAR = 2, 9998
_QUIET = timedelta(minutes=10)
_SILENCE_LOOKS_BACK = timedelta(hours=3)
# Statistics may have a call before its last notification is here.
_SILENCE_SPARES = timedelta(minutes=3)
# An account that Zadarma does not know is not asked for again and again.
_REVOKED_PAUSE = timedelta(minutes=30)
_ALERT_AFTER = timedelta(minutes=15)
# Refusals may be a stranger's doing, and extensions without a user the administrator's own, who was told by Connect.
_NO_ALERT = ("refusals", "users")


def _minutes_ahead(answer):
    """Return how far the account's clock is ahead of UTC, and the moment of the answer.

    :param dict answer: of ``/v1/info/timezone/``: ``datetime`` on the account's clock and ``unixtime``.
    :rtype: tuple[int, datetime] | None
    """
    try:
        moment = datetime.fromtimestamp(int(answer["unixtime"]), timezone.utc)
        clock = fields.Datetime.to_datetime(answer["datetime"]).replace(tzinfo=timezone.utc)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError):
        return None
    if not (min(moment.year, clock.year) >= _FIRST_YEAR and max(moment.year, clock.year) <= _LAST_YEAR):
        return None
    return round((clock - moment).total_seconds() / 60), moment


def _amount(value):
    """Return an amount of money as Zadarma writes it, a number or text, as a float."""
    try:
        amount = float(value)
    except (TypeError, ValueError):
        return 0.0
    return amount if math.isfinite(amount) else 0.0


class ResCompany(models.Model):
    """How an account is connected, and watched from then on."""

    # A company has several sides, each in a file of its own.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === WORDS FOR PEOPLE === #

    def _zadarma_finding(self, error):
        """Return what a failed request means, as a check keeps it.

        :param zadarma_api.errors.ZadarmaError error: what the client raised.
        :rtype: Finding
        """
        return Finding(
            "failed",
            errors.meaning(error),
            {
                "said": error.message,
                "status": error.http_status,
                "seconds": getattr(error, "retry_after", 0),
            },
        )

    def _zadarma_explain(self, error):
        """Return what a failed request means and what to do next.

        :param zadarma_api.errors.ZadarmaError error: what the client raised.
        :rtype: str
        """
        return self._zadarma_say(self._zadarma_finding(error))

    def _zadarma_say(self, finding):
        """Return what was found and what to do about it, in one text."""
        said, advice = TEXTS[finding.reason]
        sentences = [render(self.env, text, finding.params) for text in (said, advice) if text]
        return ". ".join(sentence.rstrip(".") for sentence in sentences) + ("." if advice else "")

    # === CONNECT === #

    def action_zadarma_connect(self):
        """Check the account, read what it has, and have it send its notifications here.

        Each step leaves its result in a line of its own; all of them can be repeated, and none changes what people
        have chosen here.

        :return: a notification that tells how it went.
        :raise UserError: where the account is not set up.
        """
        self.ensure_one()
        self.check_access("write")
        client = self._zadarma_client(urgent=True)
        steps = {
            "account": self._zadarma_check_account,
            "zone": self._zadarma_set_zone,
            "extensions": self._zadarma_load_extensions,
            "numbers": self._zadarma_load_numbers,
            "users": self._zadarma_propose_users,
            "address": self._zadarma_set_address,
            "notifications": self._zadarma_set_notifications,
            "events": self._zadarma_set_events,
            "test": self._zadarma_send_test,
            "webphone": self._zadarma_allow_webphone,
        }
        checks = self.env["zadarma.check"]
        for code, step in steps.items():
            checks |= self._zadarma_run(code, partial(step, client))
            if code == "account" and checks.state == "failed":
                for later in SETUP_CODES[1:]:
                    checks |= checks._note(self, later, Finding("waiting", "untried"))
                break
        else:
            self._zadarma_end_tour()
        return self._zadarma_tell_connected(checks)

    @api.model
    def _zadarma_end_tour(self):
        """Show no administrator how to do what is done."""
        tour = self.env.ref("zadarma.zadarma_tour", raise_if_not_found=False)
        if tour:
            # sudo: web_tour.tour - whoever connects the account does it for all administrators
            tour.sudo().user_consumed_ids |= self.env.ref("base.group_system").sudo().all_user_ids

    def _zadarma_run(self, code, step):
        """Do a step and write down what it found, or what went wrong.

        :rtype: zadarma.check
        """
        try:
            finding = step()
        except errors.ZadarmaError as error:
            finding = self._zadarma_finding(error)
        return self.env["zadarma.check"]._note(self, code, finding)

    def _zadarma_tell_connected(self, checks):
        account = checks.filtered(lambda check: check.code == "account")
        trouble = checks.filtered(lambda check: check.state in ("warning", "failed"))
        if account.state == "failed":
            kind, message = "danger", f"{account.message} {account.advice or ''}"
        elif trouble:
            kind = "warning"
            message = self.env._(
                "Connected, but look at: %(names)s. The page says what to do.",
                names=", ".join(trouble.mapped("display_name")),
            )
        else:
            kind, message = "success", self.env._("Connected. %(account)s", account=account.message)
        return self._zadarma_notification(kind, message)

    def _zadarma_notification(self, kind, message):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Zadarma"),
                "type": kind,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _zadarma_check_account(self, client):
        """See whether Zadarma knows the account, and read its balance."""
        answer = client.get("/v1/info/balance/")
        company_sudo = self.sudo()
        company_sudo.write(
            {
                "zadarma_balance": _amount(answer.get("balance")),
                "zadarma_currency": str(answer.get("currency") or ""),
                "zadarma_balance_at": fields.Datetime.now(),
            }
        )
        params = {
            "balance": f"{company_sudo.zadarma_balance:.2f}",
            "currency": company_sudo.zadarma_currency,
            "limit": f"{company_sudo.zadarma_balance_limit:.2f}",
        }
        is_low = company_sudo.zadarma_balance < company_sudo.zadarma_balance_limit
        balance = Finding("failed", "balance_low", params) if is_low else Finding("ok", "balance_fine", params)
        self.env["zadarma.check"]._note(self, "balance", balance)
        return Finding("ok", "connected", params)

    # --- zone and clock --- #

    def _zadarma_set_zone(self, client):
        """Take the account's zone the first time; later, tell where the one that was chosen here differs."""
        answer = client.get("/v1/info/timezone/")
        self._zadarma_compare_clock(answer)
        found = _minutes_ahead(answer)
        if not found:
            return Finding("warning", "zone_unreadable")
        proposed = self._zadarma_propose_tz(*found)
        if not proposed or proposed == self.zadarma_tz:
            return self._zadarma_zone_finding()
        # Nobody chooses a plain offset: it was proposed here, and summer time may have made it wrong since.
        is_chosen = self.sudo().zadarma_connected_at and not self.zadarma_tz.startswith(("UTC", "Etc/"))
        if is_chosen:
            return Finding("warning", "zone_differs", {"zone": self.zadarma_tz, "proposed": proposed})
        self.zadarma_tz = proposed
        return self._zadarma_zone_finding()

    def _zadarma_zone_finding(self):
        reason = "zone_offset" if self.zadarma_tz.startswith("Etc/") else "zone_set"
        return Finding("ok", reason, {"zone": self.zadarma_tz})

    def _zadarma_propose_tz(self, minutes, moment):
        """Return a zone whose clock agrees with the account's: the present one, the company's, else a plain offset."""
        # POSIX counts the other way round: Etc/GMT-3 is three hours ahead.
        offset_zone = f"Etc/GMT{-minutes // 60:+d}" if minutes else "UTC"
        zones = dict(_tz_get(self))
        for name in (self.zadarma_tz, self.partner_id.tz, self.env.user.tz, offset_zone):
            if name in zones and moment.astimezone(get_zone(name)).utcoffset().total_seconds() == minutes * 60:
                return name
        return None

    def _zadarma_compare_clock(self, answer):
        """Compare this server's clock with Zadarma's."""
        found = _minutes_ahead(answer)
        if found:
            seconds = round((datetime.now(timezone.utc) - found[1]).total_seconds())
            is_right = abs(seconds) <= _CLOCK_TOLERANCE
            finding = Finding("ok", "clock_right") if is_right else Finding("failed", "clock_wrong")
            self.env["zadarma.check"]._note(self, "clock", finding._replace(params={"seconds": seconds}))

    # --- extensions, numbers, users --- #

    def _zadarma_load_extensions(self, client):
        """Read the extensions of the PBX, and what each is called."""
        pbx = client.get("/v1/pbx/internal/")
        self._zadarma_keep_pbx_id(pbx)
        finding = self._zadarma_match_extensions(pbx)
        self.env["zadarma.extension"]._read_details(self, client, _EXTENSIONS_AT_ONCE)
        return finding

    def _zadarma_match_extensions(self, pbx):
        """Make extensions match those of the PBX, unless the answer names none: it may be a slip of Zadarma's."""
        numbers = pbx.get("numbers")
        if not (numbers and isinstance(numbers, list)):
            return Finding("warning", "extensions_none")
        self.env["zadarma.extension"]._load(self, numbers)
        return Finding("ok", "extensions_read", {"count": len(numbers)})

    def _zadarma_load_numbers(self, client):
        """Read the numbers of the account."""
        infos = client.get("/v1/direct_numbers/").get("info")
        if not (infos and isinstance(infos, list)):
            return Finding("warning", "numbers_none")
        self.env["zadarma.number"]._load(self, infos)
        return Finding("ok", "numbers_read", {"count": len(infos)})

    def _zadarma_propose_users(self, _client):
        """Propose users for the extensions that have none."""
        extensions = self.env["zadarma.extension"]
        extensions._propose_users(self)
        return extensions._get_users_finding(self)

    # --- addresses and notifications --- #

    def _zadarma_set_address(self, client, takes_over=True):
        """Have Zadarma send its notifications here, unless it is plain to see that it cannot.

        :param zadarma_api.client.ZadarmaClient client: of this company's account.
        :param bool takes_over: whether another program's address is replaced.
        """
        url = self.sudo().zadarma_webhook_url
        if obstacle := self._zadarma_find_obstacle(url):
            return Finding("failed", obstacle, {"host": urlsplit(url).hostname})
        if self._zadarma_is_engaged():
            return self._zadarma_leave_to_cron(takes_over=takes_over)
        before = str(client.get("/v1/pbx/callinfo/").get("url") or "")
        is_foreign = before and before != url and not self._zadarma_is_former(before)
        if is_foreign and not takes_over:
            return Finding("failed", "address_other", {"before": self._zadarma_shown_url(before)})
        if is_foreign and self._zadarma_is_copy():
            return Finding("failed", "address_copy", {"before": self._zadarma_shown_url(before)})
        try:
            client.post("/v1/pbx/callinfo/url/", {"url": url})
        except errors.RefusedError as error:
            return Finding("failed", "address_refused", {"said": error.message})
        self.sudo().write(
            {
                "zadarma_connected_at": self.sudo().zadarma_connected_at or fields.Datetime.now(),
                "zadarma_connected_by": self.env.uid,
            }
        )
        if is_foreign:
            return Finding("warning", "address_replaced", {"before": self._zadarma_shown_url(before)})
        if reachability.judge(url) == "insecure":
            return Finding("warning", "address_insecure")
        return Finding("ok", "address_set")

    def _zadarma_set_notifications(self, client):
        """Switch on all notifications about calls."""
        try:
            answer = client.post("/v1/pbx/callinfo/notifications/", dict.fromkeys(NOTIFICATIONS, "true"))
        except errors.RefusedError as error:
            return Finding("failed", "notifications_refused", {"said": error.message})
        return self._zadarma_notifications_finding(answer)

    @api.model
    def _zadarma_notifications_finding(self, answer):
        """Return whether all notifications are switched on, by an answer that lists them."""
        flags = answer.get("notifications")
        flags = flags if isinstance(flags, dict) else {}
        off = [name.upper() for name in NOTIFICATIONS if str(flags.get(name, "true")).lower() != "true"]
        return (
            Finding("failed", "notifications_off", {"names": ", ".join(off)})
            if off
            else Finding("ok", "notifications_on")
        )

    def _zadarma_set_events(self, client):
        """Have transcripts sent here, where no other program gets such events."""
        url = self.sudo().zadarma_webhook_url
        if obstacle := self._zadarma_find_obstacle(url):
            return Finding("waiting", obstacle, {"host": urlsplit(url).hostname})
        if self._zadarma_is_engaged():
            return self._zadarma_leave_to_cron()
        before = str(client.get("/v1/pbx/webhooks/").get("url") or "")
        if before and before != url and not self._zadarma_is_former(before):
            return Finding("ok", "events_other", {"before": self._zadarma_shown_url(before)})
        try:
            client.post("/v1/pbx/webhooks/url/", {"url": url})
            client.post("/v1/pbx/webhooks/hooks/", {"speech_recognition": "true"})
        except errors.RefusedError as error:
            return Finding("warning", "events_refused", {"said": error.message})
        return Finding("ok", "events_set")

    def _zadarma_send_test(self, _client):
        """Send a notification to one's own public address: all that Zadarma's go through is on its way."""
        if self.env["zadarma.check"]._find(self, "address").state == "failed":
            return Finding("waiting", "test_untried")
        if self.zadarma_restrict_addresses:
            return Finding("waiting", "test_restricted")
        if self._zadarma_is_engaged():
            return self._zadarma_leave_to_cron()
        company_sudo = self.sudo()
        found = reachability.send_test(company_sudo.zadarma_webhook_url, company_sudo.zadarma_secret)
        state = {"ok": "ok", "unreachable": "warning"}.get(found, "failed")
        return Finding(state, f"test_{found}", {"host": urlsplit(company_sudo.zadarma_webhook_url).hostname})

    def _zadarma_allow_webphone(self, client):
        """Have Zadarma let its phone run in the pages of this site, where that is wanted."""
        if not self.zadarma_webrtc:
            return Finding("ok", "webphone_off")
        return Finding("ok", "webphone_on", {"site": self._zadarma_register_webrtc(client)})

    def _zadarma_find_obstacle(self, url):
        """Return why it is plain to see that Zadarma cannot reach an address, None where it may be able to."""
        verdict = reachability.judge(url)
        is_inner = verdict in ("local", "private") and not self._zadarma_api_is_local()
        return f"address_{verdict}" if is_inner else None

    def _zadarma_api_is_local(self):
        """Tell whether Zadarma is a program on this machine, as in tests and demonstrations."""
        # sudo: ir.config_parameter - only compared
        url = self.env["ir.config_parameter"].sudo().get_param("zadarma.api_url") or API_URL
        return reachability.judge(url) == "local"

    @api.model
    def _zadarma_is_engaged(self):
        """Tell whether nobody is there to answer while this request runs: Odoo's one worker is busy with it.

        Without workers (threads) and with several of them, somebody is.
        """
        return bool(request) and config["workers"] == 1

    def _zadarma_leave_to_cron(self, **options):
        """Have the watching cron do a step of Connect during which Zadarma asks this server something.

        :param options: what the step is done with.
        """
        # sudo: ir.cron - brings forward what runs every few minutes anyway
        self.env.ref("zadarma.ir_cron_watch").sudo()._trigger()
        return Finding("waiting", "later", options)

    @api.model
    def _zadarma_is_copy(self):
        """Tell whether this database is a copy that was made harmless."""
        # sudo: ir.config_parameter - Odoo's own mark of a copy
        return bool(self.env["ir.config_parameter"].sudo().get_param("database.is_neutralized"))

    @api.model
    def _zadarma_shown_url(self, url):
        """Return an address as far as it may be shown: what follows the host may be somebody's secret."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return "…"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"

    def action_zadarma_test_address(self):
        """Ask one's own public address to echo a value, as Zadarma does.

        :return: a notification that tells what that shows, and what it does not.
        """
        self.ensure_one()
        self.check_access("write")
        url = self.sudo().zadarma_webhook_url or ""
        reason = self._zadarma_find_obstacle(url)
        if not reason:
            reason = "echo_engaged" if self._zadarma_is_engaged() else f"echo_{reachability.check_echo(url)}"
        message = self._zadarma_say(Finding("", reason, {"host": urlsplit(url).hostname, "url": url}))
        return self._zadarma_notification("success" if reason == "echo_ok" else "warning", message)

    def action_zadarma_read_balance(self):
        """Read the balance now.

        :raise UserError: where Zadarma does not tell it.
        """
        self.ensure_one()
        self.check_access("write")
        client = self._zadarma_client(urgent=True)
        try:
            finding = self._zadarma_check_account(client)
        except errors.ZadarmaError as error:
            raise UserError(self._zadarma_explain(error)) from error
        check = self.env["zadarma.check"]._note(self, "account", finding)
        return self._zadarma_notification("success", check.message)

    def action_zadarma_disconnect(self):
        """Forget key and secret, and have Zadarma send nothing any more, if it still listens to them."""
        self.ensure_one()
        self.check_access("write")
        message = self.env._("Key and secret are forgotten. Zadarma sends no notifications here any more.")
        try:
            client = self._zadarma_client(urgent=True)
            present = str(client.get("/v1/pbx/callinfo/").get("url") or "")
            if present == self.sudo().zadarma_webhook_url or self._zadarma_is_former(present):
                client.call("DELETE", "/v1/pbx/callinfo/url/")
        except (UserError, errors.ZadarmaError):
            message = self.env._(
                "Key and secret are forgotten. Zadarma could not be told: remove the address in your Zadarma account"
                " under Settings, Integrations and API, Notifications."
            )
        self.sudo().write(dict.fromkeys(("zadarma_key", "zadarma_secret"), False))
        self._zadarma_forget_account()
        return self._zadarma_notification("success", message)

    def _zadarma_forget_account(self):
        """Forget what was found of an account that is not this company's any more."""
        # sudo: zadarma.check - what they tell concerns the former account
        self.env["zadarma.check"].sudo().search([("company_id", "in", self.ids)]).unlink()
        self.sudo().write(
            {
                "zadarma_balance": 0.0,
                "zadarma_currency": False,
                "zadarma_balance_at": False,
                "zadarma_connected_at": False,
            }
        )

    # === WATCHING === #

    @api.model
    def _cron_zadarma_watch(self):
        """Look after all accounts: what the health page shows must not be older than some minutes."""
        companies = self.sudo().search([("zadarma_key", "!=", False), ("zadarma_secret", "!=", False)])
        for done, company in enumerate(companies, start=1):
            company._zadarma_watch()
            company._zadarma_alert()
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(companies) - done):
                return

    def _zadarma_watch(self):
        """Look after one account. Nothing that Zadarma does makes the cron fail."""
        checks = self.env["zadarma.check"]
        account = checks._find(self, "account")
        if account.reason == "key" and fields.Datetime.now() - account.checked_at < _REVOKED_PAUSE:
            return
        try:
            client = self._zadarma_client()
        except UserError as error:  # key and secret are there, so it is the address of the API
            _logger.warning("Zadarma: %s", error)
            checks._note(self, "account", Finding("failed", "api_url"))
            return
        account = self._zadarma_run("account", partial(self._zadarma_check_account, client))
        if account.state == "failed":
            return
        for look in (
            self._zadarma_finish_connecting,
            self._zadarma_watch_clock,
            self._zadarma_watch_notifications,
            self._zadarma_watch_test,
            self._zadarma_watch_silence,
            self._zadarma_watch_extensions,
        ):
            try:
                look(client)
            except errors.ZadarmaError as error:
                checks._note(self, "account", self._zadarma_finding(error))
                return

    def _zadarma_finish_connecting(self, client):
        """Do the steps of Connect, or of a renewal of the address, that were left to this cron."""
        steps = {
            "address": self._zadarma_set_address,
            "events": self._zadarma_set_events,
            "test": self._zadarma_send_test,
        }
        for code, step in steps.items():
            check = self.env["zadarma.check"]._find(self, code)
            if check.reason == "later":
                self._zadarma_run(code, partial(step, client, **(check.params or {})))

    def _zadarma_watch_clock(self, client):
        """See whether clocks and zones still agree."""
        self.env["zadarma.check"]._note(self, "zone", self._zadarma_set_zone(client))

    def _zadarma_watch_notifications(self, client):
        """See whether Zadarma still sends all notifications, and here."""
        if not self.zadarma_connected_at:
            return
        checks = self.env["zadarma.check"]
        answer = client.get("/v1/pbx/callinfo/")
        checks._note(self, "notifications", self._zadarma_notifications_finding(answer))
        present, known = str(answer.get("url") or ""), checks._find(self, "address")
        if present == self.zadarma_webhook_url:
            # What Connect said of it may be a warning that still holds.
            if known.state == "failed":
                checks._note(self, "address", Finding("ok", "address_set"))
        elif self._zadarma_is_former(present):
            # It was renewed when Zadarma could not be told.
            self._zadarma_run("address", partial(self._zadarma_set_address, client))
            self._zadarma_run("events", partial(self._zadarma_set_events, client))
        elif present:
            checks._note(
                self, "address", Finding("failed", "address_other", {"before": self._zadarma_shown_url(present)})
            )
        else:
            checks._note(self, "address", Finding("failed", "address_none"))

    def _zadarma_watch_test(self, _client):
        """Forget a test notification that did not get in once those of Zadarma do."""
        test, last = self.env["zadarma.check"]._find(self, "test"), self.env["zadarma.event"]._find_last(self)
        if test.state in ("warning", "failed") and last.received_at and last.received_at > test.checked_at:
            self.env["zadarma.check"]._note(self, "test", Finding("ok", "test_overtaken"))

    def _zadarma_watch_extensions(self, client):
        """See whether there are new extensions, and whether each has a user."""
        extensions = self.env["zadarma.extension"]
        self._zadarma_match_extensions(client.get("/v1/pbx/internal/"))
        extensions._read_details(self, client, _EXTENSIONS_BY_CRON)
        extensions._propose_users(self)
        self.env["zadarma.check"]._note(self, "users", extensions._get_users_finding(self))

    def _zadarma_watch_silence(self, client):
        """When nothing has come for a while, ask the statistics whether that is so because nobody called."""
        now, events = fields.Datetime.now(), self.env["zadarma.event"]
        last = events._find_last(self)
        quiet = Finding("ok", "silence_none")
        if not self.zadarma_connected_at or (last and now - last.received_at < _QUIET):
            self.env["zadarma.check"]._note(self, "silence", quiet)
            return
        since, until = max(now - _SILENCE_LOOKS_BACK, self.zadarma_connected_at), now - _SILENCE_SPARES
        if since < until:
            calls = self._zadarma_read_call_ids(client, since, until)
            known = events.search([("company_id", "=", self.id), ("pbx_call_id", "in", list(calls))])
            missing = calls - set(known.mapped("pbx_call_id"))
            found = Finding("failed", "silence_calls", {"count": len(missing)}) if missing else quiet
            self.env["zadarma.check"]._note(self, "silence", found)

    def _zadarma_read_call_ids(self, client, since, until):
        """Return the ids of calls that Zadarma's statistics list between two moments.

        :rtype: set[str]
        """
        zone = get_zone(self.zadarma_tz)
        start, end = (
            moment.replace(tzinfo=timezone.utc).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            for moment in (since, until)
        )
        span = {"start": start, "end": end, "version": 2, "skip": 0, "limit": 100}
        rows = client.get("/v1/statistics/pbx/", span).get("stats")
        rows = rows if isinstance(rows, list) else []
        return {str(row["pbx_call_id"]) for row in rows if isinstance(row, dict) and row.get("pbx_call_id")}

    # === ALERT === #

    def _zadarma_alert(self):
        """Let one administrator know, once, when something has been wrong for long.

        The activity goes by itself when all is right again. Done or not, it is the only one until then.
        """
        checks = self.env["zadarma.check"]
        wrong = checks.search([("company_id", "=", self.id), ("state", "=", "failed"), ("code", "not in", _NO_ALERT)])
        lasting = wrong.filtered(lambda check: fields.Datetime.now() - check.since >= _ALERT_AFTER)
        alert = self.zadarma_alert_id.with_context(active_test=False)
        if not wrong:
            alert.unlink()
        elif lasting and not alert:
            self.zadarma_alert_id = alert.with_context(mail_activity_quick_update=True).create(
                self._prepare_zadarma_alert_values(lasting)
            )

    def _prepare_zadarma_alert_values(self, checks):
        """Return the values of the activity that tells an administrator what is wrong."""
        administrators = self.env.ref("base.group_system").all_user_ids
        administrators = administrators.filtered(lambda user: user.active and self in user.company_ids)
        user = (self.zadarma_connected_by & administrators) or administrators.sorted("id")[:1] or self.env.user
        texts = checks.with_context(lang=user.lang)
        note = Markup("<br/>").join(f"{text.display_name}: {text.message}" for text in texts)
        return {
            "activity_type_id": self.env.ref("mail.mail_activity_data_warning").id,
            "summary": texts.env._("Zadarma: %(company)s needs you", company=self.name),
            "note": note,
            "user_id": user.id,
            "automated": True,
        }
