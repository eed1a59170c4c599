"""List recordings and cassettes.

A line has the call, its outcome in short, its test, date, duration and size on
disk. The size includes the objects of a recording, also those that it shares
with others; the total counts each object once. A line takes one row of the
terminal: in a narrow one it has no outcome and no date, which `show` has.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Iterator, Sequence
from json import dumps
from operator import attrgetter
from sys import intern
from typing import Any, NamedTuple

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.drawing import shortened
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.words import label_in_width, short_seconds, size
from pytest_mimic._tools.cli.output import (
    JsonText,
    Result,
    add_json,
    counted,
)
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    Chosen,
    Selection,
    VaultFile,
    add_selectors,
    count_former_format,
    result_of_nothing_chosen,
    signature_of,
)
from pytest_mimic._tools.shown.outcome_words import (
    call_in_short,
    error_of,
    outcome_in_short,
    outcomes_in_short,
)
from pytest_mimic.errors import one_line

# The characters between two columns of the list that `ls` prints.
_GAP = 2
# The least characters of the column of outcomes in the list. In a terminal without room
# for them, the list has no such column.
_LEAST_WIDTH_OF_OUTCOME = 10
# The least characters that a request which the list cuts keeps of its beginning, with
# client, method and path. If there is no room for them, it keeps so many of its prompt.
_LEAST_WIDTH_OF_SIGNATURE = 4
_LEAST_WIDTH_OF_PROMPT = 4
# The most characters that a request in the list keeps of its prompt.
_MOST_WIDTH_OF_PROMPT = 12
# The clients whose calls have a query or a prompt at their ends, which the list keeps.
_TARGETS_OF_REQUESTS = ("http", "mcp")
# Fewer characters at the end of a test's id would not tell it apart.
_LEAST_END_OF_TEST = 8
# With less room for a call and its test, other columns of the list are left out.
_LEAST_WIDTH_OF_CALL_AND_TEST = 50


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--sort",
        choices=("size", "date", "duration"),
        help="the largest, latest or slowest first",
    )
    add_json(parser)


class ListedFile(NamedTuple):
    """A line of the list: the facts of a recording or cassette.

    Attributes:
        name: The name of the file in the vault.
        short_name: The first digits of the name.
        test: The test that recorded it, or empty.
        recorded: The date, `2026-11-02`.
        duration: How long the real calls took, in seconds.
        size: The bytes of the file and of its objects.
        own_size: The bytes of the file alone.
        object_names: The names of the file's objects.
        call: The call in short.
        is_request: Whether the call is one request, which its end tells apart.
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
    object_names: frozenset[str]
    call: str
    is_request: bool
    outcome: str
    json: str


def run(invocation: Invocation) -> Result:
    """List the chosen recordings."""
    options = invocation.options
    selection = Selection(invocation)
    # The facts of each file are taken while it is read: the files themselves would not
    # fit into memory together.
    rows = [_listed_file(invocation, file) for file in selection]
    _sort(rows, by=options.sort)
    damaged_files = selection.damaged
    unmatched = selection.unmatched
    lines: list[str] = []
    data = None
    if options.json:
        damaged_names = [file.name for file in damaged_files]
        other_facts = {"damaged": damaged_names, "unmatched": unmatched}
        data = JsonText(_json_pieces(rows, other_facts))
    elif rows:
        file_list = _List(rows, width=invocation.out.width, sort=options.sort)
        total_lines = _total_lines(invocation.vault, rows, file_list)
        lines = [*file_list.lines(), *total_lines]
    if not rows:
        return result_of_nothing_chosen(
            invocation, Chosen([], damaged=damaged_files, unmatched=unmatched)
        )._replace(data=data)
    return Result(
        lines,
        data,
        unmatched=unmatched,
        damaged=len(damaged_files),
        former_format=count_former_format(damaged_files),
    )


def _listed_file(invocation: Invocation, file: VaultFile) -> ListedFile:
    """Return the facts of a file that its line in the list has."""
    vault = invocation.vault
    redactor = invocation.redactor
    # A list has either the JSON or the words, and only one of them is made.
    json_text = ""
    call = ""
    outcome = ""
    if invocation.options.json:
        json_text = dumps(_as_json(vault, file, redactor), indent=1)
    else:
        # As they are printed: an escaped character takes the room of its escape.
        call = one_line(file.label(invocation.out.width))
        outcome = one_line(outcomes_in_short(file.calls, redactor))
    object_names = frozenset(file.object_names)
    size_of_objects = _size_of_objects(object_names, vault)
    return ListedFile(
        name=file.name,
        short_name=file.short_name,
        # Thousands of files may have one test and one date: each text is kept once.
        test=intern(one_line(file.test)),
        recorded=intern(file.recorded),
        duration=file.duration,
        size=file.size + size_of_objects,
        own_size=file.size,
        object_names=object_names,
        call=call,
        is_request=_is_request(file),
        outcome=outcome,
        json=json_text,
    )


