"""A tree is plain JSON with tags: what is hashed, stored, compared and shown."""

from __future__ import annotations

import ast
import gc
import marshal
import re
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, count
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from math import isfinite
from typing import Any, TypeAlias

from xxhash import xxh3_128_hexdigest

LONG = 4096
"""A part with more characters of JSON than this counts by its digest."""
DEEP = 32
"""What is higher counts by its digest. A list of numbers has a height of one."""

Path: TypeAlias = "tuple[str, ...]"
"""Steps to a part: `("rows", "*", "id")`."""
Paths: TypeAlias = "tuple[Path, ...]"


class Leaf:
    """What stands in a tree and is no JSON yet."""

    def plain(self) -> Tree:
        """Give the JSON that stands for the leaf."""
        raise NotImplementedError


class Refused(Leaf):
    """A part without identity.

    Attributes:
        what: What it is: `a thread lock`.
        way: What to do in place of leaving it out, if there is something.
        is_handle: Whether it is a lock, an open file, a connection, a kept hash or the
            like, and may be left out. All else may hold the value itself.
    """

    def __init__(self, what: str, way: str = "", *, is_handle: bool = False) -> None:
        self.what = what
        self.way = way
        self.is_handle = is_handle

    def plain(self) -> Node:
        return {"$refused": self.what}


class LeftOut(Leaf):
    """A part that an exception is kept without: a replay has `None` in its place."""

    def plain(self) -> Tree:
        return None


Tree: TypeAlias = "bool | int | float | str | list[Tree] | Node | Leaf | None"
Node: TypeAlias = "dict[str, Any]"
"""A mapping of a tree: parts by name, or a tag with what stands beside it."""

Levels: TypeAlias = "list[list[Any]]"
"""The parts of plain values: the values, what they hold, what that holds, and so on."""

IGNORED: Node = {"$ignored": True}

SCALARS = frozenset({type(None), bool, int, float, str})
_PLAIN = SCALARS | {list, dict}
_SIZED = frozenset({str, list, dict})
_FEW = 500
# So many numbers have more than `LONG` characters of JSON.
_MANY_NUMBERS = 2_048
# Later, an object keeps the values of its mapping to itself.
_COLLECTOR_KNOWS_OBJECTS = sys.version_info < (3, 13)
_LETTERS: dict[type, str] = {int: "q", float: "d"}
# So many parts at least are written together.
_CHUNK = 20
_MANY = 60_000
_BEGINS = '"begins"'


def _memory_digest(tree: Tree) -> str | None:
    """Give the digest of the memory of a long text, or of many numbers of one kind."""
    if isinstance(tree, str):
        return xxh3_128_hexdigest(tree.encode()) if len(tree) > LONG else None
    if not isinstance(tree, list) or len(tree) < _MANY_NUMBERS:
        return None
    kind, *others = set(map(type, tree))
    letter = _LETTERS.get(kind)
    if letter is None or others:
        return None
    items: Any = tree
    if letter == "d" and not isfinite(sum(items)):
        return None
    try:
        numbers = array(letter, items)
    except OverflowError:
        return None
    if sys.byteorder == "big":
        numbers.byteswap()
    return xxh3_128_hexdigest(numbers, seed=ord(letter))


def memory_node(memory: bytes | bytearray | memoryview) -> Node:
    """Give what stands for contiguous memory: its length and digest."""
    digest = xxh3_128_hexdigest(memory)
    return {"$long": "memory", "length": memoryview(memory).nbytes, "digest": digest}


def plain_leaf(part: object) -> Tree:
    """Give the JSON that stands for a leaf.

    Raises:
        TypeError: It is none.
    """
    if isinstance(part, Leaf):
        return part.plain()
    raise TypeError(f"{type(part).__name__} is not part of a tree")


def _encoder(*, sorts: bool) -> Any:
    form = encode_basestring, None, ":", ","
    return c_make_encoder(None, plain_leaf, *form, sorts, False, False)


# The encoders in C, made once: `json.dumps` makes one at each call.
_sorting_encoder = _encoder(sorts=True)
_ordered_encoder = _encoder(sorts=False)


def text_of(tree: Tree) -> str:
    """Give the JSON of a small tree in canonical form: no blanks, keys sorted.

    Raises:
        ValueError: A number is NaN, infinite, or too long for its digits.
    """
    return "".join(_sorting_encoder(tree, 0))


