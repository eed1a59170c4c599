"""The adapter of redis-py: what a command is, what of it counts, what is hidden."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_mimic.client import Adapter, Edge, Plain, Port, Redactor, StandIn
from pytest_mimic.clients.redis import commands, replies
from pytest_mimic.clients.redis.connections import Connections, drive, drive_async


class Redis(Adapter):
    """redis-py, sync and asyncio."""

    name = kind = "redis"
    has_effect = True

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return what connects, sends and reads; and what makes locks and scripts."""
        scripts: dict[str, str | bytes] = {}
        sync = Connections(port, scripts, drive)
        later = Connections(port, scripts, drive_async)
        yield from sync.edges("redis.connection")
        yield from later.edges("redis.asyncio.connection")
        core = "redis.commands.core"
        yield Edge(core, ("Script", "__call__"), sync.wrap_script)
        yield Edge(core, ("AsyncScript", "__call__"), sync.wrap_script)
        yield Edge("redis.lock", ("Lock", "acquire"), sync.wrap_lock)
        yield Edge("redis.asyncio.lock", ("Lock", "acquire"), sync.wrap_lock)

    def signature(self, request: Plain) -> str:
        """Return `GET user:1`."""
        return commands.signature(request)

    def label(self, request: Plain) -> str:
        """Return `redis SET user:1 Ann`."""
        # A replay names no call.
        from pytest_mimic.values.labels import call_label

        return call_label(self.kind, request)

    def hide_request(
        self, redactor: Redactor, request: Plain, stand_in: StandIn
    ) -> Plain:
        """Return commands without their secrets."""
        if "commands" not in request:
            return {**request, **commands.hide(redactor, request, stand_in)}
        hidden = [
            commands.hide(redactor, command, stand_in)
            for command in request["commands"]
        ]
        return {**request, "commands": hidden}

    def hide_answer(
        self, redactor: Redactor, answer: Plain, stand_in: StandIn, request: Plain
    ) -> Plain:
        """Return replies without what a name in their commands makes secret."""
        asked = commands.all_of(request)
        if "reply" in answer:
            reply = answer["reply"]
            hidden = replies.hide(redactor, reply, stand_in, asked[0], "reply")
            return {"reply": hidden}
        without = dict(answer)
        for part in ("replies", "results"):
            given = answer.get(part, ())
            answered = asked[1:-1] if part == "results" else asked
            hidden_replies = [
                replies.hide(redactor, reply, stand_in, command, f"{part}[{number}]")
                for number, (reply, command) in enumerate(zip(given, answered))
            ]
            if part in answer:
                without[part] = hidden_replies
        return without

    def comparable(self, answer: Plain, other: Plain) -> Plain:  # noqa: ARG002
        """Return replies without the order of sets, and the class of an error.

        Its text names the address of the server.
        """
        compared: Any = replies.comparable(answer)
        if "error" in compared:
            compared["error"] = {"class": answer["error"].get("class")}
        return dict(compared)
