"""The hook that a conftest.py may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_mimic import Target


@pytest.hookspec
def pytest_mimic_targets(config: pytest.Config) -> list[Target]:  # type: ignore[empty-body]
    """Targets made in Python, in addition to the ini option `mimic_functions`.

    Mark an implementation `@pytest.hookimpl(optionalhook=True)`, so that `-p no:mimic` works.
    """
