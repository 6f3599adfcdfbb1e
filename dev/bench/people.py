"""A database of contacts and leads, without the addon, kept from run to run."""

import hashlib
import os
from pathlib import Path

from common import PYTHON, CommandError, call, free_port, write_odoo_config

HERE = Path(__file__).parent
SHARED = 5_000
SHARED_NUMBER = "+493012345678"
UNREAD_NUMBER = "+380670000000"
TABLES = ["res_partner", "crm_lead"]


def prepare(server, people):
    """Make sure that there is a database with so many contacts, and a twentieth as many leads; return its name."""
    name = f"people_{people}"
    recipe = hashlib.sha256(b"".join((HERE / file).read_bytes() for file in ("people.sql", "people.py"))).hexdigest()
    if get_recipe(server, name) != recipe:
        print(f"Making {people:,} contacts, once …", flush=True)
        server.drop_database(name)
        server.create_database(name)
        values = {"people": people, "shared": SHARED, "shared_number": SHARED_NUMBER, "unread_number": UNREAD_NUMBER}
        fill(server, name, TABLES, "people.sql", **values)
        _check(server, name)
        set_recipe(server, name, recipe)
    return name


def get_recipe(server, name):
    """Return how a database was made, nothing if it is not there or not complete."""
    rows = server.execute(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'")
    return rows[0][0] if rows else None


def set_recipe(server, name, recipe):
    """Remember how a database was made, now that it is complete."""
    server.execute(f"COMMENT ON DATABASE {{}} IS '{recipe}'", name)


def fill(server, name, tables, script, **values):
    """Fill tables of a database. Their indexes are made anew afterwards, which takes a fraction of the time.

    :param script: the file of SQL that inserts the rows, whose parameters are `values` and ``first``: the first id of a
        contact that is made.
    """
    # As superuser: foreign keys of rows that are right by construction need no check each.
    connection = server.connect(name, user="postgres")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '256MB'")
            cursor.execute(
                """
                SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
                 WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary
                       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
                """,
                [list(tables)],
            )
            indexes = cursor.fetchall()
            for index, _definition in indexes:
                cursor.execute(f"DROP INDEX {index}")
            cursor.execute("SELECT max(id) + 1 FROM res_partner")
            first = cursor.fetchone()[0] - (0 if "res_partner" in tables else values["people"])
            cursor.execute((HERE / script).read_text(), {**values, "first": first})
            for _index, definition in indexes:
                cursor.execute(definition)
            for table in tables:
                cursor.execute(f"VACUUM ANALYZE {table}")
    finally:
        connection.close()


def _check(server, name):
    """Have Odoo compute a sample of the rows itself."""
    config = write_odoo_config(server, name, free_port(), log_level="warn")
    environment = {**os.environ, **server.environment}
    if call([PYTHON, HERE / "check_people.py", config, name], env=environment):
        raise CommandError(f"the contacts of {name} are not what Odoo computes of them; see above")
