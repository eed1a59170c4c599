"""Each kind of exchange, error and secret through each client."""

import os

import clients
import pytest

JSON = {"a": [1, 2.5, None, True], "ö": {"nested": "Grüße"}}
FILES = {
    "text": ("a.txt", b"one\r\ntwo", "text/plain"),
    "bytes": ("b.bin", bytes(range(256)), "image/png"),
}
EXCHANGES = {
    "json answer": ("GET", "/users/1?page=2&page=3&b=%C3%B6", {}, 200),
    "pretty json": ("GET", "/pretty", {}, 200),
    "latin text": ("GET", "/text", {}, 200),
    "binary answer": ("GET", "/binary", {}, 200),
    "no content": ("GET", "/nothing", {}, 204),
    "gzip": ("GET", "/gzip", {"headers": {"Accept-Encoding": "gzip"}}, 200),
    "deflate": ("GET", "/deflate", {"headers": {"Accept-Encoding": "deflate"}}, 200),
    "not found": ("GET", "/gone", {}, 404),
    "unauthorized": ("GET", "/private", {}, 401),
    "busy": ("GET", "/guarded?status=429", {}, 429),
    "server error": ("GET", "/guarded?status=503", {}, 503),
    "etag": ("GET", "/tagged", {}, 200),
    "not modified": ("GET", "/tagged", {"headers": {"If-None-Match": '"one"'}}, 304),
    "until close": ("GET", "/old", {}, 200),
    "chunks": ("GET", "/chunks", {}, 200),
    "html in chunks": ("GET", "/html", {}, 200),
    "events": ("GET", "/events", {}, 200),
    "wide events": ("GET", "/wide_events", {}, 200),
    "packed events": (
        "GET",
        "/packed_events",
        {"headers": {"Accept-Encoding": "gzip"}},
        200,
    ),
    "packed lines": (
        "GET",
        "/packed_lines",
        {"headers": {"Accept-Encoding": "gzip"}},
        200,
    ),
    "redirect": ("GET", "/redirect", {}, 200),
    "redirect with body": ("POST", "/again", {"body": b"kept"}, 200),
    "head": ("HEAD", "/users/1", {}, 200),
    "options": ("OPTIONS", "/users/1", {}, 200),
    "put": ("PUT", "/items/1", {"json": JSON}, 200),
    "patch": ("PATCH", "/items/1", {"json": [1]}, 200),
    "delete": ("DELETE", "/items/1", {}, 200),
    "json body": ("POST", "/items/json", {"json": JSON}, 200),
    "form body": ("POST", "/items/form", {"form": {"a": "1 2", "b": "ö&="}}, 200),
    "multipart body": ("POST", "/items/files", {"files": FILES}, 200),
    "binary body": ("POST", "/items/bytes", {"body": bytes(range(256))}, 200),
    "text body": (
        "POST",
        "/items/text",
        {"body": b"plain", "headers": {"Content-Type": "text/plain"}},
        200,
    ),
    "echo": ("POST", "/echo", {"json": JSON, "headers": {"X-Mine": "1"}}, 200),
    "secret in header": (
        "GET",
        "/users/2",
        {"headers": {"Authorization": "Bearer secret-bearer-4711"}},
        200,
    ),
    "secret key": (
        "GET",
        "/users/3",
        {"headers": {"X-Api-Key": "secret-key-4712"}},
        200,
    ),
    "secret in query": ("GET", "/users/4?token=secret-token-4713&page=1", {}, 200),
    "secret in json": (
        "POST",
        "/users/5",
        {"json": {"user": "zoe", "password": "secret-pass-4714"}},
        200,
    ),
    "secret in form": (
        "POST",
        "/users/6",
        {"form": {"user": "zoe", "password": "secret-pass-4715"}},
        200,
    ),
    "secret in cookie": (
        "GET",
        "/users/7",
        {"cookies": {"session": "secret-cookie-4716"}},
        200,
    ),
    "secret issued": ("POST", "/login", {"json": {"user": "zoe"}}, 200),
    "cookie issued": ("GET", "/cookies", {}, 200),
    "secret in xml": ("GET", "/markup", {}, 200),
}
ERRORS = {
    "refused": "http://127.0.0.1:1/refused",
    "timeout": "/hang",
    "timeout in body": "/stall",
    "closed": "/refuse",
    "broken": "/broken",
    "short": "/short",
    "no http": "/babble",
}
# http.client follows no redirect.
OTHER_STATUS = {
    ("http.client", "redirect"): 302,
    ("http.client", "redirect with body"): 307,
}


@pytest.mark.parametrize("client", clients.SEND)
@pytest.mark.parametrize("case", EXCHANGES)
def test_exchange(client, case):
    """A request gets its answer."""
    method, path, given, status = EXCHANGES[case]
    seen, body = clients.SEND[client](method, path, **given)
    assert seen == OTHER_STATUS.get((client, case), status), body


@pytest.mark.parametrize("client", clients.SEND)
@pytest.mark.parametrize("case", ERRORS)
def test_error(client, case, monkeypatch):
    """A request fails with an error of its client."""
    if "timeout" in case:
        monkeypatch.setattr(clients, "READ", 0.5)
    with pytest.raises(clients.ERRORS):
        clients.SEND[client]("GET", ERRORS[case])


@pytest.mark.parametrize("client", clients.SEND)
def test_conversation(client):
    """The same request gets another answer later."""
    send = clients.SEND[client]
    cart = [
        send("POST", "/cart/7/items", json={"item": item})[1].count(b'"')
        for item in ("hat", "scarf", "hat")
    ]
    assert cart[0] < cart[1] < cart[2]
    assert send("GET", "/users/1") == send("GET", "/users/1")


@pytest.mark.mimic(
    "requests",
    ignore=["host", "port", "query.ts", "body.nonce"],
    match=["headers.accept"],
)
def test_parts():
    """Parts of a request are left out of its identity, or count."""
    nonce = os.environ["NONCE"]
    path, accept = f"/users/8?ts={nonce}&page=3", {"Accept": "text/plain"}
    assert (
        clients.by_requests(
            "POST", path, json={"nonce": nonce, "a": 1}, headers=accept
        )[0]
        == 200
    )


def test_cassette(mimic_auto):
    """Each client in one cassette."""
    with mimic_auto(
        "talk", only=["GET", "POST /items/*"], exclude=["/text"]
    ) as cassette:
        for send in clients.SEND.values():
            send("GET", "/users/1")
            send("POST", "/items/1", json=JSON)
    assert len(cassette.calls) == 2 * len(clients.SEND)
