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
    if _get_recipe(server, name) != recipe:
        print(f"Making {people:,} contacts, once …", flush=True)
        server.drop_database(name)
        server.create_database(name)
        _fill(server, name, people)
        _check(server, name)
        server.execute(f"COMMENT ON DATABASE {{}} IS '{recipe}'", name)
    return name


def _get_recipe(server, name):
    """Return how a database was made, nothing if it is not there or not complete."""
    rows = server.execute(f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'")
    return rows[0][0] if rows else None


def _fill(server, name, people):
    """Fill the tables. Their indexes are made anew afterwards, which takes a fraction of the time."""
    # As superuser: foreign keys of rows that are right by construction need no check each.
    connection = server.connect(name, user="postgres")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '256MB'")
            cursor.execute(
                """
                SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
                 WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary
                """,
                [TABLES],
            )
            indexes = cursor.fetchall()
            for index, _definition in indexes:
                cursor.execute(f"DROP INDEX {index}")
            cursor.execute("SELECT max(id) + 1 FROM res_partner")
            values = {
                "first": cursor.fetchone()[0],
                "people": people,
                "shared": SHARED,
                "shared_number": SHARED_NUMBER,
                "unread_number": UNREAD_NUMBER,
            }
            cursor.execute((HERE / "people.sql").read_text(), values)
            for _index, definition in indexes:
                cursor.execute(definition)
            for table in TABLES:
                cursor.execute(f"VACUUM ANALYZE {table}")
    finally:
        connection.close()


def _check(server, name):
    """Have Odoo compute a sample of the rows itself."""
    config = write_odoo_config(server, name, free_port(), log_level="warn")
    environment = {**os.environ, **server.environment}
    if call([PYTHON, HERE / "check_people.py", config, name], env=environment):
        raise CommandError(f"the contacts of {name} are not what Odoo computes of them; see above")
