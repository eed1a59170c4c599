"""Finds and writes the recordings of a run's calls.

What a miss says is in `_core/tree/messages.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from json import dumps
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.format import (
    imported_parts,
    parse_recording,
    recording_name,
)
from pytest_mimic._core.vault.recording_facts import Recording, calls_of, read_calls
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Plan
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault.recording_facts import Stored

# A shorter part of a call's time is not worth to be kept, in seconds.
_SHORTEST_BESIDE = 0.001
# So many recordings of a target are looked at for the one that is nearest to a miss.
_MOST_LOOKED_AT = 10_000
# Larger pickles, in bytes, have no description: it takes a look at each value.
_MOST_DESCRIBED = 32 << 20
# So many characters of an outcome are looked through for keys while tests run: a look
# at a gigabyte takes a minute.
_MOST_SEARCHED = 1_000_000


def recordings_of(state: RunState) -> Recordings:
    """Return the recordings of a run, which are made on first use.

    A run that only replays plain values needs none.
    """
    with state.guard:  # several threads may make their first call
        found: Recordings = state.recordings or Recordings(state)
        state.recordings = found
    return found


class _Family(Protocol):
    """The processes of a run that has forked, as `Turns` uses them."""

    def begin_turn(self) -> None:
        """Keep other processes out, and learn what they did."""

    def end_turn(self) -> None:
        """Tell other processes what this one did, and let them in."""


class Turns:
    """A lock that a thread may take again, and that processes share once a run forks.

    A turn is a `with` block. What stands in it happens at once for all other threads
    and processes: a call takes its place, a recording is written.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._depth = 0
        self._family: _Family | None = None

    def begin(self) -> None:
        """Begin a turn, once no other thread and process has one."""
        self._lock.acquire()
        self._depth += 1
        if self._depth > 1 or self._family is None:
            return
        try:
            self._family.begin_turn()
        except BaseException:
            self._depth -= 1
            self._lock.release()
            raise

    def end(self, *_: object) -> None:
        """End a turn."""
        try:
            if self._depth == 1 and self._family is not None:
                self._family.end_turn()
        finally:
            self._depth -= 1
            self._lock.release()

    __enter__ = begin
    __exit__ = end

    def share(self, family: _Family) -> None:
        """Share the turns with processes that are forked from now on, in a turn."""
        family.begin_turn()
        self._family = family

    def start_over(self) -> None:
        """Begin anew in a process that was forked in a turn, which its parent ends."""
        self._lock = RLock()
        self._depth = 0


