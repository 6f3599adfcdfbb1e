from collections import defaultdict
from functools import partial

from odoo import api, models
from odoo.tools import SQL

from odoo.addons.phone_validation.models.mail_thread_phone import PHONE_REGEX_PATTERN

from ..kept_cursor import execute_prepared
from ..zadarma_api.caller import Caller, resolve
from ..zadarma_api.numbers import written_forms, written_keys
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
        """Return who has each of these numbers; few of them are looked up one by one.

        :param numbers: in E.164.
        :rtype: dict[str, zadarma_api.caller.Caller]
        """
        found = defaultdict(list)
        for number, *row in self.env.execute_query(self._many_query(list(numbers), company_id)):
            found[number].append(row)
        nameless = [number for number in numbers if not any(row[0] == "partner" for row in found[number])]
        # Of several contacts the last one counts too.
        special = {number for number, rows in found.items() if sum(row[0] == "partner" for row in rows) >= _FEW}
        special |= self._find_written(nameless, country)
        return {
            number: self._find(number, company_id, country) if number in special else resolve(found[number])
            for number in numbers
        }

    def _many_query(self, numbers, company_id):
        """Return the query that tells of each number what :meth:`_exact_query` and :meth:`_lead_query` do."""
        asked = SQL("ARRAY[asked.number]")
        return SQL(
            "SELECT asked.number, found.* FROM unnest(%s::text[]) AS asked (number)"
            " CROSS JOIN LATERAL ((%s) UNION ALL (%s)) AS found",
            numbers,
            self._contact_query(asked, SQL("phone_sanitized = number"), company_id, is_last=False),
            self._open_lead_query("lead", SQL("lead.phone_sanitized = asked.number"), company_id),
        )

    def _find_written(self, numbers, country):
        """Return the numbers that a contact may have whose number Odoo could not sanitize.

        :rtype: set[str]
        """
        keys = defaultdict(set)
        for number in numbers:
            for key in written_keys(number, country):
                keys[key].add(number)
        query = SQL(
            """
            SELECT %(key)s FROM res_partner
             WHERE %(key)s = ANY(%(keys)s) AND phone IS NOT NULL AND phone_sanitized IS NULL AND active IS TRUE
            """,
            keys=list(keys),
            key=SQL(WRITTEN_KEY),
        )
        return {number for (key,) in self.env.execute_query(query) for number in keys[key]}

    def _read(self, e164, company_id, country, *further, with_deals=False):
        """Return the rows that tell who has a number, see :func:`zadarma_api.caller.resolve`.

        One statement tells it for most callers. A second one looks for contacts whose number Odoo could not sanitize
        where there is no other, a third one for the last of several of one company.

        :param SQL further: queries whose rows come along with the first; where they say that the number is the
            company's own or blocked, nothing more is asked.
        :param bool with_deals: also return the newest open deal of the caller's company.
        """
        deals = [self._deal_query(company_id)] if with_deals else []
        contact_query = partial(self._exact_query, e164, company_id)
        query = self._with_contacts(contact_query(), self._lead_query(e164, company_id), *further, *deals)
        rows = execute_prepared(self.env.cr, query)
        kinds = {row[0] for row in rows}
        if kinds & {"own", "block"}:
            return rows
        if "partner" not in kinds:
            contact_query = partial(self._written_query, e164, company_id, country)
            rows += execute_prepared(self.env.cr, self._with_contacts(contact_query(), *deals))
        entities = [row[2] for row in rows if row[0] == "partner"]
        if len(entities) >= _FEW and len(set(entities)) == 1:
            rows += execute_prepared(self.env.cr, contact_query(is_last=True))
        return rows

    @staticmethod
    def _with_contacts(contacts, *further):
        """Return the query for contacts and for what else is asked for, which may read from ``contact``."""
        queries = SQL("").join(SQL(" UNION ALL (%s)", query) for query in further)
        return SQL("WITH contact AS MATERIALIZED (%s) SELECT * FROM contact %s", contacts, queries)

    def _exact_query(self, e164, company_id, is_last=False):
        """Return the query for contacts by sanitized number, see :meth:`_contact_query`."""
        return self._contact_query([e164], SQL("phone_sanitized = number"), company_id, is_last)

    def _written_query(self, e164, company_id, country, is_last=False):
        """Return the query by the ways people write a number, for contacts whose number Odoo could not sanitize."""
        forms = written_forms(e164, country)
        condition = SQL(
            "%s = number AND regexp_replace(phone::text, %s, '', 'g') = ANY(%s) AND phone IS NOT NULL"
            " AND phone_sanitized IS NULL",
            SQL(WRITTEN_KEY),
            PHONE_REGEX_PATTERN,
            list(forms),
        )
        keys = dict.fromkeys(form.lstrip("+0") for form in forms)
        return self._contact_query(list(keys), condition, company_id, is_last)

    def _contact_query(self, numbers, condition, company_id, is_last):
        """Return the query for the first two contacts, by commercial entity, whose number is one of these.

        Where both are of one company, the last contact tells whether the rest is too: however many share a number, few
        are read.

        :param numbers: what the condition calls ``number``: a list, or SQL for one.
        :param SQL condition: what an index is made for that is in the order of commercial entities.
        :param bool is_last: for the last contact instead.
        """
        return SQL(
            """
            SELECT 'partner' AS kind, person.*,
                   CASE WHEN id = commercial_partner_id THEN user_id
                        ELSE (SELECT user_id FROM res_partner WHERE id = person.commercial_partner_id) END,
                   NULL::text AS title
              FROM unnest(%s::text[]) AS number
             CROSS JOIN LATERAL (
                SELECT id, commercial_partner_id, name, commercial_company_name, user_id
                  FROM res_partner
                 WHERE %s AND active IS TRUE AND (company_id IS NULL OR company_id = %s)
                 ORDER BY %s LIMIT %s
             ) AS person
            """,
            numbers,
            condition,
            company_id,
            SQL("commercial_partner_id DESC, id DESC" if is_last else "commercial_partner_id, id"),
            SQL("1" if is_last else str(_FEW)),
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
