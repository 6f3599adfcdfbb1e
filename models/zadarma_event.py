# Storing and processing have transactions of their own, which is what the inbox is for.
# pylint: disable=invalid-commit
import hashlib
import json
import logging
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import psycopg2
from psycopg2 import errorcodes
from psycopg2.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED,
    ISOLATION_LEVEL_REPEATABLE_READ,
    STATUS_READY,
)

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools import SQL, split_every

from ..busy_worker import is_overloaded, leave_to_cron
from ..kept_cursor import execute_prepared, time_limit
from ..zadarma_api.events import (
    CALL_EVENTS,
    OTHER_EVENTS,
    TEST_EVENT,
    EventError,
    call_id_of,
    event_key,
    parse_event,
)
from ..zadarma_api.fold import fold
from ..zadarma_api.numbers import holds_number
from .res_company import get_zone

_logger = logging.getLogger(__name__)

# What another transaction may cause at any time, and a repetition mends.
CONCURRENCY_ERRORS = (
    errorcodes.SERIALIZATION_FAILURE,
    errorcodes.DEADLOCK_DETECTED,
    errorcodes.LOCK_NOT_AVAILABLE,
)
# Milliseconds that a look-up may take before NOTIFY_START is answered.
_PATIENCE = 150
_MAX_ATTEMPTS = 5
_MAX_ROUNDS = 20
_SWEEP_BATCH = 200
# After so many calls Odoo is told how far the action is, which takes as long as to process one.
_SWEEP_STEP = 10
_PURGE_BATCH = 5000
# How old an event may be to be shown, and by how much a call's start may differ from its receipt.
_FRESH = timedelta(seconds=30)
_LONGEST_QUEUE = timedelta(hours=16)
_ZONE_STEP = timedelta(minutes=15)


@contextmanager
def read_committed(cr):
    """Make the block a transaction of its own at READ COMMITTED, where rows that others change do not make it fail."""
    # In tests the cursor is shared and its transaction has begun.
    is_free = cr.connection.status == STATUS_READY
    if is_free:
        cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
    try:
        yield
        cr.commit()
    finally:
        if is_free:
            cr.rollback()
            cr.connection.set_isolation_level(ISOLATION_LEVEL_REPEATABLE_READ)


def forgo_flush(cr):
    """Have the current transaction not wait for the disk.

    For what is worked out of notifications, which were on the disk before they were answered: should the server of the
    database break down within a second, that is worked out again, since the marks that it was done go with it. What
    anybody commits afterwards, and waits for, puts it on the disk too.

    Source: https://www.postgresql.org/docs/current/wal-async-commit.html
    """
    cr.execute("SET LOCAL synchronous_commit TO OFF")


