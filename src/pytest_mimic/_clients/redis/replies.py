"""Replies of Redis as plain data without secrets, and as a connection returns them.

No identity depends on them.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_mimic._clients.redis.redis_commands import (
    NAMES_OF_READ_VALUES,
    Command,
    first_word,
    is_secret,
    name_in_word,
    name_judged_by_look,
    plain_word,
    text_of,
    with_secret_settings,
)
from pytest_mimic.client import CorruptRecordingError, tag_in, tagged

if TYPE_CHECKING:
    from pytest_mimic.client import Redactor

# Commands whose reply is a cursor and a part of the items.
_COMMANDS_THAT_SCAN = frozenset("SCAN SSCAN HSCAN ZSCAN".split())
# Commands whose replies are in no order.
_COMMANDS_WITHOUT_ORDER = frozenset(
    "SMEMBERS SINTER SUNION SDIFF KEYS HKEYS HVALS HGETALL CONFIG SCAN SSCAN"
    " HSCAN".split()
)
# Commands whose replies have names and values in turn, perhaps in nested lists.
_COMMANDS_WITH_FIELDS_IN_REPLY = frozenset(
    "HGETALL HSCAN CONFIG XRANGE XREVRANGE XREAD XREADGROUP XCLAIM XAUTOCLAIM"
    " XINFO".split()
)
# Commands whose replies describe a key without its values.
_COMMANDS_ABOUT_A_KEY = frozenset("TYPE OBJECT HKEYS XADD".split())
# Subcommands of `ACL` whose replies hold no password, whatever their fields are called.
_ACL_SUBCOMMANDS_WITHOUT_PASSWORDS = frozenset(
    {b"CAT", b"DRYRUN", b"LOG", b"USERS", b"WHOAMI"}
)
# Replies that say how a command went, and hold no value.
_REPLIES_OF_STATUS = frozenset({b"OK", b"QUEUED", b"NOKEY"})
# A secret text that is a number is replaced by a number.
_is_number = re.compile(rb"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)").fullmatch


def store_reply(
    reply: Any, command: Command, redactor: Redactor, *, queued: Sequence[Command] = ()
) -> Any:
    """Return a reply, read without decoding, as plain data without secrets.

    Args:
        reply: The reply.
        command: The command that it answers.
        redactor: The rules for secrets.
        queued: The commands of a transaction, all of which `EXEC` answers.
    """
    verb = first_word(command[0])
    if queued and verb == "EXEC" and isinstance(reply, list):
        plain_replies = []
        for queued_reply, queued_command in zip(reply, queued):
            plain_replies.append(store_reply(queued_reply, queued_command, redactor))
        return plain_replies
    if verb in _COMMANDS_THAT_SCAN and isinstance(reply, list) and len(reply) == 2:
        # The cursor is no secret: with another one the client would stop too early, or
        # never.
        cursor, found_items = reply
        return [
            _plain_reply(cursor, redactor),
            _store_reply(found_items, command, redactor),
        ]
    return _store_reply(reply, command, redactor)


def _store_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return the reply to one command, without a cursor, as plain data."""
    hidden_reply = hide_reply(reply, command, redactor)
    plain_reply = _plain_reply(hidden_reply, redactor)
    has_order = first_word(command[0]) not in _COMMANDS_WITHOUT_ORDER
    if has_order or not isinstance(plain_reply, list):
        return plain_reply
    if _has_fields(command):
        # Names and values in turn become pairs, which stay together when they are
        # sorted.
        names = plain_reply[::2]
        values = plain_reply[1::2]
        plain_reply = list(map(list, zip(names, values)))
    # The tag says that the order means nothing when the reply is compared.
    return tagged("unordered", plain_reply)


# -- secrets in replies


