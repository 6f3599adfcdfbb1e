from datetime import datetime, timedelta, timezone

from odoo import api, fields, models

from ..models.res_company import get_zone
from ..zadarma_api.transcript import Line
from .sound import speak
from .story import VISITORS, remember, tell


class ZadarmaCall(models.Model):
    """The calls of the demo data: a sales team of four, two months of ordinary days and an eventful last week."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _install_demo(self):
        """Create the calls, and draw what follows from those of the last week as if they had come by themselves."""
        company, agent = self.env.ref("base.main_company"), self.env.ref("base.user_demo")
        now, zone = datetime.now(timezone.utc), get_zone(company.zadarma_tz)
        self._create_demo(company, remember(now, zone))
        story = tell(now, zone)
        is_drawn = {"is_settled": False, "is_followed_up": True}
        calls = self._create_demo(company, [state for _told, state in story], **is_drawn)
        lines = self._make_demo_list(agent)
        for call, (told, _state) in zip(calls, story, strict=True):
            call._for_consequences()._settle()
            call._tell_demo(told, lines)
        # Of those whose caller became known by a later call there is more to do, as the sweeping cron would find.
        for call in self.search([("company_id", "=", company.id), ("is_settled", "=", False)]):
            call._for_consequences()._settle()

    @api.model
    def _create_demo(self, company, states, **more):
        """Create calls from what they are, with a few statements for all of them.

        :param list[CallState] states: of calls that are over.
        :param more: further values of each.
        """
        calls = self.with_company(company).with_context(zadarma_directory=self._read_directory(company))
        vals_list = [
            {
                **calls._prepare_values(company, state, self.browse()),
                "company_id": company.id,
                "pbx_call_id": state.pbx_call_id,
                **more,
            }
            for state in states
        ]
        calls._identify_many(company, vals_list)
        created = calls.create(vals_list)
        legs = [
            calls._prepare_leg_values(company, call, leg)
            for call, state in zip(created, states, strict=True)
            for leg in state.legs
        ]
        self.env["zadarma.call.leg"].create(legs)
        return created.with_env(self.env)

    @api.model
    def _make_demo_list(self, agent):
        """Return the lines of a list of people that a supervisor made for a user to call."""
        supervisor = self.env.ref("base.user_admin")
        visitors = self.env["res.partner"].concat(*(self.env.ref(f"zadarma.visitor_{name}") for name in VISITORS))
        call_list = self.env["zadarma.call.list"].with_user(supervisor)._make(visitors.with_user(supervisor)).sudo()
        call_list.write({"name": "Visitors of the trade fair", "user_ids": agent.ids})
        return call_list.line_ids

    def _tell_demo(self, told, lines):
        """Add what people know of the call: whose lead it is, what was said, and what came of it.

        :param Told told: the call of the story.
        :param zadarma.call.list.line lines: those that calls may be made for.
        """
        if told.lead:
            lead = self.lead_id.with_context(tracking_disable=True, mail_auto_subscribe_no_notify=True)
            lead.write({"user_id": self.user_id.id, **told.lead})
        if told.dialogue:
            self._record_demo(told)
        if told.told:
            outcome, note, days = told.told
            line = lines.filtered(lambda line: self.direction == "outbound" and line.number == self.number)
            line.write({"call_id": self.id, "user_id": self.user_id.id, "taken_at": self.date_start})
            next_date = days is not None and fields.Date.context_today(self) + timedelta(days=days)
            self.with_user(self.user_id).action_save_outcome(self.env.ref(outcome).id, note, next_date)

    def _record_demo(self, told):
        """Store the recording of the call, which nobody has to load."""
        content, starts, _seconds = speak(told.dialogue)
        self.recording_ids._store(content, "audio/wav")
        self.recording_ids.write({"state": "stored", "next_try": False})
        if told.is_transcribed:
            lines = zip(starts, told.dialogue, strict=True)
            self.recording_ids._take_transcript([Line(start, speaker, text) for start, (speaker, text) in lines])
