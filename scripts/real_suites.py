"""Run test suites that other projects wrote: without pytest-mimic, with it idle, recording, and replaying.

    python scripts/real_suites.py                      # all of them, and writes docs/explanation/real-suites.md
    python scripts/real_suites.py httpx networkx       # some, and prints the page

Each suite gets a source distribution from the package index, unpacked in a scratch folder, and an environment of
its own. Its results are compared test by test: twice without the plugin (what differs there is unsteady by itself,
and left out), with the plugin idle, recording, replaying under another hash seed, and replaying under xdist.
The exit code is 1 if any differ. Takes some minutes, and the network.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import MappingProxyType
from typing import NamedTuple
from xml.etree import ElementTree

from environments import build_wheel, environment, install

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "real-suites.md"


INTRODUCTION = """\
<!-- Made by scripts/real_suites.py -->

# Suites of others

Test suites that come with the source distributions of well-known packages, run on Python {python}, {today}:
without pytest-mimic, with it installed and idle, recording, and replaying in other processes under other hash seeds,
with and without xdist. Each run is compared test by test with the one without the plugin. A test that
ends differently without it, from run to run or under xdist, is unsteady by itself and not compared.

"saved" is what the real calls took when they were recorded. Most of these suites talk to loopback or to memory: they
show that results stay the same, more than what replaying is worth.
"""


#: How many differences are listed.
SHOWN = 20

NONE: Mapping[str, str] = MappingProxyType({})


class Suite(NamedTuple):
    """A package whose source distribution holds its tests, and what of it is mimicked."""

    package: str
    version: str
    what: str
    tests: tuple[str, ...]
    targets: tuple[str, ...]
    ini: Mapping[str, str] = NONE
    extras: str = ""
    requirements: tuple[str, ...] = ()
    workers: int = 2
    left_out: Mapping[str, str] = NONE
    """Tests that no recording can serve, with the reason; by their ids without parameters."""
    replayed_alone: str = ""
    """Why its recordings serve no workers of xdist."""
    installed: Mapping[str, str] = NONE
    """Tests that end differently because of what is installed with pytest-mimic."""


NOT_CONNECTED = "prints what httpcore tells of its connection (`trace`); on replay nothing is connected"
NOT_SENT = "fails where it really sends, by a warning of trio; on replay nothing is sent"
SERVER_LOG = "wants no line in the log but its own, and the server in the same process writes there"
OTHER_PORT = "compares a `Location` of the recorded answer with the port that the server has now"
ZSTD = "ended differently: `backports.zstd` came with pytest-mimic, and where it is the client accepts Zstandard too"
UNORDERED = "walks over a set: sends other SQL under another hash seed"

SUITES = (
    Suite(
        "httpx",
        "0.28.1",
        what="its client, under asyncio and trio, against the server that its tests start (on a fixed port: one worker)",
        tests=("tests",),
        targets=("httpx",),
        extras="[brotli,cli,http2,socks,zstd]",
        requirements=("chardet<6", "click<8.2", "trio", "trustme", "uvicorn"),
        workers=1,
        left_out={
            **{
                f"tests.test_main::{name}": NOT_CONNECTED
                for name in "test_get test_json test_binary test_redirects test_follow_redirects test_post test_verbose test_auth".split()
            },
            "tests.test_timeouts::test_write_timeout": NOT_SENT,
            "tests.test_utils::test_logging_request": SERVER_LOG,
            "tests.test_utils::test_logging_redirect_chain": SERVER_LOG,
        },
    ),
    Suite(
        "requests",
        "2.34.2",
        what="its client, against pytest-httpbin",
        tests=("tests/test_requests.py", "-k", "not TestTimeout and not TestPreparingURLs"),
        targets=("requests ignore=port,query.url",),
        extras="[socks]",
        requirements=("pytest-httpbin", "pytest-mock", "trustme"),
        ini={"mimic_redact": "!cookie\n!cookies\n!set-cookie\n!authorization\n!proxy-authorization\n!auth"},
        left_out={
            "tests.test_requests.TestRequests::test_uppercase_scheme_redirect": OTHER_PORT,
            "tests.test_requests.TestRequests::test_custom_redirect_mixin": OTHER_PORT,
        },
        installed={"tests.test_requests.TestRequests::test_response_iter_lines_reentrant": ZSTD},
    ),
    Suite(
        "sqlalchemy",
        "2.0.57",
        what="its queries and its unit of work, on SQLite",
        tests=("test/orm/test_query.py", "test/orm/test_unitofwork.py"),
        targets=("sqlalchemy",),
        requirements=("aiosqlite", "greenlet"),
        replayed_alone="its harness gives each worker of xdist databases of another random name, which its statements hold",
        left_out={
            "test.orm.test_unitofwork.UnicodeSchemaTest::test_inheritance_mapping": UNORDERED,
        },
    ),
    Suite(
        "starlette",
        "1.10.0",
        what="functions of its own and the client of its in-process test client, under asyncio and trio",
        tests=("tests",),
        targets=(
            "starlette.routing:compile_path",
            "starlette.schemas:BaseSchemaGenerator.parse_docstring ignore=self",
            "httpx2",
        ),
        extras="[full]",
        requirements=("opentelemetry-sdk", "trio"),
        installed={
            "tests.test_requests::test_request_headers": ZSTD,
            "tests.test_websockets::test_websocket_headers": ZSTD,
        },
    ),
    Suite(
        "networkx",
        "3.6.1",
        what="slow functions and generators on graphs, behind its dispatching decorator; its developers use xdist",
        tests=("networkx/algorithms/tests",),
        targets=(
            "networkx.algorithms.smallworld:*",
            "networkx.algorithms.similarity:graph_edit_distance",
            "networkx.algorithms.cycles:simple_cycles",
        ),
        requirements=("numpy",),
    ),
    Suite(
        "aiofiles",
        "25.1.0",
        what="coroutines made around functions of `os`, with pytest-asyncio",
        tests=("tests",),
        targets=(
            "aiofiles.os:stat sequence",
            "aiofiles.os:listdir sequence",
            "aiofiles.ospath:exists sequence",
        ),
        requirements=("pytest-asyncio",),
        left_out={
            "tests.test_os::test_sendfile_file": "passes a path under `tmp_path` as a string, another one each run"
        },
    ),
)


class Run(NamedTuple):
    """One run of a suite: how each test ended, how long it took, and its mimic section's first line."""

    outcomes: dict[str, str]
    seconds: float
    said: str


