"""How people see trees: in Python's notation, on one line or one for each part.

Messages, labels, `show` and the page of the report draw values so, and a recording
keeps the line of an outcome that is a pickle as its preview. At the end of the
module are the steps by which paths name the parts of a tree.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_mimic._core.files.places import PathPlace
from pytest_mimic._core.nodes.node_classes import (
    Cut,
    Fields,
    Hidden,
    Items,
    Node,
    Opaque,
)
from pytest_mimic._core.nodes.node_parts import (
    NUMBERED,
    SETS,
    digest_of,
    items_of,
    numbers_in,
    pairs_of,
    short_name,
    shown_facts,
)
from pytest_mimic._core.nodes.node_values import TEXT_KINDS, known_text
from pytest_mimic._core.placeholders import is_placeholder
from pytest_mimic._core.types.attributes_and_parts import key_step
from pytest_mimic._core.types.numpy_numbers import dtype_of, is_of_numpy
from pytest_mimic._core.words import size

_LONGEST_TEXT = 2_000
# Bytes that are no text are shown as a literal up to this length.
_LONGEST_DATA = 40
_INDENT = "  "
# Kinds of values that are drawn by their text alone.
_KINDS_DRAWN_BY_TEXT = frozenset(
    "date datetime decimal float int path pure_posix_path pure_windows_path text time"
    " uuid zoneinfo".split()
)
# Facts of objects that are no arguments of their class: `of` stands in its name, and
# `fields_set` is what pydantic notes of how a model was made.
_FACTS_NOT_DRAWN = frozenset(("fields_set", "of"))
# The brackets around items.
_BRACKETS = {
    "list": ("[", "]"),
    "events": ("[", "]"),
    "tuple": ("(", ")"),
    "set": ("{", "}"),
    "frozenset": ("frozenset({", "})"),
}


class Group(NamedTuple):
    """Parts between brackets, each with its name in front or an empty text.

    `{'USD': 1.07}` is `{`, one part `1.07` with the name `'USD': `, and `}`.
    """

    open: str
    parts: Sequence[tuple[str, Drawn]]
    close: str


class Table(NamedTuple):
    """A table: its title, the names of the columns, and rows of texts.

    `show` draws the rows of a database so. No value of Python is drawn as a table.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Block(NamedTuple):
    """A text of several lines, or with the prefix `b` bytes that are such a text."""

    text: str
    prefix: str = ""


Drawn = str | Group | Table | Block


def line(node: Node, limit: int | None = None, *, digests: bool = False) -> str:
    """Return a node on one line of at most `limit` characters: `Rate(base='EUR')`.

    With `digests`, a value that is shown in part has its digest: `<bytes #1a2b3c4d>`.
    """
    return shortened(_joined_on_one_line(drawn(node, digests=digests)), limit)


def shortened(text: str, limit: int | None) -> str:
    """Return the text, cut to at most `limit` characters."""
    if limit is None or len(text) <= limit:
        return text
    return f"{text[: limit - 3]}..."


def drawn(node: Node, *, digests: bool = False, most: int | None = None) -> Drawn:
    """Return a node as text with its brackets, with at most `most` parts of it."""
    return _Drawing(digests=digests, most=most).node(node)


def _joined_on_one_line(drawing: Drawn) -> str:
    """Return what was drawn on one line, however long: of a table, its title."""
    if isinstance(drawing, Group):
        parts = [name + _joined_on_one_line(part) for name, part in drawing.parts]
        return f"{drawing.open}{', '.join(parts)}{drawing.close}"
    if isinstance(drawing, Block):
        return f"{drawing.prefix}{drawing.text!r}"
    if isinstance(drawing, Table):
        return drawing.title
    return drawing


