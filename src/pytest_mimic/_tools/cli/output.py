"""What subcommands share: their options, what they give back, and how it is printed on a terminal, in a file or a pipe."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Collection, Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, TextIO

from pytest_mimic._core.vault.format import CASSETTES
from pytest_mimic._core.words import plural, seconds
from pytest_mimic.errors import one_line

Piece = str | tuple[str, str]
"""A text, or a text and its style: `bold` or `red`."""
Line = str | Sequence[Piece]

_CODES = {"bold": "\x1b[1m", "red": "\x1b[31m"}
# The columns of what is no terminal.
_PIPED = 120


class Result(NamedTuple):
    """What a subcommand gives back.

    `main` prints it and makes the exit code, which is 1 if anything below is set.
    """

    lines: Iterable[Line] = ()
    data: object = None  # what `--json` prints instead
    found: bool = False  # whether something was found, or not done
    unmatched: Sequence[str] = ()  # the words that nothing in the vault matches
    damaged: int = 0  # how many files of the vault cannot be read


class JsonText(NamedTuple):
    """A JSON document in pieces of text, of which the memory does not hold the whole."""

    pieces: Iterable[str]


class Output:
    """Prints to a stream: what it cannot encode as escapes, and bold and red on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._is_colored = self._is_terminal and not os.environ.get("NO_COLOR")
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    @property
    def width(self) -> int:
        """The columns of the terminal.

        A file, a pipe, and a terminal that knows no size count as having 120.
        """
        return (
            self._is_terminal and os.get_terminal_size(self._stream.fileno()).columns
        ) or _PIPED

    def line(self, line: Line = "") -> None:
        pieces = [line] if isinstance(line, str) else line
        self._send("".join(map(self._painted, pieces)).rstrip(" ") + "\n")

    def json(self, data: object) -> None:
        """Print data as one JSON document, with what a terminal may take as a command escaped."""
        from json import dumps

        pieces = data.pieces if isinstance(data, JsonText) else [dumps(data, indent=1)]
        for piece in pieces:
            self._send(piece.replace("\x7f", "\\u007f"))
        self._send("\n")

    def _painted(self, piece: Piece) -> str:
        text, style = (piece, "") if isinstance(piece, str) else piece
        text = one_line(text)
        if style and self._is_colored and text:
            return f"{_CODES[style]}{text}\x1b[0m"
        return text

    def _send(self, text: str) -> None:
        self._stream.write(
            text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        )


def columns(rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return rows as lines.

    The cells whose indexes are in `right` are aligned there.
    """
    cells = [[one_line(text) for text in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    signs = [
        f"{{:{'>' if index in right else '<'}{width}}}"
        for index, width in enumerate(widths)
    ]
    line = "  ".join(signs).format
    return [line(*row) for row in cells]


HELD = "a run is recording now and may need its former objects again: they are kept"


def short_seconds(amount: float) -> str:
    """Return a duration in few characters: `2 ms`, `0.81 s`, `3 min`."""
    if amount < 0.1:
        return (
            f"{amount * 1000:.0f} ms"
            if amount >= 0.001
            else "0 ms"
            if not amount
            else "<1 ms"
        )
    return seconds(amount) if amount < 600 else f"{amount / 60:.0f} min"


def counted(names: Iterable[str]) -> str:
    """Return how many of these are recordings, and how many cassettes: `19 recordings and 1 cassette`."""
    kinds = [name.startswith(CASSETTES) for name in names]
    recordings, cassettes = kinds.count(False), kinds.count(True)
    counts = [plural(recordings, "recording")] if recordings or not cassettes else []
    counts += [plural(cassettes, "cassette")] if cassettes else []
    return " and ".join(counts)


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_dry_run(parser: ArgumentParser, text: str) -> None:
    parser.add_argument("-n", "--dry-run", action="store_true", help=text)


def add_vault(parser: ArgumentParser) -> None:
    """Add the option that every subcommand has."""
    parser.add_argument(
        "--vault",
        metavar="PATH",
        help="the vault's folder (default: the one of the pytest project around the current folder)",
    )


def load_command(name: str) -> Any:
    """Return the module of a subcommand: its docstring is the help, `add_arguments(parser)` and `run(invocation)` the rest.

    `run` returns a `Result`, or raises MimicError for what cannot be done, which is
    exit code 2.
    """
    return import_module(
        f"pytest_mimic._tools.cli.{'import_' if name == 'import' else name}"
    )


#: What people do, and the subcommands for it, each with a line of help.
GROUPS = {
    "look": {
        "ls": "list recordings and cassettes",
        "show": "show recordings: their arguments and outcomes",
        "diff": "compare the vault with a revision of git",
    },
    "change": {
        "mv": "let the recordings of a renamed test go with it",
        "rm": "delete recordings",
        "import": "import cassettes of vcrpy",
    },
    "in CI": {
        "check": "find damaged and leftover files, and remove them",
        "unused": "find unused recordings across CI jobs",
    },
}
COMMANDS = [name for group in GROUPS.values() for name in group]
