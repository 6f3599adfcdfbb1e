import hashlib
import logging
import mimetypes
import os
from datetime import timedelta

from odoo import api, fields, models

_logger = logging.getLogger(__name__)

# What can be heard.
PLAYABLE = ("remote", "stored")
# A listening may be interrupted for so long and still be the same one.
_INTERRUPTION = timedelta(minutes=5)


class ZadarmaRecording(models.Model):
    """A recording of a call; of a call that was transferred there may be several.

    Its row tells what is to be done with it and what became of that. The file is for nobody but through its route, see
    :class:`odoo.addons.zadarma.models.zadarma_recording_file.ZadarmaRecordingFile`.
    """

    _name = "zadarma.recording"
    _description = "Zadarma Recording"
    _order = "date_start desc, id"
    _rec_name = "call_id"

    call_id = fields.Many2one("zadarma.call", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="call_id.company_id", store=True, precompute=True)
    date_start = fields.Datetime(related="call_id.date_start", string="Call Start", store=True, precompute=True)
    user_id = fields.Many2one(related="call_id.user_id")
    legal_hold = fields.Boolean(related="call_id.legal_hold")
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
    error = fields.Char(
        string="Reason", readonly=True, help="Why it is not here, or why Zadarma's copy could not be deleted."
    )
    attachment_id = fields.Many2one("ir.attachment", string="File", readonly=True, ondelete="set null", index=True)
    size = fields.Integer(readonly=True, help="Bytes.")
    mimetype = fields.Char(string="Type", readonly=True)
    checksum = fields.Char(string="SHA-256", readonly=True)
    attempts = fields.Integer(readonly=True, help="How often it was asked for.")
    misses = fields.Integer(readonly=True, help="How often Zadarma had nothing, or nothing that is a recording.")
    next_try = fields.Datetime(readonly=True, help="When something is to be done with it, if ever.")

    _key_uniq = models.UniqueIndex("(company_id, key) WHERE key IS NOT NULL", "This recording is known already.")
    _next_try_idx = models.Index("(next_try) WHERE next_try IS NOT NULL")
    _error_idx = models.Index("(company_id) WHERE error IS NOT NULL")
    _date_idx = models.Index("(company_id, date_start)")

    # === CRUD === #

    def unlink(self):
        """Override to delete the files too."""
        files = self.attachment_id
        result = super().unlink()
        files.unlink()
        return result

    @api.model
    def _find_keys(self, company, keys):
        """Return the recordings that Zadarma knows by some ids, whatever call they are of."""
        return self.search([("company_id", "=", company.id), ("key", "in", list(filter(None, keys)))])

    # === THE FILE === #

    def _store(self, content, mimetype):
        """Keep the file in Odoo, in the place of one that was damaged.

        :param bytes content: of the file, of which is known that it is a recording.
        :param str mimetype: what it is.
        :raise OSError: where it cannot be written.
        """
        self.ensure_one()
        damaged = self.attachment_id
        self._mend_filestore(content)
        self.attachment_id = self.env["ir.attachment"].create(
            {
                "name": self._get_file_name(mimetype),
                "raw": content,
                "mimetype": mimetype,
                "res_model": "zadarma.recording.file",
                "res_id": self.id,
                "company_id": self.company_id.id,
            }
        )
        damaged.unlink()
        self.write(
            {
                "size": len(content),
                "mimetype": mimetype,
                "checksum": hashlib.sha256(content).hexdigest(),
                "error": False,
                "misses": 0,
            }
        )

    @api.model
    def _mend_filestore(self, content):
        """Remove what lies in the place of a file and is not it.

        A file is called after what is in it. One that a full disk or a crash left unfinished would keep Odoo from
        writing the same content for ever.
        """
        attachments = self.env["ir.attachment"]
        if attachments._storage() == "db":
            return
        checksum = attachments._compute_checksum(content)
        path = attachments._full_path(f"{checksum[:2]}/{checksum}")
        if os.path.isfile(path) and not attachments._same_content(content, path):
            _logger.warning("Zadarma: a damaged file in the filestore is replaced, %s", checksum)
            os.unlink(path)

    def _has_file(self):
        """Tell whether the file is here, as long as it was when it was stored.

        Of files that another addon keeps elsewhere, in an object storage say, it believes what was written down.
        """
        self.ensure_one()
        attachment = self.attachment_id
        if not attachment.store_fname or "://" in attachment.store_fname:
            return bool(attachment)
        try:
            return os.path.getsize(attachment._full_path(attachment.store_fname)) == self.size
        except OSError:
            return False

    def _filter_remote(self):
        """Return those of which only Zadarma has the file."""
        return self.filtered(lambda recording: recording.state == "remote" and not recording.attachment_id)

    def _get_file_name(self, mimetype=None):
        """Return the name under which it is kept by who downloads it; says nothing of who called."""
        self.ensure_one()
        moment = fields.Datetime.context_timestamp(self, self.date_start)
        extension = mimetypes.guess_extension(mimetype or self.mimetype or "") or ".mp3"
        return f"{moment:%Y-%m-%d %H.%M} {self.id}{extension}"

    def action_open_call(self):
        """Open the call."""
        self.ensure_one()
        return self.call_id.get_formview_action()

    def _prepare_export(self):
        """Return what is handed over of the recording besides its file."""
        return {
            "id": self.key,
            "state": self.state,
            "file": self._has_file() and self._may_export() and self._get_file_name(),
            "size": self.size,
            "sha256": self.checksum,
        }

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
            if recording._is_offered()
        ]

    def _get_url(self):
        return f"/zadarma/recording/{self.id}"

    def _is_offered(self):
        """Tell whether the company has recordings in Odoo at all."""
        # sudo: res.company - whether a feature is on is no secret
        return self.company_id.sudo().zadarma_fetch_recordings

    def _is_playable(self):
        """Tell whether there is something to hear, here or at Zadarma."""
        self.ensure_one()
        return self._is_offered() and self.state in PLAYABLE

    def _may_download(self):
        """Tell whether the user, who may listen, may also keep a copy."""
        self.ensure_one()
        # sudo: res.company - a setting that holds for everybody
        allowed = self.company_id.sudo().zadarma_recording_download
        return allowed == "all" or (
            allowed == "supervisors" and self.env.user.has_group("zadarma.group_zadarma_manager")
        )

    def _may_export(self):
        """Tell whether what the user, a supervisor, hands over of a number may hold the recording.

        An administrator could change the setting, and somebody must be able to answer a person who asks.
        """
        return self._may_download() or self.env.user.has_group("base.group_system")

    def _note_listening(self, kind):
        """Write down that the user listens or keeps a copy, once a listening, in however many parts it is loaded."""
        self.ensure_one()
        lasting = timedelta(seconds=self.call_id.duration) + _INTERRUPTION
        self.env["zadarma.recording.access"]._note_once(self, kind, fields.Datetime.now() - lasting)
