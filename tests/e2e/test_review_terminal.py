"""A review on a pseudo-terminal, whose output the documentation shows."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.loopback import Handler, Server, serving

from pytest_mimic._tools.cli.main import main

pytest.importorskip("pty", reason="needs pseudo-terminals")
pytest.importorskip("PIL", reason="needs Pillow")

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script() -> Any:
    """The script that makes the documentation's terminal."""
    spec = importlib.util.spec_from_file_location(
        "review_transcript", ROOT / "scripts/review_transcript.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_letters_decide_and_the_documentation_shows_it(
    script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    shown = "".join(script.transcript(tmp_path))
    rest = script.review(tmp_path, keys="r")

    assert shown == (ROOT / "docs/_terminal/review.txt").read_text(encoding="utf-8")
    assert re.findall("^> (.)$", shown, re.MULTILINE) == list("arsa")
    assert rest.endswith("\n1 refused\n")
    vault = b"".join(
        path.read_bytes() for path in (tmp_path / ".mimic_vault/calls").rglob("*.json")
    )
    assert b"Kenya" in vault
    assert b"2.75" in vault
    assert b'"4711"' in vault
    assert not list(tmp_path.glob(f".*{os.getpid()}*"))


SHOP = """
    import os, urllib.request

    def price(n):
        return {"n": n, "version": os.environ["VERSION"]}

    def same(n):
        return n

    def order():
        with urllib.request.urlopen(os.environ["API"] + "/orders/1") as answer:
            return answer.read()
"""
TESTS = """
    import pytest, shop

    @pytest.mark.parametrize("n", range(24))
    def test_price(n):
        assert shop.price(n)["n"] == n

    @pytest.mark.parametrize("n", range(4))
    def test_same(n):
        assert shop.same(n) == n

    def test_order():
        assert b"version" in shop.order()

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["shop:price"]):
            shop.price(99)
"""
# Runs the command until the twelfth recording is written and about to get its name.
KILLED = """
import os, signal, sys

replace, written = os.replace, []

def dying(source, target):
    if ".mimic_vault/c" in os.fspath(target):
        written.append(target)
        if len(written) == 12:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = dying
from pytest_mimic._tools.cli.main import main
sys.exit(main(["review", "--accept", "*"]))
"""


class Service(Handler):
    """A JSON API whose answer has a version."""

    version = "1"

    def do_GET(self) -> None:
        self.json({"id": 1, "version": self.version})


def recordings_in(folder: Path) -> dict[str, bytes]:
    """Return the recordings and cassettes of a vault, without durations and the dates of answers."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("c*/**/*.json")
    }
    return {
        name: re.sub(rb'"duration": [0-9.e-]+|"Date", "[^"]*"', b"", data)
        for name, data in found.items()
    }


def test_of_thirty_changes_none_is_half_accepted(
    script: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of functions, HTTP, a cassette, and of a source alone; decided on a terminal, then by a command that is killed."""
    project.ini("shop:price", "shop:same", "http.client")
    project.module(SHOP)
    project.tests(TESTS)
    with serving(Server(Service)) as server:
        project.run("--mimic-record", env={"VERSION": "1", "API": server.url}).expect(
            passed=30
        )
        before = recordings_in(project.vault)
        project.module(SHOP.replace("return n\n", "return n + 0\n"))
        monkeypatch.setattr(Service, "version", "2")
        later = {"VERSION": "2", "API": server.url}
        shutil.copytree(project.vault, project.root / "again")
        project.run("--mimic-rerecord", "--mimic-vault=again", env=later).expect(
            passed=30
        )
        run = project.run("--mimic-verify", "--mimic-review", env=later)
    after = recordings_in(project.root / "again")
    waits = "30 changes wait for a review, the vault is as it was: pytest-mimic review"
    assert (run.section[-1], run.changed) == (waits, set())
    assert [name for name in before if before[name] == after[name]] == []

    def accepted() -> int:
        """Return how many are accepted. Each recording is the old or the new one."""
        now = recordings_in(project.vault)
        assert [
            name for name in before if now[name] not in (before[name], after[name])
        ] == []
        return sum(now[name] == after[name] for name in before)

    shown = script.review(project.root, keys="aaaaarrrrrsssssq")
    assert shown.endswith("\n5 accepted, 5 refused, 20 undecided\n")
    assert accepted() == 5

    monkeypatch.chdir(project.root)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert accepted() == 5 + 11

    assert main(["review", "--accept", "*"]) == 0
    assert accepted() == 25
    assert main(["check"]) == 0
    assert not (project.root / ".mimic_review").exists()
