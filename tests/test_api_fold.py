import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.events import CALL_EVENTS, Event
from ..zadarma_api.fold import CallState, Leg, fold

CALL_ID = "in_b9ece52e1505a214e6ba05f93430ec60bd5213bf"
OUT_CALL_ID = "out_dcb2000000000000000000000000000000005068"
CALLER, DIALLED = "+4917012345678", "493012345678"
START = datetime(2025, 3, 1, 10, 0, 0, tzinfo=timezone.utc)
OWN = frozenset({"+493012345678", "+493012345679"})
STATES = ("ringing", "talking", "ended")


def after(seconds):
    return START + timedelta(seconds=seconds)


def event(name, seconds=0, **values):
    """Return an event of an inbound call, received so many seconds after its start."""
    values = {"caller_id": CALLER, "called_did": DIALLED, **values}
    return Event(f"NOTIFY_{name}", CALL_ID, after(seconds), START, **values)


def internal(extension, seconds=1, **values):
    return event("INTERNAL", seconds, internal=extension, **values)


def answer(extension, seconds=5, **values):
    return event("ANSWER", seconds, **{"internal": extension, "destination": extension, "called_did": "", **values})


def end(result="answered", duration=42, seconds=50, **values):
    return event("END", seconds, result=result, disposition=result, duration=duration, **values)


def record(seconds=60, recording_id="1740823200.1234"):
    return Event("NOTIFY_RECORD", CALL_ID, after(seconds), recording_id=recording_id)


def outbound(name, seconds=0, **values):
    """Return an event of an outbound call."""
    values = {"caller_id": "0", "destination": CALLER, "internal": "100", **values}
    return Event(f"NOTIFY_{name}", OUT_CALL_ID, after(seconds), START, **values)


INBOUND = (
    event("START"),
    internal("101"),
    internal("102"),
    answer("101"),
    end(internal="101", last_internal="101", is_recorded=True, recording_id="1740823200.1234"),
    record(),
)
ANSWERED = CallState(
    pbx_call_id=CALL_ID,
    direction="inbound",
    state="ended",
    result="answered",
    disposition="answered",
    number=CALLER,
    own_number=DIALLED,
    started_at=START,
    waiting=5,
    duration=42,
    talking_since=after(5),
    answered_by="101",
    legs=(Leg("101", "ended", answered=True), Leg("102", "ended")),
    is_recorded=True,
    recording_ids=("1740823200.1234",),
    is_blocked=False,
)


class FoldCase(BaseCase):
    maxDiff = None

    def folded(self, *events, own=OWN):
        """Fold these events in several orders and with repetitions, and return the one result."""
        state = fold(events, own)
        orders = itertools.permutations(events) if len(events) < 5 else self._some_orders(events)
        for order in orders:
            self.assertEqual(fold(order, own), state)
            self.assertEqual(fold([*order, *order], own), state)
        return state

    @staticmethod
    def _some_orders(events):
        chance = random.Random(1)
        return [chance.sample(events, len(events)) for _order in range(20)]

    def check(self, call, /, **values):
        self.assertEqual({name: getattr(call, name) for name in values}, values)


