from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .zadarma_recording import PLAYABLE

# Zadarma asks to wait for so long after the end of a call.
_READY_AFTER = timedelta(seconds=40)


class ZadarmaCall(models.Model):
    """The recordings of a call."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    recording_ids = fields.One2many("zadarma.recording", "call_id", string="Recordings", readonly=True)
    has_recording = fields.Boolean(
        string="Can Be Heard", compute="_compute_has_recording", search="_search_has_recording"
    )
    legal_hold = fields.Boolean(
        copy=False,
        help="Neither the call nor its recordings are removed, whatever their age, until a supervisor lifts this.",
    )

    def _compute_has_recording(self):
        domain = [("call_id", "in", self.ids), ("state", "in", PLAYABLE)]
        heard = {call.id for (call,) in self.env["zadarma.recording"]._read_group(domain, ["call_id"])}
        for call in self:
            call.has_recording = call.id in heard

    def _search_has_recording(self, operator, value):
        if operator not in ("in", "not in"):
            return NotImplemented
        is_heard = (operator == "in") == (True in value)
        return [("recording_ids", "any" if is_heard else "not any", [("state", "in", PLAYABLE)])]

    # === CRUD === #

    def write(self, vals):
        """Override to write down who sets and lifts a legal hold."""
        if "legal_hold" in vals:
            changed = self.filtered(lambda call: call.legal_hold != bool(vals["legal_hold"]))
            self.env["zadarma.recording.access"]._note("hold" if vals["legal_hold"] else "release", changed)
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_legal_hold(self):
        if self.filtered("legal_hold"):
            raise UserError(
                self.env._(
                    "A call under legal hold cannot be deleted. A supervisor lifts the hold first, if that may be done."
                )
            )

    def unlink(self):
        """Override to delete the files too."""
        # sudo: zadarma.recording - whoever may delete a call may delete what was recorded of it
        self.sudo().recording_ids.unlink()
        return super().unlink()

    # === FROM ZADARMA === #

    def _request_recordings(self):
        """Have a row for each recording of the call, which is loaded later, or deleted where none is wanted."""
        if self.state == "ended" and self.is_recorded:
            self._add_recordings(self._get_recording_keys(), self._prepare_recording_values())

    def _get_recording_keys(self):
        """Return the recordings' ids at Zadarma; of a call whose recording has none yet, false."""
        return list(filter(None, (self.recording_ref or "").split(","))) or [False]

    def _prepare_recording_values(self):
        """Return the values of new recordings of the call, none where recordings do not matter.

        :rtype: dict | None
        """
        company = self.company_id
        ready_at = max((self.date_end or self.date_start) + _READY_AFTER, fields.Datetime.now())
        if self._is_not_to_be_recorded() and not self.legal_hold:
            return {"state": "removed", "next_try": ready_at}
        if not company.zadarma_fetch_recordings or self.date_start < company._zadarma_oldest_recording():
            return None
        # What is history is there to be heard, and not loaded by itself: there may be very many.
        if self._is_recent() and not self.is_settled:
            return {"state": "waiting", "next_try": ready_at}
        return {"state": "remote"}

    def _add_recordings(self, keys, values):
        """Have a row for each recording; those of which the id was not known get it.

        :param list keys: the recordings' ids at Zadarma; false for one that is not known.
        :param dict values: of new rows; none adds none.
        """
        self.ensure_one()
        rows = self.recording_ids
        if values and values["state"] == "removed":
            rows.filtered(lambda row: row.state != "removed")._remove(values["next_try"])
        known = self.env["zadarma.recording"]._find_keys(self.company_id, keys).mapped("key")
        nameless = rows.filtered(lambda row: not row.key)
        for key in keys:
            if key in known or (not key and rows):
                continue
            if nameless:
                nameless[0].key, nameless = key, nameless[1:]
            elif values:
                self.env["zadarma.recording"].create({"call_id": self.id, "key": key, **values})

    def _is_not_to_be_recorded(self):
        """Tell whether the company, or the other party, wants no recordings."""
        self.ensure_one()
        partners = self.partner_id | self.lead_id.partner_id
        partners |= partners.commercial_partner_id
        return self.company_id.zadarma_do_not_record or any(partners.mapped("zadarma_do_not_record"))

    def _add_past_recordings(self, company):
        """Have rows for what was recorded of many calls of the past, with a few statements for all of them.

        :param res.company company: whose calls.
        """
        calls = self.filtered("is_recorded")
        keys = {call: call._get_recording_keys() for call in calls}
        recordings = self.env["zadarma.recording"]
        known = set(recordings._find_keys(company, [key for found in keys.values() for key in found]).mapped("key"))
        rows = []
        for call in calls:
            if values := call._prepare_recording_values():
                new = [key for key in keys[call] if not key or key not in known]
                rows += [{"call_id": call.id, "key": key, **values} for key in new]
                known.update(new)
        recordings.create(rows)
