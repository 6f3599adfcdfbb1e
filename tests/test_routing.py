import json
from datetime import datetime, timedelta

from psycopg2.errors import CheckViolation

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALL_ID, CALLER, DIALLED, START, ZadarmaCase, inbound

MONDAY = datetime(2025, 3, 3, 10, 0, 0)
REDIRECT = {"redirect": "101", "return_timeout": 20}


class RoutingCase(ZadarmaCase):
    """An account with all switches on, whose people work from Monday to Friday, 8 to 17, in the company's zone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        calendar = cls.env["resource.calendar"].create(
            {
                "name": "Office hours",
                "tz": "UTC",
                "company_id": cls.company.id,
                "attendance_ids": [
                    Command.clear(),
                    *(
                        Command.create(
                            {
                                "name": "Day",
                                "dayofweek": str(day),
                                "hour_from": 8,
                                "hour_to": 17,
                                "day_period": "morning",
                            }
                        )
                        for day in range(5)
                    ),
                ],
            }
        )
        cls.company.write(
            {
                "resource_calendar_id": calendar.id,
                "zadarma_block_numbers": True,
                "zadarma_route_calls": True,
                "zadarma_return_timeout": 20,
                "zadarma_skip_talking": True,
            }
        )
        cls.calendar = calendar
        cls.team = cls.env["crm.team"].create({"name": "Team", "company_id": cls.company.id})

    def setUp(self):
        super().setUp()
        self._go_to(MONDAY)

    def _go_to(self, moment):
        """Make it some moment, working times known."""
        self.clock.move_to(moment)
        self._refresh()

    def _refresh(self):
        self.env["zadarma.working.time"]._refresh(self.company)

    def _contact(self, **values):
        return self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "user_id": self.agent.id, **values})

    def _deal(self, user, **values):
        values = {"name": "Ten sails", "type": "opportunity", "user_id": user.id, "team_id": self.team.id, **values}
        return self.env["crm.lead"].create(values)

    def _decide(self, caller=CALLER, dialled=DIALLED, moment=None):
        self.env.flush_all()
        routing = self.env["zadarma.routing"]
        return routing._decide(self._account(), caller, dialled, moment or self._now())

    def _now(self):
        return self.clock().replace(tzinfo=None)

    def _goes_to(self, extension, **call):
        """Check where a call goes, and return the reasons."""
        decision = self._decide(**call)
        self.assertEqual(decision.answer.get("redirect", ""), extension, decision.steps)
        return [step.reason for step in decision.steps]


@tagged("post_install", "-at_install")
class TestRouting(RoutingCase):
    # === WHO IS RESPONSIBLE === #

    def test_call_goes_to_the_responsible_of_the_contact(self):
        self._contact()
        self.assertEqual(json.loads(self.deliver(inbound("START"))), {"caller_name": "Ada", **REDIRECT})

    def test_deal_comes_first(self):
        contact = self._contact()
        self._deal(self.colleague, partner_id=contact.id)
        reasons = self._goes_to("102")
        self.assertIn("responsible_lead", reasons)

    def test_deal_of_a_colleague_of_the_caller_counts(self):
        firm = self.env["res.partner"].create({"name": "Firm", "is_company": True})
        self._contact(parent_id=firm.id)
        boss = self.env["res.partner"].create({"name": "Boss", "parent_id": firm.id})
        self._deal(self.colleague, partner_id=boss.id)
        self._goes_to("102")

    def test_lead_without_a_contact_is_known_by_its_number(self):
        self._deal(self.colleague, phone=CALLER)
        self._goes_to("102")

    def test_closed_deals_do_not_count(self):
        contact = self._contact()
        won = self.env["crm.stage"].create({"name": "Won", "is_won": True})
        self._deal(self.colleague, partner_id=contact.id, stage_id=won.id)
        self._deal(self.colleague, partner_id=contact.id, active=False)
        self._goes_to("101")

    def test_responsible_of_the_company_answers_for_its_people(self):
        firm = self.env["res.partner"].create({"name": "Firm", "is_company": True, "user_id": self.colleague.id})
        self._contact(parent_id=firm.id, user_id=False)
        self.assertIn("responsible_company", self._goes_to("102"))

    def test_dialled_number_says_who_answers_for_strangers(self):
        self.own_number.user_id = self.colleague
        self.assertIn("responsible_number", self._goes_to("102"))
        self._goes_to("102", dialled=f"+{DIALLED}")
        self._goes_to("", dialled="493099999999")

    def test_stranger_takes_the_way_of_the_pbx(self):
        self.assertEqual(self._decide().answer, {})

    def test_contact_of_several_companies_goes_to_nobody(self):
        self._contact()
        self._contact(name="Other", user_id=self.colleague.id)
        self._goes_to("")

    # === WHO CAN TAKE IT === #

    def test_do_not_disturb(self):
        self._contact()
        self.agent.zadarma_dnd = True
        self.assertIn("dnd", self._goes_to(""))

    def test_user_without_extension(self):
        self._contact()
        self.extensions[0].user_id = False
        self.assertIn("no_extension", self._goes_to(""))
        self.extensions[0].user_id = self.agent
        self.extensions[0].active = False
        self._goes_to("")

    def test_extension_of_another_company_does_not_count(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.agent.company_ids += other
        self._contact()
        self.extensions[0].unlink()
        self.env["zadarma.extension"].create({"number": "101", "company_id": other.id, "user_id": self.agent.id})
        self._goes_to("")

    def test_only_extensions_that_a_call_can_be_sent_to(self):
        self._contact()
        self.extensions[0].number = "0101"
        self._goes_to("")

    def test_user_who_left(self):
        self._contact()
        self.agent.active = False
        self.assertIn("left", self._goes_to(""))

    def test_extension_that_is_not_registered(self):
        self._contact()
        self.extensions[0].write({"is_away": True, "checked_at": MONDAY})
        self.assertIn("away", self._goes_to(""))
        self.clock.tick(timedelta(minutes=16))
        self._goes_to("101")

    def test_second_phone_rings_where_the_first_is_not_registered(self):
        self._contact()
        self.extensions[2].user_id = self.agent
        self._refresh()
        self._goes_to("101")
        self.extensions[2].calls_out = True
        self._goes_to("103")
        self.extensions[2].write({"is_away": True, "checked_at": MONDAY})
        self._goes_to("101")

    def test_user_who_talks_is_left_alone_if_so_set(self):
        self._contact()
        other = f"in_{1:040x}"
        self.deliver(inbound("START", call_id=other, caller="+4930555", start="2025-03-03 10:00:00"))
        self.deliver(inbound("ANSWER", call_id=other, caller="+4930555", start="2025-03-03 10:00:00", internal="101"))
        self.assertIn("talking", self._goes_to(""))
        self.company.zadarma_skip_talking = False
        self._goes_to("101")

    def test_colleague_who_calls_from_outside_is_not_sent_to_themselves(self):
        self.agent.partner_id.write({"phone": CALLER, "user_id": self.agent.id})
        self.assertIn("caller", self._goes_to(""))

    # === WORKING TIME === #

    def test_outside_working_hours(self):
        self._contact()
        for moment, extension in (
            (datetime(2025, 3, 3, 7, 59, 59), ""),
            (datetime(2025, 3, 3, 8, 0, 0), "101"),
            (datetime(2025, 3, 3, 16, 59, 59), "101"),
            (datetime(2025, 3, 3, 17, 0, 0), ""),
            (datetime(2025, 3, 8, 10, 0, 0), ""),
        ):
            with self.subTest(moment):
                self._goes_to(extension, moment=moment)

    def test_working_hours_are_in_the_zone_of_the_company(self):
        self.calendar.tz = "Europe/Kyiv"
        self._refresh()
        self._contact()
        self._goes_to("101", moment=datetime(2025, 3, 3, 6, 0, 0))
        self._goes_to("", moment=datetime(2025, 3, 3, 15, 0, 0))

    def test_working_hours_follow_summer_time(self):
        self.calendar.tz = "Europe/Berlin"
        self._contact()
        self._go_to(datetime(2025, 3, 28, 10, 0, 0))
        self._goes_to("", moment=datetime(2025, 3, 28, 6, 30, 0))
        self._goes_to("101", moment=datetime(2025, 3, 31, 6, 30, 0))
        self._goes_to("101", moment=datetime(2025, 3, 28, 15, 30, 0))
        self._goes_to("", moment=datetime(2025, 3, 31, 15, 30, 0))

    def test_public_holiday(self):
        self._contact()
        self._leave()
        self._refresh()
        self.assertIn("off_hours", self._goes_to(""))

    def _leave(self, resource=None, **values):
        return self.env["resource.calendar.leaves"].create(
            {
                "name": "Away",
                "company_id": self.company.id,
                "calendar_id": self.calendar.id,
                "resource_id": resource and resource.id,
                "date_from": datetime(2025, 3, 3),
                "date_to": datetime(2025, 3, 3, 23, 59, 59),
                **values,
            }
        )

    def _employ(self, user, calendar=None):
        """Give a user working hours of their own, as Odoo's HR does with an employee."""
        calendar = self.calendar if calendar is None else calendar
        return self.env["resource.resource"].create(
            {
                "name": user.name,
                "user_id": user.id,
                "company_id": self.company.id,
                "calendar_id": calendar.id,
                "tz": "UTC",
            }
        )

    def test_leave_of_an_employee(self):
        self._contact()
        self._deal(self.colleague, phone="+493011111111")
        self._leave(self._employ(self.agent))
        self._refresh()
        self._goes_to("")
        self._goes_to("102", caller="+493011111111")

    def test_hours_of_an_employee(self):
        self._contact()
        evenings = self.calendar.copy({"name": "Evenings"})
        evenings.attendance_ids.write({"hour_from": 18, "hour_to": 22})
        self._employ(self.agent, evenings)
        self._refresh()
        self._goes_to("")
        self._goes_to("101", moment=datetime(2025, 3, 3, 19, 0, 0))

    def test_employee_without_fixed_hours_works_but_for_leaves(self):
        self._contact()
        resource = self._employ(self.agent, self.env["resource.calendar"])
        resource.calendar_id = False
        self._leave(resource)
        self._refresh()
        self._goes_to("")
        self._goes_to("101", moment=datetime(2025, 3, 9, 3, 0, 0))

    def test_flexible_hours_mean_any_time_but_leaves(self):
        self._contact()
        self.calendar.schedule_type = "flexible"
        self._leave()
        self._refresh()
        self._goes_to("")
        self._goes_to("101", moment=datetime(2025, 3, 9, 3, 0, 0))

    def test_change_of_working_hours_is_seen_soon(self):
        cron = self.env.ref("zadarma.ir_cron_working_time")
        triggers = self.env["ir.cron.trigger"]
        for change in (
            self._leave,
            lambda: self.calendar.attendance_ids[0].write({"hour_to": 16}),
            lambda: self.calendar.write({"tz": "Europe/Kyiv"}),
            lambda: self._employ(self.agent),
            self.calendar.attendance_ids[0].unlink,
        ):
            triggers.search([]).unlink()
            self.env.cr.precommit.data.clear()
            change()
            self.assertEqual(triggers.search([]).cron_id, cron)
        triggers.search([]).unlink()
        self.company.zadarma_route_calls = False
        self.env.cr.precommit.data.clear()
        self._leave(date_from=datetime(2025, 3, 10), date_to=datetime(2025, 3, 10, 23, 59, 59))
        self.assertFalse(triggers.search([]))

    def test_new_user_of_an_extension_can_take_calls_at_once(self):
        self._contact(user_id=self.supervisor.id)
        self._goes_to("")
        self.extensions[2].user_id = self.supervisor
        self._goes_to("103")

    def test_working_times_are_known_for_two_weeks(self):
        self.clock.tick(timedelta(days=13))
        self._contact()
        self._go_to(MONDAY)
        self._goes_to("101", moment=MONDAY + timedelta(days=14))
        rows = self.env["zadarma.working.time"].search([("company_id", "=", self.company.id)])
        self._refresh()
        self.assertEqual(self.env["zadarma.working.time"].search([("company_id", "=", self.company.id)]), rows)
        self._go_to(MONDAY + timedelta(days=30))
        self.assertFalse(rows.exists())

    # === NEXT IN LINE === #

    def test_deputy_takes_it(self):
        self._contact()
        self.agent.zadarma_deputy_id = self.colleague
        self._goes_to("101")
        self.agent.zadarma_dnd = True
        self.assertIn("free", self._goes_to("102"))

    def test_deputies_in_a_circle_end(self):
        self._contact()
        self.agent.zadarma_deputy_id = self.colleague
        self.colleague.zadarma_deputy_id = self.agent
        (self.agent | self.colleague).zadarma_dnd = True
        self.assertIn("nobody", self._goes_to(""))

    def test_deputy_of_the_deputy(self):
        self._contact()
        self.extensions[2].user_id = self.supervisor
        self.agent.zadarma_deputy_id = self.colleague
        self.colleague.zadarma_deputy_id = self.supervisor
        (self.agent | self.colleague).zadarma_dnd = True
        self._goes_to("103")

    def test_team_of_the_deal_takes_it_in_order(self):
        contact = self._contact()
        self._deal(self.agent, partner_id=contact.id)
        self.extensions[2].user_id = self.supervisor
        for user in (self.supervisor, self.colleague):
            self.env["crm.team.member"].create({"crm_team_id": self.team.id, "user_id": user.id})
        self.agent.zadarma_dnd = True
        self._goes_to("103")
        self.supervisor.zadarma_dnd = True
        self._goes_to("102")
        self.team.crm_team_member_ids.filtered(lambda member: member.user_id == self.colleague).active = False
        self._goes_to("")

    def test_team_of_the_dialled_number_takes_it(self):
        self._contact()
        self.own_number.team_id = self.team
        self.env["crm.team.member"].create({"crm_team_id": self.team.id, "user_id": self.colleague.id})
        self.agent.zadarma_dnd = True
        self._goes_to("102")

    # === NEVER === #

    def test_own_internal_and_withheld_numbers_go_their_own_way(self):
        self.own_number.user_id = self.colleague
        for caller in (DIALLED, "100", "499499-100", "anonymous", "", "0", "12"):
            with self.subTest(caller):
                self.assertEqual(self._decide(caller=caller).answer, {})

    def test_archived_own_number_is_no_customer_and_one_given_up_may_be(self):
        self._contact(phone=f"+{DIALLED}")
        self.own_number.write({"user_id": self.colleague.id, "active": False})
        self.assertEqual(self._decide(caller=DIALLED, dialled="493055555").answer, {})
        self._goes_to("")
        self.own_number.is_gone = True
        self._goes_to("101", caller=DIALLED, dialled="493055555")

    def test_switched_off(self):
        self._contact()
        self.company.zadarma_route_calls = False
        self.assertEqual(self._decide().answer, {"caller_name": "Ada"})
        self.company.write({"zadarma_route_calls": True, "zadarma_caller_name": False})
        self.assertEqual(self._decide().answer, REDIRECT)
        self.company.zadarma_route_calls = False
        self.assertEqual(self._decide().answer, {})
        self.company.zadarma_block_numbers = False
        self.assertEqual([step.reason for step in self._decide().steps], ["switched_off"])

    def test_return_time(self):
        self._contact()
        self.company.zadarma_return_timeout = 0
        self.assertEqual(self._decide().answer["return_timeout"], 0)
        for seconds in (-1, 1, 2, 601):
            with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.company.zadarma_return_timeout = seconds
                self.env.flush_all()

    def test_other_companies_contacts_and_users_do_not_count(self):
        other = self.env["res.company"].create({"name": "Other"})
        self._contact(company_id=other.id)
        self.assertEqual(self._decide().answer, {})

    # === PROMISES === #

    def test_redelivered_start_gets_the_same_answer(self):
        self._contact()
        first = self.deliver(inbound("START"))
        self.agent.zadarma_dnd = True
        self.assertEqual(self.deliver(inbound("START")), first)
        self.assertEqual(self._find_events(pbx_call_id=CALL_ID).redelivered, 1)

    def test_few_statements(self):
        """Odoo's own question for news of other workers makes it six at most."""
        contact = self._contact()
        self._deal(self.agent, partner_id=contact.id)
        self.env["zadarma.blocked.number"].create({"number": "+4912*"})
        self.agent.zadarma_deputy_id = self.colleague
        firm = self.env["res.partner"].create({"name": "Firm", "is_company": True, "user_id": self.agent.id})
        shared = self._contact(parent_id=firm.id, phone="+49895551234")
        shared.copy()
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET phone_sanitized = NULL WHERE parent_id = %s", [firm.id])
        events, account = self.env["zadarma.event"], self._account()
        for number, (caller, statements) in enumerate(
            ((CALLER, 3), ("+4917099999999", 3), ("+491234567", 2), ("anonymous", 1), (shared.phone, 5))
        ):
            form = inbound("START", caller=caller, call_id=f"in_{number:040x}")
            self.env.flush_all()
            with self.assertQueryCount(statements):
                events._store(account, form, events._decide(account, form))

    def test_look_ups_use_indexes(self):
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        routing = self.env["zadarma.routing"]
        for query, tables in (
            (routing._number_query(self.company.id, CALLER, f"+{DIALLED}"), ("zadarma_number",)),
            (routing._block_query(self.company.id, CALLER), ("zadarma_blocked_number",)),
            (
                routing._candidates_query(self.company.id, self.agent.id, self.team.id, START),
                ("res_users", "zadarma_extension", "zadarma_working_time", "zadarma_call_leg", "crm_team_member"),
            ),
        ):
            self.env.cr.execute(f"EXPLAIN {query.code}", query.params)
            plan = "\n".join(row[0] for row in self.env.cr.fetchall())
            for table in tables:
                self.assertRegex(plan, rf"(?:Index|Bitmap Heap).*? on {table}")
                self.assertNotIn(f"Seq Scan on {table}", plan)

    def test_hundred_thousand_blocked_numbers_are_found_by_index(self):
        self.env.cr.execute(
            """
            INSERT INTO zadarma_blocked_number (company_id, number, active, date)
                 SELECT %s, '+4915' || lpad(n::text, 8, '0'), TRUE, now() FROM generate_series(1, 100000) AS n
            """,
            [self.company.id],
        )
        self.env.cr.execute("ANALYZE zadarma_blocked_number")
        query = self.env["zadarma.routing"]._block_query(self.company.id, "+491500000007")
        self.env.cr.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query.code}", query.params)
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertNotIn("Seq Scan on zadarma_blocked_number", plan)
        self.assertEqual(self._decide(caller="+491500000007").answer, {"redirect": "blacklist"})
