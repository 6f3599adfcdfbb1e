import pytest
import requests

SITE = "crm.example.com"
SCRIPTS = "/webphoneWebRTCWidget/v9/js/loader-phone-"


@pytest.fixture
def key(api):
    api.post("/v1/webrtc/create/", domain=SITE)
    return api.get("/v1/webrtc/get_key/", sip="1234-100")["key"]


@pytest.fixture
def ask(zadarma, key):
    def ask(what="state", **changes):
        query = {"key": key, "sip": "1234-100", "domain": SITE, **changes}
        response = requests.get(f"{zadarma.url}/webphone/{what}", query, timeout=5)
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        return response.json()

    return ask


def test_both_scripts_are_there_and_nothing_else(zadarma):
    for name in ("lib", "fn"):
        response = requests.get(f"{zadarma.url}{SCRIPTS}{name}.js?sub_v=1", timeout=5)
        assert response.headers["Content-Type"].startswith("text/javascript")
    for path in ("/webphoneWebRTCWidget/v9/js/other.js", f"{SCRIPTS}../server.js"):
        assert requests.get(zadarma.url + path, timeout=5).status_code == 404


def test_the_web_telephone_rings_answers_and_hangs_up(zadarma, ask):
    assert ask() == {"state": "registered", "number": ""}
    call = zadarma.call_in("+18709310505", to=["100", "101"])
    assert ask() == {"state": "ringing", "number": "+18709310505"}
    ask("answer")
    assert ask()["state"] == "talking"
    ask("hang_up")
    assert ask()["state"] == "registered"
    assert "NOTIFY_ANSWER" in zadarma.events(call)


def test_a_site_that_is_not_registered_is_refused(ask):
    assert ask(domain="evil.example") == {"error": "integrationDisabled"}


@pytest.mark.parametrize("changes", [{"key": "0" * 32}, {"sip": "1234-101"}, {"sip": ""}, {"key": ""}])
def test_a_key_is_for_its_extension_alone(ask, changes):
    assert ask(**changes) == {"error": "Sip not found"}


def test_a_key_lives_for_72_hours(zadarma, ask):
    zadarma.advance(72 * 3600 - 1)
    assert "error" not in ask()
    zadarma.advance(2)
    assert ask() == {"error": "Sip not found"}


@pytest.mark.parametrize(("login", "taken"), [("full", "1234-100"), ("bare", "100")])
def test_both_readings_of_the_login_can_be_tried(zadarma, ask, login, taken):
    zadarma.set(webphone_login=login)
    other = {"1234-100": "100", "100": "1234-100"}[taken]
    assert "error" not in ask(sip=taken)
    assert ask(sip=other) == {"error": "Sip not found"}