def _utc_now():
    """Return this very moment, which :meth:`fields.Datetime.now` does not."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


class ZadarmaEvent(models.Model):
    """The inbox: one notification as received, never changed but for its fate.

    A notification is stored once, however often it is delivered, before it is answered. What it means is worked out
    afterwards, from all notifications of its call at once.
    """

    _name = "zadarma.event"
    _description = "Zadarma Notification"
    _order = "id desc"
    _log_access = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    key = fields.Char(required=True, readonly=True)
    name = fields.Char(string="Event", readonly=True)
    pbx_call_id = fields.Char(string="Call ID at Zadarma", readonly=True)
    payload = fields.Text(required=True, readonly=True)
    answer = fields.Text(readonly=True, help="What Zadarma was told; a redelivered notification gets the same.")
    received_at = fields.Datetime(string="Received On", required=True, readonly=True)
    redelivered = fields.Integer(readonly=True, help="How often it came again.")
    state = fields.Selection(
        [
            ("new", "New"),
            ("done", "Done"),
            ("other", "Not About Calls"),
            ("unknown", "Unknown Event"),
            ("quarantined", "Not Understood"),
            ("failed", "Failed"),
        ],
        required=True,
        readonly=True,
    )
    attempts = fields.Integer(readonly=True)
    error = fields.Char(readonly=True)
    processed_at = fields.Datetime(string="Processed On", readonly=True)

    _key_uniq = models.UniqueIndex("(company_id, key)", "This notification is there already.")
    _call_idx = models.Index("(company_id, pbx_call_id, id)")
    _new_idx = models.Index("(received_at) WHERE state = 'new'")
    _received_idx = models.Index("(company_id, received_at)")

    @api.depends("name", "received_at")
    def _compute_display_name(self):
        for event in self:
            event.display_name = event.name or self.env._("Notification")

    # === RECEIVING === #

    @api.model
    def _receive(self, account, form):
        """Store an authentic notification and decide its answer. Reads by index, writes one row, sends nothing.

        On a cursor at READ COMMITTED, as :func:`kept_cursor` lends: a redelivery that comes at the same moment waits
        for the first one and gets its answer, where Odoo's usual level would fail and wait for seconds.

        :param ZadarmaAccount account: whose it is.
        :param dict form: its fields as received.
        :return: the answer as JSON, and a callable that does the rest once the answer has left.
        :rtype: tuple[str, Callable]
        """
        answer = self._decide(account, form) if form.get("event") == "NOTIFY_START" else "{}"
        stored = self._store(account, form, answer)
        self.env.cr.commit()
        registry, company_id, call_id = self.env.registry, account.company_id, call_id_of(form)

        def after():
            if not call_id:
                return
            try:
                if is_overloaded():
                    leave_to_cron(registry)
                    return
                with registry.cursor() as cr:
                    api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]._process_call(company_id, call_id)
            except Exception:  # the answer has left and the event is stored: the cron goes on
                _logger.exception("Zadarma: a notification is left to the cron")

        return stored, after

    def _decide(self, account, form):
        """Return the answer to NOTIFY_START as JSON; the PBX's own scenario where anything goes wrong or is slow."""
        try:
            with time_limit(self.env.cr, _PATIENCE):
                decision = self.env["zadarma.routing"]._decide(
                    account, form.get("caller_id"), form.get("called_did"), fields.Datetime.now()
                )
            return json.dumps(decision.answer)
        except psycopg2.Error as error:
            _logger.warning("Zadarma: NOTIFY_START gets the default answer, the look-up failed (%s)", error.pgcode)
        except Exception:  # whatever it is, the caller must not wait for it
            _logger.exception("Zadarma: NOTIFY_START gets the default answer, it could not be decided")
        self.env.cr.rollback()
        return "{}"

    def _store(self, account, form, answer):
        """Put a notification into the inbox, durably, and return its answer.

        :param ZadarmaAccount account: whose it is.
        :param dict form: its fields as received.
        :param str answer: JSON to answer with, if it is new.
        :return: the answer that was given first.
        """
        # To the microsecond: of two extensions that picked up in a transfer, the later one talks.
        received_at = _utc_now()
        state, error = self._classify(account, form, received_at)
        query = SQL(
            """
            INSERT INTO zadarma_event (company_id, key, name, pbx_call_id, payload, answer, received_at, redelivered,
                                       state, attempts, error)
                 VALUES (%s, %s, %s, %s, %s, %s, %s, 0, %s, 0, %s)
            ON CONFLICT (company_id, key) DO UPDATE SET redelivered = zadarma_event.redelivered + 1
              RETURNING answer
            """,
            account.company_id,
            event_key(form),
            form.get("event", "").replace("\x00", "")[:64] or None,
            call_id_of(form) or None,
            json.dumps(form),
            answer,
            received_at,
            state,
            error,
        )
        return execute_prepared(self.env.cr, query)[0][0]

    @api.model
    def _classify(self, account, form, received_at):
        """Return the state in which a notification enters the inbox, and what is wrong with it.

        :rtype: tuple[str, str | None]
        """
        name = form.get("event", "")
        if name in OTHER_EVENTS or name == TEST_EVENT:
            return "other", None
        if name not in CALL_EVENTS:
            return "unknown", None
        try:
            event = parse_event(form, received_at.replace(tzinfo=timezone.utc), account.zone)
        except EventError as error:
            return "quarantined", str(error)
        return "new", "; ".join(event.notes) or None

    @api.model
    def _find_last(self, company):
        """Return the company's last notification that Zadarma sent."""
        domain = [("company_id", "=", company.id), ("name", "!=", TEST_EVENT)]
        return self.search(domain, order="received_at desc", limit=1)

    # === PROCESSING === #

    @api.model
    def _process_call(self, company_id, pbx_call_id):
        """Fold all notifications of a call into it, let the people who ring know, then do what follows from it.

        Of a call made by a click, Zadarma may tell under two ids; what belongs together is decided first.
        """
        changed = self.env["zadarma.call.alias"]._pair(company_id, pbx_call_id)
        if changed is not None:
            for each in (pbx_call_id, *changed):
                self._process_in_turn(company_id, each)

    def _process_in_turn(self, company_id, pbx_call_id):
        """Process a call of which it is known what belongs to it.

        Works in transactions of its own on the given cursor, one process a call: whoever comes second leaves, the
        first one looks again before it is done.
        """
        aliases = self.env["zadarma.call.alias"]
        cr = self.env.cr
        for _round in range(_MAX_ROUNDS):
            key = aliases._get_key(company_id, pbx_call_id)
            lock = self._lock_key(company_id, key)
            # The lock comes before the transaction that reads, or this would read what was true before it had it.
            cr.execute("SELECT pg_try_advisory_lock(%s)", [lock])
            if not cr.fetchone()[0]:
                return
            cr.commit()
            try:
                self.env.invalidate_all(flush=False)
                is_same = aliases._get_key(company_id, pbx_call_id) == key
                may_go_on = not is_same or self._process_locked(company_id, pbx_call_id)
                if is_same and may_go_on:
                    # Under the same lock: both write the call, and would get into each other's way.
                    self.env["zadarma.call"]._settle_call(company_id, pbx_call_id)
            finally:
                # The lock outlives the transaction, and in one that failed it could not be given back.
                cr.rollback()
                cr.execute("SELECT pg_advisory_unlock(%s)", [lock])
                cr.commit()
            # Whoever came second has left by now: what they brought is seen after the lock was given back.
            if not may_go_on or not self._find_new(company_id, pbx_call_id):
                return

    def _process_locked(self, company_id, pbx_call_id):
        """Process a call whose lock is held.

        :return: whether it makes sense to go on at once with what is left.
        """
        cr = self.env.cr
        try:
            cr.execute("SET LOCAL lock_timeout = '2s'")
            forgo_flush(cr)
            events, remark = self._fold_call(company_id, pbx_call_id)
            cr.commit()
            # A redelivery that is counted at this very moment must not undo all of it. What a crash leaves unmarked
            # is processed once more, which changes nothing.
            with read_committed(cr):
                forgo_flush(cr)
                events._mark_done(remark)
        except Exception as error:  # one call's trouble is written down and does not touch the others
            cr.rollback()
            code = getattr(error, "pgcode", None)
            if code in CONCURRENCY_ERRORS:
                _logger.info("Zadarma: call %s was changed by somebody else, it is processed again", pbx_call_id)
                return code != errorcodes.LOCK_NOT_AVAILABLE
            _logger.exception("Zadarma: the notifications of call %s could not be processed", pbx_call_id)
            self._note_failure(company_id, pbx_call_id, type(error).__name__)
            cr.commit()
            return False
        return True

    def _find_new(self, company_id, pbx_call_id):
        return self.search([*self._call_domain(company_id, pbx_call_id), ("state", "=", "new")])

    def _note_failure(self, company_id, pbx_call_id, reason):
        """Write down a failed attempt; give up after some, so that one bad call does not hold up the others."""
        for event in self._find_new(company_id, pbx_call_id):
            attempts = event.attempts + 1
            state = "failed" if attempts >= _MAX_ATTEMPTS else "new"
            event.write({"attempts": attempts, "error": reason, "state": state})

    def _fold_call(self, company_id, pbx_call_id):
        """Make the call match its notifications, in the current transaction.

        :return: the notifications that were new, and a remark to keep with them.
        :rtype: tuple[zadarma.event, str | None]
        """
        events = self.search([*self._call_domain(company_id, pbx_call_id), ("state", "in", ("new", "done"))])
        new = events.filtered(lambda event: event.state == "new")
        if not new:
            return new, None
        company = self.env["res.company"].browse(company_id)
        # A company has hundreds of fields, of which most calls need these alone.
        company.fetch(["zadarma_tz", "zadarma_min_answer_seconds"])
        calls = self.env["zadarma.call"].with_company(company)
        call = calls._find_by_id_at_zadarma(company_id, pbx_call_id)
        if call._has_lost_events():
            return new, "Came after the call's other notifications had been deleted"
        parsed = [event._parse() for event in events]
        call = call._apply(company, events._fold(company), new._is_live(parsed))
        call._write_changes({"source": "notifications"})
        return new, None

    @api.model
    def _find_understood(self, company, call_ids):
        """Return the notifications of some calls that tell what they are.

        :rtype: dict[str, zadarma.event]
        """
        groups = self.env["zadarma.call.alias"]._get_groups(company.id, call_ids)
        call_ids = [*call_ids, *(each for group in groups.values() for each in group)]
        domain = [("company_id", "=", company.id), ("pbx_call_id", "in", call_ids), ("state", "in", ("new", "done"))]
        found = self.search(domain).grouped("pbx_call_id")
        for call_id, group in groups.items():
            found[call_id] = self.union(*(found.get(each, self) for each in group))
        return found

    def _fold(self, company):
        """Return what these notifications, all of one call, fold to."""
        call_ids = self.env["zadarma.call.alias"]._get_ids(company.id, self[0].pbx_call_id)
        own_call_id = call_ids[0] if len(call_ids) > 1 else ""
        return fold([event._parse() for event in self], company._zadarma_own_numbers(), own_call_id)

    def _mark_done(self, remark):
        """Write down that these notifications are processed."""
        values = {"state": "done", "processed_at": fields.Datetime.now()}
        self.write({**values, "error": remark} if remark else values)

    def _parse(self):
        """Return the notification as the protocol package reads it."""
        self.ensure_one()
        zone = get_zone(self.company_id.zadarma_tz)
        received_at = self.received_at.replace(tzinfo=timezone.utc)
        return parse_event(json.loads(self.payload), received_at, zone, self.answer or "")

    @api.model
    def _lock_key(self, company_id, pbx_call_id):
        """Return the number of the advisory lock of a call, a signed 64-bit integer."""
        digest = hashlib.sha256(f"zadarma.call:{company_id}:{pbx_call_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    @api.model
    def _call_domain(self, company_id, pbx_call_id):
        """Return the domain of a call's notifications, whatever ids they came under."""
        call_ids = self.env["zadarma.call.alias"]._get_ids(company_id, pbx_call_id)
        return [("company_id", "=", company_id), ("pbx_call_id", "in", call_ids)]

    @api.model
    def _renew(self, company_id, call_ids):
        """Have notifications processed again, because what belongs to their call has changed."""
        domain = [("company_id", "=", company_id), ("pbx_call_id", "in", call_ids), ("state", "=", "done")]
        self.search(domain).write({"state": "new"})

    @api.model
    def _cron_sweep(self):
        """Process what nobody processed after its answer, as when a worker was killed or had too much to do."""
        calls, done = self._find_pending(), 0
        for some in split_every(_SWEEP_STEP, calls[:_SWEEP_BATCH]):
            for company_id, pbx_call_id in some:
                self._process_call(company_id, pbx_call_id)
            done += len(some)
            if not self.env["ir.cron"]._commit_progress(len(some), remaining=len(calls) - done):
                # Odoo would go on in a minute.
                self._trigger_sweep()
                return
        self.env["zadarma.call"]._sweep_unsettled()
        self.env["zadarma.call"]._close_unconnected()

    @api.model
    def _find_pending(self):
        """Return the calls whose notifications wait to be processed, the oldest first.

        What failed is tried again a minute later for each time that it did, however often the action is told to run.

        :rtype: list[tuple[int, str]]
        """
        query = SQL(
            """
            SELECT company_id, pbx_call_id FROM zadarma_event
             WHERE state = 'new' AND received_at <= %s - attempts * interval '1 minute'
          GROUP BY company_id, pbx_call_id ORDER BY MIN(attempts), MIN(id) LIMIT %s
            """,
            _utc_now(),
            _SWEEP_BATCH + 1,
        )
        return self.env.execute_query(query)

    @api.model
    def _trigger_sweep(self):
        """Have what waits processed by the scheduled action, now."""
        if self.search_count([("state", "=", "new")], limit=1):
            # sudo: ir.cron - a scheduled action of our own
            self.env.ref("zadarma.ir_cron_sweep").sudo()._trigger()

    def action_process_again(self):
        """Have notifications that failed or were not understood processed once more, as all others are, in a moment.

        :raise AccessError: for anybody but an administrator.
        """
        self.check_access("read")
        # sudo: zadarma.event - nobody edits notifications; administrators may have them read once more
        for event in self.sudo().filtered(lambda event: event.state in ("failed", "quarantined")):
            account = self.env["res.company"]._zadarma_accounts()[event.company_id.sudo().zadarma_token]
            state, error = self._classify(account, json.loads(event.payload), event.received_at)
            event.write({"state": state, "error": error, "attempts": 0})
        # sudo: zadarma.event - whose scheduled action it is
        self.sudo()._trigger_sweep()

    # === FRESHNESS === #

    def _is_live(self, parsed):
        """Tell whether these new notifications tell of a call that goes on now, so that popups make sense.

        :param list[Event] parsed: all notifications of the call.
        """
        latest = max(self.mapped("received_at"))
        if fields.Datetime.now() - latest > _FRESH:
            return False
        openings = [event for event in parsed if event.name in ("NOTIFY_START", "NOTIFY_OUT_START")]
        if openings:
            return self._is_punctual(min(openings, key=lambda event: event.received_at))
        # Its beginning is not known: a caller may have waited in a queue, but not for days.
        return all(event.received_at - event.started_at < _LONGEST_QUEUE for event in parsed if event.started_at)

    def _is_punctual(self, opening):
        """Tell whether a call's first notification came at once.

        Where it did not by the account's clock, but the calls before it were late by the very same step of time
        zones, the clock is set to a wrong zone and the call is not late.
        """
        lag = opening.received_at - opening.started_at
        if lag <= _FRESH:
            return True
        steps = round(lag / _ZONE_STEP)
        return abs(lag - steps * _ZONE_STEP) <= _FRESH and self._usual_zone_steps() == steps

    def _usual_zone_steps(self):
        """Return by how many quarters of an hour the last two calls seemed late, none where they do not agree."""
        earlier = self.search(
            [
                ("company_id", "=", self.company_id.id),
                ("name", "in", ("NOTIFY_START", "NOTIFY_OUT_START")),
                ("state", "=", "done"),
                ("pbx_call_id", "not in", self.mapped("pbx_call_id")),
                ("received_at", ">", fields.Datetime.now() - timedelta(days=3)),
            ],
            order="received_at desc, id desc",
            limit=2,
        )
        lags = {round((event.received_at - event.started_at) / _ZONE_STEP) for event in (e._parse() for e in earlier)}
        return lags.pop() if len(earlier) == 2 and len(lags) == 1 else None

    # === PRIVACY === #

    @api.model
    def _find_by_number(self, company, number):
        """Return the notifications that hold a number in international form, whatever they tell.

        :param zadarma_api.numbers.Number number: as the company understands it.
        """
        if not number.e164:
            return self.browse()
        found = self.search([("company_id", "=", company.id), ("payload", "like", number.e164[1:])])
        return found.filtered(lambda event: holds_number(event.payload, number.e164))

    def _forget(self):
        """Forget who and what these notifications tell of; that they came is still known."""
        for event in self:
            told = json.loads(event.payload)
            kept = {name: told[name] for name in ("event", "pbx_call_id", "call_start") if name in told}
            event.write({"payload": json.dumps(kept), "answer": "{}", "state": "done", "error": False})

    # === RETENTION === #

    @api.autovacuum
    def _gc_events(self):
        """Delete notifications older than their company keeps them, a batch at a time.

        :return: how many went, and whether there may be more.
        :rtype: tuple[int, bool]
        """
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM zadarma_event WHERE id IN (
                    SELECT event.id FROM zadarma_event event
                      JOIN res_company company ON company.id = event.company_id
                     WHERE event.received_at < (now() AT TIME ZONE 'UTC')
                                               - make_interval(days => company.zadarma_event_days + 1)
                     LIMIT %s)
                """,
                _PURGE_BATCH,
            )
        )
        return self.env.cr.rowcount, self.env.cr.rowcount == _PURGE_BATCH
