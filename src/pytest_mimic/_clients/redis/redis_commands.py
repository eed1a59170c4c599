"""Commands of Redis: reading them from the wire, their keys, and arguments in any order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Command = list[bytes]

# The places of a command's keys, if its only key is not the first argument.
_KEYS = {
    **dict.fromkeys("DEL EXISTS UNLINK TOUCH WATCH MGET PFCOUNT PFMERGE".split(), slice(1, None)),
    **dict.fromkeys("SINTER SUNION SDIFF SINTERSTORE SUNIONSTORE SDIFFSTORE".split(), slice(1, None)),
    **dict.fromkeys("BLPOP BRPOP BZPOPMIN BZPOPMAX".split(), slice(1, -1)),
    **dict.fromkeys("RENAME RENAMENX COPY LMOVE BLMOVE RPOPLPUSH BRPOPLPUSH SMOVE LCS".split(), slice(1, 3)),
    **dict.fromkeys("ZRANGESTORE GEOSEARCHSTORE".split(), slice(1, 3)),
    **dict.fromkeys("MSET MSETNX".split(), slice(1, None, 2)),
    **dict.fromkeys("OBJECT XGROUP XINFO MEMORY".split(), slice(2, 3)),
    "BITOP": slice(2, None),
    **dict.fromkeys(
        """ACL AUTH CLIENT CLUSTER COMMAND CONFIG DEBUG ECHO FUNCTION HELLO INFO KEYS LATENCY MODULE PING PUBSUB
        SCAN SCRIPT SELECT SENTINEL SLOWLOG""".split(),
        slice(0),
    ),
}
# The place of the number of keys that follow. A `…STORE` has one more key before it.
_KEY_COUNTS = {
    **dict.fromkeys("ZINTER ZUNION ZDIFF SINTERCARD ZINTERCARD LMPOP ZMPOP".split(), 1),
    **dict.fromkeys("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO BLMPOP BZMPOP".split(), 2),
    **dict.fromkeys("ZINTERSTORE ZUNIONSTORE ZDIFFSTORE".split(), 2),
}
# Keys follow the word STREAMS of these, and GET and STORE of those.
_READING_STREAMS = ("XREAD", "XREADGROUP")
_SORTING = ("SORT", "SORT_RO")
# Commands whose arguments mean the same in any order: from this place on, one by one, or as names and values.
_UNORDERED_ARGUMENTS = {
    **dict.fromkeys("DEL EXISTS UNLINK TOUCH WATCH PFCOUNT SINTER SUNION".split(), 1),
    **dict.fromkeys("SADD SREM HDEL ZREM PFADD PFMERGE SINTERSTORE SUNIONSTORE SDIFF".split(), 2),
    "SDIFFSTORE": 3,
}
_UNORDERED_PAIRS = {"MSET": 1, "MSETNX": 1, "HSET": 2, "HMSET": 2, "ZADD": 2}
_OPTIONS_OF_ZADD = frozenset({b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"})


def joined(packed: Any) -> bytes:
    """Return as one text what a client has packed for the wire, perhaps in several parts."""
    data = packed.encode() if isinstance(packed, str) else packed
    if not isinstance(data, (bytes, bytearray, memoryview)):
        data = b"".join([item if type(item) is bytes else _bytes(item) for item in data])
    return bytes(data)


def _bytes(item: Any) -> bytes:
    return item.encode() if isinstance(item, str) else bytes(item)


def read_commands(data: bytes) -> list[Command]:
    """Return the commands that a client has packed: before each its number of words, before each word its size."""
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


@lru_cache(maxsize=512)
def first_word(word: bytes) -> str:
    """Return `CONFIG` for `CONFIG GET`, whether it is sent as one word or as two."""
    return verb_of(word).partition(" ")[0]


def text_of(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def key_places(command: Command) -> Sequence[int]:
    verb = first_word(command[0])
    size = len(command)
    if verb in _KEYS:
        return range(size)[_KEYS[verb]]
    if verb in _KEY_COUNTS:
        place = _KEY_COUNTS[verb]
        count = int(command[place]) if place < size and command[place].isdigit() else 0
        stored = [1] if verb.endswith("STORE") else []
        return [*stored, *range(place + 1, min(place + 1 + count, size))]
    if verb in _READING_STREAMS:
        start = place_after(command, b"STREAMS")
        return range(start, start + (size - start) // 2)
    if verb in _SORTING:
        named = [place for place, part in enumerate(command, 1) if part.upper() in (b"GET", b"STORE")]
        return [place for place in (1, *named) if place < size]
    return range(1, min(size, 2))


@lru_cache(maxsize=512)
def is_ordinary(word: bytes) -> bool:
    """Check whether only the first argument of a command is a key, and the order of its words counts."""
    tables = (_KEYS, _KEY_COUNTS, _UNORDERED_ARGUMENTS, _UNORDERED_PAIRS, _READING_STREAMS, _SORTING)
    return not any(first_word(word) in table for table in tables)


def place_after(command: Command, word: bytes) -> int:
    return next((place for place, part in enumerate(command, 1) if part.upper() == word), len(command))


def in_order(plain: list[Any], command: Command) -> list[Any]:
    """Return the plain words of a command, sorted where their order means nothing: they may come from a set."""
    verb = verb_of(command[0])
    start = _UNORDERED_ARGUMENTS.get(verb)
    if start is not None:
        return plain[:start] + sorted(plain[start:], key=repr)
    start = _UNORDERED_PAIRS.get(verb)
    if start is None:
        return plain
    if verb == "ZADD":
        start += next((n for n, part in enumerate(command[2:]) if part.upper() not in _OPTIONS_OF_ZADD), 0)
    names = command[start + (verb == "ZADD") :: 2]
    if len(set(names)) < len(names):  # the last value of a name counts
        return plain
    pairs = sorted(zip(plain[start::2], plain[start + 1 :: 2]), key=repr)
    return plain[:start] + [part for pair in pairs for part in pair]
