import os

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALLER, RECORDING_ID
from .recording_common import REQUEST, RecordedCase

_QUIET = ("odoo.addons.zadarma.zadarma_api.client",)


@tagged("post_install", "-at_install")
class TestDoNotRecord(RecordedCase):
    def _assert_only_deleted(self, call):
        self.run_jobs(2)
        self.assertEqual(call.recording_ids.mapped("state"), ["removed"])
        self.assertFalse(self.asked_for() or self.loaded)
        self.assertEqual(self.asked_for("DELETE"), [{"call_id": RECORDING_ID}])
        self.run_jobs(60)
        self.assertEqual(len(self.asked_for("DELETE")), 1)

    def test_company_that_wants_none_has_them_deleted_and_never_loads_them(self):
        self.company.zadarma_do_not_record = True
        self._assert_only_deleted(self.call(RECORDING_ID))

    def test_contact_that_wants_none(self):
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "zadarma_do_not_record": True})
        self._assert_only_deleted(self.call(RECORDING_ID))

    def test_company_of_the_contact_that_wants_none(self):
        parent = self.env["res.partner"].create({"name": "Ltd", "is_company": True, "zadarma_do_not_record": True})
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "parent_id": parent.id})
        self._assert_only_deleted(self.call(RECORDING_ID))

    def test_it_holds_where_recordings_are_switched_off(self):
        self.company.write({"zadarma_do_not_record": True, "zadarma_fetch_recordings": False})
        self._assert_only_deleted(self.call(RECORDING_ID))

    def test_others_are_recorded(self):
        self.env["res.partner"].create({"name": "Ada", "phone": "+4917099999999", "zadarma_do_not_record": True})
        call = self.call(RECORDING_ID)
        self.run_jobs(2)
        self.assertEqual(call.recording_ids.state, "stored")
        self.assertFalse(self.asked_for("DELETE"))

    def test_contact_that_becomes_known_in_time(self):
        call = self.call(RECORDING_ID)
        call.partner_id = self.env["res.partner"].create({"name": "Ada", "zadarma_do_not_record": True})
        call.is_settled = False
        self.env.flush_all()
        self._sweep()
        self._assert_only_deleted(call)

    def test_what_is_not_ready_to_be_deleted_is_deleted_later(self):
        self.company.zadarma_do_not_record = True
        recording = self.call(RECORDING_ID).recording_ids
        self.answers[f"DELETE {REQUEST}"] = (404, {"message": "File not found"})
        with mute_logger(*_QUIET):
            self.run_jobs(2)
        self.assertTrue(recording.next_try)
        self.answers[f"DELETE {REQUEST}"] = {"file_name": "x.mp3"}
        self.run_jobs(5)
        self.assertEqual((recording.next_try, recording.error), (False, False))

    def test_what_cannot_be_deleted_is_told(self):
        self.company.zadarma_do_not_record = True
        recording = self.call(RECORDING_ID).recording_ids
        self.answers[f"DELETE {REQUEST}"] = {"deleted_files": [], "failed_files": ["x.mp3"]}
        for minutes in (2, 2, 10, 60, 6 * 60, 24 * 60):
            self.run_jobs(minutes)
        self.assertEqual((recording.next_try, recording.error), (False, "Zadarma could not delete its copy."))
        self.answers[f"DELETE {REQUEST}"] = {"deleted_files": ["x.mp3"], "failed_files": []}
        recording.with_user(self.supervisor).action_try_again()
        self.run_jobs()
        self.assertEqual((recording.state, recording.error, recording.next_try), ("removed", False, False))


