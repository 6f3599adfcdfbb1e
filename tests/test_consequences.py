from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALL_ID, CALLER, ZadarmaCase, answer, end, inbound

_LOGGERS = ("odoo.sql_db", "odoo.addons.zadarma.models.zadarma_call_consequences")


@tagged("post_install", "-at_install")
class TestConsequences(ZadarmaCase):
    """What follows from calls follows once, and trouble with one thing is no trouble for others.

    The database itself refuses new leads here, as a faulty addon or a full disk would make it.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {"zadarma_create_records": True, "zadarma_create_for_contacts": True, "zadarma_post_notes": True}
        )
        cls.ada = cls.env["res.partner"].create({"name": "Ada", "phone": CALLER})

    def _refuse_leads(self):
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE crm_lead ADD CONSTRAINT refused CHECK (partner_id IS NULL) NOT VALID")

    def _allow_leads(self):
        self.env.cr.execute("ALTER TABLE crm_lead DROP CONSTRAINT refused")

    def _call(self, call_id=CALL_ID):
        ring = inbound("START", call_id=call_id), inbound("INTERNAL", call_id=call_id, internal="101")
        self.deliver(*ring, answer("101", call_id=call_id), end(call_id=call_id, internal="101"))
        return self._find_call(call_id)

    def _notes(self):
        return self.env["mail.message"].search([("zadarma_call_id", "!=", False)])

    def _sweep_often(self, times):
        with mute_logger(*_LOGGERS):
            for _ in range(times):
                self.clock.tick(300)
                self._sweep()

    def test_once_a_call_however_often_it_is_told(self):
        call = self._call()
        self._call()
        self.deliver(*[end(internal="101")] * 3)
        self._sweep()
        self.assertTrue(call.is_settled)
        self.assertEqual(len(self.ada.opportunity_ids), 1)
        self.assertEqual(len(self._notes()), 2)

    def test_one_that_fails_does_not_stop_the_others(self):
        self._refuse_leads()
        with mute_logger(*_LOGGERS):
            call = self._call()
        self.assertEqual((call.state, call.is_settled), ("ended", False))
        self.assertEqual(call.settle_error, "create_records: CheckViolation")
        self.assertFalse(self.ada.opportunity_ids)
        self.assertEqual(self._notes().res_id, self.ada.id)

    def test_what_failed_is_tried_again_and_the_rest_is_not_doubled(self):
        self._refuse_leads()
        with mute_logger(*_LOGGERS):
            call = self._call()
        self._allow_leads()
        # Told to run again at once, the sweeper leaves alone what has just failed.
        attempts = call.settle_attempts
        self._sweep()
        self.assertEqual((call.is_settled, call.settle_attempts), (False, attempts))
        self._sweep_often(1)
        self.assertEqual((call.is_settled, call.settle_attempts, call.settle_error), (True, 0, False))
        self.assertEqual(len(self.ada.opportunity_ids), 1)
        self.assertEqual(len(self._notes()), 2)

    def test_after_five_attempts_it_is_left_alone(self):
        self._refuse_leads()
        with mute_logger(*_LOGGERS):
            call = self._call()
        self._sweep_often(5)
        self.assertTrue(call.is_settled)
        self.assertEqual(call.settle_error, "create_records: CheckViolation")
        attempts = call.settle_attempts
        self._sweep_often(2)
        self.assertEqual(call.settle_attempts, attempts)
        self._allow_leads()
        self._sweep_often(1)
        self.assertFalse(self.ada.opportunity_ids)

    def test_call_in_trouble_does_not_stop_other_calls(self):
        self._refuse_leads()
        with mute_logger(*_LOGGERS):
            self._call()
            self.deliver(inbound("START", call_id=f"in_{1:040x}", caller="+442079460000"))
            self.deliver(end("no answer", "0", call_id=f"in_{1:040x}", caller="+442079460000"))
        other = self._find_call(f"in_{1:040x}")
        self.assertTrue(other.is_settled)
        self.assertTrue(other.lead_id)

    def test_killed_before_the_consequences_the_sweeper_draws_them(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), end(), process=False)
        self.assertFalse(self.ada.opportunity_ids)
        self._sweep()
        self.assertEqual(len(self.ada.opportunity_ids), 1)
        self.assertEqual(len(self._notes()), 2)

    def test_one_lock_a_caller(self):
        first, second = self._call(), self._call(f"in_{1:040x}")
        self.deliver(inbound("START", call_id=f"in_{2:040x}", caller="+442079460000"))
        self.deliver(*(inbound("START", call_id=f"in_{n:040x}", caller="anonymous") for n in (3, 4)))
        others = [self._find_call(f"in_{n:040x}") for n in (2, 3, 4)]
        self.assertEqual(first._caller_lock_key(), second._caller_lock_key())
        self.assertEqual(len({call._caller_lock_key() for call in [first, *others]}), 4)

    def test_caller_whom_another_process_works_on_is_left_to_the_cron(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        with self.another_process() as cr, mute_logger("odoo.sql_db"):
            cr.execute("SELECT pg_advisory_xact_lock(%s)", [call._caller_lock_key()])
            self.deliver(answer("101"), end(internal="101"))
            self.assertEqual((call.state, call.is_settled), ("ended", False))
            self.assertFalse(self.ada.opportunity_ids)
        self._sweep()
        self.assertTrue(call.is_settled)
        self.assertEqual(len(self.ada.opportunity_ids), 1)
