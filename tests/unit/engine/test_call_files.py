"""A file that a call makes under a name among its arguments is found, however its folder is looked at."""

from __future__ import annotations

from time import time_ns

import pytest

from pytest_mimic import MutatedInputError
from pytest_mimic._engine.call_files import CallArgument, CallFiles
from pytest_mimic._files.places import Places
from pytest_mimic._files.presence import Presence
from pytest_mimic._targets.options import Options


def later() -> int:
    """Return the time in an hour, when all folders have settled."""
    return time_ns() + 3_600_000_000_000


@pytest.mark.parametrize("now", [time_ns, later], ids=["just changed", "settled"])
@pytest.mark.parametrize(
    "value", [["b", "c", "d"], ["b", "c", "d", "e"], {"b": 1, "c": ["d"], "e": 2, "f": "g"}]
)
def test_call_that_makes_a_file_which_a_text_names_is_refused(tmp_path, monkeypatch, value, now):
    monkeypatch.chdir(tmp_path)
    places = Places(str(tmp_path))
    places.presence = Presence(now)
    files = CallFiles(
        "shop:f", Options(), [CallArgument("names", "names", value, False)], places, vault="nowhere"
    )

    files.refuse_changes()
    (tmp_path / "other").touch()
    files.refuse_changes()
    (tmp_path / "d").touch()
    with pytest.raises(MutatedInputError, match=r"names\S+: <rootdir>/d"):
        files.refuse_changes()
