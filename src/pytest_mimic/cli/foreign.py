"""Reads the cassettes of vcrpy, from YAML or JSON, without running what they name."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from pytest_mimic.client import Plain
from pytest_mimic.clients.http import answers, requests
from pytest_mimic.errors import MimicError

SUFFIXES = (".yaml", ".yml", ".json")


class ForeignError(MimicError):
    """A file, or an entry of it, is no cassette that can be read."""


class Interaction(NamedTuple):
    """One request with its answer, as plain data with secrets."""

    request: Plain
    answer: Plain


class ForeignCassette(NamedTuple):
    """What a file holds.

    Attributes:
        interactions: The entries that can be read.
        problems: What is wrong with others.
    """

    interactions: list[Interaction]
    problems: list[ForeignError]


def read(path: Path) -> ForeignCassette:
    """Return what stands in a cassette.

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
    except ValueError as error:
        raise ForeignError(f"is damaged: {error}") from None
    except RecursionError:
        raise ForeignError("is nested too deeply") from None
    entries = plain.get("interactions") if isinstance(plain, dict) else None
    if not isinstance(entries, list):
        raise ForeignError("is not a cassette of vcrpy")
    cassette = ForeignCassette([], [])
    for number, entry in enumerate(entries, 1):
        try:
            request = _request_of(entry["request"])
            interaction = Interaction(request, _answer_of(entry["response"]))
            cassette.interactions.append(interaction)
        except (KeyError, TypeError, ValueError, AttributeError):
            problem = f"entry {number}: it does not have the form of one"
            cassette.problems.append(ForeignError(problem))
        except ForeignError as error:
            problem = f"entry {number}: {error.what}"
            cassette.problems.append(ForeignError(problem))
    return cassette


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
    except yaml.YAMLError as error:
        # What would make an object of Python is refused by it, too.
        problem = getattr(error, "problem", None) or error
        raise ForeignError(f"is damaged: {problem}") from None


def _request_of(request: dict[str, Any]) -> Plain:
    url = str(request["uri"])
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ForeignError("its URL is not valid") from None
    headers = _headers_of(request.get("headers"))
    body = request.get("body")
    if isinstance(body, dict) and not body.keys() & {"string", "base64_string"}:
        # Of aiohttp vcrpy keeps what the application gave: texts alone are a form.
        if all(isinstance(value, str) for value in body.values()):
            kind, body = "application/x-www-form-urlencoded", urlencode(body)
        else:
            kind, body = "application/json", json.dumps(body)
        headers.append(("Content-Type", kind))
    return requests.read(request["method"], url, headers, _data_of(body)[0])


def _answer_of(response: dict[str, Any]) -> Plain:
    headers = _headers_of(response.get("headers"))
    body = response.get("body") or {}
    data, is_text = _data_of(body.get("string", body.get("base64_string")))
    encodings = [value for name, value in headers if name.lower() == "content-encoding"]
    # A body that stands as text was decompressed by vcrpy.
    unpacked = encodings[0] if encodings and is_text else ""
    status = response["status"]
    code, reason = int(status["code"]), str(status.get("message") or "")
    return answers.Head(code, reason, headers, unpacked=unpacked).read([data])


def _headers_of(headers: Any) -> list[tuple[str, str]]:
    found = []
    for name, values in (headers or {}).items():
        if not isinstance(values, list):
            values = [values]
        for value in values:
            found.append((str(name), str(value)))
    return found


def _data_of(body: Any) -> tuple[bytes, bool]:
    """Return the bytes of a body, and whether it stands as text."""
    if body is None:
        return b"", False
    if isinstance(body, bytes):
        return body, False
    if isinstance(body, dict) and "base64_string" in body:
        return base64.b64decode(body["base64_string"]), False
    if isinstance(body, dict) and "string" in body:
        return _data_of(body["string"])
    return str(body).encode(), True
