"""A stored outcome as a tree to compare and to draw, made from its JSON without importing a class; a pickle in one line."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.redact.secret_names import PLACEHOLDER_START, places
from pytest_mimic._core.redact.secret_values import hide_values
from pytest_mimic._core.seam.registry import names_client
from pytest_mimic._core.tree.drawing import line, shortened
from pytest_mimic._core.tree.library_values import library_text
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
# Containers that are stored in a form of their own, and here as the objects that they
# are: with their content, and facts.
_CONTENT = {
    "$bytearray": ("$bytearray",),
    "$counter": ("$Counter",),
    "$defaultdict": ("$defaultdict", "default_factory"),
    "$deque": ("$deque", "maxlen"),
    "$ordered_dict": ("$OrderedDict",),
}
_EXCEPTION = frozenset(
    {"args", "attributes", "cause", "fields", "notes", "suppress_context"}
)
_BODIES = ("json", "text", "base64", "chunks", "events")


def without_secrets(
    body: dict[str, Any], redactor: Redactor, secrets: Collection[str] = ()
) -> dict[str, Any]:
    """Return a copy of an outcome's JSON in which the values of secret names are replaced, wherever they stand.

    Besides keys, a name may be the first of a pair, or a word before its value
    (`--password`). `secrets` are further
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
    """Return a recorded call without what redaction hides in its arguments today, which it may be older than."""
    given = dict(call.arguments or {})
    # That of a client names the call. As the value of a secret name, its words would be
    # hidden in all other parts.
    own = {"signature": given.pop("signature", "")} if names_client(call.target) else {}
    return call._replace(arguments=own | without_secrets(given, redactor))


def outcome_tree(stored: Stored, redactor: Redactor) -> Any:
    """Return what is compared of an outcome: the value itself, or a mapping with `raised` or `items`.

    CorruptRecordingError: a file is damaged or missing.
    """
    body, entry = stored.readable(), stored.entry
    if body is None:
        encoded: Any = stored.encoded
        pickled, mark = encoded and encoded.pickled, encoded and encoded.fingerprint
        imports = pickled.imports if pickled else entry.get("imports", [])
        lists = {
            "preview": "\n".join(map(str, entry.get("preview", ()))),
            "imports": imports,
        }
        return {
            "$pickle": lists,
            "size": stored.size,
            "digest": mark or entry.get("fingerprint"),
        }
    body = without_secrets(body, redactor)
    found = body_tree(body, is_tagged=stored.is_tagged)
    found.pop("is_open", None)  # items count as far as both streams were read
    if stored.awaited:
        found["awaited"] = True
    value: Any = found.get("value")
    if is_response(value):
        found["value"] = _compared(value)
    return found["value"] if list(found) == ["value"] else found


def body_tree(body: dict[str, Any], *, is_tagged: bool) -> dict[str, Any]:
    """Return the parts of an outcome's JSON, by the words that people use: `value`, `raised`, `items`, `end`, ...

    Mappings may be tags, `{"$date": "2026-11-02"}`, if it `is_tagged`.
    """
    found: dict[str, Any] = {}
    if "value" in body:
        found["value"] = _tree(body["value"], is_tagged=is_tagged)
    if "raised" in body:
        found["raised"] = _tree(body["raised"], is_tagged=True)
    if "stream" in body:
        stream = body["stream"]
        found["items"] = _tree(stream.get("items", []), is_tagged=is_tagged)
        end = stream.get("end")
        if end is None:
            found["is_open"] = True
        elif end != {"value": None}:
            found["end"] = body_tree(end, is_tagged=is_tagged)
    return found


