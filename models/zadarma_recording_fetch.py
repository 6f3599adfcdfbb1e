# A recording is fetched in transactions of its own: it takes long, and what was done before must stay done.
# pylint: disable=invalid-commit
import hashlib
import logging
from contextlib import contextmanager
from datetime import timedelta
from tempfile import TemporaryFile
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..zadarma_api.client import API_URL
from ..zadarma_api.errors import AuthorizationError, RateLimitError, RefusedError, ZadarmaError, meaning
from ..zadarma_api.recordings import HOSTS, LINK_SECONDS, MAX_BYTES, Downloader, DownloadError, key_of, links_of
from .zadarma_event import CONCURRENCY_ERRORS

_logger = logging.getLogger(__name__)

REQUEST_PATH = "/v1/pbx/record/request/"
# How long to wait after each time that Zadarma had nothing; after the last one, people are asked to decide.
_PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 60, 6 * 60, 24 * 60))
# What may be over at any time is tried again at least so often, and given up after about a fortnight.
_LONGEST_PAUSE = timedelta(hours=1)
_MAX_ATTEMPTS = 14 * 24
# A worker that was killed leaves a recording alone for so long.
LEASE = timedelta(minutes=1)
# What was loaded for somebody who listens is kept for those who listen again.
_KEPT_COPY = timedelta(days=1)
_BATCH = 50
# So many seconds may one recording take in the background, and while somebody waits for it.
_SECONDS, _SECONDS_OF_PEOPLE = 75, 20


class Trouble(NamedTuple):
    """Why a recording did not come.

    :ivar kind: ``miss`` (Zadarma has nothing), ``final`` (asking again would not help), ``fault`` (another time it may
        come), or ``busy`` (Zadarma was not asked).
    :ivar text: for people.
    :ivar wait: seconds before the next try, 0 to go by how often it was tried.
    :ivar is_general: whether others of the company would meet the same now.
    :ivar hope: for people, as long as it is tried again; the text for nothing.
    """

    kind: str
    text: str
    wait: int = 0
    is_general: bool = False
    hope: str = ""


