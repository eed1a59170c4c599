"""A value without identity: what it is, in words, and where inside the value it stands."""

from __future__ import annotations

HUMAN = {
    "_thread.lock": "a thread lock",
    "_thread.RLock": "a thread lock",
    "_thread._local": "a thread-local object",
    "_thread._localdummy": "a thread-local object",
    "threading.Thread": "a thread",
    "socket.socket": "a socket",
    "_socket.socket": "a socket",
    "ssl.SSLContext": "an SSL context",
    "_ssl._SSLContext": "an SSL context",
    "subprocess.Popen": "a process",
    "_io.TextIOWrapper": "an open file",
    "_io.BufferedReader": "an open file",
    "_io.BufferedWriter": "an open file",
    "_io.BufferedRandom": "an open file",
    "_io.BufferedRWPair": "an open file",
    "_io.FileIO": "an open file",
    "io.IOBase": "an open file",
    "_io._IOBase": "an open file",
    "tempfile.SpooledTemporaryFile": "an open file",
    "tempfile._TemporaryFileWrapper": "an open file",
    "builtins.generator": "a generator",
    "builtins.async_generator": "an async generator",
    "builtins.coroutine": "a coroutine",
    "builtins.object": "a bare object()",
    "builtins.frame": "a stack frame",
    "builtins.traceback": "a traceback",
    "builtins.code": "a code object",
    "builtins.cell": "a closure cell",
    "weakref.ReferenceType": "a weak reference",
    "weakref.ProxyType": "a weak reference",
    "weakref.CallableProxyType": "a weak reference",
    "builtins.weakref": "a weak reference",
    "builtins.weakproxy": "a weak reference",
    "builtins.weakcallableproxy": "a weak reference",
    "_contextvars.ContextVar": "a context variable",
    "_contextvars.Context": "a context",
    "_asyncio.Future": "a future",
    "_asyncio.Task": "a task",
    "asyncio.events.AbstractEventLoop": "an event loop",
    "concurrent.futures._base.Future": "a future",
    "concurrent.futures._base.Executor": "an executor",
    "sqlite3.Connection": "a database connection",
    "sqlite3.Cursor": "a database cursor",
    "asyncio.futures.Future": "a future",
    "asyncio.mixins._LoopBoundMixin": "an asyncio lock or queue",
    "multiprocessing.synchronize.SemLock": "a lock between processes",
    "multiprocessing.queues.Queue": "a queue between processes",
    "mmap.mmap": "a memory map",
    "sqlalchemy.sql.elements.ClauseElement": "SQL in objects of SQLAlchemy",
    "select.epoll": "a selector",
}


class Unstable(TypeError):  # noqa: N818 - it becomes an UnstableIdentityError with the call's facts
    """A value has no stable identity.

    Attributes:
        type_name: What it is, in words: `a thread lock`.
        kind: Its type.
        path: Where it stands, like `config.clients[2]._lock`; empty until it is known.
        owner: The type of the nearest object around it that a user may have written.
    """

    def __init__(self, type_name: str, kind: type, path: str = "", owner: type | None = None) -> None:
        super().__init__(f"{path or 'the value'} has no stable identity: {type_name}")
        self.type_name = type_name
        self.kind = kind
        self.path = path
        self.owner = owner


def full_name(type_: type) -> str:
    """The dotted name under which the tables of this package list a type."""
    return f"{type_.__module__}.{type_.__qualname__}"


def human_name(type_: type) -> str:
    """What an object of this type is, in words."""
    for base in type_.__mro__[:-1] if type_ is not object else (object,):
        name = HUMAN.get(full_name(base))
        if name is not None:
            return name
    return f"an object of {type_.__module__}.{type_.__qualname__}"


def refuse(value: object) -> object:
    """Stands for the values of a type that has no identity.

    Raises:
        Unstable: Always.
    """
    raise Unstable(human_name(type(value)), type(value))
