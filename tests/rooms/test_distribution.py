"""The installed distribution: its requirements, extras, entry point and types."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from importlib.resources import files

import pytest

import pytest_mimic


@pytest.fixture
def installed():
    """pytest-mimic's metadata."""
    try:
        return distribution("pytest-mimic")
    except PackageNotFoundError:
        pytest.skip("pytest-mimic is on the path, not installed")


def test_four_packages_are_required(installed):
    """Neither clients nor libraries of values are required."""
    required = [line for line in installed.requires or () if "extra ==" not in line]

    assert {re.match(r"[\w.-]+", line)[0].replace(".", "-") for line in required} == {
        "pytest",
        "cloudpickle",
        "xxhash",
        "filelock",
    }
    assert installed.metadata["Requires-Python"] == ">=3.10"


def test_one_extra_is_declared(installed):
    assert set(installed.metadata.get_all("Provides-Extra")) == {"import"}
    extra = [line for line in installed.requires or () if "extra ==" in line]
    assert [line.replace("'", '"') for line in extra] == [
        'pyyaml>=5.4; extra == "import"'
    ]


def test_the_package_is_typed():
    assert files("pytest_mimic").joinpath("py.typed").is_file()


def test_the_package_has_the_version_of_its_distribution(installed):
    assert pytest_mimic.__version__ == installed.version
    assert "__version__" in dir(pytest_mimic)


def test_public_names_are_listed_before_they_are_loaded():
    assert set(pytest_mimic.__all__) <= set(dir(pytest_mimic))
    assert all(hasattr(pytest_mimic, name) for name in pytest_mimic.__all__)


def test_pytest_finds_the_plugin_as_mimic(installed):
    assert [one.value for one in entry_points(group="pytest11", name="mimic")] == [
        "pytest_mimic.plugin"
    ]
