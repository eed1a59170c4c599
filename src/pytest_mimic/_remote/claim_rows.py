"""Claims of processes on calls in flight, as objects that only one process can create.

A claim is an object that only one process can create. Its key is the number of the call's lock, its content says who
holds it, and it is deleted at the end. A process that holds claims for a while changes another object from time to time.
If that one does not change any more, the process is dead. Then the next claim of the same number, `claims/00beef1-1`
after `claims/00beef1`, decides who takes over, because only one process can create that one, too. So a number has a row
of claims, and the last one counts.

No two living processes hold claims of one number:

- Whoever creates the first claim of a row holds it. While it exists, nobody else can create it.
- Whoever creates a later one has seen that the holders of all before it are dead. It reads these claims again afterwards:
  the row may have ended meanwhile, and a new one begun. If they have changed, it deletes its own claim and waits.
- The holder of a later claim deletes the row from its beginning. So a row whose first claim is unchanged has not ended.

A holder that is taken for dead, because its machine slept, makes its call as well as the one that took over. Both record
it, and the recording that was written last stays.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from pytest_mimic._remote.clock import Clock
from pytest_mimic._remote.keys import CLAIMS
from pytest_mimic._remote.machine import random_id
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_mimic._remote.bucket import Bucket

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


class Timing(NamedTuple):
    """The times of claims, in seconds.

    Attributes:
        renewal: A process that holds claims shows after each such time that it lives.
        death: A process that has not shown so for this time is dead. A call waits for longer than that: see `MAX_WAIT`.
        pause: Between the first two looks at another machine's claim. Each pause is twice the one before.
        longest_pause: Between two looks.
        trouble: No claims are made for this time after the store could not be reached.
    """

    renewal: float = 4.0
    death: float = 16.0
    pause: float = 0.25
    longest_pause: float = 2.0
    trouble: float = 60.0


class _Seen(NamedTuple):
    """A claim of another process: its content, the holder's sign of life, and since when both are so."""

    content: bytes
    sign: bytes | None
    since: float


class Wait:
    """The wait for a claim that another process holds."""

    __slots__ = ("has_refreshed", "look_at", "pause", "seen")

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.look_at = Clock.now()
        self.has_refreshed = False
        self.seen: dict[str, _Seen] = {}

    def looked(self, longest: float) -> None:
        """Put the next look off."""
        self.look_at = Clock.now() + self.pause
        self.pause = min(2 * self.pause, longest)
        self.has_refreshed = False


class Claims:
    """The claims in a bucket, as one process sees them.

    Args:
        bucket: Where they are.
        who: The `machine`, the `process` and the `host` of this process.
        timing: See `Timing`.
    """

    def __init__(self, bucket: Bucket, who: dict[str, str], timing: Timing) -> None:
        self._bucket = bucket
        self._who = who
        self._timing = timing
        self._signs = 0

    def create(self, tag: str, wait: Wait) -> list[str] | None:
        """Create the next claim of a row, if the holders of all before it are dead.

        The local lock of these seven hex digits is held, so that no other process of this machine has the claim.

        Returns:
            The keys of the row, empty if this process has a claim already; None if another process has it.

        Raises:
            RemoteError: The store cannot be reached.
        """
        content = json.dumps({**self._who, "claim": random_id()}).encode()
        first = f"{CLAIMS}{tag}"
        keys: list[str] = []
        while True:
            key = f"{first}-{len(keys)}" if keys else first
            found = self._bucket.get(key) if key in wait.seen else None
            if found is None:
                wait.seen.pop(key, None)
                if self._bucket.create(key, content):
                    break
                found = self._bucket.get(key)
                if found is None:  # it has just ended
                    return None
            if self._is_own(found, "process"):
                return []  # a run around this one has it
            if not self._is_dead(key, found, wait):
                return None
            keys.append(key)
        if any(self._bucket.get(one) != wait.seen[one].content for one in keys):
            self._bucket.delete([key])
            return None
        return [*keys, key]

    def _is_dead(self, key: str, content: bytes, wait: Wait) -> bool:
        """Check whether the holder of a claim is dead."""
        now = Clock.now()
        seen = wait.seen.get(key)
        if seen is None or seen.content != content:
            seen = wait.seen[key] = _Seen(content, None, now)
        if self._is_own(content, "machine"):  # the local lock would not be free if it lived
            return True
        if seen.sign is None and now - seen.since < self._timing.renewal:
            return False
        sign = self._bucket.get(_sign_key(_fact(content, "process"))) or b""
        if sign != seen.sign:
            wait.seen[key] = _Seen(content, sign, Clock.now())
            return False
        return now - seen.since >= self._timing.death

    def _is_own(self, content: bytes, fact: str) -> bool:
        """Check whether a claim's content names this machine, or this process."""
        return _fact(content, fact) == self._who[fact] != ""

    def delete(self, rows: Iterable[list[str]]) -> None:
        """Delete claims, each with those before it. RemoteError: not all could be deleted."""
        alone = []
        for row in rows:
            if len(row) == 1:
                alone += row
                continue
            for key in row:  # in this order, see above
                self._bucket.delete([key])
        if alone:
            self._bucket.delete(alone)

    def show_life(self) -> None:
        """Show other machines that this process lives."""
        self._signs += 1
        with suppress(RemoteError):  # the next time may succeed
            self._bucket.put(_sign_key(self._who["process"]), b"%d" % self._signs)

    def close(self) -> None:
        """Delete the sign of life."""
        if self._signs:
            with suppress(RemoteError):
                self._bucket.delete([_sign_key(self._who["process"])])


def _sign_key(process: str) -> str:
    return f"{CLAIMS}alive-{process}"


def _fact(content: bytes, name: str) -> str:
    """Return what a claim says, or an empty text."""
    try:
        found = json.loads(content)[name]
    except (ValueError, LookupError, TypeError):
        return ""
    return found if isinstance(found, str) else ""
