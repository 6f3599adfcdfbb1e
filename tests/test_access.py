from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import ZadarmaCase, answer, end, inbound

OPERATIONS = ("read", "write", "create", "unlink")
# Who may do what, in the order above.
MATRIX = {
    "zadarma.blocked.number": {"user": "0000", "agent": "1110", "manager": "1111", "system": "0000"},
    "zadarma.call": {"user": "0000", "agent": "1000", "manager": "1101", "system": "0000"},
    "zadarma.call.alias": {"user": "0000", "agent": "0000", "manager": "0000", "system": "1000"},
    "zadarma.call.deleted": {"system": "1001"},
    "zadarma.call.leg": {"user": "0000", "agent": "1000", "manager": "1000", "system": "0000"},
    "zadarma.call.report": {"user": "0000", "agent": "1000", "manager": "1000", "system": "0000"},
    "zadarma.call.list": {"user": "0000", "agent": "1111", "manager": "1111", "system": "0000"},
    "zadarma.call.list.line": {"user": "0000", "agent": "1000", "manager": "1000", "system": "0000"},
    "zadarma.call.outcome": {"user": "0000", "agent": "1000", "manager": "1111", "system": "0000"},
    "zadarma.event": {"user": "0000", "agent": "0000", "manager": "0000", "system": "1001"},
    "zadarma.extension": {"user": "0000", "agent": "1000", "manager": "1000", "system": "1111"},
    "zadarma.check": {"user": "0000", "agent": "0000", "manager": "0000", "system": "1000"},
    "zadarma.throttle": {"user": "0000", "agent": "0000", "manager": "0000", "system": "1000"},
    "zadarma.missed.call": {"user": "0000", "agent": "1000", "manager": "1101", "system": "0000"},
    "zadarma.import": {"user": "0000", "agent": "0000", "manager": "1000", "system": "1000"},
    "zadarma.import.row": {"user": "0000", "agent": "0000", "manager": "1000", "system": "1000"},
    "zadarma.import.wizard": {"user": "0000", "agent": "0000", "manager": "1110", "system": "1110"},
    "zadarma.number": {"user": "0000", "agent": "1000", "manager": "1000", "system": "1111"},
    "zadarma.creation.wizard": {"user": "0000", "agent": "0000", "manager": "0000", "system": "1110"},
    "zadarma.number.data": {"user": "0000", "agent": "0000", "manager": "1110", "system": "0000"},
    "zadarma.recording": {"user": "0000", "agent": "1000", "manager": "1000", "system": "0000"},
    "zadarma.recording.access": {"user": "0000", "agent": "0000", "manager": "1000", "system": "0000"},
    "zadarma.recording.file": {},
    "zadarma.routing.test": {"user": "0000", "agent": "0000", "manager": "1111", "system": "0000"},
    "zadarma.working.time": {"user": "0000", "agent": "0000", "manager": "1000", "system": "0000"},
}
SECRETS = ("zadarma_key", "zadarma_secret", "zadarma_token", "zadarma_webhook_url", "zadarma_former_digests")


