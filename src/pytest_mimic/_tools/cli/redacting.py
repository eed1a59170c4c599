"""Redacts by the rules of today what a vault holds: the outcomes of HTTP, and the values of the environment everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._clients.http.http_secrets import redacted_response
from pytest_mimic._core.vault.file_names import CASSETTES, FOLDERS
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.recording_facts import Stored
from pytest_mimic._core.vault.schema import Origin
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import CassetteEntry, Recording, Vault


class Redaction:
    """Applies the rules of today to one recording or cassette, where they change anything.

    It is left if they change the request of a client, by which it is found: it has to be recorded again.
    """

    def __init__(self, vault: Vault, name: str, redactor: Redactor) -> None:
        self._vault, self._name, self._redactor = vault, name, redactor
        self._objects = Objects(vault.store, pickles="listed", label=vault.label)
        self.is_changed = self.is_left = False
        self.test: str | None = None
        self._recording: Recording | None = None
        self._entries: list[CassetteEntry] | None = None
        if name.startswith(CASSETTES):
            self.test = vault.test_of(name)
            self._entries = [
                one._replace(
                    arguments=self._arguments(one.target, one.arguments),
                    stored=self._outcome(one.target, one.stored),
                )
                for one in vault.read_cassette(name) or ()
            ]
        elif (found := vault.read(name)) is not None:
            self.test = found.test
            self._recording = found._replace(
                arguments=self._arguments(found.target, found.arguments),
                outcomes=[self._outcome(found.target, one) for one in found.outcomes],
            )

    def write(self) -> None:
        """Write what has changed, unless it is left."""
        if self._entries is not None:
            date = self._vault.date_of(self._name)
            self._vault.write_cassette(self._name, self._entries, test=self.test, recorded=date)
        elif self._recording is not None:
            self._vault.write(self._name, self._recording)

    def _arguments(self, target: str, arguments: dict[str, Any] | None) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._redactor.environment.scrub(arguments)
        if target == "http" and found is not None:
            shown = {"signature": found["signature"]} if "signature" in found else {}  # it is no secret one
            found = {
                **self._redactor.scrub({name: part for name, part in found.items() if name not in shown}),
                **shown,
            }
        if found != arguments:
            self.is_changed = True
            self.is_left = self.is_left or ":" not in target  # a function is found by its real arguments
        return found

    def _outcome(self, target: str, stored: Stored) -> Stored:
        entry, origin = stored.entry, Origin(self._name, target, self.test)
        if "pickle" in entry or "files" in entry:
            return stored
        body = self._objects.body(entry, origin)
        found = self._redactor.environment.scrub(body)
        if target == "http" and isinstance(found.get("value"), dict):
            found = {**found, "value": redacted_response(found["value"], self._redactor)}
        if found == body:
            return stored
        from pytest_mimic._core.outcome.encoding import Encoded, Readable
        from pytest_mimic._core.outcome.plain import layout_of

        if (text := layout_of(found)) is None:
            return stored
        self.is_changed = True
        objects = {name: self._vault.store.read(name) or b"" for name in entry.get("objects", ())}
        readable = Readable(text, bool(entry.get("tagged")), list(entry.get("imports", ())), objects)
        encoded = Encoded(
            stored.kind, [*stored.changes], xxh3_128_hexdigest(text.encode()), readable=readable
        )
        kept = {key: entry[key] for key in ("duration", "inputs") if key in entry} | {"kind": stored.kind}
        return Stored(self._objects, kept | ({"awaited": True} if stored.awaited else {}), None, encoded)


def redactions(vault: Vault, names: Iterable[str], redactor: Redactor) -> Iterator[tuple[str, Redaction]]:
    """Yield what the rules of today change in these recordings and cassettes. What is damaged is left out."""
    for name in names:
        if not (name.endswith(".json") and name.startswith(tuple(FOLDERS))):
            continue
        try:
            found = Redaction(vault, name, redactor)
        except MimicError:
            continue
        if found.is_changed:
            yield name, found
