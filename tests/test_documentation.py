import configparser
import io
import os
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import polib
from docutils import nodes
from docutils.core import publish_doctree
from lxml import etree, html

from odoo.modules import get_manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools import config

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
PAGE = ROOT / "static" / "description" / "index.html"
BROUGHT = {"__pycache__", "dist", "node_modules"}
SOURCES = {".py", ".js", ".mjs", ".xml", ".sql", ".csv", ".scss", ".json", ".toml", ".in", ".txt"}
# Words on screens of Odoo's that are in no database.
SCREENS = {"404", "Actions, Make a call list", "Forbidden", "My Preferences", "Report a vulnerability", "Security"}
# Names of others, which nothing here can check: of the web, of Odoo, of the tools around it.
FOREIGN = {
    # Numbers, keys and words of people's own
    "100",
    "1234-100",
    "1234567",
    "185.45.152.40/30",
    "+49 12*",
    "admin",
    "demo",
    "Alt+Shift+D",
    "Alt+Shift+P",
    "K=word",
    "M=name",
    "::Class::test",
    "19.0.",
    "[ADD|IMP|FIX|REF] zadarma: what this commit will do when applied",
    # The web
    "https",
    "text/plain",
    "nosniff",
    "no-store",
    "private, no-cache",
    "Content-Security-Policy: default-src 'none'",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "curl 'https://your.odoo/zadarma/<token>?zd_echo=1234567'",
    # Odoo, Python, PostgreSQL and the system
    "odoo",
    "odoo-bin neutralize",
    "--log-sql",
    "odoo.service.model",
    "odoo.sql_db",
    "sudo()",
    "t-out",
    "web.base.url.freeze",
    "X-Odoo-Database",
    "/websocket",
    "requests",
    "urllib3",
    "certifi",
    ".netrc",
    "--no-deps",
    "apt",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "SECURITY DEFINER",
    # Zadarma
    "zadarma.com",
    "lib",
    "v8",
    "v9",
    # A formula
    "=",
}


def in_a_line(text):
    """Return a text without its line breaks."""
    return " ".join(text.split())


class Document:
    """What a document names: `literals` of the code, `screens`, `links`, `pictures`, and `commands` to be typed."""

    def __init__(self, path):
        self.path = path
        self.complaints = ""
        self.anchors, self.torn_rows = set(), []
        self.literals, self.screens, self.links, self.pictures, self.commands = [], [], [], [], []
        text = path.read_text()
        {".rst": self._read_rst, ".md": self._read_markdown, ".html": self._read_html}[path.suffix](text)

    def _read_rst(self, text):
        complaints = io.StringIO()
        settings = {"report_level": 1, "halt_level": 5, "warning_stream": complaints, "file_insertion_enabled": False}
        tree = publish_doctree(text, source_path=str(self.path), settings_overrides=settings)
        self.complaints = complaints.getvalue()
        self.literals = [in_a_line(node.astext()) for node in tree.findall(nodes.literal)]
        self.screens = [in_a_line(node.astext()) for node in tree.findall(nodes.emphasis)]
        self.links = [node["refuri"] for node in tree.findall(nodes.reference) if "refuri" in node]
        self.pictures = [node["uri"] for node in tree.findall(nodes.image)]
        self.commands = [node.astext() for node in tree.findall(nodes.literal_block)]
        rows = [[cell.astext() for cell in row] for row in tree.findall(nodes.row)]
        self.torn_rows = [row for row in rows if len(row) > 1 and not any(row[1:])]
        self.anchors = {name for node in tree.findall(nodes.section) for name in node["ids"]} | set(tree["ids"])

    def _read_markdown(self, text):
        self.commands = re.findall(r"^```\w*\n(.+?)^```|^((?: {4}.*\n)+)", text, re.DOTALL | re.MULTILINE)
        self.commands = ["".join(groups) for groups in self.commands]
        text = re.sub(r"^```.+?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        self.anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
        self.literals = [in_a_line(name) for name in re.findall(r"`([^`]+)`", text)]
        text = re.sub(r"`[^`]+`", "", text)
        self.pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", text)
        self.links = re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text)
        # A line of a list begins with an asterisk, too, and bold text is no word of a screen.
        text = re.sub(r"^\s*\* |\*\*", " ", text, flags=re.MULTILINE)
        self.screens = [in_a_line(name) for name in re.findall(r"\*([^*]+)\*", text)]

    def _read_html(self, text):
        tree = html.fromstring(text)
        self.literals = [in_a_line(node.text_content()) for node in tree.iter("code")]
        self.screens = [in_a_line(node.text_content()) for node in tree.iter("em")]
        self.links = tree.xpath("//a/@href")
        self.pictures = tree.xpath("//img/@src")
        self.anchors = set(tree.xpath("//@id"))


@cache
def read(path):
    """Return a document, which is read once for all tests."""
    return Document(path)


