"""What is new, changed or drifted waits in a folder, is reviewed one by one, and written to the vault as recording would have written them."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.forged import BAITED
from support.loopback import Handler, Server, serving

from pytest_mimic._tools.cli.main import main

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy")
pytest.importorskip("PIL", reason="needs Pillow")

SHOP = """
    import os, urllib.request
    import PIL.Image, sqlalchemy
    from models import Odd

    def version():
        return os.environ["VERSION"]

    def ask(question):
        return f"The weather in Oslo is {'sunny' if version() == '1' else 'cloudy'} today, said the model."

    def table(name):
        return [{"id": n, "price": n + (1.5 if version() == "2" and n == 3 else 0.5)} for n in (1, 2, 3)]

    def image(name):
        return PIL.Image.new("RGB", (40, 20), "red" if version() == "1" else "blue")

    def data(name):
        return b"\\x89PNG" + version().encode() * 5000

    def odd():
        return Odd(version())

    def words(name):
        for word in ("a", version()):
            yield word

    def step(n):
        return [n, version()]

    def same(n):
        return {"n": n}

    def order(name):
        return {"id": version(), "lines": [{"sent_at": version()}], "name": name, "token": "token-" + version() * 9, "password": "x" + version()}

    def api():
        with urllib.request.urlopen(os.environ["API"] + "/users/1") as answer:
            return answer.read()

    def sql():
        engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("create table names (id integer, name text)"))
            return connection.execute(sqlalchemy.text("select 1 as id, hex(randomblob(4)) as name")).all()
"""
MODELS = """
    class Odd:
        def __init__(self, name):
            self.name = name

        def __reduce__(self):
            return (Odd, (self.name,))
"""
TESTS = """
    import pytest, shop

    def test_functions():
        shop.ask("weather?")
        shop.table("fruit")
        shop.image("logo")
        shop.data("logo")
        shop.odd()
        list(shop.words("x"))
        shop.same(1)
        shop.order("tea")

    @pytest.mark.mimic("shop:step", sequence=True)
    def test_sequence():
        shop.step(1), shop.step(1), shop.step(2)

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["shop:ask", "shop:same"]):
            shop.ask("trip?"), shop.same(3), shop.ask("trip?")
"""
CLIENTS = """
    import shop

    def test_api():
        shop.api()

    def test_sql():
        shop.sql()
"""
FOLDER = ".mimic_review"
NAMES = ("ask", "table", "image", "data", "odd", "words", "same", "order")


class Service(Handler):
    """A JSON API whose answer has a version."""

    version = "1"

    def do_GET(self) -> None:
        self.json({"id": 1, "name": "Ann", "version": self.version})


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """The URL of the service."""
    with serving(Server(Service)) as server:
        yield server.url


@pytest.fixture
def shop(project: Any, api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """A recorded project whose service has changed since: `run`, and `command` for pytest-mimic."""
    project.write("models.py", MODELS)
    monkeypatch.chdir(project.root)

    def run(*args: str, version: str = "2", **options: Any) -> Any:
        monkeypatch.setattr(Service, "version", version)
        return project.run(*args, env={"VERSION": version, "API": api}, **options)

    def command(*words: str, answers: str = "") -> SimpleNamespace:
        monkeypatch.setattr("sys.stdin", _Lines(answers))
        capsys.readouterr()
        code = main(words)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    def record(test: str = TESTS, *names: str) -> None:
        project.ini(*(f"shop:{name}" for name in names or NAMES))
        project.tests(test)
        run("--mimic-record", version="1")

    return SimpleNamespace(project=project, run=run, command=command, record=record, root=project.root)


class _Lines:
    """Standard input that is no terminal."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines(keepends=True))

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        return next(self._lines, "")


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the changes of a list."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["changes"]
    return rows


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a vault, without the durations of calls."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {name: re.sub(rb'"duration": [0-9.e-]+', b"", data) for name, data in found.items()}


# -- the folder


