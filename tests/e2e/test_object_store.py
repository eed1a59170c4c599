"""Two clones of a repository share large objects through an object store, as its users do."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.git import git

from pytest_mimic._tools.cli.main import main

MODULE = """
import os
from hashlib import sha256

from tally import ran

def report(day):
    ran("report", day)
    seed = os.environ.get("SEED", "")
    return b"".join(sha256(f"{seed}{n}".encode()).digest() for n in range(4000))

def picture(path):
    ran("picture")
    with open(path, "wb") as file:
        file.write(report(0))
"""
TESTS = """
import os
from hashlib import sha256

import shop

def first(seed):
    return sha256(f"{seed}0".encode()).digest()

def test_report():
    assert shop.report(1)[:32] == first(os.environ.get("EXPECTED", ""))

def test_picture(tmp_path):
    shop.picture(str(tmp_path / "a.png"))
    assert len((tmp_path / "a.png").read_bytes()) == 128_000
"""


@pytest.mark.promise("large objects of a repository are shared through an object store, branch by branch")
def test_two_clones_and_two_branches(project, s3_url, monkeypatch, capsys):
    def call(folder: Path, *words: str) -> tuple[int, str]:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        code = main(list(words))
        return code, capsys.readouterr().out

    def replay(folder: Path, **env: str):
        monkeypatch.chdir(folder)
        # Nothing listens there: a replay that needed the store would fail.
        nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        return project.replay("-o", "mimic_network=block", env={**nowhere, **env})

    a, b = project.root, project.root.with_name(f"{project.root.name}-b")
    project.ini("shop:report", "shop:picture writes=path", mimic_objects=s3_url)
    project.module(MODULE)
    project.tests(TESTS)
    project.write(".gitignore", "__pycache__/\n*.tally\n")
    git(a, "init", "-q", "-b", "main")
    project.record().expect(passed=2)
    assert call(a, "push", "--check")[0] == 1
    assert call(a, "push")[0] == 0
    git(a, "add", "--all")
    git(a, "commit", "-qm", "one")
    tracked = git(a, "ls-files").split()
    # The functions that a call ran, which are noted from Python 3.12 on, stay in the repository.
    large = [
        name for name in tracked if "detached" in name or ("objects" in name and not name.endswith(".json"))
    ]
    assert not large

    # Another clone names what is missing, and gets it.
    git(a, "clone", "-q", ".", str(b))
    absent = replay(b)
    absent.expect(
        failed=2, real=[], says=["was not pulled (", "named by .mimic_vault/calls/", "pytest-mimic pull"]
    )
    code, out = call(b, "pull")
    assert (code, "pulled from " + s3_url in out) == (0, True)
    replay(b).expect(passed=2, real=[])
    assert git(b, "status", "--porcelain") == ""

    # A branch with another outcome for the same call. Both branches replay, in both clones.
    monkeypatch.chdir(a)
    git(a, "switch", "-qc", "other")
    project.run("--mimic-rerecord", env={"SEED": "x", "EXPECTED": "x"}).expect(passed=2)
    assert call(a, "push")[0] == 0
    git(a, "commit", "-qam", "two")
    git(b, "fetch", "-q", "origin", "other")
    git(b, "switch", "-q", "other")
    replay(b, EXPECTED="x").expect(failed=2, real=[], says=["was not pulled ("])
    assert call(b, "pull")[0] == 0
    replay(b, EXPECTED="x").expect(passed=2, real=[])
    git(b, "switch", "-q", "main")
    replay(b).expect(passed=2, real=[])
    code, out = call(b, "diff", "--git", "main..other")
    assert (code, "was not pulled" in out) == (1, False)
    # The other branch needs what this one does not, and the store has it.
    assert call(b, "check", "--fix")[0] == call(b, "push", "--check")[0] == 0
    git(b, "switch", "-q", "other")
    assert call(b, "pull")[0] == 0
    replay(b, EXPECTED="x").expect(passed=2, real=[])