def documents():
    """Return all documents for people who use, run, or change the addon."""
    paths = [*ROOT.glob("*.rst"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "doc").iterdir(), PAGE]
    return [read(path) for path in sorted(paths) if path.suffix in (".rst", ".md", ".html")]


@cache
def files():
    """Return the files of the tree by name, without what commands bring into it."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in BROUGHT]
        for name in names:
            found.setdefault(name, []).append(Path(folder, name))
    return found


@cache
def sources():
    """Return the whole code as one text, without this file, which names what there is not."""
    paths = [path for group in files().values() for path in group if path.suffix in SOURCES]
    return "\n".join(path.read_text() for path in sorted(paths) if path != Path(__file__))


@cache
def words():
    """Return all words of the code."""
    return set(re.findall(r"\w+", sources()))


@cache
def parameters():
    """Return the system parameters that the code reads."""
    return set(re.findall(r'[gs]et_param\("([\w.]+)"', sources()))


@cache
def routes():
    """Return the addresses at which the addon answers."""
    return {re.sub(r"<\w+:(\w+)>", r"<\1>", route) for route in re.findall(r'"(/zadarma/[^"]*)"', sources())}


@tagged("post_install", "-at_install")
class TestDocumentation(TransactionCase):
    """What the documents name is there: ``code``, *words on Odoo's screens*, links, pictures and commands.

    What other pages call something stands in “quotation marks”, and nobody looks at it here.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.terms = {entry.msgid for entry in polib.pofile(ROOT / "i18n" / "zadarma.pot")}
        for model in ("ir.ui.menu", "ir.actions.actions", "res.groups", "res.groups.privilege"):
            cls.terms.update(cls.env[model].search([]).mapped("name"))
        cls.terms.update(cls.env["ir.model.fields"].search([]).mapped("field_description"))

    # === WHAT THERE IS === #

    def _knows(self, name):
        """Tell whether a literal names something."""
        kinds = (self._is_command, self._is_model, self._is_file, self._is_route, self._is_option, self._is_in_code)
        return name in FOREIGN or any(is_one(name) for is_one in kinds)

    def _is_command(self, text):
        setting = re.match(r"(\w+)=(?:<[^>]+> )?", text)
        if setting and (setting[1] in words() or f"$({setting[1]})" in MAKEFILE):
            text = text[setting.end() :]
        command, *arguments = text.split() or [""]
        if command == "make":
            return all(map(self._is_argument_of_make, arguments))
        if command == "pip":
            needed = get_manifest("zadarma")["external_dependencies"]["python"]
            packages = {word for word in arguments[1:] if not word.startswith("-")}
            return packages <= {*needed, "odoo-addon-zadarma", "."}
        return bool(setting) and not command

    def _is_argument_of_make(self, text):
        variable, equals, value = text.partition("=")
        if not equals:
            return text == "…" or re.search(rf"^{re.escape(text)}:", MAKEFILE, re.MULTILINE)
        is_there = not value.endswith(".py") or (ROOT / value).is_file()
        return is_there and f"$({variable})" in MAKEFILE

    def _is_model(self, name):
        """Tell whether it is a model, a table, a field or a method."""
        if name in self.env or (name.startswith("zadarma_") and name.replace("_", ".") in self.env):
            return True
        model, _dot, attribute = name.removesuffix("()").rpartition(".")
        return model in self.env and hasattr(type(self.env[model]), attribute)

    def _is_file(self, name):
        """Tell whether it is a file or a folder: by its path, or by its name alone; ``<word>`` is any word."""
        if f"/{name}" in (ROOT / ".gitignore").read_text().split():
            return True
        pattern = re.sub(r"<\w+>", "*", name)
        if "/" not in name:
            return any(fnmatch(file, pattern) for file in files())
        found = [] if name.startswith("/") else list(ROOT.glob(pattern.rstrip("/")))
        return any(path.is_dir() for path in found) if name.endswith("/") else bool(found)

    def _is_route(self, name):
        path = re.sub(r"^(GET|POST) ", "", name).partition("?")[0]
        return path in routes()

    def _is_option(self, name):
        """Tell whether it is an option of Odoo's, a system parameter or an external id."""
        option = name.removeprefix("--").partition(" = ")[0]
        if option in config.options or name in parameters():
            return True
        if self.env["ir.config_parameter"].search_count([("key", "=", name)]):
            return True
        return bool(re.fullmatch(r"\w+\.\w+", name) and self.env.ref(name, raise_if_not_found=False))

    def _is_in_code(self, name):
        """Tell whether the code has a name: whole, with dots, or with an ellipsis for its end."""
        if name.endswith("…"):
            return any(word.startswith(name[:-1]) for word in words())
        name = name.removesuffix("()")
        return name in words() or bool(re.fullmatch(r"\w+([.\-]\w+)+", name) and name in sources())

    # === WHAT PEOPLE SEE === #

    def _shows(self, name):
        """Tell whether Odoo's screens have these words, or a path such as *Calls, Health* leads somewhere."""
        path = name.split(", ")
        if path[:2] == ["Settings", "Zadarma"]:
            return set(path[2:]) <= self._get_setting_labels()
        if "…" in name:
            pattern = re.compile(".*".join(re.escape(part.strip()) for part in name.split("…")), re.DOTALL)
            return any(map(pattern.search, self.terms))
        return name in self.terms or name in SCREENS or (len(path) > 1 and self._is_menu(path))

    def _get_setting_labels(self):
        arch = etree.fromstring(self.env.ref("zadarma.res_config_settings_view_form").arch)
        labels = set(arch.xpath("//app//@string | //app//@title"))
        for name in arch.xpath("//app//field/@name"):
            field = self.env["res.config.settings"]._fields[name]
            if field.type == "selection" and name != "zadarma_tz":
                labels.update(dict(field._description_selection(self.env)).values())
        return labels

    def _is_menu(self, path):
        menus = self.env["ir.ui.menu"].with_context(**{"ir.ui.menu.full_list": True})
        found = menus.search([("name", "=", path[0])])
        for name in path[1:]:
            found = menus.search([("parent_id", "in", found.ids), ("name", "=", name)])
        return bool(found)

    # === TESTS === #

    def _assert_all_known(self, knows, names):
        """Assert that what documents name is known.

        :param names: a function that returns them of a document.
        """
        named = {document.path.name: sorted(set(names(document))) for document in documents()}
        unknown = {file: [name for name in group if not knows(name)] for file, group in named.items()}
        self.assertFalse({file: group for file, group in unknown.items() if group}, "Names of what there is not")

    def test_what_is_called_code_exists(self):
        self._assert_all_known(self._knows, lambda document: document.literals)

    def test_words_of_screens_are_there(self):
        self._assert_all_known(self._shows, lambda document: document.screens)

    def test_commands_can_be_given(self):
        command = re.compile(r"^\s*((?:make|pip) .+?)\s*(?:#.*)?$", re.MULTILINE)
        self._assert_all_known(self._is_command, lambda document: command.findall("\n".join(document.commands)))

    def test_options_of_odoo_exist(self):
        for document in documents():
            for block in document.commands:
                if "[options]" in block:
                    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
                    parser.read_string(block)
                    unknown = set(parser["options"]) - set(config.options)
                    self.assertFalse(unknown, f"{document.path.name} names options that Odoo has not")

    def test_restructured_text_is_flawless(self):
        self.assertEqual("".join(document.complaints for document in documents()), "")

    def test_tables_are_whole(self):
        """A line of a simple table that begins in the first column is a row of its own, whatever was meant."""
        self.assertFalse([row for document in documents() for row in document.torn_rows])

    def test_links_lead_somewhere(self):
        for document in documents():
            for link in document.links:
                if not re.match(r"[a-z]+:", link):
                    file, _sign, anchor = unquote(link).partition("#")
                    target = (document.path.parent / file).resolve() if file else document.path
                    self.assertTrue(target.exists(), f"{document.path.name} links {link}")
                    if anchor:
                        self.assertIn(anchor, read(target).anchors, f"{document.path.name} links {link}")

    def test_pictures_are_there(self):
        for document in documents():
            for picture in document.pictures:
                self.assertTrue((document.path.parent / picture).is_file(), f"{document.path.name} shows {picture}")
        for picture in get_manifest("zadarma")["images"]:
            self.assertTrue((ROOT / picture).is_file(), picture)

    def test_page_of_the_catalogue_needs_nothing_from_elsewhere(self):
        tree = html.fromstring(PAGE.read_text())
        self.assertFalse(tree.xpath("//script | //style | //link | //iframe | //form | //object | //@onclick"))
        self.assertFalse([link for link in tree.xpath("//@src | //@href") if re.match(r"(\w+:)?//", link)])
        self.assertFalse([style for style in tree.xpath("//@style") if "url(" in style])
        self.assertTrue(all(tree.xpath("//img/@alt")))

    def test_names_of_others_are_needed(self):
        named = {name for document in documents() for name in document.literals}
        self.assertFalse(FOREIGN - named, "Names of others that nobody uses")
        shown = {name for document in documents() for name in document.screens}
        self.assertFalse(SCREENS - shown, "Words of others that nobody uses")

    def test_invented_names_are_noticed(self):
        for name in (
            "make tea",
            "make test T=tests/nothing.py",
            "make test NOTHING=1",
            "pip install nothing",
            "zadarma.call.nothing",
            "zadarma.no_parameter",
            "models/nothing.py",
            "nothing.py",
            "GET /zadarma/nothing",
            "no_such_option = 1",
            "_prepare_nothing_…",
        ):
            self.assertFalse(self._knows(name), name)
        for name in ("Calls, Nothing", "Health, Calls", "Settings, Zadarma, Nothing", "Nothing … at all", "Nothing"):
            self.assertFalse(self._shows(name), name)
