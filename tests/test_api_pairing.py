import itertools
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.events import Event
from ..zadarma_api.fold import fold
from ..zadarma_api.pairing import Request, choose_request, may_belong, pair, trunk_of

NUMBER, OTHER = "+4917012345678", "+442037691880"
NOW = datetime(2025, 3, 1, 10, 0, 0, tzinfo=timezone.utc)
CLICK = Request("101", NUMBER, NOW)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def event(name, call_id, seconds, started=None, **values):
    """Return an event of an outgoing call of extension 101 to the number, received so many seconds after the click."""
    values = {"internal": "101", "destination": NUMBER, "caller_id": "0", **values}
    return Event(f"NOTIFY_{name}", call_id, at(seconds), at(seconds if started is None else started), **values)


def leg(call_id, start, answer=None, end=None, result="answered", lift=None, **values):
    """Return the events of a leg: it starts, is picked up by the caller's own phone or by the other one, ends."""
    events = [event("OUT_START", call_id, start, **values)]
    if lift is not None:
        events.append(event("ANSWER", call_id, lift, start, **{**values, "destination": "101"}))
    if answer is not None:
        events.append(event("ANSWER", call_id, answer, start, **values))
    if end is not None:
        duration = end - (answer if answer is not None else lift or end)
        events.append(event("OUT_END", call_id, end, start, result=result, duration=duration, **values))
    return events


OWN, THEIRS = {"calltype": "callback_leg1"}, {"calltype": "callback_leg2"}
HAND = leg("out_h", 4, answer=9, end=20)
# How Zadarma may tell of one callback: own phone picked up after six seconds, the other one four seconds later.
WAYS = {
    "one id, legs marked": leg("out_a", 1, lift=6, end=40, **OWN) + leg("out_a", 6, answer=10, end=40, **THEIRS),
    "one id, not marked": leg("out_a", 1, lift=6, end=40) + leg("out_a", 6, answer=10, end=40),
    "two ids, both to the number": leg("out_a", 1, lift=6, end=40) + leg("out_b", 6, answer=10, end=40),
    "two ids, the first to the phone": leg("out_a", 1, lift=6, end=40, destination="101")
    + leg("out_b", 6, answer=10, end=40),
    "the second leg alone": leg("out_a", 6, answer=10, end=40),
}

ANYTHING = st.builds(
    event,
    st.sampled_from(["OUT_START", "ANSWER", "OUT_END"]),
    st.sampled_from(["out_a", "out_b", "out_c"]),
    st.integers(-5, 300),
    started=st.integers(-5, 300),
    internal=st.sampled_from(["101", "102", ""]),
    destination=st.sampled_from([NUMBER, OTHER, "101", ""]),
    calltype=st.sampled_from(["", "callback_leg1", "callback_leg2"]),
    result=st.sampled_from(["", "answered", "busy"]),
)


def trunks(events):
    by_id = {}
    for each in events:
        by_id.setdefault(each.pbx_call_id, []).append(each)
    return [trunk for trunk in map(trunk_of, by_id.values()) if trunk]


def paired(events, request=CLICK):
    return pair(request, trunks(events))


