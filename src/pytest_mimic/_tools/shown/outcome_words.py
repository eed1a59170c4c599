"""Outcomes in a few words, without a value in them that could be secret: `{USD, CHF}`, `ValueError`, `200 json`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile, Entry
from pytest_mimic._core.seam.registry import load_adapter

if TYPE_CHECKING:
    from pytest_mimic._core.seam.base import Adapter

_KEYS, _WIDTH = 4, 40


def outcomes_in_short(file: CatalogFile, size_of: Callable[[str], str]) -> str:
    """Return the outcomes of a recording or cassette in a few words. `size_of` returns the size of an object."""
    shorts = [outcome_in_short(call, entry, size_of) for call in file.calls for entry in call.outcomes]
    if len(shorts) == 1:
        return shorts[0]
    text = ", ".join(shorts[:3])
    return f"{len(shorts)} outcomes: {text}{', ...' if len(shorts) > 3 else ''}" if shorts else "no calls"


def outcome_in_short(call: CatalogCall, entry: Entry, size_of: Callable[[str], str]) -> str:
    """Return an outcome in a few words."""
    try:
        return _short(call, entry, size_of)
    except (AttributeError, LookupError, TypeError, ValueError):  # damage, which `verify` finds
        return "?"


def error_of(call: CatalogCall, entry: Entry) -> str | None:
    """Return how an outcome is an error: `raised ValueError`, `gave 503`. None if it is none."""
    raised = entry.get("raised")
    if raised is None and "stream" in entry:
        raised = (entry["stream"].get("end") or {}).get("raised")
    if raised is not None:
        return f"raised {_last_name(raised['type'])}"
    if entry.get("kind") == "raised":
        return "raised an exception"
    if call.is_client and "value" in entry:
        return _client(call.target).failure(entry["value"])
    return None


@cache
def _client(name: str) -> Adapter:
    return load_adapter(name)


def _short(call: CatalogCall, entry: Entry, size_of: Callable[[str], str]) -> str:
    if "pickle" in entry or "json" in entry:
        return _object_in_short(entry, size_of)
    if "raised" in entry:
        return f"raised {_last_name(entry['raised']['type'])}"
    if "stream" in entry:
        count = len(entry["stream"]["items"])
        error = error_of(call, entry)
        return f"stream of {count}{f', then {error}' if error else ''}"
    if "returned" in entry:
        return f"returned {entry['returned']}"
    if call.is_client:
        return _exchange_in_short(call, entry["value"])
    return value_in_short(entry["value"], is_tagged=entry.get("tagged", False))


def _object_in_short(entry: Entry, size_of: Callable[[str], str]) -> str:
    name = entry.get("pickle") or entry["json"]
    preview = entry.get("preview")
    if preview:  # its first line is the class of an object, or what it is and how large
        what = str(preview[0])
        what = what.rpartition(":")[2] if " " not in what else what
    elif "json" in entry:
        what = "JSON"
    else:
        what = ", ".join(["pickle", *dict.fromkeys(map(_last_name, entry.get("imports", ())[:2]))])
    what = what if len(what) <= _WIDTH else f"{what[: _WIDTH - 3]}..."
    kind = {"raised": "raised ", "stream": "stream "}.get(entry["kind"], "")
    return f"{kind}{what}, {size_of(name)}"


def _exchange_in_short(call: CatalogCall, value: Any) -> str:
    failed = _client(call.target).failure(value)
    if not isinstance(value, dict):
        return value_in_short(value)
    if "status" in value:
        body = value.get("body") or {}
        kind = next((key for key in ("json", "text", "base64", "chunks") if key in body), "")
        kind = f"{len(body['chunks'])} chunks" if kind == "chunks" else {"base64": "bytes"}.get(kind, kind)
        return f"{value['status']} {kind}".rstrip()
    if failed:
        return failed
    if "rows" in value:
        count = len(value["rows"])
        return f"{count} row{'' if count == 1 else 's'}"
    if "rowcount" in value:
        return f"{value['rowcount']} changed"
    if "replies" in value:
        return f"{len(value['replies'])} replies"
    if "reply" in value:
        return value_in_short(value["reply"])
    return value_in_short(value)


def value_in_short(value: Any, *, is_tagged: bool = False) -> str:
    """Return the shape of a value: numbers as they are, the beginning of a text, the keys of a mapping, a length."""
    if isinstance(value, str):
        return f"text of {len(value)}" if len(value) != 0 else "''"
    if isinstance(value, list):
        is_short = len(value) <= _KEYS and all(isinstance(part, int | float | None) for part in value)
        return repr(value) if is_short else f"list of {len(value)}"
    if not isinstance(value, dict):
        return repr(value)
    if is_tagged and value:
        tag, part = next(iter(value.items()))
        if tag[:1] == "$" and tag[:2] != "$$":
            return _tagged_in_short(tag[1:], part, value)
    return f"{{{_keys(value)}}}"


def _tagged_in_short(tag: str, part: Any, node: dict[str, Any]) -> str:
    name = _last_name(tag) if ":" in tag else tag.rpartition(".")[2]
    if tag == "anchor":
        return value_in_short(node.get("value"), is_tagged=True)
    if isinstance(part, dict):
        return f"{name}({_keys(part)})"
    if isinstance(part, list):
        return f"{name} of {len(part)}"
    if ":" in tag:  # a member of an enum
        return f"{name}.{part}"
    if tag in ("base64", "bytes", "object"):
        return "bytes"
    return f"{name} {str(part)[:_WIDTH]}" if tag not in ("str", "path") else name


def _keys(value: dict[str, Any]) -> str:
    names = ", ".join(list(value)[:_KEYS])
    names = names if len(names) <= _WIDTH else f"{names[: _WIDTH - 3]}..."
    return f"{names}, ... {len(value)} keys" if len(value) > _KEYS else names


def _last_name(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2]
