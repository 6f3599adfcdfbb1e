"""Installed, used, taken away and installed again, on a database of its own."""

from functools import partial

import pytest

import suite
from common import free_port, run_shell, write_odoo_config

DATABASE = "zadarma_lifecycle"
USE = """
company = env.company
company.write({"zadarma_key": "key", "zadarma_secret": "secret"})
env["ir.config_parameter"].set_param("zadarma.api_url", "http://127.0.0.1:1")
extension = env["zadarma.extension"].create({"number": "101", "user_id": env.ref("base.user_admin").id})
partner = env["res.partner"].create({"name": "Anna Berg", "phone": "+49405550070"})
env["zadarma.blocked.number"].create({"number": "+49405550071", "reason": "Advertising"})
env.cr.commit()
account = company._zadarma_accounts()[company.zadarma_token]
form = {"pbx_call_id": "in_" + "0" * 40, "caller_id": "+49405550070", "called_did": "493012345678"}
now = str(odoo.fields.Datetime.now())
for event in ({"event": "NOTIFY_START"}, {"event": "NOTIFY_END", "disposition": "cancel", "duration": "0"}):
    env["zadarma.event"]._receive(account, {**form, **event, "call_start": now})[1]()
"""
UNINSTALL = 'env["ir.module.module"].search([("name", "=", "zadarma")]).button_immediate_uninstall()'
# Where something of the addon could stay behind, as what is found there.
LEFTOVERS = {
    "tables": "SELECT tablename FROM pg_tables WHERE tablename LIKE 'zadarma%'",
    "columns": "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE column_name ~ 'zadarma'",
    "indexes": "SELECT indexname FROM pg_indexes WHERE indexname ~ 'zadarma'",
    "constraints": "SELECT conname FROM pg_constraint WHERE conname ~ 'zadarma'",
    "functions": "SELECT proname FROM pg_proc WHERE proname ~ 'zadarma'",
    "models": "SELECT model FROM ir_model WHERE model LIKE 'zadarma%'",
    "fields": "SELECT model || '.' || name FROM ir_model_fields WHERE name ~ 'zadarma'",
    "scheduled actions": "SELECT cron_name FROM ir_cron WHERE cron_name ~ 'Zadarma'",
    "parameters": "SELECT key FROM ir_config_parameter WHERE key LIKE 'zadarma%'",
    "data": "SELECT name FROM ir_model_data WHERE module = 'zadarma'",
    "groups": "SELECT name::text FROM res_groups_privilege WHERE name::text ~ 'Zadarma'",
    "activities": "SELECT res_model FROM mail_activity WHERE res_model LIKE 'zadarma%'",
}


@pytest.fixture
def shell(server):
    """Run Python in Odoo's shell on the database, which is dropped afterwards."""
    config = write_odoo_config(server, DATABASE, free_port())
    suite.install(server, DATABASE, config)

    yield partial(run_shell, server, config), config
    server.drop_database(DATABASE)


def test_uninstalling_leaves_nothing_behind(server, shell):
    """What was there before is as it was, and the addon can come back."""
    run, config = shell
    run(USE)
    run(UNINSTALL)
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        found = {}
        for place, query in LEFTOVERS.items():
            cursor.execute(query)
            found[place] = [name for (name,) in cursor.fetchall()]
    connection.close()
    assert {place: names for place, names in found.items() if names} == {}
    suite.install(server, DATABASE, config)
