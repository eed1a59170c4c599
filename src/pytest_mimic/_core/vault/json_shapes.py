"""Checks the shape of outcomes and descriptions that were read from a vault."""

from __future__ import annotations

import re
from typing import Any

from pytest_mimic._core.vault.parsing import INFINITE, damaged, is_object

CALL_FACTS = ("kind", "target", "signature", "key")
_KINDS = ("value", "raised", "stream")
# The keys of a described value, with the types of their values; see `_describe`.
_DESCRIBED: dict[str, type] = {
    "$": str,
    "attributes": dict,
    "digest": str,
    "entries": list,
    "items": list,
    "keys": dict,
    "length": int,
    "start": str,
}
_HEX = re.compile(r"[0-9a-f]{32}")
_BODIES = ("value", "raised", "stream", "returned", "json", "pickle")


def check_entry(entry: Any, path: str, test: str | None) -> None:
    fault = _entry_fault(entry)
    if fault:
        raise damaged(path, fault, test=test)


def _entry_fault(entry: Any) -> str | None:
    if type(entry) is not dict or type(entry.get("duration")) not in (float, int):
        return "an outcome without a duration"
    if not -INFINITE < entry["duration"] < INFINITE:  # NaN is neither
        return "a duration must be a number of seconds"
    held = [key for key in _BODIES if key in entry]
    if len(held) != 1:
        return "an outcome needs one value, exception or file"
    if type(entry.get("tagged", False)) is not bool:
        return "tagged must be true or false"
    if "detached" in entry:
        from pytest_mimic._core.vault.detached import detached_fault

        if fault := detached_fault(entry["detached"]):
            return fault
    if "files" in entry:
        from pytest_mimic._core.outcome.kept_files import listing_fault

        if fault := listing_fault(entry["files"]):
            return fault
    body = entry[held[0]]
    is_object_name = held[0] in ("json", "pickle")
    if is_object_name:
        suffix = ".json" if held[0] == "json" else ".pkl"
        if type(body) is not str or not is_object(body) or not body.endswith(suffix):
            return f"{held[0]} does not name an object of the vault"
        if entry.get("kind") not in _KINDS:
            return "an object without its kind"
        if len(entry) == 3 and held[0] == "json":  # the most frequent entry of a large outcome
            return None
    for name in ("imports", "code", "changes", "objects", "preview"):
        names = entry.get(name, [])
        if type(names) is not list or any(type(item) is not str for item in names):
            return f"{name} must be a list of texts"
    listed = next((name for name in ("imports", "objects") if entry.get(name)), None)
    if listed and held[0] != "pickle" and not entry.get("tagged"):
        return f"it lists {listed}, but is not tagged"
    if not all(is_object(name) and name.endswith(".bin") for name in entry.get("objects", ())):
        return "objects must name objects of the vault"
    checksum = entry.get("checksum")
    if held[0] == "pickle" and (type(checksum) is not str or not _HEX.fullmatch(checksum)):
        return "a pickle without its checksum"
    if type(entry.get("python", "")) is not str:
        return "python must be text"
    if type(entry.get("count", 1)) is not int or entry.get("count", 1) < 1:
        return "count must be a number from one on"
    return None if is_object_name else body_fault(entry)


def is_description(arguments: Any) -> bool:
    """Return whether something is a description of arguments, as `describe_arguments` returns it."""
    if type(arguments) is not dict:
        return arguments is None
    todo: list[Any] = list(arguments.values())  # no recursion: a description may be deep
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        elif type(node) is dict and "$" not in node:
            todo += node.values()
        elif type(node) is dict:
            if any(type(node.get(name, kind())) is not kind for name, kind in _DESCRIBED.items()):
                return False
            is_cut = "start" in node or (node["$"] == "str" and "text" not in node)
            if is_cut and not {"start", "length"} <= node.keys():
                return False
            todo += [part for name, kind in _DESCRIBED.items() if kind is list for part in node.get(name, ())]
            todo += [part for name in ("keys", "attributes") for part in node.get(name, {}).values()]
            if any(type(pair) is not list or len(pair) != 2 for pair in node.get("entries", ())):
                return False
    return True


def body_fault(body: Any) -> str | None:
    """Return what is wrong with the shape of an exception, a stream or the changes; None if nothing is."""
    if type(body) is not dict:
        return "an outcome must be an object"
    if type(body.get("changed", {})) is not dict:
        return "changed must be an object"
    if "returned" in body and body["returned"] not in list(body.get("changed", {})):
        return "returned does not name a changed argument"
    if "raised" in body:
        return _exception_fault(body["raised"])
    stream = body.get("stream", {"items": []})
    if type(stream) is not dict or type(stream.get("items")) is not list:
        return "a stream without its items"
    if type(stream.get("sent", [])) is not list:
        return "sent must be a list"
    end = stream.get("end")
    if end is None:
        return None
    fault = body_fault(end)
    return fault or (
        None if {"value", "raised"} & end.keys() else "a stream's end is neither value nor exception"
    )


def _exception_fault(tree: Any) -> str | None:
    if type(tree) is not dict or type(tree.get("type")) is not str or ":" not in tree["type"]:
        return "an exception without its type"
    if type(tree.get("args")) is not list or type(tree.get("exceptions", [])) is not list:
        return "an exception's args must be a list"
    if any(type(tree.get(name, {})) is not dict for name in ("attributes", "fields")):
        return "an exception's attributes must be an object"
    links = [tree[name] for name in ("cause", "context") if name in tree]
    inner = [*tree.get("exceptions", []), *(link for link in links if link != "cause" or "cause" not in tree)]
    return next(filter(None, map(_exception_fault, inner)), None)
