"""Values and calls as short plain data that JSON keeps, as text to read, and what differs between two of them."""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_mimic._parts import attributes_of, digest, library_of, lineage, summary, type_name
from pytest_mimic._vault.redact import PLACEHOLDER, Redactor, bare_secret

#: The key that marks what JSON has no form for: its value names the type.
TAG = "$"

_LABEL_WIDTH = 120
_SIDE_WIDTH = 70
_SEARCHED = 5_000
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")
_SETS = ("set", "frozenset")
_BRACKETS = {"list": "[]", "tuple": "()", "set": "{}"}


class Budget(NamedTuple):
    """How much of a value is described.

    Attributes:
        characters: About how long the description may become in all.
        items: How many items of one container.
        depth: How many containers inside each other.
        text: How many characters of one string.
    """

    characters: int = 4_000
    items: int = 40
    depth: int = 8
    text: int = 400


class Difference(NamedTuple):
    """One part in which two values differ; a side that is None has no such part."""

    path: str
    old: str | None
    new: str | None

    def line(self, before: str = "recorded", after: str = "now") -> str:
        """`day: 2024-04-30 recorded, 2024-05-01 now`."""
        if self.old is None:
            return f"{self.path}: missing in the recording, {self.new} {after}"
        if self.new is None:
            return f"{self.path}: {before}, missing {after}"
        return f"{self.path}: {self.old} {before}, {self.new} {after}"


def describe(
    value: object,
    redactor: Redactor,
    *,
    roots: tuple[tuple[str, str], ...] = (),
    budget: Budget = Budget(),  # noqa: B008 - immutable
) -> Any:
    """A short description of any value, in plain data that JSON keeps exactly.

    No code of the value's own runs, except `__mimic_identity__`. Values of secret names are left out, and so is
    every other occurrence of them.

    Args:
        value: Anything; a call's arguments as a mapping of their names.
        redactor: Tells which names are secret.
        roots: Folders (prefix, token) under which paths are told relative.
        budget: How much of it to describe.
    """
    secrets = secrets_in(value, redactor)
    return _Describer(redactor, secrets, roots, budget).node(value, budget.characters, budget.depth)


def secrets_in(value: object, redactor: Redactor) -> frozenset[str]:
    """The texts that stand under secret names somewhere in a value, to keep them out of messages."""
    found: set[str] = set()
    todo: list[tuple[object, bool]] = [(value, False)]
    seen: set[int] = set()
    for _ in range(_SEARCHED):
        if not todo:
            break
        part, secret = todo.pop()
        if isinstance(part, (str, bytes)):
            if secret:
                text = part if isinstance(part, str) else part.decode("latin-1")
                found.add(bare_secret(text))
        elif id(part) not in seen:
            seen.add(id(part))
            todo.extend((inner, secret or redactor.secret(name)) for name, inner in _inside(part))
    return frozenset(found)


def _inside(value: object) -> Iterator[tuple[object, object]]:
    """The named parts of a value; items have no name, those of a (name, value) pair the pair's."""
    if isinstance(value, dict):
        yield from dict.items(value)
    elif isinstance(value, (list, tuple, set, frozenset)):
        name = value[0] if is_pair(value) else None
        yield from ((name, item) for item in value)
    elif not isinstance(value, type) and library_of(value) is None and not callable(value):
        yield from attributes_of(value).items()


def is_pair(value: object) -> bool:
    return type(value) is tuple and len(value) == 2 and isinstance(value[0], (str, bytes))


