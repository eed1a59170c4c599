"""Adapters that other distributions bring by an entry point."""

from __future__ import annotations

import pytest

ADAPTER = """
from pytest_mimic.client import Adapter, ClientCall, Edge

class GaugeAdapter(Adapter):
    parts = ("name",)

    def edges(self):
        return [Edge("gauge", ("read",), wrap)]

def wrap(original, port):
    def read(name):
        step = port.begin(ClientCall(f"READ {name}", {"name": name}, ("name",), {"name": name}))
        if step is not None and step.mode == "run":
            with step.running():
                step.finish(original(name))
        return step.outcome() if step is not None and step.mode == "replay" else original(name)
    return read

NOTHING = 3
"""


@pytest.fixture
def gauge(project):
    """A project in whose environment a distribution has an adapter for the client `gauge`."""

    def install(adapter: str) -> None:
        project.write(
            "gauge_adapter-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: gauge-adapter\nVersion: 1.0\n",
        )
        project.write(
            "gauge_adapter-1.0.dist-info/entry_points.txt", f"[pytest_mimic.clients]\ngauge = {adapter}\n"
        )

    project.write("gauge.py", "def read(name):\n    return 'real'\n")
    project.write("gauge_adapter.py", ADAPTER)
    project.write(
        "test_gauge.py", "import gauge\n\ndef test_read():\n    assert gauge.read('oil') == 'real'\n"
    )
    project.ini("gauge")
    install("gauge_adapter:GaugeAdapter")
    project.install = install
    return project


def test_an_adapter_of_another_distribution_records_and_replays(gauge):
    gauge.run("--mimic-record", process=True).expect(passed=1, says=["1 call recorded"])
    gauge.write("gauge.py", "def read(name):\n    raise RuntimeError('real')\n")

    gauge.run(process=True).expect(passed=1, says=["1 call replayed"])


@pytest.mark.parametrize(
    ("adapter", "reason"),
    [
        ("gauge_adapter:Gauge", "its adapter gauge_adapter:Gauge cannot be loaded (AttributeError: "),
        ("gauge_adopter:Gauge", "(ModuleNotFoundError: No module named 'gauge_adopter')"),
        ("builtins:str", "its adapter builtins:str is no pytest_mimic.client.Adapter"),
    ],
)
def test_an_adapter_that_cannot_be_loaded_is_a_usage_error(gauge, adapter, reason):
    gauge.install(adapter)

    run = gauge.run(process=True)

    run.expect(exit_code=4, says=["mimic_functions line 1: gauge: its adapter", reason])
    assert "Traceback" not in run.output


def test_a_client_that_no_distribution_brings_is_a_usage_error(gauge):
    gauge.ini("gouge")

    gauge.run(process=True).expect(
        exit_code=4, says=["gouge is neither package.module:function nor a client"]
    )
