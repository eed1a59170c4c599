"""The form of a recording: what stands in a file, and how damage of it is told apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pytest_mimic.values.tree import Tree

FORMAT = 6
End = Literal["", "waiting", "open", "empty"]


@dataclass
class Entry:
    """One call with its outcome.

    Attributes:
        target: The target, `shop.api:fetch_rates` or a kind of client, `http`.
        identity: The digest that makes two calls the same, in hex.
        signature: `GET /users/1`; empty for a function.
        line: The options of its line that count, as text.
        arguments: The tree of a function's arguments.
        request: The plain data of a client's request.
        body: One of `value`, `raised`, `items` (with `last`, what ended them) or
            `answer`; nothing for a place of which nothing is kept.
        layers: What has to be done to reach the outcome: `await`.
        after: The states of arguments after the call, by name.
        begin: When it began, among the calls of its owner.
        ended: When it ended, counted in the same row. None: it did not.
        end: How it ended, if not with its outcome.
        source: The fingerprint of the target's source.
        inputs: The object that names the code and the files that it reached.
        seconds: How long it took.
        hidden: The paths of arguments that are secrets.
        recorded: The day on which it was recorded, if not that of its file.
    """

    target: str = ""
    identity: str = ""
    signature: str = ""
    line: str = ""
    arguments: dict[str, Tree] | None = None
    request: dict[str, Tree] | None = None
    body: dict[str, Tree] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    after: dict[str, Tree] = field(default_factory=dict)
    begin: int = 0
    ended: int | None = None
    end: End = ""
    source: str = ""
    inputs: str = ""
    seconds: float = 0.0
    hidden: tuple[str, ...] = ()
    recorded: str = ""


@dataclass
class Recording:
    """What one file holds: a log, a cassette, or a call that all tests share.

    Attributes:
        owner: The test, the fixture or the cassette that asked.
        recorded: The day, as `2026-11-27`.
        entries: Its calls, in the order in which they began.
        fixtures: The digests of the wider fixtures that were in use, by their owners.
        setup: The digest of what its set-up was asked, of a wider fixture.
        digest: The digest of the calls that the head names.
    """

    owner: str
    recorded: str
    entries: list[Entry]
    fixtures: dict[str, str] = field(default_factory=dict)
    setup: str = ""
    digest: str = ""

    @property
    def edited(self) -> bool:
        """Whether the calls were changed by hand."""
        raise NotImplementedError


def parse(content: bytes, name: str) -> Recording:
    """Return what a file holds.

    Args:
        content: The bytes of the file.
        name: The path of the file, for errors.

    Raises:
        CorruptRecordingError: The file is damaged, or has another format.
    """
    raise NotImplementedError


def content_of(recording: Recording) -> bytes:
    """Return the file of a recording: a head with a new digest, then its calls."""
    raise NotImplementedError
