"""The map in CONTRIBUTING.md names the packages and test folders that exist."""

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
