"""The vectors that were computed with the provider's own client code."""

import pytest

from .signatures import (
    canonical_query,
    decode_pairs,
    event_signature,
    is_authorized,
    request_signature,
    sign,
)

CALL = "in_b9ece52e1505a214e6ba05f93430ec60bd5213bf"

# name: path, query or body as some client may send it, canonical query, signature
REQUESTS = {
    "A1": ("/v1/info/balance/", "", "", "OWQ0OGFkZTViODVlOTVjZDNkZTI3ZWU3MmNlOTc1ZTIzZWY1MzJiZA=="),
    "A2": (
        "/v1/info/balance/",
        "format=json",
        "format=json",
        "ZDUxZTZlNWQzNzM4NTkzODc5NTQwNTgzZDEwOWNhZDU3OTE0MjdlZA==",
    ),
    "A3": (
        "/v1/request/callback/",
        "to=%2B4917012345678&from=100",
        "from=100&to=%2B4917012345678",
        "MDk1YTEyMGE2ZmVhNjFjMWY4YzZlYjRkYWI2ZDFjMmY2ODIzMDc3MQ==",
    ),
    "A4": (
        "/v1/request/callback/",
        "from=100&to=%2B4917012345678&sip=100&predicted=predicted&format=json",
        "format=json&from=100&predicted=predicted&sip=100&to=%2B4917012345678",
        "Y2FlNjg5ODc2YjhjMWRkZWNhOTM2Njg2ZDA0YzQ0MjY0YzRmNGVhYg==",
    ),
    "A5": (
        "/v1/statistics/pbx/",
        "start=2025-03-01%2000:00:00&end=2025-03-31+23:59:59&version=2&skip=0&limit=1000",
        "end=2025-03-31+23%3A59%3A59&limit=1000&skip=0&start=2025-03-01+00%3A00%3A00&version=2",
        "OWViY2I2ODZmNmFmNjcwYTFhNmViZTQxYTk4YTZhMzYwMDFmMzhlYQ==",
    ),
    "A6": (
        "/v1/sms/send/",
        "number=4917012345678&message=Gr%C3%BC%C3%9Fe%20%26%20100%25%20~*!'()%5B%5D/?:@=%2B,%3B$%20ok%0AZ.2_-",
        "message=Gr%C3%BC%C3%9Fe+%26+100%25+%7E%2A%21%27%28%29%5B%5D%2F%3F%3A%40%3D%2B%2C%3B"
        "%24+ok%0AZ.2_-&number=4917012345678",
        "NzFjOTc2ODU1N2ZhYjIxMGJhZTI3NGIzY2NmZDM1YzU4OGRmMjhmMw==",
    ),
    "A7": (
        "/v1/pbx/callinfo/notifications/",
        "notify_start=true&notify_internal=true&notify_end=true&notify_out_start=true"
        "&notify_out_end=true&notify_answer=true",
        "notify_answer=true&notify_end=true&notify_internal=true&notify_out_end=true"
        "&notify_out_start=true&notify_start=true",
        "ZjYwMGI4ZDRmNGYwNGY2MWY0NzAxYjc1YmQxZTY1YzM0ZjhhNGRhMg==",
    ),
    "A8": (
        "/v1/pbx/ivr/scenario/edit/",
        "id=1&numbers[0][number]=100&numbers[0][delay]=0&numbers[1][number]=101&numbers[1][delay]=5&flag=1&off=0",
        "flag=1&id=1&numbers%5B0%5D%5Bnumber%5D=100&numbers%5B0%5D%5Bdelay%5D=0"
        "&numbers%5B1%5D%5Bnumber%5D=101&numbers%5B1%5D%5Bdelay%5D=5&off=0",
        "MjkwNGE2MThkM2M4ZDVlMjVmMDg2NTgwZjZkNGZhMmQ3ZjU1ZTMwNg==",
    ),
    "A9": (
        "/v1/pbx/record/request/",
        f"pbx_call_id={CALL}&lifetime=5184000",
        f"lifetime=5184000&pbx_call_id={CALL}",
        "OTYzYTI1ZDZiOGI3YWZkODFiZDk1MzFjZGY4YjRjOTI2MWQ0NmM3Yg==",
    ),
    "A10": (
        "/v1/pbx/callinfo/url/",
        "url=https://crm.example.com/zadarma/webhook?db=prod%26token=a b",
        "url=https%3A%2F%2Fcrm.example.com%2Fzadarma%2Fwebhook%3Fdb%3Dprod%26token%3Da+b",
        "OTk2OTczZjY5YWQ2MzcwZTY5MzJkODgzNjE5NDExNzdmMjhkNjcxMw==",
    ),
    "A11": ("/v1/webrtc/get_key/", "sip=100", "sip=100", "Yjg2MTJjMTk4MGQwMDU1NWI5ZTdjMGFjOTcyNzg0MWE3MGM1ZWUxMg=="),
    "A12": (
        "/v1/pbx/internal/recording/",
        "status=on&id=100",
        "id=100&status=on",
        "ZjA2YTcwODkxZDljMGFmYzI3YmZiNmMyMzBhYzk1Njg1NDgyYmE4Mg==",
    ),
    "A13": ("/v1/pbx/internal/100/status/", "", "", "ODZlMzRhYTlkMDU2MWJjNTNjZjQ3MTY5MmFhZWMwODM1NzFjN2QzZg=="),
    "A14": (
        "/v1/info/number_lookup/",
        "numbers[0]=442037691880&numbers[1]=442037691881",
        "numbers%5B0%5D=442037691880&numbers%5B1%5D=442037691881",
        "OWNhNDQ2ZWI0YTVhNWY3ZDliMWRlNmVjZDcxM2YxZmM4N2M2ZmM5Nw==",
    ),
    "A15": ("/v1/zcrm/users", "take=20", "take=20", "NmI5MzgzYjhmMTAwN2Y1Y2ViMTQ3MmJkMWI3YzA2YmU4ODcwZTEzNQ=="),
    "A16": ("/v1/info/balance", "", "", "NmRkNGZiOTg1OGUxZDRmZDBiMjE0ZTI0NjBlMjMwZDIwMTc3YTQzYQ=="),
}

