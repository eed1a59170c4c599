"""The things that a pickle does with each name that it imports, found by loading it with stand-ins: nothing is imported or run.

The opcodes of a pickle do not depend on its values, so that a load with stand-ins calls and changes the same things as
the real one.
"""

from __future__ import annotations

import copyreg
import gc
from collections.abc import Iterable
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any

from pytest_mimic._core.outcome.names import RefusedError
from pytest_mimic._core.outcome.pickled_code import Use
from pytest_mimic._core.outcome.placed_paths import NEUTRAL
from pytest_mimic._core.outcome.unpickling import NAMED, load_all
from pytest_mimic._core.outcome.vouched import BUILDERS, CONSTANTS, FOLLOWING, RECORDS, SETTERS

# Attributes that Python looks up on an object to give it a state or items: a state with one of them could replace it.
_LOOKED_UP = frozenset({"__setstate__", "append", "extend", "add"})
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})
_ATOMS = frozenset({str, int, float, bool, type(None), bytes, bytearray, complex, memoryview})
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_PARTIAL = "functools:partial"


class Made:
    """Stands for an object that a class without arguments, or a vouched builder of values, makes."""

    __slots__ = ("_is_built", "_is_new", "is_value", "use")

    def __init__(self, use: Use, is_built: bool = False, is_value: bool = True) -> None:
        self.use = use
        self.is_value = (is_built and is_value) or use.is_library
        self._is_built = is_built
        self._is_new = not is_built  # neither built nor given a state so far

    @property
    def is_partial(self) -> bool:
        return self._is_built and self.use.name == _PARTIAL

    def change(self, way: str = "state") -> None:
        """Note that the object is changed."""
        if self._is_built:
            if way in FOLLOWING.get(self.use.name, ()):
                return
            way = "+state"
        elif not self._is_new:  # its state may have replaced what is called now
            way = "odd"
        self.use.ways.add(way)

    def __setstate__(self, state: Any) -> None:
        kind, use = type(state), self.use
        if self._is_new and kind is dict and use.usual and use.usual.issuperset(state):
            self._is_new = False  # its state is like that of an object before
            return
        self.change("state")
        self._is_new = False
        if self._is_built and BUILDERS.get(use.name) == "stores":
            self.is_value = self.is_value and is_plain(state)
        if self.is_partial:
            is_odd = not (kind is tuple and len(state) == 4 and type(state[1]) is tuple)
            if not is_odd:
                _hand(*state[:3])
        elif use.is_library and not (self._is_built or (kind is tuple and use.name.startswith("numpy"))):
            is_odd = not is_plain(state)  # its class looks at it
        else:
            is_odd = _is_stand_in(state) and not is_plain(state)
        parts = state if kind is tuple and len(state) == 2 else (state, None)
        for part in parts:
            if type(part) is dict:
                names = self.use.names if part is state else self.use.slots
                is_odd |= not _LOOKED_UP.isdisjoint(part)
                names.update(key for key in part if type(key) is str)
                if part is state and "state" in use.ways and not use.is_library:
                    use.usual = names if "_sklearn_version" not in names else set()
                if part is not state:
                    _hand(part.get("default_factory"))
                is_odd |= not is_plain(part.get("_sklearn_version"))  # which is compared
        if is_odd:
            self.use.ways.add("odd")

    def append(self, _item: object) -> None:
        self.change("items")

    extend = append

    def add(self, _item: object) -> None:
        self.change("add")

    def __setitem__(self, _key: object, _item: object) -> None:
        self.change("setitem")

    def __hash__(self) -> int:
        self.use.ways.add("object hash")
        return object.__hash__(self)

    def __call__(self, *_: object, **__: object) -> object:
        self.use.ways.add("odd")
        return result_of(self.use)


class _Result(type):
    """The type of what stands for the results of all other calls. They may be classes, so these are classes."""

    use: Use

    def change(cls, *_: object) -> None:
        cls.use.ways.add("+state")

    __setstate__ = append = extend = add = __setitem__ = change

    def __call__(cls, *_: object, **__: object) -> object:
        return cls


def result_of(use: Use) -> object:
    """Return what stands for the results of calls of an import that is code."""
    return _Result("result", (_OfAny,), {"use": use})


