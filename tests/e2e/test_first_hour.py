"""The first hour with a service that makes ids and moments: what the recording run says, and what one fixture mends.

The service has a database, a cache, a queue of jobs, a thread and two partners. Its
servers are real, and the partners answer on loopback.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import loopback
from support.loopback import serving

for _name in (
    *("fastapi.testclient", "httpx", "psycopg", "redis.asyncio"),
    *("sqlalchemy.orm", "sqlalchemy.dialects.postgresql.psycopg", "time_machine"),
):
    pytest.importorskip(_name)

if TYPE_CHECKING:
    from conftest import Project
    from support.database_servers import Postgres, RedisServer

pytest_plugins = ("support.database_servers",)

SERVICE = Path(__file__).parent / "projects" / "service"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "dates-and-ids.md"
TESTS = 25
# Some of the parts whose values the service makes: a UUID, and a moment. The same UUID
# in `http body.reference` stands in an earlier answer by then.
MADE_ANEW = {"sqlalchemy params.id", "http body.at"}


class Partners(loopback.Handler):
    """Answers for payments, parcels and rates."""

    server: PartnersServer

    def do_GET(self) -> None:
        kind, name = self.path.partition("?")[0].split("/")[1:]
        self.json(1.07 if kind == "rates" else self.server.made[name], 200)

    def do_POST(self) -> None:
        body = json.loads(self.body())
        number = str(len(self.server.made) + 1)
        self.server.made[number] = {"id": number, **body}
        self.json({"id": number}, 201)


class PartnersServer(loopback.Server):
    """The partners, with what they made by its number."""

    def __init__(self) -> None:
        super().__init__(Partners)
        self.made: dict[str, object] = {}


@pytest.fixture
def service(project: Project, postgres: Postgres, redis_server: RedisServer) -> Project:
    """A copy of the service, whose variables name the real databases."""
    shutil.copytree(SERVICE, project.root, dirs_exist_ok=True)
    database = f"postgresql+psycopg://{postgres.new_database()}"
    project.monkeypatch.setenv("DATABASE", database)
    project.monkeypatch.setenv("REDIS", f"redis://127.0.0.1:{redis_server.port}/0")
    return project


@contextmanager
def running_partners(service: Project) -> Iterator[None]:
    """Run the partners, which the service knows by a variable."""
    with serving(PartnersServer()) as partners:
        service.monkeypatch.setenv("PARTNERS", partners.url)
        yield


def parts_in(lines: list[str], heading: str) -> set[str]:
    """Return the parts that a block of the summary names."""
    begin = next(at for at, line in enumerate(lines) if heading in line) + 1
    named = set()
    for line in lines[begin:]:
        if not line.startswith("  "):
            break
        named.add(line.strip().partition("    ")[0].strip())
    return named


def fixture_of_page() -> str:
    """Return the fixture that the page gives under the heading that remedies name."""
    text = PAGE.read_text(encoding="utf-8")
    section = text.partition("## The same ids and times\n")[2]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]  # type: ignore[index]


def test_the_recording_run_names_what_misses_next_and_one_fixture_mends_it(
    service: Project,
) -> None:
    with running_partners(service):
        recorded = service.record().expect(passed=TESTS)
        missed = service.replay()
        text = (service.root / "conftest.py").read_text(encoding="utf-8")
        service.write("conftest.py", f"{text}\n\n{fixture_of_page()}")
        service.run("--mimic-rerecord").expect(passed=TESTS)
    # The partners no longer listen, and these databases do not exist.
    service.monkeypatch.setenv("DATABASE", "postgresql+psycopg://nowhere")
    service.monkeypatch.setenv("REDIS", "redis://nowhere")
    service.replay().expect(passed=TESTS)

    red = missed.outcomes["failed"] + missed.outcomes["errors"]
    named = parts_in(recorded.section, "the next run will make")
    assert red > TESTS / 2
    assert named >= MADE_ANEW
