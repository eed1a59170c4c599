"""One way to send a request through each client: `SEND[name](method, path, ...)` gives status and body."""

import asyncio
import http.client
import json
import os
from contextlib import closing
from urllib.parse import urlencode, urlsplit

import aiohttp
import httpx
import httpx2
import requests
import urllib3

API = os.environ["API"]
# In seconds: to connect, and between two parts of an answer. Tests of slow answers make the second one short.
CONNECT = 30
READ = 30.0


def url(path):
    """Return the URL of a path of the service, or the URL that was given."""
    return path if "://" in path else API + path


def limits(library):
    """Return the timeout of httpx or httpx2."""
    return library.Timeout(CONNECT, read=READ)


def by_httpx(method, path, library=httpx, **given):
    """Send through httpx or httpx2, and follow redirects."""
    given["content"] = given.pop("body", None)
    given["data"] = given.pop("form", None)
    with (
        library.Client(
            follow_redirects=True, timeout=limits(library), verify=False
        ) as client,
        client.stream(method, url(path), **given) as response,
    ):
        return response.status_code, b"".join(response.iter_bytes())


def by_httpx2(method, path, **given):
    """Send through httpx2."""
    return by_httpx(method, path, library=httpx2, **given)


def by_async_httpx(method, path, **given):
    """Send through httpx's asynchronous client."""
    given["content"] = given.pop("body", None)
    given["data"] = given.pop("form", None)

    async def send():
        async with httpx.AsyncClient(
            follow_redirects=True, timeout=limits(httpx), verify=False
        ) as client:
            response = await client.request(method, url(path), **given)
            return response.status_code, response.content

    return asyncio.run(send())


def by_requests(method, path, **given):
    """Send through requests, and read the body in chunks."""
    given["data"] = given.pop("form", None) or given.pop("body", None)
    with (
        requests.Session() as session,
        session.request(
            method, url(path), timeout=(CONNECT, READ), stream=True, **given
        ) as response,
    ):
        return response.status_code, b"".join(response.iter_content(None))


def by_aiohttp(method, path, **given):
    """Send through aiohttp."""
    data = given.pop("form", None) or given.pop("body", None)
    if files := given.pop("files", None):
        data = aiohttp.FormData()
        for name, (filename, content, kind) in files.items():
            data.add_field(name, content, filename=filename, content_type=kind)

    async def send():
        limit = aiohttp.ClientTimeout(sock_connect=CONNECT, sock_read=READ)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.request(method, url(path), data=data, **given) as response,
        ):
            return response.status, b"".join(
                [chunk async for chunk in response.content.iter_any()]
            )

    return asyncio.run(send())


def by_urllib3(method, path, **given):
    """Send through urllib3."""
    headers = dict(given.get("headers", {}))
    if "cookies" in given:
        headers["Cookie"] = _cookies(given["cookies"])
    options = {key: given[key] for key in ("json", "body") if key in given}
    if "files" in given:
        options["fields"] = given["files"]
    if "form" in given:
        options |= {"fields": given["form"], "encode_multipart": False}
    limits = urllib3.Timeout(connect=CONNECT, read=READ)
    with urllib3.PoolManager(
        timeout=limits, retries=urllib3.Retry(3, connect=0, read=0)
    ) as pool:
        response = pool.request(
            method, url(path), headers=headers, preload_content=False, **options
        )
        try:
            return response.status, b"".join(response.stream(64))
        finally:
            response.release_conn()


def by_stdlib(method, path, **given):
    """Send through http.client, which follows no redirects and decodes nothing."""
    headers, body = dict(given.get("headers", {})), given.get("body")
    if "cookies" in given:
        headers["Cookie"] = _cookies(given["cookies"])
    if "json" in given:
        body, headers["Content-Type"] = json.dumps(given["json"]), "application/json"
    if "form" in given:
        body, headers["Content-Type"] = (
            urlencode(given["form"]),
            "application/x-www-form-urlencoded",
        )
    if "files" in given:
        fields = urllib3.filepost.encode_multipart_formdata(
            given["files"], "boundary-of-the-stdlib"
        )
        body, headers["Content-Type"] = fields
    parts = urlsplit(url(path))
    with closing(http.client.HTTPConnection(parts.netloc, timeout=READ)) as connection:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, headers)
        with connection.getresponse() as response:
            return response.status, response.read()


def _cookies(given):
    return "; ".join(f"{name}={value}" for name, value in given.items())


SEND = {
    "httpx": by_httpx,
    "httpx-async": by_async_httpx,
    "httpx2": by_httpx2,
    "requests": by_requests,
    "aiohttp": by_aiohttp,
    "urllib3": by_urllib3,
    "http.client": by_stdlib,
}
ERRORS = (
    *(
        httpx.HTTPError,
        httpx2.HTTPError,
        requests.RequestException,
        aiohttp.ClientError,
    ),
    *(
        asyncio.TimeoutError,
        urllib3.exceptions.HTTPError,
        http.client.HTTPException,
        OSError,
    ),
)
