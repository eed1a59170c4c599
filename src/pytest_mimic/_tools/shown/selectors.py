"""Finds recordings by what people type, a SELECTOR: a test, a target, a pattern, a path, or the first digits of a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

from pytest_mimic._core.seam.registry import HTTP_CLIENTS
from pytest_mimic._core.targets.pattern import Selector
from pytest_mimic._core.tree.recorded_files import CatalogFile

_T = TypeVar("_T")
# Fewer could be the beginning of many.
_DIGITS = re.compile(r"[0-9a-f]{4,32}")


class Selectable(NamedTuple):
    """The names by which selectors find something."""

    names: Sequence[str]  # its paths in the vault, and other ids
    tests: Sequence[str]  # the tests that it belongs to
    # The target, the signature and the host of each of its calls.
    calls: Sequence[tuple[str, str, str | None]]


def of_file(file: CatalogFile) -> Selectable:
    return Selectable(
        (file.name,),
        [test for test in (file.test, file.owner) if test],
        [(call.target, call.signature, call.host) for call in file.calls],
    )


class Selectors:
    """Selects what one of some selectors names; without any, all is selected.

    `vault` is the vault's path as people see it, with which a path in it may begin.
    """

    def __init__(self, words: Sequence[str], *, vault: str) -> None:
        self._words = list(dict.fromkeys(words))
        self._vault = vault
        self.left = list(self._words)  # the selectors that have matched nothing so far

    def choose(self, found: Iterable[_T], describe: Callable[[_T], Selectable]) -> list[_T]:
        """Return those that are selected, in their order."""
        found = list(found)
        if not self._words:
            return found
        described = [describe(one) for one in found]
        chosen: set[int] = set()
        for word in self._words:
            pattern, path = Selector(word), word.removeprefix(f"{self._vault}/")
            here = {number for number, one in enumerate(described) if _is_named(one, word, pattern, path)}
            chosen |= here
            if here and word in self.left:
                self.left.remove(word)
        return [one for number, one in enumerate(found) if number in chosen]


def _is_named(one: Selectable, word: str, pattern: Selector, path: str) -> bool:
    """Check whether a word names the target of a call, a test, or a path, or is a pattern that a call matches."""
    for target, signature, host in one.calls:
        names = (target, *(HTTP_CLIENTS if target == "http" else ()))
        if any(fnmatchcase(name, word) for name in names) or pattern.takes(signature, host):
            return True
    return any(_is_of_test(test, word) for test in one.tests) or any(
        _is_in_path(path, name) for name in one.names
    )


def _is_in_path(path: str, name: str) -> bool:
    """Check whether a path is that of a recording or of a folder around it, or the first digits of its name."""
    path, whole = path.rstrip("/"), name.removesuffix(".json")
    if path in (name, whole) or whole.startswith(f"{path}/"):
        return True
    return _DIGITS.fullmatch(path) is not None and whole.rpartition("/")[2].startswith(path)


def _is_of_test(test: str, given: str) -> bool:
    """Check whether a test is the one given, or one of its cases, or of its class, file or folder."""
    plain = given.rstrip("/").removeprefix("./")
    return test == plain or test.startswith((f"{plain}::", f"{plain}[", f"{plain}/"))
