import io
import wave

from odoo import fields
from odoo.tests import TransactionCase, new_test_user
from odoo.tools.convert import convert_file


class TestDemo(TransactionCase):
    """The demo data loads on any day and has everything in it that people are to try."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # All that the demo data needs of Odoo's own.
        if not cls.env.ref("base.user_demo", raise_if_not_found=False):
            agent = new_test_user(cls.env, "zadarma_marc", groups="sales_team.group_sale_salesman")
            cls.env["ir.model.data"]._update_xmlids([{"xml_id": "base.user_demo", "record": agent}])
        cls.env["zadarma.extension"].search([]).unlink()
        cls.mails = cls.env["mail.mail"].search([]).mapped("subject")
        convert_file(cls.env, "zadarma", "demo/zadarma_demo.xml", {}, mode="init", noupdate=True)
        cls.company = cls.env.ref("base.main_company")
        cls.agent = cls.env.ref("base.user_demo")

    def _find_calls(self, *domain):
        return self.env["zadarma.call"].search([("company_id", "=", self.company.id), *domain])

    def test_all_that_should_follow_from_the_calls_followed(self):
        self.assertFalse(self._find_calls(("is_settled", "=", False)).mapped("display_name"))
        self.assertFalse(self._find_calls(("settle_error", "!=", False)))

    def test_no_mail_is_sent_and_nothing_is_loaded_from_zadarma(self):
        self.assertEqual(self.env["mail.mail"].search([]).mapped("subject"), self.mails)
        self.assertFalse(self.env["zadarma.recording"].search([("next_try", "!=", False)]))

    def test_all_calls_are_over_by_now(self):
        self.assertFalse(self._find_calls("|", ("state", "!=", "ended"), ("date_end", ">", fields.Datetime.now())))

    def test_callers_wait_for_a_call_and_others_were_called_back(self):
        rows = self.env["zadarma.missed.call"].search([("company_id", "=", self.company.id)])
        self.assertGreaterEqual(len(rows.filtered(lambda row: row.state == "open")), 3)
        self.assertIn(2, rows.mapped("tries"))
        self.assertTrue(rows.filtered(lambda row: row.state == "reached").closed_call_id)

    def test_new_customers_have_opportunities_of_who_talked(self):
        lead = self.env["crm.lead"].search([("contact_name", "=", "Hanna Scholz")])
        self.assertEqual(lead.user_id, self.env.ref("zadarma.user_julia"))
        self.assertEqual(lead.phone_sanitized, "+493023125471")

    def test_recordings_play_and_their_transcripts_fit_them(self):
        recordings = self._find_calls(("has_recording", "=", True)).recording_ids
        self.assertEqual(len(recordings), 3)
        for recording in recordings:
            with wave.open(io.BytesIO(recording.attachment_id.raw)) as sound:
                seconds = sound.getnframes() / sound.getframerate()
            self.assertEqual(seconds, recording.call_id.duration)
            for line in recording.transcript_lines or []:
                self.assertLess(line["start"], seconds)
        self.assertEqual(len(recordings.filtered("transcript_text")), 2)

    def test_a_call_list_is_half_done(self):
        call_list = self.env["zadarma.call.list"].search([("user_ids", "in", self.agent.ids)], limit=1)
        self.assertEqual((call_list.done_count, call_list.todo_count, call_list.left_out_count), (3, 4, 1))

    def test_a_blocked_number_has_tried(self):
        self.assertEqual(self.env.ref("zadarma.zadarma_blocked_number_nuisance").try_count, 3)

    def test_the_overview_has_something_to_compare(self):
        supervisor = new_test_user(self.env, "zadarma_chief", groups="sales_team.group_sale_manager")
        overview = self.env["zadarma.call"].with_user(supervisor).get_overview("month")
        for period in ("now", "before"):
            self.assertGreater(overview[period]["missed"], 0)
            self.assertGreater(overview[period]["reached"], 0)
        self.assertGreater(len(overview["heat"]), 20)
