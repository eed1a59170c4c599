"""What another process sends to a gateway is recorded and replayed."""

from __future__ import annotations

import json

import pytest
from support.http_server import running_server

# Sends a request as another process would, and prints the status and the body.
ASKS = """
import subprocess
import sys

ASK = '''
import sys, urllib.error, urllib.request
method, url, body = sys.argv[1:]
data = body.encode() if body else None
request = urllib.request.Request(url, data, method=method, headers={"Authorization": "Bearer tok-0815-agent"})
try:
    with urllib.request.urlopen(request) as response:
        print(response.status, response.read().decode(), end="")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode(), end="")
'''


def ask(method, url, body=""):
    done = subprocess.run([sys.executable, "-c", ASK, method, url, body], capture_output=True, text=True, check=True)
    return done.stdout
"""


@pytest.fixture
def agent(project):
    """A project that starts another process."""
    project.write("agent.py", ASKS)
    return project


def write_test(project, url: str, *lines: str) -> None:
    body = "\n    ".join(lines)
    project.write(
        "test_agent.py",
        f"from agent import ask\n\ndef test_agent(mimic_gateway):\n    url = mimic_gateway({url!r})\n    {body}\n",
    )


@pytest.mark.promise("mimic_gateway records and replays what another process sends")
@pytest.mark.parametrize("lines", [(), ("http",), ("httpx",)], ids=["no line", "http", "another client"])
def test_requests_of_another_process_are_recorded_and_replayed(agent, lines):
    agent.ini(*lines)
    with running_server() as server:
        write_test(
            agent,
            server.url,
            'assert ask(\'GET\', url + \'/users/1?a=1\') == \'200 {"id":1,"name":"Zoë","page":null}\'',
            "assert '\"body\":\"hello\"' in ask('POST', url + '/echo', 'hello')",
            "assert ask('GET', url + '/missing').startswith('404')",
            "assert ask('HEAD', url + '/users/1') == '200 '",
        )
        recorded = agent.run("--mimic-record")
        agent.run("--mimic-verify").expect(passed=1, says=["4 calls verified"])

    recorded.expect(passed=1, says=["4 calls recorded"])
    agent.run().expect(passed=1, says=["4 calls replayed"])
    assert not any(b"tok-0815-agent" in data for data in recorded.vault.values())


def test_events_are_stored_one_by_one(agent):
    with running_server() as server:
        write_test(agent, server.url, "assert ask('GET', url + '/events').count('data:') == 3")
        recorded = agent.run("--mimic-record")
    recorded.expect(passed=1)

    agent.run().expect(passed=1, says=["1 call replayed"])
    [data] = recorded.vault.values()
    events = json.loads(data)["outcomes"][0]["value"]["body"]["events"]
    assert [list(event) for event in events] == [["json"], ["event", "json"], ["data"]]
    assert (events[0]["json"], events[1]["event"], events[2]["data"]) == ({"delta": "Grüß"}, "note", "[DONE]")


@pytest.mark.promise("a miss in a gateway is a 4xx answer with its text, and fails the test")
def test_a_miss_is_an_answer_with_its_text_and_fails_the_test(agent):
    write_test(
        agent,
        "http://127.0.0.1:1",
        "answer = ask('GET', url + '/users/2')",
        "assert answer.startswith('424 no recording of http GET /users/2')",
    )

    says = [
        "MissingRecordingError: no recording of http GET /users/2",
        "to record it: pytest --mimic-record test_agent.py::test_agent",
        "1 call missing",
    ]
    agent.run().expect(failed=1, says=says)


def test_a_service_that_is_not_there_is_a_bad_gateway_in_the_replay_too(agent):
    write_test(
        agent, "http://127.0.0.1:1", "assert ask('GET', url + '/').startswith('502 ConnectionRefusedError')"
    )

    agent.run("--mimic-record").expect(passed=1, says=["1 call recorded"])
    agent.run().expect(passed=1, says=["1 call replayed"])


def test_a_path_of_the_service_comes_before_the_path_of_the_request(agent):
    with running_server() as server:
        write_test(agent, f"{server.url}/users/", "assert ask('GET', url + '/1').startswith('200')")
        agent.run("--mimic-record").expect(passed=1)

    assert server.seen == ["GET /users/1"]


def test_calls_of_a_gateway_belong_to_the_cassette_in_whose_block_it_was_made(agent):
    with running_server() as server:
        agent.write(
            "test_agent.py",
            f"""
            from agent import ask

            def test_agent(mimic_auto, mimic_gateway):
                with mimic_auto("talk") as cassette:
                    ask("GET", mimic_gateway({server.url!r}) + "/users/1")
                assert [call.signature for call in cassette.calls] == ["GET /users/1 → 200"]
            """,
        )
        assert list(agent.run().expect(passed=1).vault) == ["cassettes/talk.json"]

    agent.run().expect(passed=1, says=["1 call replayed"])


@pytest.mark.parametrize("url", ["api.test", "ftp://api.test", "", "http://api.test:port", "http://[::1"])
def test_what_is_no_url_of_http_is_refused(agent, url):
    write_test(agent, url)

    agent.run().expect(
        failed=1,
        says=[f"TargetError: mimic_gateway takes the URL of a service, http://… or https://…, not {url!r}"],
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://ann:pa55w0rd@api.test",
        "https://ann@api.test",
        "http://api.test/v1?key=1",
        "http://api.test/#a",
    ],
)
def test_parts_of_a_url_that_a_gateway_would_drop_are_refused(agent, url):
    write_test(agent, url)

    agent.run().expect(
        failed=1, says=["TargetError: mimic_gateway takes no user, password, query or fragment in its URL"]
    )
