import contextlib
import json
import socket
import threading
from unittest.mock import patch
from urllib.parse import urlencode, urlsplit

import requests

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from ..zadarma_api.signature import SIGNED_FIELDS, webhook_signature
from .common import (
    CALL_ID,
    CALLER,
    SECRET,
    TOKEN,
    ZadarmaHttpCase,
    answer,
    end,
    inbound,
    outbound,
    record,
)

SMS = {"event": "SMS", "result": '{"caller_id":"4917012345678","caller_did":"493012345678","text":"Hallo ü"}'}
LOOKUP = {
    "event": "NUMBER_LOOKUP",
    "result": '[{"mcc":"262","mnc":"01","mccName":"Germany","mncName":"Telekom","ported":false,"roaming":false,'
    '"errorDescription":"success"}]',
}
FORM = "application/x-www-form-urlencoded"
# The signatures of the provider's own client, for the secret "secret".
VECTORS = [
    (inbound("START"), "MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ=="),
    (inbound("INTERNAL", internal="101"), "MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ=="),
    (answer("101"), "MjlmZjcxNjk1YTRhMjAxMTc2NDdmNTU4ZDhhNGJkYzc4Njk4M2M4ZA=="),
    (end(internal="101"), "MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ=="),
    (inbound("IVR", **{"wait_dtmf[digits]": "1"}), "MjEzNTE2OTE2ZGNmNzI3MjYyOTVjZDRkZTU0MDE2NDcxMjc0NzFkMQ=="),
    (outbound("OUT_START", extension="100"), "NWJhZmFkZDNiM2FhNTE2MTZjYjdlYTk0YjRiYmRkZTVmODM5YjJkZA=="),
    (outbound("OUT_END", extension="100"), "NWJhZmFkZDNiM2FhNTE2MTZjYjdlYTk0YjRiYmRkZTVmODM5YjJkZA=="),
    (record(), "NjRiNzE5MWQ4NmYyN2E0OWE4YTc5ZGQzY2IxZjNlMjRiYmIwZjUyNw=="),
    (SMS, "YWFiMTM5ZTkzNWM4ZWFiOTBmMTcxNDIwODYzMmZjZTc2MGVlZjFmMg=="),
    (LOOKUP, "MzhkMjkzZTE1Y2EwZGI2YjVkMGM3ZTI2Yjk4ZDI3M2M5NzY0ZjU3Mg=="),
]


