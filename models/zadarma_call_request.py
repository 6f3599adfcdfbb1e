# A click is written down before Zadarma is asked, in a transaction of its own.
# pylint: disable=invalid-commit
import hashlib
import logging
from contextlib import contextmanager
from datetime import timedelta, timezone

import psycopg2
from psycopg2 import errorcodes

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..zadarma_api import errors
from ..zadarma_api.numbers import Kind, format_number, parse_typed_number
from ..zadarma_api.pairing import FIRST_WITHIN, SECOND_WITHIN, TOLERANCE

_logger = logging.getLogger(__name__)

_CALLBACK = "/v1/request/callback/"
_STATUS = "/v1/pbx/internal/{}/status/"
# Clicks on a number that follow each other this closely are one, in whatever tab.
_SAME_CLICK = timedelta(seconds=10)
_CONCURRENCY_ERRORS = (errorcodes.SERIALIZATION_FAILURE, errorcodes.DEADLOCK_DETECTED, errorcodes.LOCK_NOT_AVAILABLE)
_MAX_TRIES = 5
_CLOSE_BATCH = 500


class CallRefusalError(Exception):
    """Why a call is not made, told to the person who wants it.

    :ivar code: one word for the web client.
    :ivar message: what happened and what to do.
    :ivar can_confirm: whether it is made all the same if the person says so.
    """

    def __init__(self, code, message, can_confirm=False):
        super().__init__(message)
        self.code = code
        self.message = message
        self.can_confirm = can_confirm

    def to_client(self):
        """Return the refusal as the web client gets it."""
        return {"refused": self.code, "message": self.message, "can_confirm": self.can_confirm}


