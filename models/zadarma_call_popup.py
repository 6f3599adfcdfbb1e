import time
from datetime import datetime, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools.misc import format_amount

from ..zadarma_api.numbers import country_of

_MAX_MATCHES = 8
_MAX_DEALS = 3


def seconds_since(moment):
    """Return the seconds since a moment of the database, to the fraction: a timer that is read again goes on as it was.

    :rtype: float
    """
    return max(0.0, (datetime.now(timezone.utc).replace(tzinfo=None) - moment).total_seconds())


class ZadarmaCall(models.Model):
    """What people see of a call while it goes on, and what they do from there."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    # === WHAT IS TOLD === #

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
        self._tell_board(is_live)
        after = self._get_views()
        if self.is_blocked:
            after = dict.fromkeys(before, "ended") if self.is_live else {}
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
        """Return why a popup closes."""
        answered_by = self.user_id if self.state == "talking" or self.result == "answered" else False
        values = {"reason": "ended", "by": ""}
        if answered_by and answered_by != user:
            values = {"reason": "answered_elsewhere", "by": answered_by.name}
        elif self.is_missed:
            values["reason"] = "missed"
        if self._asks(user):
            values["asked"] = self._get_outcome_values(user)
        return values

    def _get_popup_call(self, view):
        """Return the facts of the call itself."""
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
            and {"number": self.own_number_display, "name": self.own_number_id.name or ""},
            "ringing_seconds": seconds_since(self.create_date),
            "talking_seconds": view == "talking" and bool(self.talking_since) and seconds_since(self.talking_since),
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
        # A call soon after a lead was closed belongs to it still.
        is_open = lead.active and not lead.stage_id.is_won
        open_leads = own._find_open_leads(self.sudo().company_id, partner, limit=_MAX_DEALS)
        leads = ((lead if is_open else lead.browse()) | open_leads)[:_MAX_DEALS]
        responsible = lead.user_id or partner.user_id or partner.commercial_partner_id.user_id
        return {
            "partner": bool(partner) and own._format_partner(partner),
            "lead": bool(lead) and {"id": lead.id, "name": self._get_lead_caller(lead)},
            "matches": [own._format_partner(match) for match in matches[:_MAX_MATCHES]],
            "matches_count": len(matches),
            "responsible": responsible.sudo().name or "",
            "deals": [own._format_deal(deal) for deal in leads],
            "last_call": own._get_last_call(partner),
            "can_block": self._has_outside_number() and self.company_id.zadarma_block_numbers,
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
            "player": calls._get_players().get(calls.id, []),
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
        phones = [("user_id", "=", user.id), ("company_id.zadarma_secret", "!=", False)]
        is_enabled = bool(self.env["zadarma.extension"].sudo().search_count(phones, limit=1))
        state = {
            "now": time.time(),
            "enabled": is_enabled,
            "popup": user.zadarma_popup,
            "sound": user.zadarma_sound,
            "dnd": user.zadarma_dnd,
            "can_dial": bool(self.env["zadarma.dialler"]._get_extension()),
            "webphone": bool(self.env["zadarma.webphone"]._get_extension()),
            "missed": 0,
            "calls": [],
            "asked": [],
        }
        if is_enabled:
            calls_sudo = self.sudo().search(self._get_live_domain(user))
            state["missed"] = user._zadarma_count_missed()
            state["calls"] = [call._get_popup_values(user) for call in calls_sudo]
            state["asked"] = [call._get_outcome_values(user) for call in self.sudo()._get_asked_calls(user)]
        return state

    @api.model
    def _get_live_domain(self, user):
        return [
            ("state", "!=", "ended"),
            ("is_live", "=", True),
            ("is_blocked", "=", False),
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
        lead = call_sudo.lead_id or call_sudo._find_open_leads(call_sudo.company_id, partner)
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
