"""Recorded outcomes of clients whose shape no replay could give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from pytest_mimic._clients.http.failures import EXCEPTION_OF_KIND
from pytest_mimic._clients.http.responses import StoredResponse
from pytest_mimic._clients.outcome_checks import (
    check_grpc,
    check_http,
    check_redis,
    check_sql,
)

FAILURE = {"type": "refused", "class": "ConnectError", "message": "refused"}
ERROR = {"type": "sqlite3:Error", "kind": "Error", "args": ["locked"]}
RESPONSE = {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": []}


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_http, {**RESPONSE, "body": {"text": "a"}}),
        (check_http, {"error": FAILURE}),
        (check_http, {**RESPONSE, "error": FAILURE}),
        (check_http, {**RESPONSE, "reason": "caf\udce9"}),
        (check_sql, {"columns": [["id"]], "rows": [[1]]}),
        (check_sql, {"columns": [[None]], "rows": [], "rowcount": None}),
        (check_sql, {}),
        (check_sql, {"error": {**ERROR, "cause": ERROR}}),
        (check_http, {**RESPONSE, "body": {"json": 1, "style": "indent-2 newline"}}),
        (check_redis, {"reply": "OK"}),
        (check_redis, {"replies": ["OK"]}),
        (check_redis, {"reply": {"$map": [[{"$base64": "/w=="}, 1], ["a", {"b": 1}]]}}),
        (check_redis, {"error": {"type": "A", "args": [], "after": [{"$float": "1"}]}}),
        (check_redis, {}),
        (check_grpc, {"code": "OK", "response": {"json": {"title": "Emma"}}}),
        (check_grpc, {"initial_metadata": [["a", "b"]], "response": [{"base64": ""}]}),
    ],
)
def test_what_an_adapter_writes_passes(check: Any, value: Any) -> None:
    check(value)


@pytest.mark.parametrize("kind", EXCEPTION_OF_KIND["http.client"])
def test_each_kind_of_failure_passes(kind: str) -> None:
    check_http({"error": {**FAILURE, "type": kind}})


def test_each_code_of_grpc_passes() -> None:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

    for code in grpc.StatusCode:
        check_grpc({"code": code.name})


@pytest.mark.parametrize(
    ("check", "value", "problem"),
    [
        (check_http, [], "must be a mapping"),
        (check_http, {**RESPONSE, "status": "200"}, "status must be of type int"),
        (check_http, {**RESPONSE, "headers": [["a", 1]]}, "pairs of texts"),
        (check_http, {**RESPONSE, "body": {"video": 1}}, "a body needs one of"),
        (check_http, {"status": 200}, "reason"),
        (check_http, {**RESPONSE, "reason": None}, "reason must be of type str"),
        (check_http, {**RESPONSE, "version": 1.1}, "version must be of type str"),
        (check_http, {**RESPONSE, "version": "\ud800"}, "can't encode character"),
        (check_http, {"error": "refused"}, "error must be of type dict"),
        (check_http, {"error": {**FAILURE, "class": 1}}, "class of an error must be a"),
        (check_http, {"error": {"type": "refused"}}, "class"),
        (check_http, {"error": {**FAILURE, "type": "lost"}}, "network is 'lost'"),
        (check_grpc, {"code": "NOTFOUND"}, "no code 'NOTFOUND'"),
        (
            check_http,
            {**RESPONSE, "body": {"charset": "latin-1", "events": ["data: €\n\n"]}},
            "can't encode character",
        ),
        (check_sql, {"columns": [], "rows": [[1]]}, "a value for each column"),
        (check_http, {**RESPONSE, "reason": "é€"}, "can't encode character"),
        (check_http, {**RESPONSE, "headers": [["a", "\ud800"]]}, "can't encode"),
        (check_http, {**RESPONSE, "body": {"json": 1, "style": True}}, "style must be"),
        (check_http, {**RESPONSE, "body": {"json": 1, "style": "x"}}, "called 'x'"),
        (
            check_http,
            {**RESPONSE, "body": {"events": [{"json": 1, "style": "x"}]}},
            "called 'x'",
        ),
        (check_http, {**RESPONSE, "body": {"events": [{"data": 1}]}}, "data of an"),
        (
            check_http,
            {**RESPONSE, "body": {"events": [{"json": 1, "a\ud800": "b"}]}},
            "can't encode character",
        ),
        (check_sql, {"rows": {}}, "rows must be of type list"),
        (check_sql, {"columns": [["id"]]}, "stand together"),
        (check_sql, {"columns": [[1]], "rows": []}, "must have a name"),
        (check_sql, {"rowcount": "1"}, "rowcount must be a number"),
        (check_sql, {"error": {"type": "x:E", "kind": "Error"}}, "args"),
        (check_sql, {"error": {**ERROR, "diag": {"a": 1}}}, "must hold texts"),
        (check_redis, {"replies": 1}, "replies must be of type list"),
        (check_redis, {"reply": {"$set": 1}}, "content of \\$set must be of type list"),
        (check_redis, {"replies": [[{"$map": [[1]]}]]}, "must be pairs"),
        (check_redis, {"reply": {"$base64": "!"}}, "base64|characters"),
        (check_redis, {"reply": {"$error": [1]}}, "must be a list of texts"),
        (check_redis, {"reply": {"$float": "x"}}, "could not convert"),
        (check_redis, {"error": {"type": "A", "args": []}}, "after"),
        (check_grpc, {"code": 5}, "code must be of type str"),
        (check_grpc, {"initial_metadata": [["a", 1]]}, "must be pairs of texts"),
        (check_grpc, {"response": [{"text": 1}]}, "json"),
    ],
)
def test_another_shape_is_named(check: Any, value: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError, LookupError), match=problem):
        check(value)


BODIES: list[dict[str, Any]] = [
    {"text": "abc", "encoding": "gzip", "handed_out": True},
    {"json": {"a": [1]}, "style": "indent-2 ascii newline"},
    {"base64": "YWI="},
    {"chunks": ["a", {"base64": "YQ=="}], "charset": "latin-1"},
    {
        "events": [
            {"event": "a", "data": "x"},
            {"json": 1, "style": ""},
            "data: 1\n\n",
        ],
        "style": "spaced",
        "colon": ":",
        "line_end": "\r\n",
    },
    {"events": [{"json": {"n": 1}}], "lines": True},
    {
        "parts": [{"head": "A: b\r\n\r\n", "base64": "YQ==", "transfer": "base64"}],
        "delimiters": ["--a\r\n", "\r\n--a--"],
    },
    {"message": {"head": "HTTP/1.1 200 OK\r\n\r\n", "json": 1}},
]
OTHER_VALUES = [None, True, 0, -1, 3.5, "x", "\ud800", "é€", [], [1], [["a"]], {"a": 1}]


def places_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each part of JSON."""
    keys: Iterable[Any] = ()
    if isinstance(value, dict):
        keys = value
    elif isinstance(value, list):
        keys = range(len(value))
    for key in keys:
        yield *place, key
        yield from places_in(value[key], (*place, key))


