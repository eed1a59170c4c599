"""Bodies of requests and responses as plain data; streams of events, one by one."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._clients.http.body import inflate, load_body, store_body
from pytest_mimic._clients.http.exchange import describe_body, digest
from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._clients.http.httpx import HttpxAdapter
from pytest_mimic._core.outcome.memory import zstd_module
from pytest_mimic._core.outcome.outcome import Outcome
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.tree.agreement import Rules, compare
from pytest_mimic._core.tree.differing import difference_lines

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(),
    # Keys are too short to be secret.
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner),
)


def stored(*chunks, kind="application/json", stopped=False):
    """Return a body as it is stored, and the bytes that a replay returns."""
    body = store_body(
        chunks, content_type=kind, stopped=stopped, secrets=Secrets(Redactor())
    )
    return body, b"".join(load_body(json.loads(json.dumps(body))))


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ('{"a":1,"b":["ö",null]}', None),
        ('{"a": 1, "b": ["ö", null]}', "spaced"),
        ('{"a": "\\u00f6"}', "spaced ascii"),
        ('{\n  "a": [\n    1\n  ]\n}\n', "indent-2 newline"),
        ('{\n    "a": "\\u00f6"\n}', "indent-4 ascii"),
        ('{\n   "a": 1\n}', "indent-3"),
        ('["\\u0000"]\n', "newline"),
        ("[]", None),
        ('"text"', None),
    ],
)
def test_json_in_a_common_layout_keeps_its_bytes(text, style):
    body, data = stored(text.encode())

    assert body.get("style") == style
    assert body["json"] == json.loads(text)
    assert data == text.encode()


ODD_JSON = {
    "slashes of PHP": '{"url":"http:\\/\\/x\\/"}',
    "signs of Go": '{"html":"\\u003cb\\u003e \\u0026"}',
    "float": '{"a":1.10}',
    "blank": '{"a" :1}',
    "tabs": '{\n\t"a": 1\n}',
    "twice": '{"a":1,"a":2}',
    "nan": '{"a":NaN}',
    "infinite": '{"a":1e400}',
    "surrogate": '{"a":"\\ud800"}',
    "cut": "[1,",
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", ODD_JSON.values(), ids=ODD_JSON)
def test_other_json_is_stored_as_text(text):
    body, data = stored(text.encode())

    assert body == {"text": text}
    assert data == text.encode()


@given(JSON)
def test_json_from_python_keeps_its_bytes(value):
    for text in (
        json.dumps(value),
        json.dumps(value, ensure_ascii=False, separators=(",", ":")),
    ):
        assert stored(text.encode())[1] == text.encode()


@given(
    st.binary(min_size=1),
    st.sampled_from(["text/plain", "application/json", "image/png", "text/html"]),
)
def test_any_body_without_secrets_keeps_its_bytes(data, kind):
    if b"=" in data or b"://" in data:
        return
    assert stored(data, kind=kind)[1] == data


ENCODED = {
    "gzip": (gzip.compress(b"text"), "gzip"),
    "deflate": (zlib.compress(b"text"), "deflate"),
    "bare deflate": (zlib.compress(b"text")[2:-4], "deflate"),
    "twice": (gzip.compress(gzip.compress(b"text")), "gzip, gzip"),
    "zstd": (zstd_module().compress(b"text"), "zstd"),
}


@pytest.mark.parametrize(("data", "encoding"), ENCODED.values(), ids=ENCODED)
def test_compressed_bodies_are_decompressed(data, encoding):
    assert b"".join(inflate([data[:3], data[3:]], encoding)) == b"text"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"no gzip", "gzip"),
        (b"text", "unheard-of"),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "gzip"),
    ],
    ids=["wrong", "unknown", "two members"],
)
def test_a_body_in_another_encoding_than_declared_is_refused(data, encoding):
    assert inflate([data], encoding) is None


def test_brotli_is_decompressed():
    brotli = pytest.importorskip("brotli")
    data = brotli.compress(b"text")

    assert b"".join(inflate([data[:3], data[3:]], "br")) == b"text"
    assert inflate([b"no brotli"], "br") is None


def test_a_wrong_charset_does_not_make_text_binary():
    assert stored("ä".encode(), kind="text/plain; charset=ascii") == (
        {"text": "ä"},
        "ä".encode(),
    )
    assert (
        stored(b"\xff\xfe\xfd", kind="text/plain; charset=ascii")[1] == b"\xff\xfe\xfd"
    )
    assert stored(b"text", kind="text/plain; charset=utf\0") == (
        {"text": "text"},
        b"text",
    )


@pytest.mark.parametrize(
    ("kind", "chunks", "body"),
    [
        ("text/plain", [b"a", b"b"], {"chunks": ["a", "b"]}),
        ("image/png", [b"\xff", b"\xfe"], {"chunks": [{"base64": "/w=="}, {"base64": "/g=="}]}),
        ("text/plain", ["aö".encode()[:2], "ö".encode()[1:] + b"b"], {"chunks": ["a", "öb"]}),
        ("text/plain; charset=utf-16", ["äö".encode("utf-16")[:4], "äö".encode("utf-16")[4:]], {"text": "äö", "charset": "utf-16"}),
        ("application/x-ndjson", [b'{"a":', b'1}\n{"b"'], {"events": [{"json": {"a": 1}}, '{"b"'], "lines": True}),
    ],
    ids=["text", "binary", "within a character", "utf-16", "lines"],
)  # fmt: skip
def test_the_ends_of_chunks_are_kept_where_the_reader_stopped(kind, chunks, body):
    left, data = stored(*chunks, kind=kind, stopped=True)
    whole, _ = stored(*chunks, kind=kind)

    assert left == body
    assert data == b"".join(chunks)
    assert "chunks" not in whole


def test_a_partly_read_document_has_no_secret():
    """A name and its value can be in different lines and chunks.

    It comes back in as many chunks.
    """
    text = (
        '{\n "a": 1,\n "password":\n  "abc",\n "client_secret": "defg",\n "list": [1,\n'
    )
    body, data = stored(
        text[:25].encode(), text[25:52].encode(), text[52:].encode(), stopped=True
    )

    assert len(body["chunks"]) == 3
    assert data.decode() == text.replace("abc", "<redacted>").replace(
        "defg", "<redacted>"
    )


@pytest.mark.parametrize(
    ("charset", "word"), [("iso-8859-1", "äö"), ("shift_jis", "日本"), ("utf-16", "äö")]
)
def test_secrets_are_hidden_in_any_charset(charset, word):
    text = f'{word}\n{{"token":"abc"}}\n{word}'
    body, data = stored(text.encode(charset), kind=f"text/plain; charset={charset}")

    assert body == {"text": text.replace("abc", "<redacted>"), "charset": charset}
    assert data == text.replace("abc", "<redacted>").encode(charset)


SECRET = "ab12cd34ef"
HIDDEN = {
    "JSON": (
        "application/json",
        '{"access_token":"§","n":null,"password":null,"note":"it is §"}',
    ),
    "query language": ("application/json", '{"echo":"{in(token: \\"§\\") {id}}"}'),
    "within texts": (
        "application/json",
        '{"path":"/users?token=§","got":"{\\"password\\":\\"§\\"}"}',
    ),
    "no JSON": ("application/json", '{"token":"§","a":NaN}'),
    "twice": ("application/json", '{"token":"§","a":1,"a":2}'),
    "mark": ("application/json", '\ufeff{"token":"§"}'),
    "guard": ("application/json", ')]}\',\n{"token": ["§"]}\n'),
    "loop": ("text/javascript", 'while(1);{"token":"§","a'),
    "cut off": ("application/json", '{"token":"§","items":[1,'),
    "call": ("text/javascript", 'cb({"token":"§"});'),
    "form": ("application/x-www-form-urlencoded", "access_token=§&scope=a"),
    "form as text": ("text/plain", "access_token=§&scope=a"),
    "URL": ("text/plain", "see https://x.test/?api_key=§ now"),
    "parts": (
        "multipart/mixed; boundary=b",
        '--b\r\nContent-Type: application/json\r\n\r\n{"token":\n "§"}\r\n--b\r\n\r\n{"password":"§"}\r\n--b--\r\n',
    ),
}


@pytest.mark.parametrize(("kind", "text"), HIDDEN.values(), ids=HIDDEN)
def test_secrets_are_hidden_in_texts_of_any_kind(kind, text):
    assert stored(text.replace("§", SECRET).encode(), kind=kind)[
        1
    ].decode() == text.replace("§", "<redacted>")


@pytest.mark.parametrize(
    ("text", "kind", "hidden"),
    [
        (
            f"<in><token>{SECRET}</token><to>/in/{SECRET}</to></in>",
            "text/xml",
            "<in><token>&lt;redacted&gt;</token><to>/in/&lt;redacted&gt;</to></in>",
        ),
        (
            '{"a":1.10,"token":"abc"}',
            "application/json",
            '{"a":1.1,"token":"<redacted>"}',
        ),
        (
            '{"auth":{"policies":["a","b"],"lease":3600,"renewable":true,"note":null}}',
            "application/json",
            '{"auth":{"policies":["<redacted>","<redacted>"],"lease":0,"renewable":true,"note":null}}',
        ),
    ],
)
def test_hidden_values_keep_their_types(text, kind, hidden):
    assert stored(text.encode(), kind=kind)[1].decode() == hidden


def parts(*heads_and_texts):
    """Return a multipart body."""
    return (
        b"".join(b"--x\r\n%b\r\n\r\n%b\r\n" % pair for pair in heads_and_texts)
        + b"--x--\r\n"
    )


MULTIPART, JSON_PART = (
    "multipart/form-data; boundary=x",
    {"filename": None, "type": "application/json"},
)
NAMED = b"Content-Disposition: form-data; name=a"
DESCRIBED = {
    "json": ("application/json", b'{"a": [1]}', ("json", {"a": [1]})),
    "json without a type": (None, b'{"a": [1]}', ("json", {"a": [1]})),
    "null": ("application/json", b"null", ("json", None)),
    "no json": ("application/json", b"{no json", ("text", "{no json")),
    "form": (
        "application/x-www-form-urlencoded",
        b"b=2&a=1&a=0&c=",
        ("form", {"b": "2", "a": ["1", "0"], "c": ""}),
    ),
    "no form": (
        "application/x-www-form-urlencoded",
        b"\xff",
        ("bytes", digest(b"\xff")),
    ),
    "charset": ("text/plain; charset=latin-1", b"\xf6", ("text", "ö")),
    "part": (MULTIPART, parts((NAMED, b"1")), ("multipart", {"a": "1"})),
    "parts of json": (
        MULTIPART,
        parts(
            *(
                (NAMED + b"\r\nContent-Type: application/json", data)
                for data in (b'{"b": 1}', b"{no json")
            )
        ),
        (
            "multipart",
            {
                "a": [
                    {**JSON_PART, "content": {"b": 1}},
                    {**JSON_PART, "content": "{no json"},
                ]
            },
        ),
    ),
    "no parts": (MULTIPART, b"broken", ("text", "broken")),
    "no blank": (
        MULTIPART,
        b"--x\r\nno blank\r\n--x--",
        ("text", "--x\r\nno blank\r\n--x--"),
    ),
}


@pytest.mark.parametrize(("kind", "data", "found"), DESCRIBED.values(), ids=DESCRIBED)
def test_a_request_body_is_described_by_its_format(kind, data, found):
    assert describe_body(data, kind, None) == found


def exchange(text: str, kind: str = "text/event-stream", **end: Any) -> dict[str, Any]:
    """Return a stored exchange."""
    body = store_body(
        [text.encode()],
        content_type=kind,
        secrets=Secrets(Redactor()),
        stopped="end" in end,
    )
    return {"status": 200, "headers": [["content-type", kind]], "body": body, **end}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('data: {"a":1}\n\ndata: [DONE]\n\n', {"events": [{"json": {"a": 1}}, {"data": "[DONE]"}]}),
        (
            'event: ping\nid: 7\ndata: {"a": "\\u00fc"}\n\n',
            {"events": [{"event": "ping", "id": "7", "json": {"a": "ü"}}], "style": "spaced ascii"},
        ),
        (
            'data: {"a": 1}\n\ndata: {"a":2}\n\n',
            {"events": [{"json": {"a": 1}}, {"json": {"a": 2}, "style": ""}], "style": "spaced"},
        ),
        ('data:{"a":1}\r\n\r\n', {"events": [{"json": {"a": 1}}], "colon": ":", "line_end": "\r\n"}),
        (
            ": comment\n\ndata: 1\ndata: 2\n\n" 'data: {"a":1.00}\n\n' 'data: {"a":1}\nid: 1\n\n' "da",
            {"events": [": comment\n\n", {"data": "1\n2"}, {"data": '{"a":1.00}'}, 'data: {"a":1}\nid: 1\n\n', "da"]},
        ),
    ],
    ids=["json", "fields", "styles", "unusual", "as text"],
)  # fmt: skip
def test_server_sent_events_are_stored_one_by_one(
    text: str, stored: dict[str, Any]
) -> None:
    body = exchange(text)["body"]

    assert body == stored
    assert b"".join(load_body(body)).decode() == text
    assert len(load_body(body)) == len(body["events"])


@pytest.mark.parametrize(
    ("text", "kind", "stored"),
    [
        ('{"a":1}\n{"b":2}\n', "text/plain", {"events": [{"json": {"a": 1}}, {"json": {"b": 2}}], "lines": True}),
        ('{"a":1}\n', "application/jsonl", {"events": [{"json": {"a": 1}}], "lines": True}),
        (
            '{"a": 1}\n\n[1]',
            "application/x-ndjson",
            {"events": [{"json": {"a": 1}}, {"data": ""}, "[1]"], "lines": True, "style": "spaced"},
        ),
        ('{"a":1}\nno json\n', "text/plain", {"text": '{"a":1}\nno json\n'}),
    ],
)  # fmt: skip
def test_lines_of_json_are_stored_one_by_one(
    text: str, kind: str, stored: dict[str, Any]
) -> None:
    body = exchange(text, kind)["body"]

    assert body == stored
    assert b"".join(load_body(body)).decode() == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('data: {"token":"x1"}\n\n', 'data: {"token":"<redacted>"}\n\n'),
        (
            'data: {"token":"x1","a":NaN}\n\n',
            'data: {"token":"<redacted>","a":NaN}\n\n',
        ),
        (
            'data: {\ndata:  "token":\ndata: "x1"}\n\n',
            'data: {\ndata:  "token":\ndata: "<redacted>"}\n\n',
        ),
        (
            'data: {"a":"\u2028","token":"x1"}\n\n',
            'data: {"a":"\u2028","token":"<redacted>"}\n\n',
        ),
        ('data: {"token":"x1","a', 'data: {"token":"<redacted>","a'),
        ('data: {\ndata: "token":"x1","a', 'data: {\ndata: "token":"<redacted>","a'),
        ("data: token=x1&a=1\n\n", "data: token=<redacted>&a=1\n\n"),
        (
            'data: say abcd1234efgh\n\n: abcd1234efgh\n\ndata: {"token":"abcd1234efgh"}\n\n',
            'data: say <redacted>\n\n: <redacted>\n\ndata: {"token":"<redacted>"}\n\n',
        ),
    ],
)
def test_secrets_are_hidden_in_events(text: str, hidden: str) -> None:
    assert b"".join(load_body(exchange(text)["body"])).decode() == hidden


def differences(recorded: Any, actual: Any, *volatile: str) -> list[str]:
    """Return the lines that verifying shows."""
    client = HttpxAdapter("httpx")
    old, new = client.comparable(recorded, actual), client.comparable(actual, recorded)
    outcomes = Outcome("value", old), Outcome("value", new)
    return difference_lines(
        compare(*outcomes, Rules(volatile=volatile), redactor=Redactor())
    )


def sent(*numbers: int) -> dict[str, Any]:
    """Return an exchange of server-sent events."""
    return exchange("".join(f'data: {{"n": {number}}}\n\n' for number in numbers))


def test_streams_are_compared_event_by_event() -> None:
    lines = [
        exchange(f'{{"n": 1}}\n{{"n": {number}}}\n', "text/plain") for number in (2, 3)
    ]

    assert differences(sent(1, 2), sent(1, 3)) == ["body[1].data.n: 2 recorded, 3 now"]
    assert differences(*lines) == ["body[1].n: 2 recorded, 3 now"]
    assert (
        differences(sent(1, 2), sent(3, 4), "body.n")
        == differences(*lines, "body.n")
        == []
    )


def test_layout_comments_and_line_ends_of_events_do_not_count() -> None:
    old = exchange('event: a\r\ndata: {"n": 1,\r\ndata: "m": 2}\r\n\r\n: ping\r\n\r\n')
    new = exchange('event: a\ndata: {"m":2, "n":1}\n\n')

    assert not differences(old, new)


def test_of_a_stream_that_was_left_the_events_that_both_have_are_compared() -> None:
    left = exchange('data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: {', end="stopped")

    assert not differences(sent(1, 2, 3), left)
    assert not differences(left, sent(1, 2, 3))
    assert differences(sent(1, 5, 3), left) == ["body[1].data.n: 5 recorded, 2 now"]
