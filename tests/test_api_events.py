from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.events import (
    CALL_EVENTS,
    OTHER_EVENTS,
    Event,
    EventError,
    call_id_of,
    event_key,
    parse_call_start,
    parse_disposition,
    parse_event,
)
from ..zadarma_api.fold import fold
from ..zadarma_api.numbers import parse_number
from ..zadarma_api.signature import SIGNED_FIELDS, verify_webhook, webhook_signature

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
CALL_ID = "in_b9ece52e1505a214e6ba05f93430ec60bd5213bf"
OUT_CALL_ID = "out_dcb2000000000000000000000000000000005068"
RECEIVED = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)
INBOUND = f"call_start=2025-03-01+10%3A00%3A00&pbx_call_id={CALL_ID}&caller_id=%2B4917012345678&called_did=493012345678"
OUTBOUND = (
    f"call_start=2025-03-01+11%3A00%3A00&pbx_call_id={OUT_CALL_ID}&destination=%2B4917012345678"
    "&caller_id=0&internal=100"
)
END = "&internal=101&duration=42&disposition=answered&status_code=16&is_recorded=1&call_id_with_rec=1740823200.1234"
OUT_END = "&duration=0&disposition=cancel&status_code=16&is_recorded=0"
OLD_CALL = "pbx_call_id=in_b9ece52e1505a214e6ba05f93430ec60bd5213bf&call_start=2020-04-03+14%3A07%3A26"
STARTED = datetime(2025, 3, 1, 10, 0, 0, tzinfo=UTC)
OUT_STARTED = datetime(2025, 3, 1, 11, 0, 0, tzinfo=UTC)
OLD = datetime(2020, 4, 3, 14, 7, 26, tzinfo=UTC)
OLD_PARTIES = {"caller_id": "+380989897908", "called_did": "380947102794"}
PARTIES = {"caller_id": "+4917012345678", "called_did": "493012345678"}
# What Zadarma sends, and what is to be read; the last four were captured from calls in 2020.
EVENTS = [
    (f"event=NOTIFY_START&{INBOUND}", {"started_at": STARTED, **PARTIES}),
    (f"event=NOTIFY_INTERNAL&{INBOUND}&internal=101", {"started_at": STARTED, "internal": "101", **PARTIES}),
    (
        f"event=NOTIFY_INTERNAL&{INBOUND}&internal=499499-102&transfer_from=499499-101&transfer_type=blind&calltype=normal",
        {"started_at": STARTED, "internal": "102", "transfer_from": "101", **PARTIES},
    ),
    (
        "event=NOTIFY_ANSWER&caller_id=%2B4917012345678&destination=101&call_start=2025-03-01+10%3A00%3A00"
        f"&pbx_call_id={CALL_ID}&internal=101",
        {"started_at": STARTED, "caller_id": "+4917012345678", "destination": "101", "internal": "101"},
    ),
    (
        f"event=NOTIFY_END&{INBOUND}{END}&last_internal=102",
        {
            "started_at": STARTED,
            "internal": "101",
            "last_internal": "102",
            "duration": 42,
            "disposition": "answered",
            "result": "answered",
            "is_recorded": True,
            "recording_id": "1740823200.1234",
            **PARTIES,
        },
    ),
    (
        f"event=NOTIFY_OUT_START&{OUTBOUND}",
        {"started_at": OUT_STARTED, "destination": "+4917012345678", "caller_id": "0", "internal": "100"},
    ),
    (
        f"event=NOTIFY_OUT_END&{OUTBOUND}{OUT_END}",
        {
            "started_at": OUT_STARTED,
            "destination": "+4917012345678",
            "caller_id": "0",
            "internal": "100",
            "duration": 0,
            "disposition": "cancel",
            "result": "cancelled",
        },
    ),
    (
        f"event=NOTIFY_RECORD&call_id_with_rec=1740823200.1234&pbx_call_id={CALL_ID}",
        {"recording_id": "1740823200.1234"},
    ),
    (
        f"event=NOTIFY_START&{OLD_CALL}&caller_id=%2B380989897908&called_did=380947102794",
        {"started_at": OLD, **OLD_PARTIES},
    ),
    (
        f"event=NOTIFY_END&{OLD_CALL}&caller_id=%2B380989897908&called_did=380947102794&duration=0&disposition=cancel"
        "&status_code=16&is_recorded=0",
        {"started_at": OLD, "duration": 0, "disposition": "cancel", "result": "cancelled", **OLD_PARTIES},
    ),
    (
        f"event=NOTIFY_OUT_END&caller_id=0&internal=100&destination=%2B380989897908&pbx_call_id={OUT_CALL_ID}"
        "&call_start=2020-04-03+14%3A26%3A47&duration=0&disposition=cancel&status_code=16&is_recorded=1"
        "&call_id_with_rec=1585913205.75283",
        {
            "started_at": datetime(2020, 4, 3, 14, 26, 47, tzinfo=UTC),
            "caller_id": "0",
            "internal": "100",
            "destination": "+380989897908",
            "duration": 0,
            "disposition": "cancel",
            "result": "cancelled",
            "is_recorded": True,
            "recording_id": "1585913205.75283",
        },
    ),
    (
        f"event=NOTIFY_RECORD&call_id_with_rec=1-1458313316.343456-100-2016-01-11-100155&pbx_call_id={OUT_CALL_ID}",
        {"recording_id": "1-1458313316.343456-100-2016-01-11-100155"},
    ),
]


