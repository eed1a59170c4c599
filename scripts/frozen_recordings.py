"""Replays vaults that an older commit has recorded, and compares them with new ones.

    .venv/bin/python scripts/frozen_recordings.py make [PROJECT ...]
        record projects into the archive
    .venv/bin/python scripts/frozen_recordings.py check [PROJECT ...]
        replay the archive, record again, and compare
    .venv/bin/python scripts/frozen_recordings.py replay [PROJECT ...]
        replay it only

`make` is for the code that is the reference. `check` exits with 1 if a test fails in a
replay without services, if a replay misses a call or writes, and if a file of a new
recording differs. tests/frozen/accepted.txt names the differences that are meant, one a
line: `GLOB | REGEX | reason`. The glob takes `project/file`. The regular expression
takes each changed line of such a file, with its `-` or `+`; `*` takes the whole file, a
new or a missing one too.

Real services run on loopback, at a fixed time: a file of an outcome is named by its
content, and a date within would change its name. Dates and durations of recordings,
ports and addresses in memory are masked in the comparison.
"""

from __future__ import annotations

import difflib
import fnmatch
import io
import json
import os
import pickletools
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "tests" / "frozen"
ARCHIVE = FROZEN / "recordings.tar.xz"


class Project(NamedTuple):
    """A project whose tests are recorded."""

    folder: str
    services: str = ""
    """The names of the services that it needs, for `tests/frozen/services.py`."""
    tests: str = ""
    """The files to run, if not all."""


PROJECTS = {
    "http": Project("tests/frozen/projects/http", "http"),
    "shop": Project("tests/e2e/projects/shop", "postgres redis shop"),
    "examples": Project(
        "examples", tests="test_characters.py test_factors.py test_library.py"
    ),
    "web": Project("examples/web"),
    "agent": Project("tests/e2e/projects/agent", "llm"),
    "pipeline": Project("tests/e2e/projects/pipeline"),
    "sql": Project("tests/frozen/projects/sql", "postgres"),
    "redis": Project("tests/frozen/projects/redis", "redis"),
}
# Projects whose calls depend on the version of a library: SQLAlchemy makes tables by
# other statements from 2.1 on.
BOUND = {"shop": "sqlalchemy"}
# Where a replay looks for services: nothing listens there.
GONE = {
    "API": "http://127.0.0.1:1",
    "LLM": "http://127.0.0.1:1",
    "PAYMENTS": "http://127.0.0.1:1",
    "SHIPPING": "http://127.0.0.1:1",
    "POSTGRES": "postgres@127.0.0.1:1/gone",
    "REDIS": "redis://127.0.0.1:1",
}
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONHASHSEED": "0",
    "COLUMNS": "120",
    "TZ": "UTC",
    "NONCE": "17",
    "KINDS": (
        "plain numpy pandas polars pyarrow scipy PIL attrs pydantic sqlalchemy psycopg"
        " redis"
    ),
    "PATH": os.environ["PATH"],
}
# What calls ran and read depends on the folder of this script, and is not in the
# archive.
OPTIONS = (
    "-p pytest_mimic.plugin -p no:cacheprovider -o filterwarnings= -W ignore"
    " --color=no --tb=short --mimic-vault=.mimic_vault -o mimic_inputs=ignore"
)
TALLY = """
import os

def ran(*words):
    '''Fail where nothing may run for real.'''
    assert not os.environ.get("OFFLINE"), words
"""
# Their versions show in recordings.
LIBRARIES = (
    "aiohttp anthropic httpx httpx2 numpy openai pandas pillow polars redis requests"
    " sqlalchemy urllib3"
)
# How many projects run at once.
THREADS = 2

#: The bytes of each file, by its path in the vault.
Vault = dict[str, bytes]


# -- runs


@dataclass
class Run:
    """The result of a run of a project's tests.

    Attributes:
        code: The exit code of pytest.
        passed: How many tests passed.
        replayed: How many calls replayed.
        output: What pytest printed.
        vault: The vault after the run.
    """

    code: int
    passed: int
    replayed: int
    output: str
    vault: Vault


