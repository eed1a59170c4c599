"""Finds the parts of newly recorded calls that the next run will ask differently.

Such a part holds a value that was made in this run: an id, a random token, a moment, a
date. A value that a recorded outcome gave first comes back in a replay, and one that
stands in the project, the environment or a test's id is no other in the next run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from json import dumps
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from xxhash import xxh3_64_hexdigest

from pytest_mimic._core.engine.account_events import MadeAnew
from pytest_mimic._core.files.project_texts import texts_of
from pytest_mimic._core.target_options import target_line
from pytest_mimic._core.tree.describing import described_parts
from pytest_mimic._core.tree.leaves import leaves
from pytest_mimic._core.tree.made_anew import (
    OF_THE_CLOCK,
    Kind,
    PartsMadeAnew,
    are_whole_value,
    pieces,
)
from pytest_mimic._core.tree.made_in_run import (
    ANY_TEST,
    Evidence,
    Origins,
    RandomBytes,
    pieces_of_run,
    value_of_all_forms,
    without_short_texts,
)
from pytest_mimic._core.tree.remedies import leaves_out_data, may_be_ignored
from pytest_mimic._core.types.option_paths import Steps, option_path, parse_path
from pytest_mimic._core.vault.recording_facts import read_calls
from pytest_mimic._core.words import pattern
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.seam.base import ClientCall
    from pytest_mimic._core.target_options import Options
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

# An outcome with more characters is long: it is only searched at the end of the run.
_LONGEST_READ_AT_ONCE = 200_000
# How many characters of long outcomes are kept until then.
_MOST_CHARACTERS_OF_LONG = 50_000_000
# How many characters of outcomes are kept until a call may hold values of the run.
_MOST_CHARACTERS_UNREAD = 20_000_000
# How many values of one part are looked for in files and long outcomes.
_MOST_VALUES = 20
# How many recordings are asked what they have in the place of one part.
_MOST_RECORDINGS = 300
# The header `date` among those of a response, as JSON has it.
_DATE_HEADER = pattern(r'"[Dd]ate",\s*"[^"]*"')


class _PartMadeInRun(NamedTuple):
    """A part of a call that holds values of this run.

    Attributes:
        text: The text of the part.
        values: The values of this run in the text, each as `value_of_all_forms` gives
            it.
        kinds: What these values are, such as a UUID or a date.
    """

    text: str
    values: tuple[str, ...]
    kinds: frozenset[Kind]


class _ReplayedOutcome(NamedTuple):
    """A recorded outcome that tests of this run got.

    A replay gives its values again, so they are not made anew where a test sends them.

    Attributes:
        json_text: The outcome as JSON.
        tests: The tests that got the outcome, or only `ANY_TEST`.
    """

    json_text: str
    tests: list[str]


class _SuspectedPart(NamedTuple):
    """A part that the next run may make anew, and the values of this run in it.

    The end of the run decides: the values may stand somewhere else.

    Attributes:
        event: What the account gets if the part is made anew.
        values: The values.
        options: The options of the line of the call's target.
    """

    event: MadeAnew
    values: tuple[str, ...]
    options: Options


class NextRun:
    """Notes the calls of a recording run, and reports parts that are made anew.

    Such a part has another value in the next run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._random_bytes = RandomBytes()
        self._run_began_at = time.time()
        self._clock_at_begin = run.clock()
        self._seconds_ahead_of_utc = time.localtime().tm_gmtoff or 0
        self._origins = Origins(self._random_bytes)
        self._suspected_parts: list[_SuspectedPart] = []
        # Texts of outcomes whose values are still to be noted, each with the test that
        # got it.
        self._unread_texts: list[tuple[str, str]] = []
        # How many characters these texts have.
        self._unread_length = 0
        # The long outcomes of the run, and how many characters more may be kept.
        self._long_outcomes: list[str] = []
        self._characters_left = _MOST_CHARACTERS_OF_LONG
        # The tests that got an outcome nobody can read, such as a pickle: a moment that
        # they send may be made from one in it, so that none is warned of.
        self._tests_with_unread_outcome: set[str] = set()
        # Each puts a function back that this run has replaced.
        self._restorers: list[Callable[[], None]] = []

    # -- random bytes

    def begin(self) -> None:
        """Note the bytes that `os.urandom` gives from now on."""
        # `secrets` and `random.SystemRandom` take their bytes from the second place.
        for module, name in ((os, "urandom"), (random, "_urandom")):
            self._restorers.append(self._noting(module, name))

    def _noting(self, module: Any, name: str) -> Callable[[], None]:
        """Replace a function that gives random bytes by one that also notes them.

        Returns:
            A function that puts the original back.
        """
        original = getattr(module, name)
        note_bytes = self._random_bytes.add

        def urandom(size: int, /) -> bytes:
            random_bytes: bytes = original(size)
            note_bytes(random_bytes)
            return random_bytes

        setattr(module, name, urandom)

        def restore() -> None:
            # Somebody may have put another function there who does not take it away.
            if getattr(module, name) is urandom:
                setattr(module, name, original)

        return restore

    def end(self) -> None:
        """Note no further bytes."""
        while self._restorers:
            self._restorers.pop()()

    # -- calls and outcomes

    def note(self, call: Call, stored_outcome: StoredOutcome) -> None:
        """Note the values in a call that is recorded, and then those in its outcome."""
        evidence = self._evidence()
        if _may_hold_values(_json_of_texts_that_count(call), evidence):
            self._read_outcomes()
            arguments = _described_parts_that_count(call)
            parts = self._parts_of(call, arguments, evidence)
            if parts:
                self._suspect(call, arguments, parts)
        self._note_outcome(stored_outcome)

    def _parts_of(
        self, call: Call, arguments: Mapping[str, Any], evidence: Evidence
    ) -> dict[str, _PartMadeInRun]:
        """Return the parts of a call with values that this run made, by their paths."""
        parts: dict[str, _PartMadeInRun] = {}
        for leaf in leaves(arguments, _ignored_paths(call)):
            values_of_run = self._values_of_run(leaf.text, evidence)
            if values_of_run:
                values = tuple([value for value, _ in values_of_run])
                kinds = frozenset([kind for _, kind in values_of_run])
                parts[leaf.path] = _PartMadeInRun(leaf.text, values, kinds)
        return parts

    def _values_of_run(self, text: str, evidence: Evidence) -> list[tuple[str, Kind]]:
        """Return the values in a text that this run made, and no outcome has given."""
        is_clock_unknown = self._run.current.test in self._tests_with_unread_outcome
        values_of_run = []
        for part, kind in pieces_of_run(text, evidence):
            value = value_of_all_forms(part)
            if is_clock_unknown and kind in OF_THE_CLOCK:
                # The test may have the moment from an outcome that nobody can read.
                continue
            if not self._origins.has_given(value, test=self._run.current.test):
                values_of_run.append((value, kind))
        self._origins.note_made(value for value, _ in values_of_run)
        return values_of_run

    def _suspect(
        self,
        call: Call,
        arguments: Mapping[str, Any],
        parts: Mapping[str, _PartMadeInRun],
    ) -> None:
        """Keep the parts of a call with values that this run made, until `report`."""
        plan = call.plan
        test = self._run.current.test_to_run_again
        number = f"{os.getpid()} {len(self._suspected_parts)}"
        rest = _text_without(arguments, [part.text for part in parts.values()])
        scope = ""
        if call.is_in_sequence:
            # A recording with a place among equal ones belongs to its test.
            scope = test
        rest = xxh3_64_hexdigest(f"{scope}\n{rest}".encode("utf-8", "surrogatepass"))
        for shown_path, part in parts.items():
            path = option_path(shown_path)
            part_made_anew = PartsMadeAnew(
                paths=(path,),
                kinds=part.kinds,
                are_whole_values=are_whole_value(part.text, pieces(part.text)),
            )
            line = ""
            if may_be_ignored(part_made_anew, plan.target, plan.options, arguments):
                line = _line_to_fill_in(call)
            for kind in sorted([kind.value for kind in part.kinds]):
                event = MadeAnew(plan.target, path, kind, test, number, rest, line)
                suspected_part = _SuspectedPart(event, part.values, plan.options)
                self._suspected_parts.append(suspected_part)

    def _note_outcome(self, stored_outcome: StoredOutcome) -> None:
        """Note the values that a recorded outcome gives, as its replays will, too."""
        if stored_outcome.encoded is None:
            self._note_text(dumps(stored_outcome.entry.get("value"), default=repr))
            return
        if stored_outcome.encoded.pickled is not None:
            self._tests_with_unread_outcome.add(self._run.current.test)
        # Texts that are not long are read, however many long ones are kept.
        longest = max(self._characters_left, _LONGEST_READ_AT_ONCE)
        for text in stored_outcome.encoded.texts(longest):
            if text is None:
                self._tests_with_unread_outcome.add(self._run.current.test)
            else:
                self._note_text(text)

    def _note_text(self, text: str) -> None:
        """Note a text of an outcome, whose values are read when a call may hold one."""
        if len(text) > _LONGEST_READ_AT_ONCE:
            self._note_long(text)
            return
        current = self._run.current
        test = current.test if current.owner.is_test else ANY_TEST
        self._unread_texts.append((text, test))
        self._unread_length += len(text)
        if self._unread_length > _MOST_CHARACTERS_UNREAD:
            self._read_outcomes()

    def _read_outcomes(self) -> None:
        """Note the values in the outcomes so far."""
        evidence = self._evidence()
        # Another thread may add one meanwhile.
        unread_texts, self._unread_texts = self._unread_texts, []
        self._unread_length = 0
        for text, test in unread_texts:
            self._origins.note_outcome(_without_date(text), evidence, test=test)

    def note_elsewhere(self, stored_outcome: StoredOutcome) -> None:
        """Note the values in an outcome that another process has recorded."""
        readable = stored_outcome.readable()
        if readable is None:
            self._tests_with_unread_outcome.add(self._run.current.test)
            return
        self._note_text(dumps(readable, default=repr))

    def _note_long(self, text: str) -> None:
        """Keep a long text of an outcome, which only `report` searches."""
        # Moments that are made from those of a long text are not told apart.
        self._tests_with_unread_outcome.add(self._run.current.test)
        if len(text) <= self._characters_left:
            self._characters_left -= len(text)
            self._long_outcomes.append(text)

    def _evidence(self) -> Evidence:
        """Return what tells whether a value was made in this run, until now."""
        # The clock of the run: a test may have stopped those of `time`.
        seconds_so_far = self._run.clock() - self._clock_at_begin
        return Evidence(
            random_bytes=self._random_bytes,
            began_at=self._run_began_at,
            ended_at=self._run_began_at + seconds_so_far,
            seconds_ahead_of_utc=self._seconds_ahead_of_utc,
        )

    # -- the end

    def report(self) -> None:
        """Enter the parts that the next run makes anew into the account."""
        if self._suspected_parts:
            values_elsewhere = self._values_elsewhere()
            replayed = self._replayed_origins()
            # Whether a line may leave out a part, by the line and the path.
            ignorable: dict[tuple[str, str], bool] = {}
            for part in self._suspected_parts:
                is_of_a_replay = all(
                    replayed.has_given(value, test=part.event.test)
                    for value in part.values
                )
                if is_of_a_replay or not values_elsewhere.isdisjoint(part.values):
                    continue
                event = part.event
                if event.line:
                    line_and_path = event.line, event.path
                    if line_and_path not in ignorable:
                        ignorable[line_and_path] = self._is_ignorable(part)
                    if not ignorable[line_and_path]:
                        event = event._replace(line="")
                self._run.account.made_anew.append(event)
        self._suspected_parts.clear()

    def _is_ignorable(self, part: _SuspectedPart) -> bool:
        """Return whether a line that ignores this part leaves out no data of others.

        The others are the recorded calls of its target. Of these, a miss asks the same.
        """
        target, path = part.event.target, part.event.path
        recordings = islice(self._run.recordings.of_target(target), _MOST_RECORDINGS)
        recorded_arguments = [recording.arguments for recording in recordings]
        return not leaves_out_data([path], target, part.options, recorded_arguments)

    def _replayed_origins(self) -> Origins:
        """Return what the replayed outcomes gave: `report` skips parts with that."""
        origins = Origins(self._random_bytes)
        evidence = self._evidence()
        for replayed_outcome in self._replayed_outcomes():
            if len(replayed_outcome.json_text) > _LONGEST_READ_AT_ONCE:
                continue
            text = _without_date(replayed_outcome.json_text)
            for test in replayed_outcome.tests:
                origins.note_outcome(text, evidence, test=test)
        return origins

    def _replayed_outcomes(self) -> Iterator[_ReplayedOutcome]:
        """Yield the recorded outcomes that the run has replayed.

        A value in one of them comes back in the next run, and is not made anew.
        """
        run = self._run
        names = {replay.recording for replay in run.account.each_replay()}
        tests_by_name = run.account.tests_that_replayed(names)
        for name in names:
            with suppress(MimicError):
                for call in read_calls(run.vault.objects, name) or ():
                    tests = tests_by_name[name]
                    if call.owner is not None and call.owner not in tests:
                        # A fixture of a wider scope got the outcome for its tests.
                        tests = [ANY_TEST]
                    for stored_outcome in call.outcomes:
                        # What is no JSON is searched as the text of its `repr`.
                        json_text = dumps(stored_outcome.readable(), default=repr)
                        yield _ReplayedOutcome(json_text, tests)

    def _values_elsewhere(self) -> set[str]:
        """Return the suspected values that the run did not make: they stand elsewhere.

        Such a value stands in a test's id, the environment, a file or an outcome.
        """
        # A loop of requests has a part with a value for each: some of them are enough.
        values_by_part: dict[tuple[str, str], list[str]] = {}
        for part in self._suspected_parts:
            target_and_path = part.event.target, part.event.path
            values = values_by_part.setdefault(target_and_path, [])
            values += part.values[: _MOST_VALUES - len(values)]
        # The forms of each value that was not found elsewhere so far.
        forms_by_value: dict[str, list[str]] = {}
        for values in values_by_part.values():
            for value in values:
                forms_by_value[value] = _forms_in_files(value)
        values_elsewhere: set[str] = set()
        for text in self._texts_elsewhere():
            for value in tuple(forms_by_value):
                if any(form in text for form in forms_by_value[value]):
                    del forms_by_value[value]
                    values_elsewhere.add(value)
        return values_elsewhere

    def _texts_elsewhere(self) -> Iterator[str]:
        """Yield the texts from which a call may have its values.

        A value of a call that stands in one of them was not made by the call.
        """
        run = self._run
        yield "\n".join(run.account.outcomes)
        yield "\n".join(run.current.variables.values())
        yield from self._long_outcomes
        for replayed_outcome in self._replayed_outcomes():
            yield replayed_outcome.json_text
        vault = run.settings.vault
        yield from texts_of(run.settings.rootdir, vault, before=self._run_began_at)


