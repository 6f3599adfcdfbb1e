from odoo.tests import BaseCase

from ..zadarma_api.missed import Fate, fate_of, was_taken

RESULTS = ("no_answer", "cancelled", "busy", "failed", "no_money", "unallocated", "limit", "other", "")


class TestMissed(BaseCase):
    def test_only_an_answer_is_an_answer(self):
        self.assertTrue(was_taken("answered", 0, False))
        for result in RESULTS:
            with self.subTest(result):
                self.assertFalse(was_taken(result, 42, True))

    def test_answer_shorter_than_set_is_none(self):
        for duration, min_seconds, expected in (
            (0, 0, True),
            (9, 10, False),
            (10, 10, True),
            (3600, 10, True),
            (None, 10, True),
        ):
            with self.subTest(duration=duration, min_seconds=min_seconds):
                self.assertEqual(was_taken("answered", duration, False, min_seconds), expected)

    def test_call_whose_end_was_lost_was_taken_if_there_is_a_trace(self):
        self.assertTrue(was_taken("unknown", None, True, 10))
        self.assertFalse(was_taken("unknown", None, False))

    def test_fate_of_calls(self):
        for direction, state, is_taken, is_blocked, fate in (
            ("inbound", "ended", False, False, Fate.MISSED),
            ("inbound", "ended", True, False, Fate.TALKED),
            ("inbound", "ringing", False, False, Fate.NEITHER),
            ("inbound", "talking", True, False, Fate.NEITHER),
            ("inbound", "ended", False, True, Fate.NEITHER),
            ("outbound", "ended", True, False, Fate.TALKED),
            ("outbound", "ended", False, False, Fate.NEITHER),
            ("internal", "ended", True, False, Fate.NEITHER),
            ("internal", "ended", False, False, Fate.NEITHER),
        ):
            with self.subTest(direction=direction, state=state, is_taken=is_taken, is_blocked=is_blocked):
                self.assertIs(fate_of(direction, state, is_taken, is_blocked), fate)
