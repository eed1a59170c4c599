"""Known secrets are hidden wherever they are."""

from __future__ import annotations

from base64 import b64encode
from json import dumps

import pytest

from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.secret_values import Environment, hide_values


def test_known_secrets_are_hidden_anywhere() -> None:
    """Very short values would hide too much."""
    text = "hunter2 and hunter2x, (hunter2), a1"

    assert (
        hide_values(text, ["hunter2", "a1"])
        == "<redacted> and hunter2x, (<redacted>), a1"
    )
    assert (
        hide_values("abcd-efgh abcd", ["abcd", "abcd-efgh"]) == "<redacted> <redacted>"
    )


SECRET = "zx81-spectrum-4711-abcd"


def environment(**variables: str) -> Environment:
    return Environment(Redactor(["shop_id", "!wiki_token"]), variables)


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("SHOP_API_KEY", SECRET, True),
        ("shop_token", SECRET, True),
        ("SHOP_ID", SECRET, True),
        ("SHOP_API_KEY", "correct horse battery staple", True),
        ("SHOP_API_KEY", SECRET[:16], True),
        ("SHOP_API_KEY", SECRET[:15], False),
        ("SHOP_API_KEY", " " * 10 + SECRET[:15], False),
        ("SHOP_API_KEY", "Antidisestablishment", False),
        ("SHOP_API_KEY", "", False),
        ("SHOP_API_URL", SECRET, False),
        ("TOKEN_URL", SECRET, False),
        ("WIKI_TOKEN", SECRET, False),
    ],
)
def test_a_value_is_secret_by_its_name_and_length(
    name: str, value: str, is_secret: bool
) -> None:
    found = environment(**{name: value})

    assert bool(found.forms) == is_secret
    assert found.text(f"a {value.strip()} b") == (
        f"a <{name}> b" if is_secret else f"a {value.strip()} b"
    )


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (f"x{SECRET}y", "x<A_TOKEN>y"),
        ({SECRET: [SECRET, 1, None, [{"a": SECRET}]]}, {"<A_TOKEN>": ["<A_TOKEN>", 1, None, [{"a": "<A_TOKEN>"}]]}),
        (b64encode(SECRET.encode()).decode(), "<A_TOKEN>"),
        (dumps({"a": dumps({"b": SECRET})}), dumps({"a": dumps({"b": "<A_TOKEN>"})})),
        ({"chunks": ["a zx81-", "spectrum-4711-abcd b", ""]}, {"chunks": ["a <A_TOKEN> b", "", ""]}),
        ({"chunks": [*SECRET, "b"]}, {"chunks": ["<A_TOKEN>b", *[""] * len(SECRET)]}),
        ({"chunks": [f"a {SECRET}", "b"]}, {"chunks": ["a <A_TOKEN>b", ""]}),
        ({"list": ["a zx81-", "spectrum-4711-abcd b"]}, {"list": ["a zx81-", "spectrum-4711-abcd b"]}),
        ({"base64": b64encode(SECRET.encode()).decode()}, {"base64": b64encode(SECRET.encode()).decode()}),
        ({"$uuid": SECRET}, {"$uuid": SECRET}),
        ({"$shop:User": {"name": SECRET}, "$$a": SECRET}, {"$shop:User": {"name": "<A_TOKEN>"}, "$$a": "<A_TOKEN>"}),
    ],
)  # fmt: skip
def test_the_name_stands_for_the_value_in_plain_data(
    plain: object, expected: object
) -> None:
    assert environment(A_TOKEN=SECRET, Z_TOKEN=SECRET).scrub(plain) == expected


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        "it's 4711-abcd-efgh",
        'a "quote" 4711-abcd',
        "both ' and \\" + '" 4711-ab',
        "ü 4711-abcd-efgh-\\n",
    ],
)
@pytest.mark.parametrize("around", ["", "'", '"', "'\""])
def test_a_value_is_found_in_parts_however_python_shows_them(
    value: str, around: str
) -> None:
    found = environment(A_TOKEN=value)

    assert found.may_be_in(["GET", {"a": [f"b{around} {value}"]}])
    assert found.may_be_in(dumps([value], ensure_ascii=False))
    assert found.may_be_in(dumps([dumps([value])]))
    assert found.may_be_in(
        dumps([dumps([value], ensure_ascii=False)], ensure_ascii=False)
    )
    assert not found.may_be_in(["GET", {"a": [f"b{around} {value[1:]}"]}])


def test_the_longest_value_is_replaced_first() -> None:
    found = environment(A_TOKEN=SECRET, B_TOKEN=f"{SECRET}-more")

    assert found.text(f"{SECRET}-more {SECRET}") == "<B_TOKEN> <A_TOKEN>"


def test_bytes_that_hold_a_value_are_named() -> None:
    found = environment(A_TOKEN=SECRET, B_TOKEN=f"{SECRET}-more")

    assert found.held_by([b"a", memoryview(f"x{SECRET}".encode())]) == {
        "A_TOKEN": SECRET
    }
