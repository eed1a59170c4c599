"""The words that people use for types and their objects, and what is a stream.

Messages call an object `an open file`, and a class `shop.models:Rate`.

Most types with words of their own have no identity: `refuse` is their rule.
"""

from __future__ import annotations

from pytest_mimic._core.types.libraries import LIBRARIES
from pytest_mimic._core.types.reductions import Unstable
from pytest_mimic._core.types.type_names import full_name, is_stdlib, lineage

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
# Streams, and generators of random numbers: a call that uses one changes it.
_TYPES_OF_STREAMS = (
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


def words_for(type_: type) -> str | None:
    """Return what people call an object of a type.

    The errors for an argument without an identity, and for an outcome that cannot be
    stored, say it. None: no table lists the type or a base of it.
    """
    # Every class derives from object, which says nothing about the others.
    for base in type_.__mro__[:-1] or (object,):
        words = WORDS_BY_TYPE.get(full_name(base))
        if words is not None:
            return words
    return None


def is_stream(value: object) -> bool:
    """Return whether a value is a stream, an iterator, or makes random numbers.

    The error for an argument that a call has changed asks it. Calls that differ only in
    such a value would become one call if `ignore=` left it out.
    """
    type_ = type(value)
    is_iterator = hasattr(type_, "__next__") and hasattr(type_, "__iter__")
    return is_iterator or not set(_TYPES_OF_STREAMS).isdisjoint(lineage(type_))


def human_name(type_: type) -> str:
    """Return what people call an object of a type, whether it is listed or not.

    The refusal of an identity says it.
    """
    return words_for(type_) or f"an object of {type_.__module__}.{type_.__qualname__}"


def shown_type_name(type_: type) -> str:
    """Return the name of a class for people, as in a description or a difference.

    | class | name |
    |---|---|
    | of the standard library | `OrderedDict` |
    | of a library that moves its classes from version to version | `pandas:Index` |
    | any other | `shop.models:Rate` |

    Identities know a class by `reductions.type_tag`, and outcomes by
    `type_names.name_of`, so that no identity depends on this name.
    """
    module = str(type_.__module__)
    if is_stdlib(module):
        return type_.__qualname__
    package = module.partition(".")[0]
    if package in LIBRARIES:
        return f"{package}:{type_.__qualname__}"
    return f"{module}:{type_.__qualname__}"


def refuse(value: object) -> object:
    """Raise Unstable. This is the `reduce` of types without identity."""
    raise Unstable(human_name(type(value)), type(value))
