from odoo import fields, models
from odoo.tools import SQL

WEEKDAYS = [
    ("1", "Monday"),
    ("2", "Tuesday"),
    ("3", "Wednesday"),
    ("4", "Thursday"),
    ("5", "Friday"),
    ("6", "Saturday"),
    ("7", "Sunday"),
]
HOURS = [(f"{hour:02}", f"{hour:02}:00") for hour in range(24)]


class ZadarmaCallReport(models.Model):
    """Ended calls with what people ask of them in numbers; weekday and hour are those of the account's time zone."""

    _name = "zadarma.call.report"
    _description = "Zadarma Call Analysis"
    _auto = False
    _rec_name = "call_id"
    _order = "date_start desc, id desc"
    _depends = {
        "crm.lead": ["source_id", "stage_id", "team_id"],
        "res.company": ["zadarma_tz"],
        "zadarma.call": [
            "company_id",
            "date_start",
            "direction",
            "duration",
            "is_blocked",
            "is_missed",
            "lead_id",
            "own_number_id",
            "partner_id",
            "result",
            "state",
            "user_id",
            "waiting",
        ],
        "zadarma.call.leg": ["answered", "call_id", "extension"],
        "zadarma.number": ["source_id", "team_id"],
    }

    call_id = fields.Many2one("zadarma.call", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    date_start = fields.Datetime(string="Start", readonly=True)
    weekday = fields.Selection(WEEKDAYS, readonly=True)
    hour = fields.Selection(HOURS, readonly=True)
    direction = fields.Selection(selection=lambda self: self._call_selection("direction"), readonly=True)
    result = fields.Selection(selection=lambda self: self._call_selection("result"), readonly=True)
    user_id = fields.Many2one("res.users", readonly=True)
    extension = fields.Char(readonly=True, help="Who talked, else the first that rang.")
    own_number_id = fields.Many2one("zadarma.number", string="Zadarma Number", readonly=True)
    team_id = fields.Many2one(
        "crm.team", string="Sales Team", readonly=True, help="The lead's, else that of the number that was dialled."
    )
    source_id = fields.Many2one(
        "utm.source", readonly=True, help="The lead's, else that of the number that was dialled."
    )
    partner_id = fields.Many2one("res.partner", string="Contact", readonly=True)
    lead_id = fields.Many2one("crm.lead", readonly=True)
    stage_id = fields.Many2one("crm.stage", string="Lead Stage", readonly=True)
    answered = fields.Integer(readonly=True)
    missed = fields.Integer(readonly=True)
    missed_rate = fields.Float(
        string="Missed Rate (%)", readonly=True, aggregator="avg", help="Of the inbound calls, those nobody took."
    )
    waiting = fields.Float(
        string="Waiting Time (s)", readonly=True, aggregator="avg", help="Seconds until somebody answered, on average."
    )
    duration = fields.Integer(string="Talking Time (s)", readonly=True)
    average_duration = fields.Float(
        string="Average Talking Time (s)", readonly=True, aggregator="avg", help="Of the answered calls."
    )

    def _call_selection(self, name):
        return self.env["zadarma.call"]._fields[name]._description_selection(self.env)

    @property
    def _table_query(self):
        """Return the query that the report reads instead of a table.

        Nothing in it makes rows of a call, so that PostgreSQL leaves out what an analysis does not ask for.
        """
        return SQL("SELECT %s FROM %s WHERE %s", self._get_columns(), self._get_tables(), self._get_condition())

    def _get_columns(self):
        """Return what is selected; the place to add measures of one's own."""
        local_start = SQL("(call.date_start AT TIME ZONE 'UTC' AT TIME ZONE company.zadarma_tz)")
        return SQL(
            """
            call.id, call.id AS call_id, call.company_id, call.date_start, call.direction, call.result, call.user_id,
            call.own_number_id, call.partner_id, call.lead_id, lead.stage_id,
            to_char(%(local_start)s, 'ID') AS weekday,
            to_char(%(local_start)s, 'HH24') AS hour,
            COALESCE(lead.team_id, number.team_id) AS team_id,
            COALESCE(lead.source_id, number.source_id) AS source_id,
            (SELECT leg.extension FROM zadarma_call_leg leg WHERE leg.call_id = call.id
              ORDER BY leg.answered DESC, leg.id LIMIT 1) AS extension,
            (call.result = 'answered' AND call.is_missed IS NOT TRUE)::int AS answered,
            call.is_missed::int AS missed,
            CASE WHEN call.direction = 'inbound' AND call.is_blocked IS NOT TRUE
                 THEN 100.0 * call.is_missed::int END AS missed_rate,
            CASE WHEN call.result = 'answered' THEN call.waiting END AS waiting,
            call.duration,
            CASE WHEN call.result = 'answered' THEN call.duration END AS average_duration
            """,
            local_start=local_start,
        )

    def _get_tables(self):
        return SQL(
            """
            zadarma_call call
            LEFT JOIN res_company company ON company.id = call.company_id
            LEFT JOIN crm_lead lead ON lead.id = call.lead_id
            LEFT JOIN zadarma_number number ON number.id = call.own_number_id
            """
        )

    def _get_condition(self):
        return SQL("call.state = 'ended'")