class ZadarmaCall(models.Model):
    """Calling somebody by a click: the user's own phone rings first, the other one once it is picked up."""

    # A call has several sides, each in a file of its own.
    _inherit = "zadarma.call"  # pylint: disable=consider-merging-classes-inherited

    result = fields.Selection(selection_add=[("not_connected", "Not connected")])
    requested_at = fields.Datetime(string="Requested On", readonly=True, copy=False)
    request_user_id = fields.Many2one(
        "res.users", string="Requested By", readonly=True, copy=False, ondelete="set null", index="btree_not_null"
    )
    request_extension = fields.Char(readonly=True, copy=False)
    request_model = fields.Char(readonly=True, copy=False)
    request_res_id = fields.Many2oneReference(
        string="Called From",
        model_field="request_model",
        readonly=True,
        copy=False,
        help="The record from which the number was called.",
    )
    request_state = fields.Selection(
        [
            ("asking", "Zadarma is asked"),
            ("accepted", "Accepted"),
            ("refused", "Refused"),
            ("unanswered", "No answer from Zadarma"),
        ],
        string="Request",
        readonly=True,
        copy=False,
    )
    request_stage = fields.Selection(
        [("own", "The caller's phone"), ("other", "The other phone")],
        string="Phone Reached",
        readonly=True,
        copy=False,
        help="Whose phone rang, as far as Zadarma tells: the caller's own one rings first.",
    )
    request_error = fields.Char(string="Why Not", readonly=True, copy=False)

    # Serves the question which click an outgoing call belongs to.
    _request_idx = models.Index("(company_id, request_extension, requested_at) WHERE requested_at IS NOT NULL")
    # Serves the closing of calls of which nothing was heard.
    _unconnected_idx = models.Index("(requested_at) WHERE pbx_call_id IS NULL AND state != 'ended'")

    # === RPC OF THE WEB CLIENT === #

    @api.model
    def action_call(self, number, res_model=None, res_id=None, confirmed=False):
        """Let the user's own phone ring and, once it is picked up, the other one.

        However often a number is clicked within a few seconds, Zadarma is asked once.

        :param str number: as it stands in the record, or as typed.
        :param str res_model: model of the record from which the number is called.
        :param int res_id: id of that record.
        :param bool confirmed: the user knows what speaks against it, see ``can_confirm``.
        :return: what the popup shows of the call; or, where there is none, ``refused`` (a word), ``message`` (for
            people) and ``can_confirm`` (whether ``confirmed`` would help).
        :rtype: dict
        :raise AccessError: for people who may not see the record, or are no employees.
        """
        if not self.env.user._is_internal():
            raise AccessError(self.env._("Only employees make calls from Odoo."))
        record = self._get_request_record(res_model, res_id)
        try:
            company, extension = self._find_request_extension()
            client = self._get_request_client(company)
            e164 = self._check_request_number(company, extension, number, record)
            if not confirmed:
                self._check_request_party(company, e164, record)
            values = self._prepare_request_values(company, extension, e164, record)
            call_id, is_new = self._store_request(values, confirmed)
            if is_new:
                return self._send_request(client, extension, e164, call_id)
            return self._on_request(call_id, "exists")
        except CallRefusalError as refusal:
            return refusal.to_client()

    @api.model
    def _get_request_record(self, res_model, res_id):
        """Return the record from which a number is called, if the user may see it; none for a number that was typed."""
        if not (res_model and res_id) or res_model not in self.env or self.env[res_model]._abstract:
            return None
        record = self.env[res_model].browse(res_id).exists()
        record.check_access("read")
        return record or None

    # === WHAT SPEAKS AGAINST IT === #

    @api.model
    def _find_request_extension(self):
        """Return the company whose account is used, and the user's extension there.

        :rtype: tuple[res.company, zadarma.extension]
        """
        user = self.env.user
        for company in self.env.company | self.env.companies:
            if extension := user._zadarma_calling_extension(company):
                return company, extension
        return self.env.company, self.env["zadarma.extension"]

    @api.model
    def _get_request_client(self, company):
        try:
            return company._zadarma_client(urgent=True)
        except UserError as error:
            raise CallRefusalError("not_set_up", str(error)) from error

    @api.model
    def _check_request_number(self, company, extension, number, record):
        """Return the number in E.164.

        :raise CallRefusalError: where it cannot be called by this user.
        """
        if not extension:
            raise CallRefusalError(
                "no_extension",
                self.env._("You have no Zadarma extension. Ask an administrator to set one on your user."),
            )
        country = (record is not None and record._phone_get_country().get(record.id)) or company.country_id
        parsed = parse_typed_number(number, country.code or "")
        if parsed.kind is Kind.INTERNAL:
            raise CallRefusalError(
                "internal",
                self.env._(
                    "%(number)s is an internal or short number. Dial it on your phone.", number=parsed.raw or number
                ),
            )
        if parsed.kind is not Kind.EXTERNAL:
            raise CallRefusalError(
                "not_callable",
                self.env._(
                    "%(number)s is not a number Zadarma can call. Use the international form, e.g. +48 22 123 45 67.",
                    number=number or "",
                ),
            )
        if parsed.e164 in company._zadarma_own_numbers():
            raise CallRefusalError(
                "own_number",
                self.env._(
                    "%(number)s is a number of your own company. Dial the colleague's extension on your phone.",
                    number=format_number(parsed.e164),
                ),
            )
        return parsed.e164

    @api.model
    def _check_request_party(self, company, e164, record):
        """Stop before people who should not be called, unless the user says so.

        :raise CallRefusalError: with what speaks against it.
        """
        shown = format_number(e164)
        if self.env["zadarma.blocked.number"]._find_block(company.id, e164):
            raise CallRefusalError(
                "blocked",
                self.env._("%(number)s is blocked: its calls hear the busy tone.", number=shown),
                can_confirm=True,
            )
        if self._is_not_to_be_called(company, e164, record):
            raise CallRefusalError(
                "do_not_call",
                self.env._("The customer with the number %(number)s does not want to be called.", number=shown),
                can_confirm=True,
            )

    @api.model
    def _is_not_to_be_called(self, company, e164, record):
        """Tell whether the record, its contact, or whoever has the number does not want to be called."""
        caller = self.env["zadarma.caller"]._find(e164, company.id, company._zadarma_country_code())
        # sudo: res.partner, crm.lead - their wish holds for all, whoever may see them
        partner_sudo = self.env["res.partner"].sudo().browse(caller.partner_id).exists()
        lead_sudo = self.env["crm.lead"].sudo().browse(caller.lead_id).exists()
        if record is not None and record._name == "res.partner":
            partner_sudo |= record.sudo()
        elif record is not None and record._name == "crm.lead":
            lead_sudo |= record.sudo()
        people_sudo = partner_sudo | lead_sudo.partner_id
        return any(people_sudo.mapped("zadarma_do_not_call") + lead_sudo.mapped("zadarma_do_not_call"))

    # === THE CALL === #

    @api.model
    def _prepare_request_values(self, company, extension, e164, record):
        """Return the values of the call as it is before anything was heard of it; the place to add one's own."""
        now, user = fields.Datetime.now(), self.env.user
        return {
            "company_id": company.id,
            "direction": "outbound",
            "state": "ringing",
            "number": e164,
            "user_id": user.id,
            "date_start": now,
            "is_live": True,
            "revision": 1,
            "requested_at": now,
            "request_user_id": user.id,
            "request_extension": extension.number,
            "request_state": "asking",
            "request_stage": "own",
            "leg_ids": [fields.Command.create({"extension": extension.number, "user_id": user.id, "state": "ringing"})],
            **self._prepare_request_origin(record),
        }

    @api.model
    def _prepare_request_origin(self, record):
        """Return what a call knows of the record from which it was made."""
        if record is None:
            return {}
        values = {"request_model": record._name, "request_res_id": record.id}
        if record._name == "res.partner":
            values |= {"partner_id": record.id, "caller_state": "chosen"}
        elif record._name == "crm.lead":
            values |= {"lead_id": record.id, "partner_id": record.partner_id.id, "caller_state": "chosen"}
        return values

    def _choose_counted(self, company, call_id, state):
        """Return, of calls made by clicks that nothing was heard of, the last one that a counted call may be.

        :param str call_id: the counted call's id at Zadarma.
        :param CallState state: what it is by its rows.
        """
        number = company._zadarma_parse_number(state.number)
        if call_id.startswith("in_") or number.kind is not Kind.EXTERNAL:
            return self.browse()
        return self.filtered(lambda call: call.number == number.e164 and call._may_have_begun(state))[-1:]

    def _may_have_begun(self, state):
        """Tell whether a click came before a counted call of its extension, and not long before."""
        passed = state.started_at - self.requested_at.replace(tzinfo=timezone.utc)
        extensions = [leg.extension for leg in state.legs]
        return self.request_extension in extensions and -TOLERANCE <= passed <= SECOND_WITHIN

    @api.model
    def _store_request(self, values, confirmed):
        """Write a call down, durably, unless this click was written down already.

        :return: the call's id, and whether it is new.
        :rtype: tuple[int, bool]
        :raise CallRefusalError: where the user is calling this number already.
        """
        with self._alone(values["company_id"], self.env.uid) as env:
            calls = env["zadarma.call"]
            same = calls.search(calls._get_same_request_domain(values), order="id desc", limit=1)
            if same and fields.Datetime.now() - same.requested_at < _SAME_CLICK:
                return same.id, False
            if same and not confirmed:
                raise CallRefusalError(
                    "calling",
                    self.env._(
                        "You are calling %(number)s already. Call once more?", number=same._get_number_display()
                    ),
                    can_confirm=True,
                )
            call = calls.create(values)
            call._identify()
            return call.id, True

    @api.model
    def _get_same_request_domain(self, values):
        """Return the domain of calls that are under way, made by the same click or by an earlier one."""
        return [
            ("company_id", "=", values["company_id"]),
            ("request_user_id", "=", values["request_user_id"]),
            ("number", "=", values["number"]),
            ("requested_at", "!=", False),
            ("state", "!=", "ended"),
        ]

    @contextmanager
    def _alone(self, *names):
        """Give an environment of a transaction of its own, in which nobody else does what is named; commits.

        The user stays the same and has all rights. The lock comes before the transaction that reads, or this would
        read what was true before it had it.
        """
        digest = hashlib.sha256(f"zadarma.request:{':'.join(map(str, names))}".encode()).digest()
        lock = int.from_bytes(digest[:8], "big", signed=True)
        with self.env.registry.cursor() as cr:
            cr.execute("SET LOCAL lock_timeout = '5s'")
            cr.execute("SELECT pg_advisory_lock(%s)", [lock])
            cr.commit()
            try:
                # sudo: zadarma.call - people make calls by clicks alone, what is written is checked by then
                yield self.env(cr=cr, su=True)
                cr.commit()
            finally:
                cr.rollback()
                cr.execute("SELECT pg_advisory_unlock(%s)", [lock])
                cr.commit()

    # === ZADARMA IS ASKED === #

    @api.model
    def _send_request(self, client, extension, e164, call_id):
        """Ask Zadarma for a call that is written down, once, and write down what it said.

        :return: what the popup shows.
        :raise CallRefusalError: where there will be no call, or nobody knows.
        """
        legs = {"from": extension.number, "to": e164, "sip": extension.number}
        try:
            # Never tried again: a second try would ring a second time.
            client.get(_CALLBACK, legs, retry=False)
        except errors.ZadarmaError as error:
            refusal = self._explain_refusal(client, extension, error)
            self._on_request(call_id, "_note_refusal", refusal)
            raise refusal from error
        return self._on_request(call_id, "_note_acceptance")

    @api.model
    def _explain_refusal(self, client, extension, error):
        """Return why Zadarma does not make a call, in plain words.

        :rtype: CallRefusalError
        """
        explained = extension.company_id.with_env(self.env)._zadarma_explain(error)
        if isinstance(error, errors.RateLimitError):
            return CallRefusalError("rate_limit", explained)
        if isinstance(error, errors.AuthorizationError):
            return CallRefusalError("account", explained)
        if not isinstance(error, errors.RefusedError):
            return CallRefusalError(
                "unanswered",
                self.env._("Zadarma did not answer. If your phone does not ring within a minute, try again."),
            )
        if errors.meaning(error) == "money":
            return CallRefusalError(
                "no_money",
                self.env._("There is no money left on the Zadarma account. Ask an administrator to top it up."),
            )
        return self._check_phone(client, extension) or CallRefusalError("refused", explained)

    @api.model
    def _check_phone(self, client, extension):
        """Return what is wrong with the user's own phone, as far as Zadarma knows: it blames the number called.

        :rtype: CallRefusalError | None
        """
        try:
            status = client.get(_STATUS.format(extension.number), retry=False)
        except errors.RefusedError:
            return CallRefusalError(
                "wrong_extension",
                self.env._(
                    "Zadarma does not know your extension %(extension)s. Ask an administrator to connect again.",
                    extension=extension.number,
                ),
            )
        except errors.ZadarmaError:
            return None
        if str(status.get("is_online")).lower() != "false":
            return None
        return CallRefusalError(
            "offline",
            self.env._(
                "No phone is connected to your extension %(extension)s. Switch it on, or check its settings.",
                extension=extension.number,
            ),
        )

    @api.model
    def action_check_phone(self):
        """Tell somebody whose phone does not ring what Zadarma knows of it.

        :return: a sentence for people.
        :rtype: str
        """
        company, extension = self._find_request_extension()
        try:
            problem = extension and self._check_phone(self._get_request_client(company), extension)
        except CallRefusalError as refusal:
            problem = refusal
        if problem:
            return problem.message
        return self.env._(
            "Your phone is connected to Zadarma. Check its ringer and whether it is set to do not disturb."
        )

    @api.model
    def _on_request(self, call_id, method, *args):
        """Do something to a call that is written down, in a transaction of its own; events may change it meanwhile.

        :return: what the popup shows then.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                with self.env.registry.cursor() as cr:
                    call = self.env(cr=cr, su=True)["zadarma.call"].browse(call_id)
                    getattr(call, method)(*args)
                    return call._get_popup_values(call.request_user_id)
            except psycopg2.Error as error:
                if error.pgcode not in _CONCURRENCY_ERRORS or attempt == _MAX_TRIES:
                    raise
        raise AssertionError("unreachable")

    def _note_acceptance(self):
        """Write down that the phone is about to ring, and show it in the user's other tabs."""
        if self.request_state == "asking":
            self.request_state = "accepted"
            self._notify_again()

    def _note_refusal(self, refusal):
        """Write down why there is no call; where nobody knows, what is heard of it within the time tells."""
        if refusal.code == "unanswered":
            self.write({"request_state": "unanswered", "request_stage": False, "request_error": refusal.message})
            return
        before = self._get_views()
        self.write(
            {
                "request_state": "refused",
                "request_error": refusal.message,
                "state": "ended",
                "result": "not_connected",
                "date_end": fields.Datetime.now(),
            }
        )
        self.leg_ids.write({"state": "ended"})
        self._notify(before, is_live=False)

    # === WHAT COMES OF IT === #

    def _prepare_values(self, company, state, call):
        """Override to keep who wanted to call whom: the notifications of one's own phone may not tell."""
        values = super()._prepare_values(company, state, call)
        if not call.requested_at:
            return values
        if state.answered_by in ("", call.request_extension):
            values["user_id"] = call.request_user_id.id
        return {
            **values,
            "pbx_call_id": state.pbx_call_id,
            "direction": "outbound",
            "number": call.number,
            "is_withheld": False,
            "request_stage": state.stage or False,
            "request_state": "accepted",
            "request_error": False,
        }

    def _apply_legs(self, state):
        """Override to forget the extensions of a call that was taken for this one."""
        result = super()._apply_legs(state)
        if self.requested_at:
            extensions = {self.request_extension, *(leg.extension for leg in state.legs)}
            self.leg_ids.filtered(lambda leg: leg.extension not in extensions).unlink()
        return result

    @api.model
    def _close_unconnected(self):
        """Close calls of which nothing was heard after the click; what comes late still tells what became of them."""
        deadline = fields.Datetime.now() - FIRST_WITHIN
        calls = self.search(
            [("requested_at", "<", deadline), ("pbx_call_id", "=", False), ("state", "!=", "ended")], limit=_CLOSE_BATCH
        )
        for call in calls:
            call._close_request()

    def _close_request(self):
        """Close a call of which nothing was heard."""
        self.ensure_one()
        before = self._get_views()
        error = self.request_error
        if self.request_state == "asking":
            error = self.env._("Odoo was interrupted while it asked Zadarma. Nothing was heard of the call.")
        self.write(
            {"state": "ended", "result": "not_connected", "date_end": fields.Datetime.now(), "request_error": error}
        )
        self.leg_ids.write({"state": "ended"})
        self._notify(before, is_live=False)

    def _get_popup_call(self, view):
        """Override to tell whose phone rings first."""
        stage = self.request_stage if view == "ringing" else ""
        return {**super()._get_popup_call(view), "is_request": bool(self.requested_at), "stage": stage or ""}

    def _get_popup_end(self, user):
        """Override to tell those who called somebody why they did not get through."""
        values = super()._get_popup_end(user)
        if self.direction == "outbound" and self.state == "ended" and values["reason"] == "ended":
            values |= {
                "outcome": self.result or "unknown",
                "why": self._explain_outcome(user),
                "duration": self.duration,
            }
        return values

    def _explain_outcome(self, user):
        """Return what became of a call out, in the words of who made it."""
        call = self.with_context(lang=user.lang)
        if call.request_error:
            return call.request_error
        if call.result == "not_connected":
            return call.env._("Not connected: nothing was heard of the call. Check that your phone is switched on.")
        if call.request_stage == "own" and call.result != "answered":
            return call.env._("Your own phone was not picked up.")
        return {
            "answered": call.env._("Call ended"),
            "no_answer": call.env._("No answer"),
            "busy": call.env._("Busy"),
            "cancelled": call.env._("Cancelled"),
            "no_money": call.env._("There is no money left on the Zadarma account."),
            "unallocated": call.env._("This number does not exist."),
            "limit": call.env._("A limit of the Zadarma account is reached."),
            "failed": call.env._("The call failed."),
        }.get(call.result, call.env._("Call ended"))
