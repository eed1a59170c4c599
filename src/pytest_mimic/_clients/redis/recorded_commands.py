"""Recorded commands by today's rules: their words and replies as a run would keep them.

`pytest-mimic rekey` asks for them: a key or a field whose name became secret since the
recording was made is hidden in its commands, too.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from pytest_mimic._clients.redis.redis_commands import (
    Command,
    first_word,
    is_secret,
    name_of_hidden_word,
    name_of_secret_key,
    plain_command,
    shown_indexes,
)
from pytest_mimic._clients.redis.replies import error_in, load_reply, store_reply
from pytest_mimic.client import PLACEHOLDER_START, Redactor, is_placeholder

# Stands for a command that is not described: its replies are hidden by their fields
# and texts alone.
_UNKNOWN_COMMAND: Command = [b""]


def redacted_commands(parts: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return the parts of a recorded call, or its description, with redacted commands.

    The parts give the recording its new identity.

    Args:
        parts: The parts by name, `{"command": ["SET", "motto:1", "…"]}`, or several
            `commands`.
        redactor: The rules of today.
    """
    redacted_parts = dict(parts)
    # As a run of today makes them, so that the recording has the identity of its calls.
    plain_commands = []
    for command in _commands_in(parts):
        indexes_to_show = shown_indexes(command, redactor)
        plain_commands.append(plain_command(command, indexes_to_show, redactor))
    if "commands" in parts:
        redacted_parts["commands"] = plain_commands
    elif "command" in parts:
        redacted_parts["command"] = plain_commands[0]
    return redacted_parts


def redacted_outcome(
    outcome: Mapping[str, Any], parts: Mapping[str, Any], redactor: Redactor
) -> dict[str, Any]:
    """Return a recorded outcome with redacted replies.

    The commands decide which of the replies, or which parts of them, are secret.

    Args:
        outcome: The outcome: one `reply`, several `replies`, or an `error` of the
            client, which stands `after` some.
        parts: The parts of the call, or its description, before they were redacted.
        redactor: The rules of today.
    """
    commands = _commands_in(parts)

    def redact_replies(replies: list[Any]) -> list[Any]:
        """Return recorded replies without secrets, each by the command it answers."""
        answered_commands = commands
        if len(replies) > len(commands):
            # `ignore=commands` has joined calls, and these are of another one.
            answered_commands = [_UNKNOWN_COMMAND] * len(replies)
        redacted_replies = []
        for reply, command in zip(replies, answered_commands):
            redacted_replies.append(_redacted_reply(reply, command, commands, redactor))
        return redacted_replies

    outcome_of_today = dict(outcome)
    if "reply" in outcome:
        outcome_of_today["reply"] = redact_replies([outcome["reply"]])[0]
    if "replies" in outcome:
        outcome_of_today["replies"] = redact_replies(outcome["replies"])
    error = outcome.get("error")
    if error is not None:
        replies_before = redact_replies(error["after"])
        outcome_of_today["error"] = {**error, "after": replies_before}
    return outcome_of_today


def _redacted_reply(
    reply: Any, command: Command, commands: list[Command], redactor: Redactor
) -> Any:
    """Return the recorded reply to a command without its secrets.

    Args:
        reply: The reply.
        command: The command. `EXEC` has the replies of the commands queued before it.
        commands: All commands of the call; empty within the reply to `EXEC`.
        redactor: The rules of today.
    """
    # The commands between `MULTI` and `EXEC`.
    queued_commands = commands[1:-1]
    is_list = isinstance(reply, list) and len(reply) == len(queued_commands)
    if first_word(command[0]) == "EXEC" and is_list:
        redacted_replies = []
        for queued_reply, queued_command in zip(reply, queued_commands):
            redacted_reply = _redacted_reply(queued_reply, queued_command, [], redactor)
            redacted_replies.append(redacted_reply)
        return redacted_replies
    if error_in(reply) is not None:
        # The text of an error is the server's, and is recorded as it is.
        return reply
    return store_reply(load_reply(reply, None), command, redactor)


def names_no_longer_hidden_in_commands(
    parts: Mapping[str, Any],
    outcomes: object,
    *,
    rules_before: Redactor,
    rules_of_today: Redactor,
) -> set[str]:
    """Return the names whose hidden values today's rules would show.

    A value that was never stored cannot be shown: its call has to be recorded again.

    Args:
        parts: The parts of a recorded call, or its description.
        outcomes: The recorded outcomes of the call.
        rules_before: The rules under which the call may have been recorded.
        rules_of_today: The rules of today.
    """
    names = set()
    # A placeholder may stand anywhere in the outcomes, so that their text is searched.
    has_hidden_reply = PLACEHOLDER_START in repr(outcomes)
    for command in _commands_in(parts):
        name_of_key = name_of_secret_key(command, rules_before)
        if has_hidden_reply and name_of_key and not is_secret(command, rules_of_today):
            names.add(name_of_key)
        shown_before = shown_indexes(command, rules_before)
        shown_today = shown_indexes(command, rules_of_today)
        for index, word in enumerate(command):
            is_no_longer_hidden = index in shown_today and index not in shown_before
            if is_no_longer_hidden and is_placeholder(word.decode("utf-8", "replace")):
                names.add(name_of_hidden_word(command, index, rules_before))
    return names


def _commands_in(parts: Mapping[str, Any]) -> list[Command]:
    """Return the commands in the parts of a call, as they were sent."""
    plain_commands = parts.get("commands", [])
    if "command" in parts:
        plain_commands = [parts["command"]]
    return [[_bytes_of_word(word) for word in words] for words in plain_commands]


def _bytes_of_word(word: Any) -> bytes:
    """Return a word of a command: a text, or bytes with a tag."""
    if isinstance(word, str):
        return word.encode()
    [coded] = word.values()
    return b64decode(coded)
