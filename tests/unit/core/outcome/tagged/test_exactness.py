"""Values whose tags could easily be almost right."""

from __future__ import annotations

import json
import sys
import threading
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.vault import Vault
from unit.core.outcome.tagged.stored import NAME, entry_of, load, recorded, tree_of


class Hashed(NamedTuple):
    """A member of a set, whose hash makes a replay in another thread."""

    number: int

    def __hash__(self):
        for meanwhile in MEANWHILE:
            MEANWHILE.clear()
            thread = threading.Thread(target=meanwhile)
            thread.start()
            thread.join()
        return self.number


MEANWHILE: list = []


def test_copies_that_threads_make_at_once_share_nothing():
    part: list = []
    [stored] = Vault(recorded([part, {Hashed(1)}, part])).read(NAME).outcomes
    others = []
    MEANWHILE.append(lambda: others.append(stored.load().value))

    copy = stored.load().value

    assert copy[0] is copy[2]
    assert others[0][0] is others[0][2] is not copy[0]


def test_tuple_around_a_part_that_is_shared_already_is_shared_as_well():
    part: list = []
    pair = (part,)

    copy = load(recorded([part, part, pair, pair]))

    assert copy[2] is copy[3]
    assert copy[2][0] is copy[0] is copy[1]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Fraction(np.int64(1), np.int64(3)), id="numbers of numpy"),
        pytest.param(
            {Fraction(10**5000, 3)},
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="Python 3.10 pickles a Fraction as text, of limited length"
            ),
            id="long numbers",
        ),
        pytest.param({range(10**5000)}, id="long range"),
    ],
)
def test_number_that_json_does_not_write_is_a_pickle(value):
    store = recorded(value)

    assert "pickle" in entry_of(store)
    assert load(store) == value


def test_bytes_with_a_character_that_only_newer_pythons_know_are_text():
    unknown = chr(0x0378)  # no version of Unicode has it so far

    assert tree_of(unknown.encode()) == {"$bytes": unknown}
    assert tree_of("\u202e".encode()) == {"$base64": "4oCu"}


@pytest.mark.parametrize("part", ["imports", "objects"])
def test_recording_whose_lists_were_lost_is_written_again(part):
    value = [Hashed(1), b"\xff" * 2000]
    store = recorded(value)
    facts = json.loads(store.read(NAME))
    del facts["outcomes"][0][part]
    store.write(NAME, json.dumps(facts).encode())
    with pytest.raises(CorruptRecordingError):
        load(store)

    assert load(recorded(value, store)) == value
