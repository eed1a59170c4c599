"""The body of a request as plain data without secrets, by which it counts and is shown.

A change of the plain data makes the recordings of requests with such a body misses. The
bodies of responses are in `response_body.py`. A part of a body is read and hidden as a
whole body of its type is. What a body is, by its format:

| format | plain data |
|---|---|
| `json` | the value |
| `form` | the fields by name, as those of a query |
| `multipart` | the parts by name; several of one name, or of none, as a list |
| `http` | `method`, `path` and `query`, or `status`; `headers`, `body` |
| `mail` | `headers`, `body` |
| `text` | the text |
| `bytes` | the size and the hash |

A part is the text of a field, or, of a file or another type,
`{"filename": …, "type": …, "content": …}`, where the content is a body again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_mimic._clients.http import structured_bodies
from pytest_mimic._clients.http.compression import inflate
from pytest_mimic._clients.http.headers import (
    ANYTHING,
    CHOOSING,
    header_parts,
    without_boundary,
)
from pytest_mimic._clients.http.text_and_json import json_of, text_of_bytes
from pytest_mimic.client import Secrets, parse_form


class RequestBody(NamedTuple):
    """A body, or the content of a part: its format, and its plain data."""

    format: str
    value: Any


def describe_body(
    data: bytes, content_type: str | None, encoding: str | None
) -> tuple[str, Any]:
    """Return the format of a request's whole body, and its plain data with secrets.

    The body is not empty. One in a `Content-Encoding` is decompressed first, if it can
    be: else its bytes count.
    """
    if encoding:
        inflated_chunks = inflate([data], encoding)
        if inflated_chunks is not None:
            data = b"".join(inflated_chunks)
    return _read_body(data, content_type, depth=0)


def digest(data: bytes) -> dict[str, Any]:
    """Return the size and the hash of binary data, which count in its place."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _is_digest(content: dict[str, Any]) -> bool:
    """Check whether plain data is a digest, not the fields of a multipart body."""
    return content.keys() == {"size", "sha256"} and isinstance(content["size"], int)


def _read_body(data: bytes, content_type: str | None, *, depth: int) -> RequestBody:
    """Return a request's body, or a part's content that lies `depth` parts deep."""
    media_type, parameters = header_parts(content_type)
    if depth < structured_bodies.DEEPEST_NESTING:
        structured_body = _read_structured(data, content_type, media_type, depth)
        if structured_body is not None:
            return structured_body
    text = text_of_bytes(data, parameters.get("charset", "utf-8"))
    if text is None:
        # The body is binary, and counts by its hash.
        return RequestBody("bytes", digest(data))
    if media_type == "application/x-www-form-urlencoded":
        return RequestBody("form", parse_form(text))
    value = json_of(text, media_type)
    # `json_of` gives back a text that is no JSON.
    if value is text:
        return RequestBody("text", text)
    return RequestBody("json", value)


def _read_structured(
    data: bytes, content_type: str | None, media_type: str, depth: int
) -> RequestBody | None:
    """Return a body that is made of heads and bodies: multipart, HTTP or mail.

    None: the body is another one, or is not as its media type says. It then counts as a
    text or as bytes.
    """
    multipart = structured_bodies.split_multipart(
        data, structured_bodies.boundary_of(content_type)
    )
    if multipart is not None:
        values_by_name: dict[str, list[Any]] = {}
        for part in multipart.parts:
            field_name, value = _read_part(part, depth)
            values_by_name.setdefault(field_name, []).append(value)
        # The order of fields with different names does not count.
        fields: dict[str, Any] = {}
        for field_name, values in values_by_name.items():
            is_repeated = len(values) > 1
            fields[field_name] = values if is_repeated else values[0]
        return RequestBody("multipart", fields)
    message = structured_bodies.split_message(data, media_type)
    if message is None:
        return None
    if message.first_line:
        return RequestBody("http", _read_http(message, depth))
    return RequestBody("mail", _read_mail(message, depth))


