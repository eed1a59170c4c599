"""Finds recordings by what people type: a pattern of calls, a target, a part of a path, digits of a name, a test."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile
from pytest_mimic._core.targets.pattern import Only

# Fewer could be the beginning of many.
_DIGITS = re.compile(r"[0-9a-f]{4,32}")


class Filter:
    """Selects recordings and cassettes that one of some patterns matches.

    Args:
        patterns: Each a pattern of calls (`GET /users/*`), a target (`shop.api:*`, `httpx`), parts of the path in the
            vault (`shop.api`, `cassettes/tests`), or the first digits of a recording's name. Without any, all are selected.

    Attributes:
        unmatched: The patterns that have matched nothing so far.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._patterns = list(patterns)
        self.unmatched = dict.fromkeys(patterns)
        self._only = Only(patterns, self._note)

    def takes(self, file: CatalogFile) -> bool:
        """Check whether a recording or cassette is selected."""
        if not self._patterns:
            return True
        in_path = [pattern for pattern in self._patterns if is_in_path(pattern, file.name)]
        for pattern in in_path:
            self._note(pattern)
        # All calls are asked, so that each pattern that matches one is noted.
        return bool([call for call in file.calls if self.takes_call(call)]) or bool(in_path)

    def takes_call(self, call: CatalogCall) -> bool:
        """Check whether a pattern of calls or a target matches a call."""
        return self._only.takes(call.target, call.signature, call.host)

    def _note(self, pattern: str) -> None:
        self.unmatched.pop(pattern, None)


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
        plain = one.rstrip("/")
        if test == plain or fnmatchcase(test, one):
            return True
        if test.startswith((f"{plain}::", f"{plain}[", f"{plain}/")):
            return True
        names = test.partition("::")[2].split("::")
        if plain in names or plain in (names[-1].partition("[")[0],):
            return True
    return False