class ZadarmaRecording(models.Model):
    """How recordings come from Zadarma."""

    # A recording has several sides, each in a file of its own.
    _inherit = "zadarma.recording"  # pylint: disable=consider-merging-classes-inherited

    # === WHEN === #

    @api.model
    def _cron_process(self):
        """Do with recordings what is due: load them, forget copies, delete those at Zadarma."""
        now = fields.Datetime.now()
        is_wanted = Domain("state", "=", "removed") | Domain("company_id.zadarma_fetch_recordings", "=", True)
        due = self.search(Domain("next_try", "<=", now) & is_wanted, order="next_try, id", limit=_BATCH + 1)
        companies = {recording: recording.company_id for recording in due}
        resting = set(filter(self._is_account_refused, due.company_id))
        for done, recording in enumerate(due[:_BATCH], start=1):
            if companies[recording] not in resting and recording._process():
                resting.add(companies[recording])
            if not self.env["ir.cron"]._commit_progress(1, remaining=len(due) - done):
                return

    @api.model
    def _is_account_refused(self, company):
        """Tell whether Zadarma does not take the company's key; asking on would not make it do so."""
        check = self.env["zadarma.check"]._find(company, "account")
        return check.state == "failed" and check.reason == "key"

    def _process(self):
        """Do what is due, in transactions of its own on the environment's cursor.

        :return: whether others of the company had better wait.
        :rtype: bool
        """
        self.ensure_one()
        return self._in_turn(self._process_held)

    def _process_held(self):
        if not self.next_try or self.next_try > fields.Datetime.now():
            return False
        if self.state == "removed":
            return self._delete_remote()
        if self.state == "remote" and self.attachment_id:
            self._forget_copy()
        elif self.state == "waiting" and self.company_id.zadarma_recording_storage == "zadarma":
            self.write({"state": "remote", "next_try": False, "error": False})
        else:
            return self._load()
        return False

    def _in_turn(self, work):
        """Do something with the recording, of which one process at a time does something.

        Whoever comes second leaves. What goes wrong is written down and does not touch others.

        :param work: a callable; what it leaves uncommitted is committed.
        :return: what the callable returns; false where it did not come to its end.
        """
        cr = self.env.cr
        with self._held() as is_held:
            if not is_held or not self.exists():
                return False
            try:
                result = work()
                cr.commit()
                return result
            except Exception as error:  # one recording's trouble is written down and does not touch the others
                cr.rollback()
                if getattr(error, "pgcode", None) in CONCURRENCY_ERRORS:
                    _logger.info("Zadarma: recording %s was changed meanwhile, it is taken up again", self.id)
                else:
                    _logger.exception("Zadarma: recording %s could not be processed", self.id)
                return False

    @contextmanager
    def _held(self):
        """Hold the recording's lock, one process a recording, and yield whether it was free.

        The lock is not the transaction's: nobody who changes the call has to wait while a file is on its way.
        """
        cr = self.env.cr
        digest = hashlib.sha256(f"zadarma.recording:{self.id}".encode()).digest()
        lock = int.from_bytes(digest[:8], "big", signed=True)
        cr.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        is_held = cr.fetchone()[0]
        cr.commit()
        self.env.invalidate_all(flush=False)
        try:
            yield is_held
        finally:
            cr.rollback()
            self.env.invalidate_all(flush=False)
            if is_held:
                cr.execute("SELECT pg_advisory_unlock(%s)", [lock])
                cr.commit()

    def _load_now(self):
        """Load the file while somebody waits for it; what does not come in time is left to the cron."""
        self.ensure_one()
        # A connection that waits keeps no transaction, nor would this one see what another brings.
        self.env.cr.rollback()
        with self.env.registry.cursor() as cr:
            recording = api.Environment(cr, SUPERUSER_ID, {})[self._name].browse(self.id)
            recording._in_turn(recording._load_for_people)
        self.env.invalidate_all(flush=False)

    def _load_for_people(self):
        if self._is_playable() and not self._has_file():
            self._load(is_urgent=True)

    # === LOADING === #

    def _load(self, is_urgent=False):
        """Load the file; the lock is held.

        :param bool is_urgent: whether a person waits for it.
        :return: whether others of the company had better wait.
        :rtype: bool
        """
        cr = self.env.cr
        # Written down before: one at which a worker dies each time does not come first for ever.
        self.write({"attempts": self.attempts + 1, "next_try": fields.Datetime.now() + LEASE})
        cr.commit()
        try:
            self._load_file(is_urgent)
        except (ZadarmaError, DownloadError, UserError, OSError) as error:
            cr.rollback()
            self.env.invalidate_all(flush=False)
            if not self.exists():
                return False
            trouble = self._get_trouble(error)
            self._note_trouble(trouble)
            return trouble.is_general
        return False

    def _load_file(self, is_urgent):
        """Ask for the link, load what is behind it, and keep that."""
        client = self.company_id._zadarma_client(urgent=is_urgent)
        seconds = _SECONDS_OF_PEOPLE if is_urgent else _SECONDS
        link = self._ask_link(client)
        self.env.cr.commit()
        with TemporaryFile() as file:
            loaded = self._get_downloader().load(link, file, seconds=seconds)
            file.seek(0)
            content = file.read()
        self.env.invalidate_all(flush=False)
        if not self.try_lock_for_update() or self.state not in ("waiting", "remote", "stored"):
            return
        self._store(content, loaded.mimetype)
        is_copy = self.state == "remote"
        self.write(
            {
                "state": "remote" if is_copy else "stored",
                "next_try": is_copy and fields.Datetime.now() + _KEPT_COPY,
            }
        )

    def _ask_link(self, client):
        """Return the link to the file.

        :param zadarma_api.client.ZadarmaClient client: of the company's account.
        :raise DownloadError: where there is none.
        """
        # As a number, an id of the statistics may have lost its last digits.
        if self.key and self.call_id.source == "notifications":
            asked = {"call_id": self.key}
        else:
            asked = {"pbx_call_id": self.call_id.pbx_call_id or ""}
        links = links_of(client.get(REQUEST_PATH, {**asked, "lifetime": LINK_SECONDS}, retry=False))
        if not links:
            raise DownloadError("missing", "There is no link")
        return links[0] if "call_id" in asked and len(links) == 1 else self._choose_link(links)

    def _choose_link(self, links):
        """Return which of a call's links is this recording's, and have a row for each of the others."""
        by_key = {key_of(link): link for link in links}
        if "" in by_key:
            rows = self.call_id.recording_ids.sorted("id")
            # Without ids, the links are told apart by their place.
            self.create([{"call_id": self.call_id.id, "next_try": self.next_try}] * (len(links) - len(rows)))
            position = list(rows).index(self)
            return links[position] if position < len(links) else links[-1]
        state = "remote" if self.state == "remote" else "waiting"
        self.call_id._add_recordings(sorted(by_key), {"state": state, "next_try": self.next_try})
        numbers = {float(key): link for key, link in by_key.items()}
        link = by_key.get(self.key) or numbers.get(float(self.key) if key_of(f"{self.key}.mp3") else None)
        if not link:
            raise DownloadError("missing", "There are others of the call")
        return link

    @api.model
    def _get_downloader(self):
        """Return what loads files from where the provider keeps them."""
        parameters = self.env["ir.config_parameter"]
        hosts = parameters.get_param("zadarma.recording_hosts") or ",".join(HOSTS)
        return Downloader(hosts.split(","), parameters.get_param("zadarma.api_url") or API_URL)

    def _forget_copy(self):
        """Forget the file of a recording that is kept at Zadarma."""
        self.attachment_id.unlink()
        self.write({"next_try": False, "size": 0, "checksum": False})

    # === TROUBLE === #

    def _get_trouble(self, error):
        """Return what an exception means for the recording."""
        if isinstance(error, DownloadError):
            return self._get_download_trouble(error)
        if isinstance(error, OSError):
            _logger.warning("Zadarma: recording %s could not be written, %s", self.id, error.strerror)
            text = self.env._(
                "The recording could not be written to this server's disk. It is tried again; an administrator sees to"
                " it that there is room."
            )
            return Trouble("fault", text)
        if isinstance(error, UserError):
            return Trouble("busy", str(error), wait=3600, is_general=True)
        return self._get_request_trouble(error)

    def _get_request_trouble(self, error):
        text = self.company_id._zadarma_explain(error)
        if isinstance(error, RateLimitError):
            return Trouble("busy", text, wait=max(error.retry_after, 1), is_general=True)
        if isinstance(error, AuthorizationError):
            return Trouble("fault", text, wait=3600, is_general=True)
        if not isinstance(error, RefusedError):
            return Trouble("fault", text, is_general=meaning(error) == "unreachable")
        return self._get_miss() if self._is_not_found(error) else Trouble("miss", text)

    def _get_miss(self):
        return Trouble(
            "miss",
            self.env._("Zadarma has no recording of this call."),
            hope=self.env._("Zadarma does not have the recording ready yet."),
        )

    def _get_download_trouble(self, error):
        if error.reason == "missing":
            return self._get_miss()
        kind = {"type": "miss", "size": "final", "address": "final"}.get(error.reason, "fault")
        texts = {
            "type": self.env._("What Zadarma sent is no recording."),
            "size": self.env._("The recording is larger than %(size)s MB.", size=MAX_BYTES // 1024**2),
            "address": self.env._(
                "Zadarma's link points to a place that recordings are not loaded from. If it is the provider's, an"
                " administrator adds its host to the system parameter zadarma.recording_hosts."
            ),
        }
        return Trouble(kind, texts.get(error.reason) or self.env._("The recording did not come whole."))

    @api.model
    def _is_not_found(self, error):
        return error.http_status == 404 or "not found" in error.message.lower()

    def _note_trouble(self, trouble):
        """Write down why a recording did not come, and when it is tried again, if it is."""
        if not self.try_lock_for_update():
            return
        now = fields.Datetime.now()
        misses = self.misses + (trouble.kind == "miss")
        values = {"misses": misses, "error": trouble.hope or trouble.text}
        if trouble.kind == "busy":
            values["attempts"] = self.attempts - 1
        if self._is_given_up(trouble, misses):
            self.write({**values, "error": trouble.text, **self._get_end(trouble)})
            return
        pause = _PAUSES[min(max(misses, self.attempts if trouble.kind == "fault" else 1), len(_PAUSES)) - 1]
        if trouble.kind == "fault":
            pause = min(pause, _LONGEST_PAUSE)
        self.write({**values, "next_try": now + (timedelta(seconds=trouble.wait) if trouble.wait else pause)})

    def _is_given_up(self, trouble, misses):
        if trouble.kind == "final":
            return True
        if trouble.kind == "miss":
            # What is kept at Zadarma and was there long ago is not waited for.
            is_old = (self.call_id.date_end or self.date_start) < fields.Datetime.now() - _PAUSES[-1]
            return misses > len(_PAUSES) or (self.state == "remote" and is_old)
        return trouble.kind == "fault" and self.attempts >= _MAX_ATTEMPTS

    def _get_end(self, trouble):
        """Return the values of a recording that is given up."""
        if self.state == "removed":
            return {"next_try": False}
        # Zadarma may call a call recorded in which nobody talked.
        if trouble.kind == "miss" and not self.call_id.date_talk:
            return {"state": "removed", "next_try": False, "error": False}
        return {"state": "failed", "next_try": False}

    def action_try_again(self):
        """Have it tried once more: to load what was given up, to delete at Zadarma what could not be."""
        self.check_access("read")
        # sudo: zadarma.recording - people change nothing of a recording, and may have what failed done again
        failed_sudo = self.sudo().filtered(lambda recording: recording.error and recording._is_offered())
        for recording_sudo in failed_sudo:
            state = "removed" if recording_sudo.state == "removed" else "waiting"
            now = fields.Datetime.now()
            recording_sudo.write({"state": state, "error": False, "attempts": 0, "misses": 0, "next_try": now})
        failed_sudo._wake_cron()

    def _wake_cron(self):
        """Have what is due done now and not in a minute."""
        if self:
            # sudo: ir.cron - the job that anybody's recordings wait for
            self.env.ref("zadarma.ir_cron_recordings").sudo()._trigger()
