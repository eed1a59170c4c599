"""The files of a vault in an object store: packs of recordings, and the manifest that lists them.

A pack is a line that names its format, a line of JSON that lists its members, and their bytes, all compressed by
zstd. A manifest is JSON, compressed as well. Both hold the format's number, and no file is ever changed.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, TypeAlias

from pytest_mimic._ambient import command, vault_command
from pytest_mimic._remote import checked
from pytest_mimic._remote.keys import pack_key
from pytest_mimic._vault.container import zstd_module
from pytest_mimic.errors import CorruptRecordingError, MimicError

__tracebackhide__ = True  # pytest leaves this module out of tracebacks

FORMAT = 1
#: Packs hold up to this many bytes, uncompressed.
PACK_SIZE = 1 << 20
#: Members from this size on, in bytes, are objects of their own in the store.
LARGE = 256 << 10
_START = b"pytest-mimic pack, format %d\n" % FORMAT
_ANY_START = b"pytest-mimic pack, format "
_LEVEL = 3
#: The most that a file may have, uncompressed, so that a small one cannot fill the memory.
MOST = 1 << 30


class Linked(NamedTuple):
    """A member whose bytes are an object of their own: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


Content: TypeAlias = "bytes | memoryview | Linked | None"
"""The content of a member. None: the recording was deleted."""


class Pack(NamedTuple):
    """The members of a pack by their names, in order.

    Attributes:
        members: Their places in `data`: the offset and the size.
        ulids: When each recording was written. Of two recordings with one name, the newer one counts.
        objects: The names of the objects that each recording names. Two recordings may name one.
    """

    members: dict[str, tuple[int, int] | Linked | None]
    ulids: dict[str, str]
    objects: dict[str, list[str]]
    data: memoryview

    def content(self, name: str) -> Content:
        """Return the content of a member. KeyError: the pack has no such member."""
        member = self.members[name]
        if member is None or isinstance(member, Linked):
            return member
        start, size = member
        return self.data[start : start + size]

    def contents(self) -> dict[str, Content]:
        """Return the contents of all members by name."""
        return {name: self.content(name) for name in self.members}

    @classmethod
    def parse(cls, plain: Any, path: str) -> Pack:
        """Read an uncompressed pack.

        Raises:
            CorruptRecordingError: It is no pack, or of a newer format. The error names `path`.
        """
        data = memoryview(plain)
        begin = bytes(data[: len(_START)])
        if begin != _START:
            raise newer(path) if begin.startswith(_ANY_START) else unsound(path, "not a pack")
        end = _line_end(data, len(_START))
        try:
            listed = json.loads(bytes(data[len(_START) : end]))["members"]
            members: dict[str, tuple[int, int] | Linked | None] = {}
            ulids: dict[str, str] = {}
            objects: dict[str, list[str]] = {}
            named: list[str] = []
            at = end + 1
            for name, size, ulid, digest in listed:
                if is_object_name(checked.name(name)):
                    named.append(name)
                else:
                    named = objects[name] = []
                    ulids[name] = checked.ulid(ulid)
                if digest:
                    members[name] = Linked(checked.number(size), checked.digest(digest))
                elif size is None:
                    members[name] = None
                else:
                    members[name] = (at, checked.number(size))
                    at += size
        except checked.WRONG_SHAPE:
            raise unsound(path, "no list of its members") from None
        if at != len(data):
            raise unsound(path, "another size")
        return cls(members, ulids, objects, data)


def encode_pack(contents: Iterable[tuple[str, Content]], ulids: Mapping[str, str], *, mark: str) -> bytes:
    """Return an uncompressed pack with these members. Its `mark` makes it another pack than any of equal members."""
    listed: list[tuple[str, int | None, str, str]] = []
    pieces: list[bytes | memoryview] = []
    for name, content in contents:
        ulid = ulids.get(name, "")
        if content is None:
            listed.append((name, None, ulid, ""))
        elif isinstance(content, Linked):
            listed.append((name, content.size, ulid, content.sha256))
        else:
            listed.append((name, len(content), ulid, ""))
            pieces.append(content)
    head = json.dumps({"mark": mark, "members": listed}, separators=(",", ":")).encode()
    return b"".join([_START, head, b"\n", *pieces])


def _line_end(data: memoryview, start: int) -> int:
    """Return the offset of the next line feed. JSON holds none within a line."""
    step, at = 1 << 16, start
    while at < len(data):
        found = bytes(data[at : at + step]).find(b"\n")
        if found >= 0:
            return at + found
        at += step
    return len(data)


class PackInfo(NamedTuple):
    """A pack as the manifest lists it.

    Attributes:
        first: The least name that it may hold. It holds all names up to the next pack's first one.
        sha256: The digest of the uncompressed pack, in hex.
        size, stored: Its bytes, uncompressed and in the store.
        recordings: The number of recordings and cassettes.
        bytes: The bytes of all members, also of those that are objects of their own.
    """

    first: str
    sha256: str
    size: int
    stored: int
    recordings: int
    bytes: int

    @property
    def key(self) -> str:
        """The key of its object in the store."""
        return pack_key(self.sha256)


