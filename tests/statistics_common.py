"""What the tests of comparing calls with the statistics share."""

import time
from collections import defaultdict
from datetime import datetime, timezone

from odoo import SUPERUSER_ID, api
from odoo.tools import mute_logger

from ..models.res_company import get_zone
from ..zadarma_api.statistics import parse_row
from .common import CALL_ID, CALLER, DIALLED, OUT_CALL_ID, ZadarmaCase


def whole(disposition="answered", seconds=42, **values):
    """Return the row of the number that was dialled."""
    return {
        "call_id": "1740823200.1",
        "sip": DIALLED,
        "callstart": "2025-03-01 10:00:00",
        "clid": f'"Ada" <{CALLER}>',
        "destination": DIALLED,
        "disposition": disposition,
        "seconds": seconds,
        "is_recorded": False,
        "pbx_call_id": CALL_ID,
        **values,
    }


def leg(extension, disposition="answered", seconds=0, **values):
    """Return the row of an extension that rang."""
    return whole(disposition, seconds, **{"sip": extension, "destination": extension, "call_id": "", **values})


def dialled(disposition="answered", seconds=42, **values):
    """Return the row of an outbound call."""
    values = {"clid": DIALLED, "sip": "101", "destination": CALLER.lstrip("+"), **values}
    return whole(disposition, seconds, pbx_call_id=OUT_CALL_ID, callstart="2025-03-01 11:00:00", **values)


class StatisticsCase(ZadarmaCase):
    """Rows of the statistics meet notifications."""

    def take(self, *rows, since=None, follow_up=True, company=None):
        """Have calls compared with these rows, as the cron does with those of a page."""
        company = company or self.company
        counted = defaultdict(list)
        for row in rows:
            parsed = parse_row(row, datetime.now(timezone.utc), get_zone(company.zadarma_tz))
            counted[parsed.pbx_call_id].append(parsed)
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            env = api.Environment(cr, SUPERUSER_ID, {})
            until = time.monotonic() + (3600 if follow_up else -3600)
            company = env["res.company"].browse(company.id)
            outcome = env["zadarma.call"]._take_statistics(company, dict(counted), since, until)
        self.env.invalidate_all()
        return outcome

    def _mute_sql(self):
        return mute_logger("odoo.sql_db")