class TestOrder(FoldCase):
    def test_all_720_orders_of_a_call_give_the_same(self):
        orders = set(itertools.permutations(INBOUND))
        self.assertEqual(len(orders), 720)
        self.assertEqual({fold(order) for order in orders}, {ANSWERED})

    def test_every_subset_gives_the_same_in_every_order(self):
        states = {}
        for size in range(1, 7):
            for subset in itertools.combinations(INBOUND, size):
                [state] = {fold(order) for order in itertools.permutations(subset)}
                states[frozenset(subset)] = state
        self.assertEqual(len(states), 63)
        for subset, state in states.items():
            names = {event.name for event in subset}
            is_over = bool(names & {"NOTIFY_END", "NOTIFY_RECORD"})
            has_answer = "NOTIFY_ANSWER" in names
            is_answered = has_answer or "NOTIFY_END" in names
            self.check(
                state,
                pbx_call_id=CALL_ID,
                direction="inbound",
                state="ended" if is_over else "talking" if has_answer else "ringing",
                result=("answered" if is_answered else "unknown") if is_over else "",
                disposition="answered" if "NOTIFY_END" in names else "",
                number=CALLER if names != {"NOTIFY_RECORD"} else "",
                own_number=DIALLED if names - {"NOTIFY_RECORD", "NOTIFY_ANSWER"} else "",
                started_at=START if names != {"NOTIFY_RECORD"} else after(60),
                duration=42 if "NOTIFY_END" in names else None,
                talking_since=after(5) if has_answer else None,
                answered_by="101" if is_answered else "",
                is_recorded=is_over,
                recording_ids=("1740823200.1234",) if is_over else (),
            )

    def test_repetition_changes_nothing(self):
        for times in itertools.product((1, 2, 3), repeat=6):
            events = [event for event, count in zip(INBOUND, times, strict=True) for _time in range(count)]
            self.assertEqual(fold(events), ANSWERED)
            self.assertEqual(fold(reversed(events)), ANSWERED)

    def test_repetition_that_came_later_changes_nothing(self):
        for again in INBOUND[:1] + INBOUND[3:]:
            late = replace(again, received_at=again.received_at + timedelta(minutes=5))
            for order in ([*INBOUND, late], [late, *INBOUND]):
                self.assertEqual(fold(order), ANSWERED)

    def test_any_iterable_will_do(self):
        for events in (list(INBOUND), set(INBOUND), iter(INBOUND), frozenset(INBOUND)):
            self.assertEqual(fold(events), ANSWERED)

    def test_first_event_in_the_order_of_a_call_is_believed(self):
        # Not the one that a set happens to hold first: for many pairs, always the same side.
        for first, second in itertools.pairwise(f"+49170123456{n}" for n in range(10, 40)):
            early, late = event("START", caller_id=first), internal("101", caller_id=second)
            self.check(self.folded(early, late), number=first)
            early, late = event("START", 0, caller_id=second), event("START", 1, caller_id=first)
            self.check(self.folded(early, late), number=second)

    def test_start_is_believed_before_what_came_earlier(self):
        early, late = internal("101", 0, caller_id="+49301", called_did="1"), event("START", 5)
        self.check(self.folded(early, late), number=CALLER, own_number=DIALLED)

    def test_events_of_one_moment_are_decided_by_what_they_say(self):
        for first, second in itertools.pairwise(str(n) for n in range(101, 131)):
            one, other = end(last_internal=first), end(last_internal=second)
            self.check(self.folded(one, other), answered_by=first)


