"""What the tests of all layers share: an account, its people, and the notifications of a call."""

import itertools
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from odoo.tests import HttpCase, TransactionCase, new_test_user

from ..zadarma_api.signature import webhook_signature

SECRET = "secret"
TOKEN = "a" * 40
CALLER = "+4917012345678"
DIALLED = "493012345678"
CALL_ID = "in_b9ece52e1505a214e6ba05f93430ec60bd5213bf"
OUT_CALL_ID = "out_dcb2000000000000000000000000000000005068"
RECORDING_ID = "1740823200.1234"
START = datetime(2025, 3, 1, 10, 0, 0)


def inbound(event, *, call_id=CALL_ID, caller=CALLER, dialled=DIALLED, start="2025-03-01 10:00:00", **fields):
    """Return the form fields of an event of an inbound call."""
    return {
        "event": f"NOTIFY_{event}",
        "call_start": start,
        "pbx_call_id": call_id,
        "caller_id": caller,
        "called_did": dialled,
        **fields,
    }


def answer(extension, **fields):
    """Return the form fields of an answered inbound call."""
    form = inbound("ANSWER", destination=extension, internal=extension, **fields)
    del form["called_did"]
    return form


def end(disposition="answered", duration="42", **fields):
    """Return the form fields of the end of an inbound call."""
    return inbound("END", disposition=disposition, duration=duration, status_code="16", is_recorded="0", **fields)


def outbound(event, *, call_id=OUT_CALL_ID, extension="101", callee=CALLER, start="2025-03-01 11:00:00", **fields):
    """Return the form fields of an event of an outbound call."""
    return {
        "event": f"NOTIFY_{event}",
        "call_start": start,
        "pbx_call_id": call_id,
        "internal": extension,
        "destination": callee,
        "caller_id": "0",
        **fields,
    }


def record(call_id=CALL_ID, recording_id=RECORDING_ID):
    """Return the form fields of the notice that a recording is ready."""
    return {"event": "NOTIFY_RECORD", "pbx_call_id": call_id, "call_id_with_rec": recording_id}


class ZadarmaMixin:
    """An account with three extensions: two agents', one nobody's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.write(
            {
                "country_id": cls.env.ref("base.de").id,
                "zadarma_key": "key",
                "zadarma_secret": SECRET,
                "zadarma_token": TOKEN,
                "zadarma_tz": "UTC",
                "zadarma_caller_name": True,
                "zadarma_restrict_addresses": False,
            }
        )
        cls.agent = cls._new_user("agent", "sales_team.group_sale_salesman")
        cls.colleague = cls._new_user("colleague", "sales_team.group_sale_salesman")
        cls.supervisor = cls._new_user("supervisor", "sales_team.group_sale_manager")
        cls.env["zadarma.extension"].search([]).unlink()
        cls.extensions = cls.env["zadarma.extension"].create(
            [
                {"number": "101", "company_id": cls.company.id, "user_id": cls.agent.id},
                {"number": "102", "company_id": cls.company.id, "user_id": cls.colleague.id},
                {"number": "103", "company_id": cls.company.id},
            ]
        )
        cls.own_number = cls.env["zadarma.number"].create(
            {"number": DIALLED, "name": "Berlin", "company_id": cls.company.id}
        )

    @classmethod
    def _new_user(cls, name, group):
        return new_test_user(
            cls.env, f"zadarma_{name}", groups=group, name=name.title(), company_id=cls.company.id, tz="UTC"
        )

    def _account(self, company=None):
        token = (company or self.company).zadarma_token
        return self.env["res.company"]._zadarma_accounts()[token]

    def _find_call(self, call_id=CALL_ID, company=None):
        company = company or self.company
        return self.env["zadarma.call"].search([("company_id", "=", company.id), ("pbx_call_id", "=", call_id)])

    def _find_events(self, **values):
        return self.env["zadarma.event"].search([(name, "=", value) for name, value in values.items()])


class ZadarmaCase(ZadarmaMixin, TransactionCase):
    """Notifications go through the inbox and the fold in the test's own transaction."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._clock = itertools.count()

    def setUp(self):
        super().setUp()
        self.now = START
        self.startPatch(patch.object(self.env.cr.__class__, "now", lambda _cr: self.now))
        self.sent = []
        self.startPatch(
            patch.object(
                type(self.env["bus.bus"]),
                "_sendone",
                lambda _bus, channel, kind, message: self.sent.append((channel, kind, message)),
            )
        )

    def startPatch(self, patcher):
        """Patch for the length of the test."""
        patcher.start()
        self.addCleanup(patcher.stop)
