from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import plaintext2html

# So long after its end people are still asked what came of a call, and about so many calls at once.
_ASK_FOR = timedelta(minutes=30)
_ASK_ABOUT = 3
NOTE_LENGTH = 10_000


class ZadarmaCall(models.Model):
    """What people make of a call once it is over: its outcome, a note, the next step."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    outcome_id = fields.Many2one(
        "zadarma.call.outcome",
        domain="[('company_id', 'in', (False, company_id))]",
        ondelete="restrict",
        index="btree_not_null",
        copy=False,
    )
    note = fields.Text(copy=False, help="What was said, for those who talk to the same people next.")
    is_outcome_waived = fields.Boolean(readonly=True, copy=False, help="Whoever talked put the question aside.")
    next_activity_id = fields.Many2one(
        "mail.activity", string="Next Step", readonly=True, copy=False, ondelete="set null", index="btree_not_null"
    )
    next_date = fields.Date(string="Next Call", compute="_compute_next_date", compute_sudo=True)

    # Serves the question to a user: what they talked about lately and did not tell the outcome of.
    _unanswered_idx = models.Index("(user_id, date_end) WHERE outcome_id IS NULL AND state = 'ended'")

    # === COMPUTE === #

    @api.depends("next_activity_id.active", "next_activity_id.date_deadline")
    def _compute_next_date(self):
        for call in self:
            activity = call.next_activity_id
            call.next_date = activity.active and activity.date_deadline

    # === WHAT IS ASKED === #

    def _asks(self, user):
        """Tell whether a user is asked for the outcome: the one who talked last, and with somebody outside.

        :param res.users user: who may be asked.
        :rtype: bool
        """
        self.ensure_one()
        return (
            user.zadarma_ask_outcome
            and self.user_id == user
            and self.state == "ended"
            and self.result == "answered"
            and self.direction != "internal"
            and not self.outcome_id
            and not self.is_outcome_waived
        )

    @api.model
    def _get_asked_calls(self, user):
        """Return the latest calls that a user is asked about, the oldest first."""
        calls = self.search(
            [
                ("user_id", "=", user.id),
                ("state", "=", "ended"),
                ("outcome_id", "=", False),
                ("date_end", ">=", fields.Datetime.now() - _ASK_FOR),
                ("is_live", "=", True),
                ("company_id", "in", user.company_ids.ids),
            ],
            order="date_end desc, id desc",
        )
        return calls.filtered(lambda call: call._asks(user))[:_ASK_ABOUT][::-1]

    def _get_outcome_values(self, user):
        """Return what the form of a user for the outcome shows, read with that user's rights.

        :param res.users user: who sees it.
        :rtype: dict
        """
        self.ensure_one()
        own = self._as_user(user)
        # sudo: zadarma.call, zadarma.call.outcome - the user takes part; linked records are filtered by their rights
        call_sudo = self.with_context(lang=user.lang, tz=user.tz).sudo()
        partner = own.env["res.partner"].browse(call_sudo.partner_id.id)._filtered_access("read")
        lead = own.env["crm.lead"].browse(call_sudo.lead_id.id)._filtered_access("read")
        outcomes_sudo = call_sudo.env["zadarma.call.outcome"].search(call_sudo._get_outcome_domain())
        return {
            "id": self.id,
            "title": partner.name or call_sudo._get_lead_caller(lead) or call_sudo._get_number_display(),
            "direction": call_sudo.direction,
            "duration": call_sudo.duration,
            "outcomes": [{"id": outcome.id, "name": outcome.name} for outcome in outcomes_sudo],
            "outcome_id": call_sudo.outcome_id.id,
            "note": call_sudo.note or "",
            "next_date": fields.Date.to_string(call_sudo.next_date),
        }

    def _get_outcome_domain(self):
        """Return the domain of the outcomes that a call may have."""
        self.ensure_one()
        return [("company_id", "in", (False, self.company_id.id))]

    # === WHAT IS SAID === #

    def action_save_outcome(self, outcome_id=False, note="", next_date=False):
        """Keep what came of a call, tell it to the contact's or lead's chatter, and schedule the next step.

        Saving again changes what was said; it makes no second note and no second activity.

        :param int outcome_id: one of those offered.
        :param str note: what was said.
        :param str next_date: when the user wants to call again; none leaves a planned step as it is.
        :raise AccessError: for those who took no part in the call, but supervisors.
        """
        self._check_takes_part()
        # sudo: zadarma.call - whoever takes part in a call may say what came of it
        call_sudo = self.sudo()
        outcome = self._get_offered_outcome(outcome_id, call_sudo.company_id)
        note = (note or "").strip()[:NOTE_LENGTH] or False
        call_sudo.write({"outcome_id": outcome.id, "note": note, "is_outcome_waived": not outcome})
        if next_date:
            self._schedule_next(fields.Date.to_date(next_date))
        call_sudo._finish_lines(self.env.user)
        self._tell_answered()

    @api.model
    def _get_offered_outcome(self, outcome_id, company):
        """Return an outcome that calls of a company may have, none for none.

        :raise UserError: for another company's.
        """
        outcome = self.env["zadarma.call.outcome"].browse(outcome_id).exists()
        # sudo: zadarma.call.outcome - whose it is, nothing else
        if outcome.sudo().company_id not in (self.env["res.company"], company):
            raise UserError(self.env._("This outcome belongs to another company. Choose another one."))
        return outcome

    def action_waive_outcome(self):
        """Put the question for the outcome aside; it can still be given from the call."""
        self._check_takes_part()
        # sudo: zadarma.call - whoever takes part in a call may leave its outcome open
        self.sudo().is_outcome_waived = True
        self._tell_answered()

    def action_open_outcome(self):
        """Open the form for outcome, note and next step."""
        self._check_takes_part()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Outcome"),
            "res_model": "zadarma.call.outcome.wizard",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_call_id": self.id},
        }

    def _tell_answered(self):
        """Close the question in all browsers of whoever was asked."""
        # sudo: zadarma.call - who talked, whoever told the outcome
        self.sudo().user_id._bus_send("zadarma.call/outcome", {"id": self.id})

    # === NEXT STEP === #

    def _schedule_next(self, day):
        """Plan the next call on a day, as Odoo's own activity of the user; a planned one moves.

        :param datetime.date day: when.
        """
        self.ensure_one()
        # sudo: zadarma.call - the activity is the user's own, and the call only remembers it
        call_sudo = self.sudo()
        activity = call_sudo.next_activity_id.sudo(False)
        if call_sudo.next_date and call_sudo.next_activity_id.user_id == self.env.user:
            activity.write({"date_deadline": day})
            return
        record = self._get_next_record(call_sudo.lead_id, call_sudo.partner_id)
        call_sudo.next_activity_id = self._schedule_call(record, day, self.note, self._get_number_display())

    @api.model
    def _get_next_record(self, *records):
        """Return the first of these leads and contacts on which the user may schedule an activity, none for none."""
        own = (record.sudo(False) for record in records if record)
        return next((record for record in own if record.has_access("write")), None)

    @api.model
    def _schedule_call(self, record, day, note, who):
        """Plan a call as an activity of the user.

        :param record: the lead or contact to call; none makes an activity of the user's own.
        :param datetime.date day: when.
        :param str note: what was said.
        :param str who: whom to call, where no record tells it.
        :rtype: mail.activity
        """
        values = self._prepare_next_values(day, note)
        if record is not None:
            return record.activity_schedule("mail.mail_activity_data_call", **values)
        call_type = self.env.ref("mail.mail_activity_data_call", raise_if_not_found=False)
        summary = self.env._("Call %(who)s", who=who)
        return self.env["mail.activity"].create(
            {**values, "activity_type_id": call_type and call_type.id, "summary": summary}
        )

    @api.model
    def _prepare_next_values(self, day, note):
        """Return the values of the activity for the next step; the place to add one's own."""
        return {
            "date_deadline": day,
            "user_id": self.env.uid,
            "note": plaintext2html(note or ""),
            "automated": False,
        }
