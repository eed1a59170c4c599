"""Commands of Redis: read from the wire, and as plain data without secrets.

The plain data counts in the identity of a call: a change of what is hidden or sorted
makes recordings misses.

A key is secret if one of its parts is a secret name (`user:1:password`). A command with
such a key, or with another short word that is a secret name, keeps its first key. All
its other words are hidden, and all texts in its reply.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_mimic.client import ClientCall, hide_values, tagged

if TYPE_CHECKING:
    from pytest_mimic.client import Redactor

Command = list[bytes]

# Commands of which only the first argument is a key, and whose other words may be
# values: a secret name among them makes nothing secret.
_COMMANDS_WITH_ONE_KEY = frozenset(
    (
        # texts and numbers
        *("GET", "SET", "SETEX", "PSETEX", "SETNX", "GETSET", "GETEX", "GETDEL"),
        *("APPEND", "STRLEN", "INCR", "INCRBY", "DECR", "DECRBY", "RESTORE"),
        # times to live
        *("EXPIRE", "PEXPIRE", "PERSIST", "TTL", "PTTL", "TYPE"),
        # lists
        *("LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "LPOP", "RPOP", "LLEN", "LRANGE"),
        *("LINDEX", "LREM", "LSET", "LTRIM"),
        # hashes, sets and sorted sets
        *("HGETALL", "HKEYS", "HVALS", "HLEN", "SCARD", "SMEMBERS", "SPOP"),
        *("SISMEMBER", "SMISMEMBER", "ZADD", "ZRANGE", "ZSCORE", "ZRANK", "ZCARD"),
        *("PUBLISH", "JSON.SET"),
    )
)
# Commands of which each argument is a key.
_COMMANDS_OF_KEYS_ALONE = frozenset(
    "DEL EXISTS UNLINK TOUCH WATCH MGET PFCOUNT SINTER SUNION SDIFF".split()
)
# Commands that name no key, so that no word of them makes the others secret.
_COMMANDS_WITHOUT_KEYS = frozenset(
    "ACL AUTH CLIENT CLUSTER COMMAND CONFIG DEBUG ECHO FUNCTION HELLO INFO KEYS"
    " LATENCY MODULE PING PUBSUB SCAN SCRIPT SELECT SENTINEL SLOWLOG".split()
)
# Commands with a user name and a password, behind the word `AUTH` or as all arguments.
_COMMANDS_WITH_CREDENTIALS = frozenset("AUTH HELLO MIGRATE ACL".split())
# Commands with names and values in turn: fields, and settings of the server.
_COMMANDS_WITH_FIELDS = frozenset("HSET HMSET HSETNX HSETEX XADD CONFIG".split())
# The settings of a server that are passwords.
_SECRET_SETTINGS = (
    "requirepass",
    "masterauth",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
)
# The index of the first key, where that is not the first argument. The key stays shown
# where another word of the command is secret.
_INDEX_OF_FIRST_KEY = {
    **dict.fromkeys(("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO"), 3),
    **dict.fromkeys(("FCALL", "FCALL_RO", "BLMPOP", "BZMPOP"), 3),
    **dict.fromkeys(("OBJECT", "XGROUP", "XINFO", "MEMORY", "BITOP"), 2),
    **dict.fromkeys(("LMPOP", "ZMPOP", "ZINTER", "ZUNION", "ZDIFF"), 2),
}
# The index of the value, where that does not follow the key.
_INDEX_OF_VALUE = {
    **dict.fromkeys(("SETEX", "PSETEX", "RESTORE", "LSET", "LREM", "ZADD"), 3),
    **dict.fromkeys(("HSET", "HMSET", "HSETNX", "JSON.SET"), 3),
    "XADD": 4,
}
# Commands that give a key several values, each with the number of words from one value
# to the next.
_WORDS_FROM_VALUE_TO_VALUE = {
    **dict.fromkeys(("LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "SADD", "PFADD"), 1),
    **dict.fromkeys(("HSET", "HMSET", "ZADD", "MSET", "MSETNX", "XADD"), 2),
}
# The commands that read several values, each with the place where their names begin.
NAMES_OF_READ_VALUES = {"MGET": 1, "HMGET": 2}
# Commands with names and values in turn, each with the place of the first name.
_INDEX_OF_FIRST_NAME = {
    **dict.fromkeys(("MSET", "MSETNX"), 1),
    **dict.fromkeys(("HSET", "HMSET", "HSETNX"), 2),
    "XADD": 3,
}
# Commands whose arguments mean the same in any order, each with the place where these
# arguments begin. In the second table they are names and values in turn.
_UNORDERED_ARGUMENTS = {
    **dict.fromkeys(("DEL", "EXISTS", "UNLINK", "TOUCH", "WATCH"), 1),
    **dict.fromkeys(("PFCOUNT", "SINTER", "SUNION"), 1),
    **dict.fromkeys(("SADD", "SREM", "HDEL", "ZREM", "PFADD", "PFMERGE"), 2),
    **dict.fromkeys(("SINTERSTORE", "SUNIONSTORE", "SDIFF"), 2),
    "SDIFFSTORE": 3,
}
# Not XADD: Redis keeps the order of an entry's fields.
_UNORDERED_PAIRS = {"MSET": 1, "MSETNX": 1, "HSET": 2, "HMSET": 2}
# The first bytes of the words of `ACL SETUSER` that are passwords and their hashes.
_PASSWORD_MARKS = (b">", b"<", b"#", b"!")
# Finds the words of the names that are judged by the look of their values, which few
# commands have. `SecretNames` judges the names. The set of first letters makes the
# search twice as fast.
_may_be_judged_by_look = re.compile(
    rb"(?is)\A.{0,80}(?=[ahpst])(?:assertion|hmac|sign|ticket|tokens|pat)"
).match
# A word that may be a key or a field: no JSON, and no long text.
_is_name = re.compile(rb"[^\s{}\[\]\"]{1,80}").fullmatch
# Each part of a key may be a secret name: `user:1:password`.
_parts_of_name = re.compile("[:/.]").split
# A longer key is shortened in the label of a call.
_LONGEST_KEY = 80


def read_commands(packed_bytes: bytes) -> list[Command]:
    r"""Return the commands that a client has packed for the wire.

    Before each command stands its number of words. Before each word stands its size, as
    a word may hold line ends.

    Example:
        `*2\r\n$3\r\nGET\r\n$1\r\na\r\n` gives `[[b"GET", b"a"]]`.
    """
    find_in_bytes = packed_bytes.index
    commands: list[Command] = []
    position = 0
    size = len(packed_bytes)
    # Each command of a test comes through here, so the loop calls no function of ours.
    while position < size:
        line_end = find_in_bytes(b"\r\n", position)
        word_count = int(packed_bytes[position + 1 : line_end])
        position = line_end + 2
        command: Command = []
        for _ in range(word_count):
            line_end = find_in_bytes(b"\r\n", position)
            word_begin = line_end + 2
            word_end = word_begin + int(packed_bytes[position + 1 : line_end])
            command.append(packed_bytes[word_begin:word_end])
            position = word_end + 2
        commands.append(command)
    return commands


def bytes_of(packed: Any) -> bytes:
    """Return what a client has packed, perhaps in parts, as one text of bytes."""
    if isinstance(packed, (bytes, bytearray, memoryview)):
        return bytes(packed)
    if isinstance(packed, str):
        return packed.encode()
    return b"".join(map(bytes_of, packed))


@lru_cache(maxsize=512)
def verb_of(word: bytes) -> str:
    """Return `GET`, or `CONFIG GET` if a client sends both words as one."""
    return text_of(word).upper()


@lru_cache(maxsize=512)
def first_word(word: bytes) -> str:
    """Return `CONFIG` for `CONFIG GET`, whether it is sent as one word or as two."""
    return verb_of(word).partition(" ")[0]


def text_of(value: bytes) -> str:
    """Return a word of a command or reply as a text, bytes beyond UTF-8 escaped."""
    return value.decode("utf-8", "backslashreplace")


def index_after(command: Command, word: bytes) -> int:
    """Return the index after a word, or the length of a command without it.

    Credentials stand behind `AUTH`, and the keys of `XREAD` behind `STREAMS`.
    """
    for index, command_word in enumerate(command, 1):
        if command_word.upper() == word:
            return index
    return len(command)


# -- secrets in commands


def with_secret_settings(redactor: Redactor) -> Redactor:
    """Return a redactor for which the server's own passwords are secret, too."""
    return redactor.with_names(_SECRET_SETTINGS)


