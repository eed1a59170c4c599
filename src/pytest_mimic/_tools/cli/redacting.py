"""Redacts by the rules of today what a vault holds: calls of HTTP, descriptions, and values of the environment everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._clients.http.http_secrets import redacted_request, redacted_response
from pytest_mimic._core.redact.secret_names import holds_text
from pytest_mimic._core.vault.file_names import CASSETTES, FOLDERS, recording_name
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.recording_facts import Stored
from pytest_mimic._core.vault.schema import Origin
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.settings import IniOptions
    from pytest_mimic._core.vault import CassetteEntry, Recording, Vault
    from pytest_mimic._tools.foreign.recording_exchanges import Requests


class Redaction:
    """Applies the rules of today to one recording or cassette, where they change anything.

    A request of HTTP that changes gets its new identity, and its recording the new name. It is left, to be recorded again,
    if that cannot be told, or if another recording has that name. So is a call of another client that holds a text under
    a name that the configuration declares.
    """

    def __init__(self, vault: Vault, name: str, redactor: Redactor, requests: Callable[[], Requests]) -> None:
        self._vault, self._name, self._redactor, self._requests = vault, name, redactor, requests
        self._new_name = name
        self._objects = Objects(vault.store, pickles="listed", label=vault.label)
        self.is_changed = self.is_left = False
        self.test: str | None = None
        self._recording: Recording | None = None
        self._entries: list[CassetteEntry] | None = None
        if name.startswith(CASSETTES):
            self.test = vault.test_of(name)
            self._entries = []
            for one in vault.read_cassette(name) or ():
                arguments, key = self._arguments(one.target, one.whole().arguments, one.key)
                signature = str((arguments or {}).get("signature", one.signature))
                stored = self._outcome(one.target, one.stored)
                self._entries.append(
                    one._replace(arguments=arguments, key=key, signature=signature, stored=stored)
                )
        elif (found := vault.read(name)) is not None:
            self.test = found.test
            key = found.identity or name.rpartition("/")[2].removesuffix(".json")
            arguments, new = self._arguments(found.target, found.whole().arguments, key)
            if new != key:
                self._new_name = recording_name(found.target, new, found.owner)
                self.is_left = self.is_left or vault.store.size(self._new_name) is not None
            # Without its request, nobody can tell whether an answer that held a secret is still found.
            self.is_left |= self.is_changed and found.target == "http" and found.arguments is None
            self._recording = found._replace(
                arguments=arguments,
                identity=found.identity and new,
                outcomes=[self._outcome(found.target, one) for one in found.outcomes],
            )

    def write(self) -> None:
        """Write what has changed, unless it is left."""
        if self._entries is not None:
            date = self._vault.date_of(self._name)
            self._vault.write_cassette(self._name, self._entries, test=self.test, recorded=date)
        elif self._recording is not None:
            self._vault.write(self._new_name, self._recording)
            if self._new_name != self._name:
                self._vault.restore(self._name, None)

    def _arguments(
        self, target: str, arguments: dict[str, Any] | None, key: str
    ) -> tuple[dict[str, Any] | None, str]:
        """Return the arguments without secrets, and the identity that the call then has."""
        is_function = ":" in target
        if not is_function:
            arguments = _plain(arguments)
        found: dict[str, Any] | None = self._redactor.environment.scrub(arguments)
        if target == "http" and found is not None:
            found = redacted_request(found, self._redactor)
        elif is_function and found is not None:
            found = self._redactor.declared.scrub(found)
        elif found is not None and holds_text(found, self._redactor.declared):
            self.is_changed = self.is_left = True
        if found == arguments:
            return arguments, key
        self.is_changed = True
        if is_function:  # it is found by its real arguments
            return found, key
        from pytest_mimic._core.describe.value_description import describe_parts

        new = self._requests().renamed(arguments or {}, found or {}, key) if target == "http" else None
        self.is_left = self.is_left or new is None
        return describe_parts(found or {}), new or key

    def _outcome(self, target: str, stored: Stored) -> Stored:
        entry, origin = stored.entry, Origin(self._name, target, self.test)
        if "pickle" in entry or "files" in entry:
            return stored
        body = self._objects.body(entry, origin)
        found = self._redactor.environment.scrub(body)
        if target == "http" and isinstance(found.get("value"), dict):
            found = {**found, "value": redacted_response(found["value"], self._redactor)}
        elif ":" not in target and holds_text(body, self._redactor.declared):
            self.is_changed = self.is_left = True
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
        return Stored(self._objects, kept | ({"awaited": True} if stored.awaited else {}), encoded=encoded)


def _plain(part: object) -> Any:
    """Return described plain data as it was. Other values stay descriptions."""
    if type(part) is list:
        return [_plain(one) for one in part]
    if type(part) is not dict:
        return part
    if part.get("$") == "dict" and all(type(name) is str for name, _ in part.get("entries", [[0, 0]])):
        return {name: _plain(each) for name, each in part["entries"]}
    return {name: _plain(each) for name, each in part.items()}


def redactions(
    vault: Vault, names: Iterable[str], redactor: Redactor, ini: IniOptions
) -> Iterator[tuple[str, Redaction]]:
    """Yield what the rules of today change in these recordings and cassettes. What is damaged is left out."""

    @cache
    def requests() -> Requests:  # loads the engine, which few checks need
        from pytest_mimic._tools.foreign.recording_exchanges import Requests

        return Requests(ini)

    for name in names:
        if not (name.endswith(".json") and name.startswith(tuple(FOLDERS))):
            continue
        try:
            found = Redaction(vault, name, redactor, requests)
        except MimicError:
            continue
        if found.is_changed:
            yield name, found
