from odoo import api, models
from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN
from odoo.tools import SQL

from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms


class ZadarmaCaller(models.AbstractModel):
    """Looks callers up among contacts and open leads, by index alone.

    Runs before NOTIFY_START is answered, for nobody in particular: it reads by SQL, in the tables' own terms of
    "active" and "company", and returns names that leave the server only towards the company's own telephones.
    What a user gets to see of a caller is read again with that user's rights.
    """

    _name = "zadarma.caller"
    _description = "Zadarma Caller"

    @api.model
    def _find(self, e164, company_id, country=""):
        """Return who has a number.

        :param str e164: ``+`` and digits; empty finds nobody.
        :param int company_id: whose records, besides those of all companies.
        :param str country: ISO code of the country whose national form counts.
        :rtype: zadarma_api.caller.Caller
        """
        if not e164:
            return Caller()
        rows = self.env.execute_query(self._exact_query(e164, company_id))
        if not any(row[0] == "partner" for row in rows):
            rows += self.env.execute_query(self._written_query(e164, company_id, country))
        return resolve(rows)

    def _exact_query(self, e164, company_id):
        """Return the query by sanitized number.

        The first and the last contact in the index's order tell whether there is one, one company, or several: two
        probes, however many share the number.
        """
        return SQL(
            """
            (SELECT 'partner', id, commercial_partner_id, name, commercial_company_name
               FROM res_partner
              WHERE phone_sanitized = %(e164)s AND active IS TRUE
                    AND (company_id IS NULL OR company_id = %(company)s)
              ORDER BY commercial_partner_id, id LIMIT 1)
            UNION ALL
            (SELECT 'partner', id, commercial_partner_id, name, commercial_company_name
               FROM res_partner
              WHERE phone_sanitized = %(e164)s AND active IS TRUE
                    AND (company_id IS NULL OR company_id = %(company)s)
              ORDER BY commercial_partner_id DESC, id DESC LIMIT 1)
            UNION ALL
            (SELECT 'lead', lead.id, lead.partner_id, COALESCE(lead.contact_name, lead.partner_name, lead.name),
                    lead.partner_name
               FROM crm_lead lead LEFT JOIN crm_stage stage ON stage.id = lead.stage_id
              WHERE lead.phone_sanitized = %(e164)s AND lead.active IS TRUE AND stage.is_won IS NOT TRUE
                    AND (lead.company_id IS NULL OR lead.company_id = %(company)s)
              ORDER BY lead.id DESC LIMIT 1)
            """,
            e164=e164,
            company=company_id,
        )

    def _written_query(self, e164, company_id, country):
        """Return the query by the ways people write a number, for contacts whose number Odoo could not sanitize."""
        forms = written_forms(e164, country)
        partners = self.env["res.partner"]
        queries = []
        for name in partners._phone_get_number_fields():
            if not partners._fields[name].store:
                continue
            # The indexed expression of phone_validation.
            written = SQL("regexp_replace(%s::text, %s, '', 'g')", SQL.identifier(name), PHONE_REGEX_PATTERN)
            queries.append(
                SQL(
                    """
                    (SELECT 'partner', id, commercial_partner_id, name, commercial_company_name
                       FROM res_partner
                      WHERE %(written)s IN %(forms)s AND %(field)s IS NOT NULL AND phone_sanitized IS NULL
                            AND active IS TRUE AND (company_id IS NULL OR company_id = %(company)s)
                      ORDER BY commercial_partner_id, id LIMIT 6)
                    """,
                    written=written,
                    forms=tuple(forms),
                    field=SQL.identifier(name),
                    company=company_id,
                )
            )
        return SQL(" UNION ALL ").join(queries)