class TestInbound(FoldCase):
    def test_call_rings(self):
        state = self.folded(event("START"))
        self.check(state, state="ringing", result="", legs=(), waiting=None, duration=None, answered_at=None)
        self.check(state, ended_at=None, answered_by="", is_recorded=False, talking_since=None, started_at=START)
        state = self.folded(event("START"), *(internal(str(n)) for n in range(101, 104)))
        self.check(state, state="ringing", legs=tuple(Leg(str(n), "ringing") for n in range(101, 104)))

    def test_call_is_answered(self):
        state = self.folded(*INBOUND[:4])
        self.check(
            state,
            state="talking",
            result="",
            answered_by="101",
            talking_since=after(5),
            waiting=5,
            answered_at=after(5),
            ended_at=None,
            legs=(Leg("101", "talking", answered=True), Leg("102", "ended")),
        )

    def test_call_has_ended(self):
        self.check(self.folded(*INBOUND[:5]), answered_at=after(5), ended_at=after(47))
        self.assertEqual(self.folded(*INBOUND), ANSWERED)

    def test_ways_not_to_be_answered(self):
        for result in ("no_answer", "cancelled", "busy", "failed", "other", "limit"):
            state = self.folded(event("START"), internal("101"), internal("102"), end(result, 0, 25))
            self.check(
                state,
                state="ended",
                result=result,
                disposition=result,
                duration=0,
                waiting=25,
                answered_by="",
                answered_at=None,
                ended_at=after(25),
                legs=(Leg("101", "ended"), Leg("102", "ended")),
            )

    def test_caller_gives_up_in_the_menu(self):
        state = self.folded(event("START"), end("cancelled", 0, 12))
        self.check(state, state="ended", result="cancelled", legs=(), answered_by="", waiting=12)

    def test_withheld_number(self):
        for caller in ("", "anonymous", "0"):
            state = self.folded(event("START", caller_id=caller), internal("101", caller_id=caller))
            self.check(state, number=caller, direction="inbound")

    def test_end_alone(self):
        state = self.folded(end(internal="101"))
        self.check(
            state,
            state="ended",
            result="answered",
            answered_by="101",
            waiting=None,
            duration=42,
            answered_at=START,
            ended_at=after(42),
            number=CALLER,
            own_number=DIALLED,
            legs=(Leg("101", "ended", answered=True),),
        )

    def test_end_without_a_word(self):
        self.check(self.folded(event("START"), end("", None, 9)), state="ended", result="unknown", duration=None)
        self.check(self.folded(event("START"), answer("101"), end("", None)), state="ended", result="answered")

    def test_record_alone(self):
        state = self.folded(record())
        self.check(
            state,
            direction="inbound",
            state="ended",
            result="unknown",
            number="",
            started_at=after(60),
            ended_at=after(60),
            is_recorded=True,
            recording_ids=("1740823200.1234",),
            legs=(),
        )

    def test_answered_call_whose_end_was_lost_was_answered(self):
        state = self.folded(event("START"), internal("101"), answer("101"), record())
        self.check(state, state="ended", result="answered", answered_by="101", duration=None)

    def test_record_before_end(self):
        recorded = end(is_recorded=True, internal="101")
        state = self.folded(event("START"), internal("101"), answer("101"), record(49), recorded)
        self.check(state, state="ended", result="answered", duration=42)

    def test_several_recordings(self):
        one, two = record(60, "2.1"), record(61, "1.1")
        self.check(self.folded(event("START"), one, two, end()), recording_ids=("1.1", "2.1"))

    def test_announced_recording_without_id(self):
        self.check(self.folded(event("START"), end(is_recorded=True)), is_recorded=True, recording_ids=())

    def test_answer_after_the_end_does_not_resurrect(self):
        late = answer("101", 55)
        for before in (
            [event("START"), end(internal="101")],
            [event("START"), internal("101"), end("cancelled", 0)],
            [record()],
        ):
            state = self.folded(*before, late)
            self.check(state, state="ended")
            self.assertEqual({leg.state for leg in state.legs}, {"ended"})

    def test_late_start_does_not_resurrect(self):
        state = self.folded(end("no_answer", 0), event("START", 300), internal("101", 301))
        self.check(state, state="ended", result="no_answer", started_at=START, legs=(Leg("101", "ended"),))
        # What came after the end tells nothing about how long it rang.
        self.check(state, waiting=None)

    def test_ringing_after_the_answer_is_no_ringing(self):
        state = self.folded(event("START"), answer("101", 5), internal("102", 6), internal("101", 7))
        self.check(state, state="talking", legs=(Leg("101", "talking", answered=True), Leg("102", "ended")))

    def test_two_ends(self):
        missed, answered = end("no_answer", 0, 20), end("answered", 42, 60, internal="101")
        self.check(self.folded(event("START"), missed, answered), result="answered", duration=42, answered_by="101")
        short, long = end("answered", 10, 30, internal="101"), end("answered", 90, 120, last_internal="102")
        self.check(self.folded(event("START"), short, long), duration=90, answered_by="102")
        odd = end("busy", 50, 70)
        self.check(self.folded(event("START"), answered, odd), result="answered", duration=42)
        # Of two that say the same, the one that tells who talked.
        for seconds in (59, 61):
            self.check(self.folded(answered, end("answered", 42, seconds)), answered_by="101")
            self.check(self.folded(end(last_internal="102"), end(seconds=seconds)), answered_by="102")
        silent = end("", None, 70)
        self.check(self.folded(missed, silent), result="no_answer")

    def test_whoever_was_told_of_once_keeps_a_leg(self):
        first = end("answered", 10, 30, last_internal="101")
        second = end("answered", 90, 120, last_internal="102")
        legs = (Leg("101", "ended"), Leg("102", "ended", answered=True))
        self.check(self.folded(first, second), answered_by="102", legs=legs)
        self.check(self.folded(end("no_answer", 0, last_internal="101")), answered_by="", legs=legs[:1])

    def test_start_is_the_earliest_told(self):
        later = replace(end(), started_at=after(3600))
        self.check(self.folded(event("START"), later), started_at=START)

    def test_waiting_is_told_only_where_it_makes_sense(self):
        for events, waiting in (
            ([event("START", 0), answer("101", 0)], 0),
            ([event("START", 0), answer("101", 3600)], 3600),
            ([event("START", 0), answer("101", 3601)], None),
            ([event("START", 9), answer("101", 5)], None),
            ([internal("101", 2), answer("101", 5)], 3),
            ([answer("101", 5)], None),
            ([event("START", 0), answer("101", 60), end(seconds=50)], None),
            ([event("START", 0), end(seconds=50)], None),
            ([event("START", 0), end("busy", 0, 7)], 7),
        ):
            self.check(self.folded(*events), waiting=waiting)

    def test_extension_is_told_by_the_destination_of_an_answer(self):
        state = self.folded(event("START"), answer("", destination="499499-101"))
        self.check(state, answered_by="101", legs=(Leg("101", "talking", answered=True),))

    def test_call_is_taken_on_a_phone_outside(self):
        events = [event("START"), internal("101"), answer("", destination="+4930999999")]
        self.check(self.folded(*events), state="talking", answered_by="", number=CALLER, legs=(Leg("101", "ended"),))
        self.check(self.folded(*events, end()), state="ended", result="answered", answered_by="")


