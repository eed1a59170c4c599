"""Takes an outcome out of a vault, ready to be written to another one. No pickle is loaded, and no class imported."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.container import DamagedError, item_sizes, unpack_segments
from pytest_mimic._core.outcome.encoding import Encoded, Readable
from pytest_mimic._core.outcome.kept_files import KeptFiles, objects_in
from pytest_mimic._core.outcome.pickles import Buffer, Pickled
from pytest_mimic._core.vault.file_names import fingerprint_in
from pytest_mimic._core.vault.parsing import damaged

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import OutcomeKind
    from pytest_mimic._core.vault.objects import Objects
    from pytest_mimic._core.vault.schema import Entry, Origin

# The facts of an entry that are kept, in the order in which recording makes them.
_KEPT = ("duration", "kind", "files", "preview", "awaited")


class LiftedFile:
    """A file that a call wrote, as another vault has it. It has the `path` of that vault's object."""

    def __init__(self, path: str, content: partial[Iterator[Any]]) -> None:
        self.path = path
        self._content = content

    def pieces(self) -> Iterator[Any]:
        """Yield the content, in the pieces in which it was stored."""
        return self._content()


def lift(
    objects: Objects, entry: Entry, origin: Origin, *, kind: OutcomeKind, changes: list[str]
) -> tuple[Entry, Encoded, KeptFiles | None]:
    """Return the facts of an outcome, the outcome in memory, and its files, as if its call had just been made."""
    facts = {**entry, "kind": kind}
    if "pickle" in entry:
        pickled = _pickled(objects, entry, origin)
        fingerprint, count = fingerprint_in(entry["pickle"]), entry.get("count", 1)
        encoded = Encoded(kind, changes, fingerprint, pickled=pickled, count=count)
    else:
        text = objects.text(entry, origin)
        bytes_by_name = {
            name: b"".join(objects.file_content(entry, origin, name)) for name in entry.get("objects", ())
        }
        readable = Readable(text, entry.get("tagged", False), list(entry.get("imports", ())), bytes_by_name)
        fingerprint = xxh3_128_hexdigest(text.encode())
        encoded = Encoded(kind, changes, fingerprint, readable=readable)
    files = None
    if "files" in entry:
        files = KeptFiles(entry["files"])
        sources: dict[str, Any] = files.sources
        for name in objects_in(entry["files"]):
            content = partial(objects.file_content, entry, origin, name)
            sources[name] = LiftedFile(f"{objects.label}/{name}", content)
    return {name: facts[name] for name in _KEPT if name in facts}, encoded, files


def _pickled(objects: Objects, entry: Entry, origin: Origin) -> Pickled:
    name = entry["pickle"]
    data = objects.map(entry, name, origin)
    try:
        parts, items = list(unpack_segments(data, entry["checksum"])), item_sizes(data)
    except DamagedError as reason:
        raise damaged(f"{objects.label}/{name}", str(reason), test=origin.test) from None
    buffers = [Buffer(memoryview(part), item) for part, item in zip(parts[1:], items[1:], strict=True)]
    return Pickled(
        [bytes(parts[0])],
        buffers,
        imports=list(entry.get("imports", ())),
        code=list(entry.get("code", ())),
        by_value="python" in entry,
        has_custom_identity=False,
        has_paths=entry.get("tagged", False),
        python=entry.get("python", ""),
    )
