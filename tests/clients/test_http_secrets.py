"""No byte of a secret in an HTTP exchange is in the vault or in the output."""

from __future__ import annotations

import json

import pytest
from support import face, loopback


def test_a_miss_shows_neither_secrets_nor_plugin_frames(project):
    pytest.importorskip("httpx")
    project.ini("httpx")
    project.test("""
        import httpx
        body = {"password": os.environ["SECRET"], "a": os.environ.get("A", "1")}
        httpx.post(os.environ["API"] + "/echo", json=body, headers={"X-Api-Key": os.environ["SECRET"]})
    """)
    env = {"SECRET": "planted-secret-9000"}

    with project.shop():
        project.record(env=env).expect(passed=1)
    run = project.run(env={**env, "A": "2"})

    run.expect(
        failed=1,
        says=["body.a: '1' recorded, '2' now"],
        never=["planted-secret-9000", "clients/"],
    )


@pytest.mark.parametrize(
    ("is_apart", "login"),
    [
        (False, "headers={'Authorization': f'Bearer {token}'}"),
        (True, "headers={'Authorization': f'Bearer {token}'}"),
        pytest.param(True, "auth=('x-access-token', token)", marks=pytest.mark.rare),
    ],
    ids=["in the conversation", "apart from it", "basic credentials"],
)
def test_a_new_request_is_not_sent_with_a_placeholder(project, is_apart, login):
    """The command in the message records it."""
    pytest.importorskip("httpx")
    project.ini(*(["httpx only='GET /login' sequence=no"] if is_apart else []), "httpx")
    project.module(
        """
        API = os.environ["API"]

        def visit():
            token = httpx.get(API + "/login").json()["access_token"]
            if os.environ["MORE"]:
                try:
                    httpx.get(API + "/me", LOGIN)
                except RuntimeError:
                    pass
    """.replace("LOGIN", login)
    )
    project["test_it.py"] = """
        def test_visit():
            shop.visit()
    """

    with project.shop() as server:
        env = {"MORE": ""}
        project.record(env=env).expect(passed=1)
        env["MORE"] = "yes"
        missed = project.run(env=env)
        grown = project.record(env=env)
        assert "GET /me" not in server.seen
        project.run("--mimic-rerecord", env=env).expect(passed=1)
    project.run(env=env).expect(passed=1)

    remedy = "pytest --mimic-rerecord test_it.py::test_visit"
    missed.expect(failed=1, says=[remedy])
    grown.expect(failed=1, says=["GET /me", remedy])


@pytest.mark.parametrize(
    ("name", "key", "pattern"),
    [
        ("HOOK", "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc", "GET /echo/sk_live_*"),
        ("API_KEY", "planted-secret-9000", "GET /echo/*"),
        pytest.param("HOOK", "a,b", "GET /echo/a?b", marks=pytest.mark.rare),
    ],
    ids=["like a key", "of the environment", "signs of a pattern"],
)
def test_the_line_for_a_shared_call_shows_no_key_and_takes_it(
    project, name, key, pattern
):
    pytest.importorskip("requests")
    project.ini("http")
    project.tests("""
        def ask():
            requests.get(os.environ["API"] + "/echo/" + os.environ[os.environ["NAME"]])

        def test_one():
            ask()

        def test_more():
            if os.environ["MORE"]:
                ask()
    """)

    with project.shop():
        env = {"NAME": name, name: key, "MORE": ""}
        project.record(env=env).expect(passed=2)
        env["MORE"] = "yes"
        line = f'http only="{pattern}" shared'
        never = [] if key == "a,b" else [key]
        project.run(env=env).expect(passed=1, failed=1, says=[line], never=never)
        project.ini(line, "http")
        project.run("--mimic-rerecord", env=env).expect(passed=2)
    project.run(env=env).expect(passed=2)


class Model(loopback.Handler):
    """Says what it was asked in pieces, as a language model does."""

    def do_POST(self):
        said = json.loads(self.body())["messages"][0]["content"]
        pieces = [said[at : at + 6] for at in range(0, len(said), 6)]
        chunks = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        self.answer(200, "".join(lines), "text/event-stream")


def test_a_secret_in_pieces_of_a_stream_is_hidden_and_a_key_named(
    project, monkeypatch, capsys
):
    pytest.importorskip("httpx")
    project.ini("http")
    project.test("""
        import httpx, json, os
        said = f"Use {os.environ['PARTNER_TOKEN']} or {os.environ['KEY']}"
        body = {"model": "m", "messages": [{"content": said}]}
        answer = httpx.post(os.environ["API"], json=body).text
        chunks = [json.loads(line[5:]) for line in answer.split("\\n\\n") if line]
        told = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
        assert told == said
    """)
    key = "sk-proj-abcDEF123456ghiJKL789012mnoPQR345678"
    env = {"PARTNER_TOKEN": "partner-4711-0815-xyz", "KEY": key}

    with project.shop(Model):
        run = project.record(env=env)

    run.expect(passed=1)
    kept = json.dumps([call.call["answer"] for call in run.calls])
    assert "0815-x" not in kept
    assert kept.count("mimic-redacted-PARTNER-TOKEN") == 1
    monkeypatch.chdir(project.root)
    assert face.command(["show", "test_shop.py"]) == 0
    shown = capsys.readouterr().out
    assert "assistant: Use mimic-redacted-PARTNER-TOKEN or sk-proj-…" in shown


class Account(loopback.Handler):
    """Answers with what is hidden in each answer, or in one of them."""

    def do_GET(self):
        answer = {
            "user": {"password": "set"},
            "token": "USDT",
            "all": [{"mail": "a@b"}],
        }
        if self.path == "/login":
            answer["access_token"] = "given"
        self.json(answer)


def test_what_is_hidden_in_answers_is_one_line_and_shown_at_a_failure(project):
    pytest.importorskip("httpx")
    project.ini("http")
    project.test("""
        import httpx, os
        for path in ("/login", "/me"):
            answer = httpx.get(os.environ["API"] + path).json()
            assert answer["token"] == "USDT"
            assert answer["user"]["password"] == "set"
    """)

    with project.shop(Account):
        recorded = project.record()
        failing = project.run()
        project.ini("http", mimic_redact="!password, !access_token, body.all.*.mail")
        project.run("--mimic-rerecord").expect(passed=1, never=["redacted in answers"])
        project.run().expect(passed=1)

    [line] = [one for one in recorded.output.splitlines() if "redacted in" in one]
    test = "test_shop.py::test_it"
    assert line == (
        "redacted in answers: password (2 answers), access_token (1)"
        "    to keep what is no secret: mimic_redact = !access_token, !password"
        f"    and record them again: pytest --mimic-rerecord {test}"
    )
    failing.expect(failed=1, says=["in these answers: access_token, password"])
