import base64
import hashlib
import hmac
from unittest.mock import patch
from urllib.parse import parse_qsl

from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.signature import SIGNED_FIELDS, authorization, php_query, verify_webhook, webhook_signature

SECRET = "secret"
CALL_ID = "in_b9ece52e1505a214e6ba05f93430ec60bd5213bf"
EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
# Made with Zadarma's own PHP client, key "testkey", secret "secret":
# name, path, parameters, query, MD5 of the query where it was written down, signature.
REQUESTS = [
    (
        "A1",
        "/v1/info/balance/",
        {},
        "",
        EMPTY_MD5,
        "OWQ0OGFkZTViODVlOTVjZDNkZTI3ZWU3MmNlOTc1ZTIzZWY1MzJiZA==",
    ),
    (
        "A2",
        "/v1/info/balance/",
        {"format": "json"},
        "format=json",
        "0cce6c99b4e629aa977d00c2fece8a23",
        "ZDUxZTZlNWQzNzM4NTkzODc5NTQwNTgzZDEwOWNhZDU3OTE0MjdlZA==",
    ),
    (
        "A3",
        "/v1/request/callback/",
        {"from": "100", "to": "+4917012345678"},
        "from=100&to=%2B4917012345678",
        "15dfee339c2032558a681a08f5e9e166",
        "MDk1YTEyMGE2ZmVhNjFjMWY4YzZlYjRkYWI2ZDFjMmY2ODIzMDc3MQ==",
    ),
    (
        "A4",
        "/v1/request/callback/",
        {"from": 100, "to": "+4917012345678", "sip": "100", "predicted": "predicted", "format": "json"},
        "format=json&from=100&predicted=predicted&sip=100&to=%2B4917012345678",
        "f735a8c84a2f03e4a457c1e0fa16443f",
        "Y2FlNjg5ODc2YjhjMWRkZWNhOTM2Njg2ZDA0YzQ0MjY0YzRmNGVhYg==",
    ),
    (
        "A5",
        "/v1/statistics/pbx/",
        {"start": "2025-03-01 00:00:00", "end": "2025-03-31 23:59:59", "version": 2, "skip": 0, "limit": 1000},
        "end=2025-03-31+23%3A59%3A59&limit=1000&skip=0&start=2025-03-01+00%3A00%3A00&version=2",
        "6f9dbfe3e373cff9480335215306d91c",
        "OWViY2I2ODZmNmFmNjcwYTFhNmViZTQxYTk4YTZhMzYwMDFmMzhlYQ==",
    ),
    (
        "A6",
        "/v1/sms/send/",
        {"number": "4917012345678", "message": "Grüße & 100% ~*!'()[]/?:@=+,;$ ok\nZ.2_-"},
        "message=Gr%C3%BC%C3%9Fe+%26+100%25+%7E%2A%21%27%28%29%5B%5D%2F%3F%3A%40%3D%2B%2C%3B%24+ok%0AZ.2_-"
        "&number=4917012345678",
        "7d068c2f546459f4415f912179d20560",
        "NzFjOTc2ODU1N2ZhYjIxMGJhZTI3NGIzY2NmZDM1YzU4OGRmMjhmMw==",
    ),
    (
        "A7",
        "/v1/pbx/callinfo/notifications/",
        dict.fromkeys(
            ("notify_start", "notify_internal", "notify_end", "notify_out_start", "notify_out_end", "notify_answer"),
            "true",
        ),
        "notify_answer=true&notify_end=true&notify_internal=true&notify_out_end=true&notify_out_start=true"
        "&notify_start=true",
        "317247854c83e4b977e3abc545b88d1a",
        "ZjYwMGI4ZDRmNGYwNGY2MWY0NzAxYjc1YmQxZTY1YzM0ZjhhNGRhMg==",
    ),
    (
        "A8",
        "/v1/pbx/ivr/scenario/edit/",
        {
            "id": 1,
            "numbers": [{"number": "100", "delay": 0}, {"number": "101", "delay": 5}],
            "flag": True,
            "off": False,
            "nul": None,
        },
        "flag=1&id=1&numbers%5B0%5D%5Bnumber%5D=100&numbers%5B0%5D%5Bdelay%5D=0&numbers%5B1%5D%5Bnumber%5D=101"
        "&numbers%5B1%5D%5Bdelay%5D=5&off=0",
        "135700180334f86906ae776321013362",
        "MjkwNGE2MThkM2M4ZDVlMjVmMDg2NTgwZjZkNGZhMmQ3ZjU1ZTMwNg==",
    ),
    (
        "A9",
        "/v1/pbx/record/request/",
        {"pbx_call_id": CALL_ID, "lifetime": 5184000},
        f"lifetime=5184000&pbx_call_id={CALL_ID}",
        "59888826b1476350fe745b1abc669bda",
        "OTYzYTI1ZDZiOGI3YWZkODFiZDk1MzFjZGY4YjRjOTI2MWQ0NmM3Yg==",
    ),
    (
        "A10",
        "/v1/pbx/callinfo/url/",
        {"url": "https://crm.example.com/zadarma/webhook?db=prod&token=a b"},
        "url=https%3A%2F%2Fcrm.example.com%2Fzadarma%2Fwebhook%3Fdb%3Dprod%26token%3Da+b",
        "f81dde79df64bb80f081343b495fea73",
        "OTk2OTczZjY5YWQ2MzcwZTY5MzJkODgzNjE5NDExNzdmMjhkNjcxMw==",
    ),
    (
        "A11",
        "/v1/webrtc/get_key/",
        {"sip": "100"},
        "sip=100",
        None,
        "Yjg2MTJjMTk4MGQwMDU1NWI5ZTdjMGFjOTcyNzg0MWE3MGM1ZWUxMg==",
    ),
    (
        "A12",
        "/v1/pbx/internal/recording/",
        {"id": "100", "status": "on"},
        "id=100&status=on",
        None,
        "ZjA2YTcwODkxZDljMGFmYzI3YmZiNmMyMzBhYzk1Njg1NDgyYmE4Mg==",
    ),
    (
        "A13",
        "/v1/pbx/internal/100/status/",
        {},
        "",
        EMPTY_MD5,
        "ODZlMzRhYTlkMDU2MWJjNTNjZjQ3MTY5MmFhZWMwODM1NzFjN2QzZg==",
    ),
    (
        "A14",
        "/v1/info/number_lookup/",
        {"numbers": [442037691880, 442037691881]},
        "numbers%5B0%5D=442037691880&numbers%5B1%5D=442037691881",
        None,
        "OWNhNDQ2ZWI0YTVhNWY3ZDliMWRlNmVjZDcxM2YxZmM4N2M2ZmM5Nw==",
    ),
    (
        "A15",
        "/v1/zcrm/users",
        {"take": 20},
        "take=20",
        None,
        "NmI5MzgzYjhmMTAwN2Y1Y2ViMTQ3MmJkMWI3YzA2YmU4ODcwZTEzNQ==",
    ),
    (
        "A16",
        "/v1/info/balance",
        {},
        "",
        EMPTY_MD5,
        "NmRkNGZiOTg1OGUxZDRmZDBiMjE0ZTI0NjBlMjMwZDIwMTc3YTQzYQ==",
    ),
]
# Made by other people with another client, secret "sk000000000000000000".
CROSS_CHECKS = [
    (
        "/v1/request/callback/",
        {"from": "499499-100", "sip": "499499-100", "to": "50688887777"},
        "OGIxZDkyNzJmNzQzMmQwNzUzMTJlYjhmMTM4NGU2MzgxY2VhODhhOQ==",
    ),
    ("/v1/webrtc/get_key/", {"sip": "499499-101"}, "MmJmM2RmMjEwZTVjZWQ4NzIzODBlNjcwNmFjOWMxMmE1ZjY5MmNiZQ=="),
    ("/v1/info/balance/", {}, "NjlkOTQzYjZhNzRhMmZjZjQ1YTY5MjYxYzE1YTM1YTEwMWE3ZWMxOA=="),
]

