"""pytest_mimic_targets: targets made in Python, in a conftest.py."""

from __future__ import annotations

import pytest


@pytest.mark.promise("the hook pytest_mimic_targets adds targets, and is harmless without the plugin")
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


SUB = """
    import pytest
    from pytest_mimic import Target

    @pytest.hookimpl(optionalhook=True)
    def pytest_mimic_targets(config):
        return [Target({target!r})]
"""


@pytest.mark.parametrize("ini", [(), ("shop:load",)])
def test_targets_of_a_folder_that_is_collected(project, ini):
    """Its conftest.py is loaded after the run has begun, and with nothing else configured too."""
    project.ini(*ini, pythonpath=".")
    project.write("shop.py", "def fetch(city):\n    return [city]\n\ndef load(city):\n    return [city]\n")
    project.write("sub/conftest.py", SUB.format(target="shop:fetch"))
    project.write("sub/test_shop.py", "import shop\n\ndef test_it():\n    shop.fetch('Oslo')\n")

    project.run().expect(failed=1, says=["no recording of shop:fetch(city='Oslo')"])
    project.record().expect(passed=1)
    project.run().expect(passed=1, says=["1 call replayed"])
    project.run("-n1", process=True).expect(passed=1, says=["1 call replayed"])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return [Target('shop.fetch(')]", "pytest_mimic_targets: shop.fetch( is not a target"),
        ("return config.nothing", "pytest_mimic_targets raised AttributeError: 'Config' object has no"),
    ],
)
def test_a_hook_that_fails_is_told_in_a_line(project, body, told):
    project.ini("shop:fetch")
    project.write("shop.py", "def fetch(city):\n    return [city]\n")
    project.write(
        "conftest.py", f"from pytest_mimic import Target\n\ndef pytest_mimic_targets(config):\n    {body}\n"
    )
    project.write("test_shop.py", "def test_it():\n    pass\n")

    project.run().expect(exit_code=4, says=[f"ERROR: {told}"], never=["Traceback"])


@pytest.mark.parametrize("ini", [(), ("shop:load",)])
def test_a_wrong_target_of_a_folder_that_is_collected(project, ini):
    project.ini(*ini, pythonpath=".")
    project.write("shop.py", "def load(city):\n    return [city]\n")
    project.write("sub/conftest.py", SUB.format(target="shop.fetch("))
    project.write("sub/test_shop.py", "def test_it():\n    pass\n")

    told = "ERROR: pytest_mimic_targets: shop.fetch( is not a target"
    project.run().expect(exit_code=4, says=[told], never=["Traceback", "INTERNALERROR"])
