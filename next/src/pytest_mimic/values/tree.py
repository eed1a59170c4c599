"""A tree is plain JSON with tags: what is hashed, stored, compared and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any, NamedTuple, TypeAlias

from xxhash import xxh3_128_hexdigest

LONG = 4096
"""A part with more characters of JSON than this counts by its digest."""
DEEP = 64
"""So does a part of more levels than this."""

Path: TypeAlias = "tuple[str, ...]"
"""Steps to a part: `("rows", "*", "id")`."""


class Leaf:
    """What stands in a tree and is no JSON yet."""

    def plain(self) -> dict[str, Tree]:
        """Give the JSON that stands for the leaf."""
        raise NotImplementedError


@dataclass(frozen=True)
class Refused(Leaf):
    """A part without identity.

    Attributes:
        what: What it is: `a thread lock`.
        way: What to do beside leaving it out, if there is something.
    """

    what: str
    way: str = ""

    def plain(self) -> dict[str, Tree]:
        return {"$refused": self.what}


@dataclass(frozen=True)
class Buffer(Leaf):
    """Memory, counted by its digest.

    Attributes:
        length: Its bytes.
        digest: 32 hex digits.
    """

    length: int
    digest: str

    @classmethod
    def of(cls, memory: bytes | bytearray | memoryview) -> Buffer:
        """Take the digest of contiguous memory."""
        length = memory.nbytes if isinstance(memory, memoryview) else len(memory)
        return cls(length, xxh3_128_hexdigest(memory))

    def plain(self) -> dict[str, Tree]:
        return {"$long": "memory", "length": self.length, "digest": self.digest}


@dataclass(frozen=True)
class Up(Leaf):
    """The way back of a cycle.

    Attributes:
        levels: How many levels above the part that it leads to stands.
        nodes: How many nodes before, for a part that stands beside.
    """

    levels: int = 0
    nodes: int = 0

    def plain(self) -> dict[str, Tree]:
        if self.nodes:
            return {"$back": self.nodes}
        return {"$up": self.levels}


@dataclass(frozen=True, eq=False)
class Raw(Leaf):
    """A part that JSON cannot keep."""

    value: object

    def plain(self) -> dict[str, Tree]:
        return {"$pickle": ""}


Tree: TypeAlias = (
    "bool | int | float | str | list[Tree] | dict[str, Tree] | Leaf | None"
)

IGNORED: dict[str, Tree] = {"$ignored": True}

SCALARS = frozenset({type(None), bool, int, float, str})
PLAIN = SCALARS | {list, dict}


def _plain_leaf(part: object) -> dict[str, Tree]:
    if isinstance(part, Leaf):
        return part.plain()
    raise TypeError(f"{type(part).__name__} is no part of a tree")


def _encoder(*, in_order: bool) -> Any:
    form = encode_basestring, None, ":", ","
    return c_make_encoder(None, _plain_leaf, *form, not in_order, False, False)


# The encoders in C, made once: `json.dumps` makes one at each call.
_sorted_encoder = _encoder(in_order=False)
_ordered_encoder = _encoder(in_order=True)


def text_of(tree: Tree, *, in_order: bool = False) -> str:
    """Give the JSON of a small tree in canonical form: no blanks, keys sorted.

    Args:
        tree: What is written whole.
        in_order: Whether keys keep their order.

    Raises:
        ValueError: A number is NaN, infinite, or too long for its digits.
    """
    encoder = _ordered_encoder if in_order else _sorted_encoder
    return "".join(encoder(tree, 0))


def hexdigest(text: str) -> str:
    """Give the digest of a text.

    Raises:
        UnicodeEncodeError: The text holds a lone surrogate.
    """
    return xxh3_128_hexdigest(text.encode())


# -- digests


def digest_of(tree: Tree) -> str:
    """Give 32 hex digits that tell this tree from others.

    A part whose own JSON is longer than `LONG` characters or has more than `DEEP`
    levels counts by its digest, so that a tree and what `cut` leaves of it have one.
    """
    return hexdigest(canonical_text(tree))


def plain_digest_of(value: Any, starts: tuple[str, ...]) -> str | None:
    """Give the digest of a value that is a tree as it stands, else `None`.

    Args:
        value: Any value.
        starts: How a text starts that is none: `Places.starts`.
    """
    if levels_of(value) is None:
        return None
    paths = (encode_basestring(start)[1:-1] for start in starts)
    try:
        return hexdigest(_PlainText('"$', *paths).of(value))
    except ValueError:
        return None


def ordered_digest_of(tree: Tree) -> str:
    """Give the digest of a tree in which the order of mappings counts."""
    return hexdigest(_Measure(in_order=True).canonical(tree).text)


def canonical_text(tree: Tree) -> str:
    """Give the text whose digest is that of a tree."""
    if type(tree) in SCALARS:
        return text_of(tree)
    if is_json(tree):
        try:
            return _PlainText('"$long"').of(tree)
        except ValueError:
            pass
    return _Measure().canonical(tree).text


def is_json(tree: object) -> bool:
    """Tell whether a tree is JSON alone, without very deep parts; see `levels_of`."""
    return levels_of(tree) is not None


def levels_of(tree: object) -> list[list[object]] | None:
    """Give the parts of a value that is JSON alone, level by level, else `None`.

    A level takes a few calls of C. With parts at many places a value has no levels,
    since the JSON of it could be endless.
    """
    levels = [[tree]]
    while len(levels) < DEEP:
        level = levels[-1]
        kinds = set(map(type, level))
        if kinds <= SCALARS:
            return levels
        if not kinds <= PLAIN or (len(level) > 5_000 and _is_shared(level)):
            return None
        mappings = [part for part in level if type(part) is dict]
        # Types one by one: among equal keys a set keeps only the first.
        if not set(map(type, chain.from_iterable(mappings))) <= {str}:
            return None
        lists = [part for part in level if type(part) is list]
        values = chain.from_iterable(map(dict.values, mappings))
        levels.append([*values, *chain.from_iterable(lists)])
    return None


def _is_shared(level: Sequence[object]) -> bool:
    containers = [id(part) for part in level if type(part) in (dict, list)]
    return 2 * len(set(containers)) < len(containers)


class _PlainText:
    """Writes JSON in canonical form, of as many parts at once as are short together.

    Args:
        odd: What no text may hold that is written.
    """

    def __init__(self, *odd: str) -> None:
        self._odd = odd

    def of(self, tree: Tree) -> str:
        """Give the text of JSON that has `levels_of`, with its long parts replaced.

        Raises:
            ValueError: The tree holds something odd, or a number that needs a tag.
        """
        if isinstance(tree, list):
            return f"[{','.join(self._items(tree))}]"
        if isinstance(tree, dict):
            return f"{{{','.join(self._pairs(tree))}}}"
        text = self._written(tree)
        if len(text) > LONG and not isinstance(tree, str):
            raise ValueError("a number that is too long for JSON")
        return text

    def _items(self, items: list[Tree]) -> Iterator[str]:
        start, count = 0, 20
        while start < len(items):
            some = items[start : start + count]
            text = self._text_if_short(some)
            if text:
                yield text
                start += count
                count = 1 + count * (LONG - 500) // len(text)
            elif count > 1:
                count = max(1, count // 2)
            else:
                yield self._part(some[0])
                start += 1

    def _pairs(self, mapping: dict[str, Tree]) -> Iterator[str]:
        keys = sorted(mapping)
        start, count = 0, 20
        while start < len(keys):
            some = {key: mapping[key] for key in keys[start : start + count]}
            text = self._text_if_short(some)
            if text:
                yield text
                start += count
                count = 1 + count * (LONG - 500) // len(text)
            elif count > 1:
                count = max(1, count // 2)
            else:
                key = keys[start]
                yield f"{self._written(key)}:{self._part(mapping[key])}"
                start += 1

    def _text_if_short(self, some: list[Tree] | dict[str, Tree]) -> str:
        """Give the text of a few items or pairs without its brackets, "" if long."""
        if _is_surely_long(some):
            return ""
        text = self._written(some)
        return text[1:-1] if len(text) <= LONG else ""

    def _part(self, part: Tree) -> str:
        text = self.of(part)
        if len(text) <= LONG:
            return text
        return text_of(_long(part, hexdigest(text)))

    def _written(self, part: Tree) -> str:
        text = text_of(part)
        if any(odd in text for odd in self._odd):
            raise ValueError("a text or key that may stand for something else")
        return text


def _is_surely_long(part: Tree, levels: int = 4) -> bool:
    """Tell whether the text of a part is long, by a look at its first parts."""
    if not isinstance(part, (str, list, dict)):
        return False
    if 2 * len(part) > LONG:
        return True
    if isinstance(part, str) or len(part) > 10 or levels == 0:
        return False
    inner = part.values() if isinstance(part, dict) else part
    return any(_is_surely_long(deeper, levels - 1) for deeper in inner)


def _long(part: Tree, digest: str) -> dict[str, Tree]:
    kind, content = _kind_and_content(part)
    length = len(content) if isinstance(content, (str, list, dict)) else 1
    return {"$long": kind, "length": length, "digest": digest}


def _kind_and_content(part: Tree) -> tuple[str, Tree]:
    if isinstance(part, dict) and is_tagged(part):
        key, content = next(iter(part.items()))
        return key[1:], content
    if isinstance(part, dict):
        return "mapping", part
    return ("list" if isinstance(part, list) else "text"), part


class _Text(NamedTuple):
    """The canonical JSON of a part, with its own long parts replaced."""

    text: str
    levels: int

    @property
    def is_long(self) -> bool:
        return len(self.text) > LONG or self.levels > DEEP


class _Measure:
    """Measures the parts of any tree, and of one at many places once."""

    def __init__(self, *, in_order: bool = False) -> None:
        self._in_order = in_order
        # Long parts alone: any other is not worth to be found again. The tree itself
        # is kept, so that its id stays its own.
        self._long: dict[int, tuple[Tree, dict[str, Tree], _Text]] = {}

    def canonical(self, tree: Tree) -> _Text:
        """Measure a tree as a whole."""
        if isinstance(tree, Leaf):
            tree = tree.plain()
        if isinstance(tree, list):
            if _is_flat(tree):
                return _Text(text_of(tree), 1)
            items = [self.part(item)[1] for item in tree]
            inner = ",".join(item.text for item in items)
            return _Text(f"[{inner}]", 1 + _most_levels(items))
        if isinstance(tree, dict):
            if "$long" in tree:
                tree = {key: tree[key] for key in tree if key != "begins"}
            keys = list(tree) if self._in_order else sorted(tree)
            values = [self.part(tree[key])[1] for key in keys]
            pairs = [
                f"{encode_basestring(key)}:{value.text}"
                for key, value in zip(keys, values, strict=True)
            ]
            return _Text("{" + ",".join(pairs) + "}", 1 + _most_levels(values))
        return _Text(text_of(tree), 0)

    def part(self, tree: Tree) -> tuple[Tree, _Text]:
        """Give a part as it counts in its parent, and its measure there."""
        known = self._long.get(id(tree))
        if known is not None:
            return known[1:]
        whole = self.canonical(tree)
        if not whole.is_long:
            return tree, whole
        short = _long(tree, hexdigest(whole.text))
        measured = _Text(text_of(short), 1)
        self._long[id(tree)] = tree, short, measured
        return short, measured


def _is_flat(tree: list[Tree]) -> bool:
    """Tell whether a list holds scalars alone, and none that is long."""
    if not tree or not set(map(type, tree)) <= SCALARS:
        return False
    # A sign may be six in JSON.
    return all(len(item) * 6 < LONG for item in tree if isinstance(item, str))


def _most_levels(texts: Sequence[_Text]) -> int:
    return max((text.levels for text in texts), default=0)


# -- parts


def cut(tree: Tree) -> Tree:
    """Give JSON to be stored: long parts as type, length, digest and beginning."""
    return _cut_inside(tree, _Measure())


def _cut(tree: Tree, measure: _Measure) -> Tree:
    part, _ = measure.part(tree)
    if part is tree:
        return _cut_inside(tree, measure)
    assert isinstance(part, dict)
    return {**part, "begins": _beginning(tree, measure)}


def _cut_inside(tree: Tree, measure: _Measure) -> Tree:
    if isinstance(tree, Leaf):
        return tree.plain()
    if isinstance(tree, list):
        return [_cut(item, measure) for item in tree]
    if isinstance(tree, dict) and "$long" not in tree:
        return {key: _cut(part, measure) for key, part in tree.items()}
    return tree


BEGINNING = 200
"""So many characters of a long part are kept to be read."""


def _beginning(tree: Tree, measure: _Measure) -> Tree:
    _, content = _kind_and_content(tree)
    if isinstance(content, str):
        return content[:BEGINNING]
    kept: list[tuple[str, Tree]] = []
    room = BEGINNING
    steps = content.items() if isinstance(content, dict) else _numbered(content)
    for step, part in steps:
        short, text = measure.part(part)
        room -= len(text.text)
        if room < 0 or text.levels > 2:
            break
        kept.append((step, short))
    return dict(kept) if isinstance(content, dict) else [part for _, part in kept]


def _numbered(content: Tree) -> Iterator[tuple[str, Tree]]:
    if isinstance(content, list):
        for number, item in enumerate(content):
            yield str(number), item


def parts(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Give the parts of a tree, each with the step that leads to it in a path.

    Tags are no steps: the parts of `{"$tuple": [1, 2]}` are `0` and `1`, those of an
    object its attributes, and then what stands beside them.
    """
    if isinstance(tree, list):
        yield from _numbered(tree)
    elif isinstance(tree, dict):
        if is_tagged(tree):
            yield from _parts_of_tag(tree)
        else:
            yield from tree.items()


