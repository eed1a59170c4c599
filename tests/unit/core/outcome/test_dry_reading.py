"""A tree is checked as a replay would read it, and no class is imported for it."""

from __future__ import annotations

import sys

import pytest

from pytest_mimic import CorruptRecordingError
from pytest_mimic._core.vault import Vault
from pytest_mimic._core.vault.objects import Origin
from unit.core.outcome.stored import NAME, edited

NODE = {"$never_imported:Box": {"size": 1}}


def check(tree, *imports):
    vault = Vault(edited(tree, *imports))
    [outcome] = vault.read(NAME).outcomes
    vault.objects.check_tags(outcome.entry, Origin(NAME, "shop:f", None))


@pytest.mark.parametrize(
    "tree",
    [
        NODE,
        [NODE, {"$tuple": [NODE]}],
        {"$never_imported:Box": "RED"},
        {"$never_imported:Box": {"args": []}, "attributes": {"a": NODE}},
        {"$class": "never_imported:Box", "of": [{"$class": "never_imported:Box"}]},
    ],
    ids=str,
)
def test_a_sound_tree_passes_without_its_classes(tree):
    check(tree, "never_imported:Box")

    assert "never_imported" not in sys.modules


@pytest.mark.parametrize(
    "tree",
    [
        {"$tuple": NODE},
        {"$deque": [NODE, None]},
        {"$uuid": NODE},
        {"$never_imported:Box": [1]},
        {"$never_imported:Box": {}, "attributes": NODE},
        {"$never_imported:Box": {}, "other": 1},
        {"$never_imported:Other": {}},
        {"$class": "never_imported:Box", "of": NODE},
        {"$unknown": 1},
    ],
    ids=str,
)
def test_what_a_replay_refuses_is_found(tree):
    with pytest.raises(CorruptRecordingError, match="not what was recorded"):
        check(tree, "never_imported:Box")