class Result(NamedTuple):
    """All runs of a suite, and where they differ from those without the plugin."""

    suite: Suite
    versions: str
    runs: dict[str, Run]
    unsteady: set[str]
    differences: list[str]


def main() -> int:
    """Run the suites, and write or print the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a package")
    names = parser.parse_args().names
    with TemporaryDirectory(prefix="real-suites-") as scratch:
        wheel = build_wheel(Path(scratch))
        suites = [each for each in SUITES if not names or each.package in names]
        results = [tried(each, Path(scratch), wheel) for each in suites]
    if names:
        print(page(results))
    else:
        PAGE.write_text(page(results), encoding="utf-8")
    return int(any(each.differences for each in results))


def tried(suite: Suite, scratch: Path, wheel: Path) -> Result:
    """Run a suite in all ways."""
    folder = unpacked(suite, scratch)
    python = environment(
        scratch / f"venv-{suite.package}",
        [f"{suite.package}{suite.extras}=={suite.version}", "pytest", "pytest-xdist", *suite.requirements],
    )
    targets = ["-o", "mimic_functions=" + "\n".join(suite.targets)]
    options = [word for name, value in suite.ini.items() for word in ("-o", f"{name}={value}")]
    mimic = [*targets, *options, f"--mimic-vault={scratch / f'vault-{suite.package}'}"]
    spread = ["-n", str(suite.workers)]

    def run(name: str, *arguments: str, seed: str = "0") -> None:
        runs[name] = run_of(suite, folder, python, arguments, seed)
        print(
            f"{suite.package}, {name}: {counted(runs[name])} in {runs[name].seconds:.1f} s. {runs[name].said}",
            flush=True,
        )

    runs: dict[str, Run] = {}
    run("without")
    run("without, again", seed="1")
    run("without, xdist", *spread, seed="2")
    install(python, [str(wheel)])
    run("idle")
    run("idle, xdist", *spread)
    run("record", *mimic, "--mimic-record", seed="1")
    run("replay", *mimic, seed="2")
    if not suite.replayed_alone:
        run("replay, xdist", *mimic, *spread, seed="3")

    plain = ["without", "without, again", "without, xdist"]
    unsteady = {test for name in plain for test in differing(runs["without"], runs[name])}
    differences = [
        f"{name}: {test} {before} without the plugin, {after} here"
        for name, each in runs.items()
        for test, (before, after) in differing(runs["without"], each).items()
        if test not in unsteady
        and not is_explained(test, suite, mimicked=name.startswith(("record", "replay")))
    ]
    for each in differences[:SHOWN]:
        print(f"  {each}", flush=True)
    return Result(suite, versions(python), runs, unsteady, differences)


def run_of(suite: Suite, folder: Path, python: Path, arguments: Iterable[str], seed: str) -> Run:
    """Run a suite once, in a process of its own, with another set of temporary folders."""
    report = folder.parent / "report.xml"
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
    variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    began = perf_counter()
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    seconds = perf_counter() - began
    if not report.exists():
        raise SystemExit(f"{suite.package} did not run:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    section = re.search(r"^=+ mimic =+\n(.*)", done.stdout, re.MULTILINE)
    return Run(outcomes_in(report), seconds, section[1].partition(";")[0] if section else "")


def outcomes_in(report: Path) -> dict[str, str]:
    """How each test ended, by its id; tests of one id are told apart by their number."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname')}::{case.get('name')}"
        while test in outcomes:
            test += "'"
        ended = {each.tag for each in case} & {"failure", "error", "skipped"}
        outcomes[test] = " and ".join(sorted(ended)) or "passed"
    return outcomes