def _tree(plain: Any, *, is_tagged: bool) -> Any:
    """Return JSON as a tree.

    What an object has besides its fields stands among them.
    """
    if isinstance(plain, list):
        return [_tree(part, is_tagged=is_tagged) for part in plain]
    if not isinstance(plain, dict):
        return plain
    inner = {key: _tree(part, is_tagged=is_tagged) for key, part in plain.items()}
    tag = next(iter(inner), "")
    if tag[:1] != "$":
        return inner
    if not is_tagged:
        return {"$dict": [list(pair) for pair in inner.items()]}
    if tag in _CONTENT:
        name, *facts = _CONTENT[tag]
        parts = list(inner[tag]) if facts else [inner[tag]]
        if tag == "$defaultdict":
            parts.reverse()
        return {
            name: {
                "": parts[0],
                **{
                    fact: part
                    for fact, part in zip(facts, parts[1:])
                    if part is not None
                },
            }
        }
    if isinstance(inner[tag], dict):
        if "args" in inner[tag] and inner[tag].keys() <= _EXCEPTION:
            return {tag: _exception_parts(inner[tag])}
        for name in ("attributes", "extra"):
            if (
                isinstance(inner.get(name), dict)
                and not inner[name].keys() & inner[tag].keys()
            ):
                inner[tag] = inner[tag] | inner.pop(name)
    return inner


def _exception_parts(parts: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a stored exception as the tree of one has them."""
    args = parts["args"]
    fields = {
        name: part
        for name, part in parts.get("fields", {}).items()
        if part not in (None, *args)
    }
    found = {"*": args, **parts.get("attributes", {}), **fields}
    more = {f"__{name}__": parts[name] for name in ("cause", "notes") if name in parts}
    return found | more


def _compared(response: dict[str, Any]) -> dict[str, Any]:
    """Return what verifying compares of a response, its body as what it is."""
    found: dict[str, Any] = {"status": response["status"]}
    headers = {str(name).lower(): value for name, value in response["headers"]}
    if compared := {
        name: headers[name] for name in _COMPARED_HEADERS if name in headers
    }:
        found["headers"] = compared
    body = response.get("body")
    if isinstance(body, dict):
        kind = next((name for name in _BODIES if name in body), None)
        content: Any = body[kind] if kind else body
        if kind == "base64":
            content = {"$base64": content}
        elif kind == "chunks":
            is_text = all(isinstance(one, str) for one in content)
            plain = (
                {"$base64": one["base64"]}
                if isinstance(one, dict) and "base64" in one
                else one
                for one in content
            )
            content = "".join(content) if is_text else list(plain)
        found["body"] = content
    return found | {
        name: response[name] for name in ("end", "error") if name in response
    }


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
    """Return a line that shows what an outcome holds that is stored as a pickle: `DataFrame 1000x3: day, base, rate`.

    It is equal for equal outcomes; there is none if it cannot be read. No code of its
    classes runs but what `tree_of` runs.
    Of a stream, the first item is shown. `secrets` returns texts known to be secret,
    besides those under secret names.
    """
    from pytest_mimic._core.outcome.encoding import Encoded
    from pytest_mimic._core.tree.making import Budget, tree_of

    budget = Budget(characters=_WIDTH, items=6, depth=3, text=40, digests=False)
    parts: list[
        tuple[str, object]
    ] = []  # what is shown, each value behind the words before it
    with suppress(
        Exception
    ):  # the outcome's parts may raise anything; it is stored all the same
        for item in outcome.items[:1] if outcome.kind == "stream" else ():
            value = (
                item.load() if isinstance(item, Encoded) else item
            )  # as it was when it was yielded
            parts.append((f"stream of {plural(len(outcome.items), 'item')}: ", value))
        last = outcome.last
        if last.kind == "raised":
            parts.append(("raised ", last.exception))
        elif outcome.kind == "value" or last.value is not None:
            parts.append(("" if outcome.kind == "value" else "end ", last.value))
        known = secrets().union(*(secrets_in(value, redactor) for _, value in parts))
        shown = ", ".join(
            f"{title}{library_text(value)}"
            if is_data(value)
            else f"{title}{line(tree_of(value, redactor, places=places, budget=budget, secrets=known))}"
            for title, value in parts
        )
        shown = " ".join(
            hide_values(redactor.environment.text(shown), known).splitlines()
        )
        return [shortened(shown, _WIDTH).encode("utf-8", "backslashreplace").decode()]
    return []