@tagged("post_install", "-at_install")
class TestAccess(ZadarmaCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = {
            "public": cls.env.ref("base.public_user"),
            "portal": new_test_user(cls.env, "zadarma_portal", groups="base.group_portal"),
            "user": new_test_user(cls.env, "zadarma_user", groups="base.group_user"),
            "agent": cls.agent,
            "manager": cls.supervisor,
            "system": new_test_user(cls.env, "zadarma_system", groups="base.group_system"),
        }

    def test_matrix_of_rights(self):
        for model, rights in MATRIX.items():
            for name, user in self.people.items():
                expected = rights.get(name, "0000")
                records = self.env[model].with_user(user)
                found = "".join(str(int(records.has_access(operation))) for operation in OPERATIONS)
                self.assertEqual(found, expected, f"{name} on {model}")

    def test_outsiders_see_no_field_of_ours(self):
        """They may read companies and some contacts, and of users themselves alone, whose preferences are their own."""
        for name in ("public", "portal"):
            env = self.env(user=self.people[name])
            for model in self.env.registry.models.keys() - {"res.users"}:
                if env[model].has_access("read"):
                    ours = [field for field in env[model].fields_get() if field.startswith("zadarma_")]
                    self.assertFalse(ours, f"{name} on {model}")
        portal_company = self.env["res.company"].with_user(self.people["portal"]).browse(self.company.id)
        with self.assertRaises(AccessError):
            portal_company.read(["zadarma_addresses"])

    def test_people_see_their_own_calls(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), inbound("INTERNAL", internal="102"))
        mine = f"in_{1:040x}"
        self.deliver(inbound("START", call_id=mine), inbound("INTERNAL", call_id=mine, internal="101"))
        self.deliver(answer("101", call_id=mine))
        calls = self.env["zadarma.call"]
        self.assertEqual(len(calls.with_user(self.agent).search([])), 2)
        self.assertEqual(len(calls.with_user(self.colleague).search([])), 1)
        self.assertEqual(len(calls.with_user(self.supervisor).search([])), 2)
        self.assertEqual(len(self.env["zadarma.call.leg"].with_user(self.colleague).search([])), 2)

    def test_supervisors_see_their_companies_only(self):
        other = self.env["res.company"].create({"name": "Other", "zadarma_secret": "x"})
        self.deliver(inbound("START"), company=other)
        self.assertFalse(self.env["zadarma.call"].with_user(self.supervisor).search([]))
        self.assertFalse(
            self.env["zadarma.extension"].with_user(self.supervisor).search([("company_id", "=", other.id)])
        )

    def test_nobody_but_supervisors_deletes_calls(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call()
        with self.assertRaises(AccessError):
            call.with_user(self.agent).unlink()
        call.with_user(self.supervisor).unlink()
        self.assertFalse(call.exists())

    def test_secrets_are_for_administrators(self):
        for name, user in self.people.items():
            if name == "system":
                continue
            company = self.company.with_user(user)
            for field in SECRETS:
                with self.assertRaises(AccessError, msg=f"{name} reads {field}"):
                    company.read([field])
                with self.assertRaises(UserError, msg=f"{name} exports {field}"):
                    company.export_data([field])
                with self.assertRaises(AccessError, msg=f"{name} searches {field}"):
                    company.search([(field, "like", "s")])

    def test_secret_is_read_by_nobody(self):
        administrator = self.people["system"]
        company = self.company.with_user(administrator)
        self.assertEqual(company.read(["zadarma_key"])[0]["zadarma_key"], "key")
        for reach in (
            lambda: company.zadarma_secret,
            lambda: company.read(["zadarma_secret"]),
            lambda: company.web_read({"zadarma_secret": {}}),
            lambda: company.search([("zadarma_secret", "=like", "s%")]),
            lambda: company.search([], order="zadarma_secret"),
            lambda: company._read_group([], ["zadarma_secret"]),
            lambda: company.filtered_domain([("zadarma_secret", "=like", "s%")]),
            lambda: administrator.with_user(administrator).search([("company_id.zadarma_secret", "=like", "s%")]),
        ):
            company.invalidate_recordset()
            with self.assertRaises(AccessError):
                reach()
        with self.assertRaises(UserError):
            company.export_data(["zadarma_secret"])
        self.assertNotIn("zadarma_secret", company.fields_get())
        company.zadarma_secret = "another"
        self.assertEqual(self.company.zadarma_secret, "another")

    def test_every_company_has_an_address_of_its_own(self):
        companies = self.env["res.company"].create([{"name": "One"}, {"name": "Two"}])
        self.assertEqual(len(set(companies.mapped("zadarma_token"))), 2)
        self.assertRegex(companies[0].zadarma_webhook_url, r"/zadarma/[0-9a-f]{40}$")

    def test_stranger_to_a_call_cannot_act_on_it(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        call = self._find_call().with_user(self.colleague)
        for action in (call.action_open_record, call.action_create_partner, call.action_create_lead):
            with self.assertRaises(AccessError):
                action()
        with self.assertRaises(AccessError):
            call.action_choose_partner(self.env.user.partner_id.id)

    def test_forms_that_others_fill_in_are_not_for_reading(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        other = self._new_user("other", "sales_team.group_sale_manager")
        call_form = (
            self.env["zadarma.call.outcome.wizard"]
            .with_user(self.agent)
            .create({"call_id": self._find_call().id, "note": "Between us"})
        )
        forms = [(call_form, self.colleague), (call_form, other)]
        for model in ("zadarma.routing.test", "zadarma.number.data", "zadarma.import.wizard"):
            forms += [(self.env[model].with_user(self.supervisor).create({}), other)]
        choices = self.env["zadarma.creation.wizard"].with_user(self.people["system"]).create({})
        forms.append((choices, self.env.ref("base.user_admin")))
        for form, reader in forms:
            self.assertTrue(form.has_access("read"), form._name)
            self.assertFalse(form.with_user(reader).search([]), form._name)
            with self.assertRaises(AccessError, msg=form._name):
                form.with_user(reader).read([])

    def test_extension_has_one_owner(self):
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env["zadarma.extension"].create({"number": "101", "company_id": self.company.id})
            self.env.flush_all()

    def test_supervisors_correct_what_people_decide_and_nothing_else(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("no answer", "0"))
        other = self.env["res.company"].create({"name": "Other"})
        call = self._find_call().with_user(self.supervisor)
        missed = call.missed_call_id
        stranger = self.env["mail.activity"].create({"user_id": self.env.user.id, "summary": "A stranger's"})
        for record, name, value in (
            (call, "company_id", other.id),
            (call, "pbx_call_id", "in_other"),
            (call, "duration", 1000),
            (call, "user_id", self.supervisor.id),
            (call, "next_activity_id", stranger.id),
            (call, "missed_call_id", False),
            (missed, "company_id", other.id),
            (missed, "activity_id", stranger.id),
            (missed, "state", "done"),
        ):
            with self.assertRaises(AccessError, msg=f"{record._name} {name}"):
                record.write({name: value})
        partner = self.env["res.partner"].create({"name": "Ada"})
        call.write({"partner_id": partner.id, "note": "Ada's new number"})
        self.assertEqual((call.partner_id, call.caller_state), (partner, "chosen"))
        missed.user_id = self.supervisor
        self.assertEqual(missed.user_id, self.supervisor)
        missed.unlink()
        self.assertTrue(stranger.exists())

    def test_forms_of_outcomes_are_for_calls_that_one_may_read(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        values = {"call_id": self._find_call().id, "note": "x", "outcome_id": False}
        forms = self.env["zadarma.call.outcome.wizard"]
        self.assertTrue(forms.with_user(self.agent).create(values))
        with self.assertRaises(AccessError):
            forms.with_user(self.colleague).create(values)
        with self.assertRaises(AccessError):
            forms.with_user(self.colleague).create({"note": "x"} | {"call_id": values["call_id"], "next_step": "week"})
