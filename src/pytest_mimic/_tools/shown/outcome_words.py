"""Outcomes in a few words, without a value in them that could be secret: `{USD, CHF}`, `ValueError`, `200 json`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from pytest_mimic._core.compare.outcome_tree import Blob, Named, body_tree, exception_name, is_response
from pytest_mimic._core.describe.recorded_files import CatalogCall, CatalogFile, Entry
from pytest_mimic._core.describe.text import shortened
from pytest_mimic._core.seam.base import Adapter
from pytest_mimic._core.seam.registry import OWN_FAILURES, is_bundled, is_client, load_adapter
from pytest_mimic._core.words import plural, size
from pytest_mimic.errors import TargetError

_KEYS, _WIDTH = 4, 40


def outcomes_in_short(file: CatalogFile, size_of: Callable[[str], float]) -> str:
    """Return the outcomes of a recording or cassette in a few words. `size_of` returns the bytes of an object."""
    shorts = [outcome_in_short(call, entry, size_of) for call in file.calls for entry in call.outcomes]
    if len(shorts) == 1:
        return shorts[0]
    text = ", ".join(shorts[:3])
    return f"{len(shorts)} outcomes: {text}{', ...' if len(shorts) > 3 else ''}" if shorts else "no calls"


def outcome_in_short(call: CatalogCall, entry: Entry, size_of: Callable[[str], float]) -> str:
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
        return f"raised {_last_name(exception_name(raised))}"
    if entry.get("kind") == "raised":
        return f"raised {_pickled_class(entry)}"
    if call.is_client and "value" in entry:
        return _client(call.target).failure(entry["value"])
    return None


@cache
def _client(name: str) -> Adapter:
    # Loading the adapters of HTTP takes longer than the whole command.
    if is_client(name) and is_bundled(name) and name not in OWN_FAILURES:
        return Adapter(name)
    try:
        return load_adapter(name)
    except TargetError:  # its distribution is not installed here
        return Adapter(name)


def _short(call: CatalogCall, entry: Entry, size_of: Callable[[str], float]) -> str:
    if "pickle" in entry or "json" in entry:
        return _object_in_short(entry, size_of)
    if "raised" in entry:
        return f"raised {_last_name(exception_name(entry['raised']))}"
    if "stream" in entry:
        error = error_of(call, entry)
        return f"stream of {len(entry['stream']['items'])}{f', then {error}' if error else ''}"
    if "returned" in entry:
        return f"returned {entry['returned']}"
    if call.is_client and is_response(entry["value"]):
        is_error = entry["value"].get("error") is not None  # it broke off
        return (is_error and error_of(call, entry)) or _response_in_short(entry["value"])
    value = body_tree({"value": entry["value"]}, is_tagged=entry.get("tagged", False))["value"]
    if not call.is_client:
        return word(value)
    return _reply_in_short(value, _client(call.target).failure(entry["value"]))


def _object_in_short(entry: Entry, size_of: Callable[[str], float]) -> str:
    name = entry.get("pickle") or entry["json"]
    preview = entry.get("preview")
    if preview:  # its first line is the class of an object, or what it is and how large
        what = str(preview[0])
        what = what.rpartition(":")[2] if " " not in what else what
    elif "json" in entry:
        what = "JSON"
    else:
        what = ", ".join(["pickle", *dict.fromkeys(map(_last_name, entry.get("imports", ())[:2]))])
    if entry["kind"] == "raised" and preview:
        what = _pickled_class(entry)
    kind = {"raised": "raised ", "stream": "stream "}.get(entry["kind"], "")
    return f"{kind}{shortened(what, _WIDTH)}, {size(size_of(name))}"


def _pickled_class(entry: Entry) -> str:
    """Return the class of a pickled exception, by its preview: `raised shop.api:RateError: 'no rates'`."""
    found = re.match(r"raised (?:[\w.]+:)?([\w.]+)", str((entry.get("preview") or [""])[0]))
    return found[1] if found else "an exception"


def _response_in_short(response: dict[str, Any]) -> str:
    body = response.get("body") or {}
    kind = next((key for key in ("json", "text", "base64", "chunks", "events") if key in body), "")
    if kind in ("chunks", "events"):
        return f"{response['status']} {len(body[kind])} {kind}"
    return f"{response['status']} {'bytes' if kind == 'base64' else kind}".rstrip()


def _reply_in_short(value: object, failed: str | None) -> str:
    if failed or not isinstance(value, dict):
        return failed or word(value)
    if "responses" in value:
        return plural(len(value["responses"]), "message")
    if "code" in value:
        return str(value["code"])
    if "rows" in value:
        return plural(len(value["rows"]), "row")
    if "rowcount" in value:
        return f"{value['rowcount']} changed"
    if "replies" in value:
        return f"{len(value['replies'])} replies"
    return word(value.get("reply", value))


def word(tree: object) -> str:
    """Return the shape of a value: numbers as they are, the length of a text or list, the keys of a mapping."""
    if isinstance(tree, str):
        return f"text of {len(tree)}" if tree else "''"
    if isinstance(tree, list):
        is_short = len(tree) <= _KEYS and all(isinstance(part, int | float | None) for part in tree)
        return repr(tree) if is_short else f"list of {len(tree)}"
    if isinstance(tree, dict):
        return f"{{{_keys(tree)}}}"
    if isinstance(tree, Blob):
        return "bytes"
    if not isinstance(tree, Named):
        return repr(tree)
    name, value = _last_name(tree.name), tree.value
    if isinstance(value, dict) and "" not in value:
        return f"{name}({_keys(value)})"
    value = value[""] if isinstance(value, dict) else value
    if isinstance(value, list):
        return f"{name} of {len(value)}"
    if ":" in tree.name:  # a member of an enum
        return f"{name}.{value}"
    is_text = isinstance(value, str) and name not in ("bytes", "str", "path")
    return f"{name} {value[:_WIDTH]}" if is_text else name


def _keys(value: dict[str, Any]) -> str:
    names = shortened(", ".join(list(value)[:_KEYS]), _WIDTH)
    return f"{names}, ... {len(value)} keys" if len(value) > _KEYS else names


def _last_name(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2]
