from bisect import bisect_left

from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.throttle import LIMIT, RESERVE, STATISTICS_LIMIT, WINDOW, OpenGate, RateLimit, Throttle

BALANCE, STATISTICS = "/v1/info/balance/", "/v1/statistics/pbx/"
NOW = 1_740_823_200.0
# When the next request comes, to what, and whether a person waits for it.
REQUESTS = st.lists(
    st.tuples(
        st.floats(0, 5) | st.floats(0, 90),
        st.sampled_from([BALANCE, BALANCE, BALANCE, STATISTICS]),
        st.booleans(),
    ),
    max_size=400,
)


def most_in_a_minute(moments):
    """Return the largest number of moments within any 60 seconds."""
    return max((bisect_left(moments, moment + 60) - index for index, moment in enumerate(moments)), default=0)


class TestThrottle(BaseCase):
    def send(self, throttle, count, path=BALANCE, now=NOW, urgent=True):
        """Send at once what may be sent; return how many that were."""
        return sum(not throttle.admit(path, now, urgent) for _request in range(count))

    @settings(deadline=None, max_examples=60)
    @given(REQUESTS)
    def test_no_minute_has_more_requests_than_allowed(self, requests):
        throttle, now, sent = Throttle(), NOW, []
        for pause, path, urgent in requests:
            now += pause / 10
            # As kept in the database and read by another process.
            throttle = Throttle.load(throttle.dump())
            if not throttle.admit(path, now, urgent):
                sent.append((now, path))
        self.assertLessEqual(most_in_a_minute([moment for moment, _path in sent]), LIMIT)
        self.assertLessEqual(
            most_in_a_minute([moment for moment, path in sent if path == STATISTICS]), STATISTICS_LIMIT
        )

    def test_ten_minutes_of_mixed_work_use_what_is_allowed(self):
        throttle, sent = Throttle(), {BALANCE: [], STATISTICS: []}
        for now in range(600):
            for path, urgent in ((STATISTICS, False), *[(BALANCE, False)] * 3, (BALANCE, True)):
                throttle = Throttle.load(throttle.dump())
                if not throttle.admit(path, now, urgent):
                    sent[path].append(now)
        for moments, limit in ((sent[STATISTICS], STATISTICS_LIMIT), (sorted(sent[STATISTICS] + sent[BALANCE]), LIMIT)):
            self.assertLessEqual(most_in_a_minute(moments), limit)
            self.assertGreater(len(moments), 8 * limit)

    def test_whoever_waits_as_told_gets_through(self):
        throttle = Throttle()
        self.assertEqual(self.send(throttle, 200), LIMIT)
        wait = throttle.admit(BALANCE, NOW + 10, True)
        self.assertEqual(wait, WINDOW - 10)
        self.assertTrue(throttle.admit(BALANCE, NOW + 10 + wait - 0.01, True))
        self.assertFalse(throttle.admit(BALANCE, NOW + 10 + wait, True))

    def test_background_work_leaves_a_reserve_for_people(self):
        throttle = Throttle()
        self.assertEqual(self.send(throttle, 200, urgent=False), LIMIT - RESERVE)
        self.assertEqual(self.send(throttle, 200, urgent=True), RESERVE)

    def test_statistics_have_a_limit_of_their_own(self):
        throttle = Throttle()
        self.assertEqual(self.send(throttle, 9, STATISTICS, urgent=False), STATISTICS_LIMIT)
        self.assertFalse(throttle.admit(BALANCE, NOW))

    def test_nothing_is_sent_before_the_time_that_zadarma_names(self):
        throttle = Throttle()
        self.assertEqual(throttle.refused(BALANCE, 30, NOW, 0.5), 30)
        self.assertEqual(throttle.admit(BALANCE, NOW + 1, True), 29)
        self.assertEqual(throttle.admit(STATISTICS, NOW + 1, True), 29)
        self.assertFalse(throttle.admit(BALANCE, NOW + 30, True))

    def test_statistics_that_are_refused_stop_no_calls(self):
        throttle = Throttle()
        throttle.refused(STATISTICS, 30, NOW, 0.5)
        self.assertTrue(throttle.admit(STATISTICS, NOW))
        self.assertFalse(throttle.admit(BALANCE, NOW))

    def test_pauses_grow_by_chance_and_end_with_a_success(self):
        throttle = Throttle()
        pauses = [throttle.refused(BALANCE, None, NOW, chance) for chance in (0, 0, 1, 0, 0, 0, 0, 0, 0)]
        self.assertEqual(pauses, [60, 120, 360, 480, 960, 1920, 3600, 3600, 3600])
        throttle.answered(BALANCE, None, NOW)
        self.assertEqual(throttle.refused(BALANCE, None, NOW, 0), 60)

    def test_reset_in_the_past_makes_no_busy_loop(self):
        throttle = Throttle()
        pauses = [throttle.refused(BALANCE, -500, NOW, 0) for _refusal in range(5)]
        self.assertEqual(pauses, [1, 2, 4, 8, 16])

    def test_what_others_use_up_counts_too(self):
        throttle = Throttle()
        throttle.answered(BALANCE, RateLimit(100, 21, int(NOW) + 20), NOW)
        self.assertEqual(self.send(throttle, 9, urgent=False), 1)
        self.assertEqual(self.send(throttle, 90, urgent=True), 20)
        self.assertFalse(throttle.admit(BALANCE, NOW + 20), "the count has started anew")

    def test_plenty_left_is_not_remembered(self):
        throttle = Throttle()
        throttle.answered(BALANCE, RateLimit(100, 99, int(NOW) + 20), NOW)
        throttle.answered(BALANCE, RateLimit(100, 0, int(NOW) - 20), NOW)
        self.assertIsNone(throttle.everything.left)

    def test_clock_that_is_set_back_stops_nothing_for_long(self):
        throttle = Throttle()
        self.send(throttle, 200)
        throttle.refused(STATISTICS, 3600, NOW, 0)
        earlier = NOW - 10**6
        self.assertLessEqual(throttle.admit(BALANCE, earlier, True), WINDOW)
        self.assertLessEqual(throttle.admit(STATISTICS, earlier, True), 3600)

    def test_without_a_throttle_the_pause_is_what_was_asked_for(self):
        for asked, pause in ((None, 60), (30, 30), (0, 1), (-5, 1), (10**6, 3600)):
            self.assertEqual(OpenGate().refused(BALANCE, asked), pause)
