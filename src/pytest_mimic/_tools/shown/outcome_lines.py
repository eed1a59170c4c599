"""Recorded calls as people read them: the arguments, and each outcome in lines.

No class is imported, no pickle loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.call_labels import by_name
from pytest_mimic._core.tree.drawing import (
    SHOWN,
    Block,
    Drawn,
    Group,
    drawn,
    line,
    lines_of,
    table,
)
from pytest_mimic._core.tree.stored import body_tree, is_response, without_secrets
from pytest_mimic._core.vault.objects import Entry
from pytest_mimic._core.words import plural, size
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, Stored

Part = tuple[str, Drawn | None]
"""A heading, and the value below it if there is one."""

# So many imports are named in one line. More stand below one another.
_IN_LINE = 3
# The most characters of an outcome that a page shows.
_WHOLE = 4_000
# The most characters of an outcome in a list of calls.
_BRIEF = 90
_WIDTH = 100


def argument_parts(call: Recording) -> Iterator[Part]:
    """Yield the arguments of a call as parts."""
    if call.arguments is None:
        yield "the arguments are not stored", None
        return
    for name, part in by_name(call.arguments).items():
        if name != "signature" or not names_client(call.target):
            yield f"{name}: ", drawn(part)


def outcome_parts(target: str, stored: Stored, redactor: Redactor) -> Iterator[Part]:
    """Yield a recorded outcome as parts, secret names hidden.

    Raises:
        CorruptRecordingError: The object of the outcome is damaged.
    """
    body = stored.readable()
    if body is None:
        amount = "missing" if stored.size is None else size(stored.size)
        yield from pickle_parts(stored.entry, f"{amount}: {stored.entry['pickle']}")
        return
    is_client = names_client(target)
    visible = without_secrets(body, redactor)
    tree = body_tree(visible, is_tagged=is_client or stored.is_tagged)
    yield from parts_of(tree, is_client=is_client)


def pickle_parts(entry: Entry, where: str) -> Iterator[Part]:
    """Yield a pickled outcome by the facts in its recording: the pickle is not read.

    Args:
        entry: The facts.
        where: The size and the file of the pickle, or empty.
    """
    verbs = {"raised": "raised ", "stream": "a stream, "}
    verb = verbs.get(entry["kind"], "returned ")
    yield f"{verb}a pickle, {where}".removesuffix(", "), None
    if entry.get("preview"):
        yield "preview: ", " ".join(map(str, entry["preview"]))
    names = entry.get("imports", ())
    if len(names) > _IN_LINE:
        yield "imports: ", Block("\n".join(names))
    elif names:
        yield "imports: ", ", ".join(names)
    if "python" in entry:
        yield f"only Python {entry['python']} can load it", None


def parts_of(tree: dict[str, Any], *, is_client: bool = False) -> Iterator[Part]:
    """Yield an outcome as parts: the tree of its body."""
    if "raised" in tree:
        yield "raised ", _exception(tree["raised"])
    elif "items" in tree:
        yield from _stream(tree)
    elif is_response(tree.get("value")):
        yield from _response(tree["value"])
    elif is_client and isinstance(tree.get("value"), dict):
        yield from _reply(tree["value"])
    elif "value" in tree:
        yield "returned ", drawn(tree["value"], most=SHOWN)


def _stream(tree: dict[str, Any]) -> Iterator[Part]:
    items = tree["items"]
    first = items[:SHOWN]
    yield f"a stream of {plural(len(items), 'item')}", None
    for number, item in enumerate(first, 1):
        yield f"{number}: ", drawn(item, most=SHOWN)
    if len(first) < len(items):
        yield f"... {len(items) - len(first)} more", None
    if tree.get("is_open"):
        yield "its reader stopped here", None
    elif "end" in tree:
        yield from parts_of(tree["end"])


def _exception(tree: dict[str, Any]) -> Drawn:
    """Return an exception, named as in a traceback.

    Python's own classes have no module there.
    """
    node = drawn(tree, most=SHOWN)
    # The tag of the class, `$shop:RateError`, is the first key.
    name = next(iter(tree)).removeprefix("$")
    if not isinstance(node, Group) or name.startswith("builtins:"):
        return node
    return node._replace(open=f"{name.replace(':', '.')}(")


def _response(value: dict[str, Any]) -> Iterator[Part]:
    """Yield a response of HTTP: its status, its headers, its body."""
    words = (value.get("version", "HTTP"), value["status"], value.get("reason") or "")
    yield " ".join(map(str, words)).rstrip(), None
    for name, header in value["headers"]:
        yield f"{name}: {header}", None
    body = value.get("body") or {}
    if "json" in body:
        yield "json: ", drawn(body["json"], most=SHOWN)
    if "text" in body:
        yield "text: ", drawn(body["text"], most=SHOWN)
    if "base64" in body:
        yield "body: ", drawn({"$base64": body["base64"]}, most=SHOWN)
    for number, chunk in enumerate(body.get("chunks", body.get("events", ())), 1):
        yield f"{number}: ", drawn(chunk, most=SHOWN)
    for key in ("error", "end"):
        if key in value:
            yield f"{key}: ", drawn(value[key], most=SHOWN)


def _reply(value: dict[str, Any]) -> Iterator[Part]:
    """Yield the answer of a database or another service: rows, replies, the rest."""
    shown = {"replies"}
    if "rows" in value:
        columns = [column[0] for column in value.get("columns", ())]
        yield "", table(columns, value["rows"])
        shown |= {"rows", "columns"}
    for number, reply in enumerate(value.get("replies", ()), 1):
        yield f"{number}: ", drawn(reply, most=SHOWN)
    for key, part in value.items():
        if key not in shown:
            yield f"{key}: ", drawn(part, most=SHOWN)


def _lines(parts: Iterable[Part]) -> Iterator[str]:
    """Yield parts as lines, each with its heading in the first line."""
    for title, node in parts:
        if node is None:
            yield title
            continue
        first, *others = lines_of(node, _WIDTH - len(title))
        yield f"{title}{first}"
        yield from others


class ShownOutcome(NamedTuple):
    """An outcome as a page shows it.

    Attributes:
        brief: The outcome in a few words, for a list.
        text: The outcome in lines.
        is_error: Whether it is an error.
    """

    brief: str
    text: str
    is_error: bool = False


def shown_outcome(
    stored: Stored, redactor: Redactor, *, secrets: Collection[str] = ()
) -> ShownOutcome:
    """Return an outcome as a page shows it.

    A pickle is shown by the preview and the list of imports in its recording.

    Args:
        stored: The outcome.
        redactor: Hides values under secret names.
        secrets: Texts that are known to be secret, which are hidden, too.
    """
    try:
        body = stored.readable()
    except MimicError as error:
        # The file is damaged, for example.
        return ShownOutcome("cannot be shown", str(error))
    entry = stored.entry
    if body is None:
        parts = list(pickle_parts(without_secrets(entry, redactor, secrets), ""))
        brief = str(entry["preview"][0]) if entry.get("preview") else parts[0][0]
    else:
        visible = without_secrets(body, redactor, secrets)
        tree = body_tree(visible, is_tagged=stored.is_tagged)
        parts = list(parts_of(tree))
        brief = _brief(tree, parts)
    # A stream may end with an error.
    end = (body or {}).get("stream", {}).get("end") or {}
    is_error = stored.kind == "raised" or "raised" in end
    brief = _cut(redactor.scrub_text(brief, secrets), _BRIEF)
    text = _cut("\n".join(_lines(parts)), _WHOLE)
    return ShownOutcome(brief, text, is_error)


def _brief(tree: dict[str, Any], parts: list[Part]) -> str:
    """Return an outcome in one line.

    An answer of HTTP is shown by its status, and anything else by the beginning of its
    text.
    """
    value: Any = tree.get("value")
    if is_response(value):
        return f"{value['status']} {value.get('reason') or ''}".rstrip()
    if "value" in tree:
        return line(value, _BRIEF)
    title, node = parts[0]
    if node is None:
        return title
    return f"{title}{next(lines_of(node, _BRIEF))}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 2]} …"
