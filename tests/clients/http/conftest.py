"""What the tests of HTTP clients share.

A module says by its fixture `line` which one it tests.
"""

from __future__ import annotations

import pytest
from support.http_server import running_server


@pytest.fixture
def server():
    """A server on loopback."""
    with running_server() as server:
        yield server
