"""Section 5, what a call reaches and reads: what of it is noted, and what a run says and does when it has changed."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from typing import Any

import pytest

from pytest_mimic._tools.cli.main import main

# The conftest turns these lists off elsewhere.
INPUTS = "warn"

# A project of many modules. Each function of `shop.report` uses another of them.
MODULES = {
    "__init__": "",
    "report": '''
        import json

        from . import again, settings
        from .chain import chained
        from .constants import RATE
        from .decorated import priced
        from .closures import MAKER
        from .models import Order
        from .names import Kind
        from .tax import rate, twice
        from .unused import Unused
        import shop.packed
        from shop.base import Child
        from shop.properties import Box
        from shop.registry import HANDLERS
        from shop.tables import rows, text
        from shop.records import Line

        FACTOR = 3

        def build(n, price, items):
            """Return a sum of what all modules give."""
            from shop.lazy import late
            return sum([
                rate(n), twice(n), RATE, FACTOR, priced(n), MAKER(n), Order(n).total(), late(n), Child().price(n), Box(n).size,
                HANDLERS["a"](n), len(rows()), len(text()),
                Line(n).discount, settings.LIMIT, Kind.FIRST.value, chained(n), price.amount(), items[0].size(),
                shop.packed.packed(n), json.loads("1"), again.MORE,
            ])

        def loads(text):
            return text

        def amount(n):
            return n + 0

        def other(n):
            return n
    ''',
    "tax": """
        BASE = 2

        def rate(n):
            # A comment.
            return helper(n) * BASE

        def helper(n):
            return n

        def twice(n): return 2 * n

        def unused(n):
            return n
    """,
    "constants": "RATE = 10\n",
    "settings": "from shop.deep import DEEP\n\nLIMIT = DEEP + 1\n",
    "deep": "DEEP = 5\n",
    "decorated": """
        import functools

        def plus(amount):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(n):
                    return function(n) + amount
                return wrapper
            return decorate

        @plus(1)
        def priced(n):
            return n
    """,
    "closures": """
        def make(base):
            extra = 4
            def inner(n):
                return n + base + extra
            return inner

        MAKER = make(2)
    """,
    "models": '''
        class Order:
            """An order."""
            fee = 3

            def __init__(self, n):
                self.n = n

            def total(self):
                return self.n + self.fee

            def unused(self):
                return 0
    ''',
    "names": "import enum\n\nclass Kind(enum.Enum):\n    FIRST = 1\n",
    "lazy": "SHARE = 7\n\ndef late(n):\n    return n + SHARE\n",
    "base": """
        class Base:
            def price(self, n):
                return n + 1

        class Child(Base):
            pass
    """,
    "properties": "class Box:\n    def __init__(self, n): self.n = n\n    @property\n    def size(self): return self.n\n",
    "registry": 'HANDLERS = {"a": lambda n: n + 1}\n',
    "tables": """
        from pathlib import Path

        def rows():
            return Path(__file__).parent.parent.joinpath("data/rates.csv").read_text().splitlines()

        def text():
            with open("data/page.txt", encoding="utf-8") as file:
                return file.read()
    """,
    "records": "from dataclasses import dataclass\n\n@dataclass\nclass Line:\n    n: int\n    discount: int = 1\n",
    "chain": "from .links import LINK as BOUND\n\ndef chained(n):\n    return n + BOUND\n",
    "links": "from .deep import DEEP as LINK\n",
    "money": "class Money:\n    def amount(self):\n        return 4\n",
    "row": "class Row:\n    def size(self):\n        return 5\n",
    "packed": "from .stars import *\n\ndef packed(n):\n    return n + STAR\n",
    "stars": "STAR = 1\n",
    "again": "from .more import *\n",
    "more": "MORE = 1\n",
    "unused": "class Unused:\n    size = 1\n",
}
TESTS = """
    import shop.report
    from shop.money import Money
    from shop.row import Row

    def test_it():
        shop.report.build(2, Money(), [Row()])
