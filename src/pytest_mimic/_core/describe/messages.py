"""The texts of the plugin's errors: a miss with the nearest recording and its differences, and a command that helps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from pytest_mimic._core.ambient import command, current, vault_command
from pytest_mimic._core.describe.argument_differences import Difference, differences, hidden, shared_start
from pytest_mimic._core.describe.changing_values import changing_paths
from pytest_mimic._core.describe.description_form import order
from pytest_mimic._core.identity.ignore import parse_path
from pytest_mimic._core.origin import version_change
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.target_options import target_line
from pytest_mimic._core.vault.long_parts import shortened
from pytest_mimic._core.words import few, limited
from pytest_mimic.errors import DriftError, MissingRecordingError, MutatedInputError, StaleRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.target_options import Options

_SHOWN = 5
#: The recordings that a miss is compared with, at most.
CANDIDATES = 300
# Of those that are as near, the long parts of so many are read.
_READ = 50
_LINE = 200
# What is described of a client's call besides what counts: made from its other parts, or told apart by order.
_BESIDE = ("signature", "server")
# The digest of a value that is not shown as a whole.
_DIGEST = re.compile(r" #[0-9a-f]{8}>\Z")


class Known(Protocol):
    """A recording, as messages know it."""

    @property
    def arguments(self) -> Mapping[str, Any] | None: ...
    @property
    def test(self) -> str | None: ...
    @property
    def recorded(self) -> str | None: ...
    @property
    def source(self) -> str | None: ...


K = TypeVar("K", bound=Known)


class MissedCall(NamedTuple):
    """A call without a recording: its label, the descriptions of its arguments, and the id of its test.

    `line` is the name in the line of its target, `options` are those of the line, `source` is that of the target. Recordings of
    a `sequence` belong to their test.
    """

    label: str
    arguments: Mapping[str, Any] | None = None
    test: str | None = None
    options: Options | None = None
    line: str = ""
    sequence: bool = False
    source: str | None = None


def nearest_recording(
    candidates: Iterable[K],
    arguments: Mapping[str, Any] | None,
    *,
    test: str | None = None,
    whole: Callable[[K], K] = lambda one: one,
) -> K | None:
    """Return the recording that is most like a call, or None without candidates.

    A recording of the same test comes first, if it has at least one argument in common with the call or no recording
    has. Then comes the one with the fewest arguments that differ; then the fewest parts; then the most alike. Only
    the first few hundred candidates are considered. `whole` reads the long parts of one: recordings show the beginning of
    such a part, which those that are otherwise as near may share.
    """
    short, long_parts = shortened(arguments)

    def distance(known: Known) -> tuple[float, ...]:
        if known.arguments is None or short is None:
            return (True, known.test != test, 1_000_000, 0, 0)
        found = differences(known.arguments, short)
        differing = {_argument_of(one.path) for one in found}
        # Of a file, only the content differs: nothing is more alike.
        alike = sum(1 if one.file else _likeness(one) for one in found[:_SHOWN])
        has_nothing_in_common = differing >= known.arguments.keys() | short.keys()
        return (has_nothing_in_common, known.test != test, len(differing), len(found), -alike)

    ranked = [(distance(one), one) for one in islice(candidates, CANDIDATES)]
    nearest = min(ranked, key=itemgetter(0), default=None)
    if nearest is None or not long_parts:
        return nearest and nearest[1]
    near = [one for found, one in ranked if found[:-1] == nearest[0][:-1]]
    return min(near[:_READ], key=lambda one: _apart(whole(one), arguments or {}))


def _apart(known: Known, arguments: Mapping[str, Any]) -> int:
    """Return the length of the stretches outside of which the arguments of two calls are the same."""
    apart = 0
    for name in {*(known.arguments or ()), *arguments}:
        old, new = order((known.arguments or {}).get(name)), order(arguments.get(name))
        start = shared_start(old, new)
        old, new = old[start:], new[start:]
        apart += max(len(old), len(new)) - shared_start(old[::-1], new[::-1])
    return apart


def missing(
    call: MissedCall,
    candidates: Iterable[K] = (),
    *,
    within: str = "",
    facts: Sequence[str] = (),
    remedies: Sequence[str] | None = None,
    whole: Callable[[K], K] = lambda one: one,
    bare: Callable[[K], K] = lambda one: one,
) -> MissingRecordingError:
    """Return the error for a call without a recording, which shows how the nearest recording differs.

    The candidates are recordings of the same target: those in a cassette if `within` names one, else those of the whole
    vault. `remedies` describe how to record the call, if not by `--mimic-record`. `whole` reads the long parts of one,
    `bare` takes secrets out of the nearest.
    """
    place = f" in {within}" if within else ""
    nearest = nearest_recording(candidates, call.arguments, test=call.test, whole=whole)
    record = command("--mimic-record", call.test)
    is_usual, first = not remedies and call.test is not None, list[str]()
    remedies = list(remedies or [f"to record it: {record}"])
    if nearest is None:
        lines = [f"nothing of {_target_of(call.label)} is recorded{place}"]
    else:
        by = f" by {nearest.test}" if nearest.test else ""
        on = f" on {nearest.recorded}" if nearest.recorded else ""
        nearest = bare(whole(nearest))
        differing = differences(nearest.arguments, call.arguments)
        counted = [one for one in differing if not _is_left_out(one.path, _ignored(call))]
        inner = _difference_lines(nearest, call, differing, counted)
        inner += version_change(nearest.source, call.source)
        lines = [f"nearest: recorded{by}{on}{place}", *(f"  {line}" for line in inner)]
        paths = sorted(changing_paths(_target_of(call.label), counted, nearest.recorded))
        by_key = call.options is not None and call.options.key is not None  # which `ignore=` does not reach
        if paths and not by_key and not set(paths) <= set(_ignored(call)):
            line = target_line(call.line or _target_of(call.label), call.options, "ignore", paths)
            if is_usual and nearest.test == call.test:
                first = [f"{_changing(paths)} in every run: recording again will not help"]
                remedies = [f"to leave that out: {line}", f"then record it: {record}"]
            else:
                remedies.append(f"if it changes from run to run: {line}")
    what = f"no recording of {call.label}"
    facts = [*first, *lines, *facts]
    return MissingRecordingError(what, facts=facts, remedies=remedies, call=call.label, test=call.test)


def _changing(paths: Sequence[str]) -> str:
    look = "looks as if it changes" if len(paths) == 1 else "look as if they change"
    return f"{' and '.join(paths) if len(paths) < 3 else few(paths)} {look}"


def _ignored(call: MissedCall) -> tuple[str, ...]:
    return () if call.options is None else call.options.ignore


def _likeness(one: Difference) -> float:
    old, new = (_DIGEST.sub(">", side or "") for side in (one.old, one.new))
    return SequenceMatcher(None, old, new).ratio()


def _target_of(label: str) -> str:
    return re.split(r"[( ]", label)[0]


def _difference_lines(
    nearest: Known, call: MissedCall, differing: Sequence[Difference], counted: Sequence[Difference]
) -> list[str]:
    """Explain how a call differs from the nearest recording; `counted` are the differences outside `ignore=`."""
    if counted:
        beside = _BESIDE if names_client(_target_of(call.label)) else ()
        parts = [one for one in counted if one.path not in beside] or counted
        lines = limited([one.line() for one in parts], _SHOWN)
        if any(not one.file and _likeness(one) == 1 for one in parts):
            lines += [
                "#... is a digest of all items and types, which may be others in another version of a library"
            ]
        return lines
    if differing:
        where = f"it differs only in what ignore={','.join(_ignored(call))} leaves out"
        return [f"{where}: it was recorded without, or is another test's"]
    if call.sequence and nearest.test != call.test:
        return ["the same call: a recording of a sequence belongs to the test that made it"]
    if nearest.arguments is None or call.arguments is None:
        return ["its arguments were not stored (mimic_store_arguments = false)"]
    unseen = ", ".join(hidden(call.arguments)[:_SHOWN])
    which = f"shown: {unseen}" if unseen else "described"
    return [f"the arguments look the same; they differ in a part that is not {which}"]


def _is_left_out(path: str, ignored: Sequence[str]) -> bool:
    """Return whether the path of a difference leads into a part that `ignore=` names."""
    steps = re.findall(r"[^.\[\]]+", path)
    fitting = (wanted for wanted in map(parse_path, ignored) if len(wanted) <= len(steps))
    return any(
        all(want in ("*", step) for want, step in zip(wanted, steps, strict=False)) for wanted in fitting
    )


def stale(
    label: str,
    changed: Sequence[str] = (),
    *,
    recorded: str | None = None,
    test: str | None = None,
    remedies: Sequence[str] | None = None,
) -> StaleRecordingError:
    """Return the error for a recording whose call ran or read what has `changed`, or the source of whose target has."""
    when = f" ({recorded})" if recorded else ""
    commands = [
        f"to record it again: {command('--mimic-record', test)}",
        f"to see whether the outcome changed: {command('--mimic-verify', test, more=['--mimic-review'])}",
    ]
    what = f"what {label} ran or read" if changed else _target_of(label)
    what += f" has changed since this call was recorded{when}"
    facts = limited([f"{one} has changed" for one in changed], _SHOWN)
    return StaleRecordingError(what, facts=facts, remedies=remedies or commands, call=label, test=test)


def read_further(
    label: str, *, test: str | None = None, option: str = "--mimic-record"
) -> MissingRecordingError:
    """Return the error for a stream that is read beyond the end of its recording; `option` records the rest."""
    what = f"{label} is read further than it was when it was recorded"
    remedy = f"to record the rest: {command(option, test)}"
    return MissingRecordingError(what, remedies=[remedy], call=label, test=test)


def placeholder_sent(label: str, *, test: str | None = None) -> MissingRecordingError:
    """Return the error for a new request that needs a secret which a replayed answer does not contain."""
    what = f"no recording of {label}, and it cannot be sent: it holds the placeholder of a secret"
    fact = "the answer that issued the secret was replayed, and recordings have no secrets"
    remedy = f"to record the whole conversation again: {command('--mimic-rerecord', test)}"
    return MissingRecordingError(what, facts=[fact], remedies=[remedy], call=label, test=test)


def cannot_begin_again(label: str, *, test: str | None = None) -> MissingRecordingError:
    """Return the error for a new call after replayed ones, where no test can be run again from its start."""
    what = f"no recording of {label}, and it cannot run for real: calls before it were replayed"
    fact = "a conversation is recorded as a whole, and what happens here cannot be repeated"
    remedy = f"to record the whole conversation again: {command('--mimic-rerecord', test)}"
    return MissingRecordingError(what, facts=[fact], remedies=[remedy], call=label, test=test)


def strange_answer(label: str, *, test: str | None = None) -> MissingRecordingError:
    """Return the error for a stream whose reader sends or throws in something else than while recording."""
    what = f"{label} is sent something else than when it was recorded"
    remedy = f"to record it again: {command('--mimic-rerecord', test)}"
    return MissingRecordingError(what, remedies=[remedy], call=label, test=test)


def drift(
    label: str, lines: Sequence[str], *, test: str | None = None, failed: str = "", volatile: str = ""
) -> DriftError:
    """Return the error for a real call whose outcome differs from its recording; `lines` are those of `compare`.

    `failed` says how the service failed or refused the call, which is not to be accepted. `volatile` is the
    target's line that leaves out what differs.
    """
    what = f"{label} no longer gives what was recorded"
    remedies = [f"to accept it: {command('--mimic-rerecord', test)}"]
    if (session := current()) is not None and session.settings.review:  # it waits there
        remedies = [f"to decide about it: {vault_command('review')}"]
    if failed:
        remedies = [f"{failed}, to try again: {command('--mimic-verify', test)}"]
    elif volatile:
        remedies.append(f"to leave out what always differs: {volatile}")
    return DriftError(what, facts=lines, remedies=remedies, call=label, test=test, volatile=volatile)


def unverifiable(
    label: str, error: BaseException, *, test: str | None = None, redactor: Redactor | None = None
) -> DriftError:
    """Return the error for a recording that could not be verified because the real call failed."""
    try:
        text = str(error)
    except Exception:  # a class whose __str__ fails still has a name
        text = ""
    name = type(error).__qualname__
    first = (redactor or Redactor()).texts.scrub_text(text.strip()[:1_000]).partition("\n")[0]
    fact = f"{name}: {first[:_LINE]}" if first else name
    what = f"{label} could not be verified: the real call failed"
    remedy = f"to try again: {command('--mimic-verify', test)}"
    return DriftError(what, facts=[fact], remedies=[remedy], call=label, test=test)


def unsendable(label: str, *, test: str | None = None) -> DriftError:
    """Return the error for a recording that could not be verified because a secret for the request is missing."""
    what = f"{label} could not be verified: its request holds the placeholder of a secret"
    fact = "the real answer that should have issued the secret had none in that place, or was replayed"
    remedy = f"to record the whole conversation again: {command('--mimic-rerecord', test)}"
    return DriftError(what, facts=[fact], remedies=[remedy], call=label, test=test)


def mutated(
    target: str, options: Options, names: Sequence[str], found: Sequence[Difference]
) -> MutatedInputError:
    """Return the error for a function that changed arguments; `found` is how their descriptions then differ."""
    shown = [one for one in found if _argument_of(one.path) in names]
    unseen = set(names) - {_argument_of(one.path) for one in shown}
    facts = limited([one.line("before", "after") for one in shown], _SHOWN)
    facts += (f"{name}: changed in a part that is not shown" for name in sorted(unseen))
    remedy = f"if that is its job: {target_line(target, options, 'mutates', names)}"
    return MutatedInputError(f"{target} has mutated its inputs", facts=facts, remedies=[remedy], call=target)


def _argument_of(path: str) -> str:
    return re.split(r"[.\[{]", path)[0]