def _read_part(part: structured_bodies.Message, depth: int) -> tuple[str, Any]:
    """Return the name of a multipart field and the value by which it counts.

    The value of a file is a mapping, that of another field its text.
    """
    headers = part.headers_by_name
    _, disposition = header_parts(headers.get("content-disposition"))
    filename = disposition.get("filename*", disposition.get("filename"))
    content_type = headers.get("content-type")
    content = structured_bodies.decode_mime_content(
        part.content, headers.get("content-transfer-encoding")
    )
    is_text = not content_type or content_type.startswith("text/plain")
    value: Any
    if filename is None and is_text:
        # The text of a field counts as it is, also where it is JSON: several fields of
        # one name are a list.
        _, parameters = header_parts(content_type)
        value = text_of_bytes(content, parameters.get("charset", "utf-8"))
        if value is None:
            value = digest(content)
    else:
        # Clients make the boundary in a type anew for each request.
        value = {
            "filename": filename,
            "type": content_type and without_boundary(content_type),
            "content": _content_of_part(content, content_type, depth),
        }
    return disposition.get("name", ""), value


def _content_of_part(content: bytes, content_type: str | None, depth: int) -> Any:
    """Return the plain data of a part's content, whose format is not told."""
    body = _read_body(content, content_type, depth=depth + 1)
    if body.format == "json" and isinstance(body.value, str):
        # A JSON text that is a string keeps its quotes, since the format of a part is
        # not told: a text that is no JSON has none.
        return text_of_bytes(content)
    return body.value


def _read_http(message: structured_bodies.Message, depth: int) -> dict[str, Any]:
    """Return the plain data of an HTTP message in a body: what counts of it.

    A request has `method`, `path` and `query`, an answer `status`; both have `headers`
    and `body`.
    """
    # `GET /users?id=1 HTTP/1.1` of a request, `HTTP/1.1 200 OK` of an answer.
    first_word, second_word, _ = message.first_line.split(" ", 2)
    first_line: dict[str, Any]
    if first_word.startswith("HTTP/"):
        first_line = {"status": int(second_word[:3])}
    else:
        path, _, query = second_word.partition("?")
        first_line = {"method": first_word, "path": path, "query": parse_form(query)}
    # Other headers do not count, as those of a whole request do not.
    counted_headers = {}
    for name, value in message.headers:
        lower_name = name.lower()
        if lower_name == "content-type":
            counted_headers[lower_name] = without_boundary(value)
        elif lower_name in CHOOSING and value != ANYTHING:
            counted_headers[lower_name] = value
    body = _content_of(message, depth)
    return {**first_line, "headers": counted_headers, "body": body}


def _read_mail(message: structured_bodies.Message, depth: int) -> dict[str, Any]:
    """Return the plain data of a mail in a request: its `headers` and its `body`.

    All headers count, but for the boundary of a multipart mail.
    """
    values_by_name: dict[str, list[str]] = {}
    for name, value in message.headers:
        lower_name = name.lower()
        if lower_name == "content-type":
            value = without_boundary(value)
        values_by_name.setdefault(lower_name, []).append(value)
    headers = {name: ", ".join(values) for name, values in values_by_name.items()}
    return {"headers": headers, "body": _content_of(message, depth)}


def _content_of(message: structured_bodies.Message, depth: int) -> Any:
    """Return the plain data of a message's content; None if that is blank."""
    headers = message.headers_by_name
    content = structured_bodies.decode_mime_content(
        message.content, headers.get("content-transfer-encoding")
    )
    if not content.strip():
        return None
    return _content_of_part(content, headers.get("content-type"), depth)


# What is secret in the body of a request, and in its parts


def hide_body(body_format: str, plain_body: Any, secrets: Secrets) -> Any:
    """Return the plain data of a request's body without secrets.

    It counts in the identity, and messages show it.
    """
    if body_format == "text":
        return secrets.text(plain_body)

    def hidden_headers_of(headers: dict[str, str]) -> dict[str, str]:
        """Return the headers of a message in the body without secrets."""
        return {name: secrets.header(name, text) for name, text in headers.items()}

    return secrets.scrub(
        _with_replaced_texts(body_format, plain_body, secrets.text, hidden_headers_of)
    )


