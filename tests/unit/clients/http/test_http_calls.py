"""Requests as calls, and responses as they are stored and compared, for all HTTP clients."""

from __future__ import annotations

import gzip
from urllib.parse import urlsplit

import pytest

from pytest_mimic._clients.http.http_calls import HttpAdapter, HttpRequest, RequestTaker
from pytest_mimic._core.engine.client_plan import ClientPlan
from pytest_mimic._core.seam.base import parts_of_client_calls
from pytest_mimic._core.target_options import Options
from unit.clients.runs import Runs


@pytest.fixture
def runs():
    """Runs with a client that does not exist."""
    return Runs(HttpAdapter("client"))


def begun(runs, url, *, method="GET", headers=(), body=b""):
    """Return the call of a request, and its step."""
    step = RequestTaker(runs.port).begin(HttpRequest(method, url, tuple(headers), body))
    return (runs.calls or [None])[-1], step


@pytest.mark.parametrize(
    ("url", "place", "shown"),
    [
        ("http://shop.test", ("http", "shop.test", 80, "/"), "http://shop.test/"),
        (
            "https://Shop.Test/a",
            ("https", "shop.test", 443, "/a"),
            "https://shop.test/a",
        ),
        (
            "https://shop.test:443/a",
            ("https", "shop.test", 443, "/a"),
            "https://shop.test/a",
        ),
        (
            "http://shop.test:8080/a%20b",
            ("http", "shop.test", 8080, "/a%20b"),
            "http://shop.test:8080/a%20b",
        ),
        ("http://[::1]:8080/a", ("http", "::1", 8080, "/a"), "http://[::1]:8080/a"),
        (
            "http://me:pa55word@shop.test/a#part",
            ("http", "shop.test", 80, "/a"),
            "http://shop.test/a",
        ),
        (
            "http://shop.test/a/%3Credacted%3E",
            ("http", "shop.test", 80, "/a/<redacted>"),
            "http://shop.test/a/<redacted>",
        ),
    ],
)
def test_a_url_is_described_without_credentials(runs, url, place, shown):
    runs.again("pass")  # the last one would not be sent

    call, _ = begun(runs, url)

    assert (
        tuple(call.parts[name] for name in ("scheme", "host", "port", "path")) == place
    )
    assert call.described["url"] == shown
    assert (call.signature, call.host) == (f"GET {place[3]}", urlsplit(shown).netloc)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://SHOP.test:80", "http://shop.test/"),
        ("http://bücher.test/ä b", "http://xn--bcher-kva.test/%C3%A4%20b"),
        ("http://shop.test/%c3%a4/%2f%3a", "http://shop.test/%C3%A4/%2F%3A"),
        (
            "http://shop.test/a|b[1]{2}'(3)'",
            "http://shop.test/a%7Cb%5B1%5D%7B2%7D'(3)'",
        ),
    ],
)
def test_urls_count_as_they_are_normalised(runs, url, normal):
    call, _ = begun(runs, url)

    assert call.described["url"] == normal


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        ("b=2&a=1", {"a": "1", "b": "2"}),
        ("a=2&a=1", {"a": ["2", "1"]}),
        ("a=&b", {"a": "", "b": ""}),
        ("a=%C3%B6+%26", {"a": "ö &"}),
        ("a=%FF", {"a": "\\xff"}),
        (
            "api_key=1&next_page_token=2",
            {"api_key": "<redacted>", "next_page_token": "2"},
        ),
        ("a=1&X-Amz-Date=2&X-Amz-Signature=3", {"a": "1"}),
        ("a=1&x-amz-date=2&x-amz-signature=3", {"a": "1"}),
    ],
)
def test_a_query_is_described_by_its_fields(runs, query, parts):
    call, _ = begun(runs, f"http://shop.test/?{query}")

    assert call.parts["query"] == parts


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
FILE = b'--%b\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n\r\n%b\r\n--%b--\r\n'
MULTIPART = "multipart/form-data; boundary="
EQUAL = {
    "order of JSON": ((JSON, b'{"a":1,"b":[2]}'), (JSON, b'{ "b": [2], "a": 1 }')),
    "order of a form": ((FORM, b"a=1&b=2"), (FORM, b"b=2&a=1")),
    "boundary": (
        (MULTIPART + "x", FILE % (b"x", b"1", b"x")),
        (MULTIPART + "y", FILE % (b"y", b"1", b"y")),
    ),
    "secret": ((JSON, b'{"password":"one"}'), (JSON, b'{"password":"two"}')),
    "compressed": ((JSON, b'{"a":1}'), (JSON, gzip.compress(b'{"a":1}'))),
}
DIFFERENT = {
    "type": ((JSON, b'{"a":1}'), (JSON, b'{"a":"1"}')),
    "null": ((JSON, b'{"a":null}'), (JSON, b"{}")),
    "null under a secret name": (
        (JSON, b'{"api_key":null}'),
        (JSON, b'{"api_key":"x"}'),
    ),
    "format": ((JSON, b'{"c":"1"}'), (FORM, b"c=1")),
    "file": (
        (MULTIPART + "x", FILE % (b"x", b"\xff", b"x")),
        (MULTIPART + "x", FILE % (b"x", b"\xfe", b"x")),
    ),
    "bytes": ((None, b"\xff"), (None, b"\xfe")),
}


