"""Remedies as data, and the commands that they are when they are shown."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pytest_mimic._core.commands import (
    Commands,
    Remedy,
    Verb,
    do,
    mimic_command,
    read,
    record,
    rerecord,
    verify,
)
from pytest_mimic._core.target_options import Options

ONE, OTHER = "test_a.py::test_one", "test_a.py::test_other"


@pytest.mark.parametrize(
    ("remedy", "line"),
    [
        (record("to record it", ONE), f"to record it: pytest --mimic-record {ONE}"),
        (rerecord("", ONE, None), f"pytest --mimic-rerecord {ONE}"),
        (verify("try", ONE, OTHER), f"try: pytest --mimic-verify {ONE} {OTHER}"),
        (mimic_command("", "rm", "a b"), "pytest-mimic rm 'a b'"),
        (Remedy(Verb.RUN, words=("git", "lfs", "pull")), "git lfs pull"),
        (
            Remedy(Verb.LINE, "or", words=("mimic_pickle = listed",)),
            "or: mimic_pickle = listed",
        ),
        (do("pass a list"), "pass a list"),
        (
            read("how", "how-to/dates-and-ids#seed-the-ids"),
            "how: https://pytest-mimic.readthedocs.io/en/latest/"
            "how-to/dates-and-ids.html#seed-the-ids",
        ),
        (
            Remedy(
                Verb.IGNORE,
                target="http",
                paths=("body.run_id",),
                options=Options(ignore=("port",), only=("GET /users",)),
            ),
            'http only="GET /users" ignore=port,body.run_id',
        ),
        (
            Remedy(Verb.VOLATILE, target="m:f", paths=("id",)),
            "m:f volatile=id",
        ),
    ],
    ids=lambda value: value.verb.name if isinstance(value, Remedy) else "",
)
def test_a_remedy_is_worded_as_what_it_does(remedy: Remedy, line: str) -> None:
    assert Commands().line(remedy) == line


def test_a_remedy_without_tests_is_for_the_test_of_its_error() -> None:
    commands = Commands()

    assert commands.line(record(""), ONE) == f"pytest --mimic-record {ONE}"
    assert commands.line(record("", OTHER), ONE) == f"pytest --mimic-record {OTHER}"
    assert commands.line(record("")) == "pytest --mimic-record"


def test_commands_are_for_the_folder_and_the_vault_of_the_run() -> None:
    commands = Commands(Path("/shop/src"), Path("/shop"), "other vault")

    assert (
        commands.pytest("--x", tests=["tests/test_a.py::test_b"])
        == "pytest --x '--mimic-vault=other vault' ../tests/test_a.py::test_b"
    )
    assert commands.mimic("check") == "pytest-mimic check --vault 'other vault'"


@pytest.mark.parametrize(
    "test",
    [
        "t.py::test_a[it's]",
        't.py::test_a[say "x"]',
        "t.py::test_a[$(rm -r /)]",
        "t.py::test_a[`x`]",
        "t.py::test_a[a b; c & d]",
        "t.py::test_a[a\nb]",
        "t.py::test_a[*?]",
        "a b/t.py::test_a",
        "t.py::test_a[!x]",
        "t.py::test_a[a\\tb]",
    ],
)
def test_each_id_of_a_test_is_one_word_of_a_shell(test: str) -> None:
    command = Commands().pytest("--x", tests=[test])

    assert shlex.split(command) == ["pytest", "--x", test]


@pytest.mark.parametrize("file", ["-v.py", "@files/t.py"])
def test_a_file_is_never_taken_for_an_option_or_for_arguments(file: str) -> None:
    command = Commands().pytest("--x", tests=[f"{file}::test_a"])

    assert command == f"pytest --x ./{file}::test_a"


class TestForTests:
    """Commands run exactly the tests that they are for."""

    KNOWN = {"test_a.py": {ONE, OTHER}}

    def test_a_file_stands_for_its_tests_only_if_all_are_meant(self) -> None:
        def command(*tests: str) -> str:
            return Commands().for_tests("--x", tests=tests, known=self.KNOWN)

        assert command(ONE, OTHER, ONE) == "pytest --x test_a.py"
        assert command(ONE) == f"pytest --x {ONE}"
        assert command("b.py::test_c", ONE) == f"pytest --x b.py::test_c {ONE}"

    def test_a_file_of_which_not_all_tests_are_known_stands_for_none(self) -> None:
        assert Commands().for_tests("--x", tests=[ONE, OTHER]) == (
            f"pytest --x {ONE} {OTHER}"
        )

    def test_calls_of_no_test_are_for_all_tests(self) -> None:
        assert Commands().for_tests("--x", tests=[ONE, ""]) == "pytest --x"
        assert Commands().for_tests("--x", tests=[ONE, None]) == "pytest --x"

    LONG = [f"test_{n}.py::test_of_a_long_name_{n:03}" for n in range(70)]

    def test_a_long_command_runs_the_failed_tests_if_they_are_just_these(self) -> None:
        command = Commands().for_tests("--x", tests=self.LONG, failed=set(self.LONG))

        assert command == "pytest --x --lf"

    def test_another_long_command_reads_its_tests_from_a_file(self, tmp_path) -> None:
        commands = Commands(tmp_path, tmp_path, folder=tmp_path / "cache")

        command = commands.for_tests("--x", tests=self.LONG, failed={*self.LONG, ONE})

        *words, file = shlex.split(command)
        assert words == ["pytest", "--x"]
        assert file.startswith("@cache/tests-")
        assert (tmp_path / file[1:]).read_text().splitlines() == self.LONG
