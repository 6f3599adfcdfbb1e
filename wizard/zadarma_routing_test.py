import json

from markupsafe import Markup, escape

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..zadarma_api.blocking import format_pattern


class ZadarmaRoutingTest(models.TransientModel):
    """What would happen if a number called now: the answer that Zadarma would get, and why, without a call.

    Decided by the webhook's own code; nothing is written.
    """

    _name = "zadarma.routing.test"
    _description = "What Would Happen if This Number Called Now?"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    number = fields.Char(string="Caller's Number", help="As people write it, or as Zadarma does.")
    own_number_id = fields.Many2one(
        "zadarma.number",
        string="Dialled Number",
        check_company=True,
        default=lambda self: self.env["zadarma.number"].search([("company_id", "=", self.env.company.id)], limit=1),
    )
    moment = fields.Datetime(
        string="At",
        default=lambda self: fields.Datetime.now(),
        help="Within the next two weeks; leave it empty for now.",
    )
    outcome = fields.Char(string="What Happens", compute="_compute_answer")
    reasons = fields.Html(string="Why", compute="_compute_answer", sanitize=False)
    answer = fields.Char(string="Answer to Zadarma", compute="_compute_answer")

    @api.depends("company_id", "number", "own_number_id", "moment")
    def _compute_answer(self):
        for test in self:
            decision = test._decide() if test.number and test.company_id else None
            test.outcome = decision and test._describe(decision.answer)
            test.answer = decision and json.dumps(decision.answer)
            test.reasons = decision and Markup("<ol class='mb-0'>%s</ol>") % Markup().join(
                Markup("<li>%s</li>") % escape(test._explain(step)) for step in decision.steps
            )

    def _decide(self):
        """Return what the webhook would decide.

        :raise AccessError: for anybody but a supervisor.
        :raise UserError: where it is not known who works then.
        """
        if not self.env.user.has_group("zadarma.group_zadarma_manager") or self.company_id not in self.env.companies:
            raise AccessError(self.env._("Supervisors of a company may see where its calls go."))
        # sudo: zadarma.routing - the webhook reads for nobody in particular; the supervisor sees what becomes of it
        routing = self.env["zadarma.routing"].sudo()
        first, last = routing.env["zadarma.working.time"]._get_horizon()
        moment = self.moment or fields.Datetime.now()
        if not first <= moment < last:
            raise UserError(self.env._("It is known who works within the next two weeks. Choose a moment in these."))
        self.env.flush_all()
        accounts = self.env["res.company"]._zadarma_accounts().values()
        account = next(account for account in accounts if account.company_id == self.company_id.id)
        return routing._decide(account, self.number, self.own_number_id.number or "", moment)

    def _describe(self, answer):
        """Return in a sentence what the caller and the colleagues notice of an answer."""
        if answer.get("redirect") == "blacklist":
            return self.env._("The caller hears the busy tone, and no phone rings.")
        if "redirect" not in answer:
            return self.env._("The call takes the way that the PBX has for it.")
        if answer["return_timeout"]:
            return self.env._(
                "Extension %(extension)s rings for %(seconds)s seconds, then the call goes back to the menu.",
                extension=answer["redirect"],
                seconds=answer["return_timeout"],
            )
        return self.env._("Extension %(extension)s rings.", extension=answer["redirect"])

    def _explain(self, step):
        """Return one reason of a decision in a sentence."""
        name, detail = step.name, step.detail
        number = format_pattern(name)
        explain = {
            "withheld": lambda: self.env._("The caller withholds their number."),
            "internal": lambda: self.env._("%(number)s is an extension: internal calls are left alone.", number=name),
            "unknown": lambda: self.env._("%(number)s is no telephone number that could be looked up.", number=name),
            "switched_off": lambda: self.env._("Routing, caller's name and blocked numbers are switched off."),
            "own": lambda: self.env._("%(number)s is a number of your own: it is left alone.", number=number),
            "blocked": lambda: self._explain_block(number, detail),
            "ambiguous": lambda: self.env._("Contacts of several companies have the number %(number)s.", number=number),
            "contact": lambda: self.env._("The caller is %(who)s.", who=self._join(name, detail)),
            "lead": lambda: self.env._("There is an open lead of %(who)s.", who=self._join(name, detail)),
            "stranger": lambda: self.env._("Nobody with the number %(number)s is known.", number=number),
            "named": lambda: self.env._("The phone shows \u201c%(name)s\u201d.", name=name),
            "nameless": lambda: self.env._("There is no name that the phone could show."),
            "no_responsible": lambda: self.env._("Nobody is responsible for the caller or for the dialled number."),
            "responsible_lead": lambda: self.env._(
                "%(user)s is responsible for the open deal %(deal)s.", user=name, deal=detail
            ),
            "responsible_partner": lambda: self.env._(
                "%(user)s is responsible for the contact %(contact)s.", user=name, contact=detail
            ),
            "responsible_company": lambda: self.env._(
                "%(user)s is responsible for the company %(company)s.", user=name, company=detail
            ),
            "responsible_number": lambda: self.env._(
                "%(user)s is responsible for the dialled number %(number)s.", user=name, number=detail
            ),
            "redirect": lambda: self.env._("The call is sent to extension %(extension)s.", extension=name),
            "nobody": lambda: self.env._("Nobody else is in line: the call is not sent anywhere."),
        }
        return explain[step.reason]() if step.reason in explain else self._explain_candidate(step)

    def _explain_candidate(self, step):
        """Return in a sentence whether somebody can take the call."""
        who = {
            "responsible": lambda: step.name,
            "deputy": lambda: self.env._("%(user)s (deputy)", user=step.name),
            "member": lambda: self.env._("%(user)s (team)", user=step.name),
        }[step.detail]()
        return {
            "free": lambda: self.env._("%(user)s can take the call.", user=who),
            "caller": lambda: self.env._("%(user)s is the one who calls.", user=who),
            "left": lambda: self.env._("%(user)s does not work for the company any more.", user=who),
            "no_extension": lambda: self.env._("%(user)s has no extension that calls can be sent to.", user=who),
            "dnd": lambda: self.env._("%(user)s does not want to be disturbed.", user=who),
            "off_hours": lambda: self.env._("%(user)s does not work at that time.", user=who),
            "away": lambda: self.env._("No phone of %(user)s is registered at the PBX.", user=who),
            "talking": lambda: self.env._("%(user)s talks on another call.", user=who),
        }[step.reason]()

    def _explain_block(self, number, reason):
        if reason:
            return self.env._("%(number)s is blocked: %(reason)s.", number=number, reason=reason.rstrip("."))
        return self.env._("%(number)s is blocked.", number=number)

    @staticmethod
    def _join(name, company):
        return f"{name}, {company}" if company and company != name else name
