"""What a client finds wrong while it parses an answer is its own error, recorded or not."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from support.http_drivers import DRIVERS, Ask
from support.http_server import MALFORMED

from clients.http.four_ways import four_ways, same
from pytest_mimic import CorruptRecordingError


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request):
    """The client under test."""
    return request.param


@pytest.fixture
def line(driver):
    """The line of the client."""
    return driver.line


def seen(driver, url, ask, **options):
    """Return what an application sees of an answer, or of the exception that came instead."""
    try:
        [answer] = driver.talk(url, ask, **options)
    except Exception as error:
        return [type(error), " ".join(str(error).split())]
    return [answer.status, answer.reason, answer.body]


def edit(runs, change):
    """Change the one recorded answer, as by hand, and replay it. None: take out. Returns what undoes it."""
    runs.end_test()
    [log] = runs.run.vault.path.rglob("*.json")
    text = log.read_text("utf-8")
    plain = json.loads(text)
    answer = plain["log"][0]["answer"]
    for name, value in change.items():
        answer[name] = value
        if value is None:
            del answer[name]
    log.write_text(json.dumps(plain), "utf-8")
    runs.again("replay")
    return lambda: log.write_text(text, "utf-8")


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_answer_is_the_clients_own_error(driver, runs, server, kind):
    read = "chunks" if "chunk" in kind else "whole"
    ask = Ask(f"/malformed?kind={quote(kind)}", read=read)

    ways = four_ways(runs, server, lambda url: seen(driver, url, ask))

    assert ways.recorded == ways.live
    if "chunk" in kind:
        # The class comes back, not where exactly the parser stopped.
        assert ways.verified[0] == ways.replayed[0] == ways.live[0]
    else:
        assert ways.replayed == ways.verified == ways.live
    assert len(runs.answers) == 1
    assert runs.answers[0].end == ""


def test_what_a_proxy_refuses_is_no_answer_of_the_service(driver, runs, server):
    name, message = seen(driver, "https://guarded.example", Ask("/"), proxy=server.url)

    assert issubclass(name, Exception)
    assert "Proxy Authentication Required" in message
    assert runs.answers == []
    assert runs.abandoned == 1


def test_a_reason_and_a_header_may_be_in_any_charset(driver, runs, server):
    def talk(url):
        [answer] = driver.talk(url, Ask("/reason"))
        names = [value for name, value in answer.headers if name.lower() == "x-name"]
        return [answer.status, answer.reason, *names]

    assert len(same(runs, server, talk)) == 3
    assert runs.answers[0].data["reason"] == "All Rïght"
    assert runs.answers[0].data["headers"]["x-name"] == "æ\x97¥"


def test_an_answer_of_http_2_replays_through_each_client(driver, runs, server):
    driver.talk(server.url, Ask("/users/1"))
    edit(runs, {"version": "HTTP/2"})

    assert seen(driver, server.url, Ask("/users/1"))[0] == 200


CHANGES = [
    {"status": "200"},
    {"status": True},
    {"status": None},
    {"headers": []},
    {"headers": {"x-a": "1\r\nx-b: 2"}},
    {"headers": {"x-a": "日"}},
    {"reason": "a\r\nb"},
    {"version": 2},
    {"body": {"html": ""}},
    {"body": {"base64": "?"}},
    {"body": {"text": "日", "charset": "latin-1"}},
    {"body": {"events": [5]}},
    {"left": "maybe"},
    {"pieces": [-1, 5]},
    {"error": {"kind": "lightning"}},
]


def test_an_edit_that_no_client_can_be_given_is_named(driver, runs, server):
    driver.talk(server.url, Ask("/users/1"))
    for change in CHANGES:
        undo = edit(runs, change)

        error, message = seen(driver, server.url, Ask("/users/1"))

        assert (change, error) == (change, CorruptRecordingError)
        assert re.search("cannot be replayed|is not what was recorded", message)
        undo()
