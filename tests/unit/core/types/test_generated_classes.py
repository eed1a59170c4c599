"""Classes and methods that other code than their author's has made."""

from __future__ import annotations

import copyreg
from dataclasses import dataclass

import pytest

from pytest_mimic._core.types.generated_classes import (
    class_recipe,
    is_generated,
    origin_and_arguments,
    parametrised,
)


@dataclass(frozen=True, slots=True)
class Rate:
    base: str

    def doubled(self) -> str:
        return self.base * 2


def test_the_methods_that_a_dataclass_gets_are_generated_and_its_own_are_not() -> None:
    assert is_generated(Rate.__getstate__)
    assert not is_generated(Rate.doubled)
    assert is_generated(Rate.doubled, [__name__])


def test_the_class_of_a_subscript_is_known_by_its_origin_and_arguments() -> None:
    pydantic = pytest.importorskip("pydantic")
    from typing import Generic, TypeVar

    Item = TypeVar("Item")

    class Page(pydantic.BaseModel, Generic[Item]):
        items: list[Item]

    assert origin_and_arguments(Page[int]) == (Page, (int,))
    assert origin_and_arguments(Page) is None
    assert parametrised(Page, (int,)) is Page[int]
    with pytest.raises(TypeError, match="no model of pydantic"):
        parametrised(Rate, (int,))


def test_a_metaclass_says_by_copyreg_how_its_classes_are_made_again(
    monkeypatch,
) -> None:
    class Meta(type):
        pass

    class Unnamed(metaclass=Meta):
        pass

    assert class_recipe(Unnamed) is None

    monkeypatch.setitem(copyreg.dispatch_table, Meta, lambda cls: (Meta, ("F", (), {})))

    assert class_recipe(Unnamed) == (Meta, ("F", (), {}))
