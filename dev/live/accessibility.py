"""Finds what people who see little, or use no mouse, cannot see or do: by axe, and by trying the focus."""

import base64
from importlib.resources import files

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DARK_BUNDLE = "web.assets_web_dark"
DARK_PATH = "/zadarma_live/dark.scss"
# Odoo's community edition has the bundle of the dark scheme and none of its colours. Whoever adds them, as Enterprise
# does, exchanges these variables.
DARK = """
$o-webclient-color-scheme: dark;
$o-white: #000;
$o-black: #fff;
$o-gray-100: #1b1d26;
$o-gray-200: #262a36;
$o-gray-300: #3c3e4b;
$o-gray-400: #5a5e6b;
$o-gray-500: #6b707f;
$o-gray-600: #9a9ca5;
$o-gray-700: #b1b3bc;
$o-gray-800: #d1d1d1;
$o-gray-900: #e4e4e4;
$o-success: #1dc959;
$o-info: #6ab5fb;
$o-warning: #fbb56a;
$o-danger: #ff5757;
$o-theme-text-colors: ("success": $o-success, "info": $o-info, "warning": $o-warning, "danger": $o-danger);
$o-brand-primary: #7d6fa9;
$o-main-link-color: #66dcd6;
$o-view-background-color: $o-gray-200;
$o-webclient-background-color: $o-gray-100;
"""
CALM = "*, ::before, ::after { transition: none !important; animation: none !important; }"
FIND_FAULTS = """
async ([include, exclude, rules]) => {
    const options = { runOnly: { type: "tag", values: rules }, resultTypes: ["violations"] };
    const { violations } = await axe.run({ include, exclude }, options);
    return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, any, all, none }) => {
            const why = [...any, ...all, ...none].map(({ message }) => message);
            return `${id}: ${target.join(" ")}: ${why.join(" ")}`;
        })
    );
}
"""
SWITCH_TO_DARK = """
(href) => new Promise((resolve, reject) => {
    const sheet = document.querySelector("link[href*='/web.assets_web.']");
    sheet.addEventListener("load", resolve, { once: true });
    sheet.addEventListener("error", reject, { once: true });
    sheet.href = href;
})
"""
# A browser shows the focus that a script moves only after a key was pressed.
FIND_UNSEEN_FOCUS = """
([include, exclude]) => {
    const LOOKS = ["outline", "boxShadow", "borderColor", "backgroundColor", "textDecoration", "color"];
    const look = (element) => {
        const style = getComputedStyle(element);
        return LOOKS.map((name) => style[name]).join();
    };
    const focusable = ":is(a[href], button, input, select, textarea, [tabindex='0']):not(:disabled, [tabindex='-1'])";
    const places = include.flatMap((part) => [`${part} ${focusable}`, `${part}${focusable}`]);
    const parts = [...document.querySelectorAll(places.join())];
    const left = document.activeElement;
    const unseen = parts.filter((element) => {
        if (!element.checkVisibility() || exclude.some((part) => element.closest(part))) {
            return false;
        }
        element.blur();
        const before = look(element);
        element.focus({ preventScroll: true });
        return document.activeElement !== element || look(element) === before;
    });
    left.focus();
    return unseen.map((element) => `focus cannot be seen: ${element.className}`);
}
"""


def bring_dark_scheme(admin):
    """Give the bundle of the dark scheme its colours."""
    file = {"name": "dark.scss", "url": DARK_PATH, "type": "binary", "mimetype": "text/scss", "public": True}
    admin.create("ir.attachment", **file, datas=base64.b64encode(DARK.encode()).decode())
    place = {"directive": "before", "target": "web/static/src/scss/primary_variables.scss", "path": DARK_PATH}
    admin.create("ir.asset", name="Dark scheme", bundle=DARK_BUNDLE, **place)


class Inspector:
    """Looks at the parts of a page that are ours."""

    def __init__(self, tab):
        """Look at a tab from now until another page is loaded in it."""
        self.tab = tab
        tab.evaluate(AXE)
        tab.add_style_tag(content=CALM)
        self.faults = []

    def look(self, name, *include, exclude=()):
        """Note the faults of what is shown now, in the scheme that is on, under a name."""
        self.tab.keyboard.press("Shift")
        found = self.tab.evaluate(FIND_FAULTS, [include, exclude, RULES])
        found += self.tab.evaluate(FIND_UNSEEN_FOCUS, [include, exclude])
        self.faults += [f"{name}: {fault}" for fault in found]

    def switch_to_dark(self):
        """Show the page in the dark scheme from now on."""
        self.tab.evaluate(SWITCH_TO_DARK, f"/web/assets/any/{DARK_BUNDLE}.min.css")
