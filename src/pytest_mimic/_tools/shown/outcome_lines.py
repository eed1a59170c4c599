"""Recorded calls as people read them: the arguments, and each outcome in lines. No class is imported, no pickle loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.compare.outcome_tree import Named, body_tree, without_secrets
from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile, Entry
from pytest_mimic._core.describe.text import by_name, render
from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.vault.file_names import CASSETTES
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.schema import Origin
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.shown.value_lines import (
    SHOWN,
    Block,
    Group,
    Node,
    TextTable,
    lines_of,
    node_of,
    short,
    table,
)
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored, Vault

Part = tuple[str, Node | None]
"""A heading, and the value below it if there is one."""

_FACTS = frozenset({"duration", "preview"})
# So many imports are named in one line.
_IN_LINE = 3
# How much of an outcome is shown on a page, in characters: as a whole, and in a list of calls.
_WHOLE, _BRIEF = 4_000, 90
_WIDTH = 100


class OutcomeViewer:
    """Reads the calls of a vault for people, with `shown` parts of a long value, or all. Secret names are hidden."""

    def __init__(self, vault: Vault, redactor: Redactor, *, shown: int | None = SHOWN) -> None:
        self._vault = vault
        self._objects = Objects(vault.store, pickles="listed", label=vault.label)
        self._redactor = redactor
        self._shown = shown

    def body(self, call: CatalogCall, entry: Entry, name: str) -> dict[str, Any]:
        """Return an outcome without secrets: `value`, `raised`, `stream`, ...; that of a pickle has only its facts.

        `name` is the recording. CorruptRecordingError: its object is damaged.
        """
        body = self._objects.body(entry, Origin(name, call.target, None)) if "json" in entry else entry
        return without_secrets({key: part for key, part in body.items() if key not in _FACTS}, self._redactor)

    def arguments(self, call: CatalogCall) -> Iterator[Part]:
        if call.arguments is None:
            yield "the arguments are not stored", None
            return
        for name, part in by_name(call.arguments).items():
            if not (call.is_client and name == "signature"):
                yield f"{name}: ", _described(part)

    def outcome(self, call: CatalogCall, entry: Entry, name: str) -> Iterator[Part]:
        """Yield an outcome as parts. The errors are those of `body`."""
        object_ = entry.get("pickle") or entry.get("json", "")
        if "pickle" in entry or self._is_absent(entry, object_):
            yield from pickle_parts(entry, f"{self._size_of(entry, object_)}: {object_}")
        else:
            body = self.body(call, entry, name)
            tree = body_tree(body, is_tagged=call.is_client or entry.get("tagged", False))
            yield from parts_of(tree, is_client=call.is_client, shown=self._shown)
        yield from file_parts(entry)

    def _size_of(self, entry: Entry, name: str) -> str:
        bytes_ = self._objects.size(entry, name)
        shown = "missing" if bytes_ is None else size(bytes_)
        return f"{shown}, not pulled" if self._is_absent(entry, name) else shown

    def _is_absent(self, entry: Entry, name: str) -> bool:
        """Return whether an object is detached, and was not pulled."""
        if name not in entry.get("detached", ()):
            return False
        from pytest_mimic._core.vault.detached import detached_in

        return self._vault.store.size(detached_in(entry)[name].place) is None


# -- parts


def _described(part: object) -> Node:
    """Return the description of an argument. A text of several lines is a block."""
    if isinstance(part, str) and "\n" in part.rstrip("\n"):
        return Block(part)
    if isinstance(part, dict) and part and "$" not in part:
        return Group("{", [(f"{key!r}: ", _described(inner)) for key, inner in part.items()], "}")
    if isinstance(part, list):
        return Group("[", [("", _described(inner)) for inner in part], "]")
    return render(part)


def pickle_parts(entry: Entry, where: str) -> Iterator[Part]:
    """Yield an outcome that is not read, by the facts in its recording."""
    if "pickle" not in entry:
        yield f"an outcome in JSON, {where}", None
        return
    verb = {"raised": "raised ", "stream": "a stream, "}.get(entry["kind"], "returned ")
    yield f"{verb}a pickle, {where}".removesuffix(", "), None
    if entry.get("preview"):
        yield "preview: ", Block("\n".join(map(str, entry["preview"])))
    for key, title in (("imports", "imports: "), ("code", "code: "), ("changes", "changed: ")):
        if entry.get(key):
            names = entry[key]
            yield title, ", ".join(names) if len(names) <= _IN_LINE else Block("\n".join(names))
    if "python" in entry:
        yield f"only Python {entry['python']} can load it", None


def parts_of(tree: dict[str, Any], *, is_client: bool = False, shown: int | None = SHOWN) -> Iterator[Part]:
    """Yield an outcome as parts: the tree of its body."""
    if "raised" in tree:
        yield from _exception("raised ", tree["raised"])
    elif "items" in tree:
        yield from _stream(tree, shown)
    elif "value" in tree:
        value = tree["value"]
        if isinstance(value, Named) and value.name == "response":
            yield from _response(value.value, shown)
        elif is_client and isinstance(value, dict):
            yield from _reply(value, shown)
        else:
            yield "returned ", node_of(value, shown=shown)
    for argument, state in tree.get("changed", {}).items():
        yield f"changed {argument}: ", node_of(state, shown=shown)


def _stream(tree: dict[str, Any], shown: int | None) -> Iterator[Part]:
    items = tree["items"]
    first = items if shown is None else items[:shown]
    yield f"a stream of {plural(len(items), 'item')}", None
    for number, item in enumerate(first, 1):
        yield f"{number}: ", node_of(item, shown=shown)
    if len(first) < len(items):
        yield f"... {len(items) - len(first)} more", None
    if tree.get("is_open"):
        yield "its reader stopped here", None
    elif "end" in tree:
        yield from parts_of(tree["end"], shown=shown)


def _exception(verb: str, tree: Any) -> Iterator[Part]:
    module, _, name = tree["type"].partition(":")
    args = node_of(tree["args"])
    inner = args.parts if isinstance(args, Group) else [("", args)]
    yield verb, Group(f"{name if module == 'builtins' else f'{module}.{name}'}(", inner, ")")
    for attribute, part in {**tree.get("attributes", {}), **tree.get("fields", {})}.items():
        yield f"  {attribute}: ", node_of(part)
    for note in tree.get("notes", ()):
        yield "  note: ", node_of(note)
    if isinstance(tree.get("cause"), dict):
        yield from _exception("  from ", tree["cause"])
    for one in tree.get("exceptions", ()):
        yield from _exception("  with ", one)


def _response(value: dict[str, Any], shown: int | None) -> Iterator[Part]:
    yield f"{value.get('version', 'HTTP')} {value['status']} {value.get('reason') or ''}".rstrip(), None
    for name, header in value["headers"]:
        yield f"{name}: {header}", None
    body = value.get("body") or {}
    for key, title in (("json", "json: "), ("text", "text: "), ("base64", "body: ")):
        if key in body:
            yield title, node_of(body[key], shown=shown)
    for number, chunk in enumerate(body.get("chunks", body.get("events", ())), 1):
        yield f"{number}: ", node_of(chunk, shown=shown)
    for key in ("error", "end"):
        if key in value:
            yield f"{key}: ", node_of(value[key], shown=shown)


def _reply(value: dict[str, Any], shown: int | None) -> Iterator[Part]:
    """Yield what a database gave."""
    if "rows" in value:
        yield "", table([column[0] for column in value.get("columns", ())], value["rows"], shown=shown)
    for number, reply in enumerate(value.get("replies", ()), 1):
        yield f"{number}: ", node_of(reply, shown=shown)
    for key, part in value.items():
        if key not in ("replies", *(("rows", "columns") if "rows" in value else ())):
            yield f"{key}: ", node_of(part, shown=shown)


def file_parts(entry: Entry) -> Iterator[Part]:
    """Yield the files that a call wrote."""
    for argument, listed in entry.get("files", {}).items():
        if listed is None:
            yield f"wrote {argument}: no file is there after the call", None
        elif "object" in listed:
            yield f"wrote {argument}: a file, {size(listed['size'])}", None
        else:
            rows = [[name, size(file["size"])] for name, file in listed["files"].items()]
            title = f"a folder with {plural(len(rows), 'file')}"
            yield f"wrote {argument}: ", TextTable(title, ["name", "size"], rows)


def _lines(parts: Iterable[Part]) -> Iterator[str]:
    for title, node in parts:
        if node is None:
            yield title
            continue
        first, *others = lines_of(node, _WIDTH - len(title))
        yield f"{title}{first}"
        yield from others


# -- pages


class ShownOutcome(NamedTuple):
    """An outcome to read: in a few words, and in lines. `is_error` is whether the call raised."""

    brief: str
    text: str
    is_error: bool = False


def shown_outcome(stored: Stored, redactor: Redactor, *, secrets: Collection[str] = ()) -> ShownOutcome:
    """Return an outcome as a page shows it.

    Values under secret names are replaced, and so are the `secrets`, which are texts known to be secret. A pickle is
    shown by the preview and the list of imports in its recording.
    """
    try:
        body = stored.readable()
    except MimicError as error:  # the file is damaged, for example
        return ShownOutcome("cannot be shown", str(error))
    entry = stored.entry
    if body is None:
        parts = list(pickle_parts(without_secrets(entry, redactor, secrets), ""))
        brief = str(entry["preview"][0]) if entry.get("preview") else parts[0][0]
    else:
        tree = body_tree(without_secrets(body, redactor, secrets), is_tagged=stored.is_tagged)
        parts = list(parts_of(tree))
        brief = _brief(tree, parts)
    text = _cut("\n".join(_lines([*parts, *file_parts(entry)])), _WHOLE)
    end = (body or {}).get("stream", {}).get("end") or {}
    is_error = stored.kind == "raised" or "raised" in end
    return ShownOutcome(_cut(redactor.texts.scrub_text(brief, secrets), _BRIEF), text, is_error)


def _brief(tree: dict[str, Any], parts: list[Part]) -> str:
    """Return an outcome in one line: an answer of HTTP by its status, anything else by the beginning of its text."""
    value = tree.get("value")
    if isinstance(value, Named) and value.name == "response":
        return f"{value.value['status']} {value.value.get('reason') or ''}".rstrip()
    if "value" in tree:
        return short(value, _BRIEF)
    title, node = parts[0]
    return f"{title}{'' if node is None else next(lines_of(node, _BRIEF))}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 2]} …"


# -- git


def text_of_file(path: Path, redactor: Redactor) -> str:
    """Return a recording, cassette or object as text for `git diff`: without what changes at each recording.

    git gives a copy of the file, outside of any vault. So outcomes in objects are named, and not shown.
    MimicError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as reason:
        raise MimicError(f"cannot read {path}: {reason.strerror or reason}") from None
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError):
        if data.isascii():  # merge markers, or a pointer of Git LFS
            return data.decode()
        return f"{len(data):,} bytes\n"
    try:
        name = f"{CASSETTES}x.json" if "calls" in facts else "calls/x/x.json"
        file = CatalogFile.of(name, facts, len(data))
    except (LookupError, TypeError, ValueError, AttributeError):
        return layout(without_secrets({"": facts}, redactor)[""]) + "\n"
    head = [f"recorded by {file.test}"] if file.test else []
    return "\n".join([*head, *(line for call in file.calls for line in _text_of_call(call, redactor))]) + "\n"


def _text_of_call(call: CatalogCall, redactor: Redactor) -> Iterator[str]:
    yield call.label()
    for number, entry in enumerate(call.outcomes, 1):
        if len(call.outcomes) > 1:
            yield f"outcome {number}"
        kept = without_secrets({key: part for key, part in entry.items() if key != "duration"}, redactor)
        if "pickle" in entry or "json" in entry:
            parts = pickle_parts(kept, entry.get("pickle") or entry["json"])
        else:
            tree = body_tree(kept, is_tagged=call.is_client or entry.get("tagged", False))
            parts = parts_of(tree, is_client=call.is_client, shown=None)
        lists = [
            (f"{key}: ", ", ".join(kept[key]))
            for key in ("imports", "code")
            if "pickle" not in kept and kept.get(key)
        ]
        yield from (f"  {line}" for line in _lines([*parts, *lists, *file_parts(kept)]))
