"""Attacks of `attack.py` on a vault's files: odd contents, other files, copies.

They are what editors, file managers, archives and Git do to a vault, by themselves or
at a user's wish.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from attacked_project import Figures, Project, listed_counts

# Each function writes a line when it really runs. The second module has the same
# functions, which nobody mimics: it says what is right.
SHOP = """
    import os
    from array import array

    def ran(name):
        with open("real.log", "a") as file:
            file.write(name + chr(10))

    def plain(number):
        ran("plain")
        return {"name": "ann", "number": number, "parts": [1.5, None, True]}

    def pickled(number):
        ran("pickled")
        return array("i", [number])

    def large(number):
        ran("large")
        return [number, *range(12000)]
"""
FUNCTIONS = ("plain", "pickled", "large")


def module_of_calls(count: int) -> str:
    """Return a test module that calls each function, and a cassette, `count` times."""
    return f"""
        import pytest, right, shop

        @pytest.mark.parametrize("number", range({count}))
        @pytest.mark.parametrize("name", {FUNCTIONS})
        def test_it(name, number):
            value = getattr(shop, name)(number)
            assert value == getattr(right, name)(number)

        @pytest.mark.parametrize("number", range({count}))
        def test_cassette(number, mimic_auto):
            with mimic_auto(f"cassette-{{number}}", targets=["shop:plain"]):
                value = shop.plain(number + 10000)
            assert value == right.plain(number + 10000)
    """


def recorded_project(python: Path, count: int) -> Project:
    """Return a project whose calls are recorded."""
    files = {
        "shop.py": SHOP,
        "right.py": SHOP.replace("real.log", os.devnull),
        "test_shop.py": module_of_calls(count),
    }
    project = Project(python, files, *[f"shop:{name}" for name in FUNCTIONS])
    project.test("--mimic-record", "-p", "no:randomly")
    return project


def replayed(project: Project, *words: str) -> Counter[str]:
    """Return how the tests of a replay end, and whether a function really ran."""
    log = project.root / "real.log"
    log.unlink(missing_ok=True)
    ends = Counter(project.test("-p", "no:randomly", *words).values())
    if ends.pop("AssertionError", 0):
        ends["WRONG"] += 1
    if log.exists():
        ends["REALLY RAN"] += len(log.read_text().splitlines())
    return ends


def has_traceback(output: str) -> bool:
    """Check whether an output shows a fault of ours in place of a message."""
    signs = ("Traceback (most recent", "this is a bug", "INTERNALERROR")
    return any(sign in output for sign in signs)


# Contents that no writer of a vault makes.

DEEP = b"[" * 10_000 + b"1" + b"]" * 10_000
Change = Callable[[bytes], bytes]


def instead(content: bytes) -> Change:
    """Return the change that puts a content in the place of any other."""
    return lambda _data: content


def with_key_twice(data: bytes, *, other_value: bytes | None = None) -> bytes:
    """Return a file whose second line stands twice, the first time with a value.

    A file of one line stays as it is.
    """
    if data.count(b"\n") < 2:
        return data
    first, second, rest = data.split(b"\n", 2)
    key, colon, value = second.partition(b":")
    copy = key + colon + (other_value or value)
    return b"\n".join([first, copy, second, rest])


def with_other_key_twice(data: bytes) -> bytes:
    """Return a file whose `format` stands twice, the first time as another one."""
    return with_key_twice(data, other_value=b" 3,")


def with_deep_part(data: bytes) -> bytes:
    """Return a file with a part more, which is 10,000 lists deep."""
    return data.replace(b"{", b'{"surplus": ' + DEEP + b",", 1)


def with_deep_arguments(data: bytes) -> bytes:
    """Return a file whose arguments are 10,000 lists deep."""
    return data.replace(b'"arguments": {', b'"arguments": {"deep": ' + DEEP + b",", 1)


def as_utf_16(data: bytes) -> bytes:
    """Return a file as Windows PowerShell 5 writes what it has read."""
    return data.decode("utf-8", "replace").encode("utf-16")


CONTENTS: dict[str, Change] = {
    "nothing": instead(b""),
    "blanks": instead(b" \n\n"),
    "zeros": lambda data: bytes(len(data)),
    "the first half": lambda data: data[: len(data) // 2],
    "without the last bytes": lambda data: data[:-3],
    "twice": lambda data: data + data,
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "two byte order marks": lambda data: b"\xef\xbb\xbf" * 2 + data,
    "UTF-16": as_utf_16,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "no last line end": lambda data: data.rstrip(b"\n"),
    "a zero at the end": lambda data: data + b"\0",
    "words at the end": lambda data: data + b"the end\n",
    "null": instead(b"null\n"),
    "an empty list": instead(b"[]\n"),
    "an empty object": instead(b"{}\n"),
    "a number": instead(b"17\n"),
    "10,000 lists": instead(DEEP),
    "10,000 lists in it": with_deep_part,
    "10,000 lists in its arguments": with_deep_arguments,
    "a key twice": with_key_twice,
    "another key twice": with_other_key_twice,
    "a merge conflict": lambda data: (
        b"<<<<<<< HEAD\n" + data + b"=======\n" + data + b">>>>>>> other\n"
    ),
    "a pointer of Git LFS": instead(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:"
        + b"0" * 64
        + b"\nsize 12\n"
    ),
}
# The kinds of files that a vault has, each with the function whose call it belongs to,
# and with the key under which a recording names it.
KINDS_OF_FILES = {
    "plain recording": ("plain", ""),
    "recording of a pickle": ("pickled", ""),
    "recording of an object": ("large", ""),
    "pickle": ("pickled", "$pickle"),
    "object": ("large", "$json"),
    "cassette": ("cassette", ""),
}


def file_of(project: Project, kind: str, number: int) -> Path:
    """Return the file of a kind that belongs to a call."""
    function, key_of_object = KINDS_OF_FILES[kind]
    if function == "cassette":
        return project.vault / "cassettes" / f"cassette-{number}.json"
    for recording in project.vault.glob(f"calls/shop.{function}/*.json"):
        facts = json.loads(recording.read_text())
        call = facts["log"][0]
        if call["arguments"]["number"] == number:
            if not key_of_object:
                return recording
            return project.vault / call["value"][key_of_object]
    raise FileNotFoundError(f"{kind} {number}")


def attack_contents(python: Path) -> Figures:
    """Count how replays of files with odd contents end, and what commands say.

    The first calls of each function have a damaged recording, and the calls behind
    them, as many, a damaged object.
    """
    count = len(CONTENTS)
    project = recorded_project(python, 2 * count)
    kind_of_test: dict[str, str] = {}
    files: list[tuple[Path, Change]] = []
    for kind, (function, key_of_object) in KINDS_OF_FILES.items():
        first = count if key_of_object else 0
        for number, change in enumerate(CONTENTS.values(), start=first):
            files.append((file_of(project, kind, number), change))
            test = f"test_it[{function}-{number}]"
            if function == "cassette":
                test = f"test_cassette[{number}]"
            kind_of_test[test] = kind
    for file, change in files:
        file.write_bytes(change(file.read_bytes()))

    figures: Figures = {}
    ends_by_kind: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS_OF_FILES}
    ends = project.test("-p", "no:randomly")
    for test, kind in kind_of_test.items():
        end = ends.get(test, "not run")
        ends_by_kind[kind]["WRONG" if end == "AssertionError" else end] += 1
    for kind, counts in ends_by_kind.items():
        figures[f"odd contents of a {kind}"] = listed_counts(counts)
    checked = project.run("pytest_mimic", "check", "--json")
    findings = []
    with suppress(ValueError):
        findings = json.loads(checked.stdout)["findings"]
    named = {finding["file"] for finding in findings}
    figures["odd contents: files named by check"] = f"{len(named)} of {len(files)}"
    bad = []
    for words in ("ls", "show shop:*", "check", "rekey -n", "rm -n shop:*"):
        if has_traceback(output_of(project, *words.split())):
            bad.append(words)
    figures["odd contents: tracebacks"] = ", ".join(bad) or "none"
    return figures


def output_of(project: Project, *words: str) -> str:
    """Return all that the command `pytest-mimic` prints."""
    done = project.run("pytest_mimic", *words)
    return done.stdout + done.stderr


# Files that others put into a vault.

OTHER_FILES = (
    ".DS_Store",
    "._{name}",
    "Thumbs.db",
    "desktop.ini",
    "{name}~",
    "#{name}#",
    ".{name}.swp",
    ".{name}.swo",
    "4913",
    "{name}.orig",
    "{name}.rej",
    "{name}.bak",
    "{name}.part",
    "{name}.lock",
    "{stem} (1).json",
    "{stem} copy.json",
    "Copy of {name}",
    "{stem}.sync-conflict-20261126-101010-ABCDEFG.json",
    "{stem}_conflict-20261126-101010.json",
    "{name}.icloud",
    ".fuse_hidden0000000100000001",
    ".nfs000000000000000100000001",
    ".gitkeep",
    ".gitignore",
    ".gitattributes",
    "README.md",
    "{name}.dvc",
    "{name}.gz",
    "{name}:Zone.Identifier",
)
OTHER_FOLDERS = ("@eaDir", "__MACOSX", ".idea", ".git", ".dvc", "__pycache__")


def other_files(folder: Path, example: Path) -> Iterator[Path]:
    """Put files beside those of a vault's folder, and yield them."""
    content = example.read_bytes()
    for pattern in OTHER_FILES:
        path = folder / pattern.format(name=example.name, stem=example.stem)
        path.write_bytes(content)
        yield path
    for name in OTHER_FOLDERS:
        inner = folder / name
        inner.mkdir()
        path = inner / example.name
        path.write_bytes(content)
        yield path
    # Emacs locks a file by a link to nothing.
    link = folder / f".#{example.name}"
    link.symlink_to("ann@host.1234:1700000000")
    yield link


