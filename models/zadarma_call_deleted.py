from odoo import api, fields, models
from odoo.tools import SQL


class ZadarmaCallDeleted(models.Model):
    """A call that people deleted: statistics must not bring it back. Says nothing of who called."""

    _name = "zadarma.call.deleted"
    _description = "Zadarma Deleted Call"
    _log_access = False
    _rec_name = "pbx_call_id"

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    pbx_call_id = fields.Char(required=True, readonly=True)

    _call_uniq = models.UniqueIndex("(company_id, pbx_call_id)", "This call is known to be deleted.")

    @api.model
    def _remember(self, calls):
        """Keep in mind that these calls are deleted."""
        # sudo: zadarma.call, zadarma.call.alias - ids and companies, whoever may delete the call
        calls_sudo, aliases_sudo = calls.sudo(), self.env["zadarma.call.alias"].sudo()
        rows = {(call.company_id.id, call.pbx_call_id) for call in calls_sudo if call.pbx_call_id}
        parts_sudo = aliases_sudo.search(
            [("part", ">", 0), "|", ("call_id", "in", calls.ids), ("pbx_call_id", "in", [row[1] for row in rows])]
        )
        for part_sudo in parts_sudo:
            row = (part_sudo.company_id.id, part_sudo.pbx_call_id)
            # What became part of a call made by a click is not gone.
            (rows.add if part_sudo.call_id in calls_sudo else rows.discard)(row)
        if rows:
            self.env.cr.execute_values(
                "INSERT INTO zadarma_call_deleted (company_id, pbx_call_id) VALUES %s ON CONFLICT DO NOTHING",
                list(rows),
            )

    @api.model
    def _find(self, company, call_ids):
        """Return those of these calls that people deleted.

        :rtype: set[str]
        """
        query = SQL(
            "SELECT pbx_call_id FROM zadarma_call_deleted WHERE company_id = %s AND pbx_call_id = ANY(%s)",
            company.id,
            list(call_ids),
        )
        return {call_id for (call_id,) in self.env.execute_query(query)}
