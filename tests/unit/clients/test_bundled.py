"""The table of the bundled clients says what their adapters are and what their calls and answers have."""

from __future__ import annotations

import pytest

from pytest_mimic._clients.bundled import BUNDLED, HTTP_CLIENTS, TAKEN_BY_CASSETTES
from pytest_mimic._core.seam.base import load_adapter
from pytest_mimic._core.seam.registry import is_client, kind_of_client


@pytest.mark.parametrize(
    "name", [name for name in BUNDLED if name not in ("grpc", "mcp")]
)
def test_each_row_leads_to_an_adapter_of_its_kind(name):
    assert is_client(name)
    assert load_adapter(name).kind == kind_of_client(name)


def test_http_is_one_kind_and_cassettes_take_each_kind_once():
    assert {kind_of_client(name) for name in ("http", *HTTP_CLIENTS)} == {"http"}
    assert [kind_of_client(name) for name in TAKEN_BY_CASSETTES] == [
        *TAKEN_BY_CASSETTES
    ]


@pytest.mark.parametrize(
    ("standing", "now", "is_further"),
    [
        ({"response": [1, 2], "code": "OK"}, {"response": [7]}, True),
        ({"response": [1, 2], "code": "UNAVAILABLE"}, {"response": [7]}, False),
        ({"response": [1, 2]}, {"response": [7]}, True),
        ({"response": [1]}, {"response": [7, 8]}, False),
        ({"response": [1, 2]}, {"response": [7], "code": "OK"}, False),
        ({"response": 1, "code": "OK"}, {"response": 7, "code": "OK"}, False),
    ],
)
def test_messages_say_which_stream_of_grpc_was_read_further(standing, now, is_further):
    pytest.importorskip("grpc", reason="needs grpcio")

    assert load_adapter("grpc").is_read_further(standing, now) is is_further


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("http", {"status": 200, "headers": [["content-type", "text/plain"]], "body": {"text": "a"}}),
        ("http", {"status": 200, "headers": [], "body": {"text": "a"}, "end": "stopped"}),
        ("http", {"error": {"type": "reading"}}),
        ("sqlalchemy", {"columns": [["a"]], "rows": [[1]], "rowcount": 1, "lastrowid": 1}),
        ("redis", {"reply": "a"}),
        ("redis", {"error": {"type": "ConnectionError", "after": []}}),
    ],
)  # fmt: skip
def test_what_is_compared_of_an_answer_has_the_words_that_volatile_takes(name, outcome):
    compared = load_adapter(name).comparable(outcome)

    assert compared.keys() <= {*BUNDLED[name].outcome_parts}
