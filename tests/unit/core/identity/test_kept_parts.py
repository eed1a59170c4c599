"""The identity of a call can be computed from what its recording keeps of its parts."""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.identity.kept_parts import (
    NotKeptError,
    client_key,
    client_parts,
    function_key,
    function_parts,
    values_of_client_parts,
)
from pytest_mimic._core.redact.redactor import NO_REDACTION, Redactor
from pytest_mimic._core.tree.describing import described_arguments, described_parts

TARGET = "shop:send"


class Order:
    """An object that a description does not show whole."""

    def __init__(self, number: int) -> None:
        self.number = number


def kept(
    arguments: dict[str, Any], *, ignore: tuple[str, ...] = (), hides: bool = False
) -> tuple[str, Any, Any]:
    """Return the identity, the parts and the description of a call, as JSON has them."""
    names = tuple(arguments)
    identity = CallIdentity(TARGET, names, ignore=ignore)
    values = tuple(arguments.values())
    key = identity.key(values)
    forms = identity.forms(values)
    assert forms is not None
    redactor = Redactor() if hides else NO_REDACTION
    shown = {
        name: value
        for name, value in arguments.items()
        if name not in ignore and not name.startswith("**")
    }
    shown |= arguments.get("**extra", {})
    described = described_arguments(shown, redactor)
    parts = function_parts(identity, forms, values, described, hides=lambda _: hides)
    return key, json.loads(json.dumps(parts)), json.loads(json.dumps(described))


