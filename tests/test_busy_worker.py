import socket
from types import SimpleNamespace

from odoo.service import server
from odoo.tests import tagged
from odoo.tests.common import BaseCase

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from .. import busy_worker
from ..models import zadarma_event
from .common import ZadarmaCase, inbound


class TestOverload(BaseCase):
    """With a socket that listens, as the server with several processes has one."""

    def setUp(self):
        super().setUp()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listening.close)
        self.patch(server, "server", SimpleNamespace(socket=self.listening))
        self.patch(busy_worker, "_last", {"waited": False})

    def _ask(self):
        """Have a request wait."""
        client = socket.create_connection(self.listening.getsockname())
        self.addCleanup(client.close)

    def _take(self):
        self.listening.accept()[0].close()

    def test_nobody_waits(self):
        self.assertFalse(busy_worker.is_overloaded())
        self.assertFalse(busy_worker.is_overloaded())

    def test_one_that_waits_for_a_moment_is_no_overload(self):
        self._ask()
        self.assertFalse(busy_worker.is_overloaded())
        self._take()
        self.assertFalse(busy_worker.is_overloaded())
        self._ask()
        self.assertFalse(busy_worker.is_overloaded())

    def test_requests_wait_again_and_again(self):
        self._ask()
        self.assertFalse(busy_worker.is_overloaded())
        self.assertTrue(busy_worker.is_overloaded())
        self._take()
        self.assertFalse(busy_worker.is_overloaded())

    def test_server_of_threads_lets_nobody_wait(self):
        self._ask()
        self.patch(server, "server", SimpleNamespace())
        self.assertFalse(busy_worker.is_overloaded())
        self.assertFalse(busy_worker.is_overloaded())


@tagged("post_install", "-at_install")
class TestLeftToCron(CronMixinCase, ZadarmaCase):
    """Notifications come while requests wait."""

    def setUp(self):
        super().setUp()
        self.timers = []
        self.patch(busy_worker, "_planned", set())
        self.patch(busy_worker.threading, "Timer", self._plan)
        self.patch(busy_worker, "_is_request_waiting", lambda: True)
        self.patch(busy_worker, "_last", {"waited": True})

    def _plan(self, seconds, function, arguments):
        """Stand in for a timer that the test lets expire."""
        self.timers.append(lambda: function(*arguments))
        return SimpleNamespace(start=lambda: None)

    def _expire(self):
        with self.capture_triggers("zadarma.ir_cron_sweep") as triggers:
            self.timers.pop()()
        return len(triggers.records)

    def test_answers_go_first_and_nothing_is_lost(self):
        self.deliver(inbound("START"), inbound("INTERNAL", internal="101"))
        self.assertFalse(self._find_call())
        self.assertEqual(len(self.timers), 1, "the action is told once of all that is left")
        self.assertEqual(self._expire(), 1)
        self._sweep()
        self.assertEqual(self._find_call().leg_ids.extension, "101")
        self.assertEqual(set(self._find_events().mapped("state")), {"done"})

    def test_action_goes_on_at_once_when_its_time_is_up(self):
        other = f"in_{1:040x}"
        self.deliver(inbound("START"), inbound("START", call_id=other))
        self.patch(zadarma_event, "_SWEEP_STEP", 1)
        self.patch(type(self.env["ir.cron"]), "_commit_progress", lambda *_arguments, **_named: 0)
        with self.capture_triggers("zadarma.ir_cron_sweep") as triggers:
            self._sweep()
        self.assertEqual((bool(self._find_call()), bool(self._find_call(other))), (True, False))
        self.assertEqual(len(triggers.records), 1)
        with self.capture_triggers("zadarma.ir_cron_sweep") as triggers:
            self._sweep()
        self.assertTrue(self._find_call(other))
        self.assertFalse(triggers.records)

    def test_what_is_left_later_is_told_again(self):
        self.deliver(inbound("START"))
        self.assertEqual(self._expire(), 1)
        self.deliver(inbound("INTERNAL", internal="101"))
        self.assertEqual(self._expire(), 1)

    def test_action_is_not_told_of_what_the_next_notification_took_along(self):
        self.deliver(inbound("START"))
        self.patch(busy_worker, "_is_request_waiting", lambda: False)
        self.deliver(inbound("INTERNAL", internal="101"))
        self.assertEqual(set(self._find_events().mapped("state")), {"done"})
        self.assertEqual(self._expire(), 0)

    def test_action_that_cannot_be_told_runs_anyway(self):
        self.deliver(inbound("START"))

        def fail(_events):
            raise RuntimeError

        self.patch(type(self.env["zadarma.event"]), "_trigger_sweep", fail)
        with self.assertLogs(busy_worker._logger, "ERROR"):
            self.timers.pop()()
        self._sweep()
        self.assertTrue(self._find_call())
