"""The texts of errors: a miss with the nearest recording, a drift, a mutation.

Each text says what differs, and gives a command that helps. How a missed call differs
from its `nearest_recording`, and the `remedies`, are told there. Which error a call
without an outcome gets, and with which option, `refusals.py` of the engine decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_mimic._core.commands import Remedy, Verb, do, record, rerecord, verify
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._core.tree.made_anew import (
    PartsMadeAnew,
    differs_in_port,
    parts_made_anew,
)
from pytest_mimic._core.tree.nearest_recording import (
    CANDIDATES,
    MOST_DIFFERENCES,
    MissedCall,
    NearestRecording,
    nearest_fact,
    nearest_recording,
    note_on_redaction,
    parts_hidden_on_one_side,
    short_descriptions,
)
from pytest_mimic._core.tree.remedies import (
    after_other_redaction,
    ignoring,
    parts_and_port,
    recording_remedy,
    volatile,
)
from pytest_mimic._core.words import limited, words_around
from pytest_mimic.errors import (
    DriftError,
    Fact,
    MissingRecordingError,
    MutatedInputError,
    StaleRecordingError,
)

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Recording

_LINE = 200


def missing(
    call: MissedCall,
    candidates: Iterable[Recording] = (),
    *,
    cassette_in_words: str = "",
    remedies: Sequence[Remedy | str] | None = None,
    hide: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
    former: FormerRecording | None = None,
) -> MissingRecordingError:
    """Return the error for a call without a recording: what a miss tells its user.

    Args:
        call: The call.
        candidates: The recordings of the same target, in a cassette or in the whole
            vault.
        cassette_in_words: The cassette of the call, `cassette trip`; empty: there is
            none.
        remedies: How to record the call, if no option does.
        hide: Takes secrets out of the JSON that describes a call.
        former: The recording of the call under the former options of its line, if
            there is one.
    """
    if former is not None:
        return _missing_by_its_line(
            call, former, cassette_in_words=cassette_in_words, remedies=remedies
        )
    # `candidates` reads a file for each one.
    first_candidates = list(islice(candidates, CANDIDATES))
    nearest = nearest_recording(
        first_candidates, call.arguments, test=call.test, owner=call.owner
    )
    listed_remedies = list(
        remedies or [recording_remedy(call.verb, "to record it", call.test)]
    )
    parts: PartsMadeAnew | None = None
    if nearest is None:
        place = words_around(" in {}", cassette_in_words)
        facts: list[str | Fact] = [f"nothing of {call.target} is recorded{place}"]
    else:
        recording = nearest.whole()
        # The error shows both calls, so neither has secrets when they are compared.
        recording_without_secrets = recording._replace(
            arguments=hide(recording.arguments or {})
        )
        call_without_secrets = call
        if names_client(call.target) and call.arguments is not None:
            # The description of a function's call hides the same when it is made.
            call_without_secrets = call._replace(arguments=hide(call.arguments))
        fact = nearest_fact(
            recording_without_secrets,
            call_without_secrets,
            cassette_in_words=cassette_in_words,
        )
        if names_client(call.target) and not call.is_of_other_test(recording):
            # A change of `mimic_redact` makes a call another one: where that is all,
            # `rekey` finds its recording again.
            hidden_today, hidden_before = parts_hidden_on_one_side(
                recording.arguments, call.arguments
            )
            is_same_without_secrets = bool(hidden_today) and not fact.differences
            if is_same_without_secrets:
                fact = fact._replace(note=note_on_redaction(hidden_today))
            if not remedies and (hidden_today or hidden_before):
                listed_remedies = after_other_redaction(
                    call.test, rekey_may_do=is_same_without_secrets
                )
        facts = [fact]
        differences = fact.differences
        # A call that differs in what looks made anew gets a line that ignores it.
        parts_to_ignore = parts = parts_made_anew(differences, call.paths_of_hashes)
        others = first_candidates
        if names_client(call.target) and any(map(differs_in_port, differences)):
            rest = [each for each in differences if not differs_in_port(each)]
            parts_to_ignore = parts_and_port(rest, call.paths_of_hashes)
            # Other tests have servers, and so ports, of their own.
            others = [each for each in others if not call.is_of_other_test(each)]
        if parts_to_ignore is not None:
            listed_remedies += ignoring(
                parts_to_ignore,
                call.target,
                call.line or call.target,
                call.options,
                arguments=short_descriptions(call.arguments),
                others=[candidate.arguments for candidate in others],
            )
    # For the summary, which words a remedy for all such misses of a run together.
    paths: tuple[str, ...] = ()
    kinds: list[str] = []
    if parts is not None:
        paths = parts.paths
        kinds = sorted(kind.value for kind in parts.kinds)
    return MissingRecordingError(
        f"no recording of {call.label}",
        facts=facts,
        remedies=listed_remedies,
        call=call.label,
        target=call.target,
        test=call.test,
        changing=paths,
        kinds=tuple(kinds),
    )


class FormerRecording(Protocol):
    """The recording of a call under the former options of its line.

    A missed call finds it by `changed_lines.py` of the engine.
    """

    @property
    def recording(self) -> Recording:
        """The recording."""
        ...

    @property
    def changes(self) -> Sequence[str]:
        """The options that differ today, in words."""
        ...

    @property
    def follows(self) -> bool:
        """Whether `pytest-mimic rekey` gives the recording the identity of today."""
        ...


def _missing_by_its_line(
    call: MissedCall,
    former: FormerRecording,
    *,
    cassette_in_words: str,
    remedies: Sequence[Remedy | str] | None,
) -> MissingRecordingError:
    """Return the error for a call that has a recording under other options."""
    changes = "; ".join(former.changes)
    note = f"the same call, with other options of its line: {changes}"
    former_recording = former.recording
    listed_remedies = list(
        remedies or [recording_remedy(call.verb, "to record it", call.test)]
    )
    if former.follows:
        # The nearest remedy: nothing need be recorded again.
        follow = Remedy(Verb.MIMIC, "to let it follow its line", words=("rekey",))
        listed_remedies.insert(0, follow)
    return MissingRecordingError(
        f"no recording of {call.label}",
        facts=[
            NearestRecording(
                former_recording.test,
                former_recording.recorded,
                cassette_in_words,
                (),
                note,
            )
        ],
        remedies=listed_remedies,
        call=call.label,
        target=call.target,
        test=call.test,
    )


class Differences(NamedTuple):
    """How an outcome, or arguments, differ: a fact of an error.

    Attributes:
        differences: The differences.
        old_word, new_word: The words for the two sides.
        most: How many of the differences are shown.
    """

    differences: tuple[Difference, ...]
    old_word: str = "recorded"
    new_word: str = "now"
    most: int = 10

    def lines(self) -> list[str]:
        """Return the lines in the error of a drift or a changed argument."""
        return difference_lines(
            self.differences,
            old_word=self.old_word,
            new_word=self.new_word,
            most=self.most,
        )


def stale(
    label: str,
    target: str,
    changed: Sequence[str] = (),
    *,
    recorded: str | None = None,
    test: str | None = None,
    remedies: Sequence[Remedy | str] | None = None,
) -> StaleRecordingError:
    """Return the error for a recording of an older source, which is not replayed.

    The source of the target has changed, or, if there are any, the `changed` functions
    and files that the call reaches or reads.
    """
    when = words_around(" ({})", recorded)
    usual_remedies = [
        record("to record it again", test),
        verify("to see whether the outcome changed", test),
    ]
    problem = target
    if changed:
        problem = f"what {label} reaches or reads"
    problem += f" has changed since this call was recorded{when}"
    facts = limited([f"{name} has changed" for name in changed], MOST_DIFFERENCES)
    return StaleRecordingError(
        problem,
        facts=facts,
        remedies=remedies or usual_remedies,
        call=label,
        target=target,
        test=test,
    )


def without_kept_outcome(
    label: str,
    target: str,
    *,
    test: str | None = None,
    remedies: Sequence[Remedy | str] | None = None,
) -> MissingRecordingError:
    """Return the error for a call that was made when it was recorded, and gave nothing.

    Args:
        label: The call as people read it.
        target: The name of its target.
        test: The id of the test that made the call. None: it is not known.
        remedies: How to record the call, if no option does.
    """
    return MissingRecordingError(
        f"no recording of {label}",
        facts=[
            "it was made when the calls around it were recorded, and gave nothing"
            " that was kept: it was cut short, refused, or its test did not pass"
        ],
        remedies=remedies or [rerecord("to record it", test)],
        call=label,
        target=target,
        test=test,
    )


def read_further(
    label: str, *, test: str | None, remedies: Sequence[Remedy | str] = ()
) -> MissingRecordingError:
    """Return the error for a stream that is read beyond the end of its recording."""
    problem = f"{label} is read further than it was when it was recorded"
    remedies = remedies or [rerecord("to record the rest", test)]
    return MissingRecordingError(problem, remedies=remedies, call=label, test=test)


def new_after_replayed(
    label: str, *, test: str | None = None, holds_placeholder: bool = False
) -> MissingRecordingError:
    """Return the error for a new call of a conversation after replayed ones.

    The service knows nothing of the replayed calls, so a new call cannot run for real.

    Args:
        label: The call as people read it.
        test: The id of the test that made the call. None: it is not known.
        holds_placeholder: Whether the call holds the placeholder of a secret, which a
            replayed answer gave. No service may be sent it.
    """
    problem = (
        f"no recording of {label}, and it cannot run for real: calls before it were"
        " replayed"
    )
    fact = "a conversation is recorded as a whole"
    if holds_placeholder:
        # The service would be sent the placeholder in place of the secret.
        problem = f"{label} cannot be sent: it holds the placeholder of a secret"
        fact = (
            "the answer that issues the secret was replayed, and recordings have no"
            " secrets, or has none any more"
        )
    remedy = rerecord("to record the whole conversation again", test)
    return MissingRecordingError(
        problem, facts=[fact], remedies=[remedy], call=label, test=test
    )


def drift(
    label: str,
    differences: Sequence[Difference],
    *,
    test: str | None = None,
    failed: str = "",
    target: str = "",
    line: str = "",
    options: Options | None = None,
) -> DriftError:
    """Return the error for a real call whose outcome differs from its recording.

    Args:
        label: The call as people read it.
        differences: The differences.
        test: The id of the test that made the call. None: it is not known.
        failed: How the service failed or refused the call, which is not to be accepted.
        target: The name of the call's target.
        line: The name in the line of the target, if it is another one.
        options: The options of that line. None: the line has none.
    """
    remedies = [rerecord("to accept it", test)]
    if failed:
        # To record the failure would put it in place of the answer.
        remedies = [verify(f"{failed}, to try again", test)]
    elif target:
        remedies += volatile(differences, target, line, options or Options())
    return DriftError(
        f"{label} no longer gives what was recorded",
        facts=[Differences(tuple(differences))],
        remedies=remedies,
        call=label,
        test=test,
        is_outage=bool(failed),
    )


def differs_below(label: str, lines: Sequence[str], *, scope: str) -> DriftError:
    """Return the error for a call of a wider fixture whose real outcome has changed.

    The fixture gets the recorded outcome.
    """
    problem = (
        f"{label} of a fixture gives something else than was recorded, so what follows"
        " cannot be recorded"
    )
    remedies = [rerecord("to record the fixture's tests again", scope or ".")]
    return DriftError(problem, facts=lines, remedies=remedies, call=label, test=scope)


def error_of_mutation(
    target: str, facts: Sequence[str], remedies: Sequence[Remedy] = ()
) -> MutatedInputError:
    """Return the error for a function that changed arguments, or files of theirs."""
    remedy = do("name the function inside that returns the new value, in place of it")
    return MutatedInputError(
        f"{target} has mutated its inputs",
        facts=facts,
        remedies=[remedy, *remedies],
        call=target,
    )


def mutations(names: Sequence[str], differences: Sequence[Difference]) -> list[str]:
    """Return how arguments changed, a line for each difference.

    `differences` are the differences between their trees before and after the call.
    """
    facts = Differences(tuple(differences), "before", "after", MOST_DIFFERENCES).lines()
    return facts or [f"{name}: changed in a part that is not shown" for name in names]
