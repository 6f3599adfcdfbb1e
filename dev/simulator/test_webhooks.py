"""How notifications travel: form, signature, faults, time."""

import time

import pytest

from .core import Simulator
from .signatures import event_signature

CUSTOMER = "+4917012345678"
START, INTERNAL, END = "NOTIFY_START", "NOTIFY_INTERNAL", "NOTIFY_END"


def miss(zadarma: Simulator) -> str:
    """Let a call ring unanswered, with two notifications before its end."""
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.advance(30)
    return call


def test_a_notification_looks_like_the_providers(zadarma, receiver):
    zadarma.call_in(CUSTOMER, to=["100"])
    request, form = receiver.requests[0], dict(receiver.forms[0])
    assert request.headers["User-Agent"] == "Zadarma API v1"
    assert request.mimetype == "application/x-www-form-urlencoded"
    assert form.pop("event") == START
    assert request.headers["Signature"] == event_signature(START, form, "secret")


def test_a_text_message_comes_as_multipart(zadarma, receiver):
    zadarma.set(events_url=receiver.url, hooks={"sms": True})
    zadarma.text_in(CUSTOMER, "493012345678", "Hallo ü")
    request, form = receiver.requests[0], receiver.forms[0]
    assert request.mimetype == "multipart/form-data"
    assert form["result"] == ('{"caller_id":"4917012345678","caller_did":"493012345678","text":"Hallo \\u00fc"}')
    assert request.headers["Signature"] == ("MTA5YWQzZWNjYzEzMjg4MzYyM2Q5NDMzYmZlMDQxYzE2ODM4ZWE3Yw==")


def test_a_hook_that_is_off_sends_nothing(zadarma, receiver):
    zadarma.set(events_url=receiver.url)
    zadarma.text_in(CUSTOMER, "493012345678", "Hallo")
    assert receiver.events == []


def test_a_duplicate_comes_twice(zadarma, receiver):
    zadarma.webhook_fault("duplicate", END)
    miss(zadarma)
    assert receiver.events == [START, INTERNAL, END, END]
    assert receiver.forms[2] == receiver.forms[3]


def test_a_dropped_one_never_comes_but_is_in_the_log(zadarma, receiver):
    zadarma.webhook_fault("drop", INTERNAL, times=1)
    call = miss(zadarma)
    assert receiver.events == [START, END]
    assert [entry.note for entry in zadarma.webhooks(INTERNAL)] == ["dropped"]
    assert zadarma.events(call) == [START, END]


def test_a_delayed_one_comes_later(zadarma, receiver):
    zadarma.webhook_fault("delay", INTERNAL, seconds=40)
    miss(zadarma)
    assert receiver.events == [START, END]
    zadarma.advance(10)
    assert receiver.events == [START, END, INTERNAL]


def test_a_reordered_one_comes_after_the_next(zadarma, receiver):
    zadarma.webhook_fault("reorder", INTERNAL)
    zadarma.set(ring_seconds=5)
    zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.advance(5)
    assert receiver.events == [START, END, INTERNAL]


def test_a_reordered_one_without_a_next_comes_alone(zadarma, receiver):
    zadarma.webhook_fault("reorder", END)
    miss(zadarma)
    assert receiver.events == [START, INTERNAL]
    zadarma.finish()
    assert receiver.events == [START, INTERNAL, END]


@pytest.mark.parametrize("kind", ["drop", "delay", "reorder"])
def test_a_call_does_not_wait_for_a_start_that_is_kept_back(zadarma, receiver, kind):
    zadarma.webhook_fault(kind, START)
    receiver.reply = {"redirect": "blacklist"}
    zadarma.call_in(CUSTOMER, to=["100"])
    assert receiver.events[0] == INTERNAL


def test_chance_repeats_itself(receiver):
    runs = []
    for _ in range(2):
        receiver.forms.clear()
        with Simulator(webhook_url=receiver.url, stepped=True, seed=7) as simulator:
            simulator.webhook_fault("drop", probability=0.5)
            for _call in range(5):
                miss(simulator)
        runs.append(receiver.events)
    assert runs[0] == runs[1]
    assert 0 < len(runs[0]) < 15


def test_a_failed_notification_is_sent_again_only_if_set(zadarma, receiver):
    receiver.status = 500
    zadarma.set(notifications={"notify_internal": False, "notify_end": False})
    zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.finish()
    assert len(receiver.forms) == 1
    zadarma.set(retries=2)
    zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.finish()
    assert len(receiver.forms) == 1 + 3


def test_the_log_tells_status_answer_and_time(zadarma, receiver):
    receiver.reply = {"caller_name": "Azure"}
    zadarma.call_in(CUSTOMER, to=["100"])
    (entry,) = zadarma.webhooks(START)
    assert (entry.status, entry.response_body) == (200, '{"caller_name": "Azure"}')
    assert entry.milliseconds > 0
    assert "caller_id=%2B4917012345678" in entry.request_body


def test_a_receiver_that_is_away_does_not_stop_the_call(zadarma):
    zadarma.set(webhook_url="http://127.0.0.1:9/")
    call = zadarma.call_in(CUSTOMER, to=["100"])
    zadarma.answer(call, "100")
    zadarma.hang_up(call)
    assert [entry.status for entry in zadarma.webhooks()] == [None] * 4


def test_in_real_time_events_come_by_themselves_and_in_order(receiver):
    with Simulator(webhook_url=receiver.url, speed=500) as simulator:
        call = simulator.call_in(CUSTOMER, to=["100", "101"])
        wait_for(lambda: len(receiver.forms) == 3)
        simulator.answer(call, "100")
        time.sleep(0.02)
        simulator.hang_up(call)
        wait_for(lambda: len(receiver.forms) == 6)
    assert receiver.events == [START, INTERNAL, INTERNAL, "NOTIFY_ANSWER", END, "NOTIFY_RECORD"]
    # The talk of 20 ms lasted 10 simulated seconds.
    assert 10 <= int(receiver.fields(END)[0]["duration"]) < 100


def test_in_real_time_telephones_stop_ringing(receiver):
    with Simulator(webhook_url=receiver.url, speed=500) as simulator:
        simulator.call_in(CUSTOMER, to=["100"])
        wait_for(lambda: END in receiver.events)
    assert receiver.forms[-1]["disposition"] == "no answer"


def wait_for(condition) -> None:
    """Wait up to five seconds for ``condition``."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
