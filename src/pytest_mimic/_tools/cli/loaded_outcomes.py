"""Loads an outcome to show it, under the rules of a replay."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_mimic._core.redact.secret_names import PLACEHOLDER

_WORD = re.compile(r"[A-Za-z_][\w-]*")
# What follows a secret name whose value is hidden.
_HIDDEN = re.compile(rf"\W{{0,6}}{re.escape(PLACEHOLDER)}")

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Stored
    from pytest_mimic._tools.catalog import CatalogCall, CatalogFile
    from pytest_mimic._tools.cli.project import Invocation


def loaded(invocation: Invocation, file: CatalogFile, call: CatalogCall, index: int) -> str:
    """Return the repr of an outcome of a call, without secrets.

    MimicError: it is damaged, cannot be loaded here, or is a pickle and `mimic_pickle = forbid`.
    """
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.placed_paths import PathStore

    places = Places(str(invocation.settings.rootdir))
    # What a module of the user prints is no output of the command.
    with importable(invocation, file), redirect_stdout(sys.stderr):
        return _text(_stored(invocation, file, call, index).load(PathStore(places)), invocation.redactor)


def _stored(invocation: Invocation, file: CatalogFile, call: CatalogCall, index: int) -> Stored:
    if call.position is not None:
        entries = invocation.vault.read_cassette(file.name) or []
        return entries[call.position].stored
    recording = invocation.vault.read(file.name)
    assert recording is not None
    return recording.outcomes[index]


def _text(outcome: Outcome, redactor: Redactor) -> str:
    if outcome.kind == "raised":
        return f"raised {_repr(outcome.exception, redactor)}"
    if outcome.kind == "stream":
        has_end = outcome.end is not None and (outcome.end.kind == "raised" or outcome.end.value is not None)
        end = f", then {_text(outcome.end, redactor)}" if outcome.end is not None and has_end else ""
        return f"stream {_repr(outcome.items, redactor)}{end}"
    return _repr(outcome.value, redactor)


def _repr(value: object, redactor: Redactor) -> str:
    """Return the repr of a value without secrets. None is shown if they could be anywhere in it, as in a table."""
    from pytest_mimic._core.describe.described_secrets import secrets_in

    try:
        secrets = secrets_in(value, redactor)
        text = redactor.texts.scrub_text(repr(value), secrets)
    except Exception as error:  # code of the user's class
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    for word in _WORD.finditer(text):
        if redactor.hides(word[0], "text") and not _HIDDEN.match(text, word.end()):
            return f"<{type(value).__name__} whose repr is not shown: it has the secret name {word[0]}>"
    return text


@contextmanager
def importable(invocation: Invocation, file: CatalogFile) -> Iterator[None]:
    """Put the folders on the path from which the tests import: the rootdir, `pythonpath` and the test's folder."""
    before = list(sys.path)
    sys.path[:0] = folders_of(invocation, file)
    try:
        yield
    finally:
        sys.path[:] = before


def folders_of(invocation: Invocation, file: CatalogFile) -> list[str]:
    """Return the folders from which a test imports besides those of the environment."""
    project = invocation.project
    given = " ".join(project.lines("pythonpath")).split()
    folders = [project.rootdir / folder for folder in given]
    if file.test:
        folders.append(_base_of(project.rootdir / Path(file.test.partition("::")[0])))
    return list(dict.fromkeys(str(folder) for folder in (*folders, project.rootdir, project.here)))


def _base_of(module: Path) -> Path:
    """Return the folder from which pytest imports a test module: the first one upwards that is no package."""
    folder = module.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder
