from odoo import fields, models


class ZadarmaCall(models.Model):
    """The recordings of a call."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    recording_ids = fields.One2many("zadarma.recording", "call_id", string="Recordings", readonly=True)
    has_recording = fields.Boolean(
        string="Can Be Heard", compute="_compute_has_recording", search="_search_has_recording"
    )
    legal_hold = fields.Boolean(
        copy=False, help="Neither the call nor its recordings are removed, whatever their age, until this is lifted."
    )

    def _compute_has_recording(self):
        domain = [("call_id", "in", self.ids), ("state", "in", ("remote", "stored"))]
        heard = {call.id for (call,) in self.env["zadarma.recording"]._read_group(domain, ["call_id"])}
        for call in self:
            call.has_recording = call.id in heard

    def _search_has_recording(self, operator, value):
        if operator not in ("in", "not in"):
            return NotImplemented
        is_heard = (operator == "in") == (True in value)
        domain = [("state", "in", ("remote", "stored"))]
        return [("recording_ids", "any" if is_heard else "not any", domain)]

    def unlink(self):
        """Override to delete the files too."""
        # sudo: zadarma.recording - whoever may delete a call may delete what was recorded of it
        self.sudo().recording_ids.unlink()
        return super().unlink()
