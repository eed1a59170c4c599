"""The hook that a conftest.py can implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_mimic import Target


@pytest.hookspec
def pytest_mimic_targets(config: pytest.Config) -> list[Target]:  # type: ignore[empty-body]
    """Return targets made in Python, in addition to those of the ini option `mimic_functions`.

    Mark the implementation `@pytest.hookimpl(optionalhook=True)`, so that `-p no:mimic` works.
    """
