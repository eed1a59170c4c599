"""The command finds its subcommand, and ends with the exit code and the lines of what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_mimic._tools.cli.main import COMMANDS, main


def test_the_version_is_that_of_the_distribution(call):
    import pytest_mimic

    assert call("--version").out == f"pytest-mimic {pytest_mimic.__version__}\n"


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_a_help_fits_a_terminal_of_80_columns(call, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    words = [command] if command else []

    lines = call(*words, "--help").lines

    assert [line for line in lines if len(line) > 80] == []
    assert len(lines) > 5


@pytest.mark.parametrize("words", [["sow"], ["ls", "--errros"]])
def test_a_wrong_word_shows_the_usage(shop, call, words):
    result = call(*words)

    assert (result.code, result.err.startswith("usage: pytest-mimic")) == (2, True)
    assert words[-1] in result.err.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ["rm", ""],
        ["rm", "/"],
        ["rm", "shop:odd", ","],
        ["mv", "", "x"],
        ["mv", "tests/test_shop.py", " "],
        ["import", ""],
        ["ls", "--vault", ""],
    ],
    ids=" ".join,
)
def test_a_word_that_names_nothing_is_refused(shop, call, words):
    """It is a variable of the shell that is not set, and would name everything."""
    files = set((shop / ".mimic_vault").rglob("*"))

    result = call(*words)

    assert (result.code, result.out) == (2, "")
    assert (
        result.err
        == "ERROR: an argument is empty (a variable of the shell that is not set?)\n"
    )
    assert set((shop / ".mimic_vault").rglob("*")) == files


def test_a_bug_of_the_command_is_not_taken_for_a_finding(shop, call, monkeypatch):
    monkeypatch.setattr("pytest_mimic._tools.cli.ls.run", lambda _invocation: 1 / 0)

    result = call("ls")

    assert result.code == 2
    assert "ZeroDivisionError" in result.err
    assert (
        result.err.splitlines()[-1]
        == "ERROR: this is a bug of pytest-mimic, please report it"
    )


@pytest.mark.skipif(
    os.name == "nt" or not os.getuid(), reason="needs folders that may not be read"
)
def test_a_vault_that_cannot_be_read_is_exit_code_2(shop, call):
    (shop / ".mimic_vault/calls").chmod(0)

    assert call("ls").code == 2


def test_options_may_stand_before_the_command(shop, call, monkeypatch):
    monkeypatch.chdir(shop.parent)

    result = call("--vault", "shop/.mimic_vault", "ls", "--json", "shop:odd")

    assert len(result.data["recordings"]) == 1


def test_control_characters_of_a_recording_do_not_reach_the_terminal(shop, call):
    file = next((shop / ".mimic_vault/calls/shop/odd").glob("*.json"))
    file.write_text(file.read_text().replace("::test_odd", "::\\u001b[31mtest_odd"))

    for words in (["ls"], ["show", "shop:odd"], ["rm", "-n", "shop:odd"]):
        out = call(*words).out
        assert "\x1b" not in out
        assert r"\x1b[31mtest_odd" in out


def test_a_reader_that_has_gone_is_no_error(shop):
    """The exit code is that of the command."""
    (shop / ".mimic_vault/calls/shop/x.json").write_text("")
    words = [sys.executable, "-m", "pytest_mimic", "check"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        done = subprocess.run(
            words, cwd=shop, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_where_the_output_is_closed_the_work_is_done(shop):
    words = ["-c", '"$0" -m pytest_mimic rm shop:odd >&-', sys.executable]

    done = subprocess.run(
        ["sh", *words], cwd=shop, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert not [*(shop / ".mimic_vault/calls/shop/odd").glob("*.json")]


def test_control_c_is_quiet(shop, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.scandir", interrupted)
    monkeypatch.setattr("pytest_mimic._core.vault.folder.scandir", interrupted)

    assert main(["ls"]) == 130
    assert capsys.readouterr() == ("", "")
