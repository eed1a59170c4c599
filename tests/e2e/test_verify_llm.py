"""A loop of tools and answers, whose ids and texts are other ones in each run, verifies by its shape."""

from __future__ import annotations

from support.installed import need
from support.llm_server import KEY, running_llm

AGENT = """
import os

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

def loop(ask):
    messages = [{"role": "user", "content": "What is the weather like?"}]
    for _ in range(5):
        answer = ask({"model": "agent-x", "messages": messages, "tools": TOOLS})
        if not answer.get("tool_calls"):
            return answer["content"]
        messages.append(answer)
        for call in answer["tool_calls"]:
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "sunny"})
"""

PLAIN = """
import os
import httpx
from agent import loop

def ask(question):
    head = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}
    answer = httpx.post(os.environ["LLM"] + "/v1/chat/completions", json=question, headers=head)
    return answer.json()["choices"][0]["message"]

def test_loop():
    assert loop(ask).startswith("Turn 3: it is sunny and sunny.")
"""


def test_a_tool_loop_verifies_by_its_shape_and_nothing_more(project):
    """The ids of the recorded answers are sent back to the model, so that the requests stay the recorded ones."""
    need("httpx")
    project.ini("httpx compare=shape", "httpx2 compare=shape", filterwarnings="error")
    project.write("agent.py", AGENT)
    project.write("test_agent.py", PLAIN)

    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.record(env=env).expect(passed=1)
        verified = project.run("--mimic-verify", env=env).expect(passed=1)
        assert len(llm.seen) == 2 * 3
    project.replay(env=env).expect(passed=1)

    assert verified.changed == set()
    assert verified.section == ["3 calls verified"]


def test_volatile_names_a_field_in_each_event_of_a_stream(project):
    need("httpx")
    project.write(
        "test_stream.py",
        """
        import os
        import httpx

        def test_it():
            head = {"Authorization": f"Bearer {os.environ['LLM_KEY']}"}
            question = {"model": "agent-x", "stream": True, "messages": [{"role": "tool", "content": "dry"}] * 2}
            httpx.post(os.environ["LLM"] + "/v1/chat/completions", json=question, headers=head)
        """,
    )
    with running_llm() as llm:
        env = {"LLM": llm.url, "LLM_KEY": KEY}
        project.ini("httpx volatile=body.id,body.created,body.choices")
        project.record(env=env).expect(passed=1)
        project.run("--mimic-verify", env=env).expect(passed=1)
        unchanged = project.run("--mimic-rerecord", env=env).expect(passed=1)
        project.ini("httpx volatile=body.id,body.created")
        drifted = project.run("--mimic-verify", env=env)

    assert unchanged.changed == set()
    drifted.expect(
        failed=1,
        says=["body[2].data.choices[0].delta.content: '1: ' recorded, '4: ' now"],
        never=["created: "],
    )
