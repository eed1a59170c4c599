"""A replay loads no layer above its own, and a recording run loads one whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pkgutil import walk_packages

import pytest_mimic
from pytest_mimic._run.layers import Layer, layer_of

# Prints which modules of this package a replay has loaded, and then a recording run.
PROGRAM = """
import json, sys
import pytest
for options in ([], ["--mimic-record"]):
    code = pytest.main(["-q", "-p", "pytest_mimic.plugin", "-p", "no:cacheprovider", *options])
    loaded = [name for name, module in sys.modules.items()
        if name.startswith("pytest_mimic") and not hasattr(module, "__path__")]
    print(json.dumps([int(code), loaded]))
"""


def test_a_replay_loads_no_layer_above_and_a_recording_run_one_whole(
    project, monkeypatch
):
    project.ini("shop:fetch")
    project.module("def fetch(base): return {'base': base}")
    project.tests("import shop\ndef test_fetch(): assert shop.fetch('EUR')")
    project.record().expect(passed=1)
    # pyfakefs would let the plugin load all modules.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=True,
    )

    lines = [line for line in done.stdout.splitlines() if line.startswith("[0,")]
    (_, replay), (_, record) = map(json.loads, lines)
    assert not [name for name in replay if layer_of(name) > Layer.START]
    for module in walk_packages(pytest_mimic.__path__, "pytest_mimic."):
        if layer_of(module.name) is Layer.RECORD and not module.ispkg:
            assert module.name in record
