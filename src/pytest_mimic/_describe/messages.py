"""The errors a test fails with: the call, what differs from what was recorded, the command that helps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from shlex import quote
from typing import Any, Protocol, TypeVar

from pytest_mimic._ambient import command
from pytest_mimic._describe import Difference, differences, hidden
from pytest_mimic._identity.ignore import parse_path
from pytest_mimic._redact.redactor import Redactor
from pytest_mimic.errors import (
    DriftError,
    MissingRecordingError,
    MutatedInputError,
    StaleRecordingError,
)

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

_SHOWN = 5
_CANDIDATES = 300
_LINE = 200
_MOMENT = re.compile(r"'?\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}|'?1[5-9]\d{8}(\d{3})?(\.\d+)?'?\Z")
_DATE = re.compile(r"'?\d{4}-\d{2}-\d{2}'?\Z")
# The last step into a value that is written with its type, `{"$datetime": "2026-11-02T10:00:00"}`, as databases'
# values are (boundaries/values.py): `ignore=` has to leave out the type as well.
_VALUE_TAG = re.compile(r"\['\$(?:date|datetime|time|uuid)'\]\Z")
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
    """The recording that differs from a call in the fewest arguments, then parts; then the most alike, the same test's.

    Args:
        candidates: Recordings of the call's target; the first few hundred are looked at.
        arguments: The description of the call's arguments.
        test: The id of the test that makes the call.
    """
    looked_at = islice(candidates, _CANDIDATES)
    return min(looked_at, key=lambda known: _distance(known, arguments, test), default=None)


def _distance(known: Known, arguments: Mapping[str, Any] | None, test: str | None) -> tuple[float, ...]:
    if known.arguments is None or arguments is None:
        return (1_000_000, 0, 0, known.test != test)
    found = differences(known.arguments, arguments)
    whole = {_argument_of(one.path) for one in found}
    alike = sum(SequenceMatcher(None, one.old or "", one.new or "").ratio() for one in found[:_SHOWN])
    return (len(whole), len(found), -alike, known.test != test)


def missing(
    label: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    candidates: Iterable[Known] = (),
    test: str | None = None,
    facts: Sequence[str] = (),
    ignored: Sequence[str] = (),
    within: str = "",
    sequence: bool = False,
    recording: Sequence[str] | None = None,
) -> MissingRecordingError:
    """The error for a call without a recording: the nearest one, what differs, the command that records it.

    Args:
        label: The call, as `call_label` gives it.
        arguments: The description of the call's arguments.
        candidates: Recordings of the same target.
        test: The id of the test that made the call, None outside tests.
        facts: More facts, one line each.
        ignored: Paths that the target's `ignore=` leaves out of the identity.
        within: Where the candidates are, where that is not the whole vault.
        sequence: Recordings belong to the test that made them.
        recording: What records the call, in place of the command.
    """
    target = _target_of(label)
    place = f" in {within}" if within else ""
    nearest = nearest_recording(candidates, arguments, test=test)
    told = [f"nothing of {target} is recorded{place}"]
    remedies = list(recording or [f"to record it: {command('--mimic-record', test)}"])
    if nearest is not None:
        differing = differences(nearest.arguments, arguments)
        found = [one for one in differing if not _is_left_out(one.path, ignored)]
        told = [f"{_nearest_line(nearest)}{place}", *_difference_lines(nearest, arguments, found)]
        if sequence and not differing and nearest.test != test:
            told[1:] = ["  the same call: a recording of a sequence belongs to the test that made it"]
        if differing and not found:
            told[1:] = [
                f"  it differs only in what ignore={','.join(ignored)} leaves out: it was recorded without, or is another test's"
            ]
        remedies += _ignore_lines(target, found, nearest)
    return MissingRecordingError(
        f"no recording of {label}", facts=[*told, *facts], remedies=remedies, call=label, test=test
    )


def _target_of(label: str) -> str:
    return re.split(r"[( ]", label)[0]


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


def _is_left_out(path: str, ignored: Sequence[str]) -> bool:
    """Whether a path, as a difference has it, leads into what `ignore=` names."""
    steps = re.findall(r"[^.\[\]]+", path)
    for one in ignored:
        wanted = parse_path(one)
        if len(wanted) <= len(steps) and all(
            want in ("*", step) for want, step in zip(wanted, steps, strict=False)
        ):
            return True
    return False


def _unseen(arguments: Mapping[str, Any]) -> str:
    """Where two calls differ whose descriptions are equal."""
    parts = hidden(arguments)
    if not parts:
        return "the arguments look the same; they differ in a part that is not described"
    return (
        f"the arguments look the same; they differ in a part that is not shown: {', '.join(parts[:_SHOWN])}"
    )


def _ignore_lines(target: str, found: Sequence[Difference], nearest: Known) -> list[str]:
    """The remedy for what changes from run to run, where all that differs looks like it."""
    if not found or not all(_is_volatile(one, nearest.recorded) for one in found):
        return []
    paths = sorted({_as_option(one.path) for one in found})
    if not all(map(_is_path, paths)):
        return []
    return [f"if it changes from run to run: {target} ignore={_as_word(','.join(paths))}"]


def _is_volatile(difference: Difference, recorded: str | None) -> bool:
    """Whether both sides look like moments or random ids; a date does where it was that of the recording."""
    old, new = difference.old or "", difference.new or ""
    if recorded is not None and old.strip("'") == recorded[:10]:
        return bool(_DATE.match(new))
    return any(pattern.match(old) and pattern.match(new) for pattern in (_MOMENT, _UUID))


def _as_option(path: str) -> str:
    """A path as `ignore=` takes it: `rows[0].id` becomes `rows.*.id`, `words[2]` stays the third alone."""
    path = _VALUE_TAG.sub("", path)
    return re.sub(r"\[(\d+)\]", r".\1", re.sub(r"\[\d+\](?=\.)", ".*", path))


def _is_path(path: str) -> bool:
    """Whether an option can name the path."""
    try:
        return "," not in path and bool(parse_path(path))
    except ValueError:
        return False


def _as_word(text: str) -> str:
    """A text as one word of a line, quoted where it has to be."""
    if not re.search(r"""['"\\#\s]""", text):
        return text
    return quote(text) if re.search(r'["\\]', text) else f'"{text}"'


def stale(
    label: str,
    *,
    recorded: str | None = None,
    test: str | None = None,
    facts: Sequence[str] = (),
    recording: Sequence[str] | None = None,
) -> StaleRecordingError:
    """The error for a recording made from another source of its target.

    Args:
        label: The call, as `call_label` gives it.
        recorded: The recording's date.
        test: The id of the test that made the call, None outside tests.
        facts: More facts, one line each.
        recording: What records the call anew, in place of the commands.
    """
    when = f" ({recorded})" if recorded else ""
    return StaleRecordingError(
        f"{_target_of(label)} has changed since this call was recorded{when}",
        facts=facts,
        remedies=recording
        or [
            f"to record it anew: {command('--mimic-record', test)}",
            f"to see whether the outcome changed: {command('--mimic-verify', test)}",
        ],
        call=label,
        test=test,
    )


def read_further(
    label: str, *, test: str | None = None, option: str = "--mimic-record"
) -> MissingRecordingError:
    """The error for a stream that is read beyond the end of its recording; `option` is what records the rest."""
    return MissingRecordingError(
        f"{label} is read further than it was when it was recorded",
        remedies=[f"to record the rest: {command(option, test)}"],
        call=label,
        test=test,
    )


def placeholder_sent(label: str, *, test: str | None = None) -> MissingRecordingError:
    """The error for a new request that needs a secret which a replayed answer does not hold."""
    return MissingRecordingError(
        f"no recording of {label}, and it cannot be sent: it holds the placeholder of a secret",
        facts=["the answer that issued the secret was replayed, and recordings have no secrets"],
        remedies=[f"to record the whole conversation anew: {command('--mimic-rerecord', test)}"],
        call=label,
        test=test,
    )


def strange_answer(label: str, *, test: str | None = None) -> MissingRecordingError:
    """The error for a stream whose reader sends or throws in something else than while recording."""
    return MissingRecordingError(
        f"{label} is sent something else than when it was recorded",
        remedies=[f"to record it anew: {command('--mimic-rerecord', test)}"],
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


def unverifiable(
    label: str, error: BaseException, *, test: str | None = None, redactor: Redactor | None = None
) -> DriftError:
    """The error for a recording that could not be verified, because the real call failed."""
    return DriftError(
        f"{label} could not be verified: the real call failed",
        facts=[_exception_line(error, redactor or Redactor())],
        remedies=[f"to try again: {command('--mimic-verify', test)}"],
        call=label,
        test=test,
    )


def _exception_line(error: BaseException, redactor: Redactor) -> str:
    """`ConnectError: name or service not known`; the text is the exception's own, its first line."""
    name = type(error).__qualname__
    try:
        text = str(error)
    except Exception:  # a class whose __str__ is broken still has a name
        text = ""
    first = redactor.scrub_text(text.strip()[:1_000]).partition("\n")[0]
    return f"{name}: {first[:_LINE]}" if first else name


def mutated(target: str, names: Sequence[str], found: Sequence[Difference]) -> MutatedInputError:
    """The error for a function that changed its arguments.

    Args:
        target: The target's name.
        names: The arguments that it changed.
        found: What differs between their descriptions before and after the call.
    """
    told = [one for one in found if _argument_of(one.path) in names]
    unseen = set(names) - {_argument_of(one.path) for one in told}
    return MutatedInputError(
        f"{target} has mutated its inputs",
        facts=[
            *limited([one.line("before", "after") for one in told], _SHOWN),
            *(f"{name}: changed in a part that is not shown" for name in sorted(unseen)),
        ],
        remedies=[f"if that is its job: {target} mutates={','.join(names)}"],
        call=target,
    )


def _argument_of(path: str) -> str:
    return re.split(r"[.\[{]", path)[0]


def limited(lines: Sequence[str], shown: int = 10) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - shown
    return [*lines[:shown], f"and {more} more"] if more > 0 else list(lines)
