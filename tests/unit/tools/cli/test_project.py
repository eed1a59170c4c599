"""The project around a folder, found by pytest's rules without pytest."""

from __future__ import annotations

import pytest

from pytest_mimic._tools.cli.project import Project
from pytest_mimic.errors import MimicError

INI = "[pytest]\nmimic_vault_path = recordings\nmimic_redact =\n    shoe_size\n    !token\n"
CFG = INI.replace("[pytest]", "[tool:pytest]")
INI_OPTIONS = '[tool.pytest.ini_options]\nmimic_vault_path = "recordings"\nmimic_redact = ["shoe_size", "!token"]\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", INI),
        (".pytest.ini", INI),
        ("tox.ini", f"[tox]\n\n{INI}"),
        ("setup.cfg", CFG),
        ("pyproject.toml", INI_OPTIONS),
    ],
)
def test_the_vault_and_the_secret_names_are_read_from_every_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    (tmp_path / "tests" / "unit").mkdir(parents=True)

    project = Project(tmp_path / "tests" / "unit")

    assert project.rootdir == tmp_path
    assert project.settings.vault == tmp_path / "recordings"
    assert project.settings.redact == ("shoe_size", "!token")


@pytest.mark.parametrize("name", ["pytest.toml", ".pytest.toml", "pyproject.toml"])
def test_tables_with_the_types_of_toml_are_read(tmp_path, name):
    table = "[tool.pytest]" if name == "pyproject.toml" else "[pytest]"
    (tmp_path / name).write_text(f'{table}\nmimic_vault_path = "recordings"\n')

    assert Project(tmp_path).settings.vault.name == "recordings"


def test_the_rootdir_is_that_of_pytest(pytester, monkeypatch):
    """In a tree with a file of each kind at another level, some of them not pytest's."""
    pytester.makefile(".cfg", setup="[metadata]\nname = x\n")
    pytester.makepyprojecttoml('[project]\nname = "x"\n')
    inner = pytester.mkdir("inner")
    (inner / "tox.ini").write_text("[tox]\n")
    (inner / "setup.py").write_text("")
    deep = inner / "deep"
    deep.mkdir()
    monkeypatch.chdir(deep)

    config = pytester.parseconfig()
    project = Project(deep)

    assert project.rootdir == config.rootpath


def test_without_any_file_the_folder_itself_is_the_rootdir(tmp_path):
    (tmp_path / "setup.py").write_text("")
    (tmp_path / "below").mkdir()

    assert Project(tmp_path / "below").rootdir == tmp_path


def test_a_vault_elsewhere_is_shown_as_it_was_given(tmp_path):
    (tmp_path / "here").mkdir()
    there = tmp_path / "there"

    shown = [
        Project(tmp_path / "here", vault=vault).settings.shown_vault
        for vault in (str(there), "../there", str(tmp_path / "here" / "in"))
    ]

    assert shown == [str(there), "../there", "in"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("pytest.ini", "[pytest\n", "cannot read .*pytest.ini"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\nx = \n",
            "cannot read .*pyproject.toml",
        ),
        (
            "pyproject.toml",
            "tool = 5  # pytest\n",
            "cannot read .*pyproject.toml: tool is no table",
        ),
        (
            "pyproject.toml",
            "[[tool.pytest]]\nx = 1\n",
            "cannot read .*pyproject.toml: pytest is no table",
        ),
        (
            "pyproject.toml",
            "[tool.pytest]\nini_options = 5\n",
            "ini_options is no table",
        ),
        (
            "pytest.toml",
            "pytest = 5\n",
            "cannot read .*pytest.toml: pytest is no table",
        ),
        (
            "pytest.ini",
            "[pytest]\nmimic_redact = a b?\n",
            "pytest.ini, mimic_redact line 1: b\\? is not a name",
        ),
        (
            "pytest.ini",
            "[pytest]\nmimic_vault_path = s4://x\n",
            "pytest.ini: mimic_vault_path: a vault is a folder, and this is a URL",
        ),
        (
            "pytest.ini",
            "[pytest]\nmimic_vault_path = .\n",
            "pytest.ini: mimic_vault_path: a vault is a folder of its own",
        ),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)

    with pytest.raises(MimicError, match=says):
        Project(tmp_path)
