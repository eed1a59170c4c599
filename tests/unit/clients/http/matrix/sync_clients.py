"""Sync clients: one function for each, which has a conversation and returns what an application sees of it."""

from __future__ import annotations

import http.client
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.cookiejar import CookieJar
from typing import Any

from unit.clients.http.matrix.scenarios import Request
from unit.clients.http.matrix.seen import failure, headers, plain


def attempt(ask: Any, *args: Any) -> Any:
    """Return what a client gives, or how it fails."""
    try:
        return plain(ask(*args))
    except Exception as error:
        return failure(error)


def pieces(request: Request) -> Any:
    """Return the body; one of several pieces as a generator."""
    return request.body if isinstance(request.body, (bytes, type(None))) else (each for each in request.body)


def cookies(jar: Any) -> list[Any]:
    """Return the cookies of a jar, without when they expire."""
    return [(each.name, each.value, each.domain, each.path, each.secure, sorted(each._rest)) for each in jar]


def with_requests(server: str, talk: Sequence[Request]) -> list[Any]:
    import requests

    def shown(response: Any, body: Any) -> dict[str, Any]:
        return {
            "status": (response.status_code, response.reason, response.ok, response.is_redirect),
            "headers": headers(response.headers.items()),
            "raw": (headers(response.raw.headers.items()), response.raw.version, response.raw.status),
            "url": response.url,
            "history": [(old.status_code, old.url, headers(old.headers.items())) for old in response.history],
            "cookies": cookies(response.cookies),
            "encoding": (response.encoding, response.apparent_encoding if body is None else None),
            "links": response.links,
            "sent": (response.request.method, response.request.url, sorted(response.request.headers.items())),
            "body": response.content if body is None else body,
            "text": response.text if body is None else None,
            "kind": (type(response), type(response.raw)),
        }

    def ask(request: Request) -> Any:
        auth: Any = request.auth and request.auth[:2]
        if request.auth and request.auth[2] == "digest":
            auth = requests.auth.HTTPDigestAuth(*auth)
        response = session.request(
            request.method,
            request.url(server),
            headers={**request.headers, **({"Expect": "100-continue"} if request.expect else {})},
            data=pieces(request) if request.form is None else request.form,
            json=request.json,
            files=request.files,
            auth=auth,
            allow_redirects=request.follow,
            timeout=request.timeout,
            stream=request.read is not None,
        )
        with response:
            body = None if request.read is None else next(response.iter_content(request.read))
            return {**shown(response, body), "raises": attempt(response.raise_for_status)}

    with requests.Session() as session:
        session.max_redirects = 5
        return [*(attempt(ask, request) for request in talk), plain(cookies(session.cookies))]


def with_httpx(server: str, talk: Sequence[Request], name: str = "httpx") -> list[Any]:
    from unit.clients.http.matrix.async_clients import httpx_options, httpx_shown

    httpx = __import__(name)

    def ask(request: Request) -> Any:
        with client.stream(
            request.method, request.url(server), **httpx_options(httpx, request, pieces)
        ) as response:
            body = next(response.iter_bytes(request.read)) if request.read else response.read()
            shown = httpx_shown(response, body)
        return {**shown, "raises": attempt(lambda: response.raise_for_status() and None)}

    with httpx.Client(max_redirects=5, verify=False) as client:
        return [*(attempt(ask, request) for request in talk), plain(cookies(client.cookies.jar))]


def with_httpx2(server: str, talk: Sequence[Request]) -> list[Any]:
    return with_httpx(server, talk, "httpx2")


def with_urllib3(server: str, talk: Sequence[Request]) -> list[Any]:
    import urllib3

    def ask(request: Request) -> Any:
        sent = dict(request.headers)
        if request.auth:
            sent.update(urllib3.util.make_headers(basic_auth=":".join(request.auth[:2])))
        if request.expect:
            sent["Expect"] = "100-continue"
        options: dict[str, Any] = {}
        if request.json is not None:
            sent["Content-Type"] = "application/json"
            options["body"] = json.dumps(request.json)
        elif request.body is not None:
            options["body"] = pieces(request)
        elif request.form is not None or request.files is not None:
            options["fields"] = request.form or request.files
            options["encode_multipart"] = request.files is not None
        response = pool.request(
            request.method,
            request.url(server),
            headers=sent,
            redirect=request.follow,
            timeout=request.timeout,
            retries=urllib3.Retry(connect=0, read=0, redirect=5),
            preload_content=request.read is None,
            **options,
        )
        body = response.data if request.read is None else response.read(request.read)
        seen = {
            "status": (response.status, response.reason, response.version),
            "headers": headers(response.headers.items()),
            "url": response.geturl(),
            "history": [tuple(old) for old in response.retries.history],
            "body": body,
            "closed": response.closed,
            "kind": type(response),
        }
        response.close()
        return seen

    with urllib3.PoolManager() as pool:
        seen = [attempt(ask, request) for request in talk]
        reused = pool.connection_from_url(server)
        return [*seen, (reused.num_requests, reused.num_connections > 0)]


