"""`pytest-mimic import` takes over HAR files; each entry that it cannot take over is named with the reason."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

pytest.importorskip("httpx")
pytest.importorskip("requests")

from pytest_mimic._tools.cli.main import main

ORIGIN = "https://api.shop.test"


def entry(
    path: str = "/",
    *,
    request: dict[str, Any] | None = None,
    response: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    text: str | None = "ok",
    content: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return an entry of a HAR file, as a browser writes it over HTTP/2."""
    pairs = [{"name": ":status", "value": "200"}]
    pairs += [{"name": name, "value": value} for name, value in (headers or {}).items()]
    body = {"size": len(text or ""), "mimeType": "text/plain"} | ({} if text is None else {"text": text})
    return {
        "startedDateTime": "2026-03-04T05:06:07.123Z",
        "time": 812.5,
        "request": {
            "method": "GET",
            "url": f"{ORIGIN}{path}",
            "httpVersion": "h2",
            "headers": [{"name": ":authority", "value": "api.shop.test"}],
            "bodySize": 0,
            **(request or {}),
        },
        "response": {
            "status": 200,
            "statusText": "",
            "httpVersion": "h2",
            "headers": pairs,
            "content": body if content is None else content,
            "bodySize": -1,
            **(response or {}),
        },
        **fields,
    }


@pytest.fixture
def archive(project, capsys, monkeypatch):
    """Return a function that imports entries as cassette `shop`; it returns the exit code and what was printed."""

    def run(*entries: Any, words: tuple[str, ...] = ()) -> tuple[int, str]:
        (project.root / "shop.har").write_text(
            json.dumps({"log": {"version": "1.2", "entries": entries}}), "utf-8"
        )
        monkeypatch.chdir(project.root)
        code = main(["import", "shop.har", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def outcomes(project) -> list[dict[str, Any]]:
    """Return the responses in the cassette."""
    calls = json.loads(project.files()["cassettes/shop.json"])["calls"]
    return [call["outcome"]["value"] for call in calls]


@pytest.mark.promise("pytest-mimic import takes over HAR files")
def test_a_har_file_replays_in_a_block(project, archive):
    posted = {"mimeType": "application/json", "text": '{"b": 2, "a": 1}'}
    fields = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "x", "value": "ü"}]}
    kind = [{"name": "content-type", "value": "application/json"}]
    form = [{"name": "content-type", "value": "application/x-www-form-urlencoded"}]
    png = {
        "size": 4,
        "mimeType": "image/png",
        "encoding": "base64",
        "text": base64.b64encode(b"\x89PNG").decode(),
    }
    entries = [
        entry("/later", text="second", startedDateTime="2026-03-04T05:06:09+00:00"),
        entry("/later", text="first", startedDateTime="2026-03-04T05:06:08.5Z"),
        entry("/json", request={"method": "POST", "postData": posted, "headers": kind}),
        entry("/form", request={"method": "POST", "postData": fields, "headers": form}),
        entry("/bytes", request={"method": "post", "postData": png}),
        entry("/image", content=png),
        entry("/br", text='{"n": 1}', headers={"content-encoding": "br", "content-type": "application/json"}),
        entry("/gzip", text="plain", headers={"content-encoding": "gzip", "content-length": "3"}),
        entry(
            "/start",
            text=None,
            response={
                "status": 302,
                "headers": [{"name": "location", "value": "/end"}],
                "content": {"size": 0},
            },
        ),
        entry("/end", text="ä", headers={"content-type": "text/plain; charset=iso-8859-1"}),
        entry("/cookies", headers={"set-cookie": "a=1; Path=/\nb=2; Path=/"}),
        entry("/none", text=None, response={"status": 204, "content": {"size": 0}}),
    ]
    project.write(
        "test_shop.py",
        f"""
        import httpx

        def test_shop(mimic_replay):
            client = httpx.Client(base_url="{ORIGIN}", follow_redirects=True)
            with mimic_replay("shop") as cassette:
                assert client.post("/json", json={{"a": 1, "b": 2}}).text == "ok"
                assert client.post("/form", data={{"x": "ü"}}).text == "ok"
                assert client.post("/bytes", content=b"\\x89PNG").text == "ok"
                assert client.get("/image").content == b"\\x89PNG"
                assert client.get("/br").json() == {{"n": 1}}
                assert client.get("/gzip").text == "plain"
                assert client.get("/start").text == "ä"
                assert len(client.get("/cookies").headers.get_list("set-cookie")) == 2
                none = client.get("/none")
                assert (none.status_code, none.reason_phrase, none.content) == (204, "No Content", b"")
                assert [client.get("/later").text for _ in range(2)] == ["first", "second"]
                assert cassette.all_played
                assert cassette.calls[0].duration == 0.8125
        """,
    )

    code, said = archive(*entries)

    assert (code, said.splitlines()) == (
        0,
        [
            "imported 12 calls of 1 file into .mimic_vault",
            "  shop.har -> cassette shop (12 calls)",
            'cassettes replay in blocks, with mimic_auto("shop"): shop',
        ],
    )
    assert json.loads(project.files()["cassettes/shop.json"])["recorded"] == "2026-03-04"
    project.replay().expect(passed=1)


