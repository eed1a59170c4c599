"""Cassettes of vcrpy and pytest-recording, in YAML and JSON, read for an import.

Each entry becomes a `ForeignExchange`. Identities, redaction and recordings come after
that, in `recording_exchanges.py`: secrets are still in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from http.client import responses
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pytest_mimic._clients.http.compression import inflate
from pytest_mimic._clients.http.headers import header_of, header_parts
from pytest_mimic._clients.http.http_calls import HttpRequest
from pytest_mimic._clients.http.text_and_json import text_of_bytes
from pytest_mimic.errors import MimicError

_MEDIA_TYPE_OF_FORMS = "application/x-www-form-urlencoded"
# Encodings that each Python decompresses.
_KNOWN_ENCODINGS = ("gzip", "x-gzip", "deflate")
# Statuses whose responses have no body, whatever their Content-Length says.
_STATUSES_WITHOUT_BODY = (204, 304)
_TAG_OF_PYTHON = "tag:yaml.org,2002:python/"
# A few lines of aliases may stand for more data than fits into memory. The values of a
# cassette may have as many characters together as the larger of two bounds: so many
# times the characters of its file, or this number, which small files reach at most.
_MOST_TIMES_THE_FILE = 20
_ALLOWED_FOR_SMALL_FILES = 64 << 20
# The errors of reading an entry that has other keys or types than vcrpy writes, or of a
# YAML value that is not what its tag says. Such an entry is refused.
_ERRORS_OF_SHAPE = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
)


class UnreadableError(ValueError):
    """A file that cannot be read.

    The text says what is wrong, without secrets. The name of the file stands before it.
    """


class ForeignExchange(NamedTuple):
    """A request with its response, as another tool kept them: with their secrets.

    Attributes:
        number: The place of the exchange in its file, from 1.
        request: The request.
        head: `status`, `reason`, `version` and `headers` of the response.
        content: The body of the response.
    """

    number: int
    request: HttpRequest
    head: dict[str, Any]
    content: bytes


def read_cassette(path: Path) -> list[ForeignExchange]:
    """Read a cassette, the exchanges in the order in which they were made.

    Nothing in the file is run. If one entry cannot be read, the whole cassette is
    refused: the n-th identical request gets the n-th answer, and the request of such an
    entry is not known.

    Raises:
        UnreadableError: The file is no cassette, or damaged, or one of its entries
            cannot be read.
        OSError: The file cannot be read.
        MimicError: PyYAML is not installed.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(
            "is not a cassette of vcrpy: it is not text in UTF-8"
        ) from None
    cassette = _parse(text, path)
    interactions = None
    if isinstance(cassette, dict):
        interactions = cassette.get("interactions")
    if not isinstance(interactions, list):
        raise UnreadableError(
            "is not a cassette of vcrpy: it has no list of interactions"
        )
    exchanges = []
    for number, interaction in enumerate(interactions, 1):
        try:
            exchanges.append(read_entry(interaction, number))
        except _ERRORS_OF_SHAPE as error:
            # The error's own text may hold a secret.
            problem = "it is none that vcrpy writes"
            if isinstance(error, KeyError):
                problem = f"{error} is missing"
            raise UnreadableError(f"entry {number} cannot be read: {problem}") from None
    return exchanges


def _parse(text: str, path: Path) -> object:
    """Return the plain data in a cassette's text, which is JSON or YAML.

    Raises:
        UnreadableError: The text is damaged.
        MimicError: The text is not JSON, and PyYAML is not installed.
    """
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            # YAML may start with these brackets, too.
            if path.suffix == ".json":
                raise UnreadableError(f"is damaged: {error}") from None
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ModuleNotFoundError:
        format_in_words = "not JSON, perhaps YAML"
        if path.suffix in (".yaml", ".yml"):
            format_in_words = "YAML"
        raise MimicError(
            f"{path.name} is {format_in_words}, and PyYAML is not installed",
            remedies=["pip install pytest-mimic[import]"],
        ) from None
    try:
        return _parse_yaml(text)
    except UnreadableError:
        # `UnreadableError` is a `ValueError`. The last clause would replace its text.
        raise
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        position_of_error = getattr(error, "problem_mark", None)
        if position_of_error:
            problem = f"line {position_of_error.line + 1}: {problem}"
        raise UnreadableError(f"is damaged, {problem}") from None
    except _ERRORS_OF_SHAPE:
        # An example is `!!int x`. The error's own text may hold a secret.
        raise UnreadableError("is damaged: a value does not fit its tag") from None


