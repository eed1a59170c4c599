"""The command line: `python -m bench [case …]`.

Each case is measured in rounds, the contenders after one another in each round, each
step in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from bench import profiles
from bench.cases import CASES
from bench.cases.base import Bench, Case, Row
from bench.contenders import ROOT, make_environments
from bench.processes import Failed
from bench.table import Results, markdown

PROJECT = ROOT / "pyproject.toml"


def main() -> int:
    """Measure, print the table, and write it where it was asked for."""
    options = _parsed_options()
    pythons = make_environments(options.environments, _pythons_of_user(options))
    case_names = options.cases or list(CASES)
    scratch = Path(tempfile.mkdtemp(prefix="mimic-bench-"))
    try:
        if options.profile:
            folder = _new_folder(scratch, "profile")
            bench = Bench(pythons, folder, options.recordings)
            _print_profile(CASES[options.profile], bench)
            return 0
        results, failures = _measure_all(case_names, scratch, pythons, options)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    table = markdown(_rows_of(case_names), results)
    print(f"\n{table}")
    for failure in failures:
        print(failure, file=sys.stderr)
    if options.markdown:
        options.markdown.write_text(_described(table), encoding="utf-8")
    if options.json:
        _write_json(options.json, results, failures)
    return 0


def _parsed_options() -> argparse.Namespace:
    """Return what the command line asks for; a case that does not exist is an error."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"default: all of {', '.join(CASES)}"
    )
    parser.add_argument(
        "--rounds", type=int, help="for all cases; by default each has its own number"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=float("inf"),
        help="begin no further round of a case after these seconds",
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
        help=(
            "an environment of your own for a contender: ours, clients, vcrpy,"
            " recording, cassetter, 0.2.0, joblib; before, which has an earlier version"
            " of this package, and the clients"
        ),
    )
    options = parser.parse_args()
    unknown = [name for name in options.cases if name not in CASES]
    if unknown:
        parser.error(f"no case {', '.join(unknown)}")
    return options


def _pythons_of_user(options: argparse.Namespace) -> dict[str, Path]:
    """Return the Pythons given by `--python NAME=PATH`, by the environment's name."""
    pythons = {}
    for name_and_path in options.python:
        name, path = name_and_path.split("=", 1)
        pythons[name] = Path(path).absolute()
    return pythons


def _new_folder(scratch: Path, name: str) -> Path:
    """Make an empty folder in the folder for all cases."""
    folder = scratch / name
    folder.mkdir()
    return folder


def _measure_all(
    case_names: list[str],
    scratch: Path,
    pythons: dict[str, Path],
    options: argparse.Namespace,
) -> tuple[Results, list[str]]:
    """Return the figures of all rounds of these cases, and what failed in words."""
    results: Results = {}
    failures: list[str] = []
    for name in case_names:
        case = CASES[name]
        folder = _new_folder(scratch, name)
        bench = Bench(pythons, folder, options.recordings)
        rounds = options.rounds or case.rounds
        begun = time.monotonic()
        try:
            until = begun + options.seconds
            _measure_case(case, bench, rounds, until, results, failures)
        except (Failed, FileNotFoundError, ImportError, KeyError) as error:
            failures.append(f"{name}: {_end_of(error)}")
        shutil.rmtree(folder, ignore_errors=True)
        seconds = time.monotonic() - begun
        print(f"{name}: {seconds:.0f} s", file=sys.stderr)
    return results, failures


def _measure_case(
    case: Case,
    bench: Bench,
    rounds: int,
    until: float,
    results: Results,
    failures: list[str],
) -> None:
    """Add the figures of all rounds of a case to the results, and what failed.

    A round that would begin after `until`, a moment of `time.monotonic`, is left out,
    but for the first one.
    """
    with case.prepare(bench) as measures:
        for number in range(rounds):
            if number > 0 and time.monotonic() > until:
                break
            for contender, measure in list(measures.items()):
                try:
                    figures = measure()
                except Failed as error:
                    failures.append(f"{case.name}, {contender}: {_end_of(error)}")
                    # The contender would fail in each later round, too.
                    del measures[contender]
                    continue
                for row_name, figure in figures.items():
                    figures_of_row = results.setdefault(row_name, {})
                    figures_of_row.setdefault(contender, []).append(figure)


def _end_of(error: Exception) -> str:
    """Return the last 400 characters of an error, which say the cause."""
    return str(error)[-400:]


def _described(table: str) -> str:
    """Return a table with the version, the Python and the machine below it."""
    [version] = re.findall(r'^version = "(.*)"$', PROJECT.read_text(), re.MULTILINE)
    where = f"CPython {platform.python_version()}, {platform.system()}"
    processor = f"{os.cpu_count()} × {_processor()}"
    return f"{table}\npytest-mimic {version}, {date.today()}, {where}, {processor}.\n"


def _processor() -> str:
    """Return the name of the processor, or its kind where the system does not say."""
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        for line in cpus.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _rows_of(case_names: list[str]) -> list[Row]:
    """Return the rows of these cases, in this order."""
    rows: list[Row] = []
    for name in case_names:
        rows += CASES[name].rows
    return rows


def _write_json(file: Path, results: Results, failures: list[str]) -> None:
    """Write the figures of all rounds, with the Python and the machine."""
    report = {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "failures": failures,
        "results": results,
    }
    file.write_text(json.dumps(report, indent=1), encoding="utf-8")


def _print_profile(case: Case, bench: Bench) -> None:
    """Print a profile of ours."""
    assert case.profile is not None
    file = bench.folder / "profile.pstats"
    case.profile(bench, file)
    print(profiles.grouped(file))


if __name__ == "__main__":
    sys.exit(main())
