"""Connections of `http.client`, and what is sent and read on them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from support.http_server import Server
from support.runs import Runs

from clients.http.four_ways import connect, failure, same


@pytest.fixture
def line() -> str:
    """The client under test."""
    return "http.client"


ANSWERS = {
    "no body": "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
    "parts": "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=q\r\nContent-Length: 5\r\n\r\n--q--",
    "folded": "HTTP/1.0 200  Very  good \r\nX-Fold: one\r\n two\r\nX-Fold: ü \r\nX-Fold: 2\r\n\r\nhello",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_head_is_read_as_the_client_parses_it(
    runs: Runs, server: Server, kind: str
) -> None:
    def talk(url: str) -> Any:
        with connect(url) as connection:
            connection.request("GET", f"/raw?{urlencode({'answer': ANSWERS[kind]})}")
            response = connection.getresponse()
            head = (
                response.status,
                response.reason,
                response.version,
                response.getheaders(),
            )
            framing = response.chunked, response.length, response.will_close
            return head, framing, str(response.msg), response.read()

    same(runs, server, talk)


def test_an_incomplete_request_is_sent_as_it_is(runs: Runs, server: Server) -> None:
    """The server waits for the rest."""

    def talk(url: str) -> list[Any]:
        with connect(url) as connection:
            connection.timeout = 0.1
            connection.request("POST", "/echo", b"part", {"Content-Length": "20"})
            with pytest.raises(TimeoutError, match="timed out") as caught:
                connection.getresponse()
            return failure(caught.value)

    same(runs, server, talk)

    assert runs.asked[0].parts["body"] == "part"
