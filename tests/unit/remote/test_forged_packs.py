"""Whoever may write to a bucket chooses all bytes in it. Those of another shape are named as such."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._remote.packs import Manifest, Pack, compress
from pytest_mimic._remote.place import parse_place
from pytest_mimic._remote.store import RemoteStore

NAME = "calls/shop.prices/fetch/0000000.json"
ULID = "01" * 13
DIGEST = "ab" * 32


@pytest.mark.parametrize(
    "members",
    [
        '{"members": 1}',
        "[]",
        '{"members": [1]}',
        json.dumps({"members": [[NAME, 0, "ulid", ""]]}),
        json.dumps({"members": [[NAME, 0, "", ""]]}),
        json.dumps({"members": [[NAME, 0, 7, ""]]}),
        json.dumps({"members": [[NAME, -1, ULID, ""]]}),
        json.dumps({"members": [[NAME, 1.5, ULID, ""]]}),
        json.dumps({"members": [[NAME, "1", ULID, DIGEST]]}),
        json.dumps({"members": [[NAME, 0, ULID, "../../.ssh/id"]]}),
        json.dumps({"members": [[["calls/"], 0, ULID, ""]]}),
        json.dumps({"members": [["calls/../../x.json", 0, ULID, ""]]}),
        json.dumps({"members": [["/etc/passwd", 0, ULID, ""]]}),
        '{"members": ' + "[" * 100_000,
        '{"members": [["' + NAME + '", ' + "9" * 5_000 + ', "", ""]]}',
    ],
)
def test_a_pack_of_another_shape_is_refused(members):
    """Its error names the file, and is no TypeError of ours."""
    with pytest.raises(CorruptRecordingError, match="s3://vault/pack"):
        Pack.parse(b"pytest-mimic pack, format 1\n" + members.encode() + b"\n", "s3://vault/pack")


def manifest(**facts: object) -> bytes:
    sound = {"format": 1, "generation": 1, "packs": [], "folded": [], "dropped": {}}
    return json.dumps({**sound, **facts}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b"[" * 100_000,
        manifest(generation="1"),
        manifest(generation=-1),
        manifest(packs=[["", DIGEST, 1 << 50, 1, 1, 1]]),
        manifest(packs=[["", DIGEST, -5, 1, 1, 1]]),
        manifest(packs=[[1, DIGEST, 1, 1, 1, 1]]),
        manifest(packs=[["", "../x", 1, 1, 1, 1]]),
        manifest(packs=[["", DIGEST]]),
        manifest(folded=[["x"]]),
        manifest(dropped={DIGEST: "yesterday"}),
        manifest(dropped={DIGEST: "2026-01-01T00:00:00"}),
        manifest(dropped={DIGEST: 5}),
        manifest(dropped=[DIGEST]),
    ],
)
def test_a_manifest_of_another_shape_is_refused(content):
    """Its error names the file, and is no TypeError of ours."""
    with pytest.raises(CorruptRecordingError, match="s3://vault/manifest"):
        Manifest.decode(compress(content), "s3://vault/manifest")


def open_vault(folder: Path, machine: str) -> RemoteStore:
    return RemoteStore(parse_place((folder / "bucket").as_uri()), str(folder / machine))


def test_a_store_that_returns_another_recording_is_found_out(tmp_path):
    """A recording is not taken for another one, nor for a missing one."""
    writer = open_vault(tmp_path, "writer")
    names = [NAME, "calls/shop.prices/fetch/1111111.json"]
    for name in names:
        writer.write(name, name.encode())
    one, other = sorted(path for path in (tmp_path / "bucket/state/new").rglob("*") if path.is_file())
    one.write_bytes(other.read_bytes())

    with pytest.raises(CorruptRecordingError, match=f"{one.name} is not what was written there"):
        open_vault(tmp_path, "reader").read(NAME)


def test_a_store_that_returns_another_manifest_is_found_out(tmp_path):
    """An older state of the vault is not taken for the present one."""
    writer = open_vault(tmp_path, "writer")
    for number in range(2):
        writer.write(NAME, b"%d" % number)
        writer.flush()
    old, new = sorted((tmp_path / "bucket/state/manifest").iterdir())
    new.write_bytes(old.read_bytes())

    with pytest.raises(CorruptRecordingError, match=f"{new.name} is not what was written there"):
        open_vault(tmp_path, "reader").read(NAME)


def test_keys_that_no_writer_makes_are_left_alone(tmp_path):
    """A file with a name like a loose recording's is none."""
    writer = open_vault(tmp_path, "writer")
    writer.write(NAME, b"sound")
    odd = tmp_path / "bucket/state/new/0000000" / ("u" * 26)
    odd.write_bytes(b"not a recording")

    reader = open_vault(tmp_path, "reader")

    assert reader.read(NAME) == b"sound"
    reader.write(NAME, b"again")
    assert open_vault(tmp_path, "other").read(NAME) == b"again"
