"""The whole output of a run of each kind, and of each subcommand, as files in tests/golden.

`MIMIC_GOLDEN=update pytest tests/integration/test_golden_output.py` writes the files
again; read what has changed.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.git import git

INPUTS = "warn"

if TYPE_CHECKING:
    from conftest import Project

GOLDEN = Path(__file__).parents[1] / "golden"
CASSETTE = Path(__file__).parents[1] / "vcr_cassettes" / "plain.json"
# The files have the words of argparse and of pytest, too.
pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or pytest.version_tuple[0] != 9,
    reason="needs Python 3.11 and pytest 9",
)

FILES = {
    "pytest.ini": """
        [pytest]
        pythonpath = .
        testpaths = tests
        mimic_functions =
            shop:rates
            shop:user
        """,
    "all.ini": """
        [pytest]
        pythonpath = .
        testpaths = tests
        mimic_functions =
            shop:*
            !shop:version
        """,
    "plain.ini": "[pytest]\n",
    "shop.py": """
        import os, threading

        class NoRatesError(Exception):
            pass

        class Odd:
            '''An object that only a pickle keeps.'''
            def __init__(self, n):
                self.n = n
            def __reduce__(self):
                return Odd, (self.n,)

        def version():
            return os.environ.get("VERSION", "1")

        def rates(base, day, password=None):
            if base == "XXX":
                raise NoRatesError(f"no rates for {base}")
            return {"base": base, "USD": 1.07, "CHF": 0.93, "token": "s3cret", "lines": [{"id": 1}]}

        def user(name):
            return Odd(name)

        def words(text):
            yield from text.split()

        def take(session):
            return 1

        def report(n):
            return {"rows": [n, threading.Lock()]}

        def fit(rows):
            rows[0]["seen"] = True
            return len(rows)
        """,
    "tests/test_rates.py": """
        import pytest, shop

        def test_euro():
            assert shop.rates("EUR", "2024-05-01", password="hush")["USD"] > 1

        @pytest.mark.parametrize("base", ["CHF", "GBP"])
        def test_others(base):
            assert shop.rates(base, "2024-05-02")["base"] == base

        def test_unknown():
            with pytest.raises(shop.NoRatesError):
                shop.rates("XXX", "2024-05-01")

        def test_user():
            assert shop.user("Ann").n == "Ann"
        """,
    "tests/test_plain.py": "def test_plain(): pass\n",
    "tests/test_words.py": """
        import shop

        def test_words():
            assert list(shop.words("pen ink paper")) == ["pen", "ink", "paper"]
        """,
    "tests/test_caught.py": """
        import shop
        from helper import safe

        def test_swallowed():
            assert safe() is None
        """,
    "helper.py": """
        import shop

        def safe():
            try:
                return shop.rates("SEK", "2024-05-01")
            except Exception:
                return None
        """,
    "tests/test_handled.py": """
        import pytest, shop
        from pytest_mimic import MissingRecordingError

        def test_handled():
            with pytest.raises(MissingRecordingError):
                shop.rates("SEK", "2024-05-01")
        """,
    "tests/test_unstable.py": """
        import shop, threading

        class Session:
            def __init__(self):
                self.pool = {"lock": threading.Lock()}

        def test_unstable():
            shop.take(Session())
        """,
    "tests/test_unstorable.py": "import shop\n\ndef test_unstorable():\n    shop.report(3)\n",
    "tests/test_mutated.py": "import shop\n\ndef test_mutated():\n    shop.fit([{'seen': False}])\n",
    "tests/test_cassette.py": """
        import shop

        def test_cassette(mimic_auto):
            with mimic_auto("shopping", targets=["shop:rates", "shop:user"]):
                assert shop.rates("SEK", "2024-05-03")["CHF"] < 1
                shop.user("Cid")
        """,
    "tests/test_strict.py": """
        import shop

        def test_strict(mimic_replay):
            with mimic_replay("shopping", strict=True):
                shop.user("Cid")
        """,
}

# Each case: lines of commands. The output of those with `$` is in the golden file.
# `write NAME AS` writes a file of FILES; `edit FILE OLD NEW` replaces all of a text.
RECORDED = "pytest --mimic-record\n"
CASES = {
    "run_nothing_mimicked": "write plain.ini pytest.ini\nwrite tests/test_plain.py tests/test_rates.py\n$ pytest\n$ pytest --mimic-record\n$ pytest -q --mimic-record\n$ pytest -v --mimic-fail-on-unused",
    "run_first_cassette": "write plain.ini pytest.ini\nwrite tests/test_cassette.py test_cassette.py\n$ pytest test_cassette.py",
    "run_record": "$ pytest --mimic-record\n$ pytest --mimic-record",
    "run_replay": f"{RECORDED}$ pytest\n$ pytest tests/test_rates.py::test_user",
    "run_quiet": "$ pytest -q --mimic-record\n$ pytest -q\nedit tests/test_rates.py EUR USD\n$ pytest -q",
    "run_verbose": "$ pytest -v --mimic-record\n$ pytest -v\n$ pytest -vv",
    "run_rerecord": f"{RECORDED}$ pytest --mimic-rerecord\nedit shop.py 1.07 1.08\n$ pytest --mimic-rerecord",
    "run_verify": f"{RECORDED}$ pytest --mimic-verify",
    "run_drift": f"{RECORDED}edit shop.py 1.07 1.08\n$ pytest --mimic-verify\n$ pytest -q --mimic-verify",
    "run_live": f"{RECORDED}$ pytest --mimic-live",
    "run_no_record": "write tests/test_cassette.py\n$ pytest --mimic-no-record tests/test_cassette.py",
    "run_miss": f"""$ pytest
        {RECORDED}
        edit tests/test_rates.py 2024-05-01 2024-05-09
        $ pytest""",
    "run_swallowed_miss": "write helper.py\nwrite tests/test_caught.py\n$ pytest tests/test_caught.py",
    "run_handled_miss": "write tests/test_handled.py\n$ pytest tests/test_handled.py",
    "run_stale": f"{RECORDED}edit shop.py 'return Odd' 'return  1 and Odd'\n$ pytest\n$ pytest --mimic-record",
    "run_unstable_identity": "write all.ini pytest.ini\nwrite tests/test_unstable.py\n$ pytest --mimic-record tests/test_unstable.py",
    "run_unstorable": "write all.ini pytest.ini\nwrite tests/test_unstorable.py\n$ pytest --mimic-record tests/test_unstorable.py",
    "run_mutated": "write all.ini pytest.ini\nwrite tests/test_mutated.py\n$ pytest --mimic-record tests/test_mutated.py",
    "run_corrupt": f"{RECORDED}damage\n$ pytest",
    "run_unused": f"""{RECORDED}edit tests/test_rates.py GBP EUR
        edit tests/test_rates.py '"Ann"' '"Eve"'
        pytest --mimic-record
        $ pytest --mimic-fail-on-unused
        $ pytest --mimic-fail-on-unused -k euro
        $ pytest --mimic-clear-unused
        $ pytest --mimic-clear-unused""",
    "run_moved_test": f"""edit pytest.ini shop:rates 'shop:rates sequence'
        {RECORDED}
        edit tests/test_rates.py test_euro test_dollar
        $ pytest
        $ pytest-mimic mv tests/test_rates.py::test_euro tests/test_rates.py::test_dollar
        $ pytest""",
    "run_usage_errors": """$ pytest --mimic-record --mimic-verify
        $ pytest --mimic-rerecord --mimic-no-record
        $ pytest --mimic-vault=s3:/bucket
        $ pytest -o mimic_source=never
        $ pytest -o mimic_functions=shop:rate
        $ pytest -o mimic_functions=shopp:rates
        $ pytest -o mimic_functions=shop:
        $ pytest -o mimic_functions=requestz
        $ pytest -o 'mimic_functions=shop:rates ignor=day'
        $ pytest -o 'mimic_functions=shop:rates ignore=date'
        $ pytest -o 'mimic_functions=shop:rates mutates=day,dat'""",
    "run_cassette": """write tests/test_cassette.py
        $ pytest tests/test_cassette.py
        $ pytest -v tests/test_cassette.py
        edit tests/test_cassette.py SEK NOK
        $ pytest tests/test_cassette.py
        write tests/test_strict.py
        $ pytest tests/test_strict.py""",
    "run_xdist": "$ pytest -n2 --mimic-record\nedit tests/test_rates.py EUR USD\n$ pytest -n2 --mimic-fail-on-unused",
    "run_failing_test": f"{RECORDED}edit tests/test_rates.py '> 1' '> 2'\n$ pytest\n$ pytest --mimic-rerecord",
    "run_report": f"{RECORDED}$ pytest --mimic-report=page.html",
    "cli": "$ pytest-mimic\n$ pytest-mimic --help\n$ pytest-mimic mv --help\n$ pytest-mimic sow\n$ pytest-mimic ls --errros\n$ pytest-mimic ls",
    "cli_ls": f"""write all.ini pytest.ini
        write tests/test_words.py
        write tests/test_cassette.py
        {RECORDED}
        $ pytest-mimic ls --help
        $ pytest-mimic ls
        $ pytest-mimic ls shop:rates
        $ pytest-mimic ls tests/test_rates.py::test_user
        $ pytest-mimic ls nothing
        $ pytest-mimic ls shop:words nothing
        $ pytest-mimic ls --vault nowhere
        $ pytest-mimic ls --json shop:user""",
    "cli_show": f"""write all.ini pytest.ini
        write tests/test_words.py
        write tests/test_cassette.py
        {RECORDED}
        $ pytest-mimic show --help
        $ pytest-mimic show tests/test_rates.py::test_euro
        $ pytest-mimic show tests/test_rates.py::test_user
        $ pytest-mimic show tests/test_rates.py::test_unknown
        $ pytest-mimic show tests/test_words.py
        $ pytest-mimic show cassettes/shopping
        $ pytest-mimic show shop:rates
        $ pytest-mimic show nothing
        $ pytest-mimic show""",
    "cli_diff": f"""{RECORDED}commit
        edit shop.py 1.07 1.08
        edit tests/test_rates.py GBP SEK
        pytest --mimic-record --mimic-clear-unused
        $ pytest-mimic diff --help
        $ pytest-mimic diff
        $ pytest-mimic diff nowhere
        commit
        $ pytest-mimic diff""",
    "cli_check": f"""{RECORDED}$ pytest-mimic check --help
        $ pytest-mimic check
        damage
        leave
        $ pytest-mimic check
        $ pytest-mimic check --fix -n
        $ pytest-mimic check --fix
        leave
        $ pytest-mimic check
        $ pytest-mimic check --fix
        $ pytest-mimic check""",
    "cli_rm": f"""{RECORDED}$ pytest-mimic rm --help
        $ pytest-mimic rm
        $ pytest-mimic rm -n shop:rates
        $ pytest-mimic rm tests/test_rates.py::test_user
        $ pytest-mimic rm nothing
        $ pytest-mimic rm 'shop:*'""",
    "cli_import": """har
        $ pytest-mimic import --help
        $ pytest-mimic import -n plain.json
        $ pytest-mimic import plain.json
        $ pytest-mimic import plain.json
        $ pytest-mimic import shop.py
        $ pytest-mimic import nothing.yaml
        $ pytest-mimic import""",
}


def damage(project):
    """Cut off the end of each pickle, and of a JSON file what follows its outcome."""
    for path in project.vault.rglob("*.pkl"):
        path.write_bytes(path.read_bytes()[:-20])
    path = min(project.vault.glob("calls/**/*.json"))
    path.write_bytes(path.read_bytes().partition(b'"seconds"')[0])


def leave(project):
    """Leave an object without a recording, and a foreign file."""
    (project.vault / "objects" / "ab").mkdir(parents=True, exist_ok=True)
    (project.vault / "objects" / "ab" / f"ab{'0' * 30}.json").write_text("[1]")
    (project.vault / "notes.txt").write_text("mine")


def commit(project):
    """Commit all to git."""
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "all")


def har(project):
    """Put a cassette of vcrpy there."""
    shutil.copy(CASSETTE, project.root)


def do(project, words):
    """Do one line of a case, and return its output."""
    match words:
        case ["write", name, *other]:
            project.write(other[0] if other else name, FILES[name])
        case ["edit", name, old, new]:
            text = (project.root / name).read_text("utf-8")
            assert old in text
            (project.root / name).write_text(text.replace(old, new), "utf-8")
        case ["pytest", *options]:
            run = project.run(*options, process="-n2" in options)
            return f"{run.output.rstrip()}\nexit code {run.exit_code}\n"
        case ["pytest-mimic", *options]:
            answer = project.command(*options)
            return f"{answer.text}exit code {answer.code}\n"
        case [name]:
            steps: dict[str, Callable[[Project], None]] = {
                one.__name__: one for one in (damage, leave, commit, har)
            }
            steps[name](project)
    return ""


def normalised(text, root):
    """Return the output without what each run or machine has of its own."""
    text = text.replace(str(root), "ROOT")
    for pattern, replacement in (
        (
            r"^(platform|plugins:|cachedir:|created:|\d+ workers \[|gw\d|bringing up).*\n",
            "",
        ),
        (r'"(size|seconds|files|objects|bytes)": [\d.e-]+', r'"\1": NUMBER'),
        (r"\b(?!2024-05)\d{4}-\d\d-\d\d\b", "DATE"),
        (r"\b[0-9a-f]{8,64}\b", "DIGEST"),
        (r"0x[0-9a-f]{6,}", "ADDRESS"),
        (r" *(< ?)?\b\d[\d.,]* ?(ms|s|min|h)\b", " # s"),
        (r" \( # s( saved)?\)", ""),  # after a call that took long enough
        (r" *\b\d[\d.,]* ?(bytes|[kMG]?B)\b", " # B"),
        (r"line \d+ column \d+ \(char \d+\)", "line # column #"),
        (r"=+ (.*?) =+$", r"=== \1 ==="),
        (r"-{3,}", "---"),
        (r"^\[gw\d\] .*", "[gw] PLATFORM"),
        (r"^[.F]+(?= +\[100%\]$)", "RESULTS"),  # workers report in any order
    ):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


@pytest.mark.parametrize("case", CASES)
def test_output(project, case, monkeypatch):
    if case == "run_xdist":
        pytest.importorskip("xdist")
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("pytest.ini", "shop.py", "tests/test_rates.py"):
        project.write(name, FILES[name])

    seen = ""
    for line in CASES[case].splitlines():
        if line.strip() == RECORDED.strip() and not project.vault.exists():
            # test_rates.py has five tests, each other file has one.
            files = (project.root / "tests").glob("test_*.py")
            project.record_once(passed=4 + len([*files]))
            continue
        output = (
            do(project, shlex.split(line.strip().removeprefix("$ ")))
            if line.strip()
            else ""
        )
        if line.strip().startswith("$ "):
            seen += f"{line.strip()}\n{normalised(output, project.root)}\n"

    golden = GOLDEN / f"{case}.txt"
    if os.environ.get("MIMIC_GOLDEN") == "update":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(seen, encoding="utf-8")
    assert seen == golden.read_text(encoding="utf-8")
