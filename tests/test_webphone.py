from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged

from .common import ZadarmaApiMixin, ZadarmaCase

GET_KEY = "/v1/webrtc/get_key/"
INTERNAL = "/v1/pbx/internal/"
WEBRTC, CREATE, DOMAIN = "/v1/webrtc/", "/v1/webrtc/create/", "/v1/webrtc/domain/"
SECRET_FIELDS = ("webrtc_key", "webrtc_key_at", "webrtc_bare_login")


@tagged("post_install", "-at_install")
class TestWebphone(ZadarmaApiMixin, ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write({"zadarma_webrtc": True, "zadarma_pbx_id": "1234"})
        (cls.agent + cls.colleague).zadarma_webrtc = True

    def setUp(self):
        super().setUp()
        self.keys = iter(range(1, 100))
        self.answers[GET_KEY] = lambda params: {"key": f"{params['sip']}#{next(self.keys)}"}

    def _login(self, user=None, **options):
        login = self.env["zadarma.webphone"].with_user(user or self.agent).get_login(**options)
        return login["key"], login["login"]

    def _fetched(self):
        return [params["sip"] for _verb, path, params in self.asked if path == GET_KEY]

    def test_key_is_fetched_once_in_twenty_hours(self):
        self.assertEqual(self._login(), ("1234-101#1", "1234-101"))
        self.clock.tick(19 * 3600)
        self.assertEqual(self._login(), ("1234-101#1", "1234-101"))
        self.clock.tick(2 * 3600)
        self.assertEqual(self._login(), ("1234-101#2", "1234-101"))

    def test_people_get_the_key_of_their_own_extension(self):
        self.assertEqual(self._login()[0], "1234-101#1")
        self.assertEqual(self._login(self.colleague)[0], "1234-102#2")

    def test_who_has_no_extension_or_does_not_want_it_gets_no_key(self):
        self.supervisor.zadarma_webrtc = True
        self.colleague.zadarma_webrtc = False
        for user in (self.supervisor, self.colleague, self.env.ref("base.public_user")):
            with self.assertRaisesRegex(UserError, "switched off"):
                self._login(user)
        self.assertFalse(self.asked)

    def test_extension_that_changes_hands_takes_its_key_along(self):
        self._login()
        self.extensions[0].user_id = self.supervisor
        with self.assertRaises(UserError):
            self._login()
        self.supervisor.zadarma_webrtc = True
        self.assertEqual(self._login(self.supervisor)[0], "1234-101#2", "and the new user gets a new one")

    def test_nobody_reads_a_key(self):
        self._login()
        admin = self.env.ref("base.user_admin")
        for user in (self.agent, self.supervisor, admin):
            extension = self.extensions[0].with_user(user)
            for field in SECRET_FIELDS:
                with self.assertRaises(AccessError, msg=f"{user.name} reads {field}"):
                    extension.read([field])
                with self.assertRaises(AccessError, msg=f"{user.name} searches {field}"):
                    extension.search([(field, "!=", False)])
                with self.assertRaises(AccessError, msg=f"{user.name} writes {field}"):
                    extension.write({field: False})
            self.assertFalse(set(SECRET_FIELDS) & extension.fields_get().keys())

    def test_switches_off_mean_no_phone(self):
        calls = self.env["zadarma.call"].with_user(self.agent)
        self.assertTrue(calls.get_popup_state()["webphone"])
        self.agent.zadarma_webrtc = False
        self.assertFalse(calls.get_popup_state()["webphone"])
        self.agent.zadarma_webrtc, self.company.zadarma_webrtc = True, False
        self.assertFalse(calls.get_popup_state()["webphone"])
        with self.assertRaises(UserError):
            self._login()

    def test_refused_key_is_asked_for_with_the_bare_extension(self):
        self.answers[GET_KEY] = lambda params: (
            (404, {"message": "Sip not found"}) if "-" in params["sip"] else {"key": "k"}
        )
        self.assertEqual(self._login(), ("k", "1234-101"))
        self.assertEqual(self._fetched(), ["1234-101", "101"])

    def test_login_that_the_widget_refuses_is_replaced_by_the_other_one(self):
        self._login()
        self.assertEqual(self._login(failed_login="1234-101"), ("1234-101#1", "101"))
        self.assertEqual(self._login(), ("1234-101#1", "101"))
        # A page that was opened before says the same: it is known.
        self.assertEqual(self._login(failed_login="1234-101")[1], "101")
        self.assertEqual(self._login(failed_login="101")[1], "1234-101")
        self.assertEqual(len(self._fetched()), 1, "however often pages fail, there is one key an hour")

    def test_old_key_is_replaced_before_the_login_is(self):
        self._login()
        self.clock.tick(2 * 3600)
        self.assertEqual(self._login(failed_login="1234-101"), ("1234-101#2", "1234-101"))
        self.assertEqual(self._login(failed_login="1234-101"), ("1234-101#2", "101"))

    def test_number_of_the_pbx_is_read_where_it_is_missing(self):
        self.company.zadarma_pbx_id = False
        self.answers[INTERNAL] = {"pbx_id": 4321, "numbers": []}
        self.assertEqual(self._login()[1], "4321-101")
        self.assertEqual(self.company.zadarma_pbx_id, "4321")

    def test_failures_say_what_happened(self):
        for answered, text in (
            ((404, {"message": "Sip not found"}), "extension 101. Zadarma refused the request: Sip not found"),
            ((401, {"message": "Not authorized"}), "does not accept the key"),
            ({}, "holds no key"),
            ((429, {"message": "You exceeded the rate limit"}), "slow down"),
        ):
            self.answers[GET_KEY] = answered
            with self.assertRaisesRegex(UserError, text):
                self._login()

    def test_scripts_come_from_secure_addresses_only(self):
        for url in ("http://my.zadarma.com/a.js", "https://evil.example/a.js", "javascript:alert(1)", "", False):
            with self.assertRaises(ValidationError):
                self.company.zadarma_webrtc_lib_url = url
        self.env["ir.config_parameter"].set_param("zadarma.api_url", "http://127.0.0.1:8070")
        self.company.zadarma_webrtc_lib_url = "http://127.0.0.1:8070/a.js"
        self.env["ir.config_parameter"].set_param("zadarma.api_url", False)
        with self.assertRaisesRegex(UserError, "secure address"):
            self._login()

    def test_site_is_registered_once(self):
        self.env["ir.config_parameter"].set_param("web.base.url", "https://crm.example.com:8443")
        known = {"is_exists": False, "domains": [], "settings": {}}
        self.answers |= {WEBRTC: lambda _params: known, CREATE: {}, DOMAIN: {}}
        action = self.company.action_zadarma_register_webrtc()
        self.assertIn("crm.example.com", action["params"]["message"])
        known |= {"is_exists": "true", "domains": ["other.example.com"]}
        self.company.action_zadarma_register_webrtc()
        known["domains"].append("crm.example.com")
        self.company.action_zadarma_register_webrtc()
        posted = [(path, params) for verb, path, params in self.asked if verb == "POST"]
        self.assertEqual(posted, [(path, {"domain": "crm.example.com"}) for path in (CREATE, DOMAIN)])
        with self.assertRaises(AccessError):
            self.company.with_user(self.supervisor).action_zadarma_register_webrtc()

    def test_copy_of_a_database_has_no_keys(self):
        self._login()
        self.env.flush_all()
        for query in get_neutralization_queries(["zadarma"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.assertFalse(self.extensions[0].sudo().webrtc_key)
        with self.assertRaises(UserError):
            self._login()
