from odoo import api, fields, models

from ..zadarma_api.missed import Fate, fate_of, was_taken


class ZadarmaCall(models.Model):
    """Calls that nobody took, and the talks that make up for them."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    is_missed = fields.Boolean(string="Missed", compute="_compute_fate", store=True)
    date_talk = fields.Datetime(
        string="Talked On", compute="_compute_fate", store=True, help="When people began to talk, for long enough."
    )
    missed_call_id = fields.Many2one(
        "zadarma.missed.call",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="The caller's waiting that this try is part of.",
    )

    _talk_idx = models.Index("(company_id, number, date_talk) WHERE date_talk IS NOT NULL")
    _partner_talk_idx = models.Index("(partner_id, date_talk) WHERE date_talk IS NOT NULL AND partner_id IS NOT NULL")

    # What is set for short answers counts when a call ends: statistics of the past do not change with it.
    @api.depends(
        "direction",
        "state",
        "result",
        "duration",
        "disposition",
        "is_recorded",
        "talking_since",
        "date_answer",
        "date_start",
        "is_blocked",
    )
    def _compute_fate(self):
        for call in self:
            call.update(self._prepare_fate(call, call.company_id))

    @api.model
    def _prepare_fate(self, facts, company):
        """Return what a call means to its other side, as values.

        :param facts: a call, or the values of one.
        :param res.company company: whose call.
        """
        # Without a word of Zadarma's about the end, the duration is not known.
        duration = facts["duration"] if facts["disposition"] else None
        is_traced = facts["is_recorded"] or bool(facts["talking_since"])
        is_taken = was_taken(facts["result"] or "", duration, is_traced, company.zadarma_min_answer_seconds)
        fate = fate_of(facts["direction"], facts["state"], is_taken, facts["is_blocked"])
        is_talk = fate is Fate.TALKED
        return {
            "is_missed": fate is Fate.MISSED,
            "date_talk": (facts["date_answer"] or facts["date_start"]) if is_talk else False,
        }

    def _prepare_new_values(self, company, state):
        """Override to say so at once: what is computed later takes a second statement, and a second row on the disk."""
        values = super()._prepare_new_values(company, state)
        return {**values, **self._prepare_fate(values, company)}

    @api.model_create_multi
    def create(self, vals_list):
        """Override to not compute again what was computed of the same values already."""
        calls = super().create(vals_list)
        known = calls.browse(
            call.id for call, vals in zip(calls, vals_list, strict=True) if {"is_missed", "date_talk"} <= vals.keys()
        )
        for name in ("is_missed", "date_talk"):
            self.env.remove_to_compute(self._fields[name], known)
        return calls

    def unlink(self):
        """Override to keep the missed calls true to their tries."""
        # sudo: zadarma.missed.call - whoever may delete calls may delete what they were missed for
        rows_sudo = self.missed_call_id.sudo()
        result = super().unlink()
        for row_sudo in rows_sudo.exists():
            row_sudo._refresh()
        return result

    def _find_next_talk(self):
        """Return the first talk with the caller after this call began, whoever of the two called."""
        self.ensure_one()
        after = [("company_id", "=", self.company_id.id), ("date_talk", ">", self.date_start)]
        talks = self.search([*after, ("number", "=", self.number)], order="date_talk, id", limit=1)
        if self.partner_id and not self.partner_id.is_company:
            talks |= self.search([*after, ("partner_id", "=", self.partner_id.id)], order="date_talk, id", limit=1)
        return talks.sorted("date_talk")[:1]

    def _follow_up_missed(self):
        """Let the caller wait for a call back, or wait no longer; take back what turned out otherwise."""
        self.ensure_one()
        rows = self.env["zadarma.missed.call"]
        if self.missed_call_id and not self.is_missed:
            row, self.missed_call_id = self.missed_call_id, False
            row._refresh()
        elif self.missed_call_id:
            # The caller may have got a record meanwhile.
            self.missed_call_id._sync_activity()
        elif self.is_missed and self._is_to_be_called_back():
            rows._add_try(self)
        if self.date_talk:
            rows._close_for(self)
        else:
            rows._reopen_for(self)

    def _is_to_be_called_back(self):
        """Tell whether somebody can and should call back; who withheld their number is counted only."""
        return bool(self.company_id.zadarma_missed_activities and self.number and not self.is_withheld)

    @api.model
    def action_open_missed(self):
        """Open the callers who wait for the user; the calls one missed, where nobody is asked to return them."""
        actions = self.env["ir.actions.act_window"]
        # sudo: res.company - whether a feature is on is no secret
        if any(self.env.companies.sudo().mapped("zadarma_missed_activities")):
            return actions._for_xml_id("zadarma.zadarma_missed_call_action")
        action = actions._for_xml_id("zadarma.zadarma_call_action")
        action["context"] = {"search_default_missed": 1, "search_default_my_legs": 1}
        return action
