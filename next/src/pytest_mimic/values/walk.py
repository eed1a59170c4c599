"""The one walk that opens a value into a tree."""

from __future__ import annotations

import copyreg
import enum
import marshal
import math
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache, partial
from itertools import chain
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from pytest_mimic.values import errors
from pytest_mimic.values.names import generic_of, is_found, name_in, name_of, thing_at
from pytest_mimic.values.rows import is_of_python, refusal_of, row_of
from pytest_mimic.values.state import (
    CONTAINERS,
    LIBRARIES,
    State,
    attributes_of,
    builtin_base_of,
    cached_properties_of,
    deciding_class,
    hash_of_class,
    is_generated,
    is_of_extension,
    remembered_hashes,
    state_of,
    without_hashes,
)
from pytest_mimic.values.tree import (
    IGNORED,
    Path,
    Raw,
    Refused,
    Tree,
    Up,
    below,
    canonical_text,
    levels_of,
    refused_at,
    step_of,
    without,
)

if TYPE_CHECKING:
    from pytest_mimic.values.places import Places

Purpose: TypeAlias = Literal["identity", "exact", "proof"]
Paths: TypeAlias = "tuple[Path, ...]"
T = TypeVar("T")

KEPT_HASH = "an object that keeps its own hash(), another in each process"
DEEPEST = 1_000
"""Parts below so many levels are refused."""
LONGEST_NUMBER = 10**4_096
"""Larger numbers stand in hexadecimal digits: Python reads no longer decimal ones."""

FUNCTIONS = (
    FunctionType,
    BuiltinFunctionType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
    MethodDescriptorType,
    ClassMethodDescriptorType,
    partial,
    type(lru_cache(len)),
)
TAUGHT: dict[type, Callable[[Any], object]] = {}
"""The types of `register_fingerprint`, and what gives plainer data for a value."""


def deeply(work: Callable[[], T]) -> T:
    """Give what `work` gives, in a thread with a deep stack if this one is short."""
    try:
        return work()
    except RecursionError:
        return _in_deep_thread(work)


def _in_deep_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # It is raised again below.
            failures.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(512 << 20)
    sys.setrecursionlimit(max(limit, 40 * DEEPEST))
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if failures:
        raise failures[0]
    return results[0]


class _Standing(NamedTuple):
    """A part that the walk is in."""

    depth: int
    number: int


class _Seen(NamedTuple):
    """A part that the walk has been in, with its value, so that its id stays its own.

    Attributes:
        number: The number of the part.
        numbers: How many numbers it takes where it stands again.
        size: How many parts it has.
        is_closed: Whether no way in it leads back to a part above.
        is_single: Whether it, or a part of it, is one wherever it stands.
    """

    value: object
    tree: Tree
    number: int
    numbers: int
    size: int
    is_closed: bool
    is_single: bool