def hide_reply(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply, read without decoding, without its secrets outside of JSON.

    Numbers and booleans stay, so that `EXISTS`, `TTL` and `INCR` work for secret keys.
    """
    verb = first_word(command[0])
    if verb == "ACL":
        return _hide_reply_of_acl(reply, command, redactor)
    if verb in _COMMANDS_ABOUT_A_KEY:
        # The reply says something of the key, and has none of its values.
        return reply
    # The key of the command is a secret name, so that all its values are secret.
    is_secret_key = is_secret(command, redactor)
    has_fields = _has_fields(command)
    if is_secret_key and not has_fields:
        return _map_texts(reply, partial(_hide_text, redactor=redactor))
    if not is_secret_key:
        reply = _hide_by_look(reply, command, redactor)
    redactor_of_fields = with_secret_settings(redactor)

    def is_secret_field(name: bytes) -> bool:
        """Check whether a field of the reply is secret; all are, of a secret key."""
        return is_secret_key or redactor_of_fields.secret(text_of(name))

    hide = partial(_hide_field, redactor=redactor)
    return _hide_fields(reply, is_secret_field, hide, has_fields=has_fields)


def _hide_by_look(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply without what looks like a token under a name such as `tokens`.

    The name is in a key of the command, or is the field of the value.
    """
    name_of_key = name_judged_by_look(command, redactor)
    if name_of_key:
        return _hide_tokens(reply, name_of_key, redactor)
    # `MGET tokens:1 motto`: each value of the reply has a name in the command.
    index_of_name = NAMES_OF_READ_VALUES.get(first_word(command[0]))
    if index_of_name is not None and isinstance(reply, list):
        hidden_values = []
        for word, value in zip(command[index_of_name:], reply):
            name = name_in_word(word, redactor)
            hidden_values.append(_hide_tokens(value, name, redactor))
        return hidden_values
    return _hide_tokens_of_fields(reply, redactor, has_fields=_has_fields(command))


def _hide_tokens(reply: Any, name: str, redactor: Redactor) -> Any:
    """Return a part of a reply, of this name, without what looks like a token.

    Without a name the part stays as it is.
    """
    if not name:
        return reply

    def hide_token(text: bytes) -> bytes:
        """Return what stands for a text of the reply; the text if it is no token."""
        if redactor.hides(name, text_of(text)):
            return _hide_field(text, redactor)
        return text

    return _map_texts(reply, hide_token)


def _hide_tokens_of_fields(reply: Any, redactor: Redactor, *, has_fields: bool) -> Any:
    """Return a reply without what looks like a token in a field such as `tokens`.

    Args:
        reply: The reply, or a part of it.
        redactor: The rules for secrets.
        has_fields: Whether a list without lists in it has names and values in turn.
    """

    def hidden_value(field: Any, value: Any) -> Any:
        """Return the value of a field, or an item without one, without its tokens."""
        value = _hide_tokens_of_fields(value, redactor, has_fields=has_fields)
        name = ""
        if isinstance(field, bytes):
            name = name_in_word(field, redactor)
        return _hide_tokens(value, name, redactor)

    if isinstance(reply, dict):
        return {field: hidden_value(field, value) for field, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    is_nested = any(isinstance(item, (dict, list)) for item in reply)
    if is_nested:
        # The fields are in the inner lists, one for each entry of a stream.
        return [hidden_value(None, item) for item in reply]
    words = list(reply)
    if has_fields:
        # Each second word is the value of the field before it.
        for index in range(1, len(words), 2):
            words[index] = hidden_value(words[index - 1], words[index])
    return words


def _hide_reply_of_acl(reply: Any, command: Command, redactor: Redactor) -> Any:
    """Return a reply to `ACL` without the passwords of users and their hashes."""
    subcommand = b"".join(command[1:2]).upper()
    if subcommand in _ACL_SUBCOMMANDS_WITHOUT_PASSWORDS:
        return reply
    if subcommand == b"GETUSER":
        return _hide_passwords_of_user(reply, redactor)
    # `ACL LIST`, for example, has the hashes of passwords inside of its lines.
    return _map_texts(reply, partial(_hide_text, redactor=redactor))


def _hide_passwords_of_user(reply: Any, redactor: Redactor) -> Any:
    """Return the reply to `ACL GETUSER` without the hashes of passwords.

    Its fields are a mapping in RESP3. In RESP2 they are a list of names and values in
    turn, and some of the values are lists.
    """
    hide = partial(_hide_field, redactor=redactor)

    def hidden_value(field: Any, value: Any) -> Any:
        """Return the value of a field of the user, the hashes of passwords hidden."""
        return _map_texts(value, hide) if field == b"passwords" else value

    if isinstance(reply, dict):
        return {field: hidden_value(field, value) for field, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    words = list(reply)
    # In RESP2, each second word is the value of the field before it.
    for index in range(1, len(words), 2):
        words[index] = hidden_value(words[index - 1], words[index])
    return words


def _has_fields(command: Command) -> bool:
    """Check whether the reply to a command has names and values in turn."""
    verb = first_word(command[0])
    words_behind_key = {word.upper() for word in command[2:]}
    if verb == "HRANDFIELD":
        return b"WITHVALUES" in words_behind_key
    if b"NOVALUES" in words_behind_key:
        return False
    return verb in _COMMANDS_WITH_FIELDS_IN_REPLY


def _hide_text(text: bytes, redactor: Redactor) -> bytes:
    """Return what stands for a secret text of a reply.

    A number replaces a number, because the client may parse it.
    """
    if text in _REPLIES_OF_STATUS:
        return text
    if not _is_number(text):
        return _hide_field(text, redactor)
    value: float = float(text)
    if text.isdigit():
        value = int(text)
    # Of a float that no answer has issued, the zero is written as `0`.
    stand_in = redactor.number_for(value, "") or 0
    return str(stand_in).encode()


def _hide_field(text: bytes, redactor: Redactor) -> bytes:
    """Return what stands for the value of a secret field in a reply."""
    return redactor.stand_in(text_of(text)).encode()


def _map_texts(reply: Any, change: Callable[[bytes], bytes]) -> Any:
    """Return a reply with other texts, as for secret ones. The names of fields stay."""
    if isinstance(reply, bytes):
        return change(reply)
    if isinstance(reply, (list, set, frozenset)):
        return type(reply)([_map_texts(item, change) for item in reply])
    if isinstance(reply, dict):
        return {key: _map_texts(item, change) for key, item in reply.items()}
    return reply


def _hide_fields(
    reply: Any,
    is_secret_field: Callable[[bytes], bool],
    hide: Callable[[bytes], bytes],
    *,
    has_fields: bool,
) -> Any:
    """Return a reply without the values of secret fields in mappings and lists.

    Args:
        reply: The reply, or a part of it.
        is_secret_field: Whether the name of a field is secret.
        hide: Returns what stands for a secret text.
        has_fields: Whether a list without lists in it has names and values in turn.
    """

    def hidden_value(field: Any, value: Any) -> Any:
        """Return the value of a field, or an item without one, without its secrets."""
        if isinstance(field, bytes) and is_secret_field(field):
            return _map_texts(value, hide)
        return _hide_fields(value, is_secret_field, hide, has_fields=has_fields)

    if isinstance(reply, dict):
        return {field: hidden_value(field, value) for field, value in reply.items()}
    if not isinstance(reply, list):
        return reply
    is_nested = any(isinstance(item, (dict, list)) for item in reply)
    if is_nested or not has_fields:
        return [hidden_value(None, item) for item in reply]
    words = list(reply)
    # Each second word is the value of the field before it.
    for index in range(1, len(words), 2):
        words[index] = hidden_value(words[index - 1], words[index])
    return words


# -- replies as plain data, and back


def _plain_reply(reply: Any, redactor: Redactor) -> Any:
    """Return a reply as JSON can hold it, which `load_reply` reads.

    What JSON has no type for is a mapping with one tag: `{"$set": ["a", "b"]}`.
    """
    if isinstance(reply, bytes):
        return plain_word(reply, redactor)
    if reply is None or isinstance(reply, (bool, int)):
        return reply
    if isinstance(reply, float):
        if math.isfinite(reply):
            return reply
        return tagged("float", repr(reply))
    if isinstance(reply, str):
        # The parser has given a text although bytes were asked for. Without the tag, a
        # replay would give bytes.
        return tagged("text", reply)
    if isinstance(reply, BaseException):
        return tagged("error", store_redis_error(reply))
    if isinstance(reply, dict):
        return _plain_mapping(reply, redactor)
    plain_items = [_plain_reply(item, redactor) for item in reply]
    if isinstance(reply, (set, frozenset)):
        return tagged("set", sorted(plain_items, key=repr))
    return plain_items


def _plain_mapping(reply: dict[Any, Any], redactor: Redactor) -> dict[str, Any]:
    """Return a mapping as it is, or as pairs with a tag if JSON has no such names.

    Pairs are also kept where two names come to the same text without their secrets.
    """
    pairs = []
    are_json_names = True
    for key, item in reply.items():
        name = _plain_reply(key, redactor)
        pairs.append([name, _plain_reply(item, redactor)])
        # A mapping with one name that begins with `$` would be read as a tag.
        if not isinstance(name, str) or tag_in({name: item}):
            are_json_names = False
    if are_json_names:
        mapping = dict(pairs)
        if len(mapping) == len(pairs):
            return mapping
    return tagged("map", pairs)


def load_reply(stored_reply: Any, encoder: Any) -> Any:
    """Return a result of `store_reply` as the client's parser would, in a replay.

    Errors are returned, not raised: `return_or_raise` raises them.

    Args:
        stored_reply: The stored reply.
        encoder: Decodes bytes, as the client was asked to. None leaves them as they
            are.
    """

    def decode_if_asked(value: bytes) -> Any:
        """Return a text as the client wants it, bytes without `decode_responses`."""
        if encoder is None:
            return value
        return encoder.decode(value)

    if isinstance(stored_reply, str):
        return decode_if_asked(stored_reply.encode())
    if isinstance(stored_reply, list):
        return [load_reply(item, encoder) for item in stored_reply]
    if not isinstance(stored_reply, dict):
        return stored_reply
    tag = tag_in(stored_reply)
    if not tag:
        mapping = {}
        for name, item in stored_reply.items():
            mapping[decode_if_asked(name.encode())] = load_reply(item, encoder)
        return mapping
    # A mapping with a tag has one item: `{"$set": ["a", "b"]}`.
    content = stored_reply[next(iter(stored_reply))]
    if tag == "unordered":
        return load_reply(_flat_words(content), encoder)
    if tag == "map":
        pairs = load_reply(content, encoder)
        # Of names that are the same without their secrets, the last one counts: so the
        # client itself makes a mapping of an older server's list.
        return dict(pairs)
    if tag == "set":
        return set(load_reply(content, encoder))
    if tag == "base64":
        return decode_if_asked(b64decode(content))
    if tag == "error":
        return load_redis_error(content)
    if tag == "float":
        return float(content)
    if tag == "text":
        return content
    shown_tag = repr(next(iter(stored_reply)))
    raise CorruptRecordingError(
        f"a recording of redis has a value tagged {shown_tag}, which is not known here"
    )


def return_or_raise(reply: Any) -> Any:
    """Return a reply, or raise it if it is an error, as a connection does."""
    if isinstance(reply, Exception) and isinstance(
        reply, redis_exceptions_module().RedisError
    ):
        raise reply
    return reply


def decoded_reply(reply: Any, decode: Callable[[bytes], Any]) -> Any:
    """Return a real reply, read as bytes, as the client was asked to decode it.

    It was recorded before, as bytes.
    """
    if isinstance(reply, bytes):
        return decode(reply)
    if isinstance(reply, (list, set, frozenset)):
        return type(reply)([decoded_reply(item, decode) for item in reply])
    if isinstance(reply, dict):
        decoded_mapping = {}
        for key, item in reply.items():
            decoded_key = decoded_reply(key, decode)
            decoded_mapping[decoded_key] = decoded_reply(item, decode)
        return decoded_mapping
    return reply


def error_in(stored_reply: Any) -> Any:
    """Return the stored error that a reply is, `["NoScriptError", "…"]`; else None.

    By it, `failure` words a failed call, and `rekey` leaves the server's text as it is.
    """
    is_error = type(stored_reply) is dict and tag_in(stored_reply) == "error"
    return stored_reply[next(iter(stored_reply))] if is_error else None


def _flat_words(items: list[Any]) -> list[Any]:
    """Return the items of a reply whose order means nothing, as the server sent them.

    Names and values that are stored as pairs stand in turn again: `[["a", "1"]]` gives
    `["a", "1"]`.
    """
    words = []
    for item in items:
        if isinstance(item, list):
            words += item
        else:
            words.append(item)
    return words


def comparable_reply(stored_reply: Any) -> Any:
    """Return what verifying compares of a stored reply.

    Items whose order means nothing are sorted; pairs of them become a mapping, whose
    keys a line can name in `volatile=`.

    Args:
        stored_reply: A result of `store_reply`, or lists and mappings of results.
    """
    if isinstance(stored_reply, list):
        return [comparable_reply(item) for item in stored_reply]
    if not isinstance(stored_reply, dict):
        return stored_reply
    tag = tag_in(stored_reply)
    if tag not in ("unordered", "set"):
        return {key: comparable_reply(item) for key, item in stored_reply.items()}
    items = sorted(stored_reply[next(iter(stored_reply))], key=repr)
    has_pairs = all(isinstance(item, list) for item in items)
    if not items or not has_pairs:
        # The members of a set, for example.
        return items
    fields = {}
    for name, value in items:
        if not isinstance(name, str):
            # JSON has only texts as names.
            name = repr(name)
        fields[name] = value
    return fields


# -- errors of redis-py


def store_redis_error(error: BaseException) -> list[str]:
    """Return the name of an error's class in `redis.exceptions`, and its texts.

    Only names of that module are stored: the nearest base class that it has, or else
    `ResponseError`.
    """
    texts = list(map(str, error.args))
    module = redis_exceptions_module()
    # Some errors have a class below those in `redis.exceptions`.
    for error_class in type(error).__mro__:
        if hasattr(module, error_class.__name__):
            return [error_class.__name__, *texts]
    return ["ResponseError", *texts]


def load_redis_error(stored_error: Sequence[str]) -> Exception:
    """Return a recorded error, of the name of its class and its texts, for a replay.

    Where the module has no such error, it is a `ResponseError`.
    """
    name, *args = stored_error
    module = redis_exceptions_module()
    error_class: Any = getattr(module, name, None)
    if not isinstance(error_class, type) or not issubclass(error_class, Exception):
        error_class = module.ResponseError
    error: Exception = error_class(*args)
    return error


def redis_exceptions_module() -> Any:
    """Return the module of the client's errors, loaded where a call needs it."""
    from redis import exceptions

    return exceptions
