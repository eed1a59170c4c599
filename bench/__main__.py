"""The command line: `python -m bench [case …]`.

Each case is measured in rounds, the contenders after one another in each round, each
step in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from bench import profiles
from bench.cases import CASES
from bench.cases.base import Bench, Case
from bench.contenders import pythons
from bench.processes import Failed
from bench.table import Results, markdown


def main() -> int:
    """Measure, print the table, and write it where it was asked for."""
    options = _options()
    given = dict(each.split("=", 1) for each in options.python)
    found = pythons(
        options.environments,
        {name: Path(path).absolute() for name, path in given.items()},
    )
    names = options.cases or list(CASES)
    scratch = Path(tempfile.mkdtemp(prefix="mimic-bench-"))
    try:
        if options.profile:
            bench = Bench(found, _folder(scratch, "profile"), options.recordings)
            return _profile(CASES[options.profile], bench)
        results, failures = _measure(names, scratch, found, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    table = markdown([row for name in names for row in CASES[name].rows], results)
    print(f"\n{table}")
    for failure in failures:
        print(failure, file=sys.stderr)
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")
    if options.json:
        facts = {
            "python": platform.python_version(),
            "machine": platform.platform(),
            "failures": failures,
        }
        options.json.write_text(
            json.dumps({**facts, "results": results}, indent=1), encoding="utf-8"
        )
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"default: all of {', '.join(CASES)}"
    )
    parser.add_argument(
        "--rounds", type=int, help="for all cases; by default each has its own number"
    )
    parser.add_argument(
        "--recordings", type=int, default=10_000, help="in the vault of session_end"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the figures of all rounds"
    )
    parser.add_argument(
        "--profile", choices=[name for name, case in CASES.items() if case.profile]
    )
    parser.add_argument(
        "--environments",
        type=Path,
        metavar="FOLDER",
        default=Path(tempfile.gettempdir(), "pytest-mimic-bench"),
        help="where the environments of the contenders are made and kept",
    )
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="an environment of your own for a contender: ours, clients, vcrpy, recording, cassetter, 0.2.0, joblib",
    )
    options = parser.parse_args()
    if unknown := [name for name in options.cases if name not in CASES]:
        parser.error(f"no case {', '.join(unknown)}")
    return options


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


def _measure(
    names: list[str], scratch: Path, found: dict[str, Path], options: argparse.Namespace
) -> tuple[Results, list[str]]:
    """Return the figures of all rounds, and what failed."""
    results: Results = defaultdict(lambda: defaultdict(list))
    failures: list[str] = []
    for name in names:
        case, begun, folder = CASES[name], time.monotonic(), _folder(scratch, name)
        try:
            with case.prepare(Bench(found, folder, options.recordings)) as measures:
                for _ in range(options.rounds or case.rounds):
                    for contender, measure in list(measures.items()):
                        try:
                            for row, figure in measure().items():
                                results[row][contender].append(figure)
                        except Failed as error:
                            failures.append(f"{name}, {contender}: {str(error)[-400:]}")
                            del measures[contender]
        except (Failed, FileNotFoundError, ImportError, KeyError) as error:
            failures.append(f"{name}: {str(error)[-400:]}")
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return results, failures


def _profile(case: Case, bench: Bench) -> int:
    """Print a profile of ours."""
    assert case.profile is not None
    file = bench.folder / "profile.pstats"
    case.profile(bench, file)
    print(profiles.grouped(file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