class _Describer:
    """One walk over one value."""

    def __init__(
        self,
        redactor: Redactor,
        secrets: frozenset[str],
        roots: tuple[tuple[str, str], ...],
        budget: Budget,
    ) -> None:
        self.redactor = redactor
        self.secrets = secrets
        self.roots = roots
        self.budget = budget
        self.open: set[int] = set()

    def node(self, value: Any, room: int, depth: int) -> Any:
        """The description of one value in about `room` characters."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in _LEAVES:
            return _LEAVES[kind](self, value, room)
        if id(value) in self.open:
            return {TAG: "cycle"}
        self.open.add(id(value))
        try:
            return self.compound(value, room, depth)
        finally:
            self.open.discard(id(value))

    def compound(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if isinstance(value, enum.Enum):
            return {TAG: type_name(kind), "text": f"{kind.__qualname__}.{value._name_}"}
        if library_of(value) is not None:
            return self.library(value)
        for name in lineage(kind):
            if name in _TEXTS:
                return {TAG: type_name(kind), "text": self.shown(_TEXTS[name](value))}
            if name in _PATHS:
                return {TAG: type_name(kind), "text": self.path(str(value))}
            if name in _CONTAINERS:
                take = _CONTAINERS[name]
                return self.cut(value) if depth <= 0 or room < 8 else take(self, value, room, depth)
        if depth <= 0 or room < 8:
            return self.cut(value)
        return self.object(value, room, depth)

    # Leaves

    def text(self, value: str, room: int) -> Any:
        limit = min(self.budget.text, max(room, 40))
        shown = self.shown(value[: 4 * limit])
        if len(shown) <= limit and len(value) <= 4 * limit:
            return shown if _is_unicode(shown) else {TAG: "str", "text": ascii(shown)}
        head = shown[:limit].encode("utf-8", "backslashreplace").decode()
        return self.marked({TAG: "str", "start": head, "length": len(value)}, value)

    def bytes(self, value: bytes | bytearray, room: int) -> Any:
        limit = min(self.budget.text, max(room, 40))
        shown = self.shown(value[: 4 * limit].decode("latin-1"))
        if len(shown) <= limit and len(value) <= 4 * limit:
            return {TAG: type(value).__name__, "text": repr(shown.encode("latin-1"))}
        head = repr(shown[:limit].encode("latin-1"))
        return self.marked({TAG: type(value).__name__, "start": head, "length": len(value)}, value)

    def integer(self, value: int, room: int) -> Any:
        if value.bit_length() < 500:
            return value
        return self.marked({TAG: "int", "text": f"<int of {value.bit_length()} bits>"}, value)

    def real(self, value: float, room: int) -> Any:
        return value if math.isfinite(value) else {TAG: "float", "text": repr(value)}

    def path(self, path: str) -> str:
        for prefix, token in self.roots:
            if path == prefix or path.startswith(prefix.rstrip("/\\") + "/"):
                return self.shown(f"{token}{path[len(prefix):]}")
        return self.shown(path)

    def shown(self, text: str) -> str:
        return self.redactor.scrub_text(text, self.secrets)

    def library(self, value: Any) -> Any:
        return self.marked({TAG: type(value).__qualname__, "text": f"<{summary(value)}>"}, value)

    def cut(self, value: Any) -> Any:
        """What stands for a value that the budget has no room for."""
        description: dict[str, Any] = {TAG: type_name(type(value)), "cut": True}
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            description["length"] = len(value)
        return self.marked(description, value)

    def marked(self, description: dict[str, Any], value: object) -> dict[str, Any]:
        """The description with a digest, so that another value looks different."""
        mark = digest(value, self.roots)
        return description if mark is None else {**description, "digest": mark}

    # Containers

    def items(self, value: Any, room: int, depth: int) -> Any:
        """A list or a tuple, also of a class derived from it."""
        kind = type(value)
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            names = kind._fields
            return {TAG: type_name(kind), "attributes": self.named(dict(zip(names, tuple(value))), room, depth)}
        if kind not in (list, tuple):
            base = list if isinstance(value, list) else tuple
            return self.derived(value, base(base.__iter__(value)), room, depth)
        secret = is_pair(value) and value[1] is not None and self.redactor.secret(value[0])
        inner = self.children([value[0], PLACEHOLDER] if secret else list(value), room, depth)
        return self.listed(kind.__name__, inner, value)

    def listed(self, name: str, inner: list[Any], value: Any) -> Any:
        if len(inner) < len(value):
            return self.marked({TAG: name, "items": inner, "length": len(value)}, value)
        return inner if name == "list" else {TAG: name, "items": inner}

    def derived(self, value: Any, plain: Any, room: int, depth: int) -> Any:
        """A value of a class derived from a builtin: its content, and its attributes."""
        description = {TAG: type_name(type(value)), "value": self.node(plain, room, depth)}
        attributes = attributes_of(value)
        if attributes:
            description["attributes"] = self.named(attributes, room - _size(description), depth)
        return description

    def set(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if kind not in (set, frozenset):
            base = set if isinstance(value, set) else frozenset
            return self.derived(value, base(base.__iter__(value)), room, depth)
        kinds = {type(item) for item in value}
        if kinds == {str} or kinds <= _NUMBERS:
            ordered = sorted(value, key=lambda item: (item != item, item))
            return self.listed(kind.__name__, self.children(ordered, room, depth), value)
        # Other items have no order of their own, so either all are described or none.
        inner = self.children(list(value), room, depth) if len(value) <= self.budget.items else []
        return self.listed(kind.__name__, sorted(inner, key=_order), value)

    def mapping(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if kind is not dict:
            return self.derived(value, dict(_pairs(value)), room, depth)
        pairs = list(_first(value.items(), self.budget.items))
        if all(type(key) is str and len(key) <= 100 and not key.startswith(TAG) for key, _ in pairs):
            shown = self.named(dict(pairs), room, depth)
            if len(shown) == len(value):
                return shown
            return self.marked({TAG: "dict", "keys": shown, "length": len(value)}, value)
        inner = self.children([part for pair in pairs for part in self.safe(pair)], room, depth)
        entries = [[inner[n], inner[n + 1]] for n in range(0, len(inner) - 1, 2)]
        description = {TAG: "dict", "entries": entries}
        if len(entries) < len(value):
            return self.marked({**description, "length": len(value)}, value)
        return description

    def safe(self, pair: tuple[Any, Any]) -> tuple[Any, Any]:
        key, item = pair
        return key, PLACEHOLDER if item is not None and self.redactor.secret(key) else item

    def named(self, parts: Mapping[str, Any], room: int, depth: int) -> dict[str, Any]:
        """Attributes, arguments, or the entries of a dict with names for keys."""
        safe = dict(self.safe(pair) for pair in parts.items())
        inner = self.children(list(safe.values()), room - sum(len(str(name)) + 4 for name in safe), depth)
        return dict(zip((str(name) for name in safe), inner))

    def children(self, values: list[Any], room: int, depth: int) -> list[Any]:
        """Each value described in a fair share of the room; small ones first, what they leave goes to the others."""
        values = values[: self.budget.items]
        inner: list[Any] = [None] * len(values)
        large = []
        for place, value in enumerate(values):
            if value is None or type(value) in (bool, int, float) or (type(value) is str and len(value) < 30):
                inner[place] = self.node(value, room, depth - 1)
                room -= _size(inner[place])
            else:
                large.append(place)
        for count, place in enumerate(large):
            inner[place] = self.node(values[place], max(room, 0) // (len(large) - count), depth - 1)
            room -= _size(inner[place])
        return inner

    def object(self, value: Any, room: int, depth: int) -> Any:
        kind = type(value)
        if isinstance(value, BaseException):
            inner = self.children(list(value.args), room, depth)
            description: dict[str, Any] = {TAG: type_name(kind), "items": inner}
        elif hasattr(kind, "__mimic_identity__"):
            return self.stand_in(value, room, depth)
        else:
            description = {TAG: type_name(kind)}
        attributes = attributes_of(value)
        if attributes:
            description["attributes"] = self.named(dict(_first(attributes.items(), 40)), room, depth)
        return description

    def stand_in(self, value: Any, room: int, depth: int) -> Any:
        name = type_name(type(value))
        try:
            plain = value.__mimic_identity__()
        except Exception:  # whatever the user's method raises is told when the identity is taken
            return {TAG: name}
        return {TAG: name, "value": self.node(plain, room, depth - 1)}


_LEAVES: dict[type, Callable[[_Describer, Any, int], Any]] = {
    str: _Describer.text,
    bytes: _Describer.bytes,
    bytearray: _Describer.bytes,
    int: _Describer.integer,
    float: _Describer.real,
}
_CONTAINERS: dict[str, Callable[[_Describer, Any, int, int], Any]] = {
    "builtins.list": _Describer.items,
    "builtins.tuple": _Describer.items,
    "builtins.set": _Describer.set,
    "builtins.frozenset": _Describer.set,
    "builtins.dict": _Describer.mapping,
    "builtins.mappingproxy": _Describer.mapping,
    "builtins.str": lambda self, value, room, depth: self.derived(value, str.__str__(value), room, depth),
    "builtins.int": lambda self, value, room, depth: self.derived(value, int.__int__(value), room, depth),
    "builtins.float": lambda self, value, room, depth: self.derived(value, float.__float__(value), room, depth),
    "builtins.bytes": lambda self, value, room, depth: self.derived(value, bytes.__getitem__(value, slice(None)), room, depth),
    "collections.deque": lambda self, value, room, depth: self.derived(value, list(value), room, depth),
}
_PATHS = frozenset({"pathlib.PurePath", "pathlib._local.PurePath"})


def _pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    return dict.items(value) if isinstance(value, dict) else value.items()


def _named(word: str) -> Callable[[Any], str]:
    def text(value: Any) -> str:
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "?")
        module = getattr(value, "__module__", None)
        return f"<{word} {module}:{name}>" if module and word != "module" else f"<{word} {name}>"

    return text


_TEXTS: dict[str, Callable[[Any], str]] = {
    "builtins.NotImplementedType": repr,
    "builtins.builtin_function_or_method": _named("function"),
    "builtins.complex": complex.__repr__,
    "builtins.ellipsis": repr,
    "builtins.function": _named("function"),
    "builtins.method": _named("method"),
    "builtins.module": _named("module"),
    "builtins.range": repr,
    "builtins.type": _named("class"),
    "datetime.date": lambda value: str(type(value).isoformat(value)),
    "datetime.time": lambda value: str(type(value).isoformat(value)),
    "datetime.timedelta": str,
    "decimal.Decimal": str,
    "fractions.Fraction": str,
    "re.Pattern": lambda value: f"re.compile({value.pattern!r})",
    "uuid.UUID": str,
}
_NUMBERS = frozenset({int, float, bool})


def _first(items: Iterable[Any], count: int) -> Iterator[Any]:
    for _, item in zip(range(count), items):
        yield item


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _order(description: Any) -> str:
    return json.dumps(description, sort_keys=True)


def _size(description: Any) -> int:
    """About how many characters a description takes."""
    if isinstance(description, dict):
        return sum(len(key) + 4 + _size(part) for key, part in description.items())
    if isinstance(description, list):
        return sum(2 + _size(part) for part in description)
    return len(str(description)) + 2


# Text


def render(description: Any, limit: int | None = None, *, digests: bool = False) -> str:
    """A description as one line to read, cut to `limit` characters."""
    text = _text(description, digests)
    return text if limit is None or len(text) <= limit else f"{text[: limit - 3]}..."


def _text(description: Any, digests: bool) -> str:
    if isinstance(description, str):
        return description if description == PLACEHOLDER else repr(description)
    if isinstance(description, list):
        return f"[{_joined(description, digests)}]"
    if isinstance(description, dict):
        return _tagged(description, digests) if TAG in description else f"{{{_entries(description, digests)}}}"
    return repr(description)


def _joined(items: list[Any], digests: bool) -> str:
    return ", ".join(_text(item, digests) for item in items)


def _entries(entries: dict[str, Any], digests: bool) -> str:
    return ", ".join(f"{key!r}: {_text(part, digests)}" for key, part in entries.items())


def _tagged(node: dict[str, Any], digests: bool) -> str:
    name = node[TAG].rpartition(":")[2].rpartition(".")[2]
    mark = f" #{node['digest']}" if digests and "digest" in node else ""
    if "text" in node:
        text = node["text"]
        return f"{text[:-1]}{mark}>" if text.endswith(">") else f"{text}{mark}"
    if "start" in node:
        start = node["start"] if name != "str" else repr(node["start"])
        return f"{start[:-1]}...{start[-1]} ({node['length']} {'characters' if name == 'str' else 'bytes'}{mark})"
    if node.get("cut"):
        length = f" of {node['length']}" if "length" in node else ""
        return f"<{name}{length}{mark}>"
    if node[TAG] == "cycle":
        return "<cycle>"
    return _composed(node, name, digests, mark)


def _composed(node: dict[str, Any], name: str, digests: bool, mark: str) -> str:
    """Text of what holds other values."""
    inner = []
    if "value" in node:
        inner.append(_text(node["value"], digests))
    if "items" in node:
        inner.extend(_text(item, digests) for item in node["items"])
    if "entries" in node:
        inner.extend(f"{_text(key, digests)}: {_text(part, digests)}" for key, part in node["entries"])
    if "keys" in node:
        inner.extend(f"{key!r}: {_text(part, digests)}" for key, part in node["keys"].items())
    inner.extend(f"{key}={_text(part, digests)}" for key, part in node.get("attributes", {}).items())
    if "length" in node:
        shown = len(node.get("items", node.get("entries", node.get("keys", ()))))
        inner.append(f"... {node['length'] - shown} more{mark}")
    return _bracketed(name, inner, node)


def _bracketed(name: str, inner: list[str], node: dict[str, Any]) -> str:
    body = ", ".join(inner)
    if name == "tuple" and "items" in node:
        return f"({body},)" if len(inner) == 1 else f"({body})"
    if name == "list" and "items" in node:
        return f"[{body}]"
    if name == "dict" and ("entries" in node or "keys" in node):
        return f"{{{body}}}"
    if name == "set" and inner:
        return f"{{{body}}}"
    if name == "frozenset" and inner:
        return f"frozenset({{{body}}})"
    return f"{name}({body})"


def call_label(target: str, arguments: Mapping[str, Any] | None, *, width: int = _LABEL_WIDTH) -> str:
    """A call as people read it: `shop.api:fetch_rates(base='EUR', day=2024-05-01)`.

    Args:
        target: The target's name.
        arguments: Their description, by name; None where the vault keeps none.
        width: About how many characters it may take.
    """
    if arguments is None:
        return f"{target}(...)"
    texts = list(_argument_texts(arguments))
    return f"{target}({', '.join(_fitted(texts, width - len(target) - 2))})"


def _argument_texts(arguments: Mapping[str, Any]) -> Iterator[str]:
    for name, part in _by_name(arguments).items():
        yield render(part) if name.startswith("*") else f"{name}={render(part)}"


def _by_name(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with those of `**extra` under their own names, those of `*rest` as `*rest[0]`."""
    found: dict[str, Any] = {}
    for name, part in arguments.items():
        if name.startswith("**") and isinstance(part, dict) and TAG not in part:
            found.update(part)
        elif name.startswith("*") and isinstance(part, dict) and "length" not in part and "items" in part:
            found.update((f"*{name[1:]}[{place}]", item) for place, item in enumerate(part["items"]))
        else:
            found[name] = part
    return found


