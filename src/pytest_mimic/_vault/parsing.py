"""The JSON files of a vault, read back: of the right shape, or an error that names the file and the cure."""

from __future__ import annotations

import re
from json import JSONDecoder, loads
from typing import Any

from pytest_mimic._ambient import command
from pytest_mimic.errors import CorruptRecordingError, MimicError

# pytest leaves this module's frames out of tracebacks: a failure points at the user's line.
__tracebackhide__ = True

FORMAT = 1
_REFERENCE = re.compile(r"objects/[0-9a-f]{2}/[0-9a-f]{32}(-[0-9]+)?\.(json|pkl)")
REFERENCES = re.compile(rb"objects/[0-9a-f]{2}/[0-9a-f]{32}(?:-[0-9]+)?\.(?:json|pkl)")
_LFS = b"version https://git-lfs.github.com/spec/"
# Top-level keys stand one blank in, and no string of JSON holds a line break: only they look like this.
_ARGUMENTS, _BEHIND_ARGUMENTS = '\n "arguments": ', ',\n "source": '
_HEAD = b'{\n "format": %d,\n' % FORMAT
_TAIL = b"\n}\n"
_TEST = b'\n "test": '
_scan: Any = JSONDecoder().scan_once  # type: ignore[attr-defined]
CALL_FACTS = ("kind", "target", "signature", "key")
_KINDS = ("value", "raised", "stream")
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
_BODIES = ("value", "raised", "stream", "returned", "json", "pickle")


def corrupt(path: str, how: str, *, test: str | None = None) -> CorruptRecordingError:
    """A file is not what was recorded."""
    return CorruptRecordingError(
        f"{path} {how}",
        remedies=[f"restore it from version control, or record again: {command('--mimic-rerecord', test)}"],
        file=path,
    )


def lfs_pointer(path: str) -> CorruptRecordingError:
    """A file's content was not pulled."""
    return CorruptRecordingError(
        f"{path} is a Git LFS pointer, its content was not pulled", remedies=["git lfs pull"], file=path
    )


def is_lfs_pointer(data: bytes | memoryview) -> bool:
    """Whether it is the few lines that Git LFS leaves in place of a file."""
    return bytes(data[: len(_LFS)]) == _LFS


def parse_recording(data: bytes, label: str, name: str, *, skim: bool = False) -> dict[str, Any]:
    """The facts of a recording or a cassette, with everything of the types that the format says.

    Args:
        data: The file's content.
        label: The vault, for messages.
        name: The file.
        skim: The description of the arguments may be left out, as a replay has no use for it.

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
        facts, end = _scan(text, 0)
        # Top-level keys stand one a line, one blank in; any other layout is looked at thoroughly.
        if text[end:] == "\n" and data.count(b'\n "') == len(facts):
            number = facts["format"]
            if number == FORMAT and number is not True:
                return facts
    except (ValueError, StopIteration, RecursionError, LookupError, TypeError):
        pass
    return _parse_odd_recording(data, f"{label}/{name}")


def is_readable(data: bytes) -> bool:
    """Whether a file is a whole recording or cassette; one that begins and ends like one is taken for it."""
    if data.startswith(_HEAD) and data.endswith(_TAIL):
        return True
    try:
        parse_recording(data, "", "")
    except CorruptRecordingError:
        return False
    return True


def is_object(name: str) -> bool:
    """Whether a file is one that a recording may point to, by its name."""
    return _REFERENCE.fullmatch(name) is not None


def test_in(data: bytes, label: str, name: str) -> str | None:
    """The test that a recording or cassette says it was made by; only an odd file is parsed for that.

    Raises:
        CorruptRecordingError: The file is damaged, and does not say it; or it is of a newer format.
    """
    said = _said_test(data)
    if said is None or not data.startswith(_HEAD):
        try:
            said = parse_recording(data, label, name).get("test")
        except CorruptRecordingError as error:
            if said is None or "format" in error.data:
                raise
    return said if isinstance(said, str) else None


def _said_test(data: bytes) -> object:
    """What stands on the line of the test; None where there is no such line, or no text on it."""
    _, _, rest = data.partition(_TEST)
    try:
        return _scan(rest.partition(b"\n")[0].decode(), 0)[0]
    except (ValueError, StopIteration):
        return None


def _parse_odd_recording(data: bytes, path: str) -> dict[str, Any]:
    """The same for files that were edited, converted or damaged."""
    said = _said_test(data)
    test = said if isinstance(said, str) else None
    facts: dict[str, Any] = _parse_slowly(data, path, test=test)
    if type(facts) is not dict or type(facts.get("format")) is not int:
        raise corrupt(path, "is not what was recorded (no format number)", test=test)
    if facts["format"] != FORMAT:
        raise _of_another_format(facts["format"], path)
    return facts


def check_entry(entry: Any, path: str, test: str | None) -> None:
    """Whether an outcome has the shape of one.

    Raises:
        CorruptRecordingError: It has not.
    """
    if type(entry) is dict and len(entry) == 3 and "json" in entry and _is_usual_object(entry):
        return
    if type(entry) is not dict or type(entry.get("duration")) not in (float, int):
        raise corrupt(path, "is not what was recorded (an outcome without a duration)", test=test)
    held = [key for key in _BODIES if key in entry]
    if len(held) != 1:
        raise corrupt(
            path, "is not what was recorded (an outcome needs one value, exception or file)", test=test
        )
    wrong = _entry_fault(entry, held[0])
    if wrong:
        raise corrupt(path, f"is not what was recorded ({wrong})", test=test)


def _is_usual_object(entry: dict[str, Any]) -> bool:
    """Whether it is a duration, a kind and an object's name; a quick look for the most frequent of large entries."""
    name = entry["json"]
    return (
        type(entry.get("duration")) is float
        and entry.get("kind") in _KINDS
        and type(name) is str
        and is_object(name)
        and name[-5:] == ".json"
    )


