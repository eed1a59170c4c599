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
from pytest_mimic._core.vault.recording_facts import Stored

if TYPE_CHECKING:
    from typing import Protocol

    from pytest_mimic._core.vault.object_contents import Contents
    from pytest_mimic._core.vault.recording_facts import Entry, Origin, OutcomeReader

    class Texts(OutcomeReader, Protocol):
        """Loads outcomes, and reads the text of those that have one; see `Objects`."""

        label: str
        contents: Contents

        def text(self, entry: Entry, origin: Origin) -> str: ...


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


def lift(objects: Texts, entry: Entry, origin: Origin) -> Stored:
    """Return the outcome of an entry in memory, as if its call had just been made; see `Stored.lifted`."""
    stored = Stored(objects, entry, origin)
    facts: Any = {**entry, "kind": stored.kind}
    if "pickle" in entry:
        pickled = _pickled(objects, entry, origin)
        encoded = Encoded(
            stored.kind,
            list(stored.changes),
            fingerprint_in(entry["pickle"]),
            pickled=pickled,
            count=entry.get("count", 1),
        )
    else:
        text = objects.text(entry, origin)
        bytes_by_name = {
            name: b"".join(objects.file_content(entry, origin, name)) for name in entry.get("objects", ())
        }
        readable = Readable(text, stored.is_tagged, list(entry.get("imports", ())), bytes_by_name)
        fingerprint = xxh3_128_hexdigest(text.encode())
        encoded = Encoded(stored.kind, list(stored.changes), fingerprint, readable=readable)
    lifted = Stored(objects, {name: facts[name] for name in _KEPT if name in facts}, None, encoded)
    if "files" in entry:
        lifted.files = KeptFiles(entry["files"])
        sources: Any = lifted.files.sources
        for name in objects_in(entry["files"]):
            content = partial(objects.file_content, entry, origin, name)
            sources[name] = LiftedFile(f"{objects.label}/{name}", content)
    return lifted


def _pickled(objects: Texts, entry: Entry, origin: Origin) -> Pickled:
    name = entry["pickle"]
    data = objects.contents.map(entry, name, origin)
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