def edited(value: Any, place: tuple[Any, ...], other_value: object) -> Any:
    """Return JSON with another value at one place."""
    copy = deepcopy(value)
    part = copy
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = other_value
    return copy


@pytest.mark.parametrize("body", BODIES, ids=lambda body: next(iter(body)))
def test_a_response_that_passes_can_be_given(body: dict[str, Any]) -> None:
    """Whatever value somebody has written in place of any part."""
    response = {**RESPONSE, "headers": [["a", "b"], ["content-length", "3"]]}
    given = 0

    for place in places_in({**response, "body": body}):
        for other_value in OTHER_VALUES:
            exchange = edited({**response, "body": body}, place, other_value)
            try:
                check_http(exchange)
            except (AttributeError, LookupError, TypeError, ValueError):
                continue
            StoredResponse(exchange, "GET").arriving_pieces()
            given += 1

    assert given


def test_a_lone_surrogate_in_the_json_of_an_event_is_given_as_its_escape() -> None:
    events = [{"json": {"a\ud800": "\udfff"}, "event": "a"}]
    response = {**RESPONSE, "body": {"events": events}}

    check_http(response)

    given = b"".join(StoredResponse(response, "GET").arriving_pieces())
    assert rb'data: {"a\ud800":"\udfff"}' in given