@tagged("post_install", "-at_install")
class TestWebhook(ZadarmaHttpCase):
    def _assert_refused(self, response, status=403):
        self.assertEqual(response.status_code, status)
        self.assertFalse(self.env["zadarma.event"].search([]))
        self.assertNotIn("Traceback", response.text)

    # === SIGNATURE === #

    def test_signatures_of_the_provider_are_accepted(self):
        for form, signature in VECTORS:
            with self.subTest(form["event"]):
                response = self.post(form, secret=None, headers={"Signature": signature})
                self.assertEqual(response.status_code, 200)
                self.assertEqual(len(self._find_events(name=form["event"])), 1)

    def test_changed_field_is_refused(self):
        for form, _signature in VECTORS:
            for name in SIGNED_FIELDS[form["event"]]:
                with self.subTest(f"{form['event']} {name}"), self.assertNoLogs("odoo.addons.zadarma", "WARNING"):
                    changed = {**form, name: chr(ord(form[name][0]) ^ 1) + form[name][1:]}
                    signed = {"Signature": webhook_signature(SECRET, form)}
                    self._assert_refused(self.post(changed, secret=None, headers=signed))

    def test_missing_and_odd_signatures_are_refused_alike(self):
        bodies = set()
        odd = [{}, *({"Signature": text} for text in ("", "x" * 4096, "\xe9\xff", "=", "bm9uZQ=="))]
        for headers in odd:
            response = self.post(inbound("START"), secret=None, headers=headers)
            self._assert_refused(response)
            bodies.add(response.content)
        self.assertEqual(len(bodies), 1)
        self.assertEqual(self._raw_request("POST", inbound("START"), ["Signature:   "]), 403)

    def test_two_signatures_are_refused(self):
        signature = webhook_signature(SECRET, inbound("START"))
        status = self._raw_request("POST", inbound("START"), [f"Signature: {signature}", "Signature: x"])
        self.assertEqual(status, 403)

    def test_empty_secret_refuses_everything(self):
        for secret in (False, "", "  "):
            self.company.zadarma_secret = secret
            self._assert_refused(self.post(inbound("START"), secret=""))
            self._assert_refused(self.post(inbound("START"), secret=secret or ""))

    def test_secret_of_another_company_is_refused(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_secret": "other secret"})
        self.assertEqual(self.post(inbound("START"), secret="other secret").status_code, 403)
        self.assertEqual(self.post(inbound("START"), token=other.zadarma_token).status_code, 403)
        self.assertEqual(self.post(inbound("START"), token=other.zadarma_token, secret="other secret").status_code, 200)
        self.assertEqual(self.env["zadarma.event"].search([]).company_id, other)

    def test_unknown_token_looks_like_a_wrong_signature(self):
        unknown = self.post(inbound("START"), token="b" * 40)
        wrong = self.post(inbound("START"), secret="wrong")
        self.assertEqual(unknown.status_code, wrong.status_code)
        self.assertEqual(unknown.content, wrong.content)
        self.assertEqual(
            {name: value for name, value in unknown.headers.items() if name != "Date"},
            {name: value for name, value in wrong.headers.items() if name != "Date"},
        )
        self._assert_refused(unknown)

    def test_archived_company_takes_no_notifications(self):
        other = self.env["res.company"].create({"name": "Closed", "zadarma_secret": SECRET})
        other.active = False
        self._assert_refused(self.post(inbound("START"), token=other.zadarma_token))

    def test_query_does_not_stand_in_for_the_form(self):
        form = inbound("START")
        signature = {"Signature": webhook_signature(SECRET, form)}
        response = self.url_open(f"/zadarma/{TOKEN}?{urlencode(form)}", data={"event": "x"}, headers=signature)
        self._assert_refused(response)

    def test_foreign_address_is_refused_where_addresses_are_restricted(self):
        self.company.zadarma_restrict_addresses = True
        self._assert_refused(self.post(inbound("START")))
        self._assert_refused(self.post(inbound("START"), headers={"X-Forwarded-For": "185.45.152.41"}))
        self.company.zadarma_addresses = "185.45.152.40/30, 127.0.0.0/8, ::1"
        self.assertEqual(self.post(inbound("START")).status_code, 200)

    # === ECHO AND METHODS === #

    def test_echo_is_the_value_and_nothing_else(self):
        for value in ("1234567", "abc123", "a b+c/=é"):
            response = self.url_open(f"/zadarma/{TOKEN}?{urlencode({'zd_echo': value})}")
            self.assertEqual(response.status_code, 200)
            self.assertEqual(response.content.decode(), value)
            self.assertEqual(response.headers["Content-Type"], "text/plain; charset=utf-8")

    def test_echo_is_text_whatever_it_holds(self):
        for value, status in (
            ("<script>alert(1)</script>", 200),
            ("x" * 10000, 400),
            ("a\r\nX-Evil: 1", 400),
            ("\x00", 400),
            ("\u202e", 400),
        ):
            response = self.url_open(f"/zadarma/{TOKEN}?{urlencode({'zd_echo': value})}")
            self.assertEqual(response.status_code, status, value)
            self.assertTrue(response.headers["Content-Type"].startswith("text/plain"))
            self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
            self.assertNotIn("X-Evil", response.headers)
        self._assert_refused(self.post({"zd_echo": "<script>"}, secret=None))

    def test_echo_of_an_unknown_address_is_refused(self):
        self._assert_refused(self.url_open("/zadarma/unknown?zd_echo=1"))

    def test_other_methods_do_nothing(self):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            response = self.url_open(f"/zadarma/{TOKEN}", method=method)
            self._assert_refused(response, 405)

    def test_no_session_is_made(self):
        self.opener.cookies.clear()
        response = self.post(inbound("START"))
        self.assertNotIn("Set-Cookie", response.headers)

    def test_answers_are_for_nobody_to_keep_or_to_run(self):
        self.opener.cookies.clear()
        address = f"/zadarma/{TOKEN}"
        for response in (
            self.post(inbound("START")),
            self.post(inbound("START"), secret="wrong"),
            self.post({}, data=b"{}", headers={"Content-Type": "application/json"}),
            self.url_open(f"{address}?zd_echo=1"),
            self.url_open(f"{address}?zd_echo=%00"),
            self.url_open(address),
        ):
            with self.subTest(response.status_code):
                self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(response.headers["Content-Security-Policy"], "default-src 'none'")
                self.assertEqual(response.headers["Cache-Control"], "no-store")
                self.assertNotIn("Set-Cookie", response.headers)

    # === BODIES === #

    def test_multipart_form_is_read(self):
        for newline in ("\r\n", "\n"):
            form = inbound("START", call_id=f"in_{len(newline):040x}")
            parts = [
                f'--frontier{newline}Content-Disposition: form-data; name="{name}"{newline}{newline}{value}{newline}'
                for name, value in form.items()
            ]
            body = "".join(parts) + f"--frontier--{newline}"
            headers = {"Content-Type": "multipart/form-data; boundary=frontier", "User-Agent": "Zadarma API"}
            signature = {"Signature": webhook_signature(SECRET, form)}
            response = self.post(form, secret=None, data=body, headers={**headers, **signature})
            self.assertEqual(response.status_code, 200)
        self.assertEqual(len(self._find_events(name="NOTIFY_START")), 2)

    def test_other_content_types_are_refused(self):
        form = inbound("START")
        signature = {"Signature": webhook_signature(SECRET, form)}
        for kind in ("application/json", "text/plain", ""):
            response = self.post(form, secret=None, data=json.dumps(form), headers={"Content-Type": kind, **signature})
            self._assert_refused(response, 415)

    def test_large_bodies_are_refused(self):
        for size in (64 * 1024 + 1, 10 * 1024 * 1024):
            self._assert_refused(self.post({**inbound("START"), "x": "y" * size}), 413)

    def test_body_of_unknown_length_is_not_read(self):
        def body():
            for _chunk in range(256):
                yield b"x=" + b"y" * (64 * 1024 - 2)

        # The server may hang up before all is sent, which some clients take for an answer and others for an error.
        with contextlib.suppress(requests.ConnectionError):
            response = self.post(inbound("START"), data=body(), headers={"Content-Type": FORM})
            self.assertIn(response.status_code, (403, 413))
        self.assertFalse(self.env["zadarma.event"].search([]))

    def test_many_fields_are_refused(self):
        form = {**inbound("START"), **{f"f{number}": "1" for number in range(5000)}}
        self._assert_refused(self.post(form), 413)

    # === WHAT AN EVENT SAYS === #

    def test_unknown_events_are_kept(self):
        for number, name in enumerate(("NOTIFY_INTERNAL_END", "NOTIFY_FOO", "ALERT")):
            form = {**inbound("START", call_id=f"in_{number:040x}"), "event": name}
            with self.assertNoLogs("odoo.addons.zadarma", "WARNING"):
                self.assertEqual(self.post(form).status_code, 200)
            self.assertEqual(self._find_events(name=name).state, "unknown")
        self.assertFalse(self.env["zadarma.call"].search([]))

    def test_malformed_call_ids_are_quarantined(self):
        odd = ("", "x" * 10240, "'; DROP TABLE zadarma_event; --", "../../etc/passwd", "in_\x00", "in_é")
        for number, call_id in enumerate(odd):
            form = inbound("START", call_id=call_id, caller=f"+49170123456{number}")
            self.assertEqual(self.post(form).status_code, 200)
        form = inbound("START")
        del form["pbx_call_id"]
        self.assertEqual(self.post(form).status_code, 200)
        events = self.env["zadarma.event"].search([])
        self.assertEqual(len(events), len(odd) + 1)
        self.assertEqual(set(events.mapped("state")), {"quarantined"})
        self.assertIn("pbx_call_id", events[0].error)

    def test_absurd_times_are_quarantined(self):
        for start in ("soon", "1740823200", "0000-00-00 00:00:00", "2025-02-30 10:00:00", ""):
            self.assertEqual(self.post(inbound("START", start=start)).status_code, 200)
        events = self.env["zadarma.event"].search([])
        self.assertEqual(events.mapped("state"), ["quarantined"] * 5)

    def test_absurd_durations_are_ignored_with_a_note(self):
        for number, duration in enumerate(("-5", "1000000000000", "1e3", "NaN")):
            call_id = f"in_{number:040x}"
            self.assertEqual(self.post(end(call_id=call_id, duration=duration)).status_code, 200)
            self.assertEqual(self._find_call(call_id).duration, 0)
            self.assertIn("duration", self._find_events(pbx_call_id=call_id).error)

    def test_unseen_disposition_is_kept(self):
        self.post(end("quantum tunnelling", "0"))
        call = self._find_call()
        self.assertEqual((call.result, call.disposition), ("other", "quantum tunnelling"))

    def test_extension_is_matched_exactly(self):
        self.post(inbound("START"))
        self.post(inbound("INTERNAL", internal="0101"))
        self.post(inbound("INTERNAL", internal="999"))
        legs = self._find_call().leg_ids
        self.assertEqual(legs.mapped("extension"), ["0101", "999"])
        self.assertFalse(legs.user_id)

    # === ANSWER === #

    def test_known_caller_is_named_on_the_phone(self):
        firm = self.env["res.partner"].create({"name": "Ромашка", "is_company": True})
        self.env["res.partner"].create({"name": "Олексій", "phone": CALLER, "parent_id": firm.id})
        response = self.post(inbound("START"))
        self.assertEqual(response.json(), {"caller_name": "Oleksiy, Romashka"})
        self.assertEqual(response.headers["Content-Type"], "application/json")

    def test_name_on_the_phone_can_be_switched_off(self):
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        self.company.zadarma_caller_name = False
        self.assertEqual(self.post(inbound("START")).json(), {})

    def test_redelivery_gets_the_same_answer(self):
        partner = self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        first = self.post(inbound("START"))
        partner.name = "Somebody else"
        second = self.post({**inbound("START"), "attempt": "2"})
        self.assertEqual(first.content, second.content)
        event = self._find_events(name="NOTIFY_START")
        self.assertEqual((len(event), event.redelivered), (1, 1))

    def test_slow_look_up_gets_the_default_answer(self):
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        routing = type(self.env["zadarma.routing"])
        with (
            patch.object(
                routing, "_number_query", return_value=SQL("SELECT pg_sleep(5)::text, 1, 1, '', '', 1, 1, ''")
            ),
            self.assertLogs("odoo.addons.zadarma", "WARNING"),
        ):
            self.assertEqual(self.post(inbound("START")).json(), {})
        self.assertEqual(self._find_events(name="NOTIFY_START").state, "done")

    def test_mistake_of_our_own_gets_the_default_answer(self):
        routing = type(self.env["zadarma.routing"])
        with (
            patch.object(routing, "_number_query", side_effect=ValueError("boom")),
            self.assertLogs("odoo.addons.zadarma", "ERROR"),
        ):
            self.assertEqual(self.post(inbound("START")).json(), {})
        self.assertEqual(self._find_events(name="NOTIFY_START").state, "done")

    def test_failure_of_our_own_is_a_server_error(self):
        events = type(self.env["zadarma.event"])
        with patch.object(events, "_store", side_effect=ValueError("boom")), mute_logger("odoo.http"):
            response = self.post(inbound("START"))
        self.assertEqual(response.status_code, 500)
        self.assertNotIn("boom", response.text)

    def test_event_that_cannot_be_processed_was_acknowledged(self):
        events = type(self.env["zadarma.event"])
        with (
            patch.object(events, "_fold_call", side_effect=ValueError("boom")),
            mute_logger("odoo.addons.zadarma.models.zadarma_event"),
        ):
            self.assertEqual(self.post(inbound("START")).status_code, 200)
        event = self._find_events(pbx_call_id=CALL_ID)
        self.assertEqual((event.state, event.attempts, event.error), ("new", 1, "ValueError"))

    def test_languages_and_websites_change_nothing(self):
        """The number holds with Odoo's website beside us as well, where ``make test-odoo`` runs this."""
        german = self.env["res.lang"]._activate_lang("de_DE")
        self.env["res.partner"].with_context(active_test=False).search([]).lang = german.code
        if "website" in self.env:
            websites = self.env["website"].search([])
            websites.write({"language_ids": [Command.set(german.ids)], "default_lang_id": german.id})
        self.env.ref("base.lang_en").active = False
        self.env["res.partner"].create({"name": "Ada", "phone": CALLER})
        for number in range(3):
            with self.assertLogs("odoo.sql_db", "DEBUG") as logs:
                response = self.post(inbound("START", call_id=f"in_{number:040x}"), allow_redirects=False)
            self.assertEqual((response.status_code, response.json()), (200, {"caller_name": "Ada"}))
        # The first two have filled Odoo's caches. What serves the request is not the thread of the test. Whether Odoo
        # lists the databases is a matter of its configuration.
        told = [record.getMessage() for record in logs.records if record.thread != threading.get_ident()]
        asked = [text for text in told if " query: " in text and " from pg_database " not in text]
        stored = next(number for number, text in enumerate(asked) if "EXECUTE zadarma_insert" in text)
        # User, company and its contact; a look-up and an insert, each prepared first where the cursor is a test's.
        self.assertEqual(stored + 1, 7, asked[: stored + 1])

    def test_other_databases_and_hosts_change_nothing(self):
        for headers in ({"Host": "evil.example"}, {"X-Odoo-Database": "other"}):
            response = self.post(inbound("START"), headers=headers)
            self.assertIn(response.status_code, (200, 403, 404))
            self.assertNotIn(self.env.cr.dbname, response.text)

    def _raw_request(self, method, form, headers):
        """Send a request no client library would make; return the status of the answer."""
        body = urlencode(form).encode()
        url = urlsplit(self.base_url())
        lines = [
            f"{method} /zadarma/{TOKEN} HTTP/1.1",
            f"Host: {url.netloc}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "Connection: close",
            *headers,
        ]
        with (
            self.allow_requests(all_requests=True),
            socket.create_connection((url.hostname, url.port), timeout=10) as connection,
        ):
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            return int(connection.makefile("rb").readline().split()[1])