def _is_request(file: VaultFile) -> bool:
    """Check whether a file is one request, whose text ends with the query or prompt."""
    if file.is_cassette or not file.calls:
        return False
    return file.calls[0].target in _TARGETS_OF_REQUESTS


def _size_of_objects(names: Iterable[str], vault: Vault) -> int:
    """Return the bytes of the objects of these names; a missing object has none."""
    return sum([vault.store.size(name) or 0 for name in names])


def _sort(rows: list[ListedFile], *, by: str | None) -> None:
    """Sort rows by a fact, the greatest first; without one, they stay."""
    if by == "size":
        rows.sort(key=attrgetter("size"), reverse=True)
    elif by == "date":
        rows.sort(key=attrgetter("recorded"), reverse=True)
    elif by == "duration":
        rows.sort(key=attrgetter("duration"), reverse=True)


class _List:
    """The list that `ls` prints: a line for each file, in columns that fit.

    Attributes:
        has_room_for_outcomes: Whether there is room for the outcomes.
        shows_dates: Whether there is room for the dates, or they sort the rows.
    """

    def __init__(self, rows: list[ListedFile], *, width: int, sort: str | None) -> None:
        """Give each column its width, in a terminal of so many characters."""
        self._rows = rows
        self._durations = [short_seconds(row.duration) for row in rows]
        self._sizes = [size(row.size) for row in rows]
        width_of_dates = _widest([row.recorded for row in rows]) + _GAP
        # The columns that each list has beside the call and its test.
        width_of_facts = _widest([row.short_name for row in rows]) + _GAP
        width_of_facts += _widest(self._durations) + _GAP + _widest(self._sizes) + _GAP
        # The room for call and test, without the gap between them.
        room = width - width_of_facts - _GAP
        room_beside_dates = room - width_of_dates
        width_of_outcomes = _LEAST_WIDTH_OF_OUTCOME + _GAP
        self.has_room_for_outcomes = (
            room_beside_dates - width_of_outcomes >= _LEAST_WIDTH_OF_CALL_AND_TEST
        )
        self.shows_dates = (
            room_beside_dates >= _LEAST_WIDTH_OF_CALL_AND_TEST or sort == "date"
        )
        if self.has_room_for_outcomes:
            room -= width_of_outcomes
        if self.shows_dates:
            room -= width_of_dates
        width_of_calls = _widest([row.call for row in rows])
        width_of_tests = _widest([row.test for row in rows])
        # Where both are too long, each gets a half.
        self._width_of_test = min(width_of_tests, max(room - width_of_calls, room // 2))
        self._width_of_call = min(width_of_calls, room - self._width_of_test)
        unused_room = room - self._width_of_test - self._width_of_call
        self._width_of_outcome = _LEAST_WIDTH_OF_OUTCOME + unused_room

    def lines(self) -> list[str]:
        """Return the rows in columns."""
        # The durations and sizes stand behind the name, and behind the date.
        right_aligned = (2, 3) if self.shows_dates else (1, 2)
        return columns(self._cells(), right_aligned=right_aligned)

    def _cells(self) -> Iterator[list[str]]:
        """Yield the cells of each row."""
        for row, duration, shown_size in zip(self._rows, self._durations, self._sizes):
            cells = [row.short_name, duration, shown_size]
            if self.shows_dates:
                cells.insert(1, row.recorded)
            cells.append(_fitted_call(row, width=self._width_of_call))
            if self.has_room_for_outcomes:
                cells.append(shortened(row.outcome, self._width_of_outcome))
            cells.append(shortened_test(row.test, self._width_of_test))
            yield cells


def _fitted_call(row: ListedFile, *, width: int) -> str:
    """Return a call as the list has it, in so many characters.

    The middle of a request is left out, `http POST /v1/...in Bergen?)`, and the end of
    any other call: its first argument tells it apart, or the table of its statement.
    """
    call = row.call
    if len(call) <= width:
        return call
    signature, _, words = call.partition(" (")
    if row.is_request:
        request = _fitted_request(signature, words, width=width)
        return request or label_in_width(call, width)
    client, _, statement = call.partition(" ")
    is_of_client = bool(words) and "(" not in client
    if is_of_client and len(statement) + len("...") <= width:
        # The first parameter tells more than the client's name.
        return f"...{statement}"
    if call.endswith(")"):
        # The call of a function keeps its parenthesis.
        return f"{call[: width - 4]}...)"
    return shortened(call, width)


def _fitted_request(signature: str, words: str, *, width: int) -> str:
    """Return a request in the list: with its words, a shorter signature and prompt.

    >>> _fitted_request("http POST /mcp", "tools/call weather)", width=30)
    'http P... (tools/call weather)'
    >>> _fitted_request("http POST /v1/chat", "gpt-6: ... in the morning?)", width=32)
    'http ... (gpt-6: ...he morning?)'

    Args:
        signature: The call up to its words.
        words: What stands in parentheses, without the first one; empty for nothing.
        width: The most characters.

    Returns:
        The text; empty if there is too little room.
    """
    if not words:
        return ""
    room_for_signature = width - len(f"... ({words}")
    if room_for_signature >= _LEAST_WIDTH_OF_SIGNATURE:
        return f"{signature[:room_for_signature]}... ({words}"
    # The words of a chat are its model, and the end of its prompt behind a colon.
    model, colon, prompt = words.partition(": ")
    room = width - len(f"... ({model}: ...")
    if not colon or room < _LEAST_WIDTH_OF_PROMPT:
        return ""
    prompt_width = min(room, _MOST_WIDTH_OF_PROMPT)
    shorter_signature = signature[: room - prompt_width]
    return f"{shorter_signature}... ({model}: ...{prompt[-prompt_width:]}"


def columns(
    rows: Iterable[Sequence[str]], *, right_aligned: Collection[int] = ()
) -> list[str]:
    """Return the rows of the list as lines, each column as wide as its widest cell.

    Args:
        rows: The cells of each row.
        right_aligned: The indexes of the columns that are aligned to the right.
    """
    # A large vault has many rows: each is kept once, and the widths grow with them.
    cells_of_rows: list[tuple[str, ...]] = []
    widths: list[int] = []
    for row in rows:
        cells = tuple(map(one_line, row))
        if not widths:
            widths = [0] * len(cells)
        widths = list(map(max, widths, map(len, cells)))
        cells_of_rows.append(cells)
    table_lines = []
    for cells in cells_of_rows:
        padded_cells = []
        for index, (text, width) in enumerate(zip(cells, widths)):
            if index in right_aligned:
                padded_cells.append(text.rjust(width))
            else:
                padded_cells.append(text.ljust(width))
        table_lines.append("  ".join(padded_cells))
    return table_lines


def shortened_test(test: str, width: int) -> str:
    """Return the id of a test as the list has it, cut to so many characters.

    The file of the test and the end of the id stay, since they tell tests apart:
    `tests/test_rates.py::...is_cached[EUR]`. Where there is little room, the folders go
    first, and then all but the end.
    """
    if len(test) <= width:
        return test
    path, separator, name = test.partition("::")
    file = path.rpartition("/")[2]
    if separator:
        starts = (path, f".../{file}", file)
        # First the name of the test stays whole, and only its folders go.
        for start in starts:
            shorter_id = f"{start}::{name}"
            if len(shorter_id) <= width:
                return shorter_id
        for start in starts:
            beginning = f"{start}::..."
            room = width - len(beginning)
            if room >= _LEAST_END_OF_TEST:
                return f"{beginning}{name[-room:]}"
    return f"...{test[3 - width :]}"


def _widest(texts: Iterable[str]) -> int:
    return max(map(len, texts))


def _total_lines(
    vault: Vault, rows: list[ListedFile], file_list: _List
) -> Iterator[str]:
    """Yield the number and size of the files, and what a wider list would have."""
    # Several recordings may share an object, whose size counts once.
    object_names: set[str] = set()
    total_size = 0
    for row in rows:
        object_names |= row.object_names
        total_size += row.own_size
    total_size += _size_of_objects(object_names, vault)
    recordings_and_cassettes = counted([row.name for row in rows])
    yield f"{recordings_and_cassettes}, {size(total_size)}"
    if not file_list.shows_dates:
        yield "dates and outcomes: in a wider terminal, or by pytest-mimic show"
    elif not file_list.has_room_for_outcomes:
        yield "outcomes: in a wider terminal, or by pytest-mimic show"


def _json_pieces(
    rows: list[ListedFile], other_facts: dict[str, list[str]]
) -> Iterator[str]:
    """Yield the pieces of the JSON document.

    Args:
        rows: The rows, each with its own JSON.
        other_facts: What stands beside `recordings` in the document.
    """
    yield '{\n "recordings": ['
    separator = ""
    for row in rows:
        indented = row.json.replace("\n", "\n  ")
        yield f"{separator}\n  {indented}"
        separator = ","
    yield "\n ]" if rows else "]"
    rest_of_document = dumps(other_facts, indent=1).removeprefix("{")
    yield f",{rest_of_document}"


def _as_json(vault: Vault, file: VaultFile, redactor: Redactor) -> dict[str, Any]:
    """Return the facts of a file for `--json`: of each call, what it gave in words."""
    calls_in_json = []
    for call in file.calls:
        outcomes_in_words = []
        errors_in_words = []
        duration = 0.0
        # A sequence has an outcome for each of its equal calls.
        for stored_outcome in call.outcomes:
            outcomes_in_words.append(
                outcome_in_short(call.target, stored_outcome.entry, redactor)
            )
            error_in_words = error_of(call.target, stored_outcome.entry)
            if error_in_words is not None:
                errors_in_words.append(error_in_words)
            duration += stored_outcome.duration
        signature, _host = signature_of(call)
        calls_in_json.append(
            {
                "target": call.target,
                "signature": signature,
                "call": call_in_short(call),
                "outcomes": outcomes_in_words,
                "errors": errors_in_words,
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
        "size": file.size_with_objects(vault),
        "calls": calls_in_json,
    }
