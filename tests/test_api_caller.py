import itertools

from odoo.tests import BaseCase

from ..zadarma_api.caller import Caller, resolve

ADA = ("partner", 11, 10, "Ada", "IBM")
BOB = ("partner", 12, 10, "Bob", "IBM")
IBM = ("partner", 10, 10, "IBM", "IBM")
EVE = ("partner", 20, 20, "Eve", None)
KID = ("partner", 19, 20, "Kid", None)
LEAD = ("lead", 7, 11, "Ada's deal", "IBM")
OLD_LEAD = ("lead", 6, None, "Old deal", None)


class TestResolve(BaseCase):
    def _check(self, rows, caller):
        with self.subTest(rows):
            self.assertEqual(resolve(rows), caller)

    def test_nobody(self):
        self._check([], Caller())
        self._check([], Caller(0, 0, "", "", False))

    def test_one_contact(self):
        self._check([ADA], Caller(11, 0, "Ada", "IBM"))
        self._check([EVE], Caller(20, 0, "Eve", ""))
        self._check([IBM], Caller(10, 0, "IBM", "IBM"))
        self._check([("partner", 1, 1, None, None)], Caller(1, 0, "", ""))

    def test_one_contact_told_twice_is_one(self):
        # The first and the last one in the index's order are the same.
        self._check([ADA, ADA], Caller(11, 0, "Ada", "IBM"))
        self._check([ADA, ADA, LEAD], Caller(11, 7, "Ada", "IBM"))

    def test_colleagues_mean_their_company(self):
        for rows in itertools.permutations([IBM, ADA, BOB]):
            self._check(list(rows), Caller(10, 0, "IBM"))
        for rows in itertools.permutations([ADA, BOB]):
            self._check(list(rows), Caller(10, 0, "IBM"))
        self._check([ADA, BOB, LEAD], Caller(10, 7, "IBM"))

    def test_people_around_a_person_mean_that_person(self):
        for rows in itertools.permutations([KID, EVE]):
            self._check(list(rows), Caller(20, 0, "Eve"))

    def test_contacts_of_several_companies_are_for_people_to_choose(self):
        for rows in itertools.permutations([ADA, EVE]):
            self._check(list(rows), Caller(is_ambiguous=True))
        self._check([ADA, BOB, EVE], Caller(is_ambiguous=True))
        self._check([ADA, EVE, LEAD], Caller(lead_id=7, is_ambiguous=True))

    def test_lead_alone(self):
        self._check([LEAD], Caller(0, 7, "Ada's deal", "IBM"))
        self._check([OLD_LEAD], Caller(0, 6, "Old deal", ""))
        self._check([("lead", 5, None, None, None)], Caller(0, 5, "", ""))

    def test_newest_lead_comes_first(self):
        self._check([LEAD, OLD_LEAD], Caller(0, 7, "Ada's deal", "IBM"))

    def test_contact_comes_before_lead(self):
        for rows in itertools.permutations([ADA, LEAD]):
            self._check(list(rows), Caller(11, 7, "Ada", "IBM"))
