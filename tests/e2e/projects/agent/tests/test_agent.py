"""The agent's answers."""

import asyncio

import agent


def test_forecast():
    """The agent uses its tool."""
    assert agent.forecast("weather?") == "It is sunny in Oslo."


def test_stream():
    """An answer arrives in pieces."""
    assert agent.stream("hello") == "Grüß Gott"


def test_twenty_at_once():
    """Twenty questions are under way at once."""
    answers = asyncio.run(agent.ask_all([f"question {number}" for number in range(20)]))
    assert answers == ["Hello"] * 20


def test_busy():
    """The SDK tries again after a 429."""
    assert agent.ask("busy") == "Hello"


def test_broken():
    """The SDK tries again after a 500."""
    assert agent.ask("broken") == "Hello"


def test_summarize():
    """Another provider's answer arrives in pieces."""
    assert agent.summarize("Summarize.") == "Hello"
