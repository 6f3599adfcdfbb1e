from datetime import timedelta

import psycopg2.errors
import requests

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from .common import RECORDING_ID
from .recording_common import RecordedCase

PATH = "/v1/speech_recognition/"
WORDS = [
    {"result": [{"s": 0.2, "e": 0.6, "w": "good"}, {"s": 0.6, "e": 1, "w": "morning"}], "channel": 1},
    {"result": [{"s": 2.5, "e": 3, "w": "invoice"}], "channel": 2},
]
_CLIENT = "odoo.addons.zadarma.zadarma_api.client"


class TranscriptCase(RecordedCase):
    """Zadarma recognizes speech: what it says is ``recognition``, and being asked for it brings it under way."""

    def setUp(self):
        super().setUp()
        self.company.zadarma_transcripts = "manual"
        self.recognition, self.words = "ready for recognize", WORDS
        self.answers[f"GET {PATH}"] = lambda params: {"recognitionStatus": self.recognition, "words": self.words}
        self.answers[f"PUT {PATH}"] = self._begin

    def _begin(self, params):
        self.recognition = "in progress"
        return {}

    def recording(self):
        """Return the recording of a talk, which is in Odoo."""
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(5)
        self.assertEqual(recording.state, "stored")
        self.asked.clear()
        return recording

    def ask(self, recording=None, user=None):
        """Have a transcript made of the recording, by hand."""
        recording = recording or self.recording()
        recording.with_user(user or self.agent).action_transcribe()
        return recording

    def look(self, minutes=0):
        """Let time pass and do what is due."""
        self.clock.tick(minutes * 60)
        self.run_cron("_cron_transcribe")

    def spoken(self, verb=None):
        """Return what Zadarma was asked for about transcripts: the parameters, or those of one verb."""
        return [params for method, path, params in self.asked if path == PATH and verb in (None, method)]


