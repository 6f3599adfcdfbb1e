from odoo import fields, models


class MailMessage(models.Model):
    """Notes of calls in the chatter.

    Such a note keeps its call, and is written anew for whoever reads it: in the reader's language, with what is known
    of the call now, and with a link where the reader may open the call. What is stored as its text serves exports and
    the search.
    """

    _inherit = "mail.message"

    zadarma_call_id = fields.Many2one(
        "zadarma.call", string="Call", readonly=True, copy=False, ondelete="cascade", index="btree_not_null"
    )

    def _to_store(self, store, fields, **options):
        """Override to write the notes of calls for the reader."""
        is_whole = "message_format" in fields
        result = super()._to_store(store, fields, **options)
        if is_whole and store.target.is_current_user(self.env):
            for message in self.filtered("zadarma_call_id"):
                # sudo: zadarma.call - whoever may read the note may read what it tells
                call_sudo = message.zadarma_call_id.sudo()
                store.add_records_fields(message, {"body": call_sudo._render_note(reader=self.env.user)})
        return result
