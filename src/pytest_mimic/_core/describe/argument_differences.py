"""The differences between the descriptions of two calls' arguments, for a miss."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, NamedTuple

from pytest_mimic._core.describe.description_form import CONTENT, PATH_TEXT, TAG, order
from pytest_mimic._core.describe.text import by_name, render, short_name
from pytest_mimic._core.files.digests import MISSING
from pytest_mimic._core.identity.opening import key_step
from pytest_mimic._core.redact.secret_names import PLACEHOLDER

_SIDE_WIDTH = 70
# Of two lists with so many items, those at equal places are compared.
_MANY = 5_000
_FILES = frozenset({"Path", PATH_TEXT, CONTENT})
_FILE_KEYS = frozenset({"text", "digest"})
_HOLDING = frozenset({"attributes", "entries", "items", "keys", "value"})


class Difference(NamedTuple):
    """A part in which two values differ."""

    path: str
    # Its text; for the content of a file, its digest. None if the value does not have the part.
    old: str | None
    new: str | None  # the same of the other value
    file: str = ""  # the name of the file or folder whose content differs, else empty

    def line(self, before: str = "recorded", after: str = "now") -> str:
        """Return `day: 2024-04-30 recorded, 2024-05-01 now`."""
        return f"{self.path}: {self.fact(before, after)}"

    def fact(self, before: str = "recorded", after: str = "now") -> str:
        if self.file:
            return self._file_fact(before == "recorded")
        if self.old is None:
            return f"{self.new} {after}, not {'in the recording' if before == 'recorded' else before}"
        if self.new is None:
            return f"{self.old} {before}, missing {after}".lstrip()
        return f"{self.old} {before}, {self.new} {after}"

    def _file_fact(self, is_recorded: bool) -> str:
        if self.old == MISSING:
            return (
                f"{self.file} exists now, it did not when recorded"
                if is_recorded
                else f"{self.file} was made"
            )
        if self.new == MISSING:
            return f"{self.file} does not exist now" if is_recorded else f"{self.file} was removed"
        return f"content of {self.file} {'differs from the recorded one' if is_recorded else 'changed'}"


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """Return the differences between the descriptions of two calls' arguments.

    There may be none although the calls differ; `hidden` then returns the parts that are described incompletely.
    The recorded arguments are None if the vault does not store them.
    """
    if old is None or new is None:
        return []
    return list(_between_parts("", _argument_steps(old), _argument_steps(new)))


def _argument_steps(arguments: Mapping[str, object]) -> dict[str, Any]:
    return {name.lstrip("*"): part for name, part in by_name(arguments).items()}


def _between_parts(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for step in dict.fromkeys([*old, *new]):
        if step not in new:
            yield Difference(path + step, render(old[step], _SIDE_WIDTH), None)
        elif step not in old:
            yield Difference(path + step, None, render(new[step], _SIDE_WIDTH))
        elif not _is_same(old[step], new[step]):
            then, now = old[step], new[step]
            if (
                is_file(then)
                and is_file(now)
                and (then["text"] == now["text"] or _is_same_content(then, now))
            ):
                if then["digest"] != now["digest"]:
                    yield Difference(path + step, then["digest"], now["digest"], _file_name(now))
                continue
            inner_old, inner_new = _steps(then), _steps(now)
            if _kind_of(then) != _kind_of(now) or inner_old is None or inner_new is None:
                yield Difference(path + step, *sides(then, now))
                continue
            is_partial = _length(then) is not None or _length(now) is not None
            has_order = _kind_of(then) in ("list", "tuple") and not is_partial
            is_shifted = (
                has_order and len(inner_old) != len(inner_new) and len(inner_old) + len(inner_new) < _MANY
            )
            between = _between_items if is_shifted else _between_parts
            found = list(between(path + step, inner_old, inner_new))
            yield from found
            # Two forms of the same container, with nothing left out of either, do not differ.
            if _length(then) != _length(now) or (is_partial and not found):
                is_same = _length(then) == _length(now)
                yield Difference(path + step, *(_total(one, with_digest=is_same) for one in (then, now)))


def _between_items(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    """Yield the differences between two lists. An item that was put in or taken out shifts those behind it."""
    sides = [[order(item) for item in side.values()] for side in (old, new)]
    olds, news = list(old.items()), list(new.items())
    for tag, start, end, new_start, new_end in SequenceMatcher(
        None, sides[0], sides[1], autojunk=False
    ).get_opcodes():
        pairs = () if tag == "equal" else zip_longest(olds[start:end], news[new_start:new_end])
        for then, now in pairs:
            if then is None or now is None:
                yield from _between_parts(path, dict([then] if then else ()), dict([now] if now else ()))
            else:
                yield from _between_parts(path, {now[0]: then[1]}, dict([now]))


def is_file(description: object) -> bool:
    """Check whether something is described that counts with the content of a file or folder."""
    return (
        isinstance(description, dict) and description.get(TAG) in _FILES and description.keys() >= _FILE_KEYS
    )


def _is_same(old: Any, new: Any) -> bool:
    """Check whether two descriptions are the same, or of values with one identity. Of plain containers, the parts are compared."""
    if type(old) is type(new) is str:
        return bool(old == new)
    if old and new and type(old) is type(new) in (dict, list) and TAG not in old and TAG not in new:
        return False
    return order(old) == order(new) or _is_same_value(old, new)


def _is_same_value(old: object, new: object) -> bool:
    """Check whether two values have one identity, whose digest they show. A library's version may name them otherwise."""
    if not isinstance(old, dict) or not isinstance(new, dict) or is_file(old) or is_file(new):
        return False
    return TAG in old and TAG in new and "digest" in old and old["digest"] == new.get("digest")


