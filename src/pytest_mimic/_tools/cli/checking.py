"""Checks every file of a vault without loading an outcome: shapes, names, checksums, lists of imports, references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pytest_mimic._core.commands import Remedy, Verb, do, rerecord
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import (
    CASSETTES,
    FOLDERS,
    damaged,
    is_object,
    recording_name,
    references,
)
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.objects import Objects, Origin, is_sound, objects_of
from pytest_mimic._core.vault.recording_facts import MISSHAPED, Recording, read_calls
from pytest_mimic._tools.cli.secret_finder import SecretFinder
from pytest_mimic.errors import CorruptRecordingError, Damage, MimicError

_KEY = re.compile(
    r"[0-9a-f]{32}(?:-[a-z]+)*"
)  # behind the digits what counts in an import
# The kinds of findings because of which a recording cannot be used. The others are only
# in the way.
DAMAGE = ("damaged", "unreadable")
_RESTORE = do("restore it from version control")


class Finding(NamedTuple):
    """A file of the vault with a problem."""

    # `damaged`, or of an older format; `unreadable`, which no recording anew repairs: a
    # Git LFS pointer, a merge conflict, a newer format; `secret`: it holds what looks like a key, or the value of
    # an environment variable; `orphaned`: an object that no recording names;
    # `leftover`: of a killed run; `base64`: it holds a text that redaction cannot see;
    # `foreign`: it does not belong to a vault.
    kind: str
    file: str  # its name in the vault
    problem: str  # the problem in one line, with the path
    remedy: Remedy | None = None  # what to do, if anything
    recording: str = (
        ""  # the recording or cassette that cannot be used because of it, or empty
    )
    test: str | None = None  # the test that recorded that, or None
    damage: Damage | None = None  # how the file is damaged, if it is


class Checker:
    """Checks the files of a vault. With `secrets`, these are looked for as well.

    Attributes:
        recordings, objects: How many were checked.
        pickles: How many outcomes are pickles, of the sound ones.
        imports: The names that these pickles import.
    """

    def __init__(
        self,
        vault: Vault,
        secrets: SecretFinder | None = None,
    ) -> None:
        self.recordings = self.objects = self.pickles = 0
        self.imports: set[str] = set()
        self._vault = vault
        self._secrets = secrets
        self._store = vault.store
        self._objects = Objects(
            vault.store,
            pickles="listed",
            label=vault.label,
            check_client=vault.objects.check_client,
        )

    def check(self, names: Iterable[str] | None = None) -> list[Finding]:
        """Check some recordings and cassettes with their objects, or every file of the vault."""
        found: list[Finding] = []
        referred: set[str] = set()
        every = (name for folder in FOLDERS for name in self._store.names(folder))
        for name in every if names is None else names:
            if name.endswith(".json"):
                try:
                    data = self._store.read(name) or b""
                    referred |= references(data)
                    found += self._check_file(name, data)
                except MimicError as error:
                    # It is no regular file, for example.
                    finding = self._finding(name, error, name, None)
                    found.append(finding._replace(kind="unreadable"))
                except (
                    *MISSHAPED,
                    RecursionError,
                ) as reason:  # what nobody thought of: it is never removed
                    unknown = damaged(self._path(name), reason)
                    finding = self._finding(name, unknown, name, None)
                    found.append(finding._replace(kind="unreadable"))
                self.recordings += 1
            else:
                found.append(self._foreign(name))
        self.objects = len(referred)
        return (
            found
            if names is not None
            else [*found, *self._check_others(referred, found)]
        )

    def _check_others(
        self, referred: set[str], found: list[Finding]
    ) -> Iterator[Finding]:
        """Yield what is neither a recording nor a part of one."""
        is_damaged = any(
            one.kind in DAMAGE for one in found
        )  # it may have named any object
        for name in self._store.names():
            if name.partition("/")[0] in FOLDERS:
                continue
            if not is_object(name):
                yield self._foreign(name)
            elif name not in referred and not is_damaged:
                yield Finding(
                    "orphaned",
                    name,
                    f"{self._path(name)} is an object that no recording names",
                )
        for name in self._store.leftovers():
            what = f"{self._path(name)} is left over from a run that was killed"
            yield Finding("leftover", name, what)

    # Recordings

    def _check_file(self, name: str, data: bytes) -> Iterator[Finding]:
        """Yield what is wrong with a recording or cassette, and with its objects."""
        try:
            calls = read_calls(self._vault.objects, name) or []
            if calls and not name.startswith(CASSETTES):
                self._check_name(name, calls[0])
        except MimicError as error:
            yield self._of_unreadable(name, data, error)
            return
        for call in calls:
            for entry in (one.entry for one in call.outcomes):
                yield from self._check_outcome(
                    entry, Origin(name, call.target, call.test)
                )
        test = calls[0].test if calls else None
        for file in {
            part: None for call in calls for part in long_parts(call.arguments)
        }:
            if is_sound(file, held := self._bytes_of(file)):
                yield from self._secrets_in(file, [held], name, test)
            else:
                what = f"{self._path(file)} is missing, or is not what was sent: a part of a request"
                yield Finding(
                    "unreadable",
                    file,
                    what,
                    _RESTORE,
                    name,
                    test,
                )
        yield from self._secrets_in(name, [data], name, test)
        if self._secrets is not None and self._secrets.hides(calls):
            remedy = rerecord("to hide it", test)
            what = f"{self._path(name)} holds what redaction hides today"
            yield Finding("secret", name, what, remedy, name, test)
        if self._secrets is not None and self._secrets.misses(calls):
            what = f"{self._path(name)} holds a text as base64, in which nothing is redacted"
            yield Finding("base64", name, what, recording=name, test=test)

    def _bytes_of(self, file: str) -> bytes:
        """Return the content of a file; nothing if it is missing or cannot be read."""
        try:
            return self._store.read(file) or b""
        except MimicError:
            return b""

    def _check_name(self, name: str, recording: Recording) -> None:
        key = name.rpartition("/")[2].removesuffix(".json")
        target, owner = recording.target, recording.owner
        identity = key if owner is None else str(recording.identity)
        if not _KEY.fullmatch(key) or recording_name(target, identity, owner) != name:
            what = f"its name is not that of a call of {target}{f' in {owner}' if owner else ''}"
            raise damaged(self._path(name), what, test=recording.test)

    def _of_unreadable(self, name: str, data: bytes, error: MimicError) -> Finding:
        """Return the finding for a file that cannot be read.

        What may be the user's own is never removed.
        """
        finding = self._finding(name, error, name, getattr(error, "recorder", None))
        key = name.rpartition("/")[2].removesuffix(".json")
        is_cassette = name.startswith(CASSETTES)
        if not data or b'"format"' in data or (not is_cassette and _KEY.fullmatch(key)):
            return finding
        if not is_cassette:  # no call has such a name
            return self._foreign(name)
        if finding.kind != "damaged":
            return finding
        restore = do("restore it from version control, or delete it")
        return finding._replace(kind="unreadable", remedy=restore)

    def _secrets_in(
        self, file: str, pieces: list[Any], name: str, test: str | None
    ) -> Iterator[Finding]:
        for what, mark in (
            self._secrets.find(file, pieces) if self._secrets is not None else ()
        ):
            line = f"mimic_redact = !{mark}"
            remedy = Remedy(Verb.LINE, "if it is none", words=(line,))
            yield Finding(
                "secret", file, f"{self._path(file)} holds {what}", remedy, name, test
            )

    # Outcomes

    def _check_outcome(
        self, entry: dict[str, Any], origin: Origin
    ) -> Iterator[Finding]:
        """Yield what is wrong with an outcome: damage, or else its secrets."""
        name, test = origin.name, origin.test
        try:
            held = self._checked_content(entry, origin)
        except MimicError as error:
            file = (
                str(error.data.get("file", "")).removeprefix(f"{self._vault.label}/")
                or name
            )
            yield self._finding(file, error, name, test)
            return
        for file, pieces in held.items():
            yield from self._secrets_in(file, pieces, name, test)

    def _checked_content(
        self, entry: dict[str, Any], origin: Origin
    ) -> dict[str, list[Any]]:
        """Return the content of the objects of an outcome, in pieces.

        MimicError: it cannot be used.
        """
        objects, held = self._objects, dict[str, list[Any]]()
        for name in objects_of(entry):
            try:
                held[name] = [objects.map(name, origin)]
            except MimicError as error:
                error.data["still_replays"] = name == entry.get("inputs")
                raise
        if "pickle" in entry:
            # It can be checked on every Python, even where it cannot be loaded.
            stream, buffers = objects.content(entry, origin, anywhere=True)
            self._check_pickle(entry, origin, stream)
            return {**held, entry["pickle"]: [stream, *buffers]}
        body = objects.body(entry, origin)
        if not entry.get("tagged"):
            objects.load(entry, origin)
            return held
        if unlisted := sorted({*classes_in(body)} - {*entry.get("imports", ())}):
            path = self._path(entry.get("json", origin.name))
            what = f"it names {', '.join(unlisted)}, which {self._path(origin.name)} does not list"
            raise damaged(path, what, test=origin.test)
        objects.check_tags(entry, origin)
        return held

    def _check_pickle(
        self, entry: dict[str, Any], origin: Origin, stream: bytes
    ) -> None:
        """Compare what a pickle imports with the list in its recording."""
        from pytest_mimic._core.outcome.scan import imported_names

        path = self._path(entry["pickle"])
        try:
            names = imported_names(stream, count=entry.get("count", 1))
        except Exception as reason:  # what bytes mean as a pickle may be anything
            raise damaged(
                path, f"it is no pickle: {reason}", test=origin.test
            ) from None
        unlisted = names - {*entry.get("imports", ())}
        if unlisted:
            what = f"it imports {', '.join(sorted(unlisted))}, which its recording does not list"
            raise damaged(path, what, test=origin.test)
        self.pickles += 1
        self.imports |= names

    # Findings

    def _finding(
        self, file: str, error: MimicError, recording: str, test: str | None
    ) -> Finding:
        remedy = error.remedies[0] if error.remedies else None
        is_beyond_use = (
            isinstance(error, CorruptRecordingError) and error.damage.is_beyond_use
        )
        still_replays = error.data.get("still_replays")
        kind = "damaged" if is_beyond_use and not still_replays else "unreadable"
        damage = error.damage if isinstance(error, CorruptRecordingError) else None
        return Finding(kind, file, error.what, remedy, recording, test, damage)

    def _foreign(self, name: str) -> Finding:
        return Finding("foreign", name, f"{self._path(name)} is no file of a vault")

    def _path(self, name: str) -> str:
        return f"{self._vault.label}/{name}"


def classes_in(tree: object) -> Iterator[str]:
    """Yield the classes that the tags in a tree of JSON name, `shop.models:User`."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        elif type(node) is dict:
            for key in node:
                if key[:7] == "$numpy.":
                    yield "numpy:ndarray"
                elif key[:1] == "$" and key[:2] != "$$" and ":" in key:
                    yield key[1:]
                elif key == "$class" and type(node[key]) is str:
                    yield node[key]
                break
            todo += node.values()
