"""Projects of pytest-mimic 0.2, as its README has them."""

from __future__ import annotations

import pytest

TEST = """
    import pytest_mimic
    from some_module import another_function, expensive_function
    from some_module.sub_module import SomeClass

    def test_function_to_test():
        with pytest_mimic.mimic("some_module:expensive_function"):
            assert expensive_function(1) == 2

    def test_configured():
        assert another_function(2) == 4
        assert SomeClass().method(3) == 2
"""


@pytest.fixture
def readme(project):
    """The layout of the README of 0.2.0: modules beside the configuration, tests in a folder."""
    project.write(
        "pyproject.toml",
        """
        [tool.pytest.ini_options]
        pythonpath = ["."]
        mimic_functions = [
            "some_module:expensive_function",
            "some_module:another_function",
            "some_module.sub_module:SomeClass.method"
        ]
        """,
    )
    ran = "from tally import ran\n\n"
    project.write(
        "some_module/__init__.py",
        f"{ran}def expensive_function(x): ran('a'); return x + 1\n\ndef another_function(x): ran('b'); return x * 2\n",
    )
    project.write(
        "some_module/sub_module.py",
        f"{ran}class SomeClass:\n    def method(self, x): ran('c'); return x - 1\n",
    )
    project.write("tests/test_it.py", TEST)
    return project


def test_the_layout_of_the_readme_works_with_pythonpath(readme):
    readme.record().expect(passed=2, real=["a", "b", "c"])

    readme.replay().expect(passed=2, real=[])


def test_a_block_of_0_2_without_its_warning_works(readme):
    readme.write("some_module/made.py", "class Made:\n    @classmethod\n    def create(cls, x): return x\n")
    block = "import pytest_mimic\nfrom some_module.made import Made\n\ndef test_it():\n    with pytest_mimic.mimic({}):\n        assert Made.create(1) == 1\n"
    name = "'some_module.made:Made.create'"
    readme.write("tests/test_it.py", block.format(f"{name}, classmethod_warning=False"))

    refused = readme.record().expect(failed=1, says=["there is no option classmethod_warning"])
    readme.write("tests/test_it.py", block.format(name))

    assert "Traceback" not in refused.output
    readme.record().expect(passed=1)
    readme.replay().expect(passed=1)
