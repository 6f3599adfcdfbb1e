"""Keeping secrets and phone numbers out of logs."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from .numbers import mask_number

_NUMBER = re.compile(r"\+?\d{7,15}(?!\d)")
# Parameters that may be logged as they are; of all others a log shows the name only.
_PLAIN = frozenset({"start", "end", "version", "call_type", "skip", "limit", "format", "status", "lifetime"})
_MASKED = frozenset({"from", "to", "number", "numbers", "sip", "caller_id"})


def loggable(params: Mapping[str, Any]) -> str:
    """Return request parameters for a log: numbers masked, values that nobody needs left out."""
    return ", ".join(f"{name}={_shown(name, params[name])}" for name in sorted(params))


def mask_numbers(text: str) -> str:
    """Return a text with every phone number in it masked."""
    return _NUMBER.sub(lambda match: mask_number(match[0]), text)


def _shown(name: str, value: Any) -> str:
    if name in _PLAIN:
        return str(value)
    return mask_numbers(str(value)) if name in _MASKED else "…"


class QueryFilter(logging.Filter):
    """Cuts the query off the requests to Zadarma's API that urllib3 logs at debug level.

    The path and query stand in the record's arguments; the query holds the numbers that people call.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without queries of the API."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.split("?")[0] if isinstance(arg, str) and arg.startswith("/v1/") else arg for arg in record.args
            )
        return True


def protect_logs() -> None:
    """Attach the filter to urllib3's logger, once a process."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(known, QueryFilter) for known in logger.filters):
        logger.addFilter(QueryFilter())