def learn_body(body_format: str, plain_body: Any, secrets: Secrets) -> None:
    """Learn the secrets of a request's body, which its answer may repeat."""
    if body_format == "text":
        # `Secrets.text` learns what it hides.
        secrets.text(plain_body)
        return

    def learn_headers(headers: dict[str, str]) -> dict[str, str]:
        """Learn the secrets in the headers of a message in the body, which stay."""
        secrets.learn_headers(headers.items())
        return headers

    # Only what is learned on the way matters: the body stays as it is.
    _with_replaced_texts(body_format, plain_body, secrets.text, learn_headers)
    secrets.learn(plain_body)


def _with_replaced_texts(
    body_format: str,
    plain_body: Any,
    replace_text: Callable[[str], str],
    replace_headers: Callable[[dict[str, str]], dict[str, str]],
) -> Any:
    """Return a request's body with other texts and headers of its parts.

    `hide_body` and `learn_body` reach all texts and headers by it, wherever these lie.
    What has a structure of its own, such as JSON, stays: both go through it themselves.

    Args:
        body_format: A format of this module's table.
        plain_body: The plain data of the body.
        replace_text: Returns what stands in place of a text.
        replace_headers: Returns what stands in place of the headers of a message.
    """
    if body_format == "text":
        return replace_text(plain_body)
    if body_format == "multipart":
        fields = {}
        for name, part in plain_body.items():
            fields[name] = _replaced_part(part, replace_text, replace_headers)
        return fields
    if body_format in ("http", "mail"):
        # The message in the body has a body of its own.
        content = plain_body["body"]
        media_type, _ = header_parts(plain_body["headers"].get("content-type"))
        format_of_content = _format_of_content(content, media_type)
        headers = replace_headers(plain_body["headers"])
        content = _with_replaced_texts(
            format_of_content, content, replace_text, replace_headers
        )
        return {**plain_body, "headers": headers, "body": content}
    return plain_body


def _replaced_part(
    part: Any,
    replace_text: Callable[[str], str],
    replace_headers: Callable[[dict[str, str]], dict[str, str]],
) -> Any:
    """Return a part of a multipart request with other texts and headers.

    Args:
        part: The value that `_read_part` has made of the part, or the list of several
            parts with one name.
        replace_text: As for `_with_replaced_texts`.
        replace_headers: As for `_with_replaced_texts`.
    """
    if isinstance(part, list):
        return [_replaced_part(item, replace_text, replace_headers) for item in part]
    if isinstance(part, str):
        return replace_text(part)
    has_own_type = isinstance(part, dict) and part.keys() >= {"type", "content"}
    if not has_own_type:
        # The part is the digest of its bytes.
        return part
    media_type, _ = header_parts(part["type"])
    format_of_part = _format_of_content(part["content"], media_type)
    content = _with_replaced_texts(
        format_of_part, part["content"], replace_text, replace_headers
    )
    return {**part, "content": content}


def _format_of_content(content: Any, media_type: str) -> str:
    """Return the format by which the texts in the content of a part are replaced.

    It counts in no identity. The plain data of a part does not have its format, so the
    media type and the content itself tell it. Any content without texts to replace is
    taken for `json`, a digest of bytes, too.
    """
    if isinstance(content, str):
        return "text"
    if isinstance(content, dict) and not _is_digest(content):
        # A content that could not be split may be JSON, whatever its type says.
        is_message = content.keys() >= {"headers", "body"}
        if media_type.startswith("multipart/"):
            return "multipart"
        if is_message and media_type in structured_bodies.HTTP_TYPES:
            return "http"
        if is_message and media_type in structured_bodies.MAIL_TYPES:
            return "mail"
    return "json"
