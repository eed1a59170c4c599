"""Attacks of `attack.py` on runs: kills, merges, edits, and plugins of pytest."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from attacked_project import Figures, Project, listed_counts

# One in so many calls of the system is interrupted.
STRIDE = os.environ.get("ATTACK_STRIDE", "1")
PAIRS = int(os.environ.get("ATTACK_PAIRS", "200"))


def attack_kills(python: Path) -> Figures:
    """Kill runs and commands at each call of the system, and count what is lost."""
    return interrupted(python, "kill")


def attack_refusals(python: Path) -> Figures:
    """Let each call of the system fail once, and count what is lost or half."""
    return interrupted(python, "refuse")


def interrupted(python: Path, how: str) -> Figures:
    """Return for each way of `interrupted_runs.py` its runs, and what they lost."""
    script = Path(__file__).with_name("interrupted_runs.py")
    folder = tempfile.mkdtemp(prefix="attack-")
    done = subprocess.run(
        [str(python), str(script), how, folder, STRIDE],
        capture_output=True,
        text=True,
        check=True,
    )
    figures: Figures = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        found = listed_counts(row["found"]) or "nothing lost"
        figures[f"{how}: {row['way']}"] = f"{row['interrupted']} runs, {found}"
    return figures


def attack_merges(python: Path) -> Figures:
    """Count how replays end after random branches were merged."""
    script = Path(__file__).with_name("merged_branches.py")
    folder = tempfile.mkdtemp(prefix="attack-")
    done = subprocess.run(
        [str(python), str(script), folder, str(PAIRS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return {f"merges: {PAIRS} pairs": listed_counts(json.loads(done.stdout))}


# Edits of a project, chosen by a seed.

EDITS = int(os.environ.get("ATTACK_EDITS", "12"))


def attack_edits(python: Path) -> Figures:
    """Count how replays end after seeded edits of four projects.

    The interpreter that runs this script needs what tests need, and the one that is
    attacked needs httpx and SQLAlchemy.
    """
    tests = Path(__file__).parent.parent / "tests"
    sys.path.insert(0, str(tests))
    from seeded_edits import CONFTEST, PROJECTS, edited
    from support.cart_server import cart_server

    figures: Figures = {}
    for name, (files, kinds) in PROJECTS.items():
        project = Project(python, {**files, "conftest.py": CONFTEST})
        # The files have an ini file of their own, with the targets.
        project.write("pytest.ini", files["pytest.ini"])
        texts = {file: (project.root / file).read_text() for file in files}
        counts = Counter[str]()
        with cart_server() as server:
            project.environment["CART"] = server.url
            database = project.root / "shop.db"
            project.environment["DATABASE"] = f"sqlite:///{database}"
            run_edited(project, server, "--mimic-record")
            for seed in range(EDITS):
                chance = random.Random(f"{name} {seed}")
                for _ in range(chance.randint(1, 2)):
                    file, text = edited(chance, texts, chance.choice(kinds))
                    (project.root / file).write_text(text)
                right = run_edited(project, server, "--mimic-live")
                replayed = run_edited(project, server)
                counts[verdict(replayed, right)] += 1
                for file, text in texts.items():
                    (project.root / file).write_text(text)
        figures[f"edits: {name}"] = listed_counts(counts)
    return figures


class EditedRun(NamedTuple):
    """A run of an edited project: what its tests got, and what it printed."""

    got: dict[str, object]
    output: str
    is_fine: bool


def run_edited(project: Project, server: object, *words: str) -> EditedRun:
    """Run the tests of a project, for which the server remembers nothing."""
    server.items.clear()  # type: ignore[attr-defined]
    log = project.root / "got.jsonl"
    log.write_text("")
    options = ("-q", "-rfE", "-p", "no:randomly", "-p", "no:cacheprovider")
    done = project.run("pytest", *options, *words)
    got = dict(map(json.loads, log.read_text().splitlines()))
    return EditedRun(got, done.stdout, is_fine=done.returncode == 0)


def verdict(replayed: EditedRun, right: EditedRun) -> str:
    """Return what a replay after an edit was. A test that fails says nothing wrong."""
    if replayed.got == right.got and replayed.is_fine:
        return "right"
    failed = set(
        re.findall(r"^(?:FAILED|ERROR) \S+::(\w+)", replayed.output, re.MULTILINE)
    )
    for test, results in right.got.items():
        if test not in failed and replayed.got.get(test) != results:
            if "code or files that have changed" in replayed.output:
                return "named"
            return "WRONG"
    return "missed"


# Plugins that change how or in which order tests run.

PLUGINS_SHOP = """
    import itertools, os

    counter = itertools.count()

    def ran():
        with open("real.log", "a") as file:
            file.write("ran" + chr(10))

    def fetch(number):
        ran()
        return {"number": number}

    def poll(key):
        ran()
        return next(counter)

    async def afetch(number):
        ran()
        return [number]

    def stream(number):
        ran()
        yield from range(number)

    def fail(number):
        ran()
        raise KeyError(number)
