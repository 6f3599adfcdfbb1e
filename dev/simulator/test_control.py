"""The control API, the command line and the page."""

import re
import subprocess
import sys
import threading

import pytest
import requests

from .cli import main, parser
from .core import Simulator
from .scenarios import SCENARIOS
from .server import PAGE
from .settings import Seed


@pytest.fixture
def act(zadarma):
    """Send a command to the control API and return its answer."""

    def send(command, **data):
        return requests.post(f"{zadarma.url}/sim/{command}", json=data, timeout=5).json()

    return send


def state(zadarma, **query):
    """Return what the page would show."""
    return requests.get(zadarma.url + "/sim/state", params=query, timeout=5).json()


def test_a_call_can_be_led_over_http(zadarma, receiver, act):
    call = act("call_in", number="+58 212 681 0538", to=["100", "101"])["call"]
    (shown,) = state(zadarma)["calls"]
    assert (shown["name"], shown["state"]) == ("Azure Interior", "ringing")
    act("answer", call=call, party="101")
    act("advance", seconds=10)
    act("transfer", call=call, source="101", target="102")
    act("answer", call=call, party="102")
    act("hang_up", call=call, by="customer")
    assert state(zadarma)["calls"][0]["disposition"] == "answered"
    assert receiver.events[-1] == "NOTIFY_END"


def test_the_state_waits_for_a_change(zadarma, act):
    version = state(zadarma)["version"]
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(state(zadarma, version=version, wait=20)))
    waiting.start()
    act("extension", number="100", online=False)
    waiting.join(5)
    assert answers[0]["version"] > version
    assert answers[0]["extensions"][0]["online"] is False


def test_the_log_can_be_read_from_where_one_was(zadarma, act):
    act("call_in", number="anonymous", to=["100"])
    log = requests.get(zadarma.url + "/sim/log", timeout=5).json()
    assert [entry["title"] for entry in log] == ["NOTIFY_START", "NOTIFY_INTERNAL"]
    rest = requests.get(zadarma.url + "/sim/log", params={"after": log[0]["id"]}, timeout=5).json()
    assert rest == log[1:]
    act("clear_log")
    assert state(zadarma)["log_first"] == log[1]["id"] + 1


def test_customers_come_and_go(zadarma, act):
    customer = act("add_customer", name="New", number="+44 20 7946 0000")
    assert customer["number"] == "+442079460000"
    act("remove_customer", id=customer["id"])
    assert len(zadarma.exchange.customers) == len(Seed.read().customers)


def test_settings_and_faults_are_set(zadarma, act):
    act("settings", ring_seconds="12", ring_group="100, 101", notifications={"notify_end": False})
    assert zadarma.settings.ring_seconds == 12
    assert zadarma.settings.ring_group == ["100", "101"]
    assert zadarma.settings.notifications["notify_end"] is False
    fault = act("api_fault", kind="slow", method="/v1/info/*", seconds=2)
    act("webhook_fault", kind="drop", event="NOTIFY_END")
    assert state(zadarma)["faults"]["api"][0]["kind"] == "slow"
    act("remove_fault", side="api", id=fault["id"])
    assert zadarma.api_faults.as_list() == []
    act("clear_faults")
    assert zadarma.webhook_faults.as_list() == []


def test_reset_returns_to_the_start(zadarma, receiver, act):
    act("settings", zone="UTC", webhook_url="")
    act("call_in", number="anonymous")
    act("api_fault", kind="slow")
    act("reset")
    assert zadarma.settings.zone == "Europe/Kyiv"
    assert zadarma.settings.webhook_url == receiver.url
    fresh = state(zadarma)
    assert fresh["calls"] == [] and fresh["faults"]["api"] == []


@pytest.mark.parametrize(
    ("command", "data"),
    [
        ("answer", {"call": "in_0", "party": "100"}),
        ("call_in", {"nummer": "1"}),
        ("settings", {"zone": "Nowhere"}),
        ("api_fault", {"kind": "unknown"}),
        ("nothing", {}),
        ("extension", {"number": "999", "online": True}),
    ],
)
def test_a_wrong_command_is_explained(act, command, data):
    assert act(command, **data)["error"]


def test_forms_of_other_sites_are_refused(zadarma):
    response = requests.post(zadarma.url + "/sim/reset", data={"x": "1"}, timeout=5)
    assert response.status_code == 400


def test_the_page_needs_nothing_from_elsewhere(zadarma):
    page = requests.get(zadarma.url + "/", timeout=5)
    assert page.headers["Content-Type"].startswith("text/html")
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page.text)
    assert "innerHTML" not in page.text


def test_the_page_knows_all_settings():
    text = PAGE.read_text(encoding="utf-8")
    with Simulator() as simulator:
        names = set(vars(simulator.settings))
    assert {name for name in names if f'"{name}"' not in text} == set()


def test_all_settings_are_options_and_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("ZADARMA_SIM_ZONE", "UTC")
    monkeypatch.setenv("ZADARMA_SIM_PORT", "8123")
    options = vars(parser().parse_args(["--ring-seconds", "5"]))
    assert (options["zone"], options["port"], options["ring_seconds"]) == ("UTC", 8123, "5")
    with Simulator() as simulator:
        switches = {"notifications", "hooks"}
        assert set(vars(simulator.settings)) - switches <= set(options)


def test_a_wrong_option_is_explained(capsys):
    with pytest.raises(SystemExit):
        main(["--port", "0", "--zone", "Nowhere"])
    assert "IANA" in capsys.readouterr().err


def test_the_folder_can_be_started():
    command = [sys.executable, str(PAGE.parent), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        url = line.split()[-1]
        assert requests.get(url + "sim/state", timeout=5).json()["version"] > 0
        process.terminate()
    assert process.returncode == 0


def test_scenarios_are_offered(zadarma, act):
    assert state(zadarma)["choices"]["scenarios"] == list(SCENARIOS)
    act("play", scenario="answered", to=["100"])
    assert state(zadarma)["calls"][0]["duration"] == 42
