"""The REST API over a real socket."""

import json
import re
from datetime import datetime, timezone

import pytest
import requests

from .core import Simulator
from .fixture import Client
from .mp3 import beeps
from .signatures import request_signature


def talk(zadarma: Simulator, seconds: float = 42, extension: str = "101") -> str:
    """Have a recorded inbound talk of that length; return its pbx_call_id."""
    call = zadarma.call_in("+4917012345678", to=["100", extension])
    zadarma.answer(call, extension)
    zadarma.advance(seconds)
    zadarma.hang_up(call)
    zadarma.advance(10)
    return call


def test_a_wrong_signature_is_refused(zadarma):
    response = requests.get(zadarma.url + "/v1/info/balance/", headers={"Authorization": "testkey:wrong"}, timeout=5)
    assert response.status_code == 401
    assert response.json() == {"status": "error", "message": "Not authorized"}


def test_the_signature_covers_the_parameters(zadarma, api):
    sent = api.call("GET", "/v1/info/price/", number="442037691880").request
    sent.url = sent.url.replace("442037691880", "442037691881")
    assert requests.Session().send(sent).status_code == 401


@pytest.mark.parametrize("path", ["/v1/nothing/", "/v1/info/balance", "/v1/pbx/internal/100/"])
def test_an_unknown_method_is_404(api, path):
    response = api.call("GET", path)
    assert response.status_code == 404
    assert response.json()["message"] == "Wrong method name"


def test_an_array_in_a_form_is_verified_and_understood(zadarma, receiver, api):
    zadarma.set(events_url=receiver.url, hooks={"number_lookup": True})
    answer = api.call(
        "POST", "/v1/info/number_lookup/", **{"numbers[0]": "442037691880", "numbers[1]": "442037691881"}
    ).json()
    assert answer == {"status": "success"}
    zadarma.advance(3)
    (event,) = receiver.forms
    assert event["event"] == "NUMBER_LOOKUP"
    assert [each["number"] for each in json.loads(event["result"])] == ["442037691880", "442037691881"]


def test_a_multipart_form_is_verified_without_its_file(zadarma):
    path = "/v1/sms/send/"
    form = {"number": "4917012345678", "message": "Grüße & ~*"}
    header = "testkey:" + request_signature(path, list(form.items()), "secret")
    response = requests.post(
        zadarma.url + path, data=form, files={"file": b"x"}, headers={"Authorization": header}, timeout=5
    )
    assert response.json()["messages"] == 1


def test_every_reply_tells_the_limits(zadarma, api):
    headers = api.call("GET", "/v1/info/balance/").headers
    assert headers["X-Zadarma-Method"] == "/v1/info/balance/"
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("100", "99")
    assert 0 < int(headers["X-RateLimit-Reset"]) - zadarma.clock.now() <= 61


