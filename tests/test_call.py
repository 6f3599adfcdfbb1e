import itertools

from psycopg2 import IntegrityError

from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import (
    CALL_ID,
    CALLER,
    OUT_CALL_ID,
    START,
    ZadarmaCase,
    answer,
    end,
    inbound,
    outbound,
    record,
)

_FOLDED = (
    "direction",
    "state",
    "result",
    "number",
    "own_number",
    "own_number_id",
    "partner_id",
    "user_id",
    "date_start",
    "date_answer",
    "date_end",
    "waiting",
    "duration",
    "is_missed",
    "is_recorded",
    "recording_ref",
)


@tagged("post_install", "-at_install")
class TestCall(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": CALLER})

    def _facts(self, call):
        legs = [(leg.extension, leg.user_id.id, leg.state, leg.answered) for leg in call.leg_ids]
        return [call[name] for name in _FOLDED] + [legs]

    def test_inbound_call_from_ring_to_end(self):
        self.deliver(inbound("START"))
        call = self._find_call()
        self.assertEqual((call.state, call.direction, call.partner_id), ("ringing", "inbound", self.partner))
        self.assertEqual(call.own_number_id, self.own_number)
        self.deliver(inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        self.assertEqual(call.leg_ids.mapped("state"), ["ringing", "ringing"])
        self.clock.tick(8)
        self.deliver(answer("102"))
        self.assertEqual((call.state, call.user_id), ("talking", self.colleague))
        self.assertEqual(call.leg_ids.mapped("state"), ["ended", "talking"])
        self.clock.tick(42)
        self.deliver(end(internal="102", last_internal="102"))
        self.assertEqual((call.state, call.result, call.duration, call.waiting), ("ended", "answered", 42, 8))
        self.assertEqual((call.date_end - call.date_start).total_seconds(), 50)
        self.assertFalse(call.is_missed)
        self.assertEqual(self._find_call(), call, "one pbx_call_id is one call")

    def test_every_order_of_events_ends_in_the_same_call(self):
        events = [
            inbound("START"),
            inbound("INTERNAL", internal="101"),
            inbound("INTERNAL", internal="102"),
            answer("101"),
            end(internal="101", is_recorded="1"),
            record(),
        ]
        expected = None
        # All 720 orders are tried on the fold; here those that the database could spoil.
        orders = [*itertools.islice(itertools.permutations(events), 0, 720, 37), events[::-1]]
        for number, order in enumerate(orders):
            call_id = f"in_{number:040x}"
            self.deliver(*[{**form, "pbx_call_id": call_id} for form in order])
            facts = self._facts(self._find_call(call_id))
            expected = expected or facts
            self.assertEqual(facts, expected, [form["event"] for form in order])

    def test_repeated_events_change_nothing(self):
        events = [inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), end(internal="101")]
        self.deliver(*events)
        call = self._find_call()
        facts, revision = self._facts(call), call.revision
        self.deliver(*events, *events)
        self.assertEqual(self._facts(call), facts)
        self.assertEqual(call.revision, revision)

    def test_late_event_does_not_open_an_ended_call(self):
        self.deliver(inbound("START"), end("cancel", "0"))
        call = self._find_call()
        self.deliver(inbound("INTERNAL", internal="101"), answer("101"))
        self.assertEqual((call.state, call.result), ("ended", "cancelled"))
        self.assertFalse(self._sent(self.agent))

    def test_unanswered_results_are_missed(self):
        for number, word in enumerate(("cancel", "no answer", "busy", "failed", "something new")):
            call_id = f"in_{number:040x}"
            self.deliver(inbound("START", call_id=call_id), end(word, "0", call_id=call_id))
            call = self._find_call(call_id)
            self.assertTrue(call.is_missed, word)
            self.assertEqual(call.disposition, word)
        self.assertEqual(call.result, "other")

    def test_call_of_which_only_the_recording_is_known_was_not_missed(self):
        self.deliver(record())
        self.assertEqual((self._find_call().state, self._find_call().is_missed), ("ended", False))

    def test_outbound_call_belongs_to_its_extension(self):
        self.deliver(outbound("OUT_START"))
        call = self._find_call(OUT_CALL_ID)
        self.assertEqual((call.direction, call.user_id, call.partner_id), ("outbound", self.agent, self.partner))
        self.deliver(outbound("OUT_END", disposition="cancel", duration="0"))
        self.assertEqual(call.result, "cancelled")
        self.assertFalse(call.is_missed, "nobody missed a call they made")

    def test_withheld_number_is_a_call_without_number(self):
        self.env["res.partner"].create({"name": "Nobody", "phone": "anonymous"})
        for number, caller in enumerate(("", "anonymous", "Unknown", "0")):
            call_id = f"in_{number:040x}"
            self.deliver(inbound("START", call_id=call_id, caller=caller))
            call = self._find_call(call_id)
            self.assertTrue(call.is_withheld)
            self.assertFalse(call.number)
            self.assertFalse(call.partner_id)

    def test_calls_among_own_numbers_and_extensions_are_internal(self):
        self.env["res.partner"].create({"name": "Ourselves", "phone": "+493012345678"})
        for number, caller in enumerate(("+493012345678", "101", "499499-101")):
            call_id = f"in_{number:040x}"
            self.deliver(inbound("START", call_id=call_id, caller=caller))
            call = self._find_call(call_id)
            self.assertEqual(call.direction, "internal", caller)
            self.assertFalse(call.partner_id, "we are no customer of ours")

    def test_transferred_call_belongs_to_who_talked_last(self):
        self.deliver(
            inbound("START"),
            inbound("INTERNAL", internal="101"),
            answer("101"),
            inbound("INTERNAL", internal="102", transfer_from="101", transfer_type="blind"),
        )
        call = self._find_call()
        self.assertEqual(call.leg_ids.mapped("state"), ["talking", "ringing"])
        self.deliver(answer("102", transfer_from="101"))
        self.assertEqual(call.user_id, self.colleague)
        self.deliver(end(internal="101", last_internal="102"))
        self.assertEqual(call.user_id, self.colleague)
        self.assertEqual(call.leg_ids.mapped("answered"), [True, True])

    def test_silent_call_is_closed_and_a_late_end_corrects_it(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        self.clock.tick(20 * 60)
        self.env.cr.execute("UPDATE zadarma_call SET write_date = %s", [START])
        call._close_silent_calls()
        self.assertEqual((call.state, call.result, call.is_timed_out), ("ended", "unknown", True))
        self.deliver(answer("101"))
        self.assertEqual(call.state, "ended", "a call that was closed does not come back to life")
        self.deliver(end(internal="101"))
        self.assertEqual((call.result, call.duration, call.is_timed_out), ("answered", 42, False))

    def test_hour_that_comes_twice_makes_one_call(self):
        self.company.zadarma_tz = "Europe/Berlin"
        for moment, utc in (("2025-10-26 00:30:01", "00:30"), ("2025-10-26 01:30:01", "01:30")):
            self.clock.move_to(moment)
            fields = {"call_id": f"in_{utc.replace(':', ''):0>40}", "start": "2025-10-26 02:30:00"}
            self.deliver(inbound("START", **fields))
            self.clock.tick(7200)
            self.deliver(end(**fields))
            call = self._find_call(fields["call_id"])
            self.assertEqual(len(call), 1)
            self.assertEqual(call.date_start.strftime("%H:%M"), utc)

    def test_talking_call_is_given_more_time(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"))
        call = self._find_call()
        self.clock.tick(60 * 60)
        self.env.cr.execute("UPDATE zadarma_call SET write_date = %s", [START])
        call._close_silent_calls()
        self.assertEqual(call.state, "talking")

    def test_extension_of_yesterday_keeps_its_user(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.extensions[0].user_id = self.supervisor
        self.deliver(end("cancel", "0"))
        self.assertEqual(self._find_call().leg_ids.user_id, self.agent)

    def test_partner_of_choice_survives_later_events(self):
        self.deliver(inbound("START"))
        other = self.env["res.partner"].create({"name": "Other"})
        call = self._find_call()
        call.with_user(self.supervisor).partner_id = other
        self.deliver(inbound("INTERNAL", internal="101"), end("cancel", "0"))
        self.assertEqual(call.partner_id, other)

    def test_created_contact_takes_its_call(self):
        self.deliver(inbound("START", caller="+4915112345678"), inbound("INTERNAL", internal="101"))
        call = self._find_call().with_user(self.agent)
        action = call.action_create_partner()
        partners = self.env["res.partner"].with_user(self.agent).with_context(**action["context"])
        partners.create({"name": "Firm", "is_company": True, "phone": False})
        partner = partners.create({"name": "New"})
        self.assertEqual(call.sudo().partner_id.id, partner.id)
        self.assertTrue(call.sudo().revision)

    def test_calls_survive_merging_contacts_and_leads(self):
        lead = self.env["crm.lead"].create({"name": "Old", "phone": CALLER, "type": "opportunity"})
        self.deliver(inbound("START"))
        call = self._find_call()
        self.assertEqual(call.lead_id, lead)
        kept_lead = self.env["crm.lead"].create({"name": "Kept", "type": "opportunity"})
        kept_lead._merge_dependences(lead)
        self.assertEqual(call.lead_id, kept_lead)
        kept = self.env["res.partner"].create({"name": "Ada L."})
        self.env["base.partner.merge.automatic.wizard"]._merge([self.partner.id, kept.id], kept)
        self.env.invalidate_all()
        self.assertEqual(self._find_call().partner_id, kept)

    def test_counts_on_contact_company_and_lead(self):
        firm = self.env["res.partner"].create({"name": "Firm", "is_company": True})
        self.partner.parent_id = firm
        self.deliver(inbound("START"))
        self.assertEqual((self.partner.zadarma_call_count, firm.zadarma_call_count), (1, 1))
        self.assertEqual((self.partner.zadarma_last_call, firm.zadarma_last_call), (START, START))
        found = self.env["zadarma.call"].search(firm.action_view_zadarma_calls()["domain"])
        self.assertEqual(found, self._find_call(CALL_ID))

    def test_database_keeps_calls_unique(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        twice = {"company_id": self.company.id, "direction": "inbound", "state": "ringing", "date_start": START}
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            call.create({**twice, "pbx_call_id": CALL_ID})

    def test_database_keeps_legs_unique(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            call.leg_ids.create({"call_id": call.id, "extension": "101", "state": "ringing"})
