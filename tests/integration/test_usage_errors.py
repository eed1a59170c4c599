"""Usage errors: one line each, exit code 4, no traceback."""

from __future__ import annotations

import sys

import pytest

from pytest_mimic._tools.cli.main import main
from pytest_mimic.plugin import GONE

SHOP = """
    from tally import ran

    LIMIT = 3

    class Client:
        def fetch(self, city):
            ran("Client.fetch", city)
            return {"city": city}

    def fetch(city):
        ran("fetch", city)
        return {"city": city}

    def fetch_all():
        return []
"""
TARGETS = ["shop:fetch"]
TESTS = """
    import shop

    def test_fetch():
        assert shop.fetch("Oslo") == {"city": "Oslo"}
"""
NO_TRACEBACK = ("Traceback (most recent call last)", "INTERNALERROR")


def usage_error(run, *lines):
    """Assert that a run ended before its tests, with these lines."""
    run.expect(exit_code=4, real=[], never=NO_TRACEBACK)
    found = [line.removeprefix("ERROR: ") for line in run.output.splitlines() if line.startswith("ERROR")]
    assert found == list(lines)


def wrong_lines(shop, messages):
    """Put the lines into pytest.ini, and return the lines of the errors."""
    shop.ini("shop:fetch_all", *messages)
    return [f"pytest.ini, mimic_functions line {at}: {text}" for at, text in enumerate(messages.values(), 2)]


@pytest.mark.promise("without the GIL, a run that would record is refused, and a replay is not")
def test_recording_needs_the_gil(shop, monkeypatch):
    shop.test("""
        with mimic_auto("trip", targets=["shop:fetch"]):
            shop.fetch("Oslo")
    """)
    no_gil = (
        "this Python runs without its GIL, and a recording with several threads may not end: set PYTHON_GIL=1"
    )

    def without_gil(*options):
        with monkeypatch.context() as patches:
            patches.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
            return shop.run(*options)

    for mode in ("record", "rerecord"):
        usage_error(without_gil(f"--mimic-{mode}"), f"--mimic-{mode}: {no_gil}")
    without_gil().expect(failed=1, real=[], says=[f"CassetteError: cassette trip is not recorded: {no_gil}"])
    shop.run().expect(passed=1, real=["fetch Oslo"])
    without_gil().expect(passed=1, real=[])


# -- lines of mimic_functions


UNREADABLE = {
    "requets": "requets is neither package.module:function nor a client (did you mean requests?)",
    "!": "! is not a target, write it as package.module:function",
    "''": "'' is not a target, write it as package.module:function",
    "shop:fetch =city": "shop:fetch: there is no option =city",
    "shop:fetch()": "shop:fetch() is not a target, write it as package.module:function",
    "http volatile=headrs.date": "http: volatile=headrs.date names no part of an outcome (did you mean headers?)",
    "httpx ignore=hosts": "httpx: ignore=hosts names no part of a call (did you mean host?)",
    "requests match=header.accept": "requests: match=header.accept names no part of a call (did you mean headers?)",
    "sqlalchemy ignore=sql.0": "sqlalchemy: ignore=sql.0 names no part of a call (it has statement, params, database)",
    "redis ignore=comand[2]": "redis: ignore=comand[2] names no part of a call (did you mean command?)",
    "httpx mutates=a": "httpx: mutates= is an option of a function",
    "httpx content=a": "httpx: content= is an option of a function",
    "shop:fetch content=a.b": "shop:fetch: content= takes names of arguments, not 'a.b'",
    "shop:fetch match=city": "shop:fetch: match= is an option of a client",
    "shop:fetch key=str": "shop:fetch: key= takes a function, so it works in Python only",
}


@pytest.mark.promise("key= replaces the arguments by the result of a function")
@pytest.mark.promise("a usage error is one line with the closest name, and exit code 4")
def test_unreadable_lines_end_the_run_at_its_start(shop):
    """All of them are named at once."""
    errors = wrong_lines(shop, UNREADABLE)

    run = shop.run()

    usage_error(run, *errors)
    assert "collected" not in run.output


