"""The command line."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from .core import Simulator
from .settings import Settings, SimulatorError

ENVIRONMENT = "ZADARMA_SIM_"
_ABOUT = """A simulated Zadarma. Open the page it prints, enter key, secret and address in Odoo's
settings, and let customers call in. Every option can be given as an environment variable as well:
ZADARMA_SIM_PORT for --port, and so on."""

_HELP: dict[str, str] = {
    "key": "API key",
    "secret": "API secret",
    "pbx_id": "number of the PBX",
    "zone": "IANA time zone of the account",
    "balance": "what the account has left",
    "currency": "ISO code",
    "webhook_url": "where notifications of calls go; switches all of them on",
    "events_url": "where the other events go; switches all of them on",
    "verify_url": "check new URLs with zd_echo",
    "reply_seconds": "real seconds to wait for the answer of a webhook",
    "retries": "how often a notification not answered with 200 is sent again",
    "retry_seconds": "simulated seconds until then",
    "ring_group": "extensions that incoming calls ring, with commas; empty: all",
    "menu_seconds": "length of the greeting",
    "ring_seconds": "how long telephones ring",
    "record_seconds": "from the end of a call to its recording",
    "recognition_seconds": "from the request of a text, or from the recording, to its text",
    "recognition_result": "what is understood of a recording: words, nothing or error",
    "callback_seconds": "from the request of a callback to the first ring",
    "callback_mode": "shared, separate (ids of the legs) or single (leg)",
    "callback_leg1_destination": "customer or extension",
    "internal_calls_as": "outbound or inbound",
    "webphone_login": "any, full or bare",
    "undocumented_fields": "send calltype and dst_e164",
    "internal_end_events": "send the undocumented NOTIFY_INTERNAL_END",
    "plus": "write caller_id with the plus sign",
    "answer_seconds": "customers pick up by themselves after that long",
    "rate_limit": "requests a minute",
    "statistics_limit": "requests a minute to the statistics methods",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser; its defaults come from the environment."""
    result = argparse.ArgumentParser(prog="simulator", description=_ABOUT)
    _add(result, "host", "127.0.0.1", "address to listen on")
    _add(result, "port", "8070", "TCP port; 0 takes a free one", type=int)
    _add(result, "speed", "1.0", "simulated seconds in a real one", type=float)
    _add(result, "seed", None, "number that makes ids and chances repeat themselves", type=int)
    _add(result, "seed_file", None, "another seed.json")
    _add(result, "history", "0", "calls of the last 30 days to invent", type=int)
    for field in fields(Settings):
        if field.name in _HELP:
            _add(result, field.name, None, _HELP[field.name])
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until interrupted."""
    options = parser()
    given: dict[str, Any] = {
        name: value for name, value in vars(options.parse_args(arguments)).items() if value is not None
    }
    try:
        simulator = Simulator(**given)
    except (SimulatorError, OSError) as error:
        options.error(str(error))
    with simulator:
        settings = simulator.settings
        print(f"Simulated Zadarma on {simulator.url}/", flush=True)
        print(f"key {settings.key}, secret {settings.secret}", flush=True)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_args: stop.set())
        stop.wait()


def _add(to: argparse.ArgumentParser, name: str, default: str | None, text: str, **how: Any) -> None:
    default = os.environ.get(ENVIRONMENT + name.upper(), default)
    shown = f" (default {default})" if default else ""
    to.add_argument(
        "--" + name.replace("_", "-"),
        default=default,
        help=text + shown,
        metavar=name.rpartition("_")[2].upper(),
        **how,
    )
