from odoo import api, fields, models

from .zadarma_event import read_committed


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
    kind = fields.Selection(
        [
            ("listen", "Listened"),
            ("download", "Downloaded"),
            ("read", "Transcript read"),
            ("export", "Exported"),
            ("erase", "Erased"),
            ("hold", "Legal hold set"),
            ("release", "Legal hold lifted"),
        ],
        required=True,
        readonly=True,
    )

    @api.model
    def _note(self, kind, calls, recordings=()):
        """Write down what the user did with calls as a whole, or with some of their recordings."""
        rows = [(call, self.env["zadarma.recording"]) for call in calls]
        rows += [(recording.call_id, recording) for recording in recordings]
        # sudo: zadarma.recording.access - written for whoever does it, who can neither read nor change it
        self.sudo().create(
            [
                {
                    "company_id": call.company_id.id,
                    "recording_id": recording.id,
                    "call_id": call.id,
                    "user_id": self.env.uid,
                    "kind": kind,
                }
                for call, recording in rows
            ]
        )

    @api.model
    def _note_once(self, recording, kind, since):
        """Write down what the user does with a recording, unless that is known since a moment.

        In a transaction of its own: it is known whatever becomes of the request, and of several that come at once for
        parts of a recording one writes.
        """
        domain = [("recording_id", "=", recording.id), ("user_id", "=", self.env.uid), ("kind", "=", kind)]
        # sudo: zadarma.recording.access - see _note()
        if self.sudo().search_count([*domain, ("date", ">=", since)], limit=1):
            return
        with self.env.registry.cursor() as cr, read_committed(cr):
            cr.execute("SELECT pg_advisory_xact_lock(hashtext('zadarma.recording.access'), %s)", [recording.id])
            # sudo: zadarma.recording.access - see _note()
            log = api.Environment(cr, self.env.uid, {})[self._name]
            if not log.sudo().search_count([*domain, ("date", ">=", since)], limit=1):
                log._note(kind, (), recording.with_env(log.env))
