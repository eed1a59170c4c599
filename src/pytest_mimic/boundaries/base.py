"""What a boundary is: the edges of a client library, and how a call at an edge is described."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from pytest_mimic._redact.redactor import Redactor


class Step(Protocol):
    """What the engine decided about one call at an edge."""

    mode: Literal["replay", "run", "pass"]

    def outcome(self) -> Any:
        """Replay: a fresh copy of the plain data that `finish` was given."""
        ...

    def exhausted(self) -> Exception:
        """Replay: what to raise when an answer is read further than its recording goes."""
        ...

    def running(self) -> AbstractContextManager[None]:
        """Run: calls made inside belong to this one and are not recorded on their own."""
        ...

    def finish(self, plain: object) -> None:
        """Run: records the outcome, or compares it where the run verifies.

        It may come late (a stream ends when its reader stops).

        Raises:
            DriftError: The recording says otherwise.
        """
        ...

    def refused(self) -> Exception:
        """Run: what to raise instead when a request holds the placeholder that a replay gave for a secret."""
        ...

    def abandon(self) -> None:
        """Run: there is no outcome (an interrupt, a cancellation); nothing is recorded."""
        ...


class BoundaryCall:
    """One call at an edge, described in plain data that is redacted already.

    Attributes:
        boundary: The boundary's name, `httpx`.
        signature: `VERB resource`, `GET /users/1`.
        host: What host patterns look at, `api.shop.com`; None where there is none.
        parts: The call's parts by name (`method`, `query`, `body`, …).
        identity: Names of the parts that count by default; `ignore=` takes out, `match=` adds.
        described: What is shown to people, and stored beside the recording.
        shared: The recording belongs to no test: identity alone finds it, in any order.
    """

    __slots__ = ("boundary", "described", "host", "identity", "parts", "shared", "signature")

    def __init__(
        self,
        boundary: str,
        signature: str,
        *,
        parts: dict[str, Any],
        identity: Sequence[str],
        described: dict[str, Any],
        host: str | None = None,
        shared: bool = False,
    ) -> None:
        self.boundary = boundary
        self.signature = signature
        self.parts = parts
        self.identity = identity
        self.described = described
        self.host = host
        self.shared = shared


class Port(Protocol):
    """The engine, as an edge sees it."""

    @property
    def redactor(self) -> Redactor:
        """What keeps secrets out of recordings."""
        ...

    def taking(self) -> bool:
        """Whether calls of this boundary are mimicked at all just now; cheap."""
        ...

    @property
    def noting(self) -> AbstractContextManager[None]:
        """A block: what is raised of ours in it fails the running test, even where it is swallowed further out."""
        ...

    def takes(self, call: BoundaryCall) -> bool:
        """Whether this call is mimicked: `begin` of any other gives a step to pass."""
        ...

    def begin(self, call: BoundaryCall) -> Step:
        """Decides about a call.

        Raises:
            MissingRecordingError: There is no recording, and the mode does not run it.
        """
        ...

    def ordinal(self, space: str, name: str) -> int:
        """Which of the current test's (or cassette's) `space` things `name` is, by order of first use, from 0."""
        ...


class Edge(NamedTuple):
    """One place where a client meets the network: patched when its module is imported, never imported."""

    module: str
    path: tuple[str, ...]
    wrap: Callable[[Callable[..., Any], Port], Callable[..., Any]]
    excluded: bool = False
    origin: str = "a boundary"


class Boundary(Protocol):
    """A bundled adapter for one client library."""

    name: str
    #: The top-level module whose presence means that the client is installed.
    client: str

    def edges(self) -> Sequence[Edge]:
        """The places to patch."""
        ...

    def comparable(self, plain: Any, beside: Any = None, /) -> Any:
        """What of an outcome verifying compares, beside another one of the same call."""
        ...
