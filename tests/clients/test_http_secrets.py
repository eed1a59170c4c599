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


def test_a_new_request_is_not_sent_with_a_placeholder(project):
    """The command in the message records it. The token is one of the conversation, or of a recording apart from it."""
    pytest.importorskip("httpx")
    project.ini("httpx only='GET /login/apart' sequence=no", "httpx")
    project.module("""
        API = os.environ["API"]

        def visit(login, sent):
            token = httpx.get(API + login).json()["access_token"]
            if os.environ["MORE"]:
                try:
                    httpx.get(API + "/me", **sent(token))
                except RuntimeError:
                    pass

        def bearer(token):
            return {"headers": {"Authorization": f"Bearer {token}"}}
    """)
    project.tests("""
        def test_within():
            shop.visit("/login", shop.bearer)

        def test_apart():
            shop.visit("/login/apart", shop.bearer)

        def test_basic():
            shop.visit("/login/apart", lambda token: {"auth": ("x-access-token", token)})
    """)

    with project.shop() as server:
        env = {"MORE": ""}
        project.record(env=env).expect(passed=3)
        env["MORE"] = "yes"
        missed = project.run(env=env)
        grown = project.record(env=env)
        assert "GET /me" not in server.seen
        project.run("--mimic-rerecord", env=env).expect(passed=3)
    project.run(env=env).expect(passed=3)

    tests = [f"test_shop.py::test_{name}" for name in ("within", "apart", "basic")]
    remedies = [f"pytest --mimic-rerecord {test}" for test in tests]
    missed.expect(failed=3, says=remedies)
    grown.expect(failed=3, says=["GET /me", *remedies])


# Keys in a path, by the variables of the environment that hold them, and the patterns that
# take their calls.
IN_PATHS = {
    "HOOK": ("/echo/", "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc", "*"),
    "API_KEY": ("/echo/of/", "planted-secret-9000", "*"),
    "SIGNS": ("/echo/", "a,b", "a?b"),
}


def test_the_line_for_a_shared_call_shows_no_key_and_takes_it(project):
    pytest.importorskip("requests")
    project.ini("http")
    project.tests(f"""
        def ask(name, path):
            requests.get(os.environ["API"] + path + os.environ[name])

        EACH = pytest.mark.parametrize(("name", "path"), {[(name, row[0]) for name, row in IN_PATHS.items()]})

        @EACH
        def test_one(name, path):
            ask(name, path)

        @EACH
        def test_more(name, path):
            if os.environ["MORE"]:
                ask(name, path)
    """)
    env = {name: key for name, (_, key, _) in IN_PATHS.items()}
    lines = [
        f'http only="GET {path}{pattern}" shared'
        for path, _, pattern in IN_PATHS.values()
    ]

    with project.shop():
        env["MORE"] = ""
        project.record(env=env).expect(passed=6)
        env["MORE"] = "yes"
        never = [env["HOOK"], env["API_KEY"]]
        project.run(env=env).expect(passed=3, failed=3, says=lines, never=never)
        project.ini(*lines, "http")
        project.run("--mimic-rerecord", env=env).expect(passed=6)
    project.run(env=env).expect(passed=6)


class Price(loopback.Handler):
    """Gives a number in each form that JSON has."""

    def do_GET(self):
        self.answer(200, '{"price": 1999.25, "count": -4711}', "application/json")


def test_the_test_gets_the_real_number_again_while_verifying(project):
    project.ini("http", mimic_redact=["price", "count"])
    project.test("""
        answer = requests.get(os.environ["API"]).json()
        print("got", answer)
    """)
    with project.shop(Price):
        project.record().expect(passed=1)
        stored = b"".join(project.files().values())
        assert b"4711" not in stored
        assert b"1999" not in stored
        verified = project.run("--mimic-verify", "-s")
    verified.expect(passed=1, says=["got {'price': 1999.25, 'count': -4711}"])


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
    assert "assistant: Use mimic-redacted-PARTNER-TOKEN or mimic-redacted" in shown


KEY = "ak-51H8s0m3-Th1ng-9Q"


class Account(loopback.Handler):
    """Answers with what is hidden in each answer, or in one of them."""

    def do_GET(self):
        answer = {
            "user": {"password": "set"},
            "token": "USDT",
            "plan": "gold-2027",
            "all": [{"mail": "a@b"}],
            "link": "https://shop.test/may.pdf?signature=f00d4711f00d4711f00d",
        }
        if self.path == "/login":
            answer["access_token"] = "given"
            answer["text"] = f"sent with {KEY}"
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

    env = {"ACCOUNT_API_KEY": KEY}
    with project.shop(Account):
        recorded = project.record(env=env)
        failing = project.run(env=env)
        shown = "!password, !signature, !access_token, !account-api-key, body.all.*.mail, plan"
        project.ini("http", mimic_redact=shown)
        again = project.run("--mimic-rerecord", env=env)
        again.expect(passed=1, never=["redacted in answers"])
        project.run(env=env).expect(passed=1)

    first = next(
        number for number, line in enumerate(recorded.section) if "redacted in" in line
    )
    names = "!signature, !access_token, !ACCOUNT-API-KEY, !password"
    assert recorded.section[first : first + 3] == [
        "redacted in answers: signature (2 answers), password (2), access_token (1),"
        " ACCOUNT-API-KEY (1)",
        f"  to keep what is no secret: mimic_redact = {names}",
        "  and record them again: pytest --mimic-rerecord test_shop.py::test_it",
    ]
    shown = "in these answers: signature, access_token, ACCOUNT-API-KEY, password"
    failing.expect(failed=1, says=[shown])