START = f"call_start=2025-03-01+10%3A00%3A00&pbx_call_id={CALL_ID}&caller_id=%2B4917012345678&called_did=493012345678"
ANSWER = (
    "event=NOTIFY_ANSWER&caller_id=%2B4917012345678&destination=101&call_start=2025-03-01+10%3A00%3A00"
    f"&pbx_call_id={CALL_ID}&internal=101"
)
OUT = (
    "call_start=2025-03-01+11%3A00%3A00&pbx_call_id=out_dcb2000000000000000000000000000000005068"
    "&destination=%2B4917012345678&caller_id=0"
)
SMS = '{"caller_id":"4917012345678","caller_did":"493012345678","text":"Hallo %s"}'
LOOKUP = (
    '[{"mcc":"262","mnc":"01","mccName":"Germany","mncName":"Telekom","ported":false,"roaming":false,'
    '"errorDescription":"success"}]'
)
INBOUND_SIGNATURE = ("MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ==", "ITUWkW3PcnJilc1N5UAWRxJ0cdE=")
OUT_SIGNATURE = ("NWJhZmFkZDNiM2FhNTE2MTZjYjdlYTk0YjRiYmRkZTVmODM5YjJkZA==", "W6+t07OqUWFst+qUtLvd5fg5st0=")


def decoded(body):
    """Return the fields of a form as a server sees them."""
    return dict(parse_qsl(body, keep_blank_values=True))


