"""What Zadarma sends when somebody calls, and who calls."""

import itertools
import random
import time
from typing import NamedTuple
from urllib.parse import urlencode

from simulator.signatures import event_signature

from .people import SHARED_NUMBER, UNREAD_NUMBER

SECRET = "bench-secret"
# Blocked are so many numbers that begin so.
BLOCKED_NUMBERS, BLOCKED_COUNT = "+49157", 100_000
DIALLED = "+493098765432"
NAMED = b'{"caller_name": "'
NAMELESS = b"{}"


class Kind(NamedTuple):
    """A kind of request.

    :ivar title: for people.
    :ivar answer: what each answer begins with.
    :ivar path: where to, if not to the webhook.
    """

    title: str
    answer: bytes
    path: str = ""


# An empty route; one for Odoo's public user; one that stores a row.
FLOOR = Kind("floor", NAMELESS, "/zadarma_bench/floor")
PUBLIC_FLOOR = Kind("public floor", NAMELESS, "/zadarma_bench/public")
STORING_FLOOR = Kind("storing floor", NAMELESS, "/zadarma_bench/store")
KNOWN = Kind("known caller", NAMED)
UNKNOWN = Kind("unknown caller", NAMELESS)
AMBIGUOUS = Kind("number of 5 000 contacts", NAMELESS)
WITHHELD = Kind("withheld number", NAMELESS)
BLOCKED = Kind("blocked number", b'{"redirect": "blacklist"}')
VARIANTS = (UNKNOWN, AMBIGUOUS, WITHHELD, BLOCKED)


def encode_request(path, fields, headers=()):
    """Return the bytes of a form that is posted."""
    body = urlencode(fields)
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *headers,
    )
    return "\r\n".join((*lines, "", body)).encode()


class Callers:
    """Makes the requests to one site: no call twice, known callers spread over all contacts."""

    def __init__(self, site, seed=1):
        """Choose who will call; the same ones for the same seed."""
        self.site = site
        self._random = random.Random(seed)
        self._run = f"{time.time_ns():x}"
        self._count = itertools.count()
        self._known = itertools.cycle(self._choose_known())

    def _choose_known(self):
        last = self.site.execute("SELECT max(id) FROM res_partner")[0][0]
        ids = ", ".join(str(self._random.randint(1, last)) for _ in range(10_000))
        rows = self.site.execute(
            f"""
            SELECT DISTINCT phone_sanitized FROM res_partner
             WHERE id IN ({ids}) AND active AND phone_sanitized <> '{SHARED_NUMBER}' ORDER BY 1
            """
        )
        numbers = [number for (number,) in rows]
        self._random.shuffle(numbers)
        return numbers

    def number(self, kind):
        """Return what Zadarma sends as the caller's number."""
        if kind is KNOWN:
            return next(self._known)
        if kind is UNKNOWN:
            return f"+49170{self._random.randrange(10**7):07}"
        if kind is BLOCKED:
            return f"{BLOCKED_NUMBERS}{self._random.randrange(BLOCKED_COUNT):07}"
        return "" if kind is WITHHELD else SHARED_NUMBER

    def request(self, kind):
        """Return the bytes of one request. A floor gets what a known caller's notification would carry."""
        return self.call(kind)[1]

    def call(self, kind):
        """Return the id of a new call, and the bytes of its first notification."""
        fields = self._begin(
            {"caller_id": self.number(KNOWN if kind.path else kind), "called_did": DIALLED.lstrip("+")}
        )
        return fields["pbx_call_id"], self._encode("NOTIFY_START", fields, kind.path)

    def whole(self, call, extension):
        """Return the requests of a call that rings at an extension and is not answered."""
        fields = self._begin(call)
        ringing = {**fields, "internal": extension}
        end = {**ringing, "duration": "0", "disposition": "cancel", "is_recorded": "0"}
        forms = (("NOTIFY_START", fields), ("NOTIFY_INTERNAL", ringing), ("NOTIFY_END", end))
        return [self._encode(event, values) for event, values in forms]

    def _begin(self, call):
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        return {"call_start": moment, "pbx_call_id": f"in_{self._run}{next(self._count):024x}", **call}

    def _encode(self, event, fields, path=""):
        fields = {"event": event, **fields}
        signature = event_signature(event, fields, SECRET)
        return encode_request(path or f"/zadarma/{self.site.token}", fields, [f"Signature: {signature}"])

    def look_ups(self):
        """Return by title the numbers whose look-up is explained."""
        ((unread,),) = self.site.execute(
            """
            SELECT '+' || phone FROM res_partner
             WHERE phone LIKE '31%' AND phone_sanitized IS NULL AND active ORDER BY id LIMIT 1
            """
        )
        ((lead,),) = self.site.execute(
            """
            SELECT phone_sanitized FROM crm_lead
             WHERE partner_id IS NULL AND phone_sanitized IS NOT NULL AND active ORDER BY id LIMIT 1
            """
        )
        return {
            "a known caller": next(self._known),
            "an unknown caller": self.number(UNKNOWN),
            "a lead": lead,
            "many contacts with one number": SHARED_NUMBER,
            "a contact whose number Odoo cannot read": unread,
            "many contacts with such a number": UNREAD_NUMBER,
        }
