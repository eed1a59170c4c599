"""Checks of recorded outcomes of clients: whether a replay can give what stands there.

They look at its shape, before an outcome is used: what somebody has edited is then
reported as a damaged recording, and raises no error in the middle of a client. Nothing
of a client is loaded for them: the command checks whole vaults. `check_mcp` stands in
`mcp/server_start.py`.
"""

from __future__ import annotations

from base64 import b64decode
from itertools import chain
from typing import Any

from pytest_mimic._core.nodes.json_tags import tag_in

# The types of the parts of a recorded HTTP response, and of the forms of its body.
_TYPES_OF_HTTP_PARTS = {
    "status": int,
    "reason": str,
    "version": str,
    "headers": list,
    "body": dict,
    "stream_id": int,
    "error": dict,
}
_TEXTS_OF_FAILURE = ("type", "class", "message")
# The kinds of failures, for each of which every client has an exception.
_KINDS_OF_FAILURES = frozenset(
    "waiting name refused unreachable connecting proxy tls writing reading closed"
    " malformed".split()
)
# The names of gRPC's codes.
_CODES_OF_GRPC = frozenset(
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS"
    " PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE"
    " UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED".split()
)
# Sets of types and sizes: one comparison checks all items of a list, as whole vaults
# are checked.
_TEXT = frozenset((str,))
_TEXT_OR_NONE = frozenset((str, type(None)))
_INTEGER_OR_NONE = frozenset((int, type(None)))
_LIST = frozenset((list,))
# The sizes that a pair may have.
_PAIR = frozenset((2,))
_JSON_ALONE = {"json": None}
# What else a stored body of HTTP may have, beside its content.
_TYPES_BESIDE_HTTP_CONTENTS = {
    "charset": str,
    "style": str,
    "colon": str,
    "line_end": str,
    "transfer": str,
    "encoding": str,
    "handed_out": bool,
    "delimiters": list,
}
# The texts of a stored body that a replay encodes in the charset of the body.
_TEXTS_IN_BYTES = ("text", "colon", "line_end")
# The words of a style of JSON, besides `indent-2` with any number.
_WORDS_OF_JSON_STYLES = frozenset(("spaced", "ascii", "newline"))
# The keys of which a stored body has one, with its content as `load_body` reads it.
_TYPES_OF_HTTP_CONTENTS = {
    "json": object,
    "text": str,
    "base64": str,
    "chunks": list,
    "events": list,
    "parts": list,
    "message": dict,
}


def check_http(exchange: Any) -> None:
    """Check the value of a recorded exchange over HTTP, of whichever client.

    Raises:
        LookupError, TypeError, ValueError: No replay could give it.
    """
    if type(exchange) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    for name, part_type in _TYPES_OF_HTTP_PARTS.items():
        if name in exchange and type(exchange[name]) is not part_type:
            raise TypeError(f"{name} must be of type {part_type.__name__}")
    # Without a head, an exchange has failed, or its reader gave up waiting.
    if "status" in exchange or exchange.keys().isdisjoint(("end", "error")):
        for name in ("status", "reason", "version", "headers"):
            if name not in exchange:
                raise KeyError(name)
        headers = exchange["headers"]
        are_pairs = _PAIR.issuperset(map(len, headers))
        texts_of_headers = list(chain(*headers))
        if not are_pairs or not _TEXT.issuperset(map(type, texts_of_headers)):
            raise ValueError("headers must be pairs of texts")
        # The head of a response is bytes, of which each is a character here. Older
        # recordings have surrogates for those of a reason that are not UTF-8.
        head = [exchange["reason"], exchange["version"], *texts_of_headers]
        "".join(head).encode("latin-1", "surrogateescape")
    if "error" in exchange:
        failure = exchange["error"]
        for name in _TEXTS_OF_FAILURE:
            if type(failure[name]) is not str:
                raise TypeError(f"{name} of an error must be a text")
        if failure["type"] not in _KINDS_OF_FAILURES:
            raise ValueError(f"no error of the network is {failure['type']!r:.60}")
    body = exchange.get("body", _JSON_ALONE)
    # Any JSON is a body, and most are nothing else.
    if body.keys() != _JSON_ALONE.keys():
        _check_http_body(body)