def _described_parts_that_count(call: Call) -> Mapping[str, Any]:
    """Return the description of the parts of a call that count."""
    edge_call = call.edge_call
    if edge_call is None:
        arguments: Mapping[str, Any] = call.arguments
        return arguments
    counted = _plain_parts_that_count(edge_call)
    return described_parts(counted, call.plan.places) | _matched_parts(call)


def _plain_parts_that_count(edge_call: ClientCall) -> dict[str, Any]:
    names = edge_call.identity
    return {name: edge_call.parts[name] for name in names if name in edge_call.parts}


def _matched_parts(call: Call) -> dict[str, Any]:
    """Return the described parts of a client's call that `match=` lets count."""
    paths = call.plan.options.match
    return {path: call.arguments[path] for path in paths if path in call.arguments}


def _json_of_texts_that_count(call: Call) -> str:
    """Return JSON in which all texts stand that the parts which count have."""
    if call.edge_call is None:
        return call.described_text
    plain_parts = _plain_parts_that_count(call.edge_call) | _matched_parts(call)
    try:
        return dumps(plain_parts, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        # A part is no plain data.
        return dumps(
            _described_parts_that_count(call), ensure_ascii=False, default=repr
        )


def _may_hold_values(text: str, evidence: Evidence) -> bool:
    r"""Return whether the parts of a call may hold values that were made in this run.

    Most calls hold none, and their parts need not be looked at one by one. Where the
    JSON has escapes, it does not show where a word begins, since a line's end is `\n`
    there. Then the parts may hold such values.

    Args:
        text: The JSON of all parts that count.
        evidence: What the run knows about the values that were made in it.
    """
    if "\\" in text:
        return True
    searched = without_short_texts(text)
    return next(pieces_of_run(searched, evidence), None) is not None


def _ignored_paths(call: Call) -> list[Steps]:
    """Return the paths of `ignore=`, and those that an adapter leaves out with them."""
    plan = call.plan
    texts = list(plan.options.ignore)
    if plan.adapter is not None:
        for text in plan.options.ignore:
            texts += plan.adapter.implied.get(text, ())
    return [parse_path(text) for text in texts]


def _line_to_fill_in(call: Call) -> str:
    """Return the line of a call's target, with `{paths}` for the paths of `ignore=`.

    The summary fills in those of all parts that are made anew.
    """
    plan = call.plan
    return target_line(plan.client or plan.target, plan.options, "ignore", ["{paths}"])


def _text_without(arguments: Mapping[str, Any], texts: Collection[str]) -> str:
    """Return what is left of a call without texts with values that this run made.

    `MadeAnew.rest` is made of it.
    """
    rest_of_call = dumps(arguments, ensure_ascii=False, sort_keys=True, default=repr)
    for text in texts:
        text_in_json = dumps(text, ensure_ascii=False)[1:-1]
        rest_of_call = rest_of_call.replace(text_in_json, "")
    return rest_of_call


def _without_date(text: str) -> str:
    """Return the JSON of an outcome without the moment at which a server sent it.

    No application sends it back, and in the same second it makes moments of its own.
    """
    return _DATE_HEADER.sub("", text)


def _forms_in_files(value: str) -> list[str]:
    """Return the texts by which files may hold a value.

    2026-11-25    →  2026-11-25, "2026, 11, 25" as in date(2026, 11, 25)
    @1764061200.0 →  1764061200, 2026-11-25T09:00:00, "2026, 11, 25, 9", …
    """
    if value.startswith("@"):
        from datetime import datetime, timezone

        moment = datetime.fromtimestamp(float(value[1:]), timezone.utc)
        code = f"{moment.year}, {moment.month}, {moment.day}, {moment.hour}"
        text = moment.strftime("%Y-%m-%d %H:%M:%S")
        return [value[1:].removesuffix(".0"), text, text.replace(" ", "T"), code]
    piece = next(iter(pieces(value)), None)
    if piece is None:
        return [value]
    if piece.kind is Kind.DATE and value[:4].isdigit():
        year, month, day = map(int, value.split("-"))
        return [value, f"{year}, {month}, {day}"]
    if piece.kind is Kind.UUID:
        return [value, str(UUID(value))]
    return [value]
