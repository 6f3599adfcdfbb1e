from odoo import models


class ResourceCalendarAttendance(models.Model):
    """The hours of working hours decide to whom calls are sent."""

    _name = "resource.calendar.attendance"
    _inherit = ["resource.calendar.attendance", "zadarma.working.time.source"]