class TestPairing(BaseCase):
    def test_every_way_of_telling_is_one_call(self):
        for way, events in WAYS.items():
            with self.subTest(way):
                ids = list(dict.fromkeys(each.pbx_call_id for each in events))
                self.assertEqual(paired(events), tuple(ids))
                state = fold(events, own_call_id=ids[0] if len(ids) > 1 else "")
                self.assertEqual((state.direction, state.number), ("outbound", NUMBER))
                self.assertEqual((state.state, state.result, state.duration), ("ended", "answered", 30))
                self.assertEqual((state.waiting, state.answered_by), (4, "101"))
                self.assertEqual(state.answered_at, at(10))
                self.assertEqual(state.ended_at, at(40))

    def test_order_does_not_matter(self):
        for way, events in WAYS.items():
            with self.subTest(way):
                pairs = {paired(order) for order in itertools.permutations(events)}
                self.assertEqual(len(pairs), 1)

    def test_stages_of_a_call_are_told_as_far_as_they_are_known(self):
        for way, events in WAYS.items():
            ids = list(dict.fromkeys(each.pbx_call_id for each in events))
            for seconds, expected in ((1, "own"), (6, "other")):
                known = [each for each in events if each.received_at <= at(seconds)]
                if not known:
                    continue
                with self.subTest(way, seconds=seconds):
                    state = fold(known, own_call_id=ids[0] if len(ids) > 1 else "")
                    certain = len({each.destination for each in known}) > 1 or known[0].calltype or ids[1:]
                    self.assertEqual(state.state, "ringing")
                    self.assertEqual(state.stage, expected if certain else "")

    def test_own_phone_is_not_picked_up(self):
        for values in (OWN, {"destination": "101"}, {}):
            with self.subTest(values):
                events = leg("out_a", 1, end=31, result="no_answer", **values)
                self.assertEqual(paired(events), ("out_a",))
                state = fold(events)
                self.assertEqual((state.state, state.result, state.answered_by), ("ended", "no_answer", ""))
                self.assertEqual(state.stage, "own" if values else "")

    def test_other_phone_is_not_picked_up(self):
        for result in ("no_answer", "busy", "cancelled"):
            for first, second, second_id in (({}, {}, "out_b"), ({}, {}, "out_a"), (OWN, THEIRS, "out_a")):
                with self.subTest(result, first=first, second_id=second_id):
                    events = leg("out_a", 1, lift=6, end=36, **first)
                    events += leg(second_id, 6, end=36, result=result, **second)
                    state = fold(events, own_call_id="out_a" if second_id == "out_b" else "")
                    self.assertEqual((state.state, state.result), ("ended", result))
                    self.assertFalse(state.talking_since)
                    self.assertFalse(state.legs[0].answered)

    def test_end_of_the_first_leg_does_not_end_the_call(self):
        events = leg("out_a", 1, lift=6, end=40) + leg("out_b", 6, answer=10)
        self.assertEqual(fold(events, own_call_id="out_a").state, "talking")

    def test_call_dialled_by_hand_meanwhile_stays_one_of_its_own(self):
        for way, events in WAYS.items():
            if way == "the second leg alone":
                continue  # nothing tells the two apart, and one of them is taken
            for hand in (HAND, leg("out_h", 4, end=20, result="busy"), leg("out_h", 20, answer=22, end=35)):
                with self.subTest(way, hand=hand[0].received_at, end=hand[-1].result):
                    self.assertNotIn("out_h", paired(events + hand))
                    self.assertEqual(paired(events + hand), paired(events))

    def test_one_of_two_that_cannot_be_told_apart_is_taken(self):
        self.assertEqual(len(paired(WAYS["the second leg alone"] + HAND)), 1)

    def test_what_belongs_to_nobody(self):
        cases = {
            "before the click": leg("out_h", -5),
            "long after it": leg("out_h", 121),
            "another extension": leg("out_h", 1, internal="102"),
            "another number": leg("out_h", 1, destination=OTHER),
            "a colleague": leg("out_h", 1, destination="102"),
            "another number from one's own phone": leg("out_h", 1, lift=2, destination=OTHER),
        }
        for case, events in cases.items():
            with self.subTest(case):
                self.assertEqual(paired(events), ())
        self.assertIsNone(trunk_of([Event("NOTIFY_RECORD", "out_h", NOW)]))

    def test_number_is_known_in_any_form(self):
        for destination in ("4917012345678", "004917012345678", NUMBER):
            self.assertEqual(paired(leg("out_a", 1, destination=destination)), ("out_a",))

    def test_second_leg_that_came_first(self):
        second = leg("out_b", 6, answer=10)
        self.assertEqual(paired(second), ("out_b",))
        late = [replace(each, received_at=at(7)) for each in leg("out_a", 1, lift=6)]
        self.assertEqual(paired(second + late), ("out_a", "out_b"))

    def test_two_clicks_on_a_number_in_a_row(self):
        again = Request("101", NUMBER, at(50))
        clicks = [CLICK, again]
        for seconds, click in ((1, CLICK), (6, CLICK), (51, again), (60, again)):
            with self.subTest(seconds):
                [trunk] = trunks(leg("out_a", seconds))
                self.assertEqual(choose_request(clicks, trunk), click)

    def test_own_phone_alone_goes_to_the_first_click_that_waits(self):
        clicks = [CLICK, Request("101", OTHER, at(2))]
        [trunk] = trunks(leg("out_a", 3, destination="101"))
        self.assertEqual(choose_request(clicks, trunk, [False, False]), clicks[0])
        self.assertEqual(choose_request(clicks, trunk, [True, False]), clicks[1])
        self.assertIsNone(choose_request([], trunk))

    def test_two_users_call_one_number(self):
        mine, theirs = leg("out_a", 1), leg("out_b", 1, internal="102")
        self.assertEqual(paired(mine + theirs), ("out_a",))
        self.assertEqual(paired(mine + theirs, replace(CLICK, extension="102")), ("out_b",))

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.data())
    def test_whatever_comes_in_whatever_order(self, data):
        events = data.draw(st.lists(ANYTHING, max_size=7))
        chosen = paired(events)
        shuffled = data.draw(st.permutations([*events, *events[:2]]))
        self.assertLessEqual(len(chosen), 2)
        self.assertEqual(len(set(chosen)), len(chosen))
        for trunk in trunks(events):
            if trunk.call_id in chosen:
                self.assertTrue(may_belong(CLICK, trunk))
        self.assertEqual(paired(shuffled), chosen)
