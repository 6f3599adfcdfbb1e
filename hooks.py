"""What Odoo does not do by itself when the addon comes or goes."""


def uninstall_hook(env):
    """Remove what belongs to nobody once the addon is gone: system parameters and recordings.

    :param odoo.api.Environment env: of the database.
    """
    env["ir.config_parameter"].search([("key", "=like", "zadarma.%")]).unlink()
    env["ir.attachment"].search([("res_model", "=", "zadarma.recording.file")]).unlink()
