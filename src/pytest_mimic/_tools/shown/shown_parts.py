"""The parts of a recorded call that people are shown: its arguments and outcomes.

A part is a heading with the value below it. `show` and the page draw them in lines.

No class is imported, no pickle loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_classes import Fields, Node, Opaque
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.nodes.node_parts import items_of
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.call_labels import nodes_by_name
from pytest_mimic._core.tree.chats import (
    CHAT_PARTS,
    Message,
    answer_messages,
    event_data,
    request_messages,
    streamed_text,
)
from pytest_mimic._core.tree.drawing import (
    Block,
    Drawn,
    Group,
    Table,
    drawn,
    line,
)
from pytest_mimic._core.tree.outcome_trees import (
    body_nodes,
    chunk_node,
    is_response,
    without_secrets,
)
from pytest_mimic._core.vault.outcome_entries import Entry
from pytest_mimic._core.words import plural, size
from pytest_mimic.errors import printable

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome

Part = tuple[str, Drawn | None]
"""A heading, and the value below it if there is one."""

# Of a longer list, mapping or table in an outcome, the first so many parts are shown.
_MOST_SHOWN = 100
# A cell of a table is cut to so many characters.
_LONGEST_CELL = 60
# So many imports are named in one line. More stand below one another.
_MOST_IMPORTS_IN_LINE = 3


def argument_parts(call: Recording) -> Iterator[Part]:
    """Yield the arguments of a call as parts, from its description in the recording."""
    if call.arguments is None:
        yield "the arguments are not stored", None
        return
    if not names_client(call.target):
        for name, part in nodes_by_name(call.arguments).items():
            yield f"{name}: ", drawn(part)
        return
    for name, argument in call.arguments.items():
        if name == "signature":
            # The heading of the call has it.
            continue
        if name == "body":
            messages = request_messages(argument)
            yield from _chat_parts(messages)
            if messages:
                argument = _besides_messages(argument)
        yield f"{name}: ", drawn(node_of(argument))


def _chat_parts(messages: Iterable[Message]) -> Iterator[Part]:
    """Yield a conversation with a language model as roles and texts."""
    for role, text in messages:
        safe_text = "\n".join(map(printable, text.split("\n")))
        drawing: Drawn = safe_text
        if "\n" in safe_text:
            drawing = Block(safe_text)
        yield f"{printable(role)}: ", drawing


def _besides_messages(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request to a language model without what `_chat_parts` shows of it."""
    body_parts = dict(body)
    for name in CHAT_PARTS:
        body_parts.pop(name, None)
    return body_parts


def outcome_parts(
    target: str, stored_outcome: StoredOutcome, redactor: Redactor
) -> Iterator[Part]:
    """Yield a recorded outcome as parts, secret names hidden.

    Raises:
        CorruptRecordingError: The object of the outcome is damaged.
    """
    outcome_body = stored_outcome.readable()
    if outcome_body is None:
        # The outcome is a pickle, in a file of its own.
        shown_size = "missing"
        if stored_outcome.size is not None:
            shown_size = size(stored_outcome.size)
        yield from pickle_parts(
            stored_outcome.entry, f"{shown_size}: {stored_outcome.entry['pickle']}"
        )
        return
    is_client = names_client(target)
    visible_body = without_secrets(outcome_body, redactor)
    is_tagged = is_client or stored_outcome.is_tagged
    yield from parts_of(visible_body, is_tagged=is_tagged, is_client=is_client)


def pickle_parts(outcome_entry: Entry, size_and_file: str) -> Iterator[Part]:
    """Yield a pickled outcome by the facts in its recording: the pickle is not read.

    Args:
        outcome_entry: The facts.
        size_and_file: The size and the file of the pickle, or empty.
    """
    verb_by_kind = {"raised": "raised ", "stream": "a stream, "}
    verb = verb_by_kind.get(outcome_entry["kind"], "returned ")
    yield f"{verb}a pickle, {size_and_file}".removesuffix(", "), None
    if outcome_entry.get("preview"):
        yield "preview: ", " ".join(map(str, outcome_entry["preview"]))
    imports = outcome_entry.get("imports", ())
    # A long line of names is hard to read.
    if len(imports) > _MOST_IMPORTS_IN_LINE:
        yield "imports: ", Block("\n".join(imports))
    elif imports:
        yield "imports: ", ", ".join(imports)
    if "python" in outcome_entry:
        yield f"only Python {outcome_entry['python']} can load it", None