@tagged("post_install", "-at_install")
class TestTranscript(TranscriptCase):
    def test_asked_for_by_hand_it_is_made_and_taken(self):
        recording = self.ask()
        self.assertEqual(recording.transcript_state, "asked")
        self.look()
        self.assertEqual(recording.transcript_state, "running")
        self.assertEqual(self.spoken("PUT"), [{"call_id": RECORDING_ID}])
        self.look(2)
        self.assertEqual(recording.transcript_state, "running")
        self.recognition = "recognized"
        self.look(5)
        self.assertEqual(recording.transcript_state, "ready")
        self.assertEqual(recording.transcript_text, "good morning\ninvoice")
        self.assertEqual(
            recording.with_user(self.agent).get_transcript(),
            [{"start": 0.2, "speaker": 1, "text": "good morning"}, {"start": 2.5, "speaker": 2, "text": "invoice"}],
        )
        self.assertEqual(len(self.spoken("PUT")), 1)
        self.asked.clear()
        self.look(24 * 60)
        self.assertFalse(self.asked)

    def test_what_zadarma_has_is_not_asked_for_again(self):
        self.recognition = "recognized"
        recording = self.ask()
        self.look()
        self.assertEqual((recording.transcript_state, self.spoken("PUT")), ("ready", []))

    def test_what_zadarma_makes_by_itself_is_waited_for(self):
        self.recognition = "in progress"
        recording = self.ask()
        self.look()
        self.recognition = "recognized"
        self.look(2)
        self.assertEqual((recording.transcript_state, self.spoken("PUT")), ("ready", []))

    def test_asking_twice_is_asking_once(self):
        recording = self.ask()
        self.ask(recording, self.supervisor)
        self.look()
        self.ask(recording)
        self.look(1)
        self.assertEqual(len(self.spoken("PUT")), 1)

    def test_language_is_the_one_of_the_settings(self):
        self.company.zadarma_transcript_lang = "de-DE"
        self.ask()
        self.look()
        self.assertEqual(self.spoken("PUT"), [{"call_id": RECORDING_ID, "lang": "de-DE"}])
        self.assertEqual(self.spoken("GET")[0]["lang"], "de-DE")

    @mute_logger("odoo.sql_db")
    def test_language_of_another_form_is_refused(self):
        with self.assertRaises(psycopg2.errors.CheckViolation), self.env.cr.savepoint():
            self.company.zadarma_transcript_lang = "German"
            self.env.flush_all()

    def test_silence_is_no_failure(self):
        self.recognition, self.words = "recognized", []
        recording = self.ask()
        self.look()
        self.assertEqual(recording.transcript_state, "empty")
        self.assertEqual(recording.with_user(self.agent).get_transcript(), [])

    def test_extension_without_recognition_says_what_to_do(self):
        self.recognition = "not available for recognize"
        recording = self.ask()
        self.look()
        self.assertEqual(recording.transcript_state, "failed")
        self.assertIn("switched on at Zadarma", recording.transcript_error)
        self.assertFalse(self.spoken("PUT"))

    @mute_logger(_CLIENT)
    def test_refusals_are_told_in_words(self):
        for status, message, words in (
            (400, "Speech recognition is not available", "switched on at Zadarma"),
            (404, "File not found", "no longer has this recording"),
            (400, "Not enough money", "balance"),
        ):
            with self.subTest(message):
                self.answers[f"PUT {PATH}"] = status, {"message": message}
                self.recognition = "ready for recognize"
                recording = self.env["zadarma.recording"].search([]) or self.recording()
                self.ask(recording)
                self.look()
                self.assertEqual(recording.transcript_state, "failed")
                self.assertIn(words, recording.transcript_error)

    def test_what_failed_can_be_asked_for_again(self):
        recording = self.ask()
        self.look()
        self.recognition = "error"
        self.look(2)
        self.assertEqual((recording.transcript_state, recording.transcript_next_try), ("failed", False))
        self.assertIn("could not understand", recording.transcript_error)
        self.ask(recording)
        self.assertFalse(recording.transcript_error)
        self.look()
        self.assertEqual((recording.transcript_state, len(self.spoken("PUT"))), ("running", 2))

    def test_zadarma_is_looked_at_less_often_with_time_and_not_for_ever(self):
        recording = self.ask()
        for _minute in range(60):
            self.look(1)
        self.assertLess(len(self.spoken("GET")), 10)
        for _hour in range(30):
            self.look(60)
        self.assertEqual(recording.transcript_state, "failed")
        self.assertIn("within a day", recording.transcript_error)
        self.assertLess(len(self.spoken()), 40)

    def test_what_zadarma_never_heard_of_is_asked_for_once_more(self):
        self.answers[f"PUT {PATH}"] = {}
        self.ask()
        for _minute in range(8):
            self.look(1)
        self.assertEqual(len(self.spoken("PUT")), 1)
        self.look(30)
        self.assertEqual(len(self.spoken("PUT")), 2)

    @mute_logger(_CLIENT)
    def test_lost_answer_does_not_cost_a_second_time(self):
        self.answers[f"PUT {PATH}"] = requests.ConnectionError()
        recording = self.ask()
        self.look()
        # Zadarma has heard it, and has not begun yet.
        self.look(4)
        self.recognition = "recognized"
        self.look(5)
        self.assertEqual((recording.transcript_state, len(self.spoken("PUT"))), ("ready", 1))

    @mute_logger(_CLIENT)
    def test_outage_is_waited_for(self):
        recording = self.ask()
        self.answers[f"GET {PATH}"] = requests.ConnectionError()
        for _day in range(8):
            self.look(24 * 60)
        self.assertEqual(recording.transcript_state, "asked")
        self.answers[f"GET {PATH}"] = {"recognitionStatus": "recognized", "words": WORDS}
        self.look(60)
        self.assertEqual(recording.transcript_state, "ready")

    @mute_logger(_CLIENT)
    def test_rate_limit_is_respected(self):
        recording = self.ask()
        self.answers[f"GET {PATH}"] = 429, {"message": "You exceeded the rate limit"}
        self.look()
        self.assertGreater(recording.transcript_next_try, fields.Datetime.now())
        self.asked.clear()
        self.look()
        self.assertFalse(self.asked)
        self.answers[f"GET {PATH}"] = {"recognitionStatus": "recognized", "words": WORDS}
        self.look(10)
        self.assertEqual(recording.transcript_state, "ready")

    @mute_logger(_CLIENT)
    def test_any_answer_is_survived(self):
        recording = self.ask()
        self.answers[f"GET {PATH}"] = {"recognitionStatus": "new word", "words": "none"}
        self.look()
        self.assertEqual(recording.transcript_state, "asked")
        self.answers[f"GET {PATH}"] = {"recognitionStatus": "recognized", "words": {"a": 1}, "phrases": 7}
        self.look(5)
        self.assertEqual(recording.transcript_state, "empty")


