"""The texts of errors: a miss with the nearest recording, a drift, a mutation.

Each text says what differs, and gives a command that helps. Which error a call without
an outcome gets, and with which option, `refusals.py` of the engine decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import SplitResult, urlsplit

from pytest_mimic._core.commands import (
    Remedy,
    Verb,
    do,
    mimic_command,
    record,
    rerecord,
    verify,
)
from pytest_mimic._core.identity.kept_parts import Parts, is_digest
from pytest_mimic._core.nodes.node_classes import Hidden, Node
from pytest_mimic._core.placeholders import is_placeholder, mentions_placeholder
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import (
    ABSENT,
    Difference,
    argument_differences,
    lies_in_ignored_part,
)
from pytest_mimic._core.tree.drawing import steps
from pytest_mimic._core.tree.nearest_recording import (
    CANDIDATES,
    nearest_recording,
    short_descriptions,
)
from pytest_mimic._core.tree.remedies import (
    Changing,
    changing_parts,
    ignoring,
    volatile,
)
from pytest_mimic._core.tree.row_order import only_order_differs
from pytest_mimic._core.words import limited
from pytest_mimic.errors import (
    DriftError,
    Fact,
    MissingRecordingError,
    MutatedInputError,
    StaleRecordingError,
)

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Recording

_SHOWN = 5
_LINE = 200
# Paths in the description of a client's call that do not count for its identity. They
# only repeat other differences, or depend on the order of calls.
_PATHS_THAT_FOLLOW = ("signature", "server")


def _no_parts() -> None:
    """Return None: a recording would keep no parts of the call."""


class MissedCall(NamedTuple):
    """A call without a recording.

    Attributes:
        label: The call as people read it.
        target: The name of the call's target.
        arguments: The descriptions of the arguments. None: they are not known.
        test: The id of the test that made the call. None: no test did, or it is not
            known.
        options: The options of the line of the target.
        line: The name in that line, if it differs from the target's name.
        belongs_to_test: Whether each test has its own recordings of such calls, as it
            has in a sequence. Another test's recording is then none of this call.
        owner: The test, or the scope of a wider fixture, that the call belongs to; that
            of the session is empty. None: one recording serves all.
        verb: The command that records the call: `RECORD`, or `RERECORD` for its whole
            test.
        paths_of_hashes: The paths at which the arguments keep a `hash()`.
        read_parts: Returns what a recording would keep of the call's parts, see
            `kept_parts`. Few misses need them.
    """

    label: str
    target: str
    arguments: Mapping[str, Any] | None = None
    test: str | None = None
    options: Options = Options()
    line: str = ""
    belongs_to_test: bool = False
    owner: str | None = None
    verb: Verb = Verb.RECORD
    paths_of_hashes: Collection[str] = ()
    read_parts: Callable[[], Parts | None] = _no_parts

    def is_of_other_test(self, recording: Recording) -> bool:
        """Check whether a recording is another test's, which this call cannot get.

        What a wider fixture sent was recorded by the first test that used the fixture.
        """
        if not self.belongs_to_test or recording.test == self.test:
            return False
        return self.owner is None or recording.owner != self.owner


def missing(
    call: MissedCall,
    candidates: Iterable[Recording] = (),
    *,
    cassette_in_words: str = "",
    remedies: Sequence[Remedy | str] | None = None,
    hide: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
    former: FormerRecording | None = None,
) -> MissingRecordingError:
    """Return the error for a call without a recording, with the nearest recording.

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
    first_candidates = list(islice(candidates, CANDIDATES))
    nearest = nearest_recording(
        first_candidates, call.arguments, test=call.test, owner=call.owner
    )
    listed_remedies = list(remedies or [_again(call.verb, "to record it", call.test)])
    changing: Changing | None = None
    if nearest is None:
        place = _worded(" in {}", cassette_in_words)
        facts: list[str | Fact] = [f"nothing of {call.target} is recorded{place}"]
    else:
        recording = nearest.whole()
        recording_without_secrets = recording._replace(
            arguments=hide(recording.arguments or {})
        )
        call_without_secrets = call
        if names_client(call.target) and call.arguments is not None:
            # The description of a function's call hides the same when it is made.
            call_without_secrets = call._replace(arguments=hide(call.arguments))
        fact = _nearest_fact(
            recording_without_secrets,
            call_without_secrets,
            cassette_in_words=cassette_in_words,
        )
        if names_client(call.target) and not call.is_of_other_test(recording):
            hidden_today, hidden_before = _parts_hidden_on_one_side(
                recording.arguments, call.arguments
            )
            is_same_without_secrets = bool(hidden_today) and not fact.differences
            if is_same_without_secrets:
                fact = fact._replace(note=_recorded_in_clear(hidden_today))
            if not remedies and (hidden_today or hidden_before):
                listed_remedies = _remedies_of_redaction(
                    call.test, rekey_may_do=is_same_without_secrets
                )
        facts = [fact]
        changing = changing_parts(fact.differences, call.paths_of_hashes)
        if changing is not None:
            listed_remedies += ignoring(
                changing,
                call.target,
                call.line or call.target,
                call.options,
                arguments=short_descriptions(call.arguments),
                others=[candidate.arguments for candidate in first_candidates],
            )
    paths: tuple[str, ...] = ()
    kinds: list[str] = []
    if changing is not None:
        paths = changing.paths
        kinds = sorted(kind.value for kind in changing.kinds)
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


