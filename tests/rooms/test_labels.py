"""Calls and misses in words: labels, secrets, and what a miss would leave out."""

from __future__ import annotations

import datetime
import uuid

import pytest

from pytest_mimic.engine.nearest import ignorable_in, nearest_of
from pytest_mimic.values.differences import lines_of
from pytest_mimic.values.drawing import lines
from pytest_mimic.values.labels import answer_text, call_label, messages_of
from pytest_mimic.values.tree import cut
from pytest_mimic.values.walk import Walk


def trees(**values):
    return {name: Walk().node(value) for name, value in values.items()}


CHAT = {"model": "gpt-x", "messages": [{"role": "user", "content": [{"text": f"{'Well, ' * 20}will it rain\nin Oslo?"}]}]}  # fmt: skip
MCP = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "search"}}


def post(body, query=""):
    return {"method": "POST", "url": f"https://x.com/v1{query}", "body": {"json": body}}


@pytest.mark.parametrize(
    ("target", "call", "label"),
    [
        ("shop.api:fetch", trees(base="EUR", day=datetime.date(2024, 5, 1)), "shop.api:fetch(base='EUR', day=2024-05-01)"),
        ("shop.api:ping", {}, "shop.api:ping()"),
        ("shop.api:prime", cut(trees(number=16**5000)), f"shop.api:prime(number='0x1{'0' * 73}...)"),
        ("http", {"method": "GET", "url": "https://x.com/rates?to=EUR&q=1%0A2"}, "http GET /rates?to=EUR&q=1 2"),
        ("http", post(CHAT, "?v=1"), "http POST /v1?v=1 (gpt-x: ... Well, Well, Well, will it rain in Oslo?)"),
        ("http", post({"model": "m", "input": "Rain?"}), "http POST /v1 (m: Rain?)"),
        ("http", post(MCP), "http POST /v1 (tools/call search)"),
        ("http", {"url": {"$edited": 1}}, "http {'$edited': 1}"),
        ("sqlalchemy", {"statement": "SELECT id\nFROM users", "parameters": [{"id_1": 7}]}, "sqlalchemy SELECT id FROM users (id_1=7)"),
        ("redis", {"command": "GET", "arguments": {"key": "user:7"}}, "redis GET user:7"),
    ],
)  # fmt: skip
def test_a_call_is_one_line_that_tells_it_apart(target, call, label):
    assert call_label(target, call) == label


def test_a_long_call_is_cut():
    """Short arguments stay whole, and long ones share the room."""
    few = trees(base="EUR", prompt="x" * 300, text="y" * 300)
    many = trees(**{f"argument{number}": number for number in range(50)})

    assert call_label("m:f", few).startswith("m:f(base='EUR', prompt='xxxxxxxxxxxxxxx")
    assert "text='yyyyyyyyyyyyyyyyyyyyyy" in call_label("m:f", few)
    assert call_label("m:f", many).startswith("m:f(argument0=0, argument1=1, ")
    assert len(call_label("m:f", few)) <= len(call_label("m:f", many)) == 120


def test_a_value_is_drawn_over_lines_where_it_does_not_fit_into_one():
    value = {"orders": [], "user": {"name": "Ann", "tags": ("new", "paying")}}
    [tree] = trees(value=value).values()

    assert lines(tree, 30) == [
        "{",
        "  'orders': [],",
        "  'user': {",
        "    'name': 'Ann',",
        "    'tags': ('new', 'paying'),",
        "  },",
        "}",
    ]
    assert lines(tree) == [str(value)]


def test_the_nearest_recording_has_the_fewest_parts_that_differ():
    """Three parts of one argument are nearer than two arguments."""
    now = trees(filters={"x": 1, "y": 5, "z": 7}, page=9)
    recorded = [
        trees(filters="Oslo", page=3),
        trees(filters={"x": 2, "y": 2, "z": 3}, page=9),
    ]

    number, found = nearest_of(now, recorded)

    assert number == 1
    assert lines_of(found) == [
        "filters.x: 2 recorded, 1 now",
        "filters.y: 2 recorded, 5 now",
        "filters.z: 3 recorded, 7 now",
    ]


def test_parts_that_have_changed_are_nearer_than_parts_that_are_new():
    now = trees(texts=["Returns: 30 days", "Express: one day"])
    recorded = [
        trees(texts=["Tea"]),
        trees(texts=["Returns 30 days", "Express one day"]),
    ]

    assert nearest_of(now, recorded)[0] == 1


