"""Descriptions of values and calls: short, readable, plain, without secrets, the same everywhere."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import json
import pathlib
import re
import types
import urllib.parse
from typing import Any

import pytest

from pytest_mimic._core.files.places import Places
from pytest_mimic._core.nodes.node_json import plain_of
from pytest_mimic._core.nodes.node_parts import digest_of, items_of
from pytest_mimic._core.tree.call_labels import call_label
from pytest_mimic._core.tree.describing import Budget, described_arguments, tree_of
from pytest_mimic._core.tree.drawing import line
from unit.core.tree.values import REDACTOR, Color, Point, Rate, shown


def test_different_types_have_different_descriptions() -> None:
    values: list[object] = [
        1, 1.0, True, "1", None, decimal.Decimal(1), fractions.Fraction(1), [1], (1,), {1}, frozenset({1}), {1: 1},
        {"1": 1}, b"1", bytearray(b"1"), collections.deque([1]), -0.0, 0.0, "2024-05-01", datetime.date(2024, 5, 1),
        {"$": "date", "text": "2024-05-01"}, Point(1, 1), Rate("1"), Rate, Color.RED, "<redacted> ",
    ]  # fmt: skip

    descriptions = {json.dumps(plain_of(tree_of(value, REDACTOR))) for value in values}

    assert len(descriptions) == len(values)


@pytest.mark.parametrize("tag", ["$date", "$decimal", "$uuid", "$regex"])
def test_a_short_secret_beside_a_name_like_a_tag_is_left_out(tag: str) -> None:
    value = {tag: "x", "password": "abc", "note": "abd"}

    assert shown(value) == f"{{'{tag}': 'x', 'password': <redacted>, 'note': 'abd'}}"
    assert "abc" not in json.dumps(described_arguments({"v": [value]}, REDACTOR))


def test_values_under_secret_names_are_left_out() -> None:
    """Keys, attributes and (name, value) pairs with secret names show that there is a value, but not which."""
    value = {
        "password": "hunter2",
        "token": None,
        b"Authorization": "x",
        "config": types.SimpleNamespace(api_key=b"12345", name="a"),
        "headers": [("X-Api-Key", "k"), ("Accept", "y")],
        "parsed": [["X-Api-Key", "k"], ["Cookie", None], ["Accept", "y"]],
        "form": [
            {"name": "password", "value": "x"},
            {"key": "api_token", "value": 3},
            {"name": "Ann", "value": 3},
        ],
    }

    text = shown(value)

    assert text == (
        "{'password': <redacted>, 'token': None, b'Authorization': <redacted>, "
        "'config': SimpleNamespace(api_key=<redacted>, name='a'), "
        "'headers': [('X-Api-Key', <redacted>), ('Accept', 'y')], "
        "'parsed': [['X-Api-Key', <redacted>], ['Cookie', None], ['Accept', 'y']], "
        "'form': [{'name': 'password', 'value': <redacted>}, {'key': 'api_token', 'value': <redacted>}, "
        "{'name': 'Ann', 'value': 3}]}"
    )


def test_secrets_in_a_command_line_are_left_out() -> None:
    command = [
        "login",
        "--user",
        "ann",
        "--password",
        "hunter2",
        "--api-key=12345",
        "-v",
        "hunter2",
    ]

    assert shown(command) == (
        "['login', '--user', 'ann', '--password', <redacted>, '--api-key=<redacted>', '-v', <redacted>]"
    )
    assert shown(("--token", "abc", "--token")) == "('--token', <redacted>, '--token')"
    assert (
        shown(["password", "hunter2", "token", "-"])
        == "['password', 'hunter2', 'token', '-']"
    )


@pytest.mark.parametrize(
    "split",
    [urllib.parse.urlsplit, urllib.parse.urlparse, urllib.parse.urldefrag],
    ids=lambda f: f.__name__,
)
def test_a_parsed_url_is_shown_whole_without_secrets(split: Any) -> None:
    url = "https://ann:hunter2@shop.com/a?token=abc&b=1"

    for value in (split(url), split(url.encode())):
        assert shown(value) == "https://ann:<redacted>@shop.com/a?token=<redacted>&b=1"


def test_a_secret_is_left_out_of_all_arguments() -> None:
    arguments = {
        "password": "hunter2",
        "headers": {"Authorization": "Bearer abcdef"},
        "note": "ann/hunter2 abcdef",
        "raw": b"x hunter2",
        "url": "https://shop.com/?q=hunter2&token=abc",
        "hunter2": 1,
    }

    text = call_label("m:f", described_arguments(arguments, REDACTOR), width=1_000)

    assert "abcdef" not in text
    assert text.startswith(
        "m:f(password=<redacted>, headers={'Authorization': <redacted>}, note='ann/<redacted> <redacted>', "
        "raw=b'x <redacted>', url='https://shop.com/?q=<redacted>&token=<redacted>'"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (list(range(100)), "[0, 1, ... 98 more]"),
        (tuple(range(100)), "(0, 1, ... 98 more)"),
        (set(range(100)), "{0, 1, ... 98 more}"),
        ({str(n): n for n in range(100)}, "{'0': 0, '1': 1, ... 98 more}"),
        ({n: n for n in range(100)}, "{0: 0, 1: 1, ... 98 more}"),
        (types.SimpleNamespace(a=1, b=2, c=3), "SimpleNamespace(a=1, b=2, ... 1 more)"),
        ({("a", 1), ("b", 2), ("c", 3)}, "{... 3 more}"),
    ],
)
def test_large_containers_are_cut_and_still_differ(value: object, text: str) -> None:
    description = tree_of(
        value, REDACTOR, budget=Budget(characters=500, items=2, depth=3, text=100)
    )

    assert line(description) == text
    assert re.search(r"#[0-9a-f]{8}", line(description, digests=True))


def test_no_digest_is_of_what_holds_a_secret() -> None:
    pairs = {str(number): number for number in range(5)}
    values = [
        {"password": "hunter2", **pairs},
        [{"password": "hunter2"}, *pairs],
        "x" * 500 + "hunter2",
        pairs,
    ]

    digests: list[str] = []
    for value in values:
        budget = Budget(characters=500, items=2, depth=4, text=100)
        node = tree_of([value, {"password": "hunter2"}], REDACTOR, budget=budget)
        digests.append(digest_of(items_of(node)[0]))

    assert [bool(digest) for digest in digests] == [False, False, False, True]


def test_deep_values_are_cut_and_still_differ() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert shown(deep) == f"{'[' * 12}<list of 1>{']' * 12}"
    assert shown({"a": [Rate()]}, budget=Budget(200, 10, 2, 50)) == "{'a': [<Rate>]}"


def test_a_value_inside_itself_is_marked_as_a_cycle() -> None:
    cycle: list[object] = [1]
    cycle.append(cycle)
    shared = [1]

    assert shown(cycle) == "[1, <cycle>]"
    assert shown([shared, shared]) == "[[1], [1]]"


def test_a_description_stays_near_its_budget() -> None:
    large = {
        "rows": [{"text": "x" * 1_000, "n": n} for n in range(1_000)],
        "base": "EUR",
        "n": 3,
    }

    description = plain_of(tree_of(large, REDACTOR))

    assert len(json.dumps(description)) < 25_000
    assert description["base"] == "EUR"
    assert description["n"] == 3
    assert description["rows"]["length"] == 1_000
    assert description["rows"]["$list"][0]["text"] == "x" * 1_000


def test_paths_in_known_folders_are_relative(tmp_path: pathlib.Path) -> None:
    places = Places(str(tmp_path))

    assert shown(tmp_path / "a" / "b.csv", places=places) == "<rootdir>/a/b.csv"
    assert shown(tmp_path, places=places) == "<rootdir>"
    assert shown(pathlib.Path(f"{tmp_path}x"), places=places) == f"{tmp_path}x"
    assert shown(str(tmp_path), places=places) == repr(str(tmp_path))


LONG = "1" * 5_000


@pytest.mark.parametrize(
    "make",
    [
        re.compile,
        decimal.Decimal,
        lambda text: re.compile(text, re.IGNORECASE),
        lambda text: re.compile(text.encode()),
        Rate,
    ],
    ids=["pattern", "decimal", "flags", "bytes", "subclass"],
)
def test_texts_of_values_that_differ_beyond_what_is_shown_have_digests(make) -> None:
    first, second = (
        described_arguments({"p": make(LONG + end)}, REDACTOR) for end in "12"
    )

    assert first != second
    assert len(json.dumps(first)) < len(LONG)


def test_a_digest_tells_nothing_of_a_secret_in_a_long_text() -> None:
    first, second = (
        described_arguments(
            {"p": re.compile(f"{LONG}{secret}"), "password": secret}, REDACTOR
        )
        for secret in ("hunter2", "hunter3")
    )

    assert first == second


# Libraries


def test_a_value_with_a_failing_length_is_shown_by_its_type() -> None:
    """A single rotation of scipy has no length, although its class defines one."""
    spatial = pytest.importorskip(
        "scipy.spatial.transform", reason="scipy is not installed"
    )

    assert shown(spatial.Rotation.from_quat([0, 0, 0, 1])) == "<Rotation>"


class Gap:
    pass


UNKNOWN, EMPTY = Gap(), Gap()


def test_a_constant_among_others_of_its_class_is_shown_by_its_name() -> None:
    assert shown([UNKNOWN, EMPTY]) == "[<Gap UNKNOWN>, <Gap EMPTY>]"


def test_attrs_and_pydantic_models_show_their_fields() -> None:
    attrs = pytest.importorskip("attrs", reason="attrs is not installed")
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
    plain = attrs.make_class("Plain", ["a", "token"])
    model = pydantic.create_model("Model", a=(int, ...), __config__={"extra": "allow"})

    assert shown(plain(1, "abc")) == "Plain(a=1, token=<redacted>)"
    assert shown(model(a=1, b="x")) == "Model(a=1, b='x')"


# Labels
