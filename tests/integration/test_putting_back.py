"""Section 8, `diff`: the lines under a test put it back as a whole, run in a shell with a real repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.git import git

SHOP = """
    class Odd:
        def __init__(self, n):
            self.n = n
        def __reduce__(self):
            return Odd, (self.n,)

    def version():
        return os.environ["VERSION"]

    def step(n):
        return f"step {n} of version {version()}"

    def text(n):
        return f"text {n} of version {version()} " + "x" * 70_000

    def shared():
        return f"shared in version {version()} " + "x" * 70_000

    def shared_too():
        return f"shared in version {version()} " + "x" * 70_000

    def odd():
        return Odd(version() + "x" * 70_000)
"""
TESTS = """
    def test_steps():
        for n in range(int(os.environ["VERSION"])):
            shop.step(0)

    def test_text():
        shop.text(1)

    def test_shared():
        shop.shared()

    def test_shared_too():
        shop.shared_too()

    def test_odd():
        shop.odd()
"""


class Shop:
    """A project in a repository: recorded from version 1, committed, recorded again from version 3."""

    def __init__(self, project):
        self.project = project
        self.root: Path = project.root
        project.write("shop.py", SHOP)
        project.ini("shop:step sequence", "shop:*")
        project.tests(TESTS)
        self.run("--mimic-record", version=1)
        git(self.root, "init", "-q")
        project.write(".gitignore", "__pycache__\n.pytest_cache\n")
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", "version 1")
        self.committed = project.files()
        self.run("--mimic-rerecord", version=3)

    def run(self, *words, version, passed=5):
        return self.project.run(*words, env={"VERSION": str(version)}).expect(
            passed=passed
        )

    def commands(self, test, folder):
        """Return the lines that put back a test, as they are printed in a folder."""
        [block] = re.findall(
            rf"^test_shop.py::{test}(?:, cassette [^\n]*)?\n(.*?)\n\n",
            self.project.command("diff", folder=folder).out,
            re.M | re.S,
        )
        lines = block.partition("to put it back:")[2].splitlines()
        return [line.strip() for line in lines if line.strip()]

    def put_back(self, test, folder=None):
        folder = folder or self.root
        commands = self.commands(test, folder)
        for line in commands:
            subprocess.run(line, shell=True, check=True, cwd=folder)
        return commands

    def shown(self):
        """Return the tests that `diff` shows."""
        out = self.project.command("diff").out
        return re.findall(r"^test_shop.py::(\w+)$", out, re.M)


@pytest.fixture
def shop(project):
    return Shop(project)


def test_each_test_that_is_put_back_replays_as_the_revision_did(shop):
    tests = ["test_odd", "test_shared", "test_shared_too", "test_steps", "test_text"]
    assert shop.shown() == tests

    for test in tests:
        shop.put_back(test)

    assert shop.shown() == []
    kept = shop.project.files()
    assert {name: kept[name] for name in shop.committed} == shop.committed
    shop.run(version=1)


def test_a_vault_that_was_added_to_the_index_is_put_back(shop):
    git(shop.root, "add", "-A")

    shop.put_back("test_text")

    assert "test_text" not in shop.shown()
    [kept] = {call.file for call in shop.project.calls("shop:text")}
    vault = f".mimic_vault/{kept}"
    assert git(shop.root, "status", "--porcelain", "--", vault) == ""
    assert shop.project.files()[kept] == shop.committed[kept]


def test_a_shared_object_stays_for_the_other_recording(shop):
    new = shop.project.files().keys() - shop.committed.keys()

    shop.put_back("test_shared")

    assert shop.project.files().keys() - shop.committed.keys() == new
    assert shop.shown().count("test_shared_too") == 1
    shop.run(version=3)


def test_names_are_quoted_for_the_shell_and_are_no_patterns(shop):
    shop.project.tests(
        """
        def test_it(mimic_auto):
            import shop
            with mimic_auto("a [b] 'c' $d", targets=["shop:step"]):
                shop.step(1)
        """
    )
    shop.run("--mimic-record", version=1, passed=1)
    beside = shop.project.vault / "cassettes/a b 'c' $d.json"
    beside.write_bytes(b"not named")

    shop.put_back("test_it")

    assert [path for path in shop.project.files() if path.startswith("cassettes")] == [
        "cassettes/a b 'c' $d.json"
    ]


def test_the_lines_work_in_the_folder_in_which_they_were_printed(shop):
    elsewhere = shop.root / "deeper" / "still"
    elsewhere.mkdir(parents=True)

    shop.put_back("test_text", elsewhere)

    assert "test_text" not in shop.shown()


def test_many_files_are_put_back_by_lines_that_a_terminal_takes(shop):
    shop.project.tests(
        "import shop\n\ndef test_many():\n    for n in range(60): shop.text(n)\n"
    )
    shop.run("--mimic-record", version=1, passed=1)

    commands = shop.put_back("test_many")

    assert max(map(len, commands)) < 4500
    assert "test_many" not in shop.shown()