def _parse_yaml(text: str) -> object:
    """Return the plain data in a text of YAML; its size is checked before it is made.

    Raises:
        UnreadableError: The data would be too large, or has a tag that asks for code.
        yaml.YAMLError: The text is no YAML.
    """
    loader = _loader_class()(text)
    try:
        # Among PyYAML's nodes, an alias is the same node once more, and takes no memory
        # of its own. The values of them are made in `construct_document`.
        root_node = loader.get_single_node()
        most_characters = max(
            _ALLOWED_FOR_SMALL_FILES, _MOST_TIMES_THE_FILE * len(text)
        )
        _refuse_growth(root_node, most_characters=most_characters)
        if root_node is None:
            return None
        return loader.construct_document(root_node)
    finally:
        loader.dispose()


def _refuse_growth(root_node: Any, *, most_characters: int) -> None:
    """Check that the data is small enough once each alias is written out.

    An alias stands for a whole value, and a few lines of aliases of aliases for more
    than a memory holds: `b: [*a, *a]`, `c: [*b, *b]`, and so on.

    Args:
        root_node: The root of PyYAML's nodes, in which an alias is the same node once
            more.
        most_characters: How many characters the values may have together.

    Raises:
        UnreadableError: The data is larger, or a value holds itself.
        RecursionError: The data is nested too deeply.
    """
    # By the id of a node of PyYAML: how many characters it has once its aliases are
    # written out. None while its parts are counted.
    characters_by_id: dict[int, int | None] = {}

    def count_characters(yaml_node: Any) -> int:
        if id(yaml_node) in characters_by_id:
            known_count = characters_by_id[id(yaml_node)]
            if known_count is None:
                raise UnreadableError("is damaged: a value holds itself")
            return known_count
        characters_by_id[id(yaml_node)] = None
        # A value without a text, such as `[]`, takes memory, too.
        count = 1
        if isinstance(yaml_node.value, str):
            count += len(yaml_node.value)
        else:
            for part_node in _parts_of_yaml_node(yaml_node):
                count += count_characters(part_node)
        if count > most_characters:
            line = yaml_node.start_mark.line + 1
            raise UnreadableError(
                f"line {line}: its aliases stand for "
                f"more than {most_characters:,} characters"
            )
        characters_by_id[id(yaml_node)] = count
        return count

    if root_node is not None:
        count_characters(root_node)


def _parts_of_yaml_node(yaml_node: Any) -> Iterator[Any]:
    """Yield the items of a sequence, or the keys and values of a mapping."""
    for part in yaml_node.value:
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


