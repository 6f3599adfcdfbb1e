import re
from pathlib import Path

from odoo.tests import BaseCase

ROOT = Path(__file__).resolve().parent.parent
# Of a table of cases: the case, what it is about, and what covers it.
_ROW = re.compile(r"^\| ([A-Z]\d\d) \| [^|]+ \| (.+) \|$", re.MULTILINE)
# tests/test_x.py::TestX::test_y or static/tests/x.test.js::"title"
_TEST = re.compile(r"`([\w./]+)::(?:\w+::)?(?:(test_\w+)|\"([^`]+)\")`")


class TestAcceptance(BaseCase):
    def test_every_test_that_is_named_exists(self):
        text = (ROOT / "tests" / "ACCEPTANCE.md").read_text()
        named = _TEST.findall(text)
        self.assertTrue(named)
        for path, function, title in named:
            source = (ROOT / path).read_text()
            needle = f"def {function}(" if function else f'test("{title}"'
            self.assertIn(needle, source, f"{path} has no {function or title}")

    def test_every_case_is_answered(self):
        text = (ROOT / "tests" / "ACCEPTANCE.md").read_text()
        rows = _ROW.findall(text)
        self.assertGreater(len(rows), 50)
        for case, answer in rows:
            self.assertTrue(_TEST.search(answer) or len(answer) > 10, f"{case} has no answer")
