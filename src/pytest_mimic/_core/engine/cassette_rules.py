"""The name of a cassette that a user gave, and a cassette's mode by its fixture and the mode of the run."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from pytest_mimic._core.settings import Mode
from pytest_mimic.errors import CassetteError, CorruptRecordingError

if TYPE_CHECKING:
    from pytest_mimic._core.engine.run_state import RunState


CassetteMode = Literal["record", "replay", "extend", "verify", "live"]

# File systems allow 255 bytes; the temporary file that is written first has a longer name.
_MAX_STEP_BYTES = 200


def cassette_name(given: str | PurePath) -> str:
    """Return the name that a user gave, without `.json`.

    Raises:
        CassetteError: It leaves the vault, or cannot be a file's name.
    """
    if not isinstance(given, (str, PurePath)):
        raise CassetteError(f"a cassette's name must be text, not {given!r}", cassette=given)
    name = (given if isinstance(given, str) else given.as_posix()).removesuffix(".json")
    steps = name.split("/")
    too_long = any(len(step.encode("utf-8", "surrogatepass")) > _MAX_STEP_BYTES for step in steps)
    if too_long or re.search(r"[\\:\0\ud800-\udfff]", name) or not {"", ".", ".."}.isdisjoint(steps):
        fact = f"a name may hold folders, each part up to {_MAX_STEP_BYTES} bytes, and stays inside the vault"
        raise CassetteError(f"a cassette cannot be called {given!r}", facts=[fact], cassette=given)
    return name


def is_left_out(state: RunState, file: str) -> bool:
    """Check whether the mode of the run is not for a cassette, since `--mimic-only` selects none of its calls."""
    if state.only is None or state.conversations.is_selected(file):
        return False
    try:
        entries = state.vault.read_cassette(file) or ()
    except CorruptRecordingError:
        return True
    selected = [state.only.takes(entry.target, entry.signature, entry.host) for entry in entries]
    return not any(selected)


def mode_left_out(fixture: str, mode: Mode, *, exists: bool, may_record: bool) -> CassetteMode:
    """Return the mode of a cassette that `--mimic-only` leaves out: it replays. One that does not exist may be recorded."""
    records = fixture != "replay" and not exists and may_record and mode.writes
    return "record" if records else "replay"


def mode_of(fixture: str, mode: Mode, *, name: str, exists: bool, may_record: bool) -> CassetteMode:
    """Return the mode of a fixture's cassette in a run's mode; the fixture is `record`, `replay` or `auto`.

    It may not record if `--mimic-no-record` forbids that, or `CI` for `auto`.

    Raises:
        CassetteError: The fixture must record and may not.
    """
    if mode is Mode.LIVE:
        return "live"
    if fixture == "replay":
        return "replay"
    if mode is Mode.VERIFY:
        return "verify"
    if fixture == "record" and not may_record:
        what = f"mimic_record may not record cassette {name}: --mimic-no-record was given"
        raise CassetteError(what, remedies=["to replay it if it is recorded: mimic_auto"], cassette=name)
    if fixture == "record" or mode is Mode.RERECORD or (not exists and may_record):
        return "record"
    return "extend" if mode is Mode.RECORD else "replay"
