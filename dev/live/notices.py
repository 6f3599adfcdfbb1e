"""Notifications sent by hand, many at once: what the simulated Zadarma, which behaves, would not do."""

import http.client
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

from simulator.signatures import event_signature

CALLER = "+4917099887766"
DIALLED = "442037691880"
PREFIX = "in_live"
_ids = itertools.count(1)


class Wire:
    """Sends signed notifications to one company's address."""

    def __init__(self, url, secret, zone, context=None, source=""):
        """Take the address, the secret and the zone of the account.

        :param ssl.SSLContext context: what to believe of a server that speaks TLS.
        :param str source: the address of this machine to send from.
        """
        self._url, self._secret, self._zone = urlsplit(url), secret, zone
        self._context, self._source = context, (source, 0) if source else None

    def through(self, url, **options):
        """Return one that sends to the same account another way."""
        return Wire(f"{url}{self._url.path}", self._secret, self._zone, **options)

    @property
    def path(self):
        """The path of the company's address."""
        return self._url.path

    def inbound(self, caller=CALLER):
        """Return a new call from outside, of which nothing was sent yet."""
        start = datetime.now(timezone.utc).astimezone(ZoneInfo(self._zone))
        return Call(f"{PREFIX}{next(_ids):08d}", start.strftime("%Y-%m-%d %H:%M:%S"), caller)

    def send(self, form, **headers):
        """Send one notification; return status and body, or none where the connection broke."""
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        headers["Signature"] = event_signature(form["event"], form, self._secret)
        return self.ask("POST", self._url.path, urlencode(form), headers)

    def ask(self, method, path, body=None, headers=None):
        """Ask the server for anything; return status and body, or none where the connection broke."""
        options = {"timeout": 30, "source_address": self._source}
        if self._url.scheme == "https":
            connection = http.client.HTTPSConnection(self._url.netloc, context=self._context, **options)
        else:
            connection = http.client.HTTPConnection(self._url.netloc, **options)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def send_at_once(self, forms):
        """Send all at the same moment, each on a connection of its own; return the answers in order."""
        return at_once(self.send, forms)


def at_once(act, items):
    """Do something with all items at the same moment; return the results in order."""
    gate = threading.Barrier(len(items))

    def wait_and_act(item):
        gate.wait()
        return act(item)

    with ThreadPoolExecutor(len(items)) as senders:
        return list(senders.map(wait_and_act, items))


class Call:
    """A call from outside as its notifications have it."""

    def __init__(self, call_id, start, caller=CALLER):
        """Take its id, its start on the account's clock, and who calls."""
        self.id = call_id
        self._common = {"pbx_call_id": call_id, "caller_id": caller, "call_start": start}

    def start(self):
        """Return the notification that it came in."""
        return self._form("START", called_did=DIALLED)

    def internal(self, extension):
        """Return the notification that an extension rings."""
        return self._form("INTERNAL", called_did=DIALLED, internal=extension)

    def answer(self, extension):
        """Return the notification that an extension picked up."""
        return self._form("ANSWER", destination=extension, internal=extension)

    def end(self, extension, duration=42):
        """Return the notification that it is over, after talking with an extension."""
        return self._form(
            "END",
            called_did=DIALLED,
            internal=extension,
            last_internal=extension,
            disposition="answered",
            duration=str(duration),
            status_code="16",
            is_recorded="0",
        )

    def missed(self):
        """Return the notification that the caller gave up."""
        return self._form(
            "END", called_did=DIALLED, disposition="cancel", duration="0", status_code="16", is_recorded="0"
        )

    def whole(self, extensions, talker):
        """Return all its notifications: it rings at some extensions, one talks."""
        return [self.start(), *map(self.internal, extensions), self.answer(talker), self.end(talker)]

    def _form(self, name, **fields):
        return {"event": f"NOTIFY_{name}", **self._common, **fields}
