"""Section 7, adapters: one module and one line in the table of clients, or a distribution with an entry point, add a client."""

from __future__ import annotations

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest
import toy_client
from support import face
from support.adapters import install_adapter

from pytest_mimic import client

ASKS = """
import toy_client

client = toy_client.Client("weather.test", api_key="k-5531-abc")


def test_forecast():
    assert client.ask("Oslo", "2026-11-01").degrees == -3.5


def test_no_station():
    try:
        client.ask("Atlantis", "2026-11-01")
    except toy_client.ServiceError as error:
        assert str(error) == "there is no station in Atlantis"
"""


@pytest.fixture
def toy(project, monkeypatch):
    """A project whose tests use the client."""
    install_adapter(project, "toy_client", "toy_adapter:ToyAdapter")
    monkeypatch.setattr(toy_client, "SERVICE", toy_client.Service())
    project.ini("toy_client")
    project.write("test_weather.py", ASKS)
    return project


def test_secrets_stay_out_of_the_vault(toy):
    toy.ini("toy_client match=headers")

    run = toy.record()

    assert len(run.calls) == 2
    assert not any(b"5531" in data for data in run.vault.values())
    hidden = f'"api_key": "{face.PLACEHOLDER}"'
    assert all(hidden in call.text for call in run.calls)


def test_a_number_of_numpy_in_an_answer_is_kept_as_the_float_that_it_is(toy):
    numpy = pytest.importorskip("numpy")
    toy_client.SERVICE.degrees["Oslo"] = numpy.float64(-3.5)

    recorded = toy.record().expect(passed=2)
    toy.replay().expect(passed=2)

    assert -3.5 in [call.value.get("degrees") for call in recorded.calls]


NEW_DAY, NEW_PLACE = (
    ('"Oslo", "2026-11-01"', '"Oslo", "2026-11-02"'),
    ('"Oslo"', '"Bergen"'),
)
NORWEGIAN = ('-01").degrees', '-01", language="no").degrees')
MISSED = [
    "no recording of toy_client ASK Oslo",
    "nearest: recorded by test_weather.py::test_forecast",
    "day: '2026-11-01' recorded, '2026-11-02' now",
]


@pytest.mark.parametrize(
    ("recorded", "replayed", "change", "says"),
    [
        ("", "", NEW_DAY, MISSED),
        ("ignore=day", "ignore=day", NEW_DAY, []),
        ("ignore=*", "ignore=*", NEW_PLACE, []),
        ("match=language,headers", "match=headers,language", ("", ""), []),
        (
            "match=language",
            "match=language",
            NORWEGIAN,
            ["language: 'en' recorded, 'no' now"],
        ),
    ],
)
def test_the_parts_that_a_line_chooses_count(toy, recorded, replayed, change, says):
    toy.ini(f"toy_client {recorded}")
    toy.record().expect(passed=2)
    toy.ini(f"toy_client {replayed}")
    toy.write("test_weather.py", ASKS.replace(*change))

    run = toy.run()

    run.expect(
        **{"passed": 1, "failed": 1} if says else {"passed": 2},
        says=says or ["2 calls replayed"],
    )
    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01", "Atlantis 2026-11-01"]


ADAPTER = """
from pytest_mimic.client import Adapter, Edge

class GaugeAdapter(Adapter):
    name = kind = "gauge"

    def edges(self, port):
        return [Edge("gauge", ("read",), lambda original: wrap(original, port))]

    def signature(self, request):
        return f"READ {request['name']}"

def wrap(original, port):
    def read(name):
        exchange = port.begin({"name": name})
        if exchange is None:
            return original(name)
        if exchange.mode == "replay":
            return exchange.replay()["value"]
        with exchange.running():
            answer = {"value": original(name)}
        return exchange.finish(answer)["value"]
    return read

NOTHING = 3
"""


@pytest.fixture
def gauge(project):
    """A project in whose environment a distribution has an adapter for the client `gauge`."""

    def install(adapter):
        install_adapter(project, "gauge", adapter)

    project.write("gauge.py", "def read(name):\n    return 'real'\n")
    project.write("gauge_adapter.py", ADAPTER)
    project.write(
        "test_gauge.py",
        "import gauge\n\ndef test_read():\n    assert gauge.read('oil') == 'real'\n",
    )
    project.ini("gauge")
    install("gauge_adapter:GaugeAdapter")
    project.install = install
    return project


def test_an_adapter_that_cannot_be_loaded_is_a_usage_error(gauge):
    gauge.install("gauge_adapter:Gauge")

    reason = "mimic_functions line 1: gauge: its adapter gauge_adapter:Gauge cannot be loaded (AttributeError: "
    gauge.run().expect(exit_code=4, says=[reason], never=["Traceback"])


def test_an_edge_that_the_client_does_not_have_fails_the_run(gauge):
    """Otherwise all calls would be real, and nobody would know."""
    gauge.write(
        "gauge_adapter.py", ADAPTER.replace('("read",), lambda', '("reed",), lambda')
    )

    run = gauge.run()

    says = "gauge: its calls cannot be recorded: gauge:reed does not exist in gauge"
    assert run.exit_code != 0
    assert says in run.output
    assert "read" in run.output


def test_an_edge_of_some_versions_may_be_absent(gauge):
    other = 'Edge("gauge", ("reed",), lambda original: None, is_optional=True)'
    both = ADAPTER.replace('[Edge("gauge"', f'[{other}, Edge("gauge"')
    gauge.write("gauge_adapter.py", both)

    gauge.run("--mimic-record").expect(passed=1, says=["1 call recorded"])


def test_the_smallest_adapter_of_the_docstring_works(gauge):
    """It is for `sensor`, with `read`, as its page says."""
    page = client.__doc__.partition("asks a device:\n\n")[2]
    code = dedent(page.partition("\n\nA distribution")[0])
    code = code.replace('"sensor"', '"gauge"')
    gauge.write("gauge_adapter.py", code)
    gauge.install("gauge_adapter:SensorAdapter")

    gauge.run("--mimic-record").expect(passed=1, says=["1 call recorded"])
    verified = gauge.run("--mimic-verify")
    gauge.write("gauge.py", "def read(name):\n    raise RuntimeError('real')\n")
    replayed = gauge.run()

    verified.expect(passed=1, says=["1 call verified"])
    replayed.expect(passed=1, says=["1 call replayed"])


PAGE = Path(__file__).parents[2] / "docs/contributing/add-a-client.md"


@pytest.mark.rare
def test_the_page_builds_an_adapter_in_an_empty_folder(project):
    """Its files record and replay, and its own tests of an adapter pass."""
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(), re.S)
    for name, text in blocks:
        project.write(name, text)
    install_adapter(project, "sensor", "mimic_sensor:SensorAdapter")

    # These tests start further runs of pytest, for which nothing is installed.
    path = os.pathsep.join([str(project.root), os.environ.get("PYTHONPATH", "")])
    with project.monkeypatch.context() as installed:
        installed.setenv("PYTHONPATH", path)
        installed.setenv("PYTEST_PLUGINS", "pytest_mimic.plugin")
        project.run("check_adapter.py", process=True).expect(passed=4)
    recorded = project.record(process=True)
    project.root.joinpath("device.ini").unlink()
    replayed = project.run(process=True)

    recorded.expect(passed=2, says=["sensor READ attic gave refused by the device"])
    replayed.expect(passed=2, says=["2 calls replayed"])
    assert b"5531" not in b"".join(recorded.vault.values())
