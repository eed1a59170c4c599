"""A layer is loaded whole."""

from __future__ import annotations

import subprocess
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


def test_what_replays_a_call_of_a_client_loads_no_rules_of_values() -> None:
    """Its arguments are short: the door `rest_of_identity` leads to the rules."""
    program = "import pytest_mimic._core.engine.client_plan, sys; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    loaded = done.stdout.split()
    assert "pytest_mimic._core.engine.mutated_arguments" in loaded
    assert "pytest_mimic._core.identity.rules" not in loaded
