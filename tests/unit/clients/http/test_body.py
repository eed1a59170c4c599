"""Bodies of requests and responses as plain data."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mimic._clients.http.body import load_body, store_body
from pytest_mimic._clients.http.http_secrets import Secrets
from pytest_mimic._clients.http.message import describe_body, inflate
from pytest_mimic._core.outcome.memory import zstd_module
from pytest_mimic._core.redact.redactor import Redactor

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(),
    # Keys are too short to be secret.
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner),
)


def stored(*chunks, kind="application/json", stopped=False):
    """Return a body as it is stored, and the bytes that a replay returns."""
    body = store_body(chunks, content_type=kind, stopped=stopped, secrets=Secrets(Redactor()))
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
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, separators=(",", ":"))):
        assert stored(text.encode())[1] == text.encode()


@given(st.binary(min_size=1), st.sampled_from(["text/plain", "application/json", "image/png", "text/html"]))
def test_any_body_without_secrets_keeps_its_bytes(data, kind):
    if b"=" in data or b"://" in data:
        return
    assert stored(data, kind=kind)[1] == data


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (gzip.compress(b"text", mtime=0), "gzip"),
        (zlib.compress(b"text"), "deflate"),
        (zlib.compress(b"text")[2:-4], "deflate"),
        (gzip.compress(gzip.compress(b"text", mtime=0), mtime=0), "gzip, gzip"),
    ],
    ids=["gzip", "deflate", "bare deflate", "twice"],
)
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
    assert stored("ä".encode(), kind="text/plain; charset=ascii") == ({"text": "ä"}, "ä".encode())
    assert stored(b"\xff\xfe\xfd", kind="text/plain; charset=ascii")[1] == b"\xff\xfe\xfd"
    assert stored(b"text", kind="text/plain; charset=utf\0") == ({"text": "text"}, b"text")


def test_zstandard_is_decompressed():
    assert inflate([zstd_module().compress(b"text")], "zstd") == [b"text"]


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
    """A name and its value can be in different lines and chunks. It comes back in as many chunks."""
    text = '{\n "a": 1,\n "password":\n  "abc",\n "client_secret": "defg",\n "list": [1,\n'
    body, data = stored(text[:25].encode(), text[25:52].encode(), text[52:].encode(), stopped=True)

    assert len(body["chunks"]) == 3
    assert data.decode() == text.replace("abc", "<redacted>").replace("defg", "<redacted>")


@pytest.mark.parametrize(("charset", "word"), [("iso-8859-1", "äö"), ("shift_jis", "日本"), ("utf-16", "äö")])
def test_secrets_are_hidden_in_any_charset(charset, word):
    text = f'{word}\n{{"token":"abc"}}\n{word}'
    body, data = stored(text.encode(charset), kind=f"text/plain; charset={charset}")

    assert body == {"text": text.replace("abc", "<redacted>"), "charset": charset}
    assert data == text.replace("abc", "<redacted>").encode(charset)


@pytest.mark.parametrize(
    ("text", "kind", "hidden"),
    [
        (
            '{"access_token":"abc","n":null,"password":null}',
            "application/json",
            '{"access_token":"<redacted>","n":null,"password":null}',
        ),
        ("access_token=abc&scope=a", "application/x-www-form-urlencoded", "access_token=<redacted>&scope=a"),
        ("access_token=abc&scope=a", "text/plain", "access_token=<redacted>&scope=a"),
        ("access_token=abc", "text/plain", "access_token=<redacted>"),
        (
            "<in><token>ab12cd34ef</token><to>/in/ab12cd34ef</to></in>",
            "text/xml",
            "<in><token>&lt;redacted&gt;</token><to>/in/&lt;redacted&gt;</to></in>",
        ),
        (
            '{"echo":"{in(token: \\"ab12cd34ef\\") {id}}","note":"it is ab12cd34ef"}',
            "application/json",
            '{"echo":"{in(token: \\"<redacted>\\") {id}}","note":"it is <redacted>"}',
        ),
        (
            '{"path":"/users?token=abc","got":"{\\"password\\":\\"ab12cd34ef\\"}","note":"it is ab12cd34ef"}',
            "application/json",
            '{"path":"/users?token=<redacted>","got":"{\\"password\\":\\"<redacted>\\"}","note":"it is <redacted>"}',
        ),
        (
            '--b\r\nContent-Type: application/json\r\n\r\n{"token":\n "ab12cd34ef"}\r\n--b\r\n\r\n'
            'HTTP/1.1 200 OK\r\n\r\n{"password":"abc"}\r\n--b--\r\n',
            "multipart/mixed; boundary=b",
            '--b\r\nContent-Type: application/json\r\n\r\n{"token":\n "<redacted>"}\r\n--b\r\n\r\n'
            'HTTP/1.1 200 OK\r\n\r\n{"password":"<redacted>"}\r\n--b--\r\n',
        ),
        ('cb({"token":"ab12cd34ef"});', "text/javascript", 'cb({"token":"<redacted>"});'),
        ("see https://x.test/?api_key=abc now", "text/plain", "see https://x.test/?api_key=<redacted> now"),
        (
            '{"token":"ab12cd34ef","note":"it is ab12cd34ef"}',
            "application/json",
            '{"token":"<redacted>","note":"it is <redacted>"}',
        ),
        ('{"a":1.10,"token":"abc"}', "application/json", '{"a":1.1,"token":"<redacted>"}'),
        ('{"token":"abc","a":NaN}', "application/json", '{"token":"<redacted>","a":NaN}'),
        ('{"token":"abc","a":"\x7f"}', "application/json", '{"token":"<redacted>","a":"\x7f"}'),
        ('{"token":"abc","a":1,"a":2}', "application/json", '{"token":"<redacted>","a":1,"a":2}'),
        ('\ufeff{"token":"abc"}', "application/json", '\ufeff{"token":"<redacted>"}'),
        (')]}\',\n{"token": ["abc"]}\n', "application/json", ')]}\',\n{"token": ["<redacted>"]}\n'),
        ('for (;;);{"token":"abc"}', "application/json", 'for (;;);{"token":"<redacted>"}'),
        ('while(1);{"token":"abc","a', "text/javascript", 'while(1);{"token":"<redacted>","a'),
        ('{"token":"abc","items":[1,', "application/json", '{"token":"<redacted>","items":[1,'),
        (
            '{"auth":{"client_token":"abc","policies":["a","b"],"lease":3600,"renewable":true,"note":null}}',
            "application/json",
            '{"auth":{"client_token":"<redacted>","policies":["<redacted>","<redacted>"],'
            '"lease":0,"renewable":true,"note":null}}',
        ),
    ],
)
def test_hidden_values_keep_their_types(text, kind, hidden):
    assert stored(text.encode(), kind=kind)[1].decode() == hidden


@pytest.mark.parametrize(
    ("kind", "data", "found"),
    [
        (None, b"", (None, None)),
        ("application/json", b'{"a": [1]}', ("json", {"a": [1]})),
        (None, b'{"a": [1]}', ("json", {"a": [1]})),
        ("application/json", b"null", ("json", None)),
        (
            "application/x-www-form-urlencoded",
            b"b=2&a=1&a=0&c=",
            ("form", {"b": "2", "a": ["1", "0"], "c": ""}),
        ),
        ("text/plain; charset=latin-1", b"\xf6", ("text", "ö")),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
            ("multipart", {"a": "1"}),
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\nContent-Type: application/json\r\n\r\n"
            b'{"b": 1}\r\n'
            b"--x\r\nContent-Disposition: form-data; name=a\r\nContent-Type: application/json\r\n\r\n"
            b"{no json\r\n--x--\r\n",
            (
                "multipart",
                {
                    "a": [
                        {"filename": None, "type": "application/json", "content": content}
                        for content in ({"b": 1}, "{no json")
                    ]
                },
            ),
        ),
        ("multipart/form-data; boundary=x", b"broken", ("text", "broken")),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nno blank\r\n--x--",
            ("text", "--x\r\nno blank\r\n--x--"),
        ),
        ("application/json", b"{no json", ("text", "{no json")),
        ("application/x-www-form-urlencoded", b"\xff", ("bytes", {"size": 1})),
    ],
)
def test_a_request_body_is_described_by_its_format(kind, data, found):
    what, value = describe_body(data, kind, None)

    if what == "bytes":
        value.pop("sha256")
    assert (what, value) == found


def test_a_compressed_request_is_compared_by_its_content():
    """The time in a gzip header does not count."""
    first, second = (gzip.compress(b'{"a":1}', mtime=time) for time in (1, 2))

    assert describe_body(first, "application/json", "gzip") == describe_body(
        second, "application/json", "gzip"
    )
