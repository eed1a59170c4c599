"""A stored outcome as a tree to compare and to draw.

The tree is made from the JSON without importing a class.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import node_of, nodes_of
from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.redact.secret_names import places
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.secrets import secrets_in

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault.recording_facts import Recording, Stored

# Of a response's headers, verifying compares this one.
_COMPARED_HEADERS = ("content-type",)
_BODIES = ("json", "text", "base64", "chunks", "events")


def without_secrets(
    body: dict[str, Any], redactor: Redactor, secrets: Collection[str] = ()
) -> dict[str, Any]:
    """Return a copy of an outcome's JSON without the values of secret names.

    The same texts are replaced wherever they stand. Besides keys, a name may be the
    first of a pair, or a word before its value (`--password`). `secrets` are further
    texts known to be secret.
    """
    # A text with a placeholder is hidden already, such as a cookie's name with its
    # attributes.
    known = [
        text
        for text in {*secrets, *secrets_in(body, redactor)}
        if PLACEHOLDER_START not in text
    ]
    root: dict[str, Any] = {"": redactor.scrub(body, stored=True)}
    for place in places(root, redactor):
        if type(place.value) is str:
            place.box[place.key] = redactor.scrub_text(place.value, known)
    found: dict[str, Any] = root[""]
    return found


def bare(call: Recording, redactor: Redactor) -> Recording:
    """Return a recorded call without what redaction hides in its arguments today.

    The recording may be older than the names that are secret now.
    """
    given = dict(call.arguments or {})
    # That of a client names the call. As the value of a secret name, its words would be
    # hidden in all other parts.
    own = {"signature": given.pop("signature", "")} if names_client(call.target) else {}
    return call._replace(arguments=own | without_secrets(given, redactor))


def outcome_tree(stored: Stored, redactor: Redactor) -> Node:
    """Return what is compared of an outcome: its value, or a mapping of its parts.

    Raises:
        CorruptRecordingError: A file is damaged or missing.
    """
    body = stored.readable()
    if body is None:
        return _pickle_node(stored, redactor)
    body = without_secrets(body, redactor)
    parts = body_nodes(body, is_tagged=stored.is_tagged)
    if is_response(body.get("value")):
        parts["value"] = _compared(body["value"], is_tagged=stored.is_tagged)
    if stored.awaited:
        parts["awaited"] = True
    return parts["value"] if list(parts) == ["value"] else Fields("dict", parts)


def _pickle_node(stored: Stored, redactor: Redactor) -> Fields:
    """Return the node of a pickled outcome, made of its description or its preview."""
    entry, encoded = stored.entry, stored.encoded
    imports, digest = entry.get("imports", []), entry.get("fingerprint")
    if encoded is not None:
        imports = encoded.pickled.imports if encoded.pickled else imports
        digest = encoded.fingerprint or digest
    parts: dict[str, Node]
    if "described" in entry:
        bare = without_secrets({"": entry["described"]}, redactor)
        parts = nodes_of(bare)
    else:
        parts = {
            "preview": "\n".join(map(str, entry.get("preview", ()))),
            "imports": Items("list", list(imports)),
        }
    facts: dict[str, Node] = {"size": stored.size}
    return Fields("pickle", parts, digest=str(digest or ""), facts=facts)


def body_nodes(body: dict[str, Any], *, is_tagged: bool) -> dict[str, Node]:
    """Return the parts of an outcome's JSON: `value`, `raised`, `items`, `end`.

    Items count as far as a stream was read, so that a stream that was not read to its
    end has no `end`, and neither has one that ended as usual. Mappings may be tags,
    `{"$date": "2026-11-02"}`, if it `is_tagged`.
    """
    found: dict[str, Node] = {}
    if "value" in body:
        found["value"] = node_of(body["value"], is_tagged=is_tagged)
    if "raised" in body:
        found["raised"] = node_of(body["raised"])
    if "stream" in body:
        stream = body["stream"]
        # An edited file may have anything as its items.
        items = list(stream.get("items", []))
        found["items"] = node_of(items, is_tagged=is_tagged)
        end = stream.get("end")
        if end is not None and end != {"value": None}:
            found["end"] = Fields("dict", body_nodes(end, is_tagged=is_tagged))
    return found


def _compared(response: dict[str, Any], *, is_tagged: bool) -> Fields:
    """Return what verifying compares of a response, its body as what it is."""
    found: dict[str, Node] = {"status": response["status"]}
    headers = {str(name).lower(): value for name, value in response["headers"]}
    compared = {name: headers[name] for name in _COMPARED_HEADERS if name in headers}
    if compared:
        found["headers"] = Fields("dict", nodes_of(compared))
    body = response.get("body")
    if isinstance(body, dict):
        found["body"] = body_node(body, is_tagged=is_tagged)
    for name in ("end", "error"):
        if name in response:
            found[name] = node_of(response[name], is_tagged=is_tagged)
    return Fields("dict", found)


def body_node(body: dict[str, Any], *, is_tagged: bool = False) -> Node:
    """Return the body of a response as what it is: JSON, a text, bytes, events."""
    kind = next((name for name in _BODIES if name in body), None)
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
    """Return a chunk of a body: a text, or bytes."""
    if isinstance(chunk, dict) and "base64" in chunk:
        return Opaque("base64", chunk["base64"])
    return node_of(chunk)


def is_response(value: object) -> bool:
    if not isinstance(value, dict) or type(value.get("status")) is not int:
        return False
    headers = value.get("headers")
    return isinstance(headers, list) and all(
        isinstance(one, list) and len(one) == 2 for one in headers
    )
