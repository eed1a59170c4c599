"""Section 5, source: a changed source of the project makes recordings stale, layout and libraries do not."""

from __future__ import annotations

import shutil

import pytest

SOURCE = """
    def fetch(city):
        ran("fetch", city)
        return city
"""
REMARKS = '''
    from tally import ran


    def fetch(
        city,
    ):  # a town
        """What the weather is."""
        ran(
            "fetch", city
        )

        return city
'''


def test_comments_docstrings_and_layout_do_not_make_stale(project):
    """Another statement does; `mimic_source` says what follows."""
    project.ini("shop:fetch")
    project.module(SOURCE)
    project.test("assert shop.fetch('Oslo') == 'Oslo'")
    project.record_once(passed=1)

    project.module(REMARKS)
    project.replay().expect(passed=1)
    project.module(SOURCE.replace("return city", "return city.title()"))
    project.replay().expect(
        failed=1, says=["StaleRecordingError: shop:fetch has changed since"]
    )
    project.ini("shop:fetch", mimic_source="ignore")
    ignored = project.replay().expect(passed=1, never=["has changed"])
    assert ignored.changed == set()

    project.ini("shop:fetch")
    project.round_trip(passed=1, real=["fetch Oslo"])


TAXES = "from tally import ran\ndef tax(price):\n    ran('tax', price)\n    return price + 1\n"


@pytest.fixture
def taxes(project):
    """Install a version of a distribution whose package has another name, and use it in a test."""

    def install(version, text=TAXES, name="Toy.Taxes"):
        folder = "libs/site-packages"
        shutil.rmtree(project.root / folder, ignore_errors=True)
        info = f"{folder}/toy_taxes-{version}.dist-info"
        project.write(f"{folder}/duties/__init__.py", text)
        project.write(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        )
        project.write(
            f"{info}/RECORD",
            f"duties/__init__.py,sha256=x,9\ntoy_taxes-{version}.dist-info/RECORD,,\n",
        )

    install("1.0")
    project.ini("duties:tax", "json:dumps", pythonpath=". libs/site-packages")
    project.write(
        "test_shop.py",
        "import duties\ndef test_price():\n    assert duties.tax(1) == 2\n",
    )
    project.record_once(passed=1)
    return install


INLINED = TAXES.replace("    return price + 1", "    more = 1\n    return price + more")


def test_a_refactored_library_makes_nothing_stale(project, taxes):
    taxes("1.1", INLINED)

    project.replay().expect(passed=1, real=[], never=["1.1"])
    assert project.record().expect(passed=1, real=[]).changed == set()


@pytest.mark.parametrize(("name", "is_stale"), [("toy_taxes", True), ("others", False)])
def test_the_distribution_of_the_project_goes_stale(project, taxes, name, is_stale):
    project.write(
        "pyproject.toml",
        f'[build-system]\nrequires = []\n\n[project]\nversion = "1"\nname = "{name}"\n',
    )
    project.run("--mimic-rerecord").expect(passed=1, real=["tax 1"])
    taxes("1.0", INLINED)

    run = project.replay()

    assert run.outcomes == ({"failed": 1} if is_stale else {"passed": 1})
    assert ("duties:tax has changed since" in run.output) is is_stale


def test_a_function_of_the_standard_library_has_no_source(project):
    project.ini("colorsys:rgb_to_hls", "math:sqrt")
    project.write(
        "test_shop.py",
        "import colorsys, math\ndef test_it():\n    assert colorsys.rgb_to_hls(0, 0, 0)\n    assert math.sqrt(4) == 2\n",
    )
    project.record_once(passed=1)

    assert [call.source for call in project.calls()] == [None, None]


def test_calls_whose_class_has_a_new_field_are_listed_with_one_command(project):
    """Also where a test handles the error."""
    source = """
        from dataclasses import dataclass

        @dataclass
        class Verdict:
            score: float

        def judge(text):
            return Verdict(len(text))
    """
    project.ini("shop:judge")
    project.module(source)
    project.tests("""
        def test_one():
            assert shop.judge("a").score == 1

        def test_two():
            with pytest.raises(RuntimeError):
                shop.judge("bc")
                raise RuntimeError
    """)
    project.record().expect(passed=2, says=["2 calls recorded"])
    project.module(source.replace("score: float", "score: float; why: str = ''"))

    run = project.replay()

    run.expect(passed=1, failed=1, says=["Verdict has a new field 'why'"])
    assert run.section[:3] == [
        "2 calls stale",
        "stale:",
        "  shop:judge(text='a')    test_shop.py::test_one",
    ]
    assert (
        run.section[-1] == "to record the stale: pytest --mimic-rerecord test_shop.py"
    )
    again = project.run("--mimic-rerecord")
    again.expect(passed=2, says=["2 calls recorded"])
