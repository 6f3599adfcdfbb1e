import os
import random
import resource
from contextlib import contextmanager
from datetime import timedelta

import requests

from odoo import SUPERUSER_ID, api
from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CALL_ID, CALLER, RECORDING_ID, START, answer, end, inbound, record
from .recording_common import LINK, MP3, REQUEST, FilesMixin, RecordedCase, file_reply
from .statistics_common import StatisticsCase, leg, whole

OTHER_ID = "1740823260.99"
_LOGGER = "odoo.addons.zadarma.models.zadarma_recording"
_QUIET = ("odoo.addons.zadarma.zadarma_api.client", "odoo.addons.zadarma.zadarma_api.recordings")


@contextmanager
def full_disk():
    """Let no file of this process grow beyond some bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@tagged("post_install", "-at_install")
class TestRecordingRows(RecordedCase):
    def test_recorded_call_waits_for_its_recording(self):
        call = self.call(RECORDING_ID)
        recording = call.recording_ids
        self.assertEqual((recording.key, recording.state), (RECORDING_ID, "waiting"))
        self.assertEqual(recording.next_try, call.date_end + timedelta(seconds=40))
        self.assertFalse(call.has_recording)

    def test_notice_before_the_end_and_again_is_one_recording(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), answer("101"), record())
        self.deliver(end(is_recorded="1", call_id_with_rec=RECORDING_ID), record(), record())
        self.assertEqual(self._find_call().recording_ids.mapped("key"), [RECORDING_ID])

    def test_notice_alone_is_a_recording(self):
        self.deliver(record())
        self.assertEqual(self._find_call().recording_ids.mapped("key"), [RECORDING_ID])

    def test_transferred_call_has_several(self):
        call = self.call(RECORDING_ID, OTHER_ID)
        self.assertEqual(set(call.recording_ids.mapped("key")), {RECORDING_ID, OTHER_ID})

    def test_recording_without_an_id_gets_it_later(self):
        call = self.call()
        recording = call.recording_ids
        self.assertEqual((len(recording), recording.key), (1, False))
        self.deliver(record())
        self.assertEqual((call.recording_ids, recording.key), (recording, RECORDING_ID))

    def test_call_without_a_recording_has_none(self):
        self.deliver(inbound("START"), answer("101"), end())
        self.assertFalse(self._find_call().recording_ids)

    def test_switched_off_nothing_is_asked_and_nothing_written(self):
        self.company.zadarma_fetch_recordings = False
        call = self.call(RECORDING_ID)
        self.run_jobs(5)
        self.assertFalse(call.recording_ids or self.asked)

    def test_switched_off_later_nothing_more_is_asked(self):
        call = self.call(RECORDING_ID)
        self.company.zadarma_fetch_recordings = False
        self.run_jobs(5)
        self.assertEqual((self.asked, call.recording_ids.state), ([], "waiting"))
        self.company.zadarma_fetch_recordings = True
        self.run_jobs(5)
        self.assertEqual(call.recording_ids.state, "stored")


@tagged("post_install", "-at_install")
class TestFetch(RecordedCase):
    def test_file_is_stored_when_zadarma_has_it_ready(self):
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(1)
        self.assertFalse(self.asked)
        self.run_jobs(2)
        self.assertEqual(self.asked_for(), [{"call_id": RECORDING_ID, "lifetime": "180"}])
        self.assertEqual((recording.state, recording.size, recording.mimetype), ("stored", len(MP3), "audio/mpeg"))
        self.assertEqual(len(recording.checksum), 64)
        self.assertEqual(recording.attachment_id.raw, MP3)
        self.assertFalse(recording.next_try or recording.error)
        self.assertTrue(recording.call_id.has_recording)

    def test_recording_that_another_process_loads_is_left_to_it(self):
        recording = self.call(RECORDING_ID).recording_ids
        with self.env.registry.cursor() as cr, recording.with_env(self.env(cr=cr))._held():
            [lock] = self._held_locks()
        with self.another_process() as cr:
            cr.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
            self.run_jobs(3)
            self.assertEqual((recording.state, self.asked), ("waiting", []))
        self.run_jobs()
        self.assertEqual(recording.state, "stored")

    def test_what_is_stored_is_never_asked_for_again(self):
        self.call(RECORDING_ID)
        self.run_jobs(2)
        self.deliver(record(), end(is_recorded="1", call_id_with_rec=RECORDING_ID, internal="101"))
        for _ in range(5):
            self.run_jobs(60)
        self.assertEqual((len(self.asked_for()), len(self.loaded)), (1, 1))

    def test_recording_without_an_id_is_found_by_its_call(self):
        recording = self.call().recording_ids
        self.run_jobs(2)
        self.assertEqual((recording.state, recording.key), ("stored", RECORDING_ID))
        self.deliver(record())
        self.assertEqual(recording.call_id.recording_ids, recording)

    def test_all_recordings_of_a_call_are_found_by_the_call(self):
        for links in ([LINK.format(RECORDING_ID), LINK.format(OTHER_ID)], [LINK.format("one"), LINK.format("two")]):
            self.answers[REQUEST] = {"links": links}
            call = self.call(call_id=f"in_{len(self.asked):040x}")
            self.run_jobs(2)
            self.run_jobs(2)
            self.assertEqual(call.recording_ids.mapped("state"), ["stored", "stored"])
            self.assertEqual(sorted(self.loaded[-2:]), sorted(links))

    def test_what_is_not_ready_is_asked_for_more_and_more_rarely(self):
        recording = self.call(RECORDING_ID).recording_ids
        self.answers[REQUEST] = (404, {"message": "File not found"})
        with mute_logger(*_QUIET):
            for minutes in (2, 2, 10, 60, 6 * 60):
                self.run_jobs(minutes)
                self.assertEqual(recording.state, "waiting")
                asked = len(self.asked_for())
                self.run_jobs(1)
                self.assertEqual(len(self.asked_for()), asked, f"after {minutes} minutes")
        self.assertEqual((recording.misses, recording.attempts), (5, 5))
        self.assertEqual(recording.error, "Zadarma does not have the recording ready yet.")
        self.answers[REQUEST] = self._give_links
        self.run_jobs(24 * 60)
        self.assertEqual((recording.state, recording.error, recording.attempts), ("stored", False, 6))

    def test_what_never_comes_is_given_up_with_a_reason_and_can_be_tried_again(self):
        recording = self.call(RECORDING_ID).recording_ids
        type(self).file = lambda: file_reply(b"", 404)
        for minutes in (2, 2, 10, 60, 6 * 60, 24 * 60):
            self.run_jobs(minutes)
        self.assertEqual((recording.state, recording.next_try), ("failed", False))
        self.assertEqual(recording.error, "Zadarma has no recording of this call.")
        self.run_jobs(48 * 60)
        self.assertEqual(len(self.loaded), 6)
        # Each time a new link was asked for: the one before may be too old.
        self.assertEqual(len(self.asked_for()), 6)
        type(self).file = file_reply
        recording.with_user(self.agent).action_try_again()
        self.run_jobs()
        self.assertEqual((recording.state, recording.error), ("stored", False))

    def test_strangers_cannot_have_it_tried_again(self):
        recording = self.call(RECORDING_ID).recording_ids
        with self.assertRaises(AccessError):
            recording.with_user(self.colleague).action_try_again()

    def test_recorded_call_in_which_nobody_talked_is_no_failure(self):
        self.deliver(
            inbound("START"),
            inbound("INTERNAL", internal="101"),
            end("cancel", "0", is_recorded="1", call_id_with_rec=RECORDING_ID),
        )
        recording = self._find_call().recording_ids
        type(self).file = lambda: file_reply(b"", 404)
        for minutes in (2, 2, 10, 60, 6 * 60, 24 * 60):
            self.run_jobs(minutes)
        self.assertEqual((recording.state, recording.error), ("removed", False))

    def test_faults_are_waited_for(self):
        recording = self.call(RECORDING_ID).recording_ids
        broken = (
            lambda: file_reply(MP3[:100], Content_Length=str(len(MP3))),
            lambda: file_reply(b"", 500),
            lambda: requests.ConnectionError("reset"),
            lambda: requests.ReadTimeout("slow"),
        )
        with mute_logger(*_QUIET):
            for hour in range(12):
                type(self).file = broken[hour % len(broken)]
                self.run_jobs(60)
                self.assertEqual((recording.state, recording.misses), ("waiting", 0))
                self.assertFalse(recording.attachment_id)
        self.assertEqual((recording.attempts, recording.error), (12, "The recording did not come whole."))
        type(self).file = file_reply
        self.run_jobs(60)
        self.assertEqual(recording.attachment_id.raw, MP3)

    def test_faults_are_not_waited_for_for_ever(self):
        recording = self.call(RECORDING_ID).recording_ids
        type(self).file = lambda: file_reply(b"", 500)
        self.run_jobs(2)
        recording.attempts = 334
        self.run_jobs(60)
        self.assertEqual(recording.state, "waiting")
        self.run_jobs(60)
        self.assertEqual((recording.state, recording.error), ("failed", "The recording did not come whole."))

    def test_faults_by_chance_lose_nothing(self):
        """Every third answer is wrong in some way; all recordings come in the end, whole."""
        chance, count = random.Random(1), 40
        faults = (
            lambda: file_reply(MP3[:100], Content_Length=str(len(MP3))),
            lambda: file_reply(b"<html></html>", Content_Type="text/html"),
            lambda: file_reply(b"", 404),
            lambda: file_reply(b"", 500),
            lambda: requests.ConnectionError("reset"),
        )
        type(self).file = lambda: chance.choice(faults)() if chance.random() < 0.3 else file_reply()
        for index in range(count):
            self.call(f"1740823200.{index}", call_id=f"in_{index:040x}")
        with mute_logger(*_QUIET):
            for _ in range(60):
                self.run_jobs(60)
        recordings = self.env["zadarma.recording"].search([])
        self.assertEqual(recordings.mapped("state"), ["stored"] * count)
        self.assertEqual({recording.attachment_id.raw for recording in recordings}, {MP3})

    def test_other_files_are_refused(self):
        recording = self.call(RECORDING_ID).recording_ids
        for body, content_type in (
            (b"<html></html>", "text/html"),
            (b"MZ" + bytes(99), "audio/mpeg"),
            (MP3, "text/plain"),
        ):
            type(self).file = lambda body=body, kind=content_type: file_reply(body, Content_Type=kind)
            self.run_jobs(60)
            self.assertEqual(
                (recording.error, recording.attachment_id.id), ("What Zadarma sent is no recording.", False)
            )

    def test_large_files_are_given_up_at_once(self):
        recording = self.call(RECORDING_ID).recording_ids
        type(self).file = lambda: file_reply(MP3, Content_Length=str(300 * 1024**2))
        self.run_jobs(2)
        self.assertEqual((recording.state, recording.error), ("failed", "The recording is larger than 128 MB."))

    def test_links_of_strangers_are_not_followed(self):
        recording = self.call(RECORDING_ID).recording_ids
        for link in ("http://api.zadarma.com/x.mp3", "https://169.254.169.254/x.mp3", "https://example.com/x.mp3"):
            self.answers[REQUEST] = {"link": link}
            recording.action_try_again()
            self.run_jobs(2)
            self.assertEqual((recording.state, self.loaded), ("failed", []))
        self.assertIn("zadarma.recording_hosts", recording.error)

    def test_hosts_of_recordings_can_be_added(self):
        self.env["ir.config_parameter"].set_param("zadarma.recording_hosts", "zadarma.com, records.example")
        downloader = self.env["zadarma.recording"]._get_downloader()
        self.assertTrue(downloader.may_load("https://eu.records.example/x.mp3"))

    def test_zadarma_that_asks_to_slow_down_is_left_alone(self):
        recordings = self.call(RECORDING_ID).recording_ids | self.call(OTHER_ID, call_id=f"in_{2:040x}").recording_ids
        self.answers[REQUEST] = (429, {"message": "Too many requests"})
        with mute_logger(*_QUIET):
            self.run_jobs(2)
        self.assertEqual(len(self.asked_for()), 1)
        self.assertEqual(set(recordings.mapped("misses")), {0})
        self.answers[REQUEST] = self._give_links
        for _ in range(5):
            self.run_jobs(2)
        self.assertEqual(set(recordings.mapped("state")), {"stored"})

    def test_zadarma_that_is_not_there_is_asked_once_a_time(self):
        self.call(RECORDING_ID)
        self.call(OTHER_ID, call_id=f"in_{2:040x}")
        self.answers[REQUEST] = requests.ConnectionError("refused")
        with mute_logger(*_QUIET):
            self.run_jobs(2)
        self.assertEqual(len(self.asked_for()), 1)

    def test_account_that_is_not_set_up_asks_nothing(self):
        recording = self.call(RECORDING_ID).recording_ids
        self.company.zadarma_key = False
        self.run_jobs(2)
        self.assertEqual((recording.state, recording.attempts, self.asked), ("waiting", 0, []))
        self.company.zadarma_key = "key"
        self.run_jobs(61)
        self.assertEqual(recording.state, "stored")

    def test_full_disk_is_waited_for(self):
        recording = self.call(RECORDING_ID).recording_ids
        with full_disk(), mute_logger(f"{_LOGGER}_fetch"):
            self.run_jobs(2)
        self.assertEqual((recording.state, recording.misses), ("waiting", 0))
        self.assertIn("disk", recording.error)
        self.run_jobs(60)
        self.assertEqual((recording.state, recording.attachment_id.raw), ("stored", MP3))

    def test_file_that_was_left_unfinished_is_replaced(self):
        attachments = self.env["ir.attachment"]
        checksum = attachments._compute_checksum(MP3)
        path = attachments._full_path(f"{checksum[:2]}/{checksum}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        for key, left in ((RECORDING_ID, b""), (OTHER_ID, MP3[:50])):
            recording = self.call(key, call_id=f"in_{len(left):040x}").recording_ids
            with open(path, "wb") as file:
                file.write(left)
            with self.assertLogs(_LOGGER, "WARNING") as logs:
                self.run_jobs(2)
            self.assertEqual(len(logs.output), 1)
            self.assertEqual((recording.state, recording.attachment_id.raw), ("stored", MP3))

    def test_history_is_there_to_be_heard_and_not_loaded(self):
        self.clock.tick(5 * 24 * 3600)
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(5)
        self.assertEqual((recording.state, self.asked), ("remote", []))


@tagged("post_install", "-at_install")
class TestRecordingsOfStatistics(FilesMixin, StatisticsCase):
    """Calls that no notification told of."""

    ROWS = (whole(call_id=RECORDING_ID, is_recorded=True), leg("101", "answered", 42))

    def _take(self, *rows, **options):
        self.take(*rows, **options)
        return self._find_call().recording_ids

    def test_recordings_of_the_past_are_there_to_be_heard(self):
        recording = self._take(*self.ROWS)
        self.assertEqual((recording.key, recording.state, recording.next_try), (RECORDING_ID, "remote", False))
        self.assertEqual(self._take(*self.ROWS), recording)

    def test_recordings_of_lost_calls_are_loaded(self):
        recording = self._take(*self.ROWS, since=START)
        self.assertEqual((recording.state, bool(recording.next_try)), ("waiting", True))
        # As a number, the id may have lost its last digits: the call's own is asked for.
        self.clock.tick(120)
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["zadarma.recording"]._cron_process()
        self.env.invalidate_all()
        self.assertEqual(self.asked_for(), [{"pbx_call_id": CALL_ID, "lifetime": "180"}])
        self.assertEqual(recording.state, "stored")

    def test_recordings_of_the_past_that_nobody_wants(self):
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER, "zadarma_do_not_record": True})
        recording = self._take(*self.ROWS)
        self.assertEqual((recording.state, bool(recording.next_try)), ("removed", True))

    def test_recordings_that_are_too_old_are_none(self):
        self.company.zadarma_recording_days = 30
        self.clock.tick(31 * 24 * 3600)
        self.assertFalse(self._take(*self.ROWS))
