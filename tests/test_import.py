import io
import itertools
import json
import time
from datetime import datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..models import zadarma_call_statistics, zadarma_import
from .common import CALL_ID, START, end, inbound
from .statistics_common import StatisticsCase, leg, whole

LOGGER = "odoo.addons.zadarma.models.zadarma_import"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def call_rows(index, moment, disposition="cancel", seconds=0):
    """Return the two rows of one call in UTC."""
    values = {"pbx_call_id": f"in_{index:040x}", "callstart": f"{moment:%Y-%m-%d %H:%M:%S}", "call_id": f"9.{index}"}
    return [whole(disposition, seconds, **values), leg("101", disposition, seconds, **values)]


@tagged("post_install", "-at_install")
class TestImport(StatisticsCase):
    """Zadarma's statistics are those of the company's key; a request gets its page of them, or what is in the way."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.statistics, cls.requests, cls.obstacles = {}, [], []

    def setUp(self):
        super().setUp()
        self.statistics.clear()
        self.requests.clear()
        self.obstacles.clear()
        self.statistics["key"] = []
        self.env["res.company"].search([("id", "!=", self.company.id)]).zadarma_compare = False

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to answer for Zadarma."""
        url = urlsplit(request.url)
        if url.hostname != "api.zadarma.com":
            return super()._request_handler(session, request, **kwargs)
        params = {name: value for name, [value] in parse_qs(url.query).items()}
        key = request.headers["Authorization"].decode().partition(":")[0]
        cls.requests.append((key, params))
        answer = cls.obstacles.pop(0) if cls.obstacles else None
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, body = answer or (200, cls._answer(cls.statistics[key], params))
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
        return response

    @staticmethod
    def _answer(rows, params):
        rows = [
            row for row in rows if not isinstance(row, dict) or params["start"] <= row["callstart"] <= params["end"]
        ]
        first = int(params["skip"])
        return {"status": "success", "stats": rows[first : first + int(params["limit"])]}

    def _run_cron(self):
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["zadarma.import"]._cron_compare()
        self.env.invalidate_all()

    def _finish(self, run):
        """Run the cron every other minute until the run is over: Zadarma answers three requests a minute."""
        for _minute in range(30):
            self._run_cron()
            if run.state not in ("waiting", "running"):
                return
            self.clock.tick(2 * MINUTE)
        self.fail(f"{run.state} with {run.error} at {run.position}")

    def _start_import(self, start=START - 3 * DAY, end_=START, user=None, **values):
        self.company.zadarma_compare = False
        wizard = self.env["zadarma.import.wizard"].with_user(user or self.supervisor)
        action = wizard.create({"date_from": start.date(), "date_to": end_.date(), **values}).action_import()
        return self.env["zadarma.import"].browse(action["res_id"])

    def _find_runs(self, kind, company=None):
        return self.env["zadarma.import"].search(
            [("kind", "=", kind), ("company_id", "=", (company or self.company).id)]
        )

    def _count_calls(self, **values):
        return self.env["zadarma.call"].search_count([(name, "=", value) for name, value in values.items()])

    # === COMPARISON === #

    def test_calls_that_no_notification_told_of_are_brought_back_once(self):
        """Two hundred in a day."""
        self._run_cron()
        self.clock.tick(25 * HOUR)
        for index in range(200):
            self.statistics["key"] += call_rows(index, START + index * 6 * MINUTE)
        self._run_cron()
        self.assertEqual(self._count_calls(source="statistics"), 200)
        self.clock.tick(DAY)
        self._run_cron()
        self.assertEqual(self._count_calls(), 200)
        run = self._find_runs("daily")[-1:]
        self.assertEqual((run.state, run.added + run.corrected), ("done", 0))

    def test_correction_of_the_next_day_is_found(self):
        self.deliver(inbound("START"), end("answered", "42", internal="101"))
        self.statistics["key"] = call_rows(int(CALL_ID[3:], 16), START, "answered", 42)
        self.clock.tick(HOUR)
        self._run_cron()
        self.assertFalse(self._find_call().corrections)
        self.statistics["key"][1]["seconds"] = 45
        self.clock.tick(DAY)
        self._run_cron()
        self.assertEqual(self._find_call().duration, 45)
        self.assertIn("42 seconds, corrected to 45 seconds", self._find_call().corrections)
        self.assertEqual(sum(self.env["zadarma.import"].search([]).mapped("corrected")), 1)

    def test_hours_every_half_an_hour_and_days_once_a_night(self):
        self.company.zadarma_tz = "America/New_York"
        for _time in range(2 * 48):
            self._run_cron()
            self.clock.tick(30 * MINUTE)
        spans = [self._span(params) for _key, params in self.requests]
        self.assertEqual(len([span for span in spans if span < 12 * HOUR]), 2 * 48)
        self.assertEqual(len([span for span in spans if span > 3 * DAY]), 3)
        self.assertEqual(len(self._find_runs("recent")), 1, "what found nothing does not fill the list")

    @staticmethod
    def _span(params):
        return datetime.fromisoformat(params["end"]) - datetime.fromisoformat(params["start"])

    def test_calls_that_may_go_on_are_left_for_later(self):
        self.statistics["key"] = call_rows(1, START - 5 * MINUTE)
        self._run_cron()
        self.assertFalse(self._count_calls())
        self.clock.tick(30 * MINUTE)
        self._run_cron()
        self.assertEqual(self._count_calls(), 1)

    def test_outage_of_eight_days_is_caught_up(self):
        self._run_cron()
        with mute_logger(LOGGER, "odoo.addons.zadarma.zadarma_api.client"):
            for number in range(8 * 4):
                self.statistics["key"] += call_rows(number, self.clock())
                self.obstacles[:] = [requests.ConnectionError("down")] * 10
                self._run_cron()
                self.clock.tick(6 * HOUR)
        self.obstacles.clear()
        run = self._find_runs("recent")[0]
        self.assertEqual(run.state, "running")
        self.assertIn("could not be reached", run.error)
        self.assertFalse(self._count_calls())
        self.clock.tick(HOUR)
        self._run_cron()
        self.assertEqual(self._count_calls(), 8 * 4)
        self.assertFalse(run.error)
        self.assertTrue(self.env.ref("zadarma.ir_cron_compare").active)

    def test_old_calls_and_those_from_before_the_account_have_no_consequences(self):
        self.statistics["key"] = call_rows(1, START - 2 * HOUR)
        self._run_cron()
        self.assertEqual(self._find_runs("recent")._get_since(), START)
        self.clock.tick(30 * DAY)
        self.assertEqual(self._find_runs("recent")._get_since(), START + 23 * DAY)

    def test_switch_that_is_off_asks_for_nothing(self):
        self._run_cron()
        self.obstacles.append((429, {"status": "error", "message": "You exceeded the rate limit"}))
        self.clock.tick(HOUR)
        self._run_cron()
        self.requests.clear()
        self.company.zadarma_compare = False
        self.clock.tick(3 * DAY)
        self._run_cron()
        self.assertFalse(self.requests)

    def test_company_without_account_asks_for_nothing(self):
        self.company.zadarma_secret = False
        self._run_cron()
        self.assertFalse(self.env["zadarma.import"].search([]))

    def test_key_that_is_revoked_is_told_once_and_tried_again(self):
        self.obstacles[:] = [(401, {"status": "error", "message": "Not authorized"})] * 500
        with self.assertLogs(LOGGER, "WARNING") as logs:
            for _time in range(48):
                self._run_cron()
                self.clock.tick(30 * MINUTE)
        self.assertEqual(len(logs.output), 2, "once a kind")
        self.assertLess(len(self.requests), 60, "Zadarma is not asked without end")
        self.deliver(inbound("START"))
        self.assertTrue(self._find_call())

    # === IMPORT === #

    def test_import_of_a_period(self):
        self.statistics["key"] = [row for day in range(80) for row in call_rows(day, START - day * DAY - HOUR)]
        run = self._start_import(START - 60 * DAY)
        self.assertEqual((run.state, run.user_id, run.time_left), ("waiting", self.supervisor, "About a minute"))
        self._finish(run)
        self.assertEqual((run.state, run.added, run.unchanged, run.progress), ("done", 61, 0, 100))
        self.assertEqual(self._count_calls(is_settled=False), 0)
        self.assertEqual(self._count_calls(), 61)
        again = self._start_import(START - 60 * DAY)
        self._finish(again)
        self.assertEqual((again.added, again.unchanged), (0, 61))
        self.assertEqual(self._count_calls(), 61)

    def test_pages_are_read_to_the_last_row(self):
        for index in range(650):
            self.statistics["key"] += call_rows(index, START - 20 * HOUR + index * timedelta(seconds=60))
        run = self._start_import(START - DAY)
        self._finish(run)
        self.assertEqual([params["skip"] for _key, params in self.requests if params["skip"] != "0"], ["950"])
        self.assertEqual((run.added, run.unchanged, run.state), (650, 0, "done"))

    def test_import_goes_on_where_it_was_killed(self):
        for index in range(650):
            self.statistics["key"] += call_rows(index, START - 20 * HOUR + index * timedelta(seconds=30))
        run = self._start_import(START - DAY)
        self.obstacles[:] = [None, RuntimeError("killed")]
        with self.assertLogs(LOGGER, "ERROR"):
            self._run_cron()
        self.assertEqual(run.state, "running")
        self.assertTrue(0 < run.added < 650)
        self.assertTrue(0 < run.progress < 100)
        self.clock.tick(HOUR)
        self._run_cron()
        self.assertEqual((run.state, run.added, self._count_calls()), ("done", 650, 650))

    def test_import_gets_on_however_slow_the_server_is(self):
        """Where a call takes a second, what was done is committed every few seconds, and a page ends after a minute."""
        for index in range(150):
            self.statistics["key"] += call_rows(index, START - 20 * HOUR + index * timedelta(seconds=30))
        watch = SimpleNamespace(monotonic=self._count_taken, sleep=time.sleep)
        self.patch(zadarma_call_statistics, "_pace", {"calls": 0})
        with patch.object(zadarma_import, "time", watch), patch.object(zadarma_call_statistics, "time", watch):
            for times_asked, seen_again in ((2, 80), (3, 150)):
                self.requests.clear()
                run = self._start_import(START - DAY)
                self._run_cron()
                self.assertEqual([params["skip"] for _key, params in self.requests], ["0"] * times_asked)
                self.assertEqual((run.state, self._count_calls(), self._count_taken()), ("done", 150, 150))
                self.assertGreaterEqual(run.unchanged, seen_again)
                # The second time, calls that are there already are to be corrected one by one.
                self.env.cr.execute("UPDATE zadarma_call SET statistics = NULL")
                self.clock.tick(2 * MINUTE)

    def _count_taken(self):
        self.env.cr.execute("SELECT count(*) FROM zadarma_call WHERE statistics IS NOT NULL")
        return self.env.cr.fetchone()[0]

    def test_rate_limit_is_waited_for(self):
        run = self._start_import()
        limited = (429, {"status": "error", "message": "You exceeded the rate limit"})
        self.obstacles[:] = [limited]
        self._run_cron()
        self.assertEqual((run.state, run.attempts, run.error), ("running", 0, False))
        self.assertEqual(len(self.requests), 1)
        self._run_cron()
        self.assertEqual(len(self.requests), 1, "nobody asks again before the time has come")
        triggers = self.env["ir.cron.trigger"].search([("cron_id", "=", self.env.ref("zadarma.ir_cron_compare").id)])
        self.assertIn(run.next_try_at, triggers.mapped("call_at"))
        self.clock.tick(2 * MINUTE)
        self._run_cron()
        self.assertEqual(run.state, "done")

    def test_answers_that_make_no_sense_write_nothing(self):
        for answer in (
            (200, b'{"status": "success", "stats": [{"pbx_c'),
            (200, b"<html>login</html>"),
            (200, {"status": "success", "stats": "none"}),
            (200, {"status": "success"}),
            (200, {"status": "error", "message": "Wrong parameter"}),
            (500, b""),
            (502, b"<html>Bad gateway</html>"),
        ):
            run = self._start_import()
            self.obstacles[:] = [answer]
            with mute_logger(LOGGER, "odoo.addons.zadarma.zadarma_api.client"):
                self._run_cron()
            self.assertTrue(run.error, answer)
            self.assertNotEqual(run.state, "done")
            self.assertFalse(run.rows_read)
            run.state = "cancelled"
            self.clock.tick(2 * MINUTE)
        self.assertFalse(self._count_calls())

    def test_types_mixed_up_are_understood(self):
        rows = [
            {name: str(value) if name in ("seconds", "is_recorded") else value for name, value in row.items()}
            for row in call_rows(1, START - HOUR, "answered", 42)
        ]
        self.obstacles[:] = [(200, {"status": "success", "stats": {"0": rows[0], "1": rows[1]}})]
        run = self._start_import()
        self._finish(run)
        self.assertEqual((run.added, self.env["zadarma.call"].search([]).duration), (1, 42))

    def test_bad_rows_are_kept_and_stop_nothing(self):
        good = call_rows(1, START - HOUR)
        bad = [
            "row",
            {**good[0], "pbx_call_id": "in_<script>"},
            {**good[0], "pbx_call_id": ""},
            {**good[0], "pbx_call_id": "in_2", "callstart": "2025-02-31 10:00:00"},
        ]
        ours = {**good[0], "pbx_call_id": "", "sip": "101", "destination": "102"}
        self.obstacles[:] = [(200, {"status": "success", "stats": [*bad, ours, *good]})]
        run = self._start_import()
        self._finish(run)
        self.assertEqual((run.state, run.added, run.rejected), ("done", 1, 4))
        self.assertEqual(len(run.row_ids), 4)
        self.assertIn("pbx_call_id", run.row_ids[1].reason)
        self.assertEqual(json.loads(run.row_ids[1].payload)["pbx_call_id"], "in_<script>")

    def test_rows_of_a_day_that_changes_its_clocks(self):
        """The account is in Kyiv, the user in New York, the calls are every ten minutes of two such days."""
        self.company.zadarma_tz = "Europe/Kyiv"
        self.supervisor.tz = "America/New_York"
        for number, (first, zone) in enumerate((("2025-03-29 22:00:00", 2), ("2024-10-26 21:00:00", 3))):
            first = datetime.fromisoformat(first)
            for index in range(25 * 6):
                moment = first + index * 10 * MINUTE
                shift = (
                    zone
                    + (number == 0 and moment >= datetime(2025, 3, 30, 1))
                    - (number == 1 and moment >= datetime(2024, 10, 27, 1))
                )
                rows = call_rows(1000 * number + index, moment + shift * HOUR)
                for row in rows:
                    row["call_id"] = f"{int((moment - datetime(1970, 1, 1)).total_seconds())}.1"
                self.statistics["key"] += rows
        self.clock.move_to(datetime(2025, 4, 30))
        run = self._start_import(datetime(2024, 10, 1), datetime(2025, 4, 10))
        self._finish(run)
        self.assertEqual((run.state, run.added, run.rejected), ("done", 300, 0))
        starts = self.env["zadarma.call"].search([], order="date_start").mapped("date_start")
        self.assertEqual(
            {later - earlier for earlier, later in itertools.pairwise(starts)},
            {10 * MINUTE, starts[150] - starts[149]},
        )
        self.assertEqual((starts[0], starts[-1]), (datetime(2024, 10, 26, 21), datetime(2025, 3, 30, 22, 50)))

    def test_call_over_a_border_of_windows_is_one_call(self):
        start = START - 60 * DAY
        border = datetime(start.year, start.month, start.day) + 29 * DAY
        rows = call_rows(1, border - timedelta(seconds=1), "answered", 42)
        rows[1]["callstart"] = f"{border + timedelta(seconds=5):%Y-%m-%d %H:%M:%S}"
        self.statistics["key"] = rows
        run = self._start_import(start)
        self._finish(run)
        self.assertEqual((run.added, run.corrected, run.unchanged), (1, 0, 0))
        self.assertEqual(self.env["zadarma.call"].search([]).answered_by, "101")

    def test_import_is_given_up_with_a_reason_and_a_button(self):
        run = self._start_import()
        refused = (401, {"status": "error", "message": "Not authorized"})
        self.obstacles[:] = [refused]
        with mute_logger(LOGGER):
            self._run_cron()
        self.assertEqual(run.state, "failed")
        self.assertIn("does not accept the key", run.error)
        run.with_user(self.supervisor).action_try_again()
        self.assertEqual((run.state, run.error), ("waiting", False))
        self.clock.tick(2 * HOUR)
        self._run_cron()
        self.assertEqual(run.state, "done")
        with self.assertRaises(UserError):
            run.with_user(self.supervisor).action_try_again()

    def test_import_is_cancelled_and_goes_on(self):
        run = self._start_import()
        run.with_user(self.supervisor).action_cancel()
        self._run_cron()
        self.assertEqual((run.state, run.rows_read), ("cancelled", 0))
        run.with_user(self.supervisor).action_try_again()
        self._run_cron()
        self.assertEqual(run.state, "done")
        run.write({"kind": "recent", "state": "waiting"})
        with self.assertRaises(UserError):
            run.with_user(self.supervisor).action_cancel()

    def test_import_with_consequences(self):
        self.statistics["key"] = call_rows(1, START - HOUR)
        run = self._start_import(has_consequences=True)
        self.assertEqual(run._get_since(), run.date_from)
        self.assertIsNone(self._start_import()._get_since())

    def test_time_left_is_honest(self):
        run = self._start_import(START - 400 * DAY)
        self.assertEqual(run.time_left, "At least 5 minutes")
        run.write({"position": run.date_from + 40 * DAY, "rows_read": 30_000})
        self.assertRegex(run.time_left, r"About 9\d minutes")

    def test_period_must_make_sense(self):
        for start, end_ in ((START + 2 * DAY, START + 3 * DAY), (START, START - DAY)):
            with self.assertRaises(UserError):
                self._start_import(start, end_)
        self.company.zadarma_key = False
        with self.assertRaisesRegex(UserError, "not set up"):
            self._start_import()

    def test_imports_are_for_supervisors_and_administrators(self):
        with self.assertRaises(AccessError):
            self._start_import(user=self.agent)
        run = self._start_import()
        for action in ("action_try_again", "action_cancel"):
            with self.assertRaises(AccessError):
                getattr(run.with_user(self.agent), action)()
        other = self.env["res.company"].create({"name": "Other", "zadarma_key": "o", "zadarma_secret": "o"})
        with self.assertRaises(UserError):
            self._start_import(company_id=other.id)
        run.company_id = other
        self.assertFalse(self.env["zadarma.import"].with_user(self.supervisor).search([("id", "=", run.id)]))

    # === COMPANIES === #

    def test_companies_take_turns_and_do_not_mix(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_key": "other", "zadarma_secret": "other"})
        other.zadarma_tz = "Europe/Kyiv"
        self.statistics["other"] = call_rows(7, START - HOUR + 2 * HOUR)
        for index in range(700):
            self.statistics["key"] += call_rows(index, START - 20 * HOUR + index * timedelta(seconds=60))
        run = self._start_import(START - DAY)
        self._run_cron()
        keys = [key for key, _params in self.requests]
        self.assertEqual(keys, ["key", "other", "key", "other"])
        self.assertEqual((run.state, self._count_calls(company_id=other.id)), ("done", 1))
        self.assertEqual(self._count_calls(company_id=self.company.id), 700)
        self.assertEqual(len(self._find_runs("recent", other)), 1)

    def test_trouble_of_one_company_is_not_the_others(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_key": "other", "zadarma_secret": "other"})
        self.statistics["other"] = None
        self.statistics["key"] = call_rows(1, START - HOUR)
        with mute_logger(LOGGER):
            self._run_cron()
        self.assertTrue(self._find_runs("recent", other).error)
        self.assertEqual(self._count_calls(), 1)

    # === RETENTION === #

    def test_old_comparisons_go_the_last_one_stays(self):
        self._run_cron()
        first = self._find_runs("recent")
        first.added = 1
        self.clock.tick(HOUR)
        self._run_cron()
        self.env.cr.execute("UPDATE zadarma_import SET create_date = %s", [START - 100 * DAY])
        self.env.invalidate_all()
        self.env["zadarma.import"]._gc_imports()
        self.assertFalse(first.exists())
        self.assertEqual(len(self._find_runs("recent")), 1)
