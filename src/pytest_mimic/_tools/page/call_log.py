"""The calls of a run as rows of plain data, as `-v` and the HTML page show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.nodes.node_parts import items_of
from pytest_mimic._core.tree.call_labels import nodes_by_name
from pytest_mimic._core.tree.chats import tokens_of_response
from pytest_mimic._core.tree.drawing import line, lines_of
from pytest_mimic._core.tree.nearest_recording import NearestRecording
from pytest_mimic._core.tree.outcome_trees import (
    body_nodes,
    is_response,
    without_secrets,
)
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
from pytest_mimic._tools.shown.outcome_words import reply_in_short
from pytest_mimic._tools.shown.shown_parts import Part, parts_of, pickle_parts
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.call import Call
    from pytest_mimic._core.engine.run import Run
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.tree.differing import Difference
    from pytest_mimic._core.vault.recording_facts import StoredOutcome

# How many characters of the end of a stream, such as an error, are shown at most.
_MOST_OF_END = 1_000
# The most characters of an outcome that a page shows.
_MOST_OF_OUTCOME = 4_000
# The most characters of an outcome in a list of calls.
_MOST_IN_BRIEF = 90
_WIDTH_OF_LINES = 100

CallRow = dict[str, Any]
"""One call. `_run/call_report.py` prints its line, `html_page.py` draws the page of it.

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
| `wall_seconds` | its seconds that it shares with no call that ended before it |
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
        stored_outcome: StoredOutcome | None = None,
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
        call_row: CallRow = {
            "kind": call_kind,
            "label": call.label_in_lists,
            "test": self._run.current.test,
            "seconds": real_seconds or saved_seconds,
        }
        if self._has_details:
            # The page sums these times by test, and draws them as bars.
            call_row["began"] = call.began
            if stored_outcome is not None and call_kind in ("replayed", "recorded"):
                call_row["wall_seconds"] = wall_seconds(stored_outcome.entry)
            call_row["took"] = real_seconds
            if is_replayed:
                call_row["took"] = call_ended - call.began
        try:
            if self._has_details:
                call_row |= self._details_for_page(
                    call, stored_outcome, error, differences
                )
        except Exception as reason:
            # A page only shows a run, and must never change it.
            text = f"cannot be shown: {type(reason).__name__}"
            call_row["blocks"] = [text_block("", text)]
        self._run.account.calls.append(call_row)

    def _details_for_page(
        self,
        call: Call,
        stored_outcome: StoredOutcome | None,
        error: MimicError | None,
        differences: Sequence[Difference],
    ) -> CallRow:
        """Return what only the HTML page shows of a call: see `CallRow`."""
        call_row: CallRow = {"target": call.plan.target}
        blocks = _problem_blocks(error, differences)
        arguments = call.arguments or {}
        if call.plan.kind == "function":
            blocks += argument_blocks(nodes_by_name(arguments))
        else:
            blocks += request_blocks(arguments)
        if stored_outcome is not None:
            outcome_blocks: list[PageBlock] = []
            call_row |= self._outcome(call, stored_outcome, outcome_blocks)
            if outcome_blocks:
                first_block = {**outcome_blocks[0], "begins": True}
                if error is not None:
                    # Of today's outcome, only the differences are known.
                    first_block["title"] = f"recorded {first_block['title']}"
                outcome_blocks[0] = first_block
            blocks += outcome_blocks
        call_row["blocks"] = blocks
        return call_row

    def _outcome(
        self, call: Call, stored_outcome: StoredOutcome, outcome_blocks: list[PageBlock]
    ) -> CallRow:
        """Return the keys of a row about an outcome, and add its blocks to a list."""
        redactor = self._run.redactor
        secrets = call.plan.secrets(call)
        is_client = call.plan.kind != "function"
        page_outcome = outcome_on_page(
            stored_outcome, redactor, secrets=secrets, is_client=is_client
        )
        outcome_row: CallRow = {
            "brief": page_outcome.brief,
            "is_error": page_outcome.is_error,
        }
        # An outcome that is not written yet has no name of a file.
        if stored_outcome.name != "?":
            outcome_row["name"] = stored_outcome.name
        if not is_client and stored_outcome.kind != "stream":
            previews = preview_blocks(stored_outcome, redactor)
            text = text_block("outcome", page_outcome.text)
            if previews:
                # Beside a preview, the text only adds what the pickle imports.
                text["folded"] = True
            outcome_blocks += [*previews, text]
            return outcome_row
        # The outcome of a client that is a pickle, or whose file is damaged.
        if page_outcome.body is None:
            outcome_blocks.append(text_block("outcome", page_outcome.text))
            return outcome_row
        value = page_outcome.body.get("value")
        if not is_client:
            outcome_blocks += _item_blocks(page_outcome.body, stored_outcome)
        elif value is None:
            # The call of the client has raised an exception.
            outcome_blocks.append(text_block("outcome", page_outcome.text))
        else:
            outcome_blocks += value_blocks(value)
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


