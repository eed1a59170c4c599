"""Section 5, *Vault*: two branches that recorded one test again conflict, or are named."""

from __future__ import annotations

import shutil

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


def test_a_log_with_marks_of_a_conflict_is_named_as_such(branches):
    git(branches.root, "merge", "-q", "early", check=False)
    branches.tests(test_of([1, 3, 4, 5]))

    run = branches.replay(env={"BRANCH": "none"}).expect(failed=1, real=[])

    assert "conflict" in run.output


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
