import itertools
from datetime import timedelta

from odoo.tests import tagged

from .common import CALL_ID, CALLER, OUT_CALL_ID, RECORDING_ID, START, answer, end, inbound, outbound, record
from .statistics_common import StatisticsCase, dialled, leg, whole

# What statistics tell of a call; how long it rang and since when people talked is known to notifications alone.
_RECONCILED = (
    "direction",
    "state",
    "result",
    "disposition",
    "number",
    "is_withheld",
    "own_number",
    "own_number_id",
    "partner_id",
    "lead_id",
    "user_id",
    "answered_by",
    "date_start",
    "duration",
    "is_missed",
    "is_recorded",
    "recording_ref",
    "is_timed_out",
)
EVENTS = (
    inbound("START"),
    inbound("INTERNAL", internal="101"),
    inbound("INTERNAL", internal="102"),
    answer("101"),
    end(internal="101", last_internal="101", is_recorded="1", call_id_with_rec=RECORDING_ID),
    record(),
)
ROWS = (
    whole(),
    leg("101", "answered", 42, call_id=RECORDING_ID, is_recorded=True),
    leg("102", "no answer"),
)


@tagged("post_install", "-at_install")
class TestStatistics(StatisticsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": CALLER})
        cls.lead = cls.env["crm.lead"].create(
            {"name": "Engine", "type": "opportunity", "partner_id": cls.partner.id, "phone": False}
        )

    def _facts(self, call):
        legs = [(leg_.extension, leg_.user_id.id, leg_.state, leg_.answered) for leg_ in call.leg_ids]
        return [call[name] for name in _RECONCILED] + [legs]

    def test_call_that_no_notification_told_of_is_added(self):
        self.take(*ROWS)
        call = self._find_call()
        self.assertEqual((call.source, call.state, call.result, call.duration), ("statistics", "ended", "answered", 42))
        self.assertEqual((call.direction, call.number, call.partner_id), ("inbound", CALLER, self.partner))
        self.assertEqual((call.lead_id, call.caller_state), (self.lead, "found"))
        self.assertEqual((call.own_number_id, call.user_id, call.date_start), (self.own_number, self.agent, START))
        self.assertEqual(call.leg_ids.mapped("answered"), [True, False])
        self.assertFalse(self._sent(self.agent), "no popup opens for what is over")

    def test_every_subset_of_notifications_then_the_statistics(self):
        expected = None
        for size in range(7):
            for subset in itertools.combinations(EVENTS, size):
                call_id = f"in_{len(subset)}{sum(2 ** EVENTS.index(form) for form in subset):039x}"
                self.deliver(*[{**form, "pbx_call_id": call_id} for form in subset])
                self.take(*[{**row, "pbx_call_id": call_id} for row in ROWS])
                facts = self._facts(self._find_call(call_id))
                expected = expected or facts
                self.assertEqual(facts, expected, [form["event"] for form in subset])

    def test_statistics_first_or_between_end_in_the_same_call(self):
        self.deliver(*EVENTS)
        self.take(*ROWS)
        expected = self._facts(self._find_call())
        for place in range(6):
            call_id = f"in_{place:040x}"
            forms = [{**form, "pbx_call_id": call_id} for form in EVENTS]
            self.deliver(*forms[:place])
            self.take(*[{**row, "pbx_call_id": call_id} for row in ROWS])
            self.deliver(*forms[place:])
            call = self._find_call(call_id)
            self.assertEqual(self._facts(call), expected, place)
            self.assertEqual(len(call), 1)

    def test_notifications_make_a_call_theirs(self):
        self.take(*ROWS)
        self.deliver(*EVENTS)
        self.assertEqual(self._find_call().source, "notifications")

    def test_repetition_changes_nothing(self):
        self.deliver(*EVENTS)
        self.take(*ROWS)
        call = self._find_call()
        facts, written = self._facts(call), call.write_date
        self.clock.tick(3600)
        outcome = self.take(*ROWS, *ROWS)
        self.assertEqual(dict(outcome.counts), {"unchanged": 1, "deleted": 0})
        self.assertEqual((self._facts(call), call.write_date), (facts, written))
        self.assertFalse(call.corrections)

    def test_unsigned_fields_are_overruled_with_a_note(self):
        self.deliver(inbound("START"), end("answered", "9000", internal="102", last_internal="102"))
        call = self._find_call()
        outcome = self.take(whole("cancel", 0), leg("101", "no answer"))
        self.assertEqual((call.result, call.duration, call.user_id.id), ("cancelled", 0, False))
        self.assertTrue(call.is_missed)
        self.assertEqual(outcome.counts["corrected"], 1)
        self.assertIn("Result: Answered, corrected to Cancelled", call.corrections)
        self.assertIn("Duration: 9000 seconds, corrected to 0 seconds", call.corrections)

    def test_correction_of_the_next_day_is_taken_with_a_note(self):
        self.take(*ROWS)
        call = self._find_call()
        self.clock.tick(24 * 3600)
        self.take(whole(), leg("101", "answered", 45, call_id=RECORDING_ID, is_recorded=True))
        self.assertEqual((call.duration, len(call.statistics)), (45, 3))
        self.assertIn("2025-03-02 10:00:00 UTC  Duration: 42 seconds, corrected to 45 seconds", call.corrections)

    def test_end_that_never_came_is_told_by_the_statistics(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        call = self._find_call()
        self.take(whole(), leg("102", "answered", 2))
        self.assertEqual(call.state, "talking", "101 still talks")
        self.clock.tick(9 * 3600)
        self.env.cr.execute("UPDATE zadarma_call SET write_date = %s", [START])
        call._close_silent_calls()
        self.assertEqual((call.result, call.is_timed_out), ("unknown", True))
        self.take(*ROWS)
        self.assertEqual((call.state, call.result, call.duration, call.is_timed_out), ("ended", "answered", 42, False))
        self.assertFalse(call.corrections, "nothing was told otherwise")
        self.deliver(inbound("INTERNAL", internal="102"))
        self.assertEqual((call.state, call.result), ("ended", "answered"), "it does not begin again")

    def test_popup_of_a_call_whose_end_was_lost_closes(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.take(whole("cancel", 0), leg("101", "cancel"))
        self.assertEqual([sent["state"] for sent in self._sent(self.agent)], ["ringing", "ended"])

    def test_deleted_notifications_make_no_call_worse(self):
        self.deliver(
            inbound("START"),
            inbound("INTERNAL", internal="101"),
            answer("101"),
            inbound("INTERNAL", internal="102", transfer_from="101"),
        )
        self.clock.tick(8)
        self.deliver(answer("102", transfer_from="101"), end(internal="101", last_internal="102"))
        call = self._find_call()
        before = [call.waiting, call.date_answer, call.leg_ids.mapped("transfer_from"), self._facts(call)]
        self._find_events(pbx_call_id=CALL_ID).unlink()
        self.clock.tick(40 * 24 * 3600)
        self.take(leg("102", "answered", 42))
        after = [call.waiting, call.date_answer, call.leg_ids.mapped("transfer_from"), self._facts(call)]
        self.assertEqual(after, before)
        self.take(leg("102", "answered", 50))
        self.assertEqual((call.duration, call.answered_by, call.own_number), (50, "102", "+493012345678"))

    def test_outbound_call(self):
        self.take(dialled())
        call = self._find_call(OUT_CALL_ID)
        self.assertEqual((call.direction, call.number, call.partner_id), ("outbound", CALLER, self.partner))
        self.assertEqual((call.user_id, call.result, call.is_missed), (self.agent, "answered", False))
        self.deliver(outbound("OUT_START"), outbound("OUT_END", disposition="answered", duration="42"))
        self.assertEqual((call.duration, call.user_id), (42, self.agent))

    def test_calls_among_ourselves_and_withheld_numbers(self):
        self.take(
            whole(clid="493012345678", pbx_call_id=f"in_{1:040x}"), whole(clid="anonymous", pbx_call_id=f"in_{2:040x}")
        )
        internal, withheld = (self._find_call(f"in_{number:040x}") for number in (1, 2))
        self.assertEqual((internal.direction, internal.partner_id.id), ("internal", False))
        self.assertEqual((withheld.is_withheld, withheld.number), (True, False))

    def test_many_callers_are_looked_up_as_each_would_be(self):
        """Known, shared by colleagues or by strangers, archived, of another company, written in odd ways, leads."""
        other = self.env["res.company"].create({"name": "Other"})
        firm = self.env["res.partner"].create({"name": "Firm", "is_company": True, "phone": "+49301000001"})
        partners = [
            {"name": "Bob", "phone": "+49301000001", "parent_id": firm.id},
            {"name": "Carl", "phone": "+49301000002"},
            {"name": "Dora", "phone": "+49301000002"},
            {"name": "Gone", "phone": "+49301000003", "active": False},
            {"name": "Theirs", "phone": "+49301000004", "company_id": other.id},
            {"name": "Odd", "phone": "+4930100000500000"},
        ]
        self.env["res.partner"].create(partners)
        self.env["crm.lead"].create({"name": "Lead", "phone": "+49301000006", "type": "lead"})
        self.env["crm.lead"].create({"name": "Deal", "partner_id": firm.id, "type": "opportunity", "phone": False})
        numbers = [CALLER, *(f"+4930100000{digit}" for digit in range(1, 8)), "+4930100000500000"]
        self.env.flush_all()
        self.take(*[whole(clid=number, pbx_call_id=f"in_{index:040x}") for index, number in enumerate(numbers)])
        self.deliver(
            *[inbound("START", caller=number, call_id=f"in_{index + 100:040x}") for index, number in enumerate(numbers)]
        )
        for index, number in enumerate(numbers):
            many, one = (self._find_call(f"in_{each:040x}") for each in (index, index + 100))
            self.assertEqual(
                (many.partner_id, many.lead_id, many.caller_state),
                (one.partner_id, one.lead_id, one.caller_state),
                number,
            )

    def test_call_that_people_deleted_does_not_come_back(self):
        self.take(*ROWS)
        self._find_call().with_user(self.supervisor).unlink()
        outcome = self.take(*ROWS)
        self.assertFalse(self._find_call())
        self.assertEqual(outcome.counts["deleted"], 1)

    def test_what_follows_from_a_call_depends_on_its_age(self):
        old, new = f"in_{1:040x}", f"in_{2:040x}"
        self.take(
            whole("cancel", 0, pbx_call_id=old, callstart="2025-02-20 10:00:00"),
            whole("cancel", 0, pbx_call_id=new),
            since=START - timedelta(days=1),
            follow_up=False,
        )
        self.assertEqual([self._find_call(call_id).is_settled for call_id in (old, new)], [True, False])
        self.clock.tick(5 * 24 * 3600)
        self.assertEqual([self._find_call(call_id)._is_recent() for call_id in (old, new)], [False, True])
        self.take(whole("busy", 0, pbx_call_id=old, callstart="2025-02-20 10:00:00"), since=None, follow_up=False)
        self.assertTrue(self._find_call(old).is_settled)
        self.take(whole("busy", 0, pbx_call_id=new), since=START - timedelta(days=1))
        self.assertTrue(self._find_call(new).is_settled, "it was done at once")

    def test_call_that_fails_does_not_stop_the_others(self):
        bad, good = f"in_{1:040x}", f"in_{2:040x}"
        row = whole(pbx_call_id=bad)
        self.env.cr.execute("ALTER TABLE zadarma_call ADD CONSTRAINT poison CHECK (own_number != '+49666666666')")
        row["destination"] = row["sip"] = "49666666666"
        with self.assertLogs("odoo.addons.zadarma.models.zadarma_call_statistics", "ERROR"), self._mute_sql():
            outcome = self.take(row, whole(pbx_call_id=good))
        self.assertEqual(outcome.failed, {bad: "CheckViolation"})
        self.assertEqual((bool(self._find_call(bad)), bool(self._find_call(good))), (False, True))

    def test_notification_during_the_comparison_waits_for_its_turn(self):
        """Whoever brings a notification meanwhile leaves; the comparison processes it when it is done."""
        self.deliver(*EVENTS, process=False)
        self.take(*ROWS)
        self.assertFalse(self._find_events(pbx_call_id=CALL_ID, state="new"))
        self.assertEqual(self._find_call().source, "notifications")
