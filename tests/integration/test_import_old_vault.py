"""`pytest-mimic import` of a vault of version 0.2: what can be known of its pickles is taken over, if they are trusted."""

from __future__ import annotations

import pickle
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from pytest_mimic._cli.main import main

# Recorded by pytest-mimic 0.2.0 on Python 3.11, with `shop.rates`, `shop.fetch`, `shop.basket` and `shop.later` as targets.
BASKET = "290ee779f6b7300d988c5b75e3aba58a99a4c22817eb3e6f5dbeae4ea52a8978"
FETCH_EUR = "6a09502e479e39d2f858491878c46a332f9c291be5ac5955098301a727ecc9cd"
EARLY = "9232aa6e31980d93bcf13b51cff727f189ad674f2e54a4f631ea5ff78c108ad1"
LATER = "834f3f2a966a3df74ddb583a2919f3c834b48122d4eb78a0b25ec8d19d0447c7"
RATES = "f9e1d2fb2df0b707ce9868426f75f41b29843d08494b1e23000a1abb2cbe0145"
PICKLES = {
    BASKET: "gASVIQAAAAAAAACMBHNob3CUjAVSYXRlc5STlCmBlH2UjANldXKUSwJzYi4=",
    FETCH_EUR: "gASVEwAAAAAAAAB9lIwDRVVSlEc/8AAAAAAAAHMu",
    LATER: "gASVCQAAAAAAAABdlChLAUsCZS4=",
    RATES: "gASVOQAAAAAAAAB9lCiMA0VVUpRHP/EeuFHrhR+MA2RheZSMCGRhdGV0aW1llIwEZGF0ZZSTlEMEB+gFAZSFlFKUdS4=",
}
SHOP = """
    from tally import ran

    class Rates:
        def __init__(self, eur):
            self.eur = eur

    def rates():
        return ran("rates")

    def fetch(base):
        return ran("fetch", base)

    def basket():
        return ran("basket")

    async def later():
        return ran("later")
"""
TESTS = """
    import asyncio, datetime, shop

    def test_rates():
        assert shop.rates() == {"EUR": 1.07, "day": datetime.date(2024, 5, 1)}

    def test_later():
        assert asyncio.run(shop.later()) == [1, 2]

    def test_basket():
        assert shop.basket().eur == 2
"""


@pytest.fixture
def take_over(project, capsys, monkeypatch):
    """Return a function that imports the old vault of a project, and returns the exit code and what was printed."""
    project.ini("shop.rates", "shop.fetch", "shop.basket", "shop.later")
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TESTS)
    project.vault.mkdir()
    for name, text in PICKLES.items():
        Path(project.vault, f"{name}.pkl").write_bytes(b64decode(text))
    monkeypatch.syspath_prepend(str(project.root))
    for module in ("shop", "tally"):  # what the import adds is removed at the end, too
        monkeypatch.setitem(sys.modules, module, None)
        monkeypatch.delitem(sys.modules, module)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.chdir(project.root)
        sys.modules.pop("shop", None)
        code = main(["import", ".mimic_vault", *words])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def reason_of(said: str, name: str) -> str:
    """Return the reason that the report gives for a pickle."""
    lines = said.splitlines()
    return lines[lines.index(f"  .mimic_vault/{name}.pkl") + 1].strip()


@pytest.mark.promise("pytest-mimic import --load takes over vaults of 0.2")
def test_without_load_no_pickle_is_loaded_and_each_is_named(project, take_over):
    before = project.files()

    code, said = take_over()

    assert code == 1
    assert (
        reason_of(said, FETCH_EUR)
        == "its name is a hash of the call's arguments, and it holds only the result"
    )
    assert reason_of(said, RATES).startswith("it is the call shop:rates(), but a pickle can run code")
    assert said.splitlines()[-1] == "to record these calls: pytest --mimic-record"
    assert project.files() == before


@pytest.mark.promise("pytest-mimic import --load takes over vaults of 0.2")
def test_calls_without_arguments_are_carried_over_if_their_pickles_are_trusted(project, take_over):
    code, said = take_over("--load")

    assert code == 1
    assert said.splitlines()[0] == "imported 2 calls of 2 files into .mimic_vault"
    assert f"  .mimic_vault/{RATES}.pkl -> shop:rates()" in said.splitlines()
    assert reason_of(said, BASKET) == "its pickle imports shop:Rates, which --allow shop:Rates permits"
    project.replay("-k", "not basket").expect(passed=2, deselected=1, real=[])

    assert "-> shop:basket()" in take_over("--load", "--allow", "shop:Rates")[1]
    project.replay().expect(passed=3, real=[])


def test_only_calls_that_are_not_known_are_to_be_recorded_again(project, take_over):
    Path(project.vault, f"{FETCH_EUR}.pkl").unlink()

    code, said = take_over()

    assert code == 1
    assert "to record these calls" not in said


def test_a_pickle_that_runs_code_is_refused_even_with_load(project, take_over):
    class Attack:
        def __reduce__(self):
            return Path.touch, (project.root / "ran",)

    Path(project.vault, f"{RATES}.pkl").write_bytes(pickle.dumps(Attack()))
    Path(project.vault, f"{LATER}.pkl").write_bytes(b"\x80\x04garbage")

    code, said = take_over("--load")

    assert code == 1
    assert reason_of(said, RATES).startswith("its pickle imports pathlib:")
    assert reason_of(said, LATER).startswith("its pickle cannot be loaded (")
    assert not (project.root / "ran").exists()
    assert not [name for name in project.files() if name.startswith("calls/")]


def test_functions_that_have_changed_are_named(project, take_over):
    project.write(
        "shop.py",
        """
        def rates(base):
            return base

        later = len
        """,
    )
    project.ini("shop.rates", "shop.basket", "shop.later", "ends.early")
    project.write("ends.py", "import sys; sys.exit('the end')")
    Path(project.vault, f"{EARLY}.pkl").write_bytes(pickle.dumps(1))

    _, said = take_over("--load", "--allow", "shop:Rates")

    assert reason_of(said, RATES) == "shop:rates needs arguments now"
    assert reason_of(said, LATER) == "shop:later is not a plain function"
    assert reason_of(said, BASKET) == "shop:basket cannot be imported (AttributeError)"
    assert reason_of(said, EARLY) == "ends:early cannot be imported (SystemExit)"


def test_recordings_of_other_calls_of_the_function_stay(project, take_over):
    project.ini("shop.rates")
    project.write("shop.py", SHOP.replace("rates():", "rates(day=None):"))
    project.write("test_shop.py", "import shop\n\ndef test_rates():\n    assert shop.rates(1) is None\n")
    project.record().expect(passed=1)
    before = project.files()

    assert "-> shop:rates()" in take_over("--load", "--overwrite")[1]

    assert before.items() <= project.files().items()
    project.replay().expect(passed=1, real=[])
