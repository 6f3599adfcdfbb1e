import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.errors import AnswerError
from ..zadarma_api.fold import Leg, fold
from ..zadarma_api.statistics import (
    RowError,
    Window,
    is_between_extensions,
    join_rows,
    kept_row,
    merge,
    number_of_clid,
    parse_row,
    rows_of,
    split_page,
)
from .test_api_fold import ANSWERED, CALL_ID, CALLER, INBOUND, OUT_CALL_ID, OWN, START, answer, end, event, outbound

UTC = timezone.utc
KYIV = ZoneInfo("Europe/Kyiv")
SEEN = START + timedelta(days=1)


def raw(**values):
    """Return a row as Zadarma sends it: the leg of extension 101, which talked."""
    return {
        "call_id": Decimal("1740823200.1234"),
        "sip": "101",
        "callstart": "2025-03-01 10:00:01",
        "clid": "4917012345678",
        "destination": "101",
        "disposition": "answered",
        "seconds": 42,
        "is_recorded": False,
        "pbx_call_id": CALL_ID,
        **values,
    }


def row(seen_at=SEEN, zone=UTC, **values):
    return parse_row(raw(**values), seen_at, zone)


def leg(extension, disposition="no answer", seconds=0, **values):
    """Return the row of an extension that rang."""
    values = {"sip": extension, "destination": extension, "call_id": "", **values}
    return row(disposition=disposition, seconds=seconds, **values)


def whole(disposition="answered", seconds=42, **values):
    """Return the row of the number that was dialled."""
    values = {"sip": "493012345678", "destination": "493012345678", "callstart": "2025-03-01 10:00:00", **values}
    return row(disposition=disposition, seconds=seconds, clid=f'"Ada" <{CALLER}>', **values)


def dialled(disposition="answered", seconds=42, **values):
    """Return the row of an outbound call."""
    values = {"clid": "493012345678", "sip": "100", "destination": "4917012345678", **values}
    return row(disposition=disposition, seconds=seconds, pbx_call_id=OUT_CALL_ID, **values)


COUNTED = (
    whole(call_id="1740823200.1"),
    leg("101", "answered", 42, call_id="1740823200.1234", is_recorded=True),
    leg("102"),
)


class StatisticsCase(BaseCase):
    maxDiff = None

    def check(self, state, /, **values):
        self.assertEqual({name: getattr(state, name) for name in values}, values)


