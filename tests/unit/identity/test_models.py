"""Models of attrs and pydantic: by class and fields."""

from __future__ import annotations

import copy
import functools
import sys

import pytest

from pytest_mimic._identity import CallIdentity, fingerprint

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


class SimpleCache:
    def __init__(self, entries):
        self._cache = entries

    @functools.cached_property
    def costly(self):
        return object()


@pytest.mark.parametrize("class_", [Remembering, Model])
def test_what_a_cached_property_has_computed_does_not_count(class_):
    """In slots, where attrs keeps it, as little as in a dict."""
    value = class_(x=1)
    expected = fingerprint(value)

    assert value.costly is value.costly
    assert fingerprint(value) == expected


def test_an_attribute_that_is_named_like_a_cache_counts():
    """Unless it is of pandas, which keeps there what it has computed."""
    assert fingerprint(SimpleCache(1)) != fingerprint(SimpleCache(2))


@pytest.mark.promise("attrs and pydantic models have an identity")
@pytest.mark.parametrize("class_", [Old, Slotted, Hashed, Model, Child])
def test_fields_count(class_):
    """Equal fields, equal identity; a copy is the same."""
    value = class_(x=1, y="b")

    assert fingerprint(value) == fingerprint(class_(y="b", x=1)) == fingerprint(copy.deepcopy(value))
    assert fingerprint(value) != fingerprint(class_(x=2, y="b"))
    assert fingerprint(value) != fingerprint(class_(x=1, y="c"))


@pytest.mark.promise("attrs and pydantic models have an identity")
def test_classes_are_told_apart():
    """The same fields in another class are another value."""
    values = [class_(x=1, y="b") for class_ in (Old, Slotted, Hashed, Model, Child)] + [
        Data(x=1),
        {"x": 1, "y": "b"},
    ]

    assert len(set(map(fingerprint, values))) == len(values)


def test_what_a_model_remembers_does_not_count():
    """A cached hash, a cached property, and which fields were given rather than left to defaults."""
    hashed = Hashed(1)
    assert hash(hashed)
    touched = Model(x=1)
    assert touched.costly

    assert fingerprint(hashed) == fingerprint(Hashed(1))
    assert fingerprint(touched) == fingerprint(Model(x=1, y=None))


def test_extras_and_private_attributes_of_a_model_count():
    """They are part of its value."""
    private = Model(x=1)
    private._private = 5

    assert len({fingerprint(value) for value in (Model(x=1), Model(x=1, z=2), private)}) == 3


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic 1 does not run there")
def test_a_model_of_pydantic_1_counts_by_its_fields_extras_and_private_attributes():
    """Which of its fields were given and which left to their defaults does not count."""
    from pydantic import v1

    class First(v1.BaseModel):
        a: int = 1
        _private: int = v1.PrivateAttr(default=0)

        class Config:
            extra = "allow"

    def privately(model):
        model._private = 1
        return model

    class Unset(v1.BaseModel):
        _private: int = v1.PrivateAttr()

    class Second(First):
        pass

    assert fingerprint(First()) == fingerprint(First(a=1))
    different = [First(), First(a=2), First(b=2), Second(), privately(First())]
    assert len(set(map(fingerprint, different))) == len(different)
    assert fingerprint(Unset()) == fingerprint(Unset()) != fingerprint(privately(Unset()))


def test_an_extra_of_a_model_is_left_out_by_its_name():
    """It is an attribute like a field."""
    calls = CallIdentity("a:f", ("model",), ignore=("model.sent_at",))

    assert calls.key((Model(x=1, sent_at=1),)) == calls.key((Model(x=1, sent_at=2),))
    assert calls.key((Model(x=1, sent_at=1),)) == calls.key((Model(x=1),))
    assert calls.key((Model(x=1, other=1),)) != calls.key((Model(x=1, other=2),))
    assert Model(x=1, sent_at=1).sent_at == 1
