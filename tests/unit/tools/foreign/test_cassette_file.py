"""Cassettes of vcrpy are read as they are: all shapes since 1.0, and nothing in them is run."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_mimic._clients.http.responses import StoredResponse, store_response
from pytest_mimic._core.redact.redactor import NO_REDACTION
from pytest_mimic._core.seam.call_secrets import Secrets
from pytest_mimic._tools.foreign.cassette_file import (
    ForeignExchange,
    UnreadableError,
    read_cassette,
    read_entry,
)

RECORDED = Path(__file__).parents[3] / "vcr_cassettes"


def stored(exchange):
    """Return the response of an exchange as a recording has it."""
    chunks = [exchange.content] if exchange.content else []
    secrets = Secrets(NO_REDACTION)
    return store_response(exchange.head, chunks, secrets=secrets)


def read_one(
    folder,
    response,
    request="{method: GET, uri: 'http://shop.test/', body: null, headers: {}}",
):
    """Write a cassette with one entry, and return that entry's stored response."""
    file = folder / "one.yaml"
    file.write_text(
        f"version: 1\ninteractions:\n- request: {request}\n  response: {response}\n",
        "utf-8",
    )
    (exchange,) = read_cassette(file)
    return stored(exchange)


@pytest.mark.parametrize("client", ["requests", "httpx", "aiohttp"])
def test_what_vcrpy_recorded_through_each_client_is_read(client):
    found = {}
    for exchange in read_cassette(RECORDED / f"{client}.yaml"):
        sent = exchange.request
        found[f"{sent.method} {sent.url.removeprefix('http://api.shop.test:8080')}"] = (
            stored(exchange)
        )

    assert found["GET /users?b=2&a=1"]["body"]["json"]["query"] == "b=2&a=1"
    assert found["GET /gzip"]["body"]["json"]["path"] == "/gzip"
    assert found["GET /br"]["body"]["json"]["path"] == "/br"
    assert base64.b64decode(found["GET /binary"]["body"]["base64"]) == bytes(range(256))
    assert found["GET /chunked"]["body"] == {"text": "one two"}
    assert found["GET /missing"]["status"] == 404
    cookies = [
        value
        for name, value in found["GET /cookies"]["headers"]
        if name.lower() == "set-cookie"
    ]
    assert cookies == ["a=1; Path=/", "b=2; Path=/"]
    assert found["GET /redirect"]["status"] == 302
    assert "body" not in found["GET /redirect"]


@pytest.mark.parametrize("client", ["requests", "httpx", "aiohttp"])
def test_a_compressed_body_is_plain(client):
    """Whether vcrpy kept it compressed, as for requests, or decompressed it, as for aiohttp."""
    exchanges = read_cassette(RECORDED / f"{client}.yaml")
    (exchange,) = (one for one in exchanges if one.request.url.endswith("/gzip"))

    response = StoredResponse(stored(exchange), "GET")

    names = [name.lower() for name, _ in response.headers]
    assert "content-encoding" not in names
    assert json.loads(b"".join(response.chunks))["path"] == "/gzip"


def test_the_arguments_that_vcrpy_keeps_of_aiohttp_are_bodies():
    posts = [
        one.request
        for one in read_cassette(RECORDED / "aiohttp.yaml")
        if one.request.method == "POST"
    ]

    assert [json.loads(one.body) for one in posts] == [
        {"n": [1, 2.5], "s": "ä"},
        {"x": "1", "y": "ü"},
    ]


def test_json_cassettes_are_read():
    get, post = read_cassette(RECORDED / "plain.json")

    assert (get.request.method, get.request.url) == (
        "GET",
        "http://api.shop.test:8080/users?a=1",
    )
    assert (post.request.body, stored(post)["body"]["json"]["body"]) == (
        b'{"a": 1}',
        '{"a": 1}',
    )
    assert ("Content-Type", "application/json") in post.request.headers


