"""Calls as rows of plain data, those of a run and those in a vault, as `-v` and the HTML page show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.compare.outcome_tree import outcome_tree
from pytest_mimic._core.compare.tree_differences import differences
from pytest_mimic._core.describe.text import by_name, query_text, recorded_label, render
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._tools.shown.difference_lines import side_by_side
from pytest_mimic._tools.shown.outcome_lines import shown_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run_state import RunState
    from pytest_mimic._core.outcome.outcome import Outcome
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault

# The target of connections that are refused.
_NETWORK = "network"
# How many characters of one argument are shown.
_ARGUMENT = 1_000

Row = dict[str, Any]
"""One call. Always `kind`, `client`, `label`, `test`, `at` and `seconds`; a request's `query`; in detail `arguments`, `outcome`, ..."""


class CallLog:
    """Keeps each call of a run as a row in the ledger.

    A row has no secret: descriptions and messages are redacted already, and `shown_outcome` redacts outcomes.
    With `details`, it also has the arguments and the outcome, which the HTML report shows.
    """

    def __init__(self, state: RunState, *, details: bool) -> None:
        from pytest_mimic._core.engine.decisions import decisions_of

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
        paths: Collection[str | None] = (),
    ) -> None:
        """Keep a call of this kind: `replayed`, `recorded`, `verified`, `drifted` or `missing`.

        `stored` is its recorded outcome, `actual` that of the real call, which took so many `seconds`; `paths` lead to
        the differences. The duration of a call that did not run is that of its recording. What the network block refused
        is no call, it has a `label` only.
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
        try:
            if call is not None and call.plan.kind == "http":
                row["query"] = query_text(call.arguments)
            if self._details:
                row |= self._detailed(call, stored, actual, error, paths)
        except Exception as reason:  # what is only shown never changes what a run does
            row["outcome"] = f"cannot be shown: {type(reason).__name__}"
        ledger = self._state.ledger
        if self._state.pending.is_elsewhere:  # the memory of a forked process ends with it
            ledger.forks.report(calls=[row])
        else:
            ledger.calls.append(row)

    def _detailed(
        self,
        call: Call | None,
        stored: Stored | None,
        actual: Outcome | None,
        error: MimicError | None,
        paths: Collection[str | None],
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
        if call is not None and error is not None and actual is not None and stored is not None:
            try:
                now = state.vault.stored(actual, 0.0, paths=call.paths)
                trees = [outcome_tree(one, state.redactor, secrets) for one in (stored, now)]
                row["diff"] = list(side_by_side(differences(*trees), paths))
            except MimicError as reason:
                row["diff"] = [("~", row["brief"], str(reason))]
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


def recorded_rows(vault: Vault, redactor: Redactor, names: Iterable[str]) -> Iterator[Row]:
    """Yield a row for each outcome of some recordings and cassettes, by test. A file that cannot be read is a row that says so."""
    found: dict[str, list[Row]] = {}
    for name in names:
        try:
            rows = list(_rows(vault, name, redactor))
        except MimicError as error:
            problem = {"problem": [error.what, *error.facts], "remedies": list(error.remedies)}
            facts = {
                "kind": "missing",
                "client": "function",
                "target": "damaged file",
                "at": 0.0,
                "seconds": 0.0,
            }
            rows = [{**facts, "label": name, "test": "", "name": name, "recorded": "", **problem}]
        for row in rows:
            found.setdefault(row["group"] if "group" in row else row["test"], []).append(row)
    for test in sorted(found):
        yield from found[test]


def _rows(vault: Vault, name: str, redactor: Redactor) -> Iterator[Row]:
    """Yield the rows of a recording or cassette: of none if it was deleted meanwhile."""
    file: Row = {"kind": "recorded", "at": 0.0, "name": name}
    if name.startswith(CASSETTES):
        title = f"cassette {name[len(CASSETTES) :].strip('/').removesuffix('.json')}"
        file |= {
            "recorded": vault.date_of(name),
            "test": vault.test_of(name) or "",
            "group": title,
            "note": title,
        }
        entries = vault.read_cassette(name) or ()
        calls = [(one.target, one.whole().arguments, one.signature, [one.stored]) for one in entries]
    elif (found := vault.read(name)) is not None:
        file |= {"recorded": found.recorded, "test": found.test or ""}
        calls = [(found.target, found.whole().arguments, "", found.outcomes)]
    else:
        return
    for target, arguments, signature, outcomes in calls:
        label = recorded_label(target, arguments, signature=signature)
        row = file | {"client": target if names_client(target) else "function", "target": target}
        for number, stored in enumerate(outcomes, 1):
            brief, text, is_error = shown_outcome(stored, redactor)
            yield row | {
                "label": label if len(outcomes) == 1 else f"{label}, call {number} of {len(outcomes)}",
                "seconds": stored.duration,
                "arguments": shown_arguments(arguments),
                "brief": brief,
                "outcome": text,
                "raised": is_error,
            }
