from odoo.tests import no_retry, tagged

from odoo.addons.web.tests import test_js


@tagged("post_install", "-at_install")
class TestJs(test_js.WebSuite):
    """The hoot suite of this addon, and of this one alone."""

    # Inherited tests that are about Odoo itself.
    test_hoot = test_qunit_desktop = test_check_suite = None
    test_get_qunit_regex = test_generate_hoot_hash = test_get_hoot_filter = None

    def get_hoot_filters(self):
        """Override to run this addon's suite only."""
        self._test_params = [("+", "@zadarma")]
        return super().get_hoot_filters()

    @no_retry
    def test_unit_desktop(self):
        """Override because Odoo's loader ignores tests that are only inherited."""
        return super().test_unit_desktop()
