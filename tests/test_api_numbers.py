import phonenumbers
from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.numbers import (
    Kind,
    country_of,
    format_number,
    holds_number,
    mask_number,
    number_prefixes,
    parse_extension,
    parse_number,
    prefix_range,
    written_forms,
)

property_of = settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
number_like = st.one_of(
    st.text(alphabet="+0123456789 ()-./", max_size=24),
    st.from_regex(r"\A(\+|00)?[1-9][0-9]{4,16}\Z"),
    st.text(max_size=30),
    st.text(alphabet=st.characters(categories=["Nd", "Pd", "Ps", "Pe", "Zs", "Cf"]), max_size=20),
)
countries = st.sampled_from(["", "DE", "US", "GB", "IT", "RU", "AR", "MX", "BR", "CI", "SM", "xx", "de"])


class TestParseNumber(BaseCase):
    def _check(self, kind, cases):
        for raw, country, e164 in cases:
            with self.subTest(raw=raw, country=country):
                number = parse_number(raw, country)
                self.assertEqual((number.kind, number.e164), (kind, e164))

    def test_international_forms(self):
        self._check(
            Kind.EXTERNAL,
            [
                ("+4917012345678", "", "+4917012345678"),
                ("4917012345678", "", "+4917012345678"),
                ("004917012345678", "", "+4917012345678"),
                ("4917012345678", "US", "+4917012345678"),
                (" +49 170 12345678 ", "", "+4917012345678"),
                ("+49 (0)30 1234567", "", "+49301234567"),
                ("+49-30/1234567", "", "+49301234567"),
                ("+49.30.1234567", "", "+49301234567"),
                ("+49\u00a0170\u202f12345678", "", "+4917012345678"),
                ("+49\u2011170\u201312345678", "", "+4917012345678"),
                ("493012345678", "", "+493012345678"),
                ("380947102794", "", "+380947102794"),
                ("+380989897908", "DE", "+380989897908"),
                ("442037691880", "", "+442037691880"),
                ("+48 22 123 45 67", "", "+48221234567"),
                ("+1 (202) 555-0123", "", "+12025550123"),
                ("12025550123", "", "+12025550123"),
                ("+7 (495) 123-45-67", "", "+74951234567"),
                ("+39 06 698 12345", "", "+390669812345"),
                ("+86 138 0013 8000", "", "+8613800138000"),
                ("+91 98765 43210", "", "+919876543210"),
                ("0091 98765 43210", "", "+919876543210"),
                ("+55 11 91234-5678", "", "+5511912345678"),
                ("+54 9 11 2345-6789", "", "+5491123456789"),
                ("+33 1 23 45 67 89", "", "+33123456789"),
                ("+34 612 345 678", "", "+34612345678"),
                ("+972 50-123-4567", "", "+972501234567"),
                ("+800 1234 5678", "", "+80012345678"),
                ("+881612345678", "", "+881612345678"),
                ("50688887777", "", "+50688887777"),
            ],
        )

    def test_national_forms(self):
        self._check(
            Kind.EXTERNAL,
            [
                ("0170 12345678", "DE", "+4917012345678"),
                ("030 1234567", "de", "+49301234567"),
                ("020 7031 1880", "GB", "+442070311880"),
                ("(202) 555-0123", "US", "+12025550123"),
                ("8 800 555-35-35", "RU", "+78005553535"),
                ("06 69812345", "IT", "+390669812345"),
                ("0989897908", "UA", "+380989897908"),
                ("22 123 45 67", "PL", "+48221234567"),
                ("011 49 170 12345678", "US", "+4917012345678"),
                ("810 49 170 12345678", "RU", "+4917012345678"),
                ("01 23 45 67 89", "FR", "+33123456789"),
                ("49 170 12345678", "DE", "+4917012345678"),
                ("49 170 12345678", "US", "+4917012345678"),
                # Also an American number, but Zadarma writes an Egyptian one so.
                ("2015550123", "US", "+2015550123"),
            ],
        )

    def test_digits_and_signs_of_other_scripts(self):
        self._check(
            Kind.EXTERNAL,
            [
                ("４９１７０１２３４５６７８", "", "+4917012345678"),
                ("＋４９（１７０）１２３４５６７８", "", "+4917012345678"),
                ("٠١٧٠١٢٣٤٥٦٧٨", "DE", "+4917012345678"),
                ("+۴۹ ۱۷۰ ۱۲۳۴۵۶۷۸", "", "+4917012345678"),
                ("\u202a+49 170 12345678\u202c", "", "+4917012345678"),
                ("\u200e+49 170\u200b 12345678", "", "+4917012345678"),
            ],
        )
        self._check(Kind.INTERNAL, [("１００", "", "100")])

    def test_extensions(self):
        self._check(
            Kind.INTERNAL,
            [
                ("100", "", "100"),
                (" 100 ", "DE", "100"),
                ("0100", "", "0100"),
                ("1", "", "1"),
                ("12345", "", "12345"),
                ("112", "DE", "112"),
                ("499499-100", "", "100"),
                ("1234-100", "", "100"),
            ],
        )

    def test_withheld_numbers(self):
        words = ["anonymous", "ANONYMOUS", "Unknown", "Unavailable", "restricted", "private", "withheld", "s"]
        words += ["Unbekannt", "Anonym", "inconnu", "masqué", "desconocido", "nieznany", "ukryty", "bilinmeyen"]
        words += ["Приватный", "Скрытый", "Неизвестно", "Анонім", "非通知", "未知", "محجوب", "חסוי", "άγνωστος"]
        phrases = ["Nummer unterdrückt", "Número privado", "no number", "anonymous@anonymous.invalid"]
        nothing = ["", " ", "\t\n", "0", "00", "000", "+", "-", "+0", "...", "()", "<>", "?", "\x00", "user100"]
        addresses = ["anonymous@192.0.2.1", "Anonymous@185.45.152.42", "@4917012345678"]
        self._check(Kind.WITHHELD, [(raw, "DE", "") for raw in (*words, *phrases, *nothing, *addresses)])
        self.assertEqual(parse_number(None).kind, Kind.WITHHELD)

    def test_what_is_no_number_of_anybody_is_kept_as_unknown(self):
        self._check(
            Kind.UNKNOWN,
            [
                ("123456", "", ""),
                ("123456", "DE", ""),
                ("+49", "", ""),
                ("+100", "", ""),
                ("00100", "", ""),
                ("+12345", "", ""),
                ("01701234567", "", ""),
                ("01701234567", "xx", ""),
                ("+99999999999", "", ""),
                # Possible, but another number at each reading.
                ("+9500647413", "", ""),
                ("860066531717", "IQ", ""),
                ("+0170 12345678", "DE", ""),
                ("++4917012345678", "", ""),
                ("+4917012345678901", "", ""),
                ("1" * 16, "", ""),
                ("4917012345678" * 2, "", ""),
                ("1" * 10_240, "DE", ""),
                ("+" + "9" * 10_240, "", ""),
                ("#31#+4917012345678", "", ""),
                ("*100", "", ""),
                ("+4917012345678;ext=5", "", ""),
                ("+49170\x0012345678", "", ""),
                ("sip:4917012345678@192.0.2.1", "", ""),
                ('"Ada" <+4917012345678>', "", ""),
                ("'; DROP TABLE res_partner; -- 4917012345678", "", ""),
            ],
        )

    def test_raw_is_what_was_received(self):
        self.assertEqual(parse_number(" 0049 170/12345678 ").raw, "0049 170/12345678")
        self.assertEqual(parse_number("Unbekannt").raw, "Unbekannt")

    def test_valid_numbers_of_all_countries_are_understood(self):
        """Odoo asks whether a number is valid, this only whether it is possible, where it can be read in one way."""
        for country in sorted(phonenumbers.SUPPORTED_REGIONS):
            for kind in phonenumbers.supported_types_for_region(country):
                example = phonenumbers.example_number_for_type(country, kind)
                e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                with self.subTest(country=country, number=e164):
                    is_valid = phonenumbers.is_valid_number(phonenumbers.parse(e164))
                    self.assertTrue(phonenumbers.is_possible_number(example) or not is_valid)
                    if is_valid and len(e164) > 8:
                        self.assertEqual(parse_number(e164).e164, e164)

    def test_number_of_one_country_is_not_taken_for_that_of_another(self):
        self.assertNotEqual(parse_number("0170 12345678", "AT").e164, "+4917012345678")
        self.assertEqual(parse_number("0170 12345678").e164, "")

    @property_of
    @given(number_like, countries)
    def test_understood_number_stays_what_it_is(self, raw, country):
        number = parse_number(raw, country)
        self.assertIn(number.kind, Kind)
        self.assertEqual(number.raw, raw.strip())
        if number.kind is Kind.EXTERNAL:
            self.assertRegex(number.e164, r"\A\+[1-9][0-9]{6,14}\Z")
        elif number.kind is Kind.INTERNAL:
            self.assertRegex(number.e164, r"\A[0-9]{1,5}\Z")
        else:
            self.assertEqual(number.e164, "")
        if number.e164:
            for again in (parse_number(number.e164), parse_number(number.e164, country)):
                self.assertEqual((again.kind, again.e164), (number.kind, number.e164))

    @property_of
    @given(number_like, countries)
    def test_forms_of_any_number_can_be_told(self, raw, country):
        number = parse_number(raw, country)
        for text in (number.e164, raw):
            self.assertEqual(len(set(written_forms(text, country))), len(written_forms(text, country)))
            self.assertIsInstance(format_number(text), str)
            self.assertRegex(country_of(text), r"\A([A-Z]{2})?\Z")
            self.assertEqual(len(mask_number(text)), len(text))
        if number.kind is Kind.EXTERNAL:
            self.assertEqual(parse_number(format_number(number.e164)).e164, number.e164)
            self.assertEqual(written_forms(number.e164, country)[0], number.e164)


