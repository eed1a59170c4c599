"""The life of an LLM agent: two providers, tools, streams, many requests at once, a 429 and a 500."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from checkouts import check_in, commit, edit, replay_everywhere, replay_here
from support.installed import need
from support.llm_server import KEY, Server, running_llm

need("openai", "anthropic", "pytest_randomly", "xdist")

if TYPE_CHECKING:
    from conftest import Project

COUNT = 6
NO_PROVIDER = {"LLM": "http://127.0.0.1:1"}


@pytest.fixture
def provider() -> Iterator[Server]:
    """A running fake of both providers."""
    with running_llm() as server:
        yield server


@pytest.fixture
def agent(project: Project, provider: Server) -> Project:
    """The agent, recorded."""
    project.process = True
    check_in(project, "agent")
    project.record(env=there(provider)).expect(passed=COUNT)
    commit(project, "Record")
    return project


def there(provider: Server) -> dict[str, str]:
    """Return the variables by which the agent finds a provider."""
    return {"LLM": provider.url, "LLM_KEY": KEY}


def test_the_agent_replays_everywhere(agent: Project, provider: Server) -> None:
    replay_everywhere(agent, passed=COUNT, env=NO_PROVIDER)
    kept = "".join(data.decode("utf-8", "replace") for data in agent.files().values())
    assert KEY not in kept


def test_a_changed_prompt_is_a_miss(agent: Project, provider: Server) -> None:
    edit(agent, "agent.py", "You are a forecaster.", "You are a kind forecaster.")
    asked = len(provider.seen)

    missed = agent.replay(env=there(provider))
    missed.expect(failed=COUNT, says=["kind forecaster", "MissingRecordingError: no recording of http"])
    assert len(provider.seen) == asked
    assert len(missed.output.splitlines()) < 60 * COUNT
    agent.record(env=there(provider)).expect(passed=COUNT)
    replay_here(agent, passed=COUNT, env=NO_PROVIDER)


def test_a_provider_that_is_down_replaces_nothing(agent: Project) -> None:
    broken = agent.run("--mimic-rerecord", env={**NO_PROVIDER, "LLM_KEY": KEY, "LLM_RETRIES": "0"})

    assert broken.expect(failed=COUNT).changed == set()
    replay_here(agent, passed=COUNT, env=NO_PROVIDER)
