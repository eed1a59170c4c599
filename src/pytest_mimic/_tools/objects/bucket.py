"""Objects in a bucket: whole or not at all, with retries, and with errors that name what to do next."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mimic._tools.objects.stores import (
    failure,
    is_absent,
    is_missing,
    library,
    open_store,
    tries_after,
)
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.object_place import RemotePlace

_T = TypeVar("_T")
_CHUNK = 1 << 20
# The longest pause before another attempt, in seconds.
_MOST = 10.0
# The slowest upload that is waited for, in bytes a second: the answer comes when the last byte was sent.
_SLOWEST = 100_000


class Bucket:
    """The objects under the URL of a place. Any number of threads may use one.

    After `timeout` seconds without an answer a request fails, for good. After `pause` seconds one that the store refused
    is made again; they double each time.
    """

    def __init__(self, place: RemotePlace, *, timeout: float = 10.0, pause: float = 0.1) -> None:
        self.place = place
        self._timeout = timeout
        self._pause = pause
        self._lock = Lock()
        self._stores: dict[float, Any] = {}

    def check(self) -> None:
        """Make sure that there is a bucket: the size of a single key does not tell.

        RemoteError: There is none, or it cannot be read.
        """
        key = "no-such-object"
        with suppress(FileNotFoundError):
            self._repeat("read", key, lambda: library(self.place).get(self._reader(), key), may_miss=True)

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if there is no such key."""

        def act() -> int:
            answer = library(self.place).head(self._reader(), key)
            _check_answer(answer)
            return int(answer["size"])

        try:
            return self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return None

    def download(self, key: str, path: Path) -> bool:
        """Write an object to a local file; return False if there is no such key. A failure leaves no file."""

        def act() -> None:
            answer = library(self.place).get(self._reader(), key)
            _check_answer(answer.meta)
            try:
                _write(path, answer)
            except BaseException:
                path.unlink(missing_ok=True)
                raise

        try:
            self._repeat("read", key, act, may_miss=True)
        except FileNotFoundError:
            return False
        return True

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless its key exists; return False if it does, or if an answer was lost.

        A store that refuses conditional writes gets a plain one.
        """
        obstore = library(self.place)
        # In one request, as a condition holds for one.
        store = self._opened(self._timeout + (1 << len(data).bit_length()) / _SLOWEST)
        mode = "create"

        def act() -> bool:
            nonlocal mode
            try:
                obstore.put(store, key, data, mode=mode, use_multipart=False)
            except obstore.exceptions.AlreadyExistsError:
                return False
            except Exception as reason:
                if mode != "create" or "status code: 501" not in str(reason):
                    raise
                mode = "overwrite"
                return act()
            return True

        return self._repeat("write", key, act)

    def _reader(self) -> Any:
        if is_absent(self.place):
            raise FileNotFoundError(self.place.prefix)
        return self._opened(self._timeout)

    def _opened(self, seconds: float) -> Any:
        """Return obstore's store whose requests fail after some seconds."""
        with self._lock:
            if seconds not in self._stores:
                self._stores[seconds] = open_store(self.place, timeout=seconds)
            return self._stores[seconds]

    def _repeat(self, do: str, key: str, act: Callable[[], _T], *, may_miss: bool = False) -> _T:
        """Return the result of a request, which is repeated while its failure may pass; `do` is its verb in errors.

        With `may_miss`, FileNotFoundError says that there is no such object. Otherwise, it is an error.
        """
        attempt = 0
        while True:
            try:
                return act()
            except MimicError:
                raise
            except Exception as reason:
                if may_miss and is_missing(reason):
                    raise
                attempt += 1
                if attempt >= tries_after(reason):
                    raise failure(reason, do, key, self.place) from None
                from random import SystemRandom

                sleep(min(self._pause * 2**attempt, _MOST) * SystemRandom().uniform(0.5, 1))


def _check_answer(meta: Any) -> None:
    """Raise an error if an answer is the login page of a network: only a store gives an ETag."""
    if not meta["e_tag"]:
        raise LookupError("an object without an ETag")


def _write(path: Path, answer: Any) -> None:
    """Write an answer to a file. EOFError: it is shorter than it says."""
    done, size = 0, answer.meta["size"]
    try:
        with path.open("wb") as file:
            for chunk in answer.stream(min_chunk_size=_CHUNK):
                done += file.write(chunk)
    except OSError as reason:
        if reason.filename is None and reason.errno is None:  # of obstore
            raise
        cause = reason.strerror or str(reason)
        raise MimicError(f"cannot write {path}: {cause}", path=str(path), cause=cause) from None
    if done != size:
        raise EOFError(f"{done:,} of {size:,} bytes")
