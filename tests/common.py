"""What the tests of all layers share: an account, its people, and the notifications of a call."""

import io
import json
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from odoo import SUPERUSER_ID, api, sql_db
from odoo.tests import HttpCase, TransactionCase, freeze_time, new_test_user

from odoo.addons.bus.models.bus import channel_with_db, json_dump

from ..zadarma_api.signature import verify_webhook, webhook_signature

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
    fields = {"status_code": "16", "is_recorded": "0", **fields}
    return inbound("END", disposition=disposition, duration=duration, **fields)


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
    """Notifications go through the inbox and the fold, at a moment that the test sets."""

    def setUp(self):
        super().setUp()
        self.registry_enter_test_mode()
        self.clock = self._freeze(START)

    def _freeze(self, moment):
        freezer = freeze_time(moment)
        self.addCleanup(freezer.stop)
        return freezer.start()

    def deliver(self, *forms, company=None, process=True):
        """Receive notifications, in this order, and process each as after its answer.

        :return: the answer to the last one, as JSON.
        """
        self.env.flush_all()
        answer = None
        for form in forms:
            with self.env.registry.cursor() as cr:
                events = api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]
                answer, after = events._receive(self._account(company), form)
            # The tests' cursors share a transaction, which the look-up's time limit would outlast.
            self.env.cr.execute("SET LOCAL statement_timeout = 0")
            if process:
                after()
        self.env.invalidate_all()
        return answer

    def _sweep(self):
        """Process what was left over, as the cron does."""
        with self.env.registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]._cron_sweep()
        self.env.invalidate_all()

    @contextmanager
    def another_process(self):
        """Yield a cursor on a connection of its own, as another process has one."""
        with closing(sql_db.db_connect(self.env.cr.dbname).cursor()) as cr:
            yield cr

    def _held_locks(self):
        """Return the advisory locks that the test's connection holds."""
        self.env.cr.execute(
            """
            SELECT classid::bigint << 32 | objid::bigint FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 1 AND pid = pg_backend_pid()
            """
        )
        return [key for (key,) in self.env.cr.fetchall()]

    def _locks_rows(self, table):
        """Tell whether the transaction has asked for locks on rows of a table."""
        self.env.cr.execute(
            """
            SELECT FROM pg_locks
             WHERE relation = %s::regclass AND mode = 'RowShareLock' AND pid = pg_backend_pid()
            """,
            [table],
        )
        return bool(self.env.cr.rowcount)

    def _sent(self, user, kind="zadarma.call"):
        """Return what was sent to a user, the oldest first."""
        channel = json_dump(channel_with_db(self.env.cr.dbname, user.partner_id))
        rows = self.env["bus.bus"].sudo().search([("channel", "=", channel)], order="id")
        messages = [json.loads(row.message) for row in rows]
        return [message["payload"] for message in messages if message["type"] == kind]


class ZadarmaHttpCase(ZadarmaMixin, HttpCase):
    """Notifications come over HTTP, as Zadarma sends them."""

    def post(self, form, *, token=TOKEN, secret=SECRET, headers=None, **options):
        """Send a notification to the webhook, signed with a secret; none leaves the signature out."""
        signed = {"Signature": webhook_signature(secret, form)} if secret is not None else {}
        options.setdefault("data", form)
        headers = {**signed, **(headers or {})}
        response = self.url_open(f"/zadarma/{token}", headers=headers, method="POST", **options)
        # What happens after the answer needs the tests' cursor, which is free inside such a block only.
        with self.allow_requests(all_requests=True):
            self._wait_remaining_requests()
        self.env.cr.execute("SET LOCAL statement_timeout = 0")
        self.env.invalidate_all()
        return response


