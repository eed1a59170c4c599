"""Cassettes of vcrpy and pytest-recording, in YAML and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pytest_mimic._clients.http.body import as_text, header_of, header_parts, inflate
from pytest_mimic._clients.http.exchange import HttpRequest
from pytest_mimic.errors import MimicError

_LFS = "version https://git-lfs.github.com/spec/"
_FORM = "application/x-www-form-urlencoded"
# Encodings that each Python decompresses.
_KNOWN = ("gzip", "x-gzip", "deflate")
# Statuses whose responses have no body, whatever their Content-Length says.
_BODILESS = (204, 304)


def read_cassette(path: Path) -> list[ForeignExchange]:
    """Read a cassette, the exchanges in the order in which they were made. Nothing in it is run.

    UnreadableError: it is no cassette, or damaged, or one of its entries cannot be read: which request such an entry has
    is not known, and the n-th identical call gets the n-th answer. OSError: it cannot be read. MimicError: PyYAML is not
    installed.
    """
    data = _parse(_read_text(path), path)
    entries = data.get("interactions") if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise UnreadableError("is not a cassette of vcrpy: it has no list of interactions")
    exchanges = []
    for number, entry in enumerate(entries, 1):
        try:
            exchanges.append(read_entry(entry, number))
        except EntryError as error:
            raise UnreadableError(f"entry {number} cannot be read: {error}") from None
    return exchanges


def _read_text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError("is not a cassette of vcrpy: it is not text in UTF-8") from None
    if text.startswith(_LFS):
        raise UnreadableError("is a Git LFS pointer, its content was not pulled: git lfs pull")
    return text


def _parse(text: str, path: Path) -> object:
    """Return the plain data in a cassette's text."""
    looks_like_json = text.lstrip()[:1] in ("{", "[")
    if looks_like_json:
        try:
            return json.loads(text)
        except RecursionError:
            raise UnreadableError("is damaged: it is nested too deeply") from None
        except ValueError as error:
            if path.suffix == ".json":
                raise UnreadableError(f"is damaged: {error}") from None
    try:
        return parse_yaml(text)
    except ModuleNotFoundError:
        what = f"{path.name} is {'YAML' if path.suffix in ('.yaml', '.yml') else 'not JSON, perhaps YAML'}"
        raise MimicError(
            f"{what}, and PyYAML is not installed", remedies=["pip install pytest-mimic[import]"]
        ) from None
    except YamlError as error:
        raise UnreadableError(str(error)) from None


# -- entries


def read_entry(entry: Any, number: int) -> ForeignExchange:
    """Return an entry of a cassette. EntryError: it is not a request with its response."""
    request, response = (
        entry.get(part) if isinstance(entry, dict) else None for part in ("request", "response")
    )
    if not isinstance(request, dict) or not isinstance(response, dict):
        raise EntryError("it is not a request with its response")
    method, uri = request.get("method"), request.get("uri")
    if not isinstance(method, str) or not isinstance(uri, str):
        raise EntryError(f"its request has no {'uri' if isinstance(method, str) else 'method'}")
    _check_body(request, "request")
    _check_body(response, "response")
    headers = tuple(_pairs(request.get("headers")))
    body, kind = _request_body(request.get("body"), header_of(headers, "content-type"))
    if kind:
        headers = (*headers, ("Content-Type", kind))
    sent = HttpRequest(method.upper(), uri, headers, body)
    head = _head(response)
    content = _content(response.get("body", response.get("content")))
    head["headers"] = _fitting(head, content, method)
    return ForeignExchange(number, sent, head, content)


def _check_body(part: dict[str, Any], name: str) -> None:
    """Refuse a part whose body is under a key of another serializer: it would be taken for empty.

    EntryError: there is such a key.
    """
    if part.keys().isdisjoint(("body", "content")):
        other = next((str(key) for key in part if "body" in str(key) or "content" in str(key)), None)
        if other is not None:
            raise EntryError(f"its {name} has {other} in place of body, from a serializer of its own")


def _request_body(body: Any, content_type: str | None) -> tuple[bytes, str]:
    """Return the body of a request, and its type if only the argument of aiohttp's caller is there, not what was sent."""
    if not isinstance(body, (dict, list)):
        return _as_bytes(body), ""
    if isinstance(body, dict) and header_parts(content_type)[0] == _FORM:
        return urlencode(body).encode(), ""
    try:
        return json.dumps(body).encode(), "" if content_type else "application/json"
    except (TypeError, ValueError, RecursionError):
        raise EntryError("the body of its request is not plain data") from None


def _head(response: dict[str, Any]) -> dict[str, Any]:
    status = response.get("status", response.get("status_code"))
    code, reason = (status.get("code"), status.get("message")) if isinstance(status, dict) else (status, None)
    try:
        number = int(code)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise EntryError("its response has no status") from None
    if not 100 <= number <= 999:
        raise EntryError("its response has no valid status")
    version = response.get("http_version")
    return {
        "status": number,
        "reason": _one_line(reason) if reason is not None else _usual_reason(number),
        "version": version if version in ("HTTP/1.0", "HTTP/1.1", "HTTP/2") else "HTTP/1.1",
        "headers": [list(pair) for pair in _pairs(response.get("headers"))],
    }


