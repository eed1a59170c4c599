"""The libraries whose values the plugin knows, a row for each library.

The words that people use for types, `an open file`, are here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pytest_mimic._core.types.kinds import Kind, Unstable, full_name, lineage, type_tag


class Rule(NamedTuple):
    """The identity rule of a class of a library.

    The objects of subclasses in other packages count by the rule, and by what the
    subclasses add.

    Attributes:
        reduce: Returns what counts of a value. Its second argument says whether the
            value is an outcome, in which more counts.
        name: The name in the tag, by default the name of the type. Classes of other
            packages have their usual tag.
        is_full: Whether the tag names the module, too.
        is_abstract: Whether the class has no data of its own, so that the objects of
            other packages' subclasses count by their pickled state alone.
        reads_added: Whether `reduce` reads the attributes that others add to the
            library's objects.
    """

    reduce: Callable[[Any, bool], object]
    name: str = ""
    is_full: bool = False
    is_abstract: bool = False
    reads_added: bool = False

    def kind(self, type_: type, library: str, layout: bool) -> Kind:
        """Return the kind of a type that counts by this rule."""
        package = type_.__module__.partition(".")[0]
        tag = type_tag(type_)
        if package == library and not self.is_full:
            tag = f"{library}:{self.name or type_.__name__}"
        rule_reduce = self.reduce

        def reduce(value: object) -> object:
            return rule_reduce(value, layout)

        return Kind(tag, reduce)


class Library(NamedTuple):
    """A library, found by the top-level package of a type.

    Only the users of a library import it: its types are known by name.

    Attributes:
        data: Which of its values are data, shown by type, dtype and shape instead of by
            attributes: those with a `shape`, or all.
        identity: The module whose `RULES` are those of its types, by package and class.
            The module is imported for the first value of such a type; empty: no rule is
            needed.
    """

    data: Literal["all", "shaped", "none"] = "none"
    identity: str = ""


_IDENTITY = "pytest_mimic._core.identity"

# By the top-level package of the types.
LIBRARIES: dict[str, Library] = {
    "PIL": Library("all", f"{_IDENTITY}.images"),
    "awkward": Library(identity=f"{_IDENTITY}.library_objects"),
    "google": Library(identity=f"{_IDENTITY}.library_objects"),
    "numba": Library(identity=f"{_IDENTITY}.library_objects"),
    "numpy": Library("shaped", f"{_IDENTITY}.arrays"),
    "pandas": Library("shaped", f"{_IDENTITY}.tables"),
    "pendulum": Library(identity=f"{_IDENTITY}.library_objects"),
    "polars": Library("all", f"{_IDENTITY}.tables"),
    "pyarrow": Library("all", f"{_IDENTITY}.tables"),
    "rdkit": Library(identity=f"{_IDENTITY}.library_objects"),
    "scipy": Library("shaped", f"{_IDENTITY}.arrays"),
    "sqlalchemy": Library(),
    "torch": Library("shaped", f"{_IDENTITY}.tensors"),
    "xarray": Library(identity=f"{_IDENTITY}.datasets"),
}


def library_of(kind: type) -> str | None:
    """Return the package of the library that a type comes from.

    None: its values are not data.
    """
    for base in kind.__mro__:
        top = str(base.__module__).partition(".")[0]
        row = LIBRARIES.get(top)
        if row is None or row.data == "none":
            continue
        if base is kind or row.data == "all" or hasattr(base, "shape"):
            return top
    return None


# Types whose values have no extent but one text.
_SCALARS = frozenset({"numpy.dtype", "numpy.generic"})


def is_data(value: object) -> bool:
    """Return whether a value is a library's data.

    Data has a shape, a length or fields rather than one text.
    """
    kind = type(value)
    if library_of(kind) is None:
        return False
    names = lineage(kind)
    is_scalar = not _SCALARS.isdisjoint(names)
    has_fields = "numpy.void" in names
    if is_scalar and not has_fields:
        return False
    return any(hasattr(kind, name) for name in ("shape", "size", "__len__"))


# The full names of types by the words for them. A type also has the words of its bases.
# All but a few have no identity, see `REFUSED`. Some exist twice, in C and in Python.
_TYPES_BY_WORDS: dict[str, tuple[str, ...]] = {
    # SQLAlchemy caches the uses of such an object, and names its parts by addresses in
    # memory.
    "SQL in objects of SQLAlchemy": ("sqlalchemy.sql.elements.ClauseElement",),
    "a bare object()": ("builtins.object",),
    "a coroutine": ("builtins.coroutine",),
    "a database connection": ("sqlite3.Connection",),
    "a database cursor": ("sqlite3.Cursor",),
    "a future": (
        "_asyncio.Future",
        "asyncio.futures.Future",
        "concurrent.futures._base.Future",
    ),
    "a generator": ("builtins.generator",),
    "a memoryview": ("builtins.memoryview",),
    "a module": ("builtins.module",),
    "a process": ("subprocess.Popen",),
    "a socket": ("_socket.socket", "socket.socket"),
    "a stack frame of a traceback": ("traceback.FrameSummary",),
    "a syntax tree": ("ast.AST",),
    "a task": ("_asyncio.Task",),
    "a thread": ("threading.Thread",),
    "a thread lock": ("_thread.RLock", "_thread.lock"),
    "a thread-local object": ("_thread._local", "_thread._localdummy"),
    "a traceback": ("builtins.traceback",),
    # The last three names are those up to Python 3.10.
    "a weak reference": (
        "weakref.CallableProxyType",
        "weakref.ProxyType",
        "weakref.ReferenceType",
        "builtins.weakcallableproxy",
        "builtins.weakproxy",
        "builtins.weakref",
    ),
    "an async generator": ("builtins.async_generator",),
    "an asyncio lock or queue": ("asyncio.mixins._LoopBoundMixin",),
    "an event loop": ("asyncio.events.AbstractEventLoop",),
    "an executor": ("concurrent.futures._base.Executor",),
    "an open file": (
        "_io._IOBase",
        "tempfile.SpooledTemporaryFile",
        "tempfile._TemporaryFileWrapper",
    ),
}
WORDS_BY_TYPE: dict[str, str] = {}
for _words, _type_names in _TYPES_BY_WORDS.items():
    WORDS_BY_TYPE |= dict.fromkeys(_type_names, _words)
#: The types without identity: those that have words, but three.
REFUSED = frozenset(WORDS_BY_TYPE) - {
    "builtins.memoryview",
    "builtins.module",
    "builtins.object",
}


def words_for(kind: type) -> str | None:
    """Return what people call an object of a type.

    None: no table lists the type or a base of it.
    """
    # Every class derives from object, which says nothing about the others.
    for base in kind.__mro__[:-1] or (object,):
        words = WORDS_BY_TYPE.get(full_name(base))
        if words is not None:
            return words
    return None


# Streams, and generators of random numbers: a call that uses one changes it.
_STREAMS = (
    "_io._IOBase",
    "_random.Random",
    "numpy.random.bit_generator.BitGenerator",
    "numpy.random._generator.Generator",
    "numpy.random.mtrand.RandomState",
    "tempfile.SpooledTemporaryFile",
    "tempfile._TemporaryFileWrapper",
    "torch._C.Generator",
    "torch.Generator",
)


def is_stream(value: object) -> bool:
    """Return whether a value is a stream, an iterator, or makes random numbers.

    Calls that differ only in such a value would become one call if it were left out.
    """
    kind = type(value)
    is_iterator = hasattr(kind, "__next__") and hasattr(kind, "__iter__")
    return is_iterator or not set(_STREAMS).isdisjoint(lineage(kind))


def human_name(kind: type) -> str:
    """Return what people call an object of a type, whether it is listed or not."""
    return words_for(kind) or f"an object of {kind.__module__}.{kind.__qualname__}"


def refuse(value: object) -> object:
    """Raise Unstable. This is the `reduce` of types without identity."""
    raise Unstable(human_name(type(value)), type(value))
