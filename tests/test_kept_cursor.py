import psycopg2

from odoo.modules.registry import Registry
from odoo.tests.common import BaseCase, get_db_name, tagged
from odoo.tools import SQL

from .. import kept_cursor as module
from ..kept_cursor import execute_prepared, kept_cursor, time_limit


@tagged("post_install", "-at_install")
class TestKeptCursor(BaseCase):
    """With connections of their own, which tests seldom have; nothing is written."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        self._forget()
        self.addCleanup(self._forget)

    def _forget(self):
        while module._free:
            module._free.pop().close()

    def _lend(self):
        """Return a cursor that was lent and given back."""
        with kept_cursor(self.registry) as cr:
            return cr

    def _pid(self, cr):
        return execute_prepared(cr, SQL("SELECT pg_backend_pid()"))[0][0]

    def test_next_one_gets_the_same_cursor(self):
        self.assertIs(self._lend(), self._lend())

    def test_one_is_kept(self):
        with kept_cursor(self.registry) as one, kept_cursor(self.registry) as other:
            self.assertIsNot(one, other)
        self.assertEqual((len(module._free), one.closed, other.closed), (1, True, False))

    def test_one_that_failed_is_not_kept(self):
        with self.assertRaises(ZeroDivisionError), kept_cursor(self.registry) as cr:
            raise ZeroDivisionError
        self.assertTrue(cr.closed)
        self.assertFalse(module._free)

    def test_one_of_another_database_is_closed(self):
        cr = self._lend()
        cr.dbname = "other"
        self.assertIsNot(self._lend(), cr)
        self.assertTrue(cr.closed)

    def test_one_whose_server_is_gone_is_replaced(self):
        with kept_cursor(self.registry) as cr:
            gone = self._pid(cr)
        with self.registry.cursor() as killer:
            # Waits for its end, so that the goodbye is there.
            killer.execute("SELECT pg_terminate_backend(%s, 5000)", [gone])
        with kept_cursor(self.registry) as cr:
            self.assertNotEqual(self._pid(cr), gone)

    def test_statement_is_planned_once(self):
        query = SQL("SELECT %s::integer + %s::integer", 1, 2)
        for _time in range(3):
            with kept_cursor(self.registry) as cr:
                self.assertEqual(execute_prepared(cr, query), [(3,)])
        with kept_cursor(self.registry) as cr:
            cr.execute("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements")
            ((name, generic, custom),) = cr.fetchall()
        self.assertRegex(name, "^zadarma_select_[0-9a-f]{16}$")
        self.assertEqual((generic, custom), (3, 0))

    def test_what_is_done_is_committed_at_once(self):
        with kept_cursor(self.registry) as cr, self.registry.cursor() as other:
            execute_prepared(cr, SQL("SELECT pg_advisory_xact_lock(%s)", 4711))
            other.execute("SELECT pg_try_advisory_xact_lock(4711)")
            self.assertTrue(other.fetchone()[0], "the transaction of the first is over, and so is its lock")
            cr.execute("SHOW transaction_isolation")
            self.assertEqual(cr.fetchone(), ("read committed",))

    def test_time_limit_ends_with_its_block(self):
        slow = SQL("SELECT count(pg_sleep(%s))", 0.2)
        with kept_cursor(self.registry) as cr:
            with time_limit(cr, 20), self.assertRaises(psycopg2.errors.QueryCanceled):
                execute_prepared(cr, slow)
            self.assertEqual(execute_prepared(cr, slow), [(1,)])

    def test_cursor_of_others_plans_as_ever(self):
        with self.registry.cursor() as cr:
            self.assertEqual(execute_prepared(cr, SQL("SELECT %s::integer", 1)), [(1,)])
            cr.execute("SELECT count(*) FROM pg_prepared_statements")
            self.assertEqual(cr.fetchone(), (0,))