@lru_cache(maxsize=1)
def _loader_class() -> Any:
    """Return the class that reads cassettes in YAML.

    The class is PyYAML's safe loader, which also makes the few plain types that vcrpy
    wrote with a tag, and refuses every other tag of Python.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    # PyYAML has the fast one only where it was built with libyaml.
    safe_loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class CassetteLoader(safe_loader):  # type: ignore[misc]
        """A safe loader of its own, to which the tags below are added."""

    CassetteLoader.add_constructor(f"{_TAG_OF_PYTHON}str", _construct_text)
    CassetteLoader.add_constructor(f"{_TAG_OF_PYTHON}unicode", _construct_text)
    CassetteLoader.add_constructor(f"{_TAG_OF_PYTHON}tuple", _construct_list)
    CassetteLoader.add_constructor(
        f"{_TAG_OF_PYTHON}object/new:_io.BytesIO", _construct_content
    )
    CassetteLoader.add_multi_constructor(_TAG_OF_PYTHON, _refuse_tag)
    return CassetteLoader


def _construct_text(loader: Any, node: Any) -> object:
    """Return a text that vcrpy wrote with a tag, as Python 2 had two kinds of texts."""
    return loader.construct_scalar(node)


def _construct_list(loader: Any, node: Any) -> object:
    """Return a tuple as a list, which does as well here."""
    return loader.construct_sequence(node, deep=True)


def _construct_content(loader: Any, node: Any) -> object:
    """Return the content of a body that was a file; no file is made."""
    return loader.construct_mapping(node, deep=True)["state"][0]


def _refuse_tag(_loader_class: object, suffix: str, node: Any) -> object:
    """Refuse any other tag of Python.

    Raises:
        UnreadableError: Always: such a tag asks for code to be run.
    """
    line = node.start_mark.line + 1
    raise UnreadableError(
        f"line {line}: the tag !!python/{suffix} asks for a Python object; "
        "nothing was run"
    )


# -- entries


def read_entry(interaction: Any, number: int) -> ForeignExchange:
    """Return an entry of a cassette as an exchange.

    Args:
        interaction: The entry, as vcrpy writes it: `{"request": …, "response": …}`.
        number: Its place in the file, from 1.

    Raises:
        Exception: The entry is not a request with its response. The class of the error
            is in `_ERRORS_OF_SHAPE`.
    """
    request = interaction["request"]
    response = interaction["response"]
    method = request["method"]
    uri = request["uri"]
    if not isinstance(method, str) or not isinstance(uri, str):
        raise TypeError("vcrpy writes the method and the URI of a request as texts")
    # vcrpy writes the key of a body even if the body is empty. An entry without the key
    # is of another serializer, and its bodies must not be taken for empty ones.
    request_body = request["body"]
    # Older versions of vcrpy wrote a response of httpx with this key.
    key_of_body = "content" if "content" in response else "body"
    response_body = response[key_of_body]
    sent_headers = list(_header_pairs(request.get("headers")))
    body, media_type = _request_body(
        request_body, header_of(sent_headers, "content-type")
    )
    if media_type:
        sent_headers.append(("Content-Type", media_type))
    # vcrpy puts the body of a response into a mapping of its own.
    if isinstance(response_body, dict) and response_body.keys() <= {"string"}:
        response_body = response_body.get("string")
    content = _as_bytes(response_body)
    head = _head_of_response(response)
    received_headers = list(_header_pairs(response.get("headers")))
    head["headers"] = _fitting_headers(
        received_headers, content, method, head["status"]
    )
    http_request = HttpRequest(method.upper(), uri, tuple(sent_headers), body)
    return ForeignExchange(number, http_request, head, content)


def _request_body(body: Any, content_type: str | None) -> tuple[bytes, str]:
    """Return the body of a request, and its media type if no header has it.

    For aiohttp, vcrpy keeps the argument `json=` or `data=` of the caller, and neither
    the bytes nor the header that aiohttp made of it.
    """
    if not isinstance(body, (dict, list)):
        return _as_bytes(body), ""
    media_type, _ = header_parts(content_type)
    if isinstance(body, dict) and media_type == _MEDIA_TYPE_OF_FORMS:
        return urlencode(body).encode(), ""
    content = json.dumps(body).encode()
    if content_type:
        return content, ""
    return content, "application/json"


def _head_of_response(vcrpy_response: dict[str, Any]) -> dict[str, Any]:
    """Return the status, reason and version of a response.

    Raises:
        ValueError: HTTP has no such status: 99, for example.
    """
    key_of_status = "status_code" if "status_code" in vcrpy_response else "status"
    status = vcrpy_response[key_of_status]
    reason = None
    if isinstance(status, dict):
        reason = status.get("message")
        status = status["code"]
    status_number = int(status)
    if not 100 <= status_number <= 999:
        raise ValueError("HTTP has no such status")
    if reason is None:
        # HTTP/2 sends no reason.
        reason = responses.get(status_number, "")
    version = vcrpy_response.get("http_version")
    if version not in ("HTTP/1.0", "HTTP/1.1", "HTTP/2"):
        version = "HTTP/1.1"
    return {
        "status": status_number,
        "reason": _text_of_header(reason),
        "version": version,
    }


def _header_pairs(headers: Any) -> Iterator[tuple[str, str]]:
    """Yield each header as its name and one value.

    The headers of a cassette have one of these forms: `{"accept": ["a", "b"]}`,
    `{"accept": "a"}`, or the same as pairs, `[["accept", "a"]]`. Versions of vcrpy, and
    the clients that it knows, write different ones.
    """
    name_value_pairs = headers or []
    if isinstance(headers, dict):
        name_value_pairs = headers.items()
    for name, values in name_value_pairs:
        if not isinstance(values, (list, tuple)):
            values = [values]
        for value in values:
            yield _text_of_header(name), _text_of_header(value)


def _text_of_header(value: object) -> str:
    """Return the name or value of a header, or the reason of a status, in one line.

    Each of its characters is one byte, as in a recording. vcrpy may keep the bytes of a
    header as the text that they are in UTF-8.
    """
    if isinstance(value, bytes):
        text = value.decode("latin-1")
    else:
        text = _as_text(value)
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogatepass").decode("latin-1")
    lines = text.strip().splitlines()
    return " ".join(map(str.strip, lines))


def _as_bytes(value: object) -> bytes:
    """Return the bytes of a body. vcrpy keeps a body in UTF-8 as text."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return _as_text(value).encode("utf-8", "surrogatepass")


