# What is counted must stay counted when the work that asked is rolled back: a transaction of its own.
# pylint: disable=invalid-commit
import hashlib
import json
import math
import random
import time
from contextlib import contextmanager

import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL

from ..zadarma_api.errors import RateLimitError
from ..zadarma_api.throttle import Throttle
from .zadarma_event import read_committed

# Whoever waits that long for the others' turn tries again later.
_LOCK_TIMEOUT = "2s"
_BUSY_SECONDS = 2


class ZadarmaThrottle(models.Model):
    """How many requests an account has sent of late: one row a company, shared by all processes."""

    _name = "zadarma.throttle"
    _description = "Zadarma Rate Limit"
    _rec_name = "company_id"
    _log_access = False

    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    account = fields.Char(
        readonly=True, help="Tells accounts apart: what one has sent, or was refused, is not another one's."
    )
    state = fields.Json(readonly=True)

    _company_uniq = models.Constraint("UNIQUE (company_id)", "A company has one account.")

    @api.model
    def _get_gate(self, company, urgent):
        """Return what keeps a client within the account's limits; see :class:`zadarma_api.throttle.Gate`.

        :param res.company company: whose account.
        :param bool urgent: whether a person waits for the requests; the rest leaves them a reserve.
        """
        return _Gate(self.env.registry, company.id, self._get_mark(company), urgent)

    @api.model
    def _get_mark(self, company):
        """Return what tells a company's account from others, without telling its key.

        With another key the count begins anew, with the same one entered again it goes on: nothing has to be deleted
        when an account is forgotten, which its last request, counted in a transaction of its own, would make fail.

        :rtype: str
        """
        # sudo: res.company - a digest, of which nobody learns the key
        key = company.sudo().zadarma_key or ""
        return hashlib.sha256(f"{company.id}:{key}".encode()).hexdigest()[:16]

    @api.model
    def _read_state(self, company):
        """Return what is known of a company's requests.

        :rtype: Throttle
        """
        # sudo: zadarma.throttle - numbers of requests, shown on the health page
        domain = [("company_id", "=", company.id), ("account", "=", self._get_mark(company))]
        return Throttle.load(self.sudo().search(domain).state or {})


class _Gate:
    """Keeps count in the database, in transactions of a few milliseconds on a cursor of its own."""

    def __init__(self, registry, company_id, account, urgent):
        self._registry = registry
        self._company_id = company_id
        self._account = account
        self._urgent = urgent

    def enter(self, path):
        """Let a request pass; see :class:`zadarma_api.throttle.Gate`."""
        with self._turn() as throttle:
            wait = throttle.admit(path, time.time(), self._urgent)
        if wait:
            raise RateLimitError("The limit of requests a minute is reached", retry_after=math.ceil(wait))

    def answered(self, path, limit):
        """Hear what an answer told; see :class:`zadarma_api.throttle.Gate`."""
        with self._turn() as throttle:
            throttle.answered(path, limit, time.time())

    def refused(self, path, asked):
        """Hear of an answer that says "too many"; see :class:`zadarma_api.throttle.Gate`."""
        with self._turn() as throttle:
            # Chance spreads the tries of several processes; it keeps no secret.
            return math.ceil(throttle.refused(path, asked, time.time(), random.random()))  # nosec B311

    @contextmanager
    def _turn(self):
        """Yield the account's state, which is nobody else's until the block ends and is kept then."""
        with self._registry.cursor() as cr, read_committed(cr):
            try:
                cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", _LOCK_TIMEOUT))
                company = SQL("%s", self._company_id)
                cr.execute(SQL("INSERT INTO zadarma_throttle (company_id) VALUES (%s) ON CONFLICT DO NOTHING", company))
                cr.execute(SQL("SELECT account, state FROM zadarma_throttle WHERE company_id = %s FOR UPDATE", company))
            except psycopg2.errors.LockNotAvailable:
                raise RateLimitError("Others are sending requests", retry_after=_BUSY_SECONDS) from None
            account, state = cr.fetchone()
            throttle = Throttle.load(state if account == self._account else None)
            yield throttle
            query = "UPDATE zadarma_throttle SET account = %s, state = %s WHERE company_id = %s"
            cr.execute(SQL(query, self._account, json.dumps(throttle.dump()), company))
