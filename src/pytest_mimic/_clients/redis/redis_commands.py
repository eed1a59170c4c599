"""Commands of Redis: read from the wire, and as plain data without secrets.

A key is secret if one of its parts is a secret name (`user:1:password`). A command with
such a key, or another short word that
is one, keeps its first key; all its other words are hidden, and all texts in its reply.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_mimic.client import ClientCall, hide_values

if TYPE_CHECKING:
    from pytest_mimic.client import Redactor

Command = list[bytes]

# Commands of which only the first argument is a key, and whose other words may be
# values.
_ONE_KEY = frozenset(
    """GET SET SETEX PSETEX SETNX GETSET GETEX GETDEL APPEND INCR INCRBY DECR DECRBY EXPIRE PEXPIRE PERSIST TTL PTTL TYPE
    STRLEN LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LLEN LRANGE LINDEX LREM LSET LTRIM HGETALL HKEYS HVALS HLEN SCARD SMEMBERS
    SPOP SISMEMBER SMISMEMBER ZADD ZRANGE ZSCORE ZRANK ZCARD PUBLISH RESTORE JSON.SET""".split()
)
_ONLY_KEYS = frozenset(
    "DEL EXISTS UNLINK TOUCH WATCH MGET PFCOUNT SINTER SUNION SDIFF".split()
)
_WITHOUT_KEYS = frozenset(
    """ACL AUTH CLIENT CLUSTER COMMAND CONFIG DEBUG ECHO FUNCTION HELLO INFO KEYS LATENCY MODULE PING PUBSUB SCAN SCRIPT SELECT
    SENTINEL SLOWLOG""".split()
)
_WITH_CREDENTIALS = frozenset("AUTH HELLO MIGRATE ACL".split())
# Commands with names and values in turn: fields, and settings of the server.
_WITH_FIELDS = frozenset("HSET HMSET HSETNX HSETEX XADD CONFIG".split())
_SETTINGS = (
    "requirepass",
    "masterauth",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
)
# The place of the first key, where that is not the first argument.
_FIRST_KEY = {
    **dict.fromkeys(
        "EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO BLMPOP BZMPOP".split(), 3
    ),
    **dict.fromkeys(
        "OBJECT XGROUP XINFO MEMORY BITOP LMPOP ZMPOP ZINTER ZUNION ZDIFF".split(), 2
    ),
}
# Commands whose arguments mean the same in any order: from this place on, one by one,
# or as names and values.
_UNORDERED_ARGUMENTS = {
    **dict.fromkeys("DEL EXISTS UNLINK TOUCH WATCH PFCOUNT SINTER SUNION".split(), 1),
    **dict.fromkeys(
        "SADD SREM HDEL ZREM PFADD PFMERGE SINTERSTORE SUNIONSTORE SDIFF".split(), 2
    ),
    "SDIFFSTORE": 3,
}
_UNORDERED_PAIRS = {"MSET": 1, "MSETNX": 1, "HSET": 2, "HMSET": 2}
_is_name = re.compile(rb"[^\s{}\[\]\"]{1,80}").fullmatch
_LONGEST_KEY = 80


def read_commands(packed: Any) -> list[Command]:
    """Return the commands that a client has packed for the wire, perhaps in several parts.

    Before each command stands its number of words, before each word its size.
    """
    data = packed.encode() if isinstance(packed, str) else packed
    if not isinstance(data, (bytes, bytearray, memoryview)):
        data = b"".join(
            [item.encode() if isinstance(item, str) else bytes(item) for item in data]
        )
    data = bytes(data)
    find = data.index
    commands: list[Command] = []
    place, size = 0, len(data)
    while place < size:
        end = find(b"\r\n", place)
        command: Command = []
        for _ in range(int(data[place + 1 : end])):
            place = end + 2
            end = find(b"\r\n", place)
            begin = end + 2
            end = begin + int(data[place + 1 : end])
            command.append(data[begin:end])
        place = end + 2
        commands.append(command)
    return commands


@lru_cache(maxsize=512)
def verb_of(word: bytes) -> str:
    """Return `GET`, or `CONFIG GET` if a client sends both words as one."""
    return text_of(word).upper()


def first_word(word: bytes) -> str:
    """Return `CONFIG` for `CONFIG GET`, whether it is sent as one word or as two."""
    return verb_of(word).partition(" ")[0]


def text_of(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def place_after(command: Command, word: bytes) -> int:
    return next(
        (place for place, part in enumerate(command, 1) if part.upper() == word),
        len(command),
    )


# -- secrets


def with_settings(redactor: Redactor) -> Redactor:
    """Return a redactor that knows the server's own passwords."""
    return redactor.with_names(_SETTINGS)


