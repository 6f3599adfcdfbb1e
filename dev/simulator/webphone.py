"""A stand-in for the provider's web telephone: two scripts for pages of others, and what they ask.

The real widget's own requests are undocumented; these are the stand-in's, not the provider's. It checks what the real
one is known to check: the key, the form of the login and the site that it runs on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from .calls import RINGING
from .settings import SimulatorError

if TYPE_CHECKING:
    from .core import Simulator
    from .rest import Rest

FOLDER = Path(__file__).with_name("widget")
ASKED_PATH = "/webphone/"
_SCRIPT = re.compile(r"/webphoneWebRTCWidget/v\d+/js/(loader-phone-(?:lib|fn)\.js)")
_ACTIONS = ("answer", "hang_up")


class Webphone:
    """Serves the scripts and answers them."""

    def __init__(self, simulator: Simulator, rest: Rest):
        self._simulator = simulator
        self._rest = rest

    def script(self, path: str) -> Response | None:
        """Return the script of that path, None if there is none."""
        match = _SCRIPT.fullmatch(path)
        return Response((FOLDER / match[1]).read_bytes(), mimetype="text/javascript") if match else None

    def answer(self, request: Request, path: str) -> Response:
        """Answer what a widget asks, whatever page it runs in."""
        try:
            answer = self._answer(path.removeprefix(ASKED_PATH).strip("/"), request.args.to_dict())
        except SimulatorError as error:
            answer = {"error": str(error)}
        response = Response(json.dumps(answer), mimetype="application/json")
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    def _answer(self, what: str, data: dict[str, str]) -> dict[str, Any]:
        extension = self._extension(data)
        exchange = self._simulator.exchange
        with exchange.lock:
            legs = [
                (call, leg) for call in exchange.open_calls() for leg in call.open_legs() if leg.extension == extension
            ]
        if not legs:
            return {"state": "registered", "number": ""}
        call, leg = legs[0]
        if what in _ACTIONS:
            getattr(self._simulator, what)(call.id, extension)
        return {"state": "ringing" if leg.state == RINGING else "talking", "number": call.number}

    def _extension(self, data: dict[str, str]) -> str:
        """Return the extension that has logged in.

        :raise SimulatorError: with the real widget's words where it may not.
        """
        if data.get("domain") not in self._rest.webrtc["domains"]:
            raise SimulatorError("integrationDisabled")
        pbx, _, extension = data.get("sip", "").rpartition("-")
        wanted = {"any": True, "full": bool(pbx), "bare": not pbx}[self._simulator.settings.webphone_login]
        key = self._rest.webrtc_keys.get(data.get("key", ""))
        is_known = key and key.extension == extension and key.until > self._simulator.clock.now()
        if not (wanted and is_known):
            raise SimulatorError("Sip not found")
        return extension