class _Kind:
    """What holds for all objects of a class: looked up once a walk."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        # What one object of the class gives to be pickled tells it.
        self.has_attributes_alone = False

    @cached_property
    def name(self) -> str:
        return name_of(self._cls)

    @cached_property
    def is_found(self) -> bool:
        return is_found(self._cls, self.name)

    @cached_property
    def decider(self) -> type:
        return deciding_class(self._cls)

    @cached_property
    def base(self) -> type | None:
        return builtin_base_of(self._cls)

    @cached_property
    def cached(self) -> frozenset[str]:
        return cached_properties_of(self._cls)

    @cached_property
    def may_change(self) -> bool:
        """Whether an object is one wherever it stands: it has no hash by value."""
        method = hash_of_class(self._cls)
        by_value = method is not None and method is not object.__hash__
        return not by_value and not issubclass(self._cls, (type, *FUNCTIONS))


class Walk:
    """One walk over the parts of values.

    Purposes:
        identity: What counts in a call. The order of mappings does not.
        exact: What a replay can make again, in its order. What has no readable form
            is a leaf `Raw` that holds the value.
        proof: As identity, in the order of mappings, with the names of public
            attributes: two values with equal proof trees are the same to a program.

    Attributes:
        counts_content: Whether files count that a path names.
        is_shared: Whether something that may change stands at two places.
        is_plain: Whether a list or mapping, opened whole, is JSON as it stands.
        size: How many parts were opened.
        changeable: How many of them may change, and so are one wherever they stand.
        few: So many items of an array stand in the tree; more count by their memory.
        keeps_hash: Whether an object remembers its own `hash()`, which a pickle of it
            would carry into a process where it is another one.
    """

    def __init__(self, purpose: Purpose = "identity", places: Places | None = None):
        self.purpose = purpose
        self.places = places
        self.counts_content = purpose == "identity"
        self.is_shared = False
        self.is_plain = False
        self.size = 0
        self.changeable: set[int] = set()
        self._raws = 0
        self.few = 50
        self.keeps_hash = False
        self._starts = places.starts if places is not None else ()
        self._in_order = purpose != "identity"
        self._depth = 0
        # Numbers of parts: the next one, and the lowest to which a way has led back.
        self._next = 0
        self._lowest = sys.maxsize
        self._left_open = 0
        self._above: dict[int, _Standing] = {}
        self._seen: dict[tuple[int, Paths], _Seen] = {}
        self._kinds: dict[type, _Kind] = {}
        self._plain_keys: set[object] = set()
        self._openers: dict[type, Callable[[Any, Paths], Tree]] = {
            type(None): _itself,
            bool: _itself,
            int: self._int,
            float: self._float,
            str: self._text,
        }

    def node(self, value: object, paths: Iterable[Path] = ()) -> Tree:
        """Give the tree of a value, without what stands at the paths.

        A part without identity is a leaf `Refused`.
        """
        kind = type(value)
        opener = self._openers.get(kind)
        if opener is None:
            opener = self._openers[kind] = self._opener_of(kind)
        return opener(value, tuple(paths))

    def _kind(self, cls: type) -> _Kind:
        kind = self._kinds.get(cls)
        if kind is None:
            kind = self._kinds[cls] = _Kind(cls)
        return kind

    def forget(self) -> None:
        """Let go of the values, which would live until the collector comes.

        The walk opens nothing more.
        """
        self._seen.clear()
        self._openers.clear()

    # -- scalars

    def _int(self, value: int, _paths: Paths) -> Tree:
        if -LONGEST_NUMBER // 10 < value < LONGEST_NUMBER:
            return value
        return {"$int": hex(value)}

    def _float(self, value: float, _paths: Paths) -> Tree:
        if math.isfinite(value):
            return value
        return {"$float": "nan" if value != value else repr(value)}

    def _text(self, value: str, _paths: Paths) -> Tree:
        if self._starts and self.places is not None and value.startswith(self._starts):
            return self.places.node_of_text(value, with_content=self.counts_content)
        if value.isascii() or _is_utf8(value):
            return value
        return {"$escaped": value.encode("unicode_escape").decode("ascii")}

    # -- what becomes of a type

    def _opener_of(self, kind: type) -> Callable[[Any, Paths], Tree]:
        containers: dict[type, Callable[[Any, Paths], Tree]] = {
            list: self._list,
            tuple: self._tuple,
            dict: self._dict,
            set: self._set,
            frozenset: self._set,
        }
        container = containers.get(kind)
        if container is not None:
            return partial(self._inside, container)
        row = row_of(kind)
        if row is not None:
            if self._is_exact and row.make is None:
                return self._raw
            return partial(_opened_by_row, row.node, self)
        if issubclass(kind, enum.Enum):
            return self._member
        return partial(self._inside, self._object_opener_of(kind))

    @property
    def _is_exact(self) -> bool:
        return self.purpose == "exact"

    def _object_opener_of(self, kind: type) -> Callable[[Any, Paths], Tree]:
        if not self._in_order:
            reduce = _taught_reduce(kind)
            if reduce is not None:
                return partial(self._taught, reduce)
        refused = refusal_of(kind)
        if refused is not None:
            return partial(self._refused, refused)
        if issubclass(kind, FUNCTIONS) or hasattr(kind, "__wrapped__"):
            return self._function
        if issubclass(kind, type):
            return self._class
        if issubclass(kind, BaseException) and not is_of_extension(kind):
            return self._error
        if any(
            str(base.__module__).partition(".")[0] in LIBRARIES for base in kind.__mro__
        ):
            from pytest_mimic.values import libraries  # Loads what it knows of.

            rule = libraries.rule_of(kind)
            if rule is not None:
                return partial(self._of_library, rule)
        return self._object

    # -- into a part and out of it

    def _inside(
        self, opener: Callable[[Any, Paths], Tree], value: object, paths: Paths
    ) -> Tree:
        """Open a part once, and find the way back to one that the walk is in."""
        standing = self._above.get(id(value))
        if standing is not None:
            self._lowest = min(self._lowest, standing.number)
            self.is_shared = True
            return Up(levels=self._depth - standing.depth)
        seen = self._seen.get((id(value), paths))
        if seen is not None:
            return self._again(seen)
        if self._depth == DEEPEST:
            return Refused(f"nested deeper than {DEEPEST:,} levels")
        number, open_before = self._next, self._left_open
        size_before, single_before = self.size, self._raws + len(self.changeable)
        self.is_shared |= id(value) in self.changeable
        lowest_before, self._lowest = self._lowest, number
        self._above[id(value)] = _Standing(self._depth, number)
        self._depth += 1
        self._next += 1
        self.size += 1
        try:
            tree = opener(value, paths)
        finally:
            self._depth -= 1
            del self._above[id(value)]
        is_closed = self._lowest >= number
        if is_closed and self._left_open == open_before:
            # Nothing can lead back into it, so its parts need no numbers.
            self._next = number + 1
        self._left_open += not is_closed
        is_value = isinstance(tree, Raw) or _is_name(tree)
        if not is_value and self._kind(type(value)).may_change:
            self.changeable.add(id(value))
        self._seen[id(value), paths] = _Seen(
            value,
            tree,
            number,
            numbers=self._next - number,
            size=self.size - size_before,
            is_closed=is_closed,
            is_single=self._raws + len(self.changeable) > single_before,
        )
        self._lowest = min(self._lowest, lowest_before)
        return tree

    def _again(self, seen: _Seen) -> Tree:
        self.is_shared |= seen.is_single
        self.size += seen.size
        if seen.is_closed:
            self._next += seen.numbers
            return seen.tree
        self._lowest = min(self._lowest, seen.number)
        return Up(nodes=self._next - seen.number)

    def _items(self, values: Iterable[object], paths: Paths) -> list[Tree]:
        if not paths:
            return list(map(self.node, values))
        items: list[Tree] = []
        for number, item in enumerate(values):
            deeper = below(paths, str(number))
            items.append(IGNORED if () in deeper else self.node(item, deeper))
        return items

    # -- containers

    def _list(self, value: list[Any], paths: Paths) -> Tree:
        if not paths and self._is_worth_a_try(value) and self._is_plain(value):
            return self._copied(value)
        return self._items(list.__iter__(value), paths)

    def _tuple(self, value: tuple[Any, ...], paths: Paths) -> Tree:
        return {"$tuple": self._items(tuple.__iter__(value), paths)}

    def _dict(self, value: dict[Any, Any], paths: Paths) -> Tree:
        if not paths and self._is_worth_a_try(value) and self._is_plain(value):
            return self._copied(value)
        return self._mapping(dict.items(value), paths)

    def _set(self, value: Any, _paths: Paths) -> Tree:
        tag = "$set" if isinstance(value, set) else "$frozenset"
        members = (set if isinstance(value, set) else frozenset).__iter__(value)
        return {tag: sorted(map(self.node, members), key=canonical_text)}

    def _mapping(
        self, items: Iterable[tuple[Any, Any]], paths: Paths
    ) -> dict[str, Tree]:
        pairs = list(items)
        if not all(self._is_plain_key(key) for key, _ in pairs):
            return {"$dict": self._pairs(pairs, paths, in_order=self._in_order)}
        if not self._in_order:
            pairs.sort()
        if not paths:
            return {key: self.node(part) for key, part in pairs}
        mapping: dict[str, Tree] = {}
        for key, part in pairs:
            deeper = below(paths, key)
            if () not in deeper:
                mapping[key] = self.node(part, deeper)
        return mapping

    def _pairs(
        self, items: Iterable[tuple[Any, Any]], paths: Paths, *, in_order: bool
    ) -> list[Tree]:
        pairs: list[Tree] = []
        for key, part in items:
            key_node = self.node(key)
            deeper = below(paths, step_of(key_node)) if paths else ()
            if () not in deeper:
                pairs.append([key_node, self.node(part, deeper)])
        if not in_order:
            pairs.sort(key=_order_of)
        return pairs

    def _is_plain_key(self, key: object) -> bool:
        # A key of many mappings is looked at once; an equal one may be of another type.
        if type(key) is not str:
            return False
        if key in self._plain_keys:
            return True
        if key.startswith(("$", *self._starts)) or not _is_utf8(key):
            return False
        self._plain_keys.add(key)
        return True

    def _is_worth_a_try(self, value: Any) -> bool:
        # A small part in an odd value would be tried again at each level.
        return self._depth == 1 or len(value) > 100

    def _is_plain(self, value: object) -> bool:
        """Tell whether a value is a tree as it stands."""
        levels = levels_of(value)
        if levels is None:
            return False
        parts = list(chain.from_iterable(levels))
        if self._in_order and not self._takes_containers(parts):
            return False
        keys = set().union(*[part for part in parts if type(part) is dict])
        names = "\n".join(keys)
        if names.startswith("$") or "\n$" in names:
            return False
        texts = "\n".join([names, *[part for part in parts if type(part) is str]])
        if not _is_utf8(texts) or any(start in texts for start in self._starts):
            return False
        numbers = [part for part in parts if type(part) is float]
        if not math.isfinite(sum(numbers)):
            return False
        whole = [part for part in parts if type(part) is int]
        return not whole or max(whole) < LONGEST_NUMBER > 10 * -min(whole)

    def _copied(self, value: Any) -> Tree:
        self.is_plain = self._depth == 1
        tree: Tree = marshal.loads(marshal.dumps(value, 2))
        return tree

    def _takes_containers(self, parts: list[object]) -> bool:
        """Note the lists and mappings of plain data, if each stands at one place."""
        containers = [id(part) for part in parts if type(part) in (list, dict)]
        ids = set(containers)
        if len(ids) < len(containers) or not ids.isdisjoint(self.changeable):
            return False
        self.changeable |= ids
        return True

    # -- objects

    def _raw(self, value: object, _paths: object = None) -> Tree:
        self._raws += 1
        return Raw(value)

    def _refused(self, refused: Refused, value: object, _paths: Paths) -> Tree:
        return self._raw(value) if self._is_exact else refused

    def _taught(
        self, reduce: Callable[[Any], object], value: object, paths: Paths
    ) -> Tree:
        plainer = self.node(reduce(value), paths)
        return {f"${self._kind(type(value)).name}": plainer}

    def _named(self, kind: type, attributes: Tree) -> dict[str, Tree]:
        """Begin the node of an object: its class and attributes."""
        about = self._kind(kind)
        node: dict[str, Tree] = {f"${about.name}": attributes}
        if not about.is_found:
            found = thing_at(about.name)
            # A class that its name does not lead to counts by what it is; one that was
            # loaded again is what its name leads to.
            class_node = self.node(kind)
            if not isinstance(found, type) or self.node(found) != class_node:
                node["class"] = class_node
        return node

    def _is_by_value(self, kind: type) -> bool:
        """Tell whether a replay would need the code of a class, not its name."""
        if not self._is_exact or generic_of(kind) is not None:
            return False
        return not self._kind(kind).is_found

    def _member(self, value: enum.Enum, _paths: Paths) -> Tree:
        kind = type(value)
        if self._is_by_value(kind):
            return self._raw(value)
        name: Any = value._name_
        # A combination of flags has no name, or one that leads to no member.
        is_named = kind.__members__.get(name) is value
        if is_of_python(kind) and not self._is_exact:
            is_named = False  # Python renames some: `HTTPStatus.UNPROCESSABLE_CONTENT`.
        return self._named(kind, name if is_named else self.node(value._value_))

    def _function(self, value: Any, _paths: Paths) -> Tree:
        if self._is_exact:
            name = (
                f"{value.__module__}:{value.__qualname__}" if _has_name(value) else ""
            )
            return (
                {"$name": name} if name and is_found(value, name) else self._raw(value)
            )
        from pytest_mimic.values import code  # Few values are functions.

        return code.node_of_function(value, self)

    def _class(self, value: type, _paths: Paths) -> Tree:
        generic = generic_of(value)
        if generic is not None:
            origin, arguments = generic
            return {"$alias": [self.node(origin), *map(self.node, arguments)]}
        if self._is_exact:
            is_found_again = is_found(value, name_of(value))
            return {"$name": name_of(value)} if is_found_again else self._raw(value)
        from pytest_mimic.values import code  # Few values are classes.

        return code.node_of_class(value, self)

    def _error(self, value: BaseException, paths: Paths) -> Tree:
        kind = type(value)
        if self._is_by_value(kind):
            return self._raw(value)
        parts = errors.parts_of(value)
        attributes = self._counted(kind, parts.attributes)
        node = self._named(kind, self._mapping(attributes.items(), paths))
        node["args"] = self._items(parts.args, below(paths, "args"))
        if parts.fields:
            node["fields"] = self._mapping(parts.fields.items(), paths)
        beside = {"notes": parts.notes, "cause": parts.cause}
        given = {key: part for key, part in beside.items() if part is not None}
        node.update(self._mapping(given.items(), paths))
        if parts.hides_context:
            node["from"] = True
        return node

    def _of_library(self, rule: Any, value: Any, paths: Paths) -> Tree:
        if self._is_exact and rule.make is None:
            return self._raw(value)
        return without(rule.node(value, self), paths)

    def _object(self, value: Any, paths: Paths) -> Tree:
        kind: Any = type(value)
        if kind.__module__ is None and type(kind) not in copyreg.dispatch_table:
            return Refused(
                f"an object of {kind.__qualname__}, a class without a module"
            )
        about = self._kind(kind)
        if about.has_attributes_alone:
            return self._with_state(value, State(attributes_of(value)), None, paths)
        base = about.base
        if base is not None and issubclass(base, about.decider):
            return self._on_base(value, base, paths)
        if hasattr(kind, "__pydantic_fields_set__"):
            return self._model(value, paths)
        try:
            state = state_of(value)
        except RecursionError:
            raise
        except Exception:
            # It is code of the user, and may do anything.
            words = Refused(f"an object of {kind.__module__}.{kind.__qualname__}")
            return self._refused(words, value, paths)
        if isinstance(state, str):
            return self._constant(value, state)
        is_made_of_more = state.maker or state.arguments or state.state is not None
        about.has_attributes_alone = about.decider is object and not is_made_of_more
        return self._with_state(value, state, base, paths)

    def _constant(self, value: object, name: str) -> Tree:
        """Open an object that is pickled as a name of a module."""
        kind = type(value)
        if not name.replace(".", "_").isidentifier():
            # numpy calls each function made by `frompyfunc` "len (vectorized)".
            words = Refused(f"an object of {kind.__module__}.{kind.__qualname__}")
            return self._refused(words, value, ())
        module = getattr(value, "__module__", None) or kind.__module__
        return {"$name": name_in(module, name, value)}

    def _on_base(self, value: Any, base: type, paths: Paths) -> Tree:
        """Open an object that is a builtin with attributes."""
        kind = type(value)
        if self._is_by_value(kind):
            return self._raw(value)
        attributes = self._own_attributes(value, attributes_of(value, base))
        if isinstance(attributes, Refused):
            return attributes
        names = getattr(kind, "_fields", None)
        if base is tuple and isinstance(names, tuple) and len(names) == len(value):
            fields = zip(names, tuple.__iter__(value), strict=True)
            node = self._named(kind, self._mapping(fields, paths))
            if attributes:
                node["attributes"] = self._mapping(attributes.items(), paths)
            return node
        node = self._named(kind, self._mapping(attributes.items(), paths))
        node["of"] = self._content(value, base, paths)
        return node

    def _content(self, value: Any, base: type, paths: Paths) -> Tree:
        """Open what an object is as its builtin base."""
        if base is list:
            return self._items(list.__iter__(value), paths)
        if base is dict:
            return self._mapping(dict.items(value), paths)
        row = row_of(base)
        if row is not None:
            return row.node(value, self)
        if base is str:
            return self.node(str.__str__(value))
        if base in (int, float):
            return self.node(base.__pos__(value))
        return self._tuple(value, paths) if base is tuple else self._set(value, paths)

    def _own_attributes(
        self, value: object, attributes: Mapping[Any, object]
    ) -> Mapping[Any, object] | Refused:
        """Give the attributes that count, less what the object remembers of itself."""
        counted = self._counted(type(value), attributes)
        names = remembered_hashes(value, counted)
        if not names:
            return counted
        self.keeps_hash = True
        bare = without_hashes(value, counted, names)
        if bare is None and self.purpose == "proof":
            return Refused(KEPT_HASH)
        return counted if bare is None else bare

    def _counted(
        self, kind: type, attributes: Mapping[Any, object]
    ) -> Mapping[Any, object]:
        if self._is_exact or not attributes:
            return attributes
        cached = self._kind(kind).cached
        if cached.isdisjoint(attributes):
            return attributes
        return {name: part for name, part in attributes.items() if name not in cached}

    def _model(self, value: Any, paths: Paths) -> Tree:
        """Open a model of pydantic 2 by its fields."""
        kind = type(value)
        if self._is_by_value(kind):
            return self._raw(value)
        attributes = self._counted(kind, attributes_of(value))
        hidden = (
            "__pydantic_extra__",
            "__pydantic_fields_set__",
            "__pydantic_private__",
        )
        extra, fields_set, private = map(attributes.get, hidden)
        fields = {key: part for key, part in attributes.items() if key not in hidden}
        node = self._named(kind, self._mapping(fields.items(), paths))
        if extra:
            node["extra"] = self._mapping(extra.items(), paths)  # type: ignore[attr-defined]
        if private:
            node["private"] = self._mapping(private.items(), paths)  # type: ignore[attr-defined]
        if isinstance(fields_set, set):
            node["fields_set"] = sorted(fields_set)
        return node

    def _with_state(
        self, value: Any, state: State, base: type | None, paths: Paths
    ) -> Tree:
        """Open an object by what it gives to be pickled."""
        kind = type(value)
        if self._is_by_value(kind) or (
            self._is_exact and not _is_readable(kind, state)
        ):
            return self._raw(value)
        attributes = self._own_attributes(value, state.attributes)
        if isinstance(attributes, Refused):
            return attributes
        node = self._named(kind, self._mapping(attributes.items(), paths))
        if base is not None and (row_of(base) or base in (set, frozenset)):
            # What a row gives counts in any case; members of sets have no order.
            node["of"] = self._content(value, base, paths)
        if state.maker is not None and state.maker is not kind:
            node["by"] = self._maker(state.maker)
        if state.arguments and base not in (set, frozenset):
            node["()"] = self._items(state.arguments, paths)
        if state.state is not None:
            node["state"] = self.node(state.state, paths)
        if state.items is not None:
            node["items"] = self._items(state.items, paths)
        if state.pairs is not None:
            is_ordered = self._in_order or isinstance(value, OrderedDict)
            node["pairs"] = self._pairs(state.pairs, paths, in_order=is_ordered)
        if self.purpose == "proof" and self._kind(kind).decider is not object:
            node["shows"] = self._public(kind, attributes_of(value))
        return node

    def _maker(self, maker: Any) -> Tree:
        # As in a pickle: what a library does in it may change with its version.
        name = name_of(maker) if _has_name(maker) else ""
        return {"$name": name} if is_found(maker, name) else self.node(maker)

    def _public(self, kind: type, attributes: Mapping[Any, object]) -> Tree:
        """Give what people read off an object, whatever its class has pickled."""
        shown: dict[str, Tree] = {}
        for name, part in self._counted(kind, attributes).items():
            if not name.startswith("_"):
                node = self.node(part)
                # What has no identity is made by the class, as far as it is.
                shown[name] = (
                    {"$type": name_of(type(part))} if refused_at(node) else node
                )
        return shown


def _is_readable(kind: type, state: State) -> bool:
    """Tell whether a replay can make an object without code of its class."""
    if name_of(kind) in CONTAINERS:
        return state.maker in (None, kind)
    is_more = state.maker or state.arguments or state.items or state.pairs
    if is_more or state.state is not None:
        return False
    hook = getattr(kind, "__setstate__", None)
    return hook is None or is_generated(hook)


def tree_of(value: object, purpose: Purpose, places: Places | None = None) -> Tree:
    """Give the tree of one value, and let go of the value."""
    walk = Walk(purpose, places)
    tree = walk.node(value)
    walk.forget()
    return tree


def _order_of(pair: Any) -> str:
    key, _ = pair
    # Of several keys that are NaN the values tell.
    return canonical_text(pair if key == {"$float": "nan"} else key)


def _is_name(tree: Tree) -> bool:
    return isinstance(tree, dict) and "$name" in tree


def _itself(value: Any, _paths: Paths) -> Tree:
    tree: Tree = value
    return tree


def _opened_by_row(
    node: Callable[[Any, Any], Tree], walk: Walk, value: object, _paths: Paths
) -> Tree:
    walk.size += 1
    return node(value, walk)


def _taught_reduce(kind: type) -> Callable[[Any], object] | None:
    for base in kind.__mro__:
        if base in TAUGHT:
            return TAUGHT[base]
    return getattr(kind, "__mimic_identity__", None)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_name(value: Any) -> bool:
    names = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return all(isinstance(name, str) for name in names)