@pytest.mark.parametrize(
    ("response", "expected"),
    {
        "httpx of vcrpy 4": (
            "{status_code: 200, http_version: HTTP/1.1, content: hello, headers: {Content-Encoding: [gzip]}}",
            {"text": "hello"},
        ),
        "Python 2": (
            "{status: {code: 200, message: !!python/unicode 'OK'}, headers: {}, "
            "body: {string: !!python/unicode 'hello'}}",
            {"text": "hello"},
        ),
        "binary": (
            "{status: {code: 200, message: OK}, headers: {}, body: {string: !!binary /w==}}",
            {"base64": "/w=="},
        ),
        "body as text": (
            "{status: {code: 200, message: OK}, headers: {}, body: hello}",
            {"text": "hello"},
        ),
        "tornado": (
            "{status: {code: 200, message: OK}, headers: [!!python/tuple [Content-Type, [application/json]]], "
            "url: 'http://shop.test/', body: {string: '[1]'}}",
            {"json": [1]},
        ),
        "no body": (
            "{status: {code: 200, message: null}, headers: {}, body: {}}",
            None,
        ),
        "zstd that is plain": (
            "{status: {code: 200, message: OK}, headers: {Content-Encoding: [zstd]}, body: {string: hello}}",
            {"text": "hello"},
        ),
        "deflate that is plain": (
            "{status: {code: 200, message: OK}, headers: {Content-Encoding: [deflate]}, body: {string: '[]'}}",
            {"json": []},
        ),
        "br that is plain": (
            "{status: {code: 200, message: OK}, headers: {Content-Encoding: [br]}, body: {string: OK}}",
            {"text": "OK"},
        ),
        "gzip that is plain and binary": (
            "{status: {code: 200, message: OK}, headers: {Content-Encoding: [gzip]}, "
            "body: {string: !!binary AP8=}}",
            {"base64": "AP8="},
        ),
    }.values(),
    ids=str,
)
def test_older_shapes_of_a_response_are_read(tmp_path, response, expected):
    found = read_one(tmp_path, response)

    assert found["reason"] == "OK"
    assert (found["status"], found["version"], found.get("body")) == (
        200,
        "HTTP/1.1",
        expected,
    )


def test_headers_that_the_body_contradicts_are_put_right(tmp_path):
    decoded = "{Content-Length: ['99'], Transfer-Encoding: [chunked]}"
    full = read_one(
        tmp_path,
        f"{{status: {{code: 200}}, headers: {decoded}, body: {{string: hello}}}}",
    )
    empty = read_one(
        tmp_path,
        "{status: {code: 200}, headers: {Content-Length: ['99']}, body: {string: ''}}",
    )
    head = read_one(
        tmp_path,
        "{status: {code: 200}, headers: {Content-Length: ['99']}, body: {string: ''}}",
        request="{method: HEAD, uri: 'http://shop.test/', body: null}",
    )

    assert StoredResponse(full, "GET").headers == [("Content-Length", "5")]
    assert StoredResponse(empty, "GET").headers == [("Content-Length", "0")]
    assert StoredResponse(head, "HEAD").headers == [("Content-Length", "99")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("null", b""),
        ("n=1", b"n=1"),
        ("!!binary /w==", b"\xff"),
        ("!!python/unicode 'é'", "é".encode()),
        (
            "!!python/object/new:_io.BytesIO {state: !!python/tuple [!!binary /w==, 0, null]}",
            b"\xff",
        ),
    ],
)
def test_bodies_of_requests_are_read(tmp_path, body, expected):
    file = tmp_path / "one.yaml"
    file.write_text(
        f"interactions:\n- request: {{method: post, uri: 'http://shop.test/', headers: {{}}, body: {body}}}\n"
        "  response: {status: {code: 200, message: OK}, headers: {}, body: {string: ''}}\n",
        "utf-8",
    )

    (exchange,) = read_cassette(file)

    assert exchange.request == ("POST", "http://shop.test/", (), expected)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch RAN']",
        "!!python/object/new:os.system ['touch RAN']",
        "!!python/object:subprocess.Popen {args: 'touch RAN'}",
        "!!python/object/apply:builtins.iter {args: [[ab, cd]]}",
        "!!python/name:os.system ''",
        "!!python/module:this ''",
    ],
)
def test_a_tag_of_a_python_object_is_refused_and_nothing_is_run(
    tmp_path, tag, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        UnreadableError,
        match=r"line 4: the tag !!python/\S+ asks for a Python object; nothing",
    ):
        read_one(tmp_path, f"{{status: {{code: 200}}, headers: {{}}, body: {tag}}}")
    assert not (tmp_path / "RAN").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"interactions: [", "is damaged, line"),
        (b"interactions: \0", "is damaged, "),
        (
            b"interactions: &a b\nother: *c\n",
            "is damaged, line 2: found undefined alias",
        ),
        (
            b"interactions: !!int '1'\n? !!python/tuple [[]]\n: 1\n",
            "is damaged, line 2: ",
        ),
        (b"{}", "is not a cassette of vcrpy: it has no list of interactions"),
        (b"hello", "is not a cassette of vcrpy"),
        (b"\xff\xfe", "it is not text in UTF-8"),
        (
            b"interactions:\n<<<<<<< HEAD\n- {}\n=======\n>>>>>>> other\n",
            "is damaged, line ",
        ),
        (b"interactions:\n- !!int x\n", "is damaged"),
    ],
)
def test_a_file_that_is_no_cassette_is_refused_with_the_reason(
    tmp_path, content, problem
):
    file = tmp_path / "one.yaml"
    file.write_bytes(content)

    with pytest.raises(UnreadableError) as raised:
        read_cassette(file)

    assert problem in str(raised.value)
    assert "None" not in str(raised.value)


