"""A stored outcome as a tree to compare and to draw.

`diff`, `show` and the page of the report ask for it. Verifying loads outcomes instead,
see `agreement`. The tree is made from the JSON, and no class is imported.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import node_of, nodes_of
from pytest_mimic._core.nodes.outcome_json import written_tag
from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.redact.secret_names import places
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.secrets_in_objects import secrets_in

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, StoredOutcome

# The headers of a response that `diff` compares.
_COMPARED_HEADERS = ("content-type",)
# The keys of the plain data of a response's body: it has one of them.
_KEYS_OF_BODY = ("json", "text", "base64", "chunks", "events")
# The keys whose texts are base64: a tag, and a key of a body.
_KEYS_OF_BASE64 = (written_tag("base64"), "base64")
# In longer base64, which nothing shows, no secrets are searched.
_LONGEST_BASE64 = 1 << 16


def without_secrets(
    body: dict[str, Any], redactor: Redactor, secrets: Collection[str] = ()
) -> dict[str, Any]:
    """Return a copy of an outcome's JSON without the values of secret names.

    The same texts are replaced wherever they stand. Besides keys, a name may be the
    first of a pair, or a word before its value (`--password`). `secrets` are further
    texts known to be secret.
    """
    texts_of_secrets = []
    for text in {*secrets, *secrets_in(body, redactor)}:
        # A text with a placeholder is hidden already, such as a cookie's name with its
        # attributes.
        if PLACEHOLDER_START not in text:
            texts_of_secrets.append(text)
    # Values under secret names are gone now. Their texts elsewhere follow.
    root: dict[str, Any] = {"": redactor.scrub(body, stored=True)}
    for place in places(root, redactor):
        if type(place.value) is not str:
            continue
        scrub = redactor.scrub_text
        if place.key in _KEYS_OF_BASE64:
            scrub = partial(_scrubbed_base64, redactor)
        place.box[place.key] = scrub(place.value, texts_of_secrets)
    body_without_secrets: dict[str, Any] = root[""]
    return body_without_secrets


def _scrubbed_base64(redactor: Redactor, text: str, secrets: Collection[str]) -> str:
    """Return the base64 of bytes without the secrets that a literal would show."""
    if len(text) > _LONGEST_BASE64:
        return text
    try:
        data = a2b_base64(text).decode("latin-1")
    except ValueError:
        # The file may be edited by hand.
        return text
    scrubbed = redactor.scrub_text(data, secrets)
    if scrubbed == data:
        return text
    return b2a_base64(scrubbed.encode("latin-1"), newline=False).decode()


def call_without_secrets(call: Recording, redactor: Redactor) -> Recording:
    """Return a recorded call without the secrets that today's rules hide in it.

    The recording may be older than the names that are secret now.
    """
    arguments = arguments_without_secrets(call.arguments or {}, call.target, redactor)
    return call._replace(arguments=arguments)


def arguments_without_secrets(
    arguments: Mapping[str, Any], target: str, redactor: Redactor
) -> dict[str, Any]:
    """Return the JSON that describes a call, without what messages hide in it.

    A message hides more than a recording does: a password within a sentence, too.
    """
    arguments = dict(arguments)
    parts_without_secrets: dict[str, Any] = {}
    if names_client(target):
        # The signature of a client's call is left alone. If it were the value of a
        # secret name, its words would be hidden in all other parts.
        parts_without_secrets["signature"] = arguments.pop("signature", "")
    parts_without_secrets |= without_secrets(arguments, redactor)
    return parts_without_secrets


def outcome_tree(stored_outcome: StoredOutcome, redactor: Redactor) -> Node:
    """Return the part of an outcome that `diff` compares.

    A plain value stands for itself. Of any other outcome (an exception, a stream, what
    was awaited), a dict of its parts is compared, and drawn as a dict of a user is.

    Raises:
        CorruptRecordingError: A file is damaged or missing.
    """
    body = stored_outcome.readable()
    if body is None:
        # The outcome is a pickle, which is not loaded.
        return _pickle_node(stored_outcome, redactor)
    body = without_secrets(body, redactor)
    parts = body_nodes(body, is_tagged=stored_outcome.is_tagged)
    if is_response(body.get("value")):
        parts["value"] = _compared_response(
            body["value"], is_tagged=stored_outcome.is_tagged
        )
    elif _is_result(body.get("value")):
        parts["value"] = _compared_result(body["value"])
    if stored_outcome.awaited:
        # A coroutine that gives a value differs from a call that returns it.
        parts["awaited"] = True
    if list(parts) == ["value"]:
        return parts["value"]
    return Fields("dict", parts)


def _pickle_node(stored_outcome: StoredOutcome, redactor: Redactor) -> Fields:
    """Return the node of a pickled outcome, to compare and to draw.

    The node is made of the description beside the pickle, or of its preview and
    imports.
    """
    entry, encoded = stored_outcome.entry, stored_outcome.encoded
    imports = entry.get("imports", [])
    digest = entry.get("fingerprint")
    if encoded is not None:
        # The pickle is not written yet: its entry lacks these facts.
        if encoded.pickled:
            imports = encoded.pickled.imports
        digest = encoded.fingerprint or digest
    parts: dict[str, Node]
    if "described" in entry:
        # The description has no name. It stands under the empty one.
        description = without_secrets({"": entry["described"]}, redactor)
        parts = nodes_of(description)
    else:
        parts = {
            "preview": "\n".join(map(str, entry.get("preview", ()))),
            "imports": Items("list", list(imports)),
        }
    facts: dict[str, Node] = {"size": stored_outcome.size}
    return Fields("pickle", parts, digest=str(digest or ""), facts=facts)


def body_nodes(body: dict[str, Any], *, is_tagged: bool) -> dict[str, Node]:
    """Return the parts of an outcome's JSON: `value`, `raised`, `items`, `end`.

    The items of a stream count as far as it was read. A stream that was not read to its
    end has no `end`, and neither has a stream that ended without an error or a result.
    With `is_tagged`, mappings may be tags: `{"$date": "2026-11-02"}`.
    """
    parts: dict[str, Node] = {}
    if "value" in body:
        parts["value"] = node_of(body["value"], is_tagged=is_tagged)
    if "raised" in body:
        parts["raised"] = node_of(body["raised"])
    if "stream" in body:
        stream = body["stream"]
        # An edited file may have anything as its items.
        items = list(stream.get("items", []))
        parts["items"] = node_of(items, is_tagged=is_tagged)
        end = stream.get("end")
        if end is not None and end != {"value": None}:
            parts["end"] = Fields("dict", body_nodes(end, is_tagged=is_tagged))
    return parts


def _compared_response(response: dict[str, Any], *, is_tagged: bool) -> Fields:
    """Return the parts of a response that `diff` compares, such as its status.

    The date and the other headers differ in each answer.
    """
    compared_parts: dict[str, Node] = {"status": response["status"]}
    compared_headers = {}
    for name, value in response["headers"]:
        lower_name = str(name).lower()
        if lower_name in _COMPARED_HEADERS:
            compared_headers[lower_name] = value
    if compared_headers:
        compared_parts["headers"] = Fields("dict", nodes_of(compared_headers))
    body = response.get("body")
    if isinstance(body, dict):
        compared_parts["body"] = _node_of_body(body, is_tagged=is_tagged)
    for name in ("end", "error"):
        if name in response:
            compared_parts[name] = node_of(response[name], is_tagged=is_tagged)
    return Fields("dict", compared_parts)


def _is_result(value: object) -> bool:
    """Return whether plain data is the result of a statement of SQL.

    An edited one, in which a row lacks a cell, is compared as any other data.
    """
    if not isinstance(value, dict):
        return False
    rows, columns = value.get("rows"), value.get("columns")
    if not isinstance(rows, list) or not isinstance(columns, list):
        return False
    for column in columns:
        if not isinstance(column, list) or not column:
            return False
    for row in rows:
        if not isinstance(row, list) or len(row) != len(columns):
            return False
    return True


def _compared_result(result: dict[str, Any]) -> Fields:
    """Return the parts of a statement's result that `diff` compares.

    | JSON | node |
    |---|---|
    | `"columns": [["id", 23], ["name", 25]]` | `columns: ["id", "name"]` |
    | `"rows": [[1, "a"]]` | `rows: [{id: 1, name: "a"}]`, if no name stands twice |
    """
    names = [str(column[0]) for column in result["columns"]]
    has_unique_names = len(set(names)) == len(names)
    rows: list[Node] = []
    for row in result["rows"]:
        cells = [node_of(cell) for cell in row]
        if has_unique_names:
            rows.append(Fields("dict", dict(zip(names, cells))))
        else:
            rows.append(Items("list", cells))
    compared_parts = nodes_of(result)
    compared_parts["columns"] = node_of(names)
    compared_parts["rows"] = Items("list", rows)
    return Fields("dict", compared_parts)


def _node_of_body(body: dict[str, Any], *, is_tagged: bool) -> Node:
    """Return the node of a response's body: of its JSON, text, bytes or events."""
    kind = next((name for name in _KEYS_OF_BODY if name in body), None)
    if kind is None:
        return node_of(body, is_tagged=is_tagged)
    content = body[kind]
    if kind == "base64":
        return Opaque("base64", content)
    if kind == "chunks":
        if all(isinstance(chunk, str) for chunk in content):
            return "".join(content)
        return Items("list", [chunk_node(chunk) for chunk in content])
    return node_of(content, is_tagged=is_tagged)


def chunk_node(chunk: object) -> Node:
    """Return the node of a stored chunk of a body: a text, or bytes as base64.

    `diff` compares chunks by it, and `show` prints them.
    """
    if isinstance(chunk, dict) and "base64" in chunk:
        return Opaque("base64", chunk["base64"])
    return node_of(chunk)


def is_response(value: object) -> bool:
    """Return whether plain data is a response of HTTP, with a status and headers."""
    if not isinstance(value, dict) or type(value.get("status")) is not int:
        return False
    headers = value.get("headers")
    if not isinstance(headers, list):
        return False
    for header in headers:
        if not isinstance(header, list) or len(header) != 2:
            return False
    return True
