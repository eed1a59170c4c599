"""Recorded outcomes of clients whose shape no replay could give."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._clients.recorded_shapes import check_http, check_redis, check_sql

FAILURE = {"type": "refused", "class": "ConnectError", "message": "refused"}
RESPONSE = {"status": 200, "reason": "OK", "version": "HTTP/1.1", "headers": []}


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (check_http, {**RESPONSE, "body": {"text": "a"}}),
        (check_http, {"error": FAILURE}),
        (check_http, {**RESPONSE, "error": FAILURE}),
        (check_sql, {"columns": [["id"]], "rows": [[1]]}),
        (check_sql, {}),
        (check_redis, {"reply": "OK"}),
        (check_redis, {"replies": ["OK"]}),
    ],
)
def test_what_an_adapter_writes_passes(check: Any, value: Any) -> None:
    check(value)


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
        (
            check_http,
            {**RESPONSE, "body": {"charset": "latin-1", "events": ["data: €\n\n"]}},
            "can't encode character",
        ),
        (check_sql, {"columns": [], "rows": [[1]]}, "a value for each column"),
        (check_sql, {"rows": {}}, "rows must be of type list"),
        (check_redis, {"replies": 1}, "replies must be of type list"),
    ],
)
def test_another_shape_is_named(check: Any, value: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError, LookupError), match=problem):
        check(value)