@pytest.mark.promise("mimic_redact adds and removes secret names")
def test_a_redacted_name_that_cannot_match_is_a_usage_error(shop):
    """A name that redacts nothing would leak its values."""
    shop.ini("shop:fetch", mimic_redact=["customer, account  # names", "cust*", "!token 'pin'"])

    run = shop.run()

    rule = "is not a name, write it in letters, digits, - _ and ."
    usage_error(
        run,
        f"pytest.ini, mimic_redact line 2: cust* {rule}",
        f"pytest.ini, mimic_redact line 3: 'pin' {rule}",
    )


MISSING = {
    "sub.api": "sub:api is a module, name its functions: sub.api:*",
    "shop:fetsh": "shop:fetsh does not exist in shop (did you mean fetch?)",
    "shop.fetsh": "shop:fetsh does not exist in shop (did you mean fetch?)",
    "shop:Client.fetsh": "shop:Client.fetsh does not exist in shop.Client (did you mean fetch?)",
    "shop:Clent.fetch": "shop:Clent.fetch does not exist in shop (did you mean Client?)",
    "shop:Client": "shop:Client is a class, which cannot be mimicked, name its methods: shop:Client.*",
    "shop:LIMIT": "shop:LIMIT is not callable, it is an int",
    "shopp:fetch": "shopp:fetch does not exist: there is no module shopp (did you mean shop?)",
    "shop.py:fetch": "shop.py:fetch does not exist: there is no module shop.py (did you mean shop?)",
    "shop.api:fetch": "shop.api:fetch does not exist: there is no module shop.api",
}


@pytest.mark.promise("a usage error is one line with the closest name, and exit code 4")
def test_missing_targets_are_reported_after_collection(shop):
    shop.write("sub/__init__.py", "")
    shop.write("sub/api.py", "")
    shop.conftest("import sub\n")
    errors = wrong_lines(shop, MISSING)

    usage_error(shop.run(), *errors)


NO_ARGUMENT = {
    "shop:fetch ignore=citty": "shop:fetch: ignore=citty names no argument (did you mean city?)",
    "shop:fetch ignore=sent_at.day": "shop:fetch: ignore=sent_at.day names no argument (it has city)",
    "shop:fetch writes=paht": "shop:fetch: writes=paht names no argument (it has city)",
    "shop:fetch mutates=rows": "shop:fetch: mutates=rows names no argument (it has city)",
    "shop:fetch content=citty": "shop:fetch: content=citty names no argument (did you mean city?)",
    "shop:fetch ignore=*": "shop:fetch: ignore=* names no argument (it has city)",
    "shop:Client.fetch ignore=sef": "shop:Client.fetch: ignore=sef names no argument (did you mean self?)",
    "shop.Client.fetch ignore=sef": "shop:Client.fetch: ignore=sef names no argument (did you mean self?)",
}


@pytest.mark.promise("an option that names no argument of its function is a usage error")
def test_options_that_name_no_argument_are_usage_errors(shop):
    errors = wrong_lines(shop, NO_ARGUMENT)

    usage_error(shop.run(), *errors)
    usage_error(shop.run("--mimic-live"), *errors)


def test_any_argument_may_be_named_if_the_function_may_take_it(shop):
    shop.ini(
        "kinds:extra ignore=token",
        "kinds:decorated ignore=token",
        "kinds:* ignore=token",
        "math:log ignore=token",
    )
    shop.write(
        "kinds.py",
        """
        import functools

        def extra(**more): return 1

        def timed(function):
            @functools.wraps(function)
            def inner(*args, token=None, **more): return function(*args, **more)
            return inner

        @timed
        def decorated(n): return n

        def plain(n): return n

        def other(token): return token
        """,
    )
    shop.write(
        "test_parameters.py",
        """
        import kinds, math, pytest
        from pytest_mimic import TargetError, mimic

        @pytest.mark.mimic("kinds:plain", "kinds:other", ignore="token")
        def test_it(mimic_auto):
            with mimic("kinds:plain", "kinds:other", ignore="token"):
                assert kinds.decorated(1, token="a") == 1
            with mimic_auto(targets=["kinds:plain", "requests"], ignore="token"):
                pass

        def test_one():
            with pytest.raises(TargetError, match="kinds:plain: ignore=token names no argument"):
                mimic("kinds:plain", ignore="token").__enter__()
            with pytest.raises(TargetError, match="mutates=token names no argument"):
                mimic("kinds:other mutates=token", "kinds:plain mutates=token").__enter__()
        """,
    )

    shop.record().expect(passed=3)


