"""No byte of a secret in an HTTP exchange is in the vault or in the output."""

from __future__ import annotations

import base64
import re

import pytest
from support.http_server import running_server

SECRETS = {
    "query": "qs-secret-0001-aa",
    "header": "hd-secret-0002-bb",
    "bearer": "br-secret-0003-cc",
    "cookie": "ck-secret-0004-dd",
    "json": "js-secret-0005-ee",
    "deep": "dp-secret-0006-ff",
    "form": "fm-secret-0007-gg",
    "part": "mp-secret-0008-hh",
    "user": "us-secret-0009-ii",
    "basic": "bs-secret-0010-jj",
    "graphql": "gq-secret-0011-kk",
    "xml": "xm-secret-0012-ll",
    "google": "AIzaSyA0123456789-abcdefghijklmnopqrstu",
    "sas": "sa-secret-0014-nn",
    "verifier": "cv-secret-0015-oo",
    "session": "se-secret-0016-pp",
    "jsession": "jx-secret-0017-qq",
    "card": "cd-secret-0018-rr",
    "azure": "az-secret-0019-ss",
    "hook": "hk-secret-0020-tt",
}
# Secrets that the server issues.
ISSUED = (
    "tok-issued-42",
    "tok-0815-redirect",
    "hop-cookie-99",
    "cookie-secret-123",
    "tok-4711-event",
    "tok-0817-wide",
    "tok-0818-odd",
    "tok-0819-xml",
    "tok-0820-head",
    "tok-0821-head",
)

REQUESTS = f"""
import base64

S = {SECRETS!r}

def requests_of(url):
    '''Method, URL and options that httpx and requests share.'''
    with_user = url.replace("://", "://me:" + S["user"] + "@")
    basic = base64.b64encode(("me:" + S["basic"]).encode()).decode()
    return [
        ("GET", url + "/echo?api_key=" + S["query"], {{}}),
        ("GET", url + "/echo", {{"headers": {{"X-Api-Key": S["header"]}}}}),
        ("GET", url + "/echo", {{"headers": {{"Authorization": "Bearer " + S["bearer"]}}}}),
        ("GET", url + "/echo", {{"headers": {{"Authorization": "Basic " + basic}}}}),
        ("GET", url + "/echo", {{"headers": {{"Cookie": "session=" + S["cookie"]}}}}),
        ("POST", url + "/echo", {{"json": {{"password": S["json"], "a": [{{"client_secret": S["deep"]}}]}}}}),
        ("POST", url + "/echo", {{"data": {{"access_token": S["form"], "a": "1"}}}}),
        ("POST", url + "/echo", {{"json": {{"query": 'mutation {{ in(password: "' + S["graphql"] + '") {{ id }} }}'}}}}),
        ("POST", url + "/echo", {{"json": {{"soap": "<in><password>" + S["xml"] + "</password></in>"}}}}),
        ("GET", url + "/echo?q=1&key=" + S["google"], {{}}),
        ("GET", url + "/echo?sv=2022&sig=" + S["sas"], {{}}),
        ("GET", url + "/echo;jsessionid=" + S["jsession"], {{}}),
        ("POST", url + "/echo", {{"data": {{"code_verifier": S["verifier"], "session": S["session"]}}}}),
        ("POST", url + "/echo", {{"json": {{"cvv": S["card"], "webhook_url": S["hook"], "requires_auth": True}}}}),
        ("GET", url + "/echo", {{"headers": {{"Ocp-Apim-Subscription-Key": S["azure"]}}}}),
        ("GET", with_user + "/echo", {{}}),
        ("GET", url + "/login", {{}}),
        ("GET", url + "/cookies", {{}}),
        ("GET", url + "/events", {{}}),
        ("GET", url + "/packed_events", {{}}),
        ("GET", url + "/wide_events", {{}}),
        ("GET", url + "/markup", {{}}),
        ("GET", url + "/redirect", {{}}),
        # A secret that an earlier request has sent under its name.
        ("GET", url + "/users/" + S["json"] + "/me", {{}}),
        ("GET", url + "/echo?note=of-" + S["json"], {{}}),
        ("POST", url + "/echo", {{"json": {{"note": "it was " + S["json"]}}}}),
    ]
"""

SYNC = """
import os
import CLIENT as library
from plan import S, requests_of

Failed = getattr(library, "ConnectError", getattr(library, "ConnectionError", None))

def test_all():
    with OPENED as client:
        for method, url, options in requests_of(os.environ["API"]):
            assert client.request(method, url, **options).status_code < 500
        token = client.post(os.environ["API"] + "/login").json()["access_token"]
        assert client.get(os.environ["API"] + "/items/" + token).status_code == 200
        files = {"password": (None, S["part"]), "file": ("a.txt", b"text")}
        assert client.post(os.environ["API"] + "/echo", files=files).status_code == 200
        try:
            client.get("http://127.0.0.1:9/?api_key=" + S["query"])
        except Failed:
            pass
"""
OPENED = {
    "requests": "library.Session()",
    "httpx": "library.Client(follow_redirects=True)",
}

