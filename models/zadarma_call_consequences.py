# Consequences have transactions of their own, apart from the call itself.
# pylint: disable=invalid-commit
import hashlib
import logging
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models

from .zadarma_event import CONCURRENCY_ERRORS, forgo_flush

_logger = logging.getLogger(__name__)

# What follows from a call, in this order: the methods' names. Each does its thing once a call, tells by the call itself
# whether it was done, and does nothing where its switch is off.
_CONSEQUENCES = ("_count_blocked", "_create_records", "_follow_up_missed", "_post_note", "_request_recordings")
# Of calls that are older, as when past ones are imported, people are no longer told.
_RECENT = timedelta(days=2)
_MAX_ATTEMPTS = 5
_RETRY_STEP = timedelta(minutes=1)
_MAX_ROUNDS = 3
_SWEEP_BATCH = 200


class ZadarmaCall(models.Model):
    """What a call brings about, after it was written down and people were told."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    is_settled = fields.Boolean(
        default=True, readonly=True, copy=False, help="All that follows from what is known of the call was done."
    )
    settle_attempts = fields.Integer(readonly=True, copy=False)
    settle_error = fields.Char(
        string="Not Done", readonly=True, copy=False, help="What should have followed from this call and failed."
    )

    _unsettled_idx = models.Index("(id) WHERE is_settled IS FALSE")

    @api.model
    def _settle_call(self, company_id, pbx_call_id):
        """Do what follows from a call whose lock is held, in transactions of its own on the environment's cursor.

        One process a caller: two calls of one number that end together must not make two leads. Whoever does not get
        the caller's lock in time leaves the call to the sweeping cron.
        """
        call = self._find_by_id_at_zadarma(company_id, pbx_call_id)
        call.fetch(["is_settled"])
        if not call or call.is_settled:
            return
        call_id, lock, cr = call.id, call._caller_lock_key(), self.env.cr
        for _round in range(_MAX_ROUNDS):
            cr.commit()
            try:
                # The lock comes before the transaction that reads, or this would read what was true before it had it.
                cr.execute("SET LOCAL lock_timeout = '2s'")
                cr.execute("SELECT pg_advisory_lock(%s)", [lock])
                cr.commit()
            except psycopg2.errors.LockNotAvailable:
                cr.rollback()
                return
            try:
                is_done = self._settle_locked(call_id)
            finally:
                cr.rollback()
                cr.execute("SELECT pg_advisory_unlock(%s)", [lock])
                cr.commit()
            if is_done:
                return

    def _caller_lock_key(self):
        """Return the number of the advisory lock of the call's other party, a signed 64-bit integer."""
        self.ensure_one()
        party = self.number or f"call:{self.pbx_call_id}"
        digest = hashlib.sha256(f"zadarma.caller:{self.company_id.id}:{party}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    @api.model
    def _settle_locked(self, call_id):
        """Settle a call whose caller's lock is held.

        :return: whether it is over with, for now.
        :rtype: bool
        """
        cr = self.env.cr
        try:
            self.env.invalidate_all(flush=False)
            forgo_flush(cr)
            call = self.browse(call_id).exists()
            if call and not call.is_settled:
                call._for_consequences()._settle()
            cr.commit()
        except psycopg2.Error as error:
            cr.rollback()
            if error.pgcode not in CONCURRENCY_ERRORS:
                raise
            _logger.info("Zadarma: what follows from call %s met a change by somebody else, once more", call_id)
            return False
        return True

    def _for_consequences(self):
        """Return the call in the environment in which consequences are drawn: the call's company, nobody's inbox.

        Nobody follows what is created, and no mail leaves in the process that Zadarma's next notification waits for.
        """
        self.ensure_one()
        return (
            self.with_user(SUPERUSER_ID)
            .with_company(self.company_id)
            .with_context(
                allowed_company_ids=self.company_id.ids,
                mail_create_nosubscribe=True,
                mail_notify_force_send=False,
                mail_activity_quick_update=True,
            )
        )

    def _settle(self):
        """Do what follows from the call; one consequence that fails does not stop the others."""
        self.ensure_one()
        before, failed = (self.partner_id, self.lead_id), []
        for name in _CONSEQUENCES:
            try:
                with self.env.cr.savepoint():
                    getattr(self, name)()
            except Exception as error:  # written down on the call, tried again by the cron
                if getattr(error, "pgcode", None) in CONCURRENCY_ERRORS:
                    raise
                _logger.exception("Zadarma: %s failed for call %s", name, self.id)
                failed.append(f"{name.strip('_')}: {type(error).__name__}")
        attempts = self.settle_attempts + 1 if failed else 0
        self.write(
            {
                "is_settled": not failed or attempts >= _MAX_ATTEMPTS,
                "settle_attempts": attempts,
                "settle_error": ", ".join(failed) or False,
            }
        )
        if (self.partner_id, self.lead_id) != before and self.state != "ended":
            self._notify_again()

    def _is_recent(self):
        """Tell whether people are concerned with this call, or it is history."""
        return self.date_start > fields.Datetime.now() - _RECENT

    @api.model
    def _sweep_unsettled(self):
        """Settle a batch of calls that nobody settled, as when a worker was killed.

        What failed is tried again a minute later for each time that it did, however often the sweeper is told to run.

        :return: how many were looked at.
        :rtype: int
        """
        unsettled = [("is_settled", "=", False), ("pbx_call_id", "!=", False)]
        calls = self.search(unsettled, order="settle_attempts, id", limit=_SWEEP_BATCH)
        now = fields.Datetime.now()
        calls = calls.filtered(
            lambda call: (
                not call.settle_attempts
                or (call.date_end or call.date_start) + call.settle_attempts * _RETRY_STEP <= now
            )
        )
        for company_id, pbx_call_id in [(call.company_id.id, call.pbx_call_id) for call in calls]:
            self.env["zadarma.event"]._process_call(company_id, pbx_call_id)
        return len(calls)
