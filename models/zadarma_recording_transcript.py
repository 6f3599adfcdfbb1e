# A transcript is asked for in transactions of its own, see zadarma_recording_fetch.py.
# pylint: disable=invalid-commit
from dataclasses import asdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..zadarma_api.errors import RefusedError, ZadarmaError, meaning
from ..zadarma_api.transcript import PATH, Recognition, parse_transcript, plain_text
from .zadarma_recording import PLAYABLE
from .zadarma_recording_fetch import LEASE

# How long to wait between two looks whether Zadarma is done.
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 1, 2, 5, 10, 30, 60))
# What Zadarma has not begun by then it never heard of.
_BEGINS_WITHIN = timedelta(minutes=10)
# Zadarma is given so long to write it down, and so long to be reached at all.
_PATIENCE_FOR_WORK, _PATIENCE_FOR_TROUBLE = timedelta(days=1), timedelta(days=14)
_BATCH = 50
_OPEN = ("asked", "running")
_NONE = {
    "transcript_state": False,
    "transcript_error": False,
    "transcript_lines": False,
    "transcript_text": False,
    "transcript_attempts": 0,
    "transcript_next_try": False,
    "transcript_wanted_at": False,
    "transcript_asked_at": False,
}


class ZadarmaRecording(models.Model):
    """What was said in a recording, as Zadarma's speech recognition writes it down.

    It costs money, so that nothing is asked for twice: what Zadarma has is looked up first. Whoever may hear the
    recording may read it, and it goes with the recording.
    """

    # A recording has several sides, each in a file of its own.
    _inherit = "zadarma.recording"  # pylint: disable=consider-merging-classes-inherited

    transcript_state = fields.Selection(
        [
            ("asked", "Asked for"),
            ("running", "Being made"),
            ("ready", "Ready"),
            ("empty", "Nothing understood"),
            ("failed", "Failed"),
        ],
        string="Transcript Status",
        readonly=True,
        copy=False,
    )
    transcript_error = fields.Char(string="Why There Is No Transcript", readonly=True, copy=False)
    transcript_lines = fields.Json(readonly=True, copy=False, help="What was said, with speakers and times.")
    transcript_text = fields.Text(
        string="Transcript", readonly=True, copy=False, index="trigram", help="What was said, to be searched."
    )
    transcript_attempts = fields.Integer(readonly=True, copy=False)
    transcript_next_try = fields.Datetime(readonly=True, copy=False, help="When Zadarma is asked next, if ever.")
    transcript_wanted_at = fields.Datetime(
        readonly=True, copy=False, help="When people, or the settings, asked for it."
    )
    transcript_asked_at = fields.Datetime(readonly=True, copy=False, help="When Zadarma was asked to make it.")

    _transcript_next_try_idx = models.Index("(transcript_next_try) WHERE transcript_next_try IS NOT NULL")

    # === CRUD === #

    def write(self, vals):
        """Override to ask for the transcripts of recordings that have just come, where they are always wanted."""
        is_there = vals.get("state") in PLAYABLE
        arrived = self.filtered(lambda recording: recording.state == "waiting") if is_there else self.browse()
        result = super().write(vals)
        arrived.filtered(lambda recording: recording._is_always_transcribed())._want_transcript()
        return result

    def _remove(self, not_before=None):
        """Override to remove what was said together with how it was said."""
        self.write(_NONE)
        return super()._remove(not_before)

    def _prepare_export(self):
        """Override to hand over what was said, too."""
        return {**super()._prepare_export(), "transcript": self.transcript_lines or False}

    # === FOR PEOPLE === #

    def _get_player_values(self):
        """Override to add ``transcript`` (its state), ``transcript_error``, and whether one can be asked for."""
        values = super()._get_player_values()
        for recording_values in values:
            recording = self.browse(recording_values["id"])
            may_ask = recording._may_transcribe()
            # What was asked for before the feature was switched off is not under way.
            is_shown = may_ask or recording.transcript_state not in (*_OPEN, "failed")
            recording_values.update(
                transcript=is_shown and recording.transcript_state,
                transcript_error=is_shown and recording.transcript_error,
                can_transcribe=may_ask,
            )
        return values

    def get_transcript(self):
        """Return what was said in the recording, line by line, and write down that the user reads it.

        :return: dicts with ``start`` in seconds (none where that is not known), ``speaker`` (a number, 0 where there is
            none) and ``text``.
        :rtype: list[dict]
        """
        self.ensure_one()
        self.check_access("read")
        if not self._is_offered() or not self.transcript_lines:
            return []
        self._note_listening("read")
        return self.transcript_lines

    def action_transcribe(self):
        """Have transcripts made, of recordings that have none and are not having one made."""
        self.check_access("read")
        if not all(recording._may_transcribe() for recording in self):
            raise UserError(
                self.env._(
                    "There are no transcripts of this recording. An administrator switches them on in the settings of"
                    " Zadarma."
                )
            )
        # sudo: zadarma.recording - who may hear a recording may have it written down
        self.sudo()._want_transcript()

    def _may_transcribe(self):
        """Tell whether a transcript of the recording may be asked for."""
        # sudo: res.company - a setting that holds for everybody
        return self._is_playable() and self.company_id.sudo().zadarma_transcripts != "never"

    def _is_always_transcribed(self):
        """Tell whether the company wants this recording transcribed without being asked."""
        return self.company_id.zadarma_transcripts == "always" and self._may_transcribe() and self.call_id._is_taken()

    def _want_transcript(self):
        wanted = self.filtered(lambda recording: recording.transcript_state in (False, "failed"))
        if wanted:
            now = fields.Datetime.now()
            values = {"transcript_state": "asked", "transcript_wanted_at": now, "transcript_next_try": now}
            wanted.write({**_NONE, **values})
            # sudo: ir.cron - the job that anybody's transcripts wait for
            self.env.ref("zadarma.ir_cron_transcripts").sudo()._trigger()

    # === CRON === #

    @api.model
    def _cron_transcribe(self):
        """Ask Zadarma for the transcripts that are due; a company with which something is wrong waits."""
        due = self.search(
            Domain("transcript_next_try", "<=", fields.Datetime.now())
            & Domain("company_id.zadarma_transcripts", "!=", "never")
            & Domain("company_id.zadarma_fetch_recordings", "=", True),
            order="transcript_next_try, id",
            limit=_BATCH + 1,
        )
        companies = {recording: recording.company_id for recording in due}
        resting = set(filter(self._is_account_refused, due.company_id))
        for done, recording in enumerate(due[:_BATCH], start=1):
            if companies[recording] not in resting and recording._in_turn(recording._transcribe):
                resting.add(companies[recording])
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(due) - done):
                return

    def _transcribe(self):
        """Do the next step to the transcript; the lock is held.

        :return: whether others of the company had better wait.
        :rtype: bool
        """
        now = fields.Datetime.now()
        if not self.transcript_next_try or self.transcript_next_try > now:
            return False
        if not self._is_playable():
            self.write(_NONE)
            return False
        # Written down before: one at which a worker dies each time does not come first for ever.
        self.write({"transcript_attempts": self.transcript_attempts + 1, "transcript_next_try": now + LEASE})
        self.env.cr.commit()
        try:
            self._ask_transcript()
        except (ZadarmaError, UserError) as error:
            self.env.cr.rollback()
            self.env.invalidate_all(flush=False)
            return self._note_transcript_trouble(error)
        return False

    def _ask_transcript(self):
        """Ask how far the transcript is, and take it or do what is to be done next."""
        client = self.company_id._zadarma_client()
        params = {"call_id": self.key, **self._prepare_transcript_params()}
        if not self.key:
            self._fail_transcript(self.env._("Zadarma has not told the recording's id, by which it could be asked."))
            return
        self.env.cr.commit()
        transcript = parse_transcript(client.get(PATH, {**params, "return": "words"}, retry=False))
        # Somebody may have removed the recording meanwhile.
        self.invalidate_recordset()
        if not self.try_lock_for_update() or not self._is_playable():
            return
        if transcript.recognition is Recognition.RECOGNIZED:
            self._take_transcript(transcript.lines)
        elif transcript.recognition is Recognition.UNAVAILABLE:
            self._fail_transcript(self._get_unavailable_text())
        elif self._is_to_be_begun(transcript.recognition):
            self.transcript_asked_at = fields.Datetime.now()
            self._wait_for_transcript()
            # Before Zadarma is asked: a worker that dies now must not ask again at once, which would cost again.
            self.env.cr.commit()
            client.call("PUT", PATH, params)
        elif transcript.recognition is Recognition.FAILED:
            self._fail_transcript(self.env._("Zadarma could not understand this recording."))
        elif fields.Datetime.now() > (self.transcript_asked_at or self.transcript_wanted_at) + _PATIENCE_FOR_WORK:
            self._fail_transcript(self.env._("Zadarma did not finish the transcript within a day."))
        else:
            self._wait_for_transcript()

    def _prepare_transcript_params(self):
        """Return in which language Zadarma is to listen, nothing for the one that is set there."""
        language = self.company_id.zadarma_transcript_lang
        return {"lang": language} if language else {}

    def _is_to_be_begun(self, recognition):
        """Tell whether Zadarma has to be asked to begin, for the first time or because it does not know of it."""
        if recognition is Recognition.FAILED:
            return not self.transcript_asked_at
        is_late = not self.transcript_asked_at or fields.Datetime.now() > self.transcript_asked_at + _BEGINS_WITHIN
        return recognition is Recognition.READY and is_late

    def _take_transcript(self, lines):
        self.write(
            {
                **_NONE,
                "transcript_state": "ready" if lines else "empty",
                "transcript_lines": [asdict(line) for line in lines] or False,
                "transcript_text": plain_text(lines) or False,
            }
        )

    def _wait_for_transcript(self):
        """Look again later; where Zadarma has begun, or been asked to, the transcript is under way."""
        pause = _PAUSES[min(self.transcript_attempts, len(_PAUSES)) - 1]
        state = "running" if self.transcript_asked_at else self.transcript_state
        self.write({"transcript_state": state, "transcript_next_try": fields.Datetime.now() + pause})

    # === TROUBLE === #

    def _fail_transcript(self, text):
        self.write({"transcript_state": "failed", "transcript_error": text, "transcript_next_try": False})

    def _note_transcript_trouble(self, error):
        """Write down why Zadarma did not answer, and when it is asked again, if it is.

        :return: whether others of the company would meet the same now.
        :rtype: bool
        """
        if not self.try_lock_for_update() or not self.transcript_next_try:
            return False
        if isinstance(error, RefusedError):
            self._fail_transcript(self._get_refusal_text(error))
            return False
        trouble = self._get_trouble(error)
        if fields.Datetime.now() > self.transcript_wanted_at + _PATIENCE_FOR_TROUBLE:
            self._fail_transcript(trouble.text)
        elif trouble.wait:
            self.transcript_next_try = fields.Datetime.now() + timedelta(seconds=trouble.wait)
        else:
            self._wait_for_transcript()
        return trouble.is_general

    def _get_refusal_text(self, error):
        if self._is_not_found(error):
            return self.env._("Zadarma no longer has this recording.")
        if meaning(error) == "refused":
            return self._get_unavailable_text()
        return self.company_id._zadarma_explain(error)

    def _get_unavailable_text(self):
        return self.env._(
            "Zadarma does not recognize speech for this extension. It is switched on at Zadarma, in the extension's"
            " settings of call recording, if the plan includes it."
        )
