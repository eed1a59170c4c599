"""Shows misses before the failure that they led to: the client's error, and the test's own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprEntryNative, ReprFileLocation, ReprTraceback

from pytest_mimic._core.words import limited
from pytest_mimic.errors import MissingRecordingError

# How pytest marks the lines of an error.
_MARK = "E   "
# How `traceback` separates the exceptions of a chain.
_SEPARATOR = re.compile(r"\n((?:The above exception was|During handling of the above) [^\n]*:)\n\n")


class _Shown(NamedTuple):
    """One exception of a chain, as pytest shows it, and the sentence that leads to the next one."""

    traceback: ReprTraceback
    then: str | None = None

    def is_of(self, miss: MissingRecordingError) -> bool:
        """Check whether this is a miss, and not an error that mentions it."""
        last = "\n".join(self.traceback.reprentries[-1].lines)
        what = re.escape(str(miss).partition("\n")[0])
        return bool(re.search(rf"^(?:E +)?(?:\w+\.)*{type(miss).__name__}: {what}$", last, re.MULTILINE))

    def trimmed(self, is_own: Callable[[str], bool], shown: int | None = None) -> _Shown:
        """Reduce the exception to the project's own lines and its error, of which so many lines are shown."""
        entries = [entry for entry in self.traceback.reprentries if isinstance(entry, ReprEntry)]
        if len(entries) < len(self.traceback.reprentries) or not entries:
            return self
        last = entries[-1]
        error = [line for line in last.lines if line.startswith(_MARK)][:shown]
        own = [entry for entry in entries if entry.reprfileloc and is_own(entry.reprfileloc.path)]
        if own:
            end = own.pop()
            lines = [line for line in end.lines if not line.startswith(_MARK)]
            kept = ReprEntry([*lines, *error], end.reprfuncargs, end.reprlocals, end.reprfileloc, end.style)
            if kept.style == "long" and end.reprfileloc and last.reprfileloc:
                message = last.reprfileloc.message
                kept.reprfileloc = ReprFileLocation(end.reprfileloc.path, end.reprfileloc.lineno, message)
        else:
            kept = ReprEntry(error, None, None, last.reprfileloc, "short")
        trimmed = ReprTraceback([*own, kept], self.traceback.extraline, self.traceback.style)
        return _Shown(trimmed, self.then)


def is_shown_as_error(report: pytest.TestReport, miss: MissingRecordingError) -> bool:
    """Check whether a miss is the error of a failed phase, or in the chain of its causes."""
    return any(one.is_of(miss) for one in _chain(report))


def show_first(
    report: pytest.TestReport, misses: Sequence[MissingRecordingError], is_own: Callable[[str], bool]
) -> None:
    """Put misses before the failure of a phase, each once.

    What they led to is reduced to the project's own lines, which are in files for which `is_own` is true, and to the
    errors. A failure that has none of them among its causes is left as it is.
    """
    chain = _chain(report)
    texts = list(dict.fromkeys(f"{type(miss).__name__}: {miss}" for miss in misses))
    found = [number for number, one in enumerate(chain) if any(one.is_of(miss) for miss in misses)]
    if found == [0] and len(chain) == len(texts) == 1 and _ends_in_own_line(chain[0], is_own):
        return  # pytest shows little else
    last = found[-1] if found else -1
    then: str | None
    if not found:
        then, rest = "The test then failed:", chain
    elif last < len(chain) - 1:
        then, rest = chain[last].then, [one.trimmed(is_own) for one in chain[last + 1 :]]
    else:
        then, rest = None, [chain[last].trimmed(is_own, 1)]
    block = ReprEntryNative([f"{text}\n" for text in limited(texts, of=" missing")])
    crash = _place(report, rest[-1].traceback, texts[0])
    if then is None:
        traceback = rest[-1].traceback
        both = ReprTraceback([block, *traceback.reprentries], traceback.extraline, traceback.style)
        longrepr = ExceptionChainRepr([(both, crash, None)])
    else:
        head = _Shown(ReprTraceback([block], None, "native"), then)
        longrepr = ExceptionChainRepr([(one.traceback, crash, one.then) for one in (head, *rest)])
    longrepr.sections = list(getattr(report.longrepr, "sections", ()))
    report.longrepr = longrepr


def _chain(report: pytest.TestReport) -> list[_Shown]:
    """Return what pytest shows of a failure, exception by exception, the first cause first."""
    longrepr = report.longrepr
    if isinstance(longrepr, ExceptionChainRepr) and all(link[0].reprentries for link in longrepr.chain):
        return [_Shown(traceback, then) for traceback, _, then in longrepr.chain]
    # In the native style, or made by another plugin.
    parts = [*_SEPARATOR.split(report.longreprtext.rstrip("\n") + "\n"), None]
    return [
        _Shown(ReprTraceback([ReprEntryNative([text or ""])], None, "native"), then)
        for text, then in zip(parts[::2], parts[1::2], strict=True)
    ]


def _ends_in_own_line(shown: _Shown, is_own: Callable[[str], bool]) -> bool:
    place = getattr(shown.traceback.reprentries[-1], "reprfileloc", None)
    return place is not None and is_own(place.path)


def _place(report: pytest.TestReport, traceback: ReprTraceback, message: str) -> ReprFileLocation:
    """Return the place that a failure is reported at, with the message of the short summary."""
    place = getattr(traceback.reprentries[-1], "reprfileloc", None)
    place = place or getattr(report.longrepr, "reprcrash", None)
    if place is not None:
        return ReprFileLocation(place.path, place.lineno, message)
    path, line, _ = report.location
    return ReprFileLocation(os.fspath(path), (line or 0) + 1, message)
