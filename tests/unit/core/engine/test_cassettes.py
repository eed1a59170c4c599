"""What the public class of cassettes shows."""

from __future__ import annotations

import pytest

from pytest_mimic import Cassette
from unit.core.engine.runs import Runs


@pytest.fixture
def recorded(runs: Runs) -> Runs:
    """A cassette in which Oslo and then Rome was asked for."""
    track = runs.cassette("rerecord")
    ask = runs.client(track)
    ask("Oslo")
    ask("Rome")
    track.close(None)
    return runs


def test_it_shows_what_the_reference_names_and_nothing_else(recorded: Runs) -> None:
    cassette = Cassette(recorded.cassette("replay"))

    public = {name for name in dir(cassette) if not name.startswith("_")}
    assert public == {"all_played", "calls", "mode", "name", "path", "play_count"}


def test_it_follows_the_calls_of_its_block(recorded: Runs) -> None:
    track = recorded.cassette("replay")
    cassette = Cassette(track)
    ask = recorded.client(track)

    ask("Oslo")
    assert (cassette.play_count, cassette.all_played) == (1, False)
    ask("Rome")
    assert (cassette.play_count, cassette.all_played) == (2, True)


def test_it_says_where_it_stands_and_what_it_does(recorded: Runs) -> None:
    cassette = Cassette(recorded.cassette("record"))

    assert (cassette.name, cassette.mode) == ("trip", "extend")
    assert cassette.path == recorded.run.settings.vault / "cassettes/trip.json"


def test_a_call_says_what_it_is(recorded: Runs) -> None:
    cassette = Cassette(recorded.cassette("replay"))

    assert [repr(call) for call in cassette.calls] == [
        "<CassetteCall toy_client ASK Oslo>",
        "<CassetteCall toy_client ASK Rome>",
    ]
    assert repr(cassette) == "<Cassette trip, replay>"


def test_a_call_has_an_outcome_of_each_kind(runs: Runs) -> None:
    def total(price: int) -> int:
        return price + 1

    def refuse() -> None:
        raise ValueError("no")

    track = runs.cassette("rerecord")
    runs.mimic(total, track)(4)
    with pytest.raises(ValueError, match="no"):
        runs.mimic(refuse, track)()
    assert [*runs.mimic(numbers, track)(2)] == [0, 1]

    value, raised, stream = (call.outcome for call in Cassette(track).calls)

    assert (value, stream) == (5, [0, 1])
    assert repr(raised) == "ValueError('no')"


def numbers(of: int):
    yield from range(of)
