"""What the page shows inside a call: blocks of plain data, which the script draws.

A block is a JSON object whose `type` says how it is drawn:

| type | besides |
|---|---|
| `text` | `title`, `text`; `style` is `error` for a problem; `folded` at first |
| `fields` | `title`, `pairs`: names and texts |
| `headers` | `title`, `pairs`; folded at first |
| `json` | `title`, `value`: any JSON, foldable; `folded` as a whole at first |
| `chat` | `title`, `messages`: pairs of role and text |
| `events` | `title`, `items`: the events of a stream, folded at first |
| `table` | `title`, `columns`: pairs of name and type, `rows` of texts, `more` rows |
| `image` | `title`, `url`: a data URL |
| `diff` | `title`, `parts`, see `diff_block`; `more` differences |
| `commands` | `lines` |

The first block of an outcome has `begins`, by which it stands beside the request.

All values are redacted before they come here, and each block is cut to a size that
a page with 10,000 calls can hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_mimic._core.nodes.node_classes import Node
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.tree.chats import (
    Message,
    answer_messages,
    event_data,
    request_messages,
    streamed_text,
)
from pytest_mimic._core.tree.difference_words import side_by_side
from pytest_mimic._core.tree.drawing import line
from pytest_mimic._core.tree.outcome_trees import is_response
from pytest_mimic._core.words import plural

if TYPE_CHECKING:
    from pytest_mimic._core.tree.differing import Difference

PageBlock = dict[str, Any]

#: The characters of one text, and the rows, events or items of one list, on the page.
MOST_CHARACTERS_OF_TEXT = 4_000
MOST_ITEMS = 50
# JSON nested deeper, or with more parts in all, is cut.
_DEEPEST_JSON = 12
_MOST_PARTS_OF_JSON = 1_000
# The largest image in base64, in characters.
_LARGEST_IMAGE = 100_000


def request_blocks(arguments: Mapping[str, Any]) -> list[PageBlock]:
    """Return the blocks of a client's request.

    Args:
        arguments: The redacted description of the request, with the long parts. HTTP
            has `method`, `url`, `query`, `headers.<name>` and `body`; databases have a
            statement or a command, and parameters.
    """
    fields: list[tuple[str, str]] = []
    headers: list[tuple[str, str]] = []
    blocks: list[PageBlock] = []
    for name, argument in arguments.items():
        if name == "signature":
            # The line of the call has it already.
            continue
        if name.startswith("headers."):
            headers.append((name.partition(".")[2], shown_text(argument)))
        elif name == "url":
            fields.append((name, _url_with_query(argument, arguments.get("query"))))
        elif name == "query":
            # It stands behind the URL.
            continue
        elif isinstance(argument, str) and "\n" not in argument:
            fields.append((name, cut(argument)))
        else:
            blocks += _body_blocks(name, argument, request_messages(argument))
    if headers:
        blocks.insert(0, _headers_block(headers))
    if fields:
        blocks.insert(0, {"type": "fields", "title": "request", "pairs": fields})
    return blocks


def argument_blocks(arguments: Mapping[str, Node]) -> list[PageBlock]:
    """Return the arguments of a function as one block, in Python's notation."""
    shown_arguments = [
        (name, line(part, MOST_CHARACTERS_OF_TEXT)) for name, part in arguments.items()
    ]
    if not shown_arguments:
        return []
    return [{"type": "fields", "title": "arguments", "pairs": shown_arguments}]


def response_blocks(value: Mapping[str, Any]) -> list[PageBlock]:
    """Return the blocks of an answer of HTTP: its status, its headers and its body."""
    status = f"{value['status']} {value.get('reason') or ''}".rstrip()
    response_facts = [("status", status)]
    for name in ("error", "end"):
        if name in value:
            response_facts.append((name, shown_text(value[name])))
    headers = [(str(name), shown_text(text)) for name, text in value["headers"]]
    blocks: list[PageBlock] = [
        {"type": "fields", "title": "answer", "pairs": response_facts}
    ]
    if headers:
        blocks.append(_headers_block(headers))
    body = value.get("body")
    if isinstance(body, Mapping):
        blocks += _response_body(body, headers)
    return blocks


def reply_blocks(value: Mapping[str, Any]) -> list[PageBlock]:
    """Return the blocks of another service's answer: a table of rows, else JSON."""
    if not value:
        return []
    if not isinstance(value.get("rows"), list):
        return [json_block("answer", value)]
    # The answer of a database has no types of its columns.
    columns = [(_column_name(column), "") for column in value.get("columns", ())]
    blocks = [table_block(columns, value["rows"])]
    other_parts = dict(value)
    other_parts.pop("rows")
    other_parts.pop("columns", None)
    if other_parts:
        blocks.append(json_block("besides", other_parts))
    return blocks


