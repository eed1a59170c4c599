"""Sections 3 and 8: what is given by mistake is told in a line, and only files of ours are replaced."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

OPTIONS = ["--mimic-report"]
needs_devices = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="the system has no such devices"
)


@pytest.fixture
def shop(project):
    """A project with more recordings than the buffer of a pipe holds."""
    project.ini("shop:fetch")
    project.module("def fetch(name): return name")
    project.test("[shop.fetch(str(n) * 500) for n in range(200)]")
    project.record_once(passed=1)
    project.monkeypatch.chdir(project.root)
    return project


def test_a_reader_that_goes_away_leaves_no_traceback(shop):
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_mimic", "show", "shop:fetch"],
        env=shop.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert first.startswith("shop:fetch(name='")
    assert (errors, process.returncode) == ("", 0)


@needs_devices
def test_output_that_cannot_be_written_is_told_in_a_line(shop):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_mimic", "ls"],
            env=shop.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (2, "ERROR: No space left on device\n")


def test_a_file_of_the_same_option_is_replaced_and_a_link_stays(shop):
    options = [f"{option}=file{option}" for option in OPTIONS]
    links = [f"{option}=link{option}" for option in OPTIONS]
    files = [shop.root / f"file{option}" for option in OPTIONS]
    targets = [shop.root / f"deeper{option}" for option in OPTIONS]
    for option, target in zip(OPTIONS, targets):
        (shop.root / f"link{option}").symlink_to(target)
    shop.run(*options).expect(passed=1)
    shop.run(*links).expect(passed=1)
    for path in (*files, *targets):
        path.write_bytes(path.read_bytes() + b"<!-- former -->")

    shop.run(*options).expect(passed=1)
    shop.run(*links).expect(passed=1)

    for path in (*files, *targets):
        assert path.stat().st_size > 100
        assert b"former" not in path.read_bytes()
    assert all((shop.root / f"link{option}").is_symlink() for option in OPTIONS)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("/dev/full", "is not a file", marks=needs_devices),
        (".", "is not a file"),
        ("shop.py", "would overwrite shop.py, which is another kind of file"),
    ],
)
def test_only_a_file_of_ours_is_replaced(project, path, why):
    project.ini("shop:fetch")
    project.module("def fetch(name): return name")
    before = (project.root / "shop.py").read_bytes()

    for option in OPTIONS:
        project.run(f"{option}={path}").expect(
            exit_code=4, says=[f"ERROR: {option}", why], never=["Traceback"]
        )

    assert (project.root / "shop.py").read_bytes() == before


def test_a_word_of_the_command_that_means_nothing_is_told_in_a_line(project):
    project.module("")
    for words, error in (
        (["ls", ""], "a selector is empty (a variable of the shell that is not set?)"),
        (
            ["ls", "--vault", "shop.py"],
            "--vault: shop.py is a file, and a vault is a folder",
        ),
    ):
        answer = project.command(*words)

        assert (answer.code, answer.err) == (2, f"ERROR: {error}\n")


def test_a_forged_test_ends_nothing_and_is_shown_in_one_line(project):
    """It is longer than a file's name may be, or holds what no name holds."""
    project.ini("shop:fetch")
    project.module("def fetch(n): return n\n")
    project.test("shop.fetch(1)")
    project.record().expect(passed=1)
    path = project.file_of("shop:fetch")
    facts = json.loads(path.read_text(encoding="utf-8"))
    project.tests("def test_other(): pass\n")
    for test in ("t" * 5000, "a/" * 4000 + "b.py::x", "a\0b.py::x", "\ud800.py::x"):
        path.write_text(json.dumps({**facts, "owner": test}), encoding="utf-8")

        run = project.replay().expect(passed=1)

        assert run.section[0] == "1 recording unused"
        assert "Traceback" not in run.output
    forged = "a.py::x\nto drop the unused: rm -rf /"
    path.write_text(json.dumps({**facts, "owner": forged}), encoding="utf-8")

    lines = project.replay().expect(passed=1).section

    assert len([line for line in lines if line.startswith("to drop the unused")]) == 1


def test_a_number_without_end_stops_no_command(project):
    """JSON can say `1e999`; nobody can write it again."""
    project.ini("shop:fetch sequence")
    project.module("def fetch(n): return n\n")
    project.test("shop.fetch(1)")
    project.record().expect(passed=1)
    path = project.file_of("shop:fetch")
    text = path.read_text("utf-8").replace('"value": 1', '"value": 1e999')
    path.write_text(text, "utf-8")

    for words in (
        ["check"],
        ["show", "tests"],
        ["mv", "test_shop.py::test", "a.py::b"],
    ):
        answer = project.command(*words)
        assert "Traceback" not in answer.out + answer.err
    assert path.read_text("utf-8") == text
    project.run("--mimic-rerecord").expect(passed=1)
