"""Writes loose recordings to a bucket. What cannot be sent stays on this machine until it can."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._remote.clock import Clock
from pytest_mimic._remote.keys import FORMAT_FILE, large_key, loose_key
from pytest_mimic._remote.packs import LARGE, Content, Linked, Pack, compress, encode_pack
from pytest_mimic._remote.ulids import new_ulid, ulid_after
from pytest_mimic._vault.clearing import references
from pytest_mimic.errors import MimicError, RemoteError

if TYPE_CHECKING:
    from pytest_mimic._remote.bucket import Bucket
    from pytest_mimic._remote.cache import Cache
    from pytest_mimic._vault.store import Data

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

# Loose recordings of one process, before it puts them into packs.
_DUE = 500
# After a store could not be reached, nothing is sent to it for so many seconds.
_PAUSE = 60.0
# Loose recordings that newer ones have replaced, before they are deleted together. Other machines may be about to read
# them.
_REPLACED = 50


class LooseWriter:
    """Writes the recordings of one process.

    Args:
        bucket: Where they go.
        cache: Keeps what cannot be sent.
        note: Takes a sentence for the summary.

    Attributes:
        has_written: Whether a recording was written or deleted.
    """

    def __init__(self, bucket: Bucket, cache: Cache, note: Callable[[str], object]) -> None:
        self._bucket = bucket
        self._cache = cache
        self._note = note
        self._own: dict[str, str] = {}
        self._replaced: list[str] = []
        self._sent: set[str] = set()
        self._count = 0
        self._resumes = 0.0
        self._is_conditional: bool | None = None
        self.has_written = False

    @property
    def is_due(self) -> bool:
        """Whether so many recordings are loose that they should be put into packs."""
        return self._count >= _DUE

    def folded(self) -> None:
        """Note that all loose recordings are in packs."""
        self._own.clear()
        self._replaced.clear()
        self._count = 0

    def restart(self) -> None:
        """Count the loose recordings from zero on."""
        self._count = 0

    @property
    def is_conditional(self) -> bool:
        """Whether the store refuses to create what exists. Only then machines can agree on a manifest."""
        if self._resumes > Clock.now():
            return False
        try:
            return self.find_conditional()
        except RemoteError as error:  # it cannot be reached or written now
            self._pause(error)
            return False

    def find_conditional(self) -> bool:
        """Return the same. RemoteError: it cannot be found out, as the store cannot be written now."""
        if self._is_conditional is None:
            content = b'{"format": 1}\n'
            try:
                # The first time creates the file; a store that ignores the condition creates it again. The blank tells
                # the second from the first if an answer is lost.
                is_new = self._bucket.create(FORMAT_FILE, content)
                self._is_conditional = not (is_new and self._bucket.create(FORMAT_FILE, content + b" "))
            except RemoteError as error:
                if error.reason != "unsupported":
                    what = error.what.replace(f"/{FORMAT_FILE}:", ":")  # which says nothing to a user
                    raise RemoteError(
                        what, remedies=error.remedies, reason=error.reason, url=error.url
                    ) from None
                self._is_conditional = False
            if not self._is_conditional:
                self._note(
                    f"{self._cache.path_of('').rstrip('/')} has no conditional writes: recordings are not put into packs,"
                    " and machines may run the same call at the same time"
                )
        return self._is_conditional

    # -- recordings

    def write(
        self, name: str, data: Data | None, objects: Mapping[str, Content], *, after: str
    ) -> tuple[str, Pack]:
        """Write a recording with the objects that it names; None deletes it. Return its key and its pack.

        Its ULID is greater than `after`: that of a deletion hardly, so that it deletes nothing that is not known here.
        If the store cannot be reached, the recording is kept on this machine.
        """
        content: Content = None if data is None else self.kept(data)
        members: list[tuple[str, Content]] = [(name, content)]
        text = data if isinstance(data, bytes) else b""
        members += [(one, objects[one]) for one in sorted(references(text)) if one in objects]
        ulid = ulid_after(after) if data is None else new_ulid(after=after)
        key = loose_key(name, ulid)
        stored = compress(encode_pack(members, {name: ulid}, mark=ulid))
        self.has_written = True
        self._count += 1
        is_sent = self._send(key, stored, members)
        if data is None and is_sent:
            self.drop_waiting({name: ulid})
        before = self._own.get(name, "")
        if before < key:  # else another thread has written a newer one
            self._own[name] = key
            if before:
                self._cache.unsent.drop(before)
                if is_sent:
                    self._replaced.append(before)
        if len(self._replaced) >= _REPLACED:
            self.drop_replaced()
        return key, self._cache.keep_loose(key, stored)

    def drop_replaced(self) -> None:
        """Delete the recordings that newer ones of this process have replaced."""
        keys, self._replaced = self._replaced, []
        if keys:
            with suppress(RemoteError):  # the newer ones count all the same
                self._bucket.delete(keys)

    def _send(self, key: str, stored: bytes, members: list[tuple[str, Content]]) -> bool:
        """Send a recording, or keep it on this machine if the store cannot be reached. Return whether it was sent."""
        if self._resumes <= Clock.now():
            try:
                self._send_objects(content for _, content in members)
                self._bucket.put(key, stored)
                return True
            except RemoteError as error:
                self._pause(error)
        self._cache.unsent.keep(key, stored)
        return False

    def _pause(self, error: RemoteError) -> None:
        """Send nothing for a while if the store cannot be reached: each call would wait for all the repetitions."""
        if error.reason == "unreachable":
            self._resumes = Clock.now() + _PAUSE

    # -- objects

    def kept(self, data: Data) -> Content:
        """Return content for a pack. If it is large, it is kept on this machine until its recording is written."""
        pieces = iter((data,) if isinstance(data, bytes) else data)
        first: list[Any] = []
        size = 0
        for piece in pieces:
            view = memoryview(piece).cast("B")
            first.append(bytes(view) if size + len(view) <= LARGE else view)
            size += len(view)
            if size > LARGE:
                return self._cache.unsent.keep_object(_chain(first, pieces))
        return b"".join(first)

    def _send_objects(self, contents: Iterable[Content]) -> None:
        """Send the large objects among these contents, once in a run.

        One that is in the store already is sent again if it is here: then it is new, and a machine that clears
        keeps it until it sees the recording that names it now.
        """
        for content in contents:
            if not isinstance(content, Linked):
                continue
            digest = content.sha256
            path = None if digest in self._sent else self._cache.object_path(content)
            if path is not None:
                try:
                    self._bucket.upload(large_key(digest), path)
                except MimicError as error:
                    # Another thread or process may have sent an equal one meanwhile, and moved the file.
                    if isinstance(error, RemoteError) or self._cache.object_path(content) == path:
                        raise
                self._sent.add(digest)
            self._cache.keep_object(digest)

    # -- what could not be sent

    def drop_waiting(self, deletions: Mapping[str, str]) -> None:
        """Drop the recordings that wait on this machine and were deleted, as they were at the given ULIDs."""
        for key, _, pack in self._cache.waiting():
            if all(ulid <= deletions.get(name, "") for name, ulid in pack.ulids.items()):
                self._cache.unsent.drop(key)

    def send_unsent(self) -> None:
        """Send the recordings that wait on this machine. RemoteError: not all could be sent; it says how many wait."""
        try:
            for key, stored, pack in self._cache.waiting():
                self._send_objects(pack.contents().values())
                self._bucket.put(key, stored)
                self._cache.unsent.drop(key)
                self.has_written = True
        except RemoteError as error:
            count = sum(1 for _ in self._cache.unsent)
            wait = "recording waits" if count == 1 else "recordings wait"
            what = f"{count} {wait} on this machine for a later run to send: {error.what}"
            raise RemoteError(what, remedies=error.remedies, reason=error.reason, url=error.url) from None
        self._cache.unsent.sweep()


def _chain(first: list[Any], rest: Iterator[Any]) -> Iterator[memoryview]:
    for piece in first:
        yield memoryview(piece).cast("B")
    for piece in rest:
        yield memoryview(piece).cast("B")
