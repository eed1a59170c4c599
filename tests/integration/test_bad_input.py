"""Section 8 and 3: what is given by mistake is told in a line, and nothing is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from support import face

needs_devices = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="the system has no such devices"
)


@pytest.fixture
def shop(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project with more recordings than the buffer of a pipe holds."""
    project.ini("shop:fetch")
    project.module("def fetch(name): return name")
    project.test("[shop.fetch(str(n) * 500) for n in range(200)]")
    project.record().expect(passed=1)
    monkeypatch.chdir(project.root)
    return project


def test_a_reader_that_goes_away_leaves_no_traceback(shop: Any) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_mimic", "show", "shop:fetch"],
        env=shop.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()

    assert first.startswith("shop:fetch(name='")
    assert (errors, process.returncode) == ("", 0)


@needs_devices
def test_output_that_cannot_be_written_is_told_in_a_line(shop: Any) -> None:
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


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("/dev/full", "is not a file", marks=needs_devices),
        (".", "is not a file"),
        ("shop.py", "would overwrite shop.py, which is another kind of file"),
    ],
)
@pytest.mark.parametrize("option", ["--mimic-report", "--mimic-usage"])
def test_only_a_file_of_ours_is_replaced(
    shop: Any, option: str, path: str, why: str
) -> None:
    before = (shop.root / "shop.py").read_bytes()

    shop.run(f"{option}={path}").expect(
        exit_code=4, says=[f"ERROR: {option}", why], never=["Traceback"]
    )

    assert (shop.root / "shop.py").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["ls", ""], "a selector is empty (a variable of the shell that is not set?)"),
        (
            ["ls", "--vault", "shop.py"],
            "--vault: shop.py is a file, and a vault is a folder",
        ),
        (["ls", "--vault", "nowhere"], "there is no vault nowhere"),
        (["unused", "shop.py"], "shop.py was not written by --mimic-usage"),
        (["import", "nothing.yaml"], "no such file or folder: nothing.yaml"),
        (
            ["mv", "test_shop.py", "test_shop.py"],
            "mv cannot make test_shop.py to test_shop.py: it takes two tests, classes, files or folders",
        ),
    ],
)
def test_a_word_of_the_command_that_means_nothing_is_told_in_a_line(
    shop: Any, capsys: pytest.CaptureFixture[str], words: list[str], error: str
) -> None:
    before = shop.files()

    code = face.command(words)

    assert (code, capsys.readouterr().err) == (2, f"ERROR: {error}\n")
    assert shop.files() == before


def test_a_selector_that_matches_nothing_is_found_out(
    shop: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("ls", "show", "rm", "rekey"):
        code = face.command([command, "shop:gone"])

        said = capsys.readouterr().out
        assert (code, said) == (1, "nothing in .mimic_vault matches shop:gone\n")