class _Drawing:
    """Draws one tree; see `drawn`."""

    def __init__(self, *, digests: bool, most: int | None) -> None:
        self._digests = digests
        self._most = most

    def node(self, node: Node) -> Drawn:
        if isinstance(node, str):
            return self._text(node)
        if isinstance(node, Items | Fields | Opaque):
            return known_text(node) or self._drawn_with_parts(node)
        if isinstance(node, Cut):
            return _beginning(node, self._mark(node))
        if isinstance(node, Hidden):
            return _text_of_hidden(node)
        return repr(node)

    def _drawn_with_parts(self, node: Items | Fields | Opaque) -> Drawn:
        if isinstance(node, Items):
            return self._items(node)
        if isinstance(node, Fields):
            return self._fields(node)
        return self._opaque(node)

    def _mark(self, node: Node) -> str:
        """Return the digest, if it is to tell apart two values that look alike."""
        digest = digest_of(node)
        if not self._digests or not digest:
            return ""
        return f" #{digest[:8]}"

    def _text(self, text: str) -> Drawn:
        """Return a text as a literal, or as a block of lines."""
        if self._most is not None and len(text) > _LONGEST_TEXT:
            text = f"{text[:_LONGEST_TEXT]}... ({len(text)} characters)"
        if "\n" in text.rstrip("\n"):
            return Block(text)
        return repr(text)

    def _group(
        self,
        open_: str,
        parts: Sequence[tuple[str, Node]],
        close: str,
        *,
        missing: int = 0,
        mark: str = "",
    ) -> Group:
        """Return the parts between brackets, and how many more there are."""
        shown_parts = parts[: self._most]
        drawings = [(name, self.node(part)) for name, part in shown_parts]
        more = missing + len(parts) - len(shown_parts)
        if more:
            drawings.append(("", f"... {more} more{mark}"))
        return Group(open_, drawings, close)

    def _items(self, node: Items) -> Drawn:
        """Return items between brackets, or as a call: `array([1], dtype=int64)`."""
        missing = 0
        if node.length is not None:
            missing = node.length - len(node.items)
        if node.kind in SETS and not node.items and not missing:
            # `{}` would be a mapping.
            return f"{node.kind}()"
        if node.kind == "dict":
            pairs = [(f"{line(key, 60)}: ", part) for key, part in pairs_of(node)]
            return self._group("{", pairs, "}", missing=missing, mark=self._mark(node))
        parts: list[tuple[str, Node]]
        numbers = numbers_in(node)
        if numbers is not None:
            # The value is a short array of numpy.
            dtype = Opaque("text", dtype_of(node.kind))
            parts = [("", Items("list", numbers)), ("dtype=", dtype)]
            return self._group("array(", parts, ")")
        parts = [("", item) for item in node.items]
        if node.kind in _BRACKETS:
            open_, close = _BRACKETS[node.kind]
            if node.kind == "tuple" and len(parts) == 1 and not missing:
                close = ",)"
            return self._group(
                open_, parts, close, missing=missing, mark=self._mark(node)
            )
        # Any other value is drawn as a call: `deque([1, 2], maxlen=3)`, `range(1, 5)`.
        if node.kind not in TEXT_KINDS:
            parts = [("", Items("list", node.items, node.length, node.digest))]
        parts += _keywords(shown_facts(node))
        return self._group(f"{short_name(node.kind)}(", parts, ")")

    def _fields(self, node: Fields) -> Drawn:
        """Return a mapping, `{'a': 1}`, or an object as a call: `Rate(base='EUR')`."""
        missing = 0
        if node.length is not None:
            missing = node.length - len(node.parts)
        if node.kind == "dict":
            parts = [(f"{name!r}: ", part) for name, part in node.parts.items()]
            return self._group("{", parts, "}", missing=missing, mark=self._mark(node))
        if node.kind == "pickle":
            return _pickle(node.facts.get("size"))
        parts = []
        for name, part in node.parts.items():
            items = items_of(part)
            if name == "*" and items is not None:
                # The arguments of an exception.
                parts += [("", item) for item in items]
            elif name:
                parts.append((f"{name}=", part))
            else:
                # The content of a container.
                parts.append(("", part))
        for name, fact in shown_facts(node).items():
            if name not in _FACTS_NOT_DRAWN:
                parts.append((f"{name}=", fact))
        open_ = f"{short_name(node.kind)}{_arguments(node)}("
        return self._group(open_, parts, ")", missing=missing, mark=self._mark(node))

    def _opaque(self, node: Opaque) -> Drawn:
        """Return a value that is known by a text."""
        mark = self._mark(node)
        phrase = _PHRASE_BY_KIND.get(node.kind)
        if phrase is not None:
            return phrase(node, mark)
        facts = shown_facts(node)
        if node.kind in _KINDS_DRAWN_BY_TEXT or is_of_numpy(node.kind):
            text = _with_mark(text_or_place(node), mark)
            words = [f" {name}={line(fact)}" for name, fact in facts.items()]
            return text + "".join(words)
        name = short_name(node.kind)
        is_member_of_enum = ":" in node.kind and isinstance(node.text, str)
        if is_member_of_enum:
            return f"{name}.{node.text}"
        content: Any = node.text
        if isinstance(content, tuple):
            # A tuple is the place of a path: its folder and the rest. Paths are drawn
            # above, so a tuple is here only if somebody has edited the recording.
            content = str(content)
        parts: list[tuple[str, Node]] = [("", content)]
        parts += _keywords(facts)
        return self._group(f"{name}(", parts, ")")


def _keywords(facts: Mapping[str, Node]) -> list[tuple[str, Node]]:
    """Return each fact as what is drawn before it, `maxlen=`, and its node."""
    return [(f"{name}=", fact) for name, fact in facts.items()]


