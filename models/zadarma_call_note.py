from odoo import models


def _format_duration(seconds):
    """Return seconds as people read them: 0:42, 1:02:03."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class ZadarmaCall(models.Model):
    """The note of a call in the chatter of its contact and its lead."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        """Override to tell in the chatter what people say of a call."""
        result = super().write(vals)
        if {"outcome_id", "note"} & vals.keys():
            self._refresh_notes()
        return result

    def _post_note(self):
        """Have one note of the call on its contact and one on its lead; notes follow where the call belongs.

        Nobody follows the record by it, and nobody gets a message.
        """
        if self.state != "ended" or self.direction == "internal" or self.is_blocked:
            return
        notes = self._get_notes()
        may_post = self.company_id.zadarma_post_notes and self._is_recent()
        for record in (self.partner_id, self.lead_id):
            note = notes.filtered(lambda note, model=record._name: note.model == model)[:1]
            if note and note.res_id != record.id:
                note.write({"res_id": record.id}) if record else note.unlink()
            elif record and not note and may_post:
                note = record._message_log(body=self._render_note(record), author_id=self._get_note_author().id)
                note.write({"zadarma_call_id": self.id, "date": self.date_end or note.date})
        self._refresh_notes()

    def _get_notes(self):
        """Return the notes of these calls."""
        # sudo: mail.message - the call's own notes, whoever corrects the call
        return self.env["mail.message"].sudo().search([("zadarma_call_id", "in", self.ids)])

    def _refresh_notes(self):
        """Write the notes' stored text anew."""
        for note in self._get_notes():
            body = note.zadarma_call_id._render_note(self.env[note.model].browse(note.res_id))
            if body != note.body:
                note.body = body

    def _get_note_author(self):
        """Return whose note it is: of who talked or called, else Odoo's."""
        talked = self.user_id if self._is_taken() or self.direction == "outbound" else self.env["res.users"]
        return talked.partner_id or self.env.ref("base.partner_root")

    def _render_note(self, record=None, reader=None):
        """Return the note as HTML, in the language of its reader, else of the record's responsible user.

        :param record: the contact or lead on which it is kept.
        :param res.users reader: who reads it; offers a link where this user may open the call.
        """
        self.ensure_one()
        # sudo: zadarma.call, res.users - names that whoever may read the note may read
        call_sudo = (self if reader else self._in_language_of(record.sudo().user_id)).sudo()
        values = {
            "title": call_sudo._get_note_title(),
            "details": call_sudo._get_note_details(),
            "outcome": call_sudo.outcome_id.name,
            "note": call_sudo.note,
            "link": reader
            and self.with_user(reader).has_access("read")
            and self._get_html_link(title=self.env._("Open the call")),
        }
        return call_sudo.env["ir.qweb"]._render("zadarma.zadarma_call_note", values, minimal_qcontext=True)

    def _get_note_title(self):
        """Return in a sentence who talked to whom, or did not."""
        names = {"number": self._get_number_display(), "user": self.user_id.name, "result": self._get_result_label()}
        if self.direction == "inbound":
            if not self._is_taken():
                return self.env._("Missed call from %(number)s", **names)
            if self.user_id:
                return self.env._("%(user)s answered a call from %(number)s", **names)
            return self.env._("A call from %(number)s was answered", **names)
        if self._is_taken():
            if self.user_id:
                return self.env._("%(user)s called %(number)s", **names)
            return self.env._("%(number)s was called", **names)
        return self.env._("Call to %(number)s: %(result)s", **names)

    def _get_note_details(self):
        """Return the figures of the call, the place to add one's own.

        :rtype: list[str]
        """
        details = []
        if self._is_taken():
            details.append(self.env._("Talked %(time)s", time=_format_duration(self.duration)))
        if self.waiting:
            details.append(self.env._("Waited %(time)s", time=_format_duration(self.waiting)))
        if self.own_number:
            shown = self.own_number_display
            name = self.own_number_id.name
            details.append(f"{name} ({shown})" if name else shown)
        return details
