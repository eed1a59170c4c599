"""Sums up how many tokens the answers of language models took, by what they say themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_mimic._core.vault.parsing import parse_recording
from pytest_mimic._core.words import pattern
from pytest_mimic.errors import MimicError

if TYPE_CHECKING:
    from pytest_mimic._core.vault import Vault
    from pytest_mimic._core.vault.recording_facts import Recording

# The fields of OpenAI, Anthropic and Gemini. In a text within an answer, a quote would be escaped.
_COUNTS = pattern(r'"(total_tokens|totalTokenCount|input_tokens|output_tokens)": ?(\d+)')


def tokens_of(answers: Sequence[tuple[float, str]], vault: Vault, known: Mapping[str, Recording]) -> int:
    """Return the tokens of recorded answers, each given by its duration and the name of its recording or cassette.

    `known` are recordings that were read already. Of several answers of one file, the duration tells which it was.
    """
    counts = dict[str, dict[float, int]]()
    for name in {name for _, name in answers}:
        with suppress(MimicError, LookupError, ValueError):  # it is gone, taken back or damaged
            if (recording := known.get(name)) is not None:
                entries = [one.entry for one in recording.outcomes]
            else:
                facts = parse_recording(vault.store.read(name) or b"", vault.label, name, skim=True)
                calls = [call["outcome"] for call in facts.get("calls", ()) if call.get("target") == "http"]
                entries = facts.get("outcomes", calls)
            counts[name] = {one["duration"]: _tokens(one, vault) for one in entries}
    return sum(counts.get(name, {}).get(duration, 0) for duration, name in answers)


def _tokens(entry: Mapping[str, Any], vault: Vault) -> int:
    """Return the tokens that one answer says it took, 0 if it says nothing. Of a stream, what comes later counts."""
    response = entry.get("value")
    if "json" in entry and b"usage" in (data := vault.store.read(entry["json"]) or b""):
        response = json.loads(data).get("value")
    body = response.get("body") if isinstance(response, dict) else None
    chunks = body.get("chunks") if isinstance(body, dict) else None
    text = "".join(map(str, chunks)) if isinstance(chunks, list) else json.dumps(body)
    said = {name: int(count) for name, count in _COUNTS.findall(text)} if "usage" in text else {}
    sums = [said.pop(name) for name in ("total_tokens", "totalTokenCount") if name in said]
    return sums[0] if sums else sum(said.values())