def test_each_drift_is_kept_with_both_outcomes(shop: Any) -> None:
    shop.record()

    run = shop.run("--mimic-verify", "--mimic-review")

    rows = rows_of(shop.root / FOLDER / "changes.json")
    calls = [row["call"].partition("(")[0] for row in rows]
    assert calls == [
        *(f"shop:{name}" for name in NAMES if name != "same"),
        *["shop:step"] * 3,
        *["shop:ask"] * 2,
    ]
    assert run.section[-1] == "12 changes wait for a review, the vault is as it was: pytest-mimic review"
    assert run.output.count("to decide about it: pytest-mimic review") == 12
    assert "to accept it: " not in run.output
    assert rows[0]["tests"] == ["test_shop.py::test_functions"]
    assert rows[0]["arguments"] == {"question": "weather?"}
    assert (shop.root / ".mimic_vault" / rows[0]["file"]).is_file()
    assert [(row["file"].split("/")[0], row["place"]) for row in rows[-5:]] == [
        ("calls", 0),
        ("calls", 1),
        ("calls", 0),
        ("cassettes", 0),
        ("cassettes", 2),
    ]
    assert run.changed == set()
    staged = json.loads((shop.root / FOLDER / "drifts" / rows[0]["staged"]).read_text(encoding="utf-8"))
    assert [entry["value"].split()[5] for entry in staged["outcomes"]] == ["sunny", "cloudy"]


def test_a_run_without_drift_removes_the_drifts_of_an_earlier_one(shop: Any) -> None:
    shop.record()
    shop.run("--mimic-verify", "--mimic-review")

    run = shop.run("--mimic-verify", "--mimic-review", version="1")

    assert not (shop.root / FOLDER).exists()
    assert "review" not in run.output
    assert shop.command("review").out == "no change waits for a review\n"


def test_git_ignores_the_folder_of_changes(weather: Any) -> None:
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=weather.root, check=True)
    weather.run("--mimic-verify", "--mimic-review")

    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=weather.root, check=True, capture_output=True, text=True
    )

    assert len(rows_of(weather.root / FOLDER / "changes.json")) == 6
    assert FOLDER not in status.stdout


def test_drifts_and_recordings_wait_together(weather: Any) -> None:
    weather.run("--mimic-verify", "--mimic-review", "test_it.py::test_it")
    weather.run("--mimic-rerecord", "--mimic-review", "test_it.py::test_cassette")

    rows = rows_of(weather.root / FOLDER / "changes.json")

    assert [(row["call"].partition("(")[0], row["place"]) for row in rows] == [
        ("weather:ask", 0),
        ("weather:tell", 0),
        ("cassette trip ", None),
    ]
    assert weather.command("review", "--accept", "*").out.splitlines()[-1] == "3 accepted"


def test_a_run_without_tests_leaves_what_waits(weather: Any) -> None:
    weather.run("--mimic-verify", "--mimic-review")
    before = rows_of(weather.root / FOLDER / "changes.json")

    weather.run("--mimic-verify", "--mimic-review", "--collect-only")

    assert rows_of(weather.root / FOLDER / "changes.json") == before


def test_drifts_of_several_workers_are_in_one_file(shop: Any) -> None:
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    shop.project.write(
        "weather.py", "import os\n\ndef ask(q):\n    return 'It is ' + os.environ['VERSION']\n"
    )
    shop.project.ini("weather:ask")
    tests = "import pytest, weather\n\n@pytest.mark.parametrize('q', range(6))\ndef test_it(q):\n    weather.ask(q)\n"
    shop.project.write("test_it.py", tests)
    shop.run("--mimic-record", version="1")

    shop.run("--mimic-verify", "--mimic-review", "-n2", process=True)

    rows = rows_of(shop.root / FOLDER / "changes.json")
    assert sorted(row["tests"] for row in rows) == [[f"test_it.py::test_it[{q}]"] for q in range(6)]
    assert shop.command("review", "--accept", "*").code == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "--mimic-review needs --mimic-record, --mimic-rerecord or --mimic-verify"),
        (["--mimic-live"], "--mimic-review needs --mimic-record, --mimic-rerecord or --mimic-verify"),
        (
            ["--mimic-verify", "--mimic-clear-unused"],
            "--mimic-review cannot be combined with --mimic-clear-unused",
        ),
    ],
)
def test_options_without_their_mode_are_usage_errors(project: Any, options: list[str], error: str) -> None:
    project.write("test_it.py", "def test_it():\n    pass\n")

    run = project.run("--mimic-review", *options)

    assert (run.exit_code, f"ERROR: {error}" in run.output) == (4, True)


