"""The value of an environment variable with a secret name: `<NAME>` in what is recorded, and named where it has to stay."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from support.http_server import running_server

from pytest_mimic._tools.cli.main import main

SECRET = "zx81-spectrum-4711-abcd"

SHOP = """
    import os, threading
    from dataclasses import dataclass
    from http.client import HTTPConnection
    from tally import ran

    def secret():
        return os.environ["SHOP_TOKEN"]

    @dataclass
    class User:
        name: str
        of: bytes = b""

    class Odd:
        def __init__(self, name):
            self.name = name
        def __reduce__(self):
            return Odd, (self.name,)
        def __eq__(self, other):
            return self.name == other.name
        __hash__ = None

    def give(kind, more=None):
        ran(kind)
        if kind == "error":
            raise ValueError(f"no {secret()} here")
        return {
            "text": f"it is {secret()}!",
            "key": {secret(): 1},
            "user": User(secret(), secret().encode()),
            "odd": Odd(secret()),
            "bytes": b"\\x00\\xff" + secret().encode(),
        }[kind]

    def stream():
        ran("stream")
        yield "a"
        yield [secret()]

    def ask():
        connection = HTTPConnection(os.environ["HOST"])
        connection.request("POST", f"/echo/bot{secret()}/x?q={secret()}", f"it is {secret()}")
        text = connection.getresponse().read().decode()
        connection.close()
        return text
"""


def shop(project, *, call):
    project.ini("shop:give", "shop:stream", "http.client")
    project.module(SHOP)
    project.tests(f"""
        import os, pytest, shop
        from shop import *

        def error():
            with pytest.raises(ValueError) as raised:
                give("error")
            return str(raised.value)

        def test_it():
            assert ({call}) == eval(os.environ["EXPECTED"])
    """)
    return project


def read(run):
    """Return all files of the vault after a run as one text."""
    return b"\n".join(run.vault.values()).decode("latin-1")


@pytest.mark.parametrize(
    ("call", "expected", "label"),
    [
        ("give('text')", "'it is ' + X + '!'", "shop:give(kind='text', more=None)"),
        ("list(stream())", "['a', [X]]", "shop:stream()"),
        ("error()", "'no ' + X + ' here'", "shop:give(kind='error', more=None)"),
    ],
)
def test_the_name_stands_for_the_value_in_the_readable_outcome_of_a_function(project, call, expected, label):
    """The run that records has the value, every replay the name, with the variable and without it."""
    shop(project, call=call)
    real = {"SHOP_TOKEN": SECRET, "EXPECTED": expected.replace("X", "secret()")}
    replayed = {"EXPECTED": expected.replace("X", "'<SHOP_TOKEN>'")}

    recorded = project.record(env=real)

    where = "<SHOP_TOKEN> stands for the value, test_shop.py::test_it"
    recorded.expect(
        passed=1, says=["outcomes with secrets of the environment:", label, where], never=[SECRET]
    )
    assert SECRET not in read(recorded)
    project.replay(env=replayed).expect(passed=1, never=["environment"])
    project.replay(env={**replayed, "SHOP_TOKEN": SECRET}).expect(passed=1)
    verified = project.run("--mimic-verify", env={**replayed, "SHOP_TOKEN": SECRET})
    verified.expect(passed=1, says=["1 call verified"])


@pytest.mark.parametrize(
    ("kind", "expected"), [("odd", "Odd(secret())"), ("bytes", "b'\\x00\\xff' + secret().encode()")]
)
def test_an_outcome_that_is_no_text_is_stored_and_named(project, kind, expected):
    shop(project, call=f"give('{kind}')")
    env = {"SHOP_TOKEN": SECRET, "EXPECTED": expected}

    recorded = project.record(env=env)

    recorded.expect(passed=1, says=["holds the value of SHOP_TOKEN, test_shop.py::test_it"], never=[SECRET])
    project.replay(env=env).expect(passed=1)


def test_the_name_stands_for_the_value_in_what_a_client_records(project):
    """Where the variable has another value, as in CI, the same request is the same call."""
    shop(project, call="'<SHOP_TOKEN>' in ask()")
    with running_server() as server:
        host = server.url.removeprefix("http://")
        recorded = project.record(env={"SHOP_TOKEN": SECRET, "EXPECTED": "False", "HOST": host})
        verified = project.run("--mimic-verify", env={"SHOP_TOKEN": SECRET, "EXPECTED": "True", "HOST": host})

    recorded.expect(
        passed=1, says=["POST /echo/bot<SHOP_TOKEN>/x", "<SHOP_TOKEN> stands for"], never=[SECRET]
    )
    assert SECRET not in read(recorded)
    verified.expect(passed=1, says=["1 call verified"])
    other = {"SHOP_TOKEN": "the-dummy-of-ci-0815", "EXPECTED": "True", "HOST": host}
    project.replay(env=other).expect(passed=1)


def test_an_argument_is_shown_by_the_name_of_its_variable(project):
    shop(project, call="give('text', more=[secret()])")

    recorded = project.record(env={"SHOP_TOKEN": SECRET, "EXPECTED": "give('text')"})
    missed = project.replay("--mimic-verify", env={"SHOP_TOKEN": SECRET[::-1], "EXPECTED": "1"})

    recorded.expect(passed=1, says=["more=['<SHOP_TOKEN>']"], never=[SECRET])
    assert SECRET not in read(recorded)
    missed.expect(failed=1, says=["more=['<SHOP_TOKEN>']"], never=[SECRET[::-1]])


def test_the_working_directory_is_no_secret(project):
    """`PWD` is the shell's name for it, not a password."""
    project.ini("shop:where")
    project.module("import os\n\ndef where():\n    return os.environ['PWD']\n")
    project.tests("import shop\n\ndef test_where():\n    assert shop.where()\n")
    folder = "/home/ann/projects/shop-of-ann"

    recorded = project.record(env={"PWD": folder, "OLDPWD": folder})

    assert folder in read(recorded)


