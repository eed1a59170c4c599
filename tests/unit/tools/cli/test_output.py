"""The command itself: its help, errors and exit codes, and output for terminals, pipes and files."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys

import pytest

from pytest_mimic._tools.cli.ls import columns
from pytest_mimic._tools.cli.main import COMMANDS
from pytest_mimic._tools.cli.output import Output


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["ls", "--older", "soon"],
            "--older takes days or weeks, such as 90d or 12w, not soon",
        ),
        (
            ["unused", "a.json", "-n"],
            "--dry-run needs --clear: a judgement alone changes nothing",
        ),
    ],
)
def test_a_wrong_value_is_one_readable_error_and_exit_code_2(shop, call, words, says):
    result = call(*words)

    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0] == f"ERROR: {says}"
    assert "Traceback" not in result.err


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("command", ["ls", "check"])
def test_a_vault_that_is_a_link_to_nothing_is_no_empty_vault(shop, call, command):
    (shop / "linked").symlink_to("gone")

    result = call(command, "--vault", "linked")

    assert (result.code, result.out) == (2, "")
    assert (
        result.err.splitlines()[0]
        == f"ERROR: --vault: {shop / 'linked'} is not a folder"
    )


def test_json_of_every_command_is_one_document(shop, call):
    for words in (["ls"], ["ls", "nothing"], ["check"], ["check", "--fix"]):
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


@pytest.mark.parametrize("sign", ["\x9b", "\u202e"])
def test_other_signs_that_change_a_terminal_are_escaped_in_text_and_json(
    shop, call, sign
):
    """The first begins a command, and the other turns the direction of the text behind it."""
    file = next((shop / ".mimic_vault/calls/shop/odd").glob("*.json"))
    file.write_text(
        file.read_text().replace("::test_odd", f"::{sign}test_odd"), encoding="utf-8"
    )

    result = call("ls", "shop:odd", "--json")

    assert result.data["recordings"][0]["test"] == f"tests/test_shop.py::{sign}test_odd"
    assert not [
        out
        for out in (result.out, call("show", "shop:odd").out, call("ls").out)
        if sign in out
    ]


def test_signs_that_the_encoding_lacks_are_escaped(shop):
    out = Output(stream := io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    out.line(["20 × 20", (" →", "bold")])
    for line in columns([["×", "a"], ["b", "c"]], right_aligned=[0]):
        out.line(line)
    out.json({"sign": "×"})
    stream.flush()

    assert stream.buffer.getvalue().decode("ascii").split(os.linesep)[:3] == [
        r"20 \xd7 20 \u2192",
        r"\xd7  a",
        "b  c",
    ]


# Modules that each cost a command a tenth of its start or more.
SLOW = {
    "pytest", "_pytest", "rich", "numpy", "shop", "cloudpickle", "pickle", "random", "tempfile", "filelock", "logging",
    "socket", "ssl", "urllib.request", "concurrent.futures", "importlib.metadata", "pytest_mimic._core.engine",
    "pytest_mimic._clients.http.http_calls",
}  # fmt: skip
if sys.version_info < (3, 14):  # from then on, argparse loads them to colour its help
    SLOW |= {"dataclasses", "inspect"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("ls", 0),
        ("show shop:words 0123456789", 0),
        ("mv -n tests/test_shop.py::test_words tests/test_shop.py::test_texts", 0),
        ("rm -n shop:words", 0),
        ("check tests/test_shop.py::test_words", 0),
    ],
)
def test_a_command_loads_neither_pytest_nor_another_nor_what_is_slow(
    words, code, answered, tmp_path
):
    """So that each starts within 100 ms of CPU."""
    command, *others = words.split()
    folder = tmp_path / "shop"
    shutil.copytree(answered, folder)
    program = (
        "import sys; before = set(sys.modules); from pytest_mimic._tools.cli.main import main; "
        f"code = main({[command, *others]}); print(); print(code, *set(sys.modules) - before)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    ended, *loaded = done.stdout.splitlines()[-1].split()
    assert (int(ended), done.stderr) == (code, "")
    own = "pytest_mimic._tools.cli."
    assert not (
        SLOW | {f"{own}{name}" for name in {"import_", *COMMANDS} - {command}}
    ) & set(loaded)


def test_a_vault_of_a_newer_format_is_no_empty_one(shop, call):
    for file in (shop / ".mimic_vault").rglob("*.json"):
        if "objects" not in file.parts:
            file.write_text('{\n "format": 5\n}\n')

    results = [call(*words) for words in (["ls"], ["ls", "--json"])]

    assert [result.code for result in results] == [1, 1]
    [line] = results[0].lines
    assert line.endswith(" files cannot be read: pytest-mimic check")
