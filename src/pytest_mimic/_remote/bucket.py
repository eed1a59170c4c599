"""Objects in a bucket: whole or not at all, with retries, and with errors that name what to do next."""

# All functions of `os` are bound here, because a test may have replaced them.
# ruff: noqa: PTH108
from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from os import close, fstat, getpid, read, unlink, write
from os import open as open_file
from random import SystemRandom
from threading import Lock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.failures import RemoteError, cannot, failure, is_missing, is_passing
from pytest_mimic._remote.stores import is_absent, library, open_store
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._remote.place import RemotePlace

__all__ = ["Bucket", "RemoteError"]
__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_T = TypeVar("_T")
# Requests of one `get_many` at a time.
_PARALLEL = 16
_CHUNK = 1 << 20
# Files above this size, in bytes, are sent in parts of this size.
_PART = 5 << 20
# The most keys in one request, in lists and in deletions of S3.
_PAGE = 1000
# The attempts at a request that obstore does not repeat by itself, and the longest first pause in seconds.
_TRIES = 5
_PAUSE = 0.1
_random = SystemRandom()  # the test's own seed must not give each worker the same pauses


class Bucket:
    """The objects under the URL of a place. Any number of threads may use one, and forked children as well.

    Attributes:
        requests: The requests by verb. Repetitions by obstore are not in it.
        bytes_in: The bytes of the objects that were read.
        bytes_out: The bytes of the objects that were written.
    """

    def __init__(self, place: RemotePlace, *, timeout: float = 30.0) -> None:
        self.place = place
        self.timeout = timeout
        self.requests: Counter[str] = Counter()
        self.bytes_in = 0
        self.bytes_out = 0
        self._pid = getpid()
        self._lock = Lock()
        self._stores: tuple[Any, Any] | None = None

    @outside_event_loop
    def open(self) -> None:
        """Read credentials and settings from the environment now, before a test changes it; make no request."""
        self._opened()

    @outside_event_loop
    def get(self, key: str) -> bytes | None:
        """Return the content of an object, or None if there is no such key."""
        obstore = library(self.place)

        def act() -> bytes:
            self._count("get")
            answer = obstore.get(self._reader(), key)
            self._check_answer(answer.meta)
            return bytes(answer.bytes())

        try:
            data = self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return None
        self._count(received=len(data))
        return data

    def get_many(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield each key with its content or None, reading many at a time."""
        from concurrent.futures import Future, ThreadPoolExecutor

        wait: Callable[[Future[bytes | None]], bytes | None] = outside_event_loop(Future.result)
        pool = ThreadPoolExecutor(min(_PARALLEL, len(keys) or 1), "mimic-bucket")
        waiting: deque[tuple[str, Future[bytes | None]]] = deque()
        try:
            for key in keys:
                waiting.append((key, pool.submit(self.get, key)))
                if len(waiting) > 2 * _PARALLEL:  # results wait in memory
                    first, future = waiting.popleft()
                    yield first, wait(future)
            while waiting:
                first, future = waiting.popleft()
                yield first, wait(future)
        finally:
            outside_event_loop(pool.shutdown)(cancel_futures=True)

    @outside_event_loop
    def download(self, key: str, path: str) -> bool:
        """Write an object to a new local file; return False if there is no such key. A failure leaves no file."""
        obstore = library(self.place)

        def act() -> int:
            self._count("get")
            answer = obstore.get(self._reader(), key)
            self._check_answer(answer.meta)
            file = _open_local(path, _WRITE)
            try:
                try:
                    done = 0
                    for chunk in answer.stream(min_chunk_size=_CHUNK):
                        done += len(chunk)
                        _write_all(file, path, chunk)
                finally:
                    close(file)
                if done != answer.meta["size"]:
                    raise EOFError(f"{done:,} of {answer.meta['size']:,} bytes")
            except BaseException:
                with suppress(OSError):
                    unlink(path)
                raise
            return done

        try:
            self._count(received=self._repeat("read", key, act, may_miss=True))
        except FileNotFoundError:
            return False
        return True

    @outside_event_loop
    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless its key exists; return False if it does.

        Give each writer data of its own: if an answer was lost, an object with exactly this data counts as created by
        this call.
        """
        obstore = library(self.place)

        tries = 0

        def act() -> bool:
            nonlocal tries
            tries += 1
            self._count("put")
            try:
                obstore.put(self._writer(repeats=False), key, data, mode="create", use_multipart=False)
            except obstore.exceptions.AlreadyExistsError as reason:
                if "409 Conflict" in str(reason):  # S3: another conditional write is under way
                    raise
                return False
            return True

        created = self._repeat("write", key, act)
        if not created and tries > 1 and self.get(key) == data:
            created = True
        self._count(sent=len(data) if created else 0)
        return created

    @outside_event_loop
    def put(self, key: str, data: bytes) -> None:
        """Write an object, over one of the same key."""
        obstore = library(self.place)

        def act() -> None:
            self._count("put")
            obstore.put(self._writer(), key, data, use_multipart=False)

        self._repeat("write", key, act)
        self._count(sent=len(data))

    @outside_event_loop
    def upload(self, key: str, path: str) -> None:
        """Write a local file as an object, in parts if it is large. Give equal keys to equal content only."""
        obstore = library(self.place)

        def act() -> int:
            file = _open_local(path, _READ)
            try:
                size = fstat(file).st_size
                if size <= _PART:
                    self._count("put")
                    data = b"".join(_pieces(file))
                    obstore.put(self._writer(), key, data, use_multipart=False)
                    return len(data)
                self._count("put", -(-size // _PART) + 2)  # its start and its end are requests, too
                obstore.put(self._writer(), key, _pieces(file), chunk_size=_PART, max_concurrency=2)
                return size
            finally:
                close(file)

        self._count(sent=self._repeat("write", key, act))

    @outside_event_loop
    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects. Absent ones are no error."""
        obstore = library(self.place)

        def act(some: str | list[str]) -> None:
            self._count("delete")
            obstore.delete(self._reader(), some)

        keys = list(keys)
        if self.place.scheme == "s3":
            for start in range(0, len(keys), _PAGE):
                some = keys[start : start + _PAGE]
                self._repeat("delete", some[0], partial(act, some))
            return
        for key in keys:
            with suppress(FileNotFoundError):
                self._repeat("delete", key, partial(act, key), may_miss=True)

    @outside_event_loop
    def list(self, prefix: str, *, after: str = "") -> list[tuple[str, int, datetime]]:
        """Return key, size in bytes and time of each object whose key starts with a prefix, sorted by key.

        Args:
            prefix: A folder, such as `state/`, or the start of longer keys, such as `state/new-`.
            after: Only keys that sort after this one.
        """
        obstore = library(self.place)
        folder, _, start = prefix.rpartition("/")
        after = max(after, prefix if start else "")

        def act() -> list[tuple[str, int, datetime]]:
            seen, found = 0, []
            for page in obstore.list(self._reader(), folder or None, offset=after or None, chunk_size=_PAGE):
                seen += len(page)
                found += [
                    (one["path"], one["size"], one["last_modified"])
                    for one in page
                    if one["path"].startswith(prefix)
                ]
                # Servers list in order, folders do not.
                if self.place.scheme != "file" and not page[-1]["path"].startswith(prefix):
                    break
            self._count("list", max(1, -(-seen // _PAGE)))
            if not seen:
                self._check_empty()
            return sorted(found)

        try:
            return self._repeat("list", prefix, act, may_miss=True)
        except FileNotFoundError:  # a local folder that nobody has written to yet
            return []

    @outside_event_loop
    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if there is no such key."""
        obstore = library(self.place)

        def act() -> int:
            self._count("head")
            answer = obstore.head(self._reader(), key)
            self._check_answer(answer)
            return int(answer["size"])

        try:
            return self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return None

    def _check_answer(self, meta: Any) -> None:
        """Raise an error if an answer is the login page of a network: only a store gives an ETag."""
        if not meta["e_tag"]:
            raise LookupError("an object without an ETag")

    def _check_empty(self) -> None:
        """Raise an error if an empty list came from a server that answers each request with a page."""
        if self.place.scheme != "file":
            self._count("head")
            with suppress(FileNotFoundError):
                self._check_answer(library(self.place).head(self._reader(), "no-such-object"))

    def _opened(self) -> tuple[Any, Any]:
        """Return obstore's stores: one that repeats requests, and one that makes each request once."""
        if self._stores is None:
            with self._lock:
                if self._stores is None:
                    self._stores = (
                        open_store(self.place, timeout=self.timeout, repeats=True),
                        open_store(self.place, timeout=self.timeout, repeats=False),
                    )
        return self._stores

    def _reader(self) -> Any:
        if is_absent(self.place):
            raise FileNotFoundError(self.place.prefix)
        return self._opened()[0]

    def _writer(self, *, repeats: bool = True) -> Any:
        return self._opened()[0 if repeats else 1]

    def _repeat(self, do: str, key: str, act: Callable[[], _T], *, may_miss: bool = False) -> _T:
        """Return the result of an action, which is repeated while its failure may pass.

        With `may_miss`, FileNotFoundError says that there is no such object.
        """
        end = monotonic() + 2 * self.timeout
        for attempt in range(1, _TRIES + 1):
            try:
                return act()
            except MimicError:
                raise
            except Exception as reason:
                if may_miss and is_missing(reason):
                    raise
                error = failure(reason, do, key, self.place)
                pause = _random.uniform(0, _PAUSE * 2**attempt)
                if attempt == _TRIES or monotonic() + pause >= end or not is_passing(reason):
                    raise error from None
                sleep(pause)
        raise AssertionError

    def _count(self, verb: str = "", number: int = 1, *, received: int = 0, sent: int = 0) -> None:
        with self._lock:
            if verb:
                self.requests[verb] += number
            self.bytes_in += received
            self.bytes_out += sent


_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_READ = os.O_RDONLY | _BINARY
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY


def _pieces(file: int) -> Iterator[bytes]:
    return iter(lambda: read(file, _CHUNK), b"")


def _open_local(path: str, flags: int) -> int:
    try:
        return open_file(path, flags, 0o666)
    except OSError as reason:
        raise cannot("read" if flags == _READ else "write", path, reason) from None


def _write_all(file: int, path: str, data: Any) -> None:
    view = memoryview(data)
    try:
        while view:  # the system may write less than it was given
            view = view[write(file, view) :]
    except OSError as reason:
        raise cannot("write", path, reason) from None
