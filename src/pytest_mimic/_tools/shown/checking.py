"""Checks every file of a vault without loading an outcome: shapes, names, checksums, lists of imports, references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.ambient import command
from pytest_mimic._core.vault.file_names import CASSETTES, FOLDERS, recording_name
from pytest_mimic._core.vault.long_parts import long_parts
from pytest_mimic._core.vault.objects import Objects, Origin, is_sound, objects_of
from pytest_mimic._core.vault.parsing import damaged, is_object, references
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Recording, Stored
    from pytest_mimic._tools.shown.secret_finder import SecretFinder

_KEY = re.compile(r"[0-9a-f]{32}(?:-[a-z]+)*")  # behind the digits what counts in an import
# The kinds of findings that are damage. The others are only in the way.
DAMAGE = ("damaged", "unreadable")


class Finding(NamedTuple):
    """A file of the vault with a problem."""

    # `damaged`, or of an older format; `unreadable`, which no recording anew repairs: a Git LFS pointer, a merge conflict, a newer format; `code`: an outcome lists code, and that is forbidden;
    # `secret`: it holds what looks like a key, or the value of an environment variable; `orphaned`: an object that no recording names; `leftover`: of a killed run;
    # `base64`: it holds a text that redaction cannot see; `foreign`: it does not belong to a vault.
    kind: str
    file: str  # its name in the vault
    problem: str  # the problem in one line, with the path
    remedy: str = ""  # what to do, or empty
    recording: str = ""  # the recording or cassette that cannot be used because of it, or empty
    test: str | None = None  # the test that recorded that, or None

    @property
    def is_damage(self) -> bool:
        """Whether a recording cannot be used."""
        return self.kind in DAMAGE


class Checked:
    """The result of checking a vault: what was found, and how many recordings and objects were checked."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []  # in the order of the files
        self.recordings = 0
        self.objects = 0

    def of(self, *kinds: str) -> list[Finding]:
        """Return the findings of these kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def damage(self) -> list[Finding]:
        """The findings because of which recordings cannot be used."""
        return [finding for finding in self.findings if finding.is_damage]


class Checker:
    """Checks the files of a vault. With `secrets`, these are looked for as well."""

    def __init__(
        self, vault: Vault, secrets: SecretFinder | None = None, *, forbids_code: bool = False
    ) -> None:
        self._vault = vault
        self._secrets = secrets
        self._forbids_code = forbids_code
        self._store = vault.store
        self._objects = Objects(vault.store, pickles="listed", label=vault.label)

    def check(self, names: Iterable[str] | None = None) -> Checked:
        """Check some recordings and cassettes with their objects, or every file of the vault."""
        checked = Checked()
        named: set[str] = set()
        whole = True  # whether each recording says which objects it names
        files = (
            names if names is not None else [name for folder in FOLDERS for name in self._store.names(folder)]
        )
        for name in files:
            if not name.endswith(".json"):
                checked.findings.append(self._foreign(name))
                continue
            findings = list(self._check_file(name, named))
            whole = whole and not (findings and findings[0].file == name)
            checked.findings += findings
            checked.recordings += 1
        checked.objects = len(named)
        if names is not None:
            return checked
        objects = list(self._store.names("objects"))
        checked.objects = sum(name in named for name in objects)
        for name in objects:
            if not is_object(name):
                checked.findings.append(self._foreign(name))
            elif name not in named and whole:  # a damaged recording may have named it
                what = f"{self._path(name)} is an object that no recording names"
                checked.findings.append(Finding("orphaned", name, what))
        checked.findings += (
            Finding("leftover", name, f"{self._path(name)} is left over from a run that was killed")
            for name in self._store.leftovers()
        )
        return checked

    # Recordings

    def _check_file(self, name: str, named: set[str]) -> Iterator[Finding]:
        """Yield what is wrong with a recording or cassette, and add the objects that it names to `named`."""
        try:
            calls = self._vault.calls(name)
            if calls is None:  # another process has deleted it
                return
            if not name.startswith(CASSETTES):
                self._check_name(name, calls[0])
        except MimicError as error:
            data = self._store.read(name) or b""
            named |= references(data)
            finding = self._finding(name, error, name, getattr(error, "recorder", None))
            yield finding if _is_written_here(name, data) else self._unknown(finding)
            return
        test = calls[0].test if calls else None
        for stored, origin in (
            (one, Origin(name, call.target, test)) for call in calls for one in call.outcomes
        ):
            named.update(objects_of(stored.entry))
            problem = self._error_of(stored, origin)
            if problem is not None:
                yield self._finding(self._file_of(problem, name), problem, name, test)
                continue
            if self._forbids_code and stored.entry.get("code"):
                what = f"{self._path(name)} lists code: {', '.join(stored.entry['code'])}"
                yield Finding("code", name, what, recording=name, test=test)
            if self._secrets is not None:
                for file in objects_of(stored.entry):
                    yield from self._secret(file, self._content(stored, origin, file), name, test)
        for file in {part: None for call in calls for part in long_parts(call.arguments)}:
            named.add(file)
            if not is_sound(file, held := self._store.read(file) or b""):
                what = f"{self._path(file)} is missing, or is not what was sent: a part of a request"
                yield Finding("unreadable", file, what, "restore it from version control", name, test)
            elif self._secrets is not None:
                yield from self._secret(file, [held], name, test)
        if self._secrets is not None:
            yield from self._secret(name, [self._store.read(name) or b""], name, test)
            if self._secrets.hides(calls):
                remedy = f"to hide it: {command('--mimic-rerecord', test)}"
                what = f"{self._path(name)} holds what redaction hides today"
                yield Finding("secret", name, what, remedy, name, test)
            if self._secrets.misses(calls):
                what = f"{self._path(name)} holds a text as base64, in which nothing is redacted"
                yield Finding("base64", name, what, recording=name, test=test)

    def _secret(self, file: str, pieces: Iterable[object], name: str, test: str | None) -> Iterator[Finding]:
        """Yield what looks like a secret in a file, each once."""
        assert self._secrets is not None
        for what, mark in self._secrets.find(file, pieces):
            remedy = f"if it is none: mimic_redact = !{mark}"
            yield Finding("secret", file, f"{self._path(file)} holds {what}", remedy, name, test)

    def _content(self, stored: Stored, origin: Origin, file: str) -> list[Any]:
        """Return the content of an object that was found sound, in pieces."""
        if file == stored.entry.get("pickle"):
            stream, buffers = self._objects.content(stored.entry, origin, anywhere=True)
            return [stream, *buffers]
        return [self._store.read(file) or b""]

    def _check_name(self, name: str, recording: Recording) -> None:
        key = name.rpartition("/")[2].removesuffix(".json")
        target, owner = recording.target, recording.owner
        identity = key if owner is None else str(recording.identity)
        if not _KEY.fullmatch(key) or recording_name(target, identity, owner) != name:
            what = f"its name is not that of a call of {target}{f' in {owner}' if owner else ''}"
            raise damaged(self._path(name), what, test=recording.test)

    # Objects

    def _error_of(self, stored: Stored, origin: Origin) -> MimicError | None:
        entry = stored.entry
        if stored.is_plain and "inputs" not in entry:
            return None
        try:
            if "pickle" in entry:
                self._check_pickle(entry, origin)
            elif entry.get("tagged"):
                self._check_tagged(entry, origin)
            else:
                self._objects.load(entry, origin)
            for name in objects_of(entry):
                if name.endswith(".bin"):
                    self._objects.map(name, origin)
        except MimicError as error:
            return error
        try:
            if "inputs" in entry:
                self._objects.read(entry["inputs"], origin)
        except MimicError as error:
            error.data["still_replays"] = True
            return error
        return None

    def _check_pickle(self, entry: dict[str, Any], origin: Origin) -> None:
        from pytest_mimic._core.outcome.scan import scan, unlisted

        path = self._path(entry["pickle"])
        # Its content can be checked on every Python, even where it cannot be loaded.
        stream, _ = self._objects.content(entry, origin, anywhere=True)
        try:
            scanned = scan(stream, count=entry.get("count", 1))
        except Exception as reason:  # what bytes mean as a pickle may be anything
            raise damaged(path, f"it is no pickle: {reason}", test=origin.test) from None
        if what := unlisted(scanned, entry.get("imports", ()), entry.get("code", ())):
            raise damaged(path, what, test=origin.test)

    def _check_tagged(self, entry: dict[str, Any], origin: Origin) -> None:
        body = self._objects.body(entry, origin) if "json" in entry else entry
        path = self._path(entry.get("json", origin.name))
        unlisted = sorted(set(classes_in(body)) - {*entry.get("imports", ())})
        if unlisted:
            what = f"it names {', '.join(unlisted)}, which {self._path(origin.name)} does not list"
            raise damaged(path, what, test=origin.test)
        if "value" in body and not entry.get("imports"):
            from pytest_mimic._core.outcome.placed_paths import NOWHERE

            # Without imports, reading it runs nothing but this package.
            self._objects.load(entry, origin, NOWHERE)

    # Findings

    def _finding(self, file: str, error: MimicError, recording: str, test: str | None) -> Finding:
        remedy = error.remedies[0] if error.remedies else ""
        # A merge conflict is for git, a pointer for Git LFS, and a newer format for a newer version.
        is_kept = (
            not isinstance(error, CorruptRecordingError) or "record again" not in f"{error.what} {remedy}"
        )
        is_kept = is_kept or "still_replays" in error.data
        return Finding("unreadable" if is_kept else "damaged", file, error.what, remedy, recording, test)

    def _file_of(self, error: MimicError, recording: str) -> str:
        path = str(error.data.get("file", ""))
        return path.removeprefix(f"{self._vault.label}/") or recording

    def _unknown(self, finding: Finding) -> Finding:
        """Return the finding for a file that may be the user's own, so that it is never removed."""
        if not finding.file.startswith(CASSETTES):  # no call has such a name
            return self._foreign(finding.file)
        remedy = "restore it from version control, or delete it"
        return finding._replace(
            kind="unreadable", remedy=finding.remedy if finding.kind != "damaged" else remedy
        )

    def _foreign(self, name: str) -> Finding:
        return Finding("foreign", name, f"{self._path(name)} is no file of a vault")

    def _path(self, name: str) -> str:
        return f"{self._vault.label}/{name}"


def _is_written_here(name: str, data: bytes) -> bool:
    """Check by its name and content whether a file that cannot be read was written as a recording or cassette."""
    key = name.rpartition("/")[2].removesuffix(".json")
    return not data or b'"format"' in data or (not name.startswith(CASSETTES) and bool(_KEY.fullmatch(key)))


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
