from odoo import models


class MailActivity(models.Model):
    """What people do with the activity of a missed call, they do with the missed call."""

    _inherit = "mail.activity"

    def write(self, vals):
        """Override to let a missed call go to whom, and to when, its activity goes."""
        result = super().write(vals)
        if {"user_id", "date_deadline"} & vals.keys():
            self._get_zadarma_missed_calls()._follow_activity()
        return result

    def unlink(self):
        """Override to close the missed calls whose activity a person cancels; what goes with its record is no word."""
        rows = self.env["zadarma.missed.call"] if self.env.su else self._get_zadarma_missed_calls()
        result = super().unlink()
        rows._close_by_person()
        return result

    def _action_done(self, feedback=False, attachment_ids=None):
        """Override to close the missed calls whose activity is done."""
        rows = self._get_zadarma_missed_calls()
        result = super()._action_done(feedback=feedback, attachment_ids=attachment_ids)
        rows._close_by_person()
        return result

    def _get_zadarma_missed_calls(self):
        """Return the callers who wait, for whom these activities stand."""
        # sudo: zadarma.missed.call - whoever may do something with an activity does it with what it stands for
        rows_sudo = self.env["zadarma.missed.call"].sudo()
        return rows_sudo.search([("activity_id", "in", self.ids), ("state", "=", "open")])
