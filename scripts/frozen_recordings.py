"""Replays vaults that an older commit has recorded, and compares them with new recordings.

    .venv/bin/python scripts/frozen_recordings.py make [PROJECT ...]    record projects
    into the archive
    .venv/bin/python scripts/frozen_recordings.py check [PROJECT ...]   replay it,
    record again, and compare
    .venv/bin/python scripts/frozen_recordings.py replay [PROJECT ...]  replay it only

`make` is for the code that is the reference. `check` exits with 1 if a test fails in a
replay without services, if a replay
misses a call or writes, and if a file of a new recording differs.
tests/frozen/accepted.txt names the differences that are
meant, one a line: `GLOB | REGEX | reason`. The glob takes `project/file`. The regular
expression takes each changed line of
such a file, with its `-` or `+`; `*` takes the whole file, a new or a missing one too.

Real services run on loopback, at a fixed time: a file of an outcome is named by its
content, and a date within would change
its name. Dates and durations of recordings, ports and addresses in memory are masked in
the comparison.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "tests" / "frozen"
ARCHIVE = FROZEN / "recordings.tar.xz"
# The project's folder, its services, and the files to run, if not all.
PROJECTS: dict[str, tuple[str, str, str]] = {
    "http": ("tests/frozen/projects/http", "http", ""),
    "kinds": ("tests/e2e/projects/kinds", "postgres redis", ""),
    "shop": ("tests/e2e/projects/shop", "postgres redis shop", ""),
    "examples": ("examples", "", "test_characters.py test_factors.py test_library.py"),
    "web": ("examples/web", "", ""),
    "agent": ("tests/e2e/projects/agent", "llm", ""),
    "pipeline": ("tests/e2e/projects/pipeline", "", ""),
    "sql": ("tests/frozen/projects/sql", "postgres", ""),
    "redis": ("tests/frozen/projects/redis", "redis", ""),
}
# Projects whose calls depend on the version of a library: SQLAlchemy makes tables by
# other statements from 2.1 on.
BOUND = {"shop": "sqlalchemy"}
# Where a replay looks for services: nothing listens there.
GONE = dict.fromkeys(("API", "LLM", "PAYMENTS", "SHIPPING"), "http://127.0.0.1:1")
GONE |= {"POSTGRES": "postgres@127.0.0.1:1/gone", "REDIS": "redis://127.0.0.1:1"}
ENVIRONMENT = {
    **dict.fromkeys(("PYTHONDONTWRITEBYTECODE", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"), "1"),
    **dict(
        zip(
            ("PYTHONHASHSEED", "COLUMNS", "TZ", "NONCE"),
            ("0", "120", "UTC", "17"),
            strict=True,
        )
    ),
    "KINDS": "plain numpy pandas polars pyarrow scipy PIL attrs pydantic sqlalchemy psycopg redis",
    "PATH": os.environ["PATH"],
}
# What calls ran and read depends on the folder of this script, and is not in the
# archive.
OPTIONS = "-p pytest_mimic.plugin -p no:cacheprovider -o filterwarnings= -W ignore --color=no --tb=short --mimic-vault=.mimic_vault -o mimic_inputs=ignore"
TALLY = """
import os

def ran(*words):
    '''Fail where nothing may run for real.'''
    assert not os.environ.get("OFFLINE"), words
"""
# Their versions show in recordings.
LIBRARIES = "aiohttp anthropic httpx httpx2 numpy openai pandas pillow polars redis requests sqlalchemy urllib3"

Vault = dict[str, bytes]


@dataclass
class Run:
    """The result of a run: pytest's exit code, the tests that passed, the calls that replayed, and the vault."""

    code: int
    passed: int
    replayed: int
    output: str
    vault: Vault


