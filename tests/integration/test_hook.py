"""The hook pytest_mimic_targets."""

from __future__ import annotations

import pytest


@pytest.mark.promise("the hook pytest_mimic_targets adds targets, and is harmless without the plugin")
def test_targets_made_in_python_are_mimicked(project):
    project.ini("shop:load")
    project.module("""
        from tally import ran

        def fetch(city, session):
            ran("fetch", city)
            return [city]

        def load(city):
            ran("load", city)
            return [city]
    """)
    project.conftest("""
        import pytest
        from pytest_mimic import Target

        @pytest.hookimpl(optionalhook=True)
        def pytest_mimic_targets(config):
            return [Target("shop:fetch", key=lambda arguments: arguments["city"])]
    """)
    project.test('assert shop.fetch("Oslo", session=object()) == shop.load("Oslo") == ["Oslo"]')
    both = ["fetch Oslo", "load Oslo"]
    project.record().expect(passed=1, real=both)

    run = project.replay().expect(passed=1, real=[])

    assert run.header == "replay from .mimic_vault (2 targets)"
    project.run("-p", "no:mimic", "-p", "no:pytest_mimic.plugin", "-W", "ignore", process=True).expect(
        passed=1, real=both
    )


SUB = """
    import pytest
    from pytest_mimic import Target

    @pytest.hookimpl(optionalhook=True)
    def pytest_mimic_targets(config):
        return [Target({target!r})]
"""


@pytest.mark.parametrize("ini", [(), ("shop:load",)])
def test_targets_of_a_collected_folder_are_mimicked(project, ini):
    project.ini(*ini, pythonpath=".")
    project.module("def fetch(city):\n    return [city]\n\ndef load(city):\n    return [city]\n")
    project.write("sub/conftest.py", SUB.format(target="shop:fetch"))
    project.write("sub/test_shop.py", "import shop\n\ndef test_it():\n    shop.fetch('Oslo')\n")

    project.run().expect(failed=1, says=["no recording of shop:fetch(city='Oslo')"])
    project.record().expect(passed=1)
    count = "(2 targets)" if ini else "(1 target)"
    project.run().expect(passed=1, says=[f"collected 1 item\nmimic: replay from .mimic_vault {count}\n"])
    project.run().expect(passed=1, says=["1 call replayed"])
    project.run("-n1", process=True).expect(passed=1, says=["1 call replayed"])


@pytest.mark.parametrize("ini", [(), ("shop:load",)])
def test_a_wrong_target_of_a_collected_folder_is_a_usage_error(project, ini):
    project.ini(*ini, pythonpath=".")
    project.module("def load(city):\n    return [city]\n")
    project.write("sub/conftest.py", SUB.format(target="shop.fetch("))
    project.write("sub/test_shop.py", "def test_it():\n    pass\n")

    message = "ERROR: sub/conftest.py, pytest_mimic_targets: shop.fetch( is not a target"
    project.run().expect(exit_code=4, says=[message], never=["Traceback", "INTERNALERROR"])


@pytest.mark.promise("the hook pytest_mimic_targets adds targets, and is harmless without the plugin")
def test_an_implementation_may_wrap_the_others(project):
    project.module("def load(city):\n    return city\n")
    project.conftest("""
        import pytest
        from pytest_mimic import Target

        @pytest.hookimpl(hookwrapper=True)
        def pytest_mimic_targets(config):
            outcome = yield
            outcome.force_result([*outcome.get_result(), [Target("shop:load")]])
    """)
    project.test('assert shop.load("Oslo") == "Oslo"')

    project.record().expect(passed=1, says=["1 call recorded"])
