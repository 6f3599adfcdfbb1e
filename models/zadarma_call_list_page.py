from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import html2plaintext

from ..zadarma_api.numbers import country_of

_UPCOMING = 3
_LAST_CALLS = 3
_ABOUT_LENGTH = 600


class ZadarmaCallList(models.Model):
    """What the page shows on which people call a list, one after the other."""

    # A list has two sides, each in a file of its own.
    _inherit = "zadarma.call.list"  # pylint: disable=consider-merging-classes-inherited

    def action_take(self):
        """Take the person to call, the same one as long as nothing became of them, and tell all about the list.

        :rtype: dict
        """
        line_sudo = self._take()
        return self._get_page(line_sudo)

    def get_page(self):
        """Tell all about the list without taking anybody; whom the user has taken is told.

        :rtype: dict
        """
        self.ensure_one()
        self.check_access("read")
        return self._get_page(self._get_taken())

    def _get_page(self, line_sudo):
        return {
            "id": self.id,
            "name": self.name,
            "counts": {
                "all": self.line_count,
                "todo": self.todo_count,
                "done": self.done_count,
                "left_out": self.left_out_count,
            },
            "line": bool(line_sudo) and self._get_line_values(line_sudo),
            "upcoming": [] if not line_sudo else self._get_upcoming(line_sudo),
            "waiting": self._get_waiting() if not line_sudo else {},
        }

    def _get_upcoming(self, line_sudo):
        """Return the names of those who come next."""
        lines_sudo = self._filter_visible(line_sudo.search(self._get_free_domain(), limit=_UPCOMING))
        return [{"id": line.id, "name": line._get_name()} for line in lines_sudo]

    def _get_waiting(self):
        """Return who is left when nobody can be taken: how many colleagues have, how many come later, and when."""
        # sudo: zadarma.call.list.line - counted for those who share the list
        lines_sudo = self.env["zadarma.call.list.line"].sudo()
        domain = Domain("list_id", "=", self.id) & Domain("state", "=", "todo")
        postponed = lines_sudo.search(domain & Domain("postponed_until", ">", fields.Datetime.now()))
        first = min(postponed.mapped("postponed_until"), default=False)
        return {
            "taken": lines_sudo.search_count(domain & Domain("user_id", "not in", (False, self.env.uid))),
            "postponed": len(postponed),
            "next": first and fields.Datetime.to_string(first),
        }

    def _get_line_values(self, line_sudo):
        """Return what is known of the person to call, read with the user's rights."""
        lead, partner = (
            record.sudo(False)._filtered_access("read") for record in (line_sudo.lead_id, line_sudo.partner_id)
        )
        record = lead or partner
        calls = self.env["zadarma.call"]
        number = line_sudo.number or ""
        country = self.env["res.country"].search([("code", "=", country_of(number))], limit=1) if number else False
        activity = line_sudo.activity_id.sudo(False)._filtered_access("read")
        responsible = lead.user_id or partner.user_id or partner.commercial_partner_id.user_id
        return {
            "id": line_sudo.id,
            "res_model": record._name,
            "res_id": record.id,
            "name": line_sudo._get_name() if record else "",
            "lead": lead.name if lead else "",
            "company": lead.partner_name or partner.commercial_company_name or "",
            "number": number,
            "number_display": line_sudo.number_display or "",
            "country_name": country.name if country else "",
            "responsible": responsible.sudo().name or "",
            "activity": self._format_activity(activity) if activity else False,
            "about": self._get_about(lead, partner),
            "last_calls": [call._format_last_call() for call in self._find_last_calls(line_sudo, partner)],
            "call": line_sudo.call_id._get_listed_values() if line_sudo.call_id else False,
            "asked": calls._get_listed_question(line_sudo, self),
        }

    def _format_activity(self, activity):
        text = html2plaintext(activity.note or "")
        return {"summary": activity.summary or activity.activity_type_id.name or "", "note": text[:_ABOUT_LENGTH]}

    def _get_about(self, lead, partner):
        """Return what people noted on the lead and the contact, as text."""
        notes = (html2plaintext(note) for note in (lead.description, partner.comment) if note)
        return "\n".join(note.strip() for note in notes if note.strip())[:_ABOUT_LENGTH]

    def _find_last_calls(self, line_sudo, partner):
        """Return the calls with this person before the one that goes on, those that the user may see."""
        calls = self.env["zadarma.call"]
        same = Domain("partner_id", "=", partner.id) if partner else Domain("number", "=", line_sudo.number)
        others = Domain("id", "!=", line_sudo.call_id.id) & Domain("state", "=", "ended")
        return calls.search(same & others & Domain("company_id", "=", self.company_id.id), limit=_LAST_CALLS)