# Made with Zadarma's own PHP client, secret "secret": name, form, what is signed, hexadecimal digest, signature,
# signature by the raw digest where it was written down.
EVENTS = [
    (
        "START",
        decoded(f"event=NOTIFY_START&{START}"),
        "+49170123456784930123456782025-03-01 10:00:00",
        "213516916dcf72726295cd4de5401647127471d1",
        *INBOUND_SIGNATURE,
    ),
    (
        "INTERNAL",
        decoded(f"event=NOTIFY_INTERNAL&{START}&internal=101"),
        "+49170123456784930123456782025-03-01 10:00:00",
        "213516916dcf72726295cd4de5401647127471d1",
        *INBOUND_SIGNATURE,
    ),
    (
        "END",
        decoded(
            f"event=NOTIFY_END&{START}&internal=101&duration=42&disposition=answered&status_code=16&is_recorded=1"
            "&call_id_with_rec=1740823200.1234"
        ),
        "+49170123456784930123456782025-03-01 10:00:00",
        "213516916dcf72726295cd4de5401647127471d1",
        *INBOUND_SIGNATURE,
    ),
    (
        "IVR",
        decoded(
            f"event=NOTIFY_IVR&{START}&wait_dtmf%5Bname%5D=menu&wait_dtmf%5Bdigits%5D=1"
            "&wait_dtmf%5Bdefault_behaviour%5D="
        ),
        "+49170123456784930123456782025-03-01 10:00:00",
        "213516916dcf72726295cd4de5401647127471d1",
        *INBOUND_SIGNATURE,
    ),
    (
        "ANSWER",
        decoded(ANSWER),
        "+49170123456781012025-03-01 10:00:00",
        "29ff71695a4a20117647f558d8a4bdc786983c8d",
        "MjlmZjcxNjk1YTRhMjAxMTc2NDdmNTU4ZDhhNGJkYzc4Njk4M2M4ZA==",
        "Kf9xaVpKIBF2R/VY2KS9x4aYPI0=",
    ),
    (
        "OUT_START",
        decoded(f"event=NOTIFY_OUT_START&{OUT}&internal=100"),
        "100+49170123456782025-03-01 11:00:00",
        "5bafadd3b3aa51616cb7ea94b4bbdde5f839b2dd",
        *OUT_SIGNATURE,
    ),
    (
        "OUT_END",
        decoded(f"event=NOTIFY_OUT_END&{OUT}&internal=100&duration=0&disposition=cancel&status_code=16&is_recorded=0"),
        "100+49170123456782025-03-01 11:00:00",
        "5bafadd3b3aa51616cb7ea94b4bbdde5f839b2dd",
        *OUT_SIGNATURE,
    ),
    (
        "OUT_START without internal",
        decoded(f"event=NOTIFY_OUT_START&{OUT}"),
        "+49170123456782025-03-01 11:00:00",
        "867175c92b57c0e71c1733276d2e371e7b24b70d",
        "ODY3MTc1YzkyYjU3YzBlNzFjMTczMzI3NmQyZTM3MWU3YjI0YjcwZA==",
        "hnF1yStXwOccFzMnbS43Hnsktw0=",
    ),
    (
        "RECORD",
        decoded(f"event=NOTIFY_RECORD&call_id_with_rec=1740823200.1234&pbx_call_id={CALL_ID}"),
        f"{CALL_ID}1740823200.1234",
        "64b7191d86f27a49a8a79dd3cb1f3e24bbb0f527",
        "NjRiNzE5MWQ4NmYyN2E0OWE4YTc5ZGQzY2IxZjNlMjRiYmIwZjUyNw==",
        "ZLcZHYbyekmop53Tyx8+JLuw9Sc=",
    ),
    (
        "SMS with an escape",
        {"event": "SMS", "result": SMS % "\\u00fc"},
        SMS % "\\u00fc",
        "109ad3eccc132883623d9433bfe041c16838ea7c",
        "MTA5YWQzZWNjYzEzMjg4MzYyM2Q5NDMzYmZlMDQxYzE2ODM4ZWE3Yw==",
        None,
    ),
    (
        "SMS in UTF-8",
        {"event": "SMS", "result": SMS % "ü"},
        SMS % "ü",
        "aab139e935c8eab90f1714208632fce760eef1f2",
        "YWFiMTM5ZTkzNWM4ZWFiOTBmMTcxNDIwODYzMmZjZTc2MGVlZjFmMg==",
        None,
    ),
    (
        "NUMBER_LOOKUP",
        {"event": "NUMBER_LOOKUP", "result": LOOKUP},
        LOOKUP,
        "38d293e15ca0db6b5d0c7e26b98d273c9764f572",
        "MzhkMjkzZTE1Y2EwZGI2YjVkMGM3ZTI2Yjk4ZDI3M2M5NzY0ZjU3Mg==",
        None,
    ),
]


