"""What the tests of HTTP clients share.

A module says by its fixture `line` which one it tests.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.http_server import Server, running_server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    with running_server() as server:
        yield server