def parts_of(
    body: dict[str, Any], *, is_tagged: bool, is_client: bool = False
) -> Iterator[Part]:
    """Yield an outcome as parts: the JSON of its body.

    `call_log.py` asks it for the outcomes of a page, whose secrets are hidden, too.

    Args:
        body: The JSON, without secrets.
        is_tagged: Whether mappings may be tags, as a date is one.
        is_client: Whether the outcome is that of a client's call.
    """
    nodes = body_nodes(body, is_tagged=is_tagged)
    value = body.get("value")
    if "raised" in nodes:
        yield "raised ", _named_exception(nodes["raised"])
    elif "items" in nodes:
        yield from _stream_parts(items_of(nodes["items"]) or [])
        end = body["stream"].get("end")
        if end is None:
            yield "its reader stopped here", None
        elif "end" in nodes:
            # The end of a stream is an outcome of its own: an exception or a value.
            yield from parts_of(end, is_tagged=is_tagged)
    elif is_response(value):
        yield from _response(body["value"], is_tagged=is_tagged)
    elif is_client and isinstance(value, dict) and _is_mapping(nodes["value"]):
        yield from _reply(value)
    elif "value" in nodes:
        yield "returned ", drawn(nodes["value"], most=_MOST_SHOWN)


def _is_mapping(node: Node) -> bool:
    """Return whether a value is a mapping, and no tag for something else."""
    return isinstance(node, Fields) and node.kind == "dict"


def _stream_parts(stream_items: list[Node]) -> Iterator[Part]:
    """Yield how many items a stream gave, and the first ones."""
    first_items = stream_items[:_MOST_SHOWN]
    yield f"a stream of {plural(len(stream_items), 'item')}", None
    for number, stream_item in enumerate(first_items, 1):
        yield f"{number}: ", drawn(stream_item, most=_MOST_SHOWN)
    if len(first_items) < len(stream_items):
        yield f"... {len(stream_items) - len(first_items)} more", None


def _named_exception(node: Node) -> Drawn:
    """Return an exception, named as in a traceback.

    Python's own classes have no module there.
    """
    drawing = drawn(node, most=_MOST_SHOWN)
    name = ""
    if isinstance(node, Fields):
        name = node.kind
    if not isinstance(drawing, Group) or name.startswith("builtins:"):
        return drawing
    return drawing._replace(open=f"{name.replace(':', '.')}(")


def _said_in(body: dict[str, Any]) -> list[Message]:
    """Return what a language model says in a body; of a stream, the joined text."""
    if "json" in body:
        return answer_messages(body["json"])
    events = body.get("events")
    if not isinstance(events, list):
        return []
    text = streamed_text(event_data(events))
    if not text:
        return []
    return [Message("assistant", text)]


def _response(value: dict[str, Any], *, is_tagged: bool) -> Iterator[Part]:
    """Yield a response of HTTP: its status, its headers, its body."""
    version = value.get("version", "HTTP")
    reason = value.get("reason") or ""
    yield f"{version} {value['status']} {reason}".rstrip(), None
    for name, header in value["headers"]:
        yield f"{name}: {header}", None
    body = value.get("body") or {}
    yield from _chat_parts(_said_in(body))
    if "json" in body:
        yield (
            "json: ",
            drawn(node_of(body["json"], is_tagged=is_tagged), most=_MOST_SHOWN),
        )
    if "text" in body:
        yield "text: ", drawn(node_of(body["text"]), most=_MOST_SHOWN)
    if "base64" in body:
        yield "body: ", drawn(Opaque("base64", body["base64"]), most=_MOST_SHOWN)
    for number, chunk in enumerate(body.get("chunks", body.get("events", ())), 1):
        yield f"{number}: ", drawn(chunk_node(chunk), most=_MOST_SHOWN)
    for key in ("error", "end"):
        if key in value:
            yield f"{key}: ", drawn(node_of(value[key]), most=_MOST_SHOWN)


def _reply(value: dict[str, Any]) -> Iterator[Part]:
    """Yield the answer of a database or another service: rows, replies, the rest."""
    # The keys of the answer that the last loop leaves out, since their values are drawn
    # before it.
    drawn_keys = {"replies"}
    if "rows" in value:
        column_names = [column[0] for column in value.get("columns", ())]
        rows = list(map(node_of, value["rows"]))
        yield "", _table_of_rows(column_names, rows)
        drawn_keys |= {"rows", "columns"}
    for number, reply in enumerate(value.get("replies", ()), 1):
        yield f"{number}: ", drawn(node_of(reply), most=_MOST_SHOWN)
    for key, reply_part in value.items():
        if key not in drawn_keys:
            yield f"{key}: ", drawn(node_of(reply_part), most=_MOST_SHOWN)


def _table_of_rows(column_names: Sequence[object], rows: Sequence[Node]) -> Table:
    """Return the rows of a database as the table that `show` prints.

    The page of the report has a table of its own, in `_tools/page/blocks.py`.
    """
    title = plural(len(rows), "row")
    if len(rows) > _MOST_SHOWN:
        title = f"{title}, the first {_MOST_SHOWN}"
    cells_by_row = [_cells_of_row(row) for row in rows[:_MOST_SHOWN]]
    return Table(title, list(map(str, column_names)), cells_by_row)


def _cells_of_row(row: Node) -> list[str]:
    """Return the texts of a row's cells, as `show` prints them.

    An edited recording may have a row that is no list. It is shown as one cell.
    """
    cells = items_of(row)
    if cells is None:
        cells = [row]
    return [line(cell, _LONGEST_CELL) for cell in cells]