def _item_blocks(
    body: dict[str, Any], stored_outcome: StoredOutcome
) -> list[PageBlock]:
    """Return the items of a generator, and the end that is more than their end."""
    nodes = body_nodes(body, is_tagged=stored_outcome.is_tagged)
    blocks = stream_blocks(items_of(nodes["items"]) or [])
    if "end" in nodes:
        blocks.append(text_block("end", line(nodes["end"], _MOST_OF_END)))
    return blocks


# An outcome in lines, and in a few words


class OutcomeOnPage(NamedTuple):
    """An outcome as a page shows it.

    Attributes:
        brief: The outcome in a few words, for a list.
        parts: What `text` draws where there is no `body`.
        is_error: Whether the outcome is an error.
        body: The outcome's JSON without secrets, None of a pickle and of a damaged
            file.
        is_tagged: Whether mappings of the body may be tags.
    """

    brief: str
    parts: Sequence[Part] = ()
    is_error: bool = False
    body: dict[str, Any] | None = None
    is_tagged: bool = False

    @property
    def text(self) -> str:
        """The outcome in lines.

        They are drawn when they are asked for: a page has a better form of most.
        """
        parts: Iterable[Part] = self.parts
        if self.body is not None:
            parts = parts_of(self.body, is_tagged=self.is_tagged)
        return _cut_text("\n".join(_lines(parts)), _MOST_OF_OUTCOME)


def outcome_on_page(
    stored_outcome: StoredOutcome,
    redactor: Redactor,
    *,
    secrets: Collection[str] = (),
    is_client: bool = False,
) -> OutcomeOnPage:
    """Return an outcome as a page shows it.

    A pickle is shown by the preview and the list of imports in its recording.

    Args:
        stored_outcome: The outcome.
        redactor: Hides values under secret names.
        secrets: Texts that are known to be secret, which are hidden, too.
        is_client: Whether the outcome is that of a client's call.
    """
    try:
        body = stored_outcome.readable()
    except MimicError as error:
        # The file is damaged, for example.
        return OutcomeOnPage("cannot be shown", [(str(error), None)])
    outcome_entry = stored_outcome.entry
    visible_body = None
    pickle_parts_of_outcome: list[Part] = []
    if body is None:
        pickle_parts_of_outcome += pickle_parts(
            without_secrets(outcome_entry, redactor, secrets), ""
        )
        brief, _ = pickle_parts_of_outcome[0]
        if outcome_entry.get("preview"):
            brief = str(outcome_entry["preview"][0])
    else:
        visible_body = without_secrets(body, redactor, secrets)
        brief = _outcome_in_brief(
            visible_body, is_tagged=stored_outcome.is_tagged, is_client=is_client
        )
    # A stream may end with an error.
    end = (body or {}).get("stream", {}).get("end") or {}
    is_error = stored_outcome.is_raised or "raised" in end
    brief = _cut_text(redactor.scrub_text(brief, secrets), _MOST_IN_BRIEF)
    return OutcomeOnPage(
        brief, pickle_parts_of_outcome, is_error, visible_body, stored_outcome.is_tagged
    )


def _outcome_in_brief(body: dict[str, Any], *, is_tagged: bool, is_client: bool) -> str:
    """Return an outcome in one line.

    An answer of HTTP is shown by its status, rows by their number, and anything else by
    the beginning of its text.
    """
    value: Any = body.get("value")
    if is_response(value):
        return f"{value['status']} {value.get('reason') or ''}".rstrip()
    if is_client and isinstance(value, dict):
        return reply_in_short(value)
    if "value" in body:
        return line(node_of(value, is_tagged=is_tagged), _MOST_IN_BRIEF)
    title, node = next(parts_of(body, is_tagged=is_tagged))
    if node is None:
        return title
    return f"{title}{next(lines_of(node, _MOST_IN_BRIEF))}"


def _cut_text(text: str, limit: int) -> str:
    """Return the text of an outcome on the page in at most so many characters."""
    if len(text) <= limit:
        return text
    return f"{text[: limit - 2]} …"


def _lines(titled_parts: Iterable[Part]) -> Iterator[str]:
    """Yield the lines of an outcome's text on the page.

    The heading of a part stands in its first line.
    """
    for title, node in titled_parts:
        if node is None:
            yield title
            continue
        first_line, *other_lines = lines_of(node, _WIDTH_OF_LINES - len(title))
        yield f"{title}{first_line}"
        yield from other_lines
