"""Section 5, security: what is deleted has a name of ours and lies in our folder."""

from __future__ import annotations

import os
import shutil

import pytest

SHOP = """
    def kept(n):
        ran("kept", n)
        return "k" * 70_000

    def other(n):
        ran("other", n)
        return "o" * 70_000
"""
TESTS = """
    def test_kept():
        shop.kept(1)
"""
FOREIGN = {
    "a.py": "print()",
    "notes.txt": "mine",
    "data.json": '{"mine": 1}',
    "sub/deep.bin": "\0",
}
DELETING = {
    "a run that clears": ["--mimic-clear-unused"],
    "a failing run": ["--mimic-clear-unused", "--mimic-rerecord", "--fails"],
    "rm": ["rm", "shop:other"],
    "check": ["check", "--fix"],
    "mv": ["mv", "test_shop.py::test_kept", "test_shop.py::test_moved"],
}
CONFTEST = """
    def pytest_addoption(parser):
        parser.addoption("--fails", action="store_true")

    def pytest_runtest_teardown(item):
        assert not item.config.option.fails
"""


@pytest.fixture
def shop(project):
    project.ini("shop:*")
    project.module(SHOP)
    project.conftest(CONFTEST)
    project.tests(TESTS + "\n    def test_other():\n        shop.other(1)\n")
    project.record().expect(passed=2)
    project.tests(TESTS)
    return project


def put(folder):
    """Put files of a user into a folder, and return them all."""
    for name, text in FOREIGN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return files(folder)


def files(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def act(shop, words):
    if words[0].startswith("--"):
        return shop.run(*words).output
    answer = shop.command(*words)
    return answer.out + answer.err


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("work", DELETING)
@pytest.mark.parametrize("folder", ["objects", "calls", "logs", "cassettes", "other"])
def test_nothing_behind_a_link_is_deleted(shop, folder, work):
    """Git carries such links. Their files may have names of ours, too."""
    behind = shop.root / "important"
    here = shop.vault / folder
    if here.is_dir():
        here.rename(behind)
    before = put(behind)
    here.symlink_to(behind)

    act(shop, DELETING[work])

    assert files(behind) == before
    checked = shop.command("check").out
    about = [line for line in checked.splitlines() if ", and " not in line]
    assert "\n".join(about).count(f".mimic_vault/{folder}") == 1
    if folder in ("calls", "logs", "cassettes"):
        moving = ["mv", "-n", "test_shop.py", "test_other.py"]
        for words in (["ls"], ["show", "a:b"], ["rm", "-n", "a:b"], moving):
            assert f".mimic_vault/{folder} is a link or no folder" in act(shop, words)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_check_names_all_that_is_wrong_beside_linked_locks(shop):
    left = shop.vault / "logs" / "test_shop.py" / "left.txt"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("left")
    locks = shop.vault / ".locks"
    behind = shop.root / "behind"
    behind.mkdir()
    if locks.is_dir():
        shutil.rmtree(locks)
    locks.symlink_to(behind)

    checked = shop.command("check").out

    assert ".mimic_vault/.locks is a link or no folder" in checked
    assert f"{left.name} is not a file of a vault" in checked


@pytest.mark.parametrize("work", DELETING)
def test_files_of_a_user_stay_and_are_named_once(shop, work):
    folders = ["objects", "objects/9f", "calls", "calls/shop.kept", "logs", "cassettes"]
    put(shop.vault)
    for folder in folders:
        put(shop.vault / folder)

    act(shop, DELETING[work])

    checked = shop.command("check").out
    for folder in ["", *(f"{folder}/" for folder in folders)]:
        for name in FOREIGN:
            assert (shop.vault / folder / name).exists()
            assert checked.count(f".mimic_vault/{folder}{name} ") == 1
    left = [file for file in shop.files("objects") if file.endswith(".txt")]
    texts = [file for file in left if "notes" not in file]
    assert len(texts) == (1 if work in ("a run that clears", "rm") else 2)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_check_names_a_folder_of_locks_that_is_a_link(shop):
    (shop.root / "elsewhere").mkdir()
    (shop.vault / ".locks").rename(shop.root / "locks")
    (shop.vault / ".locks").symlink_to("../elsewhere")

    checked = shop.command("check", "--fix")

    assert checked.code == 1
    assert ".mimic_vault/.locks is a link" in checked.text
    assert os.listdir(shop.root / "elsewhere") == []


def test_the_vault_may_be_a_link(shop):
    shop.vault.rename(shop.root / "elsewhere")
    shop.vault.symlink_to("elsewhere")

    shop.replay("--mimic-clear-unused").expect(passed=1, real=[])

    assert "shop.other" not in str(files(shop.root / "elsewhere"))
    assert shop.command("check").code == 0


def test_what_would_be_fixed_is_still_wrong(shop):
    shop.command("rm", "shop:other")
    name = "objects/9f/" + "9f31" * 8 + ".bin"
    (shop.vault / name).parent.mkdir()
    (shop.vault / name).touch()

    codes = [shop.command("check", "--fix", *n).code for n in (["-n"], [], ["-n"])]

    assert codes == [1, 0, 0]