def test_the_hundred_and_first_request_of_a_minute_is_refused(zadarma, api):
    zadarma.set(rate_limit=5)
    codes = [api.call("GET", "/v1/info/balance/").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    refused = api.call("GET", "/v1/info/balance/")
    assert refused.json() == {"status": "error", "message": "You exceeded the rate limit"}
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    zadarma.advance(60)
    assert api.call("GET", "/v1/info/balance/").status_code == 200
    zadarma.set(rate_limit=1)
    assert api.call("GET", "/v1/info/balance/").status_code == 429
    zadarma.begin_minute()
    assert api.call("GET", "/v1/info/balance/").status_code == 200


def test_statistics_have_a_limit_of_three(api):
    codes = [api.call("GET", "/v1/statistics/pbx/").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    assert api.call("GET", "/v1/statistics/").status_code == 429
    assert api.call("GET", "/v1/info/balance/").status_code == 200


def test_a_callback_rings_the_extension_after_the_answer(zadarma, api):
    answer = api.get("/v1/request/callback/", **{"from": "1234-100", "to": "+4917012345678"})
    assert (answer["from"], answer["to"]) == (100, 4917012345678)
    assert answer["time"] == int(zadarma.clock.now())
    assert not zadarma.open_calls()
    zadarma.advance(1)
    assert len(zadarma.open_calls()) == 1


@pytest.mark.parametrize(
    ("source", "target"), [("999", "4917012345678"), ("100", "101"), ("100", "abc"), ("", "4917012345678")]
)
def test_a_callback_between_wrong_numbers_is_refused(api, source, target):
    response = api.call("GET", "/v1/request/callback/", **{"from": source, "to": target})
    assert response.status_code == 400
    assert response.json()["message"] == "Check your phone number"


@pytest.mark.parametrize(
    ("zone", "moment", "name", "local"),
    [
        ("Europe/Kyiv", datetime(2025, 7, 1, 9, tzinfo=timezone.utc), "UTC+3", "2025-07-01 12:00:00"),
        ("Europe/Kyiv", datetime(2025, 1, 1, 9, tzinfo=timezone.utc), "UTC+2", "2025-01-01 11:00:00"),
        ("UTC", datetime(2025, 1, 1, 9, tzinfo=timezone.utc), "UTC+0", "2025-01-01 09:00:00"),
        ("America/New_York", datetime(2025, 1, 1, 9, tzinfo=timezone.utc), "UTC-5", "2025-01-01 04:00:00"),
    ],
)
def test_the_zone_has_summer_time(zone, moment, name, local):
    with Simulator(stepped=True, now=moment.timestamp(), zone=zone) as simulator:
        answer = Client(simulator).get("/v1/info/timezone/")
    assert (answer["timezone"], answer["datetime"]) == (name, local)
    assert answer["unixtime"] == moment.timestamp()


def test_types_are_as_loose_as_documented(zadarma, api):
    zadarma.set_extension("102", online=False)
    assert api.get("/v1/pbx/internal/")["numbers"] == [100, 101, 102, 103, 104]
    assert api.get("/v1/pbx/internal/102/status/")["is_online"] == "false"
    info = api.get("/v1/pbx/internal/104/info/")
    assert (info["name"], info["record_store"]) == ("Home office", "false")
    assert api.get("/v1/direct_numbers/")["info"][0]["autorenew"] == "true"
    assert api.get("/v1/direct_numbers/number/", number="48221530000")["info"]["receive_sms"] is None


def test_recording_is_switched_by_the_api(zadarma, api):
    answer = api.call("PUT", "/v1/pbx/internal/recording/", id="104", status="on").json()
    assert (answer["internal_number"], answer["recording"]) == (104, "on")
    assert zadarma.exchange.extensions["104"].recording


def test_a_url_is_set_only_if_it_echoes(zadarma, receiver, api):
    zadarma.set(webhook_url="")
    receiver.echoes = False
    refused = api.call("POST", "/v1/pbx/callinfo/url/", url=receiver.url)
    assert refused.status_code == 400
    assert api.get("/v1/pbx/callinfo/")["url"] == ""
    receiver.echoes = True
    url = receiver.url + "?db=a b"
    assert api.post("/v1/pbx/callinfo/url/", url=url)["url"] == url
    assert api.get("/v1/pbx/callinfo/")["url"] == url
    assert api.call("DELETE", "/v1/pbx/callinfo/url/").json()["url"] == ""


def test_a_url_nobody_listens_on_is_refused(api):
    assert api.call("POST", "/v1/pbx/callinfo/url/", url="http://127.0.0.1:9/").status_code == 400


def test_flags_are_the_words_true_and_false(zadarma, api):
    answer = api.post("/v1/pbx/callinfo/notifications/", notify_end="false")
    assert answer["notifications"]["notify_end"] == "false"
    assert answer["notifications"]["notify_start"] == "true"
    assert api.call("POST", "/v1/pbx/callinfo/notifications/", notify_end="on").status_code == 400
    assert api.post("/v1/pbx/webhooks/hooks/", sms="true")["hooks"]["sms"] == "true"


def test_a_recording_is_linked_and_downloaded_without_a_signature(zadarma, api):
    call = talk(zadarma)
    by_call = api.get("/v1/pbx/record/request/", pbx_call_id=call)
    (record,) = zadarma.webhooks("NOTIFY_RECORD")
    by_id = api.get("/v1/pbx/record/request/", call_id=record.fields["call_id_with_rec"])
    assert "link" not in by_call and "links" not in by_id
    for link in (*by_call["links"], by_id["link"]):
        assert re.fullmatch(rf"{zadarma.url}/v1/pbx/record/download/\w+/[\d.]+\.mp3", link)
        download = requests.get(link, timeout=5)
        assert download.headers["Content-Type"] == "audio/mpeg"
        assert download.content == beeps(42)


def test_there_is_no_recording_before_the_notification(zadarma, api):
    call = zadarma.call_in("+4917012345678", to=["100"])
    zadarma.answer(call, "100")
    zadarma.advance(5)
    zadarma.hang_up(call)
    response = api.call("GET", "/v1/pbx/record/request/", pbx_call_id=call)
    assert (response.status_code, response.json()["message"]) == (404, "File not found")


def test_a_link_expires(zadarma, api):
    call = talk(zadarma)
    (link,) = api.get("/v1/pbx/record/request/", pbx_call_id=call, lifetime="180")["links"]
    zadarma.advance(181)
    assert requests.get(link, timeout=5).status_code == 404


def test_a_deleted_recording_is_gone(zadarma, api):
    call = talk(zadarma)
    answer = api.call("DELETE", "/v1/pbx/record/request/", pbx_call_id=call).json()
    assert len(answer["deleted_files"]) == 1
    assert api.call("GET", "/v1/pbx/record/request/", pbx_call_id=call).status_code == 404


@pytest.mark.parametrize(
    ("kind", "status", "mimetype"),
    [("not_found", 404, "application/json"), ("page", 200, "text/html"), ("huge", 200, "audio/mpeg")],
)
def test_a_download_can_go_wrong(zadarma, api, kind, status, mimetype):
    (link,) = api.get("/v1/pbx/record/request/", pbx_call_id=talk(zadarma))["links"]
    zadarma.api_faults.add(kind, "*/download/*", times=1)
    with requests.get(link, stream=True, timeout=5) as response:
        assert (response.status_code, response.headers["Content-Type"].partition(";")[0]) == (status, mimetype)
        assert (int(response.headers["Content-Length"]) > 300_000_000) == (kind == "huge")
    assert requests.get(link, timeout=5).content == beeps(42)


def test_an_mp3_consists_of_whole_frames():
    content = beeps(1.0)
    frames = [content[at : at + 144] for at in range(0, len(content), 144)]
    assert len(frames) == 28
    assert all(len(frame) == 144 and frame[:2] == b"\xff\xfb" for frame in frames)


def test_a_call_has_several_rows_with_the_same_id(zadarma, api):
    call = talk(zadarma)
    rows = api.get("/v1/statistics/pbx/", version="2")["stats"]
    assert [row["destination"] for row in rows] == ["442037691880", "100", "101"]
    assert {row["pbx_call_id"] for row in rows} == {call}
    assert [row["disposition"] for row in rows] == ["answered", "no answer", "answered"]
    assert rows[2]["seconds"] == 42 and rows[2]["is_recorded"] is True
    assert rows[1]["call_id"] == ""


def test_ids_in_statistics_are_numbers_with_all_their_digits(zadarma, api):
    talk(zadarma)
    text = api.call("GET", "/v1/statistics/pbx/").text
    recording = zadarma.webhooks("NOTIFY_RECORD")[0].fields["call_id_with_rec"]
    assert recording.endswith("0")
    assert f'"call_id": {recording},' in text


def test_statistics_are_paged_and_filtered(zadarma, api):
    zadarma.set(statistics_limit=100)
    zadarma.add_history(200, days=20)
    start = zadarma.exchange.local_time(zadarma.clock.now() - 25 * 86400)
    everything = api.get("/v1/statistics/pbx/", start=start)["stats"]
    pages = [
        api.get("/v1/statistics/pbx/", start=start, skip=str(skip), limit="100")["stats"]
        for skip in range(0, len(everything) + 100, 100)
    ]
    assert [row for page in pages for row in page] == everything
    incoming = api.get("/v1/statistics/pbx/", start=start, call_type="in")["stats"]
    assert incoming == [row for row in everything if row["pbx_call_id"].startswith("in_")]
    assert sorted(everything, key=lambda row: row["callstart"]) == everything


def test_never_more_than_a_thousand_rows_at_once(zadarma, api):
    zadarma.add_history(1500, days=2)
    start = zadarma.exchange.local_time(zadarma.clock.now() - 3 * 86400)
    assert len(api.get("/v1/statistics/pbx/", start=start, limit="5000")["stats"]) == 1000


def test_more_than_a_month_is_silently_cut(api):
    answer = api.get("/v1/statistics/pbx/", start="2025-01-01 00:00:00", end="2025-03-01 00:00:00")
    assert (answer["start"], answer["end"]) == ("2025-01-01 00:00:00", "2025-01-31 00:00:00")
    month = api.get("/v1/statistics/pbx/", start="2025-03-01 00:00:00", end="2025-03-31 23:59:59")
    assert month["end"] == "2025-03-31 23:59:59"


def test_rows_can_be_odd_and_are_corrected_afterwards(zadarma, api):
    call = talk(zadarma)
    zadarma.correct(call, seconds=45)
    zadarma.add_row(callstart="soon", seconds="many", sip=101)
    rows = api.get("/v1/statistics/pbx/")["stats"]
    assert [row["seconds"] for row in rows] == [45, 0, 45, "many"]
    assert rows[3] == {"callstart": "soon", "seconds": "many", "sip": 101}


def test_outgoing_calls_have_costs(zadarma, api):
    zadarma.play("outbound")
    (row,) = api.get("/v1/statistics/")["stats"]
    assert (row["billseconds"], row["billcost"]) == (120, 0.04)
    assert api.get("/v1/statistics/", cost_only="1")["stats"] == [{"cost": 0.04, "currency": "USD", "seconds": 120}]


def test_a_text_may_be_denied_in_a_success(zadarma, api):
    answer = api.post("/v1/sms/send/", number="4917012345678,12", message="Hallo")
    assert answer["messages"] == 1
    assert [each["number"] for each in answer["denied_numbers"]] == ["12"]
    assert zadarma.web.rest.sent_texts[0]["message"] == "Hallo"


@pytest.fixture
def recording(zadarma, api):
    """The id of a recording whose text may be asked for by hand."""
    api.call("PUT", "/v1/pbx/internal/recording/", id="101", status="on", speech_recognition="optional")
    talk(zadarma)
    return zadarma.webhooks("NOTIFY_RECORD")[0].fields["call_id_with_rec"]


def recognition(api, recording: str, **params: str) -> dict:
    return api.get("/v1/speech_recognition/", call_id=recording, **params)


def test_speech_is_recognized_after_a_while(zadarma, receiver, api, recording):
    zadarma.set(events_url=receiver.url, hooks={"speech_recognition": True})
    assert recognition(api, recording)["recognitionStatus"] == "ready for recognize"
    api.call("PUT", "/v1/speech_recognition/", call_id=recording, lang="de-DE")
    assert recognition(api, recording)["recognitionStatus"] == "in progress"
    zadarma.advance(5)
    assert recognition(api, recording)["recognitionStatus"] == "recognized"
    assert receiver.events[-1] == "SPEECH_RECOGNITION"
    assert receiver.forms[-1]["lang"] == "de-DE"


def test_words_have_times_and_phrases_have_none(zadarma, api, recording):
    api.call("PUT", "/v1/speech_recognition/", call_id=recording)
    zadarma.advance(5)
    words = recognition(api, recording, **{"return": "words"})["words"]
    assert [group["channel"] for group in words[:2]] == [1, 2]
    assert words[0]["result"][:2] == [{"s": 0.2, "e": 0.6, "w": "good"}, {"s": 0.6, "e": 1.0, "w": "morning"}]
    assert words[-1]["result"][0]["s"] < 42
    phrases = recognition(api, recording)["phrases"]
    assert phrases[0] == {"result": "Good morning, this is the service desk.", "channel": 1}


def test_recognition_may_fail_and_be_asked_for_again(zadarma, api, recording):
    zadarma.set(recognition_result="error")
    api.call("PUT", "/v1/speech_recognition/", call_id=recording)
    zadarma.advance(5)
    assert recognition(api, recording)["recognitionStatus"] == "error"
    api.call("PUT", "/v1/speech_recognition/", call_id=recording)
    assert recognition(api, recording)["recognitionStatus"] == "in progress"
    zadarma.set(recognition_result="nothing")
    zadarma.advance(5)
    assert recognition(api, recording, **{"return": "words"})["words"] == []


def test_recordings_may_be_recognized_by_themselves(zadarma, api):
    api.call("PUT", "/v1/pbx/internal/recording/", id="101", status="on", speech_recognition="all")
    talk(zadarma)
    recording = zadarma.webhooks("NOTIFY_RECORD")[0].fields["call_id_with_rec"]
    zadarma.advance(5)
    assert recognition(api, recording)["recognitionStatus"] == "recognized"


def test_speech_of_an_extension_without_recognition_is_not_available(zadarma, api, recording):
    api.call("PUT", "/v1/pbx/internal/recording/", id="101", status="on", speech_recognition="off")
    assert recognition(api, recording)["recognitionStatus"] == "not available for recognize"
    assert api.call("PUT", "/v1/speech_recognition/", call_id=recording).status_code == 400


def test_a_key_of_the_web_telephone_is_for_extensions_only(api):
    api.post("/v1/webrtc/create/", domain="crm.example.com")
    assert api.get("/v1/webrtc/")["domains"] == ["crm.example.com"]
    assert api.get("/v1/webrtc/get_key/", sip="1234-100")["key"]
    assert api.call("GET", "/v1/webrtc/get_key/", sip="4321-100").status_code == 404
    assert api.call("DELETE", "/v1/webrtc/domain/", domain="crm.example.com").status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"), [("rate_limit", 429), ("unauthorized", 401), ("error_500", 500), ("html_502", 502)]
)
def test_a_fault_changes_the_status(zadarma, api, kind, status):
    zadarma.api_fault(kind, "/v1/info/*", times=1)
    assert api.call("GET", "/v1/tariff/").status_code == 200
    assert api.call("GET", "/v1/info/balance/").status_code == status
    assert api.call("GET", "/v1/info/balance/").status_code == 200


def test_the_rate_limit_may_come_as_200(zadarma, api):
    zadarma.api_fault("rate_limit_200")
    response = api.call("GET", "/v1/info/balance/")
    assert response.status_code == 200
    assert "rate limit" in response.json()["message"]


@pytest.mark.parametrize("kind", ["garbage", "truncated"])
def test_a_fault_makes_the_answer_unreadable(zadarma, api, kind):
    zadarma.api_fault(kind)
    response = api.call("GET", "/v1/info/balance/")
    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()


def test_types_can_be_wrong(zadarma, api):
    zadarma.api_fault("wrong_types")
    answer = api.call("GET", "/v1/pbx/internal/").json()
    assert answer["pbx_id"] == "1234"
    assert answer["numbers"] == {"0": "100", "1": "101", "2": "102", "3": "103", "4": "104"}


@pytest.mark.parametrize("kind", ["cut", "reset", "hang"])
def test_the_connection_can_be_lost(zadarma, api, kind):
    zadarma.api_fault(kind, seconds=0.01)
    with pytest.raises(requests.RequestException):
        api.call("GET", "/v1/info/balance/")


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_the_answer_can_take_its_time(zadarma, api, kind):
    zadarma.api_fault(kind, seconds=0.1)
    response = api.call("GET", "/v1/info/balance/")
    assert response.json()["balance"] == 10.34


def test_the_log_has_both_sides_of_a_request(zadarma, api):
    api.call("GET", "/v1/info/price/", number="442037691880")
    entry = zadarma.log.entries(direction="api")[-1]
    assert entry.title == "GET /v1/info/price/"
    assert entry.fields == {"number": "442037691880"}
    assert entry.status == 200 and '"success"' in entry.response_body
    assert entry.request_headers["Authorization"].startswith("testkey:")
