from datetime import timedelta

from odoo import api, models
from odoo.tools import SQL

from ..kept_cursor import execute_prepared
from ..zadarma_api.blocking import patterns_of
from ..zadarma_api.caller import resolve
from ..zadarma_api.numbers import Kind, parse_number
from ..zadarma_api.routing import (
    REFUSAL,
    Candidate,
    Decision,
    Step,
    caller_name,
    choose_extension,
    find_responsible,
    start_answer,
)

# How far deputies of deputies are asked.
_MAX_DEPUTIES = 5
# For so long it counts that an extension was not registered at the PBX.
_AWAY_FOR = timedelta(minutes=15)


class ZadarmaRouting(models.AbstractModel):
    """Decides what becomes of a call before it rings: refused, named, sent to somebody.

    Zadarma waits for it, so there are few statements, two for a known caller and four at most, by index alone, and
    nothing is written. What would take longer is kept ready: working times by :class:`zadarma.working.time`, who is
    registered by the extensions.
    """

    _name = "zadarma.routing"
    _description = "Zadarma Routing"

    @api.model
    def _decide(self, account, caller_id, called_did, moment):
        """Return what becomes of a call.

        :param ZadarmaAccount account: whose call.
        :param str caller_id: who calls, as Zadarma writes it.
        :param str called_did: the dialled number, as Zadarma writes it.
        :param datetime moment: when, naive UTC.
        :rtype: zadarma_api.routing.Decision
        """
        number = parse_number(caller_id, account.country)
        if number.kind is not Kind.EXTERNAL:
            return Decision({}, (Step(number.kind.value, number.raw),))
        if not (account.block_numbers or account.caller_name or account.route_calls):
            return Decision({}, (Step("switched_off"),))
        company_id = account.company_id
        further = [self._number_query(company_id, number.e164, parse_number(called_did, account.country).e164)]
        if account.block_numbers:
            further.append(self._block_query(company_id, number.e164))
        rows = self.env["zadarma.caller"]._read(
            number.e164, company_id, account.country, *further, with_deals=account.route_calls
        )
        return self._weigh(account, number.e164, rows, moment)

    def _number_query(self, company_id, e164, dialled):
        """Return the query for the company's own numbers among the two of a call.

        An archived number is still none of a customer, while what was chosen for its callers does not count any more.
        """
        return SQL(
            """
            SELECT CASE WHEN number = %s THEN 'own' ELSE 'dialled' END, id, 0, COALESCE(name, number), number, user_id,
                   team_id, NULL
              FROM zadarma_number
             WHERE company_id = %s AND number = ANY(%s)
                   AND (active IS TRUE OR (number = %s AND is_gone IS NOT TRUE))
            """,
            e164,
            company_id,
            [e164, dialled],
            e164,
        )

    def _block_query(self, company_id, e164):
        """Return the query for what blocks a number, the narrowest of several."""
        return SQL(
            """
            SELECT 'block', id, 0, number, reason, user_id, 0, NULL
              FROM zadarma_blocked_number
             WHERE company_id = %s AND number = ANY(%s) AND active IS TRUE
             ORDER BY length(number) DESC LIMIT 1
            """,
            company_id,
            list(patterns_of(e164)),
        )

    def _weigh(self, account, e164, rows, moment):
        """Decide by what is known of the caller, see :meth:`zadarma.caller._read`."""
        first = {row[0]: row for row in reversed(rows)}
        if "own" in first:
            return Decision({}, (Step("own", e164),))
        if "block" in first:
            return Decision(REFUSAL, (Step("blocked", first["block"][3], first["block"][4] or ""),))
        caller = resolve(rows)
        steps = [self._describe(caller, e164)]
        name, extension = "", ""
        if account.caller_name:
            name = caller_name(caller.name, caller.company)
            steps.append(Step("named", name) if name else Step("nameless"))
        if account.route_calls:
            extension, route = self._route(account, caller, rows, moment)
            steps += route
        return Decision(start_answer(name, extension, account.return_timeout), tuple(steps))

    @staticmethod
    def _describe(caller, e164):
        if caller.is_ambiguous:
            return Step("ambiguous", e164)
        if caller.partner_id:
            return Step("contact", caller.name, caller.company)
        return Step("lead", caller.name, caller.company) if caller.lead_id else Step("stranger", e164)

    def _route(self, account, caller, rows, moment):
        """Return the extension a call is sent to, empty for none, and the reasons."""
        # A deal with the number itself comes before one of the caller's company.
        kinds = ("lead", "deal") if caller.partner_id else ("lead",)
        leads = sorted((row for row in rows if row[0] in kinds), key=lambda row: kinds.index(row[0]))[:1]
        others = [row for row in rows if row[0] not in ("lead", "deal")]
        responsible = find_responsible(caller, [*(("lead", *row[1:]) for row in leads), *others])
        if not responsible:
            return "", [Step("no_responsible")]
        teams = [row[6] for row in [*leads, *(row for row in others if row[0] == "dialled")] if row[6]]
        candidates = self._get_candidates(
            account.company_id, responsible.user_id, (teams or [0])[0], caller.partner_id, moment
        )
        extension, steps = choose_extension(candidates, account.skip_talking)
        asked = candidates[0].name if candidates else ""
        return extension, [Step(f"responsible_{responsible.source}", asked, responsible.name), *steps]

    def _get_candidates(self, company_id, user_id, team_id, partner_id, moment):
        """Return who may take a call, in the order in which they are asked, as things are at that moment.

        :param int user_id: who answers for the caller; deputies come next, then the members of the team.
        :rtype: list[Candidate]
        """
        rows = execute_prepared(self.env.cr, self._candidates_query(company_id, user_id, team_id, moment))
        return [
            Candidate(
                user_id=row[0],
                name=row[1],
                role=row[2],
                is_employed=row[3],
                extensions=tuple((number, is_away) for number, is_away in row[5] or ()),
                is_dnd=row[6],
                is_working=row[7],
                is_talking=row[8],
                is_caller=bool(partner_id) and row[4] == partner_id,
            )
            for row in rows
        ]

    def _candidates_query(self, company_id, user_id, team_id, moment):
        return SQL(
            """
            WITH RECURSIVE line (user_id, role, place) AS (
                SELECT %(user)s::integer, 'responsible', 0
                 UNION
                SELECT zadarma_deputy_id, 'deputy', place + 1
                  FROM line JOIN res_users ON id = user_id
                 WHERE zadarma_deputy_id IS NOT NULL AND place < %(deputies)s::integer
            ), candidate (user_id, role, place, since, member) AS (
                SELECT *, NULL::timestamp, 0 FROM line
                 UNION ALL
                SELECT user_id, 'member', %(deputies)s::integer + 1, create_date, id
                  FROM crm_team_member WHERE crm_team_id = %(team)s AND active IS TRUE
            )
            SELECT candidate.user_id, person.name, role,
                   users.active AND EXISTS (
                       SELECT FROM res_company_users_rel job WHERE job.cid = %(company)s AND job.user_id = users.id),
                   users.partner_id,
                   (SELECT json_agg(
                               json_build_array(
                                   number, is_away IS TRUE AND checked_at > %(moment)s::timestamp - %(away)s::interval)
                               ORDER BY calls_out IS NOT TRUE, number)
                      FROM zadarma_extension
                     WHERE company_id = %(company)s AND zadarma_extension.user_id = users.id AND active IS TRUE
                           AND number ~ '^[1-9][0-9]{2}$'),
                   users.zadarma_dnd IS TRUE,
                   EXISTS (SELECT FROM zadarma_working_time
                            WHERE company_id = %(company)s AND zadarma_working_time.user_id = users.id
                                  AND start <= %(moment)s AND stop > %(moment)s),
                   EXISTS (SELECT FROM zadarma_call_leg
                            WHERE zadarma_call_leg.user_id = users.id AND state = 'talking')
              FROM candidate
              JOIN res_users users ON users.id = candidate.user_id
              JOIN res_partner person ON person.id = users.partner_id
             ORDER BY place, since, member
            """,
            user=user_id,
            team=team_id,
            company=company_id,
            moment=moment,
            deputies=_MAX_DEPUTIES,
            away=_AWAY_FOR,
        )
