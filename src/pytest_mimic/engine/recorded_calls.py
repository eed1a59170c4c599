"""The calls of a log as they were recorded, found by what makes calls equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

from pytest_mimic.engine.calls import Call, Key, kept_parts, key_of, most_first
from pytest_mimic.engine.decide import Mode
from pytest_mimic.engine.following import Following
from pytest_mimic.engine.verifying import values_sent
from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.outcome import unshelve
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.recording import Entry, Recording, damaged
from pytest_mimic.vault.vault import Vault


class RecordedCalls:
    """What the file of a log holds when its owner begins. It stays as it is.

    Args:
        vault: Where it is.
        name: The file in the vault.
        mode: That of the run, or of a cassette's block.

    Attributes:
        file: What was read, with its digest: a write compares it.
        recording: What was recorded; it may have no call.
        entries: Its calls, in the order in which they began.

    Raises:
        CorruptRecordingError: The file is damaged.
    """

    def __init__(self, vault: Vault, name: str, mode: Mode) -> None:
        self._vault = vault
        self._name = name
        self.file: tuple[Recording | None, str] = (None, "")
        try:
            self.file = vault.read_with_digest(name)
        except CorruptRecordingError:
            if mode != "rerecord":
                raise
        self.recording = self.file[0] or Recording()
        self.entries = self.recording.entries
        # Which of the calls have a key.
        self._indices: dict[Key, list[int]] = {}
        # The lines of the calls, by target.
        self._lines: defaultdict[str, set[str]] = defaultdict(set)
        # What functions took when they were recorded, by target.
        self._arguments: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
        self._following = Following(self._numbered, vault)
        for index, entry in enumerate(self.entries):
            self._indices.setdefault(key_of(entry), []).append(index)
            self._lines[entry.target].add(entry.line)
            if entry.arguments is not None:
                self._arguments[entry.target].add(frozenset(entry.arguments))

    def is_whole(self) -> bool:
        """Whether its owner has come to its end."""
        return bool(self.entries) and not self.recording.unfinished

    def has_target(self, target: str) -> bool:
        """Whether any call of a target was recorded."""
        return target in self._lines

    def equal(self, call: Call) -> list[int]:
        """Give the numbers of the calls that are equal under the line of today.

        All of those of another line follow it, or none: an outcome would else come to
        another one of equal calls.
        """
        found = self._indices.get(key_of(call), [])
        lines = self._lines.get(call.target)
        if lines is None or (lines == {call.line} and (found or not call.hides_anew)):
            return found
        followed, is_whole, _ = self._following.equal(call)
        return followed if is_whole else found

    def equal_before(self, call: Call) -> list[int]:
        """Give the numbers of the calls that equal one without its new arguments."""
        for names in most_first(self._arguments.get(call.target, ())):
            found = self._indices.get((call.identity_before(names), call.line))
            if found:
                return found
        return []

    def _numbered(self, call: Call) -> Iterator[tuple[int, Entry]]:
        """Yield the calls of a target, each with its number."""
        for index, entry in enumerate(self.entries):
            if entry.target == call.target and entry.end != "empty":
                yield index, entry

    def of_sender(self, call: Call, indices: Sequence[int]) -> list[int]:
        """Give the equal calls that hold the token of the sender of this call."""
        sender = call.senders(call.described) if len(indices) > 1 else []
        if not sender:
            return []
        return [
            index
            for index in indices
            if call.senders(self.entries[index].request) == sender
        ]

    @cached_property
    def _of_other_tools(self) -> list[int]:
        return [index for index, one in enumerate(self.entries) if one.imported]

    def imported(self, call: Call, answered: Collection[int]) -> int | None:
        """Give an imported call of this method and URL that nobody asked for.

        It is the one that differs in the fewest parts, the first of such.

        Args:
            call: The call.
            answered: Which calls somebody has asked for.
        """
        differences: dict[int, int] = {}
        for index in self._of_other_tools:
            entry = self.entries[index]
            if index not in answered and entry.signature == call.signature:
                now: Any = call.counted(call.described)
                kept: Any = kept_parts(call, entry, self._vault)
                names = now.keys() | kept.keys()
                differing = {name for name in names if now.get(name) != kept.get(name)}
                # Another tool has compared nothing else of a request.
                compared = differing - set(call.content)
                if all(
                    _without_own(now.get(name)) == _without_own(kept.get(name))
                    for name in compared
                ):
                    differences[index] = len(differing)
        return min(differences, key=differences.__getitem__, default=None)

    def sent_behind(self, index: int) -> set[str]:
        """Give the values that recorded calls behind one have sent."""
        found: set[str] = set()
        for entry in self.entries[index + 1 :]:
            asked: Any = entry.arguments
            if entry.request is not None:
                asked = unshelve(entry.request, self._vault)
            found |= values_sent(asked)
        return found

    # -- a call whose identity was changed in the file

    def refuse_stray(self, call: Call, *, is_found: bool) -> None:
        """Refuse a call that a damaged entry records: an equal entry would answer it.

        Raises:
            CorruptRecordingError: There is such an entry.
        """
        file = self.file[0]
        if file is None or not file.edited:
            return
        _, is_whole, stray = self._following.equal(call)
        if stray is None and is_found and not is_whole:
            same = [one for one in self.entries if one.identity == call.identity]
            stray = next((one for one in same if one.line != call.line), None)
        if stray is None:
            return
        field = "line" if stray.identity == call.identity else "identity"
        number = self.entries.index(stray) + 1
        raise damaged(
            f"{self._vault.label}/{self._name}",
            "content",
            f"is not what was recorded (call {number} is {call.label()}, and has"
            f" another {field})",
            [f"{getattr(stray, field)} recorded, {getattr(call, field)} now"],
            [(f"if it was edited on purpose, correct its {field}", "")],
        )


def _without_own(part: Tree) -> Tree:
    """Give a part of a request without what is hidden: a filter may leave that out."""
    from pytest_mimic.secrets.placeholders import OWN  # few replays have imported calls

    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if value != OWN} or None
