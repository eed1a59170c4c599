"""The identity of a value and of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pytest_mimic.errors import Remedy, UnstableIdentityError
from pytest_mimic.values.tree import (
    LONG,
    SCALARS,
    Path,
    Refused,
    Tree,
    digest_of,
    hexdigest,
    refused_in,
    text_of,
)
from pytest_mimic.values.walk import TAUGHT, Walk, deeply

if TYPE_CHECKING:
    from pytest_mimic.values.places import CallPlaces, Places

_T = TypeVar("_T")


class CallRules(NamedTuple):
    """What of the arguments of a call counts.

    Attributes:
        ignore: Arguments and parts that do not count: `("self",)`, `("rows", "*")`.
        key: Takes the arguments by name; what it returns counts in their place, less
            nothing: `ignore` and `content` are then of no use.
        content: Arguments that name files or folders whose content counts.
        parameters: The names of the parameters; other arguments are those of `extra`.
        extra: The name of `**extra`, which an option may use for all of them.
        unset: The parameters whose default is a bare `object()`, with that default.
    """

    ignore: tuple[Path, ...] = ()
    key: Callable[[dict[str, Any]], object] | None = None
    content: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()
    extra: str = ""
    unset: Mapping[str, object] = {}

    def names(self, argument: str) -> tuple[str, ...]:
        """Give the names that an option may use for an argument."""
        if self.extra and argument not in self.parameters:
            return (argument, self.extra)
        return (argument,)

    def paths_in(self, argument: str) -> list[Path]:
        """Give the paths below an argument that do not count; `()` is all of it."""
        paths: list[Path] = []
        for first, *rest in self.ignore:
            if first == self.extra and argument not in self.parameters:
                if rest[:1] in ([], ["*"], [argument]):
                    paths.append(tuple(rest[1:]))
            elif first in ("*", argument):
                paths.append(tuple(rest))
        return paths


def fingerprint(value: object, places: Places | None = None) -> str:
    """Give the identity of any value, as hex.

    Raises:
        UnstableIdentityError: The value, or a part of it, has none.
    """
    of_call = places.of_call() if places else None
    tree = deeply(lambda: Walk("identity", of_call).node(value))
    if of_call:
        of_call.number({"value": tree})
    found = refused_in({"value": tree})
    if found:
        path, refused = found
        what = "the value has no stable identity"
        teach = ("say what stands for it", "register_fingerprint(TYPE, reduce)")
        ways = _ways(refused) or [teach]
        raise UnstableIdentityError(what, [f"{path}: {refused.what}"], ways)
    return deeply(lambda: digest_of(tree))


def arguments_of(
    target: str, bound: Mapping[str, object], rules: CallRules, places: CallPlaces
) -> dict[str, Tree]:
    """Give the tree of each argument that counts.

    The places learn which temporary folders the arguments name.

    Raises:
        UnstableIdentityError: A part has no identity. It names argument, path and one
            way out.
    """
    __tracebackhide__ = True  # An error of `key` is the user's.
    walk = Walk("identity", places)
    if rules.key:
        result = rules.key(_grouped(bound, rules))
        arguments = deeply(lambda: _by_key(result, walk))
    else:
        arguments = deeply(lambda: dict(_counted(bound, rules, walk)))
    places.number(arguments)
    found = refused_in(arguments)
    if found:
        path, refused = found
        what = f"{target} has an argument without a stable identity"
        ways = _ways(refused) or [("leave it out", f"{target} ignore={path}")]
        raise UnstableIdentityError(what, [f"{path}: {refused.what}"], ways)
    return arguments


def identity_of(target: str, arguments: Tree) -> str:
    """Give the identity of a call, from its arguments in full or as they are stored."""
    call: Tree = {"arguments": arguments, "target": target}
    return deeply(lambda: digest_of(call))


def quick_identity(
    target: str, bound: dict[str, Any], starts: tuple[str, ...]
) -> str | None:
    """Give the identity of a call whose arguments are little and plain, else `None`.

    It is the one of `identity_of`.

    Args:
        target: The target of the call.
        bound: Its arguments, all of which count as they are.
        starts: How a text starts that is no plain one: `Places.starts`.
    """
    for value in bound.values():
        kind = type(value)
        if kind is str:
            if value.startswith(starts):
                return None
        elif kind not in SCALARS:
            return None
    try:
        text = text_of({"arguments": bound, "target": target})
        return hexdigest(text) if len(text) <= LONG else None
    except ValueError:  # A number or text that needs a tag.
        return None


def register_fingerprint(type_: type[_T], reduce: Callable[[_T], object]) -> None:
    """Teach a type: `reduce(value)` gives plainer data that stands for the value."""
    TAUGHT[type_] = reduce


def _counted(
    bound: Mapping[str, object], rules: CallRules, walk: Walk
) -> Iterator[tuple[str, Tree]]:
    for name, value in bound.items():
        paths = rules.paths_in(name)
        if () in paths or (name in rules.unset and value is rules.unset[name]):
            continue
        if rules.content.intersection(rules.names(name)):
            yield name, _content_of(value, walk)
        else:
            yield name, walk.node(value, paths)


def _content_of(value: object, walk: Walk) -> Tree:
    """Give what stands for paths, or for a container of paths: what the files hold."""
    assert walk.places is not None
    if value is None:
        return None
    if isinstance(value, str | PurePath):
        content = walk.places.content_of(value)
        if content == "missing":
            what = "a path of content= at which there is no file"
            return Refused(what, "make the file before the call")
        return content if isinstance(content, Refused) else {"$content": content}
    if isinstance(value, list | tuple):
        return [_content_of(item, walk) for item in value]
    if isinstance(value, dict):
        content = {str(key): _content_of(item, walk) for key, item in value.items()}
        return {"$content": content}
    what = f"a value of type {type(value).__name__}, where content= takes paths"
    return Refused(what, "pass a path, or a list or dict of paths")


def _grouped(bound: Mapping[str, object], rules: CallRules) -> dict[str, object]:
    """Give the arguments as their function gets them, with `**extra` as one mapping."""
    grouped: dict[str, object] = {}
    extra: dict[str, object] = {}
    if rules.extra:
        grouped[rules.extra] = extra
    for name, value in bound.items():
        is_extra = rules.extra and name not in rules.parameters
        (extra if is_extra else grouped)[name] = value
    return grouped


def _by_key(result: object, walk: Walk) -> dict[str, Tree]:
    if isinstance(result, dict) and all(type(name) is str for name in result):
        return {name: walk.node(part) for name, part in result.items()}
    return {"key": walk.node(result)}


def _ways(refused: Refused) -> list[Remedy]:
    return [(refused.way, "")] if refused.way else []
