import time
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import format_datetime

from .zadarma_check import SETUP_CODES

# Longer than the sweeping cron takes to come by, and its work to be done.
_LATE = timedelta(minutes=2)
_CRON_LATE = timedelta(minutes=3)
_REFUSAL_COUNTS = timedelta(hours=1)
_ORDER = ("failed", "warning", "waiting", "ok")


class ZadarmaHealth(models.AbstractModel):
    """Whether telephony works, and what to do where it does not: what the health page shows.

    Supervisors may read it. It holds no payload, no number and no secret.
    """

    _name = "zadarma.health"
    _description = "Zadarma Health"

    @api.model
    def get_health(self):
        """Return the lines of the health page for the current company, the worst first.

        :rtype: dict
        :raise AccessError: for anybody but supervisors and administrators.
        """
        self._check_may_look()
        # sudo: res.company, zadarma.* - states and counts; nothing of it is a secret, and texts are made here
        company_sudo = self.env.company.sudo()
        lines = self.sudo()._get_lines(company_sudo)
        return {
            "company": company_sudo.display_name,
            "is_administrator": self.env.user.has_group("base.group_system"),
            "lines": sorted(lines, key=lambda line: _ORDER.index(line["state"])),
        }

    @api.model
    def ping(self, token):
        """Send a message to the user's own browser, so that it can tell how long the bus takes.

        :param str token: comes back with the message.
        :raise AccessError: for anybody but supervisors and administrators.
        """
        self._check_may_look()
        self.env.user._bus_send("zadarma.health/ping", {"token": str(token)[:64]})

    @api.model
    def _check_may_look(self):
        user = self.env.user
        if not (user.has_group("zadarma.group_zadarma_manager") or user.has_group("base.group_system")):
            raise AccessError(self.env._("The health of telephony is for supervisors and administrators."))

    @api.model
    def _line(self, code, state, title, text, advice=False, action=False):
        """Return one line of the page.

        :param str action: external id of an action that helps, for administrators.
        """
        return {"code": code, "state": state, "title": title, "text": text, "advice": advice, "action": action}

    @api.model
    def _get_lines(self, company):
        """Return all lines, an extension point for what else can be ill."""
        if not (company.zadarma_key and company.zadarma_secret):
            return [
                self._line(
                    "account",
                    "failed",
                    self.env._("Account"),
                    self.env._("This database is a copy, and its telephony is off on purpose.")
                    if company._zadarma_is_copy()
                    else self.env._("Zadarma is not set up for %(company)s yet.", company=company.display_name),
                    self.env._("An administrator enters the API key and secret in Settings, Zadarma."),
                    "zadarma.res_config_settings_action",
                )
            ]
        return [
            *self._get_check_lines(company),
            *self._get_event_lines(company),
            self._get_refusal_line(company),
            *self._get_cron_lines(),
            self._get_rate_line(company),
            *self._get_recording_lines(company),
        ]

    @api.model
    def _get_check_lines(self, company):
        """Return what Connect and the watching cron found."""
        checks = self.env["zadarma.check"].search([("company_id", "=", company.id), ("code", "!=", "refusals")])
        if not checks:
            return [
                self._line(
                    "account",
                    "failed",
                    self.env._("Account"),
                    self.env._("The account is not connected yet."),
                    self.env._("An administrator presses Connect in Settings, Zadarma."),
                    "zadarma.res_config_settings_action",
                )
            ]
        return [
            self._line(
                check.code,
                check.state,
                check.display_name,
                check.message,
                check.advice,
                "zadarma.zadarma_extension_action"
                if check.code == "users"
                # What is only watched is mended elsewhere.
                else "zadarma.res_config_settings_action"
                if check.code in SETUP_CODES and check.state != "ok"
                else False,
            )
            for check in checks
        ]

    @api.model
    def _get_event_lines(self, company):
        """Return how the inbox does: the last notification, those that wait, those that failed."""
        events = self.env["zadarma.event"]
        domain, now = [("company_id", "=", company.id)], fields.Datetime.now()
        last = events._find_last(company)
        text = self.env._("No notification has come yet. Make a call to see one.")
        if last:
            text = self.env._("The last one came on %(date)s.", date=self._format_date(last.received_at))
        lines = [self._line("last", "ok" if last else "warning", self.env._("Last notification"), text)]
        late = [*domain, ("state", "=", "new"), ("received_at", "<", now - _LATE)]
        if waiting := events.search_count(late, limit=1000):
            lines.append(
                self._line(
                    "waiting",
                    "failed",
                    self.env._("Waiting notifications"),
                    self.env._("Notifications that wait for more than two minutes: %(count)s.", count=waiting),
                    self.env._("See whether the scheduled actions run, and the server's log."),
                    "zadarma.zadarma_event_action",
                )
            )
        failed = events.search_count([*domain, ("state", "in", ("failed", "quarantined"))], limit=1000)
        lines.append(
            self._line(
                "failed",
                "failed" if failed else "ok",
                self.env._("Failed notifications"),
                self.env._("%(count)s could not be processed or understood.", count=failed),
                failed and self.env._("An administrator opens them, sees why, and processes them again."),
                "zadarma.zadarma_event_action" if failed else False,
            )
        )
        return lines

    @api.model
    def _get_refusal_line(self, company):
        """Return whether notifications were refused of late."""
        check = self.env["zadarma.check"]._find(company, "refusals")
        title = self.env._("Refused notifications")
        if not check or fields.Datetime.now() - check.checked_at > _REFUSAL_COUNTS:
            return self._line("refusals", "ok", title, self.env._("None in the last hour."))
        return self._line(
            "refusals", check.state, title, check.message, check.advice, "zadarma.res_config_settings_action"
        )

    @api.model
    def _get_cron_lines(self):
        """Return whether the scheduled actions run, one line for all that is well."""
        crons = self._get_crons()
        now = fields.Datetime.now()
        stopped = crons.filtered(lambda cron: not cron.active)
        late = (crons - stopped).filtered(lambda cron: cron.nextcall < now - _CRON_LATE)
        title, action = self.env._("Scheduled actions"), "base.ir_cron_act"
        if stopped:
            text = self.env._("Switched off: %(names)s", names=", ".join(stopped.mapped("name")))
            return [self._line("cron", "failed", title, text, self.env._("Switch them on again."), action)]
        if late:
            text = self.env._("Not run when it was time: %(names)s", names=", ".join(late.mapped("name")))
            advice = self.env._(
                "See whether Odoo runs scheduled actions at all: max_cron_threads must not be 0, and the server's log"
                " tells what went wrong."
            )
            return [self._line("cron", "failed", title, text, advice, action)]
        return [self._line("cron", "ok", title, self.env._("All of them run."))]

    @api.model
    def _get_crons(self):
        """Return the scheduled actions of this addon."""
        data = self.env["ir.model.data"].search([("module", "=", "zadarma"), ("model", "=", "ir.cron")])
        return self.env["ir.cron"].with_context(active_test=False).browse(data.mapped("res_id")).exists()

    @api.model
    def _get_rate_line(self, company):
        """Return whether the limit of requests is near."""
        use = self.env["zadarma.throttle"]._read_state(company).use(time.time())
        title = self.env._("Requests to Zadarma")
        if use.refused:
            return self._line(
                "rate",
                "failed",
                title,
                self.env._("Zadarma asks to slow down, for %(seconds)s more seconds.", seconds=use.wait),
                self.env._("See whether other programs use the same key. Each should have its own, or ask less."),
            )
        text = self.env._("%(count)s of %(limit)s in the last minute.", count=use.sent, limit=use.limit)
        near = use.sent >= use.limit * 0.8
        advice = near and self.env._("Background work waits by itself; calls by click keep a reserve.")
        return self._line("rate", "failed" if near else "ok", title, text, advice)

    @api.model
    def _get_recording_lines(self, company):
        """Return whether recordings come, and go when their time has come; nothing where there are none."""
        given_up = [("company_id", "=", company.id), ("error", "!=", False), ("next_try", "=", False)]
        count = self.env["zadarma.recording"].search_count(given_up, limit=1000)
        if not (count or company.zadarma_fetch_recordings):
            return []
        title = self.env._("Recordings")
        if not count:
            return [self._line("recordings", "ok", title, self.env._("None was given up."))]
        text = self.env._("%(count)s could not be loaded, or deleted at Zadarma, and were given up.", count=count)
        advice = self.env._("A supervisor sees why in the list of recordings, and has them tried again.")
        may_see = self.env.user.has_group("zadarma.group_zadarma_manager")
        action = may_see and "zadarma.zadarma_recording_action_failed"
        return [self._line("recordings", "failed", title, text, advice, action)]

    @api.model
    def _format_date(self, moment):
        return format_datetime(self.env, moment)
