"""Makes mutants of the source, and checks that tests still kill them.

It is run after a large change.

    python scripts/mutants.py make [--seed N]
        sample mutants, run them and write scripts/mutants.txt
    python scripts/mutants.py check [--tests PACKAGE=PATH ...]
        run again those that were killed
    python scripts/mutants.py prune
        drop those whose lines are gone
    python scripts/mutants.py refresh [--seed N] [--package PACKAGE ...]
        drop those whose lines are gone, and sample and run as many others

A mutant is the source with one small error. It is killed if a test fails. `make` and
`refresh` need cosmic-ray. `check` looks for the original lines of a mutant in a
function of the same name, in any file. It exits with 1 if a mutant survives. Tests run
in a copy of the checkout: the source does not change. Several paths, files or folders
of tests, may be given for a package. Those in scripts/mutants.txt whose lines are
deleted or changed are gone. All commands but `prune` need POSIX.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "pytest_mimic"
LIST = ROOT / "scripts" / "mutants.txt"
UNIT = "tests/unit/core"
# How many mutants each package gets.
COUNTS = {
    "redact": 30,
    "vault": 70,
    "engine": 100,
    "identity": 100,
    "outcome": 100,
    "types": 20,
}
# Lines that matter to type checkers only, and operators that hardly change what a
# comparison means or break any.
SKIPPED = re.compile(r"TYPE_CHECKING|TypeAlias|@overload|@final|@override")
WEAK = re.compile(r"Variable|Operator_(Eq_Is|NotEq_IsNot|(Is|IsNot)_(Lt|Gt|LtE|GtE))$")
PYTEST = (
    "-m pytest -x -q --tb=no -p no:randomly -p no:cacheprovider"
    " --hypothesis-profile=ci --basetemp=.tmp/t"
).split()

# The line and the column at which something starts.
Start = tuple[int, int]
# The name of an operator, and what makes the text of the file with the mutant.
Way = tuple[str, Callable[[], str]]


@dataclass(frozen=True)
class Mutant:
    """Lines in a function and what they become, without indentation.

    The test is the one that failed.
    """

    package: str
    file: str
    scope: str
    operator: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    outcome: str = ""
    test: str = ""

    def __str__(self) -> str:
        facts = (
            self.package,
            self.file,
            self.scope,
            self.operator,
            self.outcome,
            self.test,
        )
        lines = [" | ".join(fact for fact in facts if fact)]
        for line in self.before:
            lines.append(f"- {line}".rstrip())
        for line in self.after:
            lines.append(f"+ {line}".rstrip())
        return "\n".join(lines)


# -- the list


def read_list() -> Iterator[Mutant]:
    """Read the list that `make` wrote."""
    text = LIST.read_text("utf-8")
    without_comments = re.sub(r"(?m)^#.*\n", "", text).strip()
    for block in re.split(r"\n\n+", without_comments):
        head, *lines = block.split("\n")
        before = tuple(line[2:] for line in lines if line[0] == "-")
        after = tuple(line[2:] for line in lines if line[0] == "+")
        package, file, scope, operator, *outcome = head.split(" | ")
        yield Mutant(package, file, scope, operator, before, after, *outcome)


def write_list(mutants: list[Mutant], head: str) -> None:
    """Write the list, which `read_list` reads."""
    parts = [f"{head}\n{counts(mutants)}"]
    for outcome in ("killed", "timeout", "survived"):
        found = [str(mutant) for mutant in mutants if mutant.outcome == outcome]
        parts += [f"# {outcome}: {len(found)}", *found]
    LIST.write_text("\n\n".join(parts) + "\n", "utf-8")


def counts(mutants: list[Mutant]) -> str:
    """Return the number of mutants by package and outcome."""
    numbers_by_package: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        numbers_by_package[mutant.package][mutant.outcome] += 1
    lines = []
    for package, numbers in numbers_by_package.items():
        texts = [f"{number} {outcome}" for outcome, number in sorted(numbers.items())]
        lines.append(f"# {package}: {', '.join(texts)}")
    return "\n".join(lines)


# -- where the lines of a mutant are


class Place(NamedTuple):
    """Where the original lines of a mutant are; the best place is the least."""

    is_other_scope: bool
    is_other_file: bool
    file: Path
    """The path in the folder of the source."""
    line: int
    """The number of the first line, from 0."""


def scopes(text: str) -> list[str]:
    """Return the qualified name of the function or class that each line is in."""
    names = ["module"] * (text.count("\n") + 1)
    note_scopes(ast.parse(text), "", names)
    return names


def note_scopes(node: ast.AST, outer: str, names: list[str]) -> None:
    """Note the functions and classes inside of a node; `outer` is its own name."""
    for child in ast.iter_child_nodes(node):
        name = outer
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{outer}.{child.name}".lstrip(".")
            decorator_lines = [decorator.lineno for decorator in child.decorator_list]
            first_line = min([child.lineno, *decorator_lines])
            last_line = child.end_lineno or first_line
            for line in range(first_line, last_line + 1):
                names[line - 1] = name
        note_scopes(child, name, names)


def places(mutant: Mutant) -> list[Place]:
    """Return where the original lines are in a function of this name, the best first.

    The class of the function and its file may be other ones.
    """
    found = []
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        lines = [line.strip() for line in text.split("\n")]
        if mutant.before[0] not in lines:
            continue
        file = path.relative_to(SOURCE)
        for number, scope in enumerate(scopes(text)):
            lines_here = tuple(lines[number : number + len(mutant.before)])
            if (
                lines_here == mutant.before
                and scope.split(".")[-1] == mutant.scope.split(".")[-1]
            ):
                is_other_scope = scope != mutant.scope
                is_other_file = file.as_posix() != mutant.file
                found.append(Place(is_other_scope, is_other_file, file, number))
    return sorted(found)


def mutated(mutant: Mutant, file: Path, first_line: int) -> str:
    """Return the text of a file with the mutant at a line."""
    lines = (SOURCE / file).read_text("utf-8").split("\n")
    end = first_line + len(mutant.before)
    indents = []
    for line in lines[first_line:end]:
        indents.append(line[: len(line) - len(line.lstrip())])
    new_lines = []
    for number, line in enumerate(mutant.after):
        # Lines beyond the original ones are indented as the last of these.
        new_lines.append(indents[min(number, len(indents) - 1)] + line)
    return "\n".join([*lines[:first_line], *new_lines, *lines[end:]])


# -- new mutants


class Site(NamedTuple):
    """A place in the source that can be mutated."""

    path: Path
    text: str
    """The text of the whole file."""
    ways: list[Way]


def sites(package: str) -> list[Site]:
    """Return all places in a package that can be mutated, in order."""
    found = []
    for path in sorted((SOURCE / "_core" / package).rglob("*.py")):
        text = path.read_text("utf-8")
        # Where a site starts, and the kind of its operators.
        ways_by_place = ways_of_operators(text)
        for start, change in removals(text):
            ways = ways_by_place.setdefault((start, "RemoveStatement"), [])
            ways.append(("RemoveStatement", change))
        for place in sorted(ways_by_place):
            found.append(Site(path, text, ways_by_place[place]))
    return found


def ways_of_operators(text: str) -> dict[tuple[Start, str], list[Way]]:
    """Return what cosmic-ray can change, by where it starts and the kind of change."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    nodes = list(ast_nodes(get_ast(text)))
    found: dict[tuple[Start, str], list[Way]] = {}
    for qualified_name in operator_names():
        if WEAK.search(qualified_name):
            continue
        operator = get_operator(qualified_name)
        name = qualified_name.split("/")[1]
        kind = name.split("_")[0]
        # cosmic-ray counts the places of an operator through the whole file.
        number = 0
        for node in nodes:
            for start, _ in operator().mutation_positions(node):
                change = partial(mutate_code, text, operator(), number)
                found.setdefault((start, kind), []).append((name, change))
                number += 1
    return found


