"""Recorded commands and replies by the rules of today are as a run would store them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from pytest_mimic._clients.redis.recorded_commands import (
    names_no_longer_hidden_in_commands,
    redacted_commands,
    redacted_outcome,
)
from pytest_mimic._core.redact.redactor import Redactor

SECRET = "hunter-4711-zebra"
HIDDEN = "<redacted>"
BYTES = {"$base64": b64encode(b"\xff\x00").decode()}
COMMANDS = {
    "a key": (["SET", "motto:1", SECRET, "EX", "5"], ["SET", "motto:1", HIDDEN, HIDDEN, HIDDEN]),
    "a field": (["HSET", "u", "a", "1", "motto", SECRET], ["HSET", "u", "a", "1", "motto", HIDDEN]),
    "the name of a field": (["HGET", "u", "motto"], ["HGET", "u", HIDDEN]),
    "only keys": (["DEL", "motto", "other"], ["DEL", "motto", "other"]),
    "bytes": (["SET", "u", BYTES], ["SET", "u", BYTES]),
    "a value with the name": (["SET", "u", "motto"], ["SET", "u", "motto"]),
}  # fmt: skip


@pytest.mark.parametrize(("recorded", "hidden"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_loses_what_a_run_would_hide(
    recorded: list[Any], hidden: list[Any]
) -> None:
    parts = {"database": 0, "protocol": 3, "command": recorded}

    redacted = redacted_commands(parts, Redactor(("motto",)))

    assert redacted == {**parts, "command": hidden}
    assert redacted_commands(redacted, Redactor(("motto",))) == redacted


REPLIES = {
    "of a key": (["GET", "motto:1"], SECRET, HIDDEN),
    "of a field": (["HGET", "u", "motto"], SECRET, HIDDEN),
    "of all fields": (["HGETALL", "u"], {"$unordered": [["motto", SECRET], ["n", "1"]]}, {"$unordered": [["motto", HIDDEN], ["n", "1"]]}),
    "of another key": (["GET", "u"], SECRET, SECRET),
    "a status": (["SET", "motto:1", SECRET], "OK", "OK"),
    "an error": (["GET", "motto:1"], {"$error": ["ResponseError", "no"]}, {"$error": ["ResponseError", "no"]}),
}  # fmt: skip


@pytest.mark.parametrize(("command", "reply", "hidden"), REPLIES.values(), ids=REPLIES)
def test_a_reply_loses_what_a_run_would_hide(
    command: list[str], reply: object, hidden: object
) -> None:
    redactor = Redactor(("motto",))

    redacted = redacted_outcome({"reply": reply}, {"command": command}, redactor)

    assert redacted == {"reply": hidden}


def test_each_reply_of_a_transaction_goes_by_its_own_command() -> None:
    commands = [["MULTI"], ["GET", "motto:1"], ["GET", "u"], ["EXEC"]]
    replies = ["OK", "QUEUED", "QUEUED", [SECRET, "Ann"]]

    redacted = redacted_outcome(
        {"replies": replies}, {"commands": commands}, Redactor(("motto",))
    )

    assert redacted == {"replies": ["OK", "QUEUED", "QUEUED", [HIDDEN, "Ann"]]}


@pytest.mark.parametrize(
    "commands", [[], [["PING"]], [["MULTI"], ["GET", "u"], ["EXEC"]]]
)
def test_no_reply_is_lost_if_another_call_is_described(
    commands: list[list[str]],
) -> None:
    """`ignore=commands` joins calls of several commands."""
    replies = ["OK", "QUEUED", ["Ann", 7], "8"]
    for some_replies in (replies, replies[:3]):
        redacted = redacted_outcome(
            {"replies": some_replies}, {"commands": commands}, Redactor(("motto",))
        )

        assert redacted == {"replies": some_replies}


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (["SET", "token:1", HIDDEN], "OK"),
        (["GET", "token:1"], HIDDEN),
        (["HSET", "u", "token", HIDDEN], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_name_that_hides_no_longer_is_told(command: list[str], reply: object) -> None:
    described, outcomes = {"command": command}, [{"reply": reply}]
    before = Redactor()

    def names(*setting: str) -> set[str]:
        today = Redactor(setting)
        return names_no_longer_hidden_in_commands(
            described, outcomes, rules_before=before, rules_of_today=today
        )

    assert names("!token") == {"token"}
    assert names() == set()
