"""Other content in an object store, in a cache or in a folder of objects: it is found, or the page on trust says so."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from shutil import rmtree

import pytest
from equal_xxh3 import FREE, with_hash_of
from xxhash import xxh3_128_hexdigest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._remote import packs
from pytest_mimic._remote.keys import MANIFESTS, is_loose_key, is_manifest_key, loose_key, manifest_key
from pytest_mimic._remote.packs import Linked, Manifest, PackInfo, compress, decompress, encode_pack
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore
from pytest_mimic._vault.container import FilePacker

pytest.importorskip("obstore", exc_type=ImportError)

PICTURE = Random(1).randbytes(100_000)
EVIL = b"evil" + Random(2).randbytes(len(PICTURE) - 4)
SHOP = f"""
    import random
    import tally

    def picture(seed):
        tally.ran(seed)
        return random.Random(seed).randbytes({len(PICTURE)})
"""
TEST = """
    import shop

    def test_picture():
        print("the picture begins with", shop.picture(1)[:4].hex())
"""


def forged() -> bytes:
    """Return another picture, of the same size and with the same XXH3 hash, which the name of its object holds."""
    length = len(PICTURE).to_bytes(8, "little")  # the hash is of the content after its length
    other = with_hash_of(length + PICTURE, length + EVIL, 1024)
    return other[len(length) :]


def packed(content: bytes) -> bytes:
    """Return the file of an object with these bytes."""
    return b"".join(FilePacker([content]).pieces())


def recorded(project, **options: str) -> Path:
    """Record the picture, and return the file of its object."""
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TEST)
    project.ini("shop:picture", **options)
    project.record("-s").expect(passed=1, says=[f"begins with {PICTURE[:4].hex()}"])
    (file,) = (
        path for path in project.vault.rglob("*") if path.is_file() and path.read_bytes() == packed(PICTURE)
    )
    return file


def test_bytes_of_an_equal_xxh3_hash_are_made_at_once() -> None:
    """Somebody who may write an object can choose all of its content but 320 bytes."""
    other = forged()

    assert len(other) == len(PICTURE)
    assert other.startswith(b"evil")
    assert sum(a != b for a, b in zip(other, EVIL, strict=True)) <= FREE
    length = len(PICTURE).to_bytes(8, "little")
    assert xxh3_128_hexdigest(length + other) == xxh3_128_hexdigest(length + PICTURE)


def test_an_object_in_git_is_what_git_has(project) -> None:
    """Its XXH3 hash finds damage and no forgery. Git's own hash and the review are what protects it."""
    file = recorded(project)

    file.write_bytes(packed(forged()))

    project.replay("-s").expect(passed=1, says=["begins with 6576696c"])


@pytest.mark.promise("a detached object that is not the one its recording names is never used")
def test_a_forged_object_from_a_store_is_refused(project, tmp_path: Path) -> None:
    """The recording, which was reviewed, has the object's SHA-256."""
    file = recorded(project, mimic_objects=(tmp_path / "store").as_uri())

    file.write_bytes(packed(forged()))

    project.replay().expect(
        failed=1, real=[], says=["its SHA-256 is another one", "pytest-mimic pull --check"]
    )


# -- the wholly remote form, in a folder that stands for the bucket

PRICES = """
    import tally

    def prices(day):
        tally.ran(day)
        return {"day": day, "note": "honest"}
"""
PRICES_TEST = """
    import shop

    def test_prices():
        print("the note is", shop.prices(1)["note"])
"""