class ZadarmaApiMixin:
    """Zadarma answers what the test says: ``answers`` by path, or by verb and path where that matters.

    An answer is a dict, a status with a dict, or an error to raise.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.asked, cls.answers = [], {}

    def setUp(self):
        super().setUp()
        self.asked.clear()
        self.answers.clear()

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        """Override to answer for Zadarma."""
        url = urlsplit(request.url)
        if request.method == "POST" and url.path.startswith("/zadarma/") and url.hostname == "crm.example.com":
            return cls._answer_as_this_server(request)
        if url.hostname != "api.zadarma.com":
            return super()._request_handler(session, request, **kwargs)
        params = dict(parse_qsl(request.body or url.query))
        cls.asked.append((request.method, url.path, params))
        answer = cls.answers.get(f"{request.method} {url.path}") or cls.answers[url.path]
        answer = answer(params) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        status, values = answer if isinstance(answer, tuple) else (200, answer)
        return _respond(status, json.dumps({"status": "success" if status < 300 else "error", **values}))

    @classmethod
    def _answer_as_this_server(cls, request):
        """Answer the test notification, as ``answers`` say of ``here`` or as the webhook does."""
        answer = cls.answers.get("here")
        if isinstance(answer, Exception):
            raise answer
        form = dict(parse_qsl(request.body))
        authentic = verify_webhook(SECRET, form, request.headers["Signature"])
        return _respond(*(answer or ((200, "{}") if authentic else (403, "Forbidden"))))


def _respond(status, body):
    response = requests.Response()
    response.status_code = status
    response.raw = urllib3.HTTPResponse(io.BytesIO(body.encode()), preload_content=False)
    return response


API_ANSWERS = {
    "/v1/info/balance/": {"balance": 10.34, "currency": "USD"},
    "/v1/pbx/internal/": {"pbx_id": 1234, "numbers": [101, 102, 104]},
    "/v1/pbx/internal/101/info/": {"name": "Ada", "record_store": "Without recognition"},
    "/v1/pbx/internal/102/info/": {"name": "Charles", "record_store": "For manual recognition"},
    "/v1/pbx/internal/104/info/": {"name": "Supervisor", "record_store": "false"},
    "/v1/pbx/internal/recording/": {"recording": "on"},
    "/v1/direct_numbers/": {"info": [{"number": "442037691880", "number_name": "London"}, {"number": None}]},
    "/v1/pbx/callinfo/": {"url": ""},
    "/v1/pbx/callinfo/url/": {"url": "…"},
    "/v1/pbx/callinfo/notifications/": {"notifications": {}},
    "/v1/pbx/webhooks/": {"url": ""},
    "/v1/pbx/webhooks/url/": {"url": "…"},
    "/v1/pbx/webhooks/hooks/": {"hooks": {}},
    "/v1/statistics/pbx/": {"stats": []},
}


class ZadarmaAccountCase(ZadarmaApiMixin, ZadarmaCase):
    """An account that Zadarma knows, with all that Connect asks for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("web.base.url", "https://crm.example.com")

    def setUp(self):
        super().setUp()
        self.answers.update(API_ANSWERS)
        moment = int(START.replace(tzinfo=timezone.utc).timestamp())
        self.answers["/v1/info/timezone/"] = {"unixtime": moment, "datetime": "2025-03-01 12:00:00"}

    def posted(self, path):
        """Return the parameters with which a method was called last, other than by GET; nothing if it was not."""
        found = [params for verb, known, params in self.asked if known == path and verb != "GET"]
        return found[-1] if found else {}

    def pass_time(self, minutes):
        """Let time pass, at Zadarma too."""
        self.clock.tick(minutes * 60)
        answer = self.answers["/v1/info/timezone/"]
        if answer.get("unixtime", 0) > 1:
            moment = datetime.now(timezone.utc)
            local = (moment + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S")
            self.answers["/v1/info/timezone/"] = {"unixtime": int(moment.timestamp()), "datetime": local}

    def extension(self, number):
        """Return an extension of the company, also an archived one."""
        extensions = self.env["zadarma.extension"].with_context(active_test=False)
        return extensions.search([("company_id", "=", self.company.id), ("number", "=", number)])

    def check(self, code):
        """Return what was found last."""
        return self.env["zadarma.check"]._find(self.company, code)
