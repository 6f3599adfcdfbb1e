# Calls are taken in transactions of their own, with their locks held.
# pylint: disable=invalid-commit
import logging
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..zadarma_api.fold import CallState, Leg
from ..zadarma_api.numbers import Kind, parse_number
from ..zadarma_api.statistics import join_rows, kept_row, merge, parse_row
from .res_company import get_zone
from .zadarma_event import CONCURRENCY_ERRORS, forgo_flush

_logger = logging.getLogger(__name__)

# What statistics may change of a call that was known already.
_RECONCILED = (
    "state",
    "result",
    "duration",
    "number",
    "own_number",
    "date_start",
    "user_id",
    "answered_by",
    "recording_ref",
)
# Of these, what is worth a note where notifications had told otherwise.
_NOTED = ("result", "duration")
_LOCK_TRIES = 25
_LOCK_PAUSE = 0.2  # seconds
# What was done for so long is committed: a process that is killed on a server with too much to do loses no more.
_COMMIT_AFTER = 5  # seconds
# As many calls are created before it is known how long that takes here.
_FIRST_CREATED = 20
# How many a second this process created last. One that Odoo ended as the server had become slow leaves that to none.
_pace = {"calls": 0}


class BusyError(Exception):
    """Somebody else works on a call for longer than it takes."""


class Directory(NamedTuple):
    """Extensions and numbers of a company, read once for many calls.

    :ivar users: by extension.
    :ivar numbers: by number in E.164.
    """

    users: dict
    numbers: dict


@dataclass
class Outcome:
    """What became of the calls of some rows.

    :ivar counts: how many were ``added``, ``corrected``, ``unchanged`` or ``deleted`` by people before.
    :ivar failed: what went wrong with a call, by its ``pbx_call_id``.
    :ivar left: ids of calls that nothing became of yet, as the others took long enough for one transaction.
    """

    counts: Counter = field(default_factory=Counter)
    failed: dict = field(default_factory=dict)
    left: list = field(default_factory=list)


