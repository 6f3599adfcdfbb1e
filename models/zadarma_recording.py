import hashlib
import mimetypes

from odoo import api, fields, models


class ZadarmaRecording(models.Model):
    """A recording of a call; of a call that was transferred there may be several.

    Its row tells what is to be done with it and what became of that. The file is for nobody but through its route, see
    :class:`odoo.addons.zadarma.models.zadarma_recording_file.ZadarmaRecordingFile`.
    """

    _name = "zadarma.recording"
    _description = "Zadarma Recording"
    _order = "call_id desc, id"
    _rec_name = "call_id"

    call_id = fields.Many2one("zadarma.call", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="call_id.company_id", store=True, precompute=True, index=True)
    key = fields.Char(string="ID at Zadarma", readonly=True, help="Empty until Zadarma tells it.")
    state = fields.Selection(
        [
            ("waiting", "Not loaded yet"),
            ("remote", "At Zadarma"),
            ("stored", "In Odoo"),
            ("failed", "Not available"),
            ("removed", "Removed"),
        ],
        default="waiting",
        required=True,
        readonly=True,
    )
    error = fields.Char(string="Reason", readonly=True, help="Why it could not be loaded, or removed at Zadarma.")
    attachment_id = fields.Many2one("ir.attachment", string="File", readonly=True, ondelete="set null", index=True)
    size = fields.Integer(readonly=True, help="Bytes.")
    mimetype = fields.Char(string="Type", readonly=True)
    checksum = fields.Char(string="SHA-256", readonly=True)
    attempts = fields.Integer(readonly=True, help="How often Zadarma was asked for it.")
    next_try = fields.Datetime(readonly=True, help="When something is to be done with it, if ever.")
    date_start = fields.Datetime(related="call_id.date_start", string="Call Start")
    user_id = fields.Many2one(related="call_id.user_id")
    legal_hold = fields.Boolean(related="call_id.legal_hold")

    _key_uniq = models.UniqueIndex("(company_id, key) WHERE key IS NOT NULL", "This recording is known already.")
    _next_try_idx = models.Index("(next_try) WHERE next_try IS NOT NULL")

    # === CRUD === #

    def unlink(self):
        """Override to delete the files too."""
        files = self.attachment_id
        result = super().unlink()
        files.unlink()
        return result

    def _store(self, content, mimetype):
        """Keep the file in Odoo.

        :param bytes content: of the file, of which is known that it is a recording.
        :param str mimetype: what it is.
        """
        self.ensure_one()
        attachment = self.env["ir.attachment"].create(
            {
                "name": self._get_file_name(),
                "raw": content,
                "mimetype": mimetype,
                "res_model": "zadarma.recording.file",
                "res_id": self.id,
                "company_id": self.company_id.id,
            }
        )
        self.write(
            {
                "state": "stored",
                "attachment_id": attachment.id,
                "size": len(content),
                "mimetype": mimetype,
                "checksum": hashlib.sha256(content).hexdigest(),
                "error": False,
                "next_try": False,
            }
        )

    # === LISTENING === #

    def _get_player_values(self):
        """Return what a player needs to know of these recordings, for who may hear them.

        To get a ``url`` is to listen, and is written down: a player asks for it when somebody presses play, and loads
        nothing before.

        :return: one dict each with ``id``, ``call_id``, ``state``, ``error``, ``url`` (false where there is nothing to
            play now), ``download_url`` (false for who may not) and ``duration`` in seconds (0 where it is not known).
        :rtype: list[dict]
        """
        self.check_access("read")
        return [
            {
                "id": recording.id,
                "call_id": recording.call_id.id,
                "state": recording.state,
                "error": recording.error,
                "url": recording._is_playable() and recording._get_url(),
                "download_url": recording._is_playable()
                and recording._may_download()
                and f"{recording._get_url()}?download=1",
                "duration": recording.call_id.duration if len(recording.call_id.recording_ids) == 1 else 0,
            }
            for recording in self
            # sudo: res.company - whether a feature is on is no secret
            if recording.company_id.sudo().zadarma_fetch_recordings
        ]

    def _get_url(self):
        return f"/zadarma/recording/{self.id}"

    def _is_playable(self):
        """Tell whether there is something to hear, here or at Zadarma."""
        self.ensure_one()
        # sudo: res.company - whether a feature is on is no secret
        is_on = self.company_id.sudo().zadarma_fetch_recordings
        return is_on and self.state in ("remote", "stored")

    def _may_download(self):
        """Tell whether the user, who may listen, may also keep a copy."""
        self.ensure_one()
        # sudo: res.company - a setting that holds for everybody
        allowed = self.company_id.sudo().zadarma_recording_download
        return allowed == "all" or (
            allowed == "supervisors" and self.env.user.has_group("zadarma.group_zadarma_manager")
        )

    def _get_file_name(self):
        """Return the name under which it is kept by who downloads it; says nothing of who called."""
        self.ensure_one()
        moment = fields.Datetime.context_timestamp(self, self.date_start)
        extension = mimetypes.guess_extension(self.mimetype or "") or ".mp3"
        return f"{moment:%Y-%m-%d %H.%M} {self.id}{extension}"

    @api.model
    def _note_access(self, recording, kind):
        """Write down that the user listens to a recording, or keeps a copy."""
        self.env["zadarma.recording.access"]._note(recording, kind)
