"""`stateless`: a service that keeps no state answers new calls alone, and tokens are counted."""

from __future__ import annotations

import pytest

pytest.importorskip("requests", reason="needs requests")

from support.llm_server import KEY, running_llm

CHAT, GEMINI = "v1/chat/completions", "v1beta/models/gemini-x:generateContent"
SHOP = f"""
    import os
    import requests

    def ask(prompt, path={GEMINI!r}, **more):
        body = {{"model": "x", "messages": [{{"role": "user", "content": prompt}}], **more}}
        answer = requests.post(f"{{os.environ['LLM']}}/{{path}}", json=body, headers={{"X-Api-Key": {KEY!r}}})
        return answer.json()["usage"] if not more else answer.text
"""
TEST = """
    from shop import ask

    def test_chat():
        for prompt in PROMPTS:
            assert ask(prompt)["input_tokens"] == 9
"""
LINE = 'requests stateless only="POST */models/*:generateContent"'


@pytest.fixture
def chat(project):
    """A project whose test sends prompts. Returns functions to write its prompts, to record them, and to replay."""
    project.ini("requests ignore=port")
    project.module(SHOP)

    def ask(*prompts):
        project.tests(TEST.replace("PROMPTS", repr(prompts)))

    with running_llm() as llm:

        def record(*args, **expected):
            before = len(llm.seen)
            run = project.run("--mimic-record", *args, env={"LLM": llm.url}).expect(**expected)
            return run, len(llm.seen) - before

        def replay(*args):
            return project.run(*args, env={"LLM": "http://127.0.0.1:1"})

        project.ask, project.say, project.back, project.llm = ask, record, replay, llm
        yield project


def test_a_changed_prompt_of_twenty_is_one_call(chat):
    prompts = [f"question {number}" for number in range(20)]
    chat.ask(*prompts)
    chat.ini(LINE.replace(" only", " ignore=port only"), "requests ignore=port")
    assert chat.say(passed=1)[1] == 20
    chat.ask(*prompts[:-1], "another")

    asked = chat.say(passed=1)[1]

    assert asked == 1
    replayed = chat.back().expect(passed=1)
    assert replayed.section[0] == "20 calls replayed, # s and 420 tokens saved; 1 recording unused"
    assert replayed.changed == set()


@pytest.mark.parametrize("how", ["line", "marker", "cassette"])
def test_new_calls_alone_in_each_way(chat, how):
    """The n-th identical call gets the n-th outcome, here under `--mimic-record`."""
    options = "stateless=True, only='POST */models/*', ignore='port'"
    chat.ini(
        *(
            {"line": [LINE.replace(" only", " ignore=port only"), "requests ignore=port"], "marker": []}.get(
                how, []
            )
        )
    )
    text = TEST.replace("for prompt", "ask('state', 'other')\n        for prompt") if how == "line" else TEST
    if how == "marker":
        text = text.replace("def test", f"@pytest.mark.mimic('http', {options})\n    def test").replace(
            "    from", "    import pytest\n    from", 1
        )
    if how == "cassette":
        text = (
            text.replace("test_chat()", "test_chat(mimic_auto)")
            .replace(
                "        for", f"        with mimic_auto(targets=['requests'], {options}):\n          for", 1
            )
            .replace("            assert", "              assert")
        )

    def ask(*prompts):
        chat.tests(
            text.replace("PROMPTS", repr(prompts)).replace(
                "ask('state', 'other')", "ask('state', 'other', x=1)"
            )
        )

    ask("a", "a", "b")
    first = chat.say(passed=1)[1]
    ask("a", "a", "c", "b", "a")

    run, asked = chat.say(passed=1)

    assert (first, asked) == ((4, 2) if how == "line" else (3, 2))
    assert "again" not in str(run.section)
    chat.back().expect(passed=1)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sqlalchemy stateless", "sqlalchemy: stateless is an option of HTTP and gRPC"),
        ("shop:ask stateless", "shop:ask: stateless is an option of HTTP and gRPC"),
        ("http stateless sequence=no", "http: stateless has no effect with sequence=no"),
        ("http stateless=maybe", "http: stateless= takes true or false, not 'maybe'"),
    ],
)
def test_elsewhere_it_is_a_usage_error(project, line, says):
    project.ini(line)
    project.module(SHOP)
    project.test("pass")

    project.run().expect(exit_code=4, says=[f"mimic_functions line 1: {says}"])


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["one process", "xdist"])
def test_tokens_of_streams_and_of_both_apis(chat, args):
    chat.ini("requests ignore=port")
    chat.tests(f"""
        from shop import ask

        def test_answers():
            ask("hello"), ask("hello", path={CHAT!r})

        def test_streams():
            ask("hello", stream=True), ask("hello", path={CHAT!r}, stream=True)
    """)
    assert chat.say(passed=2)[1] == 4

    run = chat.back(*args)

    assert run.section[0] == "4 calls replayed, # s and 63 tokens saved"
