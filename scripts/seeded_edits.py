"""Four projects, and edits of them that a seed chooses.

They change arguments, helpers, constants, classes, files, the order of calls and the
scopes of fixtures. No answer depends on what another test, or a later line, has sent.
"""

# ruff: noqa: E501 (the lines of the projects)

from __future__ import annotations

import random
import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple

#: Each test notes what it got, whether or not that is right.
CONFTEST = """
    import json, pathlib
    import pytest

    @pytest.fixture
    def got(request):
        results = []
        yield results.append
        with pathlib.Path(request.config.rootpath, "got.jsonl").open("a") as file:
            file.write(json.dumps([request.node.name, results]) + "\\n")
"""


class Edit(NamedTuple):
    """One kind of edit: what a pattern matches in a file becomes something else.

    Each match may be chosen.
    """

    file: str
    pattern: str
    new: Callable[[random.Random, str], str]


def number(rng: random.Random, old: str) -> str:
    """Return a text in which each number is larger."""
    return re.sub(r"\d+", lambda found: str(int(found[0]) + rng.randint(1, 9)), old)


def word(rng: random.Random, old: str) -> str:
    """Return a word with one more letter."""
    return f"{old}{rng.choice('xyz')}"


def commented(rng: random.Random, old: str) -> str:
    """Return a line with a comment."""
    return f"{old}  # {rng.random()}"


def swapped(_: random.Random, old: str) -> str:
    """Return two lines in the other order."""
    first, second = old.strip("\n").split("\n")
    return f"{second}\n{first}\n"


def scoped(rng: random.Random, _: str) -> str:
    """Return another scope of a fixture."""
    return f'scope="{rng.choice(["function", "module", "session"])}"'


PIPELINE = {
    "data/rates.csv": "eur,100\nusd,108\n",
    "flow/__init__.py": "",
    "flow/clean.py": """
        LIMIT = 50

        class Step:
            factor = 2

            def scale(self, rows):
                return [self.factor * row for row in rows]

        def cut(rows):
            return [min(row, LIMIT) for row in rows]
    """,
    "flow/rates.py": """
        from pathlib import Path

        def rate(name):
            rows = (line.split(",") for line in Path("data/rates.csv").read_text().splitlines())
            return int(dict(rows)[name])
    """,
    "flow/report.py": """
        from flow import clean, rates

        BASE = 10

        class Weekly(clean.Step):
            days = 7

            def build(self, rows, name):
                return sum(clean.cut(self.scale(rows))) + self.days + rates.rate(name)

        def added(extra=3):
            def total(rows):
                return sum(rows) + extra + BASE
            return total

        total = added()
    """,
    "test_flow.py": """
        from flow.report import Weekly, total

        def test_weekly(got):
            got(Weekly().build([1, 20, 30], "eur"))
            got(Weekly().build([5, 6], "usd"))

        def test_total(got):
            got(total([1, 2]))
            got(total([1, 3]))
    """,
    "pytest.ini": textwrap.dedent("""
        [pytest]
        pythonpath = .
        mimic_functions =
            flow.report:Weekly.build
            flow.report:total
    """).lstrip(),
}
PIPELINE_EDITS = [
    Edit("data/rates.csv", r"\d+", number),
    Edit(
        "flow/clean.py",
        r"(LIMIT|factor) = \d+|min",
        lambda rng, old: "max" if old == "min" else number(rng, old),
    ),
    Edit("flow/clean.py", r"(LIMIT|factor) = \d+", commented),
    Edit(
        "flow/rates.py",
        r"int\(dict\(rows\)\[name\]\)",
        lambda rng, old: f"{old} + {rng.randint(1, 9)}",
    ),
    Edit("flow/report.py", r"(BASE|days) = \d+|extra=3|\+ BASE|\+ self.days", number),
    Edit("flow/report.py", r"(BASE|days) = \d+", commented),
    Edit(
        "flow/report.py",
        r"\+ (BASE|self\.days|extra)\b",
        lambda rng, old: f"{old} * {rng.randint(2, 9)}",
    ),
    Edit(
        "test_flow.py",
        r"\[[\d, ]+\]|eur",
        lambda rng, old: "usd" if old == "eur" else number(rng, old),
    ),
    Edit("test_flow.py", r"(    got.*\n){2}", swapped),
]

AGENT = {
    "agent.py": """
        import os
        import httpx

        SYSTEM = "be brief"

        def tool(city):
            return f"sunny in {city}, 20"

        def ask(client, text):
            body = {"item": f"{SYSTEM}: {text}"}
            return client.post(f"{os.environ['CART']}/{text.replace(' ', '-')}", json=body).json()

        def forecast(city):
            with httpx.Client() as client:
                ask(client, f"weather of {city}")
                return ask(client, tool(city))
    """,
    "test_agent.py": """
        import os
        import httpx
        import pytest
        from agent import ask, forecast

        @pytest.fixture(scope="module")
        def client():
            with httpx.Client() as client:
                client.get(f"{os.environ['CART']}/models")
                yield client

        def test_forecast(got):
            got(forecast("oslo"))
            got(forecast("rome"))

        def test_ask(got, client):
            got(ask(client, "one 1"))
            got(ask(client, "two 2"))
    """,
    "pytest.ini": textwrap.dedent("""
        [pytest]
        pythonpath = .
        mimic_functions =
            http
    """).lstrip(),
}
AGENT_EDITS = [
    Edit("agent.py", r"be brief|sunny|weather", word),
    Edit("agent.py", r", 20", number),
    Edit("agent.py", r"SYSTEM = .*", commented),
    Edit("test_agent.py", r"oslo|rome|one|two", word),
    Edit("test_agent.py", r"(    got.*\n){2}", swapped),
    Edit("test_agent.py", r'scope="module"', scoped),
]

