"""Values as drivers of databases give and take them, as plain JSON with tags."""

from __future__ import annotations

from collections.abc import Iterable
from json import loads
from math import isfinite
from typing import Any, TypeGuard

from pytest_mimic.errors import CorruptRecordingError, UnstorableOutcomeError
from pytest_mimic.values.making import Inspector
from pytest_mimic.values.outcome import copies_of, store
from pytest_mimic.values.rows import bytes_node, bytes_of
from pytest_mimic.values.tree import Node, Tree, text_of
from pytest_mimic.values.walk import deeply, tree_of


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
    if isinstance(tree, dict) and "$memoryview" in tree:
        return memoryview(bytes_of(tree["$memoryview"]))
    return copies_of(tree, _NO_OBJECTS, forbid=True)()


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


class _ValueInspector(Inspector):
    def _tagged(self, tag: str, tree: Node) -> Any:
        if tag == "$memoryview":
            return self._pass_over(tree)
        return super()._tagged(tag, tree)


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
    return _ValueInspector(is_object=frozenset().__contains__).fault_in(trees)


class _NoObjects:
    """Where nothing is written: a value of a row is readable, or refused."""

    def write_object(self, suffix: str, chunks: Iterable[bytes | memoryview]) -> str:
        raise NotImplementedError

    def read_object(self, name: str) -> bytes:
        raise ValueError(f"a row cannot hold an object, and {name} is one")


_NO_OBJECTS = _NoObjects()
