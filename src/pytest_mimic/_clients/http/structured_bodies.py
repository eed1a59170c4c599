"""Bodies that are made of heads and bodies: multipart, HTTP messages and mail.

Here they are split, and joined again, and nothing in them is hidden.

A body is split in the same way in a request and in an answer. What its parts hold is
read as a whole body of their type is.

| media type | what it is split into |
|---|---|
| `multipart/*` (RFC 2046) | delimiters, and between them parts: a head and a content |
| `application/http` (RFC 9112) | one message: a first line, a head and a content |
| `message/rfc822`, `message/global` | one message: a head and a content |

Lines end with CRLF, or with LF alone as Python's `email` writes them.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Sequence
from typing import NamedTuple

from pytest_mimic._clients.http.headers import header_parts
from pytest_mimic._clients.http.text_and_json import text_of_bytes

# Bodies that are nested deeper are read as text, so that no recursion ends in an error.
DEEPEST_NESTING = 20
#: Media types of a body that is one HTTP message, a request or a response.
HTTP_TYPES = ("application/http",)
#: Media types of a body that is one mail.
MAIL_TYPES = ("message/rfc822", "message/global")
#: Media types of a body that is one message of either kind.
MESSAGE_TYPES = (*HTTP_TYPES, *MAIL_TYPES)
# The lines of a head with the blank line after it. The line is missing where nothing
# follows the head.
_HEAD_OF_MESSAGE = re.compile(rb"(?:[^\r\n]+\r?\n)*(?:\r?\n|\Z)")
_FIRST_LINE = re.compile(
    r"(?:[A-Z]+ \S+ HTTP/[\d.]+|HTTP/[\d.]+ \d{3}\b[^\r\n]*)(?:\r?\n|\Z)"
)
# The name of a header with its colon (RFC 5322, 2.2).
_NAME_OF_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
# A header may go on in lines that begin with a blank.
_FOLD_OF_HEADER = re.compile(r"\r?\n(?=[ \t])")
# A header with the lines in which it goes on.
_WHOLE_HEADER = re.compile(r"[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*(?:\r?\n|\Z)")
_CONTENT_LENGTH = re.compile(
    r"^(content-length[ \t]*:[ \t]*)\d+", re.IGNORECASE | re.MULTILINE
)


class Message(NamedTuple):
    """A head with its content, as they stand in a body.

    Attributes:
        first_line: Of an HTTP message, with its line end; else empty.
        head: The lines of the headers with their ends, and the blank line.
        content: The rest.
    """

    first_line: str
    head: str
    content: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The headers in their order, each in one line."""
        headers = []
        for line in unfolded(self.head).splitlines():
            name, colon, value = line.partition(":")
            if colon:
                headers.append((name.strip(), value.strip()))
        return headers

    @property
    def headers_by_name(self) -> dict[str, str]:
        """The headers by their names in lower case; of equal names, the last one."""
        return {name.lower(): value for name, value in self.headers}


class Multipart(NamedTuple):
    """A multipart body: one delimiter more than parts, since one ends the body.

    The first delimiter begins with what precedes the first part, and the last one ends
    with what follows the last part.
    """

    delimiters: list[bytes]
    parts: list[Message]


def unfolded(head: str) -> str:
    """Return the lines of a head, each header in one line."""
    return _FOLD_OF_HEADER.sub("", head)


def header_lines(head: str) -> list[str]:
    """Return the lines of a head with their ends.

    The lines over which one header goes count as one line.
    """
    return _WHOLE_HEADER.findall(head)


def split_multipart(data: bytes, boundary: str) -> Multipart | None:
    """Return the parts of a multipart body; None if a body is malformed or another one.

    Such a body is read and stored as a text or as bytes. Of a request, the parts count
    in the identity.
    """
    if not boundary:
        # The content type is of another body, or names no boundary.
        return None
    # The last delimiter has `--` behind the boundary, too.
    delimiter = re.compile(
        rb"(?:\A|\r?\n)--"
        + re.escape(boundary.encode("latin-1", "replace"))
        + rb"(?:(?P<is_last>--)(?s:.*)|[ \t]*\r?\n)"
    )
    delimiters: list[bytes] = []
    parts: list[Message] = []
    end_of_delimiter = 0
    for match in delimiter.finditer(data):
        bytes_of_part = data[end_of_delimiter : match.start()]
        end_of_delimiter = match.end()
        if not delimiters:
            # What precedes the first delimiter is no part.
            delimiters.append(bytes_of_part + match[0])
            continue
        part = _message(bytes_of_part)
        if part is None:
            # The part has no head that is a text.
            return None
        parts.append(part)
        delimiters.append(match[0])
        if match["is_last"]:
            return Multipart(delimiters, parts)
    # The delimiter that ends a multipart body is missing.
    return None


