from odoo import fields, models


class ZadarmaImportRow(models.Model):
    """A row of the statistics that was not understood, or a call that could not be taken, for people to look at."""

    _name = "zadarma.import.row"
    _description = "Zadarma Row Not Understood"
    _order = "id"
    _log_access = False
    _rec_name = "reason"

    import_id = fields.Many2one("zadarma.import", required=True, readonly=True, ondelete="cascade", index=True)
    reason = fields.Char(required=True, readonly=True)
    payload = fields.Text(string="As Received", required=True, readonly=True)
