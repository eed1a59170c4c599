"""Section 7: what a library for mocks of sockets answers is left alone."""

from __future__ import annotations

import pytest

pytest.importorskip("requests")

# The sockets of httpretty 1.1 lack what urllib3 2.8 asks of one.
BY_HTTPRETTY = """
import httpretty
import urllib.request


@httpretty.activate(allow_net_connect=False)
def test_rates():
    httpretty.register_uri(httpretty.GET, "http://rates.test/eur", body="mocked")
    with urllib.request.urlopen("http://rates.test/eur") as answer:
        assert answer.read() == b"mocked"
    assert len(httpretty.latest_requests()) == 1
"""

BY_MOCKET = """
import requests
from mocket import Mocket, mocketize
from mocket.mockhttp import Entry


@mocketize(strict_mode=True)
def test_rates():
    Entry.single_register(Entry.GET, "http://rates.test/eur", body="mocked")
    assert requests.get("http://rates.test/eur").text == "mocked"
    assert len(Mocket.request_list()) == 1
"""


@pytest.mark.parametrize(
    ("library", "tests"), [("httpretty", BY_HTTPRETTY), ("mocket", BY_MOCKET)]
)
def test_what_a_mock_of_sockets_answers_is_left_alone(project, library, tests):
    """In a recording run nothing of it is kept, and in a replay nothing is missing."""
    pytest.importorskip(library)
    project.ini("http")
    project.write("test_rates.py", tests)

    recorded = project.run("--mimic-record", process=True)
    replayed = project.run(process=True)

    recorded.expect(passed=1, never=["recorded"])
    replayed.expect(passed=1, never=["missing"])
    assert recorded.vault == {}
