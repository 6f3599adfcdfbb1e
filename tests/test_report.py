from datetime import datetime
from unittest.mock import MagicMock, patch

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import (
    CALLER,
    ZadarmaCase,
    answer,
    end,
    inbound,
    outbound,
)


@tagged("post_install", "-at_install")
class TestReport(ZadarmaCase):
    """Figures against calls made by hand: three came in on Saturday, 1 March 2025, one went out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # No record of anybody else, whatever the database holds besides.
        cls.env["zadarma.call"].search([]).unlink()
        cls.company.write({"zadarma_tz": "Europe/Berlin", "zadarma_default_user_id": False})
        cls.team = cls.env["crm.team"].create({"name": "Hotline", "company_id": cls.company.id})
        cls.source = cls.env["utm.source"].create({"name": "Poster"})
        cls.own_number.write({"team_id": cls.team.id, "source_id": cls.source.id})
        cls.report = cls.env["zadarma.call.report"]

    def setUp(self):
        super().setUp()
        self._call_in(1, answered_by="101", waiting=10, duration=60)
        self._call_in(2, answered_by="102", waiting=20, duration=120)
        self._call_in(3)
        self.deliver(
            outbound("OUT_START", start="2025-03-01 12:00:00"),
            outbound("OUT_END", start="2025-03-01 12:00:00", disposition="answered", duration="30"),
        )

    def _call_in(self, number, answered_by=None, waiting=0, duration=0, start="2025-03-01 11:00:00"):
        fields = {"call_id": f"in_{number:040x}", "start": start}
        self.deliver(inbound("START", **fields), *(inbound("INTERNAL", internal=e, **fields) for e in ("101", "102")))
        self.clock.tick(waiting)
        if answered_by:
            self.deliver(answer(answered_by, **fields))
            self.deliver(end(duration=str(duration), internal=answered_by, **fields))
        else:
            self.deliver(end("cancel", "0", **fields))
        return self._find_call(fields["call_id"])

    def _group(self, groupby, *aggregates, domain=()):
        return self.report._read_group(domain, [groupby], aggregates)

    def test_measures_are_those_of_the_calls(self):
        [(calls, answered, missed, rate, waiting, duration, average)] = self.report._read_group(
            [("direction", "=", "inbound")],
            aggregates=[
                "__count",
                "answered:sum",
                "missed:sum",
                "missed_rate:avg",
                "waiting:avg",
                "duration:sum",
                "average_duration:avg",
            ],
        )
        self.assertEqual((calls, answered, missed, waiting, duration, average), (3, 2, 1, 15, 180, 90))
        self.assertAlmostEqual(rate, 100 / 3, places=5)

    def test_outbound_calls_have_no_missed_rate(self):
        [(rate, answered)] = self.report._read_group(
            [("direction", "=", "outbound")], aggregates=["missed_rate:avg", "answered:sum"]
        )
        self.assertFalse(rate)
        self.assertEqual(answered, 1)

    def test_weekday_and_hour_are_of_the_account_s_clock(self):
        self.assertEqual(self._group("weekday", "__count"), [("6", 4)])
        self.assertEqual(self._group("hour", "__count"), [("11", 3), ("12", 1)])

    def test_night_between_two_days_and_summer_time(self):
        # 30 March 2025, 00:30 in Berlin, is still the 29th in UTC; at 2:00 the clock goes to 3:00.
        for number, (moment, start) in enumerate(
            (("2025-03-29 23:30:00", "2025-03-30 00:30:00"), ("2025-03-30 01:15:00", "2025-03-30 03:15:00")), start=10
        ):
            self.clock.move_to(moment)
            self._call_in(number, start=start)
        since = [("date_start", ">", "2025-03-29 00:00:00")]
        self.assertEqual(self._group("weekday", "__count", domain=since), [("7", 2)])
        self.assertEqual(self._group("hour", "__count", domain=since), [("00", 1), ("03", 1)])

    def test_calls_are_told_apart_by_user_extension_number_team_and_source(self):
        inbound_calls = [("direction", "=", "inbound"), ("answered", "=", 1)]
        by_user = dict(self._group("user_id", "duration:sum", domain=inbound_calls))
        self.assertEqual(by_user, {self.agent: 60, self.colleague: 120})
        by_extension = dict(self._group("extension", "__count", domain=inbound_calls))
        self.assertEqual(by_extension, {"101": 1, "102": 1})
        for field, record in (("own_number_id", self.own_number), ("team_id", self.team), ("source_id", self.source)):
            groups = dict(self._group(field, "__count", domain=[("direction", "=", "inbound")]))
            self.assertEqual(groups, {record: 3}, field)

    def test_lead_s_team_comes_before_the_number_s(self):
        other = self.env["crm.team"].create({"name": "Key accounts", "company_id": self.company.id})
        lead = self.env["crm.lead"].create({"name": "Deal", "team_id": other.id, "source_id": False})
        call = self._find_call(f"in_{1:040x}")
        call.lead_id = lead
        row = self.report.browse(call.id)
        self.assertEqual((row.team_id, row.source_id, row.stage_id), (other, self.source, lead.stage_id))

    def test_calls_that_go_on_are_no_figures_yet(self):
        self.deliver(inbound("START", call_id=f"in_{9:040x}"))
        self.assertEqual(self.report.search_count([]), 4)

    def test_people_analyse_their_own_calls_and_supervisors_all(self):
        self._call_in(7, answered_by="102", duration=1)
        counts = {
            user: self.report.with_user(user).search_count([]) for user in (self.agent, self.colleague, self.supervisor)
        }
        # Both phones rang with all calls that came in; the agent alone called out.
        self.assertEqual(counts, {self.agent: 5, self.colleague: 4, self.supervisor: 5})
        other = self.env["res.company"].create({"name": "Other"})
        self.env["zadarma.call"].search([]).company_id = other
        self.assertFalse(self.report.with_user(self.supervisor).search_count([]))

    # === OVERVIEW === #

    def test_overview_compares_with_the_period_before(self):
        self.clock.move_to(datetime(2025, 3, 2, 12, 0))
        self._call_in(20, answered_by="101", waiting=5, duration=40, start="2025-03-02 13:00:00")
        overview = self.env["zadarma.call"].with_user(self.supervisor).get_overview("today")
        self.assertEqual(overview["now"]["inbound"], 1)
        self.assertEqual(overview["now"]["missed_rate"], 0)
        before = overview["before"]
        self.assertEqual([before[name] for name in ("inbound", "answered", "missed", "outbound")], [3, 2, 1, 1])
        self.assertEqual((before["reached"], before["talking"], before["waiting"]), (1, 210, 15))
        week = self.env["zadarma.call"].with_user(self.supervisor).get_overview("week")
        self.assertEqual((week["now"]["inbound"], week["before"]["inbound"]), (4, 0))
        self.assertIsNone(week["before"]["missed_rate"])
        self.assertEqual(sorted(week["heat"]), [["6", "11", 3, 1], ["7", "13", 1, 0]])

    def test_today_begins_at_the_account_s_midnight(self):
        # 23:30 in UTC is half past midnight in Berlin, another day.
        self.clock.move_to(datetime(2025, 3, 1, 23, 30))
        overview = self.env["zadarma.call"].with_user(self.supervisor).get_overview("today")
        self.assertEqual(overview["now"]["inbound"], 0)

    def test_board_tells_who_rings_and_talks_and_who_waits(self):
        partner = self.env["res.partner"].create({"name": "Ada Lovelace", "phone": CALLER})
        ringing = {"call_id": f"in_{30:040x}"}
        self.deliver(inbound("START", **ringing), inbound("INTERNAL", internal="102", **ringing))
        talking = {"call_id": f"in_{31:040x}", "caller": "+4915212345678"}
        self.deliver(inbound("START", **talking), inbound("INTERNAL", internal="101", **talking))
        self.deliver(answer("101", **talking))
        self.clock.tick(42)
        board = self.env["zadarma.call"].with_user(self.supervisor).get_board()
        self.assertEqual(board["waiting_count"], 1)
        self.assertEqual(board["waiting"][0]["title"], partner.display_name)
        agents = {agent["extension"]: agent for agent in board["agents"]}
        self.assertEqual(
            {number: agent["state"] for number, agent in agents.items()},
            {"101": "talking", "102": "ringing", "103": "free"},
        )
        self.assertEqual(agents["101"]["user"]["name"], self.agent.name)
        self.assertEqual(agents["101"]["call"]["seconds"], 42)
        self.assertFalse(agents["103"]["user"])

    def test_overview_and_board_are_for_supervisors(self):
        for method in ("get_overview", "get_board"):
            with self.assertRaises(AccessError):
                getattr(self.env["zadarma.call"].with_user(self.agent), method)()

    def test_only_supervisors_hear_of_changes(self):
        websocket = self.env["ir.websocket"]
        self.env["res.company"].create({"name": "Other"})
        for user, hears in ((self.agent, False), (self.supervisor, True)):
            # The bus asks the request who is logged in.
            request = MagicMock()
            request.session.uid = user.id
            with patch("odoo.addons.bus.models.ir_websocket.wsrequest", new=request):
                channels = websocket.with_user(user)._build_bus_channel_list(["zadarma_board"])
            self.assertFalse([channel for channel in channels if isinstance(channel, str) and "zadarma" in channel])
            followed = [channel for channel in channels if isinstance(channel, tuple) and channel[1] == "zadarma_board"]
            self.assertEqual(followed, [(self.company, "zadarma_board")] if hears else [], user.name)
