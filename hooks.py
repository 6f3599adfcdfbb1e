"""What Odoo does not do by itself when the addon comes or goes."""


def uninstall_hook(env):
    """Remove the system parameters that belong to nobody once the addon is gone.

    :param odoo.api.Environment env: of the database.
    """
    env["ir.config_parameter"].search([("key", "=like", "zadarma.%")]).unlink()
