"""What the clients ask httpbin for: groups of requests, each a conversation of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from support.http_server import NOWHERE

#: Values that a replay has placeholders for. What an application sees is compared without them.
#: They are as long as a placeholder, so that lengths are the same.
SECRETS = ("crumb-4711", "crumb-4712", "word-47110", "bear-47110")
COOKIE, OTHER_COOKIE, PASSWORD, BEARER = SECRETS


class Request(NamedTuple):
    """One request in words that all clients understand.

    Attributes:
        path: The path and query; or a whole URL.
        body: The body, or its pieces to send with chunks. `form`, `json` and `files` are other ways to say it.
        auth: A user, a password, and `basic` or `digest`.
        read: Bytes to read before the response is closed; None to read all of it.
    """

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | Sequence[bytes] | None = None
    form: Mapping[str, Any] | None = None
    json: Any = None
    files: Mapping[str, tuple[str, bytes, str]] | None = None
    auth: tuple[str, str, str] | None = None
    follow: bool = True
    timeout: float = 5
    expect: bool = False
    read: int | None = None

    def url(self, server: str) -> str:
        """Return the whole URL."""
        return server + self.path if self.path.startswith("/") else self.path


def get(path: str, **options: Any) -> Request:
    return Request("GET", path, **options)


def post(path: str, **options: Any) -> Request:
    return Request("POST", path, **options)


FILES = {
    "one": ("one.txt", b"first", "text/plain"),
    "zwei": ("zwei.bin", b"\x00\xff\r\n--", "application/octet-stream"),
}

#: The conversations that each client has.
GROUPS: dict[str, list[Request]] = {
    "methods": [
        *(Request(method, "/anything/a") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
        Request("OPTIONS", "/get"),
        Request("HEAD", "/get"),
        Request("HEAD", "/gzip"),
        Request("HEAD", "/stream/2"),
        Request("HEAD", "/status/404"),
        Request("HEAD", "/redirect/1"),
        Request("DELETE", "/delete", body=b"with a body"),
        get("/anything/a/b%20c/d%2Fe"),
    ],
    "queries": [
        get("/get?a=1&b=2&a=3"),
        get("/get?a=3&a=1&b=2"),
        get("/get?" + quote("Zoë=1&ñ=2", safe="=&")),
        get("/get?empty=&flag"),
        get("/get?a=1+2%2B3%26"),
        get("/get?a=1#fragment"),
        get("/anything?q=[1]&r={a}"),
    ],
    "bodies": [
        post("/post", form={"a": "1", "b": "two words", "ü": "ß&="}),
        post("/post", json={"a": [1, 2.5, None, True], "b": {"ü": "ß"}}),
        post("/post", json=[]),
        post("/response-headers?they=are-sent", files=FILES),
        post("/post", body=b"text"),
        post("/post", body=bytes(range(256))),
        post("/post", body=[b"one,", b"two,", b"three"]),
        post("/post", body=[]),
        post("/post", body=b""),
        post("/post", body=b"later", expect=True),
        Request("PUT", "/put", body=b'{"not": "json', headers={"Content-Type": "application/json"}),
        Request("PATCH", "/patch", body=b"<a/>", headers={"Content-Type": "text/xml"}),
        post("/post", body=b"x" * 100_000),
    ],
    "documents": [
        *map(
            get,
            ("/html", "/xml", "/json", "/robots.txt", "/deny", "/encoding/utf8", "/links/3/1", "/forms/post"),
        ),
        *map(get, ("/image/png", "/image/jpeg", "/image/svg", "/bytes/100?seed=1", "/bytes/0")),
        get("/base64/" + "aGFsbG8gV2VsdA=="),
        *map(get, ("/gzip", "/deflate")),
        get("/gzip", headers={"Accept-Encoding": "gzip"}),
        get("/ip"),
        get("/user-agent", headers={"User-Agent": "me"}),
        get("/headers", headers={"X-One": "1", "X-Two": ""}),
    ],
    "redirects": [
        *map(get, ("/redirect/3", "/relative-redirect/2", "/absolute-redirect/2")),
        get("/redirect/2", follow=False),
        get("/redirect-to?url=/get%3Fa=1"),
        get("/redirect-to?url=/status/404"),
        get("/redirect-to?url=/get%23here"),
        *(
            post(f"/redirect-to?url=/anything&status_code={status}", body=b"sent")
            for status in (301, 302, 303, 307, 308)
        ),
        get("/redirect-to?url=" + quote(NOWHERE + "/gone", safe="")),
        get("/redirect/8"),
        get("/status/302", follow=False),
    ],
    "cookies": [
        get(f"/cookies/set/crumbs/{COOKIE}"),
        get("/cookies"),
        get(f"/cookies/set?other={OTHER_COOKIE}", follow=False),
        get("/cookies"),
        get("/cookies/delete?crumbs"),
        get("/cookies"),
    ],
    "auth": [
        get(f"/basic-auth/user/{PASSWORD}", auth=("user", PASSWORD, "basic")),
        get(f"/basic-auth/user/{PASSWORD}", auth=("user", "wrong", "basic")),
        get(f"/basic-auth/user/{PASSWORD}"),
        get(f"/hidden-basic-auth/user/{PASSWORD}"),
        get("/bearer", headers={"Authorization": f"Bearer {BEARER}"}),
        get("/bearer"),
        get(f"/digest-auth/auth/user/{PASSWORD}", auth=("user", PASSWORD, "digest")),
        get(f"/digest-auth/auth/user/{PASSWORD}/SHA-256", auth=("user", PASSWORD, "digest")),
        get(f"/digest-auth/auth/user/{PASSWORD}", auth=("user", "wrong", "digest")),
        get(f"/digest-auth/auth/user/{PASSWORD}"),
    ],
    "statuses": [
        *(
            get(f"/status/{status}", follow=False)
            for status in (200, 201, 204, 206, 301, 304, 400, 401, 402, 403, 404)
        ),
        *(
            get(f"/status/{status}")
            for status in (405, 406, 407, 409, 410, 418, 422, 429, 500, 501, 502, 503, 504, 599)
        ),
        post("/status/204"),
        post("/get"),
        get("/nowhere"),
    ],
    "streams": [
        *map(
            get, ("/stream/3", "/stream/0", "/stream-bytes/50?seed=1&chunk_size=7", "/range/26?chunk_size=5")
        ),
        get("/drip?duration=0&numbytes=5&delay=0"),
        get("/drip?duration=0&numbytes=5&delay=0&code=500"),
        get("/range/26", headers={"Range": "bytes=5-9"}),
        get("/range/26", headers={"Range": "bytes=30-40"}),
        get("/range/5000?chunk_size=500", read=700),
        get("/image/png", read=700),
        get("/get"),
    ],
    "headers": [
        get("/response-headers?X-Many=1&X-Many=2&x-many=3"),
        get("/response-headers?X-Name=" + quote("Zoë")),
        get("/response-headers?X-Long=" + "x" * 5000),
        get("/response-headers?X-Empty="),
        get("/response-headers?Content-Type=" + quote("text/plain; charset=latin-1")),
        get("/cache", headers={"If-None-Match": "anything"}),
        get("/cache/60"),
        get("/etag/one", headers={"If-None-Match": "one"}),
        get("/etag/one", headers={"If-Match": "other"}),
        get("/get", headers={"X-Latin": "caf\xe9"}),
    ],
    "failures": [
        get("/delay/1", timeout=0.05),
        get(NOWHERE + "/gone"),
        post(NOWHERE + "/gone", body=b"lost"),
        get("/get"),
        get("/delay/0"),
    ],
    # A client complains of these before it sends anything.
    "complaints": [
        *map(get, ("http://", "nonsense", "http:///get", "http://[::1/get", "ftp://127.0.0.1/get")),
        *map(get, ("http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://a..b/")),
        get(f"http://{'a' * 70}.test/"),
        get("/get", headers={"X-Two-Lines": "a\r\nb: c"}),
        get("/get", headers={"X Blank": "1"}),
        get("/get", headers={"X-Euro": "€"}),
        get("/get", headers={"": "1"}),
        Request("GE T", "/get"),
        Request("OPTIONS", "*"),
        get("/get\x00"),
        get("/ge t"),
        get("/gét?ü=1"),
    ],
}
