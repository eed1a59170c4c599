"""The recordings and cassettes of a vault, for people, with the sizes of their objects. Outcomes stay as they are in the file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.call_labels import recorded_label
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.objects import objects_of
from pytest_mimic._core.vault.parsing import damaged, parse_recording
from pytest_mimic._core.words import plural
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Vault

Entry = dict[str, Any]
"""One outcome as the file has it: `duration`, and `value`, `raised`, `stream`, `json`, `pickle`, ..."""

# How many digits of a recording's name are shown.
_DIGITS = 8
_TEXTS = {str, type(None)}
_MISSHAPED = (AttributeError, LookupError, TypeError, ValueError)


class CatalogCall:
    """One call and its outcomes: several for a sequence."""

    __slots__ = ("arguments", "host", "is_client", "outcomes", "position", "signature", "target")

    def __init__(self, facts: dict[str, Any], outcomes: list[Entry], position: int | None = None) -> None:
        self.target: str = facts["target"]  # the function, or the client
        # The description of the arguments, or None if the vault does not store them.
        self.arguments: dict[str, Any] | None = facts.get("arguments")
        self.outcomes = outcomes
        self.position = position  # the place in its cassette, from 0 on; None for a recording
        # The text that patterns are matched with: `GET /users/1`. A function's is its name.
        self.signature: str = self.target
        self.host: str | None = None
        self.is_client = names_client(self.target)
        if self.is_client:
            described = self.arguments or {}
            self.signature = str(facts.get("signature") or described.get("signature") or "")
            url = str(described.get("url") or "")
            self.host = facts.get("host") or urlsplit(url).netloc.rpartition("@")[2] or None

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds."""
        return float(sum([entry["duration"] for entry in self.outcomes]))

    def label(self, width: int = 120) -> str:
        """Return the call as people read it, in about so many characters: `shop.api:fetch(base='EUR')`."""
        return recorded_label(self.target, self.arguments, signature=self.signature, width=width)


class CatalogFile:
    """A recording, which has one call, or a cassette, which has any number."""

    def __init__(self, name: str, facts: dict[str, Any], calls: list[CatalogCall], size: int) -> None:
        self.name = name  # in the vault, `calls/shop.api/fetch/5f0c….json`
        self.is_cassette = name.startswith(CASSETTES)
        self.test: str | None = facts.get("test")  # the id of the test that recorded it, or None
        self.recorded: str = facts.get("recorded") or ""  # the date, `2026-11-02`
        # For a sequence, the test, module, package or session that it belongs to.
        self.owner: str | None = facts.get("owner")
        self.size = size  # the bytes of the file itself
        self.calls = calls

    @classmethod
    def of(cls, name: str, facts: dict[str, Any], size: int) -> CatalogFile:
        """Return the recording or cassette with these facts.

        LookupError, TypeError, ValueError, AttributeError: it does not have the shape of one.
        """
        if not {type(facts.get(key)) for key in ("test", "recorded", "owner")} <= _TEXTS:
            raise TypeError
        if name.startswith(CASSETTES):
            calls = [
                CatalogCall(call, _checked([call["outcome"]]), position)
                for position, call in enumerate(facts["calls"])
            ]
        else:
            calls = [CatalogCall(facts, _checked(facts["outcomes"]))]
        return cls(name, facts, calls, size)

    @property
    def key(self) -> str:
        """The identity in the name of a recording, or the name of a cassette."""
        return self.name[len(CASSETTES) : -5] if self.is_cassette else self.name.rpartition("/")[2][:-5]

    @property
    def short_key(self) -> str:
        """The first digits of the identity, or the name of a cassette."""
        return self.key if self.is_cassette else self.key[:_DIGITS]

    @property
    def duration(self) -> float:
        """How long the real calls took, in seconds: what one replay of each saves."""
        return sum([call.duration for call in self.calls])

    @property
    def objects(self) -> set[str]:
        named = {name for call in self.calls for name in long_parts(call.arguments)}
        return named.union(*(objects_of(entry) for call in self.calls for entry in call.outcomes))

    def label(self, width: int = 120) -> str:
        """Return it in one line: its call, or the name of the cassette and the number of its calls."""
        if not self.is_cassette:
            return self.calls[0].label(width)
        return f"cassette {self.key} ({plural(len(self.calls), 'call')})"


def _checked(entries: object) -> list[Entry]:
    if type(entries) is not list or not entries:
        raise TypeError
    for entry in entries:
        if type(entry["duration"]) not in (float, int):
            raise TypeError
    return entries


class Catalog:
    """The recordings and cassettes of a vault."""

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        # The errors of the files that could not be read, by name, once they were looked at.
        self.damaged: dict[str, MimicError] = {}
        self._sizes: dict[str, int] = {}

    def files(self) -> list[CatalogFile]:
        """Return the recordings and cassettes. Those that are damaged are left out."""
        files = []
        for name in self.vault.names():
            try:
                found = self.read(name)
            except MimicError as error:
                self.damaged[name] = error
                continue
            if found is not None:
                files.append(found)
        return files

    def read(self, name: str) -> CatalogFile | None:
        """Return a recording or cassette, or None if there is none.

        CorruptRecordingError: the file is damaged, or of a newer format. MimicError: it cannot be read.
        """
        data = self.vault.store.read(name)
        if data is None:
            return None
        facts = parse_recording(data, self.vault.label, name)
        try:
            return CatalogFile.of(name, facts, len(data))
        except _MISSHAPED:
            self.vault.calls(name)  # the vault says what is wrong
            raise damaged(f"{self.vault.label}/{name}", "an unknown shape") from None

    def object_size(self, name: str) -> int:
        """Return the bytes of an object, 0 if it is missing."""
        size = self._sizes.get(name)
        if size is None:
            size = self._sizes[name] = self.vault.store.size(name) or 0
        return size

    def size(self, file: CatalogFile) -> int:
        """Return the bytes of a recording or cassette with its objects, also of those that others share."""
        objects = file.objects
        return file.size + sum(map(self.object_size, objects)) if objects else file.size

    def total(self, files: Collection[CatalogFile]) -> int:
        """Return the bytes of recordings and cassettes with their objects, each of which counts once."""
        objects = frozenset().union(*(file.objects for file in files))
        return sum(file.size for file in files) + sum(map(self.object_size, objects))


def hide_arguments(files: Iterable[CatalogFile], redactor: Redactor) -> None:
    """Hide secret names in the arguments. Those of `mimic_redact` may be younger than a recording."""
    from pytest_mimic._core.tree.stored import without_secrets

    for file in files:
        for call in file.calls:
            if call.arguments:
                call.arguments = without_secrets(call.arguments, redactor)