def removals(text: str) -> Iterator[tuple[Start, Callable[[], str]]]:
    """Yield the start of each statement that can be removed, and what removes it.

    They are calls whose result is not used, `raise` and `del`.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr):
            if not isinstance(node.value, (ast.Call, ast.Await)):
                continue
        elif not isinstance(node, (ast.Raise, ast.Delete)):
            continue
        lines = text.split("\n")
        first = node.lineno - 1
        indent = lines[first][: node.col_offset]
        lines[first : node.end_lineno] = [indent + "pass"]
        yield (node.lineno, node.col_offset), partial("\n".join, lines)


def sample(package: str, chance: random.Random) -> Iterator[Mutant]:
    """Yield mutants of a package, at most one for each line.

    The line is unlike all others of its function.
    """
    found = sites(package)
    chance.shuffle(found)
    seen: set[tuple[Path, int]] = set()
    for site in found:
        operator, change = chance.choice(site.ways)
        changed_text = change()
        if meaning(changed_text) in ("", meaning(site.text)):
            continue
        old_lines = site.text.split("\n")
        new_lines = changed_text.split("\n")
        start = equal_lines(old_lines, new_lines)
        equal_at_end = equal_lines(old_lines[start:][::-1], new_lines[start:][::-1])
        before = old_lines[start : len(old_lines) - equal_at_end]
        after = new_lines[start : len(new_lines) - equal_at_end]
        file = site.path.relative_to(SOURCE)
        mutant = Mutant(
            package,
            file.as_posix(),
            scopes(site.text)[start],
            operator,
            tuple(line.strip() for line in before),
            tuple(line.strip() for line in after),
        )
        if not before or (file, start) in seen or SKIPPED.search(mutant.before[0]):
            continue
        own_places = []
        for place in places(mutant):
            if not place.is_other_scope and not place.is_other_file:
                own_places.append(place)
        if len(own_places) == 1:
            seen.add((file, start))
            if meaning(mutated(mutant, file, start)) == meaning(changed_text):
                yield mutant


def equal_lines(old: list[str], new: list[str]) -> int:
    """Return how many lines are equal at the start."""
    count = 0
    for old_line, new_line in zip(old, new):
        if old_line != new_line:
            break
        count += 1
    return count


def meaning(text: str) -> str:
    """Return a module's syntax tree without its annotations.

    For a module with an error it is empty.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if field in node._fields:
                setattr(node, field, None)
    return ast.dump(tree)


