"""A connection to the database that keeps what PostgreSQL has planned.

Odoo clears a connection (``DISCARD ALL``) each time it takes it from its pool, and with it the plans of prepared
statements. To plan the queries of a caller's look-up takes PostgreSQL five times as long as to carry them out.
"""

# A kept cursor has no transaction of Odoo's, and the code of statements comes from SQL objects, their values apart.
# pylint: disable=invalid-commit,sql-injection
import hashlib
import re
import select
import threading
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo.sql_db import Cursor

# The names of the statements that a lent cursor has prepared, and how long one may take. A cursor's own cache would not
# do: it is emptied with each transaction.
_prepared = WeakKeyDictionary()
_time_limits = WeakKeyDictionary()
_lock = threading.Lock()
_free = []


@contextmanager
def kept_cursor(registry):
    """Lend a cursor that may be kept for the next one who asks, one in a process.

    Each statement is a transaction of its own at READ COMMITTED, where rows that others change do not make it fail.

    :param odoo.orm.registry.Registry registry: of the database.
    """
    cr = _take(registry)
    try:
        yield cr
        cr.commit()
    except BaseException:
        _close(cr)
        raise
    _give_back(cr)


@contextmanager
def time_limit(cr, milliseconds):
    """Have PostgreSQL give up what :func:`execute_prepared` asks of it in the block, if a statement takes longer.

    :raise psycopg2.errors.QueryCanceled: in that case.
    """
    _time_limits[cr] = str(int(milliseconds))
    try:
        yield
    finally:
        # In a transaction, unlike on a kept cursor, it would go on for the next statement.
        _time_limits[cr] = "DEFAULT"


def execute_prepared(cr, query):
    """Carry out a query, which a kept cursor needs to plan but once.

    An error is not logged: the log would show all that was asked for.

    :param odoo.sql_db.BaseCursor cr: any cursor.
    :param odoo.tools.SQL query: each parameter has a type that PostgreSQL can tell; the lengths of lists do not matter.
    :return: the rows.
    :rtype: list[tuple]
    """
    prepared, code, params = _prepared.get(cr), query.code, query.params
    if prepared is not None:
        name = prepared.get(code) or _prepare(cr, code)
        code = f"EXECUTE {name}" + (f"({', '.join(['%s'] * len(params))})" if params else "")
    if limit := _time_limits.get(cr):
        code = f"SET LOCAL statement_timeout TO {limit}; {code}"
    cr.execute(code, params, log_exceptions=False)
    return cr.fetchall()


def _prepare(cr, code):
    """Prepare a statement and return its name, which tells what kind it is of, for who reads PostgreSQL's log."""
    name = f"zadarma_{code.split(None, 1)[0].lower()}_{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    places = iter(range(1, code.count("%s") + 1))
    numbered = re.sub("%s", lambda _place: f"${next(places)}", code)
    cr.execute(f"PREPARE {name} AS {numbered}", log_exceptions=False)
    _prepared[cr][code] = name
    return name


def _take(registry):
    """Return the kept cursor, if there is one for this database whose connection is alive, or else a new one."""
    with _lock:
        cr = _free.pop() if _free else None
    if cr and cr.dbname == registry.db_name and _is_alive(cr):
        return cr
    if cr:
        _close(cr)
    cr = registry.cursor()
    _prepared[cr] = {}
    if _is_real(cr):
        cr.connection.set_session(isolation_level=ISOLATION_LEVEL_READ_COMMITTED, autocommit=True)
        cr.execute("SET plan_cache_mode = force_generic_plan")
    return cr


def _give_back(cr):
    with _lock:
        is_kept = _is_real(cr) and not _free
        if is_kept:
            _free.append(cr)
    if not is_kept:
        _close(cr)


def _close(cr):
    """Close a cursor. One of a test has its connection, and so its prepared statements, in common with others."""
    if not _is_real(cr):
        cr.rollback()
        for name in _prepared[cr].values():
            cr.execute(f"DEALLOCATE {name}")
        cr.commit()
    cr.close()


def _is_real(cr):
    """Tell whether a cursor has a connection of its own, which those of tests have not."""
    return isinstance(cr, Cursor)


def _is_alive(cr):
    """Tell whether PostgreSQL is still there: unasked, it sends nothing but its goodbye."""
    if cr.closed:
        return False
    readable, _writable, _failed = select.select([cr.connection], [], [], 0)
    return not readable
