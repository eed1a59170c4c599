"""The client of http.client: what its users see live, recorded, verified and replayed without the server."""

from __future__ import annotations

import http.client
import io
import select
import socket
import urllib.error
import urllib.request
from contextlib import closing
from socketserver import StreamRequestHandler
from urllib.parse import quote

import pytest
from support.http_server import NOWHERE, running_server, running_unix_server

from clients.http.four_ways import both, connect, failure, same
from pytest_mimic.errors import TargetError


@pytest.fixture
def line():
    """The client under test."""
    return "http.client"


def pieces():
    yield b'{"half"'
    yield b": 1}"


def by_parts(connection):
    connection.putrequest("POST", "/echo", skip_accept_encoding=True)
    connection.putheader("Content-Length", "9")
    connection.putheader("X-Lines", "one", "two")
    connection.endheaders()
    connection.send(b"part")
    connection.send(io.BytesIO(b" by "))
    connection.send([b"p", b""])


def when_told_to_continue(connection):
    """As boto3 sends an object to S3."""
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", "5")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert select.select([connection.sock], [], [], 5)[0]
    with connection.sock.makefile("rb", 0) as interim:
        assert interim.readline().startswith(b"HTTP/1.1 100 ")
        assert interim.readline() == b"\r\n"
    connection.send(b"bytes")


UPLOADS = {
    "nothing": lambda connection: connection.request("POST", "/echo"),
    "file": lambda connection: connection.request(
        "POST", "/echo", io.BytesIO(b"from a file")
    ),
    "iterator": lambda connection: connection.request("POST", "/echo", pieces()),
    "chunked": lambda connection: connection.request(
        "POST", "/echo", pieces(), {"Transfer-Encoding": "chunked"}, encode_chunked=True
    ),
    "expects": lambda connection: connection.request(
        "POST", "/echo", b"bytes", {"Expect": "100-continue"}
    ),
    "waits": when_told_to_continue,
    "parts": by_parts,
}


@pytest.mark.parametrize("kind", UPLOADS)
def test_an_upload_is_sent_as_it_is_live(runs, server, kind):
    def talk(url):
        with connect(url) as connection:
            UPLOADS[kind](connection)
            return connection.getresponse().read()

    same(runs, server, talk)

    bodies = {
        "nothing": None,
        "iterator": {"half": 1},
        "chunked": {"half": 1},
        "parts": "part by p",
    }
    if kind == "parts":
        assert runs.asked[0].parts["headers"]["x-lines"] == "one two"
    if kind in bodies:
        assert runs.asked[0].parts.get("body") == bodies[kind]


def test_the_first_of_two_hosts_is_that_of_the_request(runs, server):
    """Before the host that the caller names, http.client sends that of the connection."""

    def talk(url):
        with connect(url) as connection:
            connection.putrequest("GET", "/users/1")
            connection.putheader("Host", "shop.test")
            connection.endheaders()
            return connection.getresponse().read()

    same(runs, server, talk)

    assert runs.asked[0].host.startswith("127.0.0.1")


def test_deep_json_is_recorded(runs, server):
    body = "[" * 900 + "]" * 900

    def talk(url):
        with connect(url) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/echo", body, headers)
            return connection.getresponse().read()

    assert body.encode() in same(runs, server, talk)


def test_a_connection_can_be_opened_early(runs, server):
    """And its socket can be set up."""

    def talk(url):
        with connect(url) as connection:
            connection.connect()
            connection.sock.settimeout(0.1)
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.request("GET", "/hang")
            with pytest.raises(TimeoutError) as caught:
                connection.getresponse()
            return failure(caught.value)

    same(runs, server, talk)


def test_httplib2_connects_by_itself(runs, server):
    """google-api-python-client stands on it."""
    httplib2 = pytest.importorskip("httplib2")

    def talk(url):
        with closing(httplib2.Http()) as http:
            answers = [http.request(f"{url}/echo", "POST", body) for body in "ab"]
            answers.append(http.request(f"{url}/users/1"))
        return [(answer.status, content) for answer, content in answers]

    assert [status for status, _ in same(runs, server, talk)] == [200, 200, 200]
    assert len(runs.asked) == 3


