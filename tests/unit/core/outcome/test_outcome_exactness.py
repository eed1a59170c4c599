"""Values whose tags could easily be almost right."""

from __future__ import annotations

import json
import threading
from typing import NamedTuple

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.vault import Vault
from unit.core.outcome.stored import NAME, load, recorded, tree_of


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
