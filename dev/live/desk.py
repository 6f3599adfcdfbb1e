"""What a person at a desk sees: Odoo in a browser of their own."""

import os
import re
import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

from common import HOME, CommandError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CALLS = "/odoo/action-zadarma.zadarma_call_action"
CARD = ".o_zadarma_call_card"
# Notes when each card was painted and when it went, however short its life was.
RECORDER = """
window.seenCards = [];
const cards = new Map();
new MutationObserver(() => {
    for (const card of document.querySelectorAll(".o_zadarma_call_card")) {
        if (!cards.has(card)) {
            const seen = { call: Number(card.dataset.callId), text: card.innerText };
            cards.set(card, seen);
            window.seenCards.push(seen);
            requestAnimationFrame(() => requestAnimationFrame(() => (seen.painted = Date.now() / 1000)));
        }
    }
    for (const [card, seen] of cards) {
        if (!card.isConnected) {
            seen.gone ??= Date.now() / 1000;
        }
    }
}).observe(document, { childList: true, subtree: true });
"""


@contextmanager
def chromium():
    """Start the system's Chromium, without a screen."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        raise CommandError("there is no Chromium on this machine; make test brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, chromium_sandbox=bool(os.geteuid()))
        yield browser
        browser.close()


class Desk:
    """One browser of one user; tabs of it share what tabs of a browser share."""

    def __init__(self, browser, url, session_id, tolerated=(), width=1280, height=800):
        """Open the browser, logged in already; errors with one of the tolerated words in them are none."""
        self.url = url
        # What speaks TLS here has made its own certificate.
        self.context = browser.new_context(viewport={"width": width, "height": height}, ignore_https_errors=True)
        self.context.set_default_timeout(30_000)
        self.context.add_cookies([{"name": "session_id", "value": session_id, "url": url}])
        self.context.add_init_script(RECORDER)
        self.errors, self._tolerated = [], tolerated
        self.tabs = []

    def open(self, path=CALLS, landmark=".o_zadarma_dialler"):
        """Open a tab and wait until it shows something: unless told otherwise, that it knows of the user's calls."""
        tab = self.context.new_page()
        tab.on("console", lambda message: message.type == "error" and self._note(message.text))
        tab.on("pageerror", lambda error: self._note(str(error)))
        self.tabs.append(tab)
        # Whoever comes first waits until Odoo has built the web client's code.
        tab.goto(self.url + path, timeout=120_000)
        tab.wait_for_selector(landmark, state="attached")
        return tab

    def _note(self, error):
        if not any(words in error for words in self._tolerated):
            self.errors.append(error)

    @property
    def tab(self):
        """The first tab."""
        return self.tabs[0]

    @property
    def card(self):
        """The card of the call in the first tab."""
        return Card(self.tab)

    def cards(self):
        """Return how many cards are to be seen in all tabs."""
        return sum(tab.locator(CARD).filter(visible=True).count() for tab in self.tabs)

    def seen(self):
        """Return the cards that were ever painted since each tab was loaded."""
        return [card for tab in self.tabs for card in tab.evaluate("window.seenCards")]

    def missed(self):
        """Return the number of missed calls in the first tab's bar."""
        # At one moment: a badge that has just gone would be waited for.
        return int("".join(self.tab.locator(".o_zadarma_missed_count").all_inner_texts()) or 0)

    def picture(self, name):
        """Save what the first tab shows, for people to look at."""
        folder = HOME / "pictures"
        folder.mkdir(exist_ok=True)
        name = re.sub(r"\W+", "-", name)
        self.tab.screenshot(path=folder / f"{name}.png")

    def close(self):
        """Close the browser."""
        self.context.close()


class Card:
    """The popup of one call."""

    def __init__(self, tab):
        """Look at a tab."""
        self.root = tab.locator(CARD)

    def text(self, part):
        """Return the text of a part of the card, such as ``title``; waits for it."""
        return self.root.locator(f".o_zadarma_call_{part}").inner_text()

    def seconds(self):
        """Return what the timer shows."""
        minutes, seconds = re.fullmatch(r"(\d+):(\d\d)", self.text("timer")).groups()
        return int(minutes) * 60 + int(seconds)

    def click(self, part):
        """Press one of the card's buttons."""
        self.root.locator(f".o_zadarma_call_{part}").click()

    def wait_for_status(self, status):
        """Wait until the card says what becomes of the call."""
        self.root.locator(".o_zadarma_call_status", has_text=status).wait_for()

    def wait_until_gone(self, seconds=30):
        """Wait until there is no card."""
        self.root.first.wait_for(state="detached", timeout=seconds * 1000)
