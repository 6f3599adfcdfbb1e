from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import ZadarmaCase, ZadarmaHttpCase, answer, end, inbound

MP3 = b"\xff\xfb\x18\xc4" + bytes(140)


class RecordingMixin:
    """A call that the agent answered, with a recording that is in Odoo."""

    def _record(self, **values):
        call = self.env["zadarma.call"].create(
            {
                "company_id": self.company.id,
                "direction": "inbound",
                "state": "ended",
                "result": "answered",
                "date_start": "2025-03-01 10:00:00",
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
        self.env.invalidate_all()
        return recording


@tagged("post_install", "-at_install")
class TestRecording(RecordingMixin, ZadarmaCase):
    def test_who_talked_and_supervisors_hear_it(self):
        recording = self._record()
        (values,) = recording.with_user(self.agent)._get_player_values()
        self.assertEqual(values["url"], f"/zadarma/recording/{recording.id}")
        self.assertEqual((values["state"], values["duration"], values["call_id"]), ("stored", 42, recording.call_id.id))
        self.assertFalse(values["download_url"])
        (values,) = recording.with_user(self.supervisor)._get_player_values()
        self.assertEqual(values["download_url"], f"/zadarma/recording/{recording.id}?download=1")

    def test_who_only_rang_sees_the_call_and_not_its_recording(self):
        recording = self._record()
        call = recording.call_id.with_user(self.colleague)
        self.assertTrue(call.has_access("read"))
        self.assertFalse(call.recording_ids)
        with self.assertRaises(AccessError):
            recording.with_user(self.colleague)._get_player_values()

    def test_downloads_are_for_those_whom_the_company_allows(self):
        recording = self._record()
        allowed = {"nobody": (False, False), "supervisors": (False, True), "all": (True, True)}
        for setting, expected in allowed.items():
            self.company.zadarma_recording_download = setting
            found = tuple(recording.with_user(user)._may_download() for user in (self.agent, self.supervisor))
            self.assertEqual(found, expected, setting)

    def test_switched_off_there_is_nothing_to_hear(self):
        recording = self._record()
        self.company.zadarma_fetch_recordings = False
        self.assertEqual(recording.with_user(self.agent)._get_player_values(), [])

    def test_calls_are_found_by_what_can_be_heard(self):
        recording = self._record()
        self.deliver(inbound("START"), answer("101"), end())
        calls = self.env["zadarma.call"].with_user(self.agent)
        self.assertEqual(calls.search([("has_recording", "=", True)]), recording.call_id)
        self.assertEqual(calls.search([("has_recording", "=", False)]), self._find_call())
        self.assertTrue(recording.call_id.has_recording)

    def test_file_goes_with_the_call(self):
        recording = self._record()
        attachment = recording.attachment_id
        recording.call_id.with_user(self.supervisor).unlink()
        self.assertFalse(recording.exists() or attachment.exists())


@tagged("post_install", "-at_install")
class TestRecordingRoute(RecordingMixin, ZadarmaHttpCase):
    def _log(self, recording):
        return self.env["zadarma.recording.access"].search([("recording_id", "=", recording.id)])

    def test_who_may_listen_hears_it_and_it_is_written_down(self):
        recording = self._record()
        for user, status in ((self.agent, 200), (self.supervisor, 200), (self.colleague, 404)):
            self.authenticate(user.login, user.login)
            response = self.url_open(f"/zadarma/recording/{recording.id}")
            self.assertEqual(response.status_code, status, user.login)
        self.assertEqual(self._log(recording).user_id, self.agent | self.supervisor)
        self.assertEqual(set(self._log(recording).mapped("kind")), {"listen"})

    def test_there_is_no_other_way_to_the_file(self):
        recording = self._record()
        attachment = recording.attachment_id
        administrator = self.env.ref("base.user_admin")
        administrator.write({"group_ids": [(4, self.env.ref("zadarma.group_zadarma_manager").id)]})
        for user in (self.agent, self.supervisor, administrator):
            attachments = self.env["ir.attachment"].with_user(user)
            with self.assertRaises(AccessError):
                attachments.browse(attachment.id).read(["raw"])
            self.assertFalse(attachments.search([("id", "=", attachment.id)]))
            with self.assertRaises(AccessError):
                attachments.search_read([("res_model", "=", "zadarma.recording.file")], ["raw"])
            self.authenticate(user.login, user.login)
            for path in (
                f"/web/content/{attachment.id}",
                f"/web/content/{attachment.id}?access_token=x",
                f"/web/content/zadarma.recording/{recording.id}/attachment_id",
            ):
                self.assertIn(self.url_open(path).status_code, (403, 404), f"{user.login} {path}")
