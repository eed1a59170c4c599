"""Commands and replies of Redis as plain data: exact, and without secrets."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

pytest.importorskip("redis")

from redis import exceptions

from pytest_mimic._target import PARTS
from pytest_mimic._vault.redact import Redactor
from pytest_mimic.boundaries.redis_wire import (
    comparable_reply,
    describe_commands,
    load_reply,
    read_commands,
    store_reply,
)
from pytest_mimic.errors import CorruptRecordingError


def through_json(reply: object) -> Any:
    """A reply as a replay gives it."""
    stored = json.loads(json.dumps(store_reply(reply, [b"GET", b"a"], Redactor()), allow_nan=False))
    return load_reply(stored, None, errors=exceptions)


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
def test_replies_come_back(reply: object) -> None:
    """Whatever a parser of redis-py gives, in both protocols and with hiredis, comes back with its types."""
    back = through_json(reply)

    assert type(back) is type(reply)
    assert back == reply


def test_errors_come_back_as_the_clients_own() -> None:
    """A class that this client does not have is a ResponseError, with the server's words."""
    back = through_json(exceptions.NoScriptError("no script"))
    assert (type(back), back.args) == (exceptions.NoScriptError, ("no script",))

    unknown = load_reply({"$error": ["InventedError", "new words"]}, None, errors=exceptions)
    assert (type(unknown), unknown.args) == (exceptions.ResponseError, ("new words",))
    other = load_reply({"$error": ["annotations", "no class"]}, None, errors=exceptions)
    assert type(other) is exceptions.ResponseError


@pytest.mark.parametrize(
    ("command", "reply", "same", "other"),
    [
        ("SMEMBERS s", [b"a", b"b"], [b"b", b"a"], [b"a", b"c"]),
        ("SUNION s t", {b"a", b"\xff"}, {b"\xff", b"a"}, {b"a"}),
        ("KEYS *", [b"a", b"b"], [b"b", b"a"], [b"a"]),
        ("HVALS h", [b"a", b"a", b"b"], [b"b", b"a", b"a"], [b"a", b"b", b"b"]),
        ("HGETALL h", [b"a", b"1", b"b", b"2"], [b"b", b"2", b"a", b"1"], [b"a", b"2", b"b", b"1"]),
        ("SCAN 0", [b"0", [b"a", b"b"]], [b"0", [b"b", b"a"]], [b"0", [b"a"]]),
        ("HSCAN h 0", [b"0", [b"a", b"1"]], [b"0", [b"a", b"1"]], [b"0", [b"1", b"a"]]),
    ],
    ids=str,
)
def test_order_that_means_nothing_is_not_compared(command: str, reply: Any, same: Any, other: Any) -> None:
    """Members of sets, keys, and fields of hashes come in any order; a replay has that of the recording."""
    words = command.encode().split()

    def stored(given: Any) -> Any:
        return json.loads(json.dumps(store_reply(given, words, Redactor())))

    assert load_reply(stored(reply), None, errors=exceptions) == reply
    assert comparable_reply(stored(same)) == comparable_reply(stored(reply))
    assert comparable_reply(stored(other)) != comparable_reply(stored(reply))


def test_damage_is_told() -> None:
    """A tag that is unknown is damage, not a reply."""
    with pytest.raises(CorruptRecordingError, match=r"a value tagged '\$invented'"):
        load_reply({"$invented": 1}, None, errors=exceptions)


@pytest.mark.parametrize(
    "command",
    [
        ["AUTH", "hunter2"],
        ["AUTH", "ann", "hunter2"],
        ["HELLO", "3", "AUTH", "ann", "hunter2"],
        ["MIGRATE", "host", "6379", "key", "0", "100", "auth2", "ann", "hunter2"],
        ["MIGRATE", "host", "6379", "key", "0", "100", "AUTH", "hunter2"],
        ["ACL SETUSER", "bob", "on", ">hunter2"],
        ["CONFIG SET", "requirepass", "hunter2"],
        ["SETEX", "ann:token", "10", "hunter2"],
        ["JSON.SET", "ann", "$", '{"password": "hunter2"}'],
    ],
    ids=" ".join,
)
def test_secrets_of_commands_are_hidden(command: list[str]) -> None:
    """What logs in, or stands under a secret name, is neither stored nor shown, nor part of the signature."""
    call = describe_commands(
        [[word.encode() for word in command]], database=0, protocol=2, redactor=Redactor()
    )

    assert "hunter2" not in json.dumps([call.signature, call.parts, call.described])
    assert call.parts["command"][0] == command[0]


@pytest.mark.parametrize(
    "reply",
    [[b"port", b"6379", b"requirepass", b"hunter2"], {b"port": b"6379", b"requirepass": b"hunter2"}],
    ids=["list", "map"],
)
@pytest.mark.parametrize("command", [[b"CONFIG GET", b"*"], [b"CONFIG", b"GET", b"*"]], ids=["one", "two"])
def test_password_of_the_server_is_hidden(command: list[bytes], reply: Any) -> None:
    """Its settings name it in a way of their own."""
    stored = json.dumps(store_reply(reply, command, Redactor()))

    assert "6379" in stored
    assert "hunter2" not in stored


def test_parts_are_what_options_may_name() -> None:
    """Each part of a command, or of a pipeline, has its word in `ignore=` and `match=`."""
    calls = [
        describe_commands(commands, database=0, protocol=2, redactor=Redactor())
        for commands in ([[b"PING"]], [[b"PING"], [b"PING"]])
    ]

    assert set(calls[0].parts) | set(calls[1].parts) == set(PARTS["redis"])


@pytest.mark.parametrize("pack", [bytes, lambda data: data.decode(), lambda data: [data[:9], data[9:]]])
def test_commands_are_read_however_they_are_packed(pack: Any) -> None:
    """As bytes, as text, in pieces that end anywhere."""
    assert read_commands(pack(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n")) == [
        [b"GET", b"a"],
        [b"PING"],
    ]
