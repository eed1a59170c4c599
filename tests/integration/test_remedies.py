"""Remedies: what is printed is pasted, and the message is gone.

Another question is still a miss.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import pytest
from support import loopback
from support.installed import need

# A run in process would load them again, which they refuse.
pytest.importorskip("pandas")
pytest_plugins = ("support.database_servers",)

TESTS = Path(__file__).parents[1]

# Each run has a number, and each test asks something. Values that are made anew come
# from where programs take them.
VALUES = """
import datetime, random, secrets, time, uuid
from pathlib import Path

HERE = Path(__file__).parent
RUN = int((HERE / "run.txt").read_text())
ASK = (HERE / "ask.txt").read_text()
FEW = {"tea": 1, "coffee": 2, "milk": 3}[ASK]


def uuid4(): return str(uuid.uuid4())
def uuid1(): return str(uuid.uuid1())
def digits(): return uuid.uuid4().hex
# Chance alone may give what looks like a number or like words.
def token(): return "ab12cd34ef56" + secrets.token_hex(4)
def url_token(): return "t1a2b3c4" + secrets.token_urlsafe(32)
def ulid():
    base = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    at, digits = int(time.time() * 1000), ""
    for _ in range(10):
        at, digit = divmod(at, 32)
        digits = base[digit] + digits
    return digits + "".join(secrets.choice(base) for _ in range(16))
def iso(): return datetime.datetime.now(datetime.timezone.utc).isoformat()
def now(): return datetime.datetime.now()
def seconds(): return time.time()
def millis(): return int(time.time() * 1000) + RUN
def day(): return (datetime.date.today() + datetime.timedelta(days=RUN)).isoformat()
def rng(): return random.Random(random.getrandbits(64))
def numpy_rng():
    import numpy
    return numpy.random.default_rng(numpy.random.randint(2**31))
"""

SHOP = """
import urllib.request

PORT = {port}


def ask(question, extra=None): return f"about {{question}}"
def think(question, *, run_id="", made=""): return f"about {{question}}"
def order(question, payload): return f"about {{question}}"
def summary(frame): return float(frame["price"].sum())
def noise(count, rng): return count
def tokens(question, run_id):
    for word in ("about", question):
        yield word

def post(body, query=""):
    data = json.dumps(body).encode()
    url = f"http://127.0.0.1:{{PORT}}/ask{{query}}"
    request = urllib.request.Request(url, data, {{"Content-Type": "application/json"}})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read())


def prompt(text):
    return post({{"model": "m", "messages": [{{"role": "user", "content": text}}]}})
"""

CLOCK = """
import pytest, time_machine

@pytest.fixture(autouse=True)
def same_time(monkeypatch):
    import asked
    monkeypatch.setattr(asked, "RUN", 0)
    with time_machine.travel("2026-11-02T10:00:00+00:00", tick=False):
        yield
"""

IDS = """
import os, random
import pytest

@pytest.fixture(autouse=True)
def same_ids(monkeypatch):
    numbers = random.Random(1)
    monkeypatch.setattr(os, "urandom", numbers.randbytes)
    monkeypatch.setattr(random, "_urandom", numbers.randbytes)
"""


SEEDS = """
import random
import numpy as np, pytest

@pytest.fixture(autouse=True)
def same_numbers():
    random.seed(1)
    np.random.seed(1)
"""

#: The fixtures that help where no line does.
FIXTURES = {"clock": CLOCK, "ids": IDS, "seeds": SEEDS}


class Situation(NamedTuple):
    """A call whose arguments change, and what helps it."""

    body: str
    helps: str
    target: str = "shop:ask"


def arg(value, helps):
    return Situation(
        f"shop.think(asked.ASK, run_id=asked.{value}())", helps, "shop:think"
    )


def part(value, helps):
    body = f"shop.order(asked.ASK, {{'meta': [{{'id': asked.{value}()}}]}})"
    return Situation(body, helps, "shop:order")


def drawn(value):
    return Situation(f"shop.noise(asked.FEW, asked.{value}())", "seeds", "shop:noise")


def streamed(value, helps):
    body = f"list(shop.tokens(asked.ASK, asked.{value}()))"
    return Situation(body, helps, "shop:tokens")


def sent(value, helps):
    body = f"shop.post({{'q': asked.ASK, 'meta': {{'id': asked.{value}()}}}})"
    return Situation(body, helps, "http")


def asked(value, helps):
    body = f"shop.post({{'q': asked.ASK}}, f'?since={{asked.{value}()}}')"
    return Situation(body, helps, "http")


def text(value, helps):
    body = f"shop.prompt(f'It is {{asked.{value}()}} now. About {{asked.ASK}}?')"
    return Situation(body, helps, "http")


SQL = """
import sqlalchemy as sa
engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
def run(statement, **values):
    with engine.begin() as connection:
        return connection.execute(sa.text(statement), values).all()
