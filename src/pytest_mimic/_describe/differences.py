"""What differs between two descriptions, deep inside them too."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_mimic._describe.text import by_name, render, short_name
from pytest_mimic._describe.walk import TAG, order
from pytest_mimic._redact.names import PLACEHOLDER
from pytest_mimic._values.opening import key_step

_SIDE_WIDTH = 70
_HOLDING = frozenset({"attributes", "entries", "items", "keys", "value"})


class Difference(NamedTuple):
    """One part in which two values differ; a side that is None has no such part."""

    path: str
    old: str | None
    new: str | None

    def line(self, before: str = "recorded", after: str = "now") -> str:
        """`day: 2024-04-30 recorded, 2024-05-01 now`."""
        return f"{self.path}: {self.fact(before, after)}"

    def fact(self, before: str = "recorded", after: str = "now") -> str:
        """The line without its path."""
        if self.old is None:
            return f"{self.new} {after}, not {'in the recording' if before == 'recorded' else before}"
        if self.new is None:
            return f"{before}, missing {after}"
        return f"{self.old} {before}, {self.new} {after}"


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """What differs between the descriptions of two calls' arguments.

    None of them may be found though the calls differ: `hidden` then tells what the descriptions do not show.

    Args:
        old: The recorded arguments by name; None where the vault keeps none.
        new: The arguments now.
    """
    if old is None or new is None:
        return []
    return list(_between_parts("", _named_steps(old), _named_steps(new)))


def _named_steps(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lstrip("*"): part for name, part in by_name(arguments).items()}


def _between(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if order(old) == order(new):
        return
    old_parts, new_parts = _steps(old), _steps(new)
    if kind_of(old) != kind_of(new) or old_parts is None or new_parts is None:
        yield Difference(path, *sides(old, new))
        return
    found = list(_between_parts(path, old_parts, new_parts))
    yield from found
    if not found or _length(old) != _length(new):
        yield Difference(path, _total(old), _total(new))


def _between_parts(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    for step in [*old, *(step for step in new if step not in old)]:
        if step not in new:
            yield Difference(path + step, render(old[step], _SIDE_WIDTH), None)
        elif step not in old:
            yield Difference(path + step, None, render(new[step], _SIDE_WIDTH))
        else:
            yield from _between(path + step, old[step], new[step])


def kind_of(description: Any) -> str:
    """The name of the described value's type."""
    if isinstance(description, dict):
        return str(description.get(TAG, "dict"))
    return type(description).__name__


def _steps(node: Any) -> dict[str, Any] | None:
    """A description's parts by the step that leads to them; None for what has none."""
    if isinstance(node, list):
        return {f"[{place}]": item for place, item in enumerate(node)}
    if not isinstance(node, dict):
        return None
    if TAG not in node:
        return {key_step(key): part for key, part in node.items()}
    return _tagged_steps(node) if node.keys() & _HOLDING else None


def _tagged_steps(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "value" in node:
        inner = _steps(node["value"])
        found.update({"": node["value"]} if inner is None else inner)
    if node[TAG] in ("set", "frozenset"):
        found.update((f"{{{render(item, digests=True)}}}", item) for item in node.get("items", ()))
    else:
        found.update((f"[{place}]", item) for place, item in enumerate(node.get("items", ())))
    for key, part in [*node.get("entries", ()), *node.get("keys", {}).items()]:
        found[key_step(key) if isinstance(key, str) else f"[{render(key, digests=True)}]"] = part
    found.update((f".{name}", part) for name, part in node.get("attributes", {}).items())
    return found


def _length(node: Any) -> int | None:
    """The length of a container of which only the beginning is described."""
    return node.get("length") if isinstance(node, dict) and TAG in node else None


def _total(node: Any) -> str:
    """A container told by its length, where the difference lies beyond its beginning."""
    parts = _steps(node) or {}
    length = _length(node)
    if length is None:
        return f"{len(parts)} items"
    return f"{length} items (#{node['digest']})" if "digest" in node else f"{length} items"


def sides(old: Any, new: Any) -> tuple[str, str]:
    """Descriptions of two different values as texts that show where they differ, as far as that may be shown."""
    texts = _string_of(old), _string_of(new)
    if texts[0] is not None and texts[1] is not None and texts[0] != texts[1]:
        return focused(texts[0], texts[1])
    beginning = _common_beginning(old, new)
    if beginning:
        unit = "characters" if kind_of(old) == "str" else "bytes"
        return f"{old['length']} {unit}", f"{new['length']} that differ after the first {beginning}"
    for digests in (False, True):
        rendered = render(old, digests=digests), render(new, digests=digests)
        if rendered[0] != rendered[1]:
            return focused(*rendered, quote=str)
    kinds = _type_of(old), _type_of(new)
    if kinds[0] == kinds[1]:
        return rendered[0], "another value"
    return f"{rendered[0]} ({kinds[0]})", f"{rendered[1]} ({kinds[1]})"


def _type_of(description: Any) -> str:
    return (
        short_name(description)
        if isinstance(description, dict) and TAG in description
        else kind_of(description)
    )


def _string_of(description: Any) -> str | None:
    """A described string, or its beginning."""
    if isinstance(description, dict) and description.get(TAG) == "str":
        return str(description["start"])
    return description if isinstance(description, str) and description != PLACEHOLDER else None


def _common_beginning(old: Any, new: Any) -> int:
    """How many characters or bytes are described of two long ones that do not differ in them; else 0."""
    if not (isinstance(old, dict) and isinstance(new, dict) and "start" in old):
        return 0
    start = old["start"]
    if start != new.get("start") or PLACEHOLDER in start or kind_of(old) != kind_of(new):
        return 0
    shown = len(start if kind_of(old) == "str" else literal_eval(start))
    return shown if shown < min(old["length"], new["length"]) else 0


def focused(old: str, new: str, quote: Callable[[str], str] = repr) -> tuple[str, str]:
    """Two different texts, quoted; of long ones the stretch around the first character that differs."""
    start = _start(old, new)
    return _stretch(old, start, quote), _stretch(new, start, quote)


def _start(old: str, new: str) -> int:
    if max(len(old), len(new)) <= _SIDE_WIDTH:
        return 0
    pairs = enumerate(zip(old, new, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(len(old), len(new)))
    return max(0, same - _SIDE_WIDTH // 3) if same > _SIDE_WIDTH // 2 else 0


def _stretch(text: str, start: int, quote: Callable[[str], str]) -> str:
    end = start + _SIDE_WIDTH
    return f"{'...' if start else ''}{quote(text[start:end])}{'...' if end < len(text) else ''}"


def hidden(arguments: Mapping[str, Any] | None) -> list[str]:
    """Paths of what a description does not tell apart: `password (redacted)`, `pool (described in part)`."""
    found: list[str] = []
    todo = list(_named_steps(arguments or {}).items())
    while todo:
        path, node = todo.pop()
        if node == PLACEHOLDER:
            found.append(f"{path} (redacted)")
        elif isinstance(node, dict) and "digest" not in node and node.keys() & {"cut", "length"}:
            found.append(f"{path} (described in part)")
        todo += ((path + step, part) for step, part in (_steps(node) or {}).items())
    return sorted(found)
