"""Attacks of `attack.py` on single files of a vault: bytes, fields, irregular files.

Each test of one run has a file of its own, which is damaged in a way of its own.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from attacked_project import Figures, Project, listed_counts
from forked_runs import serving

SHOP = """
    import http.client, itertools, os
    from array import array

    turns = itertools.count()

    def plain(number):
        return {"name": "ann", "number": number, "parts": [1.5, None, True]}

    def pickled(number):
        return array("i", [number])

    def large(number):
        return [number, *range(12000)]

    def turn(number):
        return {"turn": next(turns) % 3, "number": number}

    def ask(number):
        connection = http.client.HTTPConnection(os.environ["SERVER"])
        run = {"X-Run": f"turn {next(turns) % 3}"}
        connection.request("GET", f"/{number}", headers=run)
        return connection.getresponse().read().decode()
"""
TESTS = """
    from array import array
    import pytest, right, shop

    def values(name, number):
        if name == "turn":
            return [{{"turn": turn, "number": number}} for turn in range(3)]
        if name == "ask":
            return [f"turn {{turn}}" for turn in range(3)]
        return [getattr(right, name)(number)]

    @pytest.mark.parametrize("number", range({count}))
    def test_it(number):
        for value in values("{name}", number):
            assert shop.{name}(number) == value