def test_live_checks_targets_like_other_modes(shop):
    shop.write(
        "test_other.py",
        """
        import sys
        import pytest, shop
        from pytest_mimic import TargetError, mimic

        def test_block():
            with pytest.raises(TargetError, match=r"shop:fetsh does not exist in shop \\(did you mean fetch\\?\\)"):
                with mimic("shop:fetsh"):
                    pass

        @pytest.mark.mimic("shop:fetsh")
        def test_marker(): pass

        def test_nothing_is_replaced():
            with mimic("shop:fetch"):
                assert not hasattr(shop.fetch, "__wrapped__")

        def test_late():
            with mimic("late:fetsh"):
                import late
        """,
    )
    shop.write("late.py", "def fetch(): return 1\n")

    run = shop.run("--mimic-live").expect(passed=3, errors=1, failed=1, real=["fetch Oslo"])

    assert run.output.count("TargetError: shop:fetsh does not exist in shop (did you mean fetch?)") > 0
    assert "TargetError: late:fetsh does not exist in late (did you mean fetch?)" in run.output
    shop.ini("shop:fetsh")
    usage_error(
        shop.run("--mimic-live"),
        "pytest.ini, mimic_functions line 1: shop:fetsh does not exist in shop (did you mean fetch?)",
    )


@pytest.mark.promise("a missing module is reported after a full collection, without importing it")
def test_a_module_is_checked_on_a_full_selection_only(shop):
    """A part of the tests may not have put it on the path yet: it is only named then."""
    shop.ini("shop:fetch", "shopp.deep:fetch", "shopp.deep:fetch_all")
    shop.write("test_other.py", "def test_other(): pass")
    note = "\npytest.ini, mimic_functions line 2: shopp.deep:fetch was not mimicked, as no module shopp.deep was found (did you mean shop?)\n"

    for words in ((), ("-q",), ("-qq",), ("-k", "fetch")):
        run = shop.record("test_shop.py", *words)
        assert (run.exit_code, run.output.count("was not mimicked"), note in run.output) == (0, 1, True)
    shop.replay("test_shop.py", "--collect-only").expect(exit_code=0, never=["was not mimicked"])
    usage_error(
        shop.replay(),
        *(
            f"pytest.ini, mimic_functions line {at}: shopp.deep:{name} does not exist: there is no module shopp.deep (did you mean shop?)"
            for at, name in ((2, "fetch"), (3, "fetch_all"))
        ),
    )


def test_a_module_that_is_not_found_is_named_once_by_all_workers(shop):
    pytest.importorskip("xdist")
    shop.ini("shopp:fetch")
    shop.write("test_other.py", "def test_other(): pass")

    run = shop.record("test_shop.py", "-n2").expect(passed=1)

    assert run.output.count("shopp:fetch was not mimicked, as no module shopp was found") == 1


def test_a_module_beside_the_tests_that_are_left_out_is_not_named(shop):
    """pytest puts the folder of a test on the path, above the packages that it is in."""
    shop.ini("shop:fetch", "helpers.api:fetch", "deep.answers:fetch")
    shop.write("other/test_other.py", "def test_other(): pass")
    shop.write("other/helpers/__init__.py", "")
    shop.write("other/helpers/api.py", "def fetch(): pass")
    shop.write("other/deep/__init__.py", "")
    shop.write("other/deep/test_deep.py", "def test_deep(): pass")
    shop.write("other/deep/answers/__init__.py", "def fetch(): pass")

    shop.record("test_shop.py").expect(passed=1, never=["was not mimicked"])
    shop.replay().expect(passed=3)


@pytest.mark.promise("a missing module is reported after a full collection, without importing it")
def test_a_module_put_on_the_path_by_collection_exists(shop):
    shop.ini("later.deep.api:fetch", "shop:fetch")
    shop.write("lib/later/__init__.py", "raise OSError('imported')")
    shop.write("lib/later/deep/__init__.py", "raise OSError('imported')")
    shop.write("lib/later/deep/api.py", "def fetch(): pass")
    shop.conftest("import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent / 'lib'))\n")

    shop.record().expect(passed=1, real=["fetch Oslo"])


