from odoo import api, fields, models


class ZadarmaRecordingAccess(models.Model):
    """Who listened to recordings, and what else was done with them. Written by the server, never changed."""

    _name = "zadarma.recording.access"
    _description = "Zadarma Recording Access"
    _order = "date desc, id desc"
    _rec_name = "call_id"
    _log_access = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    # What was done is known for longer than what it was done with.
    recording_id = fields.Many2one("zadarma.recording", readonly=True, ondelete="set null", index="btree_not_null")
    call_id = fields.Many2one("zadarma.call", readonly=True, ondelete="set null", index="btree_not_null")
    user_id = fields.Many2one("res.users", required=True, readonly=True, ondelete="restrict", index=True)
    date = fields.Datetime(required=True, readonly=True, default=lambda self: fields.Datetime.now())
    kind = fields.Selection([("listen", "Listened"), ("download", "Downloaded")], required=True, readonly=True)

    @api.model
    def _note(self, recordings, kind):
        """Write down what the user did with recordings."""
        # sudo: zadarma.recording.access - written for whoever does it, who can neither read nor change it
        self.sudo().create(
            [
                {
                    "company_id": recording.company_id.id,
                    "recording_id": recording.id,
                    "call_id": recording.call_id.id,
                    "user_id": self.env.uid,
                    "kind": kind,
                }
                for recording in recordings
            ]
        )
