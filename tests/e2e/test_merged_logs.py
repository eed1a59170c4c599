"""Section 5, *Vault*: two branches that recorded one test again conflict, or are named."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from support.git import git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

TARGETS = ["shop:get sequence"]
SHOP = """
    def get(number):
        ran("get", number)
        return [number, os.environ["BRANCH"]]
"""


def test_of(numbers):
    return f"""
        import shop

        def test_it():
            got = [shop.get(number) for number in {numbers}]
            assert len({{branch for _, branch in got}}) == 1
    """


test_of.__test__ = False


@pytest.fixture
def branches(project):
    """Branches that record a test again, from one commit of `main`."""

    def record(branch, numbers, mode="--mimic-rerecord"):
        project.tests(test_of(numbers))
        project.run(mode, env={"BRANCH": branch}).expect(passed=1)
        git(project.root, "add", "-A")
        git(project.root, "commit", "-qm", branch)

    git(project.root, "init", "-q", "-b", "main")
    project.write(".gitignore", "__pycache__\n")
    record("main", [3, 4], "--mimic-record")
    for branch, numbers in (("early", [1, 3, 4]), ("late", [3, 4, 5])):
        git(project.root, "checkout", "-qb", branch, "main")
        record(branch, numbers)
    return project


def conflicts(project):
    return git(project.root, "diff", "--name-only", "--diff-filter=U").split()


def test_the_log_of_one_side_is_one_conversation(branches):
    git(branches.root, "merge", "-q", "early", check=False)
    git(branches.root, "checkout", "--theirs", *conflicts(branches))
    branches.tests(test_of([1, 3, 4]))

    branches.replay(env={"BRANCH": "none"}).expect(passed=1, real=[])


@pytest.mark.parametrize(
    ("command", "sides"),
    [
        (("merge", "early"), {"HEAD": "late", "early": "early"}),
        (("rebase", "early"), {"HEAD": "early", "(late)": "late"}),
        (("cherry-pick", "early"), {"HEAD": "late", "(early)": "early"}),
    ],
    ids=["merge", "rebase", "cherry-pick"],
)
def test_a_conflict_names_each_side_with_the_command_that_keeps_it(
    branches, command, sides
):
    git(branches.root, "-c", "core.editor=true", *command, check=False)
    [name] = [one for one in conflicts(branches) if one.endswith(".json")]
    branches.tests(test_of([1, 3, 4, 5]))

    run = branches.replay(env={"BRANCH": "none"}).expect(failed=1, real=[])

    ways = re.findall("to keep the side of (.*): (git checkout .*)", run.output)
    assert len(ways) >= len(sides)
    for label, branch in sides.items():
        [way] = {way for side, way in ways if side.endswith(label)}
        subprocess.run(way, shell=True, check=True, cwd=branches.root)
        assert (branches.root / name).read_text() == git(
            branches.root, "show", f"{branch}:{name}"
        )


def test_a_conflict_of_a_stash_names_each_side(branches):
    """A recording that was put aside meets that of another branch."""
    git(branches.root, "checkout", "-q", "main")
    git(branches.root, "checkout", "late", "--", branches.vault.name)
    git(branches.root, "stash", "-q")
    git(branches.root, "checkout", "-q", "early")
    git(branches.root, "stash", "pop", "-q", check=False)
    [name] = [one for one in conflicts(branches) if one.endswith(".json")]
    branches.tests(test_of([1, 3, 4, 5]))

    run = branches.replay(env={"BRANCH": "none"}).expect(failed=1, real=[])

    ways = dict(re.findall("to keep the side of (.*): (git checkout .*)", run.output))
    for label, branch in {
        "Updated upstream": "early",
        "Stashed changes": "late",
    }.items():
        subprocess.run(ways[label], shell=True, check=True, cwd=branches.root)
        assert (branches.root / name).read_text() == git(
            branches.root, "show", f"{branch}:{name}"
        )


def test_a_log_that_was_merged_by_hand_is_no_answer(branches):
    """Somebody keeps both sides, and removes the marks."""
    git(branches.root, "merge", "-q", "early", check=False)
    [path] = branches.vault.glob("logs/**/*.json")
    lines = path.read_text().splitlines(keepends=True)
    marks = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
    path.write_text("".join(line for line in lines if not line.startswith(marks)))
    branches.tests(test_of([1, 3, 4, 5]))

    run = branches.replay(env={"BRANCH": "none"}).expect(failed=1, real=[])

    assert "CorruptRecordingError" in run.output
