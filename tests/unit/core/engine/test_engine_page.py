"""The page of the engine, its docstring, names what the code has: each module, and members of classes."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import getmembers, getsource, isclass
from pkgutil import iter_modules

from pytest_mimic._core import engine

PAGE = engine.__doc__ or ""
MODULES = {
    module.name: import_module(f"{engine.__name__}.{module.name}")
    for module in iter_modules(engine.__path__)
}


def test_the_page_has_each_module_of_the_engine_and_no_other() -> None:
    last_columns = re.findall(r"\| ([`\w, ]+) \|$", PAGE, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(last_columns)))

    assert named == set(MODULES)


def test_the_page_names_members_that_exist() -> None:
    classes = {}
    for module in MODULES.values():
        classes.update(getmembers(module, isclass))

    named = re.findall(r"`([A-Z]\w+)\.(\w+)`", PAGE)

    assert named
    for class_name, member in named:
        source = getsource(classes[class_name])
        assert re.search(rf"def {member}\(|\bself\.{member}\b", source)
    for module_name, member in re.findall(r"`([a-z]\w+)\.(\w+)`", PAGE):
        assert hasattr(MODULES[module_name], member)
