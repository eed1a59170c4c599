"""Every bundled adapter passes the conformance tests."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.answering_service import answering_service
from support.conformance import ClientConformance


class OfHttp(ClientConformance):
    """The tests for a client of the answering service."""

    driver = "http_driver"

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Mapping[str, str]]:
        pytest.importorskip(self.line)
        with answering_service(folder) as url:
            yield {"SERVICE": url, "CLIENT": self.line}

    def change(self, folder: Path) -> None:
        folder.joinpath("answer").write_text("otherwise", encoding="utf-8")


class TestHttpx(OfHttp):
    line = "httpx"


@pytest.mark.rare  # tests/unit/clients/http/test_conformance.py compares these clients with httpx
class TestRequests(OfHttp):
    line = "requests"


@pytest.mark.rare
class TestAiohttp(OfHttp):
    line = "aiohttp"


class TestSqlalchemy(ClientConformance):
    line = "sqlalchemy"
    driver = "sql_driver"

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Mapping[str, str]]:
        """The database is a file, which is moved away while it is gone."""
        pytest.importorskip("sqlalchemy")
        file, away = folder / "shop.db", folder / "away"
        if away.exists():
            away.rename(file)
        else:
            self._run(file, "CREATE TABLE answers (answer TEXT)", "INSERT INTO answers VALUES ('as usual')")
        yield {"DATABASE": str(file)}
        file.rename(away)

    def change(self, folder: Path) -> None:
        self._run(folder / "shop.db", "UPDATE answers SET answer = 'otherwise'")

    @staticmethod
    def _run(file: Path, *statements: str) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            for statement in statements:
                connection.execute(statement)


class TestRedis(ClientConformance):
    line = "redis"
    driver = "redis_driver"

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Mapping[str, str]]:
        pytest.importorskip("redis")
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed")
        from support.database_servers import RedisServer, held_port  # a plugin of other modules

        with held_port() as port:
            server = RedisServer(folder, port)
            server.start()
            folder.joinpath("port").write_text(str(port), encoding="utf-8")
            self._set(port, "as usual")
            try:
                yield {"REDIS": f"redis://127.0.0.1:{port}/0"}
            finally:
                server.stop()

    def change(self, folder: Path) -> None:
        self._set(int(folder.joinpath("port").read_text()), "otherwise")

    @staticmethod
    def _set(port: int, answer: str) -> None:
        import redis

        with redis.Redis(port=port) as client:
            client.hset("answers", "answer", answer)


class TestGrpc(ClientConformance):
    line = "grpc"
    driver = "grpc_driver"

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Mapping[str, str]]:
        pytest.importorskip("grpc_tools")
        from support.grpc_server import running_library

        with running_library() as self.library:
            yield {"LIBRARY": self.library.target}

    def change(self, folder: Path) -> None:
        self.library.edition = 2


class TestMcp(ClientConformance):
    line = "mcp"
    driver = "mcp_driver"

    @contextmanager
    def serve(self, folder: Path) -> Iterator[Mapping[str, str]]:
        """The server is a script, which is away while it is gone."""
        pytest.importorskip("mcp")
        script = folder / "server.py"
        shutil.copy(Path(__file__).with_name("stdio_server.py"), script)
        if not folder.joinpath("answer").exists():
            folder.joinpath("answer").write_text("as usual", encoding="utf-8")
        yield {"MCP_SERVER": str(script)}
        script.unlink()

    change = OfHttp.change
