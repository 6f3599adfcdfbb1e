from odoo import models

# What the web client asks for; the channels it gets are the companies' own.
BOARD_CHANNEL = "zadarma_board"


class IrWebsocket(models.AbstractModel):
    """Whoever looks at the overview of calls hears of their changes."""

    _inherit = "ir.websocket"

    def _build_bus_channel_list(self, channels):
        """Override to let supervisors follow the calls of their companies; nobody else can by any name."""
        if BOARD_CHANNEL in channels:
            channels.remove(BOARD_CHANNEL)
            user = self.env.user
            if user.has_group("zadarma.group_zadarma_manager"):
                channels.extend((company, BOARD_CHANNEL) for company in user.company_ids)
        return super()._build_bus_channel_list(channels)