def is_secret(command: Command, redactor: Redactor) -> bool:
    """Check whether a command is about a secret.

    A command is so if a key in it, or another short word, is a secret name:
    `GET session_token`.
    """
    return bool(name_of_secret_key(command, redactor))


def name_of_secret_key(command: Command, redactor: Redactor) -> str:
    """Return the secret name in a key of a command; empty: there is none."""
    verb = first_word(command[0])
    if verb in _COMMANDS_WITHOUT_KEYS:
        return ""
    # Of most commands, each short word may be a key.
    words_with_names = command[1:]
    if verb in _COMMANDS_WITH_ONE_KEY or verb in _COMMANDS_WITH_FIELDS:
        # The other words may be values.
        words_with_names = command[1:2]
    for word in words_with_names:
        # A long word, or one with blanks, is a value.
        if _is_name(word):
            for name_part in _parts_of_name(text_of(word)):
                if redactor.secret(name_part):
                    return name_part
    return ""


def name_judged_by_look(command: Command, redactor: Redactor) -> str:
    """Return the name in a key of a command that makes secret what looks like a token.

    Such a name is `tokens`. Only the keys count, and the field of `HGET`, as few values
    beside such a name are tokens. Empty: there is no such name.
    """
    verb = first_word(command[0])
    if verb in _COMMANDS_WITHOUT_KEYS or verb in NAMES_OF_READ_VALUES:
        return ""
    index_of_key = _key_index(command)
    words_with_names = command[index_of_key : index_of_key + 1]
    if verb in _COMMANDS_OF_KEYS_ALONE:
        words_with_names = command[1:]
    elif verb == "HGET":
        words_with_names = command[1:3]
    for word in words_with_names:
        name = name_in_word(word, redactor)
        if name:
            return name
    return ""


