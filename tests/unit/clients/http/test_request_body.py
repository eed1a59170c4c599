"""What a request's body is, part by part, with and without its secrets."""

from __future__ import annotations

from json import dumps

import pytest

from pytest_mimic._clients.http.request_body import (
    describe_body,
    digest,
    hide_body,
    learn_body,
)
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.call_secrets import Secrets


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


def multipart(*heads_and_texts, boundary="x", line_end=b"\r\n"):
    """Return a multipart body with its content type."""
    lines = []
    for head, content in heads_and_texts:
        lines += [b"--" + boundary.encode(), *head.splitlines(), b"", content]
    body = line_end.join([*lines, b"--" + boundary.encode() + b"--", b""])
    return f"multipart/mixed; boundary={boundary}", body


REQUEST = (
    b"POST /x?access_token=url-secret-123456&page=2 HTTP/1.1\r\n"
    b"Authorization: Bearer head-secret-123456\r\nHost: shop.test\r\nPrefer: a\r\n"
    b'Content-Type: application/json\r\n\r\n{"password": "body-secret-123456"}'
)
MAIL = (
    b"From: a@shop.test\r\nX-Api-Key: head-secret-123456\r\n"
    b"Content-Type: text/plain\r\n\r\nPASSWORD=body-secret-123456\r\n"
)
INNER_KIND, INNER = multipart(
    (b"Content-Type: application/http", REQUEST),
    (b"Content-Type: message/rfc822", MAIL),
    boundary="inner",
)
# The fields of a form that are called as the parts of a digest of bytes.
FORM_KIND, FORM = multipart(
    (b"Content-Disposition: form-data; name=size", b"A=1"),
    (
        b"Content-Disposition: form-data; name=sha256",
        b"PASSWORD=line-secret-123456\nA=1",
    ),
    boundary="inner",
)
LINES = b'{"password": "line-secret-123456"}\n{"a": 1}\n'
PARTS = {
    "lines": (b"", b"PASSWORD=line-secret-123456\nA=1"),
    "typed lines": (b"Content-Type: text/plain", b"A=1\nPASSWORD=line-secret-123456"),
    "file": (
        b'Content-Disposition: form-data; name=f; filename="a.env"',
        b"PASSWORD=line-secret-123456\nA=1",
    ),
    "lines of JSON": (b"Content-Type: application/jsonl", LINES),
    "form": (
        b"Content-Type: application/x-www-form-urlencoded",
        b"password=form-secret-123456&a=1",
    ),
    "request": (b"Content-Type: application/http", REQUEST),
    "answer": (
        b"Content-Type: application/http",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=head-secret-123456\r\n\r\n",
    ),
    "mail": (b"Content-Type: message/rfc822", MAIL),
    "nested": (b"Content-Type: " + INNER_KIND.encode(), INNER),
    "nested like a digest": (b"Content-Type: " + FORM_KIND.encode(), FORM),
    "base64": (
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64",
        b"UEFTU1dPUkQ9bGluZS1zZWNyZXQtMTIzNDU2CkE9MQ==",
    ),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_no_part_of_a_body_has_a_secret(part):
    kind, data = multipart(part)
    body_format, value = describe_body(data, kind, None)
    secrets = Secrets(Redactor())

    hidden = hide_body(body_format, value, secrets)

    assert "secret-123456" in repr(value) or part is PARTS["answer"]
    assert "secret-123456" not in repr(hidden)
    assert hide_body(body_format, hidden, Secrets(Redactor())) == hidden


@pytest.mark.parametrize("part", [PARTS["request"], PARTS["mail"], PARTS["nested"]])
def test_an_answer_may_repeat_the_secret_of_a_part(part):
    kind, data = multipart(part)
    secrets = Secrets(Redactor())

    learn_body(*describe_body(data, kind, None), secrets)

    assert secrets.text("you sent body-secret-123456") == "you sent <redacted>"


@pytest.mark.parametrize("name", PARTS)
def test_the_framing_of_a_body_does_not_count(name):
    """Boundaries, ids of parts and line ends are made anew by the client."""
    one = multipart(PARTS[name])
    head, content = PARTS[name]
    renamed = content.replace(b"inner", b"other")
    again = multipart(
        (b"Content-ID: <77 + 1>\n" + head.replace(b"inner", b"other"), renamed),
        boundary="==y==",
        line_end=b"\n",
    )

    assert describe_body(*reversed(one), None) == describe_body(*reversed(again), None)


def test_what_a_part_says_counts():
    kinds_and_bodies = [
        multipart((b"Content-Type: application/http", REQUEST.replace(*change)))
        for change in [
            (b"page=2", b"page=3"),
            (b"/x?", b"/y?"),
            (b"Prefer: a", b"Prefer: b"),
            (b"POST", b"PUT"),
            (b'"password"', b'"name"'),
            (b"", b""),
        ]
    ]

    described = [
        repr(describe_body(data, kind, None)) for kind, data in kinds_and_bodies
    ]

    assert len(set(described)) == len(described)


@pytest.mark.parametrize(
    "media_type", ["multipart/mixed", "application/http", "message/rfc822"]
)
@pytest.mark.parametrize("content", [{"a": 1}, {"a": {"content": "b"}}, {"body": "b"}])
def test_a_part_may_be_json_whatever_its_type_says(media_type, content):
    head = f"Content-Type: {media_type}".encode()
    kind, data = multipart((head, dumps(content).encode()))
    body_format, value = describe_body(data, kind, None)

    hidden = hide_body(body_format, value, Secrets(Redactor()))

    assert hidden == value
    assert hidden[""]["content"] == content


def test_fields_are_no_list_in_json():
    """Two fields of one name differ from one whose text is a list in JSON."""
    named = b"Content-Disposition: form-data; name=a"
    two, one = multipart((named, b"x"), (named, b"y")), multipart((named, b'["x","y"]'))

    assert describe_body(*reversed(two), None) != describe_body(*reversed(one), None)


def test_a_mail_is_the_same_with_other_boundaries():
    def mail(boundary):
        head = f"Subject: hi\nContent-Type: multipart/alternative; boundary={boundary}"
        _, content = multipart((b"Content-Type: text/html", b"<p>"), boundary=boundary)
        return head.encode() + b"\n\n" + content

    one, other = (
        describe_body(mail(boundary), "message/rfc822", None) for boundary in "ab"
    )

    assert one == other
    assert one.format == "mail"


def test_a_body_that_is_nested_without_end_is_read():
    data, kind = b"x", "text/plain"
    for number in range(100):
        kind, data = multipart(
            (f"Content-Type: {kind}".encode(), data), boundary=f"b{number}-"
        )

    assert describe_body(data, kind, None).format == "multipart"
