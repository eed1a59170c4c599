"""Cassettes of vcrpy and pytest-recording, in YAML and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from http.client import responses
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pytest_mimic._clients.http.encodings import inflate
from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic._clients.http.media_types import as_text, header_of, header_parts
from pytest_mimic.errors import MimicError

_FORM = "application/x-www-form-urlencoded"
# Encodings that each Python decompresses.
_KNOWN = ("gzip", "x-gzip", "deflate")
# Statuses whose responses have no body, whatever their Content-Length says.
_BODILESS = (204, 304)
_PYTHON = "tag:yaml.org,2002:python/"
# How much larger than its file the data of a cassette may be, in characters.
_MOST_GROWTH = 20
_LEAST_GROWTH = 64 << 20
# What reading data of another shape raises.
_MISSHAPED = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
)


class UnreadableError(ValueError):
    """A file that cannot be read: what is wrong with it, without secrets."""


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them. They may hold secrets."""

    number: int  # its place in the file, from 1
    request: HttpRequest
    head: dict[str, Any]  # status, reason, version and headers of the response
    content: bytes  # the body of the response


def read_cassette(path: Path) -> list[ForeignExchange]:
    """Read a cassette, the exchanges in the order in which they were made.

    Nothing in it is run.

    UnreadableError: it is no cassette, or damaged, or one of its entries cannot be
    read: which request such an entry has
    is not known, and the n-th identical call gets the n-th answer. OSError: it cannot
    be read. MimicError: PyYAML is not
    installed.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(
            "is not a cassette of vcrpy: it is not text in UTF-8"
        ) from None
    data = _parse(text, path)
    entries = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise UnreadableError(
            "is not a cassette of vcrpy: it has no list of interactions"
        )
    exchanges = []
    for number, entry in enumerate(entries, 1):
        try:
            exchanges.append(read_entry(entry, number))
        except _MISSHAPED as error:
            what = (
                f"{error} is missing"
                if isinstance(error, KeyError)
                else "it is none that vcrpy writes"
            )
            raise UnreadableError(f"entry {number} cannot be read: {what}") from None
    return exchanges


def _parse(text: str, path: Path) -> object:
    """Return the plain data in a cassette's text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            if path.suffix == ".json":
                raise UnreadableError(f"is damaged: {error}") from None
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError:
        what = "YAML" if path.suffix in (".yaml", ".yml") else "not JSON, perhaps YAML"
        remedies = ["pip install pytest-mimic[import]"]
        raise MimicError(
            f"{path.name} is {what}, and PyYAML is not installed", remedies=remedies
        ) from None
    try:
        loader = _loader()(text)
        try:
            node = loader.get_single_node()
            _refuse_growth(node, most=max(_LEAST_GROWTH, _MOST_GROWTH * len(text)))
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except UnreadableError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise UnreadableError(
            f"is damaged, {f'line {mark.line + 1}: ' if mark else ''}{problem}"
        ) from None
    except _MISSHAPED as error:  # of a scalar that is not what its tag says
        raise UnreadableError(f"is damaged: a value is not valid: {error}") from None


def _refuse_growth(root: Any, *, most: int) -> None:
    """Check that the data is no larger than `most` characters once each alias is written out.

    An alias stands for a whole value, and a few lines of aliases of aliases for more than
    a memory holds: `b: [*a, *a]`, `c: [*b, *b]`, and so on.

    Args:
        root: The root of PyYAML's nodes, in which an alias is the same node once more.
        most: How many characters the values may have together.

    Raises:
        UnreadableError: It is larger, or a value holds itself.
        RecursionError: It is nested too deeply.
    """
    sizes: dict[int, int | None] = {}

    def size_of(node: Any) -> int:
        if id(node) in sizes:
            size = sizes[id(node)]
            if size is None:
                raise UnreadableError("is damaged: a value holds itself")
            return size
        # None marks a value whose parts are counted now.
        sizes[id(node)] = None
        size = 1
        if isinstance(node.value, str):
            size += len(node.value)
        else:
            for part in _parts(node):
                size += size_of(part)
        if size > most:
            line = node.start_mark.line + 1
            raise UnreadableError(
                f"line {line}: its aliases stand for more than {most:,} characters"
            )
        sizes[id(node)] = size
        return size

    if root is not None:
        size_of(root)


