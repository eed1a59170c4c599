"""The output of the command: lines, colours, tables and JSON, for a terminal, a file or a pipe, and its phrases."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from errno import EINVAL, EPIPE
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TextIO

from pytest_mimic._core.ambient import command_for
from pytest_mimic._core.words import plural, seconds
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._core.describe.recorded_files import CatalogFile
    from pytest_mimic._tools.shown.catalog import Catalog


Piece = str | tuple[str, str]
"""A text, or a text and its style: `bold`, `dim`, `red`, `bold green`, ..."""


# The errors of writing to a pipe whose reader has gone: that of POSIX, and that of Windows.
_GONE = (EPIPE, EINVAL)
# The columns of what is no terminal.
_PIPED = 120
# So many pieces are written to a file or pipe at once.
_LINES = 500


class Output:
    """Prints to a stream, and stops quietly when its reader has gone. Colours and the pager need the extra `cli`."""

    def __init__(self, stream: TextIO, color: Literal["auto", "always", "never"] = "auto") -> None:
        self._stream = stream
        self._kept: list[str] = []
        self._is_gone = False
        self.is_terminal = stream.isatty()
        wanted = self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.is_colored = (wanted if color == "auto" else color == "always") and _has_extra()
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    @property
    def width(self) -> int:
        """The columns of the terminal. A file, a pipe, and a terminal that knows no size count as having 120."""
        return (self.is_terminal and os.get_terminal_size(self._stream.fileno()).columns) or _PIPED

    def sign(self, sign: str, plain: str) -> str:
        """Return a sign, or plain characters for it if the stream's encoding has no such sign."""
        try:
            sign.encode(self._encoding)
        except (UnicodeEncodeError, LookupError):
            return plain
        return sign

    def line(self, *pieces: Piece) -> None:
        self.text("".join(map(self._painted, pieces)).rstrip(" ") + "\n")

    def table(
        self, rows: Iterable[Sequence[Piece]], *, right: Iterable[int] = (), indent: str = "", gap: str = "  "
    ) -> None:
        """Print rows in columns. Those whose indexes are in `right` are aligned there."""
        rows = list(rows)
        if not rows:
            return
        texts = [[piece if type(piece) is str else piece[0] for piece in row] for row in rows]
        texts = [row if "".join(row).isprintable() else list(map(_in_line, row)) for row in texts]
        widths = [max(map(len, column)) for column in zip(*texts)]
        signs = [">" if index in frozenset(right) else "<" for index in range(len(widths))]
        if self.is_colored:
            for row, cells in zip(rows, texts):
                pieces: list[Piece] = [indent]
                for piece, text, sign, width in zip(row, cells, signs, widths):
                    space = " " * (width - len(text))
                    painted = text if isinstance(piece, str) else (text, piece[1])
                    pieces += [space, painted, gap] if sign == ">" else [painted, space, gap]
                self.line(*pieces)
            return
        line = (indent + gap.join(f"{{:{sign}{width}}}" for sign, width in zip(signs, widths))).format
        self.text("\n".join([line(*cells).rstrip() for cells in texts]) + "\n")

    def json(self, data: object) -> None:
        """Print data as one JSON document."""
        from json import dumps

        is_unicode = self._encoding.lower().replace("-", "").startswith("utf")
        text = dumps(data, indent=1, ensure_ascii=not is_unicode)
        # JSON itself escapes only those below the blank. Between its tokens there are no others.
        if is_unicode:
            text = "\n".join([_in_json(line) for line in text.split("\n")])
        self.text(text + "\n")

    def say(self, text: str) -> None:
        """Show everything now and then a text, as a question to the user."""
        self._kept.append(text)
        self.flush()

    def flush(self) -> None:
        kept, self._kept = "".join(self._kept), []
        self._send(kept)

    def close(self) -> None:
        """Show what is left, in a pager if it is longer than the terminal."""
        if self.is_terminal and _has_extra():
            from shutil import get_terminal_size  # that of `os` has 0 lines where a terminal knows no size

            text = "".join(self._kept)
            if text.count("\n") >= get_terminal_size().lines:
                from rich.pager import SystemPager

                os.environ.setdefault("LESS", "FRX")
                SystemPager().show(text)
                self._kept.clear()
        self.flush()

    def _painted(self, piece: Piece) -> str:
        text, style = (piece, "") if isinstance(piece, str) else piece
        text = printable(text)
        return _style(style).render(text) if style and self.is_colored and text else text

    def text(self, text: str) -> None:
        """Print a text of several lines as it is."""
        # On a terminal, the length of all decides whether there is a pager.
        self._kept.append(text)
        if not self.is_terminal and len(self._kept) >= _LINES:
            self.flush()

    def _send(self, text: str) -> None:
        if self._is_gone:
            return
        text = text.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as reason:
            if reason.errno not in _GONE:
                raise
            self._is_gone = True
            self._drop_rest()

    def _drop_rest(self) -> None:
        """Let the interpreter flush the stream into nothing when it ends, which would be an error again."""
        if self._stream is sys.__stdout__:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def _in_line(text: str) -> str:
    """Return a text for a cell: with its line breaks and control characters escaped."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _in_json(line: str) -> str:
    """Return a line of JSON with what a terminal may take as a command escaped in its strings."""
    if line.isprintable():
        return line
    from json import dumps

    return "".join(sign if sign.isprintable() else dumps(sign)[1:-1] for sign in line)


@cache
def _has_extra() -> bool:
    from importlib.util import find_spec

    return find_spec("rich") is not None


@cache
def _style(style: str) -> Any:
    from rich.style import Style

    return Style.parse(style)


# More tests than these are named by their files, and more files by nothing: then all tests are recorded.
_TESTS = 8
HELD = ("a run is recording now and may need its former objects again: they are kept", "yellow")


def short_seconds(amount: float) -> str:
    """Return a duration in few characters: `2 ms`, `0.81 s`, `3 min`."""
    if amount < 0.1:
        return f"{amount * 1000:.0f} ms" if amount >= 0.001 else "0 ms" if not amount else "<1 ms"
    return seconds(amount) if amount < 600 else f"{amount / 60:.0f} min"


def counted(recordings: int, cassettes: int) -> str:
    """Return how many there are of both: `19 recordings and 1 cassette`."""
    if not cassettes:
        return plural(recordings, "recording")
    also = f"{plural(recordings, 'recording')} and " if recordings else ""
    return also + plural(cassettes, "cassette")


def record_again(tests: list[str | None]) -> str:
    """Return the command that records what these tests had recorded."""
    return command_for("--mimic-record", tests, most=_TESTS)


def json_of(catalog: Catalog, file: CatalogFile) -> dict[str, Any]:
    """Return a recording or cassette as scripts get it from `ls`, `rm` and `stats`."""
    from pytest_mimic._tools.shown.outcome_words import error_of, outcome_in_short

    calls = [
        {
            "target": call.target,
            "signature": call.signature,
            "call": call.label(),
            "outcomes": [outcome_in_short(call, entry, catalog.object_size) for entry in call.outcomes],
            "errors": [error for entry in call.outcomes if (error := error_of(call, entry)) is not None],
            "duration": call.duration,
        }
        for call in file.calls
    ]
    return {**facts_of(catalog, file), "calls": calls}


def facts_of(catalog: Catalog, file: CatalogFile) -> dict[str, Any]:
    """Return the facts of a recording or cassette besides its calls."""
    return {
        "file": file.name,
        "kind": "cassette" if file.is_cassette else "recording",
        "test": file.test,
        "owner": file.owner,
        "recorded": file.recorded,
        "duration": file.duration,
        "size": catalog.size(file),
    }
