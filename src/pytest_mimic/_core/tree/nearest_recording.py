"""The recording that a miss shows as the nearest, and how the missed call differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from pytest_mimic._core.commands import Verb
from pytest_mimic._core.identity.kept_parts import KeptParts, is_digest
from pytest_mimic._core.nodes.node_classes import Hidden, Node
from pytest_mimic._core.nodes.node_parts import kind_of_node
from pytest_mimic._core.placeholders import is_placeholder, mentions_placeholder
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.tree.call_labels import nodes_by_name
from pytest_mimic._core.tree.difference_words import difference_lines
from pytest_mimic._core.tree.differing import (
    ABSENT,
    Difference,
    argument_differences,
    lies_in_ignored_part,
    part_differences,
)
from pytest_mimic._core.tree.drawing import steps
from pytest_mimic._core.tree.row_order import only_order_differs
from pytest_mimic._core.vault.long_parts import with_shortened_parts
from pytest_mimic._core.words import words_around

if TYPE_CHECKING:
    from pytest_mimic._core.vault.recording_facts import Recording

#: The recordings that a miss is compared with, at most.
CANDIDATES = 300
#: Of more differences, a miss or a drift shows the first ones.
MOST_DIFFERENCES = 5
# Paths in the description of a client's call that do not count for its identity. They
# only repeat other differences, or depend on the order of calls.
_PATHS_THAT_FOLLOW = ("signature", "server")


def nearest_recording(
    candidates: Iterable[Recording],
    arguments: Mapping[str, Any] | None,
    *,
    test: str | None = None,
    owner: str | None = None,
) -> Recording | None:
    """Return the recording that is most like a call, or None without candidates.

    A recording of the same owner comes first, which may be the scope of a wider
    fixture, then one of the same test, then the one with the fewest arguments
    that differ, then with the fewest parts that differ, then of the same kinds, then
    one of other parameters of the test, then the latest. Only the first few hundred
    candidates are considered.

    Args:
        candidates: The recordings of the same target.
        arguments: The description of the call's arguments; None: they are not known.
        test: The id of the test that made the call, if it is known.
        owner: The test or the scope that the call belongs to; None if one recording
            serves all.
    """
    short_arguments = short_descriptions(arguments)
    parts: dict[str, Node] | None = None
    if short_arguments is not None:
        parts = nodes_by_name(short_arguments)

    def likeness(candidate: Recording) -> tuple[Any, ...]:
        # Each number is negative, since the greatest likeness wins. A call whose
        # arguments are not stored comes last.
        likeness_by_arguments: tuple[float, ...] = (float("-inf"),)
        if candidate.arguments is not None and parts is not None:
            differences = part_differences(nodes_by_name(candidate.arguments), parts)
            # The parts of different kinds, such as a text and a path.
            parts_of_other_kinds = 0
            paths = set()
            for difference in differences:
                paths.add(_argument_of(difference.path))
                parts_of_other_kinds += kind_of_node(difference.old) != kind_of_node(
                    difference.new
                )
            likeness_by_arguments = (
                -len(paths),
                -len(differences),
                -parts_of_other_kinds,
            )
        known_test = candidate.test or ""
        # `test_week[EUR]` and `test_week[USD]` are one function.
        is_of_same_function = (
            known_test.partition("[")[0] == (test or "").partition("[")[0]
        )
        is_of_owner = owner is not None and candidate.owner == owner
        return (
            is_of_owner,
            # The first test that used a wider fixture has recorded its calls.
            is_of_owner or candidate.test == test,
            likeness_by_arguments,
            is_of_same_function,
            candidate.recorded or "",
            known_test,
        )

    return max(islice(candidates, CANDIDATES), key=likeness, default=None)


def short_descriptions(arguments: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return described arguments with long ones cut; None: they are not known.

    Recorded descriptions have their long parts cut in the same way.
    """
    if arguments is None:
        return None
    return with_shortened_parts(dict(arguments))


def _argument_of(path: str) -> str:
    """Return the name at the start of a path: `order` of `order.items[0]`."""
    return re.split(r"[.\[{]", path)[0]


def _no_kept_parts() -> None:
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
    read_parts: Callable[[], KeptParts | None] = _no_kept_parts

    def is_of_other_test(self, recording: Recording) -> bool:
        """Check whether a recording is another test's, which this call cannot get.

        What a wider fixture sent was recorded by the first test that used the fixture.
        """
        if not self.belongs_to_test or recording.test == self.test:
            return False
        return self.owner is None or recording.owner != self.owner

    def is_of_other_scope(self, recording: Recording) -> bool:
        """Check whether a recording is of a wider fixture, and this call of its test.

        It may be the other way round, as after a change of the scope of a fixture.
        """
        if not self.belongs_to_test or self.owner is None or recording.owner is None:
            return False
        return recording.owner != self.owner