class _OfAny(metaclass=_Result):
    def __new__(cls, *_: object, **__: object) -> Any:
        return cls


class _Imported(type):
    """The type of stand-ins for imports: they may be called, and not be changed."""

    use: Use
    load: StandIns

    def __call__(cls, *arguments: Any, **options: Any) -> object:
        return cls.load.called(cls.use, arguments, options)

    def _refuse(cls, *_: object) -> object:
        raise RefusedError("it changes a class or an object that it imports")

    # The attributes by which pickle gives an object a state or items.
    __setstate__ = append = extend = add = property(_refuse)
    __setitem__ = _refuse

    def __hash__(cls) -> int:
        cls.use.ways.add("hash")
        return type.__hash__(cls)


class _Import(metaclass=_Imported):
    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Return what stands for an object that the class's `__new__` makes."""
        use = cls.use
        if not arguments and not options:
            use.ways.add("new")
        elif options:
            use.ways.add("call with")
        else:
            # A second argument may be the name of an encoding, which would be imported.
            is_simple = len(arguments) == 1 and not _is_stand_in(arguments[0])
            use.ways.add("plain new" if is_simple else "new with")
        return Made(use)


def _hand(thing: object, arguments: tuple[object, ...] = (), options: Any = None) -> None:
    """Note that what a builder keeps may call a thing later, with these arguments."""
    if isinstance(thing, _Imported):
        if thing.use.name in BUILDERS:
            thing.load.called(thing.use, (*arguments, [*options.values()]) if options else arguments, {})
        else:
            thing.use.ways.add("handed")
    elif type(thing) is Made and not thing.is_partial:
        thing.use.ways.add("object call")


