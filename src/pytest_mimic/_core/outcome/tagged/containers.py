"""Tags of containers: tuples, sets, dicts with any keys, and those of `collections` and `types`."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from functools import partial
from json import dumps
from types import SimpleNamespace
from typing import Any

from pytest_mimic._core.outcome.names import has_plain_metaclass
from pytest_mimic._core.outcome.pickled_code import makes_data
from pytest_mimic._core.outcome.tagged.class_checks import hashes_itself
from pytest_mimic._core.outcome.tagged.nodes import (
    Node,
    NotTaggableError,
    Reading,
    Tag,
    Writing,
    only_keys,
    typed,
)

# Tuples and sets


def hashable(key: Any) -> Any:
    """Return a member of a set, or a key, which Python is going to hash. ValueError: a method of its class would run."""
    kind = type(key)
    if kind in _KEYS:
        return key
    if issubclass(kind, tuple):
        for part in tuple.__iter__(key):
            hashable(part)
    if kind.__module__ not in _OF_TAGS and hashes_itself(kind):
        raise ValueError("a key whose class hashes it")
    return key


_KEYS = frozenset({str, int, float, bool, type(None), bytes, complex, frozenset})
# Whose classes have tags of their own.
_OF_TAGS = frozenset("datetime decimal fractions numpy pathlib pathlib._local re uuid zoneinfo".split())


def _write_tuple(value: tuple[Any, ...], node: Node, writer: Writing) -> None:
    node["$tuple"] = list(map(writer.write, value))


def _read_tuple(node: Node, reader: Reading, _anchor: int | None) -> tuple[Any, ...]:
    if len(node) > 1:
        only_keys(node)
    parts = node["$tuple"]
    return tuple(reader.read(parts if type(parts) is list else typed(parts, list)))


def _write_set(value: Iterable[Any], node: Node, writer: Writing, *, name: str) -> None:
    # In the order of their texts, so that the order depends on no hash seed.
    members = [(dumps(tree, ensure_ascii=False), tree) for tree in map(writer.write_hashed, value)]
    members.sort(key=lambda member: (len(member[0]), member[0]) if _is_number(member[1]) else (0, member[0]))
    if len({text for text, _ in members}) != len(members):
        raise NotTaggableError("members of a set with equal texts")
    node[f"${name}"] = [tree for _, tree in members]


def _is_number(tree: Any) -> bool:
    return type(tree) is int and tree >= 0


def _read_set(node: Node, reader: Reading, _anchor: int | None, *, name: str, type_: Any) -> Any:
    only_keys(node)
    members = typed(node[f"${name}"], list)
    made = type_(hashable(reader.read(member)) for member in members)
    if len(made) != len(members):
        raise ValueError("a set in which a member occurs twice")
    return made


def _set(type_: type, *, is_shared: bool) -> Tag:
    name = type_.__name__
    return Tag(
        name, partial(_write_set, name=name), partial(_read_set, name=name, type_=type_), is_shared=is_shared
    )


# Mappings


def _write_mapping(value: dict[Any, Any], node: Node, writer: Writing) -> None:
    node["$dict"] = [[writer.write_hashed(key), writer.write(part)] for key, part in value.items()]


def _read_mapping(node: Node, reader: Reading, anchor: int | None) -> dict[Any, Any]:
    only_keys(node)
    made: dict[Any, Any] = {}
    reader.keep(anchor, made)
    pairs = typed(node["$dict"], list)
    for pair in pairs:
        key, part = typed(pair, list)
        made[hashable(reader.read(key))] = reader.read(part)
    if len(made) != len(pairs):
        raise ValueError("a dict in which a key occurs twice")
    return made


MAPPING = Tag("dict", _write_mapping, _read_mapping, is_shared=True, may_contain_itself=True)


def _write_subclass(value: Any, node: Node, writer: Writing, *, name: str) -> None:
    if getattr(value, "__dict__", None):
        raise NotTaggableError("a container with attributes")
    node[f"${name}"] = writer.write(dict(value))
    if type(value) is defaultdict and value.default_factory is not None:
        if not has_plain_metaclass(value.default_factory) or not makes_data(value.default_factory):
            raise NotTaggableError("a factory that is no class of data")
        node["factory"] = writer.import_name(value.default_factory)


def _read_subclass(node: Node, reader: Reading, anchor: int | None, *, name: str, type_: Any) -> Any:
    made = type_()
    if type_ is defaultdict:
        only_keys(node, "factory")
        if "factory" in node:
            made.default_factory = reader.find(typed(node["factory"], str))
            if not makes_data(made.default_factory):
                raise ValueError("a factory that is no class of data")
    else:
        only_keys(node)
    reader.keep(anchor, made)
    parts = typed(reader.read(node[f"${name}"]), dict)
    for key, part in parts.items():
        made[key] = part
    return made


def _subclass(name: str, type_: type) -> Tag:
    return Tag(
        name,
        partial(_write_subclass, name=name),
        partial(_read_subclass, name=name, type_=type_),
        is_shared=True,
        may_contain_itself=True,
    )


# Others


def _write_deque(value: deque[Any], node: Node, writer: Writing) -> None:
    node["$deque"] = list(map(writer.write, value))
    if value.maxlen is not None:
        node["maxlen"] = value.maxlen


def _read_deque(node: Node, reader: Reading, anchor: int | None) -> deque[Any]:
    only_keys(node, "maxlen")
    parts = typed(node["$deque"], list)
    maxlen = typed(node.get("maxlen"), int, type(None))
    made: deque[Any] = deque(maxlen=maxlen)
    if maxlen is not None and len(parts) > maxlen:
        raise ValueError("a deque that is longer than its maxlen")
    reader.keep(anchor, made)
    made.extend(map(reader.read, parts))
    return made


def _write_namespace(value: SimpleNamespace, node: Node, writer: Writing) -> None:
    if not all(type(name) is str for name in value.__dict__):
        raise NotTaggableError("a namespace with other keys than names")
    node["$namespace"] = writer.write(dict(value.__dict__))


def _read_namespace(node: Node, reader: Reading, anchor: int | None) -> SimpleNamespace:
    only_keys(node)
    made = SimpleNamespace()
    reader.keep(anchor, made)
    for name, part in typed(reader.read(node["$namespace"]), dict).items():
        made.__dict__[typed(name, str)] = part
    return made


CONTAINERS: dict[type, Tag] = {
    tuple: Tag("tuple", _write_tuple, _read_tuple),
    set: _set(set, is_shared=True),
    frozenset: _set(frozenset, is_shared=False),
    OrderedDict: _subclass("ordered_dict", OrderedDict),
    defaultdict: _subclass("defaultdict", defaultdict),
    Counter: _subclass("counter", Counter),
    deque: Tag("deque", _write_deque, _read_deque, is_shared=True, may_contain_itself=True),
    SimpleNamespace: Tag(
        "namespace", _write_namespace, _read_namespace, is_shared=True, may_contain_itself=True
    ),
}
