"""Queries that PostgreSQL plans once a connection instead of once a call."""

from odoo.tools import SQL


def define_planned_query(cr, name, parameters, columns, query):
    """Put a query into a function of the database.

    Of a function in PL/pgSQL the plan is kept for as long as a connection lives, and made anew when a table changes
    (https://www.postgresql.org/docs/current/plpgsql-implementation.html). For a query that reads few rows of many
    tables, planning would take several times as long as carrying it out.

    :param Cursor cr: of the database.
    :param str name: the function's name, ours alone; uninstalling drops it.
    :param str parameters: names and types, which the query uses by name.
    :param str columns: names and types of what it returns. Where a table has a column of such a name, that is meant.
    :param SQL query: what is asked, the same whatever the arguments are: there is one plan for all.
    """
    cr.execute(
        SQL(
            """
            DROP FUNCTION IF EXISTS %(name)s;
            CREATE FUNCTION %(name)s(%(parameters)s) RETURNS TABLE (%(columns)s)
                LANGUAGE plpgsql STABLE SET plan_cache_mode TO force_generic_plan AS
            $$#variable_conflict use_column
              BEGIN RETURN QUERY %(query)s; END$$
            """,
            name=SQL.identifier(name),
            parameters=SQL(parameters),
            columns=SQL(columns),
            query=query,
        )
    )