class TestTransfer(FoldCase):
    def _transferred(self, *rest):
        return self.folded(event("START"), internal("101"), answer("101", 5), *rest)

    def test_blind_transfer(self):
        rings = internal("102", 20, transfer_from="101")
        state = self._transferred(rings)
        self.check(
            state,
            state="talking",
            answered_by="101",
            legs=(Leg("101", "talking", answered=True), Leg("102", "ringing", transfer_from="101")),
        )
        state = self._transferred(rings, answer("102", 25, transfer_from="101"))
        legs = (Leg("101", "ended", answered=True), Leg("102", "talking", answered=True, transfer_from="101"))
        self.check(state, state="talking", answered_by="102", talking_since=after(5), waiting=5, legs=legs)
        state = self._transferred(rings, answer("102", 25, transfer_from="101"), end(last_internal="102"))
        self.check(state, state="ended", answered_by="102", legs=tuple(replace(leg, state="ended") for leg in legs))

    def test_transfer_is_read_from_the_answer_alone(self):
        state = self._transferred(answer("102", 25, transfer_from="101"))
        self.check(state, answered_by="102")

    def test_order_of_receipt_does_not_decide_who_was_handed_the_call(self):
        # The answer of the second one is received before that of the first.
        state = self.folded(event("START"), answer("101", 30), answer("102", 25, transfer_from="101"))
        self.check(state, answered_by="102")

    def test_attended_transfer_without_a_word_on_it(self):
        state = self._transferred(answer("102", 25))
        self.check(state, answered_by="102")
        self.check(self._transferred(answer("102", 25), end(internal="101", last_internal="102")), answered_by="102")

    def test_chain_of_transfers(self):
        chain = [answer("102", 25, transfer_from="101"), answer("103", 45, transfer_from="102")]
        state = self._transferred(internal("102", 20, transfer_from="101"), *chain)
        self.check(
            state,
            answered_by="103",
            legs=(
                Leg("101", "ended", answered=True),
                Leg("102", "ended", answered=True, transfer_from="101"),
                Leg("103", "talking", answered=True, transfer_from="102"),
            ),
        )
        self.check(self._transferred(*chain, end(last_internal="103")), answered_by="103", state="ended")

    def test_circle_of_transfers_is_decided_by_time(self):
        there = answer("102", 25, transfer_from="101")
        back = answer("101", 45, transfer_from="102")
        self.check(self._transferred(there, back), answered_by="101")
        self.check(self._transferred(there, back, end(last_internal="101")), answered_by="101")

    def test_transfer_that_nobody_takes(self):
        rings = internal("102", 20, transfer_from="101")
        state = self._transferred(rings, end(internal="101", last_internal="101"))
        self.check(
            state,
            answered_by="101",
            legs=(Leg("101", "ended", answered=True), Leg("102", "ended", transfer_from="101")),
        )

    def test_last_participant_of_the_end_is_believed(self):
        state = self._transferred(end(internal="101", last_internal="104"))
        self.check(state, answered_by="104")
        self.assertIn(Leg("104", "ended", answered=True), state.legs)