def texts_of(parts: list[Tree]) -> list[str]:
    """Give the JSON of each of many parts; see `text_of`."""
    kinds = set(map(type, parts))
    if kinds == {str}:
        return list(map(encode_basestring, parts))  # type: ignore[arg-type]
    if kinds and str not in kinds and kinds <= SCALARS:
        return text_of(parts)[1:-1].split(",")
    return list(map(text_of, parts))


def hexdigest(text: str) -> str:
    """Give the digest of a text.

    Raises:
        UnicodeEncodeError: The text holds a lone surrogate.
    """
    return xxh3_128_hexdigest(text.encode())


def escaped(text: str) -> Tree:
    """Give a text as JSON keeps it: with a lone surrogate, in signs of ASCII."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$escaped": text.encode("unicode_escape").decode("ascii")}
    return text


def unescaped(tree: Any) -> str:
    """Give the text that a tree stands for; see `escaped`."""
    if isinstance(tree, dict):
        tree = tree["$escaped"].encode("ascii").decode("unicode_escape")
    text: str = tree
    return text


# -- digests


def digest_of(tree: Tree) -> str:
    """Give 32 hex digits that tell this tree from others.

    A part whose own JSON is longer than `LONG` characters counts by its digest, so that
    a tree and what `cut` leaves of it have one.
    """
    return Measure().digest(tree)


def ordered_digest_of(tree: Tree) -> str:
    """Give the digest of a tree in which the order of mappings counts."""
    return Measure(in_order=True).digest(tree)


def canonical_text(tree: Tree) -> str:
    """Give the text whose digest is that of a tree."""
    _, text = Measure().whole(tree)
    return text


def cut(tree: Tree) -> Tree:
    """Give JSON to be stored: long parts as type, length, digest and beginning."""
    stored, _ = Measure().whole(tree)
    return stored


def plain_copy(value: Any, starts: tuple[str, ...], *, once: bool) -> Any:
    """Give a copy of a list or mapping that is a tree as it stands, else `None`.

    Args:
        value: The list or mapping.
        starts: What a text holds that may be no plain one: `Folders.starts`.
        once: Whether one with a list or mapping at two places is none, either.
    """
    levels = levels_of([value])
    if levels is None:
        return None
    # The last level has single values alone.
    held = chain.from_iterable(levels[:-1])
    ids = [id(part) for part in held if type(part) not in SCALARS]
    if once and len(set(ids)) < len(ids):
        return None
    if digest_of_plain(value, levels, starts) is None:
        return None
    return marshal.loads(marshal.dumps(value, 2))


def digest_of_plain(
    value: Any, levels: Levels | None, starts: tuple[str, ...]
) -> str | None:
    """Give the digest of a value that is a tree as it stands; `None` if it is none.

    Args:
        value: Any value.
        levels: Its parts: `levels_of`; None: it is none.
        starts: What a text holds that may be no plain one: `Folders.starts`.
    """
    if levels is None:
        return None
    try:
        are_few = sum(map(len, levels)) <= _FEW
        for part in levels[0]:
            if type(part) is str and len(part) > LONG:
                are_few = False  # Its JSON takes longer than its digest.
        text = text_of(value) if are_few else ""
        if 0 < len(text) <= LONG:
            for sign in _odd_for(starts):
                if sign in text:
                    return None
            return hexdigest(text)
        return None if _are_odd(levels, starts) else Measure().digest(value)
    except ValueError:
        return None


def _are_odd(levels: Levels, starts: tuple[str, ...]) -> bool:
    """Tell whether a text or key of plain values may stand for something else."""
    # The last level has single values alone.
    holders = chain.from_iterable(levels[:-1])
    mappings = [part for part in holders if type(part) is dict]
    texts = ["", *chain.from_iterable(mappings)]
    if starts:
        texts += [part for part in chain.from_iterable(levels) if type(part) is str]
    together = "\0".join(texts)
    # To look for one sign is faster by far.
    may_begin_a_tag = "$" in together and "\0$" in together
    return may_begin_a_tag or any(start in together for start in starts)


@lru_cache
def _odd_for(starts: tuple[str, ...]) -> tuple[str, ...]:
    return '"$', *(encode_basestring(start)[1:-1] for start in starts)


def are_plain(values: Collection[Any], starts: tuple[str, ...]) -> bool:
    """Tell whether values are texts and numbers that are trees as they stand."""
    kinds = set(map(type, values))
    if not kinds <= SCALARS:
        return False
    texts = numbers = values
    if kinds == {str}:
        numbers = []
    elif kinds <= _LETTERS.keys():
        texts = []
    else:
        texts = [part for part in values if type(part) is str]
        numbers = [part for part in values if type(part) in _LETTERS]
    together = "\0".join(texts)
    if not together.isascii() and escaped(together) != together:
        return False
    try:
        # The sum tells whether one is NaN or infinite.
        are_finite = isfinite(sum(map(abs, numbers)))
    except OverflowError:  # An int has more digits than a float.
        return False
    return are_finite and not any(start in together for start in starts)


def levels_of(values: list[Any]) -> Levels | None:
    """Give the parts of values that are JSON alone, level by level, else `None`.

    A level takes a few calls of C. What is deep, or has most of many parts at several
    places, so that its JSON could be endless, has no levels.

    Args:
        values: The first level. The values may be held by two containers more.
    """
    levels = [values]
    while len(levels) < DEEP:
        level = levels[-1]
        kinds = set(map(type, level))
        if kinds <= SCALARS:
            return levels
        if not kinds <= _PLAIN:
            return None
        containers = [part for part in level if type(part) not in SCALARS]
        size = sum(map(len, containers))
        if size > _MANY and len(set(map(id, containers))) < len(containers):
            lengths = {id(part): len(part) for part in containers}
            if 2 * sum(lengths.values()) < size:
                return None  # Most of it is held by the same containers again.
        parts = gc.get_referents(*containers) if _COLLECTOR_KNOWS_OBJECTS else []
        # A mapping whose keys are texts tells the collector its values alone.
        if len(parts) != size:
            mappings = [part for part in containers if type(part) is dict]
            # Looked at one by one: among equal keys a set keeps only the first.
            if not {str}.issuperset(map(type, chain.from_iterable(mappings))):
                return None
            lists = [part for part in containers if type(part) is list]
            held = chain(lists, map(dict.values, mappings))
            parts = [*chain.from_iterable(held)]
        levels.append(parts)
    return None


def is_deeper(plain: object, levels: int) -> bool:
    """Tell whether plain data is nested deeper than so many levels."""
    level = [plain]
    for _ in range(levels):
        parts = gc.get_referents(*level)
        level = [part for part in parts if type(part) not in SCALARS]
        if not level:
            return False
    return True


def are_few_parts(value: object) -> bool:
    """Tell whether a value has few parts, each counted wherever it stands, all short.

    A part that stands twice in one that stands twice, and so on, would be written out
    without end, and a long text once for each part that it stands in.
    """
    level: list[Any] = [value]
    for _ in range(DEEP):
        if len(level) > _FEW:
            return False
        for part in level:
            if type(part) in _SIZED and len(part) > LONG:
                return False
        level = gc.get_referents(*level)
        if not level:
            return True
    return False


Measured: TypeAlias = "tuple[Tree, str]"
"""A part as it is stored, and the text by which it counts."""


class Measure:
    """Writes trees in canonical form, and measures their parts.

    C writes as much as is short together. Long parts are known when they are met again.

    Args:
        in_order: Whether the order of mappings counts.
    """

    def __init__(self, *, in_order: bool = False) -> None:
        self._in_order = in_order
        self._encode = _ordered_encoder if in_order else _sorting_encoder
        # Each is kept, so that its id stays its own.
        self._long: dict[int, tuple[Tree, Measured]] = {}

    def digest(self, tree: Tree) -> str:
        """Give 32 hex digits that tell this tree from others."""
        _, text = self.whole(tree)
        return hexdigest(text)

    def whole(self, tree: Any) -> Measured:
        """Measure a tree as a whole, with its long parts replaced.

        Raises:
            ValueError: It holds a number that needs a tag.
        """
        digest = _memory_digest(tree)
        if digest is not None:
            return tree, text_of(by_digest(tree, digest))
        if isinstance(tree, str):
            return tree, encode_basestring(tree)
        if are_few_parts(tree):
            text = "".join(self._encode(tree, 0))
            if _BEGINS not in text and len(text) <= LONG:
                return tree, text
        if isinstance(tree, Leaf):
            return self.whole(tree.plain())
        if isinstance(tree, (list, dict)):
            return self._container(tree)
        raise ValueError("a number that is too long for JSON")

    def part(self, tree: Any) -> Measured:
        """Measure a part as it is stored and counts in its parent."""
        if id(tree) in self._long:
            return self._long[id(tree)][1]
        digest = _memory_digest(tree)
        if digest is None:
            stored, text = self.whole(tree)
            if len(text) <= LONG:
                return stored, text
            digest = hexdigest(text)
        else:
            text = "" if isinstance(tree, str) else text_of(tree[:BEGINNING])
        short = by_digest(tree, digest)
        begins = (tree if isinstance(tree, str) else text)[:BEGINNING]
        measured: Measured = {**short, "begins": begins}, text_of(short)
        self._long[id(tree)] = tree, measured
        return measured

    def _container(self, tree: Any) -> Measured:
        """Measure a list or mapping, with one text for several parts that are short."""
        is_list = isinstance(tree, list)
        make: Any = list if is_list else dict
        items = tree if is_list else list(tree.items())
        if not (is_list or self._in_order):
            items.sort()
        stored = make(items)
        texts: list[str] = []
        parts = tree if is_list else tree.values()
        has_large = any(
            type(part) in _SIZED and len(part) >= _MANY_NUMBERS for part in parts
        )
        most = 1 if has_large or len(items) < _CHUNK else len(items)
        place, size = 0, min(_CHUNK, most)
        while place < len(items):
            several = items[place : place + size]
            if size == 1:
                name, part = (place, *several) if is_list else several[0]
                stored[name], text = self.part(part)
                if not is_list:
                    text = f"{encode_basestring(name)}:{text}"
            else:
                text = "".join(self._encode(make(several), 0))[1:-1]
                # Where several have no long text together, none has one by itself.
                if len(text) > LONG or _BEGINS in text:
                    size //= 2
                    continue
            texts.append(text)
            place += size
            if 4 * len(text) < LONG:
                size = min(2 * size, most)
        if is_list:
            return stored, f"[{','.join(texts)}]"
        if "$long" in tree:
            # The beginning of a long part does not count.
            counted = {name: part for name, part in stored.items() if name != "begins"}
            return stored, text_of(counted)
        return stored, f"{{{','.join(texts)}}}"


_KINDS: dict[type, str] = {str: "text", list: "list", dict: "mapping"}


def by_digest(part: Tree, digest: str) -> Node:
    """Give what stands for a part that counts by its digest."""
    length = len(part) if isinstance(part, (str, list, dict)) else 1
    kind = _KINDS.get(type(part), "number")
    return {"$long": kind, "digest": digest, "length": length}


class Shortened(dict[str, Any]):
    """What stands for a part that counts by its digest, and the part.

    Attributes:
        part: The part.
    """

    def __init__(self, part: Tree, digest: str) -> None:
        super().__init__(by_digest(part, digest))
        self.part = part


BEGINNING = 200
"""So many characters of a long part are kept to be read."""


# -- parts


def parts(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Give the parts of a tree, each with the step that leads to it in a path.

    Tags are no steps: the parts of `{"$tuple": [1, 2]}` are `0` and `1`, those of an
    object its attributes, and then what stands beside them.
    """
    if isinstance(tree, list):
        yield from zip(map(str, count()), tree)
    elif isinstance(tree, dict):
        yield from _parts_of_tag(tree) if is_tagged(tree) else tree.items()