@pytest.mark.promise("a missing function is reported when its module is imported")
def test_a_missing_function_fails_the_test_that_imports_it(shop):
    shop.ini("shop:fetsh", "other:fetch")
    shop.write("other.py", "def fetch(): return 1")
    shop.tests("def test_shop(): import shop\n\ndef test_other(): import other; other.fetch()\n")

    run = shop.record()

    run.expect(
        passed=1,
        failed=1,
        says=[
            "TargetError",
            "pytest.ini, mimic_functions line 1: shop:fetsh does not exist in shop (did you mean fetch?)",
        ],
        never=NO_TRACEBACK,
    )


def test_every_missing_function_is_reported(shop):
    """An error that a test has handled must not hide a later one with the same id()."""
    shop.ini()
    for number in range(8):
        shop.write(f"late{number}.py", "def fetch(): pass")
    shop.tests("""
        import importlib
        import pytest
        from pytest_mimic import TargetError, mimic

        @pytest.mark.parametrize("number", range(40))
        def test_handled(number):
            with pytest.raises(TargetError, match="fetsh does not exist in importlib"), mimic("importlib:fetsh"):
                pass

        @pytest.mark.parametrize("number", range(8))
        def test_late(number):
            with mimic(f"late{number}:fetsh"):
                importlib.import_module(f"late{number}")
    """)

    # In this process, what the handled errors hold would be sought in the classes of all the libraries.
    shop.run(process=True).expect(passed=40, failed=8)


@pytest.mark.promise("a missing function is reported when its module is imported")
def test_a_marker_with_a_missing_target_fails_its_test(shop):
    shop.ini()
    shop.tests("""
        import pytest, shop

        @pytest.mark.mimic("shop:fetsh")
        def test_function(): pass

        @pytest.mark.mimic("shopp:fetch")
        def test_module(): pass

        @pytest.mark.mimic("shop:fetch", sequense=True)
        def test_option(): pass

        def test_plain(): pass
    """)

    run = shop.run()

    run.expect(
        passed=1,
        errors=3,
        says=[
            "E   pytest_mimic.TargetError: shop:fetsh does not exist in shop (did you mean fetch?)",
            "      in a marker of test_shop.py:3",
            "E   pytest_mimic.TargetError: shopp:fetch does not exist: there is no module shopp (did you mean shop?)",
            "E   pytest_mimic.TargetError: shop:fetch: there is no option sequense (did you mean sequence?)",
        ],
        never=["KeyError", *NO_TRACEBACK],
    )


# -- options


NO_URL = (
    "a vault is a folder, and this is a URL; "
    "to keep large outcomes in a store: mimic_objects = s3://bucket/prefix"
)
NO_CACHE = "mimic_cache_size is gone: delete the line, because mimic_objects, which replaces the remote vault, needs no cache"


@pytest.mark.promise("a URL as the vault is a usage error that names mimic_objects and shows no credentials")
@pytest.mark.promise("a name that is gone is a usage error that names what replaces it")
@pytest.mark.promise("a wrong value of an option is a usage error")
@pytest.mark.parametrize("targets", [["shop:fetch"], []], ids=["mimicked", "nothing mimicked"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mimic_source", "strickt", "mimic_source = strickt: it takes strict, warn or ignore"),
        ("mimic_pickle", "all", "mimic_pickle = all: it takes listed or forbid"),
        ("mimic_cache_size", "2 GB", NO_CACHE),
        *(
            ("mimic_vault_path", url, f"mimic_vault_path: {NO_URL}")
            for url in ("s3://me:hunter2@bucket/x", "file:///mnt/x", "S3:/bucket/x", "ftp://x")
        ),
    ],
)
def test_a_wrong_value_is_a_usage_error(shop, targets, name, value, message):
    by_option = shop.run("-o", f"{name}={value}")
    shop.ini(*targets, **{name: value})

    for run in (by_option, shop.run()):
        usage_error(run, message)
        assert "hunter2" not in run.output


@pytest.mark.promise("a wrong value of an option is a usage error")
def test_a_wrong_value_of_a_switch_or_the_option_of_the_vault_is_a_usage_error(shop, capsys):
    usage_error(shop.run("--mimic-vault=s3://bucket/x"), f"--mimic-vault: {NO_URL}")
    shop.ini("shop:fetch", mimic_store_arguments="perhaps")
    usage_error(shop.run(), "mimic_store_arguments = perhaps: it takes true or false")
    assert main(["ls"]) == 2
    assert "mimic_store_arguments = perhaps: it takes true or false" in capsys.readouterr().err


