from odoo import fields, models
from odoo.fields import Domain

from ..zadarma_api.creation import Facts, Reason, decide
from ..zadarma_api.numbers import Kind, country_of


class ZadarmaCall(models.Model):
    """What the call of a new customer creates: a contact, a lead or an opportunity."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    has_created = fields.Boolean(
        string="New Customer", readonly=True, copy=False, help="This call created a contact, a lead or an opportunity."
    )

    # The calls of a caller, also of one who was unknown when they came.
    _number_idx = models.Index("(company_id, number, id) WHERE number IS NOT NULL")

    def _create_records(self):
        """Create what the company wants for new customers, once a call and one thing a caller; link who is known.

        Runs under the caller's lock: of calls that come together, the second one finds what the first one created.
        """
        if not self.company_id.zadarma_create_records or self.has_created or not self._is_recent():
            return
        self._identify()
        open_lead = self.lead_id or self._find_open_lead()
        closed_lead = self._find_closed_lead() if not open_lead else open_lead.browse()
        decision = decide(self._get_creation_facts(open_lead, closed_lead), self.company_id._zadarma_creation_rule())
        if decision:
            self._create_for(decision)
        elif decision.reason in (Reason.OPEN_LEAD, Reason.CLOSED_LEAD) and not self.lead_id:
            lead = open_lead or closed_lead
            self._link_party(self.partner_id or lead.partner_id.filtered(self._is_in_company), lead)

    def _create_for(self, decision):
        """Create what was decided, and link the call to it."""
        user, partner, lead = self._get_creation_user(), self.partner_id, self.lead_id
        if decision.contact:
            partner = self._create_contact(user)
        if decision.lead:
            lead = self._create_lead(decision.lead, partner, user)
        self._link_party(partner, lead)
        self.has_created = True

    def _link_party(self, partner, lead):
        """Link the call; what a person chose stays chosen."""
        caller_state = "chosen" if self.caller_state == "chosen" else "found"
        self.write({"partner_id": partner.id, "lead_id": lead.id, "caller_state": caller_state})

    def _is_in_company(self, record):
        """Tell whether a record is the call's company's, or that of all."""
        return record.company_id in (record.company_id.browse(), self.company_id)

    def _get_creation_facts(self, open_lead, closed_lead):
        """Return what the rule needs to know of this call.

        :rtype: zadarma_api.creation.Facts
        """
        number = self.company_id._zadarma_parse_number(self.number)
        closed_on = closed_lead.date_closed or closed_lead.write_date
        return Facts(
            direction=self.direction,
            is_taken=self._is_taken(),
            number=number.e164 if number.kind is Kind.EXTERNAL else "",
            is_withheld=self.is_withheld,
            is_blocked=self.is_blocked,
            is_own=self._is_own_party(),
            is_ambiguous=self.caller_state == "ambiguous",
            has_contact=bool(self.partner_id),
            has_open_lead=bool(open_lead),
            closed_days=(fields.Datetime.now() - closed_on).days if closed_on else None,
        )

    def _is_taken(self):
        """Tell whether the two parties talk or talked."""
        if self.direction == "inbound" and self.state == "ended":
            return not self.is_missed
        return self.state == "talking" or self.result == "answered"

    def _is_own_party(self):
        """Tell whether the other party is the company itself: its numbers, its people."""
        partner = self.partner_id
        return (
            (bool(partner) and partner.commercial_partner_id == self.company_id.partner_id.commercial_partner_id)
            or any(not user.share for user in partner.user_ids)
            or self.number in self.company_id._zadarma_own_numbers()
        )

    def _find_open_lead(self):
        """Return the caller's open lead: the number's, else the contact's, else that of the caller's last calls.

        The last one serves where somebody has put another number into the lead since.
        """
        is_open = Domain("active", "=", True) & Domain("stage_id.is_won", "!=", True)
        return self._search_leads(is_open, "id desc") or self._find_lead_of_last_calls(is_open)

    def _find_closed_lead(self):
        """Return the caller's lead that was won or lost last."""
        is_closed = Domain("active", "=", False) | Domain("stage_id.is_won", "=", True)
        return self._search_leads(is_closed, "date_closed desc nulls last, id desc") or self._find_lead_of_last_calls(
            is_closed
        )

    def _search_leads(self, state, order):
        """Return the first lead of the call's number, else of its contact."""
        leads = self.env["crm.lead"].with_context(active_test=False)
        here = Domain("company_id", "in", (False, self.company_id.id)) & state
        if not self.number:
            return leads
        lead = leads.search(here & Domain("phone_sanitized", "=", self.number), order=order, limit=1)
        if not lead and self.partner_id:
            entity = self.partner_id.commercial_partner_id
            lead = leads.search(here & Domain("partner_id", "child_of", entity.id), order=order, limit=1)
        return lead

    def _find_lead_of_last_calls(self, state):
        """Return the lead to which the last call of this number belonged, if it is in a state."""
        if not self.number:
            return self.env["crm.lead"]
        domain = [
            ("company_id", "=", self.company_id.id),
            ("number", "=", self.number),
            ("id", "!=", self.id),
            ("lead_id", "!=", False),
        ]
        return self.search(domain, limit=1).lead_id.filtered_domain(state)

    # === WHAT IS CREATED === #

    def _get_creation_user(self):
        """Return who gets a new customer: the salesperson who talked or called, else whoever is responsible.

        :return: nobody where new customers wait in a pool.
        """
        talked = self.user_id if self._is_taken() or self.direction == "outbound" else self.env["res.users"]
        # Somebody at the reception would not see a lead of their own.
        if (
            talked.active
            and self.company_id in talked.company_ids
            and talked.has_group("sales_team.group_sale_salesman")
        ):
            return talked
        return self._get_responsible_user()

    def _create_contact(self, user):
        """Create a contact for the caller."""
        return self._in_language_of(user).env["res.partner"].create(self._prepare_contact_values(user))

    def _prepare_contact_values(self, user):
        """Return the values of a new contact; the number is its name until somebody knows better."""
        return {
            "name": self.number_display,
            "phone": self.number_display,
            "country_id": self._get_country().id,
            "company_id": self.company_id.id,
            "user_id": user.id,
            "lang": self.own_number_id.lang_id.code or self.company_id.partner_id.lang,
            "type": "contact",
        }

    def _create_lead(self, lead_type, partner, user):
        """Create a lead or an opportunity for the caller; whoever talked need not be told of it."""
        call = self._in_language_of(user).with_context(mail_auto_subscribe_no_notify=user == self.user_id)
        return call.env["crm.lead"].create(call._prepare_lead_values(lead_type, partner, user))

    def _prepare_lead_values(self, lead_type, partner, user):
        """Return the values of a new lead, explicitly: whoever creates it here is nobody in particular."""
        company, number = self.company_id, self.own_number_id
        # Without a team the one of the user is taken, and without both Odoo's own assignment gives it to somebody.
        team = number.team_id.filtered("active") or company.zadarma_team_id.filtered("active")
        source = number.source_id or company.zadarma_source_id
        medium = number.medium_id or company.zadarma_medium_id
        values = {
            "name": self._get_lead_name(),
            "type": lead_type,
            "partner_id": partner.id,
            "user_id": user.id,
            "company_id": company.id,
            "source_id": (source or self.env.ref("zadarma.utm_source_phone", raise_if_not_found=False) or source).id,
            "medium_id": (medium or self.env.ref("utm.utm_medium_phone", raise_if_not_found=False) or medium).id,
        }
        if team or not user:
            values["team_id"] = team.id
        # A contact has its own; what is said here of a lead with a contact would change the contact.
        if not partner:
            values["phone"] = self.number_display
            values["country_id"] = self._get_country().id
            values["lang_id"] = number.lang_id.id
        return values

    def _get_lead_name(self):
        if self.direction == "outbound":
            return self.env._("Call to %(number)s", number=self.number_display)
        return self.env._("Call from %(number)s", number=self.number_display)

    def _get_country(self):
        """Return the country of the caller's number."""
        code = country_of(self.number)
        return self.env["res.country"].search([("code", "=", code)], limit=1) if code else self.env["res.country"]

    def _in_language_of(self, user):
        """Return the call in the language of who will read what it creates."""
        return self.with_context(lang=user.lang or self.company_id.partner_id.lang or self.env.lang)
