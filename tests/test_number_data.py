import io
import json
import zipfile

from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import CALL_ID, CALLER, RECORDING_ID, START, ZadarmaHttpCase, end, inbound
from .recording_common import MP3, RecordedCase, RecordingMixin
from .statistics_common import StatisticsCase, leg, whole

LOCAL = "0170 12345678"
OTHER = "+4917099999999"
OTHER_CALL = f"in_{8:040x}"


@tagged("post_install", "-at_install")
class TestNumberData(RecordedCase, StatisticsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.zadarma_post_notes = True
        cls.ada = cls.env["res.partner"].create({"name": "Ada", "phone": CALLER})

    def setUp(self):
        super().setUp()
        self.known = self.call(RECORDING_ID)
        self.known.note = "Wants a boat"
        self.run_jobs(2)

    def _data(self, number=LOCAL, user=None):
        return self.env["zadarma.number.data"].with_user(user or self.supervisor).create({"number": number})

    def test_number_in_any_form_finds_what_is_known(self):
        for number in (CALLER, LOCAL, "0049 170 1234 5678", "+49 (170) 12345678"):
            data = self._data(number)
            found = (data.call_count, data.recording_count, data.note_count, data.event_count)
            self.assertEqual(found, (1, 1, 1, 4), number)

    def test_numbers_that_are_nobodys_are_refused(self):
        for number in ("", "101", "anonymous", "493012345678"):
            with self.assertRaises(UserError, msg=number):
                self._data(number).action_erase()

    def test_erasing_is_offered_where_there_is_something(self):
        self.assertTrue(self._data().is_known)
        for number in ("", "101", "anonymous", OTHER):
            self.assertFalse(self._data(number).is_known, number)
        text = {"event": "SMS", "caller_id": OTHER, "text": "Hello"}
        self.deliver(text, process=False)
        self.assertTrue(self._data(OTHER).is_known, "a notification without a call")
        for number in (LOCAL, OTHER):
            data = self._data(number)
            data.action_erase()
            self.assertFalse(data.is_known, number)

    def test_erase_button_waits_for_something(self):
        arch = self.env["zadarma.number.data"].get_view()["arch"]
        button = etree.fromstring(arch).find(".//button[@name='action_erase']")
        self.assertEqual(button.get("invisible"), "not is_known or held_count")

    def test_agents_have_no_part_in_it(self):
        with self.assertRaises(AccessError):
            self._data(user=self.agent)

    def test_erased_call_tells_nobody_who_called(self):
        attachment = self.known.recording_ids.attachment_id
        data = self._data()
        data.action_erase()
        call = self.known
        self.assertFalse(call.number or call.partner_id or call.note or call.statistics)
        self.assertEqual((call.is_erased, call.result, call.duration, call.user_id), (True, "answered", 42, self.agent))
        self.assertFalse(attachment.exists())
        self.assertFalse(self.ada.message_ids.filtered("zadarma_call_id"))
        payloads = "".join(event.payload + event.answer for event in self._find_events(pbx_call_id=CALL_ID))
        self.assertNotIn(CALLER[1:], payloads)
        self.assertNotIn("Ada", payloads)
        self.assertEqual((data.erased_count, data.call_count), (1, 0))
        self.run_jobs()
        self.assertEqual(self.asked_for("DELETE"), [{"call_id": RECORDING_ID}])
        log = self.env["zadarma.recording.access"].search([("call_id", "=", call.id)])
        self.assertEqual((log.kind, log.user_id), ("erase", self.supervisor))

    def test_erased_call_stays_so_whatever_is_told_of_it(self):
        self._data().action_erase()
        self.deliver(
            inbound("START"), end(internal="101", is_recorded="1", call_id_with_rec=RECORDING_ID, status_code="17")
        )
        self.ada.phone = OTHER
        self.ada.phone = CALLER
        self._sweep()
        self.assertFalse(self.known.number or self.known.partner_id)
        self.assertEqual(self.known.recording_ids.mapped("state"), ["removed"])
        self.run_jobs(5)
        self.assertEqual(len(self.loaded), 1)

    def test_erased_call_stays_so_whatever_statistics_tell(self):
        self._data().action_erase()
        self.take(whole(), leg("101", "answered", 50, call_id=RECORDING_ID, is_recorded=True), since=START)
        self.assertFalse(self.known.number or self.known.statistics)
        self.assertEqual(self.known.recording_ids.mapped("state"), ["removed"])

    def test_call_that_zadarma_never_told_of_takes_no_others_with_it(self):
        self.known.write({"pbx_call_id": False})
        text = {"event": "SMS", "caller_id": OTHER, "text": "Hello"}
        self.deliver(text, process=False)
        self._data().action_erase()
        self.assertFalse(self.known.number)
        self.assertIn("Hello", self._find_events(name="SMS").payload)

    def test_others_are_left_alone(self):
        other = self.call("1740823260.99", call_id=OTHER_CALL, caller=OTHER)
        self.run_jobs(2)
        self._data().action_erase()
        self.assertEqual((other.number, other.recording_ids.state), (OTHER, "stored"))
        self.assertIn(OTHER, self._find_events(pbx_call_id=OTHER_CALL)[0].payload)

    def test_longer_number_is_somebody_elses(self):
        text = {"event": "SMS", "caller_id": f"{CALLER}0", "text": "Hello"}
        self.deliver(text, {**text, "caller_id": CALLER, "text": "Mine"}, process=False)
        values = {
            "company_id": self.company.id,
            "kind": "import",
            "date_from": START,
            "date_to": START,
            "position": START,
        }
        rows = self.env["zadarma.import.row"].create(
            [
                {"import_id": self.env["zadarma.import"].create(values).id, "reason": "?", "payload": f'"{number}"'}
                for number in (CALLER, f"{CALLER}0")
            ]
        )
        self._data().action_erase()
        self.assertEqual(rows.exists(), rows[1])
        self.assertIn("Hello", str(self._find_events(name="SMS").mapped("payload")))
        self.assertNotIn("Mine", str(self._find_events(name="SMS").mapped("payload")))

    def test_who_waits_for_a_call_back_is_forgotten(self):
        self.deliver(inbound("START", call_id=OTHER_CALL), inbound("INTERNAL", call_id=OTHER_CALL, internal="101"))
        self.deliver(end("no answer", "0", call_id=OTHER_CALL))
        missed = self.env["zadarma.missed.call"].search([("number", "=", CALLER)])
        self.assertEqual(missed.state, "open")
        self._data().action_erase()
        self.assertEqual((missed.state, missed.number), ("done", "erased"))
        self.assertFalse(missed.activity_id or missed.partner_id)

    def test_legal_hold_keeps_everything(self):
        self.known.legal_hold = True
        data = self._data()
        self.assertEqual(data.held_count, 1)
        with self.assertRaisesRegex(UserError, "legal hold"):
            data.action_erase()
        self.assertEqual(self.known.number, CALLER)

    def test_call_that_goes_on_is_waited_for(self):
        self.deliver(inbound("START", call_id=OTHER_CALL))
        with self.assertRaisesRegex(UserError, "goes on"):
            self._data().action_erase()

    def test_other_companies_are_out_of_reach(self):
        other = self.env["res.company"].create({"name": "Other"})
        data = self._data()
        data.sudo().company_id = other
        self.assertFalse(data.call_count)
        # Who manages companies reads those, too, in which they do not work now.
        self.supervisor.group_ids += self.env.ref("base.group_erp_manager")
        for press in (data.action_export, data.action_load, data.action_erase):
            with self.assertRaisesRegex(AccessError, "Switch to Other first"):
                press()


@tagged("post_install", "-at_install")
class TestExport(RecordingMixin, ZadarmaHttpCase):
    def setUp(self):
        super().setUp()
        self.recording = self._record(number=CALLER, note="Wants a boat")
        self.data = self.env["zadarma.number.data"].with_user(self.supervisor).create({"number": LOCAL})
        self.path = self.data.action_export()["url"]

    def test_export_holds_calls_and_recordings(self):
        self.authenticate(self.supervisor.login, self.supervisor.login)
        response = self.url_open(self.path)
        self.assertEqual(response.headers["Content-Type"], "application/zip")
        self.assertIn("attachment", response.headers["Content-Disposition"])
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            known = json.loads(archive.read("calls.json"))
            (call,) = known["calls"]
            (recording,) = call["recordings"]
            self.assertEqual(archive.read(f"recordings/{recording['file']}"), MP3 * 10)
        self.assertEqual((call["number"], call["note"], call["duration"]), (CALLER, "Wants a boat", 42))
        self.assertEqual((known["part"], known["parts"]), (1, 1))
        log = self.env["zadarma.recording.access"].search([("call_id", "=", self.recording.call_id.id)])
        self.assertEqual((log.kind, log.user_id), ("export", self.supervisor))

    def _export(self, user):
        """Return the names of the files that a user gets, and what the text says of the recording."""
        data = self.env["zadarma.number.data"].with_user(user).create({"number": LOCAL})
        self.authenticate(user.login, user.login)
        with zipfile.ZipFile(io.BytesIO(self.url_open(data.action_export()["url"]).content)) as archive:
            (recording,) = json.loads(archive.read("calls.json"))["calls"][0]["recordings"]
            return data.is_without_recordings, archive.namelist(), recording

    def test_who_may_not_download_recordings_exports_none(self):
        administrator = self._new_user("boss", "sales_team.group_sale_manager,base.group_system")
        for setting, user, is_without in (
            ("supervisors", self.supervisor, False),
            ("all", self.supervisor, False),
            ("nobody", self.supervisor, True),
            ("nobody", administrator, False),
        ):
            self.company.zadarma_recording_download = setting
            told, names, recording = self._export(user)
            kept = [] if is_without else [f"recordings/{recording['file']}"]
            self.assertEqual((told, names), (is_without, ["calls.json", *kept]), f"{setting}, {user.name}")
            self.assertEqual(bool(recording["file"]), not is_without)

    def test_export_is_its_users_alone(self):
        other = self._new_user("other", "sales_team.group_sale_manager")
        for user in (self.agent, other):
            self.authenticate(user.login, user.login)
            self.assertEqual(self.url_open(self.path).status_code, 404, user.login)
        self.authenticate(self.supervisor.login, self.supervisor.login)
        for part in ("0", "x", "-1"):
            self.assertEqual(self.url_open(f"/zadarma/number/{self.data.id}/export?part={part}").status_code, 404)
