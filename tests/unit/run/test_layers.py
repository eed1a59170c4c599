"""A layer is loaded whole."""

from __future__ import annotations

import sys
from pkgutil import walk_packages

import pytest

import pytest_mimic
from pytest_mimic._run.layers import Layer, layer_of, load


@pytest.mark.parametrize("layer", [Layer.RECORD, Layer.VERIFY])
def test_a_layer_is_loaded_whole(layer: Layer) -> None:
    load(layer)

    modules = walk_packages(pytest_mimic.__path__, "pytest_mimic.")
    assert {
        module.name for module in modules if layer_of(module.name) is layer
    } <= sys.modules.keys()


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        ("pytest_mimic", Layer.PLUGIN),
        ("pytest_mimic._core.vault.folder", Layer.START),
        ("pytest_mimic._core.vault.writing", Layer.RECORD),
        ("pytest_mimic._tools.cli.ls", Layer.TOOLS),
    ],
)
def test_the_longest_name_in_the_table_counts(module: str, layer: Layer) -> None:
    assert layer_of(module) is layer
