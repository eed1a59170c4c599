"""The parts of a recorded call as people read them: its arguments, and each outcome with a title."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.compare.outcome_tree import without_secrets
from pytest_mimic._core.describe.recorded_files import CatalogCall, Entry
from pytest_mimic._core.describe.text import by_name, render
from pytest_mimic._core.vault.objects import Objects
from pytest_mimic._core.vault.recording_facts import Origin
from pytest_mimic._core.words import plural, size
from pytest_mimic._tools.shown.document import Block, Group, Node, TextTable
from pytest_mimic._tools.shown.value_text import SHOWN, ValueReader, bytes_in_short, short_name, table

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Vault

Part = tuple[str, Node | None]
"""A heading, and the value below it if there is one."""


class OutcomeViewer:
    """Reads outcomes for people. Secret names are hidden.

    Args:
        vault: Where the objects are.
        redactor: The secret names.
        shown: How many parts of a long value are shown. None for all.
    """

    def __init__(self, vault: Vault, redactor: Redactor, *, shown: int | None = SHOWN) -> None:
        self._vault = vault
        self._objects = Objects(vault.store, pickles="listed", label=vault.label)
        self._redactor = redactor
        self._shown = shown

    def body(self, call: CatalogCall, entry: Entry, name: str) -> dict[str, Any]:
        """Return an outcome without secrets: `value`, `raised`, `stream`, ...; that of a pickle has only its facts.

        `name` is the recording.

        Raises:
            CorruptRecordingError: Its object is damaged.
        """
        body = self._objects.body(entry, Origin(name, call.target, None)) if "json" in entry else entry
        return without_secrets({key: part for key, part in body.items() if key not in _FACTS}, self._redactor)

    def arguments(self, call: CatalogCall) -> Iterator[Part]:
        """Yield the arguments of a call."""
        if call.arguments is None:
            yield "the arguments are not stored", None
            return
        for name, part in by_name(call.arguments).items():
            if not (call.is_client and name == "signature"):
                yield f"{name}: ", _described(part)

    def outcome(self, call: CatalogCall, entry: Entry, name: str) -> Iterator[Part]:
        """Yield an outcome as parts. The errors are those of `body`."""
        if "pickle" in entry:
            yield from self._pickle(entry)
        elif self._is_absent(entry, entry.get("json", "")):
            yield f"an outcome in JSON, {self._size_of(entry, entry['json'])}: {entry['json']}", None
        else:
            reader = ValueReader(is_tagged=entry.get("tagged", False), shown=self._shown)
            body = self.body(call, entry, name)
            yield from self._parts(call, body, reader)
            for argument, state in body.get("changed", {}).items():
                yield f"changed {argument}: ", reader.node(state)
        for argument, listed in entry.get("files", {}).items():
            yield from _files(argument, listed)

    def _parts(self, call: CatalogCall, body: dict[str, Any], reader: ValueReader) -> Iterator[Part]:
        if "raised" in body:
            yield from _exception("raised ", body["raised"], reader)
        elif "stream" in body:
            yield from self._stream(call, body["stream"], reader)
        elif "returned" in body:
            yield f"returned its argument {body['returned']}", None
        elif call.is_client and isinstance(body["value"], dict):
            yield from self._exchange(body["value"])
        else:
            yield "returned ", reader.node(body["value"])

    def _stream(self, call: CatalogCall, stream: dict[str, Any], reader: ValueReader) -> Iterator[Part]:
        items = stream["items"]
        shown = items if self._shown is None else items[: self._shown]
        yield f"a stream of {plural(len(items), 'item')}", None
        for number, item in enumerate(shown, 1):
            yield f"{number}: ", reader.node(item)
        if len(shown) < len(items):
            yield f"... {len(items) - len(shown)} more", None
        end = stream.get("end")
        if end is None:
            yield "its reader stopped here", None
        elif "raised" in end or end.get("value") is not None:
            yield from self._parts(call, end, reader)

    def _pickle(self, entry: Entry) -> Iterator[Part]:
        name = entry["pickle"]
        verb = {"raised": "raised ", "stream": "a stream, "}.get(entry["kind"], "returned ")
        yield f"{verb}a pickle, {self._size_of(entry, name)}: {name}", None
        if entry.get("preview"):
            yield "preview: ", Block("\n".join(map(str, entry["preview"])))
        for key, title in (("imports", "imports: "), ("code", "code: "), ("changes", "changed: ")):
            if entry.get(key):
                names = entry[key]
                yield title, ", ".join(names) if len(names) <= _IN_LINE else Block("\n".join(names))
        if "python" in entry:
            yield f"only Python {entry['python']} can load it", None

    def _size_of(self, entry: Entry, name: str) -> str:
        bytes_ = self._objects.contents.size(entry, name)
        shown = "missing" if bytes_ is None else size(bytes_)
        return f"{shown}, not pulled" if self._is_absent(entry, name) else shown

    def _is_absent(self, entry: Entry, name: str) -> bool:
        """Check whether an object is detached, and was not pulled."""
        if name not in entry.get("detached", ()):
            return False
        from pytest_mimic._core.vault.detached import detached_in

        return self._vault.store.size(detached_in(entry)[name].place) is None

    # Clients

    def _exchange(self, value: dict[str, Any]) -> Iterator[Part]:
        reader = ValueReader(is_tagged=True, shown=self._shown)
        if "status" in value:
            yield f"{value.get('version', 'HTTP')} {value['status']} {value.get('reason', '')}".rstrip(), None
            for name, header in value.get("headers", ()):
                yield f"{name}: {header}", None
            yield from self._http_body(value.get("body") or {})
            rest = {key: part for key, part in value.items() if key in ("error", "end")}
        elif "rows" in value:
            columns = [str(column[0]) for column in value.get("columns", ())]
            yield "", table(columns, value["rows"], shown=self._shown)
            rest = {key: part for key, part in value.items() if key not in ("rows", "columns")}
        elif "replies" in value:
            for number, reply in enumerate(value["replies"], 1):
                yield f"{number}: ", reader.node(reply)
            rest = {key: part for key, part in value.items() if key != "replies"}
        else:
            rest = value
        for key, part in rest.items():
            yield f"{key}: ", reader.node(part)

    def _http_body(self, body: dict[str, Any]) -> Iterator[Part]:
        plain = ValueReader(is_tagged=False, shown=self._shown)
        for key in ("json", "text"):
            if key in body:
                yield f"{key}: ", plain.node(body[key])
        if "base64" in body:
            yield "body: ", bytes_in_short(b64decode(body["base64"]))
        for number, chunk in enumerate(body.get("chunks", ()), 1):
            is_text = isinstance(chunk, str)
            yield f"{number}: ", plain.node(chunk) if is_text else bytes_in_short(b64decode(chunk["base64"]))


_FACTS = frozenset({"duration", "preview"})
# So many imports are named in one line.
_IN_LINE = 3


def _described(part: Any) -> Node:
    """Return the description of an argument. A text of several lines is a block."""
    if isinstance(part, str) and "\n" in part.rstrip("\n"):
        return Block(part)
    if isinstance(part, dict) and part and "$" not in part:
        return Group("{", [(f"{key!r}: ", _described(inner)) for key, inner in part.items()], "}")
    if isinstance(part, list):
        return Group("[", [("", _described(inner)) for inner in part], "]")
    return render(part)


def _exception(verb: str, tree: dict[str, Any], reader: ValueReader) -> Iterator[Part]:
    module, _, name = tree["type"].partition(":")
    args = reader.node(tree["args"])
    inner = args.parts if isinstance(args, Group) else [("", args)]
    yield verb, Group(f"{name if module == 'builtins' else f'{module}.{name}'}(", inner, ")")
    for attribute, part in {**tree.get("attributes", {}), **tree.get("fields", {})}.items():
        yield f"  {attribute}: ", reader.node(part)
    for note in tree.get("notes", ()):
        yield "  note: ", reader.node(note)
    if isinstance(tree.get("cause"), dict):
        yield from _exception("  from ", tree["cause"], reader)
    for one in tree.get("exceptions", ()):
        yield from _exception("  with ", one, reader)


def _files(argument: str, listed: Any) -> Iterator[Part]:
    if listed is None:
        yield f"wrote {argument}: no file is there after the call", None
    elif "object" in listed:
        yield f"wrote {argument}: a file, {size(listed['size'])}", None
    else:
        rows = [[name, size(file["size"])] for name, file in listed["files"].items()]
        yield (
            f"wrote {argument}: ",
            TextTable(f"a folder with {plural(len(rows), 'file')}", ["name", "size"], rows),
        )


__all__ = ["OutcomeViewer", "Part", "short_name"]
