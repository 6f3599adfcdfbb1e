from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

from .zadarma_call_wrap_up import NOTE_LENGTH


class ZadarmaCallListLine(models.Model):
    """Somebody to call, and what became of it."""

    _name = "zadarma.call.list.line"
    _inherit = ["zadarma.numbered"]
    _description = "Zadarma Call List Line"
    _order = "sequence, id"
    _rec_name = "number_display"

    list_id = fields.Many2one("zadarma.call.list", required=True, ondelete="cascade")
    sequence = fields.Integer()
    # Not checked against the company: merging contacts must never cost a line.
    partner_id = fields.Many2one("res.partner", string="Contact", ondelete="set null", index="btree_not_null")
    lead_id = fields.Many2one("crm.lead", ondelete="set null", index="btree_not_null")
    activity_id = fields.Many2one("mail.activity", ondelete="set null", index="btree_not_null")
    number = fields.Char()
    state = fields.Selection(
        [("todo", "To call"), ("done", "Done"), ("skipped", "Skipped"), ("left_out", "Left out")],
        required=True,
        default="todo",
    )
    left_out_reason = fields.Selection(
        [
            ("no_number", "No phone number"),
            ("not_callable", "Not a number that can be called"),
            ("own_number", "A number of your own company"),
            ("do_not_call", "Asked not to be called"),
            ("blocked", "Blocked number"),
            ("duplicate", "The same number is in the list already"),
            ("gone", "Contact or lead is no longer there"),
            ("not_due", "The activity is done or was put off"),
        ],
        string="Left Out Because",
    )
    user_id = fields.Many2one("res.users", string="Called By", ondelete="set null", index="btree_not_null")
    taken_at = fields.Datetime()
    postponed_until = fields.Datetime()
    done_at = fields.Datetime()
    call_id = fields.Many2one("zadarma.call", string="Last Call", ondelete="set null", index="btree_not_null")
    call_result = fields.Selection(related="call_id.result", string="Result")
    outcome_id = fields.Many2one("zadarma.call.outcome", ondelete="restrict", index="btree_not_null")
    note = fields.Text()

    _state_idx = models.Index("(list_id, state, sequence, id)")
    _number_idx = models.Index("(list_id, number)")
    # Serves a call's question whose line it is.
    _taken_idx = models.Index("(user_id, number) WHERE state = 'todo' AND user_id IS NOT NULL")

    # === WHO HAS IT === #

    def _release(self):
        self.write({"user_id": False, "taken_at": False})

    def _get_mine(self):
        """Return the line in superuser mode, if the user has it.

        :raise UserError: where somebody else has it by now, or it is over with.
        """
        self.ensure_one()
        self.list_id.check_access("read")
        self.check_access("read")
        # sudo: zadarma.call.list.line - whoever took a line says what becomes of it
        line_sudo = self.sudo()
        if line_sudo.state != "todo" or line_sudo.user_id != self.env.user:
            raise UserError(self.env._("Somebody else goes on with this person, or is done. Take the next one."))
        return line_sudo

    def _get_record(self):
        """Return the lead, else the contact; an empty one where both are gone."""
        self.ensure_one()
        return self.lead_id or self.partner_id

    def _get_name(self):
        """Return the name of who is called."""
        return self.lead_id.contact_name or self.partner_id.name or self.lead_id.name or self.number or ""

    def _leave_out(self):
        """Leave somebody out who can no longer be called; much may have happened since the list was made.

        :return: whether they are left out.
        :rtype: bool
        """
        self.ensure_one()
        record, reason = self._get_record(), "gone"
        if self.list_id.is_of_activities and not self._is_due():
            reason = "not_due"
        elif record and record.active:
            [number] = self.list_id._read_numbers([record])
            [found] = self.list_id._sort_out([record], [number], listed=self._get_others_numbers(number))
            reason = found.value if found else False
            if number.e164 and number.e164 != self.number:
                self.number = number.e164
        if reason:
            self.write({"state": "left_out", "left_out_reason": reason})
        return bool(reason)

    def _is_due(self):
        """Tell whether the activity still asks for a call by today, in the time zone of the list's owner."""
        today = fields.Date.context_today(self.with_context(tz=self.list_id.user_id.tz))
        return self.activity_id.active and self.activity_id.date_deadline <= today

    def _get_others_numbers(self, number):
        """Return the line's new number if another line has it too."""
        if number.e164 == self.number:
            return []
        domain = [("list_id", "=", self.list_id.id), ("number", "=", number.e164), ("state", "!=", "left_out")]
        return [number.e164] if self.search_count(domain, limit=1) else []

    # === WHAT BECOMES OF IT === #

    def _finish(self, user, outcome, note, state="done"):
        """Be done with somebody, and with the activity that asked for the call.

        :param res.users user: who called.
        :param zadarma.call.outcome outcome: what came of it, if that is known.
        :param str note: what was said.
        :param str state: ``done``, or ``skipped``.
        """
        for line in self:
            line.write(
                {
                    "state": state,
                    "user_id": user.id,
                    "done_at": fields.Datetime.now(),
                    "outcome_id": outcome.id,
                    "note": note,
                }
            )
            line._waive_outcome()
            if outcome or note or line.call_result == "answered":
                line._finish_activity(user)

    def _waive_outcome(self):
        """Have nobody asked what came of a call after going on without saying so."""
        self.call_id.filtered(lambda call: not call.outcome_id).is_outcome_waived = True

    def _finish_activity(self, user):
        """Mark the activity of the line done, with what came of the call as feedback."""
        activity = self.activity_id.with_user(user).sudo(False)
        if self.activity_id.active and activity.has_access("write"):
            activity.action_feedback(feedback=self._get_feedback() or False)

    def _get_feedback(self):
        """Return outcome and note as one text."""
        return "\n".join(filter(None, [self.outcome_id.name, self.note]))

    def _post_feedback(self, user):
        """Note in the chatter what was said where no call and no activity tells it."""
        record = self._get_record().with_user(user).sudo(False)
        is_told = self.call_id or self.activity_id or not self.list_id.company_id.zadarma_post_notes
        if self._get_feedback() and not is_told and record and record.has_access("write"):
            record.message_post(body=plaintext2html(self._get_feedback()))

    # === ACTIONS === #

    def action_begin(self):
        """Make sure that it is the user who calls now.

        :raise UserError: where somebody else has this person by now.
        """
        self._get_mine().taken_at = fields.Datetime.now()

    def action_finish(self, outcome_id=False, note="", next_date=False):
        """Keep what came of the call and be done with this person.

        :param int outcome_id: one of those offered.
        :param str note: what was said.
        :param str next_date: when the user wants to call again.
        """
        line_sudo = self._get_mine()
        outcome = self.env["zadarma.call"]._get_offered_outcome(outcome_id, line_sudo.list_id.company_id)
        call = line_sudo.call_id.sudo(False)
        if (outcome or note or next_date) and call and call.has_access("read"):
            # Which finishes the line.
            call.action_save_outcome(outcome.id, note, next_date)
            return
        note = (note or "").strip()[:NOTE_LENGTH] or False
        line_sudo._finish(self.env.user, outcome.sudo(), note)
        line_sudo._post_feedback(self.env.user)
        if next_date:
            calls = self.env["zadarma.call"]
            record = calls._get_next_record(line_sudo.lead_id, line_sudo.partner_id)
            calls._schedule_call(record, fields.Date.to_date(next_date), note, line_sudo.number)

    def action_skip(self):
        """Leave this person out, for good."""
        self._get_mine()._finish(self.env.user, self.env["zadarma.call.outcome"], False, "skipped")

    def action_postpone(self, hours=False):
        """Come back to this person later.

        :param int hours: in how many; none means tomorrow morning.
        """
        line_sudo = self._get_mine()
        moment = fields.Datetime.now() + timedelta(hours=hours) if hours else self._get_tomorrow()
        line_sudo._waive_outcome()
        line_sudo.write({"postponed_until": moment, "user_id": False, "taken_at": False})

    def action_stop(self):
        """Give this person back to the list."""
        self._get_mine()._release()

    def _get_tomorrow(self):
        """Return the beginning of the user's tomorrow, as the database keeps it."""
        day = fields.Date.context_today(self) + timedelta(days=1)
        zone = ZoneInfo(self.env.user.tz or "UTC")
        return datetime.combine(day, time.min, zone).astimezone(timezone.utc).replace(tzinfo=None)
