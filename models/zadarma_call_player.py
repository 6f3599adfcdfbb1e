from collections import defaultdict

from odoo import api, fields, models


class ZadarmaCall(models.Model):
    """What plays the recordings of a call, wherever the call is shown."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    player = fields.Json(
        string="Recording",
        compute="_compute_player",
        help="What plays the recordings that the user may hear; comes with the call, so that a list asks once.",
    )

    @api.depends("recording_ids.state", "recording_ids.error", "recording_ids.transcript_state")
    @api.depends_context("uid", "lang")
    def _compute_player(self):
        players = self._get_players()
        for call in self:
            call.player = players.get(call.id, False)

    def _get_players(self):
        """Return what plays the recordings of calls, those that the user may hear.

        :return: by id of the call, a list of what
            :meth:`odoo.addons.zadarma.models.zadarma_recording.ZadarmaRecording._get_player_values` tells of each.
        :rtype: dict[int, list[dict]]
        """
        recordings = self.env["zadarma.recording"]
        players = defaultdict(list)
        if recordings.has_access("read"):
            for values in recordings.search([("call_id", "in", self.ids)], order="id")._get_player_values():
                players[values["call_id"]].append(values)
        return dict(players)
