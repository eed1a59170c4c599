"""List recordings and cassettes.

A line has the call, its outcome in short, its test, date, duration and size on disk.
The size includes the objects of a recording, also those that it shares with others; the
total counts each object once.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from json import dumps
from operator import attrgetter
from sys import intern
from typing import Any, NamedTuple

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.drawing import shortened
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.words import short_seconds, size
from pytest_mimic._tools.cli.output import (
    JsonText,
    Result,
    add_json,
    columns,
    counted,
    shortened_test,
)
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    Chosen,
    Selection,
    VaultFile,
    add_selectors,
    former_among,
    nothing,
    signature_of,
    total_size,
)
from pytest_mimic._tools.shown.outcome_words import (
    call_in_short,
    error_of,
    outcome_in_short,
    outcomes_in_short,
)

# The facts of a row besides call, outcome and test take so many characters.
_WIDTH_OF_OTHER_FACTS = 46
# The least width of a call.
_LEAST_WIDTH_OF_CALL = 30
_LEAST_WIDTH_OF_OUTCOME = 10


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--sort",
        choices=("size", "date", "duration"),
        help="the largest, latest or slowest first",
    )
    add_json(parser)


class Row(NamedTuple):
    """The facts of a recording or cassette that are listed.

    Attributes:
        name: The name of the file in the vault.
        short_name: The first digits of the name.
        test: The test that recorded it, or empty.
        recorded: The date, `2026-11-02`.
        duration: How long the real calls took, in seconds.
        size: The bytes of the file and of its objects.
        own_size: The bytes of the file alone.
        objects: The names of the file's objects.
        call: The call in short, in about as many characters as a row has for it.
        outcome: The outcomes in short.
        json: These facts as JSON; empty without `--json`. A text takes less memory than
            the data, and a large vault has many rows.
    """

    name: str
    short_name: str
    test: str
    recorded: str
    duration: float
    size: int
    own_size: int
    objects: frozenset[str]
    call: str
    outcome: str
    json: str


def run(invocation: Invocation) -> Result:
    """List the chosen recordings."""
    options = invocation.options
    # A row takes one line. The call gets at most a half of the room for call, outcome
    # and test.
    room = max(invocation.out.width - _WIDTH_OF_OTHER_FACTS, 2 * _LEAST_WIDTH_OF_CALL)
    selection = Selection(invocation)
    rows = [_row(invocation, file, room // 2) for file in selection]
    _sort(rows, options.sort)
    damaged = selection.damaged
    unmatched = selection.unmatched
    lines: list[str] = []
    data = None
    if options.json:
        names = [file.name for file in damaged]
        beside = {"damaged": names, "unmatched": unmatched}
        data = JsonText(_json_pieces(rows, beside))
    elif rows:
        lines = _lines(invocation.vault, rows, room)
    if not rows:
        return nothing(invocation, Chosen([], damaged, unmatched))._replace(data=data)
    return Result(
        lines,
        data,
        unmatched=unmatched,
        damaged=len(damaged),
        former=former_among(damaged),
    )


def _row(invocation: Invocation, file: VaultFile, width: int) -> Row:
    """Return the facts of a file, its call in so many characters."""
    vault = invocation.vault
    redactor = invocation.redactor
    json_text = ""
    call = ""
    outcome = ""
    if invocation.options.json:
        json_text = dumps(_as_json(vault, file, redactor), indent=1)
    else:
        call = file.label(max(width, _LEAST_WIDTH_OF_CALL))
        outcome = outcomes_in_short(file.calls, redactor)
    objects = frozenset(file.objects)
    size_of_objects = _size_of(objects, vault)
    return Row(
        name=file.name,
        short_name=file.short_name,
        test=intern(file.test),
        recorded=intern(file.recorded),
        duration=file.duration,
        size=file.size + size_of_objects,
        own_size=file.size,
        objects=objects,
        call=call,
        outcome=outcome,
        json=json_text,
    )


def _size_of(objects: Iterable[str], vault: Vault) -> int:
    """Return the bytes of objects; one that is missing has none."""
    return sum([vault.store.size(name) or 0 for name in objects])


def _sort(rows: list[Row], by: str | None) -> None:
    """Sort rows by a fact, the greatest first."""
    if by == "size":
        rows.sort(key=attrgetter("size"), reverse=True)
    elif by == "date":
        rows.sort(key=attrgetter("recorded"), reverse=True)
    elif by == "duration":
        rows.sort(key=attrgetter("duration"), reverse=True)


def _lines(vault: Vault, rows: list[Row], room: int) -> list[str]:
    """Return the rows as a table, and a line with their number and size.

    `room` is the width for call, outcome and test together.
    """
    # The id of a test is worth more than an outcome in short.
    longest_call = max(len(row.call) for row in rows)
    longest_test = max(len(row.test) for row in rows)
    room_for_both = max(room - longest_call, _LEAST_WIDTH_OF_CALL)
    room_for_test = min(longest_test, room_for_both - _LEAST_WIDTH_OF_OUTCOME)
    cells = []
    objects: set[str] = set()
    total = 0
    for row in rows:
        cells.append(
            [
                row.short_name,
                row.recorded,
                short_seconds(row.duration),
                size(row.size),
                row.call,
                shortened(row.outcome, room_for_both - room_for_test),
                shortened_test(row.test, room_for_test),
            ]
        )
        objects |= row.objects
        total += row.own_size
    total += _size_of(objects, vault)
    counts = counted([row.name for row in rows])
    return [*columns(cells, right=(2, 3)), f"{counts}, {size(total)}"]


def _json_pieces(rows: list[Row], beside: dict[str, list[str]]) -> Iterator[str]:
    """Yield the pieces of the JSON document.

    Args:
        rows: The rows, each with its own JSON.
        beside: What stands beside `recordings` in the document.
    """
    yield '{\n "recordings": ['
    separator = ""
    for row in rows:
        indented = row.json.replace("\n", "\n  ")
        yield f"{separator}\n  {indented}"
        separator = ","
    yield "\n ]" if rows else "]"
    following = dumps(beside, indent=1).removeprefix("{")
    yield f",{following}"


def _as_json(vault: Vault, file: VaultFile, redactor: Redactor) -> dict[str, Any]:
    """Return the facts of a file for `--json`."""
    calls = []
    for call in file.calls:
        outcomes = []
        errors = []
        duration = 0.0
        for stored in call.outcomes:
            outcomes.append(outcome_in_short(call.target, stored.entry, redactor))
            error = error_of(call.target, stored.entry)
            if error is not None:
                errors.append(error)
            duration += stored.duration
        calls.append(
            {
                "target": call.target,
                "signature": signature_of(call)[0],
                "call": call_in_short(call),
                "outcomes": outcomes,
                "errors": errors,
                "duration": duration,
            }
        )
    kind = "recording"
    if file.is_cassette:
        kind = "cassette"
    return {
        "file": file.name,
        "kind": kind,
        "test": file.test or None,
        "owner": file.owner or None,
        "recorded": file.recorded,
        "duration": file.duration,
        "size": total_size(vault, [file]),
        "calls": calls,
    }
