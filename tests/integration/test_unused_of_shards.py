"""Section 8, `unused`: a suite that is split over several jobs, which `--mimic-usage=FILE` joins."""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

import pytest
from support.city_shop import SHOP  # noqa: F401 - the project's module
from support.git import git

# As pytest-split does it: each job collects all tests, and deselects those of the
# others.
SPLITTING = """
    def pytest_addoption(parser):
        parser.addoption("--shard", default="0/1")

    def pytest_collection_modifyitems(config, items):
        number, count = map(int, config.option.shard.split("/"))
        kept = items[number::count]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
"""
CITIES = ("Oslo", "Rome", "Bonn", "Lima")
TESTS = "import shop\n\n" + "".join(
    f"def test_{city.lower()}(): assert shop.fetch('{city}') == {{'city': '{city}'}}\n"
    for city in CITIES
)
HERE = f"Python {sys.version_info[0]}.{sys.version_info[1]} on {sys.platform}"
BONN = "  shop:fetch(city='Bonn')    recorded by tests/test_shop.py::test_bonn"


class Verdict(NamedTuple):
    """What a call of the command gave."""

    code: int
    lines: list[str]
    errors: str


@pytest.fixture
def unused(project):
    """Call `pytest-mimic unused`."""

    def call(*words):
        answer = project.command("unused", *words)
        told = answer.out or answer.err.removeprefix("ERROR: ")
        return Verdict(answer.code, told.splitlines(), answer.err)

    return call


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked. Four tests have recorded a city each."""
    project.ini("shop:fetch", pythonpath=".", testpaths="tests")
    project.conftest(SPLITTING)
    project.write("tests/test_shop.py", TESTS)
    project.record_once(passed=4)
    return project


def leave_bonn(project):
    """Let no test use the recording of Bonn."""
    project.write("tests/test_shop.py", TESTS.replace("'Bonn'", "'Oslo'"))


def split(project, *arguments, count=2, **options):
    """Run all jobs, which write usage-0.json and so on."""
    return [
        project.run(
            f"--shard={n}/{count}",
            f"--mimic-usage=usage-{n}.json",
            *arguments,
            **options,
        )
        for n in range(count)
    ]


def cities(project):
    """Return the cities in the vault."""
    return {call.arguments["city"] for call in project.calls()}


# -- the verdict


def test_json_names_each_unused_recording_with_its_own_file(shop, unused):
    """The recordings stand by their tests, whose order is not that of the files."""
    shop.write("tests/test_shop.py", "def test_other(): pass\n")
    shop.run("--mimic-usage=usage.json")

    verdict = unused("usage.json", "--json")

    rows = json.loads("\n".join(verdict.lines))["unused"]
    assert len(rows) == len(CITIES)
    recorded = {call.file: call for call in shop.calls()}
    for row in rows:
        call = recorded[row["file"]]
        city = call.arguments["city"]
        assert (row["call"], row["test"], row["gone"]) == (
            f"shop:fetch(city='{city}')",
            call.owner,
            True,
        )


def test_jobs_are_judged_together(shop, unused):
    """A set that is not complete is not judged. Clearing deletes what no job used."""
    leave_bonn(shop)
    for run in split(shop, "--mimic-clear-unused", "--mimic-fail-on-unused"):
        run.expect(**run.outcomes, says=["could not judge: 2 tests deselected"])

    alone = unused("usage-1.json", "--clear")
    together = unused("usage-0.json", "usage-1.json")

    assert (alone.code, alone.lines[0]) == (
        2,
        "unused recordings not judged: 2 tests not run",
    )
    assert f"    tests/test_shop.py::test_bonn with {HERE}" in alone.lines
    remedy = "to drop the unused: pytest-mimic unused usage-0.json usage-1.json --clear"
    assert together == Verdict(1, ["1 recording unused:", BONN, remedy], "")
    assert cities(shop) == set(CITIES)
    cleared = unused("usage-0.json", "usage-1.json", "--clear")
    assert (cleared.code, cleared.lines[1:]) == (0, [BONN])
    assert cities(shop) == {"Oslo", "Rome", "Lima"}
    assert unused("usage-0.json", "usage-1.json").lines == [
        "no recording is unused (4 tests in 2 files)"
    ]
    shop.replay("--mimic-fail-on-unused").expect(passed=4)


def test_what_tests_have_moved_away_from_is_kept(shop, unused):
    """Each job has printed the command that moves it."""
    shop.ini("shop:fetch sequence", pythonpath=".", testpaths="tests")
    before = shop.record().vault
    (shop.root / "tests/test_shop.py").rename(shop.root / "tests/test_town.py")
    for run in split(shop):
        run.expect(
            failed=2,
            deselected=2,
            says=["pytest-mimic mv tests/test_shop.py"],
        )

    unused("usage-0.json", "usage-1.json", "--clear")

    assert shop.files() == before


FULL, STOPPED = (1, "1 recording unused"), "the run was stopped early"
CRASH = "import os\n\ndef test_crash(): os._exit(3)\n\ndef test_fine(): pass\n"
SKIPPED = "import pytest\npytest.skip('so', allow_module_level=True)\n"
# More tests, the runs, what the last of them says of unused recordings, and the exit
# code of the command with its first line. No test uses the recording of Bonn.
TABLE = {
    "two workers of xdist": ("", ["-n2"], "failed: 1 recording is unused (--mimic-fail-on-unused)", FULL),

    "three of four": ("", [f"--shard={n}/4" for n in range(3)], "could not judge: 3 tests deselected", (2, "1 test not run")),
    "a crashed worker": (CRASH, ["-n2"], "could not judge: a worker crashed", (2, "a worker crashed")),
    "an interrupted run": ("def test_stop(): raise KeyboardInterrupt", [""], f"could not judge: {STOPPED}", (2, STOPPED)),
    "a skipped module and workers": (SKIPPED, ["-n2"], "could not judge 1 recording: tests/test_also.py was skipped", (0, "no recording is unused (4 tests in 1 file)")),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE)
def test_what_is_judged_of_runs_in_parts(shop, unused, row):
    also, runs, says, (code, first) = TABLE[row]
    if any(one.startswith("-n") for one in runs):
        pytest.importorskip("xdist")
    leave_bonn(shop)
    shop.write("tests/test_also.py", also)
    files = [f"usage-{number}.json" for number in range(len(runs))]

    for arguments, file in zip(runs, files):
        options = [
            "--mimic-fail-on-unused",
            f"--mimic-usage={file}",
            *arguments.split(),
        ]
        run = shop.run(*options, process="-n2" in arguments)
    verdict = unused(*files)

    assert says in "\n".join(run.section)
    assert verdict.code == code
    assert first in verdict.lines[0]
    assert cities(shop) == set(CITIES)


# -- the jobs


def test_what_was_recorded_since_is_kept(shop, unused):
    leave_bonn(shop)
    split(shop)
    shop.write(
        "tests/test_shop.py",
        TESTS.replace("'Rome'", "'Wien'").replace("== {'city': 'Rome'}", ""),
    )
    shop.record().expect(passed=4)

    verdict = unused("usage-0.json", "usage-1.json", "--clear")

    assert verdict.code == 0
    warning = "warning: could not judge 1 recording: recorded after the runs"
    assert warning in verdict.lines
    assert "Wien" in cities(shop)


def test_jobs_of_folders_need_the_list_of_all_tests(shop, unused):
    for folder in ("a", "b"):
        shop.write(f"tests/{folder}/test_{folder}.py", f"def test_{folder}(): pass\n")
    shop.write("tests/test_shop.py", "")
    shop.replay("tests/a", "--mimic-usage=a.json").expect(passed=1)
    shop.replay("tests/b", "--mimic-usage=b.json").expect(passed=1)

    without = unused("a.json", "b.json")
    shop.run("--collect-only", "-q", "--mimic-usage=all.json")
    alone, together = (
        unused("all.json", "a.json"),
        unused("all.json", "a.json", "b.json"),
    )

    assert without.lines == [
        "unused recordings not judged: no run has collected all tests (only a part of the tests was named)",
        "  to list all tests: pytest --collect-only --mimic-usage=FILE, and give FILE as well",
    ]
    assert "    tests/b/test_b.py::test_b with Python " in alone.lines[2]
    assert (together.code, together.lines[0]) == (1, "4 recordings unused:")


# -- files that do not belong together, or are none


def test_files_of_different_commits_are_refused(shop, unused):
    git(shop.root, "init", "-q")
    git(shop.root, "add", "shop.py")
    git(shop.root, "commit", "-qm", "first")
    leave_bonn(shop)
    split(shop)
    git(shop.root, "commit", "-q", "--allow-empty", "-m", "second")
    shop.replay("--shard=1/2", "--mimic-usage=later.json").expect(
        passed=2, deselected=2
    )

    mixed = unused("usage-0.json", "later.json")
    shown = unused("usage-0.json", "usage-1.json")
    cleared = unused("usage-0.json", "usage-1.json", "--clear")

    assert mixed.code == shown.code == cleared.code == 2
    assert "ERROR: not all are of one commit: this checkout of " in shown.errors
    assert ", usage-1.json of " in shown.errors
    assert cities(shop) == set(CITIES)


# -- the option


def test_a_run_that_ends_early_leaves_no_older_file(shop):
    shop.replay("--mimic-usage=usage.json").expect(passed=4)
    shop.conftest("import os\n\ndef pytest_collection(): os._exit(3)\n")

    shop.replay("--mimic-usage=usage.json", process=True).expect(exit_code=3)

    assert not (shop.root / "usage.json").exists()


def test_a_live_run_uses_nothing_that_could_be_written(shop):
    error = "--mimic-usage cannot be combined with --mimic-live"

    shop.replay("--mimic-usage=u.json", "--mimic-live").expect(
        exit_code=4, says=[error], never=["Traceback"]
    )


def test_a_file_that_cannot_be_written_fails_the_run(shop):
    shop.write(
        "tests/test_shop.py", "import os\n\ndef test_it(): os.mkdir('usage.json')\n"
    )

    run = shop.replay("--mimic-usage=usage.json").expect(passed=1, exit_code=1)

    assert "cannot write " in "\n".join(run.section)
