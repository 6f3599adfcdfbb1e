import json

from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.caller import resolve
from ..zadarma_api.routing import (
    REFUSAL,
    Candidate,
    caller_name,
    choose_extension,
    find_obstacle,
    find_responsible,
    is_refusal,
    start_answer,
)


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
    def test_name_and_extension_go_together(self):
        self.assertEqual(start_answer("Ivan"), {"caller_name": "Ivan"})
        self.assertEqual(start_answer("", "101"), {"redirect": "101", "return_timeout": 0})
        self.assertEqual(
            start_answer("Ivan", "101", 20), {"caller_name": "Ivan", "redirect": "101", "return_timeout": 20}
        )

    def test_nothing_to_say_leaves_the_call_to_the_pbx(self):
        self.assertEqual(json.dumps(start_answer("", "", 20)), "{}")

    def test_refusal_is_known_by_its_answer(self):
        self.assertTrue(is_refusal(json.dumps(REFUSAL)))
        for answer in ("", "{}", json.dumps(start_answer("blacklist")), json.dumps(start_answer("", "101"))):
            self.assertFalse(is_refusal(answer), answer)


def row(kind, record_id, entity=0, *, name="", company="", user=None, entity_user=None, title=""):
    """Return a row of the look-up."""
    return kind, record_id, entity, name, company, user, entity_user, title


class TestFindResponsible(BaseCase):
    def _check(self, expected, *rows):
        responsible = find_responsible(resolve(rows), rows)
        self.assertEqual(responsible and (responsible.user_id, responsible.source, responsible.name), expected)

    def test_deal_comes_before_contact_before_company_before_number(self):
        lead = row("lead", 1, name="Ada", user=11, title="Ten sails")
        contact = row("partner", 2, 3, name="Ada", company="Engines", user=12, entity_user=13)
        dialled = row("dialled", 4, name="Hotline", user=14)
        self._check((11, "lead", "Ten sails"), contact, lead, dialled)
        self._check((12, "partner", "Ada"), contact, dialled)
        self._check((13, "company", "Engines"), (*contact[:5], None, *contact[6:]), dialled)
        self._check((14, "number", "Hotline"), (*contact[:5], None, None, ""), dialled)
        self._check((14, "number", "Hotline"), dialled)
        self._check(None)

    def test_deal_without_a_responsible_leaves_it_to_the_contact(self):
        contact = row("partner", 2, 2, name="Ada", user=12)
        self._check((12, "partner", "Ada"), contact, row("lead", 1))

    def test_of_colleagues_with_one_number_the_company_has_a_responsible(self):
        people = [row("partner", number, 9, name="P", company="Firm", user=number, entity_user=13) for number in (2, 3)]
        self._check((13, "company", "Firm"), *people)

    def test_nobody_answers_for_one_of_several_companies(self):
        self._check(None, row("partner", 1, 1, user=11), row("partner", 2, 2, user=12))
        self._check((11, "number", ""), row("partner", 1, 1), row("partner", 2, 2), row("dialled", 4, user=11))


def candidate(user_id=1, role="responsible", **values):
    """Return somebody who can take a call."""
    return Candidate(user_id, f"User {user_id}", role, **{"extensions": ((f"10{user_id}", False),), **values})


class TestChooseExtension(BaseCase):
    def test_each_obstacle(self):
        for values, obstacle in (
            ({}, ""),
            ({"is_caller": True}, "caller"),
            ({"is_employed": False}, "left"),
            ({"extensions": ()}, "no_extension"),
            ({"is_dnd": True}, "dnd"),
            ({"is_working": False}, "off_hours"),
            ({"extensions": (("101", True),)}, "away"),
            ({"extensions": (("101", True), ("111", False))}, ""),
            ({"is_talking": True}, "talking"),
        ):
            with self.subTest(values):
                self.assertEqual(find_obstacle(candidate(**values)), obstacle)
        self.assertEqual(find_obstacle(candidate(is_talking=True), skip_talking=False), "")

    def test_first_who_can_take_it(self):
        busy, deputy, member = candidate(1, is_dnd=True), candidate(2, "deputy"), candidate(3, "member")
        self.assertEqual(choose_extension([candidate(1), deputy])[0], "101")
        self.assertEqual(choose_extension([busy, deputy, member])[0], "102")
        self.assertEqual(choose_extension([busy, candidate(2, is_working=False), member])[0], "103")
        extension, steps = choose_extension([busy])
        self.assertEqual((extension, [step.reason for step in steps]), ("", ["dnd", "nobody"]))
        self.assertEqual(choose_extension([])[0], "")

    def test_extension_without_a_phone_is_passed_over(self):
        self.assertEqual(choose_extension([candidate(extensions=(("101", True), ("111", False)))])[0], "111")

    def test_nobody_is_asked_twice(self):
        circle = [candidate(1, is_dnd=True), candidate(2, "deputy", is_dnd=True), candidate(1, "deputy", is_dnd=True)]
        extension, steps = choose_extension(circle)
        self.assertEqual((extension, [step.reason for step in steps]), ("", ["dnd", "dnd", "nobody"]))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.lists(
            st.builds(
                candidate,
                st.integers(1, 4),
                st.sampled_from(["responsible", "deputy", "member"]),
                is_employed=st.booleans(),
                is_dnd=st.booleans(),
                is_working=st.booleans(),
                is_talking=st.booleans(),
                is_caller=st.booleans(),
                extensions=st.lists(st.tuples(st.sampled_from(["101", "102", "103"]), st.booleans())).map(tuple),
            ),
            max_size=6,
        ),
        st.booleans(),
    )
    def test_whoever_is_chosen_can_take_it_and_nobody_before_could(self, candidates, skip_talking):
        extension, steps = choose_extension(candidates, skip_talking)
        able = [each for each in candidates if not find_obstacle(each, skip_talking)]
        if extension:
            self.assertIn((extension, False), [known for each in able for known in each.extensions])
            self.assertEqual(steps[-1].detail or steps[-1].name, extension)
        asked = {each.user_id: each for each in reversed(candidates)}
        if any(not find_obstacle(each, skip_talking) for each in asked.values()):
            self.assertTrue(extension)
        else:
            self.assertEqual(steps[-1].reason, "nobody")
