from odoo import models


class ResourceCalendar(models.Model):
    """Working hours decide to whom calls are sent."""

    _name = "resource.calendar"
    _inherit = ["resource.calendar", "zadarma.working.time.source"]
