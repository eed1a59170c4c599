"""Run test suites of other projects, without pytest-mimic and with it.

With it, a suite runs with nothing mimicked, then records, and then replays.

    python scripts/real_suites.py                      # all suites
    python scripts/real_suites.py httpx networkx       # some of them
    python scripts/real_suites.py --short alembic      # without, record, replay

Each suite is downloaded from the package index as a source distribution, or cloned at
the tag of its version where that has no tests, and run in an environment of its own
with a wheel of this checkout. Where the wheel of a package contains its tests, they are
run as installed. The outcome of each test is compared with a run without the plugin.
Tests whose outcome already differs between two runs without the plugin are left out.
Replays use another hash seed, with and without xdist, and the servers of `services.py`
are stopped for them.

Prints one line per run, one line per difference, the parts of calls that the recording
run names as made anew, what `pytest-mimic check` finds in the vault, and a table with
the seconds of the runs and those of the processor in brackets. A suite that cannot be
installed or run is a row of the table as well. The exit code is 1 if a suite did not
run, has differences or, where it has a mark, stays below it. Takes some minutes and
needs the network.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple
from xml.etree import ElementTree

from environments import ROOT, build_wheel, environment, install, pip
from marked_suites import MARKED_SUITES
from services import SERVICES
from suites import SUITES, Suite

# Differences printed per suite.
SHOWN = 20

ALL_SUITES = (*SUITES, *MARKED_SUITES)

# The heading under which a recording run names parts of calls.
MADE_ANEW = re.compile(
    r"^the next run will ask otherwise, and miss:\n((?:  .*\n)*)", re.MULTILINE
)


class DidNotRunError(Exception):
    """A suite that pytest could not run."""


class Run(NamedTuple):
    """One run of a suite."""

    outcomes: dict[str, str]
    """The outcome of each test by its id."""
    seconds: float
    processor_seconds: float
    """Seconds of the processor, which say more than `seconds` on a busy machine."""
    summary: str
    """The first line of the mimic section."""
    made_anew: list[str]
    """The parts of calls that the next run will make with other values."""


class Result(NamedTuple):
    """What the runs of a suite came to."""

    suite: Suite
    runs: dict[str, Run]
    differences: list[str]
    recordings: str

    @property
    def is_good(self) -> bool:
        """Whether the suite reaches its mark or, without one, has no differences."""
        mark = self.suite.mark
        if mark is None:
            return not self.differences
        live = self.passed("without")
        return (
            self.passed("record") * mark.live >= mark.recorded * live
            and self.passed("replay") * mark.live >= mark.replayed * live
        )

    def passed(self, name: str) -> int:
        """Return how many tests passed in a run and without the plugin."""
        live = self.runs["without"].outcomes
        outcomes = self.runs[name].outcomes
        count = 0
        for test, outcome in outcomes.items():
            if outcome == "passed" and live.get(test) == "passed":
                count += 1
        return count

    def seconds(self) -> str:
        """Return the seconds without the plugin, of the recording and of the replay."""
        names = ("without", "record", "replay")
        texts = []
        for name in names:
            run = self.runs[name]
            texts.append(f"{run.seconds:.0f} ({run.processor_seconds:.0f})")
        return " / ".join(texts)

    def row(self) -> str:
        """Return the row of the table."""
        mark = ""
        if self.suite.mark is not None:
            mark = " / ".join(map(str, self.suite.mark))
        cells = (
            f"{self.suite.name} {self.suite.version}",
            str(len(self.runs["without"].outcomes)),
            str(self.passed("without")),
            str(self.passed("record")),
            str(self.passed("replay")),
            mark,
            self.seconds(),
            str(len(self.runs["record"].made_anew)),
            self.recordings,
        )
        return f"| {' | '.join(cells)} |"


HEAD = (
    "\n| suite | tests | passed | recorded | replayed | mark | seconds | made anew"
    " | recordings |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def main() -> int:
    """Run the suites and print their differences."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a package")
    parser.add_argument(
        "--short", action="store_true", help="run without, record and replay, no more"
    )
    parser.add_argument(
        "--folder", type=Path, help="a new folder for all that is made, to be kept"
    )
    parser.add_argument("--wheel", type=Path, help="a wheel instead of this checkout")
    options = parser.parse_args()
    with scratch_folder(options.folder) as scratch:
        wheel = options.wheel or build_wheel(scratch)
        rows = []
        is_good = True
        for suite in chosen_suites(options.names):
            try:
                result = run_suite(suite, scratch, wheel, is_short=options.short)
            except (DidNotRunError, subprocess.CalledProcessError) as error:
                print(f"{suite.name} did not run: {error}", flush=True)
                rows.append(f"| {suite.name} {suite.version} | did not run |")
                is_good = False
            else:
                rows.append(result.row())
                is_good = is_good and result.is_good
    print(HEAD)
    for row in rows:
        print(row)
    return int(not is_good)


