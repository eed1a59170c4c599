"""Tags of exceptions in values: `{"$builtins:ValueError": {"args": ["too long"]}}`."""

from __future__ import annotations

from typing import Any

from pytest_mimic._core.outcome.allow_list import name_of
from pytest_mimic._core.outcome.exceptions import FIELDS, is_remade, make, restore, state_of
from pytest_mimic._core.outcome.tagged.attributes import fields_in
from pytest_mimic._core.outcome.tagged.class_checks import HEAP_TYPE, check_layout, check_ways, own_bases
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    OutdatedClassError,
    Reading,
    Tag,
    Writing,
    typed,
)

_LINKS = ("context", "cause")
_PARTS = {"args", "attributes", "fields", "notes", *_LINKS, "suppress_context"}
# What is read and set on an exception, and what a class could replace.
_USED = frozenset("__getattribute__ __dict__ args __context__ __cause__ __suppress_context__".split())


def tag_of(cls: type) -> Tag | None:
    """Return the tag for the exceptions of a class, or None for another class.

    Raises:
        NotTaggableError: They are made again in a way of their own.
    """
    if not issubclass(cls, BaseException):
        return None
    exceptions = _Exceptions(cls)
    return Tag("class", exceptions.write, exceptions.read, is_shared=True)


class _Exceptions:
    """The exceptions of one class."""

    def __init__(self, cls: type[BaseException]) -> None:
        self._cls = cls
        builtins = [base for base in cls.__mro__ if not base.__flags__ & HEAP_TYPE]
        builtin = builtins[0]
        if any(base.__module__ != "builtins" for base in builtins):
            raise NotTaggableError(cls)
        fields = {name for base, names in FIELDS.items() if issubclass(cls, base) for name in names}
        if cls is not builtin:
            bases = own_bases(cls, builtins)
            check_ways(cls, bases)
            check_layout(cls, builtin)
            if any(not (_USED | fields).isdisjoint(vars(base)) for base in bases):
                raise NotTaggableError(cls)

    def write(self, value: BaseException, node: Node, writer: Writing) -> None:
        if not is_remade(value):
            raise NotTaggableError(value)
        part: dict[str, Any] = {}
        node[f"${writer.import_name(self._cls)}"] = part
        part["args"] = [writer.write(arg) for arg in value.args]
        for name, fact in state_of(value).items():
            is_cause = name == "context" and fact is value.__cause__
            part[name] = "cause" if is_cause else writer.write(fact)

    def read(self, node: Node, reader: Reading, _anchor: int | None) -> BaseException:
        part = fields_in(node, self._cls)
        if "args" not in part:
            raise OutdatedClassError(f"{name_of(self._cls)} is an exception now")
        if strange := part.keys() - _PARTS:
            raise ValueError(f"{next(iter(node))} has an unknown part {min(strange)!r:.60}")
        made = make(self._cls, tuple(map(reader.read, typed(part["args"], list))))
        if type(made) is not self._cls:
            raise ValueError(f"{next(iter(node))} with the arguments of another class")
        state = {name: reader.read(tree) for name, tree in part.items() if name != "args"}
        if state.get("context") == "cause":
            state["context"] = state["cause"]
        for name in ("attributes", "fields"):
            typed(state.get(name, {}), dict)
        restore(made, state)
        return made