def _worded(words: str, fact: str | None) -> str:
    """Return words around a fact, or nothing without the fact: ` in talk.json`."""
    if not fact:
        return ""
    return words.format(fact)


def _parts_hidden_on_one_side(
    recorded: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> tuple[list[str], list[str]]:
    """Return the paths of what redaction hides in a call and not in its recording.

    Behind them are the paths of what it hides in the recording and not in the call.
    Both are compared as they stand, without the secrets that only messages hide.
    """
    hidden_today: list[str] = []
    hidden_before: list[str] = []
    for difference in argument_differences(recorded, now):
        if difference.old is ABSENT or difference.new is ABSENT:
            continue
        was_hidden = _is_hidden(difference.old)
        is_hidden = _is_hidden(difference.new)
        if is_hidden and not was_hidden:
            hidden_today.append(difference.path)
        elif was_hidden and not is_hidden:
            hidden_before.append(difference.path)
    return hidden_today, hidden_before


def _is_hidden(node: Node) -> bool:
    """Return whether a part is a secret, or a text with the placeholder of one."""
    if isinstance(node, Hidden) or is_placeholder(node):
        return True
    return isinstance(node, str) and mentions_placeholder(node)


def _recorded_in_clear(paths: Sequence[str]) -> str:
    """Return the note for a call that differs in what only today's redaction hides."""
    return f"the same call, but for what mimic_redact hides today: {', '.join(paths)}"


def _remedies_of_redaction(
    test: str | None, *, rekey_may_do: bool
) -> list[Remedy | str]:
    """Return the remedies for a call of which redaction hides other parts than before.

    Args:
        test: The id of the test that made the call. None: it is not known.
        rekey_may_do: Whether the names of today hide the same in the recording.
    """
    purpose = "to record it, since redaction hides other parts now"
    if not rekey_may_do:
        return [rerecord(purpose, test)]
    return [
        mimic_command("to let recordings follow mimic_redact", "rekey"),
        rerecord("to record it", test),
    ]


class FormerRecording(Protocol):
    """The recording of a call under the former options of its line."""

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
    listed_remedies = list(remedies or [_again(call.verb, "to record it", call.test)])
    if former.follows:
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
        """Return the differences as they are shown."""
        return difference_lines(
            self.differences,
            old_word=self.old_word,
            new_word=self.new_word,
            most=self.most,
        )


class NearestRecording(NamedTuple):
    """The recording that is most like a call: a fact of a miss.

    Attributes:
        test: The test that made the recording, if it is known.
        recorded: When the recording was made, if that is known.
        cassette_in_words: The cassette that holds the recording, `cassette trip`;
            empty: the recording is a file of its own.
        differences: How the call differs from the recording.
        note: The words in place of differences, if there are none to show.
    """

    test: str | None
    recorded: str | None
    cassette_in_words: str
    differences: tuple[Difference, ...]
    note: str = ""

    def lines(self) -> list[str]:
        """Return the recording, and how the call differs, as they are shown."""
        lines = self.head_lines()
        if not self.note:
            inner = difference_lines(self.differences, most=_SHOWN)
            lines += [f"  {line}" for line in inner]
        return lines

    def head_lines(self) -> list[str]:
        """Return the recording, and the note in place of differences."""
        by = _worded(" by {}", self.test)
        on = _worded(" on {}", self.recorded)
        place = _worded(" in {}", self.cassette_in_words)
        lines = [f"nearest: recorded{by}{on}{place}"]
        if self.note:
            lines.append(f"  {self.note}")
        return lines


def _again(verb: Verb, purpose: str, test: str | None) -> Remedy:
    """Return the remedy that records a test."""
    if verb is Verb.RERECORD:
        return rerecord(purpose, test)
    return record(purpose, test)


def _nearest_fact(
    nearest: Recording, call: MissedCall, *, cassette_in_words: str
) -> NearestRecording:
    """Return how a call differs from the nearest recording."""
    all_differences = argument_differences(nearest.arguments, call.arguments)
    ignored = call.options.ignore
    differences = [
        difference
        for difference in all_differences
        if not lies_in_ignored_part(difference.path, ignored)
    ]
    if names_client(call.target):
        differences = [
            difference
            for difference in differences
            if not _is_another_place(difference, ignored)
        ]
    note = ""
    if not differences:
        differences = _differing_digests(nearest, call)
    if not differences:
        note = _unseen(nearest, call, is_ignored=bool(all_differences))
    elif only_order_differs(nearest.arguments, call.arguments):
        note = "the same rows in another order"
        differences = []
    elif names_client(call.target):
        counting = [
            difference
            for difference in differences
            if difference.path not in _PATHS_THAT_FOLLOW
        ]
        # If nothing else differs, the signature and the server are shown.
        differences = counting or differences
    return NearestRecording(
        nearest.test, nearest.recorded, cassette_in_words, tuple(differences), note
    )


def _is_another_place(difference: Difference, ignored: Collection[str]) -> bool:
    """Check whether two URLs differ only in a host or a port that does not count."""
    if (
        difference.path != "url"
        or not isinstance(difference.old, str)
        or not isinstance(difference.new, str)
    ):
        return False
    try:
        return _counting(difference.old, ignored) == _counting(difference.new, ignored)
    except ValueError:
        # A recording was edited by hand.
        return False


def _counting(url: str, ignored: Collection[str]) -> SplitResult:
    """Return a URL without the host and the port if they are ignored."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or ""
    if "host" in ignored:
        host = ""
    if "port" in ignored:
        port = ""
    return parts._replace(netloc=f"{host} {port}")


def _differing_digests(nearest: Recording, call: MissedCall) -> list[Difference]:
    """Return the arguments whose descriptions are equal, and whose digests are not.

    A description of `Generator(PCG64)` does not show its state, which counts.
    """
    recorded_parts = nearest.parts or {}
    if not any(type(part) is str for part in recorded_parts.values()):
        return []
    parts = call.read_parts() or {}
    recorded_nodes = by_name(nearest.arguments or {})
    nodes_of_call = by_name(call.arguments or {})
    differing: list[Difference] = []
    for name, digest in recorded_parts.items():
        is_known = is_digest(digest) and is_digest(parts.get(name))
        if (
            is_known
            and digest != parts[name]
            and name in recorded_nodes
            and name in nodes_of_call
        ):
            differing.append(
                Difference(name.lstrip("*"), recorded_nodes[name], nodes_of_call[name])
            )
    return differing


def _unseen(nearest: Recording, call: MissedCall, *, is_ignored: bool) -> str:
    """Return why a call has another identity, although no shown part differs."""
    if is_ignored:
        names = ",".join(call.options.ignore)
        where = f"it differs only in what ignore={names} leaves out"
        return f"{where}: it was recorded without, or is another test's"
    if call.is_of_other_test(nearest):
        return (
            "the same call in another test: each test replays its own recordings of"
            f" {call.target}"
        )
    shown = "what is shown is equal"
    secrets = _secrets_of(by_name(call.arguments or {}))
    if secrets:
        words = f"{shown}, a hidden part differs"
        if len(secrets) == 1:
            # Of several secrets, nothing tells which one differs.
            words += f": {secrets[0]}"
        return words
    line = "the line of the target has changed"
    return f"{shown}: {line}, or a part that is not kept differs"


def _secrets_of(parts: Mapping[str, Node], path: str = "") -> list[str]:
    """Return the paths of the secrets in arguments, which no message shows."""
    paths_of_secrets: list[str] = []
    for step, node in parts.items():
        is_number = isinstance(node, int | float) and is_placeholder(node)
        if isinstance(node, Hidden) or is_number:
            paths_of_secrets.append(path + step)
        else:
            paths_of_secrets += _secrets_of(steps(node) or {}, path + step)
    return paths_of_secrets


def stale(
    label: str,
    target: str,
    changed: Sequence[str] = (),
    *,
    recorded: str | None = None,
    test: str | None = None,
    remedies: Sequence[Remedy | str] | None = None,
) -> StaleRecordingError:
    """Return the error for a recording of an older source.

    The source of the target has changed, or, if there are any, the `changed` functions
    and files that the call reaches or reads.
    """
    when = _worded(" ({})", recorded)
    usual_remedies = [
        record("to record it again", test),
        verify("to see whether the outcome changed", test),
    ]
    problem = target
    if changed:
        problem = f"what {label} reaches or reads"
    problem += f" has changed since this call was recorded{when}"
    facts = limited([f"{name} has changed" for name in changed], _SHOWN)
    return StaleRecordingError(
        problem,
        facts=facts,
        remedies=remedies or usual_remedies,
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
    found: Sequence[Difference],
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
        found: The differences.
        test: The id of the test that made the call. None: it is not known.
        failed: How the service failed or refused the call, which is not to be accepted.
        target: The name of the call's target.
        line: The name in the line of the target, if it is another one.
        options: The options of that line. None: the line has none.
    """
    remedies = [rerecord("to accept it", test)]
    if failed:
        remedies = [verify(f"{failed}, to try again", test)]
    elif target:
        remedies += volatile(found, target, line, options or Options())
    return DriftError(
        f"{label} no longer gives what was recorded",
        facts=[Differences(tuple(found))],
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


def mutated(
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


def mutations(names: Sequence[str], found: Sequence[Difference]) -> list[str]:
    """Return how arguments changed, a line for each difference.

    `found` are the differences between their trees before and after the call.
    """
    facts = Differences(tuple(found), "before", "after", _SHOWN).lines()
    return facts or [f"{name}: changed in a part that is not shown" for name in names]