# -- accepting


def rerecorded(shop: Any, *options: str) -> dict[str, bytes]:
    """Return the vault that a re-recording makes of the recorded one."""
    shutil.copytree(shop.project.vault, shop.root / "again")
    shop.run("--mimic-rerecord", "--mimic-vault=again", *options)
    return files_in(shop.root / "again")


@pytest.mark.parametrize(("mode", "count"), [("verify", 12), ("rerecord", 10)])
def test_accepting_what_waits_writes_what_recording_again_writes(shop: Any, mode: str, count: int) -> None:
    shop.record()
    before = files_in(shop.project.vault)
    expected = rerecorded(shop)

    run = shop.run(f"--mimic-{mode}", "--mimic-review")

    assert run.changed == set()
    waits = f"{count} changes wait for a review, the vault is as it was: pytest-mimic review"
    assert run.section[-1] == waits
    result = shop.command("review", "--accept", "*")
    assert (result.code, result.out.splitlines()[-1]) == (0, f"{count} accepted")
    assert files_in(shop.project.vault) == expected != before
    assert not (shop.root / FOLDER / "recordings").exists()
    shop.run("--mimic-verify").expect(passed=3)


def test_new_recordings_wait_too_and_are_not_made_twice(shop: Any) -> None:
    shop.project.ini("shop:ask", "shop:data")
    test = "import shop\n\ndef test_it():\n    shop.ask('a')\n    shop.data('b')\n"
    shop.project.write("test_shop.py", test)

    first = shop.run("--mimic-record", "--mimic-review")
    second = shop.run("--mimic-record", "--mimic-review")

    assert first.vault == second.vault == {}
    assert first.section[0].startswith("2 calls recorded")
    assert second.section[0].startswith("2 calls replayed")
    assert [row["change"] for row in rows_of(shop.root / FOLDER / "changes.json")] == ["new", "new"]
    shop.command("review", "--accept", "shop:ask", "--refuse-all")
    assert not (shop.root / FOLDER / "recordings").exists()
    assert [name.split("/")[:3] for name in shop.project.files("calls")] == [["calls", "shop", "ask"]]


def test_accepting_at_clients_writes_what_recording_again_writes(shop: Any) -> None:
    shop.record(CLIENTS, "ask")
    shop.project.ini("http.client", "sqlalchemy")
    shop.run("--mimic-record", version="1")
    shop.run("--mimic-verify", "--mimic-review")

    result = shop.command("review", answers="s\ns\n")
    accepted = shop.command("review", "--accept", "GET /users/*", "--accept", "sqlalchemy")

    assert "body.version: '1'" in result.out
    assert "rows" in result.out
    assert accepted.code == 0
    shop.run("--mimic-verify", "test_shop.py::test_api").expect(passed=1)


# -- deciding


def test_decisions_are_kept_and_the_next_review_goes_on(shop: Any) -> None:
    shop.record(TESTS, "ask", "order", "data")
    shop.run("--mimic-verify", "--mimic-review", "test_shop.py::test_functions")

    first = shop.command("review", answers="a\n?\nq\n")
    second = shop.command("review", answers="r\nr\n")

    assert first.code == 1
    assert "The weather in Oslo is [-sunny-]{+cloudy+} today" in first.out
    assert "accept: the vault gets the new outcome" in first.out
    assert first.out.splitlines()[-1] == "1 accepted, 2 undecided"  # the user has quit
    assert second.code == 0
    assert second.out.splitlines()[-1] == "2 refused"
    assert shop.command("review").out == "no change waits for a review\n"


