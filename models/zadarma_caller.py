from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms
from .res_partner import WRITTEN_KEY

# So many contacts are read from one end: they tell whether there is none, one, or people of several companies.
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
    def _find(self, e164, company_id, country=""):
        """Return who has a number.

        :param str e164: ``+`` and digits; empty finds nobody.
        :param int company_id: whose records, besides those of all companies.
        :param str country: ISO code of the country whose national form counts.
        :rtype: zadarma_api.caller.Caller
        """
        if not e164:
            return Caller()
        return resolve(self.env.execute_query(self._caller_query(e164, company_id, country)))

    @api.model
    def _find_many(self, numbers, company_id, country=""):
        """Return who has each of these numbers. One query tells which of them anybody has; these are looked up.

        :param numbers: in E.164.
        :rtype: dict[str, zadarma_api.caller.Caller]
        """
        keys = defaultdict(set)
        for number in numbers:
            for form in written_forms(number, country):
                keys[form.lstrip("+0")].add(number)
        query = SQL(
            """
            SELECT phone_sanitized FROM res_partner WHERE phone_sanitized = ANY(%(numbers)s) AND active IS TRUE
             UNION
            SELECT phone_sanitized FROM crm_lead WHERE phone_sanitized = ANY(%(numbers)s) AND active IS TRUE
             UNION
            SELECT %(key)s FROM res_partner
             WHERE %(key)s = ANY(%(keys)s) AND phone IS NOT NULL AND phone_sanitized IS NULL AND active IS TRUE
            """,
            numbers=list(numbers),
            keys=list(keys),
            key=SQL(WRITTEN_KEY),
        )
        known = set()
        for (found,) in self.env.execute_query(query):
            known |= keys.get(found, {found})
        return {number: self._find(number, company_id, country) if number in known else Caller() for number in numbers}

    def _caller_query(self, e164, company_id, country, *further):
        """Return the one query that tells who has a number, see :func:`zadarma_api.caller.resolve`.

        :param SQL further: queries whose rows come along; they may read from ``contact``.
        """
        queries = [SQL("SELECT * FROM contact"), self._lead_query(e164, company_id), *further]
        return SQL(
            """
            WITH exact AS MATERIALIZED (%s), written AS MATERIALIZED (%s WHERE NOT EXISTS (SELECT FROM exact)),
                 contact AS MATERIALIZED (SELECT * FROM exact UNION ALL SELECT * FROM written)
            %s
            """,
            self._exact_query(e164, company_id),
            self._written_query(e164, company_id, country),
            SQL(" UNION ALL ").join(SQL("(%s)", query) for query in queries),
        )

    def _exact_query(self, e164, company_id):
        """Return the query for contacts by sanitized number, see :meth:`_contact_query`."""
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
        return self._contact_query(list(dict.fromkeys(form.lstrip("+0") for form in forms)), condition, company_id)

    def _contact_query(self, numbers, condition, company_id):
        """Return the query for the first contacts and the last one, by commercial entity, with one of these numbers.

        Where the first are of one company, the last one tells whether the rest is too: however many share a number,
        few are read.

        :param list numbers: what the condition calls ``number``.
        :param SQL condition: what an index is made for that is in the order of commercial entities.
        """
        columns = SQL("id, commercial_partner_id, name, commercial_company_name, user_id")
        condition = SQL("%s AND active IS TRUE AND (company_id IS NULL OR company_id = %s)", condition, company_id)
        return SQL(
            """
            SELECT 'partner' AS kind, person.*,
                   (SELECT user_id FROM res_partner WHERE id = person.commercial_partner_id), NULL::text AS title
              FROM unnest(%s) AS number
             CROSS JOIN LATERAL (
                (SELECT %s FROM res_partner WHERE %s ORDER BY commercial_partner_id, id LIMIT %s)
                 UNION ALL
                (SELECT %s FROM res_partner WHERE %s ORDER BY commercial_partner_id DESC, id DESC LIMIT 1)
             ) AS person
            """,
            numbers,
            columns,
            condition,
            _FEW,
            columns,
            condition,
        )

    def _lead_query(self, e164, company_id):
        """Return the query for the newest open lead with a number."""
        return self._open_lead_query("lead", SQL("lead.phone_sanitized = %s", e164), company_id)

    def _deal_query(self, company_id):
        """Return the query for the newest open lead of the caller's company, if all ``contact`` are of one."""
        condition = SQL(
            """
            lead.partner_id IN (
                SELECT id FROM res_partner
                 WHERE commercial_partner_id = (
                    SELECT min(commercial_partner_id) FROM contact HAVING count(DISTINCT commercial_partner_id) = 1))
            """
        )
        return self._open_lead_query("deal", condition, company_id)

    def _open_lead_query(self, kind, condition, company_id):
        return SQL(
            """
            SELECT %s, lead.id, lead.partner_id, COALESCE(lead.contact_name, lead.partner_name, lead.name),
                   lead.partner_name, lead.user_id, lead.team_id, lead.name::text
              FROM crm_lead lead
             WHERE %s AND lead.active IS TRUE AND (lead.company_id IS NULL OR lead.company_id = %s)
                   AND (SELECT is_won FROM crm_stage WHERE id = lead.stage_id) IS NOT TRUE
             ORDER BY lead.id DESC LIMIT 1
            """,
            kind,
            condition,
            company_id,
        )
