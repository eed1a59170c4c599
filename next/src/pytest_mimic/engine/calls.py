"""One call from its beginning to its end, whatever it is a call of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_mimic.patch.targets import Options
from pytest_mimic.values.tree import Tree

if TYPE_CHECKING:
    from pytest_mimic.engine.run import Owner
    from pytest_mimic.values.differences import Difference
    from pytest_mimic.vault.recording import Entry


@dataclass
class Call:
    """What is known of a call before it is made.

    Attributes:
        target: `shop.api:fetch` or the client, `http`.
        kind: `function`, or the kind of client: http, sql, redis, grpc, mcp.
        identity: The digest of what counts.
        options: Those of its line.
        signature: `GET /users/1`; of a function its target.
        in_log: Whether it has a place in its owner's log; else all tests share it.
        has_effect: Whether it may change what later real calls find (SQL, Redis).
        cassette: The cassette around it, if one is.
        describe: Gives what the recording keeps of it: arguments, or the request.
        label: Gives it as messages name it.
        is_stale: Says why a recording of it is stale, or gives an empty text.
    """

    target: str
    kind: str
    identity: str
    options: Options
    signature: str
    in_log: bool
    describe: Callable[[], Tree]
    label: Callable[[], str]
    has_effect: bool = False
    cassette: Owner | None = None
    is_stale: Callable[[Entry], str] | None = None


class Step:
    """What becomes of one call: it is replayed, or runs for real.

    With mode `replay` the caller gets what `entry` holds: first `wait()` (of a stream
    only before its end), then the outcome. In every other mode the call runs inside of
    `running()`, and ends by `complete` or `abandon`; with `verify` and `repeat` its
    caller then gets what `entry` holds.
    """

    call: Call
    mode: Literal["replay", "run", "verify", "repeat"]
    entry: Entry | None

    def running(self) -> AbstractContextManager[None]:
        """The real call: mimicked calls inside of it are a part of it and pass."""
        raise NotImplementedError

    def complete(
        self,
        body: dict[str, Tree],
        *,
        failed: str = "",
        source: str = "",
        inputs: str = "",
        layers: tuple[str, ...] = (),
        after: dict[str, Tree] | None = None,
        hidden: tuple[str, ...] = (),
    ) -> None:
        """Keep what the call gave.

        Args:
            body: What the entry holds: exactly one of value, raised, items, answer.
            failed: Why a failing test must not keep it: `TimeoutError`, `status 503`.
            source: The fingerprint of the target's source.
            inputs: The name of the object that says what the call reached.
            layers: What has to be awaited or read to come to the outcome.
            after: The states of arguments after the call.
            hidden: Paths of arguments that are secret.
        """
        raise NotImplementedError

    def progress(self, so_far: Callable[[], dict[str, Tree]]) -> None:
        """Let the end of the owner keep what a stream has given until then."""
        raise NotImplementedError

    def abandon(self, error: BaseException | None, body: dict[str, Tree]) -> None:
        """The call ended without an outcome: it was cancelled, or cannot be kept.

        With a cancellation it is kept as waiting, after what the body holds; any other
        error leaves its place empty.
        """
        raise NotImplementedError

    def check(self, differences: Iterable[Difference]) -> None:
        """Note a drift where the real outcome differs from the recorded one."""
        raise NotImplementedError

    def wait(self) -> None:
        """Return when the call may end, as it did when it was recorded.

        Raises:
            MissingRecordingError: It was cancelled when it was recorded and nobody
                cancels it now, or is read further than it was.
            SystemExit: In a thread whose owner has ended.
        """
        raise NotImplementedError

    async def wait_async(self) -> None:
        """As `wait`, for a task."""
        raise NotImplementedError