AIOHTTP = """
import asyncio, os
import aiohttp
from plan import S, requests_of

async def talk():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        for method, url, options in requests_of(os.environ["API"]):
            async with session.request(method, url, **options) as response:
                await response.read()
        async with session.post(os.environ["API"] + "/login") as response:
            token = (await response.json())["access_token"]
        async with session.get(os.environ["API"] + "/items/" + token) as response:
            assert response.status == 200
        form = aiohttp.FormData({"password": S["part"]})
        form.add_field("file", b"text", filename="a.txt")
        async with session.post(os.environ["API"] + "/echo", data=form) as response:
            await response.read()
        try:
            await session.get("http://127.0.0.1:9/?api_key=" + S["query"])
        except aiohttp.ClientConnectorError:
            pass

def test_all():
    asyncio.run(talk())
"""


@pytest.mark.parametrize("client", ["httpx", "httpx2", "requests", "aiohttp"])
def test_no_planted_secret_is_in_files_or_output(project, client):
    pytest.importorskip(client)
    source = (
        AIOHTTP
        if client == "aiohttp"
        else SYNC.replace("OPENED", OPENED[client.rstrip("2")])
    )
    project.ini(client)
    project.write("plan.py", REQUESTS)
    project.write("test_secrets.py", source.replace("CLIENT", client))

    with running_server() as server:
        run = project.run("--mimic-record", env={"API": server.url}).expect(passed=1)
        seen = "\n".join(server.seen)
    replayed = project.run(env={"API": server.url}).expect(passed=1)

    words = [
        *SECRETS.values(),
        *ISSUED,
        base64.b64encode(f"me:{SECRETS['basic']}".encode()).decode(),
    ]
    stored = b"\n".join(run.vault.values()).decode() + run.output + replayed.output
    assert SECRETS["query"] in seen
    assert len(run.calls) >= 14
    assert not [
        word for word in words if word in stored or re.sub(r"\W", "", word) in stored
    ]


def test_a_miss_shows_neither_secrets_nor_plugin_frames(project):
    pytest.importorskip("httpx")
    project.ini("httpx")
    project.test("""
        import httpx
        body = {"password": os.environ["SECRET"], "a": os.environ.get("A", "1")}
        httpx.post(os.environ["API"] + "/echo", json=body, headers={"X-Api-Key": os.environ["SECRET"]})
    """)
    env = {"SECRET": "planted-secret-9000"}

    with running_server() as server:
        project.run("--mimic-record", env={**env, "API": server.url}).expect(passed=1)
    run = project.run(env={**env, "API": server.url, "A": "2"})

    run.expect(
        failed=1,
        says=["body.a: '1' recorded, '2' now"],
        never=["planted-secret-9000", "clients/"],
    )


@pytest.mark.parametrize(
    ("is_apart", "login"),
    [
        (False, "headers={'Authorization': f'Bearer {token}'}"),
        (True, "headers={'Authorization': f'Bearer {token}'}"),
        (True, "auth=('x-access-token', token)"),
    ],
    ids=["in the conversation", "apart from it", "basic credentials"],
)
def test_a_new_request_is_not_sent_with_a_placeholder(project, is_apart, login):
    """The command in the message records it."""
    pytest.importorskip("httpx")
    project.ini(*(["httpx only='GET /login' sequence=no"] if is_apart else []), "httpx")
    project.module(
        """
        import httpx, os

        API = os.environ["API"]

        def visit():
            token = httpx.get(API + "/login").json()["access_token"]
            if os.environ["MORE"]:
                try:
                    httpx.get(API + "/me", LOGIN)
                except RuntimeError:
                    pass
    """.replace("LOGIN", login)
    )
    project.write(
        "test_it.py",
        """
        import shop

        def test_visit():
            shop.visit()
        """,
    )

    with running_server() as server:
        env = {"API": server.url, "MORE": ""}
        project.run("--mimic-record", env=env).expect(passed=1)
        env["MORE"] = "yes"
        missed = project.run(env=env)
        grown = project.run("--mimic-record", env=env)
        assert "GET /me" not in server.seen
        project.run("--mimic-rerecord", env=env).expect(passed=1)
    project.run(env=env).expect(passed=1)

    remedy = "pytest --mimic-rerecord test_it.py::test_visit"
    missed.expect(failed=1, says=[remedy])
    grown.expect(failed=1, says=["GET /me", remedy])
