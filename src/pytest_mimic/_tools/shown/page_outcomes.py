"""Outcomes as text to read, without secrets. No class is imported for it, and no pickle is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_mimic._core.outcome.plain import layout
from pytest_mimic._core.redact.secret_names import PLACEHOLDER
from pytest_mimic._core.redact.texts import hide_values
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.redact.redactor import Redactor
    from pytest_mimic._core.vault import Stored

# How much of an outcome is shown, in characters: as a whole, and in a list of calls.
_SHOWN, _BRIEF = 4_000, 90
# A text is searched for secrets to a multiple of what is shown of it: one that is cut in half would not be found.
_SEARCHED = 4 * _SHOWN
_IMPORTS = 8


class ShownOutcome(NamedTuple):
    """An outcome to read: in a few words, and in lines. `is_error` is whether the call raised."""

    brief: str
    text: str
    is_error: bool = False


def shown_outcome(stored: Stored, redactor: Redactor, *, secrets: Collection[str] = ()) -> ShownOutcome:
    """Return an outcome as text.

    Values under secret names are replaced, and so are the `secrets`, which are texts known to be secret. A pickle is
    shown by the preview and the list of imports in its recording.
    """
    try:
        body = stored.readable()
    except MimicError as error:  # the file is damaged, for example
        return ShownOutcome("cannot be shown", str(error))
    if body is None:
        shown = _of_pickle(stored)
    else:
        shown = _of_body(_scrubbed(body, redactor), secrets)

    def clean(text: str, limit: int) -> str:
        text = hide_values(text, secrets)  # before it is cut: half a secret would not be found
        text = redactor.texts.scrub_text(text[:_SEARCHED])
        return text if len(text) <= limit else f"{text[: limit - 2]} …"

    files = "".join(f"\nwrote {name}" for name in sorted(stored.entry.get("files", ())))
    return ShownOutcome(
        clean(shown.brief, _BRIEF), clean(shown.text, _SHOWN) + clean(files, _SHOWN), shown.is_error
    )


def _of_pickle(stored: Stored) -> ShownOutcome:
    entry = stored.entry
    imports: list[str] = entry.get("imports", [])
    lines: list[str] = entry.get("preview") or [f"pickle with {', '.join(imports) or 'no classes'}"]
    named = ", ".join(imports[:_IMPORTS])
    more = f" and {len(imports) - _IMPORTS} more" if len(imports) > _IMPORTS else ""
    facts = [f"stored as a pickle, which imports {named}{more}"] if imports else ["stored as a pickle"]
    code = [f"holds code: {', '.join(entry['code'])}"] if entry.get("code") else []
    return ShownOutcome(lines[0], "\n".join([*lines, "", *facts, *code]), stored.kind == "raised")


def _of_body(body: dict[str, Any], secrets: Collection[str]) -> ShownOutcome:
    changed = "".join(
        f"\nargument {name} is then {layout(new)}" for name, new in body.get("changed", {}).items()
    )
    if "raised" in body:
        text = _raised(body["raised"])
        return ShownOutcome(f"raised {text}", f"raised {text}{changed}", is_error=True)
    if "stream" in body:
        stream = body["stream"]
        count = f"stream of {len(stream['items'])} item{'' if len(stream['items']) == 1 else 's'}"
        lines = [count, *(f"[{number}] {layout(item)}" for number, item in enumerate(stream["items"]))]
        if (end := stream.get("end")) is None:
            lines.append("read no further")
        elif "raised" in end:
            lines.append(f"then raised {_raised(end['raised'])}")
        elif end.get("value") is not None:
            lines.append(f"then returned {layout(end['value'])}")
        return ShownOutcome(count, "\n".join(lines) + changed, "raised" in (end or {}))
    if "returned" in body:
        return ShownOutcome(f"argument {body['returned']}", f"the argument {body['returned']}{changed}")
    value = body.get("value")
    text = hide_values(layout(value), secrets)
    return ShownOutcome(_brief(value, text), text + changed)


def _raised(tree: dict[str, Any]) -> str:
    name = str(tree["type"]).rpartition(":")[2]
    return f"{name}({', '.join(layout(each) for each in tree['args'])})"


def _brief(value: Any, text: str) -> str:
    """Return a value in one line: an answer of HTTP by its status, anything else by the beginning of its text."""
    if isinstance(value, dict) and isinstance(value.get("status"), int) and "headers" in value:
        return f"{value['status']} {value.get('reason') or ''}".rstrip()
    line = " ".join(text[:_SEARCHED].split())
    return re.sub(r"(?<=[{\[]) | (?=[}\]])", "", line)


def _scrubbed(body: Any, redactor: Redactor) -> Any:
    """Return the JSON of an outcome without the values of secret names, also where a name and its value are a pair."""
    scrubbed = redactor.scrub({"": body})[""]
    for pair in _pairs(scrubbed):
        if redactor.hides(pair[0], pair[1]) and pair[1] is not None:
            pair[1] = PLACEHOLDER
    return scrubbed


def _pairs(tree: Any) -> Iterator[list[Any]]:
    """Yield the lists of a name and something else, which tagged mappings and headers consist of."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            if len(node) == 2 and isinstance(node[0], str):
                yield node
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
