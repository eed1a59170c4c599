"""The distribution as it is installed: what it needs, what it offers to pytest, to pip and to type checkers."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.resources import files

import pytest

import pytest_mimic


@pytest.fixture
def installed() -> Distribution:
    """pytest-mimic's metadata."""
    try:
        return distribution("pytest-mimic")
    except PackageNotFoundError:
        pytest.skip("pytest-mimic is on the path, not installed")


@pytest.mark.promise("it needs pytest, cloudpickle, xxhash, filelock and a compression package")
def test_it_needs_four_packages_and_one_for_compression(installed):
    """No client and no library of values among them; Python 3.10 is the floor."""
    required = [line for line in installed.requires or () if "extra ==" not in line]

    assert {re.match(r"[\w.-]+", line)[0].replace(".", "-") for line in required} == {
        "pytest",
        "cloudpickle",
        "xxhash",
        "filelock",
        "backports-zstd",
    }
    assert installed.metadata["Requires-Python"] == ">=3.10"


@pytest.mark.promise("the extras remote and cli exist and are empty")
def test_it_declares_two_extras_that_hold_nothing_yet(installed):
    """`remote` and `cli` can be named from the start."""
    assert set(installed.metadata.get_all("Provides-Extra")) == {"remote", "cli"}
    assert [line for line in installed.requires or () if "extra ==" in line] == []


@pytest.mark.promise("pytest knows it as mimic, and -p no:mimic turns it off")
def test_pytest_finds_it_by_the_name_mimic(installed):
    """So that `-p no:mimic` turns it off."""
    [found] = [point for point in installed.entry_points if point.group == "pytest11"]

    assert (found.name, found.value) == ("mimic", "pytest_mimic.plugin")


@pytest.mark.promise("the package is typed")
def test_it_is_typed():
    """Type checkers look for `py.typed`."""
    assert files("pytest_mimic").joinpath("py.typed").is_file()


def test_its_names_are_listed_before_they_are_loaded():
    """For completion: `dir(pytest_mimic)` has all that can be imported from it."""
    assert set(pytest_mimic.__all__) <= set(dir(pytest_mimic))
    assert all(hasattr(pytest_mimic, name) for name in pytest_mimic.__all__)