@tagged("post_install", "-at_install")
class TestRetention(RecordedCase):
    def setUp(self):
        super().setUp()
        self.company.zadarma_recording_days = 30
        self.recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(2)
        self.attachment = self.recording.attachment_id

    def _pass(self, days):
        self.clock.tick(days * 24 * 3600)
        self.run_cron("_cron_retention")

    def test_old_recordings_go_here_and_there(self):
        call = self.recording.call_id
        self._pass(29)
        self.assertEqual(self.recording.state, "stored")
        self._pass(2)
        self.assertEqual(self.recording.state, "removed")
        self.assertFalse(self.attachment.exists())
        self.run_jobs()
        self.assertEqual(self.asked_for("DELETE"), [{"call_id": RECORDING_ID}])
        self._pass(1)
        self.assertFalse(self.recording.exists())
        self.assertTrue(call.exists())
        # Nor do they come back, whatever is still told of the call.
        call.is_settled = False
        self.env.flush_all()
        self._sweep()
        self.assertFalse(call.recording_ids)

    def test_file_goes_from_the_disk(self):
        path = self.attachment._full_path(self.attachment.store_fname)
        self.assertTrue(os.path.exists(path))
        self._pass(31)
        # As Odoo's daily cleaning does, but for its locks.
        self.env["ir.attachment"]._gc_file_store_unsafe()
        self.assertFalse(os.path.exists(path))

    def test_without_days_they_stay(self):
        self.company.zadarma_recording_days = 0
        self._pass(1000)
        self.assertEqual(self.recording.state, "stored")

    def test_legal_hold_keeps_them(self):
        call = self.recording.call_id
        call.with_user(self.supervisor).legal_hold = True
        self._pass(31)
        self.assertEqual(self.recording.state, "stored")
        call.with_user(self.supervisor).legal_hold = False
        self._pass(0)
        self.assertEqual(self.recording.state, "removed")

    def test_row_stays_until_zadarma_has_deleted_its_copy(self):
        self.answers[f"DELETE {REQUEST}"] = (500, {"message": "Server error"})
        self._pass(31)
        with mute_logger(*_QUIET):
            self.run_jobs()
        self._pass(1)
        self.assertTrue(self.recording.exists())
        self.answers[f"DELETE {REQUEST}"] = (404, {"message": "File not found"})
        with mute_logger(*_QUIET):
            self.run_jobs(120)
        self._pass(1)
        self.assertFalse(self.recording.exists())


@tagged("post_install", "-at_install")
class TestLegalHold(RecordedCase):
    def setUp(self):
        super().setUp()
        self.held = self.call(RECORDING_ID)

    def test_supervisors_set_it_and_it_is_written_down(self):
        with self.assertRaises(AccessError):
            self.held.with_user(self.agent).legal_hold = True
        self.held.with_user(self.supervisor).legal_hold = True
        self.held.with_user(self.supervisor).legal_hold = True
        self.held.with_user(self.supervisor).note = "Kept"
        self.held.with_user(self.supervisor).legal_hold = False
        log = self.env["zadarma.recording.access"].search([("call_id", "=", self.held.id)])
        self.assertEqual(log.mapped("kind"), ["release", "hold"])
        self.assertEqual(log.user_id, self.supervisor)

    def test_held_call_is_not_deleted(self):
        self.held.legal_hold = True
        with self.assertRaisesRegex(UserError, "legal hold"):
            self.held.with_user(self.supervisor).unlink()
        self.held.legal_hold = False
        self.held.with_user(self.supervisor).unlink()
        self.assertFalse(self.held.exists())


@tagged("post_install", "-at_install")
class TestOnDemand(RecordedCase):
    def setUp(self):
        super().setUp()
        self.company.zadarma_recording_storage = "zadarma"

    def test_nothing_is_loaded_before_somebody_listens(self):
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(2)
        self.assertEqual((recording.state, recording.next_try, self.asked), ("remote", False, []))

    def test_copy_is_forgotten_after_a_day(self):
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(2)
        self.run_cron("_load_now", recording.id)
        attachment = recording.attachment_id
        self.assertTrue(attachment.raw)
        self.run_jobs(60)
        self.assertTrue(attachment.exists())
        self.run_jobs(24 * 60)
        self.assertFalse(attachment.exists())
        self.assertEqual((recording.state, recording.next_try), ("remote", False))

    def test_old_recordings_go_at_zadarma(self):
        self.company.zadarma_recording_days = 30
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(2)
        self.clock.tick(31 * 24 * 3600)
        self.run_cron("_cron_retention")
        self.run_jobs()
        self.assertEqual(self.asked_for("DELETE"), [{"call_id": RECORDING_ID}])
        self.assertFalse(recording.next_try)
