"""What becomes of a call: from the mode, what stands at its place, and those before it."""

from __future__ import annotations

import itertools
from typing import NamedTuple, get_args

import pytest

from pytest_mimic.engine import decide as room
from pytest_mimic.engine.decide import Conversation, Mode, Recorded


class Facts(NamedTuple):
    mode: Mode
    recorded: Recorded
    conversation: Conversation = "none"
    has_effect: bool = False


def decide(facts):
    return room.decide(*facts[:3], has_effect=facts.has_effect)


MODES = get_args(Mode)
RECORDED = get_args(Recorded)
CONVERSATIONS = get_args(Conversation)
ALL = [
    Facts(*facts)
    for facts in itertools.product(MODES, RECORDED, CONVERSATIONS, (False, True))
]


def in_mode(*modes):
    return [facts for facts in ALL if facts.mode in modes]


@pytest.mark.parametrize("recorded", RECORDED)
def test_a_replay_runs_nothing(recorded):
    wanted = {
        "fresh": "replay",
        "repeats": "replay",
        "stale": "stale",
        "empty": "missing",
        "none": "missing",
    }

    found = {decide(facts) for facts in in_mode("replay") if facts.recorded == recorded}

    assert found == {wanted[recorded]}


def test_verifying_runs_what_has_a_recording_and_nothing_else():
    found = {(facts.recorded, decide(facts)) for facts in in_mode("verify")}

    assert found == {
        ("fresh", "verify"),
        ("stale", "verify"),
        ("repeats", "verify"),
        ("empty", "missing"),
        ("none", "missing"),
    }


def test_recording_again_and_live_run_everything():
    assert {decide(facts) for facts in in_mode("rerecord", "live")} == {"run"}


@pytest.mark.parametrize(
    ("recorded", "conversation", "wanted"),
    [
        ("fresh", "none", "replay"),
        ("stale", "none", "run"),
        ("repeats", "none", "run"),
        ("none", "none", "run"),
        ("fresh", "new", "replay"),
        ("none", "new", "run"),
        ("fresh", "replayed", "replay"),
        ("none", "replayed", "follows"),
        ("repeats", "replayed", "follows"),
        ("empty", "replayed", "follows"),
        ("fresh", "real", "run"),
        ("none", "real", "run"),
    ],
)
def test_a_conversation_is_replayed_or_real_as_a_whole(recorded, conversation, wanted):
    assert decide(Facts("record", recorded, conversation)) == wanted


def test_a_recording_run_repeats_what_later_statements_may_need():
    """And gives its recorded answer; a conversation that is real is recorded anyway."""
    repeated = [
        facts
        for facts in in_mode("record")
        if facts.has_effect and decide(facts) == "repeat"
    ]

    assert {(facts.recorded, facts.conversation) for facts in repeated} == {
        ("fresh", "none"),
        ("fresh", "new"),
        ("fresh", "replayed"),
    }
