from datetime import datetime, time, timedelta

import pytz

from odoo import api, fields, models
from odoo.tools.intervals import Intervals

_DAYS_AHEAD = 15


class ZadarmaWorkingTime(models.Model):
    """When a user with an extension works, kept ready for :class:`zadarma.routing`, which has no time to work it out.

    Comes from the user's own resource where there is one, as Odoo's HR makes for employees, with its leaves; else from
    the company's working hours and public holidays. It is made anew every hour, as soon as working hours or leaves
    change (by the cron, so within a minute or so), and at once when an extension gets another user or routing is
    switched on. If the cron stands still, changes are not seen; after two weeks nobody works, and calls go the PBX's
    own way.
    """

    _name = "zadarma.working.time"
    _description = "Working Time"
    _order = "start, id"
    _log_access = False

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    user_id = fields.Many2one("res.users", required=True, ondelete="cascade")
    start = fields.Datetime(required=True)
    stop = fields.Datetime(required=True)

    _user_idx = models.Index("(user_id, company_id, start, stop)")

    @api.model
    def _get_horizon(self):
        """Return from when until when working times are known, naive UTC.

        :rtype: tuple[datetime, datetime]
        """
        today = datetime.combine(fields.Date.today(), time.min)
        return today - timedelta(days=1), today + timedelta(days=_DAYS_AHEAD)

    @api.model
    def _refresh(self, companies):
        """Make the working times of companies match what is planned; those without routing need none."""
        horizon = [pytz.utc.localize(moment) for moment in self._get_horizon()]
        for company in companies:
            wanted = self._plan(company, *horizon) if company.zadarma_route_calls else set()
            known = self.search([("company_id", "=", company.id)]).grouped(
                lambda row: (row.user_id.id, row.start, row.stop)
            )
            self.union(*(rows for key, rows in known.items() if key not in wanted)).unlink()
            self.create(
                [
                    {"company_id": company.id, "user_id": user, "start": start, "stop": stop}
                    for user, start, stop in sorted(wanted - known.keys())
                ]
            )

    @api.model
    def _plan(self, company, start, stop):
        """Return when those work who have an extension of a company.

        :rtype: set[tuple[int, datetime, datetime]]
        """
        users = self.env["zadarma.extension"].search([("company_id", "=", company.id)]).user_id
        resources = self.env["resource.resource"].search(
            [("user_id", "in", users.ids), ("company_id", "=", company.id), ("resource_type", "=", "user")]
        )
        own = resources.with_company(company)._get_valid_work_intervals(start, stop)[0] if resources else {}
        general = self._get_company_intervals(company, start, stop)
        planned = set()
        for user in users:
            mine = resources.filtered(lambda resource, user=user: resource.user_id == user)[:1]
            intervals = general
            if mine:
                intervals = self._get_flexible_intervals(mine, start, stop) if mine._is_flexible() else own[mine.id]
            planned |= {(user.id, self._to_utc(begin), self._to_utc(end)) for begin, end, _records in intervals}
        return planned

    @api.model
    def _get_company_intervals(self, company, start, stop):
        """Return when a company works, by its working hours and public holidays."""
        calendar = company.resource_calendar_id
        leaves = [("time_type", "=", "leave"), ("company_id", "in", (False, company.id))]
        if not calendar or calendar.flexible_hours:
            return (
                self._get_whole(start, stop)
                - calendar._leave_intervals_batch(start, stop, domain=leaves, tz=pytz.utc)[False]
            )
        return calendar._work_intervals_batch(start, stop, domain=leaves)[False]

    @api.model
    def _get_flexible_intervals(self, resource, start, stop):
        """Return when somebody without fixed hours works: always but for leaves."""
        calendar = resource.calendar_id or resource.company_id.resource_calendar_id
        return self._get_whole(start, stop) - calendar._leave_intervals_batch(start, stop, resource)[resource.id]

    @api.model
    def _get_whole(self, start, stop):
        return Intervals([(start, stop, self.env["resource.calendar.attendance"])])

    @staticmethod
    def _to_utc(moment):
        return moment.astimezone(pytz.utc).replace(tzinfo=None)

    @api.model
    def _cron_refresh(self):
        """Make all working times match what is planned, where calls are routed."""
        companies = self.env["res.company"].search([("zadarma_route_calls", "=", True)])
        for done, company in enumerate(companies, start=1):
            self._refresh(company)
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(companies) - done):
                return
