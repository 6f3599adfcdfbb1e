from odoo import models


class ResourceResource(models.Model):
    """Whose working hours are whose decides to whom calls are sent."""

    _name = "resource.resource"
    _inherit = ["resource.resource", "zadarma.working.time.source"]
