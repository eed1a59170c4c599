"""After a change of `mimic_redact`, `rekey` hides what today's names hide, and the suite replays with services gone."""

from __future__ import annotations

import json

import pytest
from support import loopback
from support.loopback import Server, serving

pytest_plugins = ("support.rekeying",)

SECRET = "hunter-4711-zebra"


def holds_secret(project):
    """Return the files of the vault that hold the secret."""
    found = project.files().items()
    return [name for name, data in found if SECRET.encode() in data]


class Shop(loopback.Handler):
    """Answers with the motto that it was sent, and issues a token."""

    def do_POST(self):
        """Answer a request."""
        asked = json.loads(self.body())
        answer = {"motto": asked.get("motto"), "name": "Ann"}
        if self.path == "/login":
            answer["token"] = "tok-0815-new-4711"
        self.json(answer)


@pytest.fixture
def service():
    """A service."""
    with serving(Server(Shop)) as server:
        yield server


SHOP = """
    from urllib.request import Request, urlopen

    def send(path="/pay?a=1", **fields):
        body = json.dumps(fields).encode()
        headers = {"Content-Type": "application/json"}
        with urlopen(Request(os.environ["SERVICE"] + path, body, headers)) as answer:
            return json.load(answer)
"""


@pytest.mark.parametrize("line", ["http", "http ignore=query"])
def test_requests_and_answers_lose_a_secret(project, service, rekey, monkeypatch, line):
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(f"""
        def test_one():
            assert shop.send(motto="{SECRET}", n=1)["name"] == "Ann"
            assert shop.send("/pay?motto={SECRET}", n=2)["name"] == "Ann"
            assert shop.send("/pay", n=3)["name"] == "Ann"
    """)
    project.ini("http")
    project.record().expect(passed=1)
    assert holds_secret(project)
    service.stop()
    project.ini(line, mimic_redact="motto")

    project.replay().expect(passed=1)
    code, lines = rekey()

    assert code == 0, lines
    assert holds_secret(project) == []
    project.replay().expect(passed=1)
    assert rekey()[0] == 0


@pytest.mark.parametrize(
    ("path", "setting", "name"),
    [("/pay?a=1", "!password", "password"), ("/login", "!token", "token")],
    ids=["the application's own", "issued"],
)
def test_what_was_hidden_cannot_come_back(
    project, service, rekey, monkeypatch, path, setting, name
):
    monkeypatch.setenv("SERVICE", service.url)
    project.module(SHOP)
    project.tests(f"""
        def test_one():
            assert shop.send("{path}", password="hush hush hush")["name"] == "Ann"
    """)
    project.ini("http")
    project.record().expect(passed=1)
    project.ini("http", mimic_redact=setting)

    before = project.files()

    code, lines = rekey()

    assert code == 1
    assert any(name in line for line in lines)
    assert any("--mimic-rerecord" in line for line in lines)
    assert project.files() == before


def test_statements_and_rows_lose_a_secret(project, rekey, monkeypatch, tmp_path):
    pytest.importorskip("sqlalchemy")
    monkeypatch.setenv("DATABASE", str(tmp_path / "users.db"))
    project.module("""
        import sqlalchemy as sa

        engine = sa.create_engine("sqlite:///" + os.environ["DATABASE"])
        users = sa.Table("users", sa.MetaData(), sa.Column("name", sa.Text), sa.Column("motto", sa.Text))

        def add(name, motto):
            with engine.begin() as connection:
                users.create(connection, checkfirst=True)
                connection.execute(users.insert().values(name=name, motto=motto))
                return [row.name for row in connection.execute(sa.select(users))]
    """)
    project.tests(f"""
        def test_one():
            assert shop.add("Ann", "{SECRET}") == ["Ann"]
            shop.engine.dispose()
    """)
    project.ini("sqlalchemy")
    project.record().expect(passed=1)
    assert holds_secret(project)
    monkeypatch.setenv("DATABASE", str(tmp_path / "gone" / "users.db"))
    project.ini("sqlalchemy", mimic_redact="motto")

    project.replay().expect(passed=1)
    code, lines = rekey()

    assert code == 0, lines
    assert holds_secret(project) == []
    project.replay().expect(passed=1)


def test_the_description_of_a_function_s_call_loses_a_secret(project, rekey):
    project.module("def fetch(motto, run):\n    return run\n")
    project.tests(f"""
        def test_one():
            assert shop.fetch("{SECRET}", run=1) == 1
    """)
    project.ini("shop:fetch")
    project.record().expect(passed=1)
    project.ini("shop:fetch", mimic_redact="motto")

    assert rekey()[0] == 0
    assert holds_secret(project) == []
    project.replay().expect(passed=1, real=[])