class Manifest(NamedTuple):
    """The list of all packs.

    Attributes:
        generation: The number of the manifest. The newest one counts.
        packs: In the order of their names.
        folded: The keys of loose recordings that the packs hold. Readers ignore those that are not deleted yet.
        dropped: The digests of packs that are no longer used, each with the time of that
            in ISO 8601, by the store's clock.
    """

    generation: int = 0
    packs: tuple[PackInfo, ...] = ()
    folded: tuple[str, ...] = ()
    dropped: Mapping[str, str] = {}

    def pack_of(self, name: str) -> PackInfo | None:
        """Return the only pack that may hold a recording, or None if there is no pack."""
        return self.packs[self.index_of(name)] if self.packs else None

    def packs_under(self, prefix: str) -> tuple[PackInfo, ...]:
        """Return the packs that may hold names in the folder `prefix`."""
        if not prefix:
            return self.packs
        # "0" is the character after "/".
        return self.packs[self.index_of(f"{prefix}/") : self.index_of(f"{prefix}0") + 1]

    def index_of(self, name: str) -> int:
        """Return the place of the only pack that may hold a recording; 0 if there is no pack."""
        return max(bisect_right(self.packs, name, key=lambda info: info.first) - 1, 0)

    def encode(self) -> bytes:
        """Return the compressed manifest."""
        facts = {
            "format": FORMAT,
            "generation": self.generation,
            "packs": [list(info) for info in self.packs],
            "folded": self.folded,
            "dropped": dict(self.dropped),
        }
        return compress(json.dumps(facts, separators=(",", ":")).encode())

    @classmethod
    def decode(cls, stored: bytes, path: str) -> Manifest:
        """Read a compressed manifest.

        Raises:
            CorruptRecordingError: It is damaged, or of a newer format. The error names `path`.
        """
        try:
            facts = json.loads(decompress(stored, path))
            if facts["format"] != FORMAT:
                raise newer(path)
            packs = tuple(map(_checked_info, facts["packs"]))
            dropped = dict(facts["dropped"])
            for digest, time in dropped.items():
                checked.digest(digest)
                if time and datetime.fromisoformat(time).tzinfo is None:
                    raise ValueError(time)
            generation = checked.number(facts["generation"])
            return cls(generation, packs, tuple(map(checked.text, facts["folded"])), dropped)
        except checked.WRONG_SHAPE:
            raise unsound(path, "not a manifest") from None


def split(contents: Iterable[tuple[str, Content]]) -> Iterator[list[tuple[str, Content]]]:
    """Yield the contents in parts for packs of at most `PACK_SIZE` bytes and of similar size.

    Each item of `contents` is a recording, followed by the objects that it names, which stay with it.
    """
    groups = list(_grouped(contents))
    sizes = [sum(map(_weight, group)) for group in groups]
    count = -(-sum(sizes) // PACK_SIZE)
    limit = sum(sizes) / count if count else 0
    part: list[tuple[str, Content]] = []
    filled = 0
    for group, size in zip(groups, sizes, strict=True):
        if part and filled + size > limit:
            yield part
            part, filled = [], 0
        part += group
        filled += size
    if part:
        yield part


def _grouped(contents: Iterable[tuple[str, Content]]) -> Iterator[list[tuple[str, Content]]]:
    group: list[tuple[str, Content]] = []
    for name, content in contents:
        if group and not is_object_name(name):
            yield group
            group = []
        group.append((name, content))
    if group:
        yield group


def _weight(member: tuple[str, Content]) -> int:
    name, content = member
    return len(name) + (len(content) if isinstance(content, (bytes, memoryview)) else 64)


def size_of(content: Content) -> int:
    """Return the bytes of a content, 0 for a deleted recording."""
    return content.size if isinstance(content, Linked) else len(content or b"")


def is_object_name(name: str) -> bool:
    """Return whether a name is that of an object, and not of a recording or cassette."""
    return name.startswith("objects/")


def _checked_info(row: list[Any]) -> PackInfo:
    """Return a row of a manifest. One of `checked.WRONG_SHAPE`: it is none."""
    info = PackInfo(*row)
    checked.text(info.first)
    checked.digest(info.sha256)
    for number in info[2:]:
        checked.number(number)
    if info.size > MOST:
        raise ValueError(info.size)
    return info


def digest_of(data: Any) -> str:
    """Return the SHA-256 of bytes, in hex (FIPS 180-4)."""
    return sha256(data).hexdigest()


def compress(data: bytes) -> bytes:
    """Compress bytes by zstd (RFC 8878), with a checksum of the content."""
    module = zstd_module()
    options = {module.CompressionParameter.compression_level: _LEVEL}
    options[module.CompressionParameter.checksum_flag] = 1
    compressed: bytes = module.compress(data, options=options)
    return compressed


def decompress(data: bytes, path: str, *, size: int | None = None) -> bytes:
    """Decompress bytes. CorruptRecordingError: they are damaged, or not of the expected `size`."""
    module = zstd_module()
    decompressor = module.ZstdDecompressor()
    try:
        # One byte more than expected shows that there are more, without making all of them.
        plain: bytes = decompressor.decompress(data, MOST if size is None else size + 1)
    except module.ZstdError:
        raise unsound(path, "damaged") from None
    if not decompressor.eof or (size is not None and len(plain) != size):
        raise unsound(path, "another size")
    return plain


def unsound(path: str, detail: str) -> CorruptRecordingError:
    """Return the error for a file of the store that is not what was written there."""
    again = f"record again: {command('--mimic-record')}"
    if path.endswith(".pack"):
        again = f"remove it, and record again: {vault_command('verify', '--repair')}"
    elif "/manifest/" in path:
        again = f"make it again from the packs: {vault_command('verify', '--repair')}"
    return CorruptRecordingError(
        f"{path} is not what was written there ({detail})",
        remedies=[f"restore it from an earlier version in the store, or {again}"],
        file=path,
    )


def newer(path: str) -> MimicError:
    """Return the error for a file of a newer format."""
    return CorruptRecordingError(
        f"{path} is of a format that a newer pytest-mimic wrote; this one reads format {FORMAT}",
        remedies=["pip install --upgrade pytest-mimic"],
        file=path,
        format=None,
    )
