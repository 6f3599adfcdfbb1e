from lxml import etree
from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ZadarmaCase, end, inbound


@tagged("post_install", "-at_install")
class TestUsers(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.second = cls.extensions[2]
        cls.second.user_id = cls.agent

    def test_people_choose_how_they_hear_of_calls_but_no_extension(self):
        agent = self.agent.with_user(self.agent)
        choice = {"zadarma_popup": False, "zadarma_sound": True, "zadarma_dnd": True}
        agent.write(choice)
        self.assertEqual(agent.read(list(choice))[0], {"id": agent.id, **choice})
        with self.assertRaises(AccessError):
            self.extensions[1].with_user(self.agent).user_id = self.agent
        with self.assertRaises(UserError):
            agent.write({"zadarma_extension_ids": [(4, self.extensions[1].id)]})
        with self.assertRaises(AccessError):
            self.colleague.with_user(self.agent).zadarma_dnd = True

    def test_preferences_have_the_telephone(self):
        view = self.env.ref("base.view_users_form_simple_modif")
        with Form(self.agent.with_user(self.agent), view=view) as form:
            self.assertEqual(form.zadarma_extension_numbers, "101, 103")
            self.assertEqual(form.zadarma_extension_id, self.extensions[0])
            form.zadarma_dnd = True
            form.zadarma_extension_id = self.second
        self.assertTrue(self.agent.zadarma_dnd)
        self.assertEqual(self.agent.zadarma_extension_id, self.second)

    def test_preferences_open_for_people_without_telephony(self):
        user = new_test_user(self.env, "zadarma_none", groups="base.group_user", tz="UTC")
        view = self.env.ref("base.view_users_form_simple_modif")
        arch = user.with_user(user).get_view(view.id)["arch"]
        names = etree.fromstring(arch).xpath("//field[starts-with(@name, 'zadarma_')]/@name")
        self.assertIn("zadarma_dnd", names)
        [values] = user.with_user(user).web_read({name: {} for name in names})
        self.assertFalse(values["zadarma_extension_id"])

    def test_calls_go_out_from_the_chosen_extension_else_the_first(self):
        agent = self.agent.with_user(self.agent)
        self.assertEqual(agent.zadarma_extension_id, self.extensions[0])
        agent.zadarma_extension_id = self.second
        self.assertEqual(agent.zadarma_extension_id.number, "103")
        agent.zadarma_extension_id = self.extensions[0]
        self.assertEqual(agent.zadarma_extension_id.number, "101")
        self.assertEqual(self.extensions.mapped("calls_out"), [True, False, False])
        agent.zadarma_extension_id = False
        self.assertEqual(self.extensions.mapped("calls_out"), [False, False, False])
        self.assertFalse(self.supervisor.zadarma_extension_id)

    def test_extension_that_went_away_calls_out_no_more(self):
        self.agent.zadarma_extension_id = self.second
        self.second.active = False
        self.assertEqual(self.agent.zadarma_extension_id, self.extensions[0])
        self.second.active = True
        self.assertEqual(self.agent.zadarma_extension_id, self.second)
        self.second.user_id = self.colleague
        self.assertEqual(self.agent.zadarma_extension_id, self.extensions[0])
        self.assertEqual(self.colleague.zadarma_extension_id, self.extensions[1], "which the colleague did not change")

    def test_nobody_calls_out_from_an_extension_of_somebody_else(self):
        with self.assertRaisesRegex(UserError, "102 is not one of Agent"):
            self.agent.with_user(self.agent).zadarma_extension_id = self.extensions[1]
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            (self.extensions[0] | self.second).calls_out = True
            self.env.flush_all()

    def test_extension_for_calling_is_the_companys(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.agent.company_ids |= other
        there = self.env["zadarma.extension"].create(
            {"number": "101", "company_id": other.id, "user_id": self.agent.id}
        )
        self.assertEqual(self.agent.with_company(other).zadarma_extension_id, there)
        self.assertEqual(self.agent.with_company(self.company).zadarma_extension_id, self.extensions[0])

    def test_undisturbed_people_still_learn_what_they_missed(self):
        self.agent.with_user(self.agent).zadarma_dnd = True
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("cancel", "0"))
        state = self.env["zadarma.call"].with_user(self.agent).get_popup_state()
        self.assertEqual((state["dnd"], state["missed"]), (True, 1))
