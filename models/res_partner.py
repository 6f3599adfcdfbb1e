from odoo import api, fields, models
from odoo.modules.db import FunctionStatus

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

# What the ways to write a number have in common: "+49 170", "0049 170" and "49170"; "0170" and "170".
WRITTEN_KEY = f"ltrim(regexp_replace(phone::text, '{PHONE_REGEX_PATTERN}', '', 'g'), '+0')"
# A change of one of these may make a contact the one behind a number.
_NUMBER_FIELDS = {"active", "company_id", "country_id", "phone"}


def _name_index(registry):
    """Return the definition of an index for parts of names, as Odoo makes those of leads; none without pg_trgm."""
    if not registry.has_trigram:
        return ""
    name = registry.unaccent("complete_name") if registry.has_unaccent == FunctionStatus.INDEXABLE else "complete_name"
    return f"USING gin ({name} gin_trgm_ops) WHERE phone IS NOT NULL AND active IS TRUE"


class ResPartner(models.Model):
    """Contacts know their calls."""

    _name = "res.partner"
    _inherit = ["res.partner", "zadarma.blockable"]

    zadarma_call_ids = fields.One2many(
        "zadarma.call", "partner_id", string="Calls", groups="zadarma.group_zadarma_user"
    )
    zadarma_do_not_call = fields.Boolean(
        string="Do Not Call",
        help="People are asked before they call this contact by a click.",
        groups="base.group_user",
    )
    zadarma_do_not_record = fields.Boolean(
        string="Do Not Record",
        help="Recordings of calls with this contact, of a company with all its people, are never loaded, and are "
        "deleted at Zadarma as soon as they are known. Zadarma itself cannot leave out single callers: it records "
        "every call of an extension for which recording is switched on there. Recordings that are here already stay.",
        groups="base.group_user",
    )
    zadarma_call_count = fields.Integer(
        string="Call Count", compute="_compute_zadarma_calls", groups="zadarma.group_zadarma_user"
    )
    zadarma_last_call = fields.Datetime(
        string="Last Call", compute="_compute_zadarma_calls", groups="zadarma.group_zadarma_user"
    )

    # Serves the look-up of a caller: equal numbers in the order of their companies.
    _zadarma_phone_idx = models.Index(
        "(phone_sanitized, commercial_partner_id, id) WHERE phone_sanitized IS NOT NULL AND active IS TRUE"
    )
    # The same for numbers that Odoo could not sanitize. The index of phone_validation does not serve: PostgreSQL keeps
    # no statistics of a partial index's expression, and rather reads all contacts in the order that is asked for.
    _zadarma_written_idx = models.Index(
        f"({WRITTEN_KEY}, commercial_partner_id, id)"
        " WHERE phone IS NOT NULL AND phone_sanitized IS NULL AND active IS TRUE"
    )

    # Serves the search as one types in the dialler, among contacts who can be called.
    _zadarma_name_idx = models.Index(_name_index)

    def _compute_zadarma_calls(self):
        people = self.with_context(active_test=False).search([("id", "child_of", self.ids)])
        groups = self.env["zadarma.call"]._read_group(
            [("partner_id", "in", people.ids)], ["partner_id"], ["__count", "date_start:max"]
        )
        self.zadarma_call_count, self.zadarma_last_call = 0, False
        for partner, count, last_call in groups:
            while partner:
                if partner in self:
                    partner.zadarma_call_count += count
                    partner.zadarma_last_call = max(partner.zadarma_last_call or last_call, last_call)
                partner = partner.parent_id

    @api.model_create_multi
    def create(self, vals_list):
        """Override to link the call for which a contact is created, see :meth:`zadarma.call.action_create_partner`,
        and the earlier calls of the new contacts' numbers.
        """
        partners = super().create(vals_list)
        if call_id := self.env.context.get("zadarma_call_id"):
            self.env["zadarma.call"].browse(call_id)._link_created(partner=partners[:1])
        self.env["zadarma.call"]._take_numbers(partners.mapped("phone_sanitized"))
        return partners

    def write(self, vals):
        """Override to link the earlier calls of a number that a contact gets, and to notice that a company moved."""
        result = super().write(vals)
        if "country_id" in vals:
            # sudo: res.company - its country counts for its calls, whoever changes it
            companies_sudo = self.env["res.company"].sudo()
            if companies_sudo.search_count([("partner_id", "in", self.ids)], limit=1):
                companies_sudo._zadarma_drop_accounts()
        if _NUMBER_FIELDS & vals.keys():
            self.env["zadarma.call"]._take_numbers(self.mapped("phone_sanitized"))
        return result

    def unlink(self):
        """Override to keep the calls of deleted contacts for whoever has their number now or gets it later."""
        # sudo: zadarma.call - all calls of the contact, whoever deletes it
        calls_sudo = self.env["zadarma.call"].sudo().search([("partner_id", "in", self.ids)])
        numbers = self.mapped("phone_sanitized") + calls_sudo.mapped("number")
        result = super().unlink()
        calls_sudo._forget_missing()
        self.env["zadarma.call"]._take_numbers(numbers)
        return result

    def action_view_zadarma_calls(self):
        """Open the calls of this contact, of a company with those of its people."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["domain"] = [("partner_id", "child_of", self.id)]
        action["context"] = {}
        return action

    def action_make_zadarma_call_list(self):
        """Make a list to call of these contacts, and open it."""
        return self.env["zadarma.call.list"]._make(self)._get_records_action(name=self.env._("Call List"))