class Recordings:
    """The recordings of one run's calls.

    Attributes:
        turns: One is held while places and journals change.
        known: The recordings that this run has read or written, by name.
        failed: The names of recordings whose last outcome in this run is a failure of a
            client.
        imports: Which parts count in the imported recordings of a target, once it was
            looked up: `["method-uri"]`.
        missed: The errors of the running test's calls without a recording, and the
            options that record them.
    """

    def __init__(self, state: RunState) -> None:
        self.turns = Turns()
        self._state = state
        # A description of the arguments is for messages.
        self._skims = state.settings.mode is Mode.REPLAY
        self.known: dict[str, Recording] = {}
        self.failed: set[str] = set()
        self.imports: dict[str, list[str]] = {}
        self.missed: dict[tuple[str, ...], tuple[MimicError, str]] = {}
        # The tests of recordings, by their names.
        self._tests: dict[str, str] = {}
        self._by_owner: dict[str, dict[str, set[str]]] = {}

    # -- finding

    def imported(self, call: Call, owner: Owner | None = None) -> list[str]:
        """Return the names of the imported recordings of a client's call.

        The first is the one in which most parts count.
        """
        plan, target = call.plan, call.plan.target
        # A run imports nothing itself.
        if target not in self.imports:
            self.imports[target] = self._matches_in(plan.folder)
        owner_name = None if owner is None else owner.name
        files = []
        for match in self.imports[target]:
            key = plan.imported_key(call.edge_call, match)
            file = recording_name(target, key, owner_name)
            if self.find(file) is not None:
                files.append(file)
        return files

    def _matches_in(self, folder: str) -> list[str]:
        """Return which parts count in the imported recordings of a folder.

        Those in which most parts count come first.
        """
        matches = set()
        for name in self._state.vault.store.names(folder):
            key = name.rpartition("/")[2].removesuffix(".json")
            matches.add(imported_parts(key))
        return sorted(matches - {""}, key=_most_parts_first)

    def find(self, name: str) -> Recording | None:
        """Return the recording with this name. It is read once a session."""
        # Another thread may drop it at any time.
        recording = self.known.get(name)
        if recording is not None:
            return recording
        calls = read_calls(self._state.vault.objects, name, skim=self._skims)
        if not calls:
            return None
        self.known[name] = calls[0]
        return calls[0]

    def readable(self, name: str) -> Recording | None:
        """Return the recording with this name as people read it.

        None: there is none, or it cannot be read.
        """
        with suppress(MimicError):
            return self._state.vault.read(name)
        return None

    def parsed(self, name: str, data: bytes | None) -> Recording | None:
        """Return the recording of this name that a content is, or None without one."""
        return None if data is None else self.calls_in(name, data)[0]

    def calls_in(self, name: str, data: bytes) -> list[Recording]:
        """Return the call of this recording, or the calls of this cassette."""
        objects = self._state.vault.objects
        facts = parse_recording(data, objects.label, name, skim=self._skims)
        return calls_of(objects, name, facts)

    def holds(self, call: Call, owner: Owner | None) -> bool:
        """Return whether a call has a recording, of its owner or of all tests."""
        owner_name = None if owner is None else owner.name
        name = recording_name(call.plan.target, call.key, owner_name)
        return self.find(name) is not None

    def of_target(self, target: str) -> Iterator[Recording]:
        """Yield all readable recordings of a target."""
        return self._readable(self._names_of(target), target)

    def like_missed(self, target: str, test: str) -> Iterator[Recording]:
        """Yield recordings of a target that a missed call may resemble.

        Those of its test come first. Of a target with very many recordings, the first
        ones are looked at, so that a miss does not take seconds.
        """
        vault = self._state.vault
        names = self._names_of(target)[:_MOST_LOOKED_AT]
        # A run may have many misses.
        new = [name for name in names if name not in self._tests]
        for name, test_of_recording, _ in vault.tests_of(new):
            self._tests[name] = test_of_recording
        names.sort(key=lambda name: self._tests.get(name) != test)
        return self._readable(names, target)

    def _names_of(self, target: str) -> list[str]:
        folder = recording_name(target, "").rpartition("/")[0]
        return list(self._state.vault.store.names(folder))

    def _readable(self, names: Iterable[str], target: str) -> Iterator[Recording]:
        """Yield the recordings of these names that are readable and of the target."""
        for name in names:
            recording = None
            with suppress(MimicError):
                recording = self._state.vault.read(name)
            if recording is not None and recording.target == target:
                yield recording

    def others(self, owner: Owner, target: str) -> set[str]:
        """Return the names of an owner's recordings whose calls it did not make.

        Only those at one client count.
        """
        if target not in self._by_owner:
            found = self._by_owner[target] = {}
            for recording in self.of_target(target):
                if recording.owner is not None:
                    found.setdefault(recording.owner, set()).add(recording.name)
        made = owner.tracks.keys() | owner.journal.keys()
        return self._by_owner[target].get(owner.name, set()) - made

    # -- checking and using

    def is_outdated(self, plan: Plan, call: Recording) -> bool:
        """Check whether `--mimic-record` replaces an outcome.

        It does if the outcome is stale, or a class or the Python version has changed.
        """
        state, stored = self._state, call.outcomes[0]
        return (
            state.is_stale(plan, call.source)
            or bool(state.stale_inputs(stored.entry.get("inputs")))
            or stored.is_outdated
        )

    # -- writing

    def new_recording(
        self, call: Call, outcomes: list[Stored], owner: Owner | None = None
    ) -> Recording:
        plan = call.plan
        return Recording(
            target=plan.target,
            arguments=call.arguments,
            source=plan.source,
            test=self._state.test,
            recorded=self._state.today,
            owner=None if owner is None else owner.name,
            outcomes=outcomes,
            identity=None if owner is None else call.key,
            kind=plan.kind,
            signature=call.signature,
            host=call.host,
            options=plan.kept_options,
            parts=_kept_parts(call),
        )

    def encode(
        self,
        real: Step,
        outcome: Outcome,
        duration: float,
        before: Stored | None = None,
    ) -> Stored:
        """Return an outcome in its stored form, if it may be recorded.

        Args:
            real: The call.
            outcome: Its outcome.
            duration: How long it took, in seconds.
            before: The outcome that was recorded before. It is kept if only parts
                changed that verifying leaves out: those of `volatile=`, and at a client
                also a date or a server's name.

        Raises:
            MutatedInputError: The call has changed an argument.
            UnstorableOutcomeError: The outcome cannot be stored.
        """
        call, plan, state = real.call, real.call.plan, self._state
        if real.effects is not None:
            real.effects.refuse_changes()
        stored = state.vault.stored(
            outcome,
            duration,
            target=plan.target,
            paths=call.paths,
            detached=plan.cassette is not None,
        )
        beside = float(f"{real.beside:.4g}")
        if beside >= _SHORTEST_BESIDE:
            stored.entry["beside"] = min(beside, stored.duration)
        if real.effects is not None and real.effects.states:
            stored.entry["after"] = real.effects.states
        encoded, environment = stored.encoded, state.redactor.environment
        if environment.forms and encoded is not None:
            for name, is_hidden in encoded.hide(environment).items():
                what = (
                    f"<{name}> stands for the value"
                    if is_hidden
                    else f"holds the value of {name}"
                )
                state.ledger.environment.add(
                    (call.label, f"{what}, {state.test}" if state.test else what)
                )
        if encoded is not None and encoded.pickled is not None:
            from pytest_mimic._core.outcome.lossy import losses

            for loss in losses(encoded.pickled.imports):
                real.report(loss)
        if encoded is not None and encoded.pickled is not None:  # nobody can read it
            from pytest_mimic._core.tree.stored import described, preview

            secrets = partial(plan.secrets, call)
            stored.entry["preview"] = preview(
                outcome, state.redactor, places=plan.places, secrets=secrets
            )
            description = None
            if _is_described(encoded.pickled):
                description = described(
                    outcome, state.redactor, places=plan.places, secrets=secrets
                )
            if description is not None:
                stored.entry["described"] = description
        if call.number:
            # `show` lists the calls of a test in the order of these numbers.
            stored.entry["number"] = call.number
        if real.awaited:
            stored.entry["awaited"] = True
        if real.coroutine_gave:
            stored.entry["coroutine"] = real.coroutine_gave
        if real.trace is not None:
            stored.inputs = real.trace.noted().over
        if before is not None and (plan.options.volatile or plan.kind != "function"):
            from pytest_mimic._core.engine.verifying import is_unchanged

            if is_unchanged(call, before, stored, redactor=state.redactor):
                before.inputs, stored = stored.inputs, before
        return stored

    def note_keys(self, call: Call, stored: Stored) -> None:
        """Note texts in a call, or in its new outcome, that look like keys.

        `check` does the same, also for what is left out here of a large outcome.
        """
        from pytest_mimic._core.redact.looks import keys_in

        state = self._state
        texts = [call.described_text]
        room = _MOST_SEARCHED
        if stored.encoded is not None:
            for text in stored.encoded.texts(_MOST_SEARCHED):
                if text is None or len(text) > room:
                    continue
                room -= len(text)
                texts.append(text)
        for text in texts:
            for shown, mark in keys_in(text):
                if mark not in state.redactor.accepted:
                    what = f"{shown}; if it is none: mimic_redact = !{mark}"
                    test = f", {state.test}" if state.test else ""
                    state.ledger.keys.add((call.label, what + test))

    def note_dropped(self, call: Call, before: Stored, after: Stored) -> None:
        """Note the placeholders that an answer to a wider fixture has no longer.

        Recordings of tests may hold them.
        """
        from pytest_mimic._core.redact.secret_names import ISSUED

        if not call.issuer.is_of_fixture:
            return
        old, new = (
            set(ISSUED.findall(dumps(one.readable(), ensure_ascii=False)))
            for one in (before, after)
        )
        self._state.ledger.dropped |= old - new

    def drop(self, name: str) -> None:
        self._state.vault.restore(name, None)
        self.known.pop(name, None)
        self._state.ledger.used.discard(name)


def _most_parts_first(match: str) -> tuple[int, str]:
    """Order matches, `method-uri`, by how many parts they have."""
    return -match.count("-"), match


def _kept_parts(call: Call) -> dict[str, Any] | None:
    """Return what is kept of the parts of a call.

    None: they are those of the description, in its order.
    """
    parts = call.parts
    if parts is None:
        return None
    described = [name for name in call.arguments if name != "signature"]
    is_plain = all(part is None for part in parts.values())
    return None if is_plain and list(parts) == described else parts


def _is_described(pickled: Any) -> bool:
    """Return whether a pickle is small enough to be described.

    A description reads all of its values.
    """
    size = sum(map(len, pickled.chunks))
    size += sum(memory.nbytes for memory in pickled.buffers)
    return bool(size <= _MOST_DESCRIBED)
