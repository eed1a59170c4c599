"""Tags of named tuples: `{"$shop.models:Point": {"x": 1, "y": 2}}`."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from pytest_mimic._core.outcome.tagged.attributes import Attributes, fields_changed, fields_in
from pytest_mimic._core.outcome.tagged.class_checks import check_ways, own_bases
from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Reading, Tag, Writing


def tag_of(cls: type) -> Tag | None:
    """Return the tag for the objects of a named tuple's class, or None for another class.

    Raises:
        NotTaggableError: The class makes its objects in a way of its own.
    """
    if not issubclass(cls, tuple):
        return None
    bases = own_bases(cls, (tuple, object))
    made = next((base for base in bases if "_fields" in vars(base) and tuple in base.__bases__), None)
    if made is None or not _is_generated(made):
        raise NotTaggableError(cls)
    check_ways(cls, [base for base in bases if base is not made])
    tuples = _NamedTuples(cls, vars(made)["_fields"])
    # One with a `__dict__` may change.
    return Tag("class", tuples.write, tuples.read, is_shared=bool(cls.__dictoffset__))


def _is_generated(cls: type) -> bool:
    """Return whether the class has only the methods that `collections.namedtuple` makes."""
    new, arguments = vars(cls).get("__new__"), vars(cls).get("__getnewargs__")
    if type(new) is staticmethod:
        new = new.__func__
    return (
        type(new) is FunctionType
        and new.__globals__.get("__name__") == f"namedtuple_{cls.__name__}"
        and type(arguments) is FunctionType
        and arguments.__globals__.get("__name__") == "collections"
        and vars(cls)
        .keys()
        .isdisjoint({"__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__del__"})
    )


class _NamedTuples:
    """The objects of one class."""

    def __init__(self, cls: type, fields: tuple[str, ...]) -> None:
        self._cls: Any = cls
        self._fields = fields
        self._names = frozenset(fields)
        self._attributes = Attributes(cls)

    def write(self, value: Any, node: Node, writer: Writing) -> None:
        parts = tuple.__iter__(value)
        if tuple.__len__(value) != len(self._fields) or self._attributes.of(value):
            raise NotTaggableError("a named tuple with more than its fields")
        node[f"${writer.import_name(self._cls)}"] = dict(zip(self._fields, map(writer.write, parts)))

    def read(self, node: Node, reader: Reading, _anchor: int | None) -> object:
        part = fields_in(node, self._cls)
        if part.keys() != self._names:
            raise fields_changed(self._cls, gone=part.keys() - self._names, new=self._names - part.keys())
        read = reader.read
        return tuple.__new__(self._cls, [read(part[name]) for name in self._fields])
