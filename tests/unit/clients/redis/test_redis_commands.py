"""Reading packed commands, and hiding the secrets in several commands at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("redis")

from pytest_mimic._clients.redis.redis_commands import (
    bytes_of,
    describe_commands,
    read_commands,
)
from pytest_mimic._core.engine.owners import SecretScope
from pytest_mimic._core.redact.known_secrets import known_in
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.seam.base import parts_of_client_calls

# Texts that look like tokens.
LOOK = "LEAKAzq7vT9xW2k0a1b2c3"
OTHER_LOOK = "MEAKAzq7vT9xW2k0a1b2c3"
SECRETS_OF_SET = {LOOK: "tokens", OTHER_LOOK: "tokens 2"}


def packed(commands: Sequence[Sequence[bytes]]) -> bytes:
    """Return commands as a client sends them."""
    lines: list[bytes] = []
    for command in commands:
        lines.append(b"*%d\r\n" % len(command))
        lines += [b"$%d\r\n%b\r\n" % (len(word), word) for word in command]
    return b"".join(lines)


def plain(commands: Sequence[Sequence[str | bytes]], redactor: Redactor) -> Any:
    """Return the words of commands as they are recorded."""
    words = [
        [word.encode() if isinstance(word, str) else word for word in command]
        for command in commands
    ]
    call = describe_commands(words, database=0, protocol=2, redactor=redactor)
    found = call.parts.get("commands") or [call.parts["command"]]
    assert [*call.described.values()] == [found if len(commands) > 1 else found[0]]
    return found


@pytest.mark.parametrize(
    "word",
    [
        b"",
        b"\r\n",
        b"a\r\n",
        b"\r\nb",
        b"a\r\n*1\r\n$4\r\nPING",
        b"\r\n*2\r\n$3\r\nGET\r\n$1\r\nb",
        b"a\r\n$1\r\nb",
        b"\r\n*-9\r\n",
        b"\xff\x00\r",
        b"x" * 100_000,
    ],
    ids=lambda word: repr(word[:40]) + str(len(word)),
)
def test_words_are_read_as_they_were_sent(word: bytes) -> None:
    commands = [[b"SET", b"a", word], [b"MSET", *[b"k", word] * 2], [b"PING"]]

    assert read_commands(bytes_of(packed(commands))) == commands


@pytest.mark.parametrize(
    ("command", "secrets"),
    [
        (["SET", "user:1:token", "hunter2"], {"hunter2": "token"}),
        (["SET", "user:1:token", "hunter2", "EX", "60"], {"hunter2": "token"}),
        (["GETSET", "user:1:token", "hunter2"], {"hunter2": "token"}),
        (["SETEX", "user:1:token", "60", "hunter2"], {"hunter2": "token"}),
        (["PSETEX", "user:1:token", "60", "hunter2"], {"hunter2": "token"}),
        (["RESTORE", "user:1:token", "0", "hunter2"], {"hunter2": "token"}),
        (["LSET", "user:1:token", "0", "hunter2"], {"hunter2": "token"}),
        (["LREM", "user:1:token", "0", "hunter2"], {"hunter2": "token"}),
        (["HSET", "user:1:token", "of", "hunter2"], {"hunter2": "token"}),
        (["HMSET", "user:1:token", "of", "hunter2"], {"hunter2": "token"}),
        (["HSETNX", "user:1:token", "of", "hunter2"], {"hunter2": "token"}),
        (["ZADD", "user:1:token", "1", "hunter2"], {"hunter2": "token"}),
        (["XADD", "user:1:token", "*", "of", "hunter2"], {"hunter2": "token"}),
        (["JSON.SET", "user:1:token", "$", "hunter2"], {"hunter2": "token"}),
        (["EVALSHA", "0a1b", "1", "token", "hunter2"], {"hunter2": "token"}),
        (["HSET", "user:1", "pin", "1234"], {"1234": "pin"}),
        (["LPUSH", "token", "a", "b", "a"], {"a": "token", "b": "token 2"}),
        (["SADD", "token", "b", "a"], {"a": "token", "b": "token 2"}),
        (["ZADD", "token", "1", "a", "2", "b"], {"a": "token", "b": "token 2"}),
        (["HSET", "token", "of", "a", "to", "b"], {"a": "token", "b": "token 2"}),
        (["MSET", "token", "a", "n", "b"], {"a": "token", "b": "token 2"}),
        (["HSET", "u", "pin", "1", "otp", "2"], {"1": "pin", "2": "otp"}),
        (["SADD", "user:1:tokens", OTHER_LOOK, "a", LOOK], SECRETS_OF_SET),
        (["HSET", "h", "a", OTHER_LOOK, "tokens", LOOK], {LOOK: "tokens"}),
        (["HSET", "h", "github_pat", OTHER_LOOK], {OTHER_LOOK: "github_pat"}),
        (["MSET", "id", OTHER_LOOK, "1:tokens", LOOK], {LOOK: "tokens"}),
        (["SISMEMBER", "tokens", LOOK], {LOOK: "tokens"}),
        (["HSET", "usage", "tokens", "17", "id", LOOK], {}),
        (["HMGET", "usage", "tokens", "id"], {}),
        (["SADD", "tokens", "the", " cat"], {}),
        (["GET", "user:1:token"], {}),
        (["MGET", "ann:token", "bob:token"], {}),
        (["AUTH", "hunter2"], {}),
    ],
    ids=lambda part: " ".join(part),
)
def test_the_value_of_a_secret_key_is_what_a_command_sends(
    command: list[str], secrets: dict[str, str]
) -> None:
    """By it are equal commands told apart, not by a time or a place before it."""
    words = [word.encode() for word in command]

    call = describe_commands([words], database=0, protocol=2, redactor=Redactor())

    assert call.sent_secrets == secrets


def test_each_value_of_a_pipeline_is_what_it_sends() -> None:
    commands = [[b"SET", f"token:{word}".encode(), word.encode()] for word in "ab"]

    call = describe_commands(commands, database=0, protocol=2, redactor=Redactor())

    assert call.sent_secrets == {"a": "token", "b": "token 2"}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["SET", "user:1:token", "hunter2"], ["SET", "user:1:token", "<redacted>"]),
        (
            ["SET", "user:1:token:2", "hunter2", "EX", "9"],
            ["SET", "user:1:token:2", *["<redacted>"] * 3],
        ),
        (
            ["SET", "a", '{"password": "hunter2"}'],
            ["SET", "a", '{"password": "<redacted>"}'],
        ),
        (["SADD", "tokens", LOOK, "a"], ["SADD", "tokens", "<redacted>", "a"]),
        (["GET", '["token", {"pin": 1234}]'], ["GET", '["token", {"pin": 0}]']),
        (["SET", "a", b"\xff"], ["SET", "a", {"$base64": "/w=="}]),
        (["SET", "a\0b", "\0"], ["SET", "a\0b", "\0"]),
        ([b"\xff", "a"], [{"$base64": "/w=="}, "a"]),
        (["set", "a", "1"], ["set", "a", "1"]),
        (["GET"], ["GET"]),
        (["AUTH", "hunter2"], ["AUTH", "<redacted>"]),
        (["HSET", "a", "pin", "1"], ["HSET", "a", "pin", "<redacted>"]),
        (["DEL", "c", "b"], ["DEL", "b", "c"]),
        (["SADD", "s", "c", "b"], ["SADD", "s", "b", "c"]),
        (
            ["EVALSHA", "0a1b", "1", "token", "hunter2"],
            ["EVALSHA", "0a1b", "<redacted>", "token", "<redacted>"],
        ),
        (
            ["CONFIG SET", "requirepass", "hunter2"],
            ["CONFIG SET", "requirepass", "<redacted>"],
        ),
        (
            ["HELLO", "3", "AUTH", "ann", "hunter2"],
            ["HELLO", "3", "AUTH", "<redacted>", "<redacted>"],
        ),
        (
            ["MIGRATE", "host", "6379", "key", "0", "9", "auth2", "ann", "hunter2"],
            [
                "MIGRATE",
                "host",
                "6379",
                "key",
                "0",
                "9",
                "auth2",
                "<redacted>",
                "<redacted>",
            ],
        ),
        (
            ["ACL", "SETUSER", "bob", "on", "<a", "#b", "!c"],
            ["ACL", "SETUSER", "bob", "on", *["<redacted>"] * 3],
        ),
        (
            ["JSON.SET", "ann", "$", '{"password": "a"}'],
            ["JSON.SET", "ann", "$", '{"password": "<redacted>"}'],
        ),
        (
            ["ZADD", "session_token", "NX", "1", "a"],
            ["ZADD", "session_token", *["<redacted>"] * 3],
        ),
        (
            ["SMOVE", "old", "ann:api_keys", "a"],
            ["SMOVE", "old", "<redacted>", "<redacted>"],
        ),
        (["DEL", "ann:token", "ann"], ["DEL", "ann", "ann:token"]),
        (["EVAL", "code", "1", "ann", "a"], ["EVAL", "code", "1", "ann", "a"]),
        (["KEYS", "*token*"], ["KEYS", "*token*"]),
        (["SCAN", "0", "MATCH", "*token*"], ["SCAN", "0", "MATCH", "*token*"]),
        (["MGET", "ann:token", "bob:token"], ["MGET", "ann:token", "bob:token"]),
    ],
    ids=lambda part: " ".join(map(str, part)),
)
def test_a_command_is_described_the_same_alone_and_among_others(
    command: list[Any], shown: list[Any]
) -> None:
    redactor = Redactor()

    assert plain([command], redactor) == [shown]
    assert plain([["GET", "a"], command, command, ["GET", "b"]], redactor)[1:3] == [
        shown,
        shown,
    ]


@pytest.mark.parametrize(
    ("command", "same", "other"),
    [
        ("DEL a b c", "DEL c a b", "DEL a b d"),
        ("SDIFFSTORE to from a b", "SDIFFSTORE to from b a", "SDIFFSTORE to a from b"),
        ("MSET a 1 b 2", "MSET b 2 a 1", "MSET a 2 b 1"),
        ("HSET h a 1 b 2", "HSET h b 2 a 1", "HSET h 1 a b 2"),
        ("HSET h a 1 b 1", "HSET h b 1 a 1", "HSET h a 1 a 1"),
        ("RPUSH l a b", "RPUSH l a b", "RPUSH l b a"),
        ("HSET h a 1 a 2", "HSET h a 1 a 2", "HSET h a 2 a 1"),
    ],
)
def test_unordered_arguments_are_the_same_call_in_any_order(
    command: str, same: str, other: str
) -> None:
    def described(text: str) -> Any:
        return describe_commands(
            [text.encode().split()], database=0, protocol=2, redactor=Redactor()
        )

    assert described(command).parts == described(same).parts != described(other).parts
    assert described(command).described == described(same).described


def test_issued_secret_in_a_key_is_not_in_the_signature() -> None:
    """A service issued it before: it is hidden in the command, and so where that is shown."""
    known = known_in(SecretScope())
    known.stand("tok-4711f00d0815", "<redacted:1a2b3c4d>")

    call = describe_commands(
        [[b"SET", b"session:tok-4711f00d0815", b"1"]],
        database=0,
        protocol=2,
        redactor=Redactor().knowing(known),
    )

    assert call.signature == "SET session:<redacted:1a2b3c4d>"
    assert call.parts["command"] == ["SET", "session:<redacted:1a2b3c4d>", "1"]


def test_commands_have_all_declared_parts() -> None:
    calls = [
        describe_commands(commands, database=0, protocol=2, redactor=Redactor())
        for commands in ([[b"PING"]], [[b"PING"], [b"PING"]])
    ]

    assert set(calls[0].parts) | set(calls[1].parts) == set(
        parts_of_client_calls("redis")
    )


@pytest.mark.parametrize(
    "pack", [bytes, lambda data: data.decode(), lambda data: [data[:9], data[9:]]]
)
def test_packed_commands_can_be_bytes_text_or_pieces(pack: Any) -> None:
    packed = pack(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n")

    assert read_commands(bytes_of(packed)) == [
        [b"GET", b"a"],
        [b"PING"],
    ]
