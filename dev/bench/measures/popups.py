"""How soon a popup is painted after its notification was sent, against a plain notification of Odoo's bus."""

import time
from statistics import median

from live.desk import chromium
from live.proxy import Proxy

from ..calls import DIALLED, KNOWN, Callers, encode_request
from ..load import exchange_well
from ..report import Row, Section

ROUNDS = 25
WARM_UP = 5
LIMIT = 1.5
NOTIFY = "/zadarma_bench/notify"
# Resolves with the moment at which the first element that matches is painted.
PAINTED = """
(selector) => {
    window.painted = new Promise((resolve) => {
        const look = () => {
            if (document.querySelector(selector)) {
                observer.disconnect();
                requestAnimationFrame(() => requestAnimationFrame(() => resolve(Date.now() / 1000)));
            }
        };
        const observer = new MutationObserver(look);
        observer.observe(document, { childList: true, subtree: true });
        look();
    });
}
"""


def measure(bench):
    """Have both painted in turn in the browser of a user whose extension rings."""
    site, callers = bench.large, Callers(bench.large, seed=8)
    plain, popups = [], []
    with site.serve(workers=2), Proxy(site.port, site.bus_port) as proxy, chromium() as browser:
        tab = _log_in(browser, proxy.url)
        for number in range(WARM_UP + ROUNDS):
            times = _paint_plain(site, tab), _paint_popup(site, tab, callers)
            if number >= WARM_UP:
                plain.append(times[0])
                popups.append(times[1])
            bench.show(f"{number + 1} of {WARM_UP + ROUNDS} popups")
    return Section([Row.of_times("Popup painted, median", "plain notification", median(plain), median(popups), LIMIT)])


def _log_in(browser, url):
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(f"{url}/web/login", timeout=120_000)
    tab.fill("input[name=login]", "admin")
    tab.fill("input[name=password]", "admin")
    tab.click("form.oe_login_form button[type=submit]")
    tab.wait_for_selector(".o_zadarma_dialler", state="attached", timeout=120_000)
    # The bus connects a moment after the page is there.
    time.sleep(5)
    return tab


def _paint_plain(site, tab):
    tab.evaluate(PAINTED, ".o_notification")
    sent = time.time()
    exchange_well(site.port, encode_request(NOTIFY, {}))
    painted = tab.evaluate("window.painted")
    tab.locator(".o_notification_close").first.click()
    tab.locator(".o_notification").wait_for(state="detached")
    return painted - sent


def _paint_popup(site, tab, callers):
    number = callers.number(KNOWN)
    call = {"caller_id": number, "called_did": DIALLED.lstrip("+")}
    start, ringing, end = callers.whole(call, "101")
    exchange_well(site.port, start)
    time.sleep(0.3)
    tab.evaluate(PAINTED, ".o_zadarma_call_card")
    sent = time.time()
    exchange_well(site.port, ringing)
    painted = tab.evaluate("window.painted")
    exchange_well(site.port, end)
    tab.locator(".o_zadarma_call_card").wait_for(state="detached")
    return painted - sent