"""


def rows(value, helps):
    body = f"db.run('SELECT :a, :b', a=asked.ASK, b=asked.{value}())"
    return Situation(body, helps, "sqlalchemy")


def each(place, make, *values):
    """Return a row for each value that is made anew at a place, which a line helps."""
    return {f"{place}, {value}": make(value, "line") for value in values}


REDIS = """
import os, redis
client = redis.Redis.from_url(os.environ["REDIS_URL"])
"""

#: By the line of a client with a server of its own: the text of a module `remote`.
REMOTE = {"redis": REDIS}


SITUATIONS: dict[str, Situation] = {
    **each("argument", arg, "uuid4", "uuid1", "digits", "token", "url_token", "ulid"),
    **each("argument", arg, "iso", "seconds", "millis"),
    "argument, a datetime": Situation(
        "shop.think(asked.ASK, made=asked.now())", "line", "shop:think"
    ),
    "argument, a day": arg("day", "clock"),
    **each("part", part, "uuid4", "iso"),
    "part of a function": Situation(
        "shop.order(asked.ASK, functools.partial(print, asked.uuid4()))",
        "line",
        "shop:order",
    ),
    **each("body", sent, "uuid4", "iso"),
    "part with quotes in its name": Situation(
        """shop.order(asked.ASK, {'an "id" of today\\'s': asked.uuid4()})""",
        "line",
        "shop:order",
    ),
    "body, a name with a dot": Situation(
        "shop.post({'q': asked.ASK, 'meta': [{'sent.at': asked.iso()}]})",
        "line",
        "http",
    ),
    "body, a day": sent("day", "clock"),
    **each("query", asked, "uuid4", "millis"),
    "prompt, a day": text("day", "clock"),
    "prompt, a moment": text("iso", "clock"),
    "prompt, an id": text("uuid4", "ids"),
    "statement, a moment": rows("iso", "line"),
    "argument, a generator": drawn("rng"),
    "argument, a generator of numpy": drawn("numpy_rng"),
    "stream, an id": streamed("uuid4", "line"),
    "command, a field": Situation(
        "remote.client.hset(asked.ASK, 'at', asked.iso()) is not None", "line", "redis"
    ),
}


@pytest.fixture
def shop(project):
    """A project that asks a service; `asks` and `number` change what its test sends."""
    with loopback.serving(loopback.Server(Echo)) as server:
        project.write("asked.py", VALUES)
        project.write("shop.py", SHOP.format(port=server.server_address[1]))
        project.write("db.py", SQL)
        yield Asking(project)


@pytest.fixture
def with_server(shop, request, monkeypatch):
    """Start the server of a client, if it has one of its own."""

    def start(target):
        if target not in REMOTE:
            return
        need(target)
        shop.project.process = True
        shop.project.write("remote.py", REMOTE[target])
        monkeypatch.setenv("PYTHONPATH", str(TESTS), prepend=os.pathsep)
        server = request.getfixturevalue("redis_server")
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{server.port}/0")

    return start


class Echo(loopback.Handler):
    def do_POST(self):
        self.json({"about": self.body().decode()})


class Asking:
    """A project, run after run."""

    def __init__(self, project):
        self.project, self.number = project, 0
        self.asks("tea")

    def asks(self, question):
        self.project.write("ask.txt", question)

    def test(self, body):
        remote = ", remote" if "remote." in body else ""
        self.project.tests(
            f"import functools\nimport db, shop, asked{remote}\n\ndef test_it():\n    assert {body}\n"
        )

    def run(self, *args):
        self.number += 1
        self.project.write("run.txt", str(self.number))
        return self.project.run(*args)

    def paste(self, command):
        """Run a command that was printed, as a shell would."""
        program, *args = shlex.split(command)
        assert program == "pytest"
        return self.run(*args)


def after(lines, start):
    """Return what is printed behind a purpose, each once."""
    found = [line.removeprefix(start) for line in lines if line.startswith(start)]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_what_a_miss_prints_ends_it(shop, with_server, situation):
    with_server(situation.target)
    shop.project.ini(situation.target)
    shop.test(situation.body)
    shop.run("--mimic-record").expect(passed=1)

    run = shop.run().expect(failed=1)

    # In a group of exceptions, lines have a margin.
    said = [line.strip("E |") for line in run.output.splitlines()]
    lines = after(said, "if it changes from run to run: ")
    (command,) = after(said, "to record it: ") or after(
        said, "to record the whole conversation again: "
    )
    if situation.helps == "line":
        (line,) = lines
        shop.project.ini(line)
    else:
        assert not lines
        shop.project.conftest(FIXTURES[situation.helps])
    shop.paste(command).expect(passed=1)
    shop.run().expect(passed=1)
    shop.run().expect(passed=1)
    shop.asks("coffee")
    shop.run().expect(failed=1)


