"""Section 7: what a library for mocks of sockets answers is left alone."""

from __future__ import annotations

import pytest

pytest.importorskip("requests")

BY_HTTPRETTY = """
import httpretty
import pytest
import requests
import urllib.request


@httpretty.activate(allow_net_connect=False)
@pytest.mark.parametrize("by", ["requests", "urllib"])
def test_rates(by):
    httpretty.register_uri(httpretty.GET, "http://rates.test/eur", body="mocked")
    if by == "requests":
        assert requests.get("http://rates.test/eur").text == "mocked"
    else:
        with urllib.request.urlopen("http://rates.test/eur") as answer:
            assert answer.read() == b"mocked"
    assert len(httpretty.latest_requests()) == 1
"""

BY_MOCKET = """
import requests
import urllib.request

import pytest
from mocket import Mocket, mocketize
from mocket.mockhttp import Entry


@mocketize(strict_mode=True)
@pytest.mark.parametrize("by", ["requests", "urllib"])
def test_rates(by):
    Entry.single_register(Entry.GET, "http://rates.test/eur", body="mocked")
    if by == "requests":
        assert requests.get("http://rates.test/eur").text == "mocked"
    else:
        with urllib.request.urlopen("http://rates.test/eur") as answer:
            assert answer.read() == b"mocked"
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

    recorded.expect(passed=2, never=["recorded"])
    replayed.expect(passed=2, never=["missing"])
    assert recorded.vault == {}
