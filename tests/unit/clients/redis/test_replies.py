"""Commands and replies of Redis as plain data without secrets."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

pytest.importorskip("redis")

from redis import exceptions

from pytest_mimic._clients.redis.redis_commands import describe_commands
from pytest_mimic._clients.redis.replies import (
    comparable_reply,
    load_redis_error,
    load_reply,
    store_reply,
)
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic.errors import CorruptRecordingError
from unit.clients.json_texts import written_json

LOOK = b"LEAKAzq7vT9xW2k0a1b2c3"


def through_json(reply: object) -> Any:
    """Return a reply as a replay does."""
    stored = json.loads(
        json.dumps(store_reply(reply, [b"GET", b"a"], Redactor()), allow_nan=False)
    )
    return load_reply(stored, None)


@pytest.mark.parametrize(
    "reply",
    [
        None,
        True,
        5,
        1.5,
        math.inf,
        b"text",
        b"\xff\x00",
        b"{no json",
        "a verbatim string",
        [b"a", [1, None]],
        {b"a": b"b", b"list": [1]},
        {1: b"by number"},
        {b"$bytes": b"like a tag"},
        pytest.param({b"a", b"b"}, id="a set"),
    ],
    ids=repr,
)
def test_replies_keep_their_types(reply: object) -> None:
    back = through_json(reply)

    assert type(back) is type(reply)
    assert back == reply


@written_json
def test_json_keeps_its_layout(value: str, kept: str) -> None:
    call = describe_commands(
        [[b"SET", b"a", value.encode()]], database=0, protocol=2, redactor=Redactor()
    )

    assert call.parts["command"] == ["SET", "a", kept]
    assert store_reply(value.encode(), [b"GET", b"a"], Redactor()) == kept


def test_errors_have_the_client_s_classes() -> None:
    """An unknown class becomes a ResponseError."""
    back = through_json(exceptions.NoScriptError("no script"))
    assert (type(back), back.args) == (exceptions.NoScriptError, ("no script",))

    unknown = load_reply({"$error": ["InventedError", "new words"]}, None)
    assert (type(unknown), unknown.args) == (exceptions.ResponseError, ("new words",))
    other = load_reply({"$error": ["annotations", "no class"]}, None)
    assert type(other) is exceptions.ResponseError


@pytest.mark.parametrize(
    ("command", "reply", "same", "other"),
    [
        ("SMEMBERS s", [b"a", b"b"], [b"b", b"a"], [b"a", b"c"]),
        ("SUNION s t", {b"a", b"\xff"}, {b"\xff", b"a"}, {b"a"}),
        ("KEYS *", [b"a", b"b"], [b"b", b"a"], [b"a"]),
        ("HVALS h", [b"a", b"a", b"b"], [b"b", b"a", b"a"], [b"a", b"b", b"b"]),
        (
            "HGETALL h",
            [b"a", b"1", b"b", b"2"],
            [b"b", b"2", b"a", b"1"],
            [b"a", b"2", b"b", b"1"],
        ),
        ("SCAN 0", [b"0", [b"a", b"b"]], [b"0", [b"b", b"a"]], [b"0", [b"a"]]),
        ("HSCAN h 0", [b"0", [b"a", b"1"]], [b"0", [b"a", b"1"]], [b"0", [b"1", b"a"]]),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_unordered_replies_are_compared_as_sets(
    command: str, reply: Any, same: Any, other: Any
) -> None:
    words = command.encode().split()

    def stored(given: Any) -> Any:
        return json.loads(json.dumps(store_reply(given, words, Redactor())))

    assert load_reply(stored(reply), None) == reply
    assert comparable_reply(stored(same)) == comparable_reply(stored(reply))
    assert comparable_reply(stored(other)) != comparable_reply(stored(reply))


def test_an_unknown_tag_is_damage() -> None:
    with pytest.raises(CorruptRecordingError, match=r"a value tagged '\$invented'"):
        load_reply({"$invented": 1}, None)


@pytest.mark.parametrize(
    ("command", "reply", "shown"),
    [
        ("DUMP ann:token", b"\x00\x07hunter2\xff", "<redacted>"),
        (
            "EVAL code 1 ann:token",
            [b"hunter2", 1, [b"hunter2"]],
            ["<redacted>", 1, ["<redacted>"]],
        ),
        (
            "ZRANGE session_token 0 -1 WITHSCORES",
            [b"hunter2", b"1.5"],
            ["<redacted>", "0"],
        ),
        (
            "ZRANGE session_token 0 -1 WITHSCORES",
            [[b"hunter2", 1.5]],
            [["<redacted>", 1.5]],
        ),
        (
            "BZPOPMIN ann session_token 0",
            [b"ann", b"hunter3", b"1"],
            ["<redacted>", "<redacted>", "0"],
        ),
        (
            "HGETALL ann:credentials",
            [b"user", b"ann", b"pin", b"1234"],
            {"$unordered": [["user", "<redacted>"], ["pin", "<redacted>"]]},
        ),
        ("TTL ann:token", 3600, 3600),
        ("SISMEMBER ann:api_keys a", True, True),
        # With another cursor, the client would stop too early.
        (
            "ZSCAN session_token 0",
            [b"17", [b"hunter2", b"1"]],
            ["17", ["<redacted>", "0"]],
        ),
        ("MGET ann:name ann:token", [b"Ann", b"hunter2"], ["<redacted>", "<redacted>"]),
        (
            "HRANDFIELD ann 9 WITHVALUES",
            [[b"password", b"hunter2"]],
            [["password", "<redacted>"]],
        ),
        ("HRANDFIELD ann 2", [b"password", b"name"], ["password", "name"]),
        (
            "HSCAN ann 0 NOVALUES",
            [b"0", [b"password", b"name"]],
            ["0", {"$unordered": ["password", "name"]}],
        ),
        (
            "HGETDEL ann FIELDS 2 name password",
            [b"Ann", b"hunter2"],
            ["<redacted>", "<redacted>"],
        ),
        ("SORT ids GET user:*:token", [b"hunter2"], ["<redacted>"]),
        (
            "XRANGE ann:token - +",
            [[b"1-1", [b"value", b"hunter2"]]],
            [["1-1", ["value", "<redacted>"]]],
        ),
        ("XINFO STREAM ann:token", [b"length", 1], ["length", 1]),
        (
            "XINFO STREAM s",
            {b"first-entry": [b"1-1", [b"password", b"hunter2"]]},
            {"first-entry": ["1-1", ["password", "<redacted>"]]},
        ),
        (
            "ACL GETUSER ann",
            [b"passwords", [b"f52fbd32b2"], b"commands", b"-@all", b"selectors", []],
            ["passwords", ["<redacted>"], "commands", "-@all", "selectors", []],
        ),
        (
            "ACL GETUSER ann",
            {b"flags": [b"on"], b"passwords": [b"f52fbd32b2"]},
            {"flags": ["on"], "passwords": ["<redacted>"]},
        ),
        ("acl getuser ann", [b"passwords", [b"f52f"]], ["passwords", ["<redacted>"]]),
        ("ACL LIST", [b"user ann on #f52fbd32b2 ~* +@all"], ["<redacted>"]),
        ("ACL GENPASS", b"f52fbd32b2", "<redacted>"),
        ("ACL WHOAMI", b"ann", "ann"),
        ("ACL USERS", [b"ann", b"default"], ["ann", "default"]),
        (
            "ACL LOG",
            [[b"count", 1, b"reason", b"command", b"username", b"ann"]],
            [["count", 1, "reason", "command", "username", "ann"]],
        ),
        ("SET ann:token a", b"OK", "OK"),
        ("SMEMBERS tokens", [LOOK, b"a"], {"$unordered": ["<redacted>", "a"]}),
        ("SUNION a 1:tokens", [LOOK], {"$unordered": ["<redacted>"]}),
        ("LRANGE ann:tokens 0 -1", [LOOK, b"a"], ["<redacted>", "a"]),
        ("HGET h tokens", LOOK, "<redacted>"),
        ("HGET h tokens", b"17", "17"),
        ("HMGET h id tokens", [LOOK, LOOK], [LOOK.decode(), "<redacted>"]),
        ("MGET 1:tokens 1:id", [LOOK, LOOK], ["<redacted>", LOOK.decode()]),
        (
            "HGETALL h",
            [b"id", LOOK, b"tokens", LOOK],
            {"$unordered": [["id", LOOK.decode()], ["tokens", "<redacted>"]]},
        ),
        (
            "XRANGE s - +",
            [[b"1-0", [b"tokens", LOOK, b"id", LOOK]]],
            [["1-0", ["tokens", "<redacted>", "id", LOOK.decode()]]],
        ),
        (
            "XREAD STREAMS s 0",
            {b"s": [[b"1-0", [b"tokens", LOOK]]]},
            {"s": [["1-0", ["tokens", "<redacted>"]]]},
        ),
        ("TYPE ann:token", b"string", "string"),
        ("KEYS *token*", [b"ann:token"], {"$unordered": ["ann:token"]}),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_secrets_of_replies_are_hidden(command: str, reply: Any, shown: Any) -> None:
    assert store_reply(reply, command.encode().split(), Redactor()) == shown


def test_names_that_are_the_same_without_their_secrets_are_all_stored() -> None:
    reply = {b'{"token": "abc"}': 1, b'{"token": "xyz"}': 2}

    stored = store_reply(reply, [b"EVAL", b"code", b"0"], Redactor())

    name = '{"token": "<redacted>"}'
    assert stored == {"$map": [[name, 1], [name, 2]]}
    assert load_reply(stored, None) == {name.encode(): 2}


@pytest.mark.parametrize(
    "reply",
    [
        [b"port", b"6379", b"requirepass", b"hunter2"],
        {b"port": b"6379", b"requirepass": b"hunter2"},
    ],
    ids=["list", "map"],
)
@pytest.mark.parametrize(
    "command", [[b"CONFIG GET", b"*"], [b"CONFIG", b"GET", b"*"]], ids=["one", "two"]
)
def test_the_server_s_own_password_is_hidden(command: list[bytes], reply: Any) -> None:
    stored = json.dumps(store_reply(reply, command, Redactor()))

    assert "6379" in stored
    assert "hunter2" not in stored


@pytest.mark.parametrize("name", ["Enum", "ExceptionType", "NoSuchError"])
def test_a_recording_names_nothing_but_an_error_of_redis(name: str) -> None:
    error = load_redis_error([name, "no"])

    assert (type(error), error.args) == (exceptions.ResponseError, ("no",))