def _parts(node: Any) -> Iterator[Any]:
    """Yield the items of a sequence, or the keys and values of a mapping."""
    for part in node.value:
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return the class that reads cassettes: PyYAML's safe loader, and the few plain types that vcrpy wrote with a tag."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class CassetteLoader(base):  # type: ignore[misc]
        """A safe loader."""

    def refuse(_loader: object, suffix: str, node: Any) -> object:
        line = node.start_mark.line + 1
        raise UnreadableError(
            f"line {line}: the tag !!python/{suffix} asks for a Python object; nothing was run"
        )

    for name in ("str", "unicode"):
        CassetteLoader.add_constructor(
            _PYTHON + name, lambda loader, node: loader.construct_scalar(node)
        )
    CassetteLoader.add_constructor(
        f"{_PYTHON}tuple",
        lambda loader, node: loader.construct_sequence(node, deep=True),
    )
    # A body that was a file: only what it held is read.
    CassetteLoader.add_constructor(
        f"{_PYTHON}object/new:_io.BytesIO",
        lambda loader, node: loader.construct_mapping(node, deep=True)["state"][0],
    )
    CassetteLoader.add_multi_constructor(_PYTHON, refuse)
    return CassetteLoader


# -- entries


def read_entry(entry: Any, number: int) -> ForeignExchange:
    """Return an entry of a cassette.

    The errors in `_MISSHAPED`: it is not a request with its response.
    """
    request, response = entry["request"], entry["response"]
    method, uri = request["method"], request["uri"]
    if not isinstance(method, str) or not isinstance(uri, str):
        raise TypeError
    # Another serializer has its bodies under keys of its own: none may be taken for
    # empty.
    sent, received = (
        request["body"],
        response["content" if "content" in response else "body"],
    )
    headers = [*_pairs(request.get("headers"))]
    body, kind = _request_body(sent, header_of(headers, "content-type"))
    if kind:
        headers.append(("Content-Type", kind))
    if isinstance(received, dict) and received.keys() <= {"string"}:
        received = received.get("string")
    head, content = _head(response), _as_bytes(received)
    head["headers"] = _fitting(
        [*_pairs(response.get("headers"))], content, method, head["status"]
    )
    return ForeignExchange(
        number, HttpRequest(method.upper(), uri, tuple(headers), body), head, content
    )


def _request_body(body: Any, content_type: str | None) -> tuple[bytes, str]:
    """Return the body of a request, and its type if only the argument of aiohttp's caller is there, not what was sent."""
    if not isinstance(body, (dict, list)):
        return _as_bytes(body), ""
    if isinstance(body, dict) and header_parts(content_type)[0] == _FORM:
        return urlencode(body).encode(), ""
    return json.dumps(body).encode(), "" if content_type else "application/json"


def _head(response: dict[str, Any]) -> dict[str, Any]:
    status = response["status_code" if "status_code" in response else "status"]
    code, reason = (
        (status["code"], status.get("message"))
        if isinstance(status, dict)
        else (status, None)
    )
    number, version = int(code), response.get("http_version")
    if not 100 <= number <= 999:
        raise ValueError
    return {
        "status": number,
        # HTTP/2 sends none.
        "reason": _one_line(reason)
        if reason is not None
        else responses.get(number, ""),
        "version": version
        if version in ("HTTP/1.0", "HTTP/1.1", "HTTP/2")
        else "HTTP/1.1",
    }


def _pairs(headers: Any) -> Iterator[tuple[str, str]]:
    """Yield the headers: a mapping to one or several values, or pairs of the same."""
    for name, values in headers.items() if isinstance(headers, dict) else headers or []:
        for value in values if isinstance(values, (list, tuple)) else [values]:
            yield _one_line(name), _one_line(value)


def _one_line(value: object) -> str:
    """Return the text of a header, of which each character is one byte."""
    text: str = value.decode("latin-1") if isinstance(value, bytes) else _as_text(value)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return " ".join(line.strip() for line in text.strip().splitlines())


def _as_bytes(value: object) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return _as_text(value).encode("utf-8", "surrogatepass")


def _as_text(value: object) -> str:
    """Return the text of a value that YAML has without quotes: a number, `true`, or nothing."""
    if isinstance(value, (dict, list, tuple)):
        raise TypeError
    return (
        ""
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _fitting(
    headers: list[tuple[str, str]], content: bytes, method: str, status: int
) -> list[list[str]]:
    """Return the headers without those that the content contradicts.

    vcrpy keeps headers as they came, while it may have decompressed the body, or taken
    it out of its chunks.
    """
    names = {name.lower() for name, _ in headers}
    encoding = ", ".join(
        value for name, value in headers if name.lower() == "content-encoding"
    ).lower()
    is_empty = not content and method.upper() != "HEAD" and status not in _BODILESS
    dropped = (
        {"transfer-encoding"}
        if {"transfer-encoding", "content-length"} <= names
        else set[str]()
    )
    # A text is not compressed, and neither is what cannot be decompressed.
    if (
        is_empty
        or as_text(content) is not None
        or (encoding in _KNOWN and inflate([content], encoding) is None)
    ):
        dropped.add("content-encoding")
    return [
        [name, "0" if is_empty and name.lower() == "content-length" else value]
        for name, value in headers
        if name.lower() not in dropped
    ]
