"""The header and the section titled `mimic`."""

from __future__ import annotations

import os

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


@pytest.mark.promise("a header line names the mode and the vault")
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


GROWTH = [
    "# MB were added to .mimic_vault",
    "to keep large outcomes in a store: mimic_objects = s3://bucket/prefix",
    "to keep them in Git LFS: git lfs track '.mimic_vault/**/*.pkl'",
]


@pytest.mark.promise("a run that adds more than 10 MB to the vault names two remedies")
def test_a_vault_that_grows_much_names_the_remedies(shop):
    shop.record()
    noise = "return __import__('hashlib').shake_256(city.encode()).digest(11_000_000)"  # does not compress
    shop.write("shop.py", SHOP.replace('return {"city": city}', noise))
    shop.write("test_lima.py", "import shop\n\ndef test_it(): shop.fetch('Lima')\n")

    loud = shop.record("test_lima.py").expect(passed=1)
    shop.write("test_lima.py", "import shop\n\ndef test_it(): shop.fetch('Bern')\n")
    quiet = shop.record("-q", "test_lima.py").expect(passed=1)

    assert loud.section == [
        "1 call recorded in # s",
        "vault: .mimic_vault, 3 recordings, # MB (+# MB)",
        *GROWTH,
    ]
    assert quiet.section[:4] == ["1 call recorded in # s", *GROWTH]


@pytest.mark.promise("the mimic section shows the time that replaying saved")
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


def test_a_long_call_does_not_widen_the_column_for_others(shop):
    """Its middle is left out, because long calls often begin alike."""
    shop.write("test_shop.py", f"{TEST}\n    def test_long():\n        shop.fetch('{'Llanfair' * 9}Oslo')\n")

    run = shop.run().expect(failed=3)

    assert run.section[1:5] == [
        "missing:",
        "  shop:fetch(city='Oslo')    test_shop.py::test_oslo",
        "  shop:fetch(city='Rome')    test_shop.py::test_rome",
        "  shop:fetch(city='LlanfairLlanfairLlanfairL...anfairLlanfairLlanfairLlanfairLlanfairOslo')"
        "    test_shop.py::test_long",
    ]


HANDLED = """
    import pytest, shop
    from pytest_mimic import MissingRecordingError

    def test_oslo():
        for attempt in range(3):
            with pytest.raises(MissingRecordingError, match="Oslo"):
                shop.fetch("Oslo")
"""


@pytest.mark.promise("a miss that the test's own file handles is neither counted nor listed")
def test_a_handled_miss_is_neither_counted_nor_listed(shop):
    """Its command would record the call, and the test would fail from then on."""
    shop.write("test_shop.py", HANDLED)
    handled = shop.run().expect(passed=1)
    shop.write("test_shop.py", HANDLED + "\n        assert False\n")
    failed = shop.run().expect(failed=1)
    shop.write("test_shop.py", HANDLED + "\n        shop.fetch('Oslo')\n")
    missed = shop.run().expect(failed=1)

    assert (handled.section, failed.section) == ([], [])
    assert missed.section[:3] == [
        "1 call missing",
        "missing:",
        "  shop:fetch(city='Oslo')    test_shop.py::test_oslo",
    ]


@pytest.mark.promise("missing and unused recordings are listed, ten at most")
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


def test_one_missing_call_of_many_tests_is_one_row(shop):
    shop.tests(
        """
        import pytest, shop

        @pytest.mark.parametrize("number", range(12))
        def test_many(number):
            shop.fetch("Oslo")
        """,
    )

    assert len(shop.run("-k", "not 10 and not 11").expect(failed=10, deselected=2).section) == 13
    run = shop.run("-p", "no:randomly").expect(failed=12)

    assert run.section[1:] == [
        "missing:",
        "  shop:fetch(city='Oslo')    12 calls in 12 tests, such as test_shop.py::test_many[0]",
        "to record the missing: pytest --mimic-record test_shop.py",
    ]


SAFE = """
    import shop

    def safe(city):
        try:
            shop.fetch(city)
        except OSError:
            pass

    def again(city):
        try:
            shop.fetch(city)
        except OSError as error:
            raise error
"""


