"""Outcomes that were recorded as pickles, before their values had tags, replay and stay while they are equal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

OLDER = Path(__file__).parent / "projects/older"
TESTS, CALLS = 14, 16


@pytest.fixture
def older(project):
    """Copy the project, whose vault was recorded by the version before tags."""
    for name in ("pytest.ini", "shop.py", "test_shop.py"):
        shutil.copy(OLDER / name, project.root)
    shutil.copytree(OLDER / ".mimic_vault", project.vault)
    return project


def objects(run):
    """Return the kinds of the objects that a run leaves."""
    return sorted(name.rpartition(".")[2] for name in run.vault if name.startswith("objects/"))


@pytest.mark.promise(
    "re-recording leaves a pickle of a value that is readable now where the outcome is equal"
)
def test_equal_outcomes_stay_in_the_older_form(older):
    """Under any hash seed. What is read from them passes the tests."""
    replayed = older.replay().expect(passed=TESTS)
    runs = [older.run("--mimic-rerecord", hash_seed=seed) for seed in (1, 2)]

    assert objects(replayed) == ["pkl"] * 13
    for run in runs:
        run.expect(passed=TESTS, says=[f"{CALLS} calls recorded"])
        assert run.changed == set()


def test_the_workers_of_xdist_leave_the_older_form(older):
    run = older.run("--mimic-rerecord", "-n", "2", process=True).expect(passed=TESTS)

    assert run.changed == set()


@pytest.mark.promise(
    "re-recording leaves a pickle of a value that is readable now where the outcome is equal"
)
def test_changed_outcomes_are_written_as_readable_data(older):
    """The objects of the older ones go. What has no tag stays a pickle."""
    run = older.run("--mimic-rerecord", env={"CHANGED": "x"}).expect(passed=TESTS)

    assert objects(run) == ["bin", "pkl"]
    older.replay(env={"CHANGED": "x"}).expect(passed=TESTS)
    sets = [data for name, data in run.vault.items() if name.startswith("calls/shop/sets/")]
    assert json.loads(sets[0])["outcomes"][0]["value"]["frozen"] == {
        "$frozenset": [None, {"$tuple": ["p", 1]}]
    }


def test_one_changed_outcome_leaves_the_others(older):
    """Of a sequence and a cassette, too."""
    source = (older.root / "shop.py").read_text()
    older.write(
        "shop.py", source.replace("again.count += 1\n", "again.count += 1 + (again.count == 1) * 5\n")
    )
    older.write("test_shop.py", (older.root / "test_shop.py").read_text().replace("== [1, 2]", "== [1, 7]"))

    run = older.run("--mimic-rerecord", "test_shop.py").expect(passed=TESTS)

    [name] = [name for name in run.changed if name.startswith("calls/")]
    first, second = json.loads(run.vault[name])["outcomes"]
    assert ("pickle" in first, second["value"]) == (True, {"$tuple": [7, ""]})
    assert (name.split("/")[2], objects(run)) == ("again", ["pkl"] * 12)


def test_a_damaged_pickle_is_recorded_as_readable_data(older):
    """By --mimic-rerecord alone."""
    [recording] = older.vault.glob("calls/shop/moments/*.json")
    pickled = older.vault / json.loads(recording.read_text())["outcomes"][0]["pickle"]
    pickled.write_bytes(pickled.read_bytes()[:-40])

    older.record().expect(failed=1, passed=TESTS - 1, says=["CorruptRecordingError", pickled.name])
    run = older.run("--mimic-rerecord").expect(passed=TESTS)

    assert json.loads(recording.read_text())["outcomes"][0]["value"][2] == {"$decimal": "1.10"}
    assert not pickled.exists()
    assert len(objects(run)) == 12


def test_a_stale_recording_of_an_equal_outcome_keeps_its_pickle(older):
    """--mimic-record makes the call again, and updates the source alone."""
    source = (older.root / "shop.py").read_text()
    older.write("shop.py", source.replace("return [part, {", "assert part\n    return [part, {"))

    run = older.record().expect(passed=TESTS, says=["1 call recorded"])

    [changed] = run.changed
    before, after = json.loads(run.before[changed]), json.loads(run.vault[changed])
    assert before.pop("source") != after.pop("source")
    assert before == after