def is_tagged(tree: dict[str, Tree]) -> bool:
    """Tell whether a mapping stands for something else than a mapping."""
    return next(iter(tree), "").startswith("$")


PAIRS = frozenset({"$dict", "pairs"})
"""The keys whose content is a list of pairs."""
_OPEN = frozenset(
    {"of", "attributes", "fields", "extra", "private"}
    | {"()", "state", "items", "pairs"}
)
"""The keys beside a tag that are no steps either: their parts are the object's."""


def is_open(key: str) -> bool:
    """Tell whether a key of a tagged mapping is no step: its parts are the object's."""
    return key in _OPEN or key.startswith("$")


def _parts_of_tag(tree: dict[str, Tree]) -> Iterator[tuple[str, Tree]]:
    for key, part in tree.items():
        if key in PAIRS and isinstance(part, list):
            yield from _parts_of_pairs(part)
        elif not is_open(key):
            yield key, part
        elif isinstance(part, Leaf):
            yield "", part
        else:
            yield from parts(part)


def _parts_of_pairs(pairs: list[Tree]) -> Iterator[tuple[str, Tree]]:
    for pair in pairs:
        assert isinstance(pair, list)
        key, part = pair
        if not isinstance(key, str):
            yield "keys()", key
        yield step_of(key), part


