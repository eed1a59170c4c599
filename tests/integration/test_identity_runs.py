"""Identical calls have one recording: in another process, in another folder, however arguments are passed."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

SHOP = """
    import dataclasses
    import enum
    from tally import ran

    MISSING = object()

    class Color(enum.Enum):
        RED = 1

    @dataclasses.dataclass
    class Order:
        items: list
        labels: frozenset = frozenset({"a", "b", "c", None, 1})

    class Shop:
        def __init__(self, name):
            self.name = name

        def total(self, tax=1):
            ran("total", self.name, tax)
            return tax

    def fetch(city, days=3, *, unit="C"):
        ran("fetch", city, days, unit)
        return city

    def pick(first, second=MISSING):
        ran("pick", first)
        return second is MISSING

    def gather(first, *rest, last=1, **extra):
        ran("gather", first)
        return first

    def read(path):
        ran("read")
        return 1

    def take(value):
        ran("take")
        return 1
"""
TARGETS = ["shop:*", "shop:Shop.total"]


def test_arguments_count_as_bound_not_as_passed(shop):
    """A bare `object()` that is a default counts as left out."""
    shop.tests("""
        import shop

        def test_function():
            shop.fetch("Oslo"), shop.fetch(city="Oslo"), shop.fetch("Oslo", 3), shop.fetch(days=3, city="Oslo", unit="C")

        def test_method():
            shop.Shop("a").total(), shop.Shop("a").total(1), shop.Shop.total(shop.Shop("a"), tax=1)
            shop.Shop("b").total()

        def test_left_out():
            assert shop.pick(1) and shop.pick(1, shop.MISSING) and not shop.pick(1, 2)

        def test_more():
            shop.gather(1, 2, 3, b=1, a=2), shop.gather(1, 2, 3, a=2, b=1, last=1)
            shop.gather(2, (2, 3)), shop.gather(3, 2, 3), shop.gather(4, rest=(2, 3))
    """)

    shop.record().expect(
        passed=4,
        real=[
            *("fetch Oslo 3 C", "total a 1", "total b 1", "pick 1", "pick 1"),
            *("gather 1", "gather 2", "gather 3", "gather 4"),
        ],
    )
    shop.replay().expect(passed=4, real=[])


def test_values_count_the_same_under_any_hash_seed(shop):
    """The order of sets and dicts, and shared parts, do not count. A NaN equals itself."""
    shop.tests("""
        import collections, copy, datetime, decimal, functools, pathlib, re, uuid
        import shop

        def make(scale):
            return lambda value: value * scale

        VALUES = [
            {"name": {"x", "y", "z", None, 2.5}, 1: frozenset({("a", 1), ("b", 2)})},
            shop.Order([shop.Color.RED, {"p", "q", "r"}]),
            (lambda row: [row, row, {"same": row}])({"a", "b", "c"}),
            [float("nan"), decimal.Decimal("1.10"), uuid.UUID(int=7), re.compile("a+", re.I), range(3)],
            [make(2), functools.partial(make(3), 1), shop.Shop("a").total, shop.Order, print, re.compile],
            collections.OrderedDict(b=1, a={"k", "l", "m"}),
        ]

        def test_values():
            for value in VALUES:
                shop.take(value), shop.take(copy.deepcopy(value))
    """)

    shop.record(hash_seed=1).expect(passed=1, real=["take"] * 6)
    for seed in (2, 3):
        shop.replay(hash_seed=seed).expect(passed=1, real=[])


PATHS = """
    import pathlib
    import shop

    HERE = pathlib.Path(__file__)

    def test_paths(tmp_path):
        for path in (tmp_path / "a", [tmp_path], HERE, {"x": HERE.parent / "data"}, pathlib.Path("/etc/hosts")):
            shop.read(path)
