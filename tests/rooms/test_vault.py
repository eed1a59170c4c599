"""What is recorded stays: equal outcomes, another writer's file, objects, calls of a killed run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import Vault
from rooms.calls import (
    DAY,
    LOG,
    SHARED,
    entry,
    recording,
    same_value,
)

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def vault(tmp_path):
    vault = Vault(tmp_path / "v", label=".mimic_vault")
    yield vault
    vault.close()


def files(vault):
    return set(vault.folder.names())


# -- what is written


def test_equal_outcomes_leave_a_file_as_it_is(vault):
    """But for what is known of the code, the line and wider fixtures."""
    log = recording(entry(1, seconds=3.0), entry(2, at=[1], identity="01"))
    first = vault.write(LOG, log)

    later = recording(
        entry(1, seconds=9.0), entry(2, at=[1], identity="01"), recorded="2026-12-01"
    )
    again = vault.write(LOG, later, equal=same_value)
    later.fixtures = {"customer": "5f"}
    later.entries[1].source = "new"
    renewed = vault.write(LOG, later, equal=same_value)

    assert (first.is_changed, again.is_changed, renewed.is_changed) == (
        True,
        False,
        True,
    )
    now = vault.read(LOG)
    assert (now.recorded, now.fixtures) == ("2026-11-27", {"customer": "5f"})
    assert [(one.seconds, one.source) for one in now.entries] == [(3.0, ""), (0, "new")]


def test_an_equal_call_of_a_changed_log_keeps_its_duration_and_date(vault):
    """Of several equal calls each is compared with the one at its place among them."""
    old = [entry(number, at=[number], seconds=1.0) for number in (0, 1, 2)]
    vault.write(LOG, recording(*old))

    new = [entry(0), entry(7, at=[1], seconds=5.0), entry(2, at=[2])]
    for one in new:
        one.recorded = ""
    vault.write(LOG, recording(*new, recorded="2026-12-01"), equal=same_value)

    log = vault.read(LOG)
    assert log.recorded == "2026-12-01"
    assert [(one.body["value"], one.seconds, one.recorded) for one in log.entries] == [
        (0, 1.0, "2026-11-27"),
        (7, 5.0, "2026-12-01"),
        (2, 1.0, "2026-11-27"),
    ]


@pytest.mark.parametrize(
    "changed",
    [
        [entry(1), Entry(at=[1], end="empty", recorded=DAY), entry(3, at=[2])],
        [entry(1), entry(2, at=[1])],
        [entry(2, identity="01"), entry(1, at=[1])],
        [entry(1, end="open"), entry(2, at=[1], identity="01")],
    ],
    ids=["longer", "another call", "another order", "another end"],
)
def test_a_log_of_other_calls_is_written_whole(vault, changed):
    vault.write(LOG, recording(entry(1), entry(2, at=[1], identity="01")))

    vault.write(LOG, recording(*changed), equal=same_value)

    assert vault.read(LOG).entries == changed


@pytest.mark.parametrize("content", [b"{", b'{"format": 5}', b"<<<<<<< HEAD\n"])
def test_a_damaged_file_is_replaced(vault, content):
    vault.folder.write(LOG, [content])

    vault.write(LOG, recording(entry(1)), equal=same_value)

    assert vault.read(LOG).entries == [entry(1)]


def test_a_file_of_a_newer_version_is_kept(vault):
    vault.folder.write(LOG, [b'{"format": 9}'])

    with pytest.raises(CorruptRecordingError, match="is of format 9"):
        vault.write(LOG, recording(entry(1)))
    assert vault.folder.read(LOG) == b'{"format": 9}'


def test_a_deep_call_comes_back(vault):
    deep = []
    for _ in range(400):
        deep = [deep]

    vault.write(LOG, recording(entry(deep)))

    [again] = vault.read(LOG).entries
    part, levels = again.body["value"], 0
    while part:
        [part], levels = part, levels + 1
    assert levels == 400


def test_only_what_is_still_its_own_is_put_back(vault, tmp_path):
    """Another worker may have recorded the call meanwhile."""
    new = vault.write(SHARED, recording(entry(1)))
    vault.put_back(new)
    assert vault.read(SHARED) is None

    vault.write(SHARED, recording(entry(1)))
    replaced = vault.write(SHARED, recording(entry(2)))
    vault.put_back(replaced)
    assert vault.read(SHARED).entries == [entry(1)]

    mine = vault.write(SHARED, recording(entry(3)))
    Vault(tmp_path / "v").write(SHARED, recording(entry(4)))
    vault.put_back(mine)
    assert vault.read(SHARED).entries == [entry(4)]


# -- objects


def test_an_object_is_named_by_its_content_and_stands_once(vault):
    name = vault.write_object("bin", [b"ab", memoryview(b"c")])

    assert name == vault.write_object("bin", [b"abc"])
    assert vault.read_object(name) == b"abc"
    assert vault.objects() == [name]
    assert vault.read_object(vault.write_object("bin", [])) == b""


@pytest.mark.parametrize(
    ("content", "damage", "says"),
    [
        (b"abd", "content", r"is not what was recorded \(3 bytes of another digest\)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer", "git lfs pull"),
        (None, "missing", "is missing"),
    ],
)
def test_damage_of_an_object_is_found_before_it_is_used(vault, content, damage, says):
    """To record it again heals it."""
    name = vault.write_object("pkl", [b"abc"])
    vault.folder.delete(name) if content is None else vault.folder.write(
        name, [content]
    )

    with pytest.raises(CorruptRecordingError, match=says) as caught:
        vault.read_object(name)
    assert (caught.value.damage, caught.value.file) == (damage, f".mimic_vault/{name}")
    vault.write_object("pkl", [b"abc"])
    assert vault.read_object(name) == b"abc"


def test_an_object_with_converted_line_ends_is_itself(vault):
    name = vault.write_object("txt", [b"a\nb\r\nc"])
    other = vault.write_object("json", [b"[\n1\n]"])
    vault.folder.write(other, [b"[\r\n1\r\n]"])

    assert vault.read_object(name) == b"a\nb\r\nc"
    assert vault.read_object(other) == b"[\n1\n]"


@pytest.mark.parametrize("name", ["objects/../../x.pkl", "/etc/passwd", "calls/a.json"])
def test_nothing_but_an_object_is_read_as_one(vault, name):
    with pytest.raises(CorruptRecordingError, match="is not the name of an object"):
        vault.read_object(name)


def with_objects(vault):
    """Record a call that names an object, which names another one; and one of nobody."""
    pickle = vault.write_object("pkl", [b"abc"])
    large = vault.write_object("json", [f'{{"$pickle": "{pickle}"}}'.encode()])
    loose = vault.write_object("bin", [b"loose"])
    vault.write(SHARED, recording(entry({"$json": large})))
    return pickle, large, loose


def test_the_end_of_a_run_leaves_objects_that_something_refers_to(vault):
    pickle, large, _ = with_objects(vault)

    vault.close()
    assert vault.objects() == sorted([pickle, large])
    vault.write(SHARED, recording(entry(1)))
    vault.close()
    assert vault.objects() == []


def killed(vault, work):
    """Let another process do work with a vault, and end without a word."""
    child = os.fork()
    if not child:
        work(Vault(vault.path))
        os._exit(9)
    os.waitpid(child, 0)


@forks
def test_deleted_recordings_take_their_objects_along(vault):
    """What a killed run has left besides, `check --fix` deletes."""
    killed(vault, with_objects)
    assert len(vault.objects()) == 3

    vault.delete([SHARED, LOG])
    assert vault.objects() == vault.unneeded_objects()
    assert len(vault.objects()) == 1


def test_a_recording_that_is_deleted_takes_no_objects_of_others_along(vault, tmp_path):
    """They are not even looked for: `check` names them."""
    *_, loose = with_objects(vault)
    with vault.locks.alone():
        vault.locks.leave()

    other = Vault(tmp_path / "v")
    other.delete([SHARED, LOG])
    assert [*other.folder.names()] == other.unneeded_objects() == [loose]


@pytest.mark.parametrize("name", ["logs/a.json", "calls/shop.fit/01.json"])
def test_a_damaged_file_keeps_all_objects(vault, name):
    """It may name any of them."""
    objects = with_objects(vault)
    vault.folder.write(name, [b'{"format": 8, '])

    vault.delete([SHARED])

    assert vault.objects() == sorted(objects)


def test_objects_stay_while_another_process_records(vault, tmp_path):
    objects = with_objects(vault)
    script = (
        "import sys; from pathlib import Path; from pytest_mimic.vault.vault import Vault\n"
        "Vault(Path(sys.argv[1])).begin_recording(); print(flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "v")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    other.stdout.readline()

    vault.delete([SHARED, *objects])
    assert vault.objects() == sorted(objects)

    other.kill()
    other.communicate()
    vault.delete(objects)
    assert vault.objects() == []
