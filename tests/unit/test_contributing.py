"""What CONTRIBUTING.md says holds: its map names the packages and folders that exist, and each change is in the changelog."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "pytest_mimic"
MAP = re.findall(r"^\|.*\|$", (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
NAMES = {name.rstrip("/") for row in MAP for name in re.findall(r"`([\w/.]+?)(?:\*\.py)?`", row)}


def test_the_map_names_each_package():
    houses = [folder.parent for folder in PACKAGE.glob("*/__init__.py")]
    packages = {folder.parent.name for house in houses for folder in house.glob("*/__init__.py")}
    named = {part for name in NAMES for part in name.split("/")}

    assert {house.name for house in houses} | packages <= named


def test_the_map_names_no_path_that_is_gone():
    paths = [name for name in NAMES if re.match(r"_|tests/|\w+\.py$", name)]

    assert [path for path in paths if not any((root / path).exists() for root in (REPOSITORY, PACKAGE))] == []


def test_the_page_on_clients_shows_the_adapter_of_the_example():
    page = (REPOSITORY / "docs/contributing/add-a-client.md").read_text(encoding="utf-8")

    [block] = re.findall(r"# mimic_sensor.py\n(.*?)```", page, re.DOTALL)

    example = (REPOSITORY / "examples/sensor/mimic_sensor.py").read_text(encoding="utf-8")
    assert example.endswith(block)


def test_the_changelog_takes_every_kind_of_fragment():
    """towncrier leaves out the others without a word."""
    known = re.findall(
        r'^directory = "(\w+)"$', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    kinds = {path.name.split(".")[-2] for path in (REPOSITORY / "changelog.d").glob("+*.md")}

    assert kinds <= {*known}
