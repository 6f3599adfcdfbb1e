from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

from ..zadarma_api.blocking import patterns_of
from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms
from .planned_query import define_planned_query
from .res_partner import WRITTEN_KEY

# So many contacts are read at once: they tell whether there is none, one, or people of several companies.
_FEW = 2


class ZadarmaCaller(models.AbstractModel):
    """Looks callers up among contacts and open leads, own and blocked numbers, by index alone.

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
        return resolve(self._read(e164, company_id, country))

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

    def _read(self, e164, company_id, country, dialled="", with_deals=False, prelude=None):
        """Return the rows that tell who has a number, see :func:`zadarma_api.caller.resolve`, and what else is known.

        :param str dialled: in E.164; a row tells whether it is one of the company's own numbers.
        :param bool with_deals: also return the newest open deal of the caller's company.
        :param SQL prelude: a statement that goes ahead, in one round trip.
        """
        forms = written_forms(e164, country)
        keys = list(dict.fromkeys(form.lstrip("+0") for form in forms))
        query = SQL(
            "SELECT * FROM zadarma_read_caller(%s, %s, %s, %s, %s, %s, %s)",
            *(e164, forms, keys, company_id, dialled, patterns_of(e164), with_deals),
        )
        return self._execute(SQL("%s; %s", prelude, query) if prelude else query)

    def _execute(self, query):
        """Return the rows of a query; one that takes too long is no error to be logged with all it asks for."""
        self.env.cr.execute(query, log_exceptions=False)
        return self.env.cr.fetchall()

    def init(self):
        """Put the query into a function of the database, see :func:`define_planned_query`."""
        define_planned_query(
            self.env.cr,
            "zadarma_read_caller",
            "e164 text, forms text[], keys text[], company integer, dialled text, patterns text[], with_deals boolean",
            "kind text, record integer, entity integer, called text, firm text, responsible integer, further integer,"
            " about text",
            self._caller_query(*map(SQL, ("e164", "forms", "keys", "company", "dialled", "patterns", "with_deals"))),
        )

    def _caller_query(self, e164, forms, keys, company, dialled, patterns, with_deals):
        """Return the query for all that is known of a caller; the arguments are values or what stands for them.

        Contacts whose number Odoo could not sanitize are looked for where there is no other. Of the contacts the first
        two, by company, tell whether there is none, one, or people of several companies; where both are of one company,
        the last contact tells whether the rest is too: however many share a number, few are read.
        """
        by_number = SQL("ARRAY[%s]", e164), SQL("phone_sanitized = number"), company
        by_form = keys, self._written_condition(forms), company
        return SQL(
            """
            WITH exact AS MATERIALIZED (%(first_exact)s),
                 written AS MATERIALIZED (
                    SELECT * FROM (%(first_written)s) AS contact WHERE NOT EXISTS (SELECT FROM exact)),
                 contact AS MATERIALIZED (SELECT * FROM exact UNION ALL SELECT * FROM written),
                 crowd AS MATERIALIZED (
                    SELECT FROM contact
                    HAVING count(*) > 1 AND min(commercial_partner_id) = max(commercial_partner_id))
            SELECT * FROM contact
             UNION ALL
            SELECT * FROM (%(last_exact)s) AS last
             WHERE EXISTS (SELECT FROM crowd) AND EXISTS (SELECT FROM exact)
             UNION ALL
            SELECT * FROM (%(last_written)s) AS last
             WHERE EXISTS (SELECT FROM crowd) AND EXISTS (SELECT FROM written)
             UNION ALL (%(lead)s) UNION ALL (%(own)s) UNION ALL (%(block)s) UNION ALL (%(deal)s)
            """,
            first_exact=self._contact_query(*by_number),
            first_written=self._contact_query(*by_form),
            last_exact=self._contact_query(*by_number, is_last=True),
            last_written=self._contact_query(*by_form, is_last=True),
            lead=self._lead_query(e164, company),
            own=self._number_query(e164, dialled, company),
            block=self._block_query(patterns, company),
            deal=self._deal_query(with_deals, company),
        )

    def _contact_query(self, numbers, condition, company, is_last=False):
        """Return the query for the first two contacts, by commercial entity, whose number is one of these.

        :param SQL condition: what an index is made for that is in the order of commercial entities; of what it calls
            ``number``.
        :param bool is_last: for the last contact instead.
        """
        return SQL(
            """
            SELECT 'partner' AS kind, person.*,
                   (SELECT user_id FROM res_partner WHERE id = person.commercial_partner_id), NULL::text AS title
              FROM unnest(%s) AS number
             CROSS JOIN LATERAL (
                SELECT id, commercial_partner_id, name::text, commercial_company_name::text, user_id
                  FROM res_partner
                 WHERE %s AND active IS TRUE AND (company_id IS NULL OR company_id = %s)
                 ORDER BY %s LIMIT %s
             ) AS person
            """,
            numbers,
            condition,
            company,
            SQL("commercial_partner_id DESC, id DESC" if is_last else "commercial_partner_id, id"),
            1 if is_last else _FEW,
        )

    @staticmethod
    def _written_condition(forms):
        """Return what is true of contacts whose number, as people wrote it, is one of these forms."""
        return SQL(
            "%s = number AND regexp_replace(phone::text, %s, '', 'g') = ANY(%s) AND phone IS NOT NULL"
            " AND phone_sanitized IS NULL",
            SQL(WRITTEN_KEY),
            PHONE_REGEX_PATTERN,
            forms,
        )

    def _lead_query(self, e164, company):
        """Return the query for the newest open lead with a number."""
        return self._open_lead_query("lead", SQL("lead.phone_sanitized = %s", e164), company)

    def _deal_query(self, with_deals, company):
        """Return the query for the newest open lead of the caller's company, if all ``contact`` are of one."""
        condition = SQL(
            """
            %s AND lead.partner_id IN (
                SELECT id FROM res_partner
                 WHERE commercial_partner_id = (
                    SELECT min(commercial_partner_id) FROM contact HAVING count(DISTINCT commercial_partner_id) = 1))
            """,
            with_deals,
        )
        return self._open_lead_query("deal", condition, company)

    def _open_lead_query(self, kind, condition, company):
        return SQL(
            """
            SELECT %s, lead.id, lead.partner_id, COALESCE(lead.contact_name, lead.partner_name, lead.name)::text,
                   lead.partner_name::text, lead.user_id, lead.team_id, lead.name::text
              FROM crm_lead lead
             WHERE %s AND lead.active IS TRUE AND (lead.company_id IS NULL OR lead.company_id = %s)
                   AND (SELECT is_won FROM crm_stage WHERE id = lead.stage_id) IS NOT TRUE
             ORDER BY lead.id DESC LIMIT 1
            """,
            kind,
            condition,
            company,
        )

    def _number_query(self, e164, dialled, company):
        """Return the query for the company's own numbers among the two of a call.

        An archived number is still none of a customer, while what was chosen for its callers does not count any more.
        """
        return SQL(
            """
            SELECT CASE WHEN number = %s THEN 'own' ELSE 'dialled' END, id, 0, COALESCE(name, number)::text,
                   number::text, user_id, team_id, NULL
              FROM zadarma_number
             WHERE company_id = %s AND number IN (%s, %s)
                   AND (active IS TRUE OR (number = %s AND is_gone IS NOT TRUE))
            """,
            *(e164, company, e164, dialled, e164),
        )

    def _block_query(self, patterns, company):
        """Return the query for what blocks a number, the narrowest of several."""
        return SQL(
            """
            SELECT 'block', id, 0, number::text, reason::text, user_id, 0, NULL
              FROM zadarma_blocked_number
             WHERE company_id = %s AND number = ANY(%s) AND active IS TRUE
             ORDER BY length(number) DESC LIMIT 1
            """,
            *(company, patterns),
        )
