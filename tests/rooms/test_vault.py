"""What is recorded stays: equal outcomes, another writer's file, objects, calls of a killed run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress

import pytest

from pytest_mimic import CorruptRecordingError, MimicError
from pytest_mimic.engine.run import Run
from pytest_mimic.engine.settings import Settings
from pytest_mimic.vault.recording import Entry
from pytest_mimic.vault.vault import PartFile, Vault
from rooms.calls import (
    DAY,
    LOG,
    SHARED,
    entry,
    parts,
    recording,
    same_value,
    without_locks,
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
    vault.folder.write(LOG, [b'{"format": 8}'])

    with pytest.raises(CorruptRecordingError, match="is of format 8"):
        vault.write(LOG, recording(entry(1)))
    assert vault.folder.read(LOG) == b'{"format": 8}'


def test_a_deep_call_comes_back(vault):
    deep = []
    for _ in range(2_000):
        deep = [deep]

    vault.write(LOG, recording(entry(deep)))

    [again] = vault.read(LOG).entries
    part, levels = again.body["value"], 0
    while part:
        [part], levels = part, levels + 1
    assert levels == 2_000


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
    """Those of a killed run, too."""
    killed(vault, with_objects)
    assert len(vault.objects()) == 3

    vault.delete([SHARED, LOG])
    assert not vault.path.exists()


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
    vault.folder.write(name, [b'{"format": 7, '])

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
    vault.delete([])
    assert vault.objects() == []


# -- part files


def killed_after(vault, *entries, kept=None):
    """Let another process keep calls of a log, and end without a word."""
    before = set(parts(vault))

    def record(other):
        part = PartFile(other, LOG, "test")
        for one in entries:
            part.append(one)

    killed(vault, record)
    [made] = set(parts(vault)) - before
    content = vault.folder.read(made)
    (vault.path / made).write_bytes(content[:kept])


@forks
def test_the_calls_of_a_killed_process_are_taken_over(vault):
    """Of several the most; a line that the kill has cut is left out."""
    killed_after(vault, entry(1))
    killed_after(vault, entry(3, at=[2]), entry(2), entry(9, at=[5]), kept=-3)
    killed_after(vault, entry(1), kept=9)

    found = PartFile(vault, LOG, "test").take_abandoned()

    assert [one.body["value"] for one in found.entries] == [2, 3]
    assert (found.owner, found.recorded) == ("test", vault.today)
    assert [*vault.names()] == []


@forks
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_calls_of_a_killed_process_are_taken_over_where_there_are_no_locks(
    vault, tmp_path, monkeypatch
):
    """And not those of a living one."""
    without_locks(monkeypatch, vault.path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    killed_after(vault, entry(1))
    living = PartFile(vault, LOG, "test")
    living.append(entry(2))

    part = PartFile(Vault(vault.path), LOG, "test")
    found = part.take_abandoned()
    part.discard()

    assert [one.body["value"] for one in found.entries] == [1]
    assert len(parts(vault)) == 1
    living.discard()


@forks
def test_what_a_killed_process_has_forked_keeps_no_calls_from_being_taken_over(vault):
    """A server of a wider fixture, say, which goes on."""
    waits, ends = os.pipe()
    begins, begun = os.pipe()

    def record(other):
        run = Run(Settings("record", vault.path, vault.path, vault.path))
        PartFile(run.vault, LOG, "test").append(entry(1))
        if not os.fork():
            os.close(ends)
            os.write(begun, b"1")
            os.read(waits, 1)
            os._exit(0)
        os.read(begins, 1)

    killed(vault, record)
    found = PartFile(vault, LOG, "test").take_abandoned()
    os.close(ends)

    assert found.entries == [entry(1)]


@forks
def test_abandoned_calls_go_when_their_log_is_written_and_not_before(vault):
    """The process that takes them over may be killed, too."""
    killed_after(vault, entry(1))
    part = PartFile(vault, LOG, "test")
    part.append(entry(2))

    assert part.take_abandoned().entries == [entry(1)]
    assert len(parts(vault)) == 2
    part.discard()
    assert files(vault) == set()


@forks
def test_what_a_part_file_names_is_not_deleted(vault):
    name = vault.write_object("pkl", [b"abc"])
    killed_after(vault, entry({"$pickle": name}))

    vault.close()
    Vault(vault.path).delete([])

    assert vault.read_object(name) == b"abc"


def test_the_part_file_of_a_living_process_is_not_taken_over(vault, tmp_path):
    part = PartFile(vault, LOG, "test")
    part.append(entry(1))

    other = PartFile(Vault(tmp_path / "v"), LOG, "test")
    assert other.take_abandoned() is None
    other.discard()
    assert parts(vault) != []
    part.discard()
    assert files(vault) == set()


def test_a_damaged_part_file_is_not_taken_over(vault):
    vault.folder.write(f"{LOG}.1-0.part", [b'{"format": 7}\n{"at": 3}\n'])

    assert PartFile(vault, LOG, "test").take_abandoned() is None


@forks
def test_a_full_disk_leaves_no_part_file(vault):
    resource = pytest.importorskip("resource")
    child = os.fork()
    if not child:
        part = PartFile(vault, LOG, "test")
        vault.begin_recording()
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        with suppress(MimicError):
            part.append(entry(1))
        part.discard()
        os._exit(9)
    os.waitpid(child, 0)

    assert parts(vault) == []


@forks
def test_the_last_who_records_deletes_what_others_have_left(vault):
    """While one still recorded, nobody could."""
    vault.write(SHARED, recording(entry(1)))
    vault.begin_recording()
    child = os.fork()
    if not child:
        other = Vault(vault.path)
        other.write_object("bin", [b"of a recording that was not kept"])
        other.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(vault.objects()) == 1

    vault.close()

    assert vault.objects() == []
