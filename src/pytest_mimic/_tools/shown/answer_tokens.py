"""Sums up how many tokens the answers of language models took, by what they say themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Recording, Vault

# The fields of OpenAI, Anthropic and Gemini. A sum comes before its parts.
_SUMS = ("total_tokens", "totalTokenCount")
_USES = ("usage", "usageMetadata")
_PARTS = ("input_tokens", "output_tokens")


def tokens_of(
    answers: Iterable[tuple[float, str]], vault: Vault, known: Mapping[str, Recording] | None = None
) -> int:
    """Return the tokens of recorded answers, each given by its duration and the name of its recording or cassette.

    `known` are recordings that were read already. Of several answers of one file, the duration tells which it was; of
    those with one duration, the n-th is the n-th, and the last one repeats.
    """
    wanted: dict[str, Counter[float]] = {}
    for duration, name in answers:
        wanted.setdefault(name, Counter())[duration] += 1
    total = 0
    for name, durations in wanted.items():
        with suppress(MimicError, LookupError, ValueError):  # it is gone, taken back or damaged
            recording = (known or {}).get(name)
            entries = [one.entry for one in recording.outcomes] if recording else list(_entries(vault, name))
            for duration, count in durations.items():
                same = [_tokens(one, vault) for one in entries if one["duration"] == duration]
                same = same or [_tokens(entries[-1], vault)]
                total += sum(same[:count]) + same[-1] * max(0, count - len(same))
    return total


def _entries(vault: Vault, name: str) -> Iterator[dict[str, Any]]:
    facts = parse_recording(vault.store.read(name) or b"", vault.label, name, skim=True)
    calls = [call["outcome"] for call in facts.get("calls", ()) if call.get("target") == "http"]
    yield from facts.get("outcomes", calls)


def _tokens(entry: Mapping[str, Any], vault: Vault) -> int:
    """Return the tokens that one answer says it took, 0 if it says nothing."""
    response: Any = entry.get("value")
    if "json" in entry:
        data = vault.store.read(entry["json"]) or b""
        response = json.loads(data).get("value") if b"usage" in data else None
    body = response.get("body") if isinstance(response, dict) else None
    said: dict[str, int] = {}
    for usage in _usages(body) if isinstance(body, dict) else ():  # a stream's later ones are newer
        said |= {name: count for name in (*_SUMS, *_PARTS) if isinstance(count := usage.get(name), int)}
    sums = [said[name] for name in _SUMS if name in said]
    return sums[0] if sums else sum(said.get(name, 0) for name in _PARTS)


def _usages(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what an answer says of its use, in order: in its JSON, or in the events of a stream."""
    chunks = body.get("chunks")
    todo: list[Any] = [body]
    if isinstance(chunks, list) and all(isinstance(one, str) for one in chunks):
        todo = []
        for line in reversed("".join(chunks).splitlines()):
            with suppress(ValueError):
                todo.append(json.loads(line.removeprefix("data:")) if "usage" in line else None)
    while todo:  # no recursion: an answer may be deep
        part = todo.pop()
        if isinstance(part, dict):
            yield from (use for name in _USES if isinstance(use := part.get(name), dict))
            todo += reversed(part.values())
        elif isinstance(part, list):
            todo += reversed(part)
