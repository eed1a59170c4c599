"""Makes mutants of the source, and checks that tests still kill them after a large change.

    python scripts/mutants.py make [--seed N]                    sample mutants, run
    them and write scripts/mutants.txt
    python scripts/mutants.py check [--tests PACKAGE=PATH ...]   run again those that
    were killed
    python scripts/mutants.py prune                              drop those whose lines
    are gone

A mutant is the source with one small error. It is killed if a test fails. `make` needs
cosmic-ray. `check` looks for the
original lines of a mutant in a function of the same name, in any file. It exits with 1
if a mutant survives. Tests run in a
copy of the checkout: the source does not change. Several paths, files or folders of
tests, may be given for a package. Those
in scripts/mutants.txt whose lines are deleted or changed are gone. Both commands need
POSIX.
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

ROOT = Path(__file__).resolve().parents[1]
HOUSE = Path("src", "pytest_mimic")
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
PYTEST = "-m pytest -x -q --tb=no -p no:randomly -p no:cacheprovider --hypothesis-profile=ci --basetemp=.tmp/t".split()


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
        parts = (
            self.package,
            self.file,
            self.scope,
            self.operator,
            self.outcome,
            self.test,
        )
        head = " | ".join(part for part in parts if part)
        lines = [
            *(f"- {line}" for line in self.before),
            *(f"+ {line}" for line in self.after),
        ]
        return "\n".join([head, *map(str.rstrip, lines)])


def read_list() -> Iterator[Mutant]:
    """Read the list that `make` wrote."""
    for block in re.split(
        r"\n\n+", re.sub(r"(?m)^#.*\n", "", LIST.read_text("utf-8")).strip()
    ):
        head, *lines = block.split("\n")
        before, after = (
            tuple(line[2:] for line in lines if line[0] == sign) for sign in "-+"
        )
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
    found = defaultdict(Counter)
    for mutant in mutants:
        found[mutant.package][mutant.outcome] += 1
    lines = ((package, sorted(numbers.items())) for package, numbers in found.items())
    return "\n".join(
        f"# {package}: {', '.join(f'{n} {outcome}' for outcome, n in row)}"
        for package, row in lines
    )


def scopes(text: str) -> list[str]:
    """Return the qualified name of the function or class that each line is in."""
    names = ["module"] * (text.count("\n") + 1)

    def visit(node: ast.AST, outer: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = outer
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{outer}.{child.name}".lstrip(".")
                start = min(
                    [
                        child.lineno,
                        *(decorator.lineno for decorator in child.decorator_list),
                    ]
                )
                names[start - 1 : child.end_lineno] = [name] * (
                    child.end_lineno - start + 1
                )
            visit(child, name)

    visit(ast.parse(text), "")
    return names


def places(mutant: Mutant) -> list[tuple[bool, bool, Path, int]]:
    """Return where the original lines are in a function of this name, the best place first.

    Each says whether its class and its file are other ones, then its file and line.
    """
    found = []
    for path in (ROOT / HOUSE).rglob("*.py"):
        text, file = path.read_text("utf-8"), path.relative_to(ROOT / HOUSE)
        lines = [line.strip() for line in text.split("\n")]
        if mutant.before[0] in lines:
            for at, name in enumerate(scopes(text)):
                is_same = name.split(".")[-1] == mutant.scope.split(".")[-1]
                if (
                    is_same
                    and tuple(lines[at : at + len(mutant.before)]) == mutant.before
                ):
                    found.append(
                        (name != mutant.scope, file.as_posix() != mutant.file, file, at)
                    )
    return sorted(found)


def mutated(mutant: Mutant, file: Path, at: int) -> str:
    """Return the text of a file with the mutant at a line."""
    lines = (ROOT / HOUSE / file).read_text("utf-8").split("\n")
    old = lines[at : at + len(mutant.before)]
    indents = [line[: len(line) - len(line.lstrip())] for line in old]
    new = [indents[min(n, len(old) - 1)] + line for n, line in enumerate(mutant.after)]
    return "\n".join([*lines[:at], *new, *lines[at + len(old) :]])


def sites(package: str) -> list[tuple[Path, str, list[tuple[str, Callable[[], str]]]]]:
    """Return all places in a package that can be mutated: file, its text, and by operator what makes the new text."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    operators = {
        name.split("/")[1]: get_operator(name)
        for name in operator_names()
        if not WEAK.search(name)
    }
    found = defaultdict(list)
    for path in sorted((ROOT / HOUSE / "_core" / package).rglob("*.py")):
        text = path.read_text("utf-8")
        nodes = list(ast_nodes(get_ast(text)))
        for name, operator in operators.items():
            starts = [
                start
                for node in nodes
                for start, _ in operator().mutation_positions(node)
            ]
            for n, start in enumerate(starts):
                way = name, partial(mutate_code, text, operator(), n)
                found[path, text, start, name.split("_")[0]].append(way)
        for node in ast.walk(ast.parse(text)):
            is_call = isinstance(node, ast.Expr) and isinstance(
                node.value, (ast.Call, ast.Await)
            )
            if is_call or isinstance(node, (ast.Raise, ast.Delete)):
                lines, at = text.split("\n"), node.lineno - 1
                lines[at : node.end_lineno] = [lines[at][: node.col_offset] + "pass"]
                way = "RemoveStatement", partial("\n".join, lines)
                found[
                    path, text, (node.lineno, node.col_offset), "RemoveStatement"
                ].append(way)
    return [
        (path, text, ways)
        for (path, text, *_), ways in sorted(found.items(), key=lambda item: item[0])
    ]


