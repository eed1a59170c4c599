"""Outcomes that stay pickles: what their recordings show, and how verifying shows a difference."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pytest_mimic._core.outcome.plain import layout

SHOP = """
    import numpy, pandas
    from PIL import Image

    def _basket(attributes):
        made = Basket.__new__(Basket)
        vars(made).update(attributes)
        return made

    class Basket:
        def __init__(self, **attributes):
            vars(self).update(attributes)

        def __reduce__(self):
            return _basket, (vars(self),)

    def basket(password):
        return Basket(items=["pen", "ink"], total=12.5, password=password, note="for " + password)

    def prices():
        return pandas.DataFrame({"name": ["Ann", "Bob"] * 50, "price": numpy.arange(100) / 2})

    def photo():
        return Image.new("RGB", (64, 48))

    def pages():
        yield prices()
        yield basket("hunter22")
"""
TARGETS = ["shop:basket", "shop:prices", "shop:photo", "shop:pages"]

# A run in process cannot load them a second time.
pytest.importorskip("numpy", reason="numpy is not installed")
pytest.importorskip("PIL.Image", reason="PIL is not installed")
pandas = pytest.importorskip("pandas", reason="pandas is not installed")


def write_test(project, *calls: str, cassette: bool = False) -> None:
    """Write a test with these calls."""
    lines = ["import shop", ""]
    lines += (
        ["def test_it(mimic_auto):", "  with mimic_auto('all', targets=['shop:*']):"]
        if cassette
        else ["def test_it():"]
    )
    project.tests("\n".join([*lines, *(f"    {call}" for call in calls)]))


def recording(project, function: str) -> Path:
    """Return the file of the only recording of a function."""
    (path,) = project.vault.glob(f"calls/shop/{function}/*.json")
    return path


def outcome(path: Path) -> dict[str, Any]:
    """Return the only outcome in a file."""
    (entry,) = json.loads(path.read_text())["outcomes"]
    return entry


def test_a_recording_shows_what_its_pickle_holds(shop):
    """The preview is in the readable recording."""
    write_test(shop, "shop.basket('hunter22')", "shop.prices()", "shop.photo()", "list(shop.pages())")

    shop.record()

    basket = "Basket(items=['pen', 'ink'], total=12.5, password=<redacted>, note='for <redacted>')"
    prices = "DataFrame 100x2: name, price"
    assert outcome(recording(shop, "basket"))["preview"] == [basket]
    assert outcome(recording(shop, "prices"))["preview"] == [prices]
    assert outcome(recording(shop, "photo"))["preview"] == ["Image RGB 64x48"]
    assert outcome(recording(shop, "pages"))["preview"] == [f"stream of 2 items: {prices}"]


def test_no_secret_of_the_call_is_in_the_recording(shop):
    """A secret argument does not appear under another name of the outcome either."""
    write_test(shop, "shop.basket('hunter22')")

    shop.record()

    assert "hunter22" not in recording(shop, "basket").read_text()


@pytest.mark.parametrize("cassette", [False, True], ids=["recordings", "a cassette"])
def test_a_file_without_a_preview_stays_as_it_is(shop, cassette):
    """A vault from before there were previews is not rewritten, and neither is one with them."""
    write_test(shop, "shop.basket('hunter22')", "shop.prices()", cassette=cassette)
    shop.record()
    assert shop.run("--mimic-rerecord").expect(passed=1).changed == set()
    files = [path for path in shop.vault.rglob("*.json") if "preview" in path.read_text()]
    for path in files:
        facts = json.loads(path.read_text())
        for entry in facts.get("outcomes") or [call["outcome"] for call in facts["calls"]]:
            entry.pop("preview")
        path.write_text(layout(facts) + "\n")

    run = shop.run("--mimic-rerecord").expect(passed=1)

    assert len(files) == 1 + (not cassette)
    assert run.changed == set()
    assert not any("preview" in path.read_text() for path in files)


def test_an_edited_preview_changes_nothing(shop):
    """The outcome replays, verifies, and is not written again."""
    write_test(shop, "assert shop.basket('hunter22').total == 12.5")
    shop.record()
    path = recording(shop, "basket")
    path.write_text(path.read_text().replace("total=12.5", "total=99"))

    for option in ((), ("--mimic-verify",), ("--mimic-rerecord",)):
        assert shop.run(*option).expect(passed=1).changed == set()


def test_a_preview_of_another_shape_is_found(shop):
    """A preview is a list of texts."""
    write_test(shop, "shop.prices()")
    shop.record()
    path = recording(shop, "prices")
    path.write_text(path.read_text().replace('"preview": [', '"preview": [1, '))

    shop.run().expect(failed=1, says=["must be lists of texts"])


def test_a_difference_is_shown_in_the_terms_of_the_preview(shop):
    """The error names rows, cells, pixels and attributes, not two long texts."""
    write_test(shop, "shop.basket('hunter22')", "shop.prices()", "shop.photo()")
    shop.record()
    changes = {
        "total=12.5": "total=13.0",
        "numpy.arange(100) / 2": "numpy.arange(100) / 2 + (numpy.arange(100) == 17)",
        '"RGB", (64, 48)': '"RGB", (64, 48), (0, 0, 9)',
    }
    source = SHOP
    for old, new in changes.items():
        source = source.replace(old, new)
    shop.module(source)

    shop.run("--mimic-verify").expect(
        failed=1,
        says=[
            "total: 12.5 recorded, 13.0 now",
            'column name="price"',
            "Mismatched elements: 3072 / 9216",
        ],
        never=["hunter22"],
    )


@pytest.mark.parametrize(
    "given",
    [
        "pandas.DataFrame({'k': ['y' * 21 + secret()] * 1000})",
        "numpy.array([secret()] * 1000, dtype=object)",
        "numpy.array([secret()] * 3000)",
        "Basket(of=['y' * 21 + secret()] * 9)",
        "Basket(**{'y' * 85 + secret(): 1})",
        "Basket(of={'y' * 85 + secret(): 1})",
        "Basket(of=b'y' * 14 + secret().encode())",
        "Basket(of='y' * 990 + secret() * 9)",
    ],
)
def test_the_preview_of_a_pickle_has_no_part_of_a_value_of_the_environment(project, given):
    """A preview is short: what it cuts is hidden before."""
    secret = "zx81-spectrum-4711-abcd"
    env = {"SHOP_TOKEN": secret}
    source = f"import os\n{dedent(SHOP)}\ndef secret(): return os.environ['SHOP_TOKEN']\n"
    project.ini("shop:give")
    project.module(f"{source}\ndef give(): return {given}\n")
    project.tests("import shop\ndef test_it(): shop.give()\n")

    recorded = project.record(env=env)

    recorded.expect(
        passed=1, says=["holds the value of SHOP_TOKEN, test_shop.py::test_it"], never=[secret[:8]]
    )
    (recording,) = project.vault.glob("calls/**/*.json")
    assert json.loads(recording.read_text())["outcomes"][0]["preview"]
    for part in (secret[:8], secret[:2].encode().hex(" ")):
        assert part not in recording.read_text()
    checked = subprocess.run(
        [sys.executable, "-m", "pytest_mimic", "check"],
        cwd=project.root, env=project.environment(env), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "the environment variable SHOP_TOKEN" in checked.stdout