def decoded(body):
    """Return the fields of a form as a server sees them."""
    return dict(parse_qsl(body, keep_blank_values=True))


def form(event="START", **fields):
    """Return the fields of an event of an inbound call, some of them changed; without those that are none."""
    form = {"event": f"NOTIFY_{event}", **decoded(INBOUND), **fields}
    return {name: value for name, value in form.items() if value is not None}


class TestKey(BaseCase):
    def test_order_and_unknown_fields_do_not_matter(self):
        for body, _values in EVENTS:
            fields = decoded(body)
            key = event_key(fields)
            with self.subTest(body):
                self.assertRegex(key, r"\A[0-9a-f]{64}\Z")
                self.assertEqual(event_key(dict(reversed(fields.items()))), key)
                self.assertEqual(event_key(dict(sorted(fields.items()))), key)
                self.assertEqual(event_key({**fields, "dst_e164": "+49", "try": "2", "": ""}), key)
                missing = {name: "" for name in CALL_EVENTS[fields["event"]] if name not in fields}
                self.assertEqual(event_key({**fields, **missing}), key)

    def test_known_fields_make_the_difference(self):
        keys = {}
        for event, names in CALL_EVENTS.items():
            fields = {"event": event, **dict.fromkeys(names, "1")}
            keys[event_key(fields)] = (event, None)
            for name in set(names):
                for value in ("2", "", "11", "1 "):
                    key = event_key({**fields, name: value})
                    self.assertNotIn(key, keys, (event, name, value))
                    keys[key] = (event, name, value)

    def test_values_do_not_run_into_each_other(self):
        self.assertNotEqual(
            event_key(form(caller_id="1", called_did="23")), event_key(form(caller_id="12", called_did="3"))
        )
        self.assertNotEqual(event_key(form("END", internal="1")), event_key(form("END", last_internal="1")))
        self.assertNotEqual(event_key({"event": "X", "a": '","b'}), event_key({"event": "X", "a": "", "b": ""}))

    def test_documented_events_all_differ(self):
        self.assertEqual(len({event_key(decoded(body)) for body, _values in EVENTS}), len(EVENTS))

    def test_every_field_of_an_event_that_is_not_of_a_call_counts(self):
        for event in (*OTHER_EVENTS, "NOTIFY_FOO", ""):
            fields = {"event": event, "result": "1", "wait_dtmf[digits]": "1"}
            self.assertEqual(event_key(dict(reversed(fields.items()))), event_key(fields))
            for name in ("result", "wait_dtmf[digits]", "new"):
                self.assertNotEqual(event_key({**fields, name: "2"}), event_key(fields))