def chosen_suites(names: list[str]) -> list[Suite]:
    """Return the suites with these names, or of these packages; by default all."""
    if not names:
        return list(ALL_SUITES)
    return [
        suite for suite in ALL_SUITES if suite.name in names or suite.package in names
    ]


@contextmanager
def scratch_folder(folder: Path | None) -> Iterator[Path]:
    """Give the folder, or a temporary one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
        return
    with TemporaryDirectory(prefix="real-suites-") as scratch:
        yield Path(scratch)


def run_suite(suite: Suite, scratch: Path, wheel: Path, *, is_short: bool) -> Result:
    """Run a suite in every mode, beside its server, and return what came of it."""
    if not suite.server:
        return compare_runs(suite, scratch, wheel, is_short=is_short)
    with subprocess.Popen(
        suite.server, cwd=scratch, stdout=subprocess.DEVNULL
    ) as server:
        try:
            return compare_runs(suite, scratch, wheel, is_short=is_short)
        finally:
            server.terminate()


def compare_runs(suite: Suite, scratch: Path, wheel: Path, *, is_short: bool) -> Result:
    """Run a suite in every mode and return what the runs came to."""
    folder = scratch / f"suite-{suite.name}"
    if suite.in_wheel:
        folder.mkdir()
    elif not folder.exists():
        download(suite, folder)
    package = f"{suite.package}{suite.extras}=={suite.version}"
    python = environment(
        scratch / f"venv-{suite.name}",
        [package, "pytest", "pytest-xdist", *suite.requirements],
    )
    vault = scratch / f"vault-{suite.name}"
    mimic = ["-o", "mimic_functions=" + "\n".join(suite.targets)]
    for name, value in suite.ini.items():
        mimic += ["-o", f"{name}={value}"]
    mimic.append(f"--mimic-vault={vault}")
    if suite.helper:
        (folder / "suite_helper.py").write_text(suite.helper)
        mimic += ["-p", "suite_helper"]
    spread = ["-n", str(suite.workers)]
    runs: dict[str, Run] = {}

    def run(name: str, *arguments: str, seed: str = "0") -> None:
        output = scratch / f"output-{suite.name}-{name.replace(', ', '-')}.txt"
        this_run = run_of(suite, folder, python, arguments, seed, output)
        runs[name] = this_run
        print(
            f"{suite.name}, {name}: {counted(this_run.outcomes)} in"
            f" {this_run.seconds:.1f} s ({this_run.processor_seconds:.1f} s of the"
            f" processor). {this_run.summary}",
            flush=True,
        )

    print(f"{suite.name} {suite.version}: {suite.what}")
    with ExitStack() as stack:
        for service in suite.services:
            stack.enter_context(SERVICES[service](scratch))
        run("without")
        if not is_short:
            run("without, again", seed="1")
            run("without, xdist", *spread, seed="2")
        clients = {"grpc", "mcp"}.intersection(suite.targets)
        sisters = [str(ROOT / f"packages/pytest-mimic-{name}") for name in clients]
        install(python, [str(wheel), *sisters])
        if not is_short:
            run("idle")
            run("idle, xdist", *spread)
        run("record", *mimic, "--mimic-record", seed="1")
    run("replay", *mimic, seed="2")
    if not is_short and not suite.replayed_alone:
        run("replay, xdist", *mimic, *spread, seed="3")

    unsteady = unsteady_tests(runs)
    differences = unexplained_differences(suite, runs, unsteady)
    compared = len(runs["without"].outcomes) - len(unsteady)
    print(
        f"  {compared} tests compared, {len(unsteady)} unsteady without the plugin,"
        f" {len(differences)} differ"
    )
    for difference in differences[:SHOWN]:
        print(f"    {difference}")
    for part in runs["record"].made_anew:
        print(f"  made anew: {part}")
    if suite.replayed_alone:
        print(f"  not replayed under xdist: {suite.replayed_alone}")
    found = command_on(vault, python, "check")
    (scratch / f"output-{suite.name}-check.txt").write_text(found)
    print(f"  check: {last_line_of(found)}")
    recordings = last_line_of(command_on(vault, python, "ls"))
    return Result(suite, runs, differences, recordings)


def unsteady_tests(runs: Mapping[str, Run]) -> set[str]:
    """Return the tests whose outcomes differ between runs without the plugin."""
    tests: set[str] = set()
    for name, run in runs.items():
        if name.startswith("without"):
            tests.update(differing(runs["without"], run))
    return tests


def unexplained_differences(
    suite: Suite, runs: Mapping[str, Run], unsteady: set[str]
) -> list[str]:
    """Return a line for each test that ends differently in a run, without a reason."""
    lines = []
    for name, run in runs.items():
        is_mimicked = name.startswith(("record", "replay"))
        for test, (before, after) in differing(runs["without"], run).items():
            if test in unsteady or is_explained(test, suite, is_mimicked=is_mimicked):
                continue
            lines.append(f"{name}: {test} {before} without the plugin, {after} here")
    return lines


def command_on(vault: Path, python: Path, subcommand: str) -> str:
    """Return what a subcommand of `pytest-mimic` prints of a vault."""
    command = [str(python), "-m", "pytest_mimic", "--vault", str(vault), subcommand]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def last_line_of(printed: str) -> str:
    """Return the last line of what was printed."""
    return printed.rstrip().rpartition("\n")[2]


def run_of(
    suite: Suite,
    folder: Path,
    python: Path,
    arguments: Iterable[str],
    seed: str,
    output: Path,
) -> Run:
    """Run a suite once, in a new process, and keep what it printed in a file."""
    report = folder.parent / f"report-{suite.name}.xml"
    report.unlink(missing_ok=True)
    command = [
        str(python),
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *suite.tests,
        *arguments,
    ]
    variables = {
        **os.environ,
        **suite.env,
        # Some tests run the commands of their environment.
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
        # A helper stands in the folder of the suite.
        "PYTHONPATH": str(folder),
        "PYTHONHASHSEED": seed,
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
    }
    began = perf_counter()
    processor_began = processor_seconds()
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    seconds = perf_counter() - began
    used = processor_seconds() - processor_began
    output.write_text(done.stdout + done.stderr)
    if not report.exists() or done.returncode not in (0, 1):
        raise DidNotRunError(done.stdout[-4000:] + done.stderr[-4000:])
    section = re.search(r"^=+ mimic =+\n(.*)", done.stdout, re.MULTILINE)
    summary = section[1].partition(";")[0] if section else ""
    made_anew = made_anew_in(done.stdout)
    return Run(outcomes_in(report), seconds, used, summary, made_anew)


def processor_seconds() -> float:
    """Return the seconds of the processor that ended processes have used."""
    times = os.times()
    return times.children_user + times.children_system


def made_anew_in(printed: str) -> list[str]:
    """Return the parts of calls that a run named as made anew.

    Each has its numbers of calls and tests.
    """
    block = MADE_ANEW.search(printed)
    if block is None:
        return []
    parts = []
    for line in block[1].splitlines():
        # A call stands behind it as an example.
        row = re.match(r"  (.* \d+ calls? in \d+ tests?)(?:: |$)", line)
        if row is not None:
            parts.append(row[1])
    return parts


def outcomes_in(report: Path) -> dict[str, str]:
    """Return the outcome of each test by its id.

    A repeated id gets a trailing apostrophe.
    """
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        while test in outcomes:
            test += "'"
        ended = {each.tag for each in case} & {"failure", "error", "skipped"}
        outcomes[test] = " and ".join(sorted(ended)) or "passed"
    return outcomes


def differing(one: Run, other: Run) -> dict[str, tuple[str, str]]:
    """Return the tests whose outcomes differ between two runs, with both outcomes."""
    different: dict[str, tuple[str, str]] = {}
    for test in sorted({*one.outcomes, *other.outcomes}):
        outcome = one.outcomes.get(test, "absent")
        other_outcome = other.outcomes.get(test, "absent")
        if outcome != other_outcome:
            different[test] = (outcome, other_outcome)
    return different


def is_explained(test: str, suite: Suite, *, is_mimicked: bool) -> bool:
    """Return whether there is a known reason for a test to end differently."""
    name = test.partition("[")[0].rstrip("'")
    return name in suite.installed or (is_mimicked and name in suite.left_out)


def download(suite: Suite, folder: Path) -> None:
    """Unpack a source distribution as a folder, or clone the repository there."""
    if suite.repository:
        clone = ["git", "clone", "--quiet", "--depth", "1", "--branch"]
        tag = suite.tag.format(version=suite.version)
        subprocess.run([*clone, tag, suite.repository, str(folder)], check=True)
        return
    command = ["download", "--quiet", "--no-deps", "--no-binary", suite.package]
    with TemporaryDirectory(dir=folder.parent) as scratch:
        wanted = [f"--dest={scratch}", f"{suite.package}=={suite.version}"]
        subprocess.run([*pip(), *command, *wanted], check=True)
        (archive,) = Path(scratch).iterdir()
        with tarfile.open(archive) as files:
            files.extractall(scratch, filter="data")
        archive.unlink()
        (unpacked,) = Path(scratch).iterdir()
        unpacked.rename(folder)


def counted(outcomes: Mapping[str, str]) -> str:
    """Return the numbers of tests that passed, failed and were skipped, as text."""
    words = {"failure": "failed"}
    counts = Counter(words.get(each, each) for each in outcomes.values())
    return ", ".join(f"{count} {word}" for word, count in counts.most_common())


if __name__ == "__main__":
    raise SystemExit(main())
