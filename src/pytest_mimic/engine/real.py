"""A call that is made for real: the block around it, its clock, and its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic.engine.calls import Body, answer_of, entry_of
from pytest_mimic.engine.end_order import seconds_now
from pytest_mimic.engine.nesting import OpenCall
from pytest_mimic.engine.place import Place
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.told import WILL_MISS
from pytest_mimic.errors import MimicError
from pytest_mimic.values.outcome import shelve, shelve_answer, unshelve
from pytest_mimic.vault.recording import End

if TYPE_CHECKING:
    from pytest_mimic.values.differences import Difference

_CANCELLED = ("CancelledError", "Cancelled", "GeneratorExit")
# They end the run, and nobody asks which calls they have cut short.
_ENDS_OF_A_RUN = ("KeyboardInterrupt", "Exit")


class Real(OpenCall):
    """A call that is made for real, to be recorded or compared.

    It runs in a block, `with real:`, and mimicked calls inside of the block are a part
    of it. It ends by `complete`, `compare`, `abandon` or `leave`.

    Args:
        run: The run.
        place: The place of the call.

    Attributes:
        place: The place of the call.
        shared_target: Its function, if it is recorded and all tests share it.
        fingerprints: Gives those of a function, however its call ends.
        so_far: Gives the part of an answer or a stream that has come until now. If
            the owner ends first, that part is recorded.
    """

    fingerprints: Callable[[], dict[str, str]] | None = None
    so_far: Callable[[], Body] | None = None
    # Whether its caller has had parts of the outcome before it ended.
    _was_read = False
    # Whether all tests share it, and another such call was recorded beside it.
    _overlaps = False
    # The seconds until it last stopped, when it began, and since when it runs now.
    _seconds = 0.0
    _began: float | None = None
    _since: float | None = None

    def __init__(self, run: Run, place: Place) -> None:
        self.place = place
        self._run = run
        self._test = run.test
        self._is_recorded = place.slot.is_real
        self._is_aside = threading.get_ident() != place.owner.thread
        if self._is_recorded and place.log is None and place.call.is_function:
            self.shared_target = place.call.target
        place.owner.open_calls[place] = self
        # Of two threads that begin now, the later one sees the other.
        if self._is_recorded and place.is_shared:
            self._note_overlap()

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.place.is_open

    def _note_overlap(self) -> None:
        """Note which calls that all tests share are recorded beside this one."""
        for other in list(self.place.owner.open_calls.values()):
            if other is self or not isinstance(other, Real):
                continue
            if other._is_recorded and other.place.is_shared:
                self._overlaps = other._overlaps = True

    @property
    def _hung_before(self) -> bool:
        """Whether it is verified, and was cut short when it was recorded."""
        entry = self.place.entry
        return self.place.decision == "verify" and entry is not None and entry.hangs

    # -- its block and its clock

    def __enter__(self) -> None:
        self._around = self._run.nesting.enter(self)
        self.begin_clock()

    def __exit__(self, *_: object) -> None:
        self._seconds, self._since = self._seconds_now(), None
        self._run.nesting.leave(self._around)

    def begin_clock(self) -> None:
        """Count the seconds in which it runs."""
        self._since = seconds_now()
        if self._began is None:
            self._began = self._since

    def _seconds_now(self) -> float:
        if self._since is None:
            return self._seconds
        return self._seconds + seconds_now() - self._since

    # -- its end

    def complete(self, body: Body, **facts: Any) -> None:
        """Keep what the call gave.

        Args:
            body: The outcome.
            facts: What else its recording says, by the names of an `Entry`.

        Raises:
            MimicError: It cannot be written. The error is noted.
        """
        storing = self.place.owner.storing_calls
        # Before the end is claimed: the owner's own end looks at the open calls first.
        storing[self] = None
        try:
            if self._claim_end():
                self._keep(body, **facts)
        finally:
            storing.pop(self, None)
            self.fingerprints = None  # They hold the arguments.

    def leave(self) -> bool:
        """End it without an outcome to keep; return whether it had not ended."""
        is_first = self._claim_end()
        if is_first:
            self._free()
        return is_first

    def abandon(
        self,
        error: BaseException | None,
        body: Body | None = None,
        *,
        is_awaited: bool = True,
    ) -> None:
        """End a call that has no whole outcome: its place is empty.

        Args:
            error: What has ended it. None: an error that is noted.
            body: What it gave until then. One that was cancelled is kept as waiting.
            is_awaited: Whether the call itself may have been cancelled.
        """
        place, name = self.place, type(error).__name__
        is_cancelled = name in _CANCELLED
        is_cut_short = self._is_recorded and error is not None
        if is_cut_short and is_cancelled and is_awaited and place.log is not None:
            self.complete(body or {}, end="waiting")
            return
        if not self.leave():
            return
        if is_cancelled and self._hung_before:
            place.told.given(place.recorded)
        is_ended = name in _ENDS_OF_A_RUN
        if is_cut_short and place.log is None and not is_ended:
            if is_cancelled:
                place.told.not_kept(f"was cancelled: {WILL_MISS}")
            else:
                place.told.lost(f"raised {name}")

    def end_with_owner(self) -> None:
        """End it, still open, as its owner ends."""
        place = self.place
        if not self._is_recorded:
            if self._hung_before and self.leave():
                place.told.given(place.recorded)
            return
        so_far = self.so_far
        if so_far is None and place.call.conversation:
            so_far = partial(Body, answer={})  # Its answer has not begun.
        # What all tests share is kept when it is done, after the test if need be.
        is_kept_later = place.log is None and so_far is None
        if is_kept_later or not self._claim_end():
            return
        if place.log is not None and so_far is not None:
            self._keep(so_far(), end="open")
        else:
            self._free()
            place.told.lost("was still open when its test ended")

    def note_lost(self) -> None:
        """Name it: its outcome comes too late for the log of its owner."""
        if self.place.log is not None and self.place.owner.is_here:
            self.place.told.lost("was still being stored when its test ended")

    def _claim_end(self) -> bool:
        """Note that it ends now; whether it had not ended before."""
        if not self.place.claim_end():
            return False
        self._was_read, self.so_far = self.so_far is not None, None
        return True

    def _free(self) -> None:
        self.fingerprints = None  # They hold the arguments.
        self.place.free()

    # -- its outcome

    def _keep(self, body: Body, *, end: End = "", **facts: Any) -> None:
        run, place, real = self._run, self.place, body
        call, described = place.call, place.call.described
        kept = run.values_around(place.owner, in_written=True)
        if kept:
            body = kept.with_recorded_values(body, call.volatile_paths())
            described = kept.request_as_recorded(described)
            call = call.asking(kept.request_as_recorded(call.asked))
        seconds = self._seconds_now()
        began = seconds_now() if self._began is None else self._began
        if self._overlaps:
            facts["at"] = [int(1000 * began), int(1000 * (began + seconds))]
        try:
            entry = entry_of(
                call,
                described if call.is_function else shelve(described, run.vault),
                body=self._shelved(body),
                end=end,
                aside=self._is_aside,
                seconds=seconds,
                **(self.fingerprints() if self.fingerprints else {}),
                **facts,
            )
            place.put(entry, test=self._test)
        except MimicError as error:
            self._free()
            run.events.note_error(error)
            raise
        other = place.entry
        if other is not None and self._was_read and other.body != entry.body:
            place.told.not_kept("was given another answer than is shared")
        place.told.kept(entry, other, body, began)
        before, paths = place.slot.entry, place.call.volatile_paths()
        if paths and before is not None:
            recorded = unshelve(before.body, run.vault)
            place.owner.real_values.learn(recorded, real, paths)

    def _shelved(self, body: Body) -> Body:
        vault = self._run.vault
        if "answer" in body:
            return {"answer": shelve_answer(answer_of(body), vault)}
        return {key: shelve(part, vault) for key, part in body.items()}

    def compare(
        self,
        recorded: Body,
        real: Body,
        differences: Iterable[Difference],
        *,
        failed: str = "",
    ) -> Any:
        """End it beside its recording, and note a drift.

        Args:
            recorded: What it gave when it was recorded.
            real: What it gave now.
            differences: Where that differs.
            failed: How the real call failed, which is not to be accepted: `the real
                call gave 503`.

        Returns:
            What its caller gets: the recorded outcome, with the real values of what is
            new each time.
        """
        run, place = self._run, self.place
        owner, paths = place.owner, place.call.volatile_paths()
        owner.real_values.learn(recorded, real, paths)
        known = run.values_around(owner)
        differing = [one for one in differences if not known.is_known(one)]
        given = known.with_real_values(recorded, real, paths)
        if place.log is None:
            run.shared.compared[place.slot.name] = given if paths else None
        elif place.log.way == "continued":
            given = recorded  # All that it serves get what the first ones got.
        if self.leave():
            place.told.compared(place.recorded, differing, failed)
        return given