def _as_text(yaml_value: object) -> str:
    """Return the text of a value that YAML has without quotes, such as `true` or `12`.

    Raises:
        TypeError: The value has parts.
    """
    if isinstance(yaml_value, (dict, list, tuple)):
        raise TypeError("a mapping or list is no text")
    if yaml_value is None:
        return ""
    if isinstance(yaml_value, bool):
        return str(yaml_value).lower()
    return str(yaml_value)


def _fitting_headers(
    headers: list[tuple[str, str]], content: bytes, method: str, status: int
) -> list[list[str]]:
    """Return the headers of a response without those that its content contradicts.

    vcrpy keeps headers as they came, while it may have decompressed the body, or taken
    it out of its chunks. With such headers, a client could not read the replay.
    """
    names = {name.lower() for name, _ in headers}
    wrong_names = set()
    # HTTP allows only one of these two: RFC 9112, 6.3.
    if {"transfer-encoding", "content-length"} <= names:
        wrong_names.add("transfer-encoding")
    may_have_body = method.upper() != "HEAD" and status not in _STATUSES_WITHOUT_BODY
    lacks_body = may_have_body and not content
    if lacks_body or not _is_compressed(content, headers):
        wrong_names.add("content-encoding")
    fitting_headers = []
    for name, value in headers:
        if name.lower() in wrong_names:
            continue
        if lacks_body and name.lower() == "content-length":
            value = "0"
        fitting_headers.append([name, value])
    return fitting_headers


def _is_compressed(content: bytes, headers: list[tuple[str, str]]) -> bool:
    """Check whether the body of a response may have the encoding in its headers.

    A text is not compressed, and neither are bytes that cannot be decompressed. Of an
    encoding that some Pythons cannot decompress, such as `zstd`, the headers are
    believed.
    """
    if text_of_bytes(content) is not None:
        return False
    encodings = []
    for name, value in headers:
        if name.lower() == "content-encoding":
            encodings.append(value)
    encoding = ", ".join(encodings).lower()
    if encoding not in _KNOWN_ENCODINGS:
        return True
    return inflate([content], encoding) is not None
