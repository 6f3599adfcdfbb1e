from odoo.tests import tagged

from odoo.addons.mail.tools.discuss import Store

from .common import CALLER, ZadarmaCase, inbound
from .recording_common import RecordingMixin

OTHER_CALL_ID = "in_0000000000000000000000000000000000000002"


@tagged("post_install", "-at_install")
class TestPlayer(RecordingMixin, ZadarmaCase):
    def _notes(self, record, user):
        """Return what a user's chatter gets of the notes of calls on a record."""
        messages = record.message_ids.filtered("zadarma_call_id").with_user(user)
        store = Store().add(messages).get_result()
        return [note for note in store["mail.message"] if note["id"] in messages.ids]

    def _note(self, recording):
        """Have a note of the call on its contact, which everybody here may read."""
        recording.call_id.partner_id = self.env["res.partner"].create({"name": "Anna", "phone": CALLER})
        recording.call_id._post_note()
        return recording.call_id.partner_id

    def test_list_comes_with_what_plays_its_recordings(self):
        recording = self._record()
        calls = self.env["zadarma.call"].with_user(self.agent)
        silent = self._record(pbx_call_id="in_silent").call_id
        silent.recording_ids.unlink()
        spec = {"player": {}}
        rows = {row["id"]: row["player"] for row in calls.web_search_read([], spec)["records"]}
        self.assertEqual(
            [values["url"] for values in rows[recording.call_id.id]], [f"/zadarma/recording/{recording.id}"]
        )
        self.assertFalse(rows[silent.id])

    def test_list_asks_once_for_all_of_its_recordings(self):
        for number in range(6):
            self._record(pbx_call_id=f"in_{number}")

        def count(limit):
            self.env.invalidate_all()
            calls = self.env["zadarma.call"].with_user(self.agent).search([], limit=limit)
            before = self.env.cr.sql_log_count
            self.assertEqual(len([call for call in calls if call.player]), limit)
            return self.env.cr.sql_log_count - before

        count(1)
        self.assertEqual(count(1), count(6))

    def test_who_may_not_hear_it_has_no_player(self):
        recording = self._record()
        self.assertTrue(recording.call_id.with_user(self.supervisor).player)
        self.assertFalse(recording.call_id.with_user(self.colleague).player)

    def test_note_has_a_player_for_who_may_hear_it(self):
        recording = self._record()
        partner = self._note(recording)
        for user, expected in ((self.agent, [recording.id]), (self.supervisor, [recording.id]), (self.colleague, [])):
            with self.subTest(user.name):
                (note,) = self._notes(partner, user)
                self.assertEqual([values["id"] for values in note["zadarma_recordings"]], expected)

    def test_note_does_not_mourn_what_was_removed(self):
        recording = self._record()
        partner = self._note(recording)
        recording._remove()
        (note,) = self._notes(partner, self.agent)
        self.assertEqual(note["zadarma_recordings"], [])

    def test_popup_plays_the_last_call(self):
        recording = self._record(number=CALLER)
        self.deliver(
            inbound("START", call_id=OTHER_CALL_ID, start="2025-03-01 10:05:00"),
            inbound("INTERNAL", call_id=OTHER_CALL_ID, start="2025-03-01 10:05:00", internal="101"),
        )
        last_call = self._find_call(OTHER_CALL_ID)._get_popup_values(self.agent)["last_call"]
        self.assertEqual([values["id"] for values in last_call["player"]], [recording.id])

    def test_player_asks_only_about_what_its_user_may_hear(self):
        recording = self._record()
        self.assertEqual(len(recording.with_user(self.agent).get_player_values()), 1)
        self.assertEqual(recording.with_user(self.colleague).get_player_values(), [])
        recording.unlink()
        self.assertEqual(recording.with_user(self.agent).get_player_values(), [])

    def test_switched_off_there_is_no_player_anywhere(self):
        recording = self._record()
        partner = self._note(recording)
        self.company.zadarma_fetch_recordings = False
        self.assertFalse(recording.call_id.with_user(self.agent).player)
        (note,) = self._notes(partner, self.agent)
        self.assertEqual(note["zadarma_recordings"], [])