def sign(secret, text):
    """Sign as the documentation tells, without the code under test."""
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).hexdigest().encode()).decode()


class TestRequestSignature(BaseCase):
    def test_requests_are_signed_as_zadarmas_own_client_does(self):
        for name, path, params, query, checksum, signature in REQUESTS:
            with self.subTest(name):
                self.assertEqual(php_query(params), query)
                if checksum:
                    self.assertEqual(hashlib.md5(query.encode()).hexdigest(), checksum)
                self.assertEqual(authorization("testkey", SECRET, path, php_query(params)), f"testkey:{signature}")

    def test_signatures_that_others_published_are_reproduced(self):
        for path, params, signature in CROSS_CHECKS:
            with self.subTest(path):
                header = authorization("testkey", "sk000000000000000000", path, php_query(params))
                self.assertEqual(header, f"testkey:{signature}")

    def test_query_is_that_of_php(self):
        for params, query in (
            ({"a": "~"}, "a=%7E"),
            ({"a": "-_.~*"}, "a=-_.%7E%2A"),
            ({"a b": "c d"}, "a+b=c+d"),
            ({"b": 1, "a": 2, "B": 3}, "B=3&a=2&b=1"),
            ({"a": None, "b": ""}, "b="),
            ({"a": []}, ""),
            ({"a": (True, None, "x")}, "a%5B0%5D=1&a%5B2%5D=x"),
            ({"a": {"z": 1, "b": 2}}, "a%5Bz%5D=1&a%5Bb%5D=2"),
        ):
            with self.subTest(query):
                self.assertEqual(php_query(params), query)

    @settings(derandomize=True, deadline=None, max_examples=100)
    @given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
    def test_query_tells_the_values_unchanged(self, params):
        self.assertEqual(dict(parse_qsl(php_query(params), keep_blank_values=True)), params)
        self.assertRegex(php_query(params), r"\A[A-Za-z0-9_.%+&=-]*\Z")