def attack_other_files(python: Path) -> Figures:
    """Count which files of others disturb, and which are deleted."""
    project = recorded_project(python, 2)
    recordings = ls_count(project)
    own = set(files_in(project.vault))
    plain = file_of(project, "plain recording", 0)
    pickle = file_of(project, "pickle", 0)
    cassette = file_of(project, "cassette", 0)
    made: list[Path] = []
    for folder, example in (
        (project.vault, plain),
        (project.vault / "calls", plain),
        (plain.parent, plain),
        (project.vault / "objects", pickle),
        (pickle.parent, pickle),
        (cassette.parent, cassette),
    ):
        made += other_files(folder, example)
    figures = {
        "files of others: how many": str(len(made)),
        "files of others: replays": listed_counts(replayed(project)),
        "files of others: recordings in ls": f"{ls_count(project)} of {recordings}",
    }
    findings = project.problems()
    figures["files of others: found by check"] = listed_counts(findings)
    outputs = ""
    for words in ("check --fix", "rekey", "mv test_shop.py test_new.py"):
        outputs += output_of(project, *words.split())
        figures[f"files of others: there after {words}"] = there(made)
    output_of(project, "mv", "test_new.py", "test_shop.py")
    figures["files of others: replays after these"] = listed_counts(replayed(project))
    project.run("pytest", "--mimic-rerecord", "--mimic-clear-unused")
    figures["files of others: there after --mimic-clear-unused"] = there(made)
    lost = own - set(files_in(project.vault))
    figures["files of others: files of the vault that are gone"] = str(len(lost))
    outputs += output_of(project, "rm", "shop:*")
    figures["files of others: there after rm"] = there(made)
    figures["files of others: tracebacks"] = str(outputs.count("Traceback (most"))
    return figures


