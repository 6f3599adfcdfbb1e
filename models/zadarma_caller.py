from odoo import api, models
from odoo.tools import SQL

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms
from .res_partner import WRITTEN_KEY


class ZadarmaCaller(models.AbstractModel):
    """Looks callers up among contacts and open leads, by index alone.

    Runs before NOTIFY_START is answered, for nobody in particular: it reads by SQL, in the tables' own terms of
    "active" and "company", and returns names that leave the server only towards the company's own telephones.
    What a user gets to see of a caller is read again with that user's rights.
    """

    _name = "zadarma.caller"
    _description = "Zadarma Caller"

    @api.model
    def _find(self, e164, company_id, country="", with_lead=True):
        """Return who has a number.

        :param str e164: ``+`` and digits; empty finds nobody.
        :param int company_id: whose records, besides those of all companies.
        :param str country: ISO code of the country whose national form counts.
        :param bool with_lead: look for a lead even where there is a contact, whose name goes first in any case.
        :rtype: zadarma_api.caller.Caller
        """
        if not e164:
            return Caller()
        rows = self.env.execute_query(self._exact_query(e164, company_id))
        queries = [] if rows else [self._written_query(e164, company_id, country)]
        if with_lead or not rows:
            queries.append(self._lead_query(e164, company_id))
        if queries:
            rows += self.env.execute_query(SQL(" UNION ALL ").join(SQL("(%s)", query) for query in queries))
        return resolve(rows)

    def _exact_query(self, e164, company_id):
        """Return the query for contacts by sanitized number."""
        return self._contact_query([e164], SQL("phone_sanitized = number"), company_id)

    def _written_query(self, e164, company_id, country):
        """Return the query by the ways people write a number, for contacts whose number Odoo could not sanitize."""
        forms = written_forms(e164, country)
        condition = SQL(
            "%s = number AND regexp_replace(phone::text, %s, '', 'g') IN %s AND phone IS NOT NULL"
            " AND phone_sanitized IS NULL",
            SQL(WRITTEN_KEY),
            PHONE_REGEX_PATTERN,
            tuple(forms),
        )
        keys = dict.fromkeys(form.lstrip("+0") for form in forms)
        return self._contact_query(list(keys), condition, company_id)

    def _contact_query(self, numbers, condition, company_id):
        """Return the query for the contacts whose number is one of these.

        The first and the last contact in the index's order tell whether there is one, one company, or several: two
        probes a number, however many share it.

        :param list numbers: what the condition calls ``number``.
        :param SQL condition: what an index of contacts is for; both are in the order of commercial entities.
        """
        columns = SQL("id, commercial_partner_id, name, commercial_company_name")
        contacts = SQL(
            "SELECT %s FROM res_partner WHERE %s AND active IS TRUE AND (company_id IS NULL OR company_id = %s)",
            columns,
            condition,
            company_id,
        )
        return SQL(
            """
            SELECT 'partner', contact.*
              FROM unnest(%(numbers)s) AS number
             CROSS JOIN LATERAL (%(contacts)s ORDER BY commercial_partner_id, id LIMIT 1) AS first
             CROSS JOIN LATERAL (
                SELECT first.*
                 UNION ALL
                (%(contacts)s ORDER BY commercial_partner_id DESC, id DESC LIMIT 1)
             ) AS contact
            """,
            numbers=numbers,
            contacts=contacts,
        )

    def _lead_query(self, e164, company_id):
        """Return the query for the newest open lead with a number."""
        return SQL(
            """
            SELECT 'lead', lead.id, lead.partner_id, COALESCE(lead.contact_name, lead.partner_name, lead.name),
                   lead.partner_name
              FROM crm_lead lead LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
             WHERE lead.phone_sanitized = %s AND lead.active IS TRUE AND stage.is_won IS NOT TRUE
                   AND (lead.company_id IS NULL OR lead.company_id = %s)
             ORDER BY lead.id DESC LIMIT 1
            """,
            e164,
            company_id,
        )