#: What is asked has changed, and nothing helps but to record it.
QUESTIONS: dict[str, tuple[str, str]] = {
    "a prompt": ("http", "shop.prompt(f'About {asked.ASK}?')"),
    "a prompt whose answer leads to calls": (
        "llm\n    http",
        "shop.post({'model': 'm', 'messages': [asked.ASK]}, '/chat/completions')"
        " and shop.post({'tool': 'list'}) and shop.post({'tool': asked.ASK})",
    ),
    "a model": ("http", "shop.post({'model': f'gpt-{asked.ASK}-mini'})"),
    "a number": ("http", "shop.post({'page': asked.FEW})"),
    "a query": ("http", "shop.post({}, f'?page={asked.FEW}')"),
    "a word": ("shop:ask", "shop.ask(asked.ASK)"),
    "a word of a stream": ("shop:tokens", "list(shop.tokens(asked.ASK, ''))"),
    "a nested word": ("shop:order", "shop.order('x', {'a': [asked.ASK]})"),
    "another length": ("shop:order", "shop.order('x', [1] * asked.FEW) "),
    "a frame": (
        "shop:summary",
        "shop.summary(__import__('pandas').DataFrame({'price': [asked.FEW]}))",
    ),
    "a statement": ("sqlalchemy", "db.run(f'SELECT {asked.FEW}')"),
    "a parameter": ("sqlalchemy", "db.run('SELECT :a', a=asked.ASK)"),
}


@pytest.mark.parametrize(("target", "body"), QUESTIONS.values(), ids=QUESTIONS)
def test_another_question_is_recorded_and_never_ignored(shop, target, body):
    shop.project.ini(target)
    shop.test(body)
    shop.run("--mimic-record").expect(passed=1)
    shop.asks("coffee")

    run = shop.run().expect(failed=1, never=["ignore=", "dates-and-ids"])

    (command,) = after(run.error, "to record it: ")
    shop.paste(command).expect(passed=1)
    shop.run().expect(passed=1)
    shop.run().expect(passed=1)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_the_command_for_a_miss_in_a_fixture_records_it(shop, scope):
    """A wider fixture is recorded with all tests that it serves."""
    shop.project.ini("http")
    shop.project.tests(f"""
        import pytest, shop, asked

        @pytest.fixture(scope="{scope}")
        def answer():
            return shop.post({{"q": asked.ASK}})

        def test_one(answer):
            assert asked.ASK in answer["about"]

        def test_two(answer):
            assert shop.post({{"q": "more"}})
    """)
    shop.run("--mimic-record").expect(passed=2)
    shop.run().expect(passed=2)
    shop.asks("coffee")

    run = shop.run()

    (command,) = after(run.section, "to record the missing: ")
    shop.paste(command).expect(passed=2)
    shop.run().expect(passed=2)
    shop.asks("milk")
    assert shop.run().exit_code == 1


def test_a_drift_that_is_accepted_is_gone(shop):
    shop.project.ini("shop:ask")
    shop.test("shop.ask(asked.ASK)")
    shop.run("--mimic-record").expect(passed=1)
    text = (shop.project.root / "shop.py").read_text()
    shop.project.write("shop.py", text.replace('f"about {question}"', '"changed"'))

    run = shop.run("--mimic-verify").expect(failed=1, never=["volatile="])

    (command,) = after(run.section, "to accept it: ")
    shop.paste(command).expect(passed=1)
    shop.run("--mimic-verify").expect(passed=1)
    shop.run("--mimic-verify").expect(passed=1)


def test_rows_in_another_order_are_never_ignored(shop):
    shop.project.ini("sqlalchemy")
    shop.project.tests("""
        import db, sqlalchemy as sa, asked

        def test_it():
            first, second = sorted([asked.ASK, "lemon"], reverse=asked.RUN % 2 == 0)
            with db.engine.begin() as connection:
                connection.execute(sa.text("CREATE TABLE cards (name TEXT)"))
                insert = "INSERT INTO cards VALUES (:name__0), (:name__1)"
                rows = {"name__0": first, "name__1": second}
                connection.execute(sa.text(insert), rows)
    """)
    shop.run("--mimic-record").expect(passed=1)

    run = shop.run().expect(failed=1, never=["ignore=", "dates-and-ids"])

    (command,) = after(run.section, "to record the missing: ")
    # The rows are in the recorded order in each other run.
    shop.run().expect(passed=1)
    shop.paste(command).expect(passed=1)
    shop.asks("coffee")
    shop.run().expect(failed=1)


ODD = [
    "it's",
    'say "x"',
    "$(touch pwned)",
    "`touch pwned`",
    "a b; c",
    "a|b&c",
    "*?[x]",
    "a\nb",
]


def test_a_command_for_tests_with_odd_ids_can_be_pasted(shop):
    shop.project.ini("shop:ask")
    shop.project.tests(
        f"import pytest, shop\n\n@pytest.mark.parametrize('text', {ODD!r})\n"
        "def test_it(text):\n    assert shop.ask(text)\n\n"
        "def test_other():\n    pass\n"
    )

    run = shop.run().expect(failed=len(ODD), passed=1)

    commands = {*re.findall(r"to record it: (pytest .*)", run.output)}
    assert len(commands) == len(ODD)
    for command in commands:
        shop.paste(command).expect(passed=1)
    shop.run().expect(passed=len(ODD) + 1)
    assert not (shop.project.root / "pwned").exists()
