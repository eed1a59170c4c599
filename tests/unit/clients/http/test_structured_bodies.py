"""Bodies that are made of heads and bodies are split, and joined as they were."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.http import structured_bodies


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_a_multipart_body_is_joined_as_it_was(line_end: bytes) -> None:
    lines = [b"preamble", b"--b  ", b"A: 1", b" more", b"", b"one", b"--b", b"", b"two", b"--b--", b"end"]  # fmt: skip
    data = line_end.join(lines)

    multipart = structured_bodies.split_multipart(data, "b")

    assert multipart is not None
    assert [part.content for part in multipart.parts] == [b"one", b"two"]
    assert [part.headers for part in multipart.parts] == [[("A", "1 more")], []]
    heads_and_contents = [part.head.encode() + part.content for part in multipart.parts]
    assert (
        structured_bodies.join_multipart(multipart.delimiters, heads_and_contents)
        == data
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"no delimiter", b"--b\r\n\r\nnever ended", b"--b\r\nno blank\r\n--b--"],
)
def test_a_malformed_body_has_no_parts(data: bytes) -> None:
    assert structured_bodies.split_multipart(data, "b") is None


@pytest.mark.parametrize(
    ("data", "first_line", "content"),
    [
        (b"GET /a HTTP/1.1\r\nA: b\r\n\r\n", "GET /a HTTP/1.1\r\n", b""),
        (b"GET /a HTTP/1.1", "GET /a HTTP/1.1", b""),
        (b"HTTP/1.1 200 OK\nA: b\n\nc\n", "HTTP/1.1 200 OK\n", b"c\n"),
    ],
)
def test_an_http_message_is_split(data: bytes, first_line: str, content: bytes) -> None:
    message = structured_bodies.split_http(data)

    assert message is not None
    assert (message.first_line, message.content) == (first_line, content)


@pytest.mark.parametrize("data", [b"say GET /a HTTP/1.1\r\n\r\n", b"GET /a\r\n\r\n"])
def test_another_text_is_no_http_message(data: bytes) -> None:
    assert structured_bodies.split_http(data) is None


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_a_transfer_encoding_is_undone(encoding: str) -> None:
    encoded = structured_bodies.encode_mime_content("Grüße = 1".encode() * 20, encoding)

    assert (
        structured_bodies.decode_mime_content(encoded, encoding)
        == "Grüße = 1".encode() * 20
    )


def test_a_length_follows_its_content() -> None:
    assert structured_bodies.with_length(
        "A: 1\r\nContent-Length: 9\r\n\r\n", 9, 12
    ) == ("A: 1\r\nContent-Length: 12\r\n\r\n")
    assert (
        structured_bodies.with_length("Content-Length: 8\r\n", 9, 12)
        == "Content-Length: 8\r\n"
    )
