import json

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import html2plaintext

from ..zadarma_api.numbers import holds_number

# What stands in the place of a number that a row cannot do without.
_ERASED = "erased"


class ZadarmaCall(models.Model):
    """What is known of the person behind a number can be handed over, and forgotten.

    What remains of an erased call is what statistics need: when it was, how long, with whom here, how it ended.
    """

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    is_erased = fields.Boolean(
        string="Erased", readonly=True, copy=False, help="Who called is forgotten, and does not become known again."
    )

    @api.model
    def _get_number_domain(self, company, number):
        """Return the domain of a number's calls.

        :param zadarma_api.numbers.Number number: as the company understands it.
        """
        return Domain("company_id", "=", company.id) & Domain("number", "=", number.e164 or number.raw)

    # === STAYING FORGOTTEN === #

    def _has_lost_events(self):
        """Override: what notifications still tell of an erased call changes nothing of it."""
        return self.is_erased or super()._has_lost_events()

    # === HANDING OVER === #

    def _prepare_export(self):
        """Return all that is known of the call and its other party, the place to add one's own.

        :rtype: dict
        """
        self.ensure_one()
        return {
            "id": self.pbx_call_id,
            "direction": self.direction,
            "number": self.number,
            "own_number": self.own_number,
            "contact": self.partner_id.display_name,
            "lead": self.lead_id.display_name,
            "user": self.user_id.name,
            "extensions": self.leg_ids.mapped("extension"),
            "start": self.date_start,
            "answer": self.date_answer,
            "end": self.date_end,
            "waiting": self.waiting,
            "duration": self.duration,
            "result": self.result,
            "outcome": self.outcome_id.name,
            "note": self.note,
            "chatter": [html2plaintext(note.body) for note in self._get_notes()],
            "statistics": self.statistics,
            "notifications": [json.loads(event.payload) for event in self._get_events()],
            "recordings": [recording._prepare_export() for recording in self.recording_ids],
        }

    def _get_events(self):
        """Return the notifications of these calls, as far as they are kept."""
        events = self.env["zadarma.event"]
        for company, calls in self.grouped("company_id").items():
            known = list(filter(None, calls.mapped("pbx_call_id")))
            groups = self.env["zadarma.call.alias"]._get_groups(company.id, known)
            call_ids = {*known, *(each for group in groups.values() for each in group)}
            events |= events.search([("company_id", "=", company.id), ("pbx_call_id", "in", list(call_ids))])
        return events

    # === FORGETTING === #

    def _check_erasable(self):
        """Make sure that all of these calls may be erased.

        :raise UserError: where one is under legal hold, or goes on.
        """
        if held := self.filtered("legal_hold"):
            raise UserError(
                self.env._(
                    "Calls under legal hold: %(count)s, so nothing is erased. A supervisor lifts the hold"
                    " first, if that may be done.",
                    count=len(held),
                )
            )
        if self.filtered(lambda call: call.state != "ended"):
            raise UserError(self.env._("One of these calls goes on. Wait for its end."))

    def _erase(self):
        """Forget who called, and what was said."""
        self._get_events()._forget()
        self._get_notes().unlink()
        self.recording_ids.filtered(lambda recording: recording.state != "removed")._remove()
        self.write(self._prepare_erased_values())
        self.env["zadarma.recording.access"]._note("erase", self)

    def _prepare_erased_values(self):
        """Return what an erased call holds in the place of personal data, the place to add one's own."""
        return {
            "is_erased": True,
            "number": False,
            "partner_id": False,
            "lead_id": False,
            "blocked_number_id": False,
            "request_model": False,
            "request_res_id": False,
            "note": False,
            "statistics": False,
            "is_settled": True,
        }

    @api.model
    def _find_traces(self, company, number):
        """Return where a number stands apart from calls: who waits for a call back, who is to be called, what came in.

        :rtype: dict[str, models.BaseModel]
        """
        domain = Domain("number", "=", number.e164 or number.raw)
        rows = self.env["zadarma.import.row"]
        if number.e164:
            rows = rows.search([("import_id.company_id", "=", company.id), ("payload", "like", number.e164[1:])])
            rows = rows.filtered(lambda row: holds_number(row.payload, number.e164))
        return {
            "missed": self.env["zadarma.missed.call"].search(Domain("company_id", "=", company.id) & domain),
            "lines": self.env["zadarma.call.list.line"].search(Domain("list_id.company_id", "=", company.id) & domain),
            "events": self.env["zadarma.event"]._find_by_number(company, number),
            "rows": rows,
        }

    @api.model
    def _erase_traces(self, company, number):
        """Forget a number where it stands apart from calls."""
        traces = self._find_traces(company, number)
        missed, lines = traces["missed"], traces["lines"]
        missed.activity_id.unlink()
        missed.action_done()
        missed.message_ids.unlink()
        missed.write({"number": _ERASED})
        lines.write({"number": False, "partner_id": False, "lead_id": False, "note": False})
        lines.filtered(lambda line: line.state == "todo").write({"state": "left_out", "left_out_reason": "gone"})
        traces["events"]._forget()
        traces["rows"].unlink()
