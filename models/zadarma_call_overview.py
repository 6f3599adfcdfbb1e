import time
from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from .ir_websocket import BOARD_CHANNEL
from .res_company import get_zone
from .zadarma_call_popup import seconds_since

# Days of a period; the present day counts as one.
_PERIODS = {"today": 1, "week": 7, "month": 30}
_MAX_WAITING = 50
_INBOUND = Domain("direction", "=", "inbound")
_OUTBOUND = Domain("direction", "=", "outbound")


class ZadarmaCall(models.Model):
    """What supervisors see of all calls: figures of a period, when it is busy, and who talks to whom now."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    # === RPC OF THE WEB CLIENT === #

    @api.model
    def get_overview(self, period="today"):
        """Return the figures of a period and of the one before, and how calls spread over the week.

        :param str period: ``today``, ``week`` or ``month``: up to now, in the time zone of the account.
        :return: ``now`` and ``before`` with the figures, see :meth:`_get_figures`, and ``heat``, see :meth:`_get_heat`.
        :rtype: dict
        :raise AccessError: for anybody but supervisors.
        """
        self._check_supervisor()
        # A call that began in this very second counts.
        now = fields.Datetime.now() + timedelta(seconds=1)
        days = timedelta(days=_PERIODS.get(period, 1))
        start = self._get_midnight(now) - days + timedelta(days=1)
        heat_start = self._get_midnight(now) - timedelta(days=_PERIODS["month"] - 1)
        return {
            "now": self._get_figures(start, now),
            "before": self._get_figures(start - days, now - days),
            "heat": self._get_heat(heat_start, now),
        }

    @api.model
    def get_board(self):
        """Return who is free, rings or talks now, and who waits for somebody to pick up.

        :return: ``agents``, one for each extension, and ``waiting``, one for each inbound call that nobody took yet,
            the longest first.
        :rtype: dict
        :raise AccessError: for anybody but supervisors.
        """
        self._check_supervisor()
        company_domain = Domain("company_id", "in", self.env.companies.ids)
        calls = self.search(company_domain & Domain("state", "!=", "ended") & Domain("is_blocked", "=", False))
        extensions = self.env["zadarma.extension"].search(company_domain)
        waiting = calls.filtered(lambda call: call.direction == "inbound" and call.state == "ringing").sorted("id")
        return {
            "sent_at": time.time(),
            "agents": [self._get_agent(extension, calls) for extension in extensions],
            "waiting": [call._get_board_call() for call in waiting[:_MAX_WAITING]],
            "waiting_count": len(waiting),
        }

    @api.model
    def _check_supervisor(self):
        if not self.env.user.has_group("zadarma.group_zadarma_manager"):
            raise AccessError(self.env._("The overview of all calls is for supervisors. Ask an administrator for it."))

    # === FIGURES === #

    @api.model
    def _get_midnight(self, now):
        """Return when the present day began in the account's time zone, as the database keeps it."""
        local = now.replace(tzinfo=timezone.utc).astimezone(get_zone(self.env.company.zadarma_tz))
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight.astimezone(timezone.utc).replace(tzinfo=None)

    @api.model
    def _get_period_domain(self, start, end):
        return (
            Domain("company_id", "in", self.env.companies.ids)
            & Domain("date_start", ">=", start)
            & Domain("date_start", "<", end)
        )

    @api.model
    def _get_figures(self, start, end):
        """Return what is counted of a period; the place to add figures of one's own.

        :param datetime start: naive, UTC.
        :param datetime end: naive, UTC.
        :return: numbers by name; seconds and rates are none where there is nothing to average.
        :rtype: dict[str, int | float | None]
        """
        aggregates = ["__count", "answered:sum", "missed:sum", "waiting:avg", "duration:sum", "average_duration:avg"]
        report, period = self.env["zadarma.call.report"], self._get_period_domain(start, end)
        inbound = report._read_group(period & _INBOUND, aggregates=aggregates)[0]
        outbound = report._read_group(period & _OUTBOUND, aggregates=aggregates)[0]
        count, answered, missed, waiting, duration, average = inbound
        return {
            "inbound": count,
            "answered": answered or 0,
            "missed": missed or 0,
            "missed_rate": 100 * (missed or 0) / count if count else None,
            "waiting": waiting or None,
            "average_duration": average or None,
            "outbound": outbound[0],
            "reached": outbound[1] or 0,
            "talking": (duration or 0) + (outbound[4] or 0),
        }

    @api.model
    def _get_heat(self, start, end):
        """Return the inbound calls of a period by weekday and hour.

        :return: ``[weekday, hour, calls, missed]`` where there were calls, Monday being ``1``.
        :rtype: list[list]
        """
        rows = self.env["zadarma.call.report"]._read_group(
            self._get_period_domain(start, end) & _INBOUND, ["weekday", "hour"], ["__count", "missed:sum"]
        )
        return [list(row) for row in rows]

    # === BOARD === #

    @api.model
    def _get_agent(self, extension, calls):
        """Return what an extension does now; the liveliest of its calls counts."""
        legs = calls.leg_ids.filtered(
            lambda leg: (
                leg.extension == extension.number
                and leg.call_id.company_id == extension.company_id
                and leg.state != "ended"
            )
        )
        leg = legs.sorted(lambda leg: leg.state != "talking")[:1]
        user = extension.user_id
        return {
            "id": extension.id,
            "extension": extension.number,
            "user": bool(user) and {"id": user.id, "name": user.name},
            "company": extension.company_id.name,
            "state": leg.state or ("dnd" if user.zadarma_dnd else "free"),
            "call": bool(leg) and leg.call_id._get_board_call(),
        }

    def _get_board_call(self):
        """Return a call as the board shows it."""
        self.ensure_one()
        partner = self._get_party()._filtered_access("read")
        lead = self.lead_id._filtered_access("read")
        return {
            "id": self.id,
            "direction": self.direction,
            "title": partner.display_name or self._get_lead_caller(lead) or self._get_number_display(),
            "number": "" if self.is_withheld else self._get_number_display(),
            "own_number": self.own_number_id.display_name or "",
            "seconds": seconds_since(self.talking_since if self.state == "talking" else self.create_date),
        }

    def _tell_board(self, is_live):
        """Let those who look at the overview read it again."""
        if is_live or self.is_live:
            self.env["bus.bus"]._sendone((self.company_id, BOARD_CHANNEL), "zadarma.board", {})
