"""Recordings that were damaged or edited: what comes back is right or as it was edited, or an error names the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest

from values.inner_run import InnerProject, Told

MODULE = """
import decimal
import time


def price(number):
    return {"of": f"case-{number}-", "rows": [1, 2.5, None], "at": (number, "x")}


def moment(number):
    return [f"case-{number}-", time.gmtime(number)]
"""

TESTS = """
import os
import time

import pytest
import shop
from pytest_mimic import mimic

NUMBERS = range(int(os.environ["COUNT"]))
TEXT = os.environ.get("EXPECTED", "case")


@pytest.mark.parametrize("number", NUMBERS)
def test_price(number):
    with mimic("shop:price"):
        found = shop.price(number)

    assert found == {"of": f"{TEXT}-{number}-", "rows": [1, 2.5, None], "at": (number, "x")}


@pytest.mark.parametrize("number", NUMBERS)
def test_moment(number):
    with mimic("shop:moment"):
        found = shop.moment(number)

    assert found[0] == f"{TEXT}-{number}-"
    assert found[1] == time.gmtime(number)
"""

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def with_format(number: int) -> Callable[[bytes], bytes]:
    return lambda data: re.sub(rb'"format": \d', b'"format": %d' % number, data)


def conflict(data: bytes) -> bytes:
    return b"<<<<<<< HEAD\n" + data + b"=======\n" + data + b">>>>>>> branch\n"


def without_target(data: bytes) -> bytes:
    return data.replace(b'"target"', b'"tarjet"')


# What is made of the file of a call: each is found.
DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "a list": lambda data: b"[]",
    "an empty mapping": lambda data: b"{}",
    "no text": lambda data: b"\xff\xfe\x00",
    "older format": with_format(3),
    "newer format": with_format(9),
    "merge conflict": conflict,
    "pointer of LFS": lambda data: LFS,
    "no target": without_target,
    "no JSON": lambda data: data.replace(b"{", b"{-", 1),
    "nested without end": lambda data: b"[" * 100_000 + b"]" * 100_000,
    **{
        f"cut after {part}/40": lambda data, part=part: data[: len(data) * part // 40]
        for part in range(1, 40)
    },
}
# What leaves the meaning of a file, or its values, as it was.
HARMLESS: dict[str, Callable[[bytes], bytes]] = {
    "ends of lines of Windows": lambda data: data.replace(b"\n", b"\r\n"),
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "last line without an end": lambda data: data.rstrip(b"\n"),
}


def file_of(vault: Path, number: int, function: str) -> Path:
    """Return the file of a call that all tests share."""
    [found] = [
        path
        for path in vault.rglob("*.json")
        if f"case-{number}-".encode() in path.read_bytes()
        and function in path.as_posix()
    ]
    return found


FLIPS = {f"bit {number}": number for number in range(60)}
PICKLES: dict[str, Callable[[bytes], bytes]] = {
    "last byte": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "bit": lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
    "pointer": lambda data: LFS,
    "empty": lambda data: b"",
}
CASES = [*DAMAGE, *HARMLESS, *FLIPS]


def flipped(data: bytes, number: int) -> bytes:
    """Return the file with one bit turned, at places from its beginning to its end."""
    place = (len(data) - 2) * number // len(FLIPS)
    bit = (1, 4, 32)[number % 3]
    return data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> InnerProject:
    """A project whose calls are recorded, as many as there are cases."""
    root = tmp_path_factory.mktemp("damage")
    project = InnerProject(root, module=MODULE, tests=TESTS)
    found = project.run("--mimic-record", COUNT=str(len(CASES)))
    assert {told.outcome for told in found.values()} == {"passed"}
    return project


class Replay(NamedTuple):
    """A replay of damaged files: what became of each test, and the files before and after."""

    told: dict[str, Told]
    before: dict[str, bytes]
    after: dict[str, bytes]


@pytest.fixture(scope="module")
def replay(project: InnerProject) -> Replay:
    """One run, in which each call has another kind of damage."""
    before, after = {}, {}
    for number, name in enumerate(CASES):
        path = file_of(project.vault, number, "price")
        data = before[name] = path.read_bytes()
        change = {**DAMAGE, **HARMLESS}.get(name)
        after[name] = change(data) if change else flipped(data, FLIPS[name])
        path.write_bytes(after[name])
    pickles = sorted(project.vault.rglob("*.pkl"))
    assert len(pickles) == len(CASES)
    for path, change in zip(pickles, cycle(PICKLES.values())):
        path.write_bytes(change(path.read_bytes()))
    found = project.run(COUNT=str(len(CASES)))
    by_case = {name: found[f"test_price[{n}]"] for n, name in enumerate(CASES)}
    return Replay({**found, **by_case}, before, after)


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_before_it_is_used(replay: Replay, name: str) -> None:
    told = replay.told[name]

    assert told.outcome == "failed"
    assert "CorruptRecordingError" in told.text
    assert ".mimic_vault" in told.text


@pytest.mark.parametrize("name", HARMLESS)
def test_what_says_the_same_is_read(replay: Replay, name: str) -> None:
    assert replay.told[name] == Told("passed", "")


ERRORS = ("CorruptRecordingError", "MissingRecordingError", "StaleRecordingError")


@pytest.mark.parametrize("name", FLIPS)
def test_no_turned_bit_gives_a_value_that_nobody_recorded(
    replay: Replay, name: str
) -> None:
    """In the values of a file it is an edit."""
    told = replay.told[name]

    is_right = told.outcome == "passed" or any(one in told.text for one in ERRORS)

    assert is_right or is_edit(replay.before[name], replay.after[name])


def is_edit(old: bytes, new: bytes) -> bool:
    """Return whether a changed file differs from the recorded one in values alone."""
    try:
        return without_values(json.loads(old)) == without_values(json.loads(new))
    except ValueError:
        return False


def without_values(tree: object) -> object:
    if isinstance(tree, dict):
        return {
            name: None if name == "value" else without_values(part)
            for name, part in tree.items()
        }
    if isinstance(tree, list):
        return [without_values(part) for part in tree]
    return tree


def test_no_changed_pickle_is_loaded(replay: Replay) -> None:
    moments = [told for name, told in replay.told.items() if "moment" in name]

    assert {told.outcome for told in moments} == {"failed"}
    assert [told for told in moments if "CorruptRecordingError" not in told.text] == []


def test_an_edit_is_used_as_it_stands(tmp_path: Path) -> None:
    project = InnerProject(tmp_path, module=MODULE, tests=TESTS)
    project.run("--mimic-record", "-k", "price", COUNT="1")
    path = file_of(project.vault, 0, "price")
    path.write_bytes(path.read_bytes().replace(b"case-", b"edited-"))

    found = project.run("-k", "price", COUNT="1", EXPECTED="edited")

    assert found["test_price[0]"] == Told("passed", "")
