"""What the code of a target reaches by name, and which changes of it are named."""

from __future__ import annotations

import importlib
import sys
import textwrap

import pytest

from pytest_mimic.functions.inputs import Inputs
from pytest_mimic.vault.vault import Vault

MODULES = {
    "__init__": "",
    "report": '''
        import json

        from . import again, settings
        from .chain import chained
        from .constants import RATE
        from .decorated import priced
        from .closures import MAKER
        from .bound import bound
        from .models import Order
        from .names import Kind
        from .parts import parted
        from .tax import rate, twice
        from .unused import Unused
        import shop.packed
        from shop.base import Child
        from shop.properties import Box
        from shop.registry import HANDLERS
        from shop.tables import rows, text
        from shop.records import Line

        FACTOR = 3

        def build(n, price, items):
            """Return a sum of what all modules give."""
            from shop.lazy import late
            return sum([
                rate(n), twice(n), RATE, FACTOR, priced(n), MAKER(n), Order(n).total(), late(n), Child().price(n), Box(n).size,
                HANDLERS["a"](n), len(rows()), len(text()),
                Line(n).discount, settings.LIMIT, bound(n), Kind.FIRST.value, chained(n), price.amount(), items[0].size(),
                shop.packed.packed(n), parted(n), json.loads("1"), again.MORE,
            ])

        def loads(text):
            return text

        def amount(n):
            return n + 0

        def other(n):
            return n
    ''',
    "tax": """
        BASE = 2

        def rate(n):
            # A comment.
            return helper(n) * BASE

        def helper(n):
            return n

        def twice(n): return 2 * n

        def unused(n):
            return n
    """,
    "constants": "RATE = 10\n",
    "settings": "from shop.deep import DEEP\n\nLIMIT = DEEP + 1\n",
    "deep": "DEEP = 5\n",
    "decorated": """
        import functools

        def plus(amount):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(n):
                    return function(n) + amount
                return wrapper
            return decorate

        @plus(1)
        def priced(n):
            return n
    """,
    "closures": """
        def make(base):
            extra = 4
            def inner(n):
                return n + base + extra
            return inner

        MAKER = make(2)
    """,
    "models": '''
        class Order:
            """An order."""
            fee = 3

            def __init__(self, n):
                self.n = n

            def total(self):
                return self.n + self.fee

            def unused(self):
                return 0

        class Unused:
            fee = 0
    ''',
    "parts": """
        def share(n):
            return n

        def parted(n):
            return share(n) + sum(map(lambda share: share, [n]))
    """,
    "names": "import enum\n\nclass Kind(enum.Enum):\n    FIRST = 1\n",
    "lazy": "SHARE = 7\n\ndef late(n):\n    return n + SHARE\n",
    "base": """
        class Base:
            def price(self, n):
                return n + 1

        class Child(Base):
            pass
    """,
    "properties": "class Box:\n    def __init__(self, n): self.n = n\n    @property\n    def size(self): return self.n\n",
    "registry": 'HANDLERS = {"a": lambda n: n + 1}\n',
    "tables": """
        from pathlib import Path

        def rows():
            return Path(__file__).parent.parent.joinpath("data/rates.csv").read_text().splitlines()

        def text():
            with open("data/page.txt", encoding="utf-8") as file:
                return file.read()
    """,
    "records": "from dataclasses import dataclass\n\n@dataclass\nclass Line:\n    n: int\n    discount: int = 1\n",
    "chain": "from .links import LINK as BOUND\n\ndef chained(n):\n    return n + BOUND\n",
    "links": "from .deep import DEEP as LINK\n",
    "money": "class Money:\n    def amount(self):\n        return 4\n",
    "row": "class Row:\n    def size(self):\n        return 5\n",
    "packed": "from .stars import *\n\ndef packed(n):\n    return n + STAR\n",
    "stars": "STAR = 1\n",
    "again": "from .more import *\n",
    "more": "MORE = 1\n",
    "bound": """
        TABLE = {}
        LOADED = 0

        def first(): return 1
        def second(): return 2
        def third(): return 3

        def load():
            global LOADED
            LOADED = third()

        TABLE["a"] = first()
        load()
        match {"b": second()}:
            case {"b": MATCHED}: pass

        def bound(n):
            return n + TABLE["a"] + MATCHED + LOADED
    """,
    "unused": "class Unused:\n    size = 1\n",
}

#: The tree of arguments of two classes.
ARGUMENTS = [{"$shop.money:Money": {}}, {"$shop.row:Row": {}}]


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    """Make the inputs of a new run of that project, which has imported its modules."""
    for name, text in MODULES.items():
        file = tmp_path / f"shop/{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("shop.report", "shop.money", "shop.row"):
        importlib.import_module(name)
    yield lambda: Inputs(tmp_path, Vault(tmp_path / ".mimic_vault"))
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def changed_by(inputs, root, name, old, new):
    """Return what a run names after an edit."""
    before = inputs()
    listed = before.store(
        before.reached_by("shop.report:build", ARGUMENTS), frozenset()
    )
    text = (root / name).read_text()
    assert old in text
    (root / name).write_text(text.replace(old, new, 1))
    return inputs().changed(listed)


