"""Judges which recordings a run proves unused: it must have been able to use them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pytest_mimic.engine.usage import WORDS_OF_OUTCOMES, GoneTests, Usage
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.vault.names import log_name
from pytest_mimic.vault.recording import Entry, Recording, copied
from pytest_mimic.vault.vault import Vault
from pytest_mimic.words import SHOWN, and_more, plural, rows

READ_UNASKED = 500
"""How many files a run reads that was not asked about unused recordings."""

_NOT_KNOWN = "their tests may still exist"


class Unused(NamedTuple):
    """A recording that no test used.

    Attributes:
        name: Its file in the vault.
        entry: The call, of the first ones that are shown; None: a cassette, or a log as
            a whole.
        calls: How many it holds.
        test: The owner of the file.
        is_gone: Whether that test exists no more.
    """

    name: str
    entry: Entry | None = None
    calls: int = 1
    test: str = ""
    is_gone: bool = False


class Judgement:
    """What a run proves.

    Attributes:
        reason: Why nothing could be judged; empty: it was judged.
        unused: The recordings that are proven unused, by their tests.
        unproven: How many others no test used, by the reason why they are not judged.
        is_part: Whether there are more recordings that were not read.
    """

    def __init__(self, reason: str = "", *, is_part: bool = False) -> None:
        self.reason = reason
        self.unused: list[Unused] = []
        self.unproven: Counter[str] = Counter()
        self.is_part = is_part

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
        return Judgement(reason=", ".join(sorted(usage.partial)))
    names = [name for name in vault.names() if name not in usage.used]
    if names and not usage.mimicked:
        return Judgement(reason="nothing is mimicked")
    jury = _Jury(vault, usage, rootdir)
    judgement = Judgement(is_part=limit is not None and len(names) > limit)
    for name in names[:limit]:
        for unused, reason in jury.judge_file(name):
            if reason:
                judgement.unproven[reason] += unused.calls
            else:
                judgement.unused.append(unused)
    judgement.unused.sort(key=lambda unused: (unused.test, unused.name))
    for number, one in enumerate(judgement.unused[:SHOWN]):  # There may be very many.
        judgement.unused[number] = one._replace(entry=_call_in(vault, one))
    return judgement


def _call_in(vault: Vault, unused: Unused) -> Entry | None:
    """Return the one call of a log, or of what all tests share."""
    is_cassette = unused.name.startswith("cassettes/")
    recording = None if is_cassette else vault.read(unused.name)
    entries = [] if recording is None else recording.entries
    return entries[0] if len(entries) == 1 else None


class _Jury:
    """Judges one file after another by the same usage."""

    def __init__(self, vault: Vault, usage: Usage, rootdir: Path) -> None:
        self._vault = vault
        self._usage = usage
        self._gone = GoneTests(usage, rootdir)
        self._not_passed = usage.not_passed()

    @cached_property
    def _tests_by_log(self) -> dict[str, str]:
        """The tests of this run: a log at the place of one is that of this test."""
        usage = self._usage
        return {log_name(test): test for test in usage.selected | usage.outcomes.keys()}

    def judge_file(self, name: str) -> Iterator[tuple[Unused, str]]:
        """Yield what of a file nobody used, with why it is not proven; empty: it is."""
        try:
            recording = self._vault.read(name)
        except CorruptRecordingError:
            yield Unused(name), _NOT_KNOWN
            return
        if recording is None:
            return  # another process has deleted it meanwhile
        owner = self._tests_by_log.get(name, recording.owner)
        recording = copied(recording, owner=owner)
        reason = self._reason(name, recording)
        is_gone = owner in self._gone
        entries = recording.entries
        if not reason and not is_gone and any(one.end == "waiting" for one in entries):
            reason = "its call was cancelled, and may begin in another run"
        if not reason and self._usage.threads and any(one.aside for one in entries):
            reason = f"{min(self._usage.threads)} still runs, and may make its call"
        # A cassette is one thing, under its name.
        calls = 1 if name.startswith("cassettes/") else len(entries)
        yield Unused(name, None, calls, owner, is_gone), reason

    def _reason(self, name: str, recording: Recording) -> str:
        """Return why a recording is not proven unused; empty: it is."""
        for why in sorted(self._usage.foreign_lines)[:1]:
            for entry in recording.entries:
                if not is_taken_in(entry.target, self._usage.mimicked):
                    return f"{entry.target} is not mimicked ({why})"
        is_fixture = is_fixture_owner(recording.owner)
        # Any test may need what all share, or what a wider fixture asked.
        is_of_any_test = is_fixture or not name.startswith("logs/")
        if is_of_any_test and self._not_passed:
            return self._not_passed[0]
        if is_fixture or (is_of_any_test and "::" not in recording.owner):
            return ""
        return self._reason_of_test(recording.owner)

    def _reason_of_test(self, test: str) -> str:
        outcome = self._usage.outcomes.get(test)
        if test in self._gone:
            # One that fails may have taken its place.
            failed = [text for text in self._not_passed if text.endswith(" failed")]
            return failed[0] if failed else ""
        if outcome is None:
            return _NOT_KNOWN
        return "" if outcome == "passed" else f"{test} {WORDS_OF_OUTCOMES[outcome]}"


def is_taken_in(target: str, mimicked: Collection[str]) -> bool:
    """Return whether a line takes a target in."""
    if ":" not in target or target in mimicked:
        return target in mimicked
    # A line may name all functions of the module, or of the class.
    holder = re.sub(r"[^.:]*$", "*", target, count=1)
    return holder in mimicked


_FIXTURE = r"[^\[]* \((class|module|package|session)\b"


def is_fixture_owner(owner: str) -> bool:
    """Return whether an owner is a wider fixture: `conftest.py::customer (session)`."""
    return re.match(_FIXTURE, owner) is not None


# -- what becomes of unused recordings


def clear(vault: Vault, unused: Iterable[Unused]) -> int:
    """Delete recordings, and return how many bytes the vault has lost."""
    before = vault.size()
    vault.delete(one.name for one in unused)
    return before - vault.size()


def rows_of(
    unused: Sequence[Unused], label_of: Callable[[Entry], str], width: int
) -> list[str]:
    """Return the first unused recordings, a row each, and how many more there are."""
    pairs = [_row_of(one, label_of) for one in unused[:SHOWN]]
    return [*chain(*rows(pairs, width)), *and_more(len(unused) - SHOWN)]


def _row_of(unused: Unused, label_of: Callable[[Entry], str]) -> tuple[str, str]:
    """Return an unused recording in one line, and who recorded it."""
    if unused.entry is not None:
        label = label_of(unused.entry)
    elif unused.name.startswith("cassettes/"):
        name = unused.name.removeprefix("cassettes/").removesuffix(".json")
        label = f"cassette {name}"
    else:
        label = f"{unused.name}, {plural(unused.calls, 'call')}"
    where = f"recorded by {unused.test}" if unused.test else ""
    return label, f"{where}, gone" if unused.is_gone else where
