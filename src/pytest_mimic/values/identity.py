"""The identity of a value and of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from pytest_mimic.errors import UnstableIdentityError
from pytest_mimic.values.folders import NOWHERE, Folders
from pytest_mimic.values.tree import (
    Levels,
    Node,
    Path,
    Paths,
    Refused,
    Tree,
    digest_of,
    digest_of_plain,
    levels_of,
    path_to_refused,
    refused_in,
    without,
)
from pytest_mimic.values.walk import TAUGHT, Walk, deeply
from pytest_mimic.words import first_of

_PLAIN = {bool, bytes, dict, float, frozenset, int, list, set, str, tuple, type(None)}
_TEACH = "say what stands for it: register_fingerprint(TYPE, reduce)"


class Line(Protocol):
    """A line of `mimic_functions`."""

    @property
    def name(self) -> str: ...
    def line(self, **more: Iterable[str]) -> str: ...


class CallRules(NamedTuple):
    """What of the arguments of a call counts.

    Attributes:
        ignore: Arguments and parts that do not count: `("self",)`, `("rows", "*")`.
        key: A function of the user, from the option `key=`. It takes the arguments by
            name and returns what counts in place of them. `ignore` has no
            effect then.
        parameters: The names of the parameters; other arguments are those of `extra`.
        extra: The name of `**extra`, which an option may use for all of them.
        unset: The parameters whose default is a bare `object()`, with that default.
    """

    ignore: Paths = ()
    key: Callable[[dict[str, Any]], object] | None = None
    parameters: frozenset[str] = frozenset()
    extra: str = ""
    unset: Mapping[str, object] = {}

    def is_extra(self, argument: str) -> bool:
        """Tell whether an argument belongs to `**extra`."""
        return bool(self.extra) and argument not in self.parameters

    def names(self, argument: str) -> frozenset[str]:
        """Give the names that an option may use for an argument."""
        extra = [self.extra] if self.is_extra(argument) else []
        return frozenset([argument, *extra])

    def paths_in(self, argument: str) -> Paths:
        """Give the paths below an argument that do not count; `()` is all of it."""
        paths: list[Path] = []
        for first, *rest in self.ignore:
            if first == self.extra and self.is_extra(argument):
                if rest[:1] in ([], ["*"], [argument]):
                    paths.append(tuple(rest[1:]))
            elif first in ("*", argument):
                paths.append(tuple(rest))
        return tuple(paths)


def fingerprint(value: Any, folders: Folders = NOWHERE) -> str:
    """Give the identity of any value, as hex.

    Raises:
        UnstableIdentityError: The value, or a part of it, has none.
    """
    digest = digest_of_plain(value, levels_of([value]), folders.starts)
    if digest is not None:
        return digest
    walk = Walk("identity", folders.of_call())
    tree = deeply(lambda: walk.node(value))
    walk.forget()
    if walk.has_refused:
        _refuse("the value has no stable identity", {"value": tree}, None)
    return deeply(lambda: digest_of(tree))


def arguments_of(
    line: Line,
    bound: Mapping[str, object],
    rules: CallRules,
    folders: Folders,
    asked: dict[type, bool] | None = None,
) -> Node:
    """Give the tree of each argument that counts.

    The folders learn which temporary folders the arguments name.

    Args:
        line: The line that mimics the call.
        bound: The arguments by name.
        rules: What of them counts.
        folders: The folders of this run.
        asked: While recording: whether two copies of an object were equal, by class.

    Raises:
        UnstableIdentityError: Parts have no identity. It names their paths and one way
            out.
    """
    __tracebackhide__ = True  # An error of `key` is the user's.
    walk = Walk("identity", folders, asked)
    if rules.key:
        result = rules.key(_grouped(bound, rules))
        arguments = deeply(lambda: _by_key(result, walk))
    else:
        arguments = deeply(lambda: dict(_counted(bound, rules, walk)))
    walk.forget()
    if walk.has_refused:
        what = f"{line.name} has an argument without a stable identity"
        _refuse(what, arguments, line)
    return arguments


def paths_to_nothing(
    bound: Mapping[str, object],
    rules: CallRules,
    paths: Iterable[Path],
    folders: Folders,
) -> list[Path]:
    """Give the paths of `ignore=` that lead to no part of the arguments of a call."""
    walk = Walk("identity", folders)

    def leads_to_a_part(path: Path) -> bool:
        alone = rules._replace(ignore=(path,))
        for name, value in bound.items():
            below_argument = alone.paths_in(name)
            if below_argument:
                tree = walk.node(value)
                if without(tree, below_argument) != tree:
                    return True
        return False

    left = deeply(lambda: [path for path in paths if not leads_to_a_part(path)])
    walk.forget()
    return left


def _refuse(what: str, tree: Tree, line: Line | None) -> None:
    """Raise an error for the parts of a tree that have no identity, if it has any."""
    found = refused_in(tree)
    if found:
        by_path = {path_to_refused(path): part for path, part in found.items()}
        raise _unstable(what, by_path, line)


def _unstable(
    what: str, found: dict[str, Refused], line: Line | None
) -> UnstableIdentityError:
    """Give the error for parts without identity, with one way out.

    Args:
        what: What has no stable identity.
        found: The parts by their paths.
        line: The line that mimics the call; `None`: there is no call.
    """
    facts = [f"{path}: {refused.what}" for path, refused in found.items()]
    parts = found.values()
    ways = [refused.way for refused in parts if refused.way]
    if ways:
        way = ways[0], ""
    elif line is None:
        way = _TEACH, ""
    elif not all(refused.is_handle for refused in parts):
        way = f"pass plain data that it is made of, or {_TEACH}", ""
    else:
        words = "leave it out" if len(found) == 1 else "leave them out"
        way = words, line.line(ignore=found)
    return UnstableIdentityError(what, first_of(facts, len(facts)), [way])


def identity_of(target: str, arguments: Tree) -> str:
    """Give the identity of a call, from its arguments in full or as they are stored."""
    call: Tree = {"arguments": arguments, "target": target}
    return deeply(lambda: digest_of(call))


def plain_identity(
    target: str,
    arguments: Node,
    levels: Levels | None,
    starts: tuple[str, ...],
) -> str | None:
    """Give the identity of a call with plain arguments; `None`: they are not plain.

    Args:
        target: What is called.
        arguments: The arguments, all of which count as they are.
        levels: Their parts: `levels_of`; None: they are not plain.
        starts: What a text holds that may be no plain one: `Folders.starts`.
    """
    call = {"arguments": arguments, "target": target}
    return digest_of_plain(call, levels, starts)


def register_fingerprint(type_: type, reduce: Callable[[Any], object]) -> None:
    """Teach a type: `reduce(value)` gives plainer data that stands for the value.

    Raises:
        TypeError: `type_` is no class, or a plain builtin; or `reduce` is no function.
    """
    if not isinstance(type_, type):
        raise TypeError(f"register_fingerprint takes a class first, not {type_!r}")
    if type_ in _PLAIN:
        raise TypeError(f"{type_.__name__} already has an identity")
    if not callable(reduce):
        raise TypeError(f"register_fingerprint takes a function second, not {reduce!r}")
    TAUGHT[type_] = reduce


def _counted(
    bound: Mapping[str, object], rules: CallRules, walk: Walk
) -> Iterator[tuple[str, Tree]]:
    for name, value in bound.items():
        paths = rules.paths_in(name)
        if () in paths or (name in rules.unset and value is rules.unset[name]):
            continue
        yield name, walk.node(value, paths)


def _grouped(bound: Mapping[str, object], rules: CallRules) -> dict[str, object]:
    """Give the arguments as their function gets them, with `**extra` as one mapping."""
    grouped = {name: part for name, part in bound.items() if not rules.is_extra(name)}
    if rules.extra:
        extra = {name: part for name, part in bound.items() if rules.is_extra(name)}
        grouped[rules.extra] = extra
    return grouped


def _by_key(result: object, walk: Walk) -> Node:
    if isinstance(result, dict) and all(type(name) is str for name in result):
        return {name: walk.node(part) for name, part in result.items()}
    return {"key": walk.node(result)}
