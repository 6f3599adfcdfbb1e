import io
import json
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from odoo.tests import tagged

from .common import CALLER, ZadarmaCase

CALLBACK = "/v1/request/callback/"
ACCEPTED = {"status": "success", "from": 101, "to": 4917012345678, "time": 1740823200}


class RequestCase(ZadarmaCase):
    """A user clicks on a number; Zadarma answers what the test says."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asked, cls.answers = [], {}
        cls.partner = cls.env["res.partner"].create({"name": "Ada Lovelace", "phone": "0170 12345678"})

    def setUp(self):
        super().setUp()
        self.asked.clear()
        self.answers.clear()
        self.answers[CALLBACK] = (200, ACCEPTED)

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to answer for Zadarma."""
        url = urlsplit(request.url)
        if url.hostname != "api.zadarma.com":
            return super()._request_handler(session, request, **kwargs)
        cls.asked.append((url.path, dict(parse_qsl(url.query))))
        answer = cls.answers[url.path]
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code = answer[0]
        response.raw = urllib3.HTTPResponse(io.BytesIO(json.dumps(answer[1]).encode()), preload_content=False)
        return response

    def call(self, number=CALLER, record=None, user=None, **options):
        """Click on a number and return what the web client gets."""
        self.env.flush_all()
        calls = self.env["zadarma.call"].with_user(user or self.agent)
        if record:
            options |= {"res_model": record._name, "res_id": record.id}
        answer = calls.action_call(number, **options)
        self.env.invalidate_all()
        return answer


@tagged("post_install", "-at_install")
class TestCallRequest(RequestCase):
    def test_click_becomes_one_call_and_one_request(self):
        answer = self.call("0170 12345678", record=self.partner)
        self.assertEqual(self.asked, [(CALLBACK, {"from": "101", "sip": "101", "to": CALLER})])
        self.assertEqual((answer["state"], answer["direction"]), ("ringing", "outbound"))
        call = self.env["zadarma.call"].browse(answer["id"])
        self.assertEqual((call.state, call.request_state, call.number), ("ringing", "accepted", CALLER))
        self.assertEqual((call.user_id, call.request_user_id, call.partner_id), (self.agent, self.agent, self.partner))
        self.assertEqual((call.request_model, call.request_res_id), ("res.partner", self.partner.id))
        self.assertEqual(call.leg_ids.mapped("extension"), ["101"])
        self.assertFalse(call.pbx_call_id)

    def test_second_click_is_the_same_call(self):
        first = self.call()
        self.clock.tick(3)
        self.assertEqual(self.call()["id"], first["id"])
        self.assertEqual(len(self.asked), 1)