def name_in_word(word: bytes, redactor: Redactor) -> str:
    """Return the part of a key that makes secret what looks like a token: `tokens`.

    Empty: there is no such part.
    """
    if _may_be_judged_by_look(word) and _is_name(word):
        for name_part in _parts_of_name(text_of(word)):
            if redactor.judges_by_look(name_part):
                return name_part
    return ""


def _indexes_hidden_by_look(command: Command, redactor: Redactor) -> dict[int, str]:
    """Return the indexes of a command's words that look like tokens.

    With each stands the name for which it is secret: it is in a key of the command, or
    is the field before the word.
    """
    # The words that would be secret if they look like tokens.
    name_by_index: dict[int, str] = {}
    verb = first_word(command[0])
    name_of_key = name_judged_by_look(command, redactor)
    if name_of_key and verb not in _COMMANDS_OF_KEYS_ALONE:
        for index in range(_key_index(command) + 1, len(command)):
            name_by_index[index] = name_of_key
    elif verb in _INDEX_OF_FIRST_NAME:
        for index in range(_INDEX_OF_FIRST_NAME[verb], len(command) - 1):
            name_of_field = name_in_word(command[index], redactor)
            if name_of_field:
                name_by_index[index + 1] = name_of_field
    name_by_hidden_index: dict[int, str] = {}
    for index, name in name_by_index.items():
        if redactor.hides(name, text_of(command[index])):
            name_by_hidden_index[index] = name
    return name_by_hidden_index


def secret_words(commands: Sequence[Command], redactor: Redactor) -> list[str]:
    """Return the words of commands that are secrets, which replies may repeat."""
    secret_texts = []
    for command in commands:
        indexes_to_show = shown_indexes(command, redactor)
        for index, word in enumerate(command):
            if index not in indexes_to_show:
                secret_texts.append(text_of(word))
    return secret_texts


def _secrets_with_names(
    commands: Sequence[Command],
    shown_by_command: Sequence[Container[int]],
    redactor: Redactor,
) -> dict[str, str]:
    """Return secret words of commands, each with the name for which it is secret.

    By them, the engine tells apart calls that differ in nothing but secrets. Of a
    command with a secret key these are the values, not a time or an option beside them.
    What is secret by its command, such as a password of `AUTH`, has no name. Further
    words of one name have numbers: `token 2`.
    """
    words_by_name: dict[str, list[str]] = {}
    for command, indexes_to_show in zip(commands, shown_by_command):
        hidden_indexes = [
            index for index in range(len(command)) if index not in indexes_to_show
        ]
        if not hidden_indexes:
            continue
        name_of_key = name_of_secret_key(command, redactor)
        if name_of_key:
            secret_words_of_name = words_by_name.setdefault(name_of_key, [])
            secret_words_of_name += _secret_values(command, hidden_indexes)
            continue
        name_by_index = _indexes_hidden_by_look(command, redactor)
        # The key is harmless: single words of the command are secret.
        has_fields = first_word(command[0]) in _COMMANDS_WITH_FIELDS
        for index in hidden_indexes:
            # The name of a field stands before the word that is secret for it.
            if has_fields or index in name_by_index:
                name_of_field = name_by_index.get(index) or text_of(command[index - 1])
                secret_words_of_name = words_by_name.setdefault(name_of_field, [])
                secret_words_of_name.append(text_of(command[index]))
        if verb_of(command[0]) in _UNORDERED_ARGUMENTS:
            for name in name_by_index.values():
                # The application may have the values in a set, which has no order.
                words_by_name[name].sort()
    # By these names, `senders.py` compares the secrets that equal calls have sent.
    name_by_word: dict[str, str] = {}
    for name, secret_words_of_name in words_by_name.items():
        for number, word in enumerate(secret_words_of_name, 1):
            numbered_name = name if number == 1 else f"{name} {number}"
            name_by_word.setdefault(word, numbered_name)
    return name_by_word


