"""List recordings and cassettes: the call, its outcome in short, its test, date, duration and size on disk.

The size includes the objects of a recording, also those that it shares with others; the
total counts each object once.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.drawing import shortened
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.words import size
from pytest_mimic._tools.cli.output import (
    Result,
    add_json,
    columns,
    counted,
    short_seconds,
)
from pytest_mimic._tools.cli.project import Invocation
from pytest_mimic._tools.cli.selection import (
    VaultFile,
    add_selectors,
    nothing,
    select,
    signature_of,
    total_size,
)
from pytest_mimic._tools.shown.outcome_words import (
    call_in_short,
    error_of,
    outcome_in_short,
    outcomes_in_short,
)

# The columns of the other facts of a row, and the least width of a call.
_OTHERS, _LEAST = 46, 30


def add_arguments(parser: ArgumentParser) -> None:
    add_selectors(parser)
    parser.add_argument(
        "--sort",
        choices=("size", "date", "duration"),
        help="the largest, latest or slowest first",
    )
    add_json(parser)


def run(invocation: Invocation) -> Result:
    """List them."""
    options, chosen, vault = invocation.options, select(invocation), invocation.vault
    files = _sorted(chosen.files, vault, options.sort)
    data = options.json and {
        "recordings": [_as_json(vault, file, invocation.redactor) for file in files],
        "damaged": [file.name for file in chosen.damaged],
        "unmatched": chosen.unmatched,
    }
    if not files:
        return nothing(invocation, chosen)._replace(data=data)
    lines = () if options.json else _lines(invocation, files)
    return Result(lines, data, unmatched=chosen.unmatched, damaged=len(chosen.damaged))


def _sorted(files: list[VaultFile], vault: Vault, by: str | None) -> list[VaultFile]:
    def key(file: VaultFile) -> Any:
        return {"size": total_size(vault, [file]), "date": file.recorded}.get(
            by or "", file.duration
        )

    return files if by is None else sorted(files, key=key, reverse=True)


def _lines(invocation: Invocation, files: list[VaultFile]) -> list[str]:
    # A row takes one line: at most a half of what is left is for the call.
    room = max(invocation.out.width - _OTHERS, 2 * _LEAST)
    labels = [file.label(max(room // 2, _LEAST)) for file in files]
    # The id of a test is worth more than an outcome in short.
    rest = max(room - max(map(len, labels)), _LEAST)
    most = min(max(len(file.test) for file in files), rest - _LEAST // 2)

    rows = []
    for file, label in zip(files, labels):
        short = shortened(
            outcomes_in_short(file.calls, invocation.redactor), rest - most
        )
        test = file.test if len(file.test) <= most else f"...{file.test[3 - most :]}"
        took, bytes_ = (
            short_seconds(file.duration),
            size(total_size(invocation.vault, [file])),
        )
        rows.append([file.short_name, file.recorded, took, bytes_, label, short, test])
    total = f"{counted(file.name for file in files)}, {size(total_size(invocation.vault, files))}"
    return [*columns(rows, right=(2, 3)), total]


def _as_json(vault: Vault, file: VaultFile, redactor: Redactor) -> dict[str, Any]:
    calls = [
        {
            "target": call.target,
            "signature": signature_of(call)[0],
            "call": call_in_short(call),
            "outcomes": [
                outcome_in_short(call.target, one.entry, redactor)
                for one in call.outcomes
            ],
            "errors": [
                error
                for one in call.outcomes
                if (error := error_of(call.target, one.entry)) is not None
            ],
            "duration": sum(one.duration for one in call.outcomes),
        }
        for call in file.calls
    ]
    return {
        "file": file.name,
        "kind": "cassette" if file.is_cassette else "recording",
        "test": file.test or None,
        "owner": file.owner or None,
        "recorded": file.recorded,
        "duration": file.duration,
        "size": total_size(vault, [file]),
        "calls": calls,
    }
