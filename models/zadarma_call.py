import time
from datetime import timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.misc import format_amount

from ..zadarma_api.numbers import Kind, country_of, format_number

# A call of which nothing more was heard is over: nobody rings that long, nobody talks that long.
_RINGING_TIMEOUT = timedelta(minutes=15)
_TALKING_TIMEOUT = timedelta(hours=8)
_CLOSE_BATCH = 500
_MAX_MATCHES = 8
_MAX_DEALS = 3


def _naive(moment):
    """Return an aware moment as the ORM keeps it, none for none."""
    return moment and moment.astimezone(timezone.utc).replace(tzinfo=None, microsecond=0)


class ZadarmaCall(models.Model):
    """One call, as its notifications tell it."""

    _name = "zadarma.call"
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
        readonly=True, help="The other party's number in international form, or as received. Empty if withheld."
    )
    is_withheld = fields.Boolean(string="Number Withheld", readonly=True)
    own_number = fields.Char(readonly=True, help="The dialled number, or the one shown.")
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
    leg_ids = fields.One2many("zadarma.call.leg", "call_id", string="Extensions", readonly=True)
    date_start = fields.Datetime(string="Start", required=True, readonly=True)
    date_answer = fields.Datetime(string="Answered On", readonly=True)
    date_end = fields.Datetime(string="End", readonly=True)
    talking_since = fields.Datetime(readonly=True, help="When the answer was heard of; runs the timer of the popup.")
    waiting = fields.Integer(string="Waiting Time", readonly=True, help="Seconds until the answer or the end.")
    duration = fields.Integer(readonly=True, help="Seconds of talking, as Zadarma counts them.")
    is_missed = fields.Boolean(string="Missed", compute="_compute_is_missed", store=True)
    is_recorded = fields.Boolean(string="Recorded", readonly=True)
    recording_ref = fields.Char(string="Recording at Zadarma", readonly=True, help="Ids, separated by commas.")
    is_live = fields.Boolean(readonly=True, help="Shown to people while it went on.")
    is_timed_out = fields.Boolean(string="End Not Reported", readonly=True)

    _pbx_call_id_uniq = models.Constraint("UNIQUE (company_id, pbx_call_id)", "This call is there already.")
    _date_idx = models.Index("(company_id, date_start DESC, id DESC)")
    _open_idx = models.Index("(write_date) WHERE state != 'ended'")

    # === COMPUTE === #

    @api.depends("direction", "number", "is_withheld", "partner_id", "lead_id")
    def _compute_display_name(self):
        for call in self:
            who = call.partner_id.sudo().display_name or call.lead_id.sudo().name or call._get_number_display()
            if call.direction == "outbound":
                call.display_name = self.env._("Call to %(who)s", who=who)
            else:
                call.display_name = self.env._("Call from %(who)s", who=who)

    @api.depends("direction", "state", "result", "is_recorded", "talking_since")
    def _compute_is_missed(self):
        for call in self:
            # Of a call whose end was lost, an answer or a recording tells that somebody took it.
            was_taken = call.result == "answered" or (
                call.result == "unknown" and (call.is_recorded or call.talking_since)
            )
            call.is_missed = call.direction == "inbound" and call.state == "ended" and not was_taken

    # === CRUD === #

    def write(self, vals):
        """Override to remember that a person said who the caller is."""
        if {"partner_id", "lead_id"} & vals.keys() and "caller_state" not in vals:
            is_chosen = any(vals.get(name) for name in ("partner_id", "lead_id"))
            vals = {**vals, "caller_state": "chosen" if is_chosen else "unknown"}
        return super().write(vals)

    def _get_number_display(self):
        if self.is_withheld:
            return self.env._("Withheld number")
        return format_number(self.number) if self.number else self.env._("Unknown number")

    # === FROM THE FOLD === #

    @api.model
    def _is_beyond_events(self, company, pbx_call_id):
        """Tell whether a call is so old that its first notifications may be deleted; it stays as it is then."""
        call = self.search([("company_id", "=", company.id), ("pbx_call_id", "=", pbx_call_id)], limit=1)
        return bool(call) and call.create_date < fields.Datetime.now() - timedelta(days=company.zadarma_event_days)

    @api.model
    def _apply(self, company, state, is_live):
        """Make the call match what its notifications fold to, and tell the people concerned.

        :param res.company company: whose call.
        :param zadarma_api.fold.CallState state: what the call is.
        :param bool is_live: whether it goes on now; popups open only then.
        :return: the call.
        """
        call = self.search([("company_id", "=", company.id), ("pbx_call_id", "=", state.pbx_call_id)], limit=1)
        before = call._get_views()
        values = self._prepare_values(company, state, call)
        if call:
            call._write_changes(values)
        else:
            call = self.create({**values, "company_id": company.id, "pbx_call_id": state.pbx_call_id})
        call._apply_legs(state)
        call._identify()
        call._notify(before, is_live)
        return call

    def _prepare_values(self, company, state, call):
        """Return the values of a call for what its notifications fold to; the place to add one's own."""
        number = company._zadarma_parse_number(state.number)
        own_number = company._zadarma_parse_number(state.own_number)
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
            "date_start": _naive(state.started_at),
            "date_answer": _naive(state.answered_at),
            "date_end": call.date_end if is_timed_out else _naive(state.ended_at),
            "talking_since": _naive(state.talking_since),
            "waiting": state.waiting or 0,
            "duration": state.duration or 0,
            "is_recorded": state.is_recorded,
            "recording_ref": ",".join(state.recording_ids) or False,
        }

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
        number = self.company_id._zadarma_parse_number(self.number)
        country = self.company_id.country_id.code or ""
        self.env.flush_all()
        e164 = number.e164 if number.kind is Kind.EXTERNAL else ""
        caller = self.env["zadarma.caller"]._find(e164, self.company_id.id, country)
        partner = self.env["res.partner"].browse(caller.partner_id).exists()
        # Colleagues with one number stand for their company, unless that is archived or another company's.
        if partner and not (partner.active and partner.company_id in (self.company_id, self.env["res.company"])):
            partner, caller_state = self.env["res.partner"], "ambiguous"
        else:
            caller_state = "ambiguous" if caller.is_ambiguous else "found" if partner or caller.lead_id else "unknown"
        lead = self.env["crm.lead"].browse(caller.lead_id) or self._find_open_leads(partner)[:1]
        self._write_changes({"caller_state": caller_state, "partner_id": partner.id, "lead_id": lead.id})

    def _find_open_leads(self, partner, limit=1):
        """Return the open leads of a contact's company, the newest first."""
        leads = self.env["crm.lead"]
        if not partner or not leads.has_access("read"):
            return leads
        return leads.search(
            [
                ("partner_id", "child_of", partner.commercial_partner_id.id),
                ("company_id", "in", (False, self.sudo().company_id.id)),
                ("stage_id.is_won", "!=", True),
            ],
            order="id desc",
            limit=limit,
        )

    # === POPUPS === #

    def _get_views(self):
        """Return what each user who takes part sees of this call: the liveliest of their legs.

        :rtype: dict[res.users, str]
        """
        views = {}
        for leg in self.leg_ids.sorted(lambda leg: ("talking", "ringing", "ended").index(leg.state), reverse=True):
            if leg.user_id:
                views[leg.user_id] = leg.state
        return views

    def _notify(self, before, is_live):
        """Tell each user whose view of the call changed, on their own channel alone.

        :param dict before: :meth:`_get_views` before the change.
        :param bool is_live: whether popups may open; they may close in any case.
        """
        self.ensure_one()
        after = self._get_views()
        changed = {user: view for user, view in after.items() if before.get(user) != view}
        if not changed:
            return
        self.write({"revision": self.revision + 1, "is_live": self.is_live or (is_live and self.state != "ended")})
        for user, view in changed.items():
            opens = view != "ended" and is_live
            closes = view == "ended" and user in before
            if opens or closes:
                user._bus_send("zadarma.call", self._get_popup_values(user, view))

    def _notify_again(self):
        """Tell those who see the call that something about the caller changed."""
        self.ensure_one()
        self.revision += 1
        for user, view in self._get_views().items():
            if self.is_live and view != "ended":
                user._bus_send("zadarma.call", self._get_popup_values(user, view))

    def _get_popup_values(self, user, view=None):
        """Return what the popup of a user shows, read with that user's rights.

        :param res.users user: who sees it.
        :param str view: ``ringing``, ``talking`` or ``ended``; by default the user's present one.
        :rtype: dict
        """
        self.ensure_one()
        view = view or self._get_views().get(user, "ended")
        values = {"id": self.id, "revision": self.revision, "sent_at": time.time(), "state": view}
        if view == "ended":
            return {**values, **self._get_popup_end(user)}
        # sudo: zadarma.call - the user takes part in this call; what it links is read with their own rights below
        call_sudo = self.with_context(lang=user.lang, tz=user.tz).sudo()
        return {**values, **call_sudo._get_popup_call(view), **call_sudo._get_popup_caller(user)}

    def _get_popup_end(self, user):
        """Return why a popup closes, and how many calls the user has missed by now."""
        answered_by = self.user_id if self.state == "talking" or self.result == "answered" else False
        values = {"reason": "ended", "by": ""}
        if answered_by and answered_by != user:
            values = {"reason": "answered_elsewhere", "by": answered_by.name}
        elif self.is_missed:
            values["reason"] = "missed"
        if self.is_missed:
            values["missed"] = self.search_count(self.env["res.users"]._zadarma_missed_domain(user))
        return values

    def _get_popup_call(self, view):
        """Return the facts of the call itself."""
        now = fields.Datetime.now()
        country = self.env["res.country"]
        if self.number and (code := country_of(self.number)):
            country = country.search([("code", "=", code)], limit=1)
        return {
            "direction": self.direction,
            "number": self.number or "",
            "number_display": self._get_number_display(),
            "withheld": self.is_withheld,
            "country": country.code or "",
            "country_name": country.name or "",
            "own_number": bool(self.own_number)
            and {"number": format_number(self.own_number), "name": self.own_number_id.name or ""},
            "ringing_seconds": max(0, int((now - self.create_date).total_seconds())),
            "talking_seconds": view == "talking"
            and bool(self.talking_since)
            and max(0, int((now - self.talking_since).total_seconds())),
            "reason": "",
            "by": "",
        }

    def _get_popup_caller(self, user):
        """Return what the user may know of the caller."""
        own = self._as_user(user)
        # self.sudo(): the call is the user's own; its links are filtered by the user's rights
        partner = own.env["res.partner"].browse(self.sudo()._get_party().id)._filtered_access("read")
        lead = own.env["crm.lead"].browse(self.sudo().lead_id.id)._filtered_access("read")
        matches = own._get_matches() if self.caller_state == "ambiguous" else self.env["res.partner"]
        leads = (lead | own._find_open_leads(partner, limit=_MAX_DEALS))[:_MAX_DEALS]
        responsible = lead.user_id or partner.user_id or partner.commercial_partner_id.user_id
        return {
            "partner": bool(partner) and own._format_partner(partner),
            "lead": bool(lead) and {"id": lead.id, "name": lead.name or ""},
            "matches": [own._format_partner(match) for match in matches[:_MAX_MATCHES]],
            "matches_count": len(matches),
            "responsible": responsible.sudo().name or "",
            "deals": [own._format_deal(deal) for deal in leads],
            "last_call": own._get_last_call(partner),
            "can_create": not (partner or lead or matches or self.is_withheld or self.direction == "internal"),
        }

    def _get_party(self):
        """Return who is on the other side: the contact, or the colleague of an internal call."""
        if self.direction != "internal":
            return self.partner_id
        users = self._find_users(self.company_id, [self.number or ""])
        return users.get(self.number, self.env["res.users"]).partner_id

    def _as_user(self, user):
        """Return the call in the environment of a user, in the call's company."""
        return self.with_user(user).with_context(lang=user.lang, tz=user.tz, allowed_company_ids=self.company_id.ids)

    def _get_matches(self):
        """Return the contacts to choose from, those the user may see."""
        # sudo: zadarma.call - the call's own number; the search is the user's
        number, company = self.sudo().number, self.sudo().company_id
        domain = Domain("phone_sanitized", "=", number) & Domain("company_id", "in", (False, company.id))
        return self.env["res.partner"].search(domain, order="commercial_partner_id, id", limit=80)

    @api.model
    def _format_partner(self, partner):
        company = partner.commercial_company_name if partner.commercial_partner_id != partner else ""
        return {"id": partner.id, "name": partner.name or "", "company": company or ""}

    @api.model
    def _format_deal(self, lead):
        amount = ""
        if lead.expected_revenue:
            amount = format_amount(self.env, lead.expected_revenue, lead.company_currency)
        return {"id": lead.id, "name": lead.name or "", "stage": lead.stage_id.name or "", "amount": amount}

    def _get_last_call(self, partner):
        """Return the caller's call before this one, one that the user may see."""
        # sudo: zadarma.call - this call's own number; the search is the user's
        number, company = self.sudo().number, self.sudo().company_id
        calls = self.browse()
        if (partner or number) and calls.has_access("read"):
            same = Domain("partner_id", "=", partner.id) if partner else Domain("number", "=", number)
            others = Domain("id", "!=", self.id) & Domain("state", "=", "ended") & Domain("company_id", "=", company.id)
            calls = self.search(same & others, limit=1)
        return bool(calls) and {
            "date": fields.Datetime.to_string(calls.date_start),
            "label": calls._get_result_label(),
            "user": calls.user_id.sudo().name or "",
        }

    def _get_result_label(self):
        if self.is_missed:
            return self.env._("Missed")
        return dict(self._fields["result"]._description_selection(self.env)).get(self.result, "")

    # === RPC OF THE WEB CLIENT === #

    @api.model
    def get_popup_state(self):
        """Return the user's live calls and all else that the popups need; see ``static/src/call_service``.

        :rtype: dict
        """
        user = self.env.user
        # sudo: zadarma.extension, zadarma.call - one's own extensions and the calls that ring there
        is_enabled = bool(self.env["zadarma.extension"].sudo().search_count([("user_id", "=", user.id)], limit=1))
        state = {
            "now": time.time(),
            "enabled": is_enabled,
            "popup": user.zadarma_popup,
            "sound": user.zadarma_sound,
            "missed": 0,
            "calls": [],
        }
        if is_enabled:
            calls_sudo = self.sudo().search(self._get_live_domain(user))
            state["missed"] = self.sudo().search_count(self.env["res.users"]._zadarma_missed_domain(user))
            state["calls"] = [call._get_popup_values(user) for call in calls_sudo]
        return state

    @api.model
    def _get_live_domain(self, user):
        return [
            ("state", "!=", "ended"),
            ("is_live", "=", True),
            ("leg_ids", "any", [("user_id", "=", user.id), ("state", "!=", "ended")]),
            ("company_id", "in", user.company_ids.ids),
        ]

    def _check_takes_part(self):
        """Let people act on calls they took part in, and supervisors on all.

        :raise AccessError: otherwise.
        """
        self.ensure_one()
        self.check_access("read")

    def action_open_record(self):
        """Open the caller's contact, else their lead, else the call."""
        self._check_takes_part()
        partner, lead = self.partner_id._filtered_access("read"), self.lead_id._filtered_access("read")
        record = partner or lead or self
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
        }

    def action_choose_partner(self, partner_id):
        """Remember who of several contacts with this number is calling.

        :param int partner_id: one of those offered.
        :return: what the popup shows now.
        """
        self._check_takes_part()
        partner = self.env["res.partner"].browse(partner_id).exists()
        partner.check_access("read")
        if not partner or partner not in self._get_matches():
            raise UserError(self.env._("This contact does not have the number of the call. Choose another one."))
        # sudo: zadarma.call - whoever takes part in a call may say who the caller is
        call_sudo = self.sudo()
        lead = call_sudo.lead_id or call_sudo._find_open_leads(partner)
        call_sudo.write({"partner_id": partner.id, "lead_id": lead.id})
        call_sudo._notify_again()
        return self._get_popup_values(self.env.user)

    def action_create_partner(self):
        """Open the form of a new contact with the caller's number; saving it links the call."""
        self._check_takes_part()
        return self._prepare_create_action("res.partner", {"default_phone": self._get_number_display()})

    def action_create_lead(self):
        """Open the form of a new opportunity with the caller's number; saving it links the call."""
        self._check_takes_part()
        return self._prepare_create_action(
            "crm.lead",
            {
                "default_phone": self._get_number_display(),
                "default_name": self.display_name,
                "default_type": "lead" if self.env.user.has_group("crm.group_use_lead") else "opportunity",
                "default_user_id": self.env.uid,
            },
        )

    def _prepare_create_action(self, model, defaults):
        if self.is_withheld or not self.number:
            raise UserError(self.env._("The caller withheld their number. Create the record from its own app."))
        return {
            "type": "ir.actions.act_window",
            "res_model": model,
            "views": [(False, "form")],
            "target": "current",
            "context": {**defaults, "default_company_id": self.company_id.id, "zadarma_call_id": self.id},
        }

    def _link_created(self, partner=None, lead=None):
        """Link the record that was created for this call, if the call is the user's and still has none."""
        call = self.exists()
        if not call or not call.has_access("read"):
            return
        # sudo: zadarma.call - whoever takes part in a call may say who the caller is
        call_sudo = call.sudo()
        values = {}
        # Only the record with the caller's number: a form may create others on the way, a company for its contact.
        if partner and partner.phone_sanitized == call_sudo.number and not call_sudo.partner_id:
            values["partner_id"] = partner.id
        if lead and lead.phone_sanitized == call_sudo.number and not call_sudo.lead_id:
            values["lead_id"] = lead.id
        if values:
            call_sudo.write(values)
            call_sudo._notify_again()

    @api.model
    def action_open_missed(self):
        """Open the calls the user missed, and count from now on anew."""
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["context"] = {"search_default_missed": 1, "search_default_my_legs": 1}
        # sudo: res.users - one's own mark of what one has seen
        self.env.user.sudo().zadarma_missed_seen_at = fields.Datetime.now()
        return action

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
            call.write({"state": "ended", "result": "unknown", "is_timed_out": True, "date_end": now})
            call.leg_ids.write({"state": "ended"})
            call._notify(before, is_live=False)
        return min(len(silent), _CLOSE_BATCH), len(silent) > _CLOSE_BATCH
