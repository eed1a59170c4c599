"""Which attributes remember an object's own `hash()`, and how a hash that a constructor took is taken anew."""

from __future__ import annotations

import pytest

from pytest_mimic import fingerprint
from pytest_mimic._core.types.remembered_hashes import (
    bare_copy,
    hash_by,
    hashes_from_constructor,
    paths_of_hashes,
    recipe_of,
    remembered_hashes,
)


class Lazy:
    def __init__(self, name):
        self.name, self._hash = name, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.name)
        return self._hash


class Absent:
    __slots__ = ("_kept", "name")

    def __init__(self, name):
        self.name = name

    def __hash__(self):
        try:
            return self._kept
        except AttributeError:
            self._kept = hash(self.name)
            return self._kept


class Twice(Lazy):
    """One that remembers its hash twice."""

    def __hash__(self):
        self._again = super().__hash__()
        return self._again


class Pair(tuple):
    def __hash__(self):
        if "_hash" not in self.__dict__:
            self._hash = tuple.__hash__(self)
        return self._hash


class Numbered:
    def __init__(self, number):
        self._id = number

    def __hash__(self):
        return self._id


class Named:
    """Its hash is taken of a public number, and so is equal to it."""

    def __init__(self, number):
        self.id, self._hash = number, None

    def __hash__(self):
        if self._hash is None:
            self._hash = hash(self.id)
        return self._hash


class Early:
    def __init__(self, name):
        self.name, self._hash = name, hash(name)

    def __hash__(self):
        return self._hash


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (Lazy("a"), {"_hash": True}),
        (Absent("a"), {"_kept": False}),
        (Twice("a"), {"_again": False, "_hash": False}),
        (Pair((1, 2)), {"_hash": False}),
        (Numbered(1 << 40), {}),
        (Early("a"), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hash_is_remembered_if_a_copy_without_it_has_the_same(value, names):
    assert remembered_hashes(value).keys() == names.keys()


@pytest.mark.parametrize("cls", [Lazy, Absent, Twice, Named])
def test_an_object_is_the_same_before_and_after_its_hash_was_taken(cls):
    value, other = cls(7), cls(7)

    hash(value)

    assert fingerprint(value) == fingerprint(other)


@pytest.mark.parametrize("cls", [Numbered, Named, Lazy, Absent])
def test_objects_with_other_numbers_stay_different(cls):
    values = [cls(1), cls(2)]
    for value in values:
        hash(value)

    assert fingerprint(values[0]) != fingerprint(values[1])


def test_a_hash_that_the_constructor_took_is_made_anew_by_nothing():
    assert hashes_from_constructor(Early("a")) == {"_hash"}
    assert hashes_from_constructor(Numbered(1)) == set()
    assert hashes_from_constructor(Lazy("a")) == set()


class Word(str):
    def __new__(cls, text):
        made = str.__new__(cls, text)
        made._hash = hash(text)
        return made

    def __hash__(self):
        return self._hash


class Built:
    @classmethod
    def of(cls, name):
        made = cls()
        made.name, made._hash = name, hash(name)
        return made

    def __hash__(self):
        return self._hash


@pytest.mark.parametrize("value", [Word("a"), Built.of("a")], ids=["new", "of"])
def test_other_constructors_than_init_take_hashes_too(value):
    assert hashes_from_constructor(value) == {"_hash"}


def test_kept_hashes_are_found_at_any_depth():
    values = {"key": Early("a"), "words": [{"x": Early("b")}], "id": Numbered(1 << 40)}

    assert paths_of_hashes(values) == {"key._hash", "words[0].x._hash"}


def test_an_object_of_a_class_in_c_that_cannot_be_made_bare_is_left_alone():
    message = pytest.importorskip("google.protobuf.struct_pb2").Struct()

    assert bare_copy(message, {}) is None
    assert remembered_hashes(message) == {}


class Made:
    """An object whose constructor takes the hash by a function."""

    def __init__(self, take, **attributes):
        self.__dict__ |= attributes
        self._hash = take(self)

    def __hash__(self):
        return self._hash


class Word(str):
    """A text that keeps its hash from the start."""

    __slots__ = ("_hash",)

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made._hash = hash(str(made))
        return made

    def __hash__(self):
        return self._hash


@pytest.mark.parametrize(
    ("take", "attributes", "recipe"),
    [
        (lambda it: hash(it.name), {"name": "a"}, ("value", "name")),
        (lambda it: hash((it.a, it.b)), {"a": "x", "b": 1}, ("tuple", "a", "b")),
        (lambda it: hash((it.b,)), {"a": "x", "b": "y"}, ("tuple", "b")),
        (lambda it: hash((type(it), it.a)), {"a": "x"}, ("class", "a")),
        (lambda it: hash((type(it).__name__, it.a)), {"a": "x"}, ("class name", "a")),
        (lambda it: hash(tuple(it.rows)), {"rows": ["a", "b"]}, ("items", "rows")),
        (lambda it: hash(frozenset(it.of)), {"of": {"a"}}, ("members", "of")),
        (
            lambda it: hash(frozenset(it.rates.items())),
            {"rates": {"EUR": 1}},
            ("members", "rates"),
        ),
        (lambda it: hash(it.a) ^ hash(it.b), {"a": "x", "b": "y"}, ("xor", "a", "b")),
        (lambda it: hash(it.name.lower()), {"name": "A"}, None),
        (lambda it: hash(repr(sorted(it.rows))), {"rows": ["b", "a"]}, None),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else None,
)
def test_how_a_constructor_took_the_hash_is_told_by_its_number(
    take, attributes, recipe
):
    value = Made(take, **attributes)

    found = recipe_of(value, {"_hash"})

    assert found == recipe
    assert found is None or hash_by(found, value) == value._hash


def test_the_content_of_a_builtin_may_be_what_was_hashed():
    word = Word("a")

    assert recipe_of(word, {"_hash"}) == ("value", "")


@pytest.mark.parametrize("recipe", [("value", "gone"), ("eval", "a"), ("value",)])
def test_a_recipe_that_was_edited_is_refused(recipe):
    with pytest.raises(ValueError, match="no hash can be taken"):
        hash_by(recipe, Made(lambda it: 1, a="x"))
