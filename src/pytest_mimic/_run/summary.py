"""The lines of the section `mimic` at the end of a run, and the words for a run's mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.ambient import command
from pytest_mimic._core.node_ids import relative_path
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.words import SHOWN, in_columns, listed, plural, seconds
from pytest_mimic._run.unused_check import holds_recordings
from pytest_mimic._tools.unused.judgement import Judgement, count_unused, list_unused

if TYPE_CHECKING:
    import pytest

    from pytest_mimic._core.engine.ledger import Ledger
    from pytest_mimic._core.settings import Settings

_FIXTURES = {"mimic_record", "mimic_replay", "mimic_auto"}
_HEADERS = {
    Mode.REPLAY: "replay from {}",
    Mode.RECORD: "record into {}",
    Mode.RERECORD: "re-record into {}",
    Mode.VERIFY: "verify against {}",
    Mode.LIVE: "live, every call runs for real, {} is left alone",
}
# How many calls a single line names at most.
_IN_LINE = 3


def names_targets(item: pytest.Item) -> bool:
    """Check whether a test has its own targets: by a marker, a decorator or a fixture."""
    decorated = [getattr(item, "function", None), *getattr(getattr(item, "cls", None), "__mro__", ())]
    return (
        item.get_closest_marker("mimic") is not None
        or any("__mimic_targets__" in getattr(one, "__dict__", ()) for one in decorated)
        or not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    )


def mode_line(settings: Settings) -> str:
    """Return the mode of a run and its vault in words."""
    only = f", only {', '.join(settings.only)}" if settings.only else ""
    return f"{_HEADERS[settings.mode].format(settings.shown_vault)}{only}"


def summary(
    ledger: Ledger,
    judgement: Judgement,
    *,
    restored: Sequence[str] = (),
    quiet: bool = False,
    fails_on_unused: bool = False,
) -> list[str]:
    """Return the lines of the section titled `mimic`, which may be empty. If `quiet`, only problems are shown.

    `restored` are the labels of the recordings that stood before and were put back.
    """
    misses = dict.fromkeys((miss.label, miss.test) for miss in ledger.missing)
    problems = listed("missing:", in_columns(list(misses)))
    problems += list_unused(judgement)
    problems += _hidden(ledger)
    again = listed("run again from the start, because a conversation has a new call:", ledger.restarts)
    again += listed(
        "run again from the start, because --mimic-only selects a later call:", ledger.begun_again
    )
    errors, remedies = _recorded_errors(ledger)
    notes = [*again, *ledger.notes, *ledger.errors]
    is_unclear = judgement.not_judged or judgement.unproven  # only where an option asked
    if quiet and not (errors or problems or notes or is_unclear):
        return []
    if tests := {miss.test for miss in ledger.missing if miss.by_option}:
        line = command("--mimic-record", tests.pop() if len(tests) == 1 else None)
        remedies.append(f"to record the missing: {line}")
    if judgement.unused and not judgement.cleared:
        remedies.append(f"to drop the unused: {command('--mimic-clear-unused')}")
    counts = _counts(ledger, judgement)
    if ledger.draws:
        how = "use a generator of your own instead, such as random.Random(seed)"
        remedies.append(f"to make these calls repeatable: {how}")
    if ledger.processes:
        remedies.append(
            "to mimic calls there: start the process by fork, or name the function that starts it"
        )
    if ledger.websockets:
        remedies.append("to record what they give: name your function that uses one in mimic_functions")
        remedies.append("to refuse them: mimic_network = block")
    lines = [counts] if counts else []
    if not quiet:
        lines += [judgement.vault] if judgement.vault else []
        lines += _taken_back(ledger.taken_back, restored)
    failed = [_failed(judgement)] if fails_on_unused and judgement.unused else []
    return [*lines, *errors, *problems, *notes, *remedies, *failed]


def _failed(judgement: Judgement) -> str:
    """Return why a run failed in which all tests passed."""
    is_one = judgement.unused == 1
    verb = ("was" if is_one else "were") if judgement.cleared else ("is" if is_one else "are")
    return f"failed: {plural(judgement.unused, 'recording')} {verb} unused (--mimic-fail-on-unused)"


def _hidden(ledger: Ledger) -> list[str]:
    """Return the lines about inputs that no recording sees. Equal ones are counted."""
    draws = [
        (label, f"{modules}{_times(count)}")
        for (label, modules), count in Counter(map(tuple, ledger.draws)).items()
    ]
    started = [
        f"{test or 'code outside of tests'} started a process ({method}) in which nothing is mimicked{_times(count)}"
        for (test, method), count in Counter(map(tuple, ledger.processes)).items()
    ]
    drew = listed("drew from a global random state:", in_columns(draws))
    sockets = list(dict.fromkeys((origin, test) for origin, test in ledger.websockets))
    opened = listed("WebSockets, which are not recorded and connected for real:", in_columns(sockets))
    held = listed(
        "outcomes with secrets of the environment:",
        in_columns([(label, what) for label, what in ledger.environment]),
    )
    return [*held, *drew, *listed("processes:", started), *opened]


def _recorded_errors(ledger: Ledger) -> tuple[list[str], list[str]]:
    """Return the list of the recorded errors, and the command that records them again."""
    counts = Counter((label, test) for label, test in ledger.failures)
    if not counts:
        return [], []
    rows = [(f"{label}{_times(count)}", test) for (label, test), count in counts.items()]
    tests = list(dict.fromkeys(test for _, test in counts if test))
    if len(tests) > SHOWN:
        tests = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    again = "it" if len(rows) == 1 else "them"
    remedy = f"to record {again} again: {command('--mimic-rerecord', *tests[:SHOWN])}"
    return listed("recorded errors:", in_columns(rows)), [remedy]


def _taken_back(labels: Sequence[str], restored: Sequence[str]) -> list[str]:
    """Return a line on the errors of failing tests, and one on the recordings that failing tests had replaced."""
    lines = []
    if labels:
        whose = "of a failing test was" if len(labels) == 1 else "of failing tests were"
        lines.append(f"{plural(len(labels), 'outcome')} {whose} not kept: {_in_line(labels)}")
    if restored:
        was, it = ("was", "it") if len(restored) == 1 else ("were", "them")
        what = f"{plural(len(restored), 'recording')} {was} put back, because only failing tests had replaced {it}"
        lines.append(f"{what}: {_in_line(restored)}")
    return lines


def _in_line(labels: Sequence[str]) -> str:
    counts = Counter(labels)
    shown = [f"{label}{_times(count)}" for label, count in list(counts.items())[:_IN_LINE]]
    more = len(labels) - sum(list(counts.values())[:_IN_LINE])
    return "; ".join([*shown, *([f"and {more} more"] if more else [])])


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _counts(ledger: Ledger, judgement: Judgement) -> str:
    counts = []
    if ledger.recorded:
        counts.append(f"{plural(ledger.recorded, 'call')} recorded in {seconds(ledger.record_seconds)}")
    if ledger.verified:
        counts.append(f"{plural(ledger.verified, 'call')} verified")
    if ledger.drifted:
        counts.append(f"{ledger.drifted} drifted")
    stale = sum(miss.is_stale for miss in ledger.missing)
    missing = f"missing ({stale} stale)" if stale else "missing"
    for number, what in ((ledger.replayed, "replayed"), (len(ledger.missing), missing)):
        if number:  # only the first count names its unit
            counts.append(f"{number if counts else plural(number, 'call')} {what}")
    if ledger.saved:  # vcrpy does not keep how long a call took
        counts.append(f"{seconds(ledger.saved)} saved")
    parts = [", ".join(counts)] if counts else []
    return "; ".join([*parts, *count_unused(judgement)])


def name_vaults(vaults: Iterable[str], *, start: Path) -> list[str]:
    """Return lines that name the vaults with recordings, and the commands that use them from the folder `start`."""
    from shlex import join

    recorded = [vault for vault in map(Path, vaults) if holds_recordings(vault)]
    lines = []
    for vault in recorded[:SHOWN]:
        folder = relative_path(vault.parent, start=start)
        lines.append(f"{folder}/{vault.name} is not the vault of this run: nothing is replayed from it")
        lines.append(f"  to use it: {join(['pytest', f'--rootdir={folder}', folder])}")
    more = len(recorded) - SHOWN
    return [*lines, f"and {more} more vaults"] if more > 0 else lines
