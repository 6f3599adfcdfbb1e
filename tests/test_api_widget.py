from odoo.tests import BaseCase

from ..zadarma_api.widget import FN_URL, LIB_URL, is_script_address, widget_logins

LOCAL = "http://127.0.0.1:8070"


class TestWidget(BaseCase):
    def test_scripts_come_over_https(self):
        for url in (LIB_URL, FN_URL, "https://my.zadarma.com:8443/a/b.js", "HTTPS://my.zadarma.com/a.js?v=17"):
            self.assertTrue(is_script_address(url), url)

    def test_other_addresses_are_refused(self):
        for url in (
            "",
            "http://my.zadarma.com/a.js",
            "javascript:alert(1)",
            "data:text/javascript,alert(1)",
            "//my.zadarma.com/a.js",
            "/a.js",
            "https://",
            "https://user@my.zadarma.com/a.js",
            "https://my.zadarma.com\\@evil.example/a.js",
            "https://my.zadarma.com/a.js\n",
            " https://my.zadarma.com/a.js",
            "https://my.zadarma.com/a.js#x",
            'https://my.zadarma.com/a.js"onload="x',
            "https://мy.zadarma.com/a.js",
            "https://evil.example/a.js",
            "https://evilzadarma.com/a.js",
            "https://my.zadarma.com.evil.example/a.js",
            "https://127.0.0.1/a.js",
        ):
            self.assertFalse(is_script_address(url), url)

    def test_simulated_zadarma_on_this_machine_may_serve_them_in_clear(self):
        script = f"{LOCAL}/webphoneWebRTCWidget/v9/js/loader-phone-lib.js"
        self.assertTrue(is_script_address(script, LOCAL))
        self.assertTrue(is_script_address(script, f"{LOCAL}/"))
        for api_url in ("", "http://127.0.0.1:8071", "https://127.0.0.1:8070", "https://api.zadarma.com"):
            self.assertFalse(is_script_address(script, api_url), api_url)
        self.assertFalse(is_script_address("http://zadarma.example/a.js", "http://zadarma.example"))

    def test_full_login_goes_first(self):
        self.assertEqual(widget_logins("1234", "101"), ["1234-101", "101"])
        self.assertEqual(widget_logins("", "101"), ["101"])
