"""Two secrets that services issue stay two: cookies, and keys in rows, whatever order their requests have in a replay."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from support import loopback
from support.loopback import serving


class Handler(loopback.Handler):
    """Issues cookies and page tokens, and says whose those are that come back."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/login":
            cookie = f"sid=tok-{query['user']}-4711f00d0815; Path=/"
            self.answer(200, "", Set_Cookie=cookie)
        elif url.path == "/me":
            self.answer(200, (self.headers["Cookie"] or "no-nobody").split("-")[1])
        elif url.path == "/owner":
            self.answer(200, query["api_key"].split("-")[1])
        else:
            name = query.get("set") or query["resumptionToken"].split("-")[1]
            token = "" if "resumptionToken" in query else f"tok-{name}-4711f00d0815"
            page = f"<list><item>{name}</item><resumptionToken>{token}</resumptionToken></list>"
            self.answer(200, page, "text/xml")


def record_and_replay(project, tests, **env: str) -> None:
    """Record tests, and replay them without the server and in another order."""
    project.tests(tests)
    with serving(loopback.Server(Handler)) as server:
        recorded = project.run(
            "--mimic-record", env={"API": server.url, "ORDER": "ann bob", **env}
        )
    replayed = project.run(env={"API": server.url, "ORDER": "bob ann", **env})

    recorded.expect(passed=1)
    replayed.expect(passed=1, never=["missing"])
    assert b"4711f00d0815" not in b"".join(recorded.vault.values())


def test_cookies_of_two_sessions_of_aiohttp(project):
    pytest.importorskip("aiohttp")
    project.ini("http")
    tests = """
        import asyncio, os
        import aiohttp

        API = os.environ["API"]

        async def log_in(user):
            session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            await session.get(API + "/login", params={"user": user})
            return session

        async def name_of(session):
            async with session.get(API + "/me") as answer:
                return await answer.text()

        async def main():
            sessions = {"ann": await log_in("ann"), "bob": await log_in("bob")}
            for user in os.environ["ORDER"].split():
                assert await name_of(sessions[user]) == user
            for session in sessions.values():
                await session.close()

        def test_two_users():
            asyncio.run(main())
    """

    record_and_replay(project, tests)


def test_keys_in_rows_that_another_client_sends(project, tmp_path):
    for name in ("httpx2", "sqlalchemy"):
        pytest.importorskip(name)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("create table users (name, api_key)")
        keys = [(name, f"tok-{name}-4711f00d0815") for name in ("ann", "bob")]
        shop.executemany("insert into users values (?, ?)", keys)
        shop.commit()
    project.ini("http", "sqlalchemy")
    tests = """
        import os
        import httpx2, sqlalchemy

        def test_two_keys():
            engine = sqlalchemy.create_engine("sqlite:///" + os.environ["SHOP"])
            with engine.connect() as connection:
                rows = connection.execute(sqlalchemy.text("select name, api_key from users"))
                keys = dict(tuple(row) for row in rows)
            for user in os.environ["ORDER"].split():
                query = {"api_key": keys[user]}
                assert httpx2.get(os.environ["API"] + "/owner", params=query).text == user
    """

    record_and_replay(project, tests, SHOP=str(tmp_path / "shop.db"))


def test_keys_that_a_column_of_another_name_gives_back(project, tmp_path):
    pytest.importorskip("sqlalchemy")
    key = "tok-ann-4711f00d0815"
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("create table users (id integer primary key, token)")
        shop.execute("create table notes (note)")
        shop.execute("insert into users (token) values (?)", (key,))
        shop.commit()
    project.ini("sqlalchemy")
    tests = """
        import os
        import sqlalchemy as sa

        USERS = sa.table("users", sa.column("id"), sa.column("token"))
        NOTES = sa.table("notes", sa.column("note"))

        def test_a_note():
            engine = sa.create_engine("sqlite:///" + os.environ["SHOP"])
            with engine.begin() as connection:
                token = connection.scalars(sa.select(USERS.c.token)).one()
                connection.execute(NOTES.insert().values(note=f"of {token}"))
                note = connection.scalars(sa.select(NOTES.c.note)).one()
                assert note == f"of {token}"
                found = sa.select(NOTES).where(NOTES.c.note == note)
                assert connection.execute(found).all() == [(note,)]
                connection.execute(NOTES.delete())
    """

    record_and_replay(project, tests, SHOP=str(tmp_path / "shop.db"))
