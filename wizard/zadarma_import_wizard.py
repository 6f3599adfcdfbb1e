from datetime import datetime, time, timedelta, timezone

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.res_company import get_zone
from ..models.zadarma_import import RIPE_AFTER
from ..zadarma_api.statistics import Window


class ZadarmaImportWizard(models.TransientModel):
    """Asks for the period of which past calls are imported."""

    _name = "zadarma.import.wizard"
    _description = "Import Past Zadarma Calls"

    company_id = fields.Many2one(
        "res.company",
        required=True,
        default=lambda self: self.env.company,
        domain=lambda self: [("id", "in", self.env.companies.ids)],
    )
    date_from = fields.Date(
        string="From", required=True, default=lambda self: fields.Date.context_today(self) - timedelta(days=90)
    )
    date_to = fields.Date(string="To", required=True, default=fields.Date.context_today, help="This day included.")
    has_consequences = fields.Boolean(
        string="Also create what follows from calls",
        help="Leads, activities and notes, as far as they are switched on, as if these calls had just been made.",
    )
    requests = fields.Integer(compute="_compute_requests")

    @api.depends("date_from", "date_to", "company_id")
    def _compute_requests(self):
        for wizard in self:
            wizard.requests = Window.count(*wizard._get_period()) if wizard.date_from and wizard.date_to else 0

    def _get_period(self):
        """Return the first moment of the first day and the first after the last one, by the account's clock.

        :rtype: tuple[datetime, datetime]
        """
        zone = get_zone(self.company_id.zadarma_tz)
        return tuple(
            datetime.combine(day, time(), zone).astimezone(timezone.utc)
            for day in (self.date_from, self.date_to + timedelta(days=1))
        )

    def action_import(self):
        """Have the calls of the period imported, and show how far that is.

        :raise UserError: where the period makes no sense or the account is not set up.
        """
        self.ensure_one()
        self.check_access("write")
        if self.company_id not in self.env.companies:
            raise UserError(self.env._("Choose one of your companies."))
        start, end = (moment.replace(tzinfo=None) for moment in self._get_period())
        end = min(end, fields.Datetime.now() - RIPE_AFTER)
        if start >= end:
            raise UserError(self.env._("The period must begin before it ends, and in the past."))
        self.company_id._zadarma_client()  # says what to do where the account is not set up
        # sudo: zadarma.import - whoever may open this dialog may have calls imported
        runs_sudo = self.env["zadarma.import"].sudo()
        run = runs_sudo.create(
            {
                "company_id": self.company_id.id,
                "kind": "import",
                "user_id": self.env.uid,
                "date_from": start,
                "date_to": end,
                "position": start,
                "has_consequences": self.has_consequences,
            }
        )
        runs_sudo._wake_cron()
        return {
            "type": "ir.actions.act_window",
            "res_model": "zadarma.import",
            "res_id": run.id,
            "views": [(False, "form")],
        }
