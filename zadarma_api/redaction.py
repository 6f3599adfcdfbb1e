"""Keeping secrets and phone numbers out of logs."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .numbers import mask_number

_NUMBER = re.compile(r"\+?\d{7,}")
_QUERY = re.compile(r"((?:https?://|/v1/)[^\s?]*)\?\S*")
# The part of a link that alone opens a recording, for as long as the link lasts.
_TOKEN = re.compile(r"(/record/download/)[^\s/?]+")
# What makes an address for notifications one's own.
_ADDRESS = re.compile(r"(/zadarma/)[^\s/?]+")
# Of a dict that is printed: the name of a credential, and what stands behind it.
_CREDENTIAL = re.compile(r"""(['"]zadarma_(?:key|secret|new_secret|token)['"]: )(?:'[^']*'|"[^"]*")""")
# What a query writes that must not be logged.
_CREDENTIALS = ("zadarma_key", "zadarma_secret", "zadarma_token")
_MAX_MESSAGE = 200
# urllib3 tells addresses with their queries in these.
_LOGGERS = ("urllib3.connectionpool", "urllib3.connection", "urllib3.util.retry")
# Parameters that may be logged as they are; of all others a log shows the name only.
_PLAIN = frozenset({"start", "end", "version", "call_type", "skip", "limit", "format", "status", "lifetime"})
_MASKED = frozenset({"from", "to", "number", "numbers", "sip", "caller_id"})


def loggable(params: Mapping[str, Any]) -> str:
    """Return request parameters for a log: numbers masked, values that nobody needs left out."""
    return ", ".join(f"{name}={_shown(name, params[name])}" for name in sorted(params))


def mask_numbers(text: str) -> str:
    """Return a text with every phone number in it masked."""
    return _NUMBER.sub(lambda match: mask_number(match[0]), text)


def clean_message(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the provider's own words fit for people and logs: a short line without numbers, queries and secrets.

    :param text: what Zadarma said; may hold anything.
    :param secrets: what must not stand in it.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    text = "".join(c if c.isprintable() else " " for c in text[: 10 * _MAX_MESSAGE])
    return mask_numbers(_ADDRESS.sub(r"\1…", _QUERY.sub(r"\1", " ".join(text.split()))))[:_MAX_MESSAGE]


def _shown(name: str, value: Any) -> str:
    if name in _PLAIN:
        return str(value)
    return mask_numbers(str(value)) if name in _MASKED else "…"


class QueryFilter(logging.Filter):
    """Cuts the query off the addresses of Zadarma's API that urllib3 logs, most of them at debug level.

    They stand in the record's arguments; the query holds the numbers that people call. Links to recordings lose what
    opens them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without queries of the API and links that work."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _TOKEN.sub(r"\1…", _QUERY.sub(r"\1", arg)) if isinstance(arg, str) and "/v1/" in arg else arg
                for arg in record.args
            )
        return True


def protect_logs() -> None:
    """Attach the filter to urllib3's loggers, once a process."""
    for logger in map(logging.getLogger, _LOGGERS):
        if not any(isinstance(known, QueryFilter) for known in logger.filters):
            logger.addFilter(QueryFilter())


class SecretFilter(logging.Filter):
    """Takes key and secret out of what a program logs of the calls it serves, at debug level."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without credentials."""
        if record.levelno <= logging.DEBUG and "zadarma_" in (text := record.getMessage()):
            record.msg, record.args = _CREDENTIAL.sub(r"\1…", text), ()
        return True


class QuerySecretFilter(logging.Filter):
    """Leaves out queries that write credentials: those that fail are logged with all their values."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without such a query."""
        text = record.getMessage()
        if any(name in text for name in _CREDENTIALS) and re.search(r"\b(?:UPDATE|INSERT)\b", text):
            record.msg, record.args = "A query is left out that holds credentials of Zadarma", ()
        return True


def protect_secrets(calls: str, queries: str) -> None:
    """Attach the filters, once a process.

    :param calls: name of the logger of the calls that a program serves.
    :param queries: name of the logger of the database's queries.
    """
    for name, kind in ((calls, SecretFilter), (queries, QuerySecretFilter)):
        logger = logging.getLogger(name)
        if not any(isinstance(known, kind) for known in logger.filters):
            logger.addFilter(kind())