class StandIns:
    """The stand-ins for what pickles import. Their uses are those of all pickles that were loaded with them."""

    def __init__(self) -> None:
        self.uses: dict[str, Use] = {}
        self._imports: dict[str, Any] = {}

    def use(self, stream: bytes, buffers: Iterable[object], *, count: int) -> bool:
        """Load pickles with stand-ins. Return whether they do anything that no pickle did before.

        RefusedError: they would change what they import. Any other error: they are damaged.
        """
        if copyreg._inverted_registry:  # type: ignore[attr-defined]
            # Python keeps what such an opcode imports, and asks nobody the next time.
            import pickletools

            file = BytesIO(stream)
            opcodes = (opcode.name for _ in range(count) for opcode, _, _ in pickletools.genops(file))
            if not _EXTENSIONS.isdisjoint(opcodes):
                raise RefusedError("it imports by a number of copyreg's")
        before = self._size()
        # Collecting garbage among the stand-ins, of which each object has one, takes longer than all else.
        is_collecting = gc.isenabled()
        gc.disable()
        try:
            load_all(stream, buffers, self.find, count=count, paths=NEUTRAL)
        finally:
            if is_collecting:
                gc.enable()
        return self._size() != before

    def _size(self) -> int:
        return sum(1 + len(use.ways) + len(use.slots) + len(use.names) for use in self.uses.values())

    def find(self, module: str, qualname: str, /) -> Any:
        name = f"{module}:{qualname}"
        found = self._imports.get(name)
        if found is None:
            use = self.uses[name] = Use(name)
            found = self._imports[name] = _Imported("import", (_Import,), {"use": use, "load": self})
        return found

    def called(self, use: Use, arguments: tuple[object, ...], options: dict[str, Any]) -> object:
        """Return what stands for the result of a call of an import."""
        if use.name == NAMED and not options:
            return self.find(*map(str, arguments))
        if use.name in SETTERS and arguments:
            if isinstance(arguments[0], _Imported):
                raise RefusedError("it changes a class or an object that it imports")
            if isinstance(arguments[0], (Made, _Result)) and use.name not in BUILDERS:
                arguments[0].change()
        builder = BUILDERS.get(use.name)
        if builder is not None and not options and (made := self._built(builder, use, arguments)) is not None:
            return made
        if arguments or options:
            use.ways.add("call with")
            return result_of(use)
        use.ways.add("call")
        return Made(use)

    def _built(self, builder: str, use: Use, arguments: tuple[Any, ...]) -> object:
        """Return what stands for the result of a vouched builder, or None if these are no arguments of its."""
        first: Any = arguments[0] if arguments else None
        rest = arguments[1:]
        use_of_first: Any = first.use if isinstance(first, _Imported) else None
        if builder == "plain":
            fits = all(map(is_plain, arguments))
        elif builder == "single":
            fits = not rest and is_plain(first)
        elif builder == "stores":
            if use.name == _PARTIAL or use.name == "collections:defaultdict":
                _hand(first, rest if use.name == _PARTIAL else ())
            return Made(use, is_built=True, is_value=all(map(is_plain, arguments)))
        elif builder == "container":  # of anything, which is not looked at
            fits = type(first) in (str, *_SEQUENCES, dict) and all(map(is_plain, rest))
        elif builder == "hashes":
            fits = type(first) in (*_SEQUENCES, dict) and all(map(is_plain, rest))
            for part in arguments[0] if fits else ():
                hash(part)
        elif builder == "moment":  # its zone is not looked at
            fits = is_plain(first) and all(is_plain(part) or type(part) is Made for part in rest)
        elif builder == "copied dtype":
            is_record = use_of_first is not None and use_of_first.name in RECORDS
            fits = len(rest) == 2 and rest == (False, True) and (type(first) is str or is_record)
        elif builder == "pattern":
            fits = all(map(is_plain, arguments)) and not any(
                type(part) is int and part & 128 for part in rest
            )
        elif builder == "restore":
            return self._restored(*arguments) if len(arguments) == 2 else None
        elif use_of_first is None:
            fits = False
        elif builder == "bare":
            if not all(map(is_plain, rest)):
                return None
            use_of_first.ways.add("new")
            return Made(use_of_first)
        elif builder == "member":
            if len(rest) != 1 or type(rest[0]) not in (str, int):
                return None
            use_of_first.ways.add("member")
            return Made(use_of_first, is_built=True)
        elif builder == "raise":
            is_raisable = len(rest) == 1 and type(rest[0]) is tuple
            use_of_first.ways.add(
                "raise" if is_raisable and not any(map(_is_stand_in, rest[0])) else "raise with"
            )
            return Made(use_of_first) if is_raisable else None
        else:  # a class of one of these packages is looked at
            fits = any(fnmatchcase(use_of_first.name, name) for name in builder.split()) and all(
                map(_is_plain_or_class, rest)
            )
        return Made(use, is_built=True) if fits else None

    def _restored(self, exception: object, state: object) -> Any:
        """Note the parts that our own functions restore of an exception; see `exceptions`."""
        own, state = state if type(state) is tuple and len(state) == 2 else (None, state)
        if not isinstance(exception, (Made, _Result)) or type(state) is not dict:
            return None
        if any(type(state.get(name, {})) is not dict for name in ("attributes", "fields")):
            return None
        if own is not None:
            exception.__setstate__(own)
        exception.change("restored")
        return exception


def _is_stand_in(part: object) -> bool:
    return isinstance(part, (Made, _Imported, _Result))


def is_plain(value: object) -> bool:
    """Return whether a value has only parts of builtin types, and values that vouched builders have made."""
    todo: list[Any] = [value]
    seen: set[int] = set()
    while todo:
        part = todo.pop()
        kind = type(part)
        if kind in _ATOMS:
            continue
        if kind in _SEQUENCES or kind is dict:
            if id(part) not in seen:
                seen.add(id(part))
                todo += [*part, *part.values()] if kind is dict else part
        elif isinstance(part, _Imported):
            if part.use.name not in CONSTANTS:
                return False
        elif not (
            part.is_value if kind is Made else kind is _Result or kind.__module__.startswith("pathlib")
        ):
            return False
    return True


def _is_plain_or_class(value: object) -> bool:
    return is_plain(value) or (isinstance(value, _Imported) and value.use.is_library)


def uses_in(stream: bytes, buffers: Iterable[object], *, count: int) -> dict[str, Use]:
    """Return what loading pickles would import and do with it, by name. The errors are those of `StandIns.use`."""
    stand_ins = StandIns()
    stand_ins.use(stream, buffers, count=count)
    return stand_ins.uses
