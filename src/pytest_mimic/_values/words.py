"""Names that people use for types: "an open file", "a thread lock"."""

from __future__ import annotations

from pytest_mimic._values.libraries import LIBRARIES

# By `module.qualname` of the type or of one of its bases.
WORDS = {
    "_asyncio.Future": "a future",
    "_asyncio.Task": "a task",
    "_contextvars.Context": "a context",
    "_contextvars.ContextVar": "a context variable",
    "_io.BufferedRWPair": "an open file",
    "_io.BufferedRandom": "an open file",
    "_io.BufferedReader": "an open file",
    "_io.BufferedWriter": "an open file",
    "_io.FileIO": "an open file",
    "_io.TextIOWrapper": "an open file",
    "_io._IOBase": "an open file",
    "_socket.socket": "a socket",
    "_ssl._SSLContext": "an SSL context",
    "_thread.RLock": "a thread lock",
    "_thread._local": "a thread-local object",
    "_thread._localdummy": "a thread-local object",
    "_thread.lock": "a thread lock",
    "asyncio.events.AbstractEventLoop": "an event loop",
    "asyncio.futures.Future": "a future",
    "asyncio.mixins._LoopBoundMixin": "an asyncio lock or queue",
    "builtins.async_generator": "an async generator",
    "builtins.cell": "a closure cell",
    "builtins.code": "a code object",
    "builtins.coroutine": "a coroutine",
    "builtins.frame": "a stack frame",
    "builtins.generator": "a generator",
    "builtins.memoryview": "a memoryview",
    "builtins.module": "a module",
    "builtins.object": "a bare object()",
    "builtins.traceback": "a traceback",
    "builtins.weakcallableproxy": "a weak reference",
    "builtins.weakproxy": "a weak reference",
    "builtins.weakref": "a weak reference",
    "concurrent.futures._base.Executor": "an executor",
    "concurrent.futures._base.Future": "a future",
    "io.IOBase": "an open file",
    "mmap.mmap": "a memory map",
    "multiprocessing.queues.Queue": "a queue between processes",
    "multiprocessing.synchronize.SemLock": "a lock between processes",
    "select.epoll": "a selector",
    "socket.socket": "a socket",
    "sqlite3.Connection": "a database connection",
    "sqlite3.Cursor": "a database cursor",
    "ssl.SSLContext": "an SSL context",
    "subprocess.Popen": "a process",
    "tempfile.SpooledTemporaryFile": "an open file",
    "tempfile._TemporaryFileWrapper": "an open file",
    "threading.Thread": "a thread",
    "weakref.CallableProxyType": "a weak reference",
    "weakref.ProxyType": "a weak reference",
    "weakref.ReferenceType": "a weak reference",
}


def words_for(kind: type) -> str | None:
    """Return what people call an object of a type, or None where no table lists the type or its bases."""
    # Every class derives from object, which says nothing about the others.
    for base in kind.__mro__[:-1] or (object,):
        name = f"{base.__module__}.{base.__qualname__}"
        library = LIBRARIES.get(name.partition(".")[0])
        words = WORDS.get(name) or (library.words.get(name) if library else None)
        if words is not None:
            return words
    return None
