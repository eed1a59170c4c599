"""A new process whose first calls of each kind are made while pyfakefs replaces the file system."""

from __future__ import annotations

import pytest

pytest.importorskip("pyfakefs")

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city}

    def refuse(city):
        raise LookupError(city)

    def stops(city):
        yield city
        yield city[::-1]

    def turn(city):
        return len(city)

    def read(path):
        ran("read")
        with open(path) as file:
            return file.read()
"""

TESTS = """
    import pytest, shop

    def calls():
        with pytest.raises(LookupError, match="Oslo"):
            shop.refuse("Oslo")
        assert list(shop.stops("Oslo")) == ["Oslo", "olsO"]

    def test_in_a_fake(fs, mimic_vault_dir):
        fs.add_real_directory(mimic_vault_dir)
        fs.create_file("/in.txt", contents="faked")
        calls()
        for miss in (lambda: shop.read("/in.txt"), lambda: shop.turn("Oslo")):
            with pytest.raises(Exception, match="no recording of shop:"):
                miss()

    def test_real_files(tmp_path):
        calls()
        assert [shop.turn("Oslo"), shop.turn("Oslo")] == [4, 4]
        for text in ("one", "two"):
            tmp_path.joinpath("in.txt").write_text(text)
            assert shop.read(str(tmp_path / "in.txt")) == text
"""


def test_calls_after_those_in_a_fake_file_system_see_the_real_one(project):
    """Modules that are loaded while it is in use would keep the fake `os`."""
    project.ini(
        *("shop:fetch", "shop:refuse", "shop:stops", "shop:turn sequence=true", "shop:read content=path"),
        pythonpath=".",
        addopts="-p pyfakefs.pytest_plugin",
    )
    project.tests(TESTS)
    project.run("--mimic-record", "test_shop.py::test_real_files", process=True).expect(
        passed=1, real=["read", "read"]
    )

    project.run(process=True).expect(passed=2, real=[])


def test_recording_goes_on_after_a_refused_call_in_a_fake_file_system(project):
    """Neither the lock of a call in flight nor an identity is taken from the fake."""
    project.ini("shop:read content=path", "shop:fetch", pythonpath=".", addopts="-p pyfakefs.pytest_plugin")
    project.tests("""
        import pytest, shop

        def test_in_a_fake(fs):
            fs.create_file("/in.txt", contents="faked")
            for call in (lambda: shop.read("/in.txt"), lambda: shop.fetch("Oslo")):
                with pytest.raises(Exception, match="the test's file system is a fake one"):
                    call()

        def test_real_files(tmp_path):
            for text in ("one", "two"):
                tmp_path.joinpath("in.txt").write_text(text)
                assert shop.read(str(tmp_path / "in.txt")) == text
            assert shop.fetch("Oslo") == {"city": "Oslo"}
    """)

    calls = ["read", "read", "fetch Oslo"]
    project.run("--mimic-record", process=True).expect(passed=2, real=calls)
    project.run("test_shop.py::test_real_files", process=True).expect(passed=1, real=[])