def step_of(key: Tree) -> str:
    """Give the step of a path that leads to the value under a key."""
    if isinstance(key, str):
        return key
    return canonical_text(key)


def without(tree: Tree, paths: Sequence[Path]) -> Tree:
    """Give a tree without the parts at the paths.

    An item of a list is replaced by `{"$ignored": true}`, so that the list keeps its
    length; what stands under a key goes with its key.
    """
    if not paths:
        return tree
    if () in paths:
        return IGNORED
    if isinstance(tree, list):
        return [without(part, below(paths, step)) for step, part in _numbered(tree)]
    if not isinstance(tree, dict):
        return tree
    rest: dict[str, Tree] = {}
    for key, part in tree.items():
        if is_tagged(tree) and is_open(key):
            rest[key] = _without_inside(key, part, paths)
        elif () not in below(paths, key):
            rest[key] = without(part, below(paths, key))
    return rest


def _without_inside(key: str, part: Tree, paths: Sequence[Path]) -> Tree:
    if key not in PAIRS or not isinstance(part, list):
        return without(part, paths) if isinstance(part, (list, dict)) else part
    pairs: list[Tree] = []
    for pair in part:
        assert isinstance(pair, list)
        name, value = pair
        deeper = below(paths, step_of(name))
        if () not in deeper:
            pairs.append([name, without(value, deeper)])
    return pairs


