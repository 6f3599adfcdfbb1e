"""Hold a sample of made-up contacts and leads against what Odoo computes of them: check_people.py CONFIG DATABASE."""

import sys

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config

SAMPLE = 1000
# What the look-up of a caller reads.
FIELDS = {
    "res.partner": (
        "phone_sanitized",
        "commercial_partner_id",
        "commercial_company_name",
        "complete_name",
        "email_normalized",
        "partner_share",
    ),
    "crm.lead": ("phone_sanitized", "email_normalized", "email_domain_criterion"),
}


def main(config_path, database):
    """Return how many of the sampled values Odoo computes otherwise; they are printed."""
    config.parse_config(["--config", config_path], setup_logging=True)
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        wrong = sum(check(env[model], names) for model, names in FIELDS.items())
        cr.rollback()
    return wrong


def check(model, names):
    """Compare some records of a model, spread over all of them."""
    # Odoo's own records, made at installation, come first.
    everybody = model.with_context(active_test=False).search([("id", ">", 100)], order="id")
    records = everybody[:: max(1, len(everybody) // SAMPLE)]
    wrong = 0
    for name in names:
        stored = {record: record[name] for record in records}
        model.env.add_to_compute(model._fields[name], records)
        for record in records:
            if record[name] != stored[record]:
                print(f"{record}.{name} of {record.phone!r}: {stored[record]!r} is stored, {record[name]!r} is right")
                wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