class TestParse(BaseCase):
    maxDiff = None

    def _parse(self, fields, zone=UTC, received_at=RECEIVED):
        return parse_event(fields, received_at, zone)

    def test_documented_events_are_read(self):
        for body, values in EVENTS:
            fields = decoded(body)
            with self.subTest(body):
                expected = Event(fields["event"], fields["pbx_call_id"], RECEIVED, **values)
                self.assertEqual(self._parse(fields), expected)
                self.assertEqual(self._parse(fields).notes, ())
                # Undocumented fields are ignored.
                self.assertEqual(self._parse({**fields, "dst_e164": "x", "calltype": "normal"}), expected)

    def test_other_events_are_of_no_call(self):
        for event in (*OTHER_EVENTS, "NOTIFY_INTERNAL_END", "NOTIFY_FOO", "notify_start", " NOTIFY_START", ""):
            with self.subTest(event), self.assertRaisesRegex(EventError, "is no event of a call"):
                self._parse(form(event=event))
        with self.assertRaisesRegex(EventError, "An event without name is no event of a call"):
            self._parse({})

    def test_only_what_makes_the_key_is_read(self):
        everything = {name: "101" for names in CALL_EVENTS.values() for name in names}
        for event, names in CALL_EVENTS.items():
            fields = {"event": event, "call_start": "2025-03-01 10:00:00", "pbx_call_id": CALL_ID}
            more = {**{name: value for name, value in everything.items() if name not in names}, **fields}
            self.assertEqual(event_key(more), event_key(fields))
            self.assertEqual(self._parse(more), self._parse(fields))

    def test_error_of_an_odd_name_can_be_stored(self):
        with self.assertRaises(EventError) as caught:
            self._parse({"event": "\x00\ud800" + "X" * 10_240})
        self.assertEqual(str(caught.exception), "X" * 64 + " is no event of a call")

    def test_call_id_that_can_be_none_is_refused(self):
        for call_id in (
            None,
            "",
            " ",
            "in_" + "a" * 10_240,
            "a" * 81,
            "'; DROP TABLE res_partner; --",
            "../../etc/passwd",
            "in_\x00",
            "in_1\n",
            " in_1",
            "in 1",
            "in_1/2",
            "_in",
            "-rf",
            ".",
            "ïn_1",
            "in_\ud800",
            "in_١",
            "<img>",
            "%s",
        ):
            for event in ("START", "END", "RECORD"):
                fields = form(event, pbx_call_id=call_id)
                with self.subTest(call_id=call_id, event=event):
                    self.assertEqual(call_id_of(fields), "")
                    with self.assertRaisesRegex(EventError, "pbx_call_id is missing or malformed"):
                        self._parse(fields)

    def test_call_id_is_kept_as_it_is(self):
        for call_id in (CALL_ID, OUT_CALL_ID, "1740823200.1234", "1-1458313316.343456-100", "A", "a" * 80):
            self.assertEqual(call_id_of({"pbx_call_id": call_id}), call_id)
            self.assertEqual(self._parse(form(pbx_call_id=call_id)).pbx_call_id, call_id)

    def test_call_start_that_is_no_time_is_refused(self):
        for text in (
            None,
            "",
            "now",
            "1740823200",
            "1740823200.1234",
            "0",
            "0000-00-00 00:00:00",
            "0000-01-01 00:00:00",
            "0001-01-01 00:00:00",
            "1970-01-01 00:00:00",
            "1999-12-30 12:00:00",
            "9999-12-31 23:59:59",
            "2025-03-04 12:00:01",
            "2025-02-30 10:00:00",
            "2025-03-01 24:00:00",
            "2025-03-01 10:00:60",
            "2025-03-01 10:00:61",
            "2025-03-01",
            "2025-03-01T10:00:00",
            "2025-03-01 10:00:00Z",
            "2025-03-01 10:00:00+01:00",
            "01.03.2025 10:00",
            "2025-03-01 10:00:00\x00",
            "-2025-03-01 10:00:00",
            "2025-03-01 10:00:00' OR 1=1",
            "2" * 10_240,
            "\ud800",
        ):
            for zone in (UTC, BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")):
                for event in ("START", "INTERNAL", "ANSWER", "END", "OUT_START", "OUT_END"):
                    refused = self.assertRaisesRegex(EventError, "call_start is no time")
                    with self.subTest(ascii(text), event=event), refused:
                        self._parse(form(event, call_start=text), zone)

    def test_call_start_is_not_needed_for_a_recording(self):
        for text in (None, "", "garbage"):
            event = self._parse(form("RECORD", call_start=text, call_id_with_rec="1.2"))
            self.assertEqual((event.started_at, event.recording_id), (None, "1.2"))

    def test_durations(self):
        for text, duration, is_noted in (
            (None, None, False),
            ("0", 0, False),
            ("42", 42, False),
            (" 42 ", 42, False),
            ("0042", 42, False),
            ("604800", 604800, False),
            ("604801", None, True),
            ("", None, True),
            (" ", None, True),
            ("-1", None, True),
            ("+1", None, True),
            ("1000000000000", None, True),
            ("1" * 10_240, None, True),
            ("1e3", None, True),
            ("1.5", None, True),
            ("1_0", None, True),
            ("NaN", None, True),
            ("Infinity", None, True),
            ("0x10", None, True),
            ("٤٢", None, True),
            ("²", None, True),
            ("4\x002", None, True),
            ("\ud800", None, True),
        ):
            with self.subTest(ascii(text)[:20]):
                event = self._parse(form("END", duration=text))
                self.assertEqual(event.duration, duration)
                self.assertEqual(bool(event.notes), is_noted)
                for note in event.notes:
                    self.assertRegex(note, r"\Aduration '.{0,64}' ignored\Z")
                    self.assertTrue(note.isprintable())

    def test_dispositions(self):
        for text, result in (
            ("answered", "answered"),
            ("busy", "busy"),
            ("cancel", "cancelled"),
            ("no answer", "no_answer"),
            ("failed", "failed"),
            ("no money", "no_money"),
            ("unallocated number", "unallocated"),
            ("no limit", "limit"),
            ("no day limit", "limit"),
            ("line limit", "limit"),
            ("no money, no limit", "no_money"),
            ("call failed", "failed"),
            ("ANSWERED", "answered"),
            (" No_Answer ", "no_answer"),
            ("no-answer", "no_answer"),
            ("no  answer", "no_answer"),
            ("call_failed", "failed"),
            ("cancelled", "cancelled"),
            ("canceled", "cancelled"),
            ("blocked by moon phase", "other"),
            ("answered!", "other"),
            ("ANSWERED\x00", "answered"),
            ("x" * 10_240, "other"),
            ("", ""),
            (" ", ""),
            ("_", ""),
            (None, ""),
        ):
            with self.subTest(ascii(text)[:20]):
                event = self._parse(form("END", disposition=text))
                self.assertEqual(event.result, result)
                if text:
                    self.assertEqual(event.disposition, text.strip().replace("\x00", "")[:64])
        self.assertEqual(parse_disposition("No Answer"), "no_answer")

    def test_recording_ids(self):
        for text, recording_id in (
            ("1740823200.1234", "1740823200.1234"),
            ("1-1458313316.343456-100-2016-01-11-100155", "1-1458313316.343456-100-2016-01-11-100155"),
            ("a" * 128, "a" * 128),
            ("a" * 129, ""),
            ("a" * 1024, ""),
            ("../../x", ""),
            ("a/../b", ""),
            ("a..b", ""),
            ("..", ""),
            ("/etc/passwd", ""),
            ("1740823200.1234\n", ""),
            ("ünïcode", ""),
            ("1?x=2", ""),
            ("\x00", ""),
            (" ", ""),
        ):
            for event in ("END", "RECORD"):
                with self.subTest(ascii(text)[:20], event=event):
                    event = self._parse(form(event, call_id_with_rec=text))
                    self.assertEqual(event.recording_id, recording_id)
                    self.assertEqual(bool(event.notes), not recording_id)
        for text in (None, ""):
            event = self._parse(form("END", call_id_with_rec=text))
            self.assertEqual((event.recording_id, event.notes), ("", ()))

    def test_flag_of_a_recording_is_text(self):
        for text, flag in (("1", True), ("true", True), ("True", True), ("0", False), ("false", False), ("", False)):
            self.assertIs(self._parse(form("END", is_recorded=text)).is_recorded, flag)

    def test_texts_can_be_stored(self):
        names = ("caller_id", "called_did", "destination", "internal", "last_internal", "transfer_from", "disposition")
        for text in ("a\x00b", "\x00" * 70 + "b", "x" * 10_240, "\ud800\udcff", "\r\n\t", "a\u2028b", " a "):
            event = self._parse(form("END", **dict.fromkeys(names, text)))
            for name in names:
                value = getattr(event, name)
                with self.subTest(ascii(text)[:20], name=name):
                    self.assertTrue(value.isprintable())
                    self.assertLessEqual(len(value), 64)
                    self.assertEqual(value, value.strip())
                    value.encode()

    def test_no_text_is_a_formula_in_a_spreadsheet(self):
        for text in ('=HYPERLINK("http://1234567/","x")', " = =HYPERLINK(1234567)", "\t=HYPERLINK(1234567)"):
            event = self._parse(form(caller_id=text, called_did=text))
            self.assertTrue(event.caller_id.startswith("HYPERLINK("), event.caller_id)
            self.assertEqual(event.called_did, event.caller_id)

    def test_numbers_are_kept_as_received(self):
        for text in ("+4917012345678", "4917012345678", "0", "Anonymous", "Unbekannt", "100", "499499-100"):
            self.assertEqual(self._parse(form(caller_id=text)).caller_id, text)
        self.assertEqual(self._parse(form(caller_id=None)).caller_id, "")


class TestTime(BaseCase):
    def test_wall_clock_of_the_account_becomes_utc(self):
        for text, zone, utc in (
            ("2025-03-01 10:00:00", "UTC", "2025-03-01 10:00:00"),
            (" 2025-03-01 10:00:00 ", "UTC", "2025-03-01 10:00:00"),
            ("2025-01-15 10:00:00", "Europe/Berlin", "2025-01-15 09:00:00"),
            ("2025-07-15 10:00:00", "Europe/Berlin", "2025-07-15 08:00:00"),
            ("2020-04-03 14:26:47", "Europe/Kiev", "2020-04-03 11:26:47"),
            ("2025-03-01 10:00:00", "Asia/Kolkata", "2025-03-01 04:30:00"),
            ("2025-03-01 10:00:00", "Asia/Kathmandu", "2025-03-01 04:15:00"),
            ("2025-03-01 01:00:00", "Pacific/Kiritimati", "2025-02-28 11:00:00"),
            ("2025-03-01 10:00:00", "Etc/GMT+12", "2025-03-01 22:00:00"),
            ("2025-03-01 10:00:00", "America/St_Johns", "2025-03-01 13:30:00"),
            ("2025-01-01 00:00:00", "Europe/Berlin", "2024-12-31 23:00:00"),
            ("2024-02-29 23:59:59", "UTC", "2024-02-29 23:59:59"),
        ):
            with self.subTest(text, zone=zone):
                expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
                started = parse_call_start(text, expected + timedelta(seconds=1), ZoneInfo(zone))
                self.assertEqual(started, expected)
                self.assertEqual(started.utcoffset(), timedelta(0))

    def test_call_may_start_a_little_later_than_it_was_heard_of(self):
        for minutes in (1, 10, 60, 14 * 60, 26 * 60):
            received = datetime(2025, 3, 1, 10, 0, tzinfo=UTC)
            text = f"{received + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"
            self.assertEqual(parse_call_start(text, received, UTC), received + timedelta(minutes=minutes))

    def test_hour_that_there_is_not(self):
        # 02:00 to 03:00 on 2025-03-30 is left out in Berlin.
        received = datetime(2025, 3, 30, 1, 30, 5, tzinfo=UTC)
        for text, utc in (
            ("2025-03-30 01:59:59", datetime(2025, 3, 30, 0, 59, 59, tzinfo=UTC)),
            ("2025-03-30 02:30:00", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
            ("2025-03-30 03:00:00", datetime(2025, 3, 30, 1, 0, tzinfo=UTC)),
        ):
            for later in (0, 1, 24):
                self.assertEqual(parse_call_start(text, received + timedelta(hours=later), BERLIN), utc)

    def test_hour_that_comes_twice(self):
        # 02:00 to 03:00 on 2025-10-26 comes twice in Berlin.
        first, second = datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
        for received, started in (
            (first, first),
            (first + timedelta(seconds=2), first),
            (first + timedelta(minutes=54), first),
            (second - timedelta(minutes=4), second),
            (second + timedelta(seconds=2), second),
            (second + timedelta(days=1), second),
        ):
            with self.subTest(received):
                self.assertEqual(parse_call_start("2025-10-26 02:30:00", received, BERLIN), started)
        for text, utc in (
            ("2025-10-26 01:59:59", datetime(2025, 10, 25, 23, 59, 59, tzinfo=UTC)),
            ("2025-10-26 03:00:00", datetime(2025, 10, 26, 2, 0, tzinfo=UTC)),
        ):
            self.assertEqual(parse_call_start(text, second, BERLIN), utc)

    def test_long_call_over_the_hour_that_comes_twice_starts_once(self):
        first = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)
        start = form(call_start="2025-10-26 02:30:00")
        end = form("END", call_start="2025-10-26 02:30:00", duration="5400", disposition="answered")
        events = [
            parse_event(start, first + timedelta(seconds=1), BERLIN),
            parse_event(end, first + timedelta(seconds=5410), BERLIN),
        ]
        self.assertEqual(fold(events).started_at, first)
        self.assertEqual(fold(events[::-1]).started_at, first)


wire_text = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=40),
    st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")),
    st.binary(max_size=40).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.sampled_from(["", "0", "+4917012345678", "101", "499499-101", "\x00", "\ud800", "answered", "1e3"]),
    st.sampled_from(["x" * 10_240, "9" * 10_240]),
    st.datetimes().map(str),
    st.datetimes(datetime(1999, 1, 1), datetime(2026, 1, 1)).map("{:%Y-%m-%d %H:%M:%S}".format),
    st.from_regex(r"\A(in|out)_[0-9a-f]{40}\Z"),
)
names = sorted({name for fields in CALL_EVENTS.values() for name in fields} | {"result", "wait_dtmf[digits]"})
known = st.sampled_from([*CALL_EVENTS, *OTHER_EVENTS])
forms = st.fixed_dictionaries(
    {},
    optional={
        "event": st.one_of(known, known, wire_text),
        "pbx_call_id": st.one_of(st.sampled_from([CALL_ID, OUT_CALL_ID]), wire_text),
        "call_start": st.one_of(st.sampled_from(["2025-03-01 10:00:00", "2025-10-26 02:30:00"]), wire_text),
        **{name: wire_text for name in names if name not in ("pbx_call_id", "call_start")},
    },
)
any_form = st.one_of(forms, st.dictionaries(wire_text, wire_text, max_size=8))
zones = st.sampled_from([UTC, BERLIN, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/St_Johns")])


class TestAnything(BaseCase):
    """Whatever an authentic event says, reading it does not fail in any way but the one that is foreseen."""

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=400,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(any_form, zones, wire_text)
    def test_anything_is_read_or_refused(self, fields, zone, signature):
        self.assertRegex(event_key(fields), r"\A[0-9a-f]{64}\Z")
        self.assertRegex(call_id_of(fields), r"\A([0-9A-Za-z][0-9A-Za-z_.-]{0,79})?\Z")
        self.assertFalse(verify_webhook("secret", fields, signature))
        signed = SIGNED_FIELDS.get(fields.get("event", ""), ("caller_id", "called_did", "call_start"))
        right = webhook_signature("secret", fields)
        self.assertEqual(verify_webhook("secret", fields, right), any(fields.get(name) for name in signed))
        self.assertFalse(verify_webhook("", fields, webhook_signature("", fields)))
        for value in fields.values():
            parse_number(value, "DE")
        try:
            event = parse_event(fields, RECEIVED, zone)
        except EventError as error:
            self.assertTrue(str(error).isprintable())
            self.assertLess(len(str(error)), 200)
            return
        self.assertTrue("; ".join(event.notes).isprintable())
        self.assertLess(len("; ".join(event.notes)), 200)
        state = fold([event])
        texts = (event.disposition, state.number, state.own_number, *(leg.extension for leg in state.legs))
        for text in texts:
            self.assertTrue(text.isprintable())
            self.assertLessEqual(len(text), 64)
        for moment in (state.started_at, state.answered_at, state.ended_at):
            self.assertTrue(moment is None or moment.tzinfo is not None)
