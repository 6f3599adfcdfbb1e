from collections import defaultdict
from inspect import isfunction, unwrap

from odoo.models import BaseModel, MetaModel
from odoo.tests import BaseCase


def definitions():
    """Yield all classes of models that were imported, in the order in which Odoo stacks them."""
    for classes in MetaModel._module_to_models__.values():
        yield from classes


def hidden(classes):
    """Return the methods that do not work because of the order in which a model's sides are loaded.

    The side that is loaded last is asked first. One that overrides another therefore comes later and calls on it; what
    comes too early is hidden without a word.

    :param classes: of models of this addon, in the order in which they are loaded.
    """
    beneath, own = defaultdict(set), defaultdict(set)
    for cls in definitions():
        if cls._module != "zadarma":
            beneath[cls._name].update(vars(cls))
    for cls in classes:
        bases = (cls._name, *cls._inherit)
        inherited = set(dir(BaseModel)).union(*(beneath[name] | own[name] for name in bases))
        overridden = set().union(*(own[name] for name in bases))
        for name, method in vars(cls).items():
            if isfunction(method) and not name.startswith("__"):
                calls_on = "__class__" in unwrap(method).__code__.co_freevars
                if (calls_on and name not in inherited) or (name in overridden and not calls_on):
                    yield f"{cls.__module__.rpartition('.')[2]}.{name}"
        own[cls._name].update(vars(cls))


class TestSides(BaseCase):
    def test_no_side_of_a_model_hides_another(self):
        classes = list(MetaModel._module_to_models__["zadarma"])
        self.assertGreater(sum(cls._name == "zadarma.call" for cls in classes), 10)
        self.assertEqual("\n".join(hidden(classes)), "")

    def test_side_that_is_loaded_too_early_is_noticed(self):
        classes = [cls for cls in MetaModel._module_to_models__["zadarma"] if cls._name == "zadarma.call"]
        self.assertIn("zadarma_call_request._apply_legs", set(hidden(classes[::-1])))
