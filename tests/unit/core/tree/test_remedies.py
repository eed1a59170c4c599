"""What is offered for a call that differs from its recording, and what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mimic._core.commands import Commands, Remedy
from pytest_mimic._core.nodes.node_json import node_of
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.tree.differing import (
    Difference,
    argument_differences,
    differences,
)
from pytest_mimic._core.tree.made_anew import parts_made_anew
from pytest_mimic._core.tree.remedies import ignoring, volatile
from unit.core.tree.recorded import described

ID = "70869499-4229-48ba-8a6e-13d00f2c9e0a"
NEW_ID = "f42d0ef2-33a0-48ac-b610-8c7122e77abc"
THEN, NOW = "2026-11-20T09:43:52.6Z", "2026-11-21T10:00:00.1Z"
CLOCK, IDS = "freeze-the-clock", "seed-the-ids"
SEEDS = "seed-random-values"


def offered(
    target: str, old: dict[str, Any], new: dict[str, Any], *others: dict[str, Any]
) -> list[str]:
    """Return the lines that are offered for a call, short."""
    parts = parts_made_anew(argument_differences(old, new))
    if parts is None:
        return []
    remedies = ignoring(
        parts, target, target, Options(), arguments=new, others=[old, *others]
    )
    return [_short(remedy) for remedy in remedies]


def _short(remedy: Remedy) -> str:
    line = Commands().line(remedy._replace(purpose=""))
    return line.rpartition("#")[2]


def message(text: str) -> dict[str, Any]:
    return {"body": {"model": "m", "messages": [{"role": "user", "content": text}]}}


#: What differs, and what is offered. Nothing is offered where a question differs.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "an id in a body": (
        "http",
        {"body": {"metadata": {"run_id": ID}}},
        {"body": {"metadata": {"run_id": NEW_ID}}},
        ["http ignore=body.metadata.run_id"],
    ),
    "one item of several": (
        "http",
        {"body": {"items": [{"id": ID}, {"id": 1}]}},
        {"body": {"items": [{"id": NEW_ID}, {"id": 1}]}},
        ["http ignore=body.items.0.id"],
    ),
    "the digest of bytes": (
        "http",
        {"body": {"size": 18, "sha256": "866a4d1389c7e929d09d01d1a9c846e2" * 2}},
        {"body": {"size": 18, "sha256": "d9e4be91d9e8b0cd1096f6f7a43bdd2f" * 2}},
        [],
    ),
    "an id in a text of code": (
        "http",
        {"body": {"query": f'{{order(id:"{ID}"){{total}}}}'}},
        {"body": {"query": f'{{order(id:"{NEW_ID}"){{total}}}}'}},
        [IDS],
    ),
    "an id in a link": (
        "http",
        {"body": {"link": f"https://shop.test/orders/{ID}"}},
        {"body": {"link": f"https://shop.test/orders/{NEW_ID}"}},
        [IDS],
    ),
    "an id with a word": (
        "http",
        {"body": {"run": f"run_{ID}"}},
        {"body": {"run": f"run_{NEW_ID}"}},
        ["http ignore=body.run"],
    ),
    "a moment in the query": (
        "http",
        {"query": {"since": THEN}},
        {"query": {"since": NOW}},
        ["http ignore=query.since"],
    ),
    "a prompt": ("http", message("About tea?"), message("Delete everything?"), []),
    "a prompt with a date": (
        "http",
        message("Today is 2026-11-20. Be brief."),
        message("Today is 2026-11-21. Be brief."),
        [CLOCK],
    ),
    "a prompt with an id": (
        "http",
        message(f"Session {ID}: be brief."),
        message(f"Session {NEW_ID}: be brief."),
        [IDS],
    ),
    "a prompt with a date that was edited": (
        "http",
        message("Today is 2026-11-20. Be brief."),
        message("Today is 2026-11-21. Be long."),
        [],
    ),
    "a model": (
        "http",
        {"body": {"model": "gpt-5-mini"}},
        {"body": {"model": "gpt-6-mini"}},
        [],
    ),
    "a number": ("http", {"query": {"page": 1}}, {"query": {"page": 2}}, []),
    "a part as a whole": ("http", {"body": ID}, {"body": NEW_ID}, [IDS]),
    "a method": ("http", {"method": "GET"}, {"method": "PUT"}, []),
    "a path": ("http", {"url": f"/a/{ID}"}, {"url": f"/a/{NEW_ID}"}, [IDS]),
    "a statement": (
        "sqlalchemy",
        {"statement": "SELECT a"},
        {"statement": "SELECT b"},
        [],
    ),
    "an id in a statement": (
        "sqlalchemy",
        {"params": {"id": ID}},
        {"params": {"id": NEW_ID}},
        [IDS],
    ),
    "a moment in a statement": (
        "sqlalchemy",
        {"params": {"made": {"$datetime": "2026-11-20T09:43:52"}}},
        {"params": {"made": {"$datetime": "2026-11-21T09:43:52"}}},
        ["sqlalchemy ignore=params.made"],
    ),
    "a key of Redis": (
        "redis",
        {"command": ["GET", f"user:{ID}"]},
        {"command": ["GET", f"user:{NEW_ID}"]},
        [IDS],
    ),
    "a moment as a key of Redis": (
        "redis",
        {"command": ["GET", "1764079439"]},
        {"command": ["GET", "1764079440"]},
        [CLOCK],
    ),
    "a command of another length": (
        "redis",
        {"command": ["SADD", "a", "b"]},
        {"command": ["SADD", "a", "b", "c", "d", "e", "f", "g"]},
        [],
    ),
    "an id as an argument": (
        "m:f",
        {"run": ID},
        {"run": NEW_ID},
        ["m:f ignore=run"],
    ),
    "a date as an argument": (
        "m:f",
        {"day": {"$date": "2024-05-01"}},
        {"day": {"$date": "2024-05-02"}},
        [CLOCK],
    ),
    "a frame": (
        "m:fit",
        {"frame": {"$text": "<DataFrame>", "type": "DataFrame", "digest": "1"}},
        {"frame": {"$text": "<DataFrame>", "type": "DataFrame", "digest": "2"}},
        [],
    ),
    "a name": ("m:f", {"name": "Ann"}, {"name": "Zoe"}, []),
    "a generator of random numbers in another state": (
        "m:f",
        {
            "rng": {
                "$text": "Generator(PCG64)",
                "type": "numpy:Generator",
                "digest": "1",
            }
        },
        {
            "rng": {
                "$text": "Generator(PCG64)",
                "type": "numpy:Generator",
                "digest": "2",
            }
        },
        [SEEDS],
    ),
    "a generator of random numbers of another kind": (
        "m:f",
        {"rng": {"$text": "Generator(PCG64)", "type": "numpy:Generator"}},
        {"rng": {"$text": "Generator(MT19937)", "type": "numpy:Generator"}},
        [],
    ),
    "an argument that was added": ("m:f", {"id": ID}, {"id": NEW_ID, "x": 1}, []),
    "two kinds": (
        "m:f",
        {"id": ID, "at": THEN},
        {"id": NEW_ID, "at": NOW},
        ["m:f ignore=id,at"],
    ),
    "more than three": (
        "m:f",
        {"a": ID, "b": ID, "c": ID, "d": ID},
        {"a": NEW_ID, "b": NEW_ID, "c": NEW_ID, "d": NEW_ID},
        [IDS],
    ),
    "a name with a comma": ("m:f", {"x": {"a,b": ID}}, {"x": {"a,b": NEW_ID}}, [IDS]),
}


@pytest.mark.parametrize(("target", "old", "new", "lines"), CASES.values(), ids=CASES)
def test_a_line_is_offered_for_what_is_made_anew_alone(target, old, new, lines) -> None:
    assert offered(target, old, new) == lines


def test_no_line_makes_two_recorded_calls_one() -> None:
    first, second, now = ({"run": ID}, {"run": NEW_ID}, {"run": ID[:-1] + "b"})

    assert offered("m:f", first, now) == ["m:f ignore=run"]
    assert offered("m:f", first, now, second) == [IDS]
    assert offered("m:f", first, now, {"run": NEW_ID, "x": 1}) == ["m:f ignore=run"]


class Tagged(dict[Any, Any]):
    """A mapping whose items and attributes may have the same names."""

    id = ID


def tagged(new_id: str) -> Tagged:
    mapping = Tagged(id="EUR")
    mapping.id = new_id
    return mapping


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({0: ID, "0": "EUR"}, {0: NEW_ID, "0": "EUR"}),
        ({"*": ID, "base": "EUR"}, {"*": NEW_ID, "base": "EUR"}),
        ({r"a\b": ID}, {r"a\b": NEW_ID}),
        (tagged(ID), tagged(NEW_ID)),
    ],
    ids=["a number and a text", "a star", "a backslash", "an item and an attribute"],
)
def test_no_line_means_more_than_the_part_that_differs(old, new) -> None:
    then, now = described(rates=old), described(rates=new)

    assert offered("m:f", then, now) == [IDS]


def test_a_drift_of_a_key_that_is_a_star_gets_no_line() -> None:
    found = [Difference("body['*']", ID, NEW_ID)]

    assert volatile(found, "http", "", Options()) == []


@pytest.mark.parametrize("same", ["EUR", {"a": ["EUR", {"$tuple": [1]}]}])
def test_no_line_makes_two_other_calls_one(same) -> None:
    """A line is for all calls of its target, not only for the one that missed."""
    old, now = {"city": "Oslo", "run": ID}, {"city": "Oslo", "run": NEW_ID}
    first = {"city": same, "run": ID[:-1] + "c"}
    second = {"city": same, "run": ID[:-1] + "d"}

    assert offered("m:f", old, now, first) == ["m:f ignore=run"]
    assert offered("m:f", old, now, first, second) == [IDS]


def command(*words: str | None) -> dict[str, Any]:
    return {"signature": f"{words[0]} {words[1]}", "command": [*words]}


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (command("HMGET", "h:1", "age", "name"), [CLOCK]),
        (command("HSET", "h:2", "run", ID), ["redis ignore=command.3"]),
        (command("HSET", "h:2", "run", None), ["redis ignore=command.3"]),
        (command("GET", "h:2"), ["redis ignore=command.3"]),
    ],
    ids=["data", "another id", "None", "nothing"],
)
def test_no_line_leaves_data_out_of_another_call_of_a_client(other, lines) -> None:
    old, now = command("HSET", "h:1", "at", THEN), command("HSET", "h:1", "at", NOW)

    assert offered("redis", old, now, other) == lines


def test_a_line_with_only_is_offered_whatever_other_calls_have() -> None:
    old, now = command("HSET", "h:1", "at", THEN), command("HSET", "h:1", "at", NOW)
    parts = parts_made_anew(argument_differences(old, now))
    assert parts is not None

    remedies = ignoring(
        parts,
        "redis",
        "redis",
        Options(only=("HSET",)),
        arguments=now,
        others=[old, command("HMGET", "h:1", "age", "name")],
    )

    assert [_short(remedy) for remedy in remedies] == [
        "redis only=HSET ignore=command.3"
    ]


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([("body.id", ID, NEW_ID)], ["http volatile=body.id"]),
        ([("rows[0].created", THEN, NOW)], ["http volatile=rows.0.created"]),
        ([("body.id", ID, NEW_ID), ("body.price", 1, 2)], []),
        ([("body.text", "About tea", "About coffee")], []),
        ([("body.text", "It is 2026-11-20 now", "It is 2026-11-21 now")], []),
        ([("", ID, NEW_ID)], []),
        # The line would compare no body of any answer.
        ([("body", ID, NEW_ID)], []),
    ],
)
def test_a_drift_gets_the_line_by_the_same_rule(parts, lines) -> None:
    found = [Difference(path, old, new) for path, old, new in parts]

    remedies = volatile(found, "http", "", Options())

    assert [_short(remedy) for remedy in remedies] == lines


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([{"id": ID}, {"id": ID}], "rows.*.id"),
        ([{"id": ID}, {"id": ID}, {"id": 1}], "rows.0.id,rows.1.id"),
        ([[ID, 1, 2, ID]], "rows.0.0,rows.0.3"),
        ([{"ids": [ID, ID]}], "rows.0.ids.*"),
        ([{"ids": [ID, ID]}, {"ids": [ID, ID]}], "rows.*.ids.*"),
        ([{"ids": [ID, ID]}, {"ids": [ID, 1]}], "rows.0.ids.*,rows.1.ids.0"),
    ],
)
def test_a_star_is_offered_only_where_all_items_of_a_list_differ(rows, line) -> None:
    now = json.loads(json.dumps(rows).replace(ID, NEW_ID))
    found = differences(node_of({"rows": rows}), node_of({"rows": now}))

    remedies = volatile(found, "sqlalchemy", "", Options())

    assert [_short(remedy) for remedy in remedies] == [f"sqlalchemy volatile={line}"]