def parts_hidden_on_one_side(
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
            inner = difference_lines(self.differences, most=MOST_DIFFERENCES)
            lines += [f"  {line}" for line in inner]
        return lines

    def head_lines(self) -> list[str]:
        """Return the recording, and the note in place of differences."""
        by = words_around(" by {}", self.test)
        on = words_around(" on {}", self.recorded)
        place = words_around(" in {}", self.cassette_in_words)
        lines = [f"nearest: recorded{by}{on}{place}"]
        if self.note:
            lines.append(f"  {self.note}")
        return lines


def nearest_fact(
    nearest: Recording, call: MissedCall, *, cassette_in_words: str
) -> NearestRecording:
    """Return how a missed call differs from the nearest recording."""
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
            if not _differs_in_ignored_host_or_port(difference, ignored)
        ]
    note = ""
    if not differences:
        # The descriptions are equal, so what the recording keeps beside them may tell.
        differences = _differing_kept_parts(nearest, call)
    if not differences:
        note = _note_without_differences(
            nearest, call, is_ignored=bool(all_differences)
        )
    elif only_order_differs(nearest.arguments, call.arguments):
        note = "the same rows in another order"
        differences = []
    elif names_client(call.target):
        differences_that_count = [
            difference
            for difference in differences
            if difference.path not in _PATHS_THAT_FOLLOW
        ]
        # If nothing else differs, the signature and the server are shown.
        differences = differences_that_count or differences
    return NearestRecording(
        nearest.test, nearest.recorded, cassette_in_words, tuple(differences), note
    )


def _differs_in_ignored_host_or_port(
    difference: Difference, ignored: Collection[str]
) -> bool:
    """Check whether the URLs of a missed call and its nearest recording count equally.

    They do if they differ only in a host or a port that `ignore=` leaves out.
    """
    if (
        difference.path != "url"
        or not isinstance(difference.old, str)
        or not isinstance(difference.new, str)
    ):
        return False
    try:
        return _counting_parts_of_url(
            difference.old, ignored
        ) == _counting_parts_of_url(difference.new, ignored)
    except ValueError:
        # A recording was edited by hand.
        return False


def _counting_parts_of_url(url: str, ignored: Collection[str]) -> SplitResult:
    """Return a URL without the host and the port if they are ignored."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or ""
    if "host" in ignored:
        host = ""
    if "port" in ignored:
        port = ""
    return parts._replace(netloc=f"{host} {port}")


def _differing_kept_parts(nearest: Recording, call: MissedCall) -> list[Difference]:
    """Return the parts that differ, although their descriptions do not show it.

    A description of `Generator(PCG64)` does not show its state, which counts, and that
    of a Redis command does not show the version of the protocol.
    """
    recorded_parts = nearest.parts or {}
    if not any(type(part) in (str, int) for part in recorded_parts.values()):
        # Nothing is kept that could be compared.
        return []
    parts = call.read_parts() or {}
    if names_client(call.target):
        return _differing_client_parts(recorded_parts, parts, call.options.ignore)
    recorded_nodes = nodes_by_name(nearest.arguments or {})
    nodes_of_call = nodes_by_name(call.arguments or {})
    differing: list[Difference] = []
    for name, digest in recorded_parts.items():
        # A recording keeps digests of arguments that a description may not show whole.
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


def _differing_client_parts(
    recorded_parts: KeptParts, parts: KeptParts, ignored: Collection[str]
) -> list[Difference]:
    """Return the texts and numbers that count of a client's call, and that differ.

    The description shows none of them, such as the version of the Redis protocol.
    """
    differing: list[Difference] = []
    for name, recorded in recorded_parts.items():
        now = parts.get(name)
        is_plain = type(recorded) in (str, int) and type(now) is type(recorded)
        if is_plain and now != recorded and not lies_in_ignored_part(name, ignored):
            differing.append(Difference(name, recorded, now))
    return differing


def _note_without_differences(
    nearest: Recording, call: MissedCall, *, is_ignored: bool
) -> str:
    """Return why a missed call has another identity, although no shown part differs."""
    if is_ignored:
        # `ignore=` leaves the differences out, and the identities differ all the same.
        names = ",".join(call.options.ignore)
        where = f"it differs only in what ignore={names} leaves out"
        return f"{where}: it was recorded without, or is another test's"
    if call.is_of_other_test(nearest):
        return (
            "the same call in another test: each test replays its own recordings of"
            f" {call.target}"
        )
    if call.is_of_other_scope(nearest):
        return (
            "the same call in another scope: a wider fixture replays its own recordings"
            f" of {call.target}, and a test those of the test"
        )
    shown = "what is shown is equal"
    secrets = _secrets_of(nodes_by_name(call.arguments or {}))
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


def note_on_redaction(paths: Sequence[str]) -> str:
    """Return the note for a call that differs in what only today's redaction hides."""
    return f"the same call, but for what mimic_redact hides today: {', '.join(paths)}"
