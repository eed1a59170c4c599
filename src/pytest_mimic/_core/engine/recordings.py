"""Finds and writes the recordings of a run's calls. What a miss says is in `_core/tree/messages.py`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import islice
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.settings import Mode
from pytest_mimic._core.vault.file_names import imported_parts, recording_name
from pytest_mimic.errors import CorruptRecordingError, MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call, Place, Plan
    from pytest_mimic._core.engine.ledger import RecordedError
    from pytest_mimic._core.engine.owners import Errors, Owner
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.engine.steps import Step
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.pending.waiting import Renewals
    from pytest_mimic._core.tree.messages import Known
    from pytest_mimic._core.vault.recording_facts import Recording, Stored


class Recordings:
    """The recordings of one run's calls.

    Attributes:
        imports: Which parts count in the imported recordings of a target, once it was looked up: `["method-uri"]`.
        missed: The errors of the running test's calls without a recording.
        failed: The names of the recordings of clients' calls which this run made and that are failures.
    """

    def __init__(self, state: RunState) -> None:
        self.guard = threading.RLock()  # held while counters, sequences and journals change
        self._state = state
        self._skims = state.settings.mode is Mode.REPLAY  # a description of the arguments is for messages
        self.known: dict[str, Recording] = {}  # the recordings that this run has read or written, by name
        self.cassette_users: dict[str, set[str]] = {}  # the tests that have used each cassette in this run
        self.imports: dict[str, list[str]] = {}
        self._tests: dict[str, str | None] = {}  # by the name of a recording
        self.missed: dict[tuple[str, ...], MimicError] = {}
        self.failed: set[str] = set()
        self._by_owner: dict[str, dict[str, set[str]]] = {}

    @cached_property
    def renewals(self) -> Renewals:
        """What this run would write with `--mimic-verify --mimic-review`."""
        from pytest_mimic._core.pending.waiting import Renewals, review_of

        return Renewals(review_of(self._state.settings))

    # -- finding

    def look_up(self, call: Call, mode: Mode, owner: Owner | None = None) -> tuple[str, Recording | None]:
        """Return the name of the recording of a call, perhaps of its owner's, and the recording, if there is one.

        An imported one, of which fewer parts count, comes second. A call that is recorded anew by itself has none.
        """
        target = call.plan.target
        if owner is None:
            name = f"{call.plan.folder}/{call.key}.json"
            if mode is Mode.RERECORD:
                return name, None
        else:
            name = recording_name(target, call.key, owner.name)
        try:
            found = self.find(name)
        except CorruptRecordingError:
            if mode is not Mode.RERECORD:  # it is replaced, as the error proposes
                raise
            found = None
        if found is None and call.edge_call is not None and mode is not Mode.RERECORD:
            is_again = owner is not None and mode.writes and call.converses and target in owner.again
            if not is_again and (imported := self.imported_name(call, owner)):
                return imported, self.find(imported)
        return name, found

    def imported_name(self, call: Call, owner: Owner | None = None) -> str | None:
        """Return the file name of the imported recording that answers a call, of which fewer parts count. None: there is none."""
        target = call.plan.target
        if target not in self.imports:  # once a run, which imports nothing itself
            names = self._state.vault.store.names(call.plan.folder)
            found = {imported_parts(name.rpartition("/")[2].removesuffix(".json")) for name in names}
            self.imports[target] = sorted(found - {""}, key=lambda match: (-match.count("-"), match))
        for match in self.imports[target]:
            key = call.plan.imported_key(call.edge_call, match)
            name = recording_name(target, key, None if owner is None else owner.name)
            if self.find(name) is not None:
                return name
        return None

    def find(self, name: str) -> Recording | None:
        """Return the recording with this name. It is read once a session."""
        if name in self.known:
            return self.known[name]
        found = self._state.vault.read(name, skim=self._skims)
        if found is not None:
            self.known[name] = found
        return found

    def of_target(self, target: str, *, test: str = "") -> Iterator[Recording]:
        """Yield all readable recordings of a target, those of a test first."""
        names = self._state.vault.store.names(recording_name(target, "").rpartition("/")[0])
        for name in sorted(names, key=lambda name: self._test_of(name) != test):
            recording = None
            with suppress(MimicError):
                recording = self._state.vault.read(name)
            if recording is not None and recording.target == target:
                yield recording

    def _test_of(self, name: str) -> str | None:
        if name not in self._tests:  # once a run: a run may have many misses
            self._tests[name] = None
            with suppress(MimicError):
                self._tests[name] = self._state.vault.test_of(name)
        return self._tests[name]

    # -- checking and using

    def use(self, name: str) -> None:
        """Note that the current test or fixture uses a recording or cassette."""
        self._state.ledger.used.add(name)
        self._state.owner.journal.used.add(name)

    def is_outdated(self, plan: Plan, recording: Recording) -> bool:
        """Check whether `--mimic-record` replaces a recording: it is stale, or a class or the Python version has changed."""
        return (
            self._state.is_stale(plan, recording.source)
            or bool(self._state.stale_inputs(*(one.entry for one in recording.outcomes)))
            or any(one.is_outdated() for one in recording.outcomes)
        )

    def check_source(self, call: Call, place: Place, *, remedies: Sequence[str] | None = None) -> None:
        """Refuse a stale recording, or warn about it. `remedies` say how to record the call again, if no option does.

        Raises:
            StaleRecordingError: `mimic_source` is `strict`, or `mimic_inputs` is and something else has changed.
        """
        assert place.found is not None
        inputs = self._state.stale_inputs(place.found.entry)
        is_stale = self._state.is_stale(call.plan, place.source)
        if not is_stale and not inputs:
            return
        from pytest_mimic._core.tree.messages import stale

        changed = [] if is_stale else inputs
        error = stale(call.label, changed, recorded=place.date, test=self._state.test, remedies=remedies)
        self.use(place.name)
        raise self._state.blame(error, call, by_option=remedies is None)

    def miss(
        self,
        call: Call,
        *,
        among: Iterable[Known] | None = None,
        within: str = "",
        remedies: Sequence[str] | None = None,
    ) -> MimicError:
        """Return the error for a call without a recording. The test fails even if its code swallows the error.

        The nearest recording is sought `among` some of a cassette, or by default among all of the target. `remedies`
        describe how to record the call, if no option does. The same call of a test gets an equal error again, and no
        recording is sought.
        """
        from pytest_mimic._core.redact.hiding import holds_text
        from pytest_mimic._core.tree.messages import CANDIDATES, MissedCall, missing
        from pytest_mimic._core.tree.stored import without_secrets

        key = (self._state.test, call.plan.target, call.key, within)
        before = self.missed.get(key)
        if before is not None:  # a copy, because its traceback will show whether the test handled it
            by_option = remedies is None and "--mimic-rerecord" not in before.remedies[0]
            return self._state.blame(before.copy(), call, by_option=by_option)
        cassette = call.plan.cassette
        owner = self._state.owner if cassette is None else cassette.owner
        is_later = call.converses and call.plan.target in owner.replayed
        missed = MissedCall(
            call.label,
            arguments=call.arguments,
            test=self._state.test,
            options=call.plan.options,
            line=call.plan.client,
            sequence=call.sequence and call.plan.cassette is None,
            option="--mimic-rerecord" if is_later else "--mimic-record",
        )
        if among is None:
            among = list(islice(self.of_target(call.plan.target, test=self._state.test), CANDIDATES))
        facts: list[str] = []

        def bare(found: Any) -> Any:
            """Return the nearest recording without what redaction hides today, which it may be older than."""
            if not found.arguments:
                return found
            own = {name: part for name, part in found.arguments.items() if name == "signature"}  # no secret
            given = {name: part for name, part in found.arguments.items() if name not in own}
            is_scrubbed = (
                call.plan.kind in ("function", "http") and self._state.redactor.scrub(given) != given
            )
            if is_scrubbed or holds_text(given, self._state.redactor.declared):
                facts.append("it holds what redaction hides today, and has to be recorded again")
            return found._replace(arguments=own | without_secrets(given, self._state.redactor))

        whole = methodcaller("whole")
        error = missing(missed, among, within=within, facts=facts, remedies=remedies, whole=whole, bare=bare)
        self.missed[key] = error.copy()
        return self._state.blame(error, call, by_option=remedies is None and not is_later)

    # -- writing

    def new_recording(self, call: Call, outcomes: list[Stored], owner: Owner | None = None) -> Recording:
        from pytest_mimic._core.vault.recording_facts import Recording

        return Recording(
            target=call.plan.target,
            arguments=call.arguments,
            source=call.plan.source,
            test=self._state.test,
            recorded=self._state.today,
            owner=owner.name if owner is not None else None,
            outcomes=outcomes,
            identity=call.key if owner is not None else None,
        )

    def encode(
        self,
        real: Step,
        outcome: Outcome,
        duration: float,
        *,
        before: Stored | None = None,
        logs: bool = True,
    ) -> Stored:
        """Return an outcome in its stored form, if it may be recorded.

        The outcome recorded `before` is kept if only parts changed that verifying leaves out: those of `volatile=`, and
        at a client also a date or a server's name. MutatedInputError, UnstorableOutcomeError: it may not be recorded.
        """
        call, plan = real.call, real.call.plan
        if real.effects is not None:
            real.effects.refuse_changes()
        is_detached = plan.cassette is not None
        vault = self._state.vault
        stored = vault.stored(outcome, duration, target=plan.target, paths=call.paths, detached=is_detached)
        environment = self._state.redactor.environment
        if environment.forms and stored.encoded is not None:
            from pytest_mimic._core.engine.outcomes_kept import hide

            for name, is_hidden in hide(stored.encoded, environment).items():
                self._state.ledger.count_environment(call.label, self._state.test, name, is_hidden=is_hidden)
        if stored.encoded is not None and stored.encoded.pickled is not None:
            from pytest_mimic._core.tree.preview import preview

            # Nobody can read a pickle.
            stored.entry["preview"] = preview(
                outcome, self._state.redactor, places=plan.places, secrets=partial(plan.secrets, call)
            )
        if real.awaited:
            stored.entry["awaited"] = True
        if real.trace is not None:
            stored.inputs = real.trace.noted().over
        if before is not None and (plan.options.volatile or plan.kind != "function"):
            from pytest_mimic._core.engine.outcomes_kept import is_unchanged

            if is_unchanged(call, before, stored, redactor=self._state.redactor):
                before.inputs, stored = stored.inputs, before
        if logs and self._state.log is not None:
            self._state.log("recorded", call, stored=stored, seconds=duration)
        return stored

    def record(self, real: Step, outcome: Outcome, duration: float) -> None:
        """Record the outcome of a call that belongs to no sequence and no cassette.

        Of the streams that a run reads, the one that goes furthest is kept.
        """
        call, before = real.call, None
        name = f"{call.plan.folder}/{call.key}.json"
        is_again = outcome.kind == "stream" and name in self._state.ledger.used
        if is_again or call.plan.options.volatile or call.plan.kind != "function":
            with suppress(MimicError):  # a damaged file is replaced
                recording = self.find(name)
                before = recording and recording.outcomes[0]
        stored = self.encode(real, outcome, duration, before=before)
        if is_again and before is not None and _goes_further(before.load(call.paths), outcome):
            return
        error = self.error_of(call, outcome)
        self.write(name, call, [stored], errors={0: error})
        self.failed.discard(name)
        if error is not None and call.edge_call is not None:
            self.failed.add(name)
        if call.edge_call is not None and (imported := self.imported_name(call)):
            # The real recording replaces the imported one, of which fewer parts count. A failing test puts it back.
            self._state.owner.journal.note(imported, self._state.vault.store.read(imported), None, {})
            self.drop(imported)
        with self.guard:
            self._state.ledger.count_recorded(duration)

    def write(
        self,
        name: str,
        call: Call,
        outcomes: list[Stored],
        owner: Owner | None = None,
        *,
        errors: Errors,
    ) -> None:
        """Write a recording of a call, or of an owner's sequence; `errors` are those of its new outcomes."""
        recording = self.new_recording(call, outcomes, owner)
        is_talk = owner is not None and call.converses
        with self.guard:  # the last outcome of calls at the same time is the one that this run knows
            written = self._state.vault.write(name, recording)
            # The arguments may be long, and are not needed again.
            self.known[name] = recording._replace(arguments=None)
            journal = self._state.owner.journal
            conversation = call.plan.target if is_talk else None
            journal.note(name, written.before, written.now, errors, conversation=conversation)
            journal.used.add(name)
        self._state.ledger.used.add(name)

    def others(self, owner: Owner, target: str) -> set[str]:
        """Return the names of an owner's recordings at a client whose calls it did not make in this run."""
        if target not in self._by_owner:
            found = self._by_owner[target] = {}
            for recording in self.of_target(target):
                if recording.owner is not None:
                    found.setdefault(recording.owner, set()).add(recording.name)
        made = owner.sequences.keys() | owner.journal.changes.keys()
        return self._by_owner[target].get(owner.name, set()) - made

    def drop(self, name: str) -> None:
        self._state.vault.restore(name, None)
        self.known.pop(name, None)
        self._state.ledger.used.discard(name)

    def error_of(self, call: Call, outcome: Outcome) -> RecordedError | None:
        """Return the error that an outcome is, or None if it is a good one."""
        failure = call.plan.failure(outcome)
        if failure is None:
            return None
        return f"{call.label} {failure}", self._state.test

    # -- cassettes

    def shares_cassette(self, name: str) -> bool:
        """Check whether other tests use a cassette, or other blocks of this one: it holds their calls, too."""
        state = self._state
        is_others = state.vault.store.size(name) is not None and state.vault.test_of(name) != state.test
        others = self.cassette_users.get(name, set()) - {state.test}
        return is_others or bool(others) or name in state.owner.journal.used

    def write_cassette(self, name: str, calls: list[Recording], errors: Errors, *, test: str | None) -> None:
        """Write a cassette of a test, or of several without a name. If the test fails, the file is restored."""
        written = self._state.vault.write_calls(name, calls, test=test, recorded=self._state.today)
        with self.guard:
            self._state.owner.journal.note(name, written.before, written.now, errors)


def _goes_further(one: Outcome, other: Outcome) -> bool:
    """Check whether one recording of a stream holds more of it than another."""
    if one.kind != "stream" or other.end is not None:
        return False
    return len(one.items) > len(other.items) or one.end is not None
