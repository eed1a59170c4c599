"""Finds the recordings that are proven unused, and the tests that no longer exist.

It also clears such recordings, and says what was found. A recording that is proven
unused by mistake is deleted, and its test misses. So in doubt, nothing is proven.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.engine.function_plan import descriptions
from pytest_mimic._core.named_fields import NamedFields
from pytest_mimic._core.seam.registry import kind_of_client
from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.folder import holds_recordings
from pytest_mimic._core.vault.format import (
    CALLS_PREFIX,
    CASSETTES_PREFIX,
    parse_recording,
)
from pytest_mimic._core.words import SHOWN, Line, plural, size, tabled
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.account import Account
    from pytest_mimic._core.settings import Settings
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.headings import Heading


#: How many unused recordings a run judges that no option has asked to: reading all of a
#: large vault takes time.
READ_UNASKED = 500
#: The reason why a run that mimicked nothing cannot judge.
NOTHING = "nothing is mimicked"
# The outcomes of tests other than `passed`, as the end of a sentence.
_WORDS_OF_OUTCOMES = {
    "skipped": "was skipped",
    "failed": "failed",
    "forked": "forked a process",
    "uncalled": "passed without a call of its function",
}


def judge_unused(
    vault: Vault, account: Account, settings: Settings, *, reasons: Collection[str]
) -> Judgement:
    """Judge the recordings that a run did not use, at its end, for the summary.

    With `--mimic-clear-unused`, those proven unused are cleared.

    Args:
        vault: The vault of the run.
        account: The account of the run.
        settings: The settings of the run.
        reasons: Why the run was not complete. With a reason, nothing is judged.

    Returns:
        The judgement. Why nothing could be judged stands in it only if an option asked
        for judging.
    """
    is_asked = settings.clear_unused or settings.fail_on_unused
    if settings.mode is Mode.LIVE:
        if is_asked:
            return Judgement(reason_not_judged="--mimic-live was given")
        return Judgement()
    # Without an option, or without recordings, nobody expects a judgement.
    says_why_not = is_asked and holds_recordings(settings.vault)
    if reasons:
        reason_not_judged = ""
        if says_why_not:
            reason_not_judged = ", ".join(reasons)
        # Nothing is proven unused. What killed runs have left is cleared all the same.
        cleared = _clear_proven(vault, settings, {})
        return Judgement(reason_not_judged=reason_not_judged, cleared=cleared)
    if not account.mimicked:
        if says_why_not:
            return Judgement(reason_not_judged=NOTHING)
        return Judgement()
    unused_names = vault.names(without=account.used)
    if not unused_names:
        return Judgement(cleared=_clear_proven(vault, settings, {}))
    are_too_many = not is_asked and len(unused_names) > READ_UNASKED
    if are_too_many:
        # The first recordings by name, so that each run names the same ones.
        unused_names = nsmallest(READ_UNASKED, unused_names)
    judgement, proven_unused = judge(
        vault, unused_names, account, settings, most_listed=SHOWN
    )
    judgement.is_part = are_too_many
    if not is_asked:
        # Without an option, the summary says nothing of recordings that may be used.
        judgement.unproven = 0
    if settings.clear_unused and settings.no_record and proven_unused:
        judgement.reason_not_cleared = "--mimic-no-record was given"
    judgement.cleared = _clear_proven(vault, settings, proven_unused)
    return judgement


def _clear_proven(
    vault: Vault, settings: Settings, proven_unused: Mapping[str, int]
) -> str:
    """Clear recordings if an option asks for it.

    Args:
        vault: The vault of the run.
        settings: The settings of the run.
        proven_unused: The bytes of each recording that is proven unused, by its name.

    Returns:
        What was cleared, as a line of the summary; empty if nothing was to be cleared.
    """
    if not settings.clear_unused or settings.no_record:
        return ""
    if not holds_recordings(settings.vault):
        return ""
    return clear(vault, proven_unused)


def judge(
    vault: Vault,
    unused: Sequence[str],
    account: Account,
    settings: Settings,
    *,
    most_listed: int | None,
) -> tuple[Judgement, dict[str, int]]:
    """Judge recordings that a complete run did not use.

    `judge_unused` asks it at the end of a run, and the command `unused` for all runs of
    CI together.

    Args:
        vault: The vault.
        unused: The names of its recordings and cassettes that were not used.
        account: The account of the run, or of several.
        settings: The settings of the project.
        most_listed: How many recordings the judgement names at most; None names all.

    Returns:
        The judgement, and the bytes of each recording that is proven unused.
    """
    jury = _Jury(vault, account, settings)
    proven_unused: dict[str, int] = {}
    # The tests and the names, so that the recordings of a test stand together.
    tests_and_names: list[tuple[str, str]] = []
    for heading in vault.reader.headings(unused):
        if jury.proves(heading):
            proven_unused[heading.name] = heading.size
            tests_and_names.append((heading.test, heading.name))
    if most_listed is None:
        tests_and_names.sort()
    else:
        tests_and_names = nsmallest(most_listed, tests_and_names)
    listed_recordings = []
    # Only recordings that the list names are read as a whole, for their calls.
    for _, name in tests_and_names:
        label, test = _label_and_test(vault, name)
        # The list says `gone` of such a test.
        is_gone = bool(test) and test not in account.outcomes
        listed_recordings.append(
            UnusedRecording(name, label=label, test=test, is_gone=is_gone)
        )
    judgement = Judgement(
        unused=len(proven_unused),
        listed=listed_recordings,
        unproven=len(unused) - len(proven_unused),
        unproven_as=jury.reason(),
    )
    return judgement, proven_unused


class _Jury:
    """Decides about one recording after the other whether it is proven unused.

    ===================================  =============================================
    the test that made it                proven
    ===================================  =============================================
    passed                               yes
    no longer exists                     yes, unless its recordings can be moved
    failed, was skipped, or did not run  no
    passed without a call of its         no
    function, for which a plugin
    answered
    ===================================  =============================================

    Four more kinds are not proven:

    - a recording that several tests may use, while any test did not pass
    - a recording of a call that was cancelled, of a test that is still there: whether
      the loser of a race begins depends on chance
    - a recording of a client that is named and not installed
    - in a run without the lines of its project, a recording of a target that nothing
      mimicked
    """

    def __init__(self, vault: Vault, account: Account, settings: Settings) -> None:
        self._vault = vault
        self._account = account
        self._gone_tests = GoneTests(account, settings)
        self._mimicked = _MimickedTargets(account)
        self._absent_kinds = {
            kind_of_client(client) for client in account.absent_clients
        }
        # In words: `test_a.py::test_x failed`.
        self._tests_not_passed = _tests_not_passed(account)
        # By test: whether it needs none of its unused recordings.
        self._needs_none: dict[str, bool] = {}
        # Whether a recording of a cancelled call was met, whose test is still there.
        self._has_unanswered = False
        # The targets of which a recording was not judged, in the order of their
        # recordings. As keys, they stand once each.
        self._targets_not_mimicked: dict[str, None] = {}

    def proves(self, heading: Heading) -> bool:
        """Return whether a recording is proven unused.

        For one that is not, `reason` has the reason.
        """
        recorder = heading.test
        if recorder not in self._needs_none:
            self._needs_none[recorder] = self._needs_no_recording(recorder)
        if not self._needs_none[recorder]:
            return False
        # A shared recording may be for a test that broke off before its call.
        if self._tests_not_passed and not _belongs_to_its_test(heading):
            return False
        if heading.is_unanswered and recorder in self._account.outcomes:
            self._has_unanswered = True
            return False
        if self._absent_kinds:
            kind = heading.name.removeprefix(CALLS_PREFIX).partition("/")[0]
            if kind in self._absent_kinds:
                return False
        unjudged_target = self._mimicked.first_unjudged(self._vault, heading.name)
        if unjudged_target is not None:
            self._targets_not_mimicked[unjudged_target] = None
        return unjudged_target is None

    def _needs_no_recording(self, test: str) -> bool:
        """Check whether a test passed without its recordings, or will not run again."""
        outcome = self._account.outcomes.get(test)
        if outcome is not None:
            return outcome == "passed"
        return test in self._gone_tests and not self._can_be_moved(test)

    def _can_be_moved(self, test: str) -> bool:
        """Check whether a test that is gone has probably been renamed.

        The summary offers `pytest-mimic mv` for its recordings, so they must stay.
        """
        # A file stands for all of its tests, but not for a file whose name it begins.
        test_with_end = f"{test}::"
        for move in self._account.moved:
            if test_with_end.startswith(f"{move.gone}::"):
                return True
        return False

    def reason(self) -> str:
        """Return the most important reason why recordings are not proven unused."""
        if self._tests_not_passed:
            return self._tests_not_passed[0]
        if self._account.absent_clients:
            return f"{min(self._account.absent_clients)} is not installed"
        if self._has_unanswered:
            return "its call was cancelled, and may begin in another run"
        if self._targets_not_mimicked:
            return self._mimicked.reason(next(iter(self._targets_not_mimicked)))
        return "their tests may still exist"


def _belongs_to_its_test(heading: Heading) -> bool:
    """Check whether no other test than the one that made a recording can use it."""
    return bool(heading.test) and heading.owner == heading.test


def _tests_not_passed(account: Account) -> list[str]:
    """Return the tests and modules that did not pass: `test_a.py::test_x failed`."""
    reasons = []
    for test, outcome in account.outcomes.items():
        if outcome != "passed":
            reasons.append(f"{test} {_WORDS_OF_OUTCOMES[outcome]}")
    # Another job may have collected a module that this one has skipped.
    for module in sorted(account.skipped_modules - account.collected):
        reasons.append(f"{module} was skipped")
    return reasons


class _MimickedTargets:
    """The targets whose recordings a run can judge, or several runs together.

    A run with the lines of its project judges all: a target that these lines do not
    name is no longer mimicked. A run without these lines (another ini file, a misspelt
    key) judges only the targets that it mimicked.
    """

    def __init__(self, account: Account) -> None:
        # Recordings of all HTTP clients have the target `http`, and so on.
        self._mimicked_targets = {kind_of_client(name) for name in account.mimicked}
        # Why the run does not have the lines of its project: `-c was given`.
        self._lacking_lines = sorted(account.lacking_lines)

    def first_unjudged(self, vault: Vault, name: str) -> str | None:
        """Return the first target of a recording or cassette that cannot be judged.

        None: the recording can be judged.
        """
        if not self._lacking_lines:
            return None
        for target in _targets_of(vault, name):
            if not self._is_mimicked(target):
                return target
        return None

    def _is_mimicked(self, target: str) -> bool:
        """Check whether a line names a target, or has a wildcard that takes it in."""
        if target in self._mimicked_targets:
            return True
        module, colon, path = target.partition(":")
        if not colon:
            # A client has no wildcard.
            return False
        holder, _, _ = path.rpartition(".")
        wildcard = f"{module}:*"
        if holder:
            wildcard = f"{module}:{holder}.*"
        return wildcard in self._mimicked_targets

    def reason(self, target: str) -> str:
        """Return why the recordings of an unjudged target are not proven unused."""
        return f"{target} is not mimicked ({self._lacking_lines[0]})"


def _targets_of(vault: Vault, name: str) -> list[str]:
    """Return the targets of the calls of a recording or cassette that may be unused.

    A file that cannot be read has none.
    """
    with suppress(MimicError):
        content = vault.store.read(name) or b""
        facts = parse_recording(content, vault.label, name, skim=True)
        calls = [facts]
        if name.startswith(CASSETTES_PREFIX):
            calls = facts["calls"]
        return [str(call.get("target")) for call in calls]
    return []


def clear(vault: Vault, proven_unused: Mapping[str, int]) -> str:
    """Delete recordings, and what killed runs have left, and return a report.

    Args:
        vault: The vault.
        proven_unused: The bytes of each recording to delete, by its name.

    Returns:
        `3 unused recordings cleared (12 kB)`, or nothing if nothing was deleted.
    """
    deleted = vault.writer.delete(proven_unused)
    if deleted.recordings:
        recordings = plural(deleted.recordings, "unused recording")
        freed_bytes = sum(proven_unused.values()) + deleted.bytes
        return f"{recordings} cleared ({size(freed_bytes)})"
    if deleted.objects:
        orphans = plural(deleted.objects, "object")
        return f"{orphans} without a recording cleared ({size(deleted.bytes)})"
    return ""


def _label_and_test(vault: Vault, name: str) -> tuple[str, str]:
    """Return an unused recording or cassette in one line, and the test that made it.

    A damaged file is named by its path in the vault: `check` says more of it.
    """
    with suppress(MimicError):
        if name.startswith(CASSETTES_PREFIX):
            cassette = name.removeprefix(CASSETTES_PREFIX).removesuffix(".json")
            return f"cassette {cassette}", vault.test_of(name) or ""
        recording = vault.read(name)
        if recording is not None:
            label = descriptions().label_of_recorded_call(
                recording.target, recording.arguments
            )
            return label, recording.test or ""
    return name, ""


class GoneTests:
    """The tests that no longer exist: `"tests/test_a.py::test_x" in gone_tests`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function ran         yes, with these parameters
    was collected, and the name of neither      yes
    the function nor its class stands in it
    was collected, and one of these names does  no: it may have been left out
    ==========================================  ======================================

    Where tests of other projects may have recorded as well (`is_shared`), no test is
    known to be gone.

    `_Jury` asks it before it calls recordings unused, and `renamed_tests.py` before it
    offers them to another test, which needs less certainty: see `may_be_renamed`.

    Args:
        account: The account of the run.
        settings: The settings of the project.
        is_complete: Whether all tests ran. Otherwise the run does not tell which
            parameters a function has.
    """

    def __init__(
        self, account: Account, settings: Settings, *, is_complete: bool = True
    ) -> None:
        self._outcomes = account.outcomes
        self._collected = account.collected
        self._rootdir = settings.rootdir
        self._is_shared = settings.is_shared
        # The tests that ran, without their parameters. Of such a function, all
        # parameters are known.
        self._functions_that_ran: set[str] = set()
        self._is_complete = is_complete
        if is_complete:
            for test, outcome in account.outcomes.items():
                if outcome not in ("skipped", "uncalled"):
                    self._functions_that_ran.add(without_parameters(test))

    def __contains__(self, nodeid: str) -> bool:
        return self._is_gone(nodeid)

    def may_be_renamed(self, nodeid: str) -> bool:
        """Check whether a test is gone, or lacks one of its names in its file.

        A test whose function was moved within its file lacks it, too: the name stands
        there no more often than other tests that ran have it. In this file, the test
        `test_a.py::test_x` became `test_a.py::TestA::test_x`:

            class TestA:
                def test_x(self): ...

        That is too little to delete its recordings: a class may get a function from
        another file.
        """
        return self._is_gone(nodeid, needs_all_names=True)

    def _is_gone(self, nodeid: str, *, needs_all_names: bool = False) -> bool:
        """Check whether a test is gone, which may need all of its names to exist."""
        if self._is_shared or nodeid in self._outcomes:
            return False
        file, _, name = nodeid.partition("::")
        path = Path(self._rootdir, file)
        # A forged id may be no name of a file at all, at which `Path.is_file` fails.
        if not os.path.isfile(path):  # noqa: PTH113
            return True
        if file not in self._collected:
            return False
        if without_parameters(nodeid) in self._functions_that_ran:
            return True
        counts_by_name = _names_in_file(path, without_parameters(name))
        if not needs_all_names:
            # Recordings may be deleted: each name that stands there keeps them.
            return not any(counts_by_name.values())
        if not all(counts_by_name.values()):
            return True
        # The name of the function may stand there for its namesakes alone. A test that
        # was not selected may be one that a class inherits, and stands there by them.
        *_, function_count = counts_by_name.values()
        return self._is_complete and function_count <= self._count_namesakes(nodeid)

    def _count_namesakes(self, nodeid: str) -> int:
        """Return how many other test functions of the same file have the same name.

        Only the tests of this run count, so that each of them stands in the file.
        """
        function = without_parameters(nodeid)
        file = function.partition("::")[0]
        name = function.rpartition("::")[2]
        namesakes: set[str] = set()
        for test in self._outcomes:
            if test.startswith(f"{file}::"):
                other_function = without_parameters(test)
                if other_function.endswith(f"::{name}"):
                    namesakes.add(other_function)
        return len(namesakes - {function})


def stands_in_file(nodeid: str, rootdir: Path) -> bool:
    """Return whether the names of a test stand in its file.

    A command that runs tests must not name one that pytest does not find.
    """
    file, _, name = nodeid.partition("::")
    path = Path(rootdir, file)
    # A forged id may be no name of a file at all, at which `Path.is_file` fails.
    if not os.path.isfile(path):  # noqa: PTH113
        return False
    return all(_names_in_file(path, without_parameters(name)).values())


def without_parameters(nodeid: str) -> str:
    """Return `test_a.py::test_x` for `test_a.py::test_x[1]`."""
    return nodeid.partition("[")[0]


def _names_in_file(path: Path, name: str) -> dict[str, int]:
    """Return for each name of a test how often it stands in the text of a file.

    For `TestIt::test_x`: `{"TestIt": 1, "test_x": 0}` if the file has only the class.
    The name of the function comes last. The code is not parsed, so that a name in a
    comment counts: the test may be left out for now.
    """
    file_text = path.read_text(encoding="utf-8", errors="replace")
    *classes, function = name.split("::")
    # The doctest of a text file is called `guide.rst`, that of a module `guide`: no
    # `def` has the name.
    if function in (path.stem, path.name) and ">>>" in file_text:
        return {function: 1}
    counts_by_name: dict[str, int] = {}
    # A doctest is called like its function, with the module before it.
    for word in (*classes, function.rpartition(".")[2]):
        counts_by_name[word] = len(re.findall(rf"\b{re.escape(word)}\b", file_text))
    return counts_by_name


class UnusedRecording(NamedFields):
    """A recording or cassette that is proven unused, as the lists name it.

    Attributes:
        name: The name of its file in the vault.
        label: Its call, or the name of the cassette.
        test: The test that recorded it, or empty.
        is_gone: Whether that test no longer exists.
    """

    name: str
    label: str
    test: str
    is_gone: bool


class Judgement:
    """The result of a run's search for unused recordings.

    Attributes:
        reason_not_judged: Why unused recordings were not judged, or empty.
        unused: How many recordings are proven unused.
        is_part: Whether only `READ_UNASKED` of the recordings that no test used were
            read.
        listed: The first unused recordings in the order of their tests; all of them
            for `--json`.
        unproven: How many recordings were not used but are not proven unused.
        unproven_as: Why they are not proven unused.
        cleared: What was cleared, in words, or empty.
        reason_not_cleared: Why nothing was cleared although an option asked for it;
            empty: no option asked, or the recordings were cleared.
        vault: The size of the vault, in words; shown after recording.
    """

    # No dataclass: to make one takes longer than all else at the end of a short run.
    def __init__(
        self,
        *,
        reason_not_judged: str = "",
        unused: int = 0,
        listed: Sequence[UnusedRecording] = (),
        unproven: int = 0,
        unproven_as: str = "",
        cleared: str = "",
    ) -> None:
        self.reason_not_judged = reason_not_judged
        self.unused = unused
        self.is_part = False
        self.listed = listed
        self.unproven = unproven
        self.unproven_as = unproven_as
        self.cleared = cleared
        self.reason_not_cleared = ""
        self.vault = ""


def count_unused(judgement: Judgement) -> str:
    """Return how many recordings are unused, or what was cleared; empty for none.

    It is a part of the first line of the summary, and of the command `unused`.
    """
    if judgement.cleared or not judgement.unused:
        return judgement.cleared
    words_on_clearing = ""
    if judgement.reason_not_cleared:
        words_on_clearing = f", not cleared: {judgement.reason_not_cleared}"
    recordings = plural(judgement.unused, "recording")
    if not judgement.is_part:
        return f"{recordings} unused{words_on_clearing}"
    # No option asked for the other recordings, so that they were not read.
    if judgement.unused >= READ_UNASKED:
        return f"more than {READ_UNASKED} recordings unused{words_on_clearing}"
    return f"{recordings} unused of more than {READ_UNASKED} that no test used"


def warning_of_unjudged(judgement: Judgement, option: str) -> list[str]:
    """Return the warning that an option could not judge all recordings, and why.

    Without an option, there is none.

    Args:
        judgement: The judgement.
        option: The option of pytest, or the command, that asked for it; or empty.
    """
    warning = f"warning: {option} could not judge"
    if judgement.reason_not_judged:
        return [f"{warning}: {judgement.reason_not_judged}"]
    if judgement.unproven and option:
        recordings = plural(judgement.unproven, "recording")
        return [f"{warning} {recordings}: {judgement.unproven_as}"]
    return []


def list_unused(judgement: Judgement) -> list[Line]:
    """Return the lines that name the unused recordings, or those that were cleared."""
    rows = []
    for recording in judgement.listed:
        recorder = ""
        if recording.test:
            recorder = f"recorded by {recording.test}"
        if recording.is_gone:
            recorder += ", gone"
        rows.append((recording.label, recorder))
    heading = "unused:"
    if judgement.cleared:
        heading = "cleared:"
    return tabled(heading, rows, total=judgement.unused)
