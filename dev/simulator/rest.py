"""The provider's REST API under ``/v1/``."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from . import stats
from .exchange import Exchange, customer_number
from .mp3 import beeps
from .settings import HOOKS, NOTIFICATIONS, Extension, SimulatorError
from .signatures import Pairs
from .speech import speech
from .webhooks import check_url, result_text
from .wire import WireLog

Params = dict[str, str]
Answer = dict[str, Any]
Handler = Callable[..., Answer]

RECORDING_PATH = "/v1/pbx/record/download/"
_MONTH = 31 * stats.DAY
_CUT_TO = 30 * stats.DAY
_ROWS = 1000
_RECORDED_SECONDS = 60  # recordings are not made longer than that
_KEY_SECONDS = 72 * 3600
_TRUTH = {"true": True, "false": False}
_NUMBER_MARK = re.compile(r'"number:([\d.]+)"')
_CALLBACK_FROM = re.compile(r"\+?[0-9]{7,15}|(\d+-)?[0-9]{3,5}")
_CALLBACK_TO = re.compile(r"\+?[0-9]{7,15}|[0-9]{5}")

_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


class ApiError(Exception):
    """An error the API answers with."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message


def route(verb: str, path: str) -> Callable[[Handler], Handler]:
    """Register a method; ``<ext>`` in the path stands for a number."""

    def register(handler: Handler) -> Handler:
        _ROUTES.append((verb, re.compile(path.replace("<ext>", r"([\d-]+)")), handler))
        return handler

    return register


def encode(answer: Any) -> str:
    """Write an answer as JSON; ids of recordings become numbers with all their digits."""
    return _NUMBER_MARK.sub(r"\1", json.dumps(answer))


@dataclass
class WebphoneKey:
    """A key with which the web telephone of an extension logs in."""

    extension: str
    until: float


@dataclass
class Download:
    """A temporary link to a recording."""

    recording: str
    until: float


