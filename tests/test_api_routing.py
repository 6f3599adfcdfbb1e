import json

from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.routing import caller_name, start_answer


class TestCallerName(BaseCase):
    def test_names_are_shown_in_latin_letters(self):
        for name, shown in (
            ("Ada Lovelace", "Ada Lovelace"),
            ("Grüße Müller", "Grusse Muller"),
            ("Иван Петров", "Ivan Petrov"),
            ("Олексій Щур", "Oleksiy Shchur"),
            ("Γιώργος Παπαδόπουλος", "Giorgos Papadopoylos"),
            ("王小明", "WangXiaoMing"),
            ("山田 太郎", "ShanTian TaiLang"),
            ("محمد", "mhmd"),
            ("שלום", "slvm"),
            ("Łukasz Żółć", "Lukasz Zolc"),
            ("Søren Åström", "Soren Astrom"),
            ("O’Brien “Bob”", "O'Brien Bob"),
            ("J\u00f3se\u0301", "Jose"),
        ):
            with self.subTest(name):
                self.assertEqual(caller_name(name), shown)

    def test_pictures_and_controls_are_left_out(self):
        for name, shown in (
            ("Anna 😀", "Anna"),
            ("👩‍💻 Anna 👍🏽", "Anna"),
            ("❤️", ""),
            ("Foo® GmbH™", "Foo GmbH"),
            ("Anna\r\nX-Header: 1", "Anna X-Header: 1"),
            ("An\x00na\x1b[31m", "An na [31m"),
            ("  Anna \t Bell  ", "Anna Bell"),
            ("\u202eannA\u202c", "annA"),
            ('Anna "Ace" <sip:1@x>\\', "Anna Ace sip:1@x"),
            ("<img src=x onerror=alert(1)>", "img src=x onerror=alert(1)"),
            ("\ud800Anna", "Anna"),
            ("{{7*7}} %s", "{{7*7}} %s"),
            ("", ""),
            (" ", ""),
        ):
            with self.subTest(shown):
                self.assertEqual(caller_name(name), shown)

    def test_company_follows_where_it_says_something_new(self):
        for name, company, shown in (
            ("Ada", "IBM", "Ada, IBM"),
            ("IBM", "IBM", "IBM"),
            ("ИБМ", "IBM", "IBM"),
            ("", "IBM", "IBM"),
            ("Ada", "", "Ada"),
            ("😀", "IBM", "IBM"),
            ("Ada", "😀", "Ada"),
            ("", "", ""),
        ):
            with self.subTest(name=name, company=company):
                self.assertEqual(caller_name(name, company), shown)

    def test_thirty_characters_fit(self):
        for name, company, shown in (
            ("x" * 30, "", "x" * 30),
            ("x" * 31, "", "x" * 30),
            ("x" * 5000, "", "x" * 30),
            ("x" * 28, "IBM", "x" * 28),
            ("x" * 27, "IBM", "x" * 27 + ", I"),
            ("x" * 29 + " y", "", "x" * 29),
            ("王" * 5000, "", ("Wang" * 8)[:30]),
            ("Ada Lovelace", "Analytical Engines Ltd", "Ada Lovelace, Analytical Engin"),
        ):
            with self.subTest(shown):
                self.assertEqual(caller_name(name, company), shown)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
    def test_any_name_is_short_printable_ascii(self, name, company):
        shown = caller_name(name, company)
        self.assertRegex(shown, r"\A[ -~]{0,30}\Z")
        self.assertEqual(shown, shown.strip(" ") and shown.rstrip(" ,"))
        self.assertFalse(set(shown) & set('"<>\\'))


class TestStartAnswer(BaseCase):
    def test_known_caller_is_named(self):
        self.assertEqual(start_answer("Иван", "IBM"), {"caller_name": "Ivan, IBM"})

    def test_unknown_caller_leaves_the_call_to_the_pbx(self):
        for name, company in (("", ""), ("😀", ""), (" ", "\x00")):
            self.assertEqual(json.dumps(start_answer(name, company)), "{}")
        self.assertEqual(start_answer(), {})