def sample(package: str, chance: random.Random) -> Iterator[Mutant]:
    """Yield mutants of a package, at most one for each line, where the line is unlike all others of its function."""
    found, seen = sites(package), set()
    chance.shuffle(found)
    for path, text, ways in found:
        name, change = chance.choice(ways)
        changed = change()
        if meaning(changed) in ("", meaning(text)):
            continue
        old, new = text.split("\n"), changed.split("\n")
        start = equal_lines(old, new)
        end = equal_lines(old[start:][::-1], new[start:][::-1])
        before, after = (
            tuple(line.strip() for line in lines[start : len(lines) - end])
            for lines in (old, new)
        )
        file = path.relative_to(ROOT / HOUSE)
        mutant = Mutant(
            package, file.as_posix(), scopes(text)[start], name, before, after
        )
        if not before or (file, start) in seen or SKIPPED.search(before[0]):
            continue
        if sum(not any(place[:2]) for place in places(mutant)) == 1:
            seen.add((file, start))
            if meaning(mutated(mutant, file, start)) == meaning(changed):
                yield mutant


def equal_lines(old: list[str], new: list[str]) -> int:
    """Return how many lines are equal at the start."""
    return next(
        (n for n, pair in enumerate(zip(old, new)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )


def meaning(text: str) -> str:
    """Return a module's syntax tree without its annotations, or nothing if it has an error."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        for field in {"annotation", "returns"}.intersection(node._fields):
            setattr(node, field, None)
    return ast.dump(tree)


def run(copy: Path, tests: list[str], limit: int) -> tuple[str, str]:
    """Run tests in the copy. Return the outcome, and the first test that failed."""
    short = (
        [f"--confcutdir={UNIT}"] if all(test.startswith(UNIT) for test in tests) else []
    )
    path = os.pathsep.join([str(copy / "src"), str(copy / "tests")])
    env = {
        **os.environ,
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(copy / ".tmp"),
    }
    env.pop("MIMIC_RARE", None)
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, *PYTEST, *short, "-m", "not rare", *tests]
        process = subprocess.Popen(
            command,
            cwd=copy,
            env=env,
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
                os.killpg(process.pid, signal.SIGKILL)  # its children too
            process.wait()
        output.seek(0)
        failed = re.search(r"(?m)^(?:FAILED|ERROR) ([^\s\[]+)", output.read())
    return "killed" if code else "survived", failed[1] if failed else ""


def run_all(
    mutants: Iterable[Mutant], tests: dict[str, list[str]], limit: int
) -> Iterator[Mutant]:
    """Run the tests of each mutant's package, first without a mutant.

    Yield the mutants with their outcomes.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "copy"
        shutil.copytree(
            ROOT,
            copy,
            ignore=shutil.ignore_patterns(".git", ".venv", ".tox", "__pycache__"),
        )
        (copy / ".tmp").mkdir()
        for package, paths in tests.items():
            outcome = run(copy, paths, limit)
            if outcome[0] != "survived":
                sys.exit(
                    f"Without a mutant, the tests of {package} fail: {' '.join(outcome)}."
                )
        for mutant in mutants:
            if not (found := places(mutant)):
                yield replace(mutant, outcome="gone", test="")
                continue
            *_, file, at = found[0]
            target = copy / HOUSE / file
            target.write_text(mutated(mutant, file, at), "utf-8")
            outcome = run(copy, tests[mutant.package], limit)
            shutil.copy(ROOT / HOUSE / file, target)
            yield replace(mutant, outcome=outcome[0], test=outcome[1])


def make(seed: int, tests: dict[str, list[str]], limit: int) -> None:
    """Sample mutants, run them, and write the list after each."""
    commit = subprocess.check_output(
        ["git", "rev-parse", "--short=8", "HEAD"], cwd=ROOT, text=True
    ).strip()
    chance, done = random.Random(seed), []
    mutants = [
        mutant
        for package in tests
        for mutant in islice(sample(package, chance), COUNTS[package])
    ]
    for mutant in run_all(mutants, tests, limit):
        done.append(mutant)
        print(f"{len(done)} of {len(mutants)}", mutant, sep="\n", flush=True)
        write_list(
            done, f"# Written by scripts/mutants.py: commit {commit}, seed {seed}."
        )
    print(counts(done))


def check(tests: dict[str, list[str]], limit: int) -> bool:
    """Run the mutants of the list that did not survive, print those that are not killed, and tell whether one survives."""
    mutants = [
        mutant
        for mutant in read_list()
        if mutant.outcome != "survived" and mutant.package in tests
    ]
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
    texts = LIST.read_text("utf-8").split("\n", 1)
    write_list(remaining, texts[0])
    print(f"{len(mutants) - len(remaining)} of {len(mutants)} dropped")


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=["make", "check", "prune"])
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
    tests = defaultdict(list)
    for package, path in (text.split("=", 1) for text in options.tests):
        tests[package].append(path)
    tests = {package: tests.get(package, [f"{UNIT}/{package}"]) for package in COUNTS}
    if options.command == "prune":
        prune()
    elif options.command == "make":
        make(options.seed, tests, options.limit)
    else:
        sys.exit(check(tests, options.limit))


if __name__ == "__main__":
    main()
