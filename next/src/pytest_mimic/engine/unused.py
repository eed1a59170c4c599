"""Judges which recordings a run proves unused: only those that it could have used."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from xxhash import xxh3_64_hexdigest

from pytest_mimic.engine.usage import WORDS_OF_OUTCOMES, Usage
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.vault.recording import Entry, Recording
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import SHOWN, and_more, plural, rows

READ_UNASKED = 500
"""How many files a run reads that was not asked about unused recordings."""

_NOT_KNOWN = "their tests may still exist"


class Unused(NamedTuple):
    """A recording that is proven unused.

    Attributes:
        name: Its file in the vault.
        identity: Its identity among the calls of a log; empty: the file as a whole.
        entry: The call; None: a cassette, or a log as a whole.
        test: The owner of the file.
        is_gone: Whether that test exists no more.
        calls: How many it holds.
    """

    name: str
    identity: str
    entry: Entry | None
    test: str
    is_gone: bool
    calls: int = 1


@dataclass
class Judgement:
    """What a run proves.

    Attributes:
        reason: Why nothing could be judged; empty: it was judged.
        unused: The recordings that are proven unused, by their tests.
        unproven: How many others no test used, by the reason why they are not judged.
        is_part: Whether there are more recordings that were not read.
    """

    reason: str = ""
    unused: list[Unused] = field(default_factory=list)
    unproven: dict[str, int] = field(default_factory=dict)
    is_part: bool = False

    @property
    def count(self) -> int:
        """How many calls are proven unused."""
        return sum(unused.calls for unused in self.unused)


def judge(
    vault: Vault, usage: Usage, rootdir: Path, *, limit: int | None = None
) -> Judgement:
    """Return the recordings of a vault that no test used, though it could have.

    Args:
        vault: The vault.
        usage: What the run used.
        rootdir: The rootdir of the project.
        limit: How many files are read; None: all.
    """
    if usage.partial:
        reasons = sorted(reason.text for reason in usage.partial)
        return Judgement(reason=", ".join(reasons))
    names = [name for name in vault.names() if _may_be_unused(name, usage)]
    if names and not usage.mimicked:
        return Judgement(reason="nothing is mimicked")
    jury = _Jury(usage, rootdir)
    judgement = Judgement()
    judgement.is_part = limit is not None and len(names) > limit
    for name in islice(names, limit):
        for unused, reason in jury.judge_file(name, vault):
            if reason:
                so_far = judgement.unproven.get(reason, 0)
                judgement.unproven[reason] = so_far + unused.calls
            else:
                judgement.unused.append(unused)
    judgement.unused.sort(key=lambda unused: (unused.test, unused.name))
    return judgement


def label_of(unused: Unused) -> tuple[str, str]:
    """Return an unused recording in one line, and who recorded it."""
    # Only a list of unused recordings needs it.
    from pytest_mimic.values.labels import call_label

    if unused.name.startswith("cassettes/"):
        name = unused.name.removeprefix("cassettes/").removesuffix(".json")
        label = f"cassette {name}"
    elif unused.entry is None:
        label = f"{unused.name}, {plural(unused.calls, 'call')}"
    else:
        tree = unused.entry.arguments or unused.entry.request or {}
        signature = unused.entry.signature
        label = call_label(unused.entry.target, tree, signature=signature)
    # A forged owner may have line ends, and look like a line of ours.
    test = " ".join(unused.test.splitlines())
    where = f"recorded by {test}" if test else ""
    return label, f"{where}, gone" if unused.is_gone else where


def rows_of(unused: Sequence[Unused]) -> list[str]:
    """Return the first unused recordings, a row each, and how many more there are."""
    labels = [label_of(one) for one in unused[:SHOWN]]
    return rows(labels) + and_more(len(unused) - SHOWN)


def files_in(vault: Vault) -> set[str]:
    """Return the files of a vault, each with its digest: `calls/….json 5f3a9c1e…`."""
    return {f"{name} {_digest_of(vault, name)}" for name in vault.names()}


def _digest_of(vault: Vault, name: str) -> str:
    try:
        return xxh3_64_hexdigest(vault.folder.read(name) or b"")
    except CorruptRecordingError:
        return ""


def clear(vault: Vault, unused: Iterable[Unused]) -> int:
    """Delete recordings, and return how many bytes the vault has lost."""
    before = size_of(vault.path)
    files = []
    parts: dict[str, set[str]] = {}
    for one in unused:
        if one.identity:
            parts.setdefault(one.name, set()).add(one.identity)
        else:
            files.append(one.name)
    for name, identities in parts.items():
        recording = vault.read(name)
        if recording is not None:
            kept = [one for one in recording.entries if one.identity not in identities]
            recording.entries = kept
            vault.write(name, recording)
    vault.delete(files)
    return before - size_of(vault.path)


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder have."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process may delete it meanwhile
            size += path.stat().st_size if path.is_file() else 0
    return size


def _may_be_unused(name: str, usage: Usage) -> bool:
    """Return whether a file has calls that nobody used."""
    if name not in usage.used:
        return True
    return bool(usage.unmade.get(name, set()) - usage.used[name])


class _Jury:
    """Judges one file after another by the same usage."""

    def __init__(self, usage: Usage, rootdir: Path) -> None:
        self._usage = usage
        self._gone = GoneTests(usage, rootdir)
        self._not_passed = usage.not_passed()

    def judge_file(self, name: str, vault: Vault) -> Iterator[tuple[Unused, str]]:
        """Yield what of a file nobody used, with why it is not proven; empty: it is."""
        try:
            recording = vault.read(name)
        except CorruptRecordingError:
            yield Unused(name, "", None, "", is_gone=False), _NOT_KNOWN
            return
        if recording is None:
            return  # another process has deleted it meanwhile
        reason = self._reason(name, recording)
        known = self._usage.vault
        if known and f"{name} {_digest_of(vault, name)}" not in known:
            reason = "recorded since the runs"
        for unused in self._unused_of(name, recording):
            if _may_begin_later(unused):
                waits = "its call was cancelled, and may begin in another run"
                yield unused, reason or waits
            else:
                yield unused, reason

    def _unused_of(self, name: str, recording: Recording) -> Iterator[Unused]:
        test, count = recording.owner, len(recording.entries)
        is_gone = test in self._gone
        if name.startswith("cassettes/"):
            yield Unused(name, "", None, test, is_gone)
        elif name.startswith("calls/"):
            yield Unused(name, "", recording.entries[0], test, is_gone)
        elif name not in self._usage.used and count > 1:
            yield Unused(name, "", None, test, is_gone, count)
        else:
            yield from self._unused_calls(name, recording, is_gone=is_gone)

    def _unused_calls(
        self, name: str, recording: Recording, *, is_gone: bool
    ) -> Iterator[Unused]:
        used = self._usage.used.get(name)
        if used is None:
            yield Unused(name, "", recording.entries[0], recording.owner, is_gone)
            return
        for entry in recording.entries:
            if entry.identity not in used and entry.end != "empty":
                identity = entry.identity
                yield Unused(name, identity, entry, recording.owner, is_gone)

    def _reason(self, name: str, recording: Recording) -> str:
        """Return why a recording is not proven unused; empty: it is."""
        unmimicked = self._unmimicked_target(recording)
        if unmimicked:
            why = min(self._usage.foreign_lines)
            return f"{unmimicked} is not mimicked ({why})"
        owner = recording.owner
        is_fixture = is_fixture_owner(owner)
        if name.startswith("logs/") and not is_fixture:
            return self._reason_of_test(owner)
        # Any test may need what all share, or what a wider fixture asked.
        if self._not_passed:
            return self._not_passed[0]
        if is_fixture or "::" not in owner:
            return ""
        return self._reason_of_test(owner)

    def _reason_of_test(self, test: str) -> str:
        outcome = self._usage.outcomes.get(test)
        if test in self._gone:
            # One that fails may have taken its place.
            failed = [text for text in self._not_passed if text.endswith(" failed")]
            return failed[0] if failed else ""
        if outcome == "passed":
            return ""
        if outcome is None:
            return _NOT_KNOWN
        return f"{test} {WORDS_OF_OUTCOMES[outcome]}"

    def _unmimicked_target(self, recording: Recording) -> str:
        """Return a target that a run with foreign lines did not mimic, if any."""
        if not self._usage.foreign_lines:
            return ""
        for entry in recording.entries:
            if not _is_taken_in(entry.target, self._usage.mimicked):
                return entry.target
        return ""


def _may_begin_later(unused: Unused) -> bool:
    is_cancelled = unused.entry is not None and unused.entry.end == "waiting"
    return is_cancelled and not unused.is_gone


def _is_taken_in(target: str, mimicked: set[str]) -> bool:
    module, colon, path = target.partition(":")
    if not colon or target in mimicked:
        return target in mimicked
    holder = path.rpartition(".")[0]
    return (f"{module}:{holder}.*" if holder else f"{module}:*") in mimicked


class GoneTests:
    """The tests that exist no more: `"tests/test_a.py::test_x" in gone_tests`.

    ==========================================  ======================================
    the file of the test                        the test is gone
    ==========================================  ======================================
    is gone                                     yes
    was not collected                           no: it is not known
    was collected, and the function too         yes, with these parameters
    was collected, and the name of neither      yes
    the function nor its class stands in it
    was collected, and one of these names does  no: it may have been left out
    ==========================================  ======================================

    Args:
        usage: What the run collected.
        rootdir: The rootdir of the project.
        partly_collected: The files of which only some tests were.
    """

    def __init__(
        self, usage: Usage, rootdir: Path, partly_collected: Container[str] = ()
    ) -> None:
        self._usage = usage
        self._rootdir = rootdir
        self._partly_collected = partly_collected

    @cached_property
    def _functions(self) -> set[str]:
        """The functions that were collected: all of their parameters are known."""
        return {without_parameters(test) for test in self._usage.selected}

    def __contains__(self, test: object) -> bool:
        usage = self._usage
        if not isinstance(test, str):
            return False
        if test in usage.selected or test in usage.outcomes:
            return False
        file, _, name = test.partition("::")
        path = self._rootdir / file
        try:
            text = path.read_text("utf-8", "replace")
        except (OSError, ValueError):
            # Path.exists raises for a forged id that is no name of a file.
            return not os.path.exists(path)  # noqa: PTH110
        if file not in self._usage.collected or file in self._partly_collected:
            return False
        function = without_parameters(test)
        if function in self._functions:
            return True
        return not _stands_in(text, without_parameters(name))


_FIXTURE = re.compile(r"[^\[]* \((class|module|package|session)\b")


def is_fixture_owner(owner: str) -> bool:
    """Return whether an owner is a wider fixture: `conftest.py::customer (session)`."""
    return _FIXTURE.match(owner) is not None


def without_parameters(test: str) -> str:
    """Return `test_a.py::test_x` for `test_a.py::test_x[1]`."""
    return test.partition("[")[0]


def _stands_in(text: str, name: str) -> bool:
    """Return whether the function of a test, or a class around it, stands in a text.

    The code is not parsed, so that a name in a comment counts: the test may be left out
    for a while. A doctest is called like its function, behind its module.
    """
    *classes, function = name.split("::")
    words = [*classes, function.rpartition(".")[2]]
    return any(re.search(rf"\b{re.escape(word)}\b", text) for word in words)