def test_a_connection_class_that_connects_by_itself_is_left_alone(runs, server):
    """It may lead to a server in the same process."""

    class InProcess(http.client.HTTPConnection):
        def connect(self):
            self.sock, other = socket.socketpair()
            other.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            others.append(other)

    class Counting(http.client.HTTPConnection):
        def connect(self):
            super().connect()
            others.append(self.sock)

    others = []
    with closing(Counting("127.0.0.1", server.server_address[1])) as connection:
        connection.request("GET", "/users/1")
        assert connection.getresponse().status == 200
    with closing(InProcess("app.test")) as connection:
        connection.request("GET", "/users/1")
        assert connection.getresponse().read() == b"ok"
    for other in others:
        other.close()

    assert runs.asked == []


def test_a_connection_of_another_kind_is_refused(runs):
    """urllib3-future, which niquests installs as `urllib3`, has such connections."""

    class Foreign:
        connect = http.client.HTTPConnection.connect
        sock = None

    with pytest.raises(TargetError, match="its connections are not those of http"):
        Foreign().connect()


def by_docker(path):
    docker = pytest.importorskip("docker")
    with closing(docker.APIClient(f"unix://{path}", version="1.41")) as client:
        return client.get(f"{client.base_url}/users/1").json()


def by_requests(path):
    unix = pytest.importorskip("requests_unixsocket")
    with unix.Session() as session:
        return session.get(f"http+unix://{quote(str(path), '')}/users/1").json()


@pytest.mark.parametrize("ask", [by_docker, by_requests])
def test_a_unix_socket_does_not_change_the_call(runs, tmp_path, ask):
    path = tmp_path / "socket"

    with running_unix_server(path):
        live = ask(path)
    runs.again("replay")

    assert ask(path) == live


@pytest.mark.parametrize("kind", ["refused", "name", "TLS", "timeout"])
@pytest.mark.parametrize("body", [None, b"bytes"])
def test_an_error_of_connecting_is_the_one_of_urllib(
    runs, server, monkeypatch, kind, body
):
    """It comes where a request is sent, and urllib wraps it."""

    def talk(url, other):
        if kind == "timeout":
            monkeypatch.setattr(socket, "create_connection", out_of_time)
        addresses = {
            "refused": NOWHERE,
            "name": "http://nobody.invalid",
            "TLS": other.url,
            "timeout": url,
        }
        with pytest.raises(urllib.error.URLError) as caught:
            urllib.request.urlopen(addresses[kind], body, timeout=3)
        reason = caught.value.reason
        facts = [getattr(reason, name, None) for name in ("errno", "reason", "library")]
        return str(caught.value), type(reason), str(reason), facts

    with running_server(tls=True) as other:
        same(runs, server, lambda url: talk(url, other))


def out_of_time(*_args, **_options):
    raise TimeoutError("timed out")


def test_a_request_whose_response_nobody_reads_replays(runs, server):
    def talk(url):
        with connect(url) as connection:
            connection.request("GET", "/users/1")
        with connect(url) as connection:
            connection.request("GET", "/users/2")
            return connection.getresponse().status

    assert both(runs, server, talk) == (200, 200)


class HandlerWithoutLimits(StreamRequestHandler):
    """The one of `http.server` takes at most 100 headers."""

    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize(
    "headers",
    [{f"X-{number}": "a" for number in range(150)}, {"X-Long": "a" * 100_000}],
    ids=["many", "long"],
)
def test_a_request_may_have_many_and_long_headers(runs, server, headers):
    server.RequestHandlerClass = HandlerWithoutLimits

    def talk(url):
        with connect(url) as connection:
            connection.request("GET", "/", headers=headers)
            return connection.getresponse().read()

    assert both(runs, server, talk) == (b"ok", b"ok")
