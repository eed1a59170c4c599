"""The names of the seam: each is there, is loaded on first use, and keeps its place."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_mimic import client


@pytest.mark.parametrize("name", client.__all__)
def test_each_name_is_that_of_its_module(name: str) -> None:
    [home] = [home for home, names in client._NAMES_BY_MODULE.items() if name in names]

    value = getattr(client, name)

    assert value is getattr(sys.modules[f"pytest_mimic.{home}"], name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Adaptor'"):
        _ = client.Adaptor  # type: ignore[attr-defined]


def test_the_page_of_the_module_names_all() -> None:
    assert client.__doc__ is not None
    unnamed = [name for name in client.__all__ if f"`{name}`" not in client.__doc__]

    assert unnamed == []


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = (
        "import sys, pytest_mimic.client\n"
        "print([n for n in sys.modules if n.startswith('pytest_mimic._core')])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert shown.stdout.strip() == "[]"
