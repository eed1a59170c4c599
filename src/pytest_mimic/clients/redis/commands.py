"""Commands of Redis as plain data: a name, a key, fields, other words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.binary import text_or_base64

_WITH_FIELDS = frozenset({"HSET", "HMSET", "XADD", "MSET", "MSETNX"})
_SCRIPTS = frozenset({"EVAL", "EVAL_RO", "EVALSHA", "EVALSHA_RO", "FCALL", "FCALL_RO"})
# The order of their words, or of those behind the key, has no effect.
_SETS_OF_KEYS = frozenset({"DEL", "UNLINK", "EXISTS", "TOUCH"})
_SETS_OF_MEMBERS = frozenset({"SADD", "SREM", "PFADD"})
# Commands whose words are all keys, beside those of hashes, which are fields.
_OF_KEYS_ALONE = frozenset(
    """
    BLMOVE BLPOP BRPOP BRPOPLPUSH BZPOPMAX BZPOPMIN COPY LMOVE MGET PFCOUNT PFMERGE
    RENAME RENAMENX RPOPLPUSH SDIFF SDIFFSTORE SINTER SINTERSTORE SMOVE SORT SORT_RO
    SUNION SUNIONSTORE WATCH XREAD XREADGROUP
    """.split()
)
# What they say of a key is no part of its value.
_ABOUT_KEYS = frozenset({"KEYS", "OBJECT", "RANDOMKEY", "SCAN", "TYPE"})
_SECRET = re.compile(
    "AUTH|HELLO|MIGRATE|ACL (SETUSER|LIST|GENPASS|DELUSER)|CONFIG SET", re.I
)
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
    data = packed if isinstance(packed, bytes) else b"".join(packed)
    commands = []
    position = 0
    while position < len(data):
        count, position = _number_at(data, position)
        words = []
        for _ in range(count):
            length, position = _number_at(data, position)
            words.append(data[position : position + length])
            position += length + 2
        commands.append(words)
    return commands


def _number_at(data: bytes, position: int) -> tuple[int, int]:
    """Return the number behind a sign, `*2`, and where its line ends."""
    end = data.index(b"\r\n", position)
    return int(data[position + 1 : end]), end + 2


def read(words: Sequence[bytes]) -> Plain:
    """Return `{"command": "HSET", "arguments": {"key": "a", "fields": {}}}`."""
    name = words[0].decode("latin-1").upper()
    rest = [text_or_base64(word) for word in words[1:]]
    return {"command": name, "arguments": _arguments(name, rest)}


def _arguments(name: str, words: list[Any]) -> Plain:
    if name in _SETS_OF_KEYS:
        words = sorted(words, key=str)
    if name in _SETS_OF_MEMBERS:
        words = [*words[:1], *sorted(words[1:], key=str)]
    if name in _WITH_FIELDS:
        with_fields = _with_fields(name, words)
        if with_fields is not None:
            return with_fields
    if name in _SCRIPTS and len(words) > 1 and str(words[1]).isdigit():
        end = 2 + int(words[1])
        return {"script": words[0], "keys": words[2:end], "words": words[end:]}
    if name == "AUTH":
        return {"words": words}
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
    arguments: Plain = {"key": words[0]} if start else {}
    if start > 1:
        arguments["words"] = words[1:start]
    return {**arguments, "fields": fields}


def _is_id(word: Any) -> bool:
    return isinstance(word, str) and _ID_OF_ENTRY.fullmatch(word) is not None


def mapping_of(items: Sequence[Any]) -> dict[str, Any] | None:
    """Return names and values in turn as a mapping; None: they are something else."""
    names, values = items[::2], items[1::2]
    if len(names) != len(values) or not all(map(is_name, names)):
        return None
    mapping = dict(zip(names, values, strict=True))
    return mapping if len(mapping) == len(names) else None


def is_name(item: object) -> bool:
    """Return whether an item may be a key of plain data, where `$` marks a tag."""
    return isinstance(item, str) and not item.startswith("$")


def all_of(request: Plain) -> list[Plain]:
    """Return the commands of a request."""
    commands: list[Plain] = request.get("commands") or [request]
    return commands


def signature(request: Plain) -> str:
    """Return `GET user:1`; of several commands `PIPELINE n` or `MULTI n`."""
    commands = all_of(request)
    names = [command["command"] for command in commands]
    keys = [_first_key(command["arguments"]) for command in commands]
    key = next(filter(None, keys), "")
    if len(names) == 1:
        name = names[0]
    else:
        name = "MULTI" if names[0] == "MULTI" else "PIPELINE"
    return f"{name} {key}".rstrip()


def _first_key(arguments: Plain) -> str:
    keys = [arguments.get("key"), *arguments.get("keys", ())]
    keys += [*arguments.get("fields", ())]
    return next((key for key in keys if isinstance(key, str)), "")


def endless(request: Plain) -> str:
    """Return the name of a command without one reply, or an empty text."""
    for command in all_of(request):
        name: str = command["command"]
        is_reply_off = name == "CLIENT" and command["arguments"].get("key") == "REPLY"
        if name in _ENDLESS or is_reply_off:
            return name
    return ""


# -- secrets


def hide(redactor: Redactor, command: Plain, stand_in: StandIn) -> Plain:
    """Return a command without its secrets.

    A secret name among its keys and fields hides all other words.
    """
    arguments: Plain = command["arguments"]
    names = names_in(redactor, command)
    are_names = _are_names(command)
    hidden: Plain = redactor.hide(arguments, stand_in, "arguments")
    for field, value in arguments.get("fields", {}).items():
        # A field of `MSET` is a key: `user:1:token`.
        text = text_of(value)
        secret = name_that_hides(redactor, [*_parts(redactor, field), *names], text)
        if secret is not None and hidden["fields"].get(field) == value:
            hidden["fields"][field] = stand_in(text, f"arguments.fields.{field}")
    for index, word in enumerate(arguments.get("words", ()) if names else ()):
        text = text_of(word)
        if are_names and _parts(redactor, text):
            continue
        secret = name_that_hides(redactor, names, text)
        if secret is not None and hidden["words"][index] == word:
            hidden["words"][index] = stand_in(text, f"arguments.{secret}")
    return {**command, "arguments": hidden}


def names_in(redactor: Redactor, command: Plain) -> list[str]:
    """Return the names under which values of a command and its reply may be secret."""
    name, arguments = command["command"], command["arguments"]
    if name in _ABOUT_KEYS:
        return []
    if _SECRET.match(f"{name} {arguments.get('key', '')}"):
        return ["password"]
    found = [arguments.get("key"), *arguments.get("keys", ())]
    if _are_names(command):
        found += arguments.get("words", ())
    return [part for one in found for part in _parts(redactor, one)]


def _parts(redactor: Redactor, name: object) -> list[str]:
    """Return the last part of a name, and the whole, if they may hide a value."""
    if not isinstance(name, str):
        return []
    parts = {re.split(r"[:./|]", name)[-1]: None, name: None}
    return [part for part in parts if redactor.names.may_hide(part)]


def _are_names(command: Plain) -> bool:
    """Return whether all words of a command are keys or fields."""
    name: str = command["command"]
    return name.startswith("H") or name in _OF_KEYS_ALONE or name in _SETS_OF_KEYS


def name_that_hides(redactor: Redactor, names: Iterable[str], value: str) -> str | None:
    """Return the first name under which a value is secret, or None."""
    return next((name for name in names if redactor.names.hides(name, value)), None)


def text_of(word: Any) -> str:
    """Return the text of a word, of bytes that are none their base64."""
    return word["$base64"] if isinstance(word, dict) else str(word)


def scripts_in(commands: Iterable[Sequence[bytes]]) -> Iterator[str]:
    """Yield the digests of the scripts that commands run or ask for."""
    for words in commands:
        name, *rest = [word.decode("latin-1") for word in words]
        if name.upper() in ("EVALSHA", "EVALSHA_RO"):
            yield from rest[:1]
        elif name.upper() == "SCRIPT" and rest[:1] == ["EXISTS"]:
            yield from rest[1:]
