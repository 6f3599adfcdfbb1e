from odoo.exceptions import UserError, ValidationError
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import Form, tagged

from .common import TOKEN, ZadarmaAccountCase


@tagged("post_install", "-at_install")
class TestSettings(ZadarmaAccountCase):
    def settings(self):
        """Open the settings as an administrator."""
        return Form(self.env["res.config.settings"])

    def test_secret_is_written_and_never_shown(self):
        with self.settings() as form:
            self.assertFalse(form.zadarma_new_secret)
            self.assertTrue(form.zadarma_has_secret)
            form.zadarma_new_secret = " another "
        settings = form.record
        settings.execute()
        self.assertEqual(self.company.zadarma_secret, "another")
        self.env.invalidate_all()
        for values in (settings.read()[0], settings.default_get(list(settings._fields))):
            self.assertNotIn("another", str(values))
        with self.settings() as form:
            form.zadarma_key = "other-key"
        form.record.execute()
        self.assertEqual(self.company.zadarma_secret, "another", "an empty field leaves it")

    def test_page_shows_the_account(self):
        self.company.action_zadarma_connect()
        with self.settings() as form:
            self.assertEqual(form.zadarma_balance, 10.34)
            self.assertEqual((form.zadarma_extension_count, form.zadarma_extensions_open), (3, 1))
            self.assertIn(TOKEN, form.zadarma_webhook_url)

    def test_companies_have_pages_of_their_own(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.env.user.company_ids |= other
        settings = self.env["res.config.settings"].with_company(other).create({"zadarma_key": "k"})
        settings.zadarma_new_secret = "s"
        self.assertEqual((other.zadarma_key, other.zadarma_secret), ("k", "s"))
        self.assertEqual(self.company.zadarma_secret, "secret")
        self.assertNotEqual(settings.zadarma_webhook_url, self.company.zadarma_webhook_url)

    def test_addresses_are_checked(self):
        for text in ("185.45.152.40/33", "zadarma.com", "", " , "):
            with self.assertRaises(ValidationError):
                self.company.write({"zadarma_restrict_addresses": True, "zadarma_addresses": text})

    def test_address_restriction_knows_forms_of_addresses(self):
        self.company.zadarma_restrict_addresses = True
        account = self.env["res.company"]._zadarma_accounts()[self.company.zadarma_token]
        for address in ("185.45.152.40", "185.45.152.43", "::ffff:185.45.152.41"):
            self.assertTrue(account.admits(address), address)
        for address in ("185.45.152.44", "185.45.152.39", "127.0.0.1", "::1", "", None, "unix:"):
            self.assertFalse(account.admits(address), address)

    def test_changed_secret_counts_at_once(self):
        self.env["res.company"]._zadarma_accounts()
        self.company.zadarma_secret = "  another  "
        account = self.env["res.company"]._zadarma_accounts()[self.company.zadarma_token]
        self.assertEqual(account.secret, "another")

    def test_copy_of_a_database_has_no_account(self):
        self.company.zadarma_former_digests = "0" * 64
        self.env.flush_all()
        for query in get_neutralization_queries(["zadarma"]):
            self.env.cr.execute(query)
        self.env.registry.clear_cache()
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "not set up"):
            self.company._zadarma_client()
        self.assertFalse(self.env["res.company"]._zadarma_accounts())
        self.assertFalse(self.company.zadarma_webhook_url or self.company.zadarma_former_digests)
        self.assertEqual(self.company.action_zadarma_test_address()["params"]["type"], "warning")

    def test_copy_says_so_and_takes_an_account_for_tests(self):
        with self.settings() as form:
            self.assertFalse(form.zadarma_is_copy)
        for query in get_neutralization_queries(["base", "zadarma"]):
            self.env.cr.execute(query)
        self.env.registry.clear_cache("stable", "default")
        self.env.invalidate_all()
        with self.settings() as form:
            self.assertTrue(form.zadarma_is_copy)
            form.zadarma_key = "test-key"
            form.zadarma_new_secret = "test-secret"
        health = self.env["zadarma.health"].with_user(self.supervisor)
        form.record.execute()
        self.env.invalidate_all()
        self.assertIn(self.company.zadarma_token, self.company.zadarma_webhook_url)
        self.assertNotEqual(self.company.zadarma_token, TOKEN, "the address of the original stays its own")
        self.company.zadarma_key = False
        self.assertIn("is a copy", health.get_health()["lines"][0]["text"])

    def test_numbers_are_kept_in_one_form(self):
        number = self.env["zadarma.number"].create({"number": "030 999 88 77", "company_id": self.company.id})
        self.assertEqual(number.number, "+49309998877")
        number.number = "0044 20 3769 1880"
        self.assertEqual(number.number, "+442037691880")

    def test_numbers_are_written_as_people_read_them(self):
        with Form(self.env["zadarma.number"]) as form:
            form.number_display = "030 999 88 77"
        number = form.record
        self.assertEqual((number.number, number.number_display), ("+49309998877", "+49 30 9998877"))
        self.assertEqual(number.display_name, "+49 30 9998877")
        number.write({"name": "Berlin", "number_display": "+44 20 3769 1880"})
        self.assertEqual((number.number, number.display_name), ("+442037691880", "Berlin (+44 20 3769 1880)"))
        short = number.with_context(zadarma_short_name=True)
        self.assertEqual(short.display_name, "Berlin")
        short.name = False
        self.assertEqual(short.display_name, "+44 20 3769 1880", "what has no name")
