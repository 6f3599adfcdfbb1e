from odoo.tests import BaseCase

from ..zadarma_api.matching import propose

PEOPLE = {
    1: ["ada@example.com", "ada", "Ada Lovelace"],
    2: ["charles@example.com", "charles@example.com", "Charles Babbage"],
    3: [False, "joerg", "Jörg Müller"],
    4: ["john1@example.com", "john1", "John Smith"],
    5: ["john2@example.com", "john2", "John Smith"],
}


class TestMatching(BaseCase):
    def test_name_login_or_address_tell_whose_extension_it_is(self):
        for words, person in (
            (["Ada Lovelace"], 1),
            (["LOVELACE, ADA"], 1),
            (["ada"], 1),
            (["Front desk", " Charles@Example.com "], 2),
            (["Jorg Muller"], 3),
            (["Мария"], None),
            (["Front desk"], None),
            (["", None], None),
            ([], None),
        ):
            found = propose({"101": words}, PEOPLE)
            self.assertEqual(found.get("101"), person, words)

    def test_nobody_is_proposed_where_it_is_not_clear(self):
        self.assertFalse(propose({"101": ["John Smith"]}, PEOPLE), "two people have that name")
        self.assertFalse(propose({"101": ["Ada Lovelace", "charles@example.com"]}, PEOPLE), "name and address differ")
        self.assertFalse(propose({"101": ["Ada"], "102": ["ada@example.com"]}, PEOPLE), "two extensions of one person")
        self.assertEqual(propose({"101": ["John Smith", "john2@example.com"]}, PEOPLE), {})
