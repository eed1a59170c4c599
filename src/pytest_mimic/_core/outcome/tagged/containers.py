"""Tags of containers: tuples, sets, dicts with any keys, and those of `collections` and `types`."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from json import dumps
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.tagged.nodes import Node, NotTaggableError, Tag, typed

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.tagged.reader import Reader
    from pytest_mimic._core.outcome.tagged.writer import Writer


def _write_tuple(value: tuple[object, ...], node: Node, writer: Writer) -> None:
    node["$tuple"] = list(map(writer.write, value))


def _read_tuple(parts: list[Any], _node: Node, reader: Reader, _anchor: int | None) -> tuple[Any, ...]:
    return tuple(reader.read(parts))


def _set(type_: Any, *, is_shared: bool) -> Tag:
    def write(value: Iterable[object], node: Node, writer: Writer) -> None:
        # In the order of their texts, so that the order depends on no hash seed.
        trees = {dumps(tree, ensure_ascii=False): tree for tree in map(writer.write_hashed, value)}
        node[f"${type_.__name__}"] = [tree for _, tree in sorted(trees.items())]

    def read(members: list[Any], _node: Node, reader: Reader, _anchor: int | None) -> Any:
        return type_(map(reader.read, members))

    return Tag(type_.__name__, write, read, is_shared=is_shared)


def _write_mapping(value: dict[Any, Any], node: Node, writer: Writer) -> None:
    node["$dict"] = [[writer.write_hashed(key), writer.write(part)] for key, part in value.items()]


def _read_mapping(pairs: list[Any], _node: Node, reader: Reader, anchor: int | None) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    reader.keep(anchor, made)
    for pair in pairs:
        key, part = typed(pair, list)
        made[reader.read(key)] = reader.read(part)
    return made


def _subclass(name: str, type_: Any, *facts: str) -> Tag:
    """Return the tag of a subclass of dict, whose part is a dict."""

    def write(value: Any, node: Node, writer: Writer) -> None:
        if getattr(value, "__dict__", None):
            raise NotTaggableError("a container with attributes")
        node[f"${name}"] = writer.write(dict(value))
        if type_ is defaultdict and value.default_factory is not None:
            if not isinstance(value.default_factory, type):
                raise NotTaggableError("a factory that is no class")
            node["factory"] = writer.import_name(value.default_factory)

    def read(part: object, node: Node, reader: Reader, anchor: int | None) -> Any:
        made = type_()
        if "factory" in node:
            made.default_factory = reader.find(typed(node["factory"], str))
        reader.keep(anchor, made)
        for key, value in typed(reader.read(part), dict).items():
            made[key] = value
        return made

    return Tag(name, write, read, (dict,), facts, is_shared=True, may_contain_itself=True)


def _write_deque(value: deque[Any], node: Node, writer: Writer) -> None:
    node["$deque"] = list(map(writer.write, value))
    if value.maxlen is not None:
        node["maxlen"] = value.maxlen


def _read_deque(parts: list[Any], node: Node, reader: Reader, anchor: int | None) -> deque[Any]:
    maxlen = typed(node.get("maxlen"), int, type(None))
    made: deque[Any] = deque(maxlen=maxlen)
    reader.keep(anchor, made)
    made.extend(map(reader.read, parts))
    return made


def _write_namespace(value: SimpleNamespace, node: Node, writer: Writer) -> None:
    if not all(type(name) is str for name in value.__dict__):
        raise NotTaggableError("a namespace with other keys than names")
    node["$namespace"] = writer.write(dict(value.__dict__))


def _read_namespace(part: object, _node: Node, reader: Reader, anchor: int | None) -> SimpleNamespace:
    made = SimpleNamespace()
    reader.keep(anchor, made)
    for name, value in typed(reader.read(part), dict).items():
        made.__dict__[typed(name, str)] = value
    return made


MAPPING = Tag("dict", _write_mapping, _read_mapping, is_shared=True, may_contain_itself=True)
_NAMESPACE = Tag("namespace", _write_namespace, _read_namespace, (dict,))
CONTAINERS: dict[type, Tag] = {
    tuple: Tag("tuple", _write_tuple, _read_tuple),
    set: _set(set, is_shared=True),
    frozenset: _set(frozenset, is_shared=False),
    OrderedDict: _subclass("ordered_dict", OrderedDict),
    defaultdict: _subclass("defaultdict", defaultdict, "factory"),
    Counter: _subclass("counter", Counter),
    deque: Tag(
        "deque", _write_deque, _read_deque, facts=("maxlen",), is_shared=True, may_contain_itself=True
    ),
    SimpleNamespace: _NAMESPACE._replace(is_shared=True, may_contain_itself=True),
}