class TestRow(StatisticsCase):
    def test_types_may_be_any(self):
        for values in (
            {},
            {"call_id": "1740823200.1234", "sip": 101, "destination": 101},
            {"clid": 4917012345678, "seconds": "42", "is_recorded": "false"},
            {"seconds": " 42 ", "is_recorded": 0, "disposition": "Answered"},
            {"extra": [1]},
        ):
            found = row(**values)
            self.assertEqual(
                (found.call_id, found.extension, found.caller, found.seconds, found.is_recorded, found.result),
                ("1740823200.1234", "101", "4917012345678", 42, False, "answered"),
            )

    def test_ids_keep_all_their_digits(self):
        self.assertEqual(
            row(call_id=Decimal("1439981389.27027730000000000001")).call_id, "1439981389.27027730000000000001"
        )
        for nothing in (None, "", [], {}, False, "../x", "\x00"):
            self.assertEqual(row(call_id=nothing).call_id, "")

    def test_recorded_in_each_form(self):
        for value, expected in ((True, True), ("true", True), ("1", True), (1, True), ("false", False), (None, False)):
            self.assertIs(row(is_recorded=value).is_recorded, expected, value)

    def test_absurd_seconds_are_ignored(self):
        for value in (-1, 10**12, "1e3", "", None, "NaN", 4.5, True, [42]):
            self.assertIsNone(row(seconds=value).seconds, value)

    def test_both_words_for_failed(self):
        for word in ("call failed", "failed", "CALL_FAILED"):
            self.assertEqual(row(disposition=word).result, "failed")
        self.assertEqual(row(disposition="exploded").result, "other")
        self.assertEqual(row(disposition=None).result, "")

    def test_number_in_each_form_of_a_caller_id(self):
        for clid, number in (
            ('"Ada Lovelace" <+4917012345678>', "+4917012345678"),
            ("Ada Lovelace (4917012345678)", "4917012345678"),
            ("4917012345678 (4917012345678)", "4917012345678"),
            ('"Ada (Sales)" <+4917012345678>', "+4917012345678"),
            (f'"{"A" * 200}" <+4917012345678>', "+4917012345678"),
            ("4917012345678", "4917012345678"),
            ("+49 30 123456 (12)", "+49 30 123456 (12)"),
            ('"Anonymous" <anonymous>', "anonymous"),
            ("Ada ()", ""),
            ('"" <>', ""),
            ("", ""),
        ):
            self.assertEqual(row(clid=clid).caller, number, clid)
            self.assertEqual(number_of_clid(row(clid=clid).caller), number, "a number is one")

    def test_extension_is_the_inside_of_a_leg(self):
        for values, extension in (
            ({"sip": "101", "destination": "101"}, "101"),
            ({"sip": "0-101", "destination": ""}, ""),
            ({"sip": "499499-101", "destination": "493012345678"}, "101"),
            ({"sip": "493012345678", "destination": "493012345678"}, ""),
            ({"sip": "200300", "destination": "0-1"}, ""),
            ({"pbx_call_id": OUT_CALL_ID, "sip": "100", "destination": "4917012345678"}, "100"),
            ({"pbx_call_id": OUT_CALL_ID, "sip": "", "clid": "100", "destination": "4917012345678"}, "100"),
        ):
            self.assertEqual(row(**values).extension, extension, values)

    def test_rows_that_belong_to_no_call_are_refused(self):
        for bad in (
            None,
            "row",
            [],
            {},
            raw(pbx_call_id=""),
            raw(pbx_call_id="../etc/passwd"),
            raw(pbx_call_id=["in_1"]),
            raw(callstart=""),
            raw(callstart="soon"),
            raw(callstart=1740823200),
            raw(callstart="0001-01-01 00:00:00"),
            raw(callstart="2125-01-01 00:00:00"),
        ):
            with self.assertRaises(RowError):
                parse_row(bad, SEEN, UTC)

    def test_calls_between_extensions_need_no_id(self):
        self.assertTrue(is_between_extensions(raw(pbx_call_id="", sip="101", destination=102)))
        self.assertFalse(is_between_extensions(raw(pbx_call_id="", destination="4917012345678")))
        self.assertFalse(is_between_extensions(raw()))
        self.assertFalse(is_between_extensions("row"))

    def test_answer_without_rows_is_an_error(self):
        self.assertEqual(rows_of({"stats": []}), [])
        self.assertEqual(rows_of({"stats": {"0": 1, "2": 2}}), [1, 2])
        for answer_ in ({}, {"stats": None}, {"stats": "rows"}, {"stats": 0}):
            with self.assertRaises(AnswerError):
                rows_of(answer_)

    def test_what_is_kept_says_the_same(self):
        for kept in (*COUNTED, dialled(), leg("102", clid="", disposition="")):
            again = parse_row({**kept_row(kept), "pbx_call_id": kept.pbx_call_id}, SEEN, UTC)
            self.assertEqual(again, kept)

    def test_time_is_the_accounts(self):
        self.assertEqual(row(zone=KYIV).started_at, START + timedelta(seconds=1) - timedelta(hours=2))

    def test_hour_that_comes_twice_is_told_by_the_id(self):
        seen = datetime(2025, 10, 27, tzinfo=UTC)
        # At 04:00 summer time the clocks of Kyiv went back to 03:00.
        for moment in (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)):
            found = row(seen, KYIV, callstart="2025-10-26 03:30:00", call_id=f"{int(moment.timestamp()) + 5}.77")
            self.assertEqual(found.started_at, moment)
        told = replace(ANSWERED, started_at=datetime(2025, 10, 26, 0, 30, tzinfo=UTC))
        state = merge(told, [row(seen, KYIV, callstart="2025-10-26 03:30:00", call_id="")])
        self.check(state, started_at=told.started_at)

    @given(
        st.dictionaries(
            st.sampled_from(sorted(raw())),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.decimals(),
                lambda children: (
                    st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=3), children, max_size=2)
                ),
                max_leaves=3,
            ),
        )
    )
    @settings(max_examples=300, deadline=None)
    def test_no_value_breaks_a_row(self, values):
        try:
            found = row(**values)
        except RowError:
            return
        state = merge(None, [found], OWN)
        self.assertEqual(state.state, "ended")
        self.assertEqual(merge(state, [found], OWN), state)


