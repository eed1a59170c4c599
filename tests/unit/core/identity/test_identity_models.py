"""Models of attrs and pydantic: by class and fields."""

from __future__ import annotations

import copy
import functools

import pytest

from pytest_mimic._core.identity.call_identity import CallIdentity, fingerprint

attr = pytest.importorskip("attr")
pydantic = pytest.importorskip("pydantic")


@attr.s(auto_attribs=True)
class Old:
    x: int
    y: object = None


@attr.define
class Slotted:
    x: int
    y: object = None


@attr.frozen(cache_hash=True)
class Hashed:
    x: int
    y: str = "a"


@attr.define
class Remembering:
    x: int

    @functools.cached_property
    def costly(self):
        return object()


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    x: int
    y: object = None
    _private: int = pydantic.PrivateAttr(default=0)

    @functools.cached_property
    def costly(self):
        return object()


class Child(Model):
    pass


@pydantic.dataclasses.dataclass
class Data:
    x: int


@pytest.mark.parametrize("class_", [Remembering, Model])
def test_cached_properties_do_not_count(class_):
    value = class_(x=1)
    expected = fingerprint(value)

    assert value.costly is value.costly
    assert fingerprint(value) == expected


@pytest.mark.parametrize("class_", [Old, Slotted, Hashed, Model, Child])
def test_fields_count(class_):
    value = class_(x=1, y="b")

    assert fingerprint(value) == fingerprint(class_(y="b", x=1)) == fingerprint(copy.deepcopy(value))
    assert fingerprint(value) != fingerprint(class_(x=2, y="b"))
    assert fingerprint(value) != fingerprint(class_(x=1, y="c"))


def test_equal_fields_of_different_classes_differ():
    values = [class_(x=1, y="b") for class_ in (Old, Slotted, Hashed, Model, Child)] + [
        Data(x=1),
        {"x": 1, "y": "b"},
    ]

    assert len(set(map(fingerprint, values))) == len(values)


def test_extras_and_private_attributes_of_a_model_count():
    private = Model(x=1)
    private._private = 5

    assert len({fingerprint(value) for value in (Model(x=1), Model(x=1, z=2), private)}) == 3


def test_an_extra_field_of_a_model_can_be_ignored():
    calls = CallIdentity("a:f", ("model",), ignore=("model.sent_at",))

    assert calls.key((Model(x=1, sent_at=1),)) == calls.key((Model(x=1, sent_at=2),))
    assert calls.key((Model(x=1, sent_at=1),)) == calls.key((Model(x=1),))
    assert calls.key((Model(x=1, other=1),)) != calls.key((Model(x=1, other=2),))
    assert Model(x=1, sent_at=1).sent_at == 1
