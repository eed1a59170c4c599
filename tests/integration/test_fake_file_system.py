"""With pyfakefs, nothing is recorded into a file system that ends with the test."""

from __future__ import annotations

import pytest

pytest.importorskip("pyfakefs")

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city}

    def stops(city):
        ran("stops", city)
        return {city, city[::-1]}
"""


@pytest.fixture
def shop(project):
    """Mimic `shop.fetch`, and `shop.stops`, whose outcome is an object."""
    project.ini("shop:fetch", "shop:stops", pythonpath=".", addopts="-p pyfakefs.pytest_plugin")
    return project


@pytest.mark.parametrize("mode", [(), ("--mimic-record",), ("--mimic-rerecord",)])
def test_call_within_a_fake_file_system_is_an_error(shop, mode):
    shop.tests("""
        import shop

        def test_in_a_fake(fs):
            shop.fetch("Oslo")
    """)

    told = ["the test's file system is a fake one", "with Pause(fs):"]
    shop.run(*mode, process=True).expect(failed=1, says=told)

    assert not shop.vault.exists()


def test_a_call_after_one_that_was_recorded_is_an_error_as_well(shop):
    """The folder of locks is known by then."""
    shop.tests("""
        import shop

        def test_before():
            shop.fetch("Oslo")

        def test_in_a_fake(fs):
            shop.fetch("Bergen")
    """)

    run = shop.run("--mimic-record", process=True)

    run.expect(failed=1, passed=1, real=["fetch Oslo"], says=["cannot lock", "with Pause(fs):"])


def test_remedies_for_a_fake_file_system_work(shop):
    """Paused, a call is recorded; with the vault's folder added, it is replayed."""
    shop.tests("""
        import shop
        from pyfakefs.fake_filesystem_unittest import Pause

        def test_paused(fs):
            with Pause(fs):
                assert shop.fetch("Oslo") == {"city": "Oslo"}
                assert shop.stops("Oslo") == {"Oslo", "olsO"}

        def test_with_the_vault(fs, mimic_vault_dir):
            fs.add_real_directory(mimic_vault_dir)
            assert shop.fetch("Oslo") == {"city": "Oslo"}
            assert shop.stops("Oslo") == {"Oslo", "olsO"}
    """)

    shop.run("--mimic-record", "test_shop.py::test_paused", process=True).expect(
        passed=1, real=["fetch Oslo", "stops Oslo"]
    )
    shop.run(process=True, offline=True).expect(passed=2, real=[])