def is_tagged(tree: Node) -> bool:
    """Tell whether a mapping stands for something else than a mapping."""
    return next(iter(tree), "").startswith("$")


_PAIRS = frozenset({"$dict", "pairs"})
"""The keys whose content is a list of pairs."""
_OPEN = frozenset(
    {"of", "attributes", "fields", "extra", "private"}
    | {"()", "state", "items", "pairs"}
)
"""The keys beside a tag that are no steps either: their parts are the object's."""


def is_open(key: str) -> bool:
    """Tell whether a key of a tagged mapping is no step: its parts are the object's."""
    return key in _OPEN or key.startswith("$")


def _parts_of_tag(tree: Node) -> Iterator[tuple[str, Tree]]:
    for key, part in tree.items():
        pairs = _pairs_in(key, part)
        for name, value in pairs:
            if not isinstance(name, str):
                yield "keys()", name
            yield step_of(name), value
        if pairs:
            continue
        if not is_open(key):
            yield key, part
        elif isinstance(part, Leaf) or (isinstance(part, dict) and "$long" in part):
            yield "", part  # What only its digest is known of is no part itself.
        else:
            yield from parts(part)


def _pairs_in(key: str, part: Tree) -> list[Any]:
    """Give the pairs under a key beside a tag; none: a file may hold anything there."""
    if key not in _PAIRS or not isinstance(part, list):
        return []
    are_pairs = all(isinstance(pair, list) and len(pair) == 2 for pair in part)
    return part if are_pairs else []


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
        return [without(part, below(paths, step)) for step, part in parts(tree)]
    if not isinstance(tree, dict):
        return tree
    if not is_tagged(tree):
        return dict(_pairs_without(tree.items(), paths))
    rest: Node = {}
    for key, part in tree.items():
        pairs = _pairs_in(key, part)
        if pairs:
            rest[key] = _pairs_without(pairs, paths)
        elif is_open(key):
            rest[key] = without(part, paths)
        else:
            rest.update(_pairs_without([(key, part)], paths))
    return rest