def _check_http_body(body: Any) -> None:
    """Check that a replay can make a stored body of HTTP, or a part of one.

    Raises:
        LookupError, TypeError, ValueError: No replay could give it.
    """
    if not any(_has_content(body, name) for name in _TYPES_OF_HTTP_CONTENTS):
        names = ", ".join(_TYPES_OF_HTTP_CONTENTS)
        raise ValueError(f"a body needs one of {names}")
    for name, part_type in _TYPES_BESIDE_HTTP_CONTENTS.items():
        if name in body and type(body[name]) is not part_type:
            raise TypeError(f"{name} must be of type {part_type.__name__}")
    _check_json_style(body)
    for event in body.get("events", ()):
        if type(event) not in (dict, str):
            raise TypeError("an event must be a mapping or a text")
        if type(event) is dict:
            _check_json_style(event)
            if type(event.get("data", "")) is not str:
                raise TypeError("the data of an event must be a text")
    _check_http_bytes(body)
    messages = list(body.get("parts", ()))
    # One delimiter stands before each part, and one behind the last.
    delimiters = body.get("delimiters", [""])
    are_texts = all(type(delimiter) is str for delimiter in delimiters)
    if len(delimiters) != len(messages) + 1 or not are_texts:
        raise ValueError("a body needs one delimiter more than parts")
    "".join(delimiters).encode()
    if "message" in body:
        messages.append(body["message"])
    for message in messages:
        message["head"].encode()
        # A part may have a head alone.
        if message.keys() - {"head", "transfer"}:
            _check_http_body(message)


def _check_json_style(stored: dict[str, Any]) -> None:
    """Check the style of the JSON of a body or an event.

    Raises:
        AttributeError, ValueError: `write_json` knows no such style.
    """
    for word in stored.get("style", "").split():
        is_indent = word.removeprefix("indent-").isdecimal()
        if word not in _WORDS_OF_JSON_STYLES and not is_indent:
            raise ValueError(f"no style of JSON is called {word!r:.60}")


def _has_content(body: Any, name: str) -> bool:
    """Check whether a stored body has a content under this key, `json` or `text`."""
    return name in body and isinstance(body[name], _TYPES_OF_HTTP_CONTENTS[name])


def _check_http_bytes(body: Any) -> None:
    """Check that a replay can make bytes of a body, before any test is given it.

    A chunk is a text, whose characters the charset must have, or `{"base64": "…"}`.
    JSON is not checked: a replay escapes what the charset lacks.

    Raises:
        LookupError: There is no such charset, or a chunk has neither form.
        TypeError: A chunk has neither form.
        ValueError: The charset lacks a character, or the base64 is damaged.
    """
    # A body in UTF-8 is recorded without its charset.
    charset = body.get("charset", "utf-8")
    chunks_to_check: list[Any] = [body.get(name, "") for name in _TEXTS_IN_BYTES]
    if "chunks" in body:
        chunks_to_check += body["chunks"]
    elif "base64" in body:
        # A body in base64 has the form of a chunk.
        chunks_to_check.append(body)
    for event in body.get("events", ()):
        if type(event) is dict:
            for field_name, field in event.items():
                chunks_to_check.append(field_name)
                if field_name != "json" and type(field) is str:
                    chunks_to_check.append(field)
        else:
            chunks_to_check.append(event)
    # What cannot be encoded or decoded raises its error here.
    for chunk in chunks_to_check:
        if type(chunk) is str:
            chunk.encode(charset)
        else:
            b64decode("".join(chunk["base64"].split()), validate=True)


def check_sql(result: Any) -> None:
    """Check the value of a recorded statement.

    Raises:
        TypeError, ValueError: No replay could give it.
    """
    if type(result) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    # A statement without a result, such as an UPDATE, has neither.
    columns = result.get("columns", [])
    rows = result.get("rows", [])
    if type(columns) is not list or type(rows) is not list:
        raise TypeError("columns and rows must be of type list")
    if ("columns" in result) != ("rows" in result):
        raise ValueError("columns and rows stand together")
    are_lists = _LIST.issuperset(map(type, (*columns, *rows)))
    if not are_lists or (rows and {*map(len, rows)} != {len(columns)}):
        raise ValueError("each row must have a value for each column")
    for column in columns:
        # None: the driver has given a name that is no text, or no number of rows.
        if not column or type(column[0]) not in _TEXT_OR_NONE:
            raise TypeError("a column must have a name")
        (column[0] or "").encode()
    if type(result.get("rowcount", 0)) not in _INTEGER_OR_NONE:
        raise TypeError("rowcount must be a number")
    if "error" in result:
        _check_error_of_driver(result["error"])


