from odoo.tests import tagged

from .common import START, ZadarmaApiMixin, ZadarmaCase

ONLINE, OFFLINE = {"is_online": "true"}, {"is_online": "false"}
REFUSED = (404, {"message": "No such extension"})


@tagged("post_install", "-at_install")
class TestRegistration(ZadarmaApiMixin, ZadarmaCase):
    def _check(self, *answers):
        """Look extensions up at a Zadarma that answers so of 101 and 102; return which were asked for."""
        self.answers.update({f"/v1/pbx/internal/10{n}/status/": answer for n, answer in enumerate(answers, 1)})
        self.env["zadarma.extension"]._check_registration(self.company)
        return [path.split("/")[4] for _method, path, _params in self.asked]

    def test_extensions_of_users_are_looked_up(self):
        self.assertEqual(self._check(ONLINE, OFFLINE), ["101", "102"])
        self.assertEqual(self.extensions.mapped("is_away"), [False, True, False])
        self.assertEqual(self.extensions.mapped("checked_at"), [START, START, False])

    def test_extension_of_which_nothing_is_said_holds_up_no_other(self):
        self.assertEqual(self._check(REFUSED, OFFLINE), ["101", "102"])
        self.assertEqual(self.extensions.mapped("is_away"), [False, True, False])

    def test_trouble_leaves_what_is_known(self):
        self.extensions[0].is_away = True
        self.assertEqual(self._check((500, {}), ONLINE)[-1], "101")
        self.assertEqual((self.extensions[0].is_away, self.extensions[0].checked_at), (True, False))

    def test_longest_not_looked_up_comes_first(self):
        self.extensions[0].checked_at = START
        self.assertEqual(self._check(ONLINE, ONLINE), ["102", "101"])

    def test_account_that_is_not_set_up_is_left_alone(self):
        self.company.zadarma_key = False
        self.assertFalse(self._check(ONLINE, ONLINE))