def test_what_a_test_puts_into_the_environment_is_no_secret_of_the_run(project):
    """Otherwise, a test would have other recordings if it ran alone."""
    shop(project, call="give('text')")
    project.write(
        "conftest.py",
        f"""
        import pytest

        @pytest.fixture(autouse=True)
        def token(monkeypatch):
            monkeypatch.setenv("SHOP_TOKEN", "{SECRET}")
    """,
    )

    recorded = project.record(env={"EXPECTED": f"'it is {SECRET}!'"})

    recorded.expect(passed=1, never=["outcomes with secrets"])
    assert SECRET in read(recorded)


@pytest.fixture
def command(project, monkeypatch, capsys):
    """Return a function that runs the command in the project with these variables of the environment."""

    def run(*words, env):
        with monkeypatch.context() as patch:
            patch.chdir(project.root)
            for name, value in env.items():
                patch.setenv(name, value)
            code = main([*words])
        return SimpleNamespace(returncode=code, stdout=capsys.readouterr().out)

    return run


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("[give('text'), give('user')]", "['it is ' + X + '!', User(X, X.encode())]"),
        ("list(stream())", "['a', [X]]"),
    ],
)  # fmt: skip
def test_check_names_what_was_recorded_before_the_variable_was_known(project, command, call, expected):
    shop(project, call=call)
    project.ini("shop:give", "shop:stream", mimic_redact="!token")
    project.record(env={"SHOP_TOKEN": SECRET, "EXPECTED": expected.replace("X", "secret()")}).expect(passed=1)
    assert SECRET in project_text(project)
    project.ini("shop:give", "shop:stream")
    env = {"SHOP_TOKEN": SECRET}

    found = command("check", env=env)

    assert (found.returncode, SECRET in found.stdout) == (1, False)
    assert "to hide it: pytest --mimic-rerecord test_shop.py::test_" in found.stdout
    hidden = found.stdout.count("holds what redaction hides today")
    assert f".mimic_vault: secrets in {hidden} recording" in found.stdout, (
        "each is counted once, though its look tells it, too"
    )
    project.run("--mimic-rerecord", env={**env, "EXPECTED": expected.replace("X", "secret()")}).expect(
        passed=1
    )
    assert SECRET not in project_text(project)
    sound = command("check", env=env)
    assert (sound.returncode, "is sound" in sound.stdout) == (0, True), sound.stdout
    project.replay(env={"EXPECTED": expected.replace("X", "'<SHOP_TOKEN>'")}).expect(passed=1)