# Vectors of another developer, with another secret
OTHERS = [
    (
        "/v1/request/callback/",
        "from=499499-100&sip=499499-100&to=50688887777",
        "OGIxZDkyNzJmNzQzMmQwNzUzMTJlYjhmMTM4NGU2MzgxY2VhODhhOQ==",
    ),
    ("/v1/webrtc/get_key/", "sip=499499-101", "MmJmM2RmMjEwZTVjZWQ4NzIzODBlNjcwNmFjOWMxMmE1ZjY5MmNiZQ=="),
    ("/v1/info/balance/", "", "NjlkOTQzYjZhNzRhMmZjZjQ1YTY5MjYxYzE1YTM1YTEwMWE3ZWMxOA=="),
]

_INBOUND = {
    "caller_id": "+4917012345678",
    "called_did": "493012345678",
    "call_start": "2025-03-01 10:00:00",
    "pbx_call_id": CALL,
}
_INBOUND_SIGNATURE = "MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ=="
_OUTBOUND = {"internal": "100", "destination": "+4917012345678", "call_start": "2025-03-01 11:00:00"}
_OUTBOUND_SIGNATURE = "NWJhZmFkZDNiM2FhNTE2MTZjYjdlYTk0YjRiYmRkZTVmODM5YjJkZA=="

