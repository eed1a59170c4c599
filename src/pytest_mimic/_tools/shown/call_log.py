"""The log of a run's calls: one row of plain data for each, as `-v` and the HTML report show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.text import by_name, render
from pytest_mimic._core.engine.decisions import decisions_of
from pytest_mimic._tools.shown.outcome_lines import shown_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.vault import Stored

# The target of connections that are refused.
_NETWORK = "network"
# How many characters of one argument are shown.
_ARGUMENT = 1_000

Row = dict[str, Any]
"""One call. Always `kind`, `client`, `label`, `test`, `at` and `seconds`; in detail also `arguments`, `outcome`, ..."""


class CallLog:
    """Keeps each call of a run as a row in the ledger.

    A row has no secret: descriptions and messages are redacted already, and `shown_outcome` redacts outcomes.

    Args:
        state: The run's state.
        details: Whether the rows have the arguments and the outcome as well, which the HTML report shows.
    """

    def __init__(self, state: RunState, *, details: bool) -> None:
        self._state = state
        self._details = details
        # Made now, because a test may replace functions that these modules bind.
        self._recordings = decisions_of(state).recordings

    def note(
        self,
        kind: str,
        call: Call | None,
        *,
        label: str = "",
        stored: Stored | None = None,
        seconds: float | None = None,
        actual: Outcome | None = None,
        error: MimicError | None = None,
    ) -> None:
        """Keep a call of this kind: `replayed`, `recorded`, `verified`, `drifted` or `missing`.

        `stored` is its recorded outcome, `actual` that of the real call, which took so many `seconds`. The duration of a
        call that did not run is that of its recording. What the network block refused is no call, it has a `label` only.
        """
        took = seconds or 0.0
        saved = stored.duration if stored is not None and kind == "replayed" else 0.0
        row: Row = {
            "kind": kind,
            "client": _NETWORK if call is None else call.plan.kind,
            "label": label if call is None else call.label,
            "test": self._state.test,
            "at": self._state.clock() - took,
            "seconds": took or saved,
        }
        if self._details:
            try:
                row |= self._detailed(call, stored, actual, error)
            except Exception as reason:  # what is only shown never changes what a run does
                row["outcome"] = f"cannot be shown: {type(reason).__name__}"
        ledger = self._state.ledger
        if self._state.pending.is_elsewhere:  # the memory of a forked process ends with it
            ledger.forks.report(calls=[row])
        else:
            ledger.calls.append(row)

    def _detailed(
        self, call: Call | None, stored: Stored | None, actual: Outcome | None, error: MimicError | None
    ) -> Row:
        state = self._state
        row: Row = {"target": _NETWORK}
        secrets: frozenset[str] = frozenset()
        if call is not None:
            row = {"target": call.plan.target, "arguments": shown_arguments(call.arguments)}
            secrets = call.plan.secrets(call)
        if stored is not None:
            row["brief"], row["outcome"], row["raised"] = shown_outcome(
                stored, state.redactor, secrets=secrets
            )
            if stored.name != "?":
                row["name"] = stored.name
            recording = self._recordings.known.get(stored.name)
            if recording is not None and recording.recorded:
                row["recorded"] = recording.recorded
        if error is not None:
            row["problem"] = [error.what, *error.facts]
            row["remedies"] = list(error.remedies)
        if call is not None and error is not None and actual is not None:
            try:
                now = state.vault.stored(actual, 0.0, paths=call.paths)
                row["actual"] = shown_outcome(now, state.redactor, secrets=secrets).text
            except MimicError as reason:
                row["actual"] = str(reason)
        return row


def shown_arguments(arguments: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the described arguments of a call as names and texts. At a client, its parts."""
    named = by_name(arguments or {}).items()
    return [
        (name, part if isinstance(part, str) and name in _AS_IT_IS else render(part, _ARGUMENT))
        for name, part in named
        if name != "signature"
    ]


# Parts of a client's call that are shown without quotes.
_AS_IT_IS = frozenset({"method", "url", "sql", "command"})
