from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL

from ..zadarma_api.creation import CallKind, Facts, Reason, preview

_DAYS = 30
# The newest calls of these days, where there are very many.
_MAX_CALLS = 50_000
_SETTINGS = (
    "zadarma_create_type",
    "zadarma_create_incoming_answered",
    "zadarma_create_incoming_missed",
    "zadarma_create_outgoing_answered",
    "zadarma_create_outgoing_unanswered",
    "zadarma_create_for_contacts",
    "zadarma_create_after_days",
)


class ZadarmaCreationWizard(models.TransientModel):
    """What calls of new customers create: the choices, in words, and what they would have done lately."""

    _name = "zadarma.creation.wizard"
    _description = "Zadarma New Customers"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, readonly=True, ondelete="cascade"
    )
    zadarma_create_type = fields.Selection(related="company_id.zadarma_create_type", readonly=False)
    zadarma_create_incoming_answered = fields.Boolean(
        related="company_id.zadarma_create_incoming_answered", readonly=False
    )
    zadarma_create_incoming_missed = fields.Boolean(related="company_id.zadarma_create_incoming_missed", readonly=False)
    zadarma_create_outgoing_answered = fields.Boolean(
        related="company_id.zadarma_create_outgoing_answered", readonly=False
    )
    zadarma_create_outgoing_unanswered = fields.Boolean(
        related="company_id.zadarma_create_outgoing_unanswered", readonly=False
    )
    zadarma_create_for_contacts = fields.Boolean(related="company_id.zadarma_create_for_contacts", readonly=False)
    zadarma_create_after_days = fields.Integer(related="company_id.zadarma_create_after_days", readonly=False)
    zadarma_team_id = fields.Many2one(related="company_id.zadarma_team_id", readonly=False)
    zadarma_source_id = fields.Many2one(related="company_id.zadarma_source_id", readonly=False)
    zadarma_medium_id = fields.Many2one(related="company_id.zadarma_medium_id", readonly=False)
    summary = fields.Html(compute="_compute_summary")
    preview = fields.Html(compute="_compute_preview")

    @api.depends(*_SETTINGS, "zadarma_team_id")
    def _compute_summary(self):
        for wizard in self:
            values = {"sentences": wizard._get_sentences()}
            wizard.summary = self.env["ir.qweb"]._render("zadarma.zadarma_creation_summary", values)

    @api.depends(*_SETTINGS)
    def _compute_preview(self):
        for wizard in self:
            values = wizard._prepare_preview_values()
            wizard.preview = self.env["ir.qweb"]._render("zadarma.zadarma_creation_preview", values)

    def action_save(self):
        """Close the form; saving it has put the choices into the company's settings."""
        return {"type": "ir.actions.act_window_close"}

    # === IN WORDS === #

    def _get_sentences(self):
        """Return what the choices mean, as people would say it.

        :rtype: list[str]
        """
        rule = self.company_id._zadarma_creation_rule(self)
        if not rule.kinds:
            return [self.env._("Nothing is created: choose at least one kind of call.")]
        sentences = [
            self.env._(
                "%(what)s is created for somebody unknown after these calls: %(kinds)s.",
                what=self._get_type_label(),
                kinds="; ".join(self._get_kind_label(kind) for kind in CallKind if kind in rule.kinds),
            )
        ]
        if "lead" in self.zadarma_create_type and rule.lead == "opportunity":
            sentences.append(
                self.env._("Leads are switched off in the settings of the CRM: opportunities take their place.")
            )
        sentences.append(self._get_responsible_sentence())
        if rule.lead:
            sentences += self._get_lead_sentences(rule)
        sentences.append(
            self.env._(
                "Calls of known contacts and of callers with an open lead are linked to them. Withheld, blocked,"
                " internal and your own numbers create nothing, nor does a number that several contacts share."
            )
        )
        return sentences

    def _get_responsible_sentence(self):
        """Return whose new customers are."""
        default = self.company_id.zadarma_default_user_id
        if default:
            return self.env._(
                "Responsible is who talked or called, else who is set for the dialled number, else %(user)s.",
                user=default.name,
            )
        return self.env._(
            "Responsible is who talked or called, else who is set for the dialled number, else nobody: it waits in the"
            " pool."
        )

    def _get_lead_sentences(self, rule):
        """Return what becomes of leads and opportunities."""
        if self.zadarma_team_id:
            team = self.env._("The team is that of the dialled number, else %(team)s.", team=self.zadarma_team_id.name)
        else:
            team = self.env._("The team is that of the dialled number, else that of the responsible user.")
        days = rule.after_days
        again = self.env._("Once the last lead of a caller is won or lost, the next call creates a new one.")
        if days:
            again = self.env._(
                "Once a lead is won or lost, calls of the next %(days)s days still belong to it; later ones create a"
                " new one.",
                days=days,
            )
        sentences = [team, again]
        if rule.for_contacts:
            sentences.append(self.env._("A known contact without an open lead gets a new one too."))
        return sentences

    def _get_type_label(self):
        return {
            "opportunity": self.env._("An opportunity"),
            "lead": self.env._("A lead"),
            "contact": self.env._("A contact"),
            "contact_opportunity": self.env._("A contact with an opportunity"),
            "contact_lead": self.env._("A contact with a lead"),
        }[self.zadarma_create_type]

    def _get_kind_label(self, kind):
        return self._fields[f"zadarma_create_{kind.value}"]._description_string(self.env)

    def _get_reason_label(self, reason):
        return {
            Reason.NEW_CUSTOMER: self.env._("New customer"),
            Reason.NEW_DEAL: self.env._("Known contact without an open lead"),
            Reason.INTERNAL: self.env._("Internal call"),
            Reason.BLOCKED: self.env._("Blocked number"),
            Reason.WITHHELD: self.env._("Withheld number"),
            Reason.NO_NUMBER: self.env._("Not a telephone number"),
            Reason.OWN: self.env._("Your own number, or a colleague"),
            Reason.AMBIGUOUS: self.env._("Several contacts have the number"),
            Reason.OPEN_LEAD: self.env._("The caller has an open lead"),
            Reason.KNOWN_CONTACT: self.env._("Known contact"),
            Reason.CLOSED_LEAD: self.env._("The caller's lead was closed not long before"),
            Reason.KIND_OFF: self.env._("This kind of call creates nothing"),
        }[reason]

    # === PREVIEW === #

    def _prepare_preview_values(self):
        """Return what the preview shows. It writes nothing."""
        since = fields.Datetime.now() - timedelta(days=_DAYS)
        calls = self._get_past_calls(since)
        result = preview(calls, self.company_id._zadarma_creation_rule(self))
        creating = (Reason.NEW_CUSTOMER, Reason.NEW_DEAL)
        return {
            "days": _DAYS,
            "is_cut": len(calls) == _MAX_CALLS,
            "total": len(calls),
            "created": [(label, count) for label, count in self._get_created(result) if count],
            "kinds": [(self._get_kind_label(kind), result.kinds[kind]) for kind in CallKind if result.kinds[kind]],
            "reasons": [
                {
                    "label": self._get_reason_label(reason),
                    "count": result.counts[reason],
                    "creates": reason in creating,
                    "examples": self._get_examples(result.examples[reason]),
                }
                for reason in Reason
                if result.counts[reason]
            ],
        }

    def _get_created(self, result):
        """Return what would have been created, and how many of each."""
        leads = self.company_id._zadarma_creation_rule(self).lead == "lead"
        return [
            (self.env._("leads") if leads else self.env._("opportunities"), result.leads),
            (self.env._("contacts"), result.contacts),
        ]

    def _get_examples(self, call_ids):
        """Return the calls that serve as examples, those that the user may see, the latest first."""
        return self.env["zadarma.call"].browse(call_ids[::-1])._filtered_access("read")

    def _get_past_calls(self, since):
        """Return the calls since a moment with what was known of the caller when they came, the oldest first.

        :rtype: list[tuple[int, zadarma_api.creation.Facts]]
        """
        self.env.flush_all()
        rows = self.env.execute_query(self._get_calls_query(since))
        leads = defaultdict(list)
        for number, created, closed in self.env.execute_query(self._get_leads_query(since)):
            leads[number].append((created, closed))
        return [(row[0], self._get_past_facts(row[1:], leads)) for row in reversed(rows)]

    def _get_past_facts(self, row, leads):
        """Return what the rule would have known of a call.

        :param tuple row: of the query for calls, without the id.
        :param dict leads: creation and closing of leads, by number.
        """
        start, direction, is_taken, number, is_withheld, is_blocked, caller_state, partner_created, is_own = row
        past = [lead for lead in leads.get(number, ()) if lead[0] < start]
        closings = [closed for _created, closed in past if closed and closed <= start]
        return Facts(
            direction=direction,
            is_taken=is_taken,
            number=number if number and number.startswith("+") else "",
            is_withheld=bool(is_withheld),
            is_blocked=bool(is_blocked),
            is_own=bool(is_own),
            is_ambiguous=caller_state == "ambiguous",
            has_contact=bool(partner_created and partner_created < start),
            has_open_lead=any(not closed or closed > start for _created, closed in past),
            closed_days=(start - max(closings)).days if closings else None,
        )

    def _get_calls_query(self, since):
        """Return the query for the calls since a moment, the newest first."""
        return SQL(
            """
            SELECT call.id, call.date_start, call.direction,
                   CASE call.direction WHEN 'inbound' THEN call.is_missed IS NOT TRUE
                                       ELSE call.result = 'answered' END,
                   call.number, call.is_withheld, call.is_blocked, call.caller_state, partner.create_date,
                   partner.commercial_partner_id = %(own_partner)s
                     OR EXISTS (SELECT FROM res_users u WHERE u.partner_id = partner.id AND u.share IS NOT TRUE)
                     OR EXISTS (SELECT FROM zadarma_number own
                                 WHERE own.company_id = call.company_id AND own.number = call.number
                                   AND own.is_gone IS NOT TRUE) IS TRUE
              FROM zadarma_call call
         LEFT JOIN res_partner partner ON partner.id = call.partner_id
             WHERE call.company_id = %(company)s AND call.date_start >= %(since)s AND call.state = 'ended'
          ORDER BY call.date_start DESC, call.id DESC
             LIMIT %(limit)s
            """,
            own_partner=self.company_id.partner_id.commercial_partner_id.id,
            company=self.company_id.id,
            since=since,
            limit=_MAX_CALLS,
        )

    def _get_leads_query(self, since):
        """Return the query for the leads of those who called since a moment: number, creation, closing."""
        return SQL(
            """
            WITH caller AS (
                SELECT DISTINCT number, lead_id FROM zadarma_call
                 WHERE company_id = %(company)s AND date_start >= %(since)s AND number IS NOT NULL
            ), found AS (
                SELECT caller.number, lead.id FROM caller JOIN crm_lead lead ON lead.phone_sanitized = caller.number
                 WHERE lead.company_id IS NULL OR lead.company_id = %(company)s
                 UNION
                SELECT number, lead_id FROM caller WHERE lead_id IS NOT NULL
            )
            SELECT found.number, lead.create_date,
                   CASE WHEN lead.active AND stage.is_won IS NOT TRUE THEN NULL
                        ELSE COALESCE(lead.date_closed, lead.write_date) END
              FROM found JOIN crm_lead lead ON lead.id = found.id LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
            """,
            company=self.company_id.id,
            since=since,
        )
