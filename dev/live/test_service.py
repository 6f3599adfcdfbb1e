"""While calls come: a restart, recycled workers, more than they can do, another addon, a database that halts."""

import os
import signal
import time
from contextlib import contextmanager

import psutil
import pytest
from test_crashes import Load, wait_for_more

# What a longer run raises.
STANDSTILL = 5  # seconds
REQUESTS = 10
RUSH = 100  # a second
SWEEP = "Zadarma: process notifications that were left over"
MODULE = "google_recaptcha"


@contextmanager
def configured(odoo, **options):
    """Run it with other options for as long as the block takes."""
    odoo.configure(**options)
    odoo.restart()
    try:
        yield
    finally:
        odoo.configure()
        odoo.restart()


def test_restart_under_load(odoo, wire, measure):
    """All its processes are told to end at once, as systemd does unless told otherwise: what was answered is there."""
    with Load(wire) as load:
        wait_for_more(load, 10, "notifications are acknowledged")
        started = time.monotonic()
        os.killpg(odoo.process.pid, signal.SIGTERM)
        odoo.process.wait(60)
        odoo.restart()
        wait_for_more(load, 10, "service is back")
        measure(f"restarted under load within {time.monotonic() - started:.1f} s")
    load.check(odoo)


def test_reload_under_load(odoo, wire, measure):
    """The signal HUP replaces all processes, and no sender notices: no connection is refused or reset."""
    with Load(wire) as load:
        wait_for_more(load, 10, "notifications are acknowledged")
        started = time.monotonic()
        odoo.reload()
        wait_for_more(load, 5, "new workers serve")
        measure(f"replaced under load within {time.monotonic() - started:.1f} s")
    assert not load.failed
    load.check(odoo)


def test_workers_are_recycled_under_load(odoo, wire):
    """Workers that end after some requests, as their limits have it, are replaced, and no sender notices."""
    with configured(odoo, limit_request=REQUESTS):
        before = {worker.pid for worker in odoo.workers()}
        with Load(wire) as load:
            wait_for_more(load, REQUESTS * 6, "notifications are acknowledged")
        assert not before & {worker.pid for worker in odoo.workers()}
        assert not load.failed
        load.check(odoo)


def test_answers_go_first_where_requests_wait(odoo, wire, measure):
    """More comes than the only worker can process: it answers all, and the scheduled action does the rest."""
    with configured(odoo, workers=1):
        mark = odoo.log_size()
        with Load(wire, RUSH) as load:
            wait_for_more(load, RUSH, "notifications are acknowledged")
        assert not load.failed
        started = time.monotonic()
        odoo.wait_until_processed()
        measure(f"{len(load.acknowledged)} in a rush, processed {time.monotonic() - started:.1f} s later")
        assert SWEEP in odoo.log(mark)
        load.check(odoo)


def test_database_stands_still_under_load(odoo, server, wire):
    """PostgreSQL is frozen for seconds: who sent meanwhile waits or is refused, and all of it works again by itself."""
    if not hasattr(server, "process"):
        pytest.skip("the database server is somebody else's")
    postgres = psutil.Process(server.process.pid)
    with Load(wire) as load:
        wait_for_more(load, 10, "notifications are acknowledged")
        frozen = [postgres, *postgres.children()]
        for process in frozen:
            process.suspend()
        try:
            time.sleep(STANDSTILL)
        finally:
            for process in frozen:
                process.resume()
        wait_for_more(load, 10, "service is back")
    load.check(odoo)


def test_addon_is_installed_under_load(odoo, wire, admin):
    """While workers load another addon they answer later, and lose nothing."""
    (module,) = admin.call("ir.module.module", "search", [("name", "=", MODULE)])
    with Load(wire) as load:
        wait_for_more(load, 10, "notifications are acknowledged")
        admin.call("ir.module.module", "button_immediate_install", [module])
        wait_for_more(load, 20, "service goes on")
    assert not load.failed
    load.check(odoo)