@pytest.mark.parametrize(
    "value",
    [
        1,
        1.5,
        "text",
        None,
        True,
        -0.0,
        float("nan"),
        b"bytes",
        b"\xff\x00 not a text",
        [b"\xe9", ["x" * 300]],
        [1, [2, "x"]],
        (1, (2,)),
        {"a": {"b": 1}},
        {1: "x", (2, 3): None},
        {1, 2},
        frozenset({"a"}),
        date(2024, 1, 2),
        datetime(2024, 1, 2, 3, 4, tzinfo=timezone.utc),
        Decimal("1.50"),
        UUID(int=7),
        timedelta(days=1),
        Fraction(1, 3),
        deque([1, (2,)], 3),
        Counter("aab"),
        re.compile("a+"),
        datetime(2024, 1, 2, 3, 4, tzinfo=ZoneInfo("Europe/Berlin")),
        {"$date": 1, "n": (2,)},
        {"$decimal": "1.50"},
        {"$date": "2026-11-02"},
        "x" * 4_000,
        "x" * 10_000,
        ["x" * 4_000] * 10,
        list(range(60)),
        tuple(range(60)),
        dict.fromkeys(map(str, range(60)), 1.5),
        list(range(1_000)),
        Order(3),
        [Order(3), 1],
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_identity_of_a_function_s_call_is_computed_from_its_parts(
    value: Any,
) -> None:
    key, parts, described = kept({"value": value, "other": 1})

    assert function_key(TARGET, parts, described, recorded={}) == key


@pytest.mark.parametrize(
    "value",
    [
        {"sent_at": datetime(2024, 1, 2), "n": 1},
        {"sent_at": "x", "items": [{"id": 1}, {"id": 2}]},
    ],
    ids=["a moment", "plain"],
)
def test_a_path_that_is_ignored_later_is_left_out_of_what_was_described(
    value: Any,
) -> None:
    _, parts, described = kept({"payload": value})
    ignore = ("payload.sent_at",)

    key = function_key(TARGET, parts, described, recorded={}, ignore=ignore)

    assert key == CallIdentity(TARGET, ("payload",), ignore=ignore).key((value,))


@pytest.mark.parametrize(
    "document",
    [{"$decimal": "1.50"}, {"$date": "2026-11-02"}, {"$uuid": str(UUID(int=7))}],
    ids=str,
)
def test_a_mapping_like_a_tag_is_never_taken_for_the_value_of_the_tag(
    document: Any,
) -> None:
    payload = {"doc": document, "n": 1}
    recorded = {"ignore": ["payload.doc"]}
    _, parts, described = kept({"payload": payload}, ignore=("payload.doc",))
    ignore = ("payload.n",)

    try:
        key = function_key(TARGET, parts, described, recorded=recorded, ignore=ignore)
    except NotKeptError:
        return

    assert key == CallIdentity(TARGET, ("payload",), ignore=ignore).key((payload,))


def test_a_path_that_counts_again_is_taken_from_the_description() -> None:
    payload = {"sent_at": datetime(2024, 1, 2), "n": 1}
    recorded = {"ignore": ["payload.sent_at"]}
    _, parts, described = kept({"payload": payload}, ignore=("payload.sent_at",))

    key = function_key(TARGET, parts, described, recorded=recorded, ignore=())

    assert key == CallIdentity(TARGET, ("payload",)).key((payload,))


def test_an_argument_that_is_known_by_its_digest_alone_keeps_its_paths() -> None:
    order = {"order": Order(3), "n": 1}
    _, parts, described = kept({"order": order, "day": 1})

    with pytest.raises(NotKeptError, match=r"^order$"):
        function_key(TARGET, parts, described, recorded={}, ignore=("order.n",))


def test_a_whole_argument_that_is_ignored_later_needs_no_value() -> None:
    _, parts, described = kept({"order": Order(3), "day": 1})

    key = function_key(TARGET, parts, described, recorded={}, ignore=("order",))

    names = ("order", "day")
    assert key == CallIdentity(TARGET, names, ignore=("order",)).key((Order(3), 1))


def test_an_argument_that_did_not_count_is_not_kept() -> None:
    recorded = {"ignore": ["session"]}
    _, parts, described = kept({"session": Order(1), "day": 1}, ignore=("session",))

    with pytest.raises(NotKeptError, match=r"^session$"):
        function_key(TARGET, parts, described, recorded=recorded, ignore=())


def test_an_ignored_name_that_no_argument_has_changes_nothing() -> None:
    recorded = {"ignore": ["session"]}
    key, parts, described = kept({"day": 1}, ignore=("session",))

    assert function_key(TARGET, parts, described, recorded=recorded, ignore=()) == key


def test_a_secret_has_no_digest_and_no_identity() -> None:
    key, parts, described = kept(
        {"login": {"password": "geheim 123456", "at": date(2024, 1, 2)}}, hides=True
    )

    assert parts == {"login": None}
    assert function_key(TARGET, parts, described, recorded={}) != key


def test_a_secret_that_was_ignored_does_not_count_as_its_placeholder() -> None:
    ignore = ("login.password",)
    login = {"password": "geheim 123456", "user": "ann"}
    key, parts, described = kept({"login": login}, ignore=ignore, hides=True)
    recorded = {"ignore": list(ignore)}

    assert function_key(TARGET, parts, described, recorded=recorded) == key
    with pytest.raises(NotKeptError, match=r"^login$"):
        function_key(TARGET, parts, described, recorded=recorded, ignore=())


def test_arguments_in_extra_are_found_by_their_own_names() -> None:
    names = {"day": 1, "**extra": {"tag": "a", "trace": "b"}}
    key, parts, described = kept(names)

    now = function_key(TARGET, parts, described, recorded={}, ignore=("trace",))

    assert function_key(TARGET, parts, described, recorded={}) == key
    identity = CallIdentity(TARGET, tuple(names), ignore=("trace",))
    assert now == identity.key((1, {"tag": "a", "trace": "b"}))


def test_the_marker_of_the_signature_is_kept_as_such() -> None:
    marker = object()
    identity = CallIdentity(TARGET, ("day", "zone"), defaults=(None, marker))
    key = identity.key((1, marker))
    forms = identity.forms((1, marker))
    assert forms is not None
    described = {"day": 1, "zone": {"$text": "<object>", "type": "object"}}

    parts = function_parts(
        identity, forms, (1, marker), described, hides=lambda _: False
    )

    assert parts == {"day": None, "zone": "default"}
    assert function_key(TARGET, parts, described, recorded={}) == key


def test_a_call_that_a_function_identifies_has_no_forms_to_keep() -> None:
    identity = CallIdentity(TARGET, ("day",), key=lambda bound: bound["day"])

    forms = identity.forms((1,))

    assert forms is None


# Clients

REQUEST = {
    "method": "GET",
    "host": "shop.test",
    "query": None,
    "body": {"id": 1, "run": "a"},
}
NAMES = ("method", "host", "query", "body")


def client_call() -> tuple[dict[str, Any], dict[str, Any]]:
    described = {"method": "GET", "body": REQUEST["body"]}
    parts = client_parts(NAMES, REQUEST, described, dict)
    return values_of_client_parts(parts, described), described


def computed(**options: Any) -> str:
    values, described = client_call()
    given = {"recorded_match": (), "ignore": (), "match": (), "implied": {}}
    return client_key("http", values, described, **{**given, **options})


def test_the_parts_of_a_request_stand_in_the_description_or_beside_it() -> None:
    values, _ = client_call()

    assert values == REQUEST
    assert list(values) == list(NAMES)


def test_a_part_that_is_described_by_another_word_is_kept() -> None:
    parts = client_parts(("server",), {"server": 0}, {"server": "python"}, dict)

    assert parts == {"server": 0}


def test_the_identity_of_a_request_is_computed_under_other_options() -> None:
    ignored = CallIdentity("http", NAMES, ignore=("body.run",))
    matched = CallIdentity("http", (*NAMES, "match body.id"))

    assert computed() == CallIdentity("http", NAMES).key(tuple(REQUEST.values()))
    assert computed(ignore=["body.run"]) == ignored.key(tuple(REQUEST.values()))
    assert computed(match=["body.id"]) == matched.key((*REQUEST.values(), 1))


@pytest.mark.parametrize(
    "typed_text",
    [
        {"$date": "2026-11-02"},
        {"$datetime": "2026-11-02T10:00:00+00:00"},
        {"$decimal": "1.50"},
        {"$uuid": "70869499-4229-48ba-8a6e-13d00f2c9e0a"},
        {"$base64": "/w=="},
        {"$memoryview": [{"$bytes": "x"}]},
    ],
    ids=lambda typed_text: next(iter(typed_text)),
)
def test_a_text_with_its_type_is_kept_as_plain_data(typed_text: dict[str, Any]) -> None:
    """Clients send it so: it counts as a mapping, not as the value that it stands for."""
    call = {"params": {"made": [typed_text]}}
    described = described_parts(call)
    parts = client_parts(("params",), call, described, dict)

    values = values_of_client_parts(parts, described)

    assert values == call


def test_a_part_that_no_option_had_named_is_not_kept() -> None:
    with pytest.raises(NotKeptError, match=r"^headers\.accept-language$"):
        computed(match=["headers.accept-language"])


def test_a_part_that_the_request_lacked_counts_as_none() -> None:
    options = {"match": ["headers.x-user"], "recorded_match": ["headers.x-user"]}

    identity = CallIdentity("http", (*NAMES, "match headers.x-user"))
    assert computed(**options) == identity.key((*REQUEST.values(), None))


@pytest.mark.parametrize(
    "tree",
    [
        {"$cut": "str", "start": "x", "length": 9_000},
        {"$list": [1], "length": 50, "digest": "1a2b3c4d"},
        {"$shop:Order": {"number": 1}},
        {"$date": "tomorrow"},
        {"$text": "<Order>", "type": "shop:Order"},
    ],
    ids=["cut", "long", "an object", "no date", "a text"],
)
def test_what_a_description_does_not_show_whole_is_not_restored(tree: Any) -> None:
    with pytest.raises(NotKeptError, match=r"^order$"):
        function_key(TARGET, {"order": None}, {"order": [tree]}, recorded={})
