"""The command itself: its help, errors and exit codes, and output for terminals, pipes and files."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest

from pytest_mimic._tools.cli.main import main
from pytest_mimic._tools.cli.output import COMMANDS, Output, columns


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def test_the_version_is_that_of_the_distribution(call):
    import pytest_mimic

    assert call("--version").out == f"pytest-mimic {pytest_mimic.__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ls", "--older", "soon"], "--older takes days or weeks, such as 90d or 12w, not soon"),
        (["unused", "a.json", "-n"], "--dry-run needs --clear: a judgement alone changes nothing"),
    ],
)
def test_a_wrong_value_is_one_readable_error_and_exit_code_2(shop, call, words, says):
    result = call(*words)

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"ERROR: {says}"
    assert "Traceback" not in result.err


@pytest.mark.parametrize("words", [["sow"], ["ls", "--errros"]])
def test_a_wrong_word_shows_the_usage(shop, call, words):
    result = call(*words)

    assert (result.code, result.err.startswith("usage: pytest-mimic")) == (2, True)
    assert words[-1] in result.err.splitlines()[-1]


def test_a_bug_of_the_command_is_not_taken_for_a_finding(shop, call, monkeypatch):
    monkeypatch.setattr("pytest_mimic._tools.cli.ls.run", lambda _invocation: 1 / 0)

    result = call("ls")

    assert result.code == 2
    assert "ZeroDivisionError" in result.err
    assert result.err.splitlines()[-1] == "ERROR: this is a bug of pytest-mimic, please report it"


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("command", ["ls", "check"])
def test_a_vault_that_is_a_link_to_nothing_is_no_empty_vault(shop, call, command):
    (shop / "linked").symlink_to("gone")

    result = call(command, "--vault", "linked")

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"ERROR: --vault: {shop / 'linked'} is not a folder"


@pytest.mark.skipif(os.name == "nt" or not os.getuid(), reason="needs folders that may not be read")
def test_a_vault_that_cannot_be_read_is_exit_code_2(shop, call):
    (shop / ".mimic_vault/calls").chmod(0)

    assert call("ls").code == 2


def test_options_may_stand_before_the_command(shop, call, monkeypatch):
    monkeypatch.chdir(shop.parent)

    result = call("--vault", "shop/.mimic_vault", "ls", "--json", "shop:odd")

    assert len(result.data["recordings"]) == 1


def test_json_of_every_command_is_one_document(shop, call):
    for words in (
        ["ls"],
        ["ls", "nothing"],
        ["check"],
        ["check", "--fix"],
    ):
        json.loads(call(*words, "--json").out)


def test_colour_is_for_terminals(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for stream, no_color, expected in (
        (Terminal(), "", "a \x1b[31mred\x1b[0m word\n"),
        (Terminal(), "1", "a red word\n"),
        (io.StringIO(), "", "a red word\n"),
    ):
        monkeypatch.setenv("NO_COLOR", no_color)
        Output(stream).line(["a ", ("red", "red"), " word"])

        assert stream.getvalue() == expected


def test_control_characters_of_a_recording_do_not_reach_the_terminal(shop, call):
    file = next((shop / ".mimic_vault/calls/shop/odd").glob("*.json"))
    file.write_text(file.read_text().replace("::test_odd", "::\\u001b[31mtest_odd"))

    for words in (["ls"], ["show", "shop:odd"], ["rm", "-n", "shop:odd"]):
        out = call(*words).out
        assert "\x1b" not in out
        assert r"\x1b[31mtest_odd" in out


@pytest.mark.parametrize("sign", ["\x9b", "\u202e"])
def test_other_signs_that_change_a_terminal_are_escaped_in_text_and_json(shop, call, sign):
    """The first begins a command, and the other turns the direction of the text behind it."""
    file = next((shop / ".mimic_vault/calls/shop/odd").glob("*.json"))
    file.write_text(file.read_text().replace("::test_odd", f"::{sign}test_odd"), encoding="utf-8")

    result = call("ls", "shop:odd", "--json")

    assert result.data["recordings"][0]["test"] == f"tests/test_shop.py::{sign}test_odd"
    assert not [out for out in (result.out, call("show", "shop:odd").out, call("ls").out) if sign in out]


def test_signs_that_the_encoding_lacks_are_escaped(shop):
    out = Output(stream := io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    out.line(["20 × 20", (" →", "bold")])
    for line in columns([["×", "a"], ["b", "c"]], right=[0]):
        out.line(line)
    out.json({"sign": "×"})
    stream.flush()

    assert stream.buffer.getvalue().decode("ascii").split(os.linesep)[:3] == [
        r"20 \xd7 20 \u2192",
        r"\xd7  a",
        "b  c",
    ]


def test_a_reader_that_has_gone_is_no_error(shop):
    """The exit code is that of the command."""
    (shop / ".mimic_vault/calls/shop/x.json").write_text("")
    words = [sys.executable, "-m", "pytest_mimic", "check"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        done = subprocess.run(words, cwd=shop, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)

    assert (done.returncode, done.stderr) == (1, "")


def test_control_c_is_quiet(shop, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.scandir", interrupted)
    monkeypatch.setattr("pytest_mimic._core.vault.folder.scandir", interrupted)

    assert main(["ls"]) == 130
    assert capsys.readouterr() == ("", "")


# Modules that each cost a command a tenth of its start or more.
SLOW = {
    "pytest", "_pytest", "rich", "numpy", "shop", "cloudpickle", "pickle", "random", "tempfile", "filelock", "logging",
    "socket", "ssl", "urllib.request", "concurrent.futures", "importlib.metadata", "pytest_mimic._core.engine",
    "pytest_mimic._clients.http.exchange",
}  # fmt: skip
if sys.version_info < (3, 14):  # from then on, argparse loads them to colour its help
    SLOW |= {"dataclasses", "inspect"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ls", 0),
        ("show shop:words 0123456789", 0),
        ("review", 1),
        ("mv -n tests/test_shop.py::test_words tests/test_shop.py::test_texts", 0),
        ("rm -n shop:words", 0),
        ("check tests/test_shop.py::test_words", 0),
    ],
)
def test_a_command_loads_neither_pytest_nor_another_nor_what_is_slow(words, code, waiting, tmp_path):
    """So that each starts within 100 ms of CPU."""
    command, *others = words.split()
    folder = tmp_path / "shop"
    shutil.copytree(waiting, folder)
    program = (
        "import sys; before = set(sys.modules); from pytest_mimic._tools.cli.main import main; "
        f"code = main({[command, *others]}); print(); print(code, *set(sys.modules) - before)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )

    ended, *loaded = done.stdout.splitlines()[-1].split()
    assert (int(ended), done.stderr) == (code, "")
    own = "pytest_mimic._tools.cli."
    assert not (SLOW | {f"{own}{name}" for name in {"import_", *COMMANDS} - {command}}) & set(loaded)


def test_a_vault_of_a_newer_format_is_no_empty_one(shop, call):
    for file in (shop / ".mimic_vault").rglob("*.json"):
        if "objects" not in file.parts:
            file.write_text('{\n "format": 4\n}\n')

    results = [call(*words) for words in (["ls"], ["ls", "--json"])]

    assert [result.code for result in results] == [1, 1]
    [line] = results[0].lines
    assert line.endswith(" files cannot be read: pytest-mimic check")