@pytest.mark.parametrize("name", [*EQUAL, *DIFFERENT])
def test_what_counts_of_a_body(runs, name):
    def counted(kind, body):
        headers = [("Content-Type", kind)] * bool(kind) + [
            ("Content-Encoding", "gzip")
        ] * (body[:1] == b"\x1f")
        call, _ = begun(
            runs, "http://shop.test/", method="POST", headers=headers, body=body
        )
        return [
            (part, call.parts[part]) for part in call.identity if part in call.parts
        ]

    one, other = {**EQUAL, **DIFFERENT}[name]
    assert (counted(*one) == counted(*other)) == (name in EQUAL)


def test_headers_count_only_when_they_are_matched(runs):
    headers = [
        ("Accept", "a/b"),
        ("X-Api-Key", "k"),
        ("Cookie", "session=1; theme=2"),
        ("accept", "c/d"),
    ]
    call, _ = begun(runs, "http://shop.test/", headers=headers)

    assert call.parts["headers"] == {
        "accept": "a/b, c/d",
        "x-api-key": "<redacted>",
        "cookie": "session=<redacted>; theme=<redacted>",
    }
    assert "headers" not in call.identity


@pytest.mark.parametrize("accept", ["text/html", "text/html, */*;q=0.8"])
def test_headers_that_choose_an_answer_count(runs, accept):
    """Accepting anything does not."""
    call, _ = begun(
        runs, "http://shop.test/", headers=[("Accept", accept), ("RANGE", "bytes=0-9")]
    )
    other, _ = begun(runs, "http://shop.test/", headers=[("Accept", "*/*")])

    assert {"accept", "range"} < {*call.identity}
    assert (call.parts["accept"], call.parts["range"]) == (accept, "bytes=0-9")
    assert call.described["headers.accept"] == accept
    assert not {"accept", "headers.accept"} & {*other.parts, *other.described}


@pytest.mark.parametrize("value", ["websocket", "WebSocket"])
def test_a_websocket_is_left_alone(runs, value):
    call, _ = begun(runs, "http://shop.test/", headers=[("Upgrade", value)])

    assert call is None


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"I am raw1234secret.", "I am <redacted>."),
        (b"buy, token=abc please", "buy, token=<redacted> please"),
        (b"buy, page_token=abc", "buy, page_token=abc"),
        (
            b'{"password": "p4ssw0rd1", "of": ["p4ssw0rd1"]}',
            {"password": "<redacted>", "of": ["<redacted>"]},
        ),
        (
            b'{"pin": "1234", "note": "1234 books"}',
            {"pin": "<redacted>", "note": "1234 books"},
        ),
    ],
)
def test_a_description_has_no_secret_that_the_request_repeats(runs, body, shown):
    """Elsewhere than under its name, the value counts as it is: the identity does not change."""
    headers = [("Authorization", "Bearer raw1234secret"), ("X-Pin", "1234")]
    call, _ = begun(
        runs,
        "http://shop.test/?q=raw1234secret",
        method="POST",
        headers=headers,
        body=body,
    )

    described = runs.engine_port.plans[0].call(call).arguments

    assert (described["body"], described["query"]) == (shown, {"q": "<redacted>"})
    assert call.parts["query"] == {"q": "raw1234secret"}


