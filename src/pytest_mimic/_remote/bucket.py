"""Objects in a bucket: whole or not at all, with retries, and with errors that name what to do next."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial, wraps
from os import getpid
from threading import Lock
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pytest_mimic._event_loop import outside_event_loop
from pytest_mimic._remote.failures import is_conflict
from pytest_mimic._remote.forked import FreshProcesses
from pytest_mimic._remote.local_files import (
    READ,
    WRITE,
    close,
    file_size,
    open_local,
    pieces,
    unlink,
    write_all,
)
from pytest_mimic._remote.repeating import Outage, repeat
from pytest_mimic._remote.stores import is_absent, library, open_stores
from pytest_mimic.errors import RemoteError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from pytest_mimic._remote.place import RemotePlace


__tracebackhide__ = True  # pytest leaves this module out of tracebacks

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Requests of one `get_many` at a time.
_PARALLEL = 16
_CHUNK = 1 << 20
# Files above this size, in bytes, are sent in parts of this size.
_PART = 5 << 20
# The most keys in one request, in lists and in deletions of S3.
_PAGE = 1000


def _request(method: Callable[Concatenate[Bucket, _P], _T]) -> Callable[Concatenate[Bucket, _P], _T]:
    """Return a method that runs outside the event loop; in a forked child, in a fresh process."""

    @outside_event_loop
    @wraps(method)
    def act(self: Bucket, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        self._outage.check()
        try:
            if getpid() == self._pid:
                return method(self, *args, **kwargs)
            result: _T = self._fresh.call(method.__name__, args, kwargs)
            return result
        except RemoteError as error:
            self._outage.note(error)
            raise

    return act


class Bucket:
    """The objects under the URL of a place. Any number of threads may use one, and forked children as well.

    After a request without an answer, the others fail at once.

    Attributes:
        requests: The requests by verb. Repetitions by obstore are not in it.
    """

    def __init__(self, place: RemotePlace, *, timeout: float = 30.0) -> None:
        self.place = place
        self.timeout = timeout
        self.requests: Counter[str] = Counter()
        self._pid = getpid()
        self._fresh = FreshProcesses(place, timeout=timeout)
        self._lock = Lock()
        self._outage = Outage()
        self._stores: tuple[Any, Any] | None = None

    @_request
    def open(self) -> None:
        """Read credentials and settings from the environment now, before a test changes it; make no request."""
        self._opened()

    @_request
    def get(self, key: str) -> bytes | None:
        """Return the content of an object, or None if there is no such key."""
        obstore = library(self.place)

        def act() -> bytes:
            self._count("get")
            answer = obstore.get(self._reader(), key)
            self._check_answer(answer.meta)
            return bytes(answer.bytes())

        try:
            return self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return None

    def get_many(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield each key with its content or None, reading many at a time."""
        from concurrent.futures import Future

        wait: Callable[[Future[bytes | None]], bytes | None] = outside_event_loop(Future.result)
        pool = self._pool(keys)
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

    @_request
    def download(self, key: str, path: str) -> bool:
        """Write an object to a new local file; return False if there is no such key. A failure leaves no file."""
        obstore = library(self.place)

        def act() -> None:
            self._count("get")
            answer = obstore.get(self._reader(), key)
            self._check_answer(answer.meta)
            file = open_local(path, WRITE)
            try:
                try:
                    done = 0
                    for chunk in answer.stream(min_chunk_size=_CHUNK):
                        done += len(chunk)
                        write_all(file, path, chunk)
                finally:
                    close(file)
                if done != answer.meta["size"]:
                    raise EOFError(f"{done:,} of {answer.meta['size']:,} bytes")
            except BaseException:
                with suppress(OSError):
                    unlink(path)
                raise

        try:
            self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return False
        return True

    @_request
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
                if is_conflict(reason):
                    raise
                return False
            return True

        created = self._repeat("write", key, act)
        return created or (tries > 1 and self.get(key) == data)

    @_request
    def put(self, key: str, data: bytes) -> None:
        """Write an object, over one of the same key."""
        obstore = library(self.place)

        def act() -> None:
            self._count("put")
            obstore.put(self._writer(), key, data, use_multipart=False)

        self._repeat("write", key, act)

    @_request
    def upload(self, key: str, path: str) -> None:
        """Write a local file as an object, in parts if it is large. Give equal keys to equal content only."""
        obstore = library(self.place)

        def act() -> None:
            file = open_local(path, READ)
            try:
                size = file_size(file)
                if size <= _PART:
                    self._count("put")
                    data = b"".join(pieces(file))
                    obstore.put(self._writer(), key, data, use_multipart=False)
                else:
                    self._count("put", -(-size // _PART) + 2)  # its start and its end are requests, too
                    obstore.put(self._writer(), key, pieces(file), chunk_size=_PART, max_concurrency=2)
            finally:
                close(file)

        self._repeat("write", key, act)

    @_request
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

        def delete(key: str) -> None:
            with suppress(FileNotFoundError):
                self._repeat("delete", key, partial(act, key), may_miss=True)

        with self._pool(keys) as pool:
            list(pool.map(delete, keys))

    @_request
    def list(self, prefix: str, *, after: str = "", checks: bool = True) -> list[tuple[str, int, datetime]]:
        """Return key, size in bytes and time of each object whose key starts with a prefix, sorted by key.

        Args:
            prefix: A folder, such as `state/`, or the start of longer keys, such as `state/new-`.
            after: Only keys that sort after this one.
            checks: Whether to make sure that an empty list is the answer of a store.
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
                    if one["path"].startswith(prefix) and one["path"] > after
                ]
                last = page[-1]["path"]
                # Servers list in order, folders do not.
                if self.place.scheme != "file" and last > prefix and not last.startswith(prefix):
                    break
            self._count("list", max(1, -(-seen // _PAGE)))
            if not seen and checks:
                self._check_empty()
            return sorted(found)

        try:
            return self._repeat("read", prefix, act, may_miss=True)
        except FileNotFoundError:  # a local folder that nobody has written to yet
            return []

    @_request
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
                    self._stores = open_stores(self.place, timeout=self.timeout)
        return self._stores

    def _reader(self) -> Any:
        if is_absent(self.place):
            raise FileNotFoundError(self.place.prefix)
        return self._opened()[0]

    def _writer(self, *, repeats: bool = True) -> Any:
        return self._opened()[0 if repeats else 1]

    def _repeat(self, do: str, key: str, act: Callable[[], _T], *, may_miss: bool = False) -> _T:
        return repeat(act, do, key, place=self.place, seconds=2 * self.timeout, may_miss=may_miss)

    def _pool(self, keys: Sequence[str]) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(min(_PARALLEL, len(keys) or 1), "mimic-bucket")

    def _count(self, verb: str, number: int = 1) -> None:
        with self._lock:
            self.requests[verb] += number
