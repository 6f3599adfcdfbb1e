from odoo import fields, models


class MailMessage(models.Model):
    """Notes of calls in the chatter.

    Such a note keeps its call, and is written anew for whoever reads it: in the reader's language, with what is known
    of the call now, with a link where the reader may open the call, and with what plays its recordings where the reader
    may hear them. What is stored as its text serves exports and the search.
    """

    _inherit = "mail.message"

    # For nobody to set: whoever wrote a message of their own could have it tell of any call.
    zadarma_call_id = fields.Many2one(
        "zadarma.call",
        string="Call",
        readonly=True,
        copy=False,
        ondelete="cascade",
        index="btree_not_null",
        groups=fields.NO_ACCESS,
    )

    def _to_store(self, store, fields, **options):
        """Override to write the notes of calls for the reader."""
        is_whole = "message_format" in fields
        result = super()._to_store(store, fields, **options)
        if is_whole and store.target.is_current_user(self.env):
            # sudo: mail.message, zadarma.call - whoever may read the note may read what it tells
            notes_sudo = self.sudo().filtered("zadarma_call_id")
            # Not as superuser: what the reader may not hear is not there.
            players = notes_sudo.zadarma_call_id.with_user(self.env.user)._get_players()
            for note_sudo in notes_sudo:
                call_sudo = note_sudo.zadarma_call_id
                body = call_sudo._render_note(reader=self.env.user)
                heard = [each for each in players.get(call_sudo.id, []) if each["state"] != "removed"]
                store.add_records_fields(note_sudo.with_env(self.env), {"body": body, "zadarma_recordings": heard})
        return result
