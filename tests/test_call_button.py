from odoo.tests import HttpCase, tagged

from .common import CALLER, ZadarmaMixin

BUTTON = "document.querySelectorAll('.o_field_widget[name=phone] .o_zadarma_call_button').length === 1"


@tagged("post_install", "-at_install")
class TestCallButton(ZadarmaMixin, HttpCase):
    def test_number_of_a_contact_has_a_button(self):
        """Whatever else is installed that changes the field."""
        partner = self.env["res.partner"].create({"name": "Anna Berg", "phone": CALLER})
        url = f"/odoo/res.partner/{partner.id}"
        self.browser_js(url, "console.log('test successful')", ready=BUTTON, login=self.agent.login)