# -- running the tests


def run(copy: Path, tests: list[str], limit: int) -> tuple[str, str]:
    """Run tests in the copy. Return the outcome, and the first test that failed."""
    options = ["-m", "not rare"]
    if all(test.startswith(UNIT) for test in tests):
        options.append(f"--confcutdir={UNIT}")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(copy / "src"), str(copy / "tests")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(copy / ".tmp"),
    }
    environment.pop("MIMIC_RARE", None)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *PYTEST, *options, *tests],
            cwd=copy,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            return "timeout", ""
        finally:
            with suppress(ProcessLookupError):
                # The children of the process end, too.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        failed = re.search(r"(?m)^(?:FAILED|ERROR) ([^\s\[]+)", output.read())
    outcome = "killed" if code else "survived"
    if failed is None:
        return outcome, ""
    return outcome, failed[1]


def run_all(
    mutants: Iterable[Mutant], tests: dict[str, list[str]], limit: int
) -> Iterator[Mutant]:
    """Run the tests of each mutant's package, first without a mutant.

    Yield the mutants with their outcomes.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", ".tox", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        (copy / ".tmp").mkdir()
        for package, paths in tests.items():
            outcome, test = run(copy, paths, limit)
            if outcome != "survived":
                sys.exit(
                    f"Without a mutant, the tests of {package} fail: {outcome} {test}."
                )
        for mutant in mutants:
            found = places(mutant)
            if not found:
                yield replace(mutant, outcome="gone", test="")
                continue
            place = found[0]
            original = SOURCE / place.file
            target = copy / original.relative_to(ROOT)
            target.write_text(mutated(mutant, place.file, place.line), "utf-8")
            outcome, test = run(copy, tests[mutant.package], limit)
            shutil.copy(original, target)
            yield replace(mutant, outcome=outcome, test=test)


# -- the commands


def make(seed: int, tests: dict[str, list[str]], limit: int) -> None:
    """Sample mutants, run them, and write the list after each."""
    head = f"# Written by scripts/mutants.py: commit {commit()}, seed {seed}."
    chance = random.Random(seed)
    mutants: list[Mutant] = []
    for package in tests:
        mutants += islice(sample(package, chance), COUNTS[package])
    done = []
    for mutant in run_all(mutants, tests, limit):
        done.append(mutant)
        print(f"{len(done)} of {len(mutants)}", mutant, sep="\n", flush=True)
        write_list(done, head)
    print(counts(done))


def commit() -> str:
    """Return the first digits of the commit that is checked out."""
    command = ["git", "rev-parse", "--short=8", "HEAD"]
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def refresh(seed: int, tests: dict[str, list[str]], limit: int) -> None:
    """Replace the mutants whose lines are gone, and write the list after each."""
    listed = list(read_list())
    remaining = [mutant for mutant in listed if places(mutant)]
    lacking = Counter(mutant.package for mutant in listed)
    lacking.subtract(Counter(mutant.package for mutant in remaining))
    first_line = LIST.read_text("utf-8").partition("\n")[0].removesuffix(".")
    head = f"{first_line}; {', '.join(tests)} also {commit()}, seed {seed}."
    chance = random.Random(seed)
    known = {(mutant.file, mutant.before) for mutant in remaining}
    mutants: list[Mutant] = []
    for package in tests:
        fresh = []
        for mutant in sample(package, chance):
            if len(fresh) == lacking[package]:
                break
            if (mutant.file, mutant.before) not in known:
                fresh.append(mutant)
        mutants += fresh
    write_list(remaining, head)
    for mutant in run_all(mutants, tests, limit):
        remaining.append(mutant)
        print(mutant, end="\n\n", flush=True)
        write_list(remaining, head)
    print(counts(remaining))


def check(tests: dict[str, list[str]], limit: int) -> bool:
    """Run the mutants of the list that did not survive, and print those not killed.

    Returns:
        Whether a mutant survives.
    """
    mutants = []
    for mutant in read_list():
        if mutant.outcome != "survived" and mutant.package in tests:
            mutants.append(mutant)
    done = []
    for mutant in run_all(mutants, tests, limit):
        done.append(mutant)
        if mutant.outcome in ("gone", "survived"):
            print(mutant, end="\n\n", flush=True)
    print(counts(done))
    return any(mutant.outcome == "survived" for mutant in done)


def prune() -> None:
    """Drop the mutants whose lines are gone, and say how many there were."""
    mutants = list(read_list())
    remaining = [mutant for mutant in mutants if places(mutant)]
    head = LIST.read_text("utf-8").partition("\n")[0]
    write_list(remaining, head)
    print(f"{len(mutants) - len(remaining)} of {len(mutants)} dropped")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["make", "check", "prune", "refresh"])
    parser.add_argument(
        "--package", action="append", choices=COUNTS, help="only mutants of this one"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="chooses the mutants (default: 1)"
    )
    parser.add_argument(
        "--limit", type=int, default=90, help="seconds for each mutant (default: 90)"
    )
    parser.add_argument(
        "--tests",
        action="append",
        default=[],
        help="PACKAGE=PATH: tests to run instead",
    )
    options = parser.parse_args()
    given_tests: dict[str, list[str]] = defaultdict(list)
    for package_and_path in options.tests:
        package, path = package_and_path.split("=", 1)
        given_tests[package].append(path)
    tests = {}
    for package in options.package or COUNTS:
        tests[package] = given_tests.get(package, [f"{UNIT}/{package}"])
    if options.command == "prune":
        prune()
    elif options.command == "make":
        make(options.seed, tests, options.limit)
    elif options.command == "refresh":
        refresh(options.seed, tests, options.limit)
    else:
        sys.exit(check(tests, options.limit))


if __name__ == "__main__":
    main()
