"""Finds values in recorded calls that change in the next run, as ids and moments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import islice
from time import strftime, time

from pytest_mimic.engine.calls import Call
from pytest_mimic.engine.events import Events
from pytest_mimic.values.looks import (
    DATE,
    MOMENT,
    are_ids_seeded,
    ids_and_moments_in,
    made_anew,
    new_in_test_id,
)
from pytest_mimic.values.tree import (
    Path,
    Shortened,
    Tree,
    is_tagged,
    parts,
    shown_path,
    text_of,
)
from pytest_mimic.values.walk import deeply

# A moment that a call was made with may be a little older than the run. Where a test
# has frozen the clock, it is another day.
_SECONDS_BEFORE, _LONGEST_RUN = 60, 86_400
# To look at a part takes a microsecond or two.
_MOST_LEAVES = 500


class ChangingValues:
    """The values in the calls of a recording run that the next run makes anew.

    Args:
        events: Where it is noted.
        is_in_files: Whether a text stands in a file of the tests: then it is the same
            in each run.
    """

    def __init__(self, events: Events, is_in_files: Callable[[str], bool]) -> None:
        self._held: set[tuple[str, Path]] = set()
        self._events = events
        self._is_in_files = is_in_files
        self._answered: set[str] = set()
        self._since = time() - _SECONDS_BEFORE
        self._today = strftime("%Y-%m-%d")
        name = os.environ.get("PYTEST_XDIST_WORKER")
        pattern = rf"(?<![A-Za-z0-9]){name}(?![A-Za-z0-9])" if name else r"(?!)"
        self._worker = re.compile(pattern)

    def note_answer(self, body: dict[str, Tree]) -> None:
        """Note what an answer holds: a later call may send it back."""
        text = deeply(lambda: text_of({**body}))
        self._answered.update(found for found, _ in ids_and_moments_in(text))

    def note_call(self, call: Call, described: Tree, test: str) -> None:
        """Note what a call that was recorded holds, of what counts.

        The recording keeps long parts by their digest: this is a look at the parts.
        """
        if call.in_log:
            # The next run looks for its log under another id.
            found, look = new_in_test_id(test, self._today)
            if found and not self._is_in_files(found):
                self._events.add("new test id", look, test=test)
        counted = call.whole() if call.is_function else call.counted(described)
        leaves = [*islice(_leaves(counted), _MOST_LEAVES)]
        # Few calls hold one: a look at all texts is quicker than one at each.
        may_be_new = self._may_be_new('"'.join(_text_of(part) for _, part in leaves))
        for path, part in leaves:
            look = made_anew(part) if may_be_new else ""
            is_new = may_be_new and self._is_new(part, look)
            if is_new:
                self._events.add(
                    "made anew",
                    call.label(),
                    test=test,
                    cause=f"{call.target} {shown_path(path)}",
                    target=call.target,
                    paths=[shown_path(path)],
                    identity=call.identity,
                    **call.facts_of_line(),
                )
            is_data = part is not None and not (is_new and look)
            if is_data and (call.target, path) not in self._held:
                # No line may leave it out.
                self._held.add((call.target, path))
                self._events.add("held", cause=f"{call.target} {shown_path(path)}")

    def _may_be_new(self, text: str) -> bool:
        """Return whether a text has what may be made anew, whoever has made it."""
        if self._today in text or self._worker.search(text):
            return True
        return any(ids_and_moments_in(text))

    def _is_new(self, part: Tree, look: str) -> bool:
        """Return whether the next run makes a part anew."""
        text = _text_of(part)
        if look in (DATE, "") and self._today in text:
            # A longer text may hold a moment of an answer.
            is_answered = any(one in text for one in self._answered.copy())
            if text == self._today or not is_answered:
                return True
        found = any(self._is_made(*one) for one in ids_and_moments_in(text))
        # `db_gw0`, say.
        return found or self._worker.search(text) is not None

    def _is_made(self, text: str, look: str) -> bool:
        """Return whether this run has made an id or a moment, and nobody gave it."""
        if look == MOMENT:
            until = self._since + _LONGEST_RUN
            is_made = any(self._since <= one <= until for one in _seconds_of(text))
        else:
            is_made = not are_ids_seeded()
        if not is_made or text in self._answered or self._is_in_files(text):
            return False
        return not any(text in value for value in os.environ.values())


def _text_of(part: Tree) -> str:
    """Return the text of a value, or of what its tag has."""
    if isinstance(part, dict) and part:
        return str(next(iter(part.values())))
    return str(part)


def _leaves(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    """Yield the values in a tree, with their paths; `*` stands for each item."""
    # No recursion: a tree may be deeper than the stack.
    pending: list[tuple[Path, Tree]] = [((), tree)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, Shortened):
            part = part.part
        if not isinstance(part, (list, dict)):
            yield path, part
            continue
        if len(part) > _MOST_LEAVES:
            continue
        if isinstance(part, dict) and is_tagged(part):
            if "digest" in part or "$content" in part:
                continue  # A digest is no value of the call.
            part = {key: one for key, one in part.items() if key != "source"}
        inner = [] if made_anew(part) else list(parts(part))
        if not inner:
            yield path, part
        for step, deeper in reversed(inner):
            pending.append(((*path, "*" if step.isdigit() else step), deeper))


def _seconds_of(text: str) -> Iterator[float]:
    """Yield the moments that a text may be, in seconds since 1970.

    One without a zone may be of the local one, or of UTC.
    """
    try:
        number = float(text)
        yield number if number < 1e11 else number / 1000
        return
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(re.sub(r"[Zz]$", "+00:00", text))
    except ValueError:
        return
    yield moment.timestamp()
    yield moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