class TestForms(BaseCase):
    def test_number_in_a_text(self):
        for text in ("+4917012345678", '{"caller_id": "4917012345678"}', "(+4917012345678)"):
            self.assertTrue(holds_number(text, "+4917012345678"), text)
        for text in ("49170123456789", "14917012345678", "", "+491701234567"):
            self.assertFalse(holds_number(text, "+4917012345678"), text)

    def test_written_forms(self):
        for e164, country, forms in (
            (
                "+4917012345678",
                "DE",
                ["+4917012345678", "004917012345678", "4917012345678", "017012345678"],
            ),
            (
                "+493012345678",
                "DE",
                ["+493012345678", "00493012345678", "493012345678", "03012345678", "3012345678"],
            ),
            ("+4917012345678", "AT", ["+4917012345678", "004917012345678", "4917012345678"]),
            ("+4917012345678", "", ["+4917012345678", "004917012345678", "4917012345678"]),
            ("+12025550123", "us", ["+12025550123", "0012025550123", "12025550123", "2025550123"]),
            ("+12025550123", "CA", ["+12025550123", "0012025550123", "12025550123", "2025550123"]),
            ("+390669812345", "IT", ["+390669812345", "00390669812345", "390669812345", "0669812345"]),
            ("+4917012345678", "xx", ["+4917012345678", "004917012345678", "4917012345678"]),
            ("+1", "US", ["+1", "001", "1"]),
        ):
            with self.subTest(e164=e164, country=country):
                self.assertEqual(written_forms(e164, country), forms)

    def test_written_forms_are_read_back(self):
        for e164, country in (
            ("+4917012345678", "DE"),
            ("+493012345678", "DE"),
            ("+12025550123", "US"),
            ("+390669812345", "IT"),
            ("+78005553535", "RU"),
        ):
            for form in written_forms(e164, country):
                with self.subTest(form):
                    self.assertEqual(parse_number(form, country).e164, e164)

    def test_beginnings_of_numbers(self):
        for text, country, beginnings in (
            ("+49 30", "DE", ["+4930"]),
            ("0049 30", "DE", ["+4930"]),
            ("030", "DE", ["+4930"]),
            ("030", "", []),
            ("30", "DE", ["+4930", "+30"]),
            ("4930", "DE", ["+494930", "+4930"]),
            ("+49 (0)30 1", "DE", ["+49301"]),
            ("22 123", "PL", ["+4822123", "+22123"]),
            ("044", "UA", ["+38044"]),
            ("1 212", "US", ["+1212"]),
            ("8 495", "RU", ["+7495", "+8495"]),
            ("٠٣٠", "DE", ["+4930"]),
            ("12a", "DE", []),
            ("12", "XX", ["+12"]),
            ("+", "DE", []),
            ("", "DE", []),
        ):
            self.assertEqual(number_prefixes(text, country), beginnings, (text, country))

    def test_range_holds_what_begins_so_and_nothing_else(self):
        for prefix, beyond in (
            ("+4930", "+4931"),
            ("+49", "+5"),
            ("+4999", "+5"),
            ("+1", "+2"),
            ("+9", ""),
            ("+99", ""),
        ):
            self.assertEqual(prefix_range(prefix), (prefix, beyond))

    @property_of
    @given(st.from_regex(r"\A[1-9][0-9]{0,4}\Z"), st.from_regex(r"\A[1-9][0-9]{0,6}\Z"))
    def test_range_is_the_prefix(self, prefix, number):
        first, beyond = prefix_range("+" + prefix)
        is_between = first <= "+" + number and (not beyond or "+" + number < beyond)
        self.assertEqual(is_between, number.startswith(prefix))

    def test_format_for_people(self):
        for e164, text in (
            ("+4917012345678", "+49 170 12345678"),
            ("+12025550123", "+1 202-555-0123"),
            ("101", "101"),
            ("", ""),
            ("Unbekannt", "Unbekannt"),
            ("9" * 5000, "9" * 5000),
        ):
            self.assertEqual(format_number(e164), text)

    def test_country(self):
        for e164, country in (
            ("+4917012345678", "DE"),
            ("+442037691880", "GB"),
            ("+12025550123", "US"),
            ("+16135550123", "CA"),
            ("+80012345678", ""),
            ("101", ""),
            ("", ""),
        ):
            self.assertEqual(country_of(e164), country)

    def test_mask_hides_the_middle(self):
        for number, masked in (
            ("+4917012345678", "+49170******78"),
            ("4917012345678", "491701*****78"),
            ("+49301234", "+493***34"),
            ("1234567", "123**67"),
            ("123456", "123*56"),
            ("12345", "12345"),
            ("100", "100"),
            ("", ""),
        ):
            with self.subTest(number):
                self.assertEqual(mask_number(number), masked)

    def test_extension(self):
        for raw, extension in (
            ("100", "100"),
            (" 100 ", "100"),
            ("0100", "0100"),
            ("499499-100", "100"),
            ("1234-999", "999"),
            ("499499-1000", "499499-1000"),
            ("499499-010", "499499-010"),
            ("４９９４９９-１００", "４９９４９９-１００"),
            ("+4917012345678", "+4917012345678"),
            ("scenario", "scenario"),
            ("", ""),
            (None, ""),
        ):
            with self.subTest(raw):
                self.assertEqual(parse_extension(raw), extension)
