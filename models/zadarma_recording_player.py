from odoo import models


class ZadarmaRecording(models.Model):
    """What the player asks the server; see ``static/src/recording_player``."""

    # A recording has several sides, each in a file of its own.
    _inherit = "zadarma.recording"  # pylint: disable=consider-merging-classes-inherited

    def get_player_values(self):
        """Return what has become of recordings, of those which are there and which the user may hear.

        :rtype: list[dict]
        """
        return self.exists()._filtered_access("read")._get_player_values()
