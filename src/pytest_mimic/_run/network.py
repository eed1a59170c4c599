"""Blocks the network while pytest runs code of the project: in the collection, in fixtures and in tests."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_mimic._core.hosts import AllowedHosts

if TYPE_CHECKING:
    from pytest_mimic._run.session import Session


class BlockedPhases:
    """The plugin of a run with `mimic_network = block`. Between its phases, other plugins may report to their servers."""

    def __init__(self, session: Session) -> None:
        session.guard_network()  # now, because modules imported later may keep the functions
        self._session = session
        self._allowed = AllowedHosts(session.settings.allowed_hosts)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def _block(self) -> Generator[None, object, object]:
        with self._session.guard_network().block(self._allowed):
            return (yield)

    # Each phase is blocked in the same way.
    pytest_make_collect_report = pytest_runtest_setup = _block
    pytest_runtest_call = pytest_runtest_teardown = _block
