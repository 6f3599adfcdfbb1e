from odoo import fields, models
from odoo.exceptions import AccessError


class DigestDigest(models.Model):
    """The digest mails tell people of their calls, and supervisors of all calls of their company."""

    _inherit = "digest.digest"

    kpi_zadarma_answered = fields.Boolean("Calls Answered")
    kpi_zadarma_answered_value = fields.Integer(
        compute="_compute_kpi_zadarma_answered_value", export_string_translation=False
    )
    kpi_zadarma_missed = fields.Boolean("Calls Missed")
    kpi_zadarma_missed_value = fields.Integer(
        compute="_compute_kpi_zadarma_missed_value", export_string_translation=False
    )

    def _compute_kpi_zadarma_answered_value(self):
        self._calculate_zadarma_kpi("kpi_zadarma_answered_value", [("date_talk", "!=", False)])

    def _compute_kpi_zadarma_missed_value(self):
        self._calculate_zadarma_kpi("kpi_zadarma_missed_value", [("is_missed", "=", True)])

    def _calculate_zadarma_kpi(self, name, domain):
        """Count the incoming calls of the digest's time that the reader may see.

        :raise AccessError: for people without calls, whose digest leaves it out then.
        """
        if not self.env.user.has_group("zadarma.group_zadarma_user"):
            raise AccessError(self.env._("You have no access to calls: your digest leaves them out."))
        domain = [("direction", "=", "inbound"), *domain]
        self._calculate_company_based_kpi("zadarma.call", name, date_field="date_start", additional_domain=domain)

    def _compute_kpis_actions(self, company, user):
        """Override to open the calls, and who waits for a call back, from the mail."""
        menu = self.env.ref("crm.crm_menu_root").id
        return {
            **super()._compute_kpis_actions(company, user),
            "kpi_zadarma_answered": f"zadarma.zadarma_call_action_my?menu_id={menu}",
            "kpi_zadarma_missed": f"zadarma.zadarma_missed_call_action?menu_id={menu}",
        }
