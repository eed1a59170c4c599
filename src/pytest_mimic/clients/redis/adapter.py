"""The adapter of redis-py: what a command is, what of it counts, what is hidden."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mimic.client import (
    Adapter,
    Edge,
    Plain,
    Port,
    Redactor,
    StandIn,
)
from pytest_mimic.clients.redis import commands
from pytest_mimic.clients.redis.connections import Connections
from pytest_mimic.clients.redis.hiding import hide_command, hide_reply


class Redis(Adapter):
    """redis-py, sync and asyncio."""

    name = kind = "redis"
    has_effect = True

    def edges(self, port: Port) -> Iterable[Edge]:
        """Return the edges of both clients."""
        for library in ("redis", "redis.asyncio"):
            yield from Connections(port, library).edges()

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
        hidden = dict(answer)
        if "reply" in answer:
            hidden["reply"] = hide_reply(
                redactor, answer["reply"], stand_in, asked[0], "reply"
            )
        # The results of a transaction are those of what stands between MULTI and EXEC.
        for part, answered in (("replies", asked), ("results", asked[1:-1])):
            if part in answer:
                pairs = zip(answer[part], answered)
                hidden[part] = [
                    hide_reply(redactor, reply, stand_in, command, f"{part}[{number}]")
                    for number, (reply, command) in enumerate(pairs)
                ]
        return hidden

    def comparable(self, answer: Plain, other: Plain) -> Plain:  # noqa: ARG002
        """Return an answer; of an error the class: its text names the server."""
        if "error" not in answer:
            return answer
        return {**answer, "error": {"class": answer["error"].get("class")}}