"""
TARGETS = ("shop:plain", "shop:pickled", "shop:large", "shop:turn sequence", "http")


class Kind(NamedTuple):
    """A kind of file, and the function whose calls have one for each number."""

    function: str
    pattern: str
    key: str = ""
    """The key under which a recording names the file, if it is an object."""


KINDS = {
    "recording": Kind("plain", "calls/**/*.json"),
    "recording of a pickle": Kind("pickled", "calls/**/*.json"),
    "recording of an object": Kind("large", "calls/**/*.json"),
    "log of a function": Kind("turn", "logs/**/*.json"),
    "log of a client": Kind("ask", "logs/**/*.json"),
    "pickle": Kind("pickled", "calls/**/*.json", "$pickle"),
    "object": Kind("large", "calls/**/*.json", "$json"),
}
Damage = Callable[[Path], bool]
"""Damages a file; returns whether the recorded outcome itself was edited."""


class Attacked:
    """A project with a test for each damage to a kind of file."""

    def __init__(self, python: Path, kind: Kind, count: int) -> None:
        tests = TESTS.format(name=kind.function, count=count)
        files = {"shop.py": SHOP, "right.py": SHOP, "test_shop.py": tests}
        self.project = Project(python, files, *TARGETS)
        self._kind = kind
        with serving() as address:
            self.project.environment["SERVER"] = address
            self.project.test("--mimic-record", "-p", "no:randomly")

    def files(self) -> dict[int, Path]:
        """Return the file of each test by its number."""
        files = {}
        for path in self.project.vault.glob(self._kind.pattern):
            recording = json.loads(path.read_text())
            found = re.search(r"\[(\d+)\]", recording["owner"])
            assert found is not None
            if self._kind.key:
                value = recording["log"][0]["value"]
                path = self.project.vault / value[self._kind.key]
            files[int(found[1])] = path
        return files

    def ends(self, damages: list[Damage]) -> Counter[str]:
        """Damage the file of each test, and count how the tests end in a replay."""
        edited = set()
        for number, file in self.files().items():
            if number < len(damages) and damages[number](file):
                edited.add(number)
        ends = Counter[str]()
        for test, end in self.project.test("-p", "no:randomly").items():
            found = re.search(r"\[(\d+)\]", test)
            number = int(found[1]) if found else -1
            if end == "passed":
                ends["right"] += 1
            elif end == "AssertionError":
                ends["edited outcome" if number in edited else f"WRONG {number}"] += 1
            else:
                ends[end] += 1
        return Counter(dict(ends.most_common()))


# Bytes.

# How many files of each kind are damaged, each at a place of its own.
CASES = int(os.environ.get("ATTACK_CASES", "1000"))
# Of a larger file only the first bytes are damaged.
MOST_BYTES = 5000


def with_turned_bit(data: bytes, position: int) -> bytes:
    """Return a file with another bit in the byte at a position."""
    turned = bytes([data[position] ^ 1 << position % 8])
    return data[:position] + turned + data[position + 1 :]


def with_lost_byte(data: bytes, position: int) -> bytes:
    """Return a file without the byte at a position."""
    return data[:position] + data[position + 1 :]


def with_repeated_byte(data: bytes, position: int) -> bytes:
    """Return a file with the byte at a position twice."""
    return data[: position + 1] + data[position:]


def with_zero(data: bytes, position: int) -> bytes:
    """Return a file whose byte at a position is zero."""
    return data[:position] + b"\0" + data[position + 1 :]


def cut_off(data: bytes, position: int) -> bytes:
    """Return the bytes before a position."""
    return data[:position]


CHANGES = (
    with_turned_bit,
    with_turned_bit,
    with_lost_byte,
    with_repeated_byte,
    with_zero,
    cut_off,
)


def attack_bytes(python: Path) -> Figures:
    """Count how a replay ends when one byte of a file is another."""
    figures: Figures = {}
    for name, kind in KINDS.items():
        chance = random.Random(name)
        damages = [damage_of_a_byte(chance) for _ in range(CASES)]
        ends = Attacked(python, kind, CASES).ends(damages)
        figures[f"bytes of a {name}"] = listed_counts(ends)
    return figures


def damage_of_a_byte(chance: random.Random) -> Damage:
    """Return the damage of a random byte."""

    def damage(file: Path) -> bool:
        before = file.read_bytes()
        position = chance.randrange(min(len(before), MOST_BYTES))
        after = chance.choice(CHANGES)(before, position)
        file.write_bytes(after)
        return is_edit_of_outcome(before, after)

    return damage


def is_edit_of_outcome(before: bytes, after: bytes) -> bool:
    """Check whether JSON has changed in what calls gave, and in nothing else."""
    try:
        old, new = json.loads(before), json.loads(after)
    except ValueError:
        return False
    return old != new and without_outcomes(old) == without_outcomes(new)


def without_outcomes(tree: Any) -> Any:
    """Return JSON without what calls gave."""
    if isinstance(tree, list):
        return [without_outcomes(part) for part in tree]
    if isinstance(tree, dict):
        return {
            key: without_outcomes(part)
            for key, part in tree.items()
            if key not in OUTCOMES
        }
    return tree


# Fields.

OTHER_VALUES = (None, 17, -1, 1.5, True, "text", "", [], {}, [None], {"$tuple": [1]})
OUTCOMES = {"value", "answer", "raised", "items"}
Step = str | int


def attack_fields(python: Path) -> Figures:
    """Count how a replay ends when a field of a file is gone, or is of another type."""
    figures: Figures = {}
    for name, kind in KINDS.items():
        if kind.key:
            continue
        [example] = Attacked(python, kind, 1).files().values()
        cases: list[tuple[list[Step], object]] = []
        for path in paths_in(json.loads(example.read_text())):
            cases.append((path, paths_in))  # stands for no value
            cases += [(path, value) for value in OTHER_VALUES]
        damages = [damage_to(path, value) for path, value in cases]
        attacked = Attacked(python, kind, len(cases))
        ends = attacked.ends(damages)
        for end in [end for end in ends if end.startswith("WRONG")]:
            path, value = cases[int(end.split()[1])]
            ends[f"WRONG {path} {value}"] = ends.pop(end)
        figures[f"fields of a {name}"] = listed_counts(ends)
    return figures


def paths_in(tree: Any, *before: Step) -> Iterator[list[Step]]:
    """Yield the paths of all parts of JSON, of long lists only those of the first."""
    steps: list[Step] = []
    if isinstance(tree, dict):
        steps = list(tree)
    elif isinstance(tree, list):
        steps = list(range(min(len(tree), 3)))
    for step in steps:
        yield [*before, step]
        yield from paths_in(tree[step], *before, step)


def damage_to(path: list[Step], value: object) -> Damage:
    """Return the damage that deletes a field, or gives it another value."""

    def damage(file: Path) -> bool:
        tree = json.loads(file.read_text())
        *before, last = path
        holder = tree
        for step in before:
            holder = holder[step]
        if value is paths_in:
            del holder[last]
        else:
            holder[last] = deepcopy(value)
        file.write_text(json.dumps(tree, indent=1))
        return not OUTCOMES.isdisjoint(path)

    return damage


# Files that are no regular ones.


def attack_irregular_files(python: Path) -> Figures:
    """Count how a replay ends when a file is a link, a pipe, a socket or a folder."""
    figures: Figures = {}
    for name, kind in KINDS.items():
        attacked = Attacked(python, kind, len(IRREGULAR))
        figures[f"irregular {name}"] = listed_counts(attacked.ends(list(IRREGULAR)))
        checked = attacked.project.run("pytest_mimic", "check")
        told = checked.stdout.count("is not a regular file")
        figures[f"irregular {name}: named by check"] = str(told)
    return figures


def link_to(target: str) -> Damage:
    """Return the damage that puts a link in the place of a file."""

    def damage(file: Path) -> bool:
        file.unlink()
        file.symlink_to(target)
        return False

    return damage


def behind_a_link(file: Path) -> bool:
    """Leave a link to the file."""
    place = Path(tempfile.mkdtemp(prefix="attack-"), file.name)
    shutil.move(file, place)
    file.symlink_to(place)
    return False


def pipe(file: Path) -> bool:
    """Put a pipe in the place of a file."""
    file.unlink()
    os.mkfifo(file)
    return False


def socket_of_unix(file: Path) -> bool:
    """Put a socket in the place of a file."""
    # The path of a socket has at most a hundred characters.
    place = Path(tempfile.mkdtemp(), "s")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))
    file.unlink()
    shutil.move(place, file)
    return False


def folder(file: Path) -> bool:
    """Put a folder in the place of a file."""
    file.unlink()
    file.mkdir()
    return False


IRREGULAR = (
    behind_a_link,
    link_to("nothing"),
    link_to("/dev/zero"),
    link_to("/dev/stdin"),
    link_to("/proc/self/environ"),
    link_to("/etc"),
    link_to("."),
    pipe,
    socket_of_unix,
    folder,
)
