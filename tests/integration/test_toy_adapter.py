"""A client is added with one module (`tests/toy_adapter.py`) and one line in the table of clients."""

from __future__ import annotations

import pytest
import toy_client

from pytest_mimic._core.seam.registry import CLIENTS

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
    monkeypatch.setitem(CLIENTS, "toy_client", "toy_adapter:ToyAdapter")
    monkeypatch.setattr(toy_client, "SERVICE", toy_client.Service())
    project.ini("toy_client")
    project.write("test_weather.py", ASKS)
    return project


def test_calls_are_recorded_and_replayed(toy):
    recorded = toy.record()
    replayed = toy.run()

    recorded.expect(passed=2, says=["2 calls recorded"])
    replayed.expect(passed=2, says=["2 calls replayed"])
    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01", "Atlantis 2026-11-01"]


def test_secrets_stay_out_of_the_vault(toy):
    toy.ini("toy_client match=headers")

    run = toy.record()

    assert len(run.vault) == 2
    assert not any(b"5531" in data for data in run.vault.values())
    assert all(b'"api_key": "<redacted>"' in data for data in run.vault.values())


def test_verifying_compares_what_the_client_selects(toy):
    toy.record()

    unchanged = toy.run("--mimic-verify")
    toy_client.SERVICE.degrees["Oslo"] = 4.0
    changed = toy.run("--mimic-verify")

    unchanged.expect(passed=2)
    changed.expect(
        passed=1,
        failed=1,
        says=["toy_client ASK Oslo no longer gives what was recorded", "degrees: -3.5 recorded, 4.0 now"],
    )


NEW_DAY, NEW_PLACE = ('"Oslo", "2026-11-01"', '"Oslo", "2026-11-02"'), ('"Oslo"', '"Bergen"')
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
        ("match=language", "match=language", NORWEGIAN, ["language: 'en' recorded, 'no' now"]),
    ],
)
def test_the_parts_that_a_line_chooses_count(toy, recorded, replayed, change, says):
    toy.ini(f"toy_client {recorded}")
    toy.record().expect(passed=2)
    toy.ini(f"toy_client {replayed}")
    toy.write("test_weather.py", ASKS.replace(*change))

    run = toy.run()

    run.expect(**{"passed": 1, "failed": 1} if says else {"passed": 2}, says=says or ["2 calls replayed"])
    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01", "Atlantis 2026-11-01"]


def test_only_selects_calls(toy):
    toy.ini("toy_client only='ASK Oslo'")

    toy.record().expect(passed=2, says=["1 call recorded"])


def test_a_line_that_names_an_unknown_part_is_refused(toy):
    toy.ini("toy_client ignore=plac")

    run = toy.run()

    run.expect(exit_code=4, says=["toy_client: ignore=plac names no part of a call (did you mean place?)"])


def test_a_cassette_records_a_client(toy):
    toy.ini()
    toy.write(
        "test_weather.py",
        """
        import toy_client

        client = toy_client.Client("weather.test", api_key="k-5531-abc")

        def test_forecast(mimic_auto):
            with mimic_auto("oslo", targets=["toy_client"]):
                assert client.ask("Oslo", "2026-11-01").degrees == -3.5
        """,
    )

    toy.run().expect(passed=1)
    toy.run().expect(passed=1)

    assert toy_client.SERVICE.requests == ["Oslo 2026-11-01"]
