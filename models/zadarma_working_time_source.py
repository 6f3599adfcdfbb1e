from odoo import api, models


class ZadarmaWorkingTimeSource(models.AbstractModel):
    """What working times come from: a change of it has them made anew, soon and apart from whoever changes it."""

    _name = "zadarma.working.time.source"
    _description = "Source of Working Times"

    @api.model_create_multi
    def create(self, vals_list):
        """Override to have working times made anew."""
        records = super().create(vals_list)
        self._refresh_working_times()
        return records

    def write(self, vals):
        """Override to have working times made anew."""
        result = super().write(vals)
        self._refresh_working_times()
        return result

    def unlink(self):
        """Override to have working times made anew."""
        result = super().unlink()
        self._refresh_working_times()
        return result

    @api.model
    def _refresh_working_times(self):
        """Have the cron refresh working times once this transaction is committed, if calls are routed anywhere."""
        accounts = self.env["res.company"]._zadarma_accounts()
        is_asked = self.env.cr.precommit.data.setdefault("zadarma.working.time", False)
        if is_asked or not any(account.route_calls for account in accounts.values()):
            return
        self.env.cr.precommit.data["zadarma.working.time"] = True
        # sudo: ir.cron - whoever changes working hours makes that known
        cron = self.env.ref("zadarma.ir_cron_working_time", raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger()