def _secret_values(command: Command, hidden_indexes: Sequence[int]) -> list[str]:
    """Return the values that a command gives its secret key."""
    verb = verb_of(command[0])
    index_of_value = _value_index(command)
    if index_of_value not in hidden_indexes:
        index_of_value = hidden_indexes[0]
    # Most commands give a key one value.
    index_behind_values = index_of_value + 1
    if verb in _WORDS_FROM_VALUE_TO_VALUE:
        index_behind_values = len(command)
    step = _WORDS_FROM_VALUE_TO_VALUE.get(verb, 1)
    secret_values = []
    for word in command[index_of_value:index_behind_values:step]:
        secret_values.append(text_of(word))
    if verb in _UNORDERED_ARGUMENTS:
        # The application may have the values in a set, which has no order.
        secret_values.sort()
    return secret_values


def name_of_hidden_word(command: Command, index: int, redactor: Redactor) -> str:
    """Return the name for which a word of a command is secret.

    `rekey` says it of a word that was hidden. The name is in a key of the command, or
    is the field before the word.
    """
    name_of_key = name_of_secret_key(command, redactor)
    if name_of_key:
        return name_of_key
    name_by_index = _indexes_hidden_by_look(command, redactor)
    return name_by_index.get(index) or text_of(command[index - 1])


def shown_indexes(command: Command, redactor: Redactor) -> Container[int]:
    """Return the indexes of the words of a command that are no secrets.

    The other words count in the identity as what stands for them. The indexes are a
    range or a set, as a command may have thousands of words.
    """
    verb = first_word(command[0])
    all_indexes = range(len(command))
    if verb == "ACL":
        return _shown_indexes_of_acl(command)
    if verb == "AUTH":
        return all_indexes[:1]
    if verb in _COMMANDS_WITH_CREDENTIALS:
        # `HELLO 3 AUTH user password`: all behind `AUTH` is hidden.
        after_auth = index_after(command, b"AUTH")
        after_auth2 = index_after(command, b"AUTH2")
        return all_indexes[: min(after_auth, after_auth2)]
    if is_secret(command, redactor):
        if verb in _COMMANDS_OF_KEYS_ALONE:
            # The names of keys are no secrets themselves.
            return all_indexes
        # The verb, a second word of the verb or the key, and the key.
        return {0, 1, _key_index(command)}
    hidden_indexes: set[int] = set()
    if verb in _COMMANDS_WITH_FIELDS:
        hidden_indexes = _indexes_of_secret_fields(command, redactor)
    if any(map(_may_be_judged_by_look, command)):
        hidden_indexes |= _indexes_hidden_by_look(command, redactor).keys()
    if not hidden_indexes:
        return all_indexes
    return set(all_indexes) - hidden_indexes


def _shown_indexes_of_acl(command: Command) -> set[int]:
    """Return the indexes of the words of an `ACL` command that are not passwords."""
    indexes_to_show = set()
    for index, word in enumerate(command):
        # The first two are `ACL` and its subcommand, such as `SETUSER`.
        is_password = index >= 2 and word[:1] in _PASSWORD_MARKS
        if not is_password:
            indexes_to_show.add(index)
    return indexes_to_show


def _indexes_of_secret_fields(command: Command, redactor: Redactor) -> set[int]:
    """Return the indexes of the words that follow the name of a secret.

    `HSET user:1 name ann password s3cr3t` gives 5, that of the last one. The verb and
    the key have no name before them.
    """
    redactor_of_fields = with_secret_settings(redactor)
    hidden_indexes = set()
    for index in range(2, len(command)):
        if redactor_of_fields.secret(text_of(command[index - 1])):
            hidden_indexes.add(index)
    return hidden_indexes


def _key_index(command: Command) -> int:
    """Return the index of a command's first key."""
    verb = first_word(command[0])
    if verb in ("XREAD", "XREADGROUP"):
        return index_after(command, b"STREAMS")
    return _INDEX_OF_FIRST_KEY.get(verb, 1)


def _value_index(command: Command) -> int:
    """Return the index of the value that a command gives its first key.

    The index may be beyond the command, which then has no value.
    """
    return _INDEX_OF_VALUE.get(first_word(command[0]), _key_index(command) + 1)


