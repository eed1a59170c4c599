"""A stored outcome as a tree to compare and to draw; a pickle in one line.

The tree is made from the JSON without importing a class.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.nodes.node_classes import Fields, Items, Node, Opaque
from pytest_mimic._core.nodes.node_json import node_of, nodes_of, plain_of
from pytest_mimic._core.outcome.encoding import Encoded
from pytest_mimic._core.outcome.outcome import Raised, Stream, Value
from pytest_mimic._core.placeholders import PLACEHOLDER_START
from pytest_mimic._core.redact.secret_names import places
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.library_values import library_text
from pytest_mimic._core.tree.making import Budget, tree_of
from pytest_mimic._core.tree.secrets import secrets_in
from pytest_mimic._core.types.libraries import is_data
from pytest_mimic._core.words import plural

if TYPE_CHECKING:
    from pytest_mimic._core.files.places import Places
    from pytest_mimic._core.outcome.outcome import Outcome
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


# How many characters a preview has.
_WIDTH = 240


def preview(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = frozenset,
) -> list[str]:
    """Return a line that shows what a pickled outcome holds.

    The line is such as `DataFrame 1000x3: day, base, rate`, and equal for equal
    outcomes. Of a stream, it shows the first item. No code of the outcome's classes
    runs but what `tree_of` runs.

    Args:
        outcome: The outcome.
        redactor: Knows the secret names, and the values of the environment.
        places: The folders of the run.
        secrets: Returns texts known to be secret, besides those under secret names.

    Returns:
        One line, or none if the outcome cannot be read.
    """
    budget = Budget(characters=_WIDTH, items=6, depth=3, text=40, digests=False)

    def shown(value: object) -> str:
        if is_data(value):
            return library_text(value)
        node = tree_of(value, redactor, places=places, budget=budget, secrets=known)
        return line(node)

    # What is shown, each value behind the words before it.
    parts: list[tuple[str, object]] = []
    # The outcome's parts may raise anything; it is stored all the same.
    with suppress(Exception):
        last = outcome.end if isinstance(outcome, Stream) else outcome
        if isinstance(outcome, Stream) and outcome.items:
            item = outcome.items[0]
            # As it was when it was yielded.
            value = item.load() if isinstance(item, Encoded) else item
            parts.append((f"stream of {plural(len(outcome.items), 'item')}: ", value))
        if isinstance(last, Raised):
            parts.append(("raised ", last.error))
        elif isinstance(outcome, Value):
            parts.append(("", outcome.value))
        elif last is not None and last.content is not None:
            parts.append(("end ", last.content))
        known = secrets().union(*(secrets_in(value, redactor) for _, value in parts))
        text = ", ".join(f"{title}{shown(value)}" for title, value in parts)
        text = hide_values(redactor.environment.text(text), known)
        text = shortened(" ".join(text.splitlines()), _WIDTH)
        return [text.encode("utf-8", "backslashreplace").decode()]
    return []


def described(
    outcome: Outcome,
    redactor: Redactor,
    *,
    places: Places | None = None,
    secrets: Callable[[], frozenset[str]] = frozenset,
) -> Any:
    """Return the description of a pickled outcome, by which `diff` names what differs.

    It is the JSON of a small tree: of a table the dtype and a digest of each column,
    and few values. None: the outcome is a stream, or it cannot be read. `secrets` is as
    for `preview`.
    """
    if isinstance(outcome, Stream):
        return None
    budget = Budget(characters=1_000, items=20, depth=4, text=40)
    value = outcome.content
    # The outcome's parts may raise anything; it is stored all the same.
    with suppress(Exception):
        known = secrets() | secrets_in(value, redactor)
        node = tree_of(value, redactor, places=places, budget=budget, secrets=known)
        return redactor.environment.scrub(plain_of(node))
    return None
