"""The recipe for other processes: what one sends to the relay of the examples is recorded and replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

RELAY = Path(__file__).parents[2] / "examples" / "relay.py"

# Sends a request as another process would, and prints the status and the body.
ASK = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode() or None)
request.add_header("Authorization", "Bearer tok-0815-agent")
try:
    with urllib.request.urlopen(request) as response:
        print(response.status, response.read().decode(), end="")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode(), end="")
"""

TEST = """
import os, subprocess, sys
from relay import relay

def ask(url, body=""):
    done = subprocess.run([sys.executable, "ask.py", url, body], capture_output=True, text=True, check=True)
    return done.stdout

def test_agent():
    with relay(os.environ["API"]) as url:
        assert ask(url + "/users/1?page=2") == '200 {"id":1,"name":"Zo\\u00eb","page":"2"}'
        assert '"body":"hello"' in ask(url + "/echo", "hello")
        assert ask(url + "/missing").startswith("404")

def test_more():
    with relay(os.environ["API"]) as url:
        print(ask(url + "/pretty"))
"""


@pytest.fixture
def agent(project):
    """A project that starts another process."""
    project.ini("http")
    project.write("relay.py", RELAY.read_text())
    project.write("ask.py", ASK)
    project.write("test_agent.py", TEST)
    return project


def test_requests_of_another_process_are_recorded_and_replayed(agent):
    with agent.shop() as server:
        recorded = agent.run("--mimic-record")
        server.stop()
        recorded.expect(passed=2, says=["4 calls recorded"])
        agent.run().expect(passed=2, says=["4 calls replayed"])

    assert not any(b"tok-0815-agent" in data for data in recorded.vault.values())


def test_a_miss_fails_the_test(agent):
    says = ["MissingRecordingError: no recording of http GET /pretty", "1 call missing"]

    run = agent.run("-k", "more", env={"API": "http://127.0.0.1:1"}).expect(
        failed=1, deselected=1, says=says
    )

    assert "502 no recording of http GET /pretty" in run.output
