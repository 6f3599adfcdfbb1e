import ast
import re
import sys
from pathlib import Path

from odoo.tests import BaseCase

if sys.version_info < (3, 11):
    import tomli as tomllib
else:
    import tomllib

ROOT = Path(__file__).resolve().parent.parent


class TestMutations(BaseCase):
    """The list of guards that `make mutate` takes out fits the addon as it is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mutations = tomllib.loads((ROOT / "dev" / "mutations.toml").read_text())

    def test_each_guard_stands_where_the_list_says(self):
        for name, mutation in self.mutations.items():
            text = (ROOT / mutation["file"]).read_text()
            self.assertEqual(text.count(mutation["old"]), 1, f"{name}: not once in {mutation['file']}")
            self.assertNotEqual(mutation["old"], mutation["new"], name)
            if mutation["file"].endswith(".py"):
                self.assertTrue(ast.parse(text.replace(mutation["old"], mutation["new"])), name)

    def test_each_guard_has_tests_that_exist(self):
        for name, mutation in self.mutations.items():
            self.assertTrue(mutation["tests"], name)
            for test in mutation["tests"]:
                path, class_name, method = test.split("::")
                text = (ROOT / path).read_text()
                body = re.search(rf"^class {class_name}\(.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
                self.assertTrue(body, f"{name}: no {class_name} in {path}")
                self.assertIn(f"def {method}(self", body[0], f"{name}: {test}")
