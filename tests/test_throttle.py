from unittest.mock import patch

from odoo.tests import tagged

from ..models import zadarma_throttle
from ..zadarma_api.errors import RateLimitError
from ..zadarma_api.throttle import LIMIT, RESERVE, RateLimit
from .common import ZadarmaCase

BALANCE, STATISTICS = "/v1/info/balance/", "/v1/statistics/pbx/"


@tagged("post_install", "-at_install")
class TestThrottle(ZadarmaCase):
    def gate(self, company=None, urgent=False):
        return self.env["zadarma.throttle"]._get_gate(company or self.company, urgent)

    def send(self, gate, count, path=BALANCE):
        """Send what may be sent; return how many that were and how long the next one has to wait."""
        for sent in range(count):
            try:
                gate.enter(path)
            except RateLimitError as error:
                return sent, error.retry_after
        return count, 0

    def test_all_processes_of_a_company_count_together(self):
        self.assertEqual(self.send(self.gate(), 50), (50, 0))
        self.assertEqual(self.send(self.gate(), 50), (LIMIT - RESERVE - 50, 61))
        self.assertEqual(self.send(self.gate(urgent=True), 50), (RESERVE, 61))

    def test_companies_have_accounts_of_their_own(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.send(self.gate(), 200)
        self.assertEqual(self.send(self.gate(other), 9), (9, 0))

    def test_another_account_begins_anew_and_the_same_one_goes_on(self):
        self.assertEqual(self.gate(urgent=True).refused(BALANCE, 900), 900)
        self.company.write({"zadarma_key": False, "zadarma_secret": False})
        self.company.zadarma_key = "key"
        self.assertEqual(self.send(self.gate(urgent=True), 1), (0, 900), "forgetting it does not lift its limit")
        self.company.zadarma_key = "another"
        self.assertFalse(self.env["zadarma.throttle"]._read_state(self.company).everything.strikes)
        self.assertEqual(self.send(self.gate(urgent=True), 1), (1, 0))

    def test_refusal_is_remembered_for_all(self):
        self.assertEqual(self.gate().refused(BALANCE, 40), 40)
        self.assertEqual(self.send(self.gate(urgent=True), 1), (0, 40))
        self.clock.tick(41)
        self.assertEqual(self.send(self.gate(urgent=True), 1), (1, 0))

    def test_refusal_without_a_time_doubles_the_pause(self):
        with patch.object(zadarma_throttle.random, "random", return_value=0):
            self.assertEqual([self.gate().refused(BALANCE, None) for _refusal in range(3)], [60, 120, 240])

    def test_what_an_answer_tells_is_remembered(self):
        now = int(zadarma_throttle.time.time())
        self.gate().answered(BALANCE, RateLimit(100, 1, now + 20))
        self.assertEqual(self.send(self.gate(), 1), (0, 20))
        self.assertEqual(self.send(self.gate(urgent=True), 2), (1, 20))

    def test_count_is_one_process_s_at_a_time(self):
        self.assertFalse(self._locks_rows("zadarma_throttle"))
        self.gate().enter(BALANCE)
        self.assertTrue(self._locks_rows("zadarma_throttle"))