EVENTS = [
    ("NOTIFY_START", _INBOUND, _INBOUND_SIGNATURE),
    ("NOTIFY_INTERNAL", {**_INBOUND, "internal": "101"}, _INBOUND_SIGNATURE),
    ("NOTIFY_END", {**_INBOUND, "internal": "101", "duration": "42"}, _INBOUND_SIGNATURE),
    ("NOTIFY_IVR", _INBOUND, _INBOUND_SIGNATURE),
    (
        "NOTIFY_ANSWER",
        {"caller_id": "+4917012345678", "destination": "101", "call_start": "2025-03-01 10:00:00"},
        "MjlmZjcxNjk1YTRhMjAxMTc2NDdmNTU4ZDhhNGJkYzc4Njk4M2M4ZA==",
    ),
    ("NOTIFY_OUT_START", _OUTBOUND, _OUTBOUND_SIGNATURE),
    ("NOTIFY_OUT_END", _OUTBOUND, _OUTBOUND_SIGNATURE),
    (
        "NOTIFY_OUT_START",
        {k: v for k, v in _OUTBOUND.items() if k != "internal"},
        "ODY3MTc1YzkyYjU3YzBlNzFjMTczMzI3NmQyZTM3MWU3YjI0YjcwZA==",
    ),
    (
        "NOTIFY_RECORD",
        {"pbx_call_id": CALL, "call_id_with_rec": "1740823200.1234"},
        "NjRiNzE5MWQ4NmYyN2E0OWE4YTc5ZGQzY2IxZjNlMjRiYmIwZjUyNw==",
    ),
    (
        "SMS",
        {"result": '{"caller_id":"4917012345678","caller_did":"493012345678","text":"Hallo \\u00fc"}'},
        "MTA5YWQzZWNjYzEzMjg4MzYyM2Q5NDMzYmZlMDQxYzE2ODM4ZWE3Yw==",
    ),
    (
        "SMS",
        {"result": '{"caller_id":"4917012345678","caller_did":"493012345678","text":"Hallo ü"}'},
        "YWFiMTM5ZTkzNWM4ZWFiOTBmMTcxNDIwODYzMmZjZTc2MGVlZjFmMg==",
    ),
    (
        "NUMBER_LOOKUP",
        {
            "result": '[{"mcc":"262","mnc":"01","mccName":"Germany","mncName":'
            '"Telekom","ported":false,"roaming":false,'
            '"errorDescription":"success"}]'
        },
        "MzhkMjkzZTE1Y2EwZGI2YjVkMGM3ZTI2Yjk4ZDI3M2M5NzY0ZjU3Mg==",
    ),
]


@pytest.mark.parametrize("vector", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_signed_as_the_vector_says(vector):
    path, sent, canonical, signature = vector
    pairs = decode_pairs(sent)
    assert canonical_query(pairs) == canonical
    assert request_signature(path, pairs, "secret") == signature
    assert is_authorized(f"testkey:{signature}", path, pairs, "testkey", "secret")


@pytest.mark.parametrize(("path", "sent", "signature"), OTHERS)
def test_vectors_of_another_developer_are_reproduced(path, sent, signature):
    assert request_signature(path, decode_pairs(sent), "sk000000000000000000") == signature


@pytest.mark.parametrize(("event", "fields", "signature"), EVENTS)
def test_an_event_is_signed_as_the_vector_says(event, fields, signature):
    assert event_signature(event, fields, "secret") == signature


def test_the_raw_digest_is_not_accepted():
    header = "testkey:nUit5bhelc094n7nLOl14j71Mr0="
    assert not is_authorized(header, "/v1/info/balance/", [], "testkey", "secret")


def test_a_blank_after_the_colon_is_accepted():
    header = f"testkey: {REQUESTS['A1'][3]}"
    assert is_authorized(header, "/v1/info/balance/", [], "testkey", "secret")


def test_an_empty_secret_authorizes_nobody():
    header = f"testkey:{request_signature('/v1/info/balance/', [], '')}"
    assert not is_authorized(header, "/v1/info/balance/", [], "testkey", "")


def test_a_signature_has_56_characters():
    assert len(sign("", "secret")) == 56
