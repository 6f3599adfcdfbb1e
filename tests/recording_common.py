"""What the tests of recordings share: calls that were recorded, and Zadarma's files."""

import io
from urllib.parse import urlsplit

import requests
import urllib3

from odoo import SUPERUSER_ID, api

from .common import CALL_ID, RECORDING_ID, ZadarmaApiMixin, ZadarmaCase, answer, end, inbound, record

MP3 = b"\xff\xfb\x18\xc4" + bytes(140)
REQUEST = "/v1/pbx/record/request/"
LINK = "https://api.zadarma.com/v1/pbx/record/download/token/{}.mp3"


def file_reply(body=MP3, status=200, **headers):
    """Return what Zadarma answers when a file is asked for."""
    headers = {"Content-Type": "audio/mpeg", "Content-Length": str(len(body)), **headers}
    response = requests.Response()
    response.status_code = status
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    response.raw = urllib3.HTTPResponse(io.BytesIO(body), headers=headers, preload_content=False)
    return response


class RecordingMixin:
    """A call that the agent answered, with a recording that is in Odoo."""

    def _record(self, **values):
        call = self.env["zadarma.call"].create(
            {
                "company_id": self.company.id,
                "pbx_call_id": f"in_{7:040x}",
                "direction": "inbound",
                "state": "ended",
                "result": "answered",
                "disposition": "answered",
                "date_start": "2025-03-01 10:00:00",
                "date_end": "2025-03-01 10:01:00",
                "duration": 42,
                "user_id": self.agent.id,
                **values,
            }
        )
        self.env["zadarma.call.leg"].create(
            [
                {"call_id": call.id, "extension": "101", "user_id": self.agent.id, "state": "ended", "answered": True},
                {"call_id": call.id, "extension": "102", "user_id": self.colleague.id, "state": "ended"},
            ]
        )
        recording = self.env["zadarma.recording"].create({"call_id": call.id, "key": f"1740823200.{call.id}"})
        recording._store(MP3 * 10, "audio/mpeg")
        recording.state = "stored"
        self.env.invalidate_all()
        return recording


class FilesMixin(ZadarmaApiMixin):
    """Zadarma has files: ``files`` by id of the recording, or ``file`` for all of them.

    What answers is what :func:`file_reply` returns, made anew for each request, or an error to raise.
    """

    def setUp(self):
        super().setUp()
        type(self).file, type(self).loaded = file_reply, []
        self.answers[REQUEST] = self._give_links
        self.answers[f"DELETE {REQUEST}"] = {"file_name": "x.mp3"}

    def _give_links(self, params):
        if "pbx_call_id" in params:
            return {"links": [LINK.format(RECORDING_ID)]}
        return {"link": LINK.format(params["call_id"])}

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to give files."""
        path = urlsplit(request.url).path
        if not path.startswith("/v1/pbx/record/download/"):
            return super()._request_handler(session, request, **kwargs)
        cls.loaded.append(request.url)
        answered = cls.file()
        if isinstance(answered, Exception):
            raise answered
        return answered

    def asked_for(self, verb="GET"):
        """Return the parameters with which links, or deletions, were asked for."""
        return [params for method, path, params in self.asked if (method, path) == (verb, REQUEST)]


class RecordedCase(FilesMixin, ZadarmaCase):
    """Calls are recorded, and time passes."""

    def call(self, *keys, call_id=CALL_ID, caller=None, **fields):
        """Have a call answered and recorded, under as many ids."""
        extra = {"call_id": call_id, **({"caller": caller} if caller else {})}
        key = {"call_id_with_rec": keys[0]} if keys else {}
        self.deliver(
            inbound("START", **extra),
            inbound("INTERNAL", internal="101", **extra),
            answer("101", **extra),
            end(internal="101", is_recorded="1", **key, **fields, **extra),
            *(record(call_id, each) for each in keys[1:]),
        )
        return self._find_call(call_id)

    def run_jobs(self, minutes=0):
        """Let time pass and do what is due."""
        self.clock.tick(minutes * 60)
        self.run_cron("_cron_process")

    def run_cron(self, name, recording_id=()):
        """Run a method of recordings, by default of none of them, in transactions of its own."""
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            recordings = api.Environment(cr, SUPERUSER_ID, {})["zadarma.recording"]
            getattr(recordings.browse(recording_id), name)()
        self.env.invalidate_all()
