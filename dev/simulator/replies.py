"""What the answer to NOTIFY_START asks the PBX to do."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_MENU_OR_SCENARIO = re.compile(r"\d(-(\d|main))?")


@dataclass(frozen=True)
class Reply:
    """An understood answer; the default is the normal scenario."""

    extension: str = ""  # ring this one alone
    return_seconds: int = 0  # then the menu; 0: never return
    blacklist: bool = False
    hangup: bool = False
    caller_name: str = ""
    problem: str = ""  # why something in the answer was ignored


def read_reply(status: int | None, body: str, extensions: Collection[str]) -> Reply:
    """Understand the answer to NOTIFY_START; whatever makes no sense means the normal scenario."""
    if status != 200 or not body.strip():
        return Reply()
    try:
        data = json.loads(body)
    except ValueError:
        return Reply(problem="the answer is not JSON")
    if not data:
        return Reply()
    if not isinstance(data, dict):
        return Reply(problem="the answer is not a JSON object")
    return _read_object(data, extensions)


def _read_object(data: dict[str, Any], extensions: Collection[str]) -> Reply:
    name = str(data.get("caller_name") or "")
    if str(data.get("hangup", "")) == "1":
        return Reply(hangup=True, caller_name=name)
    redirect = str(data.get("redirect", ""))
    if redirect == "blacklist":
        return Reply(blacklist=True, caller_name=name)
    if redirect in extensions:
        return _read_redirect(redirect, data.get("return_timeout", 0), name)
    if redirect and not _MENU_OR_SCENARIO.fullmatch(redirect):
        return Reply(caller_name=name, problem=f"there is no {redirect!r} to redirect to")
    return Reply(caller_name=name)


def _read_redirect(extension: str, timeout: Any, name: str) -> Reply:
    try:
        seconds = int(timeout)
    except (TypeError, ValueError):
        seconds = -1
    if seconds < 0 or seconds in (1, 2):
        return Reply(caller_name=name, problem=f"return_timeout must be 0 or >= 3, not {timeout!r}")
    return Reply(extension=extension, return_seconds=seconds, caller_name=name)
