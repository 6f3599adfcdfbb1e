from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests

from odoo.tests import BaseCase

from ..zadarma_api.reachability import check_echo, judge, send_test
from ..zadarma_api.signature import verify_webhook

# Before Odoo's tests put their own in its place.
_send = requests.Session.send


class TestReachability(BaseCase):
    def test_addresses_that_nobody_outside_can_reach_are_recognised(self):
        for url, verdict in (
            ("https://crm.example.com/zadarma/x", ""),
            ("https://CRM.Example.com.:8443/zadarma/x", ""),
            ("https://8.8.8.8/zadarma/x", ""),
            ("https://[2606:4700::1111]/zadarma/x", ""),
            ("http://crm.example.com/zadarma/x", "insecure"),
            ("http://localhost:8069/zadarma/x", "local"),
            ("https://crm.localhost/zadarma/x", "local"),
            ("http://127.0.0.1:8069/zadarma/x", "local"),
            ("http://[::1]:8069/zadarma/x", "local"),
            ("http://0.0.0.0:8069/zadarma/x", "local"),
            ("http://10.0.0.5/zadarma/x", "private"),
            ("https://192.168.1.4/zadarma/x", "private"),
            ("https://100.64.0.1/zadarma/x", "private"),
            ("https://169.254.1.1/zadarma/x", "private"),
            ("https://[fd00::1]/zadarma/x", "private"),
            ("https://odoo/zadarma/x", "private"),
            ("https://odoo.local/zadarma/x", "private"),
            ("https://odoo.fritz.lan/zadarma/x", "private"),
            ("", "local"),
        ):
            self.assertEqual(judge(url), verdict, url)

    def echo(self, answer):
        """Return what is said of an address that answers like this."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = answer(parse_qs(urlsplit(self.path).query)["zd_echo"][0])
                self.send_response(status)
                self.send_header("Location", "https://crm.example.com/")
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_args):
                """Say nothing."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server, patch.object(requests.Session, "send", _send):
            Thread(target=server.handle_request, daemon=True).start()
            return check_echo(f"http://127.0.0.1:{server.server_port}/zadarma/x")

    def test_echo_must_be_the_value_and_nothing_else(self):
        self.assertEqual(self.echo(lambda value: (200, value)), "ok")
        for answer in (
            lambda value: (200, f"{value}\n"),
            lambda value: (200, "<html>"),
            lambda value: (200, value + "x" * 10_000),
            lambda value: (403, value),
            lambda value: (301, value),
        ):
            self.assertEqual(self.echo(answer), "wrong")

    def test_test_is_signed_and_its_answer_told(self):
        for status, body, expected in (
            (200, b"{}", "ok"),
            (200, b"{}\n<html>", "wrong"),
            (403, b"Forbidden", "refused"),
            (404, b"{}", "wrong"),
            (302, b"", "wrong"),
        ):
            received = []

            class Handler(BaseHTTPRequestHandler):
                answer = status, body, received

                def do_POST(self):
                    status, body, received = self.answer
                    text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                    received.append((dict(parse_qsl(text)), self.headers["Signature"]))
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_args):
                    """Say nothing."""

            with HTTPServer(("127.0.0.1", 0), Handler) as server, patch.object(requests.Session, "send", _send):
                Thread(target=server.handle_request, daemon=True).start()
                self.assertEqual(send_test(f"http://127.0.0.1:{server.server_port}/zadarma/x", "secret"), expected)
            [(form, signature)] = received
            self.assertTrue(verify_webhook("secret", form, signature))
            self.assertFalse(verify_webhook("another", form, signature))

    def test_nothing_that_answers_is_unreachable(self):
        with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
            port = server.server_port
        with patch.object(requests.Session, "send", _send):
            self.assertEqual(check_echo(f"http://127.0.0.1:{port}/"), "unreachable")
            self.assertEqual(check_echo("http:///"), "unreachable")
            self.assertEqual(send_test(f"http://127.0.0.1:{port}/", "secret"), "unreachable")
