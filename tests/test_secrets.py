import json
import logging

import psycopg2

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import TOKEN, ZadarmaAccountCase, ZadarmaMixin, inbound

CANARY = "canary5f46f1f6e3b9a40"
SETTINGS = "res.config.settings"


class _Everything(logging.Handler):
    """Remembers all that is logged."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record):
        """Keep the text and the traceback."""
        self.text += self.format(record)


class _Listening:
    """Hears all loggers at debug level, but for the queries that a level of its own prints."""

    def __enter__(self):
        self.handler, self.root = _Everything(), logging.getLogger()
        self.levels = {name: logging.getLogger(name).level for name in ("", "odoo", "odoo.service.model")}
        for name in self.levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger("odoo.sql_db").setLevel(logging.INFO)
        self.root.addHandler(self.handler)
        return self.handler

    def __exit__(self, *_error):
        self.root.removeHandler(self.handler)
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)


@tagged("post_install", "-at_install")
class TestSecrets(ZadarmaAccountCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.zadarma_secret = CANARY
        cls.administrator = new_test_user(
            cls.env, "zadarma_boss", groups="base.group_system,zadarma.group_zadarma_manager"
        )

    def test_settings_show_no_secret_in_any_way(self):
        settings = self.env[SETTINGS].with_user(self.administrator)
        names = [name for name in settings._fields if name.startswith("zadarma_")]
        record = settings.create({})
        spec = {name: {} for name in names}
        for shown in (
            record.read(names),
            record.web_read(spec),
            settings.onchange({}, [], spec),
            settings.default_get(names),
            record.copy_data(),
            record.export_data(names),
        ):
            self.assertNotIn(CANARY, str(shown))

    def test_nothing_that_people_read_holds_a_secret(self):
        self.answers["POST /v1/pbx/callinfo/url/"] = (400, {"message": f"Wrong {CANARY}"})
        self.company.action_zadarma_connect()
        self.deliver(inbound("START"))
        self.answers["/v1/info/balance/"] = (401, {"message": f"Not authorized {CANARY}"})
        self.company.action_zadarma_connect()
        self.env.flush_all()
        models = [self.env[name] for name in ("zadarma.check", "zadarma.event", "zadarma.call", "zadarma.throttle")]
        found = [model.sudo().search([]).read() for model in models]
        found += [self.env["mail.message"].search([], order="id desc", limit=50).read(["body", "subject"])]
        found += [self.env["mail.tracking.value"].search([], order="id desc", limit=50).read()]
        found += [self.env["zadarma.health"].with_user(self.supervisor).get_health()]
        self.assertNotIn(CANARY, str(found))
        self.assertNotIn(TOKEN, str(found[-1]))

    def test_copy_of_a_company_has_no_account(self):
        data = self.company.copy_data()[0]
        self.assertFalse({"zadarma_key", "zadarma_secret", "zadarma_token", "zadarma_connected_at"} & data.keys())

    def test_debug_log_of_connecting_is_clean(self):
        with _Listening() as log:
            self.company.action_zadarma_connect()
            self.answers["/v1/info/balance/"] = (500, {"message": CANARY})
            self.company.action_zadarma_connect()
        self.assertIn("/v1/info/balance/", log.text)
        self.assertNotIn(CANARY, log.text)


@tagged("post_install", "-at_install")
class TestSecretsOverHttp(ZadarmaMixin, HttpCase):
    def _call(self, model, method, *args, **kwargs):
        params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
        return self.make_jsonrpc_request(f"/web/dataset/call_kw/{model}/{method}", params)

    def test_debug_log_of_saving_the_settings_is_clean(self):
        self.authenticate("admin", "admin")
        values = {"zadarma_key": f"key-{CANARY}", "zadarma_new_secret": CANARY}
        with _Listening() as log:
            self._call(SETTINGS, "web_save", [], values, specification={"zadarma_has_secret": {}})
        self.env.invalidate_all()
        self.assertEqual(self.env.company.zadarma_secret, CANARY)
        self.assertIn("zadarma_new_secret", log.text)
        self.assertNotIn(CANARY, log.text)

    def test_session_holds_no_secret(self):
        self.company.zadarma_secret = CANARY
        for login in ("admin", "zadarma_agent"):
            self.authenticate(login, login)
            info = self.make_jsonrpc_request("/web/session/get_session_info", {})
            self.assertNotIn(CANARY, json.dumps(info))
            self.assertNotIn(TOKEN, json.dumps(info))

    def test_refused_notification_with_a_secret_in_it_is_not_logged(self):
        with _Listening() as log, mute_logger("odoo.http"):
            self.url_open(
                f"/zadarma/{TOKEN}", data={"event": "NOTIFY_START", "x": CANARY}, headers={"Signature": CANARY}
            )
        self.assertNotIn(CANARY, log.text)

    def test_query_that_fails_is_not_logged_with_the_secret(self):
        for query in ('UPDATE "res_company" SET "zadarma_secret" = %s, "nothing" = 1', "SELECT nothing, %s"):
            log = _Everything()
            with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.Error), self.env.cr.savepoint():
                logging.getLogger("odoo.sql_db").addHandler(log)
                self.env.cr.execute(query, [CANARY])
            self.assertIn("query", log.text)
            self.assertEqual(CANARY in log.text, query.startswith("SELECT"))
