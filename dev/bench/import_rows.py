"""Import rows of the statistics and create the same calls plainly: import_rows.py CONFIG DATABASE ROWS.

Prints both durations in seconds, as JSON.
"""

import json
import random
import sys
import time
from datetime import datetime, timedelta

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config, split_every

START = datetime(2025, 1, 1)  # noqa: DTZ001 - on the account's clock
BATCH = 1000
# What a plain program would know of a call without looking anybody up.
PLAIN = (
    "company_id",
    "direction",
    "state",
    "result",
    "disposition",
    "number",
    "is_withheld",
    "own_number",
    "own_number_id",
    "partner_id",
    "lead_id",
    "caller_state",
    "user_id",
    "answered_by",
    "date_start",
    "date_answer",
    "date_end",
    "waiting",
    "duration",
    "is_recorded",
    "recording_ref",
    "source",
    "is_settled",
    "is_followed_up",
)


def main(config_path, database, count):
    """Measure one after the other, each in batches that are committed."""
    config.parse_config(["--config", config_path], setup_logging=True)
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["zadarma.call"].search([("pbx_call_id", "like", "in_bench%")]).unlink()
        env["zadarma.call.deleted"].search([]).unlink()
        rows = list(make_rows(env, int(count)))
        result = {"import": take(env, rows), "plain": create(env)}
        calls = env["zadarma.call"].search_count([("pbx_call_id", "like", "in_bench%")])
    print(json.dumps({**result, "calls": calls, "rows": len(rows)}))


def make_rows(env, count):
    """Yield the rows of inbound calls, two each; a third of the callers are known."""
    chance = random.Random(1)
    env.cr.execute("SELECT phone_sanitized FROM res_partner WHERE phone_sanitized IS NOT NULL ORDER BY id LIMIT 5000")
    known = [number for (number,) in env.cr.fetchall()]
    for index in range(count // 2):
        is_known = known and chance.random() < 1 / 3
        number = chance.choice(known) if is_known else f"+49170{chance.randrange(20_000):07}"
        answered = chance.random() < 0.7
        shared = {
            "pbx_call_id": f"in_bench{index:035}",
            "callstart": f"{START + timedelta(seconds=20 * index):%Y-%m-%d %H:%M:%S}",
            "clid": f'"Somebody" <{number}>',
            "disposition": "answered" if answered else "cancel",
            "seconds": chance.randint(5, 900) if answered else 0,
            "is_recorded": False,
        }
        yield {**shared, "call_id": f"{index}.1", "sip": "493098765432", "destination": "493098765432"}
        yield {**shared, "call_id": "", "sip": "101", "destination": "101"}


def take(env, rows):
    """Import the rows as the cron does with pages that Zadarma answered."""
    end = START + timedelta(days=29)
    values = {"company_id": env.company.id, "kind": "import", "state": "running"}
    run = env["zadarma.import"].create({**values, "date_from": START, "date_to": end, "position": START})
    env.cr.commit()
    started = time.monotonic()
    skip = 0
    while run.state == "running":
        run._take_page(rows[skip : skip + BATCH])
        env.cr.commit()
        skip = run.skip
    return time.monotonic() - started


def create(env):
    """Create the same calls and legs from values that are there already."""
    calls = env["zadarma.call"].search([("pbx_call_id", "like", "in_bench%")])
    plans = []
    for call in calls:
        values = {name: call._get_raw(name) for name in PLAIN}
        legs = [{"extension": leg.extension, "state": leg.state, "answered": leg.answered} for leg in call.leg_ids]
        plans.append(({**values, "pbx_call_id": f"in_plain{call.id}", "statistics": call.statistics}, legs))
    env.flush_all()
    env.cr.commit()
    started = time.monotonic()
    for batch in split_every(BATCH, plans):
        env.invalidate_all()
        created = env["zadarma.call"].create([values for values, _legs in batch])
        env["zadarma.call.leg"].create(
            [{**leg, "call_id": call.id} for call, (_v, legs) in zip(created, batch, strict=True) for leg in legs]
        )
        env.flush_all()
        env.cr.commit()
    return time.monotonic() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
