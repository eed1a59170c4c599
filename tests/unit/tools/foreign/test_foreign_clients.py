"""The client of each foreign exchange: known for certain, or not at all."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._tools.foreign.clients import clients_of
from pytest_mimic._tools.foreign.foreign_exchanges import ForeignExchange


def exchange(agent: str, *, client: str = "") -> ForeignExchange:
    """Return an exchange with this `User-Agent`; without one, it has no header."""
    headers = (("User-Agent", agent),) if agent else ()
    request = HttpRequest("GET", "http://a.test/", headers, b"")
    return ForeignExchange(1, request, {}, b"", is_decoded=False, client=client)


@pytest.mark.parametrize(
    ("agents", "mimicked", "found"),
    [
        # The file names two clients: which of them the third request is from is open.
        (
            ["python-requests/2", "aiohttp/3", "shop/1.0"],
            ["requests"],
            ["requests", "aiohttp", None],
        ),
        (["OpenAI/Python 2.0"], ["httpx", "httpx2"], [None]),
        # requests always sends headers of its own.
        (["python-requests/2", ""], ["requests"], ["requests", None]),
        (["aiohttp/3", ""], [], ["aiohttp", "aiohttp"]),
    ],
)
def test_a_client_is_never_guessed_among_several(agents, mimicked, found):
    assert clients_of([exchange(one) for one in agents], mimicked, None, is_talk=False) == found


def test_what_gives_the_client_away_counts_more_than_what_the_project_mimics():
    """vcrpy keeps the arguments of aiohttp, and not what was sent."""
    assert clients_of([exchange("", client="aiohttp")], ["urllib3"], None, is_talk=False) == ["aiohttp"]
