"""Figures of packs, manifests and requests, measured with the code of this checkout and a small vault in a folder."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

from pytest_mimic._remote import contents, folding
from pytest_mimic._remote.bucket import Bucket
from pytest_mimic._remote.keys import LOOSE, tag_of
from pytest_mimic._remote.packs import (
    PACK_SIZE,
    Manifest,
    Pack,
    PackInfo,
    compress,
    decompress,
    digest_of,
    encode_pack,
)
from pytest_mimic._remote.place import RemotePlace, parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._remote.ulids import new_ulid

# When a run folds, and when a replay fetches all loose recordings: fixed numbers of the code.
MANY, WORTH, FEW = folding._MANY, folding._WORTH, contents._FEW
# The recordings of the small vault: fewer than a writer leaves loose, so that it folds once.
_FEW = 100


class _Packed(NamedTuple):
    plain: bytes
    stored: bytes


class Measured(NamedTuple):
    """What was measured. Requests are by verb.

    Attributes:
        plain, packed: The bytes of a recording in a pack, uncompressed and compressed.
        pack: The bytes of a pack besides its recordings, compressed.
        manifest: The bytes of a pack in the manifest, compressed.
        loose: The bytes of a loose recording.
        opened: The bytes of uncompressed packs that are fetched and opened in a second, without the network.
        pack_size: The bytes of a full pack, uncompressed.
        warm: The requests of a run that has all packs.
        recorded: The requests for each recorded call, until it is folded.
        fold: The requests of a fold, besides packs.
    """

    plain: float
    packed: float
    pack: float
    manifest: float
    loose: float
    opened: float
    pack_size: int
    warm: dict[str, float]
    recorded: dict[str, float]
    fold: dict[str, float]


def measure() -> Measured:
    """Write a small vault into a temporary folder, replay it, and count."""
    recordings = _recordings(Random(20), 2000)
    large, small = _packed(recordings, 2000), _packed(recordings, 10)
    packed = (len(large.stored) - len(small.stored)) / 1990
    requests = _requests(dict(list(recordings.items())[:_FEW]))
    return Measured(
        plain=(len(large.plain) - len(small.plain)) / 1990,
        packed=packed,
        pack=len(small.stored) - 10 * packed,
        manifest=_bytes_in_manifest(recordings),
        opened=_opened(large),
        pack_size=PACK_SIZE,
        **requests,
    )


def _requests(recordings: dict[str, bytes]) -> dict[str, Any]:
    """Record and replay through a store, and return the requests of each part."""
    with tempfile.TemporaryDirectory(prefix="mimic-fleet-") as folder:
        place = parse_place(Path(folder, "bucket").as_uri())
        writer = RemoteStore(place, f"{folder}/writer")
        bucket, locks = writer.bucket, writer.byte_locks()
        first, *others = recordings.items()
        _record(writer, locks, [first])  # the first time, it asks what the store can do
        before = Counter(bucket.requests)
        _record(writer, locks, others)
        locks.close()
        recorded = Counter(bucket.requests)
        sizes = [size for _, size, _ in Bucket(place).list(LOOSE)]
        writer.flush()
        folded = Counter(bucket.requests)
        _read(place, f"{folder}/reader", recordings)
        warm = _read(place, f"{folder}/reader", recordings)
    return {
        "loose": sum(sizes) / len(sizes),
        "warm": dict(warm),
        "recorded": {verb: round(count / len(others), 1) for verb, count in (recorded - before).items()},
        # A pack is a request of its own. A store deletes 1,000 keys by one request, a folder one.
        "fold": {**(folded - recorded - Counter({"put": 1})), "delete": 1},
    }


def _record(store: RemoteStore, locks: Any, recordings: Iterable[tuple[str, bytes]]) -> None:
    """Write recordings, each while it is claimed, as the call in flight is."""
    for name, content in recordings:
        claimed = int(tag_of(name), 16)
        assert locks.claim(claimed)
        store.write(name, content)
        locks.release(claimed)


def _read(place: RemotePlace, cache: str, recordings: dict[str, bytes]) -> Counter[str]:
    """Read everything as a new run does, and return its requests."""
    store = RemoteStore(place, cache)
    for name, content in recordings.items():
        assert store.read(name) == content
    return Counter(store.bucket.requests)


def _packed(recordings: dict[str, bytes], count: int) -> _Packed:
    """Return a pack of so many recordings."""
    ulids = {name: new_ulid() for name in list(recordings)[:count]}
    plain = encode_pack(((name, recordings[name]) for name in sorted(ulids)), ulids, mark=new_ulid())
    return _Packed(plain, compress(plain))


def _opened(pack: _Packed) -> float:
    """Return the bytes of a pack that are opened in a second."""
    times = []
    for _ in range(5):
        begun = perf_counter()
        plain = decompress(pack.stored, "", size=len(pack.plain))
        digest_of(plain)
        Pack.parse(plain, "")
        times.append(perf_counter() - begun)
    return len(pack.plain) / min(times)


def _bytes_in_manifest(names: Iterable[str]) -> float:
    """Return the bytes of a pack in the manifest, compressed."""
    random = Random(20)
    packs = [
        PackInfo(
            name,
            digest_of(random.randbytes(8)),
            random.randrange(1 << 22),
            random.randrange(1 << 19),
            4000,
            1 << 22,
        )
        for name in names
    ]
    return (len(Manifest(1, tuple(packs)).encode()) - len(Manifest(1, tuple(packs[:10])).encode())) / (
        len(packs) - 10
    )


def _recordings(random: Random, count: int) -> dict[str, bytes]:
    """Return recordings like those of a function that returns a small dict."""
    recordings = {}
    for number in range(count):
        word = f"item-{random.randrange(10**6):06}"
        text = {
            "format": 1,
            "target": "shop.api:prices",
            "arguments": {
                "number": number,
                "word": word,
                "options": {f"key{n}": random.randrange(10**4) for n in range(10)},
            },
            "source": "f62e8f890d8536f3903840ac0d672528",
            "test": "tests/test_prices.py::test_prices",
            "recorded": "2026-11-21",
            "owner": None,
            "outcomes": [
                {
                    "duration": random.random(),
                    "value": {"number": number, "word": word, "tags": [word, word.upper()]},
                }
            ],
        }
        recordings[f"calls/shop.api/prices/{random.randbytes(16).hex()}.json"] = json.dumps(
            text, indent=1
        ).encode()
    return recordings
