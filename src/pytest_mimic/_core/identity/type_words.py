"""Names that people use for types: "an open file", "a thread lock"."""

from __future__ import annotations

from pytest_mimic._core.identity.libraries import LIBRARIES

# The full names of types by their name for people. A type also has the name of its bases.
_NAMED = {
    "a bare object()": ("builtins.object",),
    "a closure cell": ("builtins.cell",),
    "a code object": ("builtins.code",),
    "a context variable": ("_contextvars.ContextVar",),
    "a context": ("_contextvars.Context",),
    "a coroutine": ("builtins.coroutine",),
    "a database connection": ("sqlite3.Connection",),
    "a database cursor": ("sqlite3.Cursor",),
    "a future": ("_asyncio.Future", "asyncio.futures.Future", "concurrent.futures._base.Future"),
    "a generator": ("builtins.generator",),
    "a lock between processes": ("multiprocessing.synchronize.SemLock",),
    "a memory map": ("mmap.mmap",),
    "a memoryview": ("builtins.memoryview",),
    "a module": ("builtins.module",),
    "a process": ("subprocess.Popen",),
    "a queue between processes": ("multiprocessing.queues.Queue",),
    "a selector": ("select.epoll",),
    "a socket": ("_socket.socket", "socket.socket"),
    "a stack frame": ("builtins.frame",),
    "a task": ("_asyncio.Task",),
    "a thread": ("threading.Thread",),
    "a thread lock": ("_thread.RLock", "_thread.lock"),
    "a thread-local object": ("_thread._local", "_thread._localdummy"),
    "a traceback": ("builtins.traceback",),
    "a weak reference": (
        "builtins.weakcallableproxy",  # these three up to Python 3.10
        "builtins.weakproxy",
        "builtins.weakref",
        "weakref.CallableProxyType",
        "weakref.ProxyType",
        "weakref.ReferenceType",
    ),
    "an SSL context": ("_ssl._SSLContext", "ssl.SSLContext"),
    "an async generator": ("builtins.async_generator",),
    "an asyncio lock or queue": ("asyncio.mixins._LoopBoundMixin",),
    "an event loop": ("asyncio.events.AbstractEventLoop",),
    "an executor": ("concurrent.futures._base.Executor",),
    "an open file": ("_io._IOBase", "tempfile.SpooledTemporaryFile", "tempfile._TemporaryFileWrapper"),
}
_WORDS = {kind: words for words, kinds in _NAMED.items() for kind in kinds}


def words_for(kind: type) -> str | None:
    """Return what people call an object of a type, or None where no table lists the type or its bases."""
    # Every class derives from object, which says nothing about the others.
    for base in kind.__mro__[:-1] or (object,):
        name = f"{base.__module__}.{base.__qualname__}"
        library = LIBRARIES.get(name.partition(".")[0])
        words = _WORDS.get(name) or (library.words.get(name) if library else None)
        if words is not None:
            return words
    return None