def _column_name(column: object) -> str:
    """Return the name of a recorded column, which is the first of its facts."""
    if isinstance(column, list) and column:
        column = column[0]
    return shown_text(column)


def table_block(
    columns: Sequence[tuple[str, str]],
    table_rows: Sequence[object],
    *,
    count: int | None = None,
) -> PageBlock:
    """Return rows as a table of the page.

    Args:
        columns: Names and types; a type may be empty.
        table_rows: The first rows, each a list of trees.
        count: How many rows there are in all, if there are more.
    """
    if count is None:
        count = len(table_rows)
    first_rows = table_rows[:MOST_ITEMS]
    cells_of_rows = []
    for row in first_rows:
        if not isinstance(row, list):
            row = [row]
        cells_of_rows.append(list(map(shown_text, row)))
    title = plural(count, "row")
    if count > len(first_rows):
        title += f", the first {len(first_rows)}"
    return {
        "type": "table",
        "title": title,
        "columns": list(map(list, columns)),
        "rows": cells_of_rows,
        "more": count - len(first_rows),
    }


def json_block(title: str, value: object) -> PageBlock:
    """Return JSON that the reader can fold."""
    return {"type": "json", "title": title, "value": PageJson().fitted_to_page(value)}


def text_block(title: str, text: str, *, style: str = "") -> PageBlock:
    """Return a text as it is, cut where it is long."""
    return {"type": "text", "title": title, "text": cut(text), "style": style}


def diff_block(differences: Sequence[Difference]) -> PageBlock:
    """Return differences for red and green.

    Each part is `[path, recorded, now, fact]`. A side is a list of stretches, which are
    pairs of a sign and a text, and is empty where a part is only on the other side. The
    sign is a blank where both sides have the text. The fact is what is said of both
    sides, or how they differ where neither is shown.

    Examples:
        - `["day", [["-", "Monday"]], [["+", "Friday"]], ""]`
        - `["['n']", [["-", "[0]: 1"]], [["+", "[0]: 2"]], "1 of 9 differ"]`
    """
    first_differences = differences[:MOST_ITEMS]
    parts_side_by_side = side_by_side(first_differences)
    title = "what differs"
    if any(sides.old or sides.new for sides in parts_side_by_side):
        title += ": \N{MINUS SIGN} recorded, + now"
    return {
        "type": "diff",
        "title": title,
        "parts": list(map(list, parts_side_by_side)),
        "more": len(differences) - len(first_differences),
    }


def _headers_block(headers: Sequence[tuple[str, str]]) -> PageBlock:
    """Return headers as a block, which the script of the page folds at first."""
    return {
        "type": "headers",
        "title": plural(len(headers), "header"),
        "pairs": list(headers),
    }


def _chat_block(messages: Sequence[Message]) -> PageBlock:
    """Return the last messages of a conversation with a language model."""
    return {
        "type": "chat",
        "title": plural(len(messages), "message"),
        "messages": [(role, cut(text)) for role, text in messages[-MOST_ITEMS:]],
    }


def _body_blocks(name: str, part: Any, messages: Sequence[Message]) -> list[PageBlock]:
    """Return a body as a text or as JSON, behind the messages that were found in it."""
    if isinstance(part, str):
        return [text_block(name, part)]
    block = json_block(name, part)
    if not messages:
        return [block]
    # The messages say most of what is in the body.
    return [_chat_block(messages), {**block, "folded": True}]


def _response_body(
    body: Mapping[str, Any], headers: Iterable[tuple[str, str]]
) -> list[PageBlock]:
    """Return what the page shows of a response's body, as `store_body` stores it."""
    if "json" in body:
        return _body_blocks("body", body["json"], answer_messages(body["json"]))
    if "text" in body:
        return [text_block("body", str(body["text"]))]
    if "events" in body:
        return _stream_blocks(event_data(body["events"]))
    if "chunks" in body:
        return [_events_block(body["chunks"])]
    if "base64" in body:
        return [_bytes_block(str(body["base64"]), headers)]
    return []


def _stream_blocks(events: Sequence[Any]) -> list[PageBlock]:
    """Return a stream: the text that a language model wrote in it, and its events."""
    blocks = []
    text = streamed_text(events)
    if text:
        blocks.append(text_block("streamed text", text))
    blocks.append(_events_block(events))
    return blocks


