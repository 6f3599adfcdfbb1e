import re

from odoo import models

_PHONE_FIELD = re.compile(r"(?:.*_)?(?:phone|mobile)(?:_?\d)?")


class IrUiView(models.Model):
    """Numbers that a view shows as plain text become phone numbers, beside which there is a call button."""

    _inherit = "ir.ui.view"

    def _postprocess_tag_field(self, node, name_manager, node_info):
        """Override to show the numbers of any model as such in lists and on cards, as forms do."""
        result = super()._postprocess_tag_field(node, name_manager, node_info)
        field = name_manager.model._fields.get(node.get("name"))
        if (
            field
            and field.type == "char"
            and node_info.get("view_type") in ("list", "kanban")
            and not node.get("widget")
            and _PHONE_FIELD.fullmatch(field.name)
        ):
            node.set("widget", "phone")
            node.set("options", node.get("options") or "{'enable_sms': false}")
        return result
