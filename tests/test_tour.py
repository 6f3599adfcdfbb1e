from odoo import fields
from odoo.tests import HttpCase, new_test_user, tagged

from .common import API_ANSWERS, ZadarmaApiMixin, ZadarmaMixin


@tagged("post_install", "-at_install")
class TestTour(ZadarmaApiMixin, ZadarmaMixin, HttpCase):
    """Whoever installed the addon is led to a connected account, once."""

    # While Odoo builds the web client's code, which takes long on a busy machine, the page's other requests wait.
    test_cursor_lock_timeout = 120

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.config_parameter"].set_param("web.base.url", "https://crm.example.com")
        cls.company.write({"zadarma_key": False, "zadarma_secret": False})
        cls.chief = new_test_user(
            cls.env, "zadarma_chief", "base.group_system,sales_team.group_sale_manager", tour_enabled=True
        )
        cls.tour = cls.env.ref("zadarma.zadarma_tour")

    def setUp(self):
        super().setUp()
        self.answers.update(API_ANSWERS)
        self.answers["/v1/info/timezone/"] = {"unixtime": 1740823200, "datetime": "2025-03-01 12:00:00"}

    def _is_offered(self, user):
        current = self.env["web_tour.tour"].with_user(user).get_current_tour()
        return bool(current) and current["name"] == self.tour.name

    def test_tour_leads_to_a_connected_account(self):
        self.start_tour("/odoo", self.tour.name, login=self.chief.login, timeout=180)
        self.assertEqual(self.company.zadarma_key, "tour-key")
        self.assertTrue(self.company.zadarma_connected_at)

    def test_tour_is_offered_until_the_account_is_connected(self):
        self.env["web_tour.tour"].search([("id", "!=", self.tour.id)]).unlink()
        self.company.write({"zadarma_key": "key", "zadarma_secret": "secret"})
        self.assertTrue(self._is_offered(self.chief))
        self.answers["/v1/info/balance/"] = 401, {"message": "Not authorized"}
        self.company.action_zadarma_connect()
        self.assertTrue(self._is_offered(self.chief), "it did not work")
        self.answers.update(API_ANSWERS)
        self.company.action_zadarma_connect()
        self.assertFalse(self._is_offered(self.chief))


@tagged("post_install", "-at_install")
class TestCallsTour(ZadarmaMixin, HttpCase):
    """Salespeople are shown where their calls are, in an empty database, too."""

    test_cursor_lock_timeout = 120

    def setUp(self):
        super().setUp()
        self.env["web_tour.tour"].search([("name", "!=", "zadarma_calls_tour")]).unlink()
        (self.agent | self.supervisor).tour_enabled = True
        # Which number they show is known; Zadarma is not asked.
        self.extensions.caller_id_at = fields.Datetime.now()

    def _is_offered(self, user):
        return bool(self.env["web_tour.tour"].with_user(user).get_current_tour())

    def test_tour_of_calls_calls_nobody_and_keeps_nothing(self):
        self.env["zadarma.call"].search([]).unlink()
        partners = self.env["res.partner"].search([])
        self.start_tour("/odoo", "zadarma_calls_tour", login=self.agent.login, timeout=180)
        self.assertFalse(self.env["zadarma.call"].search([]))
        self.assertEqual(self.env["res.partner"].search([]), partners)

    def test_tour_of_calls_is_offered_once_to_those_who_can_call(self):
        self.assertTrue(self._is_offered(self.agent))
        self.assertFalse(self._is_offered(self.supervisor), "has no extension")
        self.env["web_tour.tour"].with_user(self.agent).consume("zadarma_calls_tour")
        self.assertFalse(self._is_offered(self.agent))

    def test_salespeople_are_not_shown_how_to_connect(self):
        connecting = self.env["web_tour.tour"].create({"name": "zadarma_tour", "sequence": 5})
        current = self.env["web_tour.tour"].with_user(self.agent).get_current_tour()
        self.assertEqual(current["name"], "zadarma_calls_tour")
        self.agent.group_ids += self.env.ref("base.group_system")
        connecting.user_consumed_ids = False
        self.assertEqual(self.env["web_tour.tour"].with_user(self.agent).get_current_tour()["name"], "zadarma_tour")

    def test_tour_of_calls_comes_after_all_others(self):
        """Whoever is not offered it misses none that comes later."""
        other = self.env["web_tour.tour"].create({"name": "other"})
        for user in self.agent, self.supervisor:
            self.assertEqual(self.env["web_tour.tour"].with_user(user).get_current_tour()["name"], other.name)


@tagged("post_install", "-at_install")
class TestCallsTourOnPhones(ZadarmaMixin, HttpCase):
    """Phones have their menus elsewhere, and cards instead of lists."""

    browser_size = "390x844"
    touch_enabled = True
    test_cursor_lock_timeout = 120

    def test_tour_of_calls_goes_to_its_end(self):
        self.extensions.caller_id_at = fields.Datetime.now()
        partners = self.env["res.partner"].search([])
        self.start_tour("/odoo", "zadarma_calls_tour", login=self.agent.login, timeout=180)
        self.assertEqual(self.env["res.partner"].search([]), partners)
