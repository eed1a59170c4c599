"""Reads the cassettes of vcrpy, from YAML or JSON, without running what they name."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import answers, requests
from pytest_mimic.errors import MimicError

SUFFIXES = (".yaml", ".yml", ".json")
# What aliases of YAML may stand for: a small file may name a part a billion times.
_MOST_PARTS = 1_000_000


class ForeignError(MimicError):
    """A file, or an entry of it, is no cassette that can be read."""


class Interaction(NamedTuple):
    """One request with its answer, as plain data with secrets."""

    request: Plain
    answer: Plain


def read(path: Path) -> list[Interaction | ForeignError]:
    """Return the entries of a cassette, or what is wrong with one.

    Raises:
        ForeignError: The file as a whole cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ForeignError(f"cannot be read: {error}") from None
    cassette = _parsed_json(text) if path.suffix == ".json" else _parsed_yaml(text)
    if _size_of(cassette, {}) > _MOST_PARTS:
        raise ForeignError(f"its aliases stand for more than {_MOST_PARTS:,} parts")
    entries = cassette.get("interactions") if isinstance(cassette, dict) else None
    if not isinstance(entries, list):
        raise ForeignError("is not a cassette of vcrpy")
    return list(_interactions(entries))


def _parsed_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ForeignError(f"is damaged: {error}") from None


def _parsed_yaml(text: str) -> Any:
    try:
        # Only an import of YAML needs it.
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise MimicError(
            "to read YAML, PyYAML has to be installed",
            remedies=[("to install it", "pip install 'pytest-mimic[import]'")],
        ) from None
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.constructor.ConstructorError as error:
        what = str(error.problem)
        raise ForeignError(f"nothing was run: {what}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or error
        raise ForeignError(f"is damaged{line}: {problem}") from None


def _size_of(part: Any, known: dict[int, int]) -> int:
    """Return how many parts something has when each alias is followed."""
    if not isinstance(part, (dict, list)):
        return 1
    if id(part) not in known:
        known[id(part)] = _MOST_PARTS  # an alias of a part within itself has no end
        inner = part.values() if isinstance(part, dict) else part
        known[id(part)] = 1 + sum(_size_of(one, known) for one in inner)
    return known[id(part)]


def _interactions(entries: list[Any]) -> Iterator[Interaction | ForeignError]:
    for number, entry in enumerate(entries, 1):
        method = "an entry"
        try:
            method = str(entry["request"]["method"])
            yield _interaction(entry["request"], entry["response"])
        except ForeignError as error:
            yield ForeignError(f"entry {number}: {method}: {error.what}")
        except (KeyError, TypeError, ValueError, AttributeError):
            yield ForeignError(f"entry {number}: {method}: it has not the form of one")


def _interaction(request: dict[str, Any], response: dict[str, Any]) -> Interaction:
    url = str(request["uri"])
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ForeignError("its URL is not valid") from None
    sent_headers = _headers_of(request.get("headers"))
    sent = request.get("body")
    if isinstance(sent, dict) and not sent.keys() & {"string", "base64_string"}:
        # Of aiohttp vcrpy keeps what the application gave for the body.
        kind, sent = _given_to_aiohttp(sent)
        sent_headers.append(("Content-Type", kind))
    asked = requests.read(request["method"], url, sent_headers, _data_of(sent)[0])
    headers = _headers_of(response.get("headers"))
    body = response.get("body") or {}
    data, is_text = _data_of(body.get("string", body.get("base64_string")))
    encodings = [value for name, value in headers if name.lower() == "content-encoding"]
    status = response["status"]
    # A body that stands as text was decompressed by vcrpy.
    unpacked = encodings[0] if encodings and is_text else ""
    code, reason = int(status["code"]), str(status.get("message") or "")
    head = answers.Head(code, reason, headers, unpacked=unpacked)
    return Interaction(asked, head.read([data]))


def _given_to_aiohttp(body: dict[str, Any]) -> tuple[str, str]:
    """Return the content type and the text of fields: of texts alone, a form."""
    if all(isinstance(value, str) for value in body.values()):
        return "application/x-www-form-urlencoded", urlencode(body)
    return "application/json", json.dumps(body)


def _headers_of(headers: Any) -> list[tuple[str, str]]:
    found = []
    for name, values in (headers or {}).items():
        for value in values if isinstance(values, list) else [values]:
            found.append((str(name), str(value)))
    return found


def _data_of(body: Any) -> tuple[bytes, bool]:
    """Return the bytes of a body, and whether it stands as text."""
    if body is None:
        return b"", False
    if isinstance(body, bytes):
        return body, False
    if isinstance(body, dict) and "base64_string" in body:
        return _data_of_base64(body["base64_string"]), False
    if isinstance(body, dict) and "string" in body:
        return _data_of(body["string"])
    return str(body).encode(), True


def _data_of_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        raise ForeignError("its body is no base64") from None