"""
PLUGINS_TESTS = """
    import asyncio, os, unittest
    import pytest, shop

    IS_FLAKY = bool(os.environ.get("FLAKY"))
    attempts = []

    @pytest.fixture(scope="module")
    def shared():
        return shop.fetch(1000)

    @pytest.mark.parametrize("number", range(8))
    def test_fetch(number, shared):
        assert shop.fetch(number) == {"number": number}

    def test_poll():
        first, second = shop.poll("a"), shop.poll("a")
        assert second == first + 1

    def test_afetch():
        assert asyncio.run(shop.afetch(3)) == [3]

    def test_stream():
        assert list(shop.stream(4)) == [0, 1, 2, 3]

    def test_fail():
        with pytest.raises(KeyError):
            shop.fail(5)

    def test_flaky():
        attempts.append(1)
        shop.fetch(2000 + len(attempts) * IS_FLAKY)
        assert not IS_FLAKY or len(attempts) > 1

    class TestCase(unittest.TestCase):
        def test_method(self):
            self.assertEqual(shop.fetch(77), {"number": 77})

        def test_parts(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertEqual(shop.fetch(number + 80), {"number": number + 80})

    def test_cassette(mimic_auto):
        with mimic_auto(targets=["shop:fetch"]):
            assert shop.fetch(99) == {"number": 99}

    def test_dropped():
        if not os.environ.get("DROP"):
            shop.fetch(555)
"""


class Manner(NamedTuple):
    """A plugin, by the words that request it."""

    words: str = ""
    is_flaky: bool = False
    """Whether it runs a failed test again."""


MANNERS = {
    "none": Manner(),
    "xdist": Manner("-p xdist -n 2"),
    "xdist, worksteal": Manner("-p xdist -n 2 --dist worksteal"),
    "randomly": Manner("-p randomly"),
    "random-order": Manner("-p random_order.plugin --random-order"),
    "rerunfailures": Manner("-p pytest_rerunfailures --reruns 2", is_flaky=True),
    "retry": Manner("-p pytest_retry.retry_plugin --retries 2", is_flaky=True),
    "flaky": Manner("-p flaky.flaky_pytest_plugin --force-flaky", is_flaky=True),
    "timeout": Manner("-p pytest_timeout --timeout 60"),
    "forked": Manner("-p pytest_forked --forked"),
    "cov": Manner("-p pytest_cov.plugin --cov=shop --cov-report="),
    "order": Manner("-p pytest_order.plugin"),
    "repeat": Manner("-p pytest_repeat --count 2"),
    "split": Manner("-p pytest_split.plugin --splits 1 --group 1"),
    "sugar": Manner("-p pytest_sugar"),
    "instafail": Manner("-p pytest_instafail --instafail"),
    "socket": Manner("-p pytest_socket --disable-socket --allow-unix-socket"),
    "subtests": Manner("-p pytest_subtests.plugin"),
}


def attack_plugins(python: Path) -> Figures:
    """Count what plugins change: real calls of replays, failures, unused recordings."""
    targets = ["shop:fetch", "shop:afetch", "shop:stream", "shop:fail"]
    figures: Figures = {}
    for name, manner in MANNERS.items():
        files = {"shop.py": PLUGINS_SHOP, "test_shop.py": PLUGINS_TESTS}
        project = Project(python, files, *targets, "shop:poll sequence")
        project.environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        project.environment["PYTEST_PLUGINS"] = "pytest_mimic.plugin"
        if manner.is_flaky:
            project.environment["FLAKY"] = "1"
        words = manner.words.split()
        recorded = told(project, *words, "--mimic-record")
        project.environment["PYTHONHASHSEED"] = "7"
        replayed = told(project, *words, "--mimic-fail-on-unused")
        project.environment["DROP"] = "1"
        dropped = told(project, *words, "--mimic-fail-on-unused")
        figures[f"plugins: {name}"] = f"{recorded}; replay {replayed}; drop {dropped}"
    return figures


def told(project: Project, *words: str) -> str:
    """Run tests, and return their exit code, failures and real calls in few words."""
    log = project.root / "real.log"
    log.unlink(missing_ok=True)
    done = project.run("pytest", "-q", "-p", "no:cacheprovider", *words)
    output = done.stdout + done.stderr
    real_calls = 0
    if log.exists():
        real_calls = len(log.read_text().splitlines())
    summary = f"{done.returncode}, {real_calls} real"
    failures = re.search(r"(\d+) (?:failed|errors?)\b", output)
    if failures is not None:
        summary += f", {failures[0]}"
    unused = re.search(r"\d+ recordings? unused", output)
    if unused is not None:
        summary += f", {unused[0]}"
    if "INTERNALERROR" in output:
        summary += ", INTERNALERROR"
    return summary
