"""Takes an outcome out of a vault, ready to be written to another one. No pickle is loaded, and no class imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.encoding import Encoded, Readable
from pytest_mimic._core.outcome.faults import DamagedError
from pytest_mimic._core.outcome.memory import unpack
from pytest_mimic._core.outcome.pickling import Pickled
from pytest_mimic._core.vault.file_names import fingerprint_in
from pytest_mimic._core.vault.parsing import damaged

if TYPE_CHECKING:
    from pytest_mimic._core.outcome.outcome import OutcomeKind
    from pytest_mimic._core.vault.objects import Objects
    from pytest_mimic._core.vault.schema import Entry, Origin

# The facts of an entry that are kept, in the order in which recording makes them.
_KEPT = ("duration", "kind", "preview", "awaited")


def lift(objects: Objects, entry: Entry, origin: Origin, *, kind: OutcomeKind) -> tuple[Entry, Encoded]:
    """Return the facts of an outcome, and the outcome in memory, as if its call had just been made."""
    facts = {**entry, "kind": kind}
    if "pickle" in entry:
        pickled = _pickled(objects, entry, origin)
        fingerprint, count = fingerprint_in(entry["pickle"]), entry.get("count", 1)
        encoded = Encoded(kind, fingerprint, pickled=pickled, count=count)
    else:
        text = objects.text(entry, origin)
        bytes_by_name = {name: objects.long_bytes(origin, name) for name in entry.get("objects", ())}
        readable = Readable(text, entry.get("tagged", False), list(entry.get("imports", ())), bytes_by_name)
        fingerprint = xxh3_128_hexdigest(text.encode())
        encoded = Encoded(kind, fingerprint, readable=readable)
    return {name: facts[name] for name in _KEPT if name in facts}, encoded


def _pickled(objects: Objects, entry: Entry, origin: Origin) -> Pickled:
    name = entry["pickle"]
    data = objects.map(name, origin)
    try:
        stream, *buffers = unpack(data, entry["checksum"])
    except DamagedError as reason:
        raise damaged(f"{objects.label}/{name}", str(reason), test=origin.test) from None
    return Pickled(
        [bytes(stream)],
        buffers,
        imports=list(entry.get("imports", ())),
        code=list(entry.get("code", ())),
        by_value="python" in entry,
        has_custom_identity=False,
        has_paths=entry.get("tagged", False),
        python=entry.get("python", ""),
    )