class Rest:
    """The methods of the API and what they remember."""

    def __init__(self, exchange: Exchange, log: WireLog):
        self.exchange = exchange
        self.settings = exchange.settings
        self.log = log
        self.clear()

    def clear(self) -> None:
        """Forget links, texts and the web telephone."""
        self.downloads: dict[str, Download] = {}
        self.sent_texts: list[Params] = []
        self.webrtc: Answer = {"domains": [], "shape": "rounded", "position": "bottom_right"}
        self.webrtc_keys: dict[str, WebphoneKey] = {}

    def find(self, verb: str, path: str) -> Callable[[Params, Pairs], Answer] | None:
        """Return the method of that name, None if there is none."""
        for known_verb, pattern, handler in _ROUTES:
            match = pattern.fullmatch(path)
            if match and verb == known_verb:
                return lambda params, pairs: handler(self, params, pairs, *match.groups())
        return None

    def recording_file(self, path: str) -> bytes | None:
        """Return the file behind a link, None if it is wrong, expired or deleted."""
        token = path.removeprefix(RECORDING_PATH).partition("/")[0]
        download = self.downloads.get(token)
        if not download or download.until < self.exchange.clock.now():
            return None
        recording = self.exchange.recordings.get(download.recording)
        return beeps(min(recording.seconds, _RECORDED_SECONDS)) if recording else None

    # Info -------------------------------------------------------------------------------------

    @route("GET", "/v1/info/balance/")
    def _balance(self, _params: Params, _pairs: Pairs) -> Answer:
        return {"balance": self.settings.balance, "currency": self.settings.currency}

    @route("GET", "/v1/info/timezone/")
    def _timezone(self, _params: Params, _pairs: Pairs) -> Answer:
        now = self.exchange.clock.now()
        return {
            "unixtime": int(now),
            "datetime": self.exchange.local_time(now),
            "timezone": self.exchange.utc_offset(),
        }

    @route("GET", "/v1/info/price/")
    def _price(self, params: Params, _pairs: Pairs) -> Answer:
        number = _phone(params, "number")
        return {
            "info": {
                "prefix": number[:2],
                "description": "Simulated destination",
                "price": "0.02",
                "currency": self.settings.currency,
            }
        }

    @route("GET", "/v1/tariff/")
    def _tariff(self, _params: Params, _pairs: Pairs) -> Answer:
        tariff = {
            "tariff_id": 5,
            "tariff_name": "Standard",
            "is_active": "true",
            "cost": 0,
            "currency": self.settings.currency,
            "used_seconds": 2134,
            "used_seconds_mobile": 0,
            "used_seconds_fix": 2134,
            "used_seconds_speech_recognition": 0,
            "tariff_id_for_next_period": 5,
            "tariff_for_next_period": "Standard",
        }
        return {"info": tariff}

    @route("POST", "/v1/info/number_lookup/")
    def _number_lookup(self, _params: Params, pairs: Pairs) -> Answer:
        numbers = [value for name, value in pairs if name.partition("[")[0] == "numbers"]
        if not numbers:
            raise ApiError(400, "Wrong parameter: numbers")
        found = [{"number": number, **_operator()} for number in numbers]
        if len(numbers) == 1:
            return {"info": _operator()}
        self.exchange.after(
            3,
            lambda: self.exchange.notify_other(
                "NUMBER_LOOKUP", {"success": "true", "description": "", "result": result_text(found)}
            ),
        )
        return {}

    @route("GET", "/v1/request/callback/")
    def _callback(self, params: Params, _pairs: Pairs) -> Answer:
        source, target = params.get("from", ""), params.get("to", "")
        extension = source.rpartition("-")[2]
        if not (
            _CALLBACK_FROM.fullmatch(source)
            and _CALLBACK_TO.fullmatch(target)
            and extension in self.exchange.extensions
        ):
            raise ApiError(400, "Check your phone number")
        self.exchange.callback(extension, customer_number(target), bool(params.get("predicted")))
        return {"from": int(extension), "to": int(target.lstrip("+")), "time": int(self.exchange.clock.now())}

    # SIP and extensions -----------------------------------------------------------------------

    @route("GET", "/v1/sip/")
    def _sips(self, _params: Params, _pairs: Pairs) -> Answer:
        return {"sips": [{"id": "00001", "display_name": "SIP 00001", "lines": 3}], "left": 3}

    @route("GET", "/v1/sip/<ext>/status/")
    def _sip_status(self, _params: Params, _pairs: Pairs, sip: str) -> Answer:
        if sip != "00001":
            raise ApiError(404, "SIP not found")
        return {"sip": sip, "is_online": "true"}

    @route("GET", "/v1/pbx/internal/")
    def _internals(self, _params: Params, _pairs: Pairs) -> Answer:
        numbers = [int(number) for number in self.exchange.extensions]
        return {"pbx_id": self.settings.pbx_id, "numbers": numbers}

    @route("GET", "/v1/pbx/internal/<ext>/status/")
    def _internal_status(self, _params: Params, _pairs: Pairs, number: str) -> Answer:
        extension = self._extension(number)
        return {"pbx_id": self.settings.pbx_id, "number": int(extension.number), "is_online": _word(extension.online)}

    @route("GET", "/v1/pbx/internal/<ext>/info/")
    def _internal_info(self, _params: Params, _pairs: Pairs, number: str) -> Answer:
        extension = self._extension(number)
        stored = {
            "off": "Without recognition",
            "optional": "For manual recognition",
            "all": "For automatic speech recognition",
        }[extension.speech_recognition]
        return {
            "pbx_id": self.settings.pbx_id,
            "number": int(extension.number),
            "name": extension.name,
            "caller_id": extension.caller_id,
            "caller_id_app_change": "false",
            "caller_id_by_direction": "false",
            "lines": 3,
            "ip_restriction": "false",
            "supervisor_status": extension.supervisor_status,
            "record_store": stored if extension.recording else "false",
            "record_email": extension.record_email or "false",
        }

    @route("PUT", "/v1/pbx/internal/recording/")
    def _set_recording(self, params: Params, _pairs: Pairs) -> Answer:
        extension = self._extension(params.get("id", ""))
        status = params.get("status", "")
        recognition = params.get("speech_recognition", extension.speech_recognition)
        if not re.fullmatch("(on|off)(_email|_store)?", status) or recognition not in ("all", "optional", "off"):
            raise ApiError(400, "Wrong parameter: status")
        if not status.endswith("_email"):
            extension.recording = status.startswith("on")
        if status == "off_email":
            extension.record_email = ""
        extension.record_email = params.get("email", extension.record_email)
        extension.speech_recognition = recognition
        return {
            "internal_number": int(extension.number),
            "recording": "on" if extension.recording else "off",
            "email": extension.record_email,
            "speech_recognition": recognition,
        }

    # Recordings -------------------------------------------------------------------------------

    @route("GET", "/v1/pbx/record/request/")
    def _record_link(self, params: Params, _pairs: Pairs) -> Answer:
        lifetime = _integer(params, "lifetime", 1800)
        if not 180 <= lifetime <= 5184000:
            raise ApiError(400, "Wrong parameter: lifetime")
        until = self.exchange.clock.now() + lifetime
        links = [self._link(recording, until) for recording in self._recordings(params)]
        # With pbx_call_id there are "links", even if call_id was sent as well.
        found = {"links": links} if params.get("pbx_call_id") else {"link": links[0]}
        return {**found, "lifetime_till": self.exchange.local_time(until)}

    @route("DELETE", "/v1/pbx/record/request/")
    def _record_delete(self, params: Params, _pairs: Pairs) -> Answer:
        names = []
        for recording in self._recordings(params):
            del self.exchange.recordings[recording]
            names.append(f"{recording}.mp3")
        if params.get("pbx_call_id"):
            return {"deleted_files": names, "failed_files": []}
        return {"file_name": names[0]}

    def _recordings(self, params: Params) -> list[str]:
        """Return the ids of the recordings meant; there is at least one."""
        call, recording = params.get("pbx_call_id"), params.get("call_id")
        if not call and not recording:
            raise ApiError(400, "Wrong parameter: call_id")
        found = [
            each.id
            for each in self.exchange.recordings.values()
            if (each.call == call if call else each.id == recording)
        ]
        if not found:
            raise ApiError(404, "File not found")
        return found

    def _link(self, recording: str, until: float) -> str:
        token = secrets.token_hex(16)
        self.downloads[token] = Download(recording, until)
        return f"{self.base_url}{RECORDING_PATH}{token}/{recording}.mp3"

    base_url = ""  # set by the server, which knows its own address

    # Webhooks ---------------------------------------------------------------------------------

    @route("GET", "/v1/pbx/callinfo/")
    def _callinfo(self, _params: Params, _pairs: Pairs) -> Answer:
        return {"url": self.settings.webhook_url, "notifications": _words(self.settings.notifications)}

    @route("POST", "/v1/pbx/callinfo/url/")
    def _set_webhook_url(self, params: Params, _pairs: Pairs) -> Answer:
        self.settings.webhook_url = self._checked_url(params)
        return {"url": self.settings.webhook_url}

    @route("DELETE", "/v1/pbx/callinfo/url/")
    def _delete_webhook_url(self, _params: Params, _pairs: Pairs) -> Answer:
        self.settings.webhook_url = ""
        return {"url": ""}

    @route("POST", "/v1/pbx/callinfo/notifications/")
    def _set_notifications(self, params: Params, _pairs: Pairs) -> Answer:
        self.settings.notifications.update(_flags(params, NOTIFICATIONS))
        return {"notifications": _words(self.settings.notifications)}

    @route("GET", "/v1/pbx/webhooks/")
    def _webhooks(self, _params: Params, _pairs: Pairs) -> Answer:
        return {"url": self.settings.events_url, "hooks": _words(self.settings.hooks)}

    @route("POST", "/v1/pbx/webhooks/url/")
    def _set_events_url(self, params: Params, _pairs: Pairs) -> Answer:
        self.settings.events_url = self._checked_url(params)
        return {"url": self.settings.events_url}

    @route("DELETE", "/v1/pbx/webhooks/url/")
    def _delete_events_url(self, _params: Params, _pairs: Pairs) -> Answer:
        self.settings.events_url = ""
        return {"url": ""}

    @route("POST", "/v1/pbx/webhooks/hooks/")
    def _set_hooks(self, params: Params, _pairs: Pairs) -> Answer:
        self.settings.hooks.update(_flags(params, HOOKS))
        return {"hooks": _words(self.settings.hooks)}

    def _checked_url(self, params: Params) -> str:
        """Return the URL to set. Message and status of a failed check are undocumented."""
        url = params.get("url", "")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ApiError(400, "Wrong parameter: url")
        if self.settings.verify_url and not check_url(url, self.settings.reply_seconds, self.log):
            raise ApiError(400, "The URL did not return zd_echo")
        return url

    # Statistics -------------------------------------------------------------------------------

    @route("GET", "/v1/statistics/pbx/")
    def _pbx_statistics(self, params: Params, _pairs: Pairs) -> Answer:
        version = _integer(params, "version", 2)
        call_type = params.get("call_type", "")
        if version not in (1, 2) or call_type not in ("", "in", "out"):
            raise ApiError(400, "Wrong parameter: version or call_type")
        rows, period = self._period_rows(params, stats.pbx_rows(self.exchange))
        wanted = [row for row in rows if str(row.get("pbx_call_id")).startswith(call_type)]
        page = [self._pbx_row(row, version) for row in _page(wanted, params)]
        return {**period, "version": version, "stats": page}

    @route("GET", "/v1/statistics/")
    def _statistics(self, params: Params, _pairs: Pairs) -> Answer:
        rows, period = self._period_rows(params, stats.cost_rows(self.exchange))
        if params.get("sip"):
            rows = [row for row in rows if row["sip"] == params["sip"]]
        if params.get("cost_only"):
            total = {
                "cost": round(sum(row["billcost"] for row in rows), 4),
                "currency": self.settings.currency,
                "seconds": sum(row["billseconds"] for row in rows),
            }
            return {**period, "stats": [total]}
        return {**period, "stats": [self._dated(row) for row in _page(rows, params)]}

    def _period_rows(self, params: Params, rows: list[stats.Row]) -> tuple[list[stats.Row], Answer]:
        """Return the rows of the period asked for, and the period as it was understood."""
        start, end = self._period(params)
        period = {"start": self.exchange.local_time(start), "end": self.exchange.local_time(end)}
        return [row for row in rows if start <= math.floor(row["moment"]) <= end], period

    def _period(self, params: Params) -> tuple[float, float]:
        now = self.exchange.clock.now()
        month = self.exchange.local_time(now)[:8] + "01 00:00:00"
        try:
            start = self.exchange.moment(params.get("start") or month)
            end = self.exchange.moment(params["end"]) if params.get("end") else now
        except ValueError:
            raise ApiError(400, "Wrong parameter: start or end") from None
        # More than a month is not refused but silently cut.
        return (start, start + _CUT_TO) if end - start > _MONTH else (start, end)

    def _dated(self, row: stats.Row) -> Answer:
        rest = {name: value for name, value in row.items() if name != "moment"}
        return {"callstart": self.exchange.local_time(row["moment"]), **rest}

    def _pbx_row(self, row: stats.Row, version: int) -> Answer:
        row = self._dated(row)
        if row.get("call_id"):
            row["call_id"] = f"number:{row['call_id']}"  # encode() takes the quotes off
        if version == 1:
            row["is_recorded"] = _word(bool(row.get("is_recorded")))
        return row

    # Numbers, texts, speech -------------------------------------------------------------------

    @route("GET", "/v1/direct_numbers/")
    def _direct_numbers(self, _params: Params, _pairs: Pairs) -> Answer:
        return {"info": [self._direct_number(each) for each in self.exchange.direct_numbers]}

    @route("GET", "/v1/direct_numbers/number/")
    def _one_direct_number(self, params: Params, _pairs: Pairs) -> Answer:
        for each in self.exchange.direct_numbers:
            if each["number"] == params.get("number", "").lstrip("+"):
                return {"info": {**self._direct_number(each), "receive_sms": None}}
        raise ApiError(404, "Number not found")

    def _direct_number(self, seeded: Answer) -> Answer:
        return {
            "status": "on",
            "country": "",
            "description": "",
            "number_name": None,
            "sip": str(self.settings.pbx_id),
            "sip_name": "PBX",
            "start_date": "2025-01-01 00:00:00",
            "stop_date": "2035-01-01 00:00:00",
            "monthly_fee": 2,
            "currency": self.settings.currency,
            "channels": 3,
            "minutes": 0,
            "autorenew": "true",
            "is_on_test": False,
            "type": "common",
            **seeded,
        }

    @route("POST", "/v1/sms/send/")
    def _send_text(self, params: Params, pairs: Pairs) -> Answer:
        listed = [value for name, value in pairs if name.partition("[")[0] == "number"]
        numbers = [number for value in listed for number in value.split(",") if number]
        if not numbers or not params.get("message"):
            raise ApiError(400, "Wrong parameter: number or message")
        denied = [number for number in numbers if not re.fullmatch(r"\+?\d{7,15}", number)]
        sender = params.get("sender") or params.get("caller_id") or "Teamsale"
        taken = [number for number in numbers if number not in denied]
        self.sent_texts.append({"numbers": ",".join(taken), "message": params["message"], "sender": sender})
        details = [{"senderid": sender, "number": number, "cost": 0.05} for number in taken]
        return {
            "messages": len(taken),
            "cost": round(0.05 * len(taken), 2),
            "currency": self.settings.currency,
            "sms_detalization": details,
            "denied_numbers": [{"number": n, "message": "Wrong number"} for n in denied],
        }

    @route("PUT", "/v1/speech_recognition/")
    def _recognize(self, params: Params, _pairs: Pairs) -> Answer:
        recording = self._recorded(params)
        if self._extension(recording.extension).speech_recognition == "off":
            raise ApiError(400, "Speech recognition is not available")
        self.exchange.recognize(recording, params.get("lang", "en-EN"))
        return {}

    @route("GET", "/v1/speech_recognition/")
    def _recognized(self, params: Params, _pairs: Pairs) -> Answer:
        recording = self._recorded(params)
        done = recording.recognized_at
        available = self._extension(recording.extension).speech_recognition != "off"
        answer: Answer = {"lang": params.get("lang", recording.language or "en-EN"), "otherLangs": []}
        if done is None:
            status = "ready for recognize" if available else "not available for recognize"
        elif done > self.exchange.clock.now():
            status = "in progress"
        elif self.settings.recognition_result == "error":
            status = "error"
        else:
            status = "recognized"
            wanted = "words" if params.get("return") == "words" else "phrases"
            answer[wanted] = speech(recording.seconds, self.settings.recognition_result)[wanted]
        return {**answer, "recognitionStatus": status}

    def _recorded(self, params: Params) -> Any:
        recording = self.exchange.recordings.get(params.get("call_id", ""))
        if recording is None:
            raise ApiError(404, "File not found")
        return recording

    # Web telephone ----------------------------------------------------------------------------

    @route("GET", "/v1/webrtc/")
    def _webrtc(self, _params: Params, _pairs: Pairs) -> Answer:
        settings = {"shape": self.webrtc["shape"], "position": self.webrtc["position"]}
        domains = self.webrtc["domains"]
        return {"is_exists": bool(domains), "domains": domains, "settings": settings}

    @route("POST", "/v1/webrtc/create/")
    @route("POST", "/v1/webrtc/domain/")
    def _add_domain(self, params: Params, _pairs: Pairs) -> Answer:
        domain = params.get("domain", "")
        if not re.fullmatch(r"[\w.-]+(:\d+)?", domain):
            raise ApiError(400, "Wrong parameter: domain")
        if domain not in self.webrtc["domains"]:
            self.webrtc["domains"].append(domain)
        return {}

    @route("DELETE", "/v1/webrtc/domain/")
    def _delete_domain(self, params: Params, _pairs: Pairs) -> Answer:
        if params.get("domain") not in self.webrtc["domains"]:
            raise ApiError(404, "Domain not found")
        self.webrtc["domains"].remove(params["domain"])
        return {}

    @route("PUT", "/v1/webrtc/")
    def _style_webrtc(self, params: Params, _pairs: Pairs) -> Answer:
        self.webrtc.update({k: params[k] for k in ("shape", "position") if k in params})
        return {}

    @route("DELETE", "/v1/webrtc/")
    def _delete_webrtc(self, _params: Params, _pairs: Pairs) -> Answer:
        self.webrtc["domains"].clear()
        return {}

    @route("GET", "/v1/webrtc/get_key/")
    def _webrtc_key(self, params: Params, _pairs: Pairs) -> Answer:
        extension, key = self._extension(params.get("sip", "")), secrets.token_hex(16)
        self.webrtc_keys[key] = WebphoneKey(extension.number, self.exchange.clock.now() + _KEY_SECONDS)
        return {"key": key}

    def _extension(self, number: str) -> Extension:
        """Return the extension named as ``100`` or ``1234-100``."""
        pbx, _, short = number.rpartition("-")
        try:
            if pbx not in ("", str(self.settings.pbx_id)):
                raise SimulatorError(f"There is no PBX {pbx}")
            return self.exchange.extension(short)
        except SimulatorError:
            raise ApiError(404, "Sip not found") from None