@pytest.mark.promise("recorded errors are listed with their test and the command that records it again")
def test_recorded_errors_that_the_test_does_not_handle_are_listed(shop):
    """The list is for those who have recorded one by mistake."""
    shop.write("shop.py", SHOP.replace("return", "raise OSError(city) #"))
    shop.write("safe.py", SAFE)
    shop.tests("""
        import pytest, shop, unittest
        from safe import again, safe

        def test_safe(): safe('Oslo')

        def test_function(): pytest.raises(OSError, shop.fetch, 'Rome')

        def test_block():
            with pytest.raises(OSError): shop.fetch('Bonn')

        def test_again():
            with pytest.raises(OSError): again('Bern')

        def test_unittest(): unittest.TestCase().assertRaises(OSError, shop.fetch, 'Lima')
    """)

    run = shop.record().expect(passed=5)

    assert run.section == [
        "5 calls recorded in # s",
        "vault: .mimic_vault, 5 recordings, # kB",
        "recorded errors:",
        "  shop:fetch(city='Oslo') raised OSError    test_shop.py::test_safe",
        "to record it again: pytest --mimic-rerecord test_shop.py::test_safe",
    ]


@pytest.mark.promise(
    "nothing is printed where nothing is mimicked and the vault is empty, unless an option asks"
)
@pytest.mark.parametrize("flag", ["-v", "-vv", "--mimic-record", "--mimic-verify", "--mimic-fail-on-unused"])
@pytest.mark.parametrize("has_file", [True, False])
def test_nothing_is_printed_without_targets_and_recordings(project, flag, has_file):
    project.ini()
    project.write("test_plain.py", "def test_plain(): pass\n")
    project.vault.mkdir()
    if not has_file:
        (project.root / "pytest.ini").unlink()

    run = project.run(flag).expect(passed=1)

    why = "pytest.ini has no mimic_functions" if has_file else "no ini file was found"
    said = f"nothing is mimicked: {why}, and no test names a target"
    assert (run.header, run.section) == (said if flag.startswith("--mimic") else "", [])


@pytest.mark.parametrize("flag", ["-p no:cacheprovider", "--mimic-record"])
def test_tests_pay_for_hooks_only_once_something_is_mimicked(project, flag):
    """With a marked test, from that one on."""
    project.write("shop.py", SHOP)
    project.write(
        "test_it.py",
        """
        import pytest, shop

        def hooks(config):
            names = ("setup", "teardown", "makereport")
            found = [impl for name in names for impl in getattr(config.hook, f"pytest_runtest_{name}").get_hookimpls()]
            found += config.hook.pytest_fixture_setup.get_hookimpls()
            return {impl.plugin_name for impl in found if impl.plugin_name.startswith("mimic")}

        def test_plain(pytestconfig, tmp_path):
            per_test = {"mimic-phases", "mimic-fixtures"}
            assert hooks(pytestconfig) == (per_test if pytestconfig.option.mimic_record else {"mimic-marked"})

        @pytest.mark.mimic("shop:fetch")
        def test_marked(pytestconfig):
            assert {"mimic-phases", "mimic-fixtures"} <= hooks(pytestconfig)
        """,
    )

    project.run(*flag.split()).expect(passed=2)


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


# -- errors at the end of a run


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize(
    "mode", [[], ["--mimic-record"], ["--mimic-verify"]], ids=["replay", "record", "verify"]
)
def test_an_unreadable_vault_is_reported_in_the_summary(shop, mode):
    shop.write("test_shop.py", "def test_plain(): pass\n")
    shop.vault.symlink_to(shop.vault)

    run = shop.run(*mode).expect(passed=1, exit_code=1, never=["Traceback", "INTERNALERROR"])

    assert run.section[0].startswith(f"cannot read {shop.vault}")


MARKED = {
    "a marker": "@pytest.mark.mimic('shop:fetch')\ndef test_it(): shop.fetch('Oslo')",
    "a decorator": "@mimic('shop:fetch')\ndef test_it(): shop.fetch('Oslo')",
    "a decorated class": "@mimic('shop:fetch')\nclass TestIt:\n    def test_it(self): shop.fetch('Oslo')",
    "a fixture": "def test_it(mimic_auto):\n    with mimic_auto(targets=['shop:fetch']): shop.fetch('Oslo')",
}


@pytest.mark.promise("a header line names the mode and the vault")
@pytest.mark.parametrize("test", MARKED.values(), ids=MARKED)
def test_a_run_whose_tests_name_the_targets_has_a_header(shop, test):
    """The configuration names no target, so the header does not count them."""
    shop.ini()
    shop.write("test_shop.py", f"import pytest, shop\nfrom pytest_mimic import mimic\n\n{test}\n")

    recorded = shop.record().expect(passed=1)
    replayed = shop.replay().expect(passed=1)

    assert recorded.header == "record into .mimic_vault"
    assert replayed.header == "replay from .mimic_vault"
    assert shop.run("-q", "--mimic-rerecord").header == ""