@contextmanager
def services(names: str) -> Iterator[dict[str, str] | None]:
    """Run services as long as the block lasts, and give the variables that name them.

    It gives None if one of them is not installed.
    """
    command = [sys.executable, str(FROZEN / "services.py"), *names.split()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate()


def run(name: str, folder: Path, variables: dict[str, str], *options: str) -> Run:
    """Run the tests of a project in a copy of it.

    Services that the variables do not name are looked for in vain.
    """
    project = PROJECTS[name]
    ignored = shutil.ignore_patterns(
        "__pycache__", ".pytest_cache", ".mimic_vault", "web"
    )
    shutil.copytree(ROOT / project.folder, folder, dirs_exist_ok=True, ignore=ignored)
    (folder / "tally.py").write_text(TALLY)
    command = [sys.executable, "-m", "pytest", *OPTIONS.split()]
    command += [*options, *project.tests.split()]
    environment = {**ENVIRONMENT, "HOME": str(folder.parent), **GONE, **variables}
    database = f"postgresql+psycopg://{environment['POSTGRES']}"
    environment["DATABASE_URL"] = database
    environment["KINDS_POSTGRES"] = database
    environment["REDIS_URL"] = f"{environment['REDIS']}/0"
    environment["KINDS_REDIS"] = environment["REDIS"]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    return Run(
        code=done.returncode,
        passed=number_in(done.stdout, r"(\d+) passed"),
        replayed=number_in(done.stdout, r"([\d,]+) (?:calls? )?replayed"),
        output=done.stdout + done.stderr,
        vault=read_vault(folder / ".mimic_vault"),
    )


def number_in(output: str, pattern: str) -> int:
    """Return the number that the group of a pattern finds, or 0 if it finds none."""
    found = re.search(pattern, output)
    if found is None:
        return 0
    return int(found[1].replace(",", ""))


def read_vault(folder: Path) -> Vault:
    """Return the files of a vault."""
    vault = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            vault[path.relative_to(folder).as_posix()] = path.read_bytes()
    return vault


def record(name: str, folder: Path) -> Run | None:
    """Record a project; None if a service is not installed."""
    with services(PROJECTS[name].services) as variables:
        if variables is None:
            return None
        return run(name, folder / "record" / name, variables, "--mimic-record")


def replay(name: str, folder: Path, vault: Vault) -> Run:
    """Replay a vault without services."""
    project_folder = folder / "replay" / name
    for file, data in vault.items():
        path = project_folder / ".mimic_vault" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return run(name, project_folder, {"OFFLINE": "1"})


# -- the archive


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that show in recordings."""
    installed = {}
    for distribution in distributions():
        installed[distribution.name.lower()] = distribution.version
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for library in LIBRARIES.split():
        found[library] = installed.get(library, "none")
    return found


def make(names: list[str]) -> None:
    """Record projects, and write the archive. It keeps the recordings of the others."""
    old_manifest: dict[str, Any] = {}
    old_vaults: dict[str, Vault] = {}
    if set(names) < PROJECTS.keys():
        old_manifest, old_vaults = frozen()
    manifest: dict[str, Any] = {"versions": old_manifest.get("versions", versions())}
    vaults: dict[str, Vault] = {}
    for name in PROJECTS:
        if name not in names:
            manifest[name] = old_manifest[name]
            vaults[name] = old_vaults[name]
    with (
        tempfile.TemporaryDirectory(prefix="mimic-frozen-") as temporary,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        folder = Path(temporary)
        records = {name: threads.submit(record, name, folder) for name in names}
        for name, future in records.items():
            recorded = future.result()
            if recorded is None:
                threads.shutdown(cancel_futures=True)
                sys.exit(f"{name} cannot be recorded here: a service is not installed")
            replayed = replay(name, folder, recorded.vault)
            is_written = replayed.vault != recorded.vault
            if recorded.code or replayed.code or is_written:
                threads.shutdown(cancel_futures=True)
                sys.exit(
                    f"{name} cannot be recorded and replayed here:\n"
                    f"{recorded.output}{replayed.output}"
                )
            manifest[name] = {"passed": replayed.passed, "replayed": replayed.replayed}
            vaults[name] = recorded.vault
            print(
                f"{name}: {replayed.passed} tests, {replayed.replayed} calls,"
                f" {len(recorded.vault)} files",
                flush=True,
            )
    write_archive(manifest, vaults)


def write_archive(manifest: dict[str, Any], vaults: dict[str, Vault]) -> None:
    """Write the manifest and the vaults, without times and owners of files."""
    contents = {"manifest.json": json.dumps(manifest, indent=1).encode()}
    for name, vault in vaults.items():
        for file, data in vault.items():
            contents[f"{name}/{file}"] = data
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(contents):
            member = tarfile.TarInfo(path)
            member.size = len(contents[path])
            archive.addfile(member, io.BytesIO(contents[path]))


def frozen() -> tuple[dict[str, Any], dict[str, Vault]]:
    """Return the archive's manifest, and its vaults by their projects."""
    vaults: dict[str, Vault] = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            project, _, file = member.name.partition("/")
            vaults.setdefault(project, {})[file] = content.read()
    manifest = json.loads(vaults.pop("manifest.json")[""])
    return manifest, vaults


# -- the comparison


def masked(data: bytes) -> list[str]:
    """Return the lines of a file without what each run has of its own.

    For a pickle, they are its instructions.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = instructions(data)
    text = re.sub(r'"(recorded|checked)": "[\d-]+"', r'"\1": "DATE"', text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE", text)
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": SECONDS', text)
    text = re.sub(r"(127\.0\.0\.1:|localhost:|\bport=)\d+", r"\1PORT", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}", "ADDRESS", text)
    # Redis gives the members of a set in any order.
    text = re.sub(r'(?<="\$unordered": \[)[^][{}]*', sorted_members, text)
    return text.splitlines()


def sorted_members(found: re.Match[str]) -> str:
    """Return members of a set, which have commas between them, in order."""
    return ", ".join(sorted(found[0].split(", ")))


def instructions(data: bytes) -> str:
    """Return the instructions of a pickle.

    Of another file, return the bytes in hexadecimal digits.
    """
    listing = io.StringIO()
    try:
        pickletools.dis(data, listing)
    except ValueError:
        return data.hex("\n", 32)
    return re.sub(r"^ *\d+: ", "", listing.getvalue(), flags=re.MULTILINE)


class Difference(NamedTuple):
    """A file that differs in a new recording."""

    file: str
    what: str
    """What happened to it: `new`, `changed` or `missing`."""
    lines: list[str]
    """The lines of a diff, without its head."""


def differences(old: Vault, new: Vault) -> Iterator[Difference]:
    """Yield each file that differs after masking."""
    for file in sorted(old.keys() | new.keys()):
        old_lines = masked(old.get(file, b""))
        new_lines = masked(new.get(file, b""))
        diff = list(difflib.unified_diff(old_lines, new_lines, lineterm="", n=1))
        if not diff:
            continue
        if file not in old:
            what = "new"
        elif file not in new:
            what = "missing"
        else:
            what = "changed"
        yield Difference(file, what, diff[2:])


class Accepted:
    """The differences that accepted.txt names, and those of them that occurred."""

    def __init__(self) -> None:
        self.entries: list[list[str]] = []
        text = (FROZEN / "accepted.txt").read_text(encoding="utf-8")
        for line in text.splitlines():
            if line and not line.startswith("#"):
                self.entries.append(line.split(" | ", 2))
        self.seen: set[str] = set()
        """The reasons of those that occurred."""

    def takes(self, title: str, lines: list[str]) -> bool:
        """Tell whether each changed line of a file is named."""
        left = {line for line in lines if line[0] in "+-"}
        for glob, regex, reason in self.entries:
            if not fnmatch.fnmatchcase(title, glob):
                continue
            for line in list(left):
                if regex == "*" or re.search(regex, line):
                    left.remove(line)
                    self.seen.add(reason)
        return not left


def faults_of_run(
    title: str, made: Run, wanted: dict[str, int], accepted: Accepted
) -> list[str]:
    """Return what is wrong with a run, at most one text.

    The title is `project/replay` or `project/recording`. Calls are counted in a replay
    only.
    """
    lines = difference_of_count("exit code", 0, made.code)
    lines += difference_of_count("tests passed", wanted["passed"], made.passed)
    if title.endswith("/replay"):
        lines += difference_of_count(
            "calls replayed", wanted["replayed"], made.replayed
        )
    for line in made.output.splitlines():
        if line.startswith(("FAILED", "ERROR")):
            # The name of the test without its error.
            lines.append(f"+{line.partition(' - ')[0]}")
    if not lines or accepted.takes(title, lines):
        return []
    start_of_output = made.output.splitlines()[:200]
    return ["\n  ".join([f"{title}:", *lines, *start_of_output])]


def difference_of_count(what: str, wanted: int, found: int) -> list[str]:
    """Return two lines as of a diff if a number is not the wanted one."""
    if wanted == found:
        return []
    return [f"-{what}: {wanted}", f"+{what}: {found}"]


def faults_of_vault(
    name: str, old: Vault, new: Vault, accepted: Accepted
) -> Iterator[str]:
    """Yield in which files a new recording differs from the frozen one."""
    for file, what, lines in differences(old, new):
        title = f"{name}/{file}"
        if accepted.takes(title, lines):
            continue
        most = 30 if what == "changed" else 8
        shown = [f"{title}: {what}"]
        for line in lines[:most]:
            shown.append(line[:200])
        if len(lines) > most:
            shown.append(f"and {len(lines) - most} more lines")
        yield "\n  ".join(shown)


def check(names: list[str], *, is_recording: bool = True) -> int:
    """Replay the archive, record again, and print each difference.

    Returns:
        The exit code.
    """
    manifest, vaults = frozen()
    for library, version in versions().items():
        frozen_version = manifest["versions"][library]
        if version != frozen_version:
            print(
                f"note: the archive has {library} {frozen_version}, here is {version}"
            )
            if not is_recording:
                names = [name for name in names if BOUND.get(name) != library]
    accepted = Accepted()
    fault_count = 0
    with (
        tempfile.TemporaryDirectory(prefix="mimic-frozen-") as temporary,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        folder = Path(temporary)
        replays: dict[str, Future[Run]] = {}
        for name in names:
            replays[name] = threads.submit(replay, name, folder, vaults[name])
        records: dict[str, Future[Run | None]] = {}
        if is_recording:
            for name in names:
                records[name] = threads.submit(record, name, folder)
        for name in names:
            wanted = manifest[name]
            vault = vaults[name]
            replayed = replays[name].result()
            faults = faults_of_run(f"{name}/replay", replayed, wanted, accepted)
            if replayed.vault != vault:
                faults.append(f"{name}/replay: the vault was written")
            note = ""
            if is_recording:
                recorded = records[name].result()
                if recorded is None:
                    note = ", not recorded again: a service is not installed"
                else:
                    title = f"{name}/recording"
                    faults += faults_of_run(title, recorded, wanted, accepted)
                    faults += faults_of_vault(name, vault, recorded.vault, accepted)
            fault_count += len(faults)
            for fault in faults:
                print(fault)
            print(
                f"{name}: {wanted['replayed']} calls{note}, {len(faults)} faults",
                flush=True,
            )
    if names == list(PROJECTS):
        for entry in accepted.entries:
            _, _, reason = entry
            if reason not in accepted.seen:
                print(f"accepted.txt: no difference any more for {' | '.join(entry)}")
    return 1 if fault_count else 0


def main(arguments: list[str]) -> None:
    """Run the command."""
    if not arguments or arguments[0] not in ("make", "check", "replay"):
        sys.exit(__doc__)
    task, *chosen = arguments
    if not set(chosen) <= PROJECTS.keys():
        sys.exit(__doc__)
    names = chosen or list(PROJECTS)
    if task == "make":
        make(names)
    else:
        sys.exit(check(names, is_recording=task == "check"))


if __name__ == "__main__":
    main(sys.argv[1:])
