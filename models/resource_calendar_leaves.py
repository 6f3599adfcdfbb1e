from odoo import models


class ResourceCalendarLeaves(models.Model):
    """Leaves and public holidays decide to whom calls are sent."""

    _name = "resource.calendar.leaves"
    _inherit = ["resource.calendar.leaves", "zadarma.working.time.source"]
