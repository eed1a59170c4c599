"""The errors a test fails with: the call, what differs from what was recorded, the command that helps."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import Any, Protocol, TypeVar

from pytest_mimic._describe import Difference, differences, hidden
from pytest_mimic.errors import DriftError, MissingRecordingError, MutatedInputError, StaleRecordingError

_SHOWN = 5
_CANDIDATES = 300
_MOMENT = re.compile(r"'?\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|'?1[5-9]\d{8}(\d{3})?(\.\d+)?'?\Z")
_UUID = re.compile(r"'?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}'?\Z", re.IGNORECASE)


class Known(Protocol):
    """What is told about a recording."""

    @property
    def arguments(self) -> Mapping[str, Any] | None: ...
    @property
    def test(self) -> str | None: ...
    @property
    def recorded(self) -> str | None: ...


K = TypeVar("K", bound=Known)


def nearest_recording(
    candidates: Iterable[K], arguments: Mapping[str, Any] | None, *, test: str | None = None
) -> K | None:
    """The recording that differs from a call in the fewest parts; among equals the most alike, then the same test's.

    Args:
        candidates: Recordings of the call's target; the first few hundred are looked at.
        arguments: The description of the call's arguments.
        test: The id of the test that makes the call.
    """
    looked_at = islice(candidates, _CANDIDATES)
    return min(looked_at, key=lambda known: _distance(known, arguments, test), default=None)


def _distance(known: Known, arguments: Mapping[str, Any] | None, test: str | None) -> tuple[float, ...]:
    if known.arguments is None or arguments is None:
        return (1_000_000, 0, known.test != test)
    found = differences(known.arguments, arguments)
    alike = sum(SequenceMatcher(None, one.old or "", one.new or "").ratio() for one in found[:_SHOWN])
    return (len(found), -alike, known.test != test)


def missing(
    label: str,
    *,
    target: str,
    arguments: Mapping[str, Any] | None = None,
    nearest: Known | None = None,
    test: str | None = None,
    hints: Sequence[str] = (),
) -> MissingRecordingError:
    """The error for a call without a recording.

    Args:
        label: The call, as `call_label` gives it.
        target: The target's name, for the remedies.
        arguments: The description of the call's arguments.
        nearest: The nearest recording of the target, None where it has none.
        test: The id of the test that made the call, None outside tests.
        hints: More facts, one line each.
    """
    facts = [f"nothing of {target} is recorded"]
    remedies = [f"to record it: {command('--mimic-record', test)}"]
    if nearest is not None:
        found = differences(nearest.arguments, arguments)
        facts = [_nearest_line(nearest), *_difference_lines(nearest, arguments, found)]
        remedies += _ignore_lines(target, found)
    return MissingRecordingError(
        f"no recording of {label}", facts=[*facts, *hints], remedies=remedies, call=label, test=test
    )


def _nearest_line(nearest: Known) -> str:
    by = f" by {nearest.test}" if nearest.test else ""
    on = f" on {nearest.recorded}" if nearest.recorded else ""
    return f"nearest: recorded{by}{on}"


def _difference_lines(
    nearest: Known, arguments: Mapping[str, Any] | None, found: Sequence[Difference]
) -> list[str]:
    if nearest.arguments is None or arguments is None:
        return ["  its arguments were not stored (mimic_store_arguments = false)"]
    if not found:
        return [f"  {_unseen(arguments)}"]
    return [f"  {line}" for line in limited([one.line() for one in found], _SHOWN)]


def _unseen(arguments: Mapping[str, Any]) -> str:
    """Where two calls differ whose descriptions are equal."""
    parts = hidden(arguments)
    if not parts:
        return "the arguments look the same; they differ in a part that is not described"
    return f"the arguments look the same; they differ in a part that is not shown: {', '.join(parts[:_SHOWN])}"


def _ignore_lines(target: str, found: Sequence[Difference]) -> list[str]:
    """The remedy for what changes from run to run, where all that differs looks like it."""
    if not found or not all(_is_volatile(one) for one in found):
        return []
    paths = ",".join(sorted({_as_option(one.path) for one in found}))
    return [f"if it changes from run to run: {target} ignore={paths}"]


def _is_volatile(difference: Difference) -> bool:
    sides = difference.old or "", difference.new or ""
    return any(all(pattern.match(side) for side in sides) for pattern in (_MOMENT, _UUID))


def _as_option(path: str) -> str:
    """A path as `ignore=` takes it: `rows[0].id` becomes `rows.*.id`."""
    return re.sub(r"\[\d+\]", ".*", path)


def stale(
    label: str, *, target: str, recorded: str | None = None, test: str | None = None, hints: Sequence[str] = ()
) -> StaleRecordingError:
    """The error for a recording made from another source of its target; `recorded` is its date."""
    when = f" ({recorded})" if recorded else ""
    return StaleRecordingError(
        f"{target} has changed since this call was recorded{when}",
        facts=hints,
        remedies=[
            f"to record it anew: {command('--mimic-record', test)}",
            f"to see whether the outcome changed: {command('--mimic-verify', test)}",
        ],
        call=label,
        test=test,
    )


def drift(label: str, lines: Sequence[str], *, test: str | None = None) -> DriftError:
    """The error for a real call that gives something else than its recording; `lines` from `compare`."""
    return DriftError(
        f"{label} no longer gives what was recorded",
        facts=lines,
        remedies=[f"to accept it: {command('--mimic-rerecord', test)}"],
        call=label,
        test=test,
    )


def unverifiable(label: str, error: BaseException, *, test: str | None = None) -> DriftError:
    """The error for a recording that could not be verified, because the real call failed."""
    return DriftError(
        f"{label} could not be verified: the real call failed",
        facts=[f"{type(error).__qualname__}: {error}"],
        remedies=[f"to try again: {command('--mimic-verify', test)}"],
        call=label,
        test=test,
    )


def mutated(
    label: str, before: Mapping[str, Any], after: Mapping[str, Any], *, target: str
) -> MutatedInputError:
    """The error for a function that changed its arguments; descriptions from before and after the call."""
    found = differences(before, after)
    names = sorted({re.split(r"[.\[{]", one.path)[0] for one in found})
    return MutatedInputError(
        f"{target} has mutated its inputs",
        facts=limited([one.line("before", "after") for one in found], _SHOWN),
        remedies=[f"if that is its job: {target} mutates={','.join(names)}"],
        call=label,
    )


def command(option: str, test: str | None) -> str:
    """The command line that runs one test with an option; everything without a test."""
    return f"pytest {option} {shlex.quote(test)}" if test else f"pytest {option}"


def limited(lines: Sequence[str], shown: int = 10) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - shown
    return [*lines[:shown], f"and {more} more"] if more > 0 else list(lines)
