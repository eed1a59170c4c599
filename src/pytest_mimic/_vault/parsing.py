"""Reads the JSON files of a vault. A file of another shape is an error that names it and the remedy."""

from __future__ import annotations

import re
from json import JSONDecoder, loads
from typing import Any

from pytest_mimic._ambient import command
from pytest_mimic.errors import CorruptRecordingError

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

FORMAT = 1
_REFERENCE = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{32}(-[0-9]+)?\.(json|pkl|bin)")
REFERENCES = re.compile(rb"objects/[0-9a-f]{2}/[0-9a-f]{32}(?:-[0-9]+)?\.(?:json|pkl|bin)")
_LFS = b"version https://git-lfs.github.com/spec/"
# Top-level keys are indented by one blank, and a string in JSON holds no line break. So only such keys match these.
_ARGUMENTS, _BEHIND_ARGUMENTS = '\n "arguments": ', ',\n "source": '
_HEAD = b'{\n "format": %d,\n' % FORMAT
_TAIL = b"\n}\n"
_TEST = b'\n "test": '
# `json.loads` without its checks around the value: half the time for small recordings.
scan: Any = JSONDecoder().scan_once  # type: ignore[attr-defined]
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


def damaged(path: str, detail: str = "", *, test: str | None = None) -> CorruptRecordingError:
    """Return the error for a file that is not what was recorded."""
    return corrupt(path, f"is not what was recorded{f' ({detail})' if detail else ''}", test=test)


def corrupt(path: str, how: str, *, test: str | None = None) -> CorruptRecordingError:
    """Return the error for a file that must be restored or recorded again."""
    return CorruptRecordingError(
        f"{path} {how}",
        remedies=[f"restore it from version control, or record again: {command('--mimic-rerecord', test)}"],
        file=path,
    )


def check_pulled(data: bytes | memoryview, path: str) -> None:
    """Raise CorruptRecordingError if a file is the pointer that Git LFS leaves in place of its content."""
    if data[: len(_LFS)] == _LFS:
        raise CorruptRecordingError(
            f"{path} is a Git LFS pointer, its content was not pulled", remedies=["git lfs pull"], file=path
        )


def parse_recording(data: bytes, label: str, name: str, *, skim: bool = False) -> dict[str, Any]:
    """Return the facts of a recording or a cassette, not yet checked but for the format.

    `label` is the vault, for messages. With `skim`, the description of the arguments is skipped: a replay does not
    need it.

    Raises:
        CorruptRecordingError: The file is damaged, or of a newer format.
    """
    try:
        text = data.decode()
        facts: dict[str, Any]
        if skim:
            start = text.find(_ARGUMENTS)
            end = text.find(_BEHIND_ARGUMENTS, start)
            if start > 0 and end > 0:
                text = f"{text[:start]}{_ARGUMENTS}null{text[end:]}"
        facts, end = scan(text, 0)
        # As written by this plugin, each top-level key has a line. Any other layout may hold a key twice.
        if text[end:] == "\n" and data.count(b'\n "') == len(facts):
            number = facts["format"]
            # In Python, True == 1.
            if number == FORMAT and number is not True:
                return facts
    except (ValueError, StopIteration, RecursionError, LookupError, TypeError):
        pass
    return _parse_odd_recording(data, f"{label}/{name}")


def _parse_odd_recording(data: bytes, path: str) -> dict[str, Any]:
    """Parse a file that was edited, converted or damaged."""
    found = _find_test(data)
    test = found if isinstance(found, str) else None
    facts: dict[str, Any] = _parse_slowly(data, path, test=test)
    number = facts.get("format") if type(facts) is dict else None
    if type(number) is not int:
        raise damaged(path, "no format number", test=test)
    if number < FORMAT:
        raise damaged(path, f"there is no format {number}")
    if number > FORMAT:
        raise CorruptRecordingError(
            f"{path} is of format {number}, which a newer pytest-mimic wrote; this one reads format {FORMAT}",
            remedies=["pip install --upgrade pytest-mimic"],
            file=path,
            format=number,
        )
    return facts


def is_readable(data: bytes) -> bool:
    """Return whether a file is a whole recording or cassette; its begin and end suffice for a yes."""
    if data.startswith(_HEAD) and data.endswith(_TAIL):
        return True
    try:
        parse_recording(data, "", "")
    except CorruptRecordingError:
        return False
    return True


def is_object(name: str) -> bool:
    """Return whether a name is one to which a recording may point."""
    return _REFERENCE.fullmatch(name) is not None


def test_in(data: bytes, label: str, name: str) -> str | None:
    """Return the test that made a recording or cassette. The file is parsed only if its layout is unusual.

    Raises:
        CorruptRecordingError: The file is damaged and does not name a test, or it is of a newer format.
    """
    test = _find_test(data)
    if test is None or not data.startswith(_HEAD):
        try:
            test = parse_recording(data, label, name).get("test")
        except CorruptRecordingError as error:
            if test is None or "format" in error.data:
                raise
    return test if isinstance(test, str) else None


def line_of_test(data: bytes) -> bytes:
    """Return the line that names the test, from the beginning of a file; empty if that is not certain.

    Equal lines name the same test. A certain one needs no parsing but for the line itself.
    """
    start = data.find(_TEST)
    end = data.find(b"\n", start + 1)
    return data[start : end + 1] if 0 < start < end and data.startswith(_HEAD) else b""


def _find_test(data: bytes) -> object:
    """Return the value of the line of the test; None if there is no such line, or no JSON on it."""
    _, _, rest = data.partition(_TEST)
    try:
        return scan(rest.partition(b"\n")[0].decode(), 0)[0]
    except (ValueError, StopIteration):
        return None


def check_entry(entry: Any, path: str, test: str | None) -> None:
    """Raise CorruptRecordingError unless an outcome has the shape of one."""
    fault = _entry_fault(entry)
    if fault:
        raise damaged(path, fault, test=test)


def _entry_fault(entry: Any) -> str | None:
    if type(entry) is not dict or type(entry.get("duration")) not in (float, int):
        return "an outcome without a duration"
    held = [key for key in _BODIES if key in entry]
    if len(held) != 1:
        return "an outcome needs one value, exception or file"
    if type(entry.get("tagged", False)) is not bool:
        return "tagged must be true or false"
    if "files" in entry:
        from pytest_mimic._vault.files import listing_fault

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
            if ("start" in node or node["$"] == "str") and not {"start", "length"} <= node.keys():
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


def parse(data: bytes, path: str, *, test: str | None = None) -> Any:
    """Return the value of a JSON text. CorruptRecordingError: it is not JSON, or has text behind its end."""
    try:
        text = data.decode()
        value, end = scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return _parse_slowly(data, path, test=test)
    if text[end:].strip():
        raise damaged(path, "text behind its end", test=test)
    return value


def _parse_slowly(data: bytes, path: str, *, test: str | None = None) -> Any:
    """Parse a JSON text; accept a byte order mark and refuse duplicate keys."""
    check_pulled(data, path)
    try:
        return loads(data.decode("utf-8-sig"), object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise damaged(path, "nested too deeply", test=test) from None
    except ValueError as reason:
        fault = str(reason) if data else "empty"
        if data.startswith(b"<<<<<<< ") or b"\n<<<<<<< " in data:
            fault = "it holds the marks of a merge conflict"
        raise damaged(path, fault, test=test) from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made
