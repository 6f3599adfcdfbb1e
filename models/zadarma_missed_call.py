from datetime import datetime, time, timedelta

import pytz
from babel.dates import format_timedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.misc import babel_locale_parse, format_datetime, get_lang

# Nobody is asked to return a call that became known only so long after it.
_STALE_AFTER = timedelta(days=7)
_ESCALATION_BATCH = 100
_ACTIVITY_TYPE = "zadarma.mail_activity_type_missed_call"


class ZadarmaMissedCall(models.Model):
    """A caller whom nobody answered, from the first try until somebody talked to them: what is to be called back.

    However often somebody calls, they wait once: a caller has one open row in a company. A row is a function of the
    caller's calls, in whatever order these are heard of, and of what people say is done.
    """

    _name = "zadarma.missed.call"
    _description = "Missed Call"
    _inherit = ["mail.thread", "mail.activity.mixin", "zadarma.numbered", "zadarma.sealed"]
    _order = "date_deadline, id"
    _mail_post_access = "read"
    _rec_names_search = ["number_display", "partner_id", "lead_id"]

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True, ondelete="cascade")
    number = fields.Char(required=True, readonly=True)
    state = fields.Selection(
        [("open", "Waiting"), ("reached", "Talked to"), ("done", "Done")],
        required=True,
        default="open",
        readonly=True,
        help="Who was talked to, in or out, waits no longer; people may also say that it is done.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Responsible",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        ondelete="set null",
        index="btree_not_null",
        help="Who is to call back. Without one, everybody sees the call and anybody may take it.",
    )
    call_ids = fields.One2many("zadarma.call", "missed_call_id", string="Calls", readonly=True)
    tries = fields.Integer(readonly=True, help="How often the caller tried.")
    date_first = fields.Datetime(string="Waiting Since", readonly=True)
    date_last = fields.Datetime(string="Last Try", readonly=True)
    last_call_id = fields.Many2one("zadarma.call", readonly=True, ondelete="set null", index="btree_not_null")
    partner_id = fields.Many2one(related="last_call_id.partner_id", store=True, index="btree_not_null")
    lead_id = fields.Many2one(related="last_call_id.lead_id", store=True, index="btree_not_null")
    own_number_id = fields.Many2one(
        related="last_call_id.own_number_id", string="Dialled Number", store=True, index="btree_not_null"
    )
    date_deadline = fields.Datetime(string="Call Back By", readonly=True, help="Within the company's working time.")
    is_overdue = fields.Boolean(string="Overdue", compute="_compute_status")
    status = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("overdue", "Overdue"),
            ("phoning", "On the phone"),
            ("reached", "Talked to"),
            ("done", "Done"),
        ],
        compute="_compute_status",
        help="The state, and whether a call with this number goes on right now.",
    )
    age = fields.Char(string="Waiting", compute="_compute_age")
    activity_id = fields.Many2one("mail.activity", readonly=True, ondelete="set null", index="btree_not_null")
    date_escalated = fields.Datetime(string="Escalated On", readonly=True)
    escalated_from_id = fields.Many2one("res.users", readonly=True, ondelete="set null")
    date_closed = fields.Datetime(string="Closed On", readonly=True)
    closed_call_id = fields.Many2one(
        "zadarma.call", string="Ended By", readonly=True, ondelete="set null", index="btree_not_null"
    )
    closed_user_id = fields.Many2one("res.users", string="Closed By", readonly=True, ondelete="set null")
    callback_seconds = fields.Integer(
        string="Call-Back Time",
        readonly=True,
        aggregator="avg",
        help="Seconds from the first try until somebody talked to the caller.",
    )

    _open_uniq = models.UniqueIndex("(company_id, number) WHERE state = 'open'", "This caller is waiting already.")
    _number_idx = models.Index("(company_id, number, date_closed)")
    _waiting_idx = models.Index("(company_id, date_deadline) WHERE state = 'open'")

    # === COMPUTE === #

    @api.depends("number_display", "partner_id", "lead_id")
    def _compute_display_name(self):
        for row in self:
            row.display_name = row._get_caller_name()

    def _get_caller_name(self):
        # sudo: zadarma.missed.call - people see who called even where the record itself is not theirs to open
        row_sudo = self.sudo()
        lead_caller = row_sudo.last_call_id._get_lead_caller(row_sudo.lead_id)
        return row_sudo.partner_id.display_name or lead_caller or self.number_display

    @api.depends("state", "date_deadline")
    def _compute_status(self):
        now, phoning = fields.Datetime.now(), self._get_parties_on_the_phone()
        for row in self:
            row.is_overdue = row.state == "open" and bool(row.date_deadline) and row.date_deadline < now
            if row.state != "open":
                row.status = row.state
            elif (row.company_id.id, row.number) in phoning:
                row.status = "phoning"
            else:
                row.status = "overdue" if row.is_overdue else "waiting"

    def _get_parties_on_the_phone(self):
        """Return the company and number of those who ring or talk now, so that two people do not call one caller."""
        numbers = self.filtered(lambda row: row.state == "open").mapped("number")
        # sudo: zadarma.call - a colleague's call is not shown, only that there is one
        calls_sudo = self.env["zadarma.call"].sudo()
        going_on = calls_sudo.search_fetch(
            [("state", "!=", "ended"), ("number", "in", numbers)], ["company_id", "number"]
        )
        return {(call.company_id.id, call.number) for call in going_on}

    @api.depends("date_first", "date_closed")
    def _compute_age(self):
        now, locale = fields.Datetime.now(), babel_locale_parse(get_lang(self.env).code)
        for row in self:
            waited = (row.date_closed or now) - (row.date_first or now)
            row.age = format_timedelta(max(waited, timedelta()), locale=locale)

    # === CRUD === #

    def write(self, vals):
        """Override to keep activities and counters in line with who is responsible and until when."""
        if not {"user_id", "state", "date_deadline"} & vals.keys():
            return super().write(vals)
        before = self._get_people()
        result = super().write(vals)
        if {"user_id", "date_deadline"} & vals.keys():
            for row in self:
                row._sync_activity()
        (before | self._get_people())._zadarma_notify_missed()
        return result

    def unlink(self):
        """Override to take activities along that stand on contacts and leads."""
        people = self._get_people()
        # sudo: mail.activity - an activity without its missed call has no meaning
        activities_sudo = self.activity_id.sudo()
        result = super().unlink()
        activities_sudo.exists().unlink()
        people._zadarma_notify_missed()
        return result

    def _get_people(self):
        """Return the users who have these on their counter: the responsible, else those whose phone rang."""
        people = self.env["res.users"]
        for row in self:
            # sudo: zadarma.call.leg - whose phone rang is read to tell them
            people |= row.user_id or row.sudo().call_ids.leg_ids.user_id
        return people

    # === FROM CALLS === #

    @api.model
    def _add_try(self, call):
        """Put a missed call to the talk, or to a person's word, that came after it, else to who waits.

        :param zadarma.call call: missed, of a caller with a number.
        """
        talk, settled = call._find_next_talk(), self._find_done_after(call)
        if talk and not (settled and settled.date_closed < talk.date_talk):
            row = self.search([*self._get_caller_domain(call), ("closed_call_id", "=", talk.id)], limit=1)
        else:
            talk = talk.browse()
            row = settled or self.search([*self._get_caller_domain(call), ("state", "=", "open")], limit=1)
        is_stale = call.date_start < fields.Datetime.now() - _STALE_AFTER
        if not row and (talk or not is_stale):
            values = {**self._prepare_values(call), **(self._prepare_talk_values(talk) or {})}
            row = self.with_context(mail_create_nolog=True).create(values).with_env(self.env)
        if row:
            call.missed_call_id = row
            row._refresh()

    @api.model
    def _get_caller_domain(self, call):
        return [("company_id", "=", call.company_id.id), ("number", "=", call.number)]

    def _find_done_after(self, call):
        """Return what people said is done when this call was over: they knew of it, or had dealt with its caller."""
        domain = [("state", "=", "done"), ("date_closed", ">=", call.date_end or call.date_start)]
        return self.search([*self._get_caller_domain(call), *domain], order="date_closed", limit=1)

    @api.model
    def _prepare_values(self, call):
        """Return the values of a row for the first missed call of a caller; the place to add one's own."""
        return {"company_id": call.company_id.id, "number": call.number}

    @api.model
    def _prepare_talk_values(self, talk):
        """Return the values of a row whose caller somebody talked to, none without a talk."""
        return bool(talk) and {
            "state": "reached",
            "date_closed": talk.date_talk,
            "closed_call_id": talk.id,
            "closed_user_id": talk.user_id.id,
        }

    def _refresh(self):
        """Make the row say what its tries say; one without a try was never missed, and goes."""
        self.ensure_one()
        calls, domain = self.env["zadarma.call"], [("missed_call_id", "=", self.id)]
        [(tries, first, last)] = calls._read_group(domain, [], ["__count", "date_start:min", "date_start:max"])
        if not tries:
            self.unlink()
            return
        last_call = calls.search([*domain, ("date_start", "=", last)], order="id desc", limit=1)
        values = {"tries": tries, "date_first": first, "date_last": last, "last_call_id": last_call.id}
        if self.state == "open":
            # Who calls again is not made to wait for longer.
            due = self._get_deadline(last_call.date_end or last)
            values["date_deadline"] = min(self.date_deadline or due, due)
            values["user_id"] = self.user_id.id or last_call._get_responsible_user().id
        elif self.state == "reached":
            values["callback_seconds"] = self._get_seconds(first, self.date_closed)
        self.write(values)

    @api.model
    def _get_seconds(self, start, end):
        return max(0, int((end - start).total_seconds()))

    def _get_deadline(self, moment):
        """Return when a caller of this moment is to be called back."""
        return self.company_id._zadarma_plan_hours(self.company_id.zadarma_missed_hours, moment)

    @api.model
    def _close_for(self, talk):
        """Close what waited for this talk; who tried again after it goes on waiting.

        :param zadarma.call talk: with the caller's number, or with the same person on another one.
        """
        caller = Domain("number", "=", talk.number)
        if talk.partner_id and not talk.partner_id.is_company:
            caller |= Domain("partner_id", "=", talk.partner_id.id)
        waited = Domain("state", "=", "open") | Domain("date_closed", ">", talk.date_talk)
        mine = Domain("company_id", "=", talk.company_id.id) & Domain("date_first", "<", talk.date_talk)
        for row in self.search(mine & caller & waited):
            late = row._release([("date_start", ">=", talk.date_talk)])
            row._close_by_talk(talk)
            for call in late:
                self._add_try(call)

    @api.model
    def _reopen_for(self, call):
        """Let those wait again whom a call released that turned out to be no talk."""
        for row in self.search([("closed_call_id", "=", call.id)]):
            tries = row._release([])
            row.unlink()
            for missed in tries:
                self._add_try(missed)

    def _release(self, domain):
        """Take tries out of the row and return them, the first one first; what is left is up to the caller."""
        self.ensure_one()
        tries = self.env["zadarma.call"].search([("missed_call_id", "=", self.id), *domain], order="date_start, id")
        tries.missed_call_id = False
        return tries

    def _close_by_talk(self, talk):
        """Write down who talked to the caller, and when."""
        self.ensure_one()
        self.write(self._prepare_talk_values(talk))
        self._refresh()
        self._finish_activity(self._get_talk_note(talk))

    def _close_by_person(self):
        """Write down that the current user says it is done."""
        values = {"state": "done", "date_closed": fields.Datetime.now(), "closed_user_id": self.env.uid}
        for row in self:
            row.write(values)
            row._finish_activity()

    # === THE TASK === #

    def _sync_activity(self):
        """Have one activity that says what the row says: on the lead or the contact, where there is one.

        A caller without a record has the activity on the row itself, if somebody is responsible.
        """
        self.ensure_one()
        # sudo: mail.activity, res.partner, crm.lead - the task of who is responsible, on whatever record it belongs
        row_sudo = self.sudo()
        document = row_sudo.lead_id.filtered("active") or row_sudo.partner_id or row_sudo
        activity = row_sudo.activity_id.filtered("active")
        is_own = activity.res_model == self._name
        if document == row_sudo and not row_sudo.user_id:
            (activity if is_own else activity.browse()).unlink()
            return
        values = row_sudo._prepare_activity_values()
        if not activity:
            row_sudo.activity_id = document.activity_schedule(_ACTIVITY_TYPE, **values)
            return
        if is_own and document != row_sudo:
            values.update(res_model_id=self.env["ir.model"]._get_id(document._name), res_id=document.id)
        activity.write(values)

    def _prepare_activity_values(self):
        """Return the values of the activity, in the language and zone of who reads it."""
        reader = self._for_reader()
        return {
            "user_id": self.user_id.id,
            "date_deadline": self._get_deadline_day(),
            "summary": reader.env._("Missed call from %(caller)s", caller=reader._get_caller_name()),
            "note": Markup("<br/>").join(reader._get_lines()),
        }

    def _for_reader(self):
        """Return the row in the language of who is responsible, else of the company."""
        return self.with_context(lang=self.user_id.lang or self.company_id.partner_id.lang)

    def _format(self, moment):
        return format_datetime(self.env, moment, tz=self._get_tz(), dt_format="short")

    def _get_tz(self):
        return self.user_id.tz or self.company_id.resource_calendar_id.tz or "UTC"

    def _get_deadline_day(self):
        """Return the day of the deadline where the responsible user lives."""
        return pytz.utc.localize(self.date_deadline).astimezone(pytz.timezone(self._get_tz())).date()

    def _get_lines(self):
        """Return in words who called, when, how often and where, a line each."""
        own_number = self.own_number_id.display_name or self.last_call_id.own_number_display or ""
        facts = [self.env._("Number: %(number)s", number=self.number_display)]
        if own_number:
            facts.append(self.env._("Dialled number: %(number)s", number=own_number))
        facts.append(self.env._("Last try: %(moment)s", moment=self._format(self.date_last)))
        if self.tries > 1:
            since = self._format(self.date_first)
            facts.append(self.env._("Tries: %(tries)s since %(moment)s", tries=self.tries, moment=since))
        facts.append(self.env._("Call back by: %(moment)s", moment=self._format(self.date_deadline)))
        if self.date_escalated and self.escalated_from_id:
            facts.append(self.env._("Not called back by %(user)s", user=self.escalated_from_id.name))
        return facts

    def _get_talk_note(self, talk):
        """Return in words who talked to the caller, when and for how long."""
        reader = self._for_reader()
        values = {
            "user": talk.user_id.name or talk.leg_ids.filtered("answered")[:1].extension or reader.env._("Somebody"),
            "moment": reader._format(talk.date_talk),
            "duration": f"{talk.duration // 60}:{talk.duration % 60:02}",
        }
        if talk.direction == "outbound":
            return reader.env._("%(user)s called back on %(moment)s and talked for %(duration)s.", **values)
        return reader.env._("%(user)s answered a call on %(moment)s and talked for %(duration)s.", **values)

    def _finish_activity(self, feedback=False):
        """Mark the activity as done, for what it stands for is."""
        self.ensure_one()
        # sudo: mail.activity - who talked to the caller, or says so, need not be whose task it was
        activity_sudo = self.sudo().activity_id.filtered("active")
        if activity_sudo:
            activity_sudo.with_context(mail_notify_force_send=False)._action_done(feedback=feedback)

    def _follow_activity(self):
        """Do as a person did with the activity: give it to somebody else, or put it off."""
        for row in self:
            activity, values = row.activity_id, {}
            if activity.user_id != row.user_id:
                values["user_id"] = activity.user_id.id
            if activity.date_deadline != row._get_deadline_day():
                midnight = pytz.timezone(row._get_tz()).localize(datetime.combine(activity.date_deadline, time()))
                values["date_deadline"] = row._get_deadline(midnight.astimezone(pytz.utc).replace(tzinfo=None))
            if values:
                row.write(values)

    # === ESCALATION === #

    @api.model
    def _cron_escalate(self):
        """Hand overdue calls up; see :meth:`_escalate_overdue`."""
        done, is_more = self._escalate_overdue()
        self.env["ir.cron"]._commit_progress(done, remaining=int(is_more))

    @api.model
    def _escalate_overdue(self):
        """Give a batch of the calls that nobody returned to whom each company named, once each.

        :return: how many went up, and whether there may be more.
        :rtype: tuple[int, bool]
        """
        companies = self.env["res.company"].search(
            [
                ("zadarma_missed_activities", "=", True),
                ("zadarma_escalate_missed", "=", True),
                ("zadarma_escalate_user_id.active", "=", True),
            ]
        )
        done = 0
        for company in companies:
            due = self._find_due(company)
            for row in due[: _ESCALATION_BATCH - done]:
                row._escalate(company.zadarma_escalate_user_id)
            done += min(len(due), _ESCALATION_BATCH - done)
        return done, done == _ESCALATION_BATCH

    def _find_due(self, company):
        """Return the calls of a company that wait for too long after their deadline, the most urgent ones."""
        now, hours = fields.Datetime.now(), company.zadarma_escalate_hours
        overdue = self.search(
            [
                ("company_id", "=", company.id),
                ("state", "=", "open"),
                ("date_escalated", "=", False),
                # Working hours take no less time than hours.
                ("date_deadline", "<=", now - timedelta(hours=hours)),
            ],
            limit=_ESCALATION_BATCH,
        )
        return overdue.filtered(lambda row: company._zadarma_plan_hours(hours, row.date_deadline) <= now)

    def _escalate(self, user):
        """Make a call the task of this user, who is told."""
        self.ensure_one()
        self.write({"date_escalated": fields.Datetime.now(), "escalated_from_id": self.user_id.id, "user_id": user.id})

    # === ACTIONS === #

    def action_take(self):
        """Make the caller one's own task, unless a colleague was faster."""
        self.ensure_one()
        # sudo: zadarma.missed.call - what is nobody's may be taken by those who see it; supervisors take any
        row_sudo = self.sudo()
        other = row_sudo.user_id - self.env.user
        if other and row_sudo.company_id in self.env.companies and not self.has_access("write"):
            raise UserError(self.env._("%(user)s calls back already.", user=other.name))
        self.check_access("read")
        if row_sudo.state != "open":
            raise UserError(self.env._("This caller does not wait any more."))
        row_sudo.user_id = self.env.user

    def action_done(self):
        """Say that nobody has to call back any more."""
        self.check_access("read")
        # sudo: zadarma.missed.call - whoever sees that a caller waits may say that it is done
        self.sudo().filtered(lambda row: row.state == "open")._close_by_person()

    def action_reopen(self):
        """Take back what a person said: the caller waits again."""
        self.ensure_one()
        self.check_access("read")
        # sudo: zadarma.missed.call - whoever may say that it is done may take it back
        row_sudo = self.sudo()
        if row_sudo.search_count([*self._get_caller_domain(row_sudo), ("state", "=", "open")], limit=1):
            raise UserError(self.env._("This caller waits already, since a later call."))
        if row_sudo.state == "done":
            row_sudo.write({"state": "open", "date_closed": False, "closed_user_id": False})
            row_sudo._sync_activity()

    def action_open_caller(self):
        """Open the lead or the contact of the caller."""
        self.ensure_one()
        self.check_access("read")
        document = self.lead_id._filtered_access("read") or self.partner_id._filtered_access("read") or self
        return {
            "type": "ir.actions.act_window",
            "res_model": document._name,
            "res_id": document.id,
            "views": [(False, "form")],
        }
