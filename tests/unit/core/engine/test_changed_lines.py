"""The recording that a missing call has under the former options of its line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mimic._core.engine.changed_lines import former_recording
from pytest_mimic._core.identity.call_identity import CallIdentity
from pytest_mimic._core.target_options import Options
from pytest_mimic._core.vault import Vault
from pytest_mimic.errors import MissingRecordingError
from unit.core.engine.runs import Runs
from unit.tools.rekey.vaults import TARGET, vault_of

ARGUMENTS = {"base": "EUR", "run": 1}


def key_under(_call: Any, options: Options) -> str:
    identity = CallIdentity(TARGET, tuple(ARGUMENTS), ignore=options.ignore)
    return identity.key(tuple(ARGUMENTS.values()))


def call_under(options: Options) -> Any:
    """Return a call of `shop:fetch` whose line has these options today."""
    plan = SimpleNamespace(target=TARGET, options=options, key_under=key_under)
    key = key_under(None, options)
    is_in_sequence = bool(options.sequence)
    return SimpleNamespace(
        plan=plan, key=key, edge_call=None, is_in_sequence=is_in_sequence
    )


def former(vault: Vault, options: Options) -> Any:
    recordings = [vault.read(name) for name in vault.names()]
    known = [one for one in recordings if one is not None]
    return former_recording(
        call_under(options),
        known,
        vault.read,
        owner="test_a.py::test_x",
        cassette_in_words="",
        identities={},
    )


def test_a_recording_of_other_options_is_found_with_what_differs() -> None:
    found = former(vault_of({"arguments": ARGUMENTS}), Options(ignore=("run",)))

    assert found.recording.arguments == ARGUMENTS
    assert (found.changes, found.follows) == (["ignore=run is new"], True)


OTHER_RUN = {"arguments": ARGUMENTS | {"run": 2}}


def test_a_recording_that_becomes_the_call_is_found() -> None:
    """Its call differed in the part that the line leaves out now."""
    found = former(vault_of(OTHER_RUN), Options(ignore=("run",)))

    assert found.recording.arguments == OTHER_RUN["arguments"]
    assert (found.changes, found.follows) == (["ignore=run is new"], True)


def test_each_recording_is_asked_once_in_a_run() -> None:
    """A run may have many misses of a line, and each of them asks all recordings."""
    vault = vault_of(OTHER_RUN)
    [recording] = filter(None, map(vault.read, vault.names()))
    identities: dict[tuple[str, str, str], str] = {}

    def becomes(candidate: Any) -> bool:
        found = former_recording(
            call_under(Options(ignore=("run",))),
            [candidate],
            vault.read,
            owner="test_a.py::test_x",
            cassette_in_words="",
            identities=identities,
        )
        return found is not None

    without_description = recording._replace(arguments=None)

    assert not becomes(without_description)
    identities.clear()
    assert becomes(recording)
    # What the first miss has learnt is not computed again.
    assert becomes(without_description)


def test_of_several_recordings_that_become_the_call_none_is_found() -> None:
    """One of them would serve all tests, and nobody knows which."""
    vault = vault_of(OTHER_RUN, {"arguments": ARGUMENTS | {"run": 3}})

    assert former(vault, Options(ignore=("run",))) is None


def test_a_recording_that_cannot_follow_is_found_too() -> None:
    found = former(vault_of({"arguments": ARGUMENTS}), Options(sequence=True))

    assert (found.changes, found.follows) == (["sequence is new"], False)


@pytest.mark.parametrize(
    ("places", "answers", "follows"),
    [
        (("Oslo", "Rome"), ("Mon", "Tue"), True),
        (("Oslo", "Oslo"), ("Mon", "Tue"), False),
        (("Oslo", "Oslo"), (1, True), False),
    ],
)
def test_a_sequence_of_different_answers_does_not_follow(
    runs: Runs, places: tuple[str, ...], answers: tuple[object, ...], follows: bool
) -> None:
    """One of them cannot serve all tests: `pytest-mimic rekey` leaves the recording."""
    answers_left = iter(answers)
    record = runs.mimic(lambda place: next(answers_left), sequence=True)
    for place in places:
        record(place)
    runs.again("replay")

    with pytest.raises(MissingRecordingError) as caught:
        runs.mimic(lambda place: "Sun", sequence=False)("Oslo")

    assert ("pytest-mimic rekey" in str(caught.value)) is follows


@pytest.mark.parametrize(
    "facts",
    [
        {"arguments": {"base": "USD", "run": 1}},
        {"arguments": ARGUMENTS, "options": {"key": True}},
        {"arguments": ARGUMENTS, "options": {"python": True}},
        {"arguments": ARGUMENTS, "owner": "test_b.py::test_y"},
        OTHER_RUN | {"options": {"python": True}},
        OTHER_RUN | {"owner": "test_b.py::test_y"},
    ],
    ids=[
        "another call",
        "key=",
        "options of Python",
        "another test",
        "another run and options of Python",
        "another run of another test",
    ],
)
def test_what_is_no_recording_of_the_call_is_not_found(facts: dict[str, Any]) -> None:
    assert former(vault_of(facts), Options(ignore=("run",))) is None
