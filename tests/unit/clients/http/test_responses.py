"""Responses as they are stored while a client reads them, and as they come back."""

from __future__ import annotations

import gzip
import re
from html import unescape

import pytest
from support.placeholders import unmarked

from pytest_mimic._clients.http.http_calls import HttpAdapter, HttpRequest, RequestTaker
from pytest_mimic._clients.http.responses import ExchangeRecorder, StoredResponse
from unit.clients.runs import Runs


@pytest.fixture
def runs():
    """Runs with a client that does not exist."""
    return Runs(HttpAdapter("client"))


def begun(runs, url, *, method="GET", headers=(), body=b""):
    """Return the call of a request, and its step."""
    step = RequestTaker(runs.port).begin(HttpRequest(method, url, tuple(headers), body))
    return (runs.calls or [None])[-1], step


def recorded(runs, headers, body=b"", *, url="http://shop.test/", sent=()):
    """Return the stored exchange of a response with these headers."""
    _, step = begun(runs, url, headers=sent)
    recorder = ExchangeRecorder(step)
    recorder.start(200, "OK", "HTTP/1.1", headers)
    recorder.chunks.append(body)
    recorder.complete()
    return runs.plain[-1]


def test_secrets_in_response_headers_are_hidden(runs):
    plain = recorded(
        runs,
        [
            ("Set-Cookie", "id=abc; Path=/; HttpOnly"),
            ("Location", "/next?token=abc&page=2"),
            ("Link", "<https://shop.test/?api_key=abc&page=3>; rel=next"),
            ("X-Auth-Token", "abc"),
            ("X-Echo", "said 1234-abcd-5678"),
        ],
        sent=[("Authorization", "Bearer 1234-abcd-5678")],
    )

    assert unmarked([value for _, value in plain["headers"]]) == [
        "id=<redacted>; Path=/; HttpOnly",
        "/next?token=<redacted>&page=2",
        "<https://shop.test/?api_key=<redacted>&page=3>; rel=next",
        "<redacted>",
        "said <redacted>",
    ]


@pytest.mark.parametrize("encoding", ["identity", "Identity", "aes128gcm", "x, gzip"])
def test_an_encoding_that_nobody_decodes_stays(runs, encoding):
    plain = recorded(
        runs,
        [("Content-Type", "text/plain"), ("Content-Encoding", encoding)],
        b"as it is",
    )

    assert (plain["headers"][1], plain["body"]) == (
        ["Content-Encoding", encoding],
        {"text": "as it is"},
    )


@pytest.mark.parametrize(
    ("headers", "body", "kept"),
    [
        ([], b'{"a": 1}', True),
        ([], b'{"token": "tok-4711-abcd"}', False),
        ([("Content-Encoding", "gzip")], gzip.compress(b"packed", mtime=0), False),
    ],
)
def test_a_body_that_is_not_stored_as_it_came_has_no_checksums(
    runs, headers, body, kept
):
    sums = [
        ("x-amz-crc32", "1"),
        ("X-Amz-Checksum-SHA256", "a="),
        ("Content-MD5", "b="),
        ("Digest", "c="),
    ]

    plain = recorded(runs, [*headers, *sums], body)

    assert [name for name, _ in plain["headers"] if "ncoding" not in name] == [
        name for name, _ in sums
    ] * kept


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"password=raw1234secret&x=1", "password=<redacted>&x=1"),
        (b"password=raw1234secret", "password=<redacted>"),
        (
            b'{"a": "{\\"password\\":\\"raw1234secret\\"}"}',
            {"a": '{"password":"<redacted>"}'},
        ),
    ],
)
def test_a_body_without_a_content_type_has_no_secrets(runs, body, shown):
    call, step = begun(runs, "http://shop.test/", method="POST", body=body)
    recorder = ExchangeRecorder(step)
    recorder.start(200, "OK", "HTTP/1.1", [("Content-Type", "text/plain")])
    recorder.chunks.append(b"you said raw1234secret")
    recorder.complete()

    assert call.parts["body"] == call.described["body"] == shown
    assert runs.plain[-1]["body"] == {"text": "you said <redacted>"}


