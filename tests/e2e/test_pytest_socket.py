"""Replays under pytest-socket, set up as the page says: they open no socket, and a real connection is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.http_server import running_server

pytest.importorskip("pytest_socket")
pytest_plugins = ("support.database_servers",)

PAGE = Path(__file__).parents[2] / "docs/how-to/ci.md"
# pytest-socket warns of what it refuses, and the test leaves connections open. Warnings
# are errors here.
QUIET = ("-W", "ignore:A test tried", "-p", "no:unraisableexception")
TEST = """
    import inspect, socket

    URL, REDIS, DATABASE = (os.environ.get(name) for name in ("SHOP_URL", "SHOP_REDIS", "SHOP_DATABASE"))
    USER = '{"id":1,"name":"Zoë","page":null}'

    def by_requests():
        return requests.get(URL).text

    async def by_aiohttp():
        async with aiohttp.ClientSession() as client, client.get(URL) as response:
            return await response.text()

    def by_pg8000():
        import sqlalchemy as sa
        with sa.create_engine(f"postgresql+pg8000://{DATABASE}").connect() as connection:
            return connection.scalar(sa.text("SELECT 1"))

    async def by_asyncpg():
        import sqlalchemy as sa
        from sqlalchemy.ext.asyncio import create_async_engine
        engine = create_async_engine(f"postgresql+asyncpg://{DATABASE}")
        async with engine.connect() as connection:
            found = await connection.scalar(sa.text("SELECT 1"))
        await engine.dispose()
        return found

    def by_redis():
        with redis.Redis.from_url(REDIS) as client:
            client.set("price", 1)
            return int(client.get("price"))

    @pytest.mark.parametrize("ask", ASKS)
    def test_recorded(ask):
        given = ask()
        assert (asyncio.run(given) if inspect.isawaitable(given) else given) in (1, USER)

    def test_real():
        host, port = URL.removeprefix("http://").partition("/")[0].split(":")
        socket.create_connection((host, int(port))).close()
"""


@pytest.mark.parametrize(
    "asks",
    [
        pytest.param(["by_requests", "by_redis", "by_aiohttp"], id="http and redis"),
        pytest.param(["by_pg8000", "by_asyncpg"], id="sql", marks=pytest.mark.rare),
    ],
)
def test_recorded_calls_open_no_socket_and_a_real_connection_is_refused(
    project, request, asks
):
    page = PAGE.read_text("utf-8")
    (ini,) = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    ini += "mimic_functions =\n    http\n    sqlalchemy\n    redis\n"
    (record,) = re.findall(r"`pytest (.*--force-enable-socket)`", page)
    project.write("pytest.ini", ini)
    project.tests(TEST.replace("ASKS", f"[{', '.join(asks)}]"))
    variables = {}
    if "by_redis" in asks:
        store = request.getfixturevalue("redis_server")
        variables["SHOP_REDIS"] = f"redis://127.0.0.1:{store.port}/0"
    else:
        pytest.importorskip("asyncpg")
        postgres = request.getfixturevalue("postgres")
        variables["SHOP_DATABASE"] = postgres.new_database()
    options = {"process": True, "env": variables, "plugins": ["socket"]}
    with running_server() as server:
        variables["SHOP_URL"] = f"http://127.0.0.1:{server.server_port}/users"
        run = project.run(*record.split(), *QUIET, **options)
        run.expect(passed=len(asks) + 1)
        asked = len(server.seen)

        run = project.run(*QUIET, **options)

        assert len(server.seen) == asked
    says = ["SocketBlockedError", "test_shop.py::test_real"]
    run.expect(passed=len(asks), failed=1, says=says)
    assert run.output.count("FAILED") == 1
