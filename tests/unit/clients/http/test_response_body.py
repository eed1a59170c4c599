"""Bodies of requests and responses as plain data; streams of events, one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._clients.http.response_body import hides_text, load_body, store_body
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets

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


def test_an_edit_of_json_is_sent_in_the_charset_of_its_answer():
    body = {"json": {"price": "5 €"}, "charset": "iso-8859-1"}

    [data] = load_body(body)

    assert json.loads(data.decode("iso-8859-1")) == {"price": "5 €"}


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (
            {"lines": True, "events": [{"json": {"a": "ä"}}, {"json": {"a": "€"}}]},
            b'{"a":"\xe4"}\n{"a":"\\u20ac"}\n',
        ),
        (
            {"style": "spaced", "events": [{"event": "ä", "json": {"a": "€"}}]},
            b'event: \xe4\ndata: {"a": "\\u20ac"}\n\n',
        ),
    ],
    ids=["lines", "server-sent events"],
)
def test_an_edit_of_an_event_is_sent_in_the_charset_of_its_answer(body, data):
    assert b"".join(load_body({"charset": "iso-8859-1", **body})) == data


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
        '--b\r\nContent-Type: application/json\r\n\r\n{"token":"§"}\r\n--b\r\n\r\n{"password":"§"}\r\n--b--\r\n',
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


EMBEDDED = (
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=§; Path=/\r\nContent-Type: application/json\r\n"
    'Content-Length: 27\r\n\r\n{"password":"§"}'
)
STRUCTURED = {
    "HTTP": ("application/http", EMBEDDED),
    "parts": (
        "multipart/mixed; boundary=b",
        f"--b\nContent-Type: application/http\n\n{EMBEDDED}\n--b\n\nPASSWORD=§\nA=1\n--b--",
    ),
    "mail": ("message/rfc822", "From: me\r\nX-Api-Key: §\r\n\r\nPASSWORD=§\r\nA=1\r\n"),
    "nested": (
        "multipart/mixed; boundary=b",
        '--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n{"token":"§"}\n--c--\n--b--',
    ),
}


@pytest.mark.parametrize(("kind", "text"), STRUCTURED.values(), ids=STRUCTURED)
def test_secrets_are_hidden_in_the_parts_of_an_answer(kind, text):
    """The length of a part follows what replaced its secret."""
    _, data = stored(text.replace("§", "ab12cd34ef56").encode(), kind=kind)

    hidden = text.replace("§", "<redacted>")
    assert data.decode() == hidden.replace("Length: 27", "Length: 25")
    assert stored(hidden.encode(), kind=kind)[1] == hidden.encode()


def test_a_binary_part_does_not_cover_the_secrets_of_others():
    data = b'--b\r\n\r\n{"token":"ab12cd34ef"}\r\n--b\r\nContent-Type: image/png\r\n\r\n\xff\x00\r\n--b--'

    body, again = stored(data, kind="multipart/mixed; boundary=b")

    assert again == data.replace(b"ab12cd34ef", b"<redacted>")
    assert "ab12cd34ef" not in repr(body)


@pytest.mark.parametrize(
    ("kind", "data", "is_hidden"),
    [
        ("text/plain", b"\xff\x00", True),
        ("image/png", b"\xff\x00", False),
        ("application/problem+json", b"\xff\x00", True),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: text/csv\r\n\r\n\xff\x00\r\n--b--", True),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: image/png\r\n\r\n\xff\x00\r\n--b--", False),
    ],
)  # fmt: skip
def test_a_text_that_only_base64_holds_is_known(kind, data, is_hidden):
    body, _ = stored(data, kind=kind)

    assert hides_text({"headers": [["Content-Type", kind]], "body": body}) is is_hidden