"""


def test_paths_under_the_rootdir_and_tmp_path_count_relative(shop):
    shop.tests(PATHS)
    shop.record().expect(passed=1, real=["read"] * 5)

    shop.replay().expect(passed=1)
    shop.replay(f"--basetemp={shop.root / 'inside'}").expect(passed=1)
    shop.replay("-n1", process=True).expect(passed=1)


def test_recordings_replay_in_another_checkout(shop):
    shop.tests(PATHS)
    shop.record().expect(passed=1, real=["read"] * 5)
    other = shop.root.parent / "another checkout"
    shutil.copytree(shop.root, other)

    assert not any(str(shop.root).encode() in data for data in shop.files().values())
    shop.root = other
    shop.replay(process=True).expect(passed=1, real=[])


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_recordings_replay_through_a_symbolic_link(shop):
    shop.tests(PATHS)
    shop.record().expect(passed=1, real=["read"] * 5)
    link = shop.root.parent / "link"
    link.symlink_to(shop.root)

    shop.replay(f"--rootdir={link}", process=True).expect(passed=1, real=[])


SOURCE = """
    from tally import ran

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
    project.replay().expect(failed=1, says=["StaleRecordingError: shop:fetch has changed since"])
    project.ini("shop:fetch", mimic_source="ignore")
    ignored = project.replay().expect(passed=1, never=["has changed"])
    assert ignored.changed == set()

    project.ini("shop:fetch")
    project.record().expect(passed=1, real=["fetch Oslo"])
    project.replay().expect(passed=1, real=[])


TAXES = "from tally import ran\ndef tax(price):\n    ran('tax', price)\n    return price + 1\n"


@pytest.fixture
def taxes(project):
    """Install a version of a distribution whose package has another name, and use it in a test."""

    def install(version, text=TAXES, name="Toy.Taxes"):
        folder = "libs/site-packages"
        shutil.rmtree(project.root / folder, ignore_errors=True)
        info = f"{folder}/toy_taxes-{version}.dist-info"
        project.write(f"{folder}/duties/__init__.py", text)
        project.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        project.write(
            f"{info}/RECORD", f"duties/__init__.py,sha256=x,9\ntoy_taxes-{version}.dist-info/RECORD,,\n"
        )

    install("1.0")
    project.ini("duties:tax", "json:dumps", pythonpath=". libs/site-packages")
    project.write("test_shop.py", "import duties\ndef test_price():\n    assert duties.tax(1) == 2\n")
    project.record_once(passed=1)
    return install


INLINED = TAXES.replace("    return price + 1", "    more = 1\n    return price + more")


def test_a_refactored_library_makes_nothing_stale(project, taxes):
    taxes("1.1", INLINED)

    project.replay(process=True).expect(passed=1, real=[], never=["1.1"])
    assert project.record(process=True).expect(passed=1, real=[]).changed == set()


@pytest.mark.parametrize(("name", "is_stale"), [("toy_taxes", True), ("others", False)])
def test_the_distribution_of_the_project_goes_stale(project, taxes, name, is_stale):
    project.write(
        "pyproject.toml", f'[build-system]\nrequires = []\n\n[project]\nversion = "1"\nname = "{name}"\n'
    )
    project.run("--mimic-rerecord", process=True).expect(passed=1, real=["tax 1"])
    taxes("1.0", INLINED)

    run = project.replay(process=True)

    assert run.outcomes == ({"failed": 1} if is_stale else {"passed": 1})
    assert ("duties:tax has changed since" in run.output) is is_stale


def test_a_function_of_the_standard_library_has_no_source(project):
    project.ini("colorsys:rgb_to_hls", "math:sqrt")
    project.write(
        "test_shop.py",
        "import colorsys, math\ndef test_it():\n    assert colorsys.rgb_to_hls(0, 0, 0)\n    assert math.sqrt(4) == 2\n",
    )
    project.record_once(passed=1)

    found = [json.loads(file.read_text()) for file in project.root.glob(".mimic_vault/calls/*/*/*.json")]
    assert [one.get("source") for one in found] == [None, None]
