"""Cassettes and their fixtures as tests see them: the documented names alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from typing_extensions import Unpack

    from pytest_mimic._core.targets.options import TargetOptions

CassetteMode = Literal["record", "replay", "extend", "verify", "live"]
NEVER_RECORDS = "mimic_replay never records; use mimic_record or mimic_auto"


class CassetteCall(ABC):
    """One call of a cassette.

    Attributes:
        kind: `function`, or the client's name.
        target: The function's `module:name`, or the client's name.
        arguments: The structured, redacted description of the arguments.
        duration: The duration of the real call, in seconds.
    """

    kind: str
    target: str
    arguments: dict[str, Any] | None
    duration: float

    @property
    @abstractmethod
    def outcome(self) -> Any:
        """A fresh copy of the outcome: the value, the exception, or the items of the stream."""

    @property
    @abstractmethod
    def signature(self) -> str:
        """The call, and its status at an HTTP client: `GET /users/1 → 200`."""

    @abstractmethod
    def match(self, only: str | Sequence[str] | None = None, *, exclude: str | Sequence[str] = ()) -> bool:
        """Check whether patterns select this call; the reference has their grammar."""

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


class Cassette(ABC):
    """A named, ordered list of recordings, as a block uses it.

    Attributes:
        name: The name, folders included, without `.json`.
        path: The cassette's file.
        mode: `record`, `replay`, `extend` (replay, and record new calls), `verify` or `live`.
        play_count: How many calls were replayed.
    """

    name: str
    path: Path
    mode: CassetteMode
    play_count: int

    @property
    @abstractmethod
    def calls(self) -> list[CassetteCall]:
        """The calls in order: those recorded so far, or those that can be replayed."""

    @property
    @abstractmethod
    def all_played(self) -> bool:
        """Whether every call of the cassette was made in this block."""

    def __repr__(self) -> str:
        return f"<Cassette {self.name}, {self.mode}>"


class CassetteFixture(Protocol):
    """The type of the fixtures `mimic_record`, `mimic_replay` and `mimic_auto`."""

    def __call__(
        self,
        name: str | None = None,
        *,
        targets: str | Callable[..., Any] | Iterable[str | Callable[..., Any]] = (),
        strict: bool = False,
        **options: Unpack[TargetOptions],
    ) -> AbstractContextManager[Cassette]:
        """Return a block that records or replays a cassette.

        Args:
            name: The cassette's name. By default it is made from the test's id.
            targets: Functions and clients to mimic, as in `mimic(...)`.
            strict: Whether a replay fails if a recorded call was not made, or if the order differs.
            options: The options of a target line, for all of them.
        """
        ...


for _public in (Cassette, CassetteCall, CassetteFixture):
    _public.__module__ = "pytest_mimic"
