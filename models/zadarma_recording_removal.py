# A copy is deleted in transactions of its own, see zadarma_recording_fetch.py.
# pylint: disable=invalid-commit
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..zadarma_api.errors import RefusedError, ZadarmaError
from .zadarma_recording_fetch import LEASE, REQUEST_PATH, Trouble

# Of calls that ended before, Zadarma has the recordings that it will ever have.
_SETTLED = timedelta(hours=1)
_BATCH = 200


class ZadarmaRecording(models.Model):
    """How recordings go: the file here, and Zadarma's copy.

    The row stays for as long as something could bring the recording back.
    """

    # A recording has several sides, each in a file of its own.
    _inherit = "zadarma.recording"  # pylint: disable=consider-merging-classes-inherited

    def _remove(self, not_before=None):
        """Delete the files, and have Zadarma's copies deleted.

        :param datetime not_before: when Zadarma has them ready to be deleted, if not yet.
        """
        self.attachment_id.unlink()
        self.write(
            {
                "state": "removed",
                "size": 0,
                "checksum": False,
                "error": False,
                "attempts": 0,
                "misses": 0,
                "next_try": max(not_before or fields.Datetime.now(), fields.Datetime.now()),
            }
        )

    def _delete_remote(self):
        """Delete Zadarma's copy; the lock is held.

        :return: whether others of the company had better wait.
        :rtype: bool
        """
        self.write({"attempts": self.attempts + 1, "next_try": fields.Datetime.now() + LEASE})
        self.env.cr.commit()
        try:
            trouble = self._ask_deletion()
        except (ZadarmaError, UserError) as error:
            trouble = self._get_trouble(error)
        self.env.invalidate_all(flush=False)
        if trouble:
            self._note_trouble(trouble)
            return trouble.is_general
        if self.try_lock_for_update():
            self.write({"next_try": False, "error": False})
        return False

    def _ask_deletion(self):
        """Ask Zadarma to delete its copy.

        :return: what keeps it from doing so, none for success.
        :rtype: Trouble | None
        """
        asked = {"call_id": self.key} if self.key else {"pbx_call_id": self.call_id.pbx_call_id or ""}
        try:
            answer = self.company_id._zadarma_client().call("DELETE", REQUEST_PATH, asked)
        except RefusedError as error:
            is_late = (self.call_id.date_end or self.date_start) < fields.Datetime.now() - _SETTLED
            if self._is_not_found(error) and is_late:
                return None
            raise
        if answer.get("failed_files"):
            return Trouble("miss", self.env._("Zadarma could not delete its copy."))
        return None

    # === RETENTION === #

    @api.model
    def _cron_retention(self):
        """Remove recordings that are older than their company keeps them, a batch at a time."""
        companies = self.env["res.company"].search([("zadarma_recording_days", ">", 0)])
        for company in companies:
            old = self._find_old(company)
            old[:_BATCH]._retire()
            if not self.env["ir.cron"]._commit_progress(len(old[:_BATCH]), remaining=len(old[_BATCH:])):
                return

    @api.model
    def _find_old(self, company):
        """Return recordings whose time has come, a batch and one more; none that is under legal hold."""
        is_over = Domain("state", "!=", "removed") | Domain("next_try", "=", False) & Domain("error", "=", False)
        return self.search(
            Domain("company_id", "=", company.id)
            & Domain("date_start", "<", company._zadarma_oldest_recording())
            & Domain("call_id.legal_hold", "=", False)
            & is_over,
            order="date_start, id",
            limit=_BATCH + 1,
        )

    def _retire(self):
        """Remove recordings; the rows of those of which nothing is left go too."""
        gone = self.filtered(lambda recording: recording.state == "removed")
        gone.unlink()
        (self - gone)._remove()
