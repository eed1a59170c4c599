"""Forged objects with the XXH3 hash of the real ones: one from a store is found, one in Git is what Git has."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from support.equal_xxh3 import FREE, with_hash_of
from xxhash import xxh3_128_hexdigest

from pytest_mimic._core.outcome.container import FILE_START, Packer

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
    return b"".join(Packer([(memoryview(content), 1)], FILE_START).pieces())


def recorded(project, **options: str) -> Path:
    """Record the picture, and return the file of its object."""
    project.module(SHOP)
    project.tests(TEST)
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
def test_a_forged_object_from_a_store_is_refused(project) -> None:
    """The recording, which was reviewed, has the object's SHA-256."""
    file = recorded(project, mimic_objects="../store")

    file.write_bytes(packed(forged()))

    project.replay().expect(failed=1, real=[], says=["its SHA-256 is another one", "pytest-mimic pull"])