def is_statistics(path: str) -> bool:
    """Tell whether a path has the lower limit."""
    return path.startswith("/v1/statistics/")


def base_of(request: Request) -> str:
    """Return scheme and host under which the client reached the simulator."""
    return request.host_url.rstrip("/")


def _word(value: bool) -> str:
    return "true" if value else "false"


def _words(flags: dict[str, bool]) -> dict[str, str]:
    return {name: _word(value) for name, value in flags.items()}


def _flags(params: Params, known: tuple[str, ...]) -> dict[str, bool]:
    sent = {name: params[name] for name in known if name in params}
    if not sent or any(value not in _TRUTH for value in sent.values()):
        raise ApiError(400, "Wrong parameter")
    return {name: _TRUTH[value] for name, value in sent.items()}


def _integer(params: Params, name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise ApiError(400, f"Wrong parameter: {name}")
    return int(text)


def _page(rows: list[stats.Row], params: Params) -> list[stats.Row]:
    skip, limit = _integer(params, "skip", 0), _integer(params, "limit", _ROWS)
    return rows[skip : skip + min(limit, _ROWS)]


def _phone(params: Params, name: str) -> str:
    number = params.get(name, "").lstrip("+")
    if not re.fullmatch(r"\d{7,15}", number):
        raise ApiError(400, "Check phone's number")
    return number


def _operator() -> Answer:
    return {
        "mcc": "262",
        "mnc": "01",
        "mccName": "Germany",
        "mncName": "Telekom",
        "ported": False,
        "roaming": False,
        "errorDescription": "success",
    }