def below(paths: Sequence[Path], step: str) -> tuple[Path, ...]:
    """Give what is left of the paths behind a step; `()` among them is its end."""
    return tuple(path[1:] for path in paths if path and path[0] in (step, "*"))


def refused_in(tree: Tree) -> tuple[str, Refused] | None:
    """Find the first part without identity, and the path to it as people write it."""
    found = refused_at(tree)
    return (shown_path(found[0]), found[1]) if found else None


def refused_at(tree: Tree) -> tuple[Path, Refused] | None:
    """Find the first part without identity, and the path to it."""
    for path, leaf in leaves(tree):
        if isinstance(leaf, Refused):
            return path, leaf
    return None


def leaves(tree: Tree) -> Iterator[tuple[Path, Leaf]]:
    """Give the leaves of a tree in order, those of a part at many places once."""
    # No recursion: a tree is deeper than the stack.
    pending: list[tuple[Path, Tree]] = [((), tree)]
    seen: set[int] = set()
    while pending:
        path, part = pending.pop()
        if isinstance(part, Leaf):
            yield path, part
        elif isinstance(part, list) and set(map(type, part)) <= SCALARS:
            continue
        elif isinstance(part, (list, dict)) and id(part) not in seen:
            seen.add(id(part))
            inner = [((*path, step), deeper) for step, deeper in parts(part)]
            pending.extend(reversed(inner))


def shown_path(path: Path) -> str:
    """Write a path as code does: `session.pool[0]['a key']`."""
    shown = ""
    for step in filter(None, path):
        if step.isdigit():
            shown += f"[{step}]"
        elif step.isidentifier():
            shown += f".{step}"
        else:
            shown += f"[{step!r}]"
    return shown.removeprefix(".")
