"""Finds recordings by what people type, a SELECTOR: a test, a target, a pattern, a path, digits of a name, or a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

from pytest_mimic._core.describe.recorded_files import CatalogFile
from pytest_mimic._core.targets.pattern import Only

_T = TypeVar("_T")
# Fewer could be the beginning of many.
_DIGITS = re.compile(r"[0-9a-f]{4,32}")
# `ls` shortens a long call.
_CUT = "..."


class Selectable(NamedTuple):
    """The names by which selectors find something."""

    names: Sequence[str]  # its paths in the vault, and other ids
    tests: Sequence[str]  # the tests that it belongs to
    # The target, the signature and the host of each of its calls.
    calls: Sequence[tuple[str, str, str | None]]
    labels: Callable[[], Iterable[str]]  # returns its calls as people read them


def of_file(file: CatalogFile) -> Selectable:
    return Selectable(
        (file.name,),
        [test for test in (file.test, file.owner) if test],
        [(call.target, call.signature, call.host) for call in file.calls],
        lambda: (*(call.label(10_000) for call in file.calls), file.label()),
    )


class Selectors:
    """Selects what one of some selectors names; without any, all is selected.

    `below` is the path from the rootdir to the current folder, for tests: empty, or with a `/` at its end.
    """

    def __init__(self, words: Sequence[str], *, below: str = "") -> None:
        self._words = list(dict.fromkeys(words))
        self._below = below
        self.left = list(self._words)  # the selectors that have matched nothing so far

    def choose(self, found: Iterable[_T], describe: Callable[[_T], Selectable]) -> list[_T]:
        """Return those that are selected, in their order.

        A word of a call is looked for only if a selector names no test, target or calls. Otherwise, `rm shop:buy` would
        delete a call with the argument 'shop:buy'.
        """
        found = list(found)
        if not self._words:
            return found
        described = [describe(one) for one in found]
        chosen: set[int] = set()
        for word in self._words:
            only = Only((word,), lambda _: None)
            tests = (word, f"{self._below}{word}") if self._below else (word,)
            here = {number for number, one in enumerate(described) if _is_named(one, only, tests)}
            if not here:
                here = {number for number, one in enumerate(described) if _has_word(word, one)}
            here |= {
                number
                for number, one in enumerate(described)
                if any(is_in_path(word, name) for name in one.names)
            }
            chosen |= here
            if here and word in self.left:
                self.left.remove(word)
        return [one for number, one in enumerate(found) if number in chosen]


def _is_named(one: Selectable, only: Only, tests: Sequence[str]) -> bool:
    return any(only.takes(*call) for call in one.calls) or any(is_of_test(test, tests) for test in one.tests)


def _has_word(text: str, one: Selectable) -> bool:
    """Check whether a text is whole words of a call, `rates` of `shop:fetch_rates(base='EUR')`, or a pattern of it."""
    cut = text.removesuffix(_CUT)
    end = r"(?![^\W_])" if cut == text else ""
    begin = r"(?<![^\W_])" if cut == text else "^"
    pattern = re.compile(f"{begin}{re.escape(cut)}{end}", re.IGNORECASE)
    return any(pattern.search(label) or fnmatchcase(label, text) for label in one.labels())


def is_in_path(pattern: str, name: str) -> bool:
    """Check whether a pattern is whole parts of a path, a pattern of the path, or the first digits of a recording."""
    path = f"/{name.removesuffix('.json')}/"
    if f"/{pattern.strip('/').removesuffix('.json')}/" in path or fnmatchcase(name, pattern):
        return True
    return _DIGITS.fullmatch(pattern) is not None and f"/{pattern}" in path[-34:]


def is_of_test(test: str | None, given: Iterable[str]) -> bool:
    """Check whether a test is one of those given: by its id, file, folder, class or name, or by a shell-style pattern.

    `tests/test_a.py::test_x` takes all cases of `test_x`.
    """
    if not test:
        return False
    for one in given:
        plain = one.rstrip("/").removeprefix("./")
        if test == plain or fnmatchcase(test, one):
            return True
        if test.startswith((f"{plain}::", f"{plain}[", f"{plain}/")):
            return True
        names = test.partition("::")[2].split("::")
        if plain in names or plain in (names[-1].partition("[")[0],):
            return True
    return False
