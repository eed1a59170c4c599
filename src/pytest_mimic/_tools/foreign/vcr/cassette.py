"""The cassette that the fixture `vcr` gives to a test: the attributes of vcrpy's that tests use."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_mimic._tools.foreign.vcr.matching import vcr_response
from pytest_mimic._tools.foreign.vcr.vcr_requests import VcrRequest

if TYPE_CHECKING:
    from pytest_mimic._core.engine.cassette_types import CassetteCall
    from pytest_mimic._tools.foreign.vcr.player import VcrPlayer


class VcrCassette:
    """The requests and responses of a test, as vcrpy's cassette has them."""

    def __init__(self, player: VcrPlayer) -> None:
        self._player = player

    def __len__(self) -> int:
        return len(self.data)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Cassette containing {len(self)} recorded response(s)>"

    @property
    def data(self) -> list[tuple[VcrRequest, dict[str, Any]]]:
        own = self._player.own
        if own is not None:
            return [_in_vcr_form(call) for call in own.calls]
        return [(one.request, vcr_response(one.exchange)) for one in self._player.entries]

    @property
    def requests(self) -> list[VcrRequest]:
        """The recorded requests: `method`, `uri`, `host`, `path`, `query`, `headers`, `body`."""
        return [request for request, _ in self.data]

    @property
    def responses(self) -> list[dict[str, Any]]:
        """The recorded responses: `status`, `headers` and `body`."""
        return [response for _, response in self.data]

    @property
    def play_count(self) -> int:
        """How many responses were played."""
        own = self._player.own
        return sum(self._player.counts.values()) if own is None else own.play_count

    @property
    def play_counts(self) -> Counter[int]:
        """How often each response was played, by its place."""
        return self._player.counts

    @property
    def all_played(self) -> bool:
        """Whether each response was played."""
        own = self._player.own
        if own is not None:
            return own.all_played
        return len(+self._player.counts) == len(self._player.entries)

    @property
    def record_mode(self) -> str:
        """The record mode of vcrpy that is set, `none` without one."""
        return self._player.record_mode

    @property
    def dirty(self) -> bool:
        """Whether requests were recorded."""
        own = self._player.own
        return (
            own is not None and bool(own.calls) and own.play_count < len(own.calls) and own.mode == "record"
        )

    @property
    def allow_playback_repeats(self) -> bool:
        """Whether a response may be played several times. It can be set."""
        return self._player.repeats

    @allow_playback_repeats.setter
    def allow_playback_repeats(self, repeats: bool) -> None:
        self._player.repeats = bool(repeats)

    def rewind(self) -> None:
        """Let all responses be played again."""
        self._player.counts.clear()


def _in_vcr_form(call: CassetteCall) -> tuple[VcrRequest, dict[str, Any]]:
    """Return a call of our own cassette as vcrpy has one. Secrets are not in it."""
    from pytest_mimic._clients.http.answer import load_response

    method, _, path = call.signature.partition(" → ")[0].partition(" ")
    arguments = call.arguments or {}
    uri = arguments.get("url", path)
    query, body = arguments.get("query"), arguments.get("body")
    if isinstance(query, dict):
        from urllib.parse import urlencode

        uri += "?" + urlencode(query, doseq=True)
    if body is not None and not isinstance(body, str):
        import json

        body = json.dumps(body)
    request = VcrRequest(arguments.get("method", method), str(uri), body, ())
    outcome = call.outcome
    if not isinstance(outcome, dict) or "status" not in outcome:
        return request, {}
    response = load_response(outcome, request.method)
    headers: dict[str, list[str]] = {}
    for name, value in response.headers:
        headers.setdefault(name, []).append(value)
    status = {"code": response.status, "message": response.reason}
    return request, {"status": status, "headers": headers, "body": {"string": b"".join(response.chunks)}}
