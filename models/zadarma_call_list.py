from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL, split_every

from ..zadarma_api.blocking import patterns_of
from ..zadarma_api.call_list import Candidate, sort_out
from ..zadarma_api.numbers import Kind, Number, parse_typed_number

# So many records are read, and so many lines made, at once.
_BATCH = 1000
# Of so many at once one is taken: enough for as many people who press Next at the same moment.
_FEW = 20
# Who took somebody and did nothing for so long does not keep them from being called.
_TAKEN_FOR = timedelta(hours=4)
CALLED_MODELS = ("res.partner", "crm.lead")


class ZadarmaCallList(models.Model):
    """People to call, one after the other, by one or several users."""

    _name = "zadarma.call.list"
    _description = "Zadarma Call List"
    _order = "id desc"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company",
        required=True,
        readonly=True,
        default=lambda self: self.env.company,
        ondelete="cascade",
        index=True,
    )
    user_id = fields.Many2one(
        "res.users",
        string="Made By",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
        ondelete="cascade",
        index=True,
    )
    user_ids = fields.Many2many(
        "res.users",
        string="Colleagues",
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="Who else calls the people of this list. Nobody is called twice.",
    )
    is_of_activities = fields.Boolean(readonly=True, help="Made from the call activities of the user.")
    line_ids = fields.One2many("zadarma.call.list.line", "list_id", string="People", readonly=True)
    line_count = fields.Integer(string="To Call in All", compute="_compute_counts")
    todo_count = fields.Integer(string="Left to Call", compute="_compute_counts")
    done_count = fields.Integer(string="Done", compute="_compute_counts")
    left_out_count = fields.Integer(string="Left Out", compute="_compute_counts")
    progress = fields.Float(compute="_compute_counts")

    # === COMPUTE === #

    @api.depends("line_ids.state")
    def _compute_counts(self):
        rows = self.env["zadarma.call.list.line"]._read_group(
            [("list_id", "in", self.ids)], ["list_id", "state"], ["__count"]
        )
        counts = {(call_list.id, state): count for call_list, state, count in rows}
        for call_list in self:
            todo, done, skipped, left_out = (
                counts.get((call_list.id, state), 0) for state in ("todo", "done", "skipped", "left_out")
            )
            call_list.line_count = todo + done + skipped
            call_list.todo_count = todo
            call_list.done_count = done + skipped
            call_list.left_out_count = left_out
            call_list.progress = 100 * (done + skipped) / (call_list.line_count or 1)

    # === MAKING === #

    @api.model
    def _make(self, records):
        """Make a list of the records that a user chose, in their order.

        :param records: contacts or leads.
        :raise AccessError: where the user may not see some of them.
        """
        records.check_access("read")
        today = fields.Date.to_string(fields.Date.context_today(self))
        name = self.env._("%(model)s, %(date)s", model=self._get_plural(records), date=today)
        call_list = self.create({"name": name})
        call_list._add([(record, self.env["mail.activity"]) for record in records])
        return call_list

    def _get_plural(self, records):
        return {"res.partner": self.env._("Contacts"), "crm.lead": self.env._("Leads")}[records._name]

    @api.model
    def _make_of_activities(self):
        """Return the user's list of calls that are due, with those that became due since it was made."""
        call_list = self.search(
            [("user_id", "=", self.env.uid), ("is_of_activities", "=", True), ("company_id", "=", self.env.company.id)],
            limit=1,
        )
        if not call_list.todo_count:
            today = fields.Date.to_string(fields.Date.context_today(self))
            name = self.env._("My calls, %(date)s", date=today)
            call_list = self.create({"name": name, "is_of_activities": True})
        known = call_list.sudo().line_ids.filtered(lambda line: line.left_out_reason != "not_due")
        call_list._add(self._get_activity_entries(self._find_due_activities() - known.activity_id.sudo(False)))
        return call_list

    @api.model
    def _get_activity_entries(self, activities):
        """Return pairs of a contact or lead that the user may see, and its activity, in the order of the activities."""
        records = {}
        for model, some in activities.grouped("res_model").items():
            found = self.env[model].browse(some.mapped("res_id")).exists()._filtered_access("read")
            records |= {(model, record.id): record for record in found}
        keys = [(activity, (activity.res_model, activity.res_id)) for activity in activities]
        return [(records[key], activity) for activity, key in keys if key in records]

    @api.model
    def _find_due_activities(self):
        """Return the user's call activities of today and those that are overdue."""
        return self.env["mail.activity"].search(
            [
                ("user_id", "=", self.env.uid),
                ("activity_category", "=", "phonecall"),
                ("date_deadline", "<=", fields.Date.context_today(self)),
                ("res_model", "in", CALLED_MODELS),
            ],
            order="date_deadline, id",
        )

    def _add(self, entries):
        """Add people to the list; those who cannot be called too, with the reason.

        :param list entries: pairs of a contact or lead, and its activity.
        """
        self.ensure_one()
        # sudo: zadarma.call.list.line - whoever may make lists fills them with what they may read
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        sequence = len(self.sudo().line_ids)
        for batch in split_every(_BATCH, entries):
            values = self._prepare_lines_values(batch)
            for number, vals in enumerate(values, start=sequence):
                vals["sequence"] = number
            sequence += len(values)
            lines_sudo.create(values)

    def _prepare_lines_values(self, entries):
        """Return the values of lines; the place to add one's own."""
        numbers = self._read_numbers([record for record, _activity in entries])
        reasons = self._sort_out([record for record, _activity in entries], numbers)
        lines = []
        for (record, activity), number, reason in zip(entries, numbers, reasons, strict=True):
            is_lead = record._name == "crm.lead"
            lines.append(
                {
                    "list_id": self.id,
                    "partner_id": record.partner_id.id if is_lead else record.id,
                    "lead_id": record.id if is_lead else False,
                    "activity_id": activity.id,
                    "number": number.e164 if number.kind is Kind.EXTERNAL else number.raw,
                    "state": "left_out" if reason else "todo",
                    "left_out_reason": reason.value if reason else False,
                }
            )
        return lines

    def _read_numbers(self, records):
        """Return the number of each record, as understood.

        :rtype: list[zadarma_api.numbers.Number]
        """
        country = self.company_id.country_id
        unread = [record for record in records if record.phone and not record.phone_sanitized]
        countries = {}
        for model in CALLED_MODELS:
            some = self.env[model].concat(*(record for record in unread if record._name == model))
            countries |= {(model, key): value for key, value in some._phone_get_country().items()}
        return [
            Number(record.phone, Kind.EXTERNAL, record.phone_sanitized)
            if record.phone_sanitized
            else parse_typed_number(record.phone, (countries.get((record._name, record.id)) or country).code or "")
            for record in records
        ]

    def _sort_out(self, records, numbers, listed=None):
        """Return why each record is not called, none for those who are.

        :rtype: list[zadarma_api.call_list.Reason | None]
        """
        self.ensure_one()
        candidates = [
            Candidate(number, self._is_do_not_call(record)) for record, number in zip(records, numbers, strict=True)
        ]
        found = {number.e164 for number in numbers if number.e164}
        return sort_out(
            candidates,
            own=self.company_id._zadarma_own_numbers(),
            blocked=self._find_blocked(found),
            listed=self._find_listed(found) if listed is None else listed,
        )

    @api.model
    def _is_do_not_call(self, record):
        """Tell whether somebody asked not to be called."""
        # sudo: res.partner, crm.lead - who asked not to be called is called by nobody, whatever they may see
        record_sudo = record.sudo()
        is_lead = record_sudo._name == "crm.lead"
        return record_sudo.zadarma_do_not_call or (is_lead and record_sudo.partner_id.zadarma_do_not_call)

    def _find_blocked(self, numbers):
        """Return those of some numbers that are blocked for the company."""
        patterns = {number: patterns_of(number) for number in numbers}
        # sudo: zadarma.blocked.number - that a number is blocked holds for all, whoever asks
        blocks_sudo = self.env["zadarma.blocked.number"].sudo()
        wanted = sorted({pattern for some in patterns.values() for pattern in some})
        domain = [("company_id", "=", self.company_id.id), ("number", "in", wanted)]
        blocked = set(blocks_sudo.search_fetch(domain, ["number"]).mapped("number"))
        return {number for number, some in patterns.items() if not blocked.isdisjoint(some)}

    def _find_listed(self, numbers):
        """Return those of some numbers that the list has already."""
        # sudo: zadarma.call.list.line - the list is the user's
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        domain = [("list_id", "=", self.id), ("number", "in", list(numbers)), ("state", "!=", "left_out")]
        return lines_sudo.search_fetch(domain, ["number"]).mapped("number")

    # === TAKING === #

    def _take(self):
        """Give the user somebody to call whom nobody else has: the one they have, else the next one.

        :return: the line, in superuser mode; none where nobody is left.
        :rtype: zadarma.call.list.line
        """
        self.ensure_one()
        self.check_access("read")
        mine = self._get_taken()
        if mine and (mine.call_id or not mine._leave_out()):
            return mine
        # sudo: zadarma.call.list.line - those who share a list take its lines
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        passed = locked = lines_sudo
        domain = self._get_free_domain()
        while candidates := lines_sudo.search(domain & Domain("id", "not in", passed.ids), limit=_FEW):
            # Whoever presses Next at the same moment holds a lock on their line, and gets another one than this.
            visible = self._filter_visible(candidates)
            line = visible and visible.try_lock_for_update(limit=1)
            if not line:
                passed |= candidates
                locked |= visible
            elif not line._leave_out():
                line.write({"user_id": self.env.uid, "taken_at": fields.Datetime.now()})
                return line
        if locked:
            # The last ones are being taken. By the user's own other request, perhaps: wait for it, and if it did take
            # one, Odoo repeats this request, which then finds it.
            self.env.execute_query(SQL("SELECT id FROM %s WHERE id IN %s FOR UPDATE", SQL(locked._table), locked._ids))
            return self._take()
        return locked

    def _get_taken(self):
        """Return the line that the user has, in superuser mode."""
        # sudo: zadarma.call.list.line - the user's own
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        domain = [("list_id", "=", self.id), ("state", "=", "todo"), ("user_id", "=", self.env.uid)]
        return lines_sudo.search(domain, limit=1)

    def _get_free_domain(self):
        """Return the domain of the lines that the user may take: nobody's by now, and due."""
        now = fields.Datetime.now()
        domain = Domain("list_id", "=", self.id) & Domain("state", "=", "todo")
        domain &= Domain("user_id", "=", False) | Domain("taken_at", "<", now - _TAKEN_FOR)
        domain &= Domain("postponed_until", "=", False) | Domain("postponed_until", "<=", now)
        return domain

    @api.model
    def _filter_visible(self, lines_sudo):
        """Return those lines whose contact and lead the user may see, few at a time: no index knows all of these."""
        return lines_sudo.filtered(
            lambda line: all(
                record.sudo(False).has_access("read") for record in (line.partner_id, line.lead_id) if record
            )
        )

    # === ACTIONS === #

    def action_start(self):
        """Open the page on which one calls."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.client",
            "tag": "zadarma_call_list",
            "name": self.name,
            "context": {"active_id": self.id},
        }

    @api.model
    def action_start_mine(self):
        """Open the page with the user's calls that are due.

        :raise UserError: where there are none.
        """
        call_list = self._make_of_activities()
        if not call_list.line_count:
            raise UserError(self.env._("No call activity of yours is due today. Schedule some on contacts or leads."))
        return call_list.action_start()

    def action_view_left_out(self):
        """Open the people who were left out, with the reasons."""
        domain = [("state", "=", "left_out")]
        return self._prepare_lines_action(self.env._("Left Out"), domain)

    def action_view_lines(self):
        """Open all people of the list."""
        return self._prepare_lines_action(self.env._("People"), [])

    def _prepare_lines_action(self, name, domain):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "zadarma.call.list.line",
            "views": [(False, "list")],
            "domain": [("list_id", "=", self.id), *domain],
        }
