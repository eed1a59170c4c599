"""The calls of a run as rows of plain data, as `-v` and the HTML page show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_parts import items_of
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.chats import tokens_of_response
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.nearest_recording import NearestRecording
from pytest_mimic._core.tree.outcome_trees import body_nodes
from pytest_mimic._core.vault.format import wall_seconds
from pytest_mimic._tools.page.blocks import (
    PageBlock,
    argument_blocks,
    diff_block,
    request_blocks,
    stream_blocks,
    text_block,
    value_blocks,
)
from pytest_mimic._tools.page.previews import preview_blocks
from pytest_mimic._tools.shown.outcome_lines import shown_outcome
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.tree.differing import Difference
    from pytest_mimic._core.vault.recording_facts import Stored

# How many characters of the end of a stream, such as an error, are shown at most.
_MOST_OF_END = 1_000

Row = dict[str, Any]
"""One call.

| key | value |
|---|---|
| `kind` | what became of it: `replayed`, `recorded`, `verified`, `drifted`, `missing` |
| `label` | the call in one line |
| `test` | the id of its test, empty outside of tests |
| `seconds` | how long the call took; if replayed, how long when it was recorded |

With details also:

| key | value |
|---|---|
| `blocks` | what is inside, see `blocks` |
| `brief` | its outcome in a few words |
| `is_error` | whether the outcome is an error |
| `began` | when the call began, in seconds on the clock of its process |
| `wall_seconds` | those in which no call that ended before it was running, too |
| `took` | how long the call took in this run, in seconds; if replayed, the replay |
| `tokens` | `[model, sent, received]`, where an answer says so |
| `target`, `name` | its target, and the file of its recording |
"""


class CallLog:
    """Keeps each call of a run as a row in the account.

    A row has no secret: descriptions and messages are redacted already, and outcomes
    are redacted here.

    Args:
        run: The run.
        details: Whether rows have the keys that only the HTML report needs.
    """

    def __init__(self, run: Run, *, details: bool) -> None:
        self._run = run
        self._has_details = details

    def note(
        self,
        call_kind: str,
        call: Call,
        *,
        stored_outcome: Stored | None = None,
        seconds: float | None = None,
        error: MimicError | None = None,
        differences: Sequence[Difference] = (),
    ) -> None:
        """Keep a call.

        Args:
            call_kind: What became of the call: `replayed`, `recorded`, `verified`,
                `drifted` or `missing`.
            call: The call.
            stored_outcome: The recorded outcome of the call. None: there is none.
            seconds: How long the real call took, None if none was made.
            error: The miss or the drift. None: the call had neither.
            differences: How the real outcome differs from the recorded one.
        """
        # The clock is read first: to make the row is no part of the call.
        call_ended = self._run.clock()
        real_seconds = seconds or 0.0
        saved_seconds = 0.0
        is_replayed = call_kind == "replayed"
        if is_replayed and stored_outcome is not None:
            saved_seconds = stored_outcome.duration
        call_row: Row = {
            "kind": call_kind,
            "label": call.listed,
            "test": self._run.current.test,
            "seconds": real_seconds or saved_seconds,
        }
        if self._has_details:
            call_row["began"] = call.began
            if stored_outcome is not None and call_kind in ("replayed", "recorded"):
                call_row["wall_seconds"] = wall_seconds(stored_outcome.entry)
            call_row["took"] = real_seconds
            if is_replayed:
                call_row["took"] = call_ended - call.began
        try:
            if self._has_details:
                call_row |= self._detailed(call, stored_outcome, error, differences)
        except Exception as reason:
            # A page only shows a run, and must never change it.
            text = f"cannot be shown: {type(reason).__name__}"
            call_row["blocks"] = [text_block("", text)]
        self._run.account.calls.append(call_row)

    def _detailed(
        self,
        call: Call,
        stored_outcome: Stored | None,
        error: MimicError | None,
        differences: Sequence[Difference],
    ) -> Row:
        """Return what only the HTML page shows of a call: see `Row`."""
        call_row: Row = {"target": call.plan.target}
        blocks = _problem_blocks(error, differences)
        arguments = call.arguments or {}
        if call.plan.kind == "function":
            blocks += argument_blocks(by_name(arguments))
        else:
            blocks += request_blocks(arguments)
        if stored_outcome is not None:
            outcome_blocks: list[PageBlock] = []
            call_row |= self._outcome(call, stored_outcome, outcome_blocks)
            if outcome_blocks:
                first_block = {**outcome_blocks[0], "begins": True}
                if error is not None:
                    # The outcome of now is known by its differences alone.
                    first_block["title"] = f"recorded {first_block['title']}"
                outcome_blocks[0] = first_block
            blocks += outcome_blocks
        call_row["blocks"] = blocks
        return call_row

    def _outcome(
        self, call: Call, stored_outcome: Stored, blocks: list[PageBlock]
    ) -> Row:
        """Return the facts of an outcome, and add its blocks."""
        redactor = self._run.redactor
        secrets = call.plan.secrets(call)
        is_client = call.plan.kind != "function"
        shown = shown_outcome(
            stored_outcome, redactor, secrets=secrets, is_client=is_client
        )
        outcome_row: Row = {"brief": shown.brief, "is_error": shown.is_error}
        if stored_outcome.name != "?":
            outcome_row["name"] = stored_outcome.name
        if not is_client and stored_outcome.kind != "stream":
            previews = preview_blocks(stored_outcome, redactor)
            text = text_block("outcome", shown.text)
            if previews:
                # Beside a preview, the text only adds what the pickle imports.
                text["folded"] = True
            blocks += [*previews, text]
            return outcome_row
        if shown.body is None:
            blocks.append(text_block("outcome", shown.text))
            return outcome_row
        value = shown.body.get("value")
        if not is_client:
            blocks += _item_blocks(shown.body, stored_outcome)
        elif value is None:
            blocks.append(text_block("outcome", shown.text))
        else:
            blocks += value_blocks(value)
        tokens = tokens_of_response(value)
        if tokens is not None:
            outcome_row["tokens"] = list(tokens)
        return outcome_row


def _problem_blocks(
    error: MimicError | None, differences: Sequence[Difference]
) -> list[PageBlock]:
    """Return what a miss or a drift says, its difference once, and what to do."""
    if error is None:
        return []
    lines = [error.what]
    # A drift has differences of its own, a miss those of its nearest recording. The
    # page draws both below the words.
    drawn_differences = list(differences)
    for fact in error.facts:
        if isinstance(fact, NearestRecording):
            # The words name the recording, and leave the differences to the drawing.
            lines += fact.head_lines()
            drawn_differences += fact.differences
        elif differences:
            # The facts of a drift repeat in words the differences that are drawn.
            continue
        elif isinstance(fact, str):
            lines.append(fact)
        else:
            lines += fact.lines()
    blocks = [text_block("", "\n".join(lines), style="error")]
    if drawn_differences:
        blocks.append(diff_block(drawn_differences))
    if error.remedies:
        blocks.append({"type": "commands", "lines": error.remedy_lines()})
    return blocks


def _item_blocks(body: dict[str, Any], stored_outcome: Stored) -> list[PageBlock]:
    """Return the items of a generator, and the end that is more than their end."""
    nodes = body_nodes(body, is_tagged=stored_outcome.is_tagged)
    blocks = stream_blocks(items_of(nodes["items"]) or [])
    if "end" in nodes:
        blocks.append(text_block("end", line(nodes["end"], _MOST_OF_END)))
    return blocks