@tagged("post_install", "-at_install")
class TestTranscriptSettings(TranscriptCase):
    def test_always_means_every_new_recording(self):
        self.company.zadarma_transcripts = "always"
        self.recognition = "recognized"
        recording = self.recording()
        self.assertEqual(recording.transcript_state, "asked")
        self.look()
        self.assertEqual(recording.transcript_state, "ready")

    def test_always_holds_for_what_stays_at_zadarma(self):
        self.company.write({"zadarma_transcripts": "always", "zadarma_recording_storage": "zadarma"})
        recording = self.call(RECORDING_ID).recording_ids
        self.run_jobs(5)
        self.assertEqual((recording.state, recording.transcript_state), ("remote", "asked"))

    def test_always_does_not_mean_history(self):
        self.company.zadarma_transcripts = "always"
        call = self.call(RECORDING_ID)
        call.recording_ids.unlink()
        call.date_start -= timedelta(days=30)
        call._request_recordings()
        self.assertEqual((call.recording_ids.state, call.recording_ids.transcript_state), ("remote", False))

    def test_by_hand_nothing_is_asked_by_itself(self):
        recording = self.recording()
        self.look()
        self.assertEqual((recording.transcript_state, self.asked), (False, []))

    def test_switched_off_nothing_is_asked_and_nothing_offered(self):
        self.company.zadarma_transcripts = "never"
        recording = self.recording()
        with self.assertRaises(UserError):
            self.ask(recording)
        (values,) = recording.with_user(self.agent)._get_player_values()
        self.assertEqual((values["transcript"], values["can_transcribe"]), (False, False))

    def test_switched_off_later_nothing_more_is_asked(self):
        recording = self.ask()
        self.company.zadarma_transcripts = "never"
        self.look()
        self.assertFalse(self.asked)
        (values,) = recording.with_user(self.agent)._get_player_values()
        self.assertEqual((values["transcript"], values["can_transcribe"]), (False, False))
        self.company.zadarma_transcripts = "manual"
        self.look()
        self.assertTrue(self.spoken("PUT"))

    def test_without_recordings_there_are_no_transcripts(self):
        self.recognition = "recognized"
        recording = self.ask()
        self.look()
        self.company.zadarma_fetch_recordings = False
        self.assertEqual(recording.with_user(self.agent).get_transcript(), [])
        with self.assertRaises(UserError):
            self.ask(recording)


@tagged("post_install", "-at_install")
class TestTranscriptAccess(TranscriptCase):
    def setUp(self):
        super().setUp()
        self.recognition = "recognized"
        self.made = self.ask()
        self.look()

    def search(self, user, words):
        """Search calls by their transcripts, as the field of the search view does."""
        return self.env["zadarma.call"].with_user(user).search([("recording_ids.transcript_text", "ilike", words)])

    def test_who_may_hear_it_may_read_it_and_it_is_written_down(self):
        self.assertEqual(len(self.made.with_user(self.supervisor).get_transcript()), 2)
        log = self.env["zadarma.recording.access"].search([("recording_id", "=", self.made.id)])
        self.assertEqual([(row.user_id, row.kind) for row in log], [(self.supervisor, "read")])

    def test_who_only_rang_neither_reads_nor_asks(self):
        # Nor does it help to have read it before: what Odoo has in its cache, it gives to everybody.
        self.env["zadarma.recording.access"].with_user(self.colleague)._note("read", (), self.made)
        for method in ("get_transcript", "action_transcribe"):
            with self.subTest(method), self.assertRaises(AccessError):
                self.made.fetch()
                self.made.call_id.fetch()
                getattr(self.made.with_user(self.colleague), method)()

    def test_calls_are_found_by_what_was_said(self):
        call = self.made.call_id
        self.assertEqual(self.search(self.agent, "INVOICE"), call)
        self.assertEqual(self.search(self.supervisor, "good morning"), call)
        self.assertFalse(self.search(self.agent, "delivery"))
        self.assertFalse(self.search(self.colleague, "invoice"))

    def test_search_uses_an_index(self):
        self.env.cr.execute("SET LOCAL enable_seqscan = off")
        query = self.env["zadarma.recording"].sudo()._search([("transcript_text", "ilike", "invoice")])
        plan = "\n".join(row[0] for row in self.env.execute_query(SQL("EXPLAIN %s", query.select())))
        self.assertIn("zadarma_recording__transcript_text_index", plan)

    def test_transcript_goes_with_the_recording(self):
        call = self.made.call_id
        self.made._remove()
        self.assertEqual(
            (self.made.transcript_state, self.made.transcript_lines, self.made.transcript_text), (False,) * 3
        )
        self.assertFalse(self.search(self.supervisor, "invoice"))
        self.assertEqual(self.made.with_user(self.agent).get_transcript(), [])
        self.assertTrue(call.exists())

    def test_transcript_is_handed_over_with_the_recording(self):
        self.assertEqual(self.made._prepare_export()["transcript"][1]["text"], "invoice")

    def test_recording_that_is_removed_meanwhile_gets_none(self):
        self.made.write({"transcript_state": False, "transcript_text": False, "transcript_lines": False})
        self.ask(self.made)

        def remove(params):
            self.made._remove()
            self.env.flush_all()
            return {"recognitionStatus": "recognized", "words": WORDS}

        self.answers[f"GET {PATH}"] = remove
        self.look()
        self.assertEqual((self.made.transcript_state, self.made.transcript_text), (False, False))

    def test_another_company_finds_nothing(self):
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self._new_user("stranger", "sales_team.group_sale_manager")
        stranger.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
        self.assertFalse(self.search(stranger, "invoice"))
        self.assertFalse(self.env["zadarma.recording"].with_user(stranger).search([]))
        with self.assertRaises(AccessError):
            self.made.with_user(stranger).get_transcript()
