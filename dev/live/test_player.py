"""A talk is heard again: its recording comes, plays in a real browser, and is read."""

import itertools
import time

import pytest
from desk import CALLS
from harness import wait_for

PLAYER = ".o_zadarma_player"
SECONDS = 30
SOUND = "document.querySelector('.o_zadarma_player audio')"
_numbers = itertools.count(4950777000)


@pytest.fixture
def _transcripts_by_hand(admin):
    """Transcripts may be asked for."""
    company = admin.call("res.users", "read", [admin.uid], ["company_id"])[0]["company_id"][0]
    admin.call("res.company", "write", [company], {"zadarma_transcripts": "manual"})
    yield
    admin.call("res.company", "write", [company], {"zadarma_transcripts": "never"})


@pytest.fixture
def number():
    """The number of somebody who calls."""
    return f"+{next(_numbers)}0"


@pytest.fixture
def talk(odoo, admin, zadarma, number):
    """The id of a call that was answered and recorded, with its recording in Odoo."""
    admin.create("res.partner", name=f"Anna {number}", phone=number)
    call = zadarma.call_in(number, to=["101"])
    zadarma.answer(call, "101")
    zadarma.hang_up(call)
    row = """
        SELECT r.state, r.id, c.id, r.key FROM zadarma_recording r JOIN zadarma_call c ON c.id = r.call_id
        WHERE c.pbx_call_id = %s
    """
    (recording,) = wait_for(lambda: odoo.sql(row, call), "the recording is known")
    # As if they had talked for so long: the file is made when it is loaded.
    wait_for(lambda: recording[3] in zadarma.exchange.recordings, "the recording is ready")
    zadarma.exchange.recordings[recording[3]].seconds = SECONDS
    wait_for(
        lambda: odoo.sql(row, call)[0][0] == "stored" or hurry(odoo, "next_try", recording[1], "ir_cron_recordings"),
        "the recording is in Odoo",
        90,
    )
    return recording[2]


def hurry(odoo, field, recording, cron):
    """Have a job do now what it would do with a recording later."""
    due = f"UPDATE zadarma_recording SET {field} = now() AT TIME ZONE 'UTC' WHERE id = %s AND {field} IS NOT NULL"
    odoo.sql(due, recording)
    odoo.run_cron(cron)
    # A job that is under way looks no more; asking again at once would not help.
    time.sleep(1)


def position(tab):
    """Return the second at which the sound of the first player is."""
    return tab.evaluate(f"{SOUND}.currentTime")


def loads(desk):
    """Return a list that gets the address of every recording that the first tab loads from now on."""
    loaded = []
    desk.tab.on("request", lambda request: "/zadarma/recording/" in request.url and loaded.append(request.url))
    return loaded


def test_recording_is_heard_from_any_place(odoo, open_desk, talk):
    """Nothing is loaded before Play; the length is right, and the keyboard goes to any place of it."""
    agent = open_desk("agent")
    loaded, tab = loads(agent), agent.tab
    tab.goto(f"{agent.url}{CALLS}/{talk}")
    tab.locator(PLAYER).wait_for()
    assert not loaded
    tab.locator(".o_zadarma_player_toggle").click()
    wait_for(lambda: position(tab) > 0.5, "the recording plays")
    assert loaded
    assert tab.locator(".o_zadarma_player_total").inner_text() == f"0:{SECONDS}"
    assert round(tab.evaluate(f"{SOUND}.duration")) == SECONDS
    bar = tab.locator(".o_zadarma_player_seek")
    bar.focus()
    tab.keyboard.press("Space")
    wait_for(lambda: tab.evaluate(f"{SOUND}.paused"), "it pauses")
    before = position(tab)
    for _time in range(3):
        tab.keyboard.press("ArrowRight")
    assert position(tab) == pytest.approx(before + 15, abs=0.2)
    tab.keyboard.press("Home")
    assert position(tab) == 0
    tab.locator(".o_zadarma_player_speed").select_option("2")
    bar.focus()
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("Space")
    wait_for(lambda: tab.evaluate(f"{SOUND}.ended"), "it plays to its end")
    tab.reload()
    tab.locator(PLAYER).wait_for()
    assert tab.evaluate(f"{SOUND}.playbackRate") == 2
    tab.evaluate("localStorage.clear()")
    heard = "SELECT kind FROM zadarma_recording_access WHERE call_id = %s"
    assert odoo.sql(heard, talk) == [("listen",)]


def test_recording_is_heard_from_the_list_and_from_the_chatter(odoo, open_desk, talk, number):
    """A button in the row plays it; the contact's chatter has it for who may hear it, and for nobody else."""
    agent = open_desk("agent")
    row = agent.tab.locator(".o_data_row", has_text=number)
    row.locator(".o_zadarma_recording_button").click()
    wait_for(lambda: agent.tab.evaluate(f"!!{SOUND} && !{SOUND}.paused"), "it plays in the list")
    agent.tab.keyboard.press("Escape")
    agent.tab.locator(PLAYER).wait_for(state="detached")
    partner = odoo.value("SELECT partner_id FROM zadarma_call WHERE id = %s", talk)
    path = f"/odoo/res.partner/{partner}"
    agent.open(path).locator(f".o-mail-Message {PLAYER}").wait_for()
    colleague = open_desk("colleague", path=path)
    colleague.tab.locator(".o-mail-Message", has_text="answered a call").wait_for()
    assert not colleague.tab.locator(PLAYER).count()


@pytest.mark.usefixtures("_transcripts_by_hand")
def test_recording_is_read(odoo, open_desk, talk, number):
    """A transcript is asked for, made, found, and leads to the place where something was said."""
    agent = open_desk("agent")
    tab = agent.tab
    tab.goto(f"{agent.url}{CALLS}/{talk}")
    tab.locator(".o_zadarma_player_transcript").click()
    tab.locator(".o_zadarma_transcript_ask").click()
    tab.locator(".o_zadarma_transcript_waiting").wait_for()
    recording = odoo.value("SELECT id FROM zadarma_recording WHERE call_id = %s", talk)
    lines = tab.locator(".o_zadarma_transcript_line")
    wait_for(
        lambda: lines.count() or hurry(odoo, "transcript_next_try", recording, "ir_cron_transcripts"),
        "the transcript appears",
        90,
    )
    line = tab.locator(".o_zadarma_transcript_line", has_text="invoice").first
    line.click()
    wait_for(lambda: position(tab) > 3, "the recording plays from there")
    assert line.get_attribute("aria-current") == "true"
    tab.goto(agent.url + CALLS)
    tab.locator(".o_searchview_input").fill("my INVOICE")
    tab.locator(".o-dropdown-item", has_text="Transcript").click()
    tab.locator(".o_searchview_facet", has_text="my INVOICE").wait_for()
    tab.locator(".o_data_row", has_text=number).wait_for()
    assert tab.locator(".o_data_row").count() == 1
