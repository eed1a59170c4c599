"""Exceptions of libraries as plain data."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar

import pytest

from pytest_mimic._core.outcome.families import ExceptionFamily


class ToyError(Exception):
    """An exception with one field besides its message."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class _ToyErrors(ExceptionFamily):
    modules: ClassVar[Mapping[str, str]] = {"toy": "toy.exceptions"}

    def fields(self, error: Any) -> dict[str, Any]:
        return {"message": str(error), "code": error.code}

    def make(self, cls: Any, stored: Mapping[str, Any], **context: Any) -> Exception:
        made: Exception = cls(stored["message"], code=stored["code"])
        return made


@pytest.fixture(autouse=True)
def _toy_library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the tests a library with one exception class, one other class and one alias."""
    module: Any = ModuleType("toy.exceptions")
    module.ToyError = ToyError
    module.Connection = dict
    monkeypatch.setitem(sys.modules, "toy.exceptions", module)
    return module


def test_an_exception_is_made_again_from_its_fields() -> None:
    stored = _ToyErrors().store(ToyError("refused", code=7))

    made = _ToyErrors().load(stored or {})

    assert stored == {"type": "toy:ToyError", "message": "refused", "code": 7}
    assert type(made) is ToyError
    assert (made.args, made.code) == (("refused",), 7)


@pytest.mark.parametrize("error", [ValueError("x"), type("Mine", (ToyError,), {})("x")])
def test_other_classes_and_subclasses_are_not_stored(error: BaseException) -> None:
    assert _ToyErrors().store(error) is None


@pytest.mark.parametrize("name", ["os:system", "toy:Connection", "toy:Gone", "toy", "builtins:ValueError"])
def test_only_exceptions_of_the_family_are_loaded(name: str) -> None:
    with pytest.raises(LookupError, match=f"{name} is not an exception of toy"):
        _ToyErrors().load({"type": name, "message": "x", "code": 0})