def ls_count(project: Project) -> str:
    """Return how many calls `ls` counts, on its last line."""
    lines = project.run("pytest_mimic", "ls").stdout.splitlines()
    counting = [line for line in lines if " calls, " in line]
    return counting[-1].rpartition(",")[0] if counting else "none"


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path


def there(paths: Iterable[Path]) -> str:
    """Return how many of some files are there."""
    paths = list(paths)
    count = 0
    for path in paths:
        if os.path.lexists(path):
            count += 1
    return f"{count} of {len(paths)}"


# Copies of a project with its vault.


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, with an identity, and return its output."""
    settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(
        ["git", *settings, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout + done.stderr


def copied(source: Path, target: Path) -> None:
    """Copy without times and rights, as `cp -r` does."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)


def with_times(seconds: float) -> Callable[[Path, Path], None]:
    """Return the copying after which all files have one time."""

    def copy(source: Path, target: Path) -> None:
        copied(source, target)
        for path in target.rglob("*"):
            os.utime(path, (seconds, seconds))

    return copy


def archived(format_of_archive: str) -> Callable[[Path, Path], None]:
    """Return the copying by way of an archive."""

    def copy(source: Path, target: Path) -> None:
        archive = shutil.make_archive(str(target), format_of_archive, source)
        shutil.unpack_archive(archive, target)

    return copy