# -- the hook


@pytest.mark.promise("the hook pytest_mimic_targets adds targets, and is harmless without the plugin")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("'shop:fetch'", "'shop:fetch' is not a list of Target"),
        ("Target('shop:fetch')", "Target(module='shop', path=('fetch',), excluded=False, options="),
        ("[42]", "42 is not a function with an importable name, give it as 'package.module:name'"),
        (
            "[Target('shop:fetch', sequense=True)]",
            "shop:fetch: there is no option sequense (did you mean sequence?)",
        ),
        ("['shop']", "shop is neither package.module:function nor a client"),
        ("[Target('shop.fetch(')]", "shop.fetch( is not a target"),
        ("[Target('shop:fetsh')]", "shop:fetsh does not exist in shop (did you mean fetch?)"),
        ("config.nothing", "AttributeError: 'Config' object has no"),
    ],
)
def test_a_hook_that_returns_something_else_is_a_usage_error(shop, given, message):
    shop.ini()
    shop.conftest(
        f"from pytest_mimic import Target\n\ndef pytest_mimic_targets(config):\n    return {given}\n"
    )

    run = shop.run()

    run.expect(
        exit_code=4, real=[], never=NO_TRACEBACK, says=["ERROR: conftest.py, pytest_mimic_targets", message]
    )


# -- beside pytest's own options


def test_collect_only_judges_and_writes_nothing(shop):
    run = shop.run("--collect-only", "-q", "--mimic-record").expect(
        exit_code=0, real=[], says=["test_shop.py::test_fetch"]
    )

    assert run.vault == {}


def test_markers_fixtures_and_help_describe_the_plugin(shop):
    shop.run("--markers").expect(
        says=["@pytest.mark.mimic(*targets, **options): replay the recorded calls of these targets"]
    )
    shop.run("--fixtures").expect(
        says=[
            "mimic_vault_dir [session scope]",
            "mimic_mode [session scope]",
            "    The folder of the recordings",
            "    Record a cassette in a block.",
            "    Replay a cassette in a block.",
            "    Record a cassette in a block if it does not exist, else replay it",
        ]
    )
    shop.run("--help").expect(
        says=["recorded calls (pytest-mimic):", "--mimic-fail-on-unused", "mimic_functions (linelist):"]
    )


@pytest.mark.promise("options are read from every configuration file that pytest reads")
def test_strict_markers_and_strict_config_accept_the_plugin(shop):
    shop.ini(
        "shop:fetch",
        mimic_vault_path="recs",
        mimic_redact="city",
        mimic_store_arguments="false",
        mimic_source="warn",
        mimic_pickle="forbid",
    )
    shop.tests("""
        import pytest, shop
        pytestmark = pytest.mark.mimic("shop:fetch_all")

        @pytest.mark.mimic("shop:Client.fetch")
        class TestIt:
            @pytest.mark.mimic("shop:fetch")
            def test_it(self): shop.fetch("Oslo")
    """)

    shop.record("--strict-markers", "--strict-config").expect(passed=1, real=["fetch Oslo"])


def test_a_call_at_import_is_replayed_by_collect_only(shop):
    shop.tests("import shop\nGOT = shop.fetch('Oslo')\n\ndef test_it(): assert GOT\n")
    shop.record("--collect-only").expect(exit_code=0, real=["fetch Oslo"])

    shop.replay("--collect-only").expect(exit_code=0, real=[])
    shop.replay().expect(passed=1, real=[])


@pytest.mark.parametrize("options", [(), ("--mimic-record",)])
def test_a_vault_that_is_a_link_to_nothing_is_a_usage_error(shop, options):
    """A call would be made before its recording cannot be written."""
    link = shop.root / "linked"
    link.symlink_to("gone")

    run = shop.run("--mimic-vault=linked", *options)

    usage_error(
        run,
        f"the vault linked is not a folder: {link} is a link to {(shop.root / 'gone').resolve()}, which is missing",
    )


@pytest.mark.parametrize("options", [(), ("--mimic-record",)])
@pytest.mark.parametrize("place", ["", "/inner/vault"])
def test_a_vault_that_is_a_file_is_a_usage_error(shop, place, options):
    file = shop.write("vault.txt", "a file")

    run = shop.run(f"--mimic-vault=vault.txt{place}", *options)

    usage_error(run, f"the vault vault.txt{place} is not a folder: {file} is a file")
    assert file.read_text() == "a file"


