"""What the code of a target reaches, and what of it has changed since."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.inputs.project_sources import ProjectSources, reached_and_read

SHOP = """
import tax_of_shop
from tax_of_shop import rounded as short

LIMIT = 3

class Price:
    def __init__(self, amount):
        self.amount = amount

    def taxed(self):
        return self.amount * tax_of_shop.rate()

    def unused(self):
        return 0

def price(item):
    return short(Price(bounded(item)).taxed())

def bounded(item):
    return min(item, LIMIT)

def unrelated():
    return 1
"""
TAX = "def rate():\n    return 2\n\ndef rounded(value):\n    return round(value)\n\ndef other():\n    return 1\n"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], ProjectSources]]:
    """Make the sources of a new run of a project with two modules."""
    (tmp_path / "price_of_shop.py").write_text(SHOP)
    (tmp_path / "tax_of_shop.py").write_text(TAX)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("price_of_shop")
    yield lambda: ProjectSources(Places(str(tmp_path)), tmp_path, tmp_path / ".mimic_vault")
    for name in ("price_of_shop", "tax_of_shop"):
        del sys.modules[name]


def listed(sources: ProjectSources, *files: tuple[str, str]) -> str:
    return sources.listed("price_of_shop:price", frozenset(), frozenset(files))


def test_functions_that_the_code_reaches_are_listed(sources: Callable[[], ProjectSources]) -> None:
    reached, read = reached_and_read(listed(sources(), ("data.csv", "1a2b3c4d")))

    assert {one.partition(" ")[0].partition(":")[2] for one in reached} - {""} == {
        *("bounded", "Price.__init__", "Price.taxed"),
        *("rate", "rounded"),
    }
    assert read == ["data.csv"]


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("price_of_shop.py", "min(item", "max(item", ["price_of_shop:bounded (price_of_shop.py)"]),
        ("price_of_shop.py", "LIMIT = 3", "LIMIT = 4", ["price_of_shop (price_of_shop.py)"]),
        ("tax_of_shop.py", "return 2", "return 3", ["tax_of_shop:rate (tax_of_shop.py)"]),
        ("tax_of_shop.py", "return 2", "return  2  # percent", []),
        ("tax_of_shop.py", "return 1", "return 5", []),
        ("price_of_shop.py", "return 1", "return 5", []),
        ("price_of_shop.py", "return short(", "return 1 + short(", []),  # the target itself is compared apart
        ("price_of_shop.py", "\n", "\r\n", []),
    ],
)
def test_a_change_counts_where_the_code_reaches_it(
    sources: Callable[[], ProjectSources], tmp_path: Path, file: str, old: str, new: str, changed: list[str]
) -> None:
    before = listed(sources())
    assert old in (tmp_path / file).read_text()

    (tmp_path / file).write_bytes((tmp_path / file).read_bytes().replace(old.encode(), new.encode()))

    assert sources().changed(before) == changed


def test_a_file_counts_by_its_bytes_but_for_ends_of_lines(
    sources: Callable[[], ProjectSources], tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"a\nb\n")
    digest = sources().digest("data.csv")
    text = json.dumps({"files": {"data.csv": digest}, "functions": {}})

    data.write_bytes(b"a\r\nb\r\n")
    assert sources().changed(text) == []
    data.write_bytes(b"a\nc\n")
    assert sources().changed(text) == ["data.csv"]
    data.unlink()
    assert sources().changed(text) == ["data.csv"]
