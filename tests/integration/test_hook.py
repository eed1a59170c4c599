"""pytest_mimic_targets: targets made in Python, in a conftest.py."""

from __future__ import annotations


def test_targets_made_in_python_are_mimicked(project):
    """With options that an ini line cannot hold; beside those of the ini file; and without the plugin it does no harm."""
    project.ini("shop:load")
    project.write(
        "shop.py",
        """
        from tally import ran

        def fetch(city, session):
            ran("fetch", city)
            return [city]

        def load(city):
            ran("load", city)
            return [city]
        """,
    )
    project.write(
        "conftest.py",
        """
        import pytest
        from pytest_mimic import Target

        @pytest.hookimpl(optionalhook=True)
        def pytest_mimic_targets(config):
            return [Target("shop:fetch", key=lambda arguments: arguments["city"])]
        """,
    )
    project.write(
        "test_shop.py",
        """
        import shop

        def test_it():
            assert shop.fetch("Oslo", session=object()) == shop.load("Oslo") == ["Oslo"]
        """,
    )
    both = ["fetch Oslo", "load Oslo"]
    project.record().expect(passed=1, real=both)

    run = project.replay().expect(passed=1, real=[])

    assert run.header == "replay from .mimic_vault (2 targets)"
    project.run("-p", "no:mimic", "-p", "no:pytest_mimic.plugin", "-W", "ignore", process=True).expect(
        passed=1, real=both
    )
