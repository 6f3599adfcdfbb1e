import itertools
import re
import statistics
import time

from lxml import etree

from odoo import SUPERUSER_ID, fields, http
from odoo.http import request


class ZadarmaBench(http.Controller):
    """The least that Odoo does for a request, and the plans of the look-ups."""

    # csrf: nobody is logged in; so for all of these.
    @http.route("/zadarma_bench/floor", type="http", auth="none", csrf=False, save_session=False)
    def floor(self, **_params):
        """Answer nothing."""
        return self._nothing()

    @http.route("/zadarma_bench/public", type="http", auth="public", csrf=False, save_session=False)
    def public_floor(self, **_params):
        """Answer nothing to Odoo's public user."""
        return self._nothing()

    @http.route("/zadarma_bench/store", type="http", auth="none", csrf=False, save_session=False)
    def storing_floor(self, **_params):
        """Store a row and answer nothing."""
        request.env.cr.execute(
            """
            INSERT INTO ir_logging (create_date, type, name, level, message, path, func, line)
                 VALUES (now() AT TIME ZONE 'UTC', 'server', 'zadarma_bench', 'INFO', 'A row', '', '', '0')
            """
        )
        return self._nothing()

    @http.route("/zadarma_bench/notify", type="http", auth="none", csrf=False, save_session=False)
    def notify(self, **_params):
        """Show the administrator a notification, as anything in Odoo may."""
        admin = request.env(user=SUPERUSER_ID)["res.users"].browse(2)
        admin._bus_send("simple_notification", {"title": "Bench", "message": "A notification", "sticky": True})
        return self._nothing()

    @http.route("/zadarma_bench/screens", type="http", auth="none", csrf=False, save_session=False)
    def screens(self, **_params):
        """Return the seconds in which the administrator gets what screens show, the median of several times."""
        env = request.env(user=2)
        partner = env["zadarma.call"].search([("partner_id", "!=", False)], limit=1).partner_id
        written = env["zadarma.call"].search([("number", "!=", False)], limit=1).number_display
        searched = [("number_display", "ilike", written)]
        actions = {
            "List of calls": lambda: self._read_list(env["zadarma.call"]),
            "List of missed calls": lambda: self._read_list(env["zadarma.call"], [("is_missed", "=", True)]),
            "Search for a number": lambda: self._read_list(env["zadarma.call"], searched),
            "Smart button of a contact": lambda: partner.read(["zadarma_call_count", "zadarma_last_call"]),
        }
        return request.make_json_response({title: self._time(env, action) for title, action in actions.items()})

    @http.route("/zadarma_bench/list", type="http", auth="none", csrf=False, save_session=False)
    def call_list(self, **_params):
        """Read what the administrator's list of calls shows."""
        self._read_list(request.env(user=2)["zadarma.call"])
        return self._nothing()

    @staticmethod
    def _read_list(records, domain=()):
        """Read a page of a list, with all that its columns need, and count the rest as the web client does."""
        view = records.get_views([(False, "list")])
        names = view["models"][records._name]["fields"]
        shown = {node.get("name") for node in etree.fromstring(view["views"]["list"]["arch"]).iter("field")}
        specification = {
            name: {"fields": {"display_name": {}}} if records._fields[name].type == "many2one" else {}
            for name in shown & set(names)
        }
        records.web_search_read(list(domain), specification, limit=80, count_limit=10_001)

    @staticmethod
    def _time(env, action):
        durations = []
        for _time in range(9):
            env.invalidate_all()
            started = time.perf_counter()
            action()
            durations.append(time.perf_counter() - started)
        return statistics.median(durations)

    @staticmethod
    def _nothing():
        return request.make_response("{}", headers=[("Content-Type", "application/json")])

    @http.route("/zadarma_bench/plans", type="http", auth="none", csrf=False, save_session=False)
    def plans(self, number, country, **_params):
        """Return the plans of the queries by which a caller is looked up, as PostgreSQL carried them out.

        :param str number: ``+`` and digits.
        :param str country: ISO code of the account's country.
        """
        env = request.env(user=SUPERUSER_ID)
        # As on a kept cursor: planned without knowing the numbers.
        env.cr.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        caller, routing = env["zadarma.caller"], env["zadarma.routing"]
        queries = {
            "contacts by sanitized number": caller._exact_query(number, 1),
            "contacts by written form": caller._written_query(number, 1, country),
            "leads": caller._lead_query(number, 1),
            "blocked numbers": routing._block_query(1, number),
            "who can take the call": routing._candidates_query(1, 2, 1, fields.Datetime.now()),
        }
        return request.make_json_response({title: self._explain(query) for title, query in queries.items()})

    @staticmethod
    def _explain(query):
        places = itertools.count(1)
        numbered = re.sub("%s", lambda _place: f"${next(places)}", query.code)
        cr = request.env.cr
        cr.execute(f"PREPARE explained AS {numbered}")
        try:
            execute = f"EXECUTE explained({', '.join(['%s'] * len(query.params))})"
            cr.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}", query.params)
            return cr.fetchone()[0][0]["Plan"]
        finally:
            cr.execute("DEALLOCATE explained")
