# A page of statistics is taken in transactions of its own, so that what is done stays done.
# pylint: disable=invalid-commit
import json
import logging
import time
from collections import defaultdict
from datetime import datetime, time as day_time, timedelta, timezone
from math import ceil

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..zadarma_api import errors
from ..zadarma_api.statistics import (
    PAGE_ROWS,
    PATH,
    RowError,
    Window,
    is_between_extensions,
    kept_row,
    parse_row,
    rows_of,
    split_page,
)
from .res_company import get_zone

_logger = logging.getLogger(__name__)

# Calls that began a moment ago may still go on: their rows are not complete.
RIPE_AFTER = timedelta(minutes=15)
_RECENT_EVERY, _RECENT_BACK = timedelta(minutes=25), timedelta(hours=4)
_DAILY_AFTER, _DAILY_BACK = day_time(2), timedelta(days=3)
# Older calls that a comparison brings back are history: nobody is asked to call them back.
_CONSEQUENCES_FOR = timedelta(days=7)
_BATCH_CALLS = 500
_MAX_ROWS_KEPT = 500
_MAX_PAYLOAD = 4000
_REQUESTS_A_MINUTE = 3
_LONGEST_PAUSE = timedelta(hours=1)
_MAX_ATTEMPTS = 8
_FOLLOW_UP_SECONDS = 20
# A page that takes longer is gone on with the next time, well before Odoo ends a cron that does not come back.
_PAGE_SECONDS = 60
_KEEP_DAYS = 90
_OPEN = ("waiting", "running")


