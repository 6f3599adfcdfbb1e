from odoo.tests import BaseCase

from ..zadarma_api.errors import (
    AnswerError,
    AuthorizationError,
    RateLimitError,
    RefusedError,
    UnreachableError,
    meaning,
)


class TestErrors(BaseCase):
    def test_what_zadarma_says_has_a_meaning(self):
        for said, expected in (
            ("Check phone's number", "number"),
            ("Check your phone number", "number"),
            ("Not enough money", "money"),
            ("Insufficient funds", "money"),
            ("no money, no limit", "money"),
            ("Top up your balance", "money"),
            ("Wrong URL", "url"),
            ("The URL did not return zd_echo", "url"),
            ("Wrong method name", "method"),
            ("File not found", "refused"),
            ("", "refused"),
        ):
            with self.subTest(said):
                self.assertEqual(meaning(RefusedError(said, 400)), expected)

    def test_what_went_wrong_on_the_way_has_a_meaning_whatever_is_said(self):
        for error, expected in (
            (AuthorizationError("Check your phone number", 401), "key"),
            (RateLimitError("Not enough money", 429, 5), "rate_limit"),
            (UnreachableError("Wrong URL"), "unreachable"),
            (AnswerError("Wrong method name", 500), "server"),
        ):
            with self.subTest(expected):
                self.assertEqual(meaning(error), expected)