class ZadarmaCall(models.Model):
    """What Zadarma's statistics say of a call, and how they meet what its notifications told."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    source = fields.Selection(
        [("notifications", "Notifications"), ("statistics", "Statistics")],
        default="notifications",
        required=True,
        readonly=True,
        copy=False,
        help="Statistics: no notification of this call arrived, it was added when calls were compared.",
    )
    statistics = fields.Json(
        readonly=True, copy=False, prefetch=False, help="Zadarma's rows of this call, which take part in what it is."
    )
    corrections = fields.Text(
        readonly=True, copy=False, help="What notifications had told otherwise than Zadarma's statistics."
    )

    is_followed_up = fields.Boolean(
        readonly=True, copy=False, help="What follows from this call is wanted, although it became known late."
    )

    # === CRUD === #

    def unlink(self):
        """Override to remember which calls people deleted, so that the next comparison does not bring them back."""
        self.env["zadarma.call.deleted"]._remember(self)
        return super().unlink()

    # === MEETING OF NOTIFICATIONS AND STATISTICS === #

    def _with_statistics(self, company, state):
        """Return what the call is by its notifications and by what is known of it from the statistics.

        :param res.company company: whose call.
        :param CallState state: what its notifications fold to.
        """
        rows = self._get_statistics(company)
        if not rows:
            return state
        # Once over, a call does not begin again, whatever arrives late.
        is_over = self.is_timed_out or self.state == "ended"
        return merge(state, rows, company._zadarma_own_numbers(), is_over=is_over)

    def _get_statistics(self, company):
        """Return the rows that are kept of the call."""
        if not self.statistics:
            return []
        now, zone = datetime.now(timezone.utc), get_zone(company.zadarma_tz)
        return [parse_row({**row, "pbx_call_id": self.pbx_call_id}, now, zone) for row in self.statistics]

    def _get_state(self):
        """Return the call as its notifications folded to, for one whose notifications may be deleted by now."""
        self.ensure_one()
        legs = (Leg(leg.extension, leg.state, leg.answered, leg.transfer_from or "") for leg in self.leg_ids)
        talking_since = self.talking_since
        return CallState(
            pbx_call_id=self.pbx_call_id,
            direction=self.direction,
            state=self.state,
            result=self.result or "",
            disposition=self.disposition or "",
            number=self.number or "",
            own_number=self.own_number or "",
            started_at=self.date_start.replace(tzinfo=timezone.utc),
            waiting=self.waiting,
            duration=self.duration,
            talking_since=talking_since.replace(tzinfo=timezone.utc) if talking_since else None,
            answered_by=self.answered_by or "",
            legs=tuple(legs),
            is_recorded=self.is_recorded,
            recording_ids=tuple(filter(None, (self.recording_ref or "").split(","))),
            is_blocked=self.is_blocked,
        )

    # === TAKING STATISTICS === #

    @api.model
    def _take_statistics(self, company, counted, since, until):
        """Make calls match the statistics, add those that are missing, and do what follows from them.

        Works in transactions of its own on the environment's cursor. One process a call, as with notifications: each
        call's lock is held meanwhile, and what notifications brought in that time is processed afterwards. Where that
        takes longer than some seconds, the rest is left; some calls are always done.

        :param res.company company: whose calls.
        :param dict counted: rows by ``pbx_call_id``.
        :param datetime since: calls that started before have no consequences; none for no consequences at all.
        :param float until: by the monotonic clock; what follows and would begin later is left to the sweeping cron.
        :raise BusyError: where somebody else holds a call for seconds; all others are done.
        :rtype: Outcome
        """
        # Of a click, the leg to the caller's own phone is told apart and says nothing of the call.
        groups = self.env["zadarma.call.alias"]._get_groups(company.id, counted)
        own_legs = {group[0] for group in groups.values() if len(group) > 1}
        outcome = Outcome()
        waiting = {call_id: rows for call_id, rows in counted.items() if call_id not in own_legs}
        for attempt in range(_LOCK_TRIES):
            if attempt:
                time.sleep(_LOCK_PAUSE)
            taken = self._take_free(company, waiting, since, outcome)
            self._follow_up_taken(company, taken, until)
            waiting = {call_id: rows for call_id, rows in waiting.items() if call_id not in taken}
            if not waiting or outcome.left:
                outcome.left = list(waiting)
                return outcome
        raise BusyError(f"{len(waiting)} calls are being processed by somebody else")

    def _take_free(self, company, counted, since, outcome):
        """Take the calls whose lock is free.

        :return: the ids of those that are done.
        :rtype: list[str]
        """
        cr, events = self.env.cr, self.env["zadarma.event"]
        names = self.env["zadarma.call.alias"]._get_keys(company.id, counted)
        keys = {events._lock_key(company.id, name): call_id for call_id, name in names.items()}
        cr.commit()
        # The locks come before the transaction that reads, or this would read what was true before it had them.
        query = SQL("SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key)", list(keys))
        held = [key for (key,) in self.env.execute_query(query)]
        cr.commit()
        taken = [keys[key] for key in held]
        try:
            self.env.invalidate_all(flush=False)
            # How far the comparison is goes to the disk afterwards, and these calls with it.
            forgo_flush(cr)
            self._take_locked(company, {call_id: counted[call_id] for call_id in taken}, since, outcome)
            self.env.flush_all()
            cr.commit()
        finally:
            cr.rollback()
            cr.execute("SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) AS key", [held])
            cr.commit()
            self.env.invalidate_all(flush=False)
        left = set(outcome.left)
        return [call_id for call_id in taken if call_id not in left]

    def _follow_up_taken(self, company, call_ids, until):
        """Process what notifications brought meanwhile, and do what follows from the calls."""
        events = self.env["zadarma.event"]
        domain = [("company_id", "=", company.id), ("pbx_call_id", "in", call_ids)]
        pending = set(events.search([*domain, ("state", "=", "new")]).mapped("pbx_call_id"))
        pending.update(self.search([*domain, ("is_settled", "=", False)]).mapped("pbx_call_id"))
        for call_id in sorted(pending):
            if time.monotonic() > until:
                return
            events._process_call(company.id, call_id)

    def _take_locked(self, company, counted, since, outcome):
        """Take calls whose locks are held, in the current transaction; one that fails does not stop the others."""
        until = time.monotonic() + _COMMIT_AFTER
        domain = [("company_id", "=", company.id), ("pbx_call_id", "in", list(counted))]
        known = {call.pbx_call_id: call for call in self.search(domain)}
        deleted = self.env["zadarma.call.deleted"]._find(company, counted) - known.keys()
        outcome.counts["deleted"] += len(deleted)
        counted = {call_id: rows for call_id, rows in counted.items() if call_id not in deleted}
        told = self.env["zadarma.event"]._find_understood(company, list(counted))
        missing = self._merge_missing(company, counted, known.keys() | told.keys())
        # What clicks are of which nothing was known is one of them, or says nothing of a call.
        clicked, own_legs = self.env["zadarma.call.alias"]._pair_counted(company, missing)
        known |= clicked
        outcome.counts["unchanged"] += len(own_legs)
        counted = {call_id: rows for call_id, rows in counted.items() if call_id not in own_legs}
        missing = {call_id: state for call_id, state in missing.items() if call_id not in own_legs | clicked.keys()}
        self._add_for_a_while(company, missing, counted, since, outcome, until)
        is_late = bool(outcome.left)
        for call_id in counted.keys() - missing.keys():
            call = known.get(call_id, self.browse())
            if call._has_taken(counted[call_id]):
                outcome.counts["unchanged"] += 1
                continue
            if is_late:
                outcome.left.append(call_id)
                continue
            with self._noting_failure(call_id, outcome):
                word = call._take_rows(company, told.get(call_id), counted[call_id], since)
                outcome.counts[word] += 1
            is_late = time.monotonic() > until

    def _merge_missing(self, company, counted, known):
        """Return what calls of which nothing is known are by their rows, by ``pbx_call_id``.

        :rtype: dict[str, zadarma_api.fold.CallState]
        """
        own_numbers = company._zadarma_own_numbers()
        return {call_id: merge(None, rows, own_numbers) for call_id, rows in counted.items() if call_id not in known}

    @contextmanager
    def _noting_failure(self, call_id, outcome):
        """Undo what the block did and write down why, if it fails for a reason of its own."""
        try:
            with self.env.cr.savepoint():
                yield
        except Exception as error:  # one call's trouble is written down and does not touch the others
            if getattr(error, "pgcode", None) in CONCURRENCY_ERRORS:
                raise
            _logger.exception("Zadarma: the statistics of call %s could not be taken", call_id)
            outcome.failed[call_id] = type(error).__name__

    def _has_taken(self, rows):
        """Tell whether these rows took part in what the call is, or it is erased: they cannot change it any more."""
        if self.is_erased:
            return True
        if not self.statistics or self.state != "ended" or self.is_timed_out:
            return False
        # A zone that was set right afterwards moves the start.
        started_at = min(row.started_at for row in rows).replace(tzinfo=None)
        return self.date_start <= started_at and all(kept_row(row) in self.statistics for row in rows)

    def _take_rows(self, company, events, rows, since):
        """Make one call match its rows.

        :param res.company company: whose call; it may be missing yet.
        :param zadarma.event events: its notifications, none for none.
        :param list rows: those that were read now.
        :param datetime since: see :meth:`_take_statistics`.
        :return: ``added``, ``corrected`` or ``unchanged``.
        """
        calls, own_numbers = self.with_company(company), company._zadarma_own_numbers()
        rows = join_rows(calls._get_statistics(company), rows)
        told = events and not calls._has_lost_events() and events._fold(company)
        if calls.source == "notifications":
            told = told or calls._get_state()
        state = told or merge(None, rows, own_numbers)
        before = {name: calls._get_raw(name) for name in _RECONCILED} if calls else {}
        was_over, was_settled = calls.state == "ended" and not calls.is_timed_out, calls.is_settled
        if calls:
            calls._write_changes({"statistics": [kept_row(row) for row in rows]})
            calls._apply(company, state, is_live=False)
        else:
            calls = calls._find_by_id_at_zadarma(company.id, state.pbx_call_id)
            calls = calls._apply(company, merge(state, rows, own_numbers), is_live=False)
            calls.statistics = [kept_row(row) for row in rows]
        if told:
            calls._write_changes({"source": "notifications"})
        if was_settled and not calls.is_settled and not self._is_drawn(calls.date_start, since):
            calls.is_settled = True
        changed = {name for name, value in before.items() if calls._get_raw(name) != value}
        if was_over:
            calls._note_corrections(before, [name for name in _NOTED if name in changed])
        return "added" if not before else "corrected" if changed else "unchanged"

    @api.model
    def _is_drawn(self, date_start, since):
        """Tell whether a call that started then has consequences."""
        return since is not None and date_start >= since

    def _is_recent(self):
        """Override for calls that statistics brought back late."""
        return self.is_followed_up or super()._is_recent()

    def _note_corrections(self, before, names):
        """Write down what the statistics told otherwise."""
        if not names:
            return
        changes = [
            self.env._(
                "%(field)s: %(old)s, corrected to %(new)s",
                field=self._fields[name].get_description(self.env, ["string"])["string"],
                old=self._describe(name, before[name]),
                new=self._describe(name, self._get_raw(name)),
            )
            for name in names
        ]
        moment = fields.Datetime.to_string(fields.Datetime.now())
        self.corrections = "\n".join(filter(None, (self.corrections, f"{moment} UTC  {'; '.join(changes)}")))

    def _describe(self, name, value):
        if name == "duration":
            return self.env._("%(seconds)s seconds", seconds=value or 0)
        return dict(self._fields[name]._description_selection(self.env)).get(value) or self.env._("nothing")

    # === MANY AT ONCE === #

    def _add_for_a_while(self, company, states, counted, since, outcome, until):
        """Create calls of which nothing was known, as many at once as time suffices for.

        :param float until: by the monotonic clock; the calls that would be created later are left.
        """
        waiting = list(states)
        while waiting:
            started = time.monotonic()
            size = max(_FIRST_CREATED, int(_pace["calls"] * (until - started)))
            some, waiting = waiting[:size], waiting[size:]
            self._add_missing(company, {call_id: states[call_id] for call_id in some}, counted, since, outcome)
            now = time.monotonic()
            _pace["calls"] = len(some) / max(now - started, 0.001)
            if now > until:
                outcome.left += waiting
                return

    def _add_missing(self, company, states, counted, since, outcome):
        """Create calls of which nothing was known; where that fails, one by one."""
        if not states:
            return
        try:
            with self.env.cr.savepoint():
                self._create_counted(company, states, counted, since)
        except Exception as error:  # the others are tried without the one that fails
            if getattr(error, "pgcode", None) in CONCURRENCY_ERRORS:
                raise
            if len(states) == 1:
                _logger.exception("Zadarma: call %s could not be added", *states)
                outcome.failed.update(dict.fromkeys(states, type(error).__name__))
                return
            for call_id, state in states.items():
                self._add_missing(company, {call_id: state}, counted, since, outcome)
        else:
            outcome.counts["added"] += len(states)

    def _create_counted(self, company, states, counted, since):
        """Create calls from their rows alone, with a few statements for all of them."""
        calls = self.with_company(company).with_context(zadarma_directory=self._read_directory(company))
        vals_list = []
        for call_id, state in states.items():
            values = calls._prepare_new_values(company, state)
            is_drawn = self._is_drawn(values["date_start"], since)
            vals_list.append(
                {
                    **values,
                    "company_id": company.id,
                    "pbx_call_id": call_id,
                    "source": "statistics",
                    "statistics": [kept_row(row) for row in join_rows((), counted[call_id])],
                    "is_settled": not is_drawn,
                    "is_followed_up": is_drawn,
                }
            )
        calls._identify_many(company, vals_list)
        created = calls.create(vals_list)
        legs = [
            calls._prepare_leg_values(company, call, leg)
            for call, state in zip(created, states.values(), strict=True)
            for leg in state.legs
        ]
        self.env["zadarma.call.leg"].create(legs)
        created.filtered("is_settled")._add_past_recordings(company)

    def _prepare_leg_values(self, company, call, leg):
        users = self._find_users(company, [leg.extension])
        return {
            "call_id": call.id,
            "extension": leg.extension,
            "user_id": users.get(leg.extension, self.env["res.users"]).id,
            "state": leg.state,
            "answered": leg.answered,
            "transfer_from": leg.transfer_from or False,
        }

    def _identify_many(self, company, vals_list):
        """Add contacts and open leads to the values of calls; see :meth:`_identify`."""
        country = company._zadarma_country_code()
        wanted = [
            vals
            for vals in vals_list
            if vals["direction"] != "internal" and parse_number(vals["number"] or "", country).kind is Kind.EXTERNAL
        ]
        self.env.flush_all()
        found = self.env["zadarma.caller"]._find_many({vals["number"] for vals in wanted}, company.id, country)
        partners = self.env["res.partner"].browse({caller.partner_id for caller in found.values()} - {0}).exists()
        callers = {number: self._accept_caller(company, caller, partners) for number, caller in found.items()}
        leads = self._find_newest_leads(
            company, self.env["res.partner"].union(*(partner for partner, _state in callers.values()))
        )
        for vals in wanted:
            partner, caller_state = callers[vals["number"]]
            lead_id = found[vals["number"]].lead_id or leads.get(partner.commercial_partner_id.id)
            vals.update({"caller_state": caller_state, "partner_id": partner.id, "lead_id": lead_id or False})

    def _find_newest_leads(self, company, partners):
        """Return the newest open lead of each contact's company, by its id; see :meth:`_find_open_leads`.

        :rtype: dict[int, int]
        """
        entities = partners.commercial_partner_id
        if not entities:
            return {}
        leads = self.env["crm.lead"].search(
            [
                ("partner_id", "child_of", entities.ids),
                ("company_id", "in", (False, company.id)),
                ("stage_id.is_won", "!=", True),
            ],
            order="id desc",
        )
        newest = {}
        for lead in leads:
            partner = lead.partner_id
            while partner:
                newest.setdefault(partner.id, lead.id)
                partner = partner.parent_id
        return newest

    @api.model
    def _read_directory(self, company):
        extensions = self.env["zadarma.extension"].search([("company_id", "=", company.id)])
        numbers = self.env["zadarma.number"].search([("company_id", "=", company.id)])
        users = self.with_context(zadarma_directory=None)._find_users(company, extensions.mapped("number"))
        return Directory(users, {number.number: number for number in numbers})

    @api.model
    def _find_users(self, company, numbers):
        """Override to read extensions once for many calls."""
        directory = self.env.context.get("zadarma_directory")
        if directory is None:
            return super()._find_users(company, numbers)
        return {number: directory.users[number] for number in numbers if number in directory.users}

    @api.model
    def _find_own_number(self, company, e164):
        """Override to read numbers once for many calls."""
        directory = self.env.context.get("zadarma_directory")
        if directory is None:
            return super()._find_own_number(company, e164)
        return directory.numbers.get(e164, self.env["zadarma.number"])