"""
DATA = {
    "data/rates.csv": "a,1\nb,2\n",
    "data/page.txt": "text\n",
    "data/unread.txt": "unread\n",
    "data/.git/x": "x",
}
COMMAND = "to see whether it matters: pytest --mimic-verify --mimic-review test_shop.py::test_it"


@pytest.fixture
def shop(project: Any) -> Any:
    for name, text in MODULES.items():
        project.write(f"shop/{name}.py", text)
    for name, text in DATA.items():
        project.write(name, text)
    project.tests(TESTS)
    project.ini("shop.report:build")
    return project


def edit(shop: Any, name: str, old: str, new: str) -> None:
    path = shop.root / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def named(run: Any) -> list[str]:
    """Return what a run names as changed."""
    return [
        line.strip().partition("    ")[0]
        for line in run.section
        if line.endswith("call of shop.report:build")
    ]


FUNCTIONS = {
    "helper": ("shop/tax.py", "return helper(n) *", "return helper(n) + 0 *", "shop.tax:rate (shop/tax.py)"),
    "helper of a helper": ("shop/tax.py", "    return n\n", "    return n + 1\n", "shop.tax:helper (shop/tax.py)"),
    "constant beside a helper": ("shop/tax.py", "BASE = 2", "BASE = 3", "shop.tax (shop/tax.py)"),
    "constant of the target's module": ("shop/report.py", "FACTOR = 3", "FACTOR = 4", "shop.report (shop/report.py)"),
    "imported constant": ("shop/constants.py", "10", "11", "shop.constants (shop/constants.py)"),
    "constant of an imported module": ("shop/settings.py", "+ 1", "+ 2", "shop.settings (shop/settings.py)"),
    "constant of a constant": ("shop/deep.py", "5", "6", "shop.deep (shop/deep.py)"),
    "inner function of a decorator": (
        "shop/decorated.py", "function(n) + amount", "function(n) - amount", "shop.decorated:plus (shop/decorated.py)"
    ),
    "argument of a decorator": ("shop/decorated.py", "@plus(1)", "@plus(2)", "shop.decorated:priced (shop/decorated.py)"),
    "inner function": ("shop/closures.py", "n + base", "n - base", "shop.closures:make (shop/closures.py)"),
    "variable of a closure": ("shop/closures.py", "extra = 4", "extra = 5", "shop.closures:make (shop/closures.py)"),
    "argument of a closure": ("shop/closures.py", "make(2)", "make(3)", "shop.closures (shop/closures.py)"),
    "body of a class": ("shop/models.py", "fee = 3", "fee = 4", "shop.models (shop/models.py)"),
    "method": ("shop/models.py", "self.n + self.fee", "self.n", "shop.models:Order.total (shop/models.py)"),
    "constructor": ("shop/models.py", "self.n = n", "self.n = n + 1", "shop.models:Order.__init__ (shop/models.py)"),
    "member of an Enum": ("shop/names.py", "FIRST = 1", "FIRST = 2", "shop.names (shop/names.py)"),
    "lazily imported function": ("shop/lazy.py", "n + SHARE", "n - SHARE", "shop.lazy:late (shop/lazy.py)"),
    "lazily imported constant": ("shop/lazy.py", "SHARE = 7", "SHARE = 8", "shop.lazy (shop/lazy.py)"),
    "inherited method": ("shop/base.py", "n + 1", "n + 2", "shop.base:Base.price (shop/base.py)"),
    "base of a class": ("shop/base.py", "Child(Base)", "Child(Base, object)", "shop.base (shop/base.py)"),
    "property": ("shop/properties.py", "return self.n", "return -self.n", "shop.properties:Box.size (shop/properties.py)"),
    "lambda of a module": ("shop/registry.py", "n + 1", "n + 2", "shop.registry (shop/registry.py)"),
    "class of an argument": ("shop/money.py", "return 4", "return 5", "shop.money:Money.amount (shop/money.py)"),
    "class of an item": ("shop/row.py", "return 5", "return 6", "shop.row:Row.size (shop/row.py)"),
    "function of a module that is named": ("shop/packed.py", "n + STAR", "n - STAR", "shop.packed:packed (shop/packed.py)"),
    "constant that is imported with all others": ("shop/stars.py", "1", "2", "shop.stars (shop/stars.py)"),
    "constant that a module has imported so": ("shop/more.py", "1", "2", "shop.more (shop/more.py)"),
    "field of a dataclass": ("shop/records.py", "discount: int = 1", "discount: int = 2", "shop.records (shop/records.py)"),
}  # fmt: skip
FILES = {
    "file of data": ("data/rates.csv", "a,1", "a,2", "data/rates.csv"),
    "file of text": ("data/page.txt", "text", "other", "data/page.txt"),
}
ALIKE = {
    "comment": ("shop/tax.py", "# A comment.", "# Another one.\n    # Two lines."),
    "docstring": ("shop/models.py", '"""An order."""', '"""One order."""'),
    "docstring of the target": ("shop/report.py", "Return a sum", "Give a sum"),
    "layout": ("shop/tax.py", "def twice(n): return 2 * n", "\n\ndef twice(\n    n,\n):\n    return (2 * n)"),
    "quotes": ("shop/registry.py", '"a"', "'a'"),
    "function that did not run": ("shop/tax.py", "def unused(n):\n    return n", "def unused(n):\n    return -n"),
    "method that did not run": ("shop/models.py", "return 0", "return 1"),
    "function beside the target": ("shop/report.py", "    return n\n", "    return n + 1\n"),
    "function that is called like one of another module": ("shop/report.py", "return text", "return text + '1'"),
    "function that is called like a method": ("shop/report.py", "return n + 0", "return n + 1"),
    "class that was not used": ("shop/unused.py", "1", "2"),
    "file that was not read": ("data/unread.txt", "unread", "changed"),
}  # fmt: skip


@pytest.mark.parametrize("change", [*FUNCTIONS, *FILES])
def test_each_change_of_behaviour_is_named(shop: Any, change: str) -> None:
    name, old, new, expected = {**FUNCTIONS, **FILES}[change]
    shop.record_once(passed=1)
    edit(shop, name, old, new)

    run = shop.replay().expect(passed=1)

    assert named(run) == [expected]
    assert run.section[1] == "1 recording reaches code or reads files that have changed since:"
    assert run.section[-1] == COMMAND


@pytest.mark.parametrize("change", ALIKE)
def test_a_change_of_no_behaviour_is_not_named(shop: Any, change: str) -> None:
    shop.record_once(passed=1)
    edit(shop, *ALIKE[change])

    assert named(shop.replay().expect(passed=1)) == []


SMALL = """
    import threading
    from shop import helper

    def fetch(n):
        return helper.value(n)

    def stream(n):
        for i in range(n):
            yield helper.value(i)

    def read(n):
        from pathlib import Path
        Path("made.txt").write_text("made")
        Path("copy.txt").read_text()
        return Path("made.txt").read_text() + Path("data.txt").read_text() + Path(".hidden/x").read_text()
