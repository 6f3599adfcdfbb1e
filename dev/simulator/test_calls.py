"""How calls go, and what the webhook hears of them."""

import pytest

from .core import Simulator
from .fixture import Client
from .replies import read_reply
from .scenarios import SCENARIOS
from .settings import SimulatorError

CUSTOMER = "+4917012345678"
START, INTERNAL, ANSWER, END, RECORD = (
    "NOTIFY_START",
    "NOTIFY_INTERNAL",
    "NOTIFY_ANSWER",
    "NOTIFY_END",
    "NOTIFY_RECORD",
)
OUT_START, OUT_END = "NOTIFY_OUT_START", "NOTIFY_OUT_END"


def order_callback(zadarma: Simulator, **params: str) -> str:
    """Order a callback by API and wait until it begins; return the call."""
    Client(zadarma).get("/v1/request/callback/", **{"from": "100", "to": CUSTOMER, **params})
    zadarma.advance(1)
    (call,) = zadarma.open_calls()
    return call


def test_an_answered_call(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, did="48221530000", to=["100", "101"])
    zadarma.advance(5)
    zadarma.answer(call, "101")
    zadarma.advance(42)
    zadarma.hang_up(call)
    zadarma.advance(7)
    assert receiver.events == [START, INTERNAL, INTERNAL, ANSWER, END, RECORD]
    assert {form["pbx_call_id"] for form in receiver.forms} == {call}
    assert len(call) == 43 and call.startswith("in_")
    start, first, second, answer, end, record = receiver.forms
    assert (start["caller_id"], start["called_did"]) == (CUSTOMER, "48221530000")
    assert (first["internal"], second["internal"]) == ("100", "101")
    assert (answer["internal"], answer["destination"]) == ("101", "101")
    assert answer["call_start"] == start["call_start"] == end["call_start"]
    assert (end["duration"], end["disposition"], end["status_code"]) == ("42", "answered", "16")
    assert (end["internal"], end["last_internal"], end["is_recorded"]) == ("101", "101", "1")
    assert record["call_id_with_rec"] == end["call_id_with_rec"]


def test_a_call_nobody_answers(zadarma, receiver):
    zadarma.call_in(CUSTOMER, to=["100", "101"])
    zadarma.advance(30)
    assert receiver.events == [START, INTERNAL, INTERNAL, END]
    end = receiver.forms[-1]
    assert (end["disposition"], end["duration"], end["is_recorded"]) == ("no answer", "0", "0")
    assert "internal" not in end and "call_id_with_rec" not in end


