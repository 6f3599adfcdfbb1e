import json
import zipfile

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import json_default

from ..zadarma_api.numbers import Kind, format_number

# So many calls are erased at once, or are in one part of an export.
_PART = 500


class ZadarmaNumberData(models.TransientModel):
    """What is known of the person behind a number: handed over to them, or erased.

    For supervisors, who may hear and delete all calls of their companies anyway. Administrators of the system who are
    none must not get at recordings by the way.
    """

    _name = "zadarma.number.data"
    _description = "Data of a Number"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        domain=lambda self: [("id", "in", self.env.companies.ids)],
    )
    number = fields.Char(help="In any form, e.g. +49 170 12345678 or 0170 12345678.")
    understood_as = fields.Char(compute="_compute_counts")
    call_count = fields.Integer(string="Calls", compute="_compute_counts")
    recording_count = fields.Integer(string="Recordings", compute="_compute_counts")
    remote_count = fields.Integer(compute="_compute_counts", help="Recordings at Zadarma that are not loaded.")
    is_without_recordings = fields.Boolean(compute="_compute_counts", help="Whether the user may not export them.")
    note_count = fields.Integer(string="Notes in the Chatter", compute="_compute_counts")
    event_count = fields.Integer(string="Notifications as Received", compute="_compute_counts")
    held_count = fields.Integer(compute="_compute_counts")
    is_known = fields.Boolean(compute="_compute_counts", help="There is something to erase.")
    part = fields.Integer(default=1)
    part_count = fields.Integer(compute="_compute_counts")
    erased_count = fields.Integer(readonly=True)

    @api.depends("number", "company_id")
    def _compute_counts(self):
        for wizard in self:
            calls = (wizard.number and wizard._find_calls()) or self.env["zadarma.call"]
            recordings = calls.recording_ids.filtered(lambda recording: recording.state != "removed")
            # sudo: zadarma.event, mail.message - counts of what supervisors may hand over and erase
            wizard.understood_as = wizard.number and format_number(wizard._get_number().e164)
            wizard.call_count = len(calls)
            wizard.held_count = len(calls.filtered("legal_hold"))
            wizard.recording_count = len(recordings)
            wizard.remote_count = len(recordings._filter_remote())
            wizard.is_without_recordings = any(not recording._may_export() for recording in recordings)
            wizard.note_count = len(calls._get_notes())
            wizard.event_count = len(calls.sudo()._get_events())
            wizard.part_count = -(-len(calls) // _PART)
            wizard.is_known = bool(calls) or wizard._has_traces()

    def _get_number(self):
        return self.company_id._zadarma_parse_number(self.number)

    def _is_outside(self):
        """Tell whether it is an outside number, of a company that the supervisor works in now."""
        number = self._get_number()
        is_number = bool(number.e164 or number.raw) and number.kind in (Kind.EXTERNAL, Kind.UNKNOWN)
        return is_number and self.company_id in self.env.companies

    def _find_calls(self):
        """Return the number's calls, the oldest first; none where it is no outside number."""
        calls = self.env["zadarma.call"]
        if not self._is_outside():
            return calls
        return calls.search(calls._get_number_domain(self.company_id, self._get_number()), order="date_start, id")

    def _has_traces(self):
        if not self._is_outside():
            return False
        # sudo: zadarma.call - whether there is something, not what
        calls_sudo = self.env["zadarma.call"].sudo()
        return any(calls_sudo._find_traces(self.company_id, self._get_number()).values())

    def _check_number(self):
        """Make sure that there is a number, and that it is nobody's here.

        :return: the number's calls.
        :raise AccessError: for a company that the supervisor does not work in now.
        :raise UserError: where it is none.
        """
        self.ensure_one()
        self.check_access("write")
        if self.company_id not in self.env.companies:
            raise AccessError(self.env._("Switch to %(company)s first.", company=self.company_id.sudo().name))
        number = self._get_number()
        if not (number.e164 or number.raw) or number.kind not in (Kind.EXTERNAL, Kind.UNKNOWN):
            raise UserError(
                self.env._(
                    "%(number)s is no outside number. Use the international form, e.g. +48 22 123 45 67.",
                    number=self.number or "…",
                )
            )
        if number.e164 in self.company_id._zadarma_own_numbers():
            raise UserError(self.env._("%(number)s is a number of your own account.", number=self.number))
        return self._find_calls()

    # === HANDING OVER === #

    def action_export(self):
        """Download a part of what is known."""
        if not self._check_number():
            raise UserError(self.env._("No calls of this number are known."))
        return {
            "type": "ir.actions.act_url",
            "url": f"/zadarma/number/{self.id}/export?part={self.part}",
            "target": "self",
        }

    def action_load(self):
        """Have recordings loaded that are at Zadarma, so that an export holds them."""
        recordings = self._check_number().recording_ids._filter_remote()
        # sudo: zadarma.recording - supervisors may hear them all
        recordings.sudo().write({"next_try": fields.Datetime.now()})
        recordings._wake_cron()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Zadarma"),
                "message": self.env._(
                    "Recordings being loaded: %(count)s. Export again in a few minutes.", count=len(recordings)
                ),
                "type": "info",
                "next": self._reopen(),
            },
        }

    def _write_export(self, file, part):
        """Write a part of what is known as a zip: a JSON file of the calls, and the recordings that may be kept.

        :param file: open for writing.
        :param int part: from 1 on, each of some hundred calls.
        """
        calls = self._check_number()[(part - 1) * _PART : part * _PART]
        # sudo: zadarma.call - notifications and files of calls that the supervisor may see
        calls_sudo = calls.sudo()
        known = {
            "number": self._get_number().e164 or self.number,
            "company": self.company_id.name,
            "exported": fields.Datetime.now(),
            "part": part,
            "parts": self.part_count,
            "calls": [call._prepare_export() for call in calls_sudo],
        }
        with zipfile.ZipFile(file, "w") as archive:
            text = json.dumps(known, indent=2, ensure_ascii=False, default=json_default)
            archive.writestr("calls.json", text, zipfile.ZIP_DEFLATED)
            for recording in calls_sudo.recording_ids:
                if recording._has_file() and recording._may_export():
                    archive.writestr(f"recordings/{recording._get_file_name()}", recording.attachment_id.raw)
                    recording.attachment_id.invalidate_recordset(["raw"])
        self.env["zadarma.recording.access"]._note("export", calls)

    # === FORGETTING === #

    def action_erase(self):
        """Erase a batch of what is known, and show what is left.

        :raise UserError: where something is under legal hold, or a call goes on.
        """
        calls = self._check_number()
        calls._check_erasable()
        # sudo: zadarma.call - notes, notifications, files and tasks of calls that the supervisor may delete
        calls_sudo = calls.sudo()
        calls_sudo[:_PART]._erase()
        if len(calls) <= _PART:
            calls_sudo._erase_traces(self.company_id, self._get_number())
        calls_sudo.recording_ids._wake_cron()
        self.erased_count += len(calls[:_PART])
        return self._reopen()

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Data of a Number"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }
