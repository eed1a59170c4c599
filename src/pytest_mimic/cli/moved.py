"""Recordings of a function, class or module that moved, under its new name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pytest_mimic.errors import CorruptRecordingError
from pytest_mimic.values.identity import identity_of
from pytest_mimic.values.labels import call_label
from pytest_mimic.values.renamed import Renamed
from pytest_mimic.values.tree import Tree
from pytest_mimic.vault.names import call_name
from pytest_mimic.vault.recording import MALFORMED, Entry, Recording, copied
from pytest_mimic.vault.vault import Vault

_CODE = r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d][\w.]*)?"


def is_code(old: str, new: str) -> bool:
    """Return whether two words name functions, classes or modules, and no tests."""
    are_names = all(re.fullmatch(_CODE, word) for word in (old, new))
    return are_names and (":" in old) == (":" in new)


class Moved(NamedTuple):
    """What has moved, with its recordings.

    Attributes:
        renamed: Its names.
        is_tried: Whether nothing is to be written.
    """

    renamed: Renamed
    is_tried: bool

    def entry(self, entry: Entry, vault: Vault) -> tuple[Entry, str]:
        """Return a call as it is now, and why it stays as it was; empty: it does not.

        Raises:
            CorruptRecordingError: The list of what it reached cannot be read.
        """
        if ":" not in entry.target:
            return entry, ""
        named, tree = self.renamed.named, self.renamed.tree
        target, body = named(entry.target), tree(entry.body)
        arguments, after = tree(entry.arguments or {}), tree(entry.after)
        now = copied(
            entry,
            target=target,
            arguments=arguments,
            body=body,
            after=after,
            inputs=self._inputs(entry.inputs, vault),
            source=_source_as(entry.source, entry.target, target),
        )
        if now == entry:
            return entry, ""
        kept: Tree = entry.arguments or {}
        if (target, arguments) != (entry.target, kept):
            if identity_of(entry.target, kept) != entry.identity:
                return entry, "a part of it is hidden, or key= says what it asked"
            now.identity = identity_of(target, arguments)
        return now, ""

    def _inputs(self, name: str, vault: Vault) -> str:
        """Return the list of what a call reached, with the names of today."""
        if not name:
            return ""
        try:
            content = json.loads(bytes(vault.read_object(name)[:]))
            functions = content["functions"]
            named = {self.renamed.named(own): functions[own] for own in functions}
        except MALFORMED as error:
            what = f"{name} is no list of what a call has reached"
            raise CorruptRecordingError(what, file=name) from error
        if named == functions or self.is_tried:
            return name
        listed = json.dumps({**content, "functions": named}, indent=1)
        return vault.write_object("json", [listed.encode()])

    def imported(self, entry: Entry) -> list[str]:
        """Return the names of what has moved that the pickles of a call import."""
        found = [*_imports_in([entry.body, entry.after])]
        return sorted({name for name in found if self.renamed.named(name) != name})


def _source_as(source: str, old: str, new: str) -> str:
    """Return the fingerprint of a function that may have another name now."""
    name = re.split("[.:]", old)[-1]
    is_renamed = name != re.split("[.:]", new)[-1]
    return (
        f"{source} as {name}" if source and is_renamed and " " not in source else source
    )


def _imports_in(tree: Any) -> Iterator[str]:
    pending = [tree]
    for part in pending:  # It grows.
        if isinstance(part, dict):
            if "$pickle" in part:
                yield from map(str, part.get("imports", ()))
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def moved_code(
    moved: Moved, recordings: Mapping[str, Recording], vault: Vault
) -> tuple[dict[str, tuple[str, Recording]], list[str], list[str]]:
    """Return what becomes of the recordings of a function, class or module that moved.

    Args:
        moved: The names.
        recordings: By their files.
        vault: Where their objects are.

    Returns:
        By the name of each file that changes, the name and content of the new one; a
        row a call that moves; a row a call that does not, or that may need more.

    Raises:
        CorruptRecordingError: An object cannot be read.
    """
    moves: dict[str, tuple[str, Recording]] = {}
    rows: list[str] = []
    staying: list[str] = []
    for name, recording in recordings.items():
        entries = []
        for entry in recording.entries:
            now, why = moved.entry(entry, vault)
            entries.append(now)
            label = call_label(entry.target, entry.arguments or {})
            if why:
                staying.append(f"{label}: not moved, {why}: record it again")
            elif now.target != entry.target:
                rows.append(f"{label} -> {now.target}")
            for imported in moved.imported(now):
                what = f"a pickle of it imports {imported}, which has to lead there"
                staying.append(f"{label}: {what}")
        if entries != recording.entries:
            first = recording.entries[0]
            is_shared = name == call_name(first.target, first.identity, first.line)
            one = entries[0]
            to = call_name(one.target, one.identity, one.line) if is_shared else name
            moves[name] = to, copied(recording, entries=entries)
    return moves, rows, staying
