"""Pickles in Git LFS, by the line of the docs: a clone has pointers until they are pulled."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.git import git

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs git-lfs")

PAGE = Path(__file__).parents[2] / "docs/how-to/vault.md"
SHOP = """
    from ipaddress import ip_address

    def model(seed):
        ran(seed)
        shared = [ip_address("10.0.0.1")]
        return [shared, shared]
"""
TEST = """
    def test_model():
        first, second = shop.model(1)
        assert first is second
"""


@pytest.fixture
def pushed(project, tmp_path, monkeypatch):
    """A project whose vault was pushed to a bare repository.

    Returns the URL of that.
    """
    monkeypatch.setenv("HOME", str(tmp_path))  # `git lfs install` writes there
    git(tmp_path, "lfs", "install", "--skip-repo")
    lines = re.findall(
        r"^ +(\.mimic_vault/\S+ filter=lfs .*)$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    project.tests(TEST)
    project.ini("shop:model", pythonpath=".")
    project.write(".gitattributes", "\n".join(lines) + "\n")
    project.record().expect(passed=1, real=["1"])
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "recorded")
    git(project.root, "push", "-q", remote.as_uri(), "main")
    return remote.as_uri()


def test_a_pointer_that_was_not_pulled_is_an_error_that_git_lfs_pull_heals(
    project, pushed
):
    (pickle,) = project.vault.rglob("*.pkl")
    content = pickle.read_bytes()
    shutil.rmtree(project.root / ".git")
    shutil.rmtree(project.vault)
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "remote", "add", "origin", pushed)
    git(project.root, "lfs", "install", "--local", "--skip-smudge")

    git(project.root, "fetch", "-q", "origin")
    git(project.root, "reset", "-q", "--hard", "origin/main")

    name = pickle.relative_to(project.root).as_posix()
    error = f"CorruptRecordingError: {name} is a Git LFS pointer, its content was not pulled"
    assert pickle.read_bytes().startswith(b"version https://git-lfs")
    for run in (project.replay(), project.record()):
        run.expect(failed=1, real=[], says=[error, "git lfs pull"])
    assert pickle.read_bytes().startswith(b"version https://git-lfs")

    git(project.root, "lfs", "pull")

    assert pickle.read_bytes() == content
    project.replay().expect(passed=1, real=[])
    assert git(project.root, "status", "--porcelain", ".mimic_vault") == ""