def test_a_review_that_nobody_can_answer_says_how_to_decide(shop: Any) -> None:
    shop.record(TESTS, "ask", "order", "data")
    shop.run("--mimic-verify", "--mimic-review", "test_shop.py::test_functions")

    unanswered = shop.command("review", answers="s\n")

    assert unanswered.out.splitlines()[-3:] == [
        "3 undecided",
        "to accept without a terminal, for example: pytest-mimic review --accept test_shop.py::test_functions",
        "to refuse the others: pytest-mimic review --refuse-all",
    ]
    assert shop.command("review", "--accept", "test_shop.py::test_functions").code == 0


def test_a_recording_that_changed_since_is_not_overwritten(shop: Any) -> None:
    test = "import shop\n\ndef test_ask():\n    shop.ask('a')\n\ndef test_data():\n    shop.data('b')\n"
    shop.record(test, "ask", "data")
    shop.run("--mimic-verify", "--mimic-review")
    shop.run("--mimic-rerecord", "--mimic-review")
    shop.run("--mimic-rerecord", "test_shop.py::test_ask", version="3")
    before = shop.project.files()

    result = shop.command("review", "--accept", "shop:ask")

    assert result.code == 1
    assert "has changed since this drift was found" in result.out
    assert result.out.count("shop:ask(question='a') was not accepted") == 2
    assert shop.project.files() == before


def test_of_two_drifts_of_one_recording_one_can_be_accepted(shop: Any) -> None:
    test = "import os, shop\n\ndef test_a():\n    shop.ask('a')\n\ndef test_b():\n    os.environ['VERSION'] = '{}'\n    shop.ask('a')\n"
    shop.project.write("models.py", MODELS)
    shop.project.write(
        "weather.py", "import os\n\ndef ask(q):\n    return 'It is ' + os.environ['VERSION']\n"
    )
    shop.project.ini("weather:ask")
    shop.project.write("test_it.py", test.replace("shop", "weather").format("1"))
    shop.run("--mimic-record", version="1")
    shop.project.write("test_it.py", test.replace("shop", "weather").format("3"))
    shop.run("--mimic-verify", "--mimic-review")

    result = shop.command("review", "--accept", "test_it.py::test_b")

    assert result.out.splitlines()[-1] == "1 accepted, 1 superseded"
    assert result.code == 0
    assert any(b"It is 3" in data for data in shop.project.files().values())


def test_an_outcome_that_cannot_be_stored_is_shown_and_not_accepted(shop: Any) -> None:
    source = "import os, threading\n\ndef ask(q):\n    return 'fine' if os.environ['VERSION'] == '1' else threading.Lock()\n"
    shop.project.write("weather.py", source)
    shop.project.ini("weather:ask")
    shop.project.write("test_it.py", "import weather\n\ndef test_it():\n    weather.ask(1)\n")
    shop.run("--mimic-record", version="1")
    shop.run("--mimic-verify", "--mimic-review")

    shown = shop.command("review", answers="s\n")
    accepted = shop.command("review", "--accept", "*")

    assert "'fine' recorded, " in shown.out
    assert "cannot be accepted: " in shown.out
    assert (accepted.code, "cannot be stored" in accepted.out) == (1, True)


def test_an_exception_and_a_stream_are_accepted_as_recording_keeps_them(shop: Any) -> None:
    source = """
        import os

        def ask(q):
            if os.environ["VERSION"] == "1":
                return 1
            raise ValueError("no answer")

        def words(n):
            yield n
            if os.environ["VERSION"] == "2":
                raise ValueError("broken off")
    """
    shop.project.write("weather.py", source)
    shop.project.ini("weather:*")
    test = """
        import os, pytest, weather

        def test_it():
            try:
                weather.ask(1)
            except ValueError:
                pass
            try:
                list(weather.words(1))
            except ValueError:
                pass
    """
    shop.project.write("test_it.py", test)
    shop.run("--mimic-record", version="1")
    expected = rerecorded(shop)
    shop.run("--mimic-verify", "--mimic-review")

    result = shop.command("review", answers="a\na\n")

    assert result.out.count("broken off")
    assert result.out.count("no answer")
    assert files_in(shop.project.vault) == expected