"""
HELPER = """
    calls = []

    def value(n):
        return n + 1

    def other(n):
        return n
"""


@pytest.fixture
def small(project: Any) -> Any:
    project.write("shop/__init__.py", "")
    project.write("shop/api.py", SMALL)
    project.write("shop/helper.py", HELPER)
    for name in ("data.txt", ".hidden/x"):
        project.write(name, "old")
    project.test("from shop import api\nassert api.fetch(1) == 2\nassert api.fetch(1) == 2")
    project.ini("shop.api:fetch")
    return project


def lists(project: Any) -> list[Any]:
    """Return the lists in the vault."""
    found = [json.loads(data) for name, data in project.files("objects").items() if name.endswith(".json")]
    return [facts for facts in found if "functions" in facts]


def change(project: Any, text: str = "return n + 1", now: str = "return n + 1 + 0") -> None:
    edit(project, "shop/helper.py", text, now)


def test_of_many_targets_that_read_a_changed_file_few_are_named(project: Any) -> None:
    functions = "def read{n}():\n    with open('data.txt') as file:\n        return file.read()\n"
    project.write("a.py", "".join(functions.format(n=n) for n in range(7)))
    project.write("data.txt", "old")
    project.ini("a:*")
    project.test("".join(f"import a\na.read{n}()\n" for n in range(7)))
    project.record().expect(passed=1)
    project.write("data.txt", "new")

    run = project.replay().expect(passed=1)

    command = "pytest --mimic-verify --mimic-review test_shop.py::test_it"
    counts = "1 call of a:read0, 1 call of a:read1, 1 call of a:read2 and 4 more"
    assert run.section[-2:] == [f"  data.txt    {counts}", f"to see whether it matters: {command}"]


def test_mimic_inputs_decides_what_a_change_does(small: Any) -> None:
    small.record().expect(passed=1)
    change(small)
    strict, ignored = ("-o", "mimic_inputs=strict"), ("-o", "mimic_inputs=ignore")

    warned, quiet = small.replay().expect(passed=1), small.replay("-q").expect(passed=1)
    refused = small.replay(*strict).expect(failed=1)
    assert (
        named_rows(warned)
        == named_rows(quiet)
        == ["shop.helper:value (shop/helper.py)    2 calls of shop.api:fetch"]
    )
    assert (
        "StaleRecordingError: what shop.api:fetch(n=1) reaches or reads has changed since this call was recorded"
        in refused.output
    )
    assert "shop.helper:value (shop/helper.py) has changed" in refused.output
    assert refused.section[0] == "1 call stale"
    assert small.replay(*ignored).expect(passed=1).section == ["2 calls replayed, # s saved"]

    small.record(*strict).expect(passed=1, says=["1 call recorded"])
    small.replay(*strict).expect(passed=1)
    small.run("--mimic-rerecord", "--mimic-clear-unused", *ignored).expect(passed=1)
    assert lists(small)  # an equal outcome keeps what was noted

    small.ini("shop.api:fetch", mimic_inputs="sometimes")
    says = ["mimic_inputs = sometimes: it takes warn, strict or ignore"]
    assert says[0] in small.run().output


def named_rows(run: Any) -> list[str]:
    return [line.strip() for line in run.output.splitlines() if "call" in line and " of shop." in line]


def test_recording_an_equal_outcome_again_writes_a_list_only_if_something_has_changed(small: Any) -> None:
    first = small.record().expect(passed=1)
    change(small, "return n\n", "return n + 5\n")
    assert small.run("--mimic-rerecord").expect(passed=1).changed == set()

    change(small)
    again = small.run("--mimic-rerecord").expect(passed=1)

    [before], [now] = (
        [json.loads(data) for name, data in run.vault.items() if name.startswith("calls")]
        for run in (first, again)
    )
    old, new = before["outcomes"][0].pop("inputs"), now["outcomes"][0].pop("inputs")
    assert before == now
    assert old != new
    assert old not in again.vault
    assert named_rows(small.replay().expect(passed=1)) == []


def recordings(project: Any) -> list[Any]:
    return [json.loads(data) for data in project.files("calls").values()]


def command(project: Any, *words: str) -> tuple[int, str]:
    """Call the command in the project; return its exit code and what it printed."""
    out = io.StringIO()
    with project.monkeypatch.context() as patch, redirect_stdout(out):
        patch.chdir(project.root)
        code = main(list(words))
    return code, out.getvalue()


def reviewed(project: Any) -> str:
    """Return what a review shows that nobody answers."""
    with project.monkeypatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO())
        return command(project, "review")[1]


def test_what_the_run_wrote_and_hidden_folders_are_not_noted(small: Any) -> None:
    """Nor what a fixture or an earlier test has written."""
    small.ini("shop.api:read")
    small.test(
        """
        from shop import api
        pathlib.Path("copy.txt").write_text("by the run")
        api.read(1)
        """
    )
    small.record().expect(passed=1)

    assert [list(one["files"]) for one in lists(small)] == [["data.txt"]]


@pytest.mark.parametrize("use", ["sequence", "stream", "cassette", "exception"])
def test_each_kind_of_recording_has_its_list(small: Any, use: str) -> None:
    target = {"stream": "shop.api:stream", "sequence": "shop.api:fetch sequence"}.get(use, "shop.api:fetch")
    body = {
        "stream": "list(api.stream(2))",
        "cassette": "with mimic_auto('trip', targets=['shop.api:fetch']): api.fetch(1)",
        "exception": "pytest.raises(TypeError, api.fetch, 'a')",
    }.get(use, "api.fetch(1)")
    small.ini(target)
    small.test(f"from shop import api\n{body}")
    small.record().expect(passed=1)
    change(small)

    run = small.replay().expect(passed=1)

    assert named_rows(run) == [f"shop.helper:value (shop/helper.py)    1 call of {target.partition(' ')[0]}"]
    small.replay("-o", "mimic_inputs=strict").expect(failed=1, says=["StaleRecordingError"])


def test_a_damaged_list_is_said_and_replaced(small: Any) -> None:
    small.record().expect(passed=1)
    [path] = (small.vault / "objects").rglob("*.json")
    path.write_text("[]")

    run = small.replay().expect(passed=1)

    assert any(f"{path.name} is not what was recorded" in line for line in run.section)
    small.replay("-o", "mimic_inputs=strict").expect(failed=1, says=["CorruptRecordingError"])
    small.run("--mimic-rerecord").expect(passed=1)
    assert len(lists(small)) == 1


def test_what_verified_equal_is_stamped_by_a_review(small: Any) -> None:
    first = small.record().expect(passed=1)
    change(small)
    edit(small, "shop/api.py", "return helper.value(n)", "return helper.value(n) + 0")
    small.replay().expect(failed=1)

    verified = small.run(
        "--mimic-verify",
        "--mimic-review",
    ).expect(passed=1)

    assert verified.changed == set()
    assert verified.section[-1].startswith("1 change waits for a review")
    assert "  the outcome is equal: the source, or what the call reaches" in reviewed(small)
    assert command(small, "review", "--accept", "shop.api:fetch")[0] == 0
    assert named_rows(small.replay().expect(passed=1)) == []
    assert command(small, "check")[0] == 0
    [before] = (json.loads(data) for name, data in first.vault.items() if name.startswith("calls"))
    [now] = recordings(small)
    assert {key for key in now if now[key] != before[key]} == {"source", "outcomes"}
    assert now["outcomes"][0].keys() == before["outcomes"][0].keys()
    assert now["outcomes"][0]["duration"] == before["outcomes"][0]["duration"]
    small.run("--mimic-verify", "--mimic-review").expect(passed=1)
    assert not (small.root / ".mimic_review").exists()


def test_the_command_shows_checks_and_removes_what_a_recording_ran(small: Any) -> None:
    small.record().expect(passed=1)
    assert (
        "  reaches shop.api (shop/api.py), shop.helper (shop/helper.py), shop.helper:value (shop/helper.py)\n"
        in command(small, "show", "shop.api:fetch")[1]
    )

    [path] = (small.vault / "objects").rglob("*.json")
    content = path.read_bytes()
    path.unlink()
    assert f"objects/{path.parent.name}/{path.name} is missing" in command(small, "check")[1]
    before = set(small.files())
    command(small, "check", "--fix")
    assert set(small.files()) == before, "a recording that replays is kept"
    path.write_bytes(content)
    assert command(small, "rm", "shop.api:fetch")[0] == 0
    assert small.files() == {}


@pytest.mark.parametrize("content", [None, b"{}"])
def test_a_lost_list_is_made_again_by_a_run_that_records(small: Any, content: bytes | None) -> None:
    small.ini("shop.api:fetch", mimic_inputs="strict")
    small.record().expect(passed=1)
    before = small.files()
    [path] = (small.vault / "objects").rglob("*.json")
    path.unlink() if content is None else path.write_bytes(content)

    small.replay().expect(failed=1, says=["CorruptRecordingError", f"objects/{path.parent.name}/{path.name}"])
    small.record().expect(passed=1, says=["1 call recorded"])

    assert small.files().keys() == before.keys()
    small.replay().expect(passed=1)
