import os
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.http import Stream
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ZadarmaCase, ZadarmaHttpCase, answer, end, inbound
from .recording_common import LINK, MP3, REQUEST, FilesMixin, RecordingMixin, file_reply


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
class TestRecordingRoute(FilesMixin, RecordingMixin, ZadarmaHttpCase):
    def setUp(self):
        super().setUp()
        self.recording = self._record()
        self.content = self.recording.attachment_id.raw
        self.authenticate(self.agent.login, self.agent.login)

    def _get(self, query="", method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"/zadarma/recording/{self.recording.id}{query}"
        response = self.url_open(url, headers=headers, method=method, allow_redirects=False)
        self.env.invalidate_all()
        return response

    def _log(self):
        return self.env["zadarma.recording.access"].search([("recording_id", "=", self.recording.id)])

    def _as(self, user):
        self.authenticate(user and user.login, user and user.login)

    def test_who_may_listen_hears_it_and_it_is_written_down(self):
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self._new_user("stranger", "sales_team.group_sale_manager")
        stranger.write({"company_id": other.id, "company_ids": [(6, 0, other.ids)]})
        nobody = new_test_user(self.env, "zadarma_nobody", groups="base.group_user")
        portal = new_test_user(self.env, "zadarma_portal", groups="base.group_portal")
        for user, status in (
            (self.agent, 200),
            (self.supervisor, 200),
            (self.colleague, 404),
            (stranger, 404),
            (nobody, 404),
            (portal, 404),
            (None, 303),
        ):
            self._as(user)
            self.assertEqual(self._get().status_code, status, user and user.login)
            self.assertEqual(self._get("?access_token=1").status_code, status)
        self.assertEqual(self._log().user_id, self.agent | self.supervisor)
        self.assertEqual(set(self._log().mapped("kind")), {"listen"})

    def test_there_is_no_other_way_to_the_file(self):
        attachment = self.recording.attachment_id
        administrator = self.env.ref("base.user_admin")
        administrator.write({"group_ids": [(4, self.env.ref("zadarma.group_zadarma_manager").id)]})
        for user in (self.agent, self.supervisor, administrator):
            attachments = self.env["ir.attachment"].with_user(user)
            with self.assertRaises(AccessError):
                attachments.browse(attachment.id).read(["raw"])
            with self.assertRaises(AccessError):
                attachments.browse(attachment.id).generate_access_token()
            with self.assertRaises(AccessError):
                attachments.browse(attachment.id).write({"res_model": "res.users", "res_id": user.id})
            with self.assertRaises(AccessError):
                attachments.browse(attachment.id).copy()
            self.assertFalse(attachments.search([("id", "=", attachment.id)]))
            with self.assertRaises(AccessError):
                attachments.search_read([("res_model", "=", "zadarma.recording.file")], ["raw"])
            self._as(user)
            for path in (
                f"/web/content/{attachment.id}",
                f"/web/content/{attachment.id}?access_token=x",
                f"/web/content/{attachment.id}/{attachment.name}",
                f"/web/content/zadarma.recording/{self.recording.id}/attachment_id",
                f"/web/content/zadarma.recording.file/{self.recording.id}/raw",
                f"/web/image/{attachment.id}",
            ):
                response = self.url_open(path)
                self.assertFalse(response.ok and self.content in response.content, f"{user.login} {path}")
        self.assertFalse(self._log())

    def test_parts_are_given_as_browsers_ask_for_them(self):
        size = len(self.content)
        for asked, status, part, told in (
            ("bytes=0-", 206, slice(0, None), f"bytes 0-{size - 1}/{size}"),
            ("bytes=0-0", 206, slice(0, 1), f"bytes 0-0/{size}"),
            ("bytes=100-199", 206, slice(100, 200), f"bytes 100-199/{size}"),
            ("bytes=-100", 206, slice(-100, None), f"bytes {size - 100}-{size - 1}/{size}"),
            (f"bytes=100-{size + 5}", 206, slice(100, None), f"bytes 100-{size - 1}/{size}"),
            (f"bytes=-{size + 5}", 200, slice(0, None), None),
            ("bytes=0-9,20-29", 200, slice(0, None), None),
            ("bytes=x", 200, slice(0, None), None),
            ("pages=1-2", 200, slice(0, None), None),
            (None, 200, slice(0, None), None),
        ):
            with self.subTest(asked):
                response = self._get(**({"Range": asked} if asked else {}))
                self.assertEqual((response.status_code, response.headers.get("Content-Range")), (status, told))
                self.assertEqual(response.content, self.content[part])
                self.assertEqual(int(response.headers["Content-Length"]), len(response.content))
                self.assertEqual(response.headers["Accept-Ranges"], "bytes")
        for asked in (f"bytes={size}-", f"bytes={size + 10}-{size + 20}"):
            response = self._get(Range=asked)
            self.assertEqual((response.status_code, response.headers["Content-Range"]), (416, f"bytes */{size}"))

    def test_part_is_of_the_file_that_the_browser_knows(self):
        tag = self._get().headers["ETag"]
        self.assertEqual(self._get(Range="bytes=0-9", If_Range=tag).status_code, 206)
        response = self._get(Range="bytes=0-9", If_Range='"another"')
        self.assertEqual((response.status_code, response.content), (200, self.content))
        self.assertEqual(self._get(If_None_Match=tag).status_code, 304)

    def test_head_tells_the_size_and_is_no_listening(self):
        response = self._get(method="HEAD")
        self.assertEqual((response.status_code, response.content), (200, b""))
        self.assertEqual(int(response.headers["Content-Length"]), len(self.content))
        self.assertFalse(self._log())

    def test_browser_keeps_it_to_itself_and_takes_it_for_nothing_else(self):
        headers = self._get().headers
        self.assertEqual(headers["Content-Type"], "audio/mpeg")
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("private", headers["Cache-Control"])
        self.assertIn("no-cache", headers["Cache-Control"])
        self.assertNotIn("public", headers["Cache-Control"])
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertTrue(headers["Content-Disposition"].startswith("inline"))
        refused = self._get("?download=1").headers
        self.assertEqual((refused["Cache-Control"], refused["X-Content-Type-Options"]), ("no-store", "nosniff"))

    def test_download_is_for_whom_it_is_allowed(self):
        self.assertEqual(self._get("?download=1").status_code, 403)
        self.assertFalse(self._log())
        self._as(self.supervisor)
        headers = self._get("?download=1").headers
        self.assertEqual(
            headers["Content-Disposition"], f'attachment; filename="2025-03-01 10.00 {self.recording.id}.mp3"'
        )
        self.assertEqual(self._log().mapped("kind"), ["download"])

    def test_one_listening_is_one_entry_however_it_is_loaded(self):
        for asked in ("bytes=0-", "bytes=100-199", "bytes=0-99", "bytes=-10"):
            self._get(Range=asked)
        self._get(Range="bytes=99999-")
        self.assertEqual(len(self._log()), 1)
        # What was heard some time ago is heard again.
        self.env.cr.execute("UPDATE zadarma_recording_access SET date = date - INTERVAL '10 minutes'")
        self._get()
        self._get(Range="bytes=100-199")
        self.assertEqual(len(self._log()), 2)

    def test_nobody_changes_what_is_written_down(self):
        self._get()
        entry = self._log().with_user(self.supervisor)
        self.assertEqual(entry.user_id, self.agent)
        for act in (lambda: entry.write({"user_id": self.supervisor.id}), entry.unlink, entry.copy):
            with self.assertRaises(AccessError):
                act()

    def test_switched_off_nothing_is_played(self):
        self.company.zadarma_fetch_recordings = False
        self.assertEqual(self._get().status_code, 404)

    def test_damaged_file_is_loaded_again(self):
        attachment = self.recording.attachment_id
        path = attachment._full_path(attachment.store_fname)
        self.answers[REQUEST] = {"link": LINK.format("1.2")}
        type(self).file = lambda: file_reply(self.content)
        for damage in (lambda: os.truncate(path, 100), lambda: os.truncate(path, 0), lambda: os.unlink(path)):
            damage()
            with mute_logger("odoo.addons.zadarma.models.zadarma_recording"):
                response = self._get()
            self.assertEqual((response.status_code, response.content), (200, self.content))
        self.assertEqual(len(self.loaded), 3)
        self.assertEqual(self.recording.state, "stored")

    def test_file_that_another_addon_keeps_elsewhere_is_sent_by_that_addon(self):
        # As addons for object storages do: the attachment names a place that is not in Odoo's folder.
        attachment = self.recording.attachment_id
        self.env.cr.execute("UPDATE ir_attachment SET store_fname = 's3://1' WHERE id = %s", [attachment.id])
        self.env.invalidate_all()
        stream = Stream(type="data", data=self.content, mimetype="audio/mpeg", size=len(self.content))
        self.patch(type(self.env["ir.binary"]), "_record_to_stream", lambda *_arguments: stream)
        response = self._get(Range="bytes=-10")
        self.assertEqual((response.status_code, response.content), (206, self.content[-10:]))
        self.assertFalse(self.loaded)

    def test_what_is_kept_at_zadarma_is_loaded_when_somebody_listens(self):
        self._keep_remote()
        self.assertEqual(self._get(Range="bytes=0-9").content, self.content[:10])
        self.assertEqual(self._get().content, self.content)
        self.assertEqual((len(self.loaded), self.recording.state, len(self._log())), (1, "remote", 1))
        self.assertAlmostEqual(
            self.recording.next_try, fields.Datetime.now() + timedelta(days=1), delta=timedelta(minutes=1)
        )

    def test_what_zadarma_does_not_have_is_told(self):
        self._keep_remote()
        type(self).file = lambda: file_reply(b"", 404)
        response = self._get()
        self.assertEqual((response.status_code, response.text), (404, "Zadarma has no recording of this call."))
        self.assertFalse(self._log())
        self.assertEqual(self.recording.state, "failed")

    def test_what_did_not_come_in_time_is_loaded_in_the_background(self):
        self._keep_remote()
        type(self).file = lambda: file_reply(b"", 500)
        response = self._get()
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (503, "60"))
        self.assertEqual(response.text, "The recording did not come whole.")
        self.assertTrue(self.recording.next_try)
        self.assertEqual(self.recording.state, "remote")

    def _keep_remote(self):
        self.content = MP3 * 10
        self.recording.attachment_id.unlink()
        self.recording.write({"state": "remote", "size": 0})
        self.answers[REQUEST] = {"link": LINK.format("1.2")}
        type(self).file = lambda: file_reply(self.content)