class TestMerge(StatisticsCase):
    def test_rows_alone_are_a_call(self):
        self.check(
            merge(None, COUNTED, OWN),
            pbx_call_id=CALL_ID,
            direction="inbound",
            state="ended",
            result="answered",
            disposition="answered",
            number=CALLER,
            own_number="493012345678",
            started_at=START,
            waiting=None,
            duration=42,
            talking_since=None,
            answered_by="101",
            legs=(Leg("101", "ended", answered=True), Leg("102", "ended")),
            is_recorded=True,
            recording_ids=("1740823200.1234",),
        )

    def test_order_and_repetition_of_rows_do_not_matter(self):
        for order in itertools.permutations(COUNTED):
            self.assertEqual(merge(None, [*order, *order], OWN), merge(None, COUNTED, OWN))

    def test_every_subset_of_notifications_and_the_statistics_are_the_whole_call(self):
        full = merge(ANSWERED, COUNTED, OWN)
        self.assertEqual(full, ANSWERED, "they say the same")
        for size in range(7):
            for subset in itertools.combinations(INBOUND, size):
                told = fold(subset, OWN) if subset else None
                state = merge(told, COUNTED, OWN)
                # How long it rang and since when they talked is known to notifications alone.
                known = {"waiting": state.waiting, "talking_since": state.talking_since, "number": state.number}
                self.assertEqual(replace(full, **known), state, [event.name for event in subset])
                self.assertEqual(state.number.lstrip("+"), CALLER.lstrip("+"))

    def test_merging_again_changes_nothing(self):
        chance = random.Random(1)
        words = ("answered", "no answer", "busy", "cancel", "", "new")
        for _time in range(300):
            rows = [
                whole(chance.choice(words), chance.choice((0, 5, 42, None)))
                if chance.random() < 0.4
                else leg(chance.choice(("101", "102", "103")), chance.choice(words), chance.choice((0, 5, 42)))
                for _row in range(chance.randint(1, 5))
            ]
            events = chance.sample(INBOUND, chance.randint(0, 6))
            told = fold(events, OWN) if events else None
            for is_over in (False, True):
                once = merge(told, rows, OWN, is_over=is_over)
                self.assertEqual(merge(once, rows, OWN, is_over=is_over), once)

    def test_unsigned_fields_are_overruled(self):
        told = fold([event("START"), end("answered", 9000, internal="102", last_internal="102")])
        state = merge(told, [whole("cancel", 0), leg("101"), leg("102")])
        self.check(state, result="cancelled", disposition="cancel", duration=0, answered_by="")

    def test_recording_that_was_announced_stays(self):
        state = merge(ANSWERED, [whole(), leg("101", "answered", 42)])
        self.check(state, is_recorded=True, recording_ids=("1740823200.1234",))

    def test_id_that_lost_its_zeros_is_the_same_recording(self):
        told = fold([end(recording_id="1740823200.1230", is_recorded=True)])
        state = merge(told, [leg("101", "answered", 42, call_id=Decimal("1740823200.123"), is_recorded=True)])
        self.check(state, recording_ids=("1740823200.1230",))

    def test_transfers_and_waiting_are_known_to_notifications(self):
        told = fold(
            [
                event("START"),
                event("INTERNAL", 1, internal="101"),
                answer("101", 5),
                event("INTERNAL", 20, internal="102", transfer_from="101"),
                answer("102", 25, transfer_from="101"),
                end(duration=60, seconds=70, internal="101", last_internal="102"),
            ]
        )
        rows = [
            whole("answered", 60),
            leg("101", "answered", 18),
            leg("102", "answered", 45, callstart="2025-03-01 10:00:20"),
        ]
        self.assertEqual(merge(told, rows), told)
        self.check(merge(None, rows), answered_by="102", duration=60)

    def test_menu_that_answers_is_no_conversation(self):
        self.check(merge(None, [whole("answered", 12), leg("101"), leg("102")]), result="no_answer", duration=0)
        told = fold([event("START"), answer(""), end(duration=30)])
        self.check(merge(told, [whole("answered", 30), leg("101")]), result="answered", duration=30)

    def test_call_in_the_menu_only(self):
        self.check(merge(None, [whole("cancel", 0)]), result="cancelled", legs=(), answered_by="")
        self.check(merge(None, [whole("", 0)]), result="unknown")
        self.check(merge(fold([end("busy", 0)]), [whole("", 0)]), result="busy")

    def test_call_that_nobody_took_has_the_word_of_the_whole(self):
        self.check(merge(None, [whole("cancel", 0), leg("101"), leg("102", "busy")]), result="cancelled")
        self.check(merge(None, [leg("101"), leg("102", "busy")]), result="busy", disposition="busy")

    def test_several_legs_that_talked(self):
        transferred = [leg("101", "answered", 20), leg("102", "answered", 30, callstart="2025-03-01 10:00:20")]
        self.check(merge(None, transferred), duration=50, answered_by="102")
        self.check(merge(None, [*transferred, whole("answered", 40)]), duration=40)
        self.check(merge(None, [*transferred, whole("answered", 400)]), duration=50)
        self.check(merge(None, [leg("101", "answered", 20), leg("101", "answered", 20, call_id="9.1")]), duration=20)

    def test_outbound_call(self):
        self.check(
            merge(None, [dialled(is_recorded="true")], OWN),
            direction="outbound",
            number="4917012345678",
            own_number="493012345678",
            result="answered",
            duration=42,
            answered_by="100",
            legs=(Leg("100", "ended", answered=True),),
            recording_ids=("1740823200.1234",),
        )
        self.check(
            merge(None, [dialled("busy", 0)]), result="busy", answered_by="", legs=(Leg("100", "ended"),), duration=0
        )
        self.check(merge(None, [dialled(clid="100")]), own_number="")

    def test_callback_is_answered_by_the_customer_only(self):
        first = dialled("answered", 10, destination="100")
        second = dialled("no answer", 0, callstart="2025-03-01 10:00:10")
        self.check(merge(None, [first, second]), result="no_answer", number="4917012345678", duration=0)
        self.check(merge(None, [first, dialled("answered", 30)]), result="answered", duration=30)

    def test_own_numbers_and_extensions_are_internal(self):
        self.check(merge(None, [whole(), leg("101")], OWN), direction="inbound")
        own = row(clid="493012345679", sip="493012345678", destination="493012345678")
        self.check(merge(None, [own], OWN), direction="internal")
        self.check(merge(None, [row(clid="102")], OWN), direction="internal", number="102")

    def test_withheld_number(self):
        for clid in ("", "anonymous", '"Anonymous" <>'):
            state = merge(None, [row(clid=clid)])
            self.assertIn(state.number, ("", "anonymous"))

    def test_call_that_goes_on_is_left_alone(self):
        told = fold([event("START"), answer("102")])
        early = [whole("answered", 3), leg("101", "answered", 3)]
        self.assertEqual(merge(told, early), told, "102 still talks")
        self.check(merge(told, [*early, leg("102", "answered", 60)]), state="ended", answered_by="102")
        self.check(merge(told, early, is_over=True), state="ended", answered_by="101")
        self.check(merge(fold([event("START")]), [whole("cancel", 0)]), state="ended", result="cancelled")
        calling = fold([outbound("OUT_START"), outbound("ANSWER", 5)])
        self.assertEqual(merge(calling, [dialled("answered", 5, destination="100")]), calling)

    def test_start_is_the_earliest_that_is_told(self):
        late = fold([INBOUND[5]])
        self.check(merge(late, COUNTED), started_at=START)
        self.check(merge(ANSWERED, [leg("101", "answered", 42)]), started_at=START)


