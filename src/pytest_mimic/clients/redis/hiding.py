"""Commands and replies of Redis without their secrets.

A secret name among the keys and fields of a command hides its other words, and the
texts of its reply.
"""

from __future__ import annotations

import re
from typing import Any

from pytest_mimic.client import Plain, Redactor, StandIn
from pytest_mimic.clients.redis.commands import SETS_OF_KEYS
from pytest_mimic.secrets.placeholders import is_placeholder

# Commands whose words are all keys, beside those of hashes, which are fields.
_OF_KEYS_ALONE = frozenset(
    """
    BLMOVE BLPOP BRPOP BRPOPLPUSH BZPOPMAX BZPOPMIN COPY LMOVE MGET PFCOUNT PFMERGE
    RENAME RENAMENX RPOPLPUSH SDIFF SDIFFSTORE SINTER SINTERSTORE SMOVE SORT SORT_RO
    SUNION SUNIONSTORE WATCH XREAD XREADGROUP
    """.split()
)
# Commands of hashes and sets with a value among their words.
_WITH_VALUES = frozenset("HINCRBY HINCRBYFLOAT HSETEX HSETNX SMOVE".split())
# What they say of a key is no part of its value.
_ABOUT_KEYS = frozenset({"KEYS", "OBJECT", "RANDOMKEY", "SCAN", "TYPE"})
_SCANS = frozenset({"SCAN", "SSCAN", "ZSCAN"})
_SECRET = re.compile("AUTH|HELLO|MIGRATE|ACL (SETUSER|LIST|GENPASS|DELUSER)", re.I)
_PLAIN_WORDS = frozenset({"OK", "QUEUED"})
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?(e[+-]?\d+)?|inf|nan)", re.I)


def hide_command(redactor: Redactor, command: Plain, stand_in: StandIn) -> Plain:
    """Return a command without its secrets."""
    hiding = _Hiding(redactor, stand_in, command)
    arguments: Plain = redactor.hide(command["arguments"], stand_in, "arguments")
    for part in ("fields", "words"):
        if part in arguments:
            arguments[part] = hiding.hidden(arguments[part], "arguments")
    return {**command, "arguments": arguments}


def hide_reply(
    redactor: Redactor, reply: Any, stand_in: StandIn, command: Plain, path: str
) -> Any:
    """Return a reply without its secrets.

    Args:
        redactor: Knows the secret names.
        reply: The reply.
        stand_in: Gives what stands in place of a secret.
        command: What it answers, as it is stored.
        path: The place of the reply in the answer.
    """
    hiding = _Hiding(redactor, stand_in, command, is_reply=True)
    hidden = redactor.hide(reply, stand_in, path)
    if command["command"] in _SCANS and isinstance(hidden, list):
        # With another cursor, the client would stop too early.
        return [*hidden[:1], *hiding.hidden(hidden[1:], path)]
    return hiding.hidden(hidden, path)


class _Hiding:
    """Hides the texts that are secret by a name in a command."""

    def __init__(
        self,
        redactor: Redactor,
        stand_in: StandIn,
        command: Plain,
        *,
        is_reply: bool = False,
    ) -> None:
        self._redactor = redactor
        self._stand_in = stand_in
        self._is_reply = is_reply
        name = command["command"]
        # Names and values in turn; the reply of a script may be what it likes.
        is_script = "script" in command["arguments"]
        self._are_pairs = is_script if is_reply else name == "CONFIG"
        # Whether all words are keys or fields, but for a value.
        self._are_names = (
            name.startswith("H") or name in _OF_KEYS_ALONE or name in SETS_OF_KEYS
        )
        self._has_value = name in _WITH_VALUES
        self._names = self._names_in(command)

    def hidden(self, plain: Any, path: str, name: Any = None) -> Any:
        """Return words, fields, or a part of a reply, without its secrets.

        Args:
            plain: The part.
            path: Its place.
            name: What stands before it.
        """
        if isinstance(plain, list):
            return self._hidden_items(plain, path)
        is_mapping = isinstance(plain, dict)
        text = plain.get("$base64") if is_mapping else plain
        if isinstance(text, str):
            return self._hidden_text(plain, text, path, name)
        if not is_mapping or "$error" in plain or "$float" in plain:
            return plain
        return {
            key: self.hidden(value, f"{path}.{key}", key)
            for key, value in plain.items()
        }

    def _hidden_items(self, plain: list[Any], path: str) -> list[Any]:
        items = []
        for index, item in enumerate(plain):
            name = plain[index - 1] if self._are_pairs and index % 2 else None
            hidden = self.hidden(item, f"{path}[{index}]", name)
            is_number = isinstance(item, str) and _NUMBER.fullmatch(item)
            if hidden != item and self._is_reply and is_number:
                hidden = "0"  # The client reads scores from texts.
            items.append(hidden)
        return items

    def _hidden_text(self, plain: Any, text: str, path: str, name: Any) -> Any:
        """Return what stands for a text or bytes."""
        if not text or text in _PLAIN_WORDS or is_placeholder(text):
            return plain
        is_word = self._are_names and not self._is_reply and name is None
        if is_word and (not self._has_value or self._parts(text)):
            return plain
        names = [*self._parts(name), *self._names]
        secret = [one for one in names if self._redactor.hides(one, text)]
        if not secret:
            return plain
        return self._stand_in(text, path if self._is_reply else f"{path}.{secret[0]}")

    def _names_in(self, command: Plain) -> list[str]:
        """Return the names under which values of a command may be secret."""
        name, arguments = command["command"], command["arguments"]
        if name in _ABOUT_KEYS:
            return []
        if _SECRET.match(f"{name} {arguments.get('key', '')}"):
            return ["password"]
        found = [arguments.get("key"), *arguments.get("keys", ())]
        if self._are_names:
            found += arguments.get("words", ())
        return [part for one in found for part in self._parts(one)]

    def _parts(self, name: object) -> list[str]:
        """Return the last part of a name, and the whole, if they may hide a value."""
        if not isinstance(name, str):
            return []
        parts = {re.split(r"[:./|]", name)[-1]: None, name: None}
        return [part for part in parts if self._redactor.names.may_hide(part)]