def _is_same_content(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Check whether two values of `content=` are the same; their names do not count."""
    return bool(old[TAG] == new[TAG] == CONTENT and old["digest"] == new["digest"])


def _file_name(description: dict[str, Any]) -> str:
    """Return the name of a described file, relative to the folder that a fixture gave."""
    text = str(description["text"]).strip("'")
    if description[TAG] == CONTENT:
        return text.removeprefix("<content of ").removesuffix(">")
    return text.removeprefix("<tmp>/")


def _kind_of(description: object) -> str:
    if isinstance(description, dict):
        return str(description.get(TAG, "dict"))
    return type(description).__name__


def _steps(node: object) -> dict[str, Any] | None:
    """Return a description's parts by their step in paths, or None for a value without parts."""
    if isinstance(node, list):
        return {f"[{index}]": item for index, item in enumerate(node)}
    if not isinstance(node, dict):
        return None
    if TAG not in node:
        return {key_step(key): part for key, part in node.items()}
    if not node.keys() & _HOLDING:
        return None
    found: dict[str, Any] = {}
    if "value" in node:
        inner = _steps(node["value"])
        found.update({"": node["value"]} if inner is None else inner)
    is_set = node[TAG] in ("set", "frozenset")
    for index, item in enumerate(node.get("items", ())):
        found[f"{{{render(item, digests=True)}}}" if is_set else f"[{index}]"] = item
    for key, part in [*node.get("entries", ()), *node.get("keys", {}).items()]:
        found[key_step(key) if isinstance(key, str) else f"[{render(key, digests=True)}]"] = part
    found.update((f".{name}", part) for name, part in node.get("attributes", {}).items())
    return found


def _length(node: object) -> int | None:
    return node.get("length") if isinstance(node, dict) and TAG in node else None


def _total(node: Any, *, with_digest: bool) -> str:
    """Return the length of a container as text, for a difference beyond the described items."""
    length = _length(node)
    if length is None:
        return f"{len(_steps(node) or {})} items"
    return f"{length} items (#{node['digest']})" if with_digest and "digest" in node else f"{length} items"


def sides(old: Any, new: Any) -> tuple[str, str]:
    """Return the descriptions of two different values as texts that show the difference, if it may be shown."""
    texts = _string_of(old), _string_of(new)
    if texts[0] is not None and texts[1] is not None and texts[0] != texts[1]:
        return focused(texts[0], texts[1])
    beginning = _common_beginning(old, new)
    if beginning:
        unit = "characters" if _kind_of(old) == "str" else "bytes"
        return f"{old['length']} {unit}", f"{new['length']} that differ after the first {beginning}"
    for digests in (False, True):
        rendered = render(old, digests=digests), render(new, digests=digests)
        if rendered[0] != rendered[1]:
            return focused(*rendered, quote=str)
    kinds = [
        short_name(side) if isinstance(side, dict) and TAG in side else _kind_of(side) for side in (old, new)
    ]
    if kinds[0] == kinds[1]:
        return rendered[0], "another value"
    return f"{rendered[0]} ({kinds[0]})", f"{rendered[1]} ({kinds[1]})"


def _string_of(description: object) -> str | None:
    """Return a described string, or the beginning of a long one."""
    if isinstance(description, dict) and description.get(TAG) == "str":
        return str(description["start"]) if "start" in description else None
    return description if isinstance(description, str) and description != PLACEHOLDER else None


def _common_beginning(old: object, new: object) -> int:
    """Return how many characters or bytes of two long values are described, if these are equal; else 0."""
    if not (isinstance(old, dict) and isinstance(new, dict) and "start" in old):
        return 0
    start = old["start"]
    if start != new.get("start") or PLACEHOLDER in start or _kind_of(old) != _kind_of(new):
        return 0
    shown = len(start if _kind_of(old) == "str" else literal_eval(start))
    return shown if shown < min(old["length"], new["length"]) else 0


def focused(old: str, new: str, quote: Callable[[str], str] = repr) -> tuple[str, str]:
    """Return two different texts, quoted; of long ones the stretch around the first character that differs."""
    start = 0
    if max(len(old), len(new)) > _SIDE_WIDTH:
        same = shared_start(old, new)
        start = max(0, same - _SIDE_WIDTH // 3) if same > _SIDE_WIDTH // 2 else 0
    end = start + _SIDE_WIDTH
    texts = [
        f"{'...' if start else ''}{quote(text[start:end])}{'...' if end < len(text) else ''}"
        for text in (old, new)
    ]
    return texts[0], texts[1]


def shared_start(old: str, new: str) -> int:
    """Return how many characters at their beginning two texts have in common."""
    least, most = 0, min(len(old), len(new))
    while least < most:
        middle = (least + most + 1) // 2
        if old[least:middle] == new[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def hidden(arguments: Mapping[str, Any] | None) -> list[str]:
    """Return the paths of incomplete descriptions: `password (redacted)`, `pool (described in part)`."""
    found: list[str] = []
    for path, node in described_parts(arguments or {}):
        if node == PLACEHOLDER:
            found.append(f"{path} (redacted)")
        elif isinstance(node, dict) and "digest" not in node and node.keys() & {"cut", "length"}:
            found.append(f"{path} (described in part)")
    return sorted(found)


def described_parts(arguments: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    """Yield the path and the description of each part of a call's arguments, the arguments themselves among them."""
    todo = list(_argument_steps(arguments).items())
    while todo:
        path, node = todo.pop()
        yield path, node
        todo += ((path + step, part) for step, part in (_steps(node) or {}).items())
