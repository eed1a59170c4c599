"""What a client finds wrong while it parses an answer is its own error, recorded or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from support.http_drivers import DRIVERS, Ask, Driver
from support.http_server import MALFORMED, Server
from support.runs import Runs

from clients.http.four_ways import four_ways, same


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    """The client under test."""
    driver: Driver = request.param
    return driver


@pytest.fixture
def line(driver: Driver) -> str:
    """The line of the client."""
    return driver.line


def seen(driver: Driver, url: str, ask: Ask, **options: Any) -> list[Any]:
    """Return what an application sees of an answer, or of the exception that came instead."""
    try:
        [answer] = driver.talk(url, ask, **options)
    except Exception as error:
        return [type(error), " ".join(str(error).split())]
    return [answer.status, answer.reason, answer.body]


@pytest.mark.parametrize("read", ["whole", "chunks"])
@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_answer_is_the_clients_own_error(
    driver: Driver, runs: Runs, server: Server, kind: str, read: str
) -> None:
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


def test_a_proxy_that_wants_credentials_is_one_kind_of_error(
    driver: Driver, runs: Runs, server: Server
) -> None:
    def talk(url: str) -> list[Any]:
        return seen(driver, "https://guarded.example", Ask("/"), proxy=url)

    name, message = same(runs, server, talk)

    assert issubclass(name, Exception)
    assert "Proxy Authentication Required" in message
    assert [answer.error for answer in runs.answers] == ["proxy"]


def test_a_reason_may_be_in_latin_1(driver: Driver, runs: Runs, server: Server) -> None:
    assert same(runs, server, lambda url: seen(driver, url, Ask("/reason")))[0] == 200
    assert runs.answers[0].data["reason"] == "All Rïght"
