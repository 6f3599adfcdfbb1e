import os
import random
from collections import defaultdict

from odoo import SUPERUSER_ID, api
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..zadarma_api.events import CALL_EVENTS, OTHER_EVENTS
from .common import (
    API_ANSWERS,
    CALL_ID,
    OUT_CALL_ID,
    ZadarmaAccountCase,
    ZadarmaCase,
    answer,
    end,
    inbound,
    outbound,
    record,
)

# How many events; `FUZZED=100000` for a long run.
FUZZED = int(os.environ.get("FUZZED", "400"))
ODD = (
    "",
    " ",
    "0",
    "-1",
    "1e3",
    "NaN",
    "9" * 400,
    "x" * 10000,
    "\x00",
    "a\x00b",
    "\r\nX: y",
    "'; DROP TABLE zadarma_call; --",
    "%s %(x)s {0} {{7*7}}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "\U0001f4de\u202eé",
    "1970-01-01 00:00:00",
    "9999-12-31 23:59:59",
    "0001-01-01 00:00:00",
    "2025-03-30 02:30:00",
    "100",
    "499499-100",
    "+4917012345678",
    "true",
)
VALID = [
    inbound("START"),
    inbound("INTERNAL", internal="101"),
    answer("101"),
    end(internal="101"),
    record(),
    outbound("OUT_START"),
    outbound("OUT_END", disposition="answered", duration="5"),
]


@tagged("post_install", "-at_install")
class TestFuzz(ZadarmaCase):
    def _fuzz(self, chance):
        form = dict(chance.choice(VALID))
        for _change in range(chance.randint(1, 4)):
            name = chance.choice([*form, "event", "internal", "transfer_from", "calltype", chance.choice(ODD)])
            if chance.random() < 0.2:
                form.pop(name, None)
            elif name == "event":
                form[name] = chance.choice([*CALL_EVENTS, *OTHER_EVENTS, *ODD])
            else:
                form[name] = chance.choice(ODD)
        if form.get("pbx_call_id") in (CALL_ID, OUT_CALL_ID):
            form["pbx_call_id"] = f"{chance.choice(('in', 'out'))}_{chance.randrange(max(50, FUZZED // 8)):040x}"
        return form

    def test_no_event_breaks_the_inbox(self):
        """Whatever an authentic event says, it is kept, answered, and fails nowhere."""
        chance = random.Random(20250301)
        forms = [self._fuzz(chance) for _event in range(FUZZED)]
        with self.assertNoLogs("odoo.addons.zadarma", "WARNING"):
            for form in forms:
                self.deliver(form)
        with self.env.registry.cursor() as cr:
            events = api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"].search([])
            self.assertFalse(events.filtered(lambda event: event.state in ("new", "failed")))
            self.assertEqual(len(events) + sum(events.mapped("redelivered")), FUZZED)


ODD_VALUES = (
    *ODD,
    None,
    True,
    0,
    -1,
    1e300,
    float("nan"),
    10**40,
    10**400,
    "\ud800",
    [],
    {},
    [None, {}, [[]]],
    {"": None},
)
QUIET = ("odoo.addons.zadarma.zadarma_api.client", "odoo.addons.zadarma.models.res_company_connection")


@tagged("post_install", "-at_install")
class TestFuzzAnswers(ZadarmaAccountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.answers = defaultdict(dict)
        cls.company.zadarma_webrtc = True

    def _fuzz(self, chance, value):
        """Return an answer, or a part of one, of which something is odd."""
        if isinstance(value, dict) and value and chance.random() < 0.8:
            name = chance.choice(list(value))
            return {**value, name: self._fuzz(chance, value[name])}
        if isinstance(value, list) and value and chance.random() < 0.5:
            return [self._fuzz(chance, value[0]), *value]
        return chance.choice(ODD_VALUES)

    def test_no_answer_breaks_connecting_and_watching(self):
        """Whatever Zadarma says of the account, each step tells what it found."""
        chance = random.Random(20250302)
        known = {**API_ANSWERS, "/v1/info/timezone/": {"unixtime": 1740823200, "datetime": "2025-03-01 12:00:00"}}
        known["/v1/webrtc/"] = {"is_exists": "true", "domains": ["crm.example.com"]}
        known["/v1/webrtc/domain/"] = known["/v1/webrtc/create/"] = {}
        for _time in range(FUZZED // 20):
            for path, values in known.items():
                odd = self._fuzz(chance, values) if chance.random() < 0.4 else values
                self.answers[path] = odd if isinstance(odd, dict) else {"info": odd}
            with mute_logger(*QUIET), self.env.cr.savepoint() as savepoint:
                self.company.action_zadarma_connect()
                self.company._zadarma_watch()
                self.env.flush_all()
                savepoint.rollback()
            self.env.invalidate_all()
            self.env["zadarma.throttle"].search([]).unlink()
        self.assertGreater(len(self.asked), FUZZED // 20)