def test_cookies_can_be_made_public(runs):
    runs.again("record", redact=["!cookie"])
    plain = recorded(
        runs, [], b"you are 4711abcd0815", sent=[("Cookie", "user=4711abcd0815")]
    )

    assert plain["body"] == {"text": "you are 4711abcd0815"}


def test_content_length_is_the_length_of_the_replayed_body(runs):
    plain = recorded(
        runs,
        [("Content-Type", "application/json"), ("Content-Length", "15")],
        b'{"token":"abc"}',
    )

    answer = StoredResponse(plain, "GET")

    (body,) = answer.chunks
    assert unmarked(body.decode()) == '{"token":"<redacted>"}'
    assert dict(answer.headers)["Content-Length"] == str(len(body))


def test_a_length_that_is_no_number_is_left_to_the_client(runs):
    """`²` is a digit for Python, and no number."""
    plain = recorded(runs, [("Content-Length", "²")], b"abc")

    answer = StoredResponse({**plain, "end": "stopped"}, "GET")

    assert dict(answer.headers)["Content-Length"] == "4"


@pytest.mark.parametrize(
    ("date", "expires", "kept"),
    [
        ("Fri, 20 Nov 2026 08:00:00 GMT", "Fri, 01 Jan 2027 00:00:00 GMT", False),
        ("Fri, 20 Nov 2026 08:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Fri, 20 Nov 2026 08:00:00 GMT", "0", True),
        ("soon", "Fri, 01 Jan 2027 00:00:00 GMT", True),
    ],
)
def test_a_valid_cookie_does_not_expire(runs, date, expires, kept):
    """A cookie that deletes another still does."""
    headers = [("Date", date), ("Set-Cookie", f"a=b; Expires={expires}; Path=/")]
    answer = StoredResponse(recorded(runs, headers), "GET")

    cookie = dict(answer.headers)["Set-Cookie"]
    assert unmarked(cookie) == (
        f"a=<redacted>; Expires={expires}; Path=/" if kept else "a=<redacted>; Path=/"
    )


def test_a_secret_in_a_header_is_hidden_everywhere_later(runs):
    plain = recorded(
        runs,
        [
            ("Set-Cookie", "csrftoken=4711abcd0815; Path=/"),
            ("X-Auth-Token", "0815abcd4711"),
        ],
        b"<input value='4711abcd0815'> 0815abcd4711 Path",
    )
    call, _ = begun(runs, "http://shop.test/of/4711abcd0815")

    text = plain["body"]["text"]
    page = re.fullmatch(r"<input value='(&lt;.*&gt;)'> (&lt;.*&gt;) Path", text)
    assert page is not None
    cookie, token = map(unescape, page.groups())
    assert cookie != token
    assert call.parts["path"] == f"/of/{cookie}"


def test_a_body_that_was_handed_out_compressed_comes_back_so(runs):
    _, step = begun(runs, "http://shop.test/")
    recorder = ExchangeRecorder(step)
    recorder.decodes = lambda: False
    recorder.start(200, "OK", "HTTP/1.1", [("Content-Encoding", "gzip")])
    recorder.chunks.append(gzip.compress(b'{"token":"tok-4711-abcd"}'))
    recorder.complete()

    [plain] = runs.plain
    answer = StoredResponse(plain, "GET")
    token = plain["body"]["json"]["token"]
    assert "tok-4711-abcd" not in token
    assert (plain["body"]["encoding"], plain["body"]["handed_out"]) == ("gzip", True)
    assert answer.headers == [("Content-Encoding", "gzip")]
    assert gzip.decompress(b"".join(answer.chunks)) == b'{"token":"%s"}' % (
        token.encode()
    )
