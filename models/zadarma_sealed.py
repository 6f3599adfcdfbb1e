from odoo import models


class ZadarmaSealed(models.AbstractModel):
    """A record of which people change what they decide, and the server alone the rest.

    For Odoo a readonly field is a matter of views: whoever may write a record may write the field by RPC. Here the
    server follows such fields with all rights, to other records too.
    """

    _name = "zadarma.sealed"
    _description = "Fields for the Server Alone"

    def _has_field_access(self, field, operation):
        """Override to keep people from writing readonly fields."""
        if operation == "write" and field.readonly and not self.env.su:
            return False
        return super()._has_field_access(field, operation)
