"""Which error a call without an outcome gets, and the option that the error names.

The words of the errors are in `messages.py` of the tree.

| the call | names |
|---|---|
| has no recording | `--mimic-record` |
| has none, and calls of its conversation were replayed | `--mimic-rerecord` |
| has none, and needs a connection or secret of replayed calls | `--mimic-rerecord` |
| has an empty place: it gave nothing that was kept | `--mimic-rerecord` |
| follows replayed calls, and cannot run for real any more | `--mimic-rerecord` |
| has a stale recording | `--mimic-record` |

A file that says itself how its calls are recorded, a cassette, names no option.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.engine.account import REKEY
from pytest_mimic._core.engine.blame import blame
from pytest_mimic._core.engine.changed_lines import former_recording
from pytest_mimic._core.tree.messages import (
    missing,
    new_after_replayed,
    stale,
    without_kept_outcome,
)
from pytest_mimic._core.tree.nearest_recording import CANDIDATES, MissedCall
from pytest_mimic._core.tree.outcome_trees import arguments_without_secrets
from pytest_mimic._core.types.remembered_hashes import paths_of_hashes

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.decisions import Refuse
    from pytest_mimic._core.engine.owners import Owner
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.vault.recording_facts import Recording
    from pytest_mimic.errors import MimicError


class SearchedFile(Protocol):
    """The file in which a call has found no outcome for itself: a `Track`.

    Attributes:
        cassette_in_words: The file, if it is a cassette: `cassette trip`; else empty.
        remedies: How to record the call, if no option does.
        owner: The owner of the calls in the file, if it has one.
    """

    cassette_in_words: str
    remedies: Sequence[str] | None
    owner: Owner | None

    def candidates(self, target: str, /) -> Iterable[Recording]:
        """Return the recordings of a target with which a missed call is compared."""
        ...


class Refusal:
    """Chooses, makes and notes the error of one call that gets no outcome.

    `Track.take` asks it for the call of a `Refuse`. As the error is noted, the test
    fails even if the code under test handles the error.
    """

    def __init__(self, run: Run, file: SearchedFile, call: Call) -> None:
        self._run = run
        self._file = file
        self._call = call

    def error(self, decision: Refuse, recording: Recording | None) -> MimicError:
        """Return the error that the call gets, which is noted already.

        Args:
            decision: Why the call is refused.
            recording: What stands in its place, if there is anything.
        """
        if decision.reason == "follows replayed":
            return self._following_replayed()
        if decision.reason == "empty":
            return self._miss_of_empty_place()
        if decision.reason == "stale" and recording is not None:
            return self._stale_error(recording)
        return self._blamed_miss()

    def _following_replayed(self) -> MimicError:
        """Return the error of a new call in a recording run, after replayed ones."""
        run = self._run
        error = new_after_replayed(self._call.label, test=run.current.test_to_run_again)
        return blame(run, error, self._call, option=Verb.RERECORD.value)

    def _miss_of_empty_place(self) -> MimicError:
        """Return the miss of a call whose place among equal ones has no outcome.

        When the calls around it were recorded, it was cut short or refused, or its test
        did not pass. One that its test only left open has an outcome: a replay waits.
        """
        run, call = self._run, self._call
        error = without_kept_outcome(
            call.label,
            call.plan.target,
            test=run.current.test_to_run_again,
            remedies=self._file.remedies,
        )
        return blame(run, error, call, option=self._option(Verb.RERECORD))

    def _stale_error(self, recording: Recording) -> MimicError:
        """Return the error of a call whose code has changed since it was recorded."""
        run, call = self._run, self._call
        # A change of the function's own source is said without a list.
        changed: list[str] = []
        if not call.plan.has_other_source(recording.source):
            changed = run.stale_inputs(recording.outcomes[0].entry.get("inputs"))
        error = stale(
            call.label,
            call.plan.target,
            changed,
            recorded=recording.recorded,
            test=run.current.test_to_run_again,
            remedies=self._file.remedies,
        )
        return blame(run, error, call, option=self._option(Verb.RECORD))

    def _option(self, verb: Verb) -> str:
        """Return the option that records the call; empty if none does."""
        return "" if self._file.remedies else verb.value

    # -- no recording

    def _blamed_miss(self) -> MimicError:
        """Return the error of a call without a recording, which fails its test."""
        run, call = self._run, self._call
        misses = run.recordings.misses_of_test
        test_and_call = (
            run.current.test_to_run_again,
            call.plan.target,
            call.key,
            self._file.cassette_in_words,
        )
        # The same call of a test gets an equal error again, and no recording is sought
        # for it: code may try again hundreds of times.
        if test_and_call not in misses:
            misses[test_and_call] = self._miss()
        error, option = misses[test_and_call]
        # A copy, because its traceback will show whether the test handled it.
        return blame(run, error.copy(), call, option=option)

    def _miss(self) -> tuple[MimicError, str]:
        """Return the error, with the nearest recording, and what repairs it.

        An option of pytest or `REKEY` repairs it; the text is empty if neither does.
        """
        run, file, call = self._run, self._file, self._call
        target = call.plan.target
        owner = file.owner
        owner_name = None if owner is None else owner.name
        # A test hands on what one service answers to another. The answers of all
        # services follow from one another only if they are recorded together.
        is_later = call.converses and owner is not None and bool(owner.clients_replayed)
        needs_earlier = call.edge_call is not None and call.edge_call.needs_earlier
        verb = Verb.RERECORD if is_later or needs_earlier else Verb.RECORD
        values = dict(zip(call.parameters, call.bound_values, strict=False))
        candidates = list(islice(file.candidates(target), CANDIDATES))
        # The call may have a recording that an older line of its target made.
        former = former_recording(
            call,
            candidates,
            run.recordings.readable,
            owner=owner_name or run.current.owner.name,
            cassette_in_words=file.cassette_in_words,
            identities=run.recordings.identities_of_today,
        )
        error = missing(
            MissedCall(
                call.label,
                target,
                call.arguments,
                run.current.test_to_run_again,
                call.plan.options,
                call.plan.client,
                belongs_to_test=call.is_in_sequence and not file.cassette_in_words,
                owner=owner_name,
                verb=verb,
                paths_of_hashes=paths_of_hashes(values),
                read_parts=lambda: call.parts,
            ),
            candidates,
            cassette_in_words=file.cassette_in_words,
            remedies=file.remedies,
            hide=partial(
                arguments_without_secrets, target=target, redactor=run.redactor
            ),
            former=former,
        )
        if former is not None and former.follows:
            return error, REKEY
        # Where redaction has changed, the error names another command than the usual.
        for remedy in error.remedies:
            if remedy.verb is Verb.RERECORD:
                verb = Verb.RERECORD
        return error, self._option(verb)