@pytest.mark.parametrize("tag", ["!!int", "!!bool", "!!float", "!!timestamp"])
def test_a_value_that_does_not_fit_its_tag_is_not_shown(tmp_path, tag):
    file = tmp_path / "one.yaml"
    file.write_text(f"password: {tag} hunter2\n")

    with pytest.raises(UnreadableError, match="is damaged") as raised:
        read_cassette(file)

    assert "hunter2" not in str(raised.value)


def test_a_json_file_that_is_cut_off_is_named(tmp_path):
    file = tmp_path / "one.json"
    file.write_text('{"interactions": [')

    with pytest.raises(UnreadableError, match=r"is damaged: .* line 1"):
        read_cassette(file)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{request: {method: GET, body: null}, response: {status: {code: 200}, body: {}}}", "'uri' is missing"),
        ("7", "it is none that vcrpy writes"),
        ("{request: {method: GET, uri: 'http://a.test/', body: null}, response: {status: 200, parsed_body: {id: 1}}}", "'body' is missing"),
    ],
)  # fmt: skip
def test_a_file_with_an_entry_that_cannot_be_read_is_refused(tmp_path, entry, problem):
    """A body under a key of another serializer is not taken for an empty one."""
    sound = "{request: {method: GET, uri: 'http://shop.test/', body: null}, response: {status: {code: 200}, body: {}}}"
    file = tmp_path / "one.yaml"
    file.write_text(f"interactions:\n- {sound}\n- {entry}\n")

    with pytest.raises(UnreadableError, match=f"^entry 2 cannot be read: {problem}$"):
        read_cassette(file)


@pytest.mark.parametrize(
    ("name", "what"),
    [("one.yaml", "YAML"), ("pytest.ini", "not JSON, perhaps YAML")],
    ids=["yaml", "other"],
)
def test_without_pyyaml_the_error_says_how_to_install_it(tmp_path, name, what):
    (tmp_path / name).write_text("interactions: []\n")
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from pathlib import Path\n"
        "from pytest_mimic._tools.foreign.cassette_file import read_cassette\n"
        f"try:\n    read_cassette(Path('{name}'))\n"
        "except Exception as error:\n    print(error)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (
        done.stdout
        == f"{name} is {what}, and PyYAML is not installed\n  pip install pytest-mimic[import]\n"
    )


URI = "http://shop.test/"