def test_a_caller_who_gives_up(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.hang_up(call)
    assert receiver.forms[-1]["disposition"] == "cancel"
    assert receiver.forms[-1]["internal"] == "100"


def test_a_call_everybody_refuses(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["100", "101"])
    zadarma.hang_up(call, "100")
    assert END not in receiver.events
    zadarma.hang_up(call, "101")
    assert (receiver.forms[-1]["disposition"], receiver.forms[-1]["status_code"]) == ("busy", "17")


def test_a_caller_who_leaves_the_menu_rings_nobody(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, menu=True)
    zadarma.advance(100)
    zadarma.hang_up(call)
    assert receiver.events == [START, END]
    assert receiver.forms[-1]["disposition"] == "cancel"


def test_a_caller_who_chooses_in_the_menu(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["103"], menu=True)
    zadarma.choose(call)
    assert receiver.events == [START, INTERNAL]


def test_a_greeting_comes_before_the_ringing(zadarma, receiver):
    zadarma.set(menu_seconds=10)
    zadarma.call_in(CUSTOMER, to=["103"])
    zadarma.advance(9)
    assert receiver.events == [START]
    zadarma.advance(1)
    assert receiver.events == [START, INTERNAL]


@pytest.mark.parametrize("number", ["anonymous", ""])
def test_a_withheld_number(zadarma, receiver, number):
    zadarma.call_in(number, to=["100"])
    assert {form["caller_id"] for form in receiver.forms} == {number}


def test_numbers_can_come_without_plus_sign(zadarma, receiver):
    zadarma.set(plus=False)
    zadarma.call_in(CUSTOMER, to=["100"])
    assert receiver.forms[0]["caller_id"] == "4917012345678"


def test_a_telephone_that_is_not_registered_does_not_ring(zadarma, receiver):
    zadarma.set_extension("100", online=False)
    zadarma.call_in(CUSTOMER, to=["100", "101"])
    assert [form["internal"] for form in receiver.fields(INTERNAL)] == ["101"]
    zadarma.call_in(CUSTOMER, to=["100"])
    assert receiver.events[-2:] == [START, END]


def test_a_blind_transfer(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.answer(call, "100")
    zadarma.advance(20)
    zadarma.transfer(call, "100", "102")
    zadarma.advance(5)
    zadarma.answer(call, "102")
    zadarma.advance(30)
    zadarma.hang_up(call, "102")
    zadarma.advance(7)
    assert receiver.events == [START, INTERNAL, ANSWER, INTERNAL, ANSWER, END, RECORD, RECORD]
    for form in receiver.forms[3:5]:
        assert (form["internal"], form["transfer_from"], form["transfer_type"]) == ("102", "100", "blind")
    end = receiver.forms[5]
    assert (end["internal"], end["last_internal"], end["duration"]) == ("100", "102", "55")
    assert end["call_id_with_rec"] == receiver.forms[7]["call_id_with_rec"]


def test_an_attended_transfer_nobody_takes_comes_back(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.answer(call, "100")
    zadarma.transfer(call, "100", "102", "attended")
    zadarma.advance(30)
    assert zadarma.open_calls() == [call]
    zadarma.hang_up(call)
    assert receiver.forms[-1]["last_internal"] == "100"


def test_a_blind_transfer_nobody_takes_ends_the_call(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.answer(call, "100")
    zadarma.transfer(call, "100", "102")
    zadarma.advance(30)
    assert receiver.forms[-1]["disposition"] == "answered"


def test_an_outbound_call(zadarma, receiver):
    call = zadarma.dial("101", "+48 601 234 567")
    zadarma.advance(4)
    zadarma.answer(call)
    zadarma.advance(10)
    zadarma.hang_up(call, "101")
    zadarma.finish()
    assert receiver.events == [OUT_START, ANSWER, OUT_END, RECORD]
    start, answer, end, _record = receiver.forms
    assert call.startswith("out_")
    assert (start["internal"], start["destination"]) == ("101", "+48601234567")
    assert start["caller_id"] == answer["caller_id"] == "442037691880"
    assert answer["destination"] == "+48601234567"
    assert (end["duration"], end["disposition"]) == ("10", "answered")


@pytest.mark.parametrize(
    ("end", "disposition"),
    [
        (lambda sim, call: sim.advance(30), "no answer"),
        (lambda sim, call: sim.hang_up(call), "busy"),
        (lambda sim, call: sim.hang_up(call, "100"), "cancel"),
    ],
)
def test_an_outbound_call_without_answer(zadarma, receiver, end, disposition):
    call = zadarma.dial("100", CUSTOMER)
    end(zadarma, call)
    zadarma.finish()
    assert receiver.events == [OUT_START, OUT_END]
    form = receiver.forms[-1]
    assert (form["disposition"], form["duration"], form["caller_id"]) == (disposition, "0", "0")
    # As in a real capture: an id, though there never is a file.
    assert form["is_recorded"] == "1" and form["call_id_with_rec"]


def test_an_outbound_call_can_be_transferred(zadarma, receiver):
    call = zadarma.dial("100", CUSTOMER)
    zadarma.answer(call)
    zadarma.transfer(call, "100", "103")
    zadarma.answer(call, "103")
    zadarma.hang_up(call)
    assert receiver.events == [OUT_START, ANSWER, INTERNAL, ANSWER, OUT_END]
    assert receiver.forms[2]["transfer_from"] == "100"


def test_without_recording_there_is_no_record(zadarma, receiver):
    call = zadarma.call_in(CUSTOMER, to=["104"])
    zadarma.answer(call, "104")
    zadarma.hang_up(call)
    zadarma.finish()
    assert receiver.events[-1] == END
    assert receiver.forms[-1]["is_recorded"] == "0"


def test_customers_can_answer_by_themselves(zadarma, receiver):
    zadarma.set(answer_seconds=8)
    zadarma.dial("100", CUSTOMER)
    zadarma.advance(8)
    assert receiver.events == [OUT_START, ANSWER]


def test_a_callback_with_one_id_for_both_legs(zadarma, receiver):
    call = order_callback(zadarma)
    zadarma.answer(call, "100")
    zadarma.advance(5)
    zadarma.answer(call)
    zadarma.advance(10)
    zadarma.hang_up(call)
    assert receiver.events == [OUT_START, ANSWER, OUT_START, ANSWER, OUT_END, OUT_END]
    assert {form["pbx_call_id"] for form in receiver.forms} == {call}
    assert [form["calltype"] for form in receiver.fields(OUT_END)] == ["callback_leg1", "callback_leg2"]
    assert [form["duration"] for form in receiver.fields(OUT_END)] == ["15", "10"]


def test_a_callback_with_an_id_for_each_leg(zadarma, receiver):
    zadarma.set(callback_mode="separate", callback_leg1_destination="extension")
    call = order_callback(zadarma)
    zadarma.answer(call, "100")
    zadarma.answer(call)
    zadarma.hang_up(call)
    zadarma.finish()
    first, second = receiver.fields(OUT_START)
    assert (first["destination"], second["destination"]) == ("100", CUSTOMER)
    assert first["pbx_call_id"] == call != second["pbx_call_id"]
    assert receiver.fields(RECORD)[0]["pbx_call_id"] == second["pbx_call_id"]


def test_a_callback_that_tells_of_one_leg_only(zadarma, receiver):
    zadarma.set(callback_mode="single")
    call = order_callback(zadarma)
    assert receiver.events == []
    zadarma.answer(call, "100")
    zadarma.answer(call)
    zadarma.hang_up(call)
    assert receiver.events == [OUT_START, ANSWER, OUT_END]


def test_a_callback_the_desk_does_not_answer(zadarma, receiver):
    order_callback(zadarma)
    zadarma.advance(30)
    assert receiver.events == [OUT_START, OUT_END]
    assert receiver.forms[-1]["disposition"] == "no answer"


def test_a_callback_the_desk_does_not_answer_may_leave_no_trace(zadarma, receiver):
    zadarma.set(callback_mode="single")
    order_callback(zadarma)
    zadarma.advance(30)
    assert receiver.events == [] and not zadarma.open_calls()


def test_a_predicted_callback_rings_the_customer_first(zadarma, receiver):
    call = order_callback(zadarma, predicted="predicted")
    assert receiver.events == [OUT_START]
    zadarma.answer(call)
    assert receiver.events == [OUT_START]
    zadarma.answer(call, "100")
    zadarma.hang_up(call, "100")
    assert receiver.events == [OUT_START, ANSWER, OUT_END]


@pytest.mark.parametrize(
    ("mode", "events"), [("outbound", [OUT_START, ANSWER, OUT_END]), ("inbound", [INTERNAL, ANSWER, END])]
)
def test_an_internal_call(zadarma, receiver, mode, events):
    zadarma.set(internal_calls_as=mode)
    call = zadarma.dial("100", "101")
    zadarma.answer(call, "101")
    zadarma.hang_up(call, "100")
    assert receiver.events == events
    assert receiver.forms[-1]["caller_id"] == "100"


def test_the_answer_redirects_and_names(zadarma, receiver):
    receiver.reply = {"redirect": "103", "return_timeout": 0, "caller_name": "Azure Interior"}
    call = zadarma.call_in(CUSTOMER, to=["100", "101"])
    assert [form["internal"] for form in receiver.fields(INTERNAL)] == ["103"]
    assert zadarma.exchange.call(call).caller_name == "Azure Interior"
    zadarma.advance(30)
    assert receiver.forms[-1]["disposition"] == "no answer"


def test_a_redirected_call_returns_to_the_menu(zadarma, receiver):
    receiver.reply = {"redirect": "103", "return_timeout": 10}
    zadarma.call_in(CUSTOMER, to=["100", "101"])
    zadarma.advance(10)
    assert [form["internal"] for form in receiver.fields(INTERNAL)] == ["103", "100", "101"]
    zadarma.advance(30)
    assert receiver.events.count(END) == 1


def test_a_refused_redirect_returns_at_once(zadarma, receiver):
    receiver.reply = {"redirect": "103", "return_timeout": 10}
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.hang_up(call, "103")
    assert [form["internal"] for form in receiver.fields(INTERNAL)] == ["103", "100"]


def test_the_blacklist_makes_busy(zadarma, receiver):
    receiver.reply = {"redirect": "blacklist"}
    zadarma.call_in(CUSTOMER)
    assert receiver.events == [START, END]
    assert receiver.forms[-1]["disposition"] == "busy"


def test_the_answer_hangs_up(zadarma, receiver):
    receiver.reply = {"hangup": 1}
    zadarma.call_in(CUSTOMER)
    assert receiver.events == [START, END]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, ""),
        (200, "OK"),
        (200, "[1]"),
        (200, "{}"),
        (500, '{"redirect": "blacklist"}'),
        (None, ""),
        (200, '{"redirect": "999"}'),
        (200, '{"redirect": "0-main"}'),
        (200, '{"redirect": "100", "return_timeout": 2}'),
    ],
)
def test_an_answer_that_makes_no_sense_means_the_normal_scenario(status, body):
    reply = read_reply(status, body, {"100"})
    assert not (reply.extension or reply.blacklist or reply.hangup)


def test_without_start_notification_the_answer_is_not_asked_for(zadarma, receiver):
    zadarma.set(notifications={"notify_start": False})
    receiver.reply = {"redirect": "blacklist"}
    zadarma.call_in(CUSTOMER, to=["100"])
    assert receiver.events == [INTERNAL]


def test_records_have_no_switch(zadarma, receiver):
    zadarma.set(notifications=dict.fromkeys(zadarma.settings.notifications, False))
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.answer(call, "100")
    zadarma.hang_up(call)
    zadarma.finish()
    assert receiver.events == [RECORD]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda sim, call: sim.answer(call, "103"),
        lambda sim, call: sim.answer(call, "999"),
        lambda sim, call: sim.answer("in_0", "100"),
        lambda sim, call: sim.transfer(call, "100", "101"),
        lambda sim, call: sim.choose(call),
        lambda sim, call: sim.dial("100", "anonymous"),
        lambda sim, call: sim.call_in("not a number"),
        lambda sim, call: sim.internal("100", "100"),
        lambda sim, call: sim.set(zone="Nowhere"),
        lambda sim, call: sim.set(callback_mode="other"),
        lambda sim, call: sim.set(nothing=1),
        lambda sim, call: sim.play("nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(zadarma, wrong):
    call = zadarma.call_in(CUSTOMER, to=["100"])
    before = vars(zadarma.settings).copy()
    with pytest.raises(SimulatorError):
        wrong(zadarma, call)
    assert vars(zadarma.settings) == before


def test_all_scenarios_play_to_their_end(zadarma, receiver):
    for name in SCENARIOS:
        zadarma.play(name, to=["100", "101"])
    ends = receiver.fields(END) + receiver.fields(OUT_END)
    assert len(ends) == len(SCENARIOS)
    assert not zadarma.open_calls()
    assert {form["disposition"] for form in ends} == {"answered", "no answer", "cancel", "busy"}


def test_times_are_those_of_the_accounts_zone(receiver):
    # Two o'clock to three does not exist on that morning in Berlin.
    with Simulator(webhook_url=receiver.url, stepped=True, now=1743296399, zone="Europe/Berlin") as simulator:
        simulator.call_in(CUSTOMER, to=["100"])
        simulator.advance(1)
        simulator.call_in(CUSTOMER, to=["100"])
    assert [form["call_start"] for form in receiver.fields(START)] == ["2025-03-30 01:59:59", "2025-03-30 03:00:00"]


def test_a_ghost_event_comes_if_set(zadarma, receiver):
    zadarma.set(internal_end_events=True)
    call = zadarma.call_in(CUSTOMER, to=["100", "101"])
    zadarma.answer(call, "100")
    zadarma.hang_up(call)
    assert receiver.events == [START, INTERNAL, INTERNAL, "NOTIFY_INTERNAL_END", ANSWER, "NOTIFY_INTERNAL_END", END]


def test_the_same_seed_gives_the_same_calls(receiver):
    ids = []
    for _ in range(2):
        with Simulator(webhook_url=receiver.url, stepped=True, seed=5) as simulator:
            ids.append(simulator.call_in(CUSTOMER))
    assert ids[0] == ids[1]