def cloned(*words: str) -> Callable[[Path, Path], None]:
    """Return the copying by Git, whose clone has settings."""

    def copy(source: Path, target: Path) -> None:
        git(source, "init", "-q")
        git(source, "add", "-A", "-f")
        git(source, "commit", "-qm", "all")
        git(source.parent, "clone", "-q", *words, str(source), str(target))

    return copy


def read_only(source: Path, target: Path) -> None:
    """Copy, and let nobody write into the vault."""
    copied(source, target)
    vault = target / ".mimic_vault"
    for path in (vault, *vault.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def linked(source: Path, target: Path) -> None:
    """Copy, and keep each file of the vault in another place, behind a link."""
    copied(source, target)
    store = target.with_name("store")
    store.mkdir(exist_ok=True)
    for number, path in enumerate(sorted(files_in(target / ".mimic_vault"))):
        place = store / str(number)
        shutil.move(path, place)
        path.symlink_to(place)


COPIES: dict[str, Callable[[Path, Path], None]] = {
    "cp -r": copied,
    "all files of 1970": with_times(1),
    "all files of 2100": with_times(4_102_444_800),
    "zip": archived("zip"),
    "tar": archived("gztar"),
    "a clone": cloned(),
    "a clone with core.autocrlf": cloned("-c", "core.autocrlf=true"),
    "a clone with core.autocrlf=input": cloned("-c", "core.autocrlf=input"),
    "a read-only vault": read_only,
    "files behind links": linked,
}
# The user `nobody` of most systems.
NOBODY = 65534


def attack_copies(python: Path) -> Figures:
    """Count how the replays in a copy of a project end, and what `check` says."""
    figures: Figures = {}
    original = recorded_project(python, 4)
    root = original.root
    for name, copy in COPIES.items():
        target = root.with_name(f"{root.name}-copy")
        copy(root, target)
        original.move_to(target)
        ends = listed_counts(replayed(original))
        checked = original.run("pytest_mimic", "check")
        figures[f"copies: {name}"] = f"{ends}; check {checked.returncode}"
        shutil.rmtree(target)
        shutil.rmtree(target.with_name("store"), ignore_errors=True)
        shutil.rmtree(root / ".git", ignore_errors=True)
    original.move_to(root)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        figures["copies: another user"] = replayed_as_nobody(original)
    moved = root / "elsewhere" / "the vault"
    moved.parent.mkdir()
    original.vault.rename(moved)
    ends = listed_counts(replayed(original, f"--mimic-vault={moved}"))
    figures["copies: a moved vault"] = ends
    return figures


def replayed_as_nobody(project: Project) -> str:
    """Return how the replays end for a user to whom nothing belongs."""
    for path in (project.root, *project.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    command += [str(project.python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}
    done = subprocess.run(
        command,
        cwd=project.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines() or [done.stderr[-200:]]
    return lines[-1].partition(" in ")[0]