def read(request: dict[str, Any] | None = None, **response: Any) -> ForeignExchange:
    asked = {
        "method": "GET",
        "uri": URI,
        "body": None,
        "headers": {},
        **(request or {}),
    }
    return read_entry(
        {
            "request": asked,
            "response": {"status": 200, "headers": {}, "body": "", **response},
        },
        1,
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, b""),
        (True, b"true"),
        (bytearray(b"a"), b"a"),
        ({"a": [1]}, b'{"a": [1]}'),
        ({"string": "a"}, b'{"string": "a"}'),
    ],
    ids=str,
)
def test_the_body_of_a_request_is_what_was_sent_or_the_argument(body, expected):
    assert read({"body": body}).request.body == expected


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({}, b'{"a": "1"}', "application/json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=1", None),
        ({"Content-Type": "application/vnd.shop+json"}, b'{"a": "1"}', None),
    ],
    ids=str,
)
def test_an_argument_of_aiohttp_is_a_form_only_where_its_headers_say_so(
    headers, body, kind
):
    found = read({"body": {"a": "1"}, "headers": headers}).request

    assert found.body == body
    assert dict(found.headers) == (headers if kind is None else {"Content-Type": kind})


@pytest.mark.parametrize(
    ("body", "content"),
    [({"string": "é"}, b"\xc3\xa9"), ({"string": b"\xff"}, b"\xff"), ({}, b"")],
    ids=str,
)
def test_the_body_of_a_response_is_text_or_bytes(body, content):
    assert read(body=body).content == content


@pytest.mark.parametrize(
    ("headers", "pairs"),
    [
        (None, []),
        ({"A": ["b", "c"], b"D": b"e"}, [["A", "b"], ["A", "c"], ["D", "e"]]),
        ([["A", "b"], ("C", 1)], [["A", "b"], ["C", "1"]]),
        (
            {"A": "b\r\n c", "N": None, "B": True},
            [["A", "b c"], ["N", ""], ["B", "true"]],
        ),
        ({"A": "é", "B": "日"}, [["A", "é"], ["B", "æ\x97¥"]]),
    ],
    ids=str,
)
def test_headers_are_pairs_of_texts_whose_characters_are_bytes(headers, pairs):
    assert read(headers=headers).head["headers"] == pairs


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (404, (404, "Not Found")),
        ("299", (299, "")),
        ({"code": 200, "message": None}, (200, "OK")),
        ({"code": 200, "message": b"Fine"}, (200, "Fine")),
    ],
    ids=str,
)
def test_a_status_without_a_reason_has_the_usual_one(status, line):
    head = read(status=status).head

    assert (head["status"], head["reason"]) == line


@pytest.mark.parametrize(
    ("encoding", "content", "is_kept"),
    [
        ("gzip", b"\xff\0", False),
        ("gzip", gzip.compress(b"a", mtime=0), True),
        ("deflate", b"\xff\0", False),
        ("compress", b"\xff\0", True),
        ("br", b"a text", False),
    ],
)
def test_a_body_that_is_not_in_its_encoding_is_decompressed_already(
    encoding, content, is_kept
):
    found = read(headers={"Content-Encoding": encoding}, body={"string": content})

    assert bool(found.head["headers"]) is is_kept


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        ({"method": 3}, {}),
        ({"uri": None}, {}),
        ({}, {"headers": 3}),
        ({}, {"headers": {"A": [["b"]]}}),
        ({}, {"body": ["a"]}),
        ({}, {"body": {"base64_string": "a"}}),
        ({}, {"status": None}),
        ({}, {"status": {"code": float("inf")}}),
        ({}, {"status": 99}),
        ({"headers": "Accept"}, {}),
    ],
    ids=range(10),
)
def test_what_is_no_request_with_its_response_is_refused(tmp_path, request_, response):
    entry = {
        "request": {"method": "GET", "uri": URI, "body": None, **request_},
        "response": {"status": 200, "body": "", **response},
    }
    (tmp_path / "one.json").write_text(json.dumps({"interactions": [entry]}))

    with pytest.raises(
        UnreadableError, match=r"^entry 1 cannot be read: it is none that vcrpy writes$"
    ):
        read_cassette(tmp_path / "one.json")


ALIASES = "a0: &a0 {x: y}\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 12)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {x: y}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 12)}]}}\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{ALIASES}interactions: [*a9]\n", "its aliases stand for more than"),
        (f"{MERGES}interactions: [*a9]\n", "its aliases stand for more than"),
        ("interactions: &a [*a]\n", "a value holds itself"),
    ],
    ids=["aliases", "merged keys", "itself"],
)
def test_aliases_do_not_grow_beyond_a_bound(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "cassette.yaml"
    path.write_text(text)

    with pytest.raises(UnreadableError, match=problem):
        read_cassette(path)