SERVICE = {
    "service.py": """
        import os
        import sqlalchemy as sa

        engine = sa.create_engine(os.environ["DATABASE"])
        TAX = 2

        def create(connection):
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS items (name TEXT, price INTEGER)"))

        def clear(connection):
            connection.execute(sa.text("DELETE FROM items"))

        def add(connection, name, price):
            connection.execute(sa.text("INSERT INTO items VALUES (:name, :price)"), {"name": name, "price": price + TAX})

        def total(connection, least=1):
            return connection.execute(sa.text("SELECT sum(price) FROM items WHERE price > :least"), {"least": least}).scalar()
    """,
    "test_service.py": """
        import pytest
        from service import add, clear, create, engine, total

        @pytest.fixture(scope="module")
        def connection():
            with engine.begin() as connection:
                create(connection)
                yield connection

        @pytest.fixture(autouse=True)
        def filled(connection):
            clear(connection)
            add(connection, "pen", 10)

        def test_total(got, connection):
            got(total(connection))
            add(connection, "ink", 5)
            got(total(connection))

        def test_least(got, connection):
            got(total(connection, least=4))
            got(total(connection, least=6))
    """,
    "pytest.ini": textwrap.dedent("""
        [pytest]
        pythonpath = .
        mimic_functions =
            sqlalchemy
    """).lstrip(),
}
SERVICE_EDITS = [
    Edit("service.py", r"TAX = 2|least=1", number),
    Edit("service.py", r"TAX = 2", commented),
    Edit(
        "service.py",
        r"sum\(price\)|price >",
        lambda _, old: {"price >": "price <"}.get(old, "max(price)"),
    ),
    Edit("test_service.py", r'"(pen|ink)", \d+|least=\d', number),
    Edit("test_service.py", r"(    got.*\n){2}", swapped),
    Edit("test_service.py", r'scope="module"', scoped),
]

SCRAPER = {
    "scraper.py": """
        import os
        from urllib.request import Request, urlopen

        AGENT = "robot"
        FIRST = 1

        class Page:
            mark = "-"

            def __init__(self, text):
                self.text = text

        def fetch(name):
            request = Request(f"{os.environ['CART']}/{name}", headers={"User-Agent": AGENT})
            with urlopen(request) as answer:
                return parsed(f"{name} {answer.read().decode()}")

        def parsed(text):
            return text[FIRST:].upper()

        def link(page, depth):
            return f"{page.mark}{page.text}{depth}{parsed(page.text)}"
    """,
    "test_scraper.py": """
        import scraper

        def test_fetch(got):
            got(scraper.fetch("home"))
            got(scraper.fetch("shop"))

        def test_link(got):
            got(scraper.link(scraper.Page("about"), 1))
            got(scraper.link(scraper.Page("terms"), 2))
    """,
    "pytest.ini": textwrap.dedent("""
        [pytest]
        pythonpath = .
        mimic_functions =
            scraper:fetch
            scraper:link
    """).lstrip(),
}
SCRAPER_EDITS = [
    Edit(
        "scraper.py",
        r"FIRST = 1|\[FIRST:\]",
        lambda rng, old: (
            f"[FIRST + {rng.randint(1, 2)}:]" if ":" in old else number(rng, old)
        ),
    ),
    Edit("scraper.py", r'mark = "-"', lambda rng, _: f'mark = "{rng.randint(1, 9)}"'),
    Edit("scraper.py", r"FIRST = 1|mark = .*", commented),
    Edit("scraper.py", r"\.upper\(\)", lambda _, old: old.replace("upper", "title")),
    Edit("scraper.py", r"\{page\.text\}", lambda _, old: f"{old}!"),
    Edit("test_scraper.py", r'"(home|shop|about|terms)', word),
    Edit("test_scraper.py", r"(    got.*\n){2}", swapped),
]

PROJECTS = {
    "pipeline": (PIPELINE, PIPELINE_EDITS),
    "agent": (AGENT, AGENT_EDITS),
    "service": (SERVICE, SERVICE_EDITS),
    "scraper": (SCRAPER, SCRAPER_EDITS),
}


def edited(rng: random.Random, texts: dict[str, str], kind: Edit) -> tuple[str, str]:
    """Return a file, and its text after an edit of this kind."""
    text = texts[kind.file]
    found = rng.choice(list(re.finditer(kind.pattern, text)))
    return kind.file, text[: found.start()] + kind.new(rng, found[0]) + text[
        found.end() :
    ]