def split_http(data: bytes) -> Message | None:
    """Return an HTTP message, such as one request of a batch; None if it is none."""
    line_end = data.find(b"\n") + 1 or len(data)
    first_line = text_of_bytes(data[:line_end]) or ""
    message = _message(data[line_end:])
    if message is None or not _FIRST_LINE.fullmatch(first_line):
        return None
    return message._replace(first_line=first_line)


def split_mail(data: bytes) -> Message | None:
    """Return a mail, or None if it is none."""
    message = _message(data)
    if message is None or not _NAME_OF_HEADER.match(message.head):
        return None
    return message


def split_message(data: bytes, media_type: str) -> Message | None:
    """Return the message that a body of a media type is, or None if it is none.

    It splits bodies of requests and of responses.
    """
    if media_type in HTTP_TYPES:
        return split_http(data)
    if media_type in MAIL_TYPES:
        return split_mail(data)
    return None


def _message(data: bytes) -> Message | None:
    """Return a head and its content; None if they are no head and content.

    It splits a part, a mail, or an HTTP message behind its first line.
    """
    match = _HEAD_OF_MESSAGE.match(data)
    if match is None:
        return None
    head = text_of_bytes(match[0])
    if head is None:
        return None
    return Message("", head, data[match.end() :])


def boundary_of(content_type: str | None) -> str:
    """Return the boundary of a content type.

    The text is empty if the type is not that of a multipart body.
    """
    media_type, parameters = header_parts(content_type)
    if not media_type.startswith("multipart/"):
        return ""
    return parameters.get("boundary", "")


def decode_mime_content(content: bytes, encoding: str | None) -> bytes:
    """Undo the `Content-Transfer-Encoding` of a part or mail (RFC 2045, 6).

    A content in another encoding than base64 or quoted-printable stays as it is, and so
    does broken base64.
    """
    name = (encoding or "").strip().lower()
    if name == "base64":
        try:
            return binascii.a2b_base64(content)
        except binascii.Error:
            return content
    if name == "quoted-printable":
        return quopri.decodestring(content)
    return content


def encode_mime_content(content: bytes, encoding: str) -> bytes:
    """Encode the content of a part or mail again by its `Content-Transfer-Encoding`.

    This is the reverse of `decode_mime_content`: the content is stored decoded, and a
    replay gives it the encoding that the head of its part names.

    Args:
        content: The decoded content.
        encoding: `base64` or `quoted-printable`; no other one was undone.
    """
    if encoding == "base64":
        return encode_base64(content)
    return quopri.encodestring(content)


def encode_base64(content: bytes) -> bytes:
    """Return bytes as base64 in lines of 76 characters, as mail has them (RFC 2045).

    Each line stands for 57 bytes.
    """
    lines = []
    for start in range(0, len(content), 57):
        lines.append(binascii.b2a_base64(content[start : start + 57]))
    return b"".join(lines)


def with_length(head: str, length_before: int, length_now: int) -> str:
    """Return the head of a part of a multipart body with another `Content-Length`.

    Redaction has changed the content of the part in a response. A length that was not
    that of the content before stays.

    Args:
        head: The headers of the part.
        length_before: The length of its content before, in bytes.
        length_now: The length of its content now.
    """
    header = _CONTENT_LENGTH.search(head)
    if length_before == length_now or header is None:
        return head
    name_and_colon = header[1]
    declared_length = header[0].removeprefix(name_and_colon)
    if declared_length != str(length_before):
        return head
    head_before = head[: header.start()]
    head_behind = head[header.end() :]
    return f"{head_before}{name_and_colon}{length_now}{head_behind}"


def join_multipart(delimiters: Sequence[bytes], parts: Sequence[bytes]) -> bytes:
    """Return the multipart body of a replayed response, of its delimiters and parts."""
    pieces = [delimiters[0]]
    for part, delimiter in zip(parts, delimiters[1:], strict=True):
        pieces += [part, delimiter]
    return b"".join(pieces)