IDS = [str(uuid.UUID(int=n << 90, version=4)) for n in (77777, 99991, 88883)]


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({"id": IDS[0]}, {"id": IDS[1]}, ("a.id",)),
        ([{"id": IDS[0]}, {"id": IDS[1]}], [{"id": IDS[1]}, {"id": IDS[0]}], ("a.*.id",)),
        ("2026-11-02T10:00:00", "2026-11-03T10:00:00", ("a",)),
        (datetime.datetime(2026, 11, 2), datetime.datetime(2026, 11, 3), ("a",)),
        ("2026-11-02", "2026-11-03", ()),
        ("Today is 2026-11-02.", "Today is 2026-11-03.", ()),
        (f"run {IDS[0]} of tea", f"run {IDS[1]} of tea", ()),
        (f"run {IDS[0]} of tea", f"run {IDS[1]} of coffee", ()),
        (IDS[0], "2026-11-02T10:00:00", ()),
        ("tea", "coffee", ()),
        (1, 2, ()),
        ({"b": 1}, {}, ()),
        ({"port": 42763}, {"port": 44397}, ("a.port",)),
        ({"port": 8080}, {"port": 44397}, ()),
    ],
)  # fmt: skip
def test_only_what_looks_made_anew_would_be_left_out(old, new, paths):
    now = trees(a=new, q="tea")
    _, found = nearest_of(now, [trees(a=old, q="tea")])

    assert ignorable_in(now, found) == paths


def test_nothing_is_left_out_that_makes_two_calls_one():
    one, other, now = (trees(id=number, q="tea") for number in IDS)
    _, found = nearest_of(now, [one])

    assert ignorable_in(now, found, [one]) == ("id",)
    assert ignorable_in(now, found, [one, other]) == ()


CITY = '{"city": "Oslo"}'
OPENAI = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": CITY}},
    {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
]}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"choices": [{"message": OPENAI}]}, f"weather {CITY} time {{}}"),
        (
            {
                "output": [
                    {"type": "function_call", "name": "weather", "arguments": CITY}
                ]
            },
            f"weather {CITY}",
        ),
        (
            {
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "name": "weather", "input": {"city": "Oslo"}},
                ]
            },
            f"Let me see. weather {CITY}",
        ),
        (
            {
                "candidates": [
                    {
                        "content": {
                            "parts": [
                                {
                                    "functionCall": {
                                        "name": "weather",
                                        "args": {"city": "Oslo"},
                                    }
                                }
                            ]
                        }
                    }
                ]
            },
            f"weather {CITY}",
        ),
    ],
    ids=["OpenAI chat", "OpenAI responses", "Anthropic", "Gemini"],
)
def test_the_call_of_a_tool_is_a_part_of_what_a_model_says(answer, text):
    assert answer_text({"json": answer}) == text
    assert messages_of({"messages": [answer]}) == [("user", text)]


def test_the_pieces_of_a_call_of_a_tool_are_joined():
    events = [
        {
            "type": "content_block_start",
            "content_block": {"name": "weather", "input": {}},
        },
        {"type": "content_block_delta", "delta": {"partial_json": '{"city": '}},
        {"type": "content_block_delta", "delta": {"partial_json": '"Oslo"}'}},
    ]

    text = answer_text({"events": [{"data": event} for event in events]})

    assert text == f"weather {CITY}"


@pytest.mark.parametrize("name", ["system", "instructions"])
def test_what_a_model_is_told_beside_its_messages_comes_first(name):
    body = {"messages": [{"role": "user", "content": "hi"}], name: "Be short."}

    assert messages_of(body) == [("system", "Be short."), ("user", "hi")]


def test_a_command_of_an_unknown_client_is_named_by_its_signature():
    """Nobody here knows which of its parts tell it from others."""
    request = {"command": "READ", "room": "kitchen"}

    label = call_label("sensor", request, signature="READ kitchen")

    assert label == "sensor READ kitchen"


@pytest.mark.parametrize(
    ("url", "asked", "shown"),
    [
        ("https://a.test/v1/embeddings", {"model": "text-3", "input": ["a", "tea"]}, "(text-3: tea)"),
        ("https://a.test/v1/embeddings", {"model": "text-3", "input": "tea"}, "(text-3: tea)"),
        ("https://b.test/model/anthropic.claude-v1%3A0/converse", {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "(anthropic.claude-v1:0: hi)"),
        ("https://b.test/model/amazon.titan-embed/invoke", {"inputText": "tea"}, "(amazon.titan-embed: tea)"),
        ("https://g.test/v1beta/models/gemini-2:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}, "(gemini-2: hi)"),
        ("https://g.test/v1beta/models/embed-1:embedContent", {"content": {"parts": [{"text": "tea"}]}}, "(embed-1: tea)"),
        ("https://o.test/openai/deployments/mine/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, "(mine: hi)"),
        ("https://shop.test/pages", {"content": {"text": "tea"}}, ""),
    ],
)  # fmt: skip
def test_a_request_to_a_model_is_drawn_with_its_model_and_words(url, asked, shown):
    label = call_label("http", {"method": "POST", "url": url, "body": {"json": asked}})

    assert label.partition(" (")[2] == shown[1:]
