"""The adapter of redis-py: what a command is, what of it counts, what is hidden."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from pytest_mimic.client import (
    Adapter,
    Edge,
    Plain,
    Port,
    Redactor,
    StandIn,
    around,
)
from pytest_mimic.clients.redis import commands
from pytest_mimic.clients.redis.connections import Connections, acquire
from pytest_mimic.clients.redis.hiding import hide_command, hide_reply


class Redis(Adapter):
    """redis-py, sync and asyncio."""

    name = kind = "redis"
    has_effect = True

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return what connects, sends and reads; and what needs scripts or a lock."""
        core = "redis.commands.core"
        for library in ("redis", "redis.asyncio"):
            is_async = library != "redis"
            connections = Connections(port, is_async=is_async)
            yield from connections.edges(f"{library}.connection")
            script = "AsyncScript" if is_async else "Script"
            yield Edge(core, (script, "__call__"), connections.wrap_scripts)
            pipeline = "Pipeline", "load_scripts"
            yield Edge(f"{library}.client", pipeline, connections.wrap_scripts)
            lock = "Lock", "acquire"
            yield Edge(f"{library}.lock", lock, around(partial(acquire, port)))

    def signature(self, request: Plain) -> str:
        """Return `GET user:1`."""
        return commands.signature(request)

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return commands without their secrets."""
        hidden = [
            hide_command(redactor, command, stand_in)
            for command in commands.all_of(request)
        ]
        if "commands" in request:
            return {**request, "commands": hidden}
        return {**request, **hidden[0]}

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return replies without what a name in their commands makes secret."""
        asked = commands.all_of(request)
        without = dict(answer)
        if "reply" in answer:
            without["reply"] = hide_reply(
                redactor, answer["reply"], stand_in, asked[0], "reply"
            )
        for part in ("replies", "results"):
            if part not in answer:
                continue
            # Those of a transaction stand between MULTI and EXEC.
            answered = asked[1:-1] if part == "results" else asked
            without[part] = [
                hide_reply(redactor, reply, stand_in, command, f"{part}[{number}]")
                for number, (reply, command) in enumerate(zip(answer[part], answered))
            ]
        return without

    def comparable(self, answer: Plain, other: Plain) -> Plain:  # noqa: ARG002
        """Return an answer; of an error the class: its text names the server."""
        if "error" not in answer:
            return answer
        return {**answer, "error": {"class": answer["error"].get("class")}}
