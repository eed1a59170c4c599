"""Outcomes as trees to compare and to read, made from their stored form: nothing is loaded, no class is imported.

A tree is plain JSON, with a few more kinds of parts: `Named`, `Blob`, `PickleView`. Secrets are replaced in it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.described_secrets import secrets_in
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored

# Longer texts are compared word by word.
_WIDEST_CELL = 60
# Of a response's headers, verifying compares this one.
_COMPARED_HEADERS = ("content-type",)


@dataclass(frozen=True)
class Named:
    """A value with a type that JSON does not have: the name of its tag, and its parts."""

    name: str
    value: Any


@dataclass(frozen=True)
class RowTable:
    """A table: the names of its columns, and the cells of each row."""

    columns: list[Any]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Blob:
    """Bytes that are no text."""

    content: bytes

    def __str__(self) -> str:
        size = f"{len(self.content):,} bytes"
        kind = picture_kind(self.content)
        return f"{kind}, {size}" if kind else size


@dataclass(frozen=True)
class PickleView:
    """A pickle, by its lists: it is not loaded."""

    size: int
    imports: list[str]
    code: list[str] = field(default_factory=list)
    preview: list[str] = field(default_factory=list)
    mark: str = ""


def picture_kind(content: bytes) -> str:
    """Return `PNG 640x480` for the bytes of a picture, or an empty text."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
        return f"PNG {width}x{height}"
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        width, height = (int.from_bytes(content[start : start + 2], "little") for start in (6, 8))
        return f"GIF {width}x{height}"
    if content[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WebP"
    return "PDF" if content[:5] == b"%PDF-" else ""


def outcome_tree(stored: Stored, redactor: Redactor) -> Any:
    """Return an outcome as a tree: the value itself, or a mapping with `raised`, `items`, `changed`, `files`.

    Raises:
        CorruptRecordingError: A file is damaged or missing.
    """
    entry = stored.entry
    detached = entry.get("detached", {}).get(entry.get("pickle"))
    if detached is not None:  # its recording says enough, also where it was not pulled
        return _pickle_tree(entry, detached["size"], entry.get("imports", []), entry.get("code", []))
    lifted = stored.lifted()
    encoded: Any = lifted.encoded
    if encoded.readable is None:
        size = sum(map(len, encoded.pickled.chunks))
        size += sum(len(buffer.memory) for buffer in encoded.pickled.buffers)
        pickled = encoded.pickled
        return _pickle_tree(entry, size, pickled.imports, pickled.code, mark=encoded.fingerprint)
    body = json.loads(encoded.readable.text)
    reader = _Reader(redactor, encoded.readable.objects, is_tagged=stored.is_tagged)
    reader.secrets = secrets_in(body, redactor)
    found = reader.body(body)
    if stored.awaited:
        found["awaited"] = True
    if "files" in entry:
        found["files"] = entry["files"]
    return found["value"] if list(found) == ["value"] else found


def _pickle_tree(
    entry: Mapping[str, Any], size: int, imports: list[str], code: list[str], *, mark: str = ""
) -> Any:
    preview = [str(line) for line in entry.get("preview", ())]
    tree = PickleView(size, imports, code, preview, entry.get("checksum", mark))
    return {"": tree, "files": entry["files"]} if "files" in entry else tree


class _Reader:
    """Reads stored JSON as a tree without secrets."""

    def __init__(self, redactor: Redactor, objects: Mapping[str, bytes], *, is_tagged: bool) -> None:
        self._redactor = redactor
        self._objects = objects
        self._is_tagged = is_tagged
        self.secrets: frozenset[str] = frozenset()

    def body(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the parts of an outcome, by the words that people use."""
        found: dict[str, Any] = {}
        if "value" in body:
            value = body["value"]
            found["value"] = self._exchange(value) if _is_exchange(value) else self.read(value)
        if "returned" in body:
            found["value"] = Named("argument", body["returned"])
        if "raised" in body:
            found["raised"] = {name: self.read(part, name) for name, part in body["raised"].items()}
        if "stream" in body:
            stream = body["stream"]
            found["items"] = self.read(stream.get("items", []))
            end = stream.get("end")
            if end is not None and end != {"value": None}:
                found["end"] = self.body(end)
            if stream.get("sent") is not None:
                found["sent"] = self.read(stream["sent"])
        if "changed" in body:
            found["changed"] = self.read(body["changed"])
        return found

    def _exchange(self, exchange: dict[str, Any]) -> Any:
        """Return what verifying compares of an HTTP response, its body as what it is."""
        found: dict[str, Any] = {"status": exchange["status"]}
        headers = {
            str(name).lower(): self.read(value, str(name))
            for name, value in exchange["headers"]
            if str(name).lower() in _COMPARED_HEADERS
        }
        if headers:
            found["headers"] = headers
        body = exchange.get("body")
        if isinstance(body, dict):
            kind = next((name for name in ("json", "text", "base64", "chunks") if name in body), None)
            content: Any = body.get(kind) if kind else body
            if kind == "chunks" and all(isinstance(one, str) for one in content):
                content = "".join(content)
            if kind == "base64":
                found["body"] = _blob(content)
            else:
                found["body"] = self.read(content)
        for name in ("end", "error"):
            if name in exchange:
                found[name] = self.read(exchange[name])
        return found

    def read(self, node: Any, name: str = "") -> Any:
        """Return a part as a tree. `name` is that of the part."""
        if name and self._redactor.hides(name, node):
            return PLACEHOLDER
        if isinstance(node, str):
            return self._redactor.texts.scrub_text(node, self.secrets)
        if isinstance(node, list):
            return [self.read(part) for part in node]
        if not isinstance(node, dict):
            return node
        tag = next(iter(node), "") if self._is_tagged else ""
        if tag.startswith("$$"):
            node = {(key[1:] if key == tag else key): part for key, part in node.items()}
        elif tag.startswith("$"):
            return self._tagged(tag, node)
        return {key: self.read(part, key) for key, part in node.items()}

    def _tagged(self, tag: str, node: dict[str, Any]) -> Any:
        part = node[tag]
        if tag == "$anchor":
            return self.read(node.get("value"))
        if tag == "$base64" and isinstance(part, str):
            return _blob(part)
        if tag == "$object":
            return Blob(self._objects.get(str(part), b""))
        if tag == "$bytes":
            text = "".join(map(str, part)) if isinstance(part, list) else str(part)
            return Named("bytes", self.read(text))
        read = self.read(part)
        others = {key: self.read(other, key) for key, other in list(node.items())[1:]}
        if others and isinstance(read, dict):
            others = {key: other for key, other in others.items() if key not in read}
            return Named(tag[1:], {**read, **others})
        return Named(tag[1:], {"": read, **others} if others else read)


def _blob(text: Any) -> Any:
    try:
        return Blob(b64decode(text))
    except (TypeError, ValueError):  # edited by hand
        return text


def _is_exchange(value: Any) -> bool:
    if not isinstance(value, dict) or type(value.get("status")) is not int:
        return False
    headers = value.get("headers")
    return isinstance(headers, list) and all(isinstance(one, list) and len(one) == 2 for one in headers)


def grid_of(tree: Any) -> RowTable | None:
    """Return a list of rows as a table: mappings with the same keys, or lists of the same length."""
    if not isinstance(tree, list) or len(tree) < 2:
        return None
    first = tree[0]
    if (
        isinstance(first, dict)
        and first
        and all(isinstance(row, dict) and row.keys() == first.keys() for row in tree)
    ):
        rows: list[Sequence[Any]] = [list({key: row[key] for key in first}.values()) for row in tree]
        columns = list(first)
    elif (
        isinstance(first, list)
        and first
        and all(isinstance(row, list) and len(row) == len(first) for row in tree)
    ):
        rows, columns = tree, []
    else:
        return None
    for cell in (cell for row in rows for cell in row):
        is_long = isinstance(cell, str) and len(cell) > _WIDEST_CELL
        if is_long or isinstance(cell, dict | list | Named):
            return None
    return RowTable(columns, [list(row) for row in rows])


def without_secrets(body: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a copy of an outcome in which the values of secret names are replaced.

    Besides keys, a name may be the first of a pair, or a word before its value (`--password`).
    """
    copy: dict[str, Any] = redactor.scrub(body)
    todo: list[Any] = [copy]
    while todo:
        node = todo.pop()
        if type(node) is list:
            _hide_in_list(node, redactor)
            todo += node
        elif type(node) is dict:
            todo += node.values()
    return copy


def _hide_in_list(items: list[Any], redactor: Redactor) -> None:
    if len(items) == 2 and isinstance(items[0], str) and redactor.hides(items[0], items[1]):
        items[1] = PLACEHOLDER
    for index, (flag, _) in enumerate(pairwise(items)):
        if isinstance(flag, str) and redactor.secret_flag(flag):
            items[index + 1] = PLACEHOLDER
