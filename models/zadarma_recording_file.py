from odoo import models


class ZadarmaRecordingFile(models.AbstractModel):
    """What the files of recordings are attached to.

    An attachment is for whoever may read its record. Nobody may read this one, so that a recording is heard through
    its own route alone, where each listening is written down.
    """

    _name = "zadarma.recording.file"
    _description = "Zadarma Recording File"
