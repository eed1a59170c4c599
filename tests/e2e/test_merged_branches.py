"""Two branches have recorded, and git merges them."""

from __future__ import annotations

import shutil

import pytest
from support.git import git as run_git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

SHOP = """
    import os
    from tally import ran

    class Odd:
        '''An object that only a pickle keeps.'''
        def __init__(self, branch):
            self.branch = branch

        def __reduce__(self):
            return Odd, (self.branch,)

    def fetch(city):
        ran("fetch", city)
        return {"city": city, "from": os.environ["BRANCH"]}

    def table(city):
        ran("table", city)
        return (city, Odd(os.environ["BRANCH"]))
"""


def source_of(name, *cities):
    """A test file of a branch."""
    calls = "".join(
        f"    shop.fetch({city!r})\n    shop.table({city!r})\n" for city in cities
    )
    return f"import shop\n\ndef test_{name}():\n{calls}"


@pytest.fixture
def repository(project):
    """A repository whose branch `main` has recorded Oslo.

    Returns functions to record on a branch, and to merge one.
    """
    project.ini("shop:fetch", "shop:table", pythonpath=".")

    def git(*words):
        return run_git(
            project.root, *words, check=False
        )  # a merge with conflicts fails

    def record(branch, name, *cities, mode="--mimic-record"):
        project.write(f"test_{name}.py", source_of(name, *cities))
        project.run(mode, env={"BRANCH": branch}).expect(
            passed=len(list(project.root.glob("test_*.py")))
        )
        git("add", "-A")
        git("commit", "-qm", branch)

    git("init", "-q", "-b", "main")
    record("main", "oslo", "Oslo")
    project.git, project.record_on = git, record
    return project


def test_the_same_new_call_is_a_conflict_that_is_reported_and_recorded_again(
    repository,
):
    for branch in ("one", "two"):
        repository.git("checkout", "-qb", branch, "main")
        repository.record_on(branch, branch, "Rome")

    merged = repository.git("merge", "one")

    files = repository.git("diff", "--name-only", "--diff-filter=U").split()
    assert (merged.count("CONFLICT"), len(files)) == (2, 2)
    assert all(file.startswith(".mimic_vault/calls/shop") for file in files)
    command = "pytest --mimic-rerecord test_two.py::test_two"
    unresolved = repository.run(env={"BRANCH": "?"})
    unresolved.expect(
        passed=1, failed=2, real=[], says=["has a merge conflict, line ", command]
    )
    repository.git("checkout", "--theirs", ".mimic_vault")
    repository.replay(env={"BRANCH": "?"}).expect(passed=3, real=[])
    repository.run(
        "--mimic-rerecord", "test_two.py::test_two", env={"BRANCH": "merged"}
    ).expect(passed=1)
    repository.replay(env={"BRANCH": "?"}).expect(passed=3, real=[])


def test_an_object_that_one_branch_replaced_and_the_other_shared_is_reported(
    repository,
):
    """Git sees no conflict: one side deletes the file, the other has not touched it."""
    repository.module(SHOP.replace("return (city, ", "return (1, "))
    repository.record_on("main", "oslo", "Oslo", mode="--mimic-rerecord")
    repository.git("checkout", "-qb", "one", "main")
    repository.record_on("one", "oslo", "Oslo", mode="--mimic-rerecord")
    repository.git("checkout", "-qb", "two", "main")
    repository.record_on("main", "two", "Rome")

    merged = repository.git("merge", "one")

    command = "pytest --mimic-rerecord test_two.py::test_two"
    run = repository.run(env={"BRANCH": "?"})
    assert "CONFLICT" not in merged
    run.expect(passed=1, failed=1, real=[], says=[".pkl is missing", command])
    repository.run(
        "--mimic-rerecord", "test_two.py::test_two", env={"BRANCH": "two"}
    ).expect(passed=1)
    repository.replay(env={"BRANCH": "?"}).expect(passed=2, real=[])