JSON_LIKE = {
    "status": 200,
    "headers": [["Date", "now"], ["Content-Type", "a/b"]],
    "body": {"text": ' {"a":  [1 ,2]}'},
}
COMPARED = {
    "json with uneven blanks": (
        JSON_LIKE,
        {"headers": {"content-type": "a/b"}, "body": {"a": [1, 2]}},
    ),
    "no json": (
        {"status": 200, "headers": [], "body": {"text": "{1"}},
        {"headers": {}, "body": "{1"},
    ),
    "empty": ({"status": 200, "headers": []}, {"headers": {}, "body": None}),
}


@pytest.mark.parametrize(("plain", "comparable"), COMPARED.values(), ids=COMPARED)
def test_verifying_compares_status_type_and_body(runs, plain, comparable):
    assert runs.client.comparable(plain) == {"status": 200, **comparable}


FAILURES = {
    "failed (refused)": {"error": {"type": "refused"}},
    "gave 200, then failed (reading)": {"status": 200, "error": {"type": "reading"}},
    "gave 503": {"status": 503},
    None: {"status": 200},
}


@pytest.mark.parametrize(("words", "plain"), FAILURES.items())
def test_a_failure_is_told_in_words(runs, words, plain):
    """They follow the call: `http GET /slow gave 200, then failed (reading)`."""
    assert runs.client.failure(plain) == words


WHOLE = {"status": 200, "headers": []}
LEFT = {**WHOLE, "end": "stopped"}
LATE = {"type": "reading", "message": ""}


def chunked(*chunks, **end):
    return {**WHOLE, "body": {"chunks": list(chunks)}, **end}


def text(text, **end):
    return {**WHOLE, "body": {"text": text}, **end}


READ_IN_PART = {
    "not read": (LEFT, {**WHOLE, "body": {"json": {"a": 1}}}, True),
    "status": (LEFT, {**WHOLE, "status": 500}, False),
    "json": (
        {**LEFT, "body": {"text": '{"a'}},
        {**WHOLE, "body": {"json": {"a": 1}}},
        True,
    ),
    "other json": (
        {**LEFT, "body": {"text": '{"b'}},
        {**WHOLE, "body": {"json": {"a": 1}}},
        False,
    ),
    "bytes": (
        {**LEFT, "body": {"base64": "AAE="}},
        {**WHOLE, "body": {"base64": "AAECAw=="}},
        True,
    ),
    "too short": (
        {**LEFT, "body": {"text": "abc"}},
        {**WHOLE, "body": {"text": "ab"}},
        False,
    ),
    "error": ({"error": {"type": "x:Y", "message": ""}}, LEFT, False),
    "chunks of both": (
        chunked("abcd", end="stopped"),
        chunked("a", "b", end="stopped"),
        True,
    ),
    "both late": (text("abc", error=LATE), text("ab", error=LATE), True),
    "late with another body": (text("abc", error=LATE), text("ax", error=LATE), False),
    "another error": (
        text("ab", error=LATE),
        text("ab", error={"type": "closed", "message": ""}),
        False,
    ),
}


@pytest.mark.parametrize(
    ("recorded", "now", "same"), READ_IN_PART.values(), ids=READ_IN_PART
)
def test_verifying_compares_only_what_both_readers_read(runs, recorded, now, same):
    comparable = runs.client.comparable

    for one, other in ((recorded, now), (now, recorded)):
        assert (comparable(one, other) == comparable(other, one)) is same


