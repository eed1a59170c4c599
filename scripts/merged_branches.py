"""Let git merge random pairs of branches that have both recorded, and replay.

    PYTHON merged_branches.py FOLDER PAIRS

Each branch records new tests, records old ones again, renames one with `mv`, or drops
one with `--mimic-clear-unused`. What a test gets after the merge has to be what it got
on one of the branches, all of one run. It may fail.

Prints, as JSON, how many pairs merged with and without a conflict, and how the tests
ended. Needs Git.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from forked_runs import NOTING, ForkedRuns, serving

CITIES = ("oslo", "rome", "bonn", "lima")
SHOP = """
    import http.client, os
    from array import array

    def fetch(city):
        return {"run": os.environ["RUN"], "city": city, "days": list(range(30))}

    def table(city):
        return array("i", [1]), os.environ["RUN"]

    def text(city):
        return os.environ["RUN"], "x" * 9000 + os.environ["RUN"]

    def turn(city):
        return [os.environ["RUN"], list(range(40))]

    def ask(city):
        connection = http.client.HTTPConnection(os.environ["SERVER"])
        connection.request("GET", f"/{city}", headers={"X-Run": os.environ["RUN"]})
        return connection.getresponse().read().decode()
"""
INI = """
    [pytest]
    pythonpath = .
    addopts = -q -p pytest_mimic.plugin -p no:cacheprovider
    mimic_functions =
        shop:fetch
        shop:table
        shop:text
        shop:turn sequence
        http.client
"""
TESTS = """
    import shop

    def test_fetch():
        note(__name__ + " fetch", "", lambda: [shop.fetch("{city}")["run"]])

    def test_table():
        note(__name__ + " table", "", lambda: [shop.table("{city}")[1]])

    def test_text():
        note(__name__ + " text", "", lambda: [shop.text("{city}")[0]])

    def test_turns():
        for number in range(8):
            note(__name__ + " turns", number, lambda: shop.turn("{city}"))

    def test_conversation():
        for number in range(8):
            note(__name__ + " conversation", number, lambda: [shop.ask("{city}")])

    def test_cassette(mimic_auto):
        with mimic_auto("{city}", targets=["shop:fetch"]):
            for day in range(3):
                note(__name__ + " cassette", day, lambda: [shop.fetch(day)["run"]])
"""
# Of each owner, the runs that have made its answers.
Answers = dict[str, set[str]]


class Repository:
    """A project that is recorded on branches."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        self._root = root
        self._chance = chance
        self._runs = ForkedRuns(root)
        root.joinpath("shop.py").write_text(dedent(SHOP))
        root.joinpath("pytest.ini").write_text(dedent(INI))
        root.joinpath(".gitignore").write_text("*.pyc\ngot.jsonl\noutput.txt\n")
        self.git("init", "-q", "-b", "base")
        for city in chance.sample(CITIES, 2):
            self._add_test(city)
        self._record("base 0", "--mimic-record")
        self._commit()

    def git(self, *words: str) -> str:
        """Run git with an identity, and return what it prints."""
        settings = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com")
        done = subprocess.run(
            ["git", *settings, *words],
            cwd=self._root,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def change(self, branch: str) -> Answers:
        """Record on a new branch from `base`; return what its tests get then."""
        self.git("checkout", "-q", "-b", branch, "base")
        for number in range(self._chance.randint(1, 3)):
            self._change_once(f"{branch} {number}")
            self._commit()
        return self.answers()

    def prepare(self) -> None:
        """Import what runs import."""
        self._runs.prepare("pytest --mimic-record")

    def answers(self) -> Answers:
        """Return what the tests get in a replay."""
        self._runs.run("pytest", RUN="replay")
        answers = defaultdict[str, set[str]](set)
        for (owner, _), run in self._runs.results().items():
            answers[owner].add(run)
        return answers

    def _change_once(self, run: str) -> None:
        tests = sorted(self._root.glob("test_*.py"))
        test = self._chance.choice(tests)
        ways = ("new", "again", "again", "some again", "rename", "drop")
        way = self._chance.choice(ways)
        if way == "new":
            self._add_test(self._chance.choice(CITIES))
            self._record(run, "--mimic-record")
        elif way == "again":
            self._record(run, "--mimic-rerecord", test.name)
        elif way == "some again":
            self._record(run, "--mimic-rerecord", "-k 'turns or table'")
        elif way == "rename":
            new = f"{test.stem}_{self._chance.choice('ab')}.py"
            test.rename(test.with_name(new))
            self._runs.run(f"mv {test.name} {new}")
        elif len(tests) > 1:
            test.unlink()
            self._record(run, "--mimic-record", "--mimic-clear-unused")

    def _add_test(self, city: str) -> None:
        text = dedent(TESTS).format(city=city) + dedent(NOTING)
        self._root.joinpath(f"test_{city}.py").write_text(text)

    def _record(self, run: str, *words: str) -> None:
        command = " ".join(["pytest", *words])
        self._runs.run(command, RUN=run)

    def _commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "changed")


def merged(root: Path, seed: int) -> Iterator[str]:
    """Merge a random pair of branches, and yield what is found."""
    repository = Repository(root, random.Random(seed))
    one = repository.change("one")
    two = repository.change("two")
    told = repository.git("merge", "-q", "--no-edit", "one")
    yield "merged with a conflict" if "CONFLICT" in told else "merged"
    for owner, runs in repository.answers().items():
        if any("Error" in run for run in runs):
            yield "fails"
        elif len(runs) > 1:
            yield f"MIXED {owner} in {seed}"
        elif runs in answers_of_branches(owner, one, two):
            yield "right"
        else:
            yield f"WRONG {owner} in {seed}"


def answers_of_branches(owner: str, *branches: Answers) -> list[set[str]]:
    """Return what an owner got on the branches, in one of which it was renamed."""
    city, kind = owner.split()
    answers = []
    for branch in branches:
        for other, runs in branch.items():
            other_city, other_kind = other.split()
            if other_city[:9] == city[:9] and other_kind == kind:
                answers.append(runs)
    return answers


def main() -> None:
    """Merge pairs, and print what was found."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("pairs", type=int, metavar="PAIRS")
    options = parser.parse_args()
    counts = Counter[str]()
    with serving() as os.environ["SERVER"]:
        Repository(options.folder, random.Random()).prepare()
        for seed in range(options.pairs):
            counts.update(merged(options.folder, seed))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
