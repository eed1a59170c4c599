"""Options and results that subcommands share, and how results are printed."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TextIO

from pytest_mimic._core.vault.format import CASSETTES_PREFIX
from pytest_mimic._core.words import plural
from pytest_mimic.errors import one_line

Piece = str | tuple[str, str]
"""A text, or a text and its style: `bold` or `red`."""
Line = str | Sequence[Piece]
"""A line that a subcommand prints, as a whole or in pieces of several styles."""

# The escape sequences that switch a style of the terminal on, and all styles off.
_CODES_OF_STYLES = {"bold": "\x1b[1m", "red": "\x1b[31m"}
_CODE_OF_RESET = "\x1b[0m"
# A file and a pipe have no width. They get lines of so many columns.
_WIDTH_OF_PIPES = 120


class Result(NamedTuple):
    """The result of a subcommand.

    `main` prints it. The exit code is 1 if `has_finding`, `unmatched` or `damaged` is
    set.

    Attributes:
        lines: The lines to print.
        data: What `--json` prints instead of the lines.
        has_finding: Whether there is something for people to do: the subcommand has
            found what it looks for, or could not do what it was asked for.
        unmatched: The selectors that match nothing in the vault.
        damaged: How many files of the vault cannot be read.
        former_format: How many of these have the former format, which only `rekey`
            reads.
    """

    lines: Iterable[Line] = ()
    data: object = None
    has_finding: bool = False
    unmatched: Sequence[str] = ()
    damaged: int = 0
    former_format: int = 0


class JsonText(NamedTuple):
    """A JSON document in pieces, for one that is too large for the memory."""

    pieces: Iterable[str]


class Output:
    """Prints lines and JSON to a stream.

    Characters that the stream cannot encode are escaped. Bold and red are for terminals
    alone.
    """

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
        if not self._is_terminal:
            return _WIDTH_OF_PIPES
        return os.get_terminal_size(self._stream.fileno()).columns or _WIDTH_OF_PIPES

    def line(self, line: Line = "") -> None:
        """Print a line, or the pieces of one, some with a style."""
        pieces: Sequence[Piece] = line
        if isinstance(line, str):
            pieces = [line]
        text = "".join(map(self._with_codes, pieces))
        # `ls` pads the last column of its list with blanks, too.
        self._send(text.rstrip(" ") + "\n")

    def json(self, data: object) -> None:
        """Print data as one JSON document, for `--json`."""
        from json import dumps

        if isinstance(data, JsonText):
            pieces = data.pieces
        else:
            pieces = [dumps(data, indent=1)]
        for piece in pieces:
            # JSON escapes each control character but this one. A terminal could take it
            # for a command.
            self._send(piece.replace("\x7f", "\\u007f"))
        self._send("\n")

    def _with_codes(self, piece: Piece) -> str:
        """Return a piece of a line with the codes of its style, if there is one.

        What a recording holds cannot act on the terminal: `one_line` escapes it.
        """
        if isinstance(piece, str):
            return one_line(piece)
        text, style = piece
        text = one_line(text)
        if style and text and self._is_colored:
            return f"{_CODES_OF_STYLES[style]}{text}{_CODE_OF_RESET}"
        return text

    def _send(self, text: str) -> None:
        """Write a text, in which what the stream cannot encode is escaped."""
        encoded = text.encode(self._encoding, "backslashreplace")
        self._stream.write(encoded.decode(self._encoding))


#: The line of a command that kept the objects of what it deleted.
OBJECTS_KEPT = (
    "a run is recording now and may need its former objects again: they are kept"
)


def counted(names: Iterable[str]) -> str:
    """Return the number of recordings and of cassettes among files of the vault.

    For example, `19 recordings and 1 cassette`.
    """
    recordings = 0
    cassettes = 0
    for name in names:
        if name.startswith(CASSETTES_PREFIX):
            cassettes += 1
        else:
            recordings += 1
    counts = []
    if recordings or not cassettes:
        counts.append(plural(recordings, "recording"))
    if cassettes:
        counts.append(plural(cassettes, "cassette"))
    return " and ".join(counts)


def add_json(parser: ArgumentParser) -> None:
    """Add the option with which `main` prints the data of a `Result`."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def add_dry_run(parser: ArgumentParser, help_text: str) -> None:
    """Add the option with which a subcommand changes no file."""
    parser.add_argument("-n", "--dry-run", action="store_true", help=help_text)


def add_vault(parser: ArgumentParser) -> None:
    """Add the option that every subcommand has."""
    parser.add_argument(
        "--vault",
        metavar="PATH",
        help="the vault's folder "
        "(default: the one of the pytest project around the current folder)",
    )