def test_a_missing_target_is_reported_by_collect_only_with_xdist(shop):
    """xdist starts no workers then."""
    pytest.importorskip("xdist")
    shop.ini("shop:fetsh")

    run = shop.run("--collect-only", "-n2", process=True)

    run.expect(exit_code=4, says=["shop:fetsh does not exist in shop (did you mean fetch?)"])


# -- names that are gone

# pytest 7.4 warns of an error at this point, also of its own for an unknown option.
of_old_pytest = pytest.mark.filterwarnings(
    "ignore:A plugin raised an exception during an old-style hookwrapper"
)


@of_old_pytest
@pytest.mark.promise("a name that is gone is a usage error that names what replaces it")
@pytest.mark.parametrize(
    ("args", "env", "instead"),
    [
        (["--mimic-block-network"], {}, "-o mimic_network=block"),
        (["--mimic-block-network=yes", "test_shop.py"], {}, "-o mimic_network=block"),
        ([], {"PYTEST_ADDOPTS": "--mimic-block-network"}, "-o mimic_network=block"),
        (["-o", "addopts=--mimic-block-network"], {}, "-o mimic_network=block"),
        (["--mimic-verify", "--mimic-drift=drift.json"], {}, "--mimic-verify --mimic-review"),
        (["--mimic-drift", "drift.json"], {}, "--mimic-verify --mimic-review"),
    ],
)
def test_an_option_that_is_gone_is_named_with_its_replacement(shop, args, env, instead):
    run = shop.run(*args, env=env)

    assert (run.exit_code, f" is gone: write {instead}\n" in run.output) == (4, True)


@of_old_pytest
@pytest.mark.promise("a name that is gone is a usage error that names what replaces it")
@pytest.mark.parametrize(
    ("ini", "args"),
    [
        ({"mimic_old": "1"}, []),
        ({"mimic_old": "1", "addopts": "--strict-config"}, []),
        ({}, ["-o", "mimic_old=1"]),
        ({}, ["--override-ini=mimic_old=1"]),
    ],
)
def test_an_ini_key_that_is_gone_is_no_mere_warning(shop, monkeypatch, ini, args):
    monkeypatch.setitem(GONE, "mimic_old", "mimic_new needs none")
    shop.ini("shop:fetch", **ini)

    usage_error(shop.run(*args), "mimic_old is gone: mimic_new needs none")


@of_old_pytest
def test_all_names_that_are_gone_are_named_and_only_these(shop, monkeypatch):
    monkeypatch.setitem(GONE, "mimic_old", "mimic_new needs none")
    shop.ini("shop:fetch", mimic_old="1")
    shop.write("mimic_old/test_it.py", "def test_it(): pass\n")

    run = shop.run("--mimic-block-network").expect(exit_code=4, real=[])

    assert [line for line in run.output.splitlines() if " is gone: " in line] == [
        "ERROR: --mimic-block-network is gone: write -o mimic_network=block",
        "ERROR: mimic_old is gone: mimic_new needs none",
    ]
    shop.ini("shop:fetch")
    shop.run("mimic_old").expect(passed=1)


@pytest.mark.promise("a wrong value of an option is a usage error")
@pytest.mark.parametrize(
    "option",
    [
        "--mimic-vault=/",
        "--mimic-vault=~",
        "--mimic-vault=~/.",
        "mimic_vault_path=~",
        "--mimic-vault=.",
        "mimic_vault_path=.",
    ],
)
def test_a_vault_at_the_root_in_the_home_folder_or_in_the_rootdir_is_refused(shop, option):
    """Commands on it would walk through everything there, and delete what they take for leftovers."""
    home = shop.root / "home"
    home.mkdir()
    arguments = ["-o", option] if option[0] != "-" else [option]

    run = shop.run(*arguments, env={"HOME": str(home), "USERPROFILE": str(home)})

    place = {"=/": "/", "=.": str(shop.root)}.get(option[-2:], str(home))
    where = "mimic_vault_path" if "path" in option else "--mimic-vault"
    usage_error(run, f"{where}: a vault is a folder of its own, such as .mimic_vault, and this is {place}")
    assert list(home.iterdir()) == []
