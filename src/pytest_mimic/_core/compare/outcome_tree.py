"""An outcome as a tree to compare and to draw, made from its stored form: nothing is loaded, no class is imported.

A tree is plain JSON, with a few more kinds of parts: `Named`, `Blob`, `PickleView`. Secrets are replaced in it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.redact.hiding import places
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored


# Contents that people know by a name, by their first bytes.
_KINDS = {b"\x89PNG": "PNG image", b"GIF8": "GIF image", b"\xff\xd8\xff": "JPEG image", b"%PDF-": "PDF"}


class Named(NamedTuple):
    """A value with a type that JSON does not have: the name of its tag, and its parts."""

    name: str
    value: Any


class Blob(NamedTuple):
    """Bytes that are no text: their content, or where they are if they were not read."""

    content: bytes
    place: str = ""
    size: int | None = None

    def __str__(self) -> str:
        if self.place:
            return f"<bytes, {'?' if self.size is None else self.size} B, in {self.place}>"
        kind = next((kind for start, kind in _KINDS.items() if self.content.startswith(start)), "bytes")
        return f"<{kind}, {len(self.content)} B>"


class PickleView(NamedTuple):
    """A pickle, by its lists: it is not loaded. Its `size` is that of its file, None as long as there is none."""

    size: int | None
    imports: Sequence[str]
    code: Sequence[str] = ()
    preview: Sequence[str] = ()
    mark: str = ""


# -- secrets


def without_secrets(
    body: dict[str, Any], redactor: Redactor, secrets: Collection[str] = ()
) -> dict[str, Any]:
    """Return a copy of an outcome's JSON in which the values of secret names are replaced, wherever they stand.

    Besides keys, a name may be the first of a pair, or a word before its value (`--password`). `secrets` are further
    texts known to be secret.
    """
    from pytest_mimic._core.describe.described_secrets import secrets_in

    # A text with a placeholder is hidden already, such as a cookie's name with its attributes.
    known = [text for text in {*secrets, *secrets_in(body, redactor)} if PLACEHOLDER not in text]
    copy: dict[str, Any] = redactor.scrub(body, stored=True)
    for place in places({"": copy}, redactor):
        if type(place.value) is str:
            place.box[place.key] = redactor.texts.scrub_text(place.value, known)
    return copy


# -- trees


def outcome_tree(stored: Stored, redactor: Redactor, secrets: Collection[str] = ()) -> object:
    """Return an outcome as a tree: the value itself, or a mapping with `raised` or `items`.

    `secrets` are as for `without_secrets`. CorruptRecordingError: a file is damaged or missing.
    """
    entry = stored.entry
    body = stored.readable()
    # Lifting loads all that makes outcomes, so it is only done for what the JSON does not say.
    encoded: Any = stored.lifted().encoded if body is None or stored.encoded or "objects" in entry else None
    if body is None:
        pickled = encoded.pickled
        return _pickle_tree(entry, stored.size, pickled.imports, pickled.code, mark=encoded.fingerprint)
    body = without_secrets(body, redactor, secrets)
    found = body_tree(body, is_tagged=stored.is_tagged, objects=encoded and encoded.readable.objects)
    found.pop("is_open", None)  # items count as far as both streams were read
    if stored.awaited:
        found["awaited"] = True
    return found["value"] if list(found) == ["value"] else found


def _pickle_tree(
    entry: Mapping[str, Any], size: int | None, imports: list[str], code: list[str], *, mark: str = ""
) -> object:
    preview = [str(line) for line in entry.get("preview", ())]
    return PickleView(size, imports, code, preview, entry.get("checksum", mark))


def body_tree(
    body: Mapping[str, Any], *, is_tagged: bool, objects: Mapping[str, bytes] | None = None
) -> dict[str, Any]:
    """Return the parts of an outcome's JSON, by the words that people use: `value`, `raised`, `items`, `end`, ...

    Mappings may be tags, `{"$date": "2026-11-02"}`, if it `is_tagged`. `objects` are the contents of long bytes, by
    name. Those that are not there are shown by their place.
    """
    read = _Reader(objects or {}, is_tagged=is_tagged).read
    found: dict[str, Any] = {}
    if "value" in body:
        value = body["value"]
        found["value"] = _response(value) if is_response(value) else read(value)
    if "raised" in body:
        found["raised"] = _exception(read(body["raised"]))
    if "stream" in body:
        stream = body["stream"]
        found["items"] = read(stream.get("items", []))
        end = stream.get("end")
        if end is None:
            found["is_open"] = True
        elif end != {"value": None}:
            found["end"] = body_tree(end, is_tagged=is_tagged, objects=objects)
        if stream.get("sent") is not None:
            found["sent"] = read(stream["sent"])
    return found


class _Reader:
    """Reads stored JSON as a tree."""

    def __init__(self, objects: Mapping[str, bytes], *, is_tagged: bool) -> None:
        self._objects = objects
        self._is_tagged = is_tagged

    def read(self, node: object) -> Any:
        if isinstance(node, list):
            return [self.read(part) for part in node]
        if not isinstance(node, dict):
            return node
        tag = next(iter(node), "") if self._is_tagged else ""
        if tag.startswith("$$"):
            node = {(key[1:] if key == tag else key): part for key, part in node.items()}
        elif tag.startswith("$"):
            return self._tagged(tag, node)
        return {key: self.read(part) for key, part in node.items()}

    def _tagged(self, tag: str, node: dict[str, Any]) -> object:
        part = node[tag]
        if tag == "$anchor":
            return self.read(node.get("value"))
        if tag == "$base64" and isinstance(part, str):
            return _blob(part)
        if tag == "$object":
            content = self._objects.get(str(part))
            return Blob(b"", str(part), node.get("size")) if content is None else Blob(content)
        if tag == "$bytes":
            return Named("bytes", "".join(map(str, part)) if isinstance(part, list) else str(part))
        read = self.read(part)
        others = {key: self.read(other) for key, other in list(node.items())[1:]}
        if not isinstance(read, dict):
            return Named(tag[1:], {"": read, **others} if others else read)
        for key in ("attributes", "extra"):  # what an object has besides its fields is named like them
            inner = others.get(key)
            if isinstance(inner, dict) and not inner.keys() & read.keys():
                read |= others.pop(key)
        return Named(tag[1:], read | {key: part for key, part in others.items() if key not in read})


def exception_name(node: dict[str, Any]) -> str:
    """Return the class of a stored exception, `module:name`."""
    tag = next(iter(node))
    return exception_name(node["value"]) if tag == "$anchor" else tag[1:]


def _exception(read: object) -> object:
    """Return the parts of an exception by name: its `type`, `args`, `cause`, and the `exceptions` of a group."""
    if not isinstance(read, Named) or not isinstance(read.value, dict):
        return read
    found = {"type": read.name, **read.value}
    if "cause" in found:
        found["cause"] = _exception(found["cause"])
    args = found.get("args", [])
    if len(args) > 1 and isinstance(args[1], list) and all(isinstance(one, Named) for one in args[1]):
        found["args"], found["exceptions"] = args[:1], [_exception(one) for one in args[1]]
    return found


def _response(value: dict[str, Any]) -> Named:
    """Return an HTTP response, its body as what it is."""
    found = {key: part for key, part in value.items() if key != "body"}
    body = value.get("body")
    if isinstance(body, dict):
        if "base64" in body:
            body = {**body, "base64": _blob(body["base64"])}
        if isinstance(body.get("chunks"), list):
            body = {**body, "chunks": [_chunk(one) for one in body["chunks"]]}
        found["body"] = body
    return Named("response", found)


def _chunk(chunk: object) -> object:
    return _blob(chunk["base64"]) if isinstance(chunk, dict) and "base64" in chunk else chunk


def _blob(text: Any) -> object:
    try:
        return Blob(b64decode(text))
    except (TypeError, ValueError):  # edited by hand
        return text


def is_response(value: object) -> bool:
    if not isinstance(value, dict) or type(value.get("status")) is not int:
        return False
    headers = value.get("headers")
    return isinstance(headers, list) and all(isinstance(one, list) and len(one) == 2 for one in headers)
