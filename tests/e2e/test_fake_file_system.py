"""With pyfakefs, calls are recorded into the real vault and replayed from it."""

from __future__ import annotations

from textwrap import dedent

import pytest

pytest.importorskip("pyfakefs")

SHOP = """
    def fetch(city):
        return {"city": city}

    def refuse(city):
        raise LookupError(city)

    def stops(city):
        yield city
        yield city[::-1]

    def odd(city):
        return {city, city[::-1], "x" * 70000}

    def read(path):
        with open(path) as file:
            return file.read()
"""
TESTS = """
    def calls():
        assert shop.fetch("Oslo") == {"city": "Oslo"}
        with pytest.raises(LookupError, match="Oslo"):
            shop.refuse("Oslo")
        assert list(shop.stops("Oslo")) == ["Oslo", "olsO"]
        assert len(shop.odd("Oslo")) == 3

    def test_in_a_fake(fs):
        fs.create_file("/in.txt", contents="faked")
        calls()
        assert open("/in.txt").read() == "faked"

    def test_real_files(tmp_path):
        calls()
        tmp_path.joinpath("in.txt").write_text("real")
        assert shop.read(str(tmp_path / "in.txt")) == "real"
"""


def test_calls_in_a_fake_file_system_are_recorded_and_replayed(project):
    targets = (
        "shop:fetch",
        "shop:refuse",
        "shop:stops",
        "shop:odd",
        "shop:read",
    )
    project.ini(*targets, pythonpath=".", addopts="-p pyfakefs.pytest_plugin")
    project.tests(TESTS)

    project.record("test_shop.py::test_in_a_fake", process=True).expect(passed=1)
    project.record(process=True).expect(passed=2)
    project.module("def fetch(city): 1 / 0\n\n" + dedent(SHOP).partition("\n\n")[2])
    run = project.run("-o", "mimic_source=ignore", process=True, offline=True)

    run.expect(passed=2)
    assert run.changed == set()
