"""The file of `--mimic-usage`: what is written is read, it is small, and a damaged one is an error."""

from __future__ import annotations

import json

import pytest

from pytest_mimic._tools.unused.usage_file import Usage, is_usage_file, read_usage, write_usage
from pytest_mimic.errors import MimicError

USAGE = Usage(
    vault="../vault",
    commit="e" * 40,
    mode="record",
    python="PyPy 3.11",
    platform="win32",
    wanted=["tests"],
    covered=[],
    hiding=["--lf was given"],
    broken=["a worker crashed"],
    collected=["", "tests", "tests/test_ä.py"],
    skipped_modules=["tests/test_b.py"],
    absent_clients=["redis"],
    tests={
        "tests/test_ä.py::TestIt::test_x[::a]": "passed",
        "tests/test_ä.py::test_\udce4": "failed",
        "README.md": "not run",
        "README.md::README.md": "skipped",
    },
    used=frozenset(["calls/a.json", "cassettes/\udce4.json"]),
    others=frozenset(["calls/b.json"]),
)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "usage.json"

    write_usage(path, USAGE)

    assert read_usage(path) == USAGE._replace(label=str(path))
    assert is_usage_file(path)
    assert [file.name for file in path.parent.iterdir()] == ["usage.json"]


def changed(**facts):
    """Return the text of a file with other facts."""
    whole = {"mimic_usage": 2, "tests": {}}
    whole |= dict.fromkeys(("vault", "commit", "mode", "python", "platform"), "")
    whole |= {name: [] for name in ("wanted", "covered", "hiding", "broken", "collected", "skipped_modules")}
    whole |= {"absent_clients": [], "used": [], "others": []}
    return json.dumps({**whole, **facts})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "[" * 100_000,
        '{"format": 1}',
        '{"mimic_usage": "2"}',
        '{"mimic_usage": 2}',
        changed(vault=3),
        changed(wanted="tests"),
        changed(tests=[]),
        changed(tests={"a.py::x": "gone"}),
        changed(tests={"a.py::x": ["passed"]}),
        changed(used="AAAA"),
        changed(others=[3]),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path, text):
    path = tmp_path / "usage.json"
    path.write_text(text)

    with pytest.raises(MimicError, match=r"usage\.json is damaged, or is not a file of --mimic-usage"):
        read_usage(path)


def test_a_file_without_tests_is_whole(tmp_path):
    path = tmp_path / "usage.json"
    path.write_text(changed())

    assert read_usage(path).tests == {}


def test_a_file_of_a_newer_format_is_an_error(tmp_path):
    path = tmp_path / "usage.json"
    path.write_text(changed(mimic_usage=3))

    with pytest.raises(MimicError, match=r"has format 3, and this version of pytest-mimic reads 2"):
        read_usage(path)


def test_a_folder_and_a_file_that_is_not_there_are_errors(tmp_path):
    with pytest.raises(MimicError, match=r"(?s)is a folder\n.*name its files: .*/\*\.json|cannot read"):
        read_usage(tmp_path)
    with pytest.raises(MimicError, match=r"cannot read .*gone\.json: No such file"):
        read_usage(tmp_path / "gone.json")


def test_another_file_is_not_taken_for_one(tmp_path):
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\n")

    assert not is_usage_file(path)
