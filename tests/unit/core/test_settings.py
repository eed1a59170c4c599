"""Ini options are read alike by pytest and by the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._core.redact.secret_names import read_names
from pytest_mimic._core.settings import IniOptions, LineReaders, vault_folder
from pytest_mimic._core.targets.target import Target, parse_target


class Refused(Exception):
    pass


def read_target(line: str, origin: str) -> Target | None:
    return parse_target(line, origin=origin)


def options(**given: Any) -> IniOptions:
    return IniOptions(
        given.get,
        origin_of_option=lambda name: f"pytest.ini, {name}",
        make_error=Refused,
        readers=LineReaders(read_target, read_names),
        prefix_of_errors="pytest.ini, ",
    )


def test_values_are_stripped_and_have_defaults() -> None:
    ini = options(a="  strict ", b=["x ", "", "y"], c="x\n\n y\n")

    assert (
        ini.text("a"),
        ini.text("z", "d"),
        ini.choice("a", "warn", "strict"),
        ini.choice("z", "warn"),
    ) == (*("strict", "d"), *("strict", "warn"))
    assert ini.lines("b") == ini.lines("c") == ["x", "y"]


def test_a_wrong_value_is_named_with_its_file_and_what_it_takes() -> None:
    with pytest.raises(
        Refused, match=r"^pytest.ini, a = x: it takes warn, strict or ignore$"
    ):
        options(a="x").choice("a", "warn", "strict", "ignore")
    with pytest.raises(Refused, match="a is a list, it takes a text"):
        options(a=["x"]).text("a")


def test_all_wrong_lines_are_named_together() -> None:
    with pytest.raises(Refused) as caught:
        options(a="1\nx\n2\ny").read_lines("a", lambda line, _origin: int(line))

    assert [problem.partition(": ")[0] for problem in caught.value.args] == [
        "pytest.ini, a line 2",
        "pytest.ini, a line 4",
    ]


@pytest.mark.parametrize(
    "path", ["s3://bucket/a", "s3:/bucket", "file:/a", "/", "~", "file.txt"]
)
def test_a_vault_is_a_folder_of_its_own(path: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()

    with pytest.raises(ValueError, match=r"a vault is a folder|is not a folder"):
        vault_folder(path, tmp_path)

    assert vault_folder("a/../b", tmp_path) == tmp_path / "b"


def test_a_vault_that_is_refused_is_named_by_what_named_it(tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.symlink_to("gone")

    with pytest.raises(
        Refused,
        match=r"^pytest.ini, mimic_vault_path: a vault is a folder, and this is a URL$",
    ):
        options(mimic_vault_path="s3://me:hunter2@bucket/x").vault(
            None, option="--mimic-vault", here=tmp_path, rootdir=tmp_path
        )
    with pytest.raises(Refused, match=r"^--mimic-vault: .*linked is not a folder$"):
        options().vault(
            "linked", option="--mimic-vault", here=tmp_path, rootdir=tmp_path
        )
    with pytest.raises(Refused, match="a vault is a folder of its own"):
        options(mimic_vault_path=".").vault(
            None, option="--mimic-vault", here=tmp_path, rootdir=tmp_path
        )
    assert (
        options().vault(None, option="--vault", here=tmp_path, rootdir=tmp_path)
        == tmp_path / ".mimic_vault"
    )