CLIENTS = {
    "requests": "import requests\n\ndef get(url): return requests.get(url).content",
    "http.client": "from urllib.request import urlopen\n\ndef get(url): return urlopen(url).read()",
    "urllib3": "import urllib3\n\ndef get(url): return urllib3.PoolManager().request('GET', url).data",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_response_of_http_2_without_a_length_replays_in_clients_of_http_1(client, project, archive):
    project.write("client.py", CLIENTS[client])
    project.write(
        "test_shop.py",
        f"""
        from client import get

        def test_shop(mimic_replay):
            with mimic_replay("shop"):
                assert get("{ORIGIN}/n?b=2&a=1") == b'{{"n": 1}}'
        """,
    )

    archive(entry("/n?a=1&b=2", text='{"n": 1}'))

    project.replay().expect(passed=1)


REFUSED = {
    "blocked": (
        entry(response={"status": 0, "_error": "net::ERR_BLOCKED_BY_CLIENT"}),
        "it has no response (net::ERR_BLOCKED_BY_CLIENT)",
    ),
    "broken off": (entry(response={"status": 0}), "it has no response (it was blocked, or broke off)"),
    "large": (
        entry(content={"size": 9, "mimeType": "video/mp4"}),
        "the body of its response is not in the file",
    ),
    "no size": (entry(text=None, headers={"content-length": "9"}, content={}), "the body of its response"),
    "not base64": (entry(content={"text": "?", "encoding": "base64", "size": 1}), "is not base64"),
    "no request body": (
        entry(request={"method": "POST", "bodySize": 9}),
        "the body of its request is not in the file",
    ),
    "files": (
        entry(
            request={
                "postData": {"mimeType": "multipart/form-data", "params": [{"name": "f", "fileName": "x"}]}
            }
        ),
        "the body of its request is not in the file",
    ),
    "websocket": (entry(response={"status": 101}), "it is a WebSocket, which no client records"),
    "socket": (entry(_resourceType="websocket"), "it is a WebSocket"),
    "ws": (entry(request={"url": "wss://api.shop.test/live"}), "it is a WebSocket"),
    "data": (entry(request={"url": "data:text/plain,x"}), "it is not HTTP but data:"),
    "invalid": (entry(request={"url": "https://api.shop.test:port/"}), "its URL is not valid"),
    "attached": (
        entry(content={"size": 3, "_file": "sub/secret.txt"}),
        "and there is no secret.txt beside it",
    ),
    "nothing": ({}, "it is not a request with its response"),
    "a text": ("entry", "it is not a request with its response"),
    "secret": (
        entry(response={"status": 0, "_error": "GET http://a.test/?token=t failed"}),
        "it has no response (it was blocked, or broke off)",
    ),
    "no headers": (entry(request={"headers": [1]}), "it is not a request with its response"),
    "no header": (entry(headers={"€": "1"}), "it is not a request with its response"),
    "no method": (entry(request={"method": "GET /\ud800"}), "its method is not valid"),
    "numbers": (entry(content={"text": 5}), "it is not a request with its response"),
}


@pytest.mark.promise("an import names each entry that it cannot take over, with the reason")
def test_each_entry_that_cannot_be_carried_over_is_named_with_its_reason(project, archive):
    project.write("sub/secret.txt", "in another folder")

    code, said = archive(*(bad for bad, _ in REFUSED.values()), entry("/good"), words=("--json",))

    report = json.loads(said)
    assert (code, [one["calls"] for one in report["imported"]]) == (1, [1])
    assert [one["entry"] for one in report["not_imported"]] == list(range(1, len(REFUSED) + 1))
    wrong = {
        name: one["reason"]
        for one, (name, (_, reason)) in zip(report["not_imported"], REFUSED.items(), strict=True)
        if reason not in one["reason"]
    }
    assert wrong == {}
    assert report["not_imported"][0]["request"] == f"GET {ORIGIN}/"


def test_where_an_answer_is_missing_the_others_to_that_request_are_left_out_too(project, archive):
    """The second call would get the third answer."""
    large = {"size": 9, "mimeType": "text/plain"}

    code, said = archive(
        entry("/n?a=1&b=2", text="first"),
        entry("/n?b=2&a=1", content=large),
        entry("/n?a=1&b=2", text="third"),
        entry("/n?a=1&b=2#top", text="fourth"),
        entry("/other", response={"status": 0}),
        entry("/other", text="at the second attempt"),
    )

    assert code == 1
    assert said.count("another answer to this request is missing: entry 2") == 2
    assert [one["body"] for one in outcomes(project)] == [{"text": "at the second attempt"}]


def test_facts_of_a_wrong_type_are_left_out(project, archive):
    odd = {"time": float("inf"), "startedDateTime": 5}
    reasons: list[Any] = [True, ["OK"], "\ud800", "O\r\nX: K"]

    code, _ = archive(
        *(entry(f"/{number}", response={"statusText": each}, **odd) for number, each in enumerate(reasons))
    )

    assert code == 0
    assert [one["reason"] for one in outcomes(project)] == ["OK", "OK", "OK", "O X: K"]


def test_headers_say_of_a_body_that_is_left_out_that_there_is_none(project, archive):
    """The answer to a HEAD, and a 304, have the headers of the body that they do not have."""
    sized = {"content-length": "9", "content-encoding": "gzip"}
    moved = {"status": 302, "content": {"size": 9}}

    code, _ = archive(
        entry("/head", text=None, headers=sized, request={"method": "HEAD"}),
        entry("/same", text=None, headers=sized, response={"status": 304}),
        entry("/moved", text=None, headers=sized, response=moved),
    )

    assert code == 0
    assert [one["headers"] for one in outcomes(project)] == [
        [["content-length", "9"], ["content-encoding", "gzip"]],
        [["content-length", "9"], ["content-encoding", "gzip"]],
        [["content-length", "0"]],
    ]


def test_moments_without_a_zone_are_in_order_with_others(project, archive):
    archive(
        entry("/n", text="second", startedDateTime="2026-03-04T05:06:09Z"),
        entry("/n", text="first", startedDateTime="2026-03-04T05:06:08"),
    )

    assert [one["body"] for one in outcomes(project)] == [{"text": "first"}, {"text": "second"}]


def test_an_archive_with_the_name_of_a_test_is_a_cassette_all_the_same(project, archive):
    project.write("test_shop.py", "def test_buy(): pass\n")
    archive(entry())
    (project.root / "test_shop").mkdir()
    (project.root / "shop.har").rename(project.root / "test_shop/test_buy.har")

    assert main(["import", "test_shop/test_buy.har"]) == 0

    assert set(project.files()) == {"cassettes/shop.json", "cassettes/test_buy.json"}


def test_bodies_that_playwright_keeps_beside_the_archive_are_read(project, archive):
    (project.root / "0a1b.txt").write_text("attached", "utf-8")

    code, _ = archive(entry(content={"size": 8, "mimeType": "text/plain", "_file": "0a1b.txt"}))

    assert code == 0
    assert outcomes(project)[0]["body"] == {"text": "attached"}
    assert outcomes(project)[0]["headers"] == []


def test_a_body_that_is_still_compressed_is_decompressed(project, archive):
    packed = base64.b64encode(gzip.compress(b"plain")).decode()

    archive(entry(content={"text": packed, "encoding": "base64"}, headers={"content-encoding": "gzip"}))

    assert outcomes(project)[0]["body"] == {"text": "plain", "compressed": "gzip"}
