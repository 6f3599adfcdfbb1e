from odoo import api, fields, models


class ZadarmaCall(models.Model):
    """Calls that are made from a list of people to call."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    @api.model_create_multi
    def create(self, vals_list):
        """Override to let the line know its call, whichever way the user called: by a click, or on the telephone."""
        calls = super().create(vals_list)
        outbound = calls.filtered(lambda call: call.direction == "outbound" and call.user_id and call.number)
        if not outbound:
            return calls
        # sudo: zadarma.call.list.line - the one that whoever calls has taken
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        domain = [
            ("user_id", "in", outbound.user_id.ids),
            ("number", "in", list(set(outbound.mapped("number")))),
            ("state", "=", "todo"),
            ("list_id.company_id", "in", outbound.company_id.ids),
        ]
        taken = lines_sudo.search(domain, order="taken_at desc")
        for call in outbound if taken else ():
            line = taken.filtered(call._is_of_line)[:1]
            line.write({"call_id": call.id, "taken_at": call.create_date})
        return calls

    def _is_of_line(self, line):
        """Tell whether the user made this call from a line; past calls that are imported came before it was taken."""
        is_past = self.source == "statistics" and line.taken_at and self.date_start < line.taken_at
        is_same = (line.user_id, line.number) == (self.user_id, self.number)
        return is_same and line.list_id.company_id == self.company_id and not is_past

    def unlink(self):
        """Override to leave a line the call that goes on: what came first may turn out to be part of it."""
        # sudo: zadarma.call.list.line - a line knows its call, whoever deletes calls
        lines_sudo = self.env["zadarma.call.list.line"].sudo().search([("call_id", "in", self.ids)])
        result = super().unlink()
        for line in lines_sudo:
            domain = [("user_id", "=", line.user_id.id), ("number", "=", line.number), ("direction", "=", "outbound")]
            line.call_id = self.sudo().search([*domain, ("state", "!=", "ended")], limit=1)
        return result

    def _finish_lines(self, user):
        """Be done with whoever was called from a list, with what the user said of the call."""
        # sudo: zadarma.call.list.line - whoever says what came of a call says so of its line
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        lines = lines_sudo.search([("call_id", "in", self.ids)])
        lines.filtered(lambda line: line.state == "todo")._finish(user, self.outcome_id, self.note)
        lines.write({"outcome_id": self.outcome_id.id, "note": self.note})

    # === FOR THE PAGE OF THE LIST === #

    def _get_listed_values(self):
        """Return how the call of a line stands."""
        is_reached = self.state != "ended" or self.result == "answered"
        popup = self._get_popup_call(self.state)
        return {
            "id": self.id,
            "state": self.state,
            "result": self.result or "",
            "label": self._get_result_label() if is_reached else self._explain_outcome(self.env.user),
            "duration": self.duration,
            **{name: popup[name] for name in ("is_request", "stage", "talking_seconds")},
        }

    def _format_last_call(self):
        """Return what the page tells of an earlier call."""
        return {
            "id": self.id,
            "date": fields.Datetime.to_string(self.date_start),
            "label": self._get_result_label(),
            "user": self.user_id.sudo().name or "",
            "outcome": self.outcome_id.name or "",
            "note": self.note or "",
        }

    @api.model
    def _get_listed_question(self, line_sudo, call_list):
        """Return what the form for the outcome shows of a line, whether there is a call yet or not."""
        outcomes = self.env["zadarma.call.outcome"].search([("company_id", "in", (False, call_list.company_id.id))])
        # sudo: zadarma.call - what colleagues said of a call before is for those who may read that call
        call_sudo = line_sudo.call_id.sudo(False)._filtered_access("read").sudo()
        return {
            "id": f"line_{line_sudo.id}",
            "outcomes": [{"id": outcome.id, "name": outcome.name} for outcome in outcomes],
            "outcome_id": call_sudo.outcome_id.id,
            "note": call_sudo.note or "",
            "next_date": fields.Date.to_string(call_sudo.next_date),
        }
