"""What can be set: the simulated account, how it behaves, and the people around it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

SEED_FILE = Path(__file__).with_name("seed.json")

NOTIFICATIONS = (
    "notify_start",
    "notify_internal",
    "notify_end",
    "notify_out_start",
    "notify_out_end",
    "notify_answer",
)
HOOKS = ("number_lookup", "call_tracking", "sms", "speech_recognition")

CALLBACK_MODES = ("shared", "separate", "single")
CALLBACK_LEG1_DESTINATIONS = ("customer", "extension")
INTERNAL_CALL_MODES = ("outbound", "inbound")
WEBPHONE_LOGINS = ("any", "full", "bare")
RECOGNITION_RESULTS = ("words", "nothing", "error")


class SimulatorError(ValueError):
    """Somebody asked the simulator for something that makes no sense; the text says what."""


@dataclass
class Extension:
    """A PBX extension and the desk it stands on."""

    number: str
    name: str = ""
    caller_id: str = ""  # shown to the called party; "" sends caller_id=0
    recording: bool = True
    online: bool = True  # whether a phone is registered; without one it does not ring
    speech_recognition: str = "off"
    record_email: str = ""
    supervisor_status: int = 0


@dataclass
class Customer:
    """Somebody outside who calls in and can be called."""

    id: int
    name: str
    number: str  # E.164 with plus sign; "" or a word such as "anonymous" withholds it
    note: str = ""


@dataclass
class Settings:
    """The account and its behaviour. Times are in simulated seconds.

    Where the provider's behaviour is undocumented or its sources disagree, there is a setting, so
    that both readings can be tried.
    """

    key: str = ""
    secret: str = ""
    pbx_id: int = 1234
    zone: str = "Europe/Kyiv"  # of call_start, statistics and /v1/info/timezone/
    balance: float = 10.34
    currency: str = "USD"
    webhook_url: str = ""  # notifications of PBX calls
    events_url: str = ""  # the other events: SMS, number lookup, speech recognition
    notifications: dict[str, bool] = field(default_factory=lambda: _all_off(NOTIFICATIONS))
    hooks: dict[str, bool] = field(default_factory=lambda: _all_off(HOOKS))
    verify_url: bool = True  # check a new URL with zd_echo
    reply_seconds: float = 5.0  # real seconds the provider waits for a webhook's answer
    retries: int = 0  # how often a notification not answered with 200 is sent again
    retry_seconds: float = 10.0
    ring_group: list[str] = field(default_factory=list)  # the incoming scenario; [] = everyone
    menu_seconds: float = 0.0  # greeting before extensions ring
    ring_seconds: float = 30.0
    record_seconds: float = 7.0  # from the end of a call to its recording
    recognition_seconds: float = 5.0  # from the request, or from the recording, to its text
    recognition_result: str = "words"  # what is understood: words, nothing, or an error
    callback_seconds: float = 1.0  # from the API request to the first ring
    callback_mode: str = "shared"  # ids of the two legs: shared, separate; or one leg: single
    callback_leg1_destination: str = "customer"
    internal_calls_as: str = "outbound"
    undocumented_fields: bool = True  # send calltype and dst_e164, which were only observed
    internal_end_events: bool = False  # send NOTIFY_INTERNAL_END, a ghost some developers saw
    plus: bool = True  # write caller_id with the plus sign
    answer_seconds: float | None = None  # customers pick up by themselves after that long
    webphone_login: str = "any"  # the login the web telephone takes: "full" is 1234-100, "bare" is 100
    rate_limit: int = 100  # requests a minute
    statistics_limit: int = 3  # requests a minute to the statistics methods

    def validate(self) -> None:
        """Raise :class:`SimulatorError` where a value is not one of those possible."""
        _one_of("callback_mode", self.callback_mode, CALLBACK_MODES)
        _one_of("callback_leg1_destination", self.callback_leg1_destination, CALLBACK_LEG1_DESTINATIONS)
        _one_of("internal_calls_as", self.internal_calls_as, INTERNAL_CALL_MODES)
        _one_of("webphone_login", self.webphone_login, WEBPHONE_LOGINS)
        _one_of("recognition_result", self.recognition_result, RECOGNITION_RESULTS)
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            raise SimulatorError(f"{self.zone!r} is not an IANA time zone") from None


@dataclass
class Seed:
    """What the simulator starts with, read from ``seed.json`` or a file of that form."""

    account: dict[str, Any]
    extensions: list[dict[str, Any]]
    direct_numbers: list[dict[str, Any]]
    customers: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path | str = SEED_FILE) -> Seed:
        """Read a seed file."""
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))


def _all_off(names: tuple[str, ...]) -> dict[str, bool]:
    return dict.fromkeys(names, False)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SimulatorError(f"{name} must be one of {', '.join(choices)}")
