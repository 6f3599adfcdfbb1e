from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.blocking import PatternError, is_range, parse_pattern, patterns_of
from ..zadarma_api.numbers import Kind, parse_number


class TestParsePattern(BaseCase):
    def test_numbers_are_kept_in_e164(self):
        for raw in ("+49 170 12345678", "0170/12345678", "0049 170 12345678", "4917012345678"):
            with self.subTest(raw):
                self.assertEqual(parse_pattern(raw, "DE"), "+4917012345678")
                self.assertFalse(is_range(parse_pattern(raw, "DE")))

    def test_ranges_are_written_as_people_expect(self):
        for raw, country, pattern in (
            ("+4912*", "", "+4912*"),
            ("+49 12 *", "US", "+4912*"),
            ("+49 (0)12*", "", "+4912*"),
            ("0049-12*", "", "+4912*"),
            ("4912*", "DE", "+4912*"),
            ("012*", "DE", "+4912*"),
            ("0 12*", "de", "+4912*"),
            ("+4912**", "", "+4912*"),
            ("06*", "IT", "+3906*"),
            ("0495*", "BE", "+32495*"),
            ("8495*", "RU", "+7495*"),
            ("1415*", "US", "+1415*"),
            ("+1*", "", "+1*"),
            ("+882*", "DE", "+882*"),
            ("\u0660\u0661\u0662*", "DE", "+4912*"),
        ):
            with self.subTest(raw=raw, country=country):
                self.assertEqual(parse_pattern(raw, country), pattern)
                self.assertTrue(is_range(pattern))

    def test_what_cannot_be_kept_says_why(self):
        for raw, country, problem in (
            ("", "DE", "number"),
            (None, "DE", "number"),
            ("anonymous", "DE", "number"),
            ("12345", "DE", "internal"),
            ("499499-100", "DE", "internal"),
            ("*", "DE", "number"),
            ("+*", "DE", "number"),
            ("+49*12", "DE", "number"),
            ("*+49", "DE", "number"),
            ("spam*", "DE", "number"),
            ("+999*", "DE", "number"),
            ("+4*", "DE", "number"),
            ("+4912345678901234*", "DE", "number"),
            ("0*", "DE", "country"),
            ("012*", "", "country"),
            ("380*", "DE", "country"),
            ("415*", "US", "country"),
            ("91*", "ES", "country"),
        ):
            with self.subTest(raw=raw, country=country), self.assertRaises(PatternError) as caught:
                parse_pattern(raw, country)
            self.assertEqual(caught.exception.problem, problem, raw)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.one_of(st.text(max_size=20), st.from_regex(r"\A[+0-9 ()/-]{0,18}\*?\Z")),
        st.sampled_from(["", "DE", "IT", "US", "RU", "ES", "xx"]),
    )
    def test_what_was_read_is_read_the_same_again(self, raw, country):
        try:
            pattern = parse_pattern(raw, country)
        except PatternError:
            return
        self.assertRegex(pattern, r"\A\+[1-9][0-9]{0,14}\*?\Z")
        self.assertEqual(parse_pattern(pattern, country), pattern)
        self.assertEqual(parse_pattern(pattern), pattern)

    def test_number_is_in_the_ranges_that_it_begins_with(self):
        self.assertEqual(patterns_of("+4912"), ["+4912", "+4912*", "+491*", "+49*", "+4*"])

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.from_regex(r"\A[1-9][0-9]{7,14}\Z"), st.integers(1, 14))
    def test_every_number_is_in_each_range_that_begins_so(self, digits, length):
        number = parse_number("+" + digits)
        if number.kind is not Kind.EXTERNAL:
            return
        self.assertIn(number.e164[: length + 1] + "*", patterns_of(number.e164))
        self.assertIn(number.e164, patterns_of(number.e164))