SERVING = {
    "not read": ({**WHOLE, "body": {"json": {"a": 1}}}, LEFT, True),
    "other": (text("abc"), text("ax", end="stopped"), False),
    "read to its end": (text("abc", end="stopped"), text("abc"), False),
    "less": (text("abc", end="stopped"), text("ab", end="stopped"), True),
    "more": (text("ab", end="stopped"), text("abc", end="stopped"), False),
    "in chunks now": (text("abcd"), chunked("ab", "c", end="stopped"), True),
    "more chunks": (
        chunked("abcd", "e", end="stopped"),
        chunked("a", "b", "c", end="stopped"),
        False,
    ),
    "more in time": (text("ab", error=LATE), text("abc", error=LATE), False),
}


@pytest.mark.parametrize(("recorded", "now", "serves"), SERVING.values(), ids=SERVING)
def test_rerecording_keeps_a_recording_with_the_same_chunks(
    runs, recorded, now, serves
):
    comparable = runs.client.comparable

    assert (comparable(recorded, now) == comparable(now)) is serves


def events(*numbers, **end):
    """Return an exchange of server-sent events, or a part of it."""
    sent_events = [{"json": {"n": number}} for number in numbers]
    return {**WHOLE, "body": {"events": sent_events}, **end}


STANDING = {
    "whole": (events(1, 2, 3), events(7, 8, end="stopped"), True),
    "whole and not read": (text("abc"), LEFT, True),
    "whole, and the other one, too": (events(1, 2, 3), events(7), False),
    "more events": (
        events(1, 2, 3, end="stopped"),
        events(1000, 2000, end="stopped"),
        True,
    ),
    "fewer events": (
        events(1000, 2000, end="stopped"),
        events(1, 2, 3, end="stopped"),
        False,
    ),
    "as many events": (events(1, end="stopped"), events(2, end="stopped"), False),
    "more bytes": (text("abc", end="stopped"), text("xy", end="stopped"), True),
    "fewer bytes": (text("ab", end="stopped"), text("xyz", end="stopped"), False),
    "another status": ({**text("no"), "status": 404}, events(1, end="stopped"), False),
    "broken off": (text("abc", error=LATE), text("x", end="stopped"), False),
    "no answer": ({"error": LATE}, text("x", end="stopped"), False),
}


@pytest.mark.parametrize(("standing", "now", "stays"), STANDING.values(), ids=STANDING)
def test_an_answer_left_early_replaces_none_that_was_read_further(
    runs, standing, now, stays
):
    """One recording serves the calls of all tests. The texts of two answers may differ."""
    runs.again("record", sequence=False)
    steps = [begun(runs, "http://shop.test/a")[1] for _ in range(2)]

    steps[0].finish(standing)
    steps[1].finish(now)

    assert runs.plain == [standing if stays else now]


def test_a_request_has_all_declared_parts(runs):
    call, _ = begun(
        runs,
        "http://shop.test/a?b=1",
        method="POST",
        headers=[("Content-Type", "text/plain")],
        body=b"c",
    )

    assert set(call.parts) == set(parts_of_client_calls("http"))


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"ignore": ("host", "port")}, {"host": "localhost:9"}),
        ({"ignore": ("query.page",)}, {"page": "2"}),
        ({"ignore": ("body.n",)}, {"n": 2}),
        ({"ignore": ("headers.accept",)}, {"accept": "text/html"}),
        ({"ignore": ("headers.*",)}, {"accept": "*/*"}),
        (
            {"ignore": ("headers.accept",), "match": ("headers",)},
            {"accept": "text/html"},
        ),
    ],
)
def test_an_ignored_part_does_not_count(runs, options, differs):
    """Host, port, query, body and headers, whole or by path."""

    def key(options, *, host="127.0.0.1:80", page="1", n=1, accept="application/json"):
        headers = (("Content-Type", "application/json"), ("Accept", accept))
        request = HttpRequest(
            "POST", f"http://{host}/echo?page={page}", headers, f'{{"n": {n}}}'.encode()
        )
        call = RequestTaker(runs.port).describe(request)
        return (
            ClientPlan(runs.run, runs.client, Options(**options), None).call(call).key
        )

    assert key(options, **differs) == key(options)
    assert key({}, **differs) != key({})
