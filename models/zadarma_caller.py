from functools import partial

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms
from .res_partner import WRITTEN_KEY

# So many contacts are read at once: they tell whether there is none, one, or people of several companies.
_FEW = 2


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
        contact_query = partial(self._exact_query, e164, company_id)
        rows = self.env.execute_query(contact_query())
        queries = []
        if not rows:
            contact_query = partial(self._written_query, e164, company_id, country)
            queries.append(contact_query())
        if with_lead or not rows:
            queries.append(self._lead_query(e164, company_id))
        if queries:
            rows += self.env.execute_query(SQL(" UNION ALL ").join(SQL("(%s)", query) for query in queries))
        entities = [row[2] for row in rows if row[0] == "partner"]
        if len(entities) >= _FEW and len(set(entities)) == 1:
            rows += self.env.execute_query(contact_query(is_last=True))
        return resolve(rows)

    def _exact_query(self, e164, company_id, is_last=False):
        """Return the query for contacts by sanitized number, see :meth:`_contact_query`."""
        return self._contact_query([e164], SQL("phone_sanitized = number"), company_id, is_last)

    def _written_query(self, e164, company_id, country, is_last=False):
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
        return self._contact_query(list(keys), condition, company_id, is_last)

    def _contact_query(self, numbers, condition, company_id, is_last):
        """Return the query for the first two contacts, by commercial entity, whose number is one of these.

        Where both are of one company, the last contact tells whether the rest is too: however many share a number, few
        are read.

        :param list numbers: what the condition calls ``number``.
        :param SQL condition: what an index is made for that is in the order of commercial entities.
        :param bool is_last: for the last contact instead.
        """
        return SQL(
            """
            SELECT 'partner', contact.*
              FROM unnest(%s) AS number
             CROSS JOIN LATERAL (
                SELECT id, commercial_partner_id, name, commercial_company_name
                  FROM res_partner
                 WHERE %s AND active IS TRUE AND (company_id IS NULL OR company_id = %s)
                 ORDER BY %s LIMIT %s
             ) AS contact
            """,
            numbers,
            condition,
            company_id,
            SQL("commercial_partner_id DESC, id DESC" if is_last else "commercial_partner_id, id"),
            1 if is_last else _FEW,
        )

    def _lead_query(self, e164, company_id):
        """Return the query for the newest open lead with a number."""
        return SQL(
            """
            SELECT 'lead', lead.id, lead.partner_id, COALESCE(lead.contact_name, lead.partner_name, lead.name),
                   lead.partner_name
              FROM crm_lead lead
             WHERE lead.phone_sanitized = %s AND lead.active IS TRUE
                   AND (lead.company_id IS NULL OR lead.company_id = %s)
                   AND (SELECT is_won FROM crm_stage WHERE id = lead.stage_id) IS NOT TRUE
             ORDER BY lead.id DESC LIMIT 1
            """,
            e164,
            company_id,
        )
