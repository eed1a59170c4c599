"""The header and the section titled `mimic`."""

from __future__ import annotations

import pytest

SHOP = """
    from tally import ran

    def fetch(city):
        ran("fetch", city)
        return {"city": city}
"""
TEST = """
    import shop

    def test_oslo():
        assert shop.fetch("Oslo") == {"city": "Oslo"}

    def test_rome():
        assert shop.fetch("Rome") == {"city": "Rome"}
"""


@pytest.fixture
def shop(project):
    """`shop.fetch` is mimicked, and two tests call it."""
    project.ini("shop:fetch")
    project.write("shop.py", SHOP)
    project.write("test_shop.py", TEST)
    return project


def test_the_header_names_a_vault_elsewhere(shop, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    inside = shop.record("--mimic-vault=data/recs").expect(passed=2)
    outside = shop.record(f"--mimic-vault={elsewhere}").expect(passed=2)

    assert inside.header == "record into data/recs (1 target)"
    assert outside.header == f"record into {elsewhere} (1 target)"
    assert (shop.root / "data/recs/calls").is_dir()


def test_a_debugger_begins_at_the_call_that_missed(shop):
    """`--pdb` opens at the end of the traceback."""
    shop.conftest("""
        def pytest_exception_interact(call):
            trace = call.excinfo.value.__traceback__
            while trace.tb_next:
                trace = trace.tb_next
            print("ends in", trace.tb_frame.f_code.co_name)
    """)
    shop.write(
        "test_shop.py",
        "import shop\n\ndef test_miss(): shop.fetch('Oslo')\n\ndef test_own(): assert shop.SHOP\n",
    )

    run = shop.run("-s").expect(failed=2)

    assert [line.split()[-1] for line in run.output.splitlines() if "ends in" in line] == [
        "test_miss",
        "test_own",
    ]


def test_the_time_saved_is_that_of_the_real_calls(shop):
    shop.record()
    for path in shop.vault.rglob("*.json"):
        path.write_text(re_duration(path.read_text()))

    run = shop.replay().expect(passed=2, says=["2 calls replayed, 42.0 s saved"])

    assert run.changed == set()


def re_duration(text):
    """Return the recording as if its call had taken 21 seconds."""
    before, _, after = text.partition('"duration": ')
    return f'{before}"duration": 21.0,{after.partition(",")[2]}'


HANDLED = """
    import pytest, shop
    from pytest_mimic import MissingRecordingError

    def test_oslo():
        for attempt in range(3):
            with pytest.raises(MissingRecordingError, match="Oslo"):
                shop.fetch("Oslo")
"""


def test_a_handled_miss_is_listed(shop):
    shop.write("test_shop.py", HANDLED)

    run = shop.run().expect(passed=1)

    assert run.section[:3] == [
        "1 call missing",
        "missing:",
        "  shop:fetch(city='Oslo')    test_shop.py::test_oslo",
    ]


def test_at_most_ten_missing_calls_are_listed(shop):
    shop.write(
        "test_shop.py",
        """
        import pytest, shop

        @pytest.mark.parametrize("number", range(12))
        def test_many(number):
            shop.fetch(f"city {number}")
        """,
    )

    run = shop.run().expect(failed=12)

    assert run.section[0] == "12 calls missing"
    assert run.section[-3:] == [
        "  shop:fetch(city='city 9')    test_shop.py::test_many[9]",
        "  and 2 more",
        "to record the missing: pytest --mimic-record test_shop.py",
    ]


SAFE = """
    import shop

    def safe(city):
        try:
            shop.fetch(city)
        except OSError:
            pass
"""


def test_recorded_errors_are_listed(shop):
    """The list is for those who have recorded one by mistake."""
    shop.write("shop.py", SHOP.replace("return", "raise OSError(city) #"))
    shop.write("safe.py", SAFE)
    shop.tests("""
        import pytest, shop
        from safe import safe

        def test_safe(): safe('Oslo')

        def test_block():
            with pytest.raises(OSError): shop.fetch('Bonn')
    """)

    run = shop.record().expect(passed=2)

    assert run.section == [
        "2 calls recorded in # s",
        "vault: .mimic_vault, 2 recordings, # B",
        "recorded errors:",
        "  shop:fetch(city='Oslo') raised OSError    test_shop.py::test_safe",
        "  shop:fetch(city='Bonn') raised OSError    test_shop.py::test_block",
        "to record them again: pytest --mimic-rerecord test_shop.py::test_safe test_shop.py::test_block",
    ]


@pytest.mark.parametrize("flag", ["-v", "-vv", "--mimic-record", "--mimic-verify", "--mimic-fail-on-unused"])
@pytest.mark.parametrize("has_file", [True, False])
def test_nothing_is_printed_without_targets_and_recordings(project, flag, has_file):
    project.ini()
    project.write("test_plain.py", "def test_plain(): pass\n")
    project.vault.mkdir()
    if not has_file:
        (project.root / "pytest.ini").unlink()

    run = project.run(flag).expect(passed=1)

    assert run.header == ""
    assert run.section == (["nothing is mimicked"] if flag.startswith("--mimic") else [])


def test_a_target_that_no_test_calls_prints_only_a_header(project):
    project.ini("shop:fetch")
    project.write("shop.py", SHOP)
    project.write("test_plain.py", "def test_plain(): pass\n")

    run = project.run("-k", "plain").expect(passed=1)

    assert (run.header, run.section) == ("replay from .mimic_vault (1 target)", [])


def test_no_header_hides_the_plugins_header(shop):
    run = shop.record("--no-header").expect(passed=2)

    assert (run.header, run.section[0]) == ("", "2 calls recorded in # s")


def test_an_ascii_terminal_gets_escaped_arguments(shop):
    """The plugin itself prints ASCII only."""
    shop.write("test_shop.py", "import shop\n\ndef test_it(): shop.fetch('Troms\\xf8')\n")
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    missing = shop.run(process=True, env=ascii_only).expect(failed=1)
    recorded = shop.record(process=True, env=ascii_only).expect(passed=1)

    assert missing.section[2] == r"  shop:fetch(city='Troms\xf8')    test_shop.py::test_it"
    assert recorded.section[0] == "1 call recorded in # s"
    assert missing.output.isascii()


def test_a_miss_at_import_fails_the_run(shop):
    """No test can fail for it if the code swallowed it."""
    shop.write(
        "test_shop.py",
        "import shop\ntry:\n    shop.fetch('Oslo')\nexcept Exception:\n    pass\n" + "def test_it(): pass\n",
    )

    run = shop.run().expect(passed=1, exit_code=1)

    assert run.section == [
        "1 call missing",
        "missing:",
        "  shop:fetch(city='Oslo')",
        "to record the missing: pytest --mimic-record",
    ]


def test_a_run_with_recordings_has_a_header(shop):
    """The configuration names no target, so the header does not count them."""
    shop.ini()
    shop.tests("import pytest, shop\n\n@pytest.mark.mimic('shop:fetch')\ndef test_it(): shop.fetch('Oslo')\n")

    shop.record().expect(passed=1)
    replayed = shop.replay().expect(passed=1)

    assert replayed.header == "replay from .mimic_vault"
    assert shop.run("-q", "--mimic-rerecord").header == ""
