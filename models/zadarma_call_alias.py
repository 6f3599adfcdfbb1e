# Pairing has transactions of its own, under a lock that comes before them.
# pylint: disable=invalid-commit
import hashlib
from datetime import timezone

import psycopg2

from odoo import api, fields, models

from ..zadarma_api.pairing import SECOND_WITHIN, TOLERANCE, Request, choose_request, pair, trunk_of


class ZadarmaCallAlias(models.Model):
    """An outgoing call at Zadarma that may be part of a call made by a click.

    Zadarma gives a callback no id, and each of its two legs may get one of its own. What is decided here makes them
    one call; all that is known of an outgoing call decides, and again whenever more is known. What is no part of a
    click after all becomes a call of its own.
    """

    _name = "zadarma.call.alias"
    _description = "Zadarma Call Alias"
    _order = "call_id, part, id"
    _rec_name = "pbx_call_id"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    pbx_call_id = fields.Char(string="Call ID at Zadarma", required=True, readonly=True)
    call_id = fields.Many2one("zadarma.call", required=True, readonly=True, ondelete="cascade", index=True)
    part = fields.Integer(readonly=True, help="Its place in the call, from 1; 0 if it is no part of it after all.")
    is_counted = fields.Boolean(readonly=True, help="Zadarma's statistics told it, for good.")

    _pbx_call_id_uniq = models.Constraint("UNIQUE (company_id, pbx_call_id)", "This call is there already.")

    # === WHAT BELONGS TOGETHER === #

    @api.model
    def _find(self, company_id, pbx_call_id):
        # Clicks make outgoing calls alone.
        if not pbx_call_id or pbx_call_id.startswith("in_"):
            return self.browse()
        return self.search([("company_id", "=", company_id), ("pbx_call_id", "=", pbx_call_id)], limit=1)

    @api.model
    def _find_call(self, company_id, pbx_call_id):
        """Return the call made by a click that an id is part of, none for all other ids."""
        alias = self._find(company_id, pbx_call_id)
        return alias.call_id if alias.part else self.env["zadarma.call"]

    @api.model
    def _get_ids(self, company_id, pbx_call_id):
        """Return the ids at Zadarma that are one call with this one, the one of the caller's own phone first.

        :rtype: list[str]
        """
        call = self._find_call(company_id, pbx_call_id)
        parts = call and self.search([("call_id", "=", call.id), ("part", ">", 0)], order="part")
        return parts.mapped("pbx_call_id") if parts else [pbx_call_id]

    @api.model
    def _get_groups(self, company_id, call_ids):
        """Return, of those ids that are part of a click, all ids of their call; see :meth:`_get_ids`.

        :rtype: dict[str, list[str]]
        """
        domain = [("company_id", "=", company_id), ("part", ">", 0)]
        parts = self.search([*domain, ("pbx_call_id", "in", list(call_ids))])
        by_call = self.search([("call_id", "in", parts.call_id.ids), ("part", ">", 0)], order="part").grouped("call_id")
        return {part.pbx_call_id: by_call[part.call_id].mapped("pbx_call_id") for part in parts}

    @api.model
    def _get_keys(self, company_id, call_ids):
        """Return what names the call of each id; see :meth:`_get_key`.

        :rtype: dict[str, str]
        """
        domain = [("company_id", "=", company_id), ("part", ">", 0), ("pbx_call_id", "in", list(call_ids))]
        clicked = {part.pbx_call_id: f"request:{part.call_id.id}" for part in self.search(domain)}
        return {call_id: clicked.get(call_id, call_id) for call_id in call_ids}

    @api.model
    def _get_key(self, company_id, pbx_call_id):
        """Return what names the call an id belongs to, whatever its other ids are."""
        call = self._find_call(company_id, pbx_call_id)
        return f"request:{call.id}" if call else pbx_call_id

    # === PAIRING === #

    @api.model
    def _pair(self, company_id, pbx_call_id):
        """Decide whether an outgoing call is part of a call made by a click.

        Works in transactions of its own on the environment's cursor, one process an extension.

        :return: other ids whose calls change by it and are to be folded too; none where the lock was not given in time,
            which leaves the notifications to the sweeping cron.
        :rtype: list[str] | None
        """
        trunk = self._get_trunk(company_id, pbx_call_id)
        if not trunk or not (self._find(company_id, pbx_call_id) or self._find_requests(company_id, trunk)):
            return []
        cr, lock = self.env.cr, self._lock_key(company_id, trunk.extension)
        cr.commit()
        try:
            # The lock comes before the transaction that reads, or this would read what was true before it had it.
            cr.execute("SET LOCAL lock_timeout = '2s'")
            cr.execute("SELECT pg_advisory_lock(%s)", [lock])
            cr.commit()
        except psycopg2.errors.LockNotAvailable:
            cr.rollback()
            return None
        try:
            self.env.invalidate_all(flush=False)
            changed = self._pair_locked(company_id, pbx_call_id)
            cr.commit()
            return changed
        finally:
            cr.rollback()
            cr.execute("SELECT pg_advisory_unlock(%s)", [lock])
            cr.commit()

    @api.model
    def _lock_key(self, company_id, extension):
        """Return the number of the advisory lock of an extension, a signed 64-bit integer."""
        digest = hashlib.sha256(f"zadarma.extension:{company_id}:{extension}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    @api.model
    def _get_trunk(self, company_id, pbx_call_id):
        """Return what the notifications tell of an outgoing call, none of other calls."""
        if pbx_call_id.startswith("in_"):
            return None
        events = self.env["zadarma.event"].search(
            [
                ("company_id", "=", company_id),
                ("pbx_call_id", "=", pbx_call_id),
                ("state", "in", ("new", "done")),
            ]
        )
        return trunk_of([event._parse() for event in events])

    @api.model
    def _find_requests(self, company_id, trunk):
        """Return the calls made by clicks of an extension before an outgoing call was heard of."""
        opened_at = trunk.opened_at.astimezone(timezone.utc).replace(tzinfo=None)
        return self.env["zadarma.call"].search(
            [
                ("company_id", "=", company_id),
                ("request_extension", "=", trunk.extension),
                ("requested_at", ">=", opened_at - SECOND_WITHIN),
                ("requested_at", "<=", fields.Datetime.add(opened_at, seconds=2)),
                ("request_state", "!=", "refused"),
            ]
        )

    @api.model
    def _pair_locked(self, company_id, pbx_call_id):
        """Decide again what is part of the click that an outgoing call may belong to; see :meth:`_pair`."""
        alias = self._find(company_id, pbx_call_id) or self._enlist(company_id, pbx_call_id)
        # What notifications tell so late says nothing of when it began.
        if not alias or alias.is_counted:
            return []
        call = alias.call_id
        aliases = self.search([("call_id", "=", call.id)])
        trunks = [self._get_trunk(company_id, each.pbx_call_id) for each in aliases]
        chosen = pair(self._as_request(call), filter(None, trunks))
        parts = {each: chosen.index(each.pbx_call_id) + 1 if each.pbx_call_id in chosen else 0 for each in aliases}
        changed = aliases.filtered(lambda each: each.part != parts[each])
        released = changed.filtered(lambda each: not parts[each])
        for each in changed:
            each.part = parts[each]
        if released and call.pbx_call_id in released.mapped("pbx_call_id"):
            call.pbx_call_id = False
        for each in changed - released:
            self._absorb(each)
        if not (changed - alias):
            return []
        # A crash from here on leaves to the sweeping cron what is to be folded anew.
        affected = changed | aliases.filtered("part")
        self.env["zadarma.event"]._renew(company_id, affected.mapped("pbx_call_id"))
        return (affected - alias).mapped("pbx_call_id")

    @api.model
    def _enlist(self, company_id, pbx_call_id):
        """Note which click an outgoing call may belong to, for good."""
        trunk = self._get_trunk(company_id, pbx_call_id)
        calls = self._find_requests(company_id, trunk)
        requests = {self._as_request(call): call for call in calls}
        have_first = self.search([("call_id", "in", calls.ids), ("part", "=", 1)]).call_id
        request = choose_request(list(requests), trunk, [call in have_first for call in requests.values()])
        if not request:
            return self.browse()
        return self.create({"company_id": company_id, "pbx_call_id": pbx_call_id, "call_id": requests[request].id})

    @api.model
    def _pair_counted(self, company, states):
        """Make calls that the statistics alone know parts of the clicks that they were made by.

        :param res.company company: whose calls.
        :param dict states: what each call is by its rows, by ``pbx_call_id``.
        :return: the calls of clicks by the id at Zadarma, and the ids of legs to the caller's own phone alone, which
            say nothing of a call.
        :rtype: tuple[dict[str, zadarma.call], set[str]]
        """
        clicks = self._find_unheard(company, states.values())
        found, own_legs = {}, set()
        for call_id, state in sorted(states.items(), key=lambda item: item[1].started_at) if clicks else ():
            call = clicks._choose_counted(company, call_id, state)
            if not call:
                continue
            found[call_id] = call
            clicks -= call
            parts = [call_id]
            for leg_id, leg in states.items():
                if leg.number == call.request_extension and leg_id not in own_legs and call._may_have_begun(leg):
                    own_legs.add(leg_id)
                    parts = [leg_id, call_id]
                    break
            values = {"company_id": company.id, "call_id": call.id, "is_counted": True}
            self.create([{**values, "pbx_call_id": part, "part": place} for place, part in enumerate(parts, 1)])
            call.pbx_call_id = call_id
        return found, own_legs

    @api.model
    def _find_unheard(self, company, states):
        """Return the calls made by clicks in the time of some calls of which no notification arrived."""
        if not states:
            return self.env["zadarma.call"]
        starts = [state.started_at.astimezone(timezone.utc).replace(tzinfo=None) for state in states]
        return self.env["zadarma.call"].search(
            [
                ("company_id", "=", company.id),
                ("requested_at", ">=", min(starts) - SECOND_WITHIN),
                ("requested_at", "<=", max(starts) + TOLERANCE),
                ("request_state", "!=", "refused"),
                ("pbx_call_id", "=", False),
            ],
            order="requested_at",
        )

    @api.model
    def _as_request(self, call):
        return Request(call.request_extension, call.number, call.requested_at.replace(tzinfo=timezone.utc))

    @api.model
    def _absorb(self, alias):
        """Delete the call that was made of what came first and told too little, such as a recording."""
        domain = [("company_id", "=", alias.company_id.id), ("pbx_call_id", "=", alias.pbx_call_id)]
        for orphan in self.env["zadarma.call"].search([*domain, ("id", "!=", alias.call_id.id)]):
            before = orphan._get_views()
            orphan.leg_ids.write({"state": "ended"})
            orphan._notify(before, is_live=False)
            orphan.unlink()