@pytest.fixture
def remote(project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A project with one recording in a remote vault, in a folder that stands for the bucket."""
    monkeypatch.setenv("PYTEST_MIMIC_CACHE_DIR", str(tmp_path / "cache"))
    project.write("shop.py", PRICES)
    project.write("test_shop.py", PRICES_TEST)
    project.ini("shop:prices", mimic_vault_path=(tmp_path / "bucket").as_uri())
    project.record("-s").expect(passed=1, says=["the note is honest"])
    return project


def poison(file: Path, *, is_stored: bool) -> None:
    """Replace the note in a pack, which is a sound pack afterwards."""
    plain = decompress(file.read_bytes(), "") if is_stored else file.read_bytes()
    other = plain.replace(b"honest", b"poison")
    assert other != plain
    file.write_bytes(compress(other) if is_stored else other)


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.promise("a pack with other content than the manifest says is never used")
def test_a_poisoned_pack_in_the_cache_is_fetched_again(remote, tmp_path: Path) -> None:
    (copy,) = files_of(next((tmp_path / "cache").glob("*/packs")))
    poison(copy, is_stored=False)

    remote.replay("-s").expect(passed=1, real=[], says=["the note is honest"])


@pytest.mark.promise("a pack with other content than the manifest says is never used")
def test_a_poisoned_pack_in_the_store_is_refused(remote, tmp_path: Path) -> None:
    (pack,) = files_of(tmp_path / "bucket/packs")
    poison(pack, is_stored=True)
    rmtree(tmp_path / "cache")

    remote.replay("-s").expect(
        failed=1, real=[], says=["its SHA-256 is another one"], never=["the note is poison"]
    )


def test_whoever_can_write_to_the_bucket_can_run_code(remote, tmp_path: Path) -> None:
    """As the page on trust says. `mimic_pickle = forbid` prevents it."""
    remote.write("shop.py", PRICES.replace('{"day": day, "note": "honest"}', "Evil()") + HARM)
    remote.write("test_shop.py", "import shop\n\ndef test_prices():\n    shop.prices(1)\n")
    remote.run("--mimic-rerecord").expect(passed=1)
    remote.write("shop.py", PRICES)
    remote.write("test_shop.py", PRICES_TEST)

    attacked = remote.replay("-s", "-o", "mimic_source=ignore")
    forbidden = remote.replay("-s", "-o", "mimic_source=ignore", "-o", "mimic_pickle=forbid")

    attacked.expect(failed=1, real=[], says=["the code of the attacker ran"])
    forbidden.expect(failed=1, real=[], says=["mimic_pickle"], never=["the code of the attacker ran"])


HARM = """
    class Evil:
        def __reduce__(self):
            return print, ("the code of the attacker ran",)
"""

NAME = "calls/shop/picture/" + "a" * 32 + ".json"
ULID = "01k" + "0" * 23


def bucket_with(tmp_path: Path, **files: bytes) -> RemoteStore:
    """Return the store of a vault whose bucket has these files in `state/`."""
    for name, data in files.items():
        path = tmp_path / "bucket/state" / name.replace("_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return RemoteStore(parse_place((tmp_path / "bucket").as_uri()), str(tmp_path / "cache"))


def manifest_of(digest: str) -> dict[str, bytes]:
    """Return a bucket whose manifest lists a pack of this digest."""
    return {"manifest_000000000001": Manifest(1, (PackInfo("", digest, 10, 10, 1, 10),)).encode()}


def loose_of(content: bytes | Linked) -> dict[str, bytes]:
    """Return a bucket with a loose recording."""
    return {f"new_aaaaaaa_{ULID}": compress(encode_pack([(NAME, content)], {NAME: ULID}, mark="1"))}


@pytest.mark.promise("what is in a store names no file of the machine that reads it")
@pytest.mark.parametrize("kind", ["a pack", "a dropped pack", "a large object"])
def test_a_digest_of_the_store_leads_out_of_no_folder(kind: str, tmp_path: Path) -> None:
    """Copies have the digest as their name, and a copy with other content is deleted."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    evil = "../../victim"
    dropped = compress(json.dumps({**EMPTY, "dropped": {evil: ""}}).encode())
    files = {
        "a pack": manifest_of(evil),
        "a dropped pack": {"manifest_000000000001": dropped},
        "a large object": loose_of(Linked(4, evil)),
    }
    for folder in ("bucket/large", "cache/packs", "cache/objects"):
        (tmp_path / folder).mkdir(parents=True)
    store = bucket_with(tmp_path, **files[kind])

    with pytest.raises(CorruptRecordingError, match="is not what was written there"):
        store.read(NAME)

    assert victim.read_bytes() == b"kept"


EMPTY = {"format": 1, "generation": 1, "packs": [], "folded": [], "dropped": {}}


@pytest.mark.promise("what is in a store names no file of the machine that reads it")
@pytest.mark.parametrize("part", ["../victim", r"..\victim", "", "0" * 13, "k" * 27])
def test_a_key_of_the_store_leads_out_of_no_folder(part: str) -> None:
    """A backslash separates folders on Windows. Objects with keys of no known form are left alone."""
    assert is_loose_key(loose_key(NAME, ULID))
    assert is_manifest_key(manifest_key(1))

    assert not is_loose_key(loose_key(NAME, part))
    assert not is_manifest_key(MANIFESTS + part)


@pytest.mark.parametrize("kind", ["loose", "manifest"])
def test_a_small_file_of_the_store_fills_no_memory(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MOST", 1 << 20)
    spaces = compress(json.dumps(EMPTY).encode() + b" " * (2 << 20))
    files = loose_of(bytes(2 << 20)) if kind == "loose" else {"manifest_000000000001": spaces}
    assert all(len(data) < 1000 for data in files.values())

    with pytest.raises(CorruptRecordingError, match="another size"):
        bucket_with(tmp_path, **files).read(NAME)
