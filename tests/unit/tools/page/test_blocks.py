"""What the page shows inside a call."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mimic._core.nodes.node_classes import Fields, Opaque
from pytest_mimic._core.tree.differing import Difference
from pytest_mimic._tools.page.blocks import (
    MOST_CHARACTERS_OF_TEXT,
    MOST_ITEMS,
    PageJson,
    argument_blocks,
    diff_block,
    request_blocks,
    response_blocks,
    stream_blocks,
    table_block,
    value_blocks,
)

CHAT = {
    "model": "gpt-x",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Rain?"},
    ],
}


def response(body: Any, kind: str = "application/json") -> dict[str, Any]:
    headers = [["Content-Type", kind]]
    return {"status": 200, "reason": "OK", "headers": headers, "body": body}


def types(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["type"] for block in blocks]


def test_a_request_shows_its_url_with_its_query() -> None:
    blocks = request_blocks(
        {
            "signature": "GET /rates",
            "method": "GET",
            "url": "http://a.test/rates",
            "query": {"base": "EUR", "day": ["1", "2"]},
            "headers.accept": "text/csv",
        }
    )

    request, headers = blocks
    assert request["pairs"] == [
        ("method", "GET"),
        ("url", "http://a.test/rates?base=EUR&day=1&day=2"),
    ]
    assert headers["pairs"] == [("accept", "text/csv")]


def test_a_request_to_a_language_model_shows_roles_and_texts() -> None:
    chat, body = request_blocks({"body": CHAT})

    assert chat["messages"] == [("system", "Be brief."), ("user", "Rain?")]
    assert body == {"type": "json", "title": "body", "value": CHAT, "folded": True}


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        ({"json": {"a": 1}}, ["fields", "headers", "json"]),
        ({"text": "hello"}, ["fields", "headers", "text"]),
        ({"chunks": ["a", "b"]}, ["fields", "headers", "events"]),
        ({"base64": "iVBO"}, ["fields", "headers", "text"]),
        ({}, ["fields", "headers"]),
    ],
)
def test_an_answer_is_shown_as_what_it_is(
    body: dict[str, Any], kinds: list[str]
) -> None:
    assert types(response_blocks(response(body))) == kinds


def test_a_stream_of_a_language_model_shows_its_text_first() -> None:
    events = [{"json": {"choices": [{"delta": {"content": text}}]}} for text in "abc"]

    *_, text, folded = response_blocks(response({"events": events}))

    assert (text["title"], text["text"]) == ("streamed text", "abc")
    assert folded["title"] == "3 events"


def test_a_small_image_is_shown_and_a_picture_that_may_run_a_script_is_not() -> None:
    png = response_blocks(response({"base64": "iVBO"}, "image/png"))[-1]
    svg = response_blocks(response({"base64": "PHN2"}, "image/svg+xml"))[-1]

    assert png["url"] == "data:image/png;base64,iVBO"
    assert svg["text"] == "3 bytes, image/svg+xml"


def test_rows_are_a_table() -> None:
    rows, besides = value_blocks(
        {"columns": [["id", 23], ["name"]], "rows": [[1, "pen"]], "rowcount": 1}
    )

    assert rows == {
        "type": "table",
        "title": "1 row",
        "columns": [["id", ""], ["name", ""]],
        "rows": [["1", "pen"]],
        "more": 0,
    }
    assert besides["value"] == {"rowcount": 1}


def test_an_empty_reply_shows_nothing() -> None:
    assert value_blocks({}) == []


def test_a_long_table_says_how_many_rows_are_left_out() -> None:
    block = table_block([("n", "")], [[n] for n in range(MOST_ITEMS + 7)])

    assert (len(block["rows"]), block["more"]) == (MOST_ITEMS, 7)


def test_arguments_of_a_function_are_in_pythons_notation() -> None:
    [block] = argument_blocks({"day": Opaque("date", "2026-11-02"), "city": "Oslo"})

    assert block["pairs"] == [("day", "2026-11-02"), ("city", "'Oslo'")]


def test_items_of_a_generator() -> None:
    [block] = stream_blocks([Fields("dict", {"row": 1}), 2])

    assert (block["title"], block["items"]) == ("2 items", ["{'row': 1}", "2"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (
            "x" * (MOST_CHARACTERS_OF_TEXT + 5),
            "x" * MOST_CHARACTERS_OF_TEXT + " … 5 more characters",
        ),
        ([1] * (MOST_ITEMS + 2), [1] * MOST_ITEMS + ["… 2 more"]),
        ({"a": None, "b": True}, {"a": None, "b": True}),
    ],
    ids=["text", "list", "mapping"],
)
def test_json_is_cut_where_it_is_long(value: object, shown: object) -> None:
    assert PageJson().fitted_to_page(value) == shown


def test_json_that_nests_deeply_is_cut() -> None:
    value: Any = "end"
    for _ in range(10_000):
        value = [value]

    assert str(PageJson().fitted_to_page(value)).count("[") == 13


def test_differences_have_both_sides_or_a_fact() -> None:
    sides = Difference("day", "Monday", "Friday")
    fact = Difference("frame", 1, 2, "2 rows recorded, 3 now")

    both, worded = diff_block([sides, fact]), diff_block([fact])

    assert both["title"] == "what differs: \N{MINUS SIGN} recorded, + now"
    assert both["parts"] == [
        ["day", [("-", "'Monday'")], [("+", "'Friday'")], ""],
        ["frame", (), (), "2 rows recorded, 3 now"],
    ]
    assert worded["title"] == "what differs"


def test_only_the_first_differences_are_drawn_and_the_others_counted() -> None:
    found = [Difference(f"n{number}", 1, 2) for number in range(MOST_ITEMS + 7)]

    block = diff_block(found)

    assert (len(block["parts"]), block["more"]) == (MOST_ITEMS, 7)