def _fitted(texts: list[str], room: int) -> list[str]:
    """The texts cut so that together they fit: short ones stay whole, long ones share the rest."""
    room -= 2 * len(texts)
    cut = dict(enumerate(texts))
    for count, place in enumerate(sorted(cut, key=lambda place: len(texts[place]))):
        share = max(room // (len(texts) - count), 12)
        text = texts[place]
        cut[place] = text if len(text) <= share else f"{text[: share - 3]}..."
        room -= len(cut[place])
    shown = list(cut.values())
    return shown if len(shown) <= 8 else [*shown[:8], "..."]


# Differences


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """What differs between two descriptions of a call's arguments, deep inside them too.

    An empty list for equal ones: `hidden` then tells where the difference may be.
    """
    if old is None or new is None:
        return []
    return list(_between("", dict(_by_name(old)), dict(_by_name(new))))


def _between(path: str, old: Any, new: Any) -> Iterator[Difference]:
    if type(old) is type(new) and old == new and _order(old) == _order(new):
        return
    parts = _parts_of(old), _parts_of(new)
    if _kind(old) != _kind(new) or parts[0] is None or parts[1] is None:
        yield Difference(path, *sides(old, new))
        return
    found = False
    for step in [*parts[0], *(step for step in parts[1] if step not in parts[0])]:
        for difference in _step_between(path, step, *parts):
            found = True
            yield difference
    if not found:
        yield Difference(path, *_totals(old, new))


def _step_between(path: str, step: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    inner = path + step if path or not step.startswith(".") else step[1:].lstrip("*")
    if step not in new:
        yield Difference(inner, render(old[step], _SIDE_WIDTH), None)
    elif step not in old:
        yield Difference(inner, None, render(new[step], _SIDE_WIDTH))
    else:
        yield from _between(inner, old[step], new[step])


def _kind(description: Any) -> str:
    if isinstance(description, dict):
        return str(description.get(TAG, "dict"))
    return type(description).__name__


def _parts_of(node: Any) -> dict[str, Any] | None:
    """A description's parts by the step that leads to them; None for a leaf."""
    if isinstance(node, list):
        return {f"[{place}]": item for place, item in enumerate(node)}
    if not isinstance(node, dict):
        return None
    if TAG not in node:
        return {key_step(key): part for key, part in node.items()}
    if not node.keys() & {"items", "entries", "keys", "attributes", "value"}:
        return None
    found: dict[str, Any] = {}
    if node[TAG] in _SETS:
        return {f"{{{_text(item, True)}}}": item for item in node["items"]}
    found.update((f"[{place}]", item) for place, item in enumerate(node.get("items", ())))
    found.update((f"[{_text(key, True)}]", part) for key, part in node.get("entries", ()))
    found.update((key_step(key), part) for key, part in node.get("keys", {}).items())
    found.update((f".{name}", part) for name, part in node.get("attributes", {}).items())
    inner = _parts_of(node["value"]) if "value" in node else None
    return {**found, **(inner if inner is not None else {"": node["value"]})} if "value" in node else found


def key_step(key: str) -> str:
    """The step that leads to a mapping's key: `.base`, or `['two words']`."""
    return f".{key}" if _IDENTIFIER.match(key.lstrip("*")) else f"[{key!r}]"


def _totals(old: Any, new: Any) -> tuple[str, str]:
    """Both sides of a difference that lies beyond what is described."""
    return render(old, None, digests=True)[-_SIDE_WIDTH:], render(new, None, digests=True)[-_SIDE_WIDTH:]


def sides(old: Any, new: Any) -> tuple[str, str]:
    """Both sides in as many characters as show the difference."""
    if isinstance(old, str) and isinstance(new, str):
        return focused(old, new)
    sides = render(old, _SIDE_WIDTH), render(new, _SIDE_WIDTH)
    if sides[0] != sides[1]:
        return sides
    sides = render(old, digests=True), render(new, digests=True)
    if sides[0] != sides[1]:
        return sides[0][-_SIDE_WIDTH:], sides[1][-_SIDE_WIDTH:]
    return f"{sides[0]} ({_kind(old)})", f"{sides[1]} ({_kind(new)})"


def focused(old: str, new: str, width: int = _SIDE_WIDTH) -> tuple[str, str]:
    """Two texts, quoted; of long ones the stretch around the first character that differs."""
    if max(len(old), len(new)) <= width:
        return _text(old, False), _text(new, False)
    same = next((n for n, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    start = max(0, same - width // 3)
    return _stretch(old, start, width), _stretch(new, start, width)


def _stretch(text: str, start: int, width: int) -> str:
    end = start + width
    return f"{'...' if start else ''}{text[start:end]!r}{'...' if end < len(text) else ''}"


def hidden(arguments: Mapping[str, Any] | None) -> list[str]:
    """Paths of what a description does not show: `password (redacted)`, `config.cache (not described)`."""
    found: list[str] = []
    todo = [("", dict(_by_name(arguments or {})))]
    while todo:
        path, node = todo.pop()
        parts = _parts_of(node)
        if node == PLACEHOLDER:
            found.append(f"{path} (redacted)")
        elif isinstance(node, dict) and node.get("digest") is None and (node.get("cut") or "length" in node):
            found.append(f"{path} (described in part)")
        elif parts:
            todo.extend((f"{path}{step}" if path else step.lstrip(".*"), part) for step, part in parts.items())
    return sorted(found)
