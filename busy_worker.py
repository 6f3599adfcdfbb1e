"""What a worker does first when more is asked of it than it can do.

Whoever calls hears nothing until Zadarma has its answer, and to answer takes a fraction of the time that it takes to
work out what a notification means. Where the next request waits already, answers go first and the rest is left to the
scheduled action, which a process of its own runs.
"""

import logging
import select
import threading

from odoo import SUPERUSER_ID, api
from odoo.service import server

_logger = logging.getLogger(__name__)

# Seconds until the scheduled action is told of what was left to it: of all that is left by then at once.
_COLLECTING = 0.3
_lock = threading.Lock()
_planned = set()
_last = {"waited": False}


def is_overloaded():
    """Tell whether a request waits to be taken, as one did when this was last asked.

    Asked of each notification. One request that waits for a moment may be on its way to an idle worker. Only of Odoo's
    server with several processes it can be told; threads of a single one take all requests at once.
    """
    waits, waited = _is_request_waiting(), _last["waited"]
    _last["waited"] = waits
    return waits and waited


def _is_request_waiting():
    listening = getattr(server.server, "socket", None)
    if not listening:
        return False
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    return bool(poll.poll(0))


def leave_to_cron(registry):
    """Have the scheduled action process in a moment what is left by then.

    A process that dies before tells nobody; the action runs each minute anyway.

    :param odoo.orm.registry.Registry registry: of the database whose notifications are left.
    """
    with _lock:
        if registry.db_name in _planned:
            return
        _planned.add(registry.db_name)
    timer = threading.Timer(_COLLECTING, _trigger, [registry])
    timer.daemon = True
    timer.start()


def _trigger(registry):
    with _lock:
        _planned.discard(registry.db_name)
    try:
        with registry.cursor() as cr:
            api.Environment(cr, SUPERUSER_ID, {})["zadarma.event"]._trigger_sweep()
    except Exception:  # nobody else would hear of it
        _logger.exception("Zadarma: the scheduled action could not be told of notifications; it runs within a minute")