def text_or_place(node: Opaque) -> str:
    """Return the text of a node, of a path with its folder: `<tmp_path>/a.csv`."""
    if not isinstance(node.text, tuple):
        return str(node.text)
    folder, rest = node.text
    return PathPlace(folder, "", rest).text


def literal_of(node: Opaque, most: int = 1024) -> str | None:
    r"""Return the literal of bytes that are no text, `b'\xff\x00'`.

    None: there are more of them than `most`.
    """
    if _size_of_base64(node) > most:
        return None
    try:
        return repr(a2b_base64(str(node.text)))
    except ValueError:
        # The file of the node may be edited by hand.
        return None


def _size_of_base64(node: Opaque) -> int:
    """Return how many bytes the node of base64 has."""
    text = str(node.text)
    padding = text[-2:].count("=")
    return len(text) * 3 // 4 - padding


def _with_mark(text: str, mark: str) -> str:
    """Return a text with the mark of a digest; in `<…>`, before the last bracket."""
    if text.endswith(">"):
        return f"{text[:-1]}{mark}>"
    return f"{text}{mark}"


def _beginning(node: Cut, mark: str) -> str:
    """Return the text of a value of which only the beginning is kept, or nothing.

    `'abc'... (900 characters)`, `<list of 12>`, `<cycle>`
    """
    if node.is_cycle:
        return "<cycle>"
    if node.start is None:
        words = short_name(node.type)
        if node.length is not None:
            words = f"{words} of {node.length}"
        return f"<{words}{mark}>"
    unit = "characters"
    quoted = repr(node.start)
    if node.type != "str":
        unit = "bytes"
        # The beginning is there in Latin-1. The file may be edited by hand.
        quoted = repr(node.start.encode("latin-1", "backslashreplace"))
    return f"{quoted[:-1]}...{quoted[-1]} ({node.length} {unit}{mark})"


def _text_of_hidden(node: Hidden) -> str:
    # A placeholder stands without quotes, a text with secrets in it with quotes.
    if is_placeholder(node.redacted_text):
        return node.redacted_text
    return repr(node.redacted_text)


def _pickle(length: Node) -> str:
    """Return the words for an outcome that is stored as a pickle."""
    if isinstance(length, int):
        return f"a pickle, {size(length)}"
    return "a pickle"


# For `_PHRASE_BY_KIND`: each function returns the text of a kind of node. The mark is
# the node's digest with a blank and a sign before it, ` #1a2b3c4d`, or empty.


def _phrase_of_class(node: Opaque, mark: str) -> str:
    return f"<class {node.text}{_arguments(node)}{mark}>"


def _arguments(node: Fields | Opaque) -> str:
    """Return the arguments of a generic class in brackets, `[int, str]`, or nothing."""
    names: list[str] = []
    for argument in items_of(node.facts.get("of")) or ():
        if isinstance(argument, Opaque) and argument.kind == "class":
            names.append(f"{short_name(str(argument.text))}{_arguments(argument)}")
        else:
            names.append(line(argument))
    if not names:
        return ""
    return f"[{', '.join(names)}]"


def _phrase_of_content(node: Opaque, mark: str) -> str:
    return f"<content of {node.text}{mark}>"


def _phrase_of_path_text(node: Opaque, mark: str) -> str:
    """Return the literal of a string that is a path below a folder of the run."""
    return f"{text_or_place(node)!r}{mark}"


def _phrase_of_bytes(node: Opaque, _mark: str) -> Drawn:
    text = str(node.text)
    if "\n" in text.rstrip("\n"):
        return Block(text, "b")
    return f"b{text!r}"


def _phrase_of_base64(node: Opaque, mark: str) -> str:
    literal = literal_of(node, _LONGEST_DATA)
    if literal is None:
        # There are many bytes, or the file was edited.
        return f"<bytes, {_size_of_base64(node)} B{mark}>"
    return literal


def _phrase_of_object(node: Opaque, _mark: str) -> str:
    return f"<bytes, {node.facts.get('size', '?')} B, in {node.text}>"


def _phrase_of_column(node: Opaque, mark: str) -> str:
    return f"a column of {node.facts.get('rows')} {node.text}{mark}"


def _phrase_of_row_count(node: Opaque, _mark: str) -> str:
    return f"{node.text:,} rows"


def _phrase_of_item_count(node: Opaque, mark: str) -> str:
    words = f"{node.text} items"
    if mark:
        return f"{words} ({mark.strip()})"
    return words


# All other kinds are drawn as Python writes them.
_PHRASE_BY_KIND: dict[str, Callable[[Opaque, str], Drawn]] = {
    "base64": _phrase_of_base64,
    "bytes": _phrase_of_bytes,
    "class": _phrase_of_class,
    "column": _phrase_of_column,
    "content": _phrase_of_content,
    "count": _phrase_of_item_count,
    "object": _phrase_of_object,
    "rows": _phrase_of_row_count,
    "str": _phrase_of_path_text,
}