# -- safety


def test_secrets_are_shown_nowhere(shop: Any) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.order('tea')\n", "order")
    shop.run("--mimic-verify", "--mimic-review")

    results = [shop.command("review", *words) for words in ([], ["--refuse-all"])]

    assert "id: '1'" in results[0].out
    for result in results:
        assert not re.search(r"token-[12]|\bx[12]\b", result.out + result.err)


@pytest.fixture
def evil(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Keep a drift of a pickle that leaves a file when it is loaded; return a review of it."""
    shop.project.write("evil.py", BAITED)
    shop.project.write(
        "shop.py", "import os\nfrom evil import Evil\n\ndef odd():\n    return Evil(os.environ['VERSION'])\n"
    )
    shop.record("import shop\n\ndef test_it():\n    shop.odd()\n", "odd")
    shop.run("--mimic-verify", "--mimic-review")
    bait = shop.root / "bait"
    monkeypatch.setenv("BAIT", str(bait))
    monkeypatch.syspath_prepend(str(shop.root))

    def review(*words: str, answers: str = "") -> Any:
        result = shop.command("review", *words, answers=answers)
        return SimpleNamespace(out=result.out, code=result.code, is_loaded=bait.exists())

    return review


def test_no_pickle_is_loaded(evil: Any) -> None:
    results = [evil(answers="s\n"), evil("--accept", "*")]

    assert not any(result.is_loaded for result in results)
    assert "name: '1' recorded, '2' now" in results[0].out


def test_what_a_new_pickle_imports_is_shown(evil: Any, shop: Any) -> None:
    name = rows_of(shop.root / FOLDER / "changes.json")[0]["staged"]
    path = shop.root / FOLDER / "drifts" / name
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["outcomes"][1]["imports"].append("os:system")
    path.write_text(json.dumps(facts), encoding="utf-8")

    result = evil(answers="s\n")

    assert "imports: nothing -> os:system" in result.out
    assert not result.is_loaded


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 1, "changes": [1]}', '{"format": 2, "changes": []}']
)
def test_a_strange_file_is_one_readable_line(shop: Any, content: str) -> None:
    (shop.root / FOLDER).mkdir()
    (shop.root / FOLDER / "changes.json").write_text(content, encoding="utf-8")

    result = shop.command("review")

    assert result.code == 2
    assert result.err.startswith("ERROR: .mimic_review ")


@pytest.mark.parametrize("key", ["file", "staged"])
@pytest.mark.parametrize("name", ["../shop.py", "calls/../../x.json", "/calls/x.json", "calls/..\\x.json"])
def test_a_file_of_changes_cannot_name_files_outside_of_the_vault(shop: Any, key: str, name: str) -> None:
    row = {"id": "1", "change": "changed", "call": "x", "target": "x", "before": "", "place": 0}
    row |= {
        "tests": [],
        "differences": [],
        "file": "calls/x.json",
        "staged": "calls/x.json",
        key: name,
    }
    (shop.root / FOLDER).mkdir()
    path = shop.root / FOLDER / "changes.json"
    path.write_text(json.dumps({"format": 1, "changes": [row]}), encoding="utf-8")

    result = shop.command("review", "--accept", "*")

    assert (result.code, result.err.splitlines()[0]) == (2, "ERROR: .mimic_review holds no changes to review")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("words", [("--accept", "*"), ("--refuse-all",)])
def test_a_link_beside_a_file_of_changes_is_not_followed(shop: Any, words: tuple[str, ...]) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.run("--mimic-rerecord", "--mimic-review")
    elsewhere = shop.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "notes.txt").write_text("mine", encoding="utf-8")
    objects = shop.root / FOLDER / "recordings" / "objects"
    shutil.rmtree(objects, ignore_errors=True)
    try:
        objects.symlink_to(elsewhere, target_is_directory=True)
    except OSError:  # Windows lets only some users make links
        return

    result = shop.command("review", *words)

    assert result.code == 2
    assert result.err.startswith("ERROR: .mimic_review/recordings/objects is a link: ")
    assert [path.name for path in elsewhere.iterdir()] == ["notes.txt"]
    shop.run("--mimic-rerecord", "--mimic-review")
    assert [path.name for path in elsewhere.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("other", "key", "said"), [("--refuse-all", "a", "1 refused"), ("--accept=*", "r", "1 accepted")]
)
def test_the_decision_of_another_review_stays(
    shop: Any, monkeypatch: pytest.MonkeyPatch, other: str, key: str, said: str
) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.run("--mimic-verify", "--mimic-review")

    class Slow(_Lines):
        """A user who decides after another one did."""

        def readline(self) -> str:
            monkeypatch.setattr("sys.stdin", _Lines(""))
            main(["review", other])
            return f"{key}\n"

    monkeypatch.setattr(f"{__name__}._Lines", Slow)
    result = shop.command("review")

    assert ("another review has decided about it" in result.out) is (key == "a")
    assert result.out.splitlines()[-1] == said
    assert any(b"sunny" in data for data in shop.project.files().values()) is (other == "--refuse-all")


WEATHER = """
    import os

    def ask(q, day):
        return 'It is ' + os.environ['VERSION']

    def tell(q):
        return 'So it is ' + os.environ['VERSION']

    def step(n):
        return [n, os.environ['VERSION']]

    def photo(q):
        return bytes(range(256)) * 100 + os.environ['VERSION'].encode()

    def mail(q):
        return {"head": {"sent at": os.environ['VERSION']}}

    def memo(q):
        return {"id": os.environ['VERSION'], "lines": [{"sent_at": os.environ['VERSION']}], "q": q}
"""
ASKING = """
    import pytest, weather

    def test_it():
        weather.ask(1, day={day}), weather.tell(1)

    @pytest.mark.mimic("weather:step", sequence=True)
    def test_sequence():
        weather.step(1), weather.step(1)

    def test_cassette(mimic_auto):
        with mimic_auto("trip", targets=["weather:ask ignore=day", "weather:tell"]):
            weather.ask(2, day={day}), weather.tell(2)
"""


@pytest.fixture
def weather(shop: Any) -> Any:
    """A recorded project without libraries, of which `ask` leaves out the day."""
    shop.project.ini("weather:ask ignore=day", "weather:tell")
    shop.project.write("weather.py", WEATHER)
    shop.project.write("test_it.py", ASKING.format(day=1))
    shop.run("--mimic-record", version="1")
    return shop


def first_outcome_only(shop: Any, rows: list[dict[str, Any]]) -> None:
    path = shop.root / FOLDER / "drifts" / rows[0]["staged"]
    facts = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**facts, "outcomes": facts["outcomes"][:1]}), encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (0, first_outcome_only, "its new outcome is missing"),
        (0, lambda _, rows: rows[0].update(place=7), "has changed since this drift was found"),
        (0, lambda _, rows: rows[0].update(place=-1), "holds no changes to review"),
        (-2, lambda _, rows: rows[-2].update(key="0" * 32), "has changed since this drift was found"),
        (-2, lambda _, rows: rows[-2].update(before="0"), "has changed since this drift was found"),
        (0, lambda _, rows: rows[0].update(staged=rows[1]["staged"]), "is that of another function"),
        (-2, lambda _, rows: rows[-2].update(staged=rows[-1]["staged"]), "is that of another function"),
    ],
    ids=[
        *("no outcome", "later place", "place below 0", "other call", "other outcome"),
        *("of another function", "of another function of a cassette"),
    ],
)
def test_a_change_that_does_not_fit_the_vault_is_not_accepted(
    weather: Any, place: int, change: Any, said: str
) -> None:
    weather.run("--mimic-verify", "--mimic-review")
    path = weather.root / FOLDER / "changes.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    change(weather, facts["changes"])
    path.write_text(json.dumps(facts), encoding="utf-8")
    row = facts["changes"][place]
    before = weather.project.files()

    result = weather.command("review", "--accept", row["id"])

    assert result.code != 0
    assert weather.project.files() == before
    assert said in result.out + result.err


def test_a_waiting_recording_under_the_name_of_another_is_not_accepted(weather: Any) -> None:
    weather.run("--mimic-rerecord", "--mimic-review")
    rows = {row["target"]: row for row in rows_of(weather.root / FOLDER / "changes.json")}
    ask, tell = (
        weather.root / FOLDER / "recordings" / rows[f"weather:{name}"]["staged"] for name in ("ask", "tell")
    )
    ask.write_bytes(tell.read_bytes())
    before = weather.project.files()

    result = weather.command("review", "--accept", "weather:ask")

    assert "is that of another function" in result.out
    assert weather.project.files() == before


def test_the_source_and_the_arguments_are_those_of_the_accepted_call(weather: Any) -> None:
    weather.project.write("weather.py", WEATHER.replace("So it is", "Well, it is").replace("[n,", "[n + 1,"))
    weather.project.write("test_it.py", ASKING.format(day=2))
    expected = rerecorded(weather)
    weather.run("--mimic-verify", "--mimic-review")
    steps = [
        row for row in rows_of(weather.root / FOLDER / "changes.json") if row["target"] == "weather:step"
    ]
    recording = weather.project.vault / steps[0]["file"]
    source = json.loads(recording.read_bytes())["source"]

    weather.command("review", "--accept", steps[0]["id"])

    # The second outcome comes from the source that was recorded.
    assert json.loads(recording.read_bytes())["source"] == source
    weather.command("review", "--accept", "*")
    assert files_in(weather.project.vault) == expected


def test_facts_other_than_the_outcome_are_a_change_too(weather: Any) -> None:
    weather.project.write("weather.py", WEATHER.replace("tell(q):", "tell(q):\n        q = q"))
    weather.run("--mimic-rerecord", "--mimic-review", version="1")

    result = weather.command("review", answers="s\n")

    assert "the outcome is the same, other facts of the recording have changed" in result.out


def test_a_recording_by_another_test_is_no_change(weather: Any) -> None:
    weather.project.write("test_it.py", ASKING.format(day=1).replace("def test_cassette(", "def test_other("))

    weather.run("--mimic-rerecord", "--mimic-review", version="1")

    assert not (weather.root / FOLDER / "recordings").exists()
    assert weather.command("review").out == "no change waits for a review\n"


def test_what_waits_is_dropped_when_the_vault_has_changed_since(weather: Any) -> None:
    weather.run("--mimic-rerecord", "--mimic-review")
    assert rows_of(weather.root / FOLDER / "changes.json")[0]["tests"] == ["test_it.py::test_it"]
    weather.run("--mimic-rerecord", version="3")

    weather.run("--mimic-record", "--mimic-review", version="3")

    assert not (weather.root / FOLDER / "changes.json").exists()
    assert weather.command("review").out == "no change waits for a review\n"


def test_an_outcome_whose_bytes_are_gone_is_named(weather: Any) -> None:
    weather.project.ini("weather:photo")
    weather.project.write("test_it.py", "import weather\n\ndef test_it():\n    weather.photo(1)\n")
    weather.run("--mimic-record", version="1")
    weather.run("--mimic-verify", "--mimic-review")
    shutil.rmtree(weather.root / FOLDER / "drifts" / "objects")

    result = weather.command("review", answers="s\n")

    assert "is missing" in result.out


def test_a_kept_drift_is_no_recorded_call(shop: Any) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")

    run = shop.run("--mimic-verify", "--mimic-review", "-v")

    assert "drifted shop:ask(question='a')" in run.output
    assert "recorded shop:ask" not in run.output


class _Gone(io.StringIO):
    """Standard output whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_reader_that_goes_is_no_error(
    shop: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.record("import shop\n\ndef test_it():\n    shop.ask('a')\n", "ask")
    shop.run("--mimic-verify", "--mimic-review")
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", _Lines("s\n"))
    monkeypatch.setattr("sys.stdout", _Gone())

    code = main(["review"])

    assert (code, capsys.readouterr().err) == (1, "")