def differing(one: Run, other: Run) -> dict[str, tuple[str, str]]:
    """The tests that end otherwise in another run, with how they end in both."""
    return {
        test: (one.outcomes.get(test, "absent"), other.outcomes.get(test, "absent"))
        for test in sorted({*one.outcomes, *other.outcomes})
        if one.outcomes.get(test) != other.outcomes.get(test)
    }


def is_explained(test: str, suite: Suite, *, mimicked: bool) -> bool:
    """Whether it is known why a test ends differently."""
    name = test.partition("[")[0]
    return name in suite.installed or (mimicked and name in suite.left_out)


def unpacked(suite: Suite, scratch: Path) -> Path:
    """Download a source distribution; its folder."""
    download = [
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        suite.package,
        "--dest",
        str(scratch),
    ]
    subprocess.run([sys.executable, "-m", *download, f"{suite.package}=={suite.version}"], check=True)
    (archive,) = scratch.glob(f"{suite.package}-{suite.version}.tar.*")
    with tarfile.open(archive) as files:
        files.extractall(scratch, filter="data")
    return scratch / f"{suite.package}-{suite.version}"


def versions(python: Path) -> str:
    """What a suite ran with."""
    names = [
        "pytest",
        "pytest-xdist",
        "pytest-asyncio",
        "anyio",
        "trio",
        "httpx2",
        "urllib3",
        "uvicorn",
        "numpy",
    ]
    code = f"""
from importlib.metadata import distributions
found = {{each.name.lower(): each.version for each in distributions()}}
print(", ".join(f"{{name}} {{found[name]}}" for name in {names} if name in found))
"""
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def counted(run: Run) -> str:
    """How many tests passed, failed, were skipped."""
    words = {"failure": "failed"}
    counts = Counter(words.get(each, each) for each in run.outcomes.values())
    return ", ".join(f"{count} {word}" for word, count in counts.most_common())


def page(results: Iterable[Result]) -> str:
    """The page with all results."""
    lines = INTRODUCTION.format(python=platform.python_version(), today=date.today()).splitlines()
    for each in results:
        lines += ["", *section(each)]
    return "\n".join(lines) + "\n"


def section(result: Result) -> list[str]:
    """A suite's part of the page."""
    suite, runs = result.suite, result.runs
    lines = [
        f"## {suite.package} {suite.version}",
        "",
        f"{suite.what[0].upper()}{suite.what[1:]}: `{' '.join(suite.tests)}`, with {result.versions}.",
        "",
        "```ini",
        "mimic_functions =",
        *(f"    {each}" for each in suite.targets),
        *(f"{name} = {value}".replace("\n", " ") for name, value in suite.ini.items()),
        "```",
        "",
        "| run | tests | whole run | calls |",
        "|---|---|---|---|",
    ]
    for name, run in runs.items():
        lines.append(f"| {name} | {counted(run)} | {run.seconds:.1f} s | {run.said} |")
    lines += ["", differences_of(result)]
    for reason, tests in by_reason(suite.left_out).items():
        lines.append(f"\nNot compared when mimicked: {tests} {reason}.")
    for reason, tests in by_reason(suite.installed).items():
        lines.append(f"\n{tests} {reason}.")
    if suite.replayed_alone:
        lines.append(f"\nNot replayed under xdist: {suite.replayed_alone}.")
    return lines


def differences_of(result: Result) -> str:
    """What the comparison found, in a sentence."""
    compared = len(result.runs["without"].outcomes) - len(result.unsteady)
    unsteady = f"; {len(result.unsteady)} unsteady by themselves" if result.unsteady else ""
    if not result.differences:
        return (
            f"No differences in {compared} tests{unsteady}, but for those named below."
            if result.suite.installed or result.suite.left_out
            else f"No differences in {compared} tests{unsteady}."
        )
    shown = [f"- {each}" for each in result.differences[:SHOWN]]
    more = len(result.differences) - len(shown)
    return "\n".join(
        [f"Differences in {compared} tests{unsteady}:", "", *shown, *([f"- and {more} more"] if more else [])]
    )


def by_reason(tests: Mapping[str, str]) -> dict[str, str]:
    """The names of tests by what is said of them."""
    found: dict[str, list[str]] = {}
    for test, reason in tests.items():
        found.setdefault(reason, []).append(f"`{test.rpartition('::')[2]}`")
    return {reason: ", ".join(names) for reason, names in found.items()}


if __name__ == "__main__":
    raise SystemExit(main())
