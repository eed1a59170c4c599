"""Locks between machines: a call that runs for real has a claim in the bucket, for which other machines wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from os import getpid
from threading import Condition, Thread
from typing import TYPE_CHECKING

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.claim_rows import Claims, Timing, Wait
from pytest_mimic._remote.clock import Clock
from pytest_mimic._remote.machine import holder
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._vault.locks import ByteLocks

__tracebackhide__ = True  # pytest leaves this module out of tracebacks


class _Claim:
    """A claim that this process holds. It has no keys if its call runs without regard to other machines."""

    __slots__ = ("keys", "state")

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys  # of its row, its own last
        self.state = "held"  # then "over", and "ending" while it is being deleted


class ClaimLocks:
    """Locks between all machines that use a vault. They have the methods of `ByteLocks`.

    A claim costs the request that creates it and those of `refresh`. Claims that have ended are deleted together, in a
    thread. No call fails because of a claim: if the store cannot be reached, it runs without one.

    Args:
        local: The locks between the processes of this machine.
        bucket: Where the claims are.
        refresh: Looks at what other machines have recorded under seven hex digits.
        is_conditional: Returns whether the store refuses to create what exists.
        note: Takes a sentence for the summary.
        timing: See `Timing`.
    """

    def __init__(
        self,
        local: ByteLocks,
        bucket: Bucket,
        *,
        refresh: Callable[[str], None],
        is_conditional: Callable[[], bool],
        note: Callable[[str], object] = lambda _: None,
        timing: Timing = Timing(),  # noqa: B008 - immutable
    ) -> None:
        self._local = local
        self._bucket = bucket
        self._refresh = refresh
        self._is_conditional = is_conditional
        self._note = note
        self._timing = timing
        self._resumes = Clock.now()
        self._forget()

    def _forget(self) -> None:
        """Begin without claims, as in a forked child: its parent keeps those that it has."""
        self._process = getpid()
        self._changed = Condition()
        self._users: Counter[int] = Counter()  # of each local lock
        self._claims: dict[int, _Claim] = {}
        self._waits: dict[int, Wait] = {}
        self._claiming: set[int] = set()
        self._thread: Thread | None = None
        self._is_closing = False
        self._rows: Claims | None = None

    # -- the locks

    @outside_event_loop
    def acquire(self, byte: int) -> bool:
        """Take the lock between the processes of this machine on a byte below 2 ** 28. See `ByteLocks.acquire`."""
        if self._process != getpid():
            self._forget()
        with self._changed:
            if not self._users[byte] and not self._local.acquire(byte):
                # What the other process records is to be seen before a claim is made.
                self._waits.setdefault(byte, Wait(self._timing.pause))
                return False
            self._users[byte] += 1
            return True

    @outside_event_loop
    def claim(self, byte: int) -> bool:
        """Take the lock between machines on a byte whose local lock this object has.

        Return False if another machine has it. It may be asked often: most of these calls make no request.
        """
        with self._changed:
            held = self._claims.get(byte)
            if held is not None:
                if held.state == "over":
                    held.state = "held"
                    self._drop(byte)
                return held.state == "held"
            wait = self._waits.get(byte)
            if byte in self._claiming or (wait is not None and wait.look_at > Clock.now()):
                return False
            self._claiming.add(byte)
        claim = None
        try:
            claim = self._take(byte, wait)
            return claim is not None
        finally:
            with self._changed:
                self._claiming.discard(byte)
                if claim is not None:
                    self._waits.pop(byte, None)
                    self._claims[byte] = claim
                    if claim.keys:
                        self._wake()

    @outside_event_loop
    def release(self, byte: int) -> None:
        """Release both locks on a byte. Its claim is deleted soon, and the local lock is kept until then."""
        if self._process != getpid():
            return
        with self._changed:
            claim = self._claims.get(byte)
            if claim is None or claim.state != "held":
                self._drop(byte)
            elif not claim.keys:
                del self._claims[byte]
                self._drop(byte)
            else:
                claim.state = "over"
                self._wake()

    @outside_event_loop
    def close(self) -> None:
        """Release all locks, and wait until the claims are deleted."""
        if self._process == getpid():
            with self._changed:
                for claim in self._claims.values():
                    if claim.state == "held":
                        claim.state = "over"
                self._is_closing = True
                self._changed.notify_all()
            if self._thread is not None:
                self._thread.join()
        self._local.close()
        self._forget()

    def _drop(self, byte: int) -> None:
        self._users[byte] -= 1
        if self._users[byte] <= 0:
            del self._users[byte]
            self._local.release(byte)

    # -- taking a claim

    def _take(self, byte: int, wait: Wait | None) -> _Claim | None:
        """Return a claim, or None if another machine has it."""
        claim = _Claim([])
        if self._resumes > Clock.now():
            return claim
        if not self._is_conditional():  # which may be so because it cannot be reached
            self._resumes = Clock.now() + self._timing.trouble
            return claim
        tag = f"{byte:07x}"
        try:
            if wait is not None and not wait.has_refreshed:
                wait.has_refreshed = True
                self._refresh(tag)
                return None  # the caller looks for the recording now
            wait = wait or Wait(self._timing.pause)
            keys = self._in_bucket().create(tag, wait)
            if keys is None:
                wait.looked(self._timing.longest_pause)
                with self._changed:
                    self._waits[byte] = wait
                return None
            claim.keys = keys
            self._refresh(tag)
        except RemoteError as error:
            self._resumes = Clock.now() + self._timing.trouble
            self._note(f"{error.what}: calls ran without regard to other machines")
        return claim

    def _in_bucket(self) -> Claims:
        if self._rows is None:
            self._rows = Claims(self._bucket, holder(self._local.path), self._timing)
        return self._rows

    # -- the thread

    def _wake(self) -> None:
        """Wake the thread, or start it."""
        if self._thread is None:
            self._thread = Thread(target=self._work, name="mimic-claims", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        """Delete the claims that are over. Show that this process lives, while it holds any."""
        rows, shown = self._in_bucket(), Clock.now()
        while True:
            with self._changed:
                over = {byte: one for byte, one in self._claims.items() if one.state == "over"}
                for one in over.values():
                    one.state = "ending"
                if not over:
                    if self._is_closing:
                        break
                    is_holding = any(one.keys for one in self._claims.values())
                    if not is_holding:
                        self._changed.wait()
                        shown = Clock.now()
                        continue
                    if not self._is_due(shown):
                        self._changed.wait(max(0.0, shown + self._timing.renewal - Clock.now()))
                        continue
            if over:
                self._delete(over)
            if self._is_due(shown):
                shown = Clock.now()
                rows.show_life()
        rows.close()

    def _is_due(self, shown: float) -> bool:
        return Clock.now() - shown >= self._timing.renewal

    def _delete(self, over: dict[int, _Claim]) -> None:
        try:
            self._in_bucket().delete(one.keys for one in over.values())
        except RemoteError as error:  # other machines take over in time
            self._note(f"{error.what}: other machines may have waited for calls that were over")
        with self._changed:
            for byte in over:
                del self._claims[byte]
                self._drop(byte)
