from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.fields import Domain

from ..zadarma_api.numbers import Kind, format_number, parse_number

# A call of which nothing more was heard is over: nobody rings that long, nobody talks that long.
_RINGING_TIMEOUT = timedelta(minutes=15)
_TALKING_TIMEOUT = timedelta(hours=8)
_CLOSE_BATCH = 500
_CONSEQUENTIAL_FIELDS = ("state", "result", "duration", "user_id", "is_recorded", "recording_ref", "is_blocked")


def _naive(moment):
    """Return an aware moment as the ORM keeps it, none for none."""
    return moment and moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


class ZadarmaCall(models.Model):
    """One call, as its notifications tell it."""

    _name = "zadarma.call"
    _inherit = ["zadarma.numbered", "zadarma.sealed"]
    _description = "Zadarma Call"
    _order = "date_start desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    pbx_call_id = fields.Char(string="Call ID at Zadarma", readonly=True, copy=False)
    revision = fields.Integer(readonly=True, help="Grows with every change that people are told of.")
    direction = fields.Selection(
        [("inbound", "Inbound"), ("outbound", "Outbound"), ("internal", "Internal")], required=True, readonly=True
    )
    state = fields.Selection(
        [("ringing", "Ringing"), ("talking", "Talking"), ("ended", "Ended")], required=True, readonly=True
    )
    result = fields.Selection(
        [
            ("answered", "Answered"),
            ("no_answer", "No answer"),
            ("cancelled", "Cancelled"),
            ("busy", "Busy"),
            ("failed", "Failed"),
            ("no_money", "No money on the account"),
            ("unallocated", "Number does not exist"),
            ("limit", "Limit reached"),
            ("other", "Other"),
            ("unknown", "Unknown"),
        ],
        readonly=True,
    )
    disposition = fields.Char(string="Result at Zadarma", readonly=True)
    number = fields.Char(
        index="trigram",
        readonly=True,
        help="The other party's number in international form, or as received. Empty if withheld.",
    )
    is_withheld = fields.Boolean(string="Number Withheld", readonly=True)
    party_name = fields.Char(string="Contact Name", compute="_compute_party_name")
    own_number = fields.Char(readonly=True, help="The dialled number, or the one shown.")
    own_number_display = fields.Char(string="Own Number as Written", compute="_compute_own_number_display")
    own_number_id = fields.Many2one(
        "zadarma.number", string="Zadarma Number", readonly=True, ondelete="set null", index="btree_not_null"
    )
    # Not checked against the company: merging contacts must never cost a call.
    partner_id = fields.Many2one("res.partner", string="Contact", ondelete="set null", index="btree_not_null")
    lead_id = fields.Many2one("crm.lead", ondelete="set null", index="btree_not_null")
    caller_state = fields.Selection(
        [
            ("unknown", "Unknown"),
            ("found", "Found by number"),
            ("ambiguous", "Several contacts"),
            ("chosen", "Chosen by a person"),
        ],
        string="Caller",
        default="unknown",
        required=True,
        readonly=True,
    )
    user_id = fields.Many2one(
        "res.users",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
        help="Who talked, or the only one who rang.",
    )
    answered_by = fields.Char(
        string="Answered By Extension", readonly=True, help="The extension that talked, the last one after a transfer."
    )
    leg_ids = fields.One2many("zadarma.call.leg", "call_id", string="Extensions", readonly=True)
    date_start = fields.Datetime(string="Start", required=True, readonly=True)
    date_answer = fields.Datetime(string="Answered On", readonly=True)
    date_end = fields.Datetime(string="End", readonly=True)
    talking_since = fields.Datetime(readonly=True, help="When the answer was heard of; runs the timer of the popup.")
    waiting = fields.Integer(string="Waiting Time", readonly=True, help="Seconds until the answer or the end.")
    duration = fields.Integer(readonly=True, help="Seconds of talking, as Zadarma counts them.")
    is_recorded = fields.Boolean(string="Recorded", readonly=True)
    recording_ref = fields.Char(string="Recording at Zadarma", readonly=True, help="Ids, separated by commas.")
    is_live = fields.Boolean(readonly=True, help="Shown to people while it went on.")
    is_timed_out = fields.Boolean(string="End Not Reported", readonly=True)

    _pbx_call_id_uniq = models.Constraint("UNIQUE (company_id, pbx_call_id)", "This call is there already.")
    _date_idx = models.Index("(company_id, date_start DESC, id DESC)")
    _open_idx = models.Index("(write_date) WHERE state != 'ended'")

    # === COMPUTE === #

    @api.depends("number", "is_withheld", "partner_id", "lead_id")
    def _compute_party_name(self):
        for call in self:
            call.party_name = call._get_party_name()

    @api.depends("direction", "party_name")
    def _compute_display_name(self):
        for call in self:
            who = call.party_name
            if call.direction == "outbound":
                call.display_name = self.env._("Call to %(who)s", who=who)
            else:
                call.display_name = self.env._("Call from %(who)s", who=who)

    @api.depends("own_number")
    def _compute_own_number_display(self):
        for call in self:
            call.own_number_display = call.own_number and format_number(call.own_number)

    # === CRUD === #

    def write(self, vals):
        """Override to remember that a person said who the caller is."""
        result = super().write(vals)
        if {"partner_id", "lead_id"} & vals.keys() and "caller_state" not in vals:
            is_chosen = any(vals.get(name) for name in ("partner_id", "lead_id"))
            # sudo: zadarma.call - follows from what was written with the user's rights
            self.sudo().caller_state = "chosen" if is_chosen else "unknown"
        return result

    def _get_party_name(self):
        """Return who is on the other side: the contact, the person or deal of the lead, else the number."""
        # sudo: zadarma.call - the name of who called is for everybody who sees the call
        partner_sudo, lead_sudo = self.partner_id.sudo(), self.lead_id.sudo()
        return partner_sudo.display_name or self._get_lead_caller(lead_sudo) or self._get_number_display()

    def _get_lead_caller(self, lead):
        """Return the person or the deal of a lead, nothing of one that is still called after the number."""
        title = lead.name or ""
        return lead.contact_name or lead.partner_name or (title if self._get_number_display() not in title else "")

    def _get_number_display(self):
        if self.is_withheld:
            return self.env._("Withheld number")
        return self.number_display or self.env._("Unknown number")

    def _get_responsible_user(self):
        """Return who answers for the other party: the lead's user, else the contact's, else its company's, else the
        one for the dialled number, else the default; an active user of the call's company, or nobody.
        """
        self.ensure_one()
        # sudo: zadarma.call - who is responsible does not depend on who asks
        call_sudo = self.sudo()
        company, partner = call_sudo.company_id, call_sudo.partner_id
        candidates = (
            call_sudo.lead_id.user_id,
            partner.user_id,
            partner.commercial_partner_id.user_id,
            call_sudo.own_number_id.user_id,
            company.zadarma_default_user_id,
        )
        users = (user for user in candidates if user.active and not user.share and company in user.company_ids)
        return next(users, self.env["res.users"]).with_env(self.env)

    # === FROM THE FOLD === #

    def _has_lost_events(self):
        """Tell whether the call is so old that its first notifications may be deleted; it stays as it is then."""
        lasting = timedelta(days=self.company_id.zadarma_event_days)
        return bool(self) and self.create_date < fields.Datetime.now() - lasting

    def _apply(self, company, state, is_live):
        """Make the call match what its notifications fold to, and tell the people concerned; create it, if need be.

        What follows from the call besides is for :meth:`_settle_call`, once this is committed.

        :param res.company company: whose call.
        :param zadarma_api.fold.CallState state: what the call is.
        :param bool is_live: whether it goes on now; popups open only then.
        :return: the call.
        """
        call = self
        before, facts, stage = call._get_views(), call._get_facts(), call.request_stage
        state = call._with_statistics(company, state)
        if call:
            call._write_changes(call._prepare_values(company, state, call))
            call._identify()
        else:
            values = self._prepare_new_values(company, state)
            if values["number"] and values["direction"] != "internal":
                values |= self._prepare_caller_values(company, values["number"])
            call = self.create({**values, "company_id": company.id, "pbx_call_id": state.pbx_call_id})
        call._apply_legs(state)
        if call.state != "ringing" and call._get_facts() != facts:
            call.is_settled = False
        call._notify(before, is_live)
        if call.request_stage != stage and call._get_views() == before:
            call._notify_again()
        return call

    @api.model
    def _find_by_id_at_zadarma(self, company_id, pbx_call_id):
        """Return the call that Zadarma tells of under an id; one made by a click may have two."""
        call = self.env["zadarma.call.alias"]._find_call(company_id, pbx_call_id)
        return call or self.search([("company_id", "=", company_id), ("pbx_call_id", "=", pbx_call_id)], limit=1)

    def _get_facts(self):
        """Return what consequences may depend on, besides the caller."""
        return [self._get_raw(name) for name in _CONSEQUENTIAL_FIELDS] if self else []

    def _prepare_values(self, company, state, call):
        """Return the values of a call for what its notifications fold to; the place to add one's own."""
        country = company._zadarma_country_code()
        number, own_number = parse_number(state.number, country), parse_number(state.own_number, country)
        # Once closed for lack of news, only news of its end change that.
        is_timed_out = call.is_timed_out and state.state != "ended"
        return {
            "direction": state.direction,
            "state": "ended" if is_timed_out else state.state,
            "result": "unknown" if is_timed_out else state.result or False,
            "is_timed_out": is_timed_out,
            "disposition": state.disposition or False,
            "number": number.e164 or (number.raw if number.kind is Kind.UNKNOWN else False) or False,
            "is_withheld": number.kind is Kind.WITHHELD,
            "own_number": own_number.e164 or own_number.raw or False,
            "own_number_id": self._find_own_number(company, own_number.e164).id,
            "user_id": self._find_user(company, state).id,
            "answered_by": state.answered_by or False,
            "date_start": _naive(state.started_at),
            "date_answer": _naive(state.answered_at),
            "date_end": call.date_end if is_timed_out else _naive(state.ended_at),
            "talking_since": _naive(state.talking_since),
            "waiting": state.waiting or 0,
            "duration": state.duration or 0,
            "is_recorded": state.is_recorded,
            "recording_ref": ",".join(state.recording_ids) or False,
        }

    @api.model
    def _prepare_new_values(self, company, state):
        """Return the values of a call that is not there yet; the place to add what is computed otherwise."""
        return self._prepare_values(company, state, self.browse())

    def _write_changes(self, values):
        """Write only what differs, so that a repetition changes nothing."""
        self.ensure_one()
        changed = {name: value for name, value in values.items() if self._get_raw(name) != (value or False)}
        if changed:
            self.write(changed)

    def _get_raw(self, name):
        """Return a field's value as :meth:`write` takes it, false for nothing."""
        value = self[name]
        return (value.id if isinstance(value, models.BaseModel) else value) or False

    @api.model
    def _find_own_number(self, company, e164):
        return self.env["zadarma.number"].search([("company_id", "=", company.id), ("number", "=", e164)], limit=1)

    @api.model
    def _find_user(self, company, state):
        """Return who talked; else the only one who rang; else nobody."""
        users = self._find_users(company, [leg.extension for leg in state.legs])
        if state.answered_by:
            return users.get(state.answered_by, self.env["res.users"])
        rung = self.env["res.users"].union(*users.values())
        return rung if len(rung) == 1 else self.env["res.users"]

    @api.model
    def _find_users(self, company, numbers):
        """Return users by extension: of active extensions, active users who work for the company.

        :rtype: dict[str, res.users]
        """
        extensions = self.env["zadarma.extension"].search(
            [("company_id", "=", company.id), ("number", "in", numbers), ("user_id.active", "=", True)]
        )
        return {
            extension.number: extension.user_id for extension in extensions if company in extension.user_id.company_ids
        }

    def _apply_legs(self, state):
        """Make the legs match; whose extension it was is kept from when it first rang."""
        self.ensure_one()
        users = self._find_users(self.company_id, [leg.extension for leg in state.legs])
        known = self.leg_ids.grouped("extension")
        for leg in state.legs:
            values = {
                "state": "ended" if self.state == "ended" else leg.state,
                "answered": leg.answered,
                "transfer_from": leg.transfer_from or False,
            }
            if leg.extension not in known:
                user = users.get(leg.extension, self.env["res.users"])
                self.leg_ids.create({"call_id": self.id, "extension": leg.extension, "user_id": user.id, **values})
            elif any(known[leg.extension][name] != value for name, value in values.items()):
                known[leg.extension].write(values)

    def _identify(self):
        """Link the caller's contact and open lead, once; what a person chose stays."""
        self.ensure_one()
        if self.direction == "internal" or self.caller_state not in ("unknown", "ambiguous") or not self.number:
            return
        self._write_changes(self._prepare_caller_values(self.company_id, self.number))

    @api.model
    def _prepare_caller_values(self, company, number):
        """Return who has a number now, as values of a call."""
        parsed = company._zadarma_parse_number(number)
        self.env.flush_all()
        e164 = parsed.e164 if parsed.kind is Kind.EXTERNAL else ""
        caller = self.env["zadarma.caller"]._find(e164, company.id, company._zadarma_country_code())
        partner = self.env["res.partner"].browse(caller.partner_id).exists()
        partner.fetch(["active", "company_id", "commercial_partner_id"])
        partner, caller_state = self._accept_caller(company, caller, partner)
        lead = self.env["crm.lead"].browse(caller.lead_id) or self._find_open_leads(company, partner)
        return {"caller_state": caller_state, "partner_id": partner.id, "lead_id": lead.id}

    @api.model
    def _accept_caller(self, company, caller, partners):
        """Return the contact to link for a caller, and how sure that is.

        :param res.partner partners: those that exist, the caller's among them.
        :rtype: tuple[res.partner, str]
        """
        partner = partners.browse(caller.partner_id if caller.partner_id in partners._ids else ()).with_prefetch(
            partners._prefetch_ids
        )
        # Colleagues with one number stand for their company, unless that is archived or another company's.
        if partner and not (partner.active and partner.company_id in (company, self.env["res.company"])):
            return self.env["res.partner"], "ambiguous"
        return partner, "ambiguous" if caller.is_ambiguous else "found" if partner or caller.lead_id else "unknown"

    @api.model
    def _find_open_leads(self, company, partner, limit=1):
        """Return the open leads of a contact's company, the newest first."""
        leads = self.env["crm.lead"]
        if not partner or not leads.has_access("read"):
            return leads
        return leads.search(
            [
                ("partner_id", "child_of", partner.commercial_partner_id.id),
                ("company_id", "in", (False, company.id)),
                ("stage_id.is_won", "!=", True),
            ],
            order="id desc",
            limit=limit,
        )

    # === CRON === #

    @api.model
    def _cron_close_silent(self):
        """Close calls of which nothing more was heard; see :meth:`_close_silent_calls`."""
        closed, is_more = self._close_silent_calls()
        self.env["ir.cron"]._commit_progress(closed, remaining=int(is_more))

    @api.model
    def _close_silent_calls(self):
        """Close a batch of calls of which nothing more was heard; a late end, or the statistics, still correct them.

        :return: how many were closed, and whether there are more.
        :rtype: tuple[int, bool]
        """
        now = fields.Datetime.now()
        silent = self.search(
            Domain("state", "=", "ringing") & Domain("write_date", "<", now - _RINGING_TIMEOUT)
            | Domain("state", "=", "talking") & Domain("write_date", "<", now - _TALKING_TIMEOUT),
            order="id",
            limit=_CLOSE_BATCH + 1,
        )
        for call in silent[:_CLOSE_BATCH]:
            before = call._get_views()
            call.write(
                {"state": "ended", "result": "unknown", "is_timed_out": True, "date_end": now, "is_settled": False}
            )
            call.leg_ids.write({"state": "ended"})
            call._notify(before, is_live=False)
        return min(len(silent), _CLOSE_BATCH), len(silent) > _CLOSE_BATCH
