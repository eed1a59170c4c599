"""The rows of a vault's recordings and cassettes, without a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_mimic._core.describe.text import recorded_label
from pytest_mimic._core.seam.registry import CLIENTS
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._tools.shown.call_log import Row, shown_arguments
from pytest_mimic._tools.shown.outcome_lines import shown_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault


def recorded_rows(vault: Vault, redactor: Redactor, names: Iterable[str]) -> Iterator[Row]:
    """Yield a row for each outcome of some recordings and cassettes, by test. A file that cannot be read is a row that says so."""
    found: dict[str, list[Row]] = {}
    for name in names:
        try:
            rows = list(
                _of_cassette(vault, name, redactor)
                if name.startswith(CASSETTES)
                else _of(vault, name, redactor)
            )
        except MimicError as error:
            problem = {"problem": [error.what, *error.facts], "remedies": list(error.remedies)}
            rows = [{**_row(name, "damaged file", None), "kind": "missing", **problem}]
        for row in rows:
            found.setdefault(row["group"] if "group" in row else row["test"], []).append(row)
    for test in sorted(found):
        yield from found[test]


def _of(vault: Vault, name: str, redactor: Redactor) -> Iterator[Row]:
    recording = vault.read(name)
    if recording is None:  # deleted meanwhile
        return
    label = recorded_label(recording.target, recording.arguments)
    count = len(recording.outcomes)
    for number, stored in enumerate(recording.outcomes, 1):
        row = _row(name, recording.target, recording.test, recorded=recording.recorded)
        row |= _details(stored, recording.arguments, redactor)
        row["label"] = label if count == 1 else f"{label}, call {number} of {count}"
        yield row


def _of_cassette(vault: Vault, name: str, redactor: Redactor) -> Iterator[Row]:
    date, test = vault.date_of(name), vault.test_of(name)
    for entry in vault.read_cassette(name) or ():
        row = _row(name, entry.target, test, recorded=date) | _details(
            entry.stored, entry.arguments, redactor
        )
        row["label"] = recorded_label(entry.target, entry.arguments, signature=entry.signature)
        cassette = f"cassette {name[len(CASSETTES) :].strip('/').removesuffix('.json')}"
        yield {**row, "group": cassette, "note": cassette}


def _row(name: str, target: str, test: str | None, *, recorded: str = "") -> Row:
    client = target if target in CLIENTS else "function"
    facts = {"label": name, "test": test or "", "name": name, "recorded": recorded}
    return {"kind": "recorded", "client": client, "target": target, "at": 0.0, "seconds": 0.0, **facts}


def _details(stored: Stored, arguments: Mapping[str, Any] | None, redactor: Redactor) -> Row:
    brief, text, is_error = shown_outcome(stored, redactor)
    shown = {"brief": brief, "outcome": text, "raised": is_error}
    return {"seconds": stored.duration, "arguments": shown_arguments(arguments), **shown}
