import json
from decimal import Decimal

from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.transcript import Line, Recognition, parse_transcript, plain_text


def words(*timed, channel=1):
    """Return words of one channel, each given as start, end and text."""
    return {"result": [{"s": start, "e": end, "w": text} for start, end, text in timed], "channel": channel}


def recognized(*groups, **values):
    """Return the answer of a recording that was recognized."""
    return {"status": "success", "recognitionStatus": "recognized", "words": list(groups), **values}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda children: st.lists(children) | st.dictionaries(st.sampled_from(["sew", "result", "channel"]), children),
)


class TestTranscript(BaseCase):
    def test_recognition_is_read(self):
        for text, expected in (
            ("in progress", Recognition.IN_PROGRESS),
            ("error", Recognition.FAILED),
            ("recognized", Recognition.RECOGNIZED),
            ("Recognized ", Recognition.RECOGNIZED),
            ("ready for recognize", Recognition.READY),
            ("not available for recognize", Recognition.UNAVAILABLE),
            ("queued", Recognition.UNKNOWN),
            ("", Recognition.UNKNOWN),
            (None, Recognition.UNKNOWN),
            (["recognized"], Recognition.UNKNOWN),
        ):
            with self.subTest(text):
                self.assertIs(parse_transcript({"recognitionStatus": text}).recognition, expected)
        self.assertIs(parse_transcript({}).recognition, Recognition.UNKNOWN)

    def test_speakers_take_turns(self):
        answer = recognized(
            words((0.1, 0.5, "Good"), (0.6, 0.9, "morning"), (4.0, 4.4, "Yes")),
            words((1.5, 2.0, "Hello"), (2.1, 2.4, "there"), channel=2),
        )
        self.assertEqual(
            parse_transcript(answer).lines,
            (Line(0.1, 1, "Good morning"), Line(1.5, 2, "Hello there"), Line(4.0, 1, "Yes")),
        )

    def test_groups_of_a_channel_are_lines_unless_one_follows_at_once(self):
        answer = recognized(
            words((0, 1, "one")),
            words((1.2, 2, "two")),
            words((2.8, 3, "three"), (3.8, 4, "four")),
            words((9, 9, "five")),
        )
        self.assertEqual(
            parse_transcript(answer).lines, (Line(0, 1, "one two"), Line(2.8, 1, "three four"), Line(9, 1, "five"))
        )

    def test_long_speech_is_cut_where_the_speaker_takes_breath(self):
        speech = [(second, second + 0.7, "something") for second in range(60)]
        lines = parse_transcript(recognized(words(*speech))).lines
        self.assertGreater(len(lines), 2)
        self.assertTrue(all(len(line.text) <= 180 for line in lines))
        self.assertEqual(" ".join(line.text for line in lines), " ".join(["something"] * 60))

    def test_speech_without_a_breath_is_cut_too(self):
        speech = [(index / 2, index / 2 + 0.5, "something") for index in range(200)]
        self.assertTrue(all(len(line.text) < 340 for line in parse_transcript(recognized(words(*speech))).lines))

    def test_times_are_read_in_any_form(self):
        for value, expected in ((1, 1), ("1.5", 1.5), ("1.500s", 1.5), (Decimal("0.123"), 0.12), (" 2 ", 2)):
            with self.subTest(value):
                self.assertEqual(
                    parse_transcript(recognized(words((value, None, "a")))).lines, (Line(expected, 1, "a"),)
                )

    def test_words_without_sense_are_left_out(self):
        for start, text in (
            (None, "a"),
            ("soon", "a"),
            (-1, "a"),
            (float("nan"), "a"),
            (float("inf"), "a"),
            (10**9, "a"),
            (10**400, "a"),
            (True, "a"),
            (1, ""),
            (1, None),
            (1, "\x00"),
            (1, 7),
        ):
            with self.subTest(start=start, text=text):
                self.assertEqual(parse_transcript(recognized(words((start, 2, text)))).lines, ())

    def test_channel_of_another_form_is_nobodys(self):
        for channel, speaker in (("2", 2), (0, 0), (None, 0), ("left", 0), (-1, 0), ("²", 0), (12345, 0)):
            with self.subTest(channel):
                line = parse_transcript(recognized(words((1, 2, "a"), channel=channel))).lines[0]
                self.assertEqual(line.speaker, speaker)

    def test_phrases_stand_in_for_words(self):
        phrases = [
            {"result": "Good morning.", "channel": 1},
            {"result": " ", "channel": 1},
            {"result": "Hello?", "channel": 2},
        ]
        expected = (Line(None, 1, "Good morning."), Line(None, 2, "Hello?"))
        self.assertEqual(parse_transcript(recognized(phrases=phrases)).lines, expected)
        self.assertEqual(
            parse_transcript(recognized(words((1, 2, "Good")), phrases=phrases)).lines, (Line(1, 1, "Good"),)
        )

    def test_text_is_as_the_database_can_keep_it(self):
        line = parse_transcript(recognized(words((1, 2, "a\x00b\nc")))).lines[0]
        self.assertEqual(line.text, "a b c")

    def test_search_finds_lines(self):
        self.assertEqual(plain_text([Line(0, 1, "Good morning"), Line(None, 2, "Hello")]), "Good morning\nHello")

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(ANYTHING, ANYTHING)
    def test_no_answer_breaks_it(self, spoken, phrases):
        answer = {**recognized(), "words": spoken, "phrases": phrases}
        for line in parse_transcript(answer).lines:
            self.assertTrue(line.text)
            json.dumps([line.start, line.speaker, line.text], allow_nan=False)

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.lists(st.tuples(st.floats(0, 3600), st.floats(0, 3600), st.sampled_from("abc"), st.integers(1, 2))))
    def test_every_word_is_in_the_text_once_and_lines_are_in_order(self, spoken):
        answer = recognized(*(words((start, end, text), channel=channel) for start, end, text, channel in spoken))
        lines = parse_transcript(answer).lines
        self.assertEqual(
            sorted(" ".join(line.text for line in lines).split()), sorted(text for _s, _e, text, _c in spoken)
        )
        self.assertEqual([line.start for line in lines], sorted(line.start for line in lines))
