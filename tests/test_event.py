import json
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALL_ID, START, ZadarmaCase, answer, end, inbound

LOGGER = "odoo.addons.zadarma.models.zadarma_event"


@tagged("post_install", "-at_install")
class TestEvent(ZadarmaCase):
    def test_redelivered_event_is_one_row(self):
        for _time in range(3):
            self.deliver(inbound("START"))
        event = self._find_events(pbx_call_id=CALL_ID)
        self.assertEqual((len(event), event.redelivered, event.state), (1, 2, "done"))

    def test_each_fact_is_a_row(self):
        self.deliver(inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        self.assertEqual(len(self._find_events(name="NOTIFY_INTERNAL")), 2)

    def test_payload_is_kept_as_received(self):
        form = inbound("START", caller="ü\x00\U0001f4de", extra="+1 (2)")
        self.deliver(form)
        self.assertEqual(json.loads(self._find_events(name="NOTIFY_START").payload), form)

    def test_events_that_nobody_processed_are_swept(self):
        self.deliver(inbound("START"), end(), process=False)
        self._sweep()
        self.assertEqual(self._find_call().state, "ended")
        self.assertEqual(set(self._find_events(pbx_call_id=CALL_ID).mapped("state")), {"done"})

    def test_only_what_is_acknowledged_waits_for_the_disk(self):
        waits = {}

        def set_on():
            # The tests' cursors share a transaction: what one sets would last for the next.
            self.env.cr.execute("SET LOCAL synchronous_commit TO ON")

        def watch(model, name):
            method = getattr(model, name)

            def watched(records, *args):
                result = method(records, *args)
                records.env.cr.execute("SHOW synchronous_commit")
                waits[name] = records.env.cr.fetchone()[0]
                set_on()
                return result

            self.patch(model, name, watched)

        events, calls = type(self.env["zadarma.event"]), type(self.env["zadarma.call"])
        for model, name in ((events, "_store"), (calls, "_apply"), (events, "_mark_done"), (calls, "_settle")):
            watch(model, name)
        set_on()
        self.deliver(end())
        self.assertEqual(waits, {"_store": "on", "_apply": "off", "_mark_done": "off", "_settle": "off"})

    def test_poisonous_call_is_given_up_and_does_not_hold_up_others(self):
        other = f"in_{1:040x}"
        self.deliver(inbound("START"), inbound("START", call_id=other), process=False)
        self.clock.tick(11)
        events = type(self.env["zadarma.event"])
        fold_call = events._fold_call

        def fail_for_one(events, company_id, pbx_call_id):
            if pbx_call_id == CALL_ID:
                raise ValueError("poison")
            return fold_call(events, company_id, pbx_call_id)

        with patch.object(events, "_fold_call", fail_for_one), mute_logger(LOGGER):
            event, attempts = self._find_events(pbx_call_id=CALL_ID), []
            for _minute in range(6):
                self._sweep()
                attempts.append(event.attempts)
                # Told to run again at once, the action leaves alone what has just failed.
                self._sweep()
                self.clock.tick(60)
            self.assertEqual(attempts, [1, 2, 3, 4, 5, 5])
        self.assertTrue(self._find_call(other))
        self.assertEqual((event.state, event.attempts, event.error), ("failed", 5, "ValueError"))
        event.action_process_again()
        self.assertEqual((event.state, event.attempts, event.error), ("new", 0, False))
        self.env.flush_all()
        self._sweep()
        self.assertEqual(event.state, "done")
        self.assertTrue(self._find_call())

    def test_quarantined_event_can_be_processed_again(self):
        self.deliver(inbound("START", start="soon"))
        event = self._find_events(name="NOTIFY_START")
        event.action_process_again()
        self.assertEqual(event.state, "quarantined")
        self.assertIn("call_start", event.error)

    def test_only_administrators_see_and_repeat_notifications(self):
        self.deliver(inbound("START"))
        event = self._find_events(name="NOTIFY_START")
        for user in (self.agent, self.supervisor):
            with self.assertRaises(AccessError):
                event.with_user(user).action_process_again()
            with self.assertRaises(AccessError):
                event.with_user(user).read(["payload"])

    def test_notifications_are_deleted_when_their_time_has_come(self):
        self.company.zadarma_event_days = 30
        self.deliver(inbound("START"), end())
        call = self._find_call()
        self.env.cr.execute("UPDATE zadarma_event SET received_at = (now() AT TIME ZONE 'UTC') - interval '29 days'")
        self.assertEqual(self.env["zadarma.event"]._gc_events(), (0, False))
        self.env.cr.execute("UPDATE zadarma_event SET received_at = (now() AT TIME ZONE 'UTC') - interval '32 days'")
        self.assertEqual(self.env["zadarma.event"]._gc_events(), (2, False))
        self.assertTrue(call.exists())

    def test_event_after_its_call_was_purged_changes_nothing(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), end(internal="101"))
        call = self._find_call()
        self._find_events(pbx_call_id=CALL_ID).unlink()
        self.env.cr.execute("UPDATE zadarma_call SET create_date = %s", [START])
        self.clock.tick(40 * 24 * 3600)
        self.deliver(inbound("START"))
        self.assertEqual((call.state, call.result, call.user_id), ("ended", "answered", self.agent))
        self.assertIn("deleted", self._find_events(pbx_call_id=CALL_ID).error)

    def test_accounts_of_two_companies_do_not_mix(self):
        other = self.env["res.company"].create(
            {"name": "Other", "zadarma_secret": "other", "country_id": self.env.ref("base.fr").id}
        )
        self.deliver(inbound("START"))
        self.deliver(inbound("START"), company=other)
        calls = self.env["zadarma.call"].search([("pbx_call_id", "=", CALL_ID)])
        self.assertEqual(calls.company_id, self.company | other)

    def test_call_that_another_process_works_on_is_left_to_it(self):
        self.deliver(inbound("START"), process=False)
        self.clock.tick(11)
        with self.another_process() as cr:
            lock = self.env["zadarma.event"]._lock_key(self.company.id, CALL_ID)
            cr.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
            self._sweep()
            self.assertFalse(self._find_call())
        self._sweep()
        self.assertEqual(self._find_call().state, "ringing")