def is_secret(command: Command, redactor: Redactor) -> bool:
    """Check whether a command is about a secret: a key or another short word is a secret name."""
    verb = first_word(command[0])
    if verb in _WITHOUT_KEYS:
        return False
    words = command[1:2] if verb in _ONE_KEY or verb in _WITH_FIELDS else command[1:]
    parts = [
        part
        for word in words
        if _is_name(word)
        for part in re.split("[:/.]", text_of(word))
    ]
    return any(map(redactor.secret, parts))


def secret_words(commands: Sequence[Command], redactor: Redactor) -> list[str]:
    """Return the words of commands that are secrets."""
    words = []
    for command in commands:
        shown = shown_places(command, redactor)
        for place, part in enumerate(command):
            if place not in shown:
                words.append(text_of(part))
    return words


def shown_places(command: Command, redactor: Redactor) -> Sequence[int]:
    """Return the places of the words of a command that are no secrets."""
    verb, places = first_word(command[0]), range(len(command))
    if verb == "ACL":  # `>password`, `<password`, `#hash`, `!hash`
        return [
            place
            for place in places
            if place < 2 or command[place][:1] not in (b">", b"<", b"#", b"!")
        ]
    if verb in _WITH_CREDENTIALS:
        start = (
            1
            if verb == "AUTH"
            else min(place_after(command, word) for word in (b"AUTH", b"AUTH2"))
        )
        return places[:start]
    if is_secret(command, redactor):
        return places if verb in _ONLY_KEYS else (0, 1, _key_place(command))
    if verb in _WITH_FIELDS:
        names = with_settings(redactor)
        return [
            place
            for place in places
            if place < 2 or not names.secret(text_of(command[place - 1]))
        ]
    return places


def _key_place(command: Command) -> int:
    verb = first_word(command[0])
    return (
        place_after(command, b"STREAMS")
        if verb in ("XREAD", "XREADGROUP")
        else _FIRST_KEY.get(verb, 1)
    )


# -- calls


def describe_commands(
    commands: Sequence[Command], *, database: int, protocol: int, redactor: Redactor
) -> ClientCall:
    """Describe commands that are sent at once: a single one, a pipeline or a transaction.

    `database` is the number of the database among those of the test. `protocol` is the
    version of RESP, which
    determines the types in replies.
    """
    shown = [shown_places(command, redactor) for command in commands]
    plain = [
        _plain_command(command, places, redactor)
        for command, places in zip(commands, shown)
    ]
    verb, main = verb_of(commands[0][0]), 0
    name, counted = "command", plain[0]
    if len(commands) > 1:
        name, counted = "commands", plain
        main, verb = (1, verb) if verb == "MULTI" else (0, "PIPELINE")
    described: dict[str, Any] = {name: counted}
    if database:
        described["database"] = database
    return ClientCall(
        f"{verb} {_resource(commands[main], shown[main])}".strip(),
        parts={"database": database, "protocol": protocol, name: counted},
        identity=("database", "protocol", name),
        described=described,
    )


def _plain_command(
    command: Command, shown: Sequence[int], redactor: Redactor
) -> list[Any]:
    """Return the words of a command without secrets, sorted where their order means nothing: they may come from a set.

    Messages show them in this order, so that `ignore=` can name their places.
    """
    plain = [
        plain_word(part, redactor)
        if place in shown
        else redactor.stand_in(text_of(part))
        for place, part in enumerate(command)
    ]
    verb = verb_of(command[0])
    if verb in _UNORDERED_ARGUMENTS:
        start = _UNORDERED_ARGUMENTS[verb]
        return plain[:start] + sorted(plain[start:], key=repr)
    start = _UNORDERED_PAIRS.get(verb, len(command))
    if (
        len(set(command[start::2])) * 2 != len(command) - start
    ):  # of a name that is repeated the last value counts
        return plain
    pairs = sorted(zip(plain[start::2], plain[start + 1 :: 2]), key=repr)
    return plain[:start] + [part for pair in pairs for part in pair]


def plain_word(value: bytes, redactor: Redactor) -> Any:
    """Return UTF-8 as text, without the secrets in it if it is JSON, and other bytes with a tag."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return {"$base64": b64encode(value).decode()}
    text = redactor.scrub_json(text)
    if redactor.known is not None:
        text = hide_values(text, redactor.known.hidden())
    return redactor.settled(text)


def _resource(command: Command, shown: Sequence[int]) -> str:
    """Return the shortened first key of a command, or its first argument unless that is secret."""
    place = _key_place(command)
    if place >= len(command) or place not in shown:
        return ""
    key = " ".join(text_of(command[place]).split())
    return key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