def encoded(request: Request) -> tuple[Any, dict[str, str]]:
    """Return the body and the headers of a request, for clients that encode nothing by themselves."""
    sent = {**request.headers, **({"Expect": "100-continue"} if request.expect else {})}
    if request.json is not None:
        return json.dumps(request.json).encode(), {**sent, "Content-Type": "application/json"}
    if request.form is not None:
        return urllib.parse.urlencode(request.form).encode(), {
            **sent,
            "Content-Type": "application/x-www-form-urlencoded",
        }
    if request.files is not None:
        parts = [
            f'--limit\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
            f"Content-Type: {kind}\r\n\r\n".encode()
            + data
            + b"\r\n"
            for name, (file, data, kind) in request.files.items()
        ]
        kind = "multipart/form-data; boundary=limit"
        return b"".join(parts) + b"--limit--\r\n", {**sent, "Content-Type": kind}
    return pieces(request), sent


def stdlib_shown(response: Any, read: int | None) -> dict[str, Any]:
    """Return what an application sees of a response of the standard library."""
    return {
        "status": (response.status, response.reason, response.version),
        "headers": headers(response.headers.items()),
        "length": (response.length if "Content-Encoding" not in response.headers else None, response.chunked),
        "closes": response.will_close,
        "body": "" if "Content-Encoding" in response.headers and response.read() else response.read(read),
        "kind": type(response),
    }


def with_http_client(server: str, talk: Sequence[Request]) -> list[Any]:
    def ask(request: Request) -> Any:
        nonlocal connection
        url = urllib.parse.urlsplit(request.url(server))
        body, sent = encoded(request)
        # Where it does not accept an encoding, a replay gives the body plain.
        sent = {"Accept-Encoding": "gzip, deflate", **sent}
        if request.url(server).startswith(server + "/"):
            if not is_shared(request):
                connection.close()
                connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=request.timeout)
            used = connection
        else:
            used = http.client.HTTPConnection(url.netloc, timeout=request.timeout)
        try:
            path = request.path if used is connection else url.path or "/"
            used.request(request.method, path.partition("#")[0], body, sent)
            with used.getresponse() as response:
                return stdlib_shown(response, request.read)
        finally:
            if used is not connection or request.read:
                used.close()

    def is_shared(request: Request) -> bool:
        return connection.timeout == request.timeout and connection._HTTPConnection__state == "Idle"

    first = urllib.parse.urlsplit(server)
    connection = http.client.HTTPConnection(first.hostname or "", first.port, timeout=5)
    seen = [attempt(ask, request) for request in talk]
    connection.close()
    return seen


def with_urllib(server: str, talk: Sequence[Request]) -> list[Any]:
    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    def handlers(request: Request) -> Iterator[Any]:
        yield urllib.request.HTTPCookieProcessor(jar)
        if not request.follow:
            yield NoRedirect()
        if request.auth:
            user, password, kind = request.auth
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, server, user, password)
            if kind == "digest":
                yield urllib.request.HTTPDigestAuthHandler(passwords)
            else:
                yield urllib.request.HTTPBasicAuthHandler(passwords)

    def ask(request: Request) -> Any:
        body, sent = encoded(request)
        # Where it does not accept an encoding, a replay gives the body plain.
        sent = {"Accept-Encoding": "gzip, deflate", **sent}
        made = urllib.request.Request(request.url(server), body, sent, method=request.method or None)
        opener = urllib.request.build_opener(*handlers(request))
        try:
            response = opener.open(made, timeout=request.timeout)
        except urllib.error.HTTPError as error:
            response = error
        with closing(response):
            if isinstance(response, urllib.error.HTTPError):
                return {
                    "error": str(response),
                    "body": response.read(),
                    "headers": headers(response.headers.items()),
                    "url": response.url,
                }
            return {**stdlib_shown(response, request.read), "url": response.geturl(), "message": response.msg}

    jar = CookieJar()
    return [*(attempt(ask, request) for request in talk), plain(cookies(jar))]
