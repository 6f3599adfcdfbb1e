"""A database of an earlier version, in which people have worked, is updated to what people install now.

`upgrade_from.txt` names the commit of the earlier version: the last release, once there is one.
"""

import io
import subprocess
import tarfile
import zipfile

import package
import pytest

import postgres
import suite
from common import core_addons, free_port, run_odoo, run_shell, write_odoo_config

DATABASE = "zadarma_upgrade"
EARLIER = (package.ROOT / "dev" / "release" / "upgrade_from.txt").read_text().strip()
# Runs with the earlier version's code, and knows what that knows.
WORK = """
from datetime import datetime, timedelta
company, admin = env.company, env.ref("base.user_admin")
company.write({
    "zadarma_key": "key", "zadarma_secret": "secret", "zadarma_tz": "Europe/Berlin", "zadarma_route_calls": True,
    "zadarma_create_records": True, "zadarma_recording_days": 90, "zadarma_return_timeout": 7,
})
env["ir.config_parameter"].set_param("zadarma.api_url", "http://127.0.0.1:1")
admin.write({"zadarma_sound": not admin.zadarma_sound, "zadarma_ask_outcome": False})
env.ref("zadarma.zadarma_call_outcome_interested").name = "Keen"
env.ref("zadarma.ir_cron_sweep").interval_number = 3
env["zadarma.extension"].create({"number": "101", "user_id": admin.id})
env["zadarma.number"].create({"number": "+493012345678", "name": "Berlin", "user_id": admin.id})
env["zadarma.blocked.number"].create({"number": "+49405550071", "reason": "Advertising"})
anna = env["res.partner"].create({"name": "Anna Berg", "phone": "+49405550070", "zadarma_do_not_record": True})
lead = env["crm.lead"].create({"name": "Solar roof", "phone": "+49405550072", "type": "opportunity"})
env.cr.commit()

account = company._zadarma_accounts()[company.zadarma_token]
now = datetime.now().replace(microsecond=0)

def call(number, caller, *events):
    form = {"pbx_call_id": f"in_{number:040x}", "caller_id": caller, "called_did": "493012345678",
            "call_start": str(now - timedelta(hours=number))}
    for event, values in events:
        env["zadarma.event"]._receive(account, {**form, "event": f"NOTIFY_{event}", **values})[1]()
    return env["zadarma.call"].search([("pbx_call_id", "=", form["pbx_call_id"])])

ring = ("INTERNAL", {"internal": "101"})
answer = ("ANSWER", {"internal": "101", "destination": "101"})
end = ("END", {"disposition": "answered", "duration": "42", "is_recorded": "1", "call_id_with_rec": "1740823200.1"})
talked = call(1, "+49405550070", ("START", {}), ring, answer, end)
call(2, "+49405550072", ("START", {}), ring, ("END", {"disposition": "no answer", "duration": "0"}))
call(3, "+49405550071", ("START", {}))
call(4, "+49405550079", ("START", {}), ring)
recording = talked.recording_ids or env["zadarma.recording"].create({"call_id": talked.id, "key": "1740823200.1"})
recording._store(b"\\xff\\xfb\\x18\\xc4" + bytes(1440), "audio/mpeg")
recording.state = "stored"
talked.write({"outcome_id": env.ref("zadarma.zadarma_call_outcome_interested").id, "legal_hold": True})
env["zadarma.call.list"].with_user(admin)._make(anna + env["res.partner"])
admin.group_ids += env.ref("zadarma.group_zadarma_manager")
env["ir.filters"].create({"name": "Mine", "model_id": "zadarma.call", "domain": "[('user_id', '=', uid)]"})
"""
# Runs with the earlier code after the work: no table stays without a row, and no column without a value, that an update
# could lose. What they mean together is of no matter, so they go past the models.
FILL = """
import json
from odoo.tools import SQL

def value(field):
    if field.type == "many2one":
        return env[field.comodel_name].with_context(active_test=False).search([], limit=1).id
    if field.type == "selection":
        return field.get_values(env)[-1]
    if field.type == "json" or field.translate:
        return json.dumps({"en_US": "text"})
    moments = {"date": "2026-03-01", "datetime": "2026-03-01 09:00:00"}
    numbers = dict.fromkeys(("integer", "float", "monetary", "many2one_reference"), 7)
    return {**moments, **numbers, "boolean": True}.get(field.type, "text")

def columns(model, prefix=""):
    return [field for field in model._fields.values()
            if field.store and field.column_type and field.name.startswith(prefix) and field.name != "id"]

for model in map(env.__getitem__, env):
    if model._abstract or model._transient or not model._auto:
        continue
    if model._name.startswith("zadarma."):
        fields = columns(model)
        env.cr.execute(SQL(
            "INSERT INTO %s (%s) VALUES (%s)", SQL.identifier(model._table),
            SQL(", ").join(SQL.identifier(field.name) for field in fields),
            SQL(", ").join(SQL("%s", value(field)) for field in fields),
        ))
    for field in columns(model, "zadarma_"):
        column = SQL.identifier(field.name)
        env.cr.execute(SQL(
            "UPDATE %s SET %s = %s WHERE %s IS NULL OR %s::text ~ '^(false|[0.]+)$'",
            SQL.identifier(model._table), column, value(field), column, column,
        ))
    for field in model._fields.values():
        if field.type == "many2many" and field.store and "zadarma" in field.relation:
            env.cr.execute(SQL(
                "INSERT INTO %s VALUES (%s, %s) ON CONFLICT DO NOTHING", SQL.identifier(field.relation),
                model.search([], limit=1).id, env[field.comodel_name].search([], limit=1).id,
            ))
"""
# Runs with the new code: whatever the database holds can be shown, and calls that are under way go on.
GO_ON = """
for name in env:
    if name.startswith("zadarma.") and not env[name]._abstract and env[name]._auto:
        env[name].with_context(active_test=False).search([]).read()
company = env.company
form = {"event": "NOTIFY_END", "pbx_call_id": f"in_{4:040x}", "caller_id": "+49405550079", "called_did": "493012345678"}
form |= {"call_start": str(env["zadarma.call"].search([("pbx_call_id", "=", form["pbx_call_id"])]).date_start)}
account = company._zadarma_accounts()[company.zadarma_token]
env["zadarma.event"]._receive(account, {**form, "disposition": "no answer", "duration": "0"})[1]()
call = env["zadarma.call"].search([("pbx_call_id", "=", form["pbx_call_id"])])
assert (call.state, call.result) == ("ended", "no_answer"), call.result
recording = env["zadarma.recording"].search([("state", "=", "stored")])
assert len(recording.sudo().attachment_id.raw) == 1444, recording
"""
# What wizards hold is gone tomorrow.
TABLES = """
    SELECT tablename
      FROM pg_tables
     WHERE tablename LIKE '%zadarma%'
           AND tablename NOT IN (SELECT replace(model, '.', '_') FROM ir_model WHERE transient)
"""
FIELDS = """
    SELECT table_name, string_agg(column_name, ', ')
      FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name LIKE '%zadarma%' AND table_name NOT LIKE '%zadarma%'
           AND table_name NOT IN (SELECT replace(model, '.', '_') FROM ir_model WHERE transient)
  GROUP BY table_name
"""
OTHER_ROWS = {
    "parameters": "SELECT id, key, value FROM ir_config_parameter WHERE key LIKE 'zadarma.%'",
    "scheduled actions": "SELECT id, active, interval_number FROM ir_cron WHERE cron_name LIKE 'Zadarma%'",
    "files": "SELECT id, res_model, checksum FROM ir_attachment WHERE res_model LIKE 'zadarma%'",
    "notes": "SELECT id, body, author_id FROM mail_message WHERE model IN ('crm.lead', 'res.partner')",
    "activities": "SELECT id, summary, user_id FROM mail_activity",
    "filters": "SELECT id, domain FROM ir_filters WHERE model_id LIKE 'zadarma%'",
    "rights": """
        SELECT uid, gid
          FROM res_groups_users_rel JOIN ir_model_data ON model = 'res.groups' AND res_id = gid
         WHERE module = 'zadarma'
    """,
}


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL that is thrown away afterwards."""
    with postgres.server() as server:
        yield server
        server.drop_database(DATABASE)


@pytest.fixture(scope="module")
def configuration(server, tmp_path_factory):
    """Return a function that lays the addon of an archive into a folder, and returns how Odoo runs with it."""

    def configure(archive):
        addons = tmp_path_factory.mktemp("addons")
        archive.extractall(addons)
        return write_odoo_config(server, DATABASE, free_port(), addons_path=f"{addons},{core_addons()}")

    return configure


def earlier_addon():
    """Return an archive with the addon of the earlier version."""
    command = ["git", "archive", "--format=tar", "--prefix=zadarma/", EARLIER]
    return tarfile.open(fileobj=io.BytesIO(subprocess.check_output(command, cwd=package.ROOT)))


def present_addon(folder):
    """Return the zip that people get."""
    return zipfile.ZipFile(package.make_zip(folder / package.build_wheel(folder)))


def rows(server):
    """Return what the database holds of the addon: rows as dictionaries, by table and id."""
    queries = dict(OTHER_ROWS)
    queries |= {name: f"SELECT * FROM {name}" for (name,) in server.execute(TABLES, database=DATABASE)}
    queries |= {name: f"SELECT id, {names} FROM {name}" for name, names in server.execute(FIELDS, database=DATABASE)}
    return {name: read(server, query) for name, query in queries.items()}


def read(server, query):
    """Return the rows of a query as dictionaries by what identifies them."""
    found = [row for (row,) in server.execute(f"SELECT to_jsonb(found) FROM ({query}) found", database=DATABASE)]
    return {row.get("id") or tuple(row.values()): row for row in found}


def unused(found):
    """Return what of the database holds nothing that could be lost: tables without rows, columns without values."""
    names = {table: {name for row in known.values() for name in row} for table, known in found.items()}
    empty = [table for table, known in found.items() if not known]
    return empty + [
        f"{table}.{name}"
        for table in found
        for name in sorted(names[table])
        if not any(row[name] for row in found[table].values())
    ]


def test_database_of_an_earlier_version_is_updated(server, configuration, tmp_path):
    """Nothing is lost or changed, nothing is complained of, and work goes on."""
    config = configuration(earlier_addon())
    server.create_database(DATABASE)
    code, log = run_odoo(server, config, "-i", "zadarma")
    assert code == 0, "".join(log)
    run_shell(server, config, WORK)
    worked_with = {"zadarma_call", "zadarma_recording", "zadarma_missed_call", "zadarma_call_list_line"}
    assert not [name for name, found in rows(server).items() if name in worked_with and not found]
    run_shell(server, config, FILL)
    before = rows(server)
    assert not unused(before)

    config = configuration(present_addon(tmp_path))
    suite.install(server, DATABASE, config)
    after = rows(server)
    for table, known in before.items():
        for identity, row in known.items():
            found = after[table].get(identity, {})
            assert {name: found.get(name) for name in row} == row, table
    run_shell(server, config, GO_ON)