def _usual_reason(status: int) -> str:
    """Return the reason that a status has, where a file does not say it; HTTP/2 sends none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _pairs(headers: object) -> Iterator[tuple[str, str]]:
    """Yield the headers: a mapping to one or several values, or pairs of the same."""
    items: Any = list(headers.items()) if isinstance(headers, dict) else headers or []
    if not isinstance(items, (list, tuple)) or not all(
        isinstance(item, (tuple, list)) and len(item) == 2 for item in items
    ):
        raise EntryError("its headers are not headers")
    for name, values in items:
        for value in values if isinstance(values, (list, tuple)) else [values]:
            if isinstance(value, (dict, list, tuple)):
                raise EntryError(f"its header {_one_line(name)} is not text")
            yield _one_line(name), _one_line(value)


def _one_line(value: object) -> str:
    """Return the text of a header, of which each character is one byte."""
    text: str = value.decode("latin-1") if isinstance(value, bytes) else _as_text(value)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return " ".join(line.strip() for line in text.strip().splitlines())


def _content(body: Any) -> bytes:
    """Return the body of a response: a text, bytes, or a mapping with one of them."""
    if isinstance(body, dict) and body.keys() <= {"string"}:
        body = body.get("string")
    if isinstance(body, (dict, list)):
        raise EntryError("the body of its response is not text")
    return _as_bytes(body)


def _as_bytes(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return _as_text(value).encode("utf-8", "surrogatepass")


def _as_text(value: object) -> str:
    """Return the text of a value that YAML has without quotes: a number, `true`, or nothing."""
    if value is None:
        return ""
    try:
        return str(value).lower() if isinstance(value, bool) else str(value)
    except ValueError:  # Python writes no number of thousands of digits
        raise EntryError("it holds a number that is too large") from None


def _fitting(head: dict[str, Any], content: bytes, method: str) -> list[list[str]]:
    """Return the headers without those that the content contradicts.

    vcrpy keeps headers as they came, while it may have decompressed the body, or taken it out of its chunks.
    """
    headers: list[list[str]] = head["headers"]
    names = {name.lower() for name, _ in headers}
    encoding = ", ".join(value for name, value in headers if name.lower() == "content-encoding").lower()
    is_empty = not content and method.upper() != "HEAD" and head["status"] not in _BODILESS
    dropped = {"transfer-encoding"} if {"transfer-encoding", "content-length"} <= names else set[str]()
    if is_empty:
        headers = [[name, "0" if name.lower() == "content-length" else value] for name, value in headers]
    # A text is not compressed, and neither is what cannot be decompressed.
    if (
        is_empty
        or as_text(content) is not None
        or (encoding in _KNOWN and inflate([content], encoding) is None)
    ):
        dropped.add("content-encoding")
    return [pair for pair in headers if pair[0].lower() not in dropped]


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them. They may hold secrets."""

    number: int  # its place in the file, from 1
    request: HttpRequest
    head: dict[str, Any]  # status, reason, version and headers of the response
    content: bytes  # the body of the response

    def __repr__(self) -> str:
        # pytest's --showlocals must not show secrets.
        return f"<{self.request.method} exchange {self.number}>"


class EntryError(ValueError):
    """An entry that is not a whole exchange: why, in words and without secrets."""


class UnreadableError(ValueError):
    """A file that cannot be read at all: what is wrong with it, without secrets."""


_PYTHON = "tag:yaml.org,2002:python/"


class YamlError(ValueError):
    """A text is not YAML, or asks for Python objects."""


def parse_yaml(text: str) -> object:
    """Return the plain data in a YAML text.

    YamlError: it is not YAML, or has a tag of a Python object. ModuleNotFoundError: PyYAML is not installed.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    try:
        return yaml.load(text, Loader=_loader())
    except YamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise YamlError(f"is damaged, {f'line {mark.line + 1}: ' if mark else ''}{problem}") from None
    except RecursionError:
        raise YamlError("is damaged: it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        # Of a scalar that is not what its tag says.
        raise YamlError(f"is damaged: a value is not valid: {error}") from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return the class that reads cassettes: PyYAML's safe loader, and the few plain types that vcrpy wrote with a tag."""
    import yaml  # type: ignore[import-untyped, unused-ignore]

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class CassetteLoader(base):  # type: ignore[misc]
        """A safe loader. A date stays a text, as headers and bodies have texts only."""

    CassetteLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in base.yaml_implicit_resolvers.items()
    }
    for name in ("str", "unicode"):
        CassetteLoader.add_constructor(_PYTHON + name, lambda loader, node: loader.construct_scalar(node))
    CassetteLoader.add_constructor(
        f"{_PYTHON}tuple", lambda loader, node: loader.construct_sequence(node, deep=True)
    )
    # A body that was a file: only what it held is read.
    CassetteLoader.add_constructor(f"{_PYTHON}object/new:_io.BytesIO", _content_of_file)
    CassetteLoader.add_multi_constructor(_PYTHON, _refuse)
    return CassetteLoader


def _content_of_file(loader: Any, node: Any) -> object:
    return loader.construct_mapping(node, deep=True)["state"][0]


def _refuse(_loader: object, suffix: str, node: Any) -> object:
    line = node.start_mark.line + 1
    raise YamlError(f"line {line}: the tag !!python/{suffix} asks for a Python object; nothing was run")