REQUESTS = """
    import os
    from http.client import HTTPConnection

    LONG = "please " * 999

    def ask(path, body=None):
        connection = HTTPConnection(os.environ["HOST"])
        connection.request("POST" if body else "GET", path, body)
        assert connection.getresponse().read()
        connection.close()

    def test_answer():
        ask("/login")

    def test_query():
        ask("/users/1?token=tok-0815-abcd")

    def test_body():
        ask("/echo", '{"token": "tok-0815-abcd", "prompt": "%s", "schema": {"$ref": {"token": "tok-0815-abcd"}}}' % LONG)

    def test_text():
        ask("/echo", "token=tok-0815-abcd")

    def test_cassette(mimic_auto):
        with mimic_auto("here"):
            ask("/users/2?token=tok-0815-abcd")
"""


def test_check_names_requests_and_answers_with_the_command(project, command):
    line = "http.client ignore=port"
    project.ini(line, mimic_redact="!token\n    !access_token")
    project.tests(REQUESTS)
    with running_server() as server:
        env = {"HOST": server.url.removeprefix("http://")}
        project.record(env=env).expect(passed=5)
        assert "tok-issued-42" in project_text(project)
        assert "tok-0815-abcd" in project_text(project)
        project.ini(line)

        missed = project.replay(env=env).expect(failed=4, passed=1)
        found = command("check", env=env)

        assert "'tok-0815" not in missed.output, "only the test's own source shows it"
        assert "it holds what redaction hides today, and has to be recorded again" in missed.output
        assert (found.returncode, found.stdout.count("holds what redaction hides today")) == (1, 5)
        assert "to hide it: pytest --mimic-rerecord test_shop.py::test_query" in found.stdout
        project.run("--mimic-rerecord", "--mimic-clear-unused", env=env).expect(passed=5)
    assert "tok-" not in project_text(project)
    project.replay(env=env).expect(passed=5)
    assert command("check", env=env).returncode == 0


def test_check_names_what_other_clients_hold_under_a_name_that_is_declared_later(project, command):
    pytest.importorskip("sqlalchemy")
    project.ini("shop:order", "sqlalchemy")
    project.module("def order(customer_no):\n    return 1\n")
    project.tests("""
        import shop
        import sqlalchemy as sa

        def test_order():
            assert shop.order("C-123456") == 1

        def test_row():
            engine = sa.create_engine("sqlite://")
            with engine.connect() as connection:
                row = connection.execute(sa.text("SELECT :customer_no AS customer_no"), {"customer_no": "C-123456"})
                assert row.scalar()
            engine.dispose()
    """)
    project.record().expect(passed=2)
    project.ini("shop:order", "sqlalchemy", mimic_redact="customer_no")

    found = command("check", env={})
    shown = command("show", "test_shop.py::test_row", env={})

    assert found.returncode == 1
    for test in ("test_order", "test_row"):
        assert f"to hide it: pytest --mimic-rerecord test_shop.py::{test}" in found.stdout
    assert "C-123456" not in shown.stdout
    project.run("--mimic-rerecord").expect(passed=2)
    assert command("check", env={}).returncode == 0
    assert not [name for name, data in project.run().vault.items() if b"C-123456" in data]


def test_a_text_that_only_base64_holds_is_named(project, command):
    """By the run that records it and by `check`: nothing in it is redacted, as in an event stream of AWS."""
    project.ini("http.client")
    answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nContent-Length: 9\r\n\r\n\0\0token=1"
    project.tests(f"""
        import os, urllib.parse, urllib.request

        def test_it():
            query = urllib.parse.urlencode({{"answer": {answer!r}}})
            with urllib.request.urlopen(os.environ["API"] + "/raw?" + query) as response:
                assert response.read() == b"\\0\\0token=1"
    """)

    with running_server() as server:
        recorded = project.record(env={"API": server.url})
    checked = command("check", env={})

    recorded.expect(
        passed=1, says=["GET /raw gave a text that is stored as base64: nothing in it is redacted"]
    )
    assert (checked.returncode, "holds a text as base64" in checked.stdout) == (0, True)


def project_text(project):
    return b"\n".join(project.files().values()).decode("latin-1")
