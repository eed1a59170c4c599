"""Reads the cassettes of vcrpy, from YAML or JSON, without running what they name."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import answers, requests
from pytest_mimic.errors import MimicError
from pytest_mimic.values.outcome import MOST_BYTES

# In bytes: what a part takes at least, which may be a single sign of the text.
_SCALAR = 16
SUFFIXES = (".yaml", ".yml", ".json")
_PICKLED = (
    "vcrpy has pickled a body that was a file or an iterator; to record it again",
    "pytest --mimic-record",
)


class ForeignError(MimicError):
    """A file, or an entry of it, is no cassette that can be read."""


Exchange: TypeAlias = tuple[Plain, Plain]
"""A request with its answer, as plain data with secrets."""


def read(path: Path) -> tuple[list[Exchange], list[ForeignError]]:
    """Return the exchanges in a cassette, and what is wrong with other entries.

    Raises:
        ForeignError: The file as a whole cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ForeignError(f"cannot be read: {error}") from None
    parse = json.loads if path.suffix == ".json" else _parsed_yaml
    try:
        plain = parse(text)
        _check_size(plain, text)
    except ValueError as error:
        raise ForeignError(f"is damaged: {error}") from None
    except RecursionError:
        raise ForeignError("is nested too deeply") from None
    entries = plain.get("interactions") if isinstance(plain, dict) else None
    if not isinstance(entries, list):
        raise ForeignError("is not a cassette of vcrpy")
    exchanges: list[Exchange] = []
    problems: list[ForeignError] = []
    for number, entry in enumerate(entries, 1):
        try:
            request = _request_of(entry["request"])
            exchanges.append((request, _answer_of(entry["response"])))
        except (KeyError, TypeError, ValueError, AttributeError):
            problem = f"entry {number}: it does not have the form of one"
            problems.append(ForeignError(problem))
        except ForeignError as error:
            problems.append(ForeignError(f"entry {number}: {error.what}"))
    return exchanges, problems


def _check_size(plain: Any, text: str) -> None:
    """Refuse what would be very large if each part stood wherever it is named again.

    Raises:
        ValueError: It would.
    """
    sizes: dict[int, float] = {}

    def size_of(part: Any) -> float:
        if not isinstance(part, (dict, list)):
            return _SCALAR + (len(part) if isinstance(part, (str, bytes)) else 0)
        if id(part) not in sizes:
            # What stands in itself has no end.
            sizes[id(part)] = inf
            parts = [*part, *part.values()] if isinstance(part, dict) else part
            sizes[id(part)] = _SCALAR + sum(map(size_of, parts))
        return sizes[id(part)]

    if size_of(plain) > len(text) * _SCALAR + MOST_BYTES:
        raise ValueError("its aliases stand for very much")


def _parsed_yaml(text: str) -> Any:
    try:
        # Only an import of YAML needs it.
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MimicError(
            "to read YAML, PyYAML has to be installed",
            remedies=[("to install it", "pip install 'pytest-mimic[import]'")],
        ) from None
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # What is merged is copied, and what is merged of that, too. vcrpy merges nothing.
    loader = type("Loader", (base,), {"flatten_mapping": lambda *_: None})
    try:
        return yaml.load(text, Loader=loader)
    except yaml.constructor.ConstructorError as error:
        raise ForeignError(
            f"holds more than plain data: {error.problem}", remedies=[_PICKLED]
        ) from None
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or error
        raise ForeignError(f"is damaged: {problem}") from None


def _request_of(request: dict[str, Any]) -> Plain:
    url = _text(request["uri"])
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ForeignError("its URL is not valid") from None
    headers = _headers_of(request.get("headers"))
    body = request.get("body")
    if isinstance(body, (dict, list)):
        # Of aiohttp vcrpy keeps what the application gave: texts alone are a form.
        is_form = isinstance(body, dict) and all(
            isinstance(value, (str, bytes)) for value in body.values()
        )
        if is_form:
            kind, body = "application/x-www-form-urlencoded", urlencode(body)
        else:
            kind, body = "application/json", json.dumps(body)
        headers.append(("Content-Type", kind))
    method = _text(request["method"])
    return requests.read(method, url, headers, _data_of(body))


def _answer_of(response: dict[str, Any]) -> Plain:
    headers = _headers_of(response.get("headers"))
    body = response.get("body") or {}
    content = body["string"] if body else None
    encodings = [value for name, value in headers if name.lower() == "content-encoding"]
    # A body that stands as text was decompressed by vcrpy.
    unpacked = encodings[0] if encodings and isinstance(content, str) else ""
    status = response["status"]
    code, reason = int(status["code"]), _text(status.get("message") or "")
    head = answers.Head(code, reason, headers, unpacked=unpacked)
    return head.read([_data_of(content)])


def _headers_of(headers: Any) -> list[tuple[str, str]]:
    found = []
    for name, values in (headers or {}).items():
        if not isinstance(values, list):
            values = [values]
        for value in values:
            found.append((_text(name), _text(value)))
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _data_of(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else str(body).encode()
