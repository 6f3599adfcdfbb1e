"""Recordings come from Zadarma, once each, and are heard by whoever may."""

import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from harness import wait_for

from simulator.mp3 import beeps

TALK_SECONDS = 2
DOWNLOADS = "*/v1/pbx/record/download/*"
STATE = """
    SELECT recording.state, recording.size FROM zadarma_recording recording
      JOIN zadarma_call call ON call.id = recording.call_id WHERE call.pbx_call_id = %s
"""


def talk(odoo, zadarma, number):
    """Have the agent talk for a moment; return the call when Odoo knows that it was recorded."""
    call = zadarma.call_in(number, to=["101"])
    zadarma.answer(call, "101")
    time.sleep(TALK_SECONDS)
    zadarma.hang_up(call)
    wait_for(lambda: "NOTIFY_RECORD" in zadarma.events(call), "the recording is ready")
    wait_for(lambda: odoo.sql(STATE, call), "Odoo knows of the recording")
    return call


def fetch(odoo, call):
    """Have what is due tomorrow fetched now."""
    odoo.sql(
        """
        UPDATE zadarma_recording SET next_try = now() AT TIME ZONE 'UTC' - interval '1 second'
         WHERE next_try IS NOT NULL AND call_id IN (SELECT id FROM zadarma_call WHERE pbx_call_id = %s)
        """,
        call,
    )
    odoo.run_cron("ir_cron_recordings")


def is_stored(odoo, call):
    """Tell whether the call's one recording is in Odoo."""
    return [state for state, _size in odoo.sql(STATE, call)] == ["stored"]


def leave_others(odoo, call):
    """Have no recordings fetched that earlier tests left, so that downloads are this call's."""
    others = "SELECT id FROM zadarma_call WHERE pbx_call_id IS DISTINCT FROM %s"
    odoo.sql(f"UPDATE zadarma_recording SET next_try = NULL WHERE call_id IN ({others})", call)


def downloads(zadarma):
    """Return how often files were asked for."""
    return sum(entry.title == "GET recording" for entry in zadarma.log.entries())


def listen(proxy, odoo, client, call, **headers):
    """Return status, headers and body of what a browser gets that plays the call."""
    query = "SELECT id FROM zadarma_recording WHERE call_id IN (SELECT id FROM zadarma_call WHERE pbx_call_id = %s)"
    url = f"{proxy.url}/zadarma/recording/{odoo.value(query, call)}"
    request = urllib.request.Request(url, headers={"Cookie": f"session_id={client.session_id}", **headers})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_a_talk_can_be_heard(odoo, zadarma, people, proxy, number):
    """The recording comes; who talked hears parts of it, and a colleague nothing."""
    call = talk(odoo, zadarma, number)
    wait_for(lambda: fetch(odoo, call) or is_stored(odoo, call), "the recording is in Odoo")
    status, _headers, content = listen(proxy, odoo, people["agent"], call)
    assert status == 200 and content[:144] == beeps(1)[:144]
    status, headers, part = listen(proxy, odoo, people["agent"], call, Range="bytes=144-287")
    assert (status, part) == (206, content[144:288])
    assert headers["Content-Range"] == f"bytes 144-287/{len(content)}"
    assert listen(proxy, odoo, people["colleague"], call)[0] == 404
    assert listen(proxy, odoo, people["supervisor"], call)[0] == 200
    kinds = "SELECT count(*) FROM zadarma_recording_access WHERE kind = 'listen' AND call_id IN ({})"
    heard = kinds.format("SELECT id FROM zadarma_call WHERE pbx_call_id = %s")
    assert odoo.value(heard, call) == 2


@pytest.fixture
def kept_at_zadarma(admin):
    """Recordings stay at Zadarma until somebody listens."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"]
    admin.call("res.company", "write", company[:1], {"zadarma_recording_storage": "zadarma"})
    yield
    admin.call("res.company", "write", company[:1], {"zadarma_recording_storage": "odoo"})


@pytest.mark.usefixtures("kept_at_zadarma")
def test_many_listen_at_once_to_what_is_kept_at_zadarma(odoo, zadarma, people, proxy, number):
    """One of them loads it, the others are told that it comes; who tries again hears it."""
    call = talk(odoo, zadarma, number)
    wait_for(lambda: fetch(odoo, call) or odoo.sql(STATE, call)[0][0] == "remote", "nothing is loaded yet")
    leave_others(odoo, call)
    before = downloads(zadarma)
    zadarma.api_faults.add("drip", DOWNLOADS, seconds=2, times=1)
    with ThreadPoolExecutor(6) as listeners:
        jobs = [listeners.submit(listen, proxy, odoo, people["agent"], call) for _ in range(6)]
        statuses = [job.result()[0] for job in jobs]
    assert 200 in statuses and set(statuses) <= {200, 503}
    assert listen(proxy, odoo, people["agent"], call)[0] == 200
    assert downloads(zadarma) == before + 1


def test_worker_dies_while_it_loads(odoo, zadarma, number, measure):
    """The next one loads the recording, and there is one file."""
    call = talk(odoo, zadarma, number)
    leave_others(odoo, call)
    zadarma.api_faults.add("drip", DOWNLOADS, seconds=30, times=1)
    before = downloads(zadarma)
    fetch(odoo, call)
    wait_for(lambda: downloads(zadarma) > before, "the file is on its way")
    for child in psutil.Process(odoo.process.pid).children():
        if f"WorkerCron ({child.pid})" in odoo.log():
            odoo.kill_worker(child)
    assert not is_stored(odoo, call)
    started = time.monotonic()
    wait_for(lambda: fetch(odoo, call) or is_stored(odoo, call), "the recording is in Odoo", 60)
    measure(f"loaded {time.monotonic() - started:.1f} s after its worker died")
    files = """
        SELECT count(*) FROM ir_attachment WHERE res_model = 'zadarma.recording.file' AND res_id IN (
            SELECT id FROM zadarma_recording WHERE call_id IN (SELECT id FROM zadarma_call WHERE pbx_call_id = %s))
    """
    assert odoo.value(files, call) == 1
    assert downloads(zadarma) == before + 2


def test_every_fault_is_overcome(odoo, zadarma, number):
    """Not there yet, a link too old, cut off, a page instead of it, server errors: in the end it is there, whole."""
    call = talk(odoo, zadarma, number)
    zadarma.api_faults.add("not_found", "*/v1/pbx/record/request/", times=1)
    for kind in ("not_found", "cut", "page", "error_500", "reset"):
        zadarma.api_faults.add(kind, DOWNLOADS, times=1)
    wait_for(lambda: fetch(odoo, call) or time.sleep(0.3) or is_stored(odoo, call), "the recording is in Odoo", 90)
    ((_state, size),) = odoo.sql(STATE, call)
    assert size % 144 == 0 and size >= len(beeps(TALK_SECONDS))
