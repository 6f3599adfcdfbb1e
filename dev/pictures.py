"""Take the pictures of the listing and the documents: the demo, a few calls, and a browser that looks at them.

.odoo/venv/bin/python dev/pictures.py
"""

import base64
import io
import json
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager

from PIL import Image

import demo
import postgres
from common import ROOT, CommandError, command, free_port

sys.path.append(str(ROOT / "dev" / "live"))
from desk import chromium

DATABASE = "zadarma_pictures"
FOLDER = ROOT / "static" / "description" / "pictures"
BANNER = ROOT / "static" / "description" / "banner.png"
WIDTH = 1280
MAX_BYTES = 150_000
_TRIES = 30
CUSTOMERS = {"Azure Interior": "+582126810538", "Acme": "+16039963829", "Gemini": "+13123492324"}
LOGGED_IN = ".o_zadarma_dialler"
# A person who reads the page sees neither the mouse nor the cursor blink.
CALM = "*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent; }"


def main():
    """Install the demo anew, so that its calls are of today, and look at it."""
    ports = free_port(), free_port()
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        server.drop_database(DATABASE)
        stack.callback(server.drop_database, DATABASE)
        demo.start(stack, server, *ports, database=DATABASE)
        if problem := demo.connect(*urls, database=DATABASE):
            raise CommandError(problem.strip())
        take_all(*urls)


def take_all(odoo_url, simulator_url):
    """Take all pictures of a demo that runs."""
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        with desk(browser, odoo_url, "admin") as page:
            take_calls(page)
            take_settings(page)
        with desk(browser, odoo_url, "demo") as page:
            take_call_list(page)
            take_dialler(page)
            take_popup(page, simulator_url)
        with desk(browser, odoo_url, "admin") as page, talking(simulator_url):
            take_overview(page)
        take_banner(browser)


# --- on the telephone --- #


