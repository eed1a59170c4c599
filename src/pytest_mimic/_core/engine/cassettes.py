"""The public face of cassettes: what a block may read of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.outcome.placed_paths import PathStore
from pytest_mimic._core.targets.pattern import Selector

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassette_tracks import CassetteTrack
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.vault.recording_facts import Recording


class CassetteCall:
    """One call of a cassette. Its outcome is loaded when it is read.

    Attributes:
        kind: `function`, or the client's name.
        target: The function's `module:name`, or the client's name.
        duration: The duration of the real call, in seconds.
    """

    def __init__(self, recording: Recording, folders: Places) -> None:
        self._recording = recording
        self._folders = folders
        self.kind: str = recording.kind
        self.target: str = recording.target
        self.duration: float = recording.stored.duration

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The structured, redacted description of the arguments.

        None: the call was not described.
        """
        return self._recording.whole().arguments

    @property
    def outcome(self) -> Any:
        """A fresh copy: the value, the exception, or the items of the stream."""
        return self._recording.stored.load(PathStore(self._folders)).content

    @property
    def signature(self) -> str:
        """The call, with the status of its answer if it has one.

        `GET /users/1 → 200`
        """
        signature = self._recording.signature
        if self.kind == "function":
            return signature
        outcome = self.outcome
        status = None
        if isinstance(outcome, dict):
            # A request that ended in an error has no status.
            status = outcome.get("status")
        if status is None:
            return signature
        return f"{signature} → {status}"

    def match(
        self,
        only: str | Sequence[str] | None = None,
        *,
        exclude: str | Sequence[str] = (),
    ) -> bool:
        """Return whether patterns select this call; the reference has their grammar."""
        selector = Selector(only or (), exclude or ())
        return selector.takes(self._recording.signature, self._recording.host)

    def __repr__(self) -> str:
        return f"<CassetteCall {self.kind} {self.signature}>"


class Cassette:
    """A named, ordered list of calls, as a block has opened it."""

    __slots__ = ("_track",)

    def __init__(self, track: CassetteTrack) -> None:
        self._track = track

    @property
    def name(self) -> str:
        """The name, folders included, without `.json`."""
        return self._track.name

    @property
    def path(self) -> Path:
        """The cassette's file."""
        return self._track.path

    @property
    def mode(self) -> str:
        """`record`, `replay`, `extend`, `verify` or `live`.

        `extend` replays, and records new calls.
        """
        return self._track.mode_name

    @property
    def calls(self) -> list[CassetteCall]:
        """The calls in order: those recorded so far, or those that can be replayed."""
        folders = self._track.folders
        return [CassetteCall(call, folders) for call in self._track.recorded_calls()]

    # The cassettes of vcrpy have `play_count` and `all_played`, too.
    @property
    def play_count(self) -> int:
        """How many calls were replayed."""
        return self._track.play_count

    @property
    def all_played(self) -> bool:
        """Whether every call of the cassette was made in this block."""
        return self._track.are_all_played()

    def __repr__(self) -> str:
        return f"<Cassette {self.name}, {self.mode}>"


# Messages and documentation show the module that users know them by.
for _public in (Cassette, CassetteCall):
    _public.__module__ = "pytest_mimic"