class ZadarmaImport(models.Model):
    """A period in which calls are compared with Zadarma's statistics, page by page, and how far that is.

    Imports are asked for by people. Comparisons of the last hours and of the last days are made by the cron; the last
    one of a kind tells where the next one begins, so that after an outage nothing is left out.
    """

    _name = "zadarma.import"
    _description = "Zadarma Comparison with Statistics"
    _order = "id desc"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    kind = fields.Selection(
        [("import", "Import"), ("recent", "Last hours"), ("daily", "Last days")], required=True, readonly=True
    )
    user_id = fields.Many2one("res.users", string="Requested By", readonly=True, ondelete="set null")
    date_from = fields.Datetime(string="From", required=True, readonly=True)
    date_to = fields.Datetime(string="To", required=True, readonly=True)
    has_consequences = fields.Boolean(
        string="Leads, Activities and Notes",
        readonly=True,
        help="The calls that are added have leads, activities and notes, as if they had just been made.",
    )
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("running", "Under way"),
            ("done", "Done"),
            ("failed", "Stopped"),
            ("cancelled", "Cancelled"),
        ],
        default="waiting",
        required=True,
        readonly=True,
    )
    position = fields.Datetime(required=True, readonly=True, help="Everything before this moment is done.")
    skip = fields.Integer(readonly=True, help="How many rows after the position are done.")
    reached = fields.Datetime(readonly=True, help="The latest call that was compared.")
    rows_read = fields.Integer(readonly=True)
    added = fields.Integer(readonly=True, help="Calls that were missing.")
    corrected = fields.Integer(readonly=True, help="Calls of which something was missing or wrong.")
    unchanged = fields.Integer(readonly=True, help="Calls that were right already.")
    rejected = fields.Integer(string="Not Understood", readonly=True, help="Rows that were left out; see below.")
    error = fields.Char(string="Trouble", readonly=True)
    attempts = fields.Integer(readonly=True)
    next_try_at = fields.Datetime(string="Next Attempt", readonly=True)
    worked_at = fields.Datetime(readonly=True)
    date_done = fields.Datetime(string="Done On", readonly=True)
    row_ids = fields.One2many("zadarma.import.row", "import_id", string="Rows Not Understood", readonly=True)
    progress = fields.Float(compute="_compute_progress")
    time_left = fields.Char(compute="_compute_progress")

    _open_idx = models.Index("(company_id, kind) WHERE state IN ('waiting', 'running')")
    _kind_idx = models.Index("(company_id, kind, id DESC)")

    # === COMPUTE === #

    @api.depends("kind", "date_from", "date_to")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for run in self:
            run.display_name = f"{kinds.get(run.kind, '')} {run.id or ''}".strip()

    @api.depends("state", "date_from", "date_to", "position", "reached", "rows_read")
    def _compute_progress(self):
        for run in self:
            whole = (run.date_to - run.date_from).total_seconds()
            reached = min(max(run.position, run.reached or run.position), run.date_to)
            done = (reached - run.date_from).total_seconds() / whole if whole > 0 else 1.0
            run.progress = 100 if run.state == "done" else 100 * done
            run.time_left = run._describe_time_left(done) if run.state in _OPEN else False

    def _describe_time_left(self, done):
        """Say how long it takes yet: Zadarma answers three requests a minute, of a thousand rows each.

        :param float done: the share that is done.
        """
        requests = Window.count(self.position, self.date_to)
        if done:
            requests = max(requests, ceil(self.rows_read / done * (1 - done) / PAGE_ROWS))
        minutes = ceil(requests / _REQUESTS_A_MINUTE)
        if not done and minutes > 1:
            return self.env._("At least %(minutes)s minutes", minutes=minutes)
        if minutes > 1:
            return self.env._("About %(minutes)s minutes", minutes=minutes)
        return self.env._("About a minute")

    # === ACTIONS === #

    def action_try_again(self):
        """Go on with what was stopped."""
        self._check_may_act()
        for run in self:
            if run.state not in ("failed", "cancelled"):
                raise UserError(self.env._("This is done or under way already. Start a new import to repeat it."))
        # sudo: zadarma.import - people see runs and their buttons, the rest is the cron's
        self.sudo().write({"state": "waiting", "error": False, "attempts": 0, "next_try_at": False})
        self._wake_cron()

    def action_cancel(self):
        """Stop an import; what it did stays."""
        self._check_may_act()
        for run in self:
            if run.kind != "import" or run.state not in _OPEN:
                raise UserError(self.env._("Only an import that is waiting or under way can be cancelled."))
        # sudo: zadarma.import - people see runs and their buttons, the rest is the cron's
        self.sudo().write({"state": "cancelled", "next_try_at": False})

    def _check_may_act(self):
        """Let those act who may see all calls or set up the account.

        :raise AccessError: for anybody else.
        """
        self.check_access("read")

    def action_open_calls(self):
        """Open the calls of the period that were added."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["domain"] = [
            ("company_id", "=", self.company_id.id),
            ("date_start", ">=", fields.Datetime.to_string(self.date_from)),
            ("date_start", "<", fields.Datetime.to_string(self.date_to)),
            ("source", "=", "statistics"),
        ]
        action["context"] = {}
        return action

    # === CRON === #

    @api.model
    def _wake_cron(self, at=None):
        # sudo: ir.cron - people start imports, the cron does them
        self.env.ref("zadarma.ir_cron_compare").sudo()._trigger(at)

    @api.model
    def _cron_compare(self):
        """Compare what is due, a page of each company in turn, until nothing is left or time is up."""
        crons = self.env["ir.cron"]
        self._open_due()
        crons._commit_progress()
        while runs := self._find_ready():
            for done, run in enumerate(runs, start=1):
                run._work()
                if not crons._commit_progress(1, remaining=len(runs) - done + 1):
                    return
        crons._commit_progress(remaining=0)
        if moments := self.search([("state", "in", _OPEN), ("next_try_at", "!=", False)]).mapped("next_try_at"):
            self._wake_cron(min(moments))

    @api.model
    def _find_ready(self):
        """Return the most urgent run of each company, that company first which waits for longest.

        :rtype: zadarma.import
        """
        now = fields.Datetime.now()
        ready = self.search(
            Domain("state", "in", _OPEN)
            & (Domain("next_try_at", "=", False) | Domain("next_try_at", "<=", now))
            & Domain("company_id.active", "=", True)
            & (Domain("kind", "=", "import") | Domain("company_id.zadarma_compare", "=", True)),
            order="id",
        )
        kinds = ("recent", "daily", "import")
        urgent = [runs.sorted(lambda run: kinds.index(run.kind))[0] for runs in ready.grouped("company_id").values()]
        return self.union(*sorted(urgent, key=lambda run: (run._get_company_turn(), run.id)))

    def _get_company_turn(self):
        """Return when a run of this company was last worked on."""
        last = self.search(
            [("company_id", "=", self.company_id.id), ("worked_at", "!=", False)], limit=1, order="worked_at desc"
        )
        return last.worked_at or datetime.min  # noqa: DTZ901 - as the database holds it

    @api.model
    def _open_due(self):
        """Begin the comparisons that are due."""
        # sudo: res.company - whether the account is set up is all that is looked at
        companies = self.env["res.company"].sudo().search([("zadarma_compare", "=", True)])
        for company in companies.filtered(lambda company: company.zadarma_key and company.zadarma_secret):
            if not company.zadarma_compared_since:
                company.zadarma_compared_since = fields.Datetime.now()
            self._open_due_of(company, "recent", _RECENT_BACK)
            self._open_due_of(company, "daily", _DAILY_BACK)

    @api.model
    def _open_due_of(self, company, kind, back):
        """Begin one comparison if it is due, or let one that has not begun yet reach up to now.

        :param timedelta back: how far before the end of the last one it begins, for rows that came late.
        """
        ripe = fields.Datetime.now() - RIPE_AFTER
        last = self.search([("company_id", "=", company.id), ("kind", "=", kind)], limit=1)
        if last.state in _OPEN:
            if last.position == last.date_from and not last.skip:
                last.date_to = max(ripe, last.date_to)
        elif not last or self._is_due(company, last):
            start = (last.position if last else ripe) - back
            self.create(
                {"company_id": company.id, "kind": kind, "date_from": start, "date_to": ripe, "position": start}
            )

    @api.model
    def _is_due(self, company, last):
        """Tell whether the next comparison is due: of hours every half an hour, of days once a night."""
        now = fields.Datetime.now()
        if last.kind == "recent":
            return now - last.create_date >= _RECENT_EVERY
        zone = get_zone(company.zadarma_tz)
        here, then = (moment.replace(tzinfo=timezone.utc).astimezone(zone) for moment in (now, last.create_date))
        return here.date() > then.date() and here.time() >= _DAILY_AFTER

    # === ONE PAGE === #

    def _work(self):
        """Compare one page and write down how that went. Never raises, or Odoo would switch the cron off in the end."""
        self.ensure_one()
        try:
            self.invalidate_recordset()
            if self.state not in _OPEN:
                return
            self.write({"state": "running", "worked_at": fields.Datetime.now()})
            self._take_page(self._fetch_page())
        except errors.RateLimitError as error:
            self.env.cr.rollback()
            self.next_try_at = fields.Datetime.now() + timedelta(seconds=error.retry_after)
        except errors.ZadarmaError as error:
            self.env.cr.rollback()
            is_final = isinstance(error, (errors.AuthorizationError, errors.RefusedError))
            self._note_trouble(self.company_id._zadarma_explain(error), is_final)
        except UserError as error:
            self.env.cr.rollback()
            self._note_trouble(str(error), is_final=True)
        except Exception:  # written down on the run, tried again later
            self.env.cr.rollback()
            _logger.exception("Zadarma: a page of statistics could not be taken")
            self._note_trouble(self.env._("A page could not be taken. The server's log says why."), is_final=False)
        self.env.cr.commit()

    def _fetch_page(self):
        """Return the rows of the page that is next."""
        client = self.company_id._zadarma_client()
        params = self._get_window().params(get_zone(self.company_id.zadarma_tz), self.skip)
        # No transaction stays open while Zadarma thinks.
        self.env.cr.commit()
        return rows_of(client.get(PATH, params, retry=False))

    def _get_window(self):
        start, end = (moment.replace(tzinfo=timezone.utc) for moment in (self.position, self.date_to))
        return Window.first(start, end)

    def _take_page(self, rows):
        """Take the calls of a page, and move on to the next one; what took too long is gone on with the next time."""
        window, counted, ids, rejected = self._get_window(), defaultdict(list), [], []
        now, zone = datetime.now(timezone.utc), get_zone(self.company_id.zadarma_tz)
        for raw in rows:
            try:
                row = parse_row(raw, now, zone)
            except RowError as error:
                rejected.append((len(ids), raw, str(error)))
                ids.append("")
            else:
                counted[row.pbx_call_id].append(row)
                ids.append(row.pbx_call_id)
        is_last = len(rows) < PAGE_ROWS
        done = len(rows) if is_last else split_page(ids)
        wanted = {call_id: counted[call_id] for call_id in dict.fromkeys(ids[:done]) if call_id}
        if not self._take_calls({call_id: rows for call_id, rows in wanted.items() if window.holds(rows)}):
            return
        self._reject(
            [(raw, reason) for index, raw, reason in rejected if index < done and not is_between_extensions(raw)]
        )
        self._move_on(window, done, is_last)

    def _take_calls(self, counted):
        """Take calls, some at a time: a kill in between costs little.

        :return: whether there was time for all of them.
        :rtype: bool
        """
        started, waiting = time.monotonic(), list(counted)
        while waiting:
            batch = {call_id: counted[call_id] for call_id in waiting[:_BATCH_CALLS]}
            outcome = self.env["zadarma.call"]._take_statistics(
                self.company_id, batch, self._get_since(), started + _FOLLOW_UP_SECONDS
            )
            waiting = outcome.left + waiting[_BATCH_CALLS:]
            self._note_outcome({call_id: batch[call_id] for call_id in batch.keys() - set(outcome.left)}, outcome)
            self.env.cr.commit()
            if waiting and time.monotonic() > started + _PAGE_SECONDS:
                return False
        return True

    def _note_outcome(self, taken, outcome):
        """Write down what became of some calls.

        :param dict taken: rows by ``pbx_call_id``.
        """
        self.write({name: self[name] + outcome.counts[name] for name in ("added", "corrected", "unchanged")})
        self._reject(
            [
                ([{"pbx_call_id": call_id, **kept_row(row)} for row in taken[call_id]], reason)
                for call_id, reason in outcome.failed.items()
            ]
        )
        last = max(row.started_at for rows in taken.values() for row in rows)
        self.reached = max(self.reached or self.position, last.replace(tzinfo=None, microsecond=0))

    def _get_since(self):
        """Return from when on calls have consequences, none for never."""
        if self.kind == "import":
            return self.date_from if self.has_consequences else None
        return max(self.company_id.zadarma_compared_since, fields.Datetime.now() - _CONSEQUENCES_FOR)

    def _reject(self, rejected):
        """Keep what was not understood, once, and not without end."""
        self.rejected += len(rejected)
        rows = [
            {
                "import_id": self.id,
                "reason": reason,
                "payload": json.dumps(raw, default=str, ensure_ascii=False)[:_MAX_PAYLOAD],
            }
            for raw, reason in rejected
        ]
        left = _MAX_ROWS_KEPT - len(self.row_ids)
        self.env["zadarma.import.row"].create(rows[: max(0, left)])

    def _move_on(self, window, done, is_last):
        """Go to the next page, to the next window, or to the end."""
        # Somebody may have cancelled it meanwhile.
        self.invalidate_recordset()
        self.write({"rows_read": self.rows_read + done, "attempts": 0, "error": False, "next_try_at": False})
        if not is_last:
            self.skip += done
            return
        self.write({"position": window.end.replace(tzinfo=None), "skip": 0})
        if self.position >= self.date_to and self.state == "running":
            self.write({"state": "done", "date_done": fields.Datetime.now()})
            self._forget_idle()

    def _note_trouble(self, reason, is_final):
        """Write down what went wrong and when it is tried again; imports are given up in the end, comparisons never."""
        if self.error != reason:
            _logger.warning("Zadarma: calls of company %s could not be compared: %s", self.company_id.id, reason)
        attempts = self.attempts + 1
        is_over = self.kind == "import" and (is_final or attempts >= _MAX_ATTEMPTS)
        pause = min(timedelta(minutes=2 ** min(attempts, 6)), _LONGEST_PAUSE)
        self.write(
            {
                "attempts": attempts,
                "error": reason,
                "next_try_at": False if is_over else fields.Datetime.now() + pause,
                "state": "failed" if is_over else self.state,
            }
        )

    # === RETENTION === #

    def _forget_idle(self):
        """Delete earlier comparisons that found nothing: the list is to show what was done."""
        self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("kind", "=", self.kind),
                ("kind", "!=", "import"),
                ("id", "<", self.id),
                ("state", "=", "done"),
                ("added", "=", 0),
                ("corrected", "=", 0),
                ("rejected", "=", 0),
            ]
        ).unlink()

    @api.autovacuum
    def _gc_imports(self):
        """Delete comparisons of long ago; the last one of each kind stays, the next one begins where it ended."""
        last = self._read_group([], ["company_id", "kind"], ["id:max"])
        self.search(
            [
                ("kind", "!=", "import"),
                ("state", "not in", _OPEN),
                ("create_date", "<", fields.Datetime.now() - timedelta(days=_KEEP_DAYS)),
                ("id", "not in", [max_id for _company, _kind, max_id in last]),
            ]
        ).unlink()