class TestOutbound(FoldCase):
    def test_call_out(self):
        start, taken = outbound("OUT_START"), outbound("ANSWER", 6, caller_id="100")
        state = self.folded(start)
        self.check(
            state,
            direction="outbound",
            state="ringing",
            number=CALLER,
            own_number="",
            answered_by="",
            legs=(Leg("100", "ringing"),),
        )
        state = self.folded(start, taken)
        self.check(state, state="talking", answered_by="100", waiting=6, legs=(Leg("100", "talking", answered=True),))
        over = outbound("OUT_END", 60, result="answered", disposition="answered", duration=54, caller_id=DIALLED)
        state = self.folded(start, taken, over)
        self.check(
            state,
            direction="outbound",
            state="ended",
            result="answered",
            duration=54,
            answered_by="100",
            number=CALLER,
            own_number=DIALLED,
            ended_at=after(60),
        )

    def test_call_out_that_nobody_takes(self):
        over = outbound("OUT_END", 30, result="cancelled", disposition="cancel", duration=0)
        state = self.folded(outbound("OUT_START"), over)
        self.check(state, result="cancelled", answered_by="", waiting=30, legs=(Leg("100", "ended"),))

    def test_extension_is_taken_from_the_start_where_no_other_event_tells(self):
        over = outbound("OUT_END", 30, result="answered", duration=20, internal="")
        self.check(self.folded(outbound("OUT_START"), over), answered_by="100")
        taken = outbound("ANSWER", 6, internal="")
        self.check(self.folded(outbound("OUT_START"), taken), answered_by="100")

    def test_extension_that_was_called_first_is_not_the_callee(self):
        picked_up = outbound("ANSWER", 3, destination="100")
        self.check(self.folded(outbound("OUT_START"), picked_up), number=CALLER, direction="outbound")
        self.check(self.folded(picked_up), number="")
        login = outbound("ANSWER", 3, destination="499499-100")
        callee = outbound("ANSWER", 9)
        self.check(self.folded(login, picked_up, callee), number=CALLER, direction="outbound", answered_by="100")

    def test_shown_number_is_one_of_the_company(self):
        for shown, own_number in (("0", ""), ("", ""), ("100", ""), (DIALLED, DIALLED), ("+" + DIALLED, "+" + DIALLED)):
            self.check(self.folded(outbound("OUT_START", caller_id=shown)), own_number=own_number)

    def test_answer_alone_tells_the_direction_by_the_id(self):
        self.check(self.folded(outbound("ANSWER")), direction="outbound", number=CALLER, state="talking")

    def test_id_without_direction(self):
        for call_id, name, direction in (("1.2", "OUT_START", "outbound"), ("1.2", "START", "inbound")):
            self.check(fold([replace(outbound(name), pbx_call_id=call_id)]), direction=direction)