def _events_block(events: Sequence[Any]) -> PageBlock:
    """Return the events of a stream as a block, folded at first."""
    page_json = PageJson()
    fitted_items = list(map(page_json.fitted_to_page, events[:MOST_ITEMS]))
    if len(events) > MOST_ITEMS:
        fitted_items.append(f"… {len(events) - MOST_ITEMS} more")
    title = plural(len(events), "event")
    return {"type": "events", "title": title, "items": fitted_items}


def stream_blocks(stream_items: Sequence[Node]) -> list[PageBlock]:
    """Return the items of a generator."""
    item_texts = [
        line(stream_item, MOST_CHARACTERS_OF_TEXT)
        for stream_item in stream_items[:MOST_ITEMS]
    ]
    return [{**_events_block(item_texts), "title": plural(len(stream_items), "item")}]


def _bytes_block(base64_text: str, headers: Iterable[tuple[str, str]]) -> PageBlock:
    """Return a body in base64 as an image, or in words, by its content type."""
    media_type = ""
    for name, text in headers:
        if name.lower() == "content-type":
            media_type, _, _ = text.partition(";")
            media_type = media_type.strip().lower()
            break
    if media_type in _TYPES_OF_IMAGES and len(base64_text) <= _LARGEST_IMAGE:
        return image_block(base64_text, media_type)
    return text_block(
        "body", f"{len(base64_text) * 3 // 4} bytes, {media_type or 'of no type'}"
    )


# Every browser draws these kinds, and none of them runs a script. SVG may run one.
_TYPES_OF_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


def image_block(base64_text: str, media_type: str) -> PageBlock:
    """Return an image, given in base64, with its media type."""
    url = f"data:{media_type};base64,{quote(base64_text, safe='/+=')}"
    return {"type": "image", "title": media_type, "url": url}


def value_blocks(value: object) -> list[PageBlock]:
    """Return the blocks of a client's recorded value."""
    if is_response(value):
        assert isinstance(value, Mapping)
        return response_blocks(value)
    if isinstance(value, Mapping):
        return reply_blocks(value)
    return [json_block("answer", value)]


def shown_text(part: object) -> str:
    """Return a cell or field of the page: a text without quotes, or a drawn value."""
    if isinstance(part, str):
        return cut(part)
    if part is None:
        return ""
    return line(node_of(part), MOST_CHARACTERS_OF_TEXT)


def cut(text: str) -> str:
    """Return the beginning of a text of the page, and how much is left out."""
    left_out = len(text) - MOST_CHARACTERS_OF_TEXT
    if left_out <= 0:
        return text
    return f"{text[:MOST_CHARACTERS_OF_TEXT]} … {left_out:,} more characters"


class PageJson:
    """Cuts JSON to what a page can hold: long texts and lists, deep and many parts.

    One object counts the parts of one block.
    """

    def __init__(self) -> None:
        self._parts_left = _MOST_PARTS_OF_JSON

    def fitted_to_page(self, value: object, depth: int = 0) -> object:
        """Return a copy with fewer parts. A text says what is left out."""
        self._parts_left -= 1
        if isinstance(value, str):
            return cut(value)
        if not isinstance(value, list | tuple | dict):
            return value
        if depth > _DEEPEST_JSON or self._parts_left <= 0:
            return "…"
        if isinstance(value, dict):
            return self._mapping(value, depth)
        items = [self.fitted_to_page(item, depth + 1) for item in value[:MOST_ITEMS]]
        if len(value) > MOST_ITEMS:
            items.append(f"… {len(value) - MOST_ITEMS} more")
        return items

    def _mapping(self, value: dict[Any, Any], depth: int) -> dict[str, object]:
        fitted_parts: dict[str, object] = {}
        for number, (key, part) in enumerate(value.items()):
            if number == MOST_ITEMS:
                fitted_parts["…"] = f"{len(value) - MOST_ITEMS} more"
                break
            fitted_parts[cut(str(key))] = self.fitted_to_page(part, depth + 1)
        return fitted_parts


def _url_with_query(url: object, query: object) -> str:
    """Return the URL of a request with its query, for the request's block.

    `{"tag": ["a", "b"]}` becomes `?tag=a&tag=b`, without quoting.
    """
    if not isinstance(query, Mapping) or not query:
        return shown_text(url)
    fields = []
    for name, value_or_values in query.items():
        values = [value_or_values]
        # A field has its value, or a list if it stands in the query several times.
        if isinstance(value_or_values, list):
            values = value_or_values
        for value in values:
            fields.append(f"{name}={shown_text(value)}")
    # The page shows the query as people read it, and not as it is quoted for HTTP.
    return f"{shown_text(url)}?{'&'.join(fields)}"
