"""The headers that choose an answer count in the identity of a request."""

from __future__ import annotations

from typing import Any

import pytest
from support.http_server import running_server

# Asks for both of two answers of one URL, in the order that the environment says.
TWO = """
    import os
    import httpx

    WAYS = {ways}

    def test_it():
        names = sorted(WAYS, reverse="REVERSED" in os.environ)
        seen = {{name: httpx.get(os.environ["API"] + "/chosen", headers=WAYS[name]).text for name in names}}
        assert seen == {{name: "".join(WAYS[name].values()) for name in WAYS}}
"""
HEADERS = {
    "Accept": ("text/html", "application/json"),
    "Range": ("bytes=0-9", "bytes=10-19"),
    "If-Match": ('"one"', '"two"'),
    "If-None-Match": ('"one"', '"two"'),
    "If-Modified-Since": ("Mon, 02 Nov 2026 10:00:00 GMT", "Tue, 03 Nov 2026 10:00:00 GMT"),
    "Prefer": ("return=minimal", "return=representation"),
    "X-HTTP-Method-Override": ("PATCH", "DELETE"),
    "X-Amz-Target": ("DynamoDB_20120810.GetItem", "DynamoDB_20120810.DeleteItem"),
    "SOAPAction": ('"urn:add"', '"urn:remove"'),
}


@pytest.mark.parametrize("name", HEADERS)
def test_two_answers_of_one_url_are_two_calls(project: Any, name: str) -> None:
    """They come back to those who asked for them, in any order."""
    pytest.importorskip("httpx")
    project.ini("http")
    project.write("test_it.py", TWO.format(ways={value: {name: value} for value in HEADERS[name]}))

    with running_server() as server:
        project.record(env={"API": server.url}).expect(passed=1)
        server.stop()
        project.replay(env={"API": server.url}).expect(passed=1)
        project.replay(env={"API": server.url, "REVERSED": "1"}).expect(passed=1)
