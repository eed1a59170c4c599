"""Tells which calls that cannot follow their line were recorded again under it.

Nothing finds the old recording of such a call any more. The identity of the call under
the line of today is not known, so its description is compared with those of the
recordings that have the options of today:

| call that cannot follow | recording of today | recorded again |
|---|---|---|
| `put(Order(3), run=1)`, `ignore=run` is gone | `put(Order(3), run=7)` | yes |
| `put(Order(3), run=1)`, `ignore=run` is gone | `put(Order(4), run=1)` | no |
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mimic._core.nodes.node_classes import Hidden
from pytest_mimic._core.tree.differing import (
    Difference,
    argument_differences,
    lies_in_ignored_part,
)
from pytest_mimic._core.vault.recording_facts import Recording
from pytest_mimic._tools.rekey.calls_to_rekey import CallToRekey


class CallsOfToday:
    """The recorded calls that have the options of today's lines.

    Args:
        calls: These calls.
    """

    def __init__(self, calls: Iterable[CallToRekey]) -> None:
        self._calls_by_target: dict[str, list[CallToRekey]] = {}
        for call_of_today in calls:
            calls_of_target = self._calls_by_target.setdefault(
                call_of_today.call.target, []
            )
            calls_of_target.append(call_of_today)

    def has(self, call_to_rekey: CallToRekey, *, by_same_test: bool = False) -> bool:
        """Return whether a call that cannot follow its line is among them.

        A call that belongs to a test is sought among those of this test and those that
        all tests share.

        Args:
            call_to_rekey: The call.
            by_same_test: Whether only what the test of the call has recorded counts.
        """
        if call_to_rekey.is_in_cassette:
            # The other calls of its cassette keep the file.
            return False
        for candidate in self._calls_by_target.get(call_to_rekey.call.target, ()):
            # Of rivals, the recording of another test replaces none.
            if by_same_test and candidate.call.test != call_to_rekey.call.test:
                continue
            is_other_file = (
                candidate.file != call_to_rekey.file and not candidate.is_in_cassette
            )
            if is_other_file and _is_recorded_again(call_to_rekey.call, candidate.call):
                return True
        return False


def _is_recorded_again(recorded_call: Recording, call_of_today: Recording) -> bool:
    """Return whether a call of today is a recorded one, which was recorded again.

    Then their descriptions agree in all that counts under both lines.
    """
    has_other_owner = (
        None not in (recorded_call.owner, call_of_today.owner)
        and recorded_call.owner != call_of_today.owner
    )
    if (
        has_other_owner
        or recorded_call.arguments is None
        or call_of_today.arguments is None
    ):
        return False
    ignored_paths: list[str] = []
    for call in (recorded_call, call_of_today):
        ignored_paths += (call.options or {}).get("ignore", ())
    for difference in argument_differences(
        recorded_call.arguments, call_of_today.arguments
    ):
        is_ignored = lies_in_ignored_part(difference.path, ignored_paths)
        if not is_ignored and not _has_secret_side(difference):
            return False
    return True


def _has_secret_side(difference: Difference) -> bool:
    """Return whether either description hides the part as a secret.

    Then nothing tells whether the two calls differ in it: the call may have been
    recorded again.
    """
    return isinstance(difference.old, Hidden) or isinstance(difference.new, Hidden)
