"""Checks every file of a vault without loading an outcome, for the command `check`.

It looks at shapes, names, checksums, lists of imports and references. What it finds is
data: `check.py` words it, and removes files for `--fix`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.commands import Remedy, Verb, do, rerecord
from pytest_mimic._core.nodes.outcome_json import tags_in
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.format import (
    CASSETTES_PREFIX,
    FOLDERS,
    changed_file_error,
    is_object_name,
    names_of_objects_in,
    parse_recording,
    parse_without_duplicates,
    recording_name,
)
from pytest_mimic._core.vault.long_parts import names_of_long_parts
from pytest_mimic._core.vault.objects import Objects, Origin, has_digest_of_name
from pytest_mimic._core.vault.outcome_entries import objects_of_entry
from pytest_mimic._core.vault.recording_facts import (
    ERRORS_OF_SHAPE,
    Recording,
    calls_of,
)
from pytest_mimic._tools.cli.check_secrets import SecretFinder
from pytest_mimic.errors import CorruptRecordingError, Damage, MimicError

# The name of a recording's file, without its suffix: the digits of its identity. Of an
# imported one, the parts that count follow: `1a2b…-method-uri`.
_STEM_OF_RECORDING = re.compile(r"[0-9a-f]{32}(?:-[a-z]+)*")
#: The kinds of findings in a recording, or in an object of it, that cannot be used.
KINDS_OF_DAMAGE = ("damaged", "unreadable")
#: The kinds of findings in files that no recording needs.
KINDS_LEFT_OVER = ("orphaned", "leftover")
_REMEDY_RESTORE = do("restore it from version control")

#: What is wrong with a file of the vault:
#:
#: ==========  ================================================================
#: damaged     it cannot be used, or has an older format: the call is to be
#:             recorded again
#: unreadable  recording again is not the remedy: a Git LFS pointer, a merge
#:             conflict, a newer format
#: secret      it holds what looks like a key, the value of an environment
#:             variable, or what redaction hides today
#: orphaned    an object that no recording names
#: leftover    a killed run has left it
#: base64      it holds a text that redaction cannot see
#: foreign     it does not belong to a vault
#: ==========  ================================================================
Kind = Literal[
    "damaged", "unreadable", "secret", "orphaned", "leftover", "base64", "foreign"
]


class Finding(NamedTuple):
    """A file of the vault with a problem.

    Attributes:
        kind: The kind of the problem.
        file: The name of the file in the vault.
        problem: The problem in words, in one line with the path.
        remedy: What to do, if anything.
        recording: The name of the recording or cassette that the problem concerns, or
            empty. `check --fix` deletes it if it is damaged.
        test: The test that made this recording, or None.
        damage: How the recording or object is damaged; None: it has another problem.
    """

    kind: Kind
    file: str
    problem: str
    remedy: Remedy | None = None
    recording: str = ""
    test: str | None = None
    damage: Damage | None = None


class Checker:
    """Checks the files of a vault.

    Args:
        vault: The vault.
        secret_finder: Looks for secrets; None: secrets are not looked for.

    Attributes:
        recording_count: How many recordings and cassettes were checked.
        object_count: How many objects were checked.
        pickle_count: How many sound outcomes are pickles.
        imports: The names that these pickles import.
    """

    def __init__(
        self, vault: Vault, *, secret_finder: SecretFinder | None = None
    ) -> None:
        self.recording_count = 0
        self.object_count = 0
        self.pickle_count = 0
        self.imports: set[str] = set()
        self._vault = vault
        self._secret_finder = secret_finder
        self._store = vault.store
        # Where `mimic_pickle = forbid`, pickles are checked as well: none is loaded.
        self._objects = Objects(
            vault.store,
            pickles="listed",
            label=vault.label,
            check_client=vault.objects.check_client,
        )

    def check(self, names: Iterable[str] | None = None) -> list[Finding]:
        """Check some recordings and cassettes with their objects.

        Args:
            names: The names of the recordings and cassettes; None: every file of the
                vault.
        """
        findings: list[Finding] = []
        # The objects that the recordings name. All others are left over.
        referred_names: set[str] = set()
        recording_names = names
        if recording_names is None:
            recording_names = self._recording_names()
        for name in recording_names:
            if not name.endswith(".json"):
                findings.append(self._finding_of_foreign(name))
                continue
            self.recording_count += 1
            try:
                content = self._store.read(name)
                if content is None:
                    # Another process has deleted the file meanwhile.
                    continue
                referred_names |= names_of_objects_in(content)
                findings += self._check_recording(name, content)
            except MimicError as error:
                # A folder or a pipe has the name of a recording, for example.
                findings.append(self._finding_never_removed(name, error))
            except (*ERRORS_OF_SHAPE, RecursionError) as reason:
                # Nobody thought of this damage. A file with it is never removed.
                findings.append(
                    self._finding_never_removed(
                        name, changed_file_error(self._path(name), reason)
                    )
                )
        self.object_count = len(referred_names)
        if names is None:
            # A damaged recording may have named any object.
            has_damage = any(finding.kind in KINDS_OF_DAMAGE for finding in findings)
            known_references = None if has_damage else referred_names
            findings += self._check_objects(known_references)
            findings += self._check_leftovers()
        return findings

    def _recording_names(self) -> Iterator[str]:
        for folder in FOLDERS:
            yield from self._store.names(folder)

    def _check_objects(self, referred_names: set[str] | None) -> Iterator[Finding]:
        """Yield the objects that no recording names, and files that are no objects.

        Args:
            referred_names: The names of objects in recordings; None: not all are known.
        """
        for name in self._store.names():
            if name.partition("/")[0] in FOLDERS:
                continue
            if not is_object_name(name):
                yield self._finding_of_foreign(name)
            elif referred_names is not None and name not in referred_names:
                problem = f"{self._path(name)} is an object that no recording names"
                yield Finding("orphaned", name, problem)

    def _check_leftovers(self) -> Iterator[Finding]:
        for name in self._store.leftovers():
            problem = f"{self._path(name)} is left over from a run that was killed"
            yield Finding("leftover", name, problem)

    # -- recordings

    def _check_recording(self, name: str, content: bytes) -> Iterator[Finding]:
        """Yield what is wrong with a recording or cassette, and with its objects."""
        try:
            facts = parse_recording(content, self._vault.label, name)
            # A replay looks for keys that stand twice only where a merge leaves them.
            parse_without_duplicates(content, self._path(name), test=facts.get("test"))
            calls = calls_of(self._vault.objects, name, facts)
            if calls and not name.startswith(CASSETTES_PREFIX):
                self._check_name(name, calls[0])
        except MimicError as error:
            # Of such a file, no call is known that could be checked.
            yield self._finding_of_unreadable(name, content, error)
            return
        for call in calls:
            origin = Origin(name, call.target, call.test)
            for stored_outcome in call.outcomes:
                yield from self._check_outcome(stored_outcome.entry, origin)
        test = calls[0].test if calls else None
        # Objects hold the long parts of requests. A replay needs none of these.
        yield from self._check_long_parts(calls, recording=name, test=test)
        yield from self._secrets_in(name, [content], recording=name, test=test)
        if self._secret_finder is not None:
            path = self._path(name)
            if self._secret_finder.finds_secret(calls):
                problem = f"{path} holds what redaction hides today"
                remedy = rerecord("to hide it", test)
                yield Finding(
                    "secret", name, problem, remedy=remedy, recording=name, test=test
                )
            if self._secret_finder.finds_text_in_base64(calls):
                problem = f"{path} holds a text as base64, in which nothing is redacted"
                yield Finding("base64", name, problem, recording=name, test=test)

    def _check_long_parts(
        self, calls: Iterable[Recording], *, recording: str, test: str | None
    ) -> Iterator[Finding]:
        """Yield what is wrong with the objects that hold long parts of requests."""
        object_names: list[str] = []
        for call in calls:
            object_names += names_of_long_parts(call.arguments)
        # Several calls may name one object, which is checked once.
        for name in dict.fromkeys(object_names):
            content = self._content_of(name)
            if has_digest_of_name(name, content):
                yield from self._secrets_in(
                    name, [content], recording=recording, test=test
                )
            else:
                path = self._path(name)
                problem = (
                    f"{path} is missing, or is not what was sent: a part of a request"
                )
                # The call still replays, so that `--fix` must not remove it.
                yield Finding(
                    "unreadable",
                    name,
                    problem,
                    remedy=_REMEDY_RESTORE,
                    recording=recording,
                    test=test,
                )

    def _content_of(self, object_name: str) -> bytes:
        """Return the bytes of an object, or `b""` if it is missing or cannot be read.

        Such an object is reported, since its name is not the digest of `b""`.
        """
        try:
            return self._store.read(object_name) or b""
        except MimicError:
            return b""

    def _check_name(self, name: str, recording: Recording) -> None:
        """Check that a recording is named after its target, its owner and its identity.

        Raises:
            CorruptRecordingError: The recording has another name.
        """
        stem = _stem_of(name)
        target = recording.target
        owner = recording.owner
        # Of a recording that serves all tests, the name is its identity. Under another
        # name, such as that of a copy, no run finds it.
        identity = stem
        if owner is not None:
            identity = str(recording.identity)
        if (
            not _STEM_OF_RECORDING.fullmatch(stem)
            or recording_name(target, identity, owner) != name
        ):
            problem = f"its name is not that of a call of {target}"
            if owner:
                problem += f" in {owner}"
            raise changed_file_error(self._path(name), problem, test=recording.test)

    def _finding_of_unreadable(
        self, name: str, content: bytes, error: MimicError
    ) -> Finding:
        """Return the finding for a file that cannot be read.

        A file that may be the user's own is never removed.
        """
        test = getattr(error, "recorder", None)
        finding = self._finding(name, error, recording=name, test=test)
        # A killed process may have left an empty file.
        is_ours = not content or b'"format"' in content
        is_cassette = name.startswith(CASSETTES_PREFIX)
        if not is_cassette:
            # The name of a recording shows that it is ours, whatever the file has.
            has_our_name = _STEM_OF_RECORDING.fullmatch(_stem_of(name)) is not None
            if is_ours or has_our_name:
                return finding
            return self._finding_of_foreign(name)
        if is_ours or finding.kind != "damaged":
            return finding
        # The name of a cassette may be that of a file of the user's. With the kind
        # "damaged", `--fix` would delete it.
        restore_or_delete = do("restore it from version control, or delete it")
        return finding._replace(kind="unreadable", remedy=restore_or_delete)

    def _secrets_in(
        self, file: str, pieces: list[Any], *, recording: str, test: str | None
    ) -> Iterator[Finding]:
        """Yield the secrets in the bytes of a recording, or of an object of it.

        Args:
            file: The name of the recording or object.
            pieces: The content of the file, in pieces of bytes.
            recording: The name of the recording.
            test: The test that made the recording, or None.
        """
        if self._secret_finder is None:
            return
        for secret, mark in self._secret_finder.find(file, pieces):
            problem = f"{self._path(file)} holds {secret}"
            accepting_line = f"mimic_redact = !{mark}"
            remedy = Remedy(Verb.LINE, "if it is none", words=(accepting_line,))
            yield Finding(
                "secret", file, problem, remedy=remedy, recording=recording, test=test
            )

    # -- outcomes

    def _check_outcome(
        self, outcome_entry: dict[str, Any], origin: Origin
    ) -> Iterator[Finding]:
        """Yield what is wrong with an outcome: damage, or else its secrets."""
        recording = origin.name
        test = origin.test
        try:
            pieces_by_object = self._checked_content(outcome_entry, origin)
        except MimicError as error:
            path = str(error.data.get("file", ""))
            file = path.removeprefix(f"{self._vault.label}/") or recording
            yield self._finding(file, error, recording=recording, test=test)
            return
        for file, pieces in pieces_by_object.items():
            yield from self._secrets_in(file, pieces, recording=recording, test=test)

    def _checked_content(
        self, outcome_entry: dict[str, Any], origin: Origin
    ) -> dict[str, list[Any]]:
        """Return the bytes of an outcome's objects, after a check of each.

        Returns:
            By the name of an object: its content, in pieces.

        Raises:
            MimicError: The outcome cannot be used.
        """
        objects = self._objects
        pieces_by_object: dict[str, list[Any]] = {}
        for name in objects_of_entry(outcome_entry):
            try:
                # To open an object checks that its bytes fit the digest in its name.
                pieces_by_object[name] = [objects.memory(name, origin)]
            except MimicError as error:
                # A replay can do without the object with the list of what the call
                # read.
                error.data["still_replays"] = name == outcome_entry.get("inputs")
                raise
        if "pickle" in outcome_entry:
            # A pickle can be checked on every Python, even where it cannot be loaded.
            stream, buffers = objects.content(outcome_entry, origin, on_any_python=True)
            self._check_pickle(outcome_entry, origin, stream)
            pieces_by_object[outcome_entry["pickle"]] = [stream, *buffers]
            return pieces_by_object
        body = objects.body(outcome_entry, origin)
        if outcome_entry.get("tagged"):
            # To load it would import the user's classes, and run their code.
            self._check_classes(outcome_entry, origin, body)
            objects.check_tags(outcome_entry, origin)
        else:
            objects.load(outcome_entry, origin)
        return pieces_by_object

    def _check_classes(
        self, outcome_entry: dict[str, Any], origin: Origin, body: object
    ) -> None:
        """Compare the classes that a readable outcome names with the list beside it.

        Only `check` asks this, for a reviewer who reads the list alone: a class that it
        lacks was put in by an edit. A replay refuses such a class when it comes to it.

        Raises:
            CorruptRecordingError: A class is not in the list.
        """
        listed_classes = set(outcome_entry.get("imports", ()))
        unlisted_classes = set(classes_in(body)) - listed_classes
        if unlisted_classes:
            # `check` reports the file as damaged, and loads nothing of it.
            path = self._path(outcome_entry.get("json", origin.name))
            names = ", ".join(sorted(unlisted_classes))
            problem = f"it names {names}, which {self._path(origin.name)} does not list"
            raise changed_file_error(path, problem, test=origin.test)

    def _check_pickle(
        self, outcome_entry: dict[str, Any], origin: Origin, stream: bytes
    ) -> None:
        """Compare what a pickle imports with the list in its recording, for `check`.

        Raises:
            CorruptRecordingError: The pickle imports something else, or is no pickle.
        """
        # Few recordings are pickles, and this module loads `pickle`.
        from pytest_mimic._core.outcome.pickle_imports import imported_names

        path = self._path(outcome_entry["pickle"])
        try:
            names = imported_names(stream, count=outcome_entry.get("count", 1))
        except Exception as reason:
            # Damaged bytes can raise anything when they are read as a pickle.
            problem = f"it is no pickle: {reason}"
            raise changed_file_error(path, problem, test=origin.test) from None
        unlisted_imports = names - set(outcome_entry.get("imports", ()))
        if unlisted_imports:
            shown_imports = ", ".join(sorted(unlisted_imports))
            problem = f"it imports {shown_imports}, which its recording does not list"
            raise changed_file_error(path, problem, test=origin.test)
        # The report of `check` says how many pickles there are, and what they import.
        self.pickle_count += 1
        self.imports |= names

    # -- findings

    def _finding(
        self, file: str, error: MimicError, *, recording: str, test: str | None
    ) -> Finding:
        """Return the finding for an error in reading a recording or an object of it.

        Args:
            file: The name of the recording or object that cannot be read.
            error: The error.
            recording: The name of the recording.
            test: The test that made the recording, or None.
        """
        remedy = None
        if error.remedies:
            remedy = error.remedies[0]
        # `--fix` deletes a recording of the kind "damaged", and none of another kind.
        kind: Kind = "unreadable"
        damage = None
        if isinstance(error, CorruptRecordingError):
            damage = error.damage
            if damage.is_beyond_use and not error.data.get("still_replays"):
                kind = "damaged"
        return Finding(
            kind,
            file,
            error.what,
            remedy=remedy,
            recording=recording,
            test=test,
            damage=damage,
        )

    def _finding_never_removed(self, name: str, error: MimicError) -> Finding:
        """Return the finding for a recording that `--fix` never removes."""
        finding = self._finding(name, error, recording=name, test=None)
        return finding._replace(kind="unreadable")

    def _finding_of_foreign(self, name: str) -> Finding:
        """Return the finding for a file that does not belong to a vault."""
        return Finding("foreign", name, f"{self._path(name)} is no file of a vault")

    def _path(self, name: str) -> str:
        """Return the path of a file for messages."""
        return f"{self._vault.label}/{name}"


def classes_in(tree: object) -> Iterator[str]:
    """Yield the classes that the tags in a tree of JSON name, `shop.models:User`.

    A replay would import them. A readable outcome has a list of them beside it.
    """
    for tag, part in tags_in(tree):
        if ":" in tag:
            yield tag
        elif tag.startswith("numpy."):
            # A number or an array: the tag names its dtype.
            yield "numpy:ndarray"
        elif tag == "class" and type(part) is str:
            yield part


def _stem_of(name: str) -> str:
    """Return the name of a recording's file, without its folders and its suffix."""
    return name.rpartition("/")[2].removesuffix(".json")