def _pairs_without(pairs: Iterable[Any], paths: Sequence[Path]) -> list[Any]:
    rest = [[key, without(part, below(paths, step_of(key)))] for key, part in pairs]
    return [[key, part] for key, part in rest if part is not IGNORED]


def below(paths: Sequence[Path], step: str) -> Paths:
    """Give what is left of the paths behind a step; `()` among them is its end."""
    return tuple(path[1:] for path in paths if path and path[0] in (step, "*"))


def refused_in(tree: Tree) -> dict[Path, Refused]:
    """Find all parts without identity, by the paths to them."""
    return {path: leaf for path, leaf in leaves(tree) if isinstance(leaf, Refused)}


def refused_at(tree: Tree) -> tuple[Path, Refused] | None:
    """Find the first part without identity, and the path to it."""
    return next(iter(refused_in(tree).items()), None)


def path_to_refused(path: Path) -> str:
    """Write the path to a part without identity; of a path that is too deep, its start.

    To leave out what stands there helps, too.
    """
    return shown_path(path[:20] if len(path) >= 150 else path)


def leaves(tree: Tree) -> Iterator[tuple[Path, Leaf]]:
    """Give the leaves of a tree in order; a part at many places gives them once."""
    for path, part in _parts_below(tree):
        if isinstance(part, Leaf):
            yield path, part