@contextmanager
def services(names: str) -> Iterator[dict[str, str] | None]:
    """The variables of services, which run as long as the block lasts; None if one is not installed."""
    command = [sys.executable, str(FROZEN / "services.py"), *names.split()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield json.loads(process.stdout.readline())  # type: ignore[union-attr]
        process.communicate()


def run(name: str, folder: Path, found: dict[str, str], *options: str) -> Run:
    """Run the tests of a project in a copy of it."""
    source, _, tests = PROJECTS[name]
    vault = folder / ".mimic_vault"
    ignored = shutil.ignore_patterns(
        "__pycache__", ".pytest_cache", ".mimic_vault", "web"
    )
    shutil.copytree(ROOT / source, folder, dirs_exist_ok=True, ignore=ignored)
    (folder / "tally.py").write_text(TALLY)
    variables = {**ENVIRONMENT, "HOME": str(folder.parent), **GONE, **found}
    sql = f"postgresql+psycopg://{variables['POSTGRES']}"
    variables |= {"DATABASE_URL": sql, "KINDS_POSTGRES": sql}
    variables |= {
        "REDIS_URL": f"{variables['REDIS']}/0",
        "KINDS_REDIS": variables["REDIS"],
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        *OPTIONS.split(),
        *options,
        *tests.split(),
    ]
    done = subprocess.run(
        command, cwd=folder, env=variables, input="", capture_output=True, text=True
    )
    patterns = (r"(\d+) passed", r"([\d,]+) (?:calls? )?replayed")
    counts = [re.search(pattern, done.stdout) for pattern in patterns]
    passed, replayed = (
        int(count[1].replace(",", "")) if count else 0 for count in counts
    )
    files = {
        p.relative_to(vault).as_posix(): p.read_bytes()
        for p in sorted(vault.rglob("*"))
        if p.is_file()
    }
    return Run(done.returncode, passed, replayed, done.stdout + done.stderr, files)


def record(name: str, folder: Path) -> Run | None:
    """Record a project; None if a service is not installed."""
    with services(PROJECTS[name][1]) as found:
        if found is None:
            return None
        return run(name, folder / "record" / name, found, "--mimic-record")


def replay(name: str, folder: Path, vault: Vault) -> Run:
    """Replay a vault without services."""
    for file, data in vault.items():
        path = folder / "replay" / name / ".mimic_vault" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return run(name, folder / "replay" / name, {"OFFLINE": "1"})


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that show in recordings."""
    found = {one.name.lower(): one.version for one in distributions()}
    return {
        "python": ".".join(map(str, sys.version_info[:2])),
        **{name: found.get(name, "none") for name in LIBRARIES.split()},
    }


def make(names: list[str]) -> None:
    """Record projects, and write the archive. It keeps the recordings of the others."""
    before, vaults = frozen() if set(names) < PROJECTS.keys() else ({}, {})
    kept = PROJECTS.keys() - set(names)
    manifest: dict[str, Any] = {"versions": before.get("versions", versions())}
    manifest |= {name: before[name] for name in PROJECTS if name in kept}
    contents = {
        f"{name}/{file}": data for name in kept for file, data in vaults[name].items()
    }
    with (
        tempfile.TemporaryDirectory(prefix="mimic-frozen-") as folder,
        ThreadPoolExecutor(2) as threads,
    ):
        records = {name: threads.submit(record, name, Path(folder)) for name in names}
        for name, future in records.items():
            made = future.result()
            again = replay(name, Path(folder), made.vault) if made else None
            if (
                not made
                or not again
                or made.code
                or again.code
                or again.vault != made.vault
            ):
                threads.shutdown(cancel_futures=True)
                sys.exit(
                    f"{name} cannot be recorded and replayed here:\n{made and made.output}{again and again.output}"
                )
            manifest[name] = {"passed": again.passed, "replayed": again.replayed}
            contents |= {f"{name}/{file}": data for file, data in made.vault.items()}
            print(
                f"{name}: {again.passed} tests, {again.replayed} calls, {len(made.vault)} files",
                flush=True,
            )
    contents["manifest.json"] = json.dumps(manifest, indent=1).encode()
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
            project, _, file = member.name.partition("/")
            vaults.setdefault(project, {})[file] = archive.extractfile(member).read()  # type: ignore[union-attr]
    return json.loads(vaults.pop("manifest.json")[""]), vaults


def masked(data: bytes) -> list[str]:
    """Return the lines of a file without what each run has of its own; for a pickle, its instructions."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = instructions(data)
    text = re.sub(r'"(recorded|checked)": "[\d-]+"', r'"\1": "DATE"', text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE", text)
    text = re.sub(r'"duration": [\d.e-]+', '"duration": SECONDS', text)
    text = re.sub(r"(127\.0\.0\.1:|localhost:|\bport=)\d+", r"\1PORT", text)
    text = re.sub(r"\b0x[0-9a-f]{6,}", "ADDRESS", text)
    # Redis gives the members of a set in any order.
    words = r'(?<="\$unordered": \[)[^][{}]*'
    return re.sub(
        words, lambda found: ", ".join(sorted(found[0].split(", "))), text
    ).splitlines()


def instructions(data: bytes) -> str:
    """Return the instructions of a pickle, or the bytes of another file in hexadecimal digits."""
    listing = io.StringIO()
    try:
        pickletools.dis(data, listing)
    except ValueError:
        return data.hex("\n", 32)
    return re.sub(r"^ *\d+: ", "", listing.getvalue(), flags=re.MULTILINE)


def differences(old: Vault, new: Vault) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each file that differs after masking: its name, what happened to it, and the lines of a diff."""
    for file in sorted(old.keys() | new.keys()):
        lines = difflib.unified_diff(
            masked(old.get(file, b"")), masked(new.get(file, b"")), lineterm="", n=1
        )
        if found := list(lines)[2:]:
            yield (
                file,
                "new" if file not in old else "changed" if file in new else "missing",
                found,
            )


class Accepted:
    """The differences that accepted.txt names, and those of them that occurred."""

    def __init__(self) -> None:
        lines = (FROZEN / "accepted.txt").read_text(encoding="utf-8").splitlines()
        self.entries = [
            line.split(" | ", 2) for line in lines if line and not line.startswith("#")
        ]
        self.seen: set[str] = set()

    def takes(self, title: str, lines: list[str]) -> bool:
        """Tell whether each changed line of a file is named."""
        left = {line for line in lines if line[0] in "+-"}
        for glob, regex, reason in self.entries:
            if fnmatch.fnmatchcase(title, glob):
                taken = {
                    line for line in left if regex == "*" or re.search(regex, line)
                }
                self.seen |= {reason} if taken else set()
                left -= taken
        return not left


def faults(
    title: str, made: Run, wanted: dict[str, int], old: Vault, accepted: Accepted
) -> Iterator[str]:
    """Yield what is wrong with a run, or differs from the frozen one; the title is `project/replay` or `project/recording`."""
    name, _, step = title.partition("/")
    counts = {
        "exit code": (0, made.code),
        "tests passed": (wanted["passed"], made.passed),
    }
    if step == "replay":
        counts["calls replayed"] = (wanted["replayed"], made.replayed)
    told = [
        line
        for what, (one, other) in counts.items()
        if one != other
        for line in (f"-{what}: {one}", f"+{what}: {other}")
    ]
    told += [
        f"+{line.partition(' - ')[0]}"
        for line in made.output.splitlines()
        if line.startswith(("FAILED", "ERROR"))
    ]
    if told and not accepted.takes(title, told):
        yield "\n  ".join([f"{title}:", *told, *made.output.splitlines()[:200]])
    if step == "replay":
        yield from [f"{title}: the vault was written"] if made.vault != old else []
        return
    for file, what, lines in differences(old, made.vault):
        if not accepted.takes(f"{name}/{file}", lines):
            most = 30 if what == "changed" else 8
            more = [f"and {len(lines) - most} more lines"] if len(lines) > most else []
            yield "\n  ".join(
                [
                    f"{name}/{file}: {what}",
                    *(line[:200] for line in lines[:most]),
                    *more,
                ]
            )


def check(names: list[str], *, records: bool = True) -> int:
    """Replay the archive, record again, and print each difference."""
    manifest, vaults = frozen()
    for library, version in versions().items():
        if version != manifest["versions"][library]:
            print(
                f"note: the archive has {library} {manifest['versions'][library]}, here is {version}"
            )
            if not records:
                names = [name for name in names if BOUND.get(name) != library]
    accepted, count = Accepted(), 0
    with (
        tempfile.TemporaryDirectory(prefix="mimic-frozen-") as folder,
        ThreadPoolExecutor(2) as threads,
    ):
        replays = {
            name: threads.submit(replay, name, Path(folder), vaults[name])
            for name in names
        }
        again = {
            name: threads.submit(record, name, Path(folder))
            for name in names
            if records
        }
        for name in names:
            wanted, vault, made = (
                manifest[name],
                vaults[name],
                again[name].result() if records else None,
            )
            found = [
                *faults(
                    f"{name}/replay", replays[name].result(), wanted, vault, accepted
                )
            ]
            found += (
                faults(f"{name}/recording", made, wanted, vault, accepted)
                if made
                else []
            )
            told = (
                ""
                if made or not records
                else ", not recorded again: a service is not installed"
            )
            count += len(found)
            print(
                "\n".join(
                    [
                        *found,
                        f"{name}: {wanted['replayed']} calls{told}, {len(found)} faults",
                    ]
                ),
                flush=True,
            )
    for entry in accepted.entries:
        if names == [*PROJECTS] and entry[2] not in accepted.seen:
            print(f"accepted.txt: no difference any more for {' | '.join(entry)}")
    return 1 if count else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", *chosen] if set(chosen) <= PROJECTS.keys():
            make(chosen or [*PROJECTS])
        case ["check" | "replay" as task, *chosen] if set(chosen) <= PROJECTS.keys():
            sys.exit(check(chosen or [*PROJECTS], records=task == "check"))
        case _:
            sys.exit(__doc__)
