"""Section 2: the ini options, in each file that pytest reads, and beside pytest's own options."""

from __future__ import annotations

import pytest
from support.recorded import calls_in

SHOP = """
    def fetch(city, member=None):
        ran("fetch", city)
        return {"city": city, "token": "given-by-the-function"}

    def pair(city):
        ran("pair", city)
        return (city, city)

    def address(city):
        ran("address", city)
        return lambda: city
"""
TARGETS = ["shop:fetch"]
TESTS = """
    def test_fetch():
        assert shop.fetch("Oslo", member="4711x")["city"] == "Oslo"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pytest.ini",
            "[pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n",
        ),
        (
            "tox.ini",
            "[pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n",
        ),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nmimic_functions = ["shop:fetch ignore=member"]\nmimic_vault_path = "recs"\n',
        ),
        (
            "setup.cfg",
            "[tool:pytest]\nmimic_functions =\n    shop:fetch\nmimic_vault_path = recs\n",
        ),
        pytest.param(
            "pytest.toml",
            '[pytest]\nmimic_functions = ["shop:fetch"]\nmimic_vault_path = "recs"\n',
            marks=pytest.mark.skipif(
                pytest.version_tuple < (9,), reason="pytest.toml came with pytest 9"
            ),
        ),
    ],
)
def test_every_file_that_pytest_reads_may_hold_the_options(shop, name, text):
    (shop.root / "pytest.ini").unlink()
    shop.write(name, text)

    shop.round_trip(passed=1, real=["fetch Oslo"])
    assert (shop.root / "recs").is_dir()


def test_the_vault_is_relative_to_the_rootdir(shop):
    shop.ini("shop:fetch", mimic_vault_path="data/recs", pythonpath=".")
    (shop.root / "sub").mkdir()

    with shop.monkeypatch.context() as patch:
        patch.chdir(shop.root / "sub")
        shop.record("../test_shop.py").expect(passed=1, real=["fetch Oslo"])

    assert (shop.root / "data/recs/calls").is_dir()


def test_the_option_overrides_the_ini_files_vault(shop):
    shop.ini("shop:fetch", mimic_vault_path="recs")
    shop.tests("""
        def test_fetch(mimic_vault_dir):
            shop.fetch("Oslo")
            assert mimic_vault_dir == pathlib.Path("other").absolute()
    """)

    shop.record("--mimic-vault=other").expect(passed=1)

    assert (shop.root / "other/calls").is_dir()
    assert not (shop.root / "recs").exists()


def test_a_recording_is_on_disk_as_soon_as_its_call_is_done(shop):
    shop.tests("""
        def test_fetch(mimic_vault_dir):
            shop.fetch("Oslo")
            [file] = mimic_vault_dir.glob("calls/**/*.json")
            assert '"value": {"city": "Oslo"' in file.read_text()
    """)

    shop.record().expect(passed=1)


def recorded(shop, *, vault):
    """Return the only call of a run that records into another vault."""
    shop.record(f"--mimic-vault={vault}").expect(passed=1)
    folder = shop.root / vault
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.json")
    }
    [call] = calls_in(files)
    return call


def test_secret_names_can_be_added_and_removed(shop):
    by_default = recorded(shop, vault="default")
    shop.ini("shop:fetch", mimic_redact=["member"])
    added = recorded(shop, vault="added")
    shop.ini(
        "shop:fetch", mimic_redact=["city, member  # as on cards", "!member !city"]
    )
    taken_out = recorded(shop, vault="out")
    shop.ini("shop:fetch", mimic_redact=["city, member  # as on cards"])
    several = recorded(shop, vault="several")

    assert by_default.arguments["member"] == taken_out.arguments["member"] == "4711x"
    assert "4711x" not in added.text
    assert "4711x" not in several.text
    assert added.value["token"] == "given-by-the-function"


@pytest.mark.parametrize("line", ["é!", "city, *", "!sha256:12"])
def test_a_name_that_would_hide_nothing_is_a_usage_error(shop, line):
    shop.ini("shop:fetch", mimic_redact=[line])

    run = shop.run()

    assert run.exit_code == 4
    assert "ERROR: mimic_redact: " in run.output


def test_only_readable_data_replays_if_pickles_are_forbidden(shop):
    """With tags, too."""
    shop.ini("shop:fetch", "shop:pair", "shop:address")
    pair = (
        "\n    def test_pair():\n        assert shop.pair('Oslo') == ('Oslo', 'Oslo')\n"
    )
    address = "\n    def test_address():\n        shop.address('Oslo')\n"
    shop.tests(TESTS + pair + address)
    recorded = shop.record().expect(passed=3)

    run = shop.replay("-o", "mimic_pickle=forbid")

    run.expect(
        passed=2,
        failed=1,
        real=[],
        says=[
            "mimic_pickle = forbid: the outcome objects/",
            "it is an outcome of shop:address",
            "to load it anyway: mimic_pickle = listed",
        ],
    )
    assert run.changed == set()
    assert sorted({name.rpartition(".")[2] for name in recorded.vault}) == [
        "json",
        "pkl",
    ]


def test_a_recording_run_makes_no_pickle_if_pickles_are_forbidden(shop):
    shop.ini("shop:fetch", "shop:address", mimic_pickle="forbid")
    shop.tests(TESTS + "\n    def test_address():\n        shop.address('Oslo')\n")

    run = shop.record().expect(
        passed=1,
        failed=1,
        real=["fetch Oslo", "address Oslo"],
        says=["what shop:address returned cannot be stored", "only a pickle keeps"],
    )

    assert [name for name in run.vault if not name.endswith(".json")] == []


def test_patterns_exclude_functions(shop):
    shop.ini('shop:* exclude="shop:p*"')
    shop.tests(TESTS + "\n    def test_pair():\n        shop.pair('Oslo')\n")
    shop.record().expect(passed=2, real=["fetch Oslo", "pair Oslo"])

    run = shop.run().expect(passed=2, real=["pair Oslo"])

    assert run.section == ["1 call replayed, # s saved"]


def test_strict_markers_and_strict_config_accept_the_plugin(shop):
    shop.ini(
        "shop:fetch",
        mimic_vault_path="recs",
        mimic_redact="city",
        mimic_source="ignore",
        mimic_pickle="forbid",
    )
    shop.tests("""
        @pytest.mark.mimic("shop:pair")
        class TestIt:
            @pytest.mark.mimic("shop:fetch")
            def test_it(self): shop.fetch("Oslo")
    """)

    shop.record("--strict-markers", "--strict-config").expect(
        passed=1, real=["fetch Oslo"]
    )