def parse_value(data: bytes) -> dict[str, Any] | None:
    """The body of a JSON object, where it is a value in the usual layout; None where it needs a thorough look."""
    try:
        text = data.decode()
        body, end = _scan(text, 0)
        if text[end:] == "\n" and len(body) == 1 and "value" in body:
            return body  # type: ignore[no-any-return]
    except (ValueError, StopIteration, RecursionError, TypeError):
        pass
    return None


def _entry_fault(entry: dict[str, Any], held: str) -> str | None:
    """What is wrong with an outcome's shape."""
    body = entry[held]
    if held in ("json", "pickle"):
        suffix = ".json" if held == "json" else ".pkl"
        if type(body) is not str or not is_object(body) or not body.endswith(suffix):
            return f"{held} does not name an object of the vault"
        if entry.get("kind") not in _KINDS:
            return "an object without its kind"
    lists = ("imports", "code", "changes")
    if any(name in entry and not _are_strings(entry[name]) for name in lists):
        return "imports, code and changes must be lists of names"
    if held == "pickle" and not _is_hex(entry.get("checksum")):
        return "a pickle without its checksum"
    if type(entry.get("python", "")) is not str:
        return "python must be text"
    if type(entry.get("count", 1)) is not int or entry.get("count", 1) < 1:
        return "count must be a number from one on"
    return None if held in ("json", "pickle") else body_fault(entry)


def is_description(arguments: Any) -> bool:
    """Whether something is a description of arguments, as `describe_arguments` gives it."""
    if type(arguments) is not dict:
        return arguments is None
    todo: list[Any] = list(arguments.values())
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
    """What is wrong with the shape of an exception, a stream or the changes."""
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
    """What the JSON text holds.

    Raises:
        CorruptRecordingError: It is no JSON, or JSON with something behind it.
    """
    found = _scanned(data)
    if found is None:
        return _parse_slowly(data, path, test=test)
    value, rest = found
    if rest.strip():
        raise corrupt(path, "is not what was recorded (text behind its end)", test=test)
    return value


def _scanned(data: bytes) -> tuple[Any, str] | None:
    """A value and the text behind it; None where there is none."""
    try:
        text = data.decode()
        value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return None
    return value, text[end:]


def _parse_slowly(data: bytes, path: str, *, test: str | None = None) -> Any:
    """The same, with a byte order mark accepted and doubled keys refused."""
    if is_lfs_pointer(data):
        raise lfs_pointer(path)
    try:
        facts = loads(data.decode("utf-8-sig"), object_pairs_hook=_without_doubles)
    except RecursionError:
        raise corrupt(path, "is not what was recorded (nested too deeply)", test=test) from None
    except ValueError as reason:
        raise corrupt(path, f"is not what was recorded ({_fault(data, reason)})", test=test) from None
    return facts


def _fault(data: bytes, reason: ValueError) -> str:
    if data.startswith(b"<<<<<<< ") or b"\n<<<<<<< " in data:
        return "it holds the marks of a merge conflict"
    return "empty" if not data else str(reason)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands there twice")
    return made


def _of_another_format(number: int, path: str) -> MimicError:
    if number < FORMAT:
        return corrupt(path, f"is not what was recorded (there is no format {number})")
    return CorruptRecordingError(
        f"{path} is of format {number}, which a newer pytest-mimic wrote; this one reads format {FORMAT}",
        remedies=["pip install --upgrade pytest-mimic"],
        file=path,
        format=number,
    )


def _are_strings(value: object) -> bool:
    return type(value) is list and all(type(item) is str for item in value)


def _is_hex(value: object) -> bool:
    return type(value) is str and re.fullmatch(r"[0-9a-f]{32}", value) is not None
