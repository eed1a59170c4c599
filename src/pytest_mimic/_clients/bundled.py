"""The table of the bundled clients, which the core is given."""

from __future__ import annotations

from pytest_mimic._core.seam.registry import Client

#: The clients whose requests the line `http` takes.
HTTP_CLIENTS = ("httpx", "httpx2", "requests", "aiohttp", "urllib3", "http.client")
#: The clients that a cassette takes if it names no targets, where they are installed:
#: HTTP as one.
TAKEN_BY_CASSETTES = ("http", "sqlalchemy", "redis")


def _http(adapter: str) -> Client:
    """Return the row of a client whose recordings lie with those of all of HTTP.

    The names of the parts are those that a user may write in `ignore=` and `match=`
    (of the call) and in `volatile=` (of the outcome). Any other name is an error.
    """
    return Client(
        f"pytest_mimic._clients.http.{adapter}",
        kind="http",
        outcome_check="pytest_mimic._clients.outcome_checks:check_http",
        call_parts=(
            "host",
            "port",
            "scheme",
            "method",
            "path",
            "query",
            "headers",
            "body",
            "format",
        ),
        outcome_parts=(
            "status",
            "reason",
            "version",
            "headers",
            "body",
            "chunks",
            "end",
            "error",
        ),
        is_bundled=True,
    )


#: By the name that a line of `mimic_functions` has, the client's row. Such a line may
#: name the `call_parts` in `ignore=` and `match=`, the `outcome_parts` in `volatile=`.
BUNDLED = {
    "http": _http("http_calls:EveryHttpClient"),
    "httpx": _http("httpx:HttpxAdapter"),
    "httpx2": _http("httpx:HttpxAdapter"),
    "requests": _http("requests_and_urllib3:RequestsAdapter"),
    "aiohttp": _http("aiohttp:AiohttpAdapter"),
    "urllib3": _http("requests_and_urllib3:Urllib3Adapter"),
    "http.client": _http("http_client:StdlibAdapter"),
    "sqlalchemy": Client(
        "pytest_mimic._clients.sql.sqlalchemy:SqlAdapter",
        outcome_check="pytest_mimic._clients.outcome_checks:check_sql",
        call_parts=("statement", "params", "database"),
        outcome_parts=("columns", "rows", "rowcount", "lastrowid", "error"),
        is_bundled=True,
    ),
    "redis": Client(
        "pytest_mimic._clients.redis.redis_client:RedisAdapter",
        outcome_check="pytest_mimic._clients.outcome_checks:check_redis",
        call_parts=("command", "commands", "database", "protocol"),
        outcome_parts=("reply", "replies", "error", "after"),
        is_bundled=True,
    ),
    # `metadata` counts only where `match=` names it.
    "grpc": Client(
        "pytest_mimic._clients.grpc.channels:GrpcAdapter",
        outcome_check="pytest_mimic._clients.outcome_checks:check_grpc",
        call_parts=("server", "method", "request", "metadata"),
        outcome_parts=(
            "code",
            "details",
            "response",
            "initial_metadata",
            "trailing_metadata",
        ),
        is_bundled=True,
    ),
    "mcp": Client(
        "pytest_mimic._clients.mcp.mcp_transports:McpAdapter",
        outcome_check="pytest_mimic._clients.mcp.server_start:check_mcp",
        call_parts=("server", "method", "params"),
        outcome_parts=("result", "error", "messages"),
        is_bundled=True,
    ),
}