class TestInternal(FoldCase):
    def test_extension_to_extension(self):
        self.check(self.folded(event("START", caller_id="102"), internal("101", caller_id="102")), direction="internal")
        self.check(self.folded(event("START", caller_id="499499-102")), direction="internal")
        self.check(self.folded(outbound("OUT_START", destination="102")), direction="internal", number="102")

    def test_own_number_to_own_number(self):
        for caller in ("+493012345679", "493012345679"):
            self.check(self.folded(event("START", caller_id=caller)), direction="internal")
            self.check(self.folded(event("START", caller_id=caller), own=frozenset()), direction="inbound")
        self.check(self.folded(outbound("OUT_START", destination="+493012345678")), direction="internal")

    def test_own_number_that_is_dialled_makes_no_internal_call(self):
        self.check(self.folded(event("START")), direction="inbound", own_number=DIALLED)


numbers = st.sampled_from(["", "0", "101", CALLER, "4917012345678", "+493012345678", "anonymous", "499499-101"])
extensions = st.sampled_from(["", "101", "102", "103"])
results = st.sampled_from(["", "answered", "no_answer", "cancelled", "other"])
moments = st.integers(0, 4000).map(after)


def events_of(call_id):
    return st.builds(
        Event,
        name=st.sampled_from(sorted(CALL_EVENTS)),
        pbx_call_id=st.just(call_id),
        received_at=st.one_of(moments, st.just(START)),
        started_at=st.one_of(st.just(START), moments),
        caller_id=numbers,
        called_did=numbers,
        destination=numbers,
        internal=extensions,
        last_internal=extensions,
        transfer_from=extensions,
        duration=st.one_of(st.none(), st.integers(0, 100)),
        disposition=results,
        result=results,
        is_recorded=st.booleans(),
        recording_id=st.sampled_from(["", "1.1", "2.2"]),
    )


def calls_of(*call_ids):
    return st.sampled_from(call_ids).flatmap(lambda call_id: st.lists(events_of(call_id), min_size=1, max_size=10))


calls = calls_of(CALL_ID, OUT_CALL_ID, "1.2")
of_any_call = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class TestAnyCall(BaseCase):
    @of_any_call
    @given(calls, st.randoms(use_true_random=False))
    def test_order_and_repetition_do_not_matter(self, events, chance):
        state = fold(events, OWN)
        for _order in range(4):
            again = [*events, *chance.choices(events, k=5)]
            chance.shuffle(again)
            self.assertEqual(fold(again, OWN), state)

    @of_any_call
    @given(calls_of(CALL_ID, OUT_CALL_ID))
    def test_call_only_ever_moves_on(self, events):
        state = fold(events[:1], OWN)
        for count in range(2, len(events) + 1):
            later = fold(events[:count], OWN)
            self.assertGreaterEqual(STATES.index(later.state), STATES.index(state.state))
            self.assertGreaterEqual({leg.extension for leg in later.legs}, {leg.extension for leg in state.legs})
            self.assertGreaterEqual(set(later.recording_ids), set(state.recording_ids))
            self.assertGreaterEqual(later.is_recorded, state.is_recorded)
            self.assertLessEqual(later.started_at, max(state.started_at, START))
            state = later

    @of_any_call
    @given(calls)
    def test_call_makes_sense(self, events):
        state = fold(events, OWN)
        self.assertIn(state.direction, ("inbound", "outbound", "internal"))
        self.assertIn(state.state, STATES)
        self.assertEqual(bool(state.result), state.state == "ended")
        self.assertEqual(state.ended_at is not None, state.state == "ended")
        self.assertTrue(state.waiting is None or 0 <= state.waiting <= 3600)
        extensions = [leg.extension for leg in state.legs]
        self.assertEqual(extensions, sorted(set(extensions)))
        self.assertNotIn("", extensions)
        talking = [leg for leg in state.legs if leg.state == "talking"]
        self.assertLessEqual(len(talking), 1)
        if state.state == "ended":
            self.assertLessEqual({leg.state for leg in state.legs}, {"ended"})
        if state.state == "ringing":
            self.assertLessEqual({leg.state for leg in state.legs}, {"ringing"})
            self.assertFalse(state.answered_by)
        if state.answered_by:
            [leg] = [leg for leg in state.legs if leg.extension == state.answered_by]
            self.assertTrue(leg.answered)
