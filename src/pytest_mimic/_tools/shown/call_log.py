"""The calls of a run as rows of plain data, as `-v` and the HTML page show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.tree.call_labels import by_name, query_text
from pytest_mimic._core.tree.differing import side_by_side
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._tools.shown.outcome_lines import shown_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.tree.differing import Difference
    from pytest_mimic._core.vault.recording_facts import Stored

# How many characters of one argument are shown.
_ARGUMENT = 1_000

Row = dict[str, Any]
"""One call. Always `kind`, `label`, `test` and `seconds`; a request's `query`; in detail `arguments`, `outcome`, ..."""


class CallLog:
    """Keeps each call of a run as a row in the ledger.

    A row has no secret: descriptions and messages are redacted already, and
    `shown_outcome` redacts outcomes.
    With `details`, it also has the arguments and the outcome, which the HTML report
    shows.
    """

    def __init__(self, state: RunState, *, details: bool) -> None:
        self._state = state
        self._details = details

    def note(
        self,
        kind: str,
        call: Call,
        *,
        stored: Stored | None = None,
        seconds: float | None = None,
        error: MimicError | None = None,
        found: Sequence[Difference] = (),
    ) -> None:
        """Keep a call of this kind: `replayed`, `recorded`, `verified`, `drifted` or `missing`.

        `stored` is its recorded outcome, `found` how that of the real call differs,
        which took so many `seconds`. The
        duration of a call that did not run is that of its recording.
        """
        saved = stored.duration if stored is not None and kind == "replayed" else 0.0
        took = seconds or saved
        row: Row = {
            "kind": kind,
            "label": call.label,
            "test": self._state.test,
            "seconds": took,
        }
        try:
            if call.plan.kind == "http":
                row["query"] = query_text(call.arguments)
            if self._details:
                row |= self._detailed(call, stored, error, found)
        except Exception as reason:  # what is only shown never changes what a run does
            row["outcome"] = f"cannot be shown: {type(reason).__name__}"
        self._state.ledger.calls.append(row)

    def _detailed(
        self,
        call: Call,
        stored: Stored | None,
        error: MimicError | None,
        found: Sequence[Difference],
    ) -> Row:
        state = self._state
        is_client = call.plan.kind != "function"
        arguments = [
            (
                name,
                part if isinstance(part, str) and is_client else line(part, _ARGUMENT),
            )
            for name, part in by_name(call.arguments or {}).items()
            if name != "signature" or not is_client
        ]
        row: Row = {"target": call.plan.target, "arguments": arguments}
        secrets = call.plan.secrets(call)
        if stored is not None:
            row["brief"], row["outcome"], row["raised"] = shown_outcome(
                stored, state.redactor, secrets=secrets
            )
            if stored.name != "?":
                row["name"] = stored.name
        if error is not None:
            row["problem"] = [error.what, *error.facts]
            row["remedies"] = list(error.remedies)
        if found:
            row["diff"] = side_by_side(found)
        return row