def texts_in(tree: Tree) -> Iterator[tuple[Path, str]]:
    """Give the texts of a tree, those of bytes too, with the paths to them."""
    for path, part in _parts_below(tree):
        if isinstance(part, str):
            yield path, part
        elif isinstance(part, dict) and is_tagged(part):
            yield from ((path, one) for one in part.values() if isinstance(one, str))


def path_to(tree: Tree, part: Tree) -> Path:
    """Give the path to this very part of a tree."""
    return next((path for path, one in _parts_below(tree) if one is part), ())


def _parts_below(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    # No recursion: a tree is deeper than the stack.
    pending: list[tuple[Path, Tree]] = [((), tree)]
    visited: set[int] = set()
    while pending:
        path, part = pending.pop()
        yield path, part
        if isinstance(part, list) and set(map(type, part)) <= SCALARS:
            continue
        if isinstance(part, (list, dict)) and id(part) not in visited:
            visited.add(id(part))
            inner = [((*path, step), deeper) for step, deeper in parts(part)]
            pending.extend(reversed(inner))


def mapped(
    tree: Tree,
    change: Callable[[Any], Tree],
    change_name: Callable[[str], str] = str,
) -> Tree:
    """Give a tree with other parts; a part that `change` gives back is looked into."""
    known: dict[int, Tree] = {}  # A part may stand at very many places.

    def changed(part: Tree) -> Tree:
        if id(part) in known:
            return known[id(part)]
        made = change(part)
        if made is part and isinstance(part, list):
            made = known[id(part)] = list(map(changed, part))
        elif made is part and isinstance(part, dict):
            made = known[id(part)] = {
                change_name(name): changed(one) for name, one in part.items()
            }
        return made

    return changed(tree)


def shown_path(path: Path) -> str:
    """Write a path as code does: `session.pool[0]['a key']`.

    A name with hyphens, a header say, stands as a line names it: `headers.x-rate`.
    """
    shown = ""
    for step in filter(None, path):
        if step.isdigit():
            shown += f"[{step}]"
        elif step == "*" or step.replace("-", "_").isidentifier():
            shown += f".{step}"
        else:
            shown += f"[{step!r}]"
    return shown.removeprefix(".")


_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_STEP = rf"\[(\*|-?\d+|{_QUOTED})\]|(?:^|\.)([^.\[\]]+)"


def paths_of(written: Sequence[str]) -> Paths:
    """Give paths as a tree has them: `rows.*.id` as `("rows", "*", "id")`."""
    return tuple(map(steps_of, written))


def steps_of(path: str) -> Path:
    """Return the steps of a path: `rows[0].id` and `rows.0.id` give rows, 0, id.

    Raises:
        ValueError: It is no path.
    """
    if not re.fullmatch(f"({_STEP})*", path):
        raise ValueError(path)
    steps: list[str] = []
    for in_brackets, name in re.findall(_STEP, path):
        if in_brackets[:1] in {"'", '"'}:
            in_brackets = ast.literal_eval(in_brackets)
        steps.append(name or in_brackets)
    return tuple(steps)
