"""Commands of Redis as plain data: a name, a key, fields, other words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from pytest_mimic.client import Plain, text_or_base64

_WITH_FIELDS = frozenset({"HSET", "HMSET", "XADD", "MSET", "MSETNX"})
_SCRIPTS = frozenset({"EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO"})
# The order of their words, or of those behind the key, has no effect.
SETS_OF_KEYS = frozenset({"DEL", "UNLINK", "EXISTS", "TOUCH"})
_SETS_OF_MEMBERS = frozenset({"SADD", "SREM", "PFADD"})
_ID_OF_ENTRY = re.compile(r"\*|\d+-(\d+|\*)")
# It is answered by nothing, or by more than one reply.
_ENDLESS = frozenset({"MONITOR", "PSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE"})


def words_of(packed: Any) -> list[list[bytes]]:
    """Return the commands that a client sends, each as its words.

    Args:
        packed: The bytes of the protocol (RESP), in one piece or several.
    """
    if isinstance(packed, str):
        packed = packed.encode()
    stream = BytesIO(packed if isinstance(packed, bytes) else b"".join(packed))
    commands = []
    while header := stream.readline():  # `*2` of two words
        words = []
        for _ in range(int(header[1:])):
            length = int(stream.readline()[1:])
            words.append(stream.read(length))
            stream.readline()
        commands.append(words)
    return commands


def read(words: Sequence[bytes]) -> Plain:
    """Return `{"command": "HSET", "arguments": {"key": "a", "fields": {}}}`."""
    name = words[0].decode("latin-1").upper()
    rest = [text_or_base64(word) for word in words[1:]]
    return {"command": name, "arguments": _arguments(name, rest)}


def _arguments(name: str, words: list[Any]) -> Plain:
    if name in SETS_OF_KEYS:
        words = sorted(words, key=str)
    if name in _SETS_OF_MEMBERS:
        words = [*words[:1], *sorted(words[1:], key=str)]
    if name in _WITH_FIELDS:
        with_fields = _with_fields(name, words)
        if with_fields is not None:
            return with_fields
    if name in _SCRIPTS and len(words) > 1 and str(words[1]).isdecimal():
        end = 2 + int(words[1])
        # Redis refuses more keys than words.
        if end <= len(words):
            return {"script": words[0], "keys": words[2:end], "words": words[end:]}
    if name == "AUTH":
        return {"words": words}
    return _key_and_words(words)


def _key_and_words(words: list[Any]) -> Plain:
    arguments: Plain = {"key": words[0]} if words else {}
    return {**arguments, "words": words[1:]} if words[1:] else arguments


def _with_fields(name: str, words: list[Any]) -> Plain | None:
    """Return the arguments with fields by name; None: they are no pairs."""
    start = 0 if name in ("MSET", "MSETNX") else 1
    if name == "XADD":
        ids = (index for index, word in enumerate(words) if _is_id(word))
        start = next(ids, 0) + 1
    fields = mapping_of(words[start:])
    if fields is None:
        return None
    return {**_key_and_words(words[:start]), "fields": fields}


def _is_id(word: Any) -> bool:
    return isinstance(word, str) and _ID_OF_ENTRY.fullmatch(word) is not None


def mapping_of(items: Sequence[Any]) -> dict[str, Any] | None:
    """Return names and values in turn as a mapping.

    None: it would not have one value for each name.
    """
    names, values = items[::2], items[1::2]
    if len(names) != len(values) or not all(map(_is_name, names)):
        return None
    mapping = dict(zip(names, values, strict=True))
    return mapping if len(mapping) == len(names) else None


def _is_name(item: object) -> bool:
    """Return whether an item may be a key of plain data, where `$` marks a tag."""
    return isinstance(item, str) and not item.startswith("$")


def all_of(request: Plain) -> list[Plain]:
    """Return the commands of a request."""
    commands: list[Plain] = request.get("commands") or [request]
    return commands


def signature(request: Plain) -> str:
    """Return `GET user:1`; of several commands `PIPELINE n` or `MULTI n`."""
    commands = all_of(request)
    keys = (_first_key(command["arguments"]) for command in commands)
    key = next(filter(None, keys), "")
    name = commands[0]["command"]
    if len(commands) > 1 and name != "MULTI":
        name = "PIPELINE"
    return f"{name} {key}".rstrip()


def _first_key(arguments: Plain) -> str:
    keys = [arguments.get("key"), *arguments.get("keys", ())]
    keys += [*arguments.get("fields", ())]
    return next((key for key in keys if isinstance(key, str)), "")


def endless(commands: list[Plain]) -> str:
    """Return the name of a command without one reply, or an empty text."""
    for command in commands:
        name: str = command["command"]
        is_reply_off = name == "CLIENT" and command["arguments"].get("key") == "REPLY"
        if name in _ENDLESS or is_reply_off:
            return name
    return ""