def _check_error_of_driver(stored_error: Any) -> None:
    """Check an error of a database's driver, and the errors that caused it.

    Raises:
        LookupError, TypeError: No replay could raise it.
    """
    # A replay takes the class by its name, or one of PEP 249 by its kind.
    for name in ("type", "kind"):
        if type(stored_error[name]) is not str:
            raise TypeError(f"{name} of an error must be a text")
    if type(stored_error["args"]) is not list:
        raise TypeError("args of an error must be of type list")
    for name in ("codes", "diag"):
        if type(stored_error.get(name, {})) is not dict:
            raise TypeError(f"{name} of an error must be of type dict")
    if not _TEXT.issuperset(map(type, stored_error.get("diag", {}).values())):
        raise TypeError("diag of an error must hold texts")
    if "cause" in stored_error:
        _check_error_of_driver(stored_error["cause"])


def check_redis(answer: Any) -> None:
    """Check the value of a recorded command of Redis, or of a pipeline of them.

    Raises:
        LookupError, TypeError, ValueError: No replay could give it.
    """
    if type(answer) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    if type(answer.get("replies", [])) is not list:
        raise TypeError("replies must be of type list")
    # A command has its `reply`, and a pipeline its `replies`.
    replies = answer.get("replies", [answer.get("reply")])
    if "error" in answer:
        error = answer["error"]
        # `after` has the replies that came before the connection broke.
        if type(error["after"]) is not list:
            raise TypeError("after of an error must be of type list")
        _check_texts([error["type"], *error["args"]], "an error of redis")
        replies = [*replies, *error["after"]]
    for reply in replies:
        # Most replies are texts or numbers.
        if type(reply) in (dict, list):
            _check_reply_of_redis(reply)


def _check_reply_of_redis(reply: Any) -> None:
    """Check a reply of Redis that is a list, or a mapping that may have a tag.

    A tag says which Python object a mapping stands for: `{"$set": ["a"]}`.

    Raises:
        TypeError, ValueError: No replay could give it.
    """
    items: Any = reply
    if type(reply) is dict:
        items = list(reply.values())
        if tag_in(reply):
            _check_tagged_reply(tag_in(reply), items[0])
    for item in items:
        if type(item) in (dict, list):
            _check_reply_of_redis(item)


def _check_tagged_reply(tag: str, content: Any) -> None:
    """Check what stands behind the tag of a reply of Redis.

    Raises:
        TypeError, ValueError: No replay could give it.
    """
    # `load_reply` makes a mapping, a set or a list of these.
    if tag in ("map", "set", "unordered") and type(content) is not list:
        raise TypeError(f"the content of ${tag} must be of type list")
    if tag == "map" and not _PAIR.issuperset(map(len, content)):
        raise ValueError("the content of $map must be pairs")
    if tag == "base64":
        b64decode(str(content), validate=True)
    if tag == "error":
        _check_texts(content, "an error of redis")
    if tag == "float":
        float(str(content))


def _check_texts(texts: Any, subject: str) -> None:
    """Check that a part is a list of texts, and not empty.

    Raises:
        TypeError: It is anything else.
    """
    is_list = type(texts) is list and bool(texts)
    if not is_list or not _TEXT.issuperset(map(type, texts)):
        raise TypeError(f"{subject} must be a list of texts")


def check_grpc(answer: Any) -> None:
    """Check the value of a recorded call of gRPC.

    Raises:
        LookupError, TypeError, ValueError: No replay could give it.
    """
    if type(answer) is not dict:
        raise TypeError("a client's outcome must be a mapping")
    for name in ("code", "details"):
        if type(answer.get(name, "")) is not str:
            raise TypeError(f"{name} must be of type str")
    if answer.get("code", "OK") not in _CODES_OF_GRPC:
        raise ValueError(f"gRPC has no code {answer['code']!r:.60}")
    for name in ("initial_metadata", "trailing_metadata"):
        metadata_pairs = answer.get(name, [])
        is_list = type(metadata_pairs) is list
        if not is_list or not _PAIR.issuperset(map(len, metadata_pairs)):
            raise ValueError(f"{name} must be pairs of texts")
        if not _TEXT.issuperset(map(type, chain(*metadata_pairs))):
            raise ValueError(f"{name} must be pairs of texts")
    messages = answer.get("response", [])
    if type(messages) is not list:
        # The method answers with one message, and not with a stream of them.
        messages = [messages]
    for message in messages:
        if "base64" in message:
            b64decode(message["base64"], validate=True)
        elif "json" not in message:
            raise KeyError("json")
