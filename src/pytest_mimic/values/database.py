"""Values as drivers of databases give and take them, as plain JSON with tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json import loads
from math import isfinite
from typing import Any, TypeGuard
from uuid import UUID

from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError
from pytest_mimic.values.classes import allowed, check_names
from pytest_mimic.values.making import Judge
from pytest_mimic.values.names import class_named, name_of
from pytest_mimic.values.outcome import player, store
from pytest_mimic.values.rows import bytes_node, bytes_of, checked
from pytest_mimic.values.state import made_bare
from pytest_mimic.values.tree import Node, Tree, text_of
from pytest_mimic.values.walk import deeply, tree_of

# The drivers whose own classes only their own code makes.
_DRIVERS = frozenset(["asyncpg", "psycopg", "psycopg2"])
_ID = "asyncpg.pgproto.pgproto:UUID"


def stored(value: Any, name: str) -> Tree:
    """Return the JSON from which a replay makes a value of a row.

    Args:
        value: What a driver has given.
        name: Where it stands, for an error: `rows[0].price`.

    Raises:
        UnstorableOutcomeError: It cannot come back in its class.
    """
    if _is_plain(value):
        return value
    if isinstance(value, memoryview):
        return {"$memoryview": bytes_node(value.tobytes())}
    if type(value) is bytes:
        return bytes_node(value)
    if type(value).__module__.partition(".")[0] in _DRIVERS:
        of_driver = _of_driver(value, name)
        if of_driver is not None:
            return of_driver
    try:
        return store(value, _NO_OBJECTS, forbid=True, name="")
    except UnstorableOutcomeError as error:
        part, *rest = error.facts  # `lock: a thread lock`, of the whole `: a Point`
    except NotImplementedError:
        part, rest = ": an array of many items", ["nothing was recorded"]
    dot = "" if part.startswith((":", "[")) else "."
    facts = [f"{name}{dot}{part}", *rest]
    raise UnstorableOutcomeError("the outcome cannot be stored", facts)


def made(tree: Tree) -> object:
    """Return the value of a row that was stored.

    Raises:
        CorruptRecordingError: Nothing can be made of it.
        StaleRecordingError: Its class is gone, or has other fields.
    """
    if not isinstance(tree, (dict, list)):
        return tree
    if isinstance(tree, dict):
        inner: Any = next(iter(tree.values()), None)
        if "$memoryview" in tree:
            return memoryview(bytes_of(inner))
        if "$driver" in tree:
            return _made_of_driver(inner, tree)
    return player(tree, _NO_OBJECTS, forbid=True)()


def described(parameter: Any) -> Tree:
    """Return a parameter as its statement is stored and counted: by its value.

    A part that has no identity is `{"$refused": what it is}`.
    """
    if _is_plain(parameter):
        return parameter
    if type(parameter).__module__ == "psycopg2.extensions":
        # The wrappers of this driver hold what they adapt.
        return described(getattr(parameter, "adapted", None))
    if isinstance(parameter, memoryview):
        parameter = parameter.tobytes()
    if isinstance(parameter, str) and type(parameter) is not str:
        # A database gets the text alone of a `quoted_name` or a word of an Enum.
        return described(str.__str__(parameter))
    tree = deeply(lambda: tree_of(parameter, "identity"))
    plain: Tree = loads(text_of(tree))
    return plain


def _is_plain(value: Any) -> TypeGuard[Tree]:
    """Return whether JSON gives a value back as it is."""
    if type(value) is str:
        return value.isascii()
    if type(value) is float:
        return isfinite(value)
    return value is None or type(value) in (bool, int)


def _of_driver(value: Any, name: str) -> Tree:
    """Return the JSON of a range or an id in a class of a driver; None: it has none.

    The general codec runs no code of classes that it makes, and these need theirs.
    """
    cls = type(value)
    node: Node = {"$driver": name_of(cls)}
    if isinstance(value, UUID):
        node["text"] = str(value)
    elif getattr(cls, "__slots__", ()) and not getattr(value, "__dict__", None):
        slots = {slot: getattr(value, slot) for slot in cls.__slots__}
        node["slots"] = {slot: stored(part, name) for slot, part in slots.items()}
    else:
        return None
    return node if _made_of_driver(name_of(cls), node) == value else None


def _made_of_driver(name: str, node: Mapping[str, Any]) -> object:
    if name == _ID:
        return class_named(name)(checked(node["text"], str))
    cls = allowed(name)
    slots = {slot: made(part) for slot, part in node["slots"].items()}
    check_names(cls, slots)
    return made_bare(cls, slots)


class _Judge(Judge):
    def _tagged(self, tag: str, tree: Node) -> Any:
        if tag == "$memoryview":
            return self._pass_over(tree)
        if tag == "$driver" and tree[tag] != _ID:
            tag = f"${tree[tag]}"
            tree = {tag: tree.get("slots", {})}
        return self._pass_over(tree) if tag == "$driver" else super()._tagged(tag, tree)


def fault_in(answer: Any) -> CorruptRecordingError | None:
    """Give what no run may make of the answer to a statement: of its rows, its error.

    Args:
        answer: What stands in a file.
    """
    trees: list[Any] = []
    if isinstance(answer, dict):
        rows, error = answer.get("rows", ()), answer.get("raised")
        # The names of columns may be anything.
        trees = [[*row.values()] for row in rows if isinstance(row, dict)]
        while isinstance(error, dict):
            trees.append({f"${error.get('class')}": {}, "args": error.get("args", [])})
            error = error.get("cause")
    # No value of a row stands in an object.
    return _Judge(is_object=frozenset().__contains__).fault_in(trees)


class _NoObjects:
    """Where nothing is written: a value of a row is readable, or refused."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        raise NotImplementedError

    def read_object(self, name: str) -> bytes:
        raise ValueError(f"a row cannot hold an object, and {name} is one")


_NO_OBJECTS = _NoObjects()
