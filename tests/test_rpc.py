import inspect

from odoo.exceptions import UserError
from odoo.models import BaseModel
from odoo.tests import new_test_user, tagged

from .common import CALLER, ZadarmaCase, end, inbound

# What tells somebody without rights and without an extension nothing, and changes nothing.
HARMLESS = {
    "zadarma.blockable": {"action_zadarma_block"},
    "zadarma.blocked.number": {"action_view_calls"},
    "zadarma.call": {"action_check_phone", "action_open_missed", "get_popup_state"},
    "zadarma.call.list": {"action_view_left_out", "action_view_lines"},
    "zadarma.creation.wizard": {"action_save"},
    "zadarma.dialler": {"find_people", "get_dialler_state", "get_own_number"},
    "crm.lead": {"action_view_zadarma_calls"},
    "res.partner": {"action_view_zadarma_calls"},
    "web_tour.tour": {"get_current_tour"},
}
# What employees may try: the one tells why there is no call, the other opens a form that cannot be saved.
TRIED = {("zadarma.call", "action_call"), ("res.partner", "action_zadarma_block")}


@tagged("post_install", "-at_install")
class TestRpc(ZadarmaCase):
    """Every method without an underscore is a door."""

    def _find_public(self, model):
        classes = [each for each in type(model).mro() if each.__module__.startswith("odoo.addons.zadarma.")]
        names = {name for each in classes for name, value in vars(each).items() if inspect.isfunction(value)}
        return {name for name in names if not name.startswith("_") and not hasattr(BaseModel, name)}

    def _make_records(self):
        """Return a record of each model that has some."""
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"), end("no answer", "0"))
        call, env = self._find_call(), self.env
        partner = env["res.partner"].create({"name": "Ada", "phone": CALLER})
        lead = env["crm.lead"].create({"name": "Deal", "phone": "+4989123456"})
        call_list = env["zadarma.call.list"].with_user(self.agent)._make(partner.with_user(self.agent)).sudo()
        line = call_list.line_ids
        line.user_id = self.agent
        moment = {"date_from": call.date_start, "date_to": call.date_start, "position": call.date_start}
        records = [
            self.company,
            partner,
            lead,
            call,
            call.missed_call_id,
            call_list,
            line,
            self._find_events()[:1],
            self.extensions[:1],
            env["zadarma.blocked.number"].create({"number": "+4989123456"}),
            env["zadarma.call.outcome.wizard"].create({"call_id": call.id}),
            env["zadarma.import"].create({"company_id": self.company.id, "kind": "import", **moment}),
            env["zadarma.recording"].create({"call_id": call.id, "error": "x", "key": "1"}),
            *(env[f"zadarma.{name}"].create({}) for name in ("creation.wizard", "import.wizard", "number.data")),
            env["res.config.settings"].create({}),
        ]
        return {record._name: record for record in records}

    def _call(self, record, name):
        """Call a method as by RPC, with whatever it asks for."""
        parameters = inspect.signature(getattr(record, name)).parameters.values()
        return getattr(record, name)(*(1 for each in parameters if each.default is each.empty))

    def test_people_without_rights_get_nowhere(self):
        records = self._make_records()
        self.env.flush_all()
        for group in ("base.group_portal", "base.group_user"):
            user = new_test_user(self.env, f"zadarma_{group[-6:]}", groups=group)
            for model in self.env.registry:
                record = records.get(model, self.env[model]).with_user(user)
                for name in sorted(self._find_public(record) - HARMLESS.get(model, set())):
                    if group == "base.group_user" and (model, name) in TRIED:
                        continue
                    with self.subTest(f"{group} calls {model}.{name}"), self.env.cr.savepoint():
                        try:
                            found = self._call(record, name)
                        except UserError:
                            continue
                        self.assertEqual(found, [], "neither refused nor empty")
        self.assertEqual(self.env["zadarma.call"].search([]), records["zadarma.call"])
        self.assertFalse(self._find_call().outcome_id)
        self.assertEqual(records["zadarma.missed.call"].state, "open")

    def test_people_without_rights_learn_nothing(self):
        self._make_records()
        for group in ("base.group_portal", "base.group_user"):
            user = new_test_user(self.env, f"zadarma_{group[-6:]}", groups=group)
            calls, dialler = self.env["zadarma.call"].with_user(user), self.env["zadarma.dialler"].with_user(user)
            state = calls.get_popup_state()
            self.assertFalse(any(state[name] for name in ("enabled", "can_dial", "missed", "calls", "asked")))
            self.assertEqual(dialler.get_dialler_state(), {"extension": "", "own_number": "", "recent": []})
            self.assertEqual((dialler.get_own_number(), dialler.find_people("Ada")), ("", []))
