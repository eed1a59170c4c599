"""A secret that a stream splits over its events is hidden in each of them."""

from __future__ import annotations

from json import loads
from typing import Any

import pytest

from pytest_mimic._clients.http.event_streams import store_events
from pytest_mimic._core.redact.redactor import Redactor
from pytest_mimic._core.redact.split_secrets import hide_split
from pytest_mimic._core.seam.call_secrets import Secrets

SECRET = "hunter2-is-secret"


def hide(text: str) -> str:
    return text.replace(SECRET, "<redacted>")


def pieces_of(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize(
    "text",
    [f"a {SECRET} b", SECRET, f"{SECRET}<br>{SECRET}", f"x{SECRET}", f"{SECRET}x"],
)
def test_the_joined_text_has_no_secret(text: str, size: int) -> None:
    pieces = pieces_of(text, size)

    hidden = hide_split(pieces, hide)

    assert len(hidden) == len(pieces)
    assert "".join(hidden) == hide(text)


def test_texts_of_two_tools_are_apart() -> None:
    events: list[Any] = []
    for piece in pieces_of(SECRET, 4):
        events.append({"calls": [{"index": 0, "text": piece}]})
        events.append({"calls": [{"index": 1, "text": piece.upper()}]})

    hidden = hide_split(events, hide)

    texts = ["".join(one["calls"][0]["text"] for one in hidden[n::2]) for n in (0, 1)]
    assert texts == ["<redacted>", SECRET.upper()]


def test_what_has_no_secret_is_the_same_object() -> None:
    events = [{"text": "all"}, {"text": " is well"}]

    assert [one is other for one, other in zip(hide_split(events, hide), events)] == [
        True,
        True,
    ]


@pytest.mark.parametrize("size", [3, 5])
def test_arguments_and_values_of_the_environment_are_hidden_in_a_stream(
    size: int,
) -> None:
    redactor = Redactor()
    redactor.environment_variables = {"SHOP_TOKEN": "value-of-the-environment-4711"}
    arguments = pieces_of(f'{{"password": "{SECRET}"}}', size)
    prose = pieces_of("it is value-of-the-environment-4711.", size)
    stream = [f'data: {{"arguments":{one!r}}}\n\n'.replace("'", '"') for one in prose]
    for one in arguments:
        quoted = one.replace('"', '\\"')
        stream.append(f'data: {{"tool":{{"arguments":"{quoted}"}}}}\n\n')

    body = store_events(stream, Secrets(redactor), server_sent=True)

    events = [
        loads(event[6:]) if isinstance(event, str) else event["json"]
        for event in body["events"]
    ]
    said = "".join(event.get("arguments", "") for event in events)
    given = "".join(event.get("tool", {}).get("arguments", "") for event in events)
    assert (said, given) == ("it is <SHOP_TOKEN>.", '{"password": "<redacted>"}')