# -- calls


def describe_commands(
    commands: Sequence[Command], *, database: int, protocol: int, redactor: Redactor
) -> ClientCall:
    """Return the call that commands are which are sent at once.

    It is one command, a pipeline or a transaction.

    Args:
        commands: The commands.
        database: The number of the database among those of the test.
        protocol: The version of RESP, which determines the types in replies.
        redactor: The rules for secrets.
    """
    shown_indexes_of_commands = [
        shown_indexes(command, redactor) for command in commands
    ]
    plain_commands = []
    for command, indexes_to_show in zip(commands, shown_indexes_of_commands):
        plain_commands.append(plain_command(command, indexes_to_show, redactor))
    verb = verb_of(commands[0][0])
    name_of_part = "command"
    counted_commands = plain_commands[0]
    # The label shows the key of this command. A transaction begins with `MULTI`.
    index_of_main = 0
    if len(commands) > 1:
        name_of_part = "commands"
        counted_commands = plain_commands
        if verb == "MULTI":
            index_of_main = 1
        else:
            verb = "PIPELINE"
    # The first database of a test needs no number for people.
    described: dict[str, Any] = {name_of_part: counted_commands}
    if database:
        described["database"] = database
    shown_key = _shown_key(
        commands[index_of_main], shown_indexes_of_commands[index_of_main], redactor
    )
    return ClientCall(
        f"{verb} {shown_key}".strip(),
        parts={
            "database": database,
            "protocol": protocol,
            name_of_part: counted_commands,
        },
        identity=("database", "protocol", name_of_part),
        described=described,
        sent_secrets=_secrets_with_names(commands, shown_indexes_of_commands, redactor),
    )


def plain_command(
    command: Command, indexes_to_show: Container[int], redactor: Redactor
) -> list[Any]:
    """Return the words of a command without secrets, as they count in the identity.

    Words whose order means nothing are sorted, because they may come from a set.
    Messages show them in this order, so that `ignore=` can name their places.
    """
    plain_words = []
    for index, word in enumerate(command):
        if index in indexes_to_show:
            plain_words.append(plain_word(word, redactor))
        else:
            # The word is a secret: in its place counts what stands for it.
            plain_words.append(redactor.stand_in(text_of(word)))
    verb = verb_of(command[0])
    if verb in _UNORDERED_ARGUMENTS:
        index_of_first = _UNORDERED_ARGUMENTS[verb]
        sorted_words = sorted(plain_words[index_of_first:], key=repr)
        return plain_words[:index_of_first] + sorted_words
    if verb not in _UNORDERED_PAIRS:
        return plain_words
    # `HSET k b 2 a 1` counts as `HSET k a 1 b 2`: each name keeps its value.
    index_of_name = _UNORDERED_PAIRS[verb]
    names = command[index_of_name::2]
    has_repeated_name = len(set(names)) * 2 != len(command) - index_of_name
    if has_repeated_name:
        # The last value of a repeated name counts, so the order means something.
        return plain_words
    plain_names = plain_words[index_of_name::2]
    plain_values = plain_words[index_of_name + 1 :: 2]
    index = index_of_name
    for name, value in sorted(zip(plain_names, plain_values), key=repr):
        plain_words[index : index + 2] = name, value
        index += 2
    return plain_words


def plain_word(value: bytes, redactor: Redactor) -> Any:
    """Return a word of a command, or a text of a reply, as plain data without secrets.

    UTF-8 becomes a text, JSON in it loses its secrets, and other bytes get a tag.
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return tagged("base64", b64encode(value).decode())
    text = redactor.scrub_cell(text)
    if redactor.known_secrets is not None:
        text = hide_values(text, redactor.known_secrets.stand_ins_of_issued())
    return redactor.settled(text)


def _shown_key(
    command: Command, indexes_to_show: Container[int], redactor: Redactor
) -> str:
    """Return a command's first key, shortened; empty if it is secret or missing.

    It stands in the label of the call, which counts in no identity. A secret that an
    answer has issued is hidden in the key.
    """
    index_of_key = _key_index(command)
    if index_of_key >= len(command) or index_of_key not in indexes_to_show:
        return ""
    word = command[index_of_key]
    plain_key = plain_word(word, redactor)
    if not isinstance(plain_key, str):
        plain_key = text_of(word)
    key_in_one_line = " ".join(plain_key.split())
    if len(key_in_one_line) > _LONGEST_KEY:
        return f"{key_in_one_line[:_LONGEST_KEY]}…"
    return key_in_one_line
