"""One call from its beginning to its end: replayed, verified, or run for real."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.events import Event, EventKind, Events, Plain
from pytest_mimic.engine.inside import Inside
from pytest_mimic.engine.owners import Kept, Owner
from pytest_mimic.engine.refusals import (
    RECORD,
    RERECORD,
    Refusal,
    Refusals,
    facts_of_error,
)
from pytest_mimic.engine.shared import Shared
from pytest_mimic.engine.slots import Place, blank_of
from pytest_mimic.engine.turns import end_this_thread, hang, hang_async, seconds_now
from pytest_mimic.errors import MimicError, StaleRecordingError
from pytest_mimic.values.outcome import shelve, unshelve
from pytest_mimic.values.tree import Path, Tree
from pytest_mimic.vault.recording import End, Entry
from pytest_mimic.vault.vault import Vault

if TYPE_CHECKING:
    from pytest_mimic.engine.anew import Anew
    from pytest_mimic.values.differences import Difference

Body = dict[str, Tree]
"""What a call gave: one of `value`, `raised`, `items` (with `last`) or `answer`."""

_CANCELLED = ("CancelledError", "Cancelled", "GeneratorExit")


class Books(Protocol):
    """What the steps of a run write into."""

    vault: Vault
    shared: Shared
    events: Events
    inside: Inside
    refusals: Refusals
    test: str
    in_flight: list[Step]
    anew: Anew | None

    def refuse(self, refusal: Refusal, call: Call, owner: Owner | None) -> MimicError:
        """Note the error that a call gets, and give it."""


class _Running:
    """The block in which a call runs for real."""

    def __init__(self, step: Step, inside: Inside) -> None:
        self._step = step
        self._inside = inside

    def __enter__(self) -> None:
        self._before = self._inside.enter(self._step)
        self._step.begin_clock()

    def __exit__(self, *_: object) -> None:
        self._step.stop_clock()
        self._inside.leave(self._before)


class Step:
    """What becomes of one call.

    With mode `replay` the caller gets what `body()` holds: first `wait()` (of a stream
    only before its end), then the outcome. In every other mode the call runs inside of
    `running()`, and ends by `complete`, `check` or `abandon`; with `verify` and
    `repeat` its caller then gets what is recorded.

    Attributes:
        mode: What becomes of the call.
        entry: The recording; None: it runs for real and is recorded.
        is_open: Whether it has not ended.
        is_lasting: Whether equal calls will be given the same, whenever they are made.
        replayed: The row that counts the replay.
    """

    def __init__(
        self,
        books: Books,
        call: Call,
        mode: Literal["replay", "run", "verify", "repeat"],
        place: Place,
        owner: Owner | None,
    ) -> None:
        self.call = call
        self.mode = mode
        self.entry = None if mode == "run" else place.entry
        self.is_open = True
        self.is_lasting = mode == "replay" and place.slot is None
        self.replayed: Event | None = None
        self._seconds = 0.0
        self._since: float | None = None
        self._books = books
        self._place = place
        self._owner = owner
        self._test = books.test
        self._so_far: Callable[[], Body] | None = None
        self._lock = threading.Lock()
        if owner is not None:
            owner.open.add(self)
        if mode == "run" and place.slot is None:
            books.in_flight.append(self)

    def body(self) -> Body:
        """Give what is recorded, with all that stands in objects."""
        assert self.entry is not None
        vault = self._books.vault
        return {key: unshelve(part, vault) for key, part in self.entry.body.items()}

    # -- a real call

    def running(self) -> AbstractContextManager[None]:
        """The real call: mimicked calls inside of it are a part of it and pass."""
        return _Running(self, self._books.inside)

    def begin_clock(self) -> None:
        """Count the seconds in which it runs."""
        self._since = seconds_now()

    def stop_clock(self) -> None:
        """Count no more seconds, until it goes on."""
        self._seconds, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """How long it has run for real."""
        since = self._since
        return self._seconds + (0 if since is None else seconds_now() - since)

    def complete(
        self,
        body: Body,
        *,
        source: str = "",
        inputs: str = "",
        layers: tuple[str, ...] = (),
        after: dict[str, Tree] | None = None,
        hidden: tuple[str, ...] = (),
    ) -> None:
        """Keep what the call gave.

        Args:
            body: The outcome.
            source: The fingerprint of the target's source.
            inputs: The name of the object that says what the call reached.
            layers: What has to be awaited or read to come to the outcome.
            after: The states of arguments after the call.
            hidden: Paths of arguments that are secret.

        Raises:
            MimicError: It cannot be written. The error is noted.
        """
        if self._begin_end():
            self._keep(
                body,
                source=source,
                inputs=inputs,
                layers=layers,
                after=after or {},
                hidden=hidden,
            )

    def progress(self, so_far: Callable[[], Body]) -> None:
        """Let the end of the owner keep what an exchange or stream gave until then."""
        self._so_far = so_far

    def abandon(self, error: BaseException | None, body: Body | None = None) -> None:
        """End a call that has no whole outcome.

        One that was cancelled is kept as waiting, after what the body holds. After any
        other error its place is empty.
        """
        if not self._begin_end():
            return
        if self.mode != "run" or type(error).__name__ not in _CANCELLED:
            self._leave()
        elif self._place.slot is None:
            self._report("was cancelled: not recorded, a replay will miss it")
            self._leave()
        else:
            self._keep(body or {}, end="waiting")

    def end_with_owner(self) -> None:
        """End a call that is still open when its owner ends."""
        if self.mode != "run" or (self._place.slot is None and self._so_far is None):
            # A replay ends by itself, and what all tests share when it is done.
            return
        if not self._begin_end():
            return
        if self._place.slot is not None and self._so_far is not None:
            self._keep(self._so_far(), end="open")
            return
        words = (
            "was still open when its test ended: not recorded, a replay will miss it"
        )
        self._report(words)
        self._leave()

    def _begin_end(self) -> bool:
        """Note that the call ends now; whether it had not ended before."""
        with self._lock:
            was_open, self.is_open = self.is_open, False
        if self._owner is not None:
            self._owner.open.discard(self)
        if was_open and self in self._books.in_flight:
            self._note_overlap()
        return was_open

    def _note_overlap(self) -> None:
        """Note that a shared call ends before an equal one that began earlier."""
        in_flight, target = self._books.in_flight, self.call.target
        earlier = in_flight[: in_flight.index(self)]
        in_flight.remove(self)
        if any((one.call.target, one._test) == (target, self._test) for one in earlier):
            self._books.events.add("overlapped", target, test=self._test)

    def _leave(self) -> None:
        slot, owner = self._place.slot, self._owner
        if slot is not None and owner is not None and owner.log is not None:
            owner.log.end(slot)

    def _keep(self, body: Body, *, end: End = "", **facts: Any) -> None:
        try:
            entry = self._entry(body, end=end, **facts)
            self._put(entry)
        except MimicError as error:
            self._leave()
            self._books.events.note(error, self.call.label())
            raise
        self._tell("recorded", seconds=self.seconds)
        anew = self._books.anew
        if anew is not None:
            anew.recorded(self.call, self.call.describe(), self._test)
            anew.answered(entry.body)

    def _entry(self, body: Body, **facts: Any) -> Entry:
        """Give the recording of the call, its large parts in objects."""
        vault = self._books.vault
        described: Any = self.call.describe()
        if self.call.kind == "function":
            facts["arguments"] = described
        else:
            facts["request"] = shelve(described, vault)
        return replace(
            blank_of(self.call),
            body={key: shelve(part, vault) for key, part in body.items()},
            seconds=self.seconds,
            **facts,
        )

    def _put(self, entry: Entry) -> None:
        slot, owner = self._place.slot, self._owner
        if slot is not None:
            assert owner is not None
            assert owner.log is not None
            owner.log.put(slot, entry)
            return
        written = self._books.shared.put(self.call, entry, test=self._test)
        if written.changed:
            kept = Kept(written, entry)
            self._keep_in_mind(kept)

    def _keep_in_mind(self, kept: Kept) -> None:
        tell = self._books.events.tell
        if tell is not None:
            tell(kept)
        elif self._owner is not None:
            self._owner.kept.append(kept)

    def _report(self, what: str) -> None:
        self._tell("not recorded", self.call.label(), what=what)

    def _tell(self, kind: EventKind, shown: str = "", **facts: Plain) -> Event:
        """Add a row that names the call, and its recording if it has one."""
        if kind != "not recorded":
            facts.update(name=self._place.name, identity=self.call.identity)
        shown = shown or self._shown()
        return self._books.events.add(kind, shown, test=self._test, **facts)

    # -- a call that is compared

    def check(self, differences: Sequence[Difference], *, failed: str = "") -> None:
        """End a call that ran for real beside its recording, and note a drift.

        Args:
            differences: Where the real outcome differs from the recorded one.
            failed: How the real call failed, which is not to be accepted: `the real
                call gave 503`.
        """
        assert self.entry is not None
        if not self._begin_end():
            return
        self._leave()
        if self.entry.end == "waiting":
            self._report_early_answer()
        elif differences and self._is_told():
            self._note_drift(differences, failed)
        elif self.mode == "verify":
            self.count("verified")
        else:
            self.count("replayed")

    def _is_told(self) -> bool:
        """Whether a difference is told: of a wider fixture, the first of its set-up.

        Later statements meet what the first has left, and those of a tear-down lack
        what replayed tests have not done.
        """
        owner = self._owner
        if self.mode != "repeat" or owner is None:
            return True
        is_first = not owner.is_set_up and not owner.has_drifted
        owner.has_drifted = True
        return is_first

    def _report_early_answer(self) -> None:
        what = "was answered, before it was cancelled as it was when recorded"
        self._tell("answered early", self.call.label(), what=what)
        self.count("verified")

    def _note_drift(self, differences: Sequence[Difference], failed: str) -> None:
        refusals, owner = self._books.refusals, self._owner
        if self.mode == "repeat":
            assert owner is not None
            error = refusals.drift_of_fixture(self.call, differences, owner)
        else:
            error = refusals.drift(self.call, differences, owner, failed=failed)
        label, kind = self.call.label(), self.call.conversation
        # That a call has failed is not to be accepted.
        option = "" if failed else self._option
        error.conversation = f"{self._place.name} {kind}" if kind else ""
        self._books.events.note(error, label)
        self._books.events.add(
            "drifted",
            label,
            test=self._test,
            cause="; ".join(error.facts),
            option=option,
            command=refusals.command(option, owner) if option else "",
            **self._where(),
            **facts_of_error(error),
        )

    # -- a call that is replayed

    def wait(self) -> None:
        """Return when the call may end, as it did when it was recorded.

        Raises:
            MissingRecordingError: It was cancelled when it was recorded and nobody
                cancels it now, or waits in vain.
            SystemExit: In a thread whose owner has ended.
        """
        owner, slot = self._owner, self._place.slot
        if self.entry is not None and slot and owner is not None and owner.turns:
            if self.entry.end in ("waiting", "open"):
                if not hang(self.entry, owner.ended):
                    raise self._never_ended(self.entry, owner)
                self._begin_end()
                end_this_thread()
            if self.entry.ended is not None:
                owner.turns.wait(slot)
        self.leave()

    async def wait_async(self) -> None:
        """As `wait`, for a task."""
        owner, slot = self._owner, self._place.slot
        if self.entry is not None and slot and owner is not None and owner.turns:
            if self.entry.end in ("waiting", "open"):
                await self._hang_async(self.entry, owner)
            if self.entry.ended is not None:
                await owner.turns.wait_async(slot)
        self.leave()

    def leave(self) -> None:
        """End a replayed call, also one that is not read to its end."""
        if self._begin_end():
            self._leave()

    async def _hang_async(self, entry: Entry, owner: Owner) -> None:
        try:
            has_ended = await hang_async(entry, owner.ended)
        except BaseException:
            self.leave()
            raise
        if not has_ended:
            raise self._never_ended(entry, owner)
        from asyncio import CancelledError  # few replays wait

        raise CancelledError

    def _never_ended(self, entry: Entry, owner: Owner) -> MimicError:
        self.leave()
        if entry.end == "open":
            return self.read_further()
        refusals = self._books.refusals
        return self._refused(refusals.never_cancelled(self.call, entry, owner))

    def read_further(self) -> MimicError:
        """Give the error, noted already, of a stream that is read beyond its record."""
        return self._refused(self._books.refusals.read_further(self.call, self._owner))

    def _refused(self, error: MimicError) -> MimicError:
        refusal = Refusal(error, self._option)
        return self._books.refuse(refusal, self.call, self._owner)

    @property
    def _option(self) -> str:
        """The option that records the call again; empty: none does."""
        return "" if self._owner and self._owner.never_records else RERECORD

    def _shown(self) -> str:
        is_shown = self._books.events.shows_calls
        return self.call.label() if is_shown else self.call.signature

    def _where(self) -> dict[str, Plain]:
        """Give the facts by which the recording of the call is found."""
        owner, place = self._owner, self.entry or self._place.slot
        return {
            "name": self._place.name,
            "identity": self.call.identity,
            "at": place.begin if place is not None else 0,
            "fixture": owner.name if owner and owner.kind == "fixture" else "",
        }

    # -- for the adapters of clients

    @property
    def owner_name(self) -> str:
        """The name of the owner; empty: the call belongs to none."""
        return self._owner.name if self._owner is not None else ""

    def with_volatile(self, recorded: Body, real: Body, paths: Sequence[Path]) -> Body:
        """Return a recorded answer with the real values at volatile paths.

        Later requests of the owner that hold these values are then found again.
        """
        if self._owner is None or not paths:
            return recorded
        mixed = self._owner.real.note(recorded, real, paths)
        assert isinstance(mixed, dict)
        return mixed

    def outdated(self, error: StaleRecordingError) -> MimicError:
        """Give the error, noted already, of an outcome that nothing today can make."""
        if self.replayed is not None:
            self._books.events.take_back(self.replayed)
        option = RECORD if self._option else ""
        error = self._books.refusals.outdated(self.call, error, self._owner)
        refusal = Refusal(error, option, error.what)
        return self._books.refuse(refusal, self.call, self._owner)

    def damaged(self, reason: str) -> MimicError:
        """Give the error, noted already, of an answer that no client can be given."""
        self.leave()
        refusals = self._books.refusals
        error = refusals.damaged(self.call, self._place.name, reason, self._owner)
        return self._refused(error)

    def count(self, kind: Literal["replayed", "verified"]) -> None:
        """Count the call as one that got its recorded outcome."""
        assert self.entry is not None
        row = self._books.events.add(
            kind,
            self._shown(),
            test=self._test,
            seconds=self.entry.seconds,
            is_stale=self._place.recorded == "stale",
            times=1,
            **self._where(),
        )
        self.replayed = row if kind == "replayed" else None
        if self._books.anew is not None:
            self._books.anew.answered(self.entry.body)