# -- lines


def lines_of(node: Drawn, width: int) -> Iterator[str]:
    """Yield the lines of what was drawn, of about so many characters.

    `show` prints them, and the page has them where it has no better form of a value.
    """
    yield from _lines_of_part("", node, "", width)


def _on_one_line(node: Drawn, room: int) -> str | None:
    """Return what was drawn on one line; None: it needs more than `room` characters.

    None also for a block or a table, which always takes several lines.
    """
    if isinstance(node, str) and len(node) <= room:
        return node
    if not isinstance(node, Group):
        return None
    line_text = node.open
    separator = ""
    for name, part in node.parts:
        line_text += f"{separator}{name}"
        separator = ", "
        part_text = _on_one_line(part, room - len(line_text))
        if part_text is None:
            return None
        line_text += part_text
    line_text += node.close
    if len(line_text) > room:
        return None
    return line_text


def _lines_of_part(name: str, node: Drawn, end: str, width: int) -> Iterator[str]:
    """Yield the lines of a part, its name before the first, `end` behind the last."""
    single_line = _on_one_line(node, width - len(name) - len(end))
    if single_line is not None:
        yield f"{name}{single_line}{end}"
    elif isinstance(node, str):
        # A text without parts stays on one line, however long it is.
        yield f"{name}{node}{end}"
    elif isinstance(node, Block):
        yield f"{name}|"
        yield from _indented_lines(node.text.split("\n"))
    elif isinstance(node, Table):
        yield f"{name}{node.title}"
        for row_line in _rows_of(node):
            yield f"{_INDENT}{row_line}".rstrip()
    else:
        yield f"{name}{node.open}"
        for part_name, part in node.parts:
            inner_width = max(width - len(_INDENT), 20)
            yield from _indented_lines(
                _lines_of_part(part_name, part, ",", inner_width)
            )
        yield f"{node.close}{end}"


def _indented_lines(text_lines: Iterable[str]) -> Iterator[str]:
    for text_line in text_lines:
        yield f"{_INDENT}{text_line}"


def _rows_of(node: Table) -> Iterator[str]:
    """Yield the rows of a table, the names of its columns first, in columns."""
    rows = [node.columns, *node.rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        yield "  ".join(cells)


# -- parts by their step in the paths that `ignore=` and `volatile=` take


def steps(node: Node) -> dict[str, Node] | None:
    """Return the parts of a node by their steps in paths; None: it has no parts.

    Differences have their paths by these steps. The numbers of which a fraction is made
    are no parts of it.
    """
    if isinstance(node, Items | Fields | Opaque) and node.kind in TEXT_KINDS:
        return None
    if isinstance(node, Items):
        return _item_steps(node)
    if isinstance(node, Fields):
        return _field_steps(node)
    if isinstance(node, Opaque):
        facts = _fact_steps(node)
        if facts:
            # The value without its facts has no step of its own.
            return {"": Opaque(node.kind, node.text), **facts}
    return None


def _item_steps(node: Items) -> dict[str, Node] | None:
    """Return the items of a node by their steps: `[0]`, `.key`, `{member}`.

    None: the node is drawn as one text, and has no facts.
    """
    if node.kind in SETS:
        # A member of a set has no name. Its step is its own text in braces: `{'EUR'}`.
        return {f"{{{line(item)}}}": item for item in node.items}
    if node.kind == "dict":
        parts_by_step: dict[str, Node] = {}
        for key, part in pairs_of(node):
            if isinstance(key, str):
                parts_by_step[key_step(key)] = part
            else:
                parts_by_step[f"[{line(key)}]"] = part
        return parts_by_step
    if node.kind in NUMBERED:
        return {f"[{place}]": item for place, item in enumerate(node.items)}
    facts = _fact_steps(node)
    if not facts:
        return None
    return {"": Items("list", node.items), **facts}


def _field_steps(node: Fields) -> dict[str, Node]:
    """Return the parts of a mapping or an object by their steps: `.base`, `['a b']`."""
    parts_by_step: dict[str, Node] = {}
    for name, part in node.parts.items():
        if node.kind == "dict" or name not in ("", "*"):
            parts_by_step[key_step(name)] = part
        elif name == "*":
            parts_by_step[".args"] = part
        else:
            # The content of an object, which has no name, takes no step in a path.
            inner_parts = steps(part)
            if inner_parts is None:
                inner_parts = {"": part}
            parts_by_step |= inner_parts
    return parts_by_step | _fact_steps(node)


def _fact_steps(node: Items | Fields | Opaque) -> dict[str, Node]:
    """Return the facts that people see beside the parts, as attributes: `.maxlen`."""
    return {f".{name}": fact for name, fact in shown_facts(node).items()}
