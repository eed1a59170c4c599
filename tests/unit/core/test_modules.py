"""Finding modules without importing them."""

from __future__ import annotations

import sys
from typing import Any

from pytest_mimic._core.modules import module_exists


def test_a_module_is_found_without_importing_its_parents(monkeypatch, tmp_path):
    for name in ("plain/part.py", "plain/__init__.py", "bare/part.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert module_exists("plain.part")
    assert module_exists("bare.part")
    assert not module_exists("plain.other")
    assert not module_exists("plain.part.below")
    assert "plain" not in sys.modules


def test_a_failing_finder_does_not_stop_the_search(monkeypatch):
    """Finders of other packages may expect the parents to be imported."""

    class Failing:
        def find_spec(self, *_: Any) -> None:
            raise KeyError("parent")

    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])

    assert module_exists("xml.dom.minidom")
    assert not module_exists("no_such_module_anywhere")


def test_any_object_may_be_in_sys_modules(monkeypatch):
    """None means that there is no such module."""
    monkeypatch.setitem(sys.modules, "stand_in", object())
    monkeypatch.setitem(sys.modules, "blocked", None)

    assert module_exists("stand_in")
    assert not module_exists("stand_in.part")
    assert not module_exists("blocked")