class TestWebhookSignature(BaseCase):
    def test_official_vectors_are_accepted(self):
        for name, fields, signed, digest, signature, raw in EVENTS:
            with self.subTest(name):
                self.assertEqual(hmac.new(b"secret", signed.encode(), hashlib.sha1).hexdigest(), digest)
                self.assertEqual(webhook_signature(SECRET, fields), signature)
                self.assertTrue(verify_webhook(SECRET, fields, signature))
                raw = raw or base64.b64encode(bytes.fromhex(digest)).decode()
                self.assertTrue(verify_webhook(SECRET, fields, raw))

    def test_one_bit_in_a_signed_field_is_noticed(self):
        for name, fields, _signed, _digest, signature, _raw in EVENTS:
            for field in SIGNED_FIELDS[fields["event"]]:
                value = fields.get(field, "")
                changed = [value[:i] + chr(ord(c) ^ 1) + value[i + 1 :] for i, c in enumerate(value)]
                changed += [value + "0", value + " ", value + "\x00"]
                for text in changed:
                    with self.subTest(name, field=field, text=text):
                        self.assertFalse(verify_webhook(SECRET, {**fields, field: text}, signature))

    def test_one_character_of_the_signature_is_noticed(self):
        for name, fields, _signed, _digest, signature, _raw in EVENTS:
            for i, c in enumerate(signature):
                changed = signature[:i] + ("A" if c != "A" else "B") + signature[i + 1 :]
                with self.subTest(name, position=i):
                    self.assertFalse(verify_webhook(SECRET, fields, changed))

    def test_fields_that_are_not_signed_do_not_matter(self):
        for name, fields, _signed, _digest, signature, _raw in EVENTS:
            with self.subTest(name):
                self.assertTrue(verify_webhook(SECRET, {**fields, "duration": "1", "new": "field"}, signature))

    def test_signature_of_another_event_or_account_is_refused(self):
        _name, start, _signed, _digest, signature, _raw = EVENTS[0]
        self.assertFalse(verify_webhook(SECRET, {**start, "event": "NOTIFY_ANSWER"}, signature))
        self.assertFalse(verify_webhook("secre", start, signature))
        self.assertFalse(verify_webhook("Secret", start, signature))
        self.assertFalse(verify_webhook("secret ", start, signature))

    def test_anything_else_as_signature_is_refused(self):
        name, fields, signed, digest, signature, _raw = EVENTS[0]
        for received in (
            "",
            " ",
            "\t",
            "=" * 56,
            "A" * 4096,
            signature + signature,
            signature + " ",
            " " + signature,
            signature.lower(),
            signature.rstrip("="),
            f"{signature},{signature}",
            digest,
            signed,
            "ü" * 56,
            "MjEz\x00",
            "\udcff\udc80",
            "\ud800",
            "签名",
            base64.b64encode(signature.encode()).decode(),
        ):
            with self.subTest(name, received=ascii(received)[:60]):
                self.assertIs(verify_webhook(SECRET, fields, received), False)

    def test_empty_or_blank_secret_refuses_even_what_was_signed_with_it(self):
        for secret in ("", " ", "\t\r\n", "\u00a0", "   "):
            for name, fields, signed, _digest, _signature, _raw in EVENTS:
                raw = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()
                for received in (sign(secret, signed), sign("", signed), raw, ""):
                    with self.subTest(name, secret=secret, received=received):
                        self.assertFalse(verify_webhook(secret, fields, received))

    def test_event_in_which_nothing_is_signed_is_refused(self):
        for event in (*SIGNED_FIELDS, "NOTIFY_FOO", "", "DOCUMENT"):
            for fields in ({"event": event}, {"event": event, "caller_id": "", "result": "", "duration": "1"}):
                with self.subTest(event):
                    self.assertFalse(verify_webhook(SECRET, fields, sign(SECRET, "")))
        self.assertFalse(verify_webhook(SECRET, {}, sign(SECRET, "")))

    def test_unknown_event_is_authentic_if_signed_in_a_known_way(self):
        fields = {**EVENTS[1][1], "event": "NOTIFY_INTERNAL_END"}
        self.assertTrue(verify_webhook(SECRET, fields, INBOUND_SIGNATURE[0]))
        self.assertFalse(verify_webhook(SECRET, {**fields, "caller_id": "+4917012345679"}, INBOUND_SIGNATURE[0]))
        speech = {"event": "SPEECH_RECOGNITION", "lang": "en", "call_id": "1.2", "result": "{}"}
        self.assertTrue(verify_webhook(SECRET, speech, sign(SECRET, "{}")))
        self.assertFalse(verify_webhook(SECRET, speech, sign(SECRET, "en1.2{}")))

    def test_bytes_that_are_no_utf8_are_signed_as_they_came(self):
        fields = {"event": "SMS", "result": b'{"text":"\xff\xfc"}'.decode("utf-8", "surrogateescape")}
        digest = hmac.new(b"secret", b'{"text":"\xff\xfc"}', hashlib.sha1).hexdigest()
        self.assertTrue(verify_webhook(SECRET, fields, base64.b64encode(digest.encode()).decode()))

    def test_signatures_are_compared_as_bytes_in_constant_time(self):
        _name, fields, _signed, _digest, signature, raw = EVENTS[0]
        for received, verdict in ((signature, True), (raw, True), ("wrong", False), ("", False)):
            with self.subTest(received), patch.object(hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
                self.assertIs(verify_webhook(SECRET, fields, received), verdict)
                # Both forms are compared in any case, so that time does not tell which one was near.
                self.assertEqual(compare.call_count, 2)
                for call in compare.call_args_list:
                    self.assertEqual([type(argument) for argument in call.args], [bytes, bytes])
                    self.assertIn(received.encode(), call.args)

    def test_comparison_decides(self):
        _name, fields, _signed, _digest, signature, _raw = EVENTS[0]
        with patch.object(hmac, "compare_digest", return_value=False):
            self.assertFalse(verify_webhook(SECRET, fields, signature))
