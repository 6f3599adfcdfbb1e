"""Past calls and their notifications in a database that has the addon, kept from run to run."""

import hashlib
from pathlib import Path

from .calls import DIALLED
from .people import fill, get_recipe, set_recipe

HERE = Path(__file__).parent
TABLES = ("zadarma_call", "zadarma_call_leg", "zadarma_event")
EVENTS_PER_CALL = 5


def prepare(server, database, people):
    """Put as many calls as there are contacts, and their notifications, into a database with the addon just installed.

    :return: the name of the database to copy: that one with its past.
    """
    name = f"history_{people}"
    recipe = _get_recipe(server, database)
    if get_recipe(server, name) != recipe:
        print(f"Making {people:,} calls and {people * EVENTS_PER_CALL:,} notifications, once …", flush=True)
        server.drop_database(name)
        server.create_database(name, database)
        fill(server, name, TABLES, "history.sql", people=people, calls=people, dialled=DIALLED)
        set_recipe(server, name, recipe)
    return name


def _get_recipe(server, database):
    """Return what a past depends on: how contacts and calls are made, and the tables that hold the calls."""
    columns = server.execute(
        f"""
        SELECT table_name, column_name, data_type FROM information_schema.columns
         WHERE table_name IN {TABLES!r} ORDER BY 1, 2
        """,
        database=database,
    )
    files = b"".join((HERE / name).read_bytes() for name in ("people.sql", "history.sql"))
    return hashlib.sha256(files + repr(columns).encode()).hexdigest()