FUNCTIONS = {
    "helper": ("shop/tax.py", "return helper(n) *", "return helper(n) + 0 *", "shop.tax:rate (shop/tax.py)"),
    "helper of a helper": ("shop/tax.py", "    return n\n", "    return n + 1\n", "shop.tax:helper (shop/tax.py)"),
    "constant beside a helper": ("shop/tax.py", "BASE = 2", "BASE = 3", "shop.tax (shop/tax.py)"),
    "constant of the target's module": ("shop/report.py", "FACTOR = 3", "FACTOR = 4", "shop.report (shop/report.py)"),
    "imported constant": ("shop/constants.py", "10", "11", "shop.constants (shop/constants.py)"),
    "constant of an imported module": ("shop/settings.py", "+ 1", "+ 2", "shop.settings (shop/settings.py)"),
    "constant of a constant": ("shop/deep.py", "5", "6", "shop.deep (shop/deep.py)"),
    "inner function of a decorator": (
        "shop/decorated.py", "function(n) + amount", "function(n) - amount", "shop.decorated:plus (shop/decorated.py)"
    ),
    "argument of a decorator": ("shop/decorated.py", "@plus(1)", "@plus(2)", "shop.decorated:priced (shop/decorated.py)"),
    "inner function": ("shop/closures.py", "n + base", "n - base", "shop.closures:make (shop/closures.py)"),
    "variable of a closure": ("shop/closures.py", "extra = 4", "extra = 5", "shop.closures:make (shop/closures.py)"),
    "argument of a closure": ("shop/closures.py", "make(2)", "make(3)", "shop.closures (shop/closures.py)"),
    "body of a class": ("shop/models.py", "fee = 3", "fee = 4", "shop.models:Order (shop/models.py)"),
    "method": ("shop/models.py", "self.n + self.fee", "self.n", "shop.models:Order.total (shop/models.py)"),
    "constructor": ("shop/models.py", "self.n = n", "self.n = n + 1", "shop.models:Order.__init__ (shop/models.py)"),
    "member of an Enum": ("shop/names.py", "FIRST = 1", "FIRST = 2", "shop.names:Kind (shop/names.py)"),
    "lazily imported function": ("shop/lazy.py", "n + SHARE", "n - SHARE", "shop.lazy:late (shop/lazy.py)"),
    "lazily imported constant": ("shop/lazy.py", "SHARE = 7", "SHARE = 8", "shop.lazy (shop/lazy.py)"),
    "inherited method": ("shop/base.py", "n + 1", "n + 2", "shop.base:Base.price (shop/base.py)"),
    "base of a class": ("shop/base.py", "Child(Base)", "Child(Base, object)", "shop.base:Child (shop/base.py)"),
    "property": ("shop/properties.py", "return self.n", "return -self.n", "shop.properties:Box.size (shop/properties.py)"),
    "lambda of a module": ("shop/registry.py", "n + 1", "n + 2", "shop.registry (shop/registry.py)"),
    "class of an argument": ("shop/money.py", "return 4", "return 5", "shop.money:Money.amount (shop/money.py)"),
    "class of an item": ("shop/row.py", "return 5", "return 6", "shop.row:Row.size (shop/row.py)"),
    "function of a module that is named": ("shop/packed.py", "n + STAR", "n - STAR", "shop.packed:packed (shop/packed.py)"),
    "constant that is imported with all others": ("shop/stars.py", "1", "2", "shop.stars (shop/stars.py)"),
    "constant that a module has imported so": ("shop/more.py", "1", "2", "shop.more (shop/more.py)"),
    "function whose result is an item": ("shop/bound.py", "return 1", "return 4", "shop.bound:first (shop/bound.py)"),
    "function whose result is matched": ("shop/bound.py", "return 2", "return 4", "shop.bound:second (shop/bound.py)"),
    "function whose result is a global": ("shop/bound.py", "return 3", "return 4", "shop.bound:third (shop/bound.py)"),
    "function with the name of an argument of a lambda": (
        "shop/parts.py", "return n\n", "return -n\n", "shop.parts:share (shop/parts.py)"
    ),
    "field of a dataclass": ("shop/records.py", "discount: int = 1", "discount: int = 2", "shop.records:Line (shop/records.py)"),
}  # fmt: skip
ALIKE = {
    "comment": ("shop/tax.py", "# A comment.", "# Another one.\n    # Two lines."),
    "docstring": ("shop/models.py", '"""An order."""', '"""One order."""'),
    "docstring of the target": ("shop/report.py", "Return a sum", "Give a sum"),
    "layout": ("shop/tax.py", "def twice(n): return 2 * n", "\n\ndef twice(\n    n,\n):\n    return (2 * n)"),
    "quotes": ("shop/registry.py", '"a"', "'a'"),
    "function that did not run": ("shop/tax.py", "def unused(n):\n    return n", "def unused(n):\n    return -n"),
    "method that did not run": ("shop/models.py", "return 0", "return 1"),
    "function beside the target": ("shop/report.py", "    return n\n", "    return n + 1\n"),
    "function that is called like one of another module": ("shop/report.py", "return text", "return text + '1'"),
    "function that is called like a method": ("shop/report.py", "return n + 0", "return n + 1"),
    "class that was not used": ("shop/unused.py", "1", "2"),
    "class beside one that was used": ("shop/models.py", "fee = 0", "fee = 1"),
}  # fmt: skip


@pytest.mark.parametrize("change", FUNCTIONS)
def test_each_change_of_behaviour_is_named(inputs, tmp_path, change):
    name, old, new, expected = FUNCTIONS[change]

    assert changed_by(inputs, tmp_path, name, old, new) == [expected]


@pytest.mark.parametrize("change", ALIKE)
def test_a_change_of_no_behaviour_is_not_named(inputs, tmp_path, change):
    assert changed_by(inputs, tmp_path, *ALIKE[change]) == []