def simulate(url, name, **arguments):
    """Have the simulated Zadarma do something."""
    request = urllib.request.Request(
        f"{url}/sim/{name}", json.dumps(arguments).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise CommandError(f"the simulated Zadarma does not {name}: {error.read().decode()}") from error


def answer(url, call, party="customer"):
    """Pick up, as soon as it rings."""
    for _try in range(_TRIES):
        try:
            return simulate(url, "answer", call=call, party=party)
        except CommandError as error:
            problem = error
            time.sleep(1)
    raise problem


@contextmanager
def talking(url):
    """Let two of the team be on the phone, and one caller wait."""
    first = simulate(url, "call_in", number=CUSTOMERS["Azure Interior"], to=["101"])["call"]
    answer(url, first, "101")
    second = simulate(url, "dial", extension="103", number=CUSTOMERS["Gemini"])["call"]
    answer(url, second)
    waiting = simulate(url, "call_in", number=CUSTOMERS["Acme"], to=["102"])["call"]
    yield
    for call in (first, second, waiting):
        simulate(url, "hang_up", call=call)


# --- in the browser --- #


@contextmanager
def desk(browser, url, login):
    """Open a browser of somebody who is logged in."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 800}, base_url=url, timezone_id=demo.ZONE, reduced_motion="reduce"
    )
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto("/web/login")
    for field in ("login", "password"):
        page.fill(f"[name={field}]", login)
    page.click("button[type=submit]")
    page.wait_for_selector(LOGGED_IN)
    yield page
    context.close()


def go(page, path, landmark):
    """Open a page of Odoo and wait until it shows what matters."""
    page.goto(f"/odoo/{path}")
    page.wait_for_selector(LOGGED_IN)
    page.wait_for_selector(landmark)
    page.add_style_tag(content=CALM)


def take_calls(page):
    """Take the list, a call and its recording, and who waits for a call."""
    go(page, "action-zadarma.zadarma_call_action", ".o_data_row")
    take(page, "calls", height=720)
    row = page.locator(".o_data_row", has_text="Acme").filter(has=page.locator(".o_zadarma_recording_button"))
    row.locator(".o_data_cell[name=date_start]").click()
    page.wait_for_selector(".o_zadarma_player")
    page.locator(".o_zadarma_player_transcript").click()
    page.wait_for_selector(".o_zadarma_transcript_line")
    page.add_style_tag(content=CALM)
    take(page, "recording", around=(".o_zadarma_player_toggle", ".o_zadarma_transcript_lines"), margin=16)
    page.locator(".o_zadarma_player_transcript").click()
    take(page, "call_form", height=980)
    go(page, "action-zadarma.zadarma_missed_call_action", ".o_data_row")
    take(page, "missed_calls", height=400)


def take_settings(page):
    """Take the account's page."""
    go(page, "action-zadarma.res_config_settings_action", ".o_zadarma_checks [data-code=test]")
    take(page, "settings", height=900)


def take_overview(page):
    """Take what supervisors see."""
    go(page, "calls-overview", ".o_zadarma_agent[data-state=talking]")
    page.click("[data-period=week]")
    page.wait_for_selector("[data-period=week].active")
    page.wait_for_timeout(1000)
    take(page, "overview", height=1050)


def take_call_list(page):
    """Take a list of people to call."""
    go(page, "action-zadarma.zadarma_call_list_action", ".o_data_row")
    page.click(".o_data_row button[name=action_start]")
    page.wait_for_selector(".o_zadarma_person")
    take(page, "call_list", height=720)


def take_dialler(page):
    """Take the telephone in the bar."""
    go(page, "crm", ".o_kanban_record")
    page.click(LOGGED_IN)
    page.fill(".o_zadarma_dialler_input", "Azure")
    page.wait_for_selector(".o_zadarma_dialler_list:has-text('Azure')")
    page.wait_for_timeout(500)
    take(page, "dialler", around=(".o_zadarma_dialler_panel",), margin=60)


def take_popup(page, simulator_url):
    """Take a call that rings."""
    go(page, "crm", ".o_kanban_record")
    call = simulate(simulator_url, "call_in", number=CUSTOMERS["Azure Interior"], to=["101"])["call"]
    page.wait_for_selector(".o_zadarma_call_card .o_zadarma_call_deal")
    page.wait_for_timeout(1500)
    take(page, "popup", height=720)
    answer(simulator_url, call, "101")
    simulate(simulator_url, "hang_up", call=call)


# --- the files --- #


def take(page, name, height=800, around=(), margin=0):
    """Save what a page shows, or parts of it with what is between and around them.

    :param tuple around: selectors.
    :param int margin: pixels around them.
    """
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    options = {}
    if around:
        boxes = [page.locator(part).first.bounding_box() for part in around]
        left, top = (max(0, min(box[axis] for box in boxes) - margin) for axis in "xy")
        right = min(WIDTH, max(box["x"] + box["width"] for box in boxes) + margin)
        bottom = min(height, max(box["y"] + box["height"] for box in boxes) + margin)
        options["clip"] = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    save(page.screenshot(**options), FOLDER / f"{name}.png")


def save(picture, path):
    """Write a picture with as many colours as its file may have bytes for."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 64):
        file = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if file.tell() <= MAX_BYTES:
            path.write_bytes(file.getvalue())
            print(f"{path.relative_to(ROOT)}: {image.width} × {image.height}, {file.tell() // 1000} kB")
            return
    raise CommandError(f"{path.name} has more than {MAX_BYTES} bytes with 64 colours")


def take_banner(browser):
    """Make the cover of the listing."""
    page = browser.new_page(viewport={"width": 560, "height": 280})
    icon = (BANNER.parent / "icon.svg").read_bytes()
    page.set_content(
        f"""
        <body style="margin: 0; height: 280px; display: flex; align-items: center; gap: 32px; padding: 0 40px;
                     box-sizing: border-box; background: #f4f7f6; font-family: sans-serif; color: #1b3b33">
            <img width="150" height="150" src="data:image/svg+xml;base64,{base64.b64encode(icon).decode()}"/>
            <div>
                <div style="font-size: 44px; font-weight: bold; line-height: 1.1">Zadarma</div>
                <div style="font-size: 19px; line-height: 1.4; margin-top: 12px">
                    Cloud telephony in the CRM:<br/>know who calls<br/>before you pick up
                </div>
            </div>
        </body>
        """
    )
    save(page.screenshot(), BANNER)
    page.close()


if __name__ == "__main__":
    command(main)