class TestJoining(StatisticsCase):
    def test_corrected_row_takes_the_place_of_the_old_one(self):
        corrected = leg("101", "answered", 45, call_id="1740823200.1234", is_recorded=True)
        joined = join_rows(COUNTED, [corrected])
        self.assertEqual(len(joined), 3)
        self.check(merge(None, [each for each in joined if each.extension]), duration=45)

    def test_rows_of_two_windows_are_one_call(self):
        self.assertEqual(
            merge(None, join_rows(COUNTED[:1], COUNTED[1:]), OWN), merge(None, join_rows((), COUNTED), OWN)
        )


class TestWindow(StatisticsCase):
    def windows(self, start, end):
        found = []
        while start < end:
            found.append(Window.first(start, end))
            start = found[-1].end
        return found

    def test_windows_cover_a_period_without_gap(self):
        for days in (0.01, 1, 28, 29, 29.5, 58, 59, 400):
            start, end = START, START + timedelta(days=days)
            found = self.windows(start, end)
            self.assertEqual((found[0].start, found[-1].end), (start, end))
            for one, other in itertools.pairwise(found):
                self.assertEqual(one.end, other.start)
            self.assertEqual(len(found), Window.count(start, end))
        self.assertEqual(Window.count(START, START), 0)

    def test_no_window_is_longer_than_zadarma_gives(self):
        for zone in (UTC, KYIV, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")):
            for window in self.windows(datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)):
                params = window.params(zone, 0)
                start, end = (datetime.fromisoformat(params[name]) for name in ("start", "end"))
                self.assertLessEqual(end - start, timedelta(days=30))

    def test_every_call_of_a_year_is_asked_for_and_belongs_to_one_window(self):
        """Calls at every half hour, in zones that change their clocks at the border of a day too."""
        for name in ("UTC", "Europe/Kyiv", "America/Havana", "Australia/Lord_Howe", "Pacific/Apia"):
            zone = ZoneInfo(name)
            windows = self.windows(datetime(2024, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
            moment = windows[0].start
            for window in windows:
                params = window.params(zone, 0)
                while moment < window.end:
                    wall = moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
                    self.assertTrue(params["start"] <= wall <= params["end"], f"{moment} in {name}")
                    moment += timedelta(minutes=30)

    def test_call_at_the_border_belongs_to_one_window(self):
        first, second = self.windows(START - timedelta(days=29), START + timedelta(days=1))
        before = leg("101", callstart="2025-03-01 09:59:59")
        after = leg("102", callstart="2025-03-01 10:00:30")
        self.assertEqual([window.holds([before, after]) for window in (first, second)], [True, False])
        self.assertEqual([window.holds([after]) for window in (first, second)], [False, True])

    def test_page_asked_for(self):
        params = Window(START, START + timedelta(hours=1)).params(KYIV, 2000)
        self.assertEqual(
            params,
            {
                "version": 2,
                "start": "2025-03-01 09:00:00",
                "end": "2025-03-01 16:00:00",
                "skip": 2000,
                "limit": 1000,
            },
        )


class TestPage(StatisticsCase):
    def test_calls_at_the_end_of_a_page_wait_for_the_next(self):
        ids = [f"in_{index // 2}" for index in range(1000)]
        self.assertEqual(split_page(ids), 950)
        self.assertEqual(split_page([*ids[:-1], "in_460"]), 920)

    def test_page_of_one_call_goes_on(self):
        self.assertEqual(split_page(["in_1"] * 1000), 500)
        self.assertEqual(split_page([""] * 1000), 1000)

    @given(st.integers(0, 3000), st.integers(0, 2**32))
    @settings(max_examples=40, deadline=None)
    def test_every_call_is_seen_as_a_whole(self, count, seed):
        """Calls of up to ten legs, in the order of their start, read page by page."""
        chance = random.Random(seed)
        ids = [f"in_{index}" for index in range(count) for _leg in range(chance.randint(1, 10))]
        seen, skip = {}, 0
        while True:
            page = ids[skip : skip + 1000]
            is_last = len(page) < 1000
            done = len(page) if is_last else split_page(page)
            for call_id in set(page[:done]):
                seen.setdefault(call_id, []).append(page.count(call_id))
            skip += done
            if is_last:
                break
        for call_id in set(ids):
            self.assertIn(ids.count(call_id), seen[call_id])
